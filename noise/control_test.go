package noise

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/outbox"
)

// TestThePropertyTestSeesWhatIsWrong is the negative control of TestWhateverComesIsToldCountedOrExplained: each of these is
// done to a record without flaws, or while it is made, and must be seen.
func TestThePropertyTestSeesWhatIsWrong(t *testing.T) {
	stream := stream{}
	for i := range 120 {
		m := made{id: fmt.Sprint("a", i+1), rule: fmt.Sprint(1 + i%5), agent: fmt.Sprint("web-", 1+i%2), level: []int{5, 9, 12}[i%3]}
		stream = append(stream, step{wait: time.Duration(i%7) * 20 * time.Second, alerts: []made{m}})
	}
	stream = append(stream[:60:60], append([]step{{silence: &outbox.Silence{ID: "s1", Match: `{rule: 5}`}}}, stream[60:]...)...)
	const config = `
receivers: {mail: {throttle: {rate: 1/m, burst: 1}}}
routes:
  - {match: {rule: 1}, to: [hook], dedup: {by: [rule], for: 5m}}
  - {match: {rule: 2}, to: [hook, mail], group_by: [agent]}
  - {match: {rule: 3}, to: [hook], throttle: {rate: 6/h, burst: 1}}
  - {to: [hook, mail]}`
	never := func(*bench) func() { return func() {} }
	first := func(r *record, is func(outbox.Delivery) bool) *outbox.Delivery {
		for i := range r.deliveries {
			if is(r.deliveries[i]) {
				return &r.deliveries[i]
			}
		}
		t.Fatal("there is none")
		return nil
	}
	reason := func(prefix string) func(outbox.Delivery) bool {
		return func(d outbox.Delivery) bool { return strings.HasPrefix(d.Reason, prefix) }
	}
	sound := play(t, config, stream, never)
	if flaws := sound.flaws(); len(flaws) > 0 {
		t.Fatal(flaws)
	}
	for what, spoil := range map[string]func(*record){
		"a delivery is missing": func(r *record) { *first(r, func(d outbox.Delivery) bool { return d.Kind == "" }) = outbox.Delivery{} },
		"one was not told": func(r *record) {
			first(r, func(d outbox.Delivery) bool { return d.State == outbox.Delivered }).State = outbox.Held
		},
		"no reason":                func(r *record) { first(r, reason(repeatOf)).Reason = "so" },
		"notes that do not agree":  func(r *record) { first(r, reason(repeatOf)).Notes += "\nand more" },
		"told elsewhere":           func(r *record) { first(r, reason(toldIn)).Bundle = "d-0000000000000000" },
		"a repeat of nothing":      func(r *record) { first(r, reason(repeatOf)).Reason = "repeat of x: " },
		"a silence that was quiet": func(r *record) { first(r, reason(silencedBy)).Bundle = "" },
		"a silence counts wrong":   func(r *record) { r.silences[0].Silenced++ },
		"a message counts wrong": func(r *record) {
			r.summaries[ToldIn(first(r, reason(toldIn)).Reason)].Total++
		},
		"a repeat that nobody counts": func(r *record) {
			d := first(r, func(d outbox.Delivery) bool { return d.Kind == "quiet" })
			d.About = strings.Replace(d.About, `"total":`, `"total":1`, 1)
		},
		"too many at a time": func(r *record) {
			for i := range r.deliveries {
				if d := &r.deliveries[i]; d.Receiver == "mail" {
					d.Queued = start
				}
			}
		},
		"a page held by a storm": func(r *record) {
			d := first(r, func(d outbox.Delivery) bool { return d.Severity >= int(alert.High) && d.Kind == "" })
			d.Notes = "storm brake: hook\n" + d.Notes
		},
		"something is still kept": func(r *record) { r.kept = append(r.kept, "bundle/x") },
	} {
		r := *sound
		r.deliveries = append([]outbox.Delivery(nil), sound.deliveries...)
		r.silences = append([]outbox.Silence(nil), sound.silences...)
		spoil(&r)
		if len(r.flaws()) == 0 {
			t.Errorf("%s: not seen", what)
		}
		sound.read() // summaries are shared
	}
	// And an engine that loses what it keeps.
	r := rand.New(rand.NewPCG(1, 1))
	lost := play(t, config, stream, func(b *bench) func() {
		return func() {
			if r.IntN(20) > 0 {
				return
			}
			open, err := b.db.StatesUnder(context.Background(), bundleKey)
			b.must(err)
			for _, k := range open {
				b.must(b.db.Update(context.Background(), "lose a bundle", func(tx *outbox.Tx) error { return tx.DropState(k.Key) }))
			}
		}
	})
	if len(lost.flaws()) == 0 {
		t.Error("bundles were lost, and it was not seen")
	}
}

