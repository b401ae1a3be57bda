package slack

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/testdata/injection"
)

// links are the addresses of the <…|…> in finished mrkdwn.
func links(s string) (found []string) {
	for _, m := range regexp.MustCompile(`<(https?:[^|>\n]*)[|>]`).FindAllStringSubmatch(s, -1) {
		found = append(found, m[1])
	}
	return found
}

func TestLinksAreWholeOrLeftOut(t *testing.T) {
	long := strings.Repeat("x", 2000)
	tests := []struct{ name, in, want string }{
		{"what fits", "see <https://example.com/?q=‹a b›|Open ‹c›> now", "see <https://example.com/?q=a%20b|Open c> now"},
		{"a long address", "see <https://example.com/?q=‹" + long + "›|Open ‹c›> now", "see Open `c` now"},
		{"a long address of words", "see <https://example.com/?q=" + long + "|Open> now", "see Open now"},
		{"a long address without a label", "see <https://example.com/?q=‹" + long + "›> now", "see  now"},
		{"as long as an address may be", "<https://example.com/?q=‹" + long[:900-len("https://example.com/?q=")] + "›|Open>", "<https://example.com/?q=" + long[:900-len("https://example.com/?q=")] + "|Open>"},
		{"a byte longer", "<https://example.com/?q=‹" + long[:901-len("https://example.com/?q=")] + "›|Open>", "Open"},
		{"cut before", "<https://example.com/?q=‹aaa›…‹zzz›|Open> now", "Open now"},
		{"cut before, in the words", "<https://exam…?q=‹zzz›|Open> now", "Open now"},
		{"cut before, over its end", "see <https://example.com/?q=‹aaa›… ‹zzz›\nnext", "see \nnext"},
		{"cut before, up to the end", "see <https://example.com/?q=‹aaa›…", "see "},
		{"cut in the label", "see <https://example.com/?q=‹a›|Open ‹aaa›…‹zzz›> now", "see <https://example.com/?q=a|Open aaa…zzz> now"},
		{"a … of the alert", "<https://example.com/?q=‹a…b›|Open>", "<https://example.com/?q=a%E2%80%A6b|Open>"},
		{"no link in code", "`<https://example.com/…|Open>` ```<https://example.com/…``` <https://example.com|x>", "`<https://example.com/…|Open>` ```<https://example.com/…``` <https://example.com|x>"},
		{"a lone <", "a < b… <3… <https://example.com|x>", "a < b… <3… <https://example.com|x>"},
		{"mention", "<!here> <@U1> <‹x›>", "<!here> <@U1> <x>"},
		{"several", "<https://example.com/‹a›|A> <https://example.com/‹" + long + "›|B> <https://example.com/‹c›|C>", "<https://example.com/a|A> B <https://example.com/c|C>"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, fit(text(tt.in), maxSection, mrkdwn)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestLinksStayWholeWhenTheTextIsCut(t *testing.T) {
	log := strings.Repeat("0123456&", 1000)
	in := "*Says*  ‹" + log + "›\n<https://example.com/?q=‹a b›|Open> <!here>"
	for _, limit := range []int{maxText, maxSection} {
		got := fit(text(in), limit, mrkdwn)
		if diff := cmp.Diff([]string{"https://example.com/?q=a%20b"}, links(got)); diff != "" || units(got) > limit || !strings.Contains(got, "<!here>") {
			t.Errorf("%d characters, links (-want +got):\n%s in …%s", units(got), diff, got[max(0, len(got)-200):])
		}
	}
	// Links that an alert makes long do not cost the operator's words.
	many := strings.Repeat("<https://example.com/?q=‹"+strings.Repeat("x", 800)+"›|Open>\n", 5) + "<https://example.com|Wiki> <!here>"
	got := fit(text(many), maxSection, mrkdwn)
	if want := strings.Repeat("Open\n", 5) + "<https://example.com|Wiki> <!here>"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHeaderThatIsCutHoldsNoLink(t *testing.T) {
	in := "HIGH: <https://example.com/?q=‹" + strings.Repeat("x", 60) + "›|Open> "
	if got, want := fitHeader(text(in+"‹y›")), "HIGH: <https://example.com/?q="+strings.Repeat("x", 60)+"|Open> y"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := fitHeader(text(in + "‹" + strings.Repeat("y", 200) + "›")); links(got) != nil || strings.Contains(got, "https:") || !strings.HasPrefix(got, "HIGH: Open y") {
		t.Errorf("got %q", got)
	}
}

// FuzzLinksAreWholeOrLeftOut: an address is the one that the template means, or there is none, however much is cut.
func FuzzLinksAreWholeOrLeftOut(f *testing.F) {
	for _, s := range injection.Seeds() {
		f.Add(s, uint16(20))
	}
	f.Add(strings.Repeat("ab/", 400), uint16(60))
	f.Add("…", uint16(30))
	f.Fuzz(func(t *testing.T, s string, n uint16) {
		w, q := display.Words, display.Quote
		link := display.Join(w("<https://example.com/"), q(s), w("?q="), q(s), w("&r=1|Open "), q(s), w(">"))
		whole := "https://example.com/" + display.Percent(display.Form(s)) + "?q=" + display.Percent(display.Form(s)) + "&r=1"
		facts := display.Join(w("*Says*  "), q(s), w("\n"), link, w(" then "), link, w("\n"), q(s))
		got := []string{
			fit(facts, maxText, plain), fit(facts, maxSection, mrkdwn), fitHeader(facts),
			fit(facts.Cut(int(n)), maxSection, mrkdwn), fit(facts.CutEnd(int(n)), maxSection, mrkdwn), fit(link.Cut(int(n)), maxText, plain),
		}
		cut, _ := facts.CutQuoted(int(n))
		got = append(got, fit(cut, maxSection, mrkdwn))
		for i, text := range got {
			for _, l := range links(text) {
				if l != whole {
					t.Errorf("%d: the address is %q, want %q or none, in %q", i, l, whole, text)
				}
			}
		}
	})
}
