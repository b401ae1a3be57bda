package backtest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/window"
)

// deaf is a notifier that must never be asked to send.
type deaf struct{ t testing.TB }

func (d deaf) Notify(context.Context, notifier.Notification) (notifier.Receipt, error) {
	d.t.Error("a backtest sends")
	return notifier.Receipt{}, nil
}

// bot shows what came later in messages that were sent.
type bot struct{ deaf }

func (bot) Follows(a notifier.Action) bool { return a.Known() }

// configure makes a dispatcher of routes, with a Slack bot, a webhook of Slack's with its rate, a pager, mail with a throttle, and
// an archive that hears of everything.
func configure(t testing.TB, config string) *dispatch.Dispatcher {
	t.Helper()
	var doc struct{ Windows, Inhibit, Routes yaml.Node }
	if err := yaml.Unmarshal([]byte(config), &doc); err != nil {
		t.Fatal(err)
	}
	windows := map[string]*window.Window{}
	for i := 0; i+1 < len(doc.Windows.Content); i += 2 {
		name := doc.Windows.Content[i].Value
		windows[name] = window.Parse(doc.Windows.Content[i+1], name, time.UTC, func(_ *yaml.Node, m string) { t.Fatal(m) })
	}
	d := &dispatch.Dispatcher{Table: &rules.Table{Always: []string{"siem"}, Default: []string{"mail"}}, Scale: alert.DefaultScale, Zone: time.UTC, Log: slog.New(slog.DiscardHandler),
		Receivers: map[string]*dispatch.Receiver{}}
	routes, problems := rules.ParseRoutes(&doc.Routes, d.Scale, windows)
	d.Table.Routes = routes
	if doc.Inhibit.Kind != 0 {
		inhibit, more := rules.ParseInhibits(&doc.Inhibit, d.Scale)
		d.Table.Inhibit, problems = inhibit, append(problems, more...)
	}
	for _, p := range problems {
		if !p.Warning {
			t.Fatal(p)
		}
	}
	for _, r := range []dispatch.Receiver{
		{Name: "soc", Channel: "slack", Notifier: bot{deaf{t}}, Place: "#soc", Rate: dispatch.Rate{Count: 1, Per: time.Second, Burst: 4}, StormAfter: dispatch.DefaultStormAfter},
		{Name: "low", Channel: "slack", Notifier: deaf{t}, Rate: dispatch.Rate{Count: 20, Per: time.Minute, Burst: 2}, StormAfter: time.Minute},
		{Name: "oncall", Channel: "pagerduty", Notifier: deaf{t}, Rate: dispatch.Rate{Count: 120, Per: time.Minute, Burst: 20}},
		{Name: "mail", Channel: "email", Notifier: deaf{t}, Throttle: &rules.Throttle{Count: 20, Per: time.Hour, Burst: 5}},
		{Name: "hook", Channel: "webhook", Notifier: deaf{t}},
		{Name: "siem", Channel: "splunk", Notifier: deaf{t}},
	} {
		r.Concurrency, r.MaxAge = 1, dispatch.DefaultMaxAge
		d.Receivers[r.Name] = &r
	}
	return d
}

var began = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)

// happened are alerts of some days: quiet hours, bursts of one rule from many addresses, incidents, and pages.
func happened(seed uint64, n int) []string {
	rnd := rand.New(rand.NewPCG(seed, 2))
	at := began
	var out []string
	for len(out) < n {
		at = at.Add(time.Duration(rnd.IntN(40 * int(time.Minute))))
		burst, rule := 1, []int{5710, 5712, 503, 504, 100, 31101, 550, 5501}[rnd.IntN(8)]
		if rnd.IntN(10) == 0 {
			burst = 1 + rnd.IntN(60)
		}
		for range burst {
			at = at.Add(time.Duration(rnd.IntN(300)) * time.Millisecond)
			level := map[int]int{5710: 5, 5712: 10, 503: 3, 504: 7, 100: 12, 31101: 6, 550: 7, 5501: 3}[rule]
			out = append(out, fmt.Sprintf(`{"timestamp":"%s","rule":{"level":%d,"description":"rule %d","id":"%d","groups":["sshd"]},"agent":{"id":"001","name":"web-%d"},"manager":{"name":"m"},"id":"%d.1","full_log":"x","location":"/l","data":{"srcip":"192.0.2.%d"}}`,
				at.Format("2006-01-02T15:04:05.000-0700"), level, rule, rule, rnd.IntN(3), 1000+len(out), rnd.IntN(6)))
		}
	}
	return out
}