// What a state or a bundle holds that cannot be read keeps nothing else from being told.
func TestWhatABundleHoldsThatCannotBeReadIsToldByItself(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{match: {rule: 1}, to: [hook], digest: 1h}, {to: [hook], digest: 1h}]`)
	b.alert("1", 5, "web-01")
	b.alert("2", 5, "web-01")
	b.alert("2", 5, "web-01")
	open, err := b.db.StatesUnder(t.Context(), bundleKey)
	if err != nil || len(open) != 2 {
		t.Fatal(open, err)
	}
	b.must(b.db.Update(t.Context(), "spoil", func(tx *outbox.Tx) error { return tx.SetState(open[0].Key, "{", open[0].Due) }))
	b.wait(3 * time.Hour)
	b.heard("1h0m0s hook a1", "1h0m0s hook digest of 2")
	b.noted("a1", "hook", "told by itself: what it waited for is not known any more")
}

func TestTickSaysWhenItIsNeededNext(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [hook], digest: 1h}]`)
	if next := b.tick(); !next.IsZero() {
		t.Errorf("nothing waits, and the next time is %v", next)
	}
	b.alert("1", 5, "web-01")
	if next := b.tick(); !next.Equal(start.Add(time.Hour)) {
		t.Errorf("the next time is %v", next)
	}
	if waits, err := b.control.Waits(t.Context(), b.db); !waits || err != nil {
		t.Errorf("nothing waits: %v", err)
	}
}

func TestWaitsIsAboutWhatIsStillToBeTold(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [hook], dedup: {by: [rule], for: 1h}}]`)
	b.alert("1", 5, "web-01")
	if waits, err := b.control.Waits(t.Context(), b.db); waits || err != nil {
		t.Errorf("an alert that was told waits: %v", err)
	}
	b.alert("1", 5, "web-01")
	if waits, err := b.control.Waits(t.Context(), b.db); !waits || err != nil {
		t.Errorf("a count that nobody was told does not wait: %v", err)
	}
}

func TestSilencingNamesTheSilencesThatHold(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [hook]}]`)
	for _, s := range []outbox.Silence{
		{ID: "s1", Match: `{rule: 1}`}, {ID: "s2", Match: `{rule: 2}`}, {ID: "s3", Match: `{`}, {ID: "s4", Match: `{rule: 1}`, Every: "sun 01:00-02:00"},
		{ID: "s5", Match: `{rule: 1}`, Ends: start.Add(time.Minute), Created: start.Add(time.Second)},
	} {
		b.silence(s)
	}
	at := func(when time.Time) (ids string) {
		all, err := b.db.Silences(t.Context(), when)
		b.must(err)
		for _, s := range b.control.Silencing(all, made{rule: "1"}.alert(), when) {
			ids += s.ID
		}
		return ids
	}
	if x, y := at(start), at(start.Add(2*time.Minute)); x != "s1s5" || y != "s1" {
		t.Errorf("got %s, then %s", x, y)
	}
}

// benchmark accepts alerts as the deliverer does, a hundred in a transaction, and decides about each.
func benchmark(b *testing.B, config string, key func(i int) made) {
	x := newBench(b, config)
	wants := x.wants(key(0).alert())
	n := 0
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		arrivals := make([]outbox.Arrival, 100)
		for i := range arrivals {
			n++
			m := key(n)
			m.id = fmt.Sprint(n)
			a, now := m.alert(), x.now.Add(time.Duration(n)*time.Millisecond)
			arrivals[i] = outbox.Arrival{Identity: a.Identity(), Arrived: now, Raw: a.Raw, Plan: func(tx *outbox.Tx, occurrence int, known bool) ([]outbox.NewDelivery, error) {
				return x.control.Plan(tx, a, occurrence, known, now, wants)
			}}
		}
		_, err := x.db.Accept(context.Background(), arrivals, nil)
		x.must(err)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(n), "µs/alert")
}

func BenchmarkPlanNothing(b *testing.B) { // what it costs without any rule
	benchmark(b, `routes: [{to: [hook]}]`, func(int) made { return made{rule: "5710", level: 5} })
}

func BenchmarkPlanDedup(b *testing.B) {
	benchmark(b, `routes: [{to: [hook], dedup: {by: [rule, agent, srcip], for: 15m}}]`, func(i int) made {
		return made{rule: "5710", agent: fmt.Sprint("web-", i%50), level: 5}
	})
}

func BenchmarkPlanThrottle(b *testing.B) {
	benchmark(b, `
receivers: {hook: {throttle: {rate: 20/h, burst: 5}}}
routes: [{to: [hook], throttle: {rate: 20/h, burst: 5}}]`, func(int) made {
		return made{rule: "5710", level: 5}
	})
}

// BenchmarkTickWithNothingDue is what the deliverer pays in every turn: here with 1,000 things that wait for their time.
func BenchmarkTickWithNothingDue(b *testing.B) {
	x := newBench(b, `routes: [{to: [hook], dedup: {by: [rule, agent], for: 15m}}]`)
	for i := range 1000 {
		x.comes(made{id: fmt.Sprint(i), rule: fmt.Sprint(i), level: 5})
	}
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		x.tick()
	}
}
