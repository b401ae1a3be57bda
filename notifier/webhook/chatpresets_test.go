package webhook_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/family"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/notifiertest"
	"github.com/ossec-notify/ossec-notify/notifier/webhook"
	"github.com/ossec-notify/ossec-notify/templates"
	"github.com/ossec-notify/ossec-notify/templates/presets"
	"github.com/ossec-notify/ossec-notify/testdata/injection"
)

// chatVendors are the vendors whose presets are sent to their stand-ins here.
func chatVendors() []sinkVendor {
	return []sinkVendor{teamsSink(), googleSink(), mattermostSink(), rocketSink(), zulipSink(), ntfySink(), gotifySink()}
}

// house is a receiver of a preset, with the vendor it sends to.
type house struct {
	sink *sink
	cfg  webhook.Config
	hook *webhook.Notifier
	set  *templates.Set
}

// newHouse makes one. own is a file of the operator's templates, or "".
func newHouse(t *testing.T, v sinkVendor, own string) *house {
	t.Helper()
	p := presets.Embedded(v.name)
	if p == nil {
		t.Fatalf("there is no preset %s", v.name)
	}
	return houseOf(t, v, p, own)
}

func houseOf(t *testing.T, v sinkVendor, p *presets.Preset, own string) *house {
	t.Helper()
	s, base := newSink(t, v)
	set := linked(t, own)
	cfg := webhook.Config{URL: notifier.PlainSecret(base + v.address), Preset: v.name, Settings: map[string]notifier.Secret{}}
	for name, value := range v.settings {
		cfg.Settings[name] = notifier.PlainSecret(value)
	}
	cfg.UsePreset(p)
	set, err := set.WithPreset(p, cfg.PresetSettings())
	if err != nil {
		t.Fatal(err)
	}
	hook, err := webhook.New(cfg, http.DefaultClient)
	if err != nil {
		t.Fatal(err)
	}
	return &house{s, cfg, hook, set}
}

// linked are templates with links as operators have them. own is a file of the operator's, or "".
func linked(t *testing.T, own string) *templates.Set {
	t.Helper()
	set, err := templates.Load(templates.Options{Links: map[string]string{
		"alert":   "https://wazuh.example.com/alert/{{.ID}}?agent={{.Agent.Name}}",
		"runbook": "https://wiki.example.com/{{.Rule.ID}}/{{.Rule.Description}}",
	}})
	if err == nil && own != "" {
		set, err = set.WithText("own.tmpl", own)
	}
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// said is a message about an alert, or about many.
func (h *house) said(t *testing.T, a *alert.Alert, c templates.Context) notifier.Notification {
	t.Helper()
	c.Receiver, c.Channel, c.Route, c.Delivery = "chat", "webhook", "team", "01J9Z3"
	if c.AckURL == "" {
		c.AckURL = "https://ack.example.com/x?q=1"
	}
	return rendered(t, h.set, a, c)
}

// rendered is a message of templates.
func rendered(t *testing.T, set *templates.Set, a *alert.Alert, c templates.Context) notifier.Notification {
	t.Helper()
	d := templates.NewData(a, alert.DefaultScale, c)
	parts, err := set.Parts(d)
	if err != nil {
		t.Fatal(err)
	}
	return notifier.Notification{Action: d.Action, Delivery: d.Delivery, Alert: d.Identity, Occurrence: 1, Receiver: c.Receiver,
		DedupKey: d.DedupKey, Severity: d.Severity.String(), Time: d.Time, Parts: parts}
}

// deliver sends a message, which the vendor takes, and returns what arrived.
func (h *house) deliver(t *testing.T, n notifier.Notification) sinkRequest {
	t.Helper()
	receipt, err := h.hook.Notify(t.Context(), n)
	took, why := h.sink.results()
	if err != nil || len(took) != 1 {
		t.Fatalf("not taken: %q (%v)", why, err)
	}
	if !strings.Contains(h.sink.vendor.yes.body, receipt.ID) {
		t.Errorf("receipt has the id %q, which the vendor did not give", receipt.ID)
	}
	return took[0]
}

var corpusReceived = time.Date(2026, 11, 23, 13, 28, 22, 0, time.UTC)

func parsed(raw []byte, name string) *alert.Alert {
	return alert.Parse(raw, alert.Options{FileName: name, Location: time.UTC, Received: corpusReceived})
}

func corpusAlert(t *testing.T, file string) *alert.Alert {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "testdata", "alerts", file))
	if err != nil {
		t.Fatal(err)
	}
	return parsed(b, filepath.Base(file))
}

