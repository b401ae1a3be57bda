package family

import "github.com/ossec-notify/ossec-notify/alert"

// Agent is the agent that the alert is about: its own, but where OSSEC says that an agent came or went. Such an alert
// has the manager for its agent in ossec-hids, rule 505 and Wazuh before 3.8, and its log names the right one.
func Agent(a *alert.Alert) alert.Agent {
	switch agentState(a) {
	case "", managerStarted:
		return a.Agent
	}
	return agentOf(a)
}
