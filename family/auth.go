package family

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
)

// authFailureKind is a login that was refused, or many of them.
func authFailureKind() kind {
	return kind{family: "auth_failure", class: "authentication failure", is: isAuthFailure, read: readAuthFailure}
}

// authSuccessKind is a login that succeeded after others were refused: perhaps a break-in.
func authSuccessKind() kind {
	return kind{family: "auth_success", class: "authentication success", is: isAuthSuccess, read: readAuthSuccess}
}

// successAfterFailures is the stock rule for it.
const successAfterFailures = "40112"

func isAuthSuccess(a *alert.Alert) bool {
	return a.Rule.ID == successAfterFailures ||
		hasGroup(a, "authentication_success") && slices.ContainsFunc(a.Previous, refused.matches)
}

func isAuthFailure(a *alert.Alert) bool {
	return hasGroup(a, "authentication_failed", "authentication_failures", "win_authentication_failed", "invalid_login") ||
		ungrouped(a,
			ids{2501, 2502}, ids{5301, 5302}, ids{5503, 5503}, ids{5551, 5551},
			ids{5710, 5710}, ids{5712, 5712}, ids{5716, 5716}, ids{5718, 5720}, ids{5726, 5726},
			ids{5758, 5758}, ids{5760, 5760}, ids{5763, 5763},
			ids{18106, 18106}, ids{18130, 18139}, ids{18152, 18152}, ids{40111, 40111}, ids{60122, 60122}, ids{60204, 60204})
}

// refused finds the lines of a log that tell of a refused login.
var refused = compile(``, `(?i)\bfail(ed|ure)\b|\binvalid user\b|AUDIT_FAILURE|\brefused\b|\bdenied\b|\bincorrect password\b`)

func readAuthFailure(a *alert.Alert, r *Reading, s *sentence) {
	r.Outcome = "failure"
	if e := windowsEvent(a); e != nil {
		readLogonFailure(a, e, r, s)
		return
	}
	if readRefusal(a, r, s) {
		return
	}
	l := readLogin(a)
	many := r.Composite
	s.From = address(a)
	switch service := service(a); {
	case service == "" && many:
		s.What = "Brute force"
	case service == "":
		s.What = "Login failed"
	case many:
		s.What = service + " brute force"
	default:
		s.What = service + " login failed"
	}
	if s.From == "" && l.user != "" && !l.unknown {
		s.Own = []display.Text{w(s.What + " for "), q(l.user)}
	}

	r.fact("From", endpoint(a.Source))
	r.fact("User", l.text(a))
	r.fact("Tries", r.tries(a))
	if l.unknown {
		r.Reason = noSuchUser
	}
	r.Method = l.method
	r.Object = cmp.Or(s.From, l.user)
	r.Next = nextAfterFailure(many, s.From != "")
}

func nextAfterFailure(many, address bool) display.Text {
	switch {
	case many && address:
		return w("Was any login from this address accepted? If it goes on, block it.")
	case many:
		return w("Did one of these logins succeed? If they go on, lock the account.")
	}
	return w("Once is a typo. Again and again, or with nobody there, is not.")
}

func readAuthSuccess(a *alert.Alert, r *Reading, s *sentence) {
	r.Outcome = "success"
	var who display.Text
	if e := windowsEvent(a); e != nil {
		s.Object, s.From = e.TargetUser, e.from(a).IP
		who = e.accountText(e.TargetDomain, e.TargetUser)
		r.fact("User", who)
		r.fact("From", e.fromText(a))
		r.Object = e.target()
	} else {
		l := readLogin(a)
		s.Object, s.From = l.user, address(a)
		who = q(l.user)
		r.Method = l.method
		r.fact("User", who)
		r.fact("From", endpoint(a.Source))
		r.Object = cmp.Or(l.user, s.From)
	}
	s.What = "Login after failures"

	failures := 0
	oldest := ""
	for _, p := range a.Previous { // newest first
		if refused.matches(p) {
			failures++
			oldest = p
		}
	}
	if failures > 0 {
		text := strconv.Itoa(failures)
		if r.AtLeast {
			text = "at least " + text
		}
		r.fact("Failures", w(text))
		since, _ := lineStamp(oldest)
		r.fact("Since", q(since))
	}
	if r.Method != "" {
		r.fact("Method", q(r.Method))
	}
	if !clean(s.Object) || len(s.Object) > 20 {
		who = w("the user")
	} else {
		who = q(s.Object)
	}
	r.Next = display.Join(w("A break-in until "), who, w(" says otherwise: end the session, change the password."))
}

// address is the source address as the sentence and the dedup key have it: not this machine itself.
func address(a *alert.Alert) string {
	if isLoopback(a.Source.IP) {
		return ""
	}
	return a.Source.IP
}

// login is what a log line tells of a login.
type login struct {
	user    string
	unknown bool // the host has no such user
	method  string
}

