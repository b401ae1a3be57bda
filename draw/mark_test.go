package draw

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const hostile = "<!channel> <@U123> <https://evil.example/|click> *bold* `code` & \"q\" @everyone [x](http://evil.example)\n" +
	"```fence``` <script>alert(1)</script>\nline2 \x07\x1b[31mred\x1b[0m \u202eRTL \u200b zero 😀 {{.Exec}} ${jndi:ldap://x} %s%n"

func TestTricks(t *testing.T) {
	type short struct{ Kind, Was, Shown string }
	for text, want := range map[string][]short{
		hostile: {
			{"mention", "<!channel>", "<!channel>"}, {"mention", "<@U123>", "<@U123>"}, {"mention", "@everyone", "@everyone"},
			{"link", "<https://evil.example/|click>", "<hxxps://evil[.]example/|click>"}, {"link", "](http:", "](http:"},
			{"markup", "```", "```"}, {"markup", "<script>", "<script>"}, {"markup", "</script>", "</script>"}, {"markup", "{{.Exec}}", "{{.Exec}}"},
			{"url", "https://evil.example", "hxxps://evil[.]example"}, {"url", "http://evil.example", "hxxp://evil[.]example"}, {"url", "ldap://", "ldap[:]//"},
			{"control", "\x07", `\x07`}, {"control", "\x1b", `\x1b`}, {"control", "\u202e", `\u202e`}, {"control", "\u200b", `\u200b`},
		},
		"Failed password for root from 192.0.2.1 port 22 ssh2": nil,
		"a@example.com <q> :// 5 < 6 | 7":                      nil,
		"GET http://a.example/x?y HTTP/1.1":                    {{"url", "http://a.example", "hxxp://a[.]example"}},
		"<!" + strings.Repeat("x", 200) + ">":                  {{"mention", "<!", "<!"}},
		"a\xffb \r c":                                          {{"control", "\xff", `\ufffd`}, {"control", "\r", `\x0d`}},
		"👩‍💻 ❤️":                                               nil, // how phones write
	} {
		var got []short
		for _, x := range Tricks(text, "full_log") {
			if x.Field != "full_log" {
				t.Errorf("the field is %q", x.Field)
			}
			got = append(got, short{x.Kind, x.Was, x.Shown})
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	if n := len(Tricks(strings.Repeat("http://a", 1), "")); n != 1 {
		t.Errorf("%d tricks", n)
	}
}

// marksOf are the marks of a tree: what stands there, and what it was.
func marksOf(n Node) []string {
	var out []string
	each(n, func(n Node) {
		if n.Kind == Mark {
			out = append(out, n.Trick+" "+TextOf(line(n.Children))+" was "+n.Was+" in "+n.From)
		}
	})
	return out
}

func TestNeutralise(t *testing.T) {
	m, _, err := Slack(goldens(t, "slack/testdata/*.json")["hostile.golden.json"])
	if err != nil {
		t.Fatal(err)
	}
	marked, n := Neutralise(m, Tricks(hostile, "full_log"))
	want := []string{"mention <!channel> was <!channel>", "mention <@U123> was <@U123>", "link <hxxps://evil[.]example/|click> was <https://evil.example/|click>",
		"mention @everyone was @everyone", "url hxxp://evil[.]example was http://evil.example",
		"markup ˋˋˋ was ```", "markup ˋˋˋ was ```", "markup <script> was <script>", "markup </script> was </script>", `control \x07 was U+0007`, `control \x1b was U+001B`, `control \x1b was U+001B`,
		`control \u202e was U+202E`, `control \u200b was U+200B`, "markup {{.Exec}} was {{.Exec}}", "url ldap[:]// was ldap://"}
	for i := range want {
		want[i] += " in full_log"
	}
	if diff := cmp.Diff(want, marksOf(marked)); diff != "" || n != len(want) {
		t.Errorf("%d marks (-want +got):\n%s", n, diff)
	}
	if got, want := TextOf(marked), TextOf(m); got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
	if same, n := Neutralise(m, nil); n != 0 || cmp.Diff(m, same) != "" {
		t.Errorf("without tricks: %d marks", n)
	}
}

func TestNeutraliseWhereItStands(t *testing.T) {
	trick := []Trick{{Shown: "@here", Was: "@here", Kind: "mention", Field: "f", Template: "slack.tmpl:4"}, {Shown: `\u202e`, Was: "\u202e", Kind: "control"}}
	for _, tt := range []struct{ name, in, want string }{
		{"in the middle", "a @here b", `p["a " mark["@here"] " b"]`},
		{"twice", "@here@here", `p[mark["@here"] mark["@here"]]`},
		{"across markup", "a @he*re*", `p["a @he*re*"]`},
		{"across bold", "x @*here* `@`here", `p["x " mark["@"] b[mark["here"]] " " code[mark["@"]] mark["here"]]`},
		{"the operator's own", "<!here> `@here`", `p[mention "@here" of "!here" " " code[mark["@here"]]]`},
		{"in a link's label", `<https://a.example|a \u202e>`, `p[link of "https://a.example"["a " mark["\\u202e"]]]`},
		{"elsewhere", "a @ here", `p["a @ here"]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n, _ := Neutralise(Node{Kind: Group, Children: Mrkdwn(tt.in)}, trick)
			if got := outline(n.Children...); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
	n, _ := Neutralise(Node{Kind: Group, Children: Mrkdwn("@here")}, trick)
	if m := find(n, Mark); m.Trick != "mention" || m.From != "f" || m.Template != "slack.tmpl:4" || m.Was != "@here" {
		t.Errorf("the mark is %+v", m)
	}
}
