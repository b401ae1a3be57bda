package window

import (
	"strings"
	"time"
)

// Window is a set of spans of time. Its zero value is never open. It is made by [Parse] or [ParseSpan], does not
// change, and may be used by many at once.
type Window struct {
	// Name is its own in the config, or "".
	Name string
	// Zone is what its times are of; where spans have zones of their own, that of the first. nil is UTC.
	Zone *time.Location

	spans  []span // in the order in which they are written
	always bool   // it never closes
}

// generation is a time in which all that comes back every year has come back on each day of the week: the 29th of
// February does so within 40 years, over 2100 too, which has none.
const generation = 41 * 366 * day

// made is a window of spans, at least one.
func made(name string, spans []span) *Window {
	w := &Window{Name: name, Zone: spans[0].zone, spans: spans, always: whole(spans)}
	// To find that spans with dates, or in several zones, leave nothing out takes a walk through a generation. It is made
	// here, once: most windows close on its first day.
	if t := time.Date(firstYear, 1, 1, 0, 0, 0, 0, time.UTC).Unix(); !w.always {
		if closes, open := w.closes(t); open {
			w.always = w.end(closes).IsZero()
		}
	}
	return w
}

// Open reports whether the window is open at a time. A span begins with its first instant and ends before its last.
func (w *Window) Open(at time.Time) bool {
	_, open := w.closes(at.Unix()) // spans begin and end with whole seconds
	return open
}

// Change is the first time after at when the window opens or closes; zero when it never does.
func (w *Window) Change(at time.Time) time.Time {
	t := at.Unix()
	closes, open := w.closes(t)
	if open {
		return w.end(closes)
	}
	var opens int64
	found := false
	var c clock
	for _, s := range w.spans {
		c = c.at(s.zone, t)
		if begin, ok := s.next(c, t); ok && (!found || begin < opens) {
			opens, found = begin, true
		}
	}
	if !found {
		return time.Time{}
	}
	return w.time(opens)
}

// Opens is at when the window is open then, else the first time after it when it is; zero when it never is again.
func (w *Window) Opens(at time.Time) time.Time {
	if w.Open(at) {
		return at
	}
	return w.Change(at)
}

// end is when the window closes that is open until t at least.
func (w *Window) end(t int64) time.Time {
	if w.always {
		return time.Time{}
	}
	limit := t
	for _, s := range w.spans {
		limit = max(limit, s.over())
	}
	limit += generation
	for t <= limit {
		closes, open := w.closes(t)
		if !open {
			return w.time(t)
		}
		t = closes
	}
	return time.Time{}
}

// closes is when the last of the spans ends that are open at t, if any is.
func (w *Window) closes(t int64) (end int64, open bool) {
	var c clock
	for _, s := range w.spans {
		c = c.at(s.zone, t)
		if e, ok := s.closes(c, t); ok {
			end, open = max(end, e), true
		}
	}
	return end, open
}

func (w *Window) time(t int64) time.Time {
	zone := w.Zone
	if zone == nil {
		zone = time.UTC
	}
	return time.Unix(t, 0).In(zone)
}

// String is the window as [ParseSpan] reads it and the config may say it: each span with its zone, joined by
// semicolons. A zone that is the host's own (time.Local) has no name and is left out.
func (w *Window) String() string {
	texts := make([]string, len(w.spans))
	for i, s := range w.spans {
		texts[i] = s.String()
	}
	return strings.Join(texts, "; ")
}
