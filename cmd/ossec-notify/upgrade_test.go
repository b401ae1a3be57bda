package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/ossec-notify/ossec-notify/sandbox"
	"github.com/ossec-notify/ossec-notify/spool"
)

// lay puts a copy of the program at a path, as a package manager does: beside it, then renamed. At another time it is
// another file.
func lay(t *testing.T, path string) {
	t.Helper()
	from, err := os.Open(filepath.Join(binDir(), "ossec-notify"))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	// A test beside this one that starts a process would hand it the open file, and what is open to be written cannot be
	// executed.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	to, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(to, from)
	if err := errors.Join(err, to.Close(), os.Rename(path+".new", path)); err != nil {
		t.Fatal(err)
	}
}

// runs is the file that a process was executed from.
func runs(pid int) string {
	path, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	return path
}

func TestDelivererLeavesToAnotherProgram(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells which file a program is run from")
	}
	for _, kind := range []string{"background", "serve"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			in := newInstallation(t, toSlack)
			program := filepath.Join(t.TempDir(), "ossec-notify")
			lay(t, program)
			link := filepath.Join(in.home, "integrations", "custom-notify")
			if err := errors.Join(os.Remove(link), os.Symlink(program, link)); err != nil {
				t.Fatal(err)
			}
			stop := func() {}
			if kind == "serve" {
				daemon := in.serveBy(program)
				stop = func() { in.stop(daemon) }
			}
			// Something waits all the while, and is not told twice.
			in.stand.Script(sandbox.Slack, sandbox.Reply{Status: 503}, sandbox.Reply{Status: 503}, sandbox.Reply{Status: 503})
			in.call("custom-notify", in.alert("1"))
			in.taken()
			h, err := spool.ReadHolder(in.state())
			if err != nil || h.Kind != kind {
				t.Fatal(h, err)
			}
			// A package that is not for this machine.
			if err := errors.Join(os.WriteFile(program+".bad", []byte("no program"), 0o755), os.Rename(program+".bad", program)); err != nil {
				t.Fatal(err)
			}
			in.until("refused what does not run", func() bool { return strings.Contains(in.log(), "replaced by one that does not run") })
			if got := runs(h.PID); got != program+" (deleted)" {
				t.Errorf("it runs %s, want the program that it began with", got)
			}
			lay(t, program)
			in.until("the other program", func() bool { return runs(h.PID) == program })
			in.until("delivering", func() bool {
				now, err := spool.ReadHolder(in.state())
				return err == nil && now.Kind == kind && now.PID == h.PID
			})
			in.call("custom-notify", in.alert("2"))
			if got := strings.Join(in.told(2), "\n"); got != "LOW: Story 1 on web-01\nLOW: Story 2 on web-01" {
				t.Errorf("Slack heard %q", got)
			}
			stop()
		})
	}
}
