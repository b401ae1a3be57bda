package oncall

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/PagerDuty/go-pagerduty"
	"github.com/google/go-cmp/cmp"
)

func TestWhatBecameOfAnIncident(t *testing.T) {
	at := time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC) // when it was triggered
	text := func(d time.Duration) string { return at.Add(d).Format(time.RFC3339) }
	const link = "https://example.pagerduty.com/incidents/"
	ack := func(kind, name string, after time.Duration) map[string]any {
		return map[string]any{"at": text(after), "acknowledger": agent(kind, name)}
	}
	for _, c := range []struct {
		name    string
		prepare func(*fakePagerDuty)
		want    Incident
	}{
		{"none yet", func(f *fakePagerDuty) { f.incident("POTHER", []string{"k2"}, nil) }, Incident{Key: "k"}},
		{"nobody has taken it", func(f *fakePagerDuty) { f.incident("P1", []string{"a", "k"}, nil) }, Incident{Key: "k", Status: Triggered, ID: "P1", URL: link + "P1"}},
		{"of a service without alerts", func(f *fakePagerDuty) { f.incident("P1", nil, map[string]any{"incident_key": "k"}) }, Incident{Key: "k", Status: Triggered, ID: "P1", URL: link + "P1"}},
		{"taken, by the first", func(f *fakePagerDuty) {
			f.incident("P1", []string{"k"}, map[string]any{"status": "acknowledged", "last_status_change_by": agent("user_reference", "Bob"), "last_status_change_at": text(20 * time.Minute),
				"acknowledgements": []any{ack("user_reference", "Bob", 20*time.Minute), ack("user_reference", "Alice", 4*time.Minute), ack("user_reference", "Carol", 30*time.Minute)}})
		}, Incident{Key: "k", Status: Acknowledged, ID: "P1", URL: link + "P1", By: "Alice", Person: true, At: at.Add(4 * time.Minute)}},
		{"taken by an event", func(f *fakePagerDuty) {
			f.incident("P1", []string{"k"}, map[string]any{"status": "acknowledged", "acknowledgements": []any{ack("service_reference", "Servers", time.Minute)}})
		}, Incident{Key: "k", Status: Acknowledged, ID: "P1", URL: link + "P1", By: "Servers", At: at.Add(time.Minute)}},
		{"taken, without the list", func(f *fakePagerDuty) {
			f.incident("P1", []string{"k"}, map[string]any{"status": "acknowledged", "last_status_change_by": agent("user", "Bob"), "last_status_change_at": text(time.Minute)})
		}, Incident{Key: "k", Status: Acknowledged, ID: "P1", URL: link + "P1", By: "Bob", Person: true, At: at.Add(time.Minute)}},
		{"over", func(f *fakePagerDuty) {
			f.incident("P1", []string{"k"}, map[string]any{"status": "resolved", "resolved_at": text(time.Hour), "last_status_change_by": agent("user_reference", "Alice")})
		}, Incident{Key: "k", Status: Resolved, ID: "P1", URL: link + "P1", By: "Alice", Person: true, At: at.Add(time.Hour)}},
		{"over in the second of the event", func(f *fakePagerDuty) {
			f.incident("P1", []string{"k"}, map[string]any{"status": "resolved", "resolved_at": text(0)})
		}, Incident{Key: "k", Status: Resolved, ID: "P1", URL: link + "P1", By: "Servers", At: at}},
		{"over before: that was another", func(f *fakePagerDuty) {
			f.incident("P1", []string{"k"}, map[string]any{"status": "resolved", "resolved_at": text(-time.Second)})
		}, Incident{Key: "k"}},
		{"over, and nobody says when", func(f *fakePagerDuty) {
			f.incident("P1", []string{"k"}, map[string]any{"status": "resolved"})
		}, Incident{Key: "k"}},
		{"the one that is open counts", func(f *fakePagerDuty) {
			f.incident("P1", []string{"k"}, map[string]any{"status": "acknowledged", "acknowledgements": []any{ack("user_reference", "Alice", -time.Hour)}})
			f.incident("P2", []string{"k"}, map[string]any{"status": "resolved", "resolved_at": text(time.Minute)})
		}, Incident{Key: "k", Status: Acknowledged, ID: "P1", URL: link + "P1", By: "Alice", Person: true, At: at.Add(-time.Hour)}},
		{"merged into one that is taken", func(f *fakePagerDuty) {
			f.incident("P2", []string{"other"}, map[string]any{"status": "acknowledged", "acknowledgements": []any{ack("user_reference", "Alice", time.Minute)}})
			f.incident("P1", []string{"k"}, map[string]any{"status": "resolved", "resolved_at": text(time.Minute), "resolve_reason": map[string]any{"type": "merge_resolve_reason", "incident": map[string]any{"id": "P2"}}})
		}, Incident{Key: "k", Status: Acknowledged, ID: "P2", URL: link + "P2", By: "Alice", Person: true, At: at.Add(time.Minute)}},
		{"merged into what is no id", func(f *fakePagerDuty) {
			f.incident("P1", []string{"k"}, map[string]any{"status": "resolved", "resolved_at": text(time.Minute), "resolve_reason": map[string]any{"type": "merge_resolve_reason", "incident": map[string]any{"id": "../users"}}})
		}, Incident{Key: "k", Status: Resolved, ID: "P1", URL: link + "P1", By: "Servers", At: at.Add(time.Minute)}},
		{"a state of another time", func(f *fakePagerDuty) {
			f.incident("P1", []string{"k"}, map[string]any{"status": "snoozed", "resolved_at": text(time.Minute), "html_url": "javascript:alert(1)"})
		}, Incident{Key: "k", ID: "P1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			c.prepare(f)
			got, err := f.serve().Incident(t.Context(), "k", at)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, c.want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
		})
	}
}