func alertsOf(lines []string) iter.Seq2[*alert.Alert, error] {
	return func(yield func(*alert.Alert, error) bool) {
		for _, line := range lines {
			if !yield(alert.Parse([]byte(line), alert.Options{Location: time.UTC}), nil) {
				return
			}
		}
	}
}

const allOfIt = `
windows:
  office: {days: all, from: "08:00", to: "18:00"}
inhibit:
  - {name: down, source: {rule: 504}, target: {rule: [31101, 550]}, equal: [agent], for: 1h}
routes:
  - {name: page, match: {severity: high}, to: [oncall, soc], dedup: {by: [rule, agent], for: 15m, growing: true}, escalate: [{to: hook}, {after: 10m, to: low}]}
  - {name: agents, match: {rule: 504}, to: [soc, hook], resolve: {opens: {rule: 504}, closes: {rule: 503}, by: [agent]}}
  - {name: ssh, match: {rule: 5712}, to: [soc, low]}
  - {name: group, match: {rule: 5710}, to: [soc, oncall], group_by: [rule], group_wait: 30s, group_interval: 10m}
  - {name: files, match: {rule: 550}, to: [low], active: office}
  - {name: web, match: {rule: 31101}, to: [low, hook], throttle: 10/h}
  - {name: ends, match: {rule: 503}, to: [hook]}
  - {name: nobody, match: {rule: 5501}, to: []}
`

// What is told past the outbox is what would have been told through it; and each alert for a receiver was told by itself or is
// accounted for by what kept it back.
func TestReportIsTheSameThroughTheOutboxAndPastIt(t *testing.T) {
	for name, config := range map[string]string{
		"all of it": allOfIt,
		"routes alone": `
routes:
  - {name: page, match: {severity: high}, to: [oncall, soc]}
  - {name: ssh, match: {level: 6}, to: [soc, hook, low]}
`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(2) {
				lines := happened(seed, 600)
				var reports [2]*Report
				for i := range reports {
					silences := []outbox.Silence{{ID: "S-1", Match: `{rule: 5712}`, Starts: began.Add(20 * time.Hour), Ends: began.Add(30 * time.Hour), Reason: "a drill", Created: began}}
					r, err := Run(t.Context(), alertsOf(lines), Options{Now: Config{Path: "now.yaml", Dispatcher: configure(t, config), Silences: silences}, Zone: time.UTC, Thorough: i == 1, Scratch: t.TempDir()})
					if err != nil {
						t.Fatal(err)
					}
					r.Suggestions = nil // they go by all that was read, the same for both
					reports[i] = r
				}
				if diff := cmp.Diff(reports[0], reports[1], cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })); diff != "" {
					t.Fatalf("seed %d: past the outbox (-) and through it (+):\n%s", seed, diff)
				}
				r := reports[0]
				if r.Read.Alerts != len(lines) || r.Now.Messages == 0 || r.Now.Pages == 0 || r.Now.Told+r.Now.Nobody != len(lines) {
					t.Errorf("seed %d: %+v, %+v", seed, r.Read, r.Now)
				}
				days, heat := 0, 0
				for _, x := range r.Receivers {
					sum, hours := 0, 0
					for _, n := range x.Now.Days {
						sum += n
					}
					for _, n := range x.Now.Hours {
						hours += n
					}
					if sum != x.Now.Messages || hours != x.Now.Messages {
						t.Errorf("seed %d: %s has %d messages, by day %d, by hour %d", seed, x.Name, x.Now.Messages, sum, hours)
					}
					if !x.Always {
						days += sum
					}
				}
				for _, row := range r.Now.Heat {
					for _, n := range row {
						heat += n
					}
				}
				if heat != r.Now.Messages || days != r.Now.Messages {
					t.Errorf("seed %d: %d messages, by day %d, in the heat map %d", seed, r.Now.Messages, days, heat)
				}
				t.Logf("%d messages, %d pages, saved %v", r.Now.Messages, r.Now.Pages, r.Now.Saved)
			}
		})
	}
}

