package dispatch

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/ossec-notify/ossec-notify/outbox"
)

// When somebody removes the outbox under a deliverer, the system keeps the file for as long as this process has it open, and not longer.
// So nothing is entered any more, what is due goes out, and the rest is told in the log: nobody else can find it.

const (
	lastLook = 50 * time.Millisecond // how often is looked whether all that is due has gone out
	lastTold = 100                   // of how many lost deliveries the log tells one by one
)

// LostError is why a deliverer ended whose outbox somebody removed. What went with it only its process knows, and the log.
type LostError struct {
	At time.Time
	// Deliveries is how many were to be made yet; Known are the first of them.
	Deliveries int
	Known      []outbox.Delivery
	// Unknown: the outbox could not be read any more, so there may have been any.
	Unknown bool
	Err     error
}

func (e *LostError) Error() string { return e.Err.Error() }
func (e *LostError) Unwrap() error { return e.Err }

// standing is why the deliverer must end; nil where what it works in is still there.
func (d *Deliverer) standing() error {
	if d.Lost == nil {
		return nil
	}
	_, why := d.Lost()
	return why
}

// lost is standing, once all has been told that nobody else could tell. end has the lanes come to their end. What is told to stop makes
// no last round.
func (d *Deliverer) lost(ctx context.Context, end func()) error {
	if d.Lost == nil {
		return nil
	}
	outbox, why := d.Lost()
	if why == nil || !outbox {
		return why
	}
	if ctx.Err() == nil {
		d.Log.Error("the outbox is lost: what is due is delivered now, what waits for longer is named here, and the manager's logs still hold its alerts", "err", why)
		d.lastRound(ctx)
	} else {
		d.Log.Error("the outbox is lost: what waits in it is named here, and the manager's logs still hold its alerts", "err", why)
	}
	end() // what is in hand yet may still arrive
	left, err := d.tellLost(context.WithoutCancel(ctx))
	return &LostError{At: time.Now(), Deliveries: len(left), Known: left[:min(len(left), lastTold)], Unknown: err != nil, Err: why}
}

// unrecorded is what came of deliveries and could not be recorded.
type unrecorded struct {
	mu   sync.Mutex
	came map[int64]outbox.Result // by [outbox.Delivery.Seq]
	// instead are deliveries that the results ask for, to fallbacks above all. They are in no outbox; their Seq is negative.
	instead []outbox.Delivery
	entered map[string]bool // theirs, by id
}

func (u *unrecorded) add(results []outbox.Result) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, r := range results {
		if _, known := u.came[r.Seq]; known && r.State == outbox.Pending && r.Attempt == nil {
			continue // put back: what came of it before holds
		}
		if u.came == nil {
			u.came = map[int64]outbox.Result{}
		}
		u.came[r.Seq] = r
	}
}

// open are those that have not come to an end, as they are by now, and ended what came of the others, in the same order as over.
func (u *unrecorded) open(all []outbox.Delivery) (open, over []outbox.Delivery, ended []outbox.Result) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, x := range all {
		r, ok := u.came[x.Seq]
		if ok && !r.State.Open() {
			over, ended = append(over, x), append(ended, r)
			continue
		}
		if ok {
			x.State, x.Due, x.Reason = r.State, r.Due, r.Reason
		}
		if ok && r.Attempt != nil {
			x.Attempts++
			x.Ambiguous = x.Ambiguous || r.Attempt.Ambiguous
		}
		open = append(open, x)
	}
	return open, over, ended
}

// enter makes the deliveries that a result asks for, unless has says of one that it is in the outbox.
func (u *unrecorded) enter(x outbox.Delivery, r outbox.Result, has func(id string) bool) (out []outbox.Delivery) {
	for _, n := range slices.Concat(r.Fallback, r.Also) {
		name := n.Receiver
		if n.Kind != "" {
			name += "\n" + n.Kind
		}
		id := DeliveryID(x.Alert.Identity, name, x.Alert.Occurrence)
		if has(id) {
			continue
		}
		y := outbox.Delivery{ID: id, Alert: x.Alert, Receiver: n.Receiver, Channel: n.Channel, Route: n.Route, Severity: n.Severity,
			State: outbox.Pending, Kind: n.Kind, Notes: n.Notes, About: n.About, Queued: time.Now()}
		u.mu.Lock()
		if !u.entered[id] {
			if u.entered == nil {
				u.entered = map[string]bool{}
			}
			u.entered[id] = true
			y.Seq = -int64(len(u.instead)) - 1
			u.instead = append(u.instead, y)
			out = append(out, y)
		}
		u.mu.Unlock()
	}
	return out
}

