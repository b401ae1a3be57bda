package noise

import (
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/outbox"
)

func TestAGroupWaitsForOthersThenForItsInterval(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [hook], group_by: [rule], group_wait: 30s, group_interval: 5m}]`)
	b.alert("5710", 10, "web-01")
	b.wait(10 * time.Second)
	b.alert("5710", 10, "web-02")
	b.alert("5711", 10, "web-02")
	b.alert("5711", 10, "web-03")
	b.wait(2 * time.Minute)
	b.alert("5710", 10, "web-03")
	b.alert("5710", 10, "web-03")
	b.wait(10 * time.Minute)
	b.alert("5710", 10, "web-04")
	b.alert("5710", 10, "web-05")
	b.wait(10 * time.Minute)
	b.heard("30s hook group of 2", "40s hook group of 2", "5m30s hook group of 2", "12m40s hook group of 2")
	message := ToldIn(b.delivery("a1", "hook", "").Reason)
	if !IsMessage(message) || ToldIn(b.delivery("a2", "hook", "").Reason) != message || ToldIn(b.delivery("a5", "hook", "").Reason) == message {
		t.Errorf("a1 was told in %q", message)
	}
	b.stands("a1", "hook", outbox.Suppressed, "told in "+message)
	b.noted("a1", "hook", "group (rule 5710): waits for others until 12:00:30")
	b.noted("a1", "hook", "told in "+message)
	b.noted("a5", "hook", "group (rule 5710): the next message of the group is at 12:05:30")
}

func TestAGroupOfOneIsToldAsTheAlertItself(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [hook, mail], group_by: [rule]}]`)
	b.alert("5710", 10, "web-01")
	b.wait(time.Minute)
	b.heard("30s hook a1", "30s mail a1")
	b.noted("a1", "hook", "told by itself: nothing else came")
	b.stands("a1", "hook", outbox.Delivered, "")
}

func TestAMessageAboutManyIsSharedByReceiversThatHaveTheSame(t *testing.T) {
	t.Parallel()
	b := newBench(t, `
routes: [{to: [hook, mail], digest: 1h}]`)
	b.alert("5710", 10, "web-01")
	b.alert("5710", 10, "web-02")
	b.alert("5710", 10, "web-03")
	if _, err := b.db.Drop(t.Context(), outbox.Filter{IDs: []string{deliveryID("a4", "hook", 1)}}, b.now); err != nil {
		t.Fatal(err)
	}
	b.wait(2 * time.Hour)
	b.heard("1h0m0s hook digest of 3", "1h0m0s mail digest of 3")
	if x, y := b.delivery("a1", "hook", "").Reason, b.delivery("a1", "mail", "").Reason; x != y {
		t.Errorf("told in two messages: %q, %q", x, y)
	}
}

func TestWhatAPersonTakesOutOfABundleIsNotToldInIt(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [hook], digest: 1h}]`)
	for range 5 {
		b.alert("5710", 10, "web-01")
	}
	ctx := t.Context()
	if n, err := b.db.Drop(ctx, outbox.Filter{IDs: []string{deliveryID("a2", "hook", 1)}}, b.now); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := b.db.Retry(ctx, outbox.Filter{IDs: []string{deliveryID("a3", "hook", 1)}}, b.now); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	b.wait(2 * time.Hour)
	b.heard("0s hook a3", "1h0m0s hook digest of 3")
	b.stands("a2", "hook", outbox.Suppressed, outbox.DroppedByHand)
	b.noted("a2", "hook", outbox.DroppedByHand)
}

func TestABundleThatAPersonEmptiesIsForgotten(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [hook], digest: 1h}]`)
	b.alert("5710", 10, "web-01")
	if _, err := b.db.Drop(t.Context(), outbox.Filter{Receiver: "hook"}, b.now); err != nil {
		t.Fatal(err)
	}
	b.wait(2 * time.Hour)
	b.heard()
	if waits, err := b.control.Waits(t.Context(), b.db); waits || err != nil {
		t.Errorf("something waits: %v", err)
	}
}

func TestADigestComesAtItsTimesWithAll(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [hook], digest: 1h}]`)
	for range 4 {
		b.alert("5710", 10, "web-01")
		b.wait(20 * time.Minute)
	}
	b.wait(3 * time.Hour)
	b.heard("1h0m0s hook digest of 3", "2h0m0s hook a4")
	b.noted("a2", "hook", "digest: comes with the others at 13:00:00")
}

func TestAThrottleLetsItsBurstOutAndFillsByItsRate(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [hook], throttle: {rate: 6/h, burst: 3}}]`)
	for range 3 {
		b.alert("5710", 10, "web-01")
	}
	b.wait(10 * time.Minute)
	b.heard("0s hook a1", "0s hook a2", "0s hook a3")
	b.noted("a1", "hook", "throttle 6/h: 2 left")
	b.noted("a3", "hook", "throttle 6/h: 0 left")
	b.alert("5710", 10, "web-01") // one in ten minutes
	for range 7 {
		b.alert("5710", 10, "web-01")
		b.wait(time.Minute)
	}
	b.noted("a5", "hook", "throttle 6/h: above the rate, comes as a digest")
	b.wait(time.Hour)
	b.heard("10m0s hook a4", "20m0s hook throttle of 7")
	// The digest took one, at minute 20: three are there again at minute 50, and no more at any later time.
	b.wait(24 * time.Hour)
	for range 4 {
		b.alert("5710", 10, "web-01")
	}
	at := b.now.Sub(start).String()
	b.heard(at+" hook a12", at+" hook a13", at+" hook a14")
}

