package noise

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
)

// incident is what a resolve pair opened.
type incident struct {
	By     Ref       `json:"by"`
	Opened time.Time `json:"opened"`
	// Repeat is how often it is told again while it lasts, Again how often that was.
	Repeat time.Duration `json:"repeat,omitempty"`
	Again  int           `json:"again,omitempty"`
	Route  string        `json:"route"`
}

// incidentLife is how long an incident is remembered that nothing closes.
const incidentLife = 30 * 24 * time.Hour

func (i *incident) due() time.Time {
	end := i.Opened.Add(incidentLife)
	if i.Repeat > 0 {
		if next := i.Opened.Add(i.Repeat * time.Duration(i.Again+1)); next.Before(end) {
			return next
		}
	}
	return end
}

func pairKey(route string, n int, key string) string {
	return incidentKey + route + "/" + strconv.Itoa(n) + "/" + key
}

// asks reports whether the config has the pair of an incident that is kept under a key.
func (c *Control) asks(key string) bool {
	of := key[:strings.LastIndexByte(key, '/')+1]
	return slices.ContainsFunc(c.Pairs, func(p rules.Pair) bool { return pairKey(p.Route, p.N, "") == of })
}

// opens notes that the alert opens incidents, if it is told by itself or with its group.
func (p *planning) opens(route string, policy *rules.Policy, v *verdict) error {
	if v.decided() && v.group == nil {
		return nil
	}
	for n, pair := range policy.Resolve {
		if !pair.Opens.Matches(p.in.Alert) {
			continue
		}
		key, words, lacks := values(p.in.Alert, pair.By)
		if len(lacks) > 0 {
			v.note("resolve (%s): the alert has no %s, so it opens nothing", words, strings.Join(lacks, ", "))
			continue
		}
		key = pairKey(route, n, key)
		open, found, err := get[incident](p.tx, key)
		if err != nil {
			return err
		}
		v.incidents = append(v.incidents, key)
		if found { // it goes on: this is told as one more message of it
			v.ongoing = fmt.Sprintf("resolve (%s): the incident is open since %s, and has its own steps", words, p.clock(open.Opened, p.in.now))
			v.note("resolve (%s): the incident is open since %s", words, p.clock(open.Opened, p.in.now))
			if v.about == nil {
				v.about = &About{Opened: open.Opened, First: &open.By}
			}
			continue
		}
		i := incident{By: p.in.ref, Opened: p.in.now, Route: route}
		if policy.Group != nil {
			i.Repeat = policy.Group.Repeat
		}
		v.note("resolve (%s): opens an incident", words)
		if v.about == nil {
			v.about = &About{Opened: p.in.now}
		}
		if err := set(p.tx, key, i, i.due()); err != nil {
			return err
		}
	}
	return nil
}

// reopens reports whether the alert will open an incident that is not open: it is no repeat of what is over.
func (p *planning) reopens(route string, policy *rules.Policy) (bool, error) {
	for n, pair := range policy.Resolve {
		if !pair.Opens.Matches(p.in.Alert) {
			continue
		}
		key, _, lacks := values(p.in.Alert, pair.By)
		if len(lacks) > 0 {
			continue
		}
		if _, open, err := get[incident](p.tx, pairKey(route, n, key)); err != nil || !open {
			return err == nil, err
		}
	}
	return false, nil
}

