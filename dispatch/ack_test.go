package dispatch

import (
	"context"
	"fmt"
	"io"
	"log/slog"
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
)

// mailbox takes every message, unless it is down, and shows of each the action, whether it holds a link, and what it says
// of steps and takers.
type mailbox struct {
	mu   sync.Mutex
	down bool
	got  []string
}

func (m *mailbox) Notify(_ context.Context, n notifier.Notification) (notifier.Receipt, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return notifier.Receipt{}, notifier.Errorf(notifier.Temporary, "down")
	}
	line := string(n.Action)
	for _, text := range strings.Split(n.Parts["text"].String(), "\n") {
		for _, label := range []string{"Step", "Taken"} {
			if strings.HasPrefix(text, label) {
				line += "; " + strings.Join(strings.Fields(text), " ")
			}
		}
		if strings.Contains(text, "https://notify.example.com/ack/") {
			line += "; link"
		}
	}
	m.got = append(m.got, line)
	return notifier.Receipt{Status: 202, ID: fmt.Sprint("m", len(m.got))}, nil
}

func (m *mailbox) told() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string{}, m.got...)
}

func (m *mailbox) goDown(down bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = down
}

// escalation is a bench with routes, whose messages are mails with links.
func escalation(t *testing.T, routes string, receivers map[string]*mailbox) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir(), queue: newQueue(), log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(routes), &doc); err != nil {
		t.Fatal(err)
	}
	read, problems := rules.ParseRoutes(doc.Content[0], alert.DefaultScale, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	d := &Dispatcher{Table: &rules.Table{Routes: read}, Scale: alert.DefaultScale, Receivers: map[string]*Receiver{}, Log: b.log, Zone: time.UTC,
		AckURL: func(identity string, occurrence int, receiver string) string {
			return fmt.Sprintf("https://notify.example.com/ack/%s.%d.%s", strings.ReplaceAll(identity, "/", "."), occurrence, receiver)
		}}
	for name, n := range receivers {
		d.Receivers[name] = &Receiver{Name: name, Channel: "email", Notifier: n, Templates: templates.Default(), Concurrency: 1, MaxAge: DefaultMaxAge}
	}
	b.site = fixed{d: d}
	return b
}

// comes has an alert arrive, and returns its identity.
func (b *bench) comes(id string) string {
	a := alert.Parse(fmt.Appendf(nil, `{"timestamp":"2000-01-01T00:00:00.000+0000","rule":{"level":12,"description":"d","id":"5710","groups":["sshd"]},"agent":{"id":"001","name":"web-01"},"manager":{"name":"m"},"id":%q,"full_log":"x","location":"/l"}`, id), alert.Options{Received: time.Now()})
	b.queue.put(Arrival{Alert: a, Header: []byte(`""`), Deliveries: b.site.d.Plan(a)})
	synctest.Wait()
	return a.Identity()
}

// taken is somebody who takes an alert in another process.
func (b *bench) taken(ack outbox.Ack) {
	b.t.Helper()
	other, _, err := outbox.Open(context.Background(), b.box.Path(), outbox.Options{})
	if err != nil {
		b.t.Fatal(err)
	}
	defer other.Close()
	ack.At = time.Now()
	if _, first, err := other.Acknowledge(context.Background(), ack); err != nil || !first {
		b.t.Fatal(first, err)
	}
}

func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func was(t *testing.T, who string, m *mailbox, want ...string) {
	t.Helper()
	if diff := cmp.Diff(m.told(), append([]string{}, want...)); diff != "" {
		t.Errorf("%s (-got +want):\n%s", who, diff)
	}
}

const paging = `[{escalate: [{to: oncall}, {after: 10m, to: backup}, {after: 20m, to: boss}]}]`

func TestWhoTakesAnAlertElsewhereStopsItWithinSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		oncall, backup, boss := &mailbox{}, &mailbox{}, &mailbox{}
		b := escalation(t, paging, map[string]*mailbox{"oncall": oncall, "backup": backup, "boss": boss})
		b.start()
		id := b.comes("1.1")
		pass(11 * time.Minute)
		was(t, "oncall", oncall, "trigger; link")
		was(t, "backup", backup, "trigger; Step 2 of 3: oncall has not answered for 10 min; link")
		b.taken(outbox.Ack{Identity: id, By: "alice", Via: "command line"})
		pass(lookEvery + time.Second)
		const taken = "acknowledge; Taken by alice at 00:11 (command line)"
		was(t, "oncall", oncall, "trigger; link", taken)
		was(t, "backup", backup, "trigger; Step 2 of 3: oncall has not answered for 10 min; link", taken)
		pass(21 * time.Minute)
		was(t, "boss", boss)
		if err := b.stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestADelivererThatLingersStaysWhileAnEscalationIsOpen(t *testing.T) {
	for _, take := range []bool{false, true} {
		t.Run(fmt.Sprintf("taken=%v", take), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				oncall, backup, boss := &mailbox{}, &mailbox{}, &mailbox{}
				b := escalation(t, paging, map[string]*mailbox{"oncall": oncall, "backup": backup, "boss": boss})
				box, _, err := outbox.Open(context.Background(), b.dir+"/outbox.db", outbox.Options{Owner: true, DeliveryID: DeliveryID})
				if err != nil {
					t.Fatal(err)
				}
				defer box.Close()
				b.box = box
				ended := make(chan error, 1)
				begun, over := time.Now(), time.Time{}
				go func() {
					err := (&Deliverer{Box: box, Sources: []Source{b.queue}, Site: b.site, Log: b.log, Linger: 30 * time.Second}).Run(context.Background())
					over = time.Now()
					ended <- err
				}()
				id := b.comes("1.1")
				want := 20 * time.Minute
				if take {
					want = 15 * time.Minute
					pass(want)
					b.taken(outbox.Ack{Identity: id, By: "alice", Via: "command line"})
				}
				if err := <-ended; err != nil {
					t.Fatal(err)
				}
				if stayed := over.Sub(begun); stayed < want+30*time.Second || stayed > want+40*time.Second {
					t.Errorf("it stayed for %s, want %s and its linger", stayed, want)
				}
				if got := len(boss.told()); (got == 0) != take {
					t.Errorf("the boss was told %d times", got)
				}
				if got := backup.told(); (len(got) == 2) != take {
					t.Errorf("backup was told %q", got)
				}
			})
		})
	}
}

