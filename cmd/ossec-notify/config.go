package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/rules"
)

// config is a config that loaded: every name in it exists and every setting is valid.
type config struct {
	Path         string
	Scale        alert.Scale
	Receivers    []*receiver
	Table        rules.Table
	Zone         *time.Location
	Links        map[string]string
	TemplatesDir string
	StrictExit   bool
}

// receiverName: it stands in file names, in mail headers and behind "custom-".
var receiverName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// receiver is one entry of the config's receivers.
type receiver struct {
	Name    string
	Channel channel
	Config  channelConfig
	common  common

	file           string
	node, template *yaml.Node // the channel's mapping and the template's name, for positions
}

// common are the settings that every receiver takes beside its channel.
type common struct {
	Template      string   `yaml:"template"`
	Timeout       duration `yaml:"timeout"`
	Concurrency   int      `yaml:"concurrency"`
	Rate          string   `yaml:"rate"`
	MaxAge        duration `yaml:"max_age"`
	Fallback      []string `yaml:"fallback"`
	FallbackAfter duration `yaml:"fallback_after"`
}

// dormant are settings that are read and checked, and that nothing acts on before there is an outbox.
var dormant = []string{"concurrency", "rate", "max_age", "fallback", "fallback_after"}

// reserved are no names for receivers: integratord's call would mean something else.
func reserved(name string) bool {
	_, isChannel := channelByName(name)
	return isChannel || name == "notify" || strings.HasPrefix(name, "argv-")
}

// settings are the keys of a config file that are plain values.
type settings struct {
	Severity     alert.Scale       `yaml:"severity"`
	Include      []string          `yaml:"include"`
	TimeZone     string            `yaml:"time_zone"`
	Links        map[string]string `yaml:"links"`
	Follow       []string          `yaml:"follow"`
	HTTP         string            `yaml:"http"`
	TemplatesDir string            `yaml:"templates_dir"`
	StrictExit   bool              `yaml:"strict_exit"`
}

// loader reads one config with its includes.
type loader struct {
	decoder
	cfg   *config
	home  string
	names map[string]*receiver
}

// loadConfig reads a config. The problems are all that is wrong or doubtful in it; the config is nil when any of
// them is an error. The error is for a file that cannot be read at all.
func loadConfig(path, home string) (*config, []problem, error) {
	l := &loader{home: home, names: map[string]*receiver{}}
	l.cfg = &config{Path: path, Scale: alert.DefaultScale, Zone: time.Local}
	root, err := l.parse(path)
	if err != nil {
		return nil, nil, err
	}
	if root != nil {
		l.main(root)
	}
	return l.finish()
}

// comments are whole lines; behind a value they do not matter here.
var comments = regexp.MustCompile(`(?m)^[ \t]*#.*$`)

// parse reads a file as YAML. A file that is empty, or not YAML, gives nil and a problem.
func (l *loader) parse(path string) (*yaml.Node, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	l.file = path
	var root yaml.Node
	// The library calls a file without a document an error of its own kind; no YAML has less than a value.
	blank := len(bytes.TrimSpace(comments.ReplaceAll(b, nil))) == 0
	if err := yaml.Load(b, &root); err != nil && !blank {
		l.yamlProblem(b, err)
		return nil, nil
	}
	if len(root.Content) == 0 || (root.Content[0].Kind == yaml.ScalarNode && root.Content[0].Tag == "!!null") {
		l.errorf(&yaml.Node{Line: 1, Column: 1}, "the file is empty; README.md has a config to begin with")
		return nil, nil
	}
	return root.Content[0], nil
}

// yamlProblem says where a file stops being YAML, and what the usual mistake in such a line is.
func (l *loader) yamlProblem(b []byte, err error) {
	at := func(e *yaml.LoadError) {
		n := &yaml.Node{Line: e.Mark.Line, Column: e.Mark.Column}
		message := e.Message
		lines := strings.Split(string(b), "\n")
		if e.Mark.Line > 0 && e.Mark.Line <= len(lines) {
			message += yamlHint(lines, e.Mark)
		}
		l.errorf(n, "not YAML: %s", message)
	}
	var many *yaml.LoadErrors
	var one *yaml.LoadError
	switch {
	case errors.As(err, &many):
		for _, e := range many.Errors {
			at(e)
		}
	case errors.As(err, &one):
		at(one)
	default:
		l.errorf(&yaml.Node{}, "not YAML: %s", err)
	}
}

