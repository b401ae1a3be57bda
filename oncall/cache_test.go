package oncall

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

var discard = slog.New(slog.DiscardHandler)

// bubble runs a test in virtual time, with a cache that asks a fake.
func bubble(t *testing.T, store Store, test func(*testing.T, *fakePagerDuty, *Cache, Schedule)) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		c := NewCache(store, discard)
		defer c.Close()
		test(t, f, c, Schedule{schedule1, f.inMemory()})
	})
}

func TestNobodyWaitsForPagerDuty(t *testing.T) {
	bubble(t, nil, func(t *testing.T, f *fakePagerDuty, c *Cache, s Schedule) {
		f.onCall(schedule1, alice, time.Time{}, time.Time{})
		f.next(hanging)
		start := time.Now()
		known := c.OnCall(s, start)
		if !time.Now().Equal(start) || !known.Asked.IsZero() || len(known.People) != 0 {
			t.Errorf("got %+v after %s, want nothing at once", known, time.Since(start))
		}
		// Many ask while one question is under way, which ends with its deadline.
		for range 100 {
			c.OnCall(s, time.Now())
		}
		synctest.Wait()
		if f.count() != 1 {
			t.Errorf("%d questions at a time, want 1", f.count())
		}
		time.Sleep(askTimeout)
		synctest.Wait()
		known = c.OnCall(s, time.Now())
		if known.Failing.Sub(start) != askTimeout || !strings.Contains(known.Failure, "no answer within 10s") {
			t.Errorf("got %+v, want the failure", known)
		}
		// It is tried again after a while, and then known.
		time.Sleep(15 * time.Second)
		c.OnCall(s, time.Now())
		synctest.Wait()
		if known = c.OnCall(s, time.Now()); names(known) != "Alice Example" || !known.Failing.IsZero() || known.Failure != "" {
			t.Errorf("got %+v", known)
		}
	})
}

func TestPagerDutyIsAskedOnceAMinuteAtMost(t *testing.T) {
	bubble(t, nil, func(t *testing.T, f *fakePagerDuty, c *Cache, s Schedule) {
		f.onCall(schedule1, alice, time.Time{}, time.Time{})
		start := time.Now()
		for range 600 { // alerts come each second
			c.OnCall(s, time.Now())
			time.Sleep(time.Second)
		}
		if got, want := f.count(), 10; got != want {
			t.Errorf("%d questions in 10 minutes, want %d", got, want)
		}
		// None comes for hours: nobody asks.
		time.Sleep(5 * time.Hour)
		if f.count() != 10 {
			t.Errorf("%d questions, though nobody wants to know", f.count())
		}
		known := c.OnCall(s, time.Now())
		if known.Age < 5*time.Hour || names(known) != "Alice Example" || known.Stale() {
			t.Errorf("got %+v, want the old answer at once, and no failure", known)
		}
		synctest.Wait()
		if known = c.OnCall(s, time.Now()); known.Age != 0 {
			t.Errorf("the answer is %s old after it was asked for", known.Age)
		}
		_ = start
	})
}

func TestFailuresAreTriedAgainEverMoreSlowlyAndSaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logged
		f := newFake(t)
		c := NewCache(nil, log.log())
		defer c.Close()
		s := Schedule{schedule1, f.inMemory()}
		f.onCall(schedule1, alice, time.Time{}, time.Time{})
		asks(t, c, s)
		for range 7 {
			f.next(answering(503, ""))
		}
		start := time.Now()
		for time.Since(start) < 25*time.Minute {
			c.OnCall(s, time.Now())
			time.Sleep(time.Second)
		}
		synctest.Wait()
		var waits []time.Duration
		for i, at := range f.at[1:] {
			waits = append(waits, at.Sub(f.at[i]))
		}
		want := []time.Duration{time.Minute, 15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 5 * time.Minute, 5 * time.Minute, time.Minute}
		if diff := cmp.Diff(waits[:min(len(waits), len(want))], want); diff != "" {
			t.Errorf("between questions (-got +want):\n%s", diff)
		}
		if n := strings.Count(log.String(), "does not say who is on call"); n != 1 {
			t.Errorf("the failure is logged %d times:\n%s", n, log.String())
		}
		if !strings.Contains(log.String(), `msg="PagerDuty says again who is on call" schedule=PABC123 for=18m45s`) {
			t.Errorf("that it is over is not logged:\n%s", log.String())
		}
	})
}

