package dispatch

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
)

// lane works through the queue of one receiver.
type lane struct {
	d    *Deliverer
	name string
	wake chan struct{}

	mu    sync.Mutex // of what follows, while there are workers
	state outbox.Receiver
	limit *rate.Limiter
	rate  Rate

	// The failure that the receiver is in, and when it may be tried again. The state's NextAt is earlier where a
	// fallback is to take what waits before then.
	failure *notifier.Error
	tryAt   time.Time
	since   time.Time // the state's Since, if this process saw it: by a clock that nobody sets
}

func newLane(d *Deliverer, name string) *lane {
	return &lane{d: d, name: name, wake: make(chan struct{}, 1), state: outbox.Receiver{Name: name}}
}

func (l *lane) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run works until ctx ends. An attempt that has begun then gets the deliverer's grace.
func (l *lane) run(ctx context.Context) error {
	grace, cancel := graceful(ctx, l.d.Grace)
	defer cancel()
	for ctx.Err() == nil {
		// Another process may have ended the backoff (outbox retry), so the file is asked, not memory.
		states, err := l.d.Box.Receivers(ctx)
		if err != nil {
			return err
		}
		l.state = states[l.name]
		l.state.Name = l.name
		if l.state.Failures > 0 && !l.since.IsZero() {
			l.state.Since = l.since
		}
		if longest := l.longestBackoff(); time.Until(l.state.NextAt) > longest { // the clock was set back
			l.state.NextAt = time.Now().Add(longest)
			err := l.d.untilItTakes(ctx, func() error { return l.d.Box.Finish(ctx, time.Now(), nil, l.state) })
			if err != nil {
				return err
			}
		}
		r := l.d.Site.Receiver(l.name)
		if r == nil && !l.d.Site.Settled() {
			if !l.rest(ctx) {
				return nil
			}
			continue
		}
		var batch []outbox.Delivery
		err = l.d.untilItTakes(ctx, func() (err error) {
			batch, err = l.d.Box.Next(ctx, l.name, time.Now(), l.batch(r))
			return err
		})
		if err != nil {
			return err
		}
		if len(batch) == 0 {
			if !l.rest(ctx) {
				return nil
			}
			continue
		}
		results := l.deliver(ctx, grace, r, batch)
		err = l.d.untilItTakes(ctx, func() error {
			return l.d.Box.Finish(context.WithoutCancel(ctx), time.Now(), results, l.state)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// rest waits until somebody pokes the lane or its receiver's backoff is over.
func (l *lane) rest(ctx context.Context) bool {
	var over <-chan time.Time
	if wait := time.Until(l.state.NextAt); !l.state.NextAt.IsZero() && wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		over = t.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-l.wake:
	case <-over:
	}
	return true
}

// batch is how many deliveries the lane takes at once: what is taken and not finished when the process dies is
// sent again. A receiver that failed is tried with one.
func (l *lane) batch(r *Receiver) int {
	if r == nil || r.Concurrency <= 1 || l.state.Failures > 0 {
		return 1
	}
	return r.Concurrency * batchPerWorker
}

const batchPerWorker = 8

// deliver makes an attempt at each delivery of a batch, unless one before it failed for a reason of the receiver's.
func (l *lane) deliver(ctx, grace context.Context, r *Receiver, batch []outbox.Delivery) []outbox.Result {
	results := make([]outbox.Result, len(batch))
	var (
		stopped bool // under mu, as is next
		next    int
		workers sync.WaitGroup
	)
	take := func() (int, bool) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if stopped || ctx.Err() != nil || next == len(batch) {
			return 0, false
		}
		next++
		return next - 1, true
	}
	for range min(max(1, concurrency(r)), len(batch)) {
		workers.Go(func() {
			for {
				i, ok := take()
				if !ok {
					return
				}
				result, failure := l.attempt(ctx, grace, r, batch[i])
				l.mu.Lock()
				results[i] = result
				if failure != nil {
					l.failed(r, failure)
					stopped = stopped || failure.Reason != notifier.Permanent
				} else if result.State == outbox.Delivered && !stopped {
					l.state, l.failure = outbox.Receiver{Name: l.name}, nil
				}
				l.mu.Unlock()
			}
		})
	}
	workers.Wait()
	for i := range results {
		if results[i].State == "" { // not tried: put back
			results[i] = outbox.Result{Seq: batch[i].Seq, State: outbox.Pending, Reason: batch[i].Reason}
		}
	}
	return results
}

func concurrency(r *Receiver) int {
	if r == nil {
		return 1
	}
	return r.Concurrency
}

// attempt is one try at one delivery. The failure is nil when there was none, or when it says nothing about the
// receiver.
func (l *lane) attempt(ctx, grace context.Context, r *Receiver, x outbox.Delivery) (outbox.Result, *notifier.Error) {
	result := outbox.Result{Seq: x.Seq}
	if r == nil {
		result.State, result.Reason = outbox.Dead, errNoReceiver.Error()
		return result, nil
	}
	l.mu.Lock()
	instead, down := l.insteadUntried(r, x), l.failure
	l.mu.Unlock()
	if len(instead) > 0 {
		result.State, result.Reason, result.Fallback = outbox.Suppressed, "fallback: "+down.Error(), instead
		l.d.Log.Warn("fallback takes over, the receiver is down", "alert", x.Alert.Identity, "rule", x.Alert.Rule, "receiver", l.name)
		return result, nil
	}
	if err := l.pace(ctx, r); err != nil {
		result.State, result.Reason = outbox.Pending, x.Reason
		return result, nil
	}
	a, sample := l.d.alertOf(x)
	d := l.d.Site.Dispatcher()
	delivery := Delivery{ID: x.ID, Alert: a, Receiver: r, Route: x.Route, Occurrence: x.Alert.Occurrence, Sample: sample}
	delivery.PossibleRepeat = x.Ambiguous && !idempotent(r.Notifier)
	delivery.Route, delivery.Instead = splitFallback(x.Route)
	if late := time.Since(x.Queued); late > lateAfter && delivery.Instead == "" {
		delivery.Late = late.Round(time.Minute)
		delivery.LateWhy = x.Reason
	}
	n, templateErr := d.Notification(delivery)
	log := l.d.Log.With("alert", x.Alert.Identity, "rule", x.Alert.Rule, "receiver", l.name, "channel", r.Channel)
	if templateErr != nil {
		log.Warn("template failed, sending the default form", "err", templateErr)
	}
	start := time.Now()
	receipt, err := d.attempt(grace, r, n)
	result.Attempt = &outbox.Attempt{Started: start, Duration: time.Since(start), Status: receipt.Status, Answer: receipt.ID, Request: sentParts(n)}
	log = log.With("attempt", x.Attempts+1, "duration", result.Attempt.Duration.Round(time.Millisecond))
	if err == nil {
		result.State = outbox.Delivered
		level := slog.LevelDebug
		if x.Attempts > 0 {
			level = slog.LevelInfo
		}
		log.Log(ctx, level, "delivered")
		if receipt.Warning != "" {
			log.Warn("delivered, but", "warning", receipt.Warning)
		}
		return result, nil
	}
	failure := notifier.Classify(err)
	result.Reason = failure.Error()
	result.Attempt.Status, result.Attempt.Error, result.Attempt.Ambiguous = failure.Status, failure.Error(), failure.Ambiguous
	l.mu.Lock()
	instead = l.instead(r, x, failure)
	l.mu.Unlock()
	switch {
	case len(instead) > 0:
		result.State, result.Reason, result.Fallback = outbox.Suppressed, "fallback: "+failure.Error(), instead
		log.Error("fallback takes over", "err", failure)
	case failure.Reason == notifier.Temporary:
		result.State = outbox.Pending
		if x.Reason != result.Reason { // a failure is told once, until it changes
			log.Warn("attempt failed, trying again", "err", failure)
		}
	default:
		result.State = outbox.Dead
		log.Error("delivery is dead", "err", failure)
	}
	return result, failure
}

// instead are the fallback's deliveries, once it is time for them: at once after a permanent failure, else when
// the receiver has failed for its fallback_after.
func (l *lane) instead(r *Receiver, x outbox.Delivery, failure *notifier.Error) []outbox.NewDelivery {
	if failure.Reason == notifier.Temporary {
		if l.state.Since.IsZero() || time.Since(l.state.Since) < r.fallbackAfter() {
			return nil
		}
		return l.d.fallbacks(x, fmt.Sprintf("has failed for %s (%s)", display.Span(time.Since(l.state.Since)), brief(failure)))
	}
	return l.d.fallbacks(x, fmt.Sprintf("refused it (%s)", brief(failure)))
}

// insteadUntried are the fallback's deliveries of what arrives, or has waited, while the receiver is known to be
// down: what waits must not come to the fallback one by one, at each attempt that fails. What a person retries is
// tried.
func (l *lane) insteadUntried(r *Receiver, x outbox.Delivery) []outbox.NewDelivery {
	byHand := x.Attempts > 0 && x.Queued.After(l.state.Since)
	if l.failure == nil || l.state.Failures == 0 || byHand || !time.Now().Before(l.tryAt) {
		return nil
	}
	return l.instead(r, x, l.failure)
}

// brief is a failure in few words: who, and the status.
func brief(f *notifier.Error) string {
	switch {
	case f.Status != 0:
		return fmt.Sprintf("status %d", f.Status)
	case f.Code != "":
		return f.Code
	}
	return "no answer"
}

// pace waits for the receiver's rate.
func (l *lane) pace(ctx context.Context, r *Receiver) error {
	if r.Rate.IsZero() {
		return nil
	}
	l.mu.Lock()
	if l.limit == nil || l.rate != r.Rate {
		l.rate = r.Rate
		l.limit = rate.NewLimiter(rate.Every(r.Rate.Interval()), r.Rate.Burst)
	}
	limit := l.limit
	l.mu.Unlock()
	return limit.Wait(ctx)
}

// Backoff of a receiver that fails, kept in the outbox: full jitter over an interval that doubles.
const (
	laneBackoffBase = time.Second
	laneBackoffMax  = 5 * time.Minute
)

// longestBackoff is how much of a backoff can be left: what this process knows of it, which no clock that is set can
// change. Of one that another process began it is not known; a vendor that asked for more is asked once too often.
func (l *lane) longestBackoff() time.Duration {
	if l.tryAt.IsZero() {
		return laneBackoffMax
	}
	const slack = time.Second // of the time of day, which is adjusted all the time
	return max(time.Until(l.tryAt), 0) + slack
}

// failed notes a failure of the receiver's.
func (l *lane) failed(r *Receiver, f *notifier.Error) {
	now := time.Now()
	if f.Reason == notifier.Permanent { // about this message alone
		return
	}
	if l.state.Failures == 0 {
		l.state.Since, l.since = now, now
	}
	l.state.Failures++
	l.state.LastError = f.Error()
	ceiling := laneBackoffMax
	if l.state.Failures < 10 {
		ceiling = min(laneBackoffBase<<(l.state.Failures-1), laneBackoffMax)
	}
	l.failure, l.tryAt = f, now.Add(max(f.RetryAfter, ceiling/4+rand.N(ceiling*3/4)))
	l.state.NextAt = l.tryAt
	if !slices.ContainsFunc(r.Fallback, func(name string) bool { return l.d.Site.Receiver(name) != nil }) {
		return
	}
	takeover := now
	if f.Reason == notifier.Temporary {
		takeover = l.state.Since.Add(r.fallbackAfter())
	}
	switch {
	case !takeover.After(now):
		l.state.NextAt = time.Time{} // the fallback takes what comes
	case takeover.Before(l.tryAt):
		l.state.NextAt = takeover
	}
}

// idempotent reports whether the vendor knows a repeated message for what it is.
func idempotent(n notifier.Notifier) bool {
	i, ok := n.(notifier.Idempotent)
	return ok && i.Idempotent()
}

// splitFallback takes a fallback's route apart: no route, and whose place it takes.
func splitFallback(route string) (name, instead string) {
	if why, ok := strings.CutPrefix(route, fallbackPrefix); ok {
		receiver, what, _ := strings.Cut(why, ": ")
		return "", receiver + " " + what
	}
	return route, ""
}

// sentParts is what was sent, as the template made it: it holds no secret, for a template can see none.
func sentParts(n notifier.Notification) string {
	parts := map[string]string{}
	for name, text := range n.Parts {
		parts[name] = text.String()
	}
	b, err := json.Marshal(parts)
	if err != nil {
		return ""
	}
	return string(b)
}

// graceful returns a context that ends some time after ctx, so that work in hand can be finished.
func graceful(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	out, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		t := time.NewTimer(grace)
		defer t.Stop()
		select {
		case <-t.C:
			cancel(fmt.Errorf("told to stop %s ago", grace))
		case <-out.Done():
		}
	})
	return out, func() {
		stop()
		cancel(context.Canceled)
	}
}
