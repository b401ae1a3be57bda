package live

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/channel"
	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/draw"
	"github.com/ossec-notify/ossec-notify/explain"
	"github.com/ossec-notify/ossec-notify/oncall"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/page"
	"github.com/ossec-notify/ossec-notify/site"
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
func webHome(t testing.TB, text string) (home string, o Options) {
	t.Helper()
	home = t.TempDir()
	o = Options{
		Config: filepath.Join(home, "etc", "ossec-notify.yaml"), Home: home, States: []string{filepath.Join(home, "queue", "ossec-notify"), filepath.Join(home, "var", "run", "ossec-notify")},
		Read: func(_ context.Context, file string, zone *time.Location) iter.Seq2[*alert.Alert, error] {
			b, err := os.ReadFile(file)
			if err != nil {
				return func(yield func(*alert.Alert, error) bool) { yield(nil, err) }
			}
			return alert.Read(bytes.NewReader(b), alert.Options{FileName: filepath.Base(file), Location: zone})
		},
		OnCall: func(context.Context, *config.Config) (*oncall.Cache, func()) {
			cache := oncall.Remembered(nil, slog.New(slog.DiscardHandler))
			return cache, cache.Close
		},
	}
	putFile(t, o.Config, text)
	return home, o
}

// received is when the alerts of the corpus came.
var received = time.Date(2026, 11, 23, 13, 28, 22, 0, time.UTC)

func corpusAlert(t testing.TB, file string, zone *time.Location) *alert.Alert {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "testdata", "alerts", file))
	if err != nil {
		t.Fatal(err)
	}
	return alert.Parse(b, alert.Options{FileName: filepath.Base(file), Location: zone, Received: received})
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

