package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/sandbox"
	"github.com/ossec-notify/ossec-notify/spool"
)

// What is in hand when a deliverer is killed comes twice, and nothing else does: one message of a receiver that hears
// in order; of one with concurrency 8, the batch that dispatch delivers and the one that it has taken ahead, of 128 at
// most each.
const (
	inHandInOrder = 1
	inHandOf8     = 256
)

// TestFaultKilledAtAnyMomentLosesNothing kills calls, background deliverers and daemons with a follower while alerts
// come in by both ways and go out to two receivers. Every alert whose call returned arrives at each of them, and so
// does every line of the manager's log; the alert of a call that was killed arrives if it was stored.
func TestFaultKilledAtAnyMomentLosesNothing(t *testing.T) {
	bothWays(t, func(t *testing.T, w way) {
		heard, opt := newEar()
		in := newInstallationWith(t, strings.Join([]string{
			"receivers:",
			"  soc: {slack: {webhook_url: SLACK_URL}, rate: 5000/s}",
			"  hook: {webhook: {url: WEBHOOK_URL}}",
			"default: [soc, hook]", "time_zone: UTC", "follow: [logs/alerts/" + w.log + "]", "",
		}, "\n"), opt)
		const (
			calls = 8 // in each round
			lines = 2
		)
		rounds := atLength(6, 300)
		var stored, all []story // those that must arrive; those that may
		kills := map[string]int{}
		name := 0
		next := func() story {
			name++
			return low(fmt.Sprint(name))
		}
		follow := func() {
			for range lines {
				s := next()
				in.logged(w, s)
				stored, all = append(stored, s), append(all, s)
			}
		}

		// A follower begins at the end of the file, so the first daemon must have seen it.
		in.logged(w, next())
		daemon := in.serve()
		in.until("following", func() bool { return strings.Contains(in.log(), "msg=following") })
		follow()
		in.until("the follower's alerts told", func() bool { return len(heard.missing(sandbox.Slack, stored)) == 0 })

		for round := range rounds {
			background := round%2 == 0
			if background && daemon != nil {
				killDaemon(t, daemon) // this one with little in hand
				daemon = nil
				kills["serve"]++
			}
			if !background && daemon == nil {
				daemon = in.serve()
			}
			follow()
			both := next() // told by the manager's log and by a call: once
			in.logged(w, both)
			stored, all = append(stored, both), append(all, both)

			var done atomic.Int32
			fed := make(chan error, 1)
			stories := []story{both}
			for range calls - 1 {
				stories = append(stories, next())
			}
			shot := 1 + rand.IntN(calls-1) // the call that is killed
			go func() {
				var err error
				var usual time.Duration // of a call
				for i, s := range stories {
					start := time.Now()
					if i == shot {
						err = in.killedCall(w, s, rand.N(2*usual))
					} else {
						err = in.tryCall(w, s)
						usual = time.Since(start)
					}
					if err != nil {
						break
					}
					done.Add(1)
				}
				fed <- err
			}()
			kills["door"]++
			for i, s := range stories[1:] {
				all = append(all, s)
				if i+1 != shot {
					stored = append(stored, s)
				}
			}
			// Somewhere among the calls, and at any moment of what the deliverer does then.
			at := 1 + rand.Int32N(calls)
			in.until("some calls were made", func() bool { return done.Load() >= at || len(fed) > 0 })
			wait(rand.N(10 * time.Millisecond))
			if background {
				in.until("a background deliverer killed", func() bool { return in.killHolder("background") })
				kills["background"]++
			} else {
				killDaemon(t, daemon)
				daemon = nil
				kills["serve"]++
			}
			if err := <-fed; err != nil {
				t.Fatalf("%v; the log ends:\n%s", err, tail20(in.log()))
			}
		}

		if daemon == nil {
			daemon = in.serve()
		}
		for _, service := range []sandbox.Service{sandbox.Slack, sandbox.Webhook} {
			in.until(fmt.Sprintf("all told to %s", service), func() bool { return len(heard.missing(service, stored)) == 0 })
		}
		in.until("nothing waits", func() bool {
			for _, x := range in.deliveries() {
				if x.State != "delivered" {
					return false
				}
			}
			return true
		})
		in.stop(daemon)
		for _, dir := range []string{"new", "bad"} {
			if left, err := os.ReadDir(filepath.Join(in.state(), "spool", dir)); err != nil || len(left) > 0 {
				t.Errorf("spool/%s holds %v (%v), want nothing", dir, left, err)
			}
		}
		deliverers := kills["background"] + kills["serve"]
		for service, inHand := range map[sandbox.Service]int{sandbox.Slack: inHandInOrder, sandbox.Webhook: inHandOf8} {
			messages, different := heard.messages(service)
			if different < len(stored) || different > len(all) {
				t.Errorf("%s heard %d stories, want from %d to %d", service, different, len(stored), len(all))
			}
			if repeats := messages - different; repeats > inHand*deliverers {
				t.Errorf("%s heard %d repeats after %d kills, want at most %d", service, repeats, deliverers, inHand*deliverers)
			}
			t.Logf("%s: %d messages about %d of %d alerts, %d repeats", service, messages, different, len(all), messages-different)
		}
		t.Logf("kills: %v", kills)
	})
}

