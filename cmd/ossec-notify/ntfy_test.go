package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	gocmp "github.com/google/go-cmp/cmp"
)

// ntfy is a real server whose topics may be written to by the user soc and read by the user reader. The topic open is anybody's.
type ntfy struct {
	in            *installation
	url           string
	token, mayNot string // access tokens: of soc, and of who may write nowhere
}

// pushed is a message as a subscriber sees it.
type pushed struct {
	ID, Event, Topic, Title, Message, Click string
	Priority                                int
	Tags                                    []string
	Actions                                 []struct{ Action, Label, URL string }
}

// startNtfy runs the server that $NTFY names, or the ntfy on the path, on loopback alone. more are further settings of its.
func startNtfy(t *testing.T, in *installation, more string) *ntfy {
	t.Helper()
	program := serverProgram(t, "NTFY", "ntfy")
	address, dir := freeAddress(t), t.TempDir()
	n := &ntfy{in: in, url: "http://" + address}
	config := filepath.Join(dir, "server.yml")
	text := fmt.Sprintf("base-url: %s\nlisten-http: %s\ncache-file: %s/cache.db\nauth-file: %[3]s/user.db\nauth-default-access: deny-all\nweb-root: disable\n%s", n.url, address, dir, more)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		cmd := exec.Command(program, slices.Insert(args, 1, "--config", config)...)
		cmd.Env = append(os.Environ(), "NTFY_PASSWORD=s3cr3t")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("ntfy %q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	token := func(user string) string {
		out := run("token", "add", user)
		at := strings.Index(out, "tk_")
		if at < 0 {
			t.Fatalf("there is no token in %q", out)
		}
		return strings.FieldsFunc(out[at:], func(r rune) bool { return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') })[0]
	}
	in.runServer(exec.Command(program, "serve", "--config", config), n.url+"/v1/health") // makes the file of users
	for user, access := range map[string]string{"soc": "write-only", "reader": "read-only", "guest": "deny"} {
		run("user", "add", user)
		run("access", user, "soc-*", access)
	}
	run("access", "everyone", "open", "read-write")
	n.token, n.mayNot = token("soc"), token("guest")
	return n
}

// seen are the messages of a topic, in order.
func (n *ntfy) seen(topic string) (all []pushed) {
	n.in.t.Helper()
	req, err := http.NewRequest(http.MethodGet, n.url+"/"+topic+"/json?poll=1&since=all", nil)
	if err != nil {
		n.in.t.Fatal(err)
	}
	req.SetBasicAuth("reader", "s3cr3t")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		n.in.t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var m pushed
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil || m.Event != "message" {
			n.in.t.Fatalf("%v: %s", err, lines.Bytes())
		}
		all = append(all, m)
	}
	if err := lines.Err(); err != nil || resp.StatusCode != http.StatusOK {
		n.in.t.Fatal(resp.Status, err)
	}
	return all
}

// pushLinks are links of an operator's.
const pushLinks = `links: {alert: "https://wazuh.example.com/alert/{{.ID}}?agent={{.Agent.Name}}", runbook: "https://wiki.example.com/{{.Rule.ID}}"}` + "\ntime_zone: UTC\n"

// What a subscriber sees is the message that the preset means, with a token and on a topic that is anybody's.
func TestNtfyShowsTheMessage(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, "")
	n := startNtfy(t, in, "")
	in.configure(fmt.Sprintf(`receivers:
  soc:  {webhook: {preset: ntfy, url: %[1]q, settings: {topic: soc-alerts, token: %[2]s}}}
  user: {webhook: {preset: ntfy, url: %[1]q, settings: {topic: soc-users}, basic_auth: {username: soc, password: s3cr3t}}}
  open: {webhook: {preset: ntfy, url: %[1]q, settings: {topic: open}}}
default: [soc, user, open]
`+pushLinks, n.url, n.token))
	in.command(0, "send", filepath.Join(corpusDir, "wazuh", "5712-ssh-brute-force.json"))
	for _, topic := range []string{"soc-alerts", "soc-users", "open"} {
		got := n.seen(topic)
		if len(got) != 1 {
			t.Fatalf("%s: %d messages, want 1: %+v", topic, len(got), got)
		}
		m := got[0]
		if m.Title != "MEDIUM: SSH brute force from 203.0.113.9 on web-01" || m.Priority != 3 || m.Tags != nil {
			t.Errorf("%s: got %+v", topic, m)
		}
		if !strings.HasPrefix(m.Message, "From: 203.0.113.9 port 40131\nUser: oracle (no such user)\n") || !strings.Contains(m.Message, "\nNext: Was any login") {
			t.Errorf("%s: the message is\n%s", topic, m.Message)
		}
		if m.Click != "https://wazuh.example.com/alert/1773475803.3193?agent=web-01" || len(m.Actions) != 2 || m.Actions[1].Action != "view" || m.Actions[1].Label != "Runbook" || m.Actions[1].URL != "https://wiki.example.com/5712" {
			t.Errorf("%s: it leads to %s and %+v", topic, m.Click, m.Actions)
		}
	}
	in.command(0, "send", "--sample", "5712", "--to", "soc")
	if got := n.seen("soc-alerts"); len(got) != 2 || !strings.Contains(got[1].Message, "Nothing happened. Sent by ossec-notify send --sample 5712") {
		t.Errorf("of a test the subscriber sees %+v", got)
	}
}

