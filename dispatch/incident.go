package dispatch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/noise"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/templates"
)

// incident puts what is known of the delivery's incident into what the templates see.
func (d *Dispatcher) incident(c *templates.Context, x Delivery) {
	if x.Summary != nil {
		s := *x.Summary // others may share it
		s.Receiver, s.Place = x.Receiver.Name, x.Receiver.Place
		c.Summary, c.Alerts, c.ID = &s, x.Alerts, x.Identity
	}
	about := x.About
	if about == nil {
		return
	}
	c.Action, c.Opened, c.Edit = about.Action, about.Opened, x.edits()
	if about.Quiet != nil && about.Action == "" || about.Again { // it is told anew to who sees no updates, but is nothing new
		c.Action = notifier.Update
	}
	c.Ran = about.Ran
	if s := about.Seen; s != nil {
		c.Seen = &templates.Seen{Count: s.Count, Since: s.Since, Last: s.Last}
	}
	if q := about.Quiet; q != nil {
		c.Quiet = &templates.Quiet{For: q.For, Total: q.Total, Since: q.Since, Last: q.Last}
	}
	if s := about.Step; s != nil && s.N > 1 && (c.Edit || !about.Follows()) {
		c.Step = &templates.Step{N: s.N, Of: s.Of, Who: s.Who, After: s.After}
	}
	if t := about.Taken; t != nil {
		c.Taken = &templates.Taken{By: t.By, Via: t.Via, At: t.At}
	}
	if r := about.Resolved; r != nil {
		c.Resolved = &templates.Resolved{After: r.After, By: x.ResolvedBy}
	}
	if d.AckURL != nil && about.Step != nil && about.Taken == nil && about.Resolved == nil {
		c.AckURL = d.AckURL(x.identity(), x.Occurrence, x.Receiver.Name)
	}
}

// edits reports whether the message takes the place of an earlier one.
func (x *Delivery) edits() bool {
	e, ok := x.Receiver.Notifier.(notifier.Editor)
	return ok && e.Edits(x.unrendered())
}

// identity is the alert's, or that of a message about many.
func (x *Delivery) identity() string {
	if x.Summary != nil {
		return x.Identity
	}
	return x.Alert.Identity()
}

// time is the alert's, or when it came.
func (x *Delivery) time() time.Time {
	switch {
	case x.Summary != nil:
		return x.Summary.To
	case x.Alert.Time.IsZero():
		return x.Alert.Received
	}
	return x.Alert.Time
}

func (d *Dispatcher) severity(x Delivery) alert.Severity {
	if x.Summary != nil {
		return alert.Severity(x.Summary.Highest)
	}
	return d.Scale.Severity(x.Alert.Rule.Level)
}

// shownAlerts is how many alerts a message about many can show one by one.
const shownAlerts = 10

// delivery makes of what the outbox holds what is rendered.
func (l *lane) delivery(ctx context.Context, r *Receiver, x outbox.Delivery) (Delivery, error) {
	out := Delivery{ID: x.ID, Receiver: r, Occurrence: x.Alert.Occurrence}
	out.Route, out.Instead = splitFallback(x.Route)
	var err error
	if noise.IsMessage(x.Alert.Identity) {
		err = l.d.summary(ctx, &out, x)
	} else {
		out.Alert, out.Sample, err = l.d.alertOf(ctx, x)
	}
	if err != nil {
		return out, err
	}
	if out.About, err = noise.ParseAbout(x.About); err != nil { // a mistake of ours: the alert itself is told all the same
		l.log(x, r).Error("what is known of the incident cannot be read", "err", err)
	}
	if out.About == nil {
		return out, nil
	}
	first, err := l.d.first(ctx, x, out.About)
	if err != nil {
		return out, err
	}
	out.Earlier = earlier(first)
	if out.About.Ran != nil {
		out.About.Opened = opened(first)
	}
	if out.About.Follows() {
		of := out.About.Of(x)
		ack, found, err := l.d.Box.Acked(ctx, of.Identity, of.Occurrence)
		if err != nil {
			return out, err
		}
		var taken *noise.Taken
		if found {
			taken = &noise.Taken{By: ack.By, Via: ack.Via, At: ack.At}
		}
		out.About = out.About.Standing(first, taken)
	}
	if res := out.About.Resolved; res != nil {
		if a, err := l.d.stored(ctx, res.By.Identity, res.By.Occurrence); err == nil {
			out.ResolvedBy = a
		} else if !errors.Is(err, outbox.ErrNotFound) {
			return out, err
		}
	}
	return out, nil
}

