package outbox

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Ack says that somebody has taken an alert.
type Ack struct {
	Identity   string
	Occurrence int
	// By is who, as they call themselves; Via how they said so.
	By, Via string
	// Receiver is in whose service they said so, which knows it already; "" where they said so to us.
	Receiver string
	At       time.Time
}

// Reason is why what was to be told if nobody had taken it is not told.
func (a Ack) Reason() string { return fmt.Sprintf("taken by %s (%s)", a.By, a.Via) }

// StepKind begins the kind of a delivery that is told unless somebody takes the alert before: "step2".
const StepKind = "step"

// Acknowledge notes that somebody has taken an alert, and suppresses what was to be told if nobody had. The first who does
// so counts: first is false, and the ack that of the first, for those who come after. Any process may call it; who is told
// of it is the owner's business ([Tx.Untold]). Error: [ErrNotFound].
func (db *DB) Acknowledge(ctx context.Context, ack Ack) (of Ack, first bool, err error) {
	ack.Occurrence = max(ack.Occurrence, 1)
	err = db.write(ctx, "acknowledge alert "+ack.Identity, func(t *txn) (err error) {
		of, first, err = (&Tx{db, t}).Acknowledge(ack)
		return err
	})
	return of, first, err
}

// Acknowledge is the same in a transaction.
func (tx *Tx) Acknowledge(ack Ack) (of Ack, first bool, err error) {
	ack.Occurrence = max(ack.Occurrence, 1)
	found, err := tx.Known(ack.Identity, ack.Occurrence)
	if err == nil && !found {
		err = ErrNotFound
	}
	if err != nil {
		return ack, false, err
	}
	before, taken, err := tx.t.ack(ack.Identity, ack.Occurrence)
	if err != nil || taken {
		return before, false, err
	}
	if _, err := tx.t.exec(`INSERT INTO ack (identity, occurrence, author, via, receiver, at, told) VALUES (?, ?, ?, ?, ?, ?, 0)`,
		ack.Identity, ack.Occurrence, ack.By, ack.Via, ack.Receiver, micros(ack.At)); err != nil {
		return ack, false, err
	}
	_, err = tx.Cancel(ack.Identity, ack.Occurrence, func(kind string) bool { return strings.HasPrefix(kind, StepKind) },
		ack.Reason(), ack.At)
	return ack, true, err
}

// Acked finds who has taken an alert.
func (tx *Tx) Acked(identity string, occurrence int) (Ack, bool, error) {
	return tx.t.ack(identity, max(occurrence, 1))
}

// Acked finds who has taken an alert.
func (db *DB) Acked(ctx context.Context, identity string, occurrence int) (a Ack, found bool, err error) {
	err = db.read(ctx, "look who has taken alert "+identity, func(t *txn) (err error) {
		a, found, err = t.ack(identity, max(occurrence, 1))
		return err
	})
	return a, found, err
}

func (t *txn) ack(identity string, occurrence int) (Ack, bool, error) {
	a := Ack{Identity: identity, Occurrence: occurrence}
	var at int64
	found, err := t.row(`SELECT author, via, receiver, at FROM ack WHERE identity = ? AND occurrence = ?`, []any{identity, occurrence},
		&a.By, &a.Via, &a.Receiver, &at)
	a.At = fromMicros(at)
	return a, found, err
}

// Untold lists the acknowledgements that receivers were not told of yet.
func (db *DB) Untold(ctx context.Context) ([]Ack, error) {
	var out []Ack
	err := db.read(ctx, "look for acknowledgements", func(t *txn) error {
		return t.each(`SELECT identity, occurrence, author, via, receiver, at FROM ack WHERE told = 0 ORDER BY at`, nil, func(row scanner) (bool, error) {
			var a Ack
			var at int64
			err := row.Scan(&a.Identity, &a.Occurrence, &a.By, &a.Via, &a.Receiver, &at)
			a.At = fromMicros(at)
			out = append(out, a)
			return true, err
		})
	})
	return out, err
}

// Told notes that the receivers were told of an acknowledgement.
func (tx *Tx) Told(a Ack) error {
	_, err := tx.t.exec(`UPDATE ack SET told = 1 WHERE identity = ? AND occurrence = ?`, a.Identity, a.Occurrence)
	return err
}

// escalating are the messages that services took, of alerts of which more is told if nobody takes them.
const escalating = ` FROM (SELECT DISTINCT alert FROM delivery INDEXED BY delivery_later
	WHERE open = 1 AND kind <> '' AND kind GLOB '` + StepKind + `*') AS s
	CROSS JOIN alert AS a ON a.id = s.alert CROSS JOIN delivery AS d ON d.alert = a.id
	WHERE d.state = 'delivered' AND d.receipt <> ''
	AND NOT EXISTS (SELECT 1 FROM ack WHERE ack.identity = a.identity AND ack.occurrence = a.occurrence)`

// Escalating lists the messages that were delivered, with a receipt, of the alerts of which a later step is to be told yet
// unless somebody takes them: where an answer may be found. Its cost grows with the number of these alerts only.
func (db *DB) Escalating(ctx context.Context) ([]Delivery, error) {
	var out []Delivery
	err := db.read(ctx, "look for escalations", func(t *txn) error {
		return t.each(`SELECT `+deliveryColumns+`, `+alertHeadColumns+escalating, nil, func(row scanner) (bool, error) {
			var d Delivery
			err := d.scan(row, false)
			out = append(out, d)
			return true, err
		})
	})
	return out, err
}
