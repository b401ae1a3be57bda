package notifier_test

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/notifiertest"
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// replace puts a file in the place of another, as who renews certificates does: within a tick of the clock, and of the
// same size perhaps.
func replace(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// with makes one request by a client that is kept, on a connection of its own.
func with(t *testing.T, client *http.Client, url string) *notifier.Error {
	t.Helper()
	client.CloseIdleConnections() // what is connected needs no certificate
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("the alert"))
	if err != nil {
		t.Fatal(err)
	}
	return notifier.Do(client, req).Failure("post")
}

// TestAuthoritiesAreReadAgainWhenTheyChange breaks and mends the file of one client in many ways. Requests wait, and go on
// without anything made anew for them.
func TestAuthoritiesAreReadAgainWhenTheyChange(t *testing.T) {
	ours, theirs := notifiertest.NewAuthority(t), notifiertest.NewAuthority(t)
	url, requests := secured(t, &tls.Config{Certificates: []tls.Certificate{ours.Sign(t, "127.0.0.1", time.Now().Add(20*time.Hour))}})
	good, file := read(t, ours.File), ours.File
	client, err := notifier.NewClient(notifier.Network{CAFile: file}, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseIdleConnections()
	const empty = " holds no certificate in PEM form (write the certificate of the server's authority into it; messages wait until then)"
	for _, tt := range []struct {
		name, content string
		want          string // in the error
	}{
		{"empty", "", file + empty},
		{"another authority's", read(t, theirs.File), "network.ca_file"},
		{"cut in half", good[:len(good)/2], file + empty},
		{"a key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", file + empty},
		{"not there", "-", file + ": no such file"},
	} {
		replace(t, file, tt.content)
		if tt.content == "-" {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}
		got := with(t, client, url)
		if got == nil || got.Reason != notifier.Temporary || got.Ambiguous || !strings.Contains(got.Error(), tt.want) || requests.Swap(0) != 0 {
			t.Errorf("%s: got %v, want a temporary error with %q", tt.name, got, tt.want)
		}
		replace(t, file, good)
		if got := with(t, client, url); got != nil || requests.Swap(0) != 1 {
			t.Errorf("%s, mended: got %v", tt.name, got)
		}
	}
}

func TestClientCertificateIsReadAgainWhenItChanges(t *testing.T) {
	ours := notifiertest.NewAuthority(t)
	tomorrow := time.Now().Add(20 * time.Hour)
	first, second := ours.Sign(t, "first.example.com", tomorrow), ours.Sign(t, "second.example.com", tomorrow)
	shown := make(chan []byte, 1)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { shown <- r.TLS.PeerCertificates[0].Raw }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{ours.Sign(t, "127.0.0.1", tomorrow)}, ClientAuth: tls.RequireAnyClientCert}
	s.StartTLS()
	defer s.Close()
	dir := t.TempDir()
	cfg := notifier.Network{CAFile: ours.File, CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	lay := func(certificate, key tls.Certificate) {
		t.Helper()
		certFile, _ := notifiertest.Files(t, certificate)
		_, keyFile := notifiertest.Files(t, key)
		replace(t, cfg.CertFile, read(t, certFile))
		replace(t, cfg.KeyFile, read(t, keyFile))
	}
	lay(first, first)
	client, err := notifier.NewClient(cfg, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseIdleConnections()
	for _, of := range []tls.Certificate{first, second} {
		lay(of, of)
		if failed := with(t, client, s.URL); failed != nil {
			t.Fatal(failed)
		}
		if !slices.Equal(<-shown, of.Certificate[0]) {
			t.Error("the server saw another certificate")
		}
		lay(first, second) // half of it is renewed
		got := with(t, client, s.URL)
		want := "network.cert_file, network.key_file: " + cfg.CertFile + " and " + cfg.KeyFile + " are not a certificate and its key"
		if got == nil || got.Reason != notifier.Temporary || !strings.Contains(got.Error(), want) || !strings.Contains(got.Hint+got.Error(), "messages wait until then") {
			t.Errorf("got %v, want a temporary error with %q", got, want)
		}
	}
}
