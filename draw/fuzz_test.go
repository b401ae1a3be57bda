package draw

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/ossec-notify/ossec-notify/testdata/injection"
)

// seeds are texts that others have come to grief over.
func seeds(f *testing.F) []string {
	f.Helper()
	out := []string{"", "*a* _b_ ~c~ `d` ```e```", "> q\n&gt; r\n>>> s", "<!here> <@U1|a> <#C1> <https://a.example|b> <!date^1^{date}|c>", "a\r\nb\u202e\x1b\xff [redacted] …",
		`{"a":[1,{"b":null}],"c":"\u202e\"","d":-1e5} x`, strings.Repeat("[", 200), "… 12 of 40 lines"}
	for _, p := range injection.All() {
		if !p.Large {
			out = append(out, p.Text)
		}
	}
	return out
}

func FuzzVisible(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n := line(Visible(s))
		if got := TextOf(n); got != s {
			t.Errorf("got %q, want %q", got, s)
		}
		checkTree(t, n, len(s))
	})
}

func FuzzJSON(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	for _, b := range goldens(f, "*/testdata/*.json") {
		f.Add(string(b))
	}
	f.Fuzz(func(t *testing.T, s string) {
		n := line(JSON([]byte(s)))
		if got := TextOf(n); got != s {
			t.Errorf("got %q, want %q", got, s)
		}
		checkTree(t, n, len(s))
		set := TextOf(line(Indented([]byte(s))))
		a, b := scanner{in: s}, scanner{in: set}
		for {
			x, y := a.piece(), b.piece()
			if x != y {
				t.Fatalf("set out, %q is %q", x, y)
			}
			if x == "" {
				break
			}
		}
		if json.Valid([]byte(s)) != json.Valid([]byte(set)) {
			t.Errorf("set out, it is valid or not: %q", set)
		}
	})
}

func FuzzMrkdwn(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n := Node{Kind: Group, Children: Mrkdwn(s)}
		checkTree(t, n, len(s))
		body, _ := json.Marshal(s)
		checkNoLoss(t, body, nil, n)
		checkTree(t, Node{Kind: Group, Children: folded(cuts(n.Children))}, len(s))
		if got, want := TextOf(Node{Kind: Group, Children: folded(cuts(n.Children))}), TextOf(n); got != want {
			t.Errorf("folded, it says %q, want %q", got, want)
		}
	})
}

// unseenInSlack are the keys whose values nobody sees.
var unseenInSlack = []string{"type", "block_id", "action_id", "verbatim", "emoji", "expand", "metadata", "unfurl_links", "unfurl_media", "mrkdwn", "parse", "link_names", "as_user",
	"token", "response_type", "replace_original", "delete_original", "reply_broadcast", "color", "mrkdwn_in", "short", "fallback", "style", "indent", "offset", "border", "unicode"}

func FuzzSlack(f *testing.F) {
	for _, b := range goldens(f, "slack/testdata/*.json") {
		f.Add(b)
	}
	f.Add([]byte(richMessage))
	f.Add([]byte(oldMessage))
	f.Add([]byte("channel=C1&blocks=%5B%7B%22type%22%3A%22divider%22%7D%5D&text=a%20b&a&%zz"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, phone, err := Slack(b)
		checkTree(t, m, len(b))
		checkAnyTree(t, phone, len(b))
		if err == nil {
			checkNoLoss(t, b, unseenInSlack, m, phone)
		} else if got := TextOf(m); got != string(b) {
			t.Errorf("what cannot be read is %q, want %q", got, b)
		}
	})
}

// checkAnyTree is checkTree of what may be nothing.
func checkAnyTree(t *testing.T, n Node, size int) {
	t.Helper()
	if n.Kind != "" {
		checkTree(t, n, size)
	}
}

func FuzzPagerDuty(f *testing.F) {
	for _, b := range goldens(f, "pagerduty/testdata/*.json") {
		f.Add(b)
	}
	f.Add([]byte(`{"event_action":"resolve","dedup_key":"a","links":[3],"images":[{"src":"https://a.example"}],"payload":{"custom_details":{"a":[1],"log":"1\n2\n3\n4\n5\n6\n… 6 of 9 lines"}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, phone, err := PagerDuty(b)
		checkTree(t, m, len(b))
		checkAnyTree(t, phone, len(b))
		if err == nil {
			checkNoLoss(t, b, []string{"routing_key", "event_action"}, m, phone)
		}
	})
}

func FuzzEvent(f *testing.F) {
	for _, b := range goldens(f, "splunk/testdata/*.json") {
		f.Add(b)
	}
	f.Add([]byte(strings.Repeat("\n\xf1", 100)))
	f.Add([]byte(`{"time":"1.5","event":{"a":[1,{"b":"x"}],"c":{}},"fields":3}{"event":"text"} {"event":[1]}{`))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := Event(b)
		checkTree(t, n, len(b))
		if err == nil {
			checkNoLoss(t, b, []string{"time"}, n)
		}
		lines, _ := EventLines(url.Values{"host": {string(b)}}, b)
		checkTree(t, lines, len(b)+min(bytes.Count(b, []byte("\n"))+1, maxEvents)*len(b)) // each line says its host
	})
}

func FuzzMail(f *testing.F) {
	for _, b := range goldens(f, "email/testdata/*.eml") {
		f.Add(b)
	}
	f.Add([]byte(pictureMail))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := Mail(b)
		if l == nil {
			t.Fatal(err)
		}
		for _, n := range []Node{l.Source, l.Headers, l.More, l.Text} {
			checkAnyTree(t, n, len(b))
		}
		if got, want := TextOf(l.Source), strings.ReplaceAll(string(b), "\r\n", "\n"); got != want {
			t.Errorf("the source is %q, want %q", got, want)
		}
	})
}

func FuzzCompare(f *testing.F) {
	all := seeds(f)
	for i, s := range all {
		f.Add(s, all[(i+1)%len(all)])
		f.Add(s, strings.ReplaceAll(s, "a", "b c"))
	}
	f.Add("*From* `192.0.2.1`\n*Next* Look.\n```a\nb```", "*From* `192.0.2.2`\n*Next* Look there.\n```a\nc\nb```")
	f.Fuzz(func(t *testing.T, a, b string) {
		checkCompare(t, Node{Kind: Message, Children: Mrkdwn(a)}, Node{Kind: Message, Children: folded(Mrkdwn(b))})
		checkCompare(t, Web("POST", "https://a.example", nil, []byte(a)), Web("POST", "https://b.example", [][2]string{{"A", b}}, []byte(b)))
		got := Node{Kind: Pre, Children: CompareLines(a, b)}
		if text := TextOf(without(got, "+")); text != a {
			t.Errorf("without what was added: %q, want %q", text, a)
		}
		if text := TextOf(without(got, "-")); text != b {
			t.Errorf("without what is gone: %q, want %q", text, b)
		}
	})
}

func FuzzNeutralise(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s, "*a* `"+s+"` b")
	}
	f.Fuzz(func(t *testing.T, raw, message string) {
		n := Node{Kind: Message, Children: Mrkdwn(message)}
		marked, count := Neutralise(n, Tricks(raw, "full_log"))
		if got, want := TextOf(marked), TextOf(n); got != want {
			t.Errorf("marked, it says %q, want %q", got, want)
		}
		marks := 0
		each(marked, func(n Node) {
			if n.Kind == Mark {
				marks++
			}
		})
		if marks < count {
			t.Errorf("%d marks, counted %d", marks, count)
		}
		checkTree(t, marked, 4*len(message))
	})
}
