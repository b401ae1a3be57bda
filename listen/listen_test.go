package listen_test

import (
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/listen"
)

func TestFitHost(t *testing.T) {
	for _, tc := range []struct {
		header, listen string
		names          []string
		want           bool
	}{
		{"127.0.0.1:9720", "127.0.0.1:9720", nil, true},
		{"localhost:1", "127.0.0.1:9720", nil, true}, // through a tunnel
		{"LOCALHOST.", "127.0.0.1:9720", nil, true},
		{"[::1]:9720", "127.0.0.1:9720", nil, true},
		{"", "127.0.0.1:9720", nil, true},
		{"evil.example.com", "127.0.0.1:9720", nil, false},
		{"127.0.0.1.example.com", "127.0.0.1:9720", nil, false},
		{"192.0.2.7", "127.0.0.1:9720", nil, false},
		{"192.0.2.7", ":9720", nil, true},
		{"siem.example.com:80", ":9720", []string{"SIEM.example.com"}, true},
		{"siem.example.com:80", ":9720", nil, false},
		{"[2001:db8::1]:80", "[2001:db8::1]:80", nil, true},
	} {
		if got := listen.FitHost(tc.header, tc.listen, tc.names); got != tc.want {
			t.Errorf("%q at %s: got %v", tc.header, tc.listen, got)
		}
	}
}

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{"127.0.0.1": true, "127.9.9.9": true, "::1": true, "localhost": true, "LocalHost": true, "": false, "0.0.0.0": false, "192.0.2.1": false, "localhost.example.com": false} {
		if got := listen.Loopback(host); got != want {
			t.Errorf("%q: got %v", host, got)
		}
	}
}

// One connection more than the limit is closed at once, and one that ends makes room.
func TestConnectionsAreBounded(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	limits := listen.Usual()
	limits.Connections = 1
	s := limits.Server(http.NotFoundHandler())
	defer s.Close()
	go func() { _ = s.Serve(limits.Listener(l)) }() // ends with Close
	dial := func() net.Conn {
		t.Helper()
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		return c
	}
	answers := func(c net.Conn) bool {
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
		_, err := c.Read(make([]byte, 1))
		return err == nil
	}
	first := dial()
	if !answers(first) {
		t.Fatal("the first gets no answer")
	}
	second := dial()
	if answers(second) {
		t.Error("the second gets an answer, too")
	}
	second.Close()
	first.Close()
	for until := time.Now().Add(20 * time.Second); ; { // the server notices soon
		c := dial()
		ok := answers(c)
		c.Close()
		if ok {
			return
		}
		if time.Now().After(until) {
			t.Fatal("the place is not free again")
		}
	}
}
