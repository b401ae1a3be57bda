package outbox_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/outbox"
)

// escalated is an alert that oncall is told of now, and backup in ten minutes.
func escalated(identity string, at time.Time) outbox.Arrival {
	a := alert(identity, at, "oncall")
	a.Deliveries = append(a.Deliveries, outbox.NewDelivery{
		Receiver: "backup", Kind: outbox.StepKind + "2", State: outbox.Held, Due: at.Add(10 * time.Minute), Reason: "step 2 of 2",
	})
	return a
}

// answered are those whose answer may be found, by alert and receipt.
func answered(t *testing.T, db *outbox.DB) string {
	t.Helper()
	found, err := db.Escalating(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, d := range found {
		text += fmt.Sprintf("%s>%s %s;", d.Alert.Identity, d.Receiver, d.Receipt)
	}
	return text
}

func TestTheFirstWhoTakesAnAlertCounts(t *testing.T) {
	db, _ := open(t, path(t), owner())
	accept(t, db, escalated("a", start), escalated("b", start))
	other, _ := open(t, db.Path(), outbox.Options{}) // the command line is another process
	for i, by := range []string{"alice", "bob"} {
		ack, first, err := other.Acknowledge(t.Context(), outbox.Ack{Identity: "a", By: by, Via: "command line", Receiver: "oncall", At: start.Add(time.Duration(i) * time.Minute)})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, first, i == 0)
		equal(t, ack, outbox.Ack{Identity: "a", Occurrence: 1, By: "alice", Via: "command line", Receiver: "oncall", At: start})
	}
	steps := find(t, db, outbox.Filter{Receiver: "backup", States: []outbox.State{outbox.Suppressed}})
	equal(t, ids(steps), "a>backup\nstep2#1")
	equal(t, steps[0].Reason, "taken by alice (command line)")
	equal(t, ids(find(t, db, outbox.Filter{Receiver: "oncall", States: []outbox.State{outbox.Pending}})), "a>oncall#1 b>oncall#1") // who is told of it is told
	equal(t, ids(next(t, db, "backup", start.Add(time.Hour), 9)), "b>backup\nstep2#1")

	untold, err := db.Untold(t.Context())
	if err != nil || len(untold) != 1 || untold[0].By != "alice" || untold[0].Receiver != "oncall" {
		t.Errorf("untold: %+v, %v", untold, err)
	}
	if _, _, err := db.Acknowledge(t.Context(), outbox.Ack{Identity: "none", By: "x", At: start}); !errors.Is(err, outbox.ErrNotFound) {
		t.Errorf("an alert that is not there: %v", err)
	}
}

func TestEscalatingIsWhatWasToldOfAlertsThatNobodyHasTaken(t *testing.T) {
	db, _ := open(t, path(t), owner())
	accept(t, db, escalated("a", start), escalated("b", start), escalated("c", start), alert("plain", start, "oncall"))
	equal(t, answered(t, db), "")
	for _, d := range next(t, db, "oncall", start, 9) {
		r := outbox.Result{Seq: d.Seq, State: outbox.Delivered, Receipt: "key of " + d.Alert.Identity}
		if d.Alert.Identity == "c" { // a service that gave nothing back
			r.Receipt = ""
		}
		if err := db.Finish(t.Context(), start, []outbox.Result{r}, outbox.Receiver{Name: "oncall"}); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, answered(t, db), "a>oncall key of a;b>oncall key of b;")
	if _, _, err := db.Acknowledge(t.Context(), outbox.Ack{Identity: "a", By: "alice", Via: "link", At: start}); err != nil {
		t.Fatal(err)
	}
	equal(t, answered(t, db), "b>oncall key of b;")
	late := start.Add(time.Hour)
	for _, d := range next(t, db, "backup", late, 9) {
		if d.Alert.Identity == "b" { // it is being told, and not all is over yet
			equal(t, answered(t, db), "b>oncall key of b;")
		}
		if err := db.Finish(t.Context(), late, []outbox.Result{{Seq: d.Seq, State: outbox.Delivered}}, outbox.Receiver{Name: "backup"}); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, answered(t, db), "") // the last step was told
}
