package noise

import (
	"slices"
	"time"

	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/rules"
)

// together decides whether the alert is told with others.
func (p *planning) together(route string, policy *rules.Policy, wants []Want, v *verdict) error {
	if err := p.digest(route, policy, v); err != nil || v.decided() {
		return err
	}
	if err := p.group(route, policy, wants, v); err != nil || v.decided() {
		return err
	}
	return p.throttle(route, policy, v)
}

// digest: everything of the route comes at its times.
func (p *planning) digest(route string, policy *rules.Policy, v *verdict) error {
	if policy.Digest == nil {
		return nil
	}
	due := p.in.now.Add(policy.Digest.Every)
	b, due, err := p.join(p.ofRoute(bundle{Kind: digest.Scheduled, Key: route, Why: display.Span(policy.Digest.Every)}, route, policy), due)
	if err != nil {
		return err
	}
	v.hold(b, "digest: comes with the others at %s", p.clock(due, p.in.now))
	return nil
}

// grouped is what is known of a group for its interval after a message: what comes then waits for the end of that.
type grouped struct {
	Flushed time.Time `json:"flushed"`
}

// ofIncidents notes in the group that the alert waits in which incidents it tells of.
func (p *planning) ofIncidents(policy *rules.Policy, v *verdict) error {
	b := v.group
	if b == nil || len(policy.Resolve) == 0 {
		return nil
	}
	b.Plain = b.Plain || len(v.incidents) == 0 && p.ends == ""
	for _, i := range v.incidents {
		if !slices.Contains(b.Incidents, i) {
			b.Incidents = append(b.Incidents, i)
		}
	}
	return set(p.tx, b.stateKey(), b, v.due)
}

// group: it waits for others of its group.
func (p *planning) group(route string, policy *rules.Policy, wants []Want, v *verdict) error {
	if policy.Group == nil {
		return nil
	}
	if !slices.ContainsFunc(wants, func(w Want) bool { return w.Step <= 1 }) {
		v.note("group: another route tells all who are told at once, so later steps wait for nothing")
		return nil
	}
	key, words, _ := values(p.in.Alert, policy.Group.By)
	key = route + "/" + key
	g, found, err := get[grouped](p.tx, groupKey+key)
	if err != nil {
		return err
	}
	due := p.in.now.Add(policy.Group.Wait)
	if found = found && !ahead(g.Flushed, p.in.now); found {
		due = later(g.Flushed.Add(policy.Group.Interval), p.in.now)
	}
	b := p.ofRoute(bundle{Kind: digest.Group, Key: key, By: words, Interval: policy.Group.Interval}, route, policy)
	if p.ends == "" { // who ends something asks nobody to come
		b.Steps = stepsOf(policy, wants)
	}
	joined, due, err := p.join(b, due)
	if err != nil {
		return err
	}
	if len(joined.Steps) == 0 && len(b.Steps) > 0 {
		joined.Steps = b.Steps
		if err := set(p.tx, joined.stateKey(), joined, due); err != nil {
			return err
		}
	}
	v.group, v.due = joined, due
	if !found {
		v.hold(joined, "group (%s): waits for others until %s", words, p.clock(due, p.in.now))
	} else {
		v.hold(joined, "group (%s): the next message of the group is at %s", words, p.clock(due, p.in.now))
	}
	return nil
}
