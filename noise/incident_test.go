package noise

import (
	"strings"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
)

const pair = `resolve: {opens: {rule: 504}, closes: {rule: 503}, by: [agent]}`

func TestAnAlertThatClosesAnIncidentIsToldByClosingItsMessages(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [slack-1, pagerduty-1], `+pair+`}]`)
	b.alert("504", 10, "web-01")
	b.wait(10 * time.Minute)
	b.alert("503", 3, "web-02")
	b.alert("503", 3, "web-01")
	b.alert("503", 3, "web-01")
	b.heard("0s pagerduty-1 a1", "0s slack-1 a1", "10m0s pagerduty-1 a2", "10m0s slack-1 a2",
		"10m0s pagerduty-1 a1 resolve by a3 after 10m0s", "10m0s slack-1 a1 resolve by a3 after 10m0s", "10m0s pagerduty-1 a4", "10m0s slack-1 a4")
	b.stands("a3", "slack-1", outbox.Suppressed, "resolves a1 (agent web-01)")
	b.noted("a3", "slack-1", "resolves a1 (agent web-01)")
}

// OSSEC's alerts have no agent_id: the start of one agent would else close the incident of another.
func TestWhoLacksAFieldOpensAndClosesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [hook], resolve: {opens: {rule: 504}, closes: {rule: 503}, by: [agent, user]}}]`)
	b.alert("504", 10, "web-01")
	b.alert("503", 3, "web-01")
	b.heard("0s hook a1", "0s hook a2")
	b.noted("a1", "hook", "resolve (agent web-01, user -): the alert has no user, so it opens nothing")
	b.noted("a2", "hook", "resolve (agent web-01, user -): the alert has no user, so it closes nothing")
}

func TestAnAlertThatNoRouteTakesClosesAnIncidentAllTheSame(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{match: {rule: 503}, to: []}, {match: {rule: 504}, to: [hook], `+pair+`}]`)
	b.alert("504", 10, "web-01")
	b.wait(time.Minute)
	b.alert("503", 3, "web-01")
	b.heard("0s hook a1", "1m0s hook a1 resolve by a2 after 1m0s")
}

func TestAnAlertThatClosesAnIncidentIsToldToOthersByTheRouteThatTakesIt(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{match: {rule: 503}, to: [hook, mail]}, {match: {rule: 504}, to: [hook], `+pair+`}]`)
	b.alert("504", 10, "web-01")
	b.wait(time.Minute)
	b.alert("503", 3, "web-01")
	b.heard("0s hook a1", "1m0s hook a1 resolve by a2 after 1m0s", "1m0s mail a2")
}

func TestAClosingAlertOfAnUnknownIncidentIsToldByItself(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [hook], `+pair+`}]`)
	b.alert("503", 3, "web-01")
	b.heard("0s hook a1")
}

func TestAnIncidentWhoseOpenerWaitsIsNotOpen(t *testing.T) {
	t.Parallel()
	b := newBench(t, windowsOf("12:30", "13:00")+`routes: [{to: [hook], active: w, `+pair+`}]`)
	b.alert("504", 10, "web-01")
	b.alert("503", 3, "web-01")
	b.wait(2 * time.Hour)
	b.heard("30m0s hook window of 2")
}

func windowsOf(from, to string) string {
	return `windows: {w: {days: all, from: "` + from + `", to: "` + to + "\"}}\n"
}

func TestAReceiverThatFollowsNoResolveIsToldOfTheClosingAlert(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [hook, plain], `+pair+`}]`)
	b.receiver("plain").Follows = func(a notifier.Action) bool { return a == notifier.Trigger }
	b.alert("504", 10, "web-01")
	b.wait(time.Minute)
	b.alert("503", 3, "web-01")
	b.heard("0s hook a1", "0s plain a1", "1m0s hook a1 resolve by a2 after 1m0s", "1m0s plain a2")
}

func TestASecondOpenerIsToldAsOneMoreOfTheIncident(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{escalate: [{to: hook}, {after: 10m, to: backup}], `+pair+`}]`)
	b.alert("504", 10, "web-01")
	b.wait(5 * time.Minute)
	b.alert("504", 10, "web-01")
	if about := b.sent[1].about; about.First == nil || about.First.Identity != "a1" || !about.Opened.Equal(start) {
		t.Errorf("got %+v", about)
	}
	b.wait(6 * time.Minute)
	b.alert("503", 3, "web-01")
	b.wait(time.Hour)
	b.heard("0s hook a1", "5m0s hook a2", "10m0s backup a1 step2", "11m0s backup a1 resolve by a3 after 11m0s", "11m0s hook a1 resolve by a3 after 11m0s")
}

