package outbox

import (
	"context"
	"fmt"
	"time"
)

// Tx is a transaction of the owner's in which somebody decides what is told when: for an alert that is being accepted
// ([Arrival.Plan]), or because a time has come ([DB.Update]). What is read in it is as of its beginning, with what it wrote
// itself. It must not be used after the function that it was given to.
type Tx struct {
	db *DB
	t  *txn
}

// Update runs f in one transaction, which is undone if f fails. It may be run again by the caller: f must not keep anything
// of a failed one.
func (db *DB) Update(ctx context.Context, what string, f func(*Tx) error) error {
	if !db.owner {
		return explain(what, ErrNotOwner)
	}
	return db.write(ctx, what, func(t *txn) error { return f(&Tx{db, t}) })
}

// State returns what was kept under a key, and until when; found is false if nothing was.
func (tx *Tx) State(key string) (value string, due time.Time, found bool, err error) {
	var micro int64
	found, err = tx.t.row(`SELECT value, due FROM state WHERE key = ?`, []any{key}, &value, &micro)
	return value, fromMicros(micro), found, err
}

// SetState keeps a value under a key; [DB.Due] tells of it from due on, which may be zero.
func (tx *Tx) SetState(key, value string, due time.Time) error {
	_, err := tx.t.exec(`INSERT INTO state (key, due, value) VALUES (?, ?, ?)
		ON CONFLICT (key) DO UPDATE SET due = excluded.due, value = excluded.value`, key, micros(due), value)
	return err
}

// DropState forgets what is kept under a key.
func (tx *Tx) DropState(key string) error {
	_, err := tx.t.exec(`DELETE FROM state WHERE key = ?`, key)
	return err
}

// Kept is a value that is kept under a key.
type Kept struct {
	Key, Value string
	Due        time.Time
}

// Due lists what is kept with a time that has come, the earliest first and at most limit, and the next time that will come
// after; zero if there is none.
func (db *DB) Due(ctx context.Context, now time.Time, limit int) (due []Kept, next time.Time, err error) {
	err = db.read(ctx, "look what is due", func(t *txn) error {
		due, next = nil, time.Time{}
		err := t.each(`SELECT key, value, due FROM state WHERE due > 0 AND due <= ? ORDER BY due, key LIMIT ?`,
			[]any{micros(now), limit}, func(row scanner) (bool, error) {
				var k Kept
				var at int64
				err := row.Scan(&k.Key, &k.Value, &at)
				k.Due = fromMicros(at)
				due = append(due, k)
				return true, err
			})
		if err != nil {
			return err
		}
		var at int64
		found, err := t.row(`SELECT due FROM state WHERE due > 0 AND due > ? ORDER BY due LIMIT 1`, []any{micros(now)}, &at)
		if found {
			next = fromMicros(at)
		}
		return err
	})
	return due, next, err
}

// NextDue is the earliest time of what is kept, be it past or not; zero if nothing has one.
func (tx *Tx) NextDue() (time.Time, error) {
	var at int64
	_, err := tx.t.row(`SELECT due FROM state WHERE due > 0 ORDER BY due LIMIT 1`, nil, &at)
	return fromMicros(at), err
}

// StatesUnder lists what is kept under keys with a prefix, in the order of the keys.
func (db *DB) StatesUnder(ctx context.Context, prefix string) ([]Kept, error) {
	var out []Kept
	err := db.read(ctx, "read what is kept under "+prefix, func(t *txn) error {
		return t.each(`SELECT key, value, due FROM state WHERE key >= ? AND key < ? ORDER BY key`,
			[]any{prefix, prefix + "\U0010FFFF"}, func(row scanner) (bool, error) {
				var k Kept
				var at int64
				err := row.Scan(&k.Key, &k.Value, &at)
				k.Due = fromMicros(at)
				out = append(out, k)
				return true, err
			})
	})
	return out, err
}

// Deliveries lists those of an alert, without its header and bytes, in the order in which they were entered. It is empty
// for an alert that is not there.
func (tx *Tx) Deliveries(identity string, occurrence int) ([]Delivery, error) {
	var out []Delivery
	err := tx.t.each(`SELECT `+deliveryColumns+`, `+alertHeadColumns+` FROM alert AS a CROSS JOIN delivery AS d ON d.alert = a.id
		WHERE a.identity = ? AND a.occurrence = ? ORDER BY d.seq`, []any{identity, max(occurrence, 1)}, func(row scanner) (bool, error) {
		var d Delivery
		err := d.scan(row, false)
		out = append(out, d)
		return true, err
	})
	return out, err
}

// Delivery finds one of an alert's, without its header and bytes. It costs the same however many there are.
func (tx *Tx) Delivery(identity string, occurrence int, receiver, kind string) (d Delivery, found bool, err error) {
	err = tx.t.each(`SELECT `+deliveryColumns+`, `+alertHeadColumns+` FROM alert AS a CROSS JOIN delivery AS d ON d.alert = a.id
		WHERE a.identity = ? AND a.occurrence = ? AND d.receiver = ? AND d.kind = ?`,
		[]any{identity, max(occurrence, 1), receiver, kind}, func(row scanner) (bool, error) {
			found = true
			return false, d.scan(row, false)
		})
	return d, found, err
}

