package slack

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/notifiertest"
)

const hookPath = "/services/T00000000/B00000000/notARealHookToken0000"

func webhookCase(n notifier.Notification) notifiertest.Case {
	return notifiertest.Case{
		New: func(t *testing.T, url string, client *http.Client) notifier.Notifier {
			return newNotifier(t, Config{WebhookURL: notifier.PlainSecret(url + hookPath)}, client)
		},
		Notification: n,
		Secrets:      []string{hookPath, "notARealHookToken0000"},
		Broken: map[string]func(*testing.T, string, *http.Client) notifier.Notifier{
			"no URL": func(t *testing.T, _ string, client *http.Client) notifier.Notifier {
				return newNotifier(t, Config{WebhookURL: notifiertest.FileSecret(t, "notARealHookToken0000")}, client)
			},
			"two URLs": func(t *testing.T, url string, client *http.Client) notifier.Notifier {
				return newNotifier(t, Config{WebhookURL: notifiertest.FileSecret(t, url+hookPath+"\n"+url+hookPath)}, client)
			},
		},
		Accept: func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "ok") },
		Refuse: func(w http.ResponseWriter, status int) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, map[int]string{400: "invalid_payload", 403: "action_prohibited", 404: "no_service", 410: "channel_is_archived", 500: "rollup_error"}[status])
		},
	}
}

func botCase(n notifier.Notification) notifiertest.Case {
	return notifiertest.Case{
		New: func(t *testing.T, url string, client *http.Client) notifier.Notifier {
			return newNotifier(t, Config{Token: notifier.PlainSecret("not-a-real-bot-token"), Channel: "#soc", APIURL: url + "/api"}, client)
		},
		Notification: n,
		Secrets:      []string{"not-a-real-bot-token"},
		Broken: map[string]func(*testing.T, string, *http.Client) notifier.Notifier{
			"token of two lines": func(t *testing.T, url string, client *http.Client) notifier.Notifier {
				return newNotifier(t, Config{Token: notifiertest.FileSecret(t, "not-a-real-bot-token\nx"), Channel: "#soc", APIURL: url + "/api"}, client)
			},
		},
		Earlier:   &notifier.Receipt{ID: "1795440502.000100", Channel: "C0000SOC1"},
		Traceless: []notifier.Action{notifier.Update, notifier.Acknowledge, notifier.Resolve},
		Accept: func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"ok":true,"channel":"C0SOC","ts":"1795440503.000100"}`)
		},
		Refuse: func(w http.ResponseWriter, status int) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"ok":false}`)
		},
	}
}

