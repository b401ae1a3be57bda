package rules

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// told checks the receivers that settings of a route name.
func (c *checker) told(r *Route, file string) {
	if r.Node == nil { // made by hand
		if p := r.Policy; p != nil {
			c.to(p.Outside, nil, file)
			for _, s := range p.Escalate {
				c.to(s.To, nil, file)
			}
		}
		return
	}
	c.to(r.own.outside.value, yamlnode.At(r.own.outside.node, "to"), file)
	steps := items(r.own.escalate.node)
	for i, s := range r.own.escalate.value {
		at := r.own.escalate.node
		if i < len(steps) {
			at = yamlnode.At(steps[i], "to")
		}
		c.to(s.To, at, file)
	}
	if p := r.Policy; len(r.own.escalate.value) > 1 && p != nil && p.Dedup == nil && p.Group == nil {
		c.report(file, true, r.own.escalate.node, "every repeat of an alert wakes the next step by itself: write dedup: 15m beside it")
	}
}

// pairs warns of what opens an incident and never comes to the route that asks for it. What closes one need not: see
// [Table.Pairs]. all are the matchers of the route and those around it, before the routes that end the search before it.
func (c *checker) pairs(at *position, all []matcher, before []ender, here place) {
	own := at.route.own.resolve
	nodes := items(own.node)
	for i, pair := range own.value {
		node := own.node
		if len(nodes) == len(own.value) {
			node = nodes[i]
		}
		place := yamlnode.At(node, "opens")
		wanted := c.flatten(pair.Opens)
		if c.disjoint(all, wanted) {
			c.report(here.file, true, place, "no alert that opens comes to the route %s: its match excludes them, so no incident would ever begin; write a match that takes them, or resolve at a route that does", at.path())
			continue
		}
		both := append(slices.Clip(all), wanted...)
		if !c.covers(matchesOf(before), both) {
			continue
		}
		takers := "the routes before it together take them"
		if culprits := c.culprits(before, both); len(culprits) == 1 {
			takers = fmt.Sprintf("%s, %s, takes them", culprits[0].path, culprits[0].seenFrom(here))
		}
		c.report(here.file, true, place, "no alert that opens comes to the route %s: %s, so no incident would ever begin; put this one before it, or write continue: true there", at.path(), takers)
	}
}

// untouched warns of settings that hold for receivers of Always alone, which are told of every alert at once whatever a
// route says.
func (c *checker) untouched(t *Table) {
	if len(t.Always) == 0 {
		return
	}
	type said struct {
		key, file string
		node      *yaml.Node
	}
	var all []said
	useful, useless := map[*yaml.Node]bool{}, map[*yaml.Node]bool{}
	t.each(func(r *Route, receivers []string, file string) {
		for _, s := range []struct {
			key      string
			own, all *yaml.Node
		}{{"dedup", r.own.dedup.node, r.all.dedup.node}, {"throttle", r.own.throttle.node, r.all.throttle.node}} {
			if s.all == nil {
				continue
			}
			if s.own != nil {
				all = append(all, said{s.key, file, s.own})
			}
			switch {
			case slices.ContainsFunc(receivers, func(name string) bool { return !slices.Contains(t.Always, name) }):
				useful[s.all] = true
			case len(receivers) > 0:
				useless[s.all] = true
			}
		}
	})
	for _, s := range all {
		if useless[s.node] && !useful[s.node] {
			c.report(s.file, true, s.node, "%s does nothing here: all receivers of the route stand in always, and are told of every alert at once", s.key)
		}
	}
}

// CheckPages warns of routes whose throttle holds for receivers that page people, which are those of pages: above the
// rate a page comes late, as a digest. Check warns of what needs no channels to be known.
func (t *Table) CheckPages(pages map[string]bool) []Problem {
	var c checker
	type key struct {
		node     *yaml.Node
		receiver string
	}
	said := map[key]bool{}
	t.each(func(r *Route, receivers []string, file string) {
		s := r.all.throttle
		if s.value == nil {
			return
		}
		for _, name := range receivers {
			if k := (key{s.node, name}); pages[name] && !slices.Contains(t.Always, name) && !said[k] {
				said[k] = true
				c.report(file, true, s.node, "this throttle holds for %q too: pages above %s come late, as a digest; write throttle: none at a route of its own for them", name, s.value.rate())
			}
		}
	})
	return c.problems
}

// CheckPrograms warns of routes that put many alerts for a receiver into one message where that cannot be used: programs are the
// receivers that run a program for one alert.
func (t *Table) CheckPrograms(programs map[string]bool) []Problem {
	var c checker
	said := map[string]bool{}
	t.each(func(r *Route, receivers []string, file string) {
		p := r.Policy
		if p == nil {
			return
		}
		setting := ""
		switch {
		case p.Digest != nil:
			setting = "digest"
		case p.Group != nil:
			setting = "group"
		case p.Throttle != nil:
			setting = "throttle"
		case len(p.Active)+len(p.Mute) > 0 && len(p.Outside) == 0:
			setting = "what is held outside of its times"
		default:
			return
		}
		at := yamlnode.At(r.Node, setting)
		if at == nil {
			at = r.Node
		}
		for _, name := range receivers {
			if programs[name] && !slices.Contains(t.Always, name) && !said[name] {
				said[name] = true
				c.report(file, true, at, "%s of this route makes one message of many alerts, for which %q does not run its program: give it a route of its own, or write digest into its actions", setting, name)
			}
		}
	})
	return c.problems
}

// Windows are the names of the windows that routes go by.
func (t *Table) Windows() map[string]bool {
	used := map[string]bool{}
	each(t.Routes, func(r *Route) {
		if r.Policy == nil {
			return
		}
		for _, w := range slices.Concat(r.Policy.Active, r.Policy.Mute) {
			used[w.Name] = true
		}
	})
	return used
}

// Escalates is the place of the first `escalate`; nil where there is none. Its File is as in [Route].
func (t *Table) Escalates() *Problem {
	var at *Problem
	t.each(func(r *Route, _ []string, file string) {
		if at == nil && r.Policy != nil && len(r.Policy.Escalate) > 0 {
			at = &Problem{File: file}
			if n := yamlnode.At(r.Node, "escalate"); n != nil {
				at.Line, at.Column = n.Line, n.Column
			}
		}
	})
	return at
}

// each calls visit for every route, with the receivers that it tells at one time or another, and its file.
func (t *Table) each(visit func(r *Route, receivers []string, file string)) {
	var walk func(routes []*Route, to []string, file string)
	walk = func(routes []*Route, to []string, file string) {
		for _, r := range routes {
			to, file := to, file
			if !r.Inherit {
				to = r.To
			}
			if r.File != "" {
				file = r.File
			}
			all := slices.Clip(to)
			if r.Policy != nil {
				for _, s := range r.Policy.Escalate {
					all = append(all, s.To...)
				}
			}
			visit(r, all, file)
			walk(r.Routes, to, file)
		}
	}
	walk(t.Routes, nil, "")
}
