package webhook

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/family"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/notifiertest"
	"github.com/ossec-notify/ossec-notify/templates"
	"github.com/ossec-notify/ossec-notify/templates/presets"
)

// deskPreset has what few vendors need.
const deskPreset = `name: desk
title: Desk
about: A ticket.
checked: 2026-11-23
idempotent: true
settings:
  url: {required: true, help: "the server", example: "https://desk.example.com"}
  user: {required: true, help: "the user", example: "bot"}
  token: {required: true, secret: true, help: "the token", example: "s3cr3t"}
  queue: {default: "a/b", help: "the queue"}
  extra: {help: "a header"}
request:
  method: PUT
  url: "{url}/q/{queue}/{dedup_hash}/{delivery}"
  query: {sev: "{severity}", none: "of {extra}", key: "{dedup_key}"}
  headers: {X-Extra: "{extra}", X-Pass: "Bearer {extra}", X-Action: "{action}", Idempotency-Key: "{alert}"}
  basic: {username: "{user}", password: "{token}"}
  form: true
  body: |
    {"title": "x", "n": 5, "gone": null, "yes": true}
on:
  acknowledge: none
  resolve: {method: POST, url: "{url}/close", query: {}, plain: {"closed": "{text}"}}
plain: {title: "{text}", user: "{user}"}
answer:
  success: {status: [201], json: {id: present}}
  id: id
`

func deskConfig(t testing.TB, settings ...string) Config {
	t.Helper()
	p, problems := presets.Parse("desk.yaml", []byte(deskPreset))
	if p == nil {
		t.Fatal(problems)
	}
	cfg := Config{Preset: "desk", URL: notifier.PlainSecret("https://desk.example.com/base/?v=2"), Settings: plainSettings(append([]string{"user", "b:t", "token", "s3cr3t-t0ken"}, settings...)...)}
	cfg.UsePreset(p)
	return cfg
}

func deskMessage(a notifier.Action, body string) notifier.Notification {
	n := notifier.Notification{Action: a, Delivery: "D/1", Alert: "m/1795.8", Receiver: "desk", DedupKey: "k&é", Severity: "high", Parts: map[string]display.Text{}}
	if body != "" {
		n.Parts["body.json"] = display.Words(body)
	} else {
		n.Parts["body"] = display.Join(display.Words("HIGH: "), display.Quote("a & b"))
	}
	return n
}

// TestPresetRequestParts builds a request of every piece: placeholders in the address, its own query, a form, a name with its password.
func TestPresetRequestParts(t *testing.T) {
	got := sentByPreset(t, deskConfig(t), deskMessage(notifier.Trigger, `{"title": "a b&c", "n": 5, "gone": null, "yes": true}`))
	// %2F stays one segment; what is empty is left out.
	want := "PUT https://desk.example.com/base/q/a%2Fb/3b6d2a6d6d6c6d0e/D%2F1?key=k%26%C3%A9&sev=high&v=2"
	hash := strings.Split(got.url, "/")[6]
	if want = strings.Replace(want, "3b6d2a6d6d6c6d0e", hash, 1); got.method+" "+got.url != want || len(hash) != 16 {
		t.Errorf("%s %s\nwant %s", got.method, got.url, want)
	}
	if got.body != "title=a+b%26c&n=5&yes=true" || got.header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		t.Errorf("%s: %s", got.header.Get("Content-Type"), got.body)
	}
	if got.header.Get("Authorization") != "Basic Yjp0OnMzY3IzdC10MGtlbg==" || got.header.Get("X-Action") != "trigger" || got.header.Get("Idempotency-Key") != "m/1795.8" || got.header.Values("X-Extra") != nil || got.header.Values("X-Pass") != nil {
		t.Errorf("headers %v", got.header)
	}
	got = sentByPreset(t, deskConfig(t, "queue", "..", "extra", "x"), deskMessage(notifier.Resolve, ""))
	if got.method+" "+got.url != "POST https://desk.example.com/base/close?v=2" || got.body != "closed=HIGH%3A+a+%26+b" || got.header.Get("X-Extra") != "x" || got.header.Get("X-Pass") != "Bearer x" {
		t.Errorf("%s %s: %s %v", got.method, got.url, got.body, got.header)
	}
	if got = sentByPreset(t, deskConfig(t, "queue", ".."), deskMessage(notifier.Trigger, "")); !strings.Contains(got.url, "/q/%2E%2E/") || got.body != "title=HIGH%3A+a+%26+b&user=b%3At" {
		t.Errorf("%s: %s", got.url, got.body)
	}
}

