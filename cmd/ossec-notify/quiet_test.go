package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/page/inbox"
	"github.com/ossec-notify/ossec-notify/sandbox"
)

// quietRoutes has a route for each setting that keeps an alert from being told at once. Alerts choose by their level.
const quietRoutes = `receivers: {soc: {slack: {webhook_url: SLACK_URL}, rate: 100/s}, backup: {webhook: {url: WEBHOOK_URL}}}
time_zone: UTC
routes:
  - {name: dedup, match: {level: "=3"}, to: [soc], dedup: 1h}
  - {name: digest, match: {level: "=4"}, to: [soc], digest: 2h}
  - {name: group, match: {level: "=5"}, to: [soc], group_by: [rule], group_wait: 700ms}
  - {name: page, match: {level: "=6"}, escalate: [{to: soc}, {after: 90m, to: backup}]}
  - {name: waits, match: {level: "=7"}, to: [soc], group_by: [rule], group_wait: 2h}
default: [soc]
`

// alerts writes alerts of a level into one file, each with a name.
func (in *installation) alerts(level int, names ...string) string {
	in.t.Helper()
	var text strings.Builder
	for _, name := range names {
		fmt.Fprintln(&text, wazuhAlert(story{name, level}))
	}
	path := filepath.Join(in.t.TempDir(), "alerts.json")
	if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
		in.t.Fatal(err)
	}
	return path
}

// send says what becomes of each alert within --timeout, and waits for nothing that comes later.
func TestSendSaysWhatNoiseControlMakesOfIt(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, quietRoutes)
	silenced := silenceID(t, in.command(exitDone, "silence", "add", "--level", "=9", "--for", "2h", "--reason", "kernel \u202eupdate", "--by", "NAME"))
	const id = `mgr/1795440017\.`
	for _, tc := range []struct {
		name  string
		level int
		names []string
		want  []string // lines of stdout and stderr
	}{
		{"told at once", 3, []string{"1"}, []string{id + `1  soc \(slack\)  delivered`}},
		{"a repeat", 3, []string{"2"}, []string{
			`note: soc is not told of ` + id + `2 by itself: repeat of ` + id + `1: dedup \(rule 100001, agent web-01, srcip -\), number 2 since ..:..:..`,
			id + `2  soc \(slack\)  not sent by itself`,
		}},
		{"silenced", 9, []string{"3"}, []string{
			`note: soc is not told of ` + id + `3 by itself: silence ` + silenced + `, until [0-9 :-]+( UTC)? \(NAME: kernel \\u202eupdate\)`,
			id + `3  soc \(slack\)  not sent by itself`,
		}},
		{"held for longer than it waits", 4, []string{"4"}, []string{
			`note: soc: digest: comes with the others at [0-9 :-]+( UTC)? \(to send it now: ossec-notify outbox retry [0-9A-Z]{16}\)`,
			id + `4  soc \(slack\)  held until [0-9 :-]+( UTC)?`,
		}},
		{"a group that ends in time", 5, []string{"5", "6"}, []string{
			`note: soc is not told of ` + id + `5 by itself: told in d-[0-9a-f]{16}`,
			`note: soc is not told of ` + id + `6 by itself: told in d-[0-9a-f]{16}`,
			id + `5  soc \(slack\)  not sent by itself`,
			`d-[0-9a-f]{16}  soc \(slack\)  delivered`, // once
			id + `6  soc \(slack\)  not sent by itself`,
		}},
		{"the second step of an escalation", 6, []string{"7"}, []string{
			`note: backup: step 2 of 2: told at [0-9 :-]+( UTC)?, unless somebody takes it \(to send it now: ossec-notify outbox retry [0-9A-Z]{16}\)`,
			id + `7  soc \(slack\)  delivered`,
			id + `7  backup \(webhook\)  step 2  held until [0-9 :-]+( UTC)?`,
		}},
	} {
		out := in.command(exitDone, "send", in.alerts(tc.level, tc.names...), "--timeout", "1h")
		for _, want := range tc.want {
			if !regexp.MustCompile(`(?m)^` + want + `$`).MatchString(out) {
				t.Errorf("%s: no line is %s:\n%s", tc.name, want, out)
			}
		}
		if got := strings.Count(out, "\n"); got != len(tc.want) {
			t.Errorf("%s: %d lines, want %d:\n%s", tc.name, got, len(tc.want), out)
		}
	}

	var held sent
	if err := json.Unmarshal([]byte(lastLine(in.command(exitDone, "send", in.alerts(4, "9"), "--format", "json"))), &held); err != nil {
		t.Fatal(err)
	}
	if held.State != "held" || held.Attempts != 0 || !strings.HasPrefix(held.Error, "digest: comes with the others at ") {
		t.Errorf("JSON of one that is held: %+v", held)
	}

	// A group that waits for longer than --timeout, which a person sends at once.
	out := in.command(exitDone, "send", in.alerts(7, "10"), "--timeout", "5s")
	retry := regexp.MustCompile(`outbox retry ([0-9A-Z]{16})\)`).FindStringSubmatch(out)
	if retry == nil {
		t.Fatalf("no word of retry in\n%s", out)
	}
	in.command(exitDone, "outbox", "retry", retry[1])
	in.until("sent alone", func() bool { return strings.Contains(in.command(exitDone, "outbox", "show", retry[1]), "attempt 1, ") })
}

