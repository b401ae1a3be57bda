package rules

import (
	"slices"
	"strings"

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
	branches := t.Tree(a)
	found := chances(branches, nil, receiver)
	if slices.Contains(t.Always, receiver) {
		found = append(found, Chance{Always, true, "it is told of every alert"})
	}
	if slices.Contains(t.Default, receiver) {
		c := Chance{Default, true, "no route matched"}
		if slices.ContainsFunc(branches, func(b Branch) bool { return b.Outcome == Taken }) {
			c.Told, c.Why = false, "a route matched, so the default is not asked"
		}
		found = append(found, c)
	}
	return found
}

// chances are those of branches. around are the ones that these lie in.
func chances(branches []Branch, around []*Branch, receiver string) (found []Chance) {
	for i := range branches {
		b := &branches[i]
		if b.names(receiver) {
			found = append(found, Chance{b.Route, b.Decides, b.chance(around)})
		}
		found = append(found, chances(b.Branches, append(slices.Clip(around), b), receiver)...)
	}
	return found
}

// chance says why the route told its receivers, or did not.
func (b *Branch) chance(around []*Branch) string {
	switch {
	case b.Outcome == Taken && !b.Decides:
		return "a route inside it matched, and decides"
	case b.Outcome != Unasked:
		return b.Reason
	case b.inside():
		missed := around[slices.IndexFunc(around, func(a *Branch) bool { return a.Route == b.By })]
		return "route " + b.By + " around it does not match: " + missed.Reason
	}
	return "route " + b.By + " matched before it and ends the search"
}

// inside reports whether the route was not asked because one around it was not taken.
func (b *Branch) inside() bool { return strings.HasPrefix(b.Route, b.By+"/") }

// names reports whether the route tells a receiver, if it decides: at once, outside of its times, or later.
func (b *Branch) names(receiver string) bool {
	if slices.Contains(b.To, receiver) {
		return true
	}
	p := b.Policy
	return p != nil && (slices.Contains(p.Outside, receiver) ||
		slices.ContainsFunc(p.Escalate, func(s Step) bool { return slices.Contains(s.To, receiver) }))
}
