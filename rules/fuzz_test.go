package rules

import (
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/alert"
)

// FuzzParseMatch: nothing that YAML accepts makes the parser or a matcher panic, every match either parses or is
// told to be wrong, and its reasons agree with its answers.
func FuzzParseMatch(f *testing.F) {
	for _, text := range everyMatcher {
		f.Add(text)
	}
	for _, text := range snippets {
		f.Add("{" + text + "}")
	}
	for _, text := range []string{
		`location: !foo`, "level: >5\n", "log: |\n  x", `&a {not: *a}`, `{<<: [*x], x-y: &x {level: 7}}`, `any: [{}, {level: 9-7}]`, `log: ~(`, `{field. }`, "log: \"\\xff\"",
	} {
		f.Add(text)
	}
	alerts := []*alert.Alert{bruteForce(), hostile(), bare()}
	f.Fuzz(func(t *testing.T, text string) {
		var n yaml.Node
		if yaml.Unmarshal([]byte(text), &n) != nil || n.Kind == 0 {
			return
		}
		m, problems := ParseMatch(&n, alert.DefaultScale)
		mistakes := 0
		for _, p := range problems {
			if p.Message == "" || p.Line < 1 {
				t.Errorf("a problem without message or place: %+v", p)
			}
			if !p.Warning {
				mistakes++
			}
		}
		if (m == nil) != (mistakes > 0) {
			t.Fatalf("got the match %v with %d mistakes", m, mistakes)
		}
		if m == nil {
			return
		}
		for _, a := range alerts {
			held, reason := m.Explain(a)
			if held != m.Matches(a) || reason == "" {
				t.Errorf("Explain answers %v, %q, Matches %v", held, reason, m.Matches(a))
			}
			if inverse := (&Match{[]entry{{matcher: &notMatcher{m}}}}); inverse.Matches(a) == held {
				t.Error("not of the match agrees with it")
			}
		}
		table := Table{Routes: []*Route{{Match: m, To: []string{"a"}}, {Match: m, To: []string{"a"}}}, Default: []string{"a"}}
		table.Check(map[string]bool{"a": true})
		table.CheckShell()
	})
}
