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

// QuickLevel is the level of the rule, by the begin of an alert of JSON on one line. It is ok only where [Parse] would say the
// same, though the rest of the line is not looked at, and may be damaged: nothing in it can be a second level.
func QuickLevel(line []byte) (n int, ok bool) {
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
	rest := line[i:]
	// Of two keys that are the same the last one counts. The level may be under another name as well, in an escape.
	if endsKey(rest, 'u', `"r`, `le"`) || escapesASCII(view(rest)) || endsKey(rest, 'v', `"le`, `el"`) && !levelledOnce(line, i) {
		return 0, false
	}
	return level(n), true
}

// BeginsWithLevel reports whether a text begins as the managers' alerts do, with the time and the level of the rule, so that
// [Parse] knows it for an alert, whatever is wrong with the rest.
func BeginsWithLevel(text []byte) bool {
	i := levelPlace(text)
	return i >= 0 && '1' <= text[i] && text[i] <= '9' && len(text) <= DefaultLimit
}

// levelledOnce reports whether the object of the rule has no other level; what is behind it may have. i is where it goes on.
func levelledOnce(line []byte, i int) bool {
	var g Glance
	s := view(line)
	for s[i] == ',' {
		end, plain := endOfText(s, i+2)
		if s[i+1] != '"' || end < 0 || !plain || s[i+2:end] == "level" || end+1 >= len(s) || s[end+1] != ':' {
			return false
		}
		if i = g.value(s, end+2, nil, 2); i < 0 || i >= len(s) {
			return false
		}
	}
	return s[i] == '}'
}

// levelPlace is where the digits of the level begin; -1 if that is not where managers write it.
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
	return end >= 0 && strings.Trim(s[end:], blanks) == ""
}

// IsLogHeader reports whether a text begins as an alert of alerts.log does: "** Alert 1795440503.34:".
func IsLogHeader(text []byte) bool { return isLogHeader(text) }
