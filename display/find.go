package display

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// EachHidden calls f for each character of a text that [Visible] writes in another way, because a reader would not see it
// or a terminal would obey it, with where it begins and ends. An invalid byte is one, too.
func EachHidden(s string, f func(start, end int)) {
	for i := 0; i < len(s); {
		if c := s[i]; c >= ' ' && c < 0x7f || c == '\n' || c == '\t' {
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\r' && strings.HasPrefix(s[i:], "\r\n"):
		case r == utf8.RuneError, r < 0xa0 && unicode.IsControl(r), hidden(r) && !joinsEmoji(s[:i], r, s[i+n:]):
			f(i, i+n)
		}
		i += n
	}
}

// EachTrick calls f for each piece of an alert's text that [Form] defuses or that would act in some channel if nothing
// were done about it, with where it begins and ends: its kind is mention, link, markup, control (bidirectional and hidden
// characters too) or url. Pieces of different kinds may overlap. See [Tricks] for a sentence about them.
func EachTrick(s string, f func(kind string, start, end int)) {
	if hasMention(s) {
		for _, m := range mention.FindAllStringIndex(s, -1) {
			start, end := m[0], m[1]
			if s[start] != '<' {
				start += strings.IndexByte(s[start:end], '@')
			} else if n := strings.IndexAny(s[end:], ">\n<"); n >= 0 && n <= maxMention && s[end+n] == '>' {
				end += n + 1
			}
			f("mention", start, end)
		}
	}
	if strings.Contains(s, "](") || strings.Contains(s, "|") && strings.Contains(s, "<") {
		for _, m := range anchor.FindAllStringIndex(s, -1) {
			f("link", m[0], m[1])
		}
	}
	if hasMarkup(s) {
		for _, m := range markup().FindAllStringIndex(s, -1) {
			f("markup", m[0], m[1])
		}
	}
	for at := 0; ; {
		i := strings.Index(s[at:], "://")
		if i < 0 {
			break
		}
		before, scheme := cutScheme(s[at : at+i])
		start, end := at+len(before), at+i+len("://")
		at = end
		if scheme == "" || strings.EqualFold(scheme, "hxxp") || strings.EqualFold(scheme, "hxxps") {
			continue
		}
		if strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https") {
			if n := strings.IndexAny(s[end:], hostEnd); n >= 0 {
				end += n
			} else {
				end = len(s)
			}
			end = start + len(strings.TrimRightFunc(s[start:end], unicode.IsSpace))
		}
		f("url", start, end)
	}
	EachHidden(s, func(start, end int) { f("control", start, end) })
}

// maxMention is how many bytes a name may have that somebody is called by.
const maxMention = 100
