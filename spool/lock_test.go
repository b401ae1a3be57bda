package spool

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestOnlyOneHoldsTheLock(t *testing.T) {
	state := newState(t)
	lock, err := TryLock(state, "serve", "v1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := TryLock(state, "deliver", ""); !errors.Is(err, ErrLocked) {
		t.Errorf("second lock: %v, want ErrLocked", err)
	}
	if h, err := ReadHolder(state); err != nil || h.Kind != "serve" {
		t.Errorf("the one that failed to get it changed the file: %v, %v", h, err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	if lock, err = TryLock(state, "deliver", ""); err != nil {
		t.Fatal(err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
}

func TestLockFileSaysWhoHoldsIt(t *testing.T) {
	state := newState(t)
	if _, err := ReadHolder(state); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before anybody held it: %v, want fs.ErrNotExist", err)
	}
	for _, version := range []string{"v1.2.3-rc.1 (abcdef0, modified)", "v1", ""} { // each shorter than the last
		lock, err := TryLock(state, "serve", version)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ReadHolder(state)
		if err != nil {
			t.Fatal(err)
		}
		if got.PID != os.Getpid() || got.Kind != "serve" || got.Version != version || time.Since(got.Started) > time.Minute {
			t.Errorf("holder %+v", got)
		}
		data, err := os.ReadFile(state + "/lock")
		if err != nil {
			t.Fatal(err)
		}
		if want := got.String() + "\n"; string(data) != want {
			t.Errorf("the file holds %q, want %q", data, want)
		}
		if err := lock.Release(); err != nil {
			t.Fatal(err)
		}
		if h, err := ReadHolder(state); err == nil {
			t.Errorf("nobody holds it, but the file says %v", h)
		}
	}
}

func TestReadHolderOfAnythingElse(t *testing.T) {
	state := newState(t)
	for _, text := range []string{"", "\n", "1 serve\n", "x serve 2026-11-23T13:28:24Z v1\n", "-1 serve 2026-11-23T13:28:24Z\n", "1 serve yesterday v1\n"} {
		if err := os.WriteFile(state+"/lock", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if h, err := ReadHolder(state); err == nil {
			t.Errorf("%q was read as %v", text, h)
		}
	}
}

// A second open file of the lock's would compete with the first; a duplicate, which is what a child inherits, is
// the same lock.
func TestInheritedLock(t *testing.T) {
	state := newState(t)
	door, err := TryLock(state, KindDoor, "")
	if err != nil {
		t.Fatal(err)
	}
	fd, err := syscall.Dup(int(door.File().Fd()))
	if err != nil {
		t.Fatal(err)
	}
	if err := door.File().Close(); err != nil { // the door ends
		t.Fatal(err)
	}
	if _, err := TryLock(state, KindDoor, ""); !errors.Is(err, ErrLocked) {
		t.Errorf("before the child took it over: %v, want ErrLocked", err)
	}
	lock, err := LockFromFile(state, os.NewFile(uintptr(fd), "lock"), "deliver", "v1")
	if err != nil {
		t.Fatal(err)
	}
	if h, err := ReadHolder(state); err != nil || h.Kind != "deliver" {
		t.Errorf("holder %v, %v", h, err)
	}
	if _, err := TryLock(state, KindDoor, ""); !errors.Is(err, ErrLocked) {
		t.Errorf("while the child has it: %v, want ErrLocked", err)
	}
	other, err := syscall.Dup(int(lock.File().Fd())) // somewhere
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(other)
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	if lock, err = TryLock(state, "serve", ""); err != nil {
		t.Fatalf("after the child let go: %v", err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
}

func TestLockFromFileWantsTheLock(t *testing.T) {
	state := newState(t)
	lock, err := TryLock(state, "serve", "")
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	other, err := os.Create(filepath.Join(state, "other"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := LockFromFile(state, other, "deliver", ""); err == nil || !strings.Contains(err.Error(), "is not "+state+"/lock") {
		t.Errorf("another file: %v", err)
	}
	if _, err := LockFromFile(state, os.NewFile(1<<20, "closed"), "deliver", ""); !errors.Is(err, syscall.EBADF) {
		t.Errorf("a closed descriptor: %v, want EBADF", err)
	}
	same, err := os.Open(state + "/lock")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := LockFromFile(state, same, "deliver", ""); !errors.Is(err, ErrLocked) {
		t.Errorf("the file, opened anew: %v, want ErrLocked", err)
	}
}

func TestOneCallAtATimeDeliversWithoutASpool(t *testing.T) {
	home := t.TempDir()
	unlock, err := LockHome(home)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := LockHome(home); !errors.Is(err, ErrLocked) {
		t.Errorf("second call: %v, want ErrLocked", err)
	}
	unlock()
	if unlock, err = LockHome(home); err != nil {
		t.Fatal(err)
	}
	unlock()
}

// Whoever can write to the state directory can put anything there. Root's doctor looks into it, too.
func TestNothingWaitsForWhatLiesWhereAFileShould(t *testing.T) {
	for name, plant := range map[string]func(path string) error{
		"FIFO":             func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"directory":        func(path string) error { return os.Mkdir(path, 0o700) },
		"link":             func(path string) error { return os.Symlink("spool/target", path) },
		"link to a device": func(path string) error { return os.Symlink("/dev/zero", path) },
	} {
		t.Run(name, func(t *testing.T) {
			state := newState(t)
			for _, file := range []string{"lock", "failed", "spool/full"} {
				if err := plant(state + "/" + file); err != nil {
					t.Fatal(err)
				}
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				if l, err := TryLock(state, "serve", ""); err == nil {
					t.Errorf("the lock is held: %v", l.Release())
				}
				if h, err := ReadHolder(state); err == nil {
					t.Errorf("the holder is %v", h)
				}
				if err := MarkFailed(state); err == nil {
					t.Error("it is marked as failed")
				}
				if err := MarkFull(state, true); err == nil {
					t.Error("it is marked as full")
				}
			}()
			select {
			case <-done:
			case <-time.After(20 * time.Second):
				t.Fatal("it hangs")
			}
			if _, err := os.Lstat(state + "/spool/target"); err == nil {
				t.Error("the link was followed")
			}
		})
	}
}
