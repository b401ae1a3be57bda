package family

import (
	"strings"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
)

// windowsKind is an event of Windows that no other family knows.
func windowsKind() kind {
	return kind{
		family: "windows", class: "windows event",
		is:   func(a *alert.Alert) bool { return windowsEvent(a) != nil },
		read: readWindows,
	}
}

func readWindows(a *alert.Alert, r *Reading, s *sentence) {
	e := windowsEvent(a)
	s.What, s.Label = "Windows", "Says"
	s.Kind = "Windows event"
	s.Object = e.sentence()
	if s.Object == "" {
		s.Object = strings.TrimPrefix(strings.TrimSuffix(a.Rule.Description, "."), "Windows: ")
	}
	r.fact("User", e.accountText(e.TargetDomain, e.TargetUser))
	if e.subject() != e.target() {
		r.fact("By", e.accountText(e.SubjectDomain, e.SubjectUser))
	}
	if reason, code := e.reason(); reason != "" {
		r.Reason = reason
		r.fact("Reason", w(reason), opt(" (", code, ")"))
	}
	e.logonFacts(a, r)
	e.processFacts(r)
	switch e.ID {
	case "4624":
		r.Outcome = "success"
	case "4625":
		r.Outcome = "failure"
	}
	r.Object = firstOf(e.target(), e.subject(), e.ID)
	r.Next = w(windowsNext(e.ID))
	e.evidence(r)
}

func windowsNext(id string) string {
	switch id {
	case "4624", "4648":
		return "Expected from there and at this hour? If not, ask the user."
	case "4625", "4771", "4776":
		return "Once is a typo. Again and again, or with nobody there, is not."
	case "4720", "4722":
		return "Ask who made the account, and why. Unknown: disable it."
	case "4723", "4724":
		return "Ask the user. Unknown: lock the account and end its sessions."
	case "4728", "4732", "4756":
		return "Ask who gave these rights. Unknown: take them back."
	case "4740":
		return "A forgotten password, or somebody guessing? See where the tries come from."
	case "1102", "104":
		return "Ask who cleared the log, and look at what this account did before."
	case "4697", "7045":
		return "Planned installation? If not, isolate the host and keep the file."
	case "4698", "4702":
		return "Planned task? If not, keep the program it runs and disable the task."
	}
	return "Planned? If not, look at what this account did before and after."
}

// readLogonFailure reads a refused logon on Windows, in the family auth_failure.
func readLogonFailure(a *alert.Alert, e *event, r *Reading, s *sentence) {
	if from := e.from(a).IP; !isLoopback(from) {
		s.From = from
	}
	reason, code := e.reason()
	s.What = "Windows logon failed"
	if r.Composite {
		s.What = "Windows brute force"
		if s.From == "" {
			s.What = "Windows logons failed"
		}
	}
	bruteForce := r.Composite && s.From != ""
	exists := e.TargetUser != "" && reason != noSuchUser && reason != noSuchLogon
	if exists && !bruteForce {
		s.Own = []display.Text{w(s.What + " for "), q(e.TargetUser)}
		if s.From != "" {
			s.Own = append(s.Own, w(" from "), q(s.From))
		}
	}

	r.fact("User", e.accountText(e.TargetDomain, e.TargetUser))
	if reason != "" {
		r.fact("Reason", w(reason), opt(" (", code, ")"))
	} else {
		r.fact("Reason", opt("code ", code, ""))
	}
	e.logonFacts(a, r)
	r.fact("Tries", r.tries(a))
	e.processFacts(r)
	r.Reason = reason
	r.Object = firstOf(s.From, e.target())
	r.Next = nextAfterFailure(r.Composite, s.From != "")
	e.evidence(r)
}

// logonFacts says how and from where somebody logged on.
func (e *event) logonFacts(a *alert.Alert, r *Reading) {
	if name := logonTypes[e.LogonType]; name != "" {
		r.fact("Logon", w(name), opt(" (type ", e.LogonType, ")"))
	} else {
		r.fact("Logon", opt("type ", e.LogonType, ""))
	}
	r.fact("From", e.fromText(a))
}

// processFacts says which program it was.
func (e *event) processFacts(r *Reading) {
	r.Program = e.Provider
	if e.Process == "" && e.Command == "" {
		return
	}
	r.Process = &Process{Name: e.Process, PID: e.PID, Command: e.Command}
	r.fact("Process", q(e.Process))
	r.fact("Command", q(e.Command))
}

// evidence composes the log line that decoded events come without, because the rules of Wazuh drop it
// (no_full_log).
func (e *event) evidence(r *Reading) {
	if e.line {
		return
	}
	text := strings.Join(strings.Fields(e.ID+" "+e.Channel+" "+e.Severity), " ")
	if message := line(e.Message); message != "" {
		text += ": " + message
	}
	r.Evidence.Text = text
	if r.Composite && r.Count > 1 {
		r.Evidence.Lines, r.Evidence.Of, r.Evidence.AtLeast = 1, r.Count, r.AtLeast
	}
}
