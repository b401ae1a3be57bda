package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/outbox"
)

var start = time.Date(2026, 11, 23, 13, 28, 22, 0, time.UTC)

func deliveryID(identity, receiver string, occurrence int) string {
	return fmt.Sprintf("%s>%s#%d", identity, receiver, occurrence)
}

func owner() outbox.Options {
	return outbox.Options{Owner: true, DeliveryID: deliveryID, Now: start}
}

func path(t testing.TB) string { return filepath.Join(t.TempDir(), "outbox.db") }

func open(t testing.TB, path string, opt outbox.Options) (*outbox.DB, outbox.Report) {
	t.Helper()
	db, report, err := outbox.Open(t.Context(), path, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db, report
}

// alert is an arrival with deliveries of severity 3 to the receivers.
func alert(identity string, arrived time.Time, receivers ...string) outbox.Arrival {
	a := outbox.Arrival{Identity: identity, Arrived: arrived, Time: arrived, Severity: 3, Rule: "5712",
		Title: "sshd: brute force", Header: []byte(`{"by":"custom-slack"}`), Raw: []byte("raw " + identity)}
	for _, r := range receivers {
		a.Deliveries = append(a.Deliveries, outbox.NewDelivery{Receiver: r, Channel: "slack", Route: "page", Severity: 3})
	}
	return a
}

func accept(t testing.TB, db *outbox.DB, arrivals ...outbox.Arrival) []outbox.Accepted {
	t.Helper()
	out, err := db.Accept(t.Context(), arrivals, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func next(t testing.TB, db *outbox.DB, receiver string, now time.Time, limit int) []outbox.Delivery {
	t.Helper()
	out, err := db.Next(t.Context(), receiver, now, limit)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func finish(t testing.TB, db *outbox.DB, now time.Time, results ...outbox.Result) {
	t.Helper()
	if err := db.Finish(t.Context(), now, results); err != nil {
		t.Fatal(err)
	}
}

func find(t testing.TB, db *outbox.DB, f outbox.Filter) []outbox.Delivery {
	t.Helper()
	out, err := db.Find(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func ids(list []outbox.Delivery) string {
	var out []string
	for _, d := range list {
		out = append(out, d.ID)
	}
	return strings.Join(out, " ")
}

func equal(t testing.TB, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestADeliveryFromArrivalToItsEnd(t *testing.T) {
	db, _ := open(t, path(t), owner())
	a := alert("manager/1.1", start, "soc")
	a.Title, a.Raw = "nul \x00 and \xff and 雪", []byte{0, 255, 1}
	equal(t, accept(t, db, a), []outbox.Accepted{{Identity: "manager/1.1", Occurrence: 1, New: true, Deliveries: []string{"manager/1.1>soc#1"}}})

	taken := next(t, db, "soc", start.Add(time.Second), 10)
	want := outbox.Delivery{
		Seq: 1, ID: "manager/1.1>soc#1", Receiver: "soc", Channel: "slack", Route: "page", Severity: 3,
		State: outbox.Delivering, Queued: start, Changed: start.Add(time.Second),
		Alert: outbox.Alert{Identity: "manager/1.1", Occurrence: 1, Arrived: start, Time: start, Severity: 3,
			Rule: "5712", Title: a.Title, Header: a.Header, Raw: a.Raw},
	}
	equal(t, taken, []outbox.Delivery{want})
	equal(t, next(t, db, "soc", start.Add(time.Second), 10), []outbox.Delivery(nil))

	failed := outbox.Attempt{Started: start.Add(time.Second), Duration: 42 * time.Millisecond, Status: 503, Answer: "busy",
		Error: "status 503", Ambiguous: true, Request: `{"text":"x"}`}
	finish(t, db, start.Add(2*time.Second), outbox.Result{Seq: 1, State: outbox.Pending, Due: start.Add(time.Minute),
		Reason: "status 503", Attempt: &failed})
	equal(t, next(t, db, "soc", start.Add(59*time.Second), 10), []outbox.Delivery(nil))
	equal(t, ids(next(t, db, "soc", start.Add(time.Minute), 10)), want.ID)
	ok := outbox.Attempt{Started: start.Add(time.Minute), Duration: time.Millisecond, Status: 200, Answer: "ok"}
	finish(t, db, start.Add(61*time.Second), outbox.Result{Seq: 1, State: outbox.Delivered, Attempt: &ok})

	got, attempts, err := db.Show(t.Context(), want.ID)
	if err != nil {
		t.Fatal(err)
	}
	want.State, want.Changed, want.Attempts, want.Ambiguous = outbox.Delivered, start.Add(61*time.Second), 2, true
	equal(t, got, want)
	equal(t, attempts, []outbox.Attempt{failed, ok})
}

func TestAnAlertIsToldOnceToEachReceiver(t *testing.T) {
	db, _ := open(t, path(t), owner())
	got := accept(t, db,
		alert("a", start),
		alert("a", start, "soc"),
		alert("a", start, "soc", "oncall"),
		alert("a", start, "soc", "oncall"))
	equal(t, got, []outbox.Accepted{
		{Identity: "a", Occurrence: 1, New: true},
		{Identity: "a", Occurrence: 1, Deliveries: []string{"a>soc#1"}},
		{Identity: "a", Occurrence: 1, Deliveries: []string{"a>oncall#1"}},
		{Identity: "a", Occurrence: 1},
	})
}

func TestARecordMakesOneOccurrence(t *testing.T) {
	db, _ := open(t, path(t), owner())
	accept(t, db, alert("a", start, "soc"))
	again := alert("a", start, "soc")
	again.Occurrence, again.Record = outbox.NextOccurrence, "rec-1"
	want := outbox.Accepted{Identity: "a", Occurrence: 2, New: true, Deliveries: []string{"a>soc#2"}}
	equal(t, accept(t, db, again)[0], want)
	want.New, want.Deliveries = false, nil
	equal(t, accept(t, db, again)[0], want) // the process died before it removed the record
	again.Record = "rec-2"
	equal(t, accept(t, db, again)[0].Occurrence, 3)

	got, err := db.AlertOfRecord(t.Context(), "rec-2")
	if err != nil || got.Occurrence != 3 {
		t.Errorf("got occurrence %d, %v", got.Occurrence, err)
	}
	for _, record := range []string{"rec-3", ""} {
		if _, err := db.AlertOfRecord(t.Context(), record); !errors.Is(err, outbox.ErrNotFound) {
			t.Errorf("record %q: got %v, want ErrNotFound", record, err)
		}
	}
	again.Record = ""
	if _, err := db.Accept(t.Context(), []outbox.Arrival{again}, nil); err == nil {
		t.Error("another occurrence without a record was accepted")
	}
	last, err := db.Alert(t.Context(), "a", 0)
	if err != nil || last.Occurrence != 3 {
		t.Errorf("got occurrence %d, %v; want the last", last.Occurrence, err)
	}
}

func TestABatchIsAcceptedWholeOrNotAtAll(t *testing.T) {
	db, _ := open(t, path(t), owner())
	bad := alert("b", start, "soc")
	bad.Deliveries[0].State = outbox.Delivered
	for name, a := range map[string]outbox.Arrival{"bad state": bad, "no identity": alert("", start, "soc"), "no time": alert("b", time.Time{}, "soc")} {
		if _, err := db.Accept(t.Context(), []outbox.Arrival{alert("a", start, "soc"), a}, map[string]string{"k": "v"}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := db.Alert(t.Context(), "a", 1); !errors.Is(err, outbox.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
	if v, err := db.Meta(t.Context(), "k"); v != "" || err != nil {
		t.Errorf("got %q, %v", v, err)
	}
	queues, err := db.Queues(t.Context())
	if err != nil || len(queues) > 0 {
		t.Errorf("got %v, %v", queues, err)
	}
}

func TestQueueIsBySeverityThenArrival(t *testing.T) {
	db, _ := open(t, path(t), owner())
	for i, in := range []struct {
		severity int
		arrived  time.Duration
	}{{3, 0}, {5, 2}, {3, -1}, {5, 1}, {5, 1}, {0, -9}} {
		a := alert(fmt.Sprint(i), start.Add(in.arrived*time.Second), "soc")
		a.Deliveries[0].Severity = in.severity
		accept(t, db, a)
	}
	const want = "3>soc#1 4>soc#1 1>soc#1 2>soc#1 0>soc#1 5>soc#1"
	equal(t, ids(find(t, db, outbox.Filter{})), want)
	var got []string
	for range 3 {
		got = append(got, ids(next(t, db, "soc", start.Add(time.Minute), 2)))
	}
	equal(t, strings.Join(got, " "), want)
	finish(t, db, start, outbox.Result{Seq: 1, State: outbox.Pending}, outbox.Result{Seq: 3, State: outbox.Pending})
	equal(t, ids(next(t, db, "soc", start, 10)), "2>soc#1 0>soc#1") // their old places
}

func TestBackoffBelongsToTheReceiver(t *testing.T) {
	db, _ := open(t, path(t), owner())
	accept(t, db, alert("a", start, "soc", "siem"))
	down := outbox.Receiver{Name: "soc", Failures: 3, NextAt: start.Add(time.Minute), Since: start.Add(-time.Hour), LastError: "refused"}
	if err := db.Finish(t.Context(), start, nil, down); err != nil {
		t.Fatal(err)
	}
	equal(t, ids(next(t, db, "soc", start, 1)), "")
	equal(t, ids(next(t, db, "siem", start, 1)), "a>siem#1")
	queues, err := db.Queues(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, queues, []outbox.Queue{
		{Receiver: "siem", Counts: map[outbox.State]int{outbox.Delivering: 1}, Oldest: start},
		{Receiver: "soc", Counts: map[outbox.State]int{outbox.Pending: 1}, Oldest: start, Due: start.Add(time.Minute)},
	})
	receivers, err := db.Receivers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, receivers, map[string]outbox.Receiver{"soc": down})
	equal(t, ids(next(t, db, "soc", down.NextAt, 1)), "a>soc#1")
}

func TestHeldWaitsForItsTimeAndThenQueuesAsNew(t *testing.T) {
	db, _ := open(t, path(t), owner())
	a := alert("a", start, "soc")
	a.Deliveries[0].State, a.Deliveries[0].Due, a.Deliveries[0].Reason = outbox.Held, start.Add(8*time.Hour), "outside window night"
	b := alert("b", start, "soc")
	b.Deliveries[0].State = outbox.Held // until a person releases it
	accept(t, db, a, b, alert("c", start.Add(7*time.Hour), "soc"))
	equal(t, ids(next(t, db, "soc", start.Add(8*time.Hour-time.Microsecond), 9)), "c>soc#1")
	accept(t, db, alert("d", start.Add(9*time.Hour), "soc"))
	equal(t, ids(next(t, db, "soc", start.Add(10*time.Hour), 9)), "a>soc#1 d>soc#1")
	if n, err := db.Retry(t.Context(), outbox.Filter{States: []outbox.State{outbox.Held}}, start.Add(10*time.Hour)); n != 1 || err != nil {
		t.Errorf("released %d, %v; want 1", n, err)
	}
	equal(t, ids(next(t, db, "soc", start.Add(10*time.Hour), 9)), "b>soc#1")
}

func TestExpiredDeliveriesAreDeadAndFallBack(t *testing.T) {
	db, _ := open(t, path(t), owner())
	held := alert("held", start, "soc")
	held.Deliveries[0].State, held.Deliveries[0].Due = outbox.Held, start.Add(48*time.Hour)
	accept(t, db, alert("old", start, "soc", "archive"), held, alert("new", start.Add(2*time.Hour), "soc"))
	now := start.Add(25 * time.Hour)
	maxAge := func(receiver string) time.Duration {
		if receiver == "archive" {
			return 0
		}
		return 24 * time.Hour
	}
	fallback := func(outbox.Delivery) []outbox.NewDelivery {
		return []outbox.NewDelivery{{Receiver: "mail", Channel: "email", Route: "fallback of soc", Severity: 3}}
	}
	dead, err := db.Expire(t.Context(), now, maxAge, fallback)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, ids(dead), "old>soc#1")
	equal(t, dead, find(t, db, outbox.Filter{States: []outbox.State{outbox.Dead}}))
	equal(t, dead[0].Reason, "older than 24h")
	mail := find(t, db, outbox.Filter{Receiver: "mail"})
	if len(mail) != 1 || mail[0].ID != "old>mail#1" || !mail[0].Queued.Equal(now) {
		t.Errorf("got %+v, want a delivery to the fallback, queued now", mail)
	}
	// What was held ages from its release.
	equal(t, ids(next(t, db, "soc", start.Add(48*time.Hour), 1)), "new>soc#1")
	dead, err = db.Expire(t.Context(), start.Add(71*time.Hour), maxAge, nil)
	equal(t, ids(dead), "old>mail#1")
	if err != nil {
		t.Fatal(err)
	}
	dead, err = db.Expire(t.Context(), start.Add(72*time.Hour+time.Second), maxAge, nil)
	equal(t, ids(dead), "held>soc#1")
	if err != nil {
		t.Fatal(err)
	}
}

func TestADeadDeliveryAndItsFallbackAreOneStep(t *testing.T) {
	db, _ := open(t, path(t), owner())
	accept(t, db, alert("a", start, "oncall", "soc"))
	d := next(t, db, "oncall", start, 1)[0]
	finish(t, db, start.Add(time.Minute), outbox.Result{Seq: d.Seq, State: outbox.Dead, Reason: "status 401",
		Attempt: &outbox.Attempt{Status: 401}, Fallback: []outbox.NewDelivery{{Receiver: "mail"}, {Receiver: "soc"}}})
	equal(t, ids(find(t, db, outbox.Filter{Identity: "a"})), "a>soc#1 a>mail#1 a>oncall#1") // soc had it already
}

func TestResultsForWhatIsNotBeingDeliveredAreTold(t *testing.T) {
	db, _ := open(t, path(t), owner())
	accept(t, db, alert("a", start, "soc"), alert("b", start, "soc"))
	next(t, db, "soc", start, 1)
	err := db.Finish(t.Context(), start, []outbox.Result{{Seq: 2, State: outbox.Delivered}, {Seq: 9, State: outbox.Dead}, {Seq: 1, State: outbox.Delivered}})
	if !errors.Is(err, outbox.ErrNotDelivering) {
		t.Errorf("got %v, want ErrNotDelivering", err)
	}
	equal(t, ids(find(t, db, outbox.Filter{States: []outbox.State{outbox.Delivered}})), "a>soc#1")
	for _, s := range []outbox.State{outbox.Delivering, "", "lost"} {
		if err := db.Finish(t.Context(), start, []outbox.Result{{Seq: 1, State: s}}); err == nil {
			t.Errorf("%q was taken as a result", s)
		}
	}
}

func TestALongAttemptIsCut(t *testing.T) {
	db, _ := open(t, path(t), owner())
	accept(t, db, alert("a", start, "soc"))
	next(t, db, "soc", start, 1)
	long := strings.Repeat("雪", outbox.MaxRequest)
	finish(t, db, start, outbox.Result{Seq: 1, State: outbox.Dead, Attempt: &outbox.Attempt{Answer: long, Error: long, Request: long}})
	_, attempts, err := db.Show(t.Context(), "a>soc#1")
	if err != nil {
		t.Fatal(err)
	}
	a := attempts[0]
	equal(t, []int{len(a.Answer), len(a.Error), len(a.Request)}, []int{outbox.MaxAnswer - 1, outbox.MaxAnswer - 1, outbox.MaxRequest - 1})
}

func TestNextBoundsWhatItBringsIntoMemory(t *testing.T) {
	db, _ := open(t, path(t), owner())
	var in []outbox.Arrival
	for i := range 12 {
		a := alert(fmt.Sprint(i), start.Add(time.Duration(i)), "soc")
		a.Raw = make([]byte, 1<<20)
		in = append(in, a)
	}
	accept(t, db, in...)
	first := len(next(t, db, "soc", start.Add(time.Second), 100))
	if first < 1 || first > 9 {
		t.Errorf("took %d MiB at once", first)
	}
	if rest := len(next(t, db, "soc", start.Add(time.Second), 100)); first+rest != 12 {
		t.Errorf("got %d and %d, want 12 in all", first, rest)
	}
}

func TestRetryAndDrop(t *testing.T) {
	db, _ := open(t, path(t), owner())
	accept(t, db, alert("dead", start, "soc"), alert("sent", start, "soc"), alert("quiet", start, "soc"), alert("busy", start, "soc"),
		alert("waits", start, "soc"))
	for range next(t, db, "soc", start, 4) {
	}
	finish(t, db, start,
		outbox.Result{Seq: 1, State: outbox.Dead, Reason: "status 400", Attempt: &outbox.Attempt{Status: 400}},
		outbox.Result{Seq: 2, State: outbox.Delivered}, outbox.Result{Seq: 3, State: outbox.Suppressed, Reason: "silence 7"})
	if err := db.Finish(t.Context(), start, nil, outbox.Receiver{Name: "soc", NextAt: start.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	now := start.Add(time.Minute)
	do := func(f func(context.Context, outbox.Filter, time.Time) (int, error), filter outbox.Filter, want int) {
		t.Helper()
		if n, err := f(t.Context(), filter, now); n != want || err != nil {
			t.Errorf("moved %d, %v; want %d", n, err, want)
		}
	}
	do(db.Retry, outbox.Filter{}, 1) // the dead
	do(db.Retry, outbox.Filter{IDs: []string{"sent>soc#1", "busy>soc#1", "none"}}, 0)
	do(db.Retry, outbox.Filter{IDs: []string{"quiet>soc#1"}}, 1)
	do(db.Retry, outbox.Filter{States: []outbox.State{outbox.Delivered, outbox.Delivering}}, 0)
	do(db.Drop, outbox.Filter{IDs: []string{"busy>soc#1", "sent>soc#1"}}, 0)
	do(db.Drop, outbox.Filter{IDs: []string{"waits>soc#1"}}, 1)
	equal(t, ids(next(t, db, "soc", now, 9)), "dead>soc#1 quiet>soc#1") // the backoff is over
	d, attempts, err := db.Show(t.Context(), "dead>soc#1")
	if err != nil || d.Attempts != 1 || len(attempts) != 1 || !d.Queued.Equal(now) {
		t.Errorf("got %+v, %v", d, err)
	}
	d, _, err = db.Show(t.Context(), "waits>soc#1")
	if err != nil || d.State != outbox.Suppressed || d.Reason != outbox.DroppedByHand {
		t.Errorf("got %+v, %v", d, err)
	}
	equal(t, accept(t, db, alert("waits", now, "soc"))[0].Deliveries, []string(nil)) // still known
}

func TestFindOrdersAndLimits(t *testing.T) {
	db, _ := open(t, path(t), owner())
	for i := range 6 {
		accept(t, db, alert(fmt.Sprint(i), start.Add(time.Duration(i)*time.Second), "soc", "siem"))
	}
	for _, r := range []string{"soc", "siem"} {
		for i, d := range next(t, db, r, start, 3) {
			finish(t, db, start.Add(time.Duration(i)*time.Minute), outbox.Result{Seq: d.Seq, State: []outbox.State{outbox.Delivered, outbox.Dead, outbox.Dead}[i]})
		}
	}
	next(t, db, "siem", start, 1)
	equal(t, ids(find(t, db, outbox.Filter{})), "3>siem#1 3>soc#1 4>soc#1 4>siem#1 5>soc#1 5>siem#1 2>siem#1 2>soc#1 1>siem#1 1>soc#1 0>siem#1 0>soc#1")
	equal(t, ids(find(t, db, outbox.Filter{Limit: 3})), "3>siem#1 3>soc#1 4>soc#1")
	equal(t, ids(find(t, db, outbox.Filter{States: []outbox.State{outbox.Dead}, Limit: 3})), "2>siem#1 2>soc#1 1>siem#1")
	equal(t, ids(find(t, db, outbox.Filter{States: []outbox.State{outbox.Dead}, Since: start.Add(2 * time.Minute)})), "2>siem#1 2>soc#1")
	equal(t, ids(find(t, db, outbox.Filter{Receiver: "soc", Limit: 2})), "3>soc#1 4>soc#1")
	equal(t, ids(find(t, db, outbox.Filter{Identity: "1", Occurrence: 1})), "1>siem#1 1>soc#1")
	equal(t, ids(find(t, db, outbox.Filter{Identity: "1", Receiver: "soc"})), "1>soc#1")
	equal(t, ids(find(t, db, outbox.Filter{IDs: []string{"5>soc#1", "none", "0>soc#1"}})), "5>soc#1 0>soc#1")
	equal(t, ids(find(t, db, outbox.Filter{Receiver: "nobody"})), "")
	if _, _, err := db.Show(t.Context(), "none"); !errors.Is(err, outbox.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func TestPruneByAgeAndSize(t *testing.T) {
	db, _ := open(t, path(t), owner())
	var batch []outbox.Arrival
	for i := range 300 {
		a := alert(fmt.Sprint(i), start.Add(time.Duration(i)*time.Second), "soc", "siem")
		a.Raw = make([]byte, 4000)
		batch = append(batch, a)
	}
	accept(t, db, batch...)
	accept(t, db, alert("nobody", start))
	for i, d := range next(t, db, "soc", start, 250) {
		s := outbox.Delivered
		if i < 50 {
			s = outbox.Dead
		}
		finish(t, db, d.Queued, outbox.Result{Seq: d.Seq, State: s, Attempt: &outbox.Attempt{Answer: "ok"}})
	}
	prune := func(now time.Time, keep outbox.Retention, want int) {
		t.Helper()
		if n, err := db.Prune(t.Context(), now, keep); n != want || err != nil {
			t.Errorf("removed %d, %v; want %d", n, err, want)
		}
	}
	prune(start.Add(time.Hour), outbox.Retention{}, 0)
	prune(start.Add(time.Hour), outbox.Retention{Delivered: time.Hour, Dead: time.Hour}, 0)
	prune(start.Add(time.Hour+100*time.Second), outbox.Retention{Delivered: time.Hour}, 51) // 50 to 99, and the one that nobody got
	if _, err := db.Alert(t.Context(), "60", 1); err != nil {
		t.Errorf("siem waits for this alert: %v", err)
	}
	if _, err := db.Alert(t.Context(), "nobody", 1); !errors.Is(err, outbox.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
	prune(start.Add(time.Hour), outbox.Retention{MaxBytes: 1}, 200)
	equal(t, ids(find(t, db, outbox.Filter{Receiver: "soc"})), ids(find(t, db, outbox.Filter{Receiver: "soc", States: []outbox.State{outbox.Pending}})))
	equal(t, len(find(t, db, outbox.Filter{Receiver: "siem"})), 300)

	for _, d := range next(t, db, "siem", start.Add(time.Hour), 300) {
		finish(t, db, start, outbox.Result{Seq: d.Seq, State: outbox.Suppressed})
	}
	for _, d := range next(t, db, "soc", start.Add(time.Hour), 300) {
		finish(t, db, start, outbox.Result{Seq: d.Seq, State: outbox.Dead})
	}
	before, err := db.Size(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	prune(start.Add(time.Hour), outbox.Retention{Delivered: time.Second, Dead: time.Second}, 350)
	after, err := db.Size(t.Context())
	if err != nil || after*4 > before {
		t.Errorf("%d bytes in use, were %d, %v", after, before, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(db.Path())
	if err != nil || info.Size() > before/2 {
		t.Errorf("the file has %d bytes, had about %d, %v", info.Size(), before, err)
	}
}

func TestPruneBySizeKeepsAsMuchAsFits(t *testing.T) {
	db, _ := open(t, path(t), owner())
	var batch []outbox.Arrival
	for i := range 1000 {
		a := alert(fmt.Sprint(i), start.Add(time.Duration(i)*time.Second), "soc")
		a.Raw = make([]byte, 2000)
		batch = append(batch, a)
	}
	accept(t, db, batch...)
	for _, d := range next(t, db, "soc", start, 1000) {
		if err := db.Finish(t.Context(), d.Queued, []outbox.Result{{Seq: d.Seq, State: outbox.Delivered}}); err != nil {
			t.Fatal(err)
		}
	}
	const limit = 1500 << 10
	n, err := db.Prune(t.Context(), start, outbox.Retention{MaxBytes: limit})
	if err != nil {
		t.Fatal(err)
	}
	size, err := db.Size(t.Context())
	if err != nil || size > limit || size < limit/2 {
		t.Errorf("%d bytes in use, %v", size, err)
	}
	left := find(t, db, outbox.Filter{})
	if len(left) != 1000-n || left[0].ID != "999>soc#1" {
		t.Errorf("%d left of 1000-%d, the last is %s", len(left), n, left[0].ID)
	}
}

func TestMetaIsSetWithTheAlertsItBelongsTo(t *testing.T) {
	db, _ := open(t, path(t), owner())
	if _, err := db.Accept(t.Context(), []outbox.Arrival{alert("a", start)}, map[string]string{"follow alerts.json": "42", "config": "x: 1"}); err != nil {
		t.Fatal(err)
	}
	if err := db.SetMeta(t.Context(), "config", ""); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"follow alerts.json": "42", "config": "", "none": ""} {
		if got, err := db.Meta(t.Context(), key); got != want || err != nil {
			t.Errorf("%s: got %q, %v; want %q", key, got, err, want)
		}
	}
}

func TestOthersMayNotDoWhatIsTheOwners(t *testing.T) {
	p := path(t)
	if _, _, err := outbox.Open(t.Context(), p, outbox.Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
	if _, _, err := outbox.Open(t.Context(), p, outbox.Options{Owner: true}); err == nil {
		t.Error("an owner that cannot name deliveries was let in")
	}
	own, _ := open(t, p, owner())
	info, err := os.Stat(p)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, %v", info.Mode(), err)
	}
	accept(t, own, alert("a", start, "soc"))
	db, _ := open(t, p, outbox.Options{})
	calls := map[string]func() error{
		"Accept":  func() error { _, err := db.Accept(t.Context(), nil, nil); return err },
		"Next":    func() error { _, err := db.Next(t.Context(), "soc", start, 1); return err },
		"Finish":  func() error { return db.Finish(t.Context(), start, nil) },
		"Expire":  func() error { _, err := db.Expire(t.Context(), start, nil, nil); return err },
		"Prune":   func() error { _, err := db.Prune(t.Context(), start, outbox.Retention{}); return err },
		"SetMeta": func() error { return db.SetMeta(t.Context(), "k", "v") },
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, outbox.ErrNotOwner) {
			t.Errorf("%s: got %v, want ErrNotOwner", name, err)
		}
	}
	equal(t, ids(find(t, db, outbox.Filter{})), "a>soc#1")
}

func TestAWriteThatHasBegunIsNotGivenUp(t *testing.T) {
	db, _ := open(t, path(t), owner())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := db.Accept(ctx, []outbox.Arrival{alert("a", start)}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	accept(t, db, alert("a", start, "soc"))
	ctx, cancel = context.WithCancel(t.Context())
	_, err := db.Expire(ctx, start.Add(time.Hour), func(string) time.Duration { cancel(); return time.Minute }, nil)
	if err != nil {
		t.Errorf("got %v", err)
	}
	equal(t, ids(find(t, db, outbox.Filter{States: []outbox.State{outbox.Dead}})), "a>soc#1")
}

func TestAPathMayHoldAnything(t *testing.T) {
	p := filepath.Join(t.TempDir(), "a b?mode=ro&x=%20#;", "outbox.db")
	if err := os.Mkdir(filepath.Dir(p), 0o700); err != nil {
		t.Fatal(err)
	}
	db, _ := open(t, p, owner())
	accept(t, db, alert("a", start, "soc"))
	if _, err := os.Stat(p); err != nil {
		t.Error(err)
	}
}

func TestAlertIsFoundByItsIDAlone(t *testing.T) {
	db, _ := open(t, path(t), owner())
	for _, identity := range []string{"1795440502.1", "1795440502.9", "h-0011223344556677", "h-ff11223344556677", "mgr-a/1795440502.7", "mgr-a/1795440502.8", "mgr-a2/1795440502.8", "node/with/slash/5.1", "zulu/1795440502.7", "zulu/1795440502.9"} {
		accept(t, db, alert(identity, start, "soc"))
	}
	for id, want := range map[string]string{"1795440502.7": "mgr-a/1795440502.7", "1795440502.8": "mgr-a/1795440502.8", "1795440502.9": "zulu/1795440502.9", "5.1": "node/with/slash/5.1"} {
		if got, err := db.Qualified(t.Context(), id); got != want || err != nil {
			t.Errorf("%s is %q (%v), want %q", id, got, err, want)
		}
	}
	if got, err := db.Qualified(t.Context(), "1795440502.70"); !errors.Is(err, outbox.ErrNotFound) {
		t.Errorf("an unknown id is %q, %v", got, err)
	}
}
