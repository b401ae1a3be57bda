package enrich

import (
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"

	"github.com/oschwald/maxminddb-golang/v2/mmdbdata"
)

// Bounds of one record of a database.
const (
	maxParts   = 64     // that are asked for: the bits of a uint64
	maxEntries = 10_000 // in the maps that hold them
)

// record is what one holds of that which is asked for. Of the rest, such as names in other languages, nothing is read: a city of
// MaxMind's has a hundred values, of which we use ten.
type record struct {
	parts   [maxParts]part // by their numbers in a layout
	there   uint64         // a bit for each that is not absent
	entries int
}

type part struct {
	kind   partKind
	number float64
	text   string
}

type partKind uint8

const (
	absent partKind = iota
	isText
	isNumber
	isTrue
	isOther // false, a map, or what else there is
)

// layout is where in a record the parts may stand that are asked for: a tree of keys.
type layout struct {
	root  node
	count int
}

// node is a place in a record; its number is that of the part.
type node struct {
	number int
	below  map[string]*node
}

// at are the numbers of the parts at paths, which it adds where they are new.
func (l *layout) at(all ...string) []int {
	var numbers []int
	for _, path := range all {
		n := &l.root
		for key := range strings.SplitSeq(path, ".") {
			next := n.below[key]
			if next == nil {
				l.count++
				next = &node{number: l.count}
				if n.below == nil {
					n.below = map[string]*node{}
				}
				n.below[key] = next
			}
			n = next
		}
		numbers = append(numbers, n.number)
	}
	return numbers
}

// UnmarshalMaxMindDBCursor reads the parts that are asked for, and passes over the others.
func (r *record) UnmarshalMaxMindDBCursor(c mmdbdata.Cursor) (mmdbdata.Cursor, error) {
	for ; r.there != 0; r.there &= r.there - 1 { // all of them would be 2 KB
		r.parts[bits.TrailingZeros64(r.there)] = part{}
	}
	r.entries = 0
	return r.read(c, &geoLayout.root)
}

// read reads a value, and what of it is asked for.
func (r *record) read(c mmdbdata.Cursor, n *node) (next mmdbdata.Cursor, err error) {
	p := &r.parts[n.number]
	if p.kind != absent { // its key is there twice
		return c.Skip()
	}
	kind, err := c.Kind()
	if err != nil {
		return c, err
	}
	p.kind = isOther
	r.there |= 1 << n.number
	switch kind {
	case mmdbdata.KindString:
		p.kind = isText
		p.text, next, err = c.ReadString()
	case mmdbdata.KindBool:
		var yes bool
		if yes, next, err = c.ReadBool(); yes {
			p.kind = isTrue
		}
	case mmdbdata.KindFloat64:
		p.kind = isNumber
		p.number, next, err = c.ReadFloat64()
	case mmdbdata.KindFloat32: // 51.5143, and not 51.51430130004883
		var short float32
		short, next, err = c.ReadFloat32()
		p.kind = isNumber
		p.number, _ = strconv.ParseFloat(strconv.FormatFloat(float64(short), 'g', -1, 32), 64)
	case mmdbdata.KindUint16, mmdbdata.KindUint32, mmdbdata.KindUint64:
		var whole uint64
		whole, next, err = c.ReadUint()
		p.kind, p.number = isNumber, float64(whole)
	case mmdbdata.KindInt32:
		var whole int32
		whole, next, err = c.ReadInt32()
		p.kind, p.number = isNumber, float64(whole)
	case mmdbdata.KindMap:
		return r.readMap(c, n)
	case mmdbdata.KindSlice:
		return r.readList(c, n)
	default:
		return c.Skip()
	}
	return next, err
}

func (r *record) readMap(c mmdbdata.Cursor, n *node) (mmdbdata.Cursor, error) {
	if n.below == nil {
		return c.Skip()
	}
	m, err := c.Map()
	if err != nil {
		return c, err
	}
	var value mmdbdata.Cursor
	for {
		key, at, more := m.Next(value)
		if !more {
			return m.End()
		}
		if r.entries++; r.entries > maxEntries {
			return c, fmt.Errorf("a record has more than %d entries", maxEntries)
		}
		if next := n.below[string(key)]; next != nil {
			value, err = r.read(at, next)
		} else {
			value, err = at.Skip()
		}
		if err != nil {
			return c, err
		}
	}
}

// readList reads the first of a list, of which no other is asked for.
func (r *record) readList(c mmdbdata.Cursor, n *node) (mmdbdata.Cursor, error) {
	first := n.below["0"]
	if first == nil {
		return c.Skip()
	}
	list, err := c.Slice()
	if err != nil {
		return c, err
	}
	var value mmdbdata.Cursor
	for {
		i, at, more := list.Next(value)
		if !more {
			return list.End()
		}
		if r.entries++; r.entries > maxEntries {
			return c, fmt.Errorf("a record has more than %d entries", maxEntries)
		}
		if i == 0 {
			value, err = r.read(at, first)
		} else {
			value, err = at.Skip()
		}
		if err != nil {
			return c, err
		}
	}
}

// textAt is the first text at one of the places that fits, or "".
func (r *record) textAt(places []int, fits func(string) bool) string {
	for _, i := range places {
		if p := &r.parts[i]; p.kind == isText && p.text != "" && (fits == nil || fits(p.text)) {
			return bounded(p.text)
		}
	}
	return ""
}

// numberAt is the first number at one of the places. Some files write numbers as text, and ASNs as AS15169.
func (r *record) numberAt(places []int) (float64, bool) {
	for _, i := range places {
		p := &r.parts[i]
		n := p.number
		switch p.kind {
		case isNumber:
		case isText:
			f, err := strconv.ParseFloat(strings.TrimPrefix(strings.TrimPrefix(p.text, "AS"), "as"), 64)
			if err != nil {
				continue
			}
			n = f
		default:
			continue
		}
		if !math.IsNaN(n) && !math.IsInf(n, 0) {
			return n, true
		}
	}
	return 0, false
}

// holdsAt reports whether it says so at one of the places.
func (r *record) holdsAt(places []int) bool {
	for _, i := range places {
		if p := &r.parts[i]; p.kind == isTrue || p.kind == isText && p.text == "true" {
			return true
		}
	}
	return false
}
