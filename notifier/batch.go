package notifier

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// Batching says how much a receiver sends in one request. What it leaves out is the channel's default.
type Batching struct {
	// Size is the most notifications in one request.
	Size int `yaml:"size"`
	// Bytes is about the most that one request holds before it is compressed. A notification that is larger goes alone.
	Bytes yamlnode.Size `yaml:"bytes"`
	// Wait is how long a notification waits for others. Without it none waits longer than the request before it takes, and a
	// second at most.
	Wait yamlnode.Duration `yaml:"wait"`
}

// Or puts in what a channel has where a config says nothing.
func (b Batching) Or(size int, bytes yamlnode.Size) Batching {
	b.Size, b.Bytes = cmp.Or(b.Size, size), cmp.Or(b.Bytes, bytes)
	return b
}

// maxBatchWait bounds how long a notification may wait for others: an attempt has some ten seconds in all.
const maxBatchWait = 5 * time.Second

// maxHold bounds how long an item waits for the request before it: to a receiver that takes long to answer requests are made side by
// side, or the second of two would have too little of its attempt's time left, again and again.
const maxHold = time.Second

// MaxBatch is the most notifications in one request: as many as a receiver can have under way.
const MaxBatch = 100

// Validate reports every mistake, as FieldErrors of the settings below prefix ("batch.").
func (b Batching) Validate(prefix string) error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, &FieldError{Key: prefix + key, Message: fmt.Sprintf(format, args...)})
	}
	if b.Size < 0 || b.Size > MaxBatch {
		bad("size", "is %d: write 1 to %d", b.Size, MaxBatch)
	}
	if b.Bytes < 0 {
		bad("bytes", "is %d: write how much a request may hold, such as 1MB", b.Bytes)
	}
	if time.Duration(b.Wait) > maxBatchWait {
		bad("wait", "is longer than %s: an attempt must end before the receiver's timeout", maxBatchWait)
	}
	return errors.Join(errs...)
}

// Batch puts into one request what several callers send at the same time. Each caller hands over an item and waits for
// what became of it, so that whoever calls need not know of the others: a delivery is still one attempt with one outcome.
//
// While no request is under way an item goes out at once, unless Wait says otherwise; what comes meanwhile makes up the next
// request, which waits for the one before it, but not for long. So a quiet receiver is told without delay, and a busy one fills its requests by itself.
type Batch[T any] struct {
	Size  int           // the most items in one request; 0 and 1 are no batching
	Bytes int           // the most bytes, by what Add is told; 0 is no limit
	Wait  time.Duration // how long an item waits for others; 0 is as long as the request before it takes, a second at most
	// Send makes one request and says for each item, in their order, what became of it. Its context ends when the first
	// of those who wait has no more time, and when none of them waits any more: what it says at once then is still told.
	Send func(ctx context.Context, items []T) []Result

	mu       sync.Mutex
	open     *pending[T] // which takes items
	underway int
}

// Use goes by settings, which have the channel's defaults put in.
func (b *Batch[T]) Use(s Batching) {
	b.Size, b.Bytes, b.Wait = s.Size, int(s.Bytes), time.Duration(s.Wait)
}

// Result is what became of one item of a request.
type Result struct {
	Receipt Receipt
	Err     error
}

// pending is a request that is being put together or made.
type pending[T any] struct {
	items   []T
	callers []*caller
	bytes   int
	timer   *time.Timer // sends it when it has waited long enough
}

// caller is one who waits for an item.
type caller struct {
	ctx    context.Context
	bytes  int // of the item
	result Result
	done   chan struct{}
}

