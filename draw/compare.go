package draw

import (
	"slices"
	"strings"

	"github.com/ossec-notify/ossec-notify/display"
)

// Bounds of a comparison. What is over them is still shown, as gone and added in larger pieces.
const (
	maxWords     = 2000    // of a line or Pre; over it lines are compared
	maxEdits     = 1200    // between two sequences
	maxPairings  = 400_000 // of blocks that are looked at for which became which
	contextLines = 3
)

// Compare is the new tree with what was added marked + and what is gone marked -, in place: word by word within a line, by
// whole blocks else; line by line where there are very many words, with what stayed far from any change folded. Without the
// nodes marked + its text is the old one's, without those marked - it is the new one's; equal trees have no mark.
func Compare(old, new Node) Node {
	nodes := compareBlocks([]Node{old}, []Node{new})
	if len(nodes) == 1 {
		return nodes[0]
	}
	return Node{Kind: Group, Children: nodes}
}

// CompareLines compares two texts line by line, for the view of a request. What it makes stands in a Pre.
func CompareLines(old, new string) []Node {
	return compareInline(Visible(old), Visible(new), true)
}

// compareBlocks compares what stands one below the other.
func compareBlocks(old, new []Node) []Node {
	start, endOld, endNew := trim(len(old), len(new), func(i, j int) bool { return same(old[i], new[j]) })
	out := slices.Clone(new[:start])
	a, b := old[start:endOld], new[start:endNew]
	i, j := 0, 0
	flush := func(i2, j2 int) {
		for ; i < i2; i++ {
			out = append(out, changed(a[i], "-"))
		}
		for ; j < j2; j++ {
			out = append(out, changed(b[j], "+"))
		}
	}
	for _, p := range pairings(a, b) {
		flush(p[0], p[1])
		out = append(out, compareNode(a[i], b[j]))
		i, j = i+1, j+1
	}
	flush(len(a), len(b))
	return append(out, new[endNew:]...)
}

// pairings are which of the blocks a became which of b, in order: blocks of one kind and label, equal ones rather than others.
func pairings(a, b []Node) [][2]int {
	var out [][2]int
	if len(a) == 0 || len(b) == 0 {
		return nil
	}
	if len(a)*len(b) > maxPairings { // one after the other
		for i := range min(len(a), len(b)) {
			if becomes(a[i], b[i]) {
				out = append(out, [2]int{i, i})
			}
		}
		return out
	}
	// The best sum of weights of a[i:] and b[j:].
	width := len(b) + 1
	best := make([]int32, (len(a)+1)*width)
	weight := make([]int8, len(a)*len(b))
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			w := int8(0)
			if becomes(a[i], b[j]) {
				if w = 2; same(a[i], b[j]) {
					w = 5
				}
			}
			weight[i*len(b)+j] = w
			n := max(best[(i+1)*width+j], best[i*width+j+1])
			if w > 0 {
				n = max(n, int32(w)+best[(i+1)*width+j+1])
			}
			best[i*width+j] = n
		}
	}
	for i, j := 0, 0; i < len(a) && j < len(b); {
		w := weight[i*len(b)+j]
		switch {
		case w > 0 && best[i*width+j] == int32(w)+best[(i+1)*width+j+1]:
			out = append(out, [2]int{i, j})
			i, j = i+1, j+1
		case best[(i+1)*width+j] >= best[i*width+j+1]:
			i++
		default:
			j++
		}
	}
	return out
}

// becomes reports whether a block may be an earlier form of another.
func becomes(a, b Node) bool {
	if a.Kind != b.Kind || len(a.Children) == 0 || len(b.Children) == 0 {
		return same(a, b)
	}
	switch a.Kind {
	case Pair, Table, Labeled, Phone, Request, Cut:
		return a.Text == b.Text
	case Fold:
		return a.Style == b.Style
	}
	return true
}

