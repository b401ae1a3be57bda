package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/noise"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/window"
	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// CheckWindows warns of routes that have no time left in which they may tell, and of windows that routes use and that are
// over for good: dates of a year that is past.
func (c *Config) CheckWindows(now time.Time) []rules.Problem {
	var found []rules.Problem
	warn := func(file string, at *yaml.Node, format string, args ...any) {
		p := rules.Problem{File: cmp.Or(file, c.Path), Warning: true, Message: fmt.Sprintf(format, args...)}
		if at != nil {
			p.Line, p.Column = at.Line, at.Column
		}
		found = append(found, p)
	}
	told := map[*window.Window]bool{}
	users := map[*window.Window]string{}
	var over []*window.Window
	var walk func(routes []*rules.Route, parent, file string)
	walk = func(routes []*rules.Route, parent, file string) {
		for i, r := range routes {
			path := r.Name
			if path == "" {
				path = fmt.Sprintf("routes[%d]", i)
			}
			path, file := strings.TrimPrefix(parent+"/"+path, "/"), cmp.Or(r.File, file)
			shut := noise.Shut(r.Policy, now)
			if shut {
				what := "what comes to it is held, and never told"
				if len(r.Policy.Outside) > 0 {
					what = "others are told for good: " + strings.Join(r.Policy.Outside, ", ")
				}
				at := yamlnode.At(r.Node, "active")
				if at == r.Node {
					at = yamlnode.At(r.Node, "mute")
				}
				warn(file, at, "route %s has no time left in which it may tell: %s", path, what)
			}
			if r.Policy != nil {
				for _, w := range slices.Concat(r.Policy.Active, r.Policy.Mute) {
					told[w] = told[w] || shut
					if _, known := users[w]; !known && !w.Open(now) && w.Opens(now).IsZero() {
						users[w] = path
						over = append(over, w)
					}
				}
			}
			walk(r.Routes, path, file)
		}
	}
	walk(c.Table.Routes, "", "")
	for _, w := range over {
		if !told[w] {
			warn("", c.windowNodes[w.Name], "window %s is over for good, and route %s goes by it: give it dates that are to come, or every year (\"*-12-24\")", w.Name, users[w])
		}
	}
	return found
}
