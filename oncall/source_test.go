package oncall

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/notifier"
)

var (
	alice = Person{ID: "PALICE1", Name: "Alice Example", Email: "alice@example.com", Level: 1}
	bob   = Person{ID: "PBOB001", Name: "Bob Example", Email: "bob@example.com", Level: 2}
)

func TestThoseOnCallAreAskedFor(t *testing.T) {
	f, now := newFake(t), time.Now()
	f.onCall(schedule1, bob, now.Add(-time.Hour), now.Add(time.Hour))
	f.onCall(schedule1, Person{alice.ID, alice.Name, alice.Email, 3}, time.Time{}, time.Time{}) // in a second policy
	f.onCall(schedule1, alice, time.Time{}, time.Time{})
	f.onCall("POTHER1", Person{ID: "PCAROL1", Name: "Carol Example"}, time.Time{}, time.Time{})
	a, err := f.serve().onCall(t.Context(), schedule1)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a.people(now), People{alice, bob}); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

func TestEntriesOfOtherSchedulesAreLeftOut(t *testing.T) {
	f := newFake(t)
	f.next(answering(200, `{"oncalls":[{"user":{"id":"PCAROL1","summary":"Carol"},"schedule":{"id":"POTHER1"},"escalation_level":1},
		{"user":{"id":"PDAN001","summary":"Dan"},"schedule":null,"escalation_level":1},
		{"user":{"id":"PALICE1","summary":"Alice"},"schedule":{"id":"PABC123"},"escalation_level":1}],"more":false}`))
	a, err := f.serve().onCall(t.Context(), schedule1)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(a.people(time.Now()).Names(), ", "); got != "Alice" {
		t.Errorf("got %s, want Alice alone: the server did not do as it was asked", got)
	}
}

func TestAllPagesAreRead(t *testing.T) {
	f, now := newFake(t), time.Now()
	for i := range 250 {
		f.onCall(schedule1, Person{ID: fmt.Sprintf("P%03d", i), Name: fmt.Sprintf("N%03d", i)}, time.Time{}, time.Time{})
	}
	a, err := f.serve().onCall(t.Context(), schedule1)
	if err != nil {
		t.Fatal(err)
	}
	if got := a.people(now); len(got) != 250 || got[249].Name != "N249" || f.count() != 3 {
		t.Errorf("got %d people in %d requests, want 250 in 3", len(got), f.count())
	}
}

func TestWhereShiftsAheadAreTooManyThoseOfNowAreAskedFor(t *testing.T) {
	f, now := newFake(t), time.Now()
	for i := range 1500 {
		from := now.Add(time.Duration(i) * 2 * time.Minute)
		f.onCall(schedule1, Person{ID: fmt.Sprintf("P%04d", i)}, from.Add(-time.Minute), from.Add(time.Minute))
	}
	a, err := f.serve().onCall(t.Context(), schedule1)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(a.people(now).Names(), ", "); got != "P0000" {
		t.Errorf("got %q, want the one of now", got)
	}
	if f.count() != maxPages+1 {
		t.Errorf("%d requests, want %d", f.count(), maxPages+1)
	}
}

func TestAServerWithoutAnEndOfPagesIsLeft(t *testing.T) {
	f := newFake(t)
	for range 3 * maxPages {
		f.next(answering(200, `{"oncalls":[],"more":true}`))
	}
	if _, err := f.serve().onCall(t.Context(), schedule1); err == nil || !strings.Contains(err.Error(), "more than 1000 entries") {
		t.Errorf("got %v", err)
	}
	if f.count() != 2*maxPages {
		t.Errorf("%d requests, want %d", f.count(), 2*maxPages)
	}
}

func TestWhoIsOnCallByPagerDutysClockIsSoByOurs(t *testing.T) {
	f := newFake(t)
	ahead := time.Now().Add(10 * time.Minute)
	f.clock = func() time.Time { return ahead }
	f.onCall(schedule1, alice, ahead.Add(-time.Minute), ahead.Add(time.Hour))
	a, err := f.serve().onCall(t.Context(), schedule1)
	if err != nil {
		t.Fatal(err)
	}
	if got := a.people(time.Now()); len(got) != 1 {
		t.Errorf("got %v: by our clock the shift begins in nine minutes, and it has begun", got)
	}
}

