package dispatch

import (
	"context"
	"errors"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// search is what is known of a delivery of which an earlier attempt may have arrived. The zero value: nothing did,
// or another one does no harm.
type search struct {
	// settled: there is nothing to send now. Either the message is there, and this is its receipt, or the search
	// failed, and with it the attempt.
	settled bool
	receipt notifier.Receipt
	err     error
	// repeat: what is sent may be a second copy. why says what kept us from knowing; nil where the vendor cannot be
	// asked at all.
	repeat bool
	why    error
}

// searches is after how many attempts a search that keeps failing no longer holds the message up: one that comes
// twice is a nuisance, one that does not come is a failure.
const searches = 5

// search asks the vendor for a message that was sent since then, where it does not know a repeat by itself. n need not be
// rendered: see [notifier.Finder].
func (d *Dispatcher) search(ctx context.Context, r *Receiver, n notifier.Notification, since time.Time, attempts int) search {
	if idempotent(r.Notifier) {
		return search{}
	}
	finder, ok := r.Notifier.(notifier.Finder)
	if !ok {
		return search{repeat: true}
	}
	ctx, cancel := r.deadline(ctx)
	defer cancel()
	receipt, found, err := finder.Find(ctx, n, since)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return search{repeat: true}
	case err != nil && notifier.Retryable(err) && attempts < searches:
		return search{settled: true, err: err}
	case err != nil:
		return search{repeat: true, why: err}
	}
	return search{settled: found, receipt: receipt}
}

// idempotent reports whether the vendor knows a repeated message for what it is.
func idempotent(n notifier.Notifier) bool {
	i, ok := n.(notifier.Idempotent)
	return ok && i.Idempotent()
}
