package main

import (
	"regexp"
	"strings"
	"testing"
)

// The readers here are on the side of the receiver: what Slack and a browser would make of a message. They share
// nothing with the code that writes it.

// mark is a piece of mrkdwn: "text", "code", "fence", or what acts, such as "link", "mention", "bold", "quote".
type mark struct{ kind, text string }

var address = regexp.MustCompile(`<https://[^|>\n]*`)

// readMrkdwn reads a text of Slack's as docs.slack.dev/messaging/formatting-message-text describes it. A <…> is one
// wherever it stands, in code too, and in the texts that are shown without other marks.
func readMrkdwn(t *testing.T, s string, plainText bool) []mark {
	t.Helper()
	// In the address of a link, which is the operator's or made of what is percent-encoded, Slack takes a & too.
	rest := strings.NewReplacer("&amp;", "", "&lt;", "", "&gt;", "").Replace(s)
	if strings.Contains(address.ReplaceAllString(rest, ""), "&") {
		t.Errorf("Slack gets a & that is no entity: %.200q", s)
	}
	var marks []mark
	var plain strings.Builder // with \x01 where a mark stood
	add := func(kind, text string) {
		marks = append(marks, mark{kind, text})
		plain.WriteByte(1)
	}
	for len(s) > 0 {
		switch {
		case s[0] == '<':
			inside, rest, closed := strings.Cut(s[1:], ">")
			if !closed {
				add("open <", s)
				rest = ""
			} else if strings.ContainsAny(inside, "\n<") {
				add("broken <>", inside)
			} else if kind := strings.IndexAny(inside, "!@#"); kind == 0 {
				add("mention", inside)
			} else {
				add("link", inside)
			}
			s = rest
		case !plainText && strings.HasPrefix(s, "```"):
			inside, rest, closed := strings.Cut(s[3:], "```")
			if !closed {
				add("open fence", "")
			}
			add("fence", inside)
			s = rest
		case !plainText && s[0] == '`':
			end := strings.IndexAny(s[1:], "`\n")
			if end < 0 || s[1+end] == '\n' {
				add("open `", "")
				s = s[1:]
				continue
			}
			add("code", s[1:1+end])
			s = s[end+2:]
		case s[0] == '>':
			add("bare >", "")
			s = s[1:]
		default:
			plain.WriteByte(s[0])
			s = s[1:]
		}
	}
	for _, m := range marks {
		if m.kind == "code" || m.kind == "fence" {
			if strings.ContainsAny(m.text, "<>") {
				t.Errorf("code holds what acts in it too: %.200q", m.text)
			}
		}
	}
	return append(marks, mark{"text", plain.String()})
}

// tag is a tag of HTML: its name (with a / before it at the end of an element), the names and values of its attributes.
type tag struct {
	name   string
	names  []string
	values []string
}

func (t tag) String() string { return t.name + " " + strings.Join(t.names, " ") }

// rawText are elements whose text has no tags in it (HTML, 13.2.5.1).
var rawText = map[string]bool{"script": true, "style": true, "title": true, "textarea": true}

var (
	tagStart = regexp.MustCompile(`^</?[a-zA-Z]`)
	attr     = regexp.MustCompile(`^[\s/]*([^\s/>=]+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s>]*))?`)
)

// readHTML makes tokens of HTML as a browser does, as far as our pages go. texts are what stands between the tags, by
// the element that began last.
func readHTML(s string) (tags []tag, texts []mark) {
	last := ""
	for s != "" {
		if rawText[last] {
			end := strings.Index(strings.ToLower(s), "</"+last)
			if end < 0 {
				end = len(s)
			}
			texts = append(texts, mark{last, s[:end]})
			s = s[end:]
			last = "/" + last
			continue
		}
		open := strings.IndexByte(s, '<')
		if open < 0 {
			open = len(s)
		}
		if open > 0 {
			texts = append(texts, mark{last, s[:open]})
			s = s[open:]
			continue
		}
		switch {
		case strings.HasPrefix(s, "<!--"):
			end := strings.Index(s[4:], "--")
			if end < 0 {
				return append(tags, tag{name: "open comment"}), texts
			}
			tags = append(tags, tag{name: "comment"})
			_, s, _ = strings.Cut(s[4+end:], ">")
		case strings.HasPrefix(s, "<!"), strings.HasPrefix(s, "<?"):
			tags = append(tags, tag{name: "declaration"})
			_, s, _ = strings.Cut(s, ">")
		case tagStart.MatchString(s):
			n := 1 + strings.IndexAny(s[1:], " \t\n/>")
			if s[1] == '/' {
				n = 2 + strings.IndexAny(s[2:], " \t\n/>")
			}
			x := tag{name: strings.ToLower(s[1:n])}
			s = s[n:]
			for {
				m := attr.FindStringSubmatch(s)
				if m == nil {
					break
				}
				x.names, x.values = append(x.names, m[1]), append(x.values, strings.Trim(m[2], `"'`))
				s = s[len(m[0]):]
			}
			_, s, _ = strings.Cut(s, ">")
			tags = append(tags, x)
			last = x.name
		default:
			texts = append(texts, mark{"bare <", s[:1]})
			s = s[1:]
		}
	}
	return tags, texts
}