func newNotifier(t *testing.T, cfg Config, client *http.Client) *Notifier {
	t.Helper()
	n, err := New(cfg, client)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestWebhookKeepsTheRulesOfChannels(t *testing.T) { notifiertest.Run(t, webhookCase(bruteForce())) }

func TestBotKeepsTheRulesOfChannels(t *testing.T) { notifiertest.Run(t, botCase(bruteForce())) }

func TestBotWithThreadsKeepsTheRulesOfChannels(t *testing.T) {
	c := botCase(bruteForce())
	c.New = func(t *testing.T, url string, client *http.Client) notifier.Notifier {
		return newNotifier(t, Config{Token: notifier.PlainSecret("not-a-real-bot-token"), Channel: "#soc", APIURL: url + "/api", Repeats: "thread"}, client)
	}
	c.Traceless = []notifier.Action{notifier.Acknowledge, notifier.Resolve}
	notifiertest.Run(t, c)
}

func TestWebhookPayload(t *testing.T) {
	for name, n := range examples() {
		t.Run(name, func(t *testing.T) {
			r := notifiertest.Requests(t, webhookCase(n))[0]
			if r.Method != http.MethodPost || r.Path != hookPath || r.Header.Get("Content-Type") != "application/json" {
				t.Errorf("got %s %s as %s", r.Method, r.Path, r.Header.Get("Content-Type"))
			}
			notifiertest.GoldenJSON(t, name+".golden.json", r.Body)
		})
	}
}

func TestBotSendsTheSameMessageWithMetadata(t *testing.T) {
	n := bruteForce()
	r := notifiertest.Requests(t, botCase(n))[0]
	if want := "/api/chat.postMessage"; r.Path != want {
		t.Errorf("got path %s, want %s", r.Path, want)
	}
	form, err := url.ParseQuery(string(r.Body))
	if err != nil {
		t.Fatal(err)
	}
	payload := map[string]any{"unfurl_links": form.Get("unfurl_links") == "true", "unfurl_media": form.Get("unfurl_media") == "true"}
	payload["text"] = form.Get("text")
	for _, key := range []string{"blocks", "attachments", "metadata"} {
		payload[key] = json.RawMessage(form.Get(key))
	}
	if got, want := form.Get("metadata"), `{"event_type":"ossec_notify","event_payload":{"delivery":"01J9Z3","id":"1795440502.8"}}`; got != want {
		t.Errorf("got metadata %s, want %s", got, want)
	}
	if form.Get("channel") != "#soc" || form.Get("unfurl_links") != "false" || form.Get("unfurl_media") != "false" {
		t.Errorf("got channel %q, unfurl_links %q, unfurl_media %q", form.Get("channel"), form.Get("unfurl_links"), form.Get("unfurl_media"))
	}
	delete(payload, "metadata")
	body, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	notifiertest.GoldenJSON(t, "brute-force.golden.json", body) // the webhook's
}

func TestBotReceiptNamesMessageAndChannel(t *testing.T) {
	c := botCase(bruteForce())
	s := httptest.NewServer(c.Accept)
	defer s.Close()
	got, err := c.New(t, s.URL, s.Client()).Notify(t.Context(), c.Notification)
	want := notifier.Receipt{Status: 200, ID: "1795440503.000100", Channel: "C0SOC"}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestAnswersOfTheWebhook(t *testing.T) {
	tests := []struct {
		status int
		body   string
		reason notifier.Reason
		code   string
		hint   string // a part of it
	}{
		{200, "okay", notifier.Temporary, "okay", ""},
		{200, "<html>log in</html>", notifier.Temporary, "", "proxy"},
		{400, "invalid_payload", notifier.Permanent, "invalid_payload", "preview"},
		{400, "invalid_blocks", notifier.Permanent, "invalid_blocks", "preview"},
		{400, "no_text", notifier.Permanent, "no_text", "preview"},
		{400, "user_not_found", notifier.Misconfigured, "user_not_found", "channel"},
		{403, "invalid_token", notifier.Misconfigured, "invalid_token", "URL"},
		{403, "action_prohibited", notifier.Misconfigured, "action_prohibited", "administrators"},
		{404, "no_service", notifier.Misconfigured, "no_service", "webhook_url"},
		{404, "channel_not_found", notifier.Misconfigured, "channel_not_found", "invite"},
		{410, "channel_is_archived", notifier.Misconfigured, "channel_is_archived", "archived"},
		{429, "message_limit_exceeded", notifier.Temporary, "message_limit_exceeded", "quota"},
		{500, "rollup_error", notifier.Temporary, "rollup_error", ""},
		{502, "<html>bad gateway</html>", notifier.Temporary, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.body, func(t *testing.T) {
			checkAnswer(t, webhookCase(bruteForce()), tt.status, tt.body, tt.reason, tt.code, tt.hint)
		})
	}
}

func TestAnswersOfTheAPI(t *testing.T) {
	tests := []struct {
		word   string
		reason notifier.Reason
		hint   string
	}{
		{"ratelimited", notifier.Temporary, ""},
		{"rate_limited", notifier.Temporary, ""},
		{"internal_error", notifier.Temporary, ""},
		{"service_unavailable", notifier.Temporary, ""},
		{"a_word_of_tomorrow", notifier.Temporary, ""},
		{"msg_too_long", notifier.Permanent, "preview"},
		{"invalid_blocks", notifier.Permanent, "preview"},
		{"invalid_auth", notifier.Misconfigured, "token"},
		{"token_revoked", notifier.Misconfigured, "token"},
		{"missing_scope", notifier.Misconfigured, "chat:write"},
		{"channel_not_found", notifier.Misconfigured, "invite"},
		{"not_in_channel", notifier.Misconfigured, "/invite"},
		{"is_archived", notifier.Misconfigured, "archived"},
	}
	for _, tt := range tests {
		t.Run(tt.word, func(t *testing.T) {
			checkAnswer(t, botCase(bruteForce()), 200, `{"ok":false,"error":"`+tt.word+`"}`, tt.reason, tt.word, tt.hint)
		})
	}
	t.Run("with details", func(t *testing.T) {
		err := checkAnswer(t, botCase(bruteForce()), 200,
			`{"ok":false,"error":"invalid_blocks","response_metadata":{"messages":["[ERROR] too long [json-pointer:/blocks/0]"]}}`,
			notifier.Permanent, "invalid_blocks", "preview")
		if !strings.Contains(err.Error(), "too long [json-pointer:/blocks/0]") {
			t.Errorf("the error leaves out what Slack says: %v", err)
		}
	})
	t.Run("not JSON", func(t *testing.T) {
		checkAnswer(t, botCase(bruteForce()), 200, "<html>", notifier.Temporary, "", "proxy")
	})
	t.Run("rate limit with status", func(t *testing.T) {
		checkAnswer(t, botCase(bruteForce()), 429, `{"ok":false,"error":"ratelimited"}`, notifier.Temporary, "ratelimited", "")
	})
}

// checkAnswer lets a server answer so and compares the error.
func checkAnswer(t *testing.T, c notifiertest.Case, status int, body string, reason notifier.Reason, code, hint string) error {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	defer s.Close()
	_, err := c.New(t, s.URL, s.Client()).Notify(t.Context(), c.Notification)
	if err == nil {
		t.Fatal("got no error")
	}
	got := notifier.Classify(err)
	if got.Reason != reason || got.Code != code || got.Status != status {
		t.Errorf("got %v, code %q, status %d, want %v, %q, %d: %v", got.Reason, got.Code, got.Status, reason, code, status, err)
	}
	if !strings.Contains(got.Hint, hint) || (hint == "" && got.Hint != "") {
		t.Errorf("got hint %q, want one with %q", got.Hint, hint)
	}
	return err
}

func TestEmptyMessageIsNotSent(t *testing.T) {
	n := newNotifier(t, Config{WebhookURL: notifier.PlainSecret("http://127.0.0.1:1/hook")}, http.DefaultClient)
	for _, parts := range []map[string]display.Text{nil, {"footer": display.Words("only a footer")}, {"text": display.Words(" \n")}} {
		_, err := n.Notify(t.Context(), notifier.Notification{Action: notifier.Trigger, Parts: parts})
		if err == nil || notifier.Classify(err).Reason != notifier.Permanent {
			t.Errorf("parts %v: got %v, want a permanent error", parts, err)
		}
	}
}

func TestSecretsAreReadWhenTheyAreUsed(t *testing.T) {
	n := newNotifier(t, Config{WebhookURL: notifiertest.MissingSecret(t)}, http.DefaultClient)
	_, err := n.Notify(t.Context(), bruteForce())
	if err == nil || !notifier.Retryable(err) {
		t.Errorf("got %v, want a temporary error: the file may come", err)
	}
}

func TestValidateFindsEveryMistake(t *testing.T) {
	tests := []struct {
		name, config string
		want         []string // keys
	}{
		{"webhook", "webhook_url: https://hooks.slack.com/services/T/B/x", nil},
		{"webhook from a file", "webhook_url: {file: /etc/ossec-notify/soc.url}", nil},
		{"bot", "{token: {file: /etc/ossec-notify/bot.token}, channel: '#soc'}", nil},
		{"nothing", "{}", []string{"webhook_url"}},
		{"both", "{webhook_url: https://hooks.slack.com/services/T/B/x, token: xoxb-1, channel: '#soc'}", []string{"token"}},
		{"no channel", "token: xoxb-1", []string{"channel"}},
		{"channel of a webhook", "{webhook_url: https://hooks.slack.com/services/T/B/x, channel: '#soc'}", []string{"channel"}},
		{"app token", "{token: xapp-1, channel: '#soc'}", []string{"token"}},
		{"four at once", "{webhook_url: hooks.slack.com, channel: a b, api_url: slack, network: {proxy: proxy}}", []string{"channel", "webhook_url", "api_url", "network.proxy"}},
		{"token of two lines", `{token: "xoxb-1\nx", channel: '#soc'}`, []string{"token"}},
		{"blank webhook", "webhook_url: ' '", []string{"webhook_url"}},
		{"repeats of a bot", "{token: xoxb-1, channel: '#soc', repeats: thread}", nil},
		{"repeats of a webhook", "{webhook_url: https://hooks.slack.com/services/T/B/x, repeats: edit}", []string{"repeats"}},
		{"threads of a webhook", "{webhook_url: https://hooks.slack.com/services/T/B/x, repeats: thread}", []string{"repeats"}},
		{"no repeats of a webhook", "{webhook_url: https://hooks.slack.com/services/T/B/x, repeats: none}", nil},
		{"unknown repeats", "{token: xoxb-1, channel: '#soc', repeats: always}", []string{"repeats"}},
		{"blank in the channel", "{token: xoxb-1, channel: 'my channel'}", []string{"channel"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var cfg Config
			if err := yaml.Unmarshal([]byte(tt.config), &cfg); err != nil {
				t.Fatal(err)
			}
			err := cfg.Validate()
			if diff := cmp.Diff(tt.want, notifiertest.Keys(err)); diff != "" {
				t.Errorf("keys with mistakes (-want +got):\n%s\n%v", diff, err)
			}
		})
	}
}

func TestMetersCountWhatIsSent(t *testing.T) {
	tests := []struct {
		name  string
		parts map[string]string
		want  []notifier.Meter
	}{
		{
			"blocks", map[string]string{"header": "HIGH: x", "text": "not in the blocks", "facts": "*From*  ‹<a>›", "log": "```‹😀›```", "footer": "id 1", "color": "#D9480F"},
			[]notifier.Meter{{Name: "header", N: 7, Limit: 150}, {Name: "facts", N: 19, Limit: 3000}, {Name: "log", N: 8, Limit: 3000}, {Name: "blocks", N: 38, Limit: 13000}},
		},
		{
			"long", map[string]string{"header": "‹" + strings.Repeat("x", 200) + "›"},
			[]notifier.Meter{{Name: "header", N: 150, Limit: 150}, {Name: "blocks", N: 150, Limit: 13000}},
		},
		{
			"plain template", map[string]string{"body": "a ‹b›", "header": "not sent", "footer": "id 1"},
			[]notifier.Meter{{Name: "body", N: 5, Limit: 8000}, {Name: "blocks", N: 9, Limit: 13000}},
		},
		{"nothing to send", map[string]string{"footer": "id 1"}, nil},
	}
	n := newNotifier(t, Config{WebhookURL: notifier.PlainSecret("https://hooks.slack.com/x")}, nil)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, n.Meters(notification(tt.parts))); diff != "" {
				t.Errorf("meters differ (-want +got):\n%s", diff)
			}
		})
	}
}

