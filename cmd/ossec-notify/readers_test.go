package main

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/ossec-notify/ossec-notify/draw"
)

// The readers here are on the side of the receiver: what Slack and a browser would make of a message. They share
// nothing with the code that writes it: Slack's is the one that draws messages for people.

// mark is a piece of mrkdwn: "text", "code", "fence", or what acts, such as "link", "mention", "bold", "quote".
type mark struct{ kind, text string }

var (
	address  = regexp.MustCompile(`<https://[^|>\n]*`)
	brackets = regexp.MustCompile(`<[^<>\n]+>`)
)

// readMrkdwn reads a text of Slack's with the reader that the page draws it with. A <…> is one wherever it stands, in code too,
// and in the texts that are shown without other marks. What would be read as markup but for a missing end is "open".
func readMrkdwn(t *testing.T, s string, plainText bool) []mark {
	t.Helper()
	// In the address of a link, which is the operator's or made of what is percent-encoded, Slack takes a & too.
	rest := strings.NewReplacer("&amp;", "", "&lt;", "", "&gt;", "").Replace(s)
	if strings.Contains(address.ReplaceAllString(rest, ""), "&") {
		t.Errorf("Slack gets a & that is no entity: %.200q", s)
	}
	nodes := draw.Mrkdwn(s)
	if plainText {
		message, err := json.Marshal(map[string]string{"text": s})
		if err != nil {
			t.Fatal(err)
		}
		_, phone, err := draw.Slack(message)
		if err != nil {
			t.Fatal(err)
		}
		nodes = phone.Children
	}
	r := mrkdwnReader{in: s}
	r.read(t, nodes, "")
	if rest := brackets.ReplaceAllString(s, ""); strings.Contains(rest, "<") {
		r.add("open <", s)
	} else if strings.Contains(rest, ">") {
		r.add("bare >", "")
	}
	for _, m := range r.marks {
		if (m.kind == "mention" || m.kind == "link") && r.inCode[m] {
			t.Errorf("code holds what acts in it too: %.200q", m.text)
		}
	}
	return append(r.marks, mark{"text", r.plain.String()})
}

// mrkdwnReader flattens what was drawn.
type mrkdwnReader struct {
	in     string
	marks  []mark
	inCode map[mark]bool
	plain  strings.Builder // with \x01 where a mark stood
}

func (r *mrkdwnReader) add(kind, text string) {
	r.marks = append(r.marks, mark{kind, text})
	r.plain.WriteByte(1)
}

// read reads nodes; code is the kind of code that they stand in.
func (r *mrkdwnReader) read(t *testing.T, nodes []draw.Node, code string) {
	t.Helper()
	for _, n := range nodes {
		of := map[draw.Kind]string{draw.Bold: "bold", draw.Italic: "italic", draw.Strike: "strike", draw.Quote: "quote", draw.Code: "code", draw.Pre: "fence"}[n.Kind]
		switch n.Kind {
		case draw.Mention:
			r.acts(mark{"mention", n.Style}, code)
		case draw.Link:
			label := draw.TextOf(n)
			if label == n.Style && !strings.Contains(r.in, "|>") {
				t.Errorf("the link %.200q has no label", n.Style)
			}
			r.acts(mark{"link", n.Style + "|" + label}, code)
		case draw.Code, draw.Pre:
			r.add(of, draw.TextOf(n))
			r.read(t, n.Children, of)
		case draw.Bold, draw.Italic, draw.Strike, draw.Quote:
			r.add(of, "")
			r.read(t, n.Children, code)
		case draw.Break:
			r.plain.WriteByte('\n')
		case draw.Para:
			r.read(t, n.Children, code)
			r.plain.WriteByte('\n')
		default:
			text := draw.TextOf(n)
			if code != "" {
				continue
			}
			if strings.Contains(strings.ReplaceAll(text, "``", ""), "`") { // code with nothing in it is none
				r.add("open `", "")
			}
			r.plain.WriteString(text)
		}
	}
}

// acts notes what calls somebody or leads somewhere.
func (r *mrkdwnReader) acts(m mark, code string) {
	r.add(m.kind, m.text)
	if code != "" {
		if r.inCode == nil {
			r.inCode = map[mark]bool{}
		}
		r.inCode[m] = true
	}
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
