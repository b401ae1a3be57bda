// Package display owns how text that an attacker may have written is shown to people: the display form
// (control characters made visible, links defanged), the provenance of every piece of text (our words or the
// alert's), and cutting. It knows no alert and no channel; how a channel marks provenance (a code span, a
// <code> element) is the channel's business, through [Text.Render].
//
// The law that everything else rests on: a [Text] never lets alert text pass for words of the operator or of
// ours. Alert text enters through [Quote] and stays quoted through joining, templates and cutting.
package display

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text is a piece of text whose parts know where they come from: words (ours or the operator's) or a quotation
// from an alert. The zero value is empty, and false to a template. A Text is never changed after it was made.
type Text []span

type span struct {
	raw    string
	quoted bool
	live   bool // a quotation whose links stay as they are
}

// Words makes a Text of our own or the operator's words. It must not be given alert text. The control
// characters that [Text.Encode] uses as marks are dropped.
func Words(s string) Text {
	if s = stripMarks(s); s == "" {
		return Text{}
	}
	return Text{{raw: s}}
}

// Quote makes a Text of alert text. It is shown in its display form and never as words.
func Quote(s string) Text {
	if s == "" {
		return Text{}
	}
	return Text{{raw: s, quoted: true}}
}

// Live is the text with the links of its quotations as they came: people can click them. Everything else of the
// display form stays, and so does the provenance.
func (t Text) Live() Text {
	out := append(Text(nil), t...)
	for i := range out {
		out[i].live = out[i].quoted
	}
	return out
}

// Join puts texts one behind the other.
func Join(texts ...Text) Text {
	n := 0
	for _, t := range texts {
		n += len(t)
	}
	if n == 0 {
		return nil
	}
	out := make(Text, 0, n)
	for _, t := range texts {
		for _, s := range t {
			out.add(s)
		}
	}
	return out
}

// add appends a span, merging words with words. Two quotations stay two: they are two values.
func (t *Text) add(s span) {
	if s.raw == "" {
		return
	}
	if n := len(*t); n > 0 && !s.quoted && !(*t)[n-1].quoted {
		(*t)[n-1].raw += s.raw
		return
	}
	*t = append(*t, s)
}

// IsZero reports whether the text is empty. (Named so that omitempty-like tags and templates can ask.)
func (t Text) IsZero() bool { return len(t) == 0 }

// Blank reports whether there is nothing but white space to see.
func (t Text) Blank() bool {
	for _, s := range t {
		if strings.TrimSpace(s.raw) != "" {
			return false
		}
	}
	return true
}

// HasQuote reports whether any part of the text comes from an alert.
func (t Text) HasQuote() bool {
	for _, s := range t {
		if s.quoted {
			return true
		}
	}
	return false
}

// String is the text in display form with no marks of provenance: what text mail, a PagerDuty summary and a
// plain terminal show.
func (t Text) String() string {
	if len(t) == 1 {
		return t[0].shown()
	}
	return t.Render(func(s string) string { return s }, func(s string) string { return s })
}

// MarshalText is String: a Text in JSON is what a person would read.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// Raw is the text as it came, for machines (webhook, Splunk) that escape it themselves.
func (t Text) Raw() string {
	if len(t) == 1 {
		return t[0].raw
	}
	var b strings.Builder
	b.Grow(t.Size())
	for _, s := range t {
		b.WriteString(s.raw)
	}
	return b.String()
}

// Size is the length of Raw in bytes.
func (t Text) Size() int {
	n := 0
	for _, s := range t {
		n += len(s.raw)
	}
	return n
}

// Render builds the channel's form: words and quotations, each through its own function. The quoted function
// is given the display form, never the raw text.
func (t Text) Render(words, quoted func(string) string) string {
	var b strings.Builder
	for _, s := range t {
		if s.quoted {
			b.WriteString(quoted(s.shown()))
		} else {
			b.WriteString(words(s.raw))
		}
	}
	return b.String()
}

// Len is the number of characters of String.
func (t Text) Len() int {
	n := 0
	for _, s := range t {
		n += utf8.RuneCountInString(s.shown())
	}
	return n
}

var lineEnds = regexp.MustCompile(`[\r\n]+`)

// Line makes one line of the text, without white space at its ends: a line end inside a quotation becomes ⏎, one
// in words a blank.
func (t Text) Line() Text {
	t = t.Trim()
	if !slices.ContainsFunc(t, func(s span) bool { return strings.ContainsAny(s.raw, "\n\r\t") }) {
		return t
	}
	var out Text
	for _, s := range t {
		if s.quoted {
			s.raw = OneLine(s.raw)
		} else if strings.ContainsAny(s.raw, "\r\n") {
			s.raw = lineEnds.ReplaceAllString(s.raw, " ")
		}
		out.add(s)
	}
	return out
}

// ReplaceLineEnds puts with in the place of every line end, in words and quotations alike. It is no method, which
// templates could call: with becomes words.
func ReplaceLineEnds(t Text, with string) Text {
	out := make(Text, len(t))
	for i, s := range t {
		s.raw = strings.ReplaceAll(strings.ReplaceAll(s.raw, "\r\n", "\n"), "\n", with)
		out[i] = s
	}
	return out
}

// Capital makes the first letter a capital, where it stands in words: what comes from an alert stays as it is.
func (t Text) Capital() Text {
	if len(t) == 0 || t[0].quoted {
		return t
	}
	first, n := utf8.DecodeRuneInString(t[0].raw)
	out := append(Text(nil), t...)
	out[0].raw = string(unicode.ToUpper(first)) + t[0].raw[n:]
	return out
}

// Trim removes white space at both ends, in words and quotations alike.
func (t Text) Trim() Text {
	if n := len(t); n == 0 || !spaceAt(t[0].raw, true) && !spaceAt(t[n-1].raw, false) {
		return t
	}
	spans := append(Text(nil), t...)
	for len(spans) > 0 {
		spans[0].raw = strings.TrimLeft(spans[0].raw, " \t\r\n")
		if spans[0].raw != "" {
			break
		}
		spans = spans[1:]
	}
	for n := len(spans); n > 0; n = len(spans) {
		spans[n-1].raw = strings.TrimRight(spans[n-1].raw, " \t\r\n")
		if spans[n-1].raw != "" {
			break
		}
		spans = spans[:n-1]
	}
	return spans
}

// spaceAt reports white space at the beginning or end of s, or that s is empty.
func spaceAt(s string, beginning bool) bool {
	if s == "" {
		return true
	}
	c := s[len(s)-1]
	if beginning {
		c = s[0]
	}
	return c == ' ' || c == '\t' || c == '\r' || c == '\n'
}

// Cut shortens the text to at most n characters of its display form, taking them from the middle and putting
// one … there. A text that fits is returned as it is. n below 3 counts as 3.
func (t Text) Cut(n int) Text {
	n = max(n, 3) // before it is asked what fits: with less, head and tail of a short text are the same characters
	if t.fits(n) {
		return t
	}
	head := (n - 1) * 2 / 3
	return Join(t.firstRunes(head), Words("…"), t.lastRunes(n-1-head))
}

// CutEnd shortens the text to at most n characters of its display form by dropping its end; the last character
// is then an …. n below 1 counts as 1.
func (t Text) CutEnd(n int) Text {
	n = max(n, 1)
	if t.fits(n) {
		return t
	}
	return Join(t.firstRunes(n-1), Words("…"))
}

// fits is Len() <= n, without the display form of what is far too long.
func (t Text) fits(n int) bool {
	for _, s := range t {
		c := s.atMost(n)
		if c > n {
			return false
		}
		n -= c
	}
	return true
}

// QuotedLen is the number of characters of display form that come from the alert.
func (t Text) QuotedLen() int {
	n := 0
	for _, s := range t {
		if s.quoted {
			n += Text{s}.Len()
		}
	}
	return n
}

// CutQuoted shortens what comes from the alert to at most n characters of display form in all, the first ones,
// and leaves words alone; an … stands where a quotation was cut. kept is how many of [Text.QuotedLen] are left.
func (t Text) CutQuoted(n int) (cut Text, kept int) {
	for _, s := range t {
		if !s.quoted {
			cut.add(s)
			continue
		}
		head := Text{s}.firstRunes(n - kept)
		kept += head.Len()
		cut = append(cut, head...)
		if head.Raw() != s.raw {
			cut.add(span{raw: "…"})
		}
	}
	return cut, kept
}

// firstRunes keeps at most n characters of the display form. Because one raw character may be shown as several,
// it keeps whole raw characters only.
func (t Text) firstRunes(n int) Text {
	var out Text
	for _, s := range t {
		if n <= 0 {
			break
		}
		if c := s.atMost(n); c <= n {
			out.add(s)
			n -= c
			continue
		}
		if plain(s.raw[:min(n, len(s.raw))]) { // what needs no other form has as many characters as bytes
			out.add(s.with(s.raw[:min(n, len(s.raw))]))
			break
		}
		lo, hi := 0, min(len(s.raw), longest(n))
		for lo < hi { // the longest prefix of the raw text whose display form fits
			mid := (lo + hi + 1) / 2
			if utf8.RuneCountInString(s.with(cutAt(s.raw, mid)).shown()) <= n {
				lo = mid
			} else {
				hi = mid - 1
			}
		}
		out.add(s.with(cutAt(s.raw, lo)))
		break
	}
	return out
}

func (t Text) lastRunes(n int) Text {
	var kept []span
	for i := len(t) - 1; i >= 0 && n > 0; i-- {
		s := t[i]
		if c := s.atMost(n); c <= n {
			kept = append(kept, s)
			n -= c
			continue
		}
		lo, hi := 0, min(len(s.raw), longest(n))
		for lo < hi { // the longest suffix that fits
			mid := (lo + hi + 1) / 2
			if utf8.RuneCountInString(s.with(cutFrom(s.raw, len(s.raw)-mid)).shown()) <= n {
				lo = mid
			} else {
				hi = mid - 1
			}
		}
		kept = append(kept, s.with(cutFrom(s.raw, len(s.raw)-lo)))
		break
	}
	var out Text
	for i := len(kept) - 1; i >= 0; i-- {
		out.add(kept[i])
	}
	return out
}

// longest is more bytes than any raw text has whose display form has at most n characters: four bytes a
// character, and of the raw ones only the return of a Windows line end is not shown. It spares us the display
// form of a whole megabyte.
func longest(n int) int { return 8 * (n + 1) }

// atMost is the number of characters of the display form, or n+1 where it is more than n.
func (s span) atMost(n int) int {
	if len(s.raw) > longest(n) {
		return n + 1
	}
	return min(utf8.RuneCountInString(s.shown()), n+1)
}

func (s span) shown() string {
	switch {
	case s.live:
		return form(s.raw, true)
	case s.quoted:
		return Form(s.raw)
	}
	return s.raw
}

// with is another piece of text of the same provenance.
func (s span) with(raw string) span {
	s.raw = raw
	return s
}

// cutAt returns s[:n], moved back to the start of a character.
func cutAt(s string, n int) string {
	for n > 0 && n < len(s) && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// cutFrom returns s[n:], moved on to the start of a character.
func cutFrom(s string, n int) string {
	for n < len(s) && !utf8.RuneStart(s[n]) {
		n++
	}
	return s[n:]
}

// SplitLines splits at the line ends that stand in words: those that a template wrote. Line ends inside
// quotations do not split, so no alert can begin a line of its own.
func (t Text) SplitLines() []Text {
	var lines []Text
	var line Text
	for _, s := range t {
		if s.quoted {
			line.add(s)
			continue
		}
		for i, part := range strings.Split(s.raw, "\n") {
			if i > 0 {
				lines = append(lines, line)
				line = Text{}
			}
			line.add(span{raw: part})
		}
	}
	return append(lines, line)
}

// CutWords splits the text around the first sep that stands in words. found is false, and before the whole
// text, where there is none.
func (t Text) CutWords(sep string) (before, after Text, found bool) {
	for i, s := range t {
		if s.quoted {
			continue
		}
		if b, a, ok := strings.Cut(s.raw, sep); ok {
			before = Join(t[:i], Words(b))
			after = Join(Words(a), t[i+1:])
			return before, after, true
		}
	}
	return t, Text{}, false
}

// The encoded form carries a Text through a template's output, which is a plain stream of characters. It uses
// control characters that no display form contains; inside a quotation they are escaped.
const (
	quoteOpen  = '\x0e' // SO
	quoteClose = '\x0f' // SI
	quoteEsc   = '\x10' // DLE
	liveOpen   = '\x11' // DC1: as quoteOpen, and the quotation is live
	allMarks   = "\x0e\x0f\x10\x11"
)

// Encode writes the text with marks that [Decode] reads back.
func (t Text) Encode() string {
	var b strings.Builder
	for _, s := range t {
		if !s.quoted {
			b.WriteString(s.raw)
			continue
		}
		if s.live {
			b.WriteByte(liveOpen)
		} else {
			b.WriteByte(quoteOpen)
		}
		for i := 0; i < len(s.raw); i++ {
			if c := s.raw[i]; c >= quoteOpen && c <= liveOpen {
				b.WriteByte(quoteEsc)
				b.WriteByte(c + 0x20) // shifted, so that the bare mark never stands inside a quotation
				continue
			}
			b.WriteByte(s.raw[i])
		}
		b.WriteByte(quoteClose)
	}
	return b.String()
}

// Decode reads what Encode wrote, with any words around it. A quotation that is not closed ends with the text:
// when in doubt, text is quoted.
func Decode(s string) Text {
	var out Text
	for s != "" {
		i := strings.IndexAny(s, "\x0e\x11")
		if i < 0 {
			out.add(span{raw: stripMarks(s)})
			break
		}
		out.add(span{raw: stripMarks(s[:i])})
		live := s[i] == liveOpen
		s = s[i+1:]
		end := strings.IndexByte(s, quoteClose)
		body := s
		if end >= 0 {
			body, s = s[:end], s[end+1:]
		} else {
			s = ""
		}
		if strings.IndexByte(body, quoteEsc) >= 0 {
			var b strings.Builder
			for j := 0; j < len(body); j++ {
				if body[j] == quoteEsc && j+1 < len(body) {
					j++
					b.WriteByte(body[j] - 0x20)
					continue
				}
				b.WriteByte(body[j])
			}
			body = b.String()
		}
		out.add(span{body, true, live})
	}
	return out
}

// IsMark reports the control characters that mark provenance.
func IsMark(r rune) bool { return r >= quoteOpen && r <= liveOpen }

func stripMarks(s string) string {
	if !strings.ContainsAny(s, allMarks) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if IsMark(r) {
			return -1
		}
		return r
	}, s)
}
