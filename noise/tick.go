package noise

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

// tickSlice is how many times that have come are worked off before others get their turn.
const tickSlice = 200

// Tick does what is due: bundles are told, counts are shown, incidents end, acknowledgements are passed on, storms begin and
// end. It returns when it is to be called again at the latest, zero if nothing waits for a time, and whether there may be
// more at once. It and Plan are called by one goroutine.
func (c *Control) Tick(ctx context.Context, db *outbox.DB, now time.Time) (next time.Time, more bool, err error) {
	if err := c.acknowledged(ctx, db, now); err != nil {
		return next, false, err
	}
	if err := c.endedSilences(ctx, db, now); err != nil {
		return next, false, err
	}
	due, next, err := db.Due(ctx, now, tickSlice)
	if err != nil {
		return next, false, err
	}
	if err := c.allDue(ctx, db, due, now); err != nil {
		return next, false, err
	}
	if len(due) > 0 { // what was done may have times of its own
		var rest []outbox.Kept
		if rest, next, err = db.Due(ctx, now, 1); err != nil {
			return next, false, err
		}
		more = len(rest) > 0
	}
	return next, more, nil
}

// allDue does what keys ask for: in one transaction, but for those that read much. A scan leaves very many.
func (c *Control) allDue(ctx context.Context, db *outbox.DB, due []outbox.Kept, now time.Time) error {
	var rest []outbox.Kept
	for _, k := range due {
		var err error
		switch {
		case strings.HasPrefix(k.Key, bundleKey):
			err = c.flush(ctx, db, k, now)
		case strings.HasPrefix(k.Key, stormKey):
			err = c.stormDue(ctx, db, k, now)
		case k.Key == lostKey:
			err = c.Recover(ctx, db, now)
		default:
			rest = append(rest, k)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", k.Key, err)
		}
	}
	if len(rest) == 0 {
		return nil
	}
	return db.Update(ctx, "do what is due", func(tx *outbox.Tx) error {
		for _, k := range rest {
			if err := c.due(tx, k, now); err != nil {
				return fmt.Errorf("%s: %w", k.Key, err)
			}
		}
		return nil
	})
}

// due does what one key asks for. What cannot be read, or has no use any more, is forgotten.
func (c *Control) due(tx *outbox.Tx, k outbox.Kept, now time.Time) error {
	_, due, found, err := tx.State(k.Key)
	if err != nil || !found || due.IsZero() || due.After(now) { // what was done before has changed it
		return err
	}
	switch {
	case strings.HasPrefix(k.Key, dedupKey):
		return c.dedupDue(tx, k, now)
	case strings.HasPrefix(k.Key, incidentKey):
		return c.incidentDue(tx, k, now)
	}
	return tx.DropState(k.Key) // a bucket that is full, an alert that is fresh no longer, a group whose interval is over
}

// dedupDue shows the count, or says that it has been quiet.
func (c *Control) dedupDue(tx *outbox.Tx, k outbox.Kept, now time.Time) error {
	var r repeats
	if err := json.Unmarshal([]byte(k.Value), &r); err != nil {
		c.Log.Error("state cannot be read and is forgotten", "key", k.Key, "err", err)
		return tx.DropState(k.Key)
	}
	if !now.Before(r.Last.Add(r.Base)) {
		return c.quiet(tx, k.Key, r, now)
	}
	r.Edits++
	late := false // somebody has yet to see it: the first message is not there, or an edit is on its way
	for _, first := range r.firsts() {
		deliveries, err := tx.Deliveries(first.Identity, first.Occurrence)
		if err != nil {
			return err
		}
		shows := func(d outbox.Delivery) bool {
			if d.Kind != "" || r.firstOf(d.Receiver) != first || !toldItself(d) || !c.edits(d.Receiver) {
				return false
			}
			waits, shown := d.State != outbox.Delivered, 1
			for _, x := range deliveries {
				if x.Receiver != d.Receiver || !strings.HasPrefix(x.Kind, "seen") {
					continue
				}
				waits = waits || x.State.Open()
				if about, err := ParseAbout(x.About); err == nil && about != nil && about.Seen != nil {
					shown = max(shown, about.Seen.Count)
				}
			}
			late = late || waits
			return !waits && shown < r.Total
		}
		about := &About{Action: notifier.Update, Opened: r.Opened, First: &first, Seen: &Seen{Count: r.Total, Since: r.Opened, Last: r.Last}}
		if _, err := c.after(tx, first, r.Route, fmt.Sprintf("seen%d", r.Edits), about, now, shows); err != nil {
			return err
		}
	}
	r.Edited = now
	if !late {
		r.Shown = r.Total
	}
	return set(tx, k.Key, r, r.due())
}

