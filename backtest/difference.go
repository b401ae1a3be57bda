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
	kept map[kind]int     // how many of what
	sum  int              // of kept
	// recent are causes that one side had lately, for alerts that the other has not told yet. At the end the outbox would not
	// have them any more: it forgets.
	recent [2]causes
}

// causes are the last ones, by what they are of.
type causes struct {
	of   map[uint64]string
	last []uint64
	next int
}

// maxCauses bounds them: a side is some hundreds of alerts ahead of the other.
const maxCauses = 8192

func (c *causes) add(key uint64, cause string) {
	if c.of == nil {
		c.of = map[uint64]string{}
	}
	if len(c.last) < maxCauses {
		c.last = append(c.last, key)
	} else {
		delete(c.of, c.last[c.next])
		c.last[c.next], c.next = key, (c.next+1)%maxCauses
	}
	c.of[key] = cause
}

// kind is what changes have in common that are told alike: a thousand of one kind must not hide the three of another.
type kind struct {
	side           int
	receiver, rule string
}

type told struct {
	side                                          int
	at                                            time.Time
	identity, rule, title, receiver, route, cause string // cause is why the other side kept it back
	severity                                      int
}

// maxTold bounds of how many tellings all is kept; of a kind it is maxChanges.
const maxTold = 20_000

func newDifference(on bool) *difference {
	return &difference{on: on, seed: maphash.MakeSeed(), open: map[uint64]int8{}, what: map[uint64]*told{}, kept: map[kind]int{}}
}

// key is what an alert for a receiver is found by.
func (d *difference) key(receiver, identity string) uint64 {
	var h maphash.Hash
	h.SetSeed(d.seed)
	h.WriteString(receiver)
	h.WriteByte(0)
	h.WriteString(identity)
	return h.Sum64()
}

// comes notes why one side keeps an alert back.
func (d *difference) comes(side int, x dispatch.For) {
	if !d.on || x.Cause == "" {
		return
	}
	key := d.key(x.Receiver, x.Alert.Identity())
	d.mu.Lock()
	defer d.mu.Unlock()
	if other, ok := d.open[key]; ok && int(other) != side {
		if t := d.what[key]; t != nil {
			t.cause = x.Cause
		}
		return
	}
	d.recent[side].add(key, x.Cause)
}

// told notes a message of one side.
func (d *difference) told(side int, x dispatch.Told) {
	if !d.on || x.Kind != "" || x.Summary != nil || x.Follows {
		return
	}
	key := d.key(x.Receiver, x.Identity)
	d.mu.Lock()
	defer d.mu.Unlock()
	if other, ok := d.open[key]; ok {
		if int(other) != side {
			if t := d.what[key]; t != nil {
				d.keep(kindOf(t), -1)
			}
			delete(d.open, key)
			delete(d.what, key)
		}
		return
	}
	d.open[key] = int8(side)
	if k := (kind{side, x.Receiver, x.Rule}); d.sum < maxTold && d.kept[k] < maxChanges {
		d.keep(kind{side, x.Receiver, strings.Clone(x.Rule)}, 1)
		d.what[key] = &told{side, x.At, strings.Clone(x.Identity), strings.Clone(x.Rule), strings.Clone(x.Title), x.Receiver, x.Route, d.recent[1-side].of[key], x.Severity}
	}
}

func kindOf(t *told) kind { return kind{t.side, t.receiver, t.rule} }

// keep counts of what all is kept.
func (d *difference) keep(k kind, n int) {
	d.sum += n
	if d.kept[k] += n; d.kept[k] == 0 {
		delete(d.kept, k)
	}
}

// changes are up to maxChanges of them, of each kind the first, in the order of time, and how many there are.
func (d *difference) changes(sides []*side) (out []Change, count int) {
	all := slices.SortedFunc(maps.Values(d.what), func(a, b *told) int {
		return cmp.Or(a.at.Compare(b.at), strings.Compare(a.identity, b.identity), strings.Compare(a.receiver, b.receiver))
	})
	for _, x := range spread(all, maxChanges, kindOf) {
		out = append(out, Change{Time: x.at, Alert: x.identity, Rule: x.rule, Severity: alert.Severity(x.severity).String(),
			Title: display.Quote(x.title).Line().String(), Receiver: x.receiver, Added: x.side == 1, Why: why(x, sides[1-x.side])})
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
	if x.cause != "" {
		return x.cause
	}
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
