package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/enrich"
	"github.com/ossec-notify/ossec-notify/noise"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/oncall"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/page"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/sample"
	"github.com/ossec-notify/ossec-notify/templates"
)

// revision is a config with its templates as a save left it, ready to show what it makes of an alert.
type revision struct {
	n      int
	at     time.Time
	cfg    *config.Config
	broken []brokenTemplate          // that do not parse
	fails  []brokenTemplate          // that fail with a built-in alert
	unread map[string][]page.Problem // secrets and files that cannot be read, by receiver
	files  fileLines

	enrich    *enrich.Enricher // nil where the config asks for none
	explainer explainer
	mu        sync.Mutex // of p: its recorder keeps what one delivery sends
	p         *previewer
}

// brokenTemplate is a mistake in a template, for which messages have their default form.
type brokenTemplate struct {
	name string
	page.Problem
}

func newRevision(e *env, at time.Time, cfg *config.Config, problems []rules.Problem, read config.Texts, cache *oncall.Cache) *revision {
	p, _ := newPreviewerOnCall(cfg, cache) // what is wrong with files is told of the receivers, see readFiles
	r := &revision{at: at, cfg: cfg, enrich: cfg.Enrich.WithoutDNS(), p: p, files: fileLines{read, p.recorder.redact}, unread: map[string][]page.Problem{}}
	for _, problem := range problems {
		if b, ok := r.files.template(cfg, problem); ok {
			r.broken = append(r.broken, b)
		}
	}
	r.explainer = explainer{
		env: e, cfg: cfg,
		expand:  func(c []rules.Choice) []rules.Choice { return p.Aliases.Expand(c, time.Now()) },
		control: &noise.Control{Scale: cfg.Scale, Zone: cfg.Zone, Log: discard},
	}
	r.readFiles()
	r.readSecrets()
	r.trySamples()
	return r
}

// readFiles notes which files of receivers, such as certificates, are missing or of no use. A preview connects to nobody, and does
// without them.
func (r *revision) readFiles() {
	_, err := r.cfg.Dispatcher(config.Options{Log: discard})
	for _, err := range notifier.Split(err) {
		if of := (*config.ReceiverError)(nil); errors.As(err, &of) {
			r.unread[of.Receiver.Name] = append(r.unread[of.Receiver.Name], r.files.about(of.Receiver, of.Err))
		}
	}
}

// trySamples notes which templates of the operator's fail with a built-in alert, as check does: most mistakes show with any.
func (r *revision) trySamples() {
	type kind struct {
		channel string
		set     *templates.Set
	}
	tried := map[kind]bool{}
	for _, rc := range r.cfg.Receivers {
		to := r.p.Receivers[rc.Name]
		own := slices.ContainsFunc(to.Templates.Sources(), func(s templates.Source) bool { return !s.Embedded })
		as := kind{rc.Channel.Name, to.Templates}
		if !own || tried[as] {
			continue
		}
		tried[as] = true
		for _, name := range sample.Names() {
			a, err := sample.Alert(name)
			if err != nil { // embedded
				continue
			}
			a = r.with(a)
			if _, err = r.p.Notification(dispatch.Delivery{Alert: a, Receiver: to, Occurrence: 1}); err == nil {
				continue
			}
			b := brokenTemplate{Problem: r.failure(to.Templates, err)}
			b.name = b.File
			if b.File != "" && !slices.ContainsFunc(r.fails, func(o brokenTemplate) bool { return o.File == b.File && o.Line == b.Line && o.Text == b.Text }) {
				r.fails = append(r.fails, b)
			}
		}
	}
}

// faulty are the templates with a mistake.
func (r *revision) faulty() []brokenTemplate { return slices.Concat(r.broken, r.fails) }

// readSecrets notes which secrets cannot be read: what is for those receivers can be seen, and not be sent.
func (r *revision) readSecrets() {
	for _, rc := range r.cfg.Receivers {
		rc.Config.Secrets(func(key string, s *notifier.Secret) {
			if _, err := readNow(*s); err != nil && err != errNotRun {
				why := strings.TrimPrefix(err.Error(), "secret: ")
				r.unread[rc.Name] = append(r.unread[rc.Name], r.files.about(rc, &notifier.FieldError{Key: key, Message: why}))
			}
		})
	}
}

