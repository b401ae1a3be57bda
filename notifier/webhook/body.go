package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/templates/presets"
)

// node is a value of a preset's body.
type node struct {
	kind nodeKind
	// literal is a number, true, false or null, as it was written, or a secret.
	literal string
	text    []segment // of a string
	keys    [][]segment
	items   []*node // of a list, or the values of an object

	quote int // how many characters of a quotation are shown; below 0 all
	whole int // how much of the text is shown, in unit; below 0 all
	unit  presets.Unit
	made  string // what the text is, while it is ready
	ready bool
}

type nodeKind byte

const (
	isLiteral nodeKind = iota
	isString
	isList
	isObject
	isSecret // a text that is neither cut nor escaped
)

// segment is a piece of a string: words, or quotations from the alert that stand side by side.
type segment struct {
	text   display.Text
	quoted bool
	wrap   rune // presets.CodeOpen, presets.FenceOpen, presets.PlainOpen, or 0
}

// maxNesting bounds how deep a body is nested.
const maxNesting = 100

// parseBody reads JSON with quotations in its strings, as a template made it.
func parseBody(body display.Text) (*node, error) {
	var b strings.Builder
	var quotes []display.Text
	for i := range body {
		span := body[i : i+1]
		if !span.HasQuote() {
			b.WriteString(withoutQuoteMarks(span.Raw()))
			continue
		}
		fmt.Fprintf(&b, "%c%d%c", presets.QuoteOpen, len(quotes), presets.QuoteClose)
		quotes = append(quotes, span)
	}
	return parse(b.String(), quotes)
}

// withoutQuoteMarks takes out of words what would pass for a quotation.
func withoutQuoteMarks(s string) string {
	return strings.NewReplacer(string(presets.QuoteOpen), "", string(presets.QuoteClose), "").Replace(s)
}

// parse reads JSON in whose strings quotations stand by their numbers.
func parse(j string, quotes []display.Text) (*node, error) {
	dec := json.NewDecoder(strings.NewReader(j))
	dec.UseNumber()
	n, err := parseNode(dec, quotes, 0)
	if err == nil {
		if _, more := dec.Token(); more != io.EOF {
			err = errors.New("something stands behind its end")
		}
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = errors.New("it ends too early")
	}
	return n, err
}

func parseNode(dec *json.Decoder, quotes []display.Text, depth int) (*node, error) {
	if depth > maxNesting {
		return nil, errors.New("it is nested too deeply")
	}
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	n := &node{quote: -1, whole: -1}
	switch t := token.(type) {
	case string:
		n.kind, n.text = isString, segments(t, quotes)
	case json.Delim:
		n.kind = isList
		if t == '{' {
			n.kind = isObject
		}
		for dec.More() {
			if n.kind == isObject {
				key, err := dec.Token()
				if err != nil {
					return nil, err
				}
				n.keys = append(n.keys, segments(key.(string), quotes)) // encoding/json sees to that
			}
			item, err := parseNode(dec, quotes, depth+1)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, item)
		}
		if _, err := dec.Token(); err != nil {
			return nil, err
		}
	case json.Number:
		n.literal = t.String()
		if _, err := t.Float64(); err != nil { // 1e400 is JSON, and most readers refuse all that it stands in
			n.kind, n.text = isString, []segment{{text: display.Words(n.literal)}}
		}
	default:
		b, err := json.Marshal(t)
		if err != nil {
			return nil, err
		}
		n.literal = string(b)
	}
	return n, nil
}

