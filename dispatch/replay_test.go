package dispatch

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
)

var seeds = flag.Int("seeds", 1, "how many random streams each config of TestReplayIsWhatADelivererDoes is played")

// happening is an alert of a stream, and how long after the one before it comes.
type happening struct {
	after time.Duration
	raw   string
}

// stream is what happens at random on a few machines: quiet hours, bursts, incidents that end, the same alert twice.
func stream(rnd *rand.Rand, n int) []happening {
	var out []happening
	for i := range n {
		after := time.Duration(1+rnd.IntN(20_000)) * time.Millisecond
		switch rnd.IntN(20) {
		case 0:
			after = time.Duration(1+rnd.IntN(1500)) * time.Second
		case 1, 2, 3:
			after = time.Duration(1+rnd.IntN(240)) * time.Second
		case 4, 5, 6, 7:
			after = time.Duration(1+rnd.IntN(800)) * time.Millisecond
		}
		rule := []int{5710, 5710, 5712, 503, 504, 100, 31101, 550}[rnd.IntN(8)]
		level := map[int]int{5710: 5, 5712: 10, 503: 3, 504: 7, 100: 12, 31101: 6, 550: 7}[rule]
		if rnd.IntN(30) == 0 {
			level = 13
		}
		raw := fmt.Sprintf(`{"rule":{"level":%d,"description":"d","id":"%d","groups":["sshd"]},"agent":{"id":"001","name":"web-%d"},"manager":{"name":"m"},"id":"%d.1","full_log":"x","location":"/l","data":{"srcip":"192.0.2.%d"}}`,
			level, rule, rnd.IntN(3), 1000+i, rnd.IntN(3))
		if i > 0 && rnd.IntN(25) == 0 {
			raw = out[rnd.IntN(len(out))].raw
		}
		out = append(out, happening{after, raw})
	}
	return out
}

// message is one that a receiver got.
type message struct {
	Receiver string
	Action   notifier.Action
	Identity string
}

func (m message) String() string { return fmt.Sprintf("%s %s %s", m.Receiver, m.Action, m.Identity) }

// replayConfigs are what streams are played by, with the receivers under always and those with limits.
var replayConfigs = map[string]string{
	"direct": `
routes:
  - {name: high, match: {level: 10}, to: [slack-1, email-1]}
  - {name: low, match: {level: 7}, to: [hook-1], continue: true}
`,
	"dedup": `
routes:
  - {name: all, to: [slack-1, email-1], dedup: {by: [rule, agent, srcip], for: 5m, growing: true}, continue: true}
  - {name: again, match: {level: 7}, to: [hook-1], dedup: 20m}
`,
	"resolve and escalate": `
routes:
  - {name: agents, match: {rule: 504}, to: [slack-1], resolve: {opens: {rule: 504}, closes: {rule: 503}, by: [agent]}, dedup: 10m, escalate: [{to: pagerduty-1}, {after: 7m, to: [email-1, hook-1]}, {after: 30m, to: slack-2}]}
  - {name: rest, match: {level: 6}, to: [email-1]}
`,
	"groups": `
routes:
  - {name: grouped, match: {level: 6}, to: [slack-1, email-1], group_by: [rule], group_wait: 30s, group_interval: 5m, repeat_interval: 1h, resolve: {opens: {rule: 504}, closes: {rule: 503}, by: [agent]}, escalate: [{to: pagerduty-1}, {after: 15m, to: hook-1}]}
  - {name: low, to: [slack-2], digest: 1h}
`,
	"throttles and windows": `
windows:
  office: {days: all, from: "08:00", to: "18:00"}
  night: {days: all, from: "22:00", to: "06:00"}
inhibit:
  - {name: down, source: {rule: 504}, target: {level: "<8"}, equal: [agent], for: 15m}
routes:
  - {name: held, match: {rule: 5710}, to: [slack-1, email-1], active: office, dedup: 10m, continue: true}
  - {name: slow, match: {level: 6}, to: [slack-2, pagerduty-1], throttle: 4/h, continue: true}
  - {name: other, match: {level: 10}, to: [hook-1], active: night, outside: {to: [email-1]}}
`,
}

// replayed says what a config makes of a stream: with a deliverer, or replayed.
func replayed(t *testing.T, config string, happenings []happening, limits func(*Dispatcher), how func(b *bench, names []string) map[message][]time.Time) map[message][]time.Time {
	var out map[message][]time.Time
	synctest.Test(t, func(t *testing.T) {
		receivers := map[string]*listener{"slack-1": {amends: true}, "slack-2": {amends: true}, "email-1": {}, "hook-1": {}, "pagerduty-1": {}, "splunk-1": {}}
		b := quietBench(t, config, receivers)
		b.site.d.Table.Always = []string{"splunk-1"}
		if limits != nil {
			limits(b.site.d)
		}
		out = how(b, slices.Sorted(maps.Keys(receivers)))
	})
	return out
}

