package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// What holds for every HTTP server of ours: who may ask it, and how much it takes.

// listenLimits bound what one who connects can keep busy.
type listenLimits struct {
	header, read, write, idle time.Duration
	headerBytes               int
	connections               int // at once; who comes beyond that is turned away
}

var usualLimits = listenLimits{
	header: 5 * time.Second, read: 10 * time.Second, write: 30 * time.Second, idle: time.Minute,
	headerBytes: 16 << 10, connections: 64,
}

// server is an HTTP server with the limits; its listener is to be l.listener's.
func (l listenLimits) server(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: l.header, ReadTimeout: l.read, WriteTimeout: l.write, IdleTimeout: l.idle,
		MaxHeaderBytes: l.headerBytes,
	}
}

// listener takes so many connections of another at once. One more is closed at once: who waited in a queue behind
// connections that say nothing would not know why.
func (l listenLimits) listener(of net.Listener) net.Listener {
	return &boundListener{Listener: of, free: make(chan struct{}, l.connections)}
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

// isLoopback reports whether only this host reaches what listens at a host of the config's.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// fitHost reports whether a request that is addressed to a host is meant for us. A page of any site can point its own
// name at an address of this host and then read what we answer, but its name is in the request. An address in place of
// a name cannot be pointed elsewhere; where only this host reaches us, it has to be one of this host's all the same.
// Programs that are no browsers may leave the header out.
func fitHost(header, listen string, names []string) bool {
	name := header
	if h, _, err := net.SplitHostPort(header); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.Trim(name, "[]"), ".")
	host, _, _ := net.SplitHostPort(listen)
	same := func(other string) bool { return strings.EqualFold(name, strings.Trim(other, "[]")) }
	switch {
	case name == "", isLoopback(name), host != "" && same(host), slices.ContainsFunc(names, same):
		return true
	case net.ParseIP(name) != nil:
		return !isLoopback(host)
	}
	return false
}

// refuseHost answers a request that is not meant for us.
func refuseHost(w http.ResponseWriter, header string) {
	http.Error(w, fmt.Sprintf("this server does not answer to the name %+q; name it in the config, http: {hosts: [...]}", header), http.StatusMisdirectedRequest)
}

// bearer reports whether a request has the token. The time that it takes says nothing about the token, its length
// included.
func bearer(r *http.Request, token string) bool {
	scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	got, want := sha256.Sum256([]byte(strings.TrimSpace(given))), sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(got[:], want[:]) == 1 && strings.EqualFold(scheme, "Bearer") && token != ""
}
