package rules

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/window"
	"github.com/ossec-notify/ossec-notify/yamlnode"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// windows are those that routes of tests may name.
var windows = map[string]*window.Window{"night": {Name: "night"}, "office": {Name: "office"}, "holidays": {Name: "holidays"}}

// node reads YAML text; the nodes are those that the config loader hands over.
func node(t testing.TB, text string) *yaml.Node {
	t.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(text), &n); err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	return &n
}

// parseMatch reads the mapping under a match: as the parsers of routes and inhibitions do. With a problem that is no warning, the Match is nil.
func parseMatch(node *yaml.Node, scale alert.Scale) (*Match, []Problem) {
	p := newParser(scale)
	var m *Match
	if node = yamlnode.Resolve(node); node != nil {
		m = p.match(node, "match")
	}
	if p.err() != nil {
		m = nil
	}
	return m, byPlace(p.problems)
}

// match reads a match that must be without mistakes.
func match(t testing.TB, text string) *Match {
	t.Helper()
	m, problems := parseMatch(node(t, text), alert.DefaultScale)
	for _, p := range problems {
		if !p.Warning {
			t.Fatalf("match %s: %s", text, p.Message)
		}
	}
	return m
}

// table reads a config's routing part, which must be without mistakes.
func table(t testing.TB, text string) *Table {
	t.Helper()
	var config struct{ Always, Routes, Default yaml.Node }
	if err := yaml.Unmarshal([]byte(text), &config); err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	table := &Table{AlwaysNode: given(&config.Always), DefaultNode: given(&config.Default)}
	var all []Problem
	add := func(problems []Problem) { all = append(all, problems...) }
	var problems []Problem
	table.Always, problems = ParseReceivers(table.AlwaysNode, "always")
	add(problems)
	table.Default, problems = ParseReceivers(table.DefaultNode, "default")
	add(problems)
	table.Routes, problems = ParseRoutes(given(&config.Routes), alert.DefaultScale, windows)
	add(problems)
	for _, p := range all {
		if !p.Warning {
			t.Fatalf("%s\n%s", text, told(all))
		}
	}
	return table
}

func given(n *yaml.Node) *yaml.Node {
	if n.Kind == 0 {
		return nil
	}
	return n
}

// told writes problems as a loader would: LINE:COLUMN: MESSAGE.
func told(problems []Problem) string {
	var b strings.Builder
	for _, p := range problems {
		file := ""
		if p.File != "" {
			file = p.File + ":"
		}
		warning := ""
		if p.Warning {
			warning = "warning: "
		}
		fmt.Fprintf(&b, "%s%d:%d: %s%s\n", file, p.Line, p.Column, warning, p.Message)
	}
	return b.String()
}

// bruteForce is an alert with every field that a matcher can look at.
func bruteForce() *alert.Alert {
	return &alert.Alert{
		Rule: alert.Rule{
			ID: "5712", Level: 10, Description: "sshd: brute force trying to get access to the system.",
			Groups: []string{"syslog", "sshd", "authentication_failures"},
			MITRE:  alert.MITRE{IDs: []string{"T1110"}, Tactics: []string{"Credential Access"}, Techniques: []string{"Brute Force"}},
		},
		Agent:       alert.Agent{ID: "001", Name: "web-01", IP: "192.0.2.10"},
		Manager:     "manager-1",
		Location:    "(web-01) 192.0.2.10->/var/log/auth.log",
		Host:        "web-01",
		Decoder:     "sshd",
		Program:     "sshd",
		User:        "root",
		Log:         "Nov 23 13:28:24 web-01 sshd[4242]: Failed password for root from 203.0.113.9 port 40022 ssh2",
		Source:      alert.Endpoint{IP: "203.0.113.9", Text: "203.0.113.9"},
		Destination: alert.Endpoint{IP: "2001:db8::5", Text: "2001:db8::5"},
		Original: map[string]any{
			"data": map[string]any{
				"srcport": "40022",
				"tags":    []any{"east", "shop"},
				"nothing": "",
			},
		},
	}
}

// bare is an alert that says nothing at all.
func bare() *alert.Alert {
	return &alert.Alert{Rule: alert.Rule{Level: -1}, Original: map[string]any{}}
}
