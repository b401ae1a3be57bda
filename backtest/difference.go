package backtest

import (
	"cmp"
	"context"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/noise"
	"github.com/ossec-notify/ossec-notify/outbox"
)

// difference finds the alerts that one config tells a receiver of, as a message of their own, and the other does not. Both tell
// of the same alert at different times, and so what one told and the other did not yet is kept.
type difference struct {
	mu   sync.Mutex
	on   bool
	seed maphash.Seed
	open map[uint64]telling
	kept map[kind]int // of which all is known
	sum  int          // of kept
}

// kind is what changes have in common that are told alike: a thousand of one kind must not hide the three of another.
type kind struct {
	side           int
	receiver, rule string
}

// telling is an alert that one side has told a receiver of.
type telling struct {
	side int
	what *told // nil beyond maxTold
}

type told struct {
	at                                     time.Time
	identity, rule, title, receiver, route string
	severity                               int
}

// maxTold bounds of how many tellings all is kept; of a kind it is maxChanges.
const maxTold = 20_000

func newDifference(on bool) *difference {
	return &difference{on: on, seed: maphash.MakeSeed(), open: map[uint64]telling{}, kept: map[kind]int{}}
}

// told notes a message of one side.
func (d *difference) told(side int, x dispatch.Told) {
	if !d.on || x.Kind != "" || x.Summary != nil || x.Follows {
		return
	}
	var h maphash.Hash
	h.SetSeed(d.seed)
	h.WriteString(x.Receiver)
	h.WriteByte(0)
	h.WriteString(x.Identity)
	key := h.Sum64()
	d.mu.Lock()
	defer d.mu.Unlock()
	if other, ok := d.open[key]; ok {
		if other.side != side {
			delete(d.open, key)
			if other.what != nil {
				d.keep(kindOf(other), -1)
			}
		}
		return
	}
	t := telling{side: side}
	if k := (kind{side, x.Receiver, x.Rule}); d.sum < maxTold && d.kept[k] < maxChanges {
		d.keep(kind{side, x.Receiver, strings.Clone(x.Rule)}, 1)
		t.what = &told{x.At, strings.Clone(x.Identity), strings.Clone(x.Rule), strings.Clone(x.Title), x.Receiver, x.Route, x.Severity}
	}
	d.open[key] = t
}

func kindOf(t telling) kind { return kind{t.side, t.what.receiver, t.what.rule} }

// keep counts of what all is kept.
func (d *difference) keep(k kind, n int) {
	d.sum += n
	if d.kept[k] += n; d.kept[k] == 0 {
		delete(d.kept, k)
	}
}

// changes are up to maxChanges of them, of each kind the first, in the order of time, and how many there are.
func (d *difference) changes(sides []*side) (out []Change, count int) {
	var all []telling
	for _, t := range d.open {
		if t.what != nil {
			all = append(all, t)
		}
	}
	slices.SortFunc(all, func(x, y telling) int {
		a, b := x.what, y.what
		return cmp.Or(a.at.Compare(b.at), strings.Compare(a.identity, b.identity), strings.Compare(a.receiver, b.receiver))
	})
	for _, t := range spread(all, maxChanges, kindOf) {
		x := t.what
		out = append(out, Change{Time: x.at, Alert: x.identity, Rule: x.rule, Severity: alert.Severity(x.severity).String(),
			Title: display.Quote(x.title).Line().String(), Receiver: x.receiver, Added: t.side == 1, Why: why(x, sides[1-t.side])})
	}
	return out, len(d.open)
}

// Spread are n of the changes or fewer, in their order: of each receiver, rule and direction the first, by turns.
func Spread(changes []Change, n int) []Change {
	return spread(changes, n, func(c Change) kind {
		k := kind{receiver: c.Receiver, rule: c.Rule}
		if c.Added {
			k.side = 1
		}
		return k
	})
}

// spread takes n of all in their order, the first of each kind before the second of any.
func spread[T any](all []T, n int, of func(T) kind) []T {
	if len(all) <= n {
		return all
	}
	seen, turn := map[kind]int{}, make([]int, len(all))
	at := make([]int, len(all))
	for i, x := range all {
		k := of(x)
		at[i], turn[i] = i, seen[k]
		seen[k]++
	}
	slices.SortStableFunc(at, func(a, b int) int { return turn[a] - turn[b] })
	at = at[:n]
	slices.Sort(at)
	out := make([]T, 0, n)
	for _, i := range at {
		out = append(out, all[i])
	}
	return out
}

// why says why the other side did not tell it, as far as that is known by then: what it kept back, or the route that is alone in
// choosing the receiver.
func why(x *told, other *side) string {
	if other.box != nil {
		found, err := other.box.Find(context.Background(), outbox.Filter{Identity: x.identity, Receiver: x.receiver})
		for _, d := range found {
			if err == nil && d.Kind == "" {
				if cause := cmp.Or(noise.FirstCause(d.Notes), noise.Cause(d.Reason)); cause != "" {
					return cause
				}
			}
		}
	}
	return "route " + x.route
}
