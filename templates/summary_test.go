package templates

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/family"
	"github.com/ossec-notify/ossec-notify/notifier"
)

var update = flag.Bool("update", false, "write the golden files anew")

// corpusAlert is an alert of the shared corpus.
func corpusAlert(t testing.TB, file string) *alert.Alert {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "testdata", "alerts", file))
	if err != nil {
		t.Fatal(err)
	}
	return alert.Parse(raw, alert.Options{FileName: filepath.Base(file), Location: time.UTC})
}

// of so many alerts of a file, which arrived one after the other.
type arrival struct {
	file  string
	count int
	from  time.Time
	every time.Duration
	make  func(a *alert.Alert, i int) // changes the i-th
}

func tenPM() time.Time { return time.Date(2026, 11, 23, 22, 1, 7, 0, time.FixedZone("", 3600)) }

// summary is a message about alerts that arrived.
func summary(t testing.TB, about digest.Summary, isNew func(string) bool, arrivals ...arrival) Context {
	t.Helper()
	about.Receiver = "soc"
	b := digest.New(about, isNew)
	byID := map[string]*alert.Alert{}
	for _, x := range arrivals {
		for i := range x.count {
			a := corpusAlert(t, x.file)
			if a.ID != "" {
				a.ID = fmt.Sprintf("%s%03d", a.ID, i)
			}
			if x.make != nil {
				x.make(a, i)
			}
			byID[a.Identity()] = a
			b.Add(a, family.Read(a), alert.DefaultScale.Severity(a.Rule.Level), x.from.Add(time.Duration(i)*x.every), 1)
		}
	}
	c := Context{ID: "d-0123456789abcdef", Summary: b.Summary()}
	for _, s := range c.Summary.Samples {
		c.Alerts = append(c.Alerts, byID[s.Identity])
	}
	return c
}

// onHosts gives every alert one of so many hosts and addresses.
func onHosts(hosts, sources int) func(*alert.Alert, int) {
	return func(a *alert.Alert, i int) {
		a.Host = fmt.Sprintf("web-%02d", i%hosts)
		a.Agent.Name = a.Host
		a.Source.IP = fmt.Sprintf("203.0.113.%d", i%sources)
	}
}

func night(t testing.TB) Context {
	ten := tenPM()
	return summary(t, digest.Summary{
		Kind: digest.Window, Route: "shop/night", Why: "night, until 06:00",
		Opened: ten.Truncate(time.Hour), Closed: ten.Truncate(time.Hour).Add(8 * time.Hour),
	}, func(rule string) bool { return rule == "550" },
		arrival{"wazuh/5712-ssh-brute-force.json", 412, ten, 69 * time.Second, onHosts(3, 41)},
		arrival{"wazuh/550-fim-changed.json", 7, ten.Add(time.Hour), time.Minute, nil},
		arrival{"wazuh/100102-labels-and-numbers.json", 2, ten.Add(2 * time.Hour), time.Minute, nil},
		arrival{"hostile/mentions.json", 1, ten.Add(3 * time.Hour), time.Minute, nil},
		arrival{"wazuh/651-blocked.json", 41, ten, time.Minute, nil},
		arrival{"wazuh/62723-azure.json", 3, ten, time.Minute, nil},
		arrival{"wazuh/60122-windows-logon-failure.json", 3, ten, time.Minute, nil},
		arrival{"wazuh/31151-web-scan.json", 3, ten, time.Minute, nil},
		arrival{"wazuh/5402-sudo.json", 3, ten, time.Minute, nil},
		arrival{"wazuh/504-agent-disconnected.json", 3, ten, time.Minute, nil},
		arrival{"wazuh/502-manager-started.json", 3, ten, time.Minute, nil},
		arrival{"wazuh/5902-user-added.json", 3, ten, time.Minute, nil},
	)
}