// compareNode compares two nodes of which one may have become the other.
func compareNode(old, new Node) Node {
	if same(old, new) {
		return new
	}
	out := new
	if allWithin(old.Children) && allWithin(new.Children) {
		out.Children = compareInline(old.Children, new.Children, false)
	} else {
		out.Children = compareBlocks(old.Children, new.Children)
	}
	if note := wasNote(old, new); note != "" {
		out.Children = append(out.Children, Node{Kind: Note, Text: note, Change: "+"})
	}
	return out
}

// wasNote says what changed of a block itself.
func wasNote(old, new Node) string {
	switch {
	case new.Kind == Bar && old.Style != new.Style:
		return "the bar's colour was " + old.Style
	case new.Kind == Message && old.Text != new.Text:
		return "was " + old.Text
	}
	return ""
}

// changed is a node that was added or is gone as a whole.
func changed(n Node, change string) Node {
	n.Change = change
	return n
}

// same reports whether two trees are equal.
func same(a, b Node) bool {
	if a.Kind != b.Kind || a.Text != b.Text || a.Style != b.Style || len(a.Children) != len(b.Children) ||
		a.Trick != b.Trick || a.Was != b.Was || a.From != b.From || a.Template != b.Template {
		return false
	}
	for i := range a.Children {
		if !same(a.Children[i], b.Children[i]) {
			return false
		}
	}
	return true
}

// trim is how far two sequences are equal from the beginning, and where they are equal to the end.
func trim(n, m int, equal func(i, j int) bool) (start, endN, endM int) {
	for start < n && start < m && equal(start, start) {
		start++
	}
	for n > start && m > start && equal(n-1, m-1) {
		n, m = n-1, m-1
	}
	return start, n, m
}

// compareInline compares what stands within a line, or in a Pre: by words, or by lines.
func compareInline(old, new []Node, byLine bool) []Node {
	next := nextWord
	if byLine {
		next = nextLine
	}
	a, b := takeApart(nil, nil, old, next), takeApart(nil, nil, new, next)
	if !byLine && max(len(a), len(b)) > 2*maxWords { // words and what stands between them
		return compareInline(old, new, true)
	}
	if byLine {
		return compareLongLines(a, b)
	}
	ids := map[string]int{}
	steps := difference(numbers(ids, a), numbers(ids, b))
	return lift(build(join(a, b, meaningful(steps, a))))
}

// lift marks a node whose parts have all changed in one way, in place of its parts.
func lift(nodes []Node) []Node {
	for i := range nodes {
		n := &nodes[i]
		if len(n.Children) == 0 {
			continue
		}
		lift(n.Children)
		change := n.Children[0].Change
		if change == "" || slices.ContainsFunc(n.Children, func(c Node) bool { return c.Change != change }) {
			continue
		}
		n.Change = change
		for j := range n.Children {
			n.Children[j].Change = ""
		}
	}
	return nodes
}

// numbers gives each piece a number, the same for equal ones.
func numbers(ids map[string]int, pieces []piece) []int {
	out := make([]int, len(pieces))
	for i, p := range pieces {
		out[i] = idOf(ids, p.key())
	}
	return out
}

func idOf(ids map[string]int, key string) int {
	id, ok := ids[key]
	if !ok {
		id = len(ids)
		ids[key] = id
	}
	return id
}

// key is what makes a piece another one: what it says, how, and in what.
func (p piece) key() string {
	var b strings.Builder
	for _, n := range p.in {
		b.WriteString(wrapperKey(n))
	}
	b.WriteString(wrapperKey(&p.leaf))
	b.WriteString(p.leaf.Was)
	return b.String()
}

// wrapperKey is what makes a node another one, without its children.
func wrapperKey(n *Node) string {
	return string(n.Kind) + "\x00" + n.Style + "\x00" + n.Text + "\x00"
}