// shortAlert is one for tests of answers, for which it does not matter what a message says.
func shortAlert() *alert.Alert {
	return parsed([]byte(`{"id":"1795440502.8","rule":{"id":"5712","level":10},"agent":{"name":"web-01"},"full_log":"Failed password"}`), "x.json")
}

// whatBecame are the ways in which the message about one alert differs from the first.
func whatBecame(text string, by *alert.Alert) map[string]templates.Context {
	return map[string]templates.Context{
		"trigger": {Action: notifier.Trigger},
		"again": {
			Action: notifier.Trigger, PossibleRepeat: true, Late: 14 * time.Minute, LateWhy: text, Instead: "oncall has failed for 5 min (status 401)",
			Seen: &templates.Seen{Count: 37, Since: corpusReceived, Last: corpusReceived.Add(time.Hour)}, Step: &templates.Step{N: 2, Of: 3, Who: []string{"carol"}, After: time.Minute},
		},
		"test":         {Action: notifier.Trigger, Sample: "5712"},
		"acknowledged": {Action: notifier.Acknowledge, Taken: &templates.Taken{By: text, Via: text, At: corpusReceived}},
		"resolved":     {Action: notifier.Resolve, Resolved: &templates.Resolved{After: 42 * time.Minute, By: by}},
	}
}

// many is a digest of alerts.
func many(text string, alerts ...*alert.Alert) templates.Context {
	b := digest.New(digest.Summary{Kind: digest.Window, Receiver: "soc", Route: "page", Why: text, By: text}, func(string) bool { return true })
	for i, a := range alerts {
		b.Add(a, family.Read(a), alert.DefaultScale.Severity(a.Rule.Level), corpusReceived.Add(time.Duration(i)*time.Minute), 1)
	}
	return templates.Context{Action: notifier.Digest, ID: "d-0123456789abcdef", Summary: b.Summary(), Alerts: alerts}
}

func eachVendor(t *testing.T, f func(t *testing.T, k int, v sinkVendor)) {
	for k, v := range chatVendors() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			f(t, k, v)
		})
	}
}

