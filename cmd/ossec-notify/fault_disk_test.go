//go:build linux

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/file"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/sandbox"
	"github.com/ossec-notify/ossec-notify/spool"
)

// insideEnv tells a copy of the test binary that it may mount.
const insideEnv = "FAULTS_MAY_MOUNT"

// mayMount sees that the test can mount small disks: as root, else in a namespace of its own, where the test is run
// again. It reports false when it was run there.
func mayMount(t *testing.T) bool {
	t.Helper()
	dir := t.TempDir()
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k")
	if err == nil {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Fatal(err)
		}
		return true
	}
	if os.Getenv(insideEnv) != "" {
		t.Skipf("a small disk cannot be mounted here: %v", err)
	}
	self, exeErr := os.Executable()
	if exeErr != nil {
		t.Fatal(exeErr)
	}
	args := []string{"-test.run=^" + t.Name() + "$", "-test.v"}
	if *faultsLong {
		args = append(args, "-faults.long")
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), insideEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, runErr := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case runErr == nil && strings.Contains(string(out), "--- SKIP"), runErr != nil && !errors.As(runErr, &exit):
		t.Skipf("a small disk cannot be mounted here: %v, and neither in a namespace: %v", err, runErr)
	case runErr != nil:
		t.Fatalf("in a namespace: %v\n%s", runErr, out)
	}
	t.Logf("in a namespace:\n%s", out)
	return false
}

// smallDisk is one, mounted at dir.
type smallDisk struct {
	t   *testing.T
	dir string
}

func mount(t *testing.T, dir, size string) *smallDisk {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=700,size="+size); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return &smallDisk{t, dir}
}

