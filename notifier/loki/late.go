package loki

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"time"
)

// eventTime is where the time of an alert stands that Loki does not take as the line's.
const eventTime = "event_time"

// stage says where the time of a line is from.
type stage int

const (
	atOwn  stage = iota // the alert
	atKept              // what was used in an earlier attempt, or would be in every one
	atNow               // the clock
)

// lineID is what Loki knows a line by: the labels, the time and the text that it was meant to have.
type lineID [sha256.Size]byte

// justNow is how old a line may be that Loki surely takes, where it does not say how old: it is far less than what it takes out of order.
const justNow = 10 * time.Minute

// lateLines are the times of lines that Loki did not take by their own, and of which it is not known yet whether they are stored: the next
// attempt sends the line with the same one, so that a copy is known as one.
type lateLines struct{ times recent[lineID, time.Time] }

// atAnotherTime is a line that Loki refused for its time: after an outage, an alert that is late is better than none. It has the time of
// an earlier attempt, or that at which the alert came to us, which is the same in every attempt and process, if these are no older than
// what Loki takes; else it is as of now. The time of the alert goes with it.
func (l *lateLines) atAnotherTime(e entry, clock, oldest time.Time) entry {
	if e.stage == atOwn {
		e.known = sha256.Sum256(fmt.Appendf(nil, "%s\n%d\n%s", e.stream(), e.time.UnixNano(), e.line))
		at := e.time.UTC().Format(time.RFC3339Nano)
		e.line, e.metadata = withTime(e.line, at), maps.Clone(e.metadata)
		if e.metadata == nil {
			e.metadata = map[string]string{}
		}
		e.metadata[eventTime] = at
		taken := func(t time.Time) bool { return !t.IsZero() && !t.Equal(e.time) && !t.Before(oldest) && !t.After(clock) }
		if before := l.times.of(e.known); taken(before) {
			e.stage, e.time = atKept, before
			return e
		}
		if taken(e.received) && (!oldest.IsZero() || clock.Sub(e.received) < justNow) {
			e.stage, e.time = atKept, e.received
			return e
		}
	}
	e.stage, e.time = atNow, clock
	l.times.note(e.known, clock)
	return e
}

// forget is for lines that are stored.
func (l *lateLines) forget(stored []entry) {
	for _, e := range stored {
		if e.stage > atOwn {
			l.times.forget(e.known)
		}
	}
}
