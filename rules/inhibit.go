package rules

import (
	"strconv"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// ParseInhibits reads a list of inhibitions, the value of `inhibit:`. A nil node gives none. With a problem that is no
// warning, what is returned must not be used.
func ParseInhibits(node *yaml.Node, scale alert.Scale) ([]*Inhibit, []Problem) {
	const key = "inhibit"
	p := newParser(scale)
	if node = yamlnode.Resolve(node); node == nil {
		return nil, nil
	}
	var all []*Inhibit
	first := map[string]int{} // the lines of names
	of := yamlnode.Entry{Key: key, KeyNode: node, Value: node}
	p.mappings(of, "{source: {rule: 504}, target: {severity: <high}, equal: [agent], for: 15m}", func(i int, item *yaml.Node) {
		in := &Inhibit{Name: key + "[" + strconv.Itoa(i) + "]"}
		has := p.keys(item, key, "name", "source", "target", "equal", "for")
		if name, ok := has["name"]; ok {
			in.Name = p.name(name)
			if line := first[in.Name]; line > 0 {
				p.problem(name.Value, "an inhibition before this one is named %q too, on line %d: rename one", in.Name, line)
			}
			first[in.Name] = name.Value.Line
		}
		side := func(key, meaning string) *Match {
			side, ok := has[key]
			if !ok {
				p.lacking(item, "inhibit", key, meaning)
				return nil
			}
			return p.match(side.Value, key)
		}
		in.Source = side("source", "which alerts hold others back, as in source: {rule: 504}")
		in.Target = side("target", "which alerts are held back, as in target: {severity: <high}")
		if equal, ok := has["equal"]; ok {
			in.Equal = p.fields(equal)
		}
		if span, ok := has["for"]; ok {
			in.For = p.span(span)
		} else {
			p.lacking(item, "inhibit", "for", "for how long after a source alert others are held back, as in for: 15m")
		}
		all = append(all, in)
	})
	return all, byPlace(p.problems)
}