func TestPresetFollowsAndKnows(t *testing.T) {
	n, err := New(deskConfig(t), http.DefaultClient)
	if err != nil {
		t.Fatal(err)
	}
	for action, want := range map[notifier.Action]bool{notifier.Trigger: true, notifier.Acknowledge: false, notifier.Resolve: true, notifier.Update: false, notifier.Digest: true, "": false} {
		if got := notifier.Follows(n, action); got != want {
			t.Errorf("Follows(%q) = %v", action, got)
		}
	}
	if !n.Idempotent() {
		t.Error("the preset says that the vendor knows a message again")
	}
	if _, err := n.Notify(t.Context(), deskMessage(notifier.Acknowledge, `{}`)); notifier.Classify(err).Reason != notifier.Permanent {
		t.Errorf("what is not told: %v", err)
	}
	if other, err := New(presetConfig(presets.Embedded("discord")), http.DefaultClient); err != nil || other.Idempotent() {
		t.Errorf("Discord knows no message again (%v)", err)
	}
	if _, err := New(Config{Preset: "nobody"}, http.DefaultClient); err == nil || fmt.Sprint(notifiertest.Keys(err)) != "[preset]" {
		t.Errorf("a preset that is not there: %v", err)
	}
	for body, want := range map[string]string{`{`: "no valid JSON", `{} x`: "no valid JSON", `[1]`: "a form is made of an object", `{"a": [1]}`: "a form takes texts"} {
		if _, err := n.Notify(t.Context(), deskMessage(notifier.Trigger, body)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
	}
}

// TestManySmallTextsFit: an alert with thousands of fields goes out without them, and soon.
func TestManySmallTextsFit(t *testing.T) {
	fields := map[string]string{}
	for i := range 9000 {
		fields[fmt.Sprint("k", i)] = "v"
	}
	raw, err := json.Marshal(map[string]any{"id": "1795440502.8", "rule": map[string]any{"id": "5712", "level": 10}, "agent": map[string]any{"name": "web-01"}, "data": fields, "full_log": "x"})
	if err != nil {
		t.Fatal(err)
	}
	a := alert.Parse(raw, alert.Options{FileName: "x.json", Location: time.UTC, Received: presetTime})
	cfg := presetConfig(presets.Embedded("github-dispatch"))
	got := sentByPreset(t, cfg, presetMessage(t, presetSet(t, cfg), a, templates.Context{}))
	checkRequest(t, cfg, got, "9,000 fields")
	if !strings.Contains(got.body, `"original":{}`) || !strings.Contains(got.body, `"name":"web-01"`) {
		t.Errorf("it is %.2000s", got.body)
	}
}

// TestDigestOfManyFits: of a thousand alerts the first ones stand in the request, and how many there are.
func TestDigestOfManyFits(t *testing.T) {
	b := digest.New(digest.Summary{Kind: digest.Throttle, Receiver: "soc", Route: "page", Why: "20/h"}, func(string) bool { return false })
	var all []*alert.Alert
	for i := range 1000 {
		a := hostileAlert(fmt.Sprintf("text %d of an alert that is as long as some", i))
		all = append(all, a)
		b.Add(a, family.Read(a), alert.DefaultScale.Severity(a.Rule.Level), presetTime, 1)
	}
	cfg := presetConfig(presets.Embedded("github-dispatch"))
	got := sentByPreset(t, cfg, presetMessage(t, presetSet(t, cfg), nil, templates.Context{Action: notifier.Digest, ID: "d-1", Summary: b.Summary(), Alerts: all}))
	checkRequest(t, cfg, got, "1,000 alerts")
	if !strings.Contains(got.body, "1000") || len(got.body) < 50_000 {
		t.Errorf("%d bytes: %.1000s", len(got.body), got.body)
	}
}

// TestPresetWithoutItsToken: where the receiver gives no token, the preset sets no authorization, and the webhook's own is for the taking.
func TestPresetWithoutItsToken(t *testing.T) {
	token := func(cfg Config) string {
		t.Helper()
		return sentByPreset(t, cfg, deskMessage(notifier.Trigger, `{}`)).header.Get("Authorization")
	}
	cfg := presetConfig(presets.Embedded("ntfy"))
	if got := token(cfg); got != "" {
		t.Errorf("without a token: %q", got)
	}
	cfg.BasicAuth = &BasicAuth{Username: "soc", Password: notifier.PlainSecret("x")}
	if got := token(cfg); got != "Basic c29jOng=" {
		t.Errorf("with a password: %q", got)
	}
	cfg.Settings["token"] = notifier.PlainSecret("tk_1")
	if err := cfg.Validate(); fmt.Sprint(notifiertest.Keys(err)) != "[basic_auth]" {
		t.Errorf("two authorizations: %v", err)
	}
	cfg.BasicAuth = nil
	if got := token(cfg); got != "Bearer tk_1" {
		t.Errorf("with a token: %q", got)
	}
}

// TestPlainBodyOfAPreset: {text} has the vendor's escapes, {shown} the display form alone.
func TestPlainBodyOfAPreset(t *testing.T) {
	n := deskMessage(notifier.Trigger, "")
	n.Parts["body"] = display.Join(display.Words("HIGH: "), display.Quote("a <b> \x1b & \ufdd4\nc"))
	got := sentByPreset(t, presetConfig(presets.Embedded("matrix")), n)
	for _, want := range []string{"\"body\":\"HIGH: a <b> \\\\x1b & \ufdd4\\nc\"", "\"formatted_body\":\"HIGH: a &lt;b&gt; \\\\x1b &amp; \ufdd4<br>c\""} {
		if !strings.Contains(got.body, want) {
			t.Errorf("%s\nlacks %s", got.body, want)
		}
	}
}

// TestPresetProbe reaches the server, and tells it no secret.
func TestPresetProbe(t *testing.T) {
	asked := make(chan *http.Request, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r }))
	defer server.Close()
	cfg := deskConfig(t)
	cfg.URL = notifier.PlainSecret(server.URL)
	n, err := New(cfg, http.DefaultClient)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := <-asked; r.Method != http.MethodHead || r.URL.Path != "/" || r.Header.Get("Authorization") != "" {
		t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
	}
}

