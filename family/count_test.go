package family

import (
	"testing"

	"github.com/ossec-notify/ossec-notify/alert"
)

func TestTriesSayWhatIsKnown(t *testing.T) {
	line := func(second string) string { return "Mar  4 05:06:" + second + " web-01 sshd[1]: x" }
	tests := []struct {
		name  string
		alert alert.Alert
		want  string
	}{
		{"one", alert.Alert{Log: line("09")}, ""},
		{"all lines, with times", alert.Alert{Log: line("09"), Previous: []string{line("05"), line("01")}}, "3 in 8 s"},
		{"all at once", alert.Alert{Log: line("09"), Previous: []string{line("09")}}, "2 in less than 1 s"},
		{"times that run backwards", alert.Alert{Log: line("01"), Previous: []string{line("09")}}, "2"},
		{"lines without times", alert.Alert{Log: "a", Previous: []string{"b"}}, "2"},
		{"fewer lines than it takes", alert.Alert{Log: line("09"), Previous: []string{line("05")}, Rule: alert.Rule{Frequency: 8}}, "at least 8"},
		{"ossec-hids counts from two", alert.Alert{Format: alert.FormatOSSEC, Rule: alert.Rule{Frequency: 6}}, "at least 8"},
		{
			"web server, minutes",
			alert.Alert{
				Log:      `192.0.2.1 - - [04/Mar/2026:05:06:00 +0000] "GET / HTTP/1.1" 404 1`,
				Previous: []string{`192.0.2.1 - - [04/Mar/2026:05:01:00 +0000] "GET / HTTP/1.1" 404 1`},
			},
			"2 in 5 min",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &Reading{}
			count(&tt.alert, r)
			if got := r.tries(&tt.alert).String(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// The stock rules that count are told as what they are in every form, also where neither the earlier lines nor the number came along.
func TestRulesThatCount(t *testing.T) {
	groups := []string{"syslog", "sshd", "authentication_failures"}
	for name, a := range map[string]alert.Alert{
		"Wazuh":                   {Format: alert.FormatWazuh, Rule: alert.Rule{ID: "5763", Groups: groups}},
		"alerts.log, undated":     {Format: alert.FormatLog, Rule: alert.Rule{ID: "5712", Groups: groups}, Log: "a", Previous: []string{"b"}},
		"shell file":              {Format: alert.FormatShell, Rule: alert.Rule{ID: "5712"}},
		"only the group says SSH": {Format: alert.FormatOSSEC, Rule: alert.Rule{ID: "5712", Groups: groups}},
	} {
		if got := Read(&a).Sentence.String(); got != "SSH brute force" {
			t.Errorf("%s: %q", name, got)
		}
	}
}
