package slack

import (
	"strings"

	"github.com/ossec-notify/ossec-notify/display"
)

// mrkdwn writes a text in Slack's markup. Words pass as they are: an operator's bold, links and mentions work.
// What comes from an alert is made inert for the place where the words put it: in running text it becomes a code
// span, inside the words' own fence, code span, or <url|label> it is escaped so that it cannot end them.
//
// Escaping & < > is all that Slack documents (docs.slack.dev/messaging/formatting-message-text); it keeps out
// mentions and links, and code keeps out the rest. Inside code only a backtick means anything; ˋ stands for it.
func mrkdwn(t display.Text) string { return write(t, writer{}) }

// plain writes a text for the fields that phones and screen readers are given, where code spans would only be
// noise. Slack reads <…> there too.
func plain(t display.Text) string { return write(t, writer{plain: true}) }

func write(t display.Text, w writer) string {
	each := func(f func(string)) func(string) string {
		return func(s string) string { f(s); return "" }
	}
	w.out.Grow(t.Size() + t.Size()/8 + 16)
	t.Render(each(w.words), each(w.quoted))
	w.endSpan("")
	// Templates that leave code open are refused, but not every word stands in a template as it is: {{joinText "`" …}}.
	// What is not closed is no code, and the quotations in it would have markup.
	w.out.WriteString(mark(w.at))
	return w.out.String()
}

// Markup is mrkdwn as templates write it.
var Markup display.Markup = markupOf{}

type markupOf struct{}

const (
	inText    display.Place = iota
	inCode                  // `…`
	inFence                 // ```…```
	inMention               // <!… <@… <#… before the |: who is called
	inHost                  // <https://… before the first slash of the path: who answers
	inURL                   // <… before the |
	inLabel                 // …|…>
)

// After implements display.Markup.
func (markupOf) After(at display.Place, words string) display.Place {
	for words != "" {
		var n int
		at, n = step(at, words)
		words = words[n:]
	}
	return at
}

// InHost implements display.Linked.
func (markupOf) InHost(at display.Place) bool { return at == inHost }

// Name implements display.Markup.
func (markupOf) Name(at display.Place) string {
	switch at {
	case inCode:
		return "a code span (`)"
	case inFence:
		return "a code block (```)"
	case inMention:
		return "a mention (<!… <@… <#…)"
	case inHost, inURL:
		return "the address of a link (<…)"
	case inLabel:
		return "the text of a link (…|…>)"
	}
	return "text"
}

type writer struct {
	out   strings.Builder
	at    display.Place
	plain bool // no code spans of ours
	// span is true while a code span of ours is open: quotations that touch share one.
	span bool
}

func (w *writer) words(s string) {
	w.endSpan(s)
	w.at = Markup.After(w.at, s)
	w.out.WriteString(s)
}

// step reads one sign of markup, or one byte of text, and returns where it leads and its length.
func step(at display.Place, s string) (display.Place, int) {
	fence := strings.HasPrefix(s, "```")
	switch at {
	case inText:
		switch {
		case fence:
			return inFence, 3
		case s[0] == '`':
			return inCode, 1
		case strings.HasPrefix(s, dateMark): // a time that Slack shows in the reader's zone calls nobody
			return inURL, len(dateMark)
		case s[0] == '<' && len(s) > 1 && strings.IndexByte("!@#", s[1]) >= 0:
			return inMention, 1
		case s[0] == '<' && opensLink(s[1:]):
			return inHost, 1
		}
	case inFence:
		if fence {
			return inText, 3
		}
	case inCode:
		if s[0] == '`' || s[0] == '\n' {
			return inText, 1
		}
	case inMention, inHost, inURL, inLabel:
		switch {
		case s[0] == '>' || s[0] == '\n':
			return inText, 1
		case s[0] == '|':
			return inLabel, 1
		case at == inHost && strings.HasPrefix(s, "://"):
			return inHost, 3
		case at == inHost && strings.IndexByte("/?#", s[0]) >= 0:
			return inURL, 1
		}
	}
	return at, 1
}

// dateMark begins <!date^1392734382^{date}|…>.
const dateMark = "<!date^"

// opensLink tells <https://…> from a lone <. At the end of the words it opens: a quotation follows.
func opensLink(s string) bool {
	return s == "" || (s[0]|0x20 >= 'a' && s[0]|0x20 <= 'z')
}

func (w *writer) quoted(s string) {
	switch w.at {
	case inFence:
		w.out.WriteString(escape(breakFences(s)))
		return
	case inMention: // who is called, too: Slack knows nobody by such a name
		w.out.WriteString(display.Percent("?" + s))
		return
	case inHost: // where the link leads is for the operator to say
		w.out.WriteString(display.Percent(strings.ReplaceAll(strings.ReplaceAll(s, "[.]", "."), ".", "[.]")))
		return
	case inURL:
		w.out.WriteString(display.Percent(s))
		return
	case inLabel:
		w.label(code(s))
		return
	case inText:
		if w.plain {
			w.out.WriteString(escape(display.OneLine(s)))
			return
		}
		w.beginSpan()
	}
	w.out.WriteString(escape(code(s)))
}

// label writes a quotation inside of the label of a link, as much of it as leaves the link whole: one that is longer
// than maxLink may be cut in two, and what was inside of it would stand in the text.
func (w *writer) label(s string) {
	escape := func(s string) string { return strings.ReplaceAll(escape(s), "|", "¦") }
	written := w.out.String()
	room := maxLink - linkWords - (len(written) - strings.LastIndexByte(written, '<'))
	if whole := escape(s); len(whole) <= room {
		w.out.WriteString(whole)
		return
	}
	for _, r := range s {
		e := escape(string(r))
		if room -= len(e); room < 0 {
			break
		}
		w.out.WriteString(e)
	}
	w.out.WriteString("…")
}

func (w *writer) beginSpan() {
	if w.span {
		return
	}
	w.span = true
	if strings.HasSuffix(w.out.String(), "`") { // the words' own code must not run into ours
		w.out.WriteByte(' ')
	}
	w.out.WriteByte('`')
}

// endSpan ends the code span before the words that come next.
func (w *writer) endSpan(next string) {
	if !w.span {
		return
	}
	w.span = false
	w.out.WriteByte('`')
	if strings.HasPrefix(next, "`") {
		w.out.WriteByte(' ')
	}
}

// escape is what Slack asks for, and no more: any other entity would be shown as it is written.
func escape(s string) string {
	if !strings.ContainsAny(s, "&<>") {
		return s
	}
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// code makes text fit for a code span: one line, no backtick.
func code(s string) string {
	return strings.ReplaceAll(display.OneLine(s), "`", "ˋ")
}

// breakFences replaces the runs of backticks that could end a fence: those of three and more, and shorter ones
// at either end of the text, which would join what stands beside it.
func breakFences(s string) string {
	if !strings.Contains(s, "`") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] != '`' {
			b.WriteByte(s[i])
			i++
			continue
		}
		end := i
		for end < len(s) && s[end] == '`' {
			end++
		}
		if end-i >= 3 || i == 0 || end == len(s) {
			b.WriteString(strings.Repeat("ˋ", end-i))
		} else {
			b.WriteString(s[i:end])
		}
		i = end
	}
	return b.String()
}
