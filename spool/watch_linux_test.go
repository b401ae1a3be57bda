package spool

import (
	"testing"
	"time"
)

func TestNewRecordsAreSeenAtOnce(t *testing.T) {
	state := newState(t)
	arrived := arrivals(t.Context(), state+"/spool/new")
	if arrived == nil {
		t.Skip("this system gives no watches")
	}
	for range 3 {
		writeAt(t, state, time.Now())
		select {
		case <-arrived:
		case <-time.After(10 * time.Second):
			t.Fatal("no signal")
		}
	}
}

func TestADirectoryThatIsNotThereIsNotWatched(t *testing.T) {
	if arrivals(t.Context(), t.TempDir()+"/none") != nil {
		t.Error("it is watched")
	}
}