// compareLongLines compares by lines, and folds what is far from any change.
func compareLongLines(a, b []piece) []Node {
	old, new := lineStarts(a), lineStarts(b)
	ids := map[string]int{}
	steps := difference(lineNumbers(ids, a, old), lineNumbers(ids, b, new))
	if !slices.ContainsFunc(steps, func(s step) bool { return s.gone+s.added > 0 }) {
		return build(b)
	}
	var out []Node
	i, j := 0, 0
	for n, s := range steps {
		head, tail := contextLines, contextLines // what stays of the equal lines
		if n == 0 {
			head = 0
		}
		if s.gone+s.added == 0 { // the last
			tail = 0
		}
		from, to := j+head, j+s.equal-tail
		if to-from > 1 {
			out = append(out, build(b[new[j]:new[from]])...)
			out = append(out, Node{Kind: Fold, Text: display.Count(to-from, "unchanged line"), Children: build(b[new[from]:new[to]])})
			out = append(out, build(b[new[to]:new[j+s.equal]])...)
		} else {
			out = append(out, build(b[new[j]:new[j+s.equal]])...)
		}
		i, j = i+s.equal, j+s.equal
		out = append(out, build(marked(a[old[i]:old[i+s.gone]], "-"))...)
		out = append(out, build(marked(b[new[j]:new[j+s.added]], "+"))...)
		i, j = i+s.gone, j+s.added
	}
	return out
}

// marked are pieces that were added or are gone.
func marked(pieces []piece, change string) []piece {
	out := slices.Clone(pieces)
	for i := range out {
		out[i].leaf.Change = change
	}
	return out
}

// lineStarts are where lines begin, each with the line end behind it, and the end.
func lineStarts(pieces []piece) []int {
	starts := []int{0}
	for i, p := range pieces {
		if i+1 < len(pieces) && (p.leaf.Kind == Break || p.leaf.Text == "\n") {
			starts = append(starts, i+1)
		}
	}
	return append(starts, len(pieces))
}

func lineNumbers(ids map[string]int, pieces []piece, starts []int) []int {
	var out []int
	for i := range len(starts) - 1 {
		var b strings.Builder
		for _, p := range pieces[starts[i]:starts[i+1]] {
			b.WriteString(p.key())
			b.WriteByte(1)
		}
		out = append(out, idOf(ids, b.String()))
	}
	return out
}

// join is both sequences as one: what is gone before what took its place. Pieces that stood in equal nodes on both sides
// stand in one.
func join(a, b []piece, steps []step) []piece {
	var out []piece
	var last []pair // what the piece before stands in, by both sides
	add := func(p piece, change string, side int) {
		p.leaf.Change = change
		in := make([]*Node, len(p.in))
		now := make([]pair, len(p.in))
		for d, n := range p.in {
			if d < len(last) && (d == 0 || in[d-1] == last[d-1].as) && last[d].takes(n, side) {
				now[d] = last[d]
				now[d].of[side] = n
			} else {
				now[d].of[side], now[d].as = n, n
			}
			in[d] = now[d].as
		}
		p.in, last = in, now
		out = append(out, p)
	}
	i, j := 0, 0
	for _, s := range steps {
		for range s.equal {
			// It stands in the same as on the old side, too: what is gone next to it may follow.
			add(b[j], "", 1)
			for d := range min(len(last), len(a[i].in)) {
				last[d].of[0] = a[i].in[d]
			}
			i, j = i+1, j+1
		}
		for range s.gone {
			add(a[i], "-", 0)
			i++
		}
		for range s.added {
			add(b[j], "+", 1)
			j++
		}
	}
	return out
}

// pair is a node that the pieces of both sides stand in, as one of them has it.
type pair struct {
	of [2]*Node
	as *Node
}

// takes reports whether a node of one side is this one.
func (p pair) takes(n *Node, side int) bool {
	if p.of[side] != nil {
		return p.of[side] == n
	}
	return wrapperKey(p.as) == wrapperKey(n)
}

// step is so many equal elements, then some that are gone and some that were added.
type step struct{ equal, gone, added int }

