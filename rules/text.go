package rules

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ossec-notify/ossec-notify/alert"
)

// textMatcher holds for alerts with a text that matches one of some patterns; negated, for alerts that have such a
// text and none of them matches. Where a field has several values (an array of the original), any of them will do,
// and negated none of them may match.
type textMatcher struct {
	field
	patterns []*pattern
	negated  bool
}

// field is a text of an alert: one, or for field.<path> any number.
type field struct {
	key  string
	one  func(*alert.Alert) string
	many func(*alert.Alert) []string
}

func (m *textMatcher) holds(a *alert.Alert) bool {
	if m.one != nil {
		s := m.one(a)
		return s != "" && m.any(s) != m.negated
	}
	return m.of(m.many(a))
}

// of answers for the values of a field that has several.
func (m *textMatcher) of(values []string) bool {
	lacking := true
	for _, s := range values {
		if s == "" {
			continue
		}
		if lacking = false; m.any(s) {
			return !m.negated
		}
	}
	return m.negated && !lacking
}

func (m *textMatcher) any(s string) bool {
	for _, p := range m.patterns {
		if p.matches(s) {
			return true
		}
	}
	return false
}

func (m *textMatcher) explain(a *alert.Alert) (bool, string) {
	values := m.values(a)
	if len(values) == 0 {
		return false, "the alert has no " + m.key
	}
	for _, s := range values {
		for _, p := range m.patterns {
			if reason, ok := p.find(s); ok {
				return !m.negated, m.key + " " + quote(s) + " " + reason
			}
		}
	}
	subject := m.key + " " + quoteAll(values)
	if len(m.patterns) == 1 {
		return m.negated, subject + " " + m.patterns[0].misses()
	}
	return m.negated, subject + " matches none of " + list(m.patterns, (*pattern).shown)
}

// values are the texts that the alert has; an empty one is none.
func (m *textMatcher) values(a *alert.Alert) []string {
	var all []string
	if m.one != nil {
		all = []string{m.one(a)}
	} else {
		all = m.many(a)
	}
	var values []string
	for _, s := range all {
		if s != "" {
			values = append(values, s)
		}
	}
	return values
}

// textField is the field of a known key.
func textField(key string) field {
	f := field{key: key}
	switch key {
	case "location":
		f.one = func(a *alert.Alert) string { return a.Location }
	case "agent":
		f.one = func(a *alert.Alert) string { return a.Agent.Name }
	case "host":
		f.one = func(a *alert.Alert) string { return a.Host }
	case "program":
		f.one = func(a *alert.Alert) string { return a.Program }
	case "decoder":
		f.one = func(a *alert.Alert) string { return a.Decoder }
	case "user":
		f.one = func(a *alert.Alert) string { return a.User }
	case "log":
		f.one = func(a *alert.Alert) string { return a.Log }
	case "manager":
		f.one = func(a *alert.Alert) string { return a.Manager }
	default:
		path := strings.TrimPrefix(key, fieldPrefix)
		f.many = func(a *alert.Alert) []string { return a.Lookup(path) }
	}
	return f
}

// texts builds the matcher of a text field.
func (p *parser) texts(f field, values []value, list bool) matcher {
	m := &textMatcher{field: f}
	for _, v := range values {
		text, negated := strings.CutPrefix(v.text, "!")
		switch {
		case negated && list:
			p.problem(v.node, "%q: a list takes no !, because any of its items is enough: write not: {%s: %s}", v.text, f.key, strconv.Quote(text))
			continue
		case negated && strings.HasPrefix(text, "~"):
			p.problem(v.node, "%q: ! does not go with a regular expression: write not: {%s: %s}", v.text, f.key, strconv.Quote(text))
			continue
		case negated && text == "":
			p.problem(v.node, "%q lacks the text that it negates", v.text)
			continue
		}
		pattern, err := parsePattern(text)
		if err != nil {
			p.problem(v.node, "%v", err)
			continue
		}
		switch {
		case pattern.regexp != nil:
		case f.key == "agent" && strings.Trim(text, "*") != text && !strings.HasSuffix(text, ".*"): // names of agents hold none
			p.warn(v.node, "%q holds a *, which is taken letter by letter: leave it out, for a part of the name is enough", v.text)
		case looksLikeRegexp(text):
			meant := strconv.Quote("~" + text)
			if negated {
				meant = fmt.Sprintf("not: {%s: %s}", f.key, meant)
			}
			p.warn(v.node, "%q looks like a regular expression, and is taken letter by letter: write %s", v.text, meant)
		}
		m.patterns = append(m.patterns, pattern)
		m.negated = negated
	}
	if len(m.patterns) < len(values) {
		return nil
	}
	return m
}
