package noise

import (
	"slices"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/window"
)

// How reasons begin: before recognises what was suppressed by these.
const (
	repeatOf   = "repeat of "
	silencedBy = "silence "
	resolves   = "resolves "
	toldIn     = "told in "
)

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
		b, _, err := p.join(p.tx, bundle{Kind: digest.Silence, Key: s.ID, Why: why, By: s.Match}, p.in.now, s.until)
		if err != nil {
			return err
		}
		if err := p.tx.Silenced(s.ID); err != nil {
			return err
		}
		v.bundle = b.ID
		until := "until somebody ends it"
		if !s.until.IsZero() {
			until = "until " + p.clock(s.until, p.in.now)
		}
		v.suppress("%s%s, %s (%s)", silencedBy, s.ID, until, why)
		return nil
	}
	v.note("silences: none of %d matches", len(holding))
	return nil
}

// fresh is an alert that holds others back.
type fresh struct {
	By    Ref       `json:"by"`
	Until time.Time `json:"until"`
}

// inhibit: another alert of a kind is fresh, with the same values.
func (p *planning) inhibit(v *verdict) error {
	for _, rule := range p.Inhibit {
		if !rule.Target.Matches(p.in.Alert) || rule.Source.Matches(p.in.Alert) { // it does not hold itself back
			continue
		}
		key, words := values(p.in.Alert, rule.Equal)
		f, found, err := get[fresh](p.tx, freshKey+rule.Name+"/"+key)
		if err != nil {
			return err
		}
		if !found || !f.Until.After(p.in.now) {
			v.note("inhibit %s: no such alert is fresh", rule.Name)
			continue
		}
		b, _, err := p.join(p.tx, bundle{Kind: digest.Inhibit, Key: rule.Name + "/" + key, Why: rule.Name, By: words}, p.in.now, f.Until)
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
		key, _ := values(in.Alert, rule.Equal)
		until := in.now.Add(rule.For)
		if err := set(tx, freshKey+rule.Name+"/"+key, fresh{in.ref, until}, until); err != nil {
			return err
		}
	}
	return nil
}

// openNow reports whether a policy's windows let messages out, and which of them says so.
func openNow(p *rules.Policy, at time.Time) (open bool, why string) {
	for _, w := range p.Mute {
		if w.Open(at) {
			return false, "mute " + w.Name
		}
	}
	if len(p.Active) == 0 {
		return true, ""
	}
	for _, w := range p.Active {
		if w.Open(at) {
			return true, "active " + w.Name
		}
	}
	return false, "outside of " + windowNames(p.Active)
}

func windowNames(all []*window.Window) string {
	var names []string
	for _, w := range all {
		names = append(names, w.Name)
	}
	return strings.Join(names, ", ")
}

// opensAt is when a policy's windows let messages out again; zero if they will not within a year or so.
func opensAt(p *rules.Policy, at time.Time) time.Time {
	const most = 2000 // changes that are looked at
	t := at
	for range most {
		var next time.Time
		for _, w := range slices.Concat(p.Active, p.Mute) {
			if change := w.Change(t); !change.IsZero() && (next.IsZero() || change.Before(next)) {
				next = change
			}
		}
		if next.IsZero() {
			return time.Time{}
		}
		if open, _ := openNow(p, next); open {
			return next
		}
		t = next
	}
	return time.Time{}
}

// lookAgainAt is when a bundle is looked at whose window will not open.
const lookAgainAt = 24 * time.Hour

