package rules

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/testdata/injection"
)

// FuzzParseMatch: nothing that YAML accepts makes the parser or a matcher panic, every match either parses or is
// told to be wrong, and its reasons agree with its answers. What parses is written by YAML as a match that decides the same.
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
	for _, text := range injection.Seeds() {
		f.Add(text)
		for _, key := range []string{"log", "rule", "location", "field.data.x"} {
			b, err := yaml.Marshal(map[string]string{key: text})
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(b))
		}
	}
	alerts := []*alert.Alert{bruteForce(), hostile(), bare()}
	f.Fuzz(func(t *testing.T, text string) {
		var n yaml.Node
		if yaml.Unmarshal([]byte(text), &n) != nil || n.Kind == 0 {
			return
		}
		m, problems := parseMatch(&n, alert.DefaultScale)
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
		yamls, ours := reparsed(t, &n), again(t, m, text)
		for _, a := range alerts {
			if yamls != nil && yamls.Matches(a) != m.Matches(a) {
				t.Errorf("written and read again, it decides otherwise: %q", text)
			}
			if ours.Matches(a) != m.Matches(a) {
				t.Errorf("as %s it decides otherwise: %q", m, text)
			}
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

// quoteLines puts texts of several lines in quotes: YAML writes them as blocks, which the parser refuses because an
// unquoted | or > begins them.
func quoteLines(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.Style == 0 && strings.Contains(n.Value, "\n") {
		n.Style = yaml.DoubleQuotedStyle
	}
	for _, c := range n.Content {
		quoteLines(c)
	}
}

// reparsed is a match written by YAML and read again; nil where YAML does not read what it wrote, which is not ours to
// mend.
func reparsed(t *testing.T, n *yaml.Node) *Match {
	t.Helper()
	quoteLines(n)
	b, err := yaml.Marshal(n)
	if err != nil {
		return nil
	}
	var again yaml.Node
	if yaml.Unmarshal(b, &again) != nil || again.Kind == 0 {
		return nil
	}
	m, problems := parseMatch(&again, alert.DefaultScale)
	if m == nil {
		t.Errorf("written again as\n%s\nit is wrong: %v", b, problems)
	}
	return m
}
