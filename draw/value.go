package draw

import (
	"encoding/json"
	"errors"
	"strings"
)

// value is JSON that was read with its order and its spelling, so that what is not known of it can be shown as it came.
type value struct {
	raw     string
	kind    byte     // { [ " or 0: a number, a word, or what is too deep
	members []member // of {
	items   []value  // of [
	taken   []bool   // of {: the members that were asked for
}

type member struct {
	key, spelled string // as the text, and as it came
	value
}

// maxBody is how many bytes of a message's body are read. A channel takes less; the page shows more only as a request.
const maxBody = 4 << 20

// maxParts is how many items or members are told apart; no message has as many. The others are one, as they came.
const maxParts = 1000

// readObject reads a JSON object.
func readObject(b []byte) (*value, error) {
	switch {
	case len(b) > maxBody:
		return nil, errors.New("it has over 4 MiB")
	case !json.Valid(b):
		return nil, errors.New("it is no JSON")
	}
	in := scanner{in: string(b)}
	v := in.value(in.piece())
	if v.kind != '{' {
		return nil, errors.New("it is no JSON object")
	}
	return &v, nil
}

// piece is the next piece that is not blank.
func (s *scanner) piece() (piece string) {
	for {
		p, _, blank := s.next()
		if !blank {
			return p
		}
	}
}

// value reads the value of valid JSON that begins with a piece.
func (s *scanner) value(piece string) value {
	start := s.at - len(piece)
	switch {
	case piece == "":
		return value{}
	case piece[0] == '"':
		return value{raw: piece, kind: '"'}
	case piece != "{" && piece != "[":
		return value{raw: piece}
	case s.depth > maxDepth:
		for depth := s.depth - 1; s.depth > depth && s.piece() != ""; {
		}
		return value{raw: s.in[start:s.at]}
	}
	v := value{kind: piece[0]}
	depth := s.depth
	for {
		p := s.piece()
		switch {
		case len(v.items)+len(v.members) == maxParts && p != "" && p != "}" && p != "]" && p != ",":
			from := s.at - len(p)
			to := s.at
			for s.depth >= depth && p != "" {
				to = s.at
				p = s.piece()
			}
			more := value{raw: s.in[from:to]}
			if v.kind == '[' {
				v.items = append(v.items, more)
			} else {
				v.members = append(v.members, member{"…", `"…"`, more})
			}
			v.raw = s.in[start:s.at]
			v.taken = make([]bool, len(v.members))
			return v
		case p == "" || p == "}" || p == "]":
			v.raw = s.in[start:s.at]
			v.taken = make([]bool, len(v.members))
			return v
		case p == ",":
		case v.kind == '[':
			v.items = append(v.items, s.value(p))
		default:
			s.piece() // the colon
			v.members = append(v.members, member{unquote(p), p, s.value(s.piece())})
		}
	}
}

// unquote is the text of a JSON string.
func unquote(raw string) string {
	if len(raw) < 2 {
		return raw
	}
	if strings.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	var s string
	if json.Unmarshal([]byte(raw), &s) != nil {
		return raw
	}
	return s
}

// take returns the member of a key, nil where there is none, and remembers that it was asked for. Of several the last
// counts, as for most who read JSON; the others are what is left.
func (v *value) take(key string) *value {
	for i := len(v.members) - 1; i >= 0; i-- {
		if v.members[i].key == key {
			v.taken[i] = true
			return &v.members[i].value
		}
	}
	return nil
}

// text is the member that is a text, "" where there is none. One of another kind counts as not asked for.
func (v *value) text(key string) string {
	for i := len(v.members) - 1; i >= 0; i-- {
		if m := &v.members[i]; m.key == key {
			if m.kind != '"' {
				return ""
			}
			v.taken[i] = true
			return unquote(m.raw)
		}
	}
	return ""
}

// list are the items of the member that is an array. One of another kind counts as not asked for.
func (v *value) list(key string) []value {
	for i := len(v.members) - 1; i >= 0; i-- {
		if m := &v.members[i]; m.key == key {
			if m.kind != '[' {
				return nil
			}
			v.taken[i] = true
			return m.items
		}
	}
	return nil
}

// ignore forgets members that nobody sees.
func (v *value) ignore(keys ...string) {
	for _, k := range keys {
		for i := range v.members {
			if v.members[i].key == k {
				v.taken[i] = true
			}
		}
	}
}

// rest is what of an object was not asked for, as labelled JSON.
func (v *value) rest(label string) []Node {
	var b strings.Builder
	for i, m := range v.members {
		if v.taken[i] {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		b.WriteString(m.spelled)
		b.WriteString(": ")
		b.WriteString(m.raw)
	}
	if b.Len() == 0 {
		return nil
	}
	return []Node{labelled(label, "{"+b.String()+"}")}
}

// labelled is JSON that is not known, set out.
func labelled(label, raw string) Node {
	return Node{Kind: Labeled, Text: label, Children: Indented([]byte(raw))}
}
