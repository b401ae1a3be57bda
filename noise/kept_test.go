package noise

import (
	"strings"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/outbox"
)

func TestASilenceHoldsFromItsStartToItsEndAndIsToldThen(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{match: {rule: 5710}, to: [hook, mail]}, {to: [hook]}]`)
	b.silence(outbox.Silence{ID: "s1", Match: `{rule: 5710}`, Starts: start.Add(time.Hour), Ends: start.Add(2 * time.Hour), Reason: "kernel update", By: "NAME"})
	b.alert("5710", 10, "web-01")
	b.wait(time.Hour)
	b.alert("5710", 10, "web-01")
	b.alert("5711", 10, "web-01")
	b.alert("5710", 12, "web-01")
	b.stands("a2", "hook", outbox.Suppressed, "silence s1, until 14:00:00 (NAME: kernel update)")
	b.noted("a3", "hook", "silences: none of 1 matches")
	b.wait(time.Hour)
	b.alert("5710", 10, "web-01")
	b.wait(time.Hour)
	b.heard("0s hook a1", "0s mail a1", "1h0m0s hook a3", "2h0m0s hook silence of 2", "2h0m0s mail silence of 2", "2h0m0s hook a5", "2h0m0s mail a5")
	if got := b.silenced("s1"); got != 2 {
		t.Errorf("the silence counted %d alerts", got)
	}
	if d := b.delivery("a2", "hook", ""); b.delivery(d.Bundle, "hook", "").State != outbox.Delivered {
		t.Errorf("a2 is not counted in a message that was told: %+v", d)
	}
}

func TestASilencedAlertThatComesByTwoRoutesIsCountedOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [hook], continue: true}, {to: [mail]}]`)
	b.silence(outbox.Silence{ID: "s1", Match: `{rule: 5710}`})
	b.alert("5710", 10, "web-01")
	if got := b.silenced("s1"); got != 1 {
		t.Errorf("the silence counted %d alerts", got)
	}
}

func TestWhatASilenceKeptIsToldAtOnceWhenSomebodyEndsIt(t *testing.T) {
	for name, ends := range map[string]time.Time{"with an end": start.Add(5 * time.Hour), "without": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, `routes: [{to: [hook]}]`)
			b.silence(outbox.Silence{ID: "s1", Match: `{rule: 5710}`, Ends: ends})
			b.alert("5710", 10, "web-01")
			b.wait(time.Hour)
			b.must(b.db.EndSilence(t.Context(), "s1", b.now.Add(time.Minute)))
			b.wait(30 * time.Second)
			b.alert("5710", 10, "web-01")
			b.heard()
			b.wait(30 * time.Second)
			b.heard("1h1m0s hook silence of 2")
			b.alert("5710", 10, "web-01")
			b.wait(6 * time.Hour)
			b.heard("1h1m0s hook a3")
		})
	}
}

func TestASilenceOfTheWeekIsToldAfterEachSpell(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [hook]}]`) // it is Monday noon
	b.silence(outbox.Silence{ID: "s1", Match: `{rule: 5710}`, Every: "mon 13:00-14:00"})
	for range 9 * 24 {
		b.alert("5710", 10, "web-01")
		b.wait(time.Hour)
	}
	var got []string
	for _, s := range b.sent {
		if s.summary != nil {
			got = append(got, s.String())
		}
	}
	if got := strings.Join(got, "; "); got != "2h0m0s hook silence of 1; 170h0m0s hook silence of 1" {
		t.Errorf("got %s", got)
	}
	b.stands("a2", "hook", outbox.Suppressed, "silence s1, until 14:00:00")
	if got := b.silenced("s1"); got != 2 {
		t.Errorf("the silence counted %d alerts", got)
	}
}

func TestASecondSilenceGoesOnWhereTheFirstEnds(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [hook]}]`)
	b.silence(outbox.Silence{ID: "s1", Match: `{rule: 5710}`, Ends: start.Add(time.Hour)})
	b.silence(outbox.Silence{ID: "s2", Match: `{rule: 5710}`, Ends: start.Add(2 * time.Hour), Created: start.Add(time.Second)})
	for range 4 {
		b.alert("5710", 10, "web-01")
		b.wait(30 * time.Minute)
	}
	b.heard("1h0m0s hook silence of 2", "2h0m0s hook silence of 2")
}

