package draw

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

func TestWeb(t *testing.T) {
	for _, tt := range []struct{ name, kind, body, want string }{
		{"JSON", "application/json; charset=utf-8", `{"a":[1,true],"b":{}}`,
			`pre[run "{\n  " of "sign" run "\"a\"" of "key" run ": [\n    " of "sign" run "1" of "number" run ",\n    " of "sign" run "true" of "word" run "\n  ],\n  " of "sign" run "\"b\"" of "key" run ": {}\n}" of "sign"]`},
		{"JSON that is set out already", "application/json", "{\n \"a\" : 1e400\n}\n", `pre[run "{\n " of "sign" run "\"a\"" of "key" run " : " of "sign" run "1e400" of "number" run "\n}\n" of "sign"]`},
		{"JSON by another name", "application/problem+json", `"\u202e"`, `pre[run "\"\\u202e\"" of "string"]`},
		{"JSON without a type", "", `[null]`, `pre[run "[\n  " of "sign" run "null" of "word" run "\n]" of "sign"]`},
		{"what says it is JSON", "application/json", `{"a": nope}`, `pre[run "{\n  " of "sign" run "\"a\"" of "key" run ": " of "sign" run "nope" run "\n}" of "sign"]`},
		{"a secret within", "application/json", `"x[redacted]y"`, `pre[run "\"x" of "string" redact "redacted" run "y\"" of "string"]`},
		{"a form", "application/x-www-form-urlencoded", "a=b+c%26&d=%5B1%5D&e&%zz", `table "the form, decoded"[kv "a"["b c&"] kv "d"[pre[run "[\n  " of "sign" run "1" of "number" run "\n]" of "sign"]] kv "e" kv "%zz"]`},
		{"text", "text/plain", "<b>\n\u202e", `pre["<b>\n" box "U+202E"]`},
		{"XML", "application/xml", "<a/>", `pre["<a/>"]`},
		{"bytes", "application/octet-stream", "\x00\xff", `pre[box "U+0000" box "0xFF"]`},
		{"nothing", "text/plain", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := Web("POST", "https://a.example/[redacted]", [][2]string{{"content-type", tt.kind}, {"Authorization", "Splunk [redacted]"}}, []byte(tt.body))
			if got, want := outline(n.Children[:3]...), fmt.Sprintf(`p["https://a.example/" redact "redacted"] kv "content-type"[%q] kv "Authorization"["Splunk " redact "redacted"]`, tt.kind); tt.kind != "" && got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if got := outline(n.Children[3:]...); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if n.Text != "POST" {
				t.Errorf("the method is %q", n.Text)
			}
		})
	}
}

func TestWhatIsHugeIsBounded(t *testing.T) {
	for name, body := range map[string]string{
		"deep":         strings.Repeat("[", 500_000) + strings.Repeat("]", 500_000),
		"deep objects": strings.Repeat(`{"a":`, 200_000) + "1" + strings.Repeat("}", 200_000),
		"wide":         "[" + strings.Repeat("[],", 300_000) + "1]",
		"many strings": "[" + strings.Repeat(`"a",`, 300_000) + "1]",
		"unfinished":   strings.Repeat(`{"a":[`, 100_000),
		"quotes":       strings.Repeat(`"`, 500_001),
	} {
		t.Run(name, func(t *testing.T) {
			check := func(what string, n Node) {
				nodes, bytes := 0, 0
				each(n, func(n Node) { nodes, bytes = nodes+1, bytes+len(n.Text)+len(n.Style)+len(n.Was) })
				if nodes > 3*maxRuns || bytes > 8*len(body)+1<<20 {
					t.Errorf("%s: %d nodes with %d bytes, of %d", what, nodes, bytes, len(body))
				}
			}
			if got := TextOf(line(JSON([]byte(body)))); got != body {
				t.Error("the runs are not the body")
			}
			check("the request", Web("POST", "https://a.example", nil, []byte(body)))
			m, _, _ := Slack([]byte(`{"blocks":` + body + `,"x":` + body + `}`))
			check("Slack", m)
			m, _, _ = PagerDuty([]byte(`{"payload":{"custom_details":{"a":` + body + `}}}`))
			check("PagerDuty", m)
			n, _ := Event([]byte(`{"event":{"a":` + body + `}}`))
			check("the event", n)
			n, _ = Event([]byte(body))
			check("the events", n)
		})
	}
}

