package config

import (
	"cmp"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/enrich"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/settings"
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

// Faulty is the receiver that a problem is a fault of, or nil: the config is used but for what that receiver's templates say.
func (r Reading) Faulty(p rules.Problem) *Receiver {
	if r.Config == nil {
		return nil
	}
	for _, of := range r.Config.Receivers {
		if slices.Contains(of.Faults, p) {
			return of
		}
	}
	return nil
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

// dir is the directory of the file being read, which the files that it names are relative to.
func (l *loader) dir() string {
	dir := filepath.Dir(l.File)
	if abs, err := filepath.Abs(dir); err == nil { // else there is no working directory, and all is lost anyway
		return abs
	}
	return dir
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