// edits reports whether a receiver sees in a message that was sent what came after it.
func (c *Control) edits(receiver string) bool {
	r := c.Receiver(receiver)
	return r != nil && r.follows(notifier.Update)
}

// quiet ends an incident of repeats: who has not seen them all is told how many there were.
func (c *Control) quiet(tx *outbox.Tx, key string, r repeats, now time.Time) error {
	if r.Total == 1 {
		return tx.DropState(key)
	}
	for _, first := range r.firsts() {
		about := About{Action: notifier.Update, Opened: r.Opened, First: &first, Quiet: &Quiet{For: r.Base, Total: r.Total}}
		inFirst := func(d outbox.Delivery) bool { // those who see it there
			return r.firstOf(d.Receiver) == first && toldItself(d) && c.edits(d.Receiver)
		}
		if _, err := c.after(tx, first, r.Route, "quiet", &about, now, inFirst); err != nil {
			return err
		}
		about.Action = ""
		others := func(d outbox.Delivery) bool {
			receiver := c.Receiver(d.Receiver) // a page that says that nothing happens helps nobody
			return r.firstOf(d.Receiver) == first && (r.Untold > 0 || r.Owed) && told(d) && receiver != nil && !receiver.Pages && !inFirst(d)
		}
		if _, err := c.after(tx, first, r.Route, "quiet", &about, now, others); err != nil {
			return err
		}
	}
	return tx.DropState(key)
}

