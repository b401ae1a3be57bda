package sandbox

import (
	"testing"
	"time"

	"github.com/PagerDuty/go-pagerduty"
	"github.com/google/go-cmp/cmp"
)

func restClient(s *Server, token string) *pagerduty.Client {
	return pagerduty.NewClient(token, pagerduty.WithAPIEndpoint(s.PagerDutyURL()))
}

func TestPagerDutyTellsWhoIsOnCall(t *testing.T) {
	s := start(t, Options{OnCall: []Duty{
		{Schedule: "PABC123", Name: "NAME 1", Email: "one@example.com"},
		{Schedule: "PABC123", Level: 2, Name: "NAME 2", Email: "two@example.com"},
		{Schedule: "POTHER1", Name: "NAME 3", Email: "three@example.com"},
	}})
	list := func(o pagerduty.ListOnCallOptions) (who []string, more bool) {
		t.Helper()
		got, err := restClient(s, FakePagerDutyToken).ListOnCallsWithContext(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range got.OnCalls {
			who = append(who, o.User.Summary+" "+o.User.Email+" "+o.Schedule.ID+" "+string(rune('0'+o.EscalationLevel)))
		}
		return who, got.More
	}
	who, more := list(pagerduty.ListOnCallOptions{ScheduleIDs: []string{"PABC123"}, Includes: []string{"users"}, Earliest: true})
	if diff := cmp.Diff([]string{"NAME 1 one@example.com PABC123 1", "NAME 2 two@example.com PABC123 2"}, who); diff != "" || more {
		t.Errorf("of one schedule (-want +got):\n%s, more %v", diff, more)
	}
	who, more = list(pagerduty.ListOnCallOptions{Limit: 1, Offset: 1})
	if diff := cmp.Diff([]string{"NAME 2  PABC123 2"}, who); diff != "" || !more {
		t.Errorf("the second page, without users (-want +got):\n%s, more %v", diff, more)
	}
	s.SetOnCall(Duty{Schedule: "PABC123", Name: "NAME 4"})
	if who, _ := list(pagerduty.ListOnCallOptions{}); len(who) != 1 || who[0] != "NAME 4  PABC123 1" {
		t.Errorf("after the shift: got %q", who)
	}
	if last(t, s).Accepted || last(t, s).Service != PagerDutyREST || last(t, s).Problems != nil {
		t.Errorf("a question: got %+v", last(t, s))
	}
}

func TestPagerDutyTellsWhereAnIncidentStands(t *testing.T) {
	clock := newClock()
	s := start(t, Options{Now: clock.Now})
	const key = "-/db-02/5712/198.51.100.7"
	list := func(o pagerduty.ListIncidentsOptions) []pagerduty.Incident {
		t.Helper()
		got, err := restClient(s, FakePagerDutyToken).ListIncidentsWithContext(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		return got.Incidents
	}
	if s.Acknowledge(key, "NAME 1") {
		t.Error("an incident that is not open was acknowledged")
	}
	do(t, "POST", s.PagerDutyURL()+"/v2/enqueue", asJSON, trigger())
	do(t, "POST", s.PagerDutyURL()+"/v2/enqueue", asJSON, trigger(`dedup_key="another"`))
	clock.advance(time.Minute)
	if !s.Acknowledge(key, "NAME 1") {
		t.Fatal("the incident is not open")
	}
	got := list(pagerduty.ListIncidentsOptions{IncidentKey: key})
	if len(got) != 1 || got[0].Status != "acknowledged" || got[0].IncidentKey != key || len(got[0].Acknowledgements) != 1 ||
		got[0].Acknowledgements[0].Acknowledger.Summary != "NAME 1" || got[0].Acknowledgements[0].At != clock.Now().UTC().Format(time.RFC3339) {
		t.Errorf("got %+v, want that NAME 1 has acknowledged it", got)
	}
	if got := list(pagerduty.ListIncidentsOptions{Statuses: []string{"triggered"}}); len(got) != 1 || got[0].IncidentKey != "another" || len(got[0].Acknowledgements) != 0 {
		t.Errorf("triggered: got %+v", got)
	}
	if got := list(pagerduty.ListIncidentsOptions{}); len(got) != 2 || got[0].IncidentKey != "another" {
		t.Errorf("all: got %+v, want the newest first", got)
	}
	if !s.Resolve(key, "NAME 1") || s.Resolve(key, "NAME 1") {
		t.Error("an incident is resolved once")
	}
	if got := list(pagerduty.ListIncidentsOptions{IncidentKey: key}); len(got) != 1 || got[0].Status != "resolved" {
		t.Errorf("got %+v, want that it is over", got)
	}
}

func TestPagerDutyRESTRefuses(t *testing.T) {
	s := start(t, Options{})
	for name, c := range map[string]struct {
		method, path, token string
		want                int
	}{
		"token":     {"GET", "/oncalls", "Token token=wrong", 401},
		"scheme":    {"GET", "/oncalls", "Bearer " + FakePagerDutyToken, 401},
		"none":      {"GET", "/incidents", "", 401},
		"method":    {"POST", "/incidents", "Token token=" + FakePagerDutyToken, 405},
		"limit":     {"GET", "/oncalls?limit=101", "Token token=" + FakePagerDutyToken, 400},
		"offset":    {"GET", "/oncalls?offset=-1", "Token token=" + FakePagerDutyToken, 400},
		"parameter": {"GET", "/oncalls?schedule_ids=PABC123", "Token token=" + FakePagerDutyToken, 400},
		"time":      {"GET", "/incidents?since=yesterday", "Token token=" + FakePagerDutyToken, 400},
		"path":      {"GET", "/users", "Token token=" + FakePagerDutyToken, 404},
	} {
		a := do(t, c.method, s.PagerDutyURL()+c.path, header{"Authorization": c.token}, "")
		if a.Status != c.want || len(last(t, s).Problems) == 0 {
			t.Errorf("%s: got %v, problems %q, want %d", name, a, last(t, s).Problems, c.want)
		}
	}
}
