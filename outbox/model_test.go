package outbox_test

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ossec-notify/ossec-notify/outbox"
)

var modelSteps = flag.Int("model-steps", 60, "how many steps each run of TestOutboxIsItsModel makes")

// model is the outbox as its package comment describes it, as lists in memory.
type model struct {
	now        time.Time
	alerts     map[string]*modelAlert // by identity#occurrence
	records    map[string]*modelAlert
	deliveries []*modelDelivery // in the order of acceptance
	receivers  map[string]outbox.Receiver
}

type modelAlert struct {
	outbox.Alert
	bare   bool
	record string
}

type modelDelivery struct {
	outbox.Delivery
	alert    *modelAlert
	attempts []outbox.Attempt
}

func newModel() *model {
	return &model{now: start, alerts: map[string]*modelAlert{}, records: map[string]*modelAlert{},
		receivers: map[string]outbox.Receiver{}}
}

// note adds a line.
func (d *modelDelivery) note(line string) {
	if d.Notes != "" {
		line = d.Notes + "\n" + line
	}
	d.Notes = line
}

func (m *model) accept(in outbox.Arrival) outbox.Accepted {
	occurrence := max(in.Occurrence, 1)
	a := m.records[in.Record]
	if a == nil {
		if in.Occurrence == outbox.NextOccurrence {
			occurrence = 1
			for key := range m.alerts {
				if a := m.alerts[key]; a.Identity == in.Identity {
					occurrence = max(occurrence, a.Occurrence+1)
				}
			}
		}
		a = m.alerts[fmt.Sprint(in.Identity, "#", occurrence)]
	}
	out := outbox.Accepted{Identity: in.Identity, Occurrence: occurrence}
	if a == nil {
		out.New = true
		a = &modelAlert{Alert: outbox.Alert{Identity: in.Identity, Occurrence: occurrence, Arrived: in.Arrived, Time: in.Time,
			Severity: in.Severity, Rule: in.Rule, Title: in.Title}, bare: true, record: in.Record}
		m.alerts[fmt.Sprint(in.Identity, "#", occurrence)] = a
		if in.Record != "" {
			m.records[in.Record] = a
		}
	}
	out.Identity, out.Occurrence = a.Identity, a.Occurrence
	for _, d := range in.Deliveries {
		if id := m.enter(a, in.Arrived, d); id != "" {
			out.Deliveries = append(out.Deliveries, id)
		}
	}
	return out
}

func (m *model) enter(a *modelAlert, queued time.Time, d outbox.NewDelivery) string {
	for _, x := range m.deliveries {
		if x.alert == a && x.Receiver == d.Receiver {
			return ""
		}
	}
	a.bare = false
	id := deliveryID(a.Identity, d.Receiver, a.Occurrence)
	m.deliveries = append(m.deliveries, &modelDelivery{alert: a, Delivery: outbox.Delivery{ID: id, Alert: a.Alert, Receiver: d.Receiver,
		Channel: d.Channel, Route: d.Route, Severity: d.Severity, State: d.State, Reason: d.Reason, Queued: queued, Due: d.Due, Changed: queued}})
	return id
}

func (m *model) release(receiver string) {
	for _, d := range m.deliveries {
		if d.Receiver != receiver || !d.State.Open() || d.Due.IsZero() || d.Due.After(m.now) {
			continue
		}
		if d.State == outbox.Held {
			d.State, d.Queued, d.Changed, d.Reason = outbox.Pending, d.Due, m.now, ""
		}
		d.Due = time.Time{}
	}
}

func (m *model) next(receiver string, limit int) []string {
	if m.receivers[receiver].NextAt.After(m.now) {
		return nil
	}
	m.release(receiver)
	var out []string
	for _, d := range m.sorted() {
		if d.Receiver == receiver && d.State == outbox.Pending && d.Due.IsZero() && len(out) < limit {
			d.State, d.Changed = outbox.Delivering, m.now
			out = append(out, d.ID)
		}
	}
	return out
}

func (m *model) get(id string) *modelDelivery {
	for _, d := range m.deliveries {
		if d.ID == id {
			return d
		}
	}
	return nil
}

