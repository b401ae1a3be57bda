package family

import (
	"strings"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
)

// responseKind is what an active response reports of itself: an address that was blocked or let go.
func responseKind() kind {
	return kind{family: "active_response", class: "active response", is: isResponse, read: readResponse}
}

func isResponse(a *alert.Alert) bool {
	return hasGroup(a, "active_response") || ungrouped(a, ids{601, 606}, ids{650, 657}) ||
		strings.HasSuffix(a.LogFile, "active-responses.log")
}

var (
	// responseLine is the end of the line that the scripts of OSSEC write: script, action, user, address, id of
	// the alert, rule.
	responseLine = compile(``, `(\S+) (add|delete) (\S+) (\S+) (\d+\.\d+) (\d+)\s*$`)
	// responseJSON is the line of Wazuh 4.2 and later, also as its shell format leaves it, without quotes and
	// braces.
	responseJSON = compile(`active-response/bin/`, `^\S+ \S+ (\S*active-response/bin/\S+): .*?command[" ]+: ?[" ](add|delete)[" ]`)
)

// response is what is known of one run of a script.
type response struct{ script, action, user, address, alert, rule string }

func responseOf(a *alert.Alert) response {
	run := response{
		script:  first(a, "data.script", "data.parameters.program"),
		action:  first(a, "data.type", "data.command"),
		user:    first(a, "data.dstuser", "data.parameters.alert.data.dstuser"),
		address: firstOf(a.Source.IP, a.Source.Text, first(a, "data.srcip", "data.parameters.alert.data.srcip")),
		alert:   first(a, "data.parameters.alert.id", "data.id"),
		rule:    first(a, "data.parameters.alert.rule.id", "data.extra_data"),
	}
	if a.Format == alert.FormatOSSEC {
		run.script, run.action, run.rule = a.Action, a.Status, first(a, "data")
	}
	if m := responseLine.find(a.Log); m != nil {
		run.script, run.action = firstOf(run.script, m[1]), firstOf(run.action, m[2])
		run.user, run.address = firstOf(run.user, m[3]), firstOf(run.address, m[4])
		run.alert, run.rule = firstOf(run.alert, m[5]), firstOf(run.rule, m[6])
	} else if m := responseJSON.find(line(a.Log)); m != nil {
		run.script, run.action = firstOf(run.script, m[1]), firstOf(run.action, m[2])
	}
	if a.Response != nil {
		run.script, run.action = firstOf(run.script, a.Response.Program), firstOf(run.action, a.Response.Command)
	}
	run.script = baseName(run.script)
	return run
}

// baseName is the last part of a path of either kind.
func baseName(path string) string { return path[strings.LastIndexAny(path, `/\`)+1:] }

func readResponse(a *alert.Alert, r *Reading, s *sentence) {
	run := responseOf(a)
	r.Program = run.script

	address := alert.Endpoint{Text: run.address}
	if isAddress(run.address) {
		address.IP = run.address
	}
	s.Object = address.IP
	r.Next = w("Nothing, if the block is right.")
	switch {
	case run.action == "add" && address.IP != "":
		s.What, r.Outcome = "Blocked", "blocked"
		s.Kind = "Address blocked"
		s.Own = []display.Text{w("Blocked "), q(address.IP)}
	case run.action == "delete" && address.IP != "":
		s.What, r.Outcome = "Unblocked", "allowed"
		s.Kind = "Address unblocked"
		s.Own = []display.Text{w("Unblocked "), q(address.IP)}
		r.Next = w("Nothing, if it may come back.")
	default: // no address: a script that restarts something or disables an account
		s.What, s.Object = "Active response", run.script
		switch run.action {
		case "add":
			s.What = "Active response ran"
		case "delete":
			s.What = "Active response undone"
		}
		r.Next = w("Nothing, if the response is right.")
	}

	r.fact("Address", endpoint(address))
	r.fact("User", opt("", run.user, ""))
	r.fact("How", opt("", run.script, ""))
	r.fact("Because", because(run.rule, run.alert))

	r.Object = firstOf(run.address, run.user, run.script)
	if r.Outcome != "" {
		r.Block = &Block{
			Address: address.IP, By: run.script, Undo: run.action == "delete", Rule: run.rule, Alert: run.alert,
		}
	}
}

// because names the alert that another alert is about.
func because(rule, id string) display.Text {
	return list(", ", opt("rule ", rule, ""), opt("alert ", id, ""))
}
