package program_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ossec-notify/ossec-notify/program"
)

// asNobody names, in the environment, that a test is run by nobody, who may take other users' ids.
const asNobody = "PROGRAM_TEST_AS_NOBODY"

// Who is no root, and may run programs as others, gives that right to none of them.
func TestTheRightToRunProgramsAsOthersIsNotHandedOn(t *testing.T) {
	if os.Getenv(asNobody) != "" {
		u, err := program.LookupUser("daemon")
		if err != nil {
			t.Skip(err)
		}
		if err := u.Allowed(); err != nil {
			t.Fatal(err)
		}
		const rights = `; grep '^Cap\(Eff\|Prm\|Amb\|Inh\)' /proc/self/status | tr -d '\t\n'`
		none := strings.Repeat("0", 16)
		caps := fmt.Sprintf("CapInh:%sCapPrm:%[1]sCapEff:%[1]sCapAmb:%[1]s", none)
		for _, as := range []*program.User{u, nil} {
			uid := uint32(os.Geteuid())
			if as != nil {
				uid = as.UID
			}
			p, out := shell("id -u" + rights)
			p.User = as
			if end := run(t, p); end.Status != 0 {
				t.Fatalf("it ended as %+v: %s", end, out.Bytes())
			}
			if got, want := string(out.Bytes()), fmt.Sprintf("%d\n%s", uid, caps); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		return
	}
	asNobodyWith(t, unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_KILL)
}

// Who may run programs as others, and may not end them, waits for none that does not end.
func TestAProgramThatCannotBeEndedKeepsNobodyWaiting(t *testing.T) {
	if os.Getenv(asNobody) != "" {
		u, err := program.LookupUser("daemon")
		if err != nil {
			t.Skip(err)
		}
		if u.Allowed() == nil {
			t.Error("who cannot end programs of others may run them")
		}
		p, out := shell(`echo $$; exec sleep 20`)
		p.User, p.Timeout, p.Grace = u, 300*time.Millisecond, 10*time.Millisecond
		end := run(t, p)
		if !end.Beyond || end.Status != -1 || end.Signal != 0 || !errors.Is(end.Cause, program.ErrTimeout) || end.Took > 10*time.Second {
			t.Errorf("it ended as %+v, want beyond our reach", end)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(out.Bytes())))
		if err != nil || !errors.Is(syscall.Kill(pid, 0), syscall.EPERM) {
			t.Errorf("%q does not run any more, or is ours", out.Bytes())
		}
		fmt.Printf("left %d\n", pid)
		return
	}
	out := asNobodyWith(t, unix.CAP_SETUID, unix.CAP_SETGID)
	if _, left, ok := strings.Cut(out, "left "); ok {
		if pid, err := strconv.Atoi(strings.Fields(left)[0]); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// asNobodyWith runs the test once more, as nobody with some capabilities, and is what that printed.
func asNobodyWith(t *testing.T, caps ...uintptr) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can")
	}
	nobody, err := program.LookupUser("nobody")
	if err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "test")
	b, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	syscall.ForkLock.RLock()
	err = os.WriteFile(binary, b, 0o755)
	syscall.ForkLock.RUnlock()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env, cmd.Dir = []string{asNobody + "=1"}, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody.UID, Gid: nobody.GID}, AmbientCaps: caps}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS") && !strings.Contains(string(out), "--- SKIP") {
		t.Errorf("%v\n%s", err, out)
	}
	return string(out)
}
