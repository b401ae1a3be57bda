package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"charm.land/lipgloss/v2"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/templates"
)

// frameWidth is how wide the terminal's frames are, in columns.
const frameWidth = 80

var (
	faint = lipgloss.NewStyle().Faint(true)
	bold  = lipgloss.NewStyle().Bold(true)
)

// frame draws one delivery as its channel shows it.
func frame(w io.Writer, x dispatch.Delivery, n notifier.Notification, shown previewed) {
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
	body, meters := messageLines(x.Receiver.Channel, n, shown)
	for _, line := range body {
		for i, piece := range wrapLine(strings.ReplaceAll(line, "\t", "    "), frameWidth-2) {
			if i > 0 {
				piece = faint.Render("↪ ") + piece
			}
			fmt.Fprintln(w, strings.TrimRight(bar+" "+piece, " "))
		}
	}
	fmt.Fprintf(w, "%s %s\n\n", faint.Render("└"), faint.Render(meters))
}

// messageLines are the lines of a message as its channel shows it, and the meters below it.
func messageLines(channel string, n notifier.Notification, shown previewed) (lines []string, meters string) {
	add := func(t display.Text) {
		if !t.Blank() {
			lines = append(lines, strings.Split(strings.TrimRight(t.String(), "\n"), "\n")...)
		}
	}
	if body := n.Parts["body"]; !body.Blank() {
		add(body)
		return lines, meter("text", body.Len(), 0)
	}
	switch {
	case n.Parts["header"] != nil: // chat
		lines = append(lines, bold.Render(n.Parts["header"].Line().String()))
		lines = append(lines, markup(n.Parts["facts"])...)
		for _, l := range markup(n.Parts["log"]) {
			lines = append(lines, "  "+l)
		}
		for _, l := range markup(n.Parts["footer"]) {
			lines = append(lines, faint.Render(l))
		}
		return lines, strings.Join([]string{
			meter("header", n.Parts["header"].Len(), 150), meter("facts", n.Parts["facts"].Len(), 3000),
			meter("log", n.Parts["log"].Len(), 3000), meter("payload", payloadSize(shown), 13_000),
		}, ", ")
	case n.Parts["summary"] != nil: // incident
		lines = append(lines, bold.Render(n.Parts["summary"].Line().String()))
		var details map[string]string
		if json.Unmarshal([]byte(n.Parts["details.json"].Raw()), &details) == nil {
			var keys []string
			for k := range details {
				keys = append(keys, k)
			}
			slices.Sort(keys)
			for _, k := range keys {
				value := strings.ReplaceAll(displayed(details[k]), "\n", "\n"+strings.Repeat(" ", 12))
				lines = append(lines, strings.Split(fmt.Sprintf("%-10s  %s", k, value), "\n")...)
			}
		}
		lines = append(lines, faint.Render("incident key "+safe(n.DedupKey)))
		return lines, meter("summary", n.Parts["summary"].Len(), 1024) + ", " + meter("key", utf8.RuneCountInString(n.DedupKey), 255)
	case shown.Message != "": // mail
		if m, err := mail.ReadMessage(strings.NewReader(shown.Message)); err == nil {
			subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
			if err != nil {
				subject = m.Header.Get("Subject")
			}
			lines = append(lines, "From: "+safe(m.Header.Get("From")), "To: "+safe(m.Header.Get("To")), bold.Render("Subject: "+safe(subject)), "")
		}
		add(n.Parts["text"])
		return lines, meter("subject", n.Parts["subject"].Len(), 0) + ", with an HTML part"
	}
	if shown.Requests != nil {
		for _, r := range *shown.Requests {
			lines = append(lines, bold.Render(r.Method+" "+r.URL))
			var names []string
			for name := range r.Headers {
				names = append(names, name)
			}
			slices.Sort(names)
			for _, name := range names {
				lines = append(lines, faint.Render(name+": "+safe(r.Headers[name])))
			}
			lines = append(lines, bodyLines(r.Body)...)
		}
	}
	return lines, fmt.Sprintf("request of %d bytes", payloadSize(shown))
}

// bodyLines are the lines of a request's body, JSON set out.
func bodyLines(body any) []string {
	switch b := body.(type) {
	case json.RawMessage:
		var out bytes.Buffer
		if json.Indent(&out, b, "", "  ") == nil {
			return strings.Split(safe(out.String()), "\n")
		}
	case string:
		return strings.Split(safe(b), "\n")
	}
	return nil
}

func payloadSize(shown previewed) int {
	if shown.Requests == nil {
		return len(shown.Message)
	}
	n := 0
	for _, r := range *shown.Requests {
		switch b := r.Body.(type) {
		case json.RawMessage:
			n += len(b)
		case string:
			n += len(b)
		}
	}
	return n
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
// twice; what an operator's template lets through is.
func displayed(s string) string {
	steers := func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Cf, r) }
	if strings.ContainsFunc(s, steers) {
		return safe(s)
	}
	return s
}

func meter(name string, n, limit int) string {
	if limit == 0 {
		return fmt.Sprintf("%s %d", name, n)
	}
	return fmt.Sprintf("%s %d of %d", name, n, limit)
}

// wrapLine breaks a line that is too wide, between words where it can.
func wrapLine(line string, width int) []string {
	if lipgloss.Width(line) <= width {
		return []string{line}
	}
	return strings.Split(lipgloss.Wrap(line, width-2, ""), "\n")
}
