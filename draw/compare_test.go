package draw

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// diffOf is a comparison of two texts in mrkdwn as short text.
func diffOf(old, new string) string {
	n := Compare(Node{Kind: Message, Children: Mrkdwn(old)}, Node{Kind: Message, Children: Mrkdwn(new)})
	return inShort(n.Children)
}

// inShort writes what was added as {+…+}, what is gone as [-…-], blocks divided by |.
func inShort(nodes []Node) string {
	var b strings.Builder
	for i, n := range nodes {
		if i > 0 && !n.within() {
			b.WriteString(" | ")
		}
		open, shut := "", ""
		switch n.Change {
		case "+":
			open, shut = "{+", "+}"
		case "-":
			open, shut = "[-", "-]"
		}
		b.WriteString(open)
		switch {
		case n.Kind == Fold:
			fmt.Fprintf(&b, "(%s)", n.Text)
		case n.Kind == Break:
			b.WriteString("/")
		case len(n.Children) > 0:
			if n.Kind == Code {
				b.WriteString("`")
			}
			b.WriteString(inShort(n.Children))
			if n.Kind == Code {
				b.WriteString("`")
			}
		default:
			b.WriteString(n.Text)
		}
		b.WriteString(shut)
	}
	return b.String()
}

func TestCompare(t *testing.T) {
	for _, tt := range []struct{ name, old, new, want string }{
		{"a word", "Look at the log below.", "Look at this log below.", "Look at [-the-]{+this+} log below."},
		{"a sentence", "*Next*  Look at the log below.", "*Next*  Was any login accepted?", "Next  [-Look at the log below.-]{+Was any login accepted?+}"},
		{"a line between others", "a\nc", "a\n*Tries*  8\nc", "a/{+Tries+}{+  8+}{+/+}c"},
		{"within code", "From `192.0.2.1 x`", "From `192.0.2.2 x`", "From `[-192.0.2.1-]{+192.0.2.2+} x`"},
		{"code instead of words", "From a", "From `a`", "From [-a-]{+`a`+}"},
		{"another address of a link", "<https://a.example|x>", "<https://b.example|x>", "[-x-]{+x+}"},
		{"a mention more", "a", "a\n<!here>", "a{+/+}{+@here+}"},
		{"a block more", "a", "a\n```b```\nc", "a | {+b+} | {+c+}"},
		{"a block less", "a\n```b```\n> c", "> c", "[-a-] | [-b-] | c"},
		{"no island of signs", "a.b, c d", "x.y; z d", "[-a.b, c-]{+x.y; z+} d"},
		{"nothing", "a `b` *c*", "a `b` *c*", "a `b` c"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := diffOf(tt.old, tt.new); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestCompareBlocks(t *testing.T) {
	table := func(pairs ...string) Node {
		n := Node{Kind: Table}
		for i := 0; i < len(pairs); i += 2 {
			n.Children = append(n.Children, Node{Kind: Pair, Text: pairs[i], Children: Visible(pairs[i+1])})
		}
		return n
	}
	got := Compare(table("agent", "a b", "from", "1", "user", "x"), table("agent", "a c", "level", "7", "user", "x"))
	if got, want := inShort(got.Children), "a [-b-]{+c+} | [-1-] | {+7+} | x"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	bar := Compare(Node{Kind: Bar, Style: "#111111", Children: Mrkdwn("a")}, Node{Kind: Bar, Style: "#222222", Children: Mrkdwn("a")})
	if got, want := inShort([]Node{bar}), "a | {+the bar's colour was #111111+}"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := inShort([]Node{Compare(Node{Kind: Divider}, Node{Kind: Message, Children: Mrkdwn("a")})}), "[--] | {+a+}"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestCompareLongTextsByLine(t *testing.T) {
	var old []string
	for i := range 400 {
		old = append(old, fmt.Sprintf("line %d has some words of its own", i))
	}
	changed := append([]string{}, old...)
	changed[200] = "line 200 is another"
	n := Compare(Node{Kind: Pre, Children: Visible(strings.Join(old, "\n"))}, Node{Kind: Pre, Children: Visible(strings.Join(changed, "\n"))})
	want := "(197 unchanged lines)line 197 has some words of its own\nline 198 has some words of its own\nline 199 has some words of its own\n" +
		"[-line 200 has some words of its own\n-]{+line 200 is another\n+}" +
		"line 201 has some words of its own\nline 202 has some words of its own\nline 203 has some words of its own\n(196 unchanged lines)"
	if got := inShort(n.Children); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	checkCompare(t, Node{Kind: Pre, Children: Visible(strings.Join(old, "\n"))}, Node{Kind: Pre, Children: Visible(strings.Join(changed, "\n"))})
}

func TestCompareLines(t *testing.T) {
	if got, want := inShort(CompareLines("a\nb c\nd", "a\nb x\nd\ne")), "a\n[-b c\nd-]{+b x\nd\ne+}"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestCompareIsBounded: what has nothing in common is not compared for ever.
func TestCompareIsBounded(t *testing.T) {
	many := func(word string, n int) Node {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "%s%d ", word, i)
		}
		return Node{Kind: Pre, Children: Visible(b.String())}
	}
	blocks := func(word string, n int) Node {
		m := Node{Kind: Message}
		for i := range n {
			m.Children = append(m.Children, Node{Kind: Para, Children: Visible(fmt.Sprintf("%s %d", word, i))})
		}
		return m
	}
	for _, pair := range [][2]Node{
		{many("a", 1900), many("b", 1900)},
		{many("a", 20_000), many("b", 20_000)},
		{blocks("a", 600), blocks("b", 600)},
		{blocks("a", 5000), blocks("b", 5000)},
	} {
		checkCompare(t, pair[0], pair[1])
	}
	// It stops looking at maxEdits, where it takes all for changed.
	a, b := make([]int, 50_000), make([]int, 50_000)
	for i := range a {
		a[i], b[i] = i, -i
	}
	if got, want := fmt.Sprint(difference(a, b)), "[{1 49999 49999}]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	b[25_000] = a[25_000] // equal, and too far to be found
	if got, want := fmt.Sprint(difference(a, b)), "[{1 49999 49999}]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestCompareGoldens(t *testing.T) {
	all := goldens(t, "slack/testdata/*.json")
	for a, x := range all {
		for b, y := range all {
			old, _, err := Slack(x)
			if err != nil {
				t.Fatal(a, err)
			}
			new, _, err := Slack(y)
			if err != nil {
				t.Fatal(b, err)
			}
			checkCompare(t, old, new)
		}
	}
}

func BenchmarkSlack(b *testing.B) {
	body := goldens(b, "slack/testdata/*.json")["hostile.golden.json"]
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, _, err := Slack(body); err != nil {
			b.Fatal(err)
		}
	}
}

// webhookBody is as long as a webhook's document of an alert of 4 KB.
func webhookBody(b *testing.B) []byte {
	b.Helper()
	var list []json.RawMessage
	for _, g := range goldens(b, "*/testdata/*.json") {
		list = append(list, g)
	}
	body, err := json.Marshal(list)
	if err != nil {
		b.Fatal(err)
	}
	return body
}

func BenchmarkJSON(b *testing.B) {
	body := webhookBody(b)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		Indented(body)
	}
}

func BenchmarkCompare(b *testing.B) {
	body := goldens(b, "slack/testdata/*.json")["brute-force.golden.json"]
	old, _, _ := Slack(body)
	new, _, _ := Slack([]byte(strings.ReplaceAll(string(body), "Was any", "Did any")))
	for b.Loop() {
		Compare(old, new)
	}
}

// BenchmarkNeutraliseMany is a message of an alert that is nothing but tricks.
func BenchmarkNeutraliseMany(b *testing.B) {
	var tricks []Trick
	var text strings.Builder
	for i := range 20_000 {
		s := fmt.Sprintf("<!%d>", i)
		tricks = append(tricks, Trick{Shown: s, Was: s, Kind: "mention"})
		if i%10 == 0 && i < 4000 {
			text.WriteString(s + "\n")
		}
	}
	n := Node{Kind: Message, Children: []Node{{Kind: Pre, Children: Visible(text.String())}}}
	for b.Loop() {
		Neutralise(n, tricks)
	}
}

// BenchmarkTenReceivers is what one alert takes that goes to ten receivers and is compared with the save before.
func BenchmarkTenReceivers(b *testing.B) {
	slack := goldens(b, "slack/testdata/*.json")["hostile.golden.json"]
	page := goldens(b, "pagerduty/testdata/*.json")["hostile.golden.json"]
	body := webhookBody(b)
	tricks := Tricks("<!channel> <@U123> <https://evil.example/|click> `code` @everyone ```fence``` <script>alert(1)</script> \x07\x1b[31m \u202e {{.Exec}} ldap://x", "full_log")
	for b.Loop() {
		for range 4 {
			m, _, err := Slack(slack)
			if err != nil {
				b.Fatal(err)
			}
			m, _ = Neutralise(m, tricks)
			Compare(m, m)
		}
		for range 3 {
			m, _, err := PagerDuty(page)
			if err != nil {
				b.Fatal(err)
			}
			m, _ = Neutralise(m, tricks)
			Compare(m, m)
		}
		for range 3 {
			Web("POST", "https://example.com/hook", nil, body)
		}
	}
}
