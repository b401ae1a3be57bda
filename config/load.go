package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/channel"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/enrich"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/settings"
	"github.com/ossec-notify/ossec-notify/templates"
	"github.com/ossec-notify/ossec-notify/templates/presets"
	"github.com/ossec-notify/ossec-notify/window"
	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// Reading is what came of reading a config.
type Reading struct {
	// Config is nil where it does not load: where anything is a mistake, unless all mistakes are in templates. The messages of
	// the receivers that those are for have their default form then: a command refuses such a config all the same, and a
	// call by integratord must tell somebody.
	Config *Config
	// Problems are all that is wrong or doubtful, in the order of their places, those of the main file first.
	Problems []rules.Problem
	// Err is why the main file cannot be read at all.
	Err error
	// Sources are patterns of the files that it is made of, or would be, as far as it could be read.
	Sources []string
	// TemplatesDir is where its templates and presets lie, or would, as far as it could be read.
	TemplatesDir string
	// Egress is what it permits, as far as it could be read.
	Egress *notifier.Egress
	// Texts are what was read.
	Texts Texts
}

// Read reads the config at a path. Templates are looked for below the home, where the config names no other place.
func Read(path, home string) Reading { return read(disk{}, path, home) }

// Read reads the config at a path from texts that were kept, as it was then.
func (t Texts) Read(path, home string) Reading { return read(kept(t), path, home) }

// loader reads one config with its includes.
type loader struct {
	settings.Decoder
	files *transcript
	cfg   *Config
	root  *yaml.Node // of the main file
	home  string
	names map[string]string // of receivers, with the file that each is in
	// ownTemplates: the config says where its templates are.
	ownTemplates bool
	sources      []string
}

func read(from files, path, home string) Reading {
	l := &loader{home: home, names: map[string]string{}, files: newTranscript(from), sources: []string{path}}
	l.cfg = &Config{Path: path, Scale: alert.DefaultScale, Zone: time.Local}
	root, err := l.parse(path)
	if err != nil {
		return Reading{Err: err, Sources: l.sources, TemplatesDir: defaultTemplatesDir(home)}
	}
	if root != nil {
		l.root = root
		l.main()
	}
	cfg, problems := l.finish()
	return Reading{
		Config: cfg, Problems: problems, Sources: l.sources, Egress: l.cfg.Egress, Texts: l.files.texts,
		TemplatesDir: cmp.Or(l.cfg.TemplatesDir, defaultTemplatesDir(home)),
	}
}

// parse reads a file as YAML. One that is empty, or not YAML, gives nil and a problem.
func (l *loader) parse(path string) (*yaml.Node, error) {
	b, err := l.files.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return l.Parse(path, b, "README.md has a config to begin with"), nil
}

// main reads the main file and then its includes.
func (l *loader) main() {
	s := mainSettings{Severity: alert.DefaultScale}
	l.top(l.root, &s, true)
	l.cfg.Links, l.cfg.StrictExit, l.cfg.Follow, l.cfg.HTTP = s.Links, s.StrictExit, s.Follow, s.HTTP
	if s.Egress != nil {
		l.cfg.Egress = notifier.NewEgress(s.Egress.Allow...)
	}
	l.enrich(s.Enrich)

	dir := filepath.Dir(l.cfg.Path)
	l.cfg.TemplatesDir = defaultTemplatesDir(l.home)
	if l.ownTemplates = s.TemplatesDir != ""; l.ownTemplates {
		l.cfg.TemplatesDir = s.TemplatesDir
		if !filepath.IsAbs(s.TemplatesDir) {
			l.cfg.TemplatesDir = filepath.Join(dir, s.TemplatesDir)
		}
	}
	l.sources = append(l.sources, filepath.Join(l.cfg.TemplatesDir, "*"))
	for _, pattern := range s.Include {
		full := pattern
		if !filepath.IsAbs(full) {
			full = filepath.Join(dir, pattern)
		}
		l.sources = append(l.sources, full)
		files, err := l.files.Glob(full)
		if err != nil {
			l.Errorf(yamlnode.At(l.root, "include"), "include: %q is no file pattern", pattern)
			continue
		}
		if len(files) == 0 {
			l.Warnf(yamlnode.At(l.root, "include"), "include: no file matches %q", pattern)
		}
		slices.Sort(files)
		for _, file := range files {
			l.include(file, yamlnode.At(l.root, "include"))
		}
	}
}