func TestAResolvedIncidentCallsNobodyAnyMore(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{escalate: [{to: hook}, {after: 10m, to: backup}], `+pair+`}]`)
	b.alert("504", 10, "web-01")
	b.alert("504", 10, "web-01")
	b.wait(5 * time.Minute)
	b.alert("503", 3, "web-01")
	b.wait(time.Hour)
	b.heard("0s hook a1", "0s hook a2", "5m0s hook a1 resolve by a3 after 5m0s")
	for id, reason := range map[string]string{"a1": "the incident is resolved", "a2": "resolve (agent web-01): the incident is open since 12:00:00, and has its own steps", "a3": "resolves a1"} {
		if d := b.delivery(id, "backup", "step2"); d.State != outbox.Suppressed || !strings.HasPrefix(d.Reason, reason) {
			t.Errorf("%s: got %q (%q)", id, d.State, d.Reason)
		}
	}
}

func TestAnIncidentThatGoesOnIsToldAgainUnlessSomebodyTakesIt(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [hook], group_by: [agent], repeat_interval: 4h, `+pair+`}]`)
	b.alert("504", 10, "web-01")
	b.wait(9 * time.Hour)
	b.heard("30s hook a1", "4h0m0s hook a1 again1 seen 1 since 0s", "8h0m0s hook a1 again2 seen 1 since 0s")
	b.acknowledge("a1", "NAME")
	b.wait(9 * time.Hour)
	b.heard("9h0m0s hook a1 acknowledge taken by NAME")
	b.alert("503", 3, "web-01")
	b.wait(40 * 24 * time.Hour)
	b.heard("18h0m0s hook a1 resolve by a2 after 18h0m0s")
}

