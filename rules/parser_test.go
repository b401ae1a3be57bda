package rules

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/alert"
)

func TestMistakesInAMatchAreToldWithPlaceAndRemedy(t *testing.T) {
	tests := []struct{ name, match, want string }{
		// What YAML makes of text that nobody quoted.
		{"tag", `location: !foo`, `1:11: location begins with an unquoted !, which makes it a tag in YAML: write location: "!foo"`},
		{"tag and text", `location: !foo bar`, `1:11: location begins with an unquoted !, which makes it a tag in YAML: write location: "!foo bar"`},
		{"bare tag", `location: ! foo`, `1:11: location begins with an unquoted !, which makes it a tag in YAML: write location: "!foo"`},
		{"YAML's own tag", `agent_id: !!str 001`, `1:11: agent_id begins with an unquoted !, which makes it a tag in YAML: write agent_id: "001"`},
		{"tag in a list", `location: [!foo]`, `1:12: an item of location begins with an unquoted !, which makes it a tag in YAML: write not: {location: "foo"} (a list takes no !)`},
		{"tag on a mapping", `not: !x {level: 7}`, `1:6: not begins with the YAML tag !x: remove it, or quote a text that begins with !`},
		{"tag on a list", `any: !x [{level: 7}]`, `1:6: any begins with the YAML tag !x: remove it, or quote a text that begins with !`},
		{"tag on a list of texts", `group: !x [web]`, `1:8: group begins with the YAML tag !x: remove it, or quote a text that begins with !`},
		{"tag on a key", `!x level: 7`, `1:1: a key of match is a YAML tag: write a plain word`},
		{"comment", `log: #foo`, `1:5: log has no value, because an unquoted # begins a comment: write log: "#foo"`},
		{"nothing", `log:`, `1:5: log has no value: write one (in quotes if it begins with #), or leave the key out`},
		{"tilde", `log: ~`, `1:6: log is ~ alone, which is nothing in YAML: write a text behind it, or leave the key out`},
		{"null", `user: null`, `1:7: user is null, which is nothing in YAML: if you mean the word, write user: "null"`},
		{"null in a list", `user: [null, root]`, `1:8: an item of user is null, which is nothing in YAML: if you mean the word, write "null"`},
		{"empty", `log: ""`, `1:6: log is empty: write a text, or leave the key out`},
		{"blank", `log: " "`, `1:6: log is empty: write a text, or leave the key out`},
		{"folded", "level: >5\nlog: x", `1:8: level begins with an unquoted >, which begins a block of text in YAML: put it in quotes, as in level: ">7"`},
		{"literal", "log: |\n  foo\n", `1:6: log begins with an unquoted |, which begins a block of text in YAML: put it in quotes, as in log: "a|b"`},
		{"folded in a list", "level:\n  - >7", `2:5: an item of level begins with an unquoted >, which begins a block of text in YAML: put it in quotes, as in ">7"`},
		{"IPv6 in a list", `srcip: [fe80::]`, `1:9: an item of srcip is a mapping: write a text, in quotes if it holds a colon or braces`},

		// Kinds.
		{"mapping for text", `location: {a: b}`, `1:11: location is a mapping: write a text, in quotes if it holds a colon or braces`},
		{"list in a list", `group: [[web]]`, `1:9: an item of group is a list: write a text`},
		{"empty list", `group: []`, `1:8: group is an empty list: name something in it, or leave the key out`},
		{"text for a match", `not: foo`, `1:6: not is a text: write key: value pairs`},
		{"nothing for a match", `not:`, `1:5: not has no value: write matchers under it, or leave it out`},
		{"empty match", `not: {}`, `1:6: not is empty: write matchers in it, or leave it out`},
		{"list for not", `not: [{level: 7}]`, `1:6: not is a list: write one mapping, or not: {any: [...]} for none of several`},
		{"mapping for any", `any: {level: 7}`, `1:6: any is a mapping: write a list of matches, as in any: [{level: 10}, {group: web}]`},
		{"empty any", `any: []`, `1:6: any is an empty list: write matches in it, or leave it out`},
		{"empty branch", `all: [{level: 7}, {}]`, `1:19: an item of all is empty: write matchers in it, or leave it out`},
		{"text for a branch", `any: [level]`, `1:7: an item of any is a text: write key: value pairs`},
		{"list for a key", "? [a]\n: b", `1:3: a key of match is a list: write a plain word`},
		{"text to merge", `{<<: foo, level: 7}`, `1:6: << is a text: write key: value pairs`},

		// Keys.
		{"misspelled key", `serverity: high`, `1:1: "serverity" is no matcher: did you mean "severity"?`},
		{"unknown key", `colour: red`, `1:1: "colour" is no matcher: use level, severity, rule, group, mitre, srcip, dstip, agent_ip, agent_id, location, agent, host, program, decoder, user, log, manager, any, all, not or field.<path>`},
		{"key of a route", `to: [soc]`, `1:1: "to" is no matcher: it belongs to the route, beside match`},
		{"path without field", `data.srcuser: root`, `1:1: "data.srcuser" is no matcher: did you mean "field.data.srcuser"?`},
		{"no path", `field.: root`, `1:1: "field." is no matcher: write a path behind field, such as field.data.srcuser`},
		{"gap in a path", `field.a..b: root`, `1:1: "field.a..b" is no matcher: write a path behind field, such as field.data.srcuser`},
		{"key twice", "level: 7\nlevel: 8", `2:1: level stands twice in match, first on line 1: keep one`},

		// Levels and severities.
		{"word for a level", `level: ten`, `1:8: "ten" is no level: use a whole number from 0 to 16`},
		{"fraction", `level: 7.5`, `1:8: "7.5" is no level: use a whole number from 0 to 16`},
		{"severity for a level", `level: high`, `1:8: "high" is no level but a severity: write severity: high`},
		{"level too high", `level: 17`, `1:8: level 17 is above 16, the highest of OSSEC`},
		{"level too low", `level: -1`, `1:8: level -1 is below 0, the lowest of OSSEC`},
		{"range backwards", `level: 9-7`, `1:8: "9-7" ends before it begins: write "7-9"`},
		{"range too high", `level: 7-17`, `1:8: in "7-17": level 17 is above 16, the highest of OSSEC`},
		{"range without end", `level: 7-`, `1:8: "7-" lacks its end: write ">=7" for at least 7`},
		{"comparison of nothing", `level: ">="`, `1:8: ">=" lacks a value, as in ">=7"`},
		{"comparison of a range", `level: =7-9`, `1:8: "7-9" is no level: use a whole number from 0 to 16`},
		{"negated level", `level: "!7"`, `1:8: "!7" is no comparison: use =, >=, >, <= or < (for the opposite, put the matcher under not)`},
		{"comparison of another language", `level: "=>7"`, `1:8: "=>7" is no comparison: use =, >=, >, <= or < (for the opposite, put the matcher under not)`},
		{"nothing is above", `level: ">16"`, `1:8: ">16" matches nothing: there is nothing above 16`},
		{"nothing is below", `level: <0`, `1:8: "<0" matches nothing: there is nothing below 0`},
		{"misspelled severity", `severity: hgih`, `1:11: "hgih" is no severity: did you mean "high"?`},
		{"unknown severity", `severity: purple`, `1:11: "purple" is no severity: use info, low, medium, high or critical`},
		{"unknown cannot be asked for", `severity: unknown`, `1:11: "unknown" is no severity: use info, low, medium, high or critical`},
		{"level for a severity", `severity: 12`, `1:11: "12" is no severity but a level: write level: 12`},
		{"severities backwards", `severity: high-low`, `1:11: "high-low" ends before it begins: write "low-high"`},
		{"nothing is above critical", `severity: ">critical"`, `1:11: ">critical" matches nothing: there is nothing above critical`},
		{"several at once", "level: [x, 17]\nseverity: hihg", "" +
			`1:9: "x" is no level: use a whole number from 0 to 16` + "\n" +
			`1:12: level 17 is above 16, the highest of OSSEC` + "\n" +
			`2:11: "hihg" is no severity: did you mean "high"?`},
		{"traps and mistakes at once", "level: [!x, 17]", "" +
			`1:9: an item of level begins with an unquoted !, which makes it a tag in YAML: write not: {level: "x"} (a list takes no !)` + "\n" +
			`1:13: level 17 is above 16, the highest of OSSEC`},

		// Rules.
		{"rules backwards", `rule: 5799-5700`, `1:7: "5799-5700" ends before it begins: write "5700-5799"`},
		{"half a range", `rule: 5700-57x9`, `1:7: "5700-57x9" is no range: write two ids such as 5700-5799`},
		{"range without begin", `rule: "-5799"`, `1:7: "-5799" is no range: write two ids such as 5700-5799`},
		{"list in a text", `rule: 5710, 5712`, `1:7: "5710, 5712" is no rule id: write several as a list, [5710, 5712]`},
		{"pattern of rules", "rule: [57.*, ~57]", `1:8: "57.*" is no rule id: write an id, or a range such as 5700-5799` + "\n" +
			`1:14: "~57" is no rule id: write an id, or a range such as 5700-5799`},
		{"comparison of a rule", `rule: ">=5700"`, `1:7: ">=5700" is no rule id: write an id, or a range such as 5700-5799`},
		{"negated rule", `rule: "!5712"`, `1:7: rule takes no !: write not: {rule: 5712}`},

		// Words.
		{"negated group", `group: "!sshd"`, `1:8: group takes no !: write not: {group: sshd}`},
		{"groups in a text", `group: web, sshd|pam`, `1:8: "web, sshd|pam" is no group: write several as a list, [web, sshd, pam]`},
		{"groups in a pattern", `group: ^(sshd|pam)$`, `1:8: "^(sshd|pam)$" is no group: write several as a list, [sshd, pam]`},
		{"blanks", `mitre: " T1110"`, `1:8: " T1110" has blanks at its ends, and mitre is compared exactly: remove them`},

		// Addresses.
		{"name", `srcip: web-01`, `1:8: "web-01" is no address: write one such as 192.0.2.7, or a network such as 192.0.2.0/24`},
		{"part of an address", `srcip: 10.0.`, `1:8: "10.0." is no address: write one such as 192.0.2.7, or a network such as 192.0.2.0/24`},
		{"netmask", `dstip: 10.0.0.0/255.0.0.0`, `1:8: "10.0.0.0/255.0.0.0" is no network: write it as address/bits, such as 192.0.2.0/24 or 2001:db8::/32`},
		{"too many bits", `agent_ip: 10.0.0.0/33`, `1:11: "10.0.0.0/33" is no network: write it as address/bits, such as 192.0.2.0/24 or 2001:db8::/32`},
		{"negated address", `srcip: "!10.0.0.0/8"`, `1:8: srcip takes no !: write not: {srcip: 10.0.0.0/8}`},

		// Texts.
		{"negation in a list", `location: ["!foo", bar]`, `1:12: "!foo": a list takes no !, because any of its items is enough: write not: {location: "foo"}`},
		{"negation in a list of one", `location: ["!foo"]`, `1:12: "!foo": a list takes no !, because any of its items is enough: write not: {location: "foo"}`},
		{"negated regular expression", `location: "!~foo"`, `1:11: "!~foo": ! does not go with a regular expression: write not: {location: "~foo"}`},
		{"negation of nothing", `location: "!"`, `1:11: "!" lacks the text that it negates`},
		{"bad regular expression", `log: ~(foo`, "1:6: \"(foo\" is no Go regular expression: missing closing ): `(foo`"},
		{"no regular expression", `log: "~"`, `1:6: ~ lacks its regular expression`},
		{"or nothing", `log: foo|`, `1:6: "foo|" matches every text or none: remove the | that has nothing beside it`},
		{"anchor of nothing", `log: foo|^`, `1:6: "foo|^" matches every text or none: write text beside the ^`},
		{"anchors of nothing", `log: ^$`, `1:6: "^$" matches every text or none: write text beside the ^$`},

		// Doubtful.
		{"level in a list", `level: [7, 12]`, `1:12: warning: "12" adds nothing beside "7", which means at least 7; for 7 alone write "=7"`},
		{"severity in a list", `severity: [high, low]`, `1:12: warning: "high" adds nothing beside "low", which means at least low; for low alone write "=low"`},
		{"range in a list", `level: [7-9, =8]`, `1:14: warning: "=8" adds nothing beside "7-9", which means in 7-9`},
		{"level twice", `level: [=7, =7]`, `1:13: warning: "=7" adds nothing beside "=7", which means 7`},
		{"bits behind the network part", `srcip: 10.1.2.3/8`, `1:8: warning: 10.1.2.3/8 has bits behind its network part: it means 10.0.0.0/8`},
		{"short agent id", `agent_id: 1`, `1:11: warning: agent ids have three digits or more: did you mean "001"?`},
		{"wildcard", `log: failed.*root`, `1:6: warning: "failed.*root" looks like a regular expression, and is taken letter by letter: write "~failed.*root"`},
		{"shell pattern", `agent: "web-*"`, `1:8: warning: "web-*" holds a *, which is taken letter by letter: leave it out, for a part of the name is enough`},
		{"regular expression for an agent", `agent: "web-.*"`, `1:8: warning: "web-.*" looks like a regular expression, and is taken letter by letter: write "~web-.*"`},
		{"group of alternatives", `field.data.country: [ES, "^(DE|AT)$"]`, `1:26: warning: "^(DE|AT)$" looks like a regular expression, and is taken letter by letter: write "~^(DE|AT)$"`},
		{"negated regular expression without ~", `user: "!^(root|admin)$"`, `1:7: warning: "!^(root|admin)$" looks like a regular expression, and is taken letter by letter: write not: {user: "~^(root|admin)$"}`},
		{"regular expression for words", `group: ~sshd`, `1:8: warning: "~sshd" looks like a regular expression, and group is compared exactly: write whole words, each by itself`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, problems := parseMatch(node(t, tt.match), alert.DefaultScale)
			if diff := cmp.Diff(strings.TrimSuffix(told(problems), "\n"), tt.want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
			if onlyWarnings := strings.Contains(tt.want, "warning: "); onlyWarnings != (m != nil) {
				t.Errorf("got the match %v", m)
			}
		})
	}
}

