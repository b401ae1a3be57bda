package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/sandbox"
	"github.com/ossec-notify/ossec-notify/spool"
)

// TestFaultClockSet has in the state directory what a process leaves there whose clock is an hour ahead, or behind:
// records, marks, the lock's text, deliveries that wait, the manager's log. (The clock itself cannot be set for a
// process: a time namespace leaves the time of day alone. What a deliverer does whose clock is set while it runs is
// tested in package dispatch.) Everything is told, by a background deliverer and by a daemon.
func TestFaultClockSet(t *testing.T) {
	bothWays(t, func(t *testing.T, w way) {
		for name, by := range map[string]time.Duration{"ahead": time.Hour, "behind": -time.Hour} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				heard, opt := newEar()
				in := newInstallationWith(t, toSlack+"follow: [logs/alerts/"+w.log+"]\n", opt)
				then := time.Now().Add(by)

				// A delivery that waits in the outbox, of a deliverer that was killed: its alert arrived then.
				waiting := low("1")
				in.stand.Script(sandbox.Slack, sandbox.Reply{Status: 503, Hold: make(chan struct{})})
				in.record(w, waiting, then)
				in.startDeliverer()
				in.until("in the outbox", func() bool { m := in.stand.Messages(); return len(m) == 1 })
				in.killDeliverer(syscall.SIGKILL)
				in.changeOutbox(func(box *outbox.DB) error {
					return box.Finish(t.Context(), then, nil, outbox.Receiver{Name: "soc", Failures: 1, Since: then, LastError: "then"})
				})

				// Records that wait in the spool; one was being written.
				inSpool := low("2")
				in.record(w, inSpool, then)
				half := filepath.Join(in.state(), "spool", "tmp", "half")
				lock := fmt.Sprintf("%d serve %s then\n", 1<<22+1, then.UTC().Format(time.RFC3339)) // no process has that number
				if err := os.WriteFile(half, nil, 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(in.state(), "lock"), []byte(lock), 0o600); err != nil {
					t.Fatal(err)
				}
				if err := spool.MarkFailed(in.state()); err != nil {
					t.Fatal(err)
				}
				for _, path := range []string{half, filepath.Join(in.state(), "failed")} {
					if err := os.Chtimes(path, then, then); err != nil {
						t.Fatal(err)
					}
				}

				called := low("3")
				in.callFor(w, called) // starts a deliverer, whenever one failed to start
				stories := []story{waiting, inSpool, called}
				in.until("all told", func() bool { return len(heard.missing(sandbox.Slack, stories)) == 0 })
				in.killDeliverer(syscall.SIGTERM)

				in.logged(w, low("4")) // before anybody looks: not told
				daemon := in.serve()
				in.until("following", func() bool { return strings.Contains(in.log(), "msg=following") })
				followed := low("5")
				in.logged(w, followed)
				if err := os.Chtimes(in.managerLog(w), then, then); err != nil {
					t.Fatal(err)
				}
				in.callFor(w, low("6"))
				stories = append(stories, followed, low("6"))
				in.until("all told", func() bool { return len(heard.missing(sandbox.Slack, stories)) == 0 })
				in.stop(daemon)
				if n := heard.repeats(sandbox.Slack); n != 0 {
					t.Errorf("%d repeats", n)
				}
				if left := in.deliveries(); slices.ContainsFunc(left, func(x sent) bool { return x.State != "delivered" }) {
					t.Errorf("the outbox holds %+v", left)
				}
			})
		}
	})
}

// record leaves a record in the spool as a call does at another time of day.
func (in *installation) record(w way, s story, arrival time.Time) {
	in.t.Helper()
	if err := spool.Prepare(in.state()); err != nil {
		in.t.Fatal(err)
	}
	_, err := spool.Write(in.state(), &spool.Record{
		Name: "notify", Args: []string{"/tmp/custom-notify-" + s.name + ".alert"}, Home: in.home, Arrival: arrival,
		File: "custom-notify-" + s.name + ".alert", Alert: []byte(w.alertFile(s)),
	})
	if err != nil {
		in.t.Fatal(err)
	}
}

// startDeliverer starts a background deliverer as a call does.
func (in *installation) startDeliverer() {
	in.t.Helper()
	lock, err := os.OpenFile(filepath.Join(in.state(), "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		in.t.Fatal(err)
	}
	defer lock.Close()
	cmd := exec.Command("ossec-notify", "deliver", "--home", in.home, "--state", in.state())
	cmd.Env = append(os.Environ(), "TZ=UTC", "GORACE="+quickExit)
	cmd.ExtraFiles = []*os.File{lock} // becomes spool.LockFD
	if err := cmd.Start(); err != nil {
		in.t.Fatal(err)
	}
	go func() { _ = cmd.Wait() }() // it is killed, or asked to leave
}

// changeOutbox changes the outbox while there is no deliverer.
func (in *installation) changeOutbox(change func(*outbox.DB) error) {
	in.t.Helper()
	box, _, err := outbox.Open(in.t.Context(), outbox.Path(in.state()), outbox.Options{Owner: true, DeliveryID: dispatch.DeliveryID})
	if err != nil {
		in.t.Fatal(err)
	}
	if err := change(box); err != nil {
		in.t.Error(err)
	}
	if err := box.Close(); err != nil {
		in.t.Fatal(err)
	}
}
