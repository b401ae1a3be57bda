package outbox

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestNoStatementReadsATableThrough asks SQLite how it would run every statement that the steps of a delivery's
// life prepare: a scan or a sort would make their cost grow with what waits.
func TestNoStatementReadsATableThrough(t *testing.T) {
	name := func(identity, receiver string, _ int) string { return identity + receiver }
	db, _, err := Open(t.Context(), filepath.Join(t.TempDir(), "outbox.db"), Options{Owner: true, DeliveryID: name})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx, now := t.Context(), time.Now()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err = db.Accept(ctx, []Arrival{
		{Identity: "a", Arrived: now, Deliveries: []NewDelivery{{Receiver: "soc"}, {Receiver: "held", State: Held, Due: now}}},
		{Identity: "a", Arrived: now, Occurrence: NextOccurrence, Record: "r", Deliveries: []NewDelivery{{Receiver: "soc"}}},
		{Identity: "b", Arrived: now}, {Identity: "b", Arrived: now, Deliveries: []NewDelivery{{Receiver: "soc"}}},
	}, map[string]string{"k": "v", "none": ""})
	must(err)
	taken, err := db.Next(ctx, "soc", now, 2)
	must(err)
	_, err = db.takeOver(ctx, now)
	must(err)
	taken, err = db.Next(ctx, "soc", now, len(taken))
	must(err)
	must(db.Finish(ctx, now, []Result{{Seq: taken[0].Seq, State: Dead, Attempt: &Attempt{}, Fallback: []NewDelivery{{Receiver: "mail"}}}}, Receiver{Name: "soc"}))
	_, err = db.Expire(ctx, now.Add(time.Hour), func(string) time.Duration { return time.Minute }, nil)
	must(err)
	_, err = db.Retry(ctx, Filter{}, now)
	must(err)
	_, err = db.Drop(ctx, Filter{}, now)
	must(err)
	_, err = db.Prune(ctx, now.Add(9*time.Hour), Retention{Delivered: time.Hour, Dead: time.Hour, MaxBytes: 1})
	must(err)

	must(db.AddSilence(ctx, Silence{ID: "s"}))
	must(db.EndSilence(ctx, "s", now))
	_, _, err = db.Acknowledge(ctx, Ack{Identity: "c"})
	if !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	must(db.Update(ctx, "decide", func(tx *Tx) error {
		if _, err := tx.Enter(Arrival{Identity: "c", Arrived: now, Deliveries: []NewDelivery{{Receiver: "soc", State: Held, Bundle: "b"}, {Receiver: "soc", Kind: "step2"}}}); err != nil {
			return err
		}
		_, _, err := tx.Acknowledge(Ack{Identity: "c"})
		must(err)
		_, _, err = tx.Delivery("c", 1, "soc", "")
		must(err)
		_, err = tx.Known("c", 1)
		must(err)
		_, _, _, err = tx.State("k")
		must(errors.Join(err, tx.SetState("k", "v", now), tx.DropState("k"), tx.Told(Ack{Identity: "c"}), tx.Silenced("s")))
		_, _, err = tx.Members("b")
		must(err)
		_, err = tx.MoveBundle("b", "soc", "c", "", now)
		must(err)
		_, err = tx.EndBundle("c", "soc", "", now)
		must(err)
		_, err = tx.ReleaseBundle("c", "soc", "", now)
		must(err)
		_, err = tx.Brake("soc", 0, 9, Spared{}, "b", "", now)
		must(err)
		_, err = tx.Waiting("soc")
		return err
	}))

	// The list of numbers that a statement is given, the few rows of tally, and what people write may be read through.
	allowed := regexp.MustCompile(`^SCAN (json_each|tally|silence|ack|CONSTANT ROW)`)
	explained := 0
	for query := range db.w.stmts {
		for _, step := range plan(t, db, query) {
			explained++
			few := strings.HasSuffix(query, "ORDER BY d.seq") && strings.Contains(query, "a.identity = ?") // the deliveries of one alert
			if strings.HasPrefix(step, "SCAN") && !allowed.MatchString(step) || strings.Contains(step, "TEMP B-TREE") && !few {
				t.Errorf("%s\n\t%s", query, step)
			}
		}
	}
	if explained < 10 {
		t.Errorf("only %d steps were explained", explained)
	}
	for what, query := range map[string]string{
		"by id":       `SELECT d.seq ` + byID,
		"of a bundle": `SELECT d.seq FROM delivery AS d CROSS JOIN alert AS a ON a.id = d.alert WHERE d.bundle = ? AND d.bundle <> ''`,
		"by alert":    `SELECT d.seq FROM alert AS a CROSS JOIN delivery AS d ON d.alert = a.id WHERE a.identity = ?`,
	} {
		got := strings.Join(plan(t, db, query), "\n")
		if !strings.Contains(got, "SEARCH d USING ") {
			t.Errorf("%s:\n%s", what, got)
		}
	}
	got := strings.Join(plan(t, db, `SELECT d.seq`+escalating), "\n")
	for _, want := range []string{"SCAN delivery USING INDEX delivery_later", "SEARCH a USING ", "SEARCH d USING ", "SEARCH ack USING "} {
		if !strings.Contains(got, want) {
			t.Errorf("escalations are not found by %q:\n%s", want, got)
		}
	}
	for _, src := range sources() {
		got := strings.Join(plan(t, db, `SELECT seq FROM delivery WHERE `+src.where+` AND changed >= ? ORDER BY `+src.order), "\n")
		if !strings.Contains(got, "SEARCH delivery USING ") || strings.Contains(got, "TEMP B-TREE") {
			t.Errorf("list of %s:\n%s", src.state, got)
		}
	}
}

