package dispatch

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/outbox"
)

// fresh keeps the alerts that came in last until they were delivered, so that they need not be parsed again. What has
// no room in it is read from the outbox. The zero value is empty.
type fresh struct {
	mu    sync.Mutex
	byKey map[string]*freshAlert
	order []string      // keys, the oldest first; some of them may be gone
	freed chan struct{} // signalled when an alert is gone
}

type freshAlert struct {
	alert  *alert.Alert
	sample string
	left   int // deliveries that have not come to an end
}

const (
	maxFresh = 1000
	// patience is how long what comes in waits, while there is much to deliver and nothing of it is being delivered.
	patience = 20 * time.Millisecond
)

func freshKey(identity string, occurrence int) string {
	if occurrence == 1 {
		return identity
	}
	return fmt.Sprintf("%s#%d", identity, occurrence)
}

// put keeps an alert for so many deliveries. Where there is no room the oldest goes: it waits for a receiver that is
// slow or down.
func (f *fresh) put(key string, a *alert.Alert, sample string, deliveries int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byKey == nil {
		f.byKey, f.freed = map[string]*freshAlert{}, make(chan struct{}, 1)
	}
	if f.byKey[key] == nil {
		f.order = append(f.order, key)
	}
	f.byKey[key] = &freshAlert{a, sample, deliveries}
	for len(f.byKey) > maxFresh || len(f.order) > 2*maxFresh {
		delete(f.byKey, f.order[0])
		f.order = f.order[1:]
	}
}

func (f *fresh) get(x outbox.Alert) (a *alert.Alert, sample string, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if kept := f.byKey[freshKey(x.Identity, x.Occurrence)]; kept != nil {
		return kept.alert, kept.sample, true
	}
	return nil, "", false
}

// done notes that a delivery of an alert has come to its end.
func (f *fresh) done(x outbox.Alert) {
	key := freshKey(x.Identity, x.Occurrence)
	f.mu.Lock()
	defer f.mu.Unlock()
	kept := f.byKey[key]
	if kept == nil {
		return
	}
	if kept.left--; kept.left > 0 {
		return
	}
	delete(f.byKey, key)
	select {
	case f.freed <- struct{}{}:
	default:
	}
}

// wait holds up what comes in while half of the room is taken and deliveries go on: an alert that can be delivered
// from memory is cheaper than one that is read again, and it is safe where it is. A receiver that takes nothing holds
// nobody up for longer than patience.
func (f *fresh) wait(ctx context.Context) {
	t := time.NewTimer(patience)
	defer t.Stop()
	for f.crowded() {
		select {
		case <-ctx.Done():
			return
		case <-f.freed:
			t.Reset(patience)
		case <-t.C:
			return
		}
	}
}

func (f *fresh) crowded() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.byKey) > maxFresh/2
}
