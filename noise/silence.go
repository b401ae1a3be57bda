package noise

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/window"
)

// silences that hold now, compiled.
func (c *Control) holding(tx *outbox.Tx, now time.Time) ([]holdingSilence, error) {
	all, err := tx.Silences(now)
	if err != nil {
		return nil, err
	}
	var out []holdingSilence
	for _, s := range all {
		h, err := c.compile(s)
		if err != nil { // it was checked when it was made, by a program that may have been newer
			c.Log.Error("silence cannot be read, so it silences nothing", "silence", s.ID, "err", err)
			continue
		}
		if until, ok := h.until(now); ok {
			out = append(out, holdingSilence{s, h, until})
		}
	}
	return out, nil
}

type holdingSilence struct {
	outbox.Silence
	compiled *silence
	until    time.Time // the end of this spell; zero when it has none
}

// silence is one that is compiled.
type silence struct {
	outbox.Silence
	match *rules.Match
	every *window.Window // nil: always
}

// until reports whether it holds at a time, and when that ends.
func (s *silence) until(at time.Time) (time.Time, bool) {
	if !s.Holds(at) || s.every != nil && !s.every.Open(at) {
		return time.Time{}, false
	}
	until := s.Ends
	if s.every != nil {
		if end := s.every.Change(at); !end.IsZero() && (until.IsZero() || end.Before(until)) {
			until = end
		}
	}
	return until, true
}

// compile reads what a silence is written as.
func (c *Control) compile(s outbox.Silence) (*silence, error) {
	key := s.Match + "\n" + s.Every
	if kept, ok := c.matches.Load(key); ok {
		out := *kept.(*silence)
		out.Silence = s
		return &out, nil
	}
	out := &silence{Silence: s}
	var err error
	if out.match, err = rules.ParseMatchText(s.Match, c.Scale); err != nil {
		return nil, err
	}
	if s.Every != "" {
		if out.every, err = window.ParseSpan(s.Every, cmp.Or(c.Zone, time.UTC)); err != nil {
			return nil, err
		}
	}
	c.matches.Store(key, out)
	return out, nil
}

// Silencing are those of silences that hold at a time and match an alert.
func (c *Control) Silencing(all []outbox.Silence, a *alert.Alert, at time.Time) []outbox.Silence {
	var out []outbox.Silence
	for _, s := range all {
		h, err := c.compile(s)
		if err != nil {
			continue
		}
		if _, ok := h.until(at); ok && h.match.Matches(a) {
			out = append(out, s)
		}
	}
	return out
}

// silence: the first that matches.
func (p *planning) silence(v *verdict) error {
	holding, err := p.holding(p.tx, p.in.now)
	if err != nil || len(holding) == 0 {
		return err
	}
	for _, s := range holding {
		if !s.compiled.match.Matches(p.in.Alert) {
			continue
		}
		why := s.Reason
		if s.By != "" {
			why = s.By + ": " + why
		}
		b, _, err := p.join(bundle{Kind: digest.Silence, Key: s.ID, Why: why, By: s.Match}, s.until)
		if err != nil {
			return err
		}
		if !p.silencedBefore(s.ID) {
			if err := p.tx.Silenced(s.ID); err != nil {
				return err
			}
		}
		v.bundle = b.ID
		until := "until somebody ends it"
		if !s.until.IsZero() {
			var zone *time.Location
			if every := s.compiled.every; every != nil {
				zone = every.Zone
			}
			until = "until " + p.clockIn(zone, s.until, p.in.now)
		}
		v.suppress("%s%s, %s (%s)", silencedBy, s.ID, until, why)
		return nil
	}
	v.note("silences: none of %d matches", len(holding))
	return nil
}

// silencedBefore reports whether the silence has counted the alert: by another route, or when it came another way.
func (p *planning) silencedBefore(id string) bool {
	begins := silencedBy + id + ","
	return slices.ContainsFunc(p.before, func(d outbox.Delivery) bool { return strings.HasPrefix(d.Reason, begins) }) ||
		slices.ContainsFunc(p.out, func(d outbox.NewDelivery) bool { return strings.HasPrefix(d.Reason, begins) })
}

// endedSilences tells at once of what was silenced when somebody ended the silence before its time.
func (c *Control) endedSilences(ctx context.Context, db *outbox.DB, now time.Time) error {
	open, err := db.StatesUnder(ctx, bundleKey+string(digest.Silence)+"/")
	if err != nil || len(open) == 0 {
		return err
	}
	holding := map[string]bool{}
	all, err := db.Silences(ctx, now)
	if err != nil {
		return err
	}
	for _, s := range all {
		h, err := c.compile(s)
		if err != nil {
			continue
		}
		_, holding[s.ID] = h.until(now)
	}
	for _, k := range open {
		id := strings.TrimPrefix(k.Key, bundleKey+string(digest.Silence)+"/")
		if (k.Due.IsZero() || k.Due.After(now)) && !holding[id] {
			if err := c.flush(ctx, db, k, now); err != nil {
				return fmt.Errorf("%s: %w", k.Key, err)
			}
		}
	}
	return nil
}