// difference is how to get from one sequence to the other, by Myers's algorithm ("An O(ND) Difference Algorithm and Its
// Variations", 1986). Where they are very different, it stops looking: all that is between their equal ends has changed then.
func difference(a, b []int) []step {
	start, endA, endB := trim(len(a), len(b), func(i, j int) bool { return a[i] == b[j] })
	var out []step
	add := func(equal, gone, added int) {
		if n := len(out) - 1; n >= 0 && (equal == 0 || out[n].gone+out[n].added == 0) {
			out[n] = step{out[n].equal + equal, out[n].gone + gone, out[n].added + added}
			return
		}
		out = append(out, step{equal, gone, added})
	}
	add(start, 0, 0)
	for _, s := range myers(a[start:endA], b[start:endB]) {
		if s.equal > 0 {
			add(s.equal, 0, 0)
		}
		add(0, s.gone, s.added)
	}
	if endA < len(a) {
		add(len(a)-endA, 0, 0)
	}
	return out
}

func myers(a, b []int) []step {
	if len(a) == 0 || len(b) == 0 {
		return []step{{0, len(a), len(b)}}
	}
	limit := min(len(a)+len(b), maxEdits)
	reach := make([]int32, 2*limit+3) // by diagonal: how far along a
	at := func(k int) int { return k + limit + 1 }
	var trace [][]int32
	for d := 0; d <= limit; d++ {
		trace = append(trace, slices.Clone(reach[at(-d)-1:at(d)+2]))
		for k := -d; k <= d; k += 2 {
			var x int
			if k == -d || k != d && reach[at(k-1)] < reach[at(k+1)] {
				x = int(reach[at(k+1)])
			} else {
				x = int(reach[at(k-1)]) + 1
			}
			y := x - k
			for x < len(a) && y < len(b) && a[x] == b[y] {
				x, y = x+1, y+1
			}
			reach[at(k)] = int32(x)
			if x >= len(a) && y >= len(b) {
				return walkBack(trace, len(a), len(b))
			}
		}
	}
	return []step{{0, len(a), len(b)}}
}

// walkBack finds the way that was taken. trace holds, for each number of edits, the reaches before it, from diagonal -d-1 on.
func walkBack(trace [][]int32, x, y int) []step {
	var back []step
	for d := len(trace) - 1; d >= 0; d-- {
		reach := func(k int) int { return int(trace[d][k+d+1]) }
		k := x - y
		var before int
		if k == -d || k != d && reach(k-1) < reach(k+1) {
			before = k + 1
		} else {
			before = k - 1
		}
		if d == 0 {
			if x > 0 {
				back = append(back, step{equal: x})
			}
			break
		}
		x0 := reach(before)
		y0 := x0 - before
		s := step{}
		if before == k+1 {
			s.added = 1
			s.equal = x - x0
		} else {
			s.gone = 1
			s.equal = x - x0 - 1
		}
		// The edit comes first, then what is equal.
		if s.equal > 0 {
			back = append(back, step{equal: s.equal})
		}
		back = append(back, step{gone: s.gone, added: s.added})
		x, y = x0, y0
	}
	slices.Reverse(back)
	return back
}

// meaningful leaves no island of blanks and signs between two changes: it reads better as one.
func meaningful(steps []step, a []piece) []step {
	var out []step
	i := 0
	for _, s := range steps {
		island := len(out) > 0 && s.gone+s.added > 0 && out[len(out)-1].gone+out[len(out)-1].added > 0
		for _, p := range a[i : i+s.equal] {
			island = island && (p.leaf.Kind == Text || p.leaf.Kind == Run) && p.leaf.Text != "\n" && !strings.ContainsFunc(p.leaf.Text, isWordRune)
		}
		i += s.equal + s.gone
		if n := len(out) - 1; island {
			out[n].gone += s.equal + s.gone
			out[n].added += s.equal + s.added
			continue
		}
		out = append(out, s)
	}
	return out
}