// messages are those that say something of more than one alert, or of what became of one.
func messages(t *testing.T) map[string]func() (*alert.Alert, Context) {
	ten := tenPM()
	one := func(file string, c Context) func() (*alert.Alert, Context) {
		return func() (*alert.Alert, Context) { return corpusAlert(t, file), c }
	}
	many := func(c Context) func() (*alert.Alert, Context) {
		return func() (*alert.Alert, Context) {
			if len(c.Alerts) > 0 {
				return c.Alerts[0], c
			}
			return nil, c
		}
	}
	const brute, gone, back = "wazuh/5712-ssh-brute-force.json", "wazuh/504-agent-disconnected.json", "wazuh/503-agent-started.json"
	began := corpusAlert(t, brute).Time
	again := alert.Parse(bytes.ReplaceAll(corpusAlert(t, back).Raw, []byte("web-01"), []byte("db-01")), alert.Options{Location: time.UTC})
	return map[string]func() (*alert.Alert, Context){
		"window": many(night(t)),
		"digest": many(summary(t, digest.Summary{Kind: digest.Scheduled, Route: "shop", Why: "1 week"}, nil,
			arrival{brute, 3, ten, 50 * time.Hour, onHosts(1, 2)},
			arrival{"log/510-rootcheck.log", 1, ten, 0, nil})),
		"throttle": many(summary(t, digest.Summary{Kind: digest.Throttle, Why: "20/h"}, nil, arrival{brute, 31, ten, time.Minute, nil})),
		"storm":    many(summary(t, digest.Summary{Kind: digest.Storm}, nil, arrival{"wazuh/5710-ssh-unknown-user.json", 1240, ten, 100 * time.Millisecond, onHosts(1, 200)})),
		"storm-begins": many(Context{ID: "d-0123456789abcdef", Summary: &digest.Summary{
			Kind: digest.StormBegins, Receiver: "soc", Place: "#soc", From: ten, To: ten, Waiting: 1240, Braked: []int{int(alert.Info), int(alert.Low)}, Level: -1}}),
		"storm-over": many(Context{ID: "d-0123456789abcdef", Summary: &digest.Summary{
			Kind: digest.StormOver, Receiver: "soc", Place: "#soc", From: ten, To: ten.Add(18 * time.Minute), Total: 3902, Digests: 4, Level: -1}}),
		"silence": many(summary(t, digest.Summary{Kind: digest.Silence, Why: "NAME: kernel update"}, nil,
			arrival{"wazuh/5710-ssh-unknown-user.json", 61, ten, time.Minute, nil})),
		"silence-hostile": many(summary(t, digest.Summary{Kind: digest.Silence, Why: "<!channel> `x` http://evil.example/"}, nil,
			arrival{"wazuh/5710-ssh-unknown-user.json", 1, ten, time.Minute, nil})),
		"inhibit": many(summary(t, digest.Summary{Kind: digest.Inhibit, Why: "maintenance"}, nil,
			arrival{brute, 9, ten, time.Minute, nil}, arrival{"wazuh/550-fim-changed.json", 5, ten, time.Minute, nil})),
		"group-same": many(summary(t, digest.Summary{Kind: digest.Group, Route: "shop", By: "rule 5712, agent web-01"}, nil,
			arrival{brute, 12, ten, 20 * time.Second, nil})),
		"group-one-kind": many(summary(t, digest.Summary{Kind: digest.Group, Route: "shop", By: "rule 5712"}, nil,
			arrival{brute, 12, ten, 20 * time.Second, onHosts(2, 12)})),
		"group-mixed": many(summary(t, digest.Summary{Kind: digest.Group, Route: "shop", By: "agent <!channel> web-01"}, nil,
			arrival{brute, 3, ten, 20 * time.Second, nil}, arrival{"wazuh/550-fim-changed.json", 2, ten, 20 * time.Second, nil})),
		"quiet-edit": one(brute, Context{Action: "update", Edit: true, AckURL: "https://notify.example.com/ack/D1?s=abc&t=1",
			Quiet: &Quiet{15 * time.Minute, 212, began.UTC(), began.UTC().Add(2 * time.Hour)}}),
		"taken-edit": one(brute, Context{Action: "acknowledge", Edit: true, Seen: &Seen{37, began.UTC(), began.UTC().Add(15 * time.Minute)},
			Taken: &Taken{"NAME", "Slack link", began.Add(3 * time.Minute)}, Opened: began}),
		"resolved-edit": one(gone, Context{Action: "update", Edit: true, Resolved: &Resolved{42 * time.Minute, again}, Taken: &Taken{"NAME", "command line", began.Add(3 * time.Minute)},
			Quiet: &Quiet{15 * time.Minute, 12, began.UTC(), began.UTC().Add(2 * time.Hour)}}),
		"taken-name": one(brute, Context{Action: "acknowledge", Taken: &Taken{"NAME", "PagerDuty", began.Add(3 * time.Minute)}, Opened: began}),
		"seen": one(brute, Context{Action: "update", AckURL: "https://notify.example.com/ack/D1?s=abc&t=1",
			Seen: &Seen{37, began.UTC(), began.UTC().Add(15 * time.Minute)}, Late: 14 * time.Minute, LateWhy: "Slack answered 429"}),
		"quiet": one(brute, Context{Action: "update", Quiet: &Quiet{15 * time.Minute, 212, began.UTC(), began.UTC().Add(2 * time.Hour)}}),
		"step": one(brute, Context{Step: &Step{2, 3, []string{"oncall"}, 10 * time.Minute}, AckURL: "https://notify.example.com/ack/D1?s=abc&t=1",
			OnCall: []string{"NAME"}}),
		"taken": one(brute, Context{Action: "acknowledge", Step: &Step{3, 3, []string{"oncall", "back<up>"}, 10 * time.Minute},
			Taken: &Taken{"NAME <!here>", "mail link", began.Add(31 * time.Hour)}, Opened: began}),
		"ran": one(brute, Context{Action: "report", Ran: &notifier.Ran{Program: "block-ip", Receiver: "block", Delivery: "JPXVMYY66BVJQRVP", Took: 3200 * time.Millisecond,
			Output: "added 203.0.113.9 to set blocked\n<!channel> ```fence``` \x1b[31mred\nhttp://evil.example/\n"}}),
		"ran-failed": one(brute, Context{Action: "report", Sample: "5712", Ran: &notifier.Ran{Program: "<!here> run", Receiver: "block_all", Delivery: "JPXVMYY66BVJQRVP", Status: -1,
			Ended: "ended by us at its timeout of 2 min", Took: 125 * time.Second, Output: strings.Repeat("x", 1300), Dropped: 5000}}),
		"resolved": one(gone, Context{Action: "resolve", Resolved: &Resolved{42 * time.Minute, again}, Taken: &Taken{"NAME", "command line", began.Add(3 * time.Minute)}}),
	}
}

