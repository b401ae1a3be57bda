package rules

import (
	"cmp"
	"net/netip"
	"slices"
)

// A region is what one field of an alert may still be, after some matchers of it were said to hold or not. It never leaves out
// a value that is possible; what it keeps is exact for all but texts. Regions are not changed; what narrows one makes another.
type region interface {
	// narrow is the region in which a matcher of the field holds, or does not. It is a fact that has no parts.
	narrow(m matcher, holds bool) region
	// empty reports whether nothing is left.
	empty() bool
	// size is what narrowing it costs, in steps.
	size() int
}

// fieldOf is the field that a matcher looks at: its key, level for severities, "" for one that combines others.
func fieldOf(m matcher) string {
	switch m := m.(type) {
	case *levelMatcher:
		return "level"
	case *ruleMatcher:
		return "rule"
	case *wordMatcher:
		return m.key
	case *addressMatcher:
		return m.key
	case *textMatcher:
		return m.key
	}
	return ""
}

// wholeRegion is all that the field of a matcher may be.
func wholeRegion(m matcher) region {
	switch m := m.(type) {
	case *levelMatcher:
		return everyLevel
	case *ruleMatcher:
		return idRegion{lacks: true, numbers: []run[uint64]{{0, 1<<64 - 1}}, texts: wordRegion{but: true}}
	case *wordMatcher:
		if m.many {
			return setRegion{}
		}
		return wordRegion{lacks: true, but: true}
	case *addressMatcher:
		return addressRegion{lacks: true, all: everyAddress()}
	case *textMatcher:
		return textRegion{}
	}
	return nil
}

// lackingRegion is a field that an alert lacks: no matcher of it holds. False is nothing.
type lackingRegion bool

func (r lackingRegion) narrow(_ matcher, holds bool) region { return r && lackingRegion(!holds) }
func (r lackingRegion) empty() bool                         { return !bool(r) }
func (r lackingRegion) size() int                           { return 1 }

// Levels.

func (s levelSet) narrow(m matcher, holds bool) region {
	if set := m.(*levelMatcher).set; holds {
		return s & set
	} else {
		return s &^ set
	}
}

func (s levelSet) empty() bool { return s == 0 }
func (s levelSet) size() int   { return 1 }

// wordRegion is one word: one of words, or with but any other.
type wordRegion struct {
	lacks bool // it may be missing
	words []string
	but   bool
}

func (r wordRegion) narrow(m matcher, holds bool) region {
	return r.only(m.(*wordMatcher).words, holds)
}

func (r wordRegion) only(words []string, holds bool) wordRegion {
	in := func(list []string, want bool) func(string) bool {
		return func(w string) bool { return slices.Contains(list, w) != want }
	}
	r.lacks = r.lacks && !holds
	switch {
	case !r.but: // of those that are left, the ones that are named, or are not
		r.words = slices.DeleteFunc(slices.Clone(r.words), in(words, holds))
	case holds:
		r.words, r.but = slices.DeleteFunc(slices.Clone(words), in(r.words, false)), false
	default:
		r.words = slices.Concat(r.words, words)
	}
	return r
}

func (r wordRegion) empty() bool { return !r.lacks && !r.but && len(r.words) == 0 }
func (r wordRegion) size() int   { return 1 + len(r.words) }

// setRegion is a set of words, such as the groups of a rule: those that it has, and those that it has not. Each is a question
// of its own.
type setRegion struct {
	has, not []string
	closed   bool // it has no others
	none     bool // a contradiction
}

func (r setRegion) narrow(m matcher, holds bool) region {
	words := m.(*wordMatcher).words
	switch {
	case holds: // one word: parts splits more
		r.none = r.none || r.closed && !slices.Contains(r.has, words[0])
		r.has = append(slices.Clip(r.has), words...)
	case !r.closed || slices.ContainsFunc(words, func(w string) bool { return slices.Contains(r.has, w) }):
		r.not = append(slices.Clip(r.not), words...)
	}
	r.none = r.none || slices.ContainsFunc(r.has, func(w string) bool { return slices.Contains(r.not, w) })
	return r
}

