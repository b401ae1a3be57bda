package dispatch

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/outbox"
)

// What memory keeps for nobody would hold up what comes in, and take the room of what is to be delivered.
func TestMemoryKeepsNoAlertThatWasTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{}
		b := newBench(t, map[string]*scripted{"webhook-1": s})
		muted, told := b.arrival("1", "low"), b.arrival("2", "low")
		muted.Nobody, muted.Deliveries = "noise", nil
		told.Nobody = "noise" // beside a receiver of "always"
		b.queue.put(muted, told)
		b.start()
		synctest.Wait()
		if got := s.told(); len(got) != 1 {
			t.Fatalf("told %q, want the second", got)
		}
		if n := len(b.deliverer.fresh.byKey); n != 0 {
			t.Errorf("memory keeps %d alerts, want none", n)
		}
		if err := b.stop(); err != nil {
			t.Error(err)
		}
	})
}

// An alert that comes a second time, by another way, is told as the outbox has it: as it came first.
func TestAlertThatComesAgainIsToldAsItCameFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		receivers := map[string]*scripted{"slack-1": {}, "slack-2": {}}
		b := newBench(t, receivers)
		first, again := b.arrival("1", "low"), b.arrival("1", "low")
		again.Alert = alert.Parse([]byte(strings.ReplaceAll(string(first.Alert.Raw), `"full_log":"x"`, `"full_log":"another"`)),
			alert.Options{Received: first.Alert.Received})
		first.Deliveries, again.Deliveries = first.Deliveries[:1], again.Deliveries[1:]
		b.queue.put(first, again)
		b.start()
		synctest.Wait()
		for name, s := range receivers {
			if len(s.got) != 1 {
				t.Fatalf("%s was told %q, want the alert", name, s.told())
			}
			for part, text := range s.got[0].Parts {
				if strings.Contains(text.Raw(), "another") {
					t.Errorf("%s: %s says what the outbox does not have: %s", name, part, text.Raw())
				}
			}
		}
		if n := len(b.deliverer.fresh.byKey); n != 0 {
			t.Errorf("memory keeps %d alerts, want none", n)
		}
		if err := b.stop(); err != nil {
			t.Error(err)
		}
	})
}

// A receiver that takes nothing holds up what comes in once, not batch by batch.
func TestWhatComesInIsNotHeldUpByAReceiverThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFresh()
		for i := range maxFresh {
			f.put(freshKey{fmt.Sprint(i), 1}, &alert.Alert{}, "", 1)
		}
		begun := time.Now()
		for range 100 {
			f.wait(t.Context())
		}
		if took := time.Since(begun); took > patience {
			t.Errorf("100 batches waited for %s, want at most %s", took, patience)
		}
		f.done(outbox.Alert{Identity: "1", Occurrence: 1}) // one is taken after all
		begun = time.Now()
		f.wait(t.Context())
		if took := time.Since(begun); took != patience {
			t.Errorf("once deliveries go on, a batch waited for %s, want %s", took, patience)
		}
	})
}
