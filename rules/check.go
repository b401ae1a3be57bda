package rules

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// Check finds what only the whole table shows: receivers that do not exist and two routes of one name side by side,
// which are mistakes; routes that no alert can reach, a default that is never asked, and settings of routes that do
// nothing, which are warnings. It never calls a route unreachable that some alert reaches, but does not find every one
// that none does. receivers holds the names that exist.
func (t *Table) Check(receivers map[string]bool) []Problem {
	c := checker{receivers: receivers, known: slices.Sorted(maps.Keys(receivers)), prover: prover{maxSteps}}
	c.to(t.Always, t.AlwaysNode, "")
	c.routes(t.Routes, nil, nil, nil, "")
	c.to(t.Default, t.DefaultNode, "")
	c.untouched(t)
	if len(t.Default) > 0 {
		c.reachDefault(t)
	}
	return c.problems
}

// Unreached is a route that no alert can reach, and why: "page, on line 12, takes them all: …". Those inside it are not
// looked at.
type Unreached struct{ Route, Reason string }

// Unreachable are the routes that no alert can reach, as far as [Table.Check] finds them.
func (t *Table) Unreachable() []Unreached {
	c := checker{prover: prover{maxSteps}}
	c.routes(t.Routes, nil, nil, nil, "")
	return c.unreached
}

// DefaultReachable reports whether some alert may come to default: false only where [Table.Check] says that none does.
func (t *Table) DefaultReachable() bool {
	p := prover{maxSteps}
	matches := make([]*Match, len(t.Routes))
	for i, r := range t.Routes {
		matches[i] = r.Match
	}
	return !p.covers(matches, nil)
}

type checker struct {
	receivers map[string]bool
	known     []string
	problems  []Problem
	unreached []Unreached
	added     []string // of the table
	prover
}

func (c *checker) report(file string, warning bool, node *yaml.Node, format string, args ...any) {
	p := problemAt(node, format, args...)
	p.File, p.Warning = file, warning
	c.problems = append(c.problems, p)
}

// to checks a list of receivers; node is the list in the config.
func (c *checker) to(names []string, node *yaml.Node, file string) {
	for _, name := range names {
		if !c.receivers[name] {
			c.report(file, false, itemNode(node, name), "%q is no receiver: %s", name, suggest(name, c.known, "add it under receivers:"))
		}
	}
}

// routes checks siblings. around are the matchers of the routes around them, which hold for every alert that comes
// here; before are the routes that end the search for an alert before it comes here.
func (c *checker) routes(routes []*Route, parent *position, around []matcher, before []ender, file string) {
	names := map[string]place{}
	before = slices.Clip(before)
	for i, r := range routes {
		at := &position{route: r, index: i, parent: parent}
		here := place{r.File, r.Node}
		if here.file == "" {
			here.file = file
		}
		if first, twice := names[r.Name]; twice {
			c.report(here.file, false, yamlnode.At(r.Node, "name"), "a route beside this one is named %q too, %s: rename one", r.Name, first.seenFrom(here))
		} else if r.Name != "" {
			names[r.Name] = here
		}
		if !r.Inherit {
			c.to(r.To, yamlnode.At(r.Node, "to"), here.file)
		}
		c.told(r, here.file)
		all := append(slices.Clip(around), c.flatten(r.Match)...)
		if reason := c.unreachable(before, all, here); reason != "" {
			c.report(here.file, true, r.Node, "no alert reaches the route %s: %s", at.path(), reason)
			c.unreached = append(c.unreached, Unreached{at.path(), reason})
		} else {
			c.pairs(at, all, before, here)
			c.routes(r.Routes, at, all, before, here.file)
		}
		if !r.Continue {
			before = append(before, ender{at.path(), r.Match, here})
		}
	}
}

// ender is a route that ends the search for the alerts that it takes.
type ender struct {
	path  string
	match *Match
	place
}

