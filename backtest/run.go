package backtest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/outbox"
)

// Config is a config that alerts are taken through.
type Config struct {
	Path       string
	Dispatcher *dispatch.Dispatcher
	// Silences hold at their own times.
	Silences []outbox.Silence
	// Enrich gives a copy of an alert with what the config adds to it; nil adds nothing.
	Enrich func(*alert.Alert) *alert.Alert
}

func (c Config) enriched(a *alert.Alert) *alert.Alert {
	if c.Enrich == nil {
		return a
	}
	return c.Enrich(a)
}

// Options say how.
type Options struct {
	Now  Config
	Then *Config // the one that is proposed; nil for none
	Zone *time.Location
	// Night is from 22 to 6 where it is zero.
	Night Night
	// Begin and End leave out alerts of other times; zero is no bound.
	Begin, End time.Time
	// Scratch is the folder for scratch files, which are removed at the end; "" is the system's.
	Scratch string
	Log     *slog.Logger
	// Totals says at the end what was read: all alerts, also those that the sequence left out because nobody wants them, and on
	// which days. Nil: the sequence was all.
	Totals func() Totals
	// Thorough takes every alert through the outbox, which changes nothing but the time that it takes.
	Thorough bool
}

// Totals are all alerts that were read.
type Totals struct {
	Alerts   int
	Passed   int // those that the sequence held, or would have: some may not have come from it when it was stopped
	From, To time.Time
	Days     map[string]int // by 2026-10-01, in the zone
}

// within are the totals of the times that are asked for: of whole days where the bounds are none.
func (t Totals) within(opt *Options) Totals {
	if opt.Begin.IsZero() && opt.End.IsZero() {
		return t
	}
	if t.From.Before(opt.Begin) {
		t.From = opt.Begin
	}
	if !opt.End.IsZero() && !t.To.Before(opt.End) {
		t.To = opt.End.Add(-1)
	}
	t.Alerts = 0
	for day, n := range t.Days {
		if day >= t.From.In(opt.Zone).Format(time.DateOnly) && day <= t.To.In(opt.Zone).Format(time.DateOnly) {
			t.Alerts += n
		}
	}
	return t
}

// Limits of what a report lists.
const (
	maxChanges = 1000
	maxNoisy   = 10
)

// batch is how many alerts are handed to a config at once.
const batch = 64

// Run takes alerts through one config or two, and reports what these would have made of them. The alerts come in the order of
// their times; the clock never goes back, so one that is behind counts as of the last before it. Run changes when they were
// received. When ctx ends, or the sequence with an error, the report is of what came until then, with Stopped set, and for the
// error of the sequence both are returned. Other errors are about the scratch file, and come without a report.
func Run(ctx context.Context, alerts iter.Seq2[*alert.Alert, error], opt Options) (*Report, error) {
	if opt.Night == (Night{}) {
		opt.Night = Night{22, 6}
	}
	if opt.Zone == nil {
		opt.Zone = time.Local
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	dir, err := os.MkdirTemp(opt.Scratch, "ossec-notify-backtest-")
	if err != nil {
		return nil, fmt.Errorf("scratch folder: %w", err)
	}
	defer os.RemoveAll(dir)
	configs := []Config{opt.Now}
	if opt.Then != nil {
		configs = append(configs, *opt.Then)
	}
	diff := newDifference(len(configs) == 2)
	keep := newKeeper(opt.Now)
	inner, cancel := context.WithCancelCause(context.WithoutCancel(ctx)) // what was read is counted to its end
	defer cancel(nil)
	var group sync.WaitGroup
	sides := make([]*side, len(configs))
	faults := make([]error, len(configs))
	for i, c := range configs {
		s := newSide(i, c, &opt, diff)
		if i == 0 {
			s.keep = keep
		}
		sides[i] = s
		group.Go(func() {
			if err := s.run(inner, filepath.Join(dir, fmt.Sprint(i))); err != nil && inner.Err() == nil { // else the other side has failed
				faults[i] = err
				cancel(err)
			}
			for range s.in { // so that nobody waits for one that has failed
			}
		})
	}
	totals, fault := feed(ctx, inner, alerts, &opt, sides)
	fed := totals.Passed
	for _, s := range sides {
		close(s.in)
	}
	group.Wait()
	defer func() {
		for _, s := range sides {
			s.close()
		}
	}()
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	if opt.Totals != nil {
		read := opt.Totals()
		totals = read.within(&opt)
		totals.Alerts -= max(read.Passed-fed, 0) // read, but no side saw them any more
	}
	r := assemble(&opt, totals, sides, diff)
	r.Stopped = ctx.Err() != nil || fault != nil
	if !r.Stopped {
		r.Suggestions = suggest(ctx, dir, &opt, r, sides[0], keep)
	}
	return r, fault
}

// feed hands the alerts to all sides, in batches, until ctx ends, or sides do.
func feed(ctx, inner context.Context, alerts iter.Seq2[*alert.Alert, error], opt *Options, sides []*side) (totals Totals, fault error) {
	totals.Days = map[string]int{}
	var at time.Time
	out := make([]timed, 0, batch)
	flush := func() bool {
		for _, s := range sides {
			select {
			case s.in <- out:
			case <-inner.Done():
				return false
			}
		}
		out = make([]timed, 0, batch)
		return true
	}
	for a, err := range plausible(alerts) {
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			fault = err
			break
		}
		totals.Passed++
		if a.Time.After(at) {
			at = a.Time
		}
		if at.IsZero() || !opt.Begin.IsZero() && a.Time.Before(opt.Begin) || !opt.End.IsZero() && !a.Time.Before(opt.End) {
			continue
		}
		a.Received = at
		totals.Alerts++
		if totals.From.IsZero() {
			totals.From = at
		}
		totals.To = at
		totals.Days[at.In(opt.Zone).Format(time.DateOnly)]++
		if out = append(out, timed{at, a}); len(out) == batch && !flush() {
			break
		}
	}
	if len(out) > 0 {
		flush()
	}
	if ctx.Err() != nil {
		fault = nil
	}
	return totals, fault
}

