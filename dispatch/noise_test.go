package dispatch

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/noise"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/templates"
	"github.com/ossec-notify/ossec-notify/window"
)

// listener is a receiver that takes everything, and shows edits if it amends.
type listener struct {
	amends bool
	mu     sync.Mutex
	began  time.Time // what is heard is told with the time since then
	heard  []string
	got    []notifier.Notification
	at     []time.Time
}

func (s *listener) Notify(_ context.Context, n notifier.Notification) (notifier.Receipt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := n.Parts["text"].String()
	if text == "" {
		text = n.Parts["subject"].String()
	}
	first, rest, _ := strings.Cut(text, "\n")
	for _, line := range strings.Split(rest, "\n") {
		for _, label := range []string{"Seen: ", "Step: ", "Taken: ", "Note: Quiet", "Quiet"} {
			if strings.HasPrefix(line, label) {
				first += " | " + line
			}
		}
	}
	earlier := ""
	if n.Earlier != nil {
		earlier = " of " + n.Earlier.ID
	}
	s.heard = append(s.heard, fmt.Sprintf("%s %s%s: %s", time.Since(s.began).Round(time.Second), n.Action, earlier, first))
	s.got = append(s.got, n)
	s.at = append(s.at, time.Now())
	return notifier.Receipt{ID: fmt.Sprint("m", len(s.heard)), Status: 200}, nil
}

func (s *listener) Follows(a notifier.Action) bool {
	return a.Known() && (s.amends || a != notifier.Update)
}

func (s *listener) told() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.heard)
}

// quietBench is a bench with routes.
func quietBench(t *testing.T, config string, receivers map[string]*listener) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir(), queue: newQueue(), log: slog.New(slog.DiscardHandler)}
	var doc struct {
		Windows yaml.Node `yaml:"windows"`
		Inhibit yaml.Node `yaml:"inhibit"`
		Routes  yaml.Node `yaml:"routes"`
	}
	if err := yaml.Unmarshal([]byte(config), &doc); err != nil {
		t.Fatal(err)
	}
	windows := map[string]*window.Window{}
	if doc.Windows.Kind == yaml.MappingNode {
		for i := 0; i < len(doc.Windows.Content); i += 2 {
			name := doc.Windows.Content[i].Value
			windows[name] = window.Parse(doc.Windows.Content[i+1], name, time.UTC, func(_ *yaml.Node, m string) { t.Fatal(m) })
		}
	}
	for _, s := range receivers {
		s.began = time.Now()
	}
	d := &Dispatcher{Table: &rules.Table{}, Scale: alert.DefaultScale, Receivers: map[string]*Receiver{}, Log: slog.New(slog.DiscardHandler), Zone: time.UTC}
	problems := func(ps []rules.Problem) {
		for _, p := range ps {
			t.Error(p)
		}
	}
	routes, ps := rules.ParseRoutes(&doc.Routes, d.Scale, windows)
	problems(ps)
	d.Table.Routes = routes
	if doc.Inhibit.Kind != 0 {
		d.Table.Inhibit, ps = rules.ParseInhibits(&doc.Inhibit, d.Scale)
		problems(ps)
	}
	if t.Failed() {
		t.FailNow()
	}
	set := templates.Default()
	for name, n := range receivers {
		channel, _, _ := strings.Cut(name, "-")
		d.Receivers[name] = &Receiver{Name: name, Channel: channel, Notifier: n, Templates: set, Concurrency: 1, MaxAge: DefaultMaxAge}
	}
	b.site = fixed{d: d}
	return b
}

// arrives makes an alert arrive: its number, rule, level and agent.
func (b *bench) arrives(n, rule, level int, agent string) string {
	id := fmt.Sprintf("%d.%d", time.Now().Unix(), n)
	a := alert.Parse(fmt.Appendf(nil, `{"rule":{"level":%d,"description":"d","id":"%d","groups":["sshd"]},"agent":{"id":"001","name":%q},"manager":{"name":"m"},"id":%q,"full_log":"x","location":"/l","data":{"srcip":"192.0.2.7"}}`,
		level, rule, agent, id), alert.Options{Received: time.Now()})
	b.queue.put(Arrival{Alert: a, Header: []byte(`""`), Deliveries: b.site.d.Plan(a)})
	return a.Identity()
}

