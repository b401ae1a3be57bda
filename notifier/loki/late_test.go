package loki

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
)

// forgetful is a Loki that takes lines of the last week, none that is an hour behind what their stream has, begins so many streams, and
// whose answers get lost.
type forgetful struct {
	*testing.T
	url string

	mu     sync.Mutex
	now    time.Time
	newest map[string]time.Time
	stored map[string]map[string]bool // what a line is known by, by what the alert is known by
	lost   func() bool

	streams, requests int
}

func newForgetful(t *testing.T, now time.Time) *forgetful {
	f := &forgetful{T: t, now: now, newest: map[string]time.Time{}, stored: map[string]map[string]bool{}, lost: func() bool { return false }, streams: 100}
	s := httptest.NewServer(http.HandlerFunc(f.push))
	t.Cleanup(s.Close)
	f.url = s.URL
	return f
}

func (f *forgetful) push(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	var p pushed
	if err := json.Unmarshal(body, &p); err != nil {
		f.Error(err)
	}
	f.requests++
	refusal, status := "", http.StatusBadRequest
	for _, s := range p.Streams {
		name := fmt.Sprint(s.Stream)
		if _, known := f.newest[name]; !known && len(f.newest) >= f.streams {
			status = http.StatusTooManyRequests
			refusal = "Maximum active stream limit exceeded when trying to create stream " + name + ", reduce the number of active streams\n"
			continue
		}
		for _, v := range s.Values {
			var stamp, line string
			var e struct{ ID string }
			_, _ = json.Unmarshal(v[0], &stamp), json.Unmarshal(v[1], &line)
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				f.Error(err)
			}
			ns, _ := strconv.ParseInt(stamp, 10, 64)
			switch at := time.Unix(0, ns).UTC(); {
			case at.Before(f.now.Add(-7 * 24 * time.Hour)):
				refusal += fmt.Sprintf("entry for stream '%s' has timestamp too old: %s, oldest acceptable timestamp is: %s\n", name, at.Format(time.RFC3339), f.now.Add(-7*24*time.Hour).Format(time.RFC3339))
			case at.After(f.now.Add(10 * time.Minute)):
				refusal += fmt.Sprintf("entry for stream '%s' has timestamp too new: %s\n", name, at.Format(time.RFC3339))
			case at.Before(f.newest[name].Add(-time.Hour)):
				refusal += fmt.Sprintf("entry with timestamp %s ignored, reason: 'entry too far behind, entry timestamp is: %s, oldest acceptable timestamp is: %s',\n", at, at.Format(time.RFC3339), f.newest[name].Add(-time.Hour).Format(time.RFC3339))
			default:
				if at.After(f.newest[name]) {
					f.newest[name] = at
				}
				if f.stored[e.ID] == nil {
					f.stored[e.ID] = map[string]bool{}
				}
				f.stored[e.ID][name+stamp+line] = true
			}
		}
	}
	switch {
	case f.lost():
		panic(http.ErrAbortHandler)
	case refusal != "":
		w.WriteHeader(status)
		_, _ = io.WriteString(w, refusal)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// TestLateLinesAreStoredOnce: of lines of any age, whose answers are lost again and again, each is there once in the end.
func TestLateLinesAreStoredOnce(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 5))
	clock := time.Now().UTC()
	f := newForgetful(t, clock)
	l := newNotifier(t, Config{URL: []string{f.url}}, http.DefaultClient)
	if _, err := l.Notify(t.Context(), at(clock, "newest")); err != nil {
		t.Fatal(err)
	}
	share := 20 + random.IntN(40)
	f.mu.Lock()
	f.lost = func() bool { return random.IntN(100) < share }
	f.mu.Unlock()
	ages := []time.Duration{0, 10 * time.Minute, 2 * time.Hour, 5 * time.Hour, 30 * 24 * time.Hour, -time.Hour}
	var callers sync.WaitGroup
	const many = 150
	for i := range many {
		n := at(clock.Add(-ages[i%len(ages)]), fmt.Sprint("d", i))
		switch i / len(ages) % 3 { // when it came to us: with the alert, just now, or nobody knows
		case 0:
			n.Received = n.Time.Add(time.Second)
		case 1:
			n.Received = clock.Add(-time.Minute)
		}
		callers.Go(func() {
			var err error
			for range 1000 {
				if _, err = l.Notify(t.Context(), n); err == nil {
					return
				}
			}
			t.Errorf("d%d was never told: %v", i, err)
		})
	}
	callers.Wait()
	for i := range many {
		if got := f.stored[fmt.Sprint("d", i)]; len(got) != 1 {
			t.Errorf("d%d is there %d times: %v", i, len(got), got)
		}
	}
	if left := len(l.late.times.now) + len(l.late.times.earlier); left != 0 {
		t.Errorf("%d lines are remembered that are stored", left)
	}
}

