package templates

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/template/parse"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/templates/presets"
)

// A body of a preset that makes no JSON says so at a place in what was made, which nobody sees. Where that happens, and only then, the body is
// made once more with a mark before each line and action of the file, to say which of them it was.

// shownMade is how many characters of what was made are shown before and behind the mistake.
const shownMade = 40

// noJSON is the error of a body that made text that is no JSON.
func (s *Set) noJSON(name string, text display.Text, d *Data, cause error) error {
	at := text.Size()
	if syntax := (*json.SyntaxError)(nil); errors.As(cause, &syntax) {
		at = max(int(syntax.Offset)-1, 0)
		if strings.Contains(syntax.Error(), "unexpected end") {
			at++
		}
	}
	before, after := around(text, at)
	made := display.OneLine(tail(withoutToken(before, d), shownMade) + "⟨here⟩" + head(withoutToken(after, d), shownMade))
	place := name
	if line := s.lineOf(name, d, at); line > 0 {
		place += ":" + strconv.Itoa(line)
	}
	return fmt.Errorf("template %s: what it makes is no JSON: %w: %s", place, cause, made)
}

// around is what stands before and behind a byte of the words of a text. Quotations have their display form.
func around(text display.Text, at int) (before, after string) {
	var b, a strings.Builder
	into := &b
	for i := range text {
		span := text[i : i+1]
		if span.HasQuote() {
			into.WriteString(span.String())
			continue
		}
		words := span.Raw()
		if into == &b && at < len(words) {
			b.WriteString(presets.WithoutMarks(words[:at]))
			words, into = words[at:], &a
		}
		at -= len(words)
		into.WriteString(presets.WithoutMarks(words))
	}
	return b.String(), a.String()
}

// withoutToken is text without what permits its reader to take the alert.
func withoutToken(s string, d *Data) string {
	if token := d.AckURL[strings.LastIndexByte(d.AckURL, '/')+1:]; token != "" {
		return strings.ReplaceAll(s, token, notifier.Redacted)
	}
	return s
}

// tail and head are the last and the first characters of a text.
func tail(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return "…" + string(r[len(r)-n:])
}

func head(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n]) + "…"
}

// lineOf is the line of a preset's file that made a byte of the words of its body; 0 where that cannot be found out.
func (s *Set) lineOf(name string, d *Data, at int) int {
	i := slices.IndexFunc(s.sources, func(src source) bool { return src.preset && src.name == name })
	t := s.text.Lookup(name)
	if i < 0 || t == nil || t.Tree == nil {
		return 0
	}
	marked, err := s.text.Clone()
	if err != nil {
		return 0
	}
	tree := t.Copy()
	markLines(tree.Root, s.sources[i].text)
	if marked, err = marked.AddParseTree(name, tree); err != nil {
		return 0
	}
	b := buffers.Get().(*limited)
	b.spent = &d.spent
	defer b.release()
	defer func(was bool) { d.interpreted = was }(d.interpreted)
	d.interpreted = true
	if err := marked.Execute(b, d); err != nil {
		return 0
	}
	line, read := 0, 0
	words := wordsOf(display.Decode(b.String())).Raw()
	begun := false
	for words != "" {
		before, rest, found := strings.Cut(words, string(presets.QuoteOpen))
		if !begun { // what blank lines there are before the body is cut off
			before = strings.TrimLeft(before, " \t\r\n")
			begun = before != ""
		}
		if read += len(before); read > at || !found {
			break
		}
		number, after, _ := strings.Cut(rest, string(presets.QuoteClose))
		if n, err := strconv.Atoi(number); err == nil {
			line = n
		}
		words = after
	}
	return line
}

// markLines puts the number of its line before each line of text and each action of a tree.
func markLines(list *parse.ListNode, source string) {
	if list == nil {
		return
	}
	mark := func(at int) parse.Node {
		line := 1 + strings.Count(source[:min(max(at, 0), len(source))], "\n")
		return &parse.TextNode{NodeType: parse.NodeText, Text: fmt.Appendf(nil, "%c%d%c", presets.QuoteOpen, line, presets.QuoteClose)}
	}
	var out []parse.Node
	for _, n := range list.Nodes {
		switch n := n.(type) {
		case *parse.TextNode:
			at := int(n.Pos)
			for line := range strings.SplitAfterSeq(string(n.Text), "\n") {
				out = append(out, mark(at), &parse.TextNode{NodeType: parse.NodeText, Pos: n.Pos, Text: []byte(line)})
				at += len(line)
			}
			continue
		case *parse.IfNode:
			markLines(n.List, source)
			markLines(n.ElseList, source)
		case *parse.WithNode:
			markLines(n.List, source)
			markLines(n.ElseList, source)
		case *parse.RangeNode:
			markLines(n.List, source)
			markLines(n.ElseList, source)
		}
		out = append(out, mark(int(n.Position())), n)
	}
	list.Nodes = out
}
