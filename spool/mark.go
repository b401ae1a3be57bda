package spool

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// StartPause is how long no door starts a deliverer after one that failed to start.
const StartPause = 10 * time.Second

// ErrFull is why a record is not written to a spool that is marked as full.
var ErrFull = errors.New("the spool is full")

// MarkFull says that the spool has reached Limit, or that it has not any more. Only the deliverer measures: a
// door, which has milliseconds, looks for the mark.
func MarkFull(state string, full bool) error {
	if full {
		return mark(state + "/spool/full")
	}
	if err := os.Remove(state + "/spool/full"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// IsFull reports whether the spool is marked as full.
func IsFull(state string) bool {
	_, err := os.Lstat(state + "/spool/full")
	return err == nil
}

// MarkFailed says that a deliverer failed to start just now.
func MarkFailed(state string) error { return mark(state + "/failed") }

// FailedLately reports whether a deliverer failed to start within StartPause before now.
func FailedLately(state string, now time.Time) bool {
	st, err := os.Lstat(state + "/failed")
	return err == nil && now.Sub(st.ModTime()).Abs() < StartPause // a time to come is a clock that was set
}

// mark makes a file, or makes it new.
func mark(path string) error {
	f, _, err := open(path, os.O_WRONLY|os.O_CREATE)
	if err != nil {
		return err
	}
	now := syscall.NsecToTimeval(time.Now().UnixNano())
	return errors.Join(syscall.Futimes(int(f.Fd()), []syscall.Timeval{now, now}), f.Close())
}
