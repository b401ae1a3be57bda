package rules

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/alert"
)

// decided is the policy of the route that decides about bruteForce.
func decided(t testing.TB, config string) *Policy {
	t.Helper()
	choices := table(t, config).Choose(bruteForce())
	if len(choices) == 0 {
		t.Fatalf("%s\nchooses nobody", config)
	}
	return choices[0].Policy
}

func TestPoliciesSayTheirSettingsInWords(t *testing.T) {
	tests := []struct{ settings, want string }{
		{`name: plain`, ``},
		{`active: night`, `goes out in night, else held until then`},
		{`active: [night, office], mute: holidays, outside: hold`, `goes out in night or office not in holidays, else held until then`},
		{`mute: [holidays], outside: {to: [siem, ops]}`, `goes out not in holidays, else to siem, ops`},
		{`dedup: 15m`, `dedup by rule, agent, srcip for 15 min`},
		{`dedup: {by: [rule, field.data.srcuser], for: 90s, growing: true}`, `dedup by rule, field.data.srcuser for 1 min 30 s, doubled while it repeats, up to 24 h`},
		{`dedup: {for: 7d}`, `dedup by rule, agent, srcip for 7 days`},
		{`group_by: rule`, `group by rule, after 30 s, then every 5 min`},
		{`group_by: [rule, agent], group_wait: 1m, group_interval: 1h, repeat_interval: none`, `group by rule, agent, after 1 min, then every 1 h`},
		{`group_by: agent, resolve: {opens: {rule: 504}, closes: {rule: 503}}`,
			`group by agent, after 30 s, then every 5 min, again every 4 h while it is open; opened by {rule: 504}, closed by {rule: 503}, by agent`},
		{`group_by: agent, repeat_interval: 1d, resolve: [{opens: {rule: 504}, closes: {rule: [501, 503]}, by: [agent, manager]}, {opens: {level: 12}, closes: {level: <3}, by: host}]`,
			`group by agent, after 30 s, then every 5 min, again every 24 h while it is open; opened by {rule: 504}, closed by {rule: [501, 503]}, by agent, manager; opened by {level: 12}, closed by {level: "<3"}, by host`},
		{`throttle: 20/h`, `throttle 20/h, 5 at once`},
		{`throttle: 3 / m`, `throttle 3/m, 1 at once`},
		{`throttle: {rate: 100/d, burst: 3}`, `throttle 100/d, 3 at once`},
		{`digest: 1h`, `digest every 1 h`},
		{`digest: {every: 90m}`, `digest every 1 h 30 min`},
		{`escalate: [{to: oncall}, {after: 10m, to: [backup, boss]}, {after: 30m, to: oncall}]`,
			`escalate to oncall at once; backup, boss after 10 min; oncall after 30 min, until somebody takes it`},
		{`escalate: {to: oncall}`, `escalate to oncall at once, until somebody takes it`},
		{`active: none, mute: none, outside: none, dedup: none, group_by: none, group_wait: none, group_interval: none, repeat_interval: none, throttle: none, digest: none, escalate: none, resolve: none`, ``},
	}
	for _, tt := range tests {
		got := strings.Join(decided(t, "routes: [{to: [soc], "+tt.settings+"}]").Words(), "; ")
		if got != tt.want {
			t.Errorf("%s\n got %s\nwant %s", tt.settings, got, tt.want)
		}
	}
}

func TestDefaultsOfGroupsAreAlertmanagers(t *testing.T) {
	g := decided(t, `routes: [{to: [soc], group_by: agent, resolve: {opens: {rule: 504}, closes: {rule: 503}}}]`).Group
	if g.Wait != 30*time.Second || g.Interval != 5*time.Minute || g.Repeat != 4*time.Hour {
		t.Errorf("got wait %s, interval %s, repeat %s", g.Wait, g.Interval, g.Repeat)
	}
	if g := decided(t, `routes: [{to: [soc], group_by: agent}]`).Group; g.Repeat != 0 {
		t.Errorf("a group with no incidents is told again every %s, want never", g.Repeat)
	}
}