// lastLine is the last line of a text.
func lastLine(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return lines[len(lines)-1]
}

// A fallback's delivery is followed, too: it has the last word.
func TestSendFollowsTheFallback(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, "receivers: {soc: {slack: {webhook_url: SLACK_URL}, fallback: [hook]}, hook: {webhook: {url: WEBHOOK_URL}}}\ndefault: [soc]\n")
	in.stand.Script(sandbox.Slack, sandbox.Reply{Status: 404, Body: "no_service"})
	out := in.command(exitDone, "send", in.alert("1"))
	for _, want := range []string{"note: soc is not told of mgr/1795440017.1 by itself: ", "mgr/1795440017.1  soc (slack)  not sent by itself\n", "mgr/1795440017.1  hook (webhook)  delivered\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// Without a state there is no noise control, and send says so where the config asks for some.
func TestSendFromMemorySaysThatNothingIsQuieted(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, quietRoutes)
	config := filepath.Join(in.home, "etc", "ossec-notify.yaml")
	const note = "note: noise control needs the state directory: "
	for _, tc := range []struct {
		args []string
		want bool
	}{
		{[]string{"send", in.alerts(3, "1", "2"), "--config", config}, true},
		{[]string{"send", in.alerts(8, "3"), "--config", config}, false}, // no route has a say
		{[]string{"send", in.alerts(3, "4"), "--config", config, "--to", "soc"}, false},
		{[]string{"send", "--sample", "5712", "--config", config}, false},
	} {
		out := in.command(exitDone, tc.args...)
		if got := strings.Count(out, note); got > 1 || got == 1 != tc.want {
			t.Errorf("%q: the note is there %d times:\n%s", tc.args, got, out)
		}
	}
	if got := in.told(5); got[0] != "INFO: Story 1 on web-01" || got[1] != "INFO: Story 2 on web-01" {
		t.Errorf("Slack heard %q", got)
	}
}

// The views of the outbox say what is held, with what and until when, and what a message about many alerts tells.
func TestOutboxShowsWhatIsHeldAndToldTogether(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, quietRoutes)
	in.command(exitDone, "send", in.alerts(4, "1", "2", "3"))
	all := in.listed()
	if len(all) != 3 {
		t.Fatalf("%d deliveries, want 3", len(all))
	}
	for _, x := range all {
		if x.State != "held" || !strings.HasPrefix(x.Bundle, "d-") || x.Until == nil || x.Until.Before(time.Now().Add(time.Hour)) || len(x.Notes) != 1 || x.Kind != "" {
			t.Errorf("the list has %+v", x)
		}
	}
	show := in.command(exitDone, "outbox", "show", all[0].Delivery)
	for _, want := range []string{
		`  waits until [0-9 :-]+( UTC)?, in a digest of route digest, with 2 others \(d-[0-9a-f]{16}\)`,
		`  alert mgr/1795440017\.1, rule 100001: Story 1`,
		`  - digest: comes with the others at [0-9 :-]+( UTC)?`,
	} {
		if !regexp.MustCompile(`(?m)^` + want + `$`).MatchString(show) {
			t.Errorf("no line is %s:\n%s", want, show)
		}
	}

	in.command(exitDone, "send", in.alerts(5, "4", "5", "6"))
	message := ""
	for _, x := range in.listed("--all") {
		if x.Title != "" {
			message = x.Delivery
		}
	}
	if list := in.command(exitDone, "outbox", "list", "--all"); !regexp.MustCompile(`(?m)^` + message + `  delivered .* soc \(slack\)  d-[0-9a-f]{16}  digest of 3 alerts  1 attempt$`).MatchString(list) {
		t.Errorf("the list says\n%s", list)
	}
	show = in.command(exitDone, "outbox", "show", message)
	for _, want := range []string{
		`  Rule 100001 fired on web-01`,
		`    3          LOW  Rule 100001 fired, web-01, .*`,
		`    such as    mgr/1795440017\.4, mgr/1795440017\.5, mgr/1795440017\.6`,
		`  - tells of 3 alerts`,
		`  attempt 1, .*: accepted \(200\)`,
	} {
		if !regexp.MustCompile(`(?m)^` + want + `$`).MatchString(show) {
			t.Errorf("no line is %s:\n%s", want, show)
		}
	}
	var shown struct {
		listed
		Summary struct {
			Total int
			Rows  []struct{ Count int }
		}
	}
	if err := json.Unmarshal([]byte(in.command(exitDone, "outbox", "show", message, "--format", "json")), &shown); err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, r := range shown.Summary.Rows {
		rows += r.Count
	}
	if shown.Title != "digest of 3 alerts" || shown.Summary.Total != 3 || rows != 3 {
		t.Errorf("JSON has %+v", shown)
	}

	in.command(exitDone, "send", in.alerts(6, "7"))
	if list := in.command(exitDone, "outbox", "list"); !regexp.MustCompile(`(?m)^[0-9A-Z]{16}  held .* backup \(webhook\)  mgr/1795440017\.7  step 2: step 2 of 2: told at `).MatchString(list) {
		t.Errorf("the list says\n%s", list)
	}
}

