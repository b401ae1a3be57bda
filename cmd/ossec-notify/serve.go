package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/follow"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/spool"
)

const serveHelp = `Delivers for good, in place of the background deliverers that calls start: nothing waits for the next call. Reads the
files of "follow" too, with which integratord is not needed, and answers on "http" (health, readiness, metrics).
Loads the config again when it changes, or on SIGHUP. While it is broken or gone, the last one that loaded is in use.`

func serveCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use:     "serve",
		Short:   "the deliverer as a daemon: followers, metrics, reload",
		Long:    serveHelp,
		Example: "  ossec-notify serve\n  ossec-notify serve --home /var/ossec",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			next, err := e.serve(cmd.Context())
			if err != nil || next == nil {
				return err
			}
			signal.Reset(os.Interrupt, syscall.SIGTERM) // who asks us to stop from here on means the new one, too
			if cmd.Context().Err() != nil {
				return nil
			}
			return failed("leave to the new program: %w", become(next))
		},
	}
}

// takeoverTime is how long a background deliverer may take to leave.
const takeoverTime = 10 * time.Second

// serve delivers until ctx ends, or until the program was replaced: by next.
func (e *env) serve(ctx context.Context) (next *os.File, err error) {
	e.home = absolute(e.home)
	state, err := spool.Locate(e.statePlaces()...)
	if err != nil {
		return nil, failed("no state directory: %w", err)
	}
	if err := spool.BecomeOwner(state); err != nil {
		return nil, failed("%w", err)
	}
	if e.config != "" {
		if err := os.Setenv("OSSEC_NOTIFY_CONFIG", absolute(e.config)); err != nil {
			return nil, err
		}
	}
	path := absolute(configPath("", e.home))
	if !e.canServe(ctx, state, path) {
		return nil, e.refuseConfig()
	}
	log := slog.New(slog.NewTextHandler(e.stderr, nil))
	lock, err := takeOver(ctx, state, log)
	if err != nil {
		return nil, failed("%w", err)
	}
	defer func() {
		if err := lock.Release(); err != nil {
			log.Error("could not let go of the lock", "err", err)
		}
	}()
	ctx, replaced, stop := untilReplaced(ctx, log)
	defer stop()
	d, closeBox, err := openDeliverer(ctx, e.home, state, log)
	if err != nil {
		return nil, failed("%w", err)
	}
	defer closeBox()
	s := d.Site.(*site)
	cfg := s.config()
	if cfg == nil { // what is kept does not load any more
		return nil, e.refuseConfig()
	}
	closeFollowers, err := e.addFollowers(ctx, cfg, d, s)
	if err != nil {
		return nil, failed("%w", err)
	}
	defer closeFollowers()
	stopHTTP, err := serveHTTP(cfg, d, s, log)
	if err != nil {
		return nil, failed("%w", err)
	}
	defer stopHTTP()

	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	go func() {
		for range hup {
			s.reload()
		}
	}()
	stopWatchdog := watchdog(ctx)
	defer stopWatchdog()
	log.Info("serving", "home", e.home, "state", state, "version", versionText())
	_, _ = daemon.SdNotify(false, daemon.SdNotifyReady) // no systemd, no notification
	err = d.Run(ctx)
	stop()
	if next = replaced(); next == nil {
		_, _ = daemon.SdNotify(false, daemon.SdNotifyStopping)
	}
	if err != nil {
		return nil, failed("%w", err)
	}
	if next == nil {
		log.Info("stopped")
	}
	return next, nil
}

// canServe reports whether there is a config to begin with: the file's, or one that the outbox keeps. It looks before
// the background deliverer is asked to leave, who can at least serve the receivers of ossec.conf.
func (e *env) canServe(ctx context.Context, state, path string) bool {
	if cfg, _, _ := loadConfig(path, e.home); cfg != nil {
		return true
	}
	box, _, err := outbox.Open(ctx, outboxPath(state), outbox.Options{})
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist) // its owner, which we are about to become, may be able to read it
	}
	defer box.Close()
	kept, err := readLastGood(ctx, box, path)
	return err == nil && kept != nil && kept.config(path, e.home) != nil
}

// refuseConfig says what is wrong with the config: a daemon does not start with one that nobody can use.
func (e *env) refuseConfig() error {
	_, err := e.load()
	if err == nil {
		err = errors.New("the config was changed while it was read; start again")
	}
	return err
}

// takeOver gets the lock: a background deliverer is asked to leave, another daemon is an error.
func takeOver(ctx context.Context, state string, log *slog.Logger) (*spool.Lock, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, takeoverTime, fmt.Errorf("it did not leave within %s", takeoverTime))
	defer cancel()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	asked := 0
	for {
		lock, err := spool.TryLock(state, "serve", versionText())
		if err == nil || !errors.Is(err, spool.ErrLocked) {
			return lock, err
		}
		h, err := spool.ReadHolder(state)
		switch {
		case err == nil && h.Kind == "serve":
			return nil, fmt.Errorf("another ossec-notify serve is running (process %d, since %s)", h.PID, h.Started.Format(time.RFC3339))
		case err == nil && h.Kind != spool.KindDoor && h.PID > 1 && h.PID != asked:
			asked = h.PID
			log.Info("asking the background deliverer to leave", "pid", h.PID)
			if err := syscall.Kill(h.PID, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
				return nil, fmt.Errorf("ask the background deliverer (process %d) to leave: %w", h.PID, err)
			}
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("the deliverer (process %d) holds the lock: %w", asked, context.Cause(ctx))
		case <-look.C:
		}
	}
}

