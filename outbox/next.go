package outbox

import (
	"context"
	"time"
)

// maxTaken bounds how many bytes of alerts one call of Next brings into memory. One alert is always taken.
const maxTaken = 8 << 20

// releaseSlice is how many deliveries whose time has come are released in one transaction.
const releaseSlice = 1000

// Next hands out at most limit deliveries to a receiver that are due, in the order of its queue, and marks them
// as being delivered. Their alerts are whole. There are none while the receiver's backoff lasts. The caller owes
// a [Result] for each; those of a crashed caller are ambiguous, so it should not take more than it is about to
// send.
func (db *DB) Next(ctx context.Context, receiver string, now time.Time, limit int) ([]Delivery, error) {
	const what = "take the next deliveries"
	if !db.owner {
		return nil, explain(what, ErrNotOwner)
	}
	for {
		var out []Delivery
		released := 0
		err := db.write(ctx, what, func(t *txn) error {
			var nextAt int64
			if _, err := t.row(`SELECT next_at FROM receiver WHERE name = ?`, []any{receiver}, &nextAt); err != nil || nextAt > micros(now) {
				return err
			}
			var err error
			if released, err = t.release(receiver, now); err != nil || released == releaseSlice {
				return err // there may be more, and the first of the queue among them
			}
			out, err = t.take(receiver, now, limit)
			return err
		})
		if err != nil || released < releaseSlice {
			return out, err
		}
	}
}

// take moves the first of the queue to delivering.
func (t *txn) take(receiver string, now time.Time, limit int) ([]Delivery, error) {
	var out []Delivery
	var seqs []int64
	size := 0
	err := t.each(`SELECT `+deliveryColumns+`, `+alertColumns+`
		FROM delivery AS d INDEXED BY delivery_ready CROSS JOIN alert AS a ON a.id = d.alert
		WHERE d.open = 1 AND d.due = 0 AND d.receiver = ? AND d.state = 'pending'
		ORDER BY d.severity DESC, d.queued, d.seq LIMIT ?`,
		[]any{receiver, limit}, func(row scanner) (bool, error) {
			var d Delivery
			if err := d.scan(row, true); err != nil {
				return false, err
			}
			d.State, d.Changed = Delivering, fromMicros(micros(now))
			out, seqs = append(out, d), append(seqs, d.Seq)
			size += len(d.Alert.Header) + len(d.Alert.Raw)
			return size < maxTaken, nil
		})
	if err != nil || len(out) == 0 {
		return nil, err
	}
	t.move(receiver, Pending, Delivering, len(out))
	_, err = t.exec(`UPDATE delivery SET state = 'delivering', changed = ? WHERE seq IN (SELECT value FROM json_each(?))`,
		micros(now), list(seqs))
	return out, err
}

// release puts deliveries whose time has come into the queue, at most releaseSlice of them: a pending one at its
// old place, a held one as if it had come at that time.
func (t *txn) release(receiver string, now time.Time) (int, error) {
	seqs, err := t.seqs(`SELECT seq FROM delivery WHERE open = 1 AND due > 0 AND receiver = ? AND due <= ?
		ORDER BY due LIMIT ?`, receiver, min(micros(now), never-1), releaseSlice)
	if err != nil || len(seqs) == 0 {
		return 0, err
	}
	res, err := t.exec(`UPDATE delivery SET state = 'pending', queued = due, due = 0, reason = '', changed = ?
		WHERE state = 'held' AND seq IN (SELECT value FROM json_each(?))`, micros(now), list(seqs))
	if err != nil {
		return 0, err
	}
	held, err := res.RowsAffected()
	if err != nil {
		return 0, err
	}
	t.move(receiver, Held, Pending, int(held))
	_, err = t.exec(`UPDATE delivery SET due = 0 WHERE seq IN (SELECT value FROM json_each(?))`, list(seqs))
	return len(seqs), err
}

// takeOver makes pending and ambiguous what the last owner was delivering. What is being delivered stands near
// the head of its queue, so looking for as many as were counted does not read the queue.
func (db *DB) takeOver(ctx context.Context, now time.Time) (int, error) {
	total := 0
	err := db.write(ctx, "take over what was being delivered", func(t *txn) error {
		tallies, err := t.tallies(Delivering)
		if err != nil {
			return err
		}
		for receiver, n := range tallies {
			seqs, err := t.seqs(`SELECT seq FROM delivery INDEXED BY delivery_ready
				WHERE open = 1 AND due = 0 AND receiver = ? AND state = 'delivering'
				ORDER BY severity DESC, queued, seq LIMIT ?`, receiver, n)
			if err != nil {
				return err
			}
			if _, err := t.exec(`UPDATE delivery SET state = 'pending', ambiguous = 1, changed = ?
				WHERE seq IN (SELECT value FROM json_each(?))`, micros(now), list(seqs)); err != nil {
				return err
			}
			t.move(receiver, Delivering, Pending, len(seqs))
			total += len(seqs)
		}
		return nil
	})
	return total, err
}
