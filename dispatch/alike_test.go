package dispatch

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
)

// What is given up for one reason, however much it is, is a line and then one a minute with the count; the outbox has each. Another
// reason is told at once.
func TestWhatIsGivenUpForOneReasonIsOneLineAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newGate(func(n notifier.Notification) error {
			if n.Alert == "other" {
				return permanent("400: it is too large")
			}
			return permanent("400: no such index")
		})
		close(s.open)
		b := newBench(t, map[string]*scripted{"slack-1": {}})
		b.site.d.Receivers["slack-1"].Notifier = s
		var out bytes.Buffer
		var mu sync.Mutex
		b.log = slog.New(slog.NewTextHandler(lockedWriter{&mu, &out}, nil))
		lines := func() []string {
			mu.Lock()
			defer mu.Unlock()
			var found []string
			for line := range strings.Lines(out.String()) {
				if strings.Contains(line, "delivery is dead") {
					found = append(found, line)
				}
			}
			return found
		}
		b.start()
		const n = 100
		for _, id := range numbers(n) {
			b.queue.put(b.arrival(id, "low"))
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		b.queue.put(b.arrival("other", "low"))
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got := lines(); len(got) != 2 || !strings.Contains(got[0], "no such index") || !strings.Contains(got[0], "alert=0 ") || !strings.Contains(got[1], "too large") {
			t.Errorf("the log has\n%s", strings.Join(got, ""))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := lines(); len(got) != 3 || !strings.Contains(got[2], fmt.Sprintf("more of them\" receiver=slack-1 deliveries=%d ", n-1)) || !strings.Contains(got[2], "no such index") {
			t.Errorf("a minute later it has\n%s", strings.Join(got, ""))
		}
		if got := b.states("slack-1"); got[outbox.Dead] != n+1 {
			t.Errorf("the outbox has %v, want %d dead letters", got, n+1)
		}
		// What was counted when the deliverer ends is told then; what was quiet for long is told anew.
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		b.queue.put(b.arrival("late", "low"), b.arrival("later", "low"))
		time.Sleep(time.Second)
		synctest.Wait()
		if err := b.stop(); err != nil {
			t.Error(err)
		}
		if got := lines(); len(got) != 5 || !strings.Contains(got[3], "alert=late ") || !strings.Contains(got[4], "deliveries=1 ") {
			t.Errorf("at the end it has\n%s", strings.Join(got, ""))
		}
	})
}

// However many reasons there are, since what stands in an alert is in them, the lines of a minute are few. What is dead is not counted with
// what others tell instead.
func TestReasonsThatAnAttackerMakesAreFewLines(t *testing.T) {
	var a alike
	now := time.Now()
	type line struct {
		what       string
		deliveries int
		several    bool
	}
	first, more := map[string]int{}, []line(nil)
	for i := range 1000 {
		for _, what := range []string{isDead, "fallback takes over"} {
			a.tell("siem", what, fmt.Sprint("no index ", i), now, func() { first[what]++ },
				func(n int, several bool) { more = append(more, line{what, n, several}) })
		}
	}
	a.flush(now.Add(alikeEvery), false)
	slices.SortFunc(more, func(x, y line) int { return strings.Compare(x.what, y.what) })
	const told = maxAlike/2 + 1 // of each: in turn, and the first of all others
	if first[isDead] != told || first["fallback takes over"] != told {
		t.Errorf("lines at once: %v, want %d of each", first, told)
	}
	if want := []line{{isDead, 1000 - told, true}, {"fallback takes over", 1000 - told, true}}; !slices.Equal(more, want) {
		t.Errorf("a minute later %v, want %v", more, want)
	}
	a.flush(now.Add(2*alikeEvery), false)
	if len(a.told)+len(a.kinds) != 0 {
		t.Errorf("it keeps %v %v", a.told, a.kinds)
	}
}
