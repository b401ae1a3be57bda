package syslog

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/notifiertest"
	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// guard ends a test that hangs. No test waits for it otherwise.
const guard = 20 * time.Second

// collector is a server of syslog over connections: it reads frames with their lengths.
type collector struct {
	net.Listener
	messages chan string
	ended    chan error // of connections: io.EOF is an end in good order

	mu    sync.Mutex
	conns []net.Conn
}

func collect(t *testing.T, config *tls.Config) *collector {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &collector{Listener: l, messages: make(chan string, 1000), ended: make(chan error, 100)}
	if config != nil {
		c.Listener = tls.NewListener(l, config)
	}
	go func() {
		for {
			conn, err := c.Accept()
			if err != nil {
				return
			}
			c.mu.Lock()
			c.conns = append(c.conns, conn)
			c.mu.Unlock()
			go c.read(conn)
		}
	}()
	t.Cleanup(c.stop)
	return c
}

func (c *collector) read(conn net.Conn) {
	in := bufio.NewReader(conn)
	for {
		var n int
		if _, err := fmt.Fscanf(in, "%d ", &n); err != nil {
			c.ended <- err
			return
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(in, b); err != nil {
			c.ended <- err
			return
		}
		c.messages <- string(b)
	}
}

// hangUp closes all connections, with a reset where it is asked for.
func (c *collector) hangUp(reset bool) (closed int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		if tcp, ok := conn.(*net.TCPConn); ok && reset {
			_ = tcp.SetLinger(0)
		}
		conn.Close()
	}
	closed = len(c.conns)
	c.conns = nil
	return closed
}

func (c *collector) stop() {
	c.Close()
	c.hangUp(false)
}

func (c *collector) next(t *testing.T) string { return received(t, c.messages, "no message came") }

func received[T any](t *testing.T, c <-chan T, otherwise string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(guard):
		t.Fatal(otherwise)
		panic("unreachable")
	}
}

func attempt(t *testing.T, s *Notifier) *notifier.Error {
	t.Helper()
	_, err := s.Notify(t.Context(), bruteForce())
	if err == nil {
		return nil
	}
	var e *notifier.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a notifier.Error", err)
	}
	return e
}

func TestMessagesShareAConnection(t *testing.T) {
	c := collect(t, nil)
	s := newNotifier(t, Config{Address: "tcp://" + c.Addr().String()})
	for range 20 {
		if err := attempt(t, s); err != nil {
			t.Fatal(err)
		}
		if got, want := c.next(t), message(t, Config{}, bruteForce()); got != want {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	}
	if n := c.hangUp(false); n != 1 {
		t.Errorf("%d connections for 20 messages, want 1", n)
	}
}

// Neither an end in good order nor a reset costs a message: the connection is looked at before each.
func TestConnectionThatTheServerClosedIsNotUsed(t *testing.T) {
	for _, reset := range []bool{false, true} {
		c := collect(t, nil)
		s := newNotifier(t, Config{Address: "tcp://" + c.Addr().String()})
		for i := range 10 {
			if err := attempt(t, s); err != nil {
				t.Fatalf("message %d: %v", i, err)
			}
			c.next(t)
			if n := c.hangUp(reset); n != 1 {
				t.Fatalf("%d connections, want 1", n)
			}
			waitForEnd(t, s)
		}
	}
}

// waitForEnd waits until this host knows that the connection is closed, without taking anything from it.
func waitForEnd(t *testing.T, s *Notifier) {
	t.Helper()
	for deadline := time.Now().Add(guard); time.Now().Before(deadline); {
		if s.link.stands(0) != nil {
			return
		}
	}
	t.Fatal("the end of the connection is never seen")
}

func TestServerThatDiesUnderAMessage(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = io.ReadFull(conn, make([]byte, 10))
		_ = conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	}()
	s := newNotifier(t, Config{Address: "tcp://" + l.Addr().String(), MaxBytes: 10_000_000})
	n := bruteForce()
	n.Parts["message.json"] = words(map[string]string{"x": `{"log":"` + strings.Repeat("x", 9_000_000) + `"}`})["x"]
	_, err = s.Notify(t.Context(), n)
	if got := notifier.Classify(err); err == nil || got.Reason != notifier.Temporary || !got.Ambiguous {
		t.Errorf("got %v, want a temporary error that is ambiguous", err)
	}
}

func TestNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	socket := filepath.Join(t.TempDir(), "none")
	for _, address := range []string{"tcp://" + l.Addr().String(), "tls://" + l.Addr().String(), "udp://" + l.Addr().String(), "unix://" + socket} {
		got := attempt(t, newNotifier(t, Config{Address: address}))
		if got == nil || got.Reason != notifier.Temporary || got.Ambiguous || !strings.Contains(got.Error(), address) {
			t.Errorf("%s: got %v, want a temporary error that names it", address, got)
		}
	}
}

// An attempt ends with its context, whatever the server does not do, and says why.
func TestAttemptEndsWithItsContext(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // it accepts, and reads nothing
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	large := make([]byte, 64<<20)
	for scheme, begun := range map[string]bool{"tcp": true, "tls": false} {
		s := newNotifier(t, Config{Address: scheme + "://" + l.Addr().String(), MaxBytes: maxStream})
		timeout := errors.New("receiver's timeout has passed")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 300*time.Millisecond, timeout)
		defer cancel()
		result := make(chan error, 1)
		go func() {
			result <- s.link.send(ctx, large)
		}()
		err := received(t, result, "Notify goes on after its context has ended")
		if got := notifier.Classify(err); got.Reason != notifier.Temporary || !errors.Is(err, timeout) || got.Ambiguous != begun {
			t.Errorf("%s: got %v, ambiguous %v; want temporary, %v, with the context's cause", scheme, err, got.Ambiguous, begun)
		}
	}
	c := collect(t, nil)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	s := newNotifier(t, Config{Address: "tcp://" + c.Addr().String()})
	_, err = s.Notify(ended, bruteForce())
	if got := notifier.Classify(err); err == nil || got.Ambiguous || got.Reason != notifier.Temporary || c.hangUp(false) != 0 {
		t.Errorf("a context that has ended: got %v, want a temporary error and no connection", err)
	}
}

func TestTLS(t *testing.T) {
	ours, theirs := notifiertest.NewAuthority(t), notifiertest.NewAuthority(t)
	tomorrow := time.Now().Add(20 * time.Hour)
	good := ours.Sign(t, "127.0.0.1", tomorrow)
	certFile, keyFile := notifiertest.Files(t, ours.Sign(t, "manager.example.com", tomorrow))
	strange, strangeKey := notifiertest.Files(t, theirs.Sign(t, "manager.example.com", tomorrow))
	with := func(c tls.Certificate, change func(*tls.Config)) *tls.Config {
		config := &tls.Config{Certificates: []tls.Certificate{c}}
		if change != nil {
			change(config)
		}
		return config
	}
	asks := func(c *tls.Config) { c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, ours.Pool }
	asksOld := func(c *tls.Config) { asks(c); c.MaxVersion = tls.VersionTLS12 }
	for _, tt := range []struct {
		name   string
		server *tls.Config
		cfg    Config
		want   string
	}{
		{"trusted", with(good, nil), Config{CAFile: ours.File}, ""},
		{"TLS 1.2", with(good, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }), Config{CAFile: ours.File}, ""},
		{"TLS 1.1", with(good, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }), Config{CAFile: ours.File}, "protocol version"},
		{"an authority that nobody knows", with(good, nil), Config{}, "(give the certificate of the server's authority in ca_file)"},
		{"another authority", with(good, nil), Config{CAFile: theirs.File}, "(give the certificate of the server's authority in ca_file)"},
		{"expired", with(ours.Sign(t, "127.0.0.1", time.Now().Add(-time.Minute)), nil), Config{CAFile: ours.File}, "(the server's certificate does not hold"},
		{"another host", with(ours.Sign(t, "siem.example.com", tomorrow), nil), Config{CAFile: ours.File}, "(write the name that the certificate is for in the setting address)"},
		{"asked for a certificate that there is", with(good, asks), Config{CAFile: ours.File, CertFile: certFile, KeyFile: keyFile}, ""},
		{"asked for a certificate", with(good, asks), Config{CAFile: ours.File}, "(the server refuses our certificate, or wants one"},
		{"refused certificate", with(good, asks), Config{CAFile: ours.File, CertFile: strange, KeyFile: strangeKey}, "(the server refuses our certificate, or wants one"},
		{"refused certificate, TLS 1.2", with(good, asksOld), Config{CAFile: ours.File, CertFile: strange, KeyFile: strangeKey}, "(the server refuses our certificate, or wants one"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := collect(t, tt.server)
			tt.cfg.Address = "tls://" + c.Addr().String()
			s := newNotifier(t, tt.cfg)
			got, probed := attempt(t, s), newNotifier(t, tt.cfg).Probe(t.Context())
			if tt.want == "" {
				if got != nil || probed != nil {
					t.Fatalf("got %v, probed %v", got, probed)
				}
				if want := message(t, Config{}, bruteForce()); c.next(t) != want {
					t.Error("another message arrived")
				}
				s.link.close()
				if err := received(t, c.ended, "the connection is not closed"); !errors.Is(err, io.EOF) {
					t.Errorf("the server is told %v, want that the connection ends in good order", err)
				}
				return
			}
			if got == nil || got.Reason != notifier.Temporary || got.Ambiguous || !strings.Contains(got.Error(), tt.want) || len(c.messages) > 0 {
				t.Errorf("got %+v, want a temporary error with %q, and no message", got, tt.want)
			}
			if probed == nil {
				t.Error("Probe sees nothing wrong")
			}
		})
	}
}

