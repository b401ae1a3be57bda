package rules

import "slices"

// prover answers whether every alert that passes one test passes another. It is careful, not clever: "no" may only
// mean that it cannot tell. Tests can be nested so that an answer takes for ever; it stops after a number of steps
// and says "no" from then on.
type prover struct{ steps int }

// maxSteps is enough to compare some hundred routes with one another, and done in some hundredths of a second.
const maxSteps = 1_000_000

// step counts down and reports whether there is time for n more steps.
func (p *prover) step(n int) bool {
	p.steps -= n
	return p.steps > 0
}

// covers reports whether every alert that passes all of narrow passes some of wide.
func (p *prover) covers(wide []*Match, narrow []matcher) bool {
	left, _ := p.levels(narrow)
	for _, w := range wide {
		if set, pure := p.levels(p.flatten(w)); pure {
			left &^= set // matches of the level alone may cover together what none covers alone
		}
	}
	return left == 0 || slices.ContainsFunc(wide, func(w *Match) bool { return p.implied(narrow, w) })
}

// implied reports whether every alert that passes all of narrow passes m.
func (p *prover) implied(narrow []matcher, m *Match) bool {
	for _, w := range p.flatten(m) {
		if !p.impliedOne(narrow, w) {
			return false
		}
	}
	return p.step(1)
}

func (p *prover) impliedOne(narrow []matcher, w matcher) bool {
	if !p.step(len(narrow)) {
		return false
	}
	if set, pure := p.levels([]matcher{w}); pure {
		if levels, _ := p.levels(narrow); levels&^set == 0 {
			return true
		}
	}
	if w, ok := w.(*anyMatcher); ok && p.covers(w.branches, narrow) {
		return true
	}
	return slices.ContainsFunc(narrow, func(n matcher) bool { return p.implies(n, w) })
}

// implies reports whether n alone implies w.
func (p *prover) implies(n, w matcher) bool {
	switch n := n.(type) {
	case *anyMatcher:
		return !slices.ContainsFunc(n.branches, func(b *Match) bool { return !p.impliedOne(p.flatten(b), w) })
	case *notMatcher:
		w, ok := w.(*notMatcher)
		return ok && p.implied(p.flatten(w.branch), n.branch)
	case *ruleMatcher:
		w, ok := w.(*ruleMatcher)
		return ok && subset(n.ids, w.ids, idRange.within)
	case *wordMatcher:
		w, ok := w.(*wordMatcher)
		return ok && n.key == w.key && subset(n.words, w.words, func(n, w string) bool { return n == w })
	case *addressMatcher:
		w, ok := w.(*addressMatcher)
		return ok && n.key == w.key && subset(n.networks, w.networks, network.within)
	case *textMatcher:
		w, ok := w.(*textMatcher)
		if !ok || n.key != w.key || n.negated != w.negated {
			return false
		}
		if n.negated {
			return subset(w.patterns, n.patterns, (*pattern).within)
		}
		return subset(n.patterns, w.patterns, (*pattern).within)
	}
	return false
}

// subset reports whether each of narrow lies within one of wide.
func subset[T any](narrow, wide []T, within func(n, w T) bool) bool {
	for _, n := range narrow {
		if !slices.ContainsFunc(wide, func(w T) bool { return within(n, w) }) {
			return false
		}
	}
	return true
}

func (r idRange) within(wide idRange) bool {
	if r.numeric && wide.numeric {
		return wide.first <= r.first && r.last <= wide.last
	}
	return r.numeric == wide.numeric && r.text == wide.text
}

func (n network) within(wide network) bool {
	return (wide.zone == "" || wide.zone == n.zone) && wide.prefix.Bits() <= n.prefix.Bits() && wide.prefix.Contains(n.prefix.Addr())
}

func (p *pattern) within(wide *pattern) bool {
	if p.regexp != nil || wide.regexp != nil {
		return p.text == wide.text
	}
	return subset(p.alternatives, wide.alternatives, alternative.within)
}

func (a alternative) within(wide alternative) bool {
	if (wide.start && !a.start) || (wide.end && !a.end) {
		return false
	}
	return wide.matches(a.text)
}

// flatten lists the matchers that must all hold, with those of `all` in place of it.
func (p *prover) flatten(m *Match) []matcher {
	if m == nil {
		return nil
	}
	var all []matcher
	for _, e := range m.entries {
		p.step(1)
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

// levels returns a set that holds the level of every alert that passes all the matchers. If pure, they look at nothing
// but the level, and every alert with a level in the set passes them.
func (p *prover) levels(all []matcher) (set levelSet, pure bool) {
	set, pure = everyLevel, true
	for _, m := range all {
		if !p.step(1) {
			return everyLevel, false
		}
		one, only := everyLevel, false
		switch m := m.(type) {
		case *levelMatcher:
			one, only = m.set, true
		case *anyMatcher:
			one, only = 0, true
			for _, b := range m.branches {
				s, o := p.levels(p.flatten(b))
				one |= s
				only = only && o
			}
		case *notMatcher:
			if s, o := p.levels(p.flatten(m.branch)); o {
				one, only = everyLevel&^s, true
			}
		}
		set &= one
		pure = pure && only
	}
	return set, pure
}
