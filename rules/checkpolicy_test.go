package rules

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/alert"
)

func TestProblemsOfPoliciesInTheWholeTable(t *testing.T) {
	const pair = `resolve: {opens: {rule: 504}, closes: {rule: 503}}`
	tests := []checked{
		{"nothing wrong", `{always: [siem], routes: [{to: [soc, siem], active: night, outside: {to: [ops]}, dedup: 15m, throttle: 20/h, escalate: [{to: soc}, {after: 5m, to: [ops, mail]}], ` + pair + `}]}`, ``},

		// Receivers.
		{"outside to a misspelled receiver", `routes: [{to: [soc], active: night, outside: {to: [osp]}}]`, `1:52: "osp" is no receiver: did you mean "ops"?`},
		{"outside to one name", `routes: [{to: [soc], active: night, outside: {to: nobody}}]`, `1:51: "nobody" is no receiver: add it under receivers:`},
		{"a step to a misspelled receiver", `routes: [{dedup: 15m, escalate: [{to: soc}, {after: 5m, to: [ops, mial]}]}]`, `1:67: "mial" is no receiver: did you mean "mail"?`},
		{"steps for every repeat", `routes: [{escalate: [{to: soc}, {after: 5m, to: ops}]}]`,
			`1:21: warning: every repeat of an alert wakes the next step by itself: write dedup: 15m beside it`},
		{"steps for every group", `routes: [{group_by: [rule], escalate: [{to: soc}, {after: 5m, to: ops}]}]`, ``},
		{"the only step", `routes: [{escalate: {to: osp}}]`, `1:26: "osp" is no receiver: did you mean "ops"?`},
		{"said once where it is inherited", `routes: [{escalate: {to: osp}, routes: [{match: {level: 7}}]}]`, `1:26: "osp" is no receiver: did you mean "ops"?`},

		// What never comes to the route.
		{"what closes need not come there", `routes: [{match: {rule: 504}, to: [soc], ` + pair + `}]`, ``},
		{"both", `routes: [{match: {rule: [503, 504]}, to: [soc], ` + pair + `}]`, ``},
		{"opens at another level", `routes: [{name: a, match: {severity: high}, to: [soc], resolve: [{opens: {level: <3}, closes: {level: 12}}]}]`,
			`1:74: warning: no alert that opens comes to the route a: its match excludes them, so no incident would ever begin; write a match that takes them, or resolve at a route that does`},
		{"by a match around", `routes: [{name: a, match: {not: {rule: 504}}, to: [soc], routes: [{name: b, match: {location: ossec}, ` + pair + `}]}]`,
			`1:120: warning: no alert that opens comes to the route a/b: its match excludes them, so no incident would ever begin; write a match that takes them, or resolve at a route that does`},
		{"nothing opens", `routes: [{match: {rule: 503}, to: [soc], ` + pair + `}]`,
			`1:59: warning: no alert that opens comes to the route routes[0]: its match excludes them, so no incident would ever begin; write a match that takes them, or resolve at a route that does`},
		{"taken by a route before", "routes:\n  - {name: back, match: {rule: [501, 504]}, to: []}\n  - {name: a, match: {rule: 501-506}, to: [soc], " + pair + `}`,
			`3:67: warning: no alert that opens comes to the route a: back, on line 2, takes them, so no incident would ever begin; put this one before it, or write continue: true there`},
		{"a route before that goes on", `routes: [{name: back, match: {rule: [501, 503]}, to: [ops], continue: true}, {name: a, match: {rule: 501-506}, to: [soc], ` + pair + `}]`, ``},
		{"inherited: the route around takes what closes", `routes: [{match: {rule: 501-506}, to: [soc], ` + pair + `, routes: [{match: {rule: 504}, to: [ops]}]}]`, ``},

		// Receivers that no setting touches.
		{"dedup of always", `{always: [siem], routes: [{to: [siem], dedup: 15m, throttle: 20/h}]}`,
			`1:47: warning: dedup does nothing here: all receivers of the route stand in always, and are told of every alert at once` + "\n" +
				`1:62: warning: throttle does nothing here: all receivers of the route stand in always, and are told of every alert at once`},
		{"another beside it", `{always: [siem], routes: [{to: [siem, soc], dedup: 15m}]}`, ``},
		{"another in a step", `{always: [siem], routes: [{to: [siem], dedup: 15m, escalate: [{to: siem}, {after: 5m, to: soc}]}]}`, ``},
		{"another in a child", `{always: [siem], routes: [{to: [siem], dedup: 15m, routes: [{match: {level: 7}, to: [soc]}]}]}`, ``},
		{"another in a child that ends it", `{always: [siem], routes: [{to: [siem], dedup: 15m, routes: [{match: {level: 7}, to: [soc], dedup: none}]}]}`,
			`1:47: warning: dedup does nothing here: all receivers of the route stand in always, and are told of every alert at once`},
		{"nobody", `{always: [siem], routes: [{to: [], dedup: 15m}]}`, ``},
	}
	check(t, tests)
}

