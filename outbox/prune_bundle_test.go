package outbox_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/outbox"
)

// What was told in a message about many is removed with that message, and does not stay behind for good.
func TestPruneRemovesWhatWasToldWithOthers(t *testing.T) {
	db, _ := open(t, path(t), owner())
	for i := range 3 {
		a := alert(fmt.Sprint("a", i), start, "soc")
		a.Deliveries[0].State, a.Deliveries[0].Bundle = outbox.Held, "d-1"
		accept(t, db, a)
	}
	err := db.Update(t.Context(), "tell of a bundle", func(tx *outbox.Tx) error {
		if _, err := tx.Enter(alert("d-1", start, "soc")); err != nil {
			return err
		}
		_, err := tx.EndBundle("d-1", "soc", "told in d-1", start)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range next(t, db, "soc", start, 10) {
		finish(t, db, start.Add(time.Second), outbox.Result{Seq: d.Seq, State: outbox.Delivered, Attempt: &outbox.Attempt{Started: start}})
	}
	for range 2 {
		if _, err := db.Prune(t.Context(), start.Add(20*24*time.Hour), outbox.Retention{Delivered: 14 * 24 * time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	if left := find(t, db, outbox.Filter{}); len(left) > 0 {
		t.Errorf("left behind: %+v", left)
	}
}
