package rules

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/alert"
)

// snippets are matchers that overlap, include and exclude one another.
var snippets = []string{
	`level: 3`, `level: 7`, `level: 12`, `level: =7`, `level: <7`, `level: <=12`, `level: 3-11`, `level: [=3, 12]`, `level: 0`,
	`severity: low`, `severity: high`, `severity: =medium`, `severity: low-high`,
	`rule: 5712`, `rule: 5700-5799`, `rule: [5712, 31151]`, `rule: "abc"`,
	`group: web`, `group: [web, sshd]`, `mitre: T1110`, `agent_id: 001`, `agent_id: [001, 002]`,
	`srcip: 10.0.0.0/8`, `srcip: 10.1.1.1`, `srcip: [10.1.0.0/16, 203.0.113.0/24]`, `srcip: "::/0"`, `srcip: fe80::1%eth0`, `srcip: fe80::/64`,
	`location: auth`, `location: "!auth"`, `location: ^/var`, `location: ^/var/log/auth.log$`, `location: log$`, `location: /var/log|nginx`,
	`location: "!nginx|auth"`, `location: ~auth`, `location: [auth, nginx]`,
	`field.data.x: a`, `field.data.x: "!a"`, `field.data.x: ^ab`,
}

// randomMatch writes a match of one to three matchers, nested at most depth deep.
func randomMatch(random *rand.Rand, depth int) string {
	var keys, parts []string
	for range 1 + random.IntN(3) {
		part := snippets[random.IntN(len(snippets))]
		if depth > 0 {
			switch random.IntN(6) {
			case 0:
				part = "any: [" + randomMatch(random, depth-1) + ", " + randomMatch(random, depth-1) + "]"
			case 1:
				part = "all: [" + randomMatch(random, depth-1) + ", " + randomMatch(random, depth-1) + "]"
			case 2:
				part = "not: " + randomMatch(random, depth-1)
			}
		}
		key, _, _ := strings.Cut(part, ":")
		if slices.Contains(keys, key) {
			continue
		}
		keys, parts = append(keys, key), append(parts, part)
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// randomRoutes writes up to four routes, each of a name of its own.
func randomRoutes(random *rand.Rand, depth int, names *int) string {
	var routes []string
	for range 1 + random.IntN(4) {
		*names++
		parts := []string{fmt.Sprintf("name: r%d", *names)}
		if random.IntN(8) > 0 {
			parts = append(parts, "match: "+randomMatch(random, 1))
		}
		switch n := random.IntN(6); {
		case n == 0:
			parts = append(parts, "to: []")
		case n > 1 || depth == 2:
			parts = append(parts, fmt.Sprintf("to: [%c, %c]", 'a'+random.IntN(3), 'd'+random.IntN(3)))
		}
		if random.IntN(3) == 0 {
			parts = append(parts, "continue: true")
		}
		if depth > 0 && random.IntN(3) == 0 {
			parts = append(parts, "routes: "+randomRoutes(random, depth-1, names))
		}
		routes = append(routes, "{"+strings.Join(parts, ", ")+"}")
	}
	return "[" + strings.Join(routes, ", ") + "]"
}

func randomTable(random *rand.Rand) string {
	names := 0
	return "{always: [a], default: [z], routes: " + randomRoutes(random, 2, &names) + "}"
}

// everyAlert is a small world: all alerts that can be made of a few values for each field the snippets look at.
func everyAlert() []*alert.Alert {
	var all []*alert.Alert
	for _, level := range []int{-1, 0, 3, 5, 7, 10, 12, 15, 40} {
		for _, rule := range []string{"", "5712", "5750", "31151", "abc"} {
			for _, address := range []string{"", "10.1.1.1", "10.2.2.2", "203.0.113.9", "fe80::1%eth0", "fe80::1"} {
				for _, location := range []string{"", "/var/log/auth.log", "/VAR/x", "(web) any->/var/log/nginx/access.log", "/var/log/auth.log.1"} {
					// The rest follows from what came before: all of its values occur, if not in all combinations.
					n := len(all)
					a := bare()
					a.Rule.Level, a.Rule.ID, a.Source.IP, a.Location = level, rule, address, location
					a.Rule.Groups = [][]string{nil, {"web"}, {"sshd", "web"}, {"pam"}}[n%4]
					a.Rule.MITRE.IDs = [][]string{nil, {"T1110"}, {"T1078"}}[n%3]
					a.Agent.ID = []string{"", "001", "002", "003", "001"}[n%7%5]
					a.Original = map[string]any{"data": map[string]any{"x": [][]any{nil, {"a"}, {"b", "AB"}, {"b"}}[n/5%4]}}
					all = append(all, a)
				}
			}
		}
	}
	return all
}

func TestChooseAndDecideAgree(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	alerts := everyAlert()
	for range 300 {
		text := randomTable(random)
		table := table(t, text)
		for range 40 {
			a := alerts[random.IntN(len(alerts))]
			if diff := cmp.Diff(table.Choose(a), table.Decide(a).Choices); diff != "" {
				t.Fatalf("%s\n(-Choose +Decide):\n%s", text, diff)
			}
		}
	}
}

func TestLawsOfMatching(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	alerts := everyAlert()
	for range 300 {
		p, q := randomMatch(random, 2), randomMatch(random, 2)
		holds := func(text string) func(*alert.Alert) bool {
			m := match(t, text)
			return func(a *alert.Alert) bool {
				held, reason := m.Explain(a)
				if held != m.Matches(a) || reason == "" {
					t.Fatalf("%s: Explain answers %v, %q, Matches %v", text, held, reason, m.Matches(a))
				}
				return held
			}
		}
		mp, mq := holds(p), holds(q)
		laws := []struct {
			name string
			got  func(*alert.Alert) bool
			want func(*alert.Alert) bool
		}{
			{"not(not p) = p", holds("{not: {not: " + p + "}}"), mp},
			{"not p", holds("{not: " + p + "}"), func(a *alert.Alert) bool { return !mp(a) }},
			{"any of one = p", holds("{any: [" + p + "]}"), mp},
			{"all of one = p", holds("{all: [" + p + "]}"), mp},
			{"p or q", holds("{any: [" + p + ", " + q + "]}"), func(a *alert.Alert) bool { return mp(a) || mq(a) }},
			{"q or p", holds("{any: [" + q + ", " + p + "]}"), func(a *alert.Alert) bool { return mp(a) || mq(a) }},
			{"p and q", holds("{all: [" + p + ", " + q + "]}"), func(a *alert.Alert) bool { return mp(a) && mq(a) }},
			{"q and p", holds("{all: [" + q + ", " + p + "]}"), func(a *alert.Alert) bool { return mp(a) && mq(a) }},
			{"not(p or q)", holds("{not: {any: [" + p + ", " + q + "]}}"), func(a *alert.Alert) bool { return !mp(a) && !mq(a) }},
		}
		for range 30 {
			a := alerts[random.IntN(len(alerts))]
			for _, law := range laws {
				if got, want := law.got(a), law.want(a); got != want {
					t.Fatalf("%s for p = %s, q = %s: got %v, want %v", law.name, p, q, got, want)
				}
			}
		}
	}
}

func TestTheOrderOfKeysInAMatchDoesNotCount(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	alerts := everyAlert()
	for range 200 {
		m := match(t, randomMatch(random, 2))
		turned := &Match{slices.Clone(m.entries)}
		slices.Reverse(turned.entries)
		for range 30 {
			if a := alerts[random.IntN(len(alerts))]; m.Matches(a) != turned.Matches(a) {
				t.Fatal("a match and its reverse disagree")
			}
		}
	}
}

func TestLawsOfOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	alerts := everyAlert()
	receivers := func(choices []Choice) []string {
		var names []string
		for _, c := range choices {
			names = append(names, c.Receiver)
		}
		slices.Sort(names)
		return names
	}
	for range 200 {
		base := table(t, randomTable(random))
		more := table(t, randomTable(random))
		a := alerts[random.IntN(len(alerts))]

		ended := &Table{Routes: append(slices.Clone(base.Routes), &Route{Name: "end", To: []string{"end"}})}
		longer := &Table{Routes: append(slices.Clone(ended.Routes), more.Routes...)}
		if diff := cmp.Diff(ended.Choose(a), longer.Choose(a)); diff != "" {
			t.Fatalf("routes behind one that takes everything changed the choices:\n%s", diff)
		}

		open := &Table{Default: base.Default}
		for _, r := range base.Routes {
			r := *r
			r.Continue = true
			open.Routes = append(open.Routes, &r)
		}
		shuffled := &Table{Routes: slices.Clone(open.Routes), Default: base.Default}
		random.Shuffle(len(shuffled.Routes), func(i, j int) {
			shuffled.Routes[i], shuffled.Routes[j] = shuffled.Routes[j], shuffled.Routes[i]
		})
		if diff := cmp.Diff(receivers(open.Choose(a)), receivers(shuffled.Choose(a))); diff != "" {
			t.Fatalf("the order of routes that all continue changed who is told:\n%s", diff)
		}

		names := receivers(base.Choose(a))
		if len(slices.Compact(slices.Clone(names))) != len(names) {
			t.Fatalf("a receiver is told twice: %v", names)
		}
		if !slices.Contains(names, base.Always[0]) {
			t.Fatalf("always is not told: %v", names)
		}
		if d := base.Decide(a); d.Defaulted == slices.ContainsFunc(d.Verdicts, func(v Verdict) bool { return v.Matched }) {
			t.Fatalf("defaulted %v beside %v", d.Defaulted, d.Verdicts)
		}
	}
}