// fill takes all room that is left. It may be called again.
func (d *smallDisk) fill() {
	d.t.Helper()
	f, err := os.OpenFile(filepath.Join(d.dir, "ballast"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	for size := 64 << 10; size > 0; { // page by page in the end
		if _, err := f.Write(make([]byte, size)); err == nil {
			continue
		} else if !errors.Is(err, syscall.ENOSPC) {
			d.t.Fatal(err)
		}
		size /= 2
	}
}

// empty gives the room back.
func (d *smallDisk) empty() {
	d.t.Helper()
	if err := os.Remove(filepath.Join(d.dir, "ballast")); err != nil {
		d.t.Fatal(err)
	}
}

// TestFaultFullDiskAtTheSpoolDeliversThenAndThere fills the disk that the spool is on. A call then delivers before it
// returns; a receiver that does not answer keeps it for five seconds, not for good.
func TestFaultFullDiskAtTheSpoolDeliversThenAndThere(t *testing.T) {
	if !mayMount(t) {
		return
	}
	bothWays(t, func(t *testing.T, w way) {
		in := newInstallation(t, strings.Replace(toSlack, "100/s", "100/s, timeout: 10m", 1))
		small := mount(t, in.state(), "256k")
		t.Cleanup(func() { in.killDeliverer(syscall.SIGTERM) }) // before its disk goes
		if err := spool.Prepare(in.state()); err != nil {
			t.Fatal(err)
		}
		small.fill()
		var stories []story
		for i := range atLength(3, 50) {
			s := low(fmt.Sprint(i))
			stories = append(stories, s)
			in.callFor(w, s)
			if got := len(in.stand.Messages()); got != i+1 { // the call has returned
				t.Fatalf("%d messages after %d calls; the log ends:\n%s", got, i+1, tail20(in.log()))
			}
		}
		if !strings.Contains(in.log(), "the spool does not take the alert; it is delivered at once") {
			t.Errorf("the log does not tell:\n%s", in.log())
		}

		// A receiver that would answer in ten minutes. That the call returns within callFor's minute is the proof.
		in.stand.Script(sandbox.Slack, sandbox.Reply{Hold: make(chan struct{})})
		cmd, _, err := in.newCall(t.Context(), w, low("666"))
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- cmd.Run() }()
		in.until("the call is over", func() bool { return len(done) > 0 })
		if err := <-done; err != nil {
			t.Errorf("the call: %v, want exit 0", err)
		}
		if !strings.Contains(in.log(), "alert is lost") || !strings.Contains(in.log(), "integratord is not kept waiting for more than 5s") {
			t.Errorf("the log does not tell of the loss:\n%s", in.log())
		}

		small.empty()
		last := low("777")
		in.callFor(w, last)
		if names, err := spool.List(in.state()); err != nil {
			t.Errorf("the spool: %v (%v)", names, err)
		}
		// The deliverer failed to start on the full disk, so it may be ten seconds until a call starts one.
		again := 800
		in.until("all told", func() bool {
			if len(in.stand.Messages()) > len(stories)+1 {
				return true
			}
			again++
			in.callFor(w, low(fmt.Sprint(again)))
			return false
		})
	})
}

// TestFaultFullDiskAtTheOutboxWaitsForRoom fills the disk that the outbox is on, under a daemon and under a background
// deliverer. The spool, on a disk of its own, takes what comes, and all is told once there is room; nothing twice,
// though what was told just before could not be noted.
func TestFaultFullDiskAtTheOutboxWaitsForRoom(t *testing.T) {
	if !mayMount(t) {
		return
	}
	bothWays(t, func(t *testing.T, w way) {
		for _, kind := range []string{"serve", "background"} {
			t.Run(kind, func(t *testing.T) {
				in := newInstallation(t, toSlack)
				small := mount(t, in.state(), atLength("2m", "64m")) // what waits needs room for it twice, in the WAL and in the file
				mount(t, filepath.Join(in.state(), "spool"), "8m")
				t.Cleanup(func() { in.killDeliverer(syscall.SIGTERM) }) // before its disk goes
				if err := spool.Prepare(in.state()); err != nil {
					t.Fatal(err)
				}
				stories := []story{low("0")}
				var daemon *exec.Cmd
				if kind == "serve" {
					daemon = in.serve()
				}
				in.callFor(w, stories[0])
				in.told(1)
				holder, err := spool.ReadHolder(in.state())
				if err != nil {
					t.Fatal(err)
				}

				// One is under way when the disk becomes full: told, and not noted.
				hold := make(chan struct{})
				in.stand.Script(sandbox.Slack, sandbox.Reply{Hold: hold})
				stories = append(stories, low("1"))
				in.callFor(w, stories[1])
				in.told(2)
				small.fill()
				close(hold)
				for i := range atLength(5, 200) {
					s := low(fmt.Sprint(2 + i))
					stories = append(stories, s)
					in.callFor(w, s)
					small.fill() // what SQLite gave back
				}
				in.until("said in the log", func() bool { return strings.Contains(in.log(), "no room on the disk") })
				if names, err := spool.List(in.state()); err != nil || len(names) == 0 {
					t.Errorf("the spool holds %v (%v), want alerts that wait", names, err)
				}
				if n := len(in.stand.Messages()); n == len(stories) {
					t.Fatal("the disk was not full: all was told")
				}

				small.empty()
				got := in.told(len(stories))
				inOrderOnce(t, "Slack", got, stories)
				if h, err := spool.ReadHolder(in.state()); err != nil || h.PID != holder.PID {
					t.Errorf("the deliverer is %v (%v), want that of before, %v", h, err, holder)
				}
				in.until("noted", func() bool { return in.count(outbox.Delivered) == len(stories) })
				if daemon != nil {
					in.stop(daemon)
				} else {
					in.killDeliverer(syscall.SIGTERM)
				}
				if n := len(in.stand.Messages()); n != len(stories) {
					t.Errorf("%d messages, want %d", n, len(stories))
				}
			})
		}
	})
}

// TestFaultFullDiskEndsWithTheOutboxThatWasRemoved makes room by removing the outbox, as may whoever finds a full disk. The room comes when
// the deliverer lets go of the file, and not before.
func TestFaultFullDiskEndsWithTheOutboxThatWasRemoved(t *testing.T) {
	if !mayMount(t) {
		return
	}
	in := newInstallation(t, toSlack+"follow: [logs/alerts/alerts.json]\n")
	if err := os.MkdirAll(filepath.Join(in.home, "logs", "alerts"), 0o755); err != nil {
		t.Fatal(err)
	}
	small := mount(t, in.state(), "2m")
	t.Cleanup(func() { in.killDeliverer(syscall.SIGTERM) }) // before its disk goes
	if err := spool.Prepare(in.state()); err != nil {
		t.Fatal(err)
	}
	daemon := in.serve()
	in.until("following", func() bool { return strings.Contains(in.log(), "msg=following") })
	n := 20 // so that what is removed is larger than what takes its place
	for i := range n {
		in.write(fmt.Sprint(i + 1))
	}
	in.until("noted", func() bool { return in.count(outbox.Delivered) == n })
	in.until("no room", func() bool {
		n++
		in.write(fmt.Sprint(n))
		small.fill() // what SQLite gave back, too
		return strings.Contains(in.log(), "no room on the disk")
	})
	files, err := filepath.Glob(filepath.Join(in.state(), "outbox.db*"))
	for _, f := range files {
		err = errors.Join(err, os.Remove(f))
	}
	if err != nil {
		t.Fatal(err)
	}
	in.until("begun anew", func() bool { return strings.Count(in.log(), "msg=serving ") == 2 })
	small.empty()
	in.told(n)
	in.until("noted in an outbox that others see", func() bool { return in.count(outbox.Delivered) > 0 })
	in.stop(daemon)
	if got := len(in.stand.Messages()); got != n {
		t.Errorf("%d messages for %d alerts", got, n)
	}
	if log := in.log(); !strings.Contains(log, "this process had it in use") {
		t.Errorf("the log says\n%s", log)
	}
}

// TestFaultFullDiskIsToldOfAsFarAsItWasEntered removes the outbox while the disk has no room to note that one was told and
// that the next is taken. The first is not told again, the next is told all the same.
func TestFaultFullDiskIsToldOfAsFarAsItWasEntered(t *testing.T) {
	if !mayMount(t) {
		return
	}
	in := newInstallation(t, toSlack)
	small := mount(t, in.state(), "2m")
	t.Cleanup(func() { in.killDeliverer(syscall.SIGTERM) }) // before its disk goes
	if err := spool.Prepare(in.state()); err != nil {
		t.Fatal(err)
	}
	daemon := in.serve()
	hold := make(chan struct{})
	in.stand.Script(sandbox.Slack, sandbox.Reply{Hold: hold})
	const n = 5
	for i := range n {
		in.call("custom-notify", in.alert(fmt.Sprint(i+1)))
	}
	in.until("the first in hand, the others entered", func() bool {
		return in.count(outbox.Delivering) == 1 && in.count(outbox.Pending) == n-1 && len(in.stand.Messages()) == 1
	})
	small.fill()
	close(hold)
	in.until("no room to note it", func() bool {
		return strings.Contains(in.log(), "take the next deliveries: no room on the disk")
	})
	if n := len(in.stand.Messages()); n != 1 {
		t.Fatalf("the disk was not full: %d were told", n)
	}
	files, err := filepath.Glob(filepath.Join(in.state(), "outbox.db*"))
	for _, f := range files {
		err = errors.Join(err, os.Remove(f))
	}
	if err != nil {
		t.Fatal(err)
	}
	in.told(n)
	small.empty()
	in.until("begun anew", func() bool { return strings.Count(in.log(), "msg=serving ") == 2 })
	in.stop(daemon)
	if got := len(in.stand.Messages()); got != n {
		t.Errorf("%d messages for %d alerts", got, n)
	}
	if log := in.log(); strings.Contains(log, "delivery is lost") {
		t.Errorf("what was told is called lost:\n%s", log)
	}
}

// TestFaultFullDiskKeepsReceiversOfOssecConf fills the disk on which the receivers are kept that ossec.conf describes.
// An alert for one that is not known yet waits in the spool, and one that waits in the outbox still finds its receiver.
func TestFaultFullDiskKeepsReceiversOfOssecConf(t *testing.T) {
	if !mayMount(t) {
		return
	}
	bothWays(t, func(t *testing.T, w way) {
		in := newInstallation(t, "")
		small := mount(t, in.state(), "2m")
		mount(t, filepath.Join(in.state(), "spool"), "8m")
		t.Cleanup(func() { in.killDeliverer(syscall.SIGTERM) }) // before its disk goes
		if err := spool.Prepare(in.state()); err != nil {
			t.Fatal(err)
		}
		call := func(s story, key string) {
			t.Helper()
			_, file, err := in.newCall(t.Context(), w, s)
			if err != nil {
				t.Fatal(err)
			}
			in.call("custom-slack", file, key, in.stand.SlackWebhookURL())
		}
		// One waits in the outbox; the next deliverer reads its receiver from the disk.
		hold := make(chan struct{})
		in.stand.Script(sandbox.Slack, sandbox.Reply{Status: 503, Hold: hold})
		stories := []story{low("0"), low("1"), low("2")}
		call(stories[0], "")
		in.until("an attempt in hand", func() bool { return len(in.stand.Messages()) == 1 })
		in.killDeliverer(syscall.SIGKILL)
		close(hold)
		in.startDeliverer()
		in.until("started", func() bool { return in.count(outbox.Delivering) == 0 && len(in.processes("deliver")) == 1 })
		small.fill()
		call(stories[1], "another") // another key is another receiver
		in.until("said in the log", func() bool { return strings.Contains(in.log(), "keep the receiver of ossec.conf") })
		call(stories[2], "")
		small.empty()
		got := strings.Join(in.told(3), "\n")
		for _, s := range stories {
			if !strings.Contains(got, s.told()) {
				t.Errorf("Slack heard\n%s\nand not %q; the log ends:\n%s", got, s.told(), tail20(in.log()))
			}
		}
	})
}

// TestFaultStateNotWritable calls as a user who may not write where the state is to be.
func TestFaultStateNotWritable(t *testing.T) {
	cases := []struct {
		name    string
		prepare func(in *installation) error // of the directory queue and what is in it
		second  bool                         // there is a var/run that the caller may write to
	}{
		{"the state cannot be made", func(*installation) error { return nil }, true},
		{"the state is somebody else's", func(in *installation) error {
			return errors.Join(spool.Prepare(in.state()), os.Chmod(in.state(), 0o555))
		}, true},
		{"neither place", func(*installation) error { return nil }, false},
	}
	bothWays(t, func(t *testing.T, w way) {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				in := newInstallation(t, toSlack)
				if err := c.prepare(in); err != nil {
					t.Fatal(err)
				}
				if c.second {
					if err := os.MkdirAll(filepath.Join(in.home, "var", "run"), 0o777); err != nil {
						t.Fatal(err)
					}
				}
				nobody := in.readOnly()
				var stories []story
				for i := range 3 {
					s := low(fmt.Sprint(i))
					stories = append(stories, s)
					cmd, _, err := in.newCall(t.Context(), w, s)
					if err != nil {
						t.Fatal(err)
					}
					cmd.SysProcAttr = nobody
					if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
						t.Fatalf("the call: %v\n%s", err, out)
					}
					if !c.second && len(in.stand.Messages()) != i+1 {
						t.Fatalf("the call that could not be spooled has not delivered")
					}
				}
				inOrderOnce(t, "Slack", in.told(3), stories)
				used := spool.Places(in.home)
				if _, err := os.Stat(filepath.Join(used[1], "outbox.db")); (err == nil) != c.second {
					t.Errorf("the outbox in the second place: %v", err)
				}
				if names, err := os.ReadDir(filepath.Join(used[0], "spool", "new")); len(names) > 0 {
					t.Errorf("the first place holds %v (%v)", names, err)
				}

				// Nobody can be reached, and exit 0 all the same.
				in.stand.Script(sandbox.Slack, sandbox.Reply{Status: 404, Body: "no_service"})
				cmd, _, err := in.newCall(t.Context(), w, low("9"))
				if err != nil {
					t.Fatal(err)
				}
				cmd.SysProcAttr = nobody
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Errorf("the call: %v, want exit 0", err)
				}
				said := w.name == "wazuh" && !c.second // OSSEC's shell line throws it away
				if strings.Count(string(out), "\n") > 1 || said != strings.Contains(string(out), "no_service") || strings.Contains(string(out), in.stand.SlackWebhookURL()) {
					t.Errorf("the call says %q, want at most one line, without the webhook's address", out)
				}
			})
		}
	})
}

