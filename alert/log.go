package alert

import (
	"strconv"
	"strings"
	"time"
)

// parseLog reads one alert of alerts.log:
//
//	** Alert 1795440503.34: mail  - web,accesslog,
//	2026 Nov 23 13:28:23 (web-01) 10.0.0.5->/var/log/nginx/access.log
//	Rule: 31151 (level 10) -> 'Multiple web server 400 error codes from same source ip.'
//	Src IP: 198.51.100.77
//	first log line
//	further lines
//
// Only what stands directly below Rule, in the order in which it is written, is a header: a log line that looks
// like one is a log line. Nothing else protects the format, see docs/formats.md.
func parseLog(a *Alert, text string, loc *time.Location) {
	a.Format = FormatLog
	body := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	next := func() string {
		if len(body) == 0 {
			return ""
		}
		line := body[0]
		body = body[1:]
		return line
	}

	a.logHeader(next(), loc)
	if line := next(); isDate(line) && len(line) > 21 {
		a.Original["date"], a.Original["location"] = line[:20], line[21:]
		if a.Time.IsZero() {
			a.Time = date(line[:20], loc)
		}
		a.place(line[21:])
	} else {
		a.broken(ProblemTruncated, "ends before the location")
		return
	}
	labels := map[string]any{}
	for len(body) > 0 && body[0] != "" && !strings.HasPrefix(body[0], "Rule: ") {
		if key, value, ok := label(next()); ok {
			nest(labels, key, value)
		}
	}
	if len(labels) > 0 {
		a.Original["agent"] = map[string]any{"labels": labels} // where Wazuh's JSON has them
	}
	if !a.logRule(next()) {
		a.broken(ProblemTruncated, "ends before the rule")
		return
	}
	a.logAddresses(&body)
	a.logLines(body, loc)
	a.logUsers()
}

// logHeader reads "** Alert ID: mail  - groups".
func (a *Alert) logHeader(line string, loc *time.Location) {
	id, rest, _ := strings.Cut(strings.TrimPrefix(line, logStart), ":")
	seconds, counter, ok := strings.Cut(id, ".")
	if ok && digits(seconds) && digits(counter) {
		a.ID = id
		a.Original["id"] = id
		// The same instant as the date below, but in no zone that would have to be known.
		if n, err := strconv.ParseInt(seconds, 10, 64); err == nil {
			a.Time = epoch(n, loc)
		}
	}
	flags, names, _ := strings.Cut(rest, "- ")
	if strings.Contains(flags, "mail") {
		a.Original["mail"] = true
	}
	a.Rule.Groups = groups(names)
	list := make([]any, len(a.Rule.Groups))
	for i, g := range a.Rule.Groups {
		list[i] = g
	}
	a.Original["groups"] = list
}

// logRule reads "Rule: 31151 (level 10) -> 'description'".
func (a *Alert) logRule(line string) bool {
	id, rest, ok := strings.Cut(strings.TrimPrefix(line, "Rule: "), " (level ")
	number, description, ok2 := strings.Cut(rest, ") -> '")
	if !ok || !ok2 {
		return false
	}
	description = strings.TrimSuffix(description, "'")
	a.Rule.ID, a.Rule.Description = id, description
	a.Original["rule"], a.Original["description"] = id, description
	if n, err := strconv.Atoi(number); err == nil {
		a.Rule.Level = level(n)
		a.Original["level"] = int64(n)
	}
	return true
}

// logAddresses reads the optional lines below Rule, which come in one order.
func (a *Alert) logAddresses(body *[]string) {
	values := map[string]string{}
	for _, name := range [...]string{"Src IP", "Src Location", "Src Port", "Dst IP", "Dst Location", "Dst Port", "User"} {
		if len(*body) == 0 {
			break
		}
		if value, ok := strings.CutPrefix((*body)[0], name+": "); ok {
			if value != "(none)" { // what old OSSEC writes for what it does not know
				values[name], a.Original[name] = value, value
			}
			*body = (*body)[1:]
		}
	}
	a.Source = endpoint(values["Src IP"], values["Src Port"])
	a.Destination = endpoint(values["Dst IP"], values["Dst Port"])
	if s := values["Src Location"]; s != "" {
		a.Source.Geo = s
	}
	if s := values["Dst Location"]; s != "" {
		a.Destination.Geo = s
	}
	if says(values["User"]) {
		a.TargetUser = values["User"]
	}
}