func (l *loader) include(file string, at *yaml.Node) {
	root, err := l.parse(file)
	if root != nil {
		l.top(root, nil, false)
	}
	l.Open(l.cfg.Path)
	if err != nil {
		l.Errorf(at, "include: %s", err)
	}
}

// zone takes over the time zone of the settings.
func (l *loader) zone(name string) {
	if name == "" {
		return
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		l.Errorf(yamlnode.At(l.root, "time_zone"), "time_zone: %q is no time zone; write a name such as Europe/Berlin or UTC", name)
		return
	}
	l.cfg.Zone = zone
}

// mainKeys are the keys of the main file that are no plain values.
var mainKeys = []string{rules.Always, rules.Default, "windows", "inhibit"}

// top reads the top level of a file: receivers and routes, and in the main file the settings.
func (l *loader) top(root *yaml.Node, s *mainSettings, mainFile bool) {
	known := []string{"receivers", "routes"}
	if mainFile {
		known = append(known, mainKeys...)
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
	var windows, inhibit, routes *yaml.Node // read when the scale, the time zone and the windows are known
	for _, e := range l.YAML.Mapping(root, "the config") {
		switch field, ok := plain[e.Key]; {
		case e.Key == "receivers":
			l.receivers(e.Value)
		case e.Key == "routes":
			routes = e.Value
		case mainFile && e.Key == rules.Always:
			l.cfg.Table.Always, l.cfg.Table.AlwaysNode = l.receiverNames(e), e.Value
		case mainFile && e.Key == rules.Default:
			l.cfg.Table.Default, l.cfg.Table.DefaultNode = l.receiverNames(e), e.Value
		case mainFile && e.Key == "windows":
			windows = e.Value
		case mainFile && e.Key == "inhibit":
			inhibit = e.Value
		case ok:
			l.setting(e, field)
		case !mainFile && slices.Contains(settingNames(), e.Key):
			l.Errorf(e.KeyNode, "%q belongs into the main config; an included file holds receivers and routes", e.Key)
		case e.Value.Kind == yaml.MappingNode && isNull(yamlnode.At(root, "receivers")):
			l.Errorf(e.KeyNode, "unknown key %q in the config: if it is a receiver, indent it below receivers:", e.Key)
		default:
			l.Unknown(e.KeyNode, "the config", known)
		}
	}
	if mainFile {
		l.cfg.Scale = s.Severity
		l.zone(s.TimeZone)
		l.windows(windows)
		inhibits, problems := rules.ParseInhibits(inhibit, l.cfg.Scale)
		l.Add(problems)
		l.cfg.Table.Inhibit = inhibits
	}
	read, problems := rules.ParseRoutes(routes, l.cfg.Scale, l.cfg.windows)
	l.Add(problems)
	for _, r := range read {
		r.File = l.File
	}
	l.cfg.Table.Routes = append(l.cfg.Table.Routes, read...)
}

func settingNames() []string {
	t := reflect.TypeFor[mainSettings]()
	names := slices.Clone(mainKeys)
	for i := range t.NumField() {
		names = append(names, t.Field(i).Tag.Get("yaml"))
	}
	return names
}

// windows reads the mapping of windows. One with a mistake is there all the same, so that routes may name it.
func (l *loader) windows(n *yaml.Node) {
	if n == nil {
		return
	}
	l.cfg.windows = map[string]*window.Window{}
	l.cfg.windowNodes = map[string]*yaml.Node{}
	for _, e := range l.YAML.Mapping(n, "windows") {
		if e.Key == "none" || !receiverName.MatchString(e.Key) {
			l.Errorf(e.KeyNode, "%q is no name for a window: use letters, digits, '-', '_' and '.', 64 at most, and not none", e.Key)
			continue
		}
		w := window.Parse(e.Value, e.Key, l.cfg.Zone, func(at *yaml.Node, message string) { l.Errorf(at, "%s", message) })
		if w == nil {
			w = &window.Window{Name: e.Key}
		}
		l.cfg.windows[e.Key], l.cfg.windowNodes[e.Key] = w, e.KeyNode
	}
}

func (l *loader) receiverNames(e yamlnode.Entry) []string {
	names, problems := rules.ParseReceivers(e.Value, e.Key)
	l.Add(problems)
	return names
}

func (l *loader) setting(e yamlnode.Entry, field reflect.Value) {
	before := len(l.Problems)
	if e.Key == "egress" && e.Value.Kind == yaml.SequenceNode {
		l.Errorf(e.Value, "egress is a list: write egress: {allow: [...]}")
	} else {
		l.Value(e, field)
	}
	switch e.Key {
	case "enrich":
		l.enrichFaults(e, len(l.Problems) > before, field.Interface().(*enrich.Config))
	case "egress":
		if field.IsNil() { // a mistake there permits nothing rather than everything
			field.Set(reflect.ValueOf(new(egress)))
		}
		if len(l.Problems) == before && len(field.Interface().(*egress).Allow) == 0 {
			l.Errorf(e.Value, "egress permits nothing: list under allow where connections may lead, or leave egress out to permit everything")
		}
	case "http":
		c := field.Addr().Interface().(*HTTP)
		settings.ResolveFiles(c, l.dir())
		fault, doubt := c.faults()
		if fault != "" && len(l.Problems) == before {
			l.Errorf(e.Value, "http: %s", fault)
		}
		if doubt != "" {
			l.Warnf(e.Value, "http: %s", doubt)
		}
	case "severity":
		s := field.Interface().(alert.Scale)
		if !(0 < s.Low && s.Low <= s.Medium && s.Medium <= s.High && s.High <= s.Critical) {
			l.Errorf(e.Value, "severity: the levels must rise from low to critical, not %d, %d, %d, %d", s.Low, s.Medium, s.High, s.Critical)
		}
	}
}

// receivers reads the mapping of receivers.
func (l *loader) receivers(n *yaml.Node) {
	above := "" // the name without a value right above
	entries := l.YAML.Mapping(n, "receivers")
	for i, e := range entries {
		name := above
		above = ""
		switch file, taken := l.names[e.Key]; {
		case isNull(e.Value) && i+1 < len(entries) && isKind(entries[i+1].Key):
			above, l.names[e.Key] = e.Key, l.File // what is meant is told there
			continue
		case name != "" && isKind(e.Key):
			l.Errorf(e.KeyNode, "%s stands where a receiver's name belongs: indent it below the name above, %s", e.Key, name)
			continue
		case (slices.Contains(mainKeys, e.Key) || e.Key == "routes") && e.Value.Kind == yaml.SequenceNode:
			l.Errorf(e.KeyNode, "%s stands where a receiver's name belongs: it is a key of the config itself, and begins at the left edge", e.Key)
			continue
		case reserved(e.Key):
			l.Errorf(e.KeyNode, "%q is no name for a receiver: custom-%s would mean every receiver of that kind; call it %q", e.Key, e.Key, e.Key+"-1")
			continue
		case !receiverName.MatchString(e.Key):
			l.Errorf(e.KeyNode, "%q is no name for a receiver: use letters, digits, '-', '_' and '.', 64 at most", e.Key)
			continue
		case taken:
			l.Errorf(e.KeyNode, "receiver %q is already in %s; names are unique over all files", e.Key, file)
			continue
		}
		l.names[e.Key] = l.File
		switch r, alias := l.receiver(e.Key, e.Value); {
		case r == nil:
		case alias:
			l.cfg.Aliases = append(l.cfg.Aliases, r)
		default:
			l.cfg.Receivers = append(l.cfg.Receivers, r)
		}
	}
}

// isNull reports whether a key has no value.
func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// hasSetting reports whether a channel has a setting of its own of this name.
func hasSetting(c *channel.Config, key string) bool {
	t := reflect.TypeOf(c.Settings()).Elem()
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); name == key {
			return true
		}
	}
	return false
}

