package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/page/inbox"
	"github.com/ossec-notify/ossec-notify/sandbox"
	"github.com/ossec-notify/ossec-notify/spool"
)

// installation is a manager's directory with the program in it under its names, and stand-ins to deliver to. The
// processes are real: calls as integratord makes them, and the deliverers that these start.
type installation struct {
	t     testing.TB
	home  string
	stand *sandbox.Server
}

func newInstallation(t testing.TB, config string) *installation {
	t.Helper()
	return newInstallationWith(t, config, sandbox.Options{})
}

// newInstallationWith has stand-ins that expect something else.
func newInstallationWith(t testing.TB, config string, opt sandbox.Options) *installation {
	t.Helper()
	stand, err := sandbox.Start(opt)
	if err != nil {
		t.Fatal(err)
	}
	in := &installation{t, filepath.Join(t.TempDir(), "ossec"), stand}
	for _, dir := range []string{"integrations", "etc", "logs", "queue"} {
		if err := os.MkdirAll(filepath.Join(in.home, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"custom-notify", "custom-slack"} {
		if err := os.Symlink(filepath.Join(binDir(), name), filepath.Join(in.home, "integrations", name)); err != nil {
			t.Fatal(err)
		}
	}
	if config != "" {
		in.configure(config)
	}
	t.Cleanup(func() {
		for _, state := range spool.Places(in.home) {
			in.killDelivererOf(state, syscall.SIGTERM)
		}
		_ = stand.Close()
	})
	return in
}

func (in *installation) configure(text string) {
	in.t.Helper()
	text = strings.NewReplacer("SLACK_URL", in.stand.SlackWebhookURL(), "WEBHOOK_URL", in.stand.WebhookURL(), "PAGERDUTY_URL", in.stand.PagerDutyURL(), "ROUTING_KEY", sandbox.FakeRoutingKey,
		"SLACK_API", in.stand.SlackAPIURL(), "SLACK_TOKEN", sandbox.FakeSlackToken, "SPLUNK_URL", in.stand.SplunkURL(), "HEC_TOKEN", sandbox.FakeHECToken,
		"SMTP_URL", in.stand.SMTPURL(), "REST_TOKEN", sandbox.FakePagerDutyToken).Replace(text)
	if err := os.WriteFile(filepath.Join(in.home, "etc", "ossec-notify.yaml"), []byte(text), 0o600); err != nil {
		in.t.Fatal(err)
	}
}

func (in *installation) state() string { return filepath.Join(in.home, "queue", "ossec-notify") }

// alert writes an alert file as Wazuh's integratord does; the sentence ends in the id.
func (in *installation) alert(id string) string {
	in.t.Helper()
	path := filepath.Join(in.t.TempDir(), "custom-notify-1-"+id+".alert")
	text := fmt.Sprintf(`{"timestamp":"2026-11-23T13:20:17.412+0000","rule":{"level":5,"description":"Story %s","id":"100001","groups":["local"]},"agent":{"id":"001","name":"web-01"},"manager":{"name":"mgr"},"id":"1795440017.%s","full_log":"x","location":"/l"}`, id, id)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		in.t.Fatal(err)
	}
	return path
}

// call runs the program as integratord does and deletes the alert file when it returns.
func (in *installation) call(name, file string, args ...string) {
	in.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(in.home, "integrations", name), append([]string{file}, args...)...)
	cmd.Args[0] = filepath.Join(binDir(), name) // the test binary looks there; the program does not
	cmd.Env = []string{"TZ=UTC"}
	cmd.Dir = "/"
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		in.t.Fatalf("%s: %v\n%s", name, err, out)
	}
	if err := os.Remove(file); err != nil {
		in.t.Fatal(err)
	}
}

