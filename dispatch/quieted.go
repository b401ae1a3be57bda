package dispatch

import (
	"maps"
	"slices"
	"sync"

	"github.com/ossec-notify/ossec-notify/noise"
	"github.com/ossec-notify/ossec-notify/outbox"
)

// Quieted names what [Deliverer.Quieted] counts: the alerts that a receiver was not told of, and why; see [noise.Cause].
type Quieted struct{ Receiver, Cause string }

// quieted counts.
type quieted struct {
	mu sync.Mutex
	n  map[Quieted]int64
}

// count counts those of an alert's deliveries that were entered, and not told by themselves.
func (q *quieted) count(a outbox.Accepted, deliveries []outbox.NewDelivery) {
	if len(deliveries) == 0 { // nearly always
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, x := range deliveries {
		cause := noise.Cause(x.Reason)
		if x.Kind != "" || cause == "" || !slices.Contains(a.Deliveries, DeliveryID(a.Identity, x.Receiver, a.Occurrence)) {
			continue
		}
		if q.n == nil {
			q.n = map[Quieted]int64{}
		}
		q.n[Quieted{x.Receiver, cause}]++
	}
}

func (q *quieted) all() map[Quieted]int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return maps.Clone(q.n)
}
