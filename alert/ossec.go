package alert

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// ossecFields reads ossec-hids' alerts.json, which shares little with Wazuh's but the name.
func ossecFields(a *Alert, o object, loc *time.Location) {
	rule := o.object("rule")
	a.ID = o.text("id")
	a.Time = epoch(int64(o.integer("TimeStamp", 0)), loc)
	if a.Time.IsZero() {
		a.Time = date(o.text("timestamp"), loc)
	}
	a.Rule = Rule{
		ID:          cmp.Or(rule.text("sidid"), rule.text("id")),
		Level:       level(rule.integer("level", -1)),
		Description: cmp.Or(rule.text("comment"), rule.text("description")),
		Groups:      either(rule.list("groups"), groups(rule.text("group"))),
		FiredTimes:  rule.integer("firedtimes", 0),
		Frequency:   rule.integer("frequency", 0),
		Info:        rule.text("info"),
	}

	a.Agent = Agent{ID: o.text("agent_id"), Name: o.text("agent_name"), IP: o.text("agentip")}
	a.Host = a.Agent.Name
	hostname := o.text("hostname")
	if strings.Contains(hostname, "->") {
		hostname = "" // for remote agents it repeats the location
	}
	location := o.text("location")
	if name := cmp.Or(hostname, a.Agent.Name); name != "" && location != "" && !strings.Contains(location, "->") {
		location = name + "->" + location
	}
	a.place(location)
	a.LogFile = cmp.Or(o.text("logfile"), a.LogFile)

	a.Decoder = o.text("decoder")
	a.DecoderParent = o.text("decoder_parent")
	a.Program = o.first("program_name")
	a.Source = endpoint(o.text("srcip"), o.text("srcport"))
	a.Destination = endpoint(o.text("dstip"), o.text("dstport"))
	a.Source.Geo = cmp.Or(a.Source.Geo, o.text("srcgeoip"))
	a.Destination.Geo = cmp.Or(a.Destination.Geo, o.text("dstgeoip"))

	a.SourceUser, a.TargetUser = o.first("srcuser"), o.first("dstuser")
	a.Protocol = o.first("protocol")
	a.Action = o.first("action")
	a.Status = o.first("status")
	a.URL = o.first("url")
	a.Command = o.first("command")
	if a.isSudo() {
		// The sudo decoder keeps the one who acted as dstuser, the command as status and the directory as url.
		a.SourceUser, a.TargetUser = a.TargetUser, a.SourceUser
		a.User = cmp.Or(a.SourceUser, a.TargetUser)
		a.Command = cmp.Or(a.Command, a.Status)
		a.Status, a.URL = "", ""
	} else {
		a.User = cmp.Or(a.TargetUser, a.SourceUser)
	}

	a.Log = o.text("full_log")
	a.Previous = lines(o.text("previous_output"))
	if a.isFileEvent() {
		a.File = ossecFile(o.object("SyscheckFile"), a.Log, a.Rule.ID, loc)
	}
}

// isFileEvent tells file integrity from rootcheck, which fills SyscheckFile too.
func (a *Alert) isFileEvent() bool {
	return strings.HasPrefix(a.Decoder, "syscheck") || slices.Contains(a.Rule.Groups, "syscheck") || strings.HasPrefix(a.LogFile, "syscheck")
}

// groups splits OSSEC's "web,accesslog,", with or without the last comma.
func groups(s string) []string {
	var out []string
	for g := range strings.SplitSeq(s, ",") {
		if g = strings.TrimSpace(g); g != "" {
			out = append(out, g)
		}
	}
	return out
}
