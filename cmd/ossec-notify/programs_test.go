package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/sandbox"
	"github.com/ossec-notify/ossec-notify/spool"
)

// toRunbook has a program for every alert, which tells the channel that has the alert, too, how it ended.
const toRunbook = `
receivers:
  block: {command: {run: [PROGRAM, DIR, --fixed], report: [soc, backup]}, fallback: FALLBACK}
  soc: {slack: {token: SLACK_TOKEN, channel: "#soc", api_url: SLACK_API}, rate: 100/s}
  backup: {email: {smtp: "SMTP_URL", from: ossec@example.com, to: [backup@example.com]}}
routes:
  - {name: runbook, to: [soc, block]}
time_zone: UTC
`

// newRunbook is an installation with that config and a program, which finds a directory of its own as its first argument.
func newRunbook(t *testing.T, script string, fallback string) (in *installation, dir string) {
	t.Helper()
	dir = t.TempDir()
	path := filepath.Join(dir, "runbook")
	syscall.ForkLock.RLock() // a program that starts now would hold the file open for writing, and nobody could execute it
	err := os.WriteFile(path, []byte("#!/bin/sh\ncd \"$1\"\n"+script), 0o755)
	syscall.ForkLock.RUnlock()
	if err != nil {
		t.Fatal(err)
	}
	return newInstallationWith(t, strings.NewReplacer("PROGRAM", path, "DIR", dir, "FALLBACK", fallback).Replace(toRunbook), sandbox.Options{SlackChannels: []string{"soc"}}), dir
}

// posts are what Slack shows, the message that each stands below, and the number of each.
func (in *installation) posts() (texts, threads, ids []string) {
	in.t.Helper()
	for _, m := range in.at(sandbox.SlackAPI) {
		form, err := url.ParseQuery(string(m.Body))
		if err != nil {
			in.t.Fatal(err)
		}
		_, ts, _ := strings.Cut(m.Answer, `"ts":"`)
		ts, _, _ = strings.Cut(ts, `"`)
		texts, threads, ids = append(texts, form.Get("text")), append(threads, form.Get("thread_ts")), append(ids, ts)
	}
	return texts, threads, ids
}

// fileOf is what a program wrote.
func fileOf(t *testing.T, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// integratord ignores SIGHUP, and so does all that it starts, unless somebody stops that.
func TestARunbookHearsWhatIntegratordIgnores(t *testing.T) {
	t.Parallel()
	in, dir := newRunbook(t, `grep ^SigIgn: /proc/self/status >ignored`, "[]")
	file := in.alert("1")
	cmd := exec.Command("/bin/sh", "-c", `trap "" HUP; exec "$0" "$1"`, filepath.Join(in.home, "integrations", "custom-notify"), file)
	cmd.Env = []string{"TZ=UTC"}
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("%v\n%s", err, out)
	}
	in.until("run", func() bool { return in.count(outbox.Delivered) == 4 })
	_, mask, _ := strings.Cut(fileOf(t, dir, "ignored"), ":")
	if n, err := strconv.ParseUint(strings.TrimSpace(mask), 16, 64); err != nil || n&(1<<(syscall.SIGHUP-1)) != 0 {
		t.Errorf("the program ignores the signals %s (%v), SIGHUP among them", mask, err)
	}
}

