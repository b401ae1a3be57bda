package notifiertest

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
)

func (c Case) refused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String()
	l.Close() // nobody listens there now
	_, err = c.New(t, url, newClient(t)).Notify(t.Context(), c.Notification)
	got := c.failed(t, err)
	if got.Reason != notifier.Temporary || got.Ambiguous {
		t.Errorf("got %v, ambiguous %v, want temporary, false: %v", got.Reason, got.Ambiguous, err)
	}
}

func (c Case) breaksBefore(t *testing.T) {
	url, client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		hangUp(t, w, "")
	})
	_, err := c.New(t, url, client).Notify(t.Context(), c.Notification)
	c.ambiguous(t, err)
}

func (c Case) breaksInside(t *testing.T) {
	url, client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		hangUp(t, w, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"ok")
	})
	_, err := c.New(t, url, client).Notify(t.Context(), c.Notification)
	c.ambiguous(t, err)
}

// hangUp resets the connection after it wrote the beginning of an answer.
func hangUp(t *testing.T, w http.ResponseWriter, beginning string) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, beginning)
	if beginning == "" {
		_ = conn.(*net.TCPConn).SetLinger(0) // a reset, not an orderly end
	}
}

// ambiguous checks an attempt of which nobody knows whether it arrived.
func (c Case) ambiguous(t *testing.T, err error) {
	t.Helper()
	got, want := c.failed(t, err), !slices.Contains(c.Traceless, c.Notification.Action)
	if got.Reason != notifier.Temporary || got.Ambiguous != want {
		t.Errorf("got %v, ambiguous %v, want temporary, %v: %v", got.Reason, got.Ambiguous, want, err)
	}
}

// slow cancels the attempt once the server has the request and has begun to answer.
func (c Case) slow(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	url, client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(w, `{"ok`)
		_ = http.NewResponseController(w).Flush()
		close(arrived)
		<-release
	})
	defer close(release)
	n := c.New(t, url, client)
	timeout := errors.New("receiver's timeout has passed")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	result := make(chan error, 1)
	go func() {
		_, err := n.Notify(ctx, c.Notification)
		result <- err
	}()
	select {
	case <-arrived:
	case err := <-result:
		t.Fatalf("Notify returned before the server answered: %v", err)
	case <-time.After(guard):
		t.Fatal("the server got no request")
	}
	cancel(timeout)
	select {
	case err := <-result:
		c.ambiguous(t, err)
		if !errors.Is(err, timeout) {
			t.Errorf("the error does not wrap the cause of the context: %v", err)
		}
	case <-time.After(guard):
		t.Fatal("Notify goes on after its context has ended")
	}
}

func (c Case) ended(t *testing.T) {
	var requests atomic.Int32
	url, client := serve(t, func(w http.ResponseWriter, r *http.Request) { requests.Add(1) })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.New(t, url, client).Notify(ctx, c.Notification)
	got := c.failed(t, err)
	if got.Reason != notifier.Temporary || got.Ambiguous || requests.Load() != 0 {
		t.Errorf("got %v, ambiguous %v, %d requests, want temporary, false, 0: %v", got.Reason, got.Ambiguous, requests.Load(), err)
	}
}

// endless answers with 10 MB and counts, on the client's side, how much of it is read.
func (c Case) endless(t *testing.T) {
	const answer, atMost = 10 << 20, 1 << 20
	url, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusBadRequest)
		block := make([]byte, 64<<10)
		for i := range block {
			block[i] = 'x'
		}
		for sent := 0; sent < answer; sent += len(block) {
			if _, err := w.Write(block); err != nil {
				return // the client has hung up, as it should
			}
		}
	})
	var read atomic.Int64
	client := newClient(t)
	client.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return &countingConn{conn, &read}, err
	}
	_, err := c.New(t, url, client).Notify(t.Context(), c.Notification)
	c.failed(t, err)
	if n := read.Load(); n > atMost {
		t.Errorf("read %d bytes of the answer, want at most %d", n, atMost)
	}
}

type countingConn struct {
	net.Conn
	read *atomic.Int64
}

func (c *countingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.read.Add(int64(n))
	return n, err
}

func (c Case) reuse(t *testing.T) {
	s, connections := counted(c.accept)
	t.Cleanup(s.Close)
	n := c.New(t, s.URL, newClient(t))
	for range 10 {
		if _, err := n.Notify(t.Context(), c.Notification); err != nil {
			t.Fatal(err)
		}
	}
	if got := connections.Load(); got != 1 {
		t.Errorf("10 attempts one after the other took %d connections, want 1", got)
	}
}

// concurrent has several attempts in flight at once. The first of each worker wait for one another, so that
// there are as many connections as workers; all that follow must find one of these idle.
func (c Case) concurrent(t *testing.T) {
	const workers, each = 8, 5
	var first sync.WaitGroup
	first.Add(workers)
	var requests atomic.Int32
	s, connections := counted(func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) <= workers {
			first.Done()
			first.Wait()
		}
		c.accept(w, r)
	})
	t.Cleanup(s.Close)
	n := c.New(t, s.URL, newClient(t))
	failures := make(chan error, workers*each)
	var done sync.WaitGroup
	for range workers {
		done.Go(func() {
			for range each {
				if _, err := n.Notify(t.Context(), c.Notification); err != nil {
					failures <- err
				}
			}
		})
	}
	done.Wait()
	close(failures)
	for err := range failures {
		t.Error(err)
	}
	if got, want := requests.Load(), int32(workers*each); got != want {
		t.Errorf("got %d requests, want %d", got, want)
	}
	if got := connections.Load(); got > workers {
		t.Errorf("%d attempts at a time took %d connections", workers, got)
	}
}

// counted starts a server that counts the connections made to it.
func counted(h http.HandlerFunc) (*httptest.Server, *atomic.Int32) {
	var connections atomic.Int32
	s := httptest.NewUnstartedServer(h)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s.Start()
	return s, &connections
}
