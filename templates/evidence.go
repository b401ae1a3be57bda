package templates

import (
	"strings"
	"unicode/utf8"

	"github.com/ossec-notify/ossec-notify/display"
)

// Log is the evidence of a message, cut to what a channel shows, and what is to be said about the cut.
type Log struct {
	Text  display.Text   // quoted; empty when there is no log
	Notes []display.Text // "… 2 of at least 8 lines", "… cut at 465 characters by OSSEC"
}

// Whole is the text with its notes behind it, a line each.
func (l Log) Whole() display.Text {
	out := []display.Text{l.Text}
	for _, n := range l.Notes {
		out = append(out, display.Words("\n"), n)
	}
	return display.Join(out...)
}

// cutLog cuts a log to so many lines and characters (0: no limit) and says so in numbers.
func (d *Data) cutLog(text display.Text, maxLines, maxChars int) Log {
	e := d.Reading.Evidence
	raw := strings.TrimRight(strings.ReplaceAll(text.Raw(), "\r\n", "\n"), "\n \t\r")
	if raw == "" {
		return Log{}
	}
	var log Log
	note := func(s string) { log.Notes = append(log.Notes, display.Words("… "+s)) }

	lines := strings.Count(raw, "\n") + 1
	shown, of, atLeast := lines, lines, ""
	if e.Of > 0 && text.Raw() == e.Text { // a composite rule: a line is an event
		of = max(e.Of, lines)
		if e.AtLeast && of > lines {
			atLeast = "at least "
		}
	}
	if maxLines > 0 && lines > maxLines {
		shown = maxLines
		raw = cutLines(raw, maxLines)
	}
	chars := utf8.RuneCountInString(display.Form(raw))
	cut := display.Quote(raw)
	if maxChars > 0 && chars > maxChars {
		cut = cut.CutEnd(maxChars)
		shown = strings.Count(cut.Raw(), "\n") + 1
		note(display.Thousands(maxChars) + " of " + display.Thousands(chars) + " characters")
	}
	log.Text = cut
	if d.Summary != nil { // a line is an alert
		if shown < d.Summary.Total {
			note(display.Thousands(shown) + " of " + alerts(d.Summary.Total))
		}
		return log
	}
	if shown < of && (len(log.Notes) == 0 || of > lines) {
		note(display.Thousands(shown) + " of " + atLeast + display.Thousands(of) + " lines")
	}
	if e.CutBy != "" {
		note("cut at " + display.Thousands(e.CutChars) + " characters by " + e.CutBy)
	}
	if d.Problem.CutAt > 0 && d.Ran == nil {
		note("cut at " + bytesWord(d.Problem.CutAt) + " by ossec-notify")
	}
	return log
}

func cutLines(s string, n int) string {
	end := 0
	for range n {
		i := strings.IndexByte(s[end:], '\n')
		if i < 0 {
			return s
		}
		end += i + 1
	}
	return s[:end-1]
}

func bytesWord(n int) string {
	if n%(1<<20) == 0 {
		return display.Thousands(n>>20) + " MiB"
	}
	return display.Thousands(n) + " bytes"
}
