package rules

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/alert"
)

// parser reads YAML nodes and collects every problem. Its methods return what they could read; a mistake is always
// in problems as well, so callers go on and look only at the end.
type parser struct {
	scale    alert.Scale
	problems []Problem
	depth    int // of nesting, aliases followed
	read     int // mappings so far, aliases followed
}

// Aliases let a short file stand for a huge or endless one (&a {not: *a}). These bounds are far above any config.
const (
	maxDepth    = 40
	maxMappings = 20_000
)

func (p *parser) problem(node *yaml.Node, format string, args ...any) {
	p.problems = append(p.problems, problemAt(node, format, args...))
}

func (p *parser) warn(node *yaml.Node, format string, args ...any) {
	w := problemAt(node, format, args...)
	w.Warning = true
	p.problems = append(p.problems, w)
}

// err joins the problems that are no warnings.
func (p *parser) err() error {
	var errs []error
	for _, problem := range p.problems {
		if !problem.Warning {
			errs = append(errs, errors.New(problem.Message))
		}
	}
	return errors.Join(errs...)
}

// enter counts a mapping; each true answer is followed by a call of leave.
func (p *parser) enter(node *yaml.Node) bool {
	if p.depth == maxDepth || p.read == maxMappings {
		if p.read <= maxMappings { // said once, then nothing more is read
			p.problem(node, "nested too deeply or too large: an alias may hold itself")
			p.read = maxMappings + 1
		}
		return false
	}
	if p.read > maxMappings {
		return false
	}
	p.depth++
	p.read++
	return true
}

func (p *parser) leave() { p.depth-- }

// resolve follows an alias, and a document to what it holds.
func resolve(node *yaml.Node) *yaml.Node {
	for node != nil {
		switch {
		case node.Kind == yaml.AliasNode:
			node = node.Alias
		case node.Kind == yaml.DocumentNode && len(node.Content) == 1:
			node = node.Content[0]
		default:
			return node
		}
	}
	return nil
}

// pair is one key of a mapping with its value, aliases resolved.
type pair struct {
	key            string
	keyNode, value *yaml.Node
}

// mapping reads the keys of a mapping, merge keys (<<) followed, without those that begin with x-. It reports a key
// that stands twice; what names the mapping in messages.
func (p *parser) mapping(node *yaml.Node, what string) []pair {
	if p.misTagged(node, what) {
		return nil
	}
	if node.Kind != yaml.MappingNode {
		p.problem(node, "%s is %s: write key: value pairs", what, kind(node))
		return nil
	}
	var pairs, merged []pair
	seen := map[string]*yaml.Node{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := resolve(node.Content[i]), resolve(node.Content[i+1])
		if key == nil || value == nil {
			continue // made by hand: no YAML has such a node
		}
		if key.Kind != yaml.ScalarNode || tagged(key) {
			p.problem(key, "a key of %s is %s: write a plain word", what, kind(key))
			continue
		}
		if key.Value == "<<" && key.ShortTag() == "!!merge" {
			merged = append(merged, p.merge(value)...)
			continue
		}
		if strings.HasPrefix(key.Value, "x-") {
			continue
		}
		if first := seen[key.Value]; first != nil {
			p.problem(key, "%s stands twice in %s, first on line %d: keep one", key.Value, what, first.Line)
			continue
		}
		seen[key.Value] = key
		pairs = append(pairs, pair{key.Value, key, value})
	}
	for _, m := range merged { // the mapping's own keys come before merged ones, and earlier merged ones before later
		if seen[m.key] == nil {
			seen[m.key] = m.keyNode
			pairs = append(pairs, m)
		}
	}
	return pairs
}

// merge reads the value of a merge key: a mapping, or a list of them.
func (p *parser) merge(value *yaml.Node) []pair {
	if !p.enter(value) {
		return nil
	}
	defer p.leave()
	if value.Kind != yaml.SequenceNode {
		return p.mapping(value, "<<")
	}
	var pairs []pair
	for _, item := range value.Content {
		if item = resolve(item); item != nil {
			pairs = append(pairs, p.mapping(item, "<<")...)
		}
	}
	return pairs
}

// value is one text of a matcher and where it stands; nowhere (nil) when it came from a command line.
type value struct {
	text string
	node *yaml.Node
}

