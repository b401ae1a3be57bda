package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/sandbox"
)

// maxMemory is what a daemon may take in a burst, in KiB: 150 MB. The race detector takes several times that.
const maxMemory = 150 << 10

// TestFaultBurst writes thousands of alerts into the manager's log while Slack hears one a second. They come into the
// outbox at once; calls do not wait for them, nor does what is critical; and the daemon's memory stays bounded.
func TestFaultBurst(t *testing.T) {
	bothWays(t, func(t *testing.T, w way) {
		heard, opt := newEar()
		in := newInstallationWith(t, "", opt)
		address := freeAddress(t)
		// Without a rate: Slack's own holds, one message a second after the first four. All wait: the storm brake has its own test.
		in.configure("receivers: {soc: {slack: {webhook_url: SLACK_URL}, storm_after: off}}\ndefault: [soc]\ntime_zone: UTC\n" +
			"follow: [logs/alerts/" + w.log + "]\nhttp: " + address + "\n")
		in.logged(w, low("0")) // before anybody looks: not told
		begin := time.Now()
		daemon := in.serve()
		in.until("following", func() bool { return strings.Contains(in.log(), "msg=following") })

		n := atLength(2000, 10000)
		stories := make([]story, n)
		for i := range stories {
			stories[i] = low(fmt.Sprint(i + 1))
		}
		start := time.Now()
		in.logged(w, stories...)
		var calls []time.Duration
		call := func(s story) {
			at := time.Now()
			in.callFor(w, s)
			calls = append(calls, time.Since(at))
		}
		entered := func() int {
			_, metrics := get(t, address, "/metrics")
			return metric(t, metrics, "ossec_notify_deliveries{")
		}
		called := 0
		in.until("all in the outbox", func() bool {
			if called < 20 {
				call(low(fmt.Sprint(n + 1 + called)))
				called++
			}
			return entered() >= n+called
		})
		inOutbox := time.Since(start)

		before, _ := heard.messages(sandbox.Slack)
		if waiting := n + called - before; waiting < n/2 {
			t.Fatalf("only %d wait: Slack heard %d, too fast for this test", waiting, before)
		}
		critical := story{fmt.Sprint(n + 1000), 15}
		call(critical)
		in.until("the critical alert told", func() bool { return len(heard.missing(sandbox.Slack, []story{critical})) == 0 })
		heard.mu.Lock()
		place := slices.Index(heard.heard[sandbox.Slack], critical.name)
		heard.mu.Unlock()
		if overtaken := place - before; overtaken > 10 {
			t.Errorf("%d others were told before the critical alert", overtaken)
		}

		more := atLength(3, 30)
		in.until("the others told on", func() bool { m, _ := heard.messages(sandbox.Slack); return m > place+more })
		messages, _ := heard.messages(sandbox.Slack)
		if most := int(time.Since(begin).Seconds()) + 5; messages > most {
			t.Errorf("Slack heard %d messages in %s, at most %d are allowed", messages, time.Since(begin), most)
		}
		if n := heard.repeats(sandbox.Slack); n != 0 {
			t.Errorf("%d repeats", n)
		}
		slices.Sort(calls)
		if median := calls[len(calls)/2]; median > 2*time.Second {
			t.Errorf("a call takes %s: it waits for something", median)
		}
		memory := highWater(t, daemon.Process.Pid)
		if memory > maxMemory && !raceDetector() {
			t.Errorf("the daemon took %d KiB, at most %d are allowed", memory, maxMemory)
		}
		t.Logf("%d alerts in the outbox after %s; %d calls meanwhile, the median %s, the longest %s; the critical one overtook %d, behind %d others; VmHWM %d KiB",
			n, inOutbox.Round(time.Millisecond), len(calls), calls[len(calls)/2].Round(time.Microsecond), calls[len(calls)-1].Round(time.Microsecond),
			n+called-before, place-before, memory)
		in.stop(daemon)
	})
}

// metric is the sum of a metric over its labels.
func metric(t *testing.T, metrics, name string) int {
	t.Helper()
	sum := 0.0
	for line := range strings.Lines(metrics) {
		if !strings.HasPrefix(line, name) {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndex(line, " ")+1:]), 64)
		if err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		sum += v
	}
	return int(sum)
}

// highWater is the most memory that a process had so far, in KiB; see proc_pid_status(5).
func highWater(t *testing.T, pid int) int {
	t.Helper()
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skipf("no word on memory here: %v", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if v, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			n, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(v, "kB")))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("no VmHWM: %v", lines.Err())
	return 0
}

func raceDetector() bool {
	info, _ := debug.ReadBuildInfo()
	return info != nil && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}
