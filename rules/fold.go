package rules

import (
	"unicode"
	"unicode/utf8"
)

// The functions in this file compare text without regard to case and without copying it: letters of one folding
// orbit (k, K and the Kelvin sign) are equal. ASCII, which is nearly all there is, takes the short way.

// containsFold reports whether s holds sub.
func containsFold(s, sub string) bool {
	if sub == "" {
		return true
	}
	first := lower(sub[0])
	for i := 0; i < len(s); {
		c, size := s[i], 1
		if c >= utf8.RuneSelf {
			_, size = utf8.DecodeRuneInString(s[i:])
		}
		// Most places are passed by here. Beyond ASCII, a letter may equal one of another length.
		if lower(c) == first || c >= utf8.RuneSelf || first >= utf8.RuneSelf {
			if _, ok := cutPrefixFold(s[i:], sub); ok {
				return true
			}
		}
		i += size
	}
	return false
}

// cutPrefixFold returns what follows prefix in s.
func cutPrefixFold(s, prefix string) (rest string, ok bool) {
	for prefix != "" {
		if s == "" {
			return "", false
		}
		a, b := s[0], prefix[0]
		if a < utf8.RuneSelf && b < utf8.RuneSelf {
			if a != b && lower(a) != lower(b) {
				return "", false
			}
			s, prefix = s[1:], prefix[1:]
			continue
		}
		r, n := utf8.DecodeRuneInString(s)
		q, m := utf8.DecodeRuneInString(prefix)
		if !equalRuneFold(r, q) {
			return "", false
		}
		s, prefix = s[n:], prefix[m:]
	}
	return s, true
}

// hasSuffixFold reports whether s ends with suffix. Equal letters may differ in length, so it walks back letter
// by letter rather than cutting at a byte.
func hasSuffixFold(s, suffix string) bool {
	for suffix != "" {
		if s == "" {
			return false
		}
		r, n := utf8.DecodeLastRuneInString(s)
		q, m := utf8.DecodeLastRuneInString(suffix)
		if !equalRuneFold(r, q) {
			return false
		}
		s, suffix = s[:len(s)-n], suffix[:len(suffix)-m]
	}
	return true
}

// equalFold reports whether s and t are the same text.
func equalFold(s, t string) bool {
	rest, ok := cutPrefixFold(s, t)
	return ok && rest == ""
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func equalRuneFold(a, b rune) bool {
	if a == b {
		return true
	}
	for r := unicode.SimpleFold(a); r != a; r = unicode.SimpleFold(r) {
		if r == b {
			return true
		}
	}
	return false
}
