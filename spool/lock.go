package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrLocked is what TryLock returns when another process is the deliverer.
var ErrLocked = errors.New("another process is the deliverer")

// Lock is held by the deliverer, and by nobody else: it is never taken to see whether it is free. A door that
// gets it hands it on by inheritance: the lock belongs to the open file, which the child has as its descriptor
// LockFD, so there is no instant at which somebody holds it who will not deliver. The kernel lets go of it when
// the last process that has the file open ends, however it ends.
type Lock struct {
	f    *os.File
	path string // where others look for it
}

// LockFD is the descriptor at which a deliverer that a door started finds the lock.
const LockFD = 3

// Holder is what the lock file says of who holds the lock.
type Holder struct {
	PID int
	// Kind is what the holder is, in one word: a command's, or KindDoor.
	Kind string
	// Started is when it took the lock.
	Started time.Time
	// Version is that of the holder's program, or "".
	Version string
}

// KindDoor is the kind of a door, which is about to hand the lock on and to end. A reader that finds it reads
// again.
const KindDoor = "door"

// TryLock takes the lock, or returns ErrLocked at once. kind is one word.
func TryLock(state, kind, version string) (*Lock, error) {
	f, _, err := open(LockPath(state), os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	return lock(f, LockPath(state), kind, version)
}

// LockFromFile takes over the lock of state by its inherited file, LockFD. The file is this process's then, or is
// closed.
func LockFromFile(state string, f *os.File, kind, version string) (*Lock, error) {
	// Run by hand, a process has anything there.
	st, err := f.Stat()
	if err == nil {
		var want os.FileInfo
		if want, err = os.Lstat(LockPath(state)); err == nil && !os.SameFile(st, want) {
			err = fmt.Errorf("descriptor %d is not %s", f.Fd(), LockPath(state))
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	syscall.CloseOnExec(int(f.Fd())) // our own children do not deliver
	return lock(f, LockPath(state), kind, version)
}

// LockPath is the file of the lock, which who holds it has open.
func LockPath(state string) string { return state + "/lock" }

// lock takes the lock by an open file. For one whose lock is held already, by inheritance, that changes nothing.
func lock(f *os.File, path, kind, version string) (*Lock, error) {
	if err := flock(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	l := &Lock{f, path}
	l.say(Holder{PID: os.Getpid(), Kind: kind, Started: time.Now(), Version: version}.String())
	return l, nil
}

func flock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrLocked
	}
	if err != nil {
		return fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return nil
}

// say replaces the file's text. A reader at the wrong moment sees the new line and the end of a longer old one,
// and reads only the first line. On a full disk the file may say nothing: the lock is held all the same, because
// a deliverer is what makes room.
func (l *Lock) say(text string) {
	if n, err := l.f.WriteAt([]byte(text+"\n"), 0); err == nil {
		_ = l.f.Truncate(int64(n))
	}
}

// Lost says that the lock is not the one which others would ask for: its file, or the whole state directory, was removed or replaced
// since. Nil while it is. What is held then keeps nobody from delivering beside us.
func (l *Lock) Lost() error {
	ours, err := l.f.Stat()
	if err != nil {
		return err
	}
	switch there, err := os.Lstat(l.path); {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%s was removed", l.path)
	case err == nil && !os.SameFile(ours, there):
		return fmt.Errorf("%s was replaced", l.path)
	}
	return nil // what cannot be looked at may be there
}

// File is the file to hand to a child.
func (l *Lock) File() *os.File { return l.f }

// HandOn prepares the lock to be inherited by the program that this process is about to execute in place of its own,
// which finds it as its descriptor LockFD.
func (l *Lock) HandOn() error {
	from := int(l.f.Fd())
	if from == LockFD { // a descriptor that is copied onto itself stays closed on exec
		var err error
		if from, err = syscall.Dup(from); err != nil {
			return err
		}
		defer syscall.Close(from)
	}
	return dup(from, LockFD)
}

// Release lets go of the lock, also for processes that inherited it. The file names nobody then: the process id
// is going to be another process's. It keeps its block, which the next holder may not get on a full disk.
func (l *Lock) Release() error {
	l.say("nobody")
	return errors.Join(syscall.Flock(int(l.f.Fd()), syscall.LOCK_UN), l.f.Close())
}

// String is the holder as the lock file has it: pid kind started version.
func (h Holder) String() string {
	return strings.TrimRight(strconv.Itoa(h.PID)+" "+h.Kind+" "+h.Started.UTC().Format(time.RFC3339)+" "+h.Version, " ")
}

// ReadHolder reads who holds the lock, or held it last if that process was killed. It does not touch the lock:
// only who got ErrLocked knows that somebody holds it. The error is fs.ErrNotExist where nobody ever did.
func ReadHolder(state string) (Holder, error) {
	f, _, err := open(LockPath(state), os.O_RDONLY)
	if err != nil {
		return Holder{}, err
	}
	defer f.Close()
	const longest = 4 << 10 // bytes; what lies behind the line is not read
	data, err := io.ReadAll(io.LimitReader(f, longest))
	if err != nil {
		return Holder{}, err
	}
	line, _, _ := strings.Cut(string(data), "\n")
	words := strings.SplitN(line, " ", 4)
	if len(words) < 3 {
		return Holder{}, fmt.Errorf("%s names no holder", LockPath(state))
	}
	pid, err := strconv.Atoi(words[0])
	if err != nil || pid <= 0 {
		return Holder{}, fmt.Errorf("%s: %q is no process id", LockPath(state), words[0])
	}
	started, err := time.Parse(time.RFC3339, words[2])
	if err != nil {
		return Holder{}, fmt.Errorf("%s: %w", LockPath(state), err)
	}
	h := Holder{PID: pid, Kind: words[1], Started: started}
	if len(words) == 4 {
		h.Version = words[3]
	}
	return h, nil
}

// LockHome takes the right to deliver without a spool, while integratord waits: one call at a time may, or
// returns ErrLocked. It locks the home directory itself, since where no spool can be written there may be no
// place for a file.
func LockHome(home string) (unlock func(), err error) {
	release, err := TryUse(home)
	if err != nil {
		return nil, err
	}
	return func() { _ = release() }, nil
}
