package rules

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// isAdded reports whether a key is a field below one of the names that enrichment adds.
func isAdded(key string, added []string) bool {
	path, ok := strings.CutPrefix(key, fieldPrefix)
	if !ok {
		return false
	}
	name, _, _ := strings.Cut(path, ".")
	return slices.Contains(added, name)
}

// FieldUse is a place at which a config names a field by its path. File is "" for the main file.
type FieldUse struct {
	Path         string
	File         string
	Line, Column int
	patterns     []*pattern // of a matcher: what it compares the field with
}

// Vain are the patterns, as they are shown, that match none of the values that the field can have.
func (u FieldUse) Vain(values []string) (all []string) {
	for _, p := range u.patterns {
		if !slices.ContainsFunc(values, p.matches) {
			all = append(all, p.shown())
		}
	}
	return all
}

// FieldUses are all places in routes and inhibition at which a field is named by its path.
func (t *Table) FieldUses() []FieldUse {
	var uses []FieldUse
	use := func(key, file string, at *yaml.Node, patterns []*pattern) {
		if path, ok := strings.CutPrefix(key, fieldPrefix); ok && at != nil {
			uses = append(uses, FieldUse{path, file, at.Line, at.Column, patterns})
		}
	}
	var match func(m *Match, file string)
	match = func(m *Match, file string) {
		if m == nil {
			return
		}
		for _, e := range m.entries {
			var branches []*Match
			switch sub := e.matcher.(type) {
			case *anyMatcher:
				branches = sub.branches
			case *allMatcher:
				branches = sub.branches
			case *notMatcher:
				branches = []*Match{sub.branch}
			case *textMatcher:
				use(e.key, file, e.node, sub.patterns)
			default:
				use(e.key, file, e.node, nil)
			}
			for _, b := range branches {
				match(b, file)
			}
		}
	}
	for _, in := range t.Inhibit {
		match(in.Source, "")
		match(in.Target, "")
	}
	t.each(func(r *Route, _ []string, file string) {
		match(r.Match, file)
		for _, pair := range r.own.resolve.value {
			match(pair.Opens, file)
			match(pair.Closes, file)
		}
	})
	t.eachField(func(f Field, _, file string) { use(f.Key, file, f.node, nil) })
	return uses
}
