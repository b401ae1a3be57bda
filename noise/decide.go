package noise

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/window"
)

// How reasons begin: what was suppressed is recognised by these.
const (
	repeatOf   = "repeat of "
	silencedBy = "silence "
	insteadOf  = "others are told: "
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
			until = "until " + p.clock(s.until, p.in.now)
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

// join puts the alert into a bundle.
func (p *planning) join(b bundle, due time.Time) (*bundle, time.Time, error) {
	return join(p.tx, b, encode(p.in.ref), p.in.now, due)
}

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
		if !rule.Target.Matches(p.in.Alert) || rule.Source.Matches(p.in.Alert) { // it does not hold itself back
			continue
		}
		key, words := values(p.in.Alert, rule.Equal)
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

// neverOpens is after how long is told what was held for a window that will not open.
const neverOpens = 24 * time.Hour

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
	}
	if others := p.outside(route, policy); len(others) > 0 {
		p.others(wants, others, why, v)
		return p.lacking(others), nil
	}
	due, until := opensAt(policy, p.in.now), ""
	if due.IsZero() {
		due, until = p.in.now.Add(neverOpens), " (no window of the route opens)"
	}
	names := strings.TrimPrefix(strings.TrimPrefix(why, "outside of "), "mute ") // the message says in words of its own that it was closed
	b, due, err := p.join(p.ofRoute(bundle{Kind: digest.Window, Key: route, Why: names + ", until " + p.clock(due, p.in.now)}, route, policy), due)
	if err != nil {
		return nil, err
	}
	v.hold(b, "window: %s, held until %s%s", why, p.clock(due, p.in.now), until)
	return wants, nil
}

// outside are the receivers of a route in other times than its own.
func (p *planning) outside(route string, policy *rules.Policy) (others []Want) {
	for _, name := range policy.Outside {
		if r := p.Receiver(name); r != nil {
			others = append(others, Want{Receiver: name, Channel: r.Channel, Route: route, Policy: policy})
		}
	}
	return others
}

// others suppresses the deliveries to those in whose place others are told.
func (p *planning) others(wants, others []Want, why string, v *verdict) {
	var names []string
	for _, w := range others {
		names = append(names, w.Receiver)
	}
	for _, w := range wants {
		if w.Step <= 1 && !slices.Contains(names, w.Receiver) {
			instead := verdict{notes: slices.Clone(v.notes)}
			instead.suppress("%swindow: %s, so %s", insteadOf, why, strings.Join(names, ", "))
			p.tell(w, instead, nil)
		}
	}
	v.note("window: %s, so %s is told", why, strings.Join(names, ", "))
}

// ofRoute is a bundle whose message is taken out of the throttle of the route.
func (p *planning) ofRoute(b bundle, route string, policy *rules.Policy) bundle {
	b.Route = route
	if policy.Throttle != nil {
		b.Limit, b.Scope = policy.Throttle, routeScope(route)
	}
	return b
}

// repeats is what is known of alerts with the same values: the incident of them.
type repeats struct {
	First Ref `json:"first"`
	// Others are the first ones of receivers that were told nothing of First.
	Others map[string]Ref `json:"others,omitempty"`

	Route  string    `json:"route"`
	Opened time.Time `json:"opened"`
	Total  int       `json:"total"`
	// Told is when the last message went out, Untold how many came since, Last the last of all. Owed: a message that says
	// how many were untold was told with others, where that is not said.
	Told   time.Time `json:"told"`
	Untold int       `json:"untold"`
	Owed   bool      `json:"owed,omitempty"`
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

// firstOf is the first that a receiver was told of.
func (r *repeats) firstOf(receiver string) Ref {
	if first, ok := r.Others[receiver]; ok {
		return first
	}
	return r.First
}

// firsts are all of them.
func (r *repeats) firsts() []Ref {
	out := []Ref{r.First}
	for _, receiver := range slices.Sorted(maps.Keys(r.Others)) {
		if first := r.Others[receiver]; !slices.Contains(out, first) {
			out = append(out, first)
		}
	}
	return out
}

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
	if found && (!now.Before(r.Last.Add(r.Base)) || ahead(r.Last, now)) { // its time came, and nobody has looked yet
		if err := p.quiet(p.tx, key, r, now); err != nil {
			return err
		}
		found = false
	}
	if !found {
		r = repeats{First: p.in.ref, Route: route, Opened: now, Total: 1, Told: now, Last: now, Window: d.For, Base: d.For,
			Severity: int(p.in.severity), Shown: 1}
		v.note("dedup (%s): the first", words)
		v.about = &About{Opened: now}
		return set(p.tx, key, r, r.due())
	}
	p.counts = &counting{key: key, repeats: &r}
	kept, err := p.tx.Known(r.First.Identity, r.First.Occurrence)
	if err != nil {
		return err
	}
	before := r.First
	if !kept { // it is no longer kept: what comes is to be told with this one
		r.First, r.Others = p.in.ref, nil
	}
	r.Total++
	r.Last = now
	rises := int(p.in.severity) > r.Severity
	if kept && !rises && now.Before(r.Told.Add(r.Window)) {
		v.first, v.about = &r.First, &About{Opened: r.Opened, First: &r.First}
		v.suppress("%s%s: dedup (%s), number %d since %s", repeatOf, r.First.Identity, words, r.Total, p.clock(r.Opened, now))
		return nil
	}
	v.about = &About{Opened: r.Opened, First: &before, Seen: &Seen{Count: r.Untold + 1, Since: r.Told, Last: now}}
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
	return nil
}

