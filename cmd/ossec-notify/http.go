package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/ossec-notify/ossec-notify/dispatch"
)

// webHandler answers on the config's "http": only who is on this host should reach it, so it is 127.0.0.1 by custom.
func webHandler(d *dispatch.Deliverer, s *site) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if _, err := d.Box.Queues(r.Context()); err != nil {
			http.Error(w, "the outbox does not answer: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		if err := s.sound(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	mux.Handle("GET /metrics", metricsHandler(d, s))
	return mux
}

// webServer answers on one address, which may change. It is for one goroutine at a time.
type webServer struct {
	handler http.Handler
	log     *slog.Logger

	address string // as the config has it; "" while it does not listen
	server  *http.Server
}

// listen moves to an address; "" is none. Where that fails it stays where it is.
func (w *webServer) listen(address string) error {
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
	w.server = &http.Server{
		Handler: w.handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}
	server, log := w.server, w.log
	go func() { // ends with close
		if err := server.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
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
