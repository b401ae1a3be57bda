package rules

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/alert"
)

func TestRoutesAreRead(t *testing.T) {
	routes, problems := ParseRoutes(node(t, `
- name: page
  match: {severity: high}
  to: [oncall, soc]
  continue: true
- name: shop floor
  x-owner: {free: for, anything: []}
  match: {location: shop}
  to: soc
  routes:
    - match: {level: 12}
    - name: quiet
      to: []
- to: [siem]
  continue: false
`), alert.DefaultScale, nil)
	if problems != nil {
		t.Fatal(told(problems))
	}
	type shape struct {
		Name                               string
		Matched, Nobody, Inherit, Continue bool
		To                                 []string
		Line                               int
		Routes                             []shape
	}
	var shapes func([]*Route) []shape
	shapes = func(routes []*Route) (all []shape) {
		for _, r := range routes {
			all = append(all, shape{r.Name, r.Match != nil, r.Nobody, r.Inherit, r.Continue, r.To, r.Node.Line, shapes(r.Routes)})
		}
		return all
	}
	want := []shape{
		{Name: "page", Matched: true, To: []string{"oncall", "soc"}, Continue: true, Line: 2},
		{Name: "shop floor", Matched: true, To: []string{"soc"}, Line: 6, Routes: []shape{
			{Matched: true, Inherit: true, Line: 11},
			{Name: "quiet", Nobody: true, Line: 12},
		}},
		{To: []string{"siem"}, Line: 14},
	}
	if diff := cmp.Diff(shapes(routes), want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

func TestNoRoutesAreNone(t *testing.T) {
	for _, text := range []string{"[]", "# nothing\n[]"} {
		if routes, problems := ParseRoutes(node(t, text), alert.DefaultScale, nil); routes != nil || problems != nil {
			t.Errorf("%q: got %v, %v", text, routes, problems)
		}
	}
	if routes, problems := ParseRoutes(nil, alert.DefaultScale, nil); routes != nil || problems != nil {
		t.Errorf("nil: got %v, %v", routes, problems)
	}
}

func TestMistakesInRoutesAreToldWithPlaceAndRemedy(t *testing.T) {
	tests := []struct{ name, routes, want string }{
		{"nothing", `~`, `1:1: routes is empty: write a list of routes, each beginning with -, or leave the key out`},
		{"mapping", `{to: [soc]}`, `1:1: routes is a mapping: write a list of routes, each beginning with -, or leave the key out`},
		{"tag", `!x [{to: [soc]}]`, `1:1: routes begins with the YAML tag !x: remove it, or quote a text that begins with !`},
		{"text for a route", `[soc]`, `1:2: a route is a text: write match: and to: under the -`},
		{"nothing for a route", "- \n- to: [soc]", `1:2: a route is empty: write match: and to: under the -`},
		{"misspelled key", `[{to: [soc], contniue: true}]`, `1:14: "contniue" is no setting of a route: did you mean "continue"?`},
		{"unknown key", `[{to: [soc], colour: red}]`, `1:14: "colour" is no setting of a route: use name, match, to, continue, routes, active, mute, outside, dedup, group_by, group_wait, group_interval, repeat_interval, throttle, digest, escalate, resolve`},
		{"matcher outside match", `[{to: [soc], severity: high}]`, `1:14: "severity" is no setting of a route: it is a matcher, so write it under match`},
		{"key twice", `[{to: [soc], to: [ops]}]`, `1:14: to stands twice in a route, first on line 1: keep one`},
		{"nobody to tell", `[{match: {level: 7}}]`, `1:2: a route needs to: name receivers, or write to: [] for nobody, or escalate; only routes inside another inherit it`},
		{"to nothing", "- to:\n", `1:6: to has no value: write one (in quotes if it begins with #), or leave the key out`},
		{"to a comment", "- to: #soc\n", `1:6: to has no value, because an unquoted # begins a comment: write to: "#soc"`},
		{"to a mapping", `[{to: {soc: x}}]`, `1:7: to is a mapping: write a text, in quotes if it holds a colon or braces`},
		{"to a tag", `[{to: [!soc]}]`, `1:8: an item of to begins with an unquoted !, which makes it a tag in YAML: write "!soc"`},
		{"to nobody with a tag", `[{to: !x []}]`, `1:7: to begins with the YAML tag !x: remove it, or quote a text that begins with !`},
		{"receiver twice", `[{to: [soc, ops, soc]}]`, `1:18: "soc" stands twice in to: keep one`},
		{"continue", `[{to: [soc], continue: yes}]`, `1:24: continue is "yes": write true or false`},
		{"continue as a number", `[{to: [soc], continue: 1}]`, `1:24: continue is "1": write true or false`},
		{"continue as a text", `[{to: [soc], continue: "true"}]`, `1:24: continue is "true": write true or false`},
		{"empty name", `[{to: [soc], name: ""}]`, `1:20: name is empty: write a text, or leave the key out`},
		{"name of a path", `[{to: [soc], name: a/b}]`, `1:20: the name "a/b" holds one of / [ ] or a character that cannot be seen: leave it out`},
		{"name of a number", `[{to: [soc], name: "routes[2]"}]`, `1:20: the name "routes[2]" holds one of / [ ] or a character that cannot be seen: leave it out`},
		{"name of two lines", `[{to: [soc], name: "a\nb"}]`, `1:20: the name "a\nb" holds one of / [ ] or a character that cannot be seen: leave it out`},
		{"name with blanks", `[{to: [soc], name: "a "}]`, `1:20: the name "a " has blanks at its ends: remove them`},
		{"taken name", `[{to: [soc], name: default}]`, `1:20: "default" is taken: it stands for the receivers under default:`},
		{"empty match", "- match:\n  to: [soc]", `1:9: match has no value: write matchers under it, or leave it out`},
		{"match of nothing", `[{match: {}, to: [soc]}]`, `1:10: match is empty: write matchers in it, or leave it out`},
		{"list of matches", `[{match: [{level: 7}], to: [soc]}]`, `1:10: match is a list: write key: value pairs`},
		{"everything at once", "- match: {levle: 7, severity: hgih}\n  to: [soc]\n  routes:\n    - match: {rule: 9-7}\n      nmae: x", "" +
			`1:11: "levle" is no matcher: did you mean "level"?` + "\n" +
			`1:31: "hgih" is no severity: did you mean "high"?` + "\n" +
			`4:21: "9-7" ends before it begins: write "7-9"` + "\n" +
			`5:7: "nmae" is no setting of a route: did you mean "name"?`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, problems := ParseRoutes(node(t, tt.routes), alert.DefaultScale, nil)
			if diff := cmp.Diff(strings.TrimSuffix(told(problems), "\n"), tt.want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
		})
	}
}

func TestReceiversAreANameOrAListOfNames(t *testing.T) {
	for text, want := range map[string][]string{`[siem, soc]`: {"siem", "soc"}, `siem`: {"siem"}, `[]`: nil} {
		got, problems := ParseReceivers(node(t, text), "always")
		if diff := cmp.Diff(got, want); diff != "" || problems != nil {
			t.Errorf("%s (-got +want):\n%s%s", text, diff, told(problems))
		}
	}
	_, problems := ParseReceivers(node(t, "[siem, ~]"), "always")
	if got, want := told(problems), "1:8: an item of always is ~ alone, which is nothing in YAML: write a text behind it, or leave the key out\n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