// segments takes a string apart, in which quotations stand by their numbers.
func segments(s string, quotes []display.Text) []segment {
	var out []segment
	wrap := rune(0)
	add := func(t display.Text, quoted bool) {
		if len(t) == 0 {
			return
		}
		if n := len(out); n > 0 && out[n-1].quoted == quoted && out[n-1].wrap == wrap {
			out[n-1].text = display.Join(out[n-1].text, t)
			return
		}
		out = append(out, segment{t, quoted, wrap})
	}
	for s != "" {
		i := strings.IndexFunc(s, presets.IsMark)
		if i < 0 {
			add(display.Words(s), false)
			break
		}
		add(display.Words(s[:i]), false)
		mark, size := utf8.DecodeRuneInString(s[i:])
		s = s[i+size:]
		switch mark {
		case presets.CodeOpen, presets.FenceOpen, presets.PlainOpen:
			wrap = mark
		case presets.CodeClose, presets.FenceClose, presets.PlainClose:
			wrap = 0
			out = append(out, segment{}) // what follows is no part of it, though it be wrapped, too
		case presets.QuoteOpen:
			number, rest, closed := strings.Cut(s, string(presets.QuoteClose))
			if k, err := strconv.Atoi(number); closed && err == nil && k >= 0 && k < len(quotes) {
				add(quotes[k], true)
				s = rest
			}
		}
	}
	return out
}

// string is the string of a node, as it is sent.
func (f *form) string(n *node) string {
	if !n.ready {
		n.made = f.text(n.text, n.quote)
		if n.whole >= 0 {
			n.made = cutText(n.made, n.whole, n.unit)
		}
		n.ready = true
	}
	return n.made
}

// show sets how much of a string is sent: of each quotation, and in all.
func (n *node) show(quote, whole int, unit presets.Unit) {
	n.quote, n.whole, n.unit, n.ready = quote, whole, unit, false
}

// encode writes a body as JSON.
func (f *form) encode(b *bytes.Buffer, n *node) {
	switch n.kind {
	case isString:
		writeString(b, f.string(n))
	case isSecret:
		writeString(b, n.literal)
	case isList, isObject:
		b.WriteByte("[{"[n.kind-isList])
		for i, item := range n.items {
			if i > 0 {
				b.WriteByte(',')
			}
			if n.kind == isObject {
				writeString(b, f.text(n.keys[i], -1))
				b.WriteByte(':')
			}
			f.encode(b, item)
		}
		b.WriteByte("]}"[n.kind-isList])
	default:
		b.WriteString(n.literal)
	}
}

func writeString(b *bytes.Buffer, s string) {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s)       // a text can be written
	b.Truncate(b.Len() - 1) // the line end
}

// encodeForm writes a flat object as a form.
func (f *form) encodeForm(n *node) (string, error) {
	if n.kind != isObject {
		return "", errors.New("a form is made of an object")
	}
	var b strings.Builder
	for i, item := range n.items {
		value := item.literal
		switch {
		case item.kind == isString:
			value = f.string(item)
		case item.kind != isLiteral && item.kind != isSecret:
			return "", fmt.Errorf("a form takes texts and numbers, and %q is neither", f.text(n.keys[i], -1))
		case item.kind == isLiteral && value == "null":
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(f.text(n.keys[i], -1)) + "=" + url.QueryEscape(value))
	}
	return b.String(), nil
}

// length is how long a text is, in a unit.
func length(s string, u presets.Unit) int {
	switch u {
	case presets.Bytes:
		return len(s)
	case presets.UTF16:
		n := 0
		for _, r := range s {
			n += max(utf16.RuneLen(r), 1)
		}
		return n
	}
	return utf8.RuneCountInString(s)
}

// cutText shortens a text to a length; an … then ends it.
func cutText(s string, most int, u presets.Unit) string {
	if length(s, u) <= most {
		return s
	}
	left := most - length("…", u)
	if left < 0 {
		return ""
	}
	end := 0
	for i, r := range s {
		n := length(string(r), u)
		if n > left {
			break
		}
		left -= n
		end = i + utf8.RuneLen(r)
		if r == utf8.RuneError {
			_, size := utf8.DecodeRuneInString(s[i:])
			end = i + size
		}
	}
	return s[:end] + "…"
}