// Known reports whether an alert is there.
func (tx *Tx) Known(identity string, occurrence int) (bool, error) {
	var n int
	return tx.t.row(`SELECT 1 FROM alert WHERE identity = ? AND occurrence = ?`, []any{identity, max(occurrence, 1)}, &n)
}

// Enter enters an alert and its deliveries, as [DB.Accept] does.
func (tx *Tx) Enter(a Arrival) (Accepted, error) {
	out, err := tx.db.accept(tx.t, &a)
	if err != nil {
		err = fmt.Errorf("alert %s: %w", a.Identity, err)
	}
	return out, err
}

// Deliver enters a delivery of an alert that is there, queued at now, and returns its ID; "" if the receiver has one of that
// kind. Error: [ErrNotFound].
func (tx *Tx) Deliver(identity string, occurrence int, now time.Time, d NewDelivery) (string, error) {
	occurrence = max(occurrence, 1)
	var id int64
	found, err := tx.t.row(`SELECT id FROM alert WHERE identity = ? AND occurrence = ?`, []any{identity, occurrence}, &id)
	if err == nil && !found {
		err = ErrNotFound
	}
	if err != nil {
		return "", err
	}
	return tx.db.enterDelivery(tx.t, id, identity, occurrence, micros(now), &d)
}

// A Bundle is what deliveries are told with. Those that are held wait for its end; others, which are suppressed already, are
// counted with it. Whatever moves a delivery from here on adds a line to its notes, so that they tell its whole way.

// addNote appends a line to the notes.
const addNote = `notes = ltrim(notes || char(10) || ?, char(10))`

// Members says how many deliveries of each receiver are in a bundle, and how many of them are held.
func (tx *Tx) Members(bundle string) (all, held map[string]int, err error) {
	all, held = map[string]int{}, map[string]int{}
	err = tx.t.each(`SELECT receiver, count(*), sum(state = 'held') FROM delivery WHERE bundle = ? AND bundle <> '' GROUP BY receiver`,
		[]any{bundle}, func(row scanner) (bool, error) {
			var receiver string
			var n, h int
			err := row.Scan(&receiver, &n, &h)
			all[receiver], held[receiver] = n, h
			return true, err
		})
	return all, held, err
}

// EndBundle ends what is held in a bundle, of one receiver: it is suppressed now, for what it tells was told otherwise.
func (tx *Tx) EndBundle(bundle, receiver, reason string, now time.Time) (int, error) {
	n, err := tx.changed(`UPDATE delivery SET state = 'suppressed', open = 0, due = 0, reason = ?, `+addNote+`, changed = ?
		WHERE bundle = ? AND bundle <> '' AND receiver = ? AND state = 'held'`, reason, reason, micros(now), bundle, receiver)
	tx.t.move(receiver, Held, Suppressed, n)
	return n, err
}

// CloseBundle ends what is in a bundle, of one receiver, for which nothing is told: what is held is suppressed for that
// reason now, and what is suppressed already has it behind its own.
func (tx *Tx) CloseBundle(bundle, receiver, reason string, now time.Time) error {
	if _, err := tx.changed(`UPDATE delivery SET reason = reason || ', ' || ?, `+addNote+`, changed = ?
		WHERE bundle = ? AND bundle <> '' AND receiver = ? AND state = 'suppressed'`, reason, reason, micros(now), bundle, receiver); err != nil {
		return err
	}
	_, err := tx.EndBundle(bundle, receiver, reason, now)
	return err
}

// ReleaseBundle puts what is held in a bundle, of one receiver, into its queue, as if it had come now.
func (tx *Tx) ReleaseBundle(bundle, receiver, note string, now time.Time) (int, error) {
	n, err := tx.changed(`UPDATE delivery SET state = 'pending', due = 0, reason = '', bundle = '', `+addNote+`, queued = ?, changed = ?
		WHERE bundle = ? AND bundle <> '' AND receiver = ? AND state = 'held'`, note, micros(now), micros(now), bundle, receiver)
	tx.t.move(receiver, Held, Pending, n)
	return n, err
}

// MoveBundle moves what is in a bundle, of one receiver, into another. What is held is held for that reason now; what is
// suppressed keeps its own.
func (tx *Tx) MoveBundle(from, receiver, to, reason string, now time.Time) (int, error) {
	held, err := tx.changed(`UPDATE delivery SET bundle = ?, reason = ?, `+addNote+`, changed = ?
		WHERE bundle = ? AND bundle <> '' AND receiver = ? AND state = 'held'`, to, reason, reason, micros(now), from, receiver)
	if err != nil {
		return 0, err
	}
	others, err := tx.changed(`UPDATE delivery SET bundle = ? WHERE bundle = ? AND bundle <> '' AND receiver = ?`, to, from, receiver)
	return held + others, err
}

