package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/templates"
	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// TemplateFiles are the files that the receiver names for its messages, first the one that counts.
func (r *Receiver) TemplateFiles() []string {
	return slices.DeleteFunc([]string{r.Config.BodyTemplate(), r.common.Template}, func(name string) bool { return name == "" })
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
		known := len(l.Problems)
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
		r.Faults = slices.DeleteFunc(slices.Clone(l.Problems[known:]), func(p rules.Problem) bool { return p.Warning })
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