func TestPagerDutyIsLetAloneForAsLongAsItAsks(t *testing.T) {
	bubble(t, nil, func(t *testing.T, f *fakePagerDuty, c *Cache, s Schedule) {
		f.onCall(schedule1, alice, time.Time{}, time.Time{})
		f.next(answering(429, `{"error":{"message":"Rate Limit Exceeded","code":2020}}`, "ratelimit-reset", "50"))
		for range 51 {
			c.OnCall(s, time.Now())
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if f.count() != 2 || f.at[1].Sub(f.at[0]) != 50*time.Second {
			t.Errorf("asked at %v, want the second 50 s after the first", f.at)
		}
	})
}

func TestAMendedConfigIsTriedAtOnce(t *testing.T) {
	bubble(t, nil, func(t *testing.T, f *fakePagerDuty, c *Cache, s Schedule) {
		f.onCall(schedule1, alice, time.Time{}, time.Time{})
		f.next(answering(401, ""), answering(401, ""), answering(401, ""), answering(401, ""), answering(401, ""))
		for range 300 {
			c.OnCall(s, time.Now())
			time.Sleep(time.Second)
		}
		before := f.count()
		c.OnCall(Schedule{schedule1, f.inMemory()}, time.Now()) // the config was loaded again
		synctest.Wait()
		if f.count() != before+1 {
			t.Errorf("%d questions, want one more than %d", f.count(), before)
		}
		if known := c.OnCall(s, time.Now()); names(known) != "Alice Example" {
			t.Errorf("got %+v", known)
		}
	})
}

func TestWhoIsOnCallNextIsKnownWithoutPagerDuty(t *testing.T) {
	bubble(t, nil, func(t *testing.T, f *fakePagerDuty, c *Cache, s Schedule) {
		now := time.Now()
		f.onCall(schedule1, alice, now.Add(-12*time.Hour), now.Add(6*time.Hour))
		f.onCall(schedule1, bob, now.Add(6*time.Hour), now.Add(30*time.Hour))
		f.onCall(schedule1, alice, now.Add(30*time.Hour), now.Add(200*time.Hour))
		f.onCall(schedule1, bob, now.Add(200*time.Hour), now.Add(300*time.Hour)) // farther away than is asked for
		asks(t, c, s)
		f.mu.Lock()
		for range 1000 {
			f.script = append(f.script, answering(503, ""))
		}
		f.mu.Unlock()
		for _, want := range []struct {
			after time.Duration
			who   string
		}{
			{0, "Alice Example"}, {6*time.Hour - time.Second, "Alice Example"}, {6 * time.Hour, "Bob Example"}, {30 * time.Hour, "Alice Example"},
			{71 * time.Hour, "Alice Example"}, {250 * time.Hour, "Alice Example"}, // the last that was known
		} {
			time.Sleep(want.after - time.Since(now))
			known := c.OnCall(s, time.Now())
			if names(known) != want.who || known.Age != want.after {
				t.Errorf("after %s: got %s, %s old, want %s", want.after, names(known), known.Age, want.who)
			}
			synctest.Wait()
			if stale := c.OnCall(s, time.Now()).Stale(); stale != (want.after > StaleAfter) {
				t.Errorf("after %s: stale is %v", want.after, stale)
			}
		}
		// Who asks about another time than now is told of that time.
		if known := c.OnCall(s, now.Add(7*time.Hour)); names(known) != "Bob Example" {
			t.Errorf("got %s", names(known))
		}
	})
}

func TestBehindTheLastShiftNobodyIsOnCall(t *testing.T) {
	bubble(t, nil, func(t *testing.T, f *fakePagerDuty, c *Cache, s Schedule) {
		now := time.Now()
		f.onCall(schedule1, alice, now.Add(-time.Hour), now.Add(time.Hour))
		asks(t, c, s)
		if known := c.OnCall(s, now.Add(2*time.Hour)); len(known.People) != 0 || known.Asked.IsZero() {
			t.Errorf("got %+v, want nobody, and that this is known", known)
		}
	})
}

func TestGarbageLeavesTheLastAnswerInUse(t *testing.T) {
	for name, g := range garbage {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			c := NewCache(nil, discard)
			defer c.Close()
			s := Schedule{schedule1, f.serve()}
			f.onCall(schedule1, alice, time.Time{}, time.Time{})
			asks(t, c, s)
			f.next(g.answer)
			known, err := c.Refresh(t.Context(), s)
			if err == nil || names(known) != "Alice Example" || known.Failing.IsZero() {
				t.Errorf("got %+v, %v", known, err)
			}
		})
	}
}

