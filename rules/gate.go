package rules

import (
	"slices"
	"strings"
	"sync"

	"github.com/ossec-notify/ossec-notify/alert"
)

// Gate tells, of an alert's text and without decoding it, whether routes may have anything to do with it. It is made of the
// tables of one config or of several, and may be used by many at once.
//
// It asks the matchers themselves, of an alert that has the fields which decide and no others. What a matcher would say of a
// field that is not known is not known either, and what is not known passes.
type Gate struct {
	tables []*gateTable
	lens   *alert.Lens
	// hopeless has a bit for each level, by levelBit, with which no alert can pass, whatever else it says.
	hopeless levelSet
	lastKeys []alert.LastKey // of the paths of the lens
	looks    sync.Pool       // of *look
}

// NewGate makes the gate of tables: what passes is what one of them may want.
func NewGate(tables ...*Table) *Gate {
	g := &Gate{}
	b := gateBuilder{paths: map[string]int{}}
	for _, t := range tables {
		g.tables = append(g.tables, b.table(t))
	}
	g.lens = alert.NewLens(b.fields|alert.FieldLevel, b.order...)
	for _, path := range b.order {
		g.lastKeys = append(g.lastKeys, alert.NewLastKey(path))
	}
	g.looks.New = func() any { return new(look) }
	for level := -1; level <= maxLevel; level++ {
		l := look{alert: &alert.Alert{Rule: alert.Rule{Level: level}}, known: alert.FieldLevel}
		if !g.wants(&l) {
			g.hopeless |= levelBit(level)
		}
	}
	return g
}

// Pass reports whether the alert of a text may be wanted. It is false only where, by every table, the alert goes to nobody and
// no route sends it there on purpose ([Table.Choose] and [Table.Nobody]), it closes no incident ([Table.Pairs]), and holds no
// other back ([Table.Inhibit]). What it does not know its way in passes. It keeps nothing of the text, and allocates nothing
// for what does not pass.
func (g *Gate) Pass(text []byte) bool {
	known, level := alert.Fields(0), -1
	if g.hopeless != 0 {
		if n, ok := alert.QuickLevel(text); ok {
			if g.hopeless&levelBit(n) != 0 {
				return false
			}
			known, level = alert.FieldLevel, n
		}
	}
	l := g.looks.Get().(*look)
	passes := g.wantsOfLittle(l, known, level, text) && g.wantsOfAll(l, text)
	g.looks.Put(l)
	return passes
}

// wantsOfLittle is wants, by what is known of an alert without looking at its structure: which keys it has not, and perhaps the
// level.
func (g *Gate) wantsOfLittle(l *look, known alert.Fields, level int, text []byte) bool {
	l.absent = l.absent[:0]
	if len(g.lastKeys) == 0 || !alert.BeginsWithLevel(text) {
		return true
	}
	if l.pause > 0 { // most alerts have all of the keys
		l.pause--
		return true
	}
	some := false
	for _, k := range g.lastKeys {
		absent := k.AbsentFrom(text)
		l.absent = append(l.absent, absent)
		some = some || absent
	}
	if !some {
		if l.inVain++; l.inVain == giveUpAfter {
			l.inVain, l.pause = 0, pauseFor
		}
		return true
	}
	l.inVain = 0
	l.few.Rule.Level = level
	l.alert, l.known = &l.few, known
	return g.wants(l)
}

// wantsOfAll is wants, by all that decides.
func (g *Gate) wantsOfAll(l *look, text []byte) bool {
	if !l.glance.Look(g.lens, text) {
		return true
	}
	l.alert, l.known = &l.glance.Alert, everyField
	return g.wants(l)
}

// look is a look at an alert of which something is known.
type look struct {
	glance alert.Glance
	few    alert.Alert // of which but the level is known
	absent []bool      // what certainly has no value, by the paths of the lens
	// How often in a row nothing was found to be absent, and for how many alerts it is not looked for any more.
	inVain, pause int

	alert *alert.Alert
	known alert.Fields
}

const (
	giveUpAfter = 16
	pauseFor    = 500
)

const (
	everyField = ^noField
	// noField is what the matcher of a key needs that the gate does not know: then nobody knows what it would say.
	noField alert.Fields = 1 << 31
)

// answer is what can be said without knowing everything.
type answer uint8

const (
	never answer = iota
	perhaps
	surely
)

func answerOf(held bool) answer {
	if held {
		return surely
	}
	return never
}

func (a answer) not() answer { return surely - a }

// gateTable is what a table wants of alerts.
type gateTable struct {
	always, byDefault bool // somebody is told
	routes            []gateRoute
	others            []gateMatch // of what is seen whatever the routes say
}

// gateRoute is a route.
type gateRoute struct {
	match    gateMatch
	counts   bool // if it decides, somebody is told, or nobody on purpose
	goesOn   bool
	children []gateRoute
}

// gateMatch is a match: all of it must hold.
type gateMatch []gateMatcher

// gateMatcher is one matcher of a match, with what must be known for it.
type gateMatcher struct {
	matcher
	needs alert.Fields
	path  int // of field.<path>, in the lens; -1 for others
	// The branches of any, all and not.
	combines string
	branches []gateMatch
}

// wants reports whether somebody may want the alert.
func (g *Gate) wants(l *look) bool {
	return slices.ContainsFunc(g.tables, func(t *gateTable) bool { return t.wants(l) })
}

