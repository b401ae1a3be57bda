package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/sandbox"
	"github.com/ossec-notify/ossec-notify/spool"
)

// The tests named TestFault… hurt an installation of real processes and look for what is lost, comes twice, comes in
// another order, or makes others wait. Each runs for OSSEC's and for Wazuh's way of calling. They are short, so that
// they run with all others; at length:
//
//	go test ./cmd/ossec-notify -run Fault -faults.long -timeout 60m -v
var faultsLong = flag.Bool("faults.long", false, "run the faults at length: hundreds of kills, minutes of being down")

// atLength is how much of a fault there is: in a short run, or in a long one.
func atLength[T any](short, long T) T {
	if *faultsLong {
		return long
	}
	return short
}

// story is an alert of which the tests know all that matters.
type story struct {
	name  string // its description ends in it
	level int
}

func low(name string) story { return story{name, 5} }

// told is the first line of the message about a story.
func (s story) told() string {
	severity := "LOW"
	if s.level >= 15 {
		severity = "CRITICAL"
	}
	return severity + ": Story " + s.name + " on web-01"
}

// way is how a manager calls us, and in which form it writes alerts.
type way struct {
	name string
	// alertFile is what integratord writes for one call.
	alertFile func(story) string
	// command is a call in the installation at home, with the alert in a file.
	command func(ctx context.Context, home, program, file string) *exec.Cmd
	// log is the manager's own log, and entry what it holds of an alert.
	log   string
	entry func(story) string
}

// ways are OSSEC's, of which integratord makes a line for a shell, and that of Wazuh since 4.8; see package door.
var ways = []way{
	{
		name: "ossec",
		alertFile: func(s story) string {
			return fmt.Sprintf("alertdate='2026 Nov 23 13:20:17'\nalertlocation='(web-01) 192.0.2.11->/l'\nruleid='100001'\nalertlevel='%d'\n"+
				"ruledescription='Story %s'\nalertlog='x %s'\nsrcip=''", s.level, s.name, s.name)
		},
		command: func(ctx context.Context, home, program, file string) *exec.Cmd {
			line := fmt.Sprintf("'%s' '%s' '%s' '%s' > /dev/null 2>&1", filepath.Join(home, "integrations", program), file, "", "")
			cmd := exec.CommandContext(ctx, "/bin/sh", "-c", "exec "+line) // exec: so that a kill hits the call, not the shell
			cmd.Dir = "/"
			return cmd
		},
		log: "alerts.log",
		entry: func(s story) string {
			return fmt.Sprintf("** Alert 1795440017.%s: - local,\n2026 Nov 23 13:20:17 (web-01) 192.0.2.11->/l\nRule: 100001 (level %d) -> 'Story %s'\nx %s\n\n",
				s.name, s.level, s.name, s.name)
		},
	},
	{
		name:      "wazuh",
		alertFile: func(s story) string { return wazuhAlert(s) + "\n" },
		command: func(ctx context.Context, home, program, file string) *exec.Cmd {
			cmd := exec.CommandContext(ctx, "integrations/"+program, file, "", "", "", "", "10", "3", "> /dev/null 2>&1")
			cmd.Path, cmd.Err = "integrations/"+program, nil // as seen from home, not from here
			cmd.Args[0] = "integrations"
			cmd.Dir = home
			return cmd
		},
		log:   "alerts.json",
		entry: func(s story) string { return wazuhAlert(s) + "\n" },
	},
}

func wazuhAlert(s story) string {
	return fmt.Sprintf(`{"timestamp":"2026-11-23T13:20:17.412+0000","rule":{"level":%d,"description":"Story %s","id":"100001","groups":["local"]},`+
		`"agent":{"id":"001","name":"web-01"},"manager":{"name":"mgr"},"id":"1795440017.%s","full_log":"x %s","location":"/l"}`, s.level, s.name, s.name, s.name)
}

// bothWays runs a test for each way of calling, both at the same time.
func bothWays(t *testing.T, test func(t *testing.T, w way)) {
	t.Parallel()
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			test(t, w)
		})
	}
}

// newCall writes an alert file as integratord does, and makes the call for it.
func (in *installation) newCall(ctx context.Context, w way, s story) (cmd *exec.Cmd, file string, err error) {
	dir := filepath.Join(in.home, "tmp")
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, "", err
	}
	file = filepath.Join(dir, "custom-notify-1795440017-"+s.name+".alert")
	cmd = w.command(ctx, in.home, "custom-notify", file)
	cmd.Env = []string{"TZ=UTC", "GORACE=" + quickExit}
	return cmd, file, os.WriteFile(file, []byte(w.alertFile(s)), 0o644)
}

// tryCall calls us as integratord does and deletes the alert file when the call is over.
func (in *installation) tryCall(w way, s story) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd, file, err := in.newCall(ctx, w, s)
	if err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		return fmt.Errorf("call for story %s: %w\n%s", s.name, err, out)
	}
	return os.Remove(file)
}

