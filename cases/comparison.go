package cases

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/explain"
	"github.com/ossec-notify/ossec-notify/rules"
)

// maxWhy is how much is said of why one receiver is told or not, in routes; and how many receivers could have paged.
const maxWhy = 8

// comparison is a case beside what came of it.
type comparison struct {
	*tester
	*Case
	told     explain.Telling
	branches []rules.Branch
	result   *Result
}

func (x *comparison) differ(format string, args ...any) {
	x.result.Differences = append(x.result.Differences, fmt.Sprintf(format, args...))
}

func (x *comparison) compare() {
	r := x.result
	x.set("", x.receivers, r.Receivers, x.whyReceiver)
	x.set("held: ", x.held, r.Held, x.whyReceiver)
	x.set("later: ", x.later, r.Later, x.whyReceiver)
	routes := slices.Sorted(slices.Values(r.Routes))
	x.set("route: ", x.route, routes, x.whyRoute)
	if x.page != nil {
		var paging []string
		for _, name := range r.Receivers {
			if x.pages[name] {
				paging = append(paging, name)
			}
		}
		switch {
		case *x.page && len(paging) == 0:
			x.differ("expected a page, got none (told: %s)", orNobody(r.Receivers))
			x.because(x.pagers(), x.whyReceiver)
		case !*x.page && len(paging) > 0:
			x.differ("expected no page, got one of %s", display.List(paging))
			x.because(paging, x.whyReceiver)
		}
	}
	x.suppressing()
}

// pagers are the receivers that could have paged, not too many of them.
func (x *comparison) pagers() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(x.pages)) {
		if x.pages[name] && len(names) < maxWhy {
			names = append(names, name)
		}
	}
	return names
}

// suppressing compares whether a route sends the alert to nobody, and no other tells anybody.
func (x *comparison) suppressing() {
	want := x.suppressed
	if want == nil {
		return
	}
	by := ""
	if x.told.Suppressed && !x.told.RoutesTell() {
		by = x.told.SuppressedBy
	}
	switch {
	case !want.so && by != "":
		x.differ("expected that it is not suppressed, got nobody by route %s", by)
		x.because([]string{by}, x.whyRoute)
	case want.so && by == "":
		x.differ("expected that it is suppressed, got %s", orNobody(explain.Receivers(x.told.Choices)))
		x.because(deciding(x.branches), x.whyRoute)
	case want.by != "" && by != want.by:
		x.differ("expected that route %s suppresses it, got route %s", want.by, by)
		x.because([]string{by, want.by}, x.whyRoute)
	}
}

// set compares two sets of names, and says of each that is missing or too many why.
func (x *comparison) set(what string, want *[]string, got []string, why func(name string) []string) {
	if want == nil {
		return
	}
	missing := slices.DeleteFunc(slices.Clone(*want), func(name string) bool { return slices.Contains(got, name) })
	more := slices.DeleteFunc(slices.Clone(got), func(name string) bool { return slices.Contains(*want, name) })
	if len(missing)+len(more) == 0 {
		return
	}
	var parts []string
	if len(missing) > 0 {
		parts = append(parts, "missing "+display.List(missing))
	}
	if len(more) > 0 {
		parts = append(parts, "unexpected "+display.List(more))
	}
	x.differ("%sexpected %s, got %s (%s)", what, orNobody(*want), orNobody(got), strings.Join(parts, ", "))
	x.because(slices.Concat(more, missing), why)
}

func (x *comparison) because(names []string, why func(name string) []string) {
	for _, name := range names {
		for _, s := range why(name) {
			if !slices.Contains(x.result.Why, s) {
				x.result.Why = append(x.result.Why, s)
			}
		}
	}
}

func orNobody(names []string) string {
	if len(names) == 0 {
		return "nobody"
	}
	return display.List(names)
}

// whyReceiver says why a receiver is told, or is not: then for each route that names it.
func (x *comparison) whyReceiver(name string) []string {
	is := func(c rules.Choice) bool { return c.Receiver == name }
	find := func(all []rules.Choice) []rules.Choice {
		if i := slices.IndexFunc(all, is); i >= 0 {
			return all[i : i+1]
		}
		return nil
	}
	if c := find(slices.Concat(x.told.Now, x.told.Outside)); c != nil {
		return []string{x.told.Sentence(c)}
	}
	if c := find(x.told.Held); c != nil {
		_, times := x.control.Times(c[0].Policy, x.at)
		return []string{x.told.Sentence(c) + "; its times are " + times}
	}
	if c := find(x.told.Later); c != nil {
		return []string{x.told.Sentence(c)}
	}
	var why []string
	for _, c := range x.cfg.Table.Chances(x.Case.alert, name) {
		if c.Route == rules.Default || c.Route == rules.Always {
			why = append(why, name+": "+c.Route+": "+shown(c.Why))
			continue
		}
		for _, s := range x.whyRoute(c.Route) {
			why = append(why, name+": "+s)
		}
	}
	if why == nil {
		return []string{name + ": no route names it"}
	}
	if more := len(why) - maxWhy; more > 0 {
		why = append(why[:maxWhy], name+": "+display.Count(more, "more route")+", see explain --tree")
	}
	return why
}

// whyRoute says what became of a route.
func (x *comparison) whyRoute(path string) []string {
	if path == rules.Default {
		if x.told.Defaulted {
			return []string{"default: no route matched"}
		}
		return []string{"default: not asked, a route matched"}
	}
	b := branchAt(x.branches, path)
	if b == nil {
		return nil
	}
	why := shown(b.Why())
	if b.Outcome == rules.Taken && !b.Decides {
		why = "a route inside it decides"
	}
	return []string{"route " + path + ": " + why}
}

// branchAt is the branch of a path; nil where there is none.
func branchAt(branches []rules.Branch, path string) *rules.Branch {
	for i := range branches {
		b := &branches[i]
		if b.Route == path {
			return b
		}
		if strings.HasPrefix(path, b.Route+"/") {
			return branchAt(b.Branches, path)
		}
	}
	return nil
}

// shown is text of rules, with what an alert says in it, for one line.
func shown(s string) string { return display.Quote(s).Line().String() }
