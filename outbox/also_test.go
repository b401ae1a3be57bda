package outbox_test

import (
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/outbox"
)

// What is told beside a delivery comes with its result, once, and waits like any other.
func TestWhatIsToldBesideADeliveryComesWithItsResult(t *testing.T) {
	file := path(t)
	db, _ := open(t, file, owner())
	at := time.Unix(1_700_000_000, 0)
	accept(t, db, alert("a", at, "block", "soc"))
	also := []outbox.NewDelivery{{Receiver: "soc", Channel: "slack", Severity: 9, Kind: "ran block 1", About: "{}"}, {Receiver: "soc", Kind: "ran block 1"}}
	x := next(t, db, "block", at, 1)[0]
	result := outbox.Result{Seq: x.Seq, State: outbox.Delivered, Attempt: &outbox.Attempt{Started: at}, Also: also}
	if err := db.Finish(t.Context(), at.Add(time.Second), []outbox.Result{result}); err != nil {
		t.Fatal(err)
	}
	if err := db.Finish(t.Context(), at.Add(time.Second), []outbox.Result{result}); err == nil {
		t.Error("a result was recorded twice")
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db, _ = open(t, file, owner())
	found := find(t, db, outbox.Filter{Identity: "a", Receiver: "soc"})
	kinds := map[string]outbox.Delivery{}
	for _, d := range found {
		kinds[d.Kind] = d
	}
	if d := kinds["ran block 1"]; len(found) != 2 || d.State != outbox.Pending || d.About != "{}" || !d.Queued.Equal(at.Add(time.Second)) || d.ID == x.ID {
		t.Errorf("soc has %+v, want the alert and one message beside it", found)
	}
	if first := next(t, db, "soc", at.Add(time.Minute), 2); len(first) != 2 || first[0].Kind == "" {
		t.Errorf("it hands out %d, the first of the kind %q; by severity it is what was told beside", len(first), first[0].Kind)
	}
}