// TestMessagesAboutMessages holds all that is said of more than one alert against testdata/NAME.golden. What stands in
// ⟦ ⟧ is alert text.
func TestMessagesAboutMessages(t *testing.T) {
	set, err := Load(Options{Links: map[string]string{"alert": "https://wazuh.example.com/alert/{{.ID}}"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, message := range messages(t) {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			for _, channel := range []string{"slack", "pagerduty", "email", "webhook", "splunk"} {
				a, c := message()
				c.Receiver, c.Channel, c.Delivery = "soc", channel, "D1"
				if c.Summary != nil {
					c.Route = c.Summary.Route
				}
				d := NewData(a, alert.DefaultScale, c)
				p, err := set.Parts(d)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&b, "## %s, key %s, severity %s\n", channel, d.DedupKey, d.Severity)
				for _, part := range slices.Sorted(maps.Keys(p)) {
					if part == "raw" || part == "original" {
						continue
					}
					fmt.Fprintf(&b, "# %s\n%s\n", part, goldenPart(t, part, p[part]))
				}
			}
			golden(t, name+".golden", b.String())
		})
	}
}

func goldenPart(t *testing.T, name string, text display.Text) string {
	t.Helper()
	if !strings.HasSuffix(name, ".json") {
		return text.Render(func(s string) string { return s }, func(s string) string { return "⟦" + s + "⟧" })
	}
	var v any
	dec := json.NewDecoder(strings.NewReader(text.Raw()))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%s is no JSON: %v", name, err)
	}
	if m, ok := v.(map[string]any); ok {
		delete(m, "original")
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (go test ./templates -update writes it)", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", path, diff)
	}
}