func TestEachSettingIsInheritedByItself(t *testing.T) {
	tests := []struct{ name, outer, inner, want string }{
		{"all of them", `dedup: 15m, throttle: 20/h`, `name: b`, `dedup by rule, agent, srcip for 15 min; throttle 20/h, 5 at once`},
		{"another stays", `dedup: 15m, throttle: 20/h`, `throttle: 8/m`, `dedup by rule, agent, srcip for 15 min; throttle 8/m, 2 at once`},
		{"the whole setting is replaced", `dedup: {by: [host], for: 1h, growing: true}`, `dedup: 5m`, `dedup by rule, agent, srcip for 5 min`},
		{"none ends it", `dedup: 15m, throttle: 20/h`, `dedup: none`, `throttle 20/h, 5 at once`},
		{"none ends the last", `dedup: 15m`, `dedup: none`, ``},
		{"times of the group around", `group_by: rule, group_wait: 1m`, `group_by: agent, group_interval: 1h`, `group by agent, after 1 min, then every 1 h`},
		{"times for groups of the children", `group_wait: 1m`, `group_by: agent`, `group by agent, after 1 min, then every 5 min`},
		{"a time back to its default", `group_by: rule, group_wait: 1m`, `group_wait: none`, `group by rule, after 30 s, then every 5 min`},
		{"no group", `group_by: rule, group_wait: 1m`, `group_by: none`, ``},
		{"outside for windows of the children", `outside: {to: siem}`, `active: night`, `goes out in night, else to siem`},
		{"held again", `active: night, outside: {to: siem}`, `outside: hold`, `goes out in night, else held until then`},
		{"held again by none", `active: night, outside: {to: siem}`, `outside: none`, `goes out in night, else held until then`},
		{"active and mute are two settings", `active: night, mute: holidays`, `active: none`, `goes out not in holidays, else held until then`},
		{"no window, no outside", `active: night, outside: {to: siem}`, `active: none`, ``},
		{"a digest in place of a group", `group_by: rule`, `group_by: none, digest: 1h`, `digest every 1 h`},
		{"an escalation", `escalate: [{to: oncall}, {after: 10m, to: boss}]`, `escalate: [{to: ops}, {after: 5m, to: boss}]`, `escalate to ops at once; boss after 5 min, until somebody takes it`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := strings.Join(decided(t, "routes: [{to: [soc], "+tt.outer+", routes: [{"+tt.inner+"}]}]").Words(), "; ")
			if got != tt.want {
				t.Errorf("\n got %s\nwant %s", got, tt.want)
			}
		})
	}
}

// someSettings are values for every key that make no mistake in any company but that of digest and group_by.
var someSettings = map[string][]string{
	"active":          {`night`, `[night, office]`, none},
	"mute":            {`holidays`, none},
	"outside":         {`hold`, `{to: [siem]}`, `{to: [ops, web]}`, none},
	"dedup":           {`15m`, `{by: [host], for: 1h}`, `{for: 2m, growing: true}`, none},
	"group_by":        {`rule`, `[rule, agent]`, none},
	"group_wait":      {`1m`, `10s`, none},
	"group_interval":  {`1h`, none},
	"repeat_interval": {`1h`, `2d`, none},
	"throttle":        {`20/h`, `{rate: 8/m, burst: 3}`, none},
	"digest":          {`1h`, `{every: 5m}`, none},
	"escalate":        {`{to: oncall}`, `[{to: oncall}, {after: 5m, to: [boss, ops]}]`, none},
	"resolve":         {`{opens: {rule: 504}, closes: {rule: 503}}`, `[{opens: {level: 7}, closes: {level: <3}, by: host}]`, none},
}

func randomSettings(random *rand.Rand) map[string]string {
	all := map[string]string{}
	for _, key := range settingKeys { // in one order, so that a seed makes one text
		if random.IntN(3) == 0 {
			values := someSettings[key]
			all[key] = values[random.IntN(len(values))]
		}
	}
	return all
}

func written(settings map[string]string) string {
	var b strings.Builder
	for _, key := range settingKeys {
		if value, ok := settings[key]; ok {
			fmt.Fprintf(&b, ", %s: %s", key, value)
		}
	}
	return b.String()
}

// policyOf is the policy of the innermost of nested routes, in words. It is read whatever company the settings keep:
// the law is about what is inherited, and a mistake is told by other tests.
func policyOf(t testing.TB, nested ...map[string]string) string {
	t.Helper()
	text := ""
	for i := len(nested) - 1; i >= 0; i-- {
		routes := ""
		if text != "" {
			routes = ", routes: [" + text + "]"
		}
		text = "{to: [soc]" + written(nested[i]) + routes + "}"
	}
	routes, _ := ParseRoutes(node(t, "["+text+"]"), alert.DefaultScale, windows)
	if len(routes) != 1 {
		t.Fatalf("%s: no route", text)
	}
	r := routes[0]
	for len(r.Routes) > 0 {
		r = r.Routes[0]
	}
	return strings.Join(r.Policy.Words(), "\n")
}

