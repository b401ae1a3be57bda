package alert

import "strings"

// Lookup is any value of the original by its path of keys ("data.win.system.eventID", "rule.groups"); what is
// not there is looked for below data too, so "win.system.eventID" is the same. A path that leads into an array
// gives the values of all its elements. Numbers and truth values are given as text. Keys may hold dots. Nil
// means that there is no value. What begins with a name of Added is looked for there alone.
func (a *Alert) Lookup(path string) []string {
	if a.Added != nil {
		name, _, _ := strings.Cut(path, ".")
		if _, ok := a.Added[name]; ok {
			return lookup(nil, a.Added, path)
		}
	}
	found := lookup(nil, a.Original, path)
	if found == nil {
		if data, ok := a.Original["data"]; ok {
			found = lookup(nil, data, path)
		}
	}
	return found
}

// lookup appends the values at path below v.
func lookup(found []string, v any, path string) []string {
	if list, ok := v.([]any); ok {
		for _, e := range list {
			found = lookup(found, e, path)
		}
		return found
	}
	m, ok := v.(map[string]any)
	if !ok {
		return found
	}
	if e, ok := m[path]; ok {
		found = values(found, e)
	}
	for i := strings.IndexByte(path, '.'); i >= 0; {
		if e, ok := m[path[:i]]; ok {
			found = lookup(found, e, path[i+1:])
		}
		next := strings.IndexByte(path[i+1:], '.')
		if next < 0 {
			break
		}
		i += 1 + next
	}
	return found
}

// values appends a scalar, or the scalars of an array.
func values(found []string, v any) []string {
	if list, ok := v.([]any); ok {
		for _, e := range list {
			found = values(found, e)
		}
		return found
	}
	if s, ok := scalar(v); ok {
		found = append(found, s)
	}
	return found
}
