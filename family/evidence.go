package family

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
)

// readEvidence completes the log part of a message: the log and the earlier lines of a composite rule, unless
// the family had something better to show (a diff).
func (r *Reading) readEvidence(a *alert.Alert) {
	e := &r.Evidence
	if e.Text == "" {
		lines := make([]string, 0, 1+len(a.Previous))
		if a.Log != "" {
			lines = append(lines, strings.TrimRight(a.Log, " \t\r\n"))
		}
		for _, p := range a.Previous {
			lines = append(lines, strings.TrimRight(p, " \t\r\n"))
		}
		e.Text = strings.Join(lines, "\n")
		if r.Composite && r.Count > 1 && len(lines) > 0 {
			e.Lines, e.Of, e.AtLeast = len(lines), r.Count, r.AtLeast
		}
	}
	e.Text = strings.TrimRight(e.Text, " \t\r\n")
	if a.Problem.CutAt > 0 {
		e.CutBy, e.CutChars = "ossec-notify", a.Problem.CutAt
		return
	}
	e.CutBy, e.CutChars = shellCut(a)
}

// Limits of the log in the shell file. OSSEC cuts at a fixed length (os_integrator/integrator.c); Wazuh at
// max_log, which goes from 165, the default, to 1024.
const (
	ossecLog    = 465
	wazuhMinLog = 165
	wazuhMaxLog = 1024
)

// shellCut tells who cut the log of a shell file, and after how many characters. Both put three dots in the
// place of the last characters.
func shellCut(a *alert.Alert) (by string, chars int) {
	if a.Format != alert.FormatShell || !strings.HasSuffix(a.Log, "...") {
		return "", 0
	}
	n := len(a.Log)
	if n == ossecLog && !isWazuhShell(a) {
		return "OSSEC", n
	}
	if n >= wazuhMinLog && n <= wazuhMaxLog && isWazuhShell(a) {
		return "Wazuh", n
	}
	return "", 0
}

var isoDate = compile(`-`, `^\d{4}-\d\d-\d\dT`)

// isWazuhShell tells Wazuh's shell file from OSSEC's by its date.
func isWazuhShell(a *alert.Alert) bool {
	return a.Format == alert.FormatShell && isoDate.matches(first(a, "alertdate"))
}

// readNote says what is unusual about the text itself.
func (r *Reading) readNote(a *alert.Alert) {
	texts := []string{
		r.Evidence.Text, a.Rule.Description, a.Host, a.Agent.Name, a.Location, a.Source.Text, a.Destination.Text,
		a.User, a.SourceUser, a.TargetUser, a.URL, a.Command,
	}
	for _, f := range r.Facts {
		texts = append(texts, f.Value.Raw())
	}
	if log := strings.TrimRight(a.Log, " \t\r\n"); !strings.HasPrefix(r.Evidence.Text, log) {
		texts = append(texts, log)
	}
	var note display.Text
	if tricks := display.Tricks(texts...); tricks != "" {
		note = w("text holds " + tricks + ": shown, not run")
		if r.Family == "other" {
			r.Next = w("Somebody writes to your screen: find who can write this log.")
		}
	}
	if slices.ContainsFunc(texts, func(s string) bool { return strings.ContainsRune(s, utf8.RuneError) }) {
		note = list("; ", note, w(`bytes that are not UTF-8 stand as \ufffd`))
	}
	if blanked(a) {
		note = list("; ", note, w("text as OSSEC's shell format leaves it: quotes and more are blanks"))
	}
	r.Note = note
}

// dayPad is the blank that syslog puts before a day of one digit.
var dayPad = regexp.MustCompile(`^[A-Z][a-z]{2}  \d `)

// blanked reports a log that the shell format seems to have taken something from: it writes a blank for each
// quote, pipe, brace, backtick, control character and byte beyond ASCII, and seldom is such a character alone.
func blanked(a *alert.Alert) bool {
	if a.Format != alert.FormatShell {
		return false
	}
	log := dayPad.ReplaceAllString(a.Log, "")
	return strings.Contains(log, "  ") || strings.HasSuffix(log, " ") || strings.HasSuffix(log, "...")
}
