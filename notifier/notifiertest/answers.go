package notifiertest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
)

func (c Case) success(t *testing.T) {
	var requests atomic.Int32
	url, client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if got, want := r.Header.Get("User-Agent"), "ossec-notify"; got != want {
			t.Errorf("the request comes from %q, want %q", got, want)
		}
		c.accept(w, r)
	})
	before := fmt.Sprintf("%#v", c.Notification)
	receipt, err := c.New(t, url, client).Notify(t.Context(), c.Notification)
	if err != nil {
		t.Fatalf("got error %v, want none", err)
	}
	if receipt.Status < 200 || receipt.Status > 299 {
		t.Errorf("receipt has status %d, want 2xx", receipt.Status)
	}
	if got := requests.Load(); got != 1 {
		t.Errorf("got %d requests, want 1: the queue repeats, not the channel", got)
	}
	if after := fmt.Sprintf("%#v", c.Notification); after != before {
		t.Errorf("Notify changed the notification:\n%s\nwas\n%s", after, before)
	}
}

func (c Case) proxyPage(t *testing.T) {
	if c.AnyBody {
		t.Skip("every 2xx is a success here")
	}
	url, client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!DOCTYPE html><title>Please log in</title>")
	})
	if _, err := c.New(t, url, client).Notify(t.Context(), c.Notification); err == nil {
		t.Error("a page that is not the vendor's answer passed for success")
	}
}

func (c Case) statuses(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 408, 410, 413, 429, 500, 502, 503, 504} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			url, client := serve(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				c.Refuse(w, status)
			})
			_, err := c.New(t, url, client).Notify(t.Context(), c.Notification)
			got := c.failed(t, err)
			if want := c.reason(status); got.Reason != want {
				t.Errorf("got %v, want %v: %v", got.Reason, want, err)
			}
			if got.Status != status {
				t.Errorf("got status %d, want %d", got.Status, status)
			}
			if got.Ambiguous {
				t.Error("ambiguous, though the server answered")
			}
			if !strings.Contains(err.Error(), fmt.Sprint(status)) {
				t.Errorf("the error does not name the status: %v", err)
			}
		})
	}
}

func (c Case) retryAfter(t *testing.T) {
	date := time.Date(2026, 11, 23, 13, 28, 22, 0, time.UTC) // not now: the server's clock counts, not ours
	tests := []struct {
		name   string
		status int
		value  string
		want   time.Duration
	}{
		{"seconds", 429, "7", 7 * time.Second},
		{"date", 429, date.Add(90 * time.Second).Format(http.TimeFormat), 90 * time.Second},
		{"seconds when unavailable", 503, "30", 30 * time.Second},
		{"absurd", 429, "31536000", notifier.MaxRetryAfter},
		{"nonsense", 429, "soon", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			url, client := serve(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.Header().Set("Retry-After", tt.value)
				w.Header().Set("Date", date.Format(http.TimeFormat))
				c.Refuse(w, tt.status)
			})
			_, err := c.New(t, url, client).Notify(t.Context(), c.Notification)
			got := c.failed(t, err)
			if got.Reason != notifier.Temporary {
				t.Errorf("got %v, want temporary: %v", got.Reason, err)
			}
			if got.RetryAfter != tt.want {
				t.Errorf("got RetryAfter %v, want %v", got.RetryAfter, tt.want)
			}
		})
	}
}

func (c Case) redirects(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			var followed atomic.Bool
			elsewhere, _ := serve(t, func(w http.ResponseWriter, r *http.Request) { followed.Store(true) })
			url, client := serve(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				http.Redirect(w, r, elsewhere+r.URL.Path, status)
			})
			_, err := c.New(t, url, client).Notify(t.Context(), c.Notification)
			want, own := c.Reasons[status]
			if !own {
				want = notifier.Permanent
			}
			if got := c.failed(t, err); got.Reason != want {
				t.Errorf("got %v, want %v: %v", got.Reason, want, err)
			}
			if followed.Load() {
				t.Error("the redirect was followed")
			}
		})
	}
}

