package splunk

import (
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// homeAfter is how long another indexer than the first is used before the first is tried again.
const homeAfter = 2 * time.Minute

// indexer is one collector: its addresses, and what it took and has not acknowledged.
type indexer struct {
	endpoint *url.URL
	channel  string
	ackURL   *url.URL // nil where the path is an operator's own
	acks     *acks
	// final: its word that it took an event is the last one, for it gives no number to ask by. As long as it has taken none,
	// that is not known.
	final atomic.Bool
}

// indexers are the collectors of a receiver, in the order of the config. One is used until it fails; then the next one is.
type indexers struct {
	all []*indexer

	mu      sync.Mutex
	current int
	since   time.Time // when the current one took over, or the first was last tried since
}

// order is which collectors an attempt tries: the one in use, then those behind it. Now and then one attempt begins with the
// first again.
func (x *indexers) order() []*indexer {
	x.mu.Lock()
	defer x.mu.Unlock()
	var order []*indexer
	if x.current != 0 && time.Since(x.since) >= homeAfter {
		x.since = time.Now()
		order = append(order, x.all[0])
	}
	for i := range x.all {
		if ix := x.all[(x.current+i)%len(x.all)]; len(order) == 0 || ix != order[0] {
			order = append(order, ix)
		}
	}
	return order
}

// worked notes that a collector takes events. The first is used again from then on.
func (x *indexers) worked(ix *indexer) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if ix == x.all[0] {
		x.current = 0
	}
}

// failed notes that a collector takes none.
func (x *indexers) failed(ix *indexer) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if ix == x.all[x.current] {
		x.current, x.since = (x.current+1)%len(x.all), time.Now()
	}
}

// waiting finds the event of a delivery that a collector took in an earlier attempt and has not acknowledged yet. One that was
// waited for long enough is forgotten, and its collector is trusted less.
func (x *indexers) waiting(delivery string) *ack {
	if delivery == "" {
		return nil
	}
	for _, ix := range x.all {
		w, overdue := ix.acks.of(delivery)
		if w != nil {
			return w
		}
		if overdue {
			x.failed(ix)
		}
	}
	return nil
}

// ackURL is where acknowledgements are asked for, beside the endpoint for events; nil where the path is an
// operator's own.
func ackURL(endpoint *url.URL, channel string) *url.URL {
	u := *endpoint
	base := strings.TrimSuffix(strings.TrimRight(u.Path, "/"), "/1.0")
	base = strings.TrimSuffix(strings.TrimSuffix(base, "/event"), "/raw")
	if !strings.HasSuffix(base, "/services/collector") {
		return nil
	}
	u.Path, u.RawPath = base+"/ack", ""
	query := u.Query()
	for _, name := range []string{"index", "source", "sourcetype", "host"} { // of the endpoint raw
		query.Del(name)
	}
	query.Set("channel", channel)
	u.RawQuery = query.Encode()
	return &u
}
