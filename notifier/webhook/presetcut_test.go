package webhook

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier/notifiertest"
	"github.com/ossec-notify/ossec-notify/templates"
	"github.com/ossec-notify/ossec-notify/templates/presets"
)

// TestListsSayWhatIsLeftOut keeps the end of each list that is longer than the vendor takes: it has as many elements as the limit, and one of
// them says how many more there are.
func TestListsSayWhatIsLeftOut(t *testing.T) {
	const over = 12
	for _, name := range presets.Names() {
		cfg := presetConfig(presets.Embedded(name))
		set, brute := presetSet(t, cfg), alertOf(t, "wazuh/5712-ssh-brute-force.json")
		var shown strings.Builder
		for _, l := range cfg.LoadedPreset().Limits.Fields {
			if l.Unit != presets.Items {
				continue
			}
			n := presetMessage(t, set, brute, templates.Context{})
			whole := bodyOf(t, sentByPreset(t, cfg, n))
			long, err := json.Marshal(withLists(whole, strings.Split(l.Path, "."), func(list []any) []any {
				for i := 1; len(list) < l.Max+over; i++ {
					list = slices.Insert(list, len(list)-1, numbered(list[0], i))
				}
				return list
			}))
			if err != nil {
				t.Fatal(err)
			}
			n.Parts = map[string]display.Text{"body.json": display.Words(string(long))}
			got := sentByPreset(t, cfg, n)
			checkRequest(t, cfg, got, name)
			for _, v := range valuesAt(bodyOf(t, got), strings.Split(l.Path, ".")) {
				list, isList := v.([]any)
				if !isList {
					continue
				}
				if len(list) != l.Max {
					t.Errorf("%s: %s has %d elements, want %d", name, l.Path, len(list), l.Max)
					continue
				}
				from := l.Max - l.Last - 3
				var last strings.Builder
				for _, item := range list[from:] {
					j, err := json.Marshal(item)
					if err != nil {
						t.Fatal(err)
					}
					fmt.Fprintf(&last, "%s\n", j)
				}
				if word := fmt.Sprintf("and %d more", over+1); !strings.Contains(last.String(), word) {
					t.Errorf("%s: %s does not say %q", name, l.Path, word)
				}
				fmt.Fprintf(&shown, "# %s: %d elements of %d, from the one at %d\n\n%s\n", l.Path, l.Max, l.Max+over, from, last.String())
			}
		}
		if shown.Len() > 0 {
			notifiertest.Golden(t, "presets/cut/"+name+".golden", []byte(shown.String()))
		}
	}
}

// withLists is a value with those lists at a path that change makes of them.
func withLists(v any, path []string, change func([]any) []any) any {
	switch v := v.(type) {
	case []any:
		out := slices.Clone(v)
		if len(path) == 0 {
			return change(out)
		}
		for i := range out {
			if path[0] == "*" || path[0] == fmt.Sprint(i) {
				out[i] = withLists(out[i], path[1:], change)
			}
		}
		return out
	case map[string]any:
		out := maps.Clone(v)
		for k := range out {
			if len(path) > 0 && (path[0] == "*" || path[0] == k) {
				out[k] = withLists(out[k], path[1:], change)
			}
		}
		return out
	}
	return v
}

// numbered is a value whose words are a number: one of many.
func numbered(v any, i int) any {
	switch v := v.(type) {
	case string:
		return fmt.Sprint(i)
	case []any:
		out := make([]any, len(v))
		for k := range v {
			out[k] = numbered(v[k], i)
		}
		return out
	case map[string]any:
		out := maps.Clone(v)
		for k, x := range v {
			if _, isText := x.(string); !isText || k == "text" || k == "title" || k == "description" {
				out[k] = numbered(x, i)
			}
		}
		return out
	}
	return v
}

// TestManyFactsAndLinks: what an operator's templates add is counted, too.
func TestManyFactsAndLinks(t *testing.T) {
	links := map[string]string{}
	for i := range 9 {
		links[fmt.Sprintf("link%d", i)] = fmt.Sprintf("https://wiki.example.com/%d", i)
	}
	for name, want := range map[string][]string{
		"teams": {`"and 32 more"`, `"Next  "`, `"More links  "`, "https://wiki.example.com/8", "Rule 5712"},
		"ntfy":  {"https://wiki.example.com/8"},
	} {
		cfg := presetConfig(presets.Embedded(name))
		set, err := templates.Load(templates.Options{Links: links})
		if err != nil {
			t.Fatal(err)
		}
		if set, err = set.WithText("own.tmpl", "{{define \"facts\"}}{{range until 66}}Fact: {{.}}\n{{end}}{{end}}"); err != nil {
			t.Fatal(err)
		}
		if set, err = set.WithPreset(cfg.LoadedPreset(), nil); err != nil {
			t.Fatal(err)
		}
		got := sentByPreset(t, cfg, presetMessage(t, set, alertOf(t, "wazuh/5712-ssh-brute-force.json"), templates.Context{}))
		checkRequest(t, cfg, got, name)
		for _, w := range want {
			if !strings.Contains(got.body, w) {
				t.Errorf("%s: %s is not said in %s", name, w, got.body)
			}
		}
	}
}