func isKind(name string) bool {
	_, _, ok := kindByName(name)
	return ok
}

// otherKinds are what people call channels whose names are others.
var otherKinds = map[string]string{
	"opensearch": "elasticsearch", "elastic": "elasticsearch", "hec": "splunk", "mail": "email", "smtp": "email", "http": "webhook", "hook": "webhook",
	"exec": "command", "script": "command", "program": "command", "cef": "syslog", "leef": "syslog", "rsyslog": "syslog",
}

// isPreset reports the name of an embedded preset.
func isPreset(name string) bool { return slices.Contains(presets.Names(), name) }

// receiver reads one receiver: one channel and the settings that all take; or an alias, which takes none of these.
func (l *loader) receiver(name string, n *yaml.Node) (r *Receiver, alias bool) {
	r = &Receiver{Name: name, File: l.File, node: n}
	mistakes := len(l.Problems)
	fields := map[string]reflect.Value{}
	known := kindNames()
	var common []yamlnode.Entry
	c := reflect.ValueOf(&r.common).Elem()
	for i := range c.NumField() {
		tag := c.Type().Field(i).Tag.Get("yaml")
		fields[tag] = c.Field(i)
		known = append(known, tag)
	}
	for _, e := range l.YAML.Mapping(n, "receiver "+name) {
		if field, ok := fields[e.Key]; ok {
			l.common(r, e, field)
			common = append(common, e)
			continue
		}
		ch, isAlias, ok := kindByName(e.Key)
		switch {
		case !ok && r.Config != nil && isNull(yamlnode.At(n, r.Channel.Name)) && hasSetting(r.Config, e.Key):
			l.Errorf(e.KeyNode, "%s is a setting of %s, and stands beside it: indent it below", e.Key, r.Channel.Name)
			continue
		case !ok && isPreset(e.Key):
			l.Errorf(e.KeyNode, "%s is a preset of the webhook: write webhook: {preset: %[1]s, …} (ossec-notify presets %[1]s says what it takes)", e.Key)
			continue
		case !ok && otherKinds[e.Key] != "":
			l.Errorf(e.KeyNode, "unknown key %q in receiver %s: the channel is called %s", e.Key, name, otherKinds[e.Key])
			continue
		case !ok:
			l.Unknown(e.KeyNode, "receiver "+name, known)
			continue
		case r.Config != nil:
			l.Errorf(e.KeyNode, "receiver %q has two channels, %s and %s; make two receivers", name, r.Channel.Name, ch.Name)
			continue
		}
		r.Channel, r.Config, alias = ch, ch.Config(), isAlias
		before := len(l.Problems)
		l.Value(e, reflect.ValueOf(r.Config.Settings()).Elem())
		settings.ResolveFiles(r.Config.Settings(), l.dir())
		r.mistaken = len(l.Problems) > before
		l.validate(r, r.mistaken)
	}
	if r.Config == nil && len(l.Problems) > mistakes {
		return nil, false
	}
	if r.Config == nil {
		l.Errorf(n, "receiver %q has no channel: give one of %s", name, strings.Join(kindNames(), ", "))
		return nil, false
	}
	if alias {
		for _, e := range common {
			l.Errorf(e.KeyNode, "%s has no effect beside %s, which sends nothing itself: give it to the receivers that it stands for", e.Key, r.Channel.Name)
		}
	}
	return r, alias
}

