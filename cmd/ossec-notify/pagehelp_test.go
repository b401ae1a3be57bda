package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ossec-notify/ossec-notify/page"
	"github.com/ossec-notify/ossec-notify/page/live"
)

// webConfig has every channel, routes that take, miss and are not asked, one inside another, and one that tells nobody.
const webConfig = `time_zone: UTC
receivers:
  soc:
    slack: {webhook_url: https://hooks.slack.com/services/T000/B000/SLACKSECRET1234567890}
  soc-bot:
    slack: {token: xoxb-SLACKBOTSECRET, channel: "#soc"}
  oncall:
    pagerduty: {routing_key: 0123456789abcdef0123456789abcdef}
  siem:
    splunk: {url: "https://splunk.example.com:8088", token: HECSECRET-0123456789, index: ossec}
  hook:
    webhook: {url: https://hook.example.com/HOOKSECRET0123456789abc}
  root-mail:
    email: {smtp: "smtp://localhost", from: ossec@example.com, to: [root@example.com]}
always: [siem]
routes:
  - name: page
    match: {severity: high}
    to: [oncall, soc]
    routes:
      - name: web
        match: {group: web}
        to: [hook, soc-bot]
  - name: quiet
    match: {rule: 500-506}
    to: []
  - name: files
    match: {group: syscheck}
    to: [root-mail]
    continue: true
  - match: {level: 5}
    to: [soc, hook]
`

// webHome is a home with a config in its place.
func webHome(t testing.TB, config string) (home string, e *env) {
	t.Helper()
	t.Setenv("OSSEC_NOTIFY_CONFIG", "")
	home = t.TempDir()
	putFile(t, filepath.Join(home, "etc", "ossec-notify.yaml"), config)
	return home, &env{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, home: home}
}

// putFile puts a file in its place at once, with its directory.
func putFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	next := path + ".next"
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
}

func newTestPreviews(t testing.TB, e *env, files ...string) *live.Previews {
	t.Helper()
	g, err := e.newPreviews(t.Context(), input{files: files})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	return g
}

func unmarshal[T any](t *testing.T, text []byte) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v in %.200s", err, text)
	}
	return v
}

func view(t *testing.T, c page.Card, id string) page.View {
	t.Helper()
	i := slices.IndexFunc(c.Views, func(v page.View) bool { return v.ID == id })
	if i < 0 {
		t.Fatalf("the card of %s has no view %s", c.Receiver, id)
	}
	return c.Views[i]
}

func previewOf(t *testing.T, g *live.Previews, q page.Query) *page.Preview {
	t.Helper()
	p, err := g.Preview(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func cardOf(t *testing.T, p *page.Preview, receiver string) page.Card {
	t.Helper()
	i := slices.IndexFunc(p.Cards, func(c page.Card) bool { return c.Receiver == receiver })
	if i < 0 {
		t.Fatalf("%s has no card", receiver)
	}
	return p.Cards[i]
}
