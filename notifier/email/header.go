package email

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ossec-notify/ossec-notify/display"
)

const (
	maxSubject = 250 // characters; phones show 40
	maxValue   = 250 // characters of a header of the template's
	maxName    = 60  // characters of the sender's display name
)

// headerValue makes the value of a header out of any text: one line, single blanks, and encoded words (RFC 2047)
// where the text is not plain ASCII.
//
// Two things look harmless and are not. A text that spells an encoded word itself (=?utf-8?q?...?=) would be
// decoded by the reader's mail program, and show what the display form has just made visible; so it is encoded
// too. And a run of blanks could be folded into a line of nothing but blanks, which some servers take for the
// end of the headers.
func headerValue(s string) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }), " ")
	if isPrintableASCII(s) && !strings.Contains(s, "=?") {
		return s
	}
	return encodedWords(s)
}

const (
	wordOpen  = "=?utf-8?q?"
	wordClose = "?="
	maxWord   = 75 - len(wordOpen) - len(wordClose) // RFC 2047, 2
)

// encodedWords is s in the Q encoding. No character is split between two words (RFC 2047, 5), and blanks between
// words vanish when they are read.
func encodedWords(s string) string {
	var words []string
	var b strings.Builder
	for _, r := range s {
		code := qCode(r)
		if b.Len()+len(code) > maxWord {
			words = append(words, wordOpen+b.String()+wordClose)
			b.Reset()
		}
		b.WriteString(code)
	}
	return strings.Join(append(words, wordOpen+b.String()+wordClose), " ")
}

func qCode(r rune) string {
	switch {
	case r == ' ':
		return "_"
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("!*+-/", r):
		return string(r)
	}
	var b strings.Builder
	for _, c := range utf8.AppendRune(nil, r) {
		fmt.Fprintf(&b, "=%02X", c)
	}
	return b.String()
}

// header is one that the template asks for.
type header struct{ name, value string }

// headerName is the form of their names, none of which is longer than maxHeaderName.
var headerName = regexp.MustCompile(`^[Xx]-[A-Za-z0-9-]+$`)

const maxHeaderName = len("X-") + 60

// extraHeaders reads the template's part headers, a line "Name: value" for each. Only names that begin with X-
// are taken, and only where the template wrote the name: the others are ours, or would let a template (or an
// alert in it) redirect answers. A line that is not taken is reported, and the mail goes all the same.
func extraHeaders(part display.Text) (headers []header, warnings []string) {
	for _, line := range part.SplitLines() {
		if line.Blank() {
			continue
		}
		label, value, found := line.CutWords(":")
		name := label.Trim().Raw()
		if !found || label.HasQuote() || len(name) > maxHeaderName || !headerName.MatchString(name) || strings.EqualFold(name, autoResponse) {
			warnings = append(warnings, fmt.Sprintf("header left out: the template may write only X-… headers, as \"X-Name: value\", not %q", line.CutEnd(40).String()))
			continue
		}
		v := value.Line().CutEnd(maxValue).String()
		same := func(h header) bool { return strings.EqualFold(h.name, name) }
		if strings.TrimSpace(v) == "" || slices.ContainsFunc(headers, same) {
			continue
		}
		headers = append(headers, header{name, headerValue(v)})
	}
	return headers, warnings
}
