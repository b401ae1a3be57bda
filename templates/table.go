package templates

import (
	"strings"
	"unicode/utf8"

	"github.com/ossec-notify/ossec-notify/display"
)

// labelWidth is the least width of the label column in text mail and the terminal.
const labelWidth = 9

// table sets facts in two columns; the lines of a value that has several stand below each other.
func table(facts ...any) display.Text {
	var rows []Fact
	for _, f := range facts {
		switch f := f.(type) {
		case Fact:
			rows = append(rows, f)
		case []Fact:
			rows = append(rows, f...)
		}
	}
	width := labelWidth
	for _, r := range rows {
		width = max(width, r.Label.Len()+2)
	}
	var out []display.Text
	for _, r := range rows {
		if r.Value.Blank() {
			continue
		}
		if len(out) > 0 {
			out = append(out, display.Words("\n"))
		}
		label := r.Label.String()
		out = append(out, display.Words(label+strings.Repeat(" ", width-utf8.RuneCountInString(label))), r.Value.ReplaceLineEnds("\n"+strings.Repeat(" ", width)))
	}
	return display.Join(out...)
}
