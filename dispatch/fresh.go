package dispatch

import (
	"context"
	"sync"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/outbox"
)

// fresh keeps the alerts that came in last until they were delivered, so that they need not be parsed again. What has
// no room in it is read from the outbox. newFresh makes one.
type fresh struct {
	mu    sync.Mutex
	byKey map[freshKey]*freshAlert
	order []freshKey    // the oldest first; some of them may be gone
	moved chan struct{} // signalled when a delivery has come to its end
	stuck bool          // nothing moved when wait last waited; wait's own
}

type freshKey struct {
	identity   string
	occurrence int
}

type freshAlert struct {
	alert  *alert.Alert
	sample string
	left   int // deliveries that have not come to an end
	since  time.Time
}

const (
	maxFresh = 4 * intakeBatch
	// staleAfter is when an alert that waits for a receiver may go for a newer one.
	staleAfter = 5 * time.Second
	// patience is how long what comes in waits while there is much to deliver and none of it moves, and longestWait
	// how long at most: a page may be among it.
	patience    = 50 * time.Millisecond
	longestWait = 250 * time.Millisecond
)

func newFresh() *fresh {
	return &fresh{byKey: map[freshKey]*freshAlert{}, moved: make(chan struct{}, 1)}
}

// put keeps an alert for so many deliveries. Where there is no room an old one goes, which waits for a receiver that is
// slow or down, but not one whose turn is about to come.
func (f *fresh) put(key freshKey, a *alert.Alert, sample string, deliveries int) {
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.order) > 0 {
		oldest := f.byKey[f.order[0]]
		if oldest != nil && (len(f.byKey) < maxFresh || now.Sub(oldest.since) < staleAfter) {
			break
		}
		delete(f.byKey, f.order[0])
		f.order = f.order[1:]
	}
	if len(f.byKey) >= maxFresh || len(f.order) >= 2*maxFresh {
		return
	}
	f.order = append(f.order, key)
	f.byKey[key] = &freshAlert{a, sample, deliveries, now}
}

// more notes further deliveries of an alert that came again: it is told as it came first, for that is what was stored.
func (f *fresh) more(key freshKey, deliveries int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if kept := f.byKey[key]; kept != nil {
		kept.left += deliveries
	}
}

func (f *fresh) get(x outbox.Alert) (a *alert.Alert, sample string, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if kept := f.byKey[freshKey{x.Identity, x.Occurrence}]; kept != nil {
		return kept.alert, kept.sample, true
	}
	return nil, "", false
}

func (f *fresh) has(x outbox.Alert) bool {
	_, _, ok := f.get(x)
	return ok
}

// done notes that a delivery of an alert has come to its end.
func (f *fresh) done(x outbox.Alert) {
	key := freshKey{x.Identity, x.Occurrence}
	f.mu.Lock()
	defer f.mu.Unlock()
	if kept := f.byKey[key]; kept != nil {
		if kept.left--; kept.left <= 0 {
			delete(f.byKey, key)
		}
	}
	select {
	case f.moved <- struct{}{}:
	default:
	}
}

// wait holds up what comes in while half of the room is taken and deliveries go on: an alert that can be delivered
// from memory is cheaper than one that is read again, and it is safe where it is. Where nothing moves, because of a
// receiver that is slow or down, it is waited once and not for each batch: a page may be among what comes.
func (f *fresh) wait(ctx context.Context) {
	if !f.crowded() {
		return
	}
	if f.stuck {
		select {
		case <-f.moved:
			f.stuck = false
		default:
			return
		}
	}
	ctx, cancel := context.WithTimeout(ctx, longestWait)
	defer cancel()
	t := time.NewTimer(patience)
	defer t.Stop()
	for f.crowded() {
		select {
		case <-ctx.Done():
			return
		case <-f.moved:
			t.Reset(patience)
		case <-t.C:
			f.stuck = true
			return
		}
	}
}

func (f *fresh) crowded() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.byKey) > maxFresh/2
}