// maxConcurrency bounds the connections to one receiver, and what a kill may repeat.
const maxConcurrency = 100

// common reads a setting that every receiver takes.
func (l *loader) common(r *Receiver, e yamlnode.Entry, field reflect.Value) {
	before := len(l.Problems)
	if e.Key == "throttle" { // as on a route
		throttle, problems := rules.ParseThrottle(e.Value, e.Key)
		l.Add(problems)
		r.common.Throttle = throttle
		return
	}
	l.Value(e, field)
	if e.Key != "concurrency" || len(l.Problems) > before {
		return
	}
	switch n := r.common.Concurrency; {
	case n < 1:
		l.Errorf(e.Value, "concurrency is %d: at least 1 delivery must be under way at a time", n)
	case n > maxConcurrency:
		l.Errorf(e.Value, "concurrency is %d: at most %d deliveries can be under way at a time", n, maxConcurrency)
	}
}

// dir is the directory of the file being read, which the files that it names are relative to.
func (l *loader) dir() string {
	dir := filepath.Dir(l.File)
	if abs, err := filepath.Abs(dir); err == nil { // else there is no working directory, and all is lost anyway
		return abs
	}
	return dir
}

// validate puts what the channel says of its config at the line of the setting. Where the config has mistakes
// already, it is not asked about settings that are not there: they may be what was misspelt.
func (l *loader) validate(r *Receiver, mistaken bool) {
	var walk func(err error)
	walk = func(err error) {
		var field *notifier.FieldError
		if many, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range many.Unwrap() {
				walk(e)
			}
			return
		}
		at := r.at()
		if errors.As(err, &field) {
			at = r.at(strings.Split(field.Key, ".")...)
			key := field.Key
			if strings.ContainsFunc(key, unicode.IsControl) {
				key = strconv.Quote(key)
			}
			err = fmt.Errorf("%s: %s", key, field.Message)
		}
		said := slices.ContainsFunc(l.Problems, func(p rules.Problem) bool {
			return p.File == l.File && p.Line == at.Line && p.Column == at.Column
		})
		if !mistaken || (at != r.at() && !said) {
			l.Errorf(at, "%s", err)
		}
	}
	if err := r.Config.Validate(); err != nil {
		walk(err)
	}
}

