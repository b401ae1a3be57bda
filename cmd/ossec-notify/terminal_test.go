package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/testdata/injection"
)

// FuzzTerminal: nothing that preview prints of an alert, a request or a mail steers the terminal or hides there.
func FuzzTerminal(f *testing.F) {
	for _, s := range injection.Seeds() {
		f.Add(s)
	}
	f.Add(strings.Repeat("`", frameWidth) + "\x80")
	f.Fuzz(func(t *testing.T, s string) {
		text := display.Join(display.Words("```"), display.Quote(s), display.Words("``` *Says*  "), display.Quote(s))
		lines := append(markup(text), textLines(display.Quote(s))...)
		lines = append(lines, safe(s), displayed(s), display.Quote(s).Line().String())
		lines = append(lines, bodyLines(s, safe)...)
		var machine bytes.Buffer // --format json: the same to a program, and nothing to a terminal
		if err := jsonLine(&machine, map[string]any{"text": s, "body": json.RawMessage(`"` + strings.ReplaceAll(strings.Map(printing, s), "\\", "") + `"`)}); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, strings.TrimSpace(machine.String()))
		var read struct{ Text string }
		if err := json.Unmarshal(machine.Bytes(), &read); err != nil || read.Text != strings.ToValidUTF8(s, "\ufffd") && utf8.ValidString(s) {
			t.Errorf("%q became %q in JSON (%v)", s, read.Text, err)
		}
		for _, line := range lines {
			for _, piece := range wrapLine(strings.ReplaceAll(line, "\t", "    "), frameWidth-2) {
				piece = ourStyles.ReplaceAllString(piece, "")
				if !utf8.ValidString(piece) {
					t.Errorf("the terminal gets bytes that are no UTF-8, %q of %q", piece, s)
				}
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

// printing leaves out what JSON strings may not hold.
func printing(r rune) rune {
	if r < ' ' || r == '"' {
		return -1
	}
	return r
}

func TestJSONThatLiesDeepIsNotSetOut(t *testing.T) {
	deep := strings.Repeat("[", 9000) + strings.Repeat("]", 9000)
	if got := display.SetOut([]byte(deep)); string(got) != deep {
		t.Errorf("it has %d bytes", len(got))
	}
	if got, want := string(display.SetOut([]byte(`{"a":["[",1]}`))), "{\n  \"a\": [\n    \"[\",\n    1\n  ]\n}"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
