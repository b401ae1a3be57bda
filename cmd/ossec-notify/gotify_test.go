package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// gotify is a real server with an application that may send, and a client that may read.
type gotify struct {
	in          *installation
	url         string
	app, client string // their tokens
}

// notice is a message as a client sees it.
type notice struct {
	ID             int
	Title, Message string
	Priority       int
	Extras         map[string]map[string]any
}

// startGotify runs the server that $GOTIFY names, or the gotify-server on the path, on loopback alone.
func startGotify(t *testing.T, in *installation) *gotify {
	t.Helper()
	program := serverProgram(t, "GOTIFY", "gotify-server")
	address, dir := freeAddress(t), t.TempDir()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "gotify-server.env") // else it reads the machine's
	if err := os.WriteFile(config, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	g := &gotify{in: in, url: "http://" + address}
	cmd := exec.Command(program)
	cmd.Dir = dir
	cmd.Env = []string{
		"GOTIFY_CONFIG_FILE=" + config, "GOTIFY_SERVER_LISTENADDR=" + host, "GOTIFY_SERVER_PORT=" + port, "GOTIFY_DATABASE_DIALECT=sqlite3",
		"GOTIFY_DATABASE_CONNECTION=" + filepath.Join(dir, "gotify.db"), "GOTIFY_DEFAULTUSER_NAME=admin", "GOTIFY_DEFAULTUSER_PASS=s3cr3t", "GOTIFY_PASSSTRENGTH=4",
		"GOTIFY_UPLOADEDIMAGESDIR=" + filepath.Join(dir, "images"), "GOTIFY_PLUGINSDIR=" + filepath.Join(dir, "plugins"),
	}
	in.runServer(cmd, g.url+"/health")
	for path, token := range map[string]*string{"/application": &g.app, "/client": &g.client} {
		var made struct{ Token string }
		g.ask(http.MethodPost, path, `{"name":"OSSEC"}`, &made)
		if *token = made.Token; *token == "" {
			t.Fatalf("%s gives no token", path)
		}
	}
	return g
}

// ask asks as the administrator.
func (g *gotify) ask(method, path, body string, answer any) {
	g.in.t.Helper()
	req, err := http.NewRequest(method, g.url+path, strings.NewReader(body))
	if err != nil {
		g.in.t.Fatal(err)
	}
	req.SetBasicAuth("admin", "s3cr3t")
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		g.in.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		g.in.t.Fatalf("%s: %s", path, resp.Status)
	}
	if err := json.NewDecoder(resp.Body).Decode(answer); err != nil {
		g.in.t.Fatal(err)
	}
}

// seen are all messages, the newest first.
func (g *gotify) seen() (all []notice) {
	g.in.t.Helper()
	for since := ""; ; {
		var page struct {
			Messages []notice
			Paging   struct{ Since int }
		}
		g.ask(http.MethodGet, "/message?limit=200"+since, "", &page)
		all = append(all, page.Messages...)
		if page.Paging.Since == 0 {
			return all
		}
		since = fmt.Sprint("&since=", page.Paging.Since)
	}
}

// A client sees the message that the preset means: as plain text, with a link behind a tap.
func TestGotifyShowsTheMessage(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, "")
	g := startGotify(t, in)
	in.configure(fmt.Sprintf("receivers: {soc: {webhook: {preset: gotify, url: %q, settings: {token: %q}}}}\ndefault: [soc]\n"+pushLinks, g.url, g.app))
	in.command(0, "send", filepath.Join(corpusDir, "wazuh", "5712-ssh-brute-force.json"))
	got := g.seen()
	if len(got) != 1 {
		t.Fatalf("%d messages, want 1: %+v", len(got), got)
	}
	m := got[0]
	if m.Title != "MEDIUM: SSH brute force from 203.0.113.9 on web-01" || m.Priority != 5 || !strings.Contains(m.Message, "\nNext: Was any login") || !strings.Contains(m.Message, "\nRunbook: https://wiki.example.com/5712\n") {
		t.Errorf("got %+v", m)
	}
	want := map[string]map[string]any{
		"client::display":      {"contentType": "text/plain"},
		"client::notification": {"click": map[string]any{"url": "https://wazuh.example.com/alert/1773475803.3193?agent=web-01"}},
	}
	if diff := gocmp.Diff(want, m.Extras); diff != "" {
		t.Errorf("the extras differ (-want +got):\n%s", diff)
	}
	in.command(0, "send", "--sample", "5712")
	if got := g.seen(); len(got) != 2 || !strings.Contains(got[0].Message, "Nothing happened. Sent by ossec-notify send --sample 5712") {
		t.Errorf("of a test the client sees %+v", got)
	}
}

// Every alert of the corpus, and every payload in every field, reaches a client as preview shows it.
func TestGotifyShowsWhatPreviewShows(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, "")
	g := startGotify(t, in)
	in.configure(fmt.Sprintf("receivers: {soc: {webhook: {preset: gotify, url: %q, settings: {token: %q}}, rate: 1000/s}}\nalways: [soc]\n"+pushLinks, g.url, g.app))
	alerts := everyAlert(t)
	var want []notice
	for _, body := range in.shownAndSent(alerts) {
		var m notice
		if err := json.Unmarshal(body, &m); err != nil {
			t.Fatal(err)
		}
		want = append(want, m)
	}
	if len(want) != len(alerts) {
		t.Errorf("%d requests for %d alerts", len(want), len(alerts))
	}
	got := g.seen()
	for i := range got {
		got[i].ID = 0
	}
	order := func(a, b notice) int {
		return cmp.Or(strings.Compare(a.Title, b.Title), strings.Compare(a.Message, b.Message), strings.Compare(fmt.Sprint(a.Extras), fmt.Sprint(b.Extras)))
	}
	slices.SortFunc(want, order)
	slices.SortFunc(got, order)
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("what the client sees differs (-preview +seen):\n%s", diff)
	}
	t.Logf("%d messages", len(got))
}

// What Gotify refuses is said in its words, and with what to do.
func TestGotifyRefusalsAreSaid(t *testing.T) {
	t.Parallel()
	in := newInstallation(t, "")
	g := startGotify(t, in)
	in.configure(fmt.Sprintf(`receivers:
  wrong:  {webhook: {preset: gotify, url: %[1]q, settings: {token: AbCdEf0123456.7}}}
  client: {webhook: {preset: gotify, url: %[1]q, settings: {token: %[3]q}}}
  path:   {webhook: {preset: gotify, url: "%[1]s/message", settings: {token: %[2]q}}}
default: [wrong]
`, g.url, g.app, g.client))
	for to, want := range map[string][]string{
		"wrong":  {"status 401", "access token", "the token is no application's"},
		"client": {"application token", "the token is no application's"},
		"path":   {"status 404", "without /message"},
	} {
		if out := in.command(1, "send", filepath.Join(corpusDir, "wazuh", "5712-ssh-brute-force.json"), "--to", to, "--timeout", "5s"); !containsAll(out, want) {
			t.Errorf("%s: it says\n%s\nwant %q", to, out, want)
		}
	}
	if got := g.seen(); len(got) != 0 {
		t.Errorf("there are messages: %+v", got)
	}
}
