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
			b.Add(a, family.Read(a), alert.DefaultScale.Severity(a.Rule.Level), x.from.Add(time.Duration(i)*x.every))
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
		"seen": one(brute, Context{Action: "update", AckURL: "https://notify.example.com/ack/D1?s=abc&t=1",
			Seen: &Seen{37, began.UTC(), began.UTC().Add(15 * time.Minute)}, Late: 14 * time.Minute, LateWhy: "Slack answered 429"}),
		"quiet": one(brute, Context{Quiet: &Quiet{15 * time.Minute, 212}}),
		"step": one(brute, Context{Step: &Step{2, 3, []string{"oncall"}, 10 * time.Minute}, AckURL: "https://notify.example.com/ack/D1?s=abc&t=1",
			OnCall: []string{"NAME"}}),
		"taken": one(brute, Context{Action: "acknowledge", Step: &Step{3, 3, []string{"oncall", "back<up>"}, 10 * time.Minute},
			Taken: &Taken{"NAME <!here>", "mail link", began.Add(31 * time.Hour)}, Opened: began}),
		"resolved": one(gone, Context{Action: "resolve", Resolved: &Resolved{42 * time.Minute, corpusAlert(t, back)}, Taken: &Taken{"NAME", "command line", began.Add(3 * time.Minute)}}),
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
