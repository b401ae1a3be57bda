package outbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// NextOccurrence asks for an occurrence of the alert that does not exist yet: a person sends it again.
const NextOccurrence = -1

// Arrival is an alert as it comes in, with the deliveries that were planned for it.
type Arrival struct {
	Identity string
	// Occurrence is 0 or 1 for an alert that is told once, n for one that exists already (a fallback's
	// delivery), or [NextOccurrence].
	Occurrence int
	// Record names the spool record that it came by, where that matters: one record makes one occurrence. It
	// must be set for [NextOccurrence], and is kept only by an arrival that makes the alert.
	Record string
	// Arrived is when it came in; its deliveries queue from then. It must be set. Time is the alert's own.
	Arrived, Time time.Time
	Severity      int
	Rule, Title   string
	// Header and Raw are kept as they are.
	Header, Raw []byte
	Deliveries  []NewDelivery
	// Plan, if it is set, makes further deliveries in the transaction that enters the alert, so that what it reads and
	// writes there belongs to this alert alone. known: the alert had been accepted before. It may be called again, if
	// the transaction fails.
	Plan func(t *Tx, occurrence int, known bool) ([]NewDelivery, error)
}

// NewDelivery is a delivery that shall be made.
type NewDelivery struct {
	Receiver, Channel, Route string
	// Severity is its place in the queue, which need not be the alert's.
	Severity int
	// State is [Pending] (also if empty), [Held] or [Suppressed].
	State State
	// Due is the time before which a pending one is not tried, and until which a held one is held; a held one
	// without waits for a person.
	Due time.Time
	// Reason says why it is held or suppressed.
	Reason string
	// Kind tells it from the other messages about the alert to the same receiver, of which there is one of each kind. ""
	// is the message itself.
	Kind string
	// Bundle is what it is told with, if not by itself; see [Tx.EndBundle].
	Bundle string
	// Notes say, a line each, how it came to be what it is; About is what the message must know. Both are the caller's.
	Notes, About string
}

// Accepted is what became of an arrival.
type Accepted struct {
	Identity   string
	Occurrence int
	// New is false when the alert was known.
	New bool
	// Deliveries are the IDs of those that were entered: those to receivers that did not have the alert.
	Deliveries []string
}

