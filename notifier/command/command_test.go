package command

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/notifiertest"
	"github.com/ossec-notify/ossec-notify/testdata/injection"
	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// script is a program with that text, in a directory that it is told of as $0's.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "runbook")
	syscall.ForkLock.RLock() // a program that starts now would hold the file open for writing, and nobody could execute it
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func newNotifier(t *testing.T, cfg Config) *Notifier {
	t.Helper()
	n, err := New(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// brute is an alert's notification as the default templates make it.
func brute() notifier.Notification {
	text := display.Quote
	return notifier.Notification{
		Action: notifier.Trigger, Delivery: "01J9Z3", Alert: "mgr/1795440502.8", Occurrence: 1, Receiver: "block", Severity: "medium",
		Time: time.Date(2026, 11, 23, 13, 28, 22, 0, time.UTC),
		Parts: map[string]display.Text{
			"document.json": display.Words(`{"version":1,"title":"SSH brute force from 203.0.113.9 on web-01"}`),
			"rule":          text("5712"), "level": text("10"), "family": display.Words("auth_failure"), "srcip": text("203.0.113.9"),
			"agent": text("001"), "host": text("web-01"), "route": display.Words("page"),
		},
	}
}

func TestTheProgramGetsTheAlert(t *testing.T) {
	path := script(t, `cat >"$1/stdin"; env | grep -v '^\(PWD\|SHLVL\|_\|OLDPWD\|HOME\|PATH\|LANG\)=' | sort >"$1/env"; pwd; echo "warned: $2" >&2`)
	dir := filepath.Dir(path)
	t.Setenv("OSSEC_NOTIFY_HOME", "/nonexistent") // ours, and none of its
	c := newNotifier(t, Config{Run: []string{path, dir, "$(id) {x}"}, Directory: "/tmp",
		Env: map[string]notifier.Secret{"TEAM": notifier.PlainSecret("soc")}, Output: 1 << 10})
	receipt, err := c.Notify(t.Context(), brute())
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if got, want := read("stdin"), `{"version":1,"title":"SSH brute force from 203.0.113.9 on web-01"}`+"\n"; got != want {
		t.Errorf("on standard input it found %q, want %q", got, want)
	}
	want := `OSSEC_NOTIFY_ACTION=trigger
OSSEC_NOTIFY_AGENT_ID=001
OSSEC_NOTIFY_ALERT_ID=mgr/1795440502.8
OSSEC_NOTIFY_DELIVERY=01J9Z3
OSSEC_NOTIFY_FAMILY=auth_failure
OSSEC_NOTIFY_HOST=web-01
OSSEC_NOTIFY_LEVEL=10
OSSEC_NOTIFY_OCCURRENCE=1
OSSEC_NOTIFY_RECEIVER=block
OSSEC_NOTIFY_ROUTE=page
OSSEC_NOTIFY_RULE_ID=5712
OSSEC_NOTIFY_SEVERITY=medium
OSSEC_NOTIFY_SRCIP=203.0.113.9
OSSEC_NOTIFY_TIME=2026-11-23T13:28:22Z
TEAM=soc
`
	if got := read("env"); got != want {
		t.Errorf("in its environment it found\n%swant\n%s", got, want)
	}
	ran := *receipt.Ran
	if ran.Took <= 0 {
		t.Errorf("it took %s", ran.Took)
	}
	ran.Took = 0
	if want := (notifier.Ran{Program: "runbook", Receiver: "block", Delivery: "01J9Z3", Output: "/tmp\nwarned: $(id) {x}\n"}); ran != want {
		t.Errorf("got %+v, want %+v", ran, want)
	}

	message, err := c.Compose(brute())
	if err != nil {
		t.Fatal(err)
	}
	body := string(message.Body)
	for _, line := range strings.Split(strings.TrimSpace(want), "\n") {
		if !strings.Contains(body, line+"\n") {
			t.Errorf("preview does not show %s:\n%s", line, body)
		}
	}
	if want := path + " " + dir + ` "$(id) {x}", in /tmp`; message.To != want || !strings.HasSuffix(body, "\n\n "+read("stdin")) {
		t.Errorf("preview shows %q with\n%s\nwant %q, and standard input at the end", message.To, body, want)
	}
}

func TestWhatAnEndMeans(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		script string
		cfg    Config
		reason notifier.Reason // -1: delivered
		status int
		text   string // of the error
		ended  string
	}{
		"done":               {`exit 0`, Config{}, -1, 0, "", ""},
		"try again":          {`echo first; echo the firewall is locked; exit 75`, Config{}, notifier.Temporary, 75, "run runbook: status 75, to be tried again: the firewall is locked", ""},
		"failed":             {`echo no such chain >&2; exit 3`, Config{}, notifier.Permanent, 3, "run runbook: status 3: no such chain", ""},
		"failed silently":    {`exit 1`, Config{}, notifier.Permanent, 1, "run runbook: status 1", ""},
		"may not write":      {`echo "touch: cannot touch '/x': Read-only file system" >&2; exit 1`, Config{}, notifier.Permanent, 1, "Read-only file system (under the unit of serve it may write where ReadWritePaths says: docs/delivery.md)", ""},
		"calls nothing":      {`no-such-program-here`, Config{}, notifier.Misconfigured, 127, "something that it calls is not there: PATH is /usr/local/sbin:", ""},
		"calls a plain file": {`/etc/passwd`, Config{}, notifier.Misconfigured, 126, "something that it calls cannot be run", ""},
		"killed":             {`kill -KILL $$`, Config{}, notifier.Permanent, -1, "run runbook: it was ended by a signal: killed", "ended by signal killed"},
		"takes too long":     {`echo begun; exec sleep 1000`, Config{Timeout: yamlnode.Duration(time.Second)}, notifier.Permanent, -1, "it had not ended after its timeout of 1 s, and was ended with all that it had started: begun (nobody knows how far it came: with retry_timeout it is run again)", "ended by us at its timeout of 1 s"},
		"may be run again":   {`exec sleep 1000`, Config{Timeout: yamlnode.Duration(time.Second), RetryTimeout: true}, notifier.Temporary, -1, "it had not ended after its timeout of 1 s", "ended by us at its timeout of 1 s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.cfg.Run = []string{script(t, tc.script)}
			receipt, err := newNotifier(t, tc.cfg).Notify(t.Context(), brute())
			if receipt.Ran == nil || receipt.Ran.Status != tc.status || receipt.Ran.Ended != tc.ended {
				t.Errorf("it is told to have ended as %+v", receipt.Ran)
			}
			if tc.reason < 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			got := notifier.Classify(err)
			if err == nil || got.Reason != tc.reason || got.Ambiguous || !strings.Contains(got.Error(), tc.text) {
				t.Errorf("got %v (%v), want %v: %s", err, got.Reason, tc.reason, tc.text)
			}
		})
	}
}