// listed is what outbox list prints.
func (in *installation) listed(args ...string) []listed {
	in.t.Helper()
	var out []listed
	d := json.NewDecoder(strings.NewReader(in.command(exitDone, append([]string{"outbox", "list", "--format", "json"}, args...)...)))
	for d.More() {
		var x listed
		if err := d.Decode(&x); err != nil {
			in.t.Fatal(err)
		}
		out = append(out, x)
	}
	return out
}

// What a person takes out of a bundle is not counted by the message about the rest.
func TestMessageAboutManyCountsOnlyWhatIsLeft(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, toSlack)
	id := silenceID(t, in.command(exitDone, "silence", "add", "--rule", "100001", "--for", "2h", "--reason", "x", "--by", "NAME"))
	in.command(exitDone, "send", in.alerts(5, "1", "2", "3", "4"))
	in.configure(strings.Replace(quietRoutes, "digest: 2h", "digest: 15s", 1))
	in.killDeliverer(syscall.SIGTERM) // the next goes by the new config from its first alert on
	all := in.listed("--all")
	in.command(exitDone, "outbox", "retry", all[0].Delivery) // told alone, though silenced
	if got := in.told(1); !strings.HasPrefix(got[0], "LOW: Story ") {
		t.Errorf("Slack heard %q", got)
	}
	in.command(exitDone, "silence", "expire", id)
	if got := in.told(2)[1]; got != "Silence over: 3 alerts of rule 100001 on web-01 were not sent (NAME: x)." {
		t.Errorf("Slack heard %q", got)
	}

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	in.command(exitDone, "send", in.alerts(4, "11", "12", "13", "14", "15"), "--timeout", "1s")
	held := in.listed("--states", "held")
	if len(held) != 5 {
		t.Fatalf("%d are held, want 5", len(held))
	}
	in.command(exitDone, "outbox", "retry", held[0].Delivery)
	in.command(exitDone, "outbox", "drop", held[1].Delivery)
	messages, err := in.stand.Wait(ctx, 4)
	if err != nil {
		t.Fatal(err)
	}
	if alone, rest := inbox.Gist(messages[2]), inbox.Gist(messages[3]); alone != "LOW: Story "+strings.TrimPrefix(held[0].Alert, "mgr/1795440017.")+" on web-01" || !strings.HasPrefix(rest, "Digest for soc: 3 alerts, ") {
		t.Errorf("Slack heard %q, then %q", alone, rest)
	}
	told := in.listed("--all", "--states", "suppressed")
	dropped := 0
	for _, x := range told {
		if x.Delivery == held[1].Delivery {
			dropped++
			if x.Error != outbox.DroppedByHand || x.Bundle != "" {
				t.Errorf("what was dropped is %+v", x)
			}
		}
	}
	if dropped != 1 {
		t.Errorf("what was dropped is there %d times", dropped)
	}
}

