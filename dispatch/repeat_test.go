package dispatch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
)

// found is what a vendor says of an earlier copy.
type found struct {
	there bool
	err   error
}

// searchable is a vendor that can be asked for what it has.
type searchable struct {
	scripted
	mu    sync.Mutex
	says  []found // the last one for good
	asked []string
	since []time.Time
}

func (s *searchable) Find(_ context.Context, n notifier.Notification, since time.Time) (notifier.Receipt, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked, s.since = append(s.asked, n.Delivery), append(s.since, since)
	say := s.says[0]
	if len(s.says) > 1 {
		s.says = s.says[1:]
	}
	return notifier.Receipt{Status: 200, ID: "earlier"}, say.there, say.err
}

var broken = &notifier.Error{Ambiguous: true, Err: errors.New("connection reset")}

const copyNote = "may be a second copy: the connection broke after sending"

func TestEarlierCopyIsLookedForBeforeItIsSentAgain(t *testing.T) {
	missing := &notifier.Error{Reason: notifier.Misconfigured, Err: errors.New("missing_scope"), Hint: "give the app the scope channels:history"}
	unwell := &notifier.Error{Err: errors.New("status 503")}
	for name, c := range map[string]struct {
		says   []found
		sent   int  // attempts that sent something
		marked bool // the last of them
		asked  int
		log    string
	}{
		"there":              {[]found{{there: true}}, 1, false, 1, "an earlier attempt had arrived"},
		"not there":          {[]found{{}}, 2, false, 1, ""},
		"cannot be asked":    {[]found{{err: errors.ErrUnsupported}}, 2, true, 1, ""},
		"may not be asked":   {[]found{{err: missing}}, 2, true, 1, "channels:history"},
		"fails, then there":  {[]found{{err: unwell}, {err: unwell}, {there: true}}, 1, false, 3, "status 503"},
		"fails, then not":    {[]found{{err: unwell}, {}}, 2, false, 2, "status 503"},
		"fails for too long": {[]found{{err: unwell}}, 2, true, 5, "cannot look for an earlier copy"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &searchable{scripted: scripted{answers: []error{broken}}, says: c.says}
				b := newBench(t, map[string]*scripted{"slack-1": &s.scripted})
				b.site.d.Receivers["slack-1"].Notifier = s
				var log bytes.Buffer
				b.queue.put(b.arrival("1", "low"))
				arrived := time.Now()
				b.log = slog.New(slog.NewTextHandler(&log, nil))
				b.start()
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				if got := b.states("slack-1"); got[outbox.Delivered] != 1 {
					t.Errorf("states: %v, want it delivered", got)
				}
				if len(s.got) != c.sent || len(s.asked) != c.asked {
					t.Fatalf("sent %d times, asked %d times, want %d, %d", len(s.got), len(s.asked), c.sent, c.asked)
				}
				if got := strings.Contains(s.got[len(s.got)-1].Parts["text"].String(), copyNote); got != c.marked {
					t.Errorf("the last message is marked as a possible repeat: %v, want %v", got, c.marked)
				}
				if s.asked[0] != s.got[0].Delivery || s.since[0].After(arrived) {
					t.Errorf("asked for %q since %v, want %q since %v at the latest", s.asked[0], s.since[0], s.got[0].Delivery, arrived)
				}
				if _, attempts, err := b.box.Show(context.Background(), s.asked[0]); err != nil {
					t.Error(err)
				} else if last := attempts[len(attempts)-1]; c.sent == 1 && (last.Answer != "earlier" || last.Request != "") {
					t.Errorf("the attempt that found it is %+v, want the receipt and nothing sent", last)
				}
				if err := b.stop(); err != nil {
					t.Error(err)
				}
				if !strings.Contains(log.String(), c.log) {
					t.Errorf("the log does not say %q:\n%s", c.log, log.String())
				}
			})
		})
	}
}

// Why the vendor cannot be asked is told once, not with each message.
func TestWhatASearchLacksIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		missing := &notifier.Error{Reason: notifier.Misconfigured, Err: errors.New("missing_scope")}
		s := &searchable{scripted: scripted{answers: []error{broken, nil, broken, nil, broken, nil}}, says: []found{{err: missing}}}
		b := newBench(t, map[string]*scripted{"slack-1": &s.scripted})
		b.site.d.Receivers["slack-1"].Notifier = s
		var log bytes.Buffer
		b.queue.put(b.arrival("1", "low"), b.arrival("2", "low"), b.arrival("3", "low"))
		b.log = slog.New(slog.NewTextHandler(&log, nil))
		b.start()
		time.Sleep(time.Minute)
		synctest.Wait()
		if err := b.stop(); err != nil {
			t.Error(err)
		}
		if n := strings.Count(log.String(), "cannot look for an earlier copy"); n != 1 || len(s.asked) != 3 {
			t.Errorf("told %d times of %d searches, want once of 3:\n%s", n, len(s.asked), log.String())
		}
	})
}

