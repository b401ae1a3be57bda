package dispatch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/noise"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
)

// Source is where alerts come from: the spool, or a file that is followed.
type Source interface {
	// Take returns the next arrivals, at most max, without waiting; none means that there is nothing now. meta
	// is entered into the outbox in the same transaction (a follower's cursor). done, which may be nil, is
	// called once they are in it.
	Take(ctx context.Context, max int) (arrivals []Arrival, meta map[string]string, done func() error, err error)
	// Ready is signalled when Take may have something.
	Ready() <-chan struct{}
}

// Sifter is a source that leaves out alerts which no route would take.
type Sifter interface {
	// Unwanted counts them since the start.
	Unwanted() int64
}

// Arrival is an alert with the deliveries that were planned for it.
type Arrival struct {
	Alert *alert.Alert
	// Header is what is needed to read the alert again from its bytes; see Site.Read.
	Header []byte
	// Record names what it came by; with Again, it is a deliberate repeat: a new occurrence for this record.
	Record     string
	Again      bool
	Deliveries []Delivery
	// Direct: a person sends it to somebody, so noise control does not touch it.
	Direct bool
	// Nobody is the route that sends the alert to nobody on purpose, or "". It is entered as a delivery to [Nobody]
	// that is suppressed.
	Nobody string
	// Astray says why nobody is told, where the alert came for somebody that there is not; else "". It is entered in the same
	// way.
	Astray string
}

// Site is what the config gives a deliverer. It may change while it runs.
type Site interface {
	// Look sees whether the config was changed. It may write to the outbox.
	Look()
	// Receiver is a receiver by its name, nil when there is none (any more).
	Receiver(name string) *Receiver
	// Gone reports whether there is no such receiver, for good. It is not known while no config loads: then what waits
	// for it goes on waiting.
	Gone(name string) bool
	// Dispatcher renders.
	Dispatcher() *Dispatcher
	// Read makes an alert of what an arrival stored.
	Read(header, raw []byte) (a *alert.Alert, sample string)
}

// Deliverer takes alerts from its sources into the outbox and from there to the receivers.
//
// There is a lane for each receiver, so that a slow or dead one delays no other, and several for one whose attempts may take
// minutes. A lane works through its receiver's queue: highest severity first, then by arrival. A temporary failure is the receiver's, not the
// message's: the lane waits, longer after each failure, at least for what the receiver asked for, and then tries
// with one message whether it is back. What the receiver refuses for good is dead, or goes to the fallbacks.
// Nothing is taken out of the outbox here; a deliverer may be killed at any moment, and the next one goes on.
type Deliverer struct {
	Box     *outbox.DB
	Sources []Source
	Site    Site
	Log     *slog.Logger
	// Linger is how long a deliverer stays when nothing is waiting; 0 is for good.
	Linger time.Duration
	// Grace is how long attempts in hand may take once the deliverer is told to stop.
	Grace time.Duration
	// Lost says why this deliverer must end: somebody removed what it works in. outbox: with it the outbox, which nobody else can
	// open then. It is asked before anything is entered; nil: never.
	Lost func() (outbox bool, err error)

	mu    sync.Mutex
	lanes map[string][]*lane // by receiver
	// straightTo are receivers that get no lanes any more: see lost.go.
	straightTo map[string]bool
	group      sync.WaitGroup
	fresh      *fresh
	fault      chan error
	alike      alike
	// unrecorded is what the outbox did not take any more.
	unrecorded unrecorded

	noiseMu sync.Mutex // of what follows: lanes ask, too
	noise   *noise.Control
	noiseOf *Dispatcher // whose config it is of

	onPurpose, noRoute, astray atomic.Int64
	quieted                    quieted
}

// Untold counts the alerts since the start that were entered for no receiver: those that a route sends to nobody on
// purpose, those that no route chose a receiver for, and those that came for somebody that there is not.
func (d *Deliverer) Untold() (onPurpose, noRoute, astray int64) {
	onPurpose, noRoute, astray = d.onPurpose.Load(), d.noRoute.Load(), d.astray.Load()
	for _, s := range d.Sources {
		if s, ok := s.(Sifter); ok {
			noRoute += s.Unwanted()
		}
	}
	return onPurpose, noRoute, astray
}

// Quieted counts the alerts since the start that noise control did not send to a receiver at once and by themselves. What the
// storm brake took out of a queue is not among them.
func (d *Deliverer) Quieted() map[Quieted]int64 { return d.quieted.all() }