func (m *model) finish(id string, r outbox.Result) {
	d := m.get(id)
	d.State, d.Reason, d.Due, d.Changed = r.State, r.Reason, time.Time{}, m.now
	if r.State.Open() {
		d.Due = r.Due
	}
	if r.Attempt != nil {
		d.Attempts++
		d.Ambiguous = d.Ambiguous || r.Attempt.Ambiguous
		d.attempts = append(d.attempts, *r.Attempt)
	}
	for _, f := range r.Fallback {
		m.enter(d.alert, m.now, f)
	}
}

func (m *model) crash() int {
	n := 0
	for _, d := range m.deliveries {
		if d.State == outbox.Delivering {
			d.State, d.Ambiguous, d.Changed = outbox.Pending, true, m.now
			n++
		}
	}
	return n
}

func (m *model) expire(age time.Duration) []string {
	var out []string
	for _, d := range m.deliveries {
		if d.State == outbox.Pending || d.State == outbox.Held {
			m.release(d.Receiver)
		}
		if d.State == outbox.Pending && d.Due.IsZero() && m.now.Sub(d.Queued) > age {
			d.State, d.Reason, d.Changed = outbox.Dead, "older than "+age.String(), m.now
			out = append(out, d.ID)
		}
	}
	slices.Sort(out)
	return out
}

func (m *model) retry(f outbox.Filter) int {
	n := 0
	for _, d := range m.deliveries {
		if !wanted(f, d) || d.State == outbox.Delivering || d.State == outbox.Delivered {
			continue
		}
		n++
		if d.State != outbox.Pending {
			d.Queued = m.now
		}
		if d.State == outbox.Held || d.State == outbox.Suppressed {
			d.Reason = ""
		}
		d.State, d.Due, d.Changed = outbox.Pending, time.Time{}, m.now
		if r, ok := m.receivers[d.Receiver]; ok {
			r.NextAt = time.Time{}
			m.receivers[d.Receiver] = r
		}
	}
	return n
}

func (m *model) drop(f outbox.Filter) int {
	n := 0
	for _, d := range m.deliveries {
		if wanted(f, d) && (d.State == outbox.Pending || d.State == outbox.Held || d.State == outbox.Dead) {
			d.State, d.Reason, d.Due, d.Changed, d.Bundle = outbox.Suppressed, outbox.DroppedByHand, time.Time{}, m.now, ""
			d.note(outbox.DroppedByHand)
			n++
		}
	}
	return n
}

func wanted(f outbox.Filter, d *modelDelivery) bool {
	return (len(f.IDs) == 0 || slices.Contains(f.IDs, d.ID)) && (f.Identity == "" || f.Identity == d.alert.Identity) &&
		(f.Receiver == "" || f.Receiver == d.Receiver) && slices.Contains(f.States, d.State) && !d.Changed.Before(f.Since)
}

func (m *model) prune(keep outbox.Retention) int {
	n := len(m.deliveries)
	m.deliveries = slices.DeleteFunc(m.deliveries, func(d *modelDelivery) bool {
		age := keep.Delivered
		if d.State == outbox.Dead {
			age = keep.Dead
		}
		return !d.State.Open() && d.Changed.Before(m.now.Add(-age))
	})
	n -= len(m.deliveries)
	for key, a := range m.alerts {
		if a.bare && !a.Arrived.Before(m.now.Add(-keep.Delivered)) ||
			slices.ContainsFunc(m.deliveries, func(d *modelDelivery) bool { return d.alert == a }) {
			continue
		}
		if a.bare {
			n++
		}
		delete(m.alerts, key)
		delete(m.records, a.record)
	}
	return n
}

