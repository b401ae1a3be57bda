package cases

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/explain"
	"github.com/ossec-notify/ossec-notify/noise"
	"github.com/ossec-notify/ossec-notify/rules"
)

// Report is what came of cases, as test prints it with --format json.
type Report struct {
	Cases    []Result  `json:"cases"`
	Failed   int       `json:"failed"`
	Coverage *Coverage `json:"coverage,omitempty"` // not with --run
}

// Result is one case.
type Result struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Name   string `json:"name"`
	Passed bool   `json:"passed"`
	// Receivers are told at once, Held when their windows open, Later unless somebody takes it; Routes decided.
	Receivers []string `json:"receivers"`
	Held      []string `json:"held,omitempty"`
	Later     []string `json:"later,omitempty"`
	Routes    []string `json:"routes"`
	// Differences are what is not as expected, Why what led to that.
	Differences []string `json:"differences,omitempty"`
	Why         []string `json:"why,omitempty"`

	Told string        `json:"-"` // in words
	Took time.Duration `json:"-"`
}

// Coverage is which routes cases reach, default among them.
type Coverage struct {
	Routes      int           `json:"routes"` // that an alert can reach
	Reached     int           `json:"reached"`
	Unreached   []string      `json:"unreached,omitempty"`
	Unreachable []Unreachable `json:"unreachable,omitempty"`
	Unused      []string      `json:"unused_receivers,omitempty"` // that neither a route nor another receiver names
}

// Unreachable is a route that no alert can reach, and why.
type Unreachable struct {
	Route  string `json:"route"`
	Reason string `json:"reason"`
}

// Run compares what the routes make of each case with what it expects. The error is for a context that ended.
func Run(ctx context.Context, cfg *config.Config, all []Case) (*Report, error) {
	t := newTester(cfg)
	report := &Report{}
	for i := range all {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		began := time.Now()
		r := t.run(&all[i])
		r.Took = time.Since(began)
		report.Cases = append(report.Cases, r)
		if !r.Passed {
			report.Failed++
		}
	}
	report.Coverage = t.coverage()
	return report, nil
}

// tester runs cases by a config, and remembers the routes that they reach.
type tester struct {
	cfg     *config.Config
	control *noise.Control
	pages   map[string]bool // by receiver; an alias pages if one of those does that it may stand for
	reached map[string]bool
}

func newTester(cfg *config.Config) *tester {
	t := &tester{cfg: cfg, control: &noise.Control{Scale: cfg.Scale, Zone: cfg.Zone, Log: slog.New(slog.DiscardHandler)}, pages: map[string]bool{}, reached: map[string]bool{}}
	for _, r := range cfg.Receivers {
		t.pages[r.Name] = r.Channel.Pages
	}
	for _, r := range cfg.Aliases {
		t.pages[r.Name] = slices.ContainsFunc(r.StandsFor(), func(name string) bool { return t.pages[name] })
	}
	return t
}

// run runs one case.
func (t *tester) run(c *Case) Result {
	d := t.cfg.Table.Decide(c.alert)
	for _, v := range d.Verdicts {
		t.reached[v.Route] = t.reached[v.Route] || v.Matched
	}
	t.reached[rules.Default] = t.reached[rules.Default] || d.Defaulted
	told := explain.Tell(t.control, d, c.at)
	branches := t.cfg.Table.Tree(c.alert)
	r := Result{
		File: c.file, Line: c.line, Name: c.Name,
		Receivers: explain.Receivers(slices.Concat(told.Now, told.Outside)), Held: explain.Receivers(told.Held), Later: explain.Receivers(told.Later), Routes: deciding(branches),
	}
	if d.Defaulted {
		r.Routes = append(r.Routes, rules.Default)
	}
	r.Told = summary(told)
	x := comparison{tester: t, Case: c, told: told, branches: branches, result: &r}
	x.compare()
	r.Passed = len(r.Differences) == 0
	return r
}

// deciding are the routes that decide.
func deciding(branches []rules.Branch) []string {
	paths := []string{}
	rules.EachBranch(branches, func(b *rules.Branch) {
		if b.Decides {
			paths = append(paths, b.Route)
		}
	})
	return paths
}

// summary says in one line whom the alert goes to: "told: soc; held: oncall".
func summary(t explain.Telling) string {
	var parts []string
	say := func(what string, choices []rules.Choice) {
		if names := explain.Receivers(choices); len(names) > 0 {
			parts = append(parts, what+" "+display.List(names))
		}
	}
	say("told:", slices.Concat(t.Now, t.Outside))
	say("held:", t.Held)
	say("later:", t.Later)
	if t.Nobody() != "" || parts == nil {
		parts = append(parts, "the routes tell nobody")
	}
	return strings.Join(parts, "; ")
}

// coverage is which routes were reached.
func (t *tester) coverage() *Coverage {
	c := &Coverage{}
	lost := t.cfg.Table.Unreachable()
	count := func(path string) {
		c.Routes++
		if t.reached[path] {
			c.Reached++
		} else {
			c.Unreached = append(c.Unreached, path)
		}
	}
	for _, path := range t.cfg.Table.Paths() {
		if !slices.ContainsFunc(lost, func(u rules.Unreached) bool { return path == u.Route || strings.HasPrefix(path, u.Route+"/") }) {
			count(path)
		}
	}
	if len(t.cfg.Table.Default) > 0 && t.cfg.Table.DefaultReachable() {
		count(rules.Default)
	}
	for _, u := range lost {
		c.Unreachable = append(c.Unreachable, Unreachable{u.Route, u.Reason})
	}
	for _, r := range t.cfg.Unused() {
		c.Unused = append(c.Unused, r.Name)
	}
	return c
}
