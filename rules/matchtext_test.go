package rules

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/testdata/injection"
)

// again is the match that its text is read as.
func again(t testing.TB, m *Match, from string) *Match {
	t.Helper()
	b, err := m.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	read, err := ParseMatchText(string(b), alert.DefaultScale)
	if err != nil {
		t.Fatalf("%s\nis written as %s\nwhich is wrong: %v", from, b, err)
	}
	if got := read.String(); got != string(b) {
		t.Fatalf("%s\nis written as %s\nand then as %s", from, b, got)
	}
	return read
}

func TestMatchesAreWrittenAsTheConfigSaysThem(t *testing.T) {
	for text, want := range map[string]string{
		`rule: 5710`:                            `{rule: 5710}`,
		`{rule: [5710, 5712-5720], level: <12}`: `{rule: [5710, 5712-5720], level: "<12"}`,
		`agent_id: 001`:                         `{agent_id: 001}`,
		`location: ["/var", "a b"]`:             `{location: ["/var", "a b"]}`,
		`location: "!auth"`:                     `{location: "!auth"}`,
		`log: [one]`:                            `{log: [one]}`,
		`user: "null"`:                          `{user: "null"}`,
		`user: "true"`:                          `{user: true}`,
		`not: {any: [{level: 7}, {group: web}], all: [{agent: a}]}`: `{not: {any: [{level: 7}, {group: web}], all: [{agent: a}]}}`,
		`field.data.x: "#1"`:                          `{field.data.x: "#1"}`,
		`{"field.a b": "c\n\x7f"}`:                    `{"field.a b": "c\n\x7f"}`,
		`{x-y: &x {level: 7}, <<: *x, log: "\u202e"}`: `{log: "\u202e", level: 7}`,
	} {
		if got := match(t, text).String(); got != want {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
		again(t, match(t, text), text)
	}
	var none *Match
	if _, err := none.MarshalText(); err == nil || none.String() != "{}" {
		t.Errorf("the match of everything is written as %q, %v", none.String(), err)
	}
}

func TestWrittenAndReadAgainAMatchDecidesTheSame(t *testing.T) {
	random := rand.New(rand.NewPCG(21, 22))
	alerts := everyAlert()
	for range 500 {
		text := randomMatch(random, 2)
		m := match(t, text)
		read := again(t, m, text)
		for range 40 {
			if a := alerts[random.IntN(len(alerts))]; m.Matches(a) != read.Matches(a) {
				t.Fatalf("%s and %s disagree", text, m)
			}
		}
	}
	for _, text := range everyMatcher {
		m := match(t, text)
		for _, a := range []*alert.Alert{bruteForce(), bare()} {
			if m.Matches(a) != again(t, m, text).Matches(a) {
				t.Errorf("%s and %s disagree", text, m)
			}
		}
	}
}

func TestMatchesOfACommandLine(t *testing.T) {
	a := bruteForce()
	m, err := NewMatches(map[string][]string{"rule": {"5710", "5712"}, "agent": {"web-01"}, "severity": {"medium"}}, alert.DefaultScale)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := m.String(), `{agent: web-01, rule: [5710, 5712], severity: medium}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !m.Matches(a) || !again(t, m, m.String()).Matches(a) {
		t.Error("it does not take the alert")
	}
	a.Agent.Name = "web-02"
	if m.Matches(a) {
		t.Error("it takes an alert of another agent: all must hold")
	}

	for want, pairs := range map[string]map[string][]string{
		"there is no matcher": {},
		"agnet":               {"agnet": {"web-01"}},
		"agent is empty":      {"agent": {" "}},
		"agent has no value":  {"agent": nil},
		"not combines":        {"not": {"x"}},
		"is not UTF-8":        {"log": {"\xff"}},
		`"5799-5700" ends before it begins: write "5700-5799"` + "\n" + `"hgih" is no severity: did you mean "high"?`: {"severity": {"hgih"}, "rule": {"5799-5700"}},
	} {
		m, err := NewMatches(pairs, alert.DefaultScale)
		if m != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %v, %v, want an error with %s", pairs, m, err, want)
		}
	}
}

func TestTextsThatAreNoMatches(t *testing.T) {
	for _, text := range []string{"", "# nothing", "{}", "[", "level", "{levle: 7}", "~", "{level: 7} x"} {
		if m, err := ParseMatchText(text, alert.DefaultScale); m != nil || err == nil {
			t.Errorf("%q: got %v, %v", text, m, err)
		}
	}
}

// FuzzNewMatches: what a command line gives is a match or an error, and a match is written as text that is read as the
// same.
func FuzzNewMatches(f *testing.F) {
	for _, s := range injection.Seeds() {
		f.Add("log", s, "field."+s, "x")
	}
	f.Add("rule", "5710", "agent", "web-01")
	f.Add("location", "!a", "user", "null")
	f.Fuzz(func(t *testing.T, key, value, key2, value2 string) {
		m, err := NewMatches(map[string][]string{key: {value}, key2: {value2, value}}, alert.DefaultScale)
		if (m == nil) == (err == nil) {
			t.Fatalf("got %v, %v", m, err)
		}
		if m == nil {
			return
		}
		read := again(t, m, key)
		for _, a := range []*alert.Alert{bruteForce(), hostile(), bare()} {
			if read.Matches(a) != m.Matches(a) {
				t.Errorf("%s decides otherwise when it is read again", m)
			}
		}
	})
}