// TestTemplatesThatKnowNoDigestsAreNotAskedForThem: what is defined for one alert says nothing of many.
func TestTemplatesThatKnowNoDigestsAreNotAskedForThem(t *testing.T) {
	const own = `{{define "sentence"}}{{.Rule.Description}}{{end}}{{define "facts"}}Geo: {{.Source.Geo}}x{{end}}
{{define "next"}}Call 555.{{end}}{{define "next.rule.5712"}}Call 5712.{{end}}{{define "sentence.group.sshd"}}no{{end}}{{define "log"}}no{{end}}{{define "footer.auth_failure"}}no{{end}}`
	for _, tc := range []struct {
		name, define, want string
		kind               digest.Kind
	}{
		{"one alert's", own, "Digest for soc: 3 alerts, 22:01:07 to 22:03:07, highest MEDIUM\nWhy  above the rate\n3  MEDIUM  SSH brute force, web-01, 203.0.113.9, 22:01:07 to 22:03:07\nNext: Look for what you do not expect.", digest.Throttle},
		{"the next step of the one rule in a group", own, "MEDIUM, 3 alerts: SSH brute force from 203.0.113.9 on web-01\n3  MEDIUM  SSH brute force, web-01, 203.0.113.9, 22:01:07 to 22:03:07\nNext: Call 5712.", digest.Group},
		{"many alerts'", own + `{{define "sentence.digest"}}{{.Summary.Total}} of {{.Summary.Kind}}{{end}}{{define "facts.digest"}}{{range .Summary.Rows}}{{.Rule}}: {{.Count}} on {{.Host}}
{{end}}{{end}}{{define "next.digest"}}{{range .Alerts}}{{.Word}} {{.Sentence}}{{break}}{{end}}{{end}}`,
			"3 of throttle\n5712: 3 on web-01\nNext: MEDIUM SSH brute force from 203.0.113.9 on web-01", digest.Throttle},
		{"a message of the operator's that asks", `{{define "slack.text"}}{{if .Summary}}{{.Summary.Total}} alerts{{else}}one{{end}}: {{part "severity" .}}{{end}}`, "3 alerts: MEDIUM", digest.Window},
		{"one that does not", `{{define "slack.text"}}{{.Severity}} on {{.Host}}: {{.Sentence}}{{end}}`, "medium on web-01: Digest for soc: 3 alerts, 22:01:07 to 22:03:07, highest MEDIUM", digest.Window},
	} {
		t.Run(tc.name, func(t *testing.T) {
			set, err := Default().WithText("own.tmpl", tc.define)
			if err != nil {
				t.Fatal(err)
			}
			c := summary(t, digest.Summary{Kind: tc.kind}, nil, arrival{"wazuh/5712-ssh-brute-force.json", 3, tenPM(), time.Minute, nil})
			c.Receiver, c.Channel = "soc", "slack"
			if got := parts(t, set, NewData(c.Alerts[0], alert.DefaultScale, c))["text"]; got != tc.want {
				t.Errorf("text is\n%s\nwant\n%s", got, tc.want)
			}
			if unused := set.Unused(); len(unused) > 0 {
				t.Errorf("defines that nothing asks for: %v", unused)
			}
		})
	}
}

func TestWhatIsOverHasItsOwnParts(t *testing.T) {
	set, err := Default().WithText("own.tmpl", `{{define "next.rule.504"}}Go there.{{end}}{{define "sentence.resolved"}}{{.Host}} is back{{end}}{{define "facts.resolved"}}Took: {{.Resolved.After}}{{end}}`)
	if err != nil {
		t.Fatal(err)
	}
	a := corpusAlert(t, "wazuh/504-agent-disconnected.json")
	for _, tc := range []struct {
		resolved *Resolved
		want     string
	}{
		{nil, "INFO: Agent db-01 disconnected\nAgent: db-01 (id 002)\nAddress: 192.0.2.12\nNext: Go there."},
		{&Resolved{After: 42 * time.Minute}, "RESOLVED after 42 min: db-01 is back\nTook: 42m0s\nNext: Nothing, if it stays so."},
	} {
		d := NewData(a, alert.DefaultScale, Context{Receiver: "soc", Channel: "slack", Resolved: tc.resolved})
		if got := parts(t, set, d)["text"]; got != tc.want {
			t.Errorf("text is\n%s\nwant\n%s", got, tc.want)
		}
	}
}

// TestLinkToTakeIsAnAddressOrNothing: it comes from the config, and a template may show it beside the others.
func TestLinkToTakeIsAnAddressOrNothing(t *testing.T) {
	for _, tc := range []struct{ url, want string }{
		{"", ""},
		{"https://notify.example.com/ack/1?s=a&t=1", "https://notify.example.com/ack/1?s=a&t=1"},
		{"javascript:alert(1)", ""},
		{"https://notify.example.com/a|b>c", ""},
		{"https://notify.example.com/" + strings.Repeat("x", maxLink), ""},
	} {
		d := NewData(corpusAlert(t, "wazuh/504-agent-disconnected.json"), alert.DefaultScale, Context{Receiver: "soc", Channel: "slack", AckURL: tc.url})
		if got := Default().renderLink("ack", d).String(); got != tc.want {
			t.Errorf("%q gives the link %q, want %q", tc.url, got, tc.want)
		}
	}
}

