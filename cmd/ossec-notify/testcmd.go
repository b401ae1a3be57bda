package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/explain"
	"github.com/ossec-notify/ossec-notify/noise"
	"github.com/ossec-notify/ossec-notify/rules"
)

const testExample = `  ossec-notify test                                   the cases beside the config: tests/*.yaml
  ossec-notify test --config new.yaml tests/pager.yaml
  ossec-notify test -v --run night                    what each case comes to, of those with night in their names
  ossec-notify test --format junit > routes.xml       for CI`

func testCommand(e *env) *cobra.Command {
	var o testOptions
	cmd := &cobra.Command{
		Use:   "test [FILE...]",
		Short: "do the routes do what is expected of them?",
		Long: `Compares what the routes make of alerts with what files of cases expect, and says which routes no case reaches. Without
files it reads tests/*.yaml beside the config, and ossec-notify/tests/*.yaml there. Nothing is sent, nothing is asked of other hosts, and
what a deliverer knows (silences, repeats, who is on call) does not count.

Exit status: 0 all cases passed, 1 one failed, or with --strict no case reaches some route, 2 the config or a file of cases has mistakes.`,
		Example: testExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.run != "" {
				var err error
				if o.only, err = regexp.Compile(o.run); err != nil {
					return fmt.Errorf("--run: %w", err)
				}
				if o.strict {
					return fmt.Errorf("give --run or --strict, not both: a part of the cases reaches a part of the routes")
				}
			}
			return e.test(cmd.Context(), args, o)
		},
	}
	cmd.Flags().BoolVarP(&o.verbose, "verbose", "v", false, "say what each case comes to, also of those that pass")
	cmd.Flags().BoolVar(&o.strict, "strict", false, "exit 1 too when no case reaches some route that an alert can reach")
	cmd.Flags().StringVar(&o.run, "run", "", "only the cases whose name this regular expression matches")
	e.formatFlag(cmd, "junit")
	return cmd
}

type testOptions struct {
	verbose, strict bool
	run             string
	only            *regexp.Regexp // nil: all
}

// testReport is what test prints with --format json.
type testReport struct {
	Cases    []testResult  `json:"cases"`
	Failed   int           `json:"failed"`
	Coverage *testCoverage `json:"coverage,omitempty"` // not with --run
}

// testResult is one case.
type testResult struct {
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

	told string // in words
	took time.Duration
}

// testCoverage is which routes cases reach, default among them.
type testCoverage struct {
	Routes      int           `json:"routes"` // that an alert can reach
	Reached     int           `json:"reached"`
	Unreached   []string      `json:"unreached,omitempty"`
	Unreachable []unreachable `json:"unreachable,omitempty"`
	Unused      []string      `json:"unused_receivers,omitempty"` // that neither a route nor another receiver names
}

type unreachable struct {
	Route  string `json:"route"`
	Reason string `json:"reason"`
}

func (e *env) test(ctx context.Context, args []string, o testOptions) error {
	cfg, err := e.load()
	if err != nil {
		return err
	}
	files, err := caseFiles(cfg.Path, args)
	if err != nil {
		return err
	}
	reader := newCaseReader(cfg)
	for _, file := range files {
		if err := reader.read(file); err != nil {
			return fmt.Errorf("cases: %w", err)
		}
	}
	for _, p := range slices.Concat(reader.Problems, reader.doubts) {
		fmt.Fprintln(e.stderr, p)
	}
	switch n := len(reader.Problems); {
	case n > 0:
		return fmt.Errorf("the cases have %s", display.Count(n, "mistake"))
	case len(reader.cases) == 0:
		return fmt.Errorf("there is no case in %s: write one, such as\n\n%s", strings.Join(files, ", "), casesExample)
	}
	cases := reader.cases
	if o.only != nil {
		if cases = slices.DeleteFunc(cases, func(c testCase) bool { return !o.only.MatchString(c.name) }); len(cases) == 0 {
			return fmt.Errorf("--run: no case has a name that %q matches", o.run)
		}
	}
	e.noteEnrichment(reader.enrich)
	t := newTester(cfg)
	var report testReport
	for i := range cases {
		if err := ended(ctx); err != nil {
			return err
		}
		began := time.Now()
		r := t.run(&cases[i])
		r.took = time.Since(began)
		report.Cases = append(report.Cases, r)
		if !r.Passed {
			report.Failed++
		}
	}
	if o.only == nil {
		report.Coverage = t.coverage()
	}
	if err := e.writeTests(&report, o); err != nil {
		return failed("%w", err)
	}
	if report.Failed > 0 || o.strict && len(report.Coverage.Unreached) > 0 {
		return silent(exitFail)
	}
	return nil
}

