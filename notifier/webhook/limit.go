package webhook

import (
	"bytes"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/templates/presets"
)

// What is too long is cut before it is escaped, quotations first and the longest of them most: so a cut never falls into
// what an escape wrote, nor leaves a span open.

// maxPieces bounds how many texts of a body are cut.
const maxPieces = 200

// fit makes a body fit into the limits. It reports whether it does.
func (p *preset) fit(root *node, asForm bool) bool {
	for _, l := range p.Limits.Fields {
		if l.Unit == presets.Items {
			for _, n := range find(root, l.Path) {
				if n.kind == isList && len(n.items) > l.Max {
					n.items = shortened(n.items, l)
				}
			}
		}
	}
	for _, l := range p.Limits.Fields {
		if l.Unit == presets.Items || l.Sum {
			continue
		}
		for _, n := range find(root, l.Path) {
			for _, s := range stringsOf(n) {
				p.form.shrink(s, l.Max, func() bool { return length(p.form.string(s), l.Unit) <= l.Max })
				if length(p.form.string(s), l.Unit) > l.Max {
					s.show(s.quote, l.Max, l.Unit)
				}
			}
		}
	}
	for _, l := range p.Limits.Fields {
		if !l.Sum {
			continue
		}
		var under []*node
		for _, n := range find(root, l.Path) {
			under = append(under, stringsOf(n)...)
		}
		p.cut(root, under, l.Unit, l.Max, func() int { return p.sum(under, l.Unit) - l.Max })
	}
	if p.Limits.Body == 0 {
		return true
	}
	over := func() int { return p.size(root, asForm) - p.Limits.Body }
	// Thousands of small texts, as an alert's own JSON may have, give way together: cutting each would take long and leave too much.
	for _, path := range p.Limits.CutFirst {
		for _, n := range find(root, path) {
			if n.kind == isString || len(stringsOf(n)) <= maxPieces || over() <= 0 {
				continue
			}
			if items := n.items; n.kind == isList { // its first ones stay
				gone := sort.Search(len(items), func(k int) bool {
					n.items = items[:len(items)-k]
					return over() <= 0
				})
				n.items = items[:len(items)-gone]
				continue
			}
			n.keys, n.items = nil, nil
		}
	}
	if over() > 0 {
		p.cut(root, stringsOf(root), presets.Bytes, p.Limits.Body, over)
	}
	return over() <= 0
}

// shortened is a list of more elements than the vendor takes, with as many as it does: the last ones as the preset says, and in the
// place of those that are left out one that tells how many they are.
func shortened(items []*node, l presets.Limit) []*node {
	end := len(items) - l.Last
	if l.More == "" {
		return slices.Concat(items[:l.Max-l.Last], items[end:])
	}
	first := l.Max - l.Last - 1
	more, err := parse(strings.ReplaceAll(l.More, "{more}", strconv.Itoa(end-first)), nil)
	if err != nil { // it was made of YAML
		more = &node{kind: isLiteral, literal: "null"}
	}
	return slices.Concat(items[:first], []*node{more}, items[end:])
}

func (p *preset) sum(texts []*node, u presets.Unit) int {
	n := 0
	for _, s := range texts {
		n += length(p.form.string(s), u)
	}
	return n
}

// size is that of the body as it travels, before gzip.
func (p *preset) size(root *node, asForm bool) int {
	if asForm {
		s, _ := p.form.encodeForm(root)
		return len(s)
	}
	return len(p.encoded(root))
}

// encoded is a body as JSON.
func (p *preset) encoded(root *node) []byte {
	var b bytes.Buffer
	p.form.encode(&b, root)
	return b.Bytes()
}

