package hectest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/enrich/enrichtest"
	"github.com/ossec-notify/ossec-notify/sandbox"
)

// story is the config of a house in Germany: it keeps every block in an index of its own, and hears in Slack of those whose address
// is elsewhere.
const story = `
enrich:
  geoip: [places.mmdb]
receivers:
  siem:
    splunk:
      url: %s
      token: %s
      index: '{{ if eq .Family "active_response" }}blocks{{ else }}ossec{{ end }}'
  soc:
    slack: {webhook_url: %s}
routes:
  - name: blocks
    match: {rule: 601}
    to: [siem]
    continue: true
  - name: from abroad
    match: {rule: 601, not: {field.srcip_geo.country: "^DE$"}}
    to: [soc]
  - name: at home
    match: {rule: 601}
    to: []
`

// blocked is the file that OSSEC's integratord writes when an address was blocked.
const blocked = `alertdate='2026 Mar 14 09:10:31'
alertlocation='gate->/var/ossec/logs/active-responses.log'
ruleid='601'
alertlevel='3'
ruledescription='Host Blocked by firewall-drop.sh Active Response'
alertlog='Sat Mar 14 09:10:32 UTC 2026 /var/ossec/active-response/bin/firewall-drop.sh add - %[1]s 1773475830.3 5712'
srcip='%[1]s'
`

// What ossec-notify is for, from one end to the other, with real processes: OSSEC blocks an address, the program that integratord
// calls finds out where that is, Splunk's index gets the event and acknowledges it, and Slack is told where the country is not ours.
func TestBlocksGoToTheirIndexAndThoseFromAbroadToSlack(t *testing.T) {
	collector := start(t, true)
	slack, err := sandbox.Start(sandbox.Options{HTTPAddr: "127.0.0.1:0", SMTPAddr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = slack.Close() })

	home := filepath.Join(t.TempDir(), "ossec")
	for _, dir := range []string{"integrations", "etc", "logs", "queue", "tmp"} {
		if err := os.MkdirAll(filepath.Join(home, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, content string) string {
		t.Helper()
		path := filepath.Join(home, name)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	program := filepath.Join(home, "integrations", "custom-notify")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./cmd/ossec-notify")
	build.Dir = filepath.Join("..", "..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	places := enrichtest.Database{Type: "City", Networks: map[string]any{
		"81.2.69.0/24":    map[string]any{"country": map[string]any{"iso_code": "GB"}, "city": map[string]any{"names": map[string]any{"en": "London"}}},
		"80.128.0.0/16":   map[string]any{"country": map[string]any{"iso_code": "DE"}, "city": map[string]any{"names": map[string]any{"en": "Bonn"}}},
		"2a02:d400::/29":  map[string]any{"country": map[string]any{"iso_code": "FR"}},
		"2003:c000::/23":  map[string]any{"country": map[string]any{"iso_code": "DE"}},
		"216.160.83.0/24": map[string]any{"country": map[string]any{"iso_code": "US"}, "city": map[string]any{"names": map[string]any{"en": "Milton"}}},
	}}
	if err := places.Write(filepath.Join(home, "etc", "places.mmdb")); err != nil {
		t.Fatal(err)
	}
	write("etc/ossec-notify.yaml", fmt.Sprintf(story, collector.url, token, slack.SlackWebhookURL()))

	run := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Env = []string{"PATH=/usr/bin:/bin", "TZ=UTC"}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	command := filepath.Join(home, "ossec-notify") // by this name it is no door
	if err := os.Link(program, command); err != nil {
		t.Fatal(err)
	}
	abroad, ours := []string{"81.2.69.160", "2a02:d400::7", "216.160.83.56"}, []string{"80.128.1.1", "2003:c000::1"}
	for i, address := range append(append([]string{}, abroad...), ours...) {
		run(program, write(fmt.Sprintf("tmp/custom-notify-%d.alert", i), fmt.Sprintf(blocked, address)), "", "") // as integratord does, serial
	}
	// The deliverer works in the background: it is done when the outbox says so of all of them.
	var deliveries []struct{ Receiver, State, Error string }
	for end := time.Now().Add(time.Minute); ; {
		deliveries = nil
		for line := range strings.Lines(run(command, "outbox", "list", "--all", "--format", "json", "--home", home)) {
			var d struct{ Receiver, State, Error string }
			if err := json.Unmarshal([]byte(line), &d); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			deliveries = append(deliveries, d)
		}
		waiting := 0
		for _, d := range deliveries {
			if d.State != "delivered" {
				waiting++
			}
		}
		if len(deliveries) == len(abroad)*2+len(ours) && waiting == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("not delivered within a minute: %v", deliveries)
		}
		<-time.After(20 * time.Millisecond)
	}

	countries := map[string]string{}
	for _, r := range collector.records() {
		event, _ := r.Body.(map[string]any)
		if r.Index != "blocks" || event["action"] != "blocked" || event["signature_id"] != "601" {
			t.Errorf("an event is in index %q: %v", r.Index, event)
		}
		place, _ := event["srcip_geo"].(map[string]any)
		countries[fmt.Sprint(event["src"])] = fmt.Sprint(place["country"])
	}
	want := map[string]string{"81.2.69.160": "GB", "2a02:d400::7": "FR", "216.160.83.56": "US", "80.128.1.1": "DE", "2003:c000::1": "DE"}
	if len(collector.records()) != len(want) || fmt.Sprint(countries) != fmt.Sprint(want) {
		t.Errorf("%d events, from %v, want each once, from %v", len(collector.records()), countries, want)
	}
	told := ""
	for _, m := range slack.Messages() {
		if !m.Accepted {
			t.Errorf("Slack refuses a message: %v", m.Problems)
		}
		told += string(m.Body) + "\n"
	}
	for _, address := range abroad {
		if strings.Count(told, "Blocked "+address+" on gate") == 0 {
			t.Errorf("Slack was not told of %s:\n%s", address, told)
		}
	}
	for _, address := range ours {
		if strings.Contains(told, address) {
			t.Errorf("Slack was told of %s, which is ours", address)
		}
	}
	if !strings.Contains(told, "London") {
		t.Errorf("Slack does not show where the address is:\n%s", told)
	}
	// explain says why, of an alert that it has seen and of one that it has not.
	explained := run(command, "explain", "--home", home, write("tmp/again.alert", fmt.Sprintf(blocked, ours[0])))
	for _, part := range []string{"srcip_geo", "DE", "at home"} {
		if !strings.Contains(explained, part) {
			t.Errorf("explain does not say %q:\n%s", part, explained)
		}
	}
}