func TestARunbookIsRunAndItsEndIsToldInTheThreadOfTheAlert(t *testing.T) {
	t.Parallel()
	in, dir := newRunbook(t, `cat >stdin; echo "$*" >args; echo "$OSSEC_NOTIFY_DELIVERY" >>deliveries; ls /proc/self/fd | tr '\n' ' ' >fds
echo "blocked <!channel> on $OSSEC_NOTIFY_HOST"`, "[]")
	daemon := in.serve()
	in.call("custom-notify", in.alert("1"))
	in.delivered(4)
	texts, threads, ids := in.posts()
	if len(texts) != 2 || !strings.HasPrefix(texts[0], "LOW: Story 1 on web-01\n") || !strings.HasPrefix(texts[1], "RAN runbook: Story 1 on web-01\nRan: runbook: status 0 after 0.") {
		t.Fatalf("Slack shows %q", texts)
	}
	if threads[0] != "" || threads[1] == "" || threads[1] != ids[0] {
		t.Errorf("the messages %q stand below %q", ids, threads)
	}
	report, err := url.ParseQuery(string(in.at(sandbox.SlackAPI)[1].Body))
	if err != nil {
		t.Fatal(err)
	}
	if blocks := plainly(report.Get("blocks")); !strings.Contains(blocks, "blocked &lt;!channel&gt; on web-01") || report.Get("reply_broadcast") == "true" {
		t.Errorf("the report, which must show what it printed as text and call nobody:\n%s", blocks)
	}
	mail := in.at(sandbox.Email)
	if len(mail) != 1 || !strings.Contains(string(mail[0].Body), "Subject: [RAN] Story 1 on web-01") || mail[0].Header.Get("Importance") != "" {
		t.Errorf("%d mails: %+v", len(mail), mail)
	}
	if got := fileOf(t, dir, "stdin"); !strings.HasPrefix(got, `{"version":1,"action":"trigger",`) || !strings.Contains(got, `"receiver":"block"`) || !strings.HasSuffix(got, "}\n") {
		t.Errorf("it found %q", got)
	}
	if got := fileOf(t, dir, "args"); got != dir+" --fixed\n" {
		t.Errorf("its arguments were %q", got)
	}
	if got := fileOf(t, dir, "fds"); got != "0 1 2 3 " { // by the last it lists them
		t.Errorf("it had the descriptors %q", got)
	}
	out := in.command(exitDone, "explain", "--id", "mgr/1795440017.1")
	for _, want := range []string{"block (command)", "status 0, it printed: blocked <!channel> on web-01", "soc (slack)  mgr/1795440017.1  report of block", "backup (email)  mgr/1795440017.1  report of block"} {
		if !strings.Contains(out, want) {
			t.Errorf("explain does not say %q:\n%s", want, out)
		}
	}
	shown := ""
	for _, x := range in.deliveries() {
		shown += in.command(exitDone, "outbox", "show", x.Delivery)
	}
	if strings.Count(shown, ": status 0, it printed: blocked <!channel> on web-01") != 1 {
		t.Errorf("outbox show says\n%s", shown)
	}
	in.call("custom-notify", in.alert("1")) // the same alert once more
	in.call("custom-notify", in.alert("2"))
	in.delivered(8)
	if got := strings.Count(fileOf(t, dir, "deliveries"), "\n"); got != 2 {
		t.Errorf("it was run %d times for two alerts", got)
	}
	in.stop(daemon)
}

func TestARunbookThatFailsIsToldAndItsFallbackTakesOver(t *testing.T) {
	t.Parallel()
	in, _ := newRunbook(t, `echo "no such chain"; exit 3`, "[backup]")
	in.call("custom-notify", in.alert("1"))
	in.until("all told", func() bool { return in.count(outbox.Delivered) == 4 && in.count(outbox.Suppressed) == 1 })
	texts, _, _ := in.posts()
	if len(texts) != 2 || !strings.HasPrefix(texts[1], "FAILED runbook: Story 1 on web-01\nRan: runbook: status 3 after 0.") || !strings.Contains(texts[1], "Next: See why it failed. To run it again: ossec-notify outbox retry ") {
		t.Errorf("Slack shows %q", texts)
	}
	var subjects []string
	for _, m := range in.at(sandbox.Email) {
		subjects = append(subjects, m.Header.Get("Subject"))
	}
	if got := strings.Join(subjects, ", "); got != "[LOW] Story 1 on web-01, [FAILED] Story 1 on web-01" && got != "[FAILED] Story 1 on web-01, [LOW] Story 1 on web-01" {
		t.Errorf("mails: %s", got)
	}
	if log := in.log(); !strings.Contains(log, "run runbook: status 3: no such chain") {
		t.Errorf("the log does not say why:\n%s", log)
	}
}