func TestAProgramThatCannotBeStartedIsMisconfigured(t *testing.T) {
	bare := filepath.Join(t.TempDir(), "bare")
	if err := os.WriteFile(bare, []byte("echo x\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for hint, cfg := range map[string]Config{
		"/nonexistent/x is not there":          {Run: []string{"/nonexistent/x"}},
		"chmod +x /etc/passwd":                 {Run: []string{"/etc/passwd"}},
		"a script needs a first line":          {Run: []string{bare}},
		"directory /nonexistent: no such file": {Run: []string{"/bin/true"}, Directory: "/nonexistent"},
		`this host has no user "no-such-user"`: {Run: []string{"/bin/true"}, User: "no-such-user"},
	} {
		receipt, err := newNotifier(t, cfg).Notify(t.Context(), brute())
		if got := notifier.Classify(err); err == nil || got.Reason != notifier.Misconfigured || !strings.Contains(got.Error(), hint) {
			t.Errorf("got %v (%v), want misconfigured: %s", err, got.Reason, hint)
		}
		if cfg.User == "" && (receipt.Ran == nil || receipt.Ran.OK() || !strings.HasPrefix(receipt.Ran.Ended, "did not start: ")) {
			t.Errorf("it is told to have ended as %+v", receipt.Ran)
		}
	}
}

// Where we end while the program runs, nobody knows how far it came, and it is run again.
func TestAProgramThatWeEndIsRunAgain(t *testing.T) {
	dir := t.TempDir()
	begun := filepath.Join(dir, "begun")
	path := script(t, `echo >"`+begun+`"; exec sleep 1000`)
	over := errors.New("told to stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		for {
			if _, err := os.Stat(begun); err == nil {
				break
			}
			time.Sleep(time.Millisecond)
		}
		cancel(over)
	}()
	receipt, err := newNotifier(t, Config{Run: []string{path}}).Notify(ctx, brute())
	if got := notifier.Classify(err); !errors.Is(err, over) || got.Reason != notifier.Temporary || !got.Ambiguous || receipt.Ran != nil {
		t.Errorf("got %v (%v, ambiguous %v), %+v", err, got.Reason, got.Ambiguous, receipt.Ran)
	}
}