// values reads a text or a list of texts, and reports what YAML made of text that should have been quoted. Those
// that are well are returned in any case, so that the mistakes in them are found as well; whole is false when some
// are missing.
func (p *parser) values(of pair) (values []value, list, whole bool) {
	node := of.value
	if node.Kind != yaml.SequenceNode {
		v, ok := p.text(node, of, false)
		if !ok {
			return nil, false, false
		}
		return []value{v}, false, true
	}
	if p.misTagged(node, of.key) {
		return nil, true, false
	}
	if len(node.Content) == 0 {
		p.problem(node, "%s is an empty list: name something in it, or leave the key out", of.key)
		return nil, true, false
	}
	for _, item := range node.Content {
		if item = resolve(item); item == nil {
			continue
		}
		if v, ok := p.text(item, of, true); ok {
			values = append(values, v)
		}
	}
	return values, true, len(values) == len(node.Content)
}

// text reads one text. Numbers and words like true stay as they were written: 001 is "001".
func (p *parser) text(node *yaml.Node, of pair, item bool) (value, bool) {
	v := value{node.Value, node}
	in := of.key
	if item {
		in = "an item of " + of.key
	}
	write := func(text string) string { // how it should have been written
		if item {
			return strconv.Quote(text)
		}
		return of.key + ": " + strconv.Quote(text)
	}
	switch {
	case node.Kind != yaml.ScalarNode && !tagged(node):
		p.problem(node, "%s is %s: write a text%s", in, kind(node), quoteAdvice(node))
	case tagged(node):
		meant := write(untagged(node))
		if text, ok := strings.CutPrefix(untagged(node), "!"); ok && item && knownKey(of.key) {
			meant = fmt.Sprintf("not: {%s: %q} (a list takes no !)", of.key, text)
		}
		p.problem(node, "%s begins with an unquoted !, which makes it a tag in YAML: write %s", in, meant)
	case node.ShortTag() == "!!null":
		p.problem(node, "%s", nullMessage(in, of, node, write))
	case node.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		sign, example := ">", ">7"
		if node.Style&yaml.LiteralStyle != 0 {
			sign, example = "|", "a|b"
		}
		p.problem(node, "%s begins with an unquoted %s, which begins a block of text in YAML: put it in quotes, as in %s", in, sign, write(example))
	case strings.TrimSpace(node.Value) == "":
		p.problem(node, "%s is empty: write a text, or leave the key out", in)
	default:
		return v, true
	}
	return v, false
}

func nullMessage(in string, of pair, node *yaml.Node, write func(string) string) string {
	switch comment := of.keyNode.LineComment; {
	case node.Value == "~":
		return in + " is ~ alone, which is nothing in YAML: write a text behind it, or leave the key out"
	case node.Value != "":
		return fmt.Sprintf("%s is %s, which is nothing in YAML: if you mean the word, write %s", in, node.Value, write(node.Value))
	case strings.HasPrefix(comment, "#") && !strings.HasPrefix(comment, "# "):
		return fmt.Sprintf("%s has no value, because an unquoted # begins a comment: write %s", in, write(comment))
	}
	return in + " has no value: write one (in quotes if it begins with #), or leave the key out"
}

// tagged reports whether the node has a tag that somebody wrote, the bare ! included.
func tagged(node *yaml.Node) bool { return node.Style&yaml.TaggedStyle != 0 || node.Tag == "!" }

// untagged is the text that a tag and its value were meant to be.
func untagged(node *yaml.Node) string {
	if tag := node.ShortTag(); strings.HasPrefix(tag, "!!") && node.Tag != "!" {
		return node.Value
	}
	if node.Tag == "!" {
		return "!" + node.Value
	}
	return strings.TrimSpace(node.Tag + " " + node.Value)
}

// misTagged reports a tag on a mapping or a list.
func (p *parser) misTagged(node *yaml.Node, what string) bool {
	if !tagged(node) {
		return false
	}
	p.problem(node, "%s begins with the YAML tag %s: remove it, or quote a text that begins with !", what, node.ShortTag())
	return true
}

// kind says what a node is, in words.
func kind(node *yaml.Node) string {
	switch {
	case tagged(node):
		return "a YAML tag"
	case node.Kind == yaml.MappingNode:
		return "a mapping"
	case node.Kind == yaml.SequenceNode:
		return "a list"
	case node.ShortTag() == "!!null":
		return "empty"
	}
	return "a text"
}

// quoteAdvice is for texts that YAML takes for a mapping, such as the fe80:: of [fe80::].
func quoteAdvice(node *yaml.Node) string {
	if node.Kind == yaml.MappingNode {
		return ", in quotes if it holds a colon or braces"
	}
	return ""
}
