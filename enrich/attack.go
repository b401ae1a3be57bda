package enrich

import (
	_ "embed"
	"slices"
	"strings"
	"sync"

	"github.com/ossec-notify/ossec-notify/alert"
)

//go:embed attack.tsv
var attackTable string

type attackEntry struct {
	name    string
	tactics []string
}

// attack are the techniques and tactics of ATT&CK by their ids, read when the first is asked for.
var attack = sync.OnceValue(func() map[string]attackEntry {
	m := map[string]attackEntry{}
	for line := range strings.Lines(attackTable) {
		id, rest, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		name, tactics, _ := strings.Cut(rest, "\t")
		e := attackEntry{name: name}
		if tactics != "" {
			e.tactics = strings.Split(tactics, ";")
		}
		m[id] = e
	}
	return m
})

// maxAttack is how many ids of one alert are looked up.
const maxAttack = 20

// attacks remembers the names of ids.
type attacks struct{ memo[string, map[string]any] }

// names are the names of the ids of an alert. They are shared, and not changed.
func (a *attacks) names(m alert.MITRE) map[string]any {
	if len(m.IDs) == 0 || len(m.Techniques)+len(m.Tactics) > 0 {
		return attackNames(m)
	}
	return a.or(strings.Join(m.IDs, "\x00"), func() map[string]any { return attackNames(m) })
}

// attackNames are the names of the ids of an alert: those that it gives itself, else ours. Nil without an id.
func attackNames(m alert.MITRE) map[string]any {
	if len(m.IDs) == 0 {
		return nil
	}
	techniques, tactics := slices.Clone(m.Techniques), slices.Clone(m.Tactics)
	if len(techniques) == 0 || len(tactics) == 0 {
		for _, id := range m.IDs[:min(len(m.IDs), maxAttack)] {
			id = strings.ToUpper(strings.TrimSpace(id))
			e, ok := attack()[id]
			if !ok {
				continue
			}
			of := e.tactics
			if strings.HasPrefix(id, "TA") { // a tactic itself
				of = []string{e.name}
			} else if len(m.Techniques) == 0 && !slices.Contains(techniques, e.name) {
				techniques = append(techniques, e.name)
			}
			if len(m.Tactics) > 0 {
				continue
			}
			for _, t := range of {
				if !slices.Contains(tactics, t) {
					tactics = append(tactics, t)
				}
			}
		}
	}
	names := map[string]any{"id": texts(m.IDs)}
	if len(techniques) > 0 {
		names["technique"] = texts(techniques)
	}
	if len(tactics) > 0 {
		names["tactic"] = texts(tactics)
	}
	return names
}

// texts are those as JSON has them.
func texts(all []string) []any {
	out := make([]any, 0, len(all))
	for _, s := range all {
		out = append(out, s)
	}
	return out
}
