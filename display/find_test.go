package display

import (
	"slices"
	"strings"
	"testing"

	"github.com/ossec-notify/ossec-notify/testdata/injection"
)

// TestEachHiddenFindsWhatVisibleChanges: what is found, and only that, is what Visible writes in another way.
func TestEachHiddenFindsWhatVisibleChanges(t *testing.T) {
	texts := []string{"", "a\tb\r\nc", "a\rb", "\xff\xfe", "x\u202ey\u200bz", "👩\u200d💻 ❤\ufe0f", "a\u200db", "\x1b[31m\x7f\u0085", "ä\u2028"}
	for _, p := range injection.All() {
		texts = append(texts, p.Text)
	}
	for _, s := range texts {
		var b strings.Builder
		from := 0
		EachHidden(s, func(start, end int) {
			if start < from || end <= start {
				t.Fatalf("%.100q: from %d to %d, behind %d", s, start, end, from)
			}
			b.WriteString(s[from:start])
			b.WriteString(Visible(s[start:end]))
			from = end
		})
		b.WriteString(s[from:])
		if got, want := strings.ReplaceAll(b.String(), "\r\n", "\n"), Visible(s); got != want {
			t.Errorf("%.100q: got %.200q, want %.200q", s, got, want)
		}
	}
}

// TestEachTrickAgreesWithTricks: a text has a piece of a kind where the sentence about it names the kind.
func TestEachTrickAgreesWithTricks(t *testing.T) {
	for _, p := range injection.All() {
		if p.Large {
			continue
		}
		var kinds []string
		EachTrick(p.Text, func(kind string, start, end int) {
			if start < 0 || end <= start || end > len(p.Text) {
				t.Fatalf("%s: a %s from %d to %d", p.Name, kind, start, end)
			}
			kinds = append(kinds, kind)
		})
		sentence := Tricks(p.Text)
		for _, kind := range []string{"mention", "link", "markup"} {
			if got, want := slices.Contains(kinds, kind), strings.Contains(sentence, kind); got != want {
				t.Errorf("%s: %s is found: %t, the sentence is %q", p.Name, kind, got, sentence)
			}
		}
		// A byte that is no text is shown as what it is, and no trick.
		if strings.Contains(sentence, "characters") && !slices.Contains(kinds, "control") {
			t.Errorf("%s: no control character is found, the sentence is %q", p.Name, sentence)
		}
	}
}

func TestEachTrick(t *testing.T) {
	var got []string
	s := "see <!channel> and (@here) <https://a.example/x|y> [z](http://b.example) <b>{{.X}}</b>\x1b[1m ldap://c hxxp://d.example http://"
	EachTrick(s, func(kind string, start, end int) { got = append(got, kind+" "+s[start:end]) })
	want := []string{"mention <!channel>", "mention @here", "link <https://a.example/x|y>", "link ](http:", "markup <b>", "markup {{.X}}", "markup </b>",
		"url https://a.example", "url http://b.example", "url ldap://", "url http://", "control \x1b"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
