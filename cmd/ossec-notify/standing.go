package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/spool"
)

// errStateLost ends a deliverer whose state directory, outbox or lock somebody removed or replaced.
var errStateLost = errors.New("this process had it in use")

// standOn has a deliverer see whether its lock and its outbox are still those of the state directory. Without that it would go on for good
// with files that have no name any more, beside the next deliverer.
func standOn(d *dispatch.Deliverer, lock *spool.Lock, state string) error {
	box := outbox.Path(state)
	ours, err := os.Stat(box)
	if err != nil {
		return unlessLost(err, lock)
	}
	d.Lost = func() (outboxToo bool, err error) {
		_, dirErr := os.Stat(state)
		there, boxErr := os.Stat(box)
		outboxToo = true
		switch {
		case gone(dirErr):
			err = fmt.Errorf("the state directory %s was removed", state)
		case gone(boxErr):
			err = fmt.Errorf("%s was removed", box)
		case boxErr == nil && !os.SameFile(ours, there):
			err = fmt.Errorf("%s was replaced", box)
		default:
			outboxToo, err = false, lock.Lost()
		}
		if err != nil {
			return outboxToo, fmt.Errorf("%w: %w", err, errStateLost)
		}
		return false, nil
	}
	return nil
}

// unlessLost is an error of whoever begins to deliver: errStateLost, too, where that was removed meanwhile which the lock is of. Who removes
// a directory with all that is in it takes longer than a deliverer to notice, and to begin anew.
func unlessLost(err error, lock *spool.Lock) error {
	if lost := lock.Lost(); err != nil && lost != nil {
		return fmt.Errorf("%w: %w: %w", err, lost, errStateLost)
	}
	return err
}

// takenOver is an error of whoever delivered: errStateLost, too, where another deliverer took its outbox over meanwhile.
func takenOver(err error) error {
	if errors.Is(err, outbox.ErrTakenOver) && !errors.Is(err, errStateLost) {
		return fmt.Errorf("%w: %w", err, errStateLost)
	}
	return err
}

// gone reports that there is nothing at a path. What cannot be looked at may be there.
func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) }
