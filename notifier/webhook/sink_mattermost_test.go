package webhook_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

var mattermostMarkdown = chatMarkdown{
	escapes: true,
	everywhere: map[string]*regexp.Regexp{
		"Slack's link, which the server rewrites wherever it stands,": regexp.MustCompile(`<[^<|]+\|[^>]+>`),
		"Slack's mention": regexp.MustCompile(`<[!@#]`),
	},
	live: map[string]*regexp.Regexp{
		"a mention": regexp.MustCompile(`@[A-Za-z0-9._-]`), "HTML": regexp.MustCompile(`<`), "a link": regexp.MustCompile(`\]\s*[\[(:]`),
		"a bare address": regexp.MustCompile(`(?i)\bwww\.|\b(?:https?|ftp)://`), "emphasis": regexp.MustCompile(`(?:^|[^*])\*(?:[^*]|$)|_|~~`),
		"a table or a list": regexp.MustCompile(`(?m)^\s*(?:[|>#+-]|=+$|\d+[.)] )`), "a channel": regexp.MustCompile(`(?:^|\s)~[a-z]`),
	},
}

// mattermostSink is an incoming webhook of Mattermost.
func mattermostSink() sinkVendor {
	bold := func(s string) error { // what is bold is closed in its line
		for _, line := range strings.Split(s, "\n") {
			if text, _ := mattermostMarkdown.words(line); strings.Count(text, "**")%2 != 0 {
				return fmt.Errorf("bold text is not closed in %q", line)
			}
		}
		return nil
	}
	message := object(map[string]shape{
		"!text":   words(16_383, unseen, mattermostMarkdown.inert, bold), // longer is split
		"channel": words(64, lacks("capitals", `[A-Z #]`)), "username": words(64),
		"attachments": list(1, object(map[string]shape{
			"!fallback": words(16_383, unseen), "!color": words(7, lacks("no colour", `^[^#]|[^#0-9A-F]`)),
			"!text": words(16_383, unseen, mattermostMarkdown.inert),
		})),
	})
	return sinkVendor{
		name:     "mattermost",
		path:     "/hooks/xxx1yyy2zzz3-s3cr3t",
		address:  "/hooks/xxx1yyy2zzz3-s3cr3t",
		settings: map[string]string{"channel": "soc", "username": "ossec"},
		secrets:  []string{"xxx1yyy2zzz3-s3cr3t"},
		yes:      sinkAnswer{200, map[string]string{"Content-Type": "text/plain"}, "ok"},
		check:    func(r sinkRequest) error { return jsonBody(r, 800_000, message) },
		no: func(error) sinkAnswer {
			return sinkAnswer{400, nil, mattermostError(400, "web.incoming_webhook.parse.app_error", "Unable to parse incoming data.")}
		},
	}
}

func mattermostError(status int, id, message string) string {
	return fmt.Sprintf(`{"id":%q,"message":%q,"detailed_error":"","request_id":"3bxwn99zx7dfxdjy5xkoh5xnmo","status_code":%d}`, id, message, status)
}

func TestMattermostSink(t *testing.T) {
	text := func(s string) string { return `{"text":"` + s + `"}` }
	testSink(t, mattermostSink(), map[string]string{"Content-Type": "application/json"}, []sinkCase{
		{name: "text", body: text("**MEDIUM**: a\\\\*b\\\\* `@all <x>` [Open alert](https://wazuh.example.com/1)\\n```text\\n@all\\n```\\n`x`")},
		{name: "other hook", path: "/hooks/none", body: text("x"), why: "path"},
		{name: "form", header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, body: "payload=%7B%7D", why: "content type"},
		{name: "unknown key", body: `{"text":"x","blocks":[]}`, why: `unknown key "blocks"`},
		{name: "empty", body: text(""), why: "0 characters"},
		{name: "mention", body: text("x @all"), why: "a mention"},
		{name: "escaped mention", body: text("\\\\@all"), why: "a mention"},
		{name: "Slack's mention in code", body: text("`<!channel>`"), why: "Slack's mention"},
		{name: "Slack's link over two spans", body: text("`<a` and `|b>`"), why: "Slack's link"},
		{name: "link", body: text("[Open alert](https://evil.example/)"), why: "not the operator's"},
		{name: "image", body: text("![x](//evil.example)"), why: "a link"},
		{name: "bare address", body: text("see www.evil.example"), why: "a bare address"},
		{name: "end of code", body: text("`a` b`"), why: "a backtick that opens nothing"},
		{name: "code of two lines", body: text("`a\\nb`"), why: "over the end of a line"},
		{name: "end of a fence", body: text("```\\nx\\n```\\n@all\\n```\\nx\\n```"), why: "a mention"},
		{name: "line that begins as the fence", body: text("```\\n```x\\n```"), why: "begins with the fence"},
		{name: "open fence", body: text("```\\nx"), why: "is not closed"},
		{name: "emphasis", body: text("a *b* c"), why: "emphasis"},
		{name: "heading", body: text("x\\n# y"), why: "a table or a list"},
		{name: "open bold", body: text("**x"), why: "bold text"},
		{name: "16,383 characters", body: text(strings.Repeat("ü", 16_383))},
		{name: "16,384 characters", body: text(strings.Repeat("ü", 16_384)), why: "16384 characters"},
	})
}
