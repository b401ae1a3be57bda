package rules

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/window"
	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// settingKeys are the keys of a route that its nested routes inherit, each for itself.
var settingKeys = []string{
	"active", "mute", "outside", "dedup", "group_by", "group_wait", "group_interval", "repeat_interval", "throttle", "digest", "escalate", "resolve",
}

// none ends what would be inherited. No window has that name.
const none = "none"

// Defaults of settings; those of groups are Alertmanager's.
const (
	defaultGroupWait     = 30 * time.Second
	defaultGroupInterval = 5 * time.Minute
	defaultRepeat        = 4 * time.Hour
	// MaxDedup is how far a growing window grows.
	MaxDedup = 24 * time.Hour
)

// setting is one setting of a route: whether the route says it, what, and where.
type setting[T any] struct {
	said  bool
	none  bool // it says that there is none
	value T
	node  *yaml.Node // the value
}

// given reports whether there is something, which may have been mistaken.
func (s setting[T]) given() bool { return s.said && !s.none }

// over is the setting where there is one, else that of the route around.
func (s setting[T]) over(around setting[T]) setting[T] {
	if s.said {
		return s
	}
	return around
}

// settings are the settings of a route: its own, or with those that it inherits.
type settings struct {
	active, mute                             setting[[]*window.Window]
	outside                                  setting[[]string]
	dedup                                    setting[*Dedup]
	groupBy                                  setting[[]Field]
	groupWait, groupInterval, repeatInterval setting[time.Duration]
	throttle                                 setting[*Throttle]
	digest                                   setting[*Digest]
	escalate                                 setting[[]Step]
	resolve                                  setting[[]*Resolve]
}

// over lays the settings over those of the route around.
func (s settings) over(around settings) settings {
	return settings{
		active:         s.active.over(around.active),
		mute:           s.mute.over(around.mute),
		outside:        s.outside.over(around.outside),
		dedup:          s.dedup.over(around.dedup),
		groupBy:        s.groupBy.over(around.groupBy),
		groupWait:      s.groupWait.over(around.groupWait),
		groupInterval:  s.groupInterval.over(around.groupInterval),
		repeatInterval: s.repeatInterval.over(around.repeatInterval),
		throttle:       s.throttle.over(around.throttle),
		digest:         s.digest.over(around.digest),
		escalate:       s.escalate.over(around.escalate),
		resolve:        s.resolve.over(around.resolve),
	}
}

// windowed reports whether messages go out at some times only.
func (s *settings) windowed() bool { return s.active.given() || s.mute.given() }

// policy is what the settings come to; nil where that is nothing.
func (s *settings) policy() *Policy {
	p := &Policy{
		Active: s.active.value, Mute: s.mute.value,
		Dedup: s.dedup.value, Throttle: s.throttle.value, Digest: s.digest.value, Resolve: s.resolve.value, Escalate: s.escalate.value,
	}
	if s.windowed() {
		p.Outside = s.outside.value
	}
	if len(s.groupBy.value) > 0 {
		p.Group = &Group{
			By:       s.groupBy.value,
			Wait:     cmp.Or(s.groupWait.value, defaultGroupWait),
			Interval: cmp.Or(s.groupInterval.value, defaultGroupInterval),
		}
		if s.resolve.given() && !s.repeatInterval.none {
			p.Group.Repeat = cmp.Or(s.repeatInterval.value, defaultRepeat)
		}
	}
	if len(p.Active)+len(p.Mute)+len(p.Resolve)+len(p.Escalate) == 0 && p.Dedup == nil && p.Group == nil && p.Throttle == nil && p.Digest == nil {
		return nil
	}
	return p
}

// read reads a setting with what its kind is read by.
func read[T any](p *parser, s *setting[T], e yamlnode.Entry, parse func(yamlnode.Entry) T) {
	s.said, s.node = true, e.Value
	if e.Value.Kind == yaml.ScalarNode && e.Value.Value == none && !yamlnode.Tagged(e.Value) {
		s.none = true
		return
	}
	s.value = parse(e)
}

