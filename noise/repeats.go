package noise

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
)

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

// dedup: a repeat is counted.
func (p *planning) dedup(route string, policy *rules.Policy, v *verdict) error {
	if policy.Dedup == nil {
		return nil
	}
	d := policy.Dedup
	now := p.in.now
	key, words, lacks := values(p.in.Alert, d.By)
	if len(lacks) == len(d.By) {
		v.note("dedup (%s): the alert has no %s, so it repeats nothing", words, strings.Join(lacks, ", "))
		return nil
	}
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
	if found {
		anew, err := p.reopens(route, policy)
		if err != nil {
			return err
		}
		if anew {
			if err := p.quiet(p.tx, key, r, now); err != nil {
				return err
			}
			found = false
		}
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
		v.rises = true
	default:
		v.note("dedup (%s): number %d, told because the last message was %s ago", words, r.Total, display.Span(now.Sub(r.Told)))
		if d.Growing && r.Untold > 0 {
			r.Window = min(2*r.Window, growLimit)
		} else {
			r.Window = d.For
		}
	}
	p.counts.said = r.Untold > 0
	r.Base, r.Told, r.Untold = d.For, now, 0
	return nil
}

// counting is what dedup counts of an alert that came before. It is kept when it is known what became of this one.
type counting struct {
	key string
	*repeats
	before bool // it was counted when the alert came by another way
	said   bool // the alert is told, and says how many were not
}

// countedBefore finds the counts of a repeat that comes by another way: it is not counted again.
func (p *planning) countedBefore(route string, policy *rules.Policy, first *Ref) error {
	if policy.Dedup == nil || first == nil {
		return nil
	}
	key, _, _ := values(p.in.Alert, policy.Dedup.By)
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
	if c.said && !c.Owed { // the alert may be for some of them only
		for _, first := range c.firsts() {
			deliveries, err := p.tx.Deliveries(first.Identity, first.Occurrence)
			if err != nil {
				return err
			}
			for _, d := range deliveries {
				hears := func(x outbox.NewDelivery) bool { return x.Receiver == d.Receiver && x.Route == route && x.Kind == "" }
				c.Owed = c.Owed || d.Route == route && d.Kind == "" && told(d) && !slices.ContainsFunc(p.out, hears)
			}
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
	if err == nil && !found && v.closes != nil { // it may have been told with others
		d, found, err = p.endedWith(*of, receiver)
	}
	if err != nil || !found || !byRoute(d, route) || strings.HasPrefix(d.Reason, insteadOf) || strings.HasPrefix(d.Reason, resolves) {
		return false, err
	}
	if d.State == outbox.Held && d.Bundle != "" {
		v.state, v.bundle, v.reason = outbox.Held, d.Bundle, d.Reason
		v.note("the first waits, and this one with it: %s", d.Reason)
	}
	return true, nil
}

// endedWith finds the message that said to a receiver that a group is over in which an alert was told.
func (p *planning) endedWith(of Ref, receiver string) (d outbox.Delivery, found bool, err error) {
	openers, err := p.tx.Deliveries(of.Identity, of.Occurrence)
	for _, x := range openers {
		if message := ToldIn(x.Reason); message != "" && err == nil && !found {
			d, found, err = p.tx.Delivery(message, 1, receiver, resolveKind)
		}
	}
	return d, found, err
}

// seenKind begins the kinds of messages that show a count in one that was sent.
const seenKind = "seen"

// dedupDue shows the count, or says that it has been quiet.
func (c *Control) dedupDue(tx *outbox.Tx, k outbox.Kept, now time.Time) error {
	var r repeats
	if err := json.Unmarshal([]byte(k.Value), &r); err != nil {
		c.Log.Error("state cannot be read and is forgotten", "key", k.Key, "err", err)
		return tx.DropState(k.Key)
	}
	if !now.Before(r.Last.Add(r.Base)) {
		return c.quiet(tx, k.Key, r, now)
	}
	r.Edits++
	late := false // somebody has yet to see it: the first message is not there, or an edit is on its way
	for _, first := range r.firsts() {
		deliveries, err := tx.Deliveries(first.Identity, first.Occurrence)
		if err != nil {
			return err
		}
		shows := func(d outbox.Delivery) bool {
			if d.Kind != "" || r.firstOf(d.Receiver) != first || !toldItself(d) || !c.edits(d.Receiver) {
				return false
			}
			waits, shown := d.State != outbox.Delivered, 1
			for _, x := range deliveries {
				if x.Receiver != d.Receiver || !strings.HasPrefix(x.Kind, seenKind) {
					continue
				}
				waits = waits || x.State.Open()
				if about, err := ParseAbout(x.About); err == nil && about != nil && about.Seen != nil {
					shown = max(shown, about.Seen.Count)
				}
			}
			late = late || waits
			return !waits && shown < r.Total
		}
		about := &About{Action: notifier.Update, Opened: r.Opened, First: &first, Seen: &Seen{Count: r.Total, Since: r.Opened, Last: r.Last}}
		if _, err := c.after(tx, first, r.Route, seenKind+strconv.Itoa(r.Edits), about, now, shows); err != nil {
			return err
		}
	}
	r.Edited = now
	if !late {
		r.Shown = r.Total
	}
	return set(tx, k.Key, r, r.due())
}

// edits reports whether a receiver sees in a message that was sent what came after it.
func (c *Control) edits(receiver string) bool {
	r := c.Receiver(receiver)
	return r != nil && r.follows(notifier.Update)
}

// quiet ends an incident of repeats: who has not seen them all is told how many there were.
func (c *Control) quiet(tx *outbox.Tx, key string, r repeats, now time.Time) error {
	if r.Total == 1 {
		return tx.DropState(key)
	}
	for _, first := range r.firsts() {
		about := About{Action: notifier.Update, Opened: r.Opened, First: &first, Quiet: &Quiet{For: min(r.Base, now.Sub(r.Last)), Total: r.Total, Since: r.Opened, Last: r.Last}}
		inFirst := func(d outbox.Delivery) bool { // those who see it there
			return r.firstOf(d.Receiver) == first && toldItself(d) && c.edits(d.Receiver)
		}
		if _, err := c.after(tx, first, r.Route, "quiet", &about, now, inFirst); err != nil {
			return err
		}
		about.Action = ""
		others := func(d outbox.Delivery) bool {
			receiver := c.Receiver(d.Receiver) // a page that says that nothing happens helps nobody, and who is not told of ends would take it for another alert
			return r.firstOf(d.Receiver) == first && (r.Untold > 0 || r.Owed) && told(d) && receiver != nil && !receiver.Pages && receiver.follows(notifier.Resolve) && !inFirst(d)
		}
		if _, err := c.after(tx, first, r.Route, "quiet", &about, now, others); err != nil {
			return err
		}
	}
	return tx.DropState(key)
}