func TestPagerDutySaysWhatTheEventSays(t *testing.T) {
	for name, body := range goldens(t, "pagerduty/testdata/*.json") {
		t.Run(name, func(t *testing.T) {
			incident, phone, err := PagerDuty(body)
			if err != nil {
				t.Fatal(err)
			}
			var e struct {
				Key     string `json:"dedup_key"`
				Payload struct {
					Summary, Source, Class string
					Details                map[string]string `json:"custom_details"`
				}
			}
			if err := json.Unmarshal(body, &e); err != nil {
				t.Fatal(err)
			}
			if got := TextOf(phone); got != e.Payload.Summary {
				t.Errorf("the phone shows %q, want %q", got, e.Payload.Summary)
			}
			rows := map[string]string{}
			var order []string
			each(incident, func(n Node) {
				if n.Kind == Pair {
					rows[n.Text] = TextOf(Node{Kind: Group, Children: n.Children})
					order = append(order, n.Text)
				}
			})
			want := map[string]string{"Source": e.Payload.Source, "Class": e.Payload.Class, "Dedup key": e.Key}
			for k, v := range e.Payload.Details {
				want[k] = v
			}
			for k, v := range want {
				if rows[k] != v {
					t.Errorf("%s is %q, want %q", k, rows[k], v)
				}
			}
			if got := TextOf(find(incident, Heading)); got != e.Payload.Summary {
				t.Errorf("the title is %q, want %q", got, e.Payload.Summary)
			}
			details := order[len(order)-len(e.Payload.Details):]
			for i := 1; i < len(details); i++ {
				if details[i-1] >= details[i] {
					t.Errorf("%s stands before %s", details[i-1], details[i])
				}
			}
		})
	}
}

func TestPagerDutyActions(t *testing.T) {
	for body, want := range map[string]string{
		`{"event_action":"acknowledge","dedup_key":"a/b"}`:        `message "Acknowledged" of "pagerduty"[table[kv "Dedup key"[p["a/b"] note "acknowledges the incident of this key, and calls nobody"]]]`,
		`{"event_action":"resolve","dedup_key":"a/b"}`:            `message "Resolved" of "pagerduty"[table[kv "Dedup key"[p["a/b"] note "resolves the incident of this key, and calls nobody"]]]`,
		`{"event_action":"dance","routing_key":"not to be seen"}`: `message "dance" of "pagerduty"`,
	} {
		incident, phone, err := PagerDuty([]byte(body))
		if got := outline(incident); err != nil || got != want || phone.Kind != "" {
			t.Errorf("got  %s (%v, phone %v)\nwant %s", got, err, phone, want)
		}
	}
	incident, _, err := PagerDuty([]byte(`{"event_action":"trigger","payload":{"custom_details":{"log":"1\n2\n3\n4\n5\n6\n… 6 of 9 lines","n":5}}}`))
	want := `table "Custom details, A to Z as PagerDuty sorts them"[kv "log"[pre["1\n2\n3\n4"] fold "2 more lines"[pre["5\n6"]] cut "3 lines cut here" p["… 6 of 9 lines"]] kv "n"[run "5" of "number"]]`
	if got := outline(incident.Children...); err != nil || got != want {
		t.Errorf("got  %s (%v)\nwant %s", got, err, want)
	}
	if incident, _, err := PagerDuty([]byte("no JSON")); err == nil || TextOf(incident) != "no JSON" {
		t.Errorf("%v, drawn as %q", err, TextOf(incident))
	}
}

