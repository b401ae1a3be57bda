package noise

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/outbox"
)

const openFor = `resolve: {opens: {rule: 504}, closes: {rule: 503}, by: [agent]}, group_by: [agent], group_wait: 1s, repeat_interval: 4h`

// A host that slept for a weekend says once that the incident goes on, and not for each time that it missed.
func TestAnIncidentIsToldAgainOnceAfterALongSleep(t *testing.T) {
	b := newBench(t, `routes: [{name: up, to: [hook], `+openFor+`}]`)
	b.alert("504", 10, "web-01")
	b.wait(time.Minute)
	b.heard("1s hook a1")
	b.now = b.now.Add(50 * time.Hour)
	b.tick()
	b.deliver()
	b.wait(time.Minute)
	b.heard("50h1m0s hook a1 again12 seen 1 since 0s")
	b.wait(2 * time.Hour)
	b.heard("52h0m0s hook a1 again13 seen 1 since 0s")
}

// What no route asks about any more reminds nobody: nothing could close it.
func TestAnIncidentOfARouteThatIsGoneRemindsNobody(t *testing.T) {
	b := newBench(t, `routes: [{name: up, to: [hook], `+openFor+`}]`)
	b.alert("504", 10, "web-01")
	b.wait(5 * time.Hour)
	b.heard("1s hook a1", "4h0m0s hook a1 again1 seen 1 since 0s")
	b.configure(`routes: [{name: renamed, to: [hook], ` + openFor + `}]`)
	b.restart()
	b.wait(24 * time.Hour)
	b.heard()
}

// A clock that was hours ahead when a host started, as those of virtual machines are, is set back. Alerts must not wait for the
// time that it showed to come again.
func TestAClockThatIsSetBackKeepsNobodyFromBeingTold(t *testing.T) {
	const ahead = 30 * 24 * time.Hour
	for name, tc := range map[string]struct {
		config string
		within time.Duration
	}{
		"dedup":              {`routes: [{to: [hook], dedup: 15m}]`, 15 * time.Minute},
		"growing":            {`routes: [{to: [hook], dedup: {for: 15m, growing: true}}]`, 15 * time.Minute},
		"group":              {`routes: [{to: [hook], group_by: [agent]}]`, 6 * time.Minute},
		"digest":             {`routes: [{to: [hook], digest: 10m}]`, 10 * time.Minute},
		"throttle":           {`routes: [{to: [hook], throttle: {rate: 6/h, burst: 1}}]`, 20 * time.Minute},
		"inhibit":            {`{inhibit: [{name: down, source: {level: 11}, target: {level: 1}, equal: [agent], for: 15m}], routes: [{to: [hook]}]}`, 15 * time.Minute},
		"digest in throttle": {`routes: [{to: [hook], digest: 10m, throttle: {rate: 6/h, burst: 1}}]`, 20 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, tc.config)
			b.now = b.now.Add(ahead)
			for range 3 {
				b.alert("5710", 11, "web-01")
				b.alert("5711", 10, "web-01")
			}
			b.tick()
			b.now = b.now.Add(-ahead)
			b.must(b.control.Recover(context.Background(), b.db, b.now))
			b.sent = nil
			for range 4 * int(tc.within/time.Minute) {
				b.alert("5711", 10, "web-01")
				b.wait(time.Minute)
				if len(b.sent) > 0 {
					break
				}
			}
			if len(b.sent) == 0 {
				t.Fatal("nothing is told any more")
			}
			if took := b.sent[0].at.Sub(start); took > tc.within+time.Minute {
				t.Errorf("the first message came after %s, want within %s", took, tc.within)
			}
		})
	}
}

