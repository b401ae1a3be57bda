package display

import (
	"testing"
	"time"
)

func TestSpanIsWhatPeopleSay(t *testing.T) {
	for d, want := range map[time.Duration]string{
		1499 * time.Millisecond: "1 s", 59 * time.Second: "59 s", 59600 * time.Millisecond: "1 min", 14 * time.Minute: "14 min",
		59*time.Minute + 40*time.Second: "1 h", 90 * time.Minute: "1 h 30 min", 2 * time.Hour: "2 h", 47 * time.Hour: "47 h",
		49 * time.Hour: "2 days",
	} {
		if got := Span(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}