// close ends the incidents that the alert closes, whichever routes it takes itself, or none: those who were told of one are
// told that it is over. Where no route was asked, that waits until one is.
func (p *planning) close(wants []Want) error {
	if len(wants) > 0 && !slices.ContainsFunc(wants, func(w Want) bool { return w.Route != "" && w.Route != rules.Always && !byArgv(w.Receiver) }) {
		return nil
	}
	for _, pair := range p.Pairs {
		if !pair.Closes.Matches(p.in.Alert) {
			continue
		}
		key, words, lacks := values(p.in.Alert, pair.By)
		if len(lacks) > 0 {
			p.unopened = noted(p.unopened, pair.Route, "resolve ("+words+"): the alert has no "+strings.Join(lacks, ", ")+", so it closes nothing")
			continue
		}
		key = pairKey(pair.Route, pair.N, key)
		i, found, err := get[incident](p.tx, key)
		if err != nil {
			return err
		}
		if !found {
			p.unopened = noted(p.unopened, pair.Route, "resolve ("+words+"): no incident is open")
			continue
		}
		about := &About{Action: notifier.Resolve, Opened: i.Opened, First: &i.By,
			Resolved: &Resolved{After: max(p.in.now.Sub(i.Opened), 0), By: p.in.ref}}
		p.ends = fmt.Sprintf("%s%s (%s)", resolves, i.By.Identity, words)
		if err := p.tx.DropState(key); err != nil {
			return err
		}
		told, err := p.after(p.tx, i.By, i.Route, resolveKind, about, p.in.now, toldItself)
		if err != nil {
			return err
		}
		inGroups, err := p.closeGroups(i, *about)
		if err != nil {
			return err
		}
		told = append(told, inGroups...)
		for _, receiver := range told {
			if p.closed == nil {
				p.closed = map[string]verdict{}
			}
			v := p.closed[receiver]
			v.suppress("%s", p.ends)
			v.about = &About{Opened: i.Opened, First: &i.By}
			p.closed[receiver] = v
		}
		if _, err := p.tx.Cancel(i.By.Identity, i.By.Occurrence, isStep, isResolved, p.in.now); err != nil {
			return err
		}
	}
	return nil
}

// closeGroups ends what was told of an incident with others, if it was the last of them that was open. It returns who was
// told that it is over.
func (p *planning) closeGroups(i incident, about About) (told []string, err error) {
	deliveries, err := p.tx.Deliveries(i.By.Identity, i.By.Occurrence)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, d := range deliveries {
		message := ToldIn(d.Reason)
		if message == "" || seen[message] {
			continue
		}
		seen[message] = true
		of := Ref{message, 1}
		over, err := p.isOver(of)
		if err != nil {
			return nil, err
		}
		if !over {
			continue
		}
		about.First = &of
		receivers, err := p.after(p.tx, of, i.Route, resolveKind, &about, p.in.now, toldItself)
		if err != nil {
			return nil, err
		}
		told = append(told, receivers...)
		if _, err := p.tx.Cancel(message, 1, isStep, isResolved, p.in.now); err != nil {
			return nil, err
		}
	}
	return told, nil
}

// isOver reports whether a message about a group told of nothing but incidents that are over.
func (p *planning) isOver(message Ref) (bool, error) {
	deliveries, err := p.tx.Deliveries(message.Identity, message.Occurrence)
	if err != nil {
		return false, err
	}
	for _, d := range deliveries {
		about, err := ParseAbout(d.About)
		if err != nil || about == nil || len(about.Incidents) == 0 || d.Kind != "" {
			continue
		}
		return allClosed(p.tx, about.Incidents)
	}
	return false, nil
}

// allClosed reports whether there are incidents, and none of them is open any more.
func allClosed(tx *outbox.Tx, keys []string) (bool, error) {
	for _, key := range keys {
		if _, open, err := get[incident](tx, key); err != nil || open {
			return false, err
		}
	}
	return len(keys) > 0, nil
}

func noted(notes map[string][]string, route, note string) map[string][]string {
	if notes == nil {
		notes = map[string][]string{}
	}
	notes[route] = append(notes[route], note)
	return notes
}

// leave takes out of the wants of a route those who were told by closing an incident: they are not told of the alert itself,
// and where nobody else is, nobody is called for it.
func (p *planning) leave(policy *rules.Policy, wants []Want) (rest []Want, err error) {
	if len(p.closed) == 0 {
		return wants, nil
	}
	isTold := func(w Want) bool { _, told := p.closed[w.Receiver]; return told }
	called := slices.ContainsFunc(wants, func(w Want) bool { return w.Step <= 1 && !isTold(w) })
	for _, w := range wants {
		switch {
		case w.Step > 1 && !called:
			v := verdict{}
			v.suppress("%s", p.ends)
			if err := p.step(w, v, policy); err != nil {
				return nil, err
			}
		case w.Step <= 1 && isTold(w):
			p.tell(w, p.closed[w.Receiver], nil)
		default:
			rest = append(rest, w)
		}
	}
	return rest, nil
}

const (
	resolveKind = "resolve"
	isResolved  = "the incident is resolved"
)

// toldItself reports a delivery that was told, or will be, as a message of its own.
func toldItself(d outbox.Delivery) bool {
	return d.State == outbox.Pending || d.State == outbox.Delivering || d.State == outbox.Delivered
}

