package rules

import (
	"errors"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/window"
	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// parser reads YAML nodes and collects every problem. Its methods return what they could read; a mistake is always
// in problems as well, so callers go on and look only at the end.
type parser struct {
	scale    alert.Scale
	windows  map[string]*window.Window // that routes may name
	problems []Problem
	*yamlnode.Reader
}

func newParser(scale alert.Scale) *parser {
	p := &parser{scale: scale}
	p.Reader = yamlnode.NewReader(func(at *yaml.Node, message string) { p.problem(at, "%s", message) })
	return p
}

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

// value is one text of a matcher and where it stands; nowhere (nil) when it came from a command line.
type value struct {
	text string
	node *yaml.Node
}

// values reads a text or a list of texts, and reports what YAML made of text that should have been quoted. Those
// that are well are returned in any case, so that the mistakes in them are found as well; whole is false when some
// are missing.
func (p *parser) values(of yamlnode.Entry) (values []value, list, whole bool) {
	node := of.Value
	if node.Kind != yaml.SequenceNode {
		v, ok := p.text(node, of, false)
		if !ok {
			return nil, false, false
		}
		return []value{v}, false, true
	}
	if p.MisTagged(node, of.Key) {
		return nil, true, false
	}
	if len(node.Content) == 0 {
		p.problem(node, "%s is an empty list: name something in it, or leave the key out", of.Key)
		return nil, true, false
	}
	for _, item := range node.Content {
		if item = yamlnode.Resolve(item); item == nil {
			continue
		}
		if v, ok := p.text(item, of, true); ok {
			values = append(values, v)
		}
	}
	return values, true, len(values) == len(node.Content)
}

// text reads one text. Numbers and words like true stay as they were written: 001 is "001".
func (p *parser) text(node *yaml.Node, of yamlnode.Entry, item bool) (value, bool) {
	in := yamlnode.Subject(of, item)
	switch negated, isNegated := strings.CutPrefix(yamlnode.Untagged(node), "!"); {
	case node.Kind != yaml.ScalarNode && !yamlnode.Tagged(node):
		p.problem(node, "%s is %s: write a text%s", in, yamlnode.Kind(node), quoteAdvice(node))
	case yamlnode.Tagged(node) && isNegated && item && knownKey(of.Key):
		p.problem(node, "%s begins with an unquoted !, which makes it a tag in YAML: write not: {%s: %q} (a list takes no !)", in, of.Key, negated)
	case node.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 && !yamlnode.Tagged(node):
		sign, example := ">", ">7"
		if node.Style&yaml.LiteralStyle != 0 {
			sign, example = "|", "a|b"
		}
		p.problem(node, "%s begins with an unquoted %s, which begins a block of text in YAML: put it in quotes, as in %s", in, sign, yamlnode.Quoted(example, of, item))
	default:
		trap := yamlnode.Trap(node, of, item)
		if trap == "" {
			return value{node.Value, node}, true
		}
		p.problem(node, "%s", trap)
	}
	return value{}, false
}

// quoteAdvice is for texts that YAML takes for a mapping, such as the fe80:: of [fe80::].
func quoteAdvice(node *yaml.Node) string {
	if node.Kind == yaml.MappingNode {
		return ", in quotes if it holds a colon or braces"
	}
	return ""
}
