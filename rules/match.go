package rules

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// fieldPrefix begins the keys that reach any field of the original alert: field.data.srcuser.
const fieldPrefix = "field."

// matcherKeys are the keys of a match that take text, all but field.<path>; combiningKeys take matches.
var (
	matcherKeys = []string{
		"level", "severity", "rule", "group", "mitre", "srcip", "dstip", "agent_ip", "agent_id",
		"location", "agent", "host", "program", "decoder", "user", "log", "manager",
	}
	combiningKeys = []string{"any", "all", "not"}
)

// Match is a test of alerts: every matcher in it must hold. A nil Match holds for every alert. A Match is not changed
// after it was made and may be used by many at once.
type Match struct{ entries []entry }

// entry is one key of a match with its place in the config.
type entry struct {
	matcher
	key  string
	node *yaml.Node
	// texts are what the matcher was made of, one or a list of them; none for a combining key.
	texts []value
	list  bool
}

// matcher tests one thing about an alert.
type matcher interface {
	holds(a *alert.Alert) bool
	// explain answers as holds does, with the fact that decided.
	explain(a *alert.Alert) (bool, string)
	// shows is what the alert has in place of what is asked for, as it is shown; "" where it lacks it, and of what combines others.
	shows(a *alert.Alert) string
}

// Matches reports whether the alert passes. It makes no garbage, but for regular expressions and field.<path>.
func (m *Match) Matches(a *alert.Alert) bool {
	if m == nil {
		return true
	}
	for i := range m.entries {
		if !m.entries[i].holds(a) {
			return false
		}
	}
	return true
}

// Explain answers as Matches does and says why, in facts about the alert: `level 5 is below 7`. If the match holds,
// the facts of all its matchers are given, else the first that failed. Alert text in it is quoted and bounded.
func (m *Match) Explain(a *alert.Alert) (bool, string) { return inOne(m.facts(a)) }

// facts is Explain, with each fact by itself.
func (m *Match) facts(a *alert.Alert) (bool, []string) {
	if m == nil || len(m.entries) == 0 {
		return true, []string{TakesAll}
	}
	var all []string
	for _, e := range m.entries {
		held, facts := factsOf(e.matcher, a)
		if !held {
			return false, facts
		}
		all = append(all, facts...)
	}
	return true, all
}

// TakesAll is the fact about a match that asks for nothing.
const TakesAll = "takes every alert"

// factsOf is explain, with each fact by itself.
func factsOf(m matcher, a *alert.Alert) (bool, []string) {
	if m, ok := m.(combining); ok {
		return m.facts(a)
	}
	held, fact := m.explain(a)
	return held, []string{fact}
}

// combining is a matcher that asks others.
type combining interface {
	facts(a *alert.Alert) (bool, []string)
}

// inOne is facts as one text.
func inOne(held bool, facts []string) (bool, string) { return held, strings.Join(facts, ", ") }

// anyMatcher holds when one of its branches does.
type anyMatcher struct{ branches []*Match }

func (m *anyMatcher) holds(a *alert.Alert) bool {
	for _, b := range m.branches {
		if b.Matches(a) {
			return true
		}
	}
	return false
}

func (m *anyMatcher) facts(a *alert.Alert) (bool, []string) {
	var all []string
	for _, b := range m.branches {
		held, facts := b.facts(a)
		if held {
			return true, facts
		}
		all = append(all, facts...)
	}
	return false, all
}

func (m *anyMatcher) explain(a *alert.Alert) (bool, string) { return inOne(m.facts(a)) }

// allMatcher holds when all its branches do.
type allMatcher struct{ branches []*Match }

func (m *allMatcher) holds(a *alert.Alert) bool {
	for _, b := range m.branches {
		if !b.Matches(a) {
			return false
		}
	}
	return true
}

func (m *allMatcher) facts(a *alert.Alert) (bool, []string) {
	var all []string
	for _, b := range m.branches {
		held, facts := b.facts(a)
		if !held {
			return false, facts
		}
		all = append(all, facts...)
	}
	return true, all
}

func (m *allMatcher) explain(a *alert.Alert) (bool, string) { return inOne(m.facts(a)) }

// notMatcher holds when its branch does not. Its reason is the branch's: a fact that stands on its own.
type notMatcher struct{ branch *Match }

func (m *notMatcher) holds(a *alert.Alert) bool { return !m.branch.Matches(a) }

func (m *notMatcher) facts(a *alert.Alert) (bool, []string) {
	held, facts := m.branch.facts(a)
	return !held, facts
}

func (m *notMatcher) explain(a *alert.Alert) (bool, string) { return inOne(m.facts(a)) }

