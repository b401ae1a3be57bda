package oncall

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// watcher is who waits for incidents, and hears of them.
type watcher struct {
	mu      sync.Mutex
	waiting []Waiting
	told    []string
	fails   int
	unread  error
	log     logged
}

func (w *watcher) wait(all ...Waiting) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = all
}

func (w *watcher) heard() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	got := w.told
	w.told = nil
	return got
}

// polling runs a test in virtual time while a poller runs.
func polling(t *testing.T, test func(*testing.T, *fakePagerDuty, *watcher, *Source)) {
	synctest.Test(t, func(t *testing.T) {
		f, w := newFake(t), new(watcher)
		s := f.inMemory()
		p := &Poller{
			Waiting: func(context.Context) ([]Waiting, error) {
				w.mu.Lock()
				defer w.mu.Unlock()
				return slices.Clone(w.waiting), w.unread
			},
			Changed: func(_ context.Context, _ Waiting, x Incident) error {
				w.mu.Lock()
				defer w.mu.Unlock()
				if w.fails > 0 {
					w.fails--
					return errGone
				}
				w.told = append(w.told, strings.TrimSpace(fmt.Sprintf("%s %s %s", x.Key, x.Status, x.By)))
				return nil
			},
			Log: w.log.log(),
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { p.Run(ctx); close(ended) }()
		synctest.Wait()
		test(t, f, w, s)
		cancel()
		<-ended
	})
}

// rounds lets so many rounds pass.
func rounds(n int) {
	time.Sleep(time.Duration(n)*PollEvery + time.Millisecond)
	synctest.Wait()
}

func taken(by string) map[string]any {
	return map[string]any{"status": "acknowledged", "acknowledgements": []any{map[string]any{"at": "2026-11-29T03:04:00Z", "acknowledger": agent("user_reference", by)}}}
}

func TestThePollerTellsOfChangesOnly(t *testing.T) {
	polling(t, func(t *testing.T, f *fakePagerDuty, w *watcher, s *Source) {
		rounds(10)
		if f.count() != 0 {
			t.Errorf("%d questions while nobody waits", f.count())
		}
		w.wait(Waiting{"k1", time.Now(), s}, Waiting{"k2", time.Now(), s}, Waiting{"k1", time.Now(), s})
		rounds(1)
		f.incident("P1", []string{"k1"}, nil)
		f.incident("P2", []string{"k2"}, nil)
		rounds(3)
		if got := w.heard(); got != nil || f.count() != 8 {
			t.Errorf("heard %q in %d questions, want nothing in 8", got, f.count())
		}
		f.incident("P1", []string{"k1"}, taken("Alice"))
		rounds(3)
		if diff := cmp.Diff(w.heard(), []string{"k1 acknowledged Alice"}); diff != "" {
			t.Errorf("(-got +want):\n%s", diff)
		}
		f.incident("P1", []string{"k1"}, nil) // PagerDuty's own time for an acknowledgement is over
		rounds(2)
		f.incident("P1", []string{"k1"}, map[string]any{"status": "resolved", "resolved_at": time.Now().UTC().Format(time.RFC3339), "last_status_change_by": agent("user_reference", "Bob")})
		rounds(2)
		if diff := cmp.Diff(w.heard(), []string{"k1 triggered", "k1 resolved Bob"}); diff != "" {
			t.Errorf("(-got +want):\n%s", diff)
		}
		w.wait(Waiting{"k2", time.Now(), s})
		before := f.count()
		rounds(4)
		for _, u := range f.asked[before:] {
			if u.Query().Get("incident_key") != "k2" {
				t.Errorf("asked for %s, which nobody waits for", u)
			}
		}
		if f.count() != before+4 {
			t.Errorf("%d questions in four rounds, want 4", f.count()-before)
		}
	})
}

// What is triggered again is another's question: whoever has it is told what became of the incident that it joined.
func TestAKeyThatIsTriggeredAgainIsToldAnew(t *testing.T) {
	polling(t, func(t *testing.T, f *fakePagerDuty, w *watcher, s *Source) {
		first := Waiting{"k1", time.Now(), s}
		f.incident("P1", []string{"k1"}, taken("Alice"))
		w.wait(first)
		rounds(3)
		if diff := cmp.Diff(w.heard(), []string{"k1 acknowledged Alice"}); diff != "" {
			t.Errorf("(-got +want):\n%s", diff)
		}
		second := Waiting{"k1", time.Now(), s}
		w.wait(second, first)
		before := f.count()
		rounds(3)
		if diff := cmp.Diff(w.heard(), []string{"k1 acknowledged Alice"}); diff != "" || f.count() != before+3 {
			t.Errorf("%d questions (-got +want):\n%s", f.count()-before, diff)
		}
		// It was over before the third came, of which PagerDuty shows nothing yet.
		f.incident("P1", []string{"k1"}, map[string]any{"status": "resolved", "resolved_at": time.Now().UTC().Format(time.RFC3339), "last_status_change_by": agent("user_reference", "Bob")})
		time.Sleep(5 * time.Second)
		w.wait(first, Waiting{"k1", time.Now(), s})
		rounds(2)
		if got := w.heard(); got != nil {
			t.Errorf("heard %q of an incident that was another's", got)
		}
	})
}

func TestWhatWasNotNotedIsToldAgain(t *testing.T) {
	polling(t, func(t *testing.T, f *fakePagerDuty, w *watcher, s *Source) {
		f.incident("P1", []string{"k1"}, taken("Alice"))
		w.fails = 2
		w.wait(Waiting{"k1", time.Now(), s})
		rounds(2)
		if got := w.heard(); got != nil {
			t.Errorf("heard %q", got)
		}
		rounds(3)
		if diff := cmp.Diff(w.heard(), []string{"k1 acknowledged Alice"}); diff != "" {
			t.Errorf("(-got +want):\n%s", diff)
		}
	})
}

func TestThePollerKeepsItsBudgetAndForgetsNoKey(t *testing.T) {
	polling(t, func(t *testing.T, f *fakePagerDuty, w *watcher, s *Source) {
		var all []Waiting
		for i := range 200 {
			all = append(all, Waiting{fmt.Sprintf("k%03d", i), time.Now(), s})
		}
		w.wait(all...)
		rounds(4)
		asked := map[string]int{}
		for _, u := range f.asked {
			asked[u.Query().Get("incident_key")]++
		}
		if f.count() != 4*perRound || len(asked) != 200 {
			t.Errorf("%d questions for %d keys in four rounds, want %d for 200", f.count(), len(asked), 4*perRound)
		}
	})
}

func TestOneAccountThatFailsHoldsUpNoOther(t *testing.T) {
	polling(t, func(t *testing.T, f *fakePagerDuty, w *watcher, s *Source) {
		other := newFake(t)
		eu := other.inMemory()
		f.incident("P1", []string{"k1"}, taken("Alice"))
		other.incident("P2", []string{"k1"}, taken("Bob"))
		f.next(answering(429, `{}`, "ratelimit-reset", "100"))
		w.wait(Waiting{"k1", time.Now(), s}, Waiting{"k2", time.Now(), s}, Waiting{"k1", time.Now(), eu})
		rounds(1)
		if diff := cmp.Diff(w.heard(), []string{"k1 acknowledged Bob"}); diff != "" || f.count() != 1 {
			t.Errorf("%d questions (-got +want):\n%s", f.count(), diff)
		}
		rounds(2)
		if f.count() != 1 {
			t.Errorf("%d questions, though PagerDuty wants none for 100 s", f.count())
		}
		rounds(2)
		if diff := cmp.Diff(w.heard(), []string{"k1 acknowledged Alice"}); diff != "" {
			t.Errorf("(-got +want):\n%s", diff)
		}
		if n := strings.Count(w.log.String(), "level=WARN"); n != 1 || !strings.Contains(w.log.String(), "says again") || strings.Contains(w.log.String(), testToken) {
			t.Errorf("the log:\n%s", w.log.String())
		}
	})
}

func TestAListOfKeysThatCannotBeReadIsSaidOnce(t *testing.T) {
	polling(t, func(t *testing.T, f *fakePagerDuty, w *watcher, s *Source) {
		w.mu.Lock()
		w.unread = errGone
		w.mu.Unlock()
		rounds(5)
		if n := strings.Count(w.log.String(), "level=ERROR"); n != 1 || f.count() != 0 {
			t.Errorf("%d lines, %d questions:\n%s", n, f.count(), w.log.String())
		}
	})
}
