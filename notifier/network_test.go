package notifier_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/notifiertest"
)

// post makes one request as a channel does.
func post(t *testing.T, ctx context.Context, cfg notifier.Network, url string) *notifier.Answer {
	t.Helper()
	client, err := notifier.NewClient(cfg, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader("the alert"))
	if err != nil {
		t.Fatal(err)
	}
	return notifier.Do(client, req)
}

// secured serves over TLS and counts the requests that it got.
func secured(t *testing.T, cfg *tls.Config) (url string, requests *atomic.Int32) {
	t.Helper()
	requests = new(atomic.Int32)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		requests.Add(1)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = cfg
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL, requests
}

func TestServersThatCannotBeTrustedGetNothing(t *testing.T) {
	ours, theirs := notifiertest.NewAuthority(t), notifiertest.NewAuthority(t)
	tomorrow := time.Now().Add(20 * time.Hour)
	good := ours.Sign(t, "127.0.0.1", tomorrow)
	certified := func(c tls.Certificate) *tls.Config { return &tls.Config{Certificates: []tls.Certificate{c}} }
	only := func(version uint16) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{good}, MinVersion: version, MaxVersion: version}
	}
	tests := []struct {
		name   string
		cfg    notifier.Network
		server *tls.Config
		want   string // in the error; empty where the server is to be trusted
	}{
		{"TLS 1.0", notifier.Network{CAFile: ours.File}, only(tls.VersionTLS10), "protocol version"},
		{"TLS 1.1", notifier.Network{CAFile: ours.File}, only(tls.VersionTLS11), "protocol version"},
		{"TLS 1.2", notifier.Network{CAFile: ours.File}, only(tls.VersionTLS12), ""},
		{"TLS 1.3", notifier.Network{CAFile: ours.File}, only(tls.VersionTLS13), ""},
		{"an authority that nobody knows", notifier.Network{}, certified(good), "network.ca_file"},
		{"another authority than ca_file", notifier.Network{CAFile: theirs.File}, certified(good), "network.ca_file"},
		{"expired", notifier.Network{CAFile: ours.File}, certified(ours.Sign(t, "127.0.0.1", time.Now().Add(-time.Minute))), "expired"},
		{"not yet valid", notifier.Network{CAFile: ours.File}, certified(ours.Sign(t, "127.0.0.1", time.Now().Add(30*time.Hour))), "not yet valid"},
		{"another host", notifier.Network{CAFile: ours.File}, certified(ours.Sign(t, "hooks.example.com", tomorrow)), "127.0.0.1"},
		{"another address", notifier.Network{CAFile: ours.File}, certified(ours.Sign(t, "127.0.0.2", tomorrow)), "127.0.0.2, not 127.0.0.1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			url, requests := secured(t, tt.server)
			failed := post(t, t.Context(), tt.cfg, url).Failure("post")
			if tt.want == "" {
				if failed != nil || requests.Load() != 1 {
					t.Errorf("got %v, %d requests, want none, 1", failed, requests.Load())
				}
				return
			}
			if failed == nil || failed.Reason != notifier.Temporary || failed.Ambiguous || requests.Load() != 0 || !strings.Contains(failed.Error(), tt.want) {
				t.Errorf("got %v, %d requests, want a temporary error with %q and none", failed, requests.Load(), tt.want)
			}
		})
	}
}

func TestCertificateThatSignsItselfIsRefused(t *testing.T) {
	var requests atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS() // with httptest's own
	defer s.Close()
	if failed := post(t, t.Context(), notifier.Network{}, s.URL).Failure("post"); failed == nil || requests.Load() != 0 {
		t.Errorf("got %v, %d requests, want an error and none", failed, requests.Load())
	}
}

func TestClientCertificateIsShown(t *testing.T) {
	ours := notifiertest.NewAuthority(t)
	tomorrow := time.Now().Add(20 * time.Hour)
	wanted := &tls.Config{
		Certificates: []tls.Certificate{ours.Sign(t, "127.0.0.1", tomorrow)},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: ours.Pool,
	}
	url, requests := secured(t, wanted)
	if failed := post(t, t.Context(), notifier.Network{CAFile: ours.File}, url).Failure("post"); failed == nil || requests.Load() != 0 {
		t.Errorf("without one: got %v, %d requests, want an error and none", failed, requests.Load())
	}
	cfg := notifier.Network{CAFile: ours.File}
	cfg.CertFile, cfg.KeyFile = notifiertest.Files(t, ours.Sign(t, "manager.example.com", tomorrow))
	if failed := post(t, t.Context(), cfg, url).Failure("post"); failed != nil || requests.Load() != 1 {
		t.Errorf("with one: got %v, %d requests, want none, 1", failed, requests.Load())
	}
}

func TestHeadersWithoutEndAreRefused(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Padding", strings.Repeat("x", 1<<20))
	}))
	defer s.Close()
	failed := post(t, t.Context(), notifier.Network{}, s.URL).Failure("post")
	if failed == nil || failed.Reason != notifier.Temporary || len(failed.Error()) > 500 {
		t.Errorf("got %.500v, want a short temporary error", failed)
	}
}

// bomb is 64 MiB of nothing, in some 64 KiB.
func bomb(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(make([]byte, 64<<20)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAnswersAreNotInflated(t *testing.T) {
	packed := bomb(t)
	var asked atomic.Value
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.Header.Get("Accept-Encoding"))
		w.Header().Set("Content-Encoding", "gzip") // whatever was asked for
		_, _ = w.Write(packed)
	}))
	defer s.Close()
	answer := post(t, t.Context(), notifier.Network{}, s.URL)
	if answer.Err != nil || len(answer.Body) > len(packed) || !bytes.HasPrefix(packed, answer.Body) {
		t.Errorf("got %d bytes, %v, want no more than travelled", len(answer.Body), answer.Err)
	}
	if got := asked.Load(); got != "" {
		t.Errorf("asked for %q, want nothing", got)
	}
}

// TestAnswerThatDrips gets a byte every now and then, and never an end.
func TestAnswerThatDrips(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		drop := time.NewTicker(5 * time.Millisecond)
		defer drop.Stop()
		for {
			if _, err := io.WriteString(w, "x"); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
				return
			case <-drop.C:
			}
		}
	}))
	defer s.Close()
	late := errors.New("receiver's timeout has passed")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, late)
	defer cancel()
	failed := post(t, ctx, notifier.Network{}, s.URL).Failure("post")
	if !errors.Is(failed, late) || !failed.Ambiguous || failed.Reason != notifier.Temporary {
		t.Errorf("got %v, want the timeout, temporary, and ambiguous: the request had arrived", failed)
	}
}