func TestLawsOfInheritance(t *testing.T) {
	random := rand.New(rand.NewPCG(15, 16))
	told := 0
	for range 2000 {
		outer, middle, inner := randomSettings(random), randomSettings(random), randomSettings(random)
		got := policyOf(t, outer, middle, inner)
		if got != "" {
			told++
		}
		flat := map[string]string{}
		for _, s := range []map[string]string{outer, middle, inner} {
			for key, value := range s {
				flat[key] = value
			}
		}
		if diff := cmp.Diff(got, policyOf(t, flat)); diff != "" {
			t.Fatalf("nested routes and one route with the innermost of each setting (-nested +flat):\n%s\n%v\n%v\n%v", diff, outer, middle, inner)
		}
		if diff := cmp.Diff(policyOf(t, outer, middle, flat), got); diff != "" {
			t.Fatalf("what a route repeats of those around it changes something:\n%s", diff)
		}
		if diff := cmp.Diff(policyOf(t, outer, map[string]string{}), policyOf(t, outer)); diff != "" {
			t.Fatalf("a route without settings has not those around it:\n%s", diff)
		}
		ended := map[string]string{}
		for _, key := range settingKeys {
			ended[key] = none
		}
		for key, value := range inner {
			ended[key] = value
		}
		if diff := cmp.Diff(policyOf(t, outer, middle, ended), policyOf(t, ended)); diff != "" {
			t.Fatalf("none does not end what a route inherits:\n%s", diff)
		}
	}
	if told < 1000 {
		t.Errorf("only %d policies say something: the test shows little", told)
	}
}