// unreachable says why no alert passes all matchers and gets past the routes before, or "" if one may.
func (c *checker) unreachable(before []ender, all []matcher, here place) string {
	if c.covers(nil, all) {
		return c.contradiction(all) + " exclude each other"
	}
	if !c.covers(matchesOf(before), all) {
		return ""
	}
	culprits := c.culprits(before, all)
	if len(culprits) == 1 {
		return fmt.Sprintf("%s, %s, takes them all: put this one before it, or write continue: true there", culprits[0].path, culprits[0].seenFrom(here))
	}
	return fmt.Sprintf("%s together take them all: put this one before them, or write continue: true there", namesOf(culprits, here))
}

// contradiction names those of matchers which no alert passes that are needed for it.
func (c *checker) contradiction(all []matcher) string {
	needed := slices.Clone(all)
	for i := len(needed) - 1; i >= 0; i-- {
		if without := slices.Delete(slices.Clone(needed), i, i+1); c.covers(nil, without) {
			needed = without
		}
	}
	levels := !slices.ContainsFunc(needed, func(m matcher) bool { return fieldOf(m) != "level" })
	if levels {
		return "its levels and severities, with those of the routes around it,"
	}
	var names []string
	for _, m := range needed {
		names = append(names, matcherName(m))
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) == 1 {
		return "its matchers of " + names[0] + ", with those of the routes around it,"
	}
	return "its matchers " + strings.Join(names, ", ") + ", with those of the routes around it,"
}

// matcherName is the key under which a matcher stands.
func matcherName(m matcher) string {
	switch m := m.(type) {
	case *anyMatcher:
		return "any"
	case *allMatcher:
		return "all"
	case *notMatcher:
		return "not"
	case *levelMatcher:
		if m.scale != nil {
			return "severity"
		}
	}
	return fieldOf(m)
}

// culprits are those of routes which take all alerts together that are needed for it: one that does it alone, else few.
func (c *checker) culprits(of []ender, all []matcher) []ender {
	for _, e := range of {
		if c.covers([]*Match{e.match}, all) {
			return []ender{e}
		}
	}
	needed := slices.Clone(of)
	for i := len(needed) - 1; i >= 0; i-- {
		if without := slices.Delete(slices.Clone(needed), i, i+1); c.covers(matchesOf(without), all) {
			needed = without
		}
	}
	return needed
}

func matchesOf(enders []ender) []*Match {
	matches := make([]*Match, len(enders))
	for i, e := range enders {
		matches[i] = e.match
	}
	return matches
}

