package sandbox

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// schemaBody is a message of the schema, with changes as in trigger.
func schemaBody(changes ...string) string {
	m, err := parseObject([]byte(`{"version":1,"action":"trigger","delivery":"01J9Z3","receiver":"hook","route":"page","id":"1795440502.8","occurrence":1,
	"dedup_key":"-/db-02/5712/198.51.100.7","time":"2026-11-23T13:28:22.000Z","received":"2026-11-23T13:28:22.412+01:00","severity":"medium","level":10,
	"family":"auth_failure","title":"SSH brute force from 198.51.100.7 on db-02","facts":[{"label":"From","value":"198.51.100.7"}],"next":"Was any login accepted?",
	"rule":{"id":"5712","level":10,"description":"SSHD brute force","groups":["syslog"]},"host":{"name":"db-02","ip":"192.0.2.10"},"location":"/var/log/auth.log",
	"program":"sshd","decoder":"sshd","source":{"ip":"198.51.100.7"},"user":{"name":"admin"},"log":"line","previous":["line 0"],"repeats":{"count":1},
	"original":{"rule":{"comment":""},"user":null}}`))
	if err != nil {
		panic(err)
	}
	return change(m, changes)
}

var asSchema = asJSON.also(header{"X-Ossec-Notify-Schema": "1"})

func TestWebhookChecksTheSchemaThatTheRequestNames(t *testing.T) {
	s := start(t, Options{})
	for name, c := range map[string]struct {
		body string
		want []string
	}{
		"whole":              {schemaBody(), nil},
		"a digest":           {schemaBody(`action="digest"`, `alerts=[{"id":"1.2","level":3}]`, `counts={"low":2}`), nil},
		"a key of later":     {schemaBody(`new={"a":[1]}`), nil},
		"not an object":      {`[]`, []string{"the body is not an object"}},
		"no version":         {schemaBody("version"), []string{`header and body do not both say version 1: "1", <nil>`, "version is missing"}},
		"another version":    {schemaBody("version=2"), []string{`header and body do not both say version 1: "1", 2`}},
		"no receiver":        {schemaBody("receiver"), []string{"receiver is missing"}},
		"unknown action":     {schemaBody(`action="open"`), []string{`action "open" is none of trigger, update, acknowledge, resolve, digest, test`}},
		"level is text":      {schemaBody(`level="10"`), []string{"level is not a number"}},
		"title is a number":  {schemaBody(`title=1`), []string{"title is not text"}},
		"rule is text":       {schemaBody(`rule="5712"`), []string{"rule is not an object"}},
		"previous is text":   {schemaBody(`previous="x"`), []string{"previous is not a list"}},
		"time in seconds":    {schemaBody(`time="2026-11-23T13:28:22Z"`), []string{"time is not a time of RFC 3339 with milliseconds"}},
		"null":               {schemaBody("route=null"), []string{"route is null"}},
		"empty, nested":      {schemaBody(`user={"name":""}`), []string{"user.name is empty"}},
		"null in a list":     {schemaBody(`facts=[{"label":"A","value":null}]`), []string{"facts[0].value is null"}},
		"bad alert, digest":  {schemaBody(`alerts=[{"level":"3","id":""}]`), []string{"alerts[0].level is not a number", "alerts[0].id is empty"}},
		"alert is no object": {schemaBody(`alerts=["x"]`), []string{"alerts[0] is not an object"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := do(t, "POST", s.WebhookURL(), asSchema, c.body)
			want := 200
			if c.want != nil {
				want = 422
			}
			if a.Status != want {
				t.Errorf("got %v, want %d", a, want)
			}
			if diff := cmp.Diff(last(t, s).Problems, c.want); diff != "" {
				t.Errorf("got(-), want(+):\n%s", diff)
			}
		})
	}
}

func TestWebhookTakesAnyOtherBody(t *testing.T) {
	s := start(t, Options{})
	for name, c := range map[string]struct {
		method string
		path   string
		h      header
		body   string
		want   int
	}{
		"JSON":                 {"POST", "", asJSON, `{"a":null}`, 200},
		"put, path below":      {"PUT", "/rooms/1", asJSON, `[1]`, 200},
		"JSON by suffix":       {"POST", "", header{"Content-Type": "application/cloudevents+json; charset=utf-8"}, `{}`, 200},
		"text":                 {"POST", "", header{"Content-Type": "text/plain"}, `no JSON`, 200},
		"right token":          {"POST", "", asJSON.also(header{"Authorization": "Bearer " + FakeWebhookToken}), `{}`, 200},
		"wrong token":          {"POST", "", asJSON.also(header{"Authorization": "Bearer x"}), `{}`, 401},
		"damaged JSON":         {"POST", "", asJSON, `{"a":`, 400},
		"empty":                {"POST", "", asJSON, ``, 400},
		"get":                  {"GET", "", nil, ``, 405},
		"schema, no JSON type": {"POST", "", header{"X-Ossec-Notify-Schema": "1"}, schemaBody(), 415},
		"path beside":          {"POST", "s", asJSON, `{}`, 404},
	} {
		t.Run(name, func(t *testing.T) {
			a := do(t, c.method, s.WebhookURL()+c.path, c.h, c.body)
			if a.Status != c.want || last(t, s).Accepted != (c.want == 200) {
				t.Errorf("got %v, accepted %v; want %d", a, last(t, s).Accepted, c.want)
			}
		})
	}
}

func TestWebhookDemandsATokenThatIsSet(t *testing.T) {
	s := start(t, Options{WebhookToken: "t0"})
	for value, want := range map[string]int{"": 401, "Bearer " + FakeWebhookToken: 401, "Basic t0": 401, "Bearer t0": 200} {
		if a := do(t, "POST", s.WebhookURL(), asJSON.also(header{"Authorization": value}), `{}`); a.Status != want {
			t.Errorf("%q: got %v, want %d", value, a, want)
		}
	}
}
