package outbox_test

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/outbox"
)

var killRounds = flag.Int("kill-rounds", 20, "how often a process is killed in TestKilledOwnersLoseNothing")

// childEnv makes the test binary play another process.
const childEnv = "OUTBOX_TEST_CHILD"

func TestMain(m *testing.M) {
	role := os.Getenv(childEnv)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := play(role, os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, role+":", err)
		os.Exit(1)
	}
}

// play is a process that ends when its standard input does, or that is killed.
func play(role, path, arg string) error {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	opt := owner()
	opt.Owner = role != "retry"
	db, _, err := outbox.Open(ctx, path, opt)
	if err != nil {
		return err
	}
	defer db.Close()
	for i := 0; ctx.Err() == nil; i++ {
		switch role {
		case "accept and deliver":
			err = acceptSome(ctx, db, fmt.Sprintf("%s-%d", arg, i))
			if err == nil {
				err = deliverSome(ctx, db)
			}
		case "deliver":
			err = deliverSome(ctx, db)
		case "retry":
			var n int
			if n, err = db.Retry(ctx, outbox.Filter{}, start); n > 0 {
				fmt.Println("retried", n)
			}
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

// acceptSome tells on standard output what was accepted, once it was.
func acceptSome(ctx context.Context, db *outbox.DB, prefix string) error {
	var batch []outbox.Arrival
	for i := range 5 {
		batch = append(batch, alert(fmt.Sprintf("%s-%d", prefix, i), start, "soc", "siem"))
	}
	if _, err := db.Accept(ctx, batch, nil); err != nil {
		return err
	}
	for _, a := range batch {
		fmt.Println("accepted", a.Identity)
	}
	return nil
}

// deliverSome tells what it sends before it records that it has, and then that it was recorded.
func deliverSome(ctx context.Context, db *outbox.DB) error {
	for _, receiver := range []string{"soc", "siem"} {
		taken, err := db.Next(ctx, receiver, start, 3)
		if err != nil {
			return err
		}
		var results []outbox.Result
		for _, d := range taken {
			fmt.Println("sent", d.ID)
			results = append(results, outbox.Result{Seq: d.Seq, State: outbox.Delivered, Attempt: &outbox.Attempt{Status: 200}})
		}
		if err := db.Finish(ctx, start, results); err != nil {
			return err
		}
		for _, d := range taken {
			fmt.Println("finished", d.ID)
		}
	}
	return nil
}

// child starts the test binary in a role. Its standard output is read line by line.
func child(t *testing.T, role, path, arg string) (cmd *exec.Cmd, lines *bufio.Scanner, stop func()) {
	t.Helper()
	cmd = exec.Command(os.Args[0], path, arg)
	cmd.Env = append(os.Environ(), childEnv+"="+role)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() {
		_ = stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v", role, err)
		}
	}
	return cmd, bufio.NewScanner(stdout), stop
}

func TestKilledOwnersLoseNothing(t *testing.T) {
	p := path(t)
	first, _ := open(t, p, owner()) // so that there is something to open after an early kill
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	accepted, finished := map[string]bool{}, map[string]bool{}
	sent, mayRepeat := map[string]int{}, map[string]int{}
	for round := range *killRounds {
		cmd, lines, _ := child(t, "accept and deliver", p, fmt.Sprint("r", round))
		after := 1 + rand.IntN(60)
		for n := 0; lines.Scan(); n++ {
			if n == after {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			verb, what, _ := strings.Cut(lines.Text(), " ")
			switch verb { // also what it had written before it died
			case "accepted":
				accepted[what] = true
			case "sent":
				sent[what]++
			case "finished":
				finished[what] = true
			}
		}
		_ = cmd.Wait()

		other, _ := open(t, p, outbox.Options{})
		inFlight := find(t, other, outbox.Filter{States: []outbox.State{outbox.Delivering}})
		if err := other.Close(); err != nil {
			t.Fatal(err)
		}
		for _, d := range inFlight {
			mayRepeat[d.ID]++
		}
		db, report := open(t, p, owner())
		equal(t, report, outbox.Report{Recovered: len(inFlight)})
		all := map[string]outbox.Delivery{}
		for _, d := range find(t, db, outbox.Filter{}) {
			all[d.ID] = d
		}
		for identity := range accepted {
			for _, receiver := range []string{"soc", "siem"} {
				if _, ok := all[deliveryID(identity, receiver, 1)]; !ok {
					t.Errorf("round %d: %s was accepted, and is not there for %s", round, identity, receiver)
				}
			}
		}
		for id := range finished {
			if s := all[id].State; s != outbox.Delivered {
				t.Errorf("round %d: %s was delivered, and is %q", round, id, s)
			}
		}
		for id := range mayRepeat {
			if d := all[id]; d.State == outbox.Pending && !d.Ambiguous {
				t.Errorf("round %d: %s was being delivered, and is not ambiguous", round, id)
			}
		}
		for id, n := range sent {
			if n > 1+mayRepeat[id] {
				t.Errorf("round %d: %s was sent %d times and found in flight %d times", round, id, n, mayRepeat[id])
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(accepted) == 0 || len(sent) == 0 || len(mayRepeat) == 0 && *killRounds >= 20 {
		t.Errorf("the rounds did nothing: %d accepted, %d sent, %d in flight", len(accepted), len(sent), len(mayRepeat))
	}
}

func TestOthersReadWhileTheOwnerWrites(t *testing.T) {
	p := path(t)
	own, _ := open(t, p, owner())
	if err := own.Close(); err != nil {
		t.Fatal(err)
	}
	_, lines, stop := child(t, "accept and deliver", p, "w")
	lines.Scan()
	go func() {
		for lines.Scan() {
		}
	}()
	db, _ := open(t, p, outbox.Options{})
	for last, reads := 0, 0; reads < 20; reads++ {
		// One snapshot: the deliveries come in tens, and none is lost between two reads.
		n := len(find(t, db, outbox.Filter{}))
		if n%10 != 0 || n < last {
			t.Fatalf("read %d deliveries after %d", n, last)
		}
		last = n
	}
	stop()
}

func TestAnotherProcessRetriesWhileTheOwnerRuns(t *testing.T) {
	p := path(t)
	db, _ := open(t, p, owner())
	_, lines, stop := child(t, "retry", p, "")
	for i := range 20 {
		accept(t, db, alert(fmt.Sprint(i), start, "soc"))
		for _, d := range next(t, db, "soc", start, 10) {
			finish(t, db, start, outbox.Result{Seq: d.Seq, State: outbox.Dead, Reason: "status 400"})
		}
	}
	watch, err := db.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Close()
	for len(find(t, db, outbox.Filter{States: []outbox.State{outbox.Dead}})) > 0 {
		if err := watch.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, len(find(t, db, outbox.Filter{States: []outbox.State{outbox.Pending}})), 20)
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), "retried ") {
		t.Errorf("got %q", lines.Text())
	}
	go func() {
		for lines.Scan() {
		}
	}()
	stop()
}

func TestAWatchSeesWhatAnotherProcessDelivers(t *testing.T) {
	p := path(t)
	own, _ := open(t, p, owner())
	accept(t, own, alert("a", start, "soc", "siem"))
	if err := own.Close(); err != nil {
		t.Fatal(err)
	}
	db, _ := open(t, p, outbox.Options{})
	watch, err := db.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Close()
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, io.ErrNoProgress)
	defer cancel()
	if err := watch.Next(ctx); !errors.Is(err, io.ErrNoProgress) && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want an error: nothing has changed", err)
	}
	_, lines, stop := child(t, "deliver", p, "")
	for len(find(t, db, outbox.Filter{States: []outbox.State{outbox.Delivered}})) < 2 {
		if err := watch.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	go func() {
		for lines.Scan() {
		}
	}()
	stop()
}
