package noise

import (
	"context"
	"errors"
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
			out = append(out, stepOf(policy, w))
		}
	}
	return out
}

func stepOf(policy *rules.Policy, w Want) stepWant {
	return stepWant{w.Receiver, w.Channel, w.Route, w.Step, len(policy.Escalate), whoBefore(policy, w.Step), w.After}
}

// stepsLife is how long the steps of a bundle are kept that is never told.
const stepsLife = 60 * 24 * time.Hour

func stepsOfBundle(bundle, route string) string { return stepsKey + bundle + "/" + route }

// keepSteps keeps the later steps of a route for what a bundle holds of it: should one alert be told by itself when the bundle
// ends, they are counted from then.
func keepSteps(tx *outbox.Tx, bundle, route string, steps []stepWant, now time.Time) error {
	if len(steps) == 0 {
		return nil
	}
	_, _, found, err := tx.State(stepsOfBundle(bundle, route))
	if err != nil || found {
		return err
	}
	return set(tx, stepsOfBundle(bundle, route), steps, now.Add(stepsLife))
}

// begin begins the escalation of alerts that were held and are told by themselves now, each once for a route.
func (c *Control) begin(tx *outbox.Tx, b *bundle, alone []*summed, now time.Time) error {
	type call struct {
		of    Ref
		route string
	}
	begun := map[call]bool{}
	for _, m := range alone {
		of := call{Ref{m.last.Alert.Identity, m.last.Alert.Occurrence}, m.route}
		steps, found, err := get[[]stepWant](tx, stepsOfBundle(b.ID, m.route))
		if err != nil {
			return err
		}
		_, taken, err := tx.Acked(of.of.Identity, of.of.Occurrence)
		if err != nil {
			return err
		}
		if !found || taken || begun[of] {
			continue
		}
		begun[of] = true
		about, err := ParseAbout(m.last.About)
		if err != nil {
			about = nil
		}
		for _, s := range steps {
			if _, err := tx.Deliver(of.of.Identity, of.of.Occurrence, now, c.stepDelivery(s, m.severity, now, about)); err != nil {
				return err
			}
		}
	}
	return nil
}

// whoBefore are the receivers of the step before.
func whoBefore(policy *rules.Policy, step int) []string {
	if policy == nil || step < 2 || step-2 >= len(policy.Escalate) {
		return nil
	}
	return policy.Escalate[step-2].To
}

// step enters the delivery of a later step: held until its time, and no longer needed once somebody has taken the incident.
// Where the alert itself is not told now there is nothing to escalate yet.
func (p *planning) step(w Want, v verdict, policy *rules.Policy) error {
	if v.state == outbox.Held { // its bundle brings the steps, or none: a message about many asks nobody to come
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
	p.out = append(p.out, p.stepDelivery(stepOf(policy, w), int(p.in.severity), p.in.now, v.about))
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

// acknowledged tells everybody who was told of an alert that somebody has taken it. Who takes a repeat takes the incident.
func (c *Control) acknowledged(ctx context.Context, db *outbox.DB, now time.Time) error {
	for {
		acks, err := db.Untold(ctx)
		if err != nil || len(acks) == 0 {
			return err
		}
		err = db.Update(ctx, "tell of acknowledgements", func(tx *outbox.Tx) error {
			for _, a := range acks {
				if err := c.taken(tx, a, now); err != nil {
					return err
				}
				if err := tx.Told(a); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

func (c *Control) taken(tx *outbox.Tx, a outbox.Ack, now time.Time) error {
	of := Ref{a.Identity, a.Occurrence}
	about := &About{Action: notifier.Acknowledge, First: &of, Taken: &Taken{By: a.By, Via: a.Via, At: a.At}}
	deliveries, err := tx.Deliveries(of.Identity, of.Occurrence)
	if err != nil {
		return err
	}
	told := map[string]bool{} // by the message about the first alert of the incident
	for _, d := range deliveries {
		own, err := ParseAbout(d.About)
		if err != nil || own == nil {
			continue
		}
		if about.Opened.IsZero() {
			about.Opened = own.Opened
		}
		if d.Kind != "" || own.First == nil || *own.First == of {
			continue
		}
		first := a
		first.Identity, first.Occurrence = own.First.Identity, own.First.Occurrence
		_, anew, err := tx.Acknowledge(first)
		if errors.Is(err, outbox.ErrNotFound) { // it was removed for its age
			continue
		}
		if err != nil {
			return err
		}
		if !anew && !told[d.Receiver] { // they were told of that before
			continue
		}
		of, err := tx.Deliveries(own.First.Identity, own.First.Occurrence)
		if err != nil {
			return err
		}
		for _, d := range of {
			told[d.Receiver] = told[d.Receiver] || toldItself(d) && (d.Kind == "" || isStep(d.Kind))
		}
	}
	wants := func(d outbox.Delivery) bool {
		// Where it was taken, it is known; who sees it in each message that is there, sees it in this one, too.
		return toldItself(d) && d.Receiver != a.Receiver && (!told[d.Receiver] || c.edits(d.Receiver))
	}
	_, err = c.after(tx, of, anyRoute, "acknowledge", about, now, wants)
	return err
}
