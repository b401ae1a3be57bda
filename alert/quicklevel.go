package alert

import (
	"bytes"
	"strings"
)

// The managers write the level first of all: Wazuh {"timestamp":"2026-11-14T09:10:03.111+0100","rule":{"level":10, and
// ossec-hids {"rule":{"level":10,
const (
	lineTime  = `{"timestamp":"`
	lineRule  = `{"rule":{"level":`
	behindSo  = `,"rule":{"level":`
	mostOfIt  = 64 // where the level begins at the latest
	timeWidth = len("2026-11-14T09:10:03.111+0100")
)

// QuickLevel is the level of the rule, by the begin of an alert of JSON on one line, or of alerts.log. It is ok only where [Parse]
// would say the same, though the rest of the line is not looked at, and may be damaged: nothing in it can be a second level.
func QuickLevel(line []byte) (n int, ok bool) {
	if len(line) > 0 && line[0] == logStart[0] {
		return logLevel(line)
	}
	i := levelPlace(line)
	if i < 0 || len(line) > DefaultLimit {
		return 0, false
	}
	start := i
	for ; i < len(line) && i < start+4 && '0' <= line[i] && line[i] <= '9'; i++ {
		n = 10*n + int(line[i]-'0')
	}
	if i == start || i >= len(line) || line[i] != ',' && line[i] != '}' || line[start] == '0' && i > start+1 {
		return 0, false
	}
	// Of two keys that are the same the last one counts. The level may be under another name as well, in an escape.
	switch marksIn(line[i:]) {
	case anotherRule:
		return 0, false
	case anotherLevel:
		if !levelledOnce(line, i) {
			return 0, false
		}
	}
	return level(n), true
}

// logLevel is QuickLevel, of alerts.log: the rule stands on the third line.
func logLevel(text []byte) (n int, ok bool) {
	if !bytes.HasPrefix(text, []byte(logStart)) || len(text) > DefaultLimit {
		return 0, false
	}
	_, rest, _ := bytes.Cut(text, []byte("\n"))
	place, rest, _ := bytes.Cut(rest, []byte("\n"))
	rule, _, _ := bytes.Cut(rest, []byte("\n"))
	if place = bytes.TrimSuffix(place, []byte("\r")); len(place) <= 21 || !isDate(view(place)) {
		return 0, false
	}
	rule, isRule := bytes.CutPrefix(rule, []byte("Rule: "))
	_, rule, found := bytes.Cut(rule, []byte(" (level "))
	number, _, ended := bytes.Cut(rule, []byte(") -> '"))
	if !isRule || !found || !ended || len(number) > 3 || !digits(view(number)) {
		return 0, false
	}
	for _, c := range number {
		n = 10*n + int(c-'0')
	}
	return level(n), true
}

// mark is what there is of keys that count behind the level.
type mark int

const (
	noMark       mark = iota
	anotherLevel      // "level", and nothing else
	anotherRule       // "rule", or an escape that may hide a key
)

// marksIn looks for them.
func marksIn(text []byte) (found mark) {
	if !fastMarks {
		return marksSlowly(text)
	}
	for from := 0; ; from++ {
		if len(text)-from < minMarks {
			// Overlapping what was looked at: a mark is longer than one byte.
			return max(found, marksSlowly(text[max(0, from-maxMark):]))
		}
		i := nextMark(&text[from], len(text)-from)
		if i < 0 {
			return found
		}
		from += i
		switch rest := text[from:]; {
		case bytes.HasPrefix(rest, []byte(`"rule"`)):
			return anotherRule
		case bytes.HasPrefix(rest, []byte(`"level"`)):
			found = anotherLevel
		case bytes.HasPrefix(rest, []byte(`\u00`)) && len(rest) > 4 && '2' <= rest[4] && rest[4] <= '7':
			return anotherRule // or an escaped backslash with such letters behind it: then it is looked at in full
		}
	}
}

// maxMark is more than a mark is long.
const maxMark = 8

// marksSlowly is marksIn, for any processor.
func marksSlowly(text []byte) mark {
	switch {
	case endsKey(text, 'u', `"r`, `le"`) || bytes.Contains(text, []byte(`\u00`)) && escapesASCII(view(text)):
		return anotherRule
	case endsKey(text, 'v', `"le`, `el"`):
		return anotherLevel
	}
	return noMark
}

// BeginsWithLevel reports whether a text begins as the managers' alerts do, with the time and the level of the rule, so that
// [Parse] knows it for an alert, whatever is wrong with the rest.
func BeginsWithLevel(text []byte) bool {
	i := levelPlace(text)
	return i >= 0 && i < len(text) && '1' <= text[i] && text[i] <= '9' && len(text) <= DefaultLimit
}

// levelledOnce reports whether the object of the rule has no other level; what is behind it may have. i is where it goes on.
func levelledOnce(line []byte, i int) bool {
	var g Glance
	s := view(line)
	for s[i] == ',' {
		if !strings.HasPrefix(s[i:], `,"`) {
			return false
		}
		end, plain := endOfText(s, i+2)
		if end < 0 || !plain || s[i+2:end] == "level" || end+1 >= len(s) || s[end+1] != ':' {
			return false
		}
		if i = g.value(s, end+2, nil, 2); i < 0 || i >= len(s) {
			return false
		}
	}
	return s[i] == '}'
}

// levelPlace is where the digits of the level begin, which may be the end of the line; -1 if that is not where managers write it.
func levelPlace(line []byte) int {
	if len(line) < mostOfIt {
		return -1
	}
	if string(line[:len(lineRule)]) == lineRule {
		return len(lineRule)
	}
	if string(line[:len(lineTime)]) != lineTime {
		return -1
	}
	end := len(lineTime) + timeWidth
	if line[end] != '"' || end != len(lineTime)+bytes.IndexByte(line[len(lineTime):end+1], '"') {
		if end = len(lineTime) + bytes.IndexByte(line[len(lineTime):mostOfIt], '"'); end < len(lineTime) {
			return -1
		}
	}
	for _, c := range line[len(lineTime):end] {
		if c < ' ' || c == '\\' {
			return -1
		}
	}
	behind := line[end+1:]
	if len(behind) < len(behindSo) || string(behind[:len(behindSo)]) != behindSo {
		return -1
	}
	return end + 1 + len(behindSo)
}

// endsKey reports whether before+c+after stands in b. c is the rarest of its letters, and looked for.
func endsKey(b []byte, c byte, before, after string) bool {
	for from := 0; ; {
		i := bytes.IndexByte(b[from:], c)
		if i < 0 {
			return false
		}
		i += from
		from = i + 1
		if i >= len(before) && len(b)-from >= len(after) && string(b[i-len(before):i]) == before && string(b[from:from+len(after)]) == after {
			return true
		}
	}
}

// Whole reports whether a line is a JSON object from end to end. It may say no of one that is; see [Parse].
func (g *Glance) Whole(line []byte) bool {
	if len(line) == 0 || line[0] != '{' {
		return false
	}
	s := view(line)
	end := g.object(s, 0, nil, 1)
	return end == len(s) || end >= 0 && strings.Trim(s[end:], blanks) == ""
}

// IsLogHeader reports whether a text begins as an alert of alerts.log does: "** Alert 1795440503.34:".
func IsLogHeader(text []byte) bool { return isLogHeader(text) }
