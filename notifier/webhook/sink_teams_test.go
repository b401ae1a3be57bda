package webhook_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// teamsSink is a workflow of Teams that posts cards, and the Teams behind it: the workflow would say 202 to a card that
// Teams then drops, so the sink is both at once.
func teamsSink() sinkVendor {
	run := object(map[string]shape{
		"!type": exactly("TextRun"), "!text": words(10_000, unseen, lacks("a link", `\]\(`), lacks("a placeholder", `\{\{`)),
		"weight": exactly("Default", "Lighter", "Bolder"), "size": exactly("Small", "Default", "Medium", "Large", "ExtraLarge"),
		"color":    exactly("Default", "Dark", "Light", "Accent", "Good", "Warning", "Attention"),
		"fontType": exactly("Default", "Monospace"), "isSubtle": exactly(true, false),
	})
	spacing := exactly("None", "Small", "Default", "Medium", "Large", "ExtraLarge", "Padding")
	rich := object(map[string]shape{"!type": exactly("RichTextBlock"), "!inlines": list(10, run), "spacing": spacing})
	container := object(map[string]shape{
		"!type": exactly("Container"), "!items": list(60, rich), "spacing": spacing, "style": exactly("default", "emphasis"),
	})
	element := func(v any) error {
		m, _ := v.(map[string]any)
		switch m["type"] {
		case "RichTextBlock":
			return rich(v)
		case "Container":
			return container(v)
		}
		return fmt.Errorf("element %v: text of alerts may stand in RichTextBlock alone", m["type"])
	}
	card := object(map[string]shape{
		"!type": exactly("AdaptiveCard"), "!version": exactly("1.2", "1.3", "1.4", "1.5"),
		"!$schema": exactly("http://adaptivecards.io/schemas/adaptive-card.json"),
		"msteams":  object(map[string]shape{"!width": exactly("Full")}), // no entities: they make mentions
		"!body":    list(60, element),
		"actions": list(6, object(map[string]shape{
			"!type": exactly("Action.OpenUrl"), "!title": words(60, unseen), "!url": words(2000, ours),
		})),
	})
	message := object(map[string]shape{
		"!type": exactly("message"),
		"!attachments": list(1, object(map[string]shape{
			"!contentType": exactly("application/vnd.microsoft.card.adaptive"), "contentUrl": exactly(nil), "!content": card,
		})),
	})
	return sinkVendor{
		name:    "teams",
		path:    "/workflows/0123456789abcdef/triggers/manual/paths/invoke",
		query:   url.Values{"api-version": {"2016-06-01"}, "sp": {"/triggers/manual/run"}, "sv": {"1.0"}, "sig": {"s1gn4ture-0f-the-flow"}},
		address: "/workflows/0123456789abcdef/triggers/manual/paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=s1gn4ture-0f-the-flow",
		secrets: []string{"s1gn4ture-0f-the-flow"},
		yes:     sinkAnswer{202, nil, ""},
		check: func(r sinkRequest) error {
			if r.URL.Query().Get("sig") != "s1gn4ture-0f-the-flow" {
				return refusal{errors.New("signature"), sinkAnswer{401, nil, teamsError("AuthorizationFailed", "The authentication credentials are not valid.")}}
			}
			return jsonBody(r, 20_000, message)
		},
		no: func(error) sinkAnswer {
			return sinkAnswer{400, nil, teamsError("TriggerInputSchemaMismatch", "The input body for trigger 'manual' of type 'Request' did not match its schema definition.")}
		},
	}
}

func teamsError(code, message string) string {
	return fmt.Sprintf(`{"error":{"code":%q,"message":%q}}`, code, message)
}

func TestTeamsSink(t *testing.T) {
	card := func(body string) string {
		return `{"type":"message","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","contentUrl":null,"content":{"$schema":"http://adaptivecards.io/schemas/adaptive-card.json","type":"AdaptiveCard","version":"1.4",` + body + `}}]}`
	}
	run := func(text string) string {
		return `"body":[{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"` + text + `"}]}]`
	}
	testSink(t, teamsSink(), map[string]string{"Content-Type": "application/json"}, []sinkCase{
		{name: "card", body: card(run("x"))},
		{name: "other flow", path: "/workflows/none/triggers/manual/paths/invoke", body: card(run("x")), why: "path"},
		{name: "no signature", path: "/workflows/0123456789abcdef/triggers/manual/paths/invoke?sig=x", body: card(run("x")), why: "signature"},
		{name: "PUT", method: "PUT", body: card(run("x")), why: "method"},
		{name: "text", header: map[string]string{"Content-Type": "text/plain"}, body: card(run("x")), why: "content type"},
		{name: "no JSON", body: `{"type":`, why: "unexpected end"},
		{name: "former card", body: `{"@type":"MessageCard","text":"x"}`, why: `unknown key "@type"`},
		{name: "text that has Markdown", body: card(`"body":[{"type":"TextBlock","text":"x"}]`), why: "RichTextBlock alone"},
		{name: "mention", body: card(run("<at>x</at>") + `,"msteams":{"width":"Full","entities":[]}`), why: `unknown key "entities"`},
		{name: "link", body: card(run("[x](y)")), why: "a link"},
		{name: "empty run", body: card(run("")), why: "0 characters"},
		{name: "empty body", body: card(`"body":[]`), why: "0 elements"},
		{name: "hidden character", body: card(run(`\u202e`)), why: "hidden character"},
		{name: "foreign action", body: card(run("x") + `,"actions":[{"type":"Action.OpenUrl","title":"x","url":"https://evil.example/"}]`), why: "not the operator's"},
		{name: "20,000 bytes", body: card(run("x")) + strings.Repeat(" ", 20_000-len(card(run("x"))))},
		{name: "20,001 bytes", body: card(run("x")) + strings.Repeat(" ", 20_001-len(card(run("x")))), why: "20001 bytes"},
		{name: "key twice", body: card(run("x") + `,"version":"1.4"`), why: `key "version" twice`},
	})
}