// setting reads a key of a route that is a setting.
func (p *parser) setting(s *settings, e yamlnode.Entry) {
	switch e.Key {
	case "active":
		read(p, &s.active, e, p.windowNames)
	case "mute":
		read(p, &s.mute, e, p.windowNames)
	case "outside":
		read(p, &s.outside, e, p.outside)
	case "dedup":
		read(p, &s.dedup, e, p.dedup)
	case "group_by":
		read(p, &s.groupBy, e, p.fields)
	case "group_wait":
		read(p, &s.groupWait, e, p.span)
	case "group_interval":
		read(p, &s.groupInterval, e, p.span)
	case "repeat_interval":
		read(p, &s.repeatInterval, e, p.span)
	case "throttle":
		read(p, &s.throttle, e, p.throttle)
	case "digest":
		read(p, &s.digest, e, p.digest)
	case "escalate":
		read(p, &s.escalate, e, p.escalate)
	case "resolve":
		read(p, &s.resolve, e, p.resolves)
	}
}

// keys reads the mapping of a setting. It returns the values by their keys, those that are no keys of it reported.
func (p *parser) keys(node *yaml.Node, what string, known ...string) map[string]yamlnode.Entry {
	found := map[string]yamlnode.Entry{}
	if !p.Enter(node) {
		return found
	}
	defer p.Leave()
	for _, e := range p.Mapping(node, what) {
		if !slices.Contains(known, e.Key) {
			p.problem(e.KeyNode, "%q is no setting of %s: %s", e.Key, what, suggest(e.Key, known, "use "+strings.Join(known, ", ")))
			continue
		}
		found[e.Key] = e
	}
	return found
}

// items are those of a list, or the one value that stands for a list of one.
func items(node *yaml.Node) []*yaml.Node {
	if node == nil || node.Kind != yaml.SequenceNode {
		return []*yaml.Node{node}
	}
	var all []*yaml.Node
	for _, item := range node.Content {
		if item = yamlnode.Resolve(item); item != nil {
			all = append(all, item)
		}
	}
	return all
}

// mappings reads a list of mappings; one alone needs no brackets. each is called for each that is one.
func (p *parser) mappings(e yamlnode.Entry, example string, each func(i int, item *yaml.Node)) {
	if p.MisTagged(e.Value, e.Key) {
		return
	}
	all := items(e.Value)
	if len(all) == 0 {
		p.problem(e.Value, "%s is an empty list: write %s, or leave the key out", e.Key, example)
	}
	for i, item := range all {
		if item.Kind != yaml.MappingNode {
			in := yamlnode.Subject(e, e.Value.Kind == yaml.SequenceNode)
			if trap := yamlnode.Trap(item, e, e.Value.Kind == yaml.SequenceNode); trap != "" && item.Kind == yaml.ScalarNode {
				p.problem(item, "%s", trap)
				continue
			}
			p.problem(item, "%s is %s: write %s", in, yamlnode.Kind(item), example)
			continue
		}
		each(i, item)
	}
}

func (p *parser) windowNames(e yamlnode.Entry) []*window.Window {
	values, _, _ := p.values(e)
	var all []*window.Window
	var names []string
	for _, v := range values {
		w := p.windows[v.text]
		switch {
		case slices.Contains(names, v.text):
			p.problem(v.node, "%q stands twice in %s: keep one", v.text, e.Key)
		case w == nil && v.text == none:
			p.problem(v.node, "%q stands in a list: write %s: none", v.text, e.Key)
		case w == nil:
			p.problem(v.node, "%q is no window: %s", v.text, suggest(v.text, slices.Sorted(maps.Keys(p.windows)), "add it under windows:"))
		default:
			all = append(all, w)
		}
		names = append(names, v.text)
	}
	return all
}

