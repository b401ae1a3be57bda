package slack

import (
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/testdata/injection"
)

func TestMrkdwn(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"words pass", "*bold* <https://example.com|link> <!here> a < b & c", "*bold* <https://example.com|link> <!here> a < b & c"},
		{"quotation becomes code", "From ‹192.0.2.1›", "From `192.0.2.1`"},
		{"quotations that touch share a span", "‹a›‹b› ‹c›", "`ab` `c`"},
		{"mention", "‹<!channel> & <@U1>›", "`&lt;!channel&gt; &amp; &lt;@U1&gt;`"},
		{"entity is not decoded", "‹&lt;!here&gt;›", "`&amp;lt;!here&amp;gt;`"},
		{"backtick", "‹a`b```c›", "`aˋbˋˋˋc`"},
		{"line end", "‹a\r\nb\nc\n›", "`a⏎b⏎c`"},
		{"beside code of the words", "`x`‹y›`z`", "`x` `y` `z`"},
		{"before a fence", "‹y›```z```", "`y` ```z```"},
		{"in code of the words", "`x ‹a`b\nc›` ‹d›", "`x aˋb⏎c` `d`"},
		{"in a fence", "```‹a\n<b> `c` ```` d›```", "```a\n&lt;b&gt; `c` ˋˋˋˋ d```"},
		{"backticks at the ends in a fence", "```‹`a``›```", "```ˋaˋˋ```"},
		{"backticks of two quotations in a fence", "```‹``›‹`›```", "```ˋˋˋ```"},
		{"after a fence", "```a``` ‹b›", "```a``` `b`"},
		{"code of the words ends with its line", "`x\n‹a›", "`x\n`a`"},
		{"in a URL", "<https://example.com/a/‹../b?c|d>›|Open>", "<https://example.com/a/..%2Fb%3Fc%7Cd%3E|Open>"},
		{"as a URL", "<‹https://evil.example›|Open>", "<hxxps%3A%2F%2Fevil%5B.%5Dexample|Open>"},
		{"as a host", "<https://‹evil.example›/x|Open>", "<https://evil%5B.%5Dexample/x|Open>"},
		{"as the end of a host", "<https://example.com‹.evil.example›|Open>", "<https://example.com%5B.%5Devil%5B.%5Dexample|Open>"},
		{"code that is not closed", "x `‹*a*›", "x `*a*`"},
		{"a fence that is not closed", "x ```‹*a*›", "x ```*a*```"},
		{"as a mention", "<!‹channel›> <@‹U012345› <#x‹C012345|y›>‹z›", "<!%3Fchannel> <@%3FU012345 <#x%3FC012345%7Cy>`z`"},
		{"as a group", "<!subteam^‹S012345›|@soc> <@U1|‹U2›>", "<!subteam^%3FS012345|@soc> <@U1|U2>"},
		{"as a time", "<!date^‹1392734382›^{date_num}|‹2014›>", "<!date^1392734382^{date_num}|2014>"},
		{"in a label", "<https://example.com|Open ‹a|b>`c`\nd›> ‹e›", "<https://example.com|Open a¦b&gt;ˋcˋ⏎d> `e`"},
		{"lone < opens nothing", "a < ‹b› <3 ‹c›", "a < `b` <3 `c`"},
		{"control characters are shown", "‹a\x1b[31m\u202eb›", "`a\\x1b[31m\\u202eb`"},
		{"empty", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, mrkdwn(text(tt.in))); diff != "" {
				t.Errorf("mrkdwn(%q) (-want +got):\n%s", tt.in, diff)
			}
		})
	}
}

func TestTextAloneHasMarkup(t *testing.T) {
	m, err := compose(map[string]display.Text{"text": text("*Says*  ‹*us* <!here>›")})
	if got, want := m.text, "*Says*  `*us* &lt;!here&gt;`"; err != nil || got != want {
		t.Errorf("the text is %q (%v), want %q: nothing else is shown", got, err, want)
	}
}

