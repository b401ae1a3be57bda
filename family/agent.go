package family

import (
	"slices"
	"strings"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
)

// agentKind is what OSSEC says of itself: agents that come and go, and the start of the manager.
func agentKind() kind {
	return kind{family: "agent_state", class: "agent state", is: isAgentState, read: readAgentState}
}

// The states that an agent, or the manager, is said to be in.
const (
	agentConnected    = "connected"
	agentDisconnected = "disconnected"
	agentRemoved      = "removed"
	agentStopped      = "stopped"
	managerStarted    = "started"
)

// agentLine is the line that the manager writes about an agent, with the quotes that the shell format makes
// blanks.
var agentLine = compile(`: Agent `, `^(?:ossec|wazuh): Agent (started|disconnected|removed|stopped): ?['" ](.+?)['" ]\.?\s*$`)

func isAgentState(a *alert.Alert) bool { return agentState(a) != "" }

// agentState is the state that the alert is about, or empty. A rule that an operator derived from one of
// OSSEC's has another id: there the log tells, if it is OSSEC's own.
func agentState(a *alert.Alert) string {
	switch a.Rule.ID {
	case "501", "503":
		return agentConnected
	case "502":
		return managerStarted
	case "504":
		return agentDisconnected
	case "505":
		return agentRemoved
	case "506":
		return agentStopped
	}
	if a.Decoder != "ossec" && !slices.Contains([]string{"ossec-monitord", "wazuh-monitord", "wazuh-remoted"}, a.LogFile) {
		return ""
	}
	if m := agentLine.find(a.Log); m != nil {
		if m[1] == "started" {
			return agentConnected
		}
		return m[1]
	}
	return ""
}

func readAgentState(a *alert.Alert, r *Reading, s *sentence) {
	state := agentState(a)
	if state == managerStarted {
		readManagerStart(a, r, s)
		return
	}
	agent := agentOf(a)
	s.What, s.Object = "Agent "+state, agent.Name
	if cleanHost(agent.Name) {
		s.Own = []display.Text{w("Agent "), q(agent.Name), w(" " + state)}
	}
	// The host of the alert is the agent itself, or the manager, which is not what this is about.
	s.NoHost = len(s.Own) > 0 || agent.Name != a.Host

	if absent(a.Host) || cleanHost(a.Host) { // else the fact Agent is there already
		r.fact("Agent", list(" ", opt("", agent.Name, ""), opt("(id ", agent.ID, ")")))
	}
	r.fact("Address", opt("", agent.IP, ""))

	switch state {
	case agentConnected:
		r.Next = w("Nothing, if you expected it.")
	case agentRemoved:
		r.Next = w("Planned? From now on nobody watches this host.")
	default:
		r.Next = w("Host down, network, or agent stopped? Until it is back, nobody watches it.")
	}
	r.Object = firstOf(agent.Name, agent.ID)
}

func readManagerStart(a *alert.Alert, r *Reading, s *sentence) {
	manager := firstOf(a.Manager, a.Host)
	s.What, s.Object = "Manager started", manager
	if cleanHost(manager) {
		s.Own, s.NoHost = []display.Text{w("Manager "), q(manager), w(" started")}, true
	}
	r.fact("Node", opt("", a.Node, ""))
	r.Next = w("Nothing, if the restart was yours.")
	r.Object = manager
}

// agentOf is the agent that the alert is about. ossec-hids, rule 505 and Wazuh before 3.8 name the manager as
// the agent: the log has the right one.
func agentOf(a *alert.Alert) alert.Agent {
	subject := first(a, "data.extra_data")
	if a.Format == alert.FormatOSSEC {
		subject = first(a, "data")
	}
	if m := agentLine.find(a.Log); m != nil {
		subject = m[2]
	}
	name, ip := splitAgent(subject)
	if name == "" || name == a.Agent.Name {
		agent := a.Agent
		agent.Name = firstOf(agent.Name, a.Host)
		agent.IP = firstOf(ip, agent.IP)
		return agent
	}
	return alert.Agent{Name: name, IP: ip}
}

// splitAgent reads "web-01->192.0.2.5" and "web-01-any". Any address is no address.
func splitAgent(s string) (name, ip string) {
	name, ip, found := strings.Cut(s, "->")
	if !found {
		i := strings.LastIndexByte(s, '-')
		if i < 0 || (s[i+1:] != "any" && !isAddress(s[i+1:])) {
			return s, ""
		}
		name, ip = s[:i], s[i+1:]
	}
	if ip == "any" {
		ip = ""
	}
	return name, ip
}
