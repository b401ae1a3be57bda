package family

import (
	"cmp"
	"strings"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
)

// otherKind is everything that no other family knows: the description of the rule speaks.
func otherKind() kind {
	return kind{family: "other", class: "other", is: func(*alert.Alert) bool { return true }, read: readOther}
}

func readOther(a *alert.Alert, r *Reading, s *sentence) {
	s.Described = true
	s.What = "A rule fired"
	if id := a.Rule.ID; id != "" && strings.Trim(id, "0123456789") == "" {
		s.What = "Rule " + id + " fired"
	}
	s.From = a.Source.IP

	r.fact("From", endpoint(a.Source))
	r.fact("User", q(firstOf(a.User, a.SourceUser, a.TargetUser)))
	if a.File != nil {
		r.fact("File", q(a.File.Path))
	} else {
		r.fact("File", q(first(a, "data.audit.file.name", "data.file")))
	}
	r.fact("URL", q(a.URL))
	r.fact("Command", q(firstOf(a.Command, first(a, "data.audit.exe", "data.audit.command"))))

	r.Object = cmp.Or(a.Source.IP, "-")
	r.Next = seeTheLog(a.Log)
	if a.Log == "" && len(object(a, "data")) > 0 {
		r.Next = w("Look at the whole alert: its data says more.")
	}
}

// seeTheLog is the next step where nothing better is known.
func seeTheLog(log string) display.Text {
	if log == "" {
		return w("Look at the whole alert: it came without a log.")
	}
	return w("See the log below.")
}
