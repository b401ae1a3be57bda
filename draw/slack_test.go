package draw

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// richMessage has blocks that our templates do not make.
const richMessage = `{"text":"a &amp; b","blocks":[
 {"type":"section","text":{"type":"mrkdwn","text":"*x*"},"fields":[{"type":"mrkdwn","text":"*A*\n1"},{"type":"plain_text","text":"*B*"}],
  "accessory":{"type":"button","text":{"type":"plain_text","text":"Take it"},"url":"https://example.com/take","action_id":"t"}},
 {"type":"divider"},
 {"type":"image","image_url":"https://example.com/a.png","alt_text":"a graph","title":{"type":"plain_text","text":"Graph"}},
 {"type":"actions","elements":[{"type":"button","text":{"type":"plain_text","text":"Open"}},{"type":"static_select","placeholder":"p"}]},
 {"type":"context","elements":[{"type":"image","image_url":"https://example.com/b.png","alt_text":"b"},{"type":"mrkdwn","text":"_c_"}]},
 {"type":"rich_text","elements":[
  {"type":"rich_text_section","elements":[{"type":"text","text":"bold &amp; *so*","style":{"bold":true,"code":true}},{"type":"link","url":"https://example.com","text":"l"},{"type":"user","user_id":"U1"},{"type":"broadcast","range":"here"},{"type":"emoji","name":"wave"}]},
  {"type":"rich_text_list","style":"bullet","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"one"}]},{"type":"rich_text_section","elements":[{"type":"text","text":"two"}]}]},
  {"type":"rich_text_quote","elements":[{"type":"text","text":"said"}]},
  {"type":"rich_text_preformatted","elements":[{"type":"text","text":"pre\nline"}]}]},
 {"type":"video","title":{"type":"plain_text","text":"unknown"}},
 "no block"],"more":{"of":"it"}}`

// oldMessage has an attachment of the old form.
const oldMessage = `{"attachments":[{"color":"danger","pretext":"*before*","author_name":"me","title":"Title","title_link":"https://example.com","text":"*bold* &lt;",
 "fields":[{"title":"F","value":"_v_","short":true}],"image_url":"https://example.com/i.png","footer":"foot","ts":1795440502,"odd":"kept"}]}`

// shownText is what Slack shows of a request of our templates: the texts of all blocks in order, without their marks. It
// shares nothing with the reader.
func shownText(t *testing.T, body []byte) string {
	t.Helper()
	type text struct{ Type, Text string }
	type block struct {
		Text     *text
		Elements []text
	}
	var m struct {
		Blocks      []block
		Attachments []struct{ Blocks []block }
	}
	if err := json.Unmarshal(body, &m); err != nil {
		t.Fatal(err)
	}
	blocks := m.Blocks
	for _, a := range m.Attachments {
		blocks = append(blocks, a.Blocks...)
	}
	var out []string
	for _, b := range blocks {
		all := b.Elements
		if b.Text != nil {
			all = append(all, *b.Text)
		}
		for _, x := range all {
			s := x.Text
			if x.Type == "mrkdwn" {
				s = regexp.MustCompile(`(?m)^\*([A-Za-z0-9-]+)\*`).ReplaceAllString(s, "$1")
				s = strings.NewReplacer("```", "", "`", "").Replace(s)
			}
			out = append(out, withoutMarks(s))
		}
	}
	return strings.Join(out, "\n")
}

// withoutMarks is a text as it reads: names for <…>, characters for entities.
func withoutMarks(s string) string {
	s = regexp.MustCompile(`<[^|>]*\|([^>]*)>`).ReplaceAllString(s, "$1")
	s = regexp.MustCompile(`<!subteam\^([^>]*)>`).ReplaceAllString(s, "@$1")
	return strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">").Replace(s)
}