func newTestPreviews(t testing.TB, o Options, files ...string) *Previews {
	t.Helper()
	o.Files = files
	g, err := New(t.Context(), o)
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

func textOf(nodes []draw.Node) string {
	return draw.TextOf(draw.Node{Kind: draw.Para, Children: nodes})
}

func previewOf(t *testing.T, g *Previews, q page.Query) *page.Preview {
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

// rows are the routes as one line each: "page takes oncall, soc: why".
func rows(p *page.Preview) []string {
	var out []string
	for _, r := range p.Routes {
		out = append(out, strings.Repeat("  ", r.Depth)+r.Route+" "+r.Verdict+" "+strings.Join(r.To, ",")+": "+textOf(r.Reason))
	}
	return out
}

func TestRoutesSayWhy(t *testing.T) {
	_, o := webHome(t, webConfig)
	g := newTestPreviews(t, o)
	for _, tc := range []struct {
		alert, told string
		rows        []string
		not         map[string]string
	}{
		{"corpus-40112", "Told: oncall and soc by route page; siem always gets everything.", []string{
			"always takes siem: every alert, beside the routes",
			"page takes oncall,soc: severity: high holds: severity high (level 12) is at least high; the search ends here",
			"  page/web misses : asks for group: web; it has syslog, attacks, authentication_success",
			"quiet unasked : not asked, page took it",
			"files unasked : not asked, page took it",
			"routes[3] unasked : not asked, page took it",
		}, map[string]string{"soc-bot": "route page/web: group \"syslog\"", "root-mail": "route files: route page matched before it and ends the search"}},
		{"corpus-550", "Told: root-mail by route files; soc and hook by route routes[3]; siem always gets everything.", []string{
			"always takes siem: every alert, beside the routes",
			"page misses : asks for severity: high; this is medium",
			"  page/web unasked : not asked, because page around it does not match",
			"quiet misses : asks for rule: 500-506; this is 550",
			`files takes root-mail: group: syscheck holds: group has "syscheck"`,
			"routes[3] takes soc,hook: level: 5 holds: level 7 is at least 5; the search ends here",
		}, map[string]string{"oncall": "route page: severity medium"}},
	} {
		p := previewOf(t, g, page.Query{Alert: tc.alert})
		if got := textOf(p.Told); got != tc.told {
			t.Errorf("%s: got %q, want %q", tc.alert, got, tc.told)
		}
		if diff := cmp.Diff(tc.rows, rows(p)); diff != "" {
			t.Errorf("%s: rows (-want +got):\n%s", tc.alert, diff)
		}
		for _, n := range p.NotTold {
			if want, ok := tc.not[n.Receiver]; ok && !strings.Contains(textOf(n.Reason), want) {
				t.Errorf("%s: %s is not told: %q, want %q", tc.alert, n.Receiver, textOf(n.Reason), want)
			}
		}
		if p.Nobody != nil {
			t.Errorf("%s: nobody is told: %+v", tc.alert, p.Nobody)
		}
	}
	// Who is not told can be shown all the same.
	p := previewOf(t, g, page.Query{Alert: "corpus-550", To: "oncall"})
	if c := p.Cards[len(p.Cards)-1]; c.Receiver != "oncall" || c.Route != "" || len(c.Views) == 0 {
		t.Errorf("the last card is %s's, by %q", c.Receiver, c.Route)
	}
	var refused *page.Error
	if _, err := g.Preview(t.Context(), page.Query{Alert: "corpus-550", To: "onkall"}); !errors.As(err, &refused) || !strings.Contains(refused.Text, `did you mean "oncall"?`) {
		t.Errorf("to somebody unknown: %v", err)
	}
}

// Outside of a route's times nobody is told by it yet, and the page says so; the message is shown all the same.
func TestWhatIsHeldIsNotTold(t *testing.T) {
	config := strings.Replace(webConfig, "to: [oncall, soc]\n", "to: [oncall, soc]\n    active: gone\n", 1) + "windows: {gone: {dates: [\"2001-01-01\"]}}\n"
	_, o := webHome(t, config)
	p := previewOf(t, newTestPreviews(t, o), page.Query{Alert: "corpus-40112"})
	if got, want := textOf(p.Told), "Told: siem always gets everything. Held until its times: oncall and soc by route page."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	i := slices.IndexFunc(p.Routes, func(r page.RouteRow) bool { return r.Route == "page" })
	if notes := strings.Join(p.Routes[i].Notes, "\n"); !strings.Contains(notes, "held: at ") {
		t.Errorf("notes are %q", notes)
	}
	if len(cardOf(t, p, "oncall").Views) == 0 {
		t.Error("the message is not shown")
	}
}

func TestNobodyIsToldAndWhatToWrite(t *testing.T) {
	_, o := webHome(t, strings.Replace(strings.Replace(webConfig, "always: [siem]\n", "", 1), "match: {level: 5}", "match: {level: 11}", 1))
	g := newTestPreviews(t, o)
	p := previewOf(t, g, page.Query{Alert: "corpus-601"})
	if p.Nobody == nil || p.Nobody.Title != "Nobody is told" || p.Nobody.Paste != "default: [root-mail]\n" || !strings.Contains(textOf(p.Nobody.Reason), " The nearest is ") || textOf(p.Told) != "Nobody is told." || len(p.Cards) != 0 {
		t.Errorf("got %+v, %q", p.Nobody, textOf(p.Told))
	}
	ids, err := g.Paste(t.Context(), []byte(`{"id":"1.1","timestamp":"2026-11-23T13:28:22.000+0000","rule":{"id":"502","level":3,"description":"Manager started"},"agent":{"id":"000","name":"m"},"location":"wazuh-monitord"}`))
	if err != nil {
		t.Fatal(err)
	}
	if p := previewOf(t, g, page.Query{Alert: ids[0]}); p.Nobody == nil || p.Nobody.Title != "Nobody, on purpose, by route quiet" || p.Nobody.Paste != "" {
		t.Errorf("on purpose: got %+v", p.Nobody)
	}
}

// The page goes through lists without asking whether they are there.
func TestListsAreNeverNull(t *testing.T) {
	for name, config := range map[string]string{
		"receivers alone": "receivers: {hook: {webhook: {url: https://hooks.example.com/ossec}}}\n",
		"nothing":         "{}\n",
		"all":             webConfig,
	} {
		_, o := webHome(t, config)
		g := newTestPreviews(t, o)
		state, err := g.State(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		state.Faces = []string{} // the server fills it in
		answers := []any{state}
		for _, source := range state.Sources {
			list, err := g.Alerts(t.Context(), source.ID, "no such word", "")
			if err != nil {
				t.Fatal(err)
			}
			answers = append(answers, list)
		}
		for _, against := range []string{"", "before", "start"} {
			answers = append(answers, previewOf(t, g, page.Query{Alert: "corpus-601", Against: against}), previewOf(t, g, page.Query{Alert: "corpus-550", Against: against}))
		}
		for _, x := range answers {
			b, err := json.Marshal(x)
			if err != nil {
				t.Fatal(err)
			}
			if at := regexp.MustCompile(`[^\\]":null`).FindIndex(b); at != nil {
				t.Errorf("%s: %s", name, b[max(0, at[0]-40):at[1]])
			}
		}
	}
}

// What a message leaves out is there to open: the alert has it. What would act in it is not counted as made harmless.
func TestWhatWasCutIsThereToOpen(t *testing.T) {
	_, o := webHome(t, webConfig)
	g := newTestPreviews(t, o)
	log := ""
	for i := range 200 {
		log += fmt.Sprintf("line %d of it\\n", i)
	}
	wazuh := `{"timestamp":"2026-11-23T13:28:22.412+0000","rule":{"level":13,"id":"100302","description":"A long one"},"agent":{"id":"1","name":"web-01"},"manager":{"name":"m"},"id":"1.3","location":"/var/log/app.log","full_log":"` + log + `<!here> the end"}`
	lineLog := "** Alert 1795440502.8: - local,\n2026 Nov 23 13:28:22 web-01->/var/log/app.log\nRule: 100302 (level 13) -> 'A long one'\n" +
		strings.ReplaceAll(log, "\\n", "\n") + "<!here> the end\n\n"
	for name, text := range map[string]string{"Wazuh JSON": wazuh, "alerts.log": lineLog} {
		t.Run(name, func(t *testing.T) {
			ids, err := g.Paste(t.Context(), []byte(text))
			if err != nil || len(ids) != 1 {
				t.Fatal(ids, err)
			}
			p := previewOf(t, g, page.Query{Alert: ids[0]})
			for _, receiver := range []string{"soc", "oncall"} {
				c := cardOf(t, p, receiver)
				var rest []string
				var look func(n draw.Node)
				look = func(n draw.Node) {
					if n.Kind == draw.Cut {
						rest = append(rest, textOf(n.Children))
					}
					for _, x := range n.Children {
						look(x)
					}
				}
				shown := view(t, c, page.ViewShown).Draw
				for _, n := range shown {
					look(n)
				}
				if len(rest) == 0 || !strings.HasSuffix(rest[0], "\nline 199 of it\n<!here> the end") {
					t.Errorf("%s: behind what was cut is %.200q", receiver, rest)
				}
				if strings.Contains(textOf(shown), "the end") {
					t.Errorf("%s: the message is shown as if it had all", receiver)
				}
				if c.Marks.Neutralised != 0 {
					t.Errorf("%s: %d were made harmless of what it does not hold", receiver, c.Marks.Neutralised)
				}
			}
		})
	}
}

func TestPasteSaysWhatWasTried(t *testing.T) {
	_, o := webHome(t, webConfig)
	g := newTestPreviews(t, o)
	for text, want := range map[string]string{
		"":         "there is nothing to read",
		"hello":    "this is no alert: it reads as text",
		`{"rule":`: "this is no alert: it reads as Wazuh JSON, ends in rule",
		`{"a":1}`:  "this is no alert: it reads as JSON without a rule",
	} {
		var refused *page.Error
		if _, err := g.Paste(t.Context(), []byte(text)); !errors.As(err, &refused) || refused.Status != http.StatusBadRequest || !strings.HasPrefix(refused.Text, want) || refused.Hint == "" {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
	log := "** Alert 1795440502.8: - syslog,sshd,\n2026 Nov 23 13:28:22 web-01->/var/log/auth.log\nRule: 5710 (level 5) -> 'Attempt to login using a non-existent user'\nSrc IP: 203.0.113.9\nNov 23 13:28:22 web-01 sshd[1]: Invalid user x from 203.0.113.9\n\n"
	ids, err := g.Paste(t.Context(), []byte(strings.Repeat(log, 3)))
	if err != nil || len(ids) != 3 {
		t.Fatalf("three alerts: %q, %v", ids, err)
	}
	// In memory only, and bounded.
	for range maxPasted/3 + 1 {
		if _, err := g.Paste(t.Context(), []byte(strings.Repeat(log, 3))); err != nil {
			t.Fatal(err)
		}
	}
	if n := g.pasted.get().Count; n != maxPasted {
		t.Errorf("%d are kept, want %d", n, maxPasted)
	}
	large := `{"rule":{"level":3,"id":"1002","description":"d"},"full_log":"` + strings.Repeat("x", 1<<20-200) + `"}`
	for range maxBytes>>20 + 5 {
		if _, err := g.Paste(t.Context(), []byte(large)); err != nil {
			t.Fatal(err)
		}
	}
	if s := g.pasted.get(); s.bytes > maxBytes || s.Count < maxBytes>>20 || s.Count > maxBytes>>20+1 || s.Count != len(s.alerts) {
		t.Errorf("%d alerts with %d bytes are kept, want at most %d", s.Count, s.bytes, maxBytes)
	}
	var refused *page.Error
	if _, err := g.Preview(t.Context(), page.Query{Alert: ids[0]}); !errors.As(err, &refused) || refused.Status != http.StatusNotFound {
		t.Errorf("the first is still there: %v", err)
	}
}

// saves is a page that is watched: what is told of saves comes on its channels.
type saves struct {
	*Previews
	t       *testing.T
	changes chan page.Change
	impacts chan page.Impact
}

func watched(t *testing.T, o Options, files ...string) *saves {
	t.Helper()
	o.Files = files
	g, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	s := &saves{g, t, make(chan page.Change, 100), make(chan page.Impact, 1000)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.Watch(ctx, func(c page.Change) { s.changes <- c }, func(_ int, i page.Impact) { s.impacts <- i })
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		g.Close()
	})
	return s
}

// change is the next save that names a file.
func (s *saves) change(file string) page.Change {
	s.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case c := <-s.changes:
			if slices.ContainsFunc(c.Files, func(f page.ChangedFile) bool { return f.Name == file }) {
				return c
			}
		case <-deadline:
			s.t.Fatalf("nothing is told of %s", file)
		}
	}
}

// impact is the whole count of the last save.
func (s *saves) impact() page.Impact {
	s.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case i := <-s.impacts:
			if i.Looked == i.Of {
				return i
			}
		case <-deadline:
			s.t.Fatal("nothing is told of what the save changes")
		}
	}
}

