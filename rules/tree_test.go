package rules

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// drawn writes a tree as lines.
func drawn(branches []Branch, indent string) string {
	var b strings.Builder
	var tests func(all []Test, indent string)
	tests = func(all []Test, indent string) {
		for _, t := range all {
			fmt.Fprintf(&b, "%s%v %s | %s\n", indent, t.Held, t, t.Has)
			tests(t.Tests, indent+"  ")
		}
	}
	for _, x := range branches {
		decides := ""
		if x.Decides {
			decides = " decides"
		}
		fmt.Fprintf(&b, "%s%s %s%s %v: %s\n", indent, x.Outcome, x.Route, decides, x.To, x.Why())
		tests(x.Tests, indent+"  - ")
		b.WriteString(drawn(x.Branches, indent+"    "))
	}
	return b.String()
}

func TestTreeSaysWhatEachRouteMakesOfAnAlert(t *testing.T) {
	x := table(t, `
routes:
  - {name: page, match: {severity: high, user: alice}, to: [a], routes: [{name: night, match: {level: 3}}]}
  - {name: copy, match: {level: 7}, to: [b], continue: true}
  - name: ssh
    match: {group: [sshd, web], any: [{rule: 5712}, {level: 12, dstip: 10.0.0.0/8}], not: {srcip: 10.0.0.0/8}}
    to: [a, b]
    routes:
      - {name: own, match: {agent_id: 002, mitre: T1, field.data.nothing: x}}
      - {name: web, match: {agent: web, all: [{log: password}, {manager: ^m}]}}
      - {name: rest, to: []}
  - {name: late, match: {not: {level: 3}}, to: [c]}
`)
	want := `missed page [a]: asks for severity: high; this is medium (and 1 more matcher fails)
  - false severity: high | medium
  - false user: alice | "root"
    unasked page/night [a]: not asked, because page around it does not match
      - true level: 3 | 10
taken copy decides [b]: level 10 is at least 7
  - true level: 7 | 10
taken ssh [a b]: group has "sshd", rule 5712 is 5712, srcip 203.0.113.9 is not in 10.0.0.0/8
  - true group: [sshd, web] | syslog, sshd, authentication_failures
  - true any of rule: 5712, {level: 12, dstip: 10.0.0.0/8} | 
  -   true rule: 5712 | 5712
  -   false {level: 12, dstip: 10.0.0.0/8} | 
  -     false level: 12 | 10
  -     false dstip: 10.0.0.0/8 | 2001:db8::5
  - true not {srcip: 10.0.0.0/8} | 
  -   false srcip: 10.0.0.0/8 | 203.0.113.9
    missed ssh/own [a b]: asks for agent_id: 002; this is 001 (and 2 more matchers fail)
      - false agent_id: 002 | 001
      - false mitre: T1 | T1110, "Credential Access", "Brute Force"
      - false field.data.nothing: x | 
    taken ssh/web decides [a b]: agent "web-01" holds "web", log "Nov 23 13:28:24 web-01 sshd[4242]: Failed password for root from 203.0.113.9 por"… holds "password", manager "manager-1" begins with "m"
      - true agent: web | "web-01"
      - true all of log: password, manager: ^m | 
      -   true log: password | "Nov 23 13:28:24 web-01 sshd[4242]: Failed password for root from 203.0.113.9 por"…
      -   true manager: ^m | "manager-1"
    unasked ssh/rest []: not asked, ssh/web took it
unasked late [c]: not asked, ssh took it
  - false not {level: 3} | 
  -   true level: 3 | 10
`
	tree := x.Tree(bruteForce())
	if diff := cmp.Diff(drawn(tree, ""), want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	if got := NearestMiss(tree); got == nil || got.Route != "page" {
		t.Errorf("the nearest miss is %v, want page", got)
	}
	if got := NearestMiss(table(t, "routes: [{to: [a]}]").Tree(bruteForce())); got != nil {
		t.Errorf("the nearest miss is %v where all match", got)
	}
}

func TestWhatAMissedRouteAsksFor(t *testing.T) {
	for _, tt := range []struct{ match, want string }{
		{`level: 12`, `asks for level: 12; this is 10`},
		{`severity: [=low, high]`, `asks for severity: [=low, high]; this is medium`},
		{`user: alice, level: 12`, `asks for user: alice; this is "root" (and 1 more matcher fails)`},
		{`field.data.nothing: x, level: 12`, `asks for level: 12; this is 10 (and 1 more matcher fails)`}, // what it lacks is farther away
		{`field.data.nothing: x`, `asks for field.data.nothing: x; the alert has none`},
		{`group: web`, `asks for group: web; it has syslog, sshd, authentication_failures`},
		{`not: {level: 7}`, `asks for not {level: 7}; level 10 is at least 7`},
		{`any: [{level: 12}, {group: web, rule: 1}]`, `asks for any of level: 12, {group: web, rule: 1}; level 10 is below 12, group "syslog", "sshd", "authentication_failures" has no "web"`},
	} {
		b := table(t, "routes: [{to: [a], match: {"+tt.match+"}}]").Tree(bruteForce())[0]
		if b.Outcome != Missed || b.Why() != tt.want {
			t.Errorf("{%s}: %s, %s\nwant missed, %s", tt.match, b.Outcome, b.Why(), tt.want)
		}
	}
}

// TestTreeIsWhatDecideDoes: both walk the same way, which no table of any kind changes.
func TestTreeIsWhatDecideDoes(t *testing.T) {
	random := rand.New(rand.NewPCG(31, 32))
	alerts := everyAlert()
	for range 200 {
		text := randomTable(random)
		x := table(t, text)
		for range 20 {
			a := alerts[random.IntN(len(alerts))]
			d := x.Decide(a)
			for i, v := range d.Verdicts {
				if strings.Join(v.Facts, ", ") != v.Reason {
					t.Fatalf("%s\n%s: the facts are %q, the reason %q", text, v.Route, v.Facts, v.Reason)
				}
				d.Verdicts[i].Facts = nil
			}
			var asked []Verdict
			told := slices.Clone(x.Always)
			var walk func(branches []Branch)
			walk = func(branches []Branch) {
				for _, b := range branches {
					if b.Outcome != Unasked {
						asked = append(asked, Verdict{Route: b.Route, Matched: b.Outcome == Taken, Reason: b.Reason})
					}
					if b.Matches == slices.ContainsFunc(b.Tests, func(t Test) bool { return !t.Held }) {
						t.Fatalf("%s\n%s matches: %v, unlike its matchers", text, b.Route, b.Matches)
					}
					walk(b.Branches)
					if b.Decides {
						told = append(told, b.To...)
					}
				}
			}
			walk(x.Tree(a))
			if diff := cmp.Diff(asked, d.Verdicts); diff != "" {
				t.Fatalf("%s\n(-tree +decide):\n%s", text, diff)
			}
			if d.Defaulted {
				told = append(told, x.Default...)
			}
			var chosen []string
			for _, c := range d.Choices {
				chosen = append(chosen, c.Receiver)
			}
			slices.Sort(told)
			slices.Sort(chosen)
			if diff := cmp.Diff(slices.Compact(told), slices.Compact(chosen)); diff != "" {
				t.Fatalf("%s\n(-tree +decide):\n%s", text, diff)
			}
		}
	}
}