// Every alert of the corpus, and every payload in every field, reaches a subscriber as preview shows it: nothing is lost, decoded
// or made into a file.
func TestNtfyShowsWhatPreviewShows(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, "")
	n := startNtfy(t, in, "visitor-request-limit-burst: 100000\nvisitor-message-daily-limit: 100000\n")
	in.configure(fmt.Sprintf("receivers: {soc: {webhook: {preset: ntfy, url: %q, settings: {topic: soc-alerts, token: %s}}, rate: 1000/s}}\nalways: [soc]\n"+pushLinks, n.url, n.token))
	alerts := everyAlert(t)
	bodies := in.shownAndSent(alerts)
	if len(bodies) != len(alerts) {
		t.Errorf("%d requests for %d alerts", len(bodies), len(alerts))
	}
	var want []pushed
	for _, b := range bodies {
		var m pushed
		if err := json.Unmarshal(b, &m); err != nil {
			t.Fatal(err)
		}
		if m.Event, m.Title, m.Message = "message", strings.TrimSpace(m.Title), strings.TrimSpace(m.Message); m.Priority == 3 {
			m.Priority = 0 // which ntfy leaves out
		}
		want = append(want, m)
	}
	got := n.seen("soc-alerts")
	for i := range got {
		got[i].ID = ""
		if got[i].Priority == 3 {
			got[i].Priority = 0
		}
		if !utf8.ValidString(got[i].Message) || len(got[i].Message) > 4096 {
			t.Errorf("a message of %d bytes", len(got[i].Message))
		}
	}
	order := func(a, b pushed) int {
		return cmp.Or(strings.Compare(a.Title, b.Title), strings.Compare(a.Message, b.Message), strings.Compare(a.Click, b.Click))
	}
	slices.SortFunc(want, order)
	slices.SortFunc(got, order)
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("what the subscriber sees differs (-preview +seen):\n%s", diff)
	}
	t.Logf("%d messages", len(got))
}

// What ntfy refuses is said in its words, and with what to do.
func TestNtfyRefusalsAreSaid(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, "")
	n := startNtfy(t, in, "visitor-request-limit-burst: 1000\n")
	small := startNtfy(t, in, "message-size-limit: '200'\n")
	few := startNtfy(t, in, "visitor-request-limit-burst: 1\nvisitor-request-limit-replenish: 1h\n")
	day := startNtfy(t, in, "visitor-message-daily-limit: 1\n")
	topics := startNtfy(t, in, "global-topic-limit: 1\n")
	in.configure(fmt.Sprintf(`receivers:
  wrong:  {webhook: {preset: ntfy, url: %[1]q, settings: {topic: soc-alerts, token: tk_0123456789abcdefghijklmnopqrs}}}
  guest:  {webhook: {preset: ntfy, url: %[1]q, settings: {topic: soc-alerts, token: %[3]s}}}
  nobody: {webhook: {preset: ntfy, url: %[1]q, settings: {topic: soc-alerts}}}
  other:  {webhook: {preset: ntfy, url: %[1]q, settings: {topic: other, token: %[2]s}}}
  name:   {webhook: {preset: ntfy, url: %[1]q, settings: {topic: "soc alerts", token: %[2]s}}}
  banned: {webhook: {preset: ntfy, url: %[1]q, settings: {topic: docs, token: %[2]s}}}
  path:   {webhook: {preset: ntfy, url: "%[1]s/push", settings: {topic: open}}}
  topic:  {webhook: {preset: ntfy, url: "%[1]s/open", settings: {topic: open}}}
  small:  {webhook: {preset: ntfy, url: %[4]q, settings: {topic: open}}}
  few:    {webhook: {preset: ntfy, url: %[5]q, settings: {topic: open}}, rate: 100/s}
  day:    {webhook: {preset: ntfy, url: %[6]q, settings: {topic: open}}, rate: 100/s}
  topics: {webhook: {preset: ntfy, url: %[7]q, settings: {topic: soc-alerts, token: %[8]s}}}
default: [wrong]
`, n.url, n.token, n.mayNot, small.url, few.url, day.url, topics.url, topics.token))
	file := filepath.Join(corpusDir, "wazuh", "5712-ssh-brute-force.json")
	for to, want := range map[string][]string{
		"wrong":  {"401", "unauthorized", "40101", "token is wrong or has expired"},
		"guest":  {"403", "forbidden", "40301", "may not write to this topic"},
		"nobody": {"403", "forbidden", "40301", "settings.token"},
		"other":  {"403", "forbidden", "40301", "may not write to this topic"},
		"name":   {"400", "topic invalid", "40009", "letters, digits, - and _"},
		"banned": {"400", "topic name is not allowed", "40010", "no topic of this name"},
		"path":   {"404", "without the topic"},
		"topic":  {"404", "without the topic"},
		"small":  {"413", "41303", "message-size-limit"},
	} {
		if out := in.command(1, "send", file, "--to", to, "--timeout", "5s"); !containsAll(out, want) {
			t.Errorf("%s: it says\n%s\nwant %q", to, out, want)
		}
	}
	in.command(0, "send", file, "--to", "few,day")
	for to, want := range map[string][]string{
		"few": {"429", "too many requests"},
		"day": {"429", "daily message quota", "42908", "the day's messages are used up"},
	} {
		if out := in.command(1, "send", file, "--to", to, "--timeout", "3s"); !containsAll(out, want) {
			t.Errorf("%s: it says\n%s\nwant %q", to, out, want)
		}
	}
	for _, s := range []*ntfy{n, small} {
		if got := s.seen("open"); len(got) != 0 {
			t.Errorf("there are messages: %+v", got)
		}
	}
}
