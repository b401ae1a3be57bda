package rules

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/alert"
)

func TestInhibitionsAreRead(t *testing.T) {
	all, problems := ParseInhibits(node(t, `
- {name: maintenance, source: {rule: 504}, target: {severity: <high}, equal: [agent], for: 15m}
- {source: {group: update}, target: {rule: [550, 554]}, equal: [agent, field.data.srcuser], for: 1h}
- {source: {level: 15}, target: {level: <7}, for: 1m}
`), alert.DefaultScale)
	if problems != nil {
		t.Fatal(told(problems))
	}
	var got []string
	for _, in := range all {
		got = append(got, in.Name+": "+in.String())
	}
	want := []string{
		`maintenance: {rule: 504} holds back {severity: "<high"} for 15 min where they have the same agent`,
		`inhibit[1]: {group: update} holds back {rule: [550, 554]} for 1 h where they have the same agent, field.data.srcuser`,
		`inhibit[2]: {level: 15} holds back {level: "<7"} for 1 min`,
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	if all, problems := ParseInhibits(nil, alert.DefaultScale); all != nil || problems != nil {
		t.Errorf("no node: got %v, %v", all, problems)
	}
}

func TestMistakesInInhibitionsAreToldWithPlaceAndRemedy(t *testing.T) {
	const example = `write {source: {rule: 504}, target: {severity: <high}, equal: [agent], for: 15m}`
	tests := []struct{ name, inhibit, want string }{
		{"empty", `[]`, `1:1: inhibit is an empty list: ` + example + `, or leave the key out`},
		{"nothing", `~`, `1:1: inhibit is ~ alone, which is nothing in YAML: write a text behind it, or leave the key out`},
		{"a text", `[maintenance]`, `1:2: an item of inhibit is a text: ` + example},
		{"all is missing", `[{}]`, `1:2: inhibit lacks source: which alerts hold others back, as in source: {rule: 504}` + "\n" +
			`1:2: inhibit lacks target: which alerts are held back, as in target: {severity: <high}` + "\n" +
			`1:2: inhibit lacks for: for how long after a source alert others are held back, as in for: 15m`},
		{"misspelled", `[{source: {rule: 504}, taget: {level: 3}, for: 15m}]`, `1:24: "taget" is no setting of inhibit: did you mean "target"?`},
		{"source of everything", `[{source: {}, target: {level: 3}, for: 15m}]`, `1:11: source is empty: write matchers in it, or leave it out`},
		{"misspelled matcher", `[{source: {rule: 504}, target: {levl: 3}, for: 15m}]`, `1:33: "levl" is no matcher: did you mean "level"?`},
		{"misspelled field", `[{source: {rule: 504}, target: {level: 3}, equal: [agnet], for: 15m}]`, `1:52: "agnet" is no field to tell alerts apart by: did you mean "agent"?`},
		{"no time", `[{source: {rule: 504}, target: {level: 3}, for: 0s}]`, `1:49: for: "0s" is no time span: it must be longer than nothing`},
		{"a name twice", "- {name: a, source: {rule: 1}, target: {level: 3}, for: 1m}\n- {name: a, source: {rule: 2}, target: {level: 3}, for: 1m}", `2:10: an inhibition before this one is named "a" too, on line 1: rename one`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, problems := ParseInhibits(node(t, tt.inhibit), alert.DefaultScale)
			if diff := cmp.Diff(strings.TrimSuffix(told(problems), "\n"), tt.want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
		})
	}
}

// TestOneInhibitionNeedsNoBrackets as all lists of the config.
func TestOneInhibitionNeedsNoBrackets(t *testing.T) {
	all, problems := ParseInhibits(node(t, `{source: {rule: 504}, target: {level: <7}, for: 15m}`), alert.DefaultScale)
	if len(all) != 1 || problems != nil {
		t.Errorf("got %v, %s", all, told(problems))
	}
}
