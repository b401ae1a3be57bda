package alert

import "strings"

// syslogHead reads host and program at the start of a syslog line ("Nov 23 13:20:17 web-01 sshd[2007]: …", or
// with an ISO date). It is anchored there, because everything behind may have been written by an attacker. Other
// lines give nothing.
func syslogHead(line string) (host, program string) {
	rest, ok := afterDate(line)
	if !ok {
		return "", ""
	}
	host, rest, ok = strings.Cut(rest, " ")
	if !ok || host == "" || strings.Trim(host, wordChars+":") != "" {
		return "", ""
	}
	end := strings.IndexAny(rest, ":[( ")
	if end <= 0 || rest[end] == ' ' || strings.Trim(rest[:end], wordChars+"/+") != "" {
		return host, ""
	}
	return host, rest[:end]
}

// eventLogProgram is what OSSEC's Windows agent writes behind its own date.
const eventLogProgram = "WinEvtLog"

// lineProgram is the program that a raw log line names, or "".
func lineProgram(line string) string {
	if len(line) > 21 && isDate(line[:20]) && strings.HasPrefix(line[21:], eventLogProgram+":") {
		return eventLogProgram
	}
	_, program := syslogHead(line)
	return program
}

// afterDate is the line behind the date of a syslog line and the blank after it.
func afterDate(line string) (string, bool) {
	if strings.HasPrefix(line, "<") { // the priority that syslog servers may leave
		if end := strings.IndexByte(line, '>'); end > 0 && end <= 4 {
			line = line[end+1:]
		}
	}
	if fits(line, "Aaa _0 00:00:00 ") {
		return line[len("Jan _2 15:04:05 "):], true
	}
	if fits(line, "0000-00-00T00:00:00") {
		_, rest, ok := strings.Cut(line, " ")
		return rest, ok
	}
	return "", false
}

// isDate reports whether s starts with a date as OSSEC writes it: "2026 Nov 23 13:28:23".
func isDate(s string) bool { return fits(s, "0000 Aaa _0 00:00:00") }

// fits reports whether s starts with characters of the kinds in shape: 0 is a digit, _ a digit or blank, A and a
// are letters, the rest stands for itself.
func fits(s, shape string) bool {
	if len(s) < len(shape) {
		return false
	}
	for i := range len(shape) {
		c := s[i]
		digit := '0' <= c && c <= '9'
		switch shape[i] {
		case '0':
			if !digit {
				return false
			}
		case '_':
			if !digit && c != ' ' {
				return false
			}
		case 'A':
			if c < 'A' || c > 'Z' {
				return false
			}
		case 'a':
			if c < 'a' || c > 'z' {
				return false
			}
		default:
			if c != shape[i] {
				return false
			}
		}
	}
	return true
}
