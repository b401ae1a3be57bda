package noise

import (
	"strings"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/outbox"
)

// Whoever looks finds each bundle with its time, at which it is told, and for whatever is not told at once its cause.
func TestBundlesAndCausesAreSeen(t *testing.T) {
	const night = `windows: {day: {days: all, from: "20:00", to: "21:00"}}` // it is noon
	for name, tc := range map[string]struct {
		config string
		rules  []string
		cause  string
		open   digest.Kind // "" for none
		due    time.Duration
	}{
		"dedup":    {`routes: [{to: [hook], dedup: 15m}]`, []string{"1", "1"}, CauseRepeat, "", 0},
		"group":    {`routes: [{to: [hook], group_by: [agent], group_wait: 40s}]`, []string{"1", "2"}, "group", digest.Group, 40 * time.Second},
		"digest":   {`routes: [{to: [hook], digest: 1h}]`, []string{"1", "2"}, "digest", digest.Scheduled, time.Hour},
		"throttle": {`routes: [{to: [hook], throttle: {rate: 1/h, burst: 1}}]`, []string{"1", "2", "3"}, "throttle", digest.Throttle, time.Hour},
		"window":   {night + "\nroutes: [{to: [hook], active: day}]", []string{"1", "2"}, "window", digest.Window, 8 * time.Hour},
		"outside":  {night + "\nroutes: [{to: [hook], active: day, outside: {to: [mail]}}]", []string{"1"}, "window", "", 0},
		"inhibit": {"inhibit: [{name: x, source: {rule: 504}, target: {rule: 1}, for: 15m}]\nroutes: [{to: [hook]}]",
			[]string{"504", "1", "1"}, "inhibit", digest.Inhibit, 15 * time.Minute},
		"resolve": {`routes: [{to: [hook], resolve: {opens: {rule: 504}, closes: {rule: 503}, by: [agent]}}]`, []string{"504", "503"}, CauseResolve, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, tc.config)
			for _, rule := range tc.rules {
				b.alert(rule, 5, "web-01")
			}
			seen := 0
			for _, d := range b.all(outbox.Filter{States: []outbox.State{outbox.Held, outbox.Suppressed}}) {
				if d.Kind != "" {
					continue
				}
				seen++
				if got := Cause(d.Reason); got != tc.cause {
					t.Errorf("%s has the cause %q, want %q: %s", d.Alert.Identity, got, tc.cause, d.Reason)
				}
			}
			if seen == 0 {
				t.Error("everything was told at once")
			}
			open, err := OpenBundles(t.Context(), b.db)
			b.must(err)
			if tc.open == "" {
				if len(open) > 0 {
					t.Errorf("%+v is open", open)
				}
				return
			}
			if len(open) != 1 || open[0].Kind != tc.open || open[0].Due.Sub(start) != tc.due || !strings.HasPrefix(open[0].ID, messagePrefix) {
				t.Fatalf("got %+v, want one of kind %s in %s", open, tc.open, tc.due)
			}
			b.wait(tc.due)
			if left, err := OpenBundles(t.Context(), b.db); len(left) > 0 || err != nil {
				t.Errorf("%+v is open after its time, %v", left, err)
			}
		})
	}
}

// What is inhibited waits for as long as its source is fresh, whatever was thought when it came.
func TestAnInhibitedBundleIsSeenWithItsNewTime(t *testing.T) {
	b := newBench(t, "inhibit: [{name: x, source: {rule: 504}, target: {rule: 1}, for: 15m}]\nroutes: [{to: [hook]}]")
	b.alert("504", 5, "web-01")
	b.alert("1", 5, "web-01")
	b.wait(10 * time.Minute)
	b.alert("504", 5, "web-01")
	open, err := OpenBundles(t.Context(), b.db)
	b.must(err)
	if len(open) != 1 || open[0].Due.Sub(start) != 25*time.Minute {
		t.Errorf("got %+v, want one that is told after 25 minutes", open)
	}
}

func TestWindowsThatNeverOpenAreShut(t *testing.T) {
	for config, want := range map[string]bool{
		`routes: [{to: [hook]}]`: false,
		"windows: {w: {dates: [\"2020-12-24\"]}}\nroutes: [{to: [hook], active: w}]":                              true,
		"windows: {w: {dates: [\"2020-12-24\"]}}\nroutes: [{to: [hook], mute: w}]":                                false,
		"windows: {w: {days: all}}\nroutes: [{to: [hook], mute: w}]":                                              true,
		"windows: {w: {days: all, from: \"03:00\", to: \"04:00\"}}\nroutes: [{to: [hook], active: w}]":            false,
		"windows: {w: {dates: [\"*-12-24\"]}, v: {dates: [\"*-12-25\"]}}\nroutes: [{to: [hook], active: [w, v]}]": false,
	} {
		b := newBench(t, config)
		if got := Shut(b.wants(made{rule: "1", level: 5}.alert())[0].Policy, start); got != want {
			t.Errorf("%s: shut is %v, want %v", config, got, want)
		}
	}
}