// cut shortens texts until over says that nothing is over a limit: quotations of those that the preset names first, then of
// the others, the longest first; in the end words, too.
func (p *preset) cut(root *node, texts []*node, u presets.Unit, limit int, over func() int) {
	var first []*node
	for _, path := range p.Limits.CutFirst {
		for _, n := range find(root, path) {
			first = append(first, stringsOf(n)...)
		}
	}
	order := slices.DeleteFunc(first, func(n *node) bool { return !slices.Contains(texts, n) })
	others := slices.DeleteFunc(slices.Clone(texts), func(n *node) bool { return slices.Contains(order, n) })
	slices.SortStableFunc(others, func(a, b *node) int { return length(p.form.string(b), u) - length(p.form.string(a), u) })
	order = append(order, others...)
	order = order[:min(len(order), maxPieces)] // each is looked at with all of the body
	fits := func() bool { return over() <= 0 }
	for _, n := range order {
		if fits() {
			return
		}
		p.form.shrink(n, limit, fits)
	}
	for range 2 { // escapes make more of a byte than one
		for _, n := range order {
			if left := over(); left > 0 {
				n.show(n.quote, max(length(p.form.string(n), u)-left-length("…", u), length("…", u)), u) // nothing would be no text any more
			}
		}
	}
}

// shrink shows as much of a string's quotations as fits, and at least a little. No more than limit can.
func (f *form) shrink(n *node, limit int, fits func() bool) {
	if fits() {
		return
	}
	most := min(f.longest(n), limit+1)
	if n.quote >= 0 {
		most = min(most, n.quote)
	}
	shown := sort.Search(most, func(cut int) bool { // the least that is cut
		n.show(most-cut-1, n.whole, n.unit)
		return fits()
	})
	n.show(max(most-shown-1, 1), n.whole, n.unit)
}

// find are the nodes at a path. An * stands for any element, or any key.
func find(root *node, path string) []*node {
	at := []*node{root}
	for part := range strings.SplitSeq(path, ".") {
		var next []*node
		for _, n := range at {
			for i, item := range n.items {
				if part == "*" || n.kind == isObject && plainKey(n.keys[i]) == part || n.kind == isList && fmt.Sprint(i) == part {
					next = append(next, item)
				}
			}
		}
		at = next
	}
	return at
}

// drop takes what stands at a path out of the objects that hold it.
func drop(root *node, path string) {
	of, key := []*node{root}, path
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		of, key = find(root, path[:i]), path[i+1:]
	}
	for _, n := range of {
		for i := len(n.items) - 1; i >= 0; i-- {
			if n.kind == isObject && (key == "*" || plainKey(n.keys[i]) == key) {
				n.keys, n.items = slices.Delete(n.keys, i, i+1), slices.Delete(n.items, i, i+1)
			}
		}
	}
}

func plainKey(key []segment) string {
	var texts []display.Text
	for _, s := range key {
		texts = append(texts, s.text)
	}
	return display.Join(texts...).Raw()
}

// stringsOf are the strings at and below a node.
func stringsOf(n *node) []*node {
	if n.kind == isString {
		return []*node{n}
	}
	var all []*node
	for _, item := range n.items {
		all = append(all, stringsOf(item)...)
	}
	return all
}

// meters are how much of each limit a body takes.
func (p *preset) meters(root *node, asForm bool) []notifier.Meter {
	var all []notifier.Meter
	for _, l := range p.Limits.Fields {
		most, sum, found := 0, 0, false
		if l.Unit == presets.Items { // which text fills no more than a template lets it
			continue
		}
		for _, n := range find(root, l.Path) {
			found = true
			for _, s := range stringsOf(n) {
				k := length(p.form.string(s), l.Unit)
				most, sum = max(most, k), sum+k
			}
		}
		if l.Sum {
			most = sum
		}
		if found {
			all = append(all, notifier.Meter{Name: meterName(l), N: most, Limit: l.Max})
		}
	}
	if p.Limits.Body > 0 {
		all = append(all, notifier.Meter{Name: "body", N: p.size(root, asForm), Limit: p.Limits.Body})
	}
	return all
}

// meterName is the last word of a path, with what tells apart limits that share it.
func meterName(l presets.Limit) string {
	var words []string
	for part := range strings.SplitSeq(l.Path, ".") {
		if part != "*" {
			words = append(words, part)
		}
	}
	name := strings.Join(words[max(len(words)-2, 0):], ".")
	if l.Sum {
		name += " in all"
	}
	return name
}
