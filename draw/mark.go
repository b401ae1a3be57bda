package draw

import (
	"cmp"
	"slices"
	"strings"

	"github.com/ossec-notify/ossec-notify/display"
)

// Trick is a piece of an alert's text that would act, or hide, in some channel, if it were sent as it came.
type Trick struct {
	Shown    string // as messages have it, in display form
	Was      string // as it came
	Kind     string // mention, link, markup, control, url
	Field    string // of the alert
	Template string // the place in the template that let it in, "" where it is not known
}

// maxTricks is how many tricks of one text are told apart. More of them make the same impression.
const maxTricks = 200

// Tricks lists the tricks of a text of an alert, each once; field is the name of the alert's field.
func Tricks(raw, field string) []Trick {
	var out []Trick
	seen := map[string]bool{}
	display.EachTrick(raw, func(kind string, start, end int) {
		was := raw[start:end]
		if len(out) == maxTricks || seen[was] {
			return
		}
		seen[was] = true
		shown := display.Visible(was)
		if kind == "url" || kind == "link" {
			shown = display.Form(was)
		}
		if shown != "" {
			out = append(out, Trick{Shown: shown, Was: was, Kind: kind, Field: field})
		}
	})
	return out
}

// Neutralise marks the places of a drawn message where tricks of the alert stand as the words that they were made, and counts
// them. A trick is found wherever its text stands, also where a channel has other signs for a backtick or a line; a longer one
// counts, not those within it. Of one that several fields hold, the first in the list is named.
func Neutralise(tree Node, tricks []Trick) (Node, int) {
	if len(tricks) == 0 {
		return tree, 0
	}
	var m marker
	text := TextOf(tree)
	seen := map[string]bool{} // several fields of an alert may hold one trick: the first is named
	for _, t := range tricks {
		if t.Shown == "" || seen[t.Shown] || len(seen) == maxLookedFor {
			continue
		}
		seen[t.Shown] = true
		for _, sign := range [][2]string{{"", ""}, {"`", "ˋ"}, {"`", "'"}, {"|", "¦"}} {
			if !strings.Contains(t.Shown, sign[0]) {
				continue
			}
			s := t.Shown
			if sign[0] != "" {
				s = strings.ReplaceAll(s, sign[0], sign[1])
			}
			if strings.Contains(text, s) {
				m.looks = append(m.looks, look{s, t})
			}
		}
	}
	if len(m.looks) == 0 {
		return tree, 0
	}
	slices.SortStableFunc(m.looks, func(a, b look) int { return cmp.Compare(len(b.shown), len(a.shown)) })
	tree = m.block(tree)
	return tree, m.count
}

// maxLookedFor is how many tricks are looked for in a message.
const maxLookedFor = 2000

// look is how a trick may look in a message.
type look struct {
	shown string
	trick Trick
}

// marker marks tricks.
type marker struct {
	looks []look // the longest first
	count int
}

// span is a trick in a text: the bytes from start to end.
type span struct {
	start, end int
	trick      *Trick
}

// block marks what stands within a block, a line's texts as one.
func (m *marker) block(n Node) Node {
	if len(n.Children) == 0 {
		return n
	}
	out := make([]Node, 0, len(n.Children))
	for i := 0; i < len(n.Children); {
		if !n.Children[i].within() {
			out = append(out, m.block(n.Children[i]))
			i++
			continue
		}
		end := i
		for end < len(n.Children) && n.Children[end].within() {
			end++
		}
		out = append(out, m.line(n.Children[i:end])...)
		i = end
	}
	n.Children = out
	return n
}

// line marks what stands within a line.
func (m *marker) line(nodes []Node) []Node {
	var b strings.Builder
	for _, p := range pieces(nodes) {
		if text := p.text(); p.leaf.Kind == Mention { // what calls somebody was not made harmless
			b.WriteString(strings.Repeat("\x00", len(text)))
		} else {
			b.WriteString(text)
		}
	}
	spans := m.spans(b.String())
	if len(spans) == 0 {
		return nodes
	}
	at := 0
	return markSpans(nodes, spans, &at)
}

// spans are the tricks in a text, in order, none within another.
func (m *marker) spans(text string) []span {
	var out []span
	var taken []bool
	for i, l := range m.looks {
		for at := 0; at < len(text) && len(out) < maxTricks; {
			n := strings.Index(text[at:], l.shown)
			if n < 0 {
				break
			}
			start, end := at+n, at+n+len(l.shown)
			if len(taken) == 0 {
				taken = make([]bool, len(text))
			}
			if at = end; slices.Contains(taken[start:end], true) {
				continue
			}
			for i := start; i < end; i++ {
				taken[i] = true
			}
			out = append(out, span{start, end, &m.looks[i].trick})
		}
	}
	m.count += len(out)
	slices.SortFunc(out, func(a, b span) int { return cmp.Compare(a.start, b.start) })
	return out
}

// markSpans puts the parts of nodes that stand in spans into marks. at is where the nodes begin in the text.
func markSpans(nodes []Node, spans []span, at *int) []Node {
	var out []Node
	var open *span // the one that the last of out is the mark of
	add := func(n Node, s *span) {
		switch {
		case s == nil:
			out = append(out, n)
		case s == open: // what stands side by side in one trick has one mark
			out[len(out)-1].Children = append(out[len(out)-1].Children, n)
		default:
			t := s.trick
			out = append(out, Node{Kind: Mark, Trick: t.Kind, Was: written(t.Was), From: t.Field, Template: t.Template, Children: []Node{n}})
		}
		open = s
	}
	for _, n := range nodes {
		if len(n.Children) > 0 {
			open = nil
			n.Children = markSpans(n.Children, spans, at)
			out = append(out, n)
			continue
		}
		text := TextOf(n)
		start, end := *at, *at+len(text)
		*at = end
		divides := n.Kind == Text || n.Kind == Run
		for from := start; from < end || from == start; {
			// The span that holds from, or the next one.
			i, _ := slices.BinarySearchFunc(spans, from, func(s span, at int) int {
				if s.end <= at {
					return -1
				}
				return 1
			})
			to := end
			var in *span
			if i < len(spans) && spans[i].start < end {
				if spans[i].start <= from {
					in, to = &spans[i], min(end, spans[i].end)
				} else {
					to = spans[i].start
				}
			}
			piece := n
			if divides {
				piece.Text = text[from-start : to-start]
			} else {
				to = end
			}
			add(piece, in)
			if from = to; from >= end {
				break
			}
		}
	}
	return out
}
