package noise

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/outbox"
)

func TestRepeatsAreCountedAndTheNextMessageSaysHowManyAndSinceWhen(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [hook], dedup: {by: [rule, agent], for: 15m}}]`)
	for range 4 {
		b.alert("5710", 10, "web-01")
		b.wait(5 * time.Minute)
	}
	b.heard("0s hook a1", "15m0s hook a4 seen 3 since 0s")
	b.stands("a2", "hook", outbox.Suppressed, "repeat of a1: dedup (rule 5710, agent web-01), number 2 since 12:00:00")
	if got := RepeatOf(b.delivery("a3", "hook", "").Reason); got != "a1" {
		t.Errorf("a3 is a repeat of %q", got)
	}
	b.noted("a4", "hook", "dedup (rule 5710, agent web-01): number 4, told because the last message was 15 min ago")
}

func TestAlertsWithOtherValuesAreNoRepeats(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [hook], dedup: {by: [rule, agent], for: 15m}}]`)
	b.alert("5710", 10, "web-01")
	b.alert("5711", 10, "web-01")
	b.alert("5710", 10, "web-02")
	b.heard("0s hook a1", "0s hook a2", "0s hook a3")
}

func TestAnAlertThatLacksAllFieldsRepeatsNothingAndALackOfOneIsAValue(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{match: {rule: 1}, to: [hook], dedup: {by: [user], for: 15m}}, {to: [hook], dedup: {by: [rule, user], for: 15m}}]`)
	b.alert("1", 10, "web-01")
	b.alert("1", 10, "web-02")
	b.alert("2", 10, "web-01")
	b.alert("2", 10, "web-02")
	b.heard("0s hook a1", "0s hook a2", "0s hook a3")
	b.noted("a2", "hook", "dedup (user -): the alert has no user, so it repeats nothing")
	b.stands("a4", "hook", outbox.Suppressed, "repeat of a3: dedup (rule 2, user -)")
}

func TestAGrowingWindowDoublesToADayAndBeginsAnewAfterQuiet(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [hook], dedup: {by: [rule], for: 1h, growing: true}}]`)
	for range 6 * 24 * 6 { // six days of an alert each ten minutes
		b.alert("5710", 10, "web-01")
		b.wait(10 * time.Minute)
	}
	b.heard("0s hook a1", "1h0m0s hook a7 seen 6 since 0s", "3h0m0s hook a19 seen 12 since 1h0m0s", "7h0m0s hook a43 seen 24 since 3h0m0s",
		"15h0m0s hook a91 seen 48 since 7h0m0s", "31h0m0s hook a187 seen 96 since 15h0m0s",
		"55h0m0s hook a331 seen 144 since 31h0m0s", "79h0m0s hook a475 seen 144 since 55h0m0s",
		"103h0m0s hook a619 seen 144 since 79h0m0s", "127h0m0s hook a763 seen 144 since 103h0m0s")
	b.wait(time.Hour)
	b.heard("144h50m0s hook a1 quiet quiet for 1h0m0s, 864 in all")
	at := b.now.Sub(start)
	b.alert("5710", 10, "web-01")
	b.wait(time.Hour - time.Minute)
	b.alert("5710", 10, "web-01")
	b.wait(time.Minute)
	b.alert("5710", 10, "web-01")
	b.heard(fmt.Sprintf("%s hook a865", at), fmt.Sprintf("%s hook a867 seen 2 since %s", at+time.Hour, at))
}

func TestAWindowThatDoesNotGrowStaysAsItIs(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [hook], dedup: {by: [rule], for: 1h}}]`)
	for range 24 {
		b.alert("5710", 10, "web-01")
		b.wait(10 * time.Minute)
	}
	b.heard("0s hook a1", "1h0m0s hook a7 seen 6 since 0s", "2h0m0s hook a13 seen 6 since 1h0m0s", "3h0m0s hook a19 seen 6 since 2h0m0s")
}

func TestAMoreSevereRepeatIsToldAtOnceAndThoseAsSevereAreCountedAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [hook], dedup: {by: [agent], for: 15m}}]`)
	b.alert("5710", 5, "web-01")
	b.wait(time.Minute)
	b.alert("5710", 5, "web-01")
	b.wait(time.Minute)
	b.alert("5712", 12, "web-01")
	b.alert("5712", 12, "web-01")
	b.alert("5710", 5, "web-01")
	b.heard("0s hook a1", "2m0s hook a3 seen 2 since 0s")
	b.noted("a3", "hook", "dedup (agent web-01): number 3, told because it is more severe")
}

