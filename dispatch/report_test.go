package dispatch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
)

// program is a receiver that runs a program, which ends as its statuses say, one after the other; 75 is tried again.
type program struct {
	listener
	statuses []int
	runs     int
}

func (p *program) Notify(ctx context.Context, n notifier.Notification) (notifier.Receipt, error) {
	if _, err := p.listener.Notify(ctx, n); err != nil {
		return notifier.Receipt{}, err
	}
	status := p.statuses[min(p.runs, len(p.statuses)-1)]
	p.runs++
	receipt := notifier.Receipt{Ran: &notifier.Ran{Program: "block", Receiver: n.Receiver, Delivery: n.Delivery, Action: n.Action, Status: status, Took: time.Second, Output: "said so"}}
	switch status {
	case 0:
		return receipt, nil
	case 75:
		return receipt, temporary("status 75", 0)
	}
	return receipt, permanent(fmt.Sprint("status ", status))
}

func (p *program) Follows(a notifier.Action) bool {
	return a == notifier.Trigger || a == notifier.Resolve
}

// pager is told of nothing but alerts.
type pager struct{ listener }

func (p *pager) Follows(a notifier.Action) bool { return a == notifier.Trigger }

// runbookBench has a program for every alert, whose end soc and a pager are to be told of.
func runbookBench(t *testing.T, statuses ...int) (b *bench, run *program, soc *listener, page *pager) {
	run, soc, page = &program{statuses: statuses}, &listener{}, &pager{}
	b = quietBench(t, `routes: [{to: [slack-soc, block], resolve: {opens: {rule: 5710}, closes: {rule: 5711}, by: [agent]}}]`, map[string]*listener{"slack-soc": soc, "block": &run.listener, "page": &page.listener})
	for name, n := range map[string]notifier.Notifier{"block": run, "page": page} {
		b.site.d.Receivers[name].Notifier = n
		b.site.d.Receivers[name].Channel = "slack"
	}
	b.site.d.Receivers["block"].Report = []string{"slack-soc", "page", "gone"}
	b.site.d.Receivers["slack-soc"].Reported = true
	return b, run, soc, page
}

// gist is what a receiver was told, without times.
func (s *listener) gist() []string {
	var out []string
	for _, x := range s.told() {
		_, text, _ := strings.Cut(x, " ")
		out = append(out, text)
	}
	return out
}

func TestWhoIsReportedToIsToldOnceHowAProgramEnded(t *testing.T) {
	for name, tc := range map[string]struct {
		statuses []int
		word     string
		runs     int
	}{
		"done": {[]int{0}, "RAN", 1}, "failed": {[]int{3}, "FAILED", 1}, "at the third attempt": {[]int{75, 75, 0}, "RAN", 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, run, soc, page := runbookBench(t, tc.statuses...)
				b.start()
				b.arrives(1, 5710, 12, "web-01")
				b.wait(time.Minute)
				if err := b.stop(); err != nil { // and over a restart
					t.Fatal(err)
				}
				b.start()
				b.wait(time.Minute)
				if err := b.stop(); err != nil {
					t.Fatal(err)
				}
				got := soc.gist()
				if len(got) != 2 || !strings.HasPrefix(got[0], "trigger: HIGH: ") || !strings.HasPrefix(got[1], "report of ") || !strings.Contains(got[1], ": "+tc.word+" block: ") {
					t.Errorf("soc heard %q", got)
				}
				if n := soc.got[len(soc.got)-1]; n.Severity != "info" || n.Earlier == nil || n.DedupKey != soc.got[0].DedupKey {
					t.Errorf("the report has severity %s, belongs to %v and has the key %s", n.Severity, n.Earlier, n.DedupKey)
				}
				if run.runs != tc.runs || len(page.told()) > 0 {
					t.Errorf("it ran %d times, and the pager heard %q", run.runs, page.told())
				}
			})
		})
	}
}

// A program that is run for the end of an incident is one more run of the same receiver.
func TestARunForTheEndIsToldToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, run, soc, _ := runbookBench(t, 0)
		b.start()
		b.arrives(1, 5710, 12, "web-01")
		b.wait(time.Minute)
		b.arrives(2, 5711, 12, "web-01")
		b.wait(time.Minute)
		if err := b.stop(); err != nil {
			t.Error(err)
		}
		got := strings.Join(soc.gist(), "\n")
		if run.runs != 2 || strings.Count(got, "RAN block") != 2 || !strings.Contains(soc.got[len(soc.got)-1].Parts["facts"].String(), "for block, because it is over") {
			t.Errorf("it ran %d times; soc heard\n%s", run.runs, got)
		}
	})
}