func TestMistakesInSettingsAreToldWithPlaceAndRemedy(t *testing.T) {
	tests := []struct{ name, settings, want string }{
		// Windows.
		{"misspelled window", `active: nigth`, `1:22: "nigth" is no window: did you mean "night"?`},
		{"unknown window", `mute: [holidays, x]`, `1:31: "x" is no window: add it under windows:`},
		{"window twice", `mute: [holidays, holidays]`, `1:31: "holidays" stands twice in mute: keep one`},
		{"none in a list", `active: [none]`, `1:23: "none" stands in a list: write active: none`},
		{"no windows", `active: []`, `1:22: active is an empty list: name something in it, or leave the key out`},
		{"window of nothing", `active: ~`, `1:22: active is ~ alone, which is nothing in YAML: write a text behind it, or leave the key out`},
		{"window with a tag", `active: !night`, `1:22: active begins with an unquoted !, which makes it a tag in YAML: write active: "!night"`},
		{"the same in active and mute", `active: night, mute: [holidays, night]`, `1:22: the window night stands in active and in mute: nothing would ever go out in it; leave it out of one`},

		// Outside.
		{"outside without window", `outside: hold`, `1:23: outside lacks its window: write active: or mute: beside it, with a name from windows:`},
		{"outside of no window", `active: none, outside: {to: siem}`, `1:37: outside lacks its window: write active: or mute: beside it, with a name from windows:`},
		{"outside to a name", `active: night, outside: siem`, `1:38: outside is "siem": write hold, or {to: [siem]} to tell somebody else`},
		{"outside to a list", `active: night, outside: [siem]`, `1:38: outside is a list: write outside: hold, or outside: {to: [...]}`},
		{"outside to nobody", `active: night, outside: {to: []}`, `1:43: to: [] is nobody: what comes outside of the windows would be lost: write outside: hold to tell it later`},
		{"outside of nothing", `active: night, outside: {}`, `1:38: outside is empty: write hold, or {to: [...]}`},
		{"outside misspelled", `active: night, outside: {too: siem}`, `1:39: "too" is no setting of outside: did you mean "to"?`},

		// Times.
		{"no unit", `dedup: 15`, `1:21: dedup: "15" is no time span: write 30s, 5m, 24h or 7d`},
		{"no time", `dedup: 0s`, `1:21: dedup: "0s" is no time span: it must be longer than nothing`},
		{"less than no time", `digest: -1h`, `1:22: digest: "-1h" is no time span: it must be longer than nothing`},
		{"more than a year", `digest: 400d`, `1:22: digest: "400d" is longer than a year`},
		{"no time for a group", `group_by: rule, group_wait: 0m`, `1:42: group_wait: "0m" is no time span: it must be longer than nothing`},
		{"a list for a time", `digest: [1h]`, `1:22: digest is a list: write key: value pairs`},

		// Dedup.
		{"dedup of nothing", `dedup: {}`, `1:21: dedup lacks for: for how long alerts that are the same are told once, as in for: 15m`},
		{"for is missing", `dedup: {by: [rule]}`, `1:21: dedup lacks for: for how long alerts that are the same are told once, as in for: 15m`},
		{"for is misspelled", `dedup: {by: [rule], fro: 5m}`, `1:34: "fro" is no setting of dedup: did you mean "for"?`},
		{"misspelled field", `dedup: {by: [rule, scrip], for: 5m}`, `1:33: "scrip" is no field to tell alerts apart by: did you mean "srcip"?`},
		{"unknown field", `dedup: {by: colour, for: 5m}`, `1:26: "colour" is no field to tell alerts apart by: use rule, agent, agent_id, srcip, dstip, user, host, location, program, decoder, level, severity, manager, group or field.<path>`},
		{"field without a path", `dedup: {by: field., for: 5m}`, `1:26: "field." is no field to tell alerts apart by: write a path behind field, such as field.data.srcuser`},
		{"field without a prefix", `dedup: {by: data.srcuser, for: 5m}`, `1:26: "data.srcuser" is no field to tell alerts apart by: did you mean "field.data.srcuser"?`},
		{"fields in a text", `dedup: {by: "rule, agent", for: 5m}`, `1:26: "rule, agent" is no field to tell alerts apart by: write several as a list, [rule, agent]`},
		{"field twice", `dedup: {by: [rule, rule], for: 5m}`, `1:33: "rule" stands twice in by: keep one`},
		{"by nothing", `dedup: {by: [], for: 5m}`, `1:26: by is an empty list: name something in it, or leave the key out`},
		{"growing", `dedup: {for: 5m, growing: yes}`, `1:40: growing is "yes": write true or false`},
		{"nothing left to grow", `dedup: {for: 2d, growing: true}`, `1:40: warning: growing does nothing: a window grows up to a day, and for is 2 days already`},

		// Groups.
		{"wait without group", `group_wait: 1m`, `1:26: group_wait lacks its group: write group_by: beside it, as in group_by: [rule, agent]`},
		{"times of no group", `group_by: none, group_interval: 1m, repeat_interval: 1h`,
			`1:46: group_interval lacks its group: write group_by: beside it, as in group_by: [rule, agent]` + "\n" +
				`1:67: repeat_interval lacks its group: write group_by: beside it, as in group_by: [rule, agent]`},
		{"repeat without resolve", `group_by: rule, repeat_interval: 1h`, `1:47: warning: repeat_interval does nothing without resolve: a group is told again while an incident is open, and nothing says what opens and closes one`},
		{"group and digest", `group_by: rule, digest: 1h`, `1:38: digest and group_by do not go together: a digest is one message of all alerts, a group one of those that belong together; leave one out`},
		{"group in a digest", `digest: 1h, routes: [{group_by: rule}]`, `1:46: group_by does not go with the digest of a route around: write digest: none beside it`},
		{"digest in a group", `group_by: rule, routes: [{digest: 1h, routes: [{name: said once}]}]`, `1:48: digest does not go with the group_by of a route around: write group_by: none beside it`},
		{"digest without its time", `digest: {}`, `1:22: digest lacks every: how often there is a message, as in every: 1h`},

		// Throttles.
		{"a number", `throttle: 20`, `1:24: throttle: "20" lacks its time: write 20/h, or another of /s, /m, /d`},
		{"zero", `throttle: 0/h`, `1:24: throttle: "0/h" lets nothing through: write 1/h or more`},
		{"below zero", `throttle: {rate: -1/h}`, `1:31: rate: "-1/h" lets nothing through: write 1/h or more`},
		{"a word for a unit", `throttle: 20/hour`, `1:24: throttle: "20/hour" is no rate: write 20/h, 5/m or 100/d`},
		{"no rate", `throttle: {burst: 5}`, `1:24: throttle lacks rate: how many messages go out in which time, as in rate: 20/h`},
		{"no limit", `throttle: 5000/s`, `1:24: throttle: "5000/s" is more than 1000 in a second, which is no limit: leave it out`},
		{"no burst", `throttle: {rate: 20/h, burst: 0}`, `1:44: burst is "0": write a whole number from 1 to 10000, how many messages go out at once`},
		{"a list", `throttle: [20/h]`, `1:24: throttle is a list: write key: value pairs`},

		// Escalations.
		{"names", `escalate: [oncall, boss]`, `1:25: an item of escalate is a text: write {to: [...]}, and {after: 10m, to: [...]} for the next` + "\n" +
			`1:33: an item of escalate is a text: write {to: [...]}, and {after: 10m, to: [...]} for the next`},
		{"no steps", `escalate: []`, `1:24: escalate is an empty list: write {to: [...]}, and {after: 10m, to: [...]} for the next, or leave the key out`},
		{"nothing", `escalate: ~`, `1:24: escalate is ~ alone, which is nothing in YAML: write a text behind it, or leave the key out`},
		{"after in the first step", `escalate: [{after: 5m, to: oncall}]`, `1:33: after stands in the first step, which is told at once: leave it out, and give it to the steps behind it`},
		{"after is missing", `escalate: [{to: oncall}, {to: boss}]`, `1:39: a step of escalate lacks after: how long nobody must have taken the alert, as in after: 10m; only the first is told at once`},
		{"not rising", `escalate: [{to: oncall}, {after: 10m, to: boss}, {after: 10m, to: ops}]`, `1:71: after is "10m", and the step before it has 10 min already: they count from the alert, so each must be longer than the one before`},
		{"zero", `escalate: [{to: oncall}, {after: 0m, to: boss}]`, `1:47: after: "0m" is no time span: it must be longer than nothing`},
		{"to is missing", `escalate: [{to: oncall}, {after: 5m}]`, `1:39: a step of escalate lacks to: name receivers`},
		{"to nobody", `escalate: [{to: []}]`, `1:30: to: [] is nobody: name receivers, or leave the step out`},
		{"twice in a step", `escalate: [{to: [oncall, boss, oncall]}]`, `1:45: "oncall" stands twice in to: keep one`},
		{"misspelled", `escalate: [{to: oncall}, {aftre: 5m, to: boss}]`, `1:40: "aftre" is no setting of a step of escalate: did you mean "after"?`},

		// Resolve.
		{"closes is missing", `resolve: {opens: {rule: 504}}`, `1:23: resolve lacks closes: which alerts end it, as in closes: {rule: 503}`},
		{"opens is missing", `resolve: [{closes: {rule: 503}}]`, `1:24: resolve lacks opens: which alerts open an incident, as in opens: {rule: 504}`},
		{"a mistake in a match", `resolve: {opens: {rulle: 504}, closes: {rule: 503}}`, `1:32: "rulle" is no matcher: did you mean "rule"?`},
		{"opens everything", `resolve: {opens: {}, closes: {rule: 503}}`, `1:31: opens is empty: write matchers in it, or leave it out`},
		{"a text", `resolve: agent`, `1:23: resolve is a text: write {opens: {rule: 504}, closes: {rule: 503}, by: [agent]}`},
		{"closes as it opens", `resolve: {opens: {rule: 504}, closes: {rule: 500-510}}`, `1:52: warning: closes takes every alert that opens: each incident would be over as it begins`},

		// YAML.
		{"a tag on a mapping", `dedup: !x {for: 5m}`, `1:21: dedup begins with the YAML tag !x: remove it, or quote a text that begins with !`},
		{"a tag on a list", `escalate: !x [{to: oncall}]`, `1:24: escalate begins with the YAML tag !x: remove it, or quote a text that begins with !`},
		{"a misspelled setting", `dedupe: 15m`, `1:14: "dedupe" is no setting of a route: did you mean "dedup"?`},
		{"twice", `dedup: 15m, dedup: 5m`, `1:26: dedup stands twice in a route, first on line 1: keep one`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, problems := ParseRoutes(node(t, "[{to: [soc], "+tt.settings+"}]"), alert.DefaultScale, windows)
			if diff := cmp.Diff(strings.TrimSuffix(told(problems), "\n"), tt.want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
		})
	}
	for _, tt := range []struct{ name, routes, want string }{
		{"nobody and an escalation", `[{to: [], escalate: {to: oncall}}]`, `1:21: to: [] is nobody, and escalate tells somebody: leave one of them out`},
		{"no escalation at the top", `[{escalate: none}]`, `1:2: a route needs to: name receivers, or write to: [] for nobody, or escalate; only routes inside another inherit it`},
		{"no escalation, and nobody else", `[{escalate: {to: oncall}, routes: [{escalate: none}]}]`, `1:47: escalate: none leaves nobody to tell, because no route around this one has a to: write to: beside it`},
		{"no escalation, but somebody else", `[{escalate: {to: oncall}, routes: [{escalate: none, to: [soc], routes: [{escalate: none}]}]}]`, ``},
		{"an escalation is enough at the top", `[{escalate: {to: oncall}}]`, ``},
		{"a setting under match", `[{to: [soc], match: {dedup: 5m}}]`, `1:22: "dedup" is no matcher: it belongs to the route, beside match`},
		{"of use to a child", `[{to: [soc], outside: hold, group_wait: 1m, repeat_interval: 1h, routes: [{mute: night}, {group_by: rule, resolve: {opens: {rule: 504}, closes: {rule: 503}}}]}]`, ``},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, problems := ParseRoutes(node(t, tt.routes), alert.DefaultScale, windows)
			if diff := cmp.Diff(strings.TrimSuffix(told(problems), "\n"), tt.want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
		})
	}
}