func TestTheFirstMessageIsEditedAtMostOnceAMinuteAndAtTheEnd(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [slack-1], dedup: {by: [rule], for: 15m}}]`)
	for range 20 {
		b.alert("5710", 10, "web-01")
		b.wait(10 * time.Second)
	}
	b.wait(time.Hour)
	b.heard("0s slack-1 a1", "1m0s slack-1 a1 seen1 seen 6 since 0s", "2m0s slack-1 a1 seen2 seen 12 since 0s",
		"3m0s slack-1 a1 seen3 seen 18 since 0s", "4m0s slack-1 a1 seen4 seen 20 since 0s", "18m10s slack-1 a1 quiet quiet for 15m0s, 20 in all")
}

func TestNoEditIsMadeWhileAnotherIsOnItsWay(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [slack-1], dedup: {by: [rule], for: 15m}}]`)
	b.alert("5710", 10, "web-01")
	b.deaf["slack-1"] = true
	for range 30 {
		b.alert("5710", 10, "web-01")
		b.wait(10 * time.Second)
		open := 0
		for _, d := range b.all(outbox.Filter{Receiver: "slack-1"}) {
			if d.State.Open() {
				open++
			}
		}
		if open > 1 {
			t.Fatalf("%d messages wait", open)
		}
	}
	b.deaf["slack-1"] = false
	b.wait(time.Minute)
	b.heard("0s slack-1 a1", "5m0s slack-1 a1 seen1 seen 7 since 0s", "6m0s slack-1 a1 seen6 seen 31 since 0s")
}

func TestWhoHasSeenTheCountIsNotShownItAgainForOneWhoHasNot(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [slack-1, slack-2], dedup: {by: [rule], for: 15m}}]`)
	b.deaf["slack-2"] = true
	b.alert("5710", 10, "web-01")
	b.alert("5710", 10, "web-01")
	b.wait(10 * time.Minute)
	b.deaf["slack-2"] = false
	b.wait(time.Hour)
	b.heard("0s slack-1 a1", "1m0s slack-1 a1 seen1 seen 2 since 0s", "10m0s slack-2 a1", "11m0s slack-2 a1 seen11 seen 2 since 0s",
		"15m0s slack-1 a1 quiet quiet for 15m0s, 2 in all", "15m0s slack-2 a1 quiet quiet for 15m0s, 2 in all")
}

func TestNoEditIsMadeOfAMessageThatIsNotThereYet(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [slack-1], dedup: {by: [rule], for: 15m}}]`)
	b.deaf["slack-1"] = true
	b.alert("5710", 10, "web-01")
	b.alert("5710", 10, "web-01")
	b.wait(2 * time.Minute)
	b.deaf["slack-1"] = false
	b.wait(time.Second)
	b.heard("2m0s slack-1 a1")
	b.wait(time.Minute)
	b.heard("3m0s slack-1 a1 seen3 seen 2 since 0s")
}