// readOnly makes an installation that its caller may read and not write, but for var/run, and returns how to start a
// process as that caller: another user if the tests run as root.
func (in *installation) readOnly() *syscall.SysProcAttr {
	in.t.Helper()
	const nobody = 65534
	root := os.Geteuid() == 0
	// The program, where that user can reach it.
	bin := filepath.Join(in.home, "bin")
	steps := []error{os.MkdirAll(bin, 0o755)}
	for _, name := range []string{"custom-notify", "custom-slack"} {
		link := filepath.Join(in.home, "integrations", name)
		steps = append(steps, os.Remove(link), os.Link(filepath.Join(binDir(), name), filepath.Join(bin, name)), os.Symlink(filepath.Join(bin, name), link))
	}
	if err := errors.Join(steps...); err != nil {
		in.t.Skipf("the program cannot be put where others reach it: %v", err)
	}
	if root {
		for dir := in.home; dir != filepath.Dir(os.TempDir()) && len(dir) > 1; dir = filepath.Dir(dir) {
			st, err := os.Stat(dir)
			if err != nil {
				in.t.Fatal(err)
			}
			if err := os.Chmod(dir, st.Mode()|0o055); err != nil {
				in.t.Fatal(err)
			}
		}
		if err := os.Chmod(filepath.Join(in.home, "etc", "ossec-notify.yaml"), 0o644); err != nil {
			in.t.Fatal(err)
		}
		run := filepath.Join(in.home, "var", "run")
		if err := os.Chmod(run, 0o777); err != nil && !errors.Is(err, fs.ErrNotExist) {
			in.t.Fatal(err)
		}
		return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	queue := filepath.Join(in.home, "queue")
	if err := os.Chmod(queue, 0o555); err != nil {
		in.t.Fatal(err)
	}
	in.t.Cleanup(func() { // so that it can be removed; the state need not be there
		_ = os.Chmod(queue, 0o755)
		_ = os.Chmod(in.state(), 0o755)
	})
	return nil
}

// A local file whose disk fills up under a line has whole lines alone, and the line is written when there is room.
func TestFaultFullDiskAtALocalFile(t *testing.T) {
	if !mayMount(t) {
		return
	}
	dir := filepath.Join(t.TempDir(), "disk")
	mount(t, dir, "64k")
	path := filepath.Join(dir, "alerts.json")
	f, err := file.New(file.Config{Path: path}, nil)
	if err != nil {
		t.Fatal(err)
	}
	n := notifier.Notification{Action: notifier.Trigger, Parts: map[string]display.Text{"document.json": display.Words(`{"log":"` + strings.Repeat("x", 10_000) + `"}`)}}
	written := 0
	for ; written < 100; written++ {
		if _, err = f.Notify(t.Context(), n); err != nil {
			break
		}
	}
	if got := notifier.Classify(err); !errors.Is(err, syscall.ENOSPC) || got.Reason != notifier.Temporary || got.Ambiguous || !strings.Contains(got.Hint, "lines wait until there is room") {
		t.Fatalf("after %d lines: got %v, want a temporary error that says what waits", written, err)
	}
	whole := func(lines int) {
		t.Helper()
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) != lines*len(b[:strings.IndexByte(string(b), '\n')+1]) {
			t.Errorf("%d bytes are no %d whole lines", len(b), lines)
		}
	}
	whole(written)
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT, "size=128k"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Notify(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	whole(written + 1)
}