func TestWhatItPrintsIsBoundedAndHoldsNoSecret(t *testing.T) {
	key := notifiertest.FileSecret(t, "s3cr3t-k3y")
	path := script(t, `echo "$API_KEY is $TEAM"; head -c 100000 /dev/zero | tr '\0' x; echo "$API_KEY" >&2; exit 4`)
	receipt, err := newNotifier(t, Config{Run: []string{path}, Output: 2000,
		Env: map[string]notifier.Secret{"API_KEY": key, "TEAM": notifier.PlainSecret("soc")}}).Notify(t.Context(), brute())
	ran := receipt.Ran
	if err == nil || ran == nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(ran.Output, "[redacted] is soc\nxxx") || len(ran.Output) > 2000 || ran.Dropped < 98_000 {
		t.Errorf("%d bytes were kept, %d dropped: %.40q", len(ran.Output), ran.Dropped, ran.Output)
	}
	if strings.Contains(err.Error(), "s3cr3t") || len(err.Error()) > 400 {
		t.Errorf("got %v", err)
	}
	message, err := newNotifier(t, Config{Run: []string{path}, Env: map[string]notifier.Secret{"API_KEY": key}}).Compose(brute())
	if err != nil || strings.Contains(string(message.Body), "s3cr3t") || !strings.Contains(string(message.Body), "API_KEY=[redacted]") {
		t.Errorf("preview shows %s (%v)", message.Body, err)
	}
}

// inert is what a shell takes for nothing but a word, quoted or not.
var inert = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/@#+-]*$`)

// Whatever an attacker writes into whichever field, and a template puts into whichever part: a variable holds a word or is not
// there, and the program's arguments stay what the config says.
func TestNoTextOfAnAlertGetsIntoTheEnvironment(t *testing.T) {
	c := newNotifier(t, Config{Run: []string{"/bin/true", "--fixed"}})
	texts := append(injection.Seeds(), "203.0.113.9; reboot", "203.0.113.9\nreboot", "fe80::1%$(reboot)", "5712 5713", "-rf", "$(reboot)", "`reboot`", "a b", "*", "~", "10.0.0.1/8",
		"203.0.113.9 ", "::ffff:203.0.113.9", "0x7f.1", "")
	for _, text := range texts {
		n := brute()
		n.Alert, n.Delivery, n.Receiver, n.Severity = text, text, text, text
		for name := range n.Parts {
			if name != "document.json" {
				n.Parts[name] = display.Quote(text)
			}
		}
		n.Parts["dstip"], n.Parts["test"], n.Parts["repeat"] = display.Quote(text), display.Quote(text), display.Words(text)
		p, _, err := c.program(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(p.Args, []string{"/bin/true", "--fixed"}) {
			t.Errorf("%q: the arguments are %q", text, p.Args)
		}
		for _, v := range p.Env {
			name, value, _ := strings.Cut(v, "=")
			if !inert.MatchString(value) && !(strings.HasSuffix(name, "IP") && strings.Trim(value, "0123456789abcdef:.") == "") {
				t.Errorf("%q: %s", text, v)
			}
		}
	}
}

func FuzzEnvironment(f *testing.F) {
	for _, s := range injection.Seeds() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, v := range variables {
			if v.is(s) && !inert.MatchString(s) && strings.Trim(s, "0123456789abcdefABCDEF:.") != "" {
				t.Errorf("%s may be %q", v.name, s)
			}
		}
	})
}