// Every alert for a receiver is told by itself, or is counted by what kept it back.
func TestEveryAlertIsAccountedFor(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		alone := map[string]int{}
		d := configure(t, allOfIt)
		s := newSide(0, Config{Dispatcher: d}, &Options{Zone: time.UTC, Night: Night{22, 6}, Log: slog.New(slog.DiscardHandler)}, newDifference(false))
		box, err := openScratch(t.Context(), t.TempDir()+"/box", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer box.Close()
		s.replay = &dispatch.Replay{Box: box, Site: site{Config{Dispatcher: d}, time.UTC}, Log: slog.New(slog.DiscardHandler), For: s.comes}
		s.replay.Told = func(x dispatch.Told) error {
			if x.Kind == "" && x.Summary == nil {
				alone[x.Receiver]++
			}
			return s.tally.told(t.Context(), s.replay, x)
		}
		err = s.replay.Run(t.Context(), pastOf(Config{Dispatcher: d}, func(yield func(timed) bool) {
			for a := range alertsOf(happened(seed, 900)) {
				if !yield(timed{a.Time, a}) {
					return
				}
			}
		}))
		if err != nil {
			t.Fatal(err)
		}
		s.end()
		for name, r := range s.receivers {
			saved := 0
			for _, n := range r.Saved {
				saved += n
			}
			if r.Alerts != alone[name]+saved {
				t.Errorf("seed %d: %s: %d alerts, of which %d were told by themselves and %v kept back", seed, name, r.Alerts, alone[name], r.Saved)
			}
		}
	}
}