func TestSlackSaysWhatTheRequestSays(t *testing.T) {
	for name, body := range goldens(t, "slack/testdata/*.json") {
		t.Run(name, func(t *testing.T) {
			m, phone, err := Slack(body)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(shownText(t, body), TextOf(m)); diff != "" {
				t.Errorf("(-request +drawn):\n%s", diff)
			}
			var sent struct{ Text string }
			if err := json.Unmarshal(body, &sent); err != nil {
				t.Fatal(err)
			}
			if got, want := TextOf(phone), withoutMarks(sent.Text); got != want {
				t.Errorf("the phone shows %q, want %q", got, want)
			}
			// The bot's form of the same message is drawn as the same.
			var all map[string]json.RawMessage
			if err := json.Unmarshal(body, &all); err != nil {
				t.Fatal(err)
			}
			form := url.Values{"text": {sent.Text}}
			for _, k := range []string{"blocks", "attachments"} {
				if all[k] != nil {
					form.Set(k, string(all[k]))
				}
			}
			asForm, phoneOfForm, err := Slack([]byte(form.Encode()))
			if diff := cmp.Diff([]Node{m, phone}, []Node{asForm, phoneOfForm}); err != nil || diff != "" {
				t.Errorf("as a form: %v (-JSON +form):\n%s", err, diff)
			}
		})
	}
}

// outline is a tree as short text: kinds with their parts in brackets.
func outline(nodes ...Node) string {
	var parts []string
	for _, n := range nodes {
		switch {
		case n.Kind == Text:
			parts = append(parts, fmt.Sprintf("%q", n.Text))
			continue
		case n.Kind == Break:
			parts = append(parts, "/")
			continue
		}
		s := string(n.Kind)
		if n.Text != "" {
			s += fmt.Sprintf(" %q", n.Text)
		}
		if n.Style != "" {
			s += fmt.Sprintf(" of %q", n.Style)
		}
		if len(n.Children) > 0 {
			s += "[" + outline(n.Children...) + "]"
		}
		parts = append(parts, n.Change+s)
	}
	return strings.Join(parts, " ")
}

func TestMrkdwn(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "a &lt;b&gt; &amp;amp;", `p["a <b> &amp;"]`},
		{"bold, italic, struck", "*a* _b_ ~c~", `p[b["a"] " " i["b"] " " s["c"]]`},
		{"within one another", "*a _b ~c~_*", `p[b["a " i["b " s["c"]]]]`},
		{"within a word", "a*b* c_d_e 2*3*4", `p["a*b* c_d_e 2*3*4"]`},
		{"beside signs", "(*a*), -_b_.", `p["(" b["a"] "), -" i["b"] "."]`},
		{"blanks inside", "* a* *b * _ _", `p["* a* *b * _ _"]`},
		{"not closed on its line", "*a\nb*", `p["*a" / "b*"]`},
		{"many that are not closed", "*a *b *c* *d", `p[b["a *b *c"] " *d"]`},
		{"no markup in code", "`*a* _b_` *`c`*", `p[code["*a* _b_"] " " b[code["c"]]]`},
		{"a sign in code does not close", "*a `b* c` d*", `p[b["a " code["b* c"] " d"]]`},
		{"code ends with its line", "`a\nb`", "p[\"`a\" / \"b`\"]"},
		{"fence", "a\n```b\n*c*```\nd", `p["a"] pre["b\n*c*"] p["d"]`},
		{"fence on one line", "a ```b``` c", `p["a "] pre["b"] p[" c"]`},
		{"fence not closed", "```a *b*", "p[\"```a \" b[\"b\"]]"},
		{"code and fence with nothing in them", "a `` *b* `````` c `d`", "p[\"a `` \" b[\"b\"] \" `````` c \" code[\"d\"]]"},
		{"quote", "a\n> b\n&gt; *c*\nd", `p["a"] quote[p["b" / b["c"]]] p["d"]`},
		{"quote of all that follows", "a\n>>> b\nc\n\nd", `p["a"] quote[p["b" / "c" / / "d"]]`},
		{"no quote in code", "```> a```", `pre["> a"]`},
		{"links", "<https://a.example/?a&amp;b|x &gt; *y*> <https://b.example> <mailto:a@b.example>",
			`p[link of "https://a.example/?a&b"["x > *y*"] " " link of "https://b.example"["https://b.example"] " " link of "mailto:a@b.example"["a@b.example"]]`},
		{"mentions", "<!here> <!channel|x> <@U1> <@U1|bob> <#C1> <#C1|soc> <!subteam^S1> <!subteam^S1|@soc>",
			`p[mention "@here" of "!here" " " mention "@x" of "!channel" " " mention "@U1" of "@U1" " " mention "@bob" of "@U1" " " mention "#C1" of "#C1" " " mention "#soc" of "#C1" " " mention "@S1" of "!subteam^S1" " " mention "@soc" of "!subteam^S1"]`},
		{"mention and link in code", "`<!here>` ```<https://a.example|b>```", `p[code[mention "@here" of "!here"] " "] pre[link of "https://a.example"["b"]]`},
		{"escaped mention", "&lt;!here&gt; @channel", `p["<!here> @channel"]`},
		{"time", "<!date^1392734382^{date} at {time}|Feb 18> <!date^1^{date}^https://a.example|x>", `p["Feb 18" " " link of "https://a.example"["x"]]`},
		{"brackets that are none", "a < b > c <> <|a> <a\nb> 1 <2", `p["a " link of " b "[" b "] " c <> <|a> <a" / "b> 1 <2"]`},
		{"emoji stays text", "*:wave:*", `p[b[":wave:"]]`},
		{"secret and hidden characters", "a[redacted]\u202eb", `p["a" redact "redacted" box "U+202E" "b"]`},
		{"empty", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, outline(Mrkdwn(tt.in)...)); diff != "" {
				t.Errorf("Mrkdwn(%q) (-want +got):\n%s", tt.in, diff)
			}
		})
	}
}

