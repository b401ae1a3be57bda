package outbox_test

import (
	"fmt"
	"testing"

	"github.com/ossec-notify/ossec-notify/outbox"
)

// A scratch outbox shows at once what was written, however many writes there were, and to the end.
func TestScratchShowsWhatWasWritten(t *testing.T) {
	opt := owner()
	opt.Scratch = true
	db, _ := open(t, path(t), opt)
	const n = 2500 // more than are kept in one transaction
	for i := range n {
		err := db.Update(t.Context(), "keep", func(tx *outbox.Tx) error {
			if due, err := tx.NextDue(); err != nil || due.IsZero() != (i == 0) {
				t.Errorf("next due of %d: %v, %v", i, due, err)
			}
			return tx.SetState(fmt.Sprintf("key/%04d", i), "v", start)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	accept(t, db, alert("a", start, "soc"))
	if taken := next(t, db, "soc", start, 10); len(taken) != 1 {
		t.Errorf("%d deliveries are there, want the one that was entered", len(taken))
	}
	if kept, err := db.StatesUnder(t.Context(), "key/"); err != nil || len(kept) != n {
		t.Errorf("%d are kept of %d: %v", len(kept), n, err)
	}
}
