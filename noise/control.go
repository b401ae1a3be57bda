package noise

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
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

// Idle reports whether nothing that is in the config touches these wants, so that, unless a silence holds, there is nothing to
// decide.
func (c *Control) Idle(wants []Want) bool {
	if len(c.Inhibit) > 0 {
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
	var routes []string
	byRoute := map[string][]Want{}
	for _, w := range wants {
		if w.Route == rules.Always || strings.HasPrefix(w.Receiver, "argv-") {
			p.tell(w, verdict{}, nil)
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

// planning is a Plan under way.
type planning struct {
	*Control
	tx  *outbox.Tx
	in  *arrival
	out []outbox.NewDelivery
}

// verdict is what was decided of an alert, for all receivers of a route.
type verdict struct {
	state  outbox.State // "" is pending
	reason string
	bundle string
	notes  []string
	about  *About
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
	v := verdict{}
	if p.in.known {
		found, err := p.before(route, &v)
		if err != nil {
			return err
		}
		if found {
			for _, w := range wants {
				if err := p.receiver(w, v, policy); err != nil {
					return err
				}
			}
			return nil
		}
	}
	closed, err := p.closes(route, policy, &v)
	if err != nil {
		return err
	}
	var rest []Want
	for _, w := range wants {
		if closed[w.Receiver] {
			p.tell(w, verdict{state: outbox.Suppressed, reason: v.reason, notes: v.notes}, nil)
			continue
		}
		rest = append(rest, w)
	}
	if len(rest) == 0 {
		return nil
	}
	v = verdict{}
	steps := []func() error{
		func() error { return p.silence(&v) },
		func() error { return p.inhibit(&v) },
		func() (err error) { rest, err = p.window(route, policy, rest, &v); return err },
		func() error { return p.dedup(route, policy, &v) },
		func() error { return p.digest(route, policy, &v) },
		func() error { return p.group(route, policy, rest, &v) },
		func() error { return p.throttle(route, policy, &v) },
	}
	for _, step := range steps {
		if v.decided() {
			break
		}
		if err := step(); err != nil {
			return err
		}
	}
	if err := p.opens(route, policy, &v); err != nil {
		return err
	}
	for _, w := range rest {
		if err := p.receiver(w, v, policy); err != nil {
			return err
		}
	}
	return nil
}

// before finds the verdict that the alert had on a route when it came by another way.
func (p *planning) before(route string, v *verdict) (found bool, err error) {
	deliveries, err := p.tx.Deliveries(p.in.ref.Identity, p.in.ref.Occurrence)
	if err != nil {
		return false, err
	}
	for _, d := range deliveries {
		if d.Route != route || d.Kind != "" {
			continue
		}
		about, err := ParseAbout(d.About)
		if err != nil {
			return false, err
		}
		v.about = about
		v.note("the alert had come before: as for %s", d.Receiver)
		switch {
		case d.State == outbox.Held && d.Bundle != "":
			v.state, v.bundle, v.reason = outbox.Held, d.Bundle, d.Reason
		case d.State == outbox.Suppressed && (strings.HasPrefix(d.Reason, repeatOf) || strings.HasPrefix(d.Reason, silencedBy)):
			v.state, v.bundle, v.reason = outbox.Suppressed, d.Bundle, d.Reason
		}
		if v.reason != "" {
			v.note("%s", v.reason)
		}
		return true, nil
	}
	return false, nil
}

// receiver decides what is the receiver's own, and enters its delivery.
func (p *planning) receiver(w Want, v verdict, policy *rules.Policy) error {
	v.notes = append([]string(nil), v.notes...)
	if w.Step > 1 {
		p.step(w, v, policy)
		return nil
	}
	if !v.decided() {
		if err := p.limits(w.Receiver, p.in.severity, &v); err != nil {
			return err
		}
	}
	p.tell(w, v, policy)
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
)

// get reads what is kept under a key.
func get[T any](tx *outbox.Tx, key string) (v T, found bool, err error) {
	text, _, found, err := tx.State(key)
	if err == nil && found {
		err = json.Unmarshal([]byte(text), &v)
	}
	if err != nil {
		err = fmt.Errorf("state %s: %w", key, err)
	}
	return v, found, err
}

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
