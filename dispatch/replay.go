package dispatch

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"iter"
	"log/slog"
	"slices"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/noise"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
)

// Replay takes past alerts the way of a [Deliverer], by a clock that follows them, to nobody: it says which messages receivers
// would have got, and when. Its steps are the Deliverer's own: the same entry, the same noise control, the same queues and
// rates. What it supposes: every receiver takes every message at once, as fast as its rate permits; nobody takes an alert, so
// that escalations go on to their end; and the deliverer was there all the time.
//
// An alert that nothing of noise control can touch, for receivers with nothing waiting, is told without the outbox. It is
// told as it would have been with it.
type Replay struct {
	// Box is the replay's own: [outbox.Options.Scratch]. Silences that it holds count.
	Box  *outbox.DB
	Site Site
	Log  *slog.Logger
	// For is called for every alert that is for a receiver, as it comes in, and Told for every message. Both may be nil. For must
	// not use the outbox.
	For  func(For)
	Told func(Told) error
	// Thorough takes every alert through the outbox.
	Thorough bool

	d               *Deliverer
	now, began      time.Time
	expired, pruned time.Time // when was looked last
	due             time.Time // when noise control has something to do; zero is never
	lanes           map[string]*replayLane
	names           []string // of lanes, in order
	silences        []outbox.Silence
	seen            seen
	entered         int  // alerts in the outbox
	ended           bool // an alert may have ended what others began
	again           bool // the queues are to be looked at once more
}

// Past is an alert of the past, and when it came.
type Past struct {
	At time.Time
	Arrival
}

// For is an alert that is for a receiver.
type For struct {
	At       time.Time
	Alert    *alert.Alert
	Receiver string
	Route    string
	// Cause is why it is not told by itself and at once (see [noise.Cause]); "" where it is.
	Cause string
	// Later: it waits, and may be told by itself after all.
	Later bool
}

// Told is a message.
type Told struct {
	At       time.Time
	Receiver string
	// Action is what it does; notifier.Trigger for an alert, notifier.Digest for a message about many.
	Action notifier.Action
	// Follows: it says what became of something that was told.
	Follows bool
	Route   string
	Kind    string // see [outbox.NewDelivery]
	// Identity names what it is about, an alert or, with Summary, a message about many. The others are the alert's; Severity is
	// an [alert.Severity].
	Identity    string
	Rule, Title string
	Severity    int
	Header      []byte
	Summary     *digest.Summary
	// Held is the cause for which it was kept back before; "" where it never was.
	Held string
}

// replayLane is a receiver's queue.
type replayLane struct {
	*lane
	hand    []outbox.Delivery // taken out of the queue, the first to be sent at the time
	at      time.Time
	due     time.Time // when something that was held for a time comes into the queue; zero is never
	waiting int       // in the queue and in hand
	comes   bool      // such has come
	results []outbox.Result
	storm   bool // it is braked
}

