package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/door"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/site"
	"github.com/ossec-notify/ossec-notify/spool"
)

// linger is how long a background deliverer stays for the next alert when nothing is waiting.
const linger = 30 * time.Second

// deliverCommand is the background deliverer that a call starts: not for people.
func deliverCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use:    "deliver",
		Short:  "the background deliverer; a call by integratord starts it",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			state := e.state
			if state == "" {
				return errors.New("deliver is started by a call of integratord; to deliver by hand use send, for good use serve")
			}
			lock, err := spool.LockFromFile(state, os.NewFile(spool.LockFD, "lock"), "background", versionText())
			if err != nil {
				return fmt.Errorf("the lock is not ours: %w", err)
			}
			log, closer := openLog(e.home)
			defer closer.Close()
			lost := new(loss)
			for {
				next, err := background(cmd.Context(), e.home, state, lock, lost, log)
				anew := errors.Is(err, errStateLost)
				lost.and(err)
				if cmd.Context().Err() != nil {
					err = nil // asked to leave, perhaps while it opened the outbox: no failure, or no door would start the next
				}
				if errors.Is(err, errStateLost) { // the next call begins anew, or this process, where one found the lock held
					log.Error("the background deliverer ends, and the next one begins anew", "err", err)
					err = nil
				}
				if err != nil {
					log.Error("deliverer failed", "err", err)
					err = errors.Join(err, spool.MarkFailed(state))
				}
				if next != nil && err == nil && cmd.Context().Err() == nil {
					err = leaveTo(next, lock)
					log.Error("cannot leave to the new program; the next call starts it", "err", err)
				}
				if releaseErr := lock.Release(); releaseErr != nil {
					log.Error("deliverer could not let go of the lock", "err", releaseErr)
				}
				if err != nil || cmd.Context().Err() != nil {
					lost.leave(absolute(e.home), log)
					return err
				}
				// A call that found the lock held, just before it was let go, relies on this look.
				if names, err := spool.List(state); err != nil || len(names) == 0 && (!anew || lost.never() || lost.kept) {
					lost.leave(absolute(e.home), log)
					return nil
				}
				if lock, err = spool.TryLock(state, "background", versionText()); err != nil {
					lost.leave(absolute(e.home), log)
					return nil // somebody else is the deliverer now
				}
			}
		},
	}
}

// leaveTo makes this process one of another program, which finds the lock as a door hands it on. It returns only if that
// fails.
func leaveTo(next *os.File, lock *spool.Lock) error {
	defer next.Close()
	if err := lock.HandOn(); err != nil {
		return err
	}
	return become(next)
}

// background works until nothing is waiting, or until its program was replaced: by next.
func background(ctx context.Context, home, state string, lock *spool.Lock, lost *loss, log *slog.Logger) (next *os.File, err error) {
	deaf := make(chan os.Signal, 1) // nobody reads it. What integratord ignores, and so we, programs that we run would ignore, too
	signal.Notify(deaf, syscall.SIGHUP)
	defer signal.Stop(deaf)
	ctx, replaced, stop := untilReplaced(ctx, log)
	defer stop()
	d, closeBox, err := openDeliverer(ctx, home, state, log)
	if err != nil {
		return nil, unlessLost(err, lock)
	}
	lost.keep(ctx, absolute(home), d.Box, log)
	if err := standOn(d, lock, state); err != nil {
		return nil, errors.Join(err, closeBox())
	}
	d.Linger = linger
	d.Grace = takeoverTime / 2 // serve does not wait for longer until we have left
	if err := errors.Join(takenOver(d.Run(ctx)), closeBox()); err != nil {
		return nil, err
	}
	stop()
	return replaced(), nil
}

// openDeliverer makes the deliverer of a state directory. The caller holds the lock.
func openDeliverer(ctx context.Context, home, state string, log *slog.Logger) (*dispatch.Deliverer, func() error, error) {
	noCoreDump()
	if err := spool.Prepare(state); err != nil { // somebody may have made the directory by hand
		return nil, nil, err
	}
	letGo, err := use(ctx, state, log)
	if err != nil {
		return nil, nil, err
	}
	d, closeBox, err := openUsed(ctx, home, state, log)
	if err != nil {
		return nil, nil, errors.Join(err, letGo())
	}
	return d, func() error { return errors.Join(closeBox(), letGo()) }, nil
}

