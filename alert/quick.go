package alert

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// quick decodes what the managers write, in a third of encoding/json's time: objects as [decode] gives them, whose
// texts share the one string. ok is false for whatever is less than plain (an error, a \u escape, bytes that are no
// UTF-8, a great depth); encoding/json then says what it is. Nothing that it takes is taken otherwise there.
func quick(text string) (o object, ok bool) {
	q := quickReader{s: text}
	q.blanks()
	if q.at() != '{' {
		return nil, false
	}
	v, ok := q.object()
	if !ok || strings.Trim(q.s[q.i:], blanks) != "" {
		return nil, false
	}
	return v, true
}

type quickReader struct {
	s     string
	i     int // where the next byte is
	depth int
}

const quickDepth = 50

// at is the next byte, or 0 at the end.
func (q *quickReader) at() byte {
	if q.i < len(q.s) {
		return q.s[q.i]
	}
	return 0
}

func (q *quickReader) blanks() {
	for q.i < len(q.s) {
		switch q.s[q.i] {
		case ' ', '\t', '\r', '\n':
			q.i++
		default:
			return
		}
	}
}

// next takes c, with blanks around it, if it comes.
func (q *quickReader) next(c byte) bool {
	q.blanks()
	if q.at() != c {
		return false
	}
	q.i++
	q.blanks()
	return true
}

func (q *quickReader) value() (any, bool) {
	switch c := q.at(); c {
	case '"':
		return q.text()
	case '{':
		return q.object()
	case '[':
		return q.array()
	case 't':
		return true, q.word("true")
	case 'f':
		return false, q.word("false")
	case 'n':
		return nil, q.word("null")
	}
	return q.number()
}

func (q *quickReader) word(w string) bool {
	if !strings.HasPrefix(q.s[q.i:], w) {
		return false
	}
	q.i += len(w)
	return true
}

func (q *quickReader) object() (map[string]any, bool) {
	if q.depth++; q.depth > quickDepth {
		return nil, false
	}
	o := map[string]any{}
	q.next('{')
	if !q.next('}') {
		for {
			if q.at() != '"' {
				return nil, false
			}
			key, ok := q.text()
			if !ok || !q.next(':') {
				return nil, false
			}
			if o[key], ok = q.value(); !ok {
				return nil, false
			}
			if q.next(',') {
				continue
			}
			if !q.next('}') {
				return nil, false
			}
			break
		}
	}
	q.depth--
	return o, true
}

func (q *quickReader) array() ([]any, bool) {
	if q.depth++; q.depth > quickDepth {
		return nil, false
	}
	a := []any{}
	q.next('[')
	if !q.next(']') {
		for {
			v, ok := q.value()
			if !ok {
				return nil, false
			}
			a = append(a, v)
			if q.next(',') {
				continue
			}
			if !q.next(']') {
				return nil, false
			}
			break
		}
	}
	q.depth--
	return a, true
}

// text takes a text, which begins here.
func (q *quickReader) text() (string, bool) {
	start := q.i + 1
	ascii := true
	for i := start; i < len(q.s); i++ {
		switch c := q.s[i]; {
		case c == '"':
			s := q.s[start:i]
			q.i = i + 1
			return s, ascii || utf8.ValidString(s)
		case c == '\\':
			return q.escaped(start, i)
		case c < ' ':
			return "", false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return "", false
}

// escapes are the letters behind a backslash, and what they stand for.
var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escaped takes a text that begins at start and has its first backslash at i.
func (q *quickReader) escaped(start, i int) (string, bool) {
	var b strings.Builder
	for i < len(q.s) {
		switch c := q.s[i]; {
		case c == '"':
			b.WriteString(q.s[start:i])
			q.i = i + 1
			s := b.String()
			return s, utf8.ValidString(s)
		case c == '\\':
			if i+1 == len(q.s) || escapes[q.s[i+1]] == 0 {
				return "", false
			}
			b.WriteString(q.s[start:i])
			b.WriteByte(escapes[q.s[i+1]])
			i += 2
			start = i
		case c < ' ':
			return "", false
		default:
			i++
		}
	}
	return "", false
}

// number takes a number by JSON's grammar.
func (q *quickReader) number() (any, bool) {
	start := q.i
	if q.at() == '-' {
		q.i++
	}
	if q.at() == '0' {
		q.i++
	} else if !q.digits() {
		return nil, false
	}
	if q.at() == '.' {
		q.i++
		if !q.digits() {
			return nil, false
		}
	}
	if c := q.at(); c == 'e' || c == 'E' {
		q.i++
		if c := q.at(); c == '+' || c == '-' {
			q.i++
		}
		if !q.digits() {
			return nil, false
		}
	}
	return number(json.Number(q.s[start:q.i])), true
}

func (q *quickReader) digits() bool {
	start := q.i
	for c := q.at(); c >= '0' && c <= '9'; c = q.at() {
		q.i++
	}
	return q.i > start
}