// A row that cannot be read, which a newer program may have left, stops neither what it is not about nor what it is.
func TestWhatIsKeptAndCannotBeReadStopsNothing(t *testing.T) {
	const config = `
inhibit: [{name: down, source: {rule: 504}, target: {level: 1}, equal: [agent], for: 15m}]
receivers: {hook: {throttle: {rate: 10/m, burst: 10}, rate: 0.001, storm_after: 1s}}
routes: [{escalate: [{to: hook}, {after: 10m, to: backup}], dedup: 15m, group_by: [agent], group_wait: 10s, throttle: 10/m, resolve: {opens: {rule: 5710}, closes: {rule: 503}, by: [agent]}}]`
	first := newBench(t, config)
	everything := func(b *bench) {
		b.alert("5710", 3, "web-01")
		b.alert("504", 3, "web-02")
		b.alert("5710", 3, "web-02")
		b.comes(made{id: "queued", rule: "1", agent: "web-03", level: 3})
		b.wait(11 * time.Second)
		b.must(b.control.Brake(context.Background(), b.db, "hook", 100, b.now))
		b.alert("5710", 3, "web-04")
		b.alert("5710", 3, "web-04")
	}
	everything(first)
	keys := 0
	for _, prefix := range []string{dedupKey, groupKey, bundleKey, bucketKey, freshKey, incidentKey, stormKey, ruleKey, stepsKey} {
		kept, err := first.db.StatesUnder(context.Background(), prefix)
		first.must(err)
		if len(kept) == 0 {
			t.Errorf("nothing is kept under %s", prefix)
		}
		for _, k := range kept {
			keys++
			t.Run(k.Key, func(t *testing.T) {
				b := newBench(t, config)
				everything(b)
				b.must(b.db.Update(context.Background(), "spoil", func(tx *outbox.Tx) error { return tx.SetState(k.Key, `{"`, b.now.Add(time.Second)) }))
				b.alert("5710", 3, "web-02") // before it is due, too
				b.alert("5710", 3, "web-04")
				b.wait(2 * time.Hour)
				b.sent = nil
				for _, agent := range []string{"web-01", "web-02", "web-04"} { // nothing holds these for longer
					b.alert("5710", 12, agent)
				}
				b.wait(2 * time.Hour)
				if len(b.sent) < 3 {
					t.Errorf("3 alerts came later, and %d messages went out", len(b.sent))
				}
				for _, d := range b.all(outbox.Filter{States: []outbox.State{outbox.Held}}) {
					t.Errorf("%s waits for ever: %s", d.Alert.Identity, d.Reason)
				}
			})
		}
	}
	if keys < 10 {
		t.Errorf("%d keys were tried", keys)
	}
}

// What was copied out of a damaged file may name a bundle that was not.
func TestWhatWaitsForABundleThatIsNotKeptIsTold(t *testing.T) {
	b := newBench(t, `routes: [{to: [hook], digest: 1h}]`)
	b.alert("5710", 10, "web-01")
	b.alert("5710", 10, "web-02")
	kept, err := b.db.StatesUnder(context.Background(), bundleKey)
	b.must(err)
	for _, k := range kept {
		b.must(b.db.Update(context.Background(), "lose", func(tx *outbox.Tx) error { return tx.DropState(k.Key) }))
	}
	b.restart()
	b.must(b.control.Recover(context.Background(), b.db, b.now))
	b.deliver()
	b.heard("0s hook a1", "0s hook a2")
	for _, d := range b.all(outbox.Filter{States: []outbox.State{outbox.Held}}) {
		t.Errorf("%s waits for ever: %s", d.Alert.Identity, d.Reason)
	}
}

// An incident may go on for weeks, and its first message be edited each minute. What a repeat costs must not grow with that.
func BenchmarkRepeatOfALongIncident(b *testing.B) {
	x := newBench(b, `routes: [{to: [slack-soc], dedup: 15m}]`)
	x.alert("5710", 10, "web-01")
	for range 2000 {
		x.alert("5710", 10, "web-01")
		x.wait(time.Minute)
	}
	x.sent = nil
	n := 0
	for b.Loop() {
		n++
		x.comes(made{id: fmt.Sprint("r", n), rule: "5710", agent: "web-01", src: "192.0.2.7", level: 10})
	}
}

// A scan from very many addresses leaves a row for each until it is quiet.
func BenchmarkTickAfterAScan(b *testing.B) {
	x := newBench(b, `routes: [{to: [hook], dedup: {by: [srcip], for: 15m}}]`)
	for b.Loop() {
		b.StopTimer()
		var arrivals []outbox.Arrival
		for i := range 1000 {
			x.alerts++
			a := made{id: fmt.Sprint("a", x.alerts), rule: "5710", src: fmt.Sprintf("198.51.%d.%d", i/250, i%250), level: 10}.alert()
			arrivals = append(arrivals, outbox.Arrival{Identity: a.Identity(), Arrived: x.now, Raw: a.Raw,
				Plan: func(tx *outbox.Tx, occurrence int, known bool) ([]outbox.NewDelivery, error) {
					return x.control.Plan(tx, a, occurrence, known, x.now, x.wants(a))
				}})
		}
		_, err := x.db.Accept(context.Background(), arrivals, nil)
		x.must(err)
		x.now = x.now.Add(time.Hour)
		b.StartTimer()
		x.tick()
	}
}