func TestAnIncidentThatNothingClosesIsForgotten(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [hook], `+pair+`}]`)
	b.alert("504", 10, "web-01")
	b.wait(31 * 24 * time.Hour)
	b.alert("503", 3, "web-01")
	b.heard("0s hook a1", "744h0m0s hook a2")
}

const steps = `routes: [{escalate: [{to: [slack-1]}, {after: 10m, to: backup}, {after: 30m, to: [boss, slack-1]}]}]`

func TestStepsAreToldInTheirTimeUntilSomebodyTakesIt(t *testing.T) {
	t.Parallel()
	b := newBench(t, steps)
	b.alert("1", 12, "web-01")
	b.wait(5 * time.Minute)
	if d := b.delivery("a1", "backup", "step2"); d.State != outbox.Held || d.Reason != "step 2 of 3: told at 12:10:00, unless somebody takes it" {
		t.Errorf("got %q (%q)", d.State, d.Reason)
	}
	b.wait(10 * time.Minute)
	b.heard("0s slack-1 a1", "10m0s backup a1 step2")
	if !b.acknowledge("a1", "ALICE") || b.acknowledge("a1", "BOB") {
		t.Error("it is not the first who has taken it")
	}
	b.wait(time.Hour)
	b.heard("15m0s backup a1 acknowledge taken by ALICE", "15m0s slack-1 a1 acknowledge taken by ALICE")
	for _, receiver := range []string{"boss", "slack-1"} {
		if d := b.delivery("a1", receiver, "step3"); d.State != outbox.Suppressed || d.Reason != "taken by ALICE (cli)" || !strings.HasSuffix(d.Notes, "\n"+d.Reason) {
			t.Errorf("%s: got %q (%q), %q", receiver, d.State, d.Reason, d.Notes)
		}
	}
}

func TestStepsThatNobodyAnswersAreAllTold(t *testing.T) {
	t.Parallel()
	b := newBench(t, steps)
	b.alert("1", 12, "web-01")
	b.wait(time.Hour)
	b.heard("0s slack-1 a1", "10m0s backup a1 step2", "30m0s boss a1 step3", "30m0s slack-1 a1 step3")
	about := b.delivery("a1", "backup", "step2").About
	if a, err := ParseAbout(about); err != nil || a.Step.N != 2 || a.Step.Of != 3 || a.Step.After != 10*time.Minute || strings.Join(a.Step.Who, ",") != "slack-1" {
		t.Errorf("got %s", about)
	}
}

func TestWhoseMessageWaitsIsToldThatItIsTaken(t *testing.T) {
	t.Parallel()
	b := newBench(t, steps)
	b.deaf["slack-1"] = true
	b.alert("1", 12, "web-01")
	b.acknowledge("a1", "ALICE")
	b.wait(time.Minute)
	b.deaf["slack-1"] = false
	b.wait(time.Minute)
	b.heard("1m0s slack-1 a1", "1m0s slack-1 a1 acknowledge taken by ALICE")
}

func TestAGroupIsOverWhenAllIncidentsAreThatItTellsOf(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{group_by: [rule], escalate: [{to: hook}, {after: 10m, to: backup}], `+pair+`}]`)
	b.alert("504", 12, "web-01")
	b.alert("504", 12, "web-02")
	b.alert("504", 12, "web-02")
	b.wait(time.Minute)
	b.heard("30s hook group of 3")
	b.alert("503", 3, "web-01")
	b.wait(time.Minute)
	b.heard("1m30s hook a4") // the other goes on
	b.alert("503", 3, "web-02")
	b.heard("2m0s hook group of 3 resolve by a5 after 2m0s")
	b.wait(time.Hour)
	b.heard()
	message := ToldIn(b.delivery("a1", "hook", "").Reason)
	if d := b.delivery(message, "backup", "step2"); d.State != outbox.Suppressed || d.Reason != isResolved {
		t.Errorf("got %q (%q)", d.State, d.Reason)
	}
	b.noted("a5", "hook", "resolves a2 (agent web-02)")
}

func TestAGroupThatTellsOfMoreThanIncidentsIsNotOverWithThem(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{group_by: [agent], escalate: [{to: hook}, {after: 10m, to: backup}], `+pair+`}]`)
	b.alert("504", 12, "web-01")
	b.alert("1", 12, "web-01")
	b.wait(time.Minute)
	b.alert("503", 3, "web-01")
	b.wait(time.Hour)
	b.heard("30s hook group of 2", "5m30s hook a3", "10m30s backup group of 2 step2")
}

func TestAGroupWhoseIncidentIsOverBeforeItIsToldCallsNobody(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{group_by: [agent], escalate: [{to: hook}, {after: 10m, to: backup}], `+pair+`}]`)
	b.alert("504", 12, "web-01")
	b.wait(10 * time.Second)
	b.alert("503", 3, "web-01")
	b.wait(time.Hour)
	b.heard("30s hook group of 2")
}

