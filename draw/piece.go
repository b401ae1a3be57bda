package draw

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// piece is a leaf of what stands within a line, with the nodes that it stands in, the outermost first. A line is taken apart
// into pieces and built again of them.
type piece struct {
	leaf Node
	in   []*Node
}

// pieces takes apart what stands within a line, with each line end a piece of its own.
func pieces(nodes []Node) []piece { return takeApart(nil, nil, nodes, nextLine) }

// takeApart appends the pieces of nodes. Texts are divided: next is how long the first part of one is.
func takeApart(out []piece, in []*Node, nodes []Node, next func(string) int) []piece {
	for i := range nodes {
		n := &nodes[i]
		if len(n.Children) > 0 {
			out = takeApart(out, append(in[:len(in):len(in)], n), n.Children, next)
			continue
		}
		if n.Kind != Text && n.Kind != Run {
			out = append(out, piece{*n, in})
			continue
		}
		for s := n.Text; s != ""; {
			size := next(s)
			leaf := *n
			leaf.Text, s = s[:size], s[size:]
			out = append(out, piece{leaf, in})
		}
	}
	return out
}

// nextLine is the length of a line, or of the line end where one comes first.
func nextLine(s string) int {
	switch i := strings.IndexByte(s, '\n'); i {
	case -1:
		return len(s)
	case 0:
		return 1
	default:
		return i
	}
}

// nextWord is the length of what a difference takes as one: a line end, blanks, a sign at an end of a word, a word.
func nextWord(s string) int {
	r, size := utf8.DecodeRuneInString(s)
	switch {
	case r == '\n':
		return 1
	case unicode.IsSpace(r):
		end := strings.IndexFunc(s, func(r rune) bool { return r == '\n' || !unicode.IsSpace(r) })
		if end < 0 {
			return len(s)
		}
		return end
	case !isWordRune(r):
		return size
	}
	end := strings.IndexFunc(s, unicode.IsSpace)
	if end < 0 {
		end = len(s)
	}
	end = min(end, maxWord)
	for end < len(s) && !utf8.RuneStart(s[end]) {
		end--
	}
	word := strings.TrimRightFunc(s[:end], func(r rune) bool { return !isWordRune(r) })
	return max(len(word), size)
}

// maxWord is how long a word is at most, in bytes: without blanks, a text is divided all the same.
const maxWord = 100

// text is what a piece says.
func (p piece) text() string { return TextOf(p.leaf) }

// build makes nodes of pieces again.
func build(pieces []piece) []Node { return buildIn(pieces, 0) }

func buildIn(pieces []piece, depth int) []Node {
	var out []Node
	for i := 0; i < len(pieces); {
		p := pieces[i]
		if len(p.in) == depth {
			i++
			if n := len(out) - 1; n >= 0 && isSame(out[n], p.leaf) {
				out[n].Text += p.leaf.Text
			} else {
				out = append(out, p.leaf)
			}
			continue
		}
		end := i + 1
		for end < len(pieces) && len(pieces[end].in) > depth && pieces[end].in[depth] == p.in[depth] {
			end++
		}
		n := *p.in[depth]
		n.Children = buildIn(pieces[i:end], depth+1)
		out = append(out, n)
		i = end
	}
	return out
}

// isSame reports whether two texts beside one another may as well be one.
func isSame(a, b Node) bool {
	return (a.Kind == Text || a.Kind == Run) && a.Kind == b.Kind && a.Style == b.Style && a.Change == b.Change && len(a.Children) == 0
}
