package rules

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/alert"
)

func TestValuesOfFields(t *testing.T) {
	want := map[string]string{
		"rule": "5712", "agent": "web-01", "agent_id": "001", "srcip": "203.0.113.9", "dstip": "2001:db8::5", "user": "root", "host": "web-01",
		"location": "(web-01) 192.0.2.10->/var/log/auth.log", "program": "sshd", "decoder": "sshd", "level": "10", "severity": "medium",
		"manager": "manager-1", "group": "syslog,sshd,authentication_failures",
		"field.data.srcport": "40022", "field.data.tags": "east,shop", "field.data.nothing": "", "field.data.absent": "",
	}
	for _, key := range fieldKeys {
		if _, ok := want[key]; !ok {
			t.Errorf("the test has no value for %s", key)
		}
	}
	for key, value := range want {
		f, ok := NewField(key, alert.DefaultScale)
		if !ok {
			t.Errorf("%s is no field", key)
			continue
		}
		if got := f.Value(bruteForce()); got != value {
			t.Errorf("%s is %q, want %q", key, got, value)
		}
		if got := f.Value(bare()); got != "" && key != "severity" {
			t.Errorf("%s of an alert that says nothing is %q", key, got)
		}
	}
	for _, key := range []string{"", "log", "field.", "field.a..b", "data.x", "none"} {
		if _, ok := NewField(key, alert.DefaultScale); ok {
			t.Errorf("%q is a field", key)
		}
	}
}

func TestAgentIsTheHostWhereThereIsNone(t *testing.T) {
	a := bruteForce()
	a.Agent = alert.Agent{}
	if f, _ := NewField("agent", alert.DefaultScale); f.Value(a) != "web-01" {
		t.Errorf("got %q, want the host", f.Value(a))
	}
}

// TestAgentThatLeavesIsTheOneThatComesBack: in ossec-hids the alert that an agent is gone names the manager as its agent,
// and the one that it is back the agent. By agent they have to be the same.
func TestAgentThatLeavesIsTheOneThatComesBack(t *testing.T) {
	agent, _ := NewField("agent", alert.DefaultScale)
	value := func(format, text string) string {
		return agent.Value(alert.Parse([]byte(text), alert.Options{FileName: format}))
	}
	got := map[string]string{}
	for _, file := range []string{"ossec/504-agent-disconnected.json", "wazuh/504-agent-disconnected.json", "shell/504-agent-disconnected.alert", "log/504-agent-disconnected.log"} {
		b, err := os.ReadFile(filepath.Join("..", "testdata", "alerts", filepath.FromSlash(file)))
		if err != nil {
			t.Fatal(err)
		}
		got[file] = value(filepath.Base(file), string(b))
	}
	back := value("alerts.json", `{"rule":{"level":3,"comment":"Ossec agent started.","sidid":503},"id":"1773476010.21","TimeStamp":1773476010000,"decoder":"ossec","location":"(db-01) 192.0.2.12->ossec",`+
		`"full_log":"ossec: Agent started: 'db-01->192.0.2.12'.","hostname":"(db-01) 192.0.2.12->ossec","data":"db-01->192.0.2.12","agent_name":"db-01","logfile":"ossec"}`)
	for file := range got {
		if diff := cmp.Diff(got[file], back); diff != "" {
			t.Errorf("%s and the alert of its return (-got +want):\n%s", file, diff)
		}
	}
}