// TestPresetAnswers reads what vendors answer by the rules of a preset.
func TestPresetAnswers(t *testing.T) {
	for _, x := range []struct {
		answer, rules string // status, headers and body; what stands below answer
		want          string // reason, wait, code, hint, and a part of the text
	}{
		{`200 {"ok":true,"r":{"id":7}}`, "success: {json: {ok: true}}\n  id: r.id", "delivered 7"},
		{`200 {"ok":false,"why":"no"}`, "success: {json: {ok: true}}\n  error: [why]", "permanent 0s   status 200: no"},
		{`204 `, "success: {status: [204]}", "delivered "},
		{`200 {"e":[{"c":5,"t":"bad"}]}`, "success: {json: {e: absent}}\n  error: [e.0.t]\n  code: e.0.c", "permanent 0s 5  status 200: bad (code 5)"},
		{`200 {"e":[]}`, "success: {json: {e: absent}}", "delivered "},
		{`400 {"type":"CreateError","message":"it already exists"}`, "verdicts: [{status: 400, text: \"ALREADY exists\", is: delivered}]", "delivered "},
		{`429 {"code":42908}`, "code: code\n  verdicts: [{status: 429, code: [\"42908\"], is: temporary, wait: 6h, hint: \"tomorrow\"}]", "temporary 6h0m0s 42908 tomorrow status 429"},
		{`429 {"code":1}`, "code: code\n  verdicts: [{code: [\"42908\"], is: permanent}]", "temporary 0s 1  status 429"},
		{`403 {"m":"no"}`, "verdicts: [{status: \"400-499\", json: {m: present}, is: permanent}]", "permanent 0s   status 403"},
		{`403 plain words`, "error: [m, text]", "misconfigured 0s   status 403: plain words"},
		{`429 {"wait":1500}`, "wait: {json: wait, unit: ms}", "temporary 1.5s   status 429"},
		{`429 {"wait":1e99}`, "wait: {json: wait, unit: ms}", "temporary 0s   status 429"},
		{`429 {"wait":99999}`, "wait: {json: wait, unit: s}", "temporary 1h0m0s   status 429"},
		{`429 X-Reset=1 {}`, "wait: {header: X-Reset, unit: epoch_s}", "temporary 0s   status 429"},
		{`429 X-Reset=99999999999999 {}`, "wait: {header: X-Reset, unit: epoch_ms}", "temporary 1h0m0s   status 429"},
		{`429 Retry-After=2 {"wait":9}`, "wait: {json: wait, unit: s}", "temporary 2s   status 429"},
		{`302 {}`, "success: {status: [200]}", "permanent 0s  the server redirects; give the final address in the config status 302"},
		{`200 <html>`, "success: {json: {ok: true}}", "permanent 0s  the answer is a page, not what the vendor answers: look where the address leads status 200"},
		{`200 We use cookies. OK?`, "success: {body: ok}", "permanent 0s   status 200"},
		{"200 OK\n", "success: {body: ok}", "delivered "},
		{`200 "Ok."`, "success: {body: \"Ok.\"}", "delivered "},
		{`200 ["Ok."]`, "success: {body: \"Ok.\"}", "permanent 0s   status 200"},
		// Rocket.Chat and GitHub say with every answer when they count anew.
		{`502 X-Reset=99999999999999 {}`, "wait: {header: X-Reset, unit: epoch_ms}", "temporary 0s   status 502"},
		{`404 X-Reset=99999999999999 {}`, "wait: {header: X-Reset, unit: epoch_ms}", "misconfigured 0s   status 404"},
		{`403 X-Reset=99999999999999 {"m":"rate limit"}`, "wait: {header: X-Reset, unit: epoch_ms}\n  verdicts: [{text: rate limit, is: temporary}]", "temporary 1h0m0s   status 403"},
		{`200 [1,{"a.b":"c"}]`, "success: {json: {\"1.a.b\": c}}", "delivered "},
	} {
		text := deskPreset[:strings.Index(deskPreset, "answer:")] + "answer:\n  " + x.rules + "\n"
		p, problems := presets.Parse("desk.yaml", []byte(text))
		if p == nil {
			t.Errorf("%s: %v", x.rules, problems)
			continue
		}
		cfg := deskConfig(t)
		cfg.UsePreset(p)
		status, rest, _ := strings.Cut(x.answer, " ")
		n, err := New(cfg, &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			resp := &http.Response{Header: http.Header{}, Request: r}
			if _, err := fmt.Sscan(status, &resp.StatusCode); err != nil {
				return nil, err
			}
			body := rest
			if header, after, ok := strings.Cut(rest, " "); ok && strings.Contains(header, "=") && !strings.HasPrefix(header, "{") {
				name, value, _ := strings.Cut(header, "=")
				resp.Header.Set(name, value)
				body = after
			}
			resp.Body = io.NopCloser(strings.NewReader(body))
			return resp, nil
		})})
		if err != nil {
			t.Fatal(err)
		}
		receipt, err := n.Notify(t.Context(), deskMessage(notifier.Trigger, `{}`))
		got := "delivered " + receipt.ID
		if err != nil {
			e := notifier.Classify(err)
			got = fmt.Sprintf("%v %v %s %s %s", e.Reason, e.RetryAfter.Round(100*time.Millisecond), e.Code, e.Hint, strings.TrimPrefix(e.Err.Error(), "put to Desk at desk.example.com: "))
		}
		if got != x.want && !(strings.HasPrefix(got, x.want) && strings.HasPrefix(x.want, "temporary")) && !strings.HasPrefix(got, x.want+":") {
			t.Errorf("%s by %s: %q, want %q", x.answer, x.rules, got, x.want)
		}
	}
}