// summary reads a message about many alerts.
func (d *Deliverer) summary(ctx context.Context, out *Delivery, x outbox.Delivery) error {
	whole := x.Alert
	if whole.Raw == nil {
		var err error
		if whole, err = d.Box.Alert(ctx, x.Alert.Identity, x.Alert.Occurrence); err != nil {
			return err
		}
	}
	out.Identity, out.Summary = whole.Identity, new(digest.Summary)
	if err := json.Unmarshal(whole.Raw, out.Summary); err != nil {
		return fmt.Errorf("the message %s: %w", whole.Identity, err)
	}
	for _, sample := range out.Summary.Samples[:min(len(out.Summary.Samples), shownAlerts)] {
		a, err := d.stored(ctx, sample.Identity, sample.Occurrence)
		if errors.Is(err, outbox.ErrNotFound) { // it was removed for its age
			continue
		}
		if err != nil {
			return err
		}
		out.Alerts = append(out.Alerts, a)
	}
	if len(out.Alerts) > 0 {
		out.Alert = out.Alerts[0]
	}
	return nil
}

// stored is an alert of the outbox.
func (d *Deliverer) stored(ctx context.Context, identity string, occurrence int) (*alert.Alert, error) {
	kept, err := d.Box.Alert(ctx, identity, occurrence)
	if err != nil {
		return nil, err
	}
	a, _ := d.Site.Read(kept.Header, kept.Raw)
	return a, nil
}

// first are the deliveries to the same receiver of the alert that began the incident, in the order in which they were
// entered; none where this is the first.
func (d *Deliverer) first(ctx context.Context, x outbox.Delivery, about *noise.About) ([]outbox.Delivery, error) {
	if about.First == nil && x.Kind == "" {
		return nil, nil
	}
	of := about.Of(x)
	found, err := d.Box.Find(ctx, outbox.Filter{Identity: of.Identity, Occurrence: of.Occurrence, Receiver: x.Receiver})
	slices.SortFunc(found, func(a, b outbox.Delivery) int { return cmp.Compare(a.Seq, b.Seq) })
	return found, err
}

// earlier is what the receiver's service gave back for the message that began the incident, or for the last that stands in
// its place; nil where there is none.
func earlier(first []outbox.Delivery) *notifier.Receipt {
	for _, x := range slices.Backward(first) {
		if x.Receipt == "" {
			continue
		}
		if receipt, ok := notifier.ParseRef(x.Receipt); ok {
			return &receipt
		}
		return nil
	}
	return nil
}

// keeps is what a delivered message's receipt is kept as: that of the first message of an incident, or of one that stands in
// its place.
func keeps(r *Receiver, x outbox.Delivery, receipt notifier.Receipt) string {
	if x.About == "" && !r.Reported || x.Kind != "" && !strings.HasPrefix(x.Kind, outbox.StepKind) && !receipt.Replaces {
		return ""
	}
	return receipt.Ref()
}

// control is the noise control of the config in use.
func (d *Deliverer) control() *noise.Control {
	dispatcher := d.Site.Dispatcher()
	d.noiseMu.Lock()
	defer d.noiseMu.Unlock()
	if d.noise != nil && d.noiseOf == dispatcher {
		return d.noise
	}
	d.noiseOf = dispatcher
	d.noise = &noise.Control{
		Scale: dispatcher.Scale, Inhibit: dispatcher.Table.Inhibit, Pairs: dispatcher.Table.Pairs(), Policies: dispatcher.Table.Policies(), Zone: dispatcher.Zone, Log: d.Log,
		Receiver: func(name string) *noise.Receiver {
			if r := d.Site.Receiver(name); r != nil {
				return r.noise()
			}
			if dispatcher.Aliases[name] != nil { // its own messages go to whom it stands for
				return &noise.Receiver{Channel: aliasChannel, Pages: true}
			}
			return nil
		},
		Read: func(header, raw []byte) *alert.Alert {
			a, _ := d.Site.Read(header, raw)
			return a
		},
	}
	return d.noise
}

// Pages reports whether the receiver's messages wake people.
func (r *Receiver) Pages() bool { return r.Channel == "pagerduty" }

// noise is what noise control must know of the receiver.
func (r *Receiver) noise() *noise.Receiver {
	out := &noise.Receiver{Channel: r.Channel, Throttle: r.Throttle, StormAfter: r.StormAfter, Pages: r.Pages(),
		Follows: func(a notifier.Action) bool { return notifier.Follows(r.Notifier, a) }}
	if !r.Rate.IsZero() {
		out.Rate = float64(r.Rate.Count) / r.Rate.Per.Seconds()
	}
	return out
}

// wants are what routes ask for an alert, as noise control takes it.
func wants(deliveries []Delivery) []noise.Want {
	out := make([]noise.Want, len(deliveries))
	for i, x := range deliveries {
		out[i] = noise.Want{Receiver: x.Receiver.Name, Channel: x.Receiver.Channel, Route: x.Route, Policy: x.Policy, Step: x.Step, After: x.After}
	}
	return out
}

// unrendered is what is known of a message without its words.
func (x *Delivery) unrendered() notifier.Notification {
	n := notifier.Notification{Action: notifier.Trigger, Delivery: x.ID, Receiver: x.Receiver.Name, Earlier: x.Earlier}
	if x.About != nil {
		n.Action = cmp.Or(x.About.Action, n.Action)
	}
	return n
}
