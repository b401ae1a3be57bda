package dendritetest

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/notifiertest"
	"github.com/ossec-notify/ossec-notify/notifier/webhook"
	"github.com/ossec-notify/ossec-notify/templates"
	"github.com/ossec-notify/ossec-notify/templates/presets"
	"github.com/ossec-notify/ossec-notify/testdata/injection"
)

// config has no federation, no reports of statistics, and files for all that it keeps.
const config = `version: 2
global:
  server_name: soc.example.com
  private_key: %[1]s/key.pem
  disable_federation: true
  trusted_third_party_id_servers: []
  report_stats: {enabled: false}
  database: {connection_string: "", max_open_conns: 1}
  jetstream: {storage_path: %[1]s/jetstream}
client_api: {registration_disabled: false, rate_limiting: {enabled: false}, database: {connection_string: "file:%[1]s/client.db"}}
federation_api: {database: {connection_string: "file:%[1]s/federation.db"}, key_perspectives: []}
key_server: {database: {connection_string: "file:%[1]s/keys.db"}}
media_api: {base_path: %[1]s/media, database: {connection_string: "file:%[1]s/media.db"}}
mscs: {database: {connection_string: "file:%[1]s/mscs.db"}}
relay_api: {database: {connection_string: "file:%[1]s/relay.db"}}
room_server: {database: {connection_string: "file:%[1]s/rooms.db"}}
sync_api: {database: {connection_string: "file:%[1]s/sync.db"}}
user_api: {bcrypt_cost: 4, account_database: {connection_string: "file:%[1]s/accounts.db"}, device_database: {connection_string: "file:%[1]s/devices.db"}}
logging: [{type: std, level: warn}]
`

// server is a homeserver on loopback.
type server struct {
	*testing.T
	url string
}

func start(t *testing.T) *server {
	t.Helper()
	dir := t.TempDir()
	seed := make([]byte, 32)
	if _, err := rand.Read(seed); err != nil {
		t.Fatal(err)
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "MATRIX PRIVATE KEY", Headers: map[string]string{"Key-ID": "ed25519:test"}, Bytes: seed})
	address := notifiertest.FreeAddress(t)
	for name, content := range map[string][]byte{"key.pem": key, "dendrite.yaml": fmt.Appendf(nil, config, dir)} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	program := notifiertest.Tool(t, "dendrite", "CGO_ENABLED=0") // with SQLite in Go, for which no C compiler is needed
	cmd := exec.Command(program, "-config", filepath.Join(dir, "dendrite.yaml"), "-http-bind-address", address, "-really-enable-open-registration")
	cmd.Dir = dir
	s := &server{t, "http://" + address}
	notifiertest.Serve(t, cmd, s.url+"/_matrix/client/versions")
	return s
}

// ask is a request of the client-server API.
func (s *server) ask(token, method, path string, body, answer any) {
	s.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		s.Fatal(err)
	}
	req, err := http.NewRequest(method, s.url+"/_matrix/client/v3"+path, bytes.NewReader(b))
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		s.Fatalf("%s: %s: %s (%v)", path, resp.Status, said, err)
	}
	if err := json.Unmarshal(said, answer); err != nil {
		s.Fatalf("%s: %v: %s", path, err, said)
	}
}

// user makes an account, and returns its access token.
func (s *server) user(name string) string {
	s.Helper()
	var made struct {
		Token string `json:"access_token"`
	}
	s.ask("", http.MethodPost, "/register", map[string]any{"auth": map[string]string{"type": "m.login.dummy"}, "username": name, "password": "s3cr3t-" + name}, &made)
	return made.Token
}

