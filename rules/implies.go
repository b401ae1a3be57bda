package rules

import (
	"maps"
	"slices"
)

// prover answers whether there can be an alert that passes some tests and fails others. It searches for one: what single matchers
// say of a field narrows the region in which that field lies, and where several things would do, it tries one after the other.
// It says no only where no alert is left.
//
// It is complete, so that it finds every such case, for tests made of level, severity, rule, agent_id, group, mitre, srcip, dstip and
// agent_ip in any combination of any, all and not, as long as its steps last. Texts (location, log, field.<path>, …) it compares two
// at a time: it knows that one text holds another, and that anchored ones exclude each other, but not what three do together; a regular
// expression is only equal to itself. It takes fields for independent of one another, which host and location are not; level and severity
// are one field to it.
//
// A search can take for ever; it stops after a number of steps, and then there may be such an alert.
type prover struct{ steps int }

// maxSteps is for a whole config, maxSearch for one search. They are enough to compare some hundred routes with one another, and done
// in some tenths of a second. maxGuess is for a first look.
const (
	maxSteps  = 2_000_000
	maxSearch = 50_000
	maxGuess  = 15_000
)

// covers reports whether every alert that passes all of narrow passes some of wide.
func (p *prover) covers(wide []*Match, narrow []matcher) bool {
	passes, fails := make([]fact, len(narrow)), make([]fact, len(wide))
	for i, m := range narrow {
		passes[i] = fact{m, true}
	}
	for i, w := range wide {
		fails[i] = fact{&allMatcher{[]*Match{w}}, false}
	}
	s := search{steps: min(p.steps, maxSearch)}
	had := s.steps
	possible := s.guess(passes, fails) || s.possible(regions{}, slices.Concat(passes, fails), nil)
	p.steps -= had - s.steps
	return !possible && s.steps > 0
}

// disjoint reports whether no alert passes all of both.
func (p *prover) disjoint(a, b []matcher) bool { return p.covers(nil, slices.Concat(a, b)) }

// flatten lists the matchers that must all hold, with those of `all` in place of it.
func (p *prover) flatten(m *Match) []matcher {
	if m == nil {
		return nil
	}
	var all []matcher
	for _, e := range m.entries {
		p.steps--
		if sub, ok := e.matcher.(*allMatcher); ok {
			for _, b := range sub.branches {
				all = append(all, p.flatten(b)...)
			}
			continue
		}
		all = append(all, e.matcher)
	}
	return all
}

// fact is a matcher that holds, or does not.
type fact struct {
	matcher
	so bool
}

func (f fact) opposite() fact { return fact{f.matcher, !f.so} }

// parts takes a fact apart: into facts all of which are so, or with or one of which is. One that looks at a single field and is no
// choice has no parts, and single is true.
func (f fact) parts() (parts []fact, or, single bool) {
	each := func(branches []*Match) {
		for _, b := range branches {
			parts = append(parts, fact{&allMatcher{[]*Match{b}}, f.so})
		}
	}
	switch m := f.matcher.(type) {
	case *anyMatcher:
		each(m.branches)
		return parts, f.so, false
	case *allMatcher:
		if len(m.branches) > 1 {
			each(m.branches)
			return parts, !f.so, false
		}
		for _, b := range m.branches {
			if b != nil {
				for _, e := range b.entries {
					parts = append(parts, fact{e.matcher, f.so})
				}
			}
		}
		return parts, !f.so, false
	case *notMatcher:
		return []fact{{&allMatcher{[]*Match{m.branch}}, !f.so}}, false, false
	case *wordMatcher:
		if m.many && f.so && len(m.words) > 1 {
			for _, w := range m.words {
				parts = append(parts, fact{&wordMatcher{m.property, []string{w}}, true})
			}
			return parts, true, false
		}
	case *textMatcher:
		if all := literals(m.patterns); f.so != m.negated && (len(all) > 1 || m.negated && len(all) > 0) {
			if m.negated { // it lacks the text, or
				parts = append(parts, fact{&textMatcher{field: m.field, negated: true}, false})
			}
			for _, l := range all {
				parts = append(parts, fact{&textMatcher{field: m.field, patterns: []*pattern{l.pattern()}}, true})
			}
			return parts, true, false
		}
	}
	return nil, false, true
}

// regions are those of the fields that something was said of.
type regions map[string]region

// with is the region of a single fact's field when it is so.
func (r regions) with(f fact) region {
	was, ok := r[fieldOf(f.matcher)]
	if !ok {
		was = wholeRegion(f.matcher)
	}
	return was.narrow(f.matcher, f.so)
}

// choice is facts of which one is so, and the fields that they look at.
type choice struct {
	options []fact
	fields  []string
}

func newChoice(options []fact) choice {
	c := choice{options: options}
	for _, f := range options {
		c.fields = f.fields(c.fields)
	}
	return c
}

// fields adds the fields that a fact looks at to some.
func (f fact) fields(to []string) []string {
	parts, _, single := f.parts()
	if field := fieldOf(f.matcher); single && !slices.Contains(to, field) {
		to = append(to, field)
	}
	for _, part := range parts {
		to = part.fields(to)
	}
	return to
}

// search is one search for an alert.
type search struct{ steps int }

func (s *search) step(n int) bool {
	s.steps -= n
	return s.steps > 0
}

