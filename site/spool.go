package site

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/spool"
)

// spoolSource takes records out of the spool.
type spoolSource struct {
	site  *Site
	state string
	ready chan struct{} // signalled on new records, and when one need not wait any more

	waits    string          // the newest record that waits for a config
	waiting  map[string]bool // those that waited for this load of the config: they are not read again until the next
	load     int
	names    map[string]names // that records wait for, or have waited for
	measured time.Time
	pruned   time.Time
}

// Spool takes the records of calls from the state directory until ctx ends.
func (s *Site) Spool(ctx context.Context) dispatch.Source {
	out := &spoolSource{site: s, state: s.state, ready: make(chan struct{}, 1), names: map[string]names{}}
	records := spool.Watch(ctx, s.state)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-records:
				out.poke()
			}
		}
	}()
	return out
}

// poke has it taken from again.
func (s *spoolSource) poke() {
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// Ready is signalled on new records.
func (s *spoolSource) Ready() <-chan struct{} { return s.ready }

// pruneArgvEvery is how often is looked for receivers of ossec.conf that nobody uses any more.
const pruneArgvEvery = 24 * time.Hour

// measureEvery is how often the spool's size is looked at.
const measureEvery = 10 * time.Second

// Take reads the oldest records. One that cannot be read is set aside, with a line in the log; one for which
// there is no config waits where it is.
func (s *spoolSource) Take(ctx context.Context, most int) ([]dispatch.Arrival, map[string]string, func() error, error) {
	s.site.refresh()
	s.measure()
	if now := time.Now(); now.Sub(s.pruned) >= pruneArgvEvery {
		s.pruned = now
		if err := s.site.pruneArgv(ctx, now); err != nil && ctx.Err() == nil {
			s.site.log.Error("cannot look for receivers of ossec.conf that nobody uses", "err", err)
		}
	}
	names, err := spool.List(s.state)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil, nil
	}
	if err != nil {
		return nil, nil, nil, err
	}
	if n := s.site.loadCount(); n != s.load {
		s.load, s.waiting = n, map[string]bool{}
	}
	var arrivals []dispatch.Arrival
	var taken []string
	for _, name := range names {
		if len(arrivals) == most {
			break
		}
		if s.waiting[name] || s.names[name].waits() {
			continue
		}
		r, err := spool.Read(s.state, name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			delete(s.names, name)
			continue
		case errors.Is(err, spool.ErrDamaged):
			s.site.log.Error("record cannot be read, and is set aside in spool/bad", "record", name, "err", err)
			if err := spool.SetAside(s.state, name); err != nil {
				return nil, nil, nil, err
			}
			continue
		case err != nil:
			return nil, nil, nil, err
		}
		_, asked := s.names[name]
		a, err := s.site.arrival(name, r, !asked)
		var pending *pendingError
		if errors.As(err, &pending) { // the others go on
			s.names[name] = pending.settled
			go pending.then(s.poke)
			continue
		}
		delete(s.names, name)
		switch {
		case errors.Is(err, errWait), errors.Is(err, errLater):
			s.waiting[name] = errors.Is(err, errWait)
			if name > s.waits {
				s.waits = name
				s.site.log.Error("alert waits", "record", name, "name", r.Name, "err", err)
			}
			continue
		case errors.Is(err, ErrNothing):
			s.site.log.Debug("record has nothing to tell", "record", name, "name", r.Name, "why", err)
			if err := spool.Remove(s.state, name); err != nil {
				return nil, nil, nil, err
			}
			continue
		case err != nil && a.Alert == nil:
			s.site.log.Error("record cannot be read, and is set aside in spool/bad", "record", name, "err", err)
			if err := spool.SetAside(s.state, name); err != nil {
				return nil, nil, nil, err
			}
			continue
		case err != nil:
			s.site.log.Error("alert has no receiver", "alert", a.Alert.Identity(), "name", r.Name, "err", err)
		default:
			s.site.TellNobody(a, r.Name)
		}
		arrivals = append(arrivals, a)
		taken = append(taken, name)
	}
	return arrivals, nil, func() error { return spool.Remove(s.state, taken...) }, nil
}

// measure marks a spool that is full, so that calls do not fill the disk, and one that no longer is.
func (s *spoolSource) measure() {
	if time.Since(s.measured) < measureEvery {
		return
	}
	s.measured = time.Now()
	size, _, err := spool.Size(s.state)
	if err != nil {
		return
	}
	if full := size >= spool.Limit; full != spool.IsFull(s.state) {
		if err := spool.MarkFull(s.state, full); err != nil {
			s.site.log.Error("cannot mark the spool", "full", full, "err", err)
		}
	}
}
