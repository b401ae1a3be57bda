package alert

import "strings"

// place is a location taken apart.
type place struct {
	name   string // agent name, if in parentheses
	ip     string // agent address, if known
	host   string // what stands before the arrow when that is no agent
	behind string // path or module behind the arrow; the whole text when there is none
}

// splitLocation takes apart the forms
//
//	(agent) ip->/path
//	(agent) ip->syscheck->(agent) ip->syscheck
//	(script) user@host->agentless
//	host->/path
//	/path
//
// The first arrow counts, because no agent or host name holds one but a file name may.
func splitLocation(s string) place {
	head, behind, found := strings.Cut(s, "->")
	if !found {
		return place{behind: s}
	}
	if _, again, doubled := strings.Cut(behind, "->"+head+"->"); doubled {
		behind = again
	}
	p := place{behind: behind}
	name, ip, isAgent := strings.Cut(strings.TrimPrefix(head, "("), ") ")
	if !isAgent || !strings.HasPrefix(head, "(") {
		p.host = head
		return p
	}
	if _, host, agentless := strings.Cut(ip, "@"); agentless {
		p.host = host
		return p
	}
	p.name = name
	if ip != "any" {
		p.ip = ip
	}
	return p
}

// place fills Location, LogFile, and what the location says of agent and host.
func (a *Alert) place(location string) {
	p := splitLocation(location)
	a.Location, a.LogFile = location, p.behind
	if a.Agent.Name == "" {
		a.Agent.Name = p.name
	}
	if a.Agent.IP == "" {
		a.Agent.IP = p.ip
	}
	if a.Host == "" {
		a.Host = p.name
	}
	if a.Host == "" {
		a.Host = p.host
	}
}
