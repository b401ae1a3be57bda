package noise

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
)

// Want is a receiver that a route chose for an alert.
type Want struct {
	Receiver, Channel string
	// Route is the path of the route; "" when the receiver was called by its name, or rules.Always.
	Route  string
	Policy *rules.Policy
	// Step and After are as in [rules.Choice].
	Step  int
	After time.Duration
}

// arrival is an alert about which is decided.
type arrival struct {
	*alert.Alert
	ref      Ref
	severity alert.Severity
	known    bool // it was accepted before
	now      time.Time
}

// Idle reports whether nothing that is in the config touches an alert and these wants, so that, unless a silence holds, there is
// nothing to decide.
func (c *Control) Idle(a *alert.Alert, wants []Want) bool {
	holds := func(in *rules.Inhibit) bool { return len(wants) > 0 || in.Source.Matches(a) }
	if slices.ContainsFunc(c.Inhibit, holds) || slices.ContainsFunc(c.Pairs, func(p rules.Pair) bool { return p.Closes.Matches(a) }) {
		return false
	}
	for _, w := range wants {
		if w.Route == rules.Always {
			continue
		}
		if w.Policy != nil || w.Step > 0 {
			return false
		}
		if r := c.Receiver(w.Receiver); r != nil && (r.Throttle != nil || r.brakes()) {
			return false
		}
	}
	return true
}

// Untouched is what Idle asks, for who knows more and wants only the messages: of which receivers the queues are too short for
// a storm, and what time it is. A source that holds nothing back, a pair that the alert neither opens nor closes and a window
// that is open leave it alone.
func (c *Control) Untouched(a *alert.Alert, wants []Want, now time.Time, calm func(receiver string) bool) bool {
	if slices.ContainsFunc(c.Inhibit, func(i *rules.Inhibit) bool { return i.Source.Matches(a) || i.Target.Matches(a) }) ||
		slices.ContainsFunc(c.Pairs, func(p rules.Pair) bool { return p.Closes.Matches(a) }) {
		return false
	}
	for _, w := range wants {
		if w.Route == rules.Always {
			continue
		}
		if w.Step > 0 || w.Policy != nil && touches(w.Policy, a, now) {
			return false
		}
		if r := c.Receiver(w.Receiver); r != nil && (r.Throttle != nil || r.brakes() && !calm(w.Receiver)) {
			return false
		}
	}
	return true
}

// touches reports whether a policy makes anything else of an alert than one message at once.
func touches(p *rules.Policy, a *alert.Alert, now time.Time) bool {
	if p.Dedup != nil || p.Group != nil || p.Throttle != nil || p.Digest != nil || len(p.Escalate) > 0 {
		return true
	}
	if slices.ContainsFunc(p.Resolve, func(r *rules.Resolve) bool { return r.Opens.Matches(a) }) {
		return true
	}
	open, _ := openNow(p, now)
	return !open
}

// Plan decides about an alert, in the transaction that accepts it.
func (c *Control) Plan(tx *outbox.Tx, a *alert.Alert, occurrence int, known bool, now time.Time, wants []Want) ([]outbox.NewDelivery, error) {
	in := &arrival{a, Ref{a.Identity(), max(occurrence, 1)}, c.Scale.Severity(a.Rule.Level), known, now}
	if err := c.sees(tx, in); err != nil {
		return nil, err
	}
	p := &planning{Control: c, tx: tx, in: in}
	if known {
		var err error
		if p.before, err = tx.Deliveries(in.ref.Identity, in.ref.Occurrence); err != nil {
			return nil, err
		}
	}
	if err := p.close(wants); err != nil {
		return nil, err
	}
	var routes []string
	byRoute := map[string][]Want{}
	for _, w := range wants {
		if w.Route == rules.Always || byArgv(w.Receiver) {
			if !p.has(w) {
				p.tell(w, verdict{}, nil)
			}
			continue
		}
		if byRoute[w.Route] == nil {
			routes = append(routes, w.Route)
		}
		byRoute[w.Route] = append(byRoute[w.Route], w)
	}
	for _, route := range routes {
		if err := p.route(route, byRoute[route]); err != nil {
			return nil, fmt.Errorf("route %q: %w", route, err)
		}
	}
	if err := c.source(tx, in); err != nil {
		return nil, err
	}
	return p.out, nil
}

