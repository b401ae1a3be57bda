package notifier

import (
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// TestRootsAreReadOnce has a process of its own, whose system trusts the server by a file. The file is gone when a
// second receiver shakes hands.
func TestRootsAreReadOnce(t *testing.T) {
	const url, roots = "NOTIFIER_TEST_URL", "SSL_CERT_FILE"
	if os.Getenv(url) != "" {
		for range 2 {
			client, err := NewClient(Network{}, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			if e := Do(client, request(t, t.Context(), os.Getenv(url))).Failure("post"); e != nil {
				t.Fatal(e)
			}
			client.CloseIdleConnections()
			if err := os.RemoveAll(os.Getenv(roots)); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	var opened atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	s.StartTLS()
	defer s.Close()
	file := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestRootsAreReadOnce$")
	cmd.Env = append(os.Environ(), url+"="+s.URL, roots+"="+file, "SSL_CERT_DIR="+t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if n := opened.Load(); n != 2 {
		t.Errorf("%d connections, want 2: the second handshake needs the roots", n)
	}
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	const workers, each = 8, 25
	var opened atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(make([]byte, maxAnswer+100)) // more than is kept of an answer
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	s.StartTLS()
	defer s.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	client, err := NewClient(Network{CAFile: ca}, nil, workers)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for range each {
				if e := Do(client, request(t, t.Context(), s.URL)).Failure("post"); e != nil {
					t.Error(e)
				}
			}
		})
	}
	group.Wait()
	if n := opened.Load(); n > workers {
		t.Errorf("%d connections for %d requests, want at most the %d that are in flight", n, workers*each, workers)
	}
}
