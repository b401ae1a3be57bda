package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/sandbox"
	"github.com/ossec-notify/ossec-notify/spool"
)

// removeAll removes a directory that somebody may write into meanwhile, as rm -rf does by a second call.
func removeAll(dir string) error {
	for range 100 {
		if err := os.RemoveAll(dir); !errors.Is(err, syscall.ENOTEMPTY) {
			return err
		}
	}
	return fmt.Errorf("%s is written to all the time", dir)
}

// Whoever removes what a deliverer works in has it begin anew: no alert goes where nobody looks.
func TestServeBeginsAnewWhenItsStateWasRemoved(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]func(state string) error{
		"the directory": removeAll,
		"the outbox": func(state string) error {
			files, err := filepath.Glob(filepath.Join(state, "outbox.db*"))
			for _, f := range files {
				if err == nil {
					err = os.Remove(f)
				}
			}
			return err
		},
		"the lock":                  func(state string) error { return os.Remove(filepath.Join(state, "lock")) },
		"the directory, moved away": func(state string) error { return os.Rename(state, state+".old") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := newInstallation(t, `
receivers:
  soc: {slack: {webhook_url: "SLACK_URL"}}
  down: {webhook: {url: "http://127.0.0.1:1/x"}}
follow: [logs/alerts/alerts.json]
default: [soc, down]
`)
			if err := os.MkdirAll(filepath.Join(in.home, "logs", "alerts"), 0o755); err != nil {
				t.Fatal(err)
			}
			daemon := in.serve()
			in.until("following", func() bool { return strings.Contains(in.log(), "msg=following") })
			in.write("1")
			in.told(1)
			in.until("told and waiting", func() bool { return in.count(outbox.Delivered) == 1 && in.count(outbox.Pending) == 1 })
			if err := remove(in.state()); err != nil {
				t.Fatal(err)
			}
			in.write("2") // while nobody may have noticed
			in.told(2)
			in.until("in the outbox that others see", func() bool {
				for _, x := range in.deliveries() {
					if x.Alert == "mgr/1795440017.2" && x.State == string(outbox.Delivered) {
						return true
					}
				}
				return false
			})
			in.call("custom-notify", in.alert("3"))
			in.told(3)
			log := in.log()
			if !strings.Contains(log, "this process had it in use") || strings.Count(log, "msg=serving ") < 2 {
				t.Errorf("the log says\n%s", log)
			}
			if lost := strings.Contains(log, `msg="delivery is lost with the outbox"`); lost != (name != "the lock") {
				t.Errorf("the log names what was lost: %v\n%s", lost, log)
			}
			told := in.command(exitFail, "doctor") // there is no manager
			if got := strings.Contains(told, "was removed, and 1 delivery was lost with it. To do: the log names them") ||
				strings.Contains(told, "was replaced, and 1 delivery was lost with it. To do: the log names them"); got != (name != "the lock") {
				t.Errorf("doctor tells of what was lost: %v\n%s", got, told)
			}
			became := in.command(exitDone, "explain", "--id", "mgr/1795440017.1")
			if got := strings.Contains(became, "the delivery of this one was lost for down"); got != (name != "the lock") {
				t.Errorf("explain --id tells of what was lost: %v\n%s", got, became)
			}
			in.stop(daemon)
			if n := len(in.stand.Messages()); n != 3 {
				t.Errorf("Slack got %d messages for three alerts", n)
			}
		})
	}
}

func TestABackgroundDelivererLeavesWhenItsStateWasRemoved(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, toSlack)
	in.call("custom-notify", in.alert("1"))
	in.told(1)
	if err := removeAll(in.state()); err != nil {
		t.Fatal(err)
	}
	in.call("custom-notify", in.alert("2"))
	in.told(2)
	in.until("one deliverer, which holds the lock that there is", func() bool {
		now := in.processes("deliver")
		h, err := spool.ReadHolder(in.state())
		return len(now) == 1 && err == nil && now[0] == h.PID
	})
	in.call("custom-notify", in.alert("3"))
	in.told(3)
	in.until("told", func() bool { return in.count(outbox.Delivered) == 2 })
	if log := in.log(); !strings.Contains(log, "this process had it in use") {
		t.Errorf("the log says\n%s", log)
	}
	if n := len(in.stand.Messages()); n != 3 {
		t.Errorf("Slack got %d messages for three alerts", n)
	}
}

// A background deliverer that loses its outbox stays to write down in the next one what was lost.
func TestABackgroundDelivererRemembersWhatWasLost(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, `
receivers:
  soc: {slack: {webhook_url: "SLACK_URL"}}
  down: {webhook: {url: "http://127.0.0.1:1/x"}}
default: [soc, down]
`)
	in.call("custom-notify", in.alert("1"))
	in.told(1)
	in.until("told and waiting", func() bool { return in.count(outbox.Delivered) == 1 && in.count(outbox.Pending) == 1 })
	files, err := filepath.Glob(filepath.Join(in.state(), "outbox.db*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if err := os.Remove(f); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	in.until("doctor tells of it", func() bool {
		return strings.Contains(in.command(exitFail, "doctor"), "was removed, and 1 delivery was lost with it") // there is no manager
	})
	if became := in.command(exitFail, "explain", "--id", "mgr/1795440017.1"); !strings.Contains(became, "the delivery of this one was lost for down") {
		t.Errorf("explain --id says\n%s", became)
	}
}