// A key holds what an alert says. It must come to PagerDuty as it is.
func TestAnyKeyIsAskedForAsItIs(t *testing.T) {
	for _, key := range []string{"mgr/1795440017.1", "a b&incident_key=x#?%2F+é\n<>", strings.Repeat("k", 255)} {
		f := newFake(t)
		f.incident("P1", []string{key}, nil)
		if got, err := f.serve().Incident(t.Context(), key, time.Now()); err != nil || got.Status != Triggered {
			t.Errorf("%q: got %v, %v", key, got, err)
		}
	}
}

func TestAClockThatIsWrongEndsNoIncidentTooEarly(t *testing.T) {
	for name, wrong := range map[string]time.Duration{"ours is right": 0, "ours is behind": time.Hour, "ours is ahead": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			theirs := func() time.Time { return time.Now().Add(wrong) }
			f.clock = theirs
			f.incident("P1", []string{"k"}, map[string]any{"status": "resolved", "resolved_at": theirs().Add(-10 * time.Minute).UTC().Format(time.RFC3339)})
			for ago, want := range map[time.Duration]Status{5 * time.Minute: None, 15 * time.Minute: Resolved} {
				got, err := f.serve().Incident(t.Context(), "k", time.Now().Add(-ago))
				if err != nil || got.Status != want {
					t.Errorf("triggered %s ago, resolved 10 min ago: got %q, %v, want %q", ago, got.Status, err, want)
				}
			}
		})
	}
}

// A Date tells whole seconds, and an answer takes its time: neither makes a clock wrong that is right.
func TestAnAnswerTellsTheClockAsFarAsItCan(t *testing.T) {
	date := time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC)
	header := http.Header{"Date": {date.Format(http.TimeFormat)}}
	const ms = time.Millisecond
	for _, c := range []struct {
		asked, answered, want time.Duration // after the date
	}{
		{0, 0, 0},
		{990 * ms, 1010 * ms, 0},        // a second began meanwhile
		{-500 * ms, 4 * time.Second, 0}, // it took its time
		{1010 * ms, 1020 * ms, 10 * ms}, // no answer of a clock like ours
		{-20 * ms, -10 * ms, -10 * ms},
		{time.Hour, time.Hour + 20*ms, time.Hour - time.Second},
		{-time.Hour, 20*ms - time.Hour, 20*ms - time.Hour},
	} {
		if got := aheadBy(header, date.Add(c.asked), date.Add(c.answered)); got != c.want {
			t.Errorf("asked %s and answered %s after the date: %s ahead, want %s", c.asked, c.answered, got, c.want)
		}
	}
	if got := aheadBy(http.Header{}, date, date); got != 0 {
		t.Errorf("without a date: %s", got)
	}
}

// PagerDuty tells the second of an end, and a clock that is a part of a second wrong makes that no earlier one.
func TestAnEndInTheSecondOfThePageIsItsEnd(t *testing.T) {
	second := time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC)
	ended := pagerduty.Incident{ResolvedAt: second.Format(time.RFC3339)}
	const ms = time.Millisecond
	for _, c := range []struct {
		at, ahead time.Duration // the page, after the beginning of that second
		want      bool
	}{
		{0, 0, true}, {999 * ms, 0, true}, {time.Second, 0, false}, {-time.Hour, 0, true},
		{100 * ms, -300 * ms, true}, {699 * ms, -300 * ms, true}, {700 * ms, -300 * ms, false},
		{1200 * ms, 300 * ms, true}, {1300 * ms, 300 * ms, false},
	} {
		if got := endedSince(ended, second.Add(c.at), c.ahead); got != c.want {
			t.Errorf("paged %s after the second began, by a clock that is %s ahead: %v, want %v", c.at, c.ahead, got, c.want)
		}
	}
}

func TestIncidentsThatCannotBeReadAreFailures(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"an empty object": answering(200, `{}`), "a page": answering(200, `<html>`), "null": answering(200, `{"incidents":null}`),
		"refused": answering(401, `{"error":{"message":"no"}}`), "too long": answering(200, `{"incidents":[`+strings.Repeat(" ", maxBody)+`]}`),
	} {
		f := newFake(t)
		f.next(answer)
		if got, err := f.serve().Incident(t.Context(), "k", time.Now()); err == nil {
			t.Errorf("%s: got %v, want an error: nobody has taken anything", name, got)
		}
	}
}
