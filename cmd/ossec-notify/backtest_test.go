package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/backtest"
)

// A backtest that is interrupted reports what it has, says so, and leaves nothing behind.
func TestBacktestStopsCleanly(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, "receivers: {hook: {webhook: {url: WEBHOOK_URL}}}\ndefault: [hook]\ntime_zone: UTC\n")
	scratch := t.TempDir()
	cmd := exec.Command("ossec-notify", "backtest", "-", "--format", "json", "--home", in.home)
	cmd.Env = append(os.Environ(), "TZ=UTC", "TMPDIR="+scratch, "GORACE="+quickExit)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// When the pipe takes no more of what nobody reads, the program reads; it is at work for sure when it took twice that.
	line := wazuhAlert(low("1")) + "\n"
	if _, err := stdin.Write(bytes.Repeat([]byte(line), 1000)); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitFail || !strings.Contains(stderr.String(), "stopped: the report is of what was read until then") {
		t.Errorf("exit %d, stderr:\n%s", code, stderr.String())
	}
	var r struct {
		Stopped bool
		Version int
	}
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil || !r.Stopped || r.Version == 0 {
		t.Errorf("%+v, %v:\n%s", r, err, stdout.String())
	}
	if left, err := os.ReadDir(scratch); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestProgressLine(t *testing.T) {
	for _, tc := range []struct {
		alerts   int
		read, of int64
		took     time.Duration
		want     string
	}{
		{1_204_331, 750e6, 1500e6, 5 * time.Second, " 50 %: 1,204,331 alerts, 240,866 a second, 150 MB/s, 5 s left"},
		{10, 0, 1500e6, 0, "10 alerts, 10,000 a second, 0 MB/s"},
		{1000, 5e6, 0, time.Second, "1,000 alerts, 1,000 a second, 5 MB/s"}, // of stdin nobody knows how much there is
	} {
		if got := progressLine(tc.alerts, tc.read, tc.of, tc.took); got != tc.want {
			t.Errorf("%q, want %q", got, tc.want)
		}
	}
}

func TestParseNight(t *testing.T) {
	for text, want := range map[string]backtest.Night{"22-06": {From: 22, To: 6}, "0-6": {From: 0, To: 6}, "23:00-07:00": {From: 23, To: 7}, "24-6": {From: 0, To: 6}} {
		if got, err := parseNight(text); err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "22", "6-6", "25-6", "22-06 "} {
		if got, err := parseNight(text); err == nil {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}