func (b *bench) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// restarted plays a scenario twice, once with a new process at every point, and compares what two receivers heard and when.
// A deliverer looks every two seconds whether a step is due.
func restarted(t *testing.T, config string, play func(b *bench, point func())) {
	var heard [2][]*listener
	for i := range heard {
		synctest.Test(t, func(t *testing.T) {
			one, two := &listener{amends: true}, &listener{}
			heard[i] = []*listener{one, two}
			b := quietBench(t, config, map[string]*listener{"slack-1": one, "hook-1": two})
			b.start()
			play(b, func() {
				if i == 0 {
					return
				}
				if err := b.stop(); err != nil {
					t.Fatal(err)
				}
				b.start()
			})
			if err := b.stop(); err != nil {
				t.Error(err)
			}
		})
	}
	if len(heard[0][0].heard)+len(heard[0][1].heard) < 2 {
		t.Error("nothing was heard")
	}
	for i, want := range heard[0] {
		got := heard[1][i]
		same := slices.EqualFunc(got.heard, want.heard, func(a, b string) bool {
			at, text, _ := strings.Cut(a, " ")
			wantAt, wantText, _ := strings.Cut(b, " ")
			x, err := time.ParseDuration(at)
			y, wantErr := time.ParseDuration(wantAt)
			return err == nil && wantErr == nil && (x-y).Abs() <= lookEvery && text == wantText
		})
		if !same {
			t.Errorf("with restarts (-got +want):\n%s", cmp.Diff(got.heard, want.heard))
		}
	}
}

func TestARestartInTheMiddleOfAnyWindowChangesNothing(t *testing.T) {
	for name, config := range map[string]string{
		"dedup":            `routes: [{to: [slack-1, hook-1], dedup: {by: [agent], for: 5m}}]`,
		"growing dedup":    `routes: [{to: [slack-1, hook-1], dedup: {by: [agent], for: 1m, growing: true}}]`,
		"group":            `routes: [{to: [slack-1, hook-1], group_by: [agent], group_wait: 1m, group_interval: 4m}]`,
		"throttle":         `routes: [{to: [slack-1, hook-1], throttle: {rate: 20/h, burst: 2}}]`,
		"digest":           `routes: [{to: [slack-1, hook-1], digest: 10m}]`,
		"window":           "windows: {day: {days: all, from: \"00:07\", to: \"12:00\"}}\nroutes: [{to: [slack-1, hook-1], active: day}]",
		"inhibit":          "inhibit: [{name: down, source: {rule: 5711}, target: {rule: 5710}, equal: [agent], for: 5m}]\nroutes: [{to: [slack-1, hook-1]}]",
		"escalate":         `routes: [{escalate: [{to: slack-1}, {after: 3m, to: hook-1}]}]`,
		"resolve":          `routes: [{to: [slack-1, hook-1], resolve: {opens: {rule: 5710}, closes: {rule: 5711}, by: [agent]}}]`,
		"resolve in group": `routes: [{to: [slack-1, hook-1], group_by: [agent, rule], resolve: {opens: {rule: 5710}, closes: {rule: 5711}, by: [agent]}, repeat_interval: 6m}]`,
	} {
		t.Run(name, func(t *testing.T) {
			restarted(t, config, func(b *bench, point func()) {
				for n := range 8 {
					rule := 5710
					if n%4 == 3 {
						rule = 5711
					}
					b.arrives(n, rule, 10, fmt.Sprint("web-0", n%2))
					if n%2 == 0 {
						b.wait(time.Second)
						point()
						continue
					}
					b.wait(47 * time.Second)
					point()
					b.wait(31 * time.Second)
				}
				for range 3 {
					b.wait(4 * time.Minute)
					point()
				}
				b.wait(20 * time.Minute)
			})
		})
	}
}

