package outbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/outbox"
)

func update(t testing.TB, db *outbox.DB, f func(*outbox.Tx) error) {
	t.Helper()
	if err := db.Update(t.Context(), "test", f); err != nil {
		t.Fatal(err)
	}
}

// bundled enters alerts that are held, or suppressed, in a bundle.
func bundled(t testing.TB, db *outbox.DB, state outbox.State, bundle, receiver string, identities ...string) {
	t.Helper()
	for _, identity := range identities {
		a := alert(identity, start)
		a.Deliveries = []outbox.NewDelivery{{Receiver: receiver, Channel: "slack", Route: "r", Severity: 2, State: state, Reason: "because", Notes: "because", Bundle: bundle}}
		accept(t, db, a)
	}
}

func show(t testing.TB, db *outbox.DB, id string) outbox.Delivery {
	t.Helper()
	d, _, err := db.Show(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// counts are a queue's, as they are kept.
func counts(t testing.TB, db *outbox.DB, receiver string) string {
	t.Helper()
	queues, err := db.Queues(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range queues {
		if q.Receiver == receiver {
			return fmt.Sprint(q.Counts)
		}
	}
	return "none"
}

func TestABundleCountsWhatIsInIt(t *testing.T) {
	db, _ := open(t, path(t), owner())
	bundled(t, db, outbox.Held, "b", "soc", "a1", "a2")
	bundled(t, db, outbox.Suppressed, "b", "soc", "a3")
	bundled(t, db, outbox.Held, "b", "mail", "a1")
	bundled(t, db, outbox.Held, "other", "soc", "a4")
	accept(t, db, alert("a5", start, "soc")) // in none, which is no bundle
	update(t, db, func(tx *outbox.Tx) error {
		all, held, err := tx.Members("b")
		equal(t, all, map[string]int{"soc": 3, "mail": 1})
		equal(t, held, map[string]int{"soc": 2, "mail": 1})
		if none, _, _ := tx.Members(""); len(none) > 0 {
			t.Errorf("what is in no bundle is in %v", none)
		}
		return err
	})
	var members []string
	err := db.EachMember(t.Context(), "b", func(d outbox.Delivery) error {
		members = append(members, d.ID)
		if string(d.Alert.Raw) != "raw "+d.Alert.Identity || len(d.Alert.Header) == 0 {
			t.Errorf("%s is not whole", d.ID)
		}
		return nil
	})
	equal(t, err, nil)
	equal(t, strings.Join(members, " "), "a1>soc#1 a1>mail#1 a2>soc#1 a3>soc#1")
	stop := errors.New("enough")
	if err := db.EachMember(t.Context(), "b", func(outbox.Delivery) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsHeldInABundleEndsOrIsReleasedOrMovesWithANote(t *testing.T) {
	db, _ := open(t, path(t), owner())
	bundled(t, db, outbox.Held, "b", "soc", "a1", "a2")
	bundled(t, db, outbox.Suppressed, "b", "soc", "a3")
	bundled(t, db, outbox.Held, "b", "mail", "a1")
	later := start.Add(time.Hour)
	update(t, db, func(tx *outbox.Tx) error {
		n, err := tx.ReleaseBundle("b", "mail", "alone", later)
		equal(t, n, 1)
		return err
	})
	d := show(t, db, "a1>mail#1")
	equal(t, []any{d.State, d.Reason, d.Bundle, d.Notes, d.Queued, d.Changed}, []any{outbox.Pending, "", "", "because\nalone", later, later})
	equal(t, ids(next(t, db, "mail", later, 9)), "a1>mail#1")
	equal(t, counts(t, db, "mail"), "map[delivering:1]")

	update(t, db, func(tx *outbox.Tx) error {
		n, err := tx.MoveBundle("b", "soc", "c", "more", later)
		equal(t, n, 3)
		return err
	})
	d = show(t, db, "a1>soc#1")
	equal(t, []any{d.State, d.Reason, d.Bundle, d.Notes}, []any{outbox.Held, "more", "c", "because\nmore"})
	d = show(t, db, "a3>soc#1")
	equal(t, []any{d.State, d.Reason, d.Bundle, d.Notes}, []any{outbox.Suppressed, "because", "c", "because"})

	update(t, db, func(tx *outbox.Tx) error {
		n, err := tx.EndBundle("c", "soc", "told in m", later)
		equal(t, n, 2)
		return err
	})
	d = show(t, db, "a2>soc#1")
	equal(t, []any{d.State, d.Reason, d.Bundle, d.Notes, d.Changed}, []any{outbox.Suppressed, "told in m", "c", "because\nmore\ntold in m", later})
	equal(t, show(t, db, "a3>soc#1").Reason, "because")
	equal(t, counts(t, db, "soc"), "map[suppressed:3]")
	equal(t, ids(next(t, db, "soc", later.Add(time.Hour), 9)), "")
}

func TestAPersonTakesADeliveryOutOfItsBundle(t *testing.T) {
	db, _ := open(t, path(t), owner())
	bundled(t, db, outbox.Held, "b", "soc", "a1", "a2", "a3")
	for id, act := range map[string]func(context.Context, outbox.Filter, time.Time) (int, error){"a1>soc#1": db.Drop, "a2>soc#1": db.Retry} {
		if n, err := act(t.Context(), outbox.Filter{IDs: []string{id}}, start); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	update(t, db, func(tx *outbox.Tx) error {
		all, _, err := tx.Members("b")
		equal(t, all, map[string]int{"soc": 1})
		return err
	})
	equal(t, show(t, db, "a1>soc#1").Notes, "because\n"+outbox.DroppedByHand)
}

func TestABrakeHoldsWhatWaitsAndLeavesTheRest(t *testing.T) {
	db, _ := open(t, path(t), owner())
	enter := func(identity string, d outbox.NewDelivery) {
		t.Helper()
		a := alert(identity, start)
		d.Receiver = "soc"
		a.Deliveries = []outbox.NewDelivery{d}
		accept(t, db, a)
	}
	enter("tried", outbox.NewDelivery{Severity: 2})
	taken := next(t, db, "soc", start, 1)
	finish(t, db, start, outbox.Result{Seq: taken[0].Seq, State: outbox.Pending, Reason: "refused", Attempt: &outbox.Attempt{}})
	enter("retried", outbox.NewDelivery{Severity: 2, State: outbox.Held, Reason: "r"})
	if _, err := db.Retry(t.Context(), outbox.Filter{IDs: []string{"retried>soc#1"}}, start.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	enter("low", outbox.NewDelivery{Severity: 2})
	enter("noted", outbox.NewDelivery{Severity: 1, Notes: "first"})
	enter("unknown", outbox.NewDelivery{Severity: 0})
	enter("medium", outbox.NewDelivery{Severity: 3})
	enter("spared", outbox.NewDelivery{Severity: 2, Route: "always"})
	enter("d-1", outbox.NewDelivery{Severity: 2})
	enter("step", outbox.NewDelivery{Severity: 2, Kind: "step2"})
	enter("later", outbox.NewDelivery{Severity: 2, Due: start.Add(time.Hour)})
	enter("apart", outbox.NewDelivery{Severity: 9})
	equal(t, len(next(t, db, "soc", start, 1)), 1) // apart is being delivered
	update(t, db, func(tx *outbox.Tx) error {
		n, err := tx.Waiting("soc")
		equal(t, n, 11) // all, also what is being delivered
		if err != nil {
			return err
		}
		if n, err = tx.Brake("soc", 1, 2, outbox.Spared{Route: "always", Identities: "d-[0-9]"}, "b", "braked", start.Add(time.Minute)); err != nil {
			return err
		}
		equal(t, n, 3) // low, noted, and what was retried at its own time
		n, err = tx.Waiting("soc")
		equal(t, n, 8)
		return err
	})
	var held []string
	for _, d := range find(t, db, outbox.Filter{States: []outbox.State{outbox.Held}}) {
		held = append(held, d.Alert.Identity)
		equal(t, []any{d.Reason, d.Bundle, d.Changed}, []any{"braked", "b", start.Add(time.Minute)})
	}
	equal(t, strings.Join(held, " "), "retried low noted")
	equal(t, show(t, db, "noted>soc#1").Notes, "first\nbraked")
}

func TestFurtherMessagesAreOneOfEachKind(t *testing.T) {
	db, _ := open(t, path(t), owner())
	accept(t, db, alert("a", start, "soc"))
	update(t, db, func(tx *outbox.Tx) error {
		first, err := tx.Deliver("a", 0, start, outbox.NewDelivery{Receiver: "soc", Kind: "quiet"})
		equal(t, first, "a>soc\nquiet#1")
		if err != nil {
			return err
		}
		again, err := tx.Deliver("a", 1, start, outbox.NewDelivery{Receiver: "soc", Kind: "quiet"})
		equal(t, again, "")
		if err != nil {
			return err
		}
		if _, err := tx.Deliver("none", 1, start, outbox.NewDelivery{Receiver: "soc"}); !errors.Is(err, outbox.ErrNotFound) {
			t.Errorf("got %v", err)
		}
		d, found, err := tx.Delivery("a", 1, "soc", "quiet")
		equal(t, []any{d.ID, found, err}, []any{first, true, nil})
		_, found, err = tx.Delivery("a", 2, "soc", "quiet")
		equal(t, []any{found, err}, []any{false, nil})
		known, err := tx.Known("a", 1)
		other, otherErr := tx.Known("b", 1)
		equal(t, []any{known, err, other, otherErr}, []any{true, nil, false, nil})
		all, err := tx.Deliveries("a", 1)
		equal(t, ids(all), "a>soc#1 a>soc\nquiet#1")
		return err
	})
}

func TestCancelSuppressesWhatWasNotSentOfSomeKinds(t *testing.T) {
	db, _ := open(t, path(t), owner())
	a := alert("a", start, "soc")
	for i, d := range []outbox.NewDelivery{{Kind: "step2", State: outbox.Held, Due: start.Add(time.Hour)}, {Kind: "step3"}, {Kind: "quiet"}, {Kind: "step4"}} {
		d.Receiver = fmt.Sprint("r", i)
		a.Deliveries = append(a.Deliveries, d)
	}
	accept(t, db, a)
	finish(t, db, start, outbox.Result{Seq: next(t, db, "r3", start, 1)[0].Seq, State: outbox.Delivered})
	update(t, db, func(tx *outbox.Tx) error {
		n, err := tx.Cancel("a", 1, func(kind string) bool { return strings.HasPrefix(kind, "step") }, "why", start)
		equal(t, n, 2)
		return err
	})
	equal(t, counts(t, db, "r0")+counts(t, db, "r1")+counts(t, db, "r2")+counts(t, db, "r3"), "map[suppressed:1]map[suppressed:1]map[pending:1]map[delivered:1]")
	d := show(t, db, "a>r0\nstep2#1")
	equal(t, []any{d.Reason, d.Notes, d.Due}, []any{"why", "why", time.Time{}})
}

func TestStateIsToldOfWhenItsTimeComes(t *testing.T) {
	p := path(t)
	db, _ := open(t, p, owner())
	update(t, db, func(tx *outbox.Tx) error {
		return errors.Join(tx.SetState("x/1", "a", start.Add(time.Hour)), tx.SetState("x/2", "b", start.Add(time.Minute)),
			tx.SetState("y", "c", time.Time{}), tx.SetState("x/2", "d", start.Add(2*time.Minute)), tx.SetState("z", "e", start), tx.DropState("z"))
	})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db, _ = open(t, p, owner())
	due := func(now time.Time, limit int) string {
		t.Helper()
		due, next, err := db.Due(t.Context(), now, limit)
		if err != nil {
			t.Fatal(err)
		}
		out := ""
		for _, k := range due {
			out += k.Key + "=" + k.Value + " "
		}
		if !next.IsZero() {
			out += next.Sub(start).String()
		}
		return out
	}
	equal(t, due(start, 9), "2m0s")
	equal(t, due(start.Add(2*time.Minute), 9), "x/2=d 1h0m0s")
	equal(t, due(start.Add(time.Hour), 9), "x/2=d x/1=a ")
	equal(t, due(start.Add(time.Hour), 1), "x/2=d ")
	kept, err := db.StatesUnder(t.Context(), "x/")
	equal(t, err, nil)
	equal(t, kept, []outbox.Kept{{Key: "x/1", Value: "a", Due: start.Add(time.Hour)}, {Key: "x/2", Value: "d", Due: start.Add(2 * time.Minute)}})
	failed := errors.New("no")
	if err := db.Update(t.Context(), "fail", func(tx *outbox.Tx) error { return errors.Join(tx.DropState("y"), failed) }); !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
	update(t, db, func(tx *outbox.Tx) error {
		value, at, found, err := tx.State("y")
		equal(t, []any{value, at, found}, []any{"c", time.Time{}, true})
		return err
	})
	reader, _ := open(t, p, outbox.Options{})
	if err := reader.Update(t.Context(), "no", func(*outbox.Tx) error { return nil }); !errors.Is(err, outbox.ErrNotOwner) {
		t.Errorf("got %v", err)
	}
}

func TestWhatAPlanWritesBelongsToItsAlert(t *testing.T) {
	db, _ := open(t, path(t), owner())
	plan := func(fail error) outbox.Arrival {
		a := alert("a", start, "soc")
		a.Plan = func(tx *outbox.Tx, occurrence int, known bool) ([]outbox.NewDelivery, error) {
			err := tx.SetState("seen", fmt.Sprint(occurrence, known), time.Time{})
			return []outbox.NewDelivery{{Receiver: "mail"}, {Receiver: "soc"}}, errors.Join(err, fail)
		}
		return a
	}
	state := func() (out string) {
		update(t, db, func(tx *outbox.Tx) (err error) { out, _, _, err = tx.State("seen"); return err })
		return out
	}
	failed := errors.New("no")
	if _, err := db.Accept(t.Context(), []outbox.Arrival{plan(failed)}, nil); !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
	equal(t, state()+ids(find(t, db, outbox.Filter{})), "")
	equal(t, strings.Join(accept(t, db, plan(nil))[0].Deliveries, " "), "a>soc#1 a>mail#1")
	equal(t, state(), "1 false")
	equal(t, len(accept(t, db, plan(nil))[0].Deliveries), 0)
	equal(t, state(), "1 true")
}

func TestSilencesAreListedUntilTheyEnd(t *testing.T) {
	p := path(t)
	db, _ := open(t, p, owner())
	reader, _ := open(t, p, outbox.Options{})
	first := outbox.Silence{ID: "s1", Match: "{rule: 1}", Starts: start, Ends: start.Add(time.Hour), Every: "sat 02:00-06:00", Reason: "update", By: "NAME", Created: start}
	for _, s := range []outbox.Silence{{ID: "s2", Match: "{rule: 2}", Starts: start, Created: start.Add(time.Second)}, first} {
		if err := reader.AddSilence(t.Context(), s); err != nil { // any process may
			t.Fatal(err)
		}
	}
	if err := reader.AddSilence(t.Context(), first); err == nil {
		t.Error("two silences have one name")
	}
	names := func(now time.Time) (out string) {
		t.Helper()
		all, err := reader.Silences(t.Context(), now)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range all {
			out += s.ID
		}
		return out
	}
	equal(t, names(start), "s1s2")
	equal(t, names(start.Add(time.Hour)), "s2")
	equal(t, names(time.Time{}), "s1s2")
	end := func(id string, at time.Time) error { return reader.EndSilence(t.Context(), id, at) }
	equal(t, errors.Join(end("s2", start.Add(time.Minute)), end("s1", start.Add(2*time.Hour))), nil) // the second would be longer
	equal(t, names(start.Add(time.Minute)), "s1")
	equal(t, names(start.Add(time.Hour)), "")
	if err := end("none", start); !errors.Is(err, outbox.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	update(t, db, func(tx *outbox.Tx) error {
		if err := errors.Join(tx.Silenced("s1"), tx.Silenced("s1")); err != nil {
			return err
		}
		all, err := tx.Silences(start)
		i := slices.IndexFunc(all, func(s outbox.Silence) bool { return s.ID == "s1" })
		if i < 0 {
			return errors.Join(err, outbox.ErrNotFound)
		}
		first.Silenced = 2
		equal(t, all[i], first)
		return err
	})
	for at, want := range map[time.Duration]bool{-time.Second: false, 0: true, time.Hour - 1: true, time.Hour: false} {
		equal(t, first.Holds(start.Add(at)), want)
	}
}

func TestTheFirstWhoTakesAnAlertCountsAndStopsTheSteps(t *testing.T) {
	p := path(t)
	db, _ := open(t, p, owner())
	a := alert("a", start, "soc")
	a.Deliveries = append(a.Deliveries, outbox.NewDelivery{Receiver: "backup", Kind: outbox.StepKind + "2", State: outbox.Held, Due: start.Add(time.Hour)})
	accept(t, db, a)
	other, _ := open(t, p, outbox.Options{})
	ack := outbox.Ack{Identity: "a", Occurrence: 1, By: "ALICE", Via: "cli", At: start}
	of, first, err := other.Acknowledge(t.Context(), outbox.Ack{Identity: "a", By: "ALICE", Via: "cli", At: start})
	equal(t, []any{of, first, err}, []any{ack, true, nil})
	of, first, err = other.Acknowledge(t.Context(), outbox.Ack{Identity: "a", By: "BOB", Via: "link", At: start.Add(time.Minute)})
	equal(t, []any{of, first, err}, []any{ack, false, nil})
	if _, _, err := other.Acknowledge(t.Context(), outbox.Ack{Identity: "none"}); !errors.Is(err, outbox.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	d := show(t, db, "a>backup\nstep2#1")
	equal(t, []any{d.State, d.Reason}, []any{outbox.Suppressed, "taken by ALICE (cli)"})
	equal(t, counts(t, db, "soc"), "map[pending:1]")
	untold, err := db.Untold(t.Context())
	equal(t, []any{untold, err}, []any{[]outbox.Ack{ack}, nil})
	update(t, db, func(tx *outbox.Tx) error { return tx.Told(ack) })
	untold, err = db.Untold(t.Context())
	equal(t, []any{len(untold), err}, []any{0, nil})
	got, found, err := other.Acked(t.Context(), "a", 0)
	equal(t, []any{got, found, err}, []any{ack, true, nil})
	_, found, err = other.Acked(t.Context(), "a", 2)
	equal(t, []any{found, err}, []any{false, nil})
}

func TestSalvageKeepsWhatNoiseControlHadKept(t *testing.T) {
	p := path(t)
	db, _ := open(t, p, owner())
	bundled(t, db, outbox.Held, "b", "soc", "a1", "a2")
	silence := outbox.Silence{ID: "s1", Match: "{rule: 1}", Starts: start, Every: "sat 02:00-06:00", Reason: "update", By: "NAME", Created: start}
	ack := outbox.Ack{Identity: "a1", Occurrence: 1, By: "ALICE", Via: "cli", At: start}
	if err := db.AddSilence(t.Context(), silence); err != nil {
		t.Fatal(err)
	}
	if _, _, err := db.Acknowledge(t.Context(), ack); err != nil {
		t.Fatal(err)
	}
	update(t, db, func(tx *outbox.Tx) error {
		return errors.Join(tx.Silenced("s1"), tx.SetState("k", "v", start.Add(time.Hour)), tx.SetState("none", "", time.Time{}))
	})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	overwrite(t, p, 32, []byte{0x7f, 0xff, 0xff, 0xff}) // the list of free pages begins where there is none
	overwrite(t, p, 36, []byte{0, 0, 0, 9})
	opt := owner()
	opt.Suspect = true
	db, report := open(t, p, opt)
	if report.SetAside == "" || report.Salvaged != 2 {
		t.Fatalf("got %+v", report)
	}
	silence.Silenced = 1
	silences, err := db.Silences(t.Context(), start)
	equal(t, []any{silences, err}, []any{[]outbox.Silence{silence}, nil})
	untold, err := db.Untold(t.Context())
	equal(t, []any{untold, err}, []any{[]outbox.Ack{ack}, nil})
	due, _, err := db.Due(t.Context(), start.Add(time.Hour), 9)
	equal(t, []any{due, err}, []any{[]outbox.Kept{{Key: "k", Value: "v", Due: start.Add(time.Hour)}}, nil})
	update(t, db, func(tx *outbox.Tx) error {
		_, held, err := tx.Members("b")
		equal(t, held, map[string]int{"soc": 2})
		return err
	})
	equal(t, ids(next(t, db, "soc", start.Add(999*time.Hour), 9)), "") // they still wait for their bundle
}

func TestADamagedFileOfTheFirstSchemaIsSalvaged(t *testing.T) {
	schema, err := os.ReadFile("testdata/schema-1.sql")
	if err != nil {
		t.Fatal(err)
	}
	p := path(t)
	old := raw(t, p)
	run(t, old, string(schema)+`;
		INSERT INTO meta VALUES ('follow', '42');
		INSERT INTO tally VALUES ('soc', 'pending', 400);
		PRAGMA user_version = 1`)
	filler := bytes.Repeat([]byte("x"), 1000)
	for i := range 400 {
		if _, err := old.Exec(`INSERT INTO alert VALUES (?, ?, 1, '', 1, 1, 3, '5712', 't', 0, x'7b7d', ?)`, i+1, fmt.Sprint("manager/", i), filler); err != nil {
			t.Fatal(err)
		}
		if _, err := old.Exec(`INSERT INTO delivery VALUES (?, 0, ?, ?, 'soc', 'slack', '', 3, 'pending', 1, '', 1, 0, 1, 0, 0)`,
			i+1, fmt.Sprint("manager/", i, ">soc#1"), i+1); err != nil {
			t.Fatal(err)
		}
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	overwrite(t, p, 60*pageSize, bytes.Repeat([]byte{0xa5}, 4*pageSize))
	opt := owner()
	opt.Suspect = true
	db, report := open(t, p, opt)
	if report.SetAside == "" || report.Salvaged < 300 || report.Salvaged >= 400 {
		t.Fatalf("got %+v", report)
	}
	equal(t, len(next(t, db, "soc", start, 999)), report.Salvaged)
	follow, err := db.Meta(t.Context(), "follow")
	equal(t, []any{follow, err}, []any{"42", nil})
	silences, err := db.Silences(t.Context(), time.Time{})
	equal(t, []any{len(silences), err}, []any{0, nil})
}
