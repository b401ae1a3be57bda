package alert

import (
	"encoding/binary"
	"math/bits"
	"strings"
	"unicode/utf8"
	"unsafe"
)

// The methods in this file read JSON as it stands and note what the lens shows. Each takes the place where its value begins
// and answers the place behind it, or -1 for what is no JSON or more than plain; encoding/json would take all that they take.

func skipBlanks(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t' || s[i] == '\r' || s[i] == '\n') {
		i++
	}
	return i
}

// object reads an object. k is what is of interest in it, nil for nothing.
func (g *Glance) object(s string, i int, k *lensKey, depth int) int {
	if depth > maxLensDepth {
		return -1
	}
	if i = skipBlanks(s, i+1); i < len(s) && s[i] == '}' {
		return i + 1
	}
	for i < len(s) && s[i] == '"' {
		start := i + 1
		end, plain := endOfText(s, start)
		if end < 0 {
			return -1
		}
		var of *lensKey
		if k != nil {
			if !plain {
				return -1
			}
			if of = k.find(s[start:end]); of != nil {
				if g.seen[of.n] == g.turn { // of two the last one counts
					return -1
				}
				g.seen[of.n] = g.turn
			}
		} else if !plain && !escapesAreRight(s[start:end]) {
			return -1
		}
		if i = end + 1; i >= len(s) || s[i] != ':' {
			if i = skipBlanks(s, i); i >= len(s) || s[i] != ':' {
				return -1
			}
		}
		if i++; i < len(s) && s[i] <= ' ' {
			i = skipBlanks(s, i)
		}
		if i = g.value(s, i, of, depth); i < 0 {
			return -1
		}
		if i < len(s) && s[i] <= ' ' {
			i = skipBlanks(s, i)
		}
		if i >= len(s) {
			return -1
		}
		switch s[i] {
		case '}':
			return i + 1
		case ',':
			if i++; i < len(s) && s[i] <= ' ' {
				i = skipBlanks(s, i)
			}
		default:
			return -1
		}
	}
	return -1
}

func (k *lensKey) find(name string) *lensKey {
	if k.has&lensBit(name) == 0 {
		return nil
	}
	for _, of := range k.keys {
		if of.name == name {
			return of
		}
	}
	return nil
}

// value reads a value. k is what is of interest in it, nil for nothing.
func (g *Glance) value(s string, i int, k *lensKey, depth int) int {
	if i >= len(s) {
		return -1
	}
	switch c := s[i]; {
	case c == '"':
		end, plain := endOfText(s, i+1)
		if end < 0 {
			return -1
		}
		if k != nil && k.wanted() {
			text, ok := s[i+1:end], true
			if text, ok = g.plain(text, plain); !ok {
				return -1
			}
			g.note(k, text, true)
		} else if !plain && !escapesAreRight(s[i+1:end]) {
			return -1
		}
		return end + 1
	case c == '{':
		if k != nil && k.slot >= 0 {
			g.slots[k.slot].kind = lensObject
		}
		if k != nil && len(k.keys) == 0 {
			k = nil
		}
		return g.object(s, i, k, depth+1)
	case c == '[':
		return g.array(s, i, k, depth+1)
	case c == '-' || '0' <= c && c <= '9':
		end, whole := endOfNumber(s, i)
		if end >= 0 && k != nil && k.wanted() {
			if !whole { // it is written in many ways
				return -1
			}
			g.note(k, s[i:end], false)
		}
		return end
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if strings.HasPrefix(s[i:], word) {
			if k != nil && word != "null" {
				g.note(k, word, false)
			}
			return i + len(word)
		}
	}
	return -1
}

// wanted reports whether the value itself is of interest.
func (k *lensKey) wanted() bool { return k.slot >= 0 || len(k.lookups) > 0 }

// note keeps a text, number or truth value.
func (g *Glance) note(k *lensKey, text string, isText bool) {
	if k.slot >= 0 {
		v := &g.slots[k.slot]
		v.kind, v.text = lensText, text
		if isText && text != "" { // a list of one
			v.from = len(g.list)
			g.list = append(g.list, text)
			v.to = len(g.list)
		}
	}
	g.found(k, text)
}

func (g *Glance) found(k *lensKey, text string) {
	for _, of := range k.lookups {
		values := &g.values[0][of.n]
		if of.below {
			values = &g.values[1][of.n]
		}
		*values = append(*values, text)
	}
}

// array reads an array. In one that is of interest there may be no other arrays, and no objects.
func (g *Glance) array(s string, i int, k *lensKey, depth int) int {
	if depth > maxLensDepth {
		return -1
	}
	from := len(g.list)
	i = skipBlanks(s, i+1)
	if i < len(s) && s[i] == ']' {
		i++
	} else {
		for {
			if k == nil {
				i = g.value(s, i, nil, depth)
			} else {
				i = g.item(s, i, k)
			}
			if i < 0 {
				return -1
			}
			if i = skipBlanks(s, i); i >= len(s) {
				return -1
			}
			if s[i] == ']' {
				i++
				break
			}
			if s[i] != ',' {
				return -1
			}
			i = skipBlanks(s, i+1)
		}
	}
	if k != nil && k.slot >= 0 {
		g.slots[k.slot] = lensValue{kind: lensArray, from: from, to: len(g.list)}
	}
	return i
}