// TestSecretFields: secrets stand in a body when it is sent and nowhere else, in JSON and in forms, and what is not given is left out.
func TestSecretFields(t *testing.T) {
	const preset = `name: till
title: Till
about: A ticket.
checked: 2026-11-23
settings:
  url: {required: true, help: "the server", example: "https://till.example.com"}
  token: {required: true, secret: true, help: "the token", example: "s3cr3t"}
  user: {secret: true, help: "the user"}
request:
  url: "{url}"
  form: FORM
  secret_fields: {token: "{token}", user: "{user}", both: "{user}/{token}", on: "{severity}"}
  body: |
    BODY
plain: {text: "{text}", token: none}
limits: {body: {bytes: 100}, fields: [{path: token, chars: 3}]}
`
	for _, x := range []struct{ form, body, want, fails string }{
		{"false", `{"text": "a", "token": "of the template"}`, `{"text":"a","on":"high","token":"t0k\"en-9f8e7d"}`, ""},
		{"true", `{"text": "a"}`, "text=a&on=high&token=t0k%22en-9f8e7d", ""},
		{"false", `["a"]`, "", "secret_fields are put into an object"},
		{"false", `{"text": "` + strings.Repeat("x", 100) + `"}`, `{"text":"` + strings.Repeat("x", 46) + `…","on":"high","token":"t0k\"en-9f8e7d"}`, ""},
	} {
		p, problems := presets.Parse("till.yaml", []byte(strings.NewReplacer("FORM", x.form, "BODY", x.body).Replace(preset)))
		if p == nil {
			t.Fatal(problems)
		}
		cfg := Config{Preset: "till", URL: notifier.PlainSecret("https://till.example.com"), Settings: map[string]notifier.Secret{"token": notifier.PlainSecret(`t0k"en-9f8e7d`)}}
		cfg.UsePreset(p)
		n := notifier.Notification{Action: notifier.Trigger, Delivery: "D", Severity: "high", Parts: map[string]display.Text{"body.json": display.Words(x.body)}}
		got, err := sentBy(t, func(c *http.Client) (*Notifier, error) { return New(cfg, c) }, n)
		if x.fails != "" {
			if err == nil || !strings.Contains(err.Error(), x.fails) {
				t.Errorf("%s: %v, want %q", x.body, err, x.fails)
			}
			continue
		}
		if err != nil || got.body != x.want {
			t.Errorf("%s: %v\n got %s\nwant %s", x.body, err, got.body, x.want)
		}
		n.Parts = map[string]display.Text{"body": display.Words("it came")}
		if got, err := sentBy(t, func(c *http.Client) (*Notifier, error) { return New(cfg, c) }, n); err != nil || strings.Contains(got.body, "none") {
			t.Errorf("without templates: %v, %s", err, got.body)
		}
	}
}
