package outbox

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"
)

// Queue is what a receiver has, at a glance.
type Queue struct {
	Receiver string
	// Counts says how many deliveries are in each state; a state with none is missing.
	Counts map[State]int
	// Oldest is when the oldest was queued of those that are being delivered or could be but for the
	// receiver's backoff; zero when there is none.
	Oldest time.Time
	// Due is when [DB.Next] has something to hand out, which may be past; zero when nothing waits for a time.
	Due time.Time
	// Comes is the earliest time of what waits for one; zero when nothing does.
	Comes time.Time
}

// Open is how many deliveries have not come to an end.
func (q Queue) Open() int { return q.Counts[Pending] + q.Counts[Delivering] + q.Counts[Held] }

// Queues lists the receivers that have deliveries, by name. Its cost grows with the number of receivers only.
func (db *DB) Queues(ctx context.Context) ([]Queue, error) {
	byName := map[string]*Queue{}
	err := db.read(ctx, "look at the queues", func(t *txn) error {
		counts, err := t.counts()
		if err != nil {
			return err
		}
		for key, n := range counts {
			q := byName[key.receiver]
			if q == nil {
				q = &Queue{Receiver: key.receiver, Counts: map[State]int{}}
				byName[key.receiver] = q
			}
			q.Counts[key.state] = n
		}
		for _, q := range byName {
			if q.Counts[Pending]+q.Counts[Delivering]+q.Counts[Held] == 0 {
				continue
			}
			if err := q.look(t); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := make([]Queue, 0, len(byName))
	for _, q := range byName {
		out = append(out, *q)
	}
	slices.SortFunc(out, func(a, b Queue) int { return strings.Compare(a.Receiver, b.Receiver) })
	return out, nil
}

// look finds out about the times.
func (q *Queue) look(t *txn) error {
	heads, err := t.heads(q.Receiver)
	if err != nil {
		return err
	}
	oldest := int64(math.MaxInt64)
	for _, h := range heads {
		oldest = min(oldest, h.queued)
	}
	if len(heads) > 0 {
		q.Oldest = fromMicros(oldest)
	}
	var nextAt, queued, timer int64
	if _, err := t.row(`SELECT next_at FROM receiver WHERE name = ?`, []any{q.Receiver}, &nextAt); err != nil {
		return err
	}
	ready, err := t.row(`SELECT queued FROM delivery INDEXED BY delivery_ready
		WHERE open = 1 AND due = 0 AND receiver = ? AND state = 'pending'
		ORDER BY severity DESC, queued LIMIT 1`, []any{q.Receiver}, &queued)
	if err != nil {
		return err
	}
	timed, err := t.row(`SELECT due FROM delivery INDEXED BY delivery_timer
		WHERE open = 1 AND due > 0 AND receiver = ? AND due < ? ORDER BY due LIMIT 1`,
		[]any{q.Receiver, int64(never)}, &timer)
	if err != nil {
		return err
	}
	if timed {
		q.Comes = fromMicros(timer)
	}
	switch {
	case ready && timed:
		q.Due = fromMicros(max(min(queued, timer), nextAt))
	case ready:
		q.Due = fromMicros(max(queued, nextAt))
	case timed:
		q.Due = fromMicros(max(timer, nextAt))
	}
	return nil
}

// head is the oldest of a severity in a receiver's queue.
type head struct{ severity, queued int64 }

// heads leaps from severity to severity: one look-up for each that occurs, whatever the length of the queue.
func (t *txn) heads(receiver string) ([]head, error) {
	var out []head
	below := int64(math.MaxInt64)
	for {
		n := len(out)
		err := t.each(`SELECT severity, queued FROM delivery INDEXED BY delivery_ready
			WHERE open = 1 AND due = 0 AND receiver = ? AND severity < ?
			ORDER BY severity DESC, queued LIMIT 1`, []any{receiver, below}, func(row scanner) (bool, error) {
			var h head
			err := row.Scan(&h.severity, &h.queued)
			out = append(out, h)
			return true, err
		})
		if err != nil || len(out) == n {
			return out, err
		}
		below = out[n].severity
	}
}

// Receivers says how the receivers fare that ever failed or were saved, by name.
func (db *DB) Receivers(ctx context.Context) (map[string]Receiver, error) {
	out := map[string]Receiver{}
	err := db.read(ctx, "look at the receivers", func(t *txn) error {
		return t.each(`SELECT `+receiverColumns+` FROM receiver`, nil, func(row scanner) (bool, error) {
			r, err := scanReceiver(row)
			out[r.Name] = r
			return true, err
		})
	})
	return out, err
}

// receiver is what is known of one receiver.
func (t *txn) receiver(name string) (Receiver, error) {
	r := Receiver{Name: name}
	err := t.each(`SELECT `+receiverColumns+` FROM receiver WHERE name = ?`, []any{name}, func(row scanner) (_ bool, err error) {
		r, err = scanReceiver(row)
		return false, err
	})
	return r, err
}

const receiverColumns = `name, failures, next_at, since, error`

func scanReceiver(row scanner) (Receiver, error) {
	var r Receiver
	var nextAt, since int64
	err := row.Scan(&r.Name, &r.Failures, &nextAt, &since, &r.LastError)
	r.NextAt, r.Since = fromMicros(nextAt), fromMicros(since)
	return r, err
}
