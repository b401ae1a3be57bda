package rules

import "slices"

// MatcherKeys are the matchers that take a text, but for field.<path>: what a command line can ask for.
func MatcherKeys() []string { return slices.Clone(matcherKeys) }
