package rules

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
)

// gateTables are tables that ask for all that can be asked for.
var gateTables = []string{
	`{routes: [{match: {level: 10}, to: [a]}]}`,
	`{routes: [{match: {level: 10, group: [sshd, authentication_failures]}, to: [a]}]}`,
	`{routes: [{match: {level: 3-6}, to: [a], continue: true, routes: [{match: {level: =3}, to: []}]}]}`,
	`{routes: [{match: {severity: high}, to: [a]}], default: [b]}`,
	`{routes: [{match: {level: <12}, to: []}], default: [b]}`,
	`{always: [x]}`,
	`{}`,
	`{routes: [{match: {not: {level: 0-15}}, to: [a]}]}`,
	`{routes: [{match: {not: {rule: 1-100000}}, to: [a]}]}`,
	`{routes: [{match: {rule: [5710, 5712, 31151, 550, "80202"]}, to: [a]}]}`,
	`{routes: [{match: {mitre: [T1110, "Brute Force"]}, to: [a]}]}`,
	`{routes: [{match: {agent_id: "001"}, to: [a]}, {match: {agent: ^web}, to: [b]}]}`,
	`{routes: [{match: {agent_ip: 192.0.2.0/24}, to: [a]}]}`,
	`{routes: [{match: {location: "!auth.log"}, to: [a]}]}`,
	`{routes: [{match: {location: "^(web-01) 192.0.2.11->"}, to: [a]}, {match: {host: db}, to: [b]}]}`,
	`{routes: [{match: {not: {host: "~."}}, to: [a]}]}`,
	`{routes: [{match: {srcip: 203.0.113.0/24}, to: [a]}]}`,
	`{routes: [{match: {not: {srcip: ["0.0.0.0/0", "::/0"]}}, to: [a]}]}`,
	`{routes: [{match: {dstip: 198.51.100.0/24}, to: [a]}]}`,
	`{routes: [{match: {user: root}, to: [a]}]}`,
	`{routes: [{match: {not: {user: "~."}}, to: [a]}]}`,
	`{routes: [{match: {program: sshd, decoder: sshd}, to: [a]}]}`,
	`{routes: [{match: {log: "failed|\\"}, to: [a]}]}`,
	`{routes: [{match: {not: {log: "~a"}}, to: [a]}]}`,
	`{routes: [{match: {manager: ^mgr, field.data.srcuser: root}, to: [a]}]}`,
	`{routes: [{match: {field.srcuser: "!root"}, to: [a]}]}`,
	`{routes: [{match: {field.data.win.system.eventID: "4625"}, to: [a]}, {match: {field.rule.groups: ^sys}, to: [b]}]}`,
	`{routes: [{match: {not: {field.data.aws.service.action: "~."}}, to: [a]}]}`,
	`{routes: [{match: {any: [{level: 12}, {all: [{level: 5}, {group: web}]}]}, to: [a]}]}`,
	`{routes: [{match: {level: 12}, to: [a], resolve: [{opens: {rule: 504}, closes: {rule: 503}, by: [agent]}]}]}`,
}

func gates(t testing.TB) (tables []*Table, gates []*Gate) {
	t.Helper()
	for _, text := range gateTables {
		tables = append(tables, table(t, text))
	}
	tables = append(tables, &Table{Routes: tables[0].Routes, Inhibit: []*Inhibit{{Source: match(t, "{rule: 502}"), Target: match(t, "{level: 3}"), For: time.Hour}}})
	for _, x := range tables {
		gates = append(gates, NewGate(x))
	}
	return tables, gates
}

// untouched reports whether a table has nothing to do with an alert.
func untouched(t *Table, a *alert.Alert) bool {
	if len(t.Choose(a)) > 0 || t.Nobody(a) != "" {
		return false
	}
	for _, p := range t.Pairs() {
		if p.Closes.Matches(a) {
			return false
		}
	}
	for _, in := range t.Inhibit {
		if in.Source.Matches(a) {
			return false
		}
	}
	return true
}

// checkGates sees that no gate stops what its table wants.
func checkGates(t *testing.T, tables []*Table, gates []*Gate, line []byte) (stopped int) {
	t.Helper()
	a := alert.Parse(line, alert.Options{FileName: "alerts.json", Location: time.UTC})
	for i, g := range gates {
		if g.Pass(line) {
			continue
		}
		stopped++
		if !untouched(tables[i], a) {
			d := tables[i].Decide(a)
			t.Errorf("table %d stops what it wants: choices %v, nobody %q, verdicts %v\n%s", i, d.Choices, d.SuppressedBy, d.Verdicts, line)
		}
	}
	return stopped
}

