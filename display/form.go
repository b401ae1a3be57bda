package display

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Form is the display form of alert text: invalid UTF-8 as \ufffd, control characters as \x1b, bidirectional
// and zero-width characters as \u202e, links defanged (http://h.x/ as hxxp://h[.]x/, any other scheme:// as
// scheme[:]//), and a word that mixes lookalike scripts marked " (mixed scripts)". Line ends and tabs stay; see
// [OneLine]. Nothing is dropped: tricks are evidence.
func Form(s string) string { return form(s, false) }

// form is Form, or with live links the rest of it.
func form(s string, live bool) string {
	if plain(s) {
		return s
	}
	// Scripts are judged on the text itself: the escapes that visible writes hold Latin letters.
	s = visible(markScripts(s))
	if live {
		return s
	}
	return defang(s)
}

// Visible is text of any origin, such as an error, with its control characters and hidden ones shown as [Form] shows
// them, and nothing else of it changed.
func Visible(s string) string {
	if plain(s) {
		return s
	}
	return visible(s)
}

// plain is the fast way out: printable ASCII that holds no scheme needs no work.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x7f || (c < 0x20 && c != '\n' && c != '\t') || (c == ':' && strings.HasPrefix(s[i:], "://")) {
			return false
		}
	}
	return true
}

// OneLine joins the lines of alert text with ⏎ and turns tabs into blanks, for values that must stay on one line.
func OneLine(s string) string {
	s = strings.TrimRight(s, "\r\n")
	if !strings.ContainsAny(s, "\n\t") {
		return s
	}
	return oneLine.Replace(s)
}

var oneLine = strings.NewReplacer("\r\n", "⏎", "\n", "⏎", "\t", " ")