// hashValue is a value that YAML takes for a comment: {channel: #soc}.
var hashValue = regexp.MustCompile(`:[ \t]+#\w`)

// yamlHint guesses what is wrong where the lines stop being YAML.
func yamlHint(lines []string, at yaml.Mark) string {
	line, column := lines[at.Line-1], at.Column
	if column > 0 && column <= len(line) && strings.IndexByte("@`%>|*&!", line[column-1]) >= 0 {
		return fmt.Sprintf("; a value that begins with %c must be quoted", line[column-1])
	}
	if _, value, ok := strings.Cut(line, ": "); ok {
		if value = strings.TrimLeft(value, " "); value != "" && strings.IndexByte("@`%*&>|", value[0]) >= 0 {
			return fmt.Sprintf("; a value that begins with %c must be quoted", value[0])
		}
	}
	if strings.Contains(line, "\t") {
		return "; the line holds a tab: YAML is indented with blanks"
	}
	for n := at.Line; n > 0 && n > at.Line-3; n-- { // the comment swallows the bracket; the error comes later
		if hashValue.MatchString(lines[n-1]) {
			return fmt.Sprintf("; in line %d a value begins with #, which begins a comment: quote it", n)
		}
	}
	return ""
}

// main reads the main file and then its includes.
func (l *loader) main(root *yaml.Node) {
	s := settings{Severity: alert.DefaultScale}
	l.top(root, &s, true)
	l.cfg.Links, l.cfg.StrictExit = s.Links, s.StrictExit

	dir := filepath.Dir(l.cfg.Path)
	l.cfg.TemplatesDir = filepath.Join(l.home, "etc", "ossec-notify", "templates")
	if s.TemplatesDir != "" {
		l.cfg.TemplatesDir = s.TemplatesDir
		if !filepath.IsAbs(s.TemplatesDir) {
			l.cfg.TemplatesDir = filepath.Join(dir, s.TemplatesDir)
		}
		if st, err := os.Stat(l.cfg.TemplatesDir); err != nil || !st.IsDir() {
			l.errorf(key(root, "templates_dir"), "templates_dir: there is no directory %s", l.cfg.TemplatesDir)
		}
	}
	if s.TimeZone != "" {
		zone, err := time.LoadLocation(s.TimeZone)
		if err != nil || s.TimeZone == "Local" {
			l.errorf(key(root, "time_zone"), "time_zone: %q is no time zone; write a name such as Europe/Berlin or UTC", s.TimeZone)
		} else {
			l.cfg.Zone = zone
		}
	}
	for _, pattern := range s.Include {
		full := pattern
		if !filepath.IsAbs(full) {
			full = filepath.Join(dir, pattern)
		}
		files, err := filepath.Glob(full)
		if err != nil {
			l.errorf(key(root, "include"), "include: %q is no file pattern", pattern)
			continue
		}
		if len(files) == 0 {
			l.warnf(key(root, "include"), "include: no file matches %q", pattern)
		}
		slices.Sort(files)
		for _, file := range files {
			l.include(file, key(root, "include"))
		}
	}
}

func (l *loader) include(file string, at *yaml.Node) {
	main := l.file
	root, err := l.parse(file)
	if err != nil {
		l.file = main
		l.errorf(at, "include: %s", err)
		return
	}
	if root != nil {
		l.top(root, nil, false)
	}
	l.file = main
}