// byArgv reports whether a receiver is one that ossec.conf describes, and not the config.
func byArgv(receiver string) bool { return strings.HasPrefix(receiver, "argv-") }

// planning is a Plan under way.
type planning struct {
	*Control
	tx     *outbox.Tx
	in     *arrival
	before []outbox.Delivery // of the same alert, when it came by another way
	out    []outbox.NewDelivery
	counts *counting // what dedup has still to keep, of the route that is being decided
	// closed are the receivers that were told by closing what the alert ends, with what that makes of the alert itself;
	// unopened are notes about what was not open, by the route.
	closed   map[string]verdict
	ends     string // what it closed, told or not: "" is nothing
	unopened map[string][]string
}

// has reports whether there is a delivery for a want, so that nothing is to be decided.
func (p *planning) has(w Want) bool {
	kind := ""
	if w.Step > 1 {
		kind = stepKind(w.Step)
	}
	return slices.ContainsFunc(p.before, func(d outbox.Delivery) bool { return d.Receiver == w.Receiver && d.Kind == kind }) ||
		slices.ContainsFunc(p.out, func(d outbox.NewDelivery) bool { return d.Receiver == w.Receiver && d.Kind == kind })
}

// lacking are the wants for which there is no delivery.
func (p *planning) lacking(wants []Want) []Want {
	return slices.DeleteFunc(slices.Clone(wants), p.has)
}

// verdict is what was decided of an alert, for all receivers of a route.
type verdict struct {
	state  outbox.State // "" is pending
	reason string
	bundle string
	notes  []string
	about  *About
	// first is the alert that this one repeats, closes the one whose incident it ended.
	first, closes *Ref
	// group is the bundle in which it waits for others of its group, until due.
	group *bundle
	due   time.Time
	// incidents are the keys of those that it opens or goes on with.
	incidents []string
	// calls: if it is told by itself after all, its escalation begins then.
	calls bool
	// ongoing says why later steps are not needed, of an alert that goes on with an incident.
	ongoing string
	// rises: it is a repeat that is more severe than those before.
	rises bool
}

func (v *verdict) note(format string, args ...any) {
	v.notes = append(v.notes, fmt.Sprintf(format, args...))
}

func (v *verdict) decided() bool { return v.state != "" }

// hold makes it one that waits in a bundle.
func (v *verdict) hold(b *bundle, format string, args ...any) {
	v.state, v.bundle, v.reason = outbox.Held, b.ID, fmt.Sprintf(format, args...)
	v.calls = b.Kind != digest.Scheduled && b.Kind != digest.Group // a digest is asked for so that nobody is called; a group begins its own
	v.note("%s", v.reason)
}

func (v *verdict) suppress(format string, args ...any) {
	v.state, v.reason = outbox.Suppressed, fmt.Sprintf(format, args...)
	v.note("%s", v.reason)
}

// route decides about the receivers of one route.
func (p *planning) route(route string, wants []Want) error {
	policy := wants[0].Policy
	if policy == nil {
		policy = &rules.Policy{}
	}
	rest := p.lacking(wants)
	v := verdict{}
	if p.in.known {
		found, err := p.again(route, &v)
		if err != nil {
			return err
		}
		if len(rest) == 0 {
			return nil
		}
		if found {
			if err := p.countedBefore(route, policy, v.first); err != nil {
				return err
			}
			if err := p.receivers(route, rest, v, policy); err != nil {
				return err
			}
			return p.keepCounts(route)
		}
	}
	rest, err := p.leave(policy, rest)
	if err != nil {
		return err
	}
	v.notes, v.ongoing = p.unopened[route], p.ends
	decisions := []func() error{
		func() error { return p.silence(&v) },
		func() error { return p.inhibit(route, &v) },
		func() (err error) { rest, err = p.window(route, policy, rest, &v); return err },
		func() error { return p.dedup(route, policy, &v) },
		func() error { return p.together(route, policy, rest, &v) },
	}
	for _, decide := range decisions {
		if v.decided() || len(rest) == 0 {
			break
		}
		if err := decide(); err != nil {
			return err
		}
	}
	if len(rest) == 0 {
		return nil
	}
	if err := p.opens(route, policy, &v); err != nil {
		return err
	}
	if err := p.ofIncidents(policy, &v); err != nil {
		return err
	}
	if err := p.receivers(route, rest, v, policy); err != nil {
		return err
	}
	return p.keepCounts(route)
}

