package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/draw"
)

// TestDrawnMessagesSayWhatIsSent holds the drawing of every alert of the corpus to the request that is drawn: all of its text,
// and nothing else.
func TestDrawnMessagesSayWhatIsSent(t *testing.T) {
	t.Parallel()
	p := injectionPreviewer(t)
	drawn := map[string]int{}
	corpus(t, func(t *testing.T, a *alert.Alert) {
		deliveries, err := p.PlanReceivers(a, "chat", "chat-bot", "page", "siem", "hook", "mail")
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range deliveries {
			shown, _, err := p.Show(t.Context(), x)
			if err != nil {
				t.Fatal(x.Receiver.Name, err)
			}
			drawn[x.Receiver.Name]++
			if x.Receiver.Name == "mail" {
				checkDrawnMail(t, shown.Message)
				continue
			}
			body := sentText((*shown.Requests)[0].Body)
			switch x.Receiver.Name {
			case "chat", "chat-bot":
				checkDrawnSlack(t, body)
			case "page":
				checkDrawnPage(t, body)
			case "siem":
				event, err := draw.Event([]byte(body))
				if err != nil {
					t.Error(err)
				}
				checkDrawnTexts(t, decoded(json.RawMessage(body)), event)
			case "hook":
				if got := draw.TextOf(draw.Node{Kind: draw.Pre, Children: draw.JSON([]byte(body))}); got != body {
					t.Errorf("the body is %.300q, want %.300q", got, body)
				}
			}
		}
	})
	if len(drawn) != 6 || drawn["chat"] < 90 {
		t.Errorf("drawn: %v", drawn)
	}
}

func sentText(body any) string {
	if raw, ok := body.(json.RawMessage); ok {
		return string(raw)
	}
	return fmt.Sprint(body)
}

var (
	anyLink = regexp.MustCompile(`<[^|<>\n]*\|([^<>\n]*)>`)
	// What marks a text up. Of some of them an alert's log may have one of its own, so both sides go without.
	noMarks = strings.NewReplacer("`", "", "*", "")
)

// checkDrawnSlack: the blocks' texts in their order, and the text for phones.
func checkDrawnSlack(t *testing.T, body string) {
	t.Helper()
	m, phone, err := draw.Slack([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	read := func(s string) string {
		return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(anyLink.ReplaceAllString(s, "$1"))
	}
	message := slackMessage(t, decodedBody(body))
	var want []string
	texts := func(blocks any) {
		list, _ := blocks.([]any)
		for _, b := range list {
			elements, _ := lookup(b, "elements").([]any)
			for _, e := range append(elements, lookup(b, "text")) {
				if s, ok := lookup(e, "text").(string); ok {
					want = append(want, noMarks.Replace(read(s)))
				}
			}
		}
	}
	texts(message["blocks"])
	attachments, _ := message["attachments"].([]any)
	for _, a := range attachments {
		texts(lookup(a, "blocks"))
	}
	if diff := cmp.Diff(strings.Join(want, "\n"), noMarks.Replace(draw.TextOf(m))); diff != "" {
		t.Errorf("Slack (-request +drawn):\n%s", diff)
	}
	if got, want := draw.TextOf(phone), read(fmt.Sprint(message["text"])); got != want {
		t.Errorf("the phone shows %q, want %q", got, want)
	}
	if drawnKinds(m)[draw.Labeled] > 0 {
		t.Errorf("a part of the message is not known:\n%s", body)
	}
}

// decodedBody is JSON, decoded, or the text.
func decodedBody(body string) any {
	if json.Valid([]byte(body)) {
		return decoded(json.RawMessage(body))
	}
	return body
}

// checkDrawnPage: the details one by one, the title, and the push.
func checkDrawnPage(t *testing.T, body string) {
	t.Helper()
	incident, phone, err := draw.PagerDuty([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	event := decoded(json.RawMessage(body))
	rows := map[string]string{}
	eachNode(incident, func(n draw.Node) {
		if n.Kind == draw.Pair {
			rows[n.Text] = draw.TextOf(draw.Node{Kind: draw.Group, Children: n.Children})
		}
	})
	details, _ := lookup(event, "payload", "custom_details").(map[string]any)
	for k, v := range details {
		if got, want := rows[k], strings.ReplaceAll(fmt.Sprint(v), "\r\n", "\n"); got != want {
			t.Errorf("%s is %q, want %q", k, got, want)
		}
	}
	if got, want := draw.TextOf(phone), fmt.Sprint(lookup(event, "payload", "summary")); got != want {
		t.Errorf("the phone shows %q, want %q", got, want)
	}
	checkDrawnTexts(t, lookup(event, "payload"), incident)
	if drawnKinds(incident)[draw.Labeled] > 0 {
		t.Errorf("a part of the event is not known:\n%s", body)
	}
}

// checkDrawnTexts: every text of a JSON value is in the tree, as itself or as a string of JSON.
func checkDrawnTexts(t *testing.T, v any, tree draw.Node) {
	t.Helper()
	var all strings.Builder
	eachNode(tree, func(n draw.Node) { // the text of each node with its parts, and each label
		all.WriteString(n.Text + "\n" + draw.TextOf(n) + "\n")
		spelled := "" // a string, with the boxes in it
		for _, c := range append(slices.Clone(n.Children), draw.Node{}) {
			if c.Kind == draw.Run && c.Style == "string" || c.Kind == draw.Box || c.Kind == draw.Redact {
				spelled += draw.TextOf(c)
				continue
			}
			var s string
			if json.Unmarshal([]byte(spelled), &s) == nil {
				all.WriteString(s + "\n")
			}
			spelled = ""
		}
	})
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			if !strings.Contains(all.String(), v) && !strings.Contains(all.String(), strings.ReplaceAll(v, "\r\n", "\n")) {
				t.Errorf("%q is not drawn", v)
			}
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			for _, k := range slices.Sorted(maps.Keys(v)) {
				walk(k)
				if k != "custom_details" { // looked at one by one
					walk(v[k])
				}
			}
		}
	}
	object, _ := v.(map[string]any)
	for _, v := range object {
		walk(v)
	}
}

// checkDrawnMail: the text, and the parts that each view has.
func checkDrawnMail(t *testing.T, message string) {
	t.Helper()
	l, err := draw.Mail([]byte(message))
	if err != nil {
		t.Fatal(err)
	}
	sent := readMail(t, message)
	for _, part := range sent.parts {
		switch part.kind {
		case "text/plain":
			if got, want := draw.TextOf(l.Text), strings.ReplaceAll(part.text, "\r\n", "\n"); got != want {
				t.Errorf("the text is %q, want %q", got, want)
			}
		case "text/html":
			if l.HTML != part.text {
				t.Errorf("the HTML is %.300q, want %.300q", l.HTML, part.text)
			}
		}
	}
	if l.Remote > 0 || l.Active > 0 || len(l.Attached) > 0 {
		t.Errorf("%d remote, %d active, attached %q", l.Remote, l.Active, l.Attached)
	}
}

func eachNode(n draw.Node, f func(draw.Node)) {
	f(n)
	for _, c := range n.Children {
		eachNode(c, f)
	}
}

func drawnKinds(n draw.Node) map[draw.Kind]int {
	kinds := map[draw.Kind]int{}
	eachNode(n, func(n draw.Node) { kinds[n.Kind]++ })
	return kinds
}