// logLines reads the log. A blank line ends the alert, but for the sections that Wazuh sets off below a file
// integrity alert.
func (a *Alert) logLines(body []string, loc *time.Location) {
	event, behind := untilBlank(body)
	if len(event) == 0 {
		return
	}
	defer func() { a.Original["log"] = a.Log }()
	if _, _, isFile := fileHead(event[0]); isFile && a.isFileEvent() {
		for len(behind) > 0 && (behind[0] == "Attributes:" || behind[0] == "What changed:") {
			var section []string
			section, behind = untilBlank(behind)
			event = append(event, section...)
		}
		whole := strings.Join(event, "\n")
		a.File = fileFromText(whole, a.Rule.ID, loc)
		a.Log, _, _ = strings.Cut(whole, "\nAttributes:")
		return
	}
	a.Log = event[0]
	a.Program = lineProgram(a.Log)
	if strings.HasPrefix(a.Log, "ossec: output: ") { // what a monitored command printed
		a.Log = strings.Join(event, "\n")
		return
	}
	event = event[1:]
	data := map[string]any{}
	for len(event) > 0 {
		key, value, ok := label(event[0])
		if !ok || !isField(key) || strings.HasPrefix(a.Log, key+": ") {
			break
		}
		nest(data, key, value)
		event = event[1:]
	}
	if len(data) > 0 {
		a.Original["data"] = data
	}
	if len(event) > 0 {
		a.Previous = event
	}
}

// untilBlank splits at the first blank line, and drops the blank lines there.
func untilBlank(body []string) (before, behind []string) {
	end := 0
	for end < len(body) && body[end] != "" {
		end++
	}
	before, behind = body[:end:end], body[end:]
	for len(behind) > 0 && behind[0] == "" {
		behind = behind[1:]
	}
	return before, behind
}

// logUsers tells who acted. The header has one user only, and for sudo ossec-hids means the one who acted, Wazuh
// the one as whom: which, the log line says.
func (a *Alert) logUsers() {
	a.User = a.TargetUser
	if a.Program != "sudo" || a.User == "" {
		return
	}
	_, rest, _ := strings.Cut(a.Log, ": ") // the end of "sudo:", as Program was read from the start of the line
	actor, rest, _ := strings.Cut(strings.TrimLeft(rest, " "), " : ")
	_, rest, _ = strings.Cut(rest, " USER=")
	target, _, _ := strings.Cut(rest, " ;")
	switch a.User {
	case actor:
		a.SourceUser, a.TargetUser = actor, ""
	case target:
		a.SourceUser, a.User = actor, actor
	}
}

// label splits "key: value" where key is a name of letters, digits, dots and the like.
func label(line string) (key, value string, ok bool) {
	key, value, ok = strings.Cut(line, ": ")
	if !ok || key == "" || strings.Trim(key, wordChars+"@") != "" {
		return "", "", false
	}
	return key, value, true
}

// isField tells the fields that Wazuh adds below the log ("tty: pts/3", "win.system.eventID: 4625") from the
// earlier events of a composite rule, which nothing else marks. Headers are no fields.
func isField(key string) bool {
	return strings.Contains(key, ".") || 'a' <= key[0] && key[0] <= 'z'
}

// nest stores a value under its path of keys. Where a value is in the way, or a path is too long to have been
// decoded, the whole path becomes one key.
func nest(m map[string]any, path, value string) {
	top := m
	keys := strings.Split(path, ".")
	if len(keys) > 32 {
		top[path] = value
		return
	}
	for _, key := range keys[:len(keys)-1] {
		child, ok := m[key].(map[string]any)
		if !ok {
			if m[key] != nil {
				top[path] = value
				return
			}
			child = map[string]any{}
			m[key] = child
		}
		m = child
	}
	last := keys[len(keys)-1]
	if _, isMap := m[last].(map[string]any); isMap {
		top[path] = value
		return
	}
	m[last] = value
}
