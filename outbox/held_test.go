package outbox

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestNoStatementOfADecisionReadsATableThrough(t *testing.T) {
	db, _, err := Open(t.Context(), filepath.Join(t.TempDir(), "outbox.db"), Options{Owner: true, DeliveryID: func(a, b string, _ int) string { return a + b }})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx, now := t.Context(), time.Now()
	must := func(errs ...error) {
		t.Helper()
		for _, err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	_, err = db.Accept(ctx, []Arrival{{Identity: "a", Arrived: now, Deliveries: []NewDelivery{
		{Receiver: "soc", State: Held, Bundle: "d"}, {Receiver: "soc", Kind: "step2", State: Held, Due: now}, {Receiver: "mail"}}}}, nil)
	must(err, db.Update(ctx, "all", func(tx *Tx) error {
		must(tx.SetState("k", "v", now), tx.DropState("x"), tx.Silenced("x"), tx.Told(Ack{}))
		_, _, _, errState := tx.State("k")
		_, errAll := tx.Deliveries("a", 1)
		_, errHas := tx.Known("a", 1)
		_, _, errOne := tx.Delivery("a", 1, "soc", "")
		_, errDeliver := tx.Deliver("a", 1, now, NewDelivery{Receiver: "soc", Kind: "seen1"})
		_, _, errMembers := tx.Members("d")
		_, errMove := tx.MoveBundle("d", "soc", "e", "r", now)
		_, errEnd := tx.EndBundle("d", "soc", "r", now)
		_, errRelease := tx.ReleaseBundle("d", "soc", "n", now)
		_, errBrake := tx.Brake("mail", 0, 3, Spared{"always", "d-*"}, "d", "r", now)
		_, errWaiting := tx.Waiting("mail")
		_, errBack := tx.SetBack(now)
		_, _, errAcked := tx.Acked("a", 1)
		_, _, errAck := tx.Acknowledge(Ack{Identity: "a", At: now})
		must(errState, errAll, errHas, errOne, errDeliver, errMembers, errMove, errEnd, errRelease, errBrake, errWaiting, errBack, errAcked, errAck)
		return nil
	}))
	_, _, errDue := db.Due(ctx, now, 1)
	_, errUnder := db.StatesUnder(ctx, "k")
	_, errHeld := db.HeldBundles(ctx)
	must(errDue, errUnder, errHeld, db.EachMember(ctx, "d", func(Delivery) error { return nil }))
	allowed := regexp.MustCompile(`^SCAN (json_each|tally|CONSTANT ROW)`)
	explained := 0
	for _, stmts := range []map[string]bool{keys(db.w.stmts), keys(db.r.stmts)} {
		for query := range stmts {
			for _, step := range plan(t, db, query) {
				explained++
				if strings.HasPrefix(step, "SCAN") && !allowed.MatchString(step) {
					t.Errorf("%s\n\t%s", query, step)
				}
			}
		}
	}
	if explained < 30 {
		t.Errorf("only %d steps were explained", explained)
	}
}

func keys[V any](m map[string]V) map[string]bool {
	out := map[string]bool{}
	for k := range m {
		out[k] = true
	}
	return out
}

func TestOneDeliveryIsFoundByReceiverAndKind(t *testing.T) {
	db, _, err := Open(t.Context(), filepath.Join(t.TempDir(), "outbox.db"), Options{Owner: true, DeliveryID: func(a, b string, _ int) string { return a + b }})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	now := time.Now()
	if _, err := db.Accept(t.Context(), []Arrival{{Identity: "a", Arrived: now, Deliveries: []NewDelivery{{Receiver: "soc"}, {Receiver: "soc", Kind: "step2", Route: "r"}}},
		{Identity: "bare", Arrived: now}}, nil); err != nil {
		t.Fatal(err)
	}
	err = db.Update(t.Context(), "look", func(tx *Tx) error {
		for identity, want := range map[string]bool{"a": true, "bare": true, "none": false} {
			if got, err := tx.Known(identity, 0); got != want || err != nil {
				t.Errorf("%s: got %v, %v", identity, got, err)
			}
		}
		if d, found, err := tx.Delivery("a", 0, "soc", "step2"); !found || d.Route != "r" || d.Alert.Identity != "a" || err != nil {
			t.Errorf("got %+v, %v, %v", d, found, err)
		}
		if _, found, err := tx.Delivery("a", 0, "mail", ""); found || err != nil {
			t.Errorf("mail: got %v, %v", found, err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// What was entered by a clock that was two hours ahead is held for as long as was meant; the rest stays as it is.
func TestWhatIsHeldGoesBackWithTheClock(t *testing.T) {
	db, _, err := Open(t.Context(), filepath.Join(t.TempDir(), "outbox.db"), Options{Owner: true, DeliveryID: func(a, b string, _ int) string { return a + b }})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	now := time.Now().Truncate(time.Microsecond).UTC()
	ahead := now.Add(2 * time.Hour)
	if _, err := db.Accept(t.Context(), []Arrival{
		{Identity: "a", Arrived: ahead, Deliveries: []NewDelivery{{Receiver: "soc"}, {Receiver: "soc", Kind: "step2", State: Held, Due: ahead.Add(10 * time.Minute)}, {Receiver: "mail", State: Held, Bundle: "d"}}},
		{Identity: "b", Arrived: now.Add(-time.Minute), Deliveries: []NewDelivery{{Receiver: "soc", Kind: "step2", State: Held, Due: now.Add(time.Hour)}}},
	}, nil); err != nil {
		t.Fatal(err)
	}
	if err := db.Update(t.Context(), "set back", func(tx *Tx) error {
		if n, err := tx.SetBack(now); n != 1 || err != nil {
			t.Errorf("%d were moved, %v", n, err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	found, err := db.Find(t.Context(), Filter{States: []State{Held}})
	if err != nil {
		t.Fatal(err)
	}
	due := map[string]time.Duration{}
	for _, d := range found {
		if !d.Due.IsZero() {
			due[d.Alert.Identity] = d.Due.Sub(now)
		}
	}
	if len(due) != 2 || due["a"] != 10*time.Minute || due["b"] != time.Hour {
		t.Errorf("they are due in %v", due)
	}
	held, err := db.HeldBundles(t.Context())
	if err != nil || len(held) != 1 || held[0] != (HeldBundle{"d", "mail"}) {
		t.Errorf("bundles that hold something: %v, %v", held, err)
	}
}
