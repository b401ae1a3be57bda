package noise

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/family"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
)

// join puts the alert into a bundle.
func (p *planning) join(b bundle, due time.Time) (*bundle, time.Time, error) {
	return join(p.tx, b, encode(p.in.ref), p.in.now, due)
}

// ofRoute is a bundle whose message is taken out of the throttle of the route.
func (p *planning) ofRoute(b bundle, route string, policy *rules.Policy) bundle {
	b.Route = route
	if policy.Throttle != nil {
		b.Limit, b.Scope = policy.Throttle, routeScope(route)
	}
	return b
}

// flush tells of a bundle.
func (c *Control) flush(ctx context.Context, db *outbox.DB, k outbox.Kept, now time.Time) error {
	var b bundle
	if err := json.Unmarshal([]byte(k.Value), &b); err != nil {
		return c.Recover(ctx, db, now)
	}
	later, err := c.stillHeld(ctx, db, &b, now)
	if err != nil {
		return err
	}
	if !later.IsZero() {
		return db.Update(ctx, "hold on", func(tx *outbox.Tx) error { return tx.SetState(k.Key, k.Value, later) })
	}
	return c.tell(ctx, db, &b, now, nil)
}

// maxReads is how often a bundle is read again because somebody took deliveries out of it meanwhile.
const maxReads = 5

// tell enters the message about a bundle, or releases the one alert that it holds. also runs in the same transaction.
func (c *Control) tell(ctx context.Context, db *outbox.DB, b *bundle, now time.Time, also func(*outbox.Tx) error) error {
	for range maxReads {
		read, err := c.read(ctx, db, b, now)
		if err != nil {
			return err
		}
		changed := false
		err = db.Update(ctx, "tell of a bundle", func(tx *outbox.Tx) error {
			all, held, err := tx.Members(b.ID)
			if err != nil {
				return err
			}
			if changed = !maps.Equal(all, read.counts); changed {
				return nil
			}
			if putOff, err := c.enter(tx, b, read, held, now); err != nil || putOff {
				return err
			}
			for route := range read.routes {
				if err := tx.DropState(stepsOfBundle(b.ID, route)); err != nil {
					return err
				}
			}
			if err := tx.DropState(b.stateKey()); err != nil {
				return err
			}
			if also != nil {
				return also(tx)
			}
			return nil
		})
		if err != nil || !changed {
			return err
		}
	}
	c.Log.Warn("a bundle keeps changing, and is told later", "bundle", b.ID)
	return db.Update(ctx, "put a bundle off", func(tx *outbox.Tx) error { return set(tx, b.stateKey(), b, now.Add(time.Second)) })
}

// reading is a bundle as it was read.
type reading struct {
	counts  map[string]int     // alerts by receiver
	members map[string]*summed // by receiver
	routes  map[string]bool    // by which alerts came
}

// summed is what one receiver is to be told.
type summed struct {
	builder  *digest.Builder
	only     int // alerts of which nobody else is told who is not paged
	severity int
	last     outbox.Delivery
	channel  string
	route    string
}

func (c *Control) read(ctx context.Context, db *outbox.DB, b *bundle, now time.Time) (*reading, error) {
	kept, err := db.StatesUnder(ctx, ruleKey)
	if err != nil {
		return nil, err
	}
	days := map[string]ruleDays{}
	for _, k := range kept {
		var d ruleDays
		if json.Unmarshal([]byte(k.Value), &d) == nil {
			days[strings.TrimPrefix(k.Key, ruleKey)] = d
		}
	}
	isNew := func(rule string) bool {
		d, known := days[rule]
		return known && !d.firedInWeekBefore(b.Opened)
	}
	out := &reading{counts: map[string]int{}, members: map[string]*summed{}, routes: map[string]bool{}}
	var last Ref
	var lastAlert *alert.Alert
	var lastReading *family.Reading
	var of []string // the receivers of the alert that is being read
	counted := func() {
		others := slices.ContainsFunc(of, func(receiver string) bool { return !c.pages(receiver) })
		for _, receiver := range of {
			if !others {
				out.members[receiver].only++
			}
		}
		of = of[:0]
	}
	err = db.EachMember(ctx, b.ID, func(d outbox.Delivery) error {
		out.counts[d.Receiver]++
		out.routes[d.Route] = true
		ref := Ref{d.Alert.Identity, d.Alert.Occurrence}
		if ref != last {
			counted()
			last = ref
			lastAlert = c.Read(d.Alert.Header, d.Alert.Raw)
			lastReading = family.Read(lastAlert)
		}
		m := out.members[d.Receiver]
		if m == nil {
			about := digest.Summary{Kind: b.Kind, Route: b.Route, Why: b.Why, By: b.By, Opened: b.Opened, Closed: now}
			m = &summed{builder: digest.New(about, isNew), channel: d.Channel, route: d.Route}
			out.members[d.Receiver] = m
		}
		severity := c.Scale.Severity(lastAlert.Rule.Level)
		m.builder.Add(lastAlert, lastReading, severity, d.Alert.Arrived, d.Alert.Occurrence)
		m.severity = max(m.severity, d.Severity)
		m.last = d
		of = append(of, d.Receiver)
		return nil
	})
	counted()
	return out, err
}

