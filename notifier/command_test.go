package notifier

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.yaml.in/yaml/v4"
)

// shell is a secret that a script of sh prints.
func shell(t *testing.T, script string, args ...string) Secret {
	t.Helper()
	text, err := yaml.Marshal(map[string][]string{"command": append([]string{"/bin/sh", "-c", script, "sh"}, args...)})
	if err != nil {
		t.Fatal(err)
	}
	var s Secret
	if err := yaml.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// counted prints the secret, and how often it was asked in a file.
func counted(t *testing.T) (s Secret, runs func() int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "runs")
	return shell(t, `echo run >>"$1"; echo " $(wc -l <"$1") `+hidden+` "`, file), func() int {
		b, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		return strings.Count(string(b), "\n")
	}
}

func TestCommandPrintsTheSecret(t *testing.T) {
	s := shell(t, `printf '%s\n\n' "$1"`, hidden)
	if got, err := s.Read(t.Context()); got != hidden || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if got := s.String(); got != "command /bin/sh" || s.Program() != "/bin/sh" || s.File() != "" || s.IsPlain() || s.IsZero() {
		t.Errorf("shown as %q: an argument may be secret", got)
	}
	if v, ok := s.Plain(); ok {
		t.Errorf("the config holds %q", v)
	}
}

func TestCommandForms(t *testing.T) {
	tests := []struct{ yaml, want string }{
		{`{command: "/bin/vault get ` + hidden + `"}`, "command: give a list"},
		{`{command: []}`, "command: give a list"},
		{`{command: [/bin/vault, [` + hidden + `]]}`, "command: give a list"},
		{`{command: [/bin/vault, ~]}`, "command: give a list"},
		{`{command: [vault, ` + hidden + `]}`, "must be an absolute path"},
		{`{command: ["", ` + hidden + `]}`, "must be an absolute path"},
		{`{` + hidden + `: x}`, "give the value itself"},
		{`{file: [` + hidden + `]}`, "give the value itself"},
	}
	for _, tt := range tests {
		var s Secret
		err := yaml.Unmarshal([]byte(tt.yaml), &s)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), hidden) {
			t.Errorf("%s: got %v, want %q", tt.yaml, err, tt.want)
		}
	}
}

func TestCommandIsGivenNextToNothing(t *testing.T) {
	t.Setenv("OSSEC_NOTIFY_TEST_KEY", hidden)
	t.Setenv("HOME", "/nonexistent")
	got, err := shell(t, `env | grep -v '^\(PWD\|SHLVL\|_\|OLDPWD\)=' | sort | tr '\n' ' '; cat; pwd`).Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(got)
	if len(fields) != 4 || !strings.HasPrefix(fields[0], "HOME=/") || fields[0] == "HOME=/nonexistent" ||
		fields[1] != "LANG=C.UTF-8" || !strings.HasPrefix(fields[2], "PATH=/usr/local/sbin:") || fields[3] != "/" {
		t.Errorf("the program has %q, want HOME, LANG, PATH, no input, and / to work in", fields)
	}
}

func TestCommandThatFailsIsTemporary(t *testing.T) {
	tests := []struct{ name, script, want string }{
		{"status", `echo "permission denied" >&2; exit 2`, "command /bin/sh: exit status 2: permission denied"},
		{"nothing", `echo; echo no such key >&2`, "command /bin/sh: it printed nothing: no such key"},
		{"its secret in its complaint", `echo ` + hidden + `; echo "bad: ` + hidden + `" >&2; exit 1`, "exit status 1: bad: [redacted]"},
		{"its output alone", `echo ` + hidden + `; exit 1`, "exit status 1"},
		{"too much", `exec yes ` + hidden, "it printed more than 64 KiB"},
		{"complaints that are cut in its secret", `echo ` + hidden + `; yes | head -c 4086 | tr 'y\n' '  ' >&2; echo ` + hidden + ` >&2; exit 1`, "exit status 1: [redacted]"},
		{"too many complaints", `yes x | head -c 100000 >&2; exit 3`, "exit status 3: x x x"},
		{"leaves a child with its output", `echo ` + hidden + `; sleep 60 & exit 0`, "left a process behind"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := shell(t, tt.script).Read(t.Context())
			if err == nil || !Retryable(err) || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want a temporary failure with %q", err, tt.want)
			}
			if strings.Contains(err.Error(), hidden) || len(err.Error()) > 400 || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %q", err)
			}
		})
	}
	var s Secret
	if err := yaml.Unmarshal([]byte("{command: [/nonexistent/vault]}"), &s); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(t.Context()); err == nil || !Retryable(err) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want a temporary failure that names the program", err)
	}
}

