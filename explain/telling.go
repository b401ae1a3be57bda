package explain

import (
	"slices"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/noise"
	"github.com/ossec-notify/ossec-notify/rules"
)

// Telling is whom a decision tells when: explain says it in words, and test compares it with what is expected. It is what the routes
// and their windows come to. What depends on other alerts (dedup, groups, throttles, inhibition) it leaves out.
type Telling struct {
	*rules.Decision
	Now     []rules.Choice // at once
	Outside []rules.Choice // at once, in the place of others, because the windows of the route are closed
	Held    []rules.Choice // when the windows open
	Later   []rules.Choice // by a later step, unless somebody takes it

	Silenced []rules.Choice // not told, because a silence holds: see [Explanation.Told]
}

// Tell sorts the choices of a decision as the deliverer does, as at a time. Where that is zero, windows do not count.
func Tell(control *noise.Control, d *rules.Decision, at time.Time) Telling {
	t := Telling{Decision: d}
	has := map[string]bool{} // receivers of which is decided, but for later steps: the first route that comes to one does it
	take := func(to *[]rules.Choice, c rules.Choice) {
		if !has[c.Receiver] {
			has[c.Receiver] = true
			*to = append(*to, c)
		}
	}
	for _, route := range ByRoute(d.Choices) {
		p := route[0].Policy
		closed := p != nil && route[0].Route != rules.Always && !at.IsZero() && !opens(control, p, at)
		instead := closed && len(p.Outside) > 0
		var others, later []rules.Choice // others are not told, because those outside are
		before := len(t.Held)
		for _, c := range route {
			switch {
			case instead && (c.Step > 1 || slices.Contains(p.Outside, c.Receiver)):
			case instead:
				take(&others, c)
			case c.Step > 1:
				later = append(later, c)
			case closed:
				take(&t.Held, c)
			default:
				take(&t.Now, c)
			}
		}
		if !closed || len(t.Held) > before { // steps begin with a message
			t.Later = append(t.Later, later...)
		}
		if instead {
			for _, name := range p.Outside {
				take(&t.Outside, rules.Choice{Receiver: name, Route: route[0].Route, Policy: p})
			}
		}
	}
	return t
}

// silence is the telling while a silence holds that matches the alert: it is asked before the windows, and those of always hear all the same.
func (t Telling) silence() Telling {
	quiet := Telling{Decision: t.Decision}
	for _, c := range t.Choices {
		if c.Route == rules.Always {
			quiet.Now = append(quiet.Now, c)
		} else if c.Step <= 1 {
			quiet.Silenced = append(quiet.Silenced, c)
		}
	}
	return quiet
}

// ByRoute are choices by the routes that made them, those of always first.
func ByRoute(choices []rules.Choice) [][]rules.Choice {
	var all [][]rules.Choice
	at := map[string]int{}
	for _, c := range choices {
		i, known := at[c.Route]
		if !known {
			i = len(all)
			at[c.Route], all = i, append(all, nil)
		}
		all[i] = append(all[i], c)
	}
	return all
}

func opens(control *noise.Control, p *rules.Policy, at time.Time) bool {
	open, _ := control.Times(p, at)
	return open
}

// RoutesTell reports whether a route told anybody, or will.
func (t Telling) RoutesTell() bool {
	return slices.ContainsFunc(t.Choices, func(c rules.Choice) bool { return c.Route != rules.Always && c.Route != rules.Default })
}

// Nobody says why the routes and default tell nobody: "by route quiet, on purpose, because …"; "" where they tell somebody.
func (t Telling) Nobody() string {
	switch {
	case t.RoutesTell() || slices.ContainsFunc(t.Choices, func(c rules.Choice) bool { return c.Route == rules.Default }):
		return ""
	case t.Suppressed:
		return "by route " + t.SuppressedBy + ", on purpose, because " + t.reason(t.SuppressedBy)
	case t.Defaulted:
		return "because no route matched, and the config has no default"
	}
	return ""
}

// reason is why a route was taken, with the routes around it: each fact by itself, for some have commas in them.
func (t Telling) reason(route string) string {
	var facts []string
	for _, v := range t.Verdicts {
		if v.Matched && (v.Route == route || strings.HasPrefix(route, v.Route+"/")) {
			facts = append(facts, v.Facts...)
		}
	}
	facts = slices.DeleteFunc(facts, func(f string) bool { return f == rules.TakesAll }) // which says little beside another
	if len(facts) == 0 {
		return "it " + rules.TakesAll
	}
	return display.Quote(strings.Join(facts, " and ")).Line().String()
}

// Sentence says of choices who is told by which route, and why: "soc and oncall by route page, because …; siem always".
func (t Telling) Sentence(choices []rules.Choice) string {
	var parts []string
	var always string
	for _, of := range ByRoute(choices) {
		var names []string
		for _, c := range of {
			names = append(names, choiceWords(c))
		}
		switch route := of[0].Route; route {
		case rules.Always:
			always = display.List(names) + " always"
		case rules.Default:
			parts = append(parts, display.List(names)+" by default, because no route matched")
		default:
			parts = append(parts, display.List(names)+" by route "+route+", because "+t.reason(route))
		}
	}
	if always != "" {
		parts = append(parts, always)
	}
	return strings.Join(parts, "; ")
}

// LaterWords say who is told by a later step: "oncall after 10 min by route page".
func (t Telling) LaterWords() string {
	var parts []string
	for _, c := range t.Later {
		parts = append(parts, choiceWords(c)+" by route "+c.Route)
	}
	return strings.Join(parts, "; ")
}

// choiceWords are the receiver, whom it stands for, and when it is told.
func choiceWords(c rules.Choice) string {
	words := c.Receiver
	if c.Alias != "" {
		words += " (as " + c.Alias + ")"
	}
	if c.After > 0 {
		words += " after " + display.Span(c.After)
	}
	return words
}

// Receivers are the names of those who are chosen, sorted, each once.
func Receivers(choices []rules.Choice) []string {
	names := []string{}
	for _, c := range choices {
		names = append(names, c.Receiver)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
