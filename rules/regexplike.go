package rules

import (
	"regexp"
	"strings"
)

// notation is what only regular expressions have, and the texts of logs, paths and prose hardly ever: a wildcard that repeats (.*), a
// class that repeats or ranges ([0-9], [^ ]+), an escape that repeats (\d+), a group that repeats or is of a special kind ((?i), (…)*),
// and a dot that is escaped within a name (auth\.log).
var notation = regexp.MustCompile(`\.[*+]|\[\^?(?:\w-\w)+[^\]\s]*\]|\[\^|\][*+]|\]\{\d|\\[dDwWsSb][*+{]|\)[*+]|\)\{\d|\(\?[a-zA-Z:<]|\w\\\.\w`)

// windowsPath finds where a backslash divides a path: there none is an escape.
var windowsPath = regexp.MustCompile(`[A-Za-z]:\\|\\\\|\\[A-Za-z]\w+\\`)

// looksLikeRegexp reports whether a text was most likely meant to be a regular expression: ^(DE|AT)$. Brackets around words are not
// enough, for prose has them.
func looksLikeRegexp(text string) bool {
	if _, err := regexp.Compile(text); err != nil {
		return false
	}
	if m := notation.FindString(text); m != "" && !(strings.Contains(m, `\`) && windowsPath.MatchString(text)) {
		return true
	}
	if !strings.ContainsAny(text, "|^$") {
		return false
	}
	// A | that stands within brackets divides a group, and what OSSEC would take apart is no alternative of anything.
	depth := 0
	for _, r := range text {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
		case '|':
			if depth > 0 {
				return true
			}
		}
	}
	// One group from end to end: ^(sshd)$.
	return strings.HasPrefix(text, "^(") && strings.HasSuffix(text, ")$") && strings.Count(text, "(") == 1
}
