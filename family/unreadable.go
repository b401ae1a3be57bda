package family

import (
	"cmp"
	"strconv"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
)

// unreadableKind is what did not come whole, and what is no alert at all.
func unreadableKind() kind {
	return kind{family: "unreadable", class: "unreadable alert", is: isUnreadable, read: readUnreadable}
}

func isUnreadable(a *alert.Alert) bool {
	return a.Problem.Kind != "" || (a.Rule.ID == "" && a.Rule.Level < 0 && a.Rule.Description == "")
}

func readUnreadable(a *alert.Alert, r *Reading, s *sentence) {
	r.Next = w("Find it in the manager's alerts log; a full disk does this.")
	size := display.Thousands(len(a.Raw)) + " bytes"
	switch a.Problem.Kind {
	case alert.ProblemEmpty:
		s.What = "Empty alert file"
	case alert.ProblemUnreadable:
		s.What = "Alert file cannot be read"
		r.Next = w("Find the alert in the manager's alerts log, and mend who may read the file.")
		r.fact("Error", q(a.Problem.ReadsAs))
	case alert.ProblemDamaged:
		s.What, s.Kind = "Damaged alert of "+size, "Damaged alert"
	case alert.ProblemTruncated:
		s.What, s.Kind = "Alert cut off after "+size, "Alert cut off"
	default:
		s.What = "Alert in an unknown format"
		r.Next = w("Find out what wrote it: it is no alert of OSSEC or Wazuh.")
	}
	if a.Problem.CutAt > 0 { // by us, and the disk is not to blame
		r.Next = w("Find the whole of it in the manager's alerts log.")
	}
	// The agent may be what was cut off, but the manager is always right.
	if host := cmp.Or(a.Manager, a.Host); cleanHost(host) {
		s.NoHost = true
		s.Own = []display.Text{w(s.What + " on "), q(host)}
	}
	if len(a.Raw) > 0 {
		r.fact("Size", w(size))
	}
	if a.Problem.Kind != alert.ProblemEmpty && a.Problem.Kind != alert.ProblemUnreadable {
		r.fact("Reads", opt("as ", a.Problem.ReadsAs, ""))
	}
	r.fact("Kept", kept(a))
	if !a.Received.IsZero() {
		r.fact("Arrived", w(clock(a.Received)))
	}
	r.Evidence.Text = string(a.Raw)
	r.Object = "alert"
}

// kept lists what came whole of a broken alert.
func kept(a *alert.Alert) display.Text {
	var level display.Text
	if a.Rule.Level >= 0 {
		level = w("level " + strconv.Itoa(a.Rule.Level))
	}
	return list(", ", level, opt("rule ", a.Rule.ID, ""), opt("id ", a.ID, ""), q(a.Rule.Description))
}

// clock is a time as messages show it.
func clock(t time.Time) string {
	if _, offset := t.Zone(); offset == 0 {
		return t.Format("2006-01-02 15:04:05") + " UTC"
	}
	return t.Format("2006-01-02 15:04:05 -07:00")
}