// Run replays alerts, the first first; what comes with an earlier time than one before counts as of that. Then the clock runs
// on until nothing waits any more, for a week or so at most. ctx ends it early; what was told until then was told.
func (r *Replay) Run(ctx context.Context, past iter.Seq[Past]) error {
	next, stop := iter.Pull(past)
	defer stop()
	r.d = &Deliverer{Box: r.Box, Site: r.Site, Log: r.Log, fresh: newFresh()}
	r.lanes = map[string]*replayLane{}
	var err error
	if r.silences, err = r.Box.Silences(ctx, time.Time{}); err != nil {
		return err
	}
	p, ok := next()
	take := func() { p, ok = next() }
	for ok && ctx.Err() == nil {
		if r.began.IsZero() {
			r.began, r.now, r.expired, r.pruned = p.At, p.At, p.At, p.At
		}
		if err := r.until(ctx, p.At); err != nil {
			return err
		}
		if told, err := r.past(p); err != nil {
			return err
		} else if told {
			take()
			continue
		}
		// As many as come before anything else happens are entered in one transaction.
		err := r.Box.Update(ctx, "enter alerts", func(tx *outbox.Tx) error {
			for more := true; more && ok && !r.isDue(p.At); take() {
				r.now = later(r.now, p.At)
				told, err := r.past(p)
				if err == nil && !told {
					more, err = r.enter(tx, p)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := r.wake(ctx); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	return r.finish(ctx)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// isDue reports whether something is to be done before a time.
func (r *Replay) isDue(at time.Time) bool {
	next := r.next()
	return !next.IsZero() && next.Before(at)
}

// next is when something is to be done; zero if nothing waits for a time.
func (r *Replay) next() time.Time {
	at := r.due
	sooner := func(t time.Time) {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	for _, l := range r.lanes {
		sooner(l.at)
		sooner(l.due)
	}
	return at
}

// until does what there is to do before a time, which is now then.
func (r *Replay) until(ctx context.Context, to time.Time) error {
	for r.isDue(to) && ctx.Err() == nil {
		r.now = later(r.now, r.next())
		if err := r.step(ctx); err != nil {
			return err
		}
	}
	r.now = later(r.now, to)
	return r.prune(ctx)
}

// step does what there is to do now.
func (r *Replay) step(ctx context.Context) error {
	for !r.due.IsZero() && !r.due.After(r.now) {
		next, more, err := r.d.control().Tick(ctx, r.Box, r.now)
		if err != nil {
			return err
		}
		if r.due = next; more {
			r.due = r.now
		}
	}
	if r.now.Sub(r.expired) >= expireEvery {
		r.expired = r.now
		if slices.ContainsFunc(r.names, func(name string) bool { return r.lanes[name].pacer != nil && r.lanes[name].waiting > 0 }) {
			if err := r.d.expire(ctx, r.now); err != nil {
				return err
			}
		}
	}
	return r.look(ctx)
}

// prune forgets what a deliverer would have forgotten.
func (r *Replay) prune(ctx context.Context) error {
	if r.now.Sub(r.pruned) < pruneEvery {
		return nil
	}
	r.pruned = r.now
	if r.entered == 0 || r.now.Sub(r.began) < retention.Delivered {
		return nil
	}
	_, err := r.Box.Prune(ctx, r.now, retention)
	return err
}

// lane is a receiver's. It is made when the receiver is first told of anything.
func (r *Replay) lane(name string) *replayLane {
	l := r.lanes[name]
	if l == nil {
		l = &replayLane{lane: newLane(r.d, name)}
		l.setRate(r.Site.Receiver(name))
		r.lanes[name] = l
		r.names = append(r.names, name)
		slices.Sort(r.names)
	}
	return l
}

// past tells of an alert past the outbox, if the outbox would make nothing else of it: wholly, or of those of `always`, which
// noise control never touches.
func (r *Replay) past(p Past) (bool, error) {
	if r.Thorough || p.Direct || p.Again {
		return false, nil
	}
	calm := func(name string) bool {
		l := r.lane(name)
		return !l.storm && !r.d.control().Storms(name, l.waiting+1)
	}
	if !r.d.control().Untouched(p.Alert, wants(p.Deliveries), p.At, calm) || len(r.d.control().Silencing(r.silences, p.Alert, p.At)) > 0 {
		return false, nil
	}
	for _, x := range p.Deliveries {
		l := r.lane(x.Receiver.Name)
		if l.pacer != nil && (l.waiting > 0 || l.pacer.TokensAt(r.now) < 1) {
			return false, nil
		}
	}
	identity := p.Alert.Identity()
	if came, _ := r.seen.note(identity, true); came {
		return true, nil
	}
	for _, x := range p.Deliveries {
		l := r.lane(x.Receiver.Name)
		if l.pacer != nil {
			l.pacer.AllowN(r.now, 1)
		}
		if r.For != nil {
			r.For(For{At: r.now, Alert: p.Alert, Receiver: l.name, Route: x.Route})
		}
		if err := r.tell(Told{At: r.now, Receiver: l.name, Action: notifier.Trigger, Route: x.Route, Identity: identity, Rule: p.Alert.Rule.ID,
			Title: p.Alert.Rule.Description, Severity: int(r.Site.Dispatcher().Scale.Severity(p.Alert.Rule.Level)), Header: p.Header}); err != nil {
			return false, err
		}
	}
	return true, nil
}

func (r *Replay) tell(t Told) error {
	if r.Told == nil {
		return nil
	}
	return r.Told(t)
}

// enter enters an alert. more: nothing need be done before the next.
func (r *Replay) enter(tx *outbox.Tx, p Past) (more bool, err error) {
	if p.Nobody != "" || p.Astray != "" { // only what noise control makes of it matters
		p.Nobody, p.Astray = "", ""
	}
	if came, directly := r.seen.note(p.Alert.Identity(), false); came && directly {
		return true, nil
	}
	e := r.d.entry(p.Arrival, len(r.silences) > 0, func() time.Time { return r.now })
	e.Arrived = r.now
	var planned []outbox.NewDelivery
	if plan := e.Plan; plan != nil {
		e.Plan = func(tx *outbox.Tx, occurrence int, known bool) (_ []outbox.NewDelivery, err error) {
			planned, err = plan(tx, occurrence, known)
			return planned, err
		}
	}
	r.entered++
	if _, err := tx.Enter(e.Arrival); err != nil {
		return false, err
	}
	more = true
	for _, x := range slices.Concat(e.Deliveries, planned) {
		l := r.lane(x.Receiver)
		cause := ""
		if x.State != "" {
			cause = noise.Cause(x.Reason)
		}
		switch {
		case x.State == "":
			l.waiting++
			more = more && l.pacer == nil
		case x.State == outbox.Held && !x.Due.IsZero() && (l.due.IsZero() || x.Due.Before(l.due)):
			l.due = x.Due
		}
		if x.Kind == "" && r.For != nil {
			r.For(For{At: r.now, Alert: p.Alert, Receiver: x.Receiver, Route: x.Route, Cause: cause, Later: x.State == outbox.Held})
		}
	}
	if e.Plan == nil {
		return more, nil
	}
	if r.ends(p.Alert) { // what was entered beside it is found in the queues
		r.ended, more = true, false
	}
	r.due, err = tx.NextDue()
	return more, err
}

// ends reports whether an alert may end what other alerts began, or opens it anew: then messages are entered that are not its own.
func (r *Replay) ends(a *alert.Alert) bool {
	for _, p := range r.d.control().Pairs {
		if p.Closes.Matches(a) || p.Opens.Matches(a) {
			return true
		}
	}
	return false
}

// wake has the queues looked at if there may be something in them.
func (r *Replay) wake(ctx context.Context) error {
	if !r.ended && !slices.ContainsFunc(r.names, func(name string) bool { return r.lanes[name].waiting > len(r.lanes[name].hand) }) {
		return nil
	}
	r.ended = false
	return r.look(ctx)
}

// look looks at the queues, brakes receivers that have too much waiting, and has told what can be told now.
func (r *Replay) look(ctx context.Context) error {
	for {
		queues, err := r.Box.Queues(ctx)
		if err != nil {
			return err
		}
		for _, q := range queues {
			if err := r.queue(ctx, q); err != nil {
				return err
			}
		}
		r.again = false
		for _, name := range slices.Clone(r.names) {
			if err := r.work(ctx, r.lanes[name]); err != nil {
				return err
			}
		}
		if !r.again {
			return r.storms(ctx)
		}
	}
}

// queue notes what a receiver has waiting, and brakes it if it must be.
func (r *Replay) queue(ctx context.Context, q outbox.Queue) error {
	l := r.lane(q.Receiver)
	l.due, l.waiting = q.Comes, q.Counts[outbox.Pending]+q.Counts[outbox.Delivering]
	if l.comes = !q.Comes.IsZero() && !q.Comes.After(r.now); l.comes {
		l.due = time.Time{}
	}
	if l.waiting == 0 {
		return nil
	}
	l.storm = l.storm || r.d.control().Storms(l.name, l.waiting)
	if err := r.d.control().Brake(ctx, r.Box, l.name, l.waiting, r.now); err != nil || !l.storm {
		return err
	}
	return r.soon(ctx)
}

// soon asks when noise control has something to do.
func (r *Replay) soon(ctx context.Context) error {
	due, next, err := r.Box.Due(ctx, r.now, 1)
	if r.due = next; len(due) > 0 {
		r.due = due[0].Due
	}
	return err
}

// storms finds out which receivers are no longer braked.
func (r *Replay) storms(ctx context.Context) error {
	if !slices.ContainsFunc(r.names, func(name string) bool { return r.lanes[name].storm }) {
		return nil
	}
	braked, err := noise.BrakedNow(ctx, r.Box)
	for _, l := range r.lanes {
		l.storm = slices.ContainsFunc(braked, func(b noise.Braked) bool { return b.Receiver == l.name })
	}
	return err
}

// work has told what the receiver can be told now.
func (r *Replay) work(ctx context.Context, l *replayLane) (err error) {
	limit := maxBatch
	if l.pacer != nil {
		limit = concurrency(r.Site.Receiver(l.name))
	}
	for {
		for len(l.hand) > 0 && !l.at.After(r.now) {
			result, err := r.send(l, &l.hand[0])
			if err != nil {
				return err
			}
			r.again = r.again || len(result.Fallback) > 0
			l.results, l.hand = append(l.results, result), l.hand[1:]
			l.waiting--
			r.pace(l)
		}
		if len(l.hand) > 0 || len(l.results) == 0 && l.waiting <= 0 && !l.comes {
			return nil
		}
		if l.comes { // when the next comes is not known
			l.comes, r.again = false, true
		}
		l.hand, _, err = r.Box.Turn(ctx, r.now, l.results, outbox.Receiver{Name: l.name}, limit, nil)
		l.results = nil
		if r.pace(l); err != nil || len(l.hand) == 0 {
			return err
		}
	}
}

// pace says when the first in hand is told.
func (r *Replay) pace(l *replayLane) {
	switch {
	case len(l.hand) == 0:
		l.at = time.Time{}
	case l.pacer == nil:
		l.at = r.now
	default:
		l.at = r.now.Add(l.pacer.ReserveN(r.now, 1).DelayFrom(r.now))
	}
}

// send is an attempt at which the receiver takes the message.
func (r *Replay) send(l *replayLane, x *outbox.Delivery) (outbox.Result, error) {
	receiver := r.Site.Receiver(l.name)
	switch alias := l.alias(); {
	case receiver == nil && alias != nil:
		return l.expand(alias, *x, r.now), nil
	case receiver == nil:
		return outbox.Result{Seq: x.Seq, State: outbox.Dead, Reason: errNoReceiver.Error()}, nil
	}
	t := Told{At: r.now, Receiver: l.name, Kind: x.Kind, Identity: x.Alert.Identity, Rule: x.Alert.Rule, Title: x.Alert.Title,
		Severity: x.Alert.Severity, Header: x.Alert.Header}
	if t.Route, _ = splitFallback(x.Route); l.pacer == nil { // it was told as soon as it came into the queue
		t.At = x.Queued
	}
	about, err := noise.ParseAbout(x.About)
	if err != nil {
		return outbox.Result{}, err
	}
	if about == nil {
		about = &noise.About{}
	}
	t.Action, t.Follows = cmp.Or(about.Action, notifier.Trigger), about.Follows() || about.Again
	if noise.IsMessage(x.Alert.Identity) {
		t.Summary = new(digest.Summary)
		if err := json.Unmarshal(x.Alert.Raw, t.Summary); err != nil {
			return outbox.Result{}, fmt.Errorf("the message %s: %w", x.Alert.Identity, err)
		}
		if t.Action == notifier.Trigger {
			t.Action = notifier.Digest
		}
	} else if x.Kind == "" && noise.ToldAlone(x.Notes) {
		t.Held = noise.FirstCause(x.Notes)
	}
	return outbox.Result{Seq: x.Seq, State: outbox.Delivered, Attempt: &outbox.Attempt{Started: r.now}}, r.tell(t)
}

// Members calls f for every alert that a message about many tells a receiver of, without its bytes.
func (r *Replay) Members(ctx context.Context, message, receiver string, f func(outbox.Delivery) error) error {
	return r.Box.EachMember(ctx, message, func(x outbox.Delivery) error {
		if x.Receiver != receiver {
			return nil
		}
		return f(x)
	})
}

// longestHold is for how long is waited for what was held when the alerts end.
const longestHold = 8 * 24 * time.Hour

// finish lets the clock run on until nothing waits.
func (r *Replay) finish(ctx context.Context) error {
	if r.entered == 0 {
		return nil
	}
	for end := r.now.Add(longestHold); r.now.Before(end) && ctx.Err() == nil; {
		waits, err := r.d.control().Waits(ctx, r.Box)
		if err != nil {
			return err
		}
		queues, err := r.Box.Queues(ctx)
		if err != nil {
			return err
		}
		if !waits && !slices.ContainsFunc(queues, func(q outbox.Queue) bool { return q.Open() > 0 }) {
			return nil
		}
		if err := r.until(ctx, r.now.Add(time.Hour)); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// seen knows the alerts that came last, by a hash of their identities: what comes again is told once. It forgets the older half
// when it is full. The outbox knows those that went through it, too.
type seen struct {
	seed        maphash.Seed
	last, older map[uint64]bool // true: told past the outbox
}

const maxSeen = 100_000

// note notes that an alert came, and says whether it had come before, and was told past the outbox then.
func (s *seen) note(identity string, directly bool) (before, wasDirect bool) {
	if s.last == nil {
		s.seed, s.last = maphash.MakeSeed(), map[uint64]bool{}
	}
	key := maphash.String(s.seed, identity)
	if was, ok := s.last[key]; ok {
		return true, was
	}
	if was, ok := s.older[key]; ok {
		return true, was
	}
	if len(s.last) >= maxSeen {
		s.older, s.last = s.last, map[uint64]bool{}
	}
	s.last[key] = directly
	return false, false
}