// explains is the explainer of a time.
func (r *revision) explains(at time.Time, silences []outbox.Silence) *explainer {
	x := r.explainer
	x.at, x.silences = at, silences
	return &x
}

// sheet is what one receiver would get.
type sheet struct {
	dispatch.Delivery
	n     notifier.Notification
	shown previewed
	err   error // it cannot be sent at all
}

// sheet renders a delivery.
func (r *revision) sheet(ctx context.Context, x dispatch.Delivery) sheet {
	r.mu.Lock()
	defer r.mu.Unlock()
	shown, n, err := r.p.show(ctx, x)
	return sheet{x, n, shown, err}
}

// same reports whether the receiver would see no difference.
func (s *sheet) same(o *sheet) bool {
	if (s.err == nil) != (o.err == nil) || s.err != nil && s.err.Error() != o.err.Error() {
		return false
	}
	if undated(s.shown.Message) != undated(o.shown.Message) {
		return false
	}
	return s.body() == o.body()
}

// body is what all requests of it hold, one behind the other.
func (s *sheet) body() string {
	if s.shown.Requests == nil {
		return ""
	}
	var b strings.Builder
	for _, r := range *s.shown.Requests {
		fmt.Fprintf(&b, "%s %s\n%s\n", r.Method, r.URL, recordedBody(r))
	}
	return b.String()
}

var dateLine = regexp.MustCompile(`(?m)^Date: .*$`)

// undated is a mail without the time at which it was made.
func undated(mail string) string { return dateLine.ReplaceAllString(mail, "Date:") }

// told are the deliveries of an alert at once.
func (r *revision) told(a *alert.Alert) []dispatch.Delivery {
	return dispatch.AtOnce(r.p.Plan(r.with(a)))
}

// with is an alert with what this config adds to it. The page asks no name server.
func (r *revision) with(a *alert.Alert) *alert.Alert {
	if r.enrich != nil {
		return r.enrich.Enrich(a)
	}
	if a.Added == nil {
		return a
	}
	bare := *a
	bare.Added, bare.Shown = nil, nil
	return &bare
}

// count is how many are told at once.
func (r *revision) count(a *alert.Alert) int {
	if len(r.p.Aliases) > 0 { // whom they stand for has to be asked
		return len(r.told(a))
	}
	n := 0
	for _, c := range r.cfg.Table.Choose(r.with(a)) {
		if c.After == 0 {
			n++
		}
	}
	return n
}

// receiver is one of the config.
func (r *revision) receiver(name string) *config.Receiver {
	i := slices.IndexFunc(r.cfg.Receivers, func(x *config.Receiver) bool { return x.Name == name })
	if i < 0 {
		return nil
	}
	return r.cfg.Receivers[i]
}

// fileLines are the files that a config was read from, to show the lines around a mistake with no secret in them.
type fileLines struct {
	config.Texts
	redact *redactor // of the last config that loaded, or nil
}

// around are a line and two either side.
func (f fileLines) around(file string, line int) []page.NumberedLine {
	text, ok := f.Files[file]
	if !ok {
		return nil
	}
	return f.cut(string(text), line, !strings.HasSuffix(file, ".tmpl"))
}

// maxSourceLine is how much of one line is shown, in bytes.
const maxSourceLine = 400

func (f fileLines) cut(text string, line int, config bool) []page.NumberedLine {
	if line < 1 {
		return nil
	}
	var out []page.NumberedLine
	var shown configLines
	n := 0
	for s := range strings.Lines(text) {
		if n++; n > line+2 {
			break
		}
		s = strings.TrimRight(s, "\r\n")
		if n < line-2 {
			shown.above(s)
			continue
		}
		if config {
			s = shown.show(s)
		}
		if f.redact != nil {
			s = f.redact.text(s)
		}
		if len(s) > maxSourceLine { // a secret that is cut is not known any more
			s = strings.ToValidUTF8(s[:maxSourceLine], "") + "…"
		}
		out = append(out, page.NumberedLine{N: n, Text: s})
	}
	return out
}