func plan(t *testing.T, db *DB, query string) []string {
	t.Helper()
	switch word, _, _ := strings.Cut(query, " "); word {
	case "BEGIN", "COMMIT", "ROLLBACK":
		return nil
	}
	rows, err := db.w.pool.Query(`EXPLAIN QUERY PLAN `+query, make([]any, strings.Count(query, "?"))...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		out = append(out, detail)
	}
	return out
}

func TestADeliveryIsFoundByItsIDInEveryGeneration(t *testing.T) {
	name := func(identity, receiver string, _ int) string { return fmt.Sprint(identity, ">", receiver) }
	db, _, err := Open(t.Context(), filepath.Join(t.TempDir(), "outbox.db"), Options{Owner: true, DeliveryID: name})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for i, id := range []int64{5, 1<<generationBits - 1, 3 << generationBits, 7 << generationBits, 1 << 40} {
		// As if so many alerts had come before.
		if _, err := db.w.pool.Exec(`INSERT INTO alert VALUES (?, ?, 9, '', 0, 0, 0, '', '', 0, x'', x'')`, id-1, fmt.Sprint("before ", i)); err != nil {
			t.Fatal(err)
		}
		if id == 1<<40 { // as if the older ones had been removed: look-ups begin at the oldest generation
			if _, err := db.w.pool.Exec(`DELETE FROM delivery; DELETE FROM alert WHERE id < ?`, id-1); err != nil {
				t.Fatal(err)
			}
		}
		in := []Arrival{{Identity: fmt.Sprint("a", i), Arrived: time.Now(), Deliveries: []NewDelivery{{Receiver: "soc"}, {Receiver: "mail"}}}}
		if _, err := db.Accept(t.Context(), in, nil); err != nil {
			t.Fatal(err)
		}
		first := 0
		if id == 1<<40 {
			first = i
		}
		for j := first; j <= i; j++ {
			id := fmt.Sprint("a", j, ">mail")
			if d, _, err := db.Show(t.Context(), id); err != nil || d.ID != id {
				t.Errorf("%s: got %q, %v", id, d.ID, err)
			}
		}
	}
}
