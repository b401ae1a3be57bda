package rules

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/alert"
)

// NewMatches makes a Match of several matchers given as text, all of which must hold: see NewMatch. The error joins
// every mistake.
func NewMatches(pairs map[string][]string, scale alert.Scale) (*Match, error) {
	if len(pairs) == 0 {
		return nil, errors.New("there is no matcher, and what matches every alert has to be said in another way")
	}
	all := &Match{}
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(pairs)) {
		m, err := NewMatch(key, pairs[key], scale)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all.entries = append(all.entries, m.entries...)
	}
	if errs != nil {
		return nil, errors.Join(errs...)
	}
	return all, nil
}

// String is the match as the config may say it, in one line: {rule: 5710, agent: [web-01, web-02]}. ParseMatchText
// reads it. It is {} where the match is nil.
func (m *Match) String() string {
	var b strings.Builder
	m.write(&b)
	return b.String()
}

// MarshalText is String: what keeps a match keeps its text. A nil match has none.
func (m *Match) MarshalText() ([]byte, error) {
	if m == nil {
		return nil, errors.New("a match that takes every alert has no text")
	}
	return []byte(m.String()), nil
}

// ParseMatchText reads what String and MarshalText write, and any other match in YAML. The scale gives severities their
// levels, so that a match that was kept means what the config means now.
func ParseMatchText(text string, scale alert.Scale) (*Match, error) {
	m, _, err := parseMatchText(text, scale)
	return m, err
}

// MatchWarnings say what of a text that ParseMatchText takes is allowed and hardly meant, as [ParseRoutes] says it of a config.
func MatchWarnings(text string, scale alert.Scale) []string {
	_, problems, _ := parseMatchText(text, scale)
	var out []string
	for _, problem := range byPlace(problems) {
		if problem.Warning {
			out = append(out, problem.Message)
		}
	}
	return out
}

func parseMatchText(text string, scale alert.Scale) (*Match, []Problem, error) {
	var node yaml.Node
	if err := yaml.Load([]byte(text), &node); err != nil {
		return nil, nil, fmt.Errorf("no match: %w", err)
	}
	p := newParser(scale)
	if len(node.Content) == 0 {
		return nil, nil, errors.New("no match: the text is empty")
	}
	m := p.match(node.Content[0], "match")
	if err := p.err(); err != nil {
		return nil, p.problems, err
	}
	return m, p.problems, nil
}

// write writes the match in YAML's flow style. Texts are in quotes unless they are plain words, so that YAML makes of
// them what they are.
func (m *Match) write(b *strings.Builder) {
	b.WriteByte('{')
	if m != nil {
		for i, e := range m.entries {
			if i > 0 {
				b.WriteString(", ")
			}
			if key := plain(e.key); len(key) < 1000 {
				b.WriteString(key)
			} else {
				b.WriteString("? " + key + " ") // longer keys have to be announced
			}
			b.WriteString(": ")
			e.write(b)
		}
	}
	b.WriteByte('}')
}

func (e *entry) write(b *strings.Builder) {
	switch m := e.matcher.(type) {
	case *anyMatcher:
		writeBranches(b, m.branches)
	case *allMatcher:
		writeBranches(b, m.branches)
	case *notMatcher:
		m.branch.write(b)
	default:
		texts := make([]string, len(e.texts))
		for i, v := range e.texts {
			texts[i] = plain(v.text)
		}
		if text := strings.Join(texts, ", "); e.list {
			b.WriteString("[" + text + "]")
		} else {
			b.WriteString(text)
		}
	}
}

func writeBranches(b *strings.Builder, branches []*Match) {
	b.WriteByte('[')
	for i, m := range branches {
		if i > 0 {
			b.WriteString(", ")
		}
		m.write(b)
	}
	b.WriteByte(']')
}

// plainWord is what YAML takes as it stands, anywhere.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]*$`)

// plain is a text for YAML: a plain word, or in quotes. The escapes of Go are escapes of YAML, but for bytes that are no
// UTF-8, which no text of a match holds.
func plain(text string) string {
	if plainWord.MatchString(text) && !strings.EqualFold(text, "null") {
		return text
	}
	return strconv.Quote(text)
}

// checkUTF8 is for texts of a command line: those that YAML reads are UTF-8.
func checkUTF8(key, text string) error {
	if !utf8.ValidString(text) {
		return fmt.Errorf("%s: %q is not UTF-8", key, text)
	}
	return nil
}
