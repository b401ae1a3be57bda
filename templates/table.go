package templates

import (
	"strings"

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
		pad := display.Words(strings.Repeat(" ", width-r.Label.Len()))
		out = append(out, r.Label, pad, display.ReplaceLineEnds(r.Value, "\n"+strings.Repeat(" ", width)))
	}
	return display.Join(out...)
}