func TestADigestOfWhatIsAboveAThrottleTakesAMessageOutOfIt(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [hook], throttle: {rate: 6/h, burst: 1}}]`)
	for range 3 {
		b.alert("5710", 10, "web-01")
	}
	b.wait(10 * time.Minute)
	b.heard("0s hook a1", "10m0s hook throttle of 2")
	b.alert("5710", 10, "web-01")
	b.alert("5710", 10, "web-01")
	b.wait(time.Hour)
	b.heard("20m0s hook throttle of 2")
}

func TestTheThrottlesOfRouteAndReceiverBothHold(t *testing.T) {
	t.Parallel()
	b := newBench(t, `
receivers: {hook: {throttle: {rate: 6/h, burst: 2}}}
routes:
  - {match: {rule: 1}, to: [hook, mail], throttle: {rate: 1/h, burst: 1}}
  - {match: {rule: 2}, to: [hook]}`)
	b.alert("1", 10, "web-01") // of both 1
	b.alert("1", 10, "web-01") // above the route's
	b.alert("1", 10, "web-01")
	b.alert("2", 10, "web-01") // the second of the receiver
	b.alert("2", 10, "web-01") // above the receiver's
	b.alert("2", 10, "web-01")
	b.heard("0s hook a1", "0s mail a1", "0s hook a4")
	b.wait(10 * time.Minute)
	b.heard("10m0s hook throttle of 2")
	for range 49 {
		b.wait(time.Minute)
		b.alert("2", 10, "web-02") // takes what the receiver has
	}
	b.sent = nil
	b.wait(time.Minute)
	b.alert("2", 10, "web-02")
	b.wait(10 * time.Minute)
	for _, s := range b.sent {
		switch {
		case s.Receiver == "mail" && (s.summary == nil || s.summary.Total != 2 || s.at != start.Add(time.Hour)):
			t.Errorf("mail, for which the receiver's throttle is no matter: got %s", s)
		case s.Receiver == "hook" && s.summary == nil:
			t.Errorf("above the receiver's throttle: got %s", s)
		}
	}
	if x, y := b.delivery("a2", "hook", ""), b.delivery("a2", "mail", ""); ToldIn(x.Reason) == ToldIn(y.Reason) {
		t.Errorf("the route's digest was told past the receiver's throttle: %q", x.Notes)
	}
}

func TestAMessageAboutAGroupIsTakenOutOfTheThrottle(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [hook], group_by: [rule], throttle: {rate: 1/h, burst: 2}}]`)
	for _, rule := range []string{"1", "2", "3", "4"} {
		b.alert(rule, 10, "web-01")
		b.alert(rule, 10, "web-02")
	}
	b.wait(3 * time.Hour)
	b.heard("30s hook group of 2", "30s hook group of 2", "1h0m30s hook throttle of 4")
}

func TestAThrottleThatWasMadeStricterIsKept(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{name: r, to: [hook], throttle: {rate: 60/h, burst: 1}}]`)
	b.alert("1", 10, "web-01")
	b.alert("1", 10, "web-01")
	b.alert("1", 10, "web-01")
	// The clock goes back: what was there at the last look is no reason for more.
	b.now = b.now.Add(-time.Hour)
	b.alert("1", 10, "web-01")
	b.now = b.now.Add(time.Hour)
	b.wait(5 * time.Minute)
	b.heard("0s hook a1", "1m0s hook throttle of 3")
}

// What was told in a group is not escalated by itself when it comes by another way: the group has steps of its own.
func TestWhatWasToldInAGroupCallsNobodyWhenItComesAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [hook], group_by: [rule], escalate: [{to: mail}, {after: 15m, to: boss}]}]`)
	first := made{id: "a0", rule: "5710", agent: "web-01", src: "192.0.2.7", level: 10}
	b.comes(first)
	b.alert("5710", 10, "web-02")
	b.wait(time.Minute)
	b.comes(first)
	b.wait(time.Hour)
	b.heard("30s hook group of 2", "30s mail group of 2", "15m30s boss group of 2 step2")
}
