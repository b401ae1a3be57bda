package family

import (
	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
)

// enrichmentKind is what another service knows of something that an earlier alert was about: Wazuh's
// integrations write its answer back as an alert of its own.
func enrichmentKind() kind {
	return kind{family: "enrichment", class: "enrichment", is: isEnrichment, read: readEnrichment}
}

func isEnrichment(a *alert.Alert) bool {
	return hasGroup(a, "virustotal", "abuseipdb", "maltiverse") || answerKey(a) != "" || ungrouped(a, ids{87100, 87105})
}

// answerKey is the name below "data" of the service's answer, or empty. Integrations put it below their own
// name; what makes it an answer is that it says which alert it is about. ("integration" alone does not: it is
// "aws" for the logs of AWS.)
func answerKey(a *alert.Alert) string {
	for _, key := range []string{"virustotal", "virustotal_ip", "abuseipdb", "maltiverse"} {
		if object(a, "data", key) != nil {
			return key
		}
	}
	key := first(a, "data.integration")
	if key != "" && object(a, "data", key, "source")["alert_id"] != nil {
		return key
	}
	return ""
}

// detected is the description of Wazuh's rule 87105, which is all that its shell format has.
var detected = compile(`VirusTotal: Alert - `, `^VirusTotal: Alert - (.+) - (\d+) engines? detected this file`)

// answer is what a service said.
type answer struct {
	path, ip, hash    string
	positives, total  string // engines that flag it, and all
	suspicious, found string
	confidence        string // AbuseIPDB's, in percent
}

// about is what the answer is about, as people call it.
func (n answer) about() string { return firstOf(n.path, n.ip, n.hash) }

func readEnrichment(a *alert.Alert, r *Reading, s *sentence) {
	key := answerKey(a)
	at := "data." + key + "."
	n := answer{
		path:       first(a, at+"source.file"),
		ip:         first(a, at+"source.ip", at+"source.srcip", at+"ip", at+"ip_addr"),
		hash:       first(a, at+"source.sha256", at+"sha1", at+"source.sha1", at+"source.md5"),
		positives:  first(a, at+"positives", at+"counts.malicious", at+"engine_counts.malicious"),
		total:      first(a, at+"total"),
		suspicious: first(a, at+"counts.suspicious", at+"engine_counts.suspicious"),
		found:      first(a, at+"found"),
		confidence: first(a, at+"abuse_confidence_score"),
	}
	if m := detected.find(a.Rule.Description); m != nil {
		n.path, n.positives = firstOf(n.path, m[1]), firstOf(n.positives, m[2])
	}

	r.Next = w("Look at the alert it is about; isolate the file or block the address.")
	s.Object = n.about()
	n.word(a, key, r, s)
	// The answer is often an alert of the manager; the host that the earlier alert was about stands in its log.
	s.NoHost = a.Agent.ID == "" || a.Agent.ID == "000"

	verdict := list(", ",
		opt("", n.confidence, " % confidence"),
		opt("", first(a, at+"total_reports"), " reports"))
	if n.positives != "" {
		unit := "engines"
		if n.positives == "1" && n.total == "" {
			unit = "engine"
		}
		engines := list(" ", opt("", n.positives, ""), opt("of ", n.total, ""), w(unit))
		verdict = list(", ", engines, opt("", n.suspicious, " suspicious"))
	}
	r.fact("Verdict", list(", ", verdict, opt("", first(a, at+"verdict", at+"classification", at+"description"), "")))
	r.fact("About", list(", ", opt("", firstOf(n.path, n.ip), ""), opt("", n.hash, "")))
	r.fact("Owner", list(", ",
		opt("", first(a, at+"as_owner"), ""),
		opt("", first(a, at+"isp"), ""),
		opt("", first(a, at+"country", at+"country_code"), "")))
	r.fact("Because", because(first(a, at+"source.rule"), first(a, at+"source.alert_id")))

	r.Evidence.Text = first(a, "data.original_full_log")
	r.Program = firstOf(first(a, "data.integration"), key)
	r.Object = firstOf(n.hash, n.ip, n.path)
	r.Subject = Subject{Path: n.path, Hash: n.hash}
}

// word says the verdict in the sentence, as far as it can be said.
func (n answer) word(a *alert.Alert, key string, r *Reading, s *sentence) {
	about := n.about()
	virusTotal := key == "virustotal" || key == "virustotal_ip" || (key == "" && n.positives != "")
	switch {
	case virusTotal && about != "" && number(n.positives):
		s.What = "VirusTotal flags something"
		switch n.positives {
		case "0":
			s.What = "VirusTotal flags nothing"
			s.Own = []display.Text{w("VirusTotal: no engine flags "), q(about)}
			r.Next = w("No engine flags it: judge by the alert it is about.")
		case "1":
			s.Own = []display.Text{w("VirusTotal: 1 engine flags "), q(about)}
		default:
			s.Own = []display.Text{w("VirusTotal: "), q(n.positives), w(" engines flag "), q(about)}
		}
	case virusTotal && about != "" && n.found == "0":
		s.What = "VirusTotal has no record"
		s.Own = []display.Text{w("VirusTotal: no record of "), q(about)}
		r.Next = w("No record is no verdict: look at the alert it is about.")
	case key == "abuseipdb" && about != "" && number(n.confidence):
		s.What = "AbuseIPDB rates an address"
		s.Own = []display.Text{w("AbuseIPDB: "), q(n.confidence), w(" % abuse confidence for "), q(about)}
	default: // an error of the service, or a service that we do not know
		s.What, s.Described = "Answer of an integration", true
		if a.Rule.Description != "" && about == "" {
			r.Next = seeTheLog(firstOf(a.Log, first(a, "data.original_full_log")))
		}
	}
}
