package site

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/follow"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
)

// Followers are the source of alerts that the files of the config's "follow" are. Which these are is looked at in Take, so
// in the goroutine that enters their alerts: a file that is begun again is read on from the place that is in the outbox.
type Followers struct {
	site  *Site
	box   *outbox.DB
	ready chan struct{}

	cfg  *config.Config // that they are set up by
	all  []*follower
	turn int // whose batch is taken next
	read Cursors

	// What the gate of the config stops need not be decoded. Files are read by the last one; what was read is planned by that of
	// the config which plans it.
	gate     atomic.Pointer[gateOf]
	unwanted atomic.Int64

	reading sync.Map // a *follow.Follower by path, while it reads
}

// Cursors are how far files were read, by their key: what was entered last. They outlive the outbox that holds them.
type Cursors map[string]string

// Followers are those of the files that the config names, which are read on from where they were read to. The caller closes them.
func (s *Site) Followers(read Cursors) *Followers {
	return &Followers{site: s, box: s.box, ready: make(chan struct{}, 1), read: read}
}

// gateOf is the gate of a config's routes.
type gateOf struct {
	cfg *config.Config
	*rules.Gate
}

// gateFor is the gate of a config.
func (f *Followers) gateFor(cfg *config.Config) *rules.Gate {
	g := f.gate.Load()
	if g == nil || g.cfg != cfg {
		g = &gateOf{cfg, rules.NewGate(&cfg.Table)}
		f.gate.Store(g)
	}
	return g.Gate
}

// passes reports whether an alert may be wanted, as far as is known now.
func (f *Followers) passes(text []byte) bool {
	g := f.gate.Load()
	return g == nil || g.Pass(text)
}

// Unwanted counts the alerts since the start that no route took, and that were not entered.
func (f *Followers) Unwanted() int64 { return f.unwanted.Load() }

// Lag is how many bytes of each file are written and not read yet. It is safe for concurrent use.
func (f *Followers) Lag() map[string]int64 {
	lag := map[string]int64{}
	f.reading.Range(func(path, from any) bool {
		lag[path.(string)] = from.(*follow.Follower).Lag()
		return true
	})
	return lag
}

// follower hands over what is read of one file. How far it was read is stored with the deliveries.
type follower struct {
	path    string
	zone    string // of dates without one
	batches chan follow.Batch
	held    []follow.Batch // one that was taken, and has to wait for a config, or for names; or none
	names   names          // what it has waited for
	stop    func()
}

// followBatch is how many alerts are taken at once. A batch waits, another one is read, a third is being entered: each
// alert takes ten times its length in memory.
const followBatch = 100

func (f *follower) key() string { return "follow:" + f.path }

// Ready is signalled on new batches, and by Poke.
func (f *Followers) Ready() <-chan struct{} { return f.ready }

// Poke has it looked again which files the config names, and what waits.
func (f *Followers) Poke() {
	select {
	case f.ready <- struct{}{}:
	default:
	}
}

// Close ends all of them, and waits for that.
func (f *Followers) Close() {
	for _, x := range f.all {
		x.stop()
	}
	f.all = nil
}

// Take plans the next batch of one file by the routes, as a call named notify does. While there is no config to go by,
// there is none.
func (f *Followers) Take(ctx context.Context, _ int) ([]dispatch.Arrival, map[string]string, func() error, error) {
	if err := f.obey(ctx, f.site.Config()); err != nil {
		return nil, nil, nil, err
	}
	for range f.all {
		x := f.all[f.turn%len(f.all)]
		f.turn++
		if len(x.held) == 0 {
			select {
			case b := <-x.batches:
				x.held, x.names = append(x.held, b), nil
			default:
				continue
			}
		}
		if x.names.waits() {
			continue
		}
		b := &x.held[0]
		cursor, err := json.Marshal(b.Cursor)
		if err != nil {
			return nil, nil, nil, err
		}
		arrivals, err := f.site.followed(b, f.gateFor, x.names == nil)
		var pending *pendingError
		if errors.As(err, &pending) { // the other files go on
			x.names = pending.settled
			go pending.then(f.Poke)
			continue
		}
		if err != nil {
			break
		}
		x.held = nil
		entered := func() error {
			f.unwanted.Add(int64(len(b.Unwanted)))
			f.read[x.key()] = string(cursor)
			return nil
		}
		return arrivals, map[string]string{x.key(): string(cursor)}, entered, nil
	}
	return nil, nil, nil, nil
}