func TestPlain(t *testing.T) {
	in := "User: ‹<!here> `a` & *b*\nNext: call 0900› <https://example.com/‹x|y›|Open>"
	want := "User: &lt;!here&gt; `a` &amp; *b*⏎Next: call 0900 <https://example.com/x%7Cy|Open>"
	if got := plain(text(in)); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// FuzzAlertTextIsInert puts the same text into every place of a template where alert text can stand. The law:
// the markup of the message is that of its words, whatever the alert says, and the message is within the limits.
func FuzzAlertTextIsInert(f *testing.F) {
	for _, s := range []string{
		"x", "<!channel>", "<https://evil.example|click>", "```", "``", "`", "a`b", "|>", "&amp;", "\n*bold*\n", "\u202e\x00\x1b[0m",
		"http://h.example/", strings.Repeat("`<&>", 500), strings.Repeat("😀", 1600), strings.Repeat("a\n", 1600), "\xff\xfe",
	} {
		f.Add(s)
	}
	for _, s := range injection.Seeds() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		parts := func(s string) map[string]display.Text {
			q := display.Quote(s)
			w := display.Words
			return map[string]display.Text{
				"header": display.Join(w("HIGH: what "), q, w(" on "), q),
				"text":   display.Join(w("HIGH\nSays: "), q, q, w("\nNext: look <https://example.com/"), q, w("|Open "), q, w(">")),
				"facts":  display.Join(w("*Says*  "), q, q, w(" `code "), q, w("` "), q, w("```"), q, w("```\n*Next*  <https://example.com/"), q, w("|Open "), q, w(">")),
				"log":    display.Join(w("```"), q, w("\n"), q, q, w("```\n… 2 of 3 lines")),
				"footer": display.Join(q, w(" · <https://example.com|rule> "), q),
			}
		}
		for _, body := range []bool{false, true} {
			attacked, harmless := parts(s), parts("x")
			if body {
				attacked["body"], harmless["body"] = display.Join(attacked["facts"], attacked["log"]), display.Join(harmless["facts"], harmless["log"])
			}
			got, want := composed(t, attacked), composed(t, harmless)
			total := 0
			for i, field := range got {
				total += units(field.text)
				if n := units(field.text); n == 0 || n > field.limit {
					t.Errorf("%s has %d characters, the limit is %d", field.name, n, field.limit)
				}
				if i := strings.IndexFunc(field.text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }); i >= 0 {
					t.Errorf("%s holds a control character: %q", field.name, field.text)
				}
				if strings.Contains(strings.NewReplacer("&amp;", "", "&lt;", "", "&gt;", "").Replace(field.text), "&") {
					t.Errorf("%s holds a bare & or half an entity: %q", field.name, field.text)
				}
				if field.limit == maxText || field.limit == maxHeader {
					continue // shown without markup
				}
				if len(s) > 100 || strings.TrimSpace(s) == "" || len(got) != len(want) {
					continue // the text may have been cut, and its markup with it
				}
				if got, want := marks(field.text), marks(want[i].text); got != want {
					t.Errorf("%s has the markup %q, want %q: %q", field.name, got, want, field.text)
				}
			}
			if total > maxMessage {
				t.Errorf("the message has %d characters, the limit is %d", total, maxMessage)
			}
			if len(got) > maxBlocks {
				t.Errorf("%d blocks", len(got))
			}
			for _, field := range got {
				for rest := field.text; ; {
					_, after, found := strings.Cut(rest, "<")
					if !found {
						break
					}
					if !strings.HasPrefix(after, "https://example.com") {
						t.Errorf("%s holds a < that is not the template's: %q", field.name, field.text)
					}
					rest = after
				}
			}
		}
	})
}

type field struct {
	name, text string
	limit      int
}

// composed lists the strings of a message.
func composed(t *testing.T, parts map[string]display.Text) []field {
	t.Helper()
	fields, err := fieldsOf(notifier.Notification{Parts: parts})
	if err != nil {
		t.Fatal(err)
	}
	return fields
}

// marks is the sequence of signs of markup in finished mrkdwn, without the text between them.
func marks(s string) string {
	var b strings.Builder
	for at := inText; s != ""; {
		next, n := step(at, s)
		if next != at {
			b.WriteString(s[:n])
		}
		at, s = next, s[n:]
	}
	return b.String()
}
