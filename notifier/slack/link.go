package slack

import (
	"strings"

	"github.com/ossec-notify/ossec-notify/display"
)

// maxLink bounds the <…> that are kept in one piece, maxAddress the address in it, in bytes. The latter is that of the
// links of the config, too.
const (
	maxLink    = 1200
	maxAddress = 900
)

// settle makes the links that an operator wrote words, finished as they are sent, so that whatever is cut later leaves
// their addresses whole. A link whose address is too long, or was cut before, is left out but for its label: it would
// lead elsewhere. So is one that is not to be kept.
func settle(t display.Text, keep func(link display.Text) bool) display.Text {
	var out []display.Text
	for at := inText; ; {
		before, after, found := t.CutWords("<")
		out = append(out, before)
		if !found {
			return display.Join(out...)
		}
		before.Render(func(s string) string { at = Markup.After(at, s); return "" }, dropped)
		if at != inText || !opensLink(beginning(after)) {
			out, t = append(out, display.Words("<")), after
			continue
		}
		link, rest, closed := after.CutWords(">")
		if line, more, broken := link.CutWords("\n"); broken { // it ends with its line, and is none
			rest = display.Join(display.Words("\n"), more, display.Words(">"), rest)
			if !closed {
				rest = display.Join(display.Words("\n"), more)
			}
			link, closed = line, false
		}
		t = rest
		address, label, _ := link.CutWords("|")
		words := display.Join(display.Words("<"), link)
		if closed {
			words = display.Join(words, display.Words(">"))
		}
		finished := mrkdwn(words)
		switch {
		case wasCut(address), closed && (len(finished) > maxLink || len(mrkdwn(display.Join(display.Words("<"), address))) > 1+maxAddress), closed && !keep(link):
			out = append(out, label)
		case closed:
			out = append(out, display.Words(finished))
		default:
			out = append(out, words)
		}
	}
}

func everyLink(display.Text) bool      { return true }
func noLink(display.Text) bool         { return false }
func ofWordsAlone(t display.Text) bool { return !t.HasQuote() }

// wasCut reports the … of a cut of ours. One that an alert holds is percent-encoded, and none of a cut.
func wasCut(t display.Text) bool {
	cut := false
	t.Render(func(s string) string { cut = cut || strings.Contains(s, "…"); return "" }, dropped)
	return cut
}

// beginning are the words that a text begins with.
func beginning(t display.Text) string {
	words, first := "", true
	t.Render(func(s string) string {
		if first {
			words, first = s, false
		}
		return ""
	}, func(string) string { first = false; return "" })
	return words
}

func dropped(string) string { return "" }
