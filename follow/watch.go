package follow

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// watch waits for the system to tell that something happened in a few directories. It watches no files: their
// names and inodes change all the time, and fsnotify takes the one for the other.
type watch struct {
	watcher  *fsnotify.Watcher // nil where the system has none to spare
	changed  chan struct{}     // holds one while there is something to look at
	closed   chan struct{}
	listener sync.WaitGroup
}

// blind is a watch that sees nothing and only waits.
func blind() *watch {
	return &watch{changed: make(chan struct{}, 1), closed: make(chan struct{})}
}

func newWatch(log *slog.Logger) *watch {
	w := blind()
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		log.Warn("the system tells of no changes, alerts files are looked at every second", "err", err)
		return w
	}
	w.watcher = watcher
	w.listener.Go(w.listen)
	return w
}

// listen makes one signal of however many changes. fsnotify must always find somebody who listens: it can hold its
// lock while it wants to tell of an error. listen ends with the watcher.
func (w *watch) listen() {
	for {
		var ok bool
		select {
		case _, ok = <-w.watcher.Events:
		case _, ok = <-w.watcher.Errors: // too many changes at once: there is something to look at
		}
		if !ok {
			return
		}
		w.signal()
	}
}

func (w *watch) signal() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// aim watches these directories and no others. One that is not there yet is tried again the next time. A new one
// counts as changed, for nobody saw what happened in it until now.
func (w *watch) aim(dirs ...string) {
	if w.watcher == nil {
		return
	}
	watched := w.watcher.WatchList()
	for _, dir := range watched {
		if !slices.Contains(dirs, dir) {
			_ = w.watcher.Remove(dir) // fails if the directory is gone
		}
	}
	for _, dir := range dirs {
		if !slices.Contains(watched, dir) && w.watcher.Add(dir) == nil {
			watched = append(watched, dir)
			w.signal()
		}
	}
}

// wait returns after a change, after d, or when ctx ends or the watch is closed.
func (w *watch) wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-w.changed:
	case <-timer.C:
	case <-ctx.Done():
	case <-w.closed:
	}
}

// close is to be called once.
func (w *watch) close() error {
	close(w.closed)
	if w.watcher == nil {
		return nil
	}
	err := w.watcher.Close()
	w.listener.Wait()
	return err
}
