package rules

import "slices"

// The functions in this file answer whether every alert that passes one test passes another. They are careful, not
// clever: "no" may only mean that they cannot tell.

// covers reports whether every alert that passes all of narrow passes some of wide.
func covers(wide []*Match, narrow []matcher) bool {
	left, _ := levelsOf(narrow)
	for _, w := range wide {
		if set, pure := levelsOf(flatten(w)); pure {
			left &^= set // routes by level alone may cover together what none covers alone
		}
	}
	return left == 0 || slices.ContainsFunc(wide, func(w *Match) bool { return implied(narrow, w) })
}

// implied reports whether every alert that passes all of narrow passes m.
func implied(narrow []matcher, m *Match) bool {
	for _, w := range flatten(m) {
		if !impliedOne(narrow, w) {
			return false
		}
	}
	return true
}

func impliedOne(narrow []matcher, w matcher) bool {
	if set, pure := levelsOf([]matcher{w}); pure {
		if levels, _ := levelsOf(narrow); levels&^set == 0 {
			return true
		}
	}
	if w, ok := w.(*anyMatcher); ok && covers(w.branches, narrow) {
		return true
	}
	return slices.ContainsFunc(narrow, func(n matcher) bool { return implies(n, w) })
}

// implies reports whether n alone implies w.
func implies(n, w matcher) bool {
	switch n := n.(type) {
	case *anyMatcher:
		return !slices.ContainsFunc(n.branches, func(b *Match) bool { return !impliedOne(flatten(b), w) })
	case *notMatcher:
		w, ok := w.(*notMatcher)
		return ok && implied(flatten(w.branch), n.branch)
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

func (n idRange) within(w idRange) bool {
	if n.numeric && w.numeric {
		return w.first <= n.first && n.last <= w.last
	}
	return n.numeric == w.numeric && n.text == w.text
}

func (n network) within(w network) bool {
	return (w.zone == "" || w.zone == n.zone) && w.prefix.Bits() <= n.prefix.Bits() && w.prefix.Contains(n.prefix.Addr())
}

func (n *pattern) within(w *pattern) bool {
	if n.regexp != nil || w.regexp != nil {
		return n.text == w.text
	}
	return subset(n.alternatives, w.alternatives, alternative.within)
}

func (n alternative) within(w alternative) bool {
	if (w.start && !n.start) || (w.end && !n.end) {
		return false
	}
	return w.matches(n.text)
}

// flatten lists the matchers that must all hold, with those of `all` in place of it.
func flatten(m *Match) []matcher {
	if m == nil {
		return nil
	}
	var all []matcher
	for _, e := range m.entries {
		if sub, ok := e.matcher.(*allMatcher); ok {
			for _, b := range sub.branches {
				all = append(all, flatten(b)...)
			}
			continue
		}
		all = append(all, e.matcher)
	}
	return all
}

// levelsOf returns a set that holds the level of every alert that passes all the matchers. If pure, they look at nothing
// but the level, and every alert with a level in the set passes them.
func levelsOf(all []matcher) (set levelSet, pure bool) {
	set, pure = everyLevel, true
	for _, m := range all {
		one, only := everyLevel, false
		switch m := m.(type) {
		case *levelMatcher:
			one, only = m.set, true
		case *anyMatcher:
			one, only = 0, true
			for _, b := range m.branches {
				s, p := levelsOf(flatten(b))
				one |= s
				only = only && p
			}
		case *notMatcher:
			if s, p := levelsOf(flatten(m.branch)); p {
				one, only = everyLevel&^s, true
			}
		}
		set &= one
		pure = pure && only
	}
	return set, pure
}
