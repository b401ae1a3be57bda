package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Result says what came of a delivery that [DB.Next] handed out.
type Result struct {
	// Seq is the delivery's.
	Seq int64
	// State is where it goes: [Delivered], [Dead], [Suppressed], [Pending] (to be tried again) or [Held].
	State State
	// Due is the time before which this one delivery is not tried again, or until which it is held. A failure
	// that is not about this one message belongs into [Receiver.NextAt].
	Due time.Time
	// Reason says why, unless it was delivered.
	Reason string
	// Receipt is how the service calls the message, for messages that come later; "" leaves what is there.
	Receipt string
	// Attempt is nil when nothing was tried: it is put back.
	Attempt *Attempt
	// Fallback are deliveries of the same alert to be made in its stead. They queue from the time of the result.
	Fallback []NewDelivery
	// Also are deliveries of the same alert to be made beside it, which tell what became of it. They queue in the same way.
	Also []NewDelivery
}

// Receiver is how a receiver fares.
type Receiver struct {
	Name string
	// Failures counts the failed attempts since the last that did not fail.
	Failures int
	// NextAt is the time before which [DB.Next] hands out nothing of its queue; zero when it may go on.
	NextAt time.Time
	// Since is when the first of the failures was.
	Since time.Time
	// LastError is what the last one said.
	LastError string
}

// Finish records, in one transaction, what came of deliveries at the time now, and how receivers fare. A result
// for a delivery that is not being delivered is left out and told as [ErrNotDelivering] after the others were
// recorded; a caller that gets another error must call again, or the deliveries stay as they are until the next
// owner takes them over.
func (db *DB) Finish(ctx context.Context, now time.Time, results []Result, receivers ...Receiver) error {
	const what = "record what came of deliveries"
	if !db.owner {
		return explain(what, ErrNotOwner)
	}
	if err := check(results); err != nil {
		return explain(what, err)
	}
	var left []error
	err := db.write(ctx, what, func(t *txn) (err error) {
		left, err = db.record(t, now, results, receivers...)
		return err
	})
	if err != nil {
		return err
	}
	if len(left) > 0 {
		return explain(what, errors.Join(left...))
	}
	return nil
}

// check refuses what is no result.
func check(results []Result) error {
	for i := range results {
		if s := results[i].State; !s.known() || s == Delivering {
			return fmt.Errorf("%q is no result", s)
		}
	}
	return nil
}

// record enters results and receivers. left are the results of deliveries that are not being delivered.
func (db *DB) record(t *txn, now time.Time, results []Result, receivers ...Receiver) (left []error, err error) {
	var delivered []*Result
	for i := range results {
		r := &results[i]
		if r.plain() {
			delivered = append(delivered, r)
			continue
		}
		err := db.finish(t, now, r)
		if errors.Is(err, ErrNotDelivering) {
			left = append(left, err)
		} else if err != nil {
			return nil, fmt.Errorf("delivery %d: %w", r.Seq, err)
		}
	}
	others, err := t.finishDelivered(now, delivered)
	if err != nil {
		return nil, fmt.Errorf("what was delivered: %w", err)
	}
	for i := range receivers {
		if err := t.saveReceiver(&receivers[i]); err != nil {
			return nil, fmt.Errorf("receiver %s: %w", receivers[i].Name, err)
		}
	}
	return append(left, others...), nil
}

// plain reports a result as nearly all are: delivered by an attempt, and nothing else is to be said.
func (r *Result) plain() bool {
	return r.State == Delivered && r.Attempt != nil && !r.Attempt.Ambiguous && len(r.Fallback) == 0 && len(r.Also) == 0 && r.Receipt == ""
}

