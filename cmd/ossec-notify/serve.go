package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/site"
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
			read := site.Cursors{}
			lost := new(loss)
			next, err := e.serve(cmd.Context(), read, lost)
			for errors.Is(err, errStateLost) && cmd.Context().Err() == nil {
				lost.and(err)
				next, err = e.serve(cmd.Context(), read, lost)
			}
			lost.and(err)
			lost.leave(e.home, slog.New(slog.NewTextHandler(e.stderr, nil)))
			if asked := context.Cause(cmd.Context()); asked != nil && errors.Is(err, asked) {
				return nil // to stop, while it waited for another deliverer
			}
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

// gcPercent lets the daemon collect garbage a little less often than Go does by itself: 3 % of its work for 2 MiB.
const gcPercent = 120

// serve delivers until ctx ends, or until the program was replaced: by next. Where the error is errStateLost, read is how far files were
// followed, from where the next call goes on; lost is what was lost before.
func (e *env) serve(ctx context.Context, read site.Cursors, lost *loss) (next *os.File, err error) {
	e.home = absolute(e.home)
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	state, err := spool.Locate(e.statePlaces()...)
	if err != nil {
		return nil, failed("no state directory: %w; run ossec-notify install as root, which makes it, then restart serve", err)
	}
	if _, unfit, _ := stateFS(state); unfit != "" { // one that cannot be measured shows when it is used
		return nil, failed("the state directory %s %s: %s", state, unfit, localRemedy)
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
	if gone(err) { // somebody removes it just now
		err = fmt.Errorf("%w: %w", err, errStateLost)
	}
	if err != nil {
		return nil, failed("%w", err)
	}
	defer func() {
		if err := lock.Release(); err != nil {
			log.Error("could not let go of the lock", "err", err)
		}
	}()
	asked := ctx // to stop
	ctx, replaced, stop := untilReplaced(ctx, log)
	defer stop()
	d, closeBox, err := openDeliverer(ctx, e.home, state, log)
	if err != nil {
		return nil, failed("%w", unlessLost(err, lock))
	}
	defer closeBox()
	lost.keep(ctx, e.home, d.Box, log)
	if err := standOn(d, lock, state); err != nil {
		return nil, failed("%w", err)
	}
	s := d.Site.(*site.Site)
	cfg := s.Config()
	if cfg == nil { // what is kept does not load any more
		return nil, e.refuseConfig()
	}
	follow := s.Followers(read)
	defer follow.Close()
	d.Sources = append(d.Sources, follow)
	links, err := openAckLinks(state)
	if err != nil { // a full disk, or a damaged file: alerts must be told all the same
		log.Error("messages carry no links by which people take alerts", "err", fmt.Errorf("the key of these: %w", err))
	}
	if links != nil {
		s.UseAckLinks(links.url)
	}
	web := newWebServer(webHandler(d, s, state, links, log), log)
	defer web.close()
	if err := web.listen(cfg.HTTP); err != nil {
		return nil, failed("%w", err)
	}
	stopSettings := e.obey(s, web, follow, log)
	defer stopSettings()

	stopWatchdog := watchdog(ctx)
	defer stopWatchdog()
	log.Info("serving", "home", e.home, "state", state, "version", versionText())
	_, _ = daemon.SdNotify(false, daemon.SdNotifyReady) // no systemd, no notification
	err = takenOver(d.Run(ctx))
	stop()
	if next = replaced(); next == nil {
		_, _ = daemon.SdNotify(false, daemon.SdNotifyStopping)
	}
	if errors.Is(err, errStateLost) && asked.Err() == nil {
		log.Error("serving begins anew", "err", err)
	}
	if err != nil {
		return nil, failed("%w", err)
	}
	if next == nil {
		log.Info("stopped")
	}
	return next, nil
}

// listenEvery is how often is tried again to listen where that failed.
const listenEvery = 10 * time.Second

// obey loads the config again on SIGHUP, and sees that one that is loaded while the daemon runs holds for what only the
// daemon does: "http" and "follow".
func (e *env) obey(s *site.Site, web *webServer, follow *site.Followers, log *slog.Logger) (stop func()) {
	done := make(chan struct{})
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	var group sync.WaitGroup
	group.Go(func() {
		again := time.NewTicker(listenEvery)
		defer again.Stop()
		said := ""
		for {
			select {
			case <-done:
				return
			case <-hup:
				s.Reload()
				continue // by way of s.Loads
			case <-s.Loads():
				follow.Poke()
			case <-again.C:
			}
			cfg := s.Config()
			if cfg == nil { // what was asked for last still holds
				continue
			}
			err := web.listen(cfg.HTTP)
			if err != nil && err.Error() != said {
				log.Error("http cannot be moved, and stays", "err", err)
			}
			said = ""
			if err != nil {
				said = err.Error()
			}
			s.Listens(err)
		}
	})
	return func() {
		signal.Stop(hup)
		close(done)
		group.Wait()
	}
}

// canServe reports whether there is a config to begin with: the file's, or one that the outbox keeps. It looks before
// the background deliverer is asked to leave, who can at least serve the receivers of ossec.conf.
func (e *env) canServe(ctx context.Context, state, path string) bool {
	if config.Read(path, e.home).Config != nil {
		return true
	}
	box, _, err := outbox.Open(ctx, outbox.Path(state), outbox.Options{})
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist) // its owner, which we are about to become, may be able to read it
	}
	defer box.Close()
	kept, err := site.ReadKept(ctx, box, path)
	return err == nil && kept != nil && kept.Config(path, e.home) != nil
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