func TestSlackBlocks(t *testing.T) {
	m, phone, err := Slack([]byte(richMessage))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`p[b["x"]]`, `fields[group[p[b["A"] / "1"]] group[p["*B*"]]]`, `p[button "Take it" of "https://example.com/take"]`,
		`hr`,
		`p["Graph"]`, `image "a graph" of "https://example.com/a.png"`,
		`group[p[button "Open"] json "element static_select"[run "{\n  " of "sign" run "\"type\"" of "key" run ": " of "sign" run "\"static_select\"" of "string" run ",\n  " of "sign" run "\"placeholder\"" of "key" run ": " of "sign" run "\"p\"" of "string" run "\n}" of "sign"]]`,
		`group[image "b" of "https://example.com/b.png" small[" " i["c"]]]`,
		`p[b[code["bold &amp; *so*"]] link of "https://example.com"["l"] mention "@U1" of "@U1" mention "@here" of "!here" ":wave:"]`,
		`list[item[p["one"]] item[p["two"]]]`, `quote[p["said"]]`, `pre["pre\nline"]`,
	}
	for i, w := range want {
		if i >= len(m.Children) {
			t.Fatalf("%d nodes, want more", len(m.Children))
		}
		if got := outline(m.Children[i]); got != w {
			t.Errorf("node %d:\n got %s\nwant %s", i, got, w)
		}
	}
	var labels []string
	for _, n := range m.Children[len(want):] {
		labels = append(labels, string(n.Kind)+" "+n.Text)
	}
	if diff := cmp.Diff([]string{"json block video", "json block", "json more in the message"}, labels); diff != "" {
		t.Errorf("what is not known (-want +got):\n%s", diff)
	}
	if got, want := outline(phone), `phone "Slack"["a & b"]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSlackOldAttachment(t *testing.T) {
	m, _, err := Slack([]byte(oldMessage))
	if err != nil {
		t.Fatal(err)
	}
	want := `message "ossec-notify" of "slack"[bar of "#A30200"[p[b["before"]] small["me"] p[b[link of "https://example.com"["Title"]]] p[b["bold"] " <"] ` +
		`fields[group[p[b["F"]] p[i["v"]]]] image of "https://example.com/i.png" small["foot · 1795440502"] json "more in the attachment"[run "{" of "sign" run "\"odd\"" of "key" run ": " of "sign" run "\"kept\"" of "string" run "}" of "sign"]]]`
	want = strings.ReplaceAll(strings.ReplaceAll(want, `run "{" of`, `run "{\n  " of`), `run "}" of`, `run "\n}" of`)
	if got := outline(m); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestSlackThread(t *testing.T) {
	m, _, err := Slack([]byte("channel=C012345&text=a+%26amp%3B+b&thread_ts=1795440502.000100&reply_broadcast=true&token=x"))
	want := `message "ossec-notify" of "slack"[note "to C012345" note "in the thread of 1795440502.000100" note "and in the channel" p["a & b"]]`
	if got := outline(m); err != nil || got != want {
		t.Errorf("got %s (%v), want %s", got, err, want)
	}
}

func TestSlackFoldsLongSections(t *testing.T) {
	log := func(lines, width int) string {
		all := make([]string, lines)
		for i := range all {
			all[i] = strings.Repeat("x", width)
		}
		return strings.Join(all, "\n")
	}
	draw := func(text, more string) Node {
		body, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		m, _, err := Slack([]byte(`{"blocks":[{"type":"section","text":{"type":"mrkdwn","text":` + string(body) + `}` + more + `}]}`))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for _, tt := range []struct {
		name, text string
		label      string // of the fold, "" for none
		shown      int    // lines
	}{
		{"five lines", "```" + log(5, 20) + "```", "", 5},
		{"nine lines", "```" + log(9, 20) + "```", "Slack folds the other 4 lines: Show more", 5},
		{"six lines", "```" + log(6, 20) + "```", "Slack folds the other 1 line: Show more", 5},
		{"few long lines", "```" + log(4, 300) + "```", "Slack folds the other 2 lines: Show more", 2},
		{"one long line", "```" + log(1, 1200) + "```", "Show more", 1},
		{"a fence and a note", "```" + log(5, 20) + "```\n… 5 of 9 lines", "Slack folds the other 1 line: Show more", 5},
		{"a paragraph", log(7, 20), "Slack folds the other 2 lines: Show more", 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := draw(tt.text, "")
			fold := find(m, Fold)
			if fold.Text != tt.label {
				t.Errorf("the fold is %q, want %q", fold.Text, tt.label)
			}
			shown := m
			shown.Children = nil
			for _, c := range m.Children {
				if c.Kind != Fold {
					shown.Children = append(shown.Children, c)
				}
			}
			if got := 1 + strings.Count(TextOf(shown), "\n"); got != tt.shown {
				t.Errorf("%d lines are shown, want %d", got, tt.shown)
			}
			if got, want := TextOf(m), strings.ReplaceAll(tt.text, "```", ""); got != want {
				t.Errorf("it says %q, want %q", got, want)
			}
			if fold := find(draw(tt.text, `,"expand":true`), Fold); fold.Kind != "" {
				t.Error("it is folded though it is to be expanded")
			}
		})
	}
	if fold := find(draw("```"+log(1, 1200)+"```", ""), Fold); fold.Style != sameLine || len(TextOf(fold)) != 500 {
		t.Errorf("the fold of a line is %q, with %d characters", fold.Style, len(TextOf(fold)))
	}
}