// TestNoRouteTellsNobodyByAccident: over random routes that load, an alert that a route decided about is told to somebody,
// or suppressed on purpose.
func TestNoRouteTellsNobodyByAccident(t *testing.T) {
	random := rand.New(rand.NewPCG(23, 24))
	var routes func(depth int) string
	routes = func(depth int) string {
		var b strings.Builder
		for range 1 + random.IntN(2) {
			fmt.Fprintf(&b, "{name: x, continue: true")
			for _, part := range []string{`to: [soc]`, `to: []`, `escalate: {to: oncall}`, `escalate: none`} {
				if random.IntN(3) == 0 && !strings.Contains(b.String()[strings.LastIndex(b.String(), "{name"):], part[:3]) {
					b.WriteString(", " + part)
				}
			}
			if depth > 0 {
				b.WriteString(", routes: " + routes(depth-1))
			}
			b.WriteString("}, ")
		}
		return "[" + b.String() + "]"
	}
	loaded, suppressed := 0, 0
	for range 3000 {
		text := routes(2)
		parsed, problems := ParseRoutes(node(t, text), alert.DefaultScale, nil)
		if problems != nil {
			continue
		}
		loaded++
		d := (&Table{Routes: parsed}).Decide(bruteForce())
		if len(d.Choices) == 0 && !d.Suppressed {
			t.Fatalf("%s\ntells nobody, and not on purpose", text)
		}
		if d.Suppressed {
			suppressed++
		}
	}
	if loaded < 100 || suppressed < 10 {
		t.Errorf("only %d configs loaded, %d suppressed: the test shows little", loaded, suppressed)
	}
}