// obey begins with the files that the config names, and ends with those that it does not name any more.
func (f *Followers) obey(ctx context.Context, cfg *config.Config) error {
	if cfg == nil || cfg == f.cfg {
		return nil
	}
	var wanted []string
	for _, path := range cfg.Follow {
		if !filepath.IsAbs(path) {
			path = filepath.Join(f.site.home, path)
		}
		wanted = append(wanted, filepath.Clean(path))
	}
	f.all = slices.DeleteFunc(f.all, func(x *follower) bool {
		wants := slices.Contains(wanted, x.path)
		if wants && x.zone == cfg.Zone.String() {
			return false
		}
		x.stop()
		if !wants {
			f.site.log.Info("no longer following", "file", x.path)
		}
		return true
	})
	for _, path := range wanted {
		if slices.ContainsFunc(f.all, func(x *follower) bool { return x.path == path }) {
			continue
		}
		x, err := f.begin(ctx, path, cfg.Zone)
		if err != nil {
			return err
		}
		f.all = append(f.all, x)
	}
	f.cfg = cfg
	return nil
}

// begin follows a file from where it was left.
func (f *Followers) begin(ctx context.Context, path string, zone *time.Location) (*follower, error) {
	x := &follower{path: path, zone: zone.String(), batches: make(chan follow.Batch, 1)}
	stored, err := f.box.Meta(ctx, x.key())
	if err != nil {
		return nil, err
	}
	if stored == "" {
		stored = f.read[x.key()]
	}
	var at follow.Cursor
	opt := follow.Options{Location: zone, MaxBatch: followBatch, Log: f.site.log, Pass: f.passes}
	if stored != "" {
		if err := json.Unmarshal([]byte(stored), &at); err != nil {
			f.site.log.Error("where the follower stopped is not readable; it reads the whole file, and what was told is not told again", "file", path, "err", err)
			opt.Start = follow.Begin
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	x.stop = func() {
		cancel()
		<-done
	}
	go func() {
		defer close(done)
		f.run(ctx, x, follow.New(path, at, opt))
	}()
	return x, nil
}

// run reads one file until ctx ends.
func (f *Followers) run(ctx context.Context, x *follower, from *follow.Follower) {
	defer from.Close()
	f.reading.Store(x.path, from)
	defer f.reading.Delete(x.path)
	log := f.site.log.With("file", x.path)
	failures, begun := 0, false
	for {
		b, err := from.Next(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			if failures++; failures == 1 {
				log.Error("cannot follow the file; trying on", "err", err)
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Second):
			}
			continue
		}
		failures = 0
		if !begun {
			begun = true
			log.Info("following")
		}
		for _, skip := range b.Skipped {
			f.site.log.Warn("a part of the followed file is passed over", "file", skip.File, "at", skip.Offset, "bytes", skip.Bytes, "why", skip.Why)
		}
		select {
		case x.batches <- b:
		case <-ctx.Done():
			return
		}
		f.Poke()
	}
}

// followed plans the alerts of a batch; not ok while there is no config to go by. Those that go to nobody are not logged, for
// they are most of what a manager writes: the metrics count them. Those that no route can take are left unwanted. patient: the error may
// be a *[pendingError].
func (s *Site) followed(b *follow.Batch, gateFor func(*config.Config) *rules.Gate, patient bool) (out []dispatch.Arrival, err error) {
	var all []*enriching
	err = s.enriched(patient, func() ([]*enriching, error) {
		if s.cfg == nil {
			return nil, errWait
		}
		all = nil
		b.Reconsider(gateFor(s.cfg).Pass)
		for _, a := range b.Alerts {
			all = append(all, &enriching{a, Header{File: a.FileName, Received: a.Received, Cut: a.Problem.CutAt > 0}})
		}
		return all, nil
	}, func() error {
		for _, x := range all {
			to := dispatch.Arrival{Alert: x.alert, Header: x.header.Encode(), Deliveries: s.d.Plan(x.alert)}
			to.Nobody = s.d.Nobody(x.alert, to.Deliveries)
			out = append(out, to)
		}
		return nil
	})
	return out, err
}
