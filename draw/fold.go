package draw

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ossec-notify/ossec-notify/display"
)

// room is what still fits in what is shown at once.
type room struct{ lines, chars int }

// cut takes a block's lines and characters off the room. Where it does not fit, tail is what has no room, head the part before
// it, nil where that is nothing. They part at the end of a line, or, where one line alone has no room, within it.
func (r *room) cut(b Node) (head, tail *Node, inLine bool) {
	if r.lines <= 0 {
		return nil, &b, false
	}
	if len(b.Children) == 0 || !allWithin(b.Children) { // what has parts is not parted
		s := TextOf(b)
		r.lines -= 1 + strings.Count(s, "\n")
		r.chars -= utf8.RuneCountInString(s)
		return &b, nil, false
	}
	before := *r
	leaves := pieces(b.Children)
	lineStart := -1 // behind the last line end that has room
	for i, p := range leaves {
		text := p.text()
		if text == "\n" {
			if r.lines--; r.lines == 0 {
				return r.part(b, leaves, i, i+1)
			}
			lineStart = i + 1
			continue
		}
		n := utf8.RuneCountInString(text)
		if n <= r.chars {
			r.chars -= n
			continue
		}
		if lineStart > 0 { // the lines before it have room
			return r.part(b, leaves, lineStart-1, lineStart)
		}
		if before.lines < foldLines { // it stands below others
			return nil, &b, false
		}
		if p.leaf.Kind == Text && r.chars > 0 {
			first, second := p, p
			at := len(string([]rune(text)[:r.chars]))
			first.leaf.Text, second.leaf.Text = text[:at], text[at:]
			leaves = slices.Replace(leaves, i, i+1, first, second)
			i++
		}
		head, tail, _ := r.part(b, leaves, i, i)
		return head, tail, tail != nil
	}
	r.lines--
	return &b, nil, false
}

// maxShown is how many characters of one text are shown at once by what lists many.
const maxShown = 1500

// shortened is what stands within a line with what is over maxShown characters folded.
func shortened(nodes []Node) []Node {
	size := 0
	for _, n := range nodes {
		size += len(TextOf(n))
	}
	if size <= maxShown { // no character has less than a byte
		return nodes
	}
	left := maxShown
	for i, n := range nodes {
		text := TextOf(n)
		if count := utf8.RuneCountInString(text); count <= left {
			left -= count
			continue
		}
		head, tail := slices.Clone(nodes[:i]), slices.Clone(nodes[i:])
		if (n.Kind == Text || n.Kind == Run) && left > 0 {
			at := len(string([]rune(text)[:left]))
			n.Text, tail[0].Text = text[:at], text[at:]
			head = append(head, n)
		}
		more := 0
		for _, n := range tail {
			more += utf8.RuneCountInString(TextOf(n))
		}
		unit := "more characters"
		if more == 1 {
			unit = "more character"
		}
		return append(head, Node{Kind: Fold, Text: display.Thousands(more) + " " + unit, Children: tail})
	}
	return nodes
}

// part is a block in two, without the leaves from end to next.
func (r *room) part(b Node, leaves []piece, end, next int) (head, tail *Node, inLine bool) {
	r.lines = 0
	if end == 0 {
		return nil, &b, false
	}
	if next >= len(leaves) {
		return &b, nil, false
	}
	first, second := b, b
	first.Children, second.Children = build(leaves[:end]), build(leaves[next:])
	return &first, &second, false
}

// cutNote is what our messages say where something was left out of them (docs/messages.md).
var cutNote = regexp.MustCompile(`^… (?:([0-9][0-9,]*) of (at least )?([0-9][0-9,]*) (characters|lines|alerts)|(cut at [0-9][0-9,.]* (?:characters|MiB|KiB|bytes) by [A-Za-z-]+))$`)

// cutWords are the words for a note of ours, "" for any other text: "990 characters cut here".
func cutWords(line string) string {
	if !strings.HasPrefix(line, "… ") {
		return ""
	}
	m := cutNote.FindStringSubmatch(line)
	if m == nil {
		return ""
	}
	if m[5] != "" {
		return m[5]
	}
	shown, err := number(m[1])
	of, err2 := number(m[3])
	if err != nil || err2 != nil || of <= shown {
		return ""
	}
	unit := m[4]
	if of-shown == 1 {
		unit = strings.TrimSuffix(unit, "s")
	}
	return m[2] + display.Thousands(of-shown) + " " + unit + " cut here"
}

func number(s string) (int, error) { return strconv.Atoi(strings.ReplaceAll(s, ",", "")) }

// cuts puts a Cut before each note of ours that something was left out: where it stands in a line of its own of a paragraph.
// What an alert says stands in code, and is none.
func cuts(blocks []Node) []Node {
	var out []Node
	for _, b := range blocks {
		if b.Kind != Para {
			out = append(out, b)
			continue
		}
		from := 0
		for i, n := range b.Children {
			alone := n.Kind == Text && (i == 0 || b.Children[i-1].Kind == Break) && (i == len(b.Children)-1 || b.Children[i+1].Kind == Break)
			if !alone {
				continue
			}
			words := cutWords(n.Text)
			if words == "" {
				continue
			}
			if from < i {
				out = append(out, Node{Kind: Para, Children: b.Children[from : i-1]})
			}
			out = append(out, Node{Kind: Cut, Text: words})
			from = i
		}
		if from > 0 {
			b.Children = b.Children[from:]
		}
		out = append(out, b)
	}
	return out
}