func TestWhereItWasTakenNobodyIsToldOfThat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		page, other, slow := &mailbox{}, &mailbox{}, &mailbox{}
		b := escalation(t, `[{to: [other, slow], escalate: [{to: page}, {after: 10m, to: other}]}]`, map[string]*mailbox{"page": page, "other": other, "slow": slow})
		b.start()
		slow.goDown(true)
		id := b.comes("1.1")
		pass(time.Minute)
		b.taken(outbox.Ack{Identity: id, By: "Alice Example", Via: "PagerDuty", Receiver: "page"})
		pass(time.Minute)
		was(t, "page", page, "trigger; link")
		const taken = "acknowledge; Taken by Alice Example at 00:01 (PagerDuty)"
		was(t, "other", other, "trigger; link", taken)
		was(t, "slow", slow)
		slow.goDown(false) // what it missed, in its order: who is paged late must also hear that it is taken
		pass(21 * time.Minute)
		got := slow.told()
		if len(got) != 2 || !strings.HasPrefix(got[0], "trigger") || got[1] != taken {
			t.Errorf("who was down heard %q", got)
		}
		was(t, "other", other, "trigger; link", taken)
		if err := b.stop(); err != nil {
			t.Error(err)
		}
	})
}

// A step whose receiver is down goes to its fallback, who has been told of the alert already, and may take it.
func TestAStepGoesToTheFallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		soc, page, boss := &mailbox{}, &mailbox{down: true}, &mailbox{}
		b := escalation(t, `[{escalate: [{to: soc}, {after: 10m, to: page}, {after: 1h, to: boss}]}]`, map[string]*mailbox{"soc": soc, "page": page, "boss": boss})
		b.site.d.Receivers["page"].Fallback = []string{"soc"}
		b.start()
		id := b.comes("1.1")
		pass(21 * time.Minute)
		was(t, "soc", soc, "trigger; link", "trigger; Step 2 of 3: soc has not answered for 10 min; link")
		b.taken(outbox.Ack{Identity: id, By: "alice", Via: "mail link"})
		pass(time.Minute)
		if got := soc.told(); len(got) != 3 || got[2] != "acknowledge; Taken by alice at 00:21 (mail link)" {
			t.Errorf("soc was told %q", got)
		}
		was(t, "boss", boss)
		if err := b.stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestOnlyMessagesOfEscalationsHaveTheLink: there is nothing to take elsewhere.
func TestOnlyMessagesOfEscalationsHaveTheLink(t *testing.T) {
	for name, tt := range map[string]struct{ routes, want string }{
		"plain":                   {`[{to: [a]}]`, "trigger"},
		"repeats":                 {`[{to: [a], dedup: 5m}]`, "trigger"},
		"first step":              {`[{escalate: [{to: a}, {after: 10m, to: b}]}]`, "trigger; link"},
		"beside the first step":   {`[{to: [a], escalate: [{to: c}, {after: 10m, to: b}]}]`, "trigger; link"},
		"to, and in a later step": {`[{to: [a], escalate: [{to: b}, {after: 10m, to: a}]}]`, "trigger; link, trigger; Step 2 of 2: b has not answered for 10 min; link"},
		"a group of one":          {`[{group_by: [rule], escalate: [{to: a}, {after: 10m, to: b}]}]`, "trigger; link"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &mailbox{}
				b := escalation(t, tt.routes, map[string]*mailbox{"a": a, "b": {}, "c": {}})
				b.start()
				b.comes("1.1")
				pass(11 * time.Minute)
				if got := strings.Join(a.told(), ", "); got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
				if err := b.stop(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestAGroupIsTakenAsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, backup := &mailbox{}, &mailbox{}
		b := escalation(t, `[{group_by: [rule], group_wait: 30s, escalate: [{to: a}, {after: 10m, to: backup}]}]`, map[string]*mailbox{"a": a, "backup": backup})
		b.start()
		b.comes("1.1")
		b.comes("1.2")
		pass(time.Minute)
		was(t, "a", a, "digest; link")
		escalating, err := b.box.Escalating(context.Background())
		if err != nil || len(escalating) != 1 {
			t.Fatalf("%+v, %v", escalating, err)
		}
		b.taken(outbox.Ack{Identity: escalating[0].Alert.Identity, By: "alice", Via: "mail link"})
		pass(11 * time.Minute)
		was(t, "a", a, "digest; link", "acknowledge; Taken by alice at 00:01 (mail link)")
		was(t, "backup", backup)
		if err := b.stop(); err != nil {
			t.Error(err)
		}
	})
}