// The metrics count what noise control decided, and tell what is open. They have names as Prometheus wants them.
func TestMetricsTellOfNoiseControl(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	in := newInstallation(t, quietRoutes+"http: "+address+"\n")
	daemon := in.serve()
	defer in.stop(daemon)
	in.command(exitDone, "silence", "add", "--level", "=9", "--for", "2h", "--reason", "x")
	in.command(exitDone, "silence", "add", "--level", "=9", "--from", "2036-12-24", "--for", "2h", "--reason", "one that waits")
	in.command(exitDone, "send", in.alerts(3, "1", "2", "3"))
	in.command(exitDone, "send", in.alerts(4, "4"))
	in.command(exitDone, "send", in.alerts(5, "5", "6"))
	in.command(exitDone, "send", in.alerts(6, "7", "8"))
	in.command(exitDone, "send", in.alerts(9, "9"))
	in.command(exitDone, "ack", "mgr/1795440017.7")
	_, text := get(t, address, "/metrics")
	for _, want := range []string{
		`ossec_notify_alerts_quieted_total{reason="repeat",receiver="soc"} 2`,
		`ossec_notify_alerts_quieted_total{reason="digest",receiver="soc"} 1`,
		`ossec_notify_alerts_quieted_total{reason="group",receiver="soc"} 2`,
		`ossec_notify_alerts_quieted_total{reason="silence",receiver="soc"} 1`,
		`ossec_notify_receiver_braked{receiver="soc"} 0`,
		"ossec_notify_silences 1",
		"ossec_notify_escalations 1",
		`ossec_notify_acknowledgements{via="command line"} 1`,
		`ossec_notify_deliveries{receiver="soc",state="held"} 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("the metrics do not hold %s", want)
		}
	}
	if n := strings.Count(text, "\nossec_notify_alerts_quieted_total{"); n != 4 {
		t.Errorf("%d counts of what was quieted, want 4", n)
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v %v", problems, err)
	}
	if t.Failed() {
		t.Log(text)
	}
}

// A receiver that is braked is seen by metrics, doctor and the list.
// A delivery that send waits for may be held in the meantime, for longer than it waits.
func TestSendDoesNotWaitForWhatTheStormBrakeTookFromIt(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, "receivers: {soc: {slack: {webhook_url: SLACK_URL}, rate: 2/m, storm_after: 2m}}\ndefault: [soc]\n")
	daemon := in.serve()
	defer in.stop(daemon)
	hold := make(chan struct{})
	defer close(hold)
	in.stand.Script(sandbox.Slack, sandbox.Reply{Hold: hold})
	in.call("custom-notify", in.alert("1"))
	in.until("the first in hand", func() bool { return len(in.stand.Messages()) == 1 })
	ended := make(chan string, 1)
	file := in.alerts(3, "2", "3")
	go func() { ended <- in.command(exitDone, "send", file, "--timeout", "3m") }()
	in.until("two wait", func() bool { return in.count(outbox.Pending) == 2 })
	for i := range 8 {
		in.call("custom-notify", in.alert(fmt.Sprint(10+i)))
	}
	in.until("braked", func() bool { return in.count(outbox.Held) > 0 })
	var out string
	in.until("over", func() bool {
		select {
		case out = <-ended:
			return true
		default:
			return false
		}
	})
	if strings.Count(out, "held until") != 2 {
		t.Errorf("send says\n%s", out)
	}
}

func TestStormIsSeen(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	in := newInstallation(t, "receivers: {soc: {slack: {webhook_url: SLACK_URL}, rate: 2/m, storm_after: 30s}}\ndefault: [soc]\nhttp: "+address+"\n")
	daemon := in.serve()
	defer in.stop(daemon)
	var names []string
	for i := range 30 {
		names = append(names, fmt.Sprint(i))
	}
	in.command(exitDone, "send", in.alerts(3, names...), "--timeout", "1m") // one is delivered, and the others are held
	in.until("braked", func() bool {
		_, text := get(t, address, "/metrics")
		return strings.Contains(text, `ossec_notify_receiver_braked{receiver="soc"} 1`+"\n")
	})
	out := in.command(exitFail, "doctor") // which has much to say of this installation
	if !regexp.MustCompile(`(?m)^warning  storm        receiver soc is braked since .*: alerts up to (LOW|MEDIUM) come as digests \(0 alerts in 0 digests so far\)\.`).MatchString(out) {
		t.Errorf("doctor says\n%s", out)
	}
	held := in.listed("--states", "held")
	if len(held) == 0 || held[0].Until == nil || time.Until(*held[0].Until) > 5*time.Minute || !strings.HasPrefix(held[0].Error, "storm brake: ") {
		t.Errorf("the list has %+v", held)
	}
	if show := in.command(exitDone, "outbox", "show", held[0].Delivery); !strings.Contains(show, ", in what the storm brake holds, with ") {
		t.Errorf("show says\n%s", show)
	}
}