// sorted is the order of Find.
func (m *model) sorted() []*modelDelivery {
	out := slices.Clone(m.deliveries)
	place := func(d *modelDelivery) int { return slices.Index(outbox.States(), d.State) }
	slices.SortStableFunc(out, func(a, b *modelDelivery) int {
		if c := cmp.Compare(place(a), place(b)); c != 0 {
			return c
		}
		if !a.State.Open() {
			// The last accepted first where the times are equal; the sort is stable over the first.
			return cmp.Or(b.Changed.Compare(a.Changed), cmp.Compare(slices.Index(m.deliveries, b), slices.Index(m.deliveries, a)))
		}
		switch {
		case a.State == outbox.Held && (a.Due.IsZero() || b.Due.IsZero()): // without a time: last
			return cmp.Compare(btoi(a.Due.IsZero()), btoi(b.Due.IsZero()))
		case a.Due.IsZero() && b.Due.IsZero():
			return cmp.Or(cmp.Compare(b.Severity, a.Severity), a.Queued.Compare(b.Queued))
		}
		return a.Due.Compare(b.Due)
	})
	return out
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (m *model) queues() []outbox.Queue {
	byName := map[string]*outbox.Queue{}
	for _, d := range m.deliveries {
		q := byName[d.Receiver]
		if q == nil {
			q = &outbox.Queue{Receiver: d.Receiver, Counts: map[outbox.State]int{}}
			byName[d.Receiver] = q
		}
		q.Counts[d.State]++
		if d.Due.IsZero() && (d.State == outbox.Pending || d.State == outbox.Delivering) && (q.Oldest.IsZero() || d.Queued.Before(q.Oldest)) {
			q.Oldest = d.Queued
		}
	}
	var out []outbox.Queue
	for _, q := range byName {
		// When Next has something: after the backoff, and at the earliest what stands first or comes due.
		var due time.Time
		for _, d := range m.sorted() {
			if d.Receiver == q.Receiver && d.State == outbox.Pending && d.Due.IsZero() {
				due = d.Queued
				break
			}
		}
		for _, d := range m.deliveries {
			if d.Receiver == q.Receiver && d.State.Open() && !d.Due.IsZero() && (due.IsZero() || d.Due.Before(due)) {
				due = d.Due
			}
		}
		for _, d := range m.deliveries {
			if d.Receiver == q.Receiver && d.State.Open() && !d.Due.IsZero() && (q.Comes.IsZero() || d.Due.Before(q.Comes)) {
				q.Comes = d.Due
			}
		}
		if nextAt := m.receivers[q.Receiver].NextAt; !due.IsZero() && nextAt.After(due) {
			due = nextAt
		}
		q.Due = due
		out = append(out, *q)
	}
	slices.SortFunc(out, func(a, b outbox.Queue) int { return cmp.Compare(a.Receiver, b.Receiver) })
	return out
}

// TestOutboxIsItsModel does the same at random to both and compares them after every step. The even seeds open the
// file anew before every step.
func TestOutboxIsItsModel(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			run := &modelRun{T: t, rand: rand.New(rand.NewPCG(seed, 7)), m: newModel(), path: path(t), always: seed%2 == 0}
			run.open()
			for step := 0; step < *modelSteps && !t.Failed(); step++ {
				run.step()
				run.compare()
			}
		})
	}
}

type modelRun struct {
	*testing.T
	rand   *rand.Rand
	m      *model
	path   string
	always bool // reopen before every step
	db     *outbox.DB
	taken  []outbox.Delivery
	log    []string
}

func (r *modelRun) open() outbox.Report {
	opt := owner()
	opt.Now = r.m.now
	var report outbox.Report
	r.db, report = open(r.T, r.path, opt)
	return report
}

func (r *modelRun) reopen() {
	if err := r.db.Close(); err != nil {
		r.Fatal(err)
	}
	equal(r.T, r.open(), outbox.Report{Recovered: r.m.crash()})
	r.taken = nil
}

func (r *modelRun) pick(words ...string) string { return words[r.rand.IntN(len(words))] }

func (r *modelRun) state(states ...outbox.State) outbox.State {
	return states[r.rand.IntN(len(states))]
}

func (r *modelRun) due() time.Time {
	if r.rand.IntN(2) == 0 {
		return time.Time{}
	}
	return r.m.now.Add(time.Duration(r.rand.IntN(5)) * 10 * time.Minute)
}

func (r *modelRun) delivery() outbox.NewDelivery {
	d := outbox.NewDelivery{Receiver: r.pick("x", "y", "z"), Channel: "slack", Route: "r", Severity: r.rand.IntN(3),
		State: r.state(outbox.Pending, outbox.Pending, outbox.Held, outbox.Suppressed)}
	if d.State != outbox.Pending {
		d.Reason = "because"
	}
	if d.State != outbox.Suppressed {
		d.Due = r.due()
	}
	return d
}

