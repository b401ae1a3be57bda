package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
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

// queue is a source that tests fill.
type queue struct {
	mu       sync.Mutex
	arrivals []Arrival
	ready    chan struct{}
}

func newQueue() *queue { return &queue{ready: make(chan struct{}, 1)} }

func (q *queue) put(arrivals ...Arrival) {
	q.mu.Lock()
	q.arrivals = append(q.arrivals, arrivals...)
	q.mu.Unlock()
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

func (q *queue) Ready() <-chan struct{} { return q.ready }

func (q *queue) Take(_ context.Context, most int) ([]Arrival, map[string]string, func() error, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(most, len(q.arrivals))
	out := q.arrivals[:n]
	q.arrivals = q.arrivals[n:]
	return out, nil, nil, nil
}

// fixed is a site that changes only where a test does it. isGone is nil where what is not there is gone.
type fixed struct {
	d      *Dispatcher
	isGone func(name string) bool
}

func (s fixed) Look()                          {}
func (s fixed) Dispatcher() *Dispatcher        { return s.d }
func (s fixed) Gone(name string) bool          { return s.isGone == nil || s.isGone(name) }
func (s fixed) Receiver(name string) *Receiver { return s.d.Receivers[name] }
func (s fixed) Read(header, raw []byte) (*alert.Alert, string) {
	var sample string
	if len(header) > 0 {
		if err := json.Unmarshal(header, &sample); err != nil {
			panic(err)
		}
	}
	return alert.Parse(raw, alert.Options{}), sample
}

// bench is a deliverer with its outbox in a directory of the test's.
type bench struct {
	t         *testing.T
	dir       string
	site      fixed
	queue     *queue
	log       *slog.Logger
	box       *outbox.DB
	deliverer *Deliverer
	stop      func() error
}

func newBench(t *testing.T, receivers map[string]*scripted) *bench {
	b := &bench{t: t, dir: t.TempDir(), queue: newQueue(), log: slog.New(slog.DiscardHandler)}
	d := &Dispatcher{Table: &rules.Table{}, Scale: alert.DefaultScale, Receivers: map[string]*Receiver{}, Log: slog.New(slog.DiscardHandler)}
	set := templates.Default()
	for name, n := range receivers {
		channel, _, _ := strings.Cut(name, "-")
		d.Receivers[name] = &Receiver{Name: name, Channel: channel, Notifier: n, Templates: set, Concurrency: 1, MaxAge: DefaultMaxAge}
		d.Table.Always = append(d.Table.Always, name)
	}
	slices.Sort(d.Table.Always)
	b.site = fixed{d: d}
	return b
}

// start opens the outbox and runs a deliverer on it.
func (b *bench) start() {
	b.t.Helper()
	box, _, err := outbox.Open(context.Background(), filepath.Join(b.dir, "outbox.db"), outbox.Options{Owner: true, DeliveryID: DeliveryID})
	if err != nil {
		b.t.Fatal(err)
	}
	b.box = box
	b.deliverer = &Deliverer{Box: box, Sources: []Source{b.queue}, Site: b.site, Log: b.log, Grace: time.Second}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.deliverer.Run(ctx) }()
	b.stop = func() error {
		cancel()
		return errors.Join(<-done, box.Close())
	}
}

func (b *bench) arrival(id, severity string) Arrival {
	level := map[string]int{"low": 5, "high": 12}[severity]
	a := alert.Parse(fmt.Appendf(nil, `{"rule":{"level":%d,"description":"d","id":"5710","groups":["sshd"]},"agent":{"id":"001","name":"web-01"},"id":%q,"full_log":"x","location":"/l"}`, level, id), alert.Options{Received: time.Now()})
	return Arrival{Alert: a, Header: []byte(`""`), Deliveries: b.site.d.Plan(a)}
}

// states are how many deliveries of a receiver are in each state.
func (b *bench) states(receiver string) map[outbox.State]int {
	b.t.Helper()
	found, err := b.box.Find(context.Background(), outbox.Filter{Receiver: receiver})
	if err != nil {
		b.t.Fatal(err)
	}
	out := map[outbox.State]int{}
	for _, x := range found {
		out[x.State]++
	}
	return out
}

func (s *scripted) told() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for _, n := range s.got {
		ids = append(ids, n.Alert)
	}
	return ids
}

func TestDelivererDeliversInOrderAndHighFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{}
		b := newBench(t, map[string]*scripted{"slack-1": s})
		b.queue.put(b.arrival("1", "low"), b.arrival("2", "low"), b.arrival("3", "high"), b.arrival("4", "low"))
		b.start()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if diff := cmp.Diff(s.told(), []string{"3", "1", "2", "4"}); diff != "" {
			t.Errorf("order (-got +want):\n%s", diff)
		}
		if err := b.stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestReceiverThatIsDownGetsAllInOrderOnceItIsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{answers: slices.Repeat([]error{temporary("connection refused", 0)}, 6)}
		other := &scripted{}
		b := newBench(t, map[string]*scripted{"slack-1": s, "email-1": other})
		b.start()
		for i := range 10 {
			b.queue.put(b.arrival(fmt.Sprint(i), "low"))
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := len(other.told()); got != 10 {
			t.Errorf("the other receiver heard %d alerts, want all 10 while this one is down", got)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		told := s.told()
		if len(told) != 16 {
			t.Fatalf("%d attempts, want 6 that failed and 10 that did not: %q", len(told), told)
		}
		// While it was down it was tried with the first alone.
		if diff := cmp.Diff(told[6:], []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}); diff != "" {
			t.Errorf("order once up (-got +want):\n%s", diff)
		}
		for _, id := range told[:6] {
			if id != "0" {
				t.Errorf("tried with %s while down, want the first alone", id)
			}
		}
		if err := b.stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestKilledDelivererIsContinued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{answers: []error{nil, temporary("500", time.Minute)}}
		b := newBench(t, map[string]*scripted{"slack-1": s})
		b.queue.put(b.arrival("1", "low"), b.arrival("2", "low"), b.arrival("3", "low"))
		b.start()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if err := b.stop(); err != nil {
			t.Fatal(err)
		}
		b.start()
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if got := len(s.told()); got != 2 {
			t.Errorf("%d attempts half a minute after Retry-After: 60 and a restart, want still 2", got)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if diff := cmp.Diff(s.told(), []string{"1", "2", "2", "3"}); diff != "" {
			t.Errorf("attempts (-got +want):\n%s", diff)
		}
		if err := b.stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestFallbackTakesOver(t *testing.T) {
	for _, tc := range []struct {
		name    string
		answers []error
		after   time.Duration // by when the fallback has it
		before  time.Duration // when it has nothing yet
		why     string
	}{
		{"at once after a refusal", []error{&notifier.Error{Reason: notifier.Misconfigured, Status: 401, Err: errors.New("status 401")}}, 2 * time.Second, 0, "here, because slack-1 refused it (status 401)"},
		{"after five minutes of failures", slices.Repeat([]error{temporary("500", 0)}, 100), 12 * time.Minute, 4 * time.Minute, "here, because slack-1 has failed for "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, mail := &scripted{answers: tc.answers}, &scripted{}
				b := newBench(t, map[string]*scripted{"slack-1": s, "email-1": mail})
				b.site.d.Table.Always = []string{"slack-1"}
				b.site.d.Receivers["slack-1"].Fallback = []string{"email-1"}
				b.queue.put(b.arrival("1", "high"))
				b.start()
				if tc.before > 0 {
					time.Sleep(tc.before)
					synctest.Wait()
					if got := mail.told(); len(got) > 0 {
						t.Errorf("the fallback heard after %s", tc.before)
					}
				}
				time.Sleep(tc.after)
				synctest.Wait()
				if diff := cmp.Diff(mail.told(), []string{"1"}); diff != "" {
					t.Fatalf("the fallback (-got +want):\n%s", diff)
				}
				if text := mail.got[0].Parts["text"].String(); !strings.Contains(text, tc.why) {
					t.Errorf("the mail is\n%s\nwant it to hold %q", text, tc.why)
				}
				if got := b.states("slack-1"); got[outbox.Suppressed] != 1 {
					t.Errorf("the original is %v, want suppressed", got)
				}
				found, err := b.box.Find(t.Context(), outbox.Filter{Receiver: "slack-1"})
				if err != nil || len(found) != 1 || !strings.HasPrefix(found[0].Reason, "fallback to email-1: ") {
					t.Errorf("the original is %+v (%v), want a reason that says who is told instead", found, err)
				}
				if err := b.stop(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// What waits for a receiver that is down, and what arrives meanwhile, goes to the fallback together, not one alert
// at each attempt that fails; and the receiver gets what comes once it is up again.
func TestFallbackTakesAllThatWaits(t *testing.T) {
	for name, tc := range map[string]struct {
		answer error
		by     time.Duration // when the fallback has all
	}{
		"down":                           {temporary("500", 0), 5*time.Minute + time.Second},
		"down, with a long Retry-After":  {temporary("503", 40*time.Minute), 5*time.Minute + time.Second},
		"the key is wrong, and stays so": {&notifier.Error{Reason: notifier.Misconfigured, Status: 401, Err: errors.New("status 401")}, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, mail := &scripted{answers: slices.Repeat([]error{tc.answer}, 12)}, &scripted{}
				b := newBench(t, map[string]*scripted{"slack-1": s, "email-1": mail})
				b.site.d.Table.Always = []string{"slack-1"}
				b.site.d.Receivers["slack-1"].Fallback = []string{"email-1"}
				var want []string
				put := func() {
					want = append(want, fmt.Sprint(len(want)))
					b.queue.put(b.arrival(want[len(want)-1], "low"))
				}
				b.start()
				for range 10 {
					put()
				}
				time.Sleep(tc.by)
				synctest.Wait()
				if diff := cmp.Diff(mail.told(), want); diff != "" {
					t.Errorf("the fallback after %s (-got +want):\n%s", tc.by, diff)
				}
				put()
				time.Sleep(time.Second)
				synctest.Wait()
				if diff := cmp.Diff(mail.told(), want); diff != "" {
					t.Errorf("the fallback, after one more alert (-got +want):\n%s", diff)
				}
				// Each pause ends with one alert that tries, until the receiver takes one.
				for range 12 {
					time.Sleep(time.Hour)
					put()
				}
				time.Sleep(time.Hour)
				synctest.Wait()
				if got := b.states("slack-1"); got[outbox.Delivered] == 0 || got[outbox.Delivered]+got[outbox.Suppressed] != len(want) {
					t.Errorf("of %d alerts the receiver has %v, want the last ones delivered and the rest suppressed", len(want), got)
				}
				if err := b.stop(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// What a route sends to nobody is kept as suppressed, once however often it comes; what no route chose a receiver for is
// not.
func TestAlertForNobodyIsSuppressed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		muted := b.arrival("1", "low")
		muted.Nobody = "noise"
		astray := b.arrival("3", "low")
		astray.Astray = "no such name"
		b.queue.put(muted, b.arrival("2", "low"), muted, b.arrival("2", "low"), astray, astray)
		b.start()
		synctest.Wait()
		found, err := b.box.Find(t.Context(), outbox.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, x := range found {
			got = append(got, fmt.Sprint(x.Alert.Identity, " ", x.Receiver, " ", x.State, ": ", x.Reason))
		}
		if diff := cmp.Diff(got, []string{"3 (nobody) suppressed: no such name", "1 (nobody) suppressed: route noise sends it to nobody"}); diff != "" {
			t.Errorf("the outbox has (-got +want):\n%s", diff)
		}
		if onPurpose, noRoute, astray := b.deliverer.Untold(); onPurpose != 1 || noRoute != 1 || astray != 1 {
			t.Errorf("counted %d on purpose, %d without a route and %d astray, want 1 of each", onPurpose, noRoute, astray)
		}
		if err := b.stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestOldDeliveryIsDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{answers: slices.Repeat([]error{temporary("500", 0)}, 10000)}
		b := newBench(t, map[string]*scripted{"slack-1": s})
		b.site.d.Receivers["slack-1"].MaxAge = time.Hour
		b.queue.put(b.arrival("1", "low"))
		b.start()
		time.Sleep(59 * time.Minute)
		synctest.Wait()
		if got := b.states("slack-1"); got[outbox.Pending]+got[outbox.Delivering] != 1 {
			t.Errorf("after 59 min: %v, want it waiting", got)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if got := b.states("slack-1"); got[outbox.Dead] != 1 {
			t.Errorf("after 69 min: %v, want it dead", got)
		}
		if err := b.stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestRateIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{}
		b := newBench(t, map[string]*scripted{"slack-1": s})
		b.site.d.Receivers["slack-1"].Rate = Rate{Count: 1, Per: time.Second, Burst: 3}
		for i := range 20 {
			b.queue.put(b.arrival(fmt.Sprint(i), "low"))
		}
		b.start()
		time.Sleep(10*time.Second + 500*time.Millisecond)
		synctest.Wait()
		if got := len(s.told()); got < 12 || got > 14 {
			t.Errorf("%d messages in 10 s at 1/s with a burst of 3, want 13", got)
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if got := len(s.told()); got != 20 {
			t.Errorf("%d messages, want all 20", got)
		}
		if err := b.stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestAmbiguousAttemptIsMarkedWhereTheVendorKnowsNoRepeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{answers: []error{&notifier.Error{Ambiguous: true, Err: errors.New("connection reset")}}}
		b := newBench(t, map[string]*scripted{"slack-1": s})
		b.queue.put(b.arrival("1", "low"))
		b.start()
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(s.got) != 2 {
			t.Fatalf("%d attempts, want 2", len(s.got))
		}
		const note = "may be a second copy: the connection broke after sending"
		if first := s.got[0].Parts["text"].String(); strings.Contains(first, note) {
			t.Errorf("the first message says it is a repeat:\n%s", first)
		}
		if second := s.got[1].Parts["text"].String(); !strings.Contains(second, note) {
			t.Errorf("the second message does not say it may be a repeat:\n%s", second)
		}
		if err := b.stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestDelivererLingersAndLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{answers: []error{temporary("500", 2*time.Minute)}}
		b := newBench(t, map[string]*scripted{"slack-1": s})
		b.queue.put(b.arrival("1", "low"))
		box, _, err := outbox.Open(context.Background(), filepath.Join(b.dir, "outbox.db"), outbox.Options{Owner: true, DeliveryID: DeliveryID})
		if err != nil {
			t.Fatal(err)
		}
		defer box.Close()
		d := &Deliverer{Box: box, Sources: []Source{b.queue}, Site: b.site, Log: slog.New(slog.DiscardHandler), Linger: 30 * time.Second}
		start := time.Now()
		if err := d.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < 2*time.Minute+30*time.Second-lookEvery || took > 2*time.Minute+40*time.Second {
			t.Errorf("left after %s, want 30 s after the delivery that waited for 2 min", took)
		}
		if got := len(s.told()); got != 2 {
			t.Errorf("%d attempts, want 2", got)
		}
	})
}

func TestParseRate(t *testing.T) {
	for text, want := range map[string]Rate{
		"1/s": {1, time.Second, 1}, "120/m": {120, time.Minute, 12}, "20/h": {20, time.Hour, 2}, " 5 / d ": {5, 24 * time.Hour, 1},
	} {
		if got, err := ParseRate(text); err != nil || got != want {
			t.Errorf("ParseRate(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "1", "1/", "/s", "0/s", "-1/s", "x/s", "1/week"} {
		if got, err := ParseRate(text); err == nil {
			t.Errorf("ParseRate(%q) = %v, want an error", text, got)
		}
	}
}

// BenchmarkDeliverer takes alerts from a source through the outbox to one receiver that answers at once; an
// operation is one alert, stored, rendered, delivered and recorded.
func BenchmarkDeliverer(b *testing.B) {
	s := &counting{want: int64(b.N), done: make(chan struct{})}
	d := &Dispatcher{Table: &rules.Table{Always: []string{"webhook-1"}}, Scale: alert.DefaultScale, Log: slog.New(slog.DiscardHandler)}
	d.Receivers = map[string]*Receiver{"webhook-1": {Name: "webhook-1", Channel: "webhook", Notifier: s, Templates: templates.Default(), Concurrency: 8, MaxAge: DefaultMaxAge}}
	box, _, err := outbox.Open(b.Context(), filepath.Join(b.TempDir(), "outbox.db"), outbox.Options{Owner: true, DeliveryID: DeliveryID})
	if err != nil {
		b.Fatal(err)
	}
	defer box.Close()
	q := newQueue()
	raw := string(testAlert().Raw)
	for i := range b.N {
		a := alert.Parse([]byte(strings.Replace(raw, `"id":"1795440017.1"`, fmt.Sprintf(`"id":"1795440017.%d"`, i), 1)), alert.Options{Received: time.Now()})
		q.put(Arrival{Alert: a, Header: []byte(`""`), Deliveries: d.Plan(a)})
	}
	b.ReportAllocs()
	b.ResetTimer()
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- (&Deliverer{Box: box, Sources: []Source{q}, Site: fixed{d: d}, Log: d.Log, Grace: time.Second}).Run(ctx)
	}()
	<-s.done
	b.StopTimer()
	cancel()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
}

// counting accepts everything and says when it had enough.
type counting struct {
	n, want int64
	mu      sync.Mutex
	done    chan struct{}
}

func (c *counting) Notify(context.Context, notifier.Notification) (notifier.Receipt, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n++; c.n == c.want {
		close(c.done)
	}
	return notifier.Receipt{}, nil
}

// A backoff is stored as a time of day. If the clock is set back by an hour, the receiver must not be silent for an
// hour: neither in the process that saw the failure, nor in the next one, which cannot know how long it was to be.
func TestClockSetBackDoesNotProlongABackoff(t *testing.T) {
	ahead := func(b *bench) { // as if the failure had been stored before the clock was set back
		state := outbox.Receiver{Name: "slack-1", Failures: 1, Since: time.Now().Add(time.Hour), NextAt: time.Now().Add(time.Hour + time.Second), LastError: "503"}
		if err := b.box.Finish(context.Background(), time.Now(), nil, state); err != nil {
			b.t.Fatal(err)
		}
	}
	for _, again := range []bool{false, true} {
		t.Run(fmt.Sprintf("started again=%v", again), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &scripted{answers: []error{temporary("503", 30*time.Second)}}
				b := newBench(t, map[string]*scripted{"slack-1": s})
				b.queue.put(b.arrival("1", "low"), b.arrival("2", "low"))
				b.start()
				time.Sleep(5 * time.Second)
				synctest.Wait()
				ahead(b)
				within := 35 * time.Second
				if again {
					if err := b.stop(); err != nil {
						t.Fatal(err)
					}
					b.start()
					within = laneBackoffMax + 5*time.Second
				}
				time.Sleep(within)
				synctest.Wait()
				if diff := cmp.Diff(s.told(), []string{"1", "1", "2"}); diff != "" {
					t.Errorf("told within %s (-got +want):\n%s", within, diff)
				}
				if len(s.at) > 1 && !again && s.at[1].Sub(s.at[0]) < 30*time.Second {
					t.Errorf("tried again after %s, and the receiver asked for 30s", s.at[1].Sub(s.at[0]))
				}
				if err := b.stop(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// How long a receiver has failed is no question of the time of day either: set ahead by an hour, the clock must not
// send to the fallback what the receiver could take in a moment; set back, it must not keep it for an hour.
func TestClockThatWasSetLeavesTheFallbackItsTime(t *testing.T) {
	for _, by := range []time.Duration{time.Hour, -time.Hour} {
		t.Run(by.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, mail := &scripted{answers: slices.Repeat([]error{temporary("500", 0)}, 100)}, &scripted{}
				b := newBench(t, map[string]*scripted{"slack-1": s, "email-1": mail})
				b.site.d.Table.Always = []string{"slack-1"}
				b.site.d.Receivers["slack-1"].Fallback = []string{"email-1"}
				b.queue.put(b.arrival("1", "high"))
				b.start()
				time.Sleep(30 * time.Second)
				synctest.Wait()
				// What the file holds is now an hour away from what the clock says.
				states, err := b.box.Receivers(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				state := states["slack-1"]
				state.Since, state.NextAt = state.Since.Add(-by), state.NextAt.Add(-by)
				if err := b.box.Finish(context.Background(), time.Now(), nil, state); err != nil {
					t.Fatal(err)
				}
				time.Sleep(4 * time.Minute)
				synctest.Wait()
				if got := mail.told(); len(got) > 0 {
					t.Error("the fallback heard after four and a half minutes, want five")
				}
				time.Sleep(8 * time.Minute)
				synctest.Wait()
				if got := mail.told(); len(got) != 1 {
					t.Errorf("the fallback heard %q, want the alert", got)
				}
				if err := b.stop(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// An alert that arrived before the clock was set back is queued at a time to come; one that arrived before it was set
// ahead is old at once. Both are told.
func TestClockThatWasSetDelaysNoDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{}
		b := newBench(t, map[string]*scripted{"slack-1": s})
		for id, by := range map[string]time.Duration{"ahead": time.Hour, "behind": -time.Hour} {
			a := b.arrival(id, "low")
			a.Alert.Received = time.Now().Add(by)
			b.queue.put(a)
		}
		b.start()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if got := s.told(); len(got) != 2 {
			t.Errorf("told %q, want both", got)
		}
		if err := b.stop(); err != nil {
			t.Error(err)
		}
	})
}

// The race detector looks on: workers of one lane share what is known of the receiver.
func TestWorkersOfALaneShareItsState(t *testing.T) {
	s := &scripted{answers: []error{nil, nil, nil, temporary("503", time.Millisecond)}}
	b := newBench(t, map[string]*scripted{"webhook-1": s})
	r := b.site.d.Receivers["webhook-1"]
	r.Concurrency, r.Rate = 8, Rate{Count: 10000, Per: time.Second, Burst: 1000}
	const n = 64
	for i := range n {
		b.queue.put(b.arrival(fmt.Sprint(i), "low"))
	}
	b.start()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for over := time.After(time.Minute); b.states("webhook-1")[outbox.Delivered] < n; {
		select {
		case <-over:
			t.Fatalf("after a minute: %v", b.states("webhook-1"))
		case <-look.C:
		}
	}
	if err := b.stop(); err != nil {
		t.Error(err)
	}
}

// togetherOnce refuses all that comes at the same time as the first, as a request of many that fails does.
type togetherOnce struct {
	mu    sync.Mutex
	ended bool
	tries int
}

func (o *togetherOnce) Notify(context.Context, notifier.Notification) (notifier.Receipt, error) {
	o.mu.Lock()
	fails := !o.ended
	o.tries++
	o.mu.Unlock()
	time.Sleep(time.Millisecond)
	o.mu.Lock()
	o.ended = true
	o.mu.Unlock()
	if fails {
		return notifier.Receipt{}, temporary("reset", 0)
	}
	return notifier.Receipt{}, nil
}

// One connection that breaks under a hundred deliveries is one failure: the receiver is tried again within a second.
func TestAttemptsThatFailTogetherAreOneFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, map[string]*scripted{"splunk-1": nil})
		once := &togetherOnce{}
		r := b.site.d.Receivers["splunk-1"]
		r.Notifier, r.Concurrency = once, 100
		for i := range 100 {
			b.queue.put(b.arrival(fmt.Sprint(i), "low"))
		}
		b.start()
		time.Sleep(laneBackoffBase + time.Second)
		synctest.Wait()
		if n := b.states("splunk-1")[outbox.Delivered]; n != 100 || once.tries < 110 {
			t.Errorf("%d of 100 delivered in %d attempts", n, once.tries)
		}
		if err := b.stop(); err != nil {
			t.Error(err)
		}
	})
}

// A receiver that the config does not have at the moment, for the config is being written or is broken, is waited for:
// by what was taken already, too, and beyond the age at which a delivery is dead.
func TestReceiverThatMayComeBackIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, map[string]*scripted{"webhook-1": {}})
		b.site.isGone = func(string) bool { return false }
		old := b.arrival("1", "low")
		old.Alert.Received = time.Now().Add(-2 * DefaultMaxAge)
		b.queue.put(old)
		delete(b.site.d.Receivers, "webhook-1")
		b.start()
		time.Sleep(2 * expireEvery)
		synctest.Wait()
		if got := b.states("webhook-1"); got[outbox.Pending] != 1 {
			t.Errorf("the delivery is %v, want it pending", got)
		}
		taken, _ := newLane(b.deliverer, "webhook-1").attempt(t.Context(), t.Context(), nil, health{}, outbox.Delivery{Seq: 1})
		if taken.State != outbox.Pending || taken.Attempt != nil {
			t.Errorf("what was taken before becomes %s (%s), want it put back", taken.State, taken.Reason)
		}
		if err := b.stop(); err != nil {
			t.Error(err)
		}
	})
}