// at is a notification of an alert of its own, in one stream with the others.
func at(when time.Time, id string) notifier.Notification {
	n := bruteForce()
	n.Time, n.Delivery = when, id
	n.Parts["line.json"] = display.Words(fmt.Sprintf(`{"id":%q}`, id))
	return n
}

// What came to us lately has the same time in every process.
func TestLateLineHasOneTimeInEveryProcess(t *testing.T) {
	clock := time.Now().UTC()
	for name, tt := range map[string]struct {
		age, waited time.Duration
		times       int
	}{
		"caught up on":                           {30 * 24 * time.Hour, 20 * time.Minute, 1},
		"behind its stream":                      {3 * time.Hour, 20 * time.Minute, 1},
		"in the future":                          {-2 * time.Hour, time.Minute, 1},
		"it waited for longer than Loki permits": {3 * time.Hour, 3 * time.Hour, 2}, // which docs/channels.md admits
	} {
		t.Run(name, func(t *testing.T) {
			f := newForgetful(t, clock)
			n := at(clock.Add(-tt.age), "late")
			n.Received = clock.Add(-tt.waited)
			for range 2 {
				l := newNotifier(t, Config{URL: []string{f.url}}, http.DefaultClient)
				if _, err := l.Notify(t.Context(), at(clock, "newest")); err != nil {
					t.Fatal(err)
				}
				if _, err := l.Notify(t.Context(), n); err != nil {
					t.Fatal(err)
				}
			}
			if got := f.stored["late"]; len(got) != tt.times {
				t.Errorf("it is there %d times: %v", len(got), got)
			}
			for line := range f.stored["late"] {
				if !strings.Contains(line, n.Time.Format(time.RFC3339Nano)) {
					t.Errorf("the alert's time is not in %s", line)
				}
			}
		})
	}
}

// A time that was used before and that Loki does not take any more does not keep the line out.
func TestLateLineWhoseTimeIsTooOldByNowGetsAnother(t *testing.T) {
	clock := time.Now().UTC()
	f := newForgetful(t, clock)
	l := newNotifier(t, Config{URL: []string{f.url}}, http.DefaultClient)
	n := at(clock.Add(-5*time.Hour), "late")
	e, err := l.entry(n)
	if err != nil {
		t.Fatal(err)
	}
	old := clock.Add(-2 * time.Hour)
	first := l.late.atAnotherTime(e, old, time.Time{})
	for i, tt := range []struct {
		clock, oldest time.Time
		want          time.Time
	}{
		{clock, old.Add(-time.Second), old},
		{clock, time.Time{}, old}, // how old it may be is not said
		{clock, old.Add(time.Second), clock},
		{clock.Add(time.Second), clock.Add(-time.Hour), clock},
	} {
		if got := l.late.atAnotherTime(e, tt.clock, tt.oldest); !got.time.Equal(tt.want) || got.line != first.line {
			t.Errorf("%d: got %s, want %s", i, got.time, tt.want)
		}
	}
	again := l.late.atAnotherTime(l.late.atAnotherTime(e, clock, time.Time{}), clock.Add(time.Minute), time.Time{})
	if again.stage != atNow || !again.time.Equal(clock.Add(time.Minute)) || strings.Count(again.line, eventTime) != 1 || again.metadata[eventTime] != n.Time.Format(time.RFC3339Nano) {
		t.Errorf("got %+v", again)
	}
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	var r recent[int, int]
	for i := range 5 * maxRecent {
		r.note(i, i+1)
		if n := len(r.now) + len(r.earlier); n > 2*maxRecent || r.of(i) != i+1 || i >= maxRecent && r.of(i-maxRecent+1) == 0 {
			t.Fatalf("%d: %d are remembered, of this one %d", i, n, r.of(i))
		}
	}
	if r.forget(5*maxRecent - 1); r.of(5*maxRecent-1) != 0 {
		t.Error("it is not forgotten")
	}
}
