package family

import (
	"cmp"
	"regexp"
	"strings"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
)

// rootcheckKind is what OSSEC's search for rootkits and weak settings found.
func rootcheckKind() kind {
	return kind{family: "rootcheck", class: "rootcheck finding", is: isRootcheck, read: readRootcheck}
}

func isRootcheck(a *alert.Alert) bool {
	return hasGroup(a, "rootcheck") || ungrouped(a, ids{510, 519}) || a.LogFile == "rootcheck"
}

// trouble is a finding that rootcheck words itself, and our short form of it around the value that it names.
type trouble struct {
	log           pattern
	before, after string
	file          bool // the value is a path
}

// troubles are what means that the host itself may lie. The shell format has blanks in the place of quotes.
var troubles = []trouble{
	{compile(`Trojaned version of file`, `^Trojaned version of file ['" ](.+?)['" ] detected`), "trojaned ", "", true},
	{compile(`Rootkit `, `^Rootkit ['" ](.+?)['" ] detected`), "rootkit ", "", false},
	{compile(` is owned by root `, `^File ['" ](.+?)['" ] is owned by root and has written permissions`), "file of root, writable by all: ", "", true},
	{compile(` present on /dev`, `^File ['" ](.+?)['" ] present on /dev`), "odd file ", "", true},
	{compile(`Anomaly detected in file`, `^Anomaly detected in file ['" ](.+?)['" ]`), "hidden file ", "", true},
	{compile(`Files hidden inside directory`, `^Files hidden inside directory ['" ](.+?)['" ]`), "hidden files in ", "", true},
	{compile(`Process `, `^Process ['" ](\d+)['" ] hidden`), "hidden process ", "", false},
	{compile(`Port `, `^Port ['" ](\d+)['" ] ?\(\w+\) hidden`), "hidden port ", "", false},
	{compile(` in promiscuous mode`, `^Interface ['" ](.+?)['" ] in promiscuous mode`), "interface ", " listens to everything", false},
}

var (
	// presence is the file by which a rootkit was recognised.
	presence = compile(`by the presence of file`, `by the presence of file ['" ](.+?)['" ]`)
	auditOf  = regexp.MustCompile(`^(?:System|Windows) Audit: `)
	// auditFile is the file of an audit of settings: "System Audit: …. File: /etc/ssh/sshd_config. Reference: 3 ."
	auditFile = compile(`. File: `, `\. File: (.+?)\.(?: Reference:|\s*$)`)
)

func readRootcheck(a *alert.Alert, r *Reading, s *sentence) {
	log := line(a.Log)
	finding := firstOf(first(a, "data.title"), firstSentence(log), a.Rule.Description)
	file := first(a, "data.file", "SyscheckFile.path")
	r.Next = w("Plan the fix.")

	s.Kind = "Rootcheck finding"
	s.What, s.Object = "Rootcheck", auditOf.ReplaceAllString(strings.TrimSuffix(finding, "."), "")
	for _, t := range troubles {
		m := t.log.find(log)
		if m == nil {
			continue
		}
		s.What, s.Object = "Rootcheck finding", m[1]
		s.Own = []display.Text{w("Rootcheck: " + t.before), q(m[1]), w(t.after)}
		if t.file {
			file = firstOf(file, m[1])
		}
		r.Next = w("Compare with its package before you trust the host.")
		break
	}
	if m := presence.find(log); m != nil {
		file = firstOf(file, m[1])
	}
	if m := auditFile.find(log); m != nil {
		file = firstOf(file, m[1])
	}

	r.fact("Finding", opt("", finding, ""))
	r.fact("File", opt("", file, ""))
	r.Program = "rootcheck"
	r.Object = firstOf(file, finding)
	if auditOf.MatchString(log) { // many findings are about one file of settings
		r.Object = finding
	}
}

// firstSentence is a text up to its first full stop, which is one that a blank or the end follows.
func firstSentence(s string) string {
	before, _, found := strings.Cut(s, ". ")
	if found {
		before += "."
	}
	return before
}

// scaKind is a check of a policy of Wazuh's security configuration assessment, or the sum of such checks.
func scaKind() kind {
	return kind{family: "sca", class: "policy check", is: isSCA, read: readSCA}
}

func isSCA(a *alert.Alert) bool {
	return hasGroup(a, "sca") || a.Decoder == "sca" || object(a, "data", "sca") != nil || a.LogFile == "sca" ||
		ungrouped(a, ids{19000, 19015})
}

// scaField is a field of an assessment. alerts.log writes a line for each.
func scaField(a *alert.Alert, name string) string {
	if v := first(a, "data.sca."+name); v != "" {
		return v
	}
	for l := range strings.Lines(a.Log) {
		if v, found := strings.CutPrefix(l, "sca."+name+": "); found {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

func readSCA(a *alert.Alert, r *Reading, s *sentence) {
	r.Program = "sca"
	title, policy := scaField(a, "check.title"), scaField(a, "policy")
	score, result := scaField(a, "score"), strings.ToLower(scaField(a, "check.result"))
	r.Next = w("Plan the fix.")

	switch {
	case title != "":
		s.What, s.Object = "Policy check", title
		switch result {
		case "":
		case "failed":
			s.What, r.Outcome = "Check failed", "failure"
		case "passed":
			s.What, r.Outcome = "Check passed", "success"
			r.Next = w("Nothing: the check passes.")
		default:
			s.What = "Check not applicable"
			r.Next = w("Nothing, if the check does not concern this host.")
		}
	case policy != "" && number(score):
		s.What, s.Object = "Policy checked", policy
		whole, _, _ := strings.Cut(score, ".")
		s.Own = []display.Text{w("Policy "), q(policy), w(" at "), q(whole), w(" %")}
	default:
		s.What, s.Object, s.Described = "Policy check", policy, true
	}

	r.fact("Finding", opt("", title, ""))
	r.fact("File", opt("", scaField(a, "check.file"), ""))
	r.fact("Policy", opt("", policy, ""))
	r.fact("Result", scaResult(a, result))
	r.fact("Remedy", opt("", scaField(a, "check.remediation"), ""))
	r.Object = cmp.Or(scaField(a, "check.id"), scaField(a, "policy_id"), policy)
}

// scaResult is the result of one check, or the sums of a policy.
func scaResult(a *alert.Alert, result string) display.Text {
	if result != "" {
		return list(" ", opt("", result, ""), opt("(was ", scaField(a, "check.previous_result"), ")"))
	}
	sums := list(", ",
		opt("", scaField(a, "passed"), " passed"),
		opt("", scaField(a, "failed"), " failed"),
		opt("", scaField(a, "invalid"), " not applicable"))
	return list(", ", sums, opt("score ", scaField(a, "score"), " %"))
}

// number reports a decimal number without sign.
func number(s string) bool {
	whole, fraction, _ := strings.Cut(s, ".")
	return whole != "" && strings.Trim(whole+fraction, "0123456789") == ""
}
