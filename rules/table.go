package rules

import (
	"strconv"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/alert"
)

// Table is the routing of a whole config. Its laws:
//
//   - Always hears of every alert, whatever the routes say.
//   - Routes are tried in order; the first that matches ends the search, unless it says continue.
//   - Under a route that matched, its children are tried by the same law. If one matches, the children decide and
//     the route's own receivers are not told by it; if none does, the route itself decides.
//   - A route without `to` tells whom the route around it tells. One with `to: []` tells nobody, also of an escalation
//     that it would inherit.
//   - A route inherits each setting that it does not have, and what it has takes the place of the whole setting.
//   - Beside `to`, the first step of an escalation is told at once; the others are chosen for later.
//   - Default hears of alerts that no route matched. A route that told nobody did match.
//   - A receiver is told once at first, and once in each later step, in the name of the first that chose it.
type Table struct {
	Always  []string
	Routes  []*Route
	Default []string
	// Inhibit are those of the config, in order.
	Inhibit []*Inhibit
	// Added are the names below which enrichment adds fields: no text of an alert tells what is there (see [Gate]).
	Added []string

	// AlwaysNode and DefaultNode are the lists that Always and Default were read from, for the places of problems.
	AlwaysNode, DefaultNode *yaml.Node
}

// Choice is a receiver that is to be told, and who chose it.
type Choice struct {
	Receiver string
	// Route is the path of the route: its name or routes[2] (counted from 0), nested ones joined by / as in
	// shop/night; or Always or Default.
	Route string
	// Policy is what the route asks for; nil for Always, and where it asks for nothing.
	Policy *Policy
	// Step is the place in the route's escalation, from 1; 0 for receivers of `to`. After is how long after the alert it is
	// told, if nobody has taken the incident by then.
	Step  int
	After time.Duration
	// Alias is the receiver that the route names where that one stands for this, and Note says why it does: for people, and
	// perhaps with names that others wrote. A table knows of no such thing; both are "" in its choices.
	Alias, Note string
}

// Verdict is what became of one route that was tried.
type Verdict struct {
	Route   string // as in Choice
	Matched bool
	Reason  string // see Match.Explain
	// Facts are what the Reason is made of, one by one.
	Facts []string
}

// Decision is what the table says of an alert, and why.
type Decision struct {
	Choices []Choice
	// Suppressed is true when a route that decided says `to: []`. Others may have been chosen all the same, by
	// Always or through continue.
	Suppressed bool
	// SuppressedBy is the path of the first that does.
	SuppressedBy string
	// Defaulted is true when no route matched, so that Default was asked, be it empty or not.
	Defaulted bool
	// Verdicts are all routes that were tried, in that order; a route behind the one that ended the search was not.
	Verdicts []Verdict
}

// Decide says who is to be told of the alert, with all the reasons. Its choices are those of Choose.
func (t *Table) Decide(a *alert.Alert) *Decision {
	w := walk{alert: a, explain: true}
	t.walk(&w)
	return &w.Decision
}

// Choose says who is to be told of the alert.
func (t *Table) Choose(a *alert.Alert) []Choice {
	w := walk{alert: a}
	t.walk(&w)
	return w.Choices
}

// Nobody says which route sends the alert to nobody on purpose: the path of one that decided and says `to: []`, where no
// route told anybody; else "". Those of Always may be told all the same.
func (t *Table) Nobody(a *alert.Alert) (route string) {
	w := walk{alert: a}
	t.walk(&w)
	if w.told {
		return ""
	}
	return w.SuppressedBy
}

func (t *Table) walk(w *walk) {
	for _, receiver := range t.Always {
		w.choose(Choice{Receiver: receiver, Route: Always})
	}
	if w.try(t.Routes, nil) {
		return
	}
	w.Defaulted = true
	for _, receiver := range t.Default {
		w.choose(Choice{Receiver: receiver, Route: Default})
	}
}

// walk is one alert's way through a table.
type walk struct {
	alert   *alert.Alert
	explain bool
	told    bool // a route that decided has receivers
	Decision
}

// try tries sibling routes in order and reports whether any matched. parent is nil at the top.
func (w *walk) try(routes []*Route, parent *position) bool {
	matched := false
	for i, r := range routes {
		if !w.matches(r, i, parent) {
			continue
		}
		matched = true
		at := &position{r, i, parent}
		if !w.try(r.Routes, at) {
			w.tell(at)
		}
		if !r.Continue {
			break
		}
	}
	return matched
}

func (w *walk) matches(r *Route, index int, parent *position) bool {
	if !w.explain {
		return r.Match.Matches(w.alert)
	}
	matched, facts := r.Match.facts(w.alert)
	_, reason := inOne(matched, facts)
	at := &position{r, index, parent}
	w.Verdicts = append(w.Verdicts, Verdict{at.path(), matched, reason, facts})
	return matched
}

// tell chooses the receivers of the route that decided: those of `to`, and those of the steps of its escalation.
func (w *walk) tell(at *position) {
	from, policy := at.receivers(), at.route.Policy
	var steps []Step
	if policy != nil {
		steps = policy.Escalate
	}
	if len(from.To)+len(steps) == 0 {
		if from.Nobody && !w.Suppressed {
			w.Suppressed, w.SuppressedBy = true, at.path()
		}
		return
	}
	w.told = true
	path := at.path()
	for _, receiver := range from.To {
		w.choose(Choice{Receiver: receiver, Route: path, Policy: policy})
	}
	for i, s := range steps {
		for _, receiver := range s.To {
			w.choose(Choice{Receiver: receiver, Route: path, Policy: policy, Step: i + 1, After: s.After})
		}
	}
}

// choose takes a choice, unless the receiver is told already at that time: of `to` and the first step, both of which are
// at once, only one tells it.
func (w *walk) choose(c Choice) {
	for _, earlier := range w.Choices {
		if earlier.Receiver == c.Receiver && max(earlier.Step, 1) == max(c.Step, 1) {
			return
		}
	}
	w.Choices = append(w.Choices, c)
}

// position is a route's place in the tree.
type position struct {
	route  *Route
	index  int // among its siblings
	parent *position
}

// receivers is the route whose `to` counts here: the nearest that has one.
func (at *position) receivers() *Route {
	for at.route.Inherit && at.parent != nil {
		at = at.parent
	}
	return at.route
}

func (at *position) path() string {
	name := at.route.Name
	if name == "" {
		name = "routes[" + strconv.Itoa(at.index) + "]"
	}
	if at.parent == nil {
		return name
	}
	return at.parent.path() + "/" + name
}
