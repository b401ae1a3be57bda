package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/templates"
)

// scripted is a vendor that answers attempts by a script; behind its end every message is accepted.
type scripted struct {
	mu      sync.Mutex
	answers []error
	got     []notifier.Notification
	at      []time.Time
	hang    bool
}

func (s *scripted) Notify(ctx context.Context, n notifier.Notification) (notifier.Receipt, error) {
	s.mu.Lock()
	s.got = append(s.got, n)
	s.at = append(s.at, time.Now())
	var err error
	if len(s.answers) > 0 {
		err, s.answers = s.answers[0], s.answers[1:]
	}
	hang := s.hang
	s.mu.Unlock()
	if hang {
		<-ctx.Done()
		return notifier.Receipt{}, context.Cause(ctx)
	}
	return notifier.Receipt{ID: "1"}, err
}

func temporary(text string, after time.Duration) error {
	return &notifier.Error{Reason: notifier.Temporary, RetryAfter: after, Err: errors.New(text)}
}

func permanent(text string) error { return notifier.Errorf(notifier.Permanent, "%s", text) }

func testAlert() *alert.Alert {
	return alert.Parse([]byte(`{"timestamp":"2026-11-23T13:20:17.412+0000","rule":{"level":10,"description":"d","id":"5712","groups":["sshd","authentication_failures"]},"agent":{"id":"001","name":"web-01"},"manager":{"name":"mgr"},"id":"1795440017.1","full_log":"x","location":"/var/log/auth.log","data":{"srcip":"203.0.113.9"}}`), alert.Options{})
}

func testDispatcher(receivers map[string]*scripted, table rules.Table) *Dispatcher {
	d := &Dispatcher{Table: &table, Scale: alert.DefaultScale, Receivers: map[string]*Receiver{}, Log: slog.New(slog.DiscardHandler)}
	set := templates.Default()
	for name, n := range receivers {
		channel, _, _ := strings.Cut(name, "-")
		d.Receivers[name] = &Receiver{Name: name, Channel: channel, Notifier: n, Templates: set}
	}
	return d
}

func receiversOf(deliveries []Delivery) []string {
	var names []string
	for _, x := range deliveries {
		names = append(names, x.Receiver.Name+" by "+x.Route)
	}
	return names
}

func TestPlanFollowsTheRoutes(t *testing.T) {
	d := testDispatcher(map[string]*scripted{"slack-1": {}, "email-1": {}, "splunk-1": {}, "slack-2": {}}, rules.Table{
		Always:  []string{"splunk-1"},
		Routes:  []*rules.Route{{Name: "all", To: []string{"slack-1"}}},
		Default: []string{"email-1", "slack-2"},
	})
	a := testAlert()
	if diff := cmp.Diff(receiversOf(d.Plan(a)), []string{"splunk-1 by always", "slack-1 by all"}); diff != "" {
		t.Errorf("Plan (-got +want):\n%s", diff)
	}
	if diff := cmp.Diff(receiversOf(d.PlanChannel(a, "slack")), []string{"slack-1 by all"}); diff != "" {
		t.Errorf("PlanChannel slack (-got +want):\n%s", diff)
	}
	if diff := cmp.Diff(receiversOf(d.PlanChannel(a, "email")), []string{"email-1 by default"}); diff != "" {
		t.Errorf("PlanChannel email: the routes chose none, so the defaults of that kind (-got +want):\n%s", diff)
	}
	got, err := d.PlanReceivers(a, "slack-2")
	if diff := cmp.Diff(receiversOf(got), []string{"slack-2 by "}); diff != "" || err != nil {
		t.Errorf("PlanReceivers: %v (-got +want):\n%s", err, diff)
	}
	if _, err := d.PlanReceivers(a, "slakc-2"); err == nil || !strings.Contains(err.Error(), `did you mean "slack-2"?`) {
		t.Errorf("PlanReceivers of an unknown name: %v", err)
	}
}

// A route that says "nobody" is not passed by because the call is for one kind of channel.
func TestPlanChannelObeysARouteThatSendsToNobody(t *testing.T) {
	d := testDispatcher(map[string]*scripted{"slack-1": {}}, rules.Table{
		Routes:  []*rules.Route{{Name: "noise", Nobody: true}},
		Default: []string{"slack-1"},
	})
	if got := receiversOf(d.PlanChannel(testAlert(), "slack")); len(got) != 0 {
		t.Errorf("it goes to %q, want nobody", got)
	}
}

