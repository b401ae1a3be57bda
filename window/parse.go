package window

import (
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// Parse reads a window of the config: a span, or a list of spans. A span is a mapping of days, dates, from, to and
// zone, or a text as [ParseSpan] reads it. zone is that of spans that name none, as for ParseSpan.
//
// It calls report for each mistake, as a [yamlnode.Reader] does, and returns nil if there was one.
func Parse(node *yaml.Node, name string, zone *time.Location, report func(at *yaml.Node, message string)) *Window {
	p := &parser{what: "window " + name, zone: zone}
	if name == "" {
		p.what = "a window"
	}
	p.report = func(at *yaml.Node, message string) {
		p.mistakes++
		report(at, message)
	}
	p.Reader = yamlnode.NewReader(p.report)
	at := yamlnode.Resolve(node)
	if at == nil || at.Kind == 0 { // of an empty document
		at = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Line: 1, Column: 1}
	}
	p.window(at)
	if p.mistakes > 0 {
		return nil
	}
	return made(name, p.spans)
}

type parser struct {
	what     string // is read, for messages
	zone     *time.Location
	spans    []span
	report   func(at *yaml.Node, message string)
	mistakes int
	*yamlnode.Reader
}

func (p *parser) errorf(at *yaml.Node, format string, args ...any) {
	p.report(at, fmt.Sprintf(format, args...))
}

func (p *parser) window(node *yaml.Node) {
	if node.Kind != yaml.SequenceNode {
		p.one(node, false)
		return
	}
	if p.MisTagged(node, p.what) {
		return
	}
	if len(node.Content) == 0 {
		p.errorf(node, "%s is an empty list: write a span in it, such as {days: mon-fri}", p.what)
	}
	for _, item := range node.Content {
		if item = yamlnode.Resolve(item); item != nil {
			p.one(item, true)
		}
	}
}

// one reads a span.
func (p *parser) one(node *yaml.Node, item bool) {
	if node.Kind != yaml.ScalarNode {
		p.span(node)
		return
	}
	if trap := yamlnode.Trap(node, yamlnode.Entry{Key: p.what}, item); trap != "" {
		p.errorf(node, "%s", trap)
		return
	}
	spans, err := parseSpans(node.Value, p.zone)
	if err != nil {
		p.errorf(node, "%s: %s", p.what, err)
	}
	p.spans = append(p.spans, spans...)
}

// keys are those of a span.
var keys = []string{"days", "dates", "from", "to", "zone"}

// span reads a span that is a mapping.
func (p *parser) span(node *yaml.Node) {
	s := newSpan(p.zone)
	seen := map[string]*yaml.Node{}
	before := p.mistakes
	for _, e := range p.Mapping(node, p.what) {
		seen[e.Key] = e.KeyNode
		switch e.Key {
		case "days":
			s.days = 0
			texts(p, e, func(text string) error {
				d, err := parseDays(text)
				s.days |= d
				return err
			})
		case "dates":
			texts(p, e, func(text string) error {
				d, err := parseDates(text)
				s.dates = append(s.dates, d...)
				return err
			})
		case "from":
			text(p, e, &s.from, parseFrom)
		case "to":
			text(p, e, &s.to, parseTime)
		case "zone":
			text(p, e, &s.zone, parseZone)
		default:
			advice := "it takes " + strings.Join(keys, ", ")
			if near := yamlnode.Nearest(e.Key, keys); near != "" {
				advice = fmt.Sprintf("did you mean %q?", near)
			}
			p.errorf(e.KeyNode, "unknown key %q in %s: %s", e.Key, p.what, advice)
		}
	}
	if p.mistakes > before {
		return // what is missing may be what is mistaken
	}
	from, to := seen["from"], seen["to"]
	switch {
	case from != nil && to == nil:
		p.errorf(from, `from needs a to: write to: "24:00" for the end of the day`)
	case to != nil && from == nil:
		p.errorf(to, `to needs a from: write from: "00:00" for the beginning of the day`)
	case from != nil:
		if err := s.length(); err != nil {
			p.errorf(from, "%s: %s", p.what, err)
		}
	case seen["days"] == nil && seen["dates"] == nil:
		p.errorf(node, "%s names no time: write days, dates, or from and to; days: all is always", p.what)
	}
	if s.never() {
		p.errorf(seen["dates"], "%s: %s", p.what, errNever)
	}
	p.spans = append(p.spans, s)
}

// text reads the value of a key into v.
func text[T any](p *parser, e yamlnode.Entry, v *T, read func(string) (T, error)) {
	p.scalar(e.Value, e, false, func(text string) (err error) {
		*v, err = read(text)
		return err
	})
}

// texts reads the value of a key, or each of a list of them.
func texts(p *parser, e yamlnode.Entry, read func(string) error) {
	if e.Value.Kind != yaml.SequenceNode {
		p.scalar(e.Value, e, false, read)
		return
	}
	if p.MisTagged(e.Value, e.Key) {
		return
	}
	if len(e.Value.Content) == 0 {
		p.errorf(e.Value, "%s is an empty list: name something in it, or leave the key out", e.Key)
	}
	for _, item := range e.Value.Content {
		if item = yamlnode.Resolve(item); item != nil {
			p.scalar(item, e, true, read)
		}
	}
}

func (p *parser) scalar(node *yaml.Node, of yamlnode.Entry, item bool, read func(string) error) {
	in := yamlnode.Subject(of, item)
	if node.Kind != yaml.ScalarNode && !yamlnode.Tagged(node) {
		p.errorf(node, "%s is %s: write a text", in, yamlnode.Kind(node))
		return
	}
	if trap := yamlnode.Trap(node, of, item); trap != "" {
		p.errorf(node, "%s", trap)
		return
	}
	if err := read(strings.TrimSpace(node.Value)); err != nil {
		p.errorf(node, "%s: %s", in, err)
	}
}