func TestThrottlesOfReceivers(t *testing.T) {
	got, problems := ParseThrottle(node(t, `{rate: 20/h, burst: 7}`), "throttle")
	if diff := cmp.Diff(got, &Throttle{Count: 20, Burst: 7, Per: time.Hour}); diff != "" || problems != nil {
		t.Errorf("(-got +want):\n%s%s", diff, told(problems))
	}
	if got, problems := ParseThrottle(nil, "throttle"); got != nil || problems != nil {
		t.Errorf("no node: got %v, %v", got, problems)
	}
	if _, problems := ParseThrottle(node(t, `none`), "throttle"); len(problems) != 1 {
		t.Errorf("none: got %v, want a mistake: a receiver inherits nothing", problems)
	}
}

func TestTimeSpansInWords(t *testing.T) {
	for span, want := range map[time.Duration]string{
		30 * time.Second:        "30 s",
		90 * time.Second:        "1 min 30 s",
		15 * time.Minute:        "15 min",
		24 * time.Hour:          "24 h",
		25*time.Hour + 1e9:      "25 h 1 s",
		7 * 24 * time.Hour:      "7 days",
		49 * time.Hour:          "2 days 1 h",
		1500 * time.Millisecond: "1 s 500 ms",
		time.Microsecond:        "1µs",
	} {
		if got := spanWords(span); got != want {
			t.Errorf("%s: got %s, want %s", span, got, want)
		}
	}
}
