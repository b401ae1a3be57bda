package rules

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ossec-notify/ossec-notify/alert"
)

// maxLevel is the highest level of OSSEC's rules.
// https://ossec.net/docs/manual/rules-decoders/rule-levels.html
const maxLevel = 16

// levelSet is a set of levels: bit n is level n. OSSEC ends at 16; the bits up to topBit, which also stands for all
// that is above it, keep a set that is open upwards open. The bit noLevel is for alerts without a level: no matcher
// has it in its set, but the opposite of one does.
type levelSet uint64

const (
	topBit              = 31
	noLevel    levelSet = 1 << (topBit + 1)
	everyLevel levelSet = noLevel<<1 - 1
)

const (
	firstSeverity = int(alert.Info)
	lastSeverity  = int(alert.Critical)
)

func levelBit(level int) levelSet {
	if level < 0 {
		return noLevel
	}
	return 1 << min(level, topBit)
}

// levelMatcher holds for alerts whose level is in a set; it serves both `level` and `severity`, because a severity is
// a band of levels.
type levelMatcher struct {
	set   levelSet
	spans []span // as written, for the reasons
	// scale is set for severity, which speaks in the scale's words.
	scale *alert.Scale
}

func (m *levelMatcher) holds(a *alert.Alert) bool { return m.set&levelBit(a.Rule.Level) != 0 }

func (m *levelMatcher) explain(a *alert.Alert) (bool, string) {
	level := a.Rule.Level
	if level < 0 {
		return false, "the alert has no level"
	}
	subject := "level " + strconv.Itoa(level)
	if m.scale != nil {
		subject = fmt.Sprintf("severity %s (level %d)", m.scale.Severity(level), level)
	}
	for _, s := range m.spans {
		if s.set&levelBit(level) != 0 {
			return true, subject + " " + s.holds
		}
	}
	if len(m.spans) == 1 {
		return false, subject + " " + m.spans[0].misses
	}
	return false, subject + " is none of " + list(m.spans, func(s span) string { return s.text })
}

// ladder is what a span climbs on: levels, or severities.
type ladder struct {
	first, last int
	read        func(text string) (int, error)
	set         func(span) levelSet
	// scale is set for severities.
	scale *alert.Scale
}

func levelLadder() ladder {
	return ladder{first: 0, last: maxLevel, read: parseLevel, set: func(s span) (set levelSet) {
		last := s.last
		if s.open {
			last = topBit
		}
		for n := s.first; n <= last; n++ {
			set |= levelBit(n)
		}
		return set
	}}
}

// severityLadder makes a set of the levels whose severity is in the span.
func severityLadder(scale alert.Scale) ladder {
	return ladder{first: firstSeverity, last: lastSeverity, read: parseSeverity, scale: &scale, set: func(s span) (set levelSet) {
		for n := 0; n <= topBit; n++ {
			if v := int(scale.Severity(n)); s.first <= v && v <= s.last {
				set |= levelBit(n)
			}
		}
		return set
	}}
}

// levels builds the matcher of `level` and `severity`.
func (p *parser) levels(values []value, l ladder) matcher {
	m := &levelMatcher{scale: l.scale}
	for _, v := range values {
		s, err := parseSpan(strings.TrimSpace(v.text), l)
		if err == nil {
			if s.set = l.set(s); s.set == 0 {
				err = fmt.Errorf("%q matches no level of the scale under severity", v.text)
			}
		}
		if err != nil {
			p.problem(v.node, "%v", err)
			continue
		}
		m.set |= s.set
		m.spans = append(m.spans, s)
	}
	if len(m.spans) < len(values) {
		return nil
	}
	p.warnOfIdle(values, m.spans)
	return m
}

// warnOfIdle warns of values in a list that another value holds already: [medium, critical] looks like two severities
// and means at least medium.
func (p *parser) warnOfIdle(values []value, spans []span) {
	for i, s := range spans {
		for j, wide := range spans {
			if i == j || s.set&^wide.set != 0 || (s.set == wide.set && i < j) {
				continue
			}
			hint := ""
			if wide.plain() {
				hint = fmt.Sprintf(`; for %s alone write "=%s"`, wide.text, wide.text)
			}
			p.warn(values[i].node, "%q adds nothing beside %q, which %s%s", s.text, wide.text, wide.means(), hint)
			break
		}
	}
}