// caseFiles are the files that are named, or those beside the config. A directory stands for those in it.
func caseFiles(config string, args []string) ([]string, error) {
	var files []string
	in := func(dir string) error {
		for _, pattern := range []string{"*.yaml", "*.yml"} {
			found, err := filepath.Glob(filepath.Join(globbed(dir), pattern))
			if err != nil {
				return err
			}
			files = append(files, found...)
		}
		return nil
	}
	for _, arg := range args {
		if st, err := os.Stat(arg); err == nil && st.IsDir() {
			if err := in(arg); err != nil {
				return nil, err
			}
			continue
		}
		files = append(files, arg)
	}
	beside := filepath.Dir(config)
	places := []string{filepath.Join(beside, "tests"), filepath.Join(beside, "ossec-notify", "tests")}
	if len(args) == 0 {
		for _, dir := range places {
			if err := in(dir); err != nil {
				return nil, err
			}
		}
	} else {
		places = args
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("there are no cases: no *.yaml in %s. Write the first, such as %s:\n\n%s", strings.Join(places, " or "), filepath.Join(places[0], "routes.yaml"), casesExample)
	}
	return files, nil
}

// globbed is a path for a pattern, in which it stands for itself.
func globbed(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

// tester runs cases by a config, and remembers the routes that they reach.
type tester struct {
	cfg     *config.Config
	control *noise.Control
	pages   map[string]bool // by receiver; an alias pages if one of those does that it may stand for
	reached map[string]bool
}

func newTester(cfg *config.Config) *tester {
	t := &tester{cfg: cfg, control: &noise.Control{Scale: cfg.Scale, Zone: cfg.Zone, Log: discard}, pages: map[string]bool{}, reached: map[string]bool{}}
	for _, r := range cfg.Receivers {
		t.pages[r.Name] = r.Channel.Pages
	}
	for _, r := range cfg.Aliases {
		t.pages[r.Name] = slices.ContainsFunc(r.StandsFor(), func(name string) bool { return t.pages[name] })
	}
	return t
}

// run runs one case.
func (t *tester) run(c *testCase) testResult {
	d := t.cfg.Table.Decide(c.alert)
	for _, v := range d.Verdicts {
		t.reached[v.Route] = t.reached[v.Route] || v.Matched
	}
	t.reached[rules.Default] = t.reached[rules.Default] || d.Defaulted
	told := explain.Tell(t.control, d, c.at)
	branches := t.cfg.Table.Tree(c.alert)
	r := testResult{
		File: c.file, Line: c.line, Name: c.name,
		Receivers: explain.Receivers(slices.Concat(told.Now, told.Outside)), Held: explain.Receivers(told.Held), Later: explain.Receivers(told.Later), Routes: deciding(branches),
	}
	if d.Defaulted {
		r.Routes = append(r.Routes, rules.Default)
	}
	r.told = summary(told)
	x := comparison{tester: t, testCase: c, told: told, branches: branches, result: &r}
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
func (t *tester) coverage() *testCoverage {
	c := &testCoverage{}
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
		c.Unreachable = append(c.Unreachable, unreachable{u.Route, u.Reason})
	}
	for _, r := range t.cfg.Unused() {
		c.Unused = append(c.Unused, r.Name)
	}
	return c
}

// writeTests prints what came of the cases.
func (e *env) writeTests(report *testReport, o testOptions) error {
	switch e.format {
	case "json":
		return jsonSetOut(e.stdout, report)
	case "junit":
		return writeJUnit(e.stdout, report)
	}
	w := e.styled()
	for _, r := range report.Cases {
		place := fmt.Sprintf("%s:%d: %s: ", display.Visible(r.File), r.Line, line(r.Name))
		switch {
		case !r.Passed:
			fmt.Fprintf(w, "%s %s%s\n", testMark(false), place, strings.Join(r.Differences, "; "))
			for _, why := range r.Why {
				fmt.Fprintf(w, "    %s\n", faint.Render(why))
			}
		case o.verbose:
			fmt.Fprintf(w, "%s %s%s\n", testMark(true), place, r.told)
		}
	}
	summary := display.Count(len(report.Cases), "case") + ", all passed"
	if report.Failed > 0 {
		summary = fmt.Sprintf("%s, %d failed", display.Count(len(report.Cases), "case"), report.Failed)
	}
	c := report.Coverage
	if c == nil {
		_, err := fmt.Fprintln(w, summary)
		return err
	}
	_, err := fmt.Fprintf(w, "%s; %d of %s reached\n", summary, c.Reached, display.Count(c.Routes, "route"))
	names := func(what string, all []string) {
		if len(all) == 0 {
			return
		}
		more := ""
		if n := len(all) - fold; n > 0 && !o.verbose {
			all, more = all[:fold], fmt.Sprintf(" and %d more (-v shows them)", n)
		}
		fmt.Fprintf(w, "  %s: %s%s\n", what, strings.Join(all, ", "), more)
	}
	names("no case reaches", c.Unreached)
	for _, u := range c.Unreachable {
		fmt.Fprintf(w, "  no alert can reach %s: %s\n", u.Route, u.Reason)
	}
	names("receivers that nothing names", c.Unused)
	return err
}
