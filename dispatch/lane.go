package dispatch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
)

// lane works through the queue of one receiver. A receiver whose attempts are made apart has as many lanes as attempts may run at once,
// which share its rate.
type lane struct {
	d      *Deliverer
	name   string
	number int   // among the receiver's
	first  *lane // of them; nil in the first itself
	wake   chan struct{}
	size   int // of a batch

	mu     sync.Mutex    // of what follows, while a batch is delivered
	pacer  *rate.Limiter // nil where the receiver has no rate; the first lane's is that of all
	rate   Rate
	health health

	ended atomic.Bool
	said  atomic.Value // string: why the vendor could not be asked for an earlier copy, told once until it changes
}

func newLane(d *Deliverer, name string) *lane {
	return &lane{d: d, name: name, wake: make(chan struct{}, 1), health: health{Receiver: outbox.Receiver{Name: name}}}
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
	known, err := l.d.Box.Receivers(ctx)
	if err != nil {
		return err
	}
	if r, ok := known[l.name]; ok {
		if err := l.adopt(ctx, r); err != nil {
			return err
		}
	}
	var (
		results []outbox.Result   // of the batch before, not recorded yet
		batch   []outbox.Delivery // taken ahead
	)
	defer func() { l.d.unrecorded.add(results) }()
	for {
		l.d.Site.Look()
		r := l.d.Site.Receiver(l.name)
		if len(batch) > 0 && (ctx.Err() != nil || l.health.Failures > 0) {
			for _, x := range batch {
				results = append(results, putBack(x))
			}
			batch = nil
		}
		if len(batch) == 0 {
			var kept outbox.Receiver
			if batch, kept, err = l.turn(ctx, l.limit(ctx, r), results, l.health.Receiver); err != nil {
				return err
			}
			if results, err = nil, l.adopt(ctx, kept); err != nil {
				return err
			}
			if len(batch) == 0 {
				if !l.rest(ctx) {
					return nil
				}
				continue
			}
		}
		next, before := l.ahead(ctx, r, len(batch), results), results
		results = l.deliver(ctx, grace, r, batch)
		if batch, err = next(); err != nil { // these were told all the same, and there may be room again
			results = append(before, results...)
			again := l.d.Box.Finish(context.WithoutCancel(ctx), time.Now(), results, l.health.Receiver)
			if again == nil {
				results = nil
			}
			return errors.Join(err, again)
		}
	}
}

// limit is how many deliveries may be taken now.
func (l *lane) limit(ctx context.Context, r *Receiver) int {
	if ctx.Err() != nil || r == nil && l.alias() == nil && !l.d.Site.Gone(l.name) || l.number >= lanes(r) {
		return 0
	}
	return l.batch(r)
}

// turn records what came of a batch and how the receiver fares, and takes the next.
func (l *lane) turn(ctx context.Context, limit int, results []outbox.Result, fares outbox.Receiver) (batch []outbox.Delivery, kept outbox.Receiver, err error) {
	inner := ctx
	switch {
	case len(results) > 0:
		inner = context.WithoutCancel(ctx) // what was told must be known
	case ctx.Err() != nil:
		return nil, fares, nil
	}
	err = l.d.untilItTakes(ctx, func() (err error) {
		batch, kept, err = l.d.Box.Turn(inner, time.Now(), results, fares, limit, l.d.fresh.has)
		return err
	})
	if err == nil && slices.ContainsFunc(results, func(r outbox.Result) bool { return len(r.Fallback)+len(r.Also) > 0 }) {
		_, err = l.d.wakeLanes(ctx)
	}
	return batch, kept, err
}

// ahead begins to take a turn while a batch of n is delivered, where the receiver is well and has more waiting, so that
// it need not wait for the disk. next waits for the turn and returns what was taken.
func (l *lane) ahead(ctx context.Context, r *Receiver, n int, results []outbox.Result) (next func() ([]outbox.Delivery, error)) {
	limit := l.limit(ctx, r)
	if limit <= 1 || n < limit {
		limit = 0
	}
	if limit == 0 && len(results) == 0 {
		return func() ([]outbox.Delivery, error) { return nil, nil }
	}
	var batch []outbox.Delivery
	var err error
	done := make(chan struct{})
	fares := l.health.Receiver
	go func() {
		defer close(done)
		batch, _, err = l.turn(ctx, limit, results, fares)
	}()
	return func() ([]outbox.Delivery, error) {
		<-done
		if err != nil && ctx.Err() != nil && len(results) == 0 {
			return nil, nil // told to stop, and nothing is lost by that
		}
		return batch, err
	}
}

