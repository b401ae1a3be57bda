package spool

import (
	"errors"
	"os"
	"syscall"
)

// TryUse takes the outbox of a state directory into use, or returns ErrLocked: another deliverer has not let go of it. The lock is not
// enough for that. Who removes its file, which nothing but its name protects, frees it for the next while the last still delivers; so this
// one belongs to the directory itself, and goes with it. A process that ends, however it does, lets go.
func TryUse(state string) (release func() error, err error) {
	f, err := os.OpenFile(state, os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	if err := flock(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f.Close, nil
}
