package rules

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/alert"
)

// withLevel and the like make an alert that says one thing only.
func withLevel(n int) *alert.Alert {
	a := bare()
	a.Rule.Level = n
	return a
}

func TestLevelMatchers(t *testing.T) {
	// The levels that match, of all that OSSEC has.
	tests := []struct {
		match string
		want  []int
	}{
		{`level: 10`, []int{10, 11, 12, 13, 14, 15, 16}},
		{`level: "10"`, []int{10, 11, 12, 13, 14, 15, 16}},
		{`level: 010`, []int{10, 11, 12, 13, 14, 15, 16}},
		{`level: ">=10"`, []int{10, 11, 12, 13, 14, 15, 16}},
		{`level: ">= 10"`, []int{10, 11, 12, 13, 14, 15, 16}},
		{`level: ">14"`, []int{15, 16}},
		{`level: =10`, []int{10}},
		{`level: <5`, []int{0, 1, 2, 3, 4}},
		{`level: <=3`, []int{0, 1, 2, 3}},
		{`level: 7-9`, []int{7, 8, 9}},
		{`level: 7 - 9`, []int{7, 8, 9}},
		{`level: 7-7`, []int{7}},
		{`level: [=3, 7-9]`, []int{3, 7, 8, 9}},
		{`level: [<2, 15]`, []int{0, 1, 15, 16}},
		{`level: 0`, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}},
		{`level: =16`, []int{16}},

		{`severity: high`, []int{12, 13, 14, 15, 16}},
		{`severity: HIGH`, []int{12, 13, 14, 15, 16}},
		{`severity: =high`, []int{12, 13, 14}},
		{`severity: ">=high"`, []int{12, 13, 14, 15, 16}},
		{`severity: ">high"`, []int{15, 16}},
		{`severity: <low`, []int{0, 1, 2, 3}},
		{`severity: <=low`, []int{0, 1, 2, 3, 4, 5, 6}},
		{`severity: medium-high`, []int{7, 8, 9, 10, 11, 12, 13, 14}},
		{`severity: high-critical`, []int{12, 13, 14, 15, 16}},
		{`severity: [=info, =critical]`, []int{0, 1, 2, 3, 15, 16}},
	}
	for _, tt := range tests {
		m := match(t, "{"+tt.match+"}")
		var got []int
		for n := 0; n <= maxLevel; n++ {
			if m.Matches(withLevel(n)) {
				got = append(got, n)
			}
		}
		if diff := cmp.Diff(got, tt.want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", tt.match, diff)
		}
	}
}

func TestSeverityFollowsTheScaleOfTheConfig(t *testing.T) {
	scale := alert.Scale{Low: 2, Medium: 3, High: 5, Critical: 10}
	m, problems := parseMatch(node(t, "{severity: high}"), scale)
	if problems != nil {
		t.Fatal(told(problems))
	}
	for n := 0; n <= maxLevel; n++ {
		if got, want := m.Matches(withLevel(n)), n >= 5; got != want {
			t.Errorf("level %d: got %v, want %v", n, got, want)
		}
	}
}

func TestLevelsAboveTheHighestAreOnlyInSetsThatAreOpenUpwards(t *testing.T) {
	for _, n := range []int{17, 31, 32, 99} {
		for text, want := range map[string]bool{
			`{level: 16}`: true, `{level: =16}`: false, `{level: 0-16}`: false, `{level: <5}`: false,
			`{severity: critical}`: true, `{severity: =critical}`: true, `{severity: <=high}`: false,
		} {
			if got := match(t, text).Matches(withLevel(n)); got != want {
				t.Errorf("%s on level %d: got %v, want %v", text, n, got, want)
			}
		}
	}
}

