package notifier

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// sent keeps the requests that a batch makes, each of which takes a second.
type sent struct {
	mu       sync.Mutex
	requests [][]int
}

func (s *sent) send(ctx context.Context, items []int) []Result {
	s.mu.Lock()
	s.requests = append(s.requests, slices.Clone(items))
	s.mu.Unlock()
	results := make([]Result, len(items))
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
	}
	for i, n := range items {
		if ctx.Err() != nil {
			results[i].Err = context.Cause(ctx)
		} else if n < 0 {
			results[i].Err = errors.New("refused")
		} else {
			results[i].Receipt.Status = n
		}
	}
	return results
}

func (s *sent) sizes() (sizes []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.requests {
		sizes = append(sizes, len(r))
	}
	return sizes
}

func TestBatchFillsWhileARequestIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sent
		b := Batch[int]{Size: 4, Send: s.send}
		var callers sync.WaitGroup
		add := func(n int) {
			callers.Go(func() {
				r, err := b.Add(t.Context(), n, 1)
				if n < 0 && err == nil || n >= 0 && (err != nil || r.Status != n) {
					t.Errorf("item %d: got %v, %v", n, r.Status, err)
				}
			})
			synctest.Wait()
		}
		begun := time.Now()
		add(1) // goes alone, at once
		for _, n := range []int{2, -3, 4, 5, 6} {
			add(n)
		}
		callers.Wait()
		if got, want := s.sizes(), []int{1, 4, 1}; !slices.Equal(got, want) {
			t.Errorf("requests of %v items, want %v", got, want)
		}
		if took := time.Since(begun); took != 2*time.Second { // a full one waits for nobody
			t.Errorf("took %s, want 2s", took)
		}
	})
}

func TestBatchWaitsForOthersAsLongAsItIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sent
		b := Batch[int]{Size: 10, Bytes: 100, Wait: 300 * time.Millisecond, Send: s.send}
		var callers sync.WaitGroup
		add := func(n, bytes int) {
			callers.Go(func() {
				if _, err := b.Add(t.Context(), n, bytes); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		add(1, 10)
		time.Sleep(200 * time.Millisecond)
		add(2, 10)
		if len(s.sizes()) != 0 {
			t.Error("did not wait")
		}
		time.Sleep(200 * time.Millisecond)
		add(3, 60)
		add(4, 60)  // does not fit
		add(5, 500) // goes alone
		callers.Wait()
		if got, want := s.sizes(), []int{2, 1, 1, 1}; !slices.Equal(got, want) {
			t.Errorf("requests of %v items, want %v", got, want)
		}
	})
}

// A receiver that answers, but slowly, must not have every other request fail for want of time.
func TestBatchDoesNotWaitForASlowRequestUntilItsOwnTimeIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := Batch[int]{Size: 10, Send: func(ctx context.Context, items []int) []Result {
			results := make([]Result, len(items))
			select {
			case <-time.After(7 * time.Second):
			case <-ctx.Done():
				for i := range results {
					results[i].Err = context.Cause(ctx)
				}
			}
			return results
		}}
		var callers sync.WaitGroup
		for range 5 {
			callers.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				if _, err := b.Add(ctx, 1, 1); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		callers.Wait()
	})
}

func TestWhoLeavesABatchBeforeItGoesIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s sent
		b := Batch[int]{Size: 10, Wait: time.Minute, Send: s.send}
		over := errors.New("over")
		ctx, cancel := context.WithCancelCause(t.Context())
		var callers sync.WaitGroup
		callers.Go(func() {
			_, err := b.Add(ctx, 1, 1)
			if e := Classify(err); !errors.Is(err, over) || e.Ambiguous || !Retryable(err) {
				t.Errorf("got %v, ambiguous %v", err, e.Ambiguous)
			}
		})
		synctest.Wait()
		cancel(over)
		synctest.Wait()
		callers.Go(func() {
			if _, err := b.Add(t.Context(), 2, 1); err != nil {
				t.Error(err)
			}
		})
		callers.Wait()
		if len(s.requests) != 1 || !slices.Equal(s.requests[0], []int{2}) {
			t.Errorf("requests %v", s.requests)
		}
	})
}

func TestBatchEndsWithThoseWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended atomic.Int32
		b := Batch[int]{Size: 2, Wait: time.Minute, Send: func(ctx context.Context, items []int) []Result {
			<-ctx.Done()
			ended.Add(1)
			return make([]Result, len(items))
		}}
		over := errors.New("over")
		first, leave := context.WithCancelCause(t.Context())
		second, cancel := context.WithTimeoutCause(t.Context(), time.Hour, over)
		defer cancel()
		var callers sync.WaitGroup
		for _, ctx := range []context.Context{first, second} {
			callers.Go(func() {
				_, err := b.Add(ctx, 1, 1)
				if e := Classify(err); ctx == first && (!errors.Is(err, over) || !e.Ambiguous) {
					t.Errorf("got %v, ambiguous %v", err, e.Ambiguous)
				}
			})
		}
		synctest.Wait()
		leave(over)
		synctest.Wait()
		if ended.Load() != 0 {
			t.Error("the request ended although somebody waits for it")
		}
		callers.Wait() // the other's time is up
		synctest.Wait()
		if ended.Load() != 1 {
			t.Error("the request did not end")
		}
	})
}

func TestBatchOutlivesWhatSendDoes(t *testing.T) {
	b := Batch[int]{Send: func(context.Context, []int) []Result { panic("oops, my key is s3cr3t") }}
	for b.Size = range 2 {
		if _, err := b.Add(t.Context(), 1, 1); err == nil || Retryable(err) || strings.Contains(err.Error(), "oops") || !strings.Contains(err.Error(), "a panic with a string, in notifier.TestBatchOutlives") {
			t.Errorf("got %v", err)
		}
	}
	b.Size, b.Wait = 3, time.Hour
	b.Send = func(_ context.Context, items []int) []Result {
		if slices.Contains(items, 13) {
			panic("oops")
		}
		return make([]Result, len(items))
	}
	var callers sync.WaitGroup
	for _, n := range []int{1, 13, 2} {
		callers.Go(func() {
			if _, err := b.Add(t.Context(), n, 1); (err != nil) != (n == 13) {
				t.Errorf("item %d: got %v", n, err)
			}
		})
	}
	callers.Wait()
	b.Size, b.Wait = 2, 0
	b.Send = func(context.Context, []int) []Result { return nil }
	if _, err := b.Add(t.Context(), 1, 1); err == nil {
		t.Error("no result is a success")
	}
}

func TestBatchingSettings(t *testing.T) {
	for _, b := range []Batching{{Size: -1}, {Size: MaxBatch + 1}, {Bytes: -1}, {Wait: 1 << 40}} {
		if err := b.Validate("batch."); err == nil {
			t.Errorf("%+v: no error", b)
		}
	}
	if err := (Batching{Size: MaxBatch, Bytes: 1, Wait: 1}).Validate("batch."); err != nil {
		t.Error(err)
	}
}

// What a request has decided when the time of those who wait is over is told to them: an item that is in must not be sent again because
// another one is waited for. Nobody waits for a request that does not end.
func TestWhatIsKnownWhenTimeIsOverIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(context.Context) (context.Context, context.CancelFunc)
		late time.Duration // that Send ends after its context
		told bool
	}{
		"a timeout": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 10*time.Second)
		}, 0, true},
		"told to stop": {stopAfter(10 * time.Second), 10 * time.Millisecond, true},
		"no end in it": {stopAfter(10 * time.Second), time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &Batch[string]{Size: 3, Send: func(ctx context.Context, items []string) []Result {
					<-ctx.Done()
					time.Sleep(c.late)
					results := make([]Result, len(items))
					results[slices.Index(items, "slow")].Err = &Error{Err: context.Cause(ctx), Ambiguous: true}
					return results
				}, Wait: time.Second}
				ctx, cancel := c.end(t.Context())
				defer cancel()
				began := time.Now()
				var callers sync.WaitGroup
				for _, item := range []string{"in", "slow", "in too"} {
					callers.Go(func() {
						_, err := b.Add(ctx, item, 1)
						if got, want := err == nil, c.told && item != "slow"; got != want {
							t.Errorf("%s: %v", item, err)
						}
						if err != nil && !Classify(err).Ambiguous {
							t.Errorf("%s: not ambiguous: %v", item, err)
						}
					})
				}
				callers.Wait()
				if took := time.Since(began); took > 10*time.Second+lastWord {
					t.Errorf("they waited for %s", took)
				}
				time.Sleep(c.late) // until it has ended
			})
		})
	}
}

// stopAfter is a context that ends after a time that it does not tell.
func stopAfter(d time.Duration) func(context.Context) (context.Context, context.CancelFunc) {
	return func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(ctx)
		time.AfterFunc(d, cancel)
		return ctx, cancel
	}
}