func TestCommandIsKilledWithItsChildrenWhenTimeIsUp(t *testing.T) {
	pids := filepath.Join(t.TempDir(), "pids")
	if err := syscall.Mkfifo(pids, 0o600); err != nil {
		t.Fatal(err)
	}
	over := errors.New("the attempt is over")
	ctx, cancel := context.WithCancelCause(t.Context())
	s := shell(t, `sleep 60 & echo $$ $! >"$1"; wait`, pids)
	failed := make(chan error, 1)
	go func() {
		_, err := s.Read(ctx)
		failed <- err
	}()
	b, err := os.ReadFile(pids) // waits until it runs
	if err != nil {
		t.Fatal(err)
	}
	cancel(over)
	if err := <-failed; !errors.Is(err, over) || !Retryable(err) {
		t.Errorf("got %v, want the cause of the context", err)
	}
	for _, field := range strings.Fields(string(b)) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		gone := time.After(10 * time.Second)
		for alive(pid) {
			select {
			case <-gone:
				t.Fatalf("process %d is still there", pid)
			case <-time.After(time.Millisecond):
			}
		}
	}
}

// alive reports whether a process runs: one that is killed may wait for whoever buries it.
func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return syscall.Kill(pid, 0) == nil && !errors.Is(err, os.ErrNotExist)
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return !strings.HasPrefix(rest, "Z")
}

func TestCommandIsRunByOneAtATimeForAll(t *testing.T) {
	s, runs := counted(t)
	var readers sync.WaitGroup
	for range 20 {
		readers.Go(func() {
			if got, err := s.Read(t.Context()); got != "1 "+hidden || err != nil {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	readers.Wait()
	if n := runs(); n != 1 {
		t.Errorf("the program ran %d times, want once", n)
	}
}

// Who waits for a program that fails does not run it again: one after the other they would wait for good.
func TestWaitersShareTheFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &command{args: []string{"/nonexistent"}, turn: make(chan struct{}, 1)}
		c.turn <- struct{}{} // somebody runs it
		sealed := errors.New("sealed")
		var readers sync.WaitGroup
		for range 3 {
			readers.Go(func() {
				if _, err := c.read(t.Context()); err != sealed {
					t.Errorf("got %v, want what the one who ran it was told", err)
				}
			})
		}
		synctest.Wait()
		c.mu.Lock()
		c.runs, c.err = c.runs+1, sealed
		c.mu.Unlock()
		<-c.turn
		readers.Wait()
	})
}

func TestWhoWaitsForACommandLeavesWithHisContext(t *testing.T) {
	s := shell(t, "echo never run")
	s.from.command.turn <- struct{}{} // somebody runs it
	ctx, cancel := context.WithCancelCause(t.Context())
	over := errors.New("no time")
	cancel(over)
	if _, err := s.Read(ctx); !errors.Is(err, over) || !Retryable(err) {
		t.Errorf("got %v", err)
	}
}

func TestWhatACommandPrintedIsKeptForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &command{args: []string{"/x"}, turn: make(chan struct{}, 1)}
		s := Secret{newSource("command", "/x")}
		s.from.command = c
		print := func() { c.value, c.at = hidden, time.Now() }
		print()
		if s.Renew() {
			t.Error("forgot what was read just now")
		}
		time.Sleep(commandFresh)
		if got, err := s.Read(t.Context()); got != hidden || err != nil {
			t.Errorf("got %q, %v, want what is kept", got, err)
		}
		if !s.Renew() || s.Renew() {
			t.Error("Renew is true once")
		}
		if _, ok, _ := c.kept(); ok {
			t.Error("Renew forgets nothing")
		}
		print()
		time.Sleep(commandLife)
		if _, ok, _ := c.kept(); ok || c.value != "" {
			t.Error("it is kept for good")
		}
	})
	if (Secret{}).Renew() || PlainSecret(hidden).Renew() {
		t.Error("there is nothing to forget of other secrets")
	}
}
