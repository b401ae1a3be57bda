package draw

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Mrkdwn reads a text in Slack's markup as docs.slack.dev/messaging/formatting-message-text describes it, and draws it as
// Slack does: paragraphs, code blocks and quotes. What would need an emoji's picture, a user's name or a channel's stays
// the word that it is. Unfinished markup is text.
func Mrkdwn(s string) []Node {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	var out []Node
	for from := 0; ; {
		start, end := strings.Index(s[from:], fence), -1
		if start >= 0 {
			start += from
			end = strings.Index(s[start+len(fence):], fence)
		}
		if end < 0 {
			return append(out, quoted(s)...)
		}
		behind := start + 2*len(fence) + end
		if end == 0 { // a fence with nothing in it is text
			from = behind
			continue
		}
		out = append(out, quoted(strings.TrimSuffix(s[:start], "\n"))...)
		out = append(out, Node{Kind: Pre, Children: spans(strings.Trim(s[start+len(fence):behind-len(fence)], "\n"))})
		s, from = strings.TrimPrefix(s[behind:], "\n"), 0
	}
}

const fence = "```"

// quoted draws text without fences: paragraphs, and quotes of the lines that begin with >.
func quoted(s string) []Node {
	if s == "" {
		return nil
	}
	var out []Node
	var block []string
	inQuote := false
	flush := func() {
		if len(block) == 0 {
			return
		}
		p := Node{Kind: Para, Children: inline(strings.Join(block, "\n"))}
		if inQuote {
			p = Node{Kind: Quote, Children: []Node{p}}
		}
		out, block = append(out, p), nil
	}
	rest := s
	for more := true; more; {
		var line string
		if mark := quoteMark(rest, 3); mark > 0 { // all that follows
			flush()
			inQuote, block = true, []string{strings.TrimPrefix(rest[mark:], " ")}
			break
		}
		line, rest, more = strings.Cut(rest, "\n")
		mark := quoteMark(line, 1)
		if (mark > 0) != inQuote {
			flush()
			inQuote = mark > 0
		}
		if mark > 0 {
			line = strings.TrimPrefix(line[mark:], " ")
		}
		block = append(block, line)
	}
	flush()
	return out
}

// quoteMark is the length of so many signs of a quote at the beginning of s, 0 where they are not there. Slack takes the
// sign escaped, too: that is what its own clients send.
func quoteMark(s string, n int) int {
	at := 0
	for range n {
		switch {
		case strings.HasPrefix(s[at:], ">"):
			at++
		case strings.HasPrefix(s[at:], "&gt;"):
			at += len("&gt;")
		default:
			return 0
		}
	}
	return at
}

// spans draws what stands in code: there, only <…> means something.
func spans(s string) []Node {
	in := inliner{in: s}
	for in.at < len(s) {
		if s[in.at] != '<' || !in.bracket() {
			in.at++
		}
	}
	in.flush()
	return in.out
}

// plainText draws a text without markup but <…>, which Slack reads there, too.
func plainText(s string) []Node { return linesOf(s, spans) }

// inline draws the text of a paragraph.
func inline(s string) []Node { return emphasis(s, "*_~", utf8.RuneError) }

// emphasis draws text in which the given signs may open bold, italic and struck text; before is the character that stands
// before it.
func emphasis(s, signs string, before rune) []Node {
	in := inliner{in: s, before: before}
	none := map[byte]int{} // behind which a sign is not closed any more
	for in.at < len(s) {
		c := s[in.at]
		switch {
		case c == '\n':
			in.flush()
			in.add(Node{Kind: Break}, 1)
		case c == '<' && in.bracket():
		case c == '`':
			end := strings.IndexAny(s[in.at+1:], "`\n")
			if end == 0 && s[in.at+1] == '`' { // code with nothing in it is text
				in.at += 2
				continue
			}
			if end <= 0 || s[in.at+1+end] == '\n' {
				in.at++
				continue
			}
			in.flush()
			in.add(Node{Kind: Code, Children: spans(s[in.at+1 : in.at+1+end])}, end+2)
		case strings.IndexByte(signs, c) >= 0 && in.opens() && in.at >= none[c]:
			end := in.closing(c)
			if end < 0 {
				if none[c] = len(s); strings.IndexByte(s[in.at:], '\n') >= 0 {
					none[c] = in.at + strings.IndexByte(s[in.at:], '\n')
				}
				in.at++
				continue
			}
			inside := s[in.at+1 : end]
			in.flush()
			in.add(Node{Kind: map[byte]Kind{'*': Bold, '_': Italic, '~': Strike}[c],
				Children: emphasis(inside, strings.ReplaceAll(signs, string(c), ""), rune(c))}, len(inside)+2)
		default:
			in.at++
		}
	}
	in.flush()
	return in.out
}

