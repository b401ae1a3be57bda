package draw

import "strings"

// maxDepth is how many arrays and objects within one another are read. Deeper ones are shown as they came.
const maxDepth = 64

// Styles of a run of JSON.
const (
	isKey    = "key"
	isString = "string"
	isNumber = "number"
	isWord   = "word"
	isSign   = "sign"
)

// scanner reads the pieces of JSON one after the other: strings, numbers, words, signs, and blanks, whose style is "". It
// judges nothing: what is no JSON is a piece without a style, so whatever it is given, its pieces are all of it.
type scanner struct {
	in    string
	at    int
	depth int
	// inObject says of each open bracket whether it is an object's; of those deeper than maxDepth nothing is known.
	inObject [maxDepth + 1]bool
	wantKey  bool
}

// next is the next piece and its style; the end is an empty piece. blank is true of white space between pieces.
func (s *scanner) next() (piece, style string, blank bool) {
	if s.at == len(s.in) {
		return "", "", false
	}
	start := s.at
	switch c := s.in[s.at]; {
	case isBlank(c):
		for s.at < len(s.in) && isBlank(s.in[s.at]) {
			s.at++
		}
		return s.in[start:s.at], "", true
	case c == '"':
		s.at = stringEnd(s.in, s.at)
		if s.wantKey {
			s.wantKey = false
			return s.in[start:s.at], isKey, false
		}
		return s.in[start:s.at], isString, false
	case c == '{' || c == '[':
		s.depth++
		s.at++
		if s.depth <= maxDepth {
			s.inObject[s.depth] = c == '{'
		}
		s.wantKey = c == '{'
		return s.in[start:s.at], isSign, false
	case c == '}' || c == ']':
		s.depth = max(s.depth-1, 0)
		s.at++
		s.wantKey = false
		return s.in[start:s.at], isSign, false
	case c == ',':
		s.at++
		s.wantKey = s.depth <= maxDepth && s.inObject[s.depth]
		return s.in[start:s.at], isSign, false
	case c == ':':
		s.at++
		return s.in[start:s.at], isSign, false
	}
	for s.at < len(s.in) && !isBlank(s.in[s.at]) && strings.IndexByte(`{}[],:"`, s.in[s.at]) < 0 {
		s.at++
	}
	piece = s.in[start:s.at]
	switch {
	case piece == "true", piece == "false", piece == "null":
		return piece, isWord, false
	case isNumeral(piece):
		return piece, isNumber, false
	}
	return piece, "", false
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// stringEnd is where the string ends that begins at i; one that is not closed ends with the text.
func stringEnd(s string, i int) int {
	for i++; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}

// isNumeral reports whether s looks like a number. JSON's own rules (no 01, no 1.) are not for a drawing to enforce.
func isNumeral(s string) bool {
	digits := false
	for i := 0; i < len(s); i++ {
		if s[i] >= '0' && s[i] <= '9' {
			digits = true
		} else if strings.IndexByte("+-.eE", s[i]) < 0 {
			return false
		}
	}
	return digits
}
