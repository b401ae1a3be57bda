package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/managerlog"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/sample"
	"github.com/ossec-notify/ossec-notify/spool"
	"github.com/ossec-notify/ossec-notify/templates"
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
place; the last line says whether it is used all the same. Programs that print secrets are run. Run by root it looks
at all of it as the user who owns the state directory.
Exit status: 0 all is well, 1 a secret, a receiver or the state directory failed, 2 the config has mistakes.`,
		Example: checkExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("check takes no file: say --config %s", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.check(cmd.Context(), online, strict)
		},
	}
	cmd.Flags().BoolVar(&online, "online", false, "also connect to every receiver, and ask the name server; nothing is sent")
	cmd.Flags().BoolVar(&strict, "strict", false, "exit 1 on warnings too")
	e.formatFlag(cmd)
	return cmd
}

// finding is one line of check.
type finding struct {
	rules.Problem
	code int  // the exit code it asks for
	note bool // neither mistake nor warning: something to know
	// receiver is whom it is about, "" for the config as a whole.
	receiver string
	// remedy is what doctor says to do, where that is not what the check commonly asks for.
	remedy string
}

func (f finding) String() string {
	if f.note {
		return fmt.Sprintf("%s:%d: note: %s", f.File, f.Line, f.Message)
	}
	return f.Problem.String()
}

// writeJSON writes the finding as a line of JSON.
func (f finding) writeJSON(w io.Writer) error {
	level := "error"
	switch {
	case f.Warning:
		level = "warning"
	case f.note:
		level = "note"
	}
	return jsonLine(w, struct {
		File    string `json:"file,omitempty"`
		Line    int    `json:"line,omitempty"`
		Column  int    `json:"column,omitempty"`
		Level   string `json:"level"`
		Message string `json:"message"`
	}{f.File, f.Line, f.Column, level, f.Message})
}

func findingOf(p rules.Problem) finding {
	if p.Warning {
		return finding{Problem: p, code: exitDone}
	}
	return finding{Problem: p, code: exitUsage}
}

// findingAbout is a finding about a receiver, at the place of its setting where that is known.
func findingAbout(r *config.Receiver, err error, code int) finding {
	setting := ""
	if field := (*notifier.FieldError)(nil); errors.As(err, &field) {
		setting = field.Key
	}
	message := fmt.Sprintf("receiver %q: %s", r.Name, display.OneLine(strings.TrimSpace(err.Error())))
	return finding{Problem: r.Problem(setting, message), code: code, receiver: r.Name}
}

func (e *env) check(ctx context.Context, online, strict bool) error {
	path := configPath(e.config, e.home)
	served, _ := e.served() // who may not look at it knows less
	if e.config == "" {
		if err := e.becomeOwner(); err != nil {
			return err
		}
	}
	read := config.Read(path, e.home)
	if read.Err != nil {
		return config.FileError(path, read.Err)
	}
	cfg := read.Config
	if e.config != "" { // it may not be where it will be
		if err := e.becomeOwner(); err != nil {
			return err
		}
	}
	var found []finding
	var asked *reached
	for _, p := range read.Problems {
		f := findingOf(p)
		if of := read.Faulty(p); of != nil {
			f.receiver = of.Name
		}
		found = append(found, f)
	}
	if cfg != nil {
		if !managerlog.Readable(e.home) {
			found = append(found, e.checkShell(path, cfg)...)
		}
		if m, err := findManager(e.home, ""); err != nil || !m.wazuh {
			for _, p := range cfg.Table.CheckOSSEC() {
				p.File = cmp.Or(p.File, path)
				found = append(found, findingOf(p))
			}
		}
		for _, p := range cfg.CheckWindows(time.Now()) {
			found = append(found, findingOf(p))
		}
		served.lends(cfg)
		found = append(found, checkFollow(cfg, e.home)...)
		found = append(found, e.checkArgv(cfg, time.Now())...)
		found = append(found, checkSecrets(ctx, cfg)...)
		cache, done := e.rememberedOnCall(ctx, cfg)
		defer done()
		found = append(found, staleSchedules(cfg, cache)...)
		d, err := cfg.Dispatcher(config.Options{Log: discard})
		for _, err := range notifier.Split(err) {
			if of := (*config.ReceiverError)(nil); errors.As(err, &of) {
				found = append(found, findingAbout(of.Receiver, of.Err, exitUsage))
			}
		}
		for _, p := range cfg.CheckEnrich(time.Now()) {
			found = append(found, findingOf(p))
		}
		if online {
			for _, p := range cfg.ProbeEnrich(ctx) {
				found = append(found, findingOf(p))
			}
		}
		found = append(found, checkPrograms(cfg, d, served)...)
		if e.config == "" {
			for _, f := range served.check(cfg, e.home) {
				f.Message += ": " + f.remedy
				found = append(found, f)
			}
		}
		found = append(found, checkPresets(cfg)...)
		found = append(found, checkForms(ctx, cfg)...)
		found = append(found, e.checkCalledForms(ctx, cfg)...)
		found = append(found, checkTemplates(cfg, d)...)
		found = append(found, checkEgress(ctx, cfg)...)
		found = append(found, checkDeadLinks(cfg)...)
		found = append(found, checkRaw(cfg)...)
		found = append(found, checkAnswers(cfg)...)
		found = append(found, checkUnused(cfg)...)
		if online {
			asked = checkOnline(ctx, cfg, d)
			found = append(found, asked.findings...)
		}
	}
	found = append(found, e.checkState()...)
	code, mistakes, warnings, faulty := exitDone, 0, 0, []string(nil)
	for _, f := range found {
		code = max(code, f.code)
		switch {
		case f.Warning:
			warnings++
		case !f.note:
			mistakes++
			if f.receiver != "" && !slices.Contains(faulty, f.receiver) {
				faulty = append(faulty, f.receiver)
			}
		}
		if f.Warning && strict {
			code = max(code, exitFail)
		}
		if e.format == "json" {
			_ = f.writeJSON(e.stdout)
		} else {
			fmt.Fprintln(e.stdout, displayed(f.String()))
		}
	}
	if e.format == "text" {
		if asked != nil {
			fmt.Fprintln(e.stdout, asked)
		}
		e.checked(path, cfg, mistakes, warnings, faulty)
	}
	if code != exitDone {
		return silent(code)
	}
	return nil
}

// checkShell warns of matchers and fields that the alerts of the shell file lack. A person is told the first of many.
func (e *env) checkShell(path string, cfg *config.Config) []finding {
	inVain := map[rules.Problem]bool{} // the places of fields that nothing adds in any format, which is told of them
	for _, use := range cfg.Table.FieldUses() {
		if cfg.NeverAdded(use.Path, "") != "" {
			inVain[rules.Problem{File: use.File, Line: use.Line, Column: use.Column}] = true
		}
	}
	var found []finding
	for _, p := range cfg.Table.CheckShell() {
		if inVain[rules.Problem{File: p.File, Line: p.Line, Column: p.Column}] {
			continue
		}
		p.File = cmp.Or(p.File, path)
		found = append(found, findingOf(p))
	}
	if more := len(found) - 1; more > 0 && e.format == "text" {
		found = found[:1]
		found[0].Message += fmt.Sprintf(" (the same goes for %s)", display.Count(more, "more place"))
	}
	return found
}

// checked is the last line of check. Not every mistake keeps a config from being used: those that concern a receiver, or this host, are
// known only when it has loaded.
func (e *env) checked(path string, cfg *config.Config, mistakes, warnings int, faulty []string) {
	found := display.Count(mistakes, "mistake") + ", " + display.Count(warnings, "warning")
	switch {
	case cfg == nil:
		fmt.Fprintf(e.stdout, "%s: %s: it does not load, and is not used\n", path, found)
		return
	case len(faulty) > 0:
		fmt.Fprintf(e.stdout, "%s: %s: it loads and is used, with faults in %s\n", path, found, displayed(display.List(faulty)))
		return
	case mistakes > 0:
		fmt.Fprintf(e.stdout, "%s: %s: it loads and is used\n", path, found)
		return
	}
	verdict := "all is well"
	if warnings > 0 {
		verdict = "it loads and is used"
	}
	routes := display.Count(len(cfg.Table.Routes), "route")
	fmt.Fprintf(e.stdout, "%s: %s (%s, %s, %s)\n", path, verdict, display.Count(len(cfg.All()), "receiver"), routes, display.Count(warnings, "warning"))
}

// checkState refuses a state directory on a disk that is not fit for one. Where there is none yet, there is nothing to
// say: a config is also checked on other hosts than it is for.
func (e *env) checkState() []finding {
	var found []finding
	for _, dir := range e.statePlaces() {
		if err := doubtOf(dir); err != nil {
			found = append(found, finding{Problem: rules.Problem{File: dir, Message: "the state directory cannot be trusted, and is not used: " + err.Error()}, code: exitFail})
		}
		if _, unfit, err := stateFS(dir); err == nil && unfit != "" {
			found = append(found, finding{Problem: rules.Problem{File: dir, Message: fmt.Sprintf("the state directory %s: %s", unfit, localRemedy)}, code: exitFail})
		}
	}
	return found
}

// doubtOf says why a state directory that exists is not used by who it belongs to.
func doubtOf(state string) error {
	st, err := os.Stat(state)
	if err != nil || !st.IsDir() {
		return nil // that is another matter
	}
	uid, _ := ownerOf(st)
	return spool.Doubt(state, uid)
}

// checkFollow warns of files to follow that are not there, or are no files.
func checkFollow(cfg *config.Config, home string) []finding {
	var found []finding
	for _, path := range noFiles(cfg, home) {
		found = append(found, finding{Problem: rules.Problem{File: cfg.Path, Message: fmt.Sprintf("follow: %s is no regular file, and is not read", path)}, code: exitFail})
	}
	for _, path := range notThere(cfg, home) {
		found = append(found, finding{Problem: rules.Problem{
			File: cfg.Path, Warning: true,
			Message: fmt.Sprintf("follow: there is no %s, so nothing is read from it yet: %s", path, followRemedy),
		}})
	}
	return found
}

// notThere are the files to follow that do not exist; none on a host without the home.
func notThere(cfg *config.Config, home string) []string {
	if st, err := os.Stat(home); err != nil || !st.IsDir() {
		return nil
	}
	return followed(cfg, home, func(_ fs.FileInfo, err error) bool { return errors.Is(err, fs.ErrNotExist) })
}

// noFiles are those to follow that are something else than files.
func noFiles(cfg *config.Config, home string) []string {
	return followed(cfg, home, func(st fs.FileInfo, err error) bool { return err == nil && !st.Mode().IsRegular() })
}

// followed are the files to follow of which something holds.
func followed(cfg *config.Config, home string, holds func(fs.FileInfo, error) bool) []string {
	var paths []string
	for _, path := range cfg.Follow {
		if !filepath.IsAbs(path) {
			path = filepath.Join(home, path)
		}
		if holds(os.Stat(path)) {
			paths = append(paths, path)
		}
	}
	return paths
}

const followRemedy = "mend the path, or let the manager write the file (alerts.json: <jsonout_output>yes</jsonout_output> in ossec.conf)"

// checkRaw lists where templates print text of an alert as it came, or its links.
func checkRaw(cfg *config.Config) []finding {
	uses, live := cfg.Templates.RawUses(), cfg.Templates.LiveFiles()
	for _, r := range cfg.Receivers {
		uses, live = append(uses, r.Templates.RawUses()...), append(live, r.Templates.LiveFiles()...)
	}
	return append(notesOn(cfg, uses, " prints text of an alert as it came: whoever writes the log writes the message there"),
		notesOn(cfg, live, " leaves links in text of an alert as they came: whoever writes the log writes links that can be clicked")...)
}

// checkDeadLinks warns of links in templates whose address an alert would write: they are sent, and lead nowhere.
func checkDeadLinks(cfg *config.Config) []finding {
	var uses []templates.Use
	for _, r := range cfg.Receivers {
		if m := r.Channel.Markup; m != nil {
			uses = append(uses, r.Templates.DeadLinks(r.Channel.Name, m)...)
		}
	}
	found := notesOn(cfg, uses, " stands where a link says to which host it leads, which is not for an alert to say, so the link is dead: write https://, the host and a / before it, or take a link of the config, as in <{{link \"NAME\" .}}|click>")
	for i := range found {
		found[i].note, found[i].Warning, found[i].Column = false, true, 1
	}
	return found
}

// checkAnswers notes that messages which ask for an answer have no link for it.
func checkAnswers(cfg *config.Config) []finding {
	at := cfg.Table.Escalates()
	if at == nil || cfg.HTTP.URL != "" {
		return nil
	}
	return []finding{{note: true, Problem: rules.Problem{
		File: cmp.Or(at.File, cfg.Path), Line: at.Line, Column: at.Column,
		Message: "messages have no link to take an alert by: that needs serve, and http: {listen: …, url: …}, the address at which people reach it. ossec-notify ack takes it",
	}}}
}

// checkUnused notes receivers that nothing names, in one line, at the place of the first.
func checkUnused(cfg *config.Config) []finding {
	unused := cfg.Unused()
	if len(unused) == 0 {
		return nil
	}
	var names []string
	for _, r := range unused {
		names = append(names, r.Name)
	}
	message := fmt.Sprintf("nothing names %s: only a call by name tells %s (custom-%s, send --to %s)", display.List(names), verb(len(names), "it", "them"), names[0], names[0])
	return []finding{{note: true, Problem: unused[0].Problem("", message)}}
}

// notesOn notes places in templates, and what is said of each.
func notesOn(cfg *config.Config, uses []templates.Use, what string) []finding {
	slices.SortFunc(uses, func(a, b templates.Use) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, strings.Compare(a.Action, b.Action))
	})
	var found []finding
	for _, u := range slices.Compact(uses) {
		p := rules.Problem{File: filepath.Join(cfg.TemplatesDir, u.File), Line: u.Line, Message: u.Action + what}
		if _, err := os.Stat(p.File); err != nil { // a link, or a file that a receiver names by its path
			p.File = u.File
		}
		found = append(found, finding{Problem: p, note: true})
	}
	return found
}

// checkNames warns of what is written for nothing: defines that no part asks for, links that are never made.
func checkNames(cfg *config.Config, d *dispatch.Dispatcher) []finding {
	var found []finding
	warn := func(format string, args ...any) {
		found = append(found, finding{Problem: rules.Problem{File: cfg.Path, Warning: true, Message: fmt.Sprintf(format, args...)}})
	}
	for _, u := range cfg.Templates.Unused() {
		if near := rules.Nearest(u.Name, u.Known); near != "" {
			warn("template %s: nothing asks for the part %q: did you mean %q?", u.Place, u.Name, near)
		} else {
			warn("template %s: nothing asks for the part %q; docs/templates.md lists the parts", u.Place, u.Name)
		}
	}
	made := map[string]bool{}
	for _, name := range sample.Names() {
		a, err := sample.Alert(name)
		if err != nil {
			continue
		}
		for _, l := range cfg.Templates.Links(templates.NewData(a, cfg.Scale, templates.Context{})) {
			made[l.Name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Links)) {
		if !made[name] {
			warn("links.%s gives no http or https address for any of the built-in alerts", name)
		}
	}
	return found
}

// probeTimeout bounds the probe of one receiver.
const probeTimeout = 10 * time.Second

// checkOnline connects to every receiver, to all at once, and asks who is on call.
func checkOnline(ctx context.Context, cfg *config.Config, d *dispatch.Dispatcher) *reached {
	ctx, cancel := context.WithTimeoutCause(ctx, probeTimeout, fmt.Errorf("no answer within %s", probeTimeout))
	defer cancel()
	errs, unasked := make([]error, len(cfg.Receivers)), make([]error, len(cfg.Receivers))
	var probes sync.WaitGroup
	var found []finding
	all := &reached{of: len(cfg.All())}
	failed, unready := map[string]bool{}, make([]bool, len(cfg.Receivers))
	probes.Go(func() { found, all.not = probeAliases(ctx, cfg, d) })
	for i, r := range cfg.Receivers {
		to := d.Receivers[r.Name]
		if to == nil || config.IsUnmade(to.Notifier) { // it could not be made, which has been said
			failed[r.Name] = true
			continue
		}
		probe, ok := to.Notifier.(notifier.Prober)
		if !ok {
			all.of, all.mute = all.of-1, all.mute+1
			continue
		}
		source, err := cfg.Incidents(r)
		if err != nil {
			source = nil
		}
		probes.Go(func() {
			if unready[i] = !canRead(ctx, r); unready[i] { // which checkSecrets says
				return
			}
			var both sync.WaitGroup
			both.Go(func() { errs[i] = probe.Probe(ctx) })
			if source != nil {
				both.Go(func() { _, unasked[i] = source.Incident(ctx, "ossec-notify check --online", time.Now()) })
			}
			both.Wait()
		})
	}
	probes.Wait()
	for i, r := range cfg.Receivers {
		if some, ok := errors.AsType[*notifier.SomeAnswer](errs[i]); ok {
			f := findingAbout(r, some, exitDone)
			f.Warning = true
			found, errs[i] = append(found, f), nil
		}
		if errs[i] != nil || unasked[i] != nil || unready[i] {
			failed[r.Name] = true
		}
		if errs[i] != nil {
			found = append(found, findingAbout(r, errs[i], exitFail))
		}
		if unasked[i] != nil {
			found = append(found, findingAbout(r, &notifier.FieldError{Key: "api_token", Message: unasked[i].Error()}, exitFail))
		}
	}
	all.findings, all.not = found, all.not+len(failed)
	return all
}

// canRead reports whether the secrets of a receiver can be read: without them it cannot be asked.
func canRead(ctx context.Context, r *config.Receiver) bool {
	can := true
	r.Config.Secrets(func(_ string, s *notifier.Secret) {
		if n := r.Config.Network(); s.IsZero() || n.ProxyIsOpen() && *s == n.Proxy || isOpenVariable(r, *s) {
			return
		}
		if _, err := s.Read(ctx); err != nil {
			can = false
		}
	})
	return can
}

// reached is what came of connecting to receivers: to so many of so many not.
type reached struct {
	findings []finding
	not, of  int
	mute     int // how many more there are that cannot be asked without a message
}

func (r *reached) String() string {
	text := fmt.Sprintf("%d of %s reached; nothing was sent", r.of-r.not, display.Count(r.of, "receiver"))
	if r.mute > 0 {
		text += fmt.Sprintf(" (%s cannot be asked without a message)", display.Count(r.mute, "more receiver"))
	}
	return text
}