func TestStepsAreToldWhereAnotherRouteTellsAllWhomTheGroupIsFor(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [hook], continue: true}, {group_by: [rule], escalate: [{to: hook}, {after: 10m, to: backup}]}]`)
	b.alert("1", 12, "web-01")
	b.wait(time.Hour)
	b.heard("0s hook a1", "10m0s backup a1 step2")
}

func TestWhoHearsOfSomeRepeatsOnlyIsToldOfTheOthersInTheEnd(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [hook, mail], dedup: {by: [agent], for: 15m}}]`)
	b.alert("1", 5, "web-01")
	b.alert("1", 5, "web-01")
	b.comesFor(made{id: "a3", rule: "1", level: 12, agent: "web-01"}, b.wants(made{id: "a3", rule: "1", level: 12, agent: "web-01"}.alert())[:1]) // as by custom-webhook
	b.wait(time.Hour)
	b.heard("0s hook a1", "0s mail a1", "0s hook a3 seen 2 since 0s", "15m0s hook a1 quiet quiet for 15m0s, 3 in all", "15m0s mail a1 quiet quiet for 15m0s, 3 in all")
}

func TestAGroupsEscalationIsAboutItsMessage(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{group_by: [rule], escalate: [{to: hook}, {after: 10m, to: backup}]}]`)
	b.alert("1", 12, "web-01")
	b.alert("1", 12, "web-02")
	b.alert("2", 12, "web-02")
	b.wait(5 * time.Minute)
	message := ToldIn(b.delivery("a1", "hook", "").Reason)
	b.acknowledge(message, "ALICE")
	b.wait(time.Hour)
	b.heard("30s hook a3", "30s hook group of 2", "5m0s hook group of 2 acknowledge taken by ALICE", "10m30s backup a3 step2")
}

func TestARepeatOfWhatIsTakenCallsNobodyUnlessItIsMoreSevere(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{escalate: [{to: hook}, {after: 10m, to: backup}], dedup: {by: [agent], for: 15m}}]`)
	b.alert("1", 7, "web-01")
	b.wait(time.Minute)
	b.acknowledge("a1", "NAME")
	for range 3 {
		b.wait(7 * time.Minute)
		b.alert("1", 7, "web-01")
	}
	b.wait(11 * time.Minute)
	b.heard("0s hook a1", "1m0s hook a1 acknowledge taken by NAME", "15m0s hook a3 seen 2 since 0s")
	if d := b.delivery("a3", "backup", "step2"); d.State != outbox.Suppressed || d.Reason != "taken by NAME (cli)" {
		t.Errorf("got %q (%q)", d.State, d.Reason)
	}
	b.alert("2", 12, "web-01")
	b.wait(11 * time.Minute)
	b.heard("33m0s hook a5 seen 2 since 15m0s", "43m0s backup a5 step2")
}

func TestARepeatAndAMessageAboutManyCallNobody(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{escalate: [{to: hook}, {after: 10m, to: backup}], dedup: {by: [rule], for: 1h}, throttle: {rate: 1/h, burst: 1}}]`)
	b.alert("1", 12, "web-01")
	b.alert("1", 12, "web-01")
	b.alert("2", 12, "web-01")
	b.alert("3", 12, "web-01")
	b.wait(2 * time.Hour)
	b.heard("0s hook a1", "10m0s backup a1 step2", "1h0m0s backup a1 quiet quiet for 1h0m0s, 2 in all",
		"1h0m0s hook throttle of 2", "1h0m0s hook a1 quiet quiet for 1h0m0s, 2 in all")
}

// What follows is about who is touched by what.

func TestAlwaysAndArgvAreTouchedByNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, `
always: [audit]
inhibit: [{source: {rule: 504}, target: {rule: 1}, for: 15m}]
receivers: {audit: {throttle: {rate: 1/h, burst: 1}, rate: 1, storm_after: 10s}, argv-slack-1: {throttle: {rate: 1/h, burst: 1}, rate: 1, storm_after: 10s}}
routes: [{to: [hook], dedup: {by: [rule], for: 1h}}]`)
	b.alert("504", 12, "web-01")
	b.silence(outbox.Silence{ID: "s1", Match: `{rule: 2}`})
	b.sent = nil
	b.deaf["audit"], b.deaf["argv-slack-1"] = true, true
	n := 0
	for range 50 {
		for _, rule := range []string{"1", "2"} {
			n++
			m := made{id: "x" + strings.Repeat("i", n), rule: rule, level: 5}
			b.comesFor(m, append(b.wants(m.alert()), Want{Receiver: "argv-slack-1", Channel: "slack"}))
		}
	}
	for _, name := range []string{"audit", "argv-slack-1"} {
		b.must(b.control.Brake(t.Context(), b.db, name, n, b.now))
	}
	b.deaf = map[string]bool{}
	b.deliver()
	told := map[string]int{}
	for _, s := range b.sent {
		told[s.Receiver]++
	}
	if told["argv-slack-1"] != n {
		t.Errorf("argv-slack-1 was told %d of %d", told["argv-slack-1"], n)
	}
	if alerts := len(b.all(outbox.Filter{Receiver: "audit", States: []outbox.State{outbox.Delivered}})); told["audit"] < n || alerts < n {
		t.Errorf("audit was told %d of %d", told["audit"], n)
	}
}

func TestAReceiverCalledByItsNameIsTouchedBySilencesAndItsOwnLimitsAlone(t *testing.T) {
	t.Parallel()
	b := newBench(t, `
