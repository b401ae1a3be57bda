package outbox_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/ossec-notify/ossec-notify/outbox"
)

// BenchmarkTurn measures a turn of one delivery: what came of the last, and the next.
func BenchmarkTurn(b *testing.B) {
	db, _ := open(b, filepath.Join(b.TempDir(), "outbox.db"), owner())
	var all []outbox.Arrival
	for i := range b.N + 1 {
		all = append(all, alert(fmt.Sprint(i), start, "soc"))
	}
	accept(b, db, all...)
	var results []outbox.Result
	b.ResetTimer()
	for range b.N {
		taken, _, err := db.Turn(b.Context(), start, results, outbox.Receiver{Name: "soc"}, 1, nil)
		if err != nil || len(taken) != 1 {
			b.Fatal(taken, err)
		}
		results = []outbox.Result{{Seq: taken[0].Seq, State: outbox.Delivered, Attempt: &outbox.Attempt{Started: start}}}
	}
}