// What fails while a deliverer begins, for somebody still removes the directory, is no reason not to begin anew; what else fails is.
func TestWhatFailsWhileTheStateIsRemovedBeginsAnew(t *testing.T) {
	state := t.TempDir()
	lock, err := spool.TryLock(state, "test", "1")
	if err != nil {
		t.Fatal(err)
	}
	cause := errors.New("cannot open the outbox")
	if err := unlessLost(cause, lock); !errors.Is(err, cause) || errors.Is(err, errStateLost) {
		t.Errorf("while all is there: %v", err)
	}
	if err := os.RemoveAll(state); err != nil {
		t.Fatal(err)
	}
	if err := unlessLost(cause, lock); !errors.Is(err, cause) || !errors.Is(err, errStateLost) {
		t.Errorf("after it was removed: %v", err)
	}
	if err := unlessLost(nil, lock); err != nil {
		t.Errorf("of no failure: %v", err)
	}
	if err := lock.Release(); err != nil {
		t.Error(err)
	}
}

// Whoever removes the lock alone lets a second deliverer begin while the first is at a message. It begins when the first has let go, so that
// none is told twice, and all are told.
func TestTheLockThatWasRemovedMakesNoSecondDeliverer(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"serve", "background"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			in := newInstallation(t, toSlack)
			hold := make(chan struct{})
			in.stand.Script(sandbox.Slack, sandbox.Reply{Hold: hold})
			if kind == "serve" {
				daemon := in.serve()
				defer in.stop(daemon)
			}
			for _, id := range []string{"1", "2", "3"} {
				in.call("custom-notify", in.alert(id))
			}
			in.until("the first in hand, the others entered", func() bool {
				return in.count(outbox.Delivering) == 1 && in.count(outbox.Pending) == 2 && len(in.stand.Messages()) == 1
			})
			if err := os.Remove(filepath.Join(in.state(), "lock")); err != nil {
				t.Fatal(err)
			}
			in.call("custom-notify", in.alert("4"))
			in.until("a second deliverer", func() bool { return len(in.processes("deliver")) > 0 && in.second(kind) })
			in.until("it looks at the outbox", func() bool {
				log := in.log()
				return strings.Contains(log, "another deliverer has not let go yet") || strings.Contains(log, "were in hand when the last deliverer ended")
			})
			close(hold)
			in.told(4)
			in.until("noted", func() bool { return in.count(outbox.Delivered) == 4 })
			if got := in.stand.Messages(); len(got) != 4 || strings.Contains(fmt.Sprint(got), "second copy") {
				t.Errorf("Slack got %d messages for four alerts:\n%v", len(got), got)
			}
		})
	}
}

// second reports whether the lock that there is now is of another process than the first one's, of this kind.
func (in *installation) second(kind string) bool {
	h, err := spool.ReadHolder(in.state())
	return err == nil && h.Kind == "background" && (kind == "serve" || len(in.processes("deliver")) == 2)
}

// Where the whole state directory went, or the deliverer was told to stop, no outbox is there to keep what was lost: doctor has it all the
// same, and so has the next outbox.
func TestWhatWasLostWithTheStateDirectoryIsRemembered(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"it notices", "it is told to stop"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := freeAddress(t)
			in := newInstallation(t, `
receivers:
  soc: {slack: {webhook_url: "SLACK_URL"}}
  down: {webhook: {url: "http://127.0.0.1:1/x"}}
default: [soc, down]
http: `+address+`
`)
			in.call("custom-notify", in.alert("1"))
			in.told(1)
			in.until("told and waiting", func() bool { return in.count(outbox.Delivered) == 1 && in.count(outbox.Pending) == 1 })
			deliverers := in.processes("deliver")
			if err := os.Rename(in.state(), in.state()+".gone"); err != nil { // at once, which no removal is
				t.Fatal(err)
			}
			for _, pid := range deliverers {
				if name == "it is told to stop" {
					_ = syscall.Kill(pid, syscall.SIGTERM) // it may have noticed already
				}
			}
			in.until("it has ended", func() bool { return len(in.processes("deliver")) == 0 })
			const lost = "was removed, and 1 delivery was lost with it"
			if told := in.command(exitFail, "doctor"); !strings.Contains(told, lost) {
				t.Errorf("doctor, while there is no state, says\n%s", told)
			}
			in.call("custom-notify", in.alert("2"))
			in.told(2)
			in.until("told again", func() bool { return in.count(outbox.Delivered) == 1 })
			if told := in.command(exitFail, "doctor"); strings.Count(told, lost) != 1 {
				t.Errorf("doctor, of the new state, says\n%s", told)
			}
			if became := in.command(exitFail, "explain", "--id", "mgr/1795440017.1"); !strings.Contains(became, "the delivery of this one was lost for down") {
				t.Errorf("explain --id says\n%s", became)
			}
			daemon := in.serve()
			if got := of(get(t, address, "/readyz")); !strings.HasPrefix(got, "ready\nnote: at ") || !strings.Contains(got, lost) {
				t.Errorf("/readyz says %q", got)
			}
			in.until("/readyz notes who fails", func() bool {
				return strings.Contains(of(get(t, address, "/readyz")), "\nnote: receiver down has failed since ")
			})
			if got := of(get(t, address, "/metrics")); !strings.Contains(got, "\nossec_notify_lost_deliveries 1\n") {
				t.Errorf("/metrics says\n%s", got)
			}
			if told := in.command(exitFail, "doctor"); strings.Count(told, lost) != 1 || !strings.Contains(told, "and is ready") {
				t.Errorf("doctor, of the daemon, says\n%s", told)
			}
			in.stop(daemon)
		})
	}
}

// of is the text of an answer.
func of(_ int, text string) string { return text }
