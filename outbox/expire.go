package outbox

import (
	"context"
	"strings"
	"time"
)

// expireSlice is how many deliveries one call of Expire ends.
const expireSlice = 500

// Expire makes dead what has waited in its receiver's queue for longer than maxAge says (0: for ever), and
// returns it; the caller calls again until there is nothing more. fallback, which may be nil, names the
// deliveries to be made instead. What is held does not age, and what waits for a time of its own is looked at
// when that has come.
func (db *DB) Expire(ctx context.Context, now time.Time, maxAge func(receiver string) time.Duration,
	fallback func(Delivery) []NewDelivery) ([]Delivery, error) {
	const what = "end what has waited for too long"
	if !db.owner {
		return nil, explain(what, ErrNotOwner)
	}
	var out []Delivery
	err := db.write(ctx, what, func(t *txn) error {
		tallies := map[string]int{}
		for _, s := range []State{Pending, Held} {
			waiting, err := t.tallies(s)
			if err != nil {
				return err
			}
			for receiver, n := range waiting {
				tallies[receiver] += n
			}
		}
		for receiver := range tallies {
			age := maxAge(receiver)
			if age <= 0 || len(out) >= expireSlice {
				continue
			}
			for {
				released, err := t.release(receiver, now)
				if err != nil {
					return err
				}
				if released < releaseSlice {
					break
				}
			}
			expired, err := db.expire(t, receiver, now, age, expireSlice-len(out), fallback)
			if err != nil {
				return err
			}
			out = append(out, expired...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (db *DB) expire(t *txn, receiver string, now time.Time, age time.Duration, limit int,
	fallback func(Delivery) []NewDelivery) ([]Delivery, error) {
	heads, err := t.heads(receiver)
	if err != nil {
		return nil, err
	}
	var out []Delivery
	var alerts []int64
	for _, h := range heads {
		// Within a severity the oldest come first, so this reads only what it ends and what is in flight.
		err := t.each(`SELECT `+deliveryColumns+`, `+alertHeadColumns+`, d.alert
			FROM delivery AS d INDEXED BY delivery_ready CROSS JOIN alert AS a ON a.id = d.alert
			WHERE d.open = 1 AND d.due = 0 AND d.receiver = ? AND d.severity = ? AND d.queued < ? AND d.state = 'pending'
			ORDER BY d.queued, d.seq LIMIT ?`,
			[]any{receiver, h.severity, micros(now.Add(-age)), limit - len(out)}, func(row scanner) (bool, error) {
				var d Delivery
				var alert int64
				if err := d.scan(row, false, &alert); err != nil {
					return false, err
				}
				d.State, d.Reason, d.Changed = Dead, "older than "+short(age), fromMicros(micros(now))
				out, alerts = append(out, d), append(alerts, alert)
				return true, nil
			})
		if err != nil {
			return nil, err
		}
	}
	for i, d := range out {
		if _, err := t.exec(`UPDATE delivery SET state = 'dead', open = 0, reason = ?, changed = ? WHERE seq = ?`,
			d.Reason, micros(now), d.Seq); err != nil {
			return nil, err
		}
		if fallback != nil {
			if err := db.enterMore(t, alerts[i], now, fallback(d)); err != nil {
				return nil, err
			}
		}
	}
	t.move(receiver, Pending, Dead, len(out))
	return out, nil
}

// short writes a duration as people do: 24h, not 24h0m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