// room makes a room of an owner's, with guests that have joined it.
func (s *server) room(owner string, more map[string]any, guests map[string]string) string {
	s.Helper()
	var made struct {
		ID string `json:"room_id"`
	}
	more["preset"] = "private_chat"
	s.ask(owner, http.MethodPost, "/createRoom", more, &made)
	var none map[string]any
	for name, token := range guests {
		s.ask(owner, http.MethodPost, "/rooms/"+url.PathEscape(made.ID)+"/invite", map[string]string{"user_id": "@" + name + ":soc.example.com"}, &none)
		s.ask(token, http.MethodPost, "/rooms/"+url.PathEscape(made.ID)+"/join", map[string]string{}, &none)
	}
	return made.ID
}

// event is a message as a room shows it.
type event struct {
	ID      string         `json:"event_id"`
	Type    string         `json:"type"`
	Sender  string         `json:"sender"`
	Content map[string]any `json:"content"`
}

// messages are those of a room, by id, as soon as the last one is shown: the server says that it has one before others can read it.
func (s *server) messages(token, room, last string) map[string]event {
	s.Helper()
	for end := time.Now().Add(time.Minute); ; {
		all := s.shownBy(token, room)
		if _, shown := all[last]; shown {
			return all
		}
		if time.Now().After(end) {
			s.Fatalf("%s is not shown: %v", last, all)
		}
	}
}

// shownBy are the messages of a room that a user can read by now.
func (s *server) shownBy(token, room string) map[string]event {
	s.Helper()
	all := map[string]event{}
	for from := ""; ; {
		var page struct {
			Chunk []event `json:"chunk"`
			End   string  `json:"end"`
		}
		s.ask(token, http.MethodGet, "/rooms/"+url.PathEscape(room)+"/messages?dir=b&limit=100"+from, nil, &page)
		for _, e := range page.Chunk {
			if e.Type == "m.room.message" {
				all[e.ID] = e
			}
		}
		if page.End == "" || len(page.Chunk) == 0 {
			return all
		}
		from = "&from=" + url.QueryEscape(page.End)
	}
}

// bot is a receiver of ours.
type bot struct {
	*testing.T
	*webhook.Notifier
	set *templates.Set

	mu   sync.Mutex
	sent map[string]map[string]any // the bodies of requests, by the delivery
}

func (s *server) bot(address, token, room string) *bot {
	s.Helper()
	preset := presets.Embedded("matrix")
	cfg := webhook.Config{URL: notifier.PlainSecret(address), Preset: "matrix", Settings: map[string]notifier.Secret{"token": notifier.PlainSecret(token), "room": notifier.PlainSecret(room)}}
	cfg.UsePreset(preset)
	set, err := templates.Load(templates.Options{Links: map[string]string{"alert": "https://wazuh.example.com/alert/{{.ID}}?agent={{.Agent.Name}}", "runbook": "https://wiki.example.com/{{.Rule.ID}}"}})
	if err == nil {
		set, err = set.WithPreset(preset, cfg.PresetSettings())
	}
	if err != nil {
		s.Fatal(err)
	}
	client, err := notifier.NewClient(notifier.Network{}, nil, 0)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(client.CloseIdleConnections)
	b := &bot{T: s.T, set: set, sent: map[string]map[string]any{}}
	client.Transport = recorder{client.Transport, b}
	if b.Notifier, err = webhook.New(cfg, client); err != nil {
		s.Fatal(err)
	}
	return b
}

// recorder keeps what is sent.
type recorder struct {
	http.RoundTripper
	bot *bot
}

func (r recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	var content map[string]any
	if err := json.NewDecoder(body).Decode(&content); err != nil {
		return nil, err
	}
	r.bot.mu.Lock()
	r.bot.sent[req.URL.Path[strings.LastIndexByte(req.URL.Path, '/')+1:]] = content
	r.bot.mu.Unlock()
	return r.RoundTripper.RoundTrip(req)
}