// inliner draws what stands within a line.
type inliner struct {
	in     string
	at     int // what is looked at
	from   int // where the plain text before it begins
	before rune
	out    []Node
}

// flush draws the plain text up to where we are.
func (in *inliner) flush() {
	if in.from < in.at {
		in.out = append(in.out, Visible(unescape(in.in[in.from:in.at]))...)
	}
	in.from = in.at
}

// add draws a node for the next n bytes.
func (in *inliner) add(n Node, bytes int) {
	in.out = append(in.out, n)
	in.at += bytes
	in.from = in.at
}

// opens reports whether the sign here may open something: no word runs into it, and something stands behind it.
func (in *inliner) opens() bool {
	before, _ := utf8.DecodeLastRuneInString(in.in[:in.at])
	if in.at == 0 {
		before = in.before
	}
	behind, _ := utf8.DecodeRuneInString(in.in[in.at+1:])
	return !isWordRune(before) && in.at+1 < len(in.in) && !unicode.IsSpace(behind) && behind != rune(in.in[in.at])
}

// closing is where the sign is that closes the one here, on the same line and not within code or <…>; -1 where none does.
func (in *inliner) closing(c byte) int {
	s := in.in
	for i := in.at + 1; i < len(s) && s[i] != '\n'; i++ {
		switch s[i] {
		case '`', '<':
			end := map[byte]string{'`': "`\n", '<': "><\n"}[s[i]]
			if n := strings.IndexAny(s[i+1:], end); n > 0 && s[i+1+n] == end[0] {
				i += n + 1
			}
		case c:
			before, _ := utf8.DecodeLastRuneInString(s[:i])
			behind, _ := utf8.DecodeRuneInString(s[i+1:])
			if i > in.at+1 && !unicode.IsSpace(before) && (i+1 == len(s) || !isWordRune(behind)) {
				return i
			}
		}
	}
	return -1
}

func isWordRune(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// bracket draws the <…> here, and reports whether it is one.
func (in *inliner) bracket() bool {
	end := strings.IndexAny(in.in[in.at+1:], "<>\n")
	if end <= 0 || in.in[in.at+1+end] != '>' {
		return false
	}
	inside := in.in[in.at+1 : in.at+1+end]
	what, label, labelled := strings.Cut(inside, "|")
	if what == "" {
		return false
	}
	in.flush()
	var n Node
	switch what = unescape(what); {
	case strings.HasPrefix(what, "!date^"):
		n = date(what, unescape(label))
	case what[0] == '!' || what[0] == '@' || what[0] == '#':
		n = mention(what, unescape(label))
	default:
		if !labelled || label == "" {
			label = strings.TrimPrefix(what, "mailto:")
		} else {
			label = unescape(label)
		}
		n = Node{Kind: Link, Style: written(what), Children: Visible(label)}
	}
	in.add(n, end+2)
	return true
}

// mention draws who is called. Slack writes names, which are not in the message.
func mention(what, label string) Node {
	shown := "@" + strings.TrimLeft(what, "!@#")
	switch {
	case label != "" && what[0] == '#':
		shown = "#" + strings.TrimPrefix(label, "#")
	case label != "":
		shown = "@" + strings.TrimPrefix(label, "@")
	case what[0] == '#':
		shown = "#" + what[1:]
	case strings.HasPrefix(what, "!subteam^"):
		shown = "@" + strings.TrimPrefix(what, "!subteam^")
	}
	return Node{Kind: Mention, Text: written(shown), Style: written(what)}
}

// date draws a time that Slack shows in the reader's zone by the words for readers whose Slack cannot.
func date(what, label string) Node {
	parts := strings.SplitN(what, "^", 4) // !date, the time, its form, a link
	if label == "" {
		label = what
	}
	text := Node{Kind: Text, Style: written(what), Text: written(label)}
	if len(parts) == 4 {
		return Node{Kind: Link, Style: written(parts[3]), Children: []Node{text}}
	}
	return text
}

// unescape reads the three entities that Slack has.
func unescape(s string) string {
	if strings.IndexByte(s, '&') < 0 {
		return s
	}
	return entities.Replace(s)
}

var entities = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">")
