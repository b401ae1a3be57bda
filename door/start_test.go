package door_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/spool"
)

func TestDelivererDependsOnNothingOfItsCaller(t *testing.T) {
	t.Parallel()
	i := newInstallation(t, "queue")
	next := i.ask()
	i.env = append(i.env,
		"TZ=Europe/Berlin", "SSL_CERT_FILE=/etc/ssl/own.pem", "SSL_CERT_DIR=/etc/ssl/own", "OSSEC_NOTIFY_CONFIG=etc/own.yaml",
		"PATH=/home/somebody/bin", "HOME=/root", "CREDENTIALS_DIRECTORY=/run/credentials/x", "HTTPS_PROXY=http://192.0.2.1:3128",
		"GODEBUG=", "LD_PRELOAD=",
	)
	leak := i.file("alerts.json", "")
	var leaks []*os.File
	for range 3 {
		f, err := os.Open(leak)
		i.check(err)
		defer f.Close()
		leaks = append(leaks, f)
	}
	cmd := i.command("integrations/custom-slack", i.file("a.alert", alertText), "", "")
	cmd.Args[0] = "integrations"
	cmd.Dir = i.home
	cmd.ExtraFiles = leaks
	// run reads the call's output to its end, as Wazuh does: this test would hang if the deliverer had it open.
	i.run(cmd)
	f := next()

	if want := []string{"ossec-notify", "deliver", "--home", i.home, "--state", i.state()}; !cmp.Equal(f.Args, want) {
		t.Errorf("arguments %q, want %q", f.Args, want)
	}
	wantEnv := []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		factsPath + "=" + filepath.Join(i.home, "facts"),
		"TZ=Europe/Berlin", "SSL_CERT_FILE=/etc/ssl/own.pem", "SSL_CERT_DIR=/etc/ssl/own",
		"OSSEC_NOTIFY_CONFIG=" + filepath.Join(i.home, "etc/own.yaml"),
	}
	if diff := cmp.Diff(f.Env, wantEnv); diff != "" {
		t.Errorf("environment (-got +want):\n%s", diff)
	}
	if f.Dir != "/" {
		t.Errorf("working directory %s, want /", f.Dir)
	}
	if f.SID != f.PID {
		t.Errorf("session %d, want its own, %d", f.SID, f.PID)
	}
	if f.LockErr != "" {
		t.Errorf("it does not have the lock: %s", f.LockErr)
	}
	for fd, target := range f.Descriptors {
		own := strings.HasPrefix(target, "anon_inode:") || strings.HasPrefix(target, "/sys/fs/cgroup/") // of the Go runtime
		switch {
		case fd <= 2 && target == "/dev/null", fd == spool.LockFD && target == i.state()+"/lock", fd > spool.LockFD && own:
		default:
			t.Errorf("descriptor %d is %s", fd, target)
		}
	}
	for fd := range spool.LockFD + 1 {
		if f.Descriptors[fd] == "" {
			t.Errorf("descriptor %d is closed", fd)
		}
	}
	if h, err := spool.ReadHolder(i.state()); err != nil || h.PID != f.PID || h.Kind != "deliver" {
		t.Errorf("the lock says %v, %v; want the deliverer, %d", h, err, f.PID)
	}
}

func TestNextCallReplacesADelivererThatWasKilled(t *testing.T) {
	t.Parallel()
	i := newInstallation(t, "queue")
	next := i.ask()
	file := i.file("a.alert", alertText)
	i.run(i.ossec(file, "", ""))
	first := next()
	i.run(i.ossec(file, "", ""))
	if got := i.deliverers(); !cmp.Equal(got, []int{first.PID}) {
		t.Errorf("deliverers %v, want [%d]", got, first.PID)
	}
	i.end(first.PID)
	i.run(i.ossec(file, "", ""))
	if second := next(); second.LockErr != "" {
		t.Errorf("the second does not have the lock: %s", second.LockErr)
	}
	if names, err := spool.List(i.state()); err != nil || len(names) != 3 {
		t.Errorf("%d records, %v, want 3", len(names), err)
	}
}

func TestNoDelivererSoonAfterOneThatFailed(t *testing.T) {
	t.Parallel()
	i := newInstallation(t, "queue")
	next := i.ask()
	i.check(spool.Prepare(i.state()), spool.MarkFailed(i.state()))
	file := i.file("a.alert", alertText)
	i.run(i.ossec(file, "", ""))
	if got := i.deliverers(); len(got) > 0 {
		t.Errorf("deliverers %v, want none", got)
	}
	if len(i.record(i.state()).Alert) == 0 {
		t.Error("the alert is not kept")
	}
	then := time.Now().Add(-spool.StartPause)
	i.check(os.Chtimes(i.state()+"/failed", then, then))
	i.run(i.ossec(file, "", ""))
	next()
}