func TestEvent(t *testing.T) {
	n, err := Event([]byte(`{"time":1795440502.412,"host":"web-01","source":"/var/log/x","sourcetype":"ossec:alert","index":"ossec","fields":{"family":"f"},"event":{"b":1.50,"a":{"x":[1]},"c":{}},"odd":1}
 {"event":"just text"}{"time":"never","event":[1]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := `message "2026-11-23 13:28:22.412 UTC" of "splunk"[pre[run "{\n  " of "sign" run "a" of "key" run ": {" of "sign" ` +
		`fold "+1"[run "\n    " of "sign" run "\"x\"" of "key" run ": [\n      " of "sign" run "1" of "number" run "\n    ]\n  " of "sign"] ` +
		`run "}\n  " of "sign" run "b" of "key" run ": " of "sign" run "1.50" of "number" run "\n  " of "sign" run "c" of "key" run ": " of "sign" run "{}\n}" of "sign"] ` +
		`table[kv "host"["web-01"] kv "source"["/var/log/x"] kv "sourcetype"["ossec:alert"] kv "index"["ossec"] kv "family"["f"]] ` +
		`json "more in the envelope"[run "{\n  " of "sign" run "\"odd\"" of "key" run ": " of "sign" run "1" of "number" run "\n}" of "sign"]]`
	if got := outline(n.Children[0]); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got, want := outline(n.Children[1:]...), `message of "splunk"[pre["just text"]] message "never" of "splunk"[pre[run "[\n  " of "sign" run "1" of "number" run "\n]" of "sign"]]`; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	long := `{"event":{"log":"` + strings.Repeat("é", 2000) + `\n"}}`
	n, err = Event([]byte(long))
	if fold := find(n, Fold); err != nil || fold.Text != "504 more characters" || len([]rune(TextOf(fold))) != 504 {
		t.Errorf("%v, %q is folded", err, fold.Text)
	}
	if want := "{\n  log: " + long[len(`{"event":{"log":`):len(long)-2] + "\n}"; TextOf(n) != want {
		t.Errorf("it says %q", TextOf(n))
	}
	for _, body := range []string{"", " ", "x", `{"event":1}}`, `{"event":1`, "[]"} {
		if n, err := Event([]byte(body)); err == nil || !strings.Contains(said(n), strings.TrimPrefix(strings.TrimSpace(body), `{"event":1}`)) {
			t.Errorf("%q: %v, drawn as %s", body, err, outline(n))
		}
	}
	if n, err := Event([]byte(strings.Repeat(`{"event":1}`, maxEvents+50))); err == nil || len(n.Children) != maxEvents+1 {
		t.Errorf("%v, %d nodes", err, len(n.Children))
	}
}

func TestEventLines(t *testing.T) {
	query := url.Values{"host": {"web-01"}, "index": {"ossec\u202e"}, "channel": {"x"}}
	n, err := EventLines(query, []byte(`{"time":"2026-11-23T13:28:22.412+01:00","b":1,"a":{}}`+"\r\n\n"+`{"a":1,"time":"x"}`+"\njust text\x1b\n"))
	if err != nil {
		t.Fatal(err)
	}
	const table = ` table[kv "host"["web-01"] kv "index"["ossec" box "U+202E"]]]`
	want := []string{
		`message "2026-11-23 12:28:22.412 UTC" of "splunk"[pre[run "{\n  " of "sign" run "a" of "key" run ": " of "sign" run "{}\n  " of "sign" run "b" of "key" run ": " of "sign" run "1" of "number" run "\n}" of "sign"]` + table,
		`message of "splunk"[pre[run "{\n  " of "sign" run "a" of "key" run ": " of "sign" run "1" of "number" run "\n  " of "sign" run "time" of "key" run ": " of "sign" run "\"x\"" of "string" run "\n}" of "sign"]` + table,
		`message of "splunk"[pre["just text" box "U+001B"]` + table,
	}
	for i, c := range n.Children {
		if got := outline(c); got != want[i] {
			t.Errorf("got\n%s\nwant\n%s", got, want[i])
		}
	}
	for _, body := range []string{"", "\n \r\n"} {
		if n, err := EventLines(nil, []byte(body)); err == nil {
			t.Errorf("%q: drawn as %s", body, outline(n))
		}
	}
	if n, err := EventLines(nil, []byte(strings.Repeat("x\n", maxEvents+50))); err == nil || len(n.Children) != maxEvents+1 || strings.Count(TextOf(n), "x") != maxEvents+50 {
		t.Errorf("%v, %d nodes", err, len(n.Children))
	}
}
