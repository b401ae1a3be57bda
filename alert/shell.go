package alert

import (
	"strconv"
	"strings"
	"time"
)

// The shell file is seven assignments in a fixed order, without any escaping and without a line end after the
// last:
//
//	alertdate='…'
//	alertlocation='…'
//	ruleid='…'
//	alertlevel='…'
//	ruledescription='…'
//	alertlog='…'
//	srcip='…'
//
// integratord cleans only the log and the address (no quote, no line end is left in them), so these two are
// found from the back, and a description may hold anything. Date, rule id and level are made by the manager. What
// is left is the location: only one that contains the text of the three assignments behind it could move a field.
var shellNames = [...]string{"alertdate", "alertlocation", "ruleid", "alertlevel", "ruledescription", "alertlog", "srcip"}

// assignment is the text between the value before and the value of name.
func assignment(name string) string { return "'\n" + name + "='" }

// splitShell takes the file apart. It answers as many values as came whole; fewer than seven mean that the file
// was cut.
func splitShell(text string) []string {
	if strings.Contains(text, "'\r\n"+shellNames[1]+"='") { // saved by an editor of Windows, or carried by one of its tools
		text = strings.ReplaceAll(text, "\r\n", "\n")
	}
	text = strings.TrimPrefix(text, shellStart)
	head, address, found := cutLast(text, assignment("srcip"))
	if !found || !strings.HasSuffix(strings.TrimRight(address, blanks), "'") {
		return splitCutShell(text)
	}
	address = strings.TrimSuffix(strings.TrimRight(address, blanks), "'")
	head, log, found := cutLast(head, assignment("alertlog"))
	if !found {
		return splitCutShell(text)
	}
	values := splitCutShell(head + assignment("alertlog"))
	if len(values) != 5 {
		return values
	}
	return append(values, log, address)
}

// splitCutShell takes the values in order, up to the last that is closed.
func splitCutShell(text string) []string {
	var values []string
	for _, name := range shellNames[1:] {
		var value string
		var found bool
		switch name {
		case "ruleid":
			value, text, found = cutBeforeRule(text)
		case "alertlog":
			value, text, found = cutLast(text, assignment(name))
		default:
			value, text, found = strings.Cut(text, assignment(name))
		}
		if !found {
			break
		}
		values = append(values, value)
	}
	return values
}

// cutBeforeRule ends the location at the first place where rule id, level and description follow as they should.
// Where the file was cut before they could, the first rule id counts.
func cutBeforeRule(text string) (location, rest string, found bool) {
	mark := assignment("ruleid")
	for from := 0; ; {
		i := strings.Index(text[from:], mark)
		if i < 0 {
			return strings.Cut(text, mark)
		}
		from += i
		id, behind, _ := strings.Cut(text[from+len(mark):], "'")
		level, behind, ok := strings.Cut(strings.TrimPrefix(behind, "\nalertlevel='"), "'")
		if ok && strings.HasPrefix(behind, "\nruledescription='") && !strings.Contains(id+level, "\n") {
			return text[:from], text[from+len(mark):], true
		}
		from++
	}
}

// cutLast is strings.Cut at the last separator.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// parseShell reads the file that integratord writes for shell scripts. It is never run.
func parseShell(a *Alert, text string, loc *time.Location) {
	a.Format = FormatShell
	values := splitShell(text)
	for i, v := range values {
		a.Original[shellNames[i]] = v
	}
	if len(values) < len(shellNames) {
		a.broken(ProblemTruncated, "ends in %s", shellNames[len(values)])
	}
	o := object(a.Original)
	a.Time = date(o.text("alertdate"), loc)
	a.Rule.ID = o.text("ruleid")
	if n, err := strconv.Atoi(o.text("alertlevel")); err == nil {
		a.Rule.Level = level(n)
	}
	a.Rule.Description = o.text("ruledescription")
	a.Log = o.text("alertlog")
	a.place(o.text("alertlocation"))
	a.Source = endpoint(o.text("srcip"), "")
	a.Program = lineProgram(a.Log)
	if a.Host == "" {
		a.Host, _ = syslogHead(a.Log) // Wazuh leaves no host in the location
	}
	if a.isFileEvent() {
		a.File = fileFromText(a.Log, a.Rule.ID, loc)
	}
}
