package webhook

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/templates"
	"github.com/ossec-notify/ossec-notify/templates/presets"
	"github.com/ossec-notify/ossec-notify/testdata/injection"
)

// telegramRoom is the strict Telegram, which keeps the texts of what it is sent, and the notifier that sends there.
func telegramRoom(t *testing.T, own string) (n *Notifier, set *templates.Set, sent func() []string) {
	t.Helper()
	i := slices.IndexFunc(rooms(), func(r room) bool { return r.preset == "telegram" })
	x := rooms()[i]
	var texts []string
	takes := x.takes
	x.takes = func(r *http.Request, body []byte) error {
		var m struct{ Text string }
		if err := json.Unmarshal(body, &m); err != nil {
			return err
		}
		texts = append(texts, m.Text)
		return takes(r, body)
	}
	base, _ := serveRoom(t, x, noAnswer)
	cfg := x.config(base)
	cfg.UsePreset(presets.Embedded(x.preset))
	n, err := New(cfg, http.DefaultClient)
	if err != nil {
		t.Fatal(err)
	}
	if set, err = templates.Load(templates.Options{Links: map[string]string{"alert": "https://wazuh.example.com/app/alerts?id={{.ID}}"}}); err != nil {
		t.Fatal(err)
	}
	if set, err = set.WithText("own.tmpl", own); err != nil {
		t.Fatal(err)
	}
	if set, err = set.WithPreset(cfg.LoadedPreset(), cfg.PresetSettings()); err != nil {
		t.Fatal(err)
	}
	return n, set, func() []string {
		out := texts
		texts = nil
		return out
	}
}

// brokenLabel is a template of an operator's whose own words are no HTML.
const brokenLabel = `{{define "facts"}}{{range .Facts}}{{.Label}}: {{.Value}}
{{end}}Load <5: {{.Log}}
{{end}}`

// TestTelegramWithoutMarkup: what Telegram cannot read is sent once more, at once, in the same words without markup. Nothing of an alert is live there.
func TestTelegramWithoutMarkup(t *testing.T) {
	n, set, sent := telegramRoom(t, brokenLabel)
	a := alertOf(t, "wazuh/5712-ssh-brute-force.json")
	receipt, err := n.Notify(t.Context(), presetMessage(t, set, a, templates.Context{}))
	if err != nil || receipt.ID != "815" || !strings.Contains(receipt.Warning, "can't parse entities") {
		t.Fatalf("%+v, %v", receipt, err)
	}
	texts := sent()
	if len(texts) != 2 || !strings.Contains(texts[0], "<b><code>MEDIUM: SSH brute force from 203.0.113.9 on web-01</code></b>") {
		t.Fatalf("%q", texts)
	}
	for _, want := range []string{"MEDIUM: SSH brute force from 203.0.113.9 on web-01\n", "\nFrom 203.0.113.9 port 40131\n", "\nLoad <5 ", "\nNext Was any login", "\nhttps://wazuh.example.com/app/alerts?id=1773475803.3193 Open alert\n", "\nRule 5712, level 10"} {
		if !strings.Contains("\n"+texts[1], want) {
			t.Errorf("%q is missing in %q", want, texts[1])
		}
	}
	for _, p := range injection.All() {
		if p.Large {
			continue
		}
		m := presetMessage(t, set, hostileAlert(p.Text), templates.Context{})
		if receipt, err := n.Notify(t.Context(), m); err != nil || receipt.Warning == "" {
			t.Errorf("%s: %+v, %v, %q", p.Name, receipt, err, sent())
		}
		if texts := sent(); len(texts) != 2 {
			t.Errorf("%s: %d requests", p.Name, len(texts))
		}
	}

	// A message whose templates failed has markup, too.
	m := presetMessage(t, set, a, templates.Context{})
	m.Parts = map[string]display.Text{"body": display.Quote("it came")}
	if out, _, err := n.presetContent(m, n.preset.unmarked, filled{t.Context(), n, m, &secrets{}}); err != nil || !strings.Contains(out.body, `"text":"it came"`) || strings.Contains(out.body, "parse_mode") {
		t.Errorf("%s, %v", out.body, err)
	}
}

// TestOnceWithoutMarkup: it is one more request, whatever is answered to it, and that answer counts.
func TestOnceWithoutMarkup(t *testing.T) {
	const unread = `{"ok":false,"error_code":400,"description":"Bad Request: can't parse entities: Unsupported start tag"}`
	for _, x := range []struct {
		name   string
		status int
		body   string
		reason notifier.Reason
		says   string
	}{
		{"the same again", 400, unread, notifier.Permanent, "look for < and &"},
		{"down", 502, ``, notifier.Temporary, "502"},
		{"another mistake", 403, `{"ok":false,"description":"Forbidden: bot was kicked"}`, notifier.Misconfigured, "bot was kicked"},
	} {
		asked := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked++
			status, body := x.status, x.body
			if asked == 1 {
				status, body = 400, unread
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}))
		cfg := rooms()[1].config(server.URL)
		n, err := New(cfg, http.DefaultClient)
		if err != nil {
			t.Fatal(err)
		}
		cfg.UsePreset(presets.Embedded("telegram"))
		_, err = n.Notify(context.Background(), presetMessage(t, presetSet(t, cfg), alertOf(t, "wazuh/5712-ssh-brute-force.json"), templates.Context{}))
		server.Close()
		if e := notifier.Classify(err); err == nil || e.Reason != x.reason || !strings.Contains(err.Error(), x.says) || asked != 2 {
			t.Errorf("%s: %d requests, %v", x.name, asked, err)
		}
	}
}
