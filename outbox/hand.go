package outbox

import (
	"context"
	"slices"
	"time"
)

// handSlice is how many deliveries a person's word moves in one transaction, so that the owner need not wait.
const handSlice = 500

// Retry makes deliveries pending and due at once, and ends the backoff of their receivers. Where the filter names
// no states it means the dead, and for named deliveries also those that are pending, held or suppressed; what is
// being delivered or was delivered is left alone. Attempts are kept; the age counts anew but for what was pending.
// What is told by itself now leaves its bundle, unless that was told before, which is when there is an alert of its name.
// It returns how many were moved. Any process may call it.
func (db *DB) Retry(ctx context.Context, f Filter, now time.Time) (int, error) {
	if len(f.States) == 0 {
		f.States = []State{Dead}
		if len(f.IDs) > 0 {
			f.States = []State{Dead, Pending, Held, Suppressed}
		}
	}
	f.States = among(f.States, Dead, Pending, Held, Suppressed)
	return db.byHand(ctx, "retry deliveries", f, Pending, func(t *txn, from tallyKey, seqs string) (int64, error) {
		res, err := t.exec(`UPDATE delivery SET state = 'pending', open = 1, due = 0, changed = ?,
			queued = CASE state WHEN 'pending' THEN queued ELSE ? END,
			reason = CASE WHEN state IN ('dead', 'pending') THEN reason ELSE '' END,
			bundle = CASE WHEN EXISTS (SELECT 1 FROM alert AS a WHERE a.identity = delivery.bundle) THEN bundle ELSE '' END
			WHERE state = ? AND seq IN (SELECT value FROM json_each(?))`, micros(now), micros(now), string(from.state), seqs)
		if err != nil {
			return 0, err
		}
		if _, err := t.exec(`UPDATE receiver SET next_at = 0 WHERE name = ?`, from.receiver); err != nil {
			return 0, err
		}
		return res.RowsAffected()
	})
}

// DroppedByHand is the reason of deliveries that [DB.Drop] suppressed.
const DroppedByHand = "dropped by hand"

// Drop makes deliveries suppressed that are pending, held or dead: they stay in sight, and the alert stays known,
// but nothing is sent, and no bundle counts them. Where the filter names no states it means these three. It returns how
// many were moved. Any process may call it.
func (db *DB) Drop(ctx context.Context, f Filter, now time.Time) (int, error) {
	if len(f.States) == 0 {
		f.States = []State{Pending, Held, Dead}
	}
	f.States = among(f.States, Pending, Held, Dead)
	return db.byHand(ctx, "drop deliveries", f, Suppressed, func(t *txn, from tallyKey, seqs string) (int64, error) {
		res, err := t.exec(`UPDATE delivery SET state = 'suppressed', open = 0, due = 0, changed = ?, reason = ?, `+addNote+`,
			bundle = '' WHERE state = ? AND seq IN (SELECT value FROM json_each(?))`,
			micros(now), DroppedByHand, DroppedByHand, string(from.state), seqs)
		if err != nil {
			return 0, err
		}
		return res.RowsAffected()
	})
}

func among(states []State, allowed ...State) []State {
	return slices.DeleteFunc(slices.Clone(states), func(s State) bool { return !slices.Contains(allowed, s) })
}

// byHand moves the selected deliveries into a state, those of one receiver and state at a time. What the owner has
// moved since they were selected is left alone: move asks for the state again.
func (db *DB) byHand(ctx context.Context, what string, f Filter, to State,
	move func(t *txn, from tallyKey, seqs string) (int64, error)) (int, error) {
	if len(f.States) == 0 {
		return 0, nil
	}
	f.Limit = 0
	var groups map[tallyKey][]int64
	err := db.read(ctx, what, func(t *txn) (err error) {
		groups, err = t.groups(&f)
		return err
	})
	if err != nil {
		return 0, err
	}
	total := 0
	for from, seqs := range groups {
		for part := range slices.Chunk(seqs, handSlice) {
			var moved int64
			err := db.write(ctx, what, func(t *txn) (err error) {
				moved, err = move(t, from, list(part))
				t.move(from.receiver, from.state, to, int(moved))
				return err
			})
			if err != nil {
				return total, err
			}
			total += int(moved)
		}
	}
	return total, nil
}

// groups are the numbers of the selected deliveries, and no more than these: there may be a million dead letters.
func (t *txn) groups(f *Filter) (map[tallyKey][]int64, error) {
	out := map[tallyKey][]int64{}
	if f.named() {
		found, err := t.named(f)
		for i := range found {
			key := tallyKey{found[i].Receiver, found[i].State}
			out[key] = append(out[key], found[i].Seq)
		}
		return out, err
	}
	counts, err := t.counts()
	if err != nil {
		return nil, err
	}
	for _, src := range sources() {
		for key := range counts {
			if key.state != src.state || !f.wantsState(key.state) || !f.wantsReceiver(key.receiver) {
				continue
			}
			err := t.each(`SELECT seq FROM delivery WHERE `+src.where+` AND changed >= ? ORDER BY `+src.order,
				[]any{key.receiver, string(key.state), micros(f.Since)}, func(row scanner) (bool, error) {
					var seq int64
					err := row.Scan(&seq)
					out[key] = append(out[key], seq)
					return true, err
				})
			if err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}
