package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// trigger is a whole event as the channel sends it, with changes: "payload.summary=null" sets, a bare
// "dedup_key" deletes.
func trigger(changes ...string) string {
	m, err := parseObject([]byte(`{"routing_key":"` + FakeRoutingKey + `","event_action":"trigger","dedup_key":"-/db-02/5712/198.51.100.7",
	"client":"ossec-notify","client_url":"https://wazuh.example.com/alert/1.2","links":[{"href":"https://wazuh.example.com/alert/1.2","text":"Open alert"}],
	"payload":{"summary":"SSH brute force from 198.51.100.7 on db-02 (medium, rule 5712)","source":"db-02","severity":"warning","timestamp":"2026-11-23T13:28:22.452-08:00",
	"component":"sshd","group":"manager","class":"authentication failure","custom_details":{"from":"198.51.100.7","level":"10","log":"line 1\nline 2"}}}`))
	if err != nil {
		panic(err)
	}
	return change(m, changes)
}

// change sets and deletes keys of an object by their paths and prints it.
func change(m map[string]any, changes []string) string {
	for _, c := range changes {
		if c == "" {
			continue
		}
		path, value, set := strings.Cut(c, "=")
		at, key := m, path
		for {
			first, rest, nested := strings.Cut(key, ".")
			if !nested {
				break
			}
			at, key = at[first].(map[string]any), rest
		}
		if !set {
			delete(at, key)
			continue
		}
		v, err := parseJSON([]byte(value))
		if err != nil {
			panic(fmt.Sprintf("%s: %v", c, err))
		}
		at[key] = v
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestPagerDutyRefusesInItsOwnWords(t *testing.T) {
	s := start(t, Options{})
	long := func(n int) string { return `"` + strings.Repeat("ü", n) + `"` }
	for name, c := range map[string]struct {
		body string
		want string // the errors, joined
	}{
		"no routing key":            {trigger("routing_key"), "'routing_key' is missing or blank"},
		"short routing key":         {trigger(`routing_key="abc-"`), "Length of 'routing_key' is incorrect (should be 32 characters)|'routing_key' cannot contain non-alphanumeric characters."},
		"unknown routing key":       {trigger(`routing_key="ffffffffffffffffffffffffffffffff"`), "Invalid routing key"},
		"no action":                 {trigger("event_action"), "'event_action' is missing or blank"},
		"unknown action":            {trigger(`event_action="open"`), "'event_action' must be one of: trigger, acknowledge, resolve"},
		"no payload":                {trigger("payload"), "'payload' is missing or blank"},
		"payload is text":           {trigger(`payload="x"`), "'payload' is missing or blank"},
		"blank summary":             {trigger(`payload.summary=" "`), "'payload.summary' is missing or blank"},
		"long summary":              {trigger("payload.summary=" + long(1025)), "'payload.summary' is too long (maximum is 1024 characters)"},
		"no source":                 {trigger("payload.source"), "'payload.source' is missing or blank"},
		"source is a number":        {trigger("payload.source=1"), "'payload.source' must be a string"},
		"no severity":               {trigger("payload.severity"), "'payload.severity' is missing or blank"},
		"our severity":              {trigger(`payload.severity="high"`), "'payload.severity' must be one of: critical, error, warning, info"},
		"time":                      {trigger(`payload.timestamp="yesterday"`), "'payload.timestamp' is not an ISO 8601 time"},
		"class is a list":           {trigger("payload.class=[]"), "'payload.class' must be a string"},
		"details are text":          {trigger(`payload.custom_details="x"`), "'payload.custom_details' must be an object"},
		"long dedup key":            {trigger("dedup_key=" + long(256)), "'dedup_key' is too long (maximum is 255 characters)"},
		"resolve without dedup key": {trigger(`event_action="resolve"`, "dedup_key"), "'dedup_key' is missing or blank"},
		"link without href":         {trigger(`links=[{"text":"x"}]`), "'links[0].href' is missing or blank"},
		"links are an object":       {trigger(`links={}`), "'links' must be an array"},
		"image without src":         {trigger(`images=[{}]`), "'images[0].src' is missing or blank"},
		"image over http":           {trigger(`images=[{"src":"http://example.com/i.png"}]`), "'images[0].src' must be served over HTTPS"},
		"several at once":           {trigger("payload.source", "payload.severity"), "'payload.source' is missing or blank|'payload.severity' is missing or blank"},
	} {
		t.Run(name, func(t *testing.T) {
			a := do(t, "POST", s.PagerDutyURL()+"/v2/enqueue", asJSON, c.body)
			want, err := json.Marshal(map[string]any{"status": "invalid event", "message": "Event object is invalid", "errors": strings.Split(c.want, "|")})
			if err != nil {
				t.Fatal(err)
			}
			if a.Status != http.StatusBadRequest || a.Body != string(want) {
				t.Errorf("got %d %s\nwant 400 %s", a.Status, a.Body, want)
			}
			if m := last(t, s); m.Accepted || len(m.Problems) == 0 {
				t.Errorf("accepted %v, problems %q", m.Accepted, m.Problems)
			}
		})
	}
	if got := s.Incidents(); len(got) != 0 {
		t.Errorf("refused events opened %v", got)
	}
}

func TestPagerDutyRefusesWhatIsNoEvent(t *testing.T) {
	s := start(t, Options{})
	url := s.PagerDutyURL() + "/v2/enqueue"
	for name, c := range map[string]struct {
		method, url string
		h           header
		body        string
		want        int
	}{
		"method":    {"GET", url, nil, "", 405},
		"path":      {"POST", url + "/", asJSON, trigger(), 404},
		"not JSON":  {"POST", url, asJSON, "{", 400},
		"array":     {"POST", url, asJSON, "[]", 400},
		"two":       {"POST", url, asJSON, trigger() + trigger(), 400},
		"gzip":      {"POST", url, asJSON.also(header{"Content-Encoding": "gzip"}), zipped(trigger()), 400},
		"too large": {"POST", url, asJSON, trigger(`payload.custom_details.log="` + strings.Repeat("x", pagerBody) + `"`), 413},
	} {
		t.Run(name, func(t *testing.T) {
			if a := do(t, c.method, c.url, c.h, c.body); a.Status != c.want {
				t.Errorf("got %v, want %d", a, c.want)
			}
		})
	}
}

func TestPagerDutyTakesTheLongestThatItAllows(t *testing.T) {
	s := start(t, Options{})
	body := trigger(`payload.summary="`+strings.Repeat("ü", 1024)+`"`, `dedup_key="`+strings.Repeat("k", 255)+`"`)
	if a := do(t, "POST", s.PagerDutyURL()+"/v2/enqueue", asJSON, body); a.Status != 202 {
		t.Errorf("got %v", a)
	}
}

func TestIncidentsFollowTheirDedupKey(t *testing.T) {
	clock := newClock()
	s := start(t, Options{Now: clock.Now})
	begin := clock.Now()
	send := func(changes ...string) Message {
		t.Helper()
		if a := do(t, "POST", s.PagerDutyURL()+"/v2/enqueue", asJSON, trigger(changes...)); a.Status != 202 {
			t.Fatalf("got %v", a)
		}
		clock.advance(time.Minute)
		return last(t, s)
	}
	const key = "-/db-02/5712/198.51.100.7"
	bare := []string{"payload", "links", "client", "client_url"}

	dropped := send(append(bare, `event_action="resolve"`)...)
	if want := []string{"PagerDuty drops this resolve silently: no incident with the key is open"}; !cmp.Equal(dropped.Problems, want) || !dropped.Accepted {
		t.Errorf("got %q, accepted %v", dropped.Problems, dropped.Accepted)
	}
	first := send()
	if want := `{"dedup_key":"` + key + `","message":"Event processed","status":"success"}`; first.Answer != want {
		t.Errorf("got %s, want %s", first.Answer, want)
	}
	send(`payload.summary="another title"`)
	send(append(bare, `event_action="acknowledge"`)...)
	send()
	send(append(bare, `event_action="resolve"`)...)
	send()
	send("dedup_key")

	one := Incident{DedupKey: key, Summary: "SSH brute force from 198.51.100.7 on db-02 (medium, rule 5712)", Source: "db-02", Severity: "warning"}
	at := func(in Incident, status IncidentStatus, opened, changed, triggers int) Incident {
		in.Status, in.Triggers = status, triggers
		in.Opened, in.Changed = begin.Add(time.Duration(opened)*time.Minute), begin.Add(time.Duration(changed)*time.Minute)
		return in
	}
	over := at(one, Resolved, 1, 5, 3)
	over.Acknowledged = begin.Add(3 * time.Minute)
	other := one
	other.DedupKey = "00000000000000000000000000000003"
	want := []Incident{over, at(one, Triggered, 6, 6, 1), at(other, Triggered, 7, 7, 1)}
	if diff := cmp.Diff(s.Incidents(), want); diff != "" {
		t.Errorf("got(-), want(+):\n%s", diff)
	}
}

func TestAnAcknowledgedIncidentStaysSo(t *testing.T) {
	s := start(t, Options{})
	for _, action := range []string{"trigger", "acknowledge", "trigger"} {
		do(t, "POST", s.PagerDutyURL()+"/v2/enqueue", asJSON, trigger(`event_action="`+action+`"`))
	}
	if got := s.Incidents(); len(got) != 1 || got[0].Status != Acknowledged || got[0].Triggers != 2 {
		t.Errorf("got %+v", got)
	}
}

func TestPagerDutySaysWhatItIgnores(t *testing.T) {
	s := start(t, Options{})
	do(t, "POST", s.PagerDutyURL()+"/v2/enqueue", asJSON, trigger(`event_action="resolve"`, `details={}`, `payload.host="x"`))
	want := []string{
		`PagerDuty ignores the key "details"`,
		`PagerDuty ignores "client" with resolve`,
		`PagerDuty ignores "client_url" with resolve`,
		`PagerDuty ignores the key "payload.host"`,
		"PagerDuty drops this resolve silently: no incident with the key is open",
	}
	if diff := cmp.Diff(last(t, s).Problems, want); diff != "" {
		t.Errorf("got(-), want(+):\n%s", diff)
	}
}

func TestChangeEventsNeedASummaryOnly(t *testing.T) {
	s := start(t, Options{})
	url := s.PagerDutyURL() + "/v2/change/enqueue"
	for body, want := range map[string]int{
		`{"routing_key":"` + FakeRoutingKey + `","payload":{"summary":"rules updated"}}`: 202,
		`{"routing_key":"` + FakeRoutingKey + `","payload":{}}`:                          400,
		`{"routing_key":"` + FakeRoutingKey + `"}`:                                       400,
	} {
		if a := do(t, "POST", url, asJSON, body); a.Status != want {
			t.Errorf("%s: got %v, want %d", body, a, want)
		}
	}
	if got := s.Incidents(); len(got) != 0 {
		t.Errorf("a change opened %v", got)
	}
}

func TestPagerDutyTakes120EventsAMinute(t *testing.T) {
	clock := newClock()
	s := start(t, Options{RateLimit: true, Now: clock.Now})
	send := func() int { return do(t, "POST", s.PagerDutyURL()+"/v2/enqueue", asJSON, trigger()).Status }
	for i := range pagerPerMinute {
		if status := send(); status != 202 {
			t.Fatalf("event %d: got %d", i, status)
		}
	}
	if status := send(); status != 429 {
		t.Errorf("got %d, want 429", status)
	}
	clock.advance(time.Minute)
	if status := send(); status != 202 {
		t.Errorf("a minute later: got %d, want 202", status)
	}
}