// namesOf names some routes, not too many of them, with their places.
func namesOf(enders []ender, here place) string {
	if len(enders) > maxListed {
		return strconv.Itoa(len(enders)) + " routes before it"
	}
	names := make([]string, len(enders))
	for i, e := range enders {
		names[i] = fmt.Sprintf("%s (%s)", e.path, e.seenFrom(here))
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// reachDefault warns if every alert is matched by some route. Continue does not count here: a route that matched
// and went on has matched.
func (c *checker) reachDefault(t *Table) {
	routes := make([]ender, len(t.Routes))
	for i, r := range t.Routes {
		at := position{route: r, index: i}
		routes[i] = ender{at.path(), r.Match, place{r.File, r.Node}}
	}
	if !c.covers(matchesOf(routes), nil) {
		return
	}
	what := "no alert comes to default: the routes together take every alert"
	if culprits := c.culprits(routes, nil); len(culprits) == 1 {
		what = fmt.Sprintf("no alert comes to default: the route %s, %s, takes every alert", culprits[0].path, culprits[0].seenFrom(place{}))
	}
	c.report("", true, t.DefaultNode, "%s", what)
}

// shellKeys are the matcher keys that the file of seven shell variables feeds. The host and the program are read from
// the log line.
var shellKeys = []string{
	"level", "severity", "rule", "srcip", "location", "log", "host", "program",
	"field.alertdate", "field.alertlocation", "field.ruleid", "field.alertlevel", "field.ruledescription", "field.alertlog", "field.srcip",
}

// CheckShell warns of matchers that the shell file of integratord cannot feed, because it holds neither groups nor
// agent nor user: on such an alert they never hold (and a `not` around them always does). So it does of fields to tell
// alerts apart, where OSSEC's other formats have them: see [Table.CheckOSSEC]. It matters where alerts come in that file and
// the original cannot be found in alerts.json or alerts.log.
func (t *Table) CheckShell() []Problem {
	c := checker{added: t.Added}
	for _, in := range t.Inhibit {
		c.shellMatch(in.Source, "")
		c.shellMatch(in.Target, "")
	}
	t.each(func(r *Route, _ []string, file string) {
		c.shellMatch(r.Match, file)
		for _, pair := range r.own.resolve.value {
			c.shellMatch(pair.Opens, file)
			c.shellMatch(pair.Closes, file)
		}
	})
	t.eachField(func(f Field, so, file string) {
		if _, known := ossecLacks[f.Key]; !known && !slices.Contains(shellFields, f.Key) && !isAdded(f.Key, t.Added) {
			c.report(file, true, f.node, "alerts in integratord's shell file have no %s, so %s: use <alert_format>json</alert_format> (Wazuh), or let ossec-notify read alerts.log", f.Key, so)
		}
	})
	return c.problems
}

// shellFields are the fields that the shell file feeds. The agent is read from the location.
var shellFields = append(slices.Clip(shellKeys), "agent")

// ossecLacks are the fields that alerts have in none of OSSEC's formats, with what to do.
var ossecLacks = map[string]string{"agent_id": "use agent", "manager": "leave it out"}

// CheckOSSEC warns of fields to tell alerts apart that only Wazuh's alerts have.
func (t *Table) CheckOSSEC() []Problem {
	var c checker
	t.eachField(func(f Field, so, file string) {
		if instead, lacks := ossecLacks[f.Key]; lacks {
			c.report(file, true, f.node, "alerts of OSSEC have no %s, only Wazuh's have one, so %s: %s", f.Key, so, instead)
		}
	})
	return c.problems
}

// eachField calls visit for every field that the config names to tell alerts apart, with what follows where alerts lack it.
func (t *Table) eachField(visit func(f Field, so, file string)) {
	all := func(fields []Field, so, file string) {
		for _, f := range fields {
			if f.node != nil { // not of a default
				visit(f, so, file)
			}
		}
	}
	const noPair, same = "this pairs none of them", "this does not tell them apart"
	for _, in := range t.Inhibit {
		all(in.Equal, noPair, "")
	}
	t.each(func(r *Route, _ []string, file string) {
		for _, pair := range r.own.resolve.value {
			all(pair.By, noPair, file)
		}
		if d := r.own.dedup.value; d != nil {
			all(d.By, same, file)
		}
		all(r.own.groupBy.value, same, file)
	})
}

func (c *checker) shellMatch(m *Match, file string) {
	if m == nil {
		return
	}
	for _, e := range m.entries {
		switch sub := e.matcher.(type) {
		case *anyMatcher:
			for _, b := range sub.branches {
				c.shellMatch(b, file)
			}
		case *allMatcher:
			for _, b := range sub.branches {
				c.shellMatch(b, file)
			}
		case *notMatcher:
			c.shellMatch(sub.branch, file)
		default:
			if !slices.Contains(shellKeys, e.key) && !isAdded(e.key, c.added) {
				c.report(file, true, e.node, "alerts in integratord's shell file have no %s, so this never holds for them: use <alert_format>json</alert_format> (Wazuh), or let ossec-notify read alerts.log", e.key)
			}
		}
	}
}

// place is where a route stands.
type place struct {
	file string
	node *yaml.Node
}

// seenFrom says where the place is, for a reader who is in another.
func (p place) seenFrom(other place) string {
	var where []string
	if p.node != nil {
		where = append(where, fmt.Sprintf("on line %d", p.node.Line))
	}
	if p.file != other.file && p.file != "" {
		where = append(where, "of "+p.file)
	}
	if where == nil {
		return "before it"
	}
	return strings.Join(where, " ")
}

// itemNode is the item of a list that holds text, for the place of a problem; the list itself if none does.
func itemNode(list *yaml.Node, text string) *yaml.Node {
	list = yamlnode.Resolve(list)
	if list == nil || list.Kind != yaml.SequenceNode {
		return list
	}
	for _, item := range list.Content {
		if item = yamlnode.Resolve(item); item != nil && item.Value == text {
			return item
		}
	}
	return list
}
