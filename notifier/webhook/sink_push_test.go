package webhook_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// bytesOf is a text of 1 to most bytes.
func bytesOf(most int, s shape) shape {
	return func(v any) error {
		if text, ok := v.(string); ok && len(text) > most {
			return fmt.Errorf("%d bytes, want at most %d", len(text), most)
		}
		return s(v)
	}
}

// ntfySink is a server of ntfy that is asked with JSON; what is not known to its topic would become part of the message.
func ntfySink() sinkVendor {
	message := object(map[string]shape{
		"!topic": words(64, lacks("a sign", `[^-_A-Za-z0-9]`)), "title": bytesOf(250, words(250, unseen, lacks("the end of a line", `\n`), lacks("what a header's word begins with, and is decoded", `=\?`))),
		"!message": bytesOf(4095, words(4095, unseen)), "priority": whole(1, 5), "click": words(2000, ours),
		"actions": list(3, object(map[string]shape{"!action": exactly("view"), "!label": words(60, unseen), "!url": words(2000, ours)})),
	}) // no "markdown", no "tags": what an alert says could become an emoji
	return sinkVendor{
		name:     "ntfy",
		path:     "/",
		settings: map[string]string{"topic": "soc-alerts", "token": "tk_0123456789abcdefghijklmnopqrs"},
		secrets:  []string{"tk_0123456789abcdefghijklmnopqrs"},
		yes:      sinkAnswer{200, nil, `{"id":"sPs71M8A2T","time":1795440502,"expires":1795483702,"event":"message","topic":"soc-alerts","message":"x"}`},
		check: func(r sinkRequest) error {
			if r.Header.Get("Authorization") != "Bearer tk_0123456789abcdefghijklmnopqrs" {
				return refusal{errors.New("token"), sinkAnswer{401, nil, ntfyError(40101, 401, "unauthorized")}}
			}
			if len(r.body) >= 2*4096 { // of its message's limit
				return refusal{fmt.Errorf("%d bytes of JSON", len(r.body)), sinkAnswer{413, nil, ntfyError(41303, 413, "JSON body too large")}}
			}
			return jsonBody(r, 2*4096, message)
		},
		no: func(error) sinkAnswer {
			return sinkAnswer{400, nil, ntfyError(40017, 400, "invalid request: request body must be message JSON")}
		},
	}
}

func ntfyError(code, status int, message string) string {
	return fmt.Sprintf(`{"code":%d,"http":%d,"error":%q,"link":"https://ntfy.sh/docs/publish/"}`, code, status, message)
}

// gotifySink is a Gotify server.
func gotifySink() sinkVendor {
	message := object(map[string]shape{
		"!message": words(100_000, unseen), "title": words(250, unseen, lacks("the end of a line", `\n`)), "priority": whole(0, 10),
		"extras": object(map[string]shape{
			"client::display":      object(map[string]shape{"!contentType": exactly("text/plain")}),
			"client::notification": object(map[string]shape{"!click": object(map[string]shape{"!url": words(2000, ours)})}),
		}),
	})
	return sinkVendor{
		name:     "gotify",
		path:     "/message",
		settings: map[string]string{"token": "AbCdEf0123456.7"},
		secrets:  []string{"AbCdEf0123456.7"},
		yes:      sinkAnswer{200, nil, `{"id":25,"appid":5,"message":"x","title":"x","priority":5,"date":"2026-11-23T13:28:22Z"}`},
		check: func(r sinkRequest) error {
			if r.Header.Get("X-Gotify-Key") != "AbCdEf0123456.7" {
				return refusal{errors.New("token"), sinkAnswer{401, nil, gotifyError(401, "Unauthorized", "you need to provide a valid access token or user credentials to access this api")}}
			}
			return jsonBody(r, 1<<20, message)
		},
		no: func(error) sinkAnswer {
			return sinkAnswer{400, nil, gotifyError(400, "Bad Request", "Field 'message' is required")}
		},
	}
}

func gotifyError(status int, word, description string) string {
	return fmt.Sprintf(`{"error":%q,"errorCode":%d,"errorDescription":%q}`, word, status, description)
}

func TestNtfySink(t *testing.T) {
	text := func(s string) string { return `{"topic":"soc-alerts","message":"` + s + `"}` }
	header := map[string]string{"Content-Type": "application/json", "Authorization": "Bearer tk_0123456789abcdefghijklmnopqrs"}
	testSink(t, ntfySink(), header, []sinkCase{
		{name: "message", body: text("x\\ny")},
		{name: "the topic's address", path: "/soc-alerts", body: text("x"), why: "path"},
		{name: "other token", header: map[string]string{"Authorization": "Bearer tk_x"}, body: text("x"), why: "token"},
		{name: "markdown", body: strings.Replace(text("x"), "{", `{"markdown":true,`, 1), why: `unknown key "markdown"`},
		{name: "no topic", body: `{"message":"x"}`, why: `"topic" is missing`},
		{name: "odd topic", body: `{"topic":"a/b","message":"x"}`, why: "a sign"},
		{name: "header's word", body: strings.Replace(text("x"), "{", `{"title":"=?utf-8?q?x?=",`, 1), why: "is decoded"},
		{name: "priority", body: strings.Replace(text("x"), "{", `{"priority":6,`, 1), why: "no whole number"},
		{name: "priority as text", body: strings.Replace(text("x"), "{", `{"priority":"3",`, 1), why: "no whole number"},
		{name: "foreign click", body: strings.Replace(text("x"), "{", `{"click":"https://evil.example/",`, 1), why: "not the operator's"},
		{name: "8,191 bytes of JSON", body: text("x") + strings.Repeat(" ", 8191-len(text("x")))},
		{name: "8,192 bytes of JSON", body: text("x") + strings.Repeat(" ", 8192-len(text("x"))), why: "8192 bytes"},
		{name: "4,095 bytes", body: text("x" + strings.Repeat("ü", 2047))},
		{name: "4,096 bytes", body: text(strings.Repeat("ü", 2048)), why: "4096 bytes"},
	})
}

func TestGotifySink(t *testing.T) {
	header := map[string]string{"Content-Type": "application/json", "X-Gotify-Key": "AbCdEf0123456.7"}
	testSink(t, gotifySink(), header, []sinkCase{
		{name: "message", body: `{"message":"x","title":"y","priority":5}`},
		{name: "root", path: "/", body: `{"message":"x"}`, why: "path"},
		{name: "client's token", header: map[string]string{"X-Gotify-Key": "C0123456789.abc"}, body: `{"message":"x"}`, why: "token"},
		{name: "no message", body: `{"title":"y"}`, why: `"message" is missing`},
		{name: "markdown", body: `{"message":"x","extras":{"client::display":{"contentType":"text/markdown"}}}`, why: "text/markdown"},
		{name: "hidden character", body: `{"message":"a\u202eb"}`, why: "hidden character"},
		{name: "priority", body: `{"message":"x","priority":5.5}`, why: "no whole number"},
	})
}