func TestServerWithoutTLS(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
		}
	}()
	if got := attempt(t, newNotifier(t, Config{Address: "tls://" + l.Addr().String()})); got == nil || got.Reason != notifier.Misconfigured || got.Ambiguous {
		t.Errorf("got %v, want that the receiver is misconfigured", got)
	}
}

func TestServerThatTalksWithoutEnd(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				for err == nil {
					_, err = conn.Write(make([]byte, 64<<10))
				}
			}()
		}
	}()
	s := newNotifier(t, Config{Address: "tcp://" + l.Addr().String()})
	for range 100 { // until what it says has come
		if got := attempt(t, s); got != nil {
			if got.Reason != notifier.Temporary || !strings.Contains(got.Error(), "the server talks") {
				t.Errorf("got %v, want a temporary error that says why", got)
			}
			return
		}
	}
	t.Error("its talk is never noticed")
}

func TestDatagrams(t *testing.T) {
	in, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	socket := filepath.Join(t.TempDir(), "log")
	local, err := net.ListenPacket("unixgram", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	for address, from := range map[string]net.PacketConn{"udp://" + in.LocalAddr().String(): in, "unix://" + socket: local} {
		s := newNotifier(t, Config{Address: address})
		if err := s.Probe(t.Context()); err != nil {
			t.Errorf("%s: probe: %v", address, err)
		}
		for range 3 {
			if err := attempt(t, s); err != nil {
				t.Fatalf("%s: %v", address, err)
			}
			b := make([]byte, 64<<10)
			_ = from.SetReadDeadline(time.Now().Add(guard))
			n, _, err := from.ReadFrom(b)
			if want := message(t, Config{Address: address}, bruteForce()); err != nil || string(b[:n]) != want {
				t.Errorf("%s: got %q, %v; want %q", address, b[:n], err, want)
			}
		}
	}
}

// A local syslog that is started again has another socket at the same path: the next message finds it.
func TestSocketThatWasMadeAnew(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "log")
	s := newNotifier(t, Config{Address: "unix://" + socket})
	for range 2 {
		l, err := net.ListenPacket("unixgram", socket)
		if err != nil {
			t.Fatal(err)
		}
		if err := attempt(t, s); err != nil {
			t.Error(err)
		}
		l.Close()
		if err := os.Remove(socket); err != nil {
			t.Fatal(err)
		}
	}
}

func TestConnectionThatNobodyUsesIsClosed(t *testing.T) {
	ours := notifiertest.NewAuthority(t)
	c := collect(t, &tls.Config{Certificates: []tls.Certificate{ours.Sign(t, "127.0.0.1", time.Now().Add(time.Hour))}})
	s := newNotifier(t, Config{Address: "tls://" + c.Addr().String(), CAFile: ours.File, Idle: yamlnode.Duration(20 * time.Millisecond)})
	for range 2 {
		if err := attempt(t, s); err != nil {
			t.Fatal(err)
		}
		c.next(t)
		if err := received(t, c.ended, "the connection is kept"); !errors.Is(err, io.EOF) {
			t.Errorf("the server is told %v, want that the connection ends in good order", err)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	c := collect(t, nil)
	s := newNotifier(t, Config{Address: "tcp://" + c.Addr().String()})
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if err := attempt(t, s); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	want := message(t, Config{}, bruteForce())
	for range 50 {
		if got := c.next(t); got != want {
			t.Fatalf("got %q", got)
		}
	}
}

func TestEgressHolds(t *testing.T) {
	c := collect(t, nil)
	s, err := New(Config{Address: "tcp://" + c.Addr().String()}, notifier.NewEgress().Dial)
	if err != nil {
		t.Fatal(err)
	}
	if got := attempt(t, s); got == nil || got.Reason != notifier.Misconfigured || !strings.Contains(got.Error(), "egress") || c.hangUp(false) != 0 {
		t.Errorf("got %v, want that the address is not in the list, and no connection", got)
	}
}