func TestThrottlesOfPagesAreTold(t *testing.T) {
	pages := map[string]bool{"oncall": true, "boss": true, "pages": true}
	for config, want := range map[string]string{
		`routes: [{to: [soc], throttle: 20/h}]`: ``,
		`routes: [{to: [soc, oncall], throttle: 20/h}]`: `1:40: warning: this throttle holds for "oncall" too: pages above 20/h come late, as a digest; write throttle: none at a route of its own for them
`,
		`routes: [{to: [soc], throttle: {rate: 5/m}, escalate: [{to: soc}, {after: 5m, to: boss}]}]`: `1:32: warning: this throttle holds for "boss" too: pages above 5/m come late, as a digest; write throttle: none at a route of its own for them
`,
		`routes: [{to: [soc], throttle: 20/h, routes: [{match: {level: 12}, to: [oncall]}, {match: {level: 7}, to: [oncall]}]}]`: `1:32: warning: this throttle holds for "oncall" too: pages above 20/h come late, as a digest; write throttle: none at a route of its own for them
`, // once
		`routes: [{to: [soc], throttle: 20/h, routes: [{match: {level: 12}, to: [oncall], throttle: none}]}]`: ``,
		`{always: [pages], routes: [{to: [pages], throttle: 20/h}]}`:                                          ``, // it touches no receiver of always
	} {
		if diff := cmp.Diff(told(table(t, config).CheckPages(pages)), want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", config, diff)
		}
	}
}

func TestWindowsThatRoutesGoBy(t *testing.T) {
	got := table(t, `routes: [{to: [soc], active: night, routes: [{match: {level: 7}, active: none, mute: [holidays]}]}]`).Windows()
	if diff := cmp.Diff(got, map[string]bool{"night": true, "holidays": true}); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

func disjoint(a, b *Match) bool {
	p := prover{maxSteps}
	return p.disjoint(p.flatten(a), p.flatten(b))
}

func TestWhatIsDisjointSharesNoAlert(t *testing.T) {
	random := rand.New(rand.NewPCG(19, 20))
	alerts := everyAlert()
	found := 0
	for range 4000 {
		p, q := randomMatch(random, 1), randomMatch(random, 1)
		a, b := match(t, p), match(t, q)
		if !disjoint(a, b) {
			continue
		}
		found++
		if i := slices.IndexFunc(alerts, func(x *alert.Alert) bool { return a.Matches(x) && b.Matches(x) }); i >= 0 {
			x := alerts[i]
			t.Fatalf("%s and %s are told to share no alert, but level %d, rule %q, srcip %q, location %q", p, q, x.Rule.Level, x.Rule.ID, x.Source.IP, x.Location)
		}
	}
	if found < 300 {
		t.Errorf("only %d pairs were disjoint: the test shows little", found)
	}
}

func TestDisjoint(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{`rule: 503`, `rule: 504`, true},
		{`rule: 500-510`, `rule: 504`, false},
		{`rule: abc`, `rule: abc`, false},
		{`rule: 0503`, `rule: 503`, false},
		{`level: 12`, `severity: low-medium`, true},
		{`agent_id: 001`, `agent_id: [002, 003]`, true},
		{`group: web`, `group: sshd`, false}, // an alert may have both
		{`srcip: 10.0.0.0/8`, `srcip: 10.1.1.1`, false},
		{`srcip: 10.0.0.0/8`, `srcip: 192.0.2.0/24`, true},
		{`srcip: 10.0.0.0/8`, `dstip: 192.0.2.0/24`, false},
		{`not: {rule: 503}`, `rule: 503`, true},
		{`rule: 503`, `not: {rule: 500-510}`, true},
		{`rule: 500-510`, `not: {rule: 503}`, false},
		{`any: [{rule: 503}, {rule: 505}]`, `rule: 504`, true},
		{`any: [{rule: 503}, {level: 3}]`, `rule: 504`, false},
		{`location: auth`, `location: secure`, false},
	} {
		if got := disjoint(match(t, tt.a), match(t, tt.b)); got != tt.want {
			t.Errorf("%s and %s: got %v, want %v", tt.a, tt.b, got, tt.want)
		}
		if got := disjoint(match(t, tt.b), match(t, tt.a)); got != tt.want {
			t.Errorf("%s and %s: got %v, want %v", tt.b, tt.a, got, tt.want)
		}
	}
}