// again finds the verdict that the alert had on a route when it came by another way.
func (p *planning) again(route string, v *verdict) (found bool, err error) {
	for _, d := range p.before {
		if d.Route != route || d.Kind != "" || strings.HasPrefix(d.Reason, insteadOf) {
			continue
		}
		if v.about, err = ParseAbout(d.About); err != nil {
			return false, err
		}
		v.note("the alert had come before: as for %s", d.Receiver)
		switch {
		case d.State == outbox.Held && d.Bundle != "":
			v.state, v.bundle, v.reason = outbox.Held, d.Bundle, d.Reason
		case d.State == outbox.Suppressed && strings.HasPrefix(d.Reason, repeatOf):
			v.state, v.reason = outbox.Suppressed, d.Reason
			if v.about != nil {
				v.first = v.about.First
			}
		case d.State == outbox.Suppressed && strings.HasPrefix(d.Reason, silencedBy):
			told, err := p.tx.Known(d.Bundle, 1)
			if err != nil {
				return false, err
			}
			if told { // it is too late to be counted there
				v.notes = nil
				return false, nil
			}
			v.state, v.bundle, v.reason = outbox.Suppressed, d.Bundle, d.Reason
		case d.State == outbox.Suppressed && ToldIn(d.Reason) != "": // it calls nobody, or has steps of its own
			v.ongoing = "it was " + d.Reason
		case d.State == outbox.Suppressed && strings.HasPrefix(d.Reason, resolves):
			v.state, v.reason = outbox.Suppressed, d.Reason
			if v.about != nil {
				v.closes = v.about.First
			}
		}
		if v.reason != "" {
			v.note("%s", v.reason)
		}
		return true, nil
	}
	return false, nil
}

// receivers decides what is each receiver's own, and enters the deliveries.
func (p *planning) receivers(route string, wants []Want, v verdict, policy *rules.Policy) error {
	var anew *verdict // of those for whom it is no repeat
	var bundles []string
	told := false
	for _, w := range wants {
		if w.Step > 1 {
			continue
		}
		own := v
		own.notes = slices.Clone(v.notes)
		agrees, err := p.asTold(route, w.Receiver, &own)
		if err != nil {
			return err
		}
		if !agrees {
			if anew == nil {
				anew = &verdict{notes: slices.Clip(v.notes), about: v.about}
				anew.note("told all the same to who was told nothing of that")
				if err := p.together(route, policy, wants, anew); err != nil {
					return err
				}
			}
			own = *anew
			own.notes = slices.Clone(anew.notes)
			if v.first != nil && p.counts != nil {
				if p.counts.Others == nil {
					p.counts.Others = map[string]Ref{}
				}
				p.counts.Others[w.Receiver] = p.in.ref
			}
		}
		if !own.decided() {
			if err := p.limits(w.Receiver, p.in.severity, &own); err != nil {
				return err
			}
		}
		if own.calls {
			bundles = append(bundles, own.bundle)
		}
		told = told || !own.decided()
		p.tell(w, own, policy)
	}
	steps := stepsOf(policy, wants)
	if !told && len(bundles) > 0 && len(steps) > 0 && v.ongoing == "" { // nobody has not answered yet
		for _, bundle := range bundles {
			if err := keepSteps(p.tx, bundle, route, steps, p.in.now); err != nil {
				return err
			}
		}
		return nil
	}
	for _, w := range wants {
		if w.Step > 1 {
			own := v
			own.notes = slices.Clone(v.notes)
			if err := p.step(w, own, policy); err != nil {
				return err
			}
		}
	}
	return nil
}

// tell enters the delivery of a want.
func (p *planning) tell(w Want, v verdict, policy *rules.Policy) {
	about := v.about
	if about == nil && policy != nil && (policy.Resolve != nil || len(policy.Escalate) > 0) {
		about = &About{Opened: p.in.now}
	}
	if w.Step <= 1 && about != nil && policy != nil && len(policy.Escalate) > 0 { // who is told by `to` may take it, too
		copied := *about
		copied.Step = &Step{N: 1, Of: len(policy.Escalate)}
		about = &copied
	}
	p.out = append(p.out, outbox.NewDelivery{
		Receiver: w.Receiver, Channel: w.Channel, Route: w.Route, Severity: int(p.in.severity),
		State: v.state, Reason: v.reason, Bundle: v.bundle, Notes: strings.Join(v.notes, "\n"), About: about.text(),
	})
}
