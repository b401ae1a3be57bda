package program_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/program"
)

// long is more than any program here takes that is not ended.
const long = time.Minute

// shell is a program that runs a script; what it prints goes to the buffer.
func shell(script string, args ...string) (program.Program, *program.Limited) {
	out := &program.Limited{Limit: 1 << 20}
	return program.Program{Args: append([]string{"/bin/sh", "-c", script, "sh"}, args...), Stdout: out, Timeout: long, Grace: time.Second}, out
}

func run(t *testing.T, p program.Program) program.Ending {
	t.Helper()
	end, err := p.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return end
}

func TestAProgramIsGivenWhatIsSaidAndNothingElse(t *testing.T) {
	t.Setenv("OURS", "not for it")
	left, err := syscall.Dup(0) // as whoever starts us may leave one, which dup does not close for programs
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(left)
	p, out := shell(`cat; echo; printf '%s|' "$@"; echo; env | grep -v '^\(PWD\|SHLVL\|_\|OLDPWD\)=' | sort | tr '\n' ' '; pwd; umask; exec ls /proc/self/fd`,
		"$(touch x)", "a b", "")
	p.Stdin, p.Env, p.Dir = []byte("the alert"), []string{"TEAM=soc"}, os.TempDir()
	if end := run(t, p); end.Status != 0 || end.Cause != nil || end.Left || end.Took <= 0 {
		t.Errorf("it ended as %+v", end)
	}
	lines := strings.Split(string(out.Bytes()), "\n")
	if len(lines) < 8 || lines[0] != "the alert" || lines[1] != "$(touch x)|a b||" {
		t.Fatalf("it printed %q", lines)
	}
	fields := strings.Fields(lines[2])
	if len(fields) != 5 || !strings.HasPrefix(fields[0], "HOME=/") || fields[1] != "LANG=C.UTF-8" || fields[2] != "PATH="+program.Path || fields[3] != "TEAM=soc" || fields[4] != os.TempDir() {
		t.Errorf("its environment and directory are %q", fields)
	}
	if lines[3] != "0077" {
		t.Errorf("its umask is %s", lines[3])
	}
	if got := strings.Join(lines[4:], " "); got != "0 1 2 3 " { // by the last it lists them
		t.Errorf("it has the descriptors %q, want 0, 1 and 2", got)
	}
	if umask := syscall.Umask(0o022); umask == 0o077 {
		t.Error("its umask has become ours")
	} else {
		syscall.Umask(umask)
	}
}

func TestOutputIsBoundedAndCounted(t *testing.T) {
	p, _ := shell(`head -c 3000000 /dev/zero | tr '\0' x; echo end >&2`)
	out := &program.Limited{Limit: 1000}
	p.Stdout = out
	if end := run(t, p); end.Status != 0 || end.Left {
		t.Errorf("a program that prints much ended as %+v, want as if nothing were dropped", end)
	}
	if len(out.Bytes()) != 1000 || out.Dropped() != 3_000_004-1000 {
		t.Errorf("%d bytes are kept and %d dropped", len(out.Bytes()), out.Dropped())
	}
	p, _ = shell(`exec yes`)
	p.Stdout = &program.Limited{Limit: 1000, Refuse: true}
	if end := run(t, p); end.Signal != syscall.SIGPIPE {
		t.Errorf("a program whose output is refused ended as %+v, want by a closed pipe", end)
	}
}

func TestAProgramNeedNotReadItsInput(t *testing.T) {
	p, _ := shell(`exec 0<&-; exit 3`)
	p.Stdin = bytes.Repeat([]byte("x"), 4<<20)
	if end := run(t, p); end.Status != 3 {
		t.Errorf("it ended as %+v, want status 3", end)
	}
}

// who is a FIFO by which a script tells its processes, and a function that waits for their numbers.
func who(t *testing.T) (fifo string, pids func() []int) {
	t.Helper()
	fifo = filepath.Join(t.TempDir(), "pids")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	return fifo, func() []int {
		b, err := os.ReadFile(fifo) // waits until all who write have written
		if err != nil {
			t.Fatal(err)
		}
		var out []int
		for _, field := range strings.Fields(string(b)) {
			pid, err := strconv.Atoi(field)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, pid)
		}
		return out
	}
}

func TestWhenItsTimeIsUpNothingOfItIsLeft(t *testing.T) {
	for name, script := range map[string]string{
		"children":            `sleep 1000 & echo $$ $! >"$1"; wait`,
		"deaf children":       `trap "" TERM; sh -c 'trap "" TERM; sleep 1000' & echo $$ $! >"$1"; wait; wait; sleep 1000`,
		"sessions of its own": `setsid sh -c 'trap "" TERM; echo $$ $1; exec >/dev/null; sleep 1000' sh $$ >"$1" & wait; sleep 1000`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fifo, pids := who(t)
			p, _ := shell(script, fifo)
			p.Grace = 100 * time.Millisecond
			over := errors.New("told to stop")
			ctx, cancel := context.WithCancelCause(t.Context())
			ended := make(chan program.Ending, 1)
			go func() {
				end, err := p.Run(ctx)
				if err != nil {
					t.Error(err)
				}
				ended <- end
			}()
			all := pids()
			cancel(over)
			if end := <-ended; !errors.Is(end.Cause, over) || end.Signal == 0 {
				t.Errorf("it ended as %+v, want by a signal, because we were told to stop", end)
			}
			if len(all) != 2 {
				t.Fatalf("its processes are %v, want two", all)
			}
			for _, pid := range all {
				gone(t, pid)
			}
		})
	}
}