func TestDeliveryIDIsTheSameEverywhere(t *testing.T) {
	if a, b := DeliveryID("m/1", "soc", 1), DeliveryID("m/1", "soc", 1); a != b || len(a) != 16 {
		t.Errorf("DeliveryID is %q, then %q, want 16 characters twice the same", a, b)
	}
	seen := map[string]bool{}
	for _, id := range []string{DeliveryID("m/1", "soc", 1), DeliveryID("m/1", "soc", 2), DeliveryID("m/1", "sox", 1), DeliveryID("m/2", "soc", 1)} {
		if seen[id] {
			t.Errorf("%s twice", id)
		}
		seen[id] = true
	}
}

func TestDeliverTriesAgainAfterTemporaryFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{answers: []error{temporary("500", 0), errors.New("who knows"), temporary("429", 7*time.Second)}}
		d := testDispatcher(map[string]*scripted{"slack-1": s}, rules.Table{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		x, err := d.PlanReceivers(testAlert(), "slack-1")
		if err != nil {
			t.Fatal(err)
		}
		out := d.Deliver(ctx, x[0])
		if out.State != outbox.Delivered || out.Attempts != 4 {
			t.Fatalf("state %s after %d attempts, want delivered after 4 (%v)", out.State, out.Attempts, out.Err)
		}
		if wait := s.at[3].Sub(s.at[2]); wait < 7*time.Second {
			t.Errorf("waited %s after Retry-After: 7", wait)
		}
		for _, n := range s.got[1:] {
			if n.Delivery != s.got[0].Delivery {
				t.Errorf("the delivery changed between attempts: %s, %s", n.Delivery, s.got[0].Delivery)
			}
		}
	})
}

func TestDeliverGivesUp(t *testing.T) {
	for _, tc := range []struct {
		name     string
		answers  []error
		attempts int
		took     time.Duration // at most
	}{
		{"at once after a permanent failure", []error{permanent("invalid_payload")}, 1, 0},
		{"at once when asked to wait longer than there is time", []error{temporary("429", time.Hour)}, 1, 0},
		{"when time is over", slices.Repeat([]error{temporary("500", 0)}, 1000), 0, 30 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &scripted{answers: tc.answers}
				d := testDispatcher(map[string]*scripted{"slack-1": s}, rules.Table{})
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				x, err := d.PlanReceivers(testAlert(), "slack-1")
				if err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				out := d.Deliver(ctx, x[0])
				if out.State != outbox.Dead || out.Err == nil {
					t.Errorf("state %s, error %v, want dead with an error", out.State, out.Err)
				}
				if tc.attempts > 0 && out.Attempts != tc.attempts {
					t.Errorf("%d attempts, want %d", out.Attempts, tc.attempts)
				}
				if took := time.Since(start); took > tc.took {
					t.Errorf("took %s, want at most %s", took, tc.took)
				}
			})
		})
	}
}

func TestAttemptHasADeadlineWithACause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{hang: true}
		d := testDispatcher(map[string]*scripted{"slack-1": s}, rules.Table{})
		d.Receivers["slack-1"].Timeout = 3 * time.Second
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second+time.Millisecond) // no time for a second attempt
		defer cancel()
		x, err := d.PlanReceivers(testAlert(), "slack-1")
		if err != nil {
			t.Fatal(err)
		}
		out := d.Deliver(ctx, x[0])
		if out.Err == nil || !strings.Contains(out.Err.Error(), "timeout of 3s") {
			t.Errorf("error = %v, want the timeout by name", out.Err)
		}
	})
}

func TestSlowReceiverDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow, quick := &scripted{hang: true}, &scripted{}
		d := testDispatcher(map[string]*scripted{"slack-slow": slow, "slack-quick": quick}, rules.Table{})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		start := time.Now()
		took := map[string]time.Duration{}
		x, err := d.PlanReceivers(testAlert(), "slack-slow", "slack-quick")
		if err != nil {
			t.Fatal(err)
		}
		d.DeliverAll(ctx, x, func(o Outcome) { took[o.Delivery.Receiver.Name] = time.Since(start) })
		if took["slack-quick"] != 0 {
			t.Errorf("the quick receiver was told after %s", took["slack-quick"])
		}
		if len(took) != 2 {
			t.Errorf("%d outcomes, want 2", len(took))
		}
	})
}

func TestReceiverHearsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{answers: []error{temporary("500", 0)}}
		d := testDispatcher(map[string]*scripted{"slack-1": s}, rules.Table{})
		var all []Delivery
		for _, id := range []string{"1", "2", "3"} {
			a := testAlert()
			a.ID = id
			x, err := d.PlanReceivers(a, "slack-1")
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, x...)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		d.DeliverAll(ctx, all, func(Outcome) {})
		var got []string
		for _, n := range s.got {
			got = append(got, n.Alert)
		}
		if diff := cmp.Diff(got, []string{"mgr/1", "mgr/1", "mgr/2", "mgr/3"}); diff != "" {
			t.Errorf("order (-got +want):\n%s", diff)
		}
	})
}

func TestTemplateThatFailsStillNotifies(t *testing.T) {
	d := testDispatcher(map[string]*scripted{"slack-1": {}}, rules.Table{})
	broken, err := templates.Default().WithText("short.tmpl", "a\n{{.Foo}}")
	if err != nil {
		t.Fatal(err)
	}
	d.Receivers["slack-1"].Templates = broken
	x, err := d.PlanReceivers(testAlert(), "slack-1")
	if err != nil {
		t.Fatal(err)
	}
	n, err := d.Notification(x[0])
	if err == nil || !strings.Contains(err.Error(), "short.tmpl:2 failed (no field .Foo)") {
		t.Errorf("error = %v, want the template and its line", err)
	}
	for _, want := range []string{"MEDIUM: SSH brute force from 203.0.113.9 on web-01", "Note: template short.tmpl:2 failed (no field .Foo): this is the default form"} {
		if !strings.Contains(n.Parts["text"].String(), want) {
			t.Errorf("text is\n%s\nwant it to hold %q", n.Parts["text"], want)
		}
	}
	out := d.Deliver(t.Context(), x[0])
	if out.State != outbox.Delivered || out.TemplateErr == nil {
		t.Errorf("state %s, template error %v, want delivered with the error told", out.State, out.TemplateErr)
	}
}

func TestBackoffDoublesWithJitterAndObeysTheVendor(t *testing.T) {
	for attempts, ceiling := range map[int]time.Duration{1: 500 * time.Millisecond, 2: time.Second, 3: 2 * time.Second, 5: 8 * time.Second, 6: 15 * time.Second, 60: 15 * time.Second} {
		var longest time.Duration
		for range 500 {
			longest = max(longest, backoff(attempts, 0))
		}
		if longest < ceiling/2 || longest > ceiling+backoffBase/5 {
			t.Errorf("attempt %d: the longest of 500 waits is %s, want between %s and %s", attempts, longest, ceiling/2, ceiling)
		}
	}
	if got := backoff(1, time.Minute); got != time.Minute {
		t.Errorf("backoff with Retry-After of 1m = %s", got)
	}
}