// item reads an item of an array that is of interest.
func (g *Glance) item(s string, i int, k *lensKey) int {
	if i >= len(s) {
		return -1
	}
	text := ""
	switch c := s[i]; {
	case c == '"':
		end, plain := endOfText(s, i+1)
		if end < 0 {
			return -1
		}
		var ok bool
		if text, ok = g.plain(s[i+1:end], plain); !ok {
			return -1
		}
		i = end + 1
	case c == '-' || '0' <= c && c <= '9':
		end, whole := endOfNumber(s, i)
		if end < 0 || !whole {
			return -1
		}
		text, i = s[i:end], end
	case strings.HasPrefix(s[i:], "true"):
		text, i = "true", i+len("true")
	case strings.HasPrefix(s[i:], "false"):
		text, i = "false", i+len("false")
	case strings.HasPrefix(s[i:], "null"):
		return i + len("null")
	default:
		return -1
	}
	if k.slot >= 0 {
		g.list = append(g.list, text)
	}
	g.found(k, text)
	return i
}

const (
	eachByte  = 0x0101010101010101
	eachHigh  = 0x8080808080808080
	eachQuote = eachByte * '"'
	eachSlash = eachByte * '\\'
	eachBlank = eachByte * ' '
)

// endOfText is where the quotation mark stands that ends a text, or -1. plain: there is no escape in it.
func endOfText(s string, i int) (end int, plain bool) {
	plain = true
	// Eight bytes at once: those that are a quotation mark, a backslash, or below a blank get their high bit set. What stands
	// above the lowest of these may be wrong.
	for i+8 <= len(s) {
		w := binary.LittleEndian.Uint64(unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(unsafe.StringData(s)), i)), 8))
		quote, slash := w^eachQuote, w^eachSlash
		special := ((quote-eachByte)&^quote | (slash-eachByte)&^slash | (w-eachBlank)&^w) & eachHigh
		if special == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(special) / 8
		switch s[i] {
		case '"':
			return i, plain
		case '\\':
			plain = false
			i += 2 // what is escaped is looked at when the text is
		default:
			return -1, false
		}
	}
	for ; i < len(s) && s[i] >= ' '; i++ {
		switch s[i] {
		case '"':
			return i, plain
		case '\\':
			plain = false
			i++
		}
	}
	return -1, false
}

// escapesAreRight reports whether all escapes in a text are JSON's.
func escapesAreRight(text string) bool {
	for {
		i := strings.IndexByte(text, '\\')
		if i < 0 {
			return true
		}
		if i+1 == len(text) {
			return false
		}
		c := text[i+1]
		text = text[i+2:]
		switch {
		case escapes[c] != 0:
		case c == 'u' && len(text) >= 4 && isHex(text[0]) && isHex(text[1]) && isHex(text[2]) && isHex(text[3]):
			text = text[4:]
		default:
			return false
		}
	}
}

func isHex(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' }

// plain is what a text says, without its escapes; not ok where it is no UTF-8, or has an escape that is a number.
func (g *Glance) plain(text string, plain bool) (string, bool) {
	if !plain {
		start := len(g.scratch)
		for {
			i := strings.IndexByte(text, '\\')
			if i < 0 {
				break
			}
			if i+1 == len(text) || escapes[text[i+1]] == 0 {
				return "", false
			}
			g.scratch = append(append(g.scratch, text[:i]...), escapes[text[i+1]])
			text = text[i+2:]
		}
		g.scratch = append(g.scratch, text...)
		text = view(g.scratch[start:])
	}
	return text, utf8.ValidString(text)
}

// endOfNumber is the place behind a number, or -1. whole: it is integral and written as it is shown.
func endOfNumber(s string, i int) (end int, whole bool) {
	start := i
	if s[i] == '-' {
		i++
	}
	first := i
	for i < len(s) && '0' <= s[i] && s[i] <= '9' {
		i++
	}
	if n := i - first; n == 0 || n > 1 && s[first] == '0' {
		return -1, false
	}
	whole = i-first <= 18 && (s[first] != '0' || first == start)
	if i < len(s) && s[i] == '.' {
		whole = false
		from := i + 1
		for i++; i < len(s) && '0' <= s[i] && s[i] <= '9'; {
			i++
		}
		if i == from {
			return -1, false
		}
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		whole = false
		if i++; i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		from := i
		for i < len(s) && '0' <= s[i] && s[i] <= '9' {
			i++
		}
		if i == from {
			return -1, false
		}
	}
	return i, whole
}