// until looks at a condition of another process until it holds.
func (in *installation) until(what string, holds func() bool) {
	in.t.Helper()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	limit := atLength(time.Minute, 5*time.Minute) // a receiver that was down for long is not tried at once
	over := time.After(limit)
	for !holds() {
		select {
		case <-over:
			in.t.Fatalf("after %s: not %s; the log ends:\n%s", limit, what, tail20(in.log()))
		case <-look.C:
		}
	}
}

// taken waits until all records are in the outbox.
func (in *installation) taken() {
	in.t.Helper()
	in.until("taken out of the spool", func() bool {
		names, err := spool.List(in.state())
		return err == nil && len(names) == 0
	})
}

// killDeliverer ends the deliverer, if there is one, and waits until it is gone.
func (in *installation) killDeliverer(sig syscall.Signal) {
	in.t.Helper()
	in.killDelivererOf(in.state(), sig)
}

func (in *installation) killDelivererOf(state string, sig syscall.Signal) {
	in.t.Helper()
	asked := 0 // once: a second signal ends it in the middle of its work
	in.until("the deliverer gone", func() bool {
		lock, err := spool.TryLock(state, "test", "")
		if err == nil {
			if err := lock.Release(); err != nil {
				in.t.Error(err)
			}
			return true
		}
		if !errors.Is(err, spool.ErrLocked) {
			return true // there is no state: nothing was spooled
		}
		if h, err := spool.ReadHolder(state); err == nil && h.Kind != spool.KindDoor && h.PID > 1 && h.PID != asked {
			asked = h.PID
			_ = syscall.Kill(h.PID, sig)
		}
		return false
	})
}

// told waits until n messages arrived at Slack and returns their first lines.
func (in *installation) told(n int) []string {
	in.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	messages, err := in.stand.Wait(ctx, n)
	if err != nil {
		in.t.Fatalf("%v; the log:\n%s", err, in.log())
	}
	var lines []string
	for _, m := range messages {
		lines = append(lines, inbox.Gist(m))
	}
	return lines
}

func (in *installation) log() string {
	b, err := os.ReadFile(filepath.Join(in.home, "logs", "ossec-notify.log"))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// tail20 is the last lines of a log: it may be long.
func tail20(log string) string {
	lines := strings.Split(log, "\n")
	return strings.Join(lines[max(len(lines)-20, 0):], "\n")
}

// command runs the command line and returns what it prints.
func (in *installation) command(wantCode int, args ...string) string {
	in.t.Helper()
	cmd := exec.Command("ossec-notify", append(args, "--home", in.home)...)
	cmd.Env = append(os.Environ(), "TZ=UTC", "GORACE="+quickExit)
	out, err := cmd.CombinedOutput()
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		in.t.Fatal(err)
	}
	if code != wantCode {
		in.t.Fatalf("ossec-notify %q exits %d, want %d:\n%s", args, code, wantCode, out)
	}
	return string(out)
}

const toSlack = "receivers: {soc: {slack: {webhook_url: SLACK_URL}, rate: 100/s}}\ndefault: [soc]\ntime_zone: UTC\n"

func TestReceiverThatIsDownHearsAllInOrderAndOnce(t *testing.T) {
	for _, kill := range []bool{false, true} {
		t.Run(fmt.Sprintf("killed=%v", kill), func(t *testing.T) {
			in := newInstallation(t, toSlack)
			down := make([]sandbox.Reply, 3)
			for i := range down {
				down[i] = sandbox.Reply{Status: 503, Body: "down"}
			}
			in.stand.Script(sandbox.Slack, down...)
			var want []string
			for i := range 10 {
				in.call("custom-notify", in.alert(fmt.Sprint(i)))
				want = append(want, fmt.Sprintf("LOW: Story %d on web-01", i))
				if kill && (i == 1 || i == 5) {
					in.killDeliverer(syscall.SIGKILL)
				}
			}
			got := in.told(10)
			if strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("Slack heard\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			in.until("all entered as delivered", func() bool { // the last one's answer may be on its way
				list := in.command(exitDone, "outbox", "list", "--all", "--format", "json")
				return strings.Count(list, `"state":"delivered"`) == 10
			})
		})
	}
}

