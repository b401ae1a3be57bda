package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/ossec-notify/ossec-notify/spool"
)

// serve starts the daemon and waits until it holds the lock.
func (in *installation) serve() *exec.Cmd {
	in.t.Helper()
	cmd := exec.Command("ossec-notify", "serve", "--home", in.home)
	cmd.Env = append(os.Environ(), "TZ=UTC", "GORACE="+quickExit)
	log, err := os.OpenFile(filepath.Join(in.home, "logs", "ossec-notify.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		in.t.Fatal(err)
	}
	defer log.Close()
	cmd.Stderr = log
	before := strings.Count(in.log(), "msg=serving")
	if err := cmd.Start(); err != nil {
		in.t.Fatal(err)
	}
	in.t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	in.until("serving", func() bool { return strings.Count(in.log(), "msg=serving") > before })
	return cmd
}

// stop asks the daemon to end, and wants it to end well.
func (in *installation) stop(cmd *exec.Cmd) {
	in.t.Helper()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		in.t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		in.t.Fatalf("serve: %v; the log:\n%s", err, in.log())
	}
}

// write appends an alert to alerts.json as Wazuh does.
func (in *installation) write(id string) {
	in.t.Helper()
	b, err := os.ReadFile(in.alert(id))
	if err != nil {
		in.t.Fatal(err)
	}
	path := filepath.Join(in.home, "logs", "alerts", "alerts.json")
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		in.t.Fatal(err)
	}
	defer f.Close()
	if _, err := fmt.Fprintf(f, "%s\n", b); err != nil {
		in.t.Fatal(err)
	}
}

func TestServeTakesOverFromABackgroundDeliverer(t *testing.T) {
	in := newInstallation(t, toSlack)
	in.call("custom-notify", in.alert("1"))
	in.told(1)
	h, err := spool.ReadHolder(in.state())
	if err != nil || h.Kind != "background" {
		t.Fatalf("the holder is %v (%v), want the background deliverer", h, err)
	}
	daemon := in.serve()
	if h, err := spool.ReadHolder(in.state()); err != nil || h.Kind != "serve" || h.PID != daemon.Process.Pid {
		t.Errorf("the holder is %v (%v), want serve", h, err)
	}
	in.call("custom-notify", in.alert("2"))
	if got := in.told(2); got[1] != "LOW: Story 2 on web-01" {
		t.Errorf("Slack heard %q", got)
	}
	if out := in.command(exitFail, "serve"); !strings.Contains(out, "another ossec-notify serve is running") {
		t.Errorf("a second serve says\n%s", out)
	}
	in.stop(daemon)
	in.call("custom-notify", in.alert("3")) // starts a background deliverer again
	in.told(3)
}

func TestFollowedAlertsAreToldOnceOverRestarts(t *testing.T) {
	in := newInstallation(t, toSlack+"follow: [logs/alerts/alerts.json]\n")
	if err := os.MkdirAll(filepath.Join(in.home, "logs", "alerts"), 0o755); err != nil {
		t.Fatal(err)
	}
	in.write("0") // before anybody looked: not told
	daemon := in.serve()
	in.until("at the end of the file", func() bool { return strings.Contains(in.log(), "msg=following") })
	in.write("1")
	in.write("2")
	in.told(2)
	in.stop(daemon)
	in.write("3") // while it is down
	in.write("4")
	daemon = in.serve()
	in.write("5")
	got := in.told(5)
	var want []string
	for i := 1; i <= 5; i++ {
		want = append(want, fmt.Sprintf("LOW: Story %d on web-01", i))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("Slack heard %q, want %q", got, want)
	}
	in.stop(daemon)
	if n := len(in.stand.Messages()); n != 5 {
		t.Errorf("%d messages, want 5", n)
	}
}

func TestServeLoadsTheConfigAgain(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	in := newInstallation(t, toSlack+"http: "+address+"\n")
	daemon := in.serve()
	status := func(path string) (int, string) {
		resp, err := http.Get("http://" + address + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	if code, body := status("/readyz"); code != http.StatusOK {
		t.Errorf("readyz: %d %s", code, body)
	}
	in.configure("receivers: {soc: {slakc: {}}}\n")
	if err := daemon.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	in.until("loaded again", func() bool { code, _ := status("/readyz"); return code == http.StatusServiceUnavailable })
	in.call("custom-notify", in.alert("1")) // by the last config that loaded
	in.told(1)
	in.configure(strings.Replace(toSlack, "default: [soc]", "routes: [{match: {level: 5}, to: []}]", 1))
	in.until("loaded again", func() bool { code, _ := status("/readyz"); return code == http.StatusOK })
	in.call("custom-notify", in.alert("2")) // to nobody
	in.until("taken", func() bool { return strings.Contains(in.log(), "goes to nobody") })
	if n := len(in.stand.Messages()); n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
	code, metrics := status("/metrics")
	for _, want := range []string{`ossec_notify_deliveries{receiver="soc",state="delivered"} 1`, "ossec_notify_config_last_reload_successful 1", "ossec_notify_spool_records "} {
		if code != http.StatusOK || !strings.Contains(metrics, want) {
			t.Errorf("metrics (%d) do not hold %s:\n%s", code, want, metrics)
		}
	}
	problems, err := promlint.New(strings.NewReader(metrics)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v %v", problems, err)
	}
	in.stop(daemon)
}
