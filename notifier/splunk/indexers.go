package splunk

import (
	"net/url"
	"strings"
	"sync/atomic"
)

// indexer is one collector: its addresses, and what it took and has not acknowledged.
type indexer struct {
	endpoint *url.URL
	channel  string
	ackURL   *url.URL // nil where the path is an operator's own
	acks     *acks
	// final: its word that it took an event is the last one, for it gives no number to ask by. As long as it has taken none,
	// that is not known.
	final atomic.Bool
	// moved says, once, that it takes what another one took before; nil where nobody wants to know.
	moved func() string
}

// waiting finds the event of a delivery that a collector took in an earlier attempt and has not acknowledged yet. One that was
// waited for long enough is forgotten, and its collector is trusted less.
func (s *Notifier) waiting(delivery string) *ack {
	if delivery == "" {
		return nil
	}
	for i, ix := range s.indexers {
		w, overdue := ix.acks.of(delivery)
		if w != nil {
			return w
		}
		if overdue {
			s.failover.Failed(i, "has not acknowledged what it took")
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