func TestQuietIsToldToWhoHasNotSeenTheLastRepeatsAndNeverPaged(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [slack-1, hook, pagerduty-1], dedup: {by: [rule], for: 15m}}]`)
	b.alert("5710", 10, "web-01")
	b.wait(30 * time.Second)
	b.alert("5710", 10, "web-01")
	b.wait(time.Hour)
	b.heard("0s hook a1", "0s pagerduty-1 a1", "0s slack-1 a1", "1m0s slack-1 a1 seen1 seen 2 since 0s",
		"15m30s hook a1 quiet quiet for 15m0s, 2 in all", "15m30s slack-1 a1 quiet quiet for 15m0s, 2 in all")
	// The last was told, with the number: there is nothing to add. What came once alone has no end to be told.
	b.alert("5710", 10, "web-01")
	b.wait(8 * time.Minute)
	b.alert("5710", 10, "web-01")
	b.wait(8 * time.Minute)
	b.alert("5710", 10, "web-01")
	b.wait(time.Hour)
	b.alert("5710", 10, "web-01")
	b.wait(time.Hour)
	for _, s := range b.sent {
		if s.Receiver == "hook" && s.about.Quiet != nil {
			t.Errorf("got %s", s)
		}
	}
}

func TestRepeatsOfAnAlertThatWaitsWaitWithIt(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [hook], dedup: {by: [rule, agent], for: 15m}, digest: 1h}]`)
	for range 5 {
		b.alert("5710", 10, "web-01")
	}
	b.wait(2 * time.Hour)
	b.heard("1h0m0s hook digest of 5")
	b.noted("a2", "hook", "the first waits, and this one with it: digest: comes with the others at 13:00:00")
}

func TestRepeatsOfAnAlertThatWasToldWithOthersAreToldWhenItIsQuiet(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [slack-1, hook], dedup: {by: [rule, agent], for: 15m}, group_by: [rule]}]`)
	b.alert("5710", 10, "web-01")
	b.alert("5710", 10, "web-02")
	b.wait(time.Minute)
	b.alert("5710", 10, "web-01")
	b.wait(time.Hour)
	b.heard("30s hook group of 2", "30s slack-1 group of 2",
		"16m0s hook a1 quiet quiet for 15m0s, 2 in all", "16m0s slack-1 a1 quiet quiet for 15m0s, 2 in all")
}

func TestACountThatIsToldWithOthersIsToldAgainWhenItIsQuiet(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [hook], dedup: {by: [rule, agent], for: 15m}, throttle: {rate: 1/h, burst: 1}}]`)
	b.alert("5710", 10, "web-01")
	b.alert("5710", 10, "web-01")
	b.wait(14 * time.Minute)
	b.alert("5710", 10, "web-01")
	b.wait(time.Minute)
	b.alert("5710", 10, "web-01") // says that there were three since, but is above the rate
	b.alert("5711", 10, "web-01")
	b.wait(2 * time.Hour)
	b.heard("0s hook a1", "30m0s hook a1 quiet quiet for 15m0s, 4 in all", "1h0m0s hook throttle of 2")
}

func TestAReceiverThatWasNotToldOfTheFirstIsToldOfTheRepeat(t *testing.T) {
	t.Parallel()
	b := newBench(t, `
windows: {day: {days: all, from: "08:00", to: "12:05"}}
routes: [{to: [soc], active: day, outside: {to: [night]}, dedup: {by: [rule], for: 15m}}]`)
	b.alert("5710", 10, "web-01")
	b.wait(4 * time.Minute)
	b.alert("5710", 10, "web-01")
	b.wait(4 * time.Minute)
	b.alert("5710", 10, "web-01")
	b.wait(time.Minute)
	b.alert("5710", 10, "web-01")
	b.heard("0s soc a1", "8m0s night a3")
	b.wait(time.Hour)
	b.heard("24m0s night a3 quiet quiet for 15m0s, 4 in all", "24m0s soc a1 quiet quiet for 15m0s, 4 in all")
}

func TestRepeatsOfAFirstThatIsNoLongerKeptBeginAnew(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [hook], dedup: {by: [rule], for: 1h}}]`)
	b.alert("5710", 10, "web-01")
	b.wait(10 * time.Minute)
	b.alert("5710", 10, "web-01")
	b.wait(10 * time.Minute)
	if _, err := b.db.Prune(context.Background(), b.now, outbox.Retention{Delivered: time.Minute}); err != nil {
		t.Fatal(err)
	}
	b.alert("5710", 10, "web-01")
	b.alert("5710", 10, "web-01")
	b.wait(2 * time.Hour)
	b.heard("0s hook a1", "20m0s hook a3 seen 2 since 0s", "1h20m0s hook a3 quiet quiet for 1h0m0s, 4 in all")
}