func BenchmarkNotification(b *testing.B) {
	d := testDispatcher(map[string]*scripted{"slack-1": {}}, rules.Table{Routes: []*rules.Route{{To: []string{"slack-1"}}}})
	raw := testAlert().Raw
	b.ReportAllocs()
	for b.Loop() {
		a := alert.Parse(raw, alert.Options{})
		for _, x := range d.Plan(a) {
			if _, err := d.Notification(x); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func TestMisconfiguredReceiverIsTriedOnceMoreWithNewSecrets(t *testing.T) {
	revoked := notifier.Errorf(notifier.Misconfigured, "status 401")
	tests := []struct {
		name     string
		answers  []error
		renew    func() bool
		attempts int
		state    outbox.State
		renewed  int
	}{
		{"replaced", []error{revoked}, func() bool { return true }, 2, outbox.Delivered, 1},
		{"revoked for good", []error{revoked, revoked}, func() bool { return true }, 2, outbox.Dead, 1},
		{"nothing new", []error{revoked}, func() bool { return false }, 1, outbox.Dead, 1},
		{"nothing kept", []error{revoked}, nil, 1, outbox.Dead, 0},
		{"refused for another reason", []error{permanent("too long")}, func() bool { return true }, 1, outbox.Dead, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, renewed := &scripted{answers: tt.answers}, 0
			d := testDispatcher(map[string]*scripted{"slack-1": s}, rules.Table{})
			if r := d.Receivers["slack-1"]; tt.renew != nil {
				r.Renew = func() bool { renewed++; return tt.renew() }
			}
			out := d.Deliver(t.Context(), d.PlanFor(testAlert(), d.Receivers["slack-1"]))
			if out.State != tt.state || len(s.got) != tt.attempts || renewed != tt.renewed {
				t.Errorf("got %s after %d requests, renewed %d times, want %s, %d, %d", out.State, len(s.got), renewed, tt.state, tt.attempts, tt.renewed)
			}
		})
	}
}

// Where there is no later, fallbacks are told within the time that is left, whatever fallback_after says.
func TestFallbacksAreToldWhereThereIsNoLater(t *testing.T) {
	for _, c := range []struct {
		name    string
		first   *scripted
		second  *scripted
		instead string
		want    map[string]outbox.State
	}{
		{
			"the first refuses", &scripted{answers: []error{permanent("401")}}, &scripted{}, "slack-1 refused it (no answer)",
			map[string]outbox.State{"slack-1": outbox.Suppressed, "slack-2": outbox.Delivered},
		},
		{
			"the first asks for more time than there is", &scripted{answers: []error{temporary("429", time.Minute)}}, &scripted{}, "slack-1 has failed (no answer)",
			map[string]outbox.State{"slack-1": outbox.Suppressed, "slack-2": outbox.Delivered},
		},
		{
			"the first hangs", &scripted{hang: true}, &scripted{}, "slack-1 has failed (no answer)",
			map[string]outbox.State{"slack-1": outbox.Suppressed, "slack-2": outbox.Delivered},
		},
		{
			"the last in the chain", &scripted{hang: true}, &scripted{answers: []error{permanent("403")}}, "slack-2 refused it (no answer)",
			map[string]outbox.State{"slack-1": outbox.Suppressed, "slack-2": outbox.Suppressed, "slack-3": outbox.Delivered},
		},
		{"the first is well", &scripted{answers: []error{temporary("500", 0)}}, &scripted{}, "", map[string]outbox.State{"slack-1": outbox.Delivered}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				third := &scripted{}
				d := testDispatcher(map[string]*scripted{"slack-1": c.first, "slack-2": c.second, "slack-3": third}, rules.Table{})
				d.Receivers["slack-1"].Fallback, d.Receivers["slack-2"].Fallback = []string{"slack-2"}, []string{"slack-3"}
				x, err := d.PlanReceivers(testAlert(), "slack-1")
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				got, instead := map[string]outbox.State{}, ""
				d.DeliverNow(ctx, x, func(o Outcome) {
					got[o.Delivery.Receiver.Name] = o.State
					if o.State == outbox.Delivered {
						instead = o.Delivery.Instead
					}
				})
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("outcomes (-want +got):\n%s", diff)
				}
				if instead != c.instead {
					t.Errorf("got told because %q, want %q", instead, c.instead)
				}
				if ctx.Err() != nil {
					t.Error("it took the whole time")
				}
			})
		})
	}
}

// One that is told anyway is not told again as a fallback.
func TestFallbackThatIsToldAnywayIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := &scripted{answers: []error{permanent("401")}}, &scripted{}
		d := testDispatcher(map[string]*scripted{"slack-1": first, "slack-2": second}, rules.Table{})
		d.Receivers["slack-1"].Fallback = []string{"slack-2"}
		x, err := d.PlanReceivers(testAlert(), "slack-1", "slack-2")
		if err != nil {
			t.Fatal(err)
		}
		d.DeliverNow(t.Context(), x, func(Outcome) {})
		if n := len(second.got); n != 1 {
			t.Errorf("the fallback was told %d times, want once", n)
		}
	})
}