func (t *gateTable) wants(l *look) bool {
	if t.always {
		return true
	}
	for _, m := range t.others {
		if m.holds(l) != never {
			return true
		}
	}
	matched, counts := try(t.routes, l)
	return counts || matched != surely && t.byDefault
}

// try is the walk of [Table.Choose] through routes that are tried in order: whether any matched, and whether one may count that
// decides.
func try(routes []gateRoute, l *look) (matched answer, counts bool) {
	for i := range routes {
		r := &routes[i]
		held := r.match.holds(l)
		if held == never {
			continue
		}
		below, counts := try(r.children, l)
		if counts || below != surely && r.counts {
			return perhaps, true
		}
		matched = max(matched, held)
		if held == surely && !r.goesOn {
			break
		}
	}
	return matched, false
}

func (m gateMatch) holds(l *look) answer {
	all := surely
	for i := range m {
		if all = min(all, m[i].holds(l)); all == never {
			break
		}
	}
	return all
}

func (m *gateMatcher) holds(l *look) answer {
	switch m.combines {
	case "any":
		some := never
		for _, b := range m.branches {
			if some = max(some, b.holds(l)); some == surely {
				break
			}
		}
		return some
	case "all":
		all := surely
		for _, b := range m.branches {
			if all = min(all, b.holds(l)); all == never {
				break
			}
		}
		return all
	case "not":
		return m.branches[0].holds(l).not()
	}
	if m.path >= 0 {
		return m.ofPath(l)
	}
	if l.known&m.needs != m.needs {
		return perhaps
	}
	return answerOf(m.matcher.holds(l.alert))
}

func (m *gateMatcher) ofPath(l *look) answer {
	texts := m.matcher.(*textMatcher)
	if m.path < len(l.absent) && l.absent[m.path] {
		return answerOf(texts.of(nil))
	}
	if l.known != everyField {
		return perhaps
	}
	values, ok := l.glance.Lookup(m.path)
	if !ok {
		return perhaps
	}
	return answerOf(texts.of(values))
}

// cost says which matchers are asked before others.
func (m *gateMatcher) cost() int {
	switch {
	case m.needs == alert.FieldLevel:
		return 0
	case m.combines != "" || m.needs == alert.FieldLog:
		return 2
	}
	return 1
}

// gateBuilder makes gateTables, and notes what they look at.
type gateBuilder struct {
	added  []string // of the table
	fields alert.Fields
	paths  map[string]int // their numbers in the lens
	order  []string
}

func (b *gateBuilder) table(t *Table) *gateTable {
	b.added = t.Added
	out := &gateTable{always: len(t.Always) > 0, byDefault: len(t.Default) > 0, routes: b.routes(t.Routes, nil)}
	for _, p := range t.Pairs() {
		out.others = append(out.others, b.match(p.Closes))
	}
	for _, in := range t.Inhibit {
		out.others = append(out.others, b.match(in.Source))
	}
	return out
}

func (b *gateBuilder) routes(routes []*Route, parent *position) []gateRoute {
	var out []gateRoute
	for i, r := range routes {
		at := &position{r, i, parent}
		from := at.receivers()
		out = append(out, gateRoute{
			match:    b.match(r.Match),
			counts:   len(from.To) > 0 || from.Nobody || r.Policy != nil && len(r.Policy.Escalate) > 0,
			goesOn:   r.Continue,
			children: b.routes(r.Routes, at),
		})
	}
	return out
}

func (b *gateBuilder) match(m *Match) gateMatch {
	if m == nil {
		return nil
	}
	out := make(gateMatch, len(m.entries))
	for i, e := range m.entries {
		out[i] = b.matcher(&e)
	}
	// What costs least is asked first.
	slices.SortStableFunc(out, func(x, y gateMatcher) int { return x.cost() - y.cost() })
	return out
}

func (b *gateBuilder) matcher(e *entry) gateMatcher {
	out := gateMatcher{matcher: e.matcher, path: -1}
	branches := func(of ...*Match) {
		out.combines = e.key
		for _, m := range of {
			out.branches = append(out.branches, b.match(m))
		}
	}
	switch m := e.matcher.(type) {
	case *anyMatcher:
		branches(m.branches...)
		return out
	case *allMatcher:
		branches(m.branches...)
		return out
	case *notMatcher:
		branches(m.branch)
		return out
	}
	if path, ok := strings.CutPrefix(e.key, fieldPrefix); ok {
		if isAdded(e.key, b.added) {
			out.needs = noField
			return out
		}
		n, ok := b.paths[path]
		if !ok {
			n = len(b.order)
			b.paths[path] = n
			b.order = append(b.order, path)
		}
		out.path = n
		return out
	}
	out.needs = needs(e.key)
	b.fields |= out.needs
	return out
}

// needs are the fields that the matcher of a key looks at.
func needs(key string) alert.Fields {
	switch key {
	case "level", "severity":
		return alert.FieldLevel
	case "rule":
		return alert.FieldRule
	case "group":
		return alert.FieldGroups
	case "mitre":
		return alert.FieldMITRE
	case "srcip":
		return alert.FieldSource
	case "dstip":
		return alert.FieldDestination
	case "agent_id":
		return alert.FieldAgentID
	case "agent", "agent_ip", "host", "location":
		return alert.FieldPlace
	case "program":
		return alert.FieldProgram
	case "decoder":
		return alert.FieldDecoder
	case "user":
		return alert.FieldUser
	case "log":
		return alert.FieldLog
	case "manager":
		return alert.FieldManager
	}
	return noField
}