// watchdog tells systemd that we are alive, if it asks to be told.
func watchdog(ctx context.Context) (stop func()) {
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil || every == 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		tick := time.NewTicker(every / 2)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				_, _ = daemon.SdNotify(false, daemon.SdNotifyWatchdog)
			}
		}
	}()
	return cancel
}

// addFollowers adds a source for each file of "follow".
func (e *env) addFollowers(ctx context.Context, cfg *config, d *dispatch.Deliverer, s *site) (stop func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	for _, name := range cfg.Follow {
		path := name
		if !filepath.IsAbs(path) {
			path = filepath.Join(e.home, path)
		}
		f := &followSource{site: s, path: path, batches: make(chan follow.Batch, 1), ready: make(chan struct{}, 1)}
		stored, err := d.Box.Meta(ctx, f.key())
		if err != nil {
			cancel()
			return nil, err
		}
		var at follow.Cursor
		opt := follow.Options{Location: cfg.Zone, Log: s.log}
		if stored != "" {
			if err := json.Unmarshal([]byte(stored), &at); err != nil {
				s.log.Error("where the follower stopped is not readable; it reads the whole file, and what was told is not told again", "file", path, "err", err)
				opt.Start = follow.Begin
			}
		}
		f.follower = follow.New(path, at, opt)
		d.Sources = append(d.Sources, f)
		group.Go(func() { f.run(ctx) })
	}
	return func() {
		cancel()
		group.Wait()
	}, nil
}

// followSource hands a follower's batches to the deliverer. The cursor is stored with the deliveries.
type followSource struct {
	site     *site
	path     string
	follower *follow.Follower
	batches  chan follow.Batch
	ready    chan struct{}
}

func (f *followSource) key() string { return "follow:" + f.path }

// run reads until ctx ends.
func (f *followSource) run(ctx context.Context) {
	defer f.follower.Close()
	failures, begun := 0, false
	for {
		b, err := f.follower.Next(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			if failures++; failures == 1 {
				f.site.log.Error("cannot follow the file; trying on", "file", f.path, "err", err)
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Second):
			}
			continue
		}
		failures = 0
		if !begun {
			begun = true
			f.site.log.Info("following", "file", f.path)
		}
		for _, skip := range b.Skipped {
			f.site.log.Warn("a part of the followed file is passed over", "file", skip.File, "at", skip.Offset, "bytes", skip.Bytes, "why", skip.Why)
		}
		select {
		case f.batches <- b:
		case <-ctx.Done():
			return
		}
		select {
		case f.ready <- struct{}{}:
		default:
		}
	}
}

// Ready is signalled on new batches.
func (f *followSource) Ready() <-chan struct{} { return f.ready }

// Take plans the next batch by the routes, as a call named notify does.
func (f *followSource) Take(context.Context, int) ([]dispatch.Arrival, map[string]string, func() error, error) {
	var b follow.Batch
	select {
	case b = <-f.batches:
	default:
		return nil, nil, nil, nil
	}
	cursor, err := json.Marshal(b.Cursor)
	if err != nil {
		return nil, nil, nil, err
	}
	var arrivals []dispatch.Arrival
	for _, a := range b.Alerts {
		arrivals = append(arrivals, f.site.followed(a))
	}
	return arrivals, map[string]string{f.key(): string(cursor)}, nil, nil
}

// followed plans an alert that a follower read.
func (s *site) followed(a *alert.Alert) dispatch.Arrival {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := dispatch.Arrival{
		Alert: a, Header: header{File: a.FileName, Received: a.Received}.encode(),
		Deliveries: s.d.Plan(a),
	}
	out.Nobody = s.d.Nobody(a, out.Deliveries)
	s.tellNobody(out, "notify")
	return out
}

// reload loads the config again, whether it changed or not.
func (s *site) reload() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	s.log.Info("config loaded again", "ok", s.fault == nil)
}

// faultWords say what is wrong with the config file, and what is in use instead.
func faultWords(loaded time.Time, fault error) string {
	if loaded.IsZero() {
		return fmt.Sprintf("%s; alerts wait until that is mended", fault)
	}
	return fmt.Sprintf("%s; the config that loaded at %s is in use", fault, loaded.Local().Format(time.DateTime))
}

// serveHTTP answers on the config's "http": only who is on this host should reach it, so it is 127.0.0.1 by custom.
func serveHTTP(cfg *config, d *dispatch.Deliverer, s *site, log *slog.Logger) (stop func(), err error) {
	if cfg.HTTP == "" {
		return func() {}, nil
	}
	l, err := net.Listen("tcp", cfg.HTTP)
	if err != nil {
		return nil, fmt.Errorf("http: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if _, err := d.Box.Queues(r.Context()); err != nil {
			http.Error(w, "the outbox does not answer: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		if loaded, fault := s.sound(); fault != nil {
			http.Error(w, faultWords(loaded, fault), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	mux.Handle("GET /metrics", metricsHandler(d, s))
	srv := &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
	}
	go func() {
		if err := srv.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			log.Error("http stopped", "err", err)
		}
	}()
	log.Info("listening", "http", l.Addr().String())
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_ = srv.Shutdown(ctx)
	}, nil
}
