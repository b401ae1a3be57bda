package noise

import (
	"context"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
)

// stepsOf are the receivers of later steps, for a bundle that begins an escalation.
func stepsOf(policy *rules.Policy, wants []Want) []stepWant {
	var out []stepWant
	for _, w := range wants {
		if w.Step > 1 {
			out = append(out, stepWant{w.Receiver, w.Channel, w.Route, w.Step, len(policy.Escalate), whoBefore(policy, w.Step), w.After})
		}
	}
	return out
}

// whoBefore are the receivers of the step before.
func whoBefore(policy *rules.Policy, step int) []string {
	if policy == nil || step < 2 || step-2 >= len(policy.Escalate) {
		return nil
	}
	return policy.Escalate[step-2].To
}

// step enters the delivery of a later step: held until its time, and no longer needed once somebody has taken the incident.
// Where the alert itself is not told now there is nothing to escalate.
func (p *planning) step(w Want, v verdict, policy *rules.Policy) error {
	if v.state == outbox.Held { // its bundle brings the steps, or none: a digest asks nobody to come
		return nil
	}
	if !v.decided() && v.ongoing != "" {
		v.suppress("%s", v.ongoing)
	}
	if err := p.isTaken(&v); err != nil {
		return err
	}
	if v.decided() {
		v.bundle = "" // who would have come to help need not hear of it
		p.tell(Want{Receiver: w.Receiver, Channel: w.Channel, Route: w.Route}, v, nil)
		p.out[len(p.out)-1].Kind = stepKind(w.Step)
		return nil
	}
	p.out = append(p.out, p.stepDelivery(stepWant{w.Receiver, w.Channel, w.Route, w.Step, len(policy.Escalate), whoBefore(policy, w.Step), w.After},
		int(p.in.severity), p.in.now, v.about))
	return nil
}

// isTaken suppresses the later steps of one more message about what somebody has taken, unless it has become more severe
// since: that person may not know.
func (p *planning) isTaken(v *verdict) error {
	if v.decided() || v.rises || v.about == nil || v.about.First == nil {
		return nil
	}
	ack, taken, err := p.tx.Acked(v.about.First.Identity, v.about.First.Occurrence)
	if err == nil && taken {
		v.suppress("%s", ack.Reason())
	}
	return err
}

// acknowledged tells everybody who was told of an alert that somebody has taken it.
func (c *Control) acknowledged(ctx context.Context, db *outbox.DB, now time.Time) error {
	acks, err := db.Untold(ctx)
	if err != nil || len(acks) == 0 {
		return err
	}
	return db.Update(ctx, "tell of acknowledgements", func(tx *outbox.Tx) error {
		for _, a := range acks {
			of := Ref{a.Identity, a.Occurrence}
			about := &About{Action: notifier.Acknowledge, First: &of, Taken: &Taken{By: a.By, Via: a.Via, At: a.At}}
			deliveries, err := tx.Deliveries(of.Identity, of.Occurrence)
			if err != nil {
				return err
			}
			for _, d := range deliveries {
				if own, err := ParseAbout(d.About); err == nil && own != nil && !own.Opened.IsZero() {
					about.Opened = own.Opened
					break
				}
			}
			elsewhere := func(d outbox.Delivery) bool { return toldItself(d) && d.Receiver != a.Receiver } // where it was taken, it is known
			if _, err := c.after(tx, of, anyRoute, "acknowledge", about, now, elsewhere); err != nil {
				return err
			}
			if err := tx.Told(a); err != nil {
				return err
			}
		}
		return nil
	})
}