// garbage are answers that say nothing of a schedule.
var garbage = map[string]struct {
	answer http.HandlerFunc
	want   string
}{
	"a page for people":     {answering(200, "<html>Please log in</html>", "Content-Type", "text/html"), "status 200, and the answer is not PagerDuty's"},
	"nothing":               {answering(200, ""), "not PagerDuty's"},
	"no content":            {answering(204, ""), "status 204"},
	"an empty object":       {answering(200, "{}"), "it has no oncalls"},
	"null":                  {answering(200, "null"), "it has no oncalls"},
	"oncalls null":          {answering(200, `{"oncalls":null}`), "it has no oncalls"},
	"a list":                {answering(200, "[]"), "not PagerDuty's"},
	"cut off":               {answering(200, `{"oncalls":[{"user":`), "not PagerDuty's"},
	"text for a list":       {answering(200, `{"oncalls":"all"}`), "not PagerDuty's"},
	"text for a level":      {answering(200, `{"oncalls":[{"schedule":{"id":"PABC123"},"escalation_level":"one"}]}`), "not PagerDuty's"},
	"a level below nothing": {answering(200, `{"oncalls":[{"schedule":{"id":"PABC123"},"escalation_level":-1}]}`), "not PagerDuty's"},
	"nobody":                {answering(200, `{"oncalls":[{"user":null,"schedule":{"id":"PABC123"}}]}`), "an entry has no user"},
	"a start that is none":  {answering(200, `{"oncalls":[{"user":{"id":"P1"},"schedule":{"id":"PABC123"},"start":"soon"}]}`), `start: "soon" is no time`},
	"an end that is none":   {answering(200, `{"oncalls":[{"user":{"id":"P1"},"schedule":{"id":"PABC123"},"end":"32.13."}]}`), `end: "32.13." is no time`},
	"too long":              {answering(200, `{"oncalls":[`+strings.Repeat(" ", maxBody)+`]}`), "more than 2097152 bytes"},
	"without an end":        {endless, "more than 2097152 bytes"},
	"a redirect":            {answering(302, "", "Location", "https://example.com/login"), "the server redirects"},
}

// endless sends JSON until the client goes.
func endless(w http.ResponseWriter, _ *http.Request) {
	_, err := fmt.Fprint(w, `{"oncalls":[`)
	for err == nil {
		_, err = fmt.Fprint(w, strings.Repeat(`{"user":{"id":"P1"}},`, 1000))
	}
}

func TestAnswersThatAreNoneAreFailures(t *testing.T) {
	for name, g := range garbage {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.next(g.answer)
			a, err := f.serve().onCall(t.Context(), schedule1)
			if err == nil || !strings.Contains(err.Error(), g.want) || strings.ContainsAny(err.Error(), "\n") || strings.Contains(err.Error(), "log in") {
				t.Errorf("got %v, %v, want an error with %q on one line", a, err, g.want)
			}
		})
	}
}

func TestFailuresSayWhatPagerDutySaysAndWhatToDo(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		reason notifier.Reason
		code   string
		wait   time.Duration
		want   string
	}{
		{"token", answering(401, `{"error":{"message":"Authentication failed","code":2006}}`), notifier.Misconfigured, "2006", 0,
			"ask PagerDuty who is on call by schedule PABC123: status 401: Authentication failed (token is not accepted: make a read-only API key under Integrations, API Access Keys; an integration key is none. An account in the EU needs region: eu)"},
		{"forbidden", answering(403, `{"error":{"message":"Access Denied","code":2010}}`), notifier.Misconfigured, "2010", 0, "the token may not see this"},
		{"arguments", answering(400, `{"error":{"message":"Invalid Input Provided","code":2001,"errors":["Schedule not found","and more"]}}`), notifier.Permanent, "2001", 0,
			"status 400: Invalid Input Provided: Schedule not found: and more"},
		{"errors as text (go-pagerduty#339)", answering(400, `{"error":{"message":"Bad","code":2001,"errors":"all of it"}}`), notifier.Permanent, "2001", 0, "status 400: Bad: all of it"},
		{"429", answering(429, `{"error":{"message":"Rate Limit Exceeded","code":2020}}`, "ratelimit-limit", "960", "ratelimit-remaining", "0", "ratelimit-reset", "20"), notifier.Temporary, "2020", 20 * time.Second, "status 429: Rate Limit Exceeded"},
		{"429 without headers", answering(429, ``), notifier.Temporary, "", 0, "status 429"},
		{"429 with garbage", answering(429, ``, "ratelimit-reset", "-7"), notifier.Temporary, "", 0, "status 429"},
		{"429 for ever", answering(429, ``, "ratelimit-reset", "4000000000"), notifier.Temporary, "", notifier.MaxRetryAfter, "status 429"},
		{"429 of a proxy", answering(429, ``, "Retry-After", "7"), notifier.Temporary, "", 7 * time.Second, "status 429"},
		{"500 with a page", answering(500, `<html>`, "Content-Type", "text/html"), notifier.Temporary, "", 0, "status 500"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			f.next(c.answer)
			_, err := f.serve().onCall(t.Context(), schedule1)
			if err == nil {
				t.Fatal("no error")
			}
			e := notifier.Classify(err)
			if e.Reason != c.reason || e.Code != c.code || e.RetryAfter != c.wait || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %s, code %q, wait %s: %s", e.Reason, e.Code, e.RetryAfter, err)
			}
		})
	}
}

