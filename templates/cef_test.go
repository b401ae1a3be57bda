package templates

import (
	gocmp "cmp"
	"encoding/json"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/notifier"
)

// fieldsOf are the header and the fields of an event of CEF or LEEF.
func fieldsOf(t *testing.T, part string, a *alert.Alert, c Context) (header map[string]any, fields map[string]any) {
	t.Helper()
	c.Channel = "syslog"
	parts, err := Default().Parts(NewData(a, alert.DefaultScale, c))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(parts[part].Raw()), &header); err != nil {
		t.Fatal(err)
	}
	fields, _ = header["fields"].(map[string]any)
	delete(header, "fields")
	return header, fields
}

func TestSecurityEvents(t *testing.T) {
	a := alert.Parse([]byte(`{"timestamp":"2026-11-23T13:20:17.123+0000","rule":{"id":"5712","level":10,"description":"brute force","groups":["sshd","authentication_failures"],"mitre":{"id":["T1110"]}},
		"id":"1.1","agent":{"id":"001","name":"web-01","ip":"2001:db8::5"},"manager":{"name":"mgr"},"data":{"srcip":"::ffff:203.0.113.9","srcport":"4017","dstuser":"root","srcip_geo":{"country":"forged"}},
		"full_log":"Failed password","location":"/var/log/auth.log"}`), alert.Options{})
	header, cef := fieldsOf(t, "cef.json", a, Context{})
	if diff := cmp.Diff(map[string]any{"vendor": "Wazuh", "product": "Wazuh", "id": "5712", "name": "brute force", "severity": 6.0}, header); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	for key, want := range map[string]any{
		"rt": 1795440017123.0, "externalId": "1.1", "src": "203.0.113.9", "spt": "4017", "dhost": "web-01", "dst": nil, "c6a3": "2001:db8::5", "c6a3Label": "Destination IPv6 Address",
		"duser": "root", "dvchost": "mgr", "deviceExternalId": "001", "cn1": 10.0, "cn1Label": "Rule level", "cs1": "sshd,authentication_failures", "cs3": "T1110", "cs6": "Failed password",
		"flexString1": nil, "flexString2": nil, "flexString2Label": nil,
	} {
		if cef[key] != want {
			t.Errorf("CEF: %s is %v, want %v", key, cef[key], want)
		}
	}
	a.Added = map[string]any{"srcip_geo": map[string]any{"country": "NL"}}
	_, leef := fieldsOf(t, "leef.json", a, Context{PossibleRepeat: true})
	for key, want := range map[string]any{
		"devTime": "Nov 23 2026 13:20:17.123 UTC", "devTimeFormat": "MMM dd yyyy HH:mm:ss.SSS z", "sev": 6.0, "src": "203.0.113.9", "srcPort": "4017", "usrName": "root",
		"identHostName": "web-01", "srcCountry": "NL", "possibleRepeat": "true", "isLoginEvent": nil,
	} {
		if leef[key] != want {
			t.Errorf("LEEF: %s is %v, want %v", key, leef[key], want)
		}
	}
	for name, tt := range map[string]struct {
		level string
		c     Context
		want  float64
		state any
	}{
		"critical": {"15", Context{}, 10, nil}, "high": {"12", Context{}, 8, nil}, "low": {"4", Context{}, 3, nil}, "info": {"3", Context{}, 1, nil}, "unknown": {`"x"`, Context{}, 6, nil},
		"a test": {"12", Context{Sample: "5712"}, 8, "test"}, "taken": {"15", Context{Action: notifier.Acknowledge, Taken: &Taken{By: "x"}}, 1, "taken"}, "over": {"15", Context{Action: notifier.Resolve, Resolved: &Resolved{}}, 1, "resolved"},
		"may be a copy": {"12", Context{PossibleRepeat: true}, 8, "possible repeat"},
	} {
		header, cef := fieldsOf(t, "cef.json", alert.Parse([]byte(`{"rule":{"id":"1","level":`+tt.level+`}}`), alert.Options{}), tt.c)
		if header["severity"] != tt.want || cef["flexString1"] != tt.state {
			t.Errorf("%s: severity %v, state %v, want %v, %v", name, header["severity"], cef["flexString1"], tt.want, tt.state)
		}
	}
}