func TestRuleMatchers(t *testing.T) {
	tests := []struct {
		match, id string
		want      bool
	}{
		{`5712`, "5712", true},
		{`"5712"`, "5712", true},
		{`5712`, "57120", false},
		{`5712`, "571", false},
		{`5712`, "005712", true}, // numbers
		{`005712`, "5712", true},
		{`5700-5799`, "5700", true},
		{`5700-5799`, "5799", true},
		{`5700-5799`, "5800", false},
		{`5700-5799`, "57", false}, // not in the order of text
		{`[100, 5700-5799]`, "5712", true},
		{`[100, 5700-5799]`, "100", true},
		{`[100, 5700-5799]`, "101", false},
		{`sshd-1`, "sshd-1", true}, // text
		{`sshd-1`, "SSHD-1", false},
		{`5700-5799`, "5712a", false},
		{`5700-5799`, "5700-5799", false},
		{`18446744073709551616`, "18446744073709551616", true}, // too large for a number
		{`18446744073709551616`, "0", false},
	}
	for _, tt := range tests {
		if strings.Contains(tt.match, "sshd-1") || strings.Contains(tt.match, "6744") {
			tt.match = `"` + tt.match + `"`
		}
		a := bare()
		a.Rule.ID = tt.id
		if got := match(t, "{rule: "+tt.match+"}").Matches(a); got != tt.want {
			t.Errorf("rule: %s on %q: got %v, want %v", tt.match, tt.id, got, tt.want)
		}
	}
}

func TestWordMatchersAreExact(t *testing.T) {
	tests := []struct {
		match string
		want  bool
	}{
		{`group: sshd`, true},
		{`group: SSHD`, false},
		{`group: ssh`, false},
		{`group: [web, sshd]`, true},
		{`group: [web, pam]`, false},
		{`mitre: T1110`, true},
		{`mitre: t1110`, false},
		{`mitre: T1110.001`, false},
		{`mitre: Credential Access`, true},
		{`mitre: Brute Force`, true},
		{`mitre: [T1078, T1110]`, true},
		{`agent_id: 001`, true}, // YAML's number 1
		{`agent_id: "001"`, true},
		{`agent_id: 0001`, false},
		{`agent_id: [002, 001]`, true},
		{`agent_id: [002, 003]`, false},
	}
	for _, tt := range tests {
		if got := match(t, "{"+tt.match+"}").Matches(bruteForce()); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.match, got, tt.want)
		}
	}
}

func TestAddressMatchers(t *testing.T) {
	tests := []struct {
		match, address string
		want           bool
	}{
		{`203.0.113.9`, "203.0.113.9", true},
		{`203.0.113.9`, "203.0.113.90", false},
		{`203.0.113.0/24`, "203.0.113.255", true},
		{`203.0.113.0/24`, "203.0.114.0", false},
		{`203.0.113.77/24`, "203.0.113.9", true}, // bits behind the network part
		{`0.0.0.0/0`, "198.51.100.1", true},
		{`0.0.0.0/0`, "2001:db8::1", false},
		{`"::/0"`, "2001:db8::1", true},
		{`"::/0"`, "198.51.100.1", false},
		{`[10.0.0.0/8, 192.0.2.7]`, "192.0.2.7", true},
		{`[10.0.0.0/8, 192.0.2.7]`, "10.255.0.1", true},
		{`[10.0.0.0/8, 192.0.2.7]`, "192.0.2.8", false},
		{`2001:db8::/32`, "2001:db8:1::1", true},
		{`2001:db8::/32`, "2001:db9::1", false},
		{`2001:DB8::1`, "2001:db8:0:0:0:0:0:1", true},
		{`192.0.2.0/24`, "::ffff:192.0.2.7", true}, // IPv4 inside IPv6, on either side
		{`"::ffff:192.0.2.0/120"`, "192.0.2.7", true},
		{`"::ffff:192.0.2.0/120"`, "::ffff:192.0.2.7", true},
		{`"::ffff:192.0.2.7"`, "192.0.2.7", true},
		{`fe80::1`, "fe80::1%eth0", true}, // no zone: every zone
		{`fe80::/10`, "fe80::1%eth0", true},
		{`fe80::1%eth0`, "fe80::1%eth0", true},
		{`fe80::1%eth0`, "fe80::1%eth1", false},
		{`fe80::1%eth0`, "fe80::1", false},
		{`0.0.0.0/0`, "web-01", false},
		{`0.0.0.0/0`, "203.0.113.9, 10.0.0.1", false},
		{`0.0.0.0/0`, "any", false},
	}
	for _, tt := range tests {
		a := bare()
		a.Source.IP, a.Destination.IP, a.Agent.IP = tt.address, tt.address, tt.address
		for _, key := range []string{"srcip", "dstip", "agent_ip"} {
			if got := match(t, "{"+key+": "+tt.match+"}").Matches(a); got != tt.want {
				t.Errorf("%s: %s on %s: got %v, want %v", key, tt.match, tt.address, got, tt.want)
			}
		}
	}
}

