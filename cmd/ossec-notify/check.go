package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/sample"
)

const checkExample = `  ossec-notify check
  ossec-notify check --online                        can the receivers be reached? (nothing is sent)
  ossec-notify check --config new.yaml --strict      warnings count as mistakes`

func checkCommand(e *env) *cobra.Command {
	var online, strict bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "is the config right? every mistake at once",
		Long: `Reads the config, its includes, the templates and the secrets, and says everything that is wrong, each with its
place. Exit status: 0 all is well, 1 a secret or a receiver failed, 2 the config has mistakes.`,
		Example: checkExample,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.check(cmd.Context(), online, strict)
		},
	}
	cmd.Flags().BoolVar(&online, "online", false, "also connect to every receiver; nothing is sent")
	cmd.Flags().BoolVar(&strict, "strict", false, "exit 1 on warnings too")
	e.formatFlag(cmd)
	return cmd
}

// finding is one line of check, in JSON too.
type finding struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Level   string `json:"level"` // error, warning
	Message string `json:"message"`

	code int // the exit code it asks for
}

func (f finding) String() string {
	return problem{rules.Problem{File: f.File, Line: f.Line, Column: f.Column, Message: f.Message, Warning: f.Level == "warning"}}.String()
}

func (e *env) check(ctx context.Context, online, strict bool) error {
	path := configPath(e.config, e.home)
	cfg, problems, err := loadConfig(path, e.home)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no config %s: write one (README.md has one to begin with), or name it with --config", path)
	}
	if err != nil {
		return fmt.Errorf("config: %w", err)
	}
	var found []finding
	for _, p := range problems {
		found = append(found, findingOf(p))
	}
	if cfg != nil {
		if !canComplete(e.home) {
			found = append(found, checkShell(path, cfg)...)
		}
		found = append(found, checkSecrets(cfg)...)
		d, err := cfg.dispatcher(buildOptions{log: discard})
		for _, err := range split(err) {
			found = append(found, finding{File: path, Level: "error", Message: err.Error(), code: exitUsage})
		}
		if err == nil {
			found = append(found, checkTemplates(cfg, d)...)
			if online {
				found = append(found, checkOnline(ctx, cfg)...)
			}
		}
	}
	code, counts := exitDone, map[string]int{}
	for _, f := range found {
		code = max(code, f.code)
		if f.Level == "warning" && strict {
			code = max(code, exitFail)
		}
		counts[f.Level]++
		if e.format == "json" {
			_ = jsonLine(e.stdout, f)
		} else {
			fmt.Fprintln(e.stdout, f)
		}
	}
	if e.format == "text" {
		e.checked(path, cfg, counts)
	}
	if code != exitDone {
		return silent(code)
	}
	return nil
}

// checkShell warns of matchers that hold for no alert of the shell file; of many it names the first.
func checkShell(path string, cfg *config) []finding {
	problems := cfg.Table.CheckShell()
	if len(problems) == 0 {
		return nil
	}
	first := problems[0]
	first.File = cmp.Or(first.File, path)
	if more := len(problems) - 1; more > 0 {
		first.Message += fmt.Sprintf(" (the same goes for %s)", count(more, "more matcher"))
	}
	return []finding{findingOf(problem{first})}
}

// checked is the last line of check.
func (e *env) checked(path string, cfg *config, counts map[string]int) {
	if counts["error"] > 0 {
		fmt.Fprintf(e.stdout, "%s: %s, %s\n", path, count(counts["error"], "mistake"), count(counts["warning"], "warning"))
		return
	}
	routes := count(len(cfg.Table.Routes), "route")
	fmt.Fprintf(e.stdout, "%s: all is well (%s, %s, %s)\n", path, count(len(cfg.Receivers), "receiver"), routes, count(counts["warning"], "warning"))
}

func findingOf(p problem) finding {
	f := finding{File: p.File, Line: p.Line, Column: p.Column, Level: "error", Message: p.Message, code: exitUsage}
	if p.Warning {
		f.Level, f.code = "warning", exitDone
	}
	return f
}

// split takes joined errors apart.
func split(err error) []error {
	if err == nil {
		return nil
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var out []error
		for _, e := range many.Unwrap() {
			out = append(out, split(e)...)
		}
		return out
	}
	return []error{err}
}

// checkSecrets reads every secret, and looks who else may.
func checkSecrets(cfg *config) []finding {
	var found []finding
	open := map[string]bool{} // files that every user can read, said already
	for _, r := range cfg.Receivers {
		secrets(r.Config.settings(), func(s *notifier.Secret) {
			if s.IsZero() {
				return
			}
			at := finding{File: r.file, Line: r.node.Line, Column: r.node.Column}
			if _, err := s.Read(); err != nil {
				at.Level, at.code, at.Message = "error", exitFail, fmt.Sprintf("receiver %q: %s", r.Name, err)
				found = append(found, at)
				return
			}
			path := s.File()
			if s.IsPlain() {
				path = r.file
			}
			if st, err := os.Stat(path); path != "" && !open[path] && err == nil && st.Mode().Perm()&0o004 != 0 {
				open[path] = true
				at.Level = "warning"
				at.Message = fmt.Sprintf("receiver %q: every user of this host can read the secrets in %s: chmod o-r %s", r.Name, path, path)
				found = append(found, at)
			}
		})
	}
	return found
}

// checkTemplates renders the built-in samples for every receiver.
func checkTemplates(cfg *config, d *dispatch.Dispatcher) []finding {
	var found []finding
	said := map[string]bool{}
	for _, name := range sample.Names() {
		a, err := sample.Alert(name)
		if err != nil {
			continue
		}
		for _, r := range cfg.Receivers {
			_, err := d.Notification(dispatch.Delivery{Alert: a, Receiver: d.Receivers[r.Name], Occurrence: 1})
			if err == nil || said[r.Name+err.Error()] {
				continue
			}
			said[r.Name+err.Error()] = true
			found = append(found, finding{File: r.file, Line: r.node.Line, Column: r.node.Column, Level: "error", code: exitUsage,
				Message: fmt.Sprintf("receiver %q: %s (seen with the sample %s)", r.Name, err, name)})
		}
	}
	return found
}

// checkOnline connects to every receiver.
func checkOnline(ctx context.Context, cfg *config) []finding {
	var found []finding
	for _, r := range cfg.Receivers {
		n, err := r.Config.build(nil)
		if err == nil {
			probeCtx, cancel := context.WithTimeout(ctx, 10*time.Second)
			if p, ok := n.(notifier.Prober); ok {
				err = p.Probe(probeCtx)
			}
			cancel()
		}
		if err != nil {
			found = append(found, finding{File: r.file, Line: r.node.Line, Column: r.node.Column, Level: "error", code: exitFail,
				Message: fmt.Sprintf("receiver %q: %s", r.Name, strings.TrimSpace(err.Error()))})
		}
	}
	return found
}