func visible(s string) string {
	var b strings.Builder
	b.Grow(len(s) + 16)
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError: // invalid bytes, or a decoder replaced them before us
			b.WriteString(`\ufffd`)
		case r == '\r' && strings.HasPrefix(s[i:], "\r\n"): // a Windows line end is a line end
		case r == '\n' || r == '\t':
			b.WriteByte(byte(r))
		case r < 0xa0 && unicode.IsControl(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		case hidden(r) && !joinsEmoji(s[:i], r, s[i+n:]):
			if r > 0xffff {
				fmt.Fprintf(&b, `\U%08x`, r)
			} else {
				fmt.Fprintf(&b, `\u%04x`, r)
			}
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

// hidden reports characters that a reader cannot see or that reorder what the reader sees: format characters
// (bidirectional controls, zero-width characters, tags), line and paragraph separators, blank fillers, variation
// selectors.
func hidden(r rune) bool {
	if r < 0xad {
		return false
	}
	switch r {
	case 0x2028, 0x2029, 0x2800:
		return true
	}
	return unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// EachMark calls f for each sign of JSON that is no part of a value, with how many arrays and objects are open behind it, until
// f returns false. It does not judge whether it is JSON.
func EachMark(j []byte, f func(mark byte, depth int) bool) {
	depth, inString := 0, false
	for i := 0; i < len(j); i++ {
		switch c := j[i]; {
		case inString && c == '\\':
			i++
			continue
		case c == '"':
			inString = !inString
			continue
		case inString:
			continue
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		case c != ',':
			continue
		}
		if !f(j[i], depth) {
			return
		}
	}
}

// JSON is the same JSON with the characters escaped that a terminal would obey or a reader would not see: C1 controls,
// bidirectional and zero-width ones. Bytes that are no UTF-8 become U+FFFD, as whoever reads JSON makes them.
func JSON(j []byte) []byte {
	var out []byte // nil while nothing is to be escaped
	for i := 0; i < len(j); {
		if j[i] < 0x7f {
			if out != nil {
				out = append(out, j[i])
			}
			i++
			continue
		}
		r, n := utf8.DecodeRune(j[i:])
		escape := r == utf8.RuneError && n == 1 || r < 0xa0 || hidden(r)
		if escape && out == nil {
			out = append(make([]byte, 0, len(j)+len(j)/8+16), j[:i]...)
		}
		switch {
		case escape && r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		case escape:
			out = fmt.Appendf(out, `\u%04x`, r)
		case out != nil:
			out = append(out, j[i:i+n]...)
		}
		i += n
	}
	if out == nil {
		return j
	}
	return out
}

// joinsEmoji reports whether a hidden character only makes one picture of several, or a coloured one: a joiner
// between two emoji, or the request for emoji style behind one. Both are how phones write, and hide nothing.
func joinsEmoji(before string, r rune, behind string) bool {
	const joiner, emojiStyle = 0x200d, 0xfe0f
	if r != joiner && r != emojiStyle {
		return false
	}
	last, n := utf8.DecodeLastRuneInString(before)
	if last == emojiStyle && r == joiner {
		last, _ = utf8.DecodeLastRuneInString(before[:len(before)-n])
	}
	next, _ := utf8.DecodeRuneInString(behind)
	return isEmoji(last) && (r == emojiStyle || isEmoji(next))
}

// isEmoji: the blocks of pictures, and the modifiers of skin.
func isEmoji(r rune) bool {
	return (r >= 0x1f000 && r <= 0x1faff) || (r >= 0x2600 && r <= 0x27bf) || (r >= 0x2300 && r <= 0x23ff) || (r >= 0x2b00 && r <= 0x2bff)
}

// defang makes links dead: those that a client would open, and those that are only meant to be followed by a
// machine (ldap://). It looks from each :// back at the scheme, so that no scheme hides behind other text.
func defang(s string) string {
	parts := strings.Split(s, "://")
	if len(parts) == 1 {
		return s
	}
	var b strings.Builder
	web := false // the part before was the scheme of a web page, so this one begins with a host
	for i, part := range parts {
		last := i == len(parts)-1
		rest, scheme := part, ""
		if !last {
			rest, scheme = cutScheme(part)
		}
		if web {
			end := strings.IndexAny(rest, hostEnd)
			if end < 0 {
				end = len(rest)
			}
			b.WriteString(strings.ReplaceAll(rest[:end], ".", "[.]"))
			rest = rest[end:]
		}
		b.WriteString(rest)
		web = false
		switch strings.ToLower(scheme) {
		case "http", "https":
			web = true
			b.WriteString(scheme[:1] + "xx" + scheme[3:] + "://")
		case "", "hxxp", "hxxps":
			b.WriteString(scheme)
			if !last {
				b.WriteString("://")
			}
		default:
			b.WriteString(scheme + "[:]//")
		}
	}
	return b.String()
}

// hostEnd are the characters that end the host of a URL, or the URL.
const hostEnd = " \t\n/?#<>|\"'()[]{}\\"

// cutScheme splits off the scheme of a URL (RFC 3986, 3.1) at the end of s.
func cutScheme(s string) (rest, scheme string) {
	letter := func(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
	start := len(s)
	for i := len(s) - 1; i >= 0; i-- {
		c := s[i]
		if letter(c) {
			start = i
		} else if !(c >= '0' && c <= '9') && strings.IndexByte("+.-", c) < 0 {
			break
		}
	}
	return s[:start], s[start:]
}

// lookalikes are the scripts whose letters are mistaken for one another.
var lookalikes = []*unicode.RangeTable{unicode.Latin, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee, unicode.Coptic}

// markScripts marks each word that mixes letters of lookalike scripts: pаypal with a Cyrillic а.
func markScripts(s string) string {
	if isASCII(s) {
		return s
	}
	var b strings.Builder
	start, seen := 0, 0
	flush := func(end int) {
		b.WriteString(s[start:end])
		if seen&(seen-1) != 0 {
			b.WriteString(" (mixed scripts)")
		}
		start, seen = end, 0
	}
	for i, r := range s {
		if unicode.IsSpace(r) {
			flush(i)
			continue
		}
		if r < utf8.RuneSelf {
			if (r|0x20) >= 'a' && (r|0x20) <= 'z' {
				seen |= 1
			}
			continue
		}
		for n, table := range lookalikes {
			if unicode.Is(table, r) {
				seen |= 1 << n
			}
		}
	}
	flush(len(s))
	return b.String()
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

var (
	mention = regexp.MustCompile(`(?i)<[!@]|(^|[\s"'(])@(everyone|here|channel|all)\b`)
	anchor  = regexp.MustCompile(`(?i)<[a-z][a-z0-9+.-]*:[^>\s]*\|[^>]*>|\]\([a-z][a-z0-9+.-]*:`)
	// Tags of HTML that draw or load something: logs in XML are full of other tags.
	markup     = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("```" + `|\{\{.*\}\}|` + drawing) })
	drawingTag = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("^" + drawing + "$") })
)

const drawing = `(?i:</?(a|b|i|u|s|p|br|hr|h[1-6]|img|svg|script|style|link|meta|base|iframe|object|embed|form|input|button|div|span|table|font|marquee|video|audio|body|html)(\s[^<>]*)?/?>)`

// crowds are the names that call many people in chats.
var crowds = []string{"everyone", "here", "channel", "all"}

// hasMention reports whether mention matches. It and hasMarkup look where a match may begin, and not at each character, as the expressions
// do: a log may have a million.
func hasMention(s string) bool {
	if strings.Contains(s, "<!") || strings.Contains(s, "<@") {
		return true
	}
	for i := 0; ; i++ {
		n := strings.IndexByte(s[i:], '@')
		if n < 0 {
			return false
		}
		if i += n; i > 0 && strings.IndexByte("\t\n\f\r \"'(", s[i-1]) < 0 {
			continue
		}
		for _, crowd := range crowds {
			rest := s[i+1:]
			if len(rest) >= len(crowd) && strings.EqualFold(rest[:len(crowd)], crowd) && (len(rest) == len(crowd) || !isWordByte(rest[len(crowd)])) {
				return true
			}
		}
	}
}

func isWordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// hasMarkup reports whether markup matches.
func hasMarkup(s string) bool {
	if strings.Contains(s, "```") {
		return true
	}
	for rest := s; ; {
		_, after, found := strings.Cut(rest, "{{")
		if !found {
			break
		}
		line, next, _ := strings.Cut(after, "\n")
		if strings.Contains(line, "}}") {
			return true
		}
		rest = next
	}
	for rest := s; ; {
		end := strings.IndexByte(rest, '>')
		if end < 0 {
			return false
		}
		if begin := strings.LastIndexByte(rest[:end], '<'); begin >= 0 && mayDraw(rest[begin:end+1]) && drawingTag().MatchString(rest[begin:end+1]) {
			return true
		}
		rest = rest[end+1:]
	}
}

// mayDraw is false where drawingTag does not match: by the first letter of a tag, which may be one beyond ASCII that is the same in the
// other case.
func mayDraw(tag string) bool {
	first := strings.TrimPrefix(tag[1:], "/")[0]
	return first >= utf8.RuneSelf || strings.IndexByte("abdefhilmopstuv", first|0x20) >= 0
}

// Tricks names what in the given alert texts would act on a reader's screen if it were not defused, in the
// words of the Note fact: "mention, link, markup, control and bidi characters". It is empty when there is
// nothing. A plain URL is no trick: access logs are full of them.
func Tricks(texts ...string) string {
	var has [5]bool
	for _, s := range texts {
		// Every log comes here, and hardly one needs the expression: it has a text that it cannot match without.
		has[0] = has[0] || hasMention(s)
		has[1] = has[1] || (strings.Contains(s, "](") || strings.Contains(s, "|") && strings.Contains(s, "<")) && anchor.MatchString(s)
		has[2] = has[2] || hasMarkup(s)
		for i, r := range s {
			if r >= ' ' && r < 0x7f || r == '\n' || r == '\t' || r == '\r' {
				continue
			}
			has[3] = has[3] || (r < 0xa0 && unicode.IsControl(r))
			has[4] = has[4] || hidden(r) && !joinsEmoji(s[:i], r, s[i+utf8.RuneLen(r):])
		}
	}
	var words []string
	for i, w := range []string{"mention", "link", "markup", "control", "bidi"} {
		if has[i] {
			words = append(words, w)
		}
	}
	if len(words) == 0 {
		return ""
	}
	list := words[len(words)-1]
	if n := len(words); n > 1 {
		list = strings.Join(words[:n-1], ", ") + " and " + list
	}
	if has[3] || has[4] {
		list += " characters"
	}
	return list
}
