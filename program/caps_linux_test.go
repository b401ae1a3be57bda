package program_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

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
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody.UID, Gid: nobody.GID}, AmbientCaps: []uintptr{unix.CAP_SETUID, unix.CAP_SETGID}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS") && !strings.Contains(string(out), "--- SKIP") {
		t.Errorf("%v\n%s", err, out)
	}
}
