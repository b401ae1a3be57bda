package alert

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// pair is where an address stands and the port beside it.
type pair struct{ address, port string }

// Where decoders and integrations put addresses, in the order in which they are looked for. Wazuh 2.x has the
// first ones at the top level; there these names mean the same.
var (
	sources = [...]pair{
		{"data.srcip", "data.srcport"},
		{"data.src_ip", "data.src_port"}, // Suricata
		{"data.win.eventdata.ipAddress", "data.win.eventdata.ipPort"},
		{"data.win.eventdata.sourceIp", "data.win.eventdata.sourcePort"}, // Sysmon
		{"data.aws.sourceIPAddress", ""},                                 // CloudTrail
		{"data.aws.source_ip_address", ""},
		{"data.aws.srcaddr", "data.aws.srcport"},       // flows of a VPC
		{"data.aws.client_ip", "data.aws.client_port"}, // load balancers
		{"data.aws.httpRequest.clientIp", ""},          // WAF
		{"data.aws.remote_ip", ""},                     // reads and writes of a bucket
		{"data.office365.ClientIP", ""},
		{"data.office365.ClientIPAddress", ""}, // mailboxes
		{"data.office365.ActorIpAddress", ""},
		{"data.github.actor_ip", ""},
		{"data.CallerIpAddress", ""}, // Azure activity
		{"data.CallerIPAddress", ""},
		{"data.callerIpAddress", ""},
		{"data.ipAddress", ""},                  // Azure sign-ins
		{"data.IPAddress", ""},                  // the same from a workspace
		{"data.properties.ipAddress", ""},       // the same from a container
		{"data.initiatedBy.user.ipAddress", ""}, // audit of a directory
		{"data.InitiatedBy.user.ipAddress", ""},
		{"data.properties.initiatedBy.user.ipAddress", ""},
		{"data.protoPayload.requestMetadata.callerIp", ""}, // Google Cloud audit
		{"data.gcp.protoPayload.requestMetadata.callerIp", ""},
		{"data.gcp.jsonPayload.sourceIP", ""}, // DNS queries
		{"data.gcp.jsonPayload.connection.src_ip", "data.gcp.jsonPayload.connection.src_port"},
		{"data.parameters.alert.data.srcip", "data.parameters.alert.data.srcport"}, // active response
		{"data.parameters.alert.data.win.eventdata.ipAddress", "data.parameters.alert.data.win.eventdata.ipPort"},
		{"srcip", "srcport"},
	}
	destinations = [...]pair{
		{"data.dstip", "data.dstport"},
		{"data.dest_ip", "data.dest_port"},
		{"data.win.eventdata.destinationIp", "data.win.eventdata.destinationPort"},
		{"data.aws.dstaddr", "data.aws.dstport"},
		{"data.aws.target_ip", "data.aws.target_port"},
		{"data.gcp.jsonPayload.connection.dest_ip", "data.gcp.jsonPayload.connection.dest_port"},
		{"dstip", "dstport"},
	}
	actors = []string{
		"data.srcuser",
		"data.win.eventdata.subjectUserName",
		"data.win.logFileCleared.subjectUserName", // event 1102, which has no eventdata
		"data.win.eventdata.user",                 // Sysmon
		"data.aws.userIdentity.userName",
		"data.aws.resource.accessKeyDetails.userName", // GuardDuty
		"data.office365.UserId",
		"data.protoPayload.authenticationInfo.principalEmail",
		"data.gcp.protoPayload.authenticationInfo.principalEmail",
		"data.Caller",            // Azure activity
		"data.userPrincipalName", // Azure sign-ins
		"data.UserPrincipalName",
		"data.properties.userPrincipalName",
		"data.initiatedBy.user.userPrincipalName", // audit of a directory
		"data.InitiatedBy.user.userPrincipalName",
		"data.properties.initiatedBy.user.userPrincipalName",
		"data.Identity",
		"data.github.actor",
		"srcuser",
	}
	targets = []string{
		"data.dstuser",
		"data.win.eventdata.targetUserName",
		"dstuser",
	}
	hosts    = []string{"agent.name", "agentless.host", "predecoder.hostname"}
	programs = []string{"predecoder.program_name", "program_name"}
)

// remoteActions is where GuardDuty's kinds of action stand.
const remoteActions = "data.aws.service.action"

// texts is where values are by their paths: an object, or a glance at one.
type texts interface{ text(path string) string }

// first is the first value of the paths that says something.
func first(o texts, paths []string) string {
	for _, p := range paths {
		if s := o.text(p); says(s) {
			return s
		}
	}
	return ""
}

// wazuhFields reads Wazuh's alerts.json, 2.x to 4.x.
func wazuhFields(a *Alert, o object, loc *time.Location) {
	a.ID = o.text("id")
	a.Time = date(o.first("timestamp", "@timestamp"), loc)
	a.Rule = wazuhRule(o.object("rule"))
	location := wazuhLocation(o)
	a.wazuhPlace(o, strings.Join(location[:], ""))
	a.Manager = o.text("manager.name")
	a.Cluster = o.text("cluster.name")
	a.Node = o.text("cluster.node")

	a.Decoder = o.text("decoder.name")
	a.DecoderParent = o.text("decoder.parent")
	a.Program = first(o, programs)

	a.Source = firstEndpoint(o, sources[:])
	if a.Source == (Endpoint{}) {
		a.Source = remoteEndpoint(o)
	}
	a.Destination = firstEndpoint(o, destinations[:])
	a.Source.Geo = cmp.Or(a.Source.Geo, o.text("srcgeoip"))
	a.Destination.Geo = cmp.Or(a.Destination.Geo, o.text("dstgeoip"))

	a.wazuhUsers(o)

	a.Protocol = o.first("data.protocol", "data.proto", "protocol")
	a.Action = o.first("data.action", "action")
	a.Status = o.first("data.status", "status")
	a.URL = o.first("data.url", "url")
	a.Command = o.first("data.command", "command")

	a.Log = o.text("full_log")
	a.Previous = lines(o.text("previous_output"))
	a.File = wazuhFile(o.object("syscheck"), a.Rule.ID)
	if a.File == nil && a.isFileEvent() {
		a.File = fileFromText(a.Log, a.Rule.ID, loc)
	}
}

