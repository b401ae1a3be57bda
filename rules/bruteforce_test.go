package rules

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ossec-notify/ossec-notify/alert"
)

// A smallWorld is a few matchers of one field, and values of it of which each combination of theirs that any alert can make is made
// by one.
type smallWorld struct {
	matchers []string
	values   int
	set      func(a *alert.Alert, value int)
}

// exactly are the fields of which the prover knows everything.
var exactly = map[string]smallWorld{
	"level": {
		[]string{"level: 3", "level: 7", "level: <7", "level: =7", "level: 3-9", "level: [=3, 12]", "severity: high", "severity: =medium", "severity: <medium", "level: 0"},
		19, func(a *alert.Alert, n int) { a.Rule.Level = n - 1 },
	},
	"rule": {
		[]string{"rule: 1", "rule: 2", "rule: 1-3", "rule: 3-4", "rule: [1, 4]", "rule: [0-1, 3-18446744073709551615]", "rule: x", "rule: [x, 2]"},
		8, func(a *alert.Alert, n int) { a.Rule.ID = []string{"", "0", "1", "2", "03", "4", "x", "y"}[n] },
	},
	"agent_id": {
		[]string{"agent_id: 001", "agent_id: 002", "agent_id: [001, 002]", "agent_id: [002, 003]"},
		5, func(a *alert.Alert, n int) { a.Agent.ID = []string{"", "001", "002", "003", "004"}[n] },
	},
	"group": {
		[]string{"group: g", "group: h", "group: [g, h]", "group: [h, i]"},
		8, func(a *alert.Alert, n int) {
			for i, g := range []string{"g", "h", "i"} {
				if n>>i&1 == 1 {
					a.Rule.Groups = append(a.Rule.Groups, g)
				}
			}
		},
	},
	"srcip": {
		[]string{
			"srcip: 0.0.0.0/0", "srcip: 10.0.0.0/8", "srcip: 10.0.0.0/9", "srcip: 10.128.0.0/9", "srcip: [0.0.0.0/1, 128.0.0.0/1]", "srcip: 10.0.0.1",
			`srcip: "::/0"`, `srcip: ["::/1", "8000::/1"]`, `srcip: "fe80::/64"`, `srcip: "fe80::1"`, `srcip: "fe80::1%eth0"`, `srcip: "::ffff:10.0.0.0/104"`,
		},
		12, func(a *alert.Alert, n int) {
			a.Source.Text = []string{"", "no address", "10.0.0.1", "10.0.0.2", "10.128.0.1", "192.0.2.1", "1.2.3.4", "::1", "9000::", "fe80::1", "fe80::1%eth0", "fe80::2%eth0"}[n]
		},
	},
}

// roughly are fields of which it knows something: what it says must be true, and it need not say all.
var roughly = map[string]smallWorld{
	"location": {
		[]string{"location: a", "location: b", "location: ^a", "location: ^b", "location: a$", "location: ^a$", "location: ^ab$", "location: a|b", `location: "!a"`, `location: "!a|b"`, "location: ~a", "location: [^a, b$]", `location: "~[ab]"`},
		9, func(a *alert.Alert, n int) {
			a.Location = []string{"", "a", "b", "ab", "BA", "c", "xay", "bb", "ac"}[n]
		},
	},
	"field": {
		[]string{"field.data.x: a", `field.data.x: "!a"`, "field.data.x: ^a$", "field.data.x: a|b", `field.data.x: "!b$|a"`, "field.data.x: b"},
		9, func(a *alert.Alert, n int) {
			a.Original = map[string]any{"data": map[string]any{"x": [][]any{nil, {""}, {"a"}, {"b"}, {"a", "b"}, {"ab"}, {"c", ""}, {"c", "A"}, {"b", "c"}}[n]}}
		},
	},
}