// killedCall makes a call and kills it after some time, unless it has ended by then.
func (in *installation) killedCall(w way, s story, after time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd, _, err := in.newCall(ctx, w, s)
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	wait(after)
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // killed, or done before
	return nil     // the alert file stays, as it does when integratord goes on after a call that crashed
}

func killDaemon(t *testing.T, daemon *exec.Cmd) {
	t.Helper()
	if err := daemon.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = daemon.Wait() // it says that it was killed
}

// wait chooses the moment of a fault. Nothing relies on it.
func wait(d time.Duration) { <-time.After(d) }

// TestFaultManyCallsAtOnceStartOneDeliverer makes calls at the same moment where there is no deliverer.
func TestFaultManyCallsAtOnceStartOneDeliverer(t *testing.T) {
	bothWays(t, func(t *testing.T, w way) {
		for range atLength(1, 20) {
			heard, opt := newEar()
			in := newInstallationWith(t, strings.Replace(toSlack, "100/s", "5000/s", 1), opt)
			var stories []story
			for i := range 16 {
				stories = append(stories, low(fmt.Sprint(i)))
			}
			failed := make(chan error, len(stories))
			for _, s := range stories {
				go func() { failed <- in.tryCall(w, s) }()
			}
			most := 0
			for range stories {
				if err := <-failed; err != nil {
					t.Fatal(err)
				}
				most = max(most, len(in.processes("deliver")))
			}
			in.until("all told", func() bool {
				most = max(most, len(in.processes("deliver")))
				return len(heard.missing(sandbox.Slack, stories)) == 0
			})
			// Another call finds the one that there is.
			more := low("99")
			in.callFor(w, more)
			in.until("the last told", func() bool { return len(heard.missing(sandbox.Slack, []story{more})) == 0 })
			if pids := in.processes("deliver"); most > 1 || len(pids) != 1 {
				t.Errorf("%d deliverers at a time, and now %v; want one", most, pids)
			}
			if n := heard.repeats(sandbox.Slack); n != 0 {
				t.Errorf("%d repeats", n)
			}
			in.killDeliverer(syscall.SIGTERM)
		}
	})
}