func TestARunbookThatCannotDoItNowIsRunAgainAndToldOnce(t *testing.T) {
	t.Parallel()
	in, dir := newRunbook(t, `echo "run $OSSEC_NOTIFY_DELIVERY $OSSEC_NOTIFY_REPEAT" >>runs
[ -e free ] || { : >free; exit 75; }`, "[]")
	in.call("custom-notify", in.alert("1"))
	in.delivered(4)
	runs := strings.Split(fileOf(t, dir, "runs"), "\n")
	if len(runs) != 3 || runs[0] != runs[1] || strings.HasSuffix(runs[0], " 1") {
		t.Errorf("it ran as %q, want twice for one delivery, none marked as a repeat: it had said that it did nothing", runs)
	}
	if texts, _, _ := in.posts(); len(texts) != 2 || !strings.HasPrefix(texts[1], "RAN runbook: ") {
		t.Errorf("Slack shows %q", texts)
	}
}

// The deliverer is killed while a program runs. Nobody knows how far it came: it is run again, and can know that.
func TestKilledWhileARunbookRunsRunsItAgainAndSaysSo(t *testing.T) {
	t.Parallel()
	in, dir := newRunbook(t, `echo "run $OSSEC_NOTIFY_DELIVERY $OSSEC_NOTIFY_REPEAT" >>runs
if [ -z "$OSSEC_NOTIFY_REPEAT" ]; then echo $$ >pid.tmp; mv pid.tmp pid; exec sleep 1000; fi`, "[]")
	in.call("custom-notify", in.alert("1"))
	in.until("running", func() bool { _, err := os.Stat(filepath.Join(dir, "pid")); return err == nil })
	in.killDeliverer(syscall.SIGKILL)
	var pid int
	if _, err := fmt.Sscan(fileOf(t, dir, "pid"), &pid); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("the program ended with its deliverer: %v", err)
	}
	if lock, err := spool.TryLock(in.state(), "test", ""); err != nil { // it would keep all others from delivering
		t.Fatalf("the program holds the lock: %v", err)
	} else if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	in.call("custom-notify", in.alert("2")) // starts the next deliverer
	in.until("run again", func() bool {
		runs := fileOf(t, dir, "runs")
		first, rest, _ := strings.Cut(runs, "\n")
		return strings.Contains(rest, first+"1\n")
	})
	_ = syscall.Kill(pid, syscall.SIGKILL)
}

func TestRunbooksAreRunOneAtATime(t *testing.T) {
	t.Parallel()
	in, dir := newRunbook(t, `mkdir busy || { echo overlap >>bad; exit 1; }; sleep 0.02; rmdir busy; echo x >>runs`, "[]")
	for i := range 8 {
		in.call("custom-notify", in.alert(fmt.Sprint(i)))
	}
	in.until("all run", func() bool {
		b, _ := os.ReadFile(filepath.Join(dir, "runs"))
		return strings.Count(string(b), "x") == 8
	})
	if _, err := os.Stat(filepath.Join(dir, "bad")); err == nil {
		t.Error("two ran at the same time")
	}
}

func TestServeLetsARunbookEndBeforeItLeaves(t *testing.T) {
	t.Parallel()
	in, dir := newRunbook(t, `: >begun; while [ ! -e go ]; do sleep 0.01; done; : >done`, "[]")
	daemon := in.serve()
	in.call("custom-notify", in.alert("1"))
	in.until("running", func() bool { _, err := os.Stat(filepath.Join(dir, "begun")); return err == nil })
	if err := daemon.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := daemon.Wait(); err != nil {
		t.Fatal(err)
	}
	fileOf(t, dir, "done")
	for _, x := range in.deliveries() {
		if x.Receiver == "block" && x.State != string(outbox.Delivered) {
			t.Errorf("the program's delivery is %+v", x)
		}
	}
}