// Times of the deliverer's own work.
const (
	intakeBatch  = 100
	expireEvery  = time.Minute
	pruneEvery   = 10 * time.Minute
	lookEvery    = 2 * time.Second // for what other processes change, and for the end of the linger
	defaultGrace = 10 * time.Second
)

// Retention of what has come to an end. It must be longer than an alert may come late, or it is told again.
var retention = outbox.Retention{Delivered: 14 * 24 * time.Hour, Dead: 60 * 24 * time.Hour, MaxBytes: 2 << 30}

// Run works until ctx ends or, with Linger, nothing has been waiting for that long. The error is about the
// outbox; what fails at receivers is in it.
func (d *Deliverer) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	d.lanes, d.straightTo = map[string][]*lane{}, map[string]bool{}
	d.fresh = newFresh()
	d.unrecorded = unrecorded{}
	d.fault = make(chan error, 1)
	if d.Grace == 0 {
		d.Grace = defaultGrace
	}
	defer func() {
		d.group.Wait() // lanes end with ctx, after their grace
		d.alike.flush(time.Now(), true)
	}()
	defer cancel(context.Canceled)

	err := d.work(ctx)
	lost := d.lost(ctx, func() { cancel(context.Canceled); d.group.Wait() })
	if told := (*LostError)(nil); err == nil && !(errors.As(lost, &told) && (told.Deliveries > 0 || told.Unknown)) {
		return nil // the deliverer was to end, and nobody is missing anything
	}
	return cmp.Or(lost, err) // lost is why, or worse
}

// work is Run, with lanes to deliver by.
func (d *Deliverer) work(ctx context.Context) error {
	ready := d.merge(ctx)
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	var expired, pruned time.Time
	began := time.Now()
	busy, behind := began, time.Duration(0)
	if err := d.putRight(ctx, began); err != nil {
		return err
	}
	for {
		if err := d.standing(); err != nil {
			return err
		}
		more, err := d.intake(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		now := time.Now()
		if by := setBack(began, now); by != behind {
			if by > behind+clockSlack {
				d.Log.Warn("the clock was set back", "by", (by - behind).Round(time.Second))
				if err := d.putRight(ctx, now); err != nil {
					return err
				}
			}
			behind = by
		}
		d.alike.flush(now, false)
		if now.Sub(expired) >= expireEvery {
			expired = now
			if err := d.expire(ctx, now); err != nil {
				return err
			}
		}
		if now.Sub(pruned) >= pruneEvery {
			pruned = now
			err := d.untilItTakes(ctx, func() error {
				_, err := d.Box.Prune(ctx, now, retention)
				return err
			})
			if err != nil && ctx.Err() == nil {
				return err
			}
		}
		due, moreDue, err := d.tick(ctx, now)
		if err != nil {
			return err
		}
		waiting, err := d.wakeLanes(ctx)
		if err != nil {
			return err
		}
		if more || waiting {
			busy = now
		}
		if d.Linger > 0 && now.Sub(busy) >= d.Linger {
			waits, err := d.control().Waits(ctx, d.Box)
			if err != nil || !waits {
				return err
			}
			busy = now
		}
		if more = more || moreDue; more {
			d.fresh.wait(ctx)
			select {
			case <-ctx.Done():
				return nil
			case err := <-d.fault:
				return err
			default:
				continue
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case err := <-d.fault:
			return err
		case <-ready:
		case <-look.C:
		case <-due:
		}
	}
}

// clockSlack is by how much clocks go back that are kept right.
const clockSlack = time.Second

// setBack is by how much the time of day is behind the time that has passed since a time.
func setBack(since, now time.Time) time.Duration {
	return now.Sub(since) - now.Round(0).Sub(since.Round(0)) // Round takes away what no setting of the clock changes
}

// putRight sees that nothing waits for a time that a clock showed before it was set back, or for what is not kept any more.
func (d *Deliverer) putRight(ctx context.Context, now time.Time) error {
	err := d.untilItTakes(ctx, func() error { return d.control().Recover(ctx, d.Box, now) })
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// tick does what noise control has to do now. due is signalled when there is more, if that is before the next look; more:
// there is now.
func (d *Deliverer) tick(ctx context.Context, now time.Time) (due <-chan time.Time, more bool, err error) {
	var next time.Time
	err = d.untilItTakes(ctx, func() (err error) {
		next, more, err = d.control().Tick(ctx, d.Box, now)
		return err
	})
	if ctx.Err() != nil {
		return nil, false, nil
	}
	if wait := next.Sub(now); !next.IsZero() && wait < lookEvery {
		due = time.After(max(wait, 0))
	}
	return due, more, err
}

// untilItTakes repeats a step of the outbox's while there is no room on the disk, or another process keeps writing,
// until ctx ends. A deliverer that ended instead would leave what waits to the next call, and what was told and not
// noted would be told again. It does end where somebody made room by removing the outbox: that room comes with its end.
func (d *Deliverer) untilItTakes(ctx context.Context, step func() error) error {
	for said := false; ; said = true {
		err := step()
		if !errors.Is(err, outbox.ErrFull) && !errors.Is(err, outbox.ErrBusy) {
			if said && err == nil {
				d.Log.Info("the outbox takes what comes again")
			}
			return err
		}
		if !said {
			d.Log.Error("the outbox takes nothing for now; trying on", "err", err)
		}
		if err := d.standing(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(lookEvery):
		}
	}
}

// merge joins the sources' signals.
func (d *Deliverer) merge(ctx context.Context) <-chan struct{} {
	out := make(chan struct{}, 1)
	for _, s := range d.Sources {
		d.group.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case _, ok := <-s.Ready():
					if !ok {
						return
					}
					select {
					case out <- struct{}{}:
					default:
					}
				}
			}
		})
	}
	return out
}

