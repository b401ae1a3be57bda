package family

import (
	"cmp"
	"strings"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
)

// privilegeKind is somebody who acts with another's rights, or an account that was made or changed.
func privilegeKind() kind {
	return kind{family: "privilege", class: "privilege use", is: isPrivilege, read: readPrivilege}
}

func isPrivilege(a *alert.Alert) bool {
	return hasGroup(a, "sudo", "su", "adduser", "account_changed") ||
		ungrouped(a, ids{5300, 5305}, ids{5400, 5407}, ids{5901, 5905})
}

func readPrivilege(a *alert.Alert, r *Reading, s *sentence) {
	r.Next = w("Ask the owner. Unknown: disable the account, see what it ran.")
	if e := windowsEvent(a); e != nil {
		readWindowsAccount(a, e, r, s)
		return
	}
	text := line(a.Log)
	switch {
	case newAccount.matches(text) || goneAccount.matches(text) || hasGroup(a, "adduser", "account_changed"):
		readAccount(a, text, r, s)
	default:
		readSudo(a, text, r, s)
	}
}

// What sudo, su and PAM write. The shell format has commas for semicolons.
var (
	sudoLine = compile(`COMMAND=`, `\bsudo(?:\[\d+\])?: +(\S+) : (?:(.*?) [;,] )?TTY=(\S+) [;,] PWD=(.*?) [;,] USER=(\S+) [;,] (?:.* [;,] )?COMMAND=(.*)$`)
	suLine   = compile(`su`, `\bsu(?:\[\d+\])?: (?:\+ \S+ (\S+):(\S+)$|Successful su for (\S+) by (\S+)$)`)
	suFailed = compile(`FAILED SU `, `\bsu(?:\[\d+\])?: FAILED SU \(to (\S+)\) (\S+) on`)
	suDenied = compile(`authentication failure; `, `\bsu(?:\[\d+\])?: pam_unix\(.*\): authentication failure; .*\bruser=(\S+) .*\buser=(\S+)\s*$`)
	pamSu    = compile(`: session opened for user `, `\bsu(?:do)?(?:\[\d+\])?: pam_unix\(.*\): session opened for user (\w+)(?:\(uid=\d+\))? by (\w+)`)
)

// sudo is one use of another's rights.
type sudo struct{ by, as, command, dir, tty, refusal string }

func readSudo(a *alert.Alert, text string, r *Reading, s *sentence) {
	u := sudo{by: a.SourceUser, as: a.TargetUser, command: a.Command, dir: first(a, "data.pwd", "pwd"), tty: first(a, "data.tty", "tty")}
	if m := sudoLine.find(text); m != nil {
		u = sudo{by: firstOf(u.by, m[1]), as: firstOf(u.as, m[5]), dir: firstOf(u.dir, m[4]), tty: firstOf(u.tty, m[3]), command: u.command, refusal: m[2]}
		if strings.HasPrefix(m[6], u.command) { // some decoders keep the program without its arguments
			u.command = m[6]
		}
	} else if m := suLine.find(text); m != nil {
		u.by, u.as = firstOf(u.by, m[1], m[4]), firstOf(u.as, m[2], m[3])
	} else if m := pamSu.find(text); m != nil {
		u.by, u.as = firstOf(u.by, m[2]), firstOf(u.as, m[1])
	}
	viaSudo := hasGroup(a, "sudo") || a.Program == "sudo" || strings.Contains(text, "sudo") || ungrouped(a, ids{5400, 5499})

	verb := " became "
	s.What = "User changed"
	switch {
	case u.refusal != "" && viaSudo:
		verb, s.What = " was refused sudo as ", "Sudo refused"
		r.Outcome, r.Reason = "failure", refusal(u.refusal)
	case viaSudo:
		verb, s.What = " ran sudo as ", "Sudo used"
		r.Outcome = "success"
	}
	s.By = u.by
	if !absent(u.by) && !absent(u.as) {
		s.Own = []display.Text{q(u.by), w(verb), q(u.as)}
	}
	r.fact("By", q(firstOf(u.by)))
	r.fact("As", q(firstOf(u.as)))
	r.fact("Reason", q(u.refusal))
	r.fact("Command", q(firstOf(u.command)))
	r.fact("In", list(", ", q(u.dir), opt("terminal ", u.tty, "")))
	if !absent(u.command) {
		r.Process = &Process{Command: u.command}
	}
	r.Object = cmp.Or(firstOf(u.by), firstOf(u.as))
}

