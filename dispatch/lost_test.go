package dispatch

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
)

// gate is a vendor that answers once it may: each alert by what answer says of it.
type gate struct {
	scripted
	open   chan struct{}
	answer func(n notifier.Notification) error
}

func newGate(answer func(n notifier.Notification) error) *gate {
	return &gate{open: make(chan struct{}), answer: answer}
}

func (g *gate) Notify(ctx context.Context, n notifier.Notification) (notifier.Receipt, error) {
	_, _ = g.scripted.Notify(ctx, n)
	select {
	case <-g.open:
	case <-ctx.Done():
		return notifier.Receipt{}, context.Cause(ctx)
	}
	if g.answer == nil {
		return notifier.Receipt{}, nil
	}
	return notifier.Receipt{}, g.answer(n)
}

// losing is a deliverer whose outbox takes nothing any more once full was called, and is lost once lose was.
type losing struct {
	*bench
	is      atomic.Bool // the outbox is lost; stopped: it is once the deliverer is told to stop
	stopped bool
	done    chan error
	stop    func()
}

var errRemoved = errors.New("outbox.db was removed")

func losingBench(t *testing.T, receivers map[string]notifier.Notifier) *losing {
	plain := map[string]*scripted{}
	for name := range receivers {
		plain[name] = &scripted{}
	}
	l := &losing{bench: newBench(t, plain), done: make(chan error, 1)}
	for name, n := range receivers {
		l.site.d.Receivers[name].Notifier = n
	}
	l.log = slog.New(slog.DiscardHandler)
	return l
}

func (l *losing) start() {
	l.t.Helper()
	box, _, err := outbox.Open(context.Background(), filepath.Join(l.dir, "outbox.db"),
		outbox.Options{Owner: true, DeliveryID: DeliveryID, Busy: time.Millisecond})
	if err != nil {
		l.t.Fatal(err)
	}
	l.box = box
	ctx, cancel := context.WithCancel(context.Background())
	l.stop = cancel
	l.deliverer = &Deliverer{Box: box, Sources: []Source{l.queue}, Site: l.site, Log: l.log, Grace: 10 * time.Second,
		Lost: func() (bool, error) {
			if l.is.Load() || l.stopped && ctx.Err() != nil {
				return true, errRemoved
			}
			return false, nil
		}}
	go func() { l.done <- l.deliverer.Run(ctx) }()
	l.t.Cleanup(func() { cancel(); _ = box.Close() })
}

// full has the outbox take nothing, as where there is no room: another process writes.
func (l *losing) full() {
	l.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(l.dir, "outbox.db"))
	if err != nil {
		l.t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	var tries int
	l.until("the outbox is locked", func() bool {
		tries++
		_, err = db.Exec(`BEGIN IMMEDIATE`)
		return err == nil
	})
	l.t.Cleanup(func() { _ = db.Close() })
}

func (l *losing) until(what string, holds func() bool) {
	l.t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			l.t.Fatalf("not within 20 s: %s", what)
		}
	}
}

// lost is what the deliverer said was lost, as "receiver alert".
func (l *losing) lost() []string {
	l.t.Helper()
	select {
	case err := <-l.done:
		var lost *LostError
		if !errors.As(err, &lost) || !errors.Is(err, errRemoved) {
			l.t.Fatalf("the deliverer ended with %v, want that the outbox is lost", err)
		}
		out := []string{}
		for _, x := range lost.Known {
			out = append(out, x.Receiver+" "+x.Alert.Identity)
		}
		if len(out) != lost.Deliveries {
			l.t.Errorf("%d are lost, and %d have names", lost.Deliveries, len(out))
		}
		return out
	case <-time.After(30 * time.Second):
		l.t.Fatal("the deliverer does not end")
		return nil
	}
}