// TestFaultSecondDelivererGivesWay starts deliverers and daemons two at a time.
func TestFaultSecondDelivererGivesWay(t *testing.T) {
	bothWays(t, func(t *testing.T, w way) {
		for range atLength(1, 10) {
			heard, opt := newEar()
			in := newInstallationWith(t, strings.Replace(toSlack, "100/s", "5000/s", 1), opt)
			if err := spool.Prepare(in.state()); err != nil {
				t.Fatal(err)
			}
			for _, args := range [][]string{
				{"deliver", "--home", in.home, "--state", in.state()},
				{"serve", "--home", in.home},
			} {
				// Both at once, each with a lock file that it has opened itself.
				ended := make(chan error, 2)
				var both []*exec.Cmd
				for range 2 {
					cmd := exec.Command("ossec-notify", args...)
					cmd.Env = append(os.Environ(), "TZ=UTC", "GORACE="+quickExit)
					lock, err := os.OpenFile(filepath.Join(in.state(), "lock"), os.O_RDWR|os.O_CREATE, 0o600)
					if err != nil {
						t.Fatal(err)
					}
					cmd.ExtraFiles = []*os.File{lock} // becomes spool.LockFD
					if err := cmd.Start(); err != nil {
						t.Fatal(err)
					}
					if err := lock.Close(); err != nil {
						t.Fatal(err)
					}
					both = append(both, cmd)
					go func() { ended <- cmd.Wait() }()
				}
				first := <-ended // and the other goes on
				if first == nil {
					t.Errorf("the second %s ends well, want an error", args[0])
				}
				at, _ := heard.messages(sandbox.Slack)
				var stories []story
				for i := range 5 {
					stories = append(stories, low(fmt.Sprint(at+i)))
				}
				in.callFor(w, stories...)
				in.until("all told", func() bool { return len(heard.missing(sandbox.Slack, stories)) == 0 })
				if pids := in.processes(args[0]); len(pids) != 1 {
					t.Errorf("%v are running as %s, want one process", pids, args[0])
				}
				if args[0] == "serve" { // a deliverer leaves when serve asks it to
					for _, cmd := range both {
						_ = cmd.Process.Signal(syscall.SIGTERM)
					}
					if err := <-ended; err != nil {
						t.Errorf("the daemon that went on: %v", err)
					}
				} else {
					go func() { <-ended }()
				}
			}
			if n := heard.repeats(sandbox.Slack); n != 0 {
				t.Errorf("%d repeats", n)
			}
		}
	})
}

// TestFaultAskedToLeaveIsNoFailureToStart asks background deliverers to leave while they start, as serve does. A door
// starts none for a while after one that failed to start; this is none of these.
func TestFaultAskedToLeaveIsNoFailureToStart(t *testing.T) {
	bothWays(t, func(t *testing.T, w way) {
		in := newInstallation(t, toSlack)
		for i := range atLength(40, 1000) {
			in.callFor(w, low(fmt.Sprint(i)))
			wait(rand.N(15 * time.Millisecond))
			in.killDeliverer(syscall.SIGTERM)
			if spool.FailedLately(in.state(), time.Now()) {
				t.Fatalf("the deliverer that was asked to leave says that it failed; the log ends:\n%s", tail20(in.log()))
			}
		}
	})
}

// TestFaultServeTakesOverFromOneThatWaits starts the daemon while the background deliverer waits for an answer that
// does not come. The message may have arrived, so it is told again.
func TestFaultServeTakesOverFromOneThatWaits(t *testing.T) {
	bothWays(t, func(t *testing.T, w way) {
		heard, opt := newEar()
		in := newInstallationWith(t, strings.Replace(toSlack, "100/s", "100/s, timeout: 10m", 1), opt)
		in.stand.Script(sandbox.Slack, sandbox.Reply{Hold: make(chan struct{})})
		stories := []story{low("0"), low("1")}
		in.callFor(w, stories[0])
		in.until("an attempt in hand", func() bool { m, _ := heard.messages(sandbox.Slack); return m == 1 })
		daemon := in.serve()
		in.callFor(w, stories[1])
		in.until("all told", func() bool { return len(heard.missing(sandbox.Slack, stories)) == 0 })
		in.stop(daemon)
		if n := heard.repeats(sandbox.Slack); n != 1 {
			t.Errorf("%d repeats, want the one that was in hand", n)
		}
	})
}