// putBack is the result of a delivery that was not tried.
func putBack(x outbox.Delivery) outbox.Result {
	return outbox.Result{Seq: x.Seq, State: outbox.Pending, Reason: x.Reason}
}

// adopt goes by what the file says of the receiver: another process may have ended its backoff (outbox retry).
func (l *lane) adopt(ctx context.Context, kept outbox.Receiver) error {
	if !l.health.adopt(kept) {
		return nil
	}
	return l.d.untilItTakes(ctx, func() error { return l.d.Box.Finish(ctx, time.Now(), nil, l.health.Receiver) })
}

// rest waits until somebody pokes the lane or its receiver's backoff is over.
func (l *lane) rest(ctx context.Context) bool {
	var over <-chan time.Time
	if wait := time.Until(l.health.NextAt); !l.health.NextAt.IsZero() && wait > 0 {
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

// A batch is what a receiver takes in batchTime, and there are two, one of which is delivered while the other is taken:
// what is not finished when the process dies is sent again, and what arrives in the meantime cannot overtake it. The
// disk is waited for once for each.
const (
	batchTime = 50 * time.Millisecond
	maxBatch  = 128
)

// batch is how many deliveries the lane takes at once. A receiver that failed is tried with one, and one that hears in
// order is never told two at once.
func (l *lane) batch(r *Receiver) int {
	if r == nil || r.Concurrency <= 1 || r.Apart || l.health.Failures > 0 {
		return 1
	}
	return max(l.size, r.Concurrency)
}

// resize makes the next batch as large as fits the time that this one took.
func (l *lane) resize(n int, took time.Duration) {
	switch {
	case took > 2*batchTime:
		l.size /= 2
	case took < batchTime && n >= l.size:
		l.size = min(2*n, maxBatch)
	}
}

// deliver makes an attempt at each delivery of a batch, unless one before it failed for a reason of the receiver's.
func (l *lane) deliver(ctx, grace context.Context, r *Receiver, batch []outbox.Delivery) []outbox.Result {
	l.setRate(r)
	results, failures := make([]outbox.Result, len(batch)), make([]*notifier.Error, len(batch))
	stopped, next := false, 0
	take := func() (i int, known health, ok bool) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if stopped || ctx.Err() != nil || next == len(batch) {
			return 0, health{}, false
		}
		next++
		return next - 1, l.health, true
	}
	work := func() {
		for {
			i, known, ok := take()
			if !ok {
				return
			}
			result, failure := l.attempt(ctx, grace, r, known, batch[i])
			results[i], failures[i] = result, failure
			if result.State != outbox.Pending {
				l.d.fresh.done(batch[i].Alert)
			}
			l.mu.Lock()
			if failure != nil {
				l.health.failed(r, failure, time.Now(), known.Failures, l.d.hasFallback(r))
				stopped = stopped || failure.Reason != notifier.Permanent
			} else if result.State == outbox.Delivered && !stopped {
				l.health = health{Receiver: outbox.Receiver{Name: l.name}}
			}
			l.mu.Unlock()
		}
	}
	began := time.Now()
	var workers sync.WaitGroup
	for range min(concurrency(r), len(batch)) - 1 {
		workers.Go(work)
	}
	work()
	workers.Wait()
	l.tellFailed(r, batch, results, failures)
	l.resize(len(batch), time.Since(began))
	for i := range results {
		if results[i].State == "" { // not tried
			results[i] = putBack(batch[i])
		}
	}
	return results
}

func concurrency(r *Receiver) int {
	if r == nil {
		return 1
	}
	return max(1, r.Concurrency)
}

// lanes is how many lanes a receiver has.
func lanes(r *Receiver) int {
	if r == nil || !r.Apart {
		return 1
	}
	return concurrency(r)
}

// setRate makes the limiter anew if the receiver's rate has changed.
func (l *lane) setRate(r *Receiver) {
	l = cmp.Or(l.first, l)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case r == nil || r.Rate.IsZero():
		l.pacer = nil
	case l.pacer == nil || l.rate != r.Rate:
		l.rate = r.Rate
		l.pacer = rate.NewLimiter(rate.Every(r.Rate.Interval()), r.Rate.Burst)
	}
}

// pace waits for the receiver's rate.
func (l *lane) pace(ctx context.Context) error {
	l = cmp.Or(l.first, l)
	l.mu.Lock()
	pacer := l.pacer
	l.mu.Unlock()
	if pacer == nil {
		return nil
	}
	return pacer.Wait(ctx)
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