func TestWhatIsKnownOutlivesTheProcess(t *testing.T) {
	store := newMemory()
	bubble(t, store, func(t *testing.T, f *fakePagerDuty, c *Cache, s Schedule) {
		now := time.Now()
		f.onCall(schedule1, alice, now.Add(-time.Hour), now.Add(time.Hour))
		f.onCall(schedule1, bob, now.Add(time.Hour), time.Time{})
		asks(t, c, s)
		c.Close()
		time.Sleep(90 * time.Minute)

		// PagerDuty is down when the next process starts.
		again := NewCache(store, discard)
		defer again.Close()
		f.next(answering(503, ""), answering(503, ""))
		known := again.OnCall(s, time.Now())
		if names(known) != "Bob Example" || known.Age != 90*time.Minute || !known.Asked.Equal(now) {
			t.Errorf("got %+v, want Bob at once, whose shift has begun", known)
		}
		synctest.Wait()
		failing := time.Now()

		// A command that only shows does not ask, and hears of the failure.
		time.Sleep(time.Minute)
		shown := Remembered(store, discard)
		defer shown.Close()
		known = shown.OnCall(s, time.Now())
		if names(known) != "Bob Example" || !known.Failing.Equal(failing) || !strings.Contains(known.Failure, "status 503") || !known.Stale() {
			t.Errorf("got %+v", known)
		}
		before := f.count()
		synctest.Wait()
		if f.count() != before {
			t.Error("a cache that only remembers has asked")
		}
		if strings.Contains(store.text(), testToken) {
			t.Errorf("the token is kept: %s", store.text())
		}
	})
}

func TestTheCopyIsWrittenWhenItSaysSomethingElse(t *testing.T) {
	store := newMemory()
	bubble(t, store, func(t *testing.T, f *fakePagerDuty, c *Cache, s Schedule) {
		f.onCall(schedule1, alice, time.Time{}, time.Time{})
		for range 60 {
			asks(t, c, s)
			time.Sleep(time.Minute)
		}
		if store.saves != 12 {
			t.Errorf("it was written %d times in an hour in which nothing changed, want every five minutes", store.saves)
		}
		f.onCall(schedule1, bob, time.Time{}, time.Time{})
		before := store.saves
		asks(t, c, s)
		var kept record
		if err := json.Unmarshal(slices.Collect(values(store))[0], &kept); err != nil || store.saves != before+1 || len(kept.Answer.Shifts) != 2 {
			t.Errorf("somebody new is not kept at once: %d writes, %s, %v", store.saves-before, store.text(), err)
		}
	})
}

func values(m *memory) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for _, v := range m.kept {
			if !yield(v) {
				return
			}
		}
	}
}