func TestARestartInASilenceChangesNothing(t *testing.T) {
	restarted(t, `routes: [{to: [slack-1, hook-1]}]`, func(b *bench, point func()) {
		now := time.Now()
		err := b.box.AddSilence(context.Background(), outbox.Silence{ID: "s1", Match: "{rule: 5710}", Starts: now, Ends: now.Add(10 * time.Minute), Created: now, Reason: "because", By: "NAME"})
		if err != nil {
			b.t.Fatal(err)
		}
		for n := range 3 {
			b.arrives(n, 5710, 10, "web-01")
			b.wait(time.Minute)
			point()
		}
		b.wait(20 * time.Minute)
	})
}

func TestRepeatsAreShownInTheFirstMessageOrToldWhenItIsQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot, hook := &listener{amends: true}, &listener{}
		b := quietBench(t, `routes: [{to: [slack-bot, slack-hook], dedup: {by: [rule, agent], for: 15m}}]`, map[string]*listener{"slack-bot": bot, "slack-hook": hook})
		b.start()
		for n := range 10 {
			b.arrives(n, 5710, 10, "web-01")
			b.wait(10 * time.Second)
		}
		b.wait(20 * time.Minute)
		if err := b.stop(); err != nil {
			t.Error(err)
		}
		got := bot.told()
		if len(got) != 4 || !strings.Contains(got[0], "0s trigger: ") || !strings.Contains(got[1], "1m0s update of m1: ") || !strings.Contains(got[2], "2m0s update of m1: ") || !strings.Contains(got[3], "16m30s update of m1: ") {
			t.Errorf("the bot heard\n%s", strings.Join(got, "\n"))
		}
		for i, says := range map[int]string{1: "7", 2: "10", 3: "10"} {
			if i < len(got) && !strings.Contains(got[i], says) {
				t.Errorf("no %s in %q", says, got[i])
			}
		}
		if got := hook.told(); len(got) != 2 || !strings.Contains(got[1], "16m30s trigger of m1: ") || !strings.Contains(got[1], "10") {
			t.Errorf("the hook heard\n%s", strings.Join(got, "\n"))
		}
	})
}

// TestTenThousandAlertsInAMinute is a scan: a channel that takes a message a second, and twelve pages among it all.
func TestTenThousandAlertsInAMinute(t *testing.T) {
	alerts := 10_000
	if testing.Short() {
		alerts = 2_000
	}
	for name, levels := range map[string][]int{"low": {5}, "low and medium": {5, 5, 5, 9}, "low and few medium": append(slices.Repeat([]int{5}, 60), 9), "medium": {9}, "no level": {-1, 5}} {
		if name != "low and medium" && alerts > 2_000 {
			t.Run(name, func(t *testing.T) { flood(t, 2_000, levels) })
			continue
		}
		t.Run(name, func(t *testing.T) { flood(t, alerts, levels) })
	}
}