func TestAScaleWithoutLevelsForASeverityIsTold(t *testing.T) {
	_, problems := parseMatch(node(t, `{severity: =low}`), alert.Scale{Low: 7, Medium: 7, High: 12, Critical: 15})
	want := "1:12: \"=low\" matches no level of the scale under severity\n"
	if diff := cmp.Diff(told(problems), want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

func TestAliasesAndMergeKeysAreFollowed(t *testing.T) {
	whole := node(t, `
x-office: &office {srcip: 10.0.0.0/8, level: 3}
x-shop: &shop {location: shop, level: 12}
x-word: &word auth
match:
  <<: [*office, *shop]
  location: *word
  x-note: {free: [for, anything]}
  not: {any: [*shop, {<<: *office, srcip: 10.9.9.9}]}
`)
	m, problems := parseMatch(whole.Content[0].Content[7], alert.DefaultScale)
	if problems != nil {
		t.Fatal(told(problems))
	}
	a := bare()
	a.Rule.Level, a.Location, a.Source.IP = 3, "/var/log/auth.log", "10.1.1.1"
	if held, reason := m.Explain(a); !held {
		t.Errorf("got no: %s", reason)
	}
	a.Source.IP = "10.9.9.9"
	if held, reason := m.Explain(a); held {
		t.Errorf("got yes: %s", reason)
	}
}

func TestAProblemBehindAnAliasIsToldWhereItsTextStands(t *testing.T) {
	whole := node(t, "x: &x ten\nmatch: {level: *x}\n")
	_, problems := parseMatch(whole.Content[0].Content[3], alert.DefaultScale)
	want := "1:4: \"ten\" is no level: use a whole number from 0 to 16\n"
	if diff := cmp.Diff(told(problems), want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

func TestAnAliasThatHoldsItselfIsRefused(t *testing.T) {
	for _, text := range []string{
		"&a {not: *a}",
		"&a {any: [*a, *a, *a]}",
		"&a {<<: *a, level: 7}",
		"&a {<<: [*a, *a], level: 7}",
	} {
		_, problems := parseMatch(node(t, text), alert.DefaultScale)
		if got := told(problems); strings.Count(got, "an alias may hold itself") != 1 {
			t.Errorf("%s: got\n%s", text, got)
		}
	}
	_, problems := ParseRoutes(node(t, "&a [{to: [soc], routes: *a}]"), alert.DefaultScale, nil)
	if got := told(problems); strings.Count(got, "an alias may hold itself") != 1 {
		t.Errorf("routes: got\n%s", got)
	}
}

func TestAFewAliasesThatStandForMillionsOfMatchesAreRefused(t *testing.T) {
	var b strings.Builder
	b.WriteString("x0: &x0 {level: 7}\n")
	for i := range 30 {
		n, m := string(rune('a'+i%26))+string(rune('a'+i/26)), "x0"
		if i > 0 {
			m = string(rune('a'+(i-1)%26)) + string(rune('a'+(i-1)/26))
		}
		b.WriteString(n + ": &" + n + " {any: [*" + m + ", *" + m + "]}\n")
	}
	whole := node(t, b.String()).Content[0]
	_, problems := parseMatch(whole.Content[len(whole.Content)-1], alert.DefaultScale)
	if len(problems) != 1 {
		t.Errorf("got %d problems, want one:\n%s", len(problems), told(problems))
	}
}

func TestNodesMadeByHandDoNotPanic(t *testing.T) {
	for _, n := range []*yaml.Node{
		{},
		{Kind: yaml.AliasNode},
		{Kind: yaml.DocumentNode},
		{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: "level"}}},
		{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: "level"}, {Kind: yaml.AliasNode}}},
		{Kind: yaml.SequenceNode, Content: []*yaml.Node{{Kind: yaml.AliasNode}}},
	} {
		parseMatch(n, alert.DefaultScale)
		ParseRoutes(n, alert.DefaultScale, nil)
		ParseReceivers(n, "default")
	}
}