func TestASilencedReceiverOfALaterStepHearsNothingOfIt(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{escalate: [{to: soc}, {after: 10m, to: backup}]}]`)
	b.silence(outbox.Silence{ID: "s1", Match: `{rule: 5710}`, Ends: start.Add(time.Hour)})
	b.alert("5710", 10, "web-01")
	b.wait(3 * time.Hour)
	b.heard("1h0m0s soc silence of 1")
	if d := b.delivery("a1", "backup", "step2"); d.State != outbox.Suppressed || !strings.HasPrefix(d.Reason, "silence s1") {
		t.Errorf("got %+v", d)
	}
}

func TestASilencesMessageIsTakenOutOfTheReceiversThrottle(t *testing.T) {
	t.Parallel()
	b := newBench(t, `
receivers: {hook: {throttle: {rate: 1/h, burst: 1}}}
routes: [{to: [hook]}]`)
	b.silence(outbox.Silence{ID: "s1", Match: `{rule: 1}`, Ends: start.Add(10 * time.Minute)})
	b.alert("1", 10, "web-01")
	b.alert("1", 10, "web-01")
	b.alert("2", 10, "web-01")
	b.alert("2", 10, "web-01")
	b.wait(2 * time.Hour)
	b.heard("0s hook a3", "1h0m0s hook throttle of 3")
}

func TestASilenceThatCannotBeReadSilencesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [hook]}]`)
	b.silence(outbox.Silence{ID: "s1", Match: `{rool: 5710}`})
	b.alert("5710", 10, "web-01")
	b.heard("0s hook a1")
}

const maintenance = `
inhibit: [{name: maintenance, source: {rule: 504}, target: {severity: <high}, equal: [agent], for: 15m}]
routes: [{to: [hook]}]`

func TestAnAlertIsInhibitedWhileTheSourceIsFreshWhichANewSourceRefreshes(t *testing.T) {
	t.Parallel()
	b := newBench(t, maintenance)
	b.alert("1", 7, "web-01")
	b.alert("504", 3, "web-01")
	b.alert("1", 7, "web-01")
	b.alert("1", 7, "web-02")
	b.alert("1", 12, "web-01")
	b.noted("a1", "hook", "inhibit maintenance: no such alert is fresh")
	b.stands("a3", "hook", outbox.Held, "inhibited by maintenance: alert a2 is fresh until 12:15:00")
	b.wait(10 * time.Minute)
	b.alert("504", 3, "web-01")
	b.alert("1", 7, "web-01")
	b.wait(time.Hour)
	b.alert("1", 7, "web-01")
	b.heard("0s hook a1", "0s hook a2", "0s hook a4", "0s hook a5", "10m0s hook a6", "25m0s hook inhibit of 2", "1h10m0s hook a8")
}

func TestASourceIsNotInhibitedThoughItIsATarget(t *testing.T) {
	t.Parallel()
	b := newBench(t, maintenance)
	b.alert("504", 3, "web-01")
	b.alert("504", 3, "web-01")
	b.heard("0s hook a1", "0s hook a2")
}

// OSSEC's alerts have no agent_id: one agent that is gone would else mute all.
func TestWhoLacksAFieldHoldsNothingBackAndIsNotHeldBack(t *testing.T) {
	t.Parallel()
	b := newBench(t, strings.Replace(maintenance, "[agent]", "[agent, user]", 1))
	b.alert("504", 3, "web-01")
	b.alert("1", 7, "web-01")
	b.heard("0s hook a1", "0s hook a2")
	b.noted("a1", "hook", "inhibit maintenance (agent web-01, user -): the alert has no user, so it holds nothing back")
	b.noted("a2", "hook", "inhibit maintenance (agent web-01, user -): the alert has no user, so nothing holds it back")
}

func TestInhibitWithoutEqualHoldsOfAnyAgent(t *testing.T) {
	t.Parallel()
	b := newBench(t, strings.Replace(maintenance, "equal: [agent], ", "", 1))
	b.alert("504", 3, "web-01")
	b.alert("1", 7, "web-02")
	b.stands("a2", "hook", outbox.Held, "inhibited by maintenance")
}

const windows = `
windows:
  day: {days: all, from: "08:00", to: "13:00"}
  late: {days: all, from: "15:00", to: "16:00"}
  lunch: {days: all, from: "12:30", to: "12:45"}
  past: {dates: ["2020-01-01"]}
`

