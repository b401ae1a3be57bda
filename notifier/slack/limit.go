package slack

import (
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/ossec-notify/ossec-notify/display"
)

// Slack's limits, in characters after escaping
// (docs.slack.dev/reference/block-kit/blocks: header-block, section-block; the sum over all strings of a message
// is not documented, 13,200 are refused with msg_blocks_too_long: slackapi/bolt-js issue 2509).
const (
	maxHeader  = 150
	maxSection = 3000
	maxFooter  = 3000
	maxMessage = 13000
	maxBlocks  = 50

	// maxText is ours: what a phone or a screen reader is given.
	maxText = 1500
	// maxUpdateText is what chat.update takes as text, in bytes after escaping; more is msg_too_long (not documented:
	// gitlab-org/gitlab issue 258898).
	maxUpdateText = 4000

	// maxBody is what all sections of an operator's plain template may have, so that with text and footer the
	// message stays below maxMessage.
	maxBody = 8000
)

// maxUnit is how many bytes a unit has at most: characters of four bytes count two.
const maxUnit = 3

// units counts characters. Slack does not say what one is, so we count as its strictest client would: a
// character outside the basic plane, such as an emoji, is two.
func units(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}

// fit renders a text in at most limit characters. It first drops the ends of what comes from the alert and keeps
// all words, because these hold the labels, the next step and the links; then the links that an alert made long; an
// operator's words that alone are too long are cut at their end. Either way the last line says what is left.
func fit(t display.Text, limit int, render func(display.Text) string) string {
	var whole string
	for _, keep := range []func(display.Text) bool{everyLink, ofWordsAlone} {
		t := settle(t, keep)
		whole = render(t)
		if len(whole) <= limit || units(whole) <= limit { // no character has more units than bytes
			return whole
		}
		of := t.QuotedLen()
		// The first number of characters that is too many; with one less it fits.
		tooMany := sort.Search(min(of, limit)+1, func(n int) bool { return units(cutTo(t, n, of, render)) > limit })
		if tooMany > 0 {
			return cutTo(t, tooMany-1, of, render)
		}
	}
	total := utf8.RuneCountInString(whole)
	first := pieces(whole, limit-units(leftOf(total, total)))[0]
	return first + leftOf(utf8.RuneCountInString(first), total)
}

func cutTo(t display.Text, n, of int, render func(display.Text) string) string {
	cut, shown := t.CutQuoted(n)
	return strings.TrimRight(render(cut), " \n") + leftOf(shown, of)
}

func leftOf(shown, of int) string {
	return "\n… " + display.Thousands(shown) + " of " + display.Thousands(of) + " characters"
}

// fitHeader renders one line in at most maxHeader characters, by taking them out of the middle. There is no room for
// links in it then.
func fitHeader(t display.Text) string {
	if s := plain(settle(t, everyLink).Line()); units(s) <= maxHeader {
		return s
	}
	line := settle(t, noLink).Line()
	tooMany := sort.Search(maxHeader+1, func(n int) bool { return units(plain(line.Cut(n))) > maxHeader })
	return plain(line.Cut(tooMany - 1))
}

// pieces splits finished mrkdwn into pieces of at most n characters: between lines where that is possible, never
// inside an entity or a <…>. A fence or code span that is open at the end of a piece is closed there and opened
// again in the next.
func pieces(s string, n int) []string {
	const closer = 3 // room for the ``` that a cut may need
	var out []string
	for open := inText; ; {
		if units(mark(open)+s) <= n {
			return append(out, mark(open)+s)
		}
		end, at := 0, open // where to cut, and the place there
		lineEnd, lineAt := 0, open
		for room := n - units(mark(open)) - closer; end < len(s); {
			next := end + atom(s[end:], at)
			if room -= units(s[end:next]); room < 0 {
				break
			}
			for end < next {
				var size int
				at, size = step(at, s[end:])
				end += size
			}
			if s[end-1] == '\n' {
				lineEnd, lineAt = end, at
			}
		}
		if lineEnd > end/2 {
			end, at = lineEnd, lineAt
		}
		out = append(out, mark(open)+strings.TrimRight(s[:end], "\n")+mark(at))
		s, open = strings.TrimLeft(s[end:], "\n"), at
	}
}

// mark is what begins and ends code at a place.
func mark(at display.Place) string {
	switch at {
	case inFence:
		return "```"
	case inCode:
		return "`"
	}
	return ""
}

// atom is the length in bytes of what must not be cut at the beginning of s.
func atom(s string, at display.Place) int {
	switch {
	case strings.HasPrefix(s, "```") && at != inCode:
		return 3
	case s[0] == '&':
		for _, e := range []string{"&amp;", "&lt;", "&gt;"} {
			if strings.HasPrefix(s, e) {
				return len(e)
			}
		}
	case s[0] == '<' && at == inText:
		if end := strings.IndexAny(s, ">\n"); end > 0 && end < maxLink && s[end] == '>' {
			return end + 1
		}
	}
	_, size := utf8.DecodeRuneInString(s)
	return size
}

// linkWords is what of a link is kept for an operator's words behind a quotation in its label.
const linkWords = 200