func changes(n draw.Node) (added, removed string) {
	switch n.Change {
	case "+":
		return draw.TextOf(n), ""
	case "-":
		return "", draw.TextOf(n)
	}
	for _, c := range n.Children {
		a, r := changes(c)
		added, removed = added+a, removed+r
	}
	return added, removed
}

func TestASavedTemplateShowsWhatItChanges(t *testing.T) {
	home, o := webHome(t, webConfig)
	g := watched(t, o)
	templates := filepath.Join(home, "etc", "ossec-notify", "templates")
	putFile(t, filepath.Join(templates, "slack.tmpl"), `{{define "slack.footer"}}Call the desk.{{end}}`)
	c := g.change("slack.tmpl")
	if c.Errors != 0 || !c.Files[0].OK || c.Files[0].Kind != "template" {
		t.Errorf("got %+v", c)
	}
	impact := g.impact()
	list, err := g.Alerts(t.Context(), "corpus", "", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range list.Alerts {
		slack := false
		for _, card := range previewOf(t, g.Previews, page.Query{Alert: row.ID}).Cards {
			slack = slack || card.Channel == "slack"
		}
		if row.Changed != slack || slices.Contains(impact.IDs, row.ID) != slack {
			t.Errorf("%s: changed is %v", row.Title, row.Changed)
		}
	}
	if impact.Of != len(list.Alerts) || impact.Changed != len(impact.IDs) || impact.Changed < 6 || impact.Changed == impact.Of {
		t.Errorf("got %+v, of %d alerts", impact, len(list.Alerts))
	}
	p := previewOf(t, g.Previews, page.Query{Alert: "corpus-40112", Against: "before"})
	for _, card := range p.Cards {
		if card.Changed != (card.Channel == "slack") {
			t.Errorf("%s: changed is %v", card.Receiver, card.Changed)
		}
	}
	added, removed := changes(view(t, cardOf(t, p, "soc"), page.ViewShown).Draw[0])
	if !strings.Contains(added, "Call the desk.") || !strings.Contains(removed, "route page") {
		t.Errorf("added %q, removed %q", added, removed)
	}
	added, _ = changes(draw.Node{Children: view(t, cardOf(t, p, "soc"), page.ViewRequest).Draw})
	if !strings.Contains(added, "Call the desk.") {
		t.Errorf("the request adds %q", added)
	}
	// Against the start it is the same, against now it is nothing.
	for against, want := range map[string]bool{"start": true, "1": true, "2": false, "": false} {
		p := previewOf(t, g.Previews, page.Query{Alert: "corpus-40112", Against: against})
		if got := cardOf(t, p, "soc").Changed; got != want {
			t.Errorf("against %q: changed is %v", against, got)
		}
	}
	// A save that changes nothing says so, and leaves what was before.
	putFile(t, filepath.Join(templates, "slack.tmpl"), `{{define "slack.footer"}}Call the desk.{{end}}`)
	g.change("slack.tmpl")
	if i := g.impact(); i.Changed != 0 {
		t.Errorf("nothing was changed: got %+v", i)
	}
	if p := previewOf(t, g.Previews, page.Query{Alert: "corpus-40112", Against: "before"}); !cardOf(t, p, "soc").Changed {
		t.Error("what was before the save that changed something is forgotten")
	}
	var refused *page.Error
	if _, err := g.Preview(t.Context(), page.Query{Alert: "corpus-40112", Against: "99"}); !errors.As(err, &refused) {
		t.Errorf("against a revision that is none: %v", err)
	}
}

func TestABrokenTemplateIsShownWhereItIsAndMended(t *testing.T) {
	config := strings.Replace(webConfig, "  oncall:\n", "  oncall:\n    template: oncall.tmpl\n", 1)
	home, o := webHome(t, config)
	file := filepath.Join(home, "etc", "ossec-notify", "templates", "oncall.tmpl")
	putFile(t, file, "{{define \"pagerduty.summary\"}}{{.Sentence}}{{end}}\n")
	g := watched(t, o)
	for _, tc := range []struct {
		text, hint string
		line, col  int
		source     int
		words      string
	}{
		{"{{- define \"pagerduty.summary\" -}}\n{{ .Sentence }}\n({{ .Rul.ID }})\n{{ end }}\n", "did you mean .Rule?", 3, 5, 4, "no field .Rul"},
		{"{{define \"pagerduty.summary\"}}\n{{ .Sentence \n{{ end }}\n", "", 3, 0, 3, "unexpected"},
		{"{{define \"pagerduty.summary\"}}{{ sentense }}{{ end }}\n", "", 1, 0, 1, `function "sentense" not defined`},
	} {
		putFile(t, file, tc.text)
		if c := g.change("oncall.tmpl"); c.Errors != 1 || c.Files[0].OK {
			t.Errorf("%q: got %+v", tc.text, c)
		}
		state, err := g.State(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(state.Templates, func(x page.TemplateState) bool { return x.Name == "oncall.tmpl" })
		if i < 0 || state.Templates[i].Embedded || len(state.Templates[i].Errors) != 1 || state.Templates[i].Errors[0].Line != tc.line {
			t.Errorf("%q: templates are %+v", tc.text, state.Templates)
		}
		p := previewOf(t, g.Previews, page.Query{Alert: "corpus-40112"})
		c := cardOf(t, p, "oncall")
		if len(c.Problems) != 1 || c.Problems[0].Kind != "template" {
			t.Errorf("%q: problems %+v", tc.text, c.Problems)
			continue
		}
		x := c.Problems[0]
		if x.File != "oncall.tmpl" || x.Line != tc.line || x.Column != tc.col || x.Hint != tc.hint || !strings.Contains(x.Text, tc.words) || len(x.Source) != tc.source {
			t.Errorf("%q: got %+v", tc.text, x)
		}
		if shown := draw.TextOf(draw.Node{Kind: draw.Group, Children: view(t, c, page.ViewShown).Draw}); !strings.Contains(shown, "Login after failures") {
			t.Errorf("the default message is not drawn: %s", shown)
		}
		if other := cardOf(t, p, "soc"); len(other.Problems) != 0 {
			t.Errorf("soc has %+v", other.Problems)
		}
	}
	putFile(t, file, "{{define \"pagerduty.summary\"}}Mended: {{.Sentence}}{{end}}\n")
	if c := g.change("oncall.tmpl"); c.Errors != 0 {
		t.Errorf("mended: %+v", c)
	}
	c := cardOf(t, previewOf(t, g.Previews, page.Query{Alert: "corpus-40112"}), "oncall")
	if shown := draw.TextOf(draw.Node{Kind: draw.Group, Children: view(t, c, page.ViewShown).Draw}); len(c.Problems) != 0 || !strings.Contains(shown, "Mended: Login") {
		t.Errorf("mended: %+v, %s", c.Problems, shown)
	}
}

// One mistake in a part that the defaults of several channels call is one mistake, in the file of the operator.
func TestAMistakeInASharedPartIsToldOnce(t *testing.T) {
	home, o := webHome(t, webConfig)
	file := filepath.Join(home, "etc", "ossec-notify", "templates", "parts.tmpl")
	putFile(t, file, "{{define \"next.rule.40112\"}}Ask them.{{end}}\n")
	g := watched(t, o)
	putFile(t, file, "{{define \"next.rule.40112\"}}Ask {{.Source.IPP}}.{{end}}\n")
	if c := g.change("parts.tmpl"); c.Errors != 1 {
		t.Errorf("got %+v", c)
	}
	state, err := g.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range state.Templates {
		if want := x.Name == "parts.tmpl"; want != (len(x.Errors) == 1) {
			t.Errorf("%+v", x)
		}
	}
	p := previewOf(t, g.Previews, page.Query{Alert: "corpus-40112"})
	for _, c := range p.Cards {
		for _, x := range c.Problems {
			if x.File != "parts.tmpl" || x.Line != 1 || x.Text != "no field .IPP" {
				t.Errorf("%s: %+v", c.Receiver, x)
			}
		}
	}
}

// A config that does not load leaves the last one in use. Every mistake is told with its line, and no secret beside it.
func TestABrokenConfigLeavesTheLastOne(t *testing.T) {
	home, o := webHome(t, webConfig)
	g := watched(t, o)
	path := filepath.Join(home, "etc", "ossec-notify.yaml")
	broken := strings.Replace(strings.Replace(webConfig, "severity: high", "severity: hihg", 1), "to: [root-mail]\n    continue", "to: [root-male]\n    continue", 1)
	broken = strings.Replace(broken, "0123456789abcdef0123456789abcdef}", "0123456789abcdef0123456789abcdee, regoin: eu}", 1)
	broken = strings.Replace(broken, "https://hooks.slack.com/services/T000/B000/SLACKSECRET1234567890", `"https://hooks.slack.com/services/T000/B000/NEWSECRET1234567890"`, 1)
	putFile(t, path, broken)
	c := g.change("ossec-notify.yaml")
	if c.Errors != 3 || c.Files[0].OK || c.Files[0].Kind != "config" {
		t.Errorf("got %+v", c)
	}
	state, err := g.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range state.Config.Errors {
		got = append(got, p.Text+"|"+p.Hint)
		if p.File != path || p.Line == 0 || len(p.Source) < 3 || !slices.ContainsFunc(p.Source, func(l page.NumberedLine) bool { return l.N == p.Line }) {
			t.Errorf("got %+v", p)
		}
	}
	want := []string{`"regoin" is no setting of pagerduty|did you mean "region"?`, `"hihg" is no severity|did you mean "high"?`, `no receiver "root-male"|did you mean "root-mail"?`}
	if len(got) != len(want) {
		t.Fatalf("got %q", got)
	}
	for i := range want {
		_, hint, _ := strings.Cut(want[i], "|")
		if !strings.HasSuffix(got[i], hint) {
			t.Errorf("got %q, want %q", got[i], want[i])
		}
	}
	all, err := json.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"NEWSECRET", "abcdef0123456789", "BOTSECRET", "HECSECRET", "HOOKSECRET"} {
		if bytes.Contains(all, []byte(secret)) {
			t.Errorf("the lines around a mistake show %s: %s", secret, all)
		}
	}
	p := previewOf(t, g.Previews, page.Query{Alert: "corpus-40112"})
	if got := textOf(p.Told); got != "Told: oncall and soc by route page; siem always gets everything." {
		t.Errorf("by the last good config: %q", got)
	}
	// Mended, with a receiver fewer and one more.
	putFile(t, path, strings.Replace(webConfig, "to: [oncall, soc]", "to: [oncall, soc-bot]", 1))
	if c := g.change("ossec-notify.yaml"); c.Errors != 0 {
		t.Errorf("mended: %+v", c)
	}
	p = previewOf(t, g.Previews, page.Query{Alert: "corpus-40112", Against: "before"})
	if !cardOf(t, p, "soc-bot").New || len(p.Gone) != 1 || p.Gone[0].Receiver != "soc" {
		t.Errorf("new: %v, gone: %+v", cardOf(t, p, "soc-bot").New, p.Gone)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	g.change("ossec-notify.yaml")
	if state, _ := g.State(t.Context()); len(state.Config.Errors) != 1 || !strings.Contains(state.Config.Errors[0].Text, "there is no config") {
		t.Errorf("without the file: %+v", state.Config.Errors)
	}
}

// An included file is watched as the config is, also one that is new.
func TestIncludedFilesAreWatched(t *testing.T) {
	home, o := webHome(t, "include: [conf.d/*.yaml]\n"+webConfig)
	dir := filepath.Join(home, "etc", "conf.d")
	putFile(t, filepath.Join(dir, "a.yaml"), "receivers: {more: {email: {smtp: smtp://localhost, from: ossec@example.com, to: [a@example.com]}}}\n")
	g := watched(t, o)
	putFile(t, filepath.Join(dir, "b.yaml"), "routes: [{name: late, match: {level: 3}, to: [more]}]\n")
	g.change("b.yaml")
	if p := previewOf(t, g.Previews, page.Query{Alert: "corpus-601"}); !strings.Contains(textOf(p.Told), "more by route late") {
		t.Errorf("got %q", textOf(p.Told))
	}
}

func TestASecretThatCannotBeReadIsNamed(t *testing.T) {
	home, o := webHome(t, strings.Replace(webConfig, "token: HECSECRET-0123456789", "token: {file: hec.token}", 1))
	g := newTestPreviews(t, o)
	c := cardOf(t, previewOf(t, g, page.Query{Alert: "corpus-550"}), "siem")
	if len(c.Problems) != 1 || c.Problems[0].Kind != "secret" || !strings.HasPrefix(c.Problems[0].Text, "token: ") && strings.Contains(c.Problems[0].Text, filepath.Join(home, "etc", "hec.token")) || c.Problems[0].Line != 10 {
		t.Errorf("got %+v", c.Problems)
	}
	if len(c.Views) == 0 {
		t.Error("its message is not shown")
	}
}

// Without a config one receiver of each channel stands in, until there is one.
func TestWithoutAConfigEachChannelStandsIn(t *testing.T) {
	home, o := webHome(t, webConfig)
	path := filepath.Join(home, "etc", "ossec-notify.yaml")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	g := watched(t, o)
	state, err := g.State(t.Context())
	if err != nil || state.Config.Path != "" || len(state.Receivers) != len(channel.Names()) || len(state.Config.Errors) != 0 {
		t.Errorf("got %+v, %v", state, err)
	}
	putFile(t, path, webConfig)
	g.change("ossec-notify.yaml")
	if state, _ := g.State(t.Context()); state.Config.Path != path || len(state.Receivers) != 6 {
		t.Errorf("with a config: %+v", state)
	}
}

// The template's source has the lines marked that made the message, and those that print text as it came.
func TestTheTemplateShowsWhatMadeTheMessage(t *testing.T) {
	home, o := webHome(t, webConfig)
	putFile(t, filepath.Join(home, "etc", "ossec-notify", "templates", "slack.tmpl"), "{{define \"slack.footer\"}}\nDrawn {{ .Sentence | raw }}\n{{end}}\n{{define \"facts.resolved\"}}x{{end}}\n")
	g := newTestPreviews(t, o)
	c := cardOf(t, previewOf(t, g, page.Query{Alert: "corpus-40112"}), "soc")
	if c.Template != "slack.tmpl" || c.Where != "Slack, incoming webhook" {
		t.Errorf("made by %s, reached by %s", c.Template, c.Where)
	}
	var got []string
	for _, line := range view(t, c, page.ViewTemplate).Draw[0].Children {
		got = append(got, line.Text+" "+line.Style+": "+draw.TextOf(line))
	}
	want := []string{`1 here: {{define "slack.footer"}}`, `2 raw: Drawn {{ .Sentence | raw }}`, `3 here: {{end}}`, `4 : {{define "facts.resolved"}}x{{end}}`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	c = cardOf(t, previewOf(t, g, page.Query{Alert: "corpus-550"}), "root-mail")
	if c.Where != "Mail · root@example.com" || c.Template != "email.html.tmpl" || len(view(t, c, page.ViewTemplate).Draw[0].Children) < 5 {
		t.Errorf("made by %s, reached by %s", c.Template, c.Where)
	}
}

// A config that is broken from the start is told of, and each channel stands in until it is mended. So does a receiver's file
// that is missing keep nothing else from being shown.
func TestAConfigThatIsBrokenFromTheStart(t *testing.T) {
	home, o := webHome(t, "receivers: [\n")
	path := filepath.Join(home, "etc", "ossec-notify.yaml")
	g := watched(t, o)
	state, err := g.State(t.Context())
	if err != nil || state.Config.Path != path || len(state.Config.Errors) != 1 || state.Config.Errors[0].Line == 0 || len(state.Receivers) != len(channel.Names()) {
		t.Errorf("got %+v, %v", state, err)
	}
	if p := previewOf(t, g.Previews, page.Query{Alert: "corpus-550"}); len(p.Cards) != len(channel.Names()) {
		t.Errorf("%d cards", len(p.Cards))
	}
	putFile(t, path, strings.Replace(webConfig, "index: ossec}", "index: ossec, network: {ca_file: missing.pem}}", 1))
	if c := g.change("ossec-notify.yaml"); c.Errors != 0 {
		t.Errorf("mended: %+v", c)
	}
	p := previewOf(t, g.Previews, page.Query{Alert: "corpus-550"})
	c := cardOf(t, p, "siem")
	if len(c.Problems) == 0 || !strings.Contains(c.Problems[0].Text, "missing.pem") || c.Problems[0].Line != 10 {
		t.Errorf("a certificate that is missing: %+v", c.Problems)
	}
	if c := cardOf(t, p, "root-mail"); len(c.Problems) != 0 || len(c.Views) == 0 {
		t.Errorf("beside it: %+v", c.Problems)
	}
}

func TestListsAreInPartsAndFiltered(t *testing.T) {
	_, o := webHome(t, webConfig)
	path := filepath.Join(t.TempDir(), "alerts.json")
	putFile(t, path, strings.Repeat(string(bytes.TrimSpace(corpusAlert(t, "wazuh/5712-ssh-brute-force.json", time.UTC).Raw))+"\n", 450)+`{"rule":`+"\n")
	g := newTestPreviews(t, o, path, filepath.Join(t.TempDir(), "missing.json"))
	n, after := 0, ""
	for {
		list, err := g.Alerts(t.Context(), "files", "", after)
		if err != nil {
			t.Fatal(err)
		}
		n += len(list.Alerts)
		if after = list.Next; after == "" {
			break
		}
	}
	if n != 451 {
		t.Errorf("the list has %d alerts", n)
	}
	if p := g.files.Problems; len(p) != 2 || !strings.Contains(p[0].Text, "alert 451 is not whole: Wazuh JSON, ends in rule") || !strings.Contains(p[1].Text, "missing.json") {
		t.Errorf("problems: %+v", p)
	}
	for q, want := range map[string]int{"PASSWD": 1, "rule 40112": 1, "on gate": 3, "nothing of the kind": 0} {
		list, err := g.Alerts(t.Context(), "corpus", q, "")
		if err != nil || len(list.Alerts) != want {
			t.Errorf("%q: %d alerts, want %d: %v", q, len(list.Alerts), want, err)
		}
	}
	if _, err := g.Alerts(t.Context(), "elsewhere", "", ""); err == nil {
		t.Error("there is a source called elsewhere")
	}
}

func TestShellWordIsOneWord(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                "'plain'",
		"it's":                 `'it'\''s'`,
		"\x1b[201~rm -rf ~\n'": `$'\x1b[201~rm -rf ~\n\''`,
		"a\u202eb\\":           `$'a\u202eb\\'`,
	} {
		if got := shellWord(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

func TestLinesOfAConfigShowNoSecret(t *testing.T) {
	for in, want := range map[string]string{
		`    slack: {webhook_url: https://hooks.slack.com/services/T0/B0/x, channel: "#soc"}`: `    slack: {webhook_url: [redacted], channel: "#soc"}`,
		`    routing_key: 00000000`:                              `    routing_key: [redacted]`,
		`    "token": "a b"`:                                     `    "token": [redacted]`,
		`    token: {file: /etc/ossec-notify/hec.token}`:         `    token: {file: /etc/ossec-notify/hec.token}`,
		`    X-Api: abcdefghij0123456789`:                        `    X-Api: [redacted]`,
		`    match: {group: authentication_failures, level: 10}`: `    match: {group: authentication_failures, level: 10}`,
		`    bearer_token: *bot`:                                 `    bearer_token: *bot`,
		`    smtp: smtp://localhost`:                             `    smtp: smtp://localhost`,
		`    smtp: smtp://ossec:hunter2@mail.example.com:587`:    `    smtp: smtp://[redacted]@mail.example.com:587`,
		`    password: hunter2,and }more  # ours`:                `    password: [redacted] # ours`,
		`    password: "hun\"ter2" # ours`:                       `    password: [redacted] # ours`,
		`    hmac: {secret: 'it''s', header: X}`:                 `    hmac: {secret: [redacted], header: X}`,
		`    token: &bot hunter2`:                                `    token: &bot [redacted]`,
		`    token: !!str hunter2`:                               `    token: !!str [redacted]`,
		`    token: {hunter2}`:                                   `    token: [redacted]`,
		`    token: [hunter2]`:                                   `    token: [redacted]`,
		`    headers: {X-Api-Key: hunter2, X-Team: soc}`:         `    headers: {X-Api-Key: [redacted], X-Team: soc}`,
		`  - {token: hunter2}`:                                   `  - {token: [redacted]}`,
	} {
		if got := new(configLines).show(in); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	text := "receivers:\n  soc:\n    slack:\n      token: |\n        hunter2\n        hunter3\n      channel: soc\n  hook:\n    webhook:\n" +
		"      bearer_token:\n        hunter4\n      method: x\n  siem:\n    splunk:\n      token:\n        file: /etc/hec\n      index: \"a\n"
	for n := range strings.Count(text, "\n") {
		for _, l := range (fileLines{}).cut(text, n+1, true) {
			whole := strings.Split(text, "\n")[l.N-1]
			if want := strings.Repeat(" ", indentation(whole)) + "[redacted]"; strings.Contains(whole, "hunter") && l.Text != want || !strings.Contains(whole, "hunter") && l.Text != whole {
				t.Errorf("around line %d: line %d is %q", n+1, l.N, l.Text)
			}
		}
	}
}

// The last alerts of the outbox are there, with the silences that hold, and the config that the deliverer goes by. The outbox
// is only read.
func TestTheOutboxIsShownAsItIs(t *testing.T) {
	home, o := webHome(t, webConfig)
	g := newTestPreviews(t, o)
	if list, err := g.Alerts(t.Context(), "outbox", "", ""); err != nil || len(list.Alerts) != 0 {
		t.Errorf("without an outbox: %+v, %v", list, err)
	}
	var refused *page.Error
	if _, err := g.Preview(t.Context(), page.Query{Alert: "corpus-5712", Against: "running"}); !errors.As(err, &refused) || !strings.Contains(refused.Text, "no deliverer") {
		t.Errorf("against what runs, where nothing does: %v", err)
	}
	state := filepath.Join(home, "queue", "ossec-notify")
	if err := os.MkdirAll(state, 0o700); err != nil {
		t.Fatal(err)
	}
	box, _, err := outbox.Open(t.Context(), outbox.Path(state), outbox.Options{Owner: true, DeliveryID: dispatch.DeliveryID})
	if err != nil {
		t.Fatal(err)
	}
	var arrivals []outbox.Arrival
	for i, file := range []string{"wazuh/5712-ssh-brute-force.json", "wazuh/550-fim-changed.json"} {
		a := corpusAlert(t, file, time.UTC)
		arrivals = append(arrivals, outbox.Arrival{
			Identity: a.Identity(), Arrived: received.Add(time.Duration(i) * time.Second), Time: a.Time, Rule: a.Rule.ID, Title: "t",
			Header: site.Header{File: filepath.Base(file), Received: received}.Encode(), Raw: a.Raw,
		})
	}
	if _, err := box.Accept(t.Context(), arrivals, nil); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(home, "etc", "ossec-notify.yaml")
	old := config.Read(path, home).Texts
	old.Files[path] = []byte(strings.Replace(webConfig, "to: [soc, hook]", "to: [soc]", 1))
	kept, err := json.Marshal(site.Kept{Loaded: received, Texts: old})
	if err != nil {
		t.Fatal(err)
	}
	if err := box.SetMeta(t.Context(), "config:"+path, string(kept)); err != nil {
		t.Fatal(err)
	}
	if err := box.AddSilence(t.Context(), outbox.Silence{ID: "s-1", Created: time.Now(), Match: "{rule: 5712}", Starts: time.Now().Add(-time.Hour), Ends: time.Now().Add(time.Hour), By: "ann", Reason: "a test of ours"}); err != nil {
		t.Fatal(err)
	}
	if err := box.Close(); err != nil {
		t.Fatal(err)
	}
	g = newTestPreviews(t, o)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	g.fromOutbox(gone) // for one who closed the page
	list, err := g.Alerts(t.Context(), "outbox", "", "")
	if err != nil || len(list.Alerts) != 2 || list.Alerts[0].Rule != "550" {
		t.Fatalf("got %+v, %v", list, err)
	}
	p := previewOf(t, g, page.Query{Alert: list.Alerts[1].ID, Against: "running"})
	if p.AgainstRevision != page.RevisionRunning || !cardOf(t, p, "hook").New || cardOf(t, p, "soc").Changed || cardOf(t, p, "soc").New {
		t.Errorf("against what runs: %+v", p.Cards)
	}
	if one, err := g.running(t.Context()); err != nil || one != g.runs {
		t.Errorf("what runs is made anew each time: %v", err)
	}
	i := slices.IndexFunc(p.Routes, func(r page.RouteRow) bool { return r.Route == "routes[3]" })
	if notes := strings.Join(p.Routes[i].Notes, "\n"); !strings.Contains(notes, "silenced by ") || !strings.Contains(notes, "a test of ours") {
		t.Errorf("the silence is not told of: %q", notes)
	}
	if got := textOf(p.Told); !strings.HasPrefix(got, "Told: siem always gets everything. Silenced: ") {
		t.Errorf("got %q", got)
	}
	if got := unmarshal[explain.Line](t, p.Explain); len(got.Silences) != 1 {
		t.Errorf("explain says %+v", got)
	}
}