// counting is what dedup counts of an alert that came before. It is kept when it is known what became of this one.
type counting struct {
	key string
	*repeats
	before bool // it was counted when the alert came by another way
}

// countedBefore finds the counts of a repeat that comes by another way: it is not counted again.
func (p *planning) countedBefore(route string, policy *rules.Policy, first *Ref) error {
	if policy.Dedup == nil || first == nil {
		return nil
	}
	key, _ := values(p.in.Alert, policy.Dedup.By)
	key = dedupKey + route + "/" + key
	r, found, err := get[repeats](p.tx, key)
	if err == nil && found && r.First == *first {
		p.counts = &counting{key: key, repeats: &r, before: true}
	}
	return err
}

// keepCounts keeps what dedup has counted.
func (p *planning) keepCounts(route string) error {
	c := p.counts
	if c == nil {
		return nil
	}
	p.counts = nil
	for _, d := range p.out {
		switch {
		case d.Route != route || d.Kind != "":
		case strings.HasPrefix(d.Reason, repeatOf):
			if !c.before {
				c.Untold++
			}
			return set(p.tx, c.key, c.repeats, c.due())
		case d.State == outbox.Held:
			about, err := ParseAbout(d.About)
			if err != nil {
				return err
			}
			c.Owed = c.Owed || about != nil && about.Seen != nil
		}
	}
	return set(p.tx, c.key, c.repeats, c.due())
}

// asTold makes the verdict of a receiver agree with what it was told of the alert that this one repeats, or of the incident
// that it closes: it waits with that where that waits. told is false where it was told nothing, so that there is nothing to
// agree with.
func (p *planning) asTold(route, receiver string, v *verdict) (told bool, err error) {
	of := cmp.Or(v.first, v.closes)
	if of == nil || v.state != outbox.Suppressed {
		return true, nil
	}
	if v.first != nil && p.counts != nil {
		if first := p.counts.firstOf(receiver); first != *of {
			_, words, _ := strings.Cut(v.reason, ": ")
			v.reason = repeatOf + first.Identity + ": " + words
			v.notes[len(v.notes)-1] = v.reason
			of, v.about = &first, &About{Opened: v.about.Opened, First: &first}
		}
	}
	kind := ""
	if v.closes != nil {
		kind = resolveKind
	}
	d, found, err := p.tx.Delivery(of.Identity, of.Occurrence, receiver, kind)
	if err != nil || !found || !byRoute(d, route) || strings.HasPrefix(d.Reason, insteadOf) || strings.HasPrefix(d.Reason, resolves) {
		return false, err
	}
	if d.State == outbox.Held && d.Bundle != "" {
		v.state, v.bundle, v.reason = outbox.Held, d.Bundle, d.Reason
		v.note("the first waits, and this one with it: %s", d.Reason)
	}
	return true, nil
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
	if found = found && !ahead(g.Flushed, p.in.now); found {
		due = later(g.Flushed.Add(policy.Group.Interval), p.in.now)
	}
	b := p.ofRoute(bundle{Kind: digest.Group, Key: key, By: words, Steps: stepsOf(policy, wants), Interval: policy.Group.Interval}, route, policy)
	joined, due, err := p.join(b, due)
	if err != nil {
		return err
	}
	v.group = true
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
	if v.state == outbox.Held { // its bundle brings the steps, or none: a digest asks nobody to come
		return
	}
	if !v.decided() && v.ongoing != "" {
		v.suppress("%s", v.ongoing)
	}
	if v.decided() {
		v.bundle = "" // who would have come to help need not hear of it
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
