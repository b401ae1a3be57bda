package outbox_test

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/outbox"
)

var bigBacklog = flag.Int("backlog", 0, "a further backlog for BenchmarkBacklog, such as 1000000")

// BenchmarkBacklog is the cost of an alert on its way in, in batches of 500, and of its delivery, 50 at a time,
// while more and more others wait. cpu-s/10k is the process's CPU time, in user and kernel, for 10,000 alerts.
func BenchmarkBacklog(b *testing.B) {
	for _, backlog := range []int{1000, 100_000, *bigBacklog} {
		for _, kind := range []string{"ids", "hashes"} {
			if backlog == 0 || kind == "hashes" && backlog != *bigBacklog { // filling takes longer than measuring
				continue
			}
			b.Run(fmt.Sprintf("%s/%d", kind, backlog), func(b *testing.B) { benchmark(b, backlog, kind == "hashes") })
		}
	}
}

func benchmark(b *testing.B, backlog int, hashed bool) {
	db, _ := open(b, path(b), owner())
	made := 0
	batch := func(n int) []outbox.Arrival {
		out := make([]outbox.Arrival, n)
		for i := range out {
			made++
			identity := fmt.Sprintf("manager/1795440502.%d", made)
			if hashed {
				sum := sha256.Sum256([]byte(identity))
				identity = fmt.Sprintf("h-%x", sum[:8])
			}
			out[i] = alert(identity, start.Add(time.Duration(made)*time.Millisecond), "soc")
			out[i].Deliveries[0].Severity = made % 5
			out[i].Raw = make([]byte, 1300)
		}
		return out
	}
	for made < backlog {
		accept(b, db, batch(2000)...)
	}
	now := start.Add(24 * time.Hour)
	request := strings.Repeat("r", 1200)
	deliver := func() {
		taken := next(b, db, "soc", now, 50)
		results := make([]outbox.Result, len(taken))
		for i, d := range taken {
			results[i] = outbox.Result{Seq: d.Seq, State: outbox.Delivered,
				Attempt: &outbox.Attempt{Started: now, Duration: time.Second, Status: 200, Answer: "ok", Request: request}}
		}
		finish(b, db, now, results...)
	}
	b.Run("Accept/500", func(b *testing.B) {
		cpu := cpuTime()
		for b.Loop() {
			accept(b, db, batch(500)...)
		}
		report(b, cpu, 500)
	})
	b.Run("NextFinish/50", func(b *testing.B) {
		for want := made + b.N*50; made < want; {
			accept(b, db, batch(min(want-made, 2000))...)
		}
		cpu := cpuTime()
		b.ResetTimer()
		for range b.N { // not b.Loop: what is delivered has to be there before
			deliver()
		}
		report(b, cpu, 50)
	})
	b.Run("Both/500", func(b *testing.B) {
		cpu := cpuTime()
		for b.Loop() {
			accept(b, db, batch(500)...)
			for range 10 {
				deliver()
			}
		}
		report(b, cpu, 500)
	})
	b.Run("Queues", func(b *testing.B) {
		for b.Loop() {
			if _, err := db.Queues(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Find/1", func(b *testing.B) {
		for b.Loop() {
			if found := find(b, db, outbox.Filter{IDs: []string{"manager/1795440502.7>soc#1"}}); len(found) != 1 && !hashed {
				b.Fatal("not found")
			}
		}
	})
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func report(b *testing.B, since time.Duration, alerts int) {
	n := float64(b.N * alerts)
	b.ReportMetric((cpuTime()-since).Seconds()/n*10_000, "cpu-s/10k")
	b.ReportMetric(n/b.Elapsed().Seconds(), "alerts/s")
}
