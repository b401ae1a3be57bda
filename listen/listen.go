// Package listen owns what holds for every HTTP server of this program: by which names it may be asked, and how much one who
// connects can keep busy. Who may ask for what, by a token or a cookie, is each server's own.
package listen

import (
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Limits bound what one who connects can keep busy.
type Limits struct {
	Header, Read, Write, Idle time.Duration
	HeaderBytes               int
	Connections               int // at once; who comes beyond that is turned away
}

// Usual are limits for a server that answers at once and in short.
func Usual() Limits {
	return Limits{
		Header: 5 * time.Second, Read: 10 * time.Second, Write: 30 * time.Second, Idle: time.Minute,
		HeaderBytes: 16 << 10, Connections: 64,
	}
}

// Server is an HTTP server with the limits; its listener is to be that of [Limits.Listener].
func (l Limits) Server(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: l.Header, ReadTimeout: l.Read, WriteTimeout: l.Write, IdleTimeout: l.Idle,
		MaxHeaderBytes: l.HeaderBytes,
	}
}

// Listener takes so many connections of another at once. One more is closed at once: who waited in a queue behind
// connections that say nothing would not know why.
func (l Limits) Listener(of net.Listener) net.Listener {
	return &boundListener{Listener: of, free: make(chan struct{}, l.Connections)}
}

type boundListener struct {
	net.Listener
	free chan struct{}
}

func (l *boundListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case l.free <- struct{}{}:
			return &boundConn{Conn: conn, release: sync.OnceFunc(func() { <-l.free })}, nil
		default:
			_ = conn.Close()
		}
	}
}

type boundConn struct {
	net.Conn
	release func()
}

func (c *boundConn) Close() error {
	defer c.release()
	return c.Conn.Close()
}

// Loopback reports whether only this host reaches what listens at a host: localhost, or an address of its own.
func Loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// FitHost reports whether a request that is addressed to a host is meant for us. A page of any site can point its own
// name at an address of this host and then read what we answer, but its name is in the request. An address in place of
// a name cannot be pointed elsewhere; where only this host reaches us, it has to be one of this host's all the same.
// Programs that are no browsers may leave the header out.
func FitHost(header, listen string, names []string) bool {
	name := header
	if h, _, err := net.SplitHostPort(header); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.Trim(name, "[]"), ".")
	host, _, _ := net.SplitHostPort(listen)
	same := func(other string) bool { return strings.EqualFold(name, strings.Trim(other, "[]")) }
	switch {
	case name == "", Loopback(name), host != "" && same(host), slices.ContainsFunc(names, same):
		return true
	case net.ParseIP(name) != nil:
		return !Loopback(host)
	}
	return false
}
