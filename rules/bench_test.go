package rules

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ossec-notify/ossec-notify/alert"
)

// twelveRoutes is a config of the usual size; bruteForce is taken by the last route.
const twelveRoutes = `
always: [siem]
routes:
  - {name: page, match: {severity: high}, to: [oncall, soc]}
  - {name: noise, match: {rule: [1002, 5700-5710, 31100-31110]}, to: []}
  - {name: shop, match: {location: shop.example.com, level: 7}, to: [soc]}
  - {name: office, match: {srcip: [10.0.0.0/8, 192.0.2.0/25, 2001:db8:1::/48], not: {group: web}}, to: [soc]}
  - {name: web, match: {group: [web, accesslog, attack]}, to: [web]}
  - {name: windows, match: {location: EventChannel, user: "!^system$"}, to: [desk]}
  - {name: fim, match: {location: syscheck, log: /etc/passwd|/etc/shadow}, to: [soc]}
  - {name: db, match: {any: [{agent: ^db-}, {program: mysqld|postgres}]}, to: [db]}
  - {name: blocks, match: {location: active-responses.log}, to: [siem]}
  - {name: cloud, match: {field.data.aws.source: cloudtrail}, to: [cloud]}
  - {name: low, match: {severity: <medium}, to: []}
  - {name: ssh, match: {program: sshd, log: failed password, srcip: 203.0.113.0/24}, to: [soc]}
default: [mail]
`

func BenchmarkChoose(b *testing.B) {
	table, a := table(b, twelveRoutes), bruteForce()
	if got := table.Choose(a); len(got) != 2 || got[1] != (Choice{Receiver: "soc", Route: "ssh"}) {
		b.Fatalf("got %v", got)
	}
	b.ReportAllocs()
	for b.Loop() {
		table.Choose(a)
	}
}

func BenchmarkDecide(b *testing.B) {
	table, a := table(b, twelveRoutes), bruteForce()
	b.ReportAllocs()
	for b.Loop() {
		table.Decide(a)
	}
}

func BenchmarkMatch(b *testing.B) {
	for _, text := range []string{`level: 7`, `rule: [1002, 5700-5799]`, `srcip: 203.0.113.0/24`, `group: [web, sshd]`, `log: port 40022`, `log: ~port 40022`} {
		b.Run(strings.ReplaceAll(text, " ", ""), func(b *testing.B) {
			m, a := match(b, text), bruteForce()
			b.ReportAllocs()
			for b.Loop() {
				m.Matches(a)
			}
		})
	}
}

func TestMatchingMakesNoGarbage(t *testing.T) {
	for _, text := range everyMatcher {
		if strings.HasPrefix(text, fieldPrefix) {
			continue // its values are collected from the original
		}
		m := match(t, fmt.Sprintf("{not: {%s}}", text))
		for _, a := range []*alert.Alert{bruteForce(), bare()} {
			if n := testing.AllocsPerRun(100, func() { m.Matches(a) }); n != 0 {
				t.Errorf("%s: %v allocations", text, n)
			}
		}
	}
}
