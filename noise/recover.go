package noise

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ossec-notify/ossec-notify/outbox"
)

// ahead reports whether a time that was noted cannot have come yet: the clock was set back since. Clocks that are kept right
// go back a little all the time.
func ahead(noted, now time.Time) bool { return noted.After(now.Add(time.Minute)) }

// Recover sees that nothing waits for what will not come: for a bundle that is not kept, or cannot be read, because the file
// was damaged or a newer program wrote it; or for a time that a clock showed which was set back since. It is called when a
// deliverer starts, and when the clock was set back.
func (c *Control) Recover(ctx context.Context, db *outbox.DB, now time.Time) error {
	open := map[string]bool{}
	kept, err := db.StatesUnder(ctx, bundleKey)
	if err != nil {
		return err
	}
	for _, k := range kept {
		var b bundle
		err := json.Unmarshal([]byte(k.Value), &b)
		if err == nil {
			open[b.ID] = true
			if !ahead(b.Opened, now) {
				continue
			}
		} else {
			c.Log.Error("a bundle cannot be read: what it holds is told by itself", "key", k.Key, "err", err)
		}
		err = db.Update(ctx, "put a bundle right", func(tx *outbox.Tx) error {
			if err != nil {
				return tx.DropState(k.Key)
			}
			due := k.Due
			if !due.IsZero() {
				due = due.Add(now.Sub(b.Opened))
			}
			b.Opened = now
			return set(tx, k.Key, b, due)
		})
		if err != nil {
			return fmt.Errorf("%s: %w", k.Key, err)
		}
	}
	if err := c.recoverStorms(ctx, db, now); err != nil {
		return err
	}
	held, err := db.HeldBundles(ctx)
	if err != nil {
		return err
	}
	return db.Update(ctx, "release what waits for nothing", func(tx *outbox.Tx) error {
		for _, h := range held {
			if open[h.Bundle] {
				continue
			}
			n, err := tx.ReleaseBundle(h.Bundle, h.Receiver, "told by itself: what it waited for is not known any more", now)
			if err != nil {
				return err
			}
			c.Log.Error("alerts waited for a bundle that is not known any more: they are told by themselves", "bundle", h.Bundle, "receiver", h.Receiver, "alerts", n)
		}
		if _, err := tx.SetBack(now); err != nil {
			return err
		}
		return tx.DropState(lostKey)
	})
}

// recoverStorms has those looked at at once that were looked at last by a clock that was set back since.
func (c *Control) recoverStorms(ctx context.Context, db *outbox.DB, now time.Time) error {
	kept, err := db.StatesUnder(ctx, stormKey)
	if err != nil {
		return err
	}
	for _, k := range kept {
		var s storm
		if json.Unmarshal([]byte(k.Value), &s) != nil || !ahead(s.Looked, now) {
			continue // what cannot be read is met when it is due
		}
		s.Since, s.Looked, s.Told = now, now, now
		if err := db.Update(ctx, "put a storm right", func(tx *outbox.Tx) error { return set(tx, k.Key, s, now) }); err != nil {
			return fmt.Errorf("%s: %w", k.Key, err)
		}
	}
	return nil
}
