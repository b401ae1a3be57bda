package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"charm.land/lipgloss/v2"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/channel"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/preview"
	"github.com/ossec-notify/ossec-notify/templates"
)

// frameWidth is how wide the terminal's frames are, in columns.
const frameWidth = 80

var (
	faint = lipgloss.NewStyle().Faint(true)
	bold  = lipgloss.NewStyle().Bold(true)
)

// frame draws one delivery as its channel shows it.
func frame(w io.Writer, x dispatch.Delivery, n notifier.Notification, shown preview.Shown) {
	title := fmt.Sprintf("%s (%s)", x.Receiver.Name, x.Receiver.Channel)
	if x.Route != "" {
		title += ", route " + x.Route
	}
	rule := max(frameWidth-utf8.RuneCountInString(title)-4, 2)
	fmt.Fprintf(w, "%s %s %s\n", faint.Render("┌"), bold.Render(title), faint.Render(strings.Repeat("─", rule)))
	severity, err := alert.ParseSeverity(n.Severity)
	if err != nil {
		severity = alert.Unknown
	}
	bar := lipgloss.NewStyle().Foreground(lipgloss.Color(templates.Color(severity))).Render("┃")
	body, meters := messageLines(x, n, shown)
	for _, line := range body {
		for i, piece := range wrapLine(strings.ReplaceAll(line, "\t", "    "), frameWidth-2) {
			if i > 0 {
				piece = faint.Render("↪ ") + piece
			}
			fmt.Fprintln(w, strings.TrimRight(bar+" "+piece, " "))
		}
	}
	for i, line := range wrapLine(meters, frameWidth-2) {
		end := "└"
		if i > 0 {
			end = " "
		}
		fmt.Fprintf(w, "%s %s\n", faint.Render(end), faint.Render(line))
	}
	fmt.Fprintln(w)
}

// messageLines are the lines of a message, and the meters below it. A message that is shown to people is drawn part
// by part, as its channel shows it; of any other the request itself, which is all that its receiver gets.
func messageLines(x dispatch.Delivery, n notifier.Notification, shown preview.Shown) (lines []string, meters string) {
	if mail := shown.Mail(); mail != "" {
		return mailLines(x, n, mail)
	}
	if shown.Message != "" {
		return composedLines(shown)
	}
	m, metered := x.Receiver.Notifier.(notifier.Metered)
	if kind, _ := channel.ByName(x.Receiver.Channel); metered && !kind.JSON {
		return partLines(n, shown), meterLine(m.Meters(n))
	}
	form := safe
	if x.Receiver.Preset != "" { // text of the alert has its display form there, but for what is for machines
		form = display.Visible
	}
	lines, meters = requestLines(shown, form)
	if metered {
		if limits := meterLine(m.Meters(n)); limits != "" {
			meters += ": " + limits
		}
	}
	return lines, meters
}

// partLines are the lines of a message in parts: a plain template's one text, a chat's, or an incident's.
func partLines(n notifier.Notification, shown preview.Shown) []string {
	if body := n.Parts["body"]; !body.Blank() {
		return textLines(body)
	}
	if summary := n.Parts["summary"]; !summary.Blank() {
		lines := []string{bold.Render(summary.Line().String())}
		lines = append(lines, detailLines(n.Parts["details.json"])...)
		key, links := sentOf(n, shown)
		for _, l := range links {
			if display.IsPageAddress(l.Href) { // else the vendor would not take it for one
				lines = append(lines, displayed(l.Text)+": "+l.Href)
			}
		}
		return append(lines, faint.Render("incident key "+safe(key)))
	}
	lines := []string{bold.Render(n.Parts["header"].Line().String())}
	lines = append(lines, markup(n.Parts["facts"])...)
	for _, l := range markup(n.Parts["log"]) {
		lines = append(lines, "  "+l)
	}
	for _, l := range markup(n.Parts["footer"]) {
		lines = append(lines, faint.Render(l))
	}
	return lines
}

// sentLink is a link of an incident.
type sentLink struct{ Href, Text string }

// sentOf is the dedup key as the request has it, for a vendor may take none as long as ours, and the links.
func sentOf(n notifier.Notification, shown preview.Shown) (key string, links []sentLink) {
	if shown.Requests != nil {
		for _, r := range *shown.Requests {
			var sent struct {
				Key   string     `json:"dedup_key"`
				Links []sentLink `json:"links"`
			}
			if body, ok := r.Body.(json.RawMessage); ok && json.Unmarshal(body, &sent) == nil && sent.Key != "" {
				return sent.Key, sent.Links
			}
		}
	}
	return n.DedupKey, nil
}

// detailLines are the pairs of a JSON object of texts, in order.
func detailLines(object display.Text) []string {
	var details map[string]string
	if json.Unmarshal([]byte(object.Raw()), &details) != nil {
		return nil
	}
	width := 10
	for k := range details {
		if n := utf8.RuneCountInString(k); n <= 20 { // a longer one moves its own value alone
			width = max(width, n)
		}
	}
	var lines []string
	for _, k := range slices.Sorted(maps.Keys(details)) {
		value := strings.ReplaceAll(displayed(details[k]), "\n", "\n"+strings.Repeat(" ", width+2))
		lines = append(lines, strings.Split(fmt.Sprintf("%-*s  %s", width, k, value), "\n")...)
	}
	return lines
}