// span is a run of levels or severities, as its ordinals, with the words for alerts inside and outside of it.
type span struct {
	text          string
	first, last   int
	open          bool // no upper end
	set           levelSet
	holds, misses string
}

// plain reports whether the span is a bare value, which means "at least".
func (s span) plain() bool { return s.open && !strings.HasPrefix(s.text, ">") }

// means says what the span stands for: "means at least 7".
func (s span) means() string { return "means " + strings.TrimPrefix(s.holds, "is ") }

// parseSpan reads a bare value (at least), a value behind =, >=, >, <=, <, or a range FIRST-LAST.
func parseSpan(text string, l ladder) (span, error) {
	s := span{text: text, first: l.first, last: l.last}
	op := text[:len(text)-len(strings.TrimLeft(text, "<>=!"))]
	rest := strings.TrimSpace(text[len(op):])
	if from, to, ok := strings.Cut(rest, "-"); ok && op == "" && from != "" {
		return parseRange(s, strings.TrimSpace(from), strings.TrimSpace(to), l)
	}
	if rest == "" {
		return s, fmt.Errorf("%q lacks a value, as in %q", text, text+"7")
	}
	n, err := l.read(rest)
	if err != nil {
		return s, err
	}
	switch op {
	case "", ">=":
		s.first, s.open, s.holds, s.misses = n, true, "is at least "+rest, "is below "+rest
	case ">":
		s.first, s.open, s.holds, s.misses = n+1, true, "is above "+rest, "is not above "+rest
	case "<":
		s.last, s.holds, s.misses = n-1, "is below "+rest, "is not below "+rest
	case "<=":
		s.last, s.holds, s.misses = n, "is at most "+rest, "is above "+rest
	case "=":
		s.first, s.last, s.holds, s.misses = n, n, "is "+rest, "is not "+rest
	default:
		return s, fmt.Errorf("%q is no comparison: use =, >=, >, <= or < (for the opposite, put the matcher under not)", text)
	}
	if s.first > l.last || s.last < l.first {
		return s, fmt.Errorf("%q matches nothing: there is nothing %s", text, strings.TrimPrefix(s.holds, "is "))
	}
	return s, nil
}

func parseRange(s span, from, to string, l ladder) (span, error) {
	if to == "" {
		return s, fmt.Errorf("%q lacks its end: write %q for at least %s", s.text, ">="+from, from)
	}
	var err error
	if s.first, err = l.read(from); err == nil {
		s.last, err = l.read(to)
	}
	if err != nil {
		return s, fmt.Errorf("in %q: %w", s.text, err)
	}
	if s.first > s.last {
		return s, fmt.Errorf("%q ends before it begins: write %q", s.text, to+"-"+from)
	}
	s.holds, s.misses = "is in "+s.text, "is not in "+s.text
	return s, nil
}

func parseLevel(text string) (int, error) {
	n, err := strconv.Atoi(text)
	switch {
	case err == nil && n > maxLevel:
		return 0, fmt.Errorf("level %d is above %d, the highest of OSSEC", n, maxLevel)
	case err == nil && n < 0:
		return 0, fmt.Errorf("level %d is below 0, the lowest of OSSEC", n)
	case err == nil:
		return n, nil
	}
	if v, err := alert.ParseSeverity(text); err == nil {
		return 0, fmt.Errorf("%q is no level but a severity: write severity: %s", text, v)
	}
	return 0, fmt.Errorf("%q is no level: use a whole number from 0 to %d", text, maxLevel)
}

func parseSeverity(text string) (int, error) {
	v, err := alert.ParseSeverity(text)
	if err == nil {
		return int(v), nil
	}
	if _, err := strconv.Atoi(text); err == nil {
		return 0, fmt.Errorf("%q is no severity but a level: write level: %s", text, text)
	}
	var words []string
	for n := firstSeverity; n <= lastSeverity; n++ {
		words = append(words, alert.Severity(n).String())
	}
	return 0, fmt.Errorf("%q is no severity: %s", text, suggest(text, words, "use info, low, medium, high or critical"))
}