func TestAgainstSaysWhatAChangeAddsAndRemoves(t *testing.T) {
	t.Parallel()
	now := configure(t, `routes: [{name: ssh, match: {rule: 5712}, to: [soc]}, {name: web, match: {rule: 31101}, to: [hook]}]`)
	then := configure(t, `routes: [{name: ssh, match: {rule: 5712}, to: [soc], dedup: {by: [rule], for: 1h}}, {name: all, match: {rule: [31101, 550]}, to: [hook]}]`)
	for _, d := range []*dispatch.Dispatcher{now, then} {
		d.Table.Default = nil
	}
	lines := happened(7, 800)
	r, err := Run(t.Context(), alertsOf(lines), Options{Now: Config{Path: "now.yaml", Dispatcher: now}, Then: &Config{Path: "then.yaml", Dispatcher: then}, Zone: time.UTC, Scratch: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	added, removed := 0, 0
	for _, c := range r.Changes {
		switch {
		case c.Added && c.Rule == "550" && c.Receiver == "hook" && c.Why == "route all":
			added++
		case !c.Added && c.Rule == "5712" && c.Receiver == "soc" && c.Why == "repeat":
			removed++
		default:
			t.Errorf("%+v", c)
		}
	}
	files := strings.Count(strings.Join(lines, "\n"), `"id":"550"`)
	if added != files || added+removed != r.ChangeCount || r.Now.Messages+added-removed != r.Then.Messages || removed != r.Then.Saved["repeat"] {
		t.Errorf("%d added, %d removed of %d changes; %d alerts of rule 550; %d messages before, %d after", added, removed, r.ChangeCount, files, r.Now.Messages, r.Then.Messages)
	}
	if !slices.IsSortedFunc(r.Changes, func(a, b Change) int { return a.Time.Compare(b.Time) }) {
		t.Error("the changes are not in the order of time")
	}
}

// A change that takes away thousands of messages and adds a page must show the page.
func TestFewChangesAreNotHiddenByMany(t *testing.T) {
	t.Parallel()
	var lines []string
	at := time.Date(2026, 10, 5, 8, 0, 0, 0, time.UTC)
	for i := range 2*maxChanges + 1 {
		rule, level := 5712, 10
		if i == 2*maxChanges {
			rule, level = 100, 12
		}
		lines = append(lines, fmt.Sprintf(`{"timestamp":"%s","rule":{"level":%d,"description":"d","id":"%d"},"agent":{"id":"001","name":"web"},"manager":{"name":"m"},"id":"%d.1","full_log":"x","location":"/l"}`,
			at.Add(time.Duration(i)*time.Second).Format("2006-01-02T15:04:05.000-0700"), level, rule, i))
	}
	now := configure(t, `routes: [{name: ssh, match: {rule: 5712}, to: [soc]}, {name: rest, to: []}]`)
	then := configure(t, `routes: [{name: page, match: {level: 12}, to: [oncall]}, {name: rest, to: []}]`)
	r, err := Run(t.Context(), alertsOf(lines), Options{Now: Config{Dispatcher: now}, Then: &Config{Dispatcher: then}, Zone: time.UTC, Scratch: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	shown := Spread(r.Changes, 2)
	if last := r.Changes[len(r.Changes)-1]; r.ChangeCount != 2*maxChanges+1 || len(r.Changes) > maxChanges || last.Receiver != "oncall" || !last.Added {
		t.Errorf("%d changes of %d, the last is %+v", len(r.Changes), r.ChangeCount, last)
	}
	if len(shown) != 2 || shown[0] != r.Changes[0] || !shown[1].Added {
		t.Errorf("of these two: %+v", shown)
	}
}

// Why an alert is told no more is known of all of them, also of those that the outbox has forgotten at the end.
func TestOldChangesSayWhy(t *testing.T) {
	t.Parallel()
	var lines []string
	at := time.Date(2026, 10, 5, 8, 0, 0, 0, time.UTC)
	for i := range 60 {
		lines = append(lines, fmt.Sprintf(`{"timestamp":"%s","rule":{"level":10,"description":"d","id":"5712"},"agent":{"id":"001","name":"web"},"manager":{"name":"m"},"id":"%d.1","full_log":"x","location":"/l"}`,
			at.Add(time.Duration(i)*12*time.Hour).Format("2006-01-02T15:04:05.000-0700"), i))
	}
	now := configure(t, `routes: [{name: ssh, match: {rule: 5712}, to: [soc]}]`)
	then := configure(t, `routes: [{name: ssh, match: {rule: 5712}, to: [soc], dedup: 1d}]`)
	for _, other := range []bool{false, true} { // whichever side is ahead
		a, b := now, then
		if other {
			a, b = then, now
		}
		r, err := Run(t.Context(), alertsOf(lines), Options{Now: Config{Dispatcher: a}, Then: &Config{Dispatcher: b}, Zone: time.UTC, Scratch: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Changes) < 20 {
			t.Errorf("%d changes", len(r.Changes))
		}
		for _, c := range r.Changes {
			if c.Why != "repeat" || c.Added != other {
				t.Fatalf("%+v", c)
			}
		}
	}
}

// What was read and did not come through any more when it was stopped is not told to nobody: it is not counted.
func TestStoppedCountsWhatCame(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	lines := happened(3, 300)
	came := func(yield func(*alert.Alert, error) bool) {
		n := 0
		for a, err := range alertsOf(lines) {
			if n++; n == 200 {
				stop()
			}
			if !yield(a, err) {
				return
			}
		}
	}
	d := configure(t, `routes: [{name: all, to: [soc]}]`)
	r, err := Run(ctx, came, Options{Now: Config{Dispatcher: d}, Zone: time.UTC, Scratch: t.TempDir(), Totals: func() Totals {
		return Totals{Alerts: len(lines) + 10, Passed: len(lines)} // 10 that no route takes
	}})
	if err != nil || !r.Stopped {
		t.Fatalf("%v, %+v", err, r)
	}
	if r.Now.Told != 199 || r.Now.Nobody != 10 || r.Read.Alerts != 209 {
		t.Errorf("%d told, %d told to nobody, of %d; want 199, 10, 209", r.Now.Told, r.Now.Nobody, r.Read.Alerts)
	}
}

// The clock never goes back: alerts that are a little out of order are taken all the same.
func TestDisorderIsTaken(t *testing.T) {
	t.Parallel()
	lines := happened(1, 200)
	want, err := Run(t.Context(), alertsOf(lines), Options{Now: Config{Dispatcher: configure(t, `routes: [{to: [hook]}]`)}, Zone: time.UTC, Scratch: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(lines); i += 2 {
		lines[i], lines[i+1] = lines[i+1], lines[i]
	}
	got, err := Run(t.Context(), alertsOf(lines), Options{Now: Config{Dispatcher: configure(t, `routes: [{to: [hook]}]`)}, Zone: time.UTC, Scratch: t.TempDir()})
	if err != nil || got.Now.Messages != want.Now.Messages || got.Now.Messages != len(lines) {
		t.Errorf("%d messages, %v; want %d", got.Now.Messages, err, want.Now.Messages)
	}
}

// An input that breaks off is reported as far as it came.
func TestBrokenInput(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is broken")
	dir := t.TempDir()
	r, err := Run(t.Context(), func(yield func(*alert.Alert, error) bool) {
		for a := range alertsOf(happened(1, 100)) {
			if !yield(a, nil) {
				return
			}
		}
		yield(nil, broken)
	}, Options{Now: Config{Dispatcher: configure(t, allOfIt)}, Zone: time.UTC, Scratch: dir})
	if !errors.Is(err, broken) || r == nil || !r.Stopped || r.Read.Alerts < 100 || r.Now.Messages == 0 {
		t.Errorf("%v, %+v", err, r)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	r, err = Run(t.Context(), alertsOf(nil), Options{Now: Config{Dispatcher: configure(t, allOfIt)}, Zone: time.UTC, Scratch: dir})
	if err != nil || r.Read.Alerts != 0 || len(r.Days) != 0 || r.Now.Messages != 0 {
		t.Errorf("of nothing: %v, %+v", err, r)
	}
}

func TestSuggestionsLeaveWhatTheySay(t *testing.T) {
	t.Parallel()
	const config = `routes: [{name: ssh, match: {rule: 5712}, to: [soc]}]`
	lines := slices.DeleteFunc(happened(3, 1000), func(line string) bool { return !strings.Contains(line, `"id":"5712"`) })
	lines = lines[:min(len(lines), maxTried)] // of more, some would be guessed
	r, err := Run(t.Context(), alertsOf(lines), Options{Now: Config{Dispatcher: configure(t, config)}, Zone: time.UTC, Scratch: t.TempDir()})
	if err != nil || len(r.Suggestions) != 1 {
		t.Fatalf("%v, %+v", err, r.Suggestions)
	}
	s := r.Suggestions[0]
	if s.Route != "ssh" || !strings.HasPrefix(s.Words, "rule 5712 makes 100 % of #soc; ") || s.Before != r.Now.Messages || r.Rules[0].Help != s.YAML {
		t.Errorf("%+v, before %d", s, r.Now.Messages)
	}
	pasted := strings.TrimSuffix(config, "}]") + ", routes: [{" + strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(s.YAML, "- "), "\n"), "\n  ", ", ") + "}]}]"
	after, err := Run(t.Context(), alertsOf(lines), Options{Now: Config{Dispatcher: configure(t, pasted)}, Zone: time.UTC, Scratch: t.TempDir()})
	if err != nil || after.Now.Messages != s.After {
		t.Errorf("with\n%s\nthere are %d messages, %v; the suggestion says %d", pasted, after.Now.Messages, err, s.After)
	}
}