// execd of OSSEC names an alert by its id: it comes whole from the manager's log, or as the arguments say where the
// log does not hold it. The end of a response tells nobody.
func TestActiveResponseTellsTheAlertOfItsID(t *testing.T) {
	in := newInstallation(t, toSlack)
	dir := filepath.Join(in.home, "active-response", "bin")
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.MkdirAll(filepath.Join(in.home, "logs", "alerts"), 0o755),
		os.Symlink(filepath.Join(binDir(), "custom-notify"), filepath.Join(dir, "custom-notify"))); err != nil {
		t.Fatal(err)
	}
	in.write("7")
	const id = "1795440017.7" // as alert writes it
	execd := func(args ...string) {
		t.Helper()
		cmd := exec.Command(filepath.Join(dir, "custom-notify"), args...)
		cmd.Env, cmd.Dir = []string{"TZ=UTC"}, "/"
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
	}
	execd("delete", "-", "203.0.113.9", id, "100001")
	execd("add", "-", "203.0.113.9", id, "100001", "(web-01) 192.0.2.11->/l", "-")
	if got := in.told(1); got[0] != "LOW: Story 7 on web-01" {
		t.Errorf("Slack heard %q", got)
	}
	execd("add", "root", "203.0.113.10", "1795440099.1", "5712", "(web-02) 192.0.2.12->/var/log/auth.log", "-")
	if got := in.told(2)[1]; !strings.Contains(got, "203.0.113.10") {
		t.Errorf("of an alert that the log does not hold, Slack heard %q, want the address", got)
	}
	// Wazuh's passes the alert on standard input, and no arguments.
	for _, name := range []string{"5712-delete.json", "5712-add.json"} {
		call, err := os.Open(filepath.Join(corpusDir, "active-response", name))
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(filepath.Join(dir, "custom-notify"))
		cmd.Env, cmd.Dir, cmd.Stdin = []string{"TZ=UTC"}, "/", call
		out, err := cmd.CombinedOutput()
		if err := errors.Join(err, call.Close()); err != nil || len(out) > 0 {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
	}
	if got := in.told(3)[2]; !strings.Contains(got, "SSH brute force") {
		t.Errorf("of Wazuh's call Slack heard %q", got)
	}
	in.killDeliverer(syscall.SIGTERM)
	if n := len(in.stand.Messages()); n != 3 {
		t.Errorf("%d messages, want 3", n)
	}
}

// What came before install made the better state directory is delivered, too, from where it is.
func TestWhatWaitsInTheSecondStateDirectoryIsDelivered(t *testing.T) {
	in := newInstallation(t, toSlack)
	queue, second := filepath.Join(in.home, "queue"), spool.Places(in.home)[1]
	for _, step := range []error{
		os.Remove(queue), os.WriteFile(queue, nil, 0o600), // no directory can be made in it
		os.MkdirAll(filepath.Dir(second), 0o755),
	} {
		if step != nil {
			t.Fatal(step)
		}
	}
	hold := make(chan struct{})
	in.stand.Script(sandbox.Slack, sandbox.Reply{Status: 503, Hold: hold})
	in.call("custom-notify", in.alert("1"))
	in.until("in the second outbox", func() bool {
		names, err := spool.List(second)
		return err == nil && len(names) == 0
	})
	in.killDelivererOf(second, syscall.SIGKILL)
	close(hold)
	if err := errors.Join(os.Remove(queue), os.Mkdir(queue, 0o755), spool.Prepare(in.state())); err != nil {
		t.Fatal(err)
	}
	in.call("custom-notify", in.alert("2"))
	got := strings.Join(in.told(2), "\n")
	if !strings.Contains(got, "Story 1") || !strings.Contains(got, "Story 2") {
		t.Errorf("Slack heard %q, want both stories", got)
	}
}