// window: outside of the route's times others are told, or the alert is held.
func (p *planning) window(route string, policy *rules.Policy, wants []Want, v *verdict) ([]Want, error) {
	if len(policy.Active)+len(policy.Mute) == 0 {
		return wants, nil
	}
	open, why := openNow(policy, p.in.now)
	switch {
	case open:
		if why == "" {
			why = "not " + windowNames(policy.Mute)
		}
		v.note("window: open (%s)", why)
		return wants, nil
	case len(policy.Outside) > 0:
		v.note("window: %s, so %s is told", why, strings.Join(policy.Outside, ", "))
		var others []Want
		for _, name := range policy.Outside {
			r := p.Receiver(name)
			if r == nil {
				continue
			}
			others = append(others, Want{Receiver: name, Channel: r.Channel, Route: route, Policy: policy})
		}
		return others, nil
	}
	due := opensAt(policy, p.in.now)
	until := "until a window of the route opens"
	if due.IsZero() {
		due = p.in.now.Add(lookAgainAt)
	} else {
		until = "until " + p.clock(due, p.in.now)
	}
	b, _, err := p.join(p.tx, bundle{Kind: digest.Window, Key: route, Route: route, Why: why}, p.in.now, due)
	if err != nil {
		return nil, err
	}
	v.hold(b, "window: %s, held %s", why, until)
	return wants, nil
}

// repeats is what is known of alerts with the same values: the incident of them.
type repeats struct {
	First  Ref       `json:"first"`
	Opened time.Time `json:"opened"`
	Words  string    `json:"words"`
	Total  int       `json:"total"`
	// Told is when the last message went out, Untold how many came since, Last the last of all.
	Told   time.Time `json:"told"`
	Untold int       `json:"untold"`
	Last   time.Time `json:"last"`
	// Window is how long repeats are counted after a message, Base the route's own, after which it is quiet.
	Window   time.Duration `json:"window"`
	Base     time.Duration `json:"base"`
	Severity int           `json:"severity"`
	// Edited is when the first message was edited last, Edits how often, and Shown the total that it shows.
	Edited time.Time `json:"edited,omitzero"`
	Edits  int       `json:"edits,omitempty"`
	Shown  int       `json:"shown,omitempty"`
}

// growLimit is where windows that grow end, and editEvery how often a message is edited at most.
const (
	growLimit = 24 * time.Hour
	editEvery = time.Minute
)

