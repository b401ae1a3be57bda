package backtest

import (
	"cmp"
	"context"
	"hash/maphash"
	"maps"
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
	open map[uint64]int8  // the side that has told it, and the other not yet
	what map[uint64]*told // of some of those all that is known
}

// told is an alert that one side has told a receiver of.
type told struct {
	side                                   int
	at                                     time.Time
	identity, rule, title, receiver, route string
	severity                               int
}

// maxTold bounds of how many all is kept. The others are counted.
const maxTold = 20_000

func newDifference(on bool) *difference {
	return &difference{on: on, seed: maphash.MakeSeed(), open: map[uint64]int8{}, what: map[uint64]*told{}}
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
		if int(other) != side {
			delete(d.open, key)
			delete(d.what, key)
		}
		return
	}
	d.open[key] = int8(side)
	if len(d.what) < maxTold {
		d.what[key] = &told{side, x.At, strings.Clone(x.Identity), strings.Clone(x.Rule), strings.Clone(x.Title), x.Receiver, x.Route, x.Severity}
	}
}

// changes are the first of them in the order of time, and how many there are.
func (d *difference) changes(sides []*side) (out []Change, count int) {
	all := slices.SortedFunc(maps.Values(d.what), func(a, b *told) int {
		return cmp.Or(a.at.Compare(b.at), strings.Compare(a.identity, b.identity), strings.Compare(a.receiver, b.receiver))
	})
	for _, x := range all[:min(len(all), maxChanges)] {
		out = append(out, Change{Time: x.at, Alert: x.identity, Rule: x.rule, Severity: alert.Severity(x.severity).String(),
			Title: display.Quote(x.title).Line().String(), Receiver: x.receiver, Added: x.side == 1, Why: why(x, sides[1-x.side])})
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