// top reads the top level of a file: receivers and routes, and in the main file the settings.
func (l *loader) top(root *yaml.Node, s *settings, mainFile bool) {
	known := []string{"receivers", "routes"}
	if mainFile {
		known = append(known, rules.Always, rules.Default)
	}
	plain := map[string]reflect.Value{}
	if mainFile {
		v := reflect.ValueOf(s).Elem()
		for i := range v.NumField() {
			name := v.Type().Field(i).Tag.Get("yaml")
			plain[name] = v.Field(i)
			known = append(known, name)
		}
	}
	for _, e := range l.entries(root, "the config") {
		name := e.key.Value
		switch field, ok := plain[name]; {
		case name == "receivers":
			l.receivers(e.value)
		case name == "routes":
			// after the scale is known
		case mainFile && name == rules.Always:
			l.cfg.Table.Always, l.cfg.Table.AlwaysNode = l.receiverNames(e), e.value
		case mainFile && name == rules.Default:
			l.cfg.Table.Default, l.cfg.Table.DefaultNode = l.receiverNames(e), e.value
		case ok:
			l.setting(e, field)
		case !mainFile && slices.Contains(settingNames(), name):
			l.errorf(e.key, "%q belongs into the main config; an included file holds receivers and routes", name)
		default:
			l.unknown(e.key, "the config", known)
		}
	}
	if mainFile {
		l.cfg.Scale = s.Severity
	}
	for _, e := range l.entries(root, "the config") {
		if e.key.Value != "routes" {
			continue
		}
		routes, problems := rules.ParseRoutes(e.value, l.cfg.Scale)
		l.add(problems)
		for _, r := range routes {
			r.File = l.file
		}
		l.cfg.Table.Routes = append(l.cfg.Table.Routes, routes...)
	}
}

func settingNames() []string {
	t := reflect.TypeFor[settings]()
	names := []string{rules.Always, rules.Default}
	for i := range t.NumField() {
		names = append(names, t.Field(i).Tag.Get("yaml"))
	}
	return names
}

func (l *loader) receiverNames(e entry) []string {
	names, problems := rules.ParseReceivers(e.value, e.key.Value)
	l.add(problems)
	return names
}

func (l *loader) setting(e entry, field reflect.Value) {
	name := e.key.Value
	l.value(e.value, field, name)
	switch name {
	case "severity":
		s := field.Interface().(alert.Scale)
		if !(0 < s.Low && s.Low <= s.Medium && s.Medium <= s.High && s.High <= s.Critical) {
			l.errorf(e.value, "severity: the levels must rise from low to critical, not %d, %d, %d, %d", s.Low, s.Medium, s.High, s.Critical)
		}
	case "follow", "http":
		l.warnf(e.key, "%s is read by serve, which this version does not have yet", name)
	}
}

// receivers reads the mapping of receivers.
func (l *loader) receivers(n *yaml.Node) {
	for _, e := range l.entries(n, "receivers") {
		name := e.key.Value
		switch {
		case reserved(name):
			l.errorf(e.key, "%q is no name for a receiver: custom-%s would mean every receiver of that kind; call it %q", name, name, name+"-1")
			continue
		case !receiverName.MatchString(name):
			l.errorf(e.key, "%q is no name for a receiver: use letters, digits, '-', '_' and '.', 64 at most", name)
			continue
		}
		if old := l.names[name]; old != nil {
			l.errorf(e.key, "receiver %q is already in %s; names are unique over all files", name, old.file)
			continue
		}
		if r := l.receiver(name, e.value); r != nil {
			l.cfg.Receivers = append(l.cfg.Receivers, r)
		}
		l.names[name] = &receiver{file: l.file}
	}
}

