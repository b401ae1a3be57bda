package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"charm.land/lipgloss/v2"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/explain"
	"github.com/ossec-notify/ossec-notify/rules"
)

// The marks of what took an alert or holds, of what does not, and of what was not asked.
const (
	markYes     = "✓"
	markNo      = "✗"
	markUnasked = "–"
)

var (
	green = lipgloss.NewStyle().Foreground(lipgloss.Green)
	red   = lipgloss.NewStyle().Foreground(lipgloss.Red)
)

func outcomeMark(o rules.Outcome) string {
	switch o {
	case rules.Taken:
		return green.Render(markYes)
	case rules.Missed:
		return red.Render(markNo)
	}
	return faint.Render(markUnasked)
}

func testMark(held bool) string {
	if held {
		return green.Render(markYes)
	}
	return red.Render(markNo)
}

// A fold keeps a list of routes short: that many that do not match are shown, and names of those that were not asked.
const fold = 8

// writeRoutes says what the routes did that told nobody: what those that do not match ask for, the nearest of them if they are many,
// and who was not asked.
func writeRoutes(w io.Writer, t explain.Telling, branches []rules.Branch) {
	var missed []*rules.Branch
	rules.EachBranch(branches, func(b *rules.Branch) {
		if b.Outcome == rules.Missed {
			missed = append(missed, b)
		}
	})
	far := len(missed) - fold
	if far > 0 {
		slices.SortStableFunc(missed, func(a, b *rules.Branch) int { return len(a.Missed()) - len(b.Missed()) })
		missed = missed[:fold]
	}
	var by string
	var unasked []string
	flush := func() {
		if len(unasked) == 0 {
			return
		}
		names := display.List(unasked)
		if more := len(unasked) - fold; more > 0 {
			names = fmt.Sprintf("%s and %d more", strings.Join(unasked[:fold], ", "), more)
		}
		fmt.Fprintf(w, "  %s %s: not asked, %s took it\n", outcomeMark(rules.Unasked), names, by)
		unasked = nil
	}
	rules.EachBranch(branches, func(b *rules.Branch) {
		if b.Outcome == rules.Unasked {
			if b.By != by {
				flush()
			}
			by, unasked = b.By, append(unasked, b.Route)
			return
		}
		flush()
		switch {
		case b.Outcome == rules.Missed:
			if slices.Contains(missed, b) {
				fmt.Fprintf(w, "  %s %s: %s\n", outcomeMark(b.Outcome), b.Route, line(b.Why()))
			}
		case b.Decides && !tells(t, b.Route) && (!b.Nobody || t.Nobody() == ""):
			so := "its receivers are told already"
			if b.Nobody {
				so = "nobody, on purpose"
			}
			fmt.Fprintf(w, "  %s %s: %s (%s)\n", outcomeMark(b.Outcome), b.Route, line(b.Reason), so)
		}
	})
	flush()
	if far > 0 {
		fmt.Fprintf(w, "  %s %s: --tree shows them\n", outcomeMark(rules.Missed), display.Count(far, "more route")+" "+verb(far, "does", "do")+" not match")
	}
}

// tells reports whether receivers were chosen in the name of a route.
func tells(t explain.Telling, route string) bool {
	return slices.ContainsFunc(t.Choices, func(c rules.Choice) bool { return c.Route == route })
}

func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// line is text of rules, with what an alert says in it, for one line of a terminal.
func line(s string) string { return display.Quote(s).Line().String() }

// writeTree draws all routes with what each of their matchers says of an alert.
func (x *explainer) writeTree(w io.Writer, found *explain.Explanation, branches []rules.Branch) {
	d := treeDrawing{w: w, settings: map[string][]string{}}
	for _, s := range found.Settings {
		d.settings[s.Route] = x.settingLines(s)
	}
	table := &x.cfg.Table
	d.last = len(table.Default) == 0
	if len(table.Always) > 0 {
		d.node("├─", outcomeMark(rules.Taken)+" "+rules.Always+arrow(table.Always), "every alert", false)
	}
	d.branches(branches, "", d.last)
	if len(table.Default) > 0 {
		mark, why := outcomeMark(rules.Unasked), "not asked, a route matched"
		if found.Defaulted {
			mark, why = outcomeMark(rules.Taken), "no route matched"
		}
		d.node("└─", mark+" "+rules.Default+arrow(table.Default), why, !found.Defaulted)
	}
}

