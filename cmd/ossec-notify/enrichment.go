package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
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
		l.errorf(yamlnode.At(e.Value, f.Path...), "enrich: %s", f.Message)
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

// enriched are the alerts of an input, with what the config adds to them.
func (e *env) enriched(ctx context.Context, in input, cfg *config) iter.Seq2[*alert.Alert, error] {
	return func(yield func(*alert.Alert, error) bool) {
		for a, err := range e.alerts(ctx, in, cfg.Zone) {
			if !yield(cfg.Enrich.Enrich(a), err) {
				return
			}
		}
	}
}

// noteEnrichment says on stderr what could not be looked up.
func (e *env) noteEnrichment(of *enrich.Enricher) {
	for _, n := range of.Notes() {
		fmt.Fprintf(e.stderr, "note: enrich: %s\n", safe(n.String()))
	}
}

// useEnricher has the enricher of a config share what others have read. A nil store shares with nobody.
func (c *config) useEnricher(store *enrich.Store, log *slog.Logger) {
	if store != nil {
		c.Enrich.Use(store, log)
	}
}

// writeAdded says what enrichment added to an alert; nothing where it added nothing.
func writeAdded(w io.Writer, a *alert.Alert) {
	if a.Added == nil {
		return
	}
	lines := append(addedLines(a.Added), placeless(a.Added)...)
	slices.SortStableFunc(lines, func(a, b addedLine) int { return strings.Compare(a.name, b.name) })
	links := ownLinks(a)
	if len(lines) == 0 {
		fmt.Fprintf(w, "  Added: nothing is known of it beside.\n")
		return
	}
	fmt.Fprintf(w, "  Added:\n")
	width := 0
	for _, l := range lines {
		width = max(width, len(l.name))
	}
	for _, l := range lines {
		fmt.Fprintf(w, "    %-*s  %s\n", width, l.name, l.shown(links))
	}
}

// placeless says why addresses have no place where databases were asked for it.
func placeless(added map[string]any) (out []addedLine) {
	for _, address := range []string{"srcip", "dstip"} {
		geo, asked := added[address+"_geo"]
		classes, _ := added[address+"_class"].([]any)
		switch {
		case !asked || geo != nil || len(classes) == 0:
		case classes[0] == "public":
			out = append(out, addedLine{address + "_geo", "nothing: no database that is read knows the address"})
		default:
			out = append(out, addedLine{address + "_geo", fmt.Sprintf("nothing: addresses of the class %v have no place", classes[0])})
		}
	}
	return out
}

// ownLinks are the links that tables of the operator's and the config's map give an alert. They may be followed, as in its messages.
func ownLinks(a *alert.Alert) map[string]bool {
	links := map[string]bool{}
	for _, s := range a.Shown {
		if s.Link && templates.IsPageAddress(s.Value) {
			links[s.Value] = true
		}
	}
	return links
}

// shown is the value as a terminal shows it.
func (l addedLine) shown(links map[string]bool) string {
	if links[l.value] {
		return l.value
	}
	return display.Quote(l.value).Line().CutEnd(200).String()
}

// addedLine is a field as routes name it, and its value.
type addedLine struct{ name, value string }

// addedLines are all fields that have a value, in order.
func addedLines(added map[string]any) []addedLine {
	var out []addedLine
	var walk func(name string, v any)
	walk = func(name string, v any) {
		switch v := v.(type) {
		case nil:
		case map[string]any:
			for _, k := range slices.Sorted(maps.Keys(v)) {
				walk(name+"."+k, v[k])
			}
		case []any:
			var all []string
			for _, x := range v {
				switch x.(type) {
				case map[string]any, []any:
					walk(name, x)
				case nil:
				default:
					all = append(all, fmt.Sprint(x))
				}
			}
			if len(all) > 0 {
				out = append(out, addedLine{name, strings.Join(all, ", ")})
			}
		default:
			out = append(out, addedLine{name, fmt.Sprint(v)})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(added)) {
		walk(name, added[name])
	}
	return out
}

// checkEnrich opens all sources of enrichment, and warns of those that are no use, and of what is asked for and never added.
func checkEnrich(cfg *config, now time.Time) []finding {
	var found []finding
	warn := func(file string, line, column int, format string, args ...any) {
		p := rules.Problem{File: cmp.Or(file, cfg.Path), Line: line, Column: column, Message: fmt.Sprintf(format, args...), Warning: true}
		found = append(found, finding{Problem: p})
	}
	for _, d := range cfg.Enrich.Check(now) {
		at := yamlnode.At(cfg.enrichNode, d.Path...)
		if d.Item >= 0 && at != nil && at.Kind == yaml.SequenceNode && d.Item < len(at.Content) {
			at = yamlnode.Resolve(at.Content[d.Item])
		}
		line, column := 0, 0
		if at != nil {
			line, column = at.Line, at.Column
		}
		warn("", line, column, "enrich: %s", d.Message)
	}
	for _, use := range cfg.Table.FieldUses() {
		if why := cfg.neverAdded(use.Path, "never holds"); why != "" {
			warn(use.File, use.Line, use.Column, "%s", why)
		}
	}
	for _, u := range cfg.addedUses() {
		if why := cfg.neverAdded(u.Action, "is always empty"); why != "" {
			warn(u.File, u.Line, u.column, "%s%s", u.setting, why)
		}
	}
	return found
}

// neverAdded says why there is never a value at a path of what enrichment adds, and what comes of that; "" where there may be one, or
// the path is another.
func (c *config) neverAdded(path, so string) string {
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
func (c *config) addedUses() []addedUse {
	var uses []addedUse
	of := func(set *templates.Set, r *receiver) {
		for _, u := range set.AddedUses() {
			use := addedUse{Use: u, column: 1}
			if r != nil {
				if part, ok := strings.CutPrefix(u.File, r.Channel.name+"."); ok && templateSettings(r.Config)[part] != "" {
					use.setting = fmt.Sprintf("receiver %q: %s: ", r.Name, u.File)
					at := r.at(part)
					use.File, use.Line, use.column = r.file, at.Line, at.Column
				}
			}
			uses = append(uses, use)
		}
	}
	of(c.templates, nil)
	for _, r := range c.Receivers {
		of(r.templates, r)
	}
	slices.SortFunc(uses, func(a, b addedUse) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, strings.Compare(a.setting, b.setting), strings.Compare(a.Action, b.Action))
	})
	return slices.Compact(uses)
}

// enrich opens the sources of enrichment.
func (x *examination) enrich() {
	if x.cfg == nil || x.cfg.Enrich == nil {
		return
	}
	doubts := x.cfg.Enrich.Check(time.Now())
	for _, d := range doubts {
		x.warning("enrich", cmp.Or(d.Remedy, "put it there, or mend it; alerts go on without it"), "%s", safe(d.Message))
	}
	if len(doubts) == 0 {
		x.ok("enrich", "%s", x.cfg.Enrich)
	}
}