func TestAScheduleIsChecked(t *testing.T) {
	policy := []any{map[string]any{"id": "PPOLICY"}}
	for _, c := range []struct {
		name, want string
		prepare    func(*fakePagerDuty)
		people     int
	}{
		{"somebody", "", func(f *fakePagerDuty) { f.onCall(schedule1, alice, time.Time{}, time.Time{}) }, 1},
		{"somebody later", "", func(f *fakePagerDuty) { f.onCall(schedule1, alice, time.Now().Add(time.Hour), time.Time{}) }, 0},
		{"nobody", "", func(f *fakePagerDuty) {
			f.schedules[schedule1] = map[string]any{"id": schedule1, "escalation_policies": policy}
		}, 0},
		{"no such schedule", "status 404: Not Found (look at pagerduty_schedule and region", func(*fakePagerDuty) {}, 0},
		{"in no policy", "schedule PABC123 is in no escalation policy, so PagerDuty has nobody on call by it (put it into", func(f *fakePagerDuty) {
			f.schedules[schedule1] = map[string]any{"id": schedule1, "escalation_policies": []any{}}
		}, 0},
		{"nobody, one with shifts", "", func(f *fakePagerDuty) {
			f.next(answering(200, `{"oncalls":[]}`), answering(400, `{"error":{"message":"use v3"}}`))
		}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			c.prepare(f)
			people, err := f.serve().Check(t.Context(), schedule1)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if len(people) != c.people {
				t.Errorf("got %v", people)
			}
		})
	}
}

// TestTheTokenIsInNoError has every answer repeat the token, in what is an error and in what is not.
func TestTheTokenIsInNoError(t *testing.T) {
	const token = `t0ken"<&/+é%` + testToken
	answers := map[string]http.HandlerFunc{}
	for _, status := range []int{200, 204, 302, 400, 401, 403, 404, 429, 500} {
		echo := fmt.Sprintf("%q", "no: "+token)
		for _, body := range []string{
			`{"error":{"message":` + echo + `,"code":1,"errors":[` + echo + `]}}`, `{"oncalls":` + echo + `}`, echo, token,
			`{"oncalls":[{"user":{"id":"P1"},"schedule":{"id":"PABC123"},"start":` + echo + `}]}`,
		} {
			answers[fmt.Sprint(status, " ", body)] = answering(status, body, "Retry-After", "x"+testToken, "Location", "https://example.com/"+testToken)
		}
	}
	for name, answer := range answers {
		f := newFake(new(testing.T)) // the header is another
		f.next(answer, answer)
		s := f.serve()
		s.Token = notifier.PlainSecret(token)
		_, err := s.onCall(t.Context(), schedule1)
		if err == nil {
			t.Errorf("%s: no error", name)
		} else if strings.Contains(err.Error(), testToken) {
			t.Errorf("%s: %s", name, err)
		}
	}
	f := newFake(t)
	f.next(answering(200, `{"oncalls":[{"user":{"id":"P1","name":"`+testToken+`","email":"`+testToken+`@example.com"},"schedule":{"id":"PABC123"}}]}`))
	a, err := f.serve().onCall(t.Context(), schedule1)
	if err != nil || strings.Contains(fmt.Sprint(a), testToken) {
		t.Errorf("got %v, %v: it would be kept, and shown", a, err)
	}
	if s := f.serve(); strings.Contains(fmt.Sprintf("%+v %v %#v", s, *s, *s), testToken) {
		t.Error("a Source prints its token")
	}
}

func TestATokenThatNoHeaderTakesIsNotSent(t *testing.T) {
	f := newFake(t)
	s := f.serve()
	s.Token = notifier.PlainSecret(testToken + "\nX: y")
	if _, err := s.onCall(t.Context(), schedule1); err == nil || strings.Contains(err.Error(), testToken) || !strings.Contains(err.Error(), "the setting token holds a line end") {
		t.Errorf("got %v", err)
	}
	if f.count() != 0 {
		t.Error("it was sent")
	}
}
