package backtest

import (
	"iter"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
)

// BenchmarkRun is what a backtest costs for each alert that somebody may want, once it is parsed: past the outbox, and through
// noise control. us/alert is the time, in microseconds.
func BenchmarkRun(b *testing.B) {
	for name, config := range map[string]string{
		"direct": `routes: [{name: ssh, to: [hook]}]`,
		"dedup":  `routes: [{name: ssh, to: [hook], dedup: {by: [rule, agent], for: 1h}}]`,
		"digest": `routes: [{name: ssh, to: [hook], digest: 1h}]`,
		"group":  `routes: [{name: ssh, to: [hook], group_by: [rule, agent], group_wait: 30s}]`,
		"slack":  `routes: [{name: ssh, to: [soc]}]`,
	} {
		b.Run(name, func(b *testing.B) {
			const n = 2000
			var alerts []*alert.Alert
			for a := range alertsOf(happened(1, n)) {
				alerts = append(alerts, a)
			}
			var past iter.Seq2[*alert.Alert, error] = func(yield func(*alert.Alert, error) bool) {
				for _, a := range alerts {
					if !yield(a, nil) {
						return
					}
				}
			}
			dir, d := b.TempDir(), configure(b, config)
			d.Table.Always, d.Table.Default = nil, nil
			b.ResetTimer()
			for range b.N {
				s := Options{Now: Config{Dispatcher: d}, Zone: time.UTC, Scratch: dir}
				if r, err := Run(b.Context(), past, s); err != nil || r.Now.Messages == 0 {
					b.Fatal(err, r)
				}
			}
			b.ReportMetric(b.Elapsed().Seconds()*1e6/float64(b.N*len(alerts)), "us/alert")
		})
	}
}
