package dispatch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
)

// health is how a receiver fares.
type health struct {
	outbox.Receiver // as it is kept

	// The failure that the receiver is in, and when it may be tried again. NextAt is earlier where a fallback is to
	// take what waits before then.
	failure *notifier.Error
	tryAt   time.Time
	since   time.Time // as Since, if this process saw it: by a clock that nobody sets
}

// adopt goes by what was kept, in which times are those of the day. corrected: the clock was set back, and the backoff
// must not last for longer because of that.
func (h *health) adopt(kept outbox.Receiver) (corrected bool) {
	h.Receiver = kept
	if h.Failures > 0 && !h.since.IsZero() {
		h.Since = h.since
	}
	longest := h.longestBackoff()
	if time.Until(h.NextAt) <= longest {
		return false
	}
	h.NextAt = time.Now().Add(longest)
	return true
}

// longestBackoff is how much of a backoff can be left: what this process knows of it, which no clock that is set can
// change. Of one that another process began it is not known; a vendor that asked for more is asked once too often.
func (h *health) longestBackoff() time.Duration {
	if h.tryAt.IsZero() {
		return laneBackoffMax
	}
	const slack = time.Second // of the time of day, which is adjusted all the time
	return max(time.Until(h.tryAt), 0) + slack
}

// Backoff of a receiver that fails, or of a message that waits alone: full jitter over an interval that doubles.
const (
	laneBackoffBase = time.Second
	laneBackoffMax  = 5 * time.Minute
)

// laneBackoff is how long to wait after so many failures: at least what the vendor asked for.
func laneBackoff(failures int, asked time.Duration) time.Duration {
	ceiling := laneBackoffMax
	if failures < 10 {
		ceiling = min(laneBackoffBase<<(failures-1), laneBackoffMax)
	}
	return max(asked, ceiling/4+rand.N(ceiling*3/4))
}

// failed notes a failure of the receiver's, in an attempt that began when the receiver had failed so many times. Attempts that were
// under way together, in one request perhaps, met one trouble: it counts once, or a hundred of them would mean the longest backoff.
// replaced: the receiver has a fallback.
func (h *health) failed(r *Receiver, f *notifier.Error, now time.Time, before int, replaced bool) {
	if f.Reason == notifier.Permanent { // about this message alone
		return
	}
	if h.Failures == 0 {
		h.Since, h.since = now, now
	}
	h.failure, h.LastError = f, f.Error()
	if before < h.Failures {
		if asked := now.Add(f.RetryAfter); asked.After(h.tryAt) {
			h.tryAt = asked
		}
	} else {
		h.Failures++
		h.tryAt = now.Add(laneBackoff(h.Failures, f.RetryAfter))
	}
	h.NextAt = h.tryAt
	if !replaced {
		return
	}
	takeover := now
	if f.Reason == notifier.Temporary {
		takeover = h.Since.Add(r.fallbackAfter())
	}
	switch {
	case !takeover.After(now):
		h.NextAt = time.Time{} // the fallback takes what comes
	case takeover.Before(h.tryAt):
		h.NextAt = takeover
	}
}

// why is the reason for which fallbacks take the place of the receiver after a failure; "" while they do not: at once
// after a permanent one, else when the receiver has failed for its fallback_after.
func (h *health) why(r *Receiver, f *notifier.Error) string {
	if f.Reason != notifier.Temporary {
		return fmt.Sprintf("refused it (%s)", brief(f))
	}
	return failedFor(h.Since, r, f)
}

// failedFor is the reason for which fallbacks take over what has failed since a time; "" while they do not.
func failedFor(since time.Time, r *Receiver, f *notifier.Error) string {
	if since.IsZero() || time.Since(since) < r.fallbackAfter() {
		return ""
	}
	return fmt.Sprintf("has failed for %s (%s)", display.Span(time.Since(since)), brief(f))
}

// failsSince is when the first attempt at a delivery began of those that have failed, this one among them: since it was entered, or a
// person had it tried again. It matters where the receiver has a fallback.
func (d *Deliverer) failsSince(ctx context.Context, r *Receiver, x outbox.Delivery, started time.Time) time.Time {
	if x.Attempts == 0 || !d.hasFallback(r) {
		return started
	}
	_, attempts, err := d.Box.Show(ctx, x.ID)
	if err != nil {
		return started // it is asked again after the next
	}
	for _, a := range attempts {
		if !a.Started.Before(x.Queued) {
			return a.Started
		}
	}
	return started
}

// aloneUntil is when a message is tried again that waits by itself: not later than a fallback may take it, but for what the vendor asked.
func (d *Deliverer) aloneUntil(r *Receiver, since time.Time, failures int, f *notifier.Error, now time.Time) time.Time {
	at := now.Add(laneBackoff(failures, f.RetryAfter))
	takeover := since.Add(r.fallbackAfter())
	if d.hasFallback(r) && takeover.After(now) && takeover.Before(at) {
		return later(takeover, now.Add(f.RetryAfter))
	}
	return at
}

// whyUntried is the same for what arrives, or has waited, while the receiver is known to be down: what waits must not
// come to the fallback one by one, at each attempt that fails. What a person retries is tried.
func (h *health) whyUntried(r *Receiver, x outbox.Delivery) string {
	byHand := x.Attempts > 0 && x.Queued.After(h.Since)
	if h.failure == nil || h.Failures == 0 || byHand || !time.Now().Before(h.tryAt) {
		return ""
	}
	return h.why(r, h.failure)
}

// brief is a failure in few words: who, and the status.
func brief(f *notifier.Error) string {
	switch {
	case f.Status != 0:
		return fmt.Sprintf("status %d", f.Status)
	case f.Code != "":
		return f.Code
	case errors.Is(f, syscall.ECONNREFUSED):
		return "connection refused"
	}
	return "no answer"
}