// enter enters the messages about a bundle: one that all receivers share which have the same to be told. It may be put off,
// because there is nothing left of what it is above.
func (c *Control) enter(tx *outbox.Tx, b *bundle, read *reading, held map[string]int, now time.Time) (putOff bool, err error) {
	if b.Limit != nil && len(read.members) > 0 {
		if b.Kind == digest.Throttle {
			_, next, ok, err := take(tx, b.Scope, b.Limit, now)
			if err != nil || !ok {
				return true, errors.Join(err, set(tx, b.stateKey(), b, next))
			}
		} else if moved, err := above(tx, b, b.Scope, b.Route, b.Limit, slices.Sorted(maps.Keys(read.members)), read, now); err != nil || moved {
			return false, err
		}
	}
	return false, c.enterMessages(tx, b, read, held, now)
}

// pages reports whether messages of a receiver wake people. One that is not known any more tells nobody.
func (c *Control) pages(receiver string) bool {
	r := c.Receiver(receiver)
	return r == nil || r.Pages
}

// notPaged begins the reason of what a pager is not told of.
const notPaged = "nobody is paged: "

// spare takes those out of what is to be told who are paged, where others are told the same: a silence is asked for, and an
// inhibition configured, so that nobody is woken.
func (c *Control) spare(tx *outbox.Tx, b *bundle, read *reading, now time.Time) error {
	if b.Kind != digest.Silence && b.Kind != digest.Inhibit {
		return nil
	}
	receivers := slices.Sorted(maps.Keys(read.members))
	others := strings.Join(slices.DeleteFunc(slices.Clone(receivers), c.pages), ", ")
	for _, receiver := range receivers {
		if !c.pages(receiver) || read.members[receiver].only > 0 {
			continue
		}
		if err := tx.CloseBundle(b.ID, receiver, notPaged+"told to "+others, now); err != nil {
			return err
		}
		delete(read.members, receiver)
	}
	return nil
}

func (c *Control) enterMessages(tx *outbox.Tx, b *bundle, read *reading, held map[string]int, now time.Time) error {
	if err := c.spare(tx, b, read, now); err != nil {
		return err
	}
	var messages []*shared
	var alone []*summed // told the one alert itself
	for _, receiver := range slices.Sorted(maps.Keys(read.members)) {
		m := read.members[receiver]
		n := read.counts[receiver]
		if scope := receiverScope(receiver); scope != b.Scope { // else it was taken already
			if r := c.Receiver(receiver); r != nil && r.Throttle != nil {
				if moved, err := above(tx, b, scope, "", r.Throttle, []string{receiver}, read, now); err != nil {
					return err
				} else if moved {
					continue
				}
			}
		}
		if n == 1 && held[receiver] == 1 {
			if _, err := tx.ReleaseBundle(b.ID, receiver, aloneAfterAll, now); err != nil {
				return err
			}
			alone = append(alone, m)
			continue
		}
		messages = share(messages, receiver, m)
	}
	for i, message := range messages {
		if message.identity = b.ID; i > 0 {
			message.identity = messageID(b.ID, i)
		}
		if err := c.message(tx, b, message, now); err != nil {
			return err
		}
		for _, receiver := range message.receivers {
			if _, err := tx.EndBundle(b.ID, receiver, toldIn+message.identity, now); err != nil {
				return err
			}
			if message.identity != b.ID { // so that what was suppressed already names its message, too
				if _, err := tx.MoveBundle(b.ID, receiver, message.identity, "", now); err != nil {
					return err
				}
			}
		}
	}
	if b.Kind != digest.Group {
		return c.begin(tx, b, alone, now)
	}
	if len(messages)+len(alone) == 0 {
		return nil
	}
	if err := set(tx, groupKey+b.Key, grouped{now}, now.Add(b.Interval)); err != nil {
		return err
	}
	var of Ref // what the escalation is about
	var severity int
	if len(messages) > 0 {
		of, severity = Ref{messages[0].identity, 1}, messages[0].severity
	} else {
		of, severity = Ref{alone[0].last.Alert.Identity, alone[0].last.Alert.Occurrence}, alone[0].severity
	}
	over, err := allClosed(tx, b.endsWith()) // before it is told
	if err != nil {
		return err
	}
	for _, s := range b.Steps {
		step := c.stepDelivery(s, severity, now, nil)
		if over {
			step.State, step.Due, step.Reason, step.Notes = outbox.Suppressed, time.Time{}, isResolved, isResolved
		}
		if _, err := tx.Deliver(of.Identity, of.Occurrence, now, step); err != nil {
			return err
		}
	}
	return nil
}