// said is a message about an alert.
func (b *bot) said(raw []byte, name, delivery string) notifier.Notification {
	b.Helper()
	a := alert.Parse(raw, alert.Options{FileName: name, Location: time.UTC, Received: time.UnixMilli(1795440502412)})
	parts, err := b.set.Parts(templates.NewData(a, alert.DefaultScale, templates.Context{Channel: "webhook", Receiver: "soc", Delivery: delivery}))
	if err != nil {
		b.Fatalf("%s: %v", name, err)
	}
	return notifier.Notification{Action: notifier.Trigger, Delivery: delivery, Receiver: "soc", Severity: "medium", Time: a.Time, Parts: parts}
}

func corpus(t *testing.T, file string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "testdata", "alerts", file))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

const bruteForce = "wazuh/5712-ssh-brute-force.json"

// One server is for all tests: it takes a while to start.
func TestMatrix(t *testing.T) {
	s := start(t)
	owner, bot := s.user("owner"), s.user("bot")
	t.Run("the message is shown", func(t *testing.T) { (&server{t, s.url}).shown(owner, bot) })
	t.Run("every alert is shown as it is sent", func(t *testing.T) { (&server{t, s.url}).everyAlert(owner, bot) })
	t.Run("refusals are said", func(t *testing.T) { (&server{t, s.url}).refusals(owner, bot) })
}

// shown: a message is a notice that mentions nobody, with the fields of both its forms, and is there once, however often it comes.
func (s *server) shown(owner, token string) {
	room := s.room(owner, map[string]any{}, map[string]string{"bot": token})
	b := s.bot(s.url, token, room)
	n := b.said(corpus(s.T, bruteForce), "x.json", "D1")
	first, err := b.Notify(s.Context(), n)
	if err != nil || first.ID == "" {
		s.Fatalf("got %+v, %v", first, err)
	}
	again, err := b.Notify(s.Context(), n)
	if err != nil || again.ID != first.ID {
		s.Errorf("the same delivery is %+v (%v), want %+v", again, err, first)
	}
	n.Delivery = "D2"
	other, err := b.Notify(s.Context(), n)
	if err != nil || other.ID == first.ID {
		s.Fatalf("another delivery is %+v (%v)", other, err)
	}
	got := s.messages(owner, room, other.ID)
	if len(got) != 2 {
		s.Fatalf("%d messages, want 2: %+v", len(got), got)
	}
	e := got[first.ID]
	text, _ := e.Content["body"].(string)
	html, _ := e.Content["formatted_body"].(string)
	if e.Sender != "@bot:soc.example.com" || e.Content["msgtype"] != "m.notice" || e.Content["format"] != "org.matrix.custom.html" || cmp.Diff(map[string]any{}, e.Content["m.mentions"]) != "" {
		s.Errorf("got %+v", e)
	}
	for _, part := range []string{"MEDIUM: SSH brute force from 203.0.113.9 on web-01\n", "\nUser: oracle (no such user)\n", "\nRunbook: https://wiki.example.com/5712\n"} {
		if !strings.Contains(text, part) {
			s.Errorf("the text has no %q:\n%s", part, text)
		}
	}
	for _, part := range []string{"<strong>User</strong> <code>oracle (no such user)</code><br>", `<a href="https://wiki.example.com/5712">Runbook</a>`, "<pre><code>"} {
		if !strings.Contains(html, part) {
			s.Errorf("the HTML has no %q:\n%s", part, html)
		}
	}
}