func TestMessagesGoOutWhileAnyActiveWindowIsOpenAndNoneThatMutes(t *testing.T) {
	t.Parallel()
	b := newBench(t, windows+`routes: [{to: [hook], active: [day, late], mute: [lunch]}]`)
	for range 20 { // until 17:00
		b.alert("1", 10, "web-01")
		b.wait(15 * time.Minute)
	}
	b.heard("0s hook a1", "15m0s hook a2", "45m0s hook a3", // alone in what was muted from 12:30
		"45m0s hook a4", "3h0m0s hook window of 8", "3h0m0s hook a13", "3h15m0s hook a14", "3h30m0s hook a15", "3h45m0s hook a16")
	b.noted("a1", "hook", "window: open (active day)")
	b.noted("a3", "hook", "window: mute lunch, held until 12:45:00")
	b.noted("a5", "hook", "window: outside of day, late, held until 15:00:00")
	b.stands("a20", "hook", outbox.Held, "window: outside of day, late, held until 2026-11-24 08:00 UTC")
}

func TestOutsideOfItsTimesARouteTellsOthersInTheirPlace(t *testing.T) {
	t.Parallel()
	b := newBench(t, windows+`routes: [{to: [soc, both], mute: day, outside: {to: [quiet, both]}}]`)
	b.alert("1", 10, "web-01")
	b.heard("0s both a1", "0s quiet a1")
	b.stands("a1", "soc", outbox.Suppressed, "others are told: window: mute day, so quiet, both")
	b.wait(time.Hour)
	b.alert("1", 10, "web-01")
	b.heard("1h0m0s both a2", "1h0m0s soc a2")
}

func TestWhereNobodyIsThereToBeToldOutsideTheAlertIsHeld(t *testing.T) {
	t.Parallel()
	b := newBench(t, windows+`routes: [{to: [soc], mute: day, outside: {to: [gone]}}]`)
	b.alert("1", 10, "web-01")
	b.wait(2 * time.Hour)
	b.heard("1h0m0s soc a1")
}

func TestAWindowThatNeverOpensIsToldAfterADay(t *testing.T) {
	t.Parallel()
	b := newBench(t, windows+`routes: [{to: [hook], active: past}]`)
	b.alert("1", 10, "web-01")
	b.alert("1", 10, "web-01")
	b.stands("a1", "hook", outbox.Held, "window: outside of past, held until 2026-11-24 12:00 UTC (no window of the route opens)")
	b.wait(48 * time.Hour)
	b.heard("24h0m0s hook window of 2")
}

func TestARuleThatHadNotFiredInTheWeekBeforeIsNew(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{match: {agent: web-02}, to: [hook], digest: 1h}, {to: [mail]}]`)
	b.alert("1", 10, "web-01")
	b.wait(3 * 24 * time.Hour)
	b.alert("2", 10, "web-01")
	b.wait(5 * 24 * time.Hour)
	b.sent = nil
	for _, rule := range []string{"1", "2", "3"} { // eight days ago, five days ago, never
		b.alert(rule, 10, "web-02")
	}
	b.wait(2 * time.Hour)
	isNew := map[string]bool{}
	for _, row := range b.sent[0].summary.Rows {
		isNew[row.Rule] = row.New
	}
	if !isNew["1"] || isNew["2"] || !isNew["3"] || len(isNew) != 3 {
		t.Errorf("got %v", isNew)
	}
}

func TestRuleDaysAreAskedForTheWeekBeforeAnyDay(t *testing.T) {
	day := func(n int) time.Time { return time.Unix(int64(n)*24*60*60+3600, 0) }
	d := ruleDays{Last: 100, Bits: 1 | 1<<3 | 1<<20} // days 100, 97 and 80
	for n, want := range map[int]bool{80: false, 81: true, 87: true, 88: false, 97: false, 98: true, 100: true, 101: true, 107: true, 108: false} {
		if got := d.firedInWeekBefore(day(n)); got != want {
			t.Errorf("in the week before day %d: got %v", n, got)
		}
	}
}

func TestADigestSaysOfWhenItIs(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{name: shop, to: [hook], digest: 1h}]`)
	b.alert("1", 10, "web-01")
	b.wait(10 * time.Minute)
	b.alert("1", 13, "web-01")
	b.wait(time.Hour)
	s := b.sent[0].summary
	if s.Kind != digest.Scheduled || s.Route != "shop" || s.Why != "1 h" || !s.From.Equal(start) || !s.To.Equal(start.Add(10*time.Minute)) ||
		!s.Opened.Equal(start) || !s.Closed.Equal(start.Add(time.Hour)) || s.Level != 13 || len(s.Samples) != 2 || s.Samples[0].Identity != "a2" {
		t.Errorf("got %+v", s)
	}
}