func TestCuts(t *testing.T) {
	for text, want := range map[string]string{
		"… 1,200 of 2,190 characters":          "990 characters cut here",
		"… 12 of 40 lines":                     "28 lines cut here",
		"… 2 of at least 8 lines":              "at least 6 lines cut here",
		"… 39 of 40 lines":                     "1 line cut here",
		"… cut at 465 characters by OSSEC":     "cut at 465 characters by OSSEC",
		"… cut at 1 MiB by ossec-notify":       "cut at 1 MiB by ossec-notify",
		"… 40 of 12 lines":                     "",
		"… 12 of 40 lines of it":               "",
		"`… 12 of 40 lines`":                   "", // what an alert says
		"```… 12 of 40 lines```":               "",
		"a … 12 of 40 lines":                   "",
		"… 99999999999999999999 of 1,00 lines": "",
	} {
		blocks := cuts(Mrkdwn("before\n" + text + "\nbehind"))
		cut := find(Node{Kind: Group, Children: blocks}, Cut)
		if cut.Text != want {
			t.Errorf("%s: got %q, want %q", text, cut.Text, want)
		}
		if got, want := TextOf(Node{Kind: Group, Children: blocks}), "before\n"+strings.ReplaceAll(text, "`", "")+"\nbehind"; got != want {
			t.Errorf("it says %q, want %q", got, want)
		}
	}
}

func TestSlackOfWhatIsNone(t *testing.T) {
	for _, body := range []string{"", "x", "[]", `{"text":`, "\xff\xfe", strings.Repeat(" ", 70) + "x", "a=%zz"} {
		m, phone, err := Slack([]byte(body))
		if err == nil || TextOf(m) != body || phone.Kind != "" {
			t.Errorf("%q: %v, drawn as %q, phone %v", body, err, TextOf(m), phone)
		}
	}
}
