package spool

import (
	"errors"
	"os"
	"testing"
)

func TestAnOutboxIsInUseThoughTheLockWasRemoved(t *testing.T) {
	state := newState(t)
	lock, err := TryLock(state, "serve", "v1")
	if err != nil {
		t.Fatal(err)
	}
	release, err := TryUse(state)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(state + "/lock"); err != nil {
		t.Fatal(err)
	}
	second, err := TryLock(state, "background", "v1")
	if err != nil {
		t.Fatal("the lock that was removed keeps others out:", err)
	}
	if _, err := TryUse(state); !errors.Is(err, ErrLocked) {
		t.Errorf("while the first has it in use: %v, want ErrLocked", err)
	}
	if err := errors.Join(lock.Release(), release()); err != nil {
		t.Fatal(err)
	}
	if release, err = TryUse(state); err != nil {
		t.Error("once the first has let go:", err)
	}
	if err := errors.Join(second.Release(), release()); err != nil {
		t.Error(err)
	}
	if _, err := TryUse(state + "/lock"); err == nil {
		t.Error("a file counts as a state directory")
	}
}