// guess looks for an alert that passes and fails what it has to, among a few: those that lack all fields which do not count for what
// it passes, and whose texts and groups are no more than they have to be. Most routes are reached by such a one, however many there
// are before them. False says nothing.
func (s *search) guess(passes, fails []fact) bool {
	quick := search{steps: min(s.steps, maxGuess)}
	had := quick.steps
	found := quick.guessIn(regions{}, passes, nil, fails)
	s.steps -= had - max(quick.steps, 0)
	return found && quick.steps > 0
}

// guessIn tries one option of each choice that is left after the other.
func (s *search) guessIn(at regions, passes []fact, choices []choice, fails []fact) bool {
	all := map[string]bool{"": true}
	for len(passes) > 0 {
		var ok bool
		if choices, ok = s.take(at, passes, slices.Clip(choices), nil); !ok {
			return false
		}
		if passes, choices, ok = s.simplify(at, choices, all); !ok {
			return false
		}
	}
	if s.steps <= 0 {
		return false
	}
	if len(choices) > 0 {
		return slices.ContainsFunc(choices[0].options, func(option fact) bool {
			return s.guessIn(maps.Clone(at), []fact{option}, choices[1:], fails)
		})
	}
	for field, r := range at {
		switch r := r.(type) {
		case textRegion:
			r.closed, r.not = true, nil
			at[field] = r
		case setRegion:
			r.closed = true
			at[field] = r
		}
	}
	var fields []string
	for _, f := range fails {
		fields = f.fields(fields)
	}
	for _, field := range fields {
		if _, known := at[field]; !known {
			at[field] = lackingRegion(true)
		}
	}
	return s.possible(at, fails, nil)
}

// possible reports whether there may be an alert in the regions that has all the facts, and of each choice one option. It changes the
// regions. It is true when the steps are used up.
func (s *search) possible(at regions, facts []fact, choices []choice) bool {
	changed := map[string]bool{"": true} // fields; all at first
	choices = slices.Clip(choices)
	for {
		var ok bool
		if choices, ok = s.take(at, facts, choices, changed); !ok {
			return false
		}
		if facts, choices, ok = s.simplify(at, choices, changed); !ok {
			return false
		}
		clear(changed)
		if len(facts) > 0 {
			continue
		}
		if len(choices) == 0 || s.steps <= 0 {
			return true
		}
		// The choice with the fewest options is the best to begin with. Behind an option, those before it are not so.
		best := 0
		for i, c := range choices {
			if len(c.options) < len(choices[best].options) {
				best = i
			}
		}
		rest := slices.Delete(slices.Clone(choices), best, best+1)
		var not []fact
		for _, option := range choices[best].options {
			if s.possible(maps.Clone(at), append(slices.Clone(not), option), rest) {
				return true
			}
			not = append(not, option.opposite())
		}
		return false
	}
}

// take narrows the regions by facts, and adds the choices that they leave. It notes which fields it changed, and is false where there
// is no alert any more.
func (s *search) take(at regions, facts []fact, choices []choice, changed map[string]bool) ([]choice, bool) {
	facts = slices.Clone(facts)
	for len(facts) > 0 {
		f := facts[len(facts)-1]
		facts = facts[:len(facts)-1]
		parts, or, single := f.parts()
		if !s.step(1 + len(parts)) {
			return choices, true
		}
		switch {
		case single:
			r := at.with(f)
			s.step(r.size())
			if r.empty() {
				return nil, false
			}
			field := fieldOf(f.matcher)
			at[field] = r
			if changed != nil {
				changed[field] = true
			}
		case or:
			choices = append(choices, newChoice(parts))
			if changed != nil {
				changed[""] = true
			}
		default:
			facts = append(facts, parts...)
		}
	}
	return choices, true
}

// simplify leaves out the options that the regions exclude, and the choices of which one option is so anyway. What is no choice any
// more becomes a fact. It is false where a choice has no option left. Only changed fields can have excluded more than before.
func (s *search) simplify(at regions, choices []choice, changed map[string]bool) (facts []fact, left []choice, ok bool) {
	touched := func(field string) bool { return changed[field] }
	for _, c := range choices {
		if !changed[""] && !slices.ContainsFunc(c.fields, touched) {
			left = append(left, c)
			continue
		}
		options, made := c.options[:0:0], false
		for _, option := range c.options {
			if s.refuted(at, option) {
				continue
			}
			if made = s.refuted(at, option.opposite()); made {
				break
			}
			options = append(options, option)
		}
		switch {
		case made:
		case len(options) == 0:
			return nil, nil, false
		case len(options) == 1:
			facts = append(facts, options[0])
		default:
			left = append(left, choice{options, c.fields})
		}
	}
	return facts, left, true
}

// refuted reports whether the regions exclude a fact. It looks no further than that.
func (s *search) refuted(at regions, f fact) bool {
	parts, or, single := f.parts()
	if !s.step(1 + len(parts)) {
		return false
	}
	switch {
	case single:
		r := at.with(f)
		s.step(r.size())
		return r.empty()
	case or:
		for _, part := range parts {
			if !s.refuted(at, part) {
				return false
			}
		}
		return true
	default:
		return slices.ContainsFunc(parts, func(part fact) bool { return s.refuted(at, part) })
	}
}