func TestActions(t *testing.T) {
	once := newNotifier(t, Config{Run: []string{"/bin/true"}})
	both := newNotifier(t, Config{Run: []string{"/bin/true"}, Actions: []string{"trigger", "resolve", "digest"}})
	for action, want := range map[notifier.Action][2]bool{
		notifier.Trigger: {true, true}, notifier.Resolve: {false, true}, notifier.Digest: {false, true},
		notifier.Acknowledge: {}, notifier.Update: {}, notifier.Report: {}, "open": {}, "": {},
	} {
		for i, c := range []*Notifier{once, both} {
			n := brute()
			n.Action = action
			_, err := c.Notify(t.Context(), n)
			if (err == nil) != want[i] || err != nil && notifier.Classify(err).Reason != notifier.Permanent {
				t.Errorf("%q: got %v, want to run: %v", action, err, want[i])
			}
			if c.Follows(action) != want[i] {
				t.Errorf("follows %q: %v", action, !want[i])
			}
		}
	}
}

func TestWithoutADocumentNothingIsRun(t *testing.T) {
	marker := filepath.Join(t.TempDir(), "ran")
	c := newNotifier(t, Config{Run: []string{"/usr/bin/touch", marker}})
	n := brute()
	n.Parts = map[string]display.Text{"body": display.Words("An alert came that ossec-notify could not make a message of.")}
	if _, err := c.Notify(t.Context(), n); err == nil || notifier.Retryable(err) {
		t.Errorf("got %v, want a failure for good", err)
	}
	if _, err := os.Stat(marker); err == nil {
		t.Error("it was run for an alert that could not be read")
	}
}

func TestAnOperatorsTemplateIsItsInput(t *testing.T) {
	c := newNotifier(t, Config{Run: []string{"/bin/cat"}})
	for part, text := range map[string]string{"body": "BLOCK 203.0.113.9", "body.json": `{"ip":"203.0.113.9"}`} {
		n := brute()
		n.Parts[part] = display.Words(text)
		if receipt, err := c.Notify(t.Context(), n); err != nil || receipt.Ran.Output != text+"\n" {
			t.Errorf("%s: it found %+v, want %s (%v)", part, receipt.Ran, text, err)
		}
	}
}

func TestMistakes(t *testing.T) {
	for text, want := range map[string][]string{
		`{}`:                                   {"run"},
		`{run: [block]}`:                       {"run"},
		`{run: [/bin/true, "{{.Source.IP}}"]}`: {"run"},
		`{run: [/bin/true, "a\0b"]}`:           {"run"},
		`{run: [/bin/true], env: {OSSEC_NOTIFY_SRCIP: x, "A-B": y}, directory: tmp, timeout: 2h}`: {"OSSEC_NOTIFY_SRCIP", "directory", "env", "timeout"},
		`{run: [/bin/true], output: 2MiB}`:               {"output"},
		`{run: [/bin/true], actions: [resolve]}`:         {"actions"},
		`{run: [/bin/true], actions: [trigger, update]}`: {"actions"},
	} {
		var cfg Config
		if err := yaml.Unmarshal([]byte(text), &cfg); err != nil {
			t.Fatal(err)
		}
		got := notifiertest.Keys(cfg.Validate())
		for i, key := range got {
			got[i] = strings.TrimPrefix(key, "env.")
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: mistakes in %q, want %q", text, got, want)
		}
	}
}

