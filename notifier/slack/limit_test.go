package slack

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
)

// fieldsOf lists the strings of the message that a notification becomes.
func fieldsOf(n notifier.Notification) ([]field, error) {
	m, err := compose(n.Parts)
	if err != nil {
		return nil, err
	}
	fields := []field{{"text", m.text, maxText}}
	for _, b := range m.blocks {
		switch b := b.(type) {
		case *slack.HeaderBlock:
			fields = append(fields, field{"header", b.Text.Text, maxHeader})
		case *slack.SectionBlock:
			fields = append(fields, field{"section", b.Text.Text, maxSection})
		}
	}
	for _, a := range m.attachments {
		element := a.Blocks.BlockSet[0].(*slack.ContextBlock).ContextElements.Elements[0]
		fields = append(fields, field{"footer", element.(*slack.TextBlockObject).Text, maxFooter})
	}
	return fields, nil
}

func TestLongTextIsCutAndSaysSo(t *testing.T) {
	log := strings.Repeat("0123456&", 1000) // 8,000 characters, 12,000 once escaped
	tests := []struct {
		name  string
		text  display.Text
		limit int
		begin string
		end   string
	}{
		{
			"the words of a log stay", display.Join(display.Words("```"), display.Quote(log), display.Words("```\n… 2 of 3 lines")), 3000,
			"```0123456&amp;0", "…```\n… 2 of 3 lines\n… 1,967 of 8,000 characters",
		},
		{
			"the next step stays", display.Join(display.Words("*Says*  "), display.Quote(log), display.Words("\n*Next*  look")), 3000,
			"*Says*  `0123456&amp;", "`…\n*Next*  look\n… 1,967 of 8,000 characters",
		},
		{
			"words of an operator", display.Words(strings.Repeat("word ", 1000)), 3000,
			"word word", "word\n… 2,969 of 4,999 characters",
		},
		{
			"a fence of an operator is closed", display.Join(display.Words("```" + strings.Repeat("a", 4000) + "```")), 3000,
			"```aaa", "aaa```\n… 2,972 of 4,006 characters",
		},
		{"what fits is left alone", display.Quote("short"), 3000, "`short`", "`short`"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := fit(tt.text.Trim(), tt.limit, mrkdwn)
			if n := units(got); n > tt.limit {
				t.Errorf("%d characters, the limit is %d", n, tt.limit)
			}
			if !strings.HasPrefix(got, tt.begin) || !strings.HasSuffix(got, tt.end) {
				t.Errorf("got %q … %q, want %q … %q", got[:min(40, len(got))], got[max(0, len(got)-60):], tt.begin, tt.end)
			}
		})
	}
}

func TestHeaderLosesItsMiddle(t *testing.T) {
	got := fitHeader(display.Join(display.Words("HIGH: File changed: "), display.Quote("/srv/"+strings.Repeat("d&/", 80)+"index.php"), display.Words(" on web-01")))
	if n := units(got); n > maxHeader || n < maxHeader-10 {
		t.Errorf("got %d characters, want close to %d", n, maxHeader)
	}
	if !strings.HasPrefix(got, "HIGH: File changed: /srv/") || !strings.HasSuffix(got, "index.php on web-01") || !strings.Contains(got, "…") {
		t.Errorf("got %q", got)
	}
}

func TestEmojiCountTwice(t *testing.T) {
	if got := fitHeader(display.Quote(strings.Repeat("😀", 100))); units(got) > maxHeader || len([]rune(got)) > 80 {
		t.Errorf("got %d characters of UTF-16 in %q", units(got), got)
	}
}

func TestPieces(t *testing.T) {
	tests := []struct {
		name, in string
		n        int
		want     []string
	}{
		{"whole", "abc", 10, []string{"abc"}},
		{"at a line end", "abcdefgh\nijklm\nnopqrstuvw", 20, []string{"abcdefgh\nijklm", "nopqrstuvw"}},
		{"no line end", "abcdefghijklmnopqrstuvwxyz", 13, []string{"abcdefghij", "klmnopqrst", "uvwxyz"}},
		{"fence", "x\n```aaaa\nbbbb\ncccc```", 16, []string{"x\n```aaaa```", "```bbbb\ncccc```"}},
		{"code span", "`aaaaaaaaaaaaaaaa`", 12, []string{"`aaaaaaaa`", "`aaaaaaaa`"}},
		{"entity", "aaaaaaaa&amp;bbbb", 13, []string{"aaaaaaaa", "&amp;bbbb"}},
		{"link", "aaaaa <https://x|y> bbbb", 18, []string{"aaaaa ", "<https://x|y> bbbb"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := pieces(tt.in, tt.n)
			for _, p := range got {
				if units(p) > tt.n {
					t.Errorf("piece %q has %d characters, the limit is %d", p, units(p), tt.n)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestLongPlainTemplateBecomesSeveralSections(t *testing.T) {
	var body display.Text
	for range 300 {
		body = display.Join(body, display.Words("line "), display.Quote("of an alert, with some text"), display.Words("\n"))
	}
	fields, err := fieldsOf(notifier.Notification{Parts: map[string]display.Text{"body": body}})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range fields {
		names = append(names, f.name)
		if units(f.text) > f.limit {
			t.Errorf("%s has %d characters", f.name, units(f.text))
		}
	}
	if diff := cmp.Diff([]string{"text", "section", "section", "section"}, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if last := fields[len(fields)-1].text; !strings.Contains(last, " characters") {
		t.Errorf("the end does not say what was cut: %q", last)
	}
}
