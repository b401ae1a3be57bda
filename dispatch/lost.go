package dispatch

import (
	"context"
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

// lastRound gives the lanes [Deliverer.Grace] to deliver what is due.
func (d *Deliverer) lastRound(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, d.Grace)
	defer cancel()
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
				due = due || !l.ended.Load() // as one has for which there was no room on the disk
				l.poke()
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

// tellLost says which deliveries nobody will make.
func (d *Deliverer) tellLost(ctx context.Context) []outbox.Delivery {
	left, err := d.Box.Find(ctx, outbox.Filter{States: []outbox.State{outbox.Pending, outbox.Delivering, outbox.Held}})
	if err != nil {
		d.Log.Error("what was lost with the outbox is not known", "err", err)
		return nil
	}
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