func (r setRegion) empty() bool { return r.none }
func (r setRegion) size() int   { return 1 + len(r.has) + len(r.not) }

// run is all values from first to last.
type run[T any] struct{ first, last T }

// axis is an order of values in which each has neighbours.
type axis[T any] struct {
	compare    func(a, b T) int
	next, prev func(T) T
}

var (
	numberAxis = axis[uint64]{cmp.Compare[uint64], func(n uint64) uint64 { return n + 1 }, func(n uint64) uint64 { return n - 1 }}
	// addressAxis has all addresses of IPv4 before those of IPv6. No run holds both.
	addressAxis = axis[netip.Addr]{netip.Addr.Compare, netip.Addr.Next, netip.Addr.Prev}
)

// without takes runs out of others. Those that are left do not overlap where the first ones do not.
func (x axis[T]) without(from, out []run[T]) []run[T] {
	left := from
	for _, o := range out {
		var rest []run[T]
		for _, r := range left {
			if x.compare(o.last, r.first) < 0 || x.compare(r.last, o.first) < 0 {
				rest = append(rest, r)
				continue
			}
			if x.compare(r.first, o.first) < 0 {
				rest = append(rest, run[T]{r.first, x.prev(o.first)})
			}
			if x.compare(o.last, r.last) < 0 {
				rest = append(rest, run[T]{x.next(o.last), r.last})
			}
		}
		left = rest
	}
	return left
}

// narrow keeps what is in some runs, or what is in none of them.
func (x axis[T]) narrow(from, by []run[T], holds bool) []run[T] {
	out := x.without(from, by)
	if holds {
		return x.without(from, out)
	}
	return out
}

// idRegion is the id of a rule: a number, or a text that is none.
type idRegion struct {
	lacks   bool
	numbers []run[uint64]
	texts   wordRegion
}

func (r idRegion) narrow(m matcher, holds bool) region {
	var numbers []run[uint64]
	var texts []string
	for _, id := range m.(*ruleMatcher).ids {
		if id.numeric {
			numbers = append(numbers, run[uint64]{id.first, id.last})
		} else {
			texts = append(texts, id.text)
		}
	}
	return idRegion{r.lacks && !holds, numberAxis.narrow(r.numbers, numbers, holds), r.texts.only(texts, holds)}
}

func (r idRegion) empty() bool { return !r.lacks && len(r.numbers) == 0 && r.texts.empty() }
func (r idRegion) size() int   { return 1 + len(r.numbers) + r.texts.size() }

// addressRegion is an address. Zones count only where a matcher names one: zones has what is left in each of those, all what is
// left without a zone and in every other.
type addressRegion struct {
	lacks bool // there may be none, or what is no address
	all   []run[netip.Addr]
	zones map[string][]run[netip.Addr]
}

// everyAddress leaves out those of IPv4 inside IPv6, which are read as IPv4.
func everyAddress() []run[netip.Addr] {
	whole := func(prefix string) run[netip.Addr] { return runOf(netip.MustParsePrefix(prefix)) }
	return addressAxis.without([]run[netip.Addr]{whole("0.0.0.0/0"), whole("::/0")}, []run[netip.Addr]{whole("::ffff:0:0/96")})
}

// runOf is a network from its first address to its last.
func runOf(p netip.Prefix) run[netip.Addr] {
	first := p.Masked().Addr()
	b, skip := first.As16(), 128-first.BitLen()
	for i := skip + p.Bits(); i < 128; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	last := netip.AddrFrom16(b)
	if first.Is4() {
		last = last.Unmap()
	}
	return run[netip.Addr]{first, last}
}

func (r addressRegion) narrow(m matcher, holds bool) region {
	networks := m.(*addressMatcher).networks
	zones := map[string][]run[netip.Addr]{}
	for zone, left := range r.zones {
		zones[zone] = left
	}
	for _, n := range networks {
		if _, known := zones[n.zone]; !known && n.zone != "" {
			for _, left := range r.all {
				if left.first.Is6() { // those of IPv4 have none
					zones[n.zone] = append(zones[n.zone], left)
				}
			}
		}
	}
	in := func(zone string) (runs []run[netip.Addr]) {
		for _, n := range networks {
			if n.zone == "" || n.zone == zone {
				runs = append(runs, runOf(n.prefix))
			}
		}
		return runs
	}
	for zone, left := range zones {
		zones[zone] = addressAxis.narrow(left, in(zone), holds)
	}
	return addressRegion{r.lacks && !holds, addressAxis.narrow(r.all, in(""), holds), zones}
}

