package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/noise"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/webhook"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/templates"
	"github.com/ossec-notify/ossec-notify/templates/presets"
)

// presetName is the preset that a receiver's config names, or "".
func presetName(c channelConfig) string {
	if cfg, ok := c.settings().(*webhook.Config); ok {
		return cfg.Preset
	}
	return ""
}

// presetRate is how much the vendor of a preset takes; zero where none is named, or it does not say.
func presetRate(c channelConfig) dispatch.Rate {
	if cfg, ok := c.settings().(*webhook.Config); ok && cfg.Rate() != "" {
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
		name := presetName(r.Config)
		if name == "" || !presets.IsName(name) {
			continue
		}
		p, known := read[name]
		if !known {
			p = l.preset(name)
			read[name] = p
		}
		l.file = r.file
		if p == nil {
			if !known {
				l.noPreset(r, name)
			}
			continue
		}
		r.Config.settings().(*webhook.Config).UsePreset(p) // presetName has looked
		l.validate(r, r.mistaken)
	}
	l.file = l.cfg.Path
}

// preset reads the preset of a name: the operator's file, or ours. nil is none, or one with mistakes, which are reported.
func (l *loader) preset(name string) *presets.Preset {
	file := presets.File(l.cfg.TemplatesDir, name)
	l.sources = append(l.sources, filepath.Join(l.cfg.TemplatesDir, "presets", "*"))
	p, problems, err := readPreset(l.files, file)
	if errors.Is(err, fs.ErrNotExist) {
		return presets.Embedded(name)
	}
	l.file = file
	if err != nil {
		l.errorf(&yaml.Node{}, "%s", err)
		return nil
	}
	l.add(problems)
	return p
}

