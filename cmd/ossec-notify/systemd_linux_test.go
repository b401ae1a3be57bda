package main

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/sandbox"
)

// TestUnderSystemd runs serve as the unit that install writes, where systemd is process 1 and we are root: in the container of
// .ci/systemd, or on a machine that is there for tests. It is in nobody's home and not in /tmp, which the unit does not show.
func TestUnderSystemd(t *testing.T) {
	if _, err := os.Stat("/run/systemd/system"); err != nil || os.Geteuid() != 0 {
		t.Skip("systemd does not run here, or we are not root: bash .ci/systemd runs this in a container")
	}
	if out, err := exec.Command("systemctl", "cat", unitName).CombinedOutput(); err == nil {
		t.Skipf("this machine has an ossec-notify of its own:\n%s", out)
	}
	base, err := os.MkdirTemp("/var/lib", "ossec-notify-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(base) })
	stand, err := sandbox.Start(sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stand.Close() })
	in := &installation{t, filepath.Join(base, "ossec"), stand}
	program, elsewhere, ran := filepath.Join(base, "ossec-notify"), filepath.Join(base, "elsewhere"), filepath.Join(in.home, "logs", "ran")
	const nobody = 65534
	for _, dir := range []string{base, in.home, in.home + "/etc", in.home + "/logs", in.home + "/queue", elsewhere} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{in.home + "/logs", elsewhere} {
		if err := os.Chown(dir, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	write := func(path, text string, mode os.FileMode) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	copyProgram(t, program)
	write(base+"/token", sandbox.FakeWebhookToken+"\n", 0o600) // root's alone
	write(base+"/slow", "#!/bin/sh\necho begin >>"+ran+"\nsleep 3\necho end >>"+ran+"\n", 0o755)
	write(base+"/hand-over", "#!/bin/sh\nexec touch /tmp/handed\n", 0o755)
	const units = "/run/systemd/system"
	systemctl := func(args ...string) string {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		out, err := exec.CommandContext(ctx, "systemctl", args...).CombinedOutput()
		if err != nil {
			journal, _ := exec.CommandContext(ctx, "journalctl", "-u", unitName, "-n", "30", "--no-pager").CombinedOutput()
			t.Fatalf("systemctl %q: %v\n%s\n%s", args, err, out, journal)
		}
		return strings.TrimSpace(string(out))
	}
	t.Cleanup(func() {
		_ = exec.Command("systemctl", "stop", unitName).Run()
		_ = os.RemoveAll(filepath.Join(units, unitName))
		_ = os.RemoveAll(filepath.Join(units, unitName+".d"))
		_ = exec.Command("systemctl", "daemon-reload").Run()
	})
	in.command(0, "install", "--manager", "wazuh", "--user", "nobody", "--unit-dir", units, "--binary", program)
	write(filepath.Join(in.home, "etc", "ossec-notify.yaml"), strings.NewReplacer("WEBHOOK_URL", stand.WebhookURL(), "BASE", base, "HOME", in.home).Replace(`
receivers:
  hook: {webhook: {url: WEBHOOK_URL, bearer_token: {credential: hook}}}
  lines: {file: {path: HOME/logs/lines.json, rotate: {bytes: 100KB}}}
  elsewhere: {file: {path: BASE/elsewhere/lines.json}}
  own-tmp: {command: {run: [BASE/hand-over]}}
  slow: {command: {run: [BASE/slow]}}
routes:
  - {name: all, to: [hook, lines, elsewhere, own-tmp, slow]}
`), 0o644)
	dropIn := filepath.Join(units, unitName+".d", "test.conf")
	write(dropIn, "[Service]\nLoadCredential=hook:"+base+"/token\n", 0o644)
	systemctl("daemon-reload")
	systemctl("start", unitName) // until it says that it is ready
	state := func(receiver string) string {
		for _, x := range in.deliveries() {
			if x.Receiver == receiver {
				return x.State
			}
		}
		return ""
	}
	text := func(path string) string {
		b, _ := os.ReadFile(path) // none yet
		return string(b)
	}

	in.callFor(ways[1], low("1"))
	in.until("delivered but for what the unit forbids and what is slow", func() bool {
		return state("hook") == "delivered" && state("lines") == "delivered" && state("own-tmp") == "delivered" && text(ran) == "begin\n"
	})
	systemctl("restart", unitName)
	in.until("run to its end", func() bool { return state("slow") == "delivered" })
	if got := text(ran); got != "begin\nend\n" {
		t.Errorf("a restart made a runbook of %q, want one that came to its end, once", got)
	}
	if _, err := os.Stat("/tmp/handed"); err == nil {
		t.Error("the unit shows the host's /tmp")
	}
	if got := state("elsewhere"); got != "pending" {
		t.Errorf("what the unit forbids is %s, want that it waits", got)
	}
	if out := in.command(1, "doctor", "--manager", "wazuh", "--user", "nobody"); !strings.Contains(out, "ReadWritePaths="+elsewhere+",") || strings.Contains(out, `"hook"`) {
		t.Errorf("doctor does not say what to write into the unit, or complains of the credential:\n%s", out)
	}

	write(dropIn, "[Service]\nLoadCredential=hook:"+base+"/token\nReadWritePaths="+elsewhere+"\n", 0o644)
	systemctl("daemon-reload")
	systemctl("restart", unitName)
	in.until("delivered to where it may write now", func() bool { return state("elsewhere") == "delivered" })
	if out := in.command(0, "doctor", "--manager", "wazuh", "--user", "nobody"); !strings.Contains(out, "serve may do what the config asks for") {
		t.Errorf("doctor is not content:\n%s", out)
	}
	systemctl("reload", unitName)
	before := systemctl("show", "-p", "MainPID", "--value", unitName)
	systemctl("kill", "-s", "KILL", unitName)
	in.callFor(ways[1], low("2")) // one in the background begins, and serve takes over
	in.until("serving again", func() bool {
		return systemctl("show", "-p", "SubState", "--value", unitName) == "running" && systemctl("show", "-p", "MainPID", "--value", unitName) != before
	})
	in.until("all delivered", func() bool { return in.count(outbox.Delivered) == 10 })
	systemctl("stop", unitName)
	if got := systemctl("show", "-p", "Result", "--value", unitName); got != "success" {
		t.Errorf("it stops with the result %s", got)
	}
}

// copyProgram puts this program where others than root may run it.
func copyProgram(t *testing.T, path string) {
	t.Helper()
	from, err := os.Open(filepath.Join(binDir(), "ossec-notify"))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(to, from); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
}
