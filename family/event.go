package family

import (
	"strings"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
)

// event is an event of Windows, wherever it came from: the decoded event of Wazuh's agents, or the line of text
// that OSSEC's and older agents make of it.
type event struct {
	ID, Channel, Severity, Provider, Computer, Message string

	TargetUser, TargetDomain   string
	SubjectUser, SubjectDomain string
	Status, SubStatus          string
	LogonType                  string
	IP, Port, Workstation      string
	NoIP                       bool // the event says that there is no address: a logon at the machine itself
	Process, PID, Command      string

	line bool // the alert has the event as a log line
}

// windowsEvent is the event of an alert, or nil where there is none.
func windowsEvent(a *alert.Alert) *event {
	if has(a, "data.win.system.eventID", "data.win.system.providerName", "data.win.system.message") {
		return decodedEvent(a)
	}
	if m := eventLine.find(a.Log); m != nil {
		return lineEvent(m)
	}
	return nil
}

func decodedEvent(a *alert.Alert) *event {
	system := func(name string) string { return first(a, "data.win.system."+name) }
	data := func(names ...string) string {
		for _, n := range names {
			if v := first(a, "data.win.eventdata."+n, "data.win.logFileCleared."+n); v != "" {
				return strings.ReplaceAll(v, `\\`, `\`) // the agent doubles them
			}
		}
		return ""
	}
	e := &event{
		ID: system("eventID"), Channel: system("channel"), Severity: system("severityValue"),
		Provider: system("providerName"), Computer: system("computer"), Message: strings.Trim(system("message"), `"`),
		TargetUser: data("targetUserName"), TargetDomain: data("targetDomainName"),
		SubjectUser: data("subjectUserName"), SubjectDomain: data("subjectDomainName"),
		Status: data("status"), SubStatus: data("subStatus"), LogonType: data("logonType"),
		IP: data("ipAddress"), Port: data("ipPort"), Workstation: data("workstationName", "workstation"),
		Process: data("newProcessName", "processName", "image"), PID: data("newProcessId", "processId"),
		Command: data("commandLine"),
	}
	e.NoIP = e.IP == "" && has(a, "data.win.eventdata.ipAddress")
	if e.SubjectUser == "" { // Sysmon
		domain, user, found := strings.Cut(data("user"), `\`)
		if !found {
			domain, user = "", domain
		}
		e.SubjectDomain, e.SubjectUser = domain, user
	}
	return e
}

// eventLine is the head of the line that agents without the event channel write: channel, severity and number,
// provider, user, domain, computer, message.
var eventLine = compile(`WinEvtLog: `, `(?s)^(?:\d{4} [A-Z][a-z]{2} [ \d]\d [\d:]{8} )?WinEvtLog: ([^:]+): ([A-Z_ ]+)\((\d+)\): ([^:]+): ([^:]*): ([^:]*): ([^:\s]*): (.*)$`)

func lineEvent(m []string) *event {
	e := &event{Channel: m[1], Severity: m[2], ID: m[3], Provider: m[4], Computer: m[7], Message: m[8], line: true}
	get := func(label string, sections ...string) string {
		for _, s := range sections {
			if v := messageField(e.Message, s, label); v != "" {
				return v
			}
		}
		return ""
	}
	target := []string{"Account For Which Logon Failed:", "New Logon:", "Account That Was Locked Out:", "Target Account:", "New Account:"}
	e.TargetUser, e.TargetDomain = get("Account Name:", target...), get("Account Domain:", target...)
	e.SubjectUser, e.SubjectDomain = get("Account Name:", "Subject:"), get("Account Domain:", "Subject:")
	if e.TargetUser == "" { // before Windows Vista
		e.TargetUser, e.TargetDomain = get("User Name:", ""), get("Domain:", "User Name:")
	}
	if e.TargetUser == "" && m[5] != "(no user)" && m[6] != "no domain" {
		e.TargetUser, e.TargetDomain = firstOf(m[5]), firstOf(m[6])
	}
	e.Status, e.SubStatus = get("Status:", "Failure Information:"), get("Sub Status:", "Failure Information:")
	e.LogonType = get("Logon Type:", "")
	e.IP, e.Port = get("Source Network Address:", ""), get("Source Port:", "")
	e.Workstation = get("Workstation Name:", "")
	e.Process = get("Process Name:", "Process Information:")
	return e
}

// messageField is the value behind a label in the text of an event, the first behind the section. Labels and
// values are two blanks, tabs or line ends apart.
func messageField(message, section, label string) string {
	_, rest, found := strings.Cut(message, section)
	if !found {
		return ""
	}
	_, rest, found = strings.Cut(rest, label)
	if !found {
		return ""
	}
	rest = strings.TrimLeft(rest, " \t")
	if i := strings.IndexAny(rest, "\t\r\n"); i >= 0 {
		rest = rest[:i]
	}
	value, _, _ := strings.Cut(rest, "  ")
	if strings.HasSuffix(value, ":") || strings.Trim(value, ".") == "" { // the next label, or the end of a cut log
		return ""
	}
	return firstOf(value)
}

// sentence is the first sentence of the message, or empty where it has none.
func (e *event) sentence() string {
	message := line(e.Message)
	text, _, found := strings.Cut(message+" ", ". ")
	if e.line && !found { // a list of values
		return ""
	}
	return strings.TrimRight(text, ".: ")
}

// target is the account that was logged in to, changed, made: DOMAIN\user.
func (e *event) target() string { return account(e.TargetDomain, e.TargetUser) }

// subject is the account that did it.
func (e *event) subject() string { return account(e.SubjectDomain, e.SubjectUser) }

func account(domain, user string) string {
	if user == "" || domain == "" {
		return user
	}
	return domain + `\` + user
}

// accountText is the value of a fact that names an account.
func (e *event) accountText(domain, user string) display.Text {
	if user == "" {
		return display.Text{}
	}
	reason, _ := e.reason()
	note := ""
	switch {
	case reason == noSuchUser && user == e.TargetUser:
		note = " (" + noSuchUser + ")"
	case strings.HasSuffix(user, "$"):
		note = " (machine)"
	case domain != "" && strings.EqualFold(domain, e.machine()):
		note = " (local account)"
	}
	return display.Join(q(account(domain, user)), w(note))
}

// machine is the name of the computer without its domain.
func (e *event) machine() string {
	name, _, _ := strings.Cut(e.Computer, ".")
	return name
}

// from is the source of a logon.
func (e *event) from(a *alert.Alert) alert.Endpoint {
	from := a.Source
	if from.IP == "" && absent(from.Text) {
		from = alert.Endpoint{Text: e.IP}
		if isAddress(e.IP) {
			from.IP = e.IP
		}
	}
	if from.Port == "" && from.IP == e.IP {
		from.Port = e.Port
	}
	return from
}

// fromText is the value of the fact From: an address, the name that the other side gave itself, or both.
func (e *event) fromText(a *alert.Alert) display.Text {
	workstation := e.Workstation
	if strings.EqualFold(workstation, e.machine()) {
		workstation = ""
	}
	from := endpoint(e.from(a))
	if from.IsZero() && e.NoIP && workstation == "" {
		return w("this machine")
	}
	return list(", ", from, opt("workstation ", workstation, ""))
}

const (
	noSuchUser  = "no such user"
	noSuchLogon = "wrong user name or password" // Windows does not say which
)

// failures are the NTSTATUS values of refused logons ([MS-ERREF] 2.3.1).
var failures = map[string]string{
	"0xc0000064": noSuchUser,
	"0xc000006a": "wrong password",
	"0xc000006d": noSuchLogon,
	"0xc000006f": "outside the permitted hours",
	"0xc0000070": "not from this workstation",
	"0xc0000071": "password expired",
	"0xc0000072": "account disabled",
	"0xc0000193": "account expired",
	"0xc0000224": "must change the password first",
	"0xc0000234": "locked out",
}

// reason is why a logon was refused, in our words where we know the code, and the code.
func (e *event) reason() (words, code string) {
	for _, c := range []string{e.SubStatus, e.Status} {
		if words := failures[strings.ToLower(c)]; words != "" {
			return words, c
		}
		if code == "" && statusCode.matches(c) {
			code = c
		}
	}
	return "", code
}

var statusCode = compile(`0x`, `^0x[0-9A-Fa-f]{1,8}$`)

// logonTypes are the ways to log on (Microsoft's description of event 4624).
var logonTypes = map[string]string{
	"2":  "at the keyboard",
	"3":  "over the network",
	"4":  "batch",
	"5":  "service",
	"7":  "unlock",
	"8":  "over the network, password in clear text",
	"9":  "with other credentials",
	"10": "by remote desktop",
	"11": "at the keyboard, cached credentials",
}