func flood(t *testing.T, alerts int, levels []int) {
	const pages, seconds = 12, 60
	synctest.Test(t, func(t *testing.T) {
		soc := &listener{amends: true}
		b := quietBench(t, `routes: [{to: [slack-soc]}]`, map[string]*listener{"slack-soc": soc})
		r := b.site.d.Receivers["slack-soc"]
		r.Rate, r.StormAfter = Rate{Count: 1, Per: time.Second, Burst: 4}, DefaultStormAfter
		b.start()
		random := rand.New(rand.NewPCG(1, 2))
		isPage := map[int]bool{}
		for len(isPage) < pages {
			isPage[random.IntN(alerts)] = true
		}
		paged := map[string]time.Time{}
		for second := range seconds {
			for n := second * alerts / seconds; n < (second+1)*alerts/seconds; n++ {
				if isPage[n] {
					paged[b.arrives(n, 5712, 12, "web-01")] = time.Now()
					continue
				}
				b.arrives(n, 5710, levels[n%len(levels)], fmt.Sprint("web-", n%7))
			}
			b.wait(time.Second)
		}
		b.wait(15 * time.Minute)

		for i, n := range soc.got {
			if came, ok := paged[n.Alert]; ok {
				if late := soc.at[i].Sub(came); late > 4*time.Second {
					t.Errorf("a page was told after %s", late)
				}
				delete(paged, n.Alert)
			}
		}
		if len(paged) > 0 {
			t.Errorf("%d pages were not told", len(paged))
		}
		if len(soc.got) > 60 {
			t.Errorf("%d messages:\n%s", len(soc.got), strings.Join(soc.told(), "\n"))
		}
		counts := map[digest.Kind]int{}
		total, told := 0, map[string]bool{}
		for _, n := range soc.got {
			if !noise.IsMessage(n.Alert) {
				told[n.Alert] = true
				continue
			}
			kept, err := b.box.Alert(context.Background(), n.Alert, 1)
			if err != nil {
				t.Fatal(err)
			}
			var s digest.Summary
			if err := json.Unmarshal(kept.Raw, &s); err != nil {
				t.Fatal(err)
			}
			counts[s.Kind]++
			if s.Kind == digest.Storm {
				total += s.Total
			}
		}
		if counts[digest.StormBegins] != 1 || counts[digest.StormOver] != 1 {
			t.Errorf("notices: %v", counts)
		}
		if total+len(told) != alerts {
			t.Errorf("%d in digests and %d by themselves, of %d", total, len(told), alerts)
		}
		found, err := b.box.Find(context.Background(), outbox.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		named := 0
		for _, x := range found {
			switch {
			case x.State == outbox.Delivered:
			case noise.ToldIn(x.Reason) != "":
				named++
			default:
				t.Fatalf("%s is %s (%s)", x.Alert.Identity, x.State, x.Reason)
			}
		}
		if named != total || len(found) != alerts+len(soc.got)-len(told) {
			t.Errorf("%d deliveries name digests of %d, %d in all", named, total, len(found))
		}
		t.Logf("%d messages: %d by themselves, %v", len(soc.got), len(told), counts)
		if err := b.stop(); err != nil {
			t.Error(err)
		}
	})
}

// Edits: a bot changes its first message.
func (s *listener) Edits(n notifier.Notification) bool {
	return s.amends && n.Earlier != nil && n.Action != notifier.Trigger
}

// stands is what an edit leaves to be read, and whether the alert can still be taken.
func stands(n notifier.Notification) string {
	out := n.Parts["header"].String()
	for _, line := range strings.Split(n.Parts["text"].String(), "\n") {
		for _, label := range []string{"Over: ", "Seen: ", "Quiet: ", "Taken: "} {
			if strings.HasPrefix(line, label) {
				out += " | " + line
			}
		}
	}
	if strings.Contains(n.Parts["facts"].String(), "I take it") {
		out += " | link"
	}
	return out
}

// TestAnEditShowsAllThatIsKnownOfTheIncident: none takes back what another has said.
func TestAnEditShowsAllThatIsKnownOfTheIncident(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot, boss := &listener{amends: true}, &listener{}
		b := quietBench(t, `routes: [{escalate: [{to: slack-bot}, {after: 30m, to: slack-boss}], dedup: {by: [agent], for: 15m}, resolve: {opens: {rule: 5710}, closes: {rule: 5711}, by: [agent]}}]`,
			map[string]*listener{"slack-bot": bot, "slack-boss": boss})
		b.site.d.AckURL = func(identity string, _ int, _ string) string { return "https://notify.example.com/ack/" + identity }
		b.start()
		id := b.arrives(0, 5710, 10, "web-01")
		b.wait(10 * time.Second)
		b.arrives(1, 5710, 10, "web-01")
		b.wait(2 * time.Minute)
		b.taken(outbox.Ack{Identity: id, By: "NAME", Via: "command line"})
		b.wait(time.Minute)
		b.arrives(2, 5710, 10, "web-01")
		b.wait(2 * time.Minute)
		b.arrives(3, 5711, 3, "web-01")
		b.wait(20 * time.Minute)
		if err := b.stop(); err != nil {
			t.Error(err)
		}
		var got []string
		for _, n := range bot.got {
			got = append(got, stands(n))
		}
		const taken = " | Taken: by NAME at 00:02 (command line)"
		want := []string{
			"MEDIUM: d from 192.0.2.7 on web-01 | link",
			"MEDIUM x2: d from 192.0.2.7 on web-01 | Seen: 2 times in 10 s, last 00:00:10 | link",
			"MEDIUM x2: d from 192.0.2.7 on web-01 | Seen: 2 times in 10 s, last 00:00:10" + taken,
			"MEDIUM x3: d from 192.0.2.7 on web-01 | Seen: 3 times in 3 min, last 00:03:10" + taken,
			"RESOLVED after 5 min: d from 192.0.2.7 on web-01 | Over: after 5 min: d from 192.0.2.7 on web-01 (rule 5711) | Seen: 3 times in 3 min, last 00:03:10" + taken,
			"RESOLVED after 5 min: d from 192.0.2.7 on web-01 | Over: after 5 min: d from 192.0.2.7 on web-01 (rule 5711) | Quiet: for 15 min. 3 in all." + taken,
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("the message (-got +want):\n%s", diff)
		}
		if got := boss.told(); len(got) > 0 {
			t.Errorf("the boss was told %q", got)
		}
	})
}