// mailLines are the lines of a mail: the headers that its reader sees, and the text.
func mailLines(x dispatch.Delivery, n notifier.Notification, message string) (lines []string, meters string) {
	m, err := mail.ReadMessage(strings.NewReader(message))
	if err != nil {
		return strings.Split(safe(message), "\n"), ""
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		subject = m.Header.Get("Subject")
	}
	from, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("From"))
	if err != nil {
		from = m.Header.Get("From")
	}
	lines = []string{"From: " + displayed(from), "To: " + safe(m.Header.Get("To")), bold.Render("Subject: " + displayed(subject)), ""}
	if body := n.Parts["body"]; !body.Blank() {
		lines = append(lines, textLines(body)...)
	} else {
		lines = append(lines, textLines(n.Parts["text"])...)
	}
	if c, ok := x.Receiver.Notifier.(notifier.Metered); ok {
		meters = meterLine(c.Meters(n))
	}
	switch kind, _, _ := mime.ParseMediaType(m.Header.Get("Content-Type")); kind {
	case "multipart/alternative":
		meters += ", with an HTML part"
	case "text/html":
		meters += ", as HTML alone"
	}
	return lines, meters
}

// composedLines are the lines of a message that is one text: where it goes, and all of it, JSON set out.
func composedLines(shown preview.Shown) (lines []string, meters string) {
	if shown.To != "" {
		lines = []string{bold.Render(display.Visible(shown.To))} // the config has it
	}
	text, document := shown.Document()
	if text != "" {
		lines = append(lines, strings.Split(safe(text), "\n")...)
	}
	if document != "" {
		lines = append(lines, bodyLines(json.RawMessage(preview.PlainEscapes(document)), safe)...)
	}
	return lines, "message of " + display.Thousands(len(shown.Message)) + " bytes"
}

// requestLines are the lines of what is sent, as it was recorded, in a form that steers no terminal.
func requestLines(shown preview.Shown, form func(string) string) (lines []string, meters string) {
	if shown.Requests == nil {
		return nil, ""
	}
	size := 0
	for _, r := range *shown.Requests {
		size += r.Size
		lines = append(lines, bold.Render(r.Method+" "+r.URL))
		for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
			lines = append(lines, faint.Render(name+": "+safe(r.Headers[name])))
		}
		lines = append(lines, bodyLines(r.Body, form)...)
	}
	return lines, "request of " + display.Thousands(size) + " bytes"
}

func textLines(t display.Text) []string {
	if t.Blank() {
		return nil
	}
	return strings.Split(strings.TrimRight(t.String(), "\n"), "\n")
}

// bodyLines are the lines of a request's body, JSON set out.
func bodyLines(body any, form func(string) string) []string {
	switch b := body.(type) {
	case json.RawMessage:
		return strings.Split(form(string(display.SetOut(b))), "\n")
	case string:
		return strings.Split(form(b), "\n")
	}
	return nil
}

var (
	strong  = regexp.MustCompile(`\*([^*\n]+)\*`)
	linkTag = regexp.MustCompile(`<([^|>\n]+)\|([^>\n]+)>`)
)

// markup shows a chat's text: the operator's bold and links as such, what comes from the alert in backquotes,
// and a fence without its ends.
func markup(t display.Text) []string {
	if t.Blank() {
		return nil
	}
	fenced := false
	text := t.Trim().Render(func(s string) string {
		if strings.Count(s, "```")%2 == 1 {
			fenced = !fenced
		}
		s = strings.ReplaceAll(s, "```", "")
		s = strong.ReplaceAllStringFunc(s, func(m string) string { return bold.Render(strings.Trim(m, "*")) })
		return linkTag.ReplaceAllString(s, "$2: $1")
	}, func(s string) string {
		if fenced {
			return s
		}
		return "`" + display.OneLine(s) + "`"
	})
	return strings.Split(text, "\n")
}

// safe keeps what could steer the terminal out of what is printed. A [display.Text] needs it not, its quotations
// are in display form already; requests hold the alert as it came.
func safe(s string) string { return display.Form(s) }

// displayed is text of a part that was made into JSON. Its quotations are in display form already, which is not made
// twice; what an operator's template lets through is. A byte that is no UTF-8 may be a control character to a terminal.
func displayed(s string) string {
	steers := func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Cf, r) }
	if !utf8.ValidString(s) || strings.ContainsFunc(s, steers) {
		return safe(s)
	}
	return s
}

// meterLine is "header 50 of 150, blocks 960 of 13,000".
func meterLine(meters []notifier.Meter) string {
	var out []string
	for _, m := range meters {
		out = append(out, m.Name+" "+display.Thousands(m.N)+" of "+display.Thousands(m.Limit))
	}
	return strings.Join(out, ", ")
}

// wrapLine breaks a line that is too wide, between words where it can.
func wrapLine(line string, width int) []string {
	if lipgloss.Width(line) <= width {
		return []string{line}
	}
	return strings.Split(lipgloss.Wrap(line, width-2, ""), "\n")
}
