package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/channel"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/webhook"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/templates"
	"github.com/ossec-notify/ossec-notify/templates/presets"
)

// presetRate is how much the vendor of a preset takes; zero where none is named, or it does not say.
func presetRate(c *channel.Config) dispatch.Rate {
	if cfg, ok := c.Settings().(*webhook.Config); ok && cfg.Rate() != "" {
		if r, err := dispatch.ParseRate(cfg.Rate()); err == nil { // or the preset would not have loaded
			return r
		}
	}
	return dispatch.Rate{}
}

// presets reads the presets that receivers name. A receiver cannot do without: what is wrong there is a mistake of the config.
func (l *loader) presets() {
	read := map[string]*presets.Preset{}
	for _, r := range l.cfg.Receivers {
		name := r.Config.Preset()
		if name == "" || !presets.IsName(name) {
			continue
		}
		p, known := read[name]
		if !known {
			p = l.preset(name)
			read[name] = p
		}
		l.File = r.File
		if p == nil {
			if !known {
				l.noPreset(r, name)
			}
			continue
		}
		l.misplaced(r, p)
		r.Config.Settings().(*webhook.Config).UsePreset(p) // a preset is a webhook's
		l.validate(r, r.mistaken)
	}
	l.File = l.cfg.Path
}

// misplaced says of settings of a preset that stand beside it where they belong: they were reported as keys that nobody knows.
func (l *loader) misplaced(r *Receiver, p *presets.Preset) {
	beside := r.at()
	for i := 0; beside.Kind == yaml.MappingNode && i+1 < len(beside.Content); i += 2 {
		k := beside.Content[i]
		if _, is := p.Setting(k.Value); !is {
			continue
		}
		for j, told := range l.Problems {
			if told.File == r.File && told.Line == k.Line && told.Column == k.Column && strings.HasPrefix(told.Message, "unknown key") {
				l.Problems[j].Message = fmt.Sprintf("%s is a setting of the preset %s, and stands beside it: write settings: {%[1]s: …}", k.Value, p.Name)
			}
		}
	}
}

// preset reads the preset of a name: the operator's file, or ours. nil is none, or one with mistakes, which are reported.
func (l *loader) preset(name string) *presets.Preset {
	file := presets.File(l.cfg.TemplatesDir, name)
	l.sources = append(l.sources, filepath.Join(l.cfg.TemplatesDir, "presets", "*"))
	p, problems, err := readPreset(l.files, file)
	if errors.Is(err, fs.ErrNotExist) {
		return presets.Embedded(name)
	}
	l.File = file
	if err != nil {
		l.Errorf(&yaml.Node{}, "%s", err)
		return nil
	}
	l.Add(problems)
	return p
}

// ReadPreset reads a preset of the operator's. With mistakes there is none; the error is for a file that cannot be read.
func ReadPreset(file string) (*presets.Preset, []rules.Problem, error) {
	return readPreset(disk{}, file)
}

func readPreset(from files, file string) (*presets.Preset, []rules.Problem, error) {
	text, err := from.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	p, found := presets.Parse(file, text)
	var problems []rules.Problem
	for _, x := range found {
		problems = append(problems, rules.Problem{File: file, Line: x.Line, Column: x.Column, Message: x.Message})
	}
	if p == nil {
		return nil, problems, nil
	}
	if _, err := templates.Default().WithPreset(p, nil); err != nil {
		for _, err := range notifier.Split(err) {
			problems = append(problems, inBody(p, file, err))
		}
		return nil, problems, nil
	}
	return p, problems, nil
}

// defaultTemplatesDir is the directory of templates of a config that names none.
func defaultTemplatesDir(home string) string {
	return filepath.Join(home, "etc", "ossec-notify", "templates")
}

var bodyError = regexp.MustCompile(`^template \S+/([a-z0-9_]+)\.json:(\d+):? ((?s).*)$`)

// inBody puts a mistake in a body of a preset's at its line in the file.
func inBody(p *presets.Preset, file string, err error) rules.Problem {
	m := bodyError.FindStringSubmatch(err.Error())
	if m == nil {
		return rules.Problem{File: file, Message: err.Error()}
	}
	line, _ := strconv.Atoi(m[2])                                                                                         // it is a number
	return rules.Problem{File: file, Line: max(line, p.Requests()[m[1]].BodyLine+1), Column: 1, Message: "body: " + m[3]} // what is about all of it names its first line
}

// PresetProblem puts a failure to make a message at its place in the operator's preset of a receiver, where it is one.
func (c *Config) PresetProblem(r *Receiver, err error) (rules.Problem, bool) {
	hook, ok := r.Config.Settings().(*webhook.Config)
	if !ok || hook.LoadedPreset() == nil || hook.LoadedPreset().Embedded || !strings.HasPrefix(err.Error(), "template "+hook.Preset+".yaml/") {
		return rules.Problem{}, false
	}
	p := inBody(hook.LoadedPreset(), presets.File(c.TemplatesDir, hook.Preset), err)
	p.Message = display.OneLine(p.Message)
	return p, true
}

// noPreset says that a receiver has no preset: there is none, or it has mistakes.
func (l *loader) noPreset(r *Receiver, name string) {
	for _, p := range l.Problems {
		if p.File == presets.File(l.cfg.TemplatesDir, name) {
			return
		}
	}
	known := presets.Names()
	if own, err := l.files.Glob(presets.File(l.cfg.TemplatesDir, "*")); err == nil {
		for _, file := range own {
			known = append(known, strings.TrimSuffix(filepath.Base(file), ".yaml"))
		}
	}
	if near := rules.Nearest(name, known); near != "" {
		l.Errorf(r.at("preset"), "preset: there is no preset %q: did you mean %q?", name, near)
		return
	}
	l.Errorf(r.at("preset"), "preset: there is no preset %q, and no file %s: ossec-notify presets lists those that there are", name, presets.File(l.cfg.TemplatesDir, name))
}

// withPreset lays the preset of a receiver over its templates. It is there with an error, too: then with the embedded
// templates, for what is wrong is the operator's.
func withPreset(set *templates.Set, c *channel.Config) (*templates.Set, error) {
	cfg, ok := c.Settings().(*webhook.Config)
	if !ok || cfg.Preset == "" || cfg.LoadedPreset() == nil {
		return set, nil
	}
	over, err := set.WithPreset(cfg.LoadedPreset(), cfg.PresetSettings())
	if err != nil {
		var plainErr error
		if over, plainErr = set.Defaults().WithPreset(cfg.LoadedPreset(), cfg.PresetSettings()); plainErr != nil {
			return set, plainErr
		}
	}
	return over, err
}
