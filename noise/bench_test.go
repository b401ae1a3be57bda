package noise

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/window"
)

// start is a Monday.
var start = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// bench is noise control with an outbox of its own, a clock that tests set, and receivers that take everything at once.
type bench struct {
	t         testing.TB
	path      string
	db        *outbox.DB
	control   *Control
	table     *rules.Table
	receivers map[string]*Receiver
	now       time.Time
	alerts    int
	deaf      map[string]bool // takes nothing now
	sent      []sent
	pause     func() // called between any two things that are done
}

// sent is a message that a receiver got.
type sent struct {
	at time.Time
	outbox.Delivery
	about   *About
	summary *digest.Summary
}

// newBench reads windows, inhibit, always and routes from a config. Receivers are made by their names: slack-… shows edits,
// pagerduty-… pages, others do neither.
func newBench(t testing.TB, config string) *bench {
	t.Helper()
	b := &bench{t: t, path: filepath.Join(t.TempDir(), "outbox.db"), now: start, receivers: map[string]*Receiver{}, deaf: map[string]bool{}, pause: func() {}}
	b.configure(config)
	b.open()
	return b
}

func (b *bench) configure(config string) {
	b.t.Helper()
	var doc struct {
		Windows yaml.Node `yaml:"windows"`
		Inhibit yaml.Node `yaml:"inhibit"`
		Routes  yaml.Node `yaml:"routes"`
		Always  []string  `yaml:"always"`
		Limits  map[string]struct {
			Throttle yaml.Node     `yaml:"throttle"`
			Rate     float64       `yaml:"rate"`
			Storm    time.Duration `yaml:"storm_after"`
		} `yaml:"receivers"`
	}
	if err := yaml.Unmarshal([]byte(config), &doc); err != nil {
		b.t.Fatalf("%v\n%s", err, config)
	}
	refuse := func(problems []rules.Problem) {
		b.t.Helper()
		for _, p := range problems {
			if !p.Warning {
				b.t.Errorf("%v\n%s", p, config)
			}
		}
	}
	windows := map[string]*window.Window{}
	for i := 0; i+1 < len(doc.Windows.Content); i += 2 {
		name := doc.Windows.Content[i].Value
		windows[name] = window.Parse(doc.Windows.Content[i+1], name, time.UTC, func(_ *yaml.Node, m string) { b.t.Fatal(m) })
	}
	routes, problems := rules.ParseRoutes(&doc.Routes, alert.DefaultScale, windows)
	refuse(problems)
	b.table = &rules.Table{Routes: routes, Always: doc.Always}
	if doc.Inhibit.Kind != 0 {
		b.table.Inhibit, problems = rules.ParseInhibits(&doc.Inhibit, alert.DefaultScale)
		refuse(problems)
	}
	for name, limits := range doc.Limits {
		r := b.receiver(name)
		if limits.Throttle.Kind != 0 {
			r.Throttle, problems = rules.ParseThrottle(&limits.Throttle, "throttle")
			refuse(problems)
		}
		r.Rate, r.StormAfter = limits.Rate, limits.Storm
	}
	if b.t.Failed() {
		b.t.FailNow()
	}
}

// receiver is one by its name, made if need be; "gone" is never there.
func (b *bench) receiver(name string) *Receiver {
	if name == "gone" {
		return nil
	}
	r := b.receivers[name]
	if r == nil {
		channel, _, _ := strings.Cut(name, "-")
		r = &Receiver{Channel: channel, Pages: channel == "pagerduty",
			Follows: func(a notifier.Action) bool { return a != notifier.Update || channel == "slack" }}
		b.receivers[name] = r
	}
	return r
}

func deliveryID(identity, receiver string, occurrence int) string {
	return fmt.Sprintf("%s>%s#%d", identity, receiver, occurrence)
}

func (b *bench) open() {
	b.t.Helper()
	db, _, err := outbox.Open(context.Background(), b.path, outbox.Options{Owner: true, DeliveryID: deliveryID, Now: b.now})
	b.must(err)
	b.t.Cleanup(func() { _ = db.Close() })
	b.db = db
	b.control = &Control{Scale: alert.DefaultScale, Inhibit: b.table.Inhibit, Pairs: b.table.Pairs(), Policies: b.table.Policies(), Zone: time.UTC, Receiver: b.receiver,
		Read: func(_, raw []byte) *alert.Alert { return alert.Parse(raw, alert.Options{}) },
		Log:  slog.New(slog.DiscardHandler)}
}

