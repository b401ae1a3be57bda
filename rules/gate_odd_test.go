package rules

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// odd writes alerts that are nearly those of a manager, and matches that look at all that is odd about them. The calmer it is,
// the fewer oddities: few gates stop what has many.
type odd struct {
	*rand.Rand
	calm int
}

// at reports whether one thing of n is odd.
func (o odd) at(n int) bool { return o.IntN(n*o.calm) == 0 }

func (o odd) pick(of ...string) string { return of[o.IntN(len(of))] }

var (
	oddAddresses = []string{"203.0.113.9", "10.1.1.1", "::ffff:10.1.1.1", "fe80::1%eth0", "198.51.100.1", "2001:db8::1", "[2001:db8::1]", "10.1.1.1:22", "10.1.1.1 / US", " 10.1.1.1", "-", "N/A", "", "any", "root"}
	oddUsers     = []string{"root", " root ", "-", "N/A", "", "db", "web", "true", "1", "sudo", "a\x00b", "r\\oot"}
	oddWords     = []string{
		"root", "sshd", "web", "sudo", "web-01", "000", "001", "1", "10", "T1110", "Brute Force", "/var/log/auth.log", "(web-01) 10.0.0.1->/var/log/x", "db->/x", "a->b->a->c", `"rule":{"level":15}`,
		`\u0072ule`, `"srcuser"`, "srcuser", "é", "\ufffd", "K", "", "any",
	}
	oddNumbers = []string{
		"0", "3", "10", "12", "16", "17", "-1", "-0", "10.0", "1e1", "1E+1", "12.5", "9223372036854775807", "9223372036854775808", "123456789012345678", "100000000000000000000000", "010", "1.",
		"5712", "1e400", "4625", "0.0",
	}
	oddKeys = strings.Fields("rule level id groups mitre agent name location data srcip srcuser dstuser full_log win system eventID aws service action waf client_ip TimeStamp sidid comment " +
		"_source parameters alert command x data.srcuser win.system.eventID rule.level srcip.x a.b")
	oddBits = []string{"\x00", "\n", "\\", "\"", "}", "{", "[", "x", "\xff", ",", "\r\n"}
)