func (p *parser) outside(e yamlnode.Entry) []string {
	if e.Value.Kind != yaml.MappingNode {
		if p.MisTagged(e.Value, e.Key) {
			return nil
		}
		if e.Value.Kind == yaml.SequenceNode {
			p.problem(e.Value, "outside is a list: write outside: hold, or outside: {to: [...]}")
		} else if v, ok := p.text(e.Value, e, false); ok && v.text != "hold" {
			p.problem(v.node, "outside is %q: write hold, or {to: [%s]} to tell somebody else", v.text, v.text)
		}
		return nil
	}
	to, ok := p.keys(e.Value, e.Key, "to")["to"]
	if !ok {
		if len(e.Value.Content) == 0 {
			p.problem(e.Value, "outside is empty: write hold, or {to: [...]}")
		}
		return nil
	}
	return p.somebody(to, "what comes outside of the windows would be lost: write outside: hold to tell it later")
}

// somebody reads names of receivers, of which there must be some.
func (p *parser) somebody(e yamlnode.Entry, otherwise string) []string {
	names := p.receivers(e)
	if e.Value.Kind == yaml.SequenceNode && len(e.Value.Content) == 0 {
		p.problem(e.Value, "to: [] is nobody: %s", otherwise)
	}
	return names
}

func (p *parser) dedup(e yamlnode.Entry) *Dedup {
	d := &Dedup{By: fields(p.scale, "rule", "agent", "srcip")}
	if e.Value.Kind == yaml.ScalarNode {
		d.For = p.span(e)
		return d
	}
	of := p.keys(e.Value, e.Key, "by", "for", "growing")
	if by, ok := of["by"]; ok {
		d.By = p.fields(by)
	}
	if growing, ok := of["growing"]; ok {
		d.Growing = p.bool(growing)
	}
	if span, ok := of["for"]; ok {
		d.For = p.span(span)
		if d.Growing && d.For >= MaxDedup {
			p.warn(of["growing"].Value, "growing does nothing: a window grows up to a day, and for is %s already", spanWords(d.For))
		}
	} else {
		p.lacks(e, "dedup", "for", "for how long alerts that are the same are told once, as in for: 15m")
	}
	return d
}

// lacks reports a key that a mapping needs, unless there is no mapping, or a key that was misspelt may be it.
func (p *parser) lacks(e yamlnode.Entry, what, key, meaning string) {
	p.lacking(e.Value, what, key, meaning)
}

func (p *parser) lacking(node *yaml.Node, what, key, meaning string) {
	if node.Kind != yaml.MappingNode || yamlnode.Tagged(node) {
		return
	}
	said := func(problem Problem) bool {
		return strings.HasSuffix(problem.Message, "did you mean \""+key+"\"?") && problem.Line >= node.Line
	}
	if !slices.ContainsFunc(p.problems, said) {
		p.problem(node, "%s lacks %s: %s", what, key, meaning)
	}
}

// ParseThrottle reads a throttle, the value of key: 20/h, or {rate: 20/h, burst: 5}. With a problem it must not be used.
func ParseThrottle(node *yaml.Node, key string) (*Throttle, []Problem) {
	p := newParser(alert.Scale{})
	var t *Throttle
	if node = yamlnode.Resolve(node); node != nil {
		t = p.throttle(yamlnode.Entry{Key: key, KeyNode: node, Value: node})
	}
	return t, byPlace(p.problems)
}

func (p *parser) throttle(e yamlnode.Entry) *Throttle {
	if e.Value.Kind == yaml.ScalarNode {
		return p.rate(e)
	}
	of := p.keys(e.Value, e.Key, "rate", "burst")
	rate, ok := of["rate"]
	if !ok {
		p.lacks(e, e.Key, "rate", "how many messages go out in which time, as in rate: 20/h")
	}
	var t *Throttle
	if ok {
		t = p.rate(rate)
	}
	if burst, ok := of["burst"]; ok {
		n := p.burst(burst)
		if t != nil {
			t.Burst = n
		}
	}
	return t
}

// maxRate bounds what a throttle counts in a second: above, it would be none.
const maxRate = 1000

