package rules

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/alert"
)

func TestDecisions(t *testing.T) {
	// The alert is bruteForce: level 10, location …/var/log/auth.log.
	tests := []struct {
		name, config string
		want         Decision // without Verdicts
	}{
		{
			"the first match ends the search",
			`routes: [{name: a, match: {level: 7}, to: [soc]}, {name: b, to: [ops]}]`,
			Decision{Choices: []Choice{{Receiver: "soc", Route: "a"}}},
		},
		{
			"what does not match is passed by",
			`routes: [{name: a, match: {level: 12}, to: [soc]}, {name: b, match: {location: auth}, to: [ops]}]`,
			Decision{Choices: []Choice{{Receiver: "ops", Route: "b"}}},
		},
		{
			"continue goes on",
			`routes: [{name: a, to: [soc], continue: true}, {name: b, to: [ops]}, {name: c, to: [web]}]`,
			Decision{Choices: []Choice{{Receiver: "soc", Route: "a"}, {Receiver: "ops", Route: "b"}}},
		},
		{
			"a receiver is told once, in the name of the first route",
			`routes: [{name: a, to: [soc, ops], continue: true}, {name: b, to: [web, soc]}]`,
			Decision{Choices: []Choice{{Receiver: "soc", Route: "a"}, {Receiver: "ops", Route: "a"}, {Receiver: "web", Route: "b"}}},
		},
		{
			"always is beside the routes and comes first",
			`{always: [siem, soc], routes: [{name: a, to: [soc, ops]}], default: [mail]}`,
			Decision{Choices: []Choice{{Receiver: "siem", Route: "always"}, {Receiver: "soc", Route: "always"}, {Receiver: "ops", Route: "a"}}},
		},
		{
			"no route: default, and always all the same",
			`{always: [siem], routes: [{name: a, match: {level: 12}, to: [soc]}], default: [mail, siem]}`,
			Decision{Choices: []Choice{{Receiver: "siem", Route: "always"}, {Receiver: "mail", Route: "default"}}, Defaulted: true},
		},
		{
			"no route and no default",
			`routes: [{match: {level: 12}, to: [soc]}]`,
			Decision{Defaulted: true},
		},
		{
			"no routes at all",
			`default: [mail]`,
			Decision{Choices: []Choice{{Receiver: "mail", Route: "default"}}, Defaulted: true},
		},
		{
			"nobody on purpose is a match: no default",
			`{routes: [{name: noise, match: {level: 7}, to: []}, {name: b, to: [soc]}], default: [mail]}`,
			Decision{Suppressed: true, SuppressedBy: "noise"},
		},
		{
			"nobody does not hold back always",
			`{always: [siem], routes: [{name: noise, to: []}]}`,
			Decision{Choices: []Choice{{Receiver: "siem", Route: "always"}}, Suppressed: true, SuppressedBy: "noise"},
		},
		{
			"nobody with continue and another route",
			`routes: [{name: noise, to: [], continue: true}, {name: b, to: [soc]}]`,
			Decision{Choices: []Choice{{Receiver: "soc", Route: "b"}}, Suppressed: true, SuppressedBy: "noise"},
		},
		{
			"continue with no match behind it: no default",
			`{routes: [{name: a, to: [soc], continue: true}, {name: b, match: {level: 12}, to: [ops]}], default: [mail]}`,
			Decision{Choices: []Choice{{Receiver: "soc", Route: "a"}}},
		},
		{
			"a child that matches decides in place of the parent",
			`routes: [{name: a, to: [soc], routes: [{name: b, match: {level: 12}, to: [x]}, {name: c, match: {level: 7}, to: [ops]}, {name: d, to: [y]}]}]`,
			Decision{Choices: []Choice{{Receiver: "ops", Route: "a/c"}}},
		},
		{
			"no child matches: the parent itself",
			`routes: [{name: a, to: [soc], routes: [{name: b, match: {level: 12}, to: [ops]}]}]`,
			Decision{Choices: []Choice{{Receiver: "soc", Route: "a"}}},
		},
		{
			"a child without to inherits",
			`routes: [{name: a, to: [soc, web], routes: [{name: b, routes: [{name: c}]}]}]`,
			Decision{Choices: []Choice{{Receiver: "soc", Route: "a/b/c"}, {Receiver: "web", Route: "a/b/c"}}},
		},
		{
			"a child inherits nobody too",
			`{routes: [{name: a, to: [], routes: [{name: b}]}], default: [mail]}`,
			Decision{Suppressed: true, SuppressedBy: "a/b"},
		},
		{
			"a child may tell nobody where its parent tells somebody",
			`{routes: [{name: a, to: [soc], routes: [{name: b, to: []}]}], default: [mail]}`,
			Decision{Suppressed: true, SuppressedBy: "a/b"},
		},
		{
			"a child's continue is among its siblings",
			`routes: [{name: a, to: [soc], routes: [{name: b, to: [x], continue: true}, {name: c, to: [y]}, {name: d, to: [z]}]}, {name: e, to: [ops]}]`,
			Decision{Choices: []Choice{{Receiver: "x", Route: "a/b"}, {Receiver: "y", Route: "a/c"}}},
		},
		{
			"a parent's continue is among its own",
			`routes: [{name: a, to: [soc], continue: true, routes: [{name: b, to: [x]}]}, {name: e, to: [ops]}]`,
			Decision{Choices: []Choice{{Receiver: "x", Route: "a/b"}, {Receiver: "ops", Route: "e"}}},
		},
		{
			"routes without names have numbers",
			`routes: [{match: {level: 12}, to: [x]}, {match: {level: 12}, to: [y]}, {to: [z], routes: [{match: {level: 12}}, {to: [soc]}]}]`,
			Decision{Choices: []Choice{{Receiver: "soc", Route: "routes[2]/routes[1]"}}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := table(t, tt.config).Decide(bruteForce())
			got.Verdicts = nil
			if diff := cmp.Diff(*got, tt.want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
		})
	}
}

func TestNobodyIsTheRouteThatSaysSo(t *testing.T) {
	for config, want := range map[string]string{
		`{routes: [{name: noise, to: []}], default: [mail]}`:                                   "noise",
		`{always: [siem], routes: [{name: noise, to: []}]}`:                                    "noise",
		`{routes: [{name: a, to: [soc], routes: [{name: b, to: []}]}]}`:                        "a/b",
		`{routes: [{name: noise, to: [], continue: true}, {name: b, to: [soc]}]}`:              "",
		`{always: [siem], routes: [{name: x, to: [], continue: true}, {name: b, to: [siem]}]}`: "", // the route told it, too
		`{routes: [{name: noise, to: [], continue: true}], default: [mail]}`:                   "noise",
		`{routes: [{match: {level: 12}, to: []}]}`:                                             "", // it did not match
		`{default: [mail]}`: "",
	} {
		if got := table(t, config).Nobody(bruteForce()); got != want {
			t.Errorf("%s: %q, want %q", config, got, want)
		}
	}
}

func TestVerdictsAreOfTheRoutesThatWereTried(t *testing.T) {
	got := table(t, `
routes:
  - {name: page, match: {severity: high}, to: [oncall]}
  - name: shop
    match: {location: auth}
    to: [soc]
    continue: true
    routes:
      - {name: night, match: {group: web}, to: []}
      - {match: {srcip: 203.0.113.0/24}}
      - {name: never tried, to: [x]}
  - {to: [soc]}
  - {name: never tried, to: [x]}
`).Decide(bruteForce()).Verdicts
	one := func(route string, matched bool, fact string) Verdict {
		return Verdict{route, matched, fact, []string{fact}}
	}
	want := []Verdict{
		one("page", false, "severity medium (level 10) is below high"),
		one("shop", true, `location "(web-01) 192.0.2.10->/var/log/auth.log" holds "auth"`),
		one("shop/night", false, `group "syslog", "sshd", "authentication_failures" has no "web"`),
		one("shop/routes[1]", true, "srcip 203.0.113.9 is in 203.0.113.0/24"),
		one("routes[2]", true, "takes every alert"),
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

func TestTheZeroTableTellsNobody(t *testing.T) {
	var table Table
	if got := table.Choose(bruteForce()); got != nil {
		t.Errorf("got %v, want none", got)
	}
	if diff := cmp.Diff(table.Decide(bruteForce()), &Decision{Defaulted: true}); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

func TestAlertsOfEveryFormatAreMatchedTheSameWay(t *testing.T) {
	routes := `routes:
  - name: page
    match: {level: 10, rule: 5700-5799, srcip: 203.0.113.0/24, location: auth.log$, log: failed password}
    to: [soc]`
	for name, raw := range map[string]string{
		"shell": "alertdate='2026 Nov 23 13:28:24'\nalertlocation='(web-01) 192.0.2.10->/var/log/auth.log'\nruleid='5712'\nalertlevel='10'\n" +
			"ruledescription='brute force'\nalertlog='Nov 23 13:28:24 web-01 sshd[4242]: Failed password for root from 203.0.113.9 port 40022 ssh2'\nsrcip='203.0.113.9'",
		"wazuh": `{"timestamp":"2026-11-23T13:28:24.000+0000","rule":{"level":10,"description":"brute force","id":"5712","groups":["sshd"]},` +
			`"agent":{"id":"001","name":"web-01","ip":"192.0.2.10"},"id":"1795440502.8","data":{"srcip":"203.0.113.9"},` +
			`"full_log":"Nov 23 13:28:24 web-01 sshd[4242]: Failed password for root from 203.0.113.9 port 40022 ssh2","location":"/var/log/auth.log"}`,
	} {
		got := table(t, routes).Choose(alert.Parse([]byte(raw), alert.Options{}))
		if diff := cmp.Diff(got, []Choice{{Receiver: "soc", Route: "page"}}); diff != "" {
			t.Errorf("%s (-got +want):\n%s", name, diff)
		}
	}
}
