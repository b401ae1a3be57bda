package enrich

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"
	"weak"

	"github.com/ossec-notify/ossec-notify/regular"
)

// How a file is looked at.
const (
	lookAgain  = time.Second            // how old may be what is known of it
	firstWait  = 2 * time.Second        // how long an alert waits for one that was never read
	reloadWait = 100 * time.Millisecond // for one that was: then the old contents serve
)

// source is what a file holds, read when it is first asked for and again when the file changes. What was read once serves on
// while the file is missing, broken or emptied, and while a new one is being read.
type source[T any] struct {
	path   string
	key    string // that tells it from others in a store
	lookup string // the key of notes about what is in it
	read   func(*os.File, int64) (*T, error)

	mu      sync.Mutex
	held    *T
	of      time.Time // when the file that held was read from was last modified
	err     error     // why held is not what the file holds; nil when it is
	stamp   stamp     // of the file that was read, or tried
	retry   bool      // the last look failed for a reason that is not in the file
	due     time.Time
	began   time.Time     // the look that is under way
	looking chan struct{} // closed when the look that is under way ends; nil: none is
	hangs   bool          // it takes longer than anybody should wait, or the last look did
}

// stamp tells whether a file was changed.
type stamp struct {
	modified, size int64
	inode          uint64
}

func stampOf(st fs.FileInfo) stamp {
	out := stamp{modified: st.ModTime().UnixNano(), size: st.Size()}
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		out.inode = sys.Ino
	}
	return out
}

// begin has the file looked at, if it is time to, and waits for nothing.
func (s *source[T]) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.start(time.Now())
}

// start begins a look, if it is time to; for who holds the lock.
func (s *source[T]) start(now time.Time) {
	if s.looking == nil && !now.Before(s.due) {
		s.began, s.looking = now, make(chan struct{})
		go s.look(s.looking)
	}
}

// get is what the file holds now, or held last, and why that is not up to date.
func (s *source[T]) get(now time.Time) (*T, error) {
	s.mu.Lock()
	s.start(now)
	held, err, looking, hangs, began := s.held, s.err, s.looking, s.hangs, s.began
	s.mu.Unlock()
	if looking == nil || hangs {
		return held, err
	}
	patience := firstWait
	if held != nil {
		patience = reloadWait
	}
	wait := time.NewTimer(time.Until(began.Add(patience))) // also for who comes later: nobody waits longer than the first
	defer wait.Stop()
	select {
	case <-looking:
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.held, s.err
	case <-wait.C:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.looking == looking {
		s.hangs = true
		if s.held == nil {
			s.err = s.fault(errors.New("it takes long to be read; until then nothing is known from it"))
		}
	}
	return s.held, s.err
}

// look reads the file if it changed. It runs by itself: a disk may hang.
func (s *source[T]) look(done chan struct{}) {
	s.mu.Lock()
	before, retry := s.stamp, s.retry
	s.mu.Unlock()

	value, now, err := s.load(before, retry)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && s.held != nil && isEmpty(value) && !isEmpty(s.held) {
		err = &fileError{errors.New("it holds nothing any more")}
	}
	switch {
	case err == errUnchanged:
	case err == nil:
		s.held, s.of, s.err, s.stamp, s.retry = value, time.Unix(0, now.modified), nil, now, false
	default:
		var inFile *fileError
		s.retry = !errors.As(err, &inFile)
		s.stamp = now
		if err = s.fault(err); s.err == nil || s.err.Error() != err.Error() {
			s.err = err
		}
	}
	ended := time.Now()
	s.hangs = s.hangs && ended.Sub(s.began) >= reloadWait // the next look is waited for where this one was quick
	s.due, s.looking = ended.Add(lookAgain), nil
	close(done)
}

// isEmpty reports whether contents say of themselves that there is nothing in them: after others that is what a download that failed
// leaves, and not what a person means.
func isEmpty(contents any) bool {
	x, may := contents.(interface{ empty() bool })
	return may && x.empty()
}

var errUnchanged = errors.New("unchanged")

// fileError is a fault of what is in a file: to read the same file again does not help.
type fileError struct{ err error }

func (e *fileError) Error() string { return e.err.Error() }
func (e *fileError) Unwrap() error { return e.err }

func (s *source[T]) load(before stamp, retry bool) (value *T, now stamp, err error) {
	st, err := os.Stat(s.path)
	if err != nil {
		return nil, stamp{}, err
	}
	if now = stampOf(st); now == before && !retry {
		return nil, now, errUnchanged
	}
	f, err := regular.Open(s.path)
	if err != nil {
		return nil, now, err
	}
	defer f.Close()
	if st, err = f.Stat(); err != nil {
		return nil, now, err
	}
	now = stampOf(st)
	defer func() {
		if p := recover(); p != nil {
			value, err = nil, &fileError{fmt.Errorf("it cannot be read: %v", p)}
		}
	}()
	value, err = s.read(f, st.Size())
	if st, again := f.Stat(); again != nil || stampOf(st) != now {
		return nil, stamp{}, errors.New("it was changed while it was read") // which is tried again
	}
	return value, now, err
}

// fault names the file, and says what serves meanwhile.
func (s *source[T]) fault(err error) error {
	var of *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist) && s.held != nil:
		err = fmt.Errorf("%s is there no more", s.path)
	case errors.Is(err, fs.ErrNotExist):
		err = fmt.Errorf("there is no file %s", s.path)
	case errors.As(err, &of):
		err = fmt.Errorf("%s: %w", s.path, of.Err)
	default:
		err = fmt.Errorf("%s: %w", s.path, err)
	}
	if s.held != nil {
		return &staleError{err, s.of}
	}
	return err
}

// staleError is a fault of a file of which old contents, from a time, serve on.
type staleError struct {
	err error
	of  time.Time
}

func (e *staleError) Error() string {
	return fmt.Sprintf("%s; its contents of %s are used until a restart", e.err, e.of.Local().Format(time.DateTime))
}

func (e *staleError) Unwrap() error { return e.err }

// isStale reports whether old contents serve.
func isStale(err error) bool {
	_, stale := errors.AsType[*staleError](err)
	return stale
}

// Store keeps what was read of files for all who use them, as long as somebody does.
type Store struct {
	mu      sync.Mutex
	sources map[string]any // of weak pointers to sources
}

// NewStore makes an empty one.
func NewStore() *Store { return &Store{sources: map[string]any{}} }

// shared is the source of a file in a store.
func shared[T any](s *Store, kind, path string, read func(*os.File, int64) (*T, error)) *source[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := kind + "\x00" + path
	if p, ok := s.sources[key].(weak.Pointer[source[T]]); ok {
		if of := p.Value(); of != nil {
			return of
		}
	}
	of := &source[T]{path: path, key: key, lookup: key + " lookup", read: read}
	s.sources[key] = weak.Make(of)
	return of
}
