package sandbox

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var hecHeader = header{"Authorization": "Splunk " + FakeHECToken}

const (
	hecEvent = `{"time":1795440502.0,"host":"db-02","source":"/var/log/auth.log","sourcetype":"ossec:alert","index":"ossec",` +
		`"fields":{"family":"auth_failure","rule_id":"5712","severity":"medium"},"event":{"app":"sshd","count":8,"log":"line","original":{"rule":{"sidid":5712}}}}`
	hecChannelID = "12345678-1234-1234-1234-123456789abc"
	hecOK        = `{"code":0,"text":"Success"}`
)

func TestHECAnswersByItsCodes(t *testing.T) {
	s := start(t, Options{HECIndexes: []string{"ossec"}})
	acking := start(t, Options{HECAck: true})
	const event, raw, ack = "/services/collector/event", "/services/collector/raw", "/services/collector/ack"
	auth := func(v string) header { return header{"Authorization": v} }
	for name, c := range map[string]struct {
		server *Server
		path   string
		h      header
		body   string
		status int
		want   string
	}{
		"no token":               {s, event, nil, hecEvent, 401, `{"code":2,"text":"Token is required"}`},
		"bearer":                 {s, event, auth("Bearer " + FakeHECToken), hecEvent, 401, `{"code":3,"text":"Invalid authorization"}`},
		"token alone":            {s, event, auth(FakeHECToken), hecEvent, 401, `{"code":3,"text":"Invalid authorization"}`},
		"basic, not base64":      {s, event, auth("Basic !"), hecEvent, 401, `{"code":3,"text":"Invalid authorization"}`},
		"wrong token":            {s, event, auth("Splunk x"), hecEvent, 403, `{"code":4,"text":"Invalid token"}`},
		"token in the query":     {s, event + "?token=" + FakeHECToken, nil, hecEvent, 400, `{"code":16,"text":"Query string authorization is not enabled"}`},
		"empty":                  {s, event, hecHeader, " \n", 400, `{"code":5,"text":"No data"}`},
		"not JSON":               {s, event, hecHeader, "x", 400, `{"code":6,"invalid-event-number":0,"text":"Invalid data format"}`},
		"a list":                 {s, event, hecHeader, "[" + hecEvent + "]", 400, `{"code":6,"invalid-event-number":0,"text":"Invalid data format"}`},
		"a comma between events": {s, event, hecHeader, hecEvent + "," + hecEvent, 400, `{"code":6,"invalid-event-number":1,"text":"Invalid data format"}`},
		"cut":                    {s, event, hecHeader, hecEvent + hecEvent[:40], 400, `{"code":6,"invalid-event-number":1,"text":"Invalid data format"}`},
		"not UTF-8":              {s, event, hecHeader, "{\"event\":\"\xff\"}", 400, `{"code":6,"invalid-event-number":0,"text":"Invalid data format"}`},
		"time is a date":         {s, event, hecHeader, `{"event":"x","time":"2026-11-23"}`, 400, `{"code":6,"invalid-event-number":0,"text":"Invalid data format"}`},
		"time is an object":      {s, event, hecHeader, `{"event":"x","time":{}}`, 400, `{"code":6,"invalid-event-number":0,"text":"Invalid data format"}`},
		"host is a number":       {s, event, hecHeader, `{"event":"x","host":1}`, 400, `{"code":6,"invalid-event-number":0,"text":"Invalid data format"}`},
		"another index":          {s, event, hecHeader, hecEvent + `{"event":"x","index":"main"}`, 400, `{"code":7,"invalid-event-number":2,"text":"Incorrect index"}`},
		"raw, another index":     {s, raw + "?index=main", hecHeader, "line", 400, `{"code":7,"text":"Incorrect index"}`},
		"no channel":             {acking, event, hecHeader, hecEvent, 400, `{"code":10,"text":"Data channel is missing"}`},
		"no channel, raw":        {acking, raw, hecHeader, "line", 400, `{"code":10,"text":"Data channel is missing"}`},
		"channel is no GUID":     {acking, event, hecHeader.also(header{"X-Splunk-Request-Channel": "1"}), hecEvent, 400, `{"code":11,"text":"Invalid data channel"}`},
		"no event":               {s, event, hecHeader, `{"time":1}`, 400, `{"code":12,"invalid-event-number":0,"text":"Event field is required"}`},
		"null event":             {s, event, hecHeader, `{"event":null}`, 400, `{"code":12,"invalid-event-number":0,"text":"Event field is required"}`},
		"blank event":            {s, event, hecHeader, hecEvent + `{"event":""}`, 400, `{"code":13,"invalid-event-number":1,"text":"Event field cannot be blank"}`},
		"ack, turned off":        {s, ack + "?channel=" + hecChannelID, hecHeader, `{"acks":[0]}`, 400, `{"code":14,"text":"ACK is disabled"}`},
		"ack, no list":           {acking, ack + "?channel=" + hecChannelID, hecHeader, `{}`, 400, `{"code":6,"text":"Invalid data format"}`},
		"nested field":           {s, event, hecHeader, `{"event":"x","fields":{"a":{"b":1}}}`, 400, `{"code":15,"invalid-event-number":0,"text":"Error in handling indexed fields"}`},
		"list in a list":         {s, event, hecHeader, `{"event":"x","fields":{"a":[["b"]]}}`, 400, `{"code":15,"invalid-event-number":0,"text":"Error in handling indexed fields"}`},
		"null field":             {s, event, hecHeader, `{"event":"x","fields":{"a":null}}`, 400, `{"code":15,"invalid-event-number":0,"text":"Error in handling indexed fields"}`},
		"fields is a list":       {s, event, hecHeader, `{"event":"x","fields":[]}`, 400, `{"code":15,"invalid-event-number":0,"text":"Error in handling indexed fields"}`},
		"no such endpoint":       {s, event + "s", hecHeader, hecEvent, 404, "The requested URL was not found on this server."},
	} {
		t.Run(name, func(t *testing.T) {
			a := do(t, "POST", c.server.SplunkURL()+c.path, c.h, c.body)
			if a.Status != c.status || a.Body != c.want {
				t.Errorf("got %d %s\nwant %d %s", a.Status, a.Body, c.status, c.want)
			}
			if m := last(t, c.server); m.Accepted || m.Service != Splunk || len(m.Problems) != 1 {
				t.Errorf("accepted %v by %s, problems %q", m.Accepted, m.Service, m.Problems)
			}
		})
	}
}

