package dispatch

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
)

// While the config file is broken the last one that loaded is in use, and nothing is known to be gone. Whom an alias of that
// stands for must be paged all the same.
func TestAStepForWhoIsOnCallIsToldWhileTheConfigFileIsBroken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		soc, alice := &listener{}, &listener{}
		b := quietBench(t, `routes: [{escalate: [{to: slack-soc}, {after: 10m, to: duty}]}]`, map[string]*listener{"slack-soc": soc, "slack-alice": alice})
		b.site.d.Aliases = map[string]Alias{"duty": &duty{names: [2][]string{{"slack-alice"}, {"slack-alice"}}}}
		b.site.isGone = func(string) bool { return false }
		b.start()
		b.arrives(1, 5710, 12, "web-01")
		b.wait(time.Hour)
		if got := len(alice.told()); got != 1 {
			t.Errorf("who is on call heard %d messages, want the second step", got)
		}
		if err := b.stop(); err != nil {
			t.Error(err)
		}
	})
}

// refusing is a receiver that takes some actions, and refuses others: for good, or for now.
type refusing struct {
	listener
	refuses []notifier.Action
	forNow  bool
	refused atomic.Int64
}

func (r *refusing) Notify(ctx context.Context, n notifier.Notification) (notifier.Receipt, error) {
	if slices.Contains(r.refuses, n.Action) {
		r.refused.Add(1)
		if r.forNow {
			return notifier.Receipt{}, temporary("status 503", 0)
		}
		return notifier.Receipt{}, permanent("status 400")
	}
	return r.listener.Notify(ctx, n)
}

// A fallback is told what the receiver was to be told: not the alert anew where that was told, and a digest as a digest.
func TestAFallbackIsToldWhatTheReceiverWasToBeTold(t *testing.T) {
	for name, tc := range map[string]struct {
		route   string
		refuses notifier.Action
		want    []string // actions that the fallback hears
		kinds   []string
	}{
		"an edit":   {`dedup: 15m`, notifier.Update, nil, nil},
		"a resolve": {`resolve: {opens: {rule: 5710}, closes: {rule: 5711}, by: [agent]}`, notifier.Resolve, []string{"resolve"}, []string{"resolve"}},
		"a digest":  {`digest: 10m`, notifier.Digest, []string{"digest"}, []string{""}},
		"a step":    {`escalate: [{to: hook-1}, {after: 10m, to: slack-1}]`, notifier.Trigger, []string{"trigger"}, []string{"step2"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mail, hook := &listener{}, &listener{}
				slack := &refusing{listener: listener{amends: true}, refuses: []notifier.Action{tc.refuses}}
				route := tc.route
				if !strings.Contains(route, "escalate") {
					route += ", to: slack-1"
				}
				b := quietBench(t, `routes: [{`+route+`}]`, map[string]*listener{"email-1": mail, "slack-1": &slack.listener, "hook-1": hook})
				b.site.d.Receivers["slack-1"].Notifier = slack
				b.site.d.Receivers["slack-1"].Fallback = []string{"email-1"}
				b.start()
				b.arrives(2, 5710, 10, "web-01")
				b.wait(time.Second)
				b.arrives(3, 5710, 10, "web-01")
				b.wait(time.Minute)
				b.arrives(4, 5711, 10, "web-01")
				b.wait(9*time.Minute + 30*time.Second)
				var actions, kinds []string
				for _, n := range mail.got {
					actions = append(actions, string(n.Action))
				}
				found, err := b.box.Find(t.Context(), outbox.Filter{Receiver: "email-1"})
				if err != nil {
					t.Fatal(err)
				}
				for _, x := range found {
					kinds = append(kinds, x.Kind)
				}
				if tc.want != nil {
					actions, kinds = slices.Compact(actions), slices.Compact(kinds)
				}
				if !slices.Equal(actions, tc.want) || !slices.Equal(kinds, tc.kinds) {
					t.Errorf("the fallback heard %q of the kinds %q, want %q of %q: %q", actions, kinds, tc.want, tc.kinds, mail.told())
				}
				if err := b.stop(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// An edit is of no use to a fallback. It waits for its receiver, which is not asked more often for that.
func TestWhatNoFallbackTakesWaitsForTheReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mail := &listener{}
		slack := &refusing{listener: listener{amends: true}, refuses: []notifier.Action{notifier.Update}, forNow: true}
		b := quietBench(t, `routes: [{to: slack-1, dedup: 1h}]`, map[string]*listener{"email-1": mail, "slack-1": &slack.listener})
		b.site.d.Receivers["slack-1"].Notifier = slack
		b.site.d.Receivers["slack-1"].Fallback = []string{"email-1"}
		b.start()
		b.arrives(5, 5710, 10, "web-01")
		b.wait(time.Second)
		b.arrives(6, 5710, 10, "web-01")
		b.wait(30 * time.Minute)
		if n := slack.refused.Load(); n < 8 || n > 40 {
			t.Errorf("the receiver was asked %d times in half an hour", n)
		}
		if got := mail.told(); len(got) > 0 {
			t.Errorf("the fallback heard %q", got)
		}
		b.arrives(7, 5710, 10, "web-02") // what a fallback takes is not kept waiting by that
		b.wait(2 * time.Minute)
		if got := len(mail.told()) + len(slack.told()); got != 2 {
			t.Errorf("%d of 2 alerts were told: %q, %q", got, slack.told(), mail.told())
		}
		if err := b.stop(); err != nil {
			t.Error(err)
		}
	})
}

// Lanes ask for it, too, when a fallback takes over, while the config changes.
func TestNoiseControlIsAskedForByManyAtOnce(t *testing.T) {
	d := &Deliverer{Site: &changing{one: quietBench(t, `routes: []`, nil).site.d, two: quietBench(t, `routes: []`, nil).site.d}}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 100 {
				if d.control() == nil {
					t.Error("none")
				}
			}
		})
	}
	all.Wait()
}

// changing is a site whose config is another one each time.
type changing struct {
	fixed
	mu       sync.Mutex
	one, two *Dispatcher
}

func (c *changing) Dispatcher() *Dispatcher {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.one, c.two = c.two, c.one
	return c.one
}
