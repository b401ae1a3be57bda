// Package explain owns what is said of the routes' decision about an alert: who is told when, by which route and why, as at a time.
// It decides nothing (rules and noise do), asks no outbox what became of an alert, and prints nothing.
package explain

import (
	"slices"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/noise"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
)

// Explainer explains alerts by the routes of a config.
type Explainer struct {
	Table   *rules.Table
	Control *noise.Control
	Expand  func([]rules.Choice) []rules.Choice // puts in the place of aliases whom they stand for
}

// Explanation is what an explainer finds of an alert, as at a time.
type Explanation struct {
	Telling  // as if no silence held
	Alert    *alert.Alert
	At       time.Time
	Severity alert.Severity
	Settings []Setting        // of the routes that choose receivers
	Silences []outbox.Silence // that hold and match the alert
}

// Setting is what noise control makes of a route that decides.
type Setting struct {
	Route string   `json:"route"`
	Words []string `json:"words"`
	Open  bool     `json:"open"`            // its windows let messages out
	Times string   `json:"times,omitempty"` // why
}

// Explain decides of an alert. Of the silences those count that hold at that time.
func (x *Explainer) Explain(a *alert.Alert, at time.Time, silences []outbox.Silence) Explanation {
	d := x.Table.Decide(a)
	d.Choices = x.Expand(d.Choices)
	return Explanation{
		Telling: Tell(x.Control, d, at), Alert: a, At: at, Severity: x.Control.Scale.Severity(a.Rule.Level),
		Settings: x.settings(d.Choices, at), Silences: x.Control.Silencing(silences, a, at),
	}
}

// settings are those of the routes that choose receivers.
func (x *Explainer) settings(choices []rules.Choice, at time.Time) []Setting {
	var out []Setting
	for _, c := range choices {
		if c.Policy == nil || slices.ContainsFunc(out, func(s Setting) bool { return s.Route == c.Route }) {
			continue
		}
		s := Setting{Route: c.Route, Words: c.Policy.Words(), Open: true}
		s.Open, s.Times = x.Control.Times(c.Policy, at)
		out = append(out, s)
	}
	return out
}

// Told is whom the alert tells while those silences hold.
func (x *Explanation) Told() Telling {
	if len(x.Silences) > 0 {
		return x.silence()
	}
	return x.Telling
}

// Line is an explanation as explain --format json begins it.
type Line struct {
	Alert     string     `json:"alert"`
	Severity  string     `json:"severity"`
	Receivers []string   `json:"receivers"`
	Aliases   []standsIn `json:"aliases,omitempty"` // of those that were chosen in the place of another
	Decisions []decision `json:"decisions"`
	// Added is what enrichment knows beside the alert itself, where the config has any.
	Added map[string]any `json:"added,omitempty"`
	// Later are those who are told if nobody takes it, Settings what the routes that decide ask for, Silences those that hold.
	Later    []laterStep `json:"later,omitempty"`
	Settings []Setting   `json:"settings,omitempty"`
	Silences []string    `json:"silences,omitempty"`
}

type laterStep struct {
	Receiver string  `json:"receiver"`
	Step     int     `json:"step"`
	After    float64 `json:"after_s"`
}

// standsIn is a receiver that was chosen in the place of another.
type standsIn struct {
	Receiver string `json:"receiver"`
	Alias    string `json:"alias"`
	Note     string `json:"note"`
}

type decision struct {
	Route   string `json:"route"`
	Matched bool   `json:"matched"`
	Reason  string `json:"reason"`
}

// NewLine is the line of what no route decided of.
func NewLine(identity string) Line {
	return Line{Alert: identity, Receivers: []string{}, Decisions: []decision{}}
}

// Line is the explanation for programs.
func (x *Explanation) Line() Line {
	out := NewLine(x.Alert.Identity())
	out.Severity, out.Settings, out.Added = x.Severity.String(), x.Settings, x.Alert.Added
	for _, c := range x.Choices {
		if c.After > 0 {
			out.Later = append(out.Later, laterStep{c.Receiver, c.Step, c.After.Seconds()})
			continue
		}
		out.Receivers = append(out.Receivers, c.Receiver)
		if c.Alias != "" {
			out.Aliases = append(out.Aliases, standsIn{c.Receiver, c.Alias, c.Note})
		}
	}
	for _, v := range x.Verdicts {
		out.Decisions = append(out.Decisions, decision{v.Route, v.Matched, v.Reason})
	}
	for _, s := range x.Silences {
		out.Silences = append(out.Silences, s.ID)
	}
	return out
}