// readPreset reads a preset of the operator's. With mistakes there is none.
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
		for _, err := range split(err) {
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

// checkPresets notes the operator's presets that go before ours, and so do not change with an upgrade.
func checkPresets(cfg *config) []finding {
	users := map[string][]string{}
	for _, r := range cfg.Receivers {
		if hook, ok := r.Config.settings().(*webhook.Config); ok && hook.LoadedPreset() != nil && !hook.LoadedPreset().Embedded {
			users[hook.Preset] = append(users[hook.Preset], r.Name)
		}
	}
	var found []finding
	for _, name := range slices.Sorted(maps.Keys(users)) {
		ours := presets.Embedded(name)
		if ours == nil {
			continue
		}
		file := presets.File(cfg.TemplatesDir, name)
		advice := "compare them after an upgrade: ossec-notify presets " + name
		if p, _, err := readPreset(disk{}, file); err == nil && p != nil && p.Source() == ours.Source() {
			advice = "they are the same: without this file, upgrades reach " + verb(len(users[name]), "it", "them")
		}
		found = append(found, finding{note: true, Problem: rules.Problem{File: file, Line: 1, Column: 1, Message: fmt.Sprintf(
			"goes before the preset that comes with this program, for %s; %s", listOf(users[name]), advice)}})
	}
	return found
}

var bodyError = regexp.MustCompile(`^template \S+/([a-z]+)\.json:(\d+):? ((?s).*)$`)

// inBody puts a mistake in a body of a preset's at its line in the file.
func inBody(p *presets.Preset, file string, err error) rules.Problem {
	m := bodyError.FindStringSubmatch(err.Error())
	if m == nil {
		return rules.Problem{File: file, Message: err.Error()}
	}
	line, _ := strconv.Atoi(m[2])                                                                                         // it is a number
	return rules.Problem{File: file, Line: max(line, p.Requests()[m[1]].BodyLine+1), Column: 1, Message: "body: " + m[3]} // what is about all of it names its first line
}

// checkedMessage is a message that check makes of a sample.
type checkedMessage struct {
	dispatch.Delivery
	what string // became of the alert, behind its name
}

// checkedMessages are those that a receiver may be sent about a sample: where its preset is the operator's, also what becomes of it, which
// presets may say with bodies of their own.
func checkedMessages(r *receiver, to *dispatch.Receiver, a *alert.Alert) []checkedMessage {
	x := dispatch.Delivery{Alert: a, Receiver: to, Occurrence: 1}
	all := []checkedMessage{{x, ""}}
	hook, ok := r.Config.settings().(*webhook.Config)
	if !ok || hook.LoadedPreset() == nil || hook.LoadedPreset().Embedded {
		return all
	}
	for _, became := range []struct {
		what  string
		about noise.About
	}{
		{", taken", noise.About{Action: notifier.Acknowledge, Taken: &noise.Taken{By: "NAME", Via: "command line", At: a.Received}}},
		{", over", noise.About{Action: notifier.Resolve, Resolved: &noise.Resolved{After: time.Hour}}},
	} {
		if became.about.Opened = a.Received; notifier.Follows(to.Notifier, became.about.Action) {
			x.About = &became.about
			all = append(all, checkedMessage{x, became.what})
		}
	}
	return all
}

// inPreset puts a failure to make a message at its place in the operator's preset of a receiver, where it is one.
func inPreset(cfg *config, r *receiver, err error) (rules.Problem, bool) {
	hook, ok := r.Config.settings().(*webhook.Config)
	if !ok || hook.LoadedPreset() == nil || hook.LoadedPreset().Embedded || !strings.HasPrefix(err.Error(), "template "+hook.Preset+".yaml/") {
		return rules.Problem{}, false
	}
	p := inBody(hook.LoadedPreset(), presets.File(cfg.TemplatesDir, hook.Preset), err)
	p.Message = display.OneLine(p.Message)
	return p, true
}

// noPreset says that a receiver has no preset: there is none, or it has mistakes.
func (l *loader) noPreset(r *receiver, name string) {
	for _, p := range l.problems {
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
		l.errorf(r.at("preset"), "preset: there is no preset %q: did you mean %q?", name, near)
		return
	}
	l.errorf(r.at("preset"), "preset: there is no preset %q, and no file %s: ossec-notify presets lists those that there are", name, presets.File(l.cfg.TemplatesDir, name))
}

// withPreset lays the preset of a receiver over its templates. It is there with an error, too: then with the embedded
// templates, for what is wrong is the operator's.
func withPreset(set *templates.Set, c channelConfig) (*templates.Set, error) {
	cfg, ok := c.settings().(*webhook.Config)
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

// kindOfCall is the kind of channel that a call by integratord may mean by a name: a channel, or one of our presets.
func kindOfCall(name string) (channel, bool) {
	if c, ok := channelByName(name); ok {
		return c, true
	}
	p := presets.Embedded(name)
	if p == nil {
		return channel{}, false
	}
	c, _ := channelByName("webhook")
	c.preset, c.concurrency = p.Name, p.Concurrency
	if c.rate, _ = dispatch.ParseRate(p.Rate); p.Rate == "" {
		c.rate = dispatch.Rate{}
	}
	make := c.config().(*typedConfig[webhook.Config]).make
	c.argv = func(hookURL string, apiKey notifier.Secret) (channelConfig, error) {
		cfg, err := presetArgv(p, hookURL, apiKey)
		return &typedConfig[webhook.Config]{cfg, make}, err
	}
	return c, true
}

// called is the name under which a kind is called.
func (c channel) called() string { return cmp.Or(c.preset, c.name) }

// presetArgv is what ossec.conf's two elements mean to a preset: <hook_url> its address, <api_key> the first secret that it
// cannot do without, or, where there is none, the first that it takes.
func presetArgv(p *presets.Preset, hookURL string, apiKey notifier.Secret) (webhook.Config, error) {
	cfg := webhook.Config{Preset: p.Name}
	cfg.UsePreset(p)
	var errs []error
	if url, takes := p.Setting("url"); takes {
		cfg.URL = notifier.PlainSecret(hookURL)
		if url.Required {
			errs = append(errs, need("hook_url", hookURL))
		}
	}
	secret := func(required bool) int {
		return slices.IndexFunc(p.Settings, func(s presets.Setting) bool { return s.Name != "url" && s.Secret && s.Required == required })
	}
	i := secret(true)
	if i >= 0 {
		errs = append(errs, need("api_key", apiKey.String()))
	} else if !apiKey.IsZero() {
		i = secret(false)
	}
	if i >= 0 {
		cfg.Settings = map[string]notifier.Secret{p.Settings[i].Name: apiKey}
	}
	for k, s := range p.Settings {
		if s.Name != "url" && s.Required && k != i {
			errs = append(errs, fmt.Errorf("the preset %s needs %s, which ossec.conf cannot give: write a receiver into the config", p.Name, s.Name))
		}
	}
	return cfg, errors.Join(errs...)
}