// A person who has it run again is told how that ended.
func TestARunThatAPersonAskedForIsToldToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _, soc, _ := runbookBench(t, 3, 0)
		b.start()
		id := b.arrives(1, 5710, 12, "web-01")
		b.wait(time.Minute)
		if _, err := b.box.Retry(t.Context(), outbox.Filter{IDs: []string{DeliveryID(id, "block", 1)}}, time.Now()); err != nil {
			t.Fatal(err)
		}
		b.wait(time.Minute)
		if err := b.stop(); err != nil {
			t.Error(err)
		}
		got := soc.gist()
		if len(got) != 3 || !strings.Contains(got[1], "FAILED block") || !strings.Contains(got[2], "RAN block") {
			t.Errorf("soc heard %q", got)
		}
	})
}

func TestAProgramsEndIsToldWithoutAnOutbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run, soc := &program{statuses: []int{3}}, &scripted{}
		d := testDispatcher(map[string]*scripted{"slack-soc": soc, "block": {}}, rules.Table{})
		d.Receivers["block"].Notifier, d.Receivers["block"].Report = run, []string{"slack-soc"}
		deliveries, err := d.PlanReceivers(testAlert(), "block")
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		d.DeliverAll(t.Context(), deliveries, func(o Outcome) { told = append(told, o.Delivery.Receiver.Name+" "+string(o.State)) })
		if want := []string{"block dead", "slack-soc delivered"}; !slices.Equal(told, want) {
			t.Errorf("outcomes are %q, want %q", told, want)
		}
		if len(soc.got) != 1 || soc.got[0].Action != notifier.Report || soc.got[0].Delivery == deliveries[0].ID || soc.got[0].Receiver != "slack-soc" {
			t.Errorf("soc got %+v", soc.got)
		}
	})
}

// slowRunbook is a program that takes its time for one alert.
type slowRunbook struct {
	program
	mu      sync.Mutex
	runs    map[string]int
	running int
	most    int
	began   []time.Time
}

func (p *slowRunbook) Notify(ctx context.Context, n notifier.Notification) (notifier.Receipt, error) {
	p.mu.Lock()
	p.runs[n.Alert]++
	p.running++
	p.most, p.began = max(p.most, p.running), append(p.began, time.Now())
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		p.running--
		p.mu.Unlock()
	}()
	takes := time.Second
	if strings.HasSuffix(n.Alert, "1") {
		takes = 20 * time.Minute
	}
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return notifier.Receipt{}, &notifier.Error{Ambiguous: true, Err: context.Cause(ctx)}
	}
	return notifier.Receipt{Ran: &notifier.Ran{Program: "block", Receiver: n.Receiver, Delivery: n.Delivery, Took: takes}}, nil
}

// Where several programs may run at once, one that takes long keeps neither the others from running nor what became of them from
// being known: nothing of what has ended is run again.
func TestARunThatTakesLongKeepsNoOtherWaiting(t *testing.T) {
	for _, rate := range []Rate{{}, {Count: 6, Per: time.Minute, Burst: 1}} {
		synctest.Test(t, func(t *testing.T) {
			b, _, soc, _ := runbookBench(t, 0)
			run := &slowRunbook{runs: map[string]int{}}
			r := b.site.d.Receivers["block"]
			r.Notifier, r.Concurrency, r.Apart, r.Timeout, r.Rate = run, 3, true, time.Hour, rate
			b.start()
			const alerts = 7
			for i := 1; i <= alerts; i++ {
				b.arrives(i, 5710, 12, fmt.Sprint("web-", i))
			}
			b.wait(2 * time.Minute)
			if ran := strings.Count(strings.Join(soc.gist(), "\n"), "RAN block"); ran != alerts-1 || run.running != 1 {
				t.Errorf("soc heard of %d runs, %d are under way", ran, run.running)
			}
			if most := run.most; rate.IsZero() && most != 3 || most > 3 {
				t.Errorf("%d ran at once", most)
			}
			for i := 1; i < len(run.began); i++ {
				if took := run.began[i].Sub(run.began[i-1]); !rate.IsZero() && took.Round(time.Millisecond) < 10*time.Second {
					t.Errorf("the next run began after %v", took)
				}
			}
			if err := b.stop(); err != nil { // and what runs is ended
				t.Fatal(err)
			}
			b.start()
			b.wait(time.Hour)
			if err := b.stop(); err != nil {
				t.Fatal(err)
			}
			for id, n := range run.runs {
				if want := 1 + strings.Count(id[len(id)-1:], "1"); n != want {
					t.Errorf("%s ran %d times, want %d", id, n, want)
				}
			}
			if len(run.runs) != alerts || strings.Count(strings.Join(soc.gist(), "\n"), "RAN block") != alerts {
				t.Errorf("%v ran; soc heard %q", run.runs, soc.gist())
			}
		})
	}
}
