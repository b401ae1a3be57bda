package oncall

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// Times and bounds of the poller. PagerDuty permits 960 requests a minute for an account's key, all its users together
// (docs/REST-API/04-Rate-Limits.md, which also asks for one request at a time). A poller takes an eighth of that at most.
const (
	PollEvery = 30 * time.Second
	perRound  = 60 // keys of one account: with more, each waits for its turn
)

// Waiting is a key that somebody waits for.
type Waiting struct {
	// Key is the dedup key as PagerDuty has it, which is what it answered to the event: [notifier.Receipt].ID.
	Key string
	// Triggered is when the event was sent.
	Triggered time.Time
	// Source is the account that it was sent to, as far as that is known: with keys of several accounts there is one for
	// each.
	Source *Source
}

// Poller asks PagerDuty what became of incidents, every [PollEvery], while somebody waits for them. It asks for nothing
// else, and keeps nothing: after a restart, and with another Source, it tells of what is acknowledged or resolved again.
type Poller struct {
	// Waiting lists the keys that somebody waits for, at the beginning of each round.
	Waiting func(context.Context) ([]Waiting, error)
	// Changed is told of each incident that is in another state than was told last; of one that is new, unless it is open and
	// nobody has taken it, which whoever triggered it knows. Where the key was triggered again, it is told anew. An error is
	// logged, and the incident told again in the next round.
	Changed func(context.Context, Waiting, Incident) error
	Log     *slog.Logger

	keys    map[pollKey]*polled
	sources map[*Source]*account
}

type pollKey struct {
	source *Source
	key    string
}

type polled struct {
	of     Waiting // of those with the key, the last that was triggered: the incident is that one's
	status Status
	asked  time.Time
	round  int
}

// account is how an account fares.
type account struct {
	failures int
	next     time.Time // it is not asked before
	failure  string
	round    int
}

// Run polls until ctx ends.
func (p *Poller) Run(ctx context.Context) {
	p.keys, p.sources = map[pollKey]*polled{}, map[*Source]*account{}
	said := ""
	for round := 1; ; round++ {
		waiting, err := p.Waiting(ctx)
		switch {
		case err == nil:
			said = ""
			p.round(ctx, round, waiting)
		case ctx.Err() == nil && err.Error() != said:
			said = err.Error()
			p.Log.Error("cannot find out what is waited for; acknowledgements in PagerDuty are not seen", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(PollEvery):
		}
	}
}

func (p *Poller) round(ctx context.Context, round int, waiting []Waiting) {
	bySource := map[*Source][]*polled{}
	for _, w := range waiting {
		s, k := w.Source, pollKey{w.Source, w.Key}
		x := p.keys[k]
		if x == nil {
			x = &polled{of: w}
			p.keys[k] = x
		}
		if w.Triggered.After(x.of.Triggered) {
			x.of, x.status = w, None
		}
		if x.round == round {
			continue // twice in the list
		}
		x.round = round
		bySource[s] = append(bySource[s], x)
		if p.sources[s] == nil {
			p.sources[s] = new(account)
		}
		p.sources[s].round = round
	}
	for k, x := range p.keys { // nobody waits for these any more
		if x.round != round {
			delete(p.keys, k)
		}
	}
	for s, x := range p.sources {
		if x.round != round {
			delete(p.sources, s)
		}
	}
	for s, list := range bySource {
		if x := p.sources[s]; !time.Now().Before(x.next) {
			slices.SortStableFunc(list, func(a, b *polled) int {
				return cmp.Or(a.asked.Compare(b.asked), a.of.Triggered.Compare(b.of.Triggered))
			})
			p.ask(ctx, s, x, list[:min(len(list), perRound)])
		}
	}
}

// ask asks an account for keys one after the other, until one fails.
func (p *Poller) ask(ctx context.Context, s *Source, x *account, list []*polled) {
	for _, k := range list {
		found, err := s.Incident(ctx, k.of.Key, k.of.Triggered)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			x.failures++
			x.next = time.Now().Add(max(backoff(x.failures), notifier.Classify(err).RetryAfter))
			if text := err.Error(); text != x.failure {
				x.failure = text
				p.Log.Warn("PagerDuty does not say what became of incidents", "waiting", len(list), "err", err)
			}
			return
		}
		if x.failures > 0 {
			p.Log.Info("PagerDuty says again what became of incidents")
		}
		*x = account{round: x.round}
		k.asked = time.Now()
		if found.Status == k.status || found.Status == None {
			continue
		}
		if k.status == None && found.Status == Triggered {
			k.status = Triggered
			continue
		}
		if err := p.Changed(ctx, k.of, found); err != nil {
			if ctx.Err() == nil {
				p.Log.Error("what became of an incident in PagerDuty is not noted; it is told again", "status", found.Status, "err", err)
			}
			continue
		}
		k.status = found.Status
	}
}
