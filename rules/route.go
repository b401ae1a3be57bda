package rules

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/window"
	"github.com/ossec-notify/ossec-notify/yamlnode"
)

var routeKeys = slices.Concat([]string{"name", "match", "to", "continue", "routes"}, settingKeys)

// Always and Default name, as the route of a [Choice], the receivers that hear of every alert and those of alerts
// that no route matched. No route has these names.
const (
	Always  = "always"
	Default = "default"
)

// Route is one node of the routing tree.
type Route struct {
	// Name is the route's own name, or "".
	Name string
	// Match is nil where the route takes every alert.
	Match *Match
	// To names the receivers. It is empty with Nobody (`to: []`, on purpose) and with Inherit (no `to`: that of the
	// route around it).
	To      []string
	Nobody  bool
	Inherit bool
	// Continue lets the search go on behind this route when it matched.
	Continue bool
	// Routes refine: the first that matches decides in place of this route.
	Routes []*Route
	// Policy is what the route's settings come to, with those that it inherits; nil where that is nothing. ParseRoutes
	// works it out once, so that choosing receivers costs nothing for it.
	Policy *Policy
	// Node is the mapping that the route was read from, File the file it stands in, which the loader knows; a
	// nested route without a File is in that of its parent. Both are for the places of problems only.
	Node *yaml.Node
	File string

	own, all settings // its own, and those that hold for it
}

// ParseRoutes reads a list of routes, the value of `routes:`. A nil node gives none. windows are those that the routes
// may name. With a problem that is no warning, what is returned is only good for finding more problems.
func ParseRoutes(node *yaml.Node, scale alert.Scale, windows map[string]*window.Window) ([]*Route, []Problem) {
	p := newParser(scale)
	p.windows = windows
	var routes []*Route
	if node = yamlnode.Resolve(node); node != nil {
		routes = p.routes(node, true)
		p.policies(routes, nil, false)
		p.useless(routes)
	}
	return routes, byPlace(p.problems)
}

// ParseReceivers reads a list of receiver names, the value of `always:` or `default:`, which key names in messages. One
// name alone is a list of one.
func ParseReceivers(node *yaml.Node, key string) ([]string, []Problem) {
	p := newParser(alert.Scale{})
	var names []string
	if node = yamlnode.Resolve(node); node != nil {
		names = p.receivers(yamlnode.Entry{Key: key, KeyNode: node, Value: node})
	}
	return names, byPlace(p.problems)
}

func (p *parser) routes(node *yaml.Node, top bool) []*Route {
	if p.MisTagged(node, "routes") {
		return nil
	}
	if node.Kind != yaml.SequenceNode {
		p.problem(node, "routes is %s: write a list of routes, each beginning with -, or leave the key out", yamlnode.Kind(node))
		return nil
	}
	var routes []*Route
	for _, item := range node.Content {
		if item = yamlnode.Resolve(item); item == nil {
			continue
		}
		if r := p.route(item, top); r != nil {
			routes = append(routes, r)
		}
	}
	return routes
}

func (p *parser) route(node *yaml.Node, top bool) *Route {
	if !p.Enter(node) {
		return nil
	}
	defer p.Leave()
	if node.Kind != yaml.MappingNode || yamlnode.Tagged(node) {
		p.problem(node, "a route is %s: write match: and to: under the -", yamlnode.Kind(node))
		return nil
	}
	r := &Route{Node: node, Inherit: true}
	for _, pair := range p.Mapping(node, "a route") {
		switch pair.Key {
		case "name":
			r.Name = p.name(pair)
		case "match":
			r.Match = p.match(pair.Value, "match")
		case "to":
			r.Inherit = false
			r.To = p.receivers(pair)
			r.Nobody = pair.Value.Kind == yaml.SequenceNode && len(pair.Value.Content) == 0
		case "continue":
			r.Continue = p.bool(pair)
		case "routes":
			r.Routes = p.routes(pair.Value, false)
		default:
			if slices.Contains(settingKeys, pair.Key) {
				p.setting(&r.own, pair)
				continue
			}
			advice := suggest(pair.Key, routeKeys, "use "+strings.Join(routeKeys, ", "))
			if knownKey(pair.Key) {
				advice = "it is a matcher, so write it under match"
			}
			p.problem(pair.KeyNode, "%q is no setting of a route: %s", pair.Key, advice)
		}
	}
	if top && r.Inherit && !r.own.escalate.given() {
		p.problem(node, "a route needs to: name receivers, or write to: [] for nobody, or escalate; only routes inside another inherit it")
	}
	return r
}

// name reads the name of a route, which is a part of the paths that messages and statistics show.
func (p *parser) name(pair yamlnode.Entry) string {
	v, ok := p.text(pair.Value, pair, false)
	if !ok {
		return ""
	}
	switch {
	case v.text == Always || v.text == Default:
		p.problem(v.node, "%q is taken: it stands for the receivers under %s:", v.text, v.text)
	case strings.ContainsAny(v.text, "/[]") || strings.ContainsFunc(v.text, func(r rune) bool { return !unicode.IsPrint(r) }):
		p.problem(v.node, "the name %q holds one of / [ ] or a character that cannot be seen: leave it out", v.text)
	case strings.TrimSpace(v.text) != v.text:
		p.problem(v.node, "the name %q has blanks at its ends: remove them", v.text)
	}
	return v.text
}

// receivers reads names of receivers; an empty list is allowed.
func (p *parser) receivers(of yamlnode.Entry) []string {
	if of.Value.Kind == yaml.SequenceNode && len(of.Value.Content) == 0 {
		p.MisTagged(of.Value, of.Key)
		return nil
	}
	values, _, _ := p.values(of)
	var names []string
	for _, v := range values {
		if slices.Contains(names, v.text) {
			p.problem(v.node, "%q stands twice in %s: keep one", v.text, of.Key)
			continue
		}
		names = append(names, v.text)
	}
	return names
}

func (p *parser) bool(of yamlnode.Entry) bool {
	v, ok := p.text(of.Value, of, false)
	if !ok {
		return false
	}
	b, err := strconv.ParseBool(v.text)
	if err != nil || len(v.text) < len("true") || of.Value.ShortTag() != "!!bool" {
		p.problem(v.node, "%s is %q: write true or false", of.Key, v.text)
	}
	return b
}
