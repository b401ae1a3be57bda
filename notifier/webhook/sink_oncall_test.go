package webhook_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// incidents is the state of an on-call service: what is open, by its key.
type incidents struct {
	desk
	open, acknowledged map[string]bool
}

func newIncidents(handle func(*incidents, sinkRequest) (sinkAnswer, error)) *incidents {
	x := &incidents{open: map[string]bool{}, acknowledged: map[string]bool{}}
	x.handle = func(r sinkRequest) (sinkAnswer, error) { return handle(x, r) }
	return x
}

var ourKey = has("key of ours", `^ossec-[0-9a-f]{16}$`)

// fenced is Markdown in which everything but the preset's own words stands in code.
func fenced(own ...string) func(string) error {
	return func(s string) error {
		parts := strings.Split(s, "```")
		if len(parts)%2 == 0 {
			return fmt.Errorf("a fence that is not closed")
		}
		for i := 0; i < len(parts); i += 2 {
			rest := parts[i]
			for _, word := range own {
				rest = strings.ReplaceAll(rest, word, "")
			}
			spans := strings.Split(rest, "`")
			if len(spans)%2 == 0 {
				return fmt.Errorf("a code span that is not closed")
			}
			for j := 0; j < len(spans); j += 2 {
				if strings.TrimSpace(spans[j]) != "" {
					return fmt.Errorf("text %q outside of code", spans[j])
				}
			}
			for j := 1; j < len(spans); j += 2 {
				if strings.Contains(spans[j], "\n") {
					return fmt.Errorf("a code span of two lines")
				}
			}
		}
		return nil
	}
}

// incidentIO is an HTTP source of incident.io.
func incidentIO() *incidents {
	event := object(map[string]shape{
		"!title": words(300, unseen), "!status": exactly("firing", "resolved"), "!deduplication_key": words(64, ourKey),
		"description": words(50_000, unseen, fenced("**Next**")), "source_url": words(1000, ours),
		"metadata": func(v any) error { return eachText(v, unseen) },
	})
	return newIncidents(func(x *incidents, r sinkRequest) (sinkAnswer, error) {
		if err := asked(r, "/v2/alert_events/http/01GW2G3V0S59R238FAHPDS1R66", `{"type":"not_found","status":404,"errors":[{"code":"not_found","message":"Alert source not found"}]}`); err != nil {
			return sinkAnswer{}, err
		}
		if err := header(r, "Authorization", "Bearer 1nc1d3nt-t0ken", `{"type":"authentication_error","status":401,"errors":[{"message":"Invalid token"}]}`); err != nil {
			return sinkAnswer{}, err
		}
		if err := jsonBody(r, 512<<10, event); err != nil {
			return sinkAnswer{}, refusal{err, sinkAnswer{422, nil, `{"type":"validation_error","status":422,"errors":[{"code":"is_required","message":"A title is required"}]}`}}
		}
		var e struct {
			Status string
			Key    string `json:"deduplication_key"`
		}
		_ = json.Unmarshal(r.body, &e)
		if e.Status == "resolved" && !x.open[e.Key] {
			return sinkAnswer{}, fmt.Errorf("nothing is open: %s", e.Key)
		}
		x.open[e.Key] = e.Status == "firing"
		return sinkAnswer{status: 202, body: fmt.Sprintf(`{"deduplication_key":%q,"message":"Event accepted for processing","status":"success"}`, e.Key)}, nil
	})
}

func TestIncidentIOSink(t *testing.T) {
	event := func(more string) string {
		return `{"title":"x","status":"firing","deduplication_key":"ossec-0123456789abcdef"` + more + `}`
	}
	usual := map[string]string{"Authorization": "Bearer 1nc1d3nt-t0ken", "Content-Type": "application/json"}
	testDesk(t, &incidentIO().desk, usual, "/v2/alert_events/http/01GW2G3V0S59R238FAHPDS1R66", []deskCase{
		{name: "resolved too early", body: strings.Replace(event(""), "firing", "resolved", 1), why: "nothing is open"},
		{name: "event", body: event(",\"description\":\"```\\nx\\n```\\n\\n**Next** `y`\""), status: 202},
		{name: "Markdown", body: event(`,"description":"[x](https://evil.example)"`), why: "outside of code", status: 422},
		{name: "end of the fence", body: event(",\"description\":\"```\\nx``` [y](z) ```\\n```\""), why: "outside of code"},
		{name: "foreign link", body: event(`,"source_url":"https://evil.example/"`), why: "not the operator's"},
		{name: "no title", body: strings.Replace(event(""), `"title":"x"`, `"title":""`, 1), why: "0 characters"},
		{name: "other source", path: "/v2/alert_events/http/none", body: event(""), why: "path", status: 404},
		{name: "other token", header: map[string]string{"Authorization": "Bearer x"}, body: event(""), why: "Authorization", status: 401},
		{name: "resolved", body: strings.Replace(event(""), "firing", "resolved", 1)},
	})
}