// runLive plays a stream to a deliverer, until nothing waits any more.
func runLive(happenings []happening) func(b *bench, names []string) map[message][]time.Time {
	return func(b *bench, names []string) map[message][]time.Time {
		b.start()
		for _, h := range happenings {
			b.wait(h.after)
			a := alert.Parse([]byte(h.raw), alert.Options{Received: time.Now()})
			b.queue.put(Arrival{Alert: a, Header: []byte(`""`), Deliveries: b.site.d.Plan(a)})
		}
		synctest.Wait()
		for waits := true; waits; {
			var err error
			if waits, err = b.deliverer.control().Waits(context.Background(), b.box); err != nil {
				b.t.Error(err)
			}
			for _, name := range names {
				for state, n := range b.states(name) {
					waits = waits || n > 0 && state.Open()
				}
			}
			if waits {
				b.wait(time.Hour)
			}
		}
		if err := b.stop(); err != nil {
			b.t.Error(err)
		}
		out := map[message][]time.Time{}
		for _, name := range names {
			s := b.site.d.Receivers[name].Notifier.(*listener)
			for i, n := range s.got {
				m := message{name, n.Action, n.Alert}
				out[m] = append(out[m], s.at[i])
			}
		}
		return out
	}
}

// runReplay replays a stream that begins now.
func runReplay(happenings []happening, thorough bool, counts map[string]int) func(b *bench, names []string) map[message][]time.Time {
	return func(b *bench, _ []string) map[message][]time.Time {
		r := &Replay{Box: scratch(b.t), Site: b.site, Log: slog.New(slog.DiscardHandler), Thorough: thorough}
		out := map[message][]time.Time{}
		r.Told = func(x Told) error {
			m := message{x.Receiver, x.Action, x.Identity}
			out[m] = append(out[m], x.At)
			return nil
		}
		at := time.Now()
		err := r.Run(context.Background(), func(yield func(Past) bool) {
			for _, h := range happenings {
				at = at.Add(h.after)
				a := alert.Parse([]byte(h.raw), alert.Options{Received: at})
				if !yield(Past{at, Arrival{Alert: a, Header: []byte(`""`), Deliveries: b.site.d.PlanAt(a, at)}}) {
					return
				}
			}
		})
		if err != nil {
			b.t.Error(err)
		}
		if counts != nil {
			counts["alerts"], counts["entered"] = len(happenings), r.entered
		}
		return out
	}
}

func scratch(t testing.TB) *outbox.DB {
	t.Helper()
	box, _, err := outbox.Open(context.Background(), filepath.Join(t.TempDir(), "scratch.db"), outbox.Options{Owner: true, DeliveryID: DeliveryID, Scratch: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Close() })
	return box
}

// sameMessages compares what receivers got: the same messages, at the same times but for the two seconds after which a deliverer
// looks what is due.
func sameMessages(t *testing.T, got, want map[message][]time.Time) {
	t.Helper()
	counts := func(all map[message][]time.Time) map[string]int {
		out := map[string]int{}
		for m, at := range all {
			out[m.String()] = len(at)
		}
		return out
	}
	if diff := cmp.Diff(counts(got), counts(want)); diff != "" {
		t.Fatalf("messages (-replayed +delivered):\n%s", diff)
	}
	for m, at := range want {
		for i, w := range at {
			if off := w.Sub(got[m][i]); off < 0 || off > lookEvery {
				t.Errorf("%s: replayed at %s, delivered at %s", m, got[m][i], w)
			}
		}
	}
}

// A replay says what a deliverer would have delivered, and when; whether all goes through the outbox or what need not does not.
func TestReplayIsWhatADelivererDoes(t *testing.T) {
	limits := map[string]func(*Dispatcher){
		"": nil,
		"storms": func(d *Dispatcher) {
			for _, name := range []string{"slack-1", "email-1"} {
				d.Receivers[name].Rate, d.Receivers[name].StormAfter = Rate{Count: 12, Per: time.Hour, Burst: 1}, 20*time.Minute
			}
		},
		"receivers with limits": func(d *Dispatcher) {
			d.Receivers["slack-1"].Rate, d.Receivers["slack-1"].StormAfter = Rate{Count: 1, Per: time.Second, Burst: 4}, DefaultStormAfter
			d.Receivers["slack-2"].Rate = Rate{Count: 20, Per: time.Hour, Burst: 2}
			d.Receivers["email-1"].Throttle = &rules.Throttle{Count: 10, Per: time.Hour, Burst: 3}
		},
	}
	for name, config := range replayConfigs {
		for with, limit := range limits {
			// A deliverer sees within two seconds that a step of an escalation is due; what it makes of a storm that this begins
			// is told as much later each time.
			if with == "storms" && strings.Contains(config, "escalate") {
				continue
			}
			t.Run(strings.TrimSuffix(name+", "+with, ", "), func(t *testing.T) {
				for seed := range uint64(*seeds) {
					happenings := stream(rand.New(rand.NewPCG(seed, 1)), 80)
					want := replayed(t, config, happenings, limit, runLive(happenings))
					counts := map[string]int{}
					sameMessages(t, replayed(t, config, happenings, limit, runReplay(happenings, true, nil)), want)
					sameMessages(t, replayed(t, config, happenings, limit, runReplay(happenings, false, counts)), want)
					if t.Failed() {
						t.Fatalf("seed %d", seed)
					}
					t.Logf("%d messages, %v", len(want), counts)
				}
			})
		}
	}
}
