package family

import "testing"

func TestAgentStateReadings(t *testing.T) {
	const down = "Host down, network, or agent stopped? Until it is back, nobody watches it."
	checkReadings(t, "agent_state", []reading{
		{
			name: "Wazuh, disconnected",
			raw: `{"rule":{"level":3,"description":"Wazuh agent disconnected.","id":"504","groups":["wazuh"]},
				"agent":{"id":"007","name":"web-01","ip":"192.0.2.5"},"manager":{"name":"mgr"},"full_log":"wazuh: Agent disconnected: 'web-01->any'.",
				"decoder":{"name":"ossec"},"data":{"extra_data":"web-01->any"},"location":"wazuh-monitord"}`,
			sentence: "Agent `web-01` disconnected",
			facts:    []string{"Agent  `web-01` (id `007`)", "Address  `192.0.2.5`"},
			next:     down, object: "web-01",
		},
		{
			name: "Wazuh before 3.8 names the manager",
			raw: `{"rule":{"level":3,"description":"Ossec agent disconnected.","id":"504","groups":["ossec"]},
				"agent":{"id":"000","name":"mgr"},"manager":{"name":"mgr"},"full_log":"ossec: Agent disconnected: 'web-01-192.0.2.5'.",
				"decoder":{"name":"ossec"},"location":"ossec-monitord"}`,
			sentence: "Agent `web-01` disconnected",
			facts:    []string{"Agent  `web-01`", "Address  `192.0.2.5`"},
			next:     down, object: "web-01",
		},
		{
			name: "ossec-hids, connected",
			raw: `{"rule":{"level":3,"comment":"New ossec agent connected.","sidid":501,"groups":["ossec"]},"id":"1.1","decoder":"ossec",
				"location":"(web-01) 192.0.2.5->ossec","full_log":"ossec: Agent started: 'web-01->192.0.2.5'.","data":"web-01->192.0.2.5",
				"agent_name":"web-01","agentip":"192.0.2.5"}`,
			sentence: "Agent `web-01` connected",
			facts:    []string{"Agent  `web-01`", "Address  `192.0.2.5`"},
			next:     "Nothing, if you expected it.", object: "web-01",
		},
		{
			name:     "shell file, stopped",
			raw:      shell("mgr->ossec-monitord", "506", "3", "Ossec agent stopped.", "ossec: Agent stopped:  web-01->192.0.2.5 .", ""),
			sentence: "Agent `web-01` stopped",
			facts:    []string{"Agent  `web-01`", "Address  `192.0.2.5`"},
			next:     down, object: "web-01",
		},
		{
			name: "alerts.log, removed",
			raw: "** Alert 1795440504.47: mail  - ossec,\n2026 Nov 23 13:28:24 mgr->ossec-monitord\n" +
				"Rule: 505 (level 3) -> 'Ossec agent removed.'\nossec: Agent removed: 'web-01-any'.\n",
			sentence: "Agent `web-01` removed",
			facts:    []string{"Agent  `web-01`"},
			next:     "Planned? From now on nobody watches this host.", object: "web-01",
		},
		{
			name: "the manager starts",
			raw: `{"rule":{"level":3,"description":"Wazuh server started.","id":"502","groups":["ossec"]},"agent":{"id":"000","name":"mgr"},
				"manager":{"name":"mgr"},"cluster":{"name":"c","node":"node-2"},"full_log":"ossec: Manager started.","decoder":{"name":"ossec"}}`,
			sentence: "Manager `mgr` started",
			facts:    []string{"Node  `node-2`"},
			next:     "Nothing, if the restart was yours.", object: "mgr",
		},
		{
			name: "a rule of the operator keeps its words",
			raw: `{"rule":{"level":12,"description":"Shop server is gone","id":"100504","groups":["local"]},"agent":{"id":"007","name":"shop-01"},
				"full_log":"ossec: Agent disconnected: 'shop-01->any'.","decoder":{"name":"ossec"}}`,
			sentence: "`Shop server is gone`: `shop-01`",
			facts:    []string{"Agent  `shop-01` (id `007`)"},
			next:     down, object: "shop-01",
		},
		{
			name: "a hostile name stays out of the sentence",
			raw: `{"rule":{"level":3,"description":"d","id":"504"},"agent":{"id":"007","name":"<!here> web"},
				"full_log":"ossec: Agent disconnected: '<!here> web->any'.","decoder":{"name":"ossec"}}`,
			sentence: "Agent disconnected on agent `007`",
			facts:    []string{"Agent  `<!here> web`"},
			next:     down, object: "<!here> web",
		},
		{
			name: "a hostile name in the log does not blame the manager",
			raw: `{"rule":{"level":3,"description":"d","id":"504"},"agent":{"id":"000","name":"mgr"},
				"full_log":"ossec: Agent disconnected: 'a @everyone->any'.","decoder":{"name":"ossec"}}`,
			sentence: "Agent disconnected",
			facts:    []string{"Agent  `a @everyone`"},
			next:     down, object: "a @everyone",
		},
		{
			name:     "nothing but the rule",
			raw:      `{"rule":{"level":3,"id":504},"agent":"x","data":7}`,
			sentence: "Agent disconnected", next: down, object: "-",
		},
	})
}

func TestALogLineOfAnotherProgramIsNoAgentState(t *testing.T) {
	r := readRaw(`{"rule":{"level":5,"description":"Odd line","id":"100900"},"agent":{"id":"001","name":"web-01"},"decoder":{"name":"app"},
		"location":"/var/log/app.log","full_log":"ossec: Agent disconnected: 'db-01->any'."}`)
	if got, want := r.Family, "other"; got != want {
		t.Errorf("got family %q, want %q", got, want)
	}
}