// What a program did is no alert: a fallback that pages is not called, and nothing escalates.
func TestTheEndOfARunbookCallsNobody(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config := strings.NewReplacer("PROGRAM", "/bin/false", "DIR", dir, "FALLBACK", "[]").Replace(toRunbook)
	config = strings.Replace(config, "receivers:\n", "receivers:\n  oncall: {pagerduty: {routing_key: ROUTING_KEY, endpoint: \"PAGERDUTY_URL\"}}\n", 1)
	config = strings.Replace(config, "report: [soc, backup]", "report: [soc, oncall]", 1)
	in := newInstallationWith(t, strings.Replace(config, "to: [soc, block]", "escalate: [{to: [soc, block]}, {after: 1h, to: backup}]", 1), sandbox.Options{SlackChannels: []string{"soc"}})
	if out := in.command(exitDone, "check"); !strings.Contains(out, `warning: receiver "block": report: "oncall" is told nothing: pagerduty has no message for it`) {
		t.Errorf("check says\n%s", out)
	}
	in.call("custom-notify", in.alert("1"))
	in.until("told", func() bool { texts, _, _ := in.posts(); return len(texts) == 2 })
	if got := in.at(sandbox.PagerDuty); len(got) > 0 {
		t.Errorf("PagerDuty was called: %s", got[0].Body)
	}
	for _, x := range in.deliveries() {
		if x.Receiver == "oncall" {
			t.Errorf("there is a delivery %+v", x)
		}
	}
	if held := in.count(outbox.Held); held != 1 {
		t.Errorf("%d steps wait, want the one of the alert", held)
	}
}

// The worst runbook that somebody may write, and the worst alert: each variable without quotes, and once more for a second shell.
func TestAHostileAlertRunsNothingInACarelessRunbook(t *testing.T) {
	t.Parallel()
	in, dir := newRunbook(t, `PATH=/bin:/usr/bin
for v in $(env | grep ^OSSEC_NOTIFY_ | cut -d= -f2-); do echo $v >/dev/null; done
sh -c "echo $OSSEC_NOTIFY_SRCIP $OSSEC_NOTIFY_DSTIP $OSSEC_NOTIFY_HOST $OSSEC_NOTIFY_AGENT_ID $OSSEC_NOTIFY_ALERT_ID $OSSEC_NOTIFY_RULE_ID $OSSEC_NOTIFY_LEVEL $OSSEC_NOTIFY_ROUTE"
env | grep ^OSSEC_NOTIFY_ >env
: >done`, "[]")
	hostile := "$(touch pwned)`touch pwned`; touch pwned\ntouch pwned # '\" | touch pwned & touch${IFS}pwned -rf *"
	text, err := json.Marshal(map[string]any{
		"timestamp": "2026-11-23T13:20:17.412+0000", "id": hostile, "location": hostile, "full_log": hostile, "manager": map[string]any{"name": hostile},
		"agent": map[string]any{"id": hostile, "name": hostile, "ip": hostile}, "rule": map[string]any{"level": 12, "id": hostile, "description": hostile, "groups": []string{hostile}},
		"data": map[string]any{"srcip": hostile, "dstip": hostile, "srcuser": hostile},
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "hostile.alert")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	in.call("custom-notify", file)
	in.until("run", func() bool { _, err := os.Stat(filepath.Join(dir, "done")); return err == nil })
	for _, at := range []string{dir, "/"} {
		if _, err := os.Stat(filepath.Join(at, "pwned")); err == nil {
			t.Errorf("the alert ran a program in %s", at)
		}
	}
	for line := range strings.Lines(fileOf(t, dir, "env")) {
		if name, _, _ := strings.Cut(line, "="); slices.Contains([]string{"OSSEC_NOTIFY_SRCIP", "OSSEC_NOTIFY_DSTIP", "OSSEC_NOTIFY_HOST", "OSSEC_NOTIFY_AGENT_ID", "OSSEC_NOTIFY_RULE_ID", "OSSEC_NOTIFY_ALERT_ID"}, name) {
			t.Errorf("there is a variable %s", line)
		}
	}
}