func TestHECTakesEventsInEveryForm(t *testing.T) {
	s := start(t, Options{HECIndexes: []string{"ossec"}})
	basic := header{"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte("x:"+FakeHECToken))}
	for name, c := range map[string]struct {
		path string
		h    header
		body string
	}{
		"one":                {"", hecHeader, hecEvent},
		"event":              {"/event", hecHeader, hecEvent},
		"version":            {"/event/1.0", hecHeader, hecEvent},
		"several":            {"/event", hecHeader, hecEvent + hecEvent + "\n" + hecEvent},
		"gzip":               {"/event", hecHeader.also(header{"Content-Encoding": "gzip"}), zipped(hecEvent + hecEvent)},
		"text and time text": {"/event", hecHeader, `{"event":"x","time":"1795440502.123"}`},
		"lists in fields":    {"/event", hecHeader, `{"event":{},"fields":{"a":["b",1],"c":true}}`},
		"basic":              {"/event", basic, hecEvent},
		"channel unasked":    {"/event?channel=" + hecChannelID, hecHeader, hecEvent},
		"raw":                {"/raw?index=ossec", hecHeader, "line 1\nline 2"},
	} {
		t.Run(name, func(t *testing.T) {
			if a := do(t, "POST", s.SplunkURL()+"/services/collector"+c.path, c.h, c.body); a.Status != 200 || a.Body != hecOK {
				t.Errorf("got %v", a)
			}
			if m := last(t, s); !m.Accepted || m.Problems != nil {
				t.Errorf("accepted %v, problems %q", m.Accepted, m.Problems)
			}
		})
	}
}

func TestHECSaysWhatItIgnoresAndWhatItTook(t *testing.T) {
	s := start(t, Options{})
	do(t, "POST", s.SplunkURL()+"/services/collector", hecHeader, `{"event":"x","sourceType":"y"}`)
	if diff := cmp.Diff(last(t, s).Problems, []string{`event 0: Splunk ignores the key "sourceType"`}); diff != "" {
		t.Error(diff)
	}
	do(t, "POST", s.SplunkURL()+"/services/collector", hecHeader, hecEvent+hecEvent+`{}`)
	if diff := cmp.Diff(last(t, s).Problems, []string{"event 2: event is missing; the 2 before it are indexed"}); diff != "" {
		t.Error(diff)
	}
}

func TestHECAcknowledgesOnceForEachChannel(t *testing.T) {
	s := start(t, Options{HECAck: true})
	url := s.SplunkURL() + "/services/collector"
	const other = "00000000-0000-0000-0000-000000000001"
	on := func(channel string) header { return hecHeader.also(header{"X-Splunk-Request-Channel": channel}) }
	for _, c := range []struct{ path, channel, body, want string }{
		{"", hecChannelID, hecEvent, `{"ackId":0,"code":0,"text":"Success"}`},
		{"/raw", hecChannelID, "line", `{"ackId":1,"code":0,"text":"Success"}`},
		{"", other, hecEvent, `{"ackId":0,"code":0,"text":"Success"}`},
		{"/ack", hecChannelID, `{"acks":[0,1,2]}`, `{"acks":{"0":true,"1":true,"2":false}}`},
		{"/ack", hecChannelID, `{"acks":[0]}`, `{"acks":{"0":false}}`},
		{"/ack", other, `{"acks":[0]}`, `{"acks":{"0":true}}`},
		{"/ack", "00000000-0000-0000-0000-000000000002", `{"acks":[0]}`, `{"acks":{"0":false}}`},
	} {
		if a := do(t, "POST", url+c.path, on(c.channel), c.body); a.Body != c.want {
			t.Errorf("%s %s: got %s, want %s", c.path, c.body, a.Body, c.want)
		}
		if got, want := last(t, s).Accepted, c.path != "/ack"; got != want {
			t.Errorf("%s: accepted %v, want %v", c.path, got, want)
		}
	}
}

func TestHECAcknowledgesAfterAWhileOrNever(t *testing.T) {
	for after, want := range map[int][]string{
		0:  {`{"acks":{"0":true}}`, `{"acks":{"0":false}}`},
		2:  {`{"acks":{"0":false}}`, `{"acks":{"0":false}}`, `{"acks":{"0":true}}`, `{"acks":{"0":false}}`},
		-1: {`{"acks":{"0":false}}`, `{"acks":{"0":false}}`, `{"acks":{"0":false}}`},
	} {
		s := start(t, Options{HECAck: true, HECAckAfter: after})
		url := s.SplunkURL() + "/services/collector"
		do(t, "POST", url+"?channel="+hecChannelID, hecHeader, hecEvent)
		var got []string
		for range want {
			got = append(got, do(t, "POST", url+"/ack?channel="+hecChannelID, hecHeader, `{"acks":[0]}`).Body)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("after %d: answers differ (-want +got):\n%s", after, diff)
		}
	}
}

func TestHECHealthNeedsNoToken(t *testing.T) {
	s := start(t, Options{})
	for _, path := range []string{"/health", "/health/1.0"} {
		a := do(t, "GET", s.SplunkURL()+"/services/collector"+path, nil, "")
		if a.Status != 200 || a.Body != `{"code":17,"text":"HEC is healthy"}` {
			t.Errorf("got %v", a)
		}
	}
	if last(t, s).Accepted {
		t.Error("a health check counts as a message")
	}
	if a := do(t, "GET", s.SplunkURL()+"/services/collector/event", hecHeader, ""); a.Status != 405 || !strings.Contains(a.header.Get("Allow"), "POST") {
		t.Errorf("got %v", a)
	}
}

func TestHECKeepsWhatItIndexed(t *testing.T) {
	s := start(t, Options{HECIndexes: []string{"ossec"}})
	url := s.SplunkURL() + "/services/collector"
	do(t, "POST", url, hecHeader, hecEvent+`{"event":"x","index":"main"}{"event":"never"}`)
	do(t, "POST", url+"/raw?index=ossec&host=web-01&nothing=1", hecHeader, "line 1\r\n\nline 2")
	if diff := cmp.Diff(last(t, s).Problems, []string{`Splunk ignores "nothing" in the query`}); diff != "" {
		t.Error(diff)
	}
	want := []HECEvent{
		{Index: "ossec", Host: "db-02", Source: "/var/log/auth.log", SourceType: "ossec:alert", Time: "1795440502.0",
			Fields: map[string]any{"family": "auth_failure", "rule_id": "5712", "severity": "medium"},
			Event:  `{"app":"sshd","count":8,"log":"line","original":{"rule":{"sidid":5712}}}`},
		{Index: "ossec", Host: "web-01", Event: "line 1", Raw: true, Request: 1},
		{Index: "ossec", Host: "web-01", Event: "line 2", Raw: true, Request: 1},
	}
	if diff := cmp.Diff(want, s.HECEvents()); diff != "" {
		t.Errorf("events differ (-want +got):\n%s", diff)
	}
}

func TestHECForgetsWithARestart(t *testing.T) {
	s := start(t, Options{HECAck: true, HECAckAfter: -1})
	url := s.SplunkURL() + "/services/collector?channel=" + hecChannelID
	const first = `{"ackId":0,"code":0,"text":"Success"}`
	for range 2 {
		if a := do(t, "POST", url, hecHeader, hecEvent); a.Body != first {
			t.Errorf("got %s, want %s", a.Body, first)
		}
		s.RestartHEC()
	}
}

func TestHECReplyOfEveryCode(t *testing.T) {
	for code := range 28 {
		if r, ok := HECReply(code); !ok || r.Status == 0 || !strings.Contains(r.Body, `"text":"`) {
			t.Errorf("code %d: %+v, %v", code, r, ok)
		}
	}
	if _, ok := HECReply(99); ok {
		t.Error("a reply with a code that nobody knows")
	}
}
