package noise

import (
	"fmt"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/outbox"
)

// flood makes many alerts of a level come, which wait, and brakes as the deliverer does.
func (b *bench) flood(n, level int) {
	b.t.Helper()
	var arrivals []outbox.Arrival
	for range n {
		b.alerts++
		m := made{id: fmt.Sprint("a", b.alerts), rule: "1", agent: "web-01", level: level}
		arrivals = append(arrivals, b.arrival(m, b.wants(m.alert())))
	}
	_, err := b.db.Accept(b.t.Context(), arrivals, nil)
	b.must(err)
	b.brakeAll()
}

// held says how many are held, by severity.
func (b *bench) held(receiver string) map[alert.Severity]int {
	out := map[alert.Severity]int{}
	for _, d := range b.all(outbox.Filter{Receiver: receiver, States: []outbox.State{outbox.Held}}) {
		out[alert.Severity(d.Severity)]++
	}
	return out
}

// Levels of the severities.
const (
	info, low, medium, high, critical = 2, 5, 9, 12, 15
	noLevel                           = -1
)

const braked = `
receivers: {hook: {rate: 1, storm_after: 100s}}
routes: [{to: [hook]}]`

func TestAStormBeginsWhenTheQueueCannotBeWorkedOffAndEndsWhenItIsEmpty(t *testing.T) {
	t.Parallel()
	b := newBench(t, braked)
	b.deaf["hook"] = true
	b.flood(100, low)
	if held := b.held("hook"); len(held) > 0 {
		t.Fatalf("held: %v", held)
	}
	b.flood(1, low)
	if held := b.held("hook"); held[alert.Low] != 101 {
		t.Fatalf("held: %v", held)
	}
	b.noted("a1", "hook", "storm brake: hook has more waiting than it takes, comes as a digest")
	b.flood(50, low) // to the others at once
	b.flood(5, medium)
	b.deaf["hook"] = false
	b.wait(30 * time.Second)
	b.heard("0s hook storm-begins of 0", "0s hook a152", "0s hook a153", "0s hook a154", "0s hook a155", "0s hook a156")
	b.wait(4 * time.Minute)
	b.heard("2m0s hook storm of 151", "2m0s hook storm-over of 151")
	b.flood(1, low)
	b.deliver()
	b.heard("4m30s hook a157")
	s := b.delivery("a1", "hook", "")
	if d := b.delivery(ToldIn(s.Reason), "hook", ""); d.State != outbox.Delivered {
		t.Errorf("got %+v", d)
	}
}

func TestAStormIsToldEveryFiveMinutesWhileItLasts(t *testing.T) {
	t.Parallel()
	b := newBench(t, braked)
	b.deaf["hook"] = true
	b.flood(101, low)
	b.deaf["hook"] = false
	for range 30 {
		b.wait(30 * time.Second)
		b.flood(60, low) // two a second
	}
	b.wait(10 * time.Minute)
	var got []string
	total := 0
	for _, s := range b.sent {
		if s.summary == nil {
			t.Fatalf("told by itself: %s", s)
		}
		got = append(got, fmt.Sprint(s.at.Sub(start), " ", s.summary.Kind))
		if s.summary.Kind == digest.Storm {
			total += s.summary.Total
		}
	}
	if got, want := fmt.Sprint(got), "[0s storm-begins 5m0s storm 10m0s storm 15m0s storm 16m0s storm 16m0s storm-over]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if total != 101+30*60 {
		t.Errorf("told of %d", total)
	}
	over := b.sent[len(b.sent)-1].summary
	if over.Total != total || over.Digests != 4 || !over.Closed.After(over.Opened) {
		t.Errorf("got %+v", over)
	}
}