// finishDelivered enters plain results, all at once: a statement costs more than a row of it.
func (t *txn) finishDelivered(now time.Time, results []*Result) (left []error, err error) {
	if len(results) == 0 {
		return nil, nil
	}
	byNumber := make(map[int64]*Result, len(results))
	seqs := make([]int64, len(results))
	for i, r := range results {
		byNumber[r.Seq], seqs[i] = r, r.Seq
	}
	found := make([]*Result, 0, len(results))
	err = t.each(`UPDATE delivery SET state = 'delivered', open = 0, reason = '', due = 0, changed = ?, attempts = attempts + 1
		WHERE state = 'delivering' AND seq IN (SELECT value FROM json_each(?)) RETURNING seq, receiver`,
		[]any{micros(now), list(seqs)}, func(row scanner) (bool, error) {
			var seq int64
			var receiver string
			err := row.Scan(&seq, &receiver)
			found = append(found, byNumber[seq])
			delete(byNumber, seq)
			t.move(receiver, Delivering, Delivered, 1)
			return true, err
		})
	if err != nil {
		return nil, err
	}
	for seq := range byNumber {
		left = append(left, fmt.Errorf("delivery %d: %w", seq, ErrNotDelivering))
	}
	for rows := range slices.Chunk(found, attemptRows) {
		if err := t.enterAttempts(rows); err != nil {
			return nil, err
		}
	}
	return left, nil
}

// attemptRows is how many attempts are entered by one statement; what is left over is entered one by one, so that
// there are two statements to keep prepared and not as many as there are lengths.
const attemptRows = 16

func (t *txn) enterAttempts(results []*Result) error {
	if n := len(results); n > 1 && n < attemptRows {
		for i := range results {
			if err := t.enterAttempts(results[i : i+1]); err != nil {
				return err
			}
		}
		return nil
	}
	const columns = 8
	args := make([]any, 0, columns*len(results))
	for _, r := range results {
		a := r.Attempt
		args = append(args, r.Seq, micros(a.Started), a.Duration.Microseconds(), a.Status,
			cut(a.Answer, MaxAnswer), cut(a.Error, MaxAnswer), a.Ambiguous, cut(a.Request, MaxRequest))
	}
	_, err := t.exec(`INSERT INTO attempt (delivery, started, duration, status, answer, error, ambiguous, request)
		VALUES `+strings.Repeat("(?, ?, ?, ?, ?, ?, ?, ?), ", len(results)-1)+"(?, ?, ?, ?, ?, ?, ?, ?)", args...)
	return err
}

func (db *DB) finish(t *txn, now time.Time, r *Result) error {
	tried, ambiguous := 0, false
	if r.Attempt != nil {
		tried, ambiguous = 1, r.Attempt.Ambiguous
	}
	reason := r.Reason
	if r.State == Delivered {
		reason = ""
	}
	var receiver string
	var alert int64
	found, err := t.row(`UPDATE delivery SET state = ?, open = ?, reason = ?, due = ?, changed = ?,
		attempts = attempts + ?, ambiguous = ambiguous OR ?, receipt = CASE ? WHEN '' THEN receipt ELSE ? END WHERE seq = ? AND state = 'delivering' RETURNING receiver, alert`,
		[]any{string(r.State), r.State.Open(), reason, dueOf(r.State, r.Due), micros(now), tried, ambiguous,
			r.Receipt, r.Receipt, r.Seq},
		&receiver, &alert)
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("delivery %d: %w", r.Seq, ErrNotDelivering)
	}
	t.move(receiver, Delivering, r.State, 1)
	if r.Attempt != nil {
		if err := t.enterAttempts([]*Result{r}); err != nil {
			return err
		}
	}
	return db.enterMore(t, alert, now, append(slices.Clip(r.Fallback), r.Also...))
}

// enterMore makes deliveries of an alert that is there.
func (db *DB) enterMore(t *txn, alert int64, now time.Time, deliveries []NewDelivery) error {
	if len(deliveries) == 0 {
		return nil
	}
	var identity string
	var occurrence int
	if _, err := t.row(`SELECT identity, occurrence FROM alert WHERE id = ?`, []any{alert}, &identity, &occurrence); err != nil {
		return err
	}
	for i := range deliveries {
		if _, err := db.enterDelivery(t, alert, identity, occurrence, micros(now), &deliveries[i]); err != nil {
			return fmt.Errorf("for %s: %w", deliveries[i].Receiver, err)
		}
	}
	return nil
}

func (t *txn) saveReceiver(r *Receiver) error {
	_, err := t.exec(`INSERT INTO receiver (name, failures, next_at, since, error) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET failures = excluded.failures, next_at = excluded.next_at, since = excluded.since,
		error = excluded.error`, r.Name, r.Failures, micros(r.NextAt), micros(r.Since), cut(r.LastError, MaxAnswer))
	return err
}
