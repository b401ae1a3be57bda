package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/sandbox"
)

// waitsForArgv is an installation in which a message waits for a receiver that ossec.conf describes, and nobody delivers.
func waitsForArgv(t *testing.T) *installation {
	t.Helper()
	in := newInstallation(t, "")
	hold := make(chan struct{})
	in.stand.Script(sandbox.Slack, sandbox.Reply{Status: 503, Hold: hold})
	in.call("custom-slack", in.alert("1"), "", in.stand.SlackWebhookURL())
	in.taken()
	in.killDeliverer(syscall.SIGKILL)
	close(hold)
	return in
}

// A deliverer that starts looks for files that nobody needs, and takes none that something waits for.
func TestDelivererForgetsReceiversOfOssecConf(t *testing.T) {
	in := waitsForArgv(t)
	dir := filepath.Join(in.state(), "receivers")
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	needed, forgotten := filepath.Join(dir, files[0].Name()), filepath.Join(dir, "argv-slack-0000ff.json")
	old := time.Now().Add(-31 * 24 * time.Hour)
	if err := errors.Join(os.WriteFile(forgotten, []byte(`{"kind":"slack","url":"https://hooks.slack.com/services/T0/B0/x"}`), 0o600),
		os.Chtimes(forgotten, old, old), os.Chtimes(needed, old, old)); err != nil {
		t.Fatal(err)
	}
	in.call("custom-notify", in.alert("2")) // has no receiver, and starts a deliverer
	in.told(1)
	if _, err := os.Stat(forgotten); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there (%v)", forgotten, err)
	}
	if st, err := os.Stat(needed); err != nil || time.Since(st.ModTime()) > time.Hour {
		t.Errorf("%s: %v; want it to be there and to count as used", needed, err)
	}
	if !strings.Contains(in.log(), "forgot a receiver of ossec.conf") {
		t.Errorf("the log says nothing of it:\n%s", in.log())
	}
}

// TestWhatWaitsForADamagedReceiverGoesOnWaiting has it damaged while nobody delivers.
func TestWhatWaitsForADamagedReceiverGoesOnWaiting(t *testing.T) {
	in := waitsForArgv(t)
	files, err := filepath.Glob(filepath.Join(in.state(), "receivers", "argv-slack-*.json"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if err := os.WriteFile(files[0], []byte(`{"kind":"sl`), 0o600); err != nil {
		t.Fatal(err)
	}
	in.call("custom-notify", in.alert("2")) // has no receiver, and starts a deliverer
	in.until("told in the log", func() bool { return strings.Contains(in.log(), files[0]+" is damaged") })
	if n := in.count(outbox.Pending); n != 1 {
		t.Errorf("%d deliveries wait, want 1: %+v", n, in.deliveries())
	}
	if said := in.command(exitFail, "doctor"); !strings.Contains(said, files[0]+" is damaged") || !strings.Contains(said, "; 1 wait for it") {
		t.Errorf("doctor says nothing of it:\n%s", said)
	}
	in.call("custom-slack", in.alert("3"), "", in.stand.SlackWebhookURL())
	in.told(2)
	in.until("both delivered", func() bool { return in.count(outbox.Delivered) == 2 })
	if said := in.command(exitFail, "doctor"); strings.Contains(said, "is damaged") {
		t.Errorf("doctor still says it:\n%s", said)
	}
}