// Add sends an item of so many bytes together with others, and returns what became of it.
func (b *Batch[T]) Add(ctx context.Context, item T, bytes int) (Receipt, error) {
	if ctx.Err() != nil {
		return Receipt{}, &Error{Err: context.Cause(ctx)}
	}
	if b.Size <= 1 { // whose failures are the caller's own
		r := b.results(ctx, []T{item})[0]
		return r.Receipt, r.Err
	}
	c := &caller{ctx: ctx, bytes: bytes, done: make(chan struct{})}
	b.mu.Lock()
	if b.open != nil && b.Bytes > 0 && b.open.bytes+bytes > b.Bytes {
		b.flush()
	}
	if b.open == nil {
		b.open = &pending[T]{}
	}
	p := b.open
	p.items, p.callers, p.bytes = append(p.items, item), append(p.callers, c), p.bytes+bytes
	switch {
	case len(p.items) >= b.Size || b.Bytes > 0 && p.bytes >= b.Bytes || b.Wait == 0 && b.underway == 0:
		b.flush()
	case p.timer == nil:
		p.timer = time.AfterFunc(cmp.Or(b.Wait, maxHold), func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			if b.open == p {
				b.flush()
			}
		})
	}
	b.mu.Unlock()
	select {
	case <-c.done:
		return c.result.Receipt, c.result.Err
	case <-ctx.Done():
	}
	why := fmt.Errorf("wait for a request of several: %w", context.Cause(ctx))
	if b.leave(p, c) {
		return Receipt{}, &Error{Err: why}
	}
	last := time.NewTimer(lastWord)
	defer last.Stop()
	select {
	case <-c.done:
		return c.result.Receipt, c.result.Err
	case <-last.C:
		return Receipt{}, &Error{Err: why, Ambiguous: true}
	}
}

// lastWord is how long whoever has no more time still waits for a request that has left: its time is over, too, so it says now what it
// has decided by then. What is in would be sent again else, and what is refused for good tried again.
const lastWord = 500 * time.Millisecond

// leave takes an item out of a request that has not left yet, and reports whether it could.
func (b *Batch[T]) leave(p *pending[T], c *caller) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open != p {
		return false
	}
	i := slices.Index(p.callers, c)
	p.items, p.callers = slices.Delete(p.items, i, i+1), slices.Delete(p.callers, i, i+1)
	p.bytes -= c.bytes
	return true
}

// flush sends what is open. It is for who holds the lock.
func (b *Batch[T]) flush() {
	p := b.open
	b.open = nil
	if p.timer != nil {
		p.timer.Stop()
	}
	if len(p.items) == 0 {
		return
	}
	b.underway++
	go b.send(p)
}

// send makes a request, and then the next one, if something waits for no more than that.
func (b *Batch[T]) send(p *pending[T]) {
	ctx, cancel := together(p.callers)
	results := b.results(ctx, p.items)
	cancel()
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, c := range p.callers {
		c.result = results[i]
		close(c.done)
	}
	b.underway--
	if b.open != nil && b.Wait == 0 {
		b.flush()
	}
}

// results are those of Send, one for each item whatever it does. Where a mistake of ours comes to light, each item goes alone, so
// that the others do not share the fate of the one that it lies in.
func (b *Batch[T]) results(ctx context.Context, items []T) (results []Result) {
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		results = nil
		if len(items) == 1 {
			results = []Result{{Err: &Error{Reason: Permanent, Err: Recovered(r)}}}
			return
		}
		for _, item := range items {
			results = append(results, b.results(ctx, []T{item})...)
		}
	}()
	results = b.Send(ctx, items)
	if len(results) != len(items) {
		panic(fmt.Sprintf("%d results for %d notifications", len(results), len(items)))
	}
	return results
}

// together is a context for all who wait: it has the time of the one who has least, and ends when nobody waits.
func together(callers []*caller) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(callers[0].ctx))
	stops := []func(){func() { cancel(context.Canceled) }}
	var left sync.WaitGroup
	var first time.Time
	for _, c := range callers {
		left.Add(1)
		stop := context.AfterFunc(c.ctx, left.Done)
		stops = append(stops, func() {
			if stop() {
				left.Done()
			}
		})
		if d, ok := c.ctx.Deadline(); ok && (first.IsZero() || d.Before(first)) {
			first = d
		}
	}
	go func() {
		left.Wait()
		cancel(context.Cause(callers[0].ctx))
	}()
	if !first.IsZero() {
		var stop context.CancelFunc
		ctx, stop = context.WithDeadlineCause(ctx, first, errors.New("no answer within the receiver's timeout"))
		stops = append(stops, stop)
	}
	return ctx, func() {
		for _, stop := range stops {
			stop()
		}
	}
}