// corpusLines are the alerts of the corpus, each as the one line it would be in.
func corpusLines(t testing.TB) [][]byte {
	t.Helper()
	paths, err := filepath.Glob("../testdata/alerts/*/*")
	if err != nil || len(paths) == 0 {
		t.Fatal("no corpus", err)
	}
	var lines [][]byte
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, []byte(strings.TrimRight(string(b), "\n")))
	}
	return lines
}

// longest is how long a line is that shows what a longer one would.
const longest = 4 << 10

func TestTheGateStopsWhatNobodyWants(t *testing.T) {
	tables, gates := gates(t)
	stopped, could := 0, 0
	for _, line := range corpusLines(t) {
		stopped += checkGates(t, tables, gates, line)
		if a := alert.Parse(line, alert.Options{Location: time.UTC}); a.Format == alert.FormatWazuh && a.Problem.Kind == "" {
			for _, x := range tables {
				if untouched(x, a) {
					could++
				}
			}
		}
	}
	// The others are written over several lines, inside of something, or have values that are written in an unusual way.
	if stopped*100 < could*85 {
		t.Errorf("%d stopped, of %d that nobody wants", stopped, could)
	}
}

func TestMutatedAlertsDoNotFoolTheGate(t *testing.T) {
	tables, gates := gates(t)
	lines := corpusLines(t)
	random := rand.New(rand.NewPCG(11, 12))
	pieces := []string{`"rule":{"level":15}`, `"level":15`, `"r\u0075le":{"level":15}`, `"level":null`, `\`, `"`, `{`, `}`, `[`, `]`, `,`, `:`, "\x00", `null`, `"\u006cevel":15`,
		`"rule":null`, `"data":{"srcuser":"root"}`, `"TimeStamp":1`, `"sidid":5712`, `1e1`, `-0`, `tru`, "\xff", "\n", ` `, `"_source":{"rule":{"level":15}}`, `é`}
	stopped := 0
	for range 20000 {
		line := append([]byte(nil), lines[random.IntN(len(lines))]...)
		if len(line) > longest {
			continue
		}
		for range 1 + random.IntN(3) {
			at, end := random.IntN(len(line)+1), random.IntN(len(line)+1)
			p := pieces[random.IntN(len(pieces))]
			switch random.IntN(5) {
			case 0:
				line = append(line[:at:at], append([]byte(p), line[at:]...)...)
			case 1:
				line = append(line[:at:at], append([]byte(","+p), line[at:]...)...)
			case 2:
				if at < len(line) {
					line = append(line[:at:at], append([]byte(p), line[at+1:]...)...)
				}
			case 3:
				line = line[:at]
			case 4:
				if end-at > 0 && end-at < 30 {
					line = append(line[:at:at], line[end:]...)
				}
			}
			// Where keys may stand.
			if random.IntN(2) == 0 {
				if i := strings.LastIndex(string(line[:min(at, len(line))]), `,"`); i >= 0 {
					line = append(line[:i:i], append([]byte(","+p), line[i:]...)...)
				}
			}
		}
		stopped += checkGates(t, tables, gates, line)
		if t.Failed() {
			return
		}
	}
	if stopped == 0 {
		t.Error("nothing was stopped")
	}
	t.Log(stopped, "stopped")
}

// A key that is added and forgotten here costs time, and no alert.
func TestTheGateKnowsEveryKey(t *testing.T) {
	for _, key := range matcherKeys {
		if needs(key)&^everyField != 0 {
			t.Errorf("it does not know what %s looks at", key)
		}
	}
	x := table(t, "{routes: [{match: {user: root}, to: [a]}]}")
	x.Routes[0].Match.entries[0].key = "weather"
	if !NewGate(x).Pass([]byte(`{"timestamp":"2026-11-14T09:10:03.111+0100","rule":{"level":3,"id":"5712"},"agent":{"name":"web-01"},"location":"x"}`)) {
		t.Error("it stops an alert by a matcher of which it knows nothing")
	}
}

// pooled: what a sync.Pool keeps is there. With the race detector it forgets some at random.
var pooled = true

func TestTheGateAllocatesNothingForWhatItStops(t *testing.T) {
	for _, routes := range []string{
		`{routes: [{match: {level: 10}, to: [a]}]}`,
		`{routes: [{match: {field.data.srcuser: root}, to: [a]}]}`,
		`{routes: [{match: {field.agent.name: db}, to: [a]}]}`,
		`{routes: [{match: {any: [{srcip: 198.51.100.0/24}, {user: nobody}, {log: segfault}, {location: nginx, host: db}, {group: web}, {mitre: T9}]}, to: [a]}]}`,
	} {
		gate := NewGate(table(t, routes))
		line := []byte(`{"timestamp":"2026-11-14T09:10:03.111+0100","rule":{"level":5,"description":"sshd","id":"5710","mitre":{"id":["T1110"]},"groups":["syslog","sshd"]},"agent":{"id":"001","name":"web-01","ip":"192.0.2.11"},"manager":{"name":"mgr-01"},"id":"1.2","full_log":"Failed \"password\"","predecoder":{"program_name":"sshd"},"decoder":{"name":"sshd"},"data":{"srcip":"203.0.113.9","srcuser":"oracle"},"location":"/var/log/auth.log"}`)
		if gate.Pass(line) {
			t.Errorf("%s: it passes", routes)
		}
		if n := testing.AllocsPerRun(200, func() { gate.Pass(line) }); n != 0 && pooled {
			t.Errorf("%s: %v allocations", routes, n)
		}
	}
}

