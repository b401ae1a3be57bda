package webhook_test

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

var zulipMarkdown = chatMarkdown{live: map[string]*regexp.Regexp{
	"a mention": regexp.MustCompile(`@_?\*`), "a channel": regexp.MustCompile(`#\*\*`), "a link": regexp.MustCompile(`\]\s*\(`),
	"a bare address": regexp.MustCompile(`(?i)[0-9a-z-]\.[a-z]{2,}(?:[/:\s]|$)|\b(?:https?|ftp)://`), "a time": regexp.MustCompile(`<time:`),
	"mathematics": regexp.MustCompile(`\$\$`), "emphasis": regexp.MustCompile(`(?:^|[^*])\*(?:[^*]|$)|\*{3}|~~`), "an entity": regexp.MustCompile(`&`),
	"a list, a quotation or a table": regexp.MustCompile(`(?m)^\s*(?:[>#+|-]|\d+\. )`), "a command": regexp.MustCompile(`^\s*/`),
	"a backslash, behind which code does not begin,": regexp.MustCompile(`\\+■`), "an emoji": emoji,
}}

// zulipSink is an organisation of Zulip.
func zulipSink() sinkVendor {
	return sinkVendor{
		name:     "zulip",
		path:     "/api/v1/messages",
		settings: map[string]string{"email": "ossec-bot@chat.example.com", "token": "z0lip-api-k3y-of-bot", "channel": "soc"},
		secrets:  []string{"z0lip-api-k3y-of-bot", "b3NzZWMtYm90QGNoYXQuZXhhbXBsZS5jb206ejBsaXAtYXBpLWszeS1vZi1ib3Q="},
		yes:      sinkAnswer{200, nil, `{"id":42,"msg":"","result":"success","automatic_new_visibility_policy":2}`},
		check: func(r sinkRequest) error {
			if user, key, _ := r.BasicAuth(); user != "ossec-bot@chat.example.com" || key != "z0lip-api-k3y-of-bot" {
				return refusal{errors.New("bot and key"), sinkAnswer{401, nil, zulipError("INVALID_API_KEY", "Invalid API key")}}
			}
			if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind != "application/x-www-form-urlencoded" {
				return fmt.Errorf("content type %q", r.Header.Get("Content-Type"))
			}
			form, err := url.ParseQuery(string(r.body))
			if err != nil {
				return err
			}
			message := map[string]any{}
			for name, values := range form {
				if len(values) != 1 {
					return fmt.Errorf("key %q %d times", name, len(values))
				}
				message[name] = values[0]
			}
			return object(map[string]shape{
				"!type": exactly("stream", "channel"), "!to": exactly("soc"),
				"!topic":   words(60, unseen, lacks("the end of a line", `\n`)),
				"!content": words(10_000, unseen, zulipMarkdown.inert),
			})(message)
		},
		no: func(why error) sinkAnswer { return sinkAnswer{400, nil, zulipError("BAD_REQUEST", "Invalid request")} },
	}
}

func zulipError(code, message string) string {
	return fmt.Sprintf(`{"code":%q,"msg":%q,"result":"error"}`, code, message)
}

func TestZulipSink(t *testing.T) {
	message := func(topic, content string) string {
		return url.Values{"type": {"stream"}, "to": {"soc"}, "topic": {topic}, "content": {content}}.Encode()
	}
	header := map[string]string{
		"Content-Type":  "application/x-www-form-urlencoded",
		"Authorization": "Basic b3NzZWMtYm90QGNoYXQuZXhhbXBsZS5jb206ejBsaXAtYXBpLWszeS1vZi1ib3Q=",
	}
	testSink(t, zulipSink(), header, []sinkCase{
		{name: "message", body: message("x @**all**", "**MEDIUM:** `@**all** $$x$$ evil.example` [Open alert](https://wazuh.example.com/1)\n```text\n@**all**\n```\n`x`")},
		{name: "other key", header: map[string]string{"Authorization": "Basic b3NzZWM6eA=="}, body: message("x", "y"), why: "bot and key"},
		{name: "JSON", header: map[string]string{"Content-Type": "application/json"}, body: `{}`, why: "content type"},
		{name: "no topic", body: "type=stream&to=soc&content=x", why: `"topic" is missing`},
		{name: "unknown key", body: message("x", "y") + "&subject=x", why: `unknown key "subject"`},
		{name: "key twice", body: message("x", "y") + "&to=all", why: `"to" 2 times`},
		{name: "mention", body: message("x", "@**all**"), why: "a mention"},
		{name: "group", body: message("x", "@*soc*"), why: "a mention"},
		{name: "link", body: message("x", "[a](b)"), why: "a link"},
		{name: "bare address", body: message("x", "evil.example/x"), why: "a bare address"},
		{name: "command", body: message("x", "/poll x"), why: "a command"},
		{name: "mathematics", body: message("x", "a $$b$$"), why: "mathematics"},
		{name: "no code behind a backslash", body: message("x", "a \\`@**all**`"), why: "a backslash"},
		{name: "end of code", body: message("x", "`a` @**all** `b"), why: "a backtick that opens nothing"},
		{name: "two lines of topic", body: message("x\ny", "z"), why: "the end of a line"},
		{name: "topic of 60", body: message(strings.Repeat("ü", 60), "y")},
		{name: "topic of 61", body: message(strings.Repeat("ü", 61), "y"), why: "61 characters"},
		{name: "content of 10,000", body: message("x", strings.Repeat("ü", 10_000))},
		{name: "content of 10,001", body: message("x", strings.Repeat("ü", 10_001)), why: "10001 characters"},
	})
}