// receiver reads one receiver: one channel and the settings that all take.
func (l *loader) receiver(name string, n *yaml.Node) *receiver {
	r := &receiver{Name: name, file: l.file}
	mistakes := len(l.problems)
	fields := map[string]reflect.Value{}
	known := channelNames()
	c := reflect.ValueOf(&r.common).Elem()
	for i := range c.NumField() {
		tag := c.Type().Field(i).Tag.Get("yaml")
		fields[tag] = c.Field(i)
		known = append(known, tag)
	}
	for _, e := range l.entries(n, "receiver "+name) {
		if field, ok := fields[e.key.Value]; ok {
			l.value(e.value, field, e.key.Value)
			if e.key.Value == "template" {
				r.template = e.value
			}
			if slices.Contains(dormant, e.key.Value) {
				l.warnf(e.key, "%s has no effect in this version: an alert that cannot be delivered is tried again for as long as the call lasts", e.key.Value)
			}
			continue
		}
		ch, ok := channelByName(e.key.Value)
		switch {
		case !ok:
			l.unknown(e.key, "receiver "+name, known)
			continue
		case r.Config != nil:
			l.errorf(e.key, "receiver %q has two channels, %s and %s; make two receivers", name, r.Channel.name, ch.name)
			continue
		}
		r.Channel, r.node = ch, e.value
		r.Config = ch.config()
		before := len(l.problems)
		l.value(e.value, settingsValue(r.Config), ch.name)
		l.validate(r, len(l.problems) > before)
	}
	if r.Config == nil && len(l.problems) > mistakes {
		return nil
	}
	if r.Config == nil {
		l.errorf(n, "receiver %q has no channel: give one of %s", name, strings.Join(channelNames(), ", "))
		return nil
	}
	return r
}

// validate puts what the channel says of its config at the line of the setting. Where the config has mistakes
// already, it is not asked about settings that are not there: they may be what was misspelt.
func (l *loader) validate(r *receiver, mistaken bool) {
	var walk func(err error)
	walk = func(err error) {
		var field *notifier.FieldError
		if many, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range many.Unwrap() {
				walk(e)
			}
			return
		}
		at := r.node
		if errors.As(err, &field) {
			at = key(r.node, strings.Split(field.Key, ".")...)
			err = fmt.Errorf("%s: %s", field.Key, field.Message)
		}
		said := slices.ContainsFunc(l.problems, func(p problem) bool { return p.Line == at.Line && p.Column == at.Column })
		if !mistaken || (at != r.node && !said) {
			l.errorf(at, "%s", err)
		}
	}
	if err := r.Config.Validate(); err != nil {
		walk(err)
	}
}

// templateFiles looks whether the files that a receiver names are there.
func (l *loader) templateFiles(r *receiver) {
	l.file = r.file
	for _, t := range []struct {
		name string
		at   *yaml.Node
	}{{r.common.Template, r.template}, {bodyTemplate(r.Config), key(r.node, "body")}} {
		if t.name == "" {
			continue
		}
		if _, err := os.Stat(templatePath(l.cfg.TemplatesDir, t.name)); err != nil {
			l.errorf(t.at, "template %s: there is no such file in %s", t.name, l.cfg.TemplatesDir)
		}
	}
}

// key is the value at a path of keys, or the deepest node on the way to it.
func key(n *yaml.Node, path ...string) *yaml.Node {
	n = resolve(n)
	for _, name := range path {
		if n.Kind != yaml.MappingNode {
			return n
		}
		found := false
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == name {
				n, found = resolve(n.Content[i+1]), true
				break
			}
		}
		if !found {
			return n
		}
	}
	return n
}

// finish checks what spans files, and answers.
func (l *loader) finish() (*config, []problem, error) {
	cfg := l.cfg
	l.file = cfg.Path
	known := map[string]bool{}
	for name := range l.names {
		known[name] = true
	}
	for _, r := range cfg.Receivers {
		l.templateFiles(r)
	}
	l.file = cfg.Path
	mistaken := slices.ContainsFunc(l.problems, func(p problem) bool { return !p.Warning })
	for _, p := range cfg.Table.Check(known) {
		if p.Warning && mistaken {
			continue // a route that could not be read looks as if it took every alert
		}
		l.add([]rules.Problem{p})
	}
	slices.SortStableFunc(l.problems, func(a, b problem) int {
		if c := strings.Compare(a.File, b.File); c != 0 && a.File != cfg.Path && b.File != cfg.Path {
			return c
		} else if c != 0 {
			if a.File == cfg.Path {
				return -1
			}
			return 1
		}
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	if slices.ContainsFunc(l.problems, func(p problem) bool { return !p.Warning }) {
		return nil, l.problems, nil
	}
	return cfg, l.problems, nil
}
