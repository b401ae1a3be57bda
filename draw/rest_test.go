package draw

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestWithRest(t *testing.T) {
	var all []string
	for i := range 40 {
		all = append(all, fmt.Sprintf("line %d of ``` http://h.example/\x1b", i))
	}
	whole := strings.Join(all, "\r\n")
	shown := strings.ReplaceAll(strings.Join(all[:12], "\n"), "\x1b", `\x1b`)
	shown = strings.ReplaceAll(shown, "http://h.example", "hxxp://h[.]example")
	draw := func(text string) Node {
		body, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		m, _, err := Slack([]byte(`{"blocks":[{"type":"section","text":{"type":"mrkdwn","text":` + string(body) + `}}]}`))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	inFence := func(s string) string { return "```" + strings.ReplaceAll(s, "```", "ˋˋˋ") + "```" }
	for _, tt := range []struct{ name, text, begins, ends string }{
		{"by lines", inFence(shown) + "\n… 12 of 40 lines", "line 12 of ``` hxxp://h[.]example/\\x1b\n", "line 39 of ``` hxxp://h[.]example/\\x1b"},
		{"within a line", inFence("line 0 of ``…") + "\n… 13 of 1,500 characters", "` hxxp://", "example/\\x1b"},
		{"without an alert's text before it", inFence("another") + "\n… 12 of 40 lines", "", ""},
		{"with nothing before it", "… 12 of 40 lines", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := draw(tt.text)
			filled := WithRest(m, "", "unlike", whole)
			cut := find(filled, Cut)
			rest := TextOf(Node{Kind: Group, Children: cut.Children})
			if cut.Text == "" || !strings.HasPrefix(rest, tt.begins) || !strings.HasSuffix(rest, tt.ends) || tt.begins == "" && rest != "" {
				t.Errorf("the cut %q holds %q", cut.Text, rest)
			}
			if got, want := TextOf(filled), TextOf(m); got != want {
				t.Errorf("it says %q, want %q", got, want)
			}
		})
	}
	e, _, err := PagerDuty([]byte(`{"payload":{"custom_details":{"log":"1\n2\n3\n4\n5\n6\n… 6 of 9 lines","from":"x\n… 1 of 2 lines"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	var cuts []string
	each(WithRest(e, "1\n2\n3\n4\n5\n6\n7\n8\n9\n"), func(n Node) {
		if n.Kind == Cut {
			cuts = append(cuts, outline(n))
		}
	})
	if got, want := strings.Join(cuts, " "), `cut "1 line cut here" cut "3 lines cut here"[pre["7\n8\n9"]]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