inhibit: [{source: {rule: 504}, target: {rule: 1}, for: 15m}]
receivers: {hook: {throttle: {rate: 1/h, burst: 1}}}
routes: [{to: [soc], dedup: {by: [rule], for: 1h}}]`)
	b.silence(outbox.Silence{ID: "s1", Match: `{rule: 2}`, Ends: start.Add(time.Minute)})
	b.alert("504", 3, "web-01")
	named := []Want{{Receiver: "hook", Channel: "hook"}}
	for i, rule := range []string{"2", "1", "1", "1"} {
		b.comesFor(made{id: "n" + string(rune('0'+i)), rule: rule, level: 5}, named)
	}
	b.deliver()
	b.stands("n0", "hook", outbox.Suppressed, "silence s1")
	b.stands("n2", "hook", outbox.Held, "throttle 1/h: above the rate")
	b.wait(2 * time.Hour)
	b.heard("0s soc a1", "0s hook n1", "1h0m0s hook throttle of 3")
}

func TestTheSameAlertByAnotherWayKeepsItsVerdictAndIsCountedOnce(t *testing.T) {
	for name, test := range map[string]struct {
		config string
		wait   time.Duration // between the ways
		want   []string
	}{
		"told":     {`routes: [{to: [slack-1, pagerduty-1]}]`, 0, []string{"0s slack-1 x1", "0s slack-1 x2", "0s pagerduty-1 x1", "0s pagerduty-1 x2"}},
		"repeat":   {`routes: [{to: [slack-1, pagerduty-1], dedup: {by: [rule], for: 10m}}]`, time.Minute, []string{"0s slack-1 x1", "1m0s slack-1 x1 seen1 seen 2 since 0s", "1m0s pagerduty-1 x1", "10m0s slack-1 x1 quiet quiet for 10m0s, 2 in all"}},
		"digest":   {`routes: [{to: [slack-1, pagerduty-1], digest: 1h}]`, time.Minute, []string{"1h0m0s pagerduty-1 digest of 2", "1h0m0s slack-1 digest of 2"}},
		"throttle": {`routes: [{to: [slack-1, pagerduty-1], throttle: {rate: 1/h, burst: 1}}]`, time.Minute, []string{"0s slack-1 x1", "1m0s pagerduty-1 x1", "1h0m0s pagerduty-1 x2", "1h0m0s slack-1 x2"}},
		"late":     {`routes: [{to: [slack-1, pagerduty-1], digest: 1h}]`, 2 * time.Hour, []string{"1h0m0s slack-1 digest of 2", "2h0m0s pagerduty-1 x1", "2h0m0s pagerduty-1 x2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, test.config)
			alerts := []made{{id: "x1", rule: "1", level: 12}, {id: "x2", rule: "1", level: 12}}
			way := func(channel string) {
				for _, m := range alerts {
					var wants []Want
					for _, w := range b.wants(m.alert()) {
						if w.Channel == channel {
							wants = append(wants, w)
						}
					}
					b.comesFor(m, wants)
				}
				b.deliver()
			}
			way("slack")
			b.wait(test.wait)
			way("pagerduty")
			way("slack")
			way("pagerduty")
			b.wait(3 * time.Hour)
			b.heard(test.want...)
		})
	}
}

func TestASilencedAlertByAnotherWayIsCountedOnceAndToldWithTheOthers(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [slack-1, mail]}]`)
	b.silence(outbox.Silence{ID: "s1", Match: `{rule: 1}`, Ends: start.Add(time.Hour)})
	m := made{id: "x1", rule: "1", level: 12}
	all := b.wants(m.alert())
	b.comesFor(m, all[:1])
	b.comesFor(m, all[1:])
	b.comesFor(m, []Want{{Receiver: "hook"}})
	b.wait(2 * time.Hour)
	b.heard("1h0m0s hook silence of 1", "1h0m0s mail silence of 1", "1h0m0s slack-1 silence of 1")
	b.comesFor(m, []Want{{Receiver: "late"}}) // the silence is over, and was told
	b.deliver()
	b.heard("2h0m0s late x1")
	if got := b.silenced("s1"); got != 1 {
		t.Errorf("the silence counted %d alerts", got)
	}
}

