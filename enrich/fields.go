package enrich

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Field is a field that was added, as routes name it, and its value. Both may be words of a list that somebody else keeps.
type Field struct{ Name, Value string }

// Fields are all fields of what was added to an alert that have a value, in order.
func Fields(added map[string]any) []Field {
	var out []Field
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
				out = append(out, Field{name, strings.Join(all, ", ")})
			}
		default:
			out = append(out, Field{name, fmt.Sprint(v)})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(added)) {
		walk(name, added[name])
	}
	return out
}