// A message about a program says how that ended, and is no second copy of the alert, however severe and whatever that was.
func TestSecurityEventOfAProgramsEnd(t *testing.T) {
	a := alert.Parse([]byte(`{"rule":{"id":"5715","level":15,"description":"login","groups":["sshd","authentication_success"]},"data":{"srcip":"203.0.113.9"},"full_log":"Accepted password"}`), alert.Options{})
	for name, tt := range map[string]struct {
		c    Context
		want map[string]any
	}{
		"done":   {Context{Ran: &notifier.Ran{Program: "block-ip", Took: 3200 * time.Millisecond, Output: "blocked\n"}}, map[string]any{"outcome": "success", "reason": "status 0 after 3.2 s", "log": "blocked"}},
		"failed": {Context{Ran: &notifier.Ran{Program: "block-ip", Status: -1, Ended: "ended by us"}}, map[string]any{"outcome": "failure", "reason": "ended by us", "log": nil}},
		"a test": {Context{Sample: "5715", Ran: &notifier.Ran{Program: "block-ip", Status: 3}}, map[string]any{"outcome": "failure", "state": "test", "log": nil}},
	} {
		tt.c.Action = notifier.Report
		header, cef := fieldsOf(t, "cef.json", a, tt.c)
		_, leef := fieldsOf(t, "leef.json", a, tt.c)
		if header["severity"] != 1.0 || leef["sev"] != 1.0 || leef["isLoginEvent"] != nil {
			t.Errorf("%s: severity %v and %v, login %v", name, header["severity"], leef["sev"], leef["isLoginEvent"])
		}
		want := map[string]any{"action": "block-ip", "state": "ran"}
		maps.Copy(want, tt.want)
		for key, v := range want {
			if of := map[string]string{"action": "act", "state": "flexString1", "log": "cs6"}; leef[key] != v || cef[gocmp.Or(of[key], key)] != v {
				t.Errorf("%s: %s is %v in LEEF and %v in CEF, want %v", name, key, leef[key], cef[gocmp.Or(of[key], key)], v)
			}
		}
	}
}

// A message about many alerts says nothing that only one of them would say.
func TestSecurityEventOfMany(t *testing.T) {
	a := alert.Parse([]byte(`{"timestamp":"2026-11-23T13:20:17.123+0000","rule":{"id":"5712","level":10,"description":"brute force","groups":["sshd"]},"agent":{"id":"001","name":"web-01"},"location":"/var/log/auth.log"}`), alert.Options{})
	from := a.Time.Add(-time.Hour)
	c := Context{Summary: &digest.Summary{Kind: digest.Scheduled, Total: 4, From: from, To: a.Time, Highest: int(alert.Medium), Level: 10}, Alerts: []*alert.Alert{a}}
	header, cef := fieldsOf(t, "cef.json", a, c)
	if header["vendor"] != "ossec-notify" || header["id"] != "digest" || header["severity"] != 6.0 {
		t.Errorf("header %v", header)
	}
	for key, want := range map[string]any{
		"cnt": 4.0, "start": float64(from.UnixMilli()), "end": float64(a.Time.UnixMilli()), "rt": float64(a.Time.UnixMilli()), "flexString1": "digest",
		"cs1": nil, "cs2": nil, "deviceExternalId": nil,
	} {
		if cef[key] != want {
			t.Errorf("CEF: %s is %v, want %v", key, cef[key], want)
		}
	}
	if data, _ := fieldsOf(t, "data.json", a, c); data["host"] != nil || data["rule"] != nil || data["family"] != "digest" {
		t.Errorf("structured data: %v", data)
	}
	_, leef := fieldsOf(t, "leef.json", a, c)
	for key, want := range map[string]any{"count": 4.0, "state": "digest", "policy": nil, "groups": nil, "location": nil, "agentId": nil} {
		if leef[key] != want {
			t.Errorf("LEEF: %s is %v, want %v", key, leef[key], want)
		}
	}
}
