package dispatch

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// Ten thousand messages may be given up for one reason, a second apart or at once. The log has the first of them and then, once a minute,
// how many more there were: each of them is in the outbox. Another reason is another line.

const (
	alikeEvery = time.Minute // how often those that are alike are a line
	maxAlike   = 20          // of how many reasons of one receiver the log tells apart; templates may make any number of them
)

// alike keeps which failures were told.
type alike struct {
	mu    sync.Mutex
	told  map[alikeKey]*toldOf
	kinds map[string]int // how many keys a receiver has
}

type alikeKey struct{ receiver, what, why string }

type toldOf struct {
	at     time.Time // of the last line
	untold int
	again  func(deliveries int, several bool) // tells of them; several: reasons
}

// tell tells of one by first, or counts it among those of which again tells later: where a receiver has too many reasons, all that ended in
// one way.
func (a *alike) tell(receiver, what, why string, now time.Time, first func(), again func(deliveries int, several bool)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := alikeKey{receiver, what, why}
	of := a.told[key]
	if of == nil && a.kinds[receiver] >= maxAlike {
		key.why = ""
		of = a.told[key]
	}
	if of == nil {
		if a.told == nil {
			a.told, a.kinds = map[alikeKey]*toldOf{}, map[string]int{}
		}
		a.told[key] = &toldOf{at: now}
		a.kinds[receiver]++
		first()
		return
	}
	of.untold++
	of.again = again
}

// flush tells of what was counted for long enough, and forgets what has ended. all: of everything.
func (a *alike) flush(now time.Time, all bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for key, of := range a.told {
		if !all && now.Sub(of.at).Abs() < alikeEvery { // a time to come is a clock that was set
			continue
		}
		if of.untold > 0 {
			of.again(of.untold, key.why == "")
			of.at, of.untold, of.again = now, 0, nil
			continue
		}
		delete(a.told, key)
		if a.kinds[key.receiver]--; a.kinds[key.receiver] == 0 {
			delete(a.kinds, key.receiver)
		}
	}
}

// givenUp logs what became of a delivery that its receiver does not get, by log, or counts it where others ended alike. level and what are
// those of its line, more what stands in it.
func (d *Deliverer) givenUp(log *slog.Logger, level slog.Level, what, receiver, why string, more ...any) {
	d.alike.tell(receiver, what, why, time.Now(),
		func() { log.Log(context.Background(), level, what, more...) },
		func(deliveries int, several bool) {
			log := d.Log.With("receiver", receiver, "deliveries", deliveries)
			if several {
				log = log.With("reasons", "several, here the last")
			}
			if strings.HasPrefix(what, isDead) {
				log = log.With("see", "ossec-notify outbox list --states dead --receiver "+receiver)
			}
			log.Log(context.Background(), level, what+": more of them", more...)
		})
}