// intake enters a batch of each source, so that one which has much keeps none of the others waiting. more: there may be
// more at once.
func (d *Deliverer) intake(ctx context.Context) (more bool, err error) {
	for _, s := range d.Sources {
		arrivals, meta, done, err := s.Take(ctx, intakeBatch)
		if err != nil {
			return more, err
		}
		if len(arrivals) == 0 && len(meta) == 0 {
			continue
		}
		more = true
		if err := d.standing(); err != nil { // since these were taken
			return more, err
		}
		if err := d.accept(ctx, arrivals, meta); err != nil {
			return more, err
		}
		if done != nil {
			if err := done(); err != nil {
				return more, err
			}
		}
	}
	return more, nil
}

func (d *Deliverer) accept(ctx context.Context, arrivals []Arrival, meta map[string]string) error {
	silences, err := d.Box.Silences(ctx, time.Now())
	if err != nil {
		return err // also when told to stop: what was not entered stays where it is
	}
	entries := make([]*entry, len(arrivals))
	for i, a := range arrivals {
		entries[i] = d.entry(a, len(silences) > 0, time.Now)
	}
	var out []outbox.Accepted
	err = d.untilItTakes(ctx, func() (err error) {
		in := make([]outbox.Arrival, len(entries))
		for i, e := range entries {
			in[i] = e.Arrival
		}
		out, err = d.Box.Accept(ctx, in, meta)
		return err
	})
	if err != nil {
		return err
	}
	for i, a := range out {
		planned, left := arrivals[i].Deliveries, min(len(a.Deliveries), entries[i].waiting)
		d.quieted.count(a, entries[i].quiet)
		nobody := slices.Contains(a.Deliveries, DeliveryID(a.Identity, Nobody, a.Occurrence))
		switch {
		case arrivals[i].Nobody != "" && nobody:
			d.onPurpose.Add(1)
		case arrivals[i].Astray != "" && nobody:
			d.astray.Add(1)
		case arrivals[i].Nobody+arrivals[i].Astray == "" && a.New && len(arrivals[i].Deliveries) == 0:
			d.noRoute.Add(1)
		}
		switch key := (freshKey{a.Identity, a.Occurrence}); {
		case left == 0:
		case a.New:
			d.fresh.put(key, arrivals[i].Alert, planned[0].Sample, left)
		default:
			d.fresh.more(key, left)
		}
	}
	return nil
}