// incidentDue reminds of an incident that goes on, or forgets it.
func (c *Control) incidentDue(tx *outbox.Tx, k outbox.Kept, now time.Time) error {
	var i incident
	if err := json.Unmarshal([]byte(k.Value), &i); err != nil || !now.Before(i.Opened.Add(incidentLife)) {
		return tx.DropState(k.Key)
	}
	i.Again++
	if i.Repeat > 0 { // what was slept through is not made up for
		i.Again = max(i.Again, int(now.Sub(i.Opened)/i.Repeat))
	}
	if !c.asks(k.Key) { // nothing could close it, so nobody is reminded of it
		return set(tx, k.Key, i, i.due())
	}
	_, taken, err := tx.Acked(i.By.Identity, i.By.Occurrence)
	if err != nil {
		return err
	}
	if !taken {
		about := &About{Opened: i.Opened, First: &i.By, Seen: &Seen{Count: 1, Since: i.Opened, Last: i.Opened}}
		if _, err := c.after(tx, i.By, i.Route, fmt.Sprintf("again%d", i.Again), about, now, told); err != nil {
			return err
		}
	}
	return set(tx, k.Key, i, i.due())
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

// endedSilences tells at once of what was silenced when somebody ended the silence before its time.
func (c *Control) endedSilences(ctx context.Context, db *outbox.DB, now time.Time) error {
	open, err := db.StatesUnder(ctx, bundleKey+string(digest.Silence)+"/")
	if err != nil || len(open) == 0 {
		return err
	}
	holding := map[string]bool{}
	all, err := db.Silences(ctx, now)
	if err != nil {
		return err
	}
	for _, s := range all {
		h, err := c.compile(s)
		if err != nil {
			continue
		}
		_, holding[s.ID] = h.until(now)
	}
	for _, k := range open {
		id := strings.TrimPrefix(k.Key, bundleKey+string(digest.Silence)+"/")
		if (k.Due.IsZero() || k.Due.After(now)) && !holding[id] {
			if err := c.flush(ctx, db, k, now); err != nil {
				return fmt.Errorf("%s: %w", k.Key, err)
			}
		}
	}
	return nil
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

// stillHeld is until when a bundle must wait on, though its time has come: what it waits for was put off.
func (c *Control) stillHeld(ctx context.Context, db *outbox.DB, b *bundle, now time.Time) (until time.Time, err error) {
	if b.Kind != digest.Inhibit {
		return until, nil
	}
	kept, err := db.StatesUnder(ctx, freshKey+b.Key)
	if err != nil {
		return until, err
	}
	for _, rule := range c.Inhibit {
		for _, k := range kept {
			var f fresh
			if rule.Name == b.Why && k.Key == freshKey+b.Key && json.Unmarshal([]byte(k.Value), &f) == nil && stays(rule, f, now) {
				until = f.Until
			}
		}
	}
	return until, nil
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
}

// summed is what one receiver is to be told.
type summed struct {
	builder  *digest.Builder
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
	out := &reading{counts: map[string]int{}, members: map[string]*summed{}}
	var last Ref
	var lastAlert *alert.Alert
	var lastReading *family.Reading
	err = db.EachMember(ctx, b.ID, func(d outbox.Delivery) error {
		out.counts[d.Receiver]++
		ref := Ref{d.Alert.Identity, d.Alert.Occurrence}
		if ref != last {
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
		m.builder.AddOccurrence(lastAlert, lastReading, severity, d.Alert.Arrived, d.Alert.Occurrence)
		m.severity = max(m.severity, d.Severity)
		m.last = d
		return nil
	})
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
		} else if moved, err := above(tx, b, b.Scope, b.Route, b.Limit, slices.Sorted(maps.Keys(read.members)), now); err != nil || moved {
			return false, err
		}
	}
	return false, c.enterMessages(tx, b, read, held, now)
}

func (c *Control) enterMessages(tx *outbox.Tx, b *bundle, read *reading, held map[string]int, now time.Time) error {
	var messages []*shared
	var alone []*summed // told the one alert itself
	for _, receiver := range slices.Sorted(maps.Keys(read.members)) {
		m := read.members[receiver]
		n := read.counts[receiver]
		if scope := receiverScope(receiver); scope != b.Scope { // else it was taken already
			if r := c.Receiver(receiver); r != nil && r.Throttle != nil {
				if moved, err := above(tx, b, scope, "", r.Throttle, []string{receiver}, now); err != nil {
					return err
				} else if moved {
					continue
				}
			}
		}
		if n == 1 && held[receiver] == 1 {
			if _, err := tx.ReleaseBundle(b.ID, receiver, "told by itself: nothing else came", now); err != nil {
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
	if b.Kind != digest.Group || len(messages)+len(alone) == 0 {
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
	for _, s := range b.Steps {
		if _, err := tx.Deliver(of.Identity, of.Occurrence, now, c.stepDelivery(s, severity, now, nil)); err != nil {
			return err
		}
	}
	return nil
}

// above moves a bundle's alerts for receivers to what is above a throttle, if that has nothing left for its message.
func above(tx *outbox.Tx, b *bundle, scope, route string, t *rules.Throttle, receivers []string, now time.Time) (moved bool, err error) {
	v := verdict{}
	if err := overflow(tx, scope, route, t, b.ID, now, &v); err != nil || !v.decided() {
		return false, err
	}
	for _, receiver := range receivers {
		if _, err := tx.MoveBundle(b.ID, receiver, v.bundle, v.reason, now); err != nil {
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

// Waits reports whether something is still to be told that is not in a queue: what bundles hold, and repeats that were
// counted.
func (c *Control) Waits(ctx context.Context, db *outbox.DB) (bool, error) {
	for _, prefix := range []string{bundleKey, stormKey, dedupKey} {
		kept, err := db.StatesUnder(ctx, prefix)
		if err != nil {
			return false, err
		}
		for _, k := range kept {
			var r repeats
			if prefix != dedupKey || json.Unmarshal([]byte(k.Value), &r) != nil || r.Untold > 0 {
				return true, nil
			}
		}
	}
	return false, nil
}
