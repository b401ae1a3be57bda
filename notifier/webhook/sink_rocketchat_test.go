package webhook_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

var rocketMarkdown = chatMarkdown{
	everywhere: map[string]*regexp.Regexp{
		// Older servers look for mentions in code, too.
		"a mention": regexp.MustCompile(`@[0-9A-Za-z._-]`), "a channel": regexp.MustCompile(`#[0-9A-Za-z._-]`),
	},
	live: map[string]*regexp.Regexp{
		"a link": regexp.MustCompile(`\]\s*\(`), "a bare address": regexp.MustCompile(`(?i)[0-9a-z-]\.[a-z]{2,}(?:[/:\s]|$)|\b(?:https?|ftp)://`), "HTML": regexp.MustCompile(`<`),
		"emphasis": regexp.MustCompile(`_|~|\*\*`), "an emoji": emoji, "a list or a quotation": regexp.MustCompile(`(?m)^\s*(?:[>+-]|\d+\. )`),
	},
}

// rocketSink is an incoming integration of Rocket.Chat.
func rocketSink() sinkVendor {
	message := object(map[string]shape{
		"!text":      words(5000, unseen, rocketMarkdown.inert),
		"!parseUrls": exactly(false), // else the server fetches what an attacker wrote
		"channel":    words(64, lacks("neither a channel nor a person", `^[^#@]`)),
		"attachments": list(1, object(map[string]shape{
			"!color": words(7, lacks("no colour", `^[^#]|[^#0-9A-F]`)), "!text": words(5000, unseen, rocketMarkdown.inert),
		})),
	})
	return sinkVendor{
		name:     "rocketchat",
		path:     "/hooks/5f1a2b3c4d5e6f/abcDEF123-s3cr3t",
		address:  "/hooks/5f1a2b3c4d5e6f/abcDEF123-s3cr3t",
		settings: map[string]string{"channel": "#soc"},
		secrets:  []string{"abcDEF123-s3cr3t"},
		yes:      sinkAnswer{200, nil, `{"success":true}`},
		check:    func(r sinkRequest) error { return jsonBody(r, 100_000, message) },
		no: func(error) sinkAnswer { // 200, whatever it thinks of it
			return sinkAnswer{200, nil, `{"success":false,"error":"error-invalid-params"}`}
		},
	}
}

func TestRocketChatSink(t *testing.T) {
	text := func(s string) string { return fmt.Sprintf(`{"parseUrls":false,"text":"%s"}`, s) }
	testSink(t, rocketSink(), map[string]string{"Content-Type": "application/json"}, []sinkCase{
		{name: "text", body: text("*MEDIUM:* `a@\u200ball _x_ 192.0.2.1 evil.example` [Open alert](https://wazuh.example.com/1)")},
		{name: "other integration", path: "/hooks/none/none", body: text("x"), why: "path"},
		{name: "unknown key", body: `{"text":"x","parseUrls":false,"blocks":[]}`, why: `unknown key "blocks"`},
		{name: "previews", body: `{"text":"x"}`, why: `"parseUrls" is missing`},
		{name: "mention", body: text("@all"), why: "a mention"},
		{name: "mention in code", body: text("`@all`"), why: "a mention"},
		{name: "channel in a fence", body: text("```\\n#soc\\n```"), why: "a channel"},
		{name: "link", body: text("[x](y)"), why: "a link"},
		{name: "foreign link", body: text("[x](https://evil.example/)"), why: "not the operator's"},
		{name: "bare address", body: text("see evil.example/x"), why: "a bare address"},
		{name: "end of code", body: text("`a` `"), why: "opens nothing"},
		{name: "emphasis", body: text("a _b_"), why: "emphasis"},
		{name: "5,000 characters", body: text(strings.Repeat("ü", 5000))},
		{name: "5,001 characters", body: text(strings.Repeat("ü", 5001)), why: "5001 characters"},
	})
}
