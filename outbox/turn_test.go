package outbox_test

import (
	"context"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/outbox"
)

// endsAfter is a context that ends when it was asked so often whether it has.
type endsAfter struct {
	context.Context
	left int
}

func (c *endsAfter) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// A turn that fails may be taken again with the same results, also where much had to be released first.
func TestATurnThatFailsRecordsNothing(t *testing.T) {
	db, _ := open(t, path(t), owner())
	at := time.Unix(1_700_000_000, 0)
	first := alert("first", at, "r")
	accept(t, db, first)
	taken := next(t, db, "r", at, 1)
	var held []outbox.Arrival
	for i := range 2500 {
		a := alert(time.Duration(i).String(), at, "r")
		a.Deliveries[0].State, a.Deliveries[0].Due = outbox.Held, at.Add(time.Minute)
		held = append(held, a)
	}
	accept(t, db, held...)
	now := at.Add(time.Hour)
	results := []outbox.Result{{Seq: taken[0].Seq, State: outbox.Delivered, Attempt: &outbox.Attempt{Started: now}}}
	turn := func(ctx context.Context) ([]outbox.Delivery, error) {
		out, _, err := db.Turn(ctx, now, results, outbox.Receiver{Name: "r"}, 3, nil)
		return out, err
	}
	failed := false
	for n := 1; ; n++ {
		out, err := turn(&endsAfter{t.Context(), n})
		if err != nil {
			failed = true
			if found := find(t, db, outbox.Filter{IDs: []string{taken[0].ID}}); found[0].State != outbox.Delivering {
				t.Fatalf("a turn failed (%v), and its result was recorded: %s", err, found[0].State)
			}
			continue
		}
		if len(out) != 3 || !failed {
			t.Errorf("it hands out %d, want 3 (a turn failed before: %v)", len(out), failed)
		}
		return
	}
}