// secrets lets the server echo everything that it was sent and everything that it should not know.
func (c Case) secrets(t *testing.T) {
	if len(c.Secrets) == 0 {
		t.Skip("the case names no secrets")
	}
	shapes := map[string]func(echo string) []byte{
		"text": func(echo string) []byte { return []byte(echo) },
		"json": func(echo string) []byte {
			b, err := json.Marshal(map[string]any{
				"ok": false, "status": echo, "message": echo, "error": echo, "text": echo,
				"errors": []string{echo}, "response_metadata": map[string]any{"messages": []string{echo}},
			})
			if err != nil {
				t.Fatal(err)
			}
			return b
		},
	}
	for shape, render := range shapes {
		for _, status := range []int{200, 302, 400, 401, 403, 404, 429, 500, 503} {
			t.Run(fmt.Sprintf("%s %d", shape, status), func(t *testing.T) {
				url, client := serve(t, func(w http.ResponseWriter, r *http.Request) {
					body, _ := io.ReadAll(r.Body)
					echo := strings.Join(c.Secrets, " ") + " " + r.Header.Get("Authorization") + " " + r.URL.String() + " " + string(body)
					if shape == "json" {
						w.Header().Set("Content-Type", "application/json")
					}
					w.Header().Set("Location", "http://"+r.Host+r.URL.String())
					w.WriteHeader(status)
					_, _ = w.Write(render(echo))
				})
				receipt, err := c.New(t, url, client).Notify(t.Context(), c.Notification)
				if err != nil {
					c.failed(t, err)
				}
				c.noSecret(t, fmt.Sprintf("%+v", receipt))
			})
		}
	}
}

// cut lets the server's answer, or what is read of it, end within a secret.
func (c Case) cut(t *testing.T) {
	const readOfAnAnswer = 64 << 10 // bytes, the most
	for _, secret := range c.Secrets {
		if len(secret) < 8 {
			continue
		}
		half := secret[:(len(secret)+1)/2]
		for name, body := range map[string]string{
			"what is read":        strings.Repeat(" ", readOfAnAnswer-len(secret)+1) + secret + " is wrong",
			"what is read, early": strings.Repeat(" ", readOfAnAnswer-len(half)) + secret + " is wrong",
			"the answer":          "who is " + secret[:len(secret)-1],
			"a quotation":         `{"error":"who is ` + half,
		} {
			for _, status := range []int{400, 503} {
				t.Run(fmt.Sprintf("%s %d", name, status), func(t *testing.T) {
					url, client := serve(t, func(w http.ResponseWriter, r *http.Request) {
						_, _ = io.Copy(io.Discard, r.Body)
						w.WriteHeader(status)
						_, _ = io.WriteString(w, body)
					})
					_, err := c.New(t, url, client).Notify(t.Context(), c.Notification)
					c.failed(t, err)
					if strings.Contains(err.Error(), half) {
						t.Errorf("half of the secret %q stands in %q", secret, err)
					}
				})
			}
		}
	}
}

// broken expects that the message waits, and that nothing is sent: the server would only be asked to guess.
func (c Case) broken(t *testing.T) {
	for name, newNotifier := range c.Broken {
		t.Run(name, func(t *testing.T) {
			var requests atomic.Int32
			url, client := serve(t, func(http.ResponseWriter, *http.Request) { requests.Add(1) })
			_, err := newNotifier(t, url, client).Notify(t.Context(), c.Notification)
			if got := c.failed(t, err); got.Reason != notifier.Temporary || got.Ambiguous || requests.Load() != 0 {
				t.Errorf("got %v, ambiguous %v, %d requests, want temporary, false, 0: %v", got.Reason, got.Ambiguous, requests.Load(), err)
			}
		})
	}
}

// failed checks what holds for every error, and returns it.
func (c Case) failed(t *testing.T, err error) *notifier.Error {
	t.Helper()
	if err == nil {
		t.Fatal("got no error, want one")
	}
	e := notifier.Classify(err)
	c.noSecret(t, err.Error())
	c.noSecret(t, e.Code+" "+e.Hint)
	if n := len(err.Error()); n > 2000 {
		t.Errorf("the error has %d bytes: no log wants the whole answer", n)
	}
	if strings.ContainsAny(err.Error(), "\n\r\x1b") {
		t.Errorf("the error is not one line of plain text: %q", err)
	}
	return e
}

func (c Case) noSecret(t *testing.T, text string) {
	t.Helper()
	for _, s := range c.Secrets {
		if s != "" && strings.Contains(text, s) {
			t.Errorf("the secret %q stands in %q", s, text)
		}
	}
}
