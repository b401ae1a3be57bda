package oncall

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// Store keeps what the cache knows over restarts. Its methods may be called at the same time. Load returns nothing for
// what was never saved.
type Store interface {
	Load(key string) ([]byte, error)
	Save(key string, value []byte) error
}

// Times of the cache.
const (
	// RefreshAfter is how old an answer is before PagerDuty is asked again.
	RefreshAfter = time.Minute
	// StaleAfter is how old an answer is when a person should hear of it ([Known.Stale]). It is used all the same.
	StaleAfter = time.Hour
	// saveEvery is how old the copy in the store may be that says the same: it is not written each minute.
	saveEvery = 5 * time.Minute
)

// backoff is how long PagerDuty is let alone after so many failures in a row.
func backoff(failures int) time.Duration {
	waits := [...]time.Duration{15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute}
	return waits[min(failures, len(waits))-1]
}

// Cache answers who is on call, at once, from what it remembers. PagerDuty is asked in the background, when somebody
// wants to know and the answer is older than [RefreshAfter], by one question at a time for each schedule. While PagerDuty
// does not answer, the last answer counts. It is safe for concurrent use.
type Cache struct {
	store Store
	log   *slog.Logger
	asks  bool // or only tells what it remembers

	ctx    context.Context // of questions
	cancel context.CancelFunc
	group  sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	entries map[string]*entry // by Schedule.key
}

// record is what is remembered of a schedule, also in the store.
type record struct {
	Answer *answer `json:"answer,omitempty"`
	// Failing is since when PagerDuty has not answered; zero when it does. Failure is what happened the last time.
	Failing time.Time `json:"failing,omitzero"`
	Failure string    `json:"failure,omitempty"`
}

type entry struct {
	record
	loaded   bool
	source   *Source       // that was asked the last time
	flight   chan struct{} // closed when the question that is under way is answered; nil when none is
	failures int           // in a row
	next     time.Time     // PagerDuty is not asked before
	saved    time.Time     // when the store was told the last time
}

// NewCache makes a cache, which asks until it is closed. store may be nil: then it forgets all when the process ends.
func NewCache(store Store, log *slog.Logger) *Cache {
	c := Remembered(store, log)
	c.asks = true
	return c
}

// Remembered makes a cache that asks nobody, unless by [Cache.Refresh]: it tells what is in the store, for commands that
// only show.
func Remembered(store Store, log *slog.Logger) *Cache {
	ctx, cancel := context.WithCancel(context.Background())
	return &Cache{store: store, log: log, ctx: ctx, cancel: cancel, entries: map[string]*entry{}}
}

// Close ends the questions that are under way.
func (c *Cache) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.group.Wait()
}

// Known is what is known of a schedule.
type Known struct {
	// People are those who are on call; none where nobody is, and where Asked is zero.
	People People
	// Asked is when PagerDuty answered the last time; zero for never. Age is how long ago that was.
	Asked time.Time
	Age   time.Duration
	// Failing is since when PagerDuty has not answered; zero when it does, and when it was not asked. Failure says why.
	Failing time.Time
	Failure string
}

// Stale reports whether PagerDuty should have answered long ago and did not.
func (k Known) Stale() bool {
	return !k.Failing.IsZero() && (k.Asked.IsZero() || k.Age > StaleAfter)
}

// OnCall tells who is on call at a time. It never waits for the network.
func (c *Cache) OnCall(s Schedule, at time.Time) Known {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entry(s)
	if c.asks && c.due(e, s) {
		c.start(e, s)
	}
	return e.known(at)
}