// rate reads 20/h. A quarter of it goes out at once, at least 1.
func (p *parser) rate(e yamlnode.Entry) *Throttle {
	v, ok := p.text(e.Value, e, false)
	if !ok {
		return nil
	}
	count, unit, slash := strings.Cut(v.text, "/")
	n, err := strconv.Atoi(strings.TrimSpace(count))
	per := units[strings.TrimSpace(unit)]
	switch {
	case err == nil && !slash:
		p.problem(v.node, "%s: %q lacks its time: write %d/h, or another of /s, /m, /d", e.Key, v.text, max(n, 1))
	case err != nil || per == 0:
		p.problem(v.node, "%s: %q is no rate: write 20/h, 5/m or 100/d", e.Key, v.text)
	case n < 1:
		p.problem(v.node, "%s: %q lets nothing through: write 1/%s or more", e.Key, v.text, strings.TrimSpace(unit))
	case per/time.Duration(n) < time.Second/maxRate:
		p.problem(v.node, "%s: %q is more than %d in a second, which is no limit: leave it out", e.Key, v.text, maxRate)
	default:
		return &Throttle{Count: n, Burst: max(n/4, 1), Per: per}
	}
	return nil
}

var units = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}

// maxBurst is far above what anybody reads at once.
const maxBurst = 10_000

func (p *parser) burst(e yamlnode.Entry) int {
	v, ok := p.text(e.Value, e, false)
	if !ok {
		return 1
	}
	n, err := strconv.Atoi(v.text)
	if err != nil || n < 1 || n > maxBurst {
		p.problem(v.node, "%s is %q: write a whole number from 1 to %d, how many messages go out at once", e.Key, v.text, maxBurst)
		return 1
	}
	return n
}

func (p *parser) digest(e yamlnode.Entry) *Digest {
	if e.Value.Kind == yaml.ScalarNode {
		return &Digest{p.span(e)}
	}
	every, ok := p.keys(e.Value, e.Key, "every")["every"]
	if !ok {
		p.lacks(e, e.Key, "every", "how often there is a message, as in every: 1h")
		return nil
	}
	return &Digest{p.span(every)}
}

func (p *parser) escalate(e yamlnode.Entry) []Step {
	const example = "{to: [...]}, and {after: 10m, to: [...]} for the next"
	var steps []Step
	before := time.Duration(0)
	p.mappings(e, example, func(i int, item *yaml.Node) {
		what := "a step of escalate"
		of := p.keys(item, what, "after", "to")
		var s Step
		if to, ok := of["to"]; ok {
			s.To = p.somebody(to, "name receivers, or leave the step out")
		} else {
			p.lacking(item, what, "to", "name receivers")
		}
		switch after, ok := of["after"]; {
		case i == 0 && ok && p.span(after) > 0:
			p.problem(after.Value, "after stands in the first step, which is told at once: leave it out, and give it to the steps behind it")
		case i == 0:
		case !ok:
			p.lacking(item, what, "after", "how long nobody must have taken the alert, as in after: 10m; only the first is told at once")
		default:
			s.After = p.span(after)
			if s.After > 0 && s.After <= before {
				p.problem(after.Value, "after is %q, and the step before it has %s already: they count from the alert, so each must be longer than the one before", after.Value.Value, spanWords(before))
			}
			before = max(before, s.After)
		}
		steps = append(steps, s)
	})
	return steps
}

func (p *parser) resolves(e yamlnode.Entry) []*Resolve {
	const example = "{opens: {rule: 504}, closes: {rule: 503}, by: [agent]}"
	var all []*Resolve
	p.mappings(e, example, func(_ int, item *yaml.Node) {
		of := p.keys(item, e.Key, "opens", "closes", "by")
		r := &Resolve{By: fields(p.scale, "agent")}
		if by, ok := of["by"]; ok {
			r.By = p.fields(by)
		}
		whole := true
		side := func(key, meaning string) *Match {
			side, ok := of[key]
			if !ok {
				whole = false
				p.lacking(item, e.Key, key, meaning)
				return nil
			}
			m := p.match(side.Value, key)
			whole = whole && m != nil
			return m
		}
		r.Opens = side("opens", "which alerts open an incident, as in opens: {rule: 504}")
		r.Closes = side("closes", "which alerts end it, as in closes: {rule: 503}")
		if !whole { // a Match that is nil would take every alert
			return
		}
		if prove := (&prover{maxSteps}); prove.covers([]*Match{r.Closes}, prove.flatten(r.Opens)) {
			p.warn(of["closes"].Value, "closes takes every alert that opens: each incident would be over as it begins")
		}
		all = append(all, r)
	})
	return all
}