func TestAnAddressThatOnlyTheTextHoldsMatches(t *testing.T) {
	a := bare()
	a.Source.Text = "fe80::1%eth0"
	if !match(t, `{srcip: "fe80::/10"}`).Matches(a) {
		t.Error("got false, want true")
	}
}

func TestTextMatchersSpeakOSSECsLanguage(t *testing.T) {
	tests := []struct {
		pattern, text string
		want          bool
	}{
		{`auth`, "/var/log/auth.log", true}, // substring
		{`AUTH.log`, "/var/log/Auth.LOG", true},
		{`auth`, "/var/log/secure", false},
		{`^/var`, "/var/log/auth.log", true}, // anchors
		{`^/log`, "/var/log/auth.log", false},
		{`.LOG$`, "/var/log/auth.log", true},
		{`auth$`, "/var/log/auth.log", false},
		{`^/Var/Log$`, "/var/log", true},
		{`^/var$`, "/var/log", false},
		{`secure|auth`, "/var/log/auth.log", true}, // or
		{`^/log|log$`, "/var/log/auth.log", true},  // anchors belong to their alternative
		{`^/log|var$`, "/var/log/auth.log", false},
		{`a^b`, "xa^by", true}, // in the middle they are letters
		{`a$b`, "xa$by", true},
		{`a$b`, "a", false},
		{`.`, "auth", false}, // no wildcard
		{`a*`, "aaa", false},
		{`!auth`, "/var/log/auth.log", false}, // negation
		{`!auth`, "/var/log/secure", true},
		{`!^/var|secure`, "/opt/log", true}, // of all alternatives
		{`!^/var|secure`, "/opt/secure", false},
		{`a!b`, "a!b", true}, // leading only
		{`!!b`, "x!b", false},
		{`!!b`, "xb", true},
		{`~^/var/log/\w+\.log$`, "/var/log/auth.log", true}, // regular expressions
		{`~AUTH`, "/var/log/auth.log", false},
		{`~(?i)AUTH`, "/var/log/auth.log", true},
		{`~a|b`, "xbx", true},
		{`Über`, "grüße über alles", true}, // beyond ASCII
		{`^ΣΑΣ$`, "σας", true},
		{`true`, "it is TRUE", true}, // YAML's words and numbers stay text
		{`001`, "agent 001", true},
		{`001`, "agent 1", false},
		{`1.10`, "version 1.10", true},
		{` `, "a b", true},
	}
	for _, tt := range tests {
		yes := []string{"'" + tt.pattern + "'"}
		if strings.Trim(tt.pattern, " ") == tt.pattern && !strings.ContainsAny(tt.pattern[:1], "!|") {
			yes = append(yes, tt.pattern) // plain
		}
		for _, value := range yes {
			if tt.pattern == " " {
				continue
			}
			for key, a := range textAlerts(tt.text) {
				if got := match(t, key+": "+value).Matches(a); got != tt.want {
					t.Errorf("%s: %s on %q: got %v, want %v", key, value, tt.text, got, tt.want)
				}
			}
		}
	}
}

// textAlerts makes for each key of a text an alert that has the text there and nothing else.
func textAlerts(text string) map[string]*alert.Alert {
	alerts := map[string]*alert.Alert{}
	for _, key := range []string{"location", "agent", "host", "program", "decoder", "user", "log", "manager", "field.data.x"} {
		alerts[key] = bare()
	}
	alerts["location"].Location = text
	alerts["agent"].Agent.Name = text
	alerts["host"].Host = text
	alerts["program"].Program = text
	alerts["decoder"].Decoder = text
	alerts["user"].User = text
	alerts["log"].Log = text
	alerts["manager"].Manager = text
	alerts["field.data.x"].Original = map[string]any{"data": map[string]any{"x": text}}
	return alerts
}