func TestAStoreThatIsIllStopsNobody(t *testing.T) {
	for name, store := range map[string]*memory{
		"fails": {kept: map[string][]byte{}, err: errGone}, "garbage": {kept: map[string][]byte{"oncall:https://api.pagerduty.com PABC123": []byte(`{"answer":7}`)}},
		"null": {kept: map[string][]byte{"oncall:https://api.pagerduty.com PABC123": []byte(`null`)}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, store, func(t *testing.T, f *fakePagerDuty, c *Cache, s Schedule) {
				f.onCall(schedule1, alice, time.Time{}, time.Time{})
				if known := c.OnCall(s, time.Now()); !known.Asked.IsZero() {
					t.Errorf("got %+v", known)
				}
				synctest.Wait()
				if known := c.OnCall(s, time.Now()); names(known) != "Alice Example" {
					t.Errorf("got %+v", known)
				}
			})
		})
	}
}

func TestADaemonKeepsSchedulesFresh(t *testing.T) {
	bubble(t, nil, func(t *testing.T, f *fakePagerDuty, c *Cache, s Schedule) {
		f.onCall(schedule1, alice, time.Time{}, time.Time{})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			c.Watch(ctx, func() []Schedule { return []Schedule{s} })
			close(ended)
		}()
		time.Sleep(10*time.Minute + time.Second)
		before := f.count()
		if known := c.OnCall(s, time.Now()); known.Age > RefreshAfter+watchEvery || names(known) != "Alice Example" {
			t.Errorf("got %+v", known)
		}
		if before < 8 || before > 11 {
			t.Errorf("%d questions in ten minutes, want about one a minute", before)
		}
		cancel()
		<-ended
		time.Sleep(time.Hour)
		if f.count() != before {
			t.Error("it asks after its end")
		}
	})
}

func TestRefreshEndsWithItsContext(t *testing.T) {
	bubble(t, nil, func(t *testing.T, f *fakePagerDuty, c *Cache, s Schedule) {
		f.next(hanging)
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errGone)
		defer cancel()
		if _, err := c.Refresh(ctx, s); err != errGone {
			t.Errorf("got %v, want the cause", err)
		}
	})
}

func TestCloseEndsQuestions(t *testing.T) {
	bubble(t, nil, func(t *testing.T, f *fakePagerDuty, c *Cache, s Schedule) {
		f.next(hanging)
		c.OnCall(s, time.Now())
		synctest.Wait()
		start := time.Now()
		c.Close()
		if !time.Now().Equal(start) {
			t.Errorf("it took %s", time.Since(start))
		}
		if known := c.OnCall(s, time.Now()); known.Failure != "" || f.count() != 1 {
			t.Errorf("got %+v in %d questions: to leave is no failure, and who left asks nothing", known, f.count())
		}
	})
}

func TestASetClockAsksAgain(t *testing.T) {
	store := newMemory()
	bubble(t, store, func(t *testing.T, f *fakePagerDuty, c *Cache, s Schedule) {
		f.onCall(schedule1, alice, time.Time{}, time.Time{})
		ahead := record{Answer: &answer{Asked: time.Now().Add(100 * time.Hour), Until: time.Now().Add(172 * time.Hour), Shifts: []shift{{Person: bob}}}}
		b, err := json.Marshal(ahead)
		if err != nil {
			t.Fatal(err)
		}
		store.kept[s.key()] = b
		if known := c.OnCall(s, time.Now()); names(known) != "Bob Example" || known.Age != 0 {
			t.Errorf("got %+v", known)
		}
		synctest.Wait()
		if known := c.OnCall(s, time.Now()); names(known) != "Alice Example" {
			t.Errorf("got %+v: an answer from a time to come was believed", known)
		}
	})
}

func TestSchedulesOfTwoAccountsAreTwo(t *testing.T) {
	bubble(t, newMemory(), func(t *testing.T, f *fakePagerDuty, c *Cache, s Schedule) {
		other := newFake(t)
		eu := Schedule{schedule1, other.inMemory()}
		eu.Source.Endpoint = endpointEU
		f.onCall(schedule1, alice, time.Time{}, time.Time{})
		other.onCall(schedule1, bob, time.Time{}, time.Time{})
		if got := fmt.Sprint(names(asks(t, c, s)), "; ", names(asks(t, c, eu))); got != "Alice Example; Bob Example" {
			t.Errorf("got %s", got)
		}
	})
}