// told reports also one that was told with others.
func told(d outbox.Delivery) bool { return toldItself(d) || ToldIn(d.Reason) != "" }

// anyRoute stands for all routes; none has that name.
const anyRoute = "*"

// FallbackPrefix begins the route of a delivery to somebody who takes the place of another receiver.
const FallbackPrefix = "fallback:"

// byRoute reports whether a delivery was made by a route, or takes the place of one that may have been.
func byRoute(d outbox.Delivery, route string) bool {
	return route == anyRoute || d.Route == route || strings.HasPrefix(d.Route, FallbackPrefix)
}

// after enters a further message about an alert for each receiver that was told of it by a route, if wants names it. It
// returns their names. Another route may have told others of the same alert; what it asks for is its own matter.
func (c *Control) after(tx *outbox.Tx, of Ref, route, kind string, about *About, now time.Time, wants func(outbox.Delivery) bool) (told []string, err error) {
	deliveries, err := tx.Deliveries(of.Identity, of.Occurrence)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, d := range deliveries {
		switch {
		case d.Kind != "" && !isStep(d.Kind), seen[d.Receiver], d.Route == rules.Always:
			continue
		case !byRoute(d, route), !wants(d):
			continue
		}
		if r := c.Receiver(d.Receiver); r == nil || !r.follows(cmp.Or(about.Action, notifier.Trigger)) {
			continue
		}
		seen[d.Receiver] = true
		told = append(told, d.Receiver)
		n := outbox.NewDelivery{Receiver: d.Receiver, Channel: d.Channel, Route: d.Route, Severity: d.Severity, Kind: kind, About: about.text()}
		if about.Action == "" { // a message of its own, which can wait
			if until, why := c.closedUntil(route, now); !until.IsZero() {
				n.State, n.Due, n.Reason, n.Notes = outbox.Held, until, why, why
			}
		}
		_, err := tx.Deliver(of.Identity, of.Occurrence, now, n)
		if err != nil {
			return nil, err
		}
	}
	return told, nil
}

func stepKind(n int) string   { return outbox.StepKind + strconv.Itoa(n) }
func isStep(kind string) bool { return strings.HasPrefix(kind, outbox.StepKind) }

// stepDelivery is the message of a later step.
func (c *Control) stepDelivery(s stepWant, severity int, now time.Time, of *About) outbox.NewDelivery {
	about := &About{Opened: now, Step: &Step{N: s.Step, Of: s.Of, Who: s.Who, After: s.After}}
	if of != nil {
		about.Opened, about.First = of.Opened, of.First
	}
	due := now.Add(s.After)
	reason := fmt.Sprintf("step %d of %d: told at %s, unless somebody takes it", s.Step, s.Of, c.clock(due, now))
	return outbox.NewDelivery{
		Receiver: s.Receiver, Channel: s.Channel, Route: s.Route, Severity: severity, Kind: stepKind(s.Step),
		State: outbox.Held, Due: due, Reason: reason, Notes: reason,
		About: about.text(),
	}
}

// incidentDue reminds of an incident that goes on, or forgets it.
func (c *Control) incidentDue(tx *outbox.Tx, k outbox.Kept, now time.Time) error {
	var i incident
	if err := json.Unmarshal([]byte(k.Value), &i); err != nil || !now.Before(i.Opened.Add(incidentLife)) {
		return tx.DropState(k.Key)
	}
	if until, _ := c.closedUntil(i.Route, now); !until.IsZero() && i.Repeat > 0 {
		return set(tx, k.Key, i, until)
	}
	i.Again++
	if i.Repeat > 0 { // what was slept through is not made up for
		i.Again = max(i.Again, int(now.Sub(i.Opened)/i.Repeat))
	}
	if !c.asks(k.Key) { // nothing could close it, so nobody is reminded of it
		return set(tx, k.Key, i, i.due())
	}
	_, taken, err := tx.Acked(i.By.Identity, i.By.Occurrence)
	if err != nil {
		return err
	}
	if !taken {
		about := &About{Opened: i.Opened, First: &i.By, Again: true, Seen: &Seen{Count: 1, Since: i.Opened, Last: i.Opened}}
		if _, err := c.after(tx, i.By, i.Route, fmt.Sprintf("again%d", i.Again), about, now, told); err != nil {
			return err
		}
	}
	return set(tx, k.Key, i, i.due())
}