var incidentIOAnswers = []answerCase{
	{"wrong token", sinkAnswer{401, nil, `{"type":"authentication_error","status":401,"errors":[{"message":"Invalid token"}]}`}, "misconfigured", "Invalid token", "token", 0},
	{"no source", sinkAnswer{404, nil, `{"type":"not_found","status":404,"errors":[{"message":"Alert source not found"}]}`}, "misconfigured", "Alert source not found", "there is no such source", 0},
	{"not valid", sinkAnswer{422, nil, `{"type":"validation_error","status":422,"errors":[{"message":"A title is required"}]}`}, "permanent", "A title is required", "", 0},
	{"too many", sinkAnswer{429, map[string]string{"Retry-After": "12"}, `{"type":"too_many_requests"}`}, "temporary", "429", "", 12 * time.Second},
	{"page of a proxy", sinkAnswer{200, nil, "<!DOCTYPE html><title>Please log in</title>"}, "permanent", "200", "", 0},
}

// onCall is a Formatted Webhook integration of Grafana OnCall, and the Slack behind it, into which its text goes as it is.
func onCall() *incidents {
	dead := []func(string) error{unseen, lacks("what is live in Slack", `<[!@#a-z]`)}
	alert := object(map[string]shape{
		"!alert_uid": words(64, ourKey), "!title": words(300, dead...), "!state": exactly("alerting", "ok"), "message": maybe(20_000, dead...),
		"link_to_upstream_details": words(1000, ours), "severity": words(20), "family": words(40), "rule": maybe(40, dead...), "host": maybe(300, dead...),
	})
	return newIncidents(func(x *incidents, r sinkRequest) (sinkAnswer, error) {
		const path = "/integrations/v1/formatted_webhook/0nc4ll-t0ken/"
		if r.URL.Path+"/" == path {
			return sinkAnswer{}, refusal{fmt.Errorf("no slash at the end"), sinkAnswer{301, map[string]string{"Location": path}, ""}}
		}
		if err := asked(r, path, `{"detail":"Not found."}`); err != nil {
			return sinkAnswer{}, err
		}
		if err := jsonBody(r, 1<<20, alert); err != nil {
			return sinkAnswer{}, err
		}
		var a struct {
			UID   string `json:"alert_uid"`
			State string
		}
		_ = json.Unmarshal(r.body, &a)
		if a.State == "ok" && !x.open[a.UID] {
			return sinkAnswer{}, fmt.Errorf("nothing is open: %s", a.UID)
		}
		x.open[a.UID] = a.State == "alerting"
		return sinkAnswer{status: 200, body: "Ok."}, nil
	})
}

func TestOnCallSink(t *testing.T) {
	alert := func(message string) string {
		return `{"alert_uid":"ossec-0123456789abcdef","title":"x","state":"alerting","message":"` + message + `"}`
	}
	testDesk(t, &onCall().desk, map[string]string{"Content-Type": "application/json"}, "/integrations/v1/formatted_webhook/0nc4ll-t0ken/", []deskCase{
		{name: "alert", body: alert("x < y"), status: 200},
		{name: "no slash", path: "/integrations/v1/formatted_webhook/0nc4ll-t0ken", body: alert("x"), why: "no slash"},
		{name: "mention", body: alert("<!channel>"), why: "live in Slack"},
		{name: "user", body: alert("<@U1>"), why: "live in Slack"},
		{name: "link", body: alert("<https://evil.example/|x>"), why: "live in Slack"},
		{name: "deleted", path: "/integrations/v1/formatted_webhook/none/", body: alert("x"), why: "path", status: 404},
		{name: "over", body: strings.Replace(alert("x"), "alerting", "ok", 1)},
		{name: "over again", body: strings.Replace(alert("x"), "alerting", "ok", 1), why: "nothing is open"},
	})
}

