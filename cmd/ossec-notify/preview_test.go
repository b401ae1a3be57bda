package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/sample"
)

// held are the secrets of all receivers, in the order of their fields.
func held(cfg *config.Config) []notifier.Secret {
	var all []notifier.Secret
	for _, r := range cfg.Receivers {
		r.Config.Secrets(func(_ string, s *notifier.Secret) { all = append(all, *s) })
	}
	return all
}

func TestPreviewLeavesTheConfigAsItIs(t *testing.T) {
	cfg := mustLoad(t, `
receivers:
  soc: {slack: {webhook_url: {file: /nonexistent/soc.url}}}
  oncall: {pagerduty: {routing_key: {env: NO_SUCH_VARIABLE}}}
  hook:
    webhook:
      url: {file: /nonexistent/hook.url}
      headers: {X-Api-Key: {file: /nonexistent/key}}
      basic_auth: {username: u, password: {file: /nonexistent/password}}
      hmac: {secret: {file: /nonexistent/hmac}}
always: [soc, oncall, hook]
`)
	before := held(cfg)
	p, err := newPreviewer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	a, err := sample.Alert("5712")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range p.Plan(a) {
		shown, _, err := p.show(t.Context(), x)
		if err != nil || len(*shown.Requests) != 1 {
			t.Errorf("%s: got %v, %v, want one request", x.Receiver.Name, shown.Requests, err)
		}
		if text := fmt.Sprintf("%+v", *shown.Requests); strings.Contains(text, unreadable) || strings.Contains(text, "redacted.invalid") {
			t.Errorf("%s: a placeholder is shown as if it were the secret: %s", x.Receiver.Name, text)
		}
	}
	if diff := cmp.Diff(before, held(cfg)); diff != "" {
		t.Errorf("the config's secrets were changed (-before +after):\n%s", diff)
	}
	for i, s := range held(cfg) {
		if _, err := s.Read(t.Context()); err == nil && !s.IsZero() {
			t.Errorf("secret %d can be read, though it is not there: %v", i, s)
		}
	}
}

func TestRedactorKnowsWhatIsSecret(t *testing.T) {
	t.Setenv("TEST_HOOK_URL", "https://hook.example.com/in/topsecret-path")
	r := newRedactor(mustLoad(t, `
receivers:
  soc: {slack: {webhook_url: "https://hooks.slack.com/services/T0/B0/topsecret-webhook"}}
  open:
    webhook: {url: https://hook.example.com/open/topic, headers: {X-Team: team-of-soc, X-Api-Key: topsecret-key}}
  closed: {webhook: {url: {env: TEST_HOOK_URL}, bearer_token: topsecret-bearer}}
always: [soc, open, closed]
`).Receivers)
	for in, want := range map[string]string{
		"https://hooks.slack.com/services/T0/B0/topsecret-webhook": "https://hooks.slack.com/services/[redacted]",
		"https://hook.example.com/open/topic":                      "https://hook.example.com/open/topic",
		"https://hook.example.com/in/topsecret-path":               "https://hook.example.com/in/[redacted]",
		unreadableURL: notifier.Redacted,
	} {
		u, err := url.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.url(u); got != want {
			t.Errorf("%s is shown as %s, want %s", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"X-Team: team-of-soc": "team-of-soc", "X-Api-Key: topsecret-key": notifier.Redacted,
		"Authorization: Bearer topsecret-bearer": "Bearer [redacted]", "X-Other: " + unreadable: notifier.Redacted,
	} {
		name, value, _ := strings.Cut(in, ": ")
		if got := r.header(name, value); got != want {
			t.Errorf("%s is shown as %s, want %s", in, got, want)
		}
	}
}

// framed draws a delivery of a template's parts.
func framed(t *testing.T, receivers, name string, n notifier.Notification) string {
	t.Helper()
	p, err := newPreviewer(mustLoad(t, "receivers:\n"+receivers+"\nalways: []\n"))
	if err != nil {
		t.Fatal(err)
	}
	x := dispatch.Delivery{Receiver: p.Receivers[name]}
	shown := previewed{}
	_, _ = x.Receiver.Notifier.Notify(t.Context(), n)
	requests := p.recorder.take()
	shown.Requests = &requests
	var b strings.Builder
	frame(&b, x, n, shown)
	return ourStyles.ReplaceAllString(b.String(), "")
}

func TestFrameShowsWhatIsSent(t *testing.T) {
	parts := func(pairs ...string) map[string]display.Text {
		m := map[string]display.Text{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = display.Words(pairs[i+1])
		}
		return m
	}
	tests := []struct {
		name, receiver string
		parts          map[string]display.Text
		want, not      []string
	}{
		{
			"raw webhook with other parts", "hook: {webhook: {url: https://example.com/hook, body: raw}}",
			parts("raw", "as it came", "body", "never sent", "header", "nor this", "summary", "nor that"),
			[]string{"POST https://example.com/hook", "┃ as it came", "└ request of 10 bytes"}, []string{"never sent", "nor this", "nor that"},
		},
		{
			"plain template of a chat", "hook: {slack: {webhook_url: https://hooks.slack.com/x}}",
			parts("body", "all of it", "header", "never sent"),
			[]string{"┃ all of it", "└ body 9 of 8,000, blocks 9 of 13,000"}, []string{"never sent", "POST"},
		},
		{
			"incident whose key is too long", "hook: {pagerduty: {routing_key: 00000000000000000000000000000000}}",
			parts("summary", "what happened", "details.json", `{"b":"2","a":"1"}`),
			[]string{"┃ what happened\n┃ a           1\n┃ b           2\n┃ incident key\n┃ ↪ sha256:", "└ summary 13 of 1,024, key 71 of 255"}, []string{"kkkk"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := notifier.Notification{Action: notifier.Trigger, DedupKey: strings.Repeat("k", 300), Parts: tt.parts}
			got := framed(t, "  "+tt.receiver, "hook", n)
			for _, want := range tt.want {
				if !strings.Contains(got, want) {
					t.Errorf("it does not show %q:\n%s", want, got)
				}
			}
			for _, not := range tt.not {
				if strings.Contains(got, not) {
					t.Errorf("it shows %q, which is not sent:\n%s", not, got)
				}
			}
		})
	}
}

func TestRecorderKeepsTheSizeThatTravels(t *testing.T) {
	r := &recorder{redact: newRedactor(nil)}
	packed := notifier.Gzip([]byte(strings.Repeat("x", 5000)))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://example.com/", strings.NewReader(string(packed)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Encoding", "gzip")
	if _, err := r.RoundTrip(req); err != errRecorded {
		t.Fatal(err)
	}
	got := r.take()[0]
	if text, _ := got.Body.(string); len(text) != 5000 || got.size != len(packed) {
		t.Errorf("got %d bytes shown, size %d, want 5000, %d", len(text), got.size, len(packed))
	}
}
