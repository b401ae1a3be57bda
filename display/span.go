package display

import (
	"fmt"
	"time"
)

// Span is a time span in words, to the nearest unit that matters to a reader: 45 s, 14 min, 3 h 5 min, 2 days.
func Span(t time.Duration) string {
	if s := t.Round(time.Second); s < time.Minute {
		return fmt.Sprintf("%d s", s/time.Second)
	}
	m := t.Round(time.Minute) / time.Minute
	switch {
	case m < 60:
		return fmt.Sprintf("%d min", m)
	case m >= 2*24*60:
		return fmt.Sprintf("%d days", m/(24*60))
	case m%60 == 0:
		return fmt.Sprintf("%d h", m/60)
	}
	return fmt.Sprintf("%d h %d min", m/60, m%60)
}

// Moment is a time as people read it, in the zone that it has: 2026-12-24 18:00 CET.
func Moment(t time.Time) string { return t.Format("2006-01-02 15:04 MST") }
