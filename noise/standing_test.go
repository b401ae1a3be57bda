package noise

import (
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/window"
)

// The standing of a silence is what noise control makes of it.
func TestSilenceStands(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := func(text string) time.Time {
		t.Helper()
		out, err := window.ParseMoment(text, zone, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	now := at("2026-11-28 03:00") // a Saturday
	const every = "sat 02:00-06:00 Europe/Berlin"
	for name, tc := range map[string]struct {
		s    outbox.Silence
		want Standing
	}{
		"holds":                  {outbox.Silence{Starts: now.Add(-time.Hour), Ends: now.Add(time.Hour)}, Standing{Word: "holds", End: now.Add(time.Hour)}},
		"holds until ended":      {outbox.Silence{Starts: now.Add(-time.Hour)}, Standing{Word: "holds"}},
		"begins now":             {outbox.Silence{Starts: now, Ends: now.Add(time.Hour)}, Standing{Word: "holds", End: now.Add(time.Hour)}},
		"waits":                  {outbox.Silence{Starts: now.Add(time.Hour), Ends: now.Add(2 * time.Hour)}, Standing{Word: "waits", Next: now.Add(time.Hour)}},
		"ends now":               {outbox.Silence{Starts: now.Add(-time.Hour), Ends: now}, Standing{Word: "over"}},
		"in its time":            {outbox.Silence{Starts: now.Add(-time.Hour), Every: every}, Standing{Word: "holds", End: at("2026-11-28 06:00")}},
		"ends in its time":       {outbox.Silence{Starts: now.Add(-time.Hour), Every: every, Ends: now.Add(time.Minute)}, Standing{Word: "holds", End: now.Add(time.Minute)}},
		"between its times":      {outbox.Silence{Starts: now.Add(-time.Hour), Every: "sun 02:00-06:00 Europe/Berlin"}, Standing{Word: "waits", Next: at("2026-11-29 02:00")}},
		"begins in its time":     {outbox.Silence{Starts: now.Add(time.Hour), Every: every}, Standing{Word: "waits", Next: now.Add(time.Hour)}},
		"no time is left":        {outbox.Silence{Starts: now, Every: "sun 02:00-06:00 Europe/Berlin", Ends: now.Add(time.Hour)}, Standing{Word: "over"}},
		"of a newer version":     {outbox.Silence{Starts: now, Match: "{weather: rain}"}, Standing{Word: "broken"}},
		"times of a newer one":   {outbox.Silence{Starts: now, Every: "full moon"}, Standing{Word: "broken"}},
		"every day, all of them": {outbox.Silence{Starts: now, Every: "daily"}, Standing{Word: "holds"}},
	} {
		if tc.s.Match == "" {
			tc.s.Match = "{rule: 5710}"
		}
		got := StandingOf(tc.s, alert.DefaultScale, zone, now)
		if got.Word != tc.want.Word || !got.End.Equal(tc.want.End) || !got.Next.Equal(tc.want.Next) {
			t.Errorf("%s: got %+v, want %+v", name, got, tc.want)
		}
	}
}
