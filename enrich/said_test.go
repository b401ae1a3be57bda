package enrich

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a row leaves empty is absent, in JSON and YAML as in CSV.
func TestEmptyValuesOfATableAreAbsent(t *testing.T) {
	for name, text := range map[string]string{
		"t.json": `{"web-01": {"a": null, "b": " ", "c": [], "d": {"x": null}, "e": ["", "one"], "f": {"x": "y", "z": ""}, "g": 0, "h": false}}`,
		"t.yaml": "web-01: {a: , b: ' ', c: [], d: {x: ~}, e: ['', one], f: {x: y, z: ''}, g: 0, h: false}\n",
	} {
		held, err := parseTable(name, []byte(text), keyOf("agent"))
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]any{"key": "web-01", "e": []any{"one"}, "f": map[string]any{"x": "y"}, "g": int64(0), "h": false}
		if diff := cmp.Diff(want, held.values(held.find("web-01", keyOf("agent")))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if !held.columns["a"] {
			t.Errorf("%s: the column a, which is there for some other row, is gone", name)
		}
	}
}