// above moves a bundle's alerts for receivers to what is above a throttle, if that has nothing left for its message.
func above(tx *outbox.Tx, b *bundle, scope, route string, t *rules.Throttle, receivers []string, read *reading, now time.Time) (moved bool, err error) {
	v := verdict{}
	if err := overflow(tx, scope, route, t, b.ID, now, &v); err != nil || !v.decided() {
		return false, err
	}
	for _, receiver := range receivers {
		if _, err := tx.MoveBundle(b.ID, receiver, v.bundle, v.reason, now); err != nil {
			return true, err
		}
	}
	for of := range read.routes {
		steps, _, err := get[[]stepWant](tx, stepsOfBundle(b.ID, of))
		if err != nil {
			return true, err
		}
		if err := keepSteps(tx, v.bundle, of, steps, now); err != nil {
			return true, err
		}
	}
	return true, nil
}

// shared is a message for receivers that have the same to be told.
type shared struct {
	identity  string
	text      string
	total     int
	severity  int
	receivers []string
	members   []*summed
}

// share adds a receiver to the message that says the same, or begins another.
func share(messages []*shared, receiver string, m *summed) []*shared {
	s := m.builder.Summary()
	text := encode(s)
	for _, message := range messages {
		if message.text == text {
			message.receivers = append(message.receivers, receiver)
			message.members = append(message.members, m)
			message.severity = max(message.severity, m.severity)
			return messages
		}
	}
	return append(messages, &shared{text: text, total: s.Total, severity: m.severity, receivers: []string{receiver}, members: []*summed{m}})
}

// message enters the message about a bundle.
func (c *Control) message(tx *outbox.Tx, b *bundle, s *shared, now time.Time) error {
	about := &About{Action: notifier.Digest, Opened: now}
	if b.Kind == digest.Group {
		about.Action = ""
		if len(b.Steps) > 0 && s.identity == b.ID { // it is what the steps are about: see enter
			about.Step = &Step{N: 1, Of: b.Steps[0].Of}
		}
		about.Incidents = b.endsWith()
	}
	var deliveries []outbox.NewDelivery
	for i, receiver := range s.receivers {
		deliveries = append(deliveries, outbox.NewDelivery{
			Receiver: receiver, Channel: s.members[i].channel, Route: s.members[i].route, Severity: s.severity, About: about.text(),
			Notes: "tells of " + count(s.total),
		})
	}
	return c.enterSummary(tx, s.identity, s.text, "digest of "+count(s.total), deliveries, now)
}

func count(alerts int) string {
	if alerts == 1 {
		return "1 alert"
	}
	return display.Thousands(alerts) + " alerts"
}

// enterSummary enters a message of our own making.
func (c *Control) enterSummary(tx *outbox.Tx, identity, summary, title string, deliveries []outbox.NewDelivery, now time.Time) error {
	_, err := tx.Enter(outbox.Arrival{
		Identity: identity, Arrived: now, Time: now, Severity: deliveries[0].Severity, Title: title,
		Header: []byte(encode(map[string]any{"received": now})), Raw: []byte(summary), Deliveries: deliveries,
	})
	return err
}
