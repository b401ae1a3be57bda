package config

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/enrich"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/templates"
	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// enrichFaults says what is wrong with the settings of enrichment. Where they have mistakes already, only those are told.
func (l *loader) enrichFaults(e yamlnode.Entry, mistaken bool, c *enrich.Config) {
	if mistaken || c == nil {
		return
	}
	for _, f := range c.Faults(templates.DocumentKeys()) {
		l.Errorf(yamlnode.At(e.Value, f.Path...), "enrich: %s", f.Message)
	}
}

// enrich makes the enricher of the config, and tells the routes what it adds.
func (l *loader) enrich(c *enrich.Config) {
	if c == nil {
		return
	}
	l.cfg.Table.Added = c.Names()
	if len(c.Faults(templates.DocumentKeys())) > 0 { // which have been told
		return
	}
	c.Resolve(l.dir())
	l.cfg.Enrich = enrich.New(*c)
	l.cfg.enrichNode = yamlnode.At(l.root, "enrich")
}

// CheckEnrich opens all sources of enrichment, and warns of those that are no use at a time, and of what is asked for and never
// added.
func (c *Config) CheckEnrich(now time.Time) []rules.Problem {
	var found []rules.Problem
	warn := func(file string, line, column int, format string, args ...any) {
		found = append(found, rules.Problem{File: cmp.Or(file, c.Path), Line: line, Column: column, Message: fmt.Sprintf(format, args...), Warning: true})
	}
	for _, d := range c.Enrich.Check(now) {
		at := yamlnode.At(c.enrichNode, d.Path...)
		if d.Item >= 0 && at != nil && at.Kind == yaml.SequenceNode && d.Item < len(at.Content) {
			at = yamlnode.Resolve(at.Content[d.Item])
		}
		line, column := 0, 0
		if at != nil {
			line, column = at.Line, at.Column
		}
		warn("", line, column, "enrich: %s", d.Message)
	}
	keys := c.Enrich.KeyFields()
	for _, table := range slices.Sorted(maps.Keys(keys)) {
		if why := c.NeverAdded(keys[table], "finds no row"); why != "" {
			at := yamlnode.At(c.enrichNode, "tables", table, "by")
			warn("", at.Line, at.Column, "enrich: tables.%s: by: %s", table, why)
		}
	}
	classes := c.Enrich.Classes()
	for _, use := range c.Table.FieldUses() {
		why := c.NeverAdded(use.Path, "never holds")
		if why != "" {
			warn(use.File, use.Line, use.Column, "%s", why)
		}
		if why != "" || !slices.Contains(enrich.ClassNames(), use.Path) {
			continue
		}
		for _, pattern := range use.Vain(classes) {
			advice := "there are " + strings.Join(classes, ", ") + "; a list of addresses makes one of its name"
			if near := rules.Nearest(strings.Trim(pattern, `~^$"`), classes); near != "" {
				advice = fmt.Sprintf("did you mean %q?", near)
			}
			warn(use.File, use.Line, use.Column, "no address is of a class that %s matches: %s", pattern, advice)
		}
	}
	for _, u := range c.addedUses() {
		if why := c.NeverAdded(u.Action, "is always empty"); why != "" {
			warn(u.File, u.Line, u.column, "%s%s", u.setting, why)
		}
	}
	return found
}

// ProbeEnrich asks the name server that enrichment asks, and warns where it does not answer.
func (c *Config) ProbeEnrich(ctx context.Context) []rules.Problem {
	err := c.Enrich.Probe(ctx)
	if err == nil {
		return nil
	}
	at := yamlnode.At(c.enrichNode, "reverse_dns")
	return []rules.Problem{{File: c.Path, Line: at.Line, Column: at.Column, Message: "enrich: reverse_dns: " + err.Error(), Warning: true}}
}

// NeverAdded says why there is never a value at a path of what enrichment adds, and what comes of that; "" where there may be one, or
// the path is another.
func (c *Config) NeverAdded(path, so string) string {
	name, column, _ := strings.Cut(path, ".")
	if !slices.Contains(c.Table.Added, name) {
		if !slices.Contains(enrich.OwnNames(), name) {
			return ""
		}
		remedy := "write enrich: {}"
		switch {
		case strings.HasSuffix(name, "_geo"):
			remedy = "name files under enrich: {geoip: [...]}"
		case strings.HasSuffix(name, "_name"):
			remedy = "write enrich: {reverse_dns: {}}"
		}
		return fmt.Sprintf("nothing adds %s, so this %s: %s", name, so, remedy)
	}
	columns := c.Enrich.Columns(name)
	column, _, _ = strings.Cut(column, ".")
	if columns == nil || column == "" || slices.Contains(columns, column) {
		return ""
	}
	advice := "it has " + strings.Join(columns, ", ")
	if near := rules.Nearest(column, columns); near != "" {
		advice = fmt.Sprintf("did you mean %q?", near)
	}
	return fmt.Sprintf("%s has no %q, so this %s: %s", name, column, so, advice)
}

// addedUse is a place that asks for what enrichment adds; Action is the path. Of a template it has no column, but 1.
type addedUse struct {
	templates.Use
	column  int
	setting string // of a setting: whose it is
}

// addedUses are the places in templates, and in settings that are such, that ask for what enrichment adds.
func (c *Config) addedUses() []addedUse {
	var uses []addedUse
	of := func(set *templates.Set, r *Receiver) {
		for _, u := range set.AddedUses() {
			use := addedUse{Use: u, column: 1}
			if r != nil {
				if part, ok := strings.CutPrefix(u.File, r.Channel.Name+"."); ok && r.Config.TemplateSettings()[part] != "" {
					use.setting = fmt.Sprintf("receiver %q: %s: ", r.Name, u.File)
					at := r.at(part)
					use.File, use.Line, use.column = r.File, at.Line, at.Column
				}
			}
			uses = append(uses, use)
		}
	}
	of(c.Templates, nil)
	for _, r := range c.Receivers {
		of(r.Templates, r)
	}
	slices.SortFunc(uses, func(a, b addedUse) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, strings.Compare(a.setting, b.setting), strings.Compare(a.Action, b.Action))
	})
	return slices.Compact(uses)
}