func TestAStormHoldsMediumOnlyWhereLowIsNotEnoughAndSaysWhichItHolds(t *testing.T) {
	t.Parallel()
	b := newBench(t, braked)
	b.deaf["hook"] = true
	b.flood(95, low)
	b.flood(7, medium)
	if held := b.held("hook"); held[alert.Low] != 95 || held[alert.Medium] != 0 {
		t.Errorf("held: %v", held)
	}
	b.flood(2, medium) // with the notice as many as ten seconds' work
	if held := b.held("hook"); held[alert.Medium] != 0 {
		t.Errorf("held: %v", held)
	}
	b.flood(1, medium)
	if held := b.held("hook"); held[alert.Medium] != 10 {
		t.Errorf("held: %v", held)
	}
	b.deaf["hook"] = false
	b.wait(time.Hour)
	var got []string
	for _, s := range b.sent {
		if s.summary != nil && s.summary.Kind == digest.StormBegins {
			got = append(got, fmt.Sprint(s.summary.Braked, " of ", s.summary.Waiting))
		}
	}
	// 95 of them are held by then, and the first notice waits with the others.
	if want := "[[1 2] of 102 [1 2 3] of 106]"; fmt.Sprint(got) != want {
		t.Errorf("it was said that %v are held, want %s", got, want)
	}
}

func TestAnAlertWithoutALevelIsHeldWithTheMediumOnes(t *testing.T) {
	t.Parallel()
	b := newBench(t, braked)
	b.deaf["hook"] = true
	b.flood(4, noLevel)
	b.flood(97, low)
	if held := b.held("hook"); held[alert.Low] != 97 || held[alert.Unknown] != 0 {
		t.Errorf("held: %v", held)
	}
	b.flood(3, noLevel)
	if held := b.held("hook"); held[alert.Unknown] != 0 {
		t.Errorf("held: %v", held)
	}
	b.flood(9, medium)
	if held := b.held("hook"); held[alert.Unknown] != 7 || held[alert.Medium] != 9 {
		t.Errorf("held: %v", held)
	}
}

func TestPagesAndWhatIsSevereAreNeverHeldByAStorm(t *testing.T) {
	t.Parallel()
	b := newBench(t, `
receivers: {hook: {rate: 1, storm_after: 100s}, pagerduty-1: {rate: 1, storm_after: 100s}}
routes: [{to: [hook, pagerduty-1]}]`)
	b.deaf["hook"], b.deaf["pagerduty-1"] = true, true
	for _, level := range []int{info, low, medium, high, critical} {
		b.flood(110, level)
	}
	held := b.held("hook")
	if held[alert.Info] != 110 || held[alert.Low] != 110 || held[alert.Medium] != 110 || held[alert.High]+held[alert.Critical] > 0 {
		t.Errorf("held: %v", held)
	}
	if held := b.held("pagerduty-1"); len(held) > 0 {
		t.Errorf("pages are held: %v", held)
	}
}

func TestAMessageAboutManyIsNotHeldByAStorm(t *testing.T) {
	t.Parallel()
	b := newBench(t, `
receivers: {hook: {rate: 1, storm_after: 100s}}
routes: [{match: {rule: 2}, to: [hook], digest: 1m}, {to: [hook]}]`)
	b.deaf["hook"] = true
	b.alert("2", low, "web-01")
	b.alert("2", low, "web-02")
	b.wait(time.Minute)
	b.flood(200, low)
	b.deaf["hook"] = false
	b.deliver()
	b.heard("1m0s hook storm-begins of 0", "1m0s hook digest of 2")
}

func TestAStormThatAPersonEmptiedEnds(t *testing.T) {
	t.Parallel()
	b := newBench(t, braked)
	b.deaf["hook"] = true
	b.flood(101, low)
	b.deaf["hook"] = false
	if _, err := b.db.Drop(t.Context(), outbox.Filter{Receiver: "hook", States: []outbox.State{outbox.Held}}, b.now); err != nil {
		t.Fatal(err)
	}
	b.wait(time.Hour)
	b.heard("0s hook storm-begins of 0", "1m0s hook storm-over of 0")
	if waits, err := b.control.Waits(t.Context(), b.db); waits || err != nil {
		t.Errorf("something waits: %v", err)
	}
}

func TestAReceiverWithoutARateIsNotBraked(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [hook]}]`)
	b.deaf["hook"] = true
	b.flood(500, low)
	if held := b.held("hook"); len(held) > 0 {
		t.Errorf("held: %v", held)
	}
	if wants := b.wants(made{rule: "1"}.alert()); !b.control.Idle(made{rule: "1"}.alert(), wants) {
		t.Error("there is something to decide where nothing is configured")
	}
}