var onCallAnswers = []answerCase{
	{"a text in JSON", sinkAnswer{200, map[string]string{"Content-Type": "application/json"}, `"Ok."`}, "delivered", "", "", 0},
	{"no slash", sinkAnswer{301, map[string]string{"Location": "/integrations/v1/formatted_webhook/x/"}, ""}, "misconfigured", "301", "ends with a slash", 0},
	{"deleted", sinkAnswer{404, nil, `{"detail":"Not found."}`}, "misconfigured", "Not found.", "copy it again", 0},
	{"wrong token", sinkAnswer{403, nil, "Integration key was not found. Permission denied."}, "misconfigured", "Permission denied", "copy it again", 0},
	{"too many", sinkAnswer{429, nil, "OnCall received too much alerts"}, "temporary", "too much alerts", "", 0},
	{"page of a proxy", sinkAnswer{200, nil, "<!DOCTYPE html><title>Please log in</title>Ok. We use cookies."}, "permanent", "200", "", 0},
}

// victorOps is the REST endpoint of Splunk On-Call.
func victorOps() *incidents {
	event := object(map[string]shape{
		"!message_type": exactly("CRITICAL", "WARNING", "INFO", "ACKNOWLEDGEMENT", "RECOVERY"), "!entity_id": words(512, ourKey),
		"entity_display_name": words(512, unseen), "state_message": orNothing(units(20_480, unseen)), "state_start_time": whole(0, 4e9),
		"!monitoring_tool": exactly("ossec-notify"), "alert_url": words(1000, ours), "rule": words(40, unseen), "host_name": words(300, unseen),
		"severity": words(20), "family": words(40), "alert": words(200, unseen),
	})
	return newIncidents(func(x *incidents, r sinkRequest) (sinkAnswer, error) {
		if err := asked(r, "/integrations/generic/20131114/alert/v1ct0r-k3y/soc", `{"result":"failure","message":"Not found"}`); err != nil {
			return sinkAnswer{}, err
		}
		if err := jsonBody(r, 1<<20, event); err != nil {
			return sinkAnswer{}, err
		}
		var e struct {
			Type string `json:"message_type"`
			ID   string `json:"entity_id"`
		}
		_ = json.Unmarshal(r.body, &e)
		switch {
		case e.Type == "ACKNOWLEDGEMENT" || e.Type == "RECOVERY":
			if !x.open[e.ID] {
				return sinkAnswer{}, fmt.Errorf("nothing is open: %s", e.ID)
			}
			x.acknowledged[e.ID], x.open[e.ID] = true, e.Type != "RECOVERY"
		default:
			x.open[e.ID] = true
		}
		return sinkAnswer{status: 200, body: fmt.Sprintf(`{"result":"success","entity_id":%q}`, e.ID)}, nil
	})
}

func TestVictorOpsSink(t *testing.T) {
	event := func(kind, more string) string {
		return `{"message_type":"` + kind + `","entity_id":"ossec-0123456789abcdef","monitoring_tool":"ossec-notify"` + more + `}`
	}
	testDesk(t, &victorOps().desk, map[string]string{"Content-Type": "application/json"}, "/integrations/generic/20131114/alert/v1ct0r-k3y/soc", []deskCase{
		{name: "recovery too early", body: event("RECOVERY", ""), why: "nothing is open"},
		{name: "event", body: event("CRITICAL", `,"state_message":"`+strings.Repeat("é", 20_480)+`","state_start_time":1795440502`), status: 200},
		{name: "20,481 characters", body: event("CRITICAL", `,"state_message":"`+strings.Repeat("é", 20_481)+`"`), why: "20481 characters"},
		{name: "time as text", body: event("CRITICAL", `,"state_start_time":"1795440502"`), why: "no whole number"},
		{name: "other type", body: event("PROBLEM", ""), why: "none of"},
		{name: "other key", path: "/integrations/generic/20131114/alert/none/soc", body: event("INFO", ""), why: "path", status: 404},
		{name: "acknowledgement", body: event("ACKNOWLEDGEMENT", "")},
		{name: "recovery", body: event("RECOVERY", "")},
	})
}

var victorOpsAnswers = []answerCase{
	{"failure", sinkAnswer{200, nil, `{"result":"failure","message":"message_type is required"}`}, "permanent", "message_type is required", "", 0},
	{"wrong key", sinkAnswer{404, nil, `{"result":"failure","message":"Not found"}`}, "misconfigured", "Not found", "key is wrong", 0},
	{"bad request", sinkAnswer{400, nil, `{"result":"failure","message":"Invalid JSON"}`}, "permanent", "Invalid JSON", "", 0},
	{"down", sinkAnswer{502, nil, ""}, "temporary", "502", "", 0},
	{"page of a proxy", sinkAnswer{200, nil, "<!DOCTYPE html><title>Please log in</title>"}, "permanent", "200", "", 0},
}