// randomTest writes a match of one to three of the matchers, combined at random.
func randomTest(random *rand.Rand, matchers []string, depth int) string {
	var keys, parts []string
	for range 1 + random.IntN(3)*random.IntN(2) {
		part := matchers[random.IntN(len(matchers))]
		if depth > 0 {
			switch random.IntN(7) {
			case 0, 1:
				part = "not: " + randomTest(random, matchers, depth-1)
			case 2:
				part = "any: [" + randomTest(random, matchers, depth-1) + ", " + randomTest(random, matchers, depth-1) + "]"
			case 3:
				part = "all: [" + randomTest(random, matchers, depth-1) + ", " + randomTest(random, matchers, depth-1) + "]"
			}
		}
		if key, _, _ := strings.Cut(part, ":"); !slices.Contains(keys, key) {
			keys, parts = append(keys, key), append(parts, part)
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// randomSmallRoutes writes routes of such tests.
func randomSmallRoutes(random *rand.Rand, matchers []string, depth int, names *int) string {
	var routes []string
	for range 1 + random.IntN(4) {
		*names++
		text := fmt.Sprintf("{name: r%d, to: [a], match: %s", *names, randomTest(random, matchers, 2))
		if random.IntN(5) == 0 {
			text += ", continue: true"
		}
		if depth > 0 && random.IntN(4) == 0 {
			text += ", routes: " + randomSmallRoutes(random, matchers, depth-1, names)
		}
		routes = append(routes, text+"}")
	}
	return "[" + strings.Join(routes, ", ") + "]"
}

// alertsOf are all that can be made of the values of some fields.
func alertsOf(worlds []smallWorld) []*alert.Alert {
	all := []func(*alert.Alert){func(*alert.Alert) {}}
	for _, w := range worlds {
		var more []func(*alert.Alert)
		for _, make := range all {
			for n := range w.values {
				more = append(more, func(a *alert.Alert) { make(a); w.set(a, n) })
			}
		}
		all = more
	}
	var alerts []*alert.Alert
	for _, make := range all {
		a := bare()
		make(a)
		alerts = append(alerts, a)
	}
	return alerts
}

// TestUnreachableRoutesAreThoseThatNoAlertReaches compares what Check says of small random configs with what all alerts do there.
// Of the fields that the prover knows exactly it must find each route that none reaches, of the others none that one does.
func TestUnreachableRoutesAreThoseThatNoAlertReaches(t *testing.T) {
	random := rand.New(rand.NewPCG(21, 22))
	found, missed, defaults := 0, 0, 0
	for i := range 1500 {
		complete := i%3 > 0
		pool := []smallWorld{exactly["level"], exactly["rule"], exactly["agent_id"], exactly["group"], exactly["srcip"]}
		random.Shuffle(len(pool), func(i, j int) { pool[i], pool[j] = pool[j], pool[i] })
		worlds := pool[:1+random.IntN(2)]
		if !complete {
			worlds = []smallWorld{pool[0], roughly["location"], roughly["field"]}[:2+random.IntN(2)]
		}
		var matchers []string
		for _, w := range worlds {
			matchers = append(matchers, w.matchers...)
		}
		names := 0
		text := "{default: [a], routes: " + randomSmallRoutes(random, matchers, 1, &names) + "}"
		x := table(t, text)
		reached := map[string]bool{}
		for _, a := range alertsOf(worlds) {
			d := x.Decide(a)
			reached[Default] = reached[Default] || d.Defaulted
			for _, v := range d.Verdicts {
				reached[v.Route] = reached[v.Route] || v.Matched
			}
		}
		said := map[string]bool{}
		for _, u := range x.Unreachable() {
			said[u.Route] = true
		}
		for _, p := range x.Check(map[string]bool{"a": true}) {
			said[Default] = said[Default] || strings.HasPrefix(p.Message, "no alert comes to default")
		}
		check := func(path string) {
			switch {
			case said[path] && reached[path]:
				t.Fatalf("%s\nan alert reaches %s, and check says that none does", text, path)
			case said[path]:
				found++
			case !reached[path] && complete:
				t.Fatalf("%s\nno alert reaches %s, and check does not say so", text, path)
			case !reached[path]:
				missed++
			}
		}
		check(Default)
		if said[Default] {
			defaults++
		}
		var walk func(routes []*Route, around string)
		walk = func(routes []*Route, around string) {
			for _, r := range routes {
				check(around + r.Name)
				if !said[around+r.Name] { // Check says nothing of those inside
					walk(r.Routes, around+r.Name+"/")
				}
			}
		}
		walk(x.Routes, "")
	}
	t.Logf("%d routes were told, %d of texts were not, %d defaults", found, missed, defaults)
	if found < 500 || defaults < 20 {
		t.Errorf("only %d routes and %d defaults were told: the test shows little", found, defaults)
	}
}

func TestRoutesThatOthersTakeTogetherAreTold(t *testing.T) {
	for _, tt := range []struct {
		name        string
		before      []string
		match, want string
	}{
		{"ranges of rules", []string{`{rule: 5700-5715}`, `{rule: 5716-5800}`}, "rule: 5710-5719", "r0 (on line 2) and r1 (on line 3) together take them all"},
		{"ranges with a gap", []string{`{rule: 5700-5714}`, `{rule: 5716-5800}`}, "rule: 5710-5719", ""},
		{"networks", []string{`{srcip: 10.0.0.0/9}`, `{srcip: 10.128.0.0/9}`}, "srcip: 10.0.0.0/8", "r0 (on line 2) and r1 (on line 3) together take them all"},
		{"a gap between networks", []string{`{srcip: 10.0.0.0/9}`, `{srcip: 10.128.0.0/10}`}, "srcip: 10.0.0.0/8", ""},
		{"groups", []string{`{group: web}`, `{group: sshd}`}, "group: [web, sshd]", "r0 (on line 2) and r1 (on line 3) together take them all"},
		{"a group and its opposite", []string{`{group: web}`, `{not: {group: web}}`}, "rule: 1", "r0 (on line 2) and r1 (on line 3) together take them all"},
		{"words and levels", []string{`{agent_id: 001, level: 7}`, `{level: <7}`}, "agent_id: 001, level: 3-9", "r0 (on line 2) and r1 (on line 3) together take them all"},
		{"the ones that do", []string{`{rule: 1-2}`, `{user: x}`, `{rule: 3-4}`}, "rule: 1-4", "r0 (on line 2) and r2 (on line 4) together take them all"},
		{"a text or none", []string{`{user: a}`, `{user: "!a"}`, `{not: {any: [{user: a}, {user: "!a"}]}}`}, "rule: 1", "r0 (on line 2), r1 (on line 3) and r2 (on line 4) together take them all"},
		{"a rule and its range", []string{`{rule: 1}`}, "rule: 5710, not: {rule: 5700-5800}", "its matchers not, rule, with those of the routes around it, exclude each other"},
		{"two words", []string{`{rule: 1}`}, "all: [{agent_id: 001}, {agent_id: 002}]", "its matchers of agent_id, with those of the routes around it, exclude each other"},
		{"two groups", []string{`{rule: 1}`}, "all: [{group: web}, {group: sshd}]", ""},
		{"two addresses", []string{`{rule: 1}`}, "all: [{srcip: 10.0.0.1}, {srcip: 192.0.2.0/24}]", "its matchers of srcip, with those of the routes around it, exclude each other"},
		{"two beginnings", []string{`{rule: 1}`}, "all: [{location: ^/var}, {location: ^/etc}]", "its matchers of location, with those of the routes around it, exclude each other"},
		{"two beginnings that agree", []string{`{rule: 1}`}, "all: [{location: ^/var}, {location: ^/VAR/log}]", ""},
		{"two beginnings of several texts", []string{`{rule: 1}`}, "all: [{field.x: ^a}, {field.x: ^b}]", ""},
		{"two endings", []string{`{rule: 1}`}, "all: [{location: log$}, {location: ^access.txt$}]", "its matchers of location, with those of the routes around it, exclude each other"},
		{"a text that is not there", []string{`{rule: 1}`}, `user: "!root", not: {any: [{user: "!root"}, {user: root}]}`, "its matchers not, user, with those of the routes around it, exclude each other"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := "routes:\n"
			for i, m := range tt.before {
				text += fmt.Sprintf("  - {name: r%d, to: [a], match: %s}\n", i, m)
			}
			x := table(t, text+"  - {name: last, to: [a], match: {"+tt.match+"}}\n")
			var got string
			for _, u := range x.Unreachable() {
				got, _, _ = strings.Cut(u.Reason, ": put this")
				got = u.Route + ": " + got
			}
			if tt.want != "" {
				tt.want = "last: " + tt.want
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// BenchmarkCheckOfManyRoutes is what check takes for a config of 300 routes that differ in several things.
func BenchmarkCheckOfManyRoutes(b *testing.B) {
	var text strings.Builder
	text.WriteString("routes:\n")
	for i := range 300 {
		fmt.Fprintf(&text, "  - {to: [a], match: {level: %d, rule: %d-%d, location: host%d, not: {srcip: 10.%d.0.0/16}}}\n", 3+i%9, 5000+i, 5020+i, i%40, i%200)
	}
	x := table(b, text.String())
	for b.Loop() {
		x.Unreachable()
	}
}
