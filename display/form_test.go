package display

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/ossec-notify/ossec-notify/testdata/injection"
)

func TestForm(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "Failed password for root from 192.0.2.1 port 22", "Failed password for root from 192.0.2.1 port 22"},
		{"umlauts and emoji", "Zugriff für Jürgen 😀", "Zugriff für Jürgen 😀"},
		{"line ends and tabs stay", "a\r\nb\tc\n", "a\nb\tc\n"},
		{"lone carriage return", "root\rmallory", `root\x0dmallory`},
		{"terminal escape", "\x1b[31mred\x1b[0m\x07", `\x1b[31mred\x1b[0m\x07`},
		{"C1 control and DEL", "a\u009bb\x7f", `a\x9bb\x7f`},
		{"NUL", "a\x00b", `a\x00b`},
		{"bidi", "abc\u202etxt.exe", `abc\u202etxt.exe`},
		{"zero width", "ro\u200bot\ufeff", `ro\u200bot\ufeff`},
		{"line separator", "a\u2028b", `a\u2028b`},
		{"Hangul filler", "a\u3164b", `a\u3164b`},
		{"combining joiner", "a\u034fb", `a\u034fb`},
		{"variation selector", "a\ufe0fb", `a\ufe0fb`},
		{"tag characters", "a\U000e0041b", `a\U000e0041b`},
		{"invalid UTF-8", "a\xff\xc3b", `a\ufffd\ufffdb`},
		{"replacement character", "a\ufffdb", `a\ufffdb`},
		{"http", "GET http://h.example/a.b?c=d.e", "GET hxxp://h[.]example/a.b?c=d.e"},
		{"https", "HTTPS://H.Example:443/", "HxxPS://H[.]Example:443/"},
		{"another scheme", "${jndi:ldap://h.example/x}", "${jndi:ldap[:]//h.example/x}"},
		{"login in a link", "http://user@h.example", "hxxp://user@h[.]example"},
		{"two links", "http://a.example http://b.example", "hxxp://a[.]example hxxp://b[.]example"},
		{"link behind a digit", "8http://h.example", "8hxxp://h[.]example"},
		{"link in a link", "p://http://http://h.example", "p[:]//hxxp://hxxp://h[.]example"},
		{"link behind a login", "x://a:http://h.example/", "x[:]//a:hxxp://h[.]example/"},
		{"bare names stay", "h.example 192.0.2.1 /a/b.c", "h.example 192.0.2.1 /a/b.c"},
		{"defanged already", "hxxp://h[.]example/", "hxxp://h[.]example/"},
		{"not a link", "C:\\x a:// b", "C:\\x a[:]// b"},
		{"mixed scripts", "login pаypal ok", "login pаypal (mixed scripts) ok"},
		{"mixed scripts in a link", "http://pаypal.example/ x", "hxxp://pаypal[.]example/ (mixed scripts) x"},
		{"one script", "привет мир", "привет мир"},
		{"an escape is no letter", "привет\x1b", `привет\x1b`},
		{"Latin and Han are no lookalikes", "web服务器", "web服务器"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Form(tt.in); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestOneLine(t *testing.T) {
	for in, want := range map[string]string{"a": "a", "a\nb\r\nc": "a⏎b⏎c", "a\tb": "a b", "a\r\n\n": "a", "\na": "⏎a"} {
		if got := OneLine(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestTricks(t *testing.T) {
	tests := []struct {
		in   []string
		want string
	}{
		{nil, ""},
		{[]string{"GET http://h.example/ HTTP/1.1", "a < b > c", "mail ops@example.com", "if (a < b && c > d)"}, ""},
		{[]string{"<!channel>"}, "mention"},
		{[]string{"hello @everyone"}, "mention"},
		{[]string{"<@U123>"}, "mention"},
		{[]string{"<https://evil.example|click>"}, "link"},
		{[]string{"[x](http://evil.example)"}, "link"},
		{[]string{"a ```code``` b"}, "markup"},
		{[]string{"<script>"}, "markup"},
		{[]string{"</b>"}, "markup"},
		{[]string{"{{.Exec}}"}, "markup"},
		{[]string{"a\x1bb"}, "control characters"},
		{[]string{"a\u202eb"}, "bidi characters"},
		{[]string{"a\u200bb"}, "bidi characters"},
		{[]string{"a\r\nb\tc"}, ""},
		{[]string{"❤\ufe0f", "👩\u200d💻", "👁\ufe0f\u200d🗨\ufe0f"}, ""},
		{[]string{"pay\u200dpal"}, "bidi characters"},
		{[]string{"<event><user>x</user></event>", "can't open `x'"}, ""},
		{[]string{"<!here>", "<b>x</b>"}, "mention and markup"},
		{[]string{"<!here> <http://e.example|x> ``` \x07 \u202e"}, "mention, link, markup, control and bidi characters"},
	}
	for _, tt := range tests {
		if got := Tricks(tt.in...); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.in, got, tt.want)
		}
	}
}

// FuzzForm: whatever the alert says, its display form holds nothing that a reader cannot see or that acts.
func TestJSON(t *testing.T) {
	for in, want := range map[string]string{
		`{"a":"b"}`: `{"a":"b"}`,
		"\"\u009b31m\u202e\u200b\U000e0041ü👩\"": `"\u009b31m\u202e\u200b\udb40\udc41ü👩"`,
		"\"\x7f\x9b\xff\"":                      `"\u007f\ufffd\ufffd"`,
	} {
		if got := string(JSON([]byte(in))); got != want {
			t.Errorf("JSON(%q) = %s, want %s", in, got, want)
		}
	}
}

func FuzzForm(f *testing.F) {
	for _, s := range []string{"x", "\x1b[31m", "a\u202eb\u2066\u200f", "\u200b\u200d\ufeff\u00ad\u180e\u034f\U000e0001", "http://h.example", "HTTP://", "a://b://c", "pаypal", "\r\r\n", "\xff", "\u2028\u3164\u2800"} {
		f.Add(s)
	}
	for _, s := range injection.Seeds() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Form(s)
		if !utf8.ValidString(got) {
			t.Errorf("not valid UTF-8: %q", got)
		}
		for i, r := range got {
			_, size := utf8.DecodeRuneInString(got[i:])
			switch {
			case r == '\n' || r == '\t':
			case joinsEmoji(got[:i], r, got[i+size:]): // see TestForm
			case unicode.IsControl(r), unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Bidi_Control, unicode.Join_Control, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point):
				t.Errorf("%U stands in %q", r, got)
			}
		}
		if lower := strings.ToLower(got); strings.Contains(lower, "http://") || strings.Contains(lower, "https://") {
			t.Errorf("a live link stands in %q", got)
		}
		if one := OneLine(got); strings.ContainsAny(one, "\n\t") {
			t.Errorf("OneLine has a line end or tab: %q", one)
		}
		_ = Tricks(s)
	})
}
