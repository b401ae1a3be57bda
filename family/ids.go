package family

import (
	"strings"

	"github.com/ossec-notify/ossec-notify/alert"
)

// idsKind is what a network intrusion detection system saw.
func idsKind() kind {
	return kind{family: "ids", class: "intrusion detection", is: isIDS, read: readIDS}
}

func isIDS(a *alert.Alert) bool {
	return hasGroup(a, "ids", "suricata", "snort") || ungrouped(a, ids{20100, 20199})
}

// snortLine is Snort's one-line alert. The message ends where the classification or the addresses begin; the
// shell format has blanks for the braces around the protocol.
var snortLine = compile(` -> `, `\[\d+:(\d+):\d+\] +(.*?)(?: +\[\*\*\])?(?: +\[Classification: ([^\]]*)\])?(?: +\[Priority: (\d+)\])?:?(?: +\{?(TCP|UDP|ICMP|IPV6-ICMP|IP)\}?)? +([0-9A-Fa-f.:]+?)(?::(\d+))? -> ([0-9A-Fa-f.:]+?)(?::(\d+))?\s*$`)

func readIDS(a *alert.Alert, r *Reading, s *sentence) {
	signature := first(a, "data.alert.signature")
	number := first(a, "data.alert.signature_id")
	category := first(a, "data.alert.category")
	severity := first(a, "data.alert.severity")
	proto := firstOf(first(a, "data.proto"), a.Protocol)
	source, target := a.Source, a.Destination
	if m := snortLine.find(line(a.Log)); m != nil {
		number, signature, category = firstOf(number, m[1]), firstOf(signature, m[2]), firstOf(category, m[3])
		severity, proto = firstOf(severity, m[4]), firstOf(proto, m[5])
		source, target = orEndpoint(source, m[6], m[7]), orEndpoint(target, m[8], m[9])
	}
	if signature == "" {
		signature = strings.TrimPrefix(a.Rule.Description, "Suricata: Alert - ")
	}

	s.Kind = "IDS alert"
	s.What, s.Object, s.Label, s.From = "IDS", signature, "Says", source.IP

	verdict := first(a, "data.alert.action")
	r.Next = w("Allowed: look at the target. Blocked: nothing.")
	switch strings.ToLower(verdict) {
	case "allowed":
		r.Outcome = "allowed"
		r.fact("Verdict", w("allowed: it got through"))
		r.Next = w("Look at the target: it got through.")
	case "blocked", "drop", "dropped":
		r.Outcome = "blocked"
		r.fact("Verdict", w("blocked"))
		r.Next = w("Nothing: it was blocked.")
	default:
		r.fact("Verdict", q(verdict))
	}
	r.fact("From", endpoint(source))
	r.fact("To", list(", ", endpoint(target), q(proto)))
	r.fact("Category", q(category))
	r.fact("Severity", opt("", severity, " (1 is worst)"))
	r.fact("Rule", q(number))

	r.Program = sensor(a)
	r.Traffic = &Traffic{Source: source, Target: target, Protocol: proto, Category: category}
	r.Object = strings.TrimSpace(source.IP + " " + firstOf(number, signature))
}

// sensor is the program that saw it, where the alert says only that it wrote JSON.
func sensor(a *alert.Alert) string {
	for _, name := range []string{"suricata", "snort"} {
		if hasGroup(a, name) || strings.Contains(a.LogFile, "/"+name+"/") {
			return name
		}
	}
	return ""
}

// orEndpoint is e, with the address and port that the log names where e has none.
func orEndpoint(e alert.Endpoint, ip, port string) alert.Endpoint {
	if e.IP == "" && absent(e.Text) && isAddress(ip) {
		return alert.Endpoint{IP: ip, Text: ip, Port: port}
	}
	if e.IP == ip && e.Port == "" {
		e.Port = port
	}
	return e
}
