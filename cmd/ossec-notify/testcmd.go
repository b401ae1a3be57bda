package main

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ossec-notify/ossec-notify/cases"
	"github.com/ossec-notify/ossec-notify/display"
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

func (e *env) test(ctx context.Context, args []string, o testOptions) error {
	cfg, err := e.load()
	if err != nil {
		return err
	}
	files, err := cases.Files(cfg.Path, args)
	if err != nil {
		return err
	}
	set, err := cases.Read(cfg, files)
	if err != nil {
		return err
	}
	for _, p := range slices.Concat(set.Mistakes, set.Doubts) {
		fmt.Fprintln(e.stderr, p)
	}
	switch n := len(set.Mistakes); {
	case n > 0:
		return fmt.Errorf("the cases have %s", display.Count(n, "mistake"))
	case len(set.Cases) == 0:
		return fmt.Errorf("there is no case in %s: write one, such as\n\n%s", strings.Join(files, ", "), cases.Example)
	}
	chosen := set.Cases
	if o.only != nil {
		if chosen = slices.DeleteFunc(chosen, func(c cases.Case) bool { return !o.only.MatchString(c.Name) }); len(chosen) == 0 {
			return fmt.Errorf("--run: no case has a name that %q matches", o.run)
		}
	}
	e.noteEnrichment(set.Enrich)
	report, err := cases.Run(ctx, cfg, chosen)
	if err != nil {
		return ended(ctx)
	}
	if o.only != nil { // what the others reach is not known
		report.Coverage = nil
	}
	if err := e.writeTests(report, o); err != nil {
		return failed("%w", err)
	}
	if report.Failed > 0 || o.strict && len(report.Coverage.Unreached) > 0 {
		return silent(exitFail)
	}
	return nil
}

// writeTests prints what came of the cases.
func (e *env) writeTests(report *cases.Report, o testOptions) error {
	switch e.format {
	case "json":
		return jsonSetOut(e.stdout, report)
	case "junit":
		return report.WriteJUnit(e.stdout)
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
			fmt.Fprintf(w, "%s %s%s\n", testMark(true), place, r.Told)
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
