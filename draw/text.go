package draw

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/ossec-notify/ossec-notify/display"
)

// redacted stands in a message where a secret was: [notifier.Redacted], which this package must not import.
const redacted = "[redacted]"

// Visible is a text with boxes for the characters that nobody would see, and for secrets that were taken out. Line ends
// stay in it; [TextOf] gives the text back.
func Visible(s string) []Node { return appendVisible(nil, s, Text, "") }

// appendVisible appends s as leaves of a kind and style, with boxes between them.
func appendVisible(out []Node, s string, kind Kind, style string) []Node {
	leaf := func(s string) {
		if s != "" {
			out = append(out, Node{Kind: kind, Text: s, Style: style})
		}
	}
	for {
		piece, rest, found := strings.Cut(s, redacted)
		from := 0
		display.EachHidden(piece, func(start, end int) {
			leaf(piece[from:start])
			out = append(out, Node{Kind: Box, Text: nameOf(piece[start:end]), Was: piece[start:end]})
			from = end
		})
		leaf(piece[from:])
		if !found {
			return out
		}
		out = append(out, Node{Kind: Redact, Text: "redacted", Was: redacted})
		s = rest
	}
}

// nameOf is what stands in the box of a character: U+202E, or 0xFF for a byte that is no text.
func nameOf(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && n <= 1 {
		return fmt.Sprintf("0x%X", s)
	}
	return fmt.Sprintf("U+%04X", r)
}

// written is a text with the names of characters that nobody would see in their place.
func written(s string) string {
	var b strings.Builder
	from := 0
	display.EachHidden(s, func(start, end int) {
		b.WriteString(s[from:start])
		b.WriteString(nameOf(s[start:end]))
		from = end
	})
	b.WriteString(s[from:])
	return b.String()
}

// lines is a text of a paragraph, with a Break at each line end.
func lines(s string) []Node { return linesOf(s, Visible) }

// linesOf draws each line of a text, with a Break at each line end.
func linesOf(s string, draw func(line string) []Node) []Node {
	var out []Node
	for i, line := range strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n") {
		if i > 0 {
			out = append(out, Node{Kind: Break})
		}
		out = append(out, draw(line)...)
	}
	return out
}

// within reports whether nodes of a kind stand within a line. A Fold may; it is what its children are.
func (k Kind) within() bool {
	switch k {
	case Text, Bold, Italic, Strike, Code, Mention, Link, Mark, Box, Redact, Run, Break, Button:
		return true
	}
	return false
}

// within reports whether n stands within a line.
func (n Node) within() bool {
	return n.Kind.within() || n.Kind == Fold && len(n.Children) > 0 && allWithin(n.Children)
}

func allWithin(nodes []Node) bool {
	for _, n := range nodes {
		if !n.within() {
			return false
		}
	}
	return true
}

// sameLine is the style of a Fold of blocks whose first goes on where the one before it was broken off, within a line.
const sameLine = "line"

// TextOf is the text of a message that a node draws: what stands in boxes as itself, a line end between blocks, a label
// and its value on one line. What the page says beside it (a Note, a caption, "Show more") is no part of it.
func TextOf(n Node) string {
	var b strings.Builder
	writeText(&b, n)
	return b.String()
}

func writeText(b *strings.Builder, n Node) {
	switch n.Kind {
	case Text, Run, Mention, Button:
		b.WriteString(n.Text)
	case Box, Redact:
		b.WriteString(n.Was)
	case Break:
		if n.Style != foldMark {
			b.WriteByte('\n')
		}
	case Image:
		b.WriteString(n.Text)
	case Pair:
		b.WriteString(n.Text)
		b.WriteByte(' ')
		writeTexts(b, n.Children)
	case Request:
		b.WriteString(n.Text)
		b.WriteByte(' ')
		writeTexts(b, n.Children)
	case Note, Divider, Cut:
	default:
		writeTexts(b, n.Children)
	}
}

// writeTexts writes what stands in one node, with a line end between blocks that have a text.
func writeTexts(b *strings.Builder, nodes []Node) {
	any := false
	for i, n := range nodes {
		if n.Kind == Note || n.Kind == Divider || n.Kind == Cut {
			continue
		}
		if any && (!n.within() || !nodes[i-1].within()) && !(n.Kind == Fold && n.Style == sameLine) {
			b.WriteByte('\n')
		}
		any = true
		writeText(b, n)
	}
}

// foldMark is the style of a Break where a line that is too wide goes on.
const foldMark = "fold"