func TestAClosingAlertByAnotherWayIsToldToNobodyWhoWasToldByTheIncident(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [slack-1, mail, hook], `+pair+`}]`)
	b.alert("504", 10, "web-01")
	m := made{id: "x1", rule: "503", agent: "web-01"}
	all := b.wants(m.alert())
	b.comesFor(m, all[:1])
	b.comesFor(m, append(all[1:], Want{Receiver: "new", Route: all[0].Route, Policy: all[0].Policy}))
	b.deliver()
	b.heard("0s hook a1", "0s mail a1", "0s slack-1 a1", "0s hook a1 resolve by x1 after 0s", "0s mail a1 resolve by x1 after 0s", "0s new x1", "0s slack-1 a1 resolve by x1 after 0s")
}

func TestWhatCameAnotherWayFirstIsDecidedAboutByItsRouteAllTheSame(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [hook], dedup: {by: [rule], for: 15m}, `+pair+`}]`)
	b.alert("504", 10, "web-01")
	for _, m := range []made{{id: "x1", rule: "504", agent: "web-01", level: 10}, {id: "x2", rule: "503", agent: "web-01", level: 3}} {
		b.comesFor(m, []Want{{Receiver: "argv-1", Channel: "slack"}})
		b.comes(m)
	}
	b.wait(time.Hour)
	b.heard("0s hook a1", "0s argv-1 x1", "0s argv-1 x2", "0s hook a1 resolve by x2 after 0s", "15m0s hook a1 quiet quiet for 15m0s, 2 in all")
}

func TestAnAlertThatComesAgainTakesNothingOutOfAThrottle(t *testing.T) {
	t.Parallel()
	b := newBench(t, `
receivers: {hook: {throttle: {rate: 1/h, burst: 2}}}
routes: [{to: [hook]}]`)
	for range 5 {
		b.comes(made{id: "x1", rule: "1"})
	}
	b.comes(made{id: "x2", rule: "1"})
	b.deliver()
	b.heard("0s hook x1", "0s hook x2")
}

func TestOnlyMessagesOfOurOwnMakingAreMessages(t *testing.T) {
	for identity, want := range map[string]bool{messageID("x"): true, "d-1/1795434322.123": false, "d-0123456789abcdef/1": false, "d-0123456789abcdeg": false, "h-0123456789abcdef": false, "": false} {
		if got := IsMessage(identity); got != want {
			t.Errorf("%q: got %v", identity, got)
		}
	}
}
