package templates

import (
	"strings"

	"github.com/ossec-notify/ossec-notify/display"
)

// labelWidth is the least width of the label column in text mail and the terminal, maxLabelWidth the greatest.
const (
	labelWidth    = 9
	maxLabelWidth = 22
)

// table sets facts in two columns; the lines of a value that has several stand below each other. The value of a label that is wider than
// its column, as the operator's own may be, stands on the next line.
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
		if w := r.Label.Len() + 2; w <= maxLabelWidth {
			width = max(width, w)
		}
	}
	var out []display.Text
	for _, r := range rows {
		if r.Value.Blank() {
			continue
		}
		if len(out) > 0 {
			out = append(out, display.Words("\n"))
		}
		below := "\n" + strings.Repeat(" ", width)
		beside := below
		if w := r.Label.Len(); w < width {
			beside = below[1+w:]
		}
		out = append(out, r.Label, display.Words(beside), display.ReplaceLineEnds(r.Value, below))
	}
	return display.Join(out...)
}
