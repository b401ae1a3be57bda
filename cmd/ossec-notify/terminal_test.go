package main

import (
	"strings"
	"testing"
	"unicode"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/testdata/injection"
)

// FuzzTerminal: nothing that preview prints of an alert, a request or a mail steers the terminal or hides there.
func FuzzTerminal(f *testing.F) {
	for _, s := range injection.Seeds() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text := display.Join(display.Words("```"), display.Quote(s), display.Words("``` *Says*  "), display.Quote(s))
		lines := append(markup(text), textLines(display.Quote(s))...)
		lines = append(lines, safe(s), displayed(s), display.Quote(s).Line().String())
		lines = append(lines, bodyLines(s)...)
		for _, line := range lines {
			for _, piece := range wrapLine(strings.ReplaceAll(line, "\t", "    "), frameWidth-2) {
				piece = ourStyles.ReplaceAllString(piece, "")
				// The joiner stands within an emoji.
				if i := strings.IndexFunc(piece, func(r rune) bool {
					return r != '\n' && r != '\u200d' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r))
				}); i >= 0 {
					t.Errorf("the terminal gets %q of %q", piece, s)
				}
			}
		}
	})
}