// everyAlert: the alerts of the corpus, and one for each payload with it in every field, are shown as they are sent, the large ones
// cut so that the server takes them.
func (s *server) everyAlert(owner, token string) {
	room := s.room(owner, map[string]any{}, map[string]string{"bot": token})
	b := s.bot(s.url, token, room)
	var all []notifier.Notification
	files, err := filepath.Glob("../../../testdata/alerts/*/*")
	if err != nil || len(files) < 100 {
		s.Fatal(err, len(files), "alerts")
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			s.Fatal(err)
		}
		all = append(all, b.said(raw, filepath.Base(file), fmt.Sprint("d", len(all))))
	}
	for _, p := range injection.All() {
		raw, err := json.Marshal(map[string]any{
			"timestamp": "2026-11-23T13:20:17.412+0000", "id": "1795440017.1", "location": p.Text, "full_log": p.Text, "rule": map[string]any{"level": 10, "id": "100300", "description": p.Text},
			"agent": map[string]any{"id": "001", "name": p.Text}, "manager": map[string]any{"name": p.Text}, "data": map[string]any{"srcuser": p.Text, "srcip": p.Text},
		})
		if err != nil {
			s.Fatal(err)
		}
		all = append(all, b.said(raw, p.Name, fmt.Sprint("d", len(all))))
	}
	for name, text := range map[string]string{"letters": "x", "quotes": `"`, "control characters": "\x01", "umlauts": "ü", "tags": "<"} { // what a template of the operator's makes
		n := all[0]
		n.Delivery = "long " + name
		n.Parts = map[string]display.Text{"body": display.Quote(strings.Repeat(text, 100_000))}
		all = append(all, n)
	}
	ids, last := map[string]string{}, ""
	for _, n := range all {
		r, err := b.Notify(s.Context(), n)
		if err != nil {
			s.Errorf("%s: %v", n.Delivery, err)
			continue
		}
		last = r.ID
		ids[last] = n.Delivery
	}
	got := s.messages(owner, room, last)
	if len(got) != len(all) || len(ids) != len(all) {
		s.Errorf("%d messages and %d ids of %d alerts", len(got), len(ids), len(all))
	}
	for id, e := range got {
		if diff := cmp.Diff(b.sent[ids[id]], e.Content); diff != "" {
			s.Errorf("%s is shown otherwise (-sent +shown):\n%s", ids[id], diff)
		}
	}
	s.Logf("%d messages", len(got))
}

// refusals are said in the server's words, and with what to do.
func (s *server) refusals(owner, token string) {
	left := s.user("left")
	room := s.room(owner, map[string]any{}, map[string]string{"bot": token, "left": left})
	quiet := s.room(owner, map[string]any{"power_level_content_override": map[string]any{"events_default": 50}}, map[string]string{"bot": token})
	closed := s.room(owner, map[string]any{}, nil)
	var none map[string]any
	s.ask(left, http.MethodPost, "/logout", map[string]string{}, &none)
	for name, tt := range map[string]struct{ url, token, room, code, hint string }{
		"wrong token":     {s.url, "syt_wrong", room, "M_UNKNOWN_TOKEN", "the access token is wrong"},
		"logged out":      {s.url, left, room, "M_UNKNOWN_TOKEN", "the bot was logged out"},
		"not in the room": {s.url, token, closed, "M_FORBIDDEN", "has not joined the room"},
		"may not write":   {s.url, token, quiet, "M_FORBIDDEN", "may not write there"},
		"no such room":    {s.url, token, "!nowhere:soc.example.com", "M_UNSUPPORTED_ROOM_VERSION", "does not know this room"},
		"an alias":        {s.url, token, "#soc:soc.example.com", "M_UNSUPPORTED_ROOM_VERSION", "no alias"},
		"path in the URL": {s.url + "/_matrix", token, room, "M_UNRECOGNIZED", "is not the address of a Matrix server"},
	} {
		b := s.bot(tt.url, tt.token, tt.room)
		_, err := b.Notify(s.Context(), b.said(corpus(s.T, bruteForce), "x.json", name))
		if err == nil {
			s.Errorf("%s: it is taken", name)
			continue
		}
		e := notifier.Classify(err)
		if e.Reason != notifier.Misconfigured || e.Code != tt.code || !strings.Contains(e.Hint, tt.hint) {
			s.Errorf("%s: got %v, %v, code %s, hint %q; want %s and %q", name, e.Reason, err, e.Code, e.Hint, tt.code, tt.hint)
		}
	}
}