// TestDetailsAreNeverTooMany: with all that may be said of a message around six facts.
func TestDetailsAreNeverTooMany(t *testing.T) {
	c := Context{Receiver: "soc", Channel: "pagerduty", PossibleRepeat: true, Instead: "x failed", Late: time.Hour, LateWhy: "x",
		Seen: &Seen{Count: 2}, Step: &Step{N: 2, Of: 2, After: time.Hour}, Taken: &Taken{By: "x"}}
	for _, file := range []string{"wazuh/550-fim-whodata-3x.json", "wazuh/60122-windows-logon-failure.json", "wazuh/80202-aws-cloudtrail.json"} {
		m, err := Default().details(NewData(corpusAlert(t, file), alert.DefaultScale, c))
		if err != nil {
			t.Fatal(err)
		}
		if len(m) > maxDetails || m["next"] == "" || m["alert_id"] == "" || m["repeats"] == "" {
			t.Errorf("%s: %d details: %v", file, len(m), m)
		}
	}
}

// TestSummaryOfNothingIsAMessage: the alerts may be gone from the outbox when it is sent.
func TestSummaryOfNothingIsAMessage(t *testing.T) {
	for _, kind := range []digest.Kind{digest.Group, digest.Scheduled, digest.Window, digest.Throttle, digest.Storm, digest.Inhibit, digest.Silence, digest.StormBegins, digest.StormOver, "later"} {
		for _, s := range []*digest.Summary{{Kind: kind, Receiver: "soc"}, {Kind: kind, Receiver: "soc", Total: 2, Highest: 99, Rows: []digest.Row{{Count: 2, Rule: "5712", What: "SSH brute force"}}}} {
			for _, channel := range []string{"slack", "pagerduty", "email", "webhook", "splunk"} {
				d := NewData(nil, alert.DefaultScale, Context{Receiver: "soc", Channel: channel, Delivery: "D1", Summary: s})
				p := parts(t, Default(), d)
				if d.Alert == nil || d.Sentence.Blank() || d.ID != "D1" || len(p) == 0 {
					t.Errorf("%s to %s: sentence %q, id %q, %d parts", kind, channel, d.Sentence, d.ID, len(p))
				}
				if text := Plain(d, nil)["body"].String(); !strings.Contains(text, d.Sentence.String()) || len(s.Rows) > 0 && !kind.Notice() && !strings.Contains(text, "SSH brute force") {
					t.Errorf("%s without templates says %q", kind, text)
				}
			}
		}
	}
}

// TestProgramsSayTheSameOfMany holds programs and text/template together for what TestProgramsSayTheSame does not see.
func TestProgramsSayTheSameOfMany(t *testing.T) {
	set := Default()
	for name, message := range messages(t) {
		for _, channel := range []string{"slack", "pagerduty", "email", "webhook", "splunk"} {
			var said []map[string]string
			for _, interpreted := range []bool{false, true} {
				a, c := message()
				c.Receiver, c.Channel = "soc", channel
				d := NewData(a, alert.DefaultScale, c)
				d.interpreted = interpreted
				said = append(said, parts(t, set, d))
			}
			if diff := cmp.Diff(said[0], said[1]); diff != "" {
				t.Errorf("%s to %s (-program +text/template):\n%s", name, channel, diff)
			}
		}
	}
}

// What is defined for the alerts of a rule is not meant for what a program printed.
func TestWhatAProgramDidIsToldWhateverIsDefinedForItsAlert(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "parts.tmpl"), []byte(`{{define "log.rule.5712"}}the log{{end}}{{define "next.rule.5712"}}Block it.{{end}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	set, err := Load(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	a, _ := messages(t)["ran"]()
	for text, c := range map[string]Context{
		"done":    {Channel: "slack", Ran: &notifier.Ran{Program: "block", Output: "done"}},
		"the log": {Channel: "slack"},
	} {
		parts, err := set.Parts(NewData(a, alert.DefaultScale, c))
		if err != nil {
			t.Fatal(err)
		}
		if got := parts["log"].String(); !strings.Contains(got, text) || strings.Contains(parts["facts"].String(), "Block it.") == (text == "done") {
			t.Errorf("got %s and %s, want %q", got, parts["facts"], text)
		}
	}
}