// everyAlert gives each alert of the corpus, with its number from 1, to a test of its own, and returns all.
func everyAlert(t *testing.T, each func(t *testing.T, i int, a *alert.Alert)) (all []*alert.Alert) {
	t.Helper()
	root := filepath.Join("..", "..", "testdata", "alerts")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "facts.json" {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		a := corpusAlert(t, name)
		all = append(all, a)
		t.Run(name, func(t *testing.T) { each(t, len(all), a) })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 100 {
		t.Fatalf("%d alerts, want all of them", len(all))
	}
	return all
}

// Every alert of the corpus arrives, and whatever became of some of them.
func TestChatPresetsTakeEveryAlert(t *testing.T) {
	eachVendor(t, func(t *testing.T, k int, v sinkVendor) {
		h := newHouse(t, v, "")
		all := everyAlert(t, func(t *testing.T, i int, a *alert.Alert) {
			for became, c := range whatBecame("carol", a) {
				if became == "trigger" || webhook.Meets(i, k, len(chatVendors())) {
					h.deliver(t, h.said(t, a, c))
				}
			}
		})
		h.deliver(t, h.said(t, all[0], many("night, until 06:00", all...)))
	})
}

// everywhereTemplate is the operator's own words around text of the alert, where it hurts most.
const everywhereTemplate = `{{define "sentence"}}{{.Log}}{{.Agent.Name}} on {{.Rule.Description}}{{end}}{{define "next"}}{{.Rule.Description}} {{.Agent.Name}}{{.Log}}{{end}}` +
	`{{define "facts"}}{{range .Facts}}{{.Label}}: {{.Value}}{{"\n"}}{{end}}Own: {{.Log}}{{"\n"}}{{end}}{{define "log"}}{{.Log}}{{.Agent.Name}}{{end}}{{define "footer"}}{{.Agent.Name}}{{"\n"}}{{.Rule.Description}}{{end}}`

// Whatever stands in the fields of an alert, the vendor takes the message and finds nothing live in it.
func TestPayloadsStayTextInChatPresets(t *testing.T) {
	bases := []string{"wazuh/5712-ssh-brute-force.json", "wazuh/550-fim-changed.json", "wazuh/31106-web-attack-answered.json", "ossec/5712-ssh-brute-force.json"}
	eachVendor(t, func(t *testing.T, k int, v sinkVendor) {
		h := newHouse(t, v, "")
		// The operator's own words around text of the alert, where it hurts most.
		own := newHouse(t, v, everywhereTemplate)
		for i, p := range injection.All() {
			if !webhook.Meets(i, k, len(chatVendors())) || p.Large && testing.Short() {
				continue
			}
			t.Run(p.Name, func(t *testing.T) {
				var all []*alert.Alert
				for j, base := range bases {
					if !webhook.Meets(i/len(chatVendors()), j, len(bases)) || p.Large && j > 0 && len(all) > 0 {
						continue
					}
					a := hostile(t, base, p.Text)
					all = append(all, a)
					became := whatBecame(p.Text, a)
					for s, name := range slices.Sorted(maps.Keys(became)) {
						if name == "trigger" || !p.Large && webhook.Meets(i/len(chatVendors()), s, 3) {
							h.deliver(t, h.said(t, a, became[name]))
						}
					}
				}
				h.deliver(t, h.said(t, all[0], many(p.Text, all...)))
				own.deliver(t, own.said(t, all[0], templates.Context{Action: notifier.Trigger}))
				n := h.said(t, all[0], templates.Context{Action: notifier.Trigger})
				n.Parts = plainOf(all[0], p.Text)
				h.deliver(t, n)
			})
		}
	})
}

// hostile is an alert of the corpus with a text in every field, but for those by which its kind is known.
func hostile(t *testing.T, file, text string) *alert.Alert {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "testdata", "alerts", file))
	if err != nil {
		t.Fatal(err)
	}
	var object any
	if err := json.Unmarshal(b, &object); err != nil {
		t.Fatal(err)
	}
	var replace func(v any, path string) any
	replace = func(v any, path string) any {
		switch v := v.(type) {
		case string:
			switch path {
			case ".timestamp", ".id", ".rule.id", ".decoder.name", ".decoder", ".rule.groups.0", ".rule.groups.1", ".rule.groups.2", ".syscheck.event":
				return v
			}
			return text
		case []any:
			for i := range v {
				v[i] = replace(v[i], fmt.Sprintf("%s.%d", path, i))
			}
		case map[string]any:
			for k := range v {
				v[k] = replace(v[k], path+"."+k)
			}
		}
		return v
	}
	out, err := json.Marshal(replace(object, ""))
	if err != nil {
		t.Fatal(err)
	}
	return parsed(out, "x.json")
}

