package rules

import (
	"slices"
	"strings"

	"github.com/ossec-notify/ossec-notify/alert"
)

// wordMatcher holds for alerts that have one of some exact words: rule groups, MITRE references, the agent's id.
type wordMatcher struct {
	property
	words []string
}

// property is what a wordMatcher looks at.
type property struct {
	key string
	// many is true where an alert may have several, which changes the words of the reasons.
	many bool
	// has is the fast way to ask for one word, all the slow way to see them.
	has func(a *alert.Alert, word string) bool
	all func(a *alert.Alert) []string
}

var (
	group = property{
		key: "group", many: true,
		has: func(a *alert.Alert, word string) bool { return slices.Contains(a.Rule.Groups, word) },
		all: func(a *alert.Alert) []string { return a.Rule.Groups },
	}
	mitre = property{
		key: "mitre", many: true,
		has: func(a *alert.Alert, word string) bool {
			m := &a.Rule.MITRE
			return slices.Contains(m.IDs, word) || slices.Contains(m.Tactics, word) || slices.Contains(m.Techniques, word)
		},
		all: func(a *alert.Alert) []string {
			m := &a.Rule.MITRE
			return slices.Concat(m.IDs, m.Tactics, m.Techniques)
		},
	}
	agentID = property{
		key: "agent_id",
		has: func(a *alert.Alert, word string) bool { return a.Agent.ID == word },
		all: func(a *alert.Alert) []string {
			if a.Agent.ID == "" {
				return nil
			}
			return []string{a.Agent.ID}
		},
	}
)

func (m *wordMatcher) holds(a *alert.Alert) bool {
	_, ok := m.find(a)
	return ok
}

func (m *wordMatcher) find(a *alert.Alert) (string, bool) {
	for _, word := range m.words {
		if m.has(a, word) {
			return word, true
		}
	}
	return "", false
}

func (m *wordMatcher) explain(a *alert.Alert) (bool, string) {
	verb := " is "
	if m.many {
		verb = " has "
	}
	if word, ok := m.find(a); ok {
		return true, m.key + verb + quote(word)
	}
	all := m.all(a)
	if len(all) == 0 {
		return false, "the alert has no " + m.key
	}
	no := "not "
	switch {
	case len(m.words) > 1:
		no = "none of "
	case m.many:
		no = "no "
	}
	return false, m.key + " " + quoteAll(all) + verb + no + quoteAll(m.words)
}

// words builds the matcher of a property.
func (p *parser) words(values []value, of property) matcher {
	m := &wordMatcher{property: of}
	for _, v := range values {
		if p.wrongWord(v, of.key) {
			continue
		}
		m.words = append(m.words, v.text)
	}
	if len(m.words) < len(values) {
		return nil
	}
	return m
}

// wrongWord reports what no such word can be: the notations of other matchers, which here would be taken literally
// and match nothing.
func (p *parser) wrongWord(v value, key string) bool {
	switch {
	case strings.HasPrefix(v.text, "!"):
		p.problem(v.node, "%s takes no !: write not: {%s: %s}", key, key, strings.TrimLeft(v.text, "! "))
	case strings.TrimSpace(v.text) != v.text:
		p.problem(v.node, "%q has blanks at its ends, and %s is compared exactly: remove them", v.text, key)
	case key == "group" && strings.ContainsAny(v.text, ",|"):
		p.problem(v.node, "%q is no group: write several as a list, [%s]", v.text, listed(strings.Trim(v.text, "~^$()"), ",|"))
	default:
		if LooksLikePattern(v.text) {
			p.warn(v.node, "%q looks like a regular expression, and %s is compared exactly: write whole words, each by itself", v.text, key)
		}
		if _, ok := number(v.text); ok && key == "agent_id" && len(v.text) < 3 {
			p.warn(v.node, "agent ids have three digits or more: did you mean %q?", strings.Repeat("0", 3-len(v.text))+v.text)
		}
		return false
	}
	return true
}

// listed writes the parts of a text as the items of a YAML list.
func listed(text, separators string) string {
	parts := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(separators, r) })
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return strings.Join(parts, ", ")
}