func TestAListOfTextsIsAnyOfThem(t *testing.T) {
	m := match(t, `location: [secure, "~auth\\.log$"]`)
	for text, want := range map[string]bool{"/var/log/auth.log": true, "/var/log/secure": true, "/var/log/auth.log.1": false} {
		if got := m.Matches(textAlerts(text)["location"]); got != want {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
}

func TestAFieldWithSeveralValuesIsAnyOfThem(t *testing.T) {
	for text, want := range map[string]bool{
		`field.data.tags: shop`:         true,
		`field.data.tags: ^east$`:       true,
		`field.data.tags: west`:         false,
		`field.data.tags: [west, shop]`: true,
		`field.data.tags: "!west"`:      true,
		`field.data.tags: "!shop"`:      false, // one of them is
		`field.data.srcport: ^40022$`:   true,
	} {
		if got := match(t, text).Matches(bruteForce()); got != want {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
}

func TestCombinations(t *testing.T) {
	for text, want := range map[string]bool{
		`{level: 7, location: auth, srcip: 203.0.113.0/24}`:                 true, // all keys
		`{level: 7, location: auth, srcip: 10.0.0.0/8}`:                     false,
		`any: [{level: 12}, {group: sshd}]`:                                 true,
		`any: [{level: 12}, {group: web}]`:                                  false,
		`any: [{level: 12}, {group: sshd, level: 11}]`:                      false,
		`all: [{level: 7}, {location: auth}]`:                               true,
		`all: [{location: auth}, {location: secure}]`:                       false,
		`not: {level: 12}`:                                                  true,
		`not: {level: 7}`:                                                   false,
		`not: {level: 7, group: web}`:                                       true, // of the whole
		`not: {any: [{group: web}, {group: sshd}]}`:                         false,
		`not: {not: {level: 7}}`:                                            true,
		`{level: 7, not: {srcip: 10.0.0.0/8}}`:                              true,
		`{level: 12, any: [{group: sshd}], all: [{level: 0}]}`:              false,
		`{any: [{all: [{level: 7}, {not: {user: ^admin$}}]}]}`:              true,
		`{<<: {level: 12}, level: 7}`:                                       true, // own keys come before merged ones
		`{<<: [{level: 7}, {level: 12}], location: auth}`:                   true,
		`{<<: {x-why: y, location: secure}, x-note: [1, {a: b}], level: 7}`: false,
	} {
		if got := match(t, text).Matches(bruteForce()); got != want {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
}

// everyMatcher has one matcher of each key that holds for bruteForce.
var everyMatcher = []string{
	`level: 7`, `severity: medium`, `rule: 5712`, `group: sshd`, `mitre: T1110`, `srcip: 203.0.113.9`, `dstip: 2001:db8::/32`,
	`agent_ip: 192.0.2.10`, `agent_id: 001`, `location: auth`, `agent: web`, `host: web`, `program: ssh`, `decoder: ssh`,
	`user: root`, `log: failed`, `manager: manager`, `field.data.srcport: 40022`,
}

func TestAFieldThatTheAlertLacksMatchesNothingAndNotOfItHolds(t *testing.T) {
	for _, text := range everyMatcher {
		m, not := match(t, "{"+text+"}"), match(t, "{not: {"+text+"}}")
		if !m.Matches(bruteForce()) || not.Matches(bruteForce()) {
			t.Errorf("%s on an alert that has it: got %v and not %v, want true and false", text, m.Matches(bruteForce()), not.Matches(bruteForce()))
		}
		if m.Matches(bare()) || !not.Matches(bare()) {
			t.Errorf("%s on an alert that lacks it: got %v and not %v, want false and true", text, m.Matches(bare()), not.Matches(bare()))
		}
		held, reason := m.Explain(bare())
		if held || !strings.HasPrefix(reason, "the alert has no ") {
			t.Errorf("%s on an alert that lacks it: got %v, %q", text, held, reason)
		}
	}
	if len(everyMatcher) != len(matcherKeys)+1 {
		t.Errorf("everyMatcher has %d keys, want %d and field.<path>", len(everyMatcher), len(matcherKeys))
	}
}

func TestANegatedTextNeedsAFieldToLookAt(t *testing.T) {
	// A truth table: the field holds the text, holds another, is empty, is not there.
	tests := []struct {
		match string
		want  [4]bool
	}{
		{`%s: foo`, [4]bool{true, false, false, false}},
		{`%s: "!foo"`, [4]bool{false, true, false, false}},
		{`not: {%s: foo}`, [4]bool{false, true, true, true}},
		{`not: {%s: "!foo"}`, [4]bool{true, false, true, true}},
		{`%s: ~^`, [4]bool{true, true, false, false}}, // there at all
	}
	for _, key := range []string{"location", "agent", "host", "program", "decoder", "user", "log", "manager", "field.data.x"} {
		alerts := [4]*alert.Alert{textAlerts("a foo b")[key], textAlerts("bar")[key], textAlerts("")[key], bare()}
		for _, tt := range tests {
			m := match(t, strings.Replace(tt.match, "%s", key, 1))
			for i, a := range alerts {
				if got := m.Matches(a); got != tt.want[i] {
					t.Errorf("%s on alert %d: got %v, want %v", strings.Replace(tt.match, "%s", key, 1), i, got, tt.want[i])
				}
			}
		}
	}
}

func TestNilMatchHoldsForEveryAlert(t *testing.T) {
	m, problems := parseMatch(nil, alert.DefaultScale)
	if m != nil || problems != nil || !m.Matches(bare()) {
		t.Errorf("got %v, %v, %v, want nil, nil, true", m, problems, m.Matches(bare()))
	}
}

// The golden file has blocks of a match and, for each alert, the answer with its reason.
func TestReasonsAreFactsAboutTheAlert(t *testing.T) {
	matches := append(everyMatcher[:len(everyMatcher):len(everyMatcher)],
		`level: 12`, `level: ">10"`, `level: <5`, `level: <=10`, `level: =3`, `level: 7-9`, `level: [=3, 12]`, `level: [=3, 10]`,
		`severity: high`, `severity: =medium`, `severity: low-medium`, `severity: [=info, high]`,
		`rule: 5700-5799`, `rule: 1-5`, `rule: 31151`, `rule: [1-5, 31151]`,
		`group: web`, `group: [web, pam]`, `mitre: T1078`, `agent_id: 002`, `agent_id: [002, 003]`,
		`srcip: 203.0.113.0/24`, `srcip: 10.0.0.0/8`, `srcip: 192.0.2.7`, `srcip: [10.0.0.0/8, 192.0.2.7]`,
		`location: ^(web-01)`, `location: .log$`, `location: "^(WEB-01) 192.0.2.10->/var/log/auth.log$"`, `location: secure|auth`,
		`location: secure`, `location: ^secure`, `location: secure$`, `location: ^secure$`, `location: secure|messages`,
		`location: [secure, ~messages$]`, `location: "!auth"`, `location: "!secure"`, `location: "!secure|messages"`,
		`location: ~\w+\.log$`, `location: ~^/var`,
		`field.data.tags: shop`, `field.data.tags: west`, `field.data.tags: "!west"`, `field.data.nothing: a`,
		`{level: 7, location: auth}`, `{level: 7, location: secure, group: web}`,
		`any: [{level: 12}, {group: sshd}]`, `any: [{level: 12}, {group: web}]`,
		`all: [{level: 7}, {group: sshd}]`, `all: [{level: 7}, {group: web}]`,
		`not: {srcip: 10.0.0.0/8}`, `not: {level: 7, location: auth}`, `not: {not: {level: 7}}`,
	)
	var b strings.Builder
	for _, text := range matches {
		m := match(t, text)
		b.WriteString(text + "\n")
		for _, a := range []*alert.Alert{bruteForce(), hostile(), bare()} {
			held, reason := m.Explain(a)
			if held != m.Matches(a) {
				t.Errorf("%s: Explain answers %v, Matches %v", text, held, m.Matches(a))
			}
			answer := "no: "
			if held {
				answer = "yes: "
			}
			b.WriteString("\t" + answer + reason + "\n")
		}
	}
	golden(t, "reasons.golden", b.String())
}

// hostile is an alert whose text tries to be something else than text.
func hostile() *alert.Alert {
	a := bare()
	a.Rule = alert.Rule{ID: "1\x1b[2J", Level: 99, Groups: []string{"a\nb", "c", "d", "e", "f", "g"}}
	a.Location = "\u202egol.htua/gol/rav/ \"quoted\"\r\nlevel 15 is at least 12"
	a.Log = strings.Repeat("long ", 1000)
	a.User = "\xff\xfe"
	a.Source = alert.Endpoint{Text: "203.0.113.9\x1b]0;x\a"}
	a.Agent.IP = "fe80::1%\x1b[31m"
	return a
}

func TestReasonsHoldNoControlCharactersAndAreBounded(t *testing.T) {
	for _, text := range everyMatcher {
		_, reason := match(t, "{"+text+"}").Explain(hostile())
		if len(reason) > 2000 {
			t.Errorf("%s: a reason of %d bytes", text, len(reason))
		}
		for _, r := range reason {
			if r < ' ' || r == 0x7f || r == 0x202e || r == 0xfffd {
				t.Errorf("%s: the reason holds %U: %q", text, r, reason)
			}
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, string(want)); diff != "" {
		t.Errorf("%s (-got +want; rewrite with -update):\n%s", path, diff)
	}
}
