package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSandboxServesUntilInterrupted starts the command as a person does, points a config at it as its output says,
// and ends it with Ctrl-C.
func TestSandboxServesUntilInterrupted(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(binDir(), "ossec-notify"), "sandbox", "--splunk-index", "ossec")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	var config strings.Builder
	for lines.Scan() && lines.Text() != "" {
		config.WriteString(lines.Text() + "\n")
	}
	if want := "# stand-ins on this machine; point a config at them:\nreceivers:\n"; !strings.HasPrefix(config.String(), want) {
		t.Errorf("got %q, want it to begin with %q", config.String(), want)
	}
	config.WriteString("  wrong:\n    slack: {token: xoxb-wrong, channel: \"#soc\", api_url: " + between(config.String(), "api_url: ", "}") + "}\n")
	config.WriteString("  elsewhere:\n    splunk: {url: " + between(config.String(), "splunk: {url: ", "index: ") + "index: secret}\n")
	path := filepath.Join(t.TempDir(), "ossec-notify.yaml")
	if err := os.WriteFile(path, []byte(config.String()), 0o600); err != nil {
		t.Fatal(err)
	}

	for _, receiver := range []string{"soc", "soc-bot", "oncall", "siem", "hook", "root-mail", "duty"} {
		if code := run(ctx, []string{"send", "--config", path, "--sample", "550", "--to", receiver}, strings.NewReader(""), io.Discard, os.Stderr); code != exitDone {
			t.Errorf("send to %s: exit status %d, want %d", receiver, code, exitDone)
		}
	}
	if code := run(ctx, []string{"send", "--config", path, "--sample", "550", "--to", "wrong"}, strings.NewReader(""), io.Discard, os.Stderr); code != exitFail {
		t.Errorf("send with a wrong token: exit status %d, want %d", code, exitFail)
	}
	if code := run(ctx, []string{"send", "--config", path, "--sample", "550", "--to", "elsewhere"}, strings.NewReader(""), io.Discard, os.Stderr); code != exitFail {
		t.Errorf("send to an index that the token may not write to: exit status %d, want %d", code, exitFail)
	}
	for _, want := range []string{
		"  slack      accepted (200): [TEST] MEDIUM: File changed: /etc/passwd on web-01",
		"  slack-api  accepted (200): [TEST] MEDIUM: File changed: /etc/passwd on web-01",
		"  pagerduty  accepted (202): trigger warning: [TEST] File changed: /etc/passwd on web-01 (medium, rule 550)",
		"  splunk     accepted (200): medium: ",
		"  webhook    accepted (200): medium: ",
		"  email      accepted (250): [TEST] [MEDIUM] File changed: /etc/passwd on web-01",
		"  slack-api  accepted (200): [TEST] MEDIUM: File changed: /etc/passwd on web-01", // of who is on duty
		"  slack-api  REFUSED (200): ",
		"the token is not the one that the sandbox expects",
		"  splunk     REFUSED (400): medium: ",
		`the token may not write to the index "secret"`,
	} {
		more := lines.Scan()
		for more && strings.Contains(lines.Text(), " asked (") { // who is on call
			more = lines.Scan()
		}
		if !more || !strings.Contains(lines.Text(), want) {
			t.Errorf("got %q, want %q in it", lines.Text(), want)
		}
	}
	// Whether somebody answers is no message, and frightens nobody.
	if code := run(ctx, []string{"check", "--config", path, "--online"}, strings.NewReader(""), io.Discard, os.Stderr); code != exitFail { // wrong is
		t.Errorf("check --online: exit status %d, want %d", code, exitFail)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	reached := 0
	for lines.Scan() {
		if strings.Contains(lines.Text(), "  (any)      asked: whether somebody answers, as check --online does") {
			reached++
		} else if strings.Contains(lines.Text(), "REFUSED") && !strings.Contains(lines.Text(), "slack-api") {
			t.Errorf("check --online is refused: %s", lines.Text())
		}
	}
	if err := lines.Err(); err != nil || reached == 0 {
		t.Errorf("after Ctrl-C: %v; %d connections of check --online", err, reached)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("got %v, want exit status 0", err)
	}
}

// between is what stands in s between two marks.
func between(s, before, after string) string {
	_, s, _ = strings.Cut(s, before)
	s, _, _ = strings.Cut(s, after)
	return s
}