func (r *modelRun) filter() outbox.Filter {
	f := outbox.Filter{States: []outbox.State{outbox.Dead, r.state(outbox.Pending, outbox.Held, outbox.Suppressed, outbox.Delivered, outbox.Delivering)}}
	switch r.rand.IntN(4) {
	case 0:
		f.Receiver = r.pick("x", "y", "z")
	case 1:
		f.Identity = r.pick("a", "b", "c", "d", "e", "f")
	case 2:
		f.Since = r.m.now.Add(-time.Duration(r.rand.IntN(60)) * time.Minute)
	case 3:
		for _, d := range r.m.deliveries {
			if r.rand.IntN(4) == 0 {
				f.IDs = append(f.IDs, d.ID)
			}
		}
		f.IDs = append(f.IDs, "none")
	}
	return f
}

func (r *modelRun) step() {
	if r.always && r.rand.IntN(2) == 0 || r.rand.IntN(20) == 0 {
		r.log = append(r.log, "reopen")
		r.reopen()
	}
	r.m.now = r.m.now.Add(time.Duration(r.rand.IntN(15)) * time.Minute)
	ctx := r.Context()
	check := func(err error) {
		if err != nil {
			r.Fatal(r.log, err)
		}
	}
	switch op := r.rand.IntN(20); {
	case op < 7:
		var arrivals []outbox.Arrival
		var want []outbox.Accepted
		for range 1 + r.rand.IntN(3) {
			a := outbox.Arrival{Identity: r.pick("a", "b", "c", "d", "e", "f"), Time: start, Arrived: r.m.now.Add(-time.Duration(r.rand.IntN(3)) * time.Minute),
				Severity: r.rand.IntN(9), Rule: "5712", Title: "t", Header: []byte("h"), Raw: []byte("raw")}
			if r.rand.IntN(3) == 0 {
				a.Occurrence, a.Record = outbox.NextOccurrence, fmt.Sprint("r", r.rand.IntN(30))
			}
			for range r.rand.IntN(3) {
				a.Deliveries = append(a.Deliveries, r.delivery())
			}
			arrivals, want = append(arrivals, a), append(want, r.m.accept(a))
		}
		r.log = append(r.log, fmt.Sprintf("accept %d", len(arrivals)))
		got, err := r.db.Accept(ctx, arrivals, nil)
		check(err)
		equal(r.T, got, want)
	case op < 11:
		receiver, limit := r.pick("x", "y", "z"), 1+r.rand.IntN(3)
		r.log = append(r.log, fmt.Sprint("next ", receiver, limit))
		got, err := r.db.Next(ctx, receiver, r.m.now, limit)
		check(err)
		r.taken = append(r.taken, got...)
		var names []string
		for _, d := range got {
			names = append(names, d.ID)
		}
		equal(r.T, names, r.m.next(receiver, limit))
	case op < 15:
		var results []outbox.Result
		for len(r.taken) > 0 && r.rand.IntN(3) > 0 {
			d := r.taken[0]
			r.taken = r.taken[1:]
			res := outbox.Result{Seq: d.Seq, State: r.state(outbox.Pending, outbox.Dead, outbox.Delivered, outbox.Delivered, outbox.Held, outbox.Suppressed)}
			if res.State != outbox.Delivered {
				res.Reason, res.Due = "why", r.due()
			}
			if r.rand.IntN(3) > 0 {
				res.Attempt = &outbox.Attempt{Started: r.m.now, Duration: time.Second, Status: r.rand.IntN(600), Ambiguous: r.rand.IntN(5) == 0}
			}
			if res.State == outbox.Dead && r.rand.IntN(2) == 0 {
				res.Fallback = []outbox.NewDelivery{r.delivery()}
			}
			results = append(results, res)
			r.m.finish(d.ID, res)
		}
		if r.rand.IntN(2) == 0 {
			r.turn(results)
			return
		}
		var receivers []outbox.Receiver
		if r.rand.IntN(3) == 0 {
			x := outbox.Receiver{Name: r.pick("x", "y", "z"), Failures: r.rand.IntN(9), NextAt: r.due(), Since: r.due(), LastError: "refused"}
			receivers = append(receivers, x)
			r.m.receivers[x.Name] = x
		}
		r.log = append(r.log, fmt.Sprintf("finish %d", len(results)))
		check(r.db.Finish(ctx, r.m.now, results, receivers...))
	case op == 15:
		f := r.filter()
		r.log = append(r.log, fmt.Sprintf("retry %+v", f))
		n, err := r.db.Retry(ctx, f, r.m.now)
		check(err)
		equal(r.T, n, r.m.retry(f))
	case op == 16:
		f := r.filter()
		r.log = append(r.log, fmt.Sprintf("drop %+v", f))
		n, err := r.db.Drop(ctx, f, r.m.now)
		check(err)
		equal(r.T, n, r.m.drop(f))
	case op == 17:
		r.log = append(r.log, "expire")
		got, err := r.db.Expire(ctx, r.m.now, func(string) time.Duration { return 90 * time.Minute }, nil)
		check(err)
		var names []string
		for _, d := range got {
			names = append(names, d.ID)
		}
		slices.Sort(names)
		want := r.m.expire(90 * time.Minute)
		for i := range r.m.deliveries {
			if d := r.m.deliveries[i]; d.Reason == "older than 1h30m0s" {
				d.Reason = "older than 1h30m"
			}
		}
		equal(r.T, names, want)
	default:
		keep := outbox.Retention{Delivered: 2 * time.Hour, Dead: 3 * time.Hour}
		r.log = append(r.log, "prune")
		n, err := r.db.Prune(ctx, r.m.now, keep)
		check(err)
		equal(r.T, n, r.m.prune(keep))
	}
}

