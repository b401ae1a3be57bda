package outbox

import (
	"context"
	"time"
)

// Silence is asked for by a person: alerts that match are not told while it holds. To this package the match and the times
// of the week are texts.
type Silence struct {
	ID, Match string
	// Starts and Ends bound it; without Ends it holds until somebody ends it. Every are the times of the week at which it
	// holds within these bounds; "" is always.
	Starts, Ends time.Time
	Every        string
	Reason, By   string
	Created      time.Time
	// Silenced is how many alerts it has kept from being told so far.
	Silenced int
}

// Holds reports whether the bounds of the silence hold at a time; Every is the caller's.
func (s *Silence) Holds(at time.Time) bool {
	return !at.Before(s.Starts) && (s.Ends.IsZero() || at.Before(s.Ends))
}

const silenceColumns = `id, match, starts, ends, every, reason, author, created, silenced`

func scanSilence(row scanner) (Silence, error) {
	var s Silence
	var starts, ends, created int64
	err := row.Scan(&s.ID, &s.Match, &starts, &ends, &s.Every, &s.Reason, &s.By, &created, &s.Silenced)
	s.Starts, s.Ends, s.Created = fromMicros(starts), fromMicros(ends), fromMicros(created)
	return s, err
}

// AddSilence keeps a silence under its ID, which must be new. Any process may call it.
func (db *DB) AddSilence(ctx context.Context, s Silence) error {
	return db.write(ctx, "keep the silence "+s.ID, func(t *txn) error {
		_, err := t.exec(`INSERT INTO silence (`+silenceColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)`,
			s.ID, s.Match, micros(s.Starts), micros(s.Ends), s.Every, s.Reason, s.By, micros(s.Created))
		return err
	})
}

// EndSilence ends a silence at a time, unless it has ended before. Any process may call it. Error: [ErrNotFound].
func (db *DB) EndSilence(ctx context.Context, id string, at time.Time) error {
	return db.write(ctx, "end the silence "+id, func(t *txn) error {
		res, err := t.exec(`UPDATE silence SET ends = max(?, 1) WHERE id = ? AND (ends = 0 OR ends > ?)`, micros(at), id, micros(at))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n > 0 {
			return err
		}
		var n int
		if found, err := t.row(`SELECT 1 FROM silence WHERE id = ?`, []any{id}, &n); err != nil || found {
			return err
		}
		return ErrNotFound
	})
}

// Silences lists those that have not ended at a time, the first that was made first; the zero time lists all.
func (db *DB) Silences(ctx context.Context, now time.Time) ([]Silence, error) {
	var out []Silence
	err := db.read(ctx, "list silences", func(t *txn) (err error) {
		out, err = t.silences(now)
		return err
	})
	return out, err
}

// Silences is the same in a transaction.
func (tx *Tx) Silences(now time.Time) ([]Silence, error) { return tx.t.silences(now) }

// Silenced counts one more alert that a silence kept from being told.
func (tx *Tx) Silenced(id string) error {
	_, err := tx.t.exec(`UPDATE silence SET silenced = silenced + 1 WHERE id = ?`, id)
	return err
}

func (t *txn) silences(now time.Time) ([]Silence, error) {
	var out []Silence
	err := t.each(`SELECT `+silenceColumns+` FROM silence WHERE ends = 0 OR ends > ? ORDER BY created, id`,
		[]any{max(micros(now), 0)}, func(row scanner) (bool, error) {
			s, err := scanSilence(row)
			out = append(out, s)
			return true, err
		})
	return out, err
}