func wazuhRule(rule object) Rule {
	return Rule{
		ID:          rule.text("id"),
		Level:       level(rule.integer("level", -1)),
		Description: rule.text("description"),
		Groups:      rule.list("groups"),
		MITRE: MITRE{
			IDs:        rule.list("mitre.id"),
			Tactics:    either(rule.list("mitre.tactic"), rule.list("mitre.tactics")), // 3.x has the plural
			Techniques: either(rule.list("mitre.technique"), rule.list("mitre.techniques")),
		},
		FiredTimes: rule.integer("firedtimes", 0),
		Frequency:  rule.integer("frequency", 0),
		Info:       rule.text("info"),
	}
}

func either(a, b []string) []string {
	if a != nil {
		return a
	}
	return b
}

// wazuhPlace fills in the agent, and what the location says. location are the parts of wazuhLocation.
func (a *Alert) wazuhPlace(o texts, location string) {
	a.Agent = Agent{ID: o.text("agent.id"), Name: o.text("agent.name"), IP: o.text("agent.ip")}
	if a.Agent.IP == "any" || !says(a.Agent.IP) {
		a.Agent.IP = ""
	}
	a.Host = first(o, hosts)
	a.place(location)
}

// wazuhLocation rebuilds what analysisd had before it cut the location at the arrow, in parts.
func wazuhLocation(o texts) [8]string {
	location := o.text("location")
	if location == "" || strings.Contains(location, "->") {
		return [...]string{7: location}
	}
	if host := o.text("agentless.host"); host != "" {
		return [...]string{"(", o.text("agentless.script"), ") ", o.text("agentless.user"), "@", host, "->", location}
	}
	name := o.text("agent.name")
	switch {
	case name == "":
		return [...]string{7: location}
	case o.text("agent.id") == "000":
		return [...]string{5: name, 6: "->", 7: location}
	}
	return [...]string{2: "(", 3: name, 4: ") ", 5: cmp.Or(o.text("agent.ip"), "any"), 6: "->", 7: location}
}

// wazuhUsers fills in the users. The decoder, the program and the groups of the rule are there.
func (a *Alert) wazuhUsers(o texts) {
	a.SourceUser = account(o, actors)
	a.TargetUser = account(o, targets)
	a.User = cmp.Or(a.TargetUser, a.SourceUser)
	if a.isSudo() {
		a.User = cmp.Or(a.SourceUser, a.TargetUser)
	}
}

// account is the first user of the paths. The agent of Windows doubles the backslash between domain and name.
func account(o texts, paths []string) string {
	for _, p := range paths {
		if s := o.text(p); says(s) {
			if strings.HasPrefix(p, "data.win.") {
				s = strings.ReplaceAll(s, `\\`, `\`)
			}
			return s
		}
	}
	return ""
}

func firstEndpoint(o object, pairs []pair) Endpoint {
	for _, p := range pairs {
		if s := o.listed(p.address); says(s) {
			return endpoint(s, o.text(p.port))
		}
	}
	return Endpoint{}
}

// remoteEndpoint finds the addresses that stand below a key which differs: GuardDuty's kind of action, the
// vendor of a web application firewall.
func remoteEndpoint(o object) Endpoint {
	actions := o.object(remoteActions)
	for _, kind := range actions.keys() {
		action := actions.object(kind)
		if e := remoteDetails(action); e != (Endpoint{}) {
			return e
		}
		if e := remoteDetails(action.object("portProbeDetails")); e != (Endpoint{}) {
			return e
		}
		probes, _ := action["portProbeDetails"].([]any) // one for each port
		var from []string
		for _, p := range probes {
			probe, _ := p.(map[string]any)
			if e := remoteDetails(probe); e.Text != "" {
				from = append(from, e.Text)
			}
		}
		if len(from) > 0 {
			return endpoint(eachOnce(from), "")
		}
	}
	data := o.object("data")
	for _, vendor := range data.keys() {
		if s := data.text(vendor + ".waf.client_ip"); says(s) {
			return endpoint(s, data.text(vendor+".waf.client_port"))
		}
	}
	return Endpoint{}
}

// remoteDetails is the other side of a finding of GuardDuty.
func remoteDetails(o object) Endpoint {
	return endpoint(o.first("remoteIpDetails.ipAddressV4", "remoteIpDetails.ipAddressV6"), o.text("remotePortDetails.port"))
}

// isSudo reports whether the alert is about sudo, where the account that matters is the one who acted.
func (a *Alert) isSudo() bool {
	return a.Decoder == "sudo" || a.DecoderParent == "sudo" || a.Program == "sudo" || slices.Contains(a.Rule.Groups, "sudo")
}

// lines are the lines of a text; nil of an empty one.
func lines(s string) []string {
	s = strings.TrimRight(s, "\r\n")
	if s == "" {
		return nil
	}
	out := strings.Split(s, "\n")
	for i := range out {
		out[i] = strings.TrimSuffix(out[i], "\r")
	}
	return out
}
