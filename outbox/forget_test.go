package outbox_test

import (
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/outbox"
)

const month = 30 * 24 * time.Hour

var twoWeeks = outbox.Retention{Delivered: 14 * 24 * time.Hour, Dead: 2 * month}

func prune(t *testing.T, db *outbox.DB, now time.Time) int {
	t.Helper()
	n, err := db.Prune(t.Context(), now, twoWeeks)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A silence may last for longer than what was suppressed is kept.
func TestWhatABundleIsStillToCountIsKept(t *testing.T) {
	db, _ := open(t, path(t), owner())
	a := alert("a", start, "soc")
	a.Deliveries[0].State, a.Deliveries[0].Bundle, a.Deliveries[0].Reason = outbox.Suppressed, "d-1", "silence"
	b := alert("b", start, "soc")
	b.Deliveries[0].State = outbox.Suppressed
	accept(t, db, a, b)
	equal(t, prune(t, db, start.Add(month)), 1)
	equal(t, ids(find(t, db, outbox.Filter{})), "a>soc#1")
	accept(t, db, alert("d-1", start.Add(month), "soc")) // the message about it
	equal(t, prune(t, db, start.Add(month)), 1)
	equal(t, ids(find(t, db, outbox.Filter{})), "d-1>soc#1")
}

func TestSilencesThatAreLongOverAreForgotten(t *testing.T) {
	db, _ := open(t, path(t), owner())
	for id, ends := range map[string]time.Time{"over": start.Add(time.Hour), "lately": start.Add(2 * month), "never": {}} {
		if err := db.AddSilence(t.Context(), outbox.Silence{ID: id, Match: "{rule: 1}", Starts: start, Ends: ends, Created: start}); err != nil {
			t.Fatal(err)
		}
	}
	prune(t, db, start.Add(3*month))
	left, err := db.Silences(t.Context(), time.Time{})
	if err != nil || len(left) != 2 || left[0].ID != "lately" || left[1].ID != "never" {
		t.Errorf("got %v, %v", left, err)
	}
}

func TestAnAcknowledgementIsForgottenWithItsAlert(t *testing.T) {
	db, _ := open(t, path(t), owner())
	a := alert("a", start, "soc")
	a.Deliveries[0].State = outbox.Suppressed
	accept(t, db, a)
	ack := outbox.Ack{Identity: "a", By: "NAME", Via: "command line", At: start}
	if _, _, err := db.Acknowledge(t.Context(), ack); err != nil {
		t.Fatal(err)
	}
	taken := func() bool {
		t.Helper()
		_, found, err := db.Acked(t.Context(), "a", 1)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if err := db.Update(t.Context(), "told", func(tx *outbox.Tx) error {
		return tx.Told(outbox.Ack{Identity: "a", Occurrence: 1})
	}); err != nil {
		t.Fatal(err)
	}
	prune(t, db, start.Add(time.Hour))
	if !taken() {
		t.Error("it was forgotten while its alert is kept")
	}
	prune(t, db, start.Add(month))
	if taken() {
		t.Error("it is kept though its alert is gone")
	}
}
