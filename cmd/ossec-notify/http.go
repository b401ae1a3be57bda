package main

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/listen"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/site"
)

// webHandler answers on the config's "http"; who may ask is webServer's to say. links may be nil: then nobody takes alerts by them.
func webHandler(d *dispatch.Deliverer, s *site.Site, state string, links *ackLinks, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	if links != nil {
		ack := &ackHandler{links: links, d: d, site: s, log: log}
		mux.Handle("GET "+ackPath, ack)
		mux.Handle("POST "+ackPath, ack)
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if _, err := d.Box.Queues(r.Context()); err != nil {
			unready(w, r, "the outbox does not answer: "+err.Error())
			return
		}
		if err := s.Sound(); err != nil {
			unready(w, r, err.Error())
			return
		}
		fmt.Fprintln(w, "ready")
		if l := lately(r.Context(), d.Box); l != nil && r.Context().Value(stranger{}) == nil {
			for _, l := range l.events() {
				if !l.none() {
					fmt.Fprintln(w, "note: "+l.words())
				}
			}
		}
		if fares, err := d.Box.Receivers(r.Context()); err == nil && r.Context().Value(stranger{}) == nil {
			for _, name := range slices.Sorted(maps.Keys(fares)) {
				if to := s.Receiver(name); to != nil && fares[name].Failures > 0 {
					fmt.Fprintf(w, "note: receiver %s has failed since %s%s\n", name, fares[name].Since.Local().Format(time.DateTime), insteadWords(to.Fallback))
				}
			}
		}
	})
	mux.Handle("GET /metrics", metricsHandler(d, s, state))
	return mux
}

// insteadWords say who may be told in a receiver's place; "" for nobody.
func insteadWords(fallback []string) string {
	if len(fallback) == 0 {
		return ""
	}
	return "; its fallback: " + display.List(fallback)
}

// webServer answers on one address, which may change. It is for one goroutine at a time.
type webServer struct {
	handler http.Handler
	log     *slog.Logger
	limits  listen.Limits

	address string // as the config has it; "" while it does not listen
	server  *http.Server

	mu       sync.Mutex // of settings
	settings config.HTTP

	reading  sync.Mutex // of what follows; held while the token is read, for which a program may be run
	of       notifier.Secret
	token    string // as it was read
	tokenErr error
	read     time.Time // when that was
}

func newWebServer(handler http.Handler, log *slog.Logger) *webServer {
	return &webServer{handler: handler, log: log, limits: listen.Usual()}
}

// tokenLife is how long a token that was read is good: requests of strangers do not make us read it each time.
const tokenLife = 10 * time.Second

// tokenTime is how long it may take to read the token.
const tokenTime = 5 * time.Second

// demanded reads the token that requests need.
func (w *webServer) demanded(of notifier.Secret) (string, error) {
	w.reading.Lock()
	defer w.reading.Unlock()
	if w.of != of || time.Since(w.read) > tokenLife {
		ctx, cancel := context.WithTimeoutCause(context.Background(), tokenTime, fmt.Errorf("it took more than %s", tokenTime))
		defer cancel()
		w.token, w.tokenErr = of.Read(ctx)
		w.of, w.read = of, time.Now()
		if w.tokenErr != nil {
			w.log.Error("the token of http cannot be read, so nobody is let in", "err", w.tokenErr)
		}
	}
	return w.token, w.tokenErr
}

// unready says that we are not ready, and why to who may know.
func unready(w http.ResponseWriter, r *http.Request, why string) {
	if r.Context().Value(stranger{}) != nil {
		why = "not ready; the token of http opens the reason"
	}
	http.Error(w, why, http.StatusServiceUnavailable)
}

// stranger is the key, in a request's context, of who lacks the token.
type stranger struct{}

// ServeHTTP lets in who may ask: by a name of ours, and with the token where one is demanded. Without it there is only
// whether we run and whether we are ready.
func (w *webServer) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	settings := w.settings
	w.mu.Unlock()
	if !listen.FitHost(r.Host, settings.Listen, settings.Names()) {
		refuseHost(out, r.Host)
		return
	}
	if settings.Token.IsZero() || strings.HasPrefix(r.URL.Path, ackPath) { // whose link is its own permission
		w.handler.ServeHTTP(out, r)
		return
	}
	if r.URL.Path == "/healthz" || r.URL.Path == "/readyz" && r.Header.Get("Authorization") == "" {
		w.handler.ServeHTTP(out, r.WithContext(context.WithValue(r.Context(), stranger{}, true)))
		return
	}
	token, err := w.demanded(settings.Token)
	if err == nil && bearer(r, token) {
		w.handler.ServeHTTP(out, r)
		return
	}
	if r.URL.Path == "/readyz" {
		w.handler.ServeHTTP(out, r.WithContext(context.WithValue(r.Context(), stranger{}, true)))
		return
	}
	if err != nil {
		http.Error(out, "the token cannot be read; see the log", http.StatusServiceUnavailable)
		return
	}
	out.Header().Set("WWW-Authenticate", "Bearer")
	http.Error(out, "this needs the token of http in the config: Authorization: Bearer TOKEN", http.StatusUnauthorized)
}

// listen answers as the config has it: where, by which names, to whom. An address that is "" is none. Where one cannot
// be moved to, it stays where it is; the rest holds.
func (w *webServer) listen(c config.HTTP) error {
	w.mu.Lock()
	w.settings = c
	w.mu.Unlock()
	return w.move(c.Listen)
}

func (w *webServer) move(address string) error {
	if address == w.address {
		return nil
	}
	if address == "" {
		w.close()
		return nil
	}
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) && w.address != "" && samePort(address, w.address) {
		// It may be ourselves who are in the way: from 127.0.0.1:9720 to :9720.
		old := w.address
		w.close()
		if l, err = net.Listen("tcp", address); err != nil {
			if was, againErr := net.Listen("tcp", old); againErr == nil {
				w.serve(was, old)
			}
		}
	}
	if err != nil {
		err = fmt.Errorf("http: %w", err)
		if w.address != "" {
			err = fmt.Errorf("%w; it still answers on %s", err, w.address)
		}
		return err
	}
	w.close()
	w.serve(l, address)
	return nil
}

func samePort(a, b string) bool {
	_, x, errA := net.SplitHostPort(a)
	_, y, errB := net.SplitHostPort(b)
	return errA == nil && errB == nil && x == y
}

func (w *webServer) serve(l net.Listener, address string) {
	w.address = address
	w.server = w.limits.Server(w)
	server, log := w.server, w.log
	go func() { // ends with close
		if err := server.Serve(w.limits.Listener(l)); err != nil && !errors.Is(err, http.ErrServerClosed) {
			log.Error("http stopped", "err", err)
		}
	}()
	w.log.Info("listening", "http", l.Addr().String())
}

// close ends it. Who is being answered has two seconds.
func (w *webServer) close() {
	if w.server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := w.server.Shutdown(ctx); err != nil {
		_ = w.server.Close()
	}
	w.log.Info("no longer listening", "http", w.address)
	w.server, w.address = nil, ""
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