// due is when somebody must look at it: to show the count, or because it has been quiet.
func (r *repeats) due() time.Time {
	quiet := r.Last.Add(r.Base)
	if r.Untold > 0 && r.Total > r.Shown {
		if edit := later(r.Edited, r.Told).Add(editEvery); edit.Before(quiet) {
			return edit
		}
	}
	return quiet
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// dedup: a repeat is counted.
func (p *planning) dedup(route string, policy *rules.Policy, v *verdict) error {
	if policy.Dedup == nil {
		return nil
	}
	d := policy.Dedup
	now := p.in.now
	key, words := values(p.in.Alert, d.By)
	key = dedupKey + route + "/" + key
	r, found, err := get[repeats](p.tx, key)
	if err != nil {
		return err
	}
	if !found || !now.Before(r.Last.Add(r.Base)) {
		if found && r.Untold > 0 { // its time came while nobody looked
			if err := p.quiet(p.tx, key, r, now); err != nil {
				return err
			}
		}
		r = repeats{First: p.in.ref, Opened: now, Words: words, Total: 1, Told: now, Last: now, Window: d.For, Base: d.For,
			Severity: int(p.in.severity), Shown: 1}
		v.note("dedup (%s): the first", words)
		v.about = &About{Opened: now}
		return set(p.tx, key, r, r.due())
	}
	r.Total++
	r.Last = now
	rises := int(p.in.severity) > r.Severity
	if !rises && now.Before(r.Told.Add(r.Window)) {
		r.Untold++
		v.suppress("%s%s: dedup (%s), number %d since %s", repeatOf, r.First.Identity, words, r.Total, p.clock(r.Opened, now))
		return set(p.tx, key, r, r.due())
	}
	v.about = &About{Opened: r.Opened, First: &r.First, Seen: &Seen{Count: r.Untold + 1, Since: r.Told, Last: now}}
	if r.Untold == 0 {
		v.about.Seen = nil
	}
	switch {
	case rises:
		v.note("dedup (%s): number %d, told because it is more severe", words, r.Total)
		r.Severity = int(p.in.severity)
	default:
		v.note("dedup (%s): number %d, told because the last message was %s ago", words, r.Total, display.Span(now.Sub(r.Told)))
		if d.Growing && r.Untold > 0 {
			r.Window = min(2*r.Window, growLimit)
		} else {
			r.Window = d.For
		}
	}
	r.Base, r.Told, r.Untold = d.For, now, 0
	return set(p.tx, key, r, r.due())
}

// digest: everything of the route comes at its times.
func (p *planning) digest(route string, policy *rules.Policy, v *verdict) error {
	if policy.Digest == nil {
		return nil
	}
	due := p.in.now.Add(policy.Digest.Every)
	b, due, err := p.join(p.tx, bundle{Kind: digest.Scheduled, Key: route, Route: route, Why: "every " + display.Span(policy.Digest.Every)}, p.in.now, due)
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

// group: it waits for others of its group.
func (p *planning) group(route string, policy *rules.Policy, wants []Want, v *verdict) error {
	if policy.Group == nil {
		return nil
	}
	key, words := values(p.in.Alert, policy.Group.By)
	key = route + "/" + key
	g, found, err := get[grouped](p.tx, groupKey+key)
	if err != nil {
		return err
	}
	due := p.in.now.Add(policy.Group.Wait)
	if found {
		due = later(g.Flushed.Add(policy.Group.Interval), p.in.now)
	}
	b := bundle{Kind: digest.Group, Key: key, Route: route, By: words, Steps: stepsOf(policy, wants), Interval: policy.Group.Interval}
	joined, due, err := p.join(p.tx, b, p.in.now, due)
	if err != nil {
		return err
	}
	if !found {
		v.hold(joined, "group (%s): waits for others until %s", words, p.clock(due, p.in.now))
	} else {
		v.hold(joined, "group (%s): the next message of the group is at %s", words, p.clock(due, p.in.now))
	}
	return nil
}

// stepsOf are the receivers of later steps, for a bundle that begins an escalation.
func stepsOf(policy *rules.Policy, wants []Want) []stepWant {
	var out []stepWant
	for _, w := range wants {
		if w.Step > 1 {
			out = append(out, stepWant{w.Receiver, w.Channel, w.Route, w.Step, len(policy.Escalate), whoBefore(policy, w.Step), w.After})
		}
	}
	return out
}

// whoBefore are the receivers of the step before.
func whoBefore(policy *rules.Policy, step int) []string {
	if policy == nil || step < 2 || step-2 >= len(policy.Escalate) {
		return nil
	}
	return policy.Escalate[step-2].To
}

// step enters the delivery of a later step: held until its time, and no longer needed once somebody has taken the incident.
// Where the alert itself is not told now there is nothing to escalate.
func (p *planning) step(w Want, v verdict, policy *rules.Policy) {
	if v.decided() {
		if v.state == outbox.Held { // its bundle brings the steps, or none: a digest asks nobody to come
			return
		}
		p.tell(Want{Receiver: w.Receiver, Channel: w.Channel, Route: w.Route}, v, nil)
		p.out[len(p.out)-1].Kind = stepKind(w.Step)
		return
	}
	p.out = append(p.out, p.stepDelivery(stepWant{w.Receiver, w.Channel, w.Route, w.Step, len(policy.Escalate), whoBefore(policy, w.Step), w.After},
		int(p.in.severity), p.in.now, v.about))
}

// ToldIn is the identity of the message in which an alert was told with others, of the reason of its delivery; else "".
func ToldIn(reason string) string {
	id, _ := strings.CutPrefix(reason, toldIn)
	if id == reason {
		return ""
	}
	return id
}

// RepeatOf is the identity of the alert that another is a repeat of, of the reason of its delivery; else "".
func RepeatOf(reason string) string {
	rest, ok := strings.CutPrefix(reason, repeatOf)
	if !ok {
		return ""
	}
	id, _, _ := strings.Cut(rest, ": ")
	return id
}
