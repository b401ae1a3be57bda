package family

import (
	"strconv"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
)

// count finds how many events the alert stands for. The lines that came with it are some of them; the frequency
// of the rule says how many it takes to fire it.
func count(a *alert.Alert, r *Reading) {
	shown := 1 + len(a.Previous)
	if isOutput(a) {
		shown = 1
	}
	if a.Format == alert.FormatLog && !allDated(a) {
		shown = 1
	}
	needed := a.Rule.Frequency
	if a.Format == alert.FormatOSSEC && needed > 0 {
		needed += 2 // ossec-hids fires a rule of frequency n at event n+2
	}
	r.Composite = shown > 1 || needed > 0
	r.Count = max(shown, needed)
	r.AtLeast = shown < r.Count
	if !r.Composite && countsEvents(a) {
		r.Composite, r.AtLeast = true, true
	}
}

// isOutput reports what a monitored command printed: the lines behind it are what it printed the time before, and no events.
func isOutput(a *alert.Alert) bool {
	const before = "Previous output:"
	return strings.HasPrefix(a.Log, "ossec: output: ") || len(a.Previous) > 0 && strings.HasPrefix(a.Previous[0], before)
}

// allDated reports whether every line begins with a date. In alerts.log the earlier events and the further lines
// of one event look the same; without dates we do not count them.
func allDated(a *alert.Alert) bool {
	for _, l := range append([]string{a.Log}, a.Previous...) {
		if stamp, _ := lineStamp(l); stamp == "" {
			return false
		}
	}
	return true
}

// countsEvents knows the stock rules that count events by their ids: the shell file brings neither the number
// nor the earlier lines, and the lines of alerts.log may have no dates.
func countsEvents(a *alert.Alert) bool {
	return isStockRule(a, ids{5551, 5551}, ids{5712, 5712}, ids{5719, 5720}, ids{5763, 5763},
		ids{18152, 18152}, ids{31151, 31154}, ids{31161, 31163}, ids{40111, 40112}, ids{60204, 60204})
}

// tries says how often, and within which time where all lines are there to tell.
func (r *Reading) tries(a *alert.Alert) display.Text {
	n := strconv.Itoa(r.Count)
	switch {
	case r.Count < 2:
		return display.Text{}
	case r.AtLeast:
		return w("at least " + n)
	}
	if len(a.Previous) == 0 {
		return w(n)
	}
	first, ok1 := lineTime(a.Previous[len(a.Previous)-1])
	last, ok2 := lineTime(a.Log)
	if span := last.Sub(first); ok1 && ok2 && span >= 0 {
		return w(n + " in " + duration(span))
	}
	return w(n)
}

// addTries adds the fact Tries where the family has not said how often in its own place.
func (r *Reading) addTries(a *alert.Alert) {
	if !r.Composite || r.Family == "unreadable" || r.has("Tries") || r.has("Failures") {
		return
	}
	r.Facts = r.Facts[:min(len(r.Facts), maxFacts-1)]
	r.fact("Tries", r.tries(a))
}

func (r *Reading) has(label string) bool {
	for _, f := range r.Facts {
		if f.Label == label {
			return true
		}
	}
	return false
}

// stamps are the dates at the beginning of log lines.
var stamps = []struct {
	at     pattern
	layout string
}{
	{compile(``, `^([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) `), "Jan _2 15:04:05"},
	{compile(``, `^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)`), "2006-01-02 15:04:05"},
	{compile(``, `^\S+ \S+ \S+ \[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d) `), "02/Jan/2006:15:04:05"},
	{compile(``, `^(\d{4} [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d) `), "2006 Jan 02 15:04:05"},
}

// lineTime is the time at the beginning of a log line. Zones are not looked at, and syslog has no year: it
// serves to compare lines of one log only.
func lineTime(line string) (time.Time, bool) {
	text, layout := lineStamp(line)
	if text == "" {
		return time.Time{}, false
	}
	t, err := time.Parse(layout, strings.Replace(text, "T", " ", 1))
	return t, err == nil
}

// lineStamp is the date at the beginning of a log line as it stands there, and the layout of package time for it
// (with a blank for the T of ISO 8601).
func lineStamp(line string) (text, layout string) {
	for _, s := range stamps {
		if m := s.at.find(line); m != nil {
			return m[1], s.layout
		}
	}
	return "", ""
}

// duration words a span of time with one unit.
func duration(d time.Duration) string {
	switch {
	case d < time.Second:
		return "less than 1 s"
	case d < 2*time.Minute:
		return strconv.Itoa(int(d/time.Second)) + " s"
	case d < 2*time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + " min"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + " h"
	}
	return strconv.Itoa(int(d/(24*time.Hour))) + " days"
}
