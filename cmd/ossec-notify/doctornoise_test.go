package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/noise"
	"github.com/ossec-notify/ossec-notify/outbox"
)

func TestDoctorTellsOfSilencesThatMayHideTooMuch(t *testing.T) {
	now := time.Now()
	fine := outbox.Silence{ID: "S-FINE1", Match: "{rule: 1}", Starts: now, Ends: now.Add(time.Hour), Silenced: 1000}
	weekly := outbox.Silence{ID: "S-WEEK1", Match: "{rule: 1}", Starts: now, Every: "daily"}
	tell := func(all ...outbox.Silence) string {
		got, _ := examine(func(x *examination) { x.silences(all, alert.DefaultScale, time.UTC, now) })
		return got
	}
	for want, all := range map[string][]outbox.Silence{
		"": nil,
		"ok       silences     1 silence holds\n": {fine},
		"ok       silences     2 silences hold\n": {fine, weekly},
	} {
		if got := tell(all...); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	endless, many, newer := fine, weekly, fine
	endless.ID, endless.Ends, endless.By, endless.Reason = "S-EVER1", time.Time{}, "NAME", "kernel \x1b[2Jupdate"
	many.ID, many.Silenced = "S-MANY1", 4112
	newer.ID, newer.Match = "S-NEWER", "{weather: rain}"
	long, wide := fine, fine
	long.ID, long.Ends = "S-LONG1", now.Add(45*24*time.Hour)
	wide.ID, wide.Match = "S-WIDE1", `{severity: ">=info"}`
	want := `warning  silences     S-EVER1 of NAME (kernel \x1b[2Jupdate) has no end. To do: see whether that is meant (ossec-notify silence list), else: ossec-notify silence expire S-EVER1
warning  silences     S-MANY1 of  () has silenced 4,112 alerts so far. To do: see whether that is meant (ossec-notify silence list), else: ossec-notify silence expire S-MANY1
warning  silences     S-NEWER of  () cannot be read by this version, so it silences nothing. To do: see whether that is meant (ossec-notify silence list), else: ossec-notify silence expire S-NEWER
warning  silences     S-LONG1 of  () holds for 45 days. To do: see whether that is meant (ossec-notify silence list), else: ossec-notify silence expire S-LONG1
warning  silences     S-WIDE1 of  () matches nearly every alert, so the one that matters, too. To do: see whether that is meant (ossec-notify silence list), else: ossec-notify silence expire S-WIDE1
`
	if diff := cmp.Diff(want, tell(fine, endless, many, newer, long, wide)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDoctorTellsOfDigestsThatAreStuckAndOfStorms(t *testing.T) {
	now := time.Now()
	since := time.Date(2026, 11, 23, 13, 20, 17, 0, time.Local)
	got, _ := examine(func(x *examination) {
		x.bundles([]noise.Open{
			{ID: "d-1", Kind: digest.Scheduled, Route: "shop", Due: now.Add(-61 * time.Minute)},
			{ID: "d-2", Kind: digest.Window, Route: "shop", Due: now.Add(-59 * time.Minute)},
			{ID: "d-3", Kind: digest.Silence},
		}, now)
		x.braked([]noise.Braked{{Receiver: "soc", Since: since, Level: int(alert.Low), Digests: 2, Alerts: 400}})
	})
	want := `warning  digests      a digest of route shop was to be told 1 h 1 min ago, and is not (d-1): ossec-notify outbox list --states held shows what is in it. To do: ossec-notify serve tells it now (systemctl enable --now ossec-notify); without it, it waits for the next alert
warning  storm        receiver soc is braked since 2026-11-23 13:20:17: alerts up to LOW come as digests (400 alerts in 2 digests so far). To do: nothing, it ends by itself; to have fewer messages: docs/noise.md
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDoctorTellsOfRoutesThatHaveNoTimeLeft(t *testing.T) {
	in := newInstallation(t, `receivers: {soc: {slack: {webhook_url: SLACK_URL}}, mail: {webhook: {url: WEBHOOK_URL}}}
windows: {past: {dates: ["2020-12-24"]}, all: {days: all}, night: {days: all, from: "22:00", to: "06:00"}}
routes:
  - {name: gone, match: {rule: 1}, to: [soc], active: past}
  - {name: night, match: {rule: 2}, to: [soc], active: night}
  - name: team
    match: {rule: 3}
    to: [soc]
    mute: all
    outside: {to: [mail]}
    routes: [{match: {level: 3}, mute: none}, {match: {level: 2}}]
`)
	cfg, problems, err := loadConfig(configPath("", in.home), in.home)
	if err != nil || cfg == nil {
		t.Fatal(problems, err)
	}
	got, _ := examine(func(x *examination) { x.cfg = cfg; x.windows() })
	want := `warning  windows      route gone has no time left in which it may tell: what comes to it is held, and never told. To do: mend active, mute or the dates of its windows
warning  windows      route team has no time left in which it may tell: others are told for good: mail. To do: mend active, mute or the dates of its windows
warning  windows      route team/routes[1] has no time left in which it may tell: others are told for good: mail. To do: mend active, mute or the dates of its windows
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What is held is no reason to say that nothing waits.
func TestDoctorCountsWhatIsHeld(t *testing.T) {
	got, _ := examine(func(x *examination) {
		x.nothingWaits([]outbox.Queue{{Receiver: "soc", Counts: map[outbox.State]int{outbox.Held: 5, outbox.Delivered: 2}}})
	})
	if want := "ok       outbox       nothing waits but what is held for its time (5), and nothing was given up\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
