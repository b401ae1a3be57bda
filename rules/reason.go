package rules

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Alert text in reasons may have been written by an attacker: it is quoted, which makes control and other invisible
// characters visible, and bounded.

const (
	maxShown  = 80 // characters of one value
	maxListed = 4  // values of one list
)

func quote(s string) string {
	const ellipsis = "…"
	for i, n := 0, 0; i < len(s); n++ {
		if n == maxShown {
			return strconv.Quote(s[:i]) + ellipsis
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		i += size
	}
	return strconv.Quote(s)
}

func quoteAll(all []string) string { return few(all, quote) }

// few writes the first items of a list, and how many there are beside.
func few(all []string, text func(string) string) string {
	more := ""
	if n := len(all) - maxListed; n > 0 {
		all, more = all[:maxListed], " and "+strconv.Itoa(n)+" more"
	}
	return list(all, text) + more
}

// list writes items one behind the other.
func list[T any](items []T, text func(T) string) string {
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = text(item)
	}
	return strings.Join(texts, ", ")
}

// shown leaves the quotation marks away where a value is a plain word: a rule id, an address.
func shown(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '"' {
			return quote(s)
		}
	}
	if len(s) > maxShown {
		return quote(s)
	}
	return s
}

// negated turns "is in" into "is not in".
func negated(verb string) string { return strings.Replace(verb, "is", "is not", 1) }