// Accept enters arrivals and their deliveries, and sets meta (see [DB.Meta]; may be nil), in one transaction. The
// answer has one element for each arrival, in order. Many at once are cheaper: the wait for the disk is paid once.
func (db *DB) Accept(ctx context.Context, arrivals []Arrival, meta map[string]string) ([]Accepted, error) {
	const what = "accept alerts"
	if !db.owner {
		return nil, explain(what, ErrNotOwner)
	}
	out := make([]Accepted, len(arrivals))
	err := db.write(ctx, what, func(t *txn) error {
		for i := range arrivals {
			var err error
			if out[i], err = db.accept(t, &arrivals[i]); err != nil {
				return fmt.Errorf("alert %s: %w", arrivals[i].Identity, err)
			}
		}
		for _, key := range slices.Sorted(maps.Keys(meta)) {
			if err := t.setMeta(key, meta[key]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (db *DB) accept(t *txn, a *Arrival) (Accepted, error) {
	id, out, bare, err := t.enterAlert(a)
	if err != nil {
		return out, err
	}
	deliveries := a.Deliveries
	if a.Plan != nil {
		more, err := a.Plan(&Tx{db, t}, out.Occurrence, !out.New)
		if err != nil {
			return out, err
		}
		deliveries = slices.Concat(deliveries, more)
	}
	for i := range deliveries {
		name, err := db.enterDelivery(t, id, out.Identity, out.Occurrence, micros(a.Arrived), &deliveries[i])
		if err != nil {
			return out, fmt.Errorf("delivery to %s: %w", deliveries[i].Receiver, err)
		}
		if name != "" {
			out.Deliveries = append(out.Deliveries, name)
		}
	}
	if bare && len(out.Deliveries) > 0 {
		_, err = t.exec(`UPDATE alert SET bare = 0 WHERE id = ?`, id)
	}
	return out, err
}

// enterAlert finds the alert or makes it. bare is whether it is marked as one that nobody gets.
func (t *txn) enterAlert(a *Arrival) (id int64, out Accepted, bare bool, err error) {
	out = Accepted{Identity: a.Identity, Occurrence: max(a.Occurrence, 1)}
	if a.Identity == "" || a.Arrived.IsZero() || a.Occurrence < NextOccurrence {
		return 0, out, false, fmt.Errorf("identity %q, arrived %v, occurrence %d: not an arrival", a.Identity, a.Arrived, a.Occurrence)
	}
	if a.Record != "" {
		found, err := t.row(`SELECT id, identity, occurrence, bare FROM alert WHERE record = ? AND record <> ''`,
			[]any{a.Record}, &id, &out.Identity, &out.Occurrence, &bare)
		if found || err != nil {
			return id, out, bare, err
		}
	}
	if a.Occurrence == NextOccurrence {
		if a.Record == "" {
			return 0, out, false, errors.New("another occurrence needs a record: else it would be made anew each time the record is read")
		}
		if _, err := t.row(`SELECT coalesce(max(occurrence), 0) + 1 FROM alert WHERE identity = ?`,
			[]any{a.Identity}, &out.Occurrence); err != nil {
			return 0, out, false, err
		}
	}
	bare = len(a.Deliveries) == 0
	nobody := len(a.Deliveries) == 0
	res, err := t.exec(`INSERT INTO alert (identity, occurrence, record, arrived, time, severity, rule, title, bare, header, raw)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		a.Identity, out.Occurrence, a.Record, micros(a.Arrived), micros(a.Time), a.Severity, a.Rule, a.Title, nobody,
		blob(a.Header), blob(a.Raw))
	if err != nil {
		return 0, out, false, err
	}
	if n, err := res.RowsAffected(); err != nil {
		return 0, out, false, err
	} else if n == 1 {
		out.New = true
		id, err = res.LastInsertId()
		return id, out, nobody, err
	}
	_, err = t.row(`SELECT id, bare FROM alert WHERE identity = ? AND occurrence = ?`,
		[]any{a.Identity, out.Occurrence}, &id, &bare)
	return id, out, bare, err
}

// blob is b, never nil: the driver takes a nil slice for NULL.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// enterDelivery makes a delivery and returns its ID, or "" if the receiver had the alert already.
func (db *DB) enterDelivery(t *txn, alert int64, identity string, occurrence int, now int64, d *NewDelivery) (string, error) {
	state := d.State
	switch state {
	case "":
		state = Pending
	case Pending, Held, Suppressed:
	default:
		return "", fmt.Errorf("no delivery begins as %q", state)
	}
	id := db.deliveryID(identity, d.Receiver, d.Kind, occurrence)
	entered, err := t.insertDelivery(alert, now, &Delivery{ID: id, Receiver: d.Receiver, Channel: d.Channel, Route: d.Route,
		Severity: d.Severity, State: state, Reason: d.Reason, Due: d.Due, Kind: d.Kind, Bundle: d.Bundle, Notes: d.Notes, About: d.About})
	if err != nil || !entered {
		return "", err
	}
	return id, nil
}

// deliveryID names a delivery. A receiver's name holds no line end.
func (db *DB) deliveryID(identity, receiver, kind string, occurrence int) string {
	if kind != "" {
		receiver += "\n" + kind
	}
	return db.id(identity, receiver, occurrence)
}

// insertDelivery enters a delivery that is queued at a time, unless the receiver has one of that alert.
func (t *txn) insertDelivery(alert, queued int64, d *Delivery) (bool, error) {
	res, err := t.exec(`INSERT INTO delivery
		(tag, id, alert, receiver, channel, route, severity, state, open, reason, queued, due, changed, attempts, ambiguous,
		kind, bundle, notes, about, receipt)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		tag(alert, d.ID), d.ID, alert, d.Receiver, d.Channel, d.Route, d.Severity, string(d.State), d.State.Open(), d.Reason,
		queued, dueOf(d.State, d.Due), queued, d.Attempts, d.Ambiguous, d.Kind, d.Bundle, d.Notes, d.About, d.Receipt)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	if err == nil && n > 0 {
		t.count(d.Receiver, d.State, 1)
	}
	return n > 0, err
}

// never is the due time of what is held until a person releases it.
const never = 1<<63 - 1

// dueOf is how the time is stored until which a delivery stays where it is. A time before 1970 has passed.
func dueOf(s State, due time.Time) int64 {
	switch {
	case s == Pending:
		return max(micros(due), 0)
	case s == Held && due.IsZero():
		return never
	case s == Held:
		return max(micros(due), 1) // not 0: what is held never stands in the queue
	}
	return 0
}

// dueTime is the reverse of dueOf.
func dueTime(due int64) time.Time {
	if due == never {
		return time.Time{}
	}
	return fromMicros(due)
}
