package dispatch

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/alert"
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
	heard  []string
	got    []notifier.Notification
	began  time.Time
}

func (s *listener) Notify(_ context.Context, n notifier.Notification) (notifier.Receipt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.began.IsZero() {
		s.began = time.Now()
	}
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
	s.heard = append(s.heard, fmt.Sprintf("%s%s%s: %s", n.Action, earlier, "", first))
	s.got = append(s.got, n)
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

var nextAlert int

// alert makes one arrive: rule, level and agent.
func (b *bench) alert(rule, level int, agent string) string {
	nextAlert++
	id := fmt.Sprintf("%d.%d", time.Now().Unix(), nextAlert)
	a := alert.Parse(fmt.Appendf(nil, `{"rule":{"level":%d,"description":"d","id":"%d","groups":["sshd"]},"agent":{"id":"001","name":%q},"manager":{"name":"m"},"id":%q,"full_log":"x","location":"/l","data":{"srcip":"192.0.2.7"}}`,
		level, rule, agent, id), alert.Options{Received: time.Now()})
	b.queue.put(Arrival{Alert: a, Header: []byte(`""`), Deliveries: b.site.d.Plan(a)})
	return a.Identity()
}

func (b *bench) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func heard(t *testing.T, s *listener, want ...string) {
	t.Helper()
	if diff := cmp.Diff(s.told(), want); diff != "" {
		t.Errorf("heard (-got +want):\n%s", diff)
	}
}

func TestRepeatsAreCountedAndShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bot, hook := &listener{amends: true}, &listener{}
		b := quietBench(t, `routes: [{to: [slack-bot, slack-hook], dedup: {by: [rule, agent], for: 15m}}]`, map[string]*listener{"slack-bot": bot, "slack-hook": hook})
		b.start()
		for range 37 {
			b.alert(5710, 10, "web-01")
			b.wait(10 * time.Second)
		}
		b.wait(20 * time.Minute)
		fmt.Println(strings.Join(bot.told(), "\n"))
		fmt.Println(strings.Join(hook.told(), "\n"))
		fmt.Println(b.states("slack-bot"), b.states("slack-hook"))
		if err := b.stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestTry(t *testing.T) {
	for name, config := range map[string]string{
		"group":    `routes: [{to: [slack-1], group_by: [agent]}]`,
		"throttle": `routes: [{to: [slack-1], throttle: {rate: 2/m, burst: 2}}]`,
		"window": `
windows: {day: {days: all, from: "00:30", to: "12:00"}}
routes: [{to: [slack-1], active: day}]`,
		"digest":   `routes: [{to: [slack-1], digest: 10m}]`,
		"resolve":  `routes: [{to: [slack-1], resolve: {opens: {rule: 5710}, closes: {rule: 5711}, by: [agent]}}]`,
		"escalate": `routes: [{escalate: [{to: slack-1}, {after: 10m, to: slack-2}]}]`,
		"inhibit": `
inhibit: [{name: down, source: {rule: 5711}, target: {rule: 5710}, equal: [agent], for: 15m}]
routes: [{to: [slack-1]}]`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				one, two := &listener{}, &listener{}
				b := quietBench(t, config, map[string]*listener{"slack-1": one, "slack-2": two})
				b.start()
				b.alert(5711, 5, "web-02")
				for i := range 12 {
					b.alert(5710, 10, fmt.Sprint("web-0", i%3))
					b.wait(10 * time.Second)
				}
				b.alert(5711, 5, "web-01")
				b.wait(40 * time.Minute)
				fmt.Println(name)
				fmt.Println(strings.Join(one.told(), "\n"))
				fmt.Println("two:", strings.Join(two.told(), "\n"))
				fmt.Println(b.states("slack-1"), b.states("slack-2"))
				found, _ := b.box.Find(context.Background(), outbox.Filter{})
				for _, x := range found[:min(len(found), 6)] {
					fmt.Println("  ", x.Alert.Identity, x.State, x.Kind, "|", x.Reason, "|", strings.ReplaceAll(x.Notes, "\n", " / "))
				}
				if err := b.stop(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
