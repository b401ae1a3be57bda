package spool

import (
	"os"
	"testing"
	"time"
)

func TestFullMark(t *testing.T) {
	state := newState(t)
	for _, full := range []bool{false, true, true, false, false} {
		if err := MarkFull(state, full); err != nil {
			t.Fatal(err)
		}
		if got := IsFull(state); got != full {
			t.Errorf("IsFull is %v, want %v", got, full)
		}
	}
}

func TestFailedLately(t *testing.T) {
	state := newState(t)
	now := time.Now()
	if FailedLately(state, now) {
		t.Error("true where none failed")
	}
	long := now.Add(-time.Hour)
	for range 2 { // a second failure counts anew
		if err := MarkFailed(state); err != nil {
			t.Fatal(err)
		}
		for _, tc := range []struct {
			after time.Duration
			want  bool
		}{{time.Second, true}, {9 * time.Second, true}, {11 * time.Second, false}, {-time.Minute, false}} {
			if got := FailedLately(state, time.Now().Add(tc.after)); got != tc.want {
				t.Errorf("%s after the failure: %v, want %v", tc.after, got, tc.want)
			}
		}
		if err := os.Chtimes(state+"/failed", long, long); err != nil {
			t.Fatal(err)
		}
	}
}
