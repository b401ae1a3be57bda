package family

import (
	"path/filepath"
	"testing"
)

func TestAgentIsTheOneThatTheAlertIsAbout(t *testing.T) {
	for file, want := range map[string]string{
		"log/504-agent-disconnected.log":     "db-01",
		"ossec/504-agent-disconnected.json":  "db-01", // whose agent_name is the manager's
		"shell/504-agent-disconnected.alert": "db-01",
		"wazuh/504-agent-disconnected.json":  "db-01",
		"ossec/503-agent-started.json":       "web-01",
		"shell/503-agent-started.alert":      "web-01",
		"wazuh/503-agent-started.json":       "web-01",
		"wazuh/5712-ssh-brute-force.json":    "web-01",
	} {
		a := parseFile(t, filepath.Join("..", "testdata", "alerts", filepath.FromSlash(file)))
		if got := Agent(a).Name; got != want {
			t.Errorf("%s is about the agent %q, want %q", file, got, want)
		}
	}
}