// policies gives each route what holds for it: its own settings over those of the routes around it, which are nil at the
// top. to says whether one of these has a `to`.
func (p *parser) policies(routes []*Route, around *settings, to bool) {
	top := around == nil
	if top {
		around = &settings{}
	}
	for _, r := range routes {
		to := to || !r.Inherit
		r.all = r.own.over(*around)
		if r.Nobody && !r.own.escalate.given() {
			r.all.escalate = setting[[]Step]{} // nobody is nobody, for the routes in it too
		}
		if r.own.escalate.none && !to && !top { // at the top it has been said
			p.problem(r.own.escalate.node, "escalate: none leaves nobody to tell, because no route around this one has a to: write to: beside it")
		}
		p.together(r)
		r.Policy = r.all.policy()
		p.policies(r.Routes, &r.all, to)
	}
}

// together reports settings of a route that do not go together, where one of them is its own.
func (p *parser) together(r *Route) {
	own, all := &r.own, &r.all
	if r.Nobody && own.escalate.given() {
		p.problem(own.escalate.node, "to: [] is nobody, and escalate tells somebody: leave one of them out")
	}
	if all.digest.given() && all.groupBy.given() {
		switch {
		case own.digest.said && own.groupBy.said:
			p.problem(own.digest.node, "digest and group_by do not go together: a digest is one message of all alerts, a group one of those that belong together; leave one out")
		case own.digest.said:
			p.problem(own.digest.node, "digest does not go with the group_by of a route around: write group_by: none beside it")
		case own.groupBy.said:
			p.problem(own.groupBy.node, "group_by does not go with the digest of a route around: write digest: none beside it")
		}
	}
	if own.active.said || own.mute.said {
		for _, w := range all.active.value {
			if slices.Contains(all.mute.value, w) {
				at := own.active.node
				if !own.active.said {
					at = own.mute.node
				}
				p.problem(at, "the window %s stands in active and in mute: nothing would ever go out in it; leave it out of one", w.Name)
			}
		}
	}
}

// useless reports settings that need another, where no route that has them has the other.
func (p *parser) useless(routes []*Route) {
	used := map[*yaml.Node]bool{}
	each(routes, func(r *Route) {
		s := &r.all
		if s.windowed() {
			used[s.outside.node] = true
		}
		if s.groupBy.given() {
			used[s.groupWait.node], used[s.groupInterval.node], used[s.repeatInterval.node] = true, true, true
		}
	})
	resolved := map[*yaml.Node]bool{}
	each(routes, func(r *Route) {
		if r.all.resolve.given() {
			resolved[r.all.repeatInterval.node] = true
		}
	})
	each(routes, func(r *Route) {
		if s := r.own.outside; s.given() && !used[s.node] {
			p.problem(s.node, "outside lacks its window: write active: or mute: beside it, with a name from windows:")
		}
		for _, g := range []struct {
			key string
			setting[time.Duration]
		}{{"group_wait", r.own.groupWait}, {"group_interval", r.own.groupInterval}, {"repeat_interval", r.own.repeatInterval}} {
			if g.given() && !used[g.node] {
				p.problem(g.node, "%s lacks its group: write group_by: beside it, as in group_by: [rule, agent]", g.key)
			}
		}
		if s := r.own.repeatInterval; s.given() && used[s.node] && !resolved[s.node] {
			p.warn(s.node, "repeat_interval does nothing without resolve: a group is told again while an incident is open, and nothing says what opens and closes one")
		}
	})
}

// each calls visit for routes and those in them.
func each(routes []*Route, visit func(*Route)) {
	for _, r := range routes {
		visit(r)
		each(r.Routes, visit)
	}
}