// readRefusal reads a refused sudo or su, in the family auth_failure. It reports whether it was one.
func readRefusal(a *alert.Alert, r *Reading, s *sentence) bool {
	text := line(a.Log)
	r.Next = w("Once is a typo. Again and again, or with nobody there, is not.")
	if sudoLine.matches(text) {
		readSudo(a, text, r, s)
		return true
	}
	var by, as string
	if m := suFailed.find(text); m != nil {
		as, by = m[1], m[2]
	} else if m := suDenied.find(text); m != nil {
		by, as = m[1], m[2]
	} else {
		return false
	}
	s.What, s.By = "Change of user refused", by
	s.Own = []display.Text{q(by), w(" failed to become "), q(as)}
	r.fact("By", q(by))
	r.fact("As", q(as))
	r.fact("Tries", r.tries(a))
	r.Object = by
	return true
}

// refusal is the reason of a refused sudo in our words.
func refusal(text string) string {
	switch {
	case strings.Contains(text, "incorrect password"):
		return "wrong password"
	case strings.Contains(text, "NOT in sudoers"):
		return "not in sudoers"
	case strings.Contains(text, "command not allowed"):
		return "command not allowed"
	}
	return ""
}

// What useradd, adduser, userdel and groupadd write.
var (
	newAccount  = compile(`name=`, `\bnew (user|group|account)(?: added)?: name=([^,]+?)(?:, (?:U|G)ID=(\d+))?(?:, GID=\d+)?(?:, home=([^,]*))?(?:, shell=([^,]*))?(?:, .*)?$`)
	goneAccount = compile(``, `\bdelete (user|group) '? ?([^' ]+)|\b(group) '? ?([^' ]+)'? ? removed`)
)

func readAccount(a *alert.Alert, text string, r *Reading, s *sentence) {
	what, verb := "User", "changed"
	name := firstOf(a.TargetUser, a.User)
	uid, home, shell := first(a, "data.uid"), first(a, "data.home"), first(a, "data.shell")
	if m := newAccount.find(text); m != nil {
		verb = "added"
		if m[1] == "group" {
			what = "Group"
		}
		name, uid, home, shell = m[2], firstOf(m[3], uid), firstOf(m[4], home), firstOf(m[5], shell)
		r.Outcome = "created"
	} else if m := goneAccount.find(text); m != nil {
		verb = "removed"
		if m[1] == "group" || m[3] == "group" {
			what = "Group"
		}
		name = cmp.Or(m[2], m[4])
		r.Outcome = "deleted"
	} else {
		r.Outcome = "modified"
	}
	s.What = what + " " + verb
	if !absent(name) {
		s.Own = []display.Text{w(what + " "), q(name), w(" " + verb)}
	}
	s.By = a.SourceUser
	id := " (uid "
	if what == "Group" {
		id = " (gid "
	}
	if !absent(name) {
		r.fact(what, q(name), opt(id, uid, ")"))
	}
	r.fact("By", q(firstOf(a.SourceUser)))
	r.fact("Home", q(home))
	r.fact("Shell", q(shell))
	r.Object = firstOf(name)
	r.Account = &Account{Kind: strings.ToLower(what), Name: firstOf(name)}
}

// readWindowsAccount reads the events of Windows about accounts.
func readWindowsAccount(a *alert.Alert, e *event, r *Reading, s *sentence) {
	readWindows(a, r, s)
	verb := ""
	switch e.ID {
	case "4720":
		verb, r.Outcome = "added", "created"
	case "4726":
		verb, r.Outcome = "removed", "deleted"
	default:
		return
	}
	s.Own = []display.Text{w("User "), q(e.TargetUser), w(" " + verb)}
	r.Account = &Account{Kind: "user", Name: firstOf(e.TargetUser)}
}