// lastRound gives the lanes [Deliverer.Grace] to deliver what is due. Lanes for which there was no room on the disk have ended; what is due
// to their receivers is delivered as it stands, and not recorded: nobody will read this outbox again.
func (d *Deliverer) lastRound(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, d.Grace)
	defer cancel()
	var straight sync.WaitGroup
	defer straight.Wait()
	look := time.NewTicker(lastLook)
	defer look.Stop()
	for {
		queues, err := d.Box.Queues(ctx)
		if err != nil {
			return // tellLost meets it too
		}
		now, due := time.Now(), false
		for _, q := range queues {
			if q.Counts[outbox.Delivering] == 0 && (q.Due.IsZero() || q.Due.After(now)) {
				continue
			}
			for _, l := range d.lanesOf(ctx, q.Receiver, q.Counts[outbox.Pending]+q.Counts[outbox.Delivering]) {
				due = due || !l.ended.Load()
				l.poke()
			}
			if ended := d.inPlaceOf(q.Receiver); ended != nil {
				straight.Go(func() { d.deliverStraight(ctx, q.Receiver, ended) })
			}
		}
		if !due {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
	}
}

// inPlaceOf are the lanes of a receiver, once, if all of them have ended. It gets no others then.
func (d *Deliverer) inPlaceOf(name string) []*lane {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := d.lanes[name]
	if d.straightTo[name] || slices.ContainsFunc(all, func(l *lane) bool { return !l.ended.Load() }) {
		return nil
	}
	d.straightTo[name] = true
	return slices.Clone(all)
}

// deliverStraight delivers what is due to a receiver whose lanes have ended, and what came of it is to be told to others.
func (d *Deliverer) deliverStraight(ctx context.Context, name string, ended []*lane) {
	all, err := d.Box.Find(ctx, outbox.Filter{Receiver: name, States: []outbox.State{outbox.Delivering, outbox.Pending, outbox.Held}})
	if err != nil {
		return // tellLost meets it too
	}
	due, over, came := d.unrecorded.open(all)
	now := time.Now()
	due = slices.DeleteFunc(due, func(x outbox.Delivery) bool {
		return x.Due.After(now) || x.State == outbox.Held && x.Due.IsZero()
	})
	instead := d.instead(ctx, over, came)
	instead = append(instead, d.straight(ctx, name, ended, due)...)
	for len(instead) > 0 { // ends: no fallback stands for itself in the end
		to := instead[0].Receiver
		theirs, others := []outbox.Delivery(nil), []outbox.Delivery(nil)
		for _, x := range instead {
			if x.Receiver == to {
				theirs = append(theirs, x)
			} else {
				others = append(others, x)
			}
		}
		instead = append(others, d.straight(ctx, to, []*lane{newLane(d, to)}, theirs)...)
	}
}

// straight delivers by lanes that nobody else uses, until the receiver fails. It returns what is to be told to others because of that.
func (d *Deliverer) straight(ctx context.Context, name string, by []*lane, all []outbox.Delivery) (instead []outbox.Delivery) {
	var mu sync.Mutex // of all and instead
	take := func(n int) []outbox.Delivery {
		mu.Lock()
		defer mu.Unlock()
		batch := all[:min(n, len(all))]
		all = all[len(batch):]
		return batch
	}
	var group sync.WaitGroup
	for _, l := range by[:min(len(by), lanes(d.Site.Receiver(name)))] {
		group.Go(func() {
			for ctx.Err() == nil && !l.health.NextAt.After(time.Now()) {
				r := d.Site.Receiver(name)
				batch := take(l.batch(r))
				if len(batch) == 0 {
					return
				}
				results := l.deliver(ctx, ctx, r, batch)
				d.unrecorded.add(results)
				more := d.instead(ctx, batch, results)
				mu.Lock()
				instead = append(instead, more...)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return instead
}

// instead are the deliveries that results ask for and that nobody has entered.
func (d *Deliverer) instead(ctx context.Context, of []outbox.Delivery, results []outbox.Result) (out []outbox.Delivery) {
	for i, r := range results {
		out = append(out, d.unrecorded.enter(of[i], r, func(id string) bool {
			found, err := d.Box.Find(ctx, outbox.Filter{IDs: []string{id}})
			return err == nil && len(found) > 0
		})...)
	}
	return out
}

// tellLost says which deliveries nobody will make.
func (d *Deliverer) tellLost(ctx context.Context) ([]outbox.Delivery, error) {
	all, err := d.Box.Find(ctx, outbox.Filter{States: []outbox.State{outbox.Pending, outbox.Delivering, outbox.Held}})
	if err != nil {
		d.Log.Error("what was lost with the outbox is not known", "err", err)
		return nil, err
	}
	_, over, came := d.unrecorded.open(all)
	d.instead(ctx, over, came) // for which there was no time
	left, _, _ := d.unrecorded.open(append(all, d.unrecorded.instead...))
	for i, x := range left {
		if i == lastTold {
			d.Log.Error("more deliveries are lost with the outbox", "deliveries", len(left)-i)
			break
		}
		d.Log.Error("delivery is lost with the outbox",
			"delivery", x.ID, "alert", x.Alert.Identity, "rule", x.Alert.Rule, "receiver", x.Receiver, "state", x.State, "reason", x.Reason)
	}
	return left, nil
}
