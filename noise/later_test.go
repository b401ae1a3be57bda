package noise

import (
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/outbox"
)

// What was held and is told by itself after all calls those who come next, from then on.

func TestAnAlertThatWasHeldAndIsToldByItselfBeginsItsEscalation(t *testing.T) {
	for name, test := range map[string]struct {
		config string
		want   []string
	}{
		"throttle of the route":    {`routes: [{match: {rule: 2}, throttle: {rate: 1/h, burst: 1}, escalate: [{to: hook}, {after: 10m, to: backup}]}, {to: [soc]}]`, []string{"0s hook a1", "0s soc a2", "10m0s backup a1 step2", "1h0m0s hook a3", "1h10m0s backup a3 step2"}},
		"throttle of the receiver": {"receivers: {hook: {throttle: {rate: 1/h, burst: 1}}}\n" + `routes: [{match: {rule: 2}, escalate: [{to: hook}, {after: 10m, to: backup}]}, {to: [soc]}]`, []string{"0s hook a1", "0s soc a2", "10m0s backup a1 step2", "1h0m0s hook a3", "1h10m0s backup a3 step2"}},
		"inhibit":                  {"inhibit: [{source: {rule: 1}, target: {rule: 2}, for: 1h}]\n" + `routes: [{match: {rule: 2}, escalate: [{to: hook}, {after: 10m, to: backup}]}, {to: [soc]}]`, []string{"0s hook a1", "0s soc a2", "10m0s backup a1 step2", "1h0m0s hook a3", "1h10m0s backup a3 step2"}},
		"window":                   {`{windows: {late: "13:00-14:00"}, routes: [{match: {rule: 2, agent: web-02}, active: late, escalate: [{to: hook}, {after: 10m, to: backup}]}, {to: [soc]}]}`, []string{"0s soc a1", "0s soc a2", "1h0m0s hook a3", "1h10m0s backup a3 step2"}},
		"window, then throttle": {"receivers: {hook: {throttle: {rate: 1/h, burst: 1}}}\n" + `windows: {late: "12:30-14:00"}` + "\n" + `routes: [{match: {agent: web-02}, active: late, escalate: [{to: hook}, {after: 10m, to: backup}]}, {match: {rule: 2}, to: [hook]}, {to: [soc]}]`,
			[]string{"0s hook a1", "0s soc a2", "1h0m0s hook a3", "1h10m0s backup a3 step2"}},
		"throttle of one of two": {"receivers: {hook: {throttle: {rate: 1/h, burst: 1}}}\n" + `routes: [{match: {rule: 2}, escalate: [{to: [hook, mail]}, {after: 10m, to: backup}]}, {to: [soc]}]`,
			[]string{"0s hook a1", "0s mail a1", "0s soc a2", "0s mail a3", "10m0s backup a1 step2", "10m0s backup a3 step2", "1h0m0s hook a3"}},
		"a digest that was asked for": {`routes: [{match: {rule: 2}, digest: 1h, escalate: [{to: hook}, {after: 10m, to: backup}]}, {to: [soc]}]`, []string{"0s soc a2", "1h0m0s hook digest of 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, test.config)
			b.alert("2", 9, "web-01")
			b.alert("1", 3, "web-01")
			b.alert("2", 9, "web-02")
			b.wait(3 * time.Hour)
			b.heard(test.want...)
			kept, err := b.db.StatesUnder(t.Context(), stepsKey)
			if err != nil || len(kept) > 0 {
				t.Errorf("still kept: %v %v", kept, err)
			}
		})
	}
}

func TestWhoTakesAnAlertThatIsHeldIsNotFollowedByOthers(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{throttle: {rate: 1/h, burst: 1}, escalate: [{to: hook}, {after: 10m, to: backup}]}]`)
	b.alert("1", 9, "web-01")
	b.alert("2", 9, "web-01")
	b.acknowledge("a1", "NAME")
	b.acknowledge("a2", "NAME")
	b.wait(3 * time.Hour)
	b.heard("0s hook a1", "0s hook a1 acknowledge taken by NAME", "1h0m0s hook a2")
}

func TestWhoTakesARepeatTakesTheIncident(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{escalate: [{to: [slack-1, hook]}, {after: 1h, to: backup}], dedup: {by: [rule], for: 15m}}]`)
	b.alert("1", 12, "web-01")
	b.wait(10 * time.Minute)
	b.alert("1", 12, "web-01")
	b.wait(10 * time.Minute)
	b.alert("1", 12, "web-01")
	b.acknowledge("a3", "NAME")
	b.wait(time.Minute)
	b.heard("0s hook a1", "0s slack-1 a1", "10m0s slack-1 a1 seen1 seen 2 since 0s", "20m0s hook a3 seen 2 since 0s", "20m0s slack-1 a3 seen 2 since 0s",
		"20m0s hook a1 acknowledge taken by NAME", "20m0s slack-1 a3 acknowledge taken by NAME", "20m0s slack-1 a1 acknowledge taken by NAME")
	b.wait(3 * time.Hour)
	for _, s := range b.sent {
		if s.Receiver == "backup" {
			t.Errorf("got %s", s)
		}
	}
}

// What is resolved is over: that it begins again is news, however soon.
func TestWhatBeginsAgainAfterItWasResolvedIsNoRepeat(t *testing.T) {
	t.Parallel()
	b := newBench(t, `routes: [{to: [hook], dedup: {by: [agent], for: 15m}, `+pair+`}]`)
	b.alert("504", 10, "web-01")
	b.wait(time.Minute)
	b.alert("504", 10, "web-01")
	b.alert("503", 3, "web-01")
	b.wait(time.Minute)
	b.alert("504", 10, "web-01")
	b.wait(time.Minute)
	b.alert("504", 10, "web-01")
	b.wait(time.Hour)
	b.heard("0s hook a1", "1m0s hook a1 resolve by a3 after 1m0s", "2m0s hook a1 quiet quiet for 1m0s, 2 in all", "2m0s hook a4", "18m0s hook a4 quiet quiet for 15m0s, 2 in all")
}

func TestWhatFollowsAMessageWaitsForTheTimesOfItsRoute(t *testing.T) {
	t.Parallel()
	b := newBench(t, `
windows: {day: ["12:00-12:10", "14:00-24:00"]}
routes:
  - {match: {rule: 1}, to: [hook, slack-1], active: day, dedup: {by: [rule], for: 15m}}
  - {match: {rule: 504}, to: [hook], active: day, group_by: [rule], repeat_interval: 30m, `+pair+`}`)
	b.alert("1", 10, "web-01")
	b.alert("1", 10, "web-01")
	b.alert("504", 10, "web-01")
	b.wait(30 * time.Minute)
	b.heard("0s hook a1", "0s slack-1 a1", "30s hook a3", "1m0s slack-1 a1 seen1 seen 2 since 0s", "15m0s slack-1 a1 quiet quiet for 15m0s, 2 in all")
	if d := b.delivery("a1", "hook", "quiet"); d.State != outbox.Held || d.Reason != "window: outside of day, held until 14:00:00" {
		t.Errorf("got %s, %s", d.State, d.Reason)
	}
	b.wait(100 * time.Minute)
	b.heard("2h0m0s hook a1 quiet quiet for 15m0s, 2 in all", "2h0m0s hook a3 again4 seen 1 since 0s")
}
