package draw

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ossec-notify/ossec-notify/display"
)

// Slack does not say when it folds a section that is not to be expanded: "if false, it may be rendered with a Show more"
// (docs.slack.dev/reference/block-kit/blocks/section-block). That it does so beyond so many lines or characters is our assumption: it
// is there to remind that the end of a long log is a click away, not to foretell which line is the last.
const (
	foldLines = 5
	foldChars = 700
)

// folded puts what Slack does not show of a long section into a Fold.
func folded(blocks []Node) []Node {
	nlines, chars := 0, 0
	for _, b := range blocks {
		if b.Kind == Note || b.Kind == Labeled {
			continue
		}
		s := TextOf(b)
		nlines += 1 + strings.Count(s, "\n")
		chars += utf8.RuneCountInString(s)
	}
	if nlines <= foldLines && chars <= foldChars {
		return blocks
	}
	room := &room{foldLines, foldChars}
	for i, b := range blocks {
		head, tail, inLine := room.cut(b)
		if tail == nil {
			continue
		}
		fold := Node{Kind: Fold, Text: "Show more", Children: append([]Node{*tail}, blocks[i+1:]...)}
		if n := hiddenLines(fold.Children, inLine); n > 0 {
			fold.Text = fmt.Sprintf("Slack folds the other %s: Show more", display.Count(n, "line"))
		}
		if inLine {
			fold.Style = sameLine
		}
		out := append([]Node{}, blocks[:i]...)
		if head != nil {
			out = append(out, *head)
		}
		return append(out, fold)
	}
	return blocks
}

// hiddenLines counts the lines of blocks; the first may be the end of one.
func hiddenLines(blocks []Node, inLine bool) int {
	n := strings.Count(TextOf(Node{Kind: Group, Children: blocks}), "\n") + 1
	if inLine {
		n--
	}
	return n
}

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
	first := r.lines == foldLines // nothing stands above it
	leaves := pieces(b.Children)
	lineStart := 0 // behind the last line end that has room
	for i, p := range leaves {
		text := p.text()
		if text == "\n" {
			if r.lines--; r.lines == 0 {
				head, tail = parted(b, leaves, i, i+1)
				return head, tail, false
			}
			lineStart = i + 1
			continue
		}
		if n := utf8.RuneCountInString(text); n <= r.chars {
			r.chars -= n
			continue
		}
		left := r.chars
		r.lines, r.chars = 0, 0
		if lineStart > 0 { // the lines before it have room
			head, tail = parted(b, leaves, lineStart-1, lineStart)
			return head, tail, false
		}
		if !first {
			return nil, &b, false
		}
		if p.leaf.Kind == Text && left > 0 {
			before, behind := p, p
			at := len(string([]rune(text)[:left]))
			before.leaf.Text, behind.leaf.Text = text[:at], text[at:]
			leaves = slices.Replace(leaves, i, i+1, before, behind)
			i++
		}
		head, tail = parted(b, leaves, i, i)
		return head, tail, head != nil && tail != nil
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

// parted is a block in two, without the pieces from end to next.
func parted(b Node, pieces []piece, end, next int) (head, tail *Node) {
	switch {
	case end == 0:
		return nil, &b
	case next >= len(pieces):
		return &b, nil
	}
	first, second := b, b
	first.Children, second.Children = build(pieces[:end]), build(pieces[next:])
	return &first, &second
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