func TestNewMatchReadsMatchersFromText(t *testing.T) {
	tests := []struct {
		key    string
		values []string
		want   bool
	}{
		{"level", []string{"7"}, true},
		{"severity", []string{"=medium"}, true},
		{"severity", []string{"=low", "=high"}, false},
		{"rule", []string{"100", "5700-5799"}, true},
		{"location", []string{"!auth"}, false},
		{"location", []string{"secure", "auth"}, true},
		{"field.data.srcport", []string{"40022"}, true},
	}
	for _, tt := range tests {
		m, err := NewMatch(tt.key, tt.values, alert.DefaultScale)
		if err != nil {
			t.Errorf("%s %q: %v", tt.key, tt.values, err)
			continue
		}
		if got := m.Matches(bruteForce()); got != tt.want {
			t.Errorf("%s %q: got %v, want %v", tt.key, tt.values, got, tt.want)
		}
	}
}

func TestNewMatchRefusesMistakes(t *testing.T) {
	tests := []struct {
		key    string
		values []string
		want   string
	}{
		{"level", nil, "level has no value"},
		{"level", []string{""}, "level is empty"},
		{"level", []string{"x", "17"}, "\"x\" is no level: use a whole number from 0 to 16\nlevel 17 is above 16, the highest of OSSEC"},
		{"levle", []string{"7"}, `"levle" is no matcher: did you mean "level"?`},
		{"any", []string{"7"}, "any combines other matchers and takes no text"},
		{"log", []string{"a", "!b"}, `"!b": a list takes no !, because any of its items is enough: write not: {log: "b"}`},
	}
	for _, tt := range tests {
		m, err := NewMatch(tt.key, tt.values, alert.DefaultScale)
		if err == nil || err.Error() != tt.want || m != nil {
			t.Errorf("%s %q: got %v, %v, want %s", tt.key, tt.values, m, err, tt.want)
		}
	}
}
