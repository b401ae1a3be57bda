package preview

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/sample"
)

// load loads a config.
func load(t *testing.T, text string) *config.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ossec-notify.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r := config.Read(path, t.TempDir())
	if r.Config == nil {
		t.Fatal(r.Err, r.Problems)
	}
	return r.Config
}

// held are the secrets of all receivers, in the order of their fields.
func held(cfg *config.Config) []notifier.Secret {
	var all []notifier.Secret
	for _, r := range cfg.Receivers {
		r.Config.Secrets(func(_ string, s *notifier.Secret) { all = append(all, *s) })
	}
	return all
}

func TestPreviewLeavesTheConfigAsItIs(t *testing.T) {
	cfg := load(t, `
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
	p, err := New(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := sample.Alert("5712")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range p.Plan(a) {
		shown, _, err := p.Show(t.Context(), x)
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
	r := redactorOf(load(t, `
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
		if got := r.URL(u); got != want {
			t.Errorf("%s is shown as %s, want %s", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"X-Team: team-of-soc": "team-of-soc", "X-Api-Key: topsecret-key": notifier.Redacted,
		"Authorization: Bearer topsecret-bearer": "Bearer [redacted]", "X-Other: " + unreadable: notifier.Redacted,
	} {
		name, value, _ := strings.Cut(in, ": ")
		if got := r.Header(name, value); got != want {
			t.Errorf("%s is shown as %s, want %s", in, got, want)
		}
	}
}

func TestRecorderKeepsTheSizeThatTravels(t *testing.T) {
	r := &recorder{redact: redactorOf(nil)}
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
	if text, _ := got.Body.(string); len(text) != 5000 || got.Size != len(packed) {
		t.Errorf("got %d bytes shown, size %d, want 5000, %d", len(text), got.Size, len(packed))
	}
}

func TestAddressOfLinesShowsWhereTheyGoAndNoSecret(t *testing.T) {
	r := NewRedactor([]string{"s3cr3t-t0ken"}, nil)
	for in, want := range map[string]string{
		"https://splunk:8088/services/collector/raw?host=s3cr3t-t0ken&index=ossec&key=0123456789&source=%2Fvar%2Flog%2Fauth.log": "https://splunk:8088/services/collector/raw?host=[redacted]&index=ossec&key=[redacted]&source=%2Fvar%2Flog%2Fauth.log",
		"https://splunk:8088/hook?source=%2Fvar%2Flog%2Fauth.log":                                                                "https://splunk:8088/hook?source=[redacted]",
	} {
		u, err := url.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.URL(u); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