// text is a text of JSON.
func (o odd) text(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case o.at(60):
			fmt.Fprintf(&b, o.pick(`\u%04x`, `\u%04X`), r)
		case r == '"' || r == '\\' || r == '/' && o.at(9):
			b.WriteString(`\` + string(r))
		case r < ' ':
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	if o.at(200) {
		b.WriteString(o.pick("\xff", "\x00", "\x1f", `\q`, `\ud800`, `\\`, "\t", `\`))
	}
	return `"` + b.String() + `"`
}

func (o odd) word() string { return o.text(o.pick(oddWords...)) }

// oneOf is a value of the field that texts are of: one of them as a text, or as the number or whatever it may be, or something else.
func (o odd) oneOf(texts []string) string {
	switch text := o.pick(texts...); {
	case o.at(15):
		return o.value(1)
	case text != "" && strings.Trim(text, "-+.eE0123456789") == "" && text != "-" && o.IntN(2) == 0:
		return text
	default:
		return o.text(text)
	}
}

// value is a value of any kind.
func (o odd) value(depth int) string {
	switch n := o.IntN(12); {
	case n < 2:
		return o.pick(oddNumbers...)
	case n == 2:
		return o.pick("true", "false", "null")
	case n == 3 && depth > 0:
		return "[" + o.value(depth-1) + o.comma() + o.value(depth-1) + "]"
	case n == 4 && depth > 0:
		return o.object(depth - 1)
	}
	return o.word()
}

func (o odd) comma() string {
	if o.at(30) {
		return o.pick(" , ", ",\n ", ",\r\n", "\t,", ",,")
	}
	return ","
}

// object is an object with most of the members, which are key, value, key, value.
func (o odd) object(depth int, members ...string) string {
	var parts []string
	put := func(key, value string) {
		if o.at(25) { // an escape is the same key
			i := o.IntN(len(key))
			key = key[:i] + fmt.Sprintf(o.pick(`\u%04x`, `\u%04X`), key[i]) + key[i+1:]
		}
		colon := ":"
		if o.at(30) {
			colon = o.pick(" : ", ":\n")
		}
		parts = append(parts, `"`+key+`"`+colon+value)
	}
	for m := range slices.Chunk(members, 2) {
		if m[0] == "timestamp" || m[0] == "rule" || m[0] == "level" || o.IntN(4) > 0 {
			put(m[0], m[1])
		}
		if o.at(25) { // twice
			put(m[0], o.pick(m[1], o.value(depth), "null"))
		}
	}
	for o.at(3) {
		put(o.pick(oddKeys...), o.value(depth))
	}
	if o.at(30) {
		o.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	}
	return "{" + strings.Join(parts, o.comma()) + "}"
}

// alert is an alert of Wazuh's JSON, or what was made of one.
func (o odd) alert() string {
	level := o.pick("3", "5", "7", "10", "12", "15")
	if o.at(9) {
		level = o.pick(o.pick(oddNumbers...), `"10"`, `" 10"`, `"010"`, "10.0", "[10]", "null")
	}
	rule := o.object(1, "level", level, "id", o.pick(`"5712"`, "5712", o.value(1)), "groups", "["+o.word()+o.comma()+`"sshd"]`,
		"mitre", o.object(1, "id", `["T1110"]`, "tactic", o.value(1), "technique", o.value(1)))
	data := o.object(2, "srcip", o.oneOf(oddAddresses), "dstip", o.oneOf(oddAddresses), "srcuser", o.oneOf(oddUsers), "dstuser", o.oneOf(oddUsers),
		"win", o.object(1, "system", o.object(0, "eventID", o.oneOf(oddNumbers))), "x", o.value(2))
	s := o.object(2, "timestamp", `"2026-11-14T09:10:03.111+0100"`, "rule", rule, "agent", o.object(0, "id", o.word(), "name", o.word(), "ip", o.oneOf(oddAddresses)), "manager", o.object(0, "name", o.word()),
		"id", `"1.2"`, "full_log", o.word(), "predecoder", o.object(0, "program_name", o.word(), "hostname", `"db"`), "decoder", o.object(0, "name", o.word(), "parent", o.word()), "data", data, "location", o.word())
	if !o.at(5) {
		return s
	}
	i := o.IntN(len(s))
	switch o.IntN(9) {
	case 0:
		return `{"_index":"x","_source":` + s + `}`
	case 1:
		return `{"version":1,"command":"add","parameters":{"alert":` + s + `}}`
	case 2:
		return o.pick("\ufeff", " ", "\n") + s
	case 3:
		return s + o.pick(" ", "\r\n", "\x00\x00", "}", "x")
	case 4:
		return s + o.pick("", "\x00", " ", "\n") + o.alert()
	case 5:
		return s[:i] + o.pick("", "\x00\x00"+o.alert())
	case 6:
		return s[:i] + o.pick(oddBits...) + s[i+o.IntN(2):]
	case 7:
		return s[:len(s)-1] + `,"deep":` + strings.Repeat(o.pick("[", `{"a":`), 60)
	}
	return s[:len(s)-1] + `,"full_log":"` + strings.Repeat("y", longest) + `"` + o.pick(`,"rule":{"level":15}`, `,"data":{"srcuser":"root"}`, "") + "}"
}

// logAlert is an alert of alerts.log.
func (o odd) logAlert() string {
	word := func() string { return o.pick(oddWords...) }
	lines := []string{"** Alert 1795440503.34: - " + word() + ",sshd,", "2026 Nov 14 09:10:03 " + word(), "Rule: 5712 (level " + o.pick("3", "10", o.pick(oddNumbers...)) + ") -> '" + word() + "'", "Src IP: " + o.pick(oddAddresses...),
		"User: " + o.pick(oddUsers...), word(), "srcuser: " + word()}
	if i := o.IntN(len(lines)); o.at(5) {
		lines = slices.Replace(lines, i, i+o.IntN(2), o.pick("", "x: y", "Rule: 1 (level 15) -> 'x'", "\r", " "))
	}
	return strings.Join(lines, o.pick("\n", "\n", "\r\n"))
}

// match is a match of one or two matchers.
func (o odd) match(depth int) string {
	text := strconv.Quote(o.pick("root", "!root", "^root$", "^10$", "^web", "log$", "~.", "~^$", "!x", "a|b", "db", "10", "1", "true", "/var", "->", "any", "-"))
	network := strconv.Quote(o.pick("10.0.0.0/8", "203.0.113.0/24", "::/0", "0.0.0.0/0", "2001:db8::/32", "fe80::1%eth0"))
	part := ""
	switch n := o.IntN(24); {
	case n < 6 && depth > 0:
		part = o.pick("any: ["+o.match(depth-1)+", "+o.match(depth-1)+"]", "all: ["+o.match(depth-1)+", "+o.match(depth-1)+"]", "not: "+o.match(depth-1))
	case n < 10:
		part = o.pick("level: 10", `level: "<7"`, `level: "=3"`, "level: 3-7", "level: 0-15", "severity: high", "severity: =medium")
	case n < 13:
		part = o.pick("rule: 5712", "rule: 1-100000", "rule: x", "group: sshd", "group: [web, root]", `group: "-"`, "mitre: T1110", "mitre: Brute Force", `agent_id: "001"`)
	case n < 16:
		part = o.pick("srcip", "dstip", "agent_ip") + ": " + network
	case n < 20:
		part = o.pick("location", "agent", "host", "program", "decoder", "user", "log", "manager") + ": " + text
	default:
		part = "field." + o.pick("data.srcuser", "srcuser", "win.system.eventID", "x", "rule.groups", "a.b", "rule.level", "agent.name", "srcip.x", "_source.rule.level", "data.data.srcuser", "aws.service.action", "rule") + ": " + text
	}
	if o.IntN(2) == 0 {
		return "{" + part + "}"
	}
	return "{all: [{" + part + "}, " + o.match(0) + "]}"
}

func (o odd) routes(depth int) string {
	var routes []string
	for range 1 + o.IntN(3) {
		route := "match: " + o.match(2) + o.pick("", ", continue: true")
		if depth == 1 || o.IntN(4) > 0 {
			route += o.pick(", to: [a]", ", to: [a]", ", to: []")
		}
		if depth > 0 && o.IntN(3) == 0 {
			route += ", routes: " + o.routes(depth-1)
		}
		routes = append(routes, "{"+route+"}")
	}
	return "[" + strings.Join(routes, ", ") + "]"
}

func TestOddAlertsDoNotFoolTheGate(t *testing.T) {
	o := odd{rand.New(rand.NewPCG(51, 52)), 1}
	stopped := 0
	for range 40 {
		var tables []*Table
		var gates []*Gate
		for range 20 {
			x := table(t, "{routes: "+o.routes(1)+o.pick("", "", ", default: [b]")+"}")
			tables, gates = append(tables, x), append(gates, NewGate(x))
		}
		for range 40 {
			o.calm = []int{1, 5, 50}[o.IntN(3)]
			line := o.alert()
			if o.IntN(6) == 0 {
				line = o.logAlert()
			}
			stopped += checkGates(t, tables, gates, []byte(line))
		}
	}
	if stopped < 5000 {
		t.Errorf("only %d of 32,000 were stopped: the test shows little", stopped)
	}
}

// Each byte of some alerts is left out, replaced and followed by what means something, and the line is cut there.
func TestNoByteFoolsTheGate(t *testing.T) {
	tables, gates := gates(t)
	bits := append([]string{"", "]", ":", "0", `,"`, `"level":`, `"rule"`, `\u0065`}, oddBits...)
	for _, line := range []string{
		`{"timestamp":"2026-11-14T09:10:03.111+0100","rule":{"level":3,"x":{"level":1},"id":"5710","groups":["sshd"],"mitre":{"id":["T1"]}},"agent":{"id":"001","name":"web"},` +
			`"full_log":"a\"b","data":{"srcip":"203.0.113.9","srcuser":"root"},"location":"x"}`,
		`{"rule":{"level":3,"id":5710},"data":{"a":[1,{"b":null}],"srcuser":["a"]},"predecoder":{"program_name":"sshd"}}`,
		"** Alert 1795440503.34: - syslog,sshd,\n2026 Nov 14 09:10:03 (web-01) 192.0.2.11->/var/log/auth.log\nRule: 5710 (level 7) -> 'sshd'\nSrc IP: 203.0.113.9\nUser: root\nx\n",
	} {
		for i := range line {
			for _, bit := range bits {
				for _, changed := range []string{line[:i] + bit + line[i+1:], line[:i] + bit + line[i:], line[:i] + bit} {
					checkGates(t, tables, gates, []byte(changed))
				}
			}
		}
	}
}