// problem is a mistake of the config as the page shows it.
func (f fileLines) problem(p rules.Problem) page.Problem {
	text, hint := hinted(p.Message)
	return page.Problem{File: p.File, Line: p.Line, Column: p.Column, Text: text, Hint: hint, Source: f.around(p.File, p.Line)}
}

// hinted takes apart what is wrong and what to do.
func hinted(message string) (text, hint string) {
	if i := strings.Index(message, ": did you mean"); i > 0 {
		return message[:i], message[i+2:]
	}
	return message, ""
}

// about is a problem of a receiver at the place of its setting. The line itself is not shown: a secret may stand in it.
func (f fileLines) about(r *config.Receiver, err error) page.Problem {
	p := findingAbout(r, err, exitFail).Problem
	text := err.Error()
	if field := (*notifier.FieldError)(nil); errors.As(err, &field) {
		text = field.Key + ": " + field.Message
	}
	return page.Problem{File: p.File, Line: p.Line, Column: p.Column, Text: display.OneLine(strings.TrimSpace(text))}
}

// templatePlace is how messages of package templates begin; before it may be the setting that names the file.
var templatePlace = regexp.MustCompile(`template ([^\s:]+):(\d+)(?::(\d+))?:? ?(.*)$`)

// template is a mistake of the config that is one in a template.
func (f fileLines) template(cfg *config.Config, p rules.Problem) (brokenTemplate, bool) {
	m := templatePlace.FindStringSubmatch(p.Message)
	if m == nil || p.Warning {
		return brokenTemplate{}, false
	}
	b := brokenTemplate{name: m[1], Problem: f.inTemplate(m[1], f.templateFile(cfg, m[1]), m[2], m[3], m[4])}
	return b, true
}

// inTemplate is a problem at a place in a template.
func (f fileLines) inTemplate(name, path, line, column, text string) page.Problem {
	out := page.Problem{File: name}
	out.Line, _ = strconv.Atoi(line)
	out.Column, _ = strconv.Atoi(column)
	out.Text, out.Hint = hinted(text)
	out.Source = f.around(path, out.Line)
	return out
}

// templateFile is the path of a template, by the name that errors call it by.
func (f fileLines) templateFile(cfg *config.Config, name string) string {
	for path := range f.Files {
		if filepath.Base(path) == name && strings.HasSuffix(path, ".tmpl") {
			return path
		}
	}
	return filepath.Join(cfg.TemplatesDir, name)
}

// failing matches the error of a template that failed for one message, and its cause.
var failing = regexp.MustCompile(`template ([^\s:]+):(\d+) failed \((.*)\)$`)

// failure is the problem of a message whose template failed: the place is in the file that the receiver's set has.
func (r *revision) failure(set *templates.Set, err error) page.Problem {
	m := failing.FindStringSubmatch(err.Error())
	if m == nil {
		return page.Problem{Text: err.Error()}
	}
	for in := m; in != nil; in = failing.FindStringSubmatch(m[3]) { // a default that calls a part of the operator's is not to blame
		m = in
	}
	line, _ := strconv.Atoi(m[2])
	out := page.Problem{File: m[1], Line: line, Text: m[3]}
	for _, src := range set.Sources() {
		if src.Name == m[1] {
			out.Source = r.files.cut(src.Text, line, false)
		}
	}
	field, isField := strings.CutPrefix(m[3], "no field ")
	if !isField {
		return out
	}
	for _, l := range out.Source {
		if at := strings.Index(l.Text, field); l.N == line && at >= 0 {
			out.Column = at + 1
		}
	}
	if near := rules.Nearest(strings.TrimPrefix(field, "."), dataFields()); near != "" {
		out.Hint = "did you mean ." + near + "?"
	}
	return out
}

// dataFields are what a template can ask of a message.
var dataFields = sync.OnceValue(func() []string {
	var names []string
	for _, t := range []reflect.Type{reflect.TypeFor[templates.Data](), reflect.TypeFor[alert.Alert]()} {
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() {
				names = append(names, f.Name)
			}
		}
	}
	return names
})