// fallbacks checks what receivers say of each other.
func (l *loader) fallbacks() {
	receivers := map[string]*Receiver{}
	for _, r := range l.cfg.Receivers {
		receivers[r.Name] = r
	}
	report := func(r *Receiver, format string, args ...any) {
		l.File = r.File
		l.Errorf(yamlnode.At(r.node, "fallback"), format, args...)
	}
	checked := map[string]bool{}
	var follow func(name string, way []string)
	follow = func(name string, way []string) {
		r := receivers[name]
		if i := slices.Index(way, name); i >= 0 {
			report(r, "fallback goes in a circle: %s", strings.Join(append(slices.Clone(way[i:]), name), ", "))
			return
		}
		if r == nil || checked[name] {
			return
		}
		for _, f := range r.common.Fallback {
			if _, known := l.names[f]; known {
				follow(f, append(way, name))
				continue
			}
			advice := "add it under receivers:"
			if near := rules.Nearest(f, slices.Collect(maps.Keys(l.names))); near != "" {
				advice = fmt.Sprintf("did you mean %q?", near)
			}
			report(r, "fallback: %q is no receiver: %s", f, advice)
		}
		checked[name] = true
	}
	for _, r := range l.cfg.Receivers {
		follow(r.Name, nil)
	}
}

// templates reads the templates, for all receivers and for those that name some. A receiver does without those
// that are wrong.
func (l *loader) templates() {
	cfg := l.cfg
	l.File = cfg.Path
	report := func(n *yaml.Node, err error) {
		for _, err := range notifier.Split(err) {
			l.Errorf(n, "%s", display.OneLine(err.Error()))
		}
	}
	if l.ownTemplates {
		at := yamlnode.At(l.root, "templates_dir")
		switch is, err := l.files.IsDir(cfg.TemplatesDir); {
		case err != nil:
			l.Errorf(at, "templates_dir: %s", err)
		case !is:
			l.Errorf(at, "templates_dir: there is no directory %s", cfg.TemplatesDir)
		}
	}
	var err error
	if cfg.Templates, err = templates.Load(templates.Options{Dir: cfg.TemplatesDir, Links: cfg.Links, ReadFile: l.files.ReadFile}); err != nil {
		report(&yaml.Node{}, err) // it names the template and the line there
		cfg.Templates = templates.Default()
	}
	refused := map[string]bool{}
	for _, r := range cfg.Receivers {
		l.File, r.Templates = r.File, cfg.Templates
		for _, t := range []struct {
			name string
			at   *yaml.Node
		}{{r.common.Template, yamlnode.At(r.node, "template")}, {r.Config.BodyTemplate(), r.at("body")}} {
			if t.name == "" {
				continue
			}
			if strings.HasSuffix(t.name, ".json.tmpl") && !r.Channel.JSON {
				l.Errorf(t.at, "template %s: a message of %s is no JSON; name the file without .json", t.name, r.Channel.Name)
				continue
			}
			if t.name == r.common.Template {
				if err := r.Config.TakesTemplate(); err != nil {
					l.Errorf(t.at, "template: %s", err)
					continue
				}
			}
			set, err := l.template(r.Templates, templatePath(cfg.TemplatesDir, t.name))
			if err != nil {
				report(t.at, err)
				continue
			}
			r.Templates = set
		}
		if texts := r.Config.TemplateSettings(); len(texts) > 0 {
			set, err := r.Templates.WithSettings(r.Channel.Name, texts)
			if err != nil {
				report(r.at(), err) // it names the setting
			} else {
				r.Templates = set
			}
		}
		set, err := withPreset(r.Templates, r.Config)
		if r.Templates = set; err != nil {
			report(r.at("preset"), err)
		}
		if m := r.Channel.Markup; m != nil {
			if err := r.Templates.CheckMarkup(r.Channel.Name, m); err != nil && !refused[err.Error()] {
				refused[err.Error()] = true // said once of the receivers that share it
				report(&yaml.Node{}, err)
			}
		}
	}
	l.File = cfg.Path
}