// NewMatch makes a Match of one matcher given as text, for command lines: its key and one value, or several of which
// any will do. The combining keys any, all and not are not texts and are refused.
func NewMatch(key string, values []string, scale alert.Scale) (*Match, error) {
	if slices.Contains(combiningKeys, key) {
		return nil, fmt.Errorf("%s combines other matchers and takes no text", key)
	}
	p := newParser(scale)
	var texts []value
	for _, v := range values {
		if strings.TrimSpace(v) == "" {
			return nil, fmt.Errorf("%s is empty", key)
		}
		if err := checkUTF8(key, v); err != nil {
			return nil, err
		}
		texts = append(texts, value{text: v})
	}
	if len(texts) == 0 {
		return nil, fmt.Errorf("%s has no value", key)
	}
	if err := checkUTF8("the key", key); err != nil {
		return nil, err
	}
	if !knownKey(key) {
		p.unknownKey(yamlnode.Entry{Key: key})
		return nil, p.err()
	}
	list := len(texts) > 1
	m := p.matcher(key, texts, list)
	if err := p.err(); err != nil {
		return nil, err
	}
	return &Match{[]entry{{matcher: m, key: key, texts: texts, list: list}}}, nil
}

// match reads one mapping of matchers; what is match, not, any or all. It returns nil after a mistake.
func (p *parser) match(node *yaml.Node, what string) *Match {
	if !p.Enter(node) {
		return nil
	}
	defer p.Leave()
	before := len(p.problems)
	if yamlnode.Kind(node) == "empty" {
		p.problem(node, "%s has no value: write matchers under it, or leave it out", what)
		return nil
	}
	pairs := p.Mapping(node, what)
	if len(pairs) == 0 && len(p.problems) == before {
		p.problem(node, "%s is empty: write matchers in it, or leave it out", what)
	}
	m := &Match{}
	for _, pair := range pairs {
		if one := p.entry(pair); one.matcher != nil {
			m.entries = append(m.entries, one)
		}
	}
	if len(m.entries) < len(pairs) {
		return nil
	}
	return m
}

// entry reads one key of a match. It has no matcher after a mistake.
func (p *parser) entry(e yamlnode.Entry) entry {
	of := entry{key: e.Key, node: e.Value}
	switch e.Key {
	case "any", "all":
		switch branches := p.branches(e); {
		case branches == nil:
		case e.Key == "any":
			of.matcher = &anyMatcher{branches}
		default:
			of.matcher = &allMatcher{branches}
		}
		return of
	case "not":
		if e.Value.Kind == yaml.SequenceNode {
			p.problem(e.Value, "not is a list: write one mapping, or not: {any: [...]} for none of several")
			return of
		}
		if branch := p.match(e.Value, "not"); branch != nil {
			of.matcher = &notMatcher{branch}
		}
		return of
	}
	if !knownKey(e.Key) {
		p.unknownKey(e)
		return of
	}
	var whole bool
	of.texts, of.list, whole = p.values(e)
	if m := p.matcher(e.Key, of.texts, of.list); whole {
		of.matcher = m
	}
	return of
}

// branches reads the list under any or all. It returns nil after a mistake.
func (p *parser) branches(e yamlnode.Entry) []*Match {
	if e.Value.Kind != yaml.SequenceNode {
		p.problem(e.Value, "%s is %s: write a list of matches, as in %s: [{level: 10}, {group: web}]", e.Key, yamlnode.Kind(e.Value), e.Key)
		return nil
	}
	if p.MisTagged(e.Value, e.Key) {
		return nil
	}
	if len(e.Value.Content) == 0 {
		p.problem(e.Value, "%s is an empty list: write matches in it, or leave it out", e.Key)
		return nil
	}
	var branches []*Match
	whole := true
	for _, item := range e.Value.Content {
		if item = yamlnode.Resolve(item); item == nil {
			continue
		}
		b := p.match(item, "an item of "+e.Key)
		whole = whole && b != nil
		branches = append(branches, b)
	}
	if !whole {
		return nil
	}
	return branches
}

// matcher builds the matcher of a known key that takes texts. It returns nil after a mistake.
func (p *parser) matcher(key string, values []value, list bool) matcher {
	switch key {
	case "level":
		return p.levels(values, levelLadder())
	case "severity":
		return p.levels(values, severityLadder(p.scale))
	case "rule":
		return p.rule(values)
	case "group":
		return p.words(values, group)
	case "mitre":
		return p.words(values, mitre)
	case "agent_id":
		return p.words(values, agentID)
	case "srcip":
		return p.addresses(key, values, sourceIP)
	case "dstip":
		return p.addresses(key, values, destinationIP)
	case "agent_ip":
		return p.addresses(key, values, agentIP)
	}
	return p.texts(textField(key), values, list)
}

func knownKey(key string) bool {
	if path, ok := strings.CutPrefix(key, fieldPrefix); ok {
		return !strings.Contains("."+path+".", "..") // no empty part
	}
	return slices.Contains(matcherKeys, key) || slices.Contains(combiningKeys, key)
}

func (p *parser) unknownKey(e yamlnode.Entry) {
	known := slices.Concat(matcherKeys, combiningKeys)
	advice := suggest(e.Key, known, "use "+strings.Join(known, ", ")+" or field.<path>")
	switch {
	case strings.HasPrefix(e.Key, fieldPrefix):
		advice = "write a path behind field, such as field.data.srcuser"
	case strings.Contains(e.Key, "."):
		advice = fmt.Sprintf("did you mean %q?", fieldPrefix+e.Key)
	case slices.Contains(routeKeys, e.Key):
		advice = "it belongs to the route, beside match"
	}
	p.problem(e.KeyNode, "%q is no matcher: %s", e.Key, advice)
}
