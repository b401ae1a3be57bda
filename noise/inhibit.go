package noise

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
)

// fresh is an alert that holds others back.
type fresh struct {
	By    Ref       `json:"by"`
	Until time.Time `json:"until"`
}

// stays reports whether a source of a rule is fresh at a time.
func stays(rule *rules.Inhibit, f fresh, now time.Time) bool {
	return f.Until.After(now) && !ahead(f.Until, now.Add(rule.For))
}

// inhibit: another alert of a kind is fresh, with the same values.
func (p *planning) inhibit(route string, v *verdict) error {
	if route == "" { // it was called by its name
		return nil
	}
	for _, rule := range p.Inhibit {
		target, source := rule.Target.Matches(p.in.Alert), rule.Source.Matches(p.in.Alert)
		if !target && !source {
			continue
		}
		key, words, lacks := values(p.in.Alert, rule.Equal)
		switch {
		case len(lacks) > 0 && source:
			v.note("inhibit %s (%s): the alert has no %s, so it holds nothing back", rule.Name, words, strings.Join(lacks, ", "))
			continue
		case source: // it does not hold itself back
			continue
		case len(lacks) > 0:
			v.note("inhibit %s (%s): the alert has no %s, so nothing holds it back", rule.Name, words, strings.Join(lacks, ", "))
			continue
		}
		f, found, err := get[fresh](p.tx, freshKey+rule.Name+"/"+key)
		if err != nil {
			return err
		}
		if !found || !stays(rule, f, p.in.now) {
			v.note("inhibit %s: no such alert is fresh", rule.Name)
			continue
		}
		b, _, err := p.join(bundle{Kind: digest.Inhibit, Key: rule.Name + "/" + key, Why: rule.Name, By: words}, f.Until)
		if err != nil {
			return err
		}
		v.hold(b, "inhibited by %s: alert %s is fresh until %s", rule.Name, f.By.Identity, p.clock(f.Until, p.in.now))
		return nil
	}
	return nil
}

// source makes an alert that holds others back fresh.
func (c *Control) source(tx *outbox.Tx, in *arrival) error {
	if in.known {
		return nil
	}
	for _, rule := range c.Inhibit {
		if !rule.Source.Matches(in.Alert) {
			continue
		}
		key, _, lacks := values(in.Alert, rule.Equal)
		if len(lacks) > 0 { // or it would speak for all that lack it, too
			continue
		}
		until := in.now.Add(rule.For)
		if err := set(tx, freshKey+rule.Name+"/"+key, fresh{in.ref, until}, until); err != nil {
			return err
		}
	}
	return nil
}

// stillHeld is until when a bundle must wait on, though its time has come: what it waits for was put off.
func (c *Control) stillHeld(ctx context.Context, db *outbox.DB, b *bundle, now time.Time) (until time.Time, err error) {
	if b.Kind != digest.Inhibit {
		return until, nil
	}
	kept, err := db.StatesUnder(ctx, freshKey+b.Key)
	if err != nil {
		return until, err
	}
	for _, rule := range c.Inhibit {
		for _, k := range kept {
			var f fresh
			if rule.Name == b.Why && k.Key == freshKey+b.Key && json.Unmarshal([]byte(k.Value), &f) == nil && stays(rule, f, now) {
				until = f.Until
			}
		}
	}
	return until, nil
}