func (in *installation) callFor(w way, stories ...story) {
	in.t.Helper()
	for _, s := range stories {
		if err := in.tryCall(w, s); err != nil {
			in.t.Fatalf("%v; the log ends:\n%s", err, tail20(in.log()))
		}
	}
}

// managerLog is the path of the manager's log of alerts, in a directory that exists.
func (in *installation) managerLog(w way) string {
	in.t.Helper()
	dir := filepath.Join(in.home, "logs", "alerts")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		in.t.Fatal(err)
	}
	return filepath.Join(dir, w.log)
}

// logged appends alerts to the manager's log as the manager does.
func (in *installation) logged(w way, stories ...story) {
	in.t.Helper()
	var text bytes.Buffer
	for _, s := range stories {
		text.WriteString(w.entry(s))
	}
	f, err := os.OpenFile(in.managerLog(w), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		in.t.Fatal(err)
	}
	if _, err := f.Write(text.Bytes()); err != nil {
		in.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		in.t.Fatal(err)
	}
}

// inOrderOnce wants the stories told once each, in their order.
func inOrderOnce(t *testing.T, who string, got []string, stories []story) {
	t.Helper()
	want := make([]string, len(stories))
	for i, s := range stories {
		want[i] = s.told()
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s heard\n%s\nwant\n%s", who, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// ear counts what a stand-in takes. It remembers all, where the inbox of the stand-ins forgets.
type ear struct {
	mu    sync.Mutex
	heard map[sandbox.Service][]string
	count map[sandbox.Service]map[string]int
}

// newEar makes an ear, and the options of stand-ins that it hears.
func newEar() (*ear, sandbox.Options) {
	e := &ear{heard: map[sandbox.Service][]string{}, count: map[sandbox.Service]map[string]int{}}
	return e, sandbox.Options{OnMessage: func(m sandbox.Message) {
		if !m.Accepted {
			return
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.count[m.Service] == nil {
			e.count[m.Service] = map[string]int{}
		}
		name := storyOf(m.Body)
		e.heard[m.Service] = append(e.heard[m.Service], name)
		e.count[m.Service][name]++
	}}
}

// messages is how many came to a service, and different how many stories these were about.
func (e *ear) messages(of sandbox.Service) (messages, different int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.heard[of]), len(e.count[of])
}

// repeats is how many messages to a service were about a story that it had heard already.
func (e *ear) repeats(of sandbox.Service) int {
	messages, different := e.messages(of)
	return messages - different
}

// missing are the stories that a service has not heard.
func (e *ear) missing(of sandbox.Service, stories []story) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []string
	for _, s := range stories {
		if e.count[of][s.name] == 0 {
			out = append(out, s.name)
		}
	}
	return out
}

var storyName = regexp.MustCompile(`Story[ +]([A-Za-z0-9]+)`)

// storyOf is the name of the story that a message tells; in a form a blank is a plus.
func storyOf(body []byte) string {
	if m := storyName.FindSubmatch(body); m != nil {
		return string(m[1])
	}
	return "?" + string(body)
}

// deliveries are what the outbox holds, as outbox list says it; none while there is no outbox. It is read in this
// process: it is asked again and again.
func (in *installation) deliveries() []sent {
	in.t.Helper()
	box, _, err := outbox.Open(in.t.Context(), outbox.Path(in.state()), outbox.Options{})
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, outbox.ErrOlder) { // it is being made
		return nil
	}
	if err != nil {
		in.t.Fatal(err)
	}
	defer box.Close()
	found, err := box.Find(in.t.Context(), outbox.Filter{})
	if err != nil {
		in.t.Fatal(err)
	}
	out := make([]sent, len(found))
	for i, x := range found {
		out[i] = lineOf(x)
	}
	return out
}

// count is how many deliveries are in a state.
func (in *installation) count(state outbox.State) int {
	in.t.Helper()
	n := 0
	for _, x := range in.deliveries() {
		if x.State == string(state) {
			n++
		}
	}
	return n
}

// processes are the running processes of the installation that hold this word in their command line.
func (in *installation) processes(word string) []int {
	in.t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		in.t.Skip("there is no /proc here")
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if args := commandLine(pid); slices.Contains(args, word) && slices.Contains(args, in.home) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func commandLine(pid int) []string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return nil
	}
	return strings.Split(string(b), "\x00")
}

// killHolder kills the deliverer of this moment, and reports whether there was one. Another may start at once.
func (in *installation) killHolder(kind string) bool {
	h, err := spool.ReadHolder(in.state())
	if err != nil || h.Kind != kind || !slices.Contains(commandLine(h.PID), in.home) {
		return false // the file names one that is gone
	}
	return syscall.Kill(h.PID, syscall.SIGKILL) == nil
}
