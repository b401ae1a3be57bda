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
	Err        error
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

// lost is standing, once all has been told that nobody else could tell.
func (d *Deliverer) lost(ctx context.Context) error {
	if d.Lost == nil {
		return nil
	}
	outbox, why := d.Lost()
	if why == nil || !outbox {
		return why
	}
	d.Log.Error("the outbox is lost: what is due is delivered now, what waits for longer is named here, and the manager's logs still hold its alerts", "err", why)
	d.lastRound(ctx)
	left := d.tellLost(context.WithoutCancel(ctx))
	return &LostError{At: time.Now(), Deliveries: len(left), Known: left[:min(len(left), lastTold)], Err: why}
}

// unrecorded is what came of deliveries and could not be recorded.
type unrecorded struct {
	mu    sync.Mutex
	ended map[int64]bool // by [outbox.Delivery.Seq]: delivered, or refused for good
}

func (u *unrecorded) add(results []outbox.Result) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, r := range results {
		if (r.State == outbox.Delivered || r.State == outbox.Dead) && len(r.Fallback) == 0 {
			if u.ended == nil {
				u.ended = map[int64]bool{}
			}
			u.ended[r.Seq] = true
		}
	}
}

// leaves is what is not among them.
func (u *unrecorded) leaves(all []outbox.Delivery) []outbox.Delivery {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.DeleteFunc(all, func(x outbox.Delivery) bool { return u.ended[x.Seq] })
}

// lastRound gives the lanes [Deliverer.Grace] to deliver what is due. Lanes for which there was no room on the disk have ended; what is due
// to their receivers is delivered as it stands, and not recorded: nobody will read this outbox again.
func (d *Deliverer) lastRound(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, d.Grace)
	defer cancel()
	var straight sync.WaitGroup
	defer straight.Wait()
	begun := map[string]bool{}
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
			live := false
			for _, l := range d.lanesOf(ctx, q.Receiver, q.Counts[outbox.Pending]+q.Counts[outbox.Delivering]) {
				live = live || !l.ended.Load()
				l.poke()
			}
			if !live && !begun[q.Receiver] {
				begun[q.Receiver] = true
				straight.Go(func() { d.deliverStraight(ctx, q.Receiver) })
			}
			due = due || live
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

// deliverStraight delivers what is due to a receiver, until it fails.
func (d *Deliverer) deliverStraight(ctx context.Context, name string) {
	all, err := d.Box.Find(ctx, outbox.Filter{Receiver: name, States: []outbox.State{outbox.Pending}})
	if err != nil {
		return // tellLost meets it too
	}
	now := time.Now()
	all = slices.DeleteFunc(d.unrecorded.leaves(all), func(x outbox.Delivery) bool { return x.Due.After(now) })
	l := newLane(d, name)
	for len(all) > 0 && l.health.Failures == 0 {
		batch := all[:min(len(all), l.batch(d.Site.Receiver(name)))]
		results := l.deliver(ctx, ctx, d.Site.Receiver(name), batch)
		d.unrecorded.add(results)
		all = all[len(batch):]
	}
}

// tellLost says which deliveries nobody will make.
func (d *Deliverer) tellLost(ctx context.Context) []outbox.Delivery {
	left, err := d.Box.Find(ctx, outbox.Filter{States: []outbox.State{outbox.Pending, outbox.Delivering, outbox.Held}})
	if err != nil {
		d.Log.Error("what was lost with the outbox is not known", "err", err)
		return nil
	}
	left = d.unrecorded.leaves(left)
	for i, x := range left {
		if i == lastTold {
			d.Log.Error("more deliveries are lost with the outbox", "deliveries", len(left)-i)
			break
		}
		d.Log.Error("delivery is lost with the outbox",
			"delivery", x.ID, "alert", x.Alert.Identity, "rule", x.Alert.Rule, "receiver", x.Receiver, "state", x.State, "reason", x.Reason)
	}
	return left
}
