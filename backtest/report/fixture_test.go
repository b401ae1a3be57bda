package report

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ossec-notify/ossec-notify/backtest"
)

// hostile is what an attacker writes into a log to be told on: markup, a formula, control and bidirectional characters.
const hostile = "=cmd|' /C calc'!A1 <script>alert(1)</script>\x1b[31m\x9b2J\u202efdp.exe\u2066 \"><img src=x onerror=y> http://evil.example.com/\nSecond: line\r"

// made says what a report is made of.
type made struct {
	days, receivers int
	against         bool
	hostile         bool
	changes         int
}

// makeReport makes a report whose sums agree: every figure is counted from the same made-up messages. It is the same each time.
func makeReport(m made) *backtest.Report {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	seed := uint32(7)
	dice := func(n int) int {
		seed = seed*1664525 + 1013904223
		return int(seed>>16) % n
	}
	first := time.Date(2026, 10, 1, 0, 0, 0, 0, berlin)
	r := &backtest.Report{
		Config: "ossec-notify.yaml", Zone: berlin, Gaps: map[string]bool{}, NightOf: backtest.Night{From: 22, To: 6},
		From: first, To: first.AddDate(0, 0, m.days).Add(-time.Second), Files: []string{"alerts/2026/Oct/ossec-alerts-01.json.gz", "alerts/alerts.json"},
		Read: backtest.Reading{Bytes: 1_300_000_000, Took: 9800 * time.Millisecond}, Now: &backtest.Outcome{Saved: map[string]int{}},
	}
	if m.against {
		r.Against, r.Then = "new.yaml", &backtest.Outcome{Saved: map[string]int{}}
	}
	title := func(s string) string {
		if m.hostile {
			return s + " " + hostile
		}
		return s
	}
	for d := range m.days {
		day := first.AddDate(0, 0, d).Format(time.DateOnly)
		r.Days = append(r.Days, day)
		if m.days > 5 && (d == 11 || d == 12) {
			r.Gaps[day] = true
		}
	}
	names := []backtest.Receiver{
		{Name: "soc", Channel: "slack", Place: "#soc"}, {Name: "oncall", Channel: "pagerduty", Pages: true}, {Name: "hook", Channel: "webhook"},
		{Name: "root-mail", Channel: "email", Place: "root@example.com"}, {Name: "siem", Channel: "splunk", Place: "ossec", Always: true},
	}
	for i := range m.receivers {
		x := backtest.Receiver{Name: fmt.Sprintf("team-%02d", i), Channel: "slack", Place: title(fmt.Sprintf("#team-%02d", i))}
		if i < len(names) {
			x = names[i]
		}
		x.Now.Days, x.Then.Days = make([]int, m.days), make([]int, m.days)
		x.Now.Saved, x.Then.Saved = map[string]int{}, map[string]int{}
		r.Receivers = append(r.Receivers, x)
	}
	rules := []struct {
		id, title string
		weight    int
	}{
		{"5710", "sshd: attempt to log in with a non-existent user", 54}, {"31151", "Multiple web server 400 error codes from same source ip.", 14},
		{"550", "Integrity checksum changed.", 9}, {"60122", "Logon failure - unknown user or bad password.", 8}, {"5402", "Successful sudo to ROOT executed.", 5},
		{"510", "Host-based anomaly detection event (rootcheck).", 3}, {"100300", "Payment service: card number in a log", 3}, {"2502", "User missed the password more than one time", 2},
		{"5712", "sshd: brute force trying to get access to the system.", 1}, {"87105", "VirusTotal: Alert - 11 engines detected this file", 1},
	}
	pick := func() int {
		n := dice(100)
		for i, x := range rules {
			if n -= x.weight; n < 0 {
				return i
			}
		}
		return 0
	}
	byRule, byAgent, bySource := make([]backtest.Noisy, len(rules)), make([]backtest.Noisy, 10), make([]backtest.Noisy, 10)
	for i, x := range rules {
		byRule[i] = backtest.Noisy{Key: x.id, Title: title(x.title)}
		byAgent[i] = backtest.Noisy{Key: title(fmt.Sprintf("web-%02d", i+1))}
		bySource[i] = backtest.Noisy{Key: title(fmt.Sprintf("203.0.113.%d", i+9))}
	}
	byRule[0].Words, byRule[0].Help = "dedup by srcip for 1h would leave 4 %", "dedup: {by: [srcip], for: 1h}\n"
	busy := []int{2, 2, 2, 2, 3, 3, 3, 9, 9, 12, 14, 16, 10, 11, 20, 1, 23}
	told := func(x *backtest.ReceiverOutcome, o *backtest.Outcome, cost func(*backtest.Noisy) *backtest.Cost, a, s *backtest.Noisy, rule *backtest.Noisy, rc *backtest.Receiver, d, h int) {
		x.Messages++
		x.Alerts++
		x.Days[d]++
		x.Hours[h]++
		night := h >= 22 || h < 6
		if night {
			x.Night++
		}
		if n := x.Hours[h]; n > x.Busiest {
			x.Busiest, x.BusiestAt = n/m.days+1, first.AddDate(0, 0, d).Add(time.Duration(h)*time.Hour)
		}
		if rc.Always {
			return
		}
		o.Messages++
		o.Heat[int(first.AddDate(0, 0, d).Weekday()+6)%7][h]++
		for _, n := range []*backtest.Noisy{rule, a, s} {
			c := cost(n)
			c.Messages++
			if rc.Pages {
				c.Pages++
				if night {
					c.NightPages++
				}
			}
		}
		if rc.Pages {
			o.Pages++
			if night {
				o.NightPages++
			}
		}
	}
	for d := range m.days {
		if r.Gaps[r.Days[d]] {
			continue
		}
		weekday := int(first.AddDate(0, 0, d).Weekday())
		n := 100 + dice(60)
		if weekday == 2 || weekday == 6 {
			n += 40
		}
		r.Read.Alerts += n * 250
		for range n {
			h := busy[dice(len(busy))]
			if dice(3) == 0 {
				h = dice(24)
			}
			k, agent, source := pick(), dice(dice(10)+1), dice(dice(10)+1)
			for i := range r.Receivers {
				rc := &r.Receivers[i]
				if !rc.Always && dice(10+20*i) > 7 {
					continue
				}
				for _, x := range []*backtest.Noisy{&byRule[k], &byAgent[agent], &bySource[source]} {
					x.Alerts++
				}
				told(&rc.Now, r.Now, func(n *backtest.Noisy) *backtest.Cost { return &n.Now }, &byAgent[agent], &bySource[source], &byRule[k], rc, d, h)
				if m.against && (rc.Always || k != 0 || dice(15) == 0) {
					told(&rc.Then, r.Then, func(n *backtest.Noisy) *backtest.Cost { return &n.Then }, &byAgent[agent], &bySource[source], &byRule[k], rc, d, h)
				} else if m.against {
					r.ChangeCount++
					r.Then.Saved["repeat"]++
					rc.Then.Saved["repeat"]++
					rc.Then.Updates++
					if len(r.Changes) < m.changes {
						r.Changes = append(r.Changes, backtest.Change{
							Time: first.AddDate(0, 0, d).Add(time.Duration(h)*time.Hour + time.Duration(dice(3600))*time.Second), Alert: fmt.Sprintf("17954405%02d.%d", d%100, dice(90000)),
							Rule: rules[k].id, Severity: "medium", Title: title("SSH login failed from 203.0.113.9 on " + fmt.Sprintf("web-%02d", agent+1)), Receiver: rc.Name, Why: "dedup: repeats are counted",
						})
					}
				}
			}
		}
	}
	r.Now.Told, r.Now.Nobody = r.Read.Alerts-120, 120
	r.Now.Saved["digest"], r.Now.Saved["silence"] = 88, 12
	if m.against {
		r.Then.Told = r.Read.Alerts
		r.Then.Saved["digest"], r.Then.Saved["group"] = 140, 33
	}
	r.Rules, r.Agents, r.Sources = byRule, byAgent, bySource
	r.Read.Damaged = 212
	for i := range 100 {
		text := `{"timestamp":"2026-10-0`
		if m.hostile {
			text = strings.Repeat(hostile, 3)
		}
		r.Damaged = append(r.Damaged, backtest.Damage{File: "alerts/alerts.json", Line: 1000*i + 7, Text: text})
	}
	r.Suggestions = []backtest.Suggestion{
		{Words: "rule 5710 makes 61 % of #soc; dedup by srcip for 1h would leave 4 %", YAML: "dedup: {by: [srcip], for: 1h}", Route: "ssh", Before: 2380, After: 151},
		{Words: "web scans make 14 % of #soc; group_by srcip would leave 3 %", YAML: "group_by: [srcip]\ngroup_wait: 30s", Route: "web", Before: 611, After: 130},
	}
	return r
}

// reports are those that every form is tried with. No test changes them.
var reports = sync.OnceValue(func() map[string]*backtest.Report {
	empty := &backtest.Report{Config: "ossec-notify.yaml", Zone: time.UTC, Now: &backtest.Outcome{}}
	silent := makeReport(made{days: 3, receivers: 2})
	silent.Now = &backtest.Outcome{Nobody: silent.Read.Alerts}
	silent.Rules, silent.Agents, silent.Sources, silent.Suggestions = nil, nil, nil, nil
	for i := range silent.Receivers {
		silent.Receivers[i].Now = backtest.ReceiverOutcome{Days: make([]int, 3)}
	}
	stopped := makeReport(made{days: 1, receivers: 3})
	stopped.Stopped = true
	return map[string]*backtest.Report{
		"month":   makeReport(made{days: 30, receivers: 5}),
		"against": makeReport(made{days: 30, receivers: 5, against: true, changes: 1000}),
		"hostile": makeReport(made{days: 2, receivers: 7, against: true, hostile: true, changes: 1000}),
		"year":    makeReport(made{days: 400, receivers: 50, against: true, changes: 1000}),
		"day":     stopped,
		"empty":   empty,
		"silent":  silent,
	}
})