// Who is paged is not woken at the end of a silence that was set so that nobody is; where nobody else would know, they are.
func TestAtTheEndOfASilenceNobodyIsPagedWhereOthersAreTold(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{match: {level: 9}, to: [slack-1, pagerduty-1], continue: true}, {match: {level: 12}, to: [pagerduty-2]}]`)
	b.silence(outbox.Silence{ID: "s1", Match: `{rule: 1}`, Ends: start.Add(time.Hour), By: "NAME", Reason: "kernel update"})
	b.alert("1", 9, "web-01")
	b.alert("1", 9, "web-02")
	b.wait(2 * time.Hour)
	b.heard("1h0m0s slack-1 silence of 2")
	const silenced = "silence s1, until 13:00:00 (NAME: kernel update)"
	b.stands("a1", "pagerduty-1", outbox.Suppressed, silenced+", nobody is paged: told to slack-1")
	b.noted("a1", "pagerduty-1", "nobody is paged: told to slack-1")
	b.stands("a1", "slack-1", outbox.Suppressed, silenced)

	b.silence(outbox.Silence{ID: "s2", Match: `{rule: 2}`, Ends: b.now.Add(time.Hour), Reason: "because"})
	b.comesFor(made{id: "x1", rule: "2", level: 12}, []Want{{Receiver: "pagerduty-2", Channel: "pagerduty", Route: "r"}})
	b.comesFor(made{id: "x2", rule: "2", level: 12}, []Want{{Receiver: "pagerduty-2", Channel: "pagerduty", Route: "r"}, {Receiver: "slack-1", Channel: "slack", Route: "r"}})
	b.wait(2 * time.Hour)
	b.heard("3h0m0s pagerduty-2 silence of 2", "3h0m0s slack-1 silence of 1")
}

func TestAtTheEndOfAnInhibitionNobodyIsPagedWhereOthersAreTold(t *testing.T) {
	t.Parallel()
	b := newBench(t, strings.Replace(maintenance, "to: [hook]", "to: [hook, pagerduty-1]", 1))
	b.alert("504", 3, "web-01")
	b.alert("1", 7, "web-01")
	b.alert("1", 7, "web-01")
	b.wait(time.Hour)
	b.heard("0s hook a1", "0s pagerduty-1 a1", "15m0s hook inhibit of 2")
	b.stands("a2", "pagerduty-1", outbox.Suppressed, "nobody is paged: told to hook")
}

func TestTimesNameTheirZoneWhereOneCouldMistakeThem(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := func(zone *time.Location, text string) time.Time {
		when, err := time.ParseInLocation(time.DateTime, text, zone)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	now := at(time.UTC, "2026-12-06 10:00:00")
	for _, tc := range []struct {
		here, zone *time.Location
		at, now    time.Time
		want       string
	}{
		{time.UTC, nil, at(time.UTC, "2026-12-06 18:00:00"), now, "18:00:00"},
		{time.UTC, time.UTC, at(time.UTC, "2026-12-06 18:00:00"), now, "18:00:00"},
		{nil, nil, at(time.UTC, "2026-12-07 08:00:00"), now, "2026-12-07 08:00 UTC"},
		{berlin, nil, at(berlin, "2026-12-07 08:00:10"), now, "2026-12-07 08:00:10 CET"},
		{time.UTC, berlin, at(berlin, "2026-12-06 18:00:00"), now, "18:00 CET"},
		{time.UTC, berlin, at(berlin, "2026-12-07 08:00:00"), now, "2026-12-07 08:00 CET"},
		{berlin, nil, at(berlin, "2026-10-25 06:00:00"), at(berlin, "2026-10-25 01:00:00"), "06:00 CET"}, // 02:30 comes twice
	} {
		c := &Control{Zone: tc.here}
		if got := c.clockIn(tc.zone, tc.at, tc.now); got != tc.want {
			t.Errorf("got %q, want %q", got, tc.want)
		}
	}
	b := newBench(t, `
windows: {office: {days: mon-fri, from: "08:00", to: "09:00", zone: Europe/Berlin}}
routes: [{to: [hook], active: office}]`)
	b.alert("1", 9, "web-01")
	b.stands("a1", "hook", outbox.Held, "window: outside of office, held until 2026-11-24 08:00 CET")
}