// However long the parts are, the message fits, and uses what there is.
func TestPayloadsFitIntoChatPresets(t *testing.T) {
	signs := [][2]string{{"letters", "x"}, {"umlauts", "ü"}, {"emoji", "😀"}, {"markup", "*"}, {"backticks", "`"}, {"tags", "<&>"}, {"backslashes", `\`}, {"quotes", `"`}, {"lines", "a\n"}, {"control", "\x01"}}
	const own = `{{define "sentence"}}{{.Log | trunc 12000}}{{end}}{{define "next"}}{{.Log | trunc 12000}}{{end}}{{define "facts"}}{{range .Facts}}{{.Label}}: {{.Value}}{{"\n"}}{{end}}` +
		`Own: {{.Log | trunc 12000}}{{"\n"}}{{end}}{{define "log"}}{{.Log}}{{end}}{{define "footer"}}{{.Log | trunc 12000}}{{end}}`
	eachVendor(t, func(t *testing.T, k int, v sinkVendor) {
		h := newHouse(t, v, own)
		for i, s := range signs {
			name, sign := s[0], s[1]
			if i > 0 && !webhook.Meets(i, k, 5) {
				continue
			}
			t.Run(name, func(t *testing.T) {
				for _, n := range []int{1000, 12_000} {
					raw, err := json.Marshal(map[string]any{"id": "1795440502.8", "rule": map[string]any{"id": "5712", "level": 10, "groups": []string{"sshd"}}, "agent": map[string]any{"name": "web-01"}, "full_log": "x" + strings.Repeat(sign, n)})
					if err != nil {
						t.Fatal(err)
					}
					got := h.deliver(t, h.said(t, parsed(raw, "x.json"), templates.Context{Action: notifier.Trigger}))
					if used, limit := usedOf(t, v.name, got); n == 12_000 && i == 0 && (used > limit || used < limit-10) {
						t.Errorf("a long message has %d of %d, and should use what there is", used, limit)
					}
				}
			})
		}
	})
}

// usedOf is how long the long part of a request is, and how long the vendor, or we, let it be.
func usedOf(t *testing.T, vendor string, r sinkRequest) (used, limit int) {
	t.Helper()
	var body struct {
		Message     string
		Attachments []struct {
			Text    string
			Content struct {
				Body []struct{ Inlines []struct{ Text string } }
			}
		}
	}
	switch vendor {
	case "google-chat":
		return len(r.body), 30_000
	case "zulip":
		form, err := url.ParseQuery(string(r.body))
		if err != nil {
			t.Fatal(err)
		}
		return utf8.RuneCountInString(form.Get("content")), 10_000
	}
	if err := json.Unmarshal(r.body, &body); err != nil {
		t.Fatal(err)
	}
	switch vendor {
	case "teams":
		return len(body.Attachments[0].Content.Body[0].Inlines[1].Text), 2000
	case "mattermost":
		return utf8.RuneCountInString(body.Attachments[0].Text), 16_000
	case "rocketchat":
		return utf8.RuneCountInString(body.Attachments[0].Text), 4900
	case "ntfy":
		return len(body.Message), 4095
	}
	return utf8.RuneCountInString(body.Message), 20_000
}

// chatAnswer is an answer of a vendor's, and what is to become of the message.
type chatAnswer struct {
	name      string
	answer    sinkAnswer
	delivered bool
	reason    notifier.Reason
	says      string // the vendor's words, in the error
	hint      string
	wait      time.Duration
}

func chatAnswers() map[string][]chatAnswer {
	const temporary, permanent, misconfigured = notifier.Temporary, notifier.Permanent, notifier.Misconfigured
	page := sinkAnswer{200, map[string]string{"Content-Type": "text/html"}, "<html><title>Log in</title>Ok. We use cookies.</html>"}
	return map[string][]chatAnswer{
		"teams": {
			{name: "a flow with a step of its own that answers", answer: sinkAnswer{200, nil, ""}, delivered: true},
			{name: "turned off", answer: sinkAnswer{400, nil, teamsError("WorkflowTriggerIsNotEnabled", "Could not execute workflow trigger 'manual' since it is not enabled.")}, reason: misconfigured, says: "not enabled", hint: "turn it on"},
			{name: "no such flow", answer: sinkAnswer{404, nil, teamsError("WorkflowNotFound", "The workflow could not be found.")}, reason: misconfigured, says: "could not be found", hint: "deleted"},
			{name: "a flow for accounts of the tenant", answer: sinkAnswer{401, nil, teamsError("DirectApiAuthorizationRequired", "The request must be authenticated only by Shared Access scheme.")}, reason: misconfigured, says: "must be authenticated", hint: "Anyone"},
			{name: "signature", answer: sinkAnswer{401, nil, teamsError("AuthorizationFailed", "The authentication credentials are not valid.")}, reason: misconfigured, says: "not valid", hint: "copy it again"},
			{name: "former connector", answer: sinkAnswer{403, nil, ""}, reason: misconfigured, hint: "copy it again"},
			{name: "former connector that is gone", answer: sinkAnswer{410, nil, ""}, reason: misconfigured, hint: "make a workflow"},
			{name: "too large", answer: sinkAnswer{413, nil, teamsError("RequestEntityTooLarge", "The request is too large.")}, reason: permanent, hint: "larger"},
			{name: "schema", answer: sinkAnswer{400, nil, teamsError("TriggerInputSchemaMismatch", "The input body did not match its schema definition.")}, reason: permanent, says: "schema"},
			{name: "busy", answer: sinkAnswer{429, map[string]string{"Retry-After": "17"}, teamsError("WorkflowRunLimitExceeded", "Rate limit is exceeded.")}, reason: temporary, wait: 17 * time.Second},
			{name: "outage", answer: sinkAnswer{502, nil, ""}, reason: temporary},
		},
		"google-chat": {
			{name: "card", answer: sinkAnswer{400, nil, googleError(400, "INVALID_ARGUMENT", "Message cannot be empty.")}, reason: permanent, says: "cannot be empty", hint: "preview"},
			{name: "key", answer: sinkAnswer{401, nil, googleError(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")}, reason: misconfigured, says: "credentials", hint: "copy the address"},
			{name: "webhooks are off", answer: sinkAnswer{403, nil, googleError(403, "PERMISSION_DENIED", "The caller does not have permission")}, reason: misconfigured, says: "permission", hint: "turned off"},
			{name: "no space", answer: sinkAnswer{404, nil, googleError(404, "NOT_FOUND", "Space not found.")}, reason: misconfigured, says: "not found", hint: "deleted"},
			{name: "rate", answer: sinkAnswer{429, nil, googleError(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).")}, reason: temporary, says: "exhausted", hint: "one message a second"},
			{name: "outage", answer: sinkAnswer{503, nil, googleError(503, "UNAVAILABLE", "The service is currently unavailable.")}, reason: temporary},
			{name: "page of a proxy", answer: page, reason: permanent},
		},
		"mattermost": {
			{name: "deleted", answer: sinkAnswer{400, nil, mattermostError(400, "web.incoming_webhook.invalid.app_error", "Invalid webhook.")}, reason: misconfigured, says: "Invalid webhook", hint: "make a new one"},
			{name: "no channel", answer: sinkAnswer{404, nil, mattermostError(404, "web.incoming_webhook.channel.app_error", "Couldn't find the channel.")}, reason: misconfigured, says: "Couldn't find the channel", hint: "no such channel"},
			{name: "no user", answer: sinkAnswer{400, nil, mattermostError(400, "web.incoming_webhook.user.app_error", "Couldn't find the user.")}, reason: misconfigured, hint: "no such user"},
			{name: "locked", answer: sinkAnswer{403, nil, mattermostError(403, "web.incoming_webhook.channel_locked.app_error", "This webhook is not permitted to post to the requested channel: it is locked.")}, reason: misconfigured, hint: "unlock"},
			{name: "body", answer: sinkAnswer{400, nil, mattermostError(400, "web.incoming_webhook.parse.app_error", "Unable to parse incoming data.")}, reason: permanent, says: "Unable to parse", hint: "preview"},
			{name: "turned off", answer: sinkAnswer{501, nil, mattermostError(501, "web.incoming_webhook.disabled.app_error", "Incoming webhooks have been disabled by the system admin.")}, reason: misconfigured, says: "disabled", hint: "System Console"},
			{name: "rate", answer: sinkAnswer{429, map[string]string{"X-RateLimit-Reset": "9"}, "limit exceeded"}, reason: temporary, says: "limit exceeded", wait: 9 * time.Second},
			{name: "outage", answer: sinkAnswer{500, nil, mattermostError(500, "app.post.save.app_error", "Unable to save the Post.")}, reason: temporary},
			{name: "page of a proxy", answer: page, reason: permanent},
		},
		"rocketchat": {
			{name: "no channel, and 200", answer: sinkAnswer{200, nil, `{"success":false,"error":"invalid-channel"}`}, reason: misconfigured, says: "invalid-channel", hint: "no such channel"},
			{name: "no member", answer: sinkAnswer{400, nil, `{"success":false,"error":"error-not-allowed"}`}, reason: misconfigured, says: "error-not-allowed", hint: "invite it"},
			{name: "too long", answer: sinkAnswer{200, nil, `{"success":false,"error":"error-message-size-exceeded"}`}, reason: permanent, says: "size-exceeded", hint: "Maximum Allowed"},
			{name: "something else, and 200", answer: sinkAnswer{200, nil, `{"success":false}`}, reason: permanent},
			{name: "attachment", answer: sinkAnswer{400, nil, `{"success":false,"error":"Invalid href value provided"}`}, reason: permanent, says: "Invalid href"},
			{name: "no integration", answer: sinkAnswer{404, nil, ""}, reason: misconfigured, hint: "Webhook URL"},
			{name: "rate", answer: sinkAnswer{429, nil, `{"success":false,"error":"Error, too many requests. Please slow down. You must wait 12 seconds before trying again. [error-too-many-requests]"}`}, reason: temporary, says: "slow down"},
			{name: "page of a proxy", answer: page, reason: permanent},
		},
		"zulip": {
			{name: "no channel", answer: sinkAnswer{400, nil, `{"code":"STREAM_DOES_NOT_EXIST","msg":"Channel 'soc' does not exist","result":"error","stream":"soc"}`}, reason: misconfigured, says: "does not exist", hint: "subscribed"},
			{name: "key", answer: sinkAnswer{401, nil, zulipError("INVALID_API_KEY", "Invalid API key")}, reason: misconfigured, says: "Invalid API key", hint: "copy both"},
			{name: "bot is off", answer: sinkAnswer{401, nil, zulipError("USER_DEACTIVATED", "Account is deactivated")}, reason: misconfigured, hint: "deactivated"},
			{name: "may not post", answer: sinkAnswer{400, nil, zulipError("BAD_REQUEST", "Not authorized to send to channel 'soc'")}, reason: misconfigured, says: "Not authorized", hint: "may not post"},
			{name: "content", answer: sinkAnswer{400, nil, zulipError("BAD_REQUEST", "Message must not be empty")}, reason: permanent, says: "must not be empty"},
			{name: "rate", answer: sinkAnswer{429, nil, `{"code":"RATE_LIMIT_HIT","msg":"API usage exceeded rate limit","result":"error","retry-after":28.706807374954224}`}, reason: temporary, says: "rate limit", wait: 28706807374 * time.Nanosecond},
			{name: "200 that is no success", answer: sinkAnswer{200, nil, `{"result":"error","msg":"x"}`}, reason: permanent},
			{name: "not Zulip", answer: sinkAnswer{404, nil, "Not Found"}, reason: misconfigured, hint: "without /api"},
			{name: "page of a proxy", answer: page, reason: permanent},
		},
		"ntfy": {
			{name: "topic", answer: sinkAnswer{400, nil, ntfyError(40009, 400, "invalid request: topic invalid")}, reason: misconfigured, says: "topic invalid", hint: "at most 64"},
			{name: "body", answer: sinkAnswer{400, nil, ntfyError(40017, 400, "invalid request: request body must be message JSON")}, reason: permanent, hint: "preview"},
			{name: "token", answer: sinkAnswer{401, nil, ntfyError(40101, 401, "unauthorized")}, reason: misconfigured, says: "unauthorized", hint: "settings.token"},
			{name: "may not write", answer: sinkAnswer{403, nil, ntfyError(40301, 403, "forbidden")}, reason: misconfigured, hint: "ntfy access"},
			{name: "larger than its limit", answer: sinkAnswer{400, nil, ntfyError(40014, 400, "invalid request: attachments not allowed")}, reason: permanent, hint: "message-size-limit"},
			{name: "too large as JSON", answer: sinkAnswer{413, nil, ntfyError(41303, 413, "JSON body too large")}, reason: permanent, says: "too large"},
			{name: "too large", answer: sinkAnswer{413, nil, ntfyError(41301, 413, "attachment too large, or bandwidth limit reached")}, reason: permanent, hint: "message-size-limit"},
			{name: "rate", answer: sinkAnswer{429, nil, ntfyError(42901, 429, "limit reached: too many requests, please be nice")}, reason: temporary, says: "be nice"},
			{name: "the day's messages", answer: sinkAnswer{429, nil, ntfyError(42908, 429, "limit reached: too many messages")}, reason: temporary, hint: "used up", wait: time.Hour},
			{name: "outage", answer: sinkAnswer{500, nil, ntfyError(50001, 500, "internal server error")}, reason: temporary},
			{name: "page of a proxy", answer: page, reason: permanent},
		},
		"gotify": {
			{name: "body", answer: sinkAnswer{400, nil, gotifyError(400, "Bad Request", "Field 'message' is required")}, reason: permanent, says: "is required", hint: "preview"},
			{name: "token", answer: sinkAnswer{401, nil, gotifyError(401, "Unauthorized", "you need to provide a valid access token or user credentials to access this api")}, reason: misconfigured, says: "valid access token", hint: "begins with A"},
			{name: "client's token", answer: sinkAnswer{403, nil, gotifyError(403, "Forbidden", "you are not allowed to access this api")}, reason: misconfigured, hint: "begins with A"},
			{name: "client's token, from 3.0 on", answer: sinkAnswer{400, nil, gotifyError(400, "Bad Request", "appid is required when not authenticating with an application token")}, reason: misconfigured, hint: "begins with A"},
			{name: "no Gotify", answer: sinkAnswer{404, nil, gotifyError(404, "Not Found", "page not found")}, reason: misconfigured, hint: "without /message"},
			{name: "outage", answer: sinkAnswer{500, nil, gotifyError(500, "Internal Server Error", "database is locked")}, reason: temporary, says: "locked"},
			{name: "page of a proxy", answer: page, reason: permanent},
		},
	}
}

// What a vendor answers means what the preset says of it, in words that a person can use.
func TestChatPresetsReadAnswers(t *testing.T) {
	answers := chatAnswers()
	eachVendor(t, func(t *testing.T, _ int, v sinkVendor) {
		h := newHouse(t, v, "")
		message := h.said(t, corpusAlert(t, "wazuh/5712-ssh-brute-force.json"), templates.Context{Action: notifier.Trigger})
		if len(answers[v.name]) < 5 {
			t.Errorf("%d answers are known of %s", len(answers[v.name]), v.name)
		}
		for _, x := range answers[v.name] {
			t.Run(x.name, func(t *testing.T) {
				h.sink.answer(x.answer)
				_, err := h.hook.Notify(t.Context(), message)
				h.sink.results()
				if x.delivered {
					if err != nil {
						t.Errorf("got %v, want it delivered", err)
					}
					return
				}
				if err == nil {
					t.Fatal("taken for delivered")
				}
				e := notifier.Classify(err)
				if e.Reason != x.reason || e.Status != x.answer.status {
					t.Errorf("got %s, status %d, want %s, status %d: %v", e.Reason, e.Status, x.reason, x.answer.status, err)
				}
				if !strings.Contains(e.Err.Error(), x.says) {
					t.Errorf("error %q does not say %q", e.Err, x.says)
				}
				if !strings.Contains(e.Hint, x.hint) {
					t.Errorf("hint %q does not say %q", e.Hint, x.hint)
				}
				if e.RetryAfter.Truncate(time.Microsecond) != x.wait.Truncate(time.Microsecond) {
					t.Errorf("waits %s, want %s", e.RetryAfter, x.wait)
				}
				if e.Ambiguous {
					t.Error("an answer that refuses leaves no doubt")
				}
			})
		}
	})
}

// The vendor's rules for statuses, secrets, connections and actions hold for presets as for every channel.
func TestChatPresetsAsChannels(t *testing.T) {
	for _, v := range chatVendors() {
		t.Run(v.name, func(t *testing.T) {
			h := newHouse(t, v, "")
			notifiertest.Run(t, notifiertest.Case{
				New: func(t *testing.T, base string, client *http.Client) notifier.Notifier {
					cfg := h.cfg
					cfg.URL = notifier.PlainSecret(base + v.address)
					n, err := webhook.New(cfg, client)
					if err != nil {
						t.Fatal(err)
					}
					return n
				},
				Notification: h.said(t, shortAlert(), templates.Context{Action: notifier.Trigger}),
				Secrets:      v.secrets,
				Accept: func(w http.ResponseWriter, r *http.Request) {
					w.WriteHeader(v.yes.status)
					_, _ = w.Write([]byte(v.yes.body))
				},
				Reasons: map[string]map[int]notifier.Reason{
					"mattermost": {http.StatusNotImplemented: notifier.Misconfigured},
				}[v.name],
				AnyBody: v.name == "teams",
			})
		})
	}
}

// Each escape of a preset is needed: without it, its vendor would find something live in what some payload makes of a message.
func TestPayloadsNeedEachEscapeOfChatPresets(t *testing.T) {
	// again is the preset of a name, and its escapes, which may be changed.
	again := func(name string) (*presets.Preset, map[string]map[string]string) {
		p, problems := presets.Parse(name+".yaml", []byte(presets.Embedded(name).Source()))
		if p == nil {
			t.Fatal(problems)
		}
		tables := map[string]map[string]string{"escape": p.Text.Escape, "line_start": p.Text.LineStart}
		if p.Text.Code != nil {
			tables["code"], tables["fence"] = p.Text.Code.Escape, p.Text.Fence.Escape
		}
		return p, tables
	}
	eachVendor(t, func(t *testing.T, _ int, v sinkVendor) {
		_, tables := again(v.name)
		for table, escapes := range tables {
			for sign := range escapes {
				t.Run(fmt.Sprintf("%s %q", table, sign), func(t *testing.T) {
					p, tables := again(v.name)
					delete(tables[table], sign)
					h := houseOf(t, v, p, everywhereTemplate)
					for _, x := range injection.All() {
						if x.Large || !strings.Contains(x.Text, sign) && table != "line_start" {
							continue
						}
						a := hostile(t, "wazuh/5712-ssh-brute-force.json", x.Text)
						n := h.said(t, a, templates.Context{Action: notifier.Trigger})
						_, err := h.hook.Notify(t.Context(), n)
						n.Parts = plainOf(a, x.Text)
						if _, plain := h.hook.Notify(t.Context(), n); err != nil || plain != nil {
							return
						}
					}
					t.Error("nothing is live without it")
				})
			}
		}
	})
}

// plainOf is the message of an alert where all templates fail.
func plainOf(a *alert.Alert, why string) map[string]display.Text {
	return templates.Plain(templates.NewData(a, alert.DefaultScale, templates.Context{Receiver: "chat", Channel: "webhook"}), errors.New(why))
}

// The shapes that the corpus does not have arrive, whatever became of them, and in a digest of all.
func TestChatPresetsTakeEveryShape(t *testing.T) {
	eachVendor(t, func(t *testing.T, k int, v sinkVendor) {
		h := newHouse(t, v, "")
		var all []*alert.Alert
		for i, s := range webhook.Shapes() {
			a := s.Alert()
			all = append(all, a)
			t.Run(s.Name, func(t *testing.T) {
				for became, c := range whatBecame("carol", a) {
					if became == "trigger" || webhook.Meets(i, k, 6) {
						h.deliver(t, h.said(t, a, c))
					}
				}
			})
		}
		h.deliver(t, h.said(t, all[0], many("night, until 06:00", all...)))
	})
}