// template lays a file that a receiver names over its templates.
func (l *loader) template(over *templates.Set, path string) (*templates.Set, error) {
	l.sources = append(l.sources, path) // it need not be in the templates' directory
	name := filepath.Base(path)
	b, err := l.files.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("template %s: %w", name, err)
	}
	return over.WithText(name, string(b))
}

// templatePath is the file that a config names: an absolute path, or a name in the templates' directory.
func templatePath(dir, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

// finish checks what spans files, and answers.
func (l *loader) finish() (*Config, []rules.Problem) {
	cfg := l.cfg
	l.presets()
	l.fallbacks()
	l.programs()
	l.aliases()
	l.File = cfg.Path
	known := map[string]bool{}
	for name := range l.names {
		known[name] = true
	}
	mistaken := hasMistake(l.Problems)
	for _, p := range cfg.Table.Check(known) {
		if p.Warning && mistaken {
			continue // a route that could not be read looks as if it took every alert
		}
		l.Add([]rules.Problem{p})
	}
	if !mistaken {
		l.noise()
	}
	mistaken = hasMistake(l.Problems)
	l.templates()
	problems := inOrder(l.Problems, cfg.Path)
	if mistaken {
		return nil, problems
	}
	return cfg, problems
}

// noise warns of settings that do less, or more, than they seem to.
func (l *loader) noise() {
	cfg := l.cfg
	used := cfg.Table.Windows()
	for _, name := range slices.Sorted(maps.Keys(cfg.windows)) {
		if !used[name] {
			l.Warnf(cfg.windowNodes[name], "no route goes by the window %q: write active: or mute: at one, or leave the window out", name)
		}
	}
	pages := map[string]bool{}
	for _, r := range cfg.Receivers {
		pages[r.Name] = r.Channel.Pages
	}
	l.Add(cfg.Table.CheckPages(pages))
	l.Add(cfg.Table.CheckPrograms(singly(cfg)))
	for _, r := range cfg.Receivers {
		l.File = r.File
		if t := r.common.Throttle; t != nil && r.Channel.Pages {
			l.Warnf(yamlnode.At(r.node, "throttle"), "this throttle holds back pages: those above it come late, as a digest")
		}
		if r.common.StormAfter.after > 0 && r.rate().IsZero() {
			l.Warnf(yamlnode.At(r.node, "storm_after"), "storm_after does nothing without a rate: write rate: beside it, how much the receiver takes")
		}
	}
	l.File = cfg.Path
}

// hasMistake reports whether one of the problems is no warning.
func hasMistake(problems []rules.Problem) bool {
	return slices.ContainsFunc(problems, func(p rules.Problem) bool { return !p.Warning })
}

// inOrder sorts problems by place, those of the main file first. What is said twice of one place, as of a mapping
// that several others merge, is said once.
func inOrder(problems []rules.Problem, mainFile string) []rules.Problem {
	rank := func(p rules.Problem) int {
		if p.File == mainFile {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(problems, func(a, b rules.Problem) int {
		return cmp.Or(rank(a)-rank(b), strings.Compare(a.File, b.File), a.Line-b.Line, a.Column-b.Column)
	})
	return slices.Compact(problems)
}
