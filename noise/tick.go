package noise

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/outbox"
)

// tickSlice is how many times that have come are worked off before others get their turn.
const tickSlice = 200

// Tick does what is due: bundles are told, counts are shown, incidents end, acknowledgements are passed on, storms begin and
// end. It returns when it is to be called again at the latest, zero if nothing waits for a time, and whether there may be
// more at once. It and Plan are called by one goroutine.
func (c *Control) Tick(ctx context.Context, db *outbox.DB, now time.Time) (next time.Time, more bool, err error) {
	if err := c.acknowledged(ctx, db, now); err != nil {
		return next, false, err
	}
	if err := c.endedSilences(ctx, db, now); err != nil {
		return next, false, err
	}
	due, next, err := db.Due(ctx, now, tickSlice)
	if err != nil {
		return next, false, err
	}
	if err := c.allDue(ctx, db, due, now); err != nil {
		return next, false, err
	}
	if len(due) > 0 { // what was done may have times of its own
		var rest []outbox.Kept
		if rest, next, err = db.Due(ctx, now, 1); err != nil {
			return next, false, err
		}
		more = len(rest) > 0
	}
	return next, more, nil
}

// allDue does what keys ask for: in one transaction, but for those that read much. A scan leaves very many.
func (c *Control) allDue(ctx context.Context, db *outbox.DB, due []outbox.Kept, now time.Time) error {
	var rest []outbox.Kept
	for _, k := range due {
		var err error
		switch {
		case strings.HasPrefix(k.Key, bundleKey):
			err = c.flush(ctx, db, k, now)
		case strings.HasPrefix(k.Key, stormKey):
			err = c.stormDue(ctx, db, k, now)
		case k.Key == lostKey:
			err = c.Recover(ctx, db, now)
		default:
			rest = append(rest, k)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", k.Key, err)
		}
	}
	if len(rest) == 0 {
		return nil
	}
	return db.Update(ctx, "do what is due", func(tx *outbox.Tx) error {
		for _, k := range rest {
			if err := c.due(tx, k, now); err != nil {
				return fmt.Errorf("%s: %w", k.Key, err)
			}
		}
		return nil
	})
}

// due does what one key asks for. What cannot be read, or has no use any more, is forgotten.
func (c *Control) due(tx *outbox.Tx, k outbox.Kept, now time.Time) error {
	_, due, found, err := tx.State(k.Key)
	if err != nil || !found || due.IsZero() || due.After(now) { // what was done before has changed it
		return err
	}
	switch {
	case strings.HasPrefix(k.Key, dedupKey):
		return c.dedupDue(tx, k, now)
	case strings.HasPrefix(k.Key, incidentKey):
		return c.incidentDue(tx, k, now)
	}
	return tx.DropState(k.Key) // a bucket that is full, an alert that is fresh no longer, a group whose interval is over
}

// Waits reports whether something is still to be told that is not in a queue: what bundles hold, and repeats that were
// counted.
func (c *Control) Waits(ctx context.Context, db *outbox.DB) (bool, error) {
	for _, prefix := range []string{bundleKey, stormKey, dedupKey} {
		kept, err := db.StatesUnder(ctx, prefix)
		if err != nil {
			return false, err
		}
		for _, k := range kept {
			var r repeats
			if prefix != dedupKey || json.Unmarshal([]byte(k.Value), &r) != nil || r.Untold > 0 {
				return true, nil
			}
		}
	}
	return false, nil
}
