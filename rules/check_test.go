package rules

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/alert"
)

func TestProblemsOfTheWholeTable(t *testing.T) {
	tests := []checked{
		{"nothing wrong", `{always: [siem], routes: [{name: a, match: {level: 12}, to: [soc]}, {match: {level: 7}, to: [soc, ops]}], default: [mail]}`, ``},

		// Receivers.
		{"misspelled receiver", `routes: [{match: {level: 7}, to: [soc, isem]}]`, `1:40: "isem" is no receiver: did you mean "siem"?`},
		{"unknown receiver", `routes: [{match: {level: 7}, to: teletype}]`, `1:34: "teletype" is no receiver: add it under receivers:`},
		{"nested", `routes: [{match: {level: 7}, to: [soc], routes: [{match: {level: 9}, to: [sco]}]}]`, `1:75: "sco" is no receiver: did you mean "soc"?`},
		{"always and default", "always: [a1]\ndefault: b1", `1:10: "a1" is no receiver: add it under receivers:` + "\n" + `2:10: "b1" is no receiver: add it under receivers:`},

		// Names.
		{"name twice", "routes:\n  - {name: a, match: {level: 9}, to: [soc]}\n  - {name: a, match: {level: 7}, to: [soc]}", `3:12: a route beside this one is named "a" too, on line 2: rename one`},
		{"name twice, not side by side", `routes: [{name: a, match: {level: 9}, to: [soc], routes: [{name: a, match: {level: 10}}]}]`, ``},

		// Routes that are not reached.
		{"behind a route without match", "routes:\n  - {name: a, to: [soc]}\n  - {name: b, match: {level: 7}, to: [soc]}",
			`3:5: warning: no alert reaches the route b: a, on line 2, takes them all: put this one before it, or write continue: true there`},
		{"behind one that continues", `routes: [{name: a, to: [soc], continue: true}, {name: b, to: [soc]}]`, ``},
		{"behind the same match", "routes:\n  - {match: {location: auth}, to: [soc]}\n  - {match: {location: Auth}, to: [soc]}",
			`3:5: warning: no alert reaches the route routes[1]: routes[0], on line 2, takes them all: put this one before it, or write continue: true there`},
		{"behind a wider level", `routes: [{name: a, match: {level: 7}, to: [soc]}, {name: b, match: {severity: high, location: auth}, to: [soc]}]`,
			`1:51: warning: no alert reaches the route b: a, on line 1, takes them all: put this one before it, or write continue: true there`},
		{"behind a narrower level", `routes: [{name: a, match: {level: 12}, to: [soc]}, {name: b, match: {level: 7}, to: [soc]}]`, ``},
		{"behind two that share the levels", `routes: [{match: {level: 7}, to: [soc]}, {match: {level: <7}, to: [soc]}, {name: c, match: {level: 3-9}, to: [soc]}]`,
			`1:75: warning: no alert reaches the route c: routes[0] (on line 1) and routes[1] (on line 1) together take them all: put this one before them, or write continue: true there`},
		{"all levels are not all alerts", `routes: [{match: {level: 7}, to: [soc]}, {match: {level: <7}, to: [soc]}, {name: c, to: [soc]}]`, ``},
		{"levels that exclude each other", `routes: [{name: a, match: {severity: high}, to: [soc], routes: [{name: b, match: {level: <5}, to: [ops]}]}]`,
			`1:65: warning: no alert reaches the route a/b: its levels and severities, with those of the routes around it, exclude each other`},
		{"a child as wide as its parent", `routes: [{match: {level: 7}, to: [soc], routes: [{name: b, match: {level: 3}}, {name: c, match: {group: web}}]}]`,
			`1:80: warning: no alert reaches the route routes[0]/c: routes[0]/b, on line 1, takes them all: put this one before it, or write continue: true there`},
		{"a child of what an earlier route took", `routes: [{name: a, match: {level: 12}, to: [soc]}, {name: b, match: {location: shop}, to: [soc], routes: [{name: c, match: {level: 15}}]}]`,
			`1:107: warning: no alert reaches the route b/c: a, on line 1, takes them all: put this one before it, or write continue: true there`},

		// The default.
		{"default behind a route for all", "routes:\n  - {name: a, to: [soc], continue: true}\ndefault: [mail]",
			`3:10: warning: no alert comes to default: the route a, on line 2, takes every alert`},
		{"default behind routes for all", "routes:\n  - {match: {level: 7}, to: [soc]}\n  - {match: {not: {level: 7}}, to: []}\ndefault: [mail]",
			`4:10: warning: no alert comes to default: the routes together take every alert`},
		{"no default behind a route for all", `{routes: [{name: a, to: [soc]}], default: []}`, ``},
		{"a default for alerts without a level", `{routes: [{match: {level: 0}, to: [soc]}], default: [mail]}`, ``},
	}
	check(t, tests)
}

