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

// digestBody are the changes that make a digest of schemaBody, with further ones.
func digestBody(changes ...string) []string {
	return append([]string{`action="digest"`, `family="digest"`, `kind="window"`, `dedup_key="digest/hook/shop"`, `repeats={"count":3}`, "original", "log", "previous",
		`counts=[{"rule":"5712","severity":"medium","level":10,"family":"auth_failure","title":"SSH brute force","count":2,"hosts":1,"sources":2,"host":"web-01",
			"first":"2026-11-23T22:01:07.000+01:00","last":"2026-11-24T05:53:46.000+01:00","new":true}]`,
		`more={"alerts":1,"rules":1}`,
		`alerts=[{"id":"1.2","time":"2026-11-23T22:01:07.111+01:00","severity":"medium","level":10,"rule":"5712","title":"SSH brute force","host":"web-01","source":"203.0.113.9"}]`},
		changes...)
}

var asSchema = asJSON.also(header{"X-Ossec-Notify-Schema": "1"})

func TestWebhookChecksTheSchemaThatTheRequestNames(t *testing.T) {
	s := start(t, Options{})
	for name, c := range map[string]struct {
		body string
		want []string
	}{
		"whole":                     {schemaBody(), nil},
		"a digest":                  {schemaBody(digestBody()...), nil},
		"a notice":                  {schemaBody(digestBody(`kind="storm-over"`, "counts", "alerts", "more", `repeats={"count":3902}`)...), nil},
		"a key of later":            {schemaBody(`new={"a":[1]}`), nil},
		"not an object":             {`[]`, []string{"the body is not an object"}},
		"no version":                {schemaBody("version"), []string{`header and body do not both say version 1: "1", <nil>`, "version is missing"}},
		"another version":           {schemaBody("version=2"), []string{`header and body do not both say version 1: "1", 2`}},
		"no receiver":               {schemaBody("receiver"), []string{"receiver is missing"}},
		"unknown action":            {schemaBody(`action="open"`), []string{`action "open" is none of trigger, update, acknowledge, resolve, digest, report, test`}},
		"level is text":             {schemaBody(`level="10"`), []string{"level is not a number"}},
		"title is a number":         {schemaBody(`title=1`), []string{"title is not text"}},
		"rule is text":              {schemaBody(`rule="5712"`), []string{"rule is not an object"}},
		"previous is text":          {schemaBody(`previous="x"`), []string{"previous is not a list"}},
		"time in seconds":           {schemaBody(`time="2026-11-23T13:28:22Z"`), []string{"time is not a time of RFC 3339 with milliseconds"}},
		"no id":                     {schemaBody("id"), []string{"id is missing"}},
		"a list is empty":           {schemaBody(`previous=[]`), []string{"previous is empty"}},
		"level of another":          {schemaBody(`level=17`), []string{"level 17 is not a whole number from 0"}},
		"label of one fact":         {schemaBody(`facts=[{"label":"A"}]`), []string{"facts[0].value is missing"}},
		"drill is false":            {schemaBody(`drill=false`), []string{"drill is not true"}},
		"counts of one":             {schemaBody(`counts=[{"severity":"low","title":"x","count":1,"hosts":1,"sources":0}]`), []string{"counts is there, and the action is trigger, not digest"}},
		"null":                      {schemaBody("route=null"), []string{"route is null"}},
		"empty, nested":             {schemaBody(`user={"name":""}`), []string{"user.name is empty"}},
		"null in a list":            {schemaBody(`facts=[{"label":"A","value":null}]`), []string{"facts[0].value is null"}},
		"bad alert, digest":         {schemaBody(digestBody(`alerts=[{"level":"3","id":""}]`)...), []string{"alerts[0].id is empty", "alerts[0].level is not a number"}},
		"alert is no object":        {schemaBody(digestBody(`alerts=["x"]`)...), []string{"alerts[0] is not an object"}},
		"alert with objects":        {schemaBody(digestBody(`alerts=[{"id":"1.2","rule":{"id":"5712"},"host":{"name":"web-01"}}]`)...), []string{"alerts[0].host is not text", "alerts[0].rule is not text"}},
		"counts by severity":        {schemaBody(digestBody(`counts={"low":2}`)...), []string{"counts is not a list", "counts and more.alerts are 1, repeats.count is 3"}},
		"counts that do not add up": {schemaBody(digestBody(`repeats={"count":4}`)...), []string{"counts and more.alerts are 3, repeats.count is 4"}},
		"a count without hosts":     {schemaBody(digestBody(`counts=[{"severity":"low","title":"x","count":2,"sources":0}]`)...), []string{"counts[0].hosts is missing"}},
		"a digest of one":           {schemaBody(digestBody("kind", `family="fim"`, `original={}`, `dedup_key="a/b"`)...), []string{"family of a digest is fim", "kind is missing", "original is there, of many alerts", `dedup_key "a/b" of a digest does not begin with digest/, group/ or storm/`}},
		"a notice that counts":      {schemaBody(digestBody(`kind="storm-begins"`, "alerts", "more")...), []string{"counts is there, in a notice"}},
		"unknown kind":              {schemaBody(digestBody(`kind="night"`)...), []string{`kind "night" is none of group, digest, window, throttle, storm, inhibit, silence, storm-begins, storm-over`}},
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
