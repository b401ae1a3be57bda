package notifier

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

func request(t *testing.T, ctx context.Context, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func TestDoKeepsStatusHeaderAndBody(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, "slow down")
	}))
	defer s.Close()
	a := Do(s.Client(), request(t, t.Context(), s.URL))
	if a.Err != nil || a.Status != 429 || string(a.Body) != "slow down" || a.Header.Get("Retry-After") != "7" {
		t.Errorf("got %+v", a)
	}
	e := a.Failure("post")
	if e.Reason != Temporary || e.RetryAfter.Seconds() != 7 || e.Error() != "post: status 429: slow down" {
		t.Errorf("got %+v: %v", e, e)
	}
}

func TestDoBoundsTheBody(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(bytes.Repeat([]byte("x"), 4*maxAnswer))
	}))
	defer s.Close()
	if a := Do(s.Client(), request(t, t.Context(), s.URL)); a.Err != nil || len(a.Body) != maxAnswer {
		t.Errorf("got %d bytes, %v, want %d", len(a.Body), a.Err, maxAnswer)
	}
}

func TestDoFollowsNoRedirect(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			t.Error("the redirect was followed")
		}
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	defer s.Close()
	client := s.Client()
	a := Do(client, request(t, t.Context(), s.URL))
	e := a.Failure("post")
	if e == nil || e.Reason != Permanent || !strings.Contains(e.Hint, "final address") {
		t.Errorf("got %v", e)
	}
	if client.CheckRedirect != nil {
		t.Error("the caller's client was changed")
	}
}

func TestErrorsOfTheNetworkHoldNoURL(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close() // nobody listens there now
	a := Do(&http.Client{}, request(t, t.Context(), s.URL+"/secret-path"))
	e := a.Failure("post")
	if e == nil || e.Reason != Temporary || e.Ambiguous || strings.Contains(e.Error(), "secret-path") {
		t.Errorf("got %v", e)
	}
	a = Do(&http.Client{}, request(t, t.Context(), "gopher://example.com/secret-path"))
	if e := a.Failure("post"); e == nil || strings.Contains(e.Error(), "secret-path") {
		t.Errorf("got %v", e)
	}
}

func TestErrorNamesTheCauseOfTheContext(t *testing.T) {
	timeout := errors.New("receiver soc: timeout of 10s")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(timeout)
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	e := Do(s.Client(), request(t, ctx, s.URL)).Failure("post")
	if !errors.Is(e, timeout) || e.Ambiguous {
		t.Errorf("got %v, ambiguous %v", e, e.Ambiguous)
	}
}

func TestSuccessIsNoFailure(t *testing.T) {
	for _, status := range []int{200, 201, 202, 204, 299} {
		if e := (&Answer{Status: status}).Failure("post"); e != nil {
			t.Errorf("%d: got %v", status, e)
		}
	}
}

func TestEveryRequestSaysItComesFromUs(t *testing.T) {
	var got string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { got = r.Header.Get("User-Agent") }))
	defer s.Close()
	library := func(req *http.Request) {
		client, _ := Capture(s.Client())
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	tests := []struct {
		name, set string
		send      func(*http.Request)
		want      string
	}{
		{"a request of ours", "", func(req *http.Request) { Do(s.Client(), req) }, "ossec-notify"},
		{"the operator names another", "soc/1", func(req *http.Request) { Do(s.Client(), req) }, "soc/1"},
		{"a library names itself", "library/2", library, "ossec-notify"},
		{"a library names nothing", "", library, "ossec-notify"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req := request(t, t.Context(), s.URL)
			if tt.set != "" {
				req.Header.Set("User-Agent", tt.set)
			}
			tt.send(req)
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if after := req.Header.Get("User-Agent"); after != tt.set {
				t.Errorf("the caller's request was changed: %q", after)
			}
		})
	}
}

func TestSnippet(t *testing.T) {
	tests := []struct{ name, body, want string }{
		{"word", " no_service\n", "no_service"},
		{"control characters", "a\x1b[31m\r\nb\x7fc\xff", "a [31m  b c "},
		{"page", "<!DOCTYPE html><p>no", ""},
		{"empty", "", ""},
		{"long", strings.Repeat("ä", 300), strings.Repeat("ä", 199) + "…"},
	}
	for _, tt := range tests {
		got := Snippet([]byte(tt.body))
		if got != tt.want || !utf8.ValidString(got) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestNewClient(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	defer s.Close()
	dir := t.TempDir()
	ca, broken := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "broken.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	for name, content := range map[string][]byte{ca: block, broken: []byte("no certificate")} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}

	t.Run("unknown authority is refused", func(t *testing.T) {
		client, err := NewClient(Network{}, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		var certificate *tls.CertificateVerificationError
		if e := Do(client, request(t, t.Context(), s.URL)).Failure("post"); !errors.As(e, &certificate) || e.Ambiguous {
			t.Errorf("got %v", e)
		}
	})
	t.Run("ca_file is trusted", func(t *testing.T) {
		client, err := NewClient(Network{CAFile: ca}, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		if e := Do(client, request(t, t.Context(), s.URL)).Failure("post"); e != nil {
			t.Errorf("got %v", e)
		}
	})
	t.Run("the environment names no proxy", func(t *testing.T) {
		t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
		client, err := NewClient(Network{}, nil, 0)
		if err != nil || client.Transport.(*http.Transport).Proxy != nil {
			t.Errorf("got a proxy from the environment, %v", err)
		}
	})
	t.Run("proxy is used", func(t *testing.T) {
		var via string
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { via = r.URL.String() }))
		defer proxy.Close()
		client, err := NewClient(Network{Proxy: PlainSecret(proxy.URL)}, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		if e := Do(client, request(t, t.Context(), "http://receiver.example.com/hook")).Failure("post"); e != nil {
			t.Fatal(e)
		}
		if want := "http://receiver.example.com/hook"; via != want {
			t.Errorf("the proxy was asked for %q, want %q", via, want)
		}
	})
	for name, cfg := range map[string]Network{
		"ca_file: ":                     {CAFile: filepath.Join(dir, "missing.pem")},
		"holds no certificate":          {CAFile: broken},
		"cert_file, network.key_file: ": {CertFile: broken, KeyFile: broken},
		"network.proxy: ":               {Proxy: PlainSecret("proxy.example.com")},
		"network.key_file: ":            {CertFile: broken},
		"network.cert_file: ":           {KeyFile: broken},
	} {
		if _, err := NewClient(cfg, nil, 0); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%+v: got %v, want an error with %q", cfg, err, name)
		}
	}
}