// Spared is what a brake leaves in a queue: what came by a route, and alerts whose identity matches a GLOB pattern.
type Spared struct{ Route, Identities string }

// Brake holds what waits in a receiver's queue with a severity from least to most, into a bundle. What was tried or a person
// retried, what is spared, and messages of a kind of their own are left in the queue.
func (tx *Tx) Brake(receiver string, least, most int, spared Spared, bundle, reason string, now time.Time) (int, error) {
	n, err := tx.changed(`UPDATE delivery SET state = 'held', due = ?, reason = ?, `+addNote+`, bundle = ?, changed = ?
		WHERE open = 1 AND due = 0 AND receiver = ? AND state = 'pending' AND severity BETWEEN ? AND ? AND route <> ? AND kind = ''
		AND bundle = '' AND attempts = 0 AND ambiguous = 0 AND queued = changed
		AND NOT EXISTS (SELECT 1 FROM alert WHERE alert.id = delivery.alert AND alert.identity GLOB ?)`,
		int64(never), reason, reason, bundle, micros(now), receiver, least, most, spared.Route, spared.Identities)
	tx.t.move(receiver, Pending, Held, n)
	return n, err
}

// Cancel suppresses the messages about an alert of kinds that wants names and that were not sent yet, to all receivers.
func (tx *Tx) Cancel(identity string, occurrence int, wants func(kind string) bool, reason string, now time.Time) (int, error) {
	deliveries, err := tx.Deliveries(identity, occurrence)
	if err != nil {
		return 0, err
	}
	total := 0
	for _, d := range deliveries {
		if d.State != Held && d.State != Pending || !wants(d.Kind) {
			continue
		}
		n, err := tx.changed(`UPDATE delivery SET state = 'suppressed', open = 0, due = 0, reason = ?, `+addNote+`, changed = ?
			WHERE seq = ? AND state = ?`, reason, reason, micros(now), d.Seq, string(d.State))
		if err != nil {
			return total, err
		}
		tx.t.move(d.Receiver, d.State, Suppressed, n)
		total += n
	}
	return total, nil
}

// Waiting is how many deliveries wait in a receiver's queue or are being delivered: not those that are held.
func (tx *Tx) Waiting(receiver string) (int, error) {
	total := 0
	for _, s := range []State{Pending, Delivering} {
		var n int
		if _, err := tx.t.row(`SELECT n FROM tally WHERE receiver = ? AND state = ?`, []any{receiver, string(s)}, &n); err != nil {
			return 0, err
		}
		total += n + tx.t.tally[tallyKey{receiver, s}]
	}
	return total, nil
}

func (tx *Tx) changed(query string, args ...any) (int, error) {
	res, err := tx.t.exec(query, args...)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	return int(n), err
}

// HeldBundle is a bundle that holds deliveries of a receiver.
type HeldBundle struct{ Bundle, Receiver string }

// HeldBundles lists the bundles that hold something.
func (db *DB) HeldBundles(ctx context.Context) ([]HeldBundle, error) {
	var out []HeldBundle
	err := db.read(ctx, "look for bundles", func(t *txn) error {
		held, err := t.tallies(Held)
		for receiver := range held {
			if err == nil {
				err = t.each(`SELECT DISTINCT bundle FROM delivery INDEXED BY delivery_timer
					WHERE open = 1 AND due > 0 AND receiver = ? AND due = ? AND state = 'held' AND bundle <> ''`,
					[]any{receiver, int64(never)}, func(row scanner) (bool, error) {
						h := HeldBundle{Receiver: receiver}
						err := row.Scan(&h.Bundle)
						out = append(out, h)
						return true, err
					})
			}
		}
		return err
	})
	return out, err
}

// SetBack moves what is held until a time, and was entered by a clock that was ahead of now, so that it is held for as long
// as was meant. It returns how many deliveries that were.
func (tx *Tx) SetBack(now time.Time) (int, error) {
	held, err := tx.t.tallies(Held)
	total := 0
	for receiver := range held {
		if err != nil {
			break
		}
		var n int
		n, err = tx.changed(`UPDATE delivery SET due = max(due - queued + ?, 1), queued = ?
			WHERE open = 1 AND due > 0 AND receiver = ? AND due < ? AND state = 'held' AND queued > ?`,
			micros(now), micros(now), receiver, int64(never), micros(now))
		total += n
	}
	return total, err
}

// EachMember calls f for every delivery of a bundle with its whole alert, in the order in which they were entered, those of
// one alert one behind the other.
func (db *DB) EachMember(ctx context.Context, bundle string, f func(Delivery) error) error {
	return db.read(ctx, "read the bundle "+bundle, func(t *txn) error {
		return t.each(`SELECT `+deliveryColumns+`, `+alertColumns+` FROM delivery AS d CROSS JOIN alert AS a ON a.id = d.alert
			WHERE d.bundle = ? AND d.bundle <> '' ORDER BY d.alert, d.seq`, []any{bundle}, func(row scanner) (bool, error) {
			var d Delivery
			if err := d.scan(row, true); err != nil {
				return false, err
			}
			return true, f(d)
		})
	})
}
