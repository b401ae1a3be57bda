package webhook_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

// amAlert is an alert as Alertmanager keeps it.
type amAlert struct {
	Labels, Annotations map[string]string
	StartsAt, EndsAt    time.Time
	GeneratorURL        string
}

// alertmanager is the API v2, with the answers of version 0.25. The words about labels and annotations are ours: the first are
// identity, the second what Alertmanager's templates put into Slack as they are.
type alertmanager struct {
	desk
	alerts map[string]amAlert // by their labels
}

func newAlertmanager() *alertmanager {
	a := &alertmanager{alerts: map[string]amAlert{}}
	a.handle = a.post
	return a
}

func (a *alertmanager) post(r sinkRequest) (sinkAnswer, error) {
	if err := asked(r, "/api/v2/alerts", "404 page not found"); err != nil {
		return sinkAnswer{}, err
	}
	if r.Header.Get("Content-Type") != "application/json" {
		return sinkAnswer{}, refuse(415, `{"code":415,"message":"unsupported media type \"text/plain\", only [application/json] are allowed"}`, "content type")
	}
	dead := []func(string) error{unseen, lacks("a mention of Slack's", `<[!@]`), lacks("a link", `https?://[^/]*(evil|attacker)`)}
	name := has("name of a label", `^[a-zA-Z_][a-zA-Z0-9_]*$`)
	when := func(v any) error {
		s, _ := v.(string)
		_, err := time.Parse(time.RFC3339, s)
		return err
	}
	alert := object(map[string]shape{
		"!labels": object(map[string]shape{
			"!alertname": words(80, has("family", `^ossec_[a-z_]+$`)), "!severity": exactly("critical", "high", "medium", "low", "info", "unknown"),
			"!dedup": words(16, has("hash", `^[0-9a-f]{16}$`)), "rule": words(40, dead...), "host": words(300, dead...), "manager": words(300, dead...), "test": exactly("true"),
		}),
		"!annotations": table(5, name, maybe(20_000, dead...)),
		"startsAt":     when, "endsAt": when, "generatorURL": words(1000, ours),
	})
	err := jsonBody(r, 262144, list(1, alert))
	var alerts []amAlert
	switch parsed := json.Unmarshal(r.body, &alerts); {
	case parsed != nil:
		return sinkAnswer{}, refuse(400, fmt.Sprintf(`{"code":400,"message":"parsing alerts body from \"\" failed, because %s"}`, "json: cannot unmarshal"), "%v", parsed)
	case err != nil:
		return sinkAnswer{}, refusal{err, sinkAnswer{400, nil, `"at least one label pair required"`}}
	}
	x := alerts[0]
	if x.EndsAt.Before(x.StartsAt) {
		return sinkAnswer{}, refuse(400, `"start time must be before end time"`, "it ends at %v, before it began at %v", x.EndsAt, x.StartsAt)
	}
	key, _ := json.Marshal(x.Labels)
	a.alerts[string(key)] = x
	return sinkAnswer{status: 200}, nil
}

func TestAlertmanagerSink(t *testing.T) {
	alert := func(labels, more string) string {
		return `[{"labels":{"alertname":"ossec_web","severity":"low","dedup":"0123456789abcdef"` + labels + `},"annotations":{"summary":"x"}` + more + `}]`
	}
	a := newAlertmanager()
	testDesk(t, &a.desk, map[string]string{"Content-Type": "application/json"}, "/api/v2/alerts", []deskCase{
		{name: "alert", body: alert("", "")},
		{name: "with times", body: alert(`,"host":"web-01"`, `,"startsAt":"2026-11-23T13:00:00Z","endsAt":"2026-11-23T14:00:00Z","generatorURL":"https://wazuh.example.com/x"`)},
		{name: "other path", path: "/api/v1/alerts", body: alert("", ""), why: "path", status: 404},
		{name: "text", header: map[string]string{"Content-Type": "text/plain"}, body: alert("", ""), why: "content type", status: 415},
		{name: "object", body: `{}`, why: "cannot unmarshal", status: 400},
		{name: "two", body: alert("", "")[:1] + alert("", "")[1:len(alert("", ""))-1] + "," + alert("", "")[1:], why: "2 elements"},
		{name: "log as a label", body: alert(`,"log":"x"`, ""), why: `unknown key "log"`},
		{name: "number as a label", body: alert(`,"rule":5712`, ""), why: "cannot unmarshal"},
		{name: "mention", body: alert("", `,"annotations":{"summary":"<!channel>"}`), why: "twice"},
		{name: "ends before it begins", body: alert("", `,"startsAt":"2026-11-23T13:00:00Z","endsAt":"2026-11-23T12:00:00Z"`), why: "before it began"},
		{name: "no time", body: alert("", `,"startsAt":"now"`), why: "parsing time", status: 400},
		{name: "foreign address", body: alert("", `,"generatorURL":"https://evil.example/"`), why: "not the operator's"},
	})
	if len(a.alerts) != 2 {
		t.Errorf("it keeps %d alerts, want 2: one for each set of labels", len(a.alerts))
	}
}

var alertmanagerAnswers = []answerCase{
	{"bad label", sinkAnswer{400, nil, `"invalid label set: invalid name \"a-b\""`}, "permanent", "invalid label set", "", 0},
	{"ends before it begins", sinkAnswer{400, nil, `"start time must be before end time"`}, "permanent", "start time must be before", "", 0},
	{"no JSON", sinkAnswer{400, nil, `{"code":400,"message":"parsing alerts body from \"\" failed, because invalid character"}`}, "permanent", "parsing alerts body", "", 0},
	{"no URI", sinkAnswer{422, nil, `{"code":601,"message":"0.generatorURL in body must be of type uri: \"::no uri\""}`}, "permanent", "must be of type uri", "links.alert", 0},
	{"log-in", sinkAnswer{401, nil, "Unauthorized"}, "misconfigured", "Unauthorized", "web config asks for a log-in", 0},
	{"other path", sinkAnswer{404, nil, "404 page not found"}, "misconfigured", "404", "--web.external-url", 0},
	{"not ready", sinkAnswer{503, map[string]string{"Retry-After": "5"}, ""}, "temporary", "503", "", 5 * time.Second},
	{"redirect", sinkAnswer{302, map[string]string{"Location": "/login"}, ""}, "permanent", "302", "", 0},
}
