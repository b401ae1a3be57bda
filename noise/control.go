package noise

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/window"
)

// Control decides by one config. It holds nothing that is not in the config or in the outbox; its fields are not changed after
// the first use.
type Control struct {
	Scale   alert.Scale
	Inhibit []*rules.Inhibit
	// Pairs are the resolve pairs of all routes.
	Pairs []rules.Pair
	// Zone is what times are shown in, and what those of silences mean.
	Zone *time.Location
	// Receiver says what is known of a receiver; nil when there is none (any more).
	Receiver func(name string) *Receiver
	// Read makes an alert of what the outbox stored.
	Read func(header, raw []byte) *alert.Alert
	Log  *slog.Logger

	matches sync.Map // compiled silences, by what they are written as
}

// Receiver is what noise control must know of one.
type Receiver struct {
	Channel  string
	Throttle *rules.Throttle
	// Rate is how many messages a second it takes, and StormAfter how long its queue may need at that rate; 0 for a receiver
	// that is never braked.
	Rate       float64
	StormAfter time.Duration
	// Pages: its messages wake people. They are never held by the storm brake, and none says that nothing happens.
	Pages bool
	// Follows reports whether it is told of what an action says; who follows updates sees them in a message that was sent.
	Follows func(notifier.Action) bool
}

func (r *Receiver) follows(a notifier.Action) bool { return r.Follows == nil || r.Follows(a) }

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
	if len(c.Inhibit) > 0 || slices.ContainsFunc(c.Pairs, func(p rules.Pair) bool { return p.Closes.Matches(a) }) {
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
	// closed are the receivers that were told by closing what the alert ends, closing what that makes of the alert itself;
	// unopened are notes about what was not open, by the route.
	closed   map[string]bool
	closing  verdict
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
	// first is the alert that this one repeats, closes the one whose incident it ended; group: it waits for others of its
	// group.
	first, closes *Ref
	group         bool
	// ongoing says why later steps are not needed, of an alert that goes on with an incident.
	ongoing string
}

func (v *verdict) note(format string, args ...any) {
	v.notes = append(v.notes, fmt.Sprintf(format, args...))
}

func (v *verdict) decided() bool { return v.state != "" }

// hold makes it one that waits in a bundle.
func (v *verdict) hold(b *bundle, format string, args ...any) {
	v.state, v.bundle, v.reason = outbox.Held, b.ID, fmt.Sprintf(format, args...)
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
	rest = p.leave(policy, rest)
	v.notes = p.unopened[route]
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
	if err := p.receivers(route, rest, v, policy); err != nil {
		return err
	}
	return p.keepCounts(route)
}

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
	for _, w := range wants {
		own := v
		own.notes = slices.Clone(v.notes)
		if w.Step > 1 {
			p.step(w, own, policy)
			continue
		}
		told, err := p.asTold(route, w.Receiver, &own)
		if err != nil {
			return err
		}
		if !told {
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
		p.tell(w, own, policy)
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

// Keys of what is kept in the outbox. What stands behind a / may be anything.
const (
	dedupKey    = "dedup/"
	groupKey    = "group/"
	bundleKey   = "bundle/"
	bucketKey   = "throttle/"
	freshKey    = "fresh/"
	incidentKey = "incident/"
	stormKey    = "storm/"
	ruleKey     = "rule/"
	lostKey     = "lost/"
)

// get reads what is kept under a key. What cannot be read is as if it were not there: no alert can be accepted otherwise, and
// to be told once too often does less harm.
func get[T any](tx *outbox.Tx, key string) (v T, found bool, err error) {
	v, _, found, err = getDue[T](tx, key)
	return v, found, err
}

func getDue[T any](tx *outbox.Tx, key string) (v T, due time.Time, found bool, err error) {
	text, due, found, err := tx.State(key)
	if err != nil || !found {
		return v, due, false, err
	}
	if json.Unmarshal([]byte(text), &v) != nil {
		var none T
		if strings.HasPrefix(key, bundleKey) {
			err = lost(tx)
		}
		return none, time.Time{}, false, err
	}
	return v, due, true, nil
}

// lost notes that there was a bundle that cannot be read. See [Control.Recover].
func lost(tx *outbox.Tx) error { return tx.SetState(lostKey, "", time.Unix(1, 0)) }

func set(tx *outbox.Tx, key string, v any, due time.Time) error {
	return tx.SetState(key, encode(v), due)
}

// values are an alert's by fields: as a short key, and in words.
func values(a *alert.Alert, by []rules.Field) (key, words string) {
	h := sha256.New()
	var said []string
	for _, f := range by {
		v := f.Value(a)
		fmt.Fprintf(h, "%d:%s%d:%s", len(f.Key), f.Key, len(v), v)
		said = append(said, f.Key+" "+shown(v))
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), strings.Join(said, ", ")
}

// shown is a value of an alert in notes: quoted unless it is plain, and bounded.
func shown(v string) string {
	const most = 80
	if v == "" {
		return "-"
	}
	cut := ""
	if len(v) > most {
		v, cut = v[:most], "…"
	}
	for _, c := range []byte(v) {
		if c <= ' ' || c >= 0x7f || c == '"' {
			return strconv.Quote(v) + cut
		}
	}
	return v + cut
}

// clock is a time in notes: with the day only where that is not today.
func (c *Control) clock(at, now time.Time) string {
	zone := cmp.Or(c.Zone, time.UTC)
	at, now = at.In(zone), now.In(zone)
	if at.YearDay() == now.YearDay() && at.Year() == now.Year() {
		return at.Format("15:04:05")
	}
	return at.Format("2006-01-02 15:04:05")
}

// sees notes on which of the last days the alert's rule fired, once a day.
func (c *Control) sees(tx *outbox.Tx, in *arrival) error {
	if in.known || in.Rule.ID == "" {
		return nil
	}
	key := ruleKey + in.Rule.ID
	today := in.now.Unix() / (24 * 60 * 60)
	days, _, err := get[ruleDays](tx, key)
	if err != nil || days.Last == today {
		return err
	}
	days.Bits, days.Last = days.Bits<<min(max(today-days.Last, 0), 63)|1, today
	return set(tx, key, days, in.now.Add(ruleMemory))
}

// ruleDays are the days, counted from 1970, on which a rule fired: Last, and one bit for each before, the lowest for Last.
type ruleDays struct {
	Last int64  `json:"last"`
	Bits uint64 `json:"bits"`
}

const ruleMemory = 60 * 24 * time.Hour

// firedInWeekBefore reports whether a rule fired in the seven days before that of a time.
func (d ruleDays) firedInWeekBefore(at time.Time) bool {
	ago := d.Last - at.Unix()/(24*60*60) // of Last, as seen from that day: 0 when it is that day
	if ago < 0 {
		return -ago <= 7
	}
	return ago < 57 && d.Bits>>(ago+1)&0x7f != 0
}

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
	if opens := opensAt(p, at); !opens.IsZero() {
		until = "until " + c.clock(opens, at)
	}
	return false, "closed (" + why + "): held " + until
}
