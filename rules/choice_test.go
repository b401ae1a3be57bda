package rules

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// toldWhen are the choices as receiver@route, with the step and its time where there is one.
func toldWhen(choices []Choice) []string {
	var all []string
	for _, c := range choices {
		text := c.Receiver + "@" + c.Route
		if c.Step > 0 {
			text += fmt.Sprintf(" step %d after %s", c.Step, c.After)
		}
		all = append(all, text)
	}
	return all
}

func TestEscalationsAreChosenStepByStep(t *testing.T) {
	tests := []struct {
		name, config string
		want         []string
	}{
		{"the first at once, the others later", `routes: [{name: a, escalate: [{to: oncall}, {after: 10m, to: [boss, ops]}]}]`,
			[]string{"oncall@a step 1 after 0s", "boss@a step 2 after 10m0s", "ops@a step 2 after 10m0s"}},
		{"to is told plainly beside it", `routes: [{name: a, to: [soc], escalate: [{to: oncall}, {after: 10m, to: boss}]}]`,
			[]string{"soc@a", "oncall@a step 1 after 0s", "boss@a step 2 after 10m0s"}},
		{"told by to, not told again by the first step", `routes: [{name: a, to: [soc, oncall], escalate: [{to: oncall}, {after: 10m, to: oncall}]}]`,
			[]string{"soc@a", "oncall@a", "oncall@a step 2 after 10m0s"}},
		{"in several steps", `routes: [{name: a, escalate: [{to: oncall}, {after: 10m, to: oncall}, {after: 20m, to: oncall}]}]`,
			[]string{"oncall@a step 1 after 0s", "oncall@a step 2 after 10m0s", "oncall@a step 3 after 20m0s"}},
		{"told by always", `{always: [oncall], routes: [{name: a, escalate: [{to: oncall}, {after: 10m, to: oncall}]}]}`,
			[]string{"oncall@always", "oncall@a step 2 after 10m0s"}},
		{"by two routes", `routes: [{name: a, escalate: [{to: oncall}, {after: 10m, to: boss}], continue: true}, {name: b, to: [oncall], escalate: [{to: ops}, {after: 5m, to: [boss, ops]}]}]`,
			[]string{"oncall@a step 1 after 0s", "boss@a step 2 after 10m0s", "ops@b step 1 after 0s", "ops@b step 2 after 5m0s"}},
		{"a child inherits it", `routes: [{name: a, to: [soc], escalate: [{to: oncall}, {after: 10m, to: boss}], routes: [{name: b}]}]`,
			[]string{"soc@a/b", "oncall@a/b step 1 after 0s", "boss@a/b step 2 after 10m0s"}},
		{"a child's to takes the place of to", `routes: [{name: a, to: [soc], escalate: [{to: oncall}], routes: [{name: b, to: [ops]}]}]`,
			[]string{"ops@a/b", "oncall@a/b step 1 after 0s"}},
		{"a child's escalation takes the place of the escalation", `routes: [{name: a, to: [soc], escalate: [{to: oncall}, {after: 1h, to: boss}], routes: [{name: b, escalate: {to: ops}}]}]`,
			[]string{"soc@a/b", "ops@a/b step 1 after 0s"}},
		{"a child ends it", `routes: [{name: a, to: [soc], escalate: {to: oncall}, routes: [{name: b, escalate: none}]}]`,
			[]string{"soc@a/b"}},
		{"nobody is nobody", `routes: [{name: a, escalate: {to: oncall}, routes: [{name: b, to: []}]}]`, nil},
		{"nor do the children of nobody inherit it", `routes: [{name: a, escalate: {to: oncall}, routes: [{name: b, to: [], routes: [{name: c}]}]}]`, nil},
		{"an escalation in nobody tells somebody", `routes: [{name: a, to: [], routes: [{name: b, escalate: {to: oncall}}]}]`,
			[]string{"oncall@a/b step 1 after 0s"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			table := table(t, tt.config)
			d := table.Decide(bruteForce())
			if diff := cmp.Diff(toldWhen(d.Choices), tt.want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
			if nobody := tt.want == nil; d.Suppressed != nobody || (table.Nobody(bruteForce()) != "") != nobody {
				t.Errorf("suppressed: %v by %q, Nobody: %q", d.Suppressed, d.SuppressedBy, table.Nobody(bruteForce()))
			}
		})
	}
}

func TestChoicesCarryThePolicyOfTheirRoute(t *testing.T) {
	table := table(t, `
always: [siem]
routes:
  - {name: a, to: [soc], continue: true}
  - name: b
    to: [ops]
    dedup: 15m
    routes: [{name: c, escalate: [{to: oncall}, {after: 5m, to: boss}]}]
default: [mail]
`)
	got := map[string]*Policy{}
	for _, c := range table.Choose(bruteForce()) {
		got[c.Receiver] = c.Policy
	}
	c := table.Routes[1].Routes[0].Policy
	want := map[string]*Policy{"siem": nil, "soc": nil, "ops": c, "oncall": c, "boss": c}
	if c == nil || c.Dedup == nil || c.Dedup != table.Routes[1].Policy.Dedup {
		t.Fatalf("the policy of b/c is %v", c.Words())
	}
	for name, policy := range want {
		if got[name] != policy {
			t.Errorf("%s has the policy %v, want %v", name, got[name].Words(), policy.Words())
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %d receivers, want %d", len(got), len(want))
	}
	table.Routes = nil
	for _, c := range table.Choose(bruteForce()) {
		if c.Policy != nil {
			t.Errorf("%s of no route has the policy %v", c.Receiver, c.Policy.Words())
		}
	}
}

func TestRoutesMadeByHandHaveTheirPolicies(t *testing.T) {
	p := &Policy{Escalate: []Step{{To: []string{"oncall"}}, {To: []string{"boss"}, After: time.Minute}}}
	table := &Table{Routes: []*Route{{Name: "a", To: []string{"soc"}, Policy: p}}}
	got := table.Choose(bruteForce())
	if diff := cmp.Diff(toldWhen(got), []string{"soc@a", "oncall@a step 1 after 0s", "boss@a step 2 after 1m0s"}); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	if got[0].Policy != p {
		t.Error("the policy is another")
	}
	want := `0:0: "oncall" is no receiver: add it under receivers:
0:0: "boss" is no receiver: add it under receivers:
`
	if diff := cmp.Diff(told(table.Check(map[string]bool{"soc": true})), want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

// TestPoliciesCostNothing: with a policy on every route, choosing makes as much garbage as without.
func TestPoliciesCostNothing(t *testing.T) {
	const plain = `routes: [{name: a, match: {level: 12}, to: [x]}, {name: b, to: [soc, ops]}]`
	const full = `routes: [{name: a, match: {level: 12}, to: [x], dedup: 1h}, {name: b, to: [soc, ops], dedup: 15m, group_by: rule, throttle: 20/h, active: night, resolve: {opens: {rule: 504}, closes: {rule: 503}}}]`
	allocs := func(config string) float64 {
		table, a := table(t, config), bruteForce()
		return testing.AllocsPerRun(100, func() { table.Choose(a) })
	}
	if with, without := allocs(full), allocs(plain); with > without {
		t.Errorf("%v allocations with policies, %v without", with, without)
	}
}

// TestAReceiverIsToldOnceAtEachTime: over random routes with escalations, no receiver is chosen twice for the same time,
// and the choices at once are in the name of the first route that asks for the receiver.
func TestAReceiverIsToldOnceAtEachTime(t *testing.T) {
	random := rand.New(rand.NewPCG(17, 18))
	alerts := everyAlert()
	steps := 0
	for range 500 {
		text := "routes: ["
		for i := range 1 + random.IntN(4) {
			text += fmt.Sprintf("{name: r%d, match: %s, continue: true, to: [%c]", i, randomMatch(random, 1), 'a'+random.IntN(4))
			if random.IntN(2) == 0 {
				text += fmt.Sprintf(", escalate: [{to: %c}, {after: 5m, to: [%c, x]}, {after: 1h, to: %c}]", 'a'+random.IntN(4), 'a'+random.IntN(4), 'a'+random.IntN(4))
			}
			text += "}, "
		}
		table := table(t, text+"]")
		a := alerts[random.IntN(len(alerts))]
		type moment struct {
			receiver string
			step     int
		}
		first := map[moment]string{} // by what the routes say, one after the other
		for _, r := range table.Routes {
			if !r.Match.Matches(a) {
				continue
			}
			ask := func(receivers []string, step int) {
				for _, name := range receivers {
					if k := (moment{name, step}); first[k] == "" {
						first[k] = r.Name
					}
				}
			}
			ask(r.To, 1)
			if r.Policy != nil {
				for i, s := range r.Policy.Escalate {
					ask(s.To, i+1)
				}
			}
		}
		got := map[moment]string{}
		for _, c := range table.Choose(a) {
			k := moment{c.Receiver, max(c.Step, 1)}
			if got[k] != "" {
				t.Fatalf("%s]\n%s is told twice in step %d", text, k.receiver, k.step)
			}
			got[k] = c.Route
			if c.Step > 1 {
				steps++
			}
		}
		if diff := cmp.Diff(got, first, cmp.AllowUnexported(moment{})); diff != "" {
			t.Fatalf("%s]\n(-got +want):\n%s", text, diff)
		}
	}
	if steps < 200 {
		t.Errorf("only %d later steps: the test shows little", steps)
	}
}