// expire ends what has waited for longer than its receiver's max_age.
func (d *Deliverer) expire(ctx context.Context, now time.Time) error {
	for {
		var dead []outbox.Delivery
		err := d.untilItTakes(ctx, func() (err error) {
			dead, err = d.Box.Expire(ctx, now, func(name string) time.Duration {
				if r := d.Site.Receiver(name); r != nil {
					return r.MaxAge
				}
				if !d.Site.Gone(name) {
					return 0
				}
				return DefaultMaxAge
			}, func(x outbox.Delivery) []outbox.NewDelivery {
				return d.fallbacks(x, "too old")
			})
			return err
		})
		if err != nil || len(dead) == 0 {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		for _, x := range dead {
			d.givenUp(d.Log.With("alert", x.Alert.Identity, "receiver", x.Receiver), slog.LevelError, isDead+": it waited for too long", x.Receiver, x.Reason, "reason", x.Reason)
		}
	}
}

// hasFallback reports whether there is somebody to take the receiver's place.
func (d *Deliverer) hasFallback(r *Receiver) bool {
	return slices.ContainsFunc(r.Fallback, func(name string) bool { return d.Site.Receiver(name) != nil })
}

// fallbacks are the deliveries that take the place of one that its receiver does not take, and say the same; none without a
// reason.
func (d *Deliverer) fallbacks(x outbox.Delivery, why string) []outbox.NewDelivery {
	if why == "" { // nearly always
		return nil
	}
	r := d.Site.Receiver(x.Receiver)
	if r == nil {
		return nil
	}
	action := notifier.Trigger
	if about, err := noise.ParseAbout(x.About); err == nil && about != nil {
		action = cmp.Or(about.Action, action)
	}
	if action == notifier.Update { // of a message that the fallback does not have
		return nil
	}
	var out []outbox.NewDelivery
	for _, name := range r.Fallback {
		if f := d.Site.Receiver(name); f != nil && notifier.Follows(f.Notifier, action) {
			out = append(out, outbox.NewDelivery{Receiver: name, Channel: f.Channel, Route: fallbackRoute(x.Receiver, why), Severity: x.Severity,
				Kind: x.Kind, About: x.About})
		}
	}
	return out
}

// A fallback's delivery carries in its route whose place it takes, and why: the message says so.
const fallbackPrefix = noise.FallbackPrefix

func fallbackRoute(receiver, why string) string { return fallbackPrefix + receiver + ": " + why }

// wakeLanes sees that every receiver with something to do has a lane, and wakes it. It reports whether anything
// is waiting.
func (d *Deliverer) wakeLanes(ctx context.Context) (waiting bool, err error) {
	queues, err := d.Box.Queues(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return false, nil
		}
		return false, fmt.Errorf("look for deliveries: %w", err)
	}
	for _, q := range queues {
		if q.Open() == 0 {
			continue
		}
		waiting = true
		if n := q.Counts[outbox.Pending] + q.Counts[outbox.Delivering]; n > 0 {
			if err := d.untilItTakes(ctx, func() error { return d.control().Brake(ctx, d.Box, q.Receiver, n, time.Now()) }); err != nil {
				if ctx.Err() != nil {
					return false, nil
				}
				return false, err
			}
		}
		for _, l := range d.lanesOf(ctx, q.Receiver, q.Counts[outbox.Pending]+q.Counts[outbox.Delivering]) {
			l.poke()
		}
	}
	return waiting, nil
}

// lanesOf are the lanes of a receiver that has so much waiting. Those that it needs and has not yet are begun.
func (d *Deliverer) lanesOf(ctx context.Context, name string, waiting int) []*lane {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := d.lanes[name]
	for len(all) < max(1, min(lanes(d.Site.Receiver(name)), waiting)) && !d.straightTo[name] {
		l := newLane(d, name)
		if l.number = len(all); l.number > 0 {
			l.first = all[0]
		}
		all = append(all, l)
		d.group.Go(func() {
			defer l.ended.Store(true)
			if err := l.run(ctx); err != nil && ctx.Err() == nil {
				select {
				case d.fault <- fmt.Errorf("receiver %s: %w", l.name, err):
				default:
				}
			}
		})
	}
	d.lanes[name] = all
	return slices.Clone(all)
}

// alertOf is the alert of a delivery: from memory when it is fresh, else from what was stored.
func (d *Deliverer) alertOf(ctx context.Context, x outbox.Delivery) (a *alert.Alert, sample string, err error) {
	if a, sample, ok := d.fresh.get(x.Alert); ok {
		return a, sample, nil
	}
	if x.Alert.Header == nil { // it was fresh when the delivery was taken, which must have been seconds ago
		if x.Alert, err = d.Box.Alert(ctx, x.Alert.Identity, x.Alert.Occurrence); err != nil {
			return nil, "", err
		}
	}
	a, sample = d.Site.Read(x.Alert.Header, x.Alert.Raw)
	return a, sample, nil
}

var errNoReceiver = errors.New("the config has no such receiver any more")
