package noise

import (
	"slices"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/window"
)

// Times reports whether the windows of a policy let messages out at a time, and says why; "" where it has none.
func (c *Control) Times(p *rules.Policy, at time.Time) (open bool, why string) {
	if len(p.Active)+len(p.Mute) == 0 {
		return true, ""
	}
	if open, why = openNow(p, at); open {
		return true, strings.TrimSuffix("open: "+why, ": ")
	}
	if len(p.Outside) > 0 {
		return false, "closed (" + why + "): " + strings.Join(p.Outside, ", ") + " is told"
	}
	until := "for more than a year"
	if opens, zone := opensAt(p, at); !opens.IsZero() {
		until = "until " + c.clockIn(zone, opens, at)
	}
	return false, "closed (" + why + "): held " + until
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

// opensAt is when a policy's windows let messages out again, and the zone of the one that does; zero if they will not within
// a year or so.
func opensAt(p *rules.Policy, at time.Time) (time.Time, *time.Location) {
	const most = 2000 // changes that are looked at
	t := at
	for range most {
		var next time.Time
		var zone *time.Location
		for _, w := range slices.Concat(p.Active, p.Mute) {
			if change := w.Change(t); !change.IsZero() && (next.IsZero() || change.Before(next)) {
				next, zone = change, w.Zone
			}
		}
		if next.IsZero() {
			break
		}
		if open, _ := openNow(p, next); open {
			return next, zone
		}
		t = next
	}
	return time.Time{}, nil
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
	due, zone := opensAt(policy, p.in.now)
	until := ""
	if due.IsZero() {
		due, until = p.in.now.Add(neverOpens), " (no window of the route opens)"
	}
	names := strings.TrimPrefix(strings.TrimPrefix(why, "outside of "), "mute ") // the message says in words of its own that it was closed
	b, due, err := p.join(p.ofRoute(bundle{Kind: digest.Window, Key: route, Why: names + ", until " + p.clockIn(zone, due, p.in.now)}, route, policy), due)
	if err != nil {
		return nil, err
	}
	v.hold(b, "window: %s, held until %s%s", why, p.clockIn(zone, due, p.in.now), until)
	return wants, nil
}

// closedUntil says of a route whose windows let nothing out now why, and until when; zero where they do, or where others are
// told meanwhile.
func (c *Control) closedUntil(route string, now time.Time) (until time.Time, why string) {
	p := c.Policies[route]
	if p == nil || len(p.Active)+len(p.Mute) == 0 || len(p.Outside) > 0 {
		return until, ""
	}
	open, why := openNow(p, now)
	if open {
		return until, ""
	}
	until, zone := opensAt(p, now)
	if until.IsZero() {
		until = now.Add(neverOpens)
	}
	return until, "window: " + why + ", held until " + c.clockIn(zone, until, now)
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