type treeDrawing struct {
	w        io.Writer
	last     bool
	settings map[string][]string // lines, by route
}

func arrow(to []string) string {
	if len(to) == 0 {
		return ""
	}
	return " → " + strings.Join(to, ", ")
}

// node draws one line: what it is, and why.
func (d *treeDrawing) node(stem, what, why string, dim bool) {
	if dim {
		what = faint.Render(what)
	}
	fmt.Fprintf(d.w, "  %s %s  %s\n", faint.Render(stem), what, faint.Render(why))
}

func (d *treeDrawing) branches(branches []rules.Branch, indent string, last bool) {
	for i, b := range branches {
		stem, below := "├─", "│  "
		if last && i == len(branches)-1 {
			stem, below = "└─", "   "
		}
		name := b.Route[strings.LastIndexByte(b.Route, '/')+1:]
		what := name + arrow(b.To)
		if b.Nobody {
			what = name + " → nobody, on purpose"
		}
		if b.Policy != nil && len(b.To) == 0 && len(b.Policy.Escalate) > 0 {
			what += arrow(b.Policy.Escalate[0].To)
		}
		if b.Continue {
			what += ", and continue"
		}
		why := ""
		switch {
		case b.Decides:
			what, why = bold.Render(what), "decides"
		case b.Outcome == rules.Taken:
			why = "a route inside it decides"
		case b.Outcome == rules.Missed:
			why = "does not match"
		case b.Matches:
			why = b.Why() + "; it would match"
		default:
			why = b.Why()
		}
		d.node(indent+stem, outcomeMark(b.Outcome)+" "+what, why, b.Outcome == rules.Unasked)
		under := indent + below
		if len(b.Branches) > 0 {
			d.tests(b.Tests, under+"│    ", b.Outcome == rules.Unasked)
			d.lines(d.settings[b.Route], under+"│    ")
		} else {
			d.tests(b.Tests, under+"     ", b.Outcome == rules.Unasked)
			d.lines(d.settings[b.Route], under+"     ")
		}
		d.branches(b.Branches, under, true)
	}
}

// tests draws matchers, and those that they combine below them.
func (d *treeDrawing) tests(tests []rules.Test, indent string, dim bool) {
	for _, t := range tests {
		text := line(t.Words())
		if dim {
			text = faint.Render(text)
		}
		fmt.Fprintf(d.w, "  %s%s %s\n", faint.Render(indent), testMark(t.Held), text)
		d.tests(t.Tests, indent+"   ", dim)
	}
}

func (d *treeDrawing) lines(lines []string, indent string) {
	for _, l := range lines {
		fmt.Fprintf(d.w, "  %s%s\n", faint.Render(indent), l)
	}
}

// treeBranch and treeTest are a route and a matcher in explain --tree --format json.
type treeBranch struct {
	Route     string       `json:"route"`
	Outcome   string       `json:"outcome"`
	Decides   bool         `json:"decides"`
	By        string       `json:"by,omitempty"`
	Matches   bool         `json:"matches"`
	Reason    string       `json:"reason"`
	To        []string     `json:"to"`
	Inherited bool         `json:"inherited,omitempty"`
	Continue  bool         `json:"continue,omitempty"`
	Settings  []string     `json:"settings,omitempty"`
	Tests     []treeTest   `json:"tests,omitempty"`
	Routes    []treeBranch `json:"routes,omitempty"`
}

type treeTest struct {
	Key   string     `json:"key"`
	Wants string     `json:"wants,omitempty"`
	Has   string     `json:"has,omitempty"`
	Held  bool       `json:"held"`
	Fact  string     `json:"fact"`
	Tests []treeTest `json:"tests,omitempty"`
}

func treeJSON(branches []rules.Branch) []treeBranch {
	out := []treeBranch{}
	for _, b := range branches {
		out = append(out, treeBranch{
			Route: b.Route, Outcome: string(b.Outcome), Decides: b.Decides, By: b.By, Matches: b.Matches, Reason: b.Reason,
			To: append([]string{}, b.To...), Inherited: b.Inherited, Continue: b.Continue, Settings: b.Policy.Words(),
			Tests: testsJSON(b.Tests), Routes: treeJSON(b.Branches),
		})
	}
	return out
}

func testsJSON(tests []rules.Test) (out []treeTest) {
	for _, t := range tests {
		out = append(out, treeTest{t.Key, t.Wants, t.Has, t.Held, t.Fact, testsJSON(t.Tests)})
	}
	return out
}