func TestAShellOnALineIsDoubted(t *testing.T) {
	for run, want := range map[string]int{"/bin/sh -c x": 1, "/bin/bash -ec x": 1, "/bin/sh /opt/x": 0, "/opt/x -c y": 0} {
		if got := (Config{Run: strings.Fields(run)}).Doubts(); len(got) != want {
			t.Errorf("%s: %v", run, got)
		}
	}
}

// manual is docs/runbooks.md.
func manual(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../docs/runbooks.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTheManualListsTheVariables(t *testing.T) {
	var listed []string
	for _, line := range strings.Split(manual(t), "\n") {
		if !strings.HasPrefix(line, "| `"+prefix) {
			continue
		}
		for _, m := range regexp.MustCompile("`"+prefix+"([A-Z_]+)`").FindAllStringSubmatch(strings.Split(line, "|")[1], -1) {
			listed = append(listed, m[1])
		}
	}
	var names []string
	for _, v := range variables {
		names = append(names, v.name)
	}
	slices.Sort(listed)
	slices.Sort(names)
	if !slices.Equal(listed, names) {
		t.Errorf("docs/runbooks.md lists %q, there are %q", listed, names)
	}
}

// The runbook of the manual does what the manual says of it.
func TestTheRunbookOfTheManualWorks(t *testing.T) {
	const first = "#!/bin/sh\n# /usr/local/bin/block-ip:"
	_, text, found := strings.Cut(manual(t), "```sh\n"+first)
	if !found {
		t.Fatal("docs/runbooks.md has no block-ip")
	}
	text, _, _ = strings.Cut("#"+text, "```")
	queue := filepath.Join(t.TempDir(), "queue")
	path := script(t, strings.ReplaceAll(text, "/var/spool/block-ip", queue))
	run := func(change func(n notifier.Notification)) (status int, output string) {
		n := brute()
		if change != nil {
			change(n)
		}
		receipt, _ := newNotifier(t, Config{Run: []string{path}}).Notify(t.Context(), n)
		return receipt.Ran.Status, strings.TrimSpace(receipt.Ran.Output)
	}
	from := func(address string) func(notifier.Notification) {
		return func(n notifier.Notification) { n.Parts["srcip"] = display.Quote(address) }
	}
	if status, said := run(nil); status != 75 {
		t.Errorf("without a queue: %d, %s", status, said)
	}
	if err := os.Mkdir(queue, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		change func(notifier.Notification)
		status int
		said   string
	}{
		"a test":     {func(n notifier.Notification) { n.Parts["test"] = display.Words("1") }, 0, "a test: nothing is blocked"},
		"ours":       {from("10.0.0.5"), 0, "10.0.0.5 is ours: not blocked"},
		"no address": {from("203.0.113.9; reboot"), 1, "the alert has no source address"},
	} {
		if status, said := run(tc.change); status != tc.status || said != tc.said {
			t.Errorf("%s: %d, %s", name, status, said)
		}
	}
	if names, err := os.ReadDir(queue); err != nil || len(names) > 0 {
		t.Errorf("what was not to be blocked is in the queue: %v (%v)", names, err)
	}
	for range 2 {
		if status, said := run(nil); status != 0 || said != "203.0.113.9 is handed to the firewall" {
			t.Errorf("%d, %s", status, said)
		}
	}
	if _, err := os.Stat(filepath.Join(queue, "203.0.113.9")); err != nil {
		t.Error(err)
	}
}
