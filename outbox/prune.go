package outbox

import (
	"context"
	"time"
)

// Retention says how long what has come to an end is kept. It is what keeps an alert from being told again, so it
// should be longer than an alert may come late.
type Retention struct {
	// Delivered is for what was delivered or suppressed, and for alerts that nobody gets; 0 is for ever.
	Delivered time.Duration
	// Dead is for dead letters; 0 is for ever.
	Dead time.Duration
	// MaxBytes bounds the file: beyond it the oldest are removed before their time, dead letters last; 0 is no
	// bound. What waits is never removed.
	MaxBytes int64
}

// pruneSlice is how many deliveries are removed in one transaction: some milliseconds.
const pruneSlice = 200

// Prune removes what is no longer to be kept and gives room back to the disk, in many short transactions between
// which others get their turn. It returns how many deliveries (and alerts that nobody got) were removed, also when
// the context ends it.
func (db *DB) Prune(ctx context.Context, now time.Time, keep Retention) (int, error) {
	const what = "remove what is old"
	if !db.owner {
		return 0, explain(what, ErrNotOwner)
	}
	total := 0
	slice := func(remove func(*txn) (int, error)) (n int, err error) {
		err = db.write(ctx, what, func(t *txn) error {
			n, err = remove(t)
			return err
		})
		if err != nil {
			return 0, err
		}
		total += n
		return n, db.shrink(ctx)
	}
	for _, s := range []State{Suppressed, Delivered, Dead} { // what was told with others before the message that told it: see counted
		age := keep.Delivered
		if s == Dead {
			age = keep.Dead
		}
		if age <= 0 {
			continue
		}
		before := micros(now.Add(-age))
		for {
			n, err := slice(func(t *txn) (int, error) { return t.removeEnded(before, s) })
			if err != nil {
				return total, err
			}
			if n == 0 {
				break
			}
		}
		for s == Delivered {
			n, err := slice(func(t *txn) (int, error) { return t.removeBare(before) })
			if err != nil {
				return total, err
			}
			if n == 0 {
				break
			}
		}
	}
	if err := db.write(ctx, what, func(t *txn) error { return t.forget(now, keep) }); err != nil {
		return total, err
	}
	for keep.MaxBytes > 0 {
		used, err := db.Size(ctx)
		if err != nil {
			return total, err
		}
		if used <= keep.MaxBytes {
			break
		}
		n, err := slice(func(t *txn) (int, error) {
			if n, err := t.removeEnded(never, Delivered, Suppressed); n > 0 || err != nil {
				return n, err
			}
			if n, err := t.removeBare(never); n > 0 || err != nil {
				return n, err
			}
			return t.removeEnded(never, Dead)
		})
		if err != nil {
			return total, err
		}
		if n == 0 {
			break
		}
	}
	return total, nil
}

// counted is what is in no bundle, or in one that was told of: the message about the others is still to count them.
const counted = `(bundle = '' OR EXISTS (SELECT 1 FROM alert AS m WHERE m.identity = delivery.bundle))`

// forget removes silences that are long over, and acknowledgements of alerts that are not kept any more.
func (t *txn) forget(now time.Time, keep Retention) error {
	if keep.Dead > 0 {
		if _, err := t.exec(`DELETE FROM silence WHERE ends > 0 AND ends < ?`, micros(now.Add(-keep.Dead))); err != nil {
			return err
		}
	}
	_, err := t.exec(`DELETE FROM ack WHERE told = 1 AND NOT EXISTS (
		SELECT 1 FROM alert AS a WHERE a.identity = ack.identity AND a.occurrence = ack.occurrence)`)
	return err
}

// removeEnded removes a slice of the deliveries that came into one of the states before a time, the oldest: those
// of the receiver and state whose oldest is the oldest.
func (t *txn) removeEnded(before int64, states ...State) (int, error) {
	var group tallyKey
	oldest := before
	for _, s := range states {
		tallies, err := t.tallies(s)
		if err != nil {
			return 0, err
		}
		for receiver := range tallies {
			var changed int64
			found, err := t.row(`SELECT changed FROM delivery WHERE open = 0 AND receiver = ? AND state = ? AND `+counted+`
				ORDER BY changed LIMIT 1`, []any{receiver, string(s)}, &changed)
			if err != nil {
				return 0, err
			}
			if found && changed < oldest {
				oldest, group = changed, tallyKey{receiver, s}
			}
		}
	}
	if oldest == before {
		return 0, nil
	}
	var seqs, alerts []int64
	err := t.each(`SELECT seq, alert FROM delivery WHERE open = 0 AND receiver = ? AND state = ? AND changed < ?
		AND `+counted+` ORDER BY changed LIMIT ?`, []any{group.receiver, string(group.state), before, pruneSlice}, func(row scanner) (bool, error) {
		var seq, alert int64
		err := row.Scan(&seq, &alert)
		seqs, alerts = append(seqs, seq), append(alerts, alert)
		return true, err
	})
	if err != nil {
		return 0, err
	}
	for _, step := range []struct {
		query   string
		numbers []int64
	}{
		{`DELETE FROM attempt WHERE delivery IN (SELECT value FROM json_each(?))`, seqs},
		{`DELETE FROM delivery WHERE seq IN (SELECT value FROM json_each(?))`, seqs},
		{`DELETE FROM alert WHERE id IN (SELECT value FROM json_each(?))
			AND NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.alert = alert.id)`, alerts},
	} {
		if _, err := t.exec(step.query, list(step.numbers)); err != nil {
			return 0, err
		}
	}
	t.count(group.receiver, group.state, -len(seqs))
	return len(seqs), nil
}

// removeBare removes a slice of the alerts without deliveries that arrived before a time.
func (t *txn) removeBare(before int64) (int, error) {
	res, err := t.exec(`DELETE FROM alert WHERE id IN (
		SELECT id FROM alert WHERE bare = 1 AND arrived < ? ORDER BY arrived LIMIT ?)`, before, pruneSlice)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	return int(n), err
}

// Size is how many bytes of the file are in use.
func (db *DB) Size(ctx context.Context) (int64, error) {
	pages, free, size, err := db.pages(ctx)
	return (pages - free) * size, err
}

func (db *DB) pages(ctx context.Context) (pages, free, size int64, err error) {
	err = db.read(ctx, "measure the file", func(t *txn) error {
		for pragma, dest := range map[string]*int64{"page_count": &pages, "freelist_count": &free, "page_size": &size} {
			if _, err := t.row(`PRAGMA `+pragma, nil, dest); err != nil {
				return err
			}
		}
		return nil
	})
	return pages, free, size, err
}

// shrink gives some room back when more than a quarter of the file is empty; the rest will be used again.
func (db *DB) shrink(ctx context.Context) error {
	pages, free, _, err := db.pages(ctx)
	if err != nil || free*4 <= pages {
		return err
	}
	return explain("give room back", db.w.configure(ctx, `PRAGMA incremental_vacuum(512)`))
}
