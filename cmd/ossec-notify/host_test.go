package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/spool"
)

// fifo makes a FIFO that nobody writes to in the place of a file: whoever opens it to read, without care, waits for good.
func (in *installation) fifo(name string) string {
	in.t.Helper()
	path := filepath.Join(in.home, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		in.t.Fatal(err)
	}
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		in.t.Fatal(err)
	}
	if err := syscall.Mkfifo(path, 0o644); err != nil {
		in.t.Fatal(err)
	}
	return path
}

// shellAlert writes an alert file as OSSEC's integratord does, which makes the deliverer look for the original.
func (in *installation) shellAlert() string {
	in.t.Helper()
	path := filepath.Join(in.t.TempDir(), "custom-slack-1795439488-1.alert")
	text := "alertdate='2026 Nov 23 13:28:23'\nalertlocation='(web-01) 192.0.2.5->/var/log/auth.log'\nruleid='5712'\n" +
		"alertlevel='10'\nruledescription='SSHD brute force.'\nalertlog='Failed password'\nsrcip='198.51.100.7'"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		in.t.Fatal(err)
	}
	return path
}

// A FIFO in the place of any file that a deliverer opens holds nobody up: the alert is told.
func TestFIFOInPlaceOfAFileHoldsNoDelivererUp(t *testing.T) {
	t.Parallel()
	for name, at := range map[string][]string{
		"the manager's logs": {"logs/alerts/alerts.json", "logs/alerts/alerts.log"},
		"our log":            {"logs/ossec-notify.log"},
		"a template":         {"etc/ossec-notify/templates/slack.tmpl"},
		"an include":         {"etc/conf.d/more.yaml"},
		"the config":         {"etc/ossec-notify.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := newInstallation(t, "include: [conf.d/*.yaml]\n"+toSlack)
			for _, file := range at {
				in.fifo(file)
			}
			in.call("custom-slack", in.shellAlert(), "", in.stand.SlackWebhookURL())
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if _, err := in.stand.Wait(ctx, 1); err != nil {
				t.Fatal(err) // the log may be the FIFO
			}
		})
	}
}

func TestAlertFileThatIsATrapIsTold(t *testing.T) {
	t.Parallel()
	for name, plant := range map[string]func(path string) error{
		"is no regular file": func(path string) error { return syscall.Mkfifo(path, 0o644) },
		"is a symbolic link": func(path string) error { return os.Symlink("/dev/zero", path) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := newInstallation(t, toSlack)
			path := filepath.Join(t.TempDir(), "custom-notify-1795439488-1.alert")
			if err := plant(path); err != nil {
				t.Fatal(err)
			}
			in.call("custom-notify", path)
			if got := in.told(1); !strings.Contains(got[0], "UNKNOWN") {
				t.Errorf("Slack heard %q", got)
			}
			if log := in.log(); !strings.Contains(log, name) {
				t.Errorf("the log does not say that it %s:\n%s", name, log)
			}
		})
	}
}

// Commands that root runs look into directories that the manager's users can write to.
func TestFIFOInPlaceOfAFileHoldsNoCommandUp(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, toSlack+"follow: [logs/alerts/alerts.json]\n")
	in.fifo("logs/alerts/alerts.json")
	in.fifo("logs/alerts/alerts.log")
	in.fifo("logs/ossec-notify.log")
	in.fifo("etc/ossec.conf")
	in.fifo("queue/ossec-notify/lock")
	if err := os.Chmod(in.state(), 0o700); err != nil {
		t.Fatal(err)
	}
	if out, want := in.command(exitFail, "check"), in.home+"/logs/alerts/alerts.json is no regular file"; !strings.Contains(out, want) {
		t.Errorf("check does not say that %s:\n%s", want, out)
	}
	out := in.command(exitFail, "doctor", "--manager", "wazuh")
	for _, want := range []string{
		"alerts.json is no regular file, and is not read",
		"ossec-notify.log is no regular file, and is not written to",
		"ossec.conf: not a regular file",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("doctor does not say that %s:\n%s", want, out)
		}
	}
	in.command(exitFail, "explain", "--id", "1795440017.1")
	in.fifo("etc/ossec-notify.yaml")
	if out := in.command(exitUsage, "check"); !strings.Contains(out, "ossec-notify.yaml: not a regular file") {
		t.Errorf("check says\n%s", out)
	}
	in.fifo("queue/ossec-notify/outbox.db")
	if out := in.command(exitFail, "outbox", "list"); !strings.Contains(out, "outbox.db is not a regular file") {
		t.Errorf("outbox list says\n%s", out)
	}
}

// Our log is written where integratord's other users may make links.
func TestLogIsNotWrittenThroughALink(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, toSlack)
	victim := filepath.Join(in.home, "victim")
	if err := os.Symlink(victim, filepath.Join(in.home, "logs", "ossec-notify.log")); err != nil {
		t.Fatal(err)
	}
	in.call("custom-notify", filepath.Join(in.shellAlert()))
	in.told(1)
	in.killDeliverer(syscall.SIGTERM)
	if _, err := os.Lstat(victim); err == nil {
		t.Error("the link was followed")
	}
}

func TestOwnerOfTheAlertFileIsTold(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("not root: all files are ours")
	}
	in := newInstallation(t, toSlack)
	file := in.alert("1")
	if err := os.Chown(file, 4244, 4244); err != nil {
		t.Fatal(err)
	}
	in.call("custom-notify", file)
	in.call("custom-notify", in.alert("2"))
	in.told(2)
	in.taken()
	if log := in.log(); !strings.Contains(log, "alert file is another user's") || !strings.Contains(log, "owner=4244 caller=0") || strings.Count(log, "another user's") != 1 {
		t.Errorf("the log says\n%s", log)
	}
	shown := ""
	for _, x := range in.deliveries() {
		shown += in.command(exitDone, "outbox", "show", x.Delivery)
		shown += in.command(exitDone, "outbox", "show", "--format", "json", x.Delivery)
	}
	for _, want := range []string{"the alert file was user 4244's, and not the caller's", `"file_owner":4244`} {
		if strings.Count(shown, want) != 1 {
			t.Errorf("not once %q:\n%s", want, shown)
		}
	}
}

func TestStateThatCannotBeTrustedIsTold(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, toSlack)
	if err := spool.Prepare(in.state()); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(in.state(), 0o777); err != nil {
		t.Fatal(err)
	}
	const want = "can be written by every user"
	if out := in.command(exitFail, "check"); !strings.Contains(out, want) {
		t.Errorf("check says\n%s", out)
	}
	if out := in.command(exitFail, "doctor"); !strings.Contains(out, want) {
		t.Errorf("doctor says\n%s", out)
	}
	if out := in.command(exitFail, "serve"); !strings.Contains(out, want) {
		t.Errorf("serve says\n%s", out)
	}
	in.call("custom-notify", in.alert("1")) // delivered at once: told all the same
	in.told(1)
}