// The gates of every table of the fuzz target, and of random ones, over random tables and alerts: see everyAlert.
func TestTheGateOfRandomTables(t *testing.T) {
	random := rand.New(rand.NewPCG(13, 14))
	lines := corpusLines(t)
	stopped := 0
	for range 300 {
		names := 0
		text := "{routes: " + randomRoutes(random, 2, &names) + "}"
		tables := []*Table{table(t, text)}
		gates := []*Gate{NewGate(tables...)}
		for range 60 {
			line := lines[random.IntN(len(lines))]
			if len(line) <= longest {
				stopped += checkGates(t, tables, gates, line)
			}
		}
	}
	if stopped == 0 {
		t.Error("nothing was stopped")
	}
}

// FuzzGate: what the gate stops, nobody wants, whatever the line.
func FuzzGate(f *testing.F) {
	for _, line := range corpusLines(f) {
		if len(line) <= longest {
			f.Add(line)
		}
	}
	for _, line := range []string{
		`{"timestamp":"2026-11-14T09:10:03.111+0100","rule":{"level":3},"rule":{"level":15}}`,
		`{"timestamp":"2026-11-14T09:10:03.111+0100","rule":{"level":3,"level":15}}`,
		`{"timestamp":"2026-11-14T09:10:03.111+0100","rule":{"level":3,"\u006cevel":15}}`,
		`{"timestamp":"2026-11-14T09:10:03.111+0100","rule":{"level":3},"r\u0075le":{"level":15}}`,
		`{"timestamp":"2026-11-14T09:10:03.111+0100","rule":{"level":3,"id":"5712"},"data":{"srcuser":"root","srcuser":["a"]}}`,
		`{"timestamp":"2026-11-14T09:10:03.111+0100","rule":{"level":3.0}}`,
		`{"timestamp":"2026-11-14T09:10:03.111+0100","rule":{"level":"12"},"data":[{"srcuser":"root"}]}`,
		`{"rule":{"level":3,"sidid":5712,"group":"web"},"id":"1.1","srcip":"203.0.113.9","data":{"waf":{"client_ip":"203.0.113.9"}}}`,
		`{"rule":{"id":"1"},"data":{"v":{"waf":{"client_ip":"203.0.113.9"}},"aws":{"service":{"action":{"x":{"remoteIpDetails":{"ipAddressV4":"203.0.113.9"}}}}}}}`,
		`{"rule":{"id":"1"},"data":{"srcip":"203.0.113.9 / US","dstip":"::ffff:198.51.100.1","srcuser":"\t\"root\""},"full_log":"\\failed"}`,
		`{"rule":{"id":1,"groups":"sshd"},"agent":{"id":1,"name":"","ip":"any"},"agentless":{"host":"db","user":"u","script":"s"},"location":"x"}`,
		`{"_source":{"rule":{"level":12}},"level":3}`,
	} {
		f.Add([]byte(line))
	}
	tables, gates := gates(f)
	f.Fuzz(func(t *testing.T, line []byte) {
		if len(line) > 2*longest {
			t.Skip("longer than it needs to be")
		}
		checkGates(t, tables, gates, line)
	})
}

func TestGateKnowsNothingOfWhatIsAdded(t *testing.T) {
	text := []byte(`{"timestamp":"2026-11-23T13:28:22.000+0000","rule":{"level":5,"id":"5710","description":"x"},"agent":{"id":"001","name":"a"},"manager":{"name":"m"},"id":"1.1","full_log":"x","location":"l"}`)
	for match, want := range map[string]bool{
		`{field.asset.owner: ops}`:            true,
		`{field.asset.owner: ops, level: 10}`: false,
		`{field.assets.owner: ops}`:           false,
		`{not: {field.asset.owner: ops}}`:     true,
	} {
		table := table(t, `{routes: [{match: `+match+`, to: [soc]}]}`)
		table.Added = []string{"asset"}
		if got := NewGate(table).Pass(text); got != want {
			t.Errorf("%s: passes %v, want %v", match, got, want)
		}
	}
}