func TestTheLinkStaysWhileSomebodyMayTakeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot, boss := &listener{amends: true}, &listener{}
		b := quietBench(t, `routes: [{escalate: [{to: slack-bot}, {after: 30m, to: slack-boss}], dedup: {by: [agent], for: 15m}}]`,
			map[string]*listener{"slack-bot": bot, "slack-boss": boss})
		b.site.d.AckURL = func(identity string, _ int, _ string) string { return "https://notify.example.com/ack/" + identity }
		b.start()
		b.arrives(0, 5710, 10, "web-01")
		b.arrives(1, 5710, 10, "web-01")
		b.wait(20 * time.Minute)
		if err := b.stop(); err != nil {
			t.Error(err)
		}
		last := stands(bot.got[len(bot.got)-1])
		if want := "MEDIUM x2: d from 192.0.2.7 on web-01 | Quiet: for 15 min. 2 in all. | link"; last != want {
			t.Errorf("at last it says\n%s\nwant\n%s", last, want)
		}
	})
}

// TestWhatBecameOfAPageIsNoNewPage: to who sees no edits it is told by a message of its own, which begins with what it is.
func TestWhatBecameOfAPageIsNoNewPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hook := &listener{}
		b := quietBench(t, `routes: [{to: [email-1], dedup: {by: [agent], for: 15m}}]`, map[string]*listener{"email-1": hook})
		b.start()
		id := b.arrives(0, 5710, 15, "web-01")
		b.arrives(1, 5710, 15, "web-01")
		b.wait(time.Second)
		b.taken(outbox.Ack{Identity: id, By: "NAME", Via: "command line"})
		b.wait(20 * time.Minute)
		if err := b.stop(); err != nil {
			t.Error(err)
		}
		var got []string
		for _, n := range hook.got {
			got = append(got, fmt.Sprint(n.Action, " ", n.Severity, " ", n.Parts["subject"]))
		}
		want := []string{"trigger critical [CRITICAL] d from 192.0.2.7 on web-01", "acknowledge info [TAKEN] d from 192.0.2.7 on web-01", "trigger info [QUIET] d from 192.0.2.7 on web-01"}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("(-got +want):\n%s", diff)
		}
	})
}

// TestTheDocumentSaysThatQuietIsMoreOfTheSame, though a receiver of documents, which follows no updates, is told of it.
func TestTheDocumentSaysThatQuietIsMoreOfTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hook := &listener{}
		b := quietBench(t, `routes: [{to: [webhook-1], dedup: {by: [agent], for: 15m}}]`, map[string]*listener{"webhook-1": hook})
		b.start()
		for n := range 5 {
			b.arrives(n, 5710, 10, "web-01")
			b.wait(7 * time.Minute)
		}
		b.wait(20 * time.Minute)
		if err := b.stop(); err != nil {
			t.Error(err)
		}
		var got []string
		for _, n := range hook.got {
			var doc struct {
				Action  string
				Repeats struct {
					Count       int
					Since, Last time.Time
				}
			}
			if err := json.Unmarshal([]byte(n.Parts["document.json"].Raw()), &doc); err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintf("%s: %s %d in %s", n.Action, doc.Action, doc.Repeats.Count, doc.Repeats.Last.Sub(doc.Repeats.Since)))
		}
		want := []string{"trigger: trigger 1 in 0s", "trigger: trigger 3 in 21m0s", "trigger: update 5 in 28m0s"}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("(-got +want):\n%s", diff)
		}
	})
}