// An outbox that is lost while it takes nothing any more: what is due is told once, be it refused by then, or taken and not tried.
func TestWhatIsDueIsToldThoughTheOutboxTakesNothingAnyMore(t *testing.T) {
	for name, tc := range map[string]struct {
		concurrency int
		apart       bool
		answer      func(n notifier.Notification) error
		mail, lost  []string
		told        int // how often slack is asked
	}{
		"one after the other": {1, false, nil, nil, nil, 40},
		"many at once":        {8, false, nil, nil, nil, 40},
		"apart":               {4, true, nil, nil, nil, 40},
		"the receiver refuses one": {1, false, func(n notifier.Notification) error {
			if n.Alert == "7" {
				return permanent("400")
			}
			return nil
		}, []string{"7"}, nil, 40},
		"the receiver refuses what was in hand": {1, false, func(n notifier.Notification) error {
			if n.Alert == "0" {
				return permanent("400")
			}
			return nil
		}, []string{"0"}, nil, 40},
		"the receiver is broken": {1, false, func(notifier.Notification) error {
			return &notifier.Error{Reason: notifier.Misconfigured, Status: 401, RetryAfter: time.Minute, Err: errors.New("status 401")}
		}, numbers(40), nil, 1},
		"the receiver is down": {1, false, func(notifier.Notification) error { return temporary("503", time.Minute) }, nil, numbers(40), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			slack, mail := newGate(tc.answer), &scripted{}
			l := losingBench(t, map[string]notifier.Notifier{"slack-1": slack, "email-1": mail})
			l.site.d.Table.Always = []string{"slack-1"}
			r := l.site.d.Receivers["slack-1"]
			r.Concurrency, r.Apart, r.Fallback = tc.concurrency, tc.apart, []string{"email-1"}
			l.start()
			for _, id := range numbers(40) {
				l.queue.put(l.arrival(id, "low"))
			}
			l.until("in hand, and all entered", func() bool {
				states := l.states("slack-1")
				return len(slack.told()) == tc.concurrency && states[outbox.Pending]+states[outbox.Delivering] == 40
			})
			l.full()
			l.is.Store(true)
			close(slack.open)
			lost := l.lost()
			want := []string{}
			for _, id := range tc.lost {
				want = append(want, "slack-1 "+id)
			}
			if slices.Sort(want); !slices.Equal(slices.Sorted(slices.Values(lost)), want) {
				t.Errorf("lost: %s, want %s", strings.Join(lost, ", "), strings.Join(want, ", "))
			}
			got := slack.told()
			if slices.Sort(got); len(got) != tc.told || len(slices.Compact(got)) != tc.told {
				t.Errorf("the receiver was asked for %v, want %d, each once", got, tc.told)
			}
			if diff := cmp.Diff(mail.told(), tc.mail); diff != "" {
				t.Errorf("the fallback (-got +want):\n%s", diff)
			}
		})
	}
}

// numbers are n names of alerts.
func numbers(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprint(i))
	}
	return out
}

// Who is told to stop before it has seen that its outbox is gone says so all the same.
func TestADelivererThatStopsSaysWhatIsLost(t *testing.T) {
	slack := newGate(nil)
	l := losingBench(t, map[string]notifier.Notifier{"slack-1": slack})
	l.stopped = true
	l.start()
	for _, id := range numbers(3) {
		l.queue.put(l.arrival(id, "low"))
	}
	l.until("one in hand, and all entered", func() bool { return len(slack.told()) == 1 && l.states("slack-1")[outbox.Pending] == 2 })
	l.stop()
	close(slack.open)
	if diff := cmp.Diff(l.lost(), []string{"slack-1 1", "slack-1 2"}); diff != "" {
		t.Errorf("lost (-got +want):\n%s", diff)
	}
}

// What asks for a fallback is looked for once among what others asked for, however many these are: the next deliverer waits for the end.
func TestManyThatGoToAFallbackAreEnteredOnceEach(t *testing.T) {
	var u unrecorded
	const n = 50_000
	began := time.Now()
	for i := range n {
		x := outbox.Delivery{Alert: outbox.Alert{Identity: strconv.Itoa(i / 2)}}
		got := u.enter(x, outbox.Result{Fallback: []outbox.NewDelivery{{Receiver: "email-1"}}}, func(string) bool { return false })
		if len(got) != 1-i%2 {
			t.Fatalf("%d: entered %d", i, len(got))
		}
	}
	if took := time.Since(began); took > 5*time.Second { // where each was looked for among all others, minutes
		t.Errorf("%d took %s", n, took)
	}
}

// An outbox that cannot be read any more, as with the disk that it was on, may have held anything.
func TestWhatCannotBeReadAnyMoreIsNotNothing(t *testing.T) {
	b := newBench(t, map[string]*scripted{"slack-1": {}})
	b.start()
	if err := b.stop(); err != nil {
		t.Fatal(err)
	}
	d := &Deliverer{Box: b.box, Log: slog.New(slog.DiscardHandler), Lost: func() (bool, error) { return true, errRemoved }}
	_ = d.Box.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var lost *LostError
	if err := d.lost(ctx, func() {}); !errors.As(err, &lost) || !lost.Unknown || lost.Deliveries != 0 {
		t.Errorf("got %+v (%v), want that it is not known", lost, err)
	}
}
