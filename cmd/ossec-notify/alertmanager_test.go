package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// alertmanager is a real one, with a receiver of its own that tells us what it notifies of, in the words of its Slack templates.
type alertmanager struct {
	in      *installation
	address string

	mu     sync.Mutex
	notifs []string // what it posted to Slack
}

// keptAlert is an alert as Alertmanager gives it back.
type keptAlert struct {
	Labels, Annotations map[string]string
	StartsAt, EndsAt    time.Time
	GeneratorURL        string
	Status              struct{ State string }
}

// startAlertmanager runs Debian's prometheus-alertmanager, or the program that $ALERTMANAGER names, on loopback alone.
func startAlertmanager(t *testing.T, in *installation) *alertmanager {
	t.Helper()
	program := serverProgram(t, "ALERTMANAGER", "prometheus-alertmanager")
	am := &alertmanager{in: in, address: freeAddress(t)}
	slack := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		am.mu.Lock()
		defer am.mu.Unlock()
		am.notifs = append(am.notifs, string(body))
		_, _ = io.WriteString(w, "ok")
	}))
	t.Cleanup(slack.Close)
	dir := t.TempDir()
	config := filepath.Join(dir, "alertmanager.yml")
	text := fmt.Sprintf(`route: {receiver: soc, group_by: ["..."], group_wait: 10ms, group_interval: 100ms, repeat_interval: 4h}
receivers:
  - name: soc
    slack_configs:
      - api_url: %s/
        send_resolved: true
        title: '{{ .Status }} {{ .CommonLabels.host }}'
        text: '{{ range .Alerts }}{{ .Annotations.summary }}{{ "\n" }}{{ .Annotations.description }}{{ "\n" }}{{ .Annotations.log }}{{ end }}'
`, slack.URL)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	in.runServer(exec.Command(program, "--config.file="+config, "--storage.path="+filepath.Join(dir, "data"), "--web.listen-address="+am.address, "--cluster.listen-address="),
		"http://"+am.address+"/-/ready")
	return am
}

// alerts are those that are not over.
func (am *alertmanager) alerts() []keptAlert {
	am.in.t.Helper()
	resp, err := http.Get("http://" + am.address + "/api/v2/alerts")
	if err != nil {
		am.in.t.Fatal(err)
	}
	defer resp.Body.Close()
	var all []keptAlert
	if err := json.NewDecoder(resp.Body).Decode(&all); err != nil {
		am.in.t.Fatal(err)
	}
	return all
}

// notified are the messages that hold a text.
func (am *alertmanager) notified(text string) (found []string) {
	am.mu.Lock()
	defer am.mu.Unlock()
	for _, n := range am.notifs {
		if strings.Contains(n, text) {
			found = append(found, n)
		}
	}
	return found
}

// An alert fires in a real Alertmanager, is the same one when it comes again, and is over there when it is over here.
func TestAlertmanagerKeepsWhatWeTellIt(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, "")
	am := startAlertmanager(t, in)
	in.configure(fmt.Sprintf(`receivers:
  am: {webhook: {preset: alertmanager, url: "http://%s"}, rate: 100/s}
links: {alert: "https://wazuh.example.com/alert/{{.ID}}", runbook: "https://wiki.example.com/{{.Rule.ID}}"}
routes:
  - name: agents
    match: {rule: 504}
    to: [am]
    resolve: {opens: {rule: 504}, closes: {rule: 503}, by: [agent_id]}
default: [am]
time_zone: UTC
`, am.address))
	corpus := filepath.Join("..", "..", "testdata", "alerts")
	agent := func(rule, id string) string {
		path := filepath.Join(in.home, "agent-"+rule+".json")
		text := fmt.Sprintf(`{"timestamp":"2026-11-23T13:20:17.412+0000","rule":{"level":10,"description":"x","id":%q,"groups":["ossec"]},"agent":{"id":"001","name":"web-01"},"manager":{"name":"mgr"},"id":%q,"full_log":"x","location":"/l"}`, rule, id)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}

	in.command(0, "send", filepath.Join(corpus, "wazuh", "5712-ssh-brute-force.json"))
	got := am.alerts()
	if len(got) != 1 {
		t.Fatalf("Alertmanager has %d alerts, want 1: %+v", len(got), got)
	}
	first := got[0]
	for name, want := range map[string]string{"alertname": "ossec_auth_failure", "severity": "medium", "rule": "5712", "host": first.Labels["host"]} {
		if first.Labels[name] != want || want == "" {
			t.Errorf("label %s is %q, want %q", name, first.Labels[name], want)
		}
	}
	if first.Status.State == "suppressed" || first.GeneratorURL == "" || first.Annotations["runbook_url"] != "https://wiki.example.com/5712" {
		t.Errorf("got %+v", first)
	}
	if !strings.Contains(first.Annotations["summary"], "SSH brute force from ") || !strings.Contains(first.Annotations["log"], "sshd") || !strings.Contains(first.Annotations["description"], "Next: ") {
		t.Errorf("annotations are %q", first.Annotations)
	}
	if lasts := first.EndsAt.Sub(first.StartsAt); lasts != 4*time.Hour || time.Until(first.EndsAt) < 3*time.Hour {
		t.Errorf("it lasts from %v to %v, want 4 hours from now", first.StartsAt, first.EndsAt)
	}
	in.command(0, "send", filepath.Join(corpus, "wazuh", "5712-ssh-brute-force.json"))
	if got := am.alerts(); len(got) != 1 {
		t.Errorf("after the same again Alertmanager has %d alerts, want 1: %+v", len(got), got)
	}

	in.command(0, "send", agent("504", "1795440017.1"))
	if got := am.alerts(); len(got) != 2 {
		t.Errorf("Alertmanager has %d alerts, want 2: %+v", len(got), got)
	}
	in.until("told by Alertmanager that the agent is gone", func() bool { return len(am.notified("firing web-01")) > 0 })
	in.command(0, "send", agent("503", "1795440018.2"))
	in.until("over in Alertmanager", func() bool { return len(am.alerts()) == 1 })
	in.until("told by Alertmanager that it is over", func() bool { return len(am.notified("resolved web-01")) > 0 })
}