// text reads a short notation: what stands in ‹…› is a quotation.
func text(s string) display.Text {
	var t display.Text
	for s != "" {
		words, rest, ok := strings.Cut(s, "‹")
		t = display.Join(t, display.Words(words))
		if !ok {
			break
		}
		quote, after, _ := strings.Cut(rest, "›")
		t = display.Join(t, display.Quote(quote))
		s = after
	}
	return t
}

func notification(parts map[string]string) notifier.Notification {
	n := notifier.Notification{
		Action: notifier.Trigger, Delivery: "01J9Z3", Alert: "1795440502.8", Occurrence: 1, Receiver: "soc",
		DedupKey: "-/web-01/5712/203.0.113.9", Severity: "medium",
		Time:  time.Date(2026, 11, 23, 13, 28, 22, 0, time.UTC),
		Parts: map[string]display.Text{},
	}
	for name, s := range parts {
		n.Parts[name] = text(s)
	}
	return n
}

func bruteForce() notifier.Notification { return examples()["brute-force"] }

// examples are alerts of six kinds, as the default template gives them to this channel.
func examples() map[string]notifier.Notification {
	return map[string]notifier.Notification{
		"brute-force": notification(map[string]string{
			"header": "MEDIUM: SSH brute force from ‹203.0.113.9› on ‹web-01›",
			"text":   "MEDIUM: SSH brute force from ‹203.0.113.9› on ‹web-01›\nFrom: ‹203.0.113.9›\nUser: ‹admin› (no such user)\nTries: at least 8\nNext: Was any login from this address accepted? If it goes on, block it.",
			"facts":  "*From*  ‹203.0.113.9›\n*User*  ‹admin› (no such user)\n*Tries*  at least 8\n*Next*  Was any login from this address accepted? If it goes on, block it.",
			"log":    "```‹Nov 23 13:20:17 web-01 sshd[2007]: Failed password for invalid user admin from 203.0.113.9 port 4007 ssh2\nNov 23 13:20:15 web-01 sshd[2005]: Failed password for invalid user admin from 203.0.113.9 port 4005 ssh2›```\n… 2 of at least 8 lines",
			"footer": "Rule 5712, level 10: ‹SSHD brute force trying to get access to the system.› · ‹/var/log/auth.log› · 2026-11-23 13:28:22 UTC · id 1795440502.8 · route page",
			"color":  "#B7791F",
		}),
		"file-changed": notification(map[string]string{
			"header": "MEDIUM: File changed: ‹/etc/hosts.deny› on ‹db-02›",
			"text":   "MEDIUM: File changed: ‹/etc/hosts.deny› on ‹db-02›\nChanged: size ‹421› to ‹433›, content\nBy: ‹operator› as ‹root›, with ‹/bin/nano› (pid ‹4711›)\nNow: ‹root:root› ‹rw-r--r--›\nSHA-256: ‹0a1b2c3d4e5f› to ‹f5e4d3c2b1a0›\nNext: Planned? If not, restore the file and look at what this login did.",
			"facts":  "*Changed*  size ‹421› to ‹433›, content\n*By*  ‹operator› as ‹root›, with ‹/bin/nano› (pid ‹4711›)\n*Now*  ‹root:root› ‹rw-r--r--›\n*SHA-256*  ‹0a1b2c3d4e5f› to ‹f5e4d3c2b1a0›\n*Next*  Planned? If not, restore the file and look at what this login did.  <https://wazuh.example.com/alert/1795440502.9|Open alert>",
			"log":    "```‹10a11,12\n> 192.0.2.34›```",
			"footer": "Rule 550, level 7: ‹Integrity checksum changed.› · ‹syscheck› · 2026-11-23 13:28:22 -08:00 · id 1795440502.9 · route fim",
			"color":  "#B7791F",
		}),
		"windows-logon": notification(map[string]string{
			"header": "LOW: Windows logon failed for ‹operator› on ‹desk-03›",
			"text":   "LOW: Windows logon failed for ‹operator› on ‹desk-03›\nUser: ‹DESK-03\\operator› (local account)\nReason: wrong password (‹0xc000006a›)\nLogon: at the keyboard (type ‹2›)\nFrom: this machine (‹127.0.0.1›)\nNext: Once is a typo. Again and again, or with nobody there, is not.",
			"facts":  "*User*  ‹DESK-03\\operator› (local account)\n*Reason*  wrong password (‹0xc000006a›)\n*Logon*  at the keyboard (type ‹2›)\n*From*  this machine (‹127.0.0.1›)\n*Next*  Once is a typo. Again and again, or with nobody there, is not.  <https://wazuh.example.com/alert/1795440503.1|Open alert>",
			"log":    "```‹4625 Security AUDIT_FAILURE: An account failed to log on.›```",
			"footer": "Rule 60122, level 5: ‹Logon Failure - Unknown user or bad password› · ‹EventChannel› · 2026-11-23 20:28:23 +07:00 · id 1795440503.1 · route windows",
			"color":  "#2F7FC1",
		}),
		"web-scan": notification(map[string]string{
			"header": "MEDIUM: Web scan from ‹198.51.100.77› on ‹web-01›",
			"text":   "MEDIUM: Web scan from ‹198.51.100.77› on ‹web-01›\nFrom: ‹198.51.100.77›\nRequest: ‹GET /phpmyadmin13/›, answered ‹404›\nClient: ‹Mozilla/5.0 zgrab/0.x›\nNote: text as OSSEC's shell format leaves it: quotes and more are blanks\nNext: Any answer but 4xx to this address? If there is none, it is noise.",
			"facts":  "*From*  ‹198.51.100.77›\n*Request*  ‹GET /phpmyadmin13/›, answered ‹404›\n*Client*  ‹Mozilla/5.0 zgrab/0.x›\n*Note*  text as OSSEC's shell format leaves it: quotes and more are blanks\n*Next*  Any answer but 4xx to this address? If there is none, it is noise.",
			"log":    "```‹198.51.100.77 - - [23/Nov/2026:13:22:23 +0000]  GET /phpmyadmin13/ HTTP/1.1  404 162  -   Mozilla/5.0 zgrab/0.x›```",
			"footer": "Rule 31151, level 10: ‹Multiple web server 400 error codes from same source ip.› · ‹/var/log/nginx/access.log› · 2026-11-23 13:28:23 UTC · id h-ce95b7d13465a1c9 · receiver argv-slack-4b1f0c",
			"color":  "#B7791F",
		}),
		"block-without-log": notification(map[string]string{
			"header": "INFO: Blocked ‹203.0.113.9› on ‹vm›",
			"text":   "INFO: Blocked ‹203.0.113.9› on ‹vm›\nAddress: ‹203.0.113.9›\nHow: ‹firewall-drop.sh›\nBecause: rule ‹5712›, alert ‹1795439488.12345›\nNext: Nothing, if the block is right.",
			"facts":  "*Address*  ‹203.0.113.9›\n*How*  ‹firewall-drop.sh›\n*Because*  rule ‹5712›, alert ‹1795439488.12345›\n*Next*  Nothing, if the block is right.",
			"log":    "",
			"footer": "Rule 601, level 3: ‹Host Blocked by firewall-drop.sh Active Response› · ‹/var/ossec/logs/active-responses.log› · 2026-11-23 13:28:24 UTC · id 1795440504.44 · route blocks",
			"color":  "#7A869A",
		}),
		"hostile": notification(map[string]string{
			"header": "HIGH: Rule 100300 fired on agent 001",
			"text":   "HIGH: Rule 100300 fired on agent 001\nSays: ‹<!channel> <@U123> <https://evil.example/|click> *bold* `code` & \"q\" @everyone [x](http://evil.example)›\nAgent: ‹web</b>01\"; drop›\nFrom: ‹203.0.113.9, 10.0.0.1› (not one address)\nNote: text holds mention, link, markup, control and bidi characters: shown, not run\nNext: Somebody writes to your screen: find who can write this log.",
			"facts":  "*Says*  ‹<!channel> <@U123> <https://evil.example/|click> *bold* `code` & \"q\" @everyone [x](http://evil.example)›\n*Agent*  ‹web</b>01\"; drop›\n*From*  ‹203.0.113.9, 10.0.0.1› (not one address)\n*Note*  text holds mention, link, markup, control and bidi characters: shown, not run\n*Next*  Somebody writes to your screen: find who can write this log.  <https://wazuh.example.com/alert/1714979289.1|Open alert>",
			"log":    "```‹line1 ```fence``` <script>alert(1)</script>\nline2 \x07\x1b[31mred\x1b[0m \u202eRTL \u200b zero 😀 {{.Exec}} ${jndi:ldap://x} %s%n›```",
			"footer": "Rule 100300, level 12 · ‹/var/log/o'brien \"x\".log› · 2024-05-06 07:08:09 UTC · id 1714979289.1 · route page",
			"color":  "#D9480F",
		}),
		"plain-template": notification(map[string]string{
			"body":   "*web-01* says ‹Failed password for `root`\nfrom 203.0.113.9›\n```‹a & b›```\n<!subteam^S1> <https://wazuh.example.com/alert/‹1/2?x›|Open ‹a|b>c›>",
			"footer": "Rule 5712, level 10 · id 1795440502.8",
			"color":  "#B7791F",
		}),
	}
}
