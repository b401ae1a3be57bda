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
	kept int // of which all is known
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

// maxTold bounds of how many tellings all is kept.
const maxTold = 20_000

func newDifference(on bool) *difference {
	return &difference{on: on, seed: maphash.MakeSeed(), open: map[uint64]telling{}}
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
				d.kept--
			}
		}
		return
	}
	t := telling{side: side}
	if d.kept < maxTold {
		d.kept++
		t.what = &told{x.At, strings.Clone(x.Identity), strings.Clone(x.Rule), strings.Clone(x.Title), x.Receiver, x.Route, x.Severity}
	}
	d.open[key] = t
}

// changes are the first of them in the order of time, and how many there are.
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
	for _, t := range all[:min(len(all), maxChanges)] {
		x := t.what
		out = append(out, Change{Time: x.at, Alert: x.identity, Rule: x.rule, Severity: alert.Severity(x.severity).String(),
			Title: display.Quote(x.title).Line().String(), Receiver: x.receiver, Added: t.side == 1, Why: why(x, sides[1-t.side])})
	}
	return out, len(d.open)
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
