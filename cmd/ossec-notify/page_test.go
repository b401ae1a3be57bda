package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/draw"
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

func corpusFiles(t testing.TB) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(corpusDir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != "facts.json" {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) < 100 {
		t.Fatalf("%d alerts in %s: %v", len(files), corpusDir, err)
	}
	return files
}

// printed is what a command prints.
func printed(t *testing.T, args ...string) []byte {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(t.Context(), args, strings.NewReader(""), &out, &errs); code != exitDone {
		t.Fatalf("%q: exit status %d: %s", args[:2], code, errs.String())
	}
	return out.Bytes()
}

// The page shows of every alert of the corpus what preview and explain print of it: the same receivers in the same order, the
// same requests byte by byte, the same decisions. Nothing secret is in it.
func TestThePageShowsWhatTheCommandsPrint(t *testing.T) {
	home, e := webHome(t, webConfig)
	files := corpusFiles(t)
	type element struct {
		Alert, Receiver, Channel, Route, Message string
		Requests                                 []struct {
			Method, URL string
			Headers     map[string]string
			Body        json.RawMessage
		}
	}
	elements := unmarshal[[]element](t, printed(t, append([]string{"preview", "--home", home, "--format", "json"}, files...)...))
	decisions := bytes.Split(bytes.TrimSpace(printed(t, append([]string{"explain", "--home", home, "--format", "json"}, files...)...)), []byte("\n"))
	g := newTestPreviews(t, e, files...)
	state, err := g.State(t.Context())
	if err != nil || state.Sources[0].Count != len(decisions) {
		t.Fatalf("the page has %+v, explain %d alerts: %v", state.Sources, len(decisions), err)
	}
	for i := range decisions {
		p, err := g.Preview(t.Context(), page.Query{Alert: fmt.Sprintf("files-%d", i+1)})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(unmarshal[any](t, decisions[i]), unmarshal[any](t, p.Explain)); diff != "" {
			t.Errorf("%s: explain (-command +page):\n%s", p.Alert.Title, diff)
		}
		all, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"SLACKSECRET", "SLACKBOTSECRET", "0123456789abcdef0123456789abcdef", "HECSECRET", "HOOKSECRET"} {
			if bytes.Contains(all, []byte(secret)) {
				t.Errorf("%s: the page shows the secret %s", p.Alert.Title, secret)
			}
		}
		for _, c := range p.Cards {
			if len(elements) == 0 {
				t.Fatal("preview prints fewer messages")
			}
			want := elements[0]
			elements = elements[1:]
			if c.Receiver != want.Receiver || c.Channel != want.Channel || c.Route != want.Route {
				t.Errorf("%s: the card of %s by %s, want %s by %s", p.Alert.Title, c.Receiver, c.Route, want.Receiver, want.Route)
				continue
			}
			if want.Message != "" {
				source := draw.TextOf(view(t, c, page.ViewSource).Draw[0])
				if diff := cmp.Diff(stableMail(want.Message), stableMail(strings.ReplaceAll(source, "\n", "\r\n"))); diff != "" {
					t.Errorf("%s: mail (-preview +page):\n%s", p.Alert.Title, diff)
				}
				continue
			}
			var body string
			if json.Unmarshal(want.Requests[0].Body, &body) != nil {
				body = string(want.Requests[0].Body)
			}
			drawn := view(t, c, page.ViewRequest).Draw[0]
			if got := draw.TextOf(drawn.Children[0]); got != want.Requests[0].URL {
				t.Errorf("%s: the request goes to %s, want %s", p.Alert.Title, got, want.Requests[0].URL)
			}
			last := drawn.Children[len(drawn.Children)-1]
			if last.Kind == draw.Pre { // else it is a form, decoded
				if diff := cmp.Diff(decodedText(anyTime(body)), decodedText(anyTime(draw.TextOf(last)))); diff != "" {
					t.Errorf("%s: %s gets another body (-preview +page):\n%s", p.Alert.Title, c.Receiver, diff)
				}
			}
			if want.Requests[0].Headers["Content-Type"] == "application/json" {
				if diff := cmp.Diff(unmarshal[any](t, []byte(anyTime(string(want.Requests[0].Body)))), unmarshal[any](t, []byte(anyTime(c.Copy)))); diff != "" {
					t.Errorf("%s: what is copied (-preview +page):\n%s", p.Alert.Title, diff)
				}
			}
		}
		if told := len(p.Cards); told != len(p.NotTold) && told+len(p.NotTold) != len(state.Receivers) {
			t.Errorf("%s: %d are told and %d not, of %d receivers", p.Alert.Title, told, len(p.NotTold), len(state.Receivers))
		}
	}
	if len(elements) > 0 {
		t.Errorf("preview prints %d messages more", len(elements))
	}
}

// decodedText is JSON, of one or several values, as data; else the text.
func decodedText(s string) any {
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var all []any
	for {
		var v any
		switch err := d.Decode(&v); {
		case err == io.EOF:
			return all
		case err != nil:
			return s
		}
		all = append(all, v)
	}
}

func TestAConfigThatWasNamedAndIsNotThere(t *testing.T) {
	home, e := webHome(t, webConfig)
	e.config = filepath.Join(home, "nowhere.yaml")
	if _, err := e.newPreviews(t.Context(), input{}); err == nil || !strings.Contains(err.Error(), "there is no config") {
		t.Errorf("got %v", err)
	}
}
