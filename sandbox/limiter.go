package sandbox

import (
	"slices"
	"sync"
	"time"
)

// limiter allows n events within any window, for each key apart. A nil limiter allows all.
type limiter struct {
	n      int
	window time.Duration
	mu     sync.Mutex
	seen   map[string][]time.Time
}

func newLimiter(on bool, n int, window time.Duration) *limiter {
	if !on {
		return nil
	}
	return &limiter{n: n, window: window, seen: map[string][]time.Time{}}
}

// wait counts an event and returns 0, or returns how long to wait until one would be allowed.
func (l *limiter) wait(key string, now time.Time) time.Duration {
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := slices.DeleteFunc(l.seen[key], func(t time.Time) bool { return now.Sub(t) >= l.window })
	l.seen[key] = seen
	if len(seen) >= l.n {
		return seen[0].Add(l.window).Sub(now)
	}
	l.seen[key] = append(seen, now)
	return 0
}