func TestReceiverOfOssecConfIsRememberedAfterAKill(t *testing.T) {
	in := newInstallation(t, "")
	hold := make(chan struct{})
	in.stand.Script(sandbox.Slack, sandbox.Reply{Status: 503, Hold: hold})
	in.call("custom-slack", in.alert("1"), "", in.stand.SlackWebhookURL())
	in.taken() // now only the file under receivers/ knows where it goes
	in.killDeliverer(syscall.SIGKILL)
	close(hold)
	if err := filepath.WalkDir(in.state(), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Base(filepath.Dir(path)) == "receivers" {
			return err
		}
		b, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(b), in.stand.SlackWebhookURL()) {
			t.Errorf("%s holds the webhook's address", path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	in.call("custom-slack", in.alert("2"), "", in.stand.SlackWebhookURL())
	got := in.told(2)
	if !strings.Contains(strings.Join(got, "\n"), "Story 1") || !strings.Contains(strings.Join(got, "\n"), "Story 2") {
		t.Errorf("Slack heard %q, want both stories", got)
	}
}

func TestAlertWaitsForABrokenConfigToBeMended(t *testing.T) {
	in := newInstallation(t, "receivers: {soc: {slakc: {}}}\n")
	in.call("custom-notify", in.alert("1"))
	in.until("said what is wrong", func() bool {
		return strings.Contains(in.log(), `did you mean \"slack\"`) && strings.Contains(in.log(), "alert waits")
	})
	if out := in.command(exitDone, "outbox", "list"); !strings.HasPrefix(out, "1 alert waits in the spool, and no receiver was chosen yet: the deliverer takes it ") || strings.Contains(out, "Nothing waits") {
		t.Errorf("outbox list says\n%s", out)
	}
	in.configure(toSlack)
	in.call("custom-notify", in.alert("2"))
	if got := in.told(2); got[0] != "LOW: Story 1 on web-01" || got[1] != "LOW: Story 2 on web-01" {
		t.Errorf("Slack heard %q", got)
	}
}

// A deliverer that runs takes changed templates and included files as it takes a changed config: with the next alert.
func TestChangedTemplateAndIncludeHoldForTheNextAlert(t *testing.T) {
	in := newInstallation(t, strings.Replace(toSlack, "default: [soc]\n", "include: [conf.d/*.yaml]\n", 1))
	write := func(text string, path ...string) {
		t.Helper()
		file := filepath.Join(append([]string{in.home, "etc"}, path...)...)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	route := []string{"conf.d", "10-routes.yaml"}
	write("routes: [{match: {level: 1}, to: [soc]}]\n", route...)
	daemon := in.serve()
	in.call("custom-notify", in.alert("1"))
	in.told(1)
	write(`{{define "slack.text"}}changed {{.Rule.ID}}{{end}}`, "ossec-notify", "templates", "slack.tmpl")
	in.call("custom-notify", in.alert("2"))
	if got := in.told(2); !strings.HasPrefix(got[1], "changed ") {
		t.Errorf("after a template was written, Slack hears %q", got[1])
	}
	write("routes: [{match: {level: 5}, to: []}]\n", route...)
	in.call("custom-notify", in.alert("3"))
	in.until("taken", func() bool { return strings.Contains(in.log(), "goes to nobody") })
	in.stop(daemon)
	if n := len(in.stand.Messages()); n != 2 {
		t.Errorf("%d messages, want 2: the included route sends the third to nobody", n)
	}
}

// What a route sends to nobody can be seen afterwards, and told from what no route wanted.
func TestAlertForNobodyIsSeen(t *testing.T) {
	in := newInstallation(t, strings.Replace(toSlack, "default: [soc]", "routes: [{name: noise, match: {log: x, level: 5}, to: []}]", 1))
	in.call("custom-notify", in.alert("1"))
	in.call("custom-slack", in.alert("1"))
	in.until("said so", func() bool { return strings.Contains(in.log(), "goes to nobody, on purpose") })
	in.taken()
	var got sent
	line := in.command(exitDone, "outbox", "list", "--all", "--format", "json")
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Fatalf("%v:\n%s", err, line)
	}
	if want := (sent{got.Delivery, "mgr/1795440017.1", "(nobody)", "", "suppressed", 0, "route noise sends it to nobody", ""}); got != want {
		t.Errorf("the outbox has %+v, want %+v", got, want)
	}
	if out := in.command(exitFail, "outbox", "retry", got.Delivery); !strings.Contains(out, got.Delivery+" has no receiver: route noise sends it to nobody; to tell somebody: ossec-notify send --to") {
		t.Errorf("retry says\n%s", out)
	}
	if out := in.command(exitDone, "explain", "--id", "mgr/1795440017.1"); !strings.Contains(out, "What became of it:") || !strings.Contains(out, "(nobody)  mgr/1795440017.1: route noise sends it to nobody") {
		t.Errorf("explain says\n%s", out)
	}
	if out := in.command(exitDone, "explain", "--id", "mgr/1795440017.1", "--format", "json"); !strings.Contains(out, `"deliveries":[{"delivery":"`+got.Delivery+`"`) {
		t.Errorf("explain says\n%s", out)
	}
	in.configure(strings.Replace(toSlack, "default: [soc]", "", 1))
	in.call("custom-notify", in.alert("2"))
	in.until("said so", func() bool { return strings.Contains(in.log(), "goes to nobody: no route chose a receiver") })
	in.taken()
	if out := in.command(exitDone, "explain", "--id", "mgr/1795440017.2"); !strings.Contains(out, "no route chose a receiver then") {
		t.Errorf("explain says\n%s", out)
	}
	if n := len(in.stand.Messages()); n > 0 {
		t.Errorf("%d messages, want none", n)
	}
}

// A call for somebody that there is not is no reason to lose the alert: a receiver may have been renamed.
func TestAlertForAnUnknownNameGoesToTheDefault(t *testing.T) {
	in := newInstallation(t, toSlack)
	if err := os.Symlink(filepath.Join(binDir(), "custom-notify"), filepath.Join(in.home, "integrations", "custom-sock")); err != nil {
		t.Fatal(err)
	}
	in.call("custom-sock", in.alert("1"))
	in.told(1)
	in.taken()
	out := in.command(exitDone, "explain", "--id", "mgr/1795440017.1")
	if want := `, called as custom-sock, which led to nobody: "sock" is no receiver of the config, no kind of channel and not notify; did you mean custom-soc?. What became of it:`; !strings.Contains(out, want) {
		t.Errorf("explain does not say %s\n%s", want, out)
	}
	if !strings.Contains(in.log(), "the default receivers are told") {
		t.Errorf("the log says\n%s", in.log())
	}
	// Without a default it is kept, and counted.
	in.configure(strings.Replace(toSlack, "default: [soc]", "", 1))
	in.call("custom-sock", in.alert("2"))
	in.until("said so", func() bool { return strings.Contains(in.log(), "alert has no receiver") })
	in.taken()
	if out := in.command(exitDone, "outbox", "list", "--all"); !strings.Contains(out, `(nobody)  mgr/1795440017.2: called as custom-sock, which leads to nobody: "sock" is no receiver`) {
		t.Errorf("the outbox has\n%s", out)
	}
	if out := in.command(exitDone, "explain", "--id", "mgr/1795440017.2"); strings.Contains(out, "no route chose") || !strings.Contains(out, "called as custom-sock, which led to nobody") {
		t.Errorf("explain says\n%s", out)
	}
	if out := in.command(exitDone, "explain", "--id", "mgr/1795440017.2", "--format", "json"); !strings.Contains(out, `"called":"custom-sock","astray":"\"sock\" is no receiver`) {
		t.Errorf("explain says\n%s", out)
	}
}

func TestSameAlertIsToldOnceToEachReceiver(t *testing.T) {
	in := newInstallation(t, toSlack)
	for range 3 {
		in.call("custom-notify", in.alert("7"))
	}
	in.call("custom-notify", in.alert("8"))
	if got := in.told(2); got[0] != "LOW: Story 7 on web-01" || got[1] != "LOW: Story 8 on web-01" {
		t.Errorf("Slack heard %q, want each story once", got)
	}
}

func TestSendWaitsForTheOutcomeInTheOutbox(t *testing.T) {
	in := newInstallation(t, toSlack)
	file := in.alert("1")
	for n := 1; n <= 2; n++ { // a new occurrence each time
		var got sent
		if err := json.Unmarshal([]byte(in.command(exitDone, "send", file, "--format", "json")), &got); err != nil {
			t.Fatal(err)
		}
		want := sent{got.Delivery, "mgr/1795440017.1", "soc", "slack", "delivered", 1, "", ""}
		if n == 2 {
			want.Alert += "#2"
		}
		if got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	in.stand.Script(sandbox.Slack, sandbox.Reply{Status: 404, Body: "no_service"})
	if out := in.command(exitFail, "send", file); !strings.Contains(out, "no_service (the webhook is gone") {
		t.Errorf("a refusal says\n%s", out)
	}
	in.stand.Script(sandbox.Slack, sandbox.Reply{Status: 503}, sandbox.Reply{Status: 503}, sandbox.Reply{Status: 503}, sandbox.Reply{Status: 503})
	if out := in.command(exitFail, "send", file, "--timeout", "500ms"); !strings.Contains(out, "the delivery goes on") {
		t.Errorf("a receiver that is down says\n%s", out)
	}
}

// Who mends the config and then retries means the mended one, however soon.
func TestRetryGoesByTheConfigAsItIsNow(t *testing.T) {
	in := newInstallation(t, toSlack)
	daemon := in.serve()
	for i := range 5 {
		in.configure(strings.Replace(toSlack, "SLACK_URL", "SLACK_URL/none", 1))
		in.call("custom-notify", in.alert(fmt.Sprint(i)))
		in.until("given up", func() bool { return in.count(outbox.Dead) == 1 })
		in.configure(toSlack)
		in.command(exitDone, "outbox", "retry", "--dead", "--receiver", "soc")
		in.until("tried", func() bool { return in.count(outbox.Delivered) == i+1 || in.count(outbox.Dead) > 0 })
		if in.count(outbox.Dead) > 0 {
			t.Fatalf("the retry went by the old config:\n%s", in.command(exitDone, "outbox", "list", "--all"))
		}
	}
	in.stop(daemon)
}

func TestDeadLettersCanBeTriedAgain(t *testing.T) {
	in := newInstallation(t, toSlack)
	in.stand.Script(sandbox.Slack, sandbox.Reply{Status: 404, Body: "no_service"})
	in.command(exitFail, "send", in.alert("1"))
	var dead sent
	if err := json.Unmarshal([]byte(in.command(exitDone, "outbox", "list", "--format", "json")), &dead); err != nil {
		t.Fatal(err)
	}
	if dead.State != "dead" || !strings.Contains(dead.Error, "no_service") {
		t.Fatalf("the outbox has %+v, want a dead letter with Slack's word", dead)
	}
	if out := in.command(exitDone, "outbox", "show", dead.Delivery); !strings.Contains(out, "attempt 1, ") || !strings.Contains(out, "no_service") {
		t.Errorf("show says\n%s", out)
	}
	in.command(exitDone, "outbox", "retry", dead.Delivery)
	if got := in.told(1); got[0] != "LOW: Story 1 on web-01" {
		t.Errorf("Slack heard %q", got)
	}
	in.command(exitFail, "outbox", "drop", "NOSUCHDELIVERY00")
}
