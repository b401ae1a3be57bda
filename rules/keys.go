package rules

import (
	"slices"
	"strings"
)

// MatcherKeys are the matchers that take a text, but for field.<path>: what a command line can ask for.
func MatcherKeys() []string { return slices.Clone(matcherKeys) }

// LooksLikePattern reports whether a text is one that a matcher would take for a regular expression, or that was most likely meant to be one:
// ~^web-, ^(DE|AT)$. Where a value is wanted, it is hardly one.
func LooksLikePattern(text string) bool { return strings.HasPrefix(text, "~") || looksLikeRegexp(text) }