// gone waits until a process has ended; one that nobody has buried has.
func gone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if _, rest, _ := strings.Cut(string(b), ") "); err != nil || strings.HasPrefix(rest, "Z") {
			return
		}
		if time.Now().After(deadline) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			t.Errorf("process %d is still there", pid)
			return
		}
	}
}

func TestAProgramMayEndByItselfWhenItIsTold(t *testing.T) {
	p, out := shell(`exec 2>/dev/null; trap 'echo cleaned up; exit 5' TERM; while :; do sleep 0.01; done`)
	p.Timeout, p.Grace = 300*time.Millisecond, long
	end := run(t, p)
	if !errors.Is(end.Cause, program.ErrTimeout) || end.Status != 5 || string(out.Bytes()) != "cleaned up\n" {
		t.Errorf("it ended as %+v and printed %q, want what it does at its end", end, out.Bytes())
	}
	if end.Took < p.Timeout || end.Took > long/2 {
		t.Errorf("it took %s", end.Took)
	}
}

func TestWhatItLeavesBehindIsToldAndGoesOn(t *testing.T) {
	fifo, pids := who(t)
	p, out := shell(`echo done; sleep 1000 & echo $! >"$1"`, fifo)
	ended := make(chan program.Ending, 1)
	go func() {
		end, err := p.Run(t.Context())
		if err != nil {
			t.Error(err)
		}
		ended <- end
	}()
	left := pids()
	if end := <-ended; end.Status != 0 || !end.Left || string(out.Bytes()) != "done\n" {
		t.Errorf("it ended as %+v and printed %q", end, out.Bytes())
	}
	if err := syscall.Kill(left[0], 0); err != nil {
		t.Errorf("what it left behind on purpose is gone: %v", err)
	}
	_ = syscall.Kill(left[0], syscall.SIGKILL)
}

func TestAProgramThatDoesNotStart(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, tc := range map[string]struct {
		p    program.Program
		want error
	}{
		"is not there":       {program.Program{Args: []string{"/nonexistent/program"}}, fs.ErrNotExist},
		"cannot be executed": {program.Program{Args: []string{file("plain", "#!/bin/sh\n", 0o644)}}, fs.ErrPermission},
		"has no first line":  {program.Program{Args: []string{file("bare", "echo x\n", 0o755)}}, syscall.ENOEXEC},
		"names another":      {program.Program{Args: []string{file("other", "#!/nonexistent/sh\n", 0o755)}}, fs.ErrNotExist},
		"has no directory":   {program.Program{Args: []string{"/bin/true"}, Dir: "/nonexistent"}, fs.ErrNotExist},
		"is a directory":     {program.Program{Args: []string{dir}}, fs.ErrPermission},
	} {
		tc.p.Timeout, tc.p.Stdin = long, []byte("x")
		if _, err := tc.p.Run(t.Context()); !errors.Is(err, tc.want) {
			t.Errorf("a program that %s: got %v, want %v", name, err, tc.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	marker := filepath.Join(dir, "ran")
	if _, err := (program.Program{Args: []string{"/usr/bin/touch", marker}, Timeout: long}).Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(marker); err == nil {
		t.Error("it ran although nobody waits for it")
	}
}

func TestUsers(t *testing.T) {
	us := strconv.Itoa(os.Geteuid())
	u, err := program.LookupUser(us)
	if err != nil {
		t.Skipf("this user has no name here: %v", err)
	}
	if err := u.Allowed(); err != nil {
		t.Errorf("we may not be ourselves: %v", err)
	}
	if _, err := program.LookupUser("no-such-user"); err == nil || !strings.Contains(err.Error(), `"no-such-user"`) {
		t.Errorf("got %v", err)
	}
	p, out := shell("id -u")
	p.User = u
	if end := run(t, p); end.Status != 0 || strings.TrimSpace(string(out.Bytes())) != us {
		t.Errorf("as ourselves it ended as %+v and printed %q", end, out.Bytes())
	}
}

func TestAProgramRunsAsItsUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can")
	}
	u, err := program.LookupUser("nobody")
	if err != nil {
		t.Skip(err)
	}
	p, out := shell(`id -u; id -g; id -G; echo $HOME; grep '^Cap\(Eff\|Prm\|Amb\|Inh\)' /proc/self/status | tr -d '\t\n'`)
	p.User = u
	if end := run(t, p); end.Status != 0 {
		t.Fatalf("it ended as %+v: %s", end, out.Bytes())
	}
	none := strings.Repeat("0", 16)
	want := fmt.Sprintf("%d\n%d\n%d\n%s\nCapInh:%s"+"CapPrm:%[5]s"+"CapEff:%[5]s"+"CapAmb:%[5]s", u.UID, u.GID, u.GID, u.Home, none)
	if got := strings.TrimSpace(string(out.Bytes())); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