// Refresh is OnCall, now, for who can wait: it asks PagerDuty, or joins a question that is under way, and returns with
// its answer, with the failure, or when ctx ends. What is known is told with an error, too.
func (c *Cache) Refresh(ctx context.Context, s Schedule) (Known, error) {
	c.mu.Lock()
	e := c.entry(s)
	if e.flight == nil {
		c.start(e, s)
	}
	flight := e.flight
	c.mu.Unlock()
	var err error
	if flight != nil {
		select {
		case <-flight:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.Failure != "" && err == nil {
		err = errors.New(e.Failure)
	}
	return e.known(time.Now()), err
}

// Watch keeps what is known of schedules fresh until ctx ends: a daemon does, so that whoever is on call when the first
// alert for days comes is known. schedules tells which; it is asked each time.
func (c *Cache) Watch(ctx context.Context, schedules func() []Schedule) {
	for {
		for _, s := range schedules() {
			c.OnCall(s, time.Now())
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(watchEvery):
		}
	}
}

// watchEvery is how often Watch looks whether PagerDuty is to be asked; below RefreshAfter, so that a failure is soon
// followed by the next try.
const watchEvery = 15 * time.Second

// Names are those who are on call now, for templates: alert text.
func (c *Cache) Names(s Schedule) []string { return c.OnCall(s, time.Now()).People.Names() }

func (e *entry) known(at time.Time) Known {
	k := Known{Failing: e.Failing, Failure: e.Failure}
	if e.Answer != nil {
		k.People, k.Asked, k.Age = e.Answer.people(at), e.Answer.Asked, max(time.Since(e.Answer.Asked), 0)
	}
	return k
}

// entry is what is remembered, of this process or one before it. It is called with the lock: the store is on this host.
func (c *Cache) entry(s Schedule) *entry {
	key := s.key()
	e := c.entries[key]
	if e == nil {
		e = new(entry)
		c.entries[key] = e
	}
	if e.loaded || c.store == nil {
		return e
	}
	e.loaded = true
	b, err := c.store.Load(key)
	if err == nil && len(b) > 0 {
		var kept record
		if err = json.Unmarshal(b, &kept); err == nil {
			e.record = kept
		}
	}
	if err != nil { // PagerDuty will say it again
		c.log.Warn("cannot read what is kept of a schedule", "schedule", s.ID, "err", err)
	}
	return e
}

// due reports whether PagerDuty is to be asked.
func (c *Cache) due(e *entry, s Schedule) bool {
	now := time.Now()
	switch {
	case e.flight != nil:
		return false
	case e.source != nil && e.source != s.Source && e.failures > 0: // the config was changed, perhaps to mend it
		return true
	case now.Before(e.next):
		return false
	}
	// An answer from a time to come is of before the clock was set.
	return e.Answer == nil || e.failures > 0 || now.Sub(e.Answer.Asked) >= RefreshAfter || e.Answer.Asked.After(now)
}

// start asks PagerDuty in the background.
func (c *Cache) start(e *entry, s Schedule) {
	if c.closed {
		return
	}
	e.flight, e.source = make(chan struct{}), s.Source
	c.group.Go(func() {
		ctx, cancel := deadline(c.ctx)
		defer cancel()
		a, err := s.Source.onCall(ctx, s.ID)
		c.landed(e, s, a, err)
	})
}

// landed takes what came of a question.
func (c *Cache) landed(e *entry, s Schedule, a *answer, err error) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	defer func() {
		close(e.flight)
		e.flight = nil
	}()
	before := e.record
	switch {
	case err == nil:
		if !e.Failing.IsZero() {
			c.log.Info("PagerDuty says again who is on call", "schedule", s.ID, "for", now.Sub(e.Failing).Round(time.Second))
		}
		e.record, e.failures, e.next = record{Answer: a}, 0, now.Add(RefreshAfter)
	case c.ctx.Err() != nil: // we leave
		return
	default:
		e.failures++
		e.next = now.Add(max(backoff(e.failures), notifier.Classify(err).RetryAfter))
		if e.Failing.IsZero() {
			e.Failing = now
		}
		if text := err.Error(); text != e.Failure {
			e.Failure = text
			c.log.Warn("PagerDuty does not say who is on call; the last answer counts", "schedule", s.ID, "err", err)
		}
	}
	if c.store == nil || (same(before, e.record) && now.Sub(e.saved) < saveEvery) {
		return
	}
	e.saved = now
	kept, key := e.record, s.key()
	b, err := json.Marshal(kept)
	if err == nil {
		err = c.save(key, b)
	}
	if err != nil {
		c.log.Warn("who is on call is not kept for the next start", "schedule", s.ID, "err", err)
	}
}

// save is called with the lock, which it lets go of: a disk that is slow must not let anybody wait. There is one question
// for each schedule at a time, so nothing overtakes.
func (c *Cache) save(key string, b []byte) error {
	c.mu.Unlock()
	defer c.mu.Lock()
	return c.store.Save(key, b)
}

// same reports whether two records say the same to whoever asks.
func same(a, b record) bool {
	if a.Failure != b.Failure || !a.Failing.Equal(b.Failing) || (a.Answer == nil) != (b.Answer == nil) {
		return false
	}
	return a.Answer == nil || slices.EqualFunc(a.Answer.Shifts, b.Answer.Shifts, func(x, y shift) bool {
		return x.Person == y.Person && x.From.Equal(y.From) && x.To.Equal(y.To)
	})
}
