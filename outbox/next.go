package outbox

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"slices"
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
	out, _, err := db.Turn(ctx, now, nil, Receiver{Name: receiver}, limit, nil)
	return out, err
}

// Turn is [DB.Finish] and [DB.Next] in one transaction, for who works through a receiver's queue: it records what came
// of the deliveries that were handed out before and how the receiver fares, and hands out at most limit more. What is
// known of the receiver is returned, for another process may have ended its backoff. Without results nothing is
// recorded of it. known, if not nil, says of which alerts the caller has all: their Header and Raw are left out. The
// errors are those of Finish, and then nothing is handed out.
func (db *DB) Turn(ctx context.Context, now time.Time, results []Result, fares Receiver, limit int, known func(Alert) bool) ([]Delivery, Receiver, error) {
	const what = "take the next deliveries"
	if !db.owner {
		return nil, fares, explain(what, ErrNotOwner)
	}
	if err := check(results); err != nil {
		return nil, fares, explain(what, err)
	}
	for {
		var out []Delivery
		var left []error
		kept, more := fares, false
		err := db.write(ctx, what, func(t *txn) (err error) {
			if len(results) == 0 {
				if kept, err = t.receiver(fares.Name); err != nil {
					return err
				}
			}
			ready := limit > 0 && !kept.NextAt.After(now)
			if ready {
				released, err := t.release(fares.Name, now)
				if more = released == releaseSlice; more || err != nil {
					return err // there may be more, and the first of the queue among them: the turn comes after
				}
			}
			if len(results) > 0 {
				if left, err = db.record(t, now, results, fares); err != nil || len(left) > 0 {
					return err
				}
				if kept, err = t.receiver(fares.Name); err != nil {
					return err
				}
			}
			if !ready {
				return nil
			}
			if len(results) > 0 { // they may be due themselves; the others were released above
				if _, err := t.release(fares.Name, now); err != nil {
					return err
				}
			}
			out, err = t.take(fares.Name, now, limit, known)
			return err
		})
		if err == nil && len(left) > 0 {
			err = explain(what, errors.Join(left...))
		}
		if err != nil || !more {
			return out, kept, err
		}
	}
}

// take moves the first of the queue to delivering.
func (t *txn) take(receiver string, now time.Time, limit int, known func(Alert) bool) ([]Delivery, error) {
	var out []Delivery
	var seqs []int64
	wanted := map[int64][]int{} // by alert: the deliveries that need all of it
	size := 0
	err := t.each(`SELECT `+deliveryColumns+`, `+alertHeadColumns+`, a.id, length(a.header) + length(a.raw)
		FROM delivery AS d INDEXED BY delivery_ready CROSS JOIN alert AS a ON a.id = d.alert
		WHERE d.open = 1 AND d.due = 0 AND d.receiver = ? AND d.state = 'pending'
		ORDER BY d.severity DESC, d.queued, d.seq LIMIT ?`,
		[]any{receiver, limit}, func(row scanner) (bool, error) {
			var d Delivery
			var alert int64
			var length int
			if err := d.scan(row, false, &alert, &length); err != nil {
				return false, err
			}
			d.State, d.Changed = Delivering, fromMicros(micros(now))
			if known == nil || !known(d.Alert) {
				wanted[alert] = append(wanted[alert], len(out))
				size += length
			}
			out, seqs = append(out, d), append(seqs, d.Seq)
			return size < maxTaken, nil
		})
	if err != nil || len(out) == 0 {
		return nil, err
	}
	if len(wanted) > 0 {
		err := t.each(`SELECT id, header, raw FROM alert WHERE id IN (SELECT value FROM json_each(?))`,
			[]any{list(slices.Sorted(maps.Keys(wanted)))}, func(row scanner) (bool, error) {
				var id int64
				var a Alert
				err := row.Scan(&id, &a.Header, &a.Raw)
				for _, i := range wanted[id] {
					out[i].Alert.Header, out[i].Alert.Raw = a.Header, a.Raw
				}
				return true, err
			})
		if err != nil {
			return nil, err
		}
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

// ownerKey is where the outbox keeps the term of its owner.
const ownerKey = "owner"

// stillOwner ends the term of an owner that another has taken over from, who had given it up for dead: the first write meets it, so that
// it takes nothing more and moves nothing that the other has in hand.
func (db *DB) stillOwner(t *txn) error {
	if db.term == "" {
		return nil
	}
	var term string
	if _, err := t.row(`SELECT value FROM meta WHERE key = ?`, []any{ownerKey}, &term); err != nil {
		return err
	}
	if term != db.term {
		return ErrTakenOver
	}
	return nil
}

// takeOver begins a term, and makes pending and ambiguous what the last owner was delivering. What is being delivered stands near
// the head of its queue, so looking for as many as were counted does not read the queue.
func (db *DB) takeOver(ctx context.Context, now time.Time) (int, error) {
	total, term := 0, ""
	if !db.w.lazy { // nobody else opens a scratch file
		term = rand.Text()
	}
	err := db.write(ctx, "take over what was being delivered", func(t *txn) error {
		if term != "" {
			if err := t.setMeta(ownerKey, term); err != nil {
				return err
			}
		}
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
	if err == nil {
		db.term = term
	}
	return total, err
}