// restart is what a process that was killed leaves, and what the next finds.
func (b *bench) restart() {
	b.t.Helper()
	b.must(b.db.Close())
	b.open()
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// made is an alert as a test makes it.
type made struct {
	id, rule, agent, src string
	level                int
}

func (m made) alert() *alert.Alert {
	raw, err := json.Marshal(map[string]any{
		"rule": map[string]any{"level": m.level, "description": "d", "id": m.rule}, "agent": map[string]any{"id": "001", "name": m.agent},
		"id": m.id, "full_log": "x", "location": "/l", "data": map[string]any{"srcip": m.src},
	})
	if err != nil {
		panic(err)
	}
	return alert.Parse(raw, alert.Options{})
}

// alert makes one come, whose rule, level and agent are given, and returns its identity: a1, a2, …
func (b *bench) alert(rule string, level int, agent string) string {
	b.t.Helper()
	b.alerts++
	m := made{id: fmt.Sprint("a", b.alerts), rule: rule, agent: agent, src: "192.0.2.7", level: level}
	b.comes(m)
	b.deliver()
	return m.id
}

// wants are those of the routes.
func (b *bench) wants(a *alert.Alert) []Want {
	var out []Want
	for _, c := range b.table.Choose(a) {
		out = append(out, Want{Receiver: c.Receiver, Channel: b.receiver(c.Receiver).Channel, Route: c.Route, Policy: c.Policy, Step: c.Step, After: c.After})
	}
	return out
}

func (b *bench) comes(m made) []Want {
	b.t.Helper()
	wants := b.wants(m.alert())
	b.comesFor(m, wants)
	return wants
}

// comesFor makes an alert come for receivers that were chosen.
func (b *bench) comesFor(m made, wants []Want) {
	b.t.Helper()
	_, err := b.db.Accept(context.Background(), []outbox.Arrival{b.arrival(m, wants)}, nil)
	b.must(err)
}

func (b *bench) arrival(m made, wants []Want) outbox.Arrival {
	a := m.alert()
	return outbox.Arrival{
		Identity: a.Identity(), Arrived: b.now, Severity: int(alert.DefaultScale.Severity(m.level)), Rule: m.rule, Raw: a.Raw,
		Plan: func(tx *outbox.Tx, occurrence int, known bool) ([]outbox.NewDelivery, error) {
			return b.control.Plan(tx, a, occurrence, known, b.now, wants)
		},
	}
}

// tick does what is due, and returns when there is more.
func (b *bench) tick() (next time.Time) {
	b.t.Helper()
	for range 1000 {
		next, more, err := b.control.Tick(context.Background(), b.db, b.now)
		b.must(err)
		if !next.IsZero() && !next.After(b.now) {
			b.t.Fatalf("at %v the next time is %v", b.now, next)
		}
		if !more {
			return next
		}
	}
	b.t.Fatal("there is always more to do")
	return next
}

// deliver takes all queues to the receivers that listen.
func (b *bench) deliver() {
	b.t.Helper()
	queues, err := b.db.Queues(context.Background())
	b.must(err)
	for _, q := range queues {
		if q.Open() == 0 || b.deaf[q.Receiver] {
			continue
		}
		for {
			taken, err := b.db.Next(context.Background(), q.Receiver, b.now, 50)
			b.must(err)
			if len(taken) == 0 {
				break
			}
			var results []outbox.Result
			for _, d := range taken {
				results = append(results, outbox.Result{Seq: d.Seq, State: outbox.Delivered})
				b.sent = append(b.sent, b.message(d))
			}
			b.must(b.db.Finish(context.Background(), b.now, results))
		}
	}
}

func (b *bench) message(d outbox.Delivery) sent {
	b.t.Helper()
	s := sent{at: b.now, Delivery: d}
	var err error
	s.about, err = ParseAbout(d.About)
	b.must(err)
	if IsMessage(d.Alert.Identity) {
		s.summary = new(digest.Summary)
		b.must(json.Unmarshal(d.Alert.Raw, s.summary))
	}
	return s
}

// wait lets time pass, and does everything at its time.
func (b *bench) wait(d time.Duration) {
	b.t.Helper()
	for end := b.now.Add(d); ; {
		b.pause()
		next := b.tick()
		b.pause()
		b.deliver()
		queues, err := b.db.Queues(context.Background())
		b.must(err)
		for _, q := range queues {
			if !q.Due.IsZero() && q.Due.After(b.now) && (next.IsZero() || q.Due.Before(next)) {
				next = q.Due
			}
		}
		if next.IsZero() || next.After(end) {
			b.now = end
			b.tick()
			b.deliver()
			return
		}
		b.now = next
	}
}

// String is a message in a line: when, to whom, about what, and what it says of it.
func (s sent) String() string {
	out := fmt.Sprintf("%s %s ", s.at.Sub(start), s.Receiver)
	if x := s.summary; x != nil {
		out += fmt.Sprintf("%s of %d", x.Kind, x.Total)
	} else {
		out += s.Alert.Identity
	}
	if s.Kind != "" {
		out += " " + s.Kind
	}
	a := s.about
	if a == nil {
		return out
	}
	if a.Seen != nil {
		out += fmt.Sprintf(" seen %d since %s", a.Seen.Count, a.Seen.Since.Sub(start))
	}
	if a.Quiet != nil {
		out += fmt.Sprintf(" quiet for %s, %d in all", a.Quiet.For, a.Quiet.Total)
	}
	if a.Taken != nil {
		out += " taken by " + a.Taken.By
	}
	if a.Resolved != nil {
		out += fmt.Sprintf(" by %s after %s", a.Resolved.By.Identity, a.Resolved.After)
	}
	return out
}

// heard compares what receivers were told, since it was asked last. Times are since the start.
func (b *bench) heard(want ...string) {
	b.t.Helper()
	var got []string
	for _, s := range b.sent {
		got = append(got, s.String())
	}
	b.sent = nil
	if diff := cmp.Diff(got, want); diff != "" {
		b.t.Errorf("heard (-got +want):\n%s", diff)
	}
}

// delivery finds one: of an alert, to a receiver, of a kind.
func (b *bench) delivery(identity, receiver, kind string) outbox.Delivery {
	b.t.Helper()
	for _, d := range b.all(outbox.Filter{Identity: identity, Receiver: receiver}) {
		if d.Kind == kind {
			return d
		}
	}
	return outbox.Delivery{}
}

func (b *bench) all(f outbox.Filter) []outbox.Delivery {
	b.t.Helper()
	found, err := b.db.Find(context.Background(), f)
	b.must(err)
	return found
}

// stands compares state and reason of the message about an alert.
func (b *bench) stands(identity, receiver string, state outbox.State, reason string) {
	b.t.Helper()
	d := b.delivery(identity, receiver, "")
	if d.State != state || !strings.HasPrefix(d.Reason, reason) || reason == "" && d.Reason != "" {
		b.t.Errorf("%s to %s: got %q (%q), want %q (%q)", identity, receiver, d.State, d.Reason, state, reason)
	}
}

// noted asks for a line of the notes.
func (b *bench) noted(identity, receiver, line string) {
	b.t.Helper()
	notes := strings.Split(b.delivery(identity, receiver, "").Notes, "\n")
	if !slices.Contains(notes, line) {
		b.t.Errorf("%s to %s: no note %q in\n%s", identity, receiver, line, strings.Join(notes, "\n"))
	}
}

func (b *bench) silence(s outbox.Silence) {
	b.t.Helper()
	if s.Created.IsZero() {
		s.Created = b.now
	}
	if s.Starts.IsZero() {
		s.Starts = b.now
	}
	b.must(b.db.AddSilence(context.Background(), s))
}

// silenced is how many alerts a silence has counted.
func (b *bench) silenced(id string) int {
	b.t.Helper()
	all, err := b.db.Silences(context.Background(), time.Time{})
	b.must(err)
	for _, s := range all {
		if s.ID == id {
			return s.Silenced
		}
	}
	b.t.Fatalf("no silence %s", id)
	return 0
}

// acknowledge is done by another process.
func (b *bench) acknowledge(identity, by string) (first bool) {
	b.t.Helper()
	other, _, err := outbox.Open(context.Background(), b.path, outbox.Options{Now: b.now})
	b.must(err)
	defer other.Close()
	_, first, err = other.Acknowledge(context.Background(), outbox.Ack{Identity: identity, By: by, Via: "cli", At: b.now})
	b.must(err)
	return first
}