func TestDeliveryInMemoryLooksForAnEarlierCopyToo(t *testing.T) {
	for name, c := range map[string]struct {
		says   found
		sent   int
		marked bool
	}{
		"there":           {found{there: true}, 1, false},
		"not there":       {found{}, 2, false},
		"cannot be asked": {found{err: errors.ErrUnsupported}, 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &searchable{scripted: scripted{answers: []error{broken}}, says: []found{c.says}}
				d := testDispatcher(map[string]*scripted{"slack-1": &s.scripted}, rules.Table{Always: []string{"slack-1"}})
				d.Receivers["slack-1"].Notifier = s
				out := d.Deliver(t.Context(), d.Plan(testAlert())[0])
				if out.State != outbox.Delivered || out.Attempts != 2 || len(s.got) != c.sent {
					t.Fatalf("got %s after %d attempts, sent %d times, want delivered, 2, %d", out.State, out.Attempts, len(s.got), c.sent)
				}
				if got := strings.Contains(s.got[len(s.got)-1].Parts["text"].String(), copyNote); got != c.marked {
					t.Errorf("the last message is marked as a possible repeat: %v, want %v", got, c.marked)
				}
			})
		})
	}
}

// A message that its receiver does not take for now, for a reason of its own, waits by itself: the others are sent meanwhile, in time, and it
// is tried until it is taken.
func TestMessageThatWaitsAloneStopsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own := &picky{refuse: map[string]int{"1": 5}}
		b := newBench(t, map[string]*scripted{"slack-1": {}})
		b.site.d.Receivers["slack-1"].Notifier = own
		began := time.Now()
		for i := range 20 {
			b.queue.put(b.arrival(fmt.Sprint(i), "low"))
		}
		b.start()
		time.Sleep(time.Second)
		synctest.Wait()
		if got := b.states("slack-1"); got[outbox.Delivered] != 19 || got[outbox.Pending] != 1 {
			t.Errorf("after a second: %v, want all but one delivered", got)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if got := b.states("slack-1"); got[outbox.Delivered] != 20 {
			t.Errorf("later: %v, want all delivered", got)
		}
		if err := b.stop(); err != nil {
			t.Error(err)
		}
		if len(own.at["1"]) != 6 {
			t.Errorf("it was tried %d times, want 6", len(own.at["1"]))
		}
		for i, at := range own.at["1"][1:] {
			if pause := at.Sub(own.at["1"][i]); pause < 200*time.Millisecond || at.Sub(began) > 10*time.Minute {
				t.Errorf("attempt %d came %s after the one before", i+2, pause)
			}
		}
	})
}

// Where the receiver has a fallback, that takes over a message which its receiver does not take for now, for a reason of its own, as it
// takes over what waits for a receiver that is down: after fallback_after, also over a restart, and none that was taken before.
func TestFallbackTakesOverAMessageThatWaitsAlone(t *testing.T) {
	for name, tc := range map[string]struct {
		asks        time.Duration // Retry-After
		earliest    time.Duration
		latest      time.Duration
		restart     bool
		fallbackFor time.Duration // fallback_after
	}{
		"by itself":                       {0, 5 * time.Minute, 5*time.Minute + time.Second, false, 0},
		"over a restart":                  {0, 5 * time.Minute, 5*time.Minute + time.Second, true, 0},
		"as early as is wanted":           {0, 20 * time.Second, 21 * time.Second, false, 20 * time.Second},
		"not before it was asked to come": {40 * time.Second, 40 * time.Second, 41 * time.Second, false, 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				own, mail := &picky{refuse: map[string]int{"1": 1000, "2": 3}, asks: tc.asks}, &scripted{}
				if tc.asks > 0 {
					own.refuse["2"] = 0
				}
				b := newBench(t, map[string]*scripted{"slack-1": {}, "email-1": mail})
				b.site.d.Table.Always = []string{"slack-1"}
				r := b.site.d.Receivers["slack-1"]
				r.Notifier, r.Fallback, r.FallbackAfter = own, []string{"email-1"}, tc.fallbackFor
				for _, id := range numbers(5) {
					b.queue.put(b.arrival(id, "low"))
				}
				b.start()
				if tc.restart {
					time.Sleep(3 * time.Minute)
					synctest.Wait()
					if err := b.stop(); err != nil {
						t.Fatal(err)
					}
					b.start()
				}
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				if diff := cmp.Diff(mail.told(), []string{"1"}); diff != "" {
					t.Fatalf("the fallback (-got +want):\n%s", diff)
				}
				if after := mail.at[0].Sub(own.at["1"][0]); after < tc.earliest || after > tc.latest {
					t.Errorf("the fallback has it after %s, want from %s to %s", after, tc.earliest, tc.latest)
				}
				if text := mail.got[0].Parts["text"].String(); !strings.Contains(text, "here, because slack-1 has failed for ") {
					t.Errorf("the mail is\n%s", text)
				}
				if got := b.states("slack-1"); got[outbox.Delivered] != 4 || got[outbox.Suppressed] != 1 {
					t.Errorf("the receiver has %v, want four delivered and one suppressed", got)
				}
				for i, at := range own.at["1"][1:] {
					if pause := at.Sub(own.at["1"][i]); pause < tc.asks {
						t.Errorf("attempt %d came %s after the one before, which asked for %s", i+2, pause, tc.asks)
					}
				}
				if err := b.stop(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// picky does not take some alerts, by their ids, so many times.
type picky struct {
	mu     sync.Mutex
	refuse map[string]int
	asks   time.Duration // for that long a pause
	at     map[string][]time.Time
}

func (p *picky) Notify(_ context.Context, n notifier.Notification) (notifier.Receipt, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.at == nil {
		p.at = map[string][]time.Time{}
	}
	p.at[n.Alert] = append(p.at[n.Alert], time.Now())
	if len(p.at[n.Alert]) <= p.refuse[n.Alert] {
		return notifier.Receipt{}, &notifier.Error{Alone: true, RetryAfter: p.asks, Err: errors.New("its index is blocked")}
	}
	return notifier.Receipt{}, nil
}
