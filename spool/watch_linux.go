package spool

import (
	"context"
	"os"
	"syscall"
)

// arrivals signals when a record gets its name in dir, until ctx ends. It is nil where that cannot be watched:
// users have a limit of watches.
func arrivals(ctx context.Context, dir string) <-chan struct{} {
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	if err != nil {
		return nil
	}
	f := os.NewFile(uintptr(fd), "inotify")
	if _, err := syscall.InotifyAddWatch(fd, dir, syscall.IN_MOVED_TO); err != nil {
		f.Close()
		return nil
	}
	context.AfterFunc(ctx, func() { f.Close() })
	arrived := make(chan struct{}, 1)
	go func() {
		events := make([]byte, 64<<10) // what they say does not matter
		for {
			if _, err := f.Read(events); err != nil {
				return
			}
			offer(arrived)
		}
	}()
	return arrived
}