// What sshd, PAM and others write. User names are what somebody typed, so they may hold blanks and even " from ":
// the patterns hang on the ends of the line. noUser is cautious: a name that is wrongly taken for unknown is kept
// out of the sentence, no more.
var (
	sshInvalid = compile(`sshd`, `sshd(?:-session)?\[\d+\]: (?:Failed (\S+) for (?:invalid|illegal) user|[Ii]nvalid user|[Ii]llegal user) (.*?) ?from \S+(?: port \d+)?(?: ssh2)?\s*$`)
	sshValid   = compile(`sshd`, `sshd(?:-session)?\[\d+\]: (?:Failed|Accepted) (\S+) for (.*) from \S+ port \d+(?: ssh2)?(?:: .*)?\s*$`)
	pamUser    = compile(`: authentication failure; `, `: authentication failure; .*\buser=(\S+)\s*$`)
	noUser     = compile(``, `(?i)\b(?:invalid|illegal|unknown|non-?existent) (?:user|account)\b|\bno such (?:user|account)\b|\buser (?:unknown|not found)\b`)
)

// parseLogin reads a log line.
func parseLogin(text string) login {
	if l, ok := plainSSHLogin(text); ok {
		return l
	}
	return patternLogin(text)
}

func patternLogin(text string) login {
	var l login
	if m := sshInvalid.find(text); m != nil {
		l = login{user: m[2], unknown: true, method: m[1]}
	} else if m := sshValid.find(text); m != nil {
		l = login{user: m[2], method: m[1]}
	} else if m := pamUser.find(text); m != nil {
		l = login{user: m[1]}
	}
	if !methodName(l.method) {
		l.method = ""
	}
	return l
}

// plainSSHLogin is parseLogin for the lines that sshd writes when nobody plays tricks on it, without the expressions:
// a brute force alert has a dozen. ok is false where more than one reading comes into question.
func plainSSHLogin(text string) (l login, ok bool) {
	_, rest, found := strings.Cut(text, "sshd")
	if !found || strings.Contains(rest, "sshd") || strings.ContainsAny(rest, "\r\n") || strings.Count(rest, "from ") != 1 {
		return login{}, false
	}
	rest, found = strings.CutPrefix(strings.TrimPrefix(rest, "-session"), "[")
	if !found {
		return login{}, false
	}
	pid, rest, _ := strings.Cut(rest, "]: ")
	verb, rest, _ := strings.Cut(rest, " ")
	method, rest, found := strings.Cut(rest, " for ")
	name, from, whole := strings.Cut(rest, " from ")
	if !found || !whole || !digits(pid) || verb != "Failed" && verb != "Accepted" || !methodName(method) {
		return login{}, false
	}
	address, from, found := strings.Cut(strings.TrimSuffix(from, " ssh2"), " port ")
	if !found || address == "" || strings.ContainsAny(address, " \t\v\f") || !digits(from) {
		return login{}, false
	}
	user, unknown := strings.CutPrefix(name, "invalid user ")
	if verb == "Accepted" && unknown || strings.HasPrefix(name, "illegal user") || name == "invalid user" {
		return login{}, false
	}
	return login{user: user, unknown: unknown, method: method}, true
}

// methodName reports what may be the name of a way to log in: password, keyboard-interactive/pam.
func methodName(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz/-") == "" && s[0] != '/' && s[0] != '-'
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// readLogin finds out who wanted to log in, and whether the host knows such a user.
func readLogin(a *alert.Alert) login {
	l := parseLogin(line(a.Log))
	switch {
	case !absent(a.TargetUser):
		l.user = a.TargetUser
	case !absent(a.SourceUser):
		// sshd's decoders put a user who does not exist there, and nobody else.
		l.user = a.SourceUser
		l.unknown = l.unknown || a.Decoder == "sshd" || a.Program == "sshd"
	}
	l.unknown = l.unknown || hasGroup(a, "invalid_login") || a.Rule.ID == "5710" || noUser.matches(a.Log)
	return l
}

// services are the programs that people know by another name.
var services = map[string]string{
	"sshd": "SSH", "sshd-session": "SSH", "vsftpd": "FTP", "proftpd": "FTP", "pure-ftpd": "FTP", "dovecot": "Mail",
	"imapd": "Mail", "ipop3d": "Mail", "smbd": "Samba", "smbd_audit": "Samba", "openvpn": "VPN", "mysqld": "MySQL",
	"mysql_log": "MySQL", "postgres": "PostgreSQL",
}

// service is the service that refused, or empty where it is not known.
func service(a *alert.Alert) string {
	name := firstOf(services[strings.ToLower(a.Program)], services[a.Decoder])
	if name == "" && (hasGroup(a, "sshd") || ungrouped(a, ids{5700, 5799})) {
		return "SSH"
	}
	return name
}

// text is the value of the fact User.
func (l login) text(a *alert.Alert) display.Text {
	if absent(l.user) {
		return display.Text{}
	}
	text := q(l.user)
	if l.unknown {
		text = display.Join(text, w(" ("+noSuchUser+")"))
	}
	others := map[string]bool{}
	for _, p := range a.Previous {
		if user := parseLogin(p).user; user != "" && user != l.user {
			others[user] = true
		}
	}
	switch n := len(others); n {
	case 0:
	case 1:
		text = display.Join(text, w(" and 1 other"))
	default:
		text = display.Join(text, w(" and "+strconv.Itoa(n)+" others"))
	}
	return text
}