// checked is a table with what Check says of it.
type checked struct{ name, config, want string }

func check(t *testing.T, tests []checked) {
	t.Helper()
	receivers := map[string]bool{"siem": true, "soc": true, "ops": true, "mail": true}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := strings.TrimSuffix(told(table(t, tt.config).Check(receivers)), "\n")
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
		})
	}
}

func TestProblemsNameTheFilesOfTheirRoutes(t *testing.T) {
	main := table(t, `routes: [{name: a, to: [soc]}]`)
	more := table(t, "routes:\n  - {name: a, match: {level: 7}, to: [ops], routes: [{match: {group: web}, to: [ops]}]}")
	main.Routes[0].File, more.Routes[0].File = "main.yaml", "conf.d/shop.yaml"
	main.Routes = append(main.Routes, more.Routes...)
	want := `conf.d/shop.yaml:2:12: a route beside this one is named "a" too, on line 1 of main.yaml: rename one
conf.d/shop.yaml:2:39: "ops" is no receiver: add it under receivers:
conf.d/shop.yaml:2:5: warning: no alert reaches the route a: a, on line 1 of main.yaml, takes them all: put this one before it, or write continue: true there
`
	if diff := cmp.Diff(told(main.Check(map[string]bool{"soc": true})), want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	if got := main.CheckShell(); len(got) != 1 || got[0].File != "conf.d/shop.yaml" {
		t.Errorf("got %v, want one problem of the nested route, in conf.d/shop.yaml", got)
	}
}

func TestTablesMadeByHandAreChecked(t *testing.T) {
	made := &Table{Routes: []*Route{{Name: "a", To: []string{"x"}}, {Name: "a", To: []string{"soc"}}}, Default: []string{"soc"}}
	want := `0:0: "x" is no receiver: add it under receivers:
0:0: a route beside this one is named "a" too, before it: rename one
0:0: warning: no alert reaches the route a: a, before it, takes them all: put this one before it, or write continue: true there
0:0: warning: no alert comes to default: the route a, before it, takes every alert
`
	if diff := cmp.Diff(told(made.Check(map[string]bool{"soc": true})), want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

func TestMatchersThatTheShellFileCannotFeedAreTold(t *testing.T) {
	fed := `{level: 7, severity: low, rule: 5712, srcip: 10.0.0.0/8, location: a, log: a, host: a, program: a, field.ruledescription: a}`
	if got := table(t, "routes: [{match: "+fed+", to: [soc]}]").CheckShell(); got != nil {
		t.Errorf("got\n%s, want nothing", told(got))
	}
	got := told(table(t, `
routes:
  - match: {level: 7, group: web}
    to: [soc]
    routes:
      - match: {not: {user: root}, any: [{level: 9}, {mitre: T1110}], all: [{agent: web}, {dstip: 10.0.0.0/8}]}
  - match: {agent_ip: 10.0.0.1, agent_id: 001, decoder: sshd, manager: m, field.data.x: y}
    to: [soc]
    resolve: {opens: {rule: 504, group: ossec}, closes: {user: root}}
`).CheckShell())
	var keys []string
	for line := range strings.Lines(got) {
		_, rest, _ := strings.Cut(line, "shell file have no ")
		key, _, _ := strings.Cut(rest, ",")
		keys = append(keys, key)
	}
	want := []string{"group", "user", "mitre", "agent", "dstip", "agent_ip", "agent_id", "decoder", "manager", "field.data.x", "group", "user"}
	if diff := cmp.Diff(keys, want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	first, _, _ := strings.Cut(got, "\n")
	if want := "3:30: warning: alerts in integratord's shell file have no group, so this never holds for them: use <alert_format>json</alert_format> (Wazuh), or let ossec-notify read alerts.log"; first != want {
		t.Errorf("got  %s\nwant %s", first, want)
	}
}

func TestWhatIsToldToBeUnreachableIsReachedByNoAlert(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	alerts := everyAlert()
	claims, defaults := 0, 0
	for range 250 {
		text := randomTable(random)
		table := table(t, text)
		var unreached []string
		noDefault := false
		for _, p := range table.Check(map[string]bool{"a": true, "b": true, "c": true, "d": true, "e": true, "f": true, "z": true}) {
			if rest, ok := strings.CutPrefix(p.Message, "no alert reaches the route "); ok {
				path, _, _ := strings.Cut(rest, ":")
				unreached = append(unreached, path)
			}
			noDefault = noDefault || strings.HasPrefix(p.Message, "no alert comes to default")
		}
		if unreached == nil && !noDefault {
			continue
		}
		claims += len(unreached)
		if noDefault {
			defaults++
		}
		for _, a := range alerts {
			d := table.Decide(a)
			if noDefault && d.Defaulted {
				t.Fatalf("%s\nan alert comes to default: level %d, rule %q, srcip %q, location %q", text, a.Rule.Level, a.Rule.ID, a.Source.IP, a.Location)
			}
			for _, v := range d.Verdicts {
				if v.Matched && slices.Contains(unreached, v.Route) {
					t.Fatalf("%s\nan alert reaches %s: level %d, rule %q, srcip %q, location %q", text, v.Route, a.Rule.Level, a.Rule.ID, a.Source.IP, a.Location)
				}
			}
		}
	}
	if claims < 200 || defaults < 5 {
		t.Errorf("only %d routes and %d defaults were told: the test shows little", claims, defaults)
	}
}

func covers(wide, narrow *Match) bool {
	p := prover{maxSteps}
	return p.covers([]*Match{wide}, p.flatten(narrow))
}

func TestWhatCoversIsTrueOfEveryAlert(t *testing.T) {
	random := rand.New(rand.NewPCG(13, 14))
	alerts := everyAlert()
	found := 0
	for range 8000 {
		p, q := randomMatch(random, 1), randomMatch(random, 1)
		narrow, wide := match(t, p), match(t, q)
		if !covers(wide, narrow) {
			continue
		}
		found++
		if i := slices.IndexFunc(alerts, func(a *alert.Alert) bool { return narrow.Matches(a) && !wide.Matches(a) }); i >= 0 {
			a := alerts[i]
			t.Fatalf("%s is told to cover %s, but not on level %d, rule %q, srcip %q, location %q", q, p, a.Rule.Level, a.Rule.ID, a.Source.IP, a.Location)
		}
	}
	if found < 100 {
		t.Errorf("only %d pairs covered: the test shows little", found)
	}
}

func TestCovering(t *testing.T) {
	tests := []struct {
		wide, narrow string
		want         bool
	}{
		{`rule: 5700-5799`, `rule: [5712, 5750-5760]`, true},
		{`rule: 5712`, `rule: [5712, 5713]`, false},
		{`group: [web, sshd]`, `group: web`, true},
		{`group: web`, `mitre: web`, false},
		{`srcip: 10.0.0.0/8`, `srcip: [10.1.0.0/16, 10.9.9.9]`, true},
		{`srcip: 10.0.0.0/8`, `dstip: 10.1.0.0/16`, false},
		{`srcip: 10.0.0.0/16`, `srcip: 10.0.0.0/8`, false},
		{`srcip: 0.0.0.0/0`, `srcip: "::ffff:10.0.0.0/104"`, true},
		{`srcip: fe80::/10`, `srcip: fe80::1%eth0`, true},
		{`srcip: fe80::1%eth0`, `srcip: fe80::1`, false},
		{`location: auth`, `location: ^/var/log/AUTH.log$`, true},
		{`location: ^/var`, `location: ^/VAR/log`, true},
		{`location: ^/var`, `location: /var/log`, false},
		{`location: .log$`, `location: auth.log$`, true},
		{`location: auth|secure`, `location: [secure.log, auth.log]`, true},
		{`location: auth`, `location: auth|secure`, false},
		{`location: ~auth`, `location: ~auth`, true},
		{`location: auth`, `location: ~auth`, false}, // cannot tell
		{`location: "!auth.log"`, `location: "!auth"`, true},
		{`location: "!auth"`, `location: "!auth.log"`, false},
		{`location: auth`, `agent: auth`, false},
		{`not: {location: auth.log}`, `not: {location: auth}`, true},
		{`not: {location: auth}`, `not: {location: auth.log}`, false},
		{`not: {level: 12}`, `level: <12`, true},
		{`not: {level: 12}`, `not: {severity: medium}`, true},
		{`any: [{group: web}, {level: 7}]`, `level: 12`, true},
		{`any: [{level: <7}, {level: 7}]`, `level: 3-9`, true}, // together
		{`location: auth`, `any: [{location: auth.log}, {location: auth}]`, true},
		{`location: auth`, `any: [{location: auth.log}, {location: secure}]`, false},
		{`all: [{level: 7}, {location: auth}]`, `{level: 12, location: auth.log}`, true},
		{`{level: 7, group: web}`, `level: 12`, false},
	}
	for _, tt := range tests {
		if got := covers(match(t, tt.wide), match(t, tt.narrow)); got != tt.want {
			t.Errorf("%s covers %s: got %v, want %v", tt.wide, tt.narrow, got, tt.want)
		}
	}
}

func TestTestsThatTakeForEverToCompareAreGivenUp(t *testing.T) {
	text := "{level: 7, location: a}"
	for range 8 {
		text = "{any: [" + text + ", {location: b}]}"
		text = "{any: [" + text + ", " + text + "]}"
	}
	m := match(t, text)
	p := prover{10_000}
	if p.covers([]*Match{m}, p.flatten(m)) {
		t.Error("got an answer, want none")
	}
	// How far it goes beyond the limit is bounded by the size of what it looks at.
	if p.steps < -100_000 {
		t.Errorf("%d steps more than allowed", -p.steps)
	}
}

func TestFieldsThatFormatsLackAreTold(t *testing.T) {
	x := table(t, `
routes:
  - to: [soc]
    dedup: {by: [rule, agent, host, program, location, severity, srcip, field.ruleid], for: 5m}
  - to: [soc]
    dedup: 5m
    group_by: [rule, user]
    resolve: {opens: {rule: 504}, closes: {rule: 503}, by: [agent_id]}
    routes: [{dedup: {by: [manager, field.data.x], for: 5m}}]
`)
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(`[{source: {rule: 1}, target: {rule: 2}, equal: [agent_id, dstip], for: 5m}]`), &doc); err != nil {
		t.Fatal(err)
	}
	x.Inhibit, _ = ParseInhibits(doc.Content[0], alert.DefaultScale)
	const instead = ": use <alert_format>json</alert_format> (Wazuh), or let ossec-notify read alerts.log\n"
	want := `1:59: warning: alerts in integratord's shell file have no dstip, so this pairs none of them` + instead +
		`7:22: warning: alerts in integratord's shell file have no user, so this does not tell them apart` + instead +
		`9:37: warning: alerts in integratord's shell file have no field.data.x, so this does not tell them apart` + instead
	if diff := cmp.Diff(told(x.CheckShell()), want); diff != "" {
		t.Errorf("the shell file (-got +want):\n%s", diff)
	}
	want = `1:49: warning: alerts of OSSEC have no agent_id, only Wazuh's have one, so this pairs none of them: use agent
8:61: warning: alerts of OSSEC have no agent_id, only Wazuh's have one, so this pairs none of them: use agent
9:28: warning: alerts of OSSEC have no manager, only Wazuh's have one, so this does not tell them apart: leave it out
`
	if diff := cmp.Diff(told(x.CheckOSSEC()), want); diff != "" {
		t.Errorf("OSSEC (-got +want):\n%s", diff)
	}
}

// TestTheCorpusHasTheFieldsOfItsFormats: what check says that a format lacks, no alert of the corpus has, and the rest some have.
func TestTheCorpusHasTheFieldsOfItsFormats(t *testing.T) {
	for dir, lacks := range map[string]func(key string) bool{
		"shell": func(key string) bool { return ossecLacks[key] != "" || !slices.Contains(shellFields, key) },
		"ossec": func(key string) bool { return ossecLacks[key] != "" },
		"wazuh": func(string) bool { return false },
	} {
		files, err := filepath.Glob(filepath.Join("..", "testdata", "alerts", dir, "*"))
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		has := map[string]bool{}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			a := alert.Parse(b, alert.Options{FileName: filepath.Base(file)})
			for _, key := range fieldKeys {
				f, _ := NewField(key, alert.DefaultScale)
				has[key] = has[key] || f.Value(a) != ""
			}
		}
		for _, key := range fieldKeys {
			if has[key] == lacks(key) {
				t.Errorf("%s: has %s: %v", dir, key, has[key])
			}
		}
	}
}
