package main

import (
	"fmt"
	"io"
	"math/rand/v2"
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
	return in.serveBy("ossec-notify")
}

// serveBy is serve by a program of its own.
func (in *installation) serveBy(program string) *exec.Cmd {
	in.t.Helper()
	cmd := exec.Command(program, "serve", "--home", in.home)
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
	in.writeTo("alerts.json", id)
}

func (in *installation) writeTo(name, id string) {
	in.t.Helper()
	b, err := os.ReadFile(in.alert(id))
	if err != nil {
		in.t.Fatal(err)
	}
	path := filepath.Join(in.home, "logs", "alerts", name)
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

// An administrator may make the state directory by hand.
func TestServeTakesAnEmptyStateDirectory(t *testing.T) {
	in := newInstallation(t, toSlack)
	if err := os.Mkdir(in.state(), 0o700); err != nil {
		t.Fatal(err)
	}
	daemon := in.serve()
	in.call("custom-notify", in.alert("1"))
	in.told(1)
	in.stop(daemon)
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

// What no route of the config can take is counted and passed by; what one takes that was loaded since is told.
func TestFollowedAlertsThatNobodyWantsAreCounted(t *testing.T) {
	address := freeAddress(t)
	config := func(level int) string {
		return strings.Replace(toSlack, "default: [soc]", fmt.Sprintf("routes: [{match: {level: %d}, to: [soc]}]", level), 1) +
			"follow: [logs/alerts/alerts.json]\nhttp: " + address + "\n"
	}
	in := newInstallation(t, config(6))
	if err := os.MkdirAll(filepath.Join(in.home, "logs", "alerts"), 0o755); err != nil {
		t.Fatal(err)
	}
	daemon := in.serve()
	in.until("following", func() bool { return strings.Contains(in.log(), "msg=following") })
	counted := func(n int) func() bool {
		return func() bool {
			_, metrics := get(t, address, "/metrics")
			return strings.Contains(metrics, fmt.Sprintf("ossec_notify_alerts_without_receiver_total{reason=\"no_route\"} %d\n", n))
		}
	}
	in.write("1")
	in.write("2")
	in.until("counted", counted(2))
	in.configure(config(5))
	if err := daemon.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	in.until("loaded again", func() bool { return strings.Count(in.log(), "config loaded again") > 0 })
	in.write("3")
	in.told(1)
	in.configure(config(6))
	in.stop(daemon)
	daemon = in.serve()
	in.write("4")
	in.until("counted", counted(1)) // and those before are not read again
	in.stop(daemon)
	if n := len(in.stand.Messages()); n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
}

// freeAddress is one on this host that nobody listens at. It is below those that the system gives to connections, or one of
// another test would take it before a daemon is there.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprint("127.0.0.1:", 20000+rand.IntN(12000))
		if l, err := net.Listen("tcp", address); err == nil {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

// get asks the daemon's HTTP server.
func get(t *testing.T, address, path string) (code int, body string) {
	t.Helper()
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

func TestServeLoadsTheConfigAgain(t *testing.T) {
	address := freeAddress(t)
	in := newInstallation(t, toSlack+"http: "+address+"\n")
	daemon := in.serve()
	status := func(path string) (int, string) { return get(t, address, path) }
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
	in.configure(strings.Replace(toSlack, "default: [soc]", "routes: [{match: {level: 5}, to: []}]\nhttp: "+address, 1))
	in.until("loaded again", func() bool { code, _ := status("/readyz"); return code == http.StatusOK })
	in.call("custom-notify", in.alert("2")) // to nobody
	in.until("said so", func() bool { return strings.Contains(in.log(), "goes to nobody") })
	in.taken()
	if n := len(in.stand.Messages()); n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
	code, metrics := status("/metrics")
	for _, want := range []string{`ossec_notify_deliveries{receiver="soc",state="delivered"} 1`, "ossec_notify_config_last_reload_successful 1", "ossec_notify_spool_records ",
		`ossec_notify_deliveries{receiver="(nobody)",state="suppressed"} 1`, `ossec_notify_alerts_without_receiver_total{reason="on_purpose"} 1`,
		`ossec_notify_alerts_without_receiver_total{reason="no_route"} 0`,
	} {
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

func TestFollowHoldsAfterAReload(t *testing.T) {
	const first, second = "logs/alerts/alerts.json", "logs/alerts/second.json"
	in := newInstallation(t, toSlack)
	if err := os.MkdirAll(filepath.Join(in.home, "logs", "alerts"), 0o755); err != nil {
		t.Fatal(err)
	}
	daemon := in.serve()
	begun := 0
	follow := func(files string, begins int) {
		t.Helper()
		in.configure(toSlack + "follow: [" + files + "]\n")
		if err := daemon.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		begun += begins
		in.until("following", func() bool { return strings.Count(in.log(), "msg=following") == begun })
	}
	in.write("0") // before anybody looked
	follow(first, 1)
	in.write("1")
	in.told(1)
	in.writeTo("second.json", "20")
	follow(second, 1)
	in.until("no longer following the first", func() bool { return strings.Contains(in.log(), "no longer following") })
	in.write("2")
	in.writeTo("second.json", "21")
	in.told(2)
	follow(first+", "+second, 1) // the first goes on where it was left
	in.told(3)
	in.writeTo("second.json", "22")
	in.told(4)
	in.write("3")
	got := in.told(5)
	var want []string
	for _, id := range []string{"1", "21", "2", "22", "3"} {
		want = append(want, fmt.Sprintf("LOW: Story %s on web-01", id))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("Slack heard %q, want %q", got, want)
	}
	in.stop(daemon)
}

func TestHTTPMovesAtAReload(t *testing.T) {
	first, second := freeAddress(t), freeAddress(t)
	in := newInstallation(t, toSlack+"http: "+first+"\n")
	daemon := in.serve()
	answers := func(address string) bool {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	}
	in.configure(toSlack + "http: " + second + "\n")
	in.until("moved", func() bool { return answers(second) && !answers(first) })
	if code, body := get(t, second, "/readyz"); code != http.StatusOK {
		t.Errorf("readyz: %d %s", code, body)
	}

	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	in.configure(toSlack + "http: " + taken.Addr().String() + "\n")
	in.until("said that it cannot move", func() bool {
		code, body := get(t, second, "/readyz")
		return code == http.StatusServiceUnavailable && strings.Contains(body, "address already in use; it still answers on "+second)
	})
	if _, metrics := get(t, second, "/metrics"); !strings.Contains(metrics, "\nossec_notify_config_last_reload_successful 0\n") {
		t.Errorf("metrics say\n%s", metrics)
	}

	// To another name of the same address.
	_, port, err := net.SplitHostPort(second)
	if err != nil {
		t.Fatal(err)
	}
	in.configure(toSlack + "http: localhost:" + port + "\n")
	in.until("moved to a name", func() bool { return strings.Count(in.log(), "msg=listening") == 3 })
	if code, body := get(t, second, "/readyz"); code != http.StatusOK {
		t.Errorf("readyz: %d %s", code, body)
	}
	in.configure(toSlack)
	in.until("gone", func() bool { return !answers(second) })
	in.stop(daemon)
}