// turn records results and takes more of one receiver's queue at once. The caller has some of the alerts.
func (r *modelRun) turn(results []outbox.Result) {
	fares := r.m.receivers[r.pick("x", "y", "z")]
	if fares.Name == "" {
		fares.Name = r.pick("x", "y", "z")
		fares = cmp.Or(r.m.receivers[fares.Name], fares)
	}
	if len(results) > 0 {
		fares.Failures++
		r.m.receivers[fares.Name] = fares
	}
	limit := r.rand.IntN(4)
	known := func(a outbox.Alert) bool { return a.Identity < "c" }
	r.log = append(r.log, fmt.Sprintf("turn %d, %s%d", len(results), fares.Name, limit))
	got, kept, err := r.db.Turn(r.Context(), r.m.now, results, fares, limit, known)
	if err != nil {
		r.Fatal(err)
	}
	r.taken = append(r.taken, got...)
	var names []string
	for _, d := range got {
		names = append(names, d.ID)
		if bare := d.Alert.Header == nil && d.Alert.Raw == nil; bare != known(d.Alert) {
			r.Errorf("%s comes with header %q and raw %q", d.ID, d.Alert.Header, d.Alert.Raw)
		}
	}
	var want []string
	if limit > 0 {
		want = r.m.next(fares.Name, limit)
	}
	equal(r.T, names, want)
	equal(r.T, kept, cmp.Or(r.m.receivers[fares.Name], outbox.Receiver{Name: fares.Name}))
}

func (r *modelRun) compare() {
	ctx := r.Context()
	got, err := r.db.Find(ctx, outbox.Filter{})
	if err != nil {
		r.Fatal(err)
	}
	var want []outbox.Delivery
	for _, d := range r.m.sorted() {
		want = append(want, d.Delivery)
	}
	if diff := gocmp.Diff(want, got, cmpopts.IgnoreFields(outbox.Delivery{}, "Seq"), cmpopts.EquateEmpty()); diff != "" {
		r.Fatalf("after %q: deliveries (-want +got)\n%s", r.log, diff)
	}
	queues, err := r.db.Queues(ctx)
	if err != nil {
		r.Fatal(err)
	}
	if diff := gocmp.Diff(r.m.queues(), queues, cmpopts.EquateEmpty()); diff != "" {
		r.Fatalf("after %q: queues (-want +got)\n%s", r.log, diff)
	}
	receivers, err := r.db.Receivers(ctx)
	if err != nil {
		r.Fatal(err)
	}
	equal(r.T, receivers, r.m.receivers)
	if len(r.m.deliveries) > 0 {
		d := r.m.deliveries[r.rand.IntN(len(r.m.deliveries))]
		_, attempts, err := r.db.Show(ctx, d.ID)
		if err != nil {
			r.Fatal(err)
		}
		equal(r.T, attempts, d.attempts)
	}
}
