package dispatch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
)

// DeliverNow delivers where there is no later: what is not told when ctx ends is lost. So a receiver that has fallbacks is tried for
// half of the time that is left, and when it has failed they are told in the rest of it, whatever its FallbackAfter. Each receiver is told
// once. done is called for each outcome, from one goroutine at a time; that of a receiver whose fallbacks take over is
// [outbox.Suppressed].
func (d *Dispatcher) DeliverNow(ctx context.Context, deliveries []Delivery, done func(Outcome)) {
	n := now{Dispatcher: d, done: done, told: map[string]bool{}}
	planned := AtOnce(deliveries)
	for _, x := range planned {
		n.told[x.Receiver.Name] = true
	}
	for _, x := range planned {
		n.wg.Go(func() { n.deliver(ctx, x) })
	}
	n.wg.Wait()
}

// now is one run of DeliverNow.
type now struct {
	*Dispatcher
	wg   sync.WaitGroup
	done func(Outcome)

	mu   sync.Mutex
	told map[string]bool // receivers that have a delivery
}

func (n *now) deliver(ctx context.Context, x Delivery) {
	instead := n.fallbacks(x.Receiver)
	own := ctx
	if deadline, ok := ctx.Deadline(); ok && len(instead) > 0 {
		half := time.Until(deadline) / 2
		var cancel context.CancelFunc
		own, cancel = context.WithTimeoutCause(ctx, half, errors.New("the rest of the time is for its fallback"))
		defer cancel()
	}
	out, dead := n.Dispatcher.deliver(own, x)
	log := n.log(x).With("attempt", out.Attempts)
	switch {
	case dead == "":
	case len(instead) == 0:
		log.Error(dead, "err", out.Err)
	default:
		out.State = outbox.Suppressed
		var to []string
		for _, r := range instead {
			to = append(to, r.Name)
		}
		log.Error("fallback takes over", "to", strings.Join(to, ", "), "err", out.Err)
	}
	n.tell(out)
	for _, y := range n.reportsInMemory(out) {
		n.tell(n.Deliver(ctx, y))
	}
	if out.State != outbox.Suppressed {
		return
	}
	failure := notifier.Classify(out.Err)
	why := "has failed"
	if failure.Reason != notifier.Temporary {
		why = "refused it"
	}
	for _, r := range instead {
		if !n.first(r.Name) {
			continue
		}
		y := x
		y.ID, y.Receiver, y.Route, y.Alias, y.Note = DeliveryID(x.Alert.Identity(), r.Name, x.Occurrence), r, "", "", ""
		y.Instead = fmt.Sprintf("%s %s (%s)", x.Receiver.Name, why, brief(failure))
		n.wg.Go(func() { n.deliver(ctx, y) })
	}
}

// fallbacks are the receivers that take the place of one.
func (n *now) fallbacks(r *Receiver) []*Receiver {
	var out []*Receiver
	for _, name := range r.Fallback {
		if f := n.Receivers[name]; f != nil && notifier.Follows(f.Notifier, notifier.Trigger) {
			out = append(out, f)
		}
	}
	return out
}

// first reports whether a receiver has no delivery yet; it has one then.
func (n *now) first(receiver string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	first := !n.told[receiver]
	n.told[receiver] = true
	return first
}

func (n *now) tell(o Outcome) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.done(o)
}