func (r addressRegion) empty() bool {
	for _, left := range r.zones {
		if len(left) > 0 {
			return false
		}
	}
	return !r.lacks && len(r.all) == 0
}

func (r addressRegion) size() int {
	n := 1 + len(r.all)
	for _, left := range r.zones {
		n += len(left)
	}
	return n
}

// textRegion is a text, or several: what it matches, and what it does not. It finds only contradictions between two of these.
type textRegion struct {
	is, not        []literal
	closed         bool // it matches nothing else than what follows from is
	present, lacks bool
	contradicts    bool
}

// literal is a part of a pattern that matches or does not: an alternative, or a whole regular expression.
type literal struct {
	alternative
	regexp *pattern // else nil
}

func (p *pattern) literals() (all []literal) {
	if p.regexp != nil {
		return []literal{{regexp: p}}
	}
	for _, a := range p.alternatives {
		all = append(all, literal{alternative: a})
	}
	return all
}

func literals(patterns []*pattern) (all []literal) {
	for _, p := range patterns {
		all = append(all, p.literals()...)
	}
	return all
}

// pattern is the literal by itself.
func (l literal) pattern() *pattern {
	if l.regexp != nil {
		return l.regexp
	}
	return &pattern{alternatives: []alternative{l.alternative}}
}

// within reports whether each text that matches l matches wide. For regular expressions it knows only that they match themselves.
func (l literal) within(wide literal) bool {
	if l.regexp != nil || wide.regexp != nil {
		return l.regexp != nil && wide.regexp != nil && l.regexp.text == wide.regexp.text
	}
	return l.alternative.within(wide.alternative)
}

// apart reports whether no text matches both.
func (l literal) apart(o literal) bool {
	if l.regexp != nil || o.regexp != nil {
		return false
	}
	a, b := l.alternative, o.alternative
	prefix := func(a, b string) bool { _, ok := cutPrefixFold(a, b); return ok }
	switch {
	case a.start && a.end:
		return !b.matches(a.text)
	case b.start && b.end:
		return !a.matches(b.text)
	case a.start && b.start && !prefix(a.text, b.text) && !prefix(b.text, a.text):
		return true
	case a.end && b.end && !hasSuffixFold(a.text, b.text) && !hasSuffixFold(b.text, a.text):
		return true
	}
	return false
}

func (r textRegion) narrow(m matcher, holds bool) region {
	t := m.(*textMatcher)
	all := literals(t.patterns)
	switch {
	case holds && !t.negated: // one literal: parts splits more
		for _, l := range all {
			r.contradicts = r.contradicts || slices.ContainsFunc(r.not, l.within) || t.one != nil && slices.ContainsFunc(r.is, l.apart) ||
				r.closed && !slices.ContainsFunc(r.is, func(is literal) bool { return is.within(l) })
		}
		r.is, r.present = append(slices.Clip(r.is), all...), true
	case holds || !t.negated: // it matches none; with a ! there must be a text
		for _, l := range all {
			r.contradicts = r.contradicts || slices.ContainsFunc(r.is, func(is literal) bool { return is.within(l) })
		}
		if r.present = r.present || holds; !r.closed {
			r.not = append(slices.Clip(r.not), all...)
		}
	default: // a ! does not hold, of no literal: parts takes these apart
		r.lacks = true
	}
	return r
}

func (r textRegion) empty() bool { return r.contradicts || r.present && r.lacks }
func (r textRegion) size() int   { return 1 + len(r.is) + len(r.not) }

func (a alternative) within(wide alternative) bool {
	if (wide.start && !a.start) || (wide.end && !a.end) {
		return false
	}
	return wide.matches(a.text)
}
