package rules

import (
	"slices"

	"github.com/ossec-notify/ossec-notify/alert"
)

// Chance is a route that could tell a receiver of an alert, and what it did with one.
type Chance struct {
	Route string
	// Told: the route decided, so the receiver is told (now, outside of its times, or at a later step).
	Told bool
	// Why says it in words: the reason of the match, or what kept the route from being asked.
	Why string
}

// Chances says of every route that names a receiver what it did with an alert, in the order of the routes; then of Always and
// Default. It answers why somebody was told, or was not.
func (t *Table) Chances(a *alert.Alert, receiver string) []Chance {
	w := chances{alert: a, receiver: receiver}
	matched := w.try(t.Routes, nil, "")
	if slices.Contains(t.Always, receiver) {
		w.found = append(w.found, Chance{Always, true, "it is told of every alert"})
	}
	if slices.Contains(t.Default, receiver) {
		c := Chance{Default, !matched, "no route matched"}
		if matched {
			c.Why = "a route matched, so the default is not asked"
		}
		w.found = append(w.found, c)
	}
	return w.found
}

type chances struct {
	alert    *alert.Alert
	receiver string
	found    []Chance
}

// try looks at sibling routes; blocked says why they are not asked at all, "" if they are. It reports whether any matched.
func (w *chances) try(routes []*Route, parent *position, blocked string) (matched bool) {
	for i, r := range routes {
		at := &position{r, i, parent}
		held, reason := r.Match.Explain(w.alert)
		below := blocked
		switch {
		case below != "":
		case !held:
			below = "route " + at.path() + " around it does not match: " + reason
		}
		place := len(w.found)
		nested := w.try(r.Routes, at, below)
		if names(at, w.receiver) {
			c := Chance{Route: at.path(), Why: reason}
			switch {
			case blocked != "":
				c.Why = blocked
			case held && nested:
				c.Why = "a route inside it matched, and decides"
			default:
				c.Told = held
			}
			w.found = slices.Insert(w.found, place, c)
		}
		if blocked == "" && held {
			matched = true
			if !r.Continue {
				blocked = "route " + at.path() + " matched before it and ends the search"
			}
		}
	}
	return matched
}

// names reports whether a route tells a receiver, if it decides: at once, outside of its times, or later.
func names(at *position, receiver string) bool {
	if slices.Contains(at.receivers().To, receiver) {
		return true
	}
	p := at.route.Policy
	if p == nil {
		return false
	}
	return slices.Contains(p.Outside, receiver) || slices.ContainsFunc(p.Escalate, func(s Step) bool { return slices.Contains(s.To, receiver) })
}
