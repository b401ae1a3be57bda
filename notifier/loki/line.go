package loki

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// member is a key of an object with its value, as it was written.
type member struct {
	key   string
	value json.RawMessage
}

// members reads an object and keeps the order of its keys.
func members(object []byte) ([]member, bool) {
	dec := json.NewDecoder(bytes.NewReader(object))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, false
	}
	var all []member
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, false
		}
		m := member{key: key.(string)} // an object has no other keys
		if dec.Decode(&m.value) != nil {
			return nil, false
		}
		m.value = bytes.TrimSpace(m.value)
		all = append(all, m)
	}
	if _, err := dec.Token(); err != nil {
		return nil, false
	}
	_, err := dec.Token()
	return all, errors.Is(err, io.EOF)
}

// text is a line of the object in a form, within most bytes: where it is longer, first the alert as it came goes, then the end
// of the longest text.
func text(object []byte, form string, most int) (string, error) {
	write := writeJSON
	if form == formatLogfmt {
		write = writeLogfmt
	}
	all, ok := members(object)
	if !ok {
		return "", notifier.Errorf(notifier.Permanent, "loki template: the part line.json is no JSON object")
	}
	line := write(all)
	for len(line) > most {
		if !shorten(all, len(line)-most) {
			e := notifier.Errorf(notifier.Permanent, "loki template: the line has %d bytes, and there is nothing in it to cut", len(line))
			e.Hint = "Loki takes lines of 256 KB (max_line_size); see it with: ossec-notify preview"
			return "", e
		}
		line = write(all)
	}
	return line, nil
}

// cutMark ends a text that was cut.
const cutMark = "…"

// shorten takes at least so many bytes from an object, if it can.
func shorten(all []member, over int) bool {
	longest := -1
	for i, m := range all {
		if m.key == "original" && len(m.value) > 4 {
			all[i].value = json.RawMessage("null")
			return true
		}
		if m.value[0] == '"' && (longest < 0 || len(m.value) > len(all[longest].value)) {
			longest = i
		}
	}
	if longest < 0 {
		return false
	}
	var s string
	if json.Unmarshal(all[longest].value, &s) != nil {
		return false
	}
	keep := len(s) - over - len(cutMark)
	if keep <= 0 { // it gives what it has
		keep = len(s) / 2
	}
	for keep > 0 && !utf8.RuneStart(s[keep]) {
		keep--
	}
	cut := strings.TrimSuffix(s[:keep], cutMark) + cutMark
	if len(cut) >= len(s) {
		return false
	}
	all[longest].value = quote(cut)
	return true
}

func writeJSON(all []member) string {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range all {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(quote(m.key))
		b.WriteByte(':')
		_ = json.Compact(&b, m.value) // which was read as JSON
	}
	b.WriteByte('}')
	return b.String()
}

// writeLogfmt writes key=value, values in quotation marks where they need them. What is nested is JSON in them.
func writeLogfmt(all []member) string {
	var b strings.Builder
	for _, m := range all {
		var value string
		switch m.value[0] {
		case 'n':
			continue
		case '"':
			_ = json.Unmarshal(m.value, &value)
		case '[':
			var list []string
			if json.Unmarshal(m.value, &list) == nil {
				value = strings.Join(list, ",")
				break
			}
			fallthrough
		default:
			var compact bytes.Buffer
			_ = json.Compact(&compact, m.value)
			value = compact.String()
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(logfmtKey(m.key))
		b.WriteByte('=')
		if value == "" || strings.ContainsFunc(value, needsQuotes) {
			b.Write(quote(value))
		} else {
			b.WriteString(value)
		}
	}
	return b.String()
}

func needsQuotes(r rune) bool {
	return r <= ' ' || r == '"' || r == '=' || r == 0x7f || r == utf8.RuneError || r == '\\'
}

// logfmtKey is a key without what ends one.
func logfmtKey(key string) string {
	return strings.Map(func(r rune) rune {
		if needsQuotes(r) {
			return '_'
		}
		return r
	}, key)
}

// quote writes a text as JSON without the escapes for HTML.
func quote(s string) json.RawMessage {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a text can be written
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