// letGoTime is how long one waits for another deliverer that lost the lock: it notices within seconds, and then what it has in hand may take
// its grace.
const letGoTime = 2 * takeoverTime

// use takes the outbox into use, once whoever had the lock before it was removed has let go: what that has in hand would be told twice. One
// that does not let go in time, since it hangs, holds up no alert for longer.
func use(ctx context.Context, state string, log *slog.Logger) (letGo func() error, err error) {
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for began, told := time.Now(), false; ; {
		letGo, err := spool.TryUse(state)
		switch {
		case err == nil:
			return letGo, nil
		case !errors.Is(err, spool.ErrLocked):
			if gone(err) {
				return nil, err
			}
			log.Warn("cannot see whether another deliverer is at work here", "err", err) // a file system without such locks
			return func() error { return nil }, nil
		case time.Since(began) > letGoTime:
			log.Error("another deliverer does not let go; what it has in hand may be told twice", "after", letGoTime)
			return func() error { return nil }, nil
		case !told:
			told = true
			log.Warn("the lock was removed, and another deliverer has not let go yet; waiting for it")
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-look.C:
		}
	}
}

// openUsed is openDeliverer for who has the outbox in use.
func openUsed(ctx context.Context, home, state string, log *slog.Logger) (*dispatch.Deliverer, func() error, error) {
	if n, err := spool.Sweep(state, time.Hour); err != nil {
		return nil, nil, err
	} else if n > 0 {
		log.Warn("removed what killed calls left behind", "files", n)
	}
	_, err := os.Lstat(outbox.Path(state))
	first := errors.Is(err, fs.ErrNotExist)
	box, report, err := outbox.Open(ctx, outbox.Path(state), outbox.Options{Owner: true, DeliveryID: dispatch.DeliveryID})
	if err != nil {
		return nil, nil, err
	}
	if places := spool.Places(home); first && sameFile(state, places[1]) { // said once
		log.Warn("state is kept where the manager may clean up, because "+places[0]+" cannot be made", "state", state, "remedy", "run ossec-notify install as root")
	}
	if report.SetAside != "" {
		log.Error("the outbox was damaged and has been set aside", "file", report.SetAside, "err", report.Damage, "salvaged", report.Salvaged)
	}
	if report.Recovered > 0 {
		log.Warn("deliveries were in hand when the last deliverer ended; they are tried again", "deliveries", report.Recovered)
	}
	if err := wakeSecond(ctx, home, state, log); err != nil {
		log.Error("what waits in the second state directory stays there for now", "err", err)
	}
	s := openSite(ctx, home, state, box, log)
	watching, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { s.Watch(watching) })
	d := &dispatch.Deliverer{
		Box: box, Site: s, Log: log,
		Sources: []dispatch.Source{s.Spool(ctx)},
	}
	return d, func() error {
		stop()
		watch.Wait()
		s.Close()
		return box.Close()
	}, nil
}

// openSite opens the installation at a home. The outbox, where there is one, is its owner's.
func openSite(ctx context.Context, home, state string, box *outbox.DB, log *slog.Logger) *site.Site {
	return site.Open(ctx, site.Options{Home: absolute(home), State: state, Path: absolute(configPath("", home)), Box: box, Log: log})
}

// absolute is a path from the root: what is kept under it must be found again from another directory.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil { // else there is no working directory, and all is lost anyway
		return abs
	}
	return path
}

// noCoreDump keeps what this process knows, secrets among it, off the disk when it dies.
func noCoreDump() { _ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}) }

// wakeSecond starts a deliverer for the second state directory if something waits there: calls used it until
// install made the first, and nobody else would look into it again.
func wakeSecond(ctx context.Context, home, state string, log *slog.Logger) error {
	places := spool.Places(home)
	if !sameFile(state, places[0]) || sameFile(state, places[1]) {
		return nil
	}
	second := places[1]
	waiting, err := spool.List(second)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	n := len(waiting)
	box, _, err := outbox.Open(ctx, outbox.Path(second), outbox.Options{})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil {
		queues, err := box.Queues(ctx)
		if err := errors.Join(err, box.Close()); err != nil {
			return err
		}
		for _, q := range queues {
			n += q.Open()
		}
	}
	if n == 0 {
		return nil
	}
	log.Warn("alerts wait in the second state directory; a deliverer starts there", "state", second, "waiting", n)
	return door.StartDeliverer(home, second)
}