// Whatever stands in an alert, Alertmanager keeps it whole, and its own Slack templates make nothing live of it.
func TestAlertmanagerGetsHostileTextInert(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, "")
	am := startAlertmanager(t, in)
	in.configure(fmt.Sprintf("receivers: {am: {webhook: {preset: alertmanager, url: \"http://%s\"}, rate: 100/s}}\ndefault: [am]\ntime_zone: UTC\n", am.address))
	const log = "<!channel> <@U012345> <https://evil.example/|x> \x07\x1b[31m \u202e \u200b {{ .Exec }} ${jndi:ldap://x} \"quoted\" \\n end"
	text, err := json.Marshal(map[string]any{"timestamp": "2026-11-23T13:20:17.412+0000", "id": "1795440017.1", "rule": map[string]any{"level": 12, "id": "100300", "description": log},
		"agent": map[string]any{"id": "001", "name": "<!here>"}, "manager": map[string]any{"name": "mgr"}, "full_log": log, "location": "/l"})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(in.home, "hostile.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	in.command(0, "send", file)
	got := am.alerts()
	if len(got) != 1 {
		t.Fatalf("Alertmanager has %d alerts, want 1", len(got))
	}
	const shown = "<\u200b!channel> <\u200b@U012345> <hxxps://evil[.]example/|x> \\x07\\x1b[31m \\u202e \\u200b {{ .Exec }} ${jndi:ldap[:]//x} \"quoted\" \\n end"
	if got[0].Annotations["log"] != shown {
		t.Errorf("the log is\n%q, want\n%q", got[0].Annotations["log"], shown)
	}
	if got[0].Labels["host"] != "agent 001" {
		t.Errorf("the host is %q", got[0].Labels["host"])
	}
	in.until("told by Alertmanager", func() bool { return len(am.notified("end")) > 0 })
	for _, n := range am.notified("") {
		var message any
		if err := json.Unmarshal([]byte(n), &message); err != nil {
			t.Fatal(err)
		}
		flat, _ := json.Marshal(message)
		for _, live := range []string{"<!", "<@", "<https://evil", "\x1b"} {
			if encoded, _ := json.Marshal(live); strings.Contains(string(flat), strings.Trim(string(encoded), `"`)) {
				t.Errorf("%q is live in what Alertmanager tells Slack:\n%s", live, flat)
			}
		}
	}
}

// What Alertmanager refuses is said in its words, and with what to do.
func TestAlertmanagerRefusalsAreSaid(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, "")
	am := startAlertmanager(t, in)
	text := in.command(0, "presets", "alertmanager")
	dir := filepath.Join(in.home, "etc", "ossec-notify", "templates", "presets")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"am-label": {`"dedup":`, `"no-label":`},
		"am-uri":   {`"startsAt": "`, `"generatorURL": "::no uri", "startsAt": "`},
	} {
		own := strings.Replace(strings.ReplaceAll(text, change[0], change[1]), "name: alertmanager", "name: "+name, 1)
		if err := os.WriteFile(filepath.Join(dir, name+".yaml"), []byte(own), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in.configure(fmt.Sprintf(`receivers:
  path:  {webhook: {preset: alertmanager, url: "http://%[1]s/alertmanager"}}
  label: {webhook: {preset: am-label, url: "http://%[1]s"}}
  uri:   {webhook: {preset: am-uri, url: "http://%[1]s"}}
default: [path]
`, am.address))
	file := filepath.Join("..", "..", "testdata", "alerts", "wazuh", "5712-ssh-brute-force.json")
	for to, want := range map[string][]string{
		"path":  {"404", "--web.external-url"},
		"label": {"400", "invalid label set", "no-label"},
		"uri":   {"422", "must be of type uri"},
	} {
		if out := in.command(1, "send", file, "--to", to); !containsAll(out, want) {
			t.Errorf("%s: it says\n%s\nwant %q", to, out, want)
		}
	}
	if got := am.alerts(); len(got) != 0 {
		t.Errorf("Alertmanager has %d alerts, want none", len(got))
	}
}

func containsAll(s string, texts []string) bool {
	for _, text := range texts {
		if !strings.Contains(s, text) {
			return false
		}
	}
	return true
}