// ahead is how far an alert may be ahead of those around it. Files are in order but for seconds.
const ahead = 24 * time.Hour

// plausible are the same alerts. One that is dated ahead of the one before it and of the one behind it was dated by a clock that
// was wrong, and gets the time of the one before it: or the clock that follows them would stand still until then.
func plausible(alerts iter.Seq2[*alert.Alert, error]) iter.Seq2[*alert.Alert, error] {
	return func(yield func(*alert.Alert, error) bool) {
		var at time.Time
		var odd *alert.Alert // waits for the next
		for a, err := range alerts {
			if odd != nil {
				if a != nil && !a.Time.IsZero() && odd.Time.Sub(a.Time) > ahead {
					if odd.Time = at; at.IsZero() { // it is the first
						odd.Time = a.Time
					}
				}
				at = odd.Time
				if !yield(odd, nil) {
					return
				}
				odd = nil
			}
			if a != nil && a.Time.Sub(at) > ahead {
				odd = a
				continue
			}
			if a != nil && a.Time.After(at) {
				at = a.Time
			}
			if !yield(a, err) {
				return
			}
		}
		if odd != nil {
			yield(odd, nil)
		}
	}
}

// timed is an alert and the time that the clock shows when it comes.
type timed struct {
	at    time.Time
	alert *alert.Alert
}

// side is one config at work.
type side struct {
	n      int
	config Config
	in     chan []timed
	opt    *Options
	diff   *difference
	keep   *keeper // nil but for the config that is in use
	box    *outbox.DB
	replay *dispatch.Replay
	*tally
}

func newSide(n int, c Config, opt *Options, diff *difference) *side {
	return &side{n: n, config: c, in: make(chan []timed, 4), opt: opt, diff: diff, tally: newTally(opt, c.Dispatcher)}
}

// run replays what comes in.
func (s *side) run(ctx context.Context, path string) (err error) {
	if s.box, err = openScratch(ctx, path, s.config.Silences); err != nil {
		return err
	}
	s.replay = &dispatch.Replay{Box: s.box, Site: site{s.config, s.opt.Zone}, Log: s.opt.Log, Thorough: s.opt.Thorough}
	s.replay.For = func(x dispatch.For) {
		s.tally.comes(x)
		s.diff.comes(s.n, x)
		if s.keep != nil {
			s.keep.add(x)
		}
	}
	s.replay.Told = func(x dispatch.Told) error {
		s.diff.told(s.n, x)
		return s.tally.told(ctx, s.replay, x)
	}
	return s.replay.Run(ctx, pastOf(s.config, func(yield func(timed) bool) {
		for all := range s.in {
			for _, a := range all {
				if !yield(a) {
					return
				}
			}
		}
	}))
}

// pastOf plans alerts as they come.
func pastOf(c Config, alerts iter.Seq[timed]) iter.Seq[dispatch.Past] {
	return func(yield func(dispatch.Past) bool) {
		for x := range alerts {
			a := c.enriched(x.alert)
			p := dispatch.Past{At: x.at, Arrival: dispatch.Arrival{Alert: a, Header: header(a), Deliveries: c.Dispatcher.PlanAt(a, x.at)}}
			if !yield(p) {
				return
			}
		}
	}
}

func openScratch(ctx context.Context, path string, silences []outbox.Silence) (*outbox.DB, error) {
	box, _, err := outbox.Open(ctx, path, outbox.Options{Owner: true, DeliveryID: dispatch.DeliveryID, Scratch: true})
	if err != nil {
		return nil, err
	}
	for _, s := range silences {
		if err := box.AddSilence(ctx, s); err != nil {
			_ = box.Close()
			return nil, err
		}
	}
	return box, nil
}

func (s *side) close() {
	if s.box != nil {
		_ = s.box.Close() // nobody needs what is in it
	}
}

// site is what a replay knows of a config.
type site struct {
	c    Config
	zone *time.Location
}

func (s site) Look()                                   {}
func (s site) Dispatcher() *dispatch.Dispatcher        { return s.c.Dispatcher }
func (s site) Receiver(name string) *dispatch.Receiver { return s.c.Dispatcher.Receivers[name] }
func (s site) Gone(string) bool                        { return true }

// Read makes an alert of what was stored.
func (s site) Read(_, raw []byte) (*alert.Alert, string) {
	return s.c.enriched(alert.Parse(raw, alert.Options{Location: s.zone})), ""
}
