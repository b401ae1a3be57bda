package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/notifiertest"
	"github.com/ossec-notify/ossec-notify/templates"
	"github.com/ossec-notify/ossec-notify/templates/presets"
	"github.com/ossec-notify/ossec-notify/testdata/injection"
)

// Discord, Telegram and Matrix as strict as they are, or stricter: a room refuses what would be live for its readers. Rooms share
// nothing with presets, nor with what sends them.

// room is one vendor.
type room struct {
	preset   string
	config   func(base string) Config
	secrets  []string
	takes    func(r *http.Request, body []byte) error
	yes      func(r *http.Request) string
	receipt  string // the id of yes
	refuses  func(why error) (int, string)
	verdicts []roomVerdict
}

// roomVerdict is an answer of the vendor's and what becomes of it.
type roomVerdict struct {
	status int
	header string // Name: value
	body   string
	reason notifier.Reason
	hint   string // part of it
	wait   time.Duration
	code   string
}

func rooms() []room {
	return []room{{
		preset: "discord",
		config: func(base string) Config {
			return Config{Preset: "discord", URL: notifier.PlainSecret(base + "/api/webhooks/1300000000000000000/d1sc0rd-t0ken"), Settings: plainSettings("thread", "77", "username", "Night watch")}
		},
		secrets: []string{"d1sc0rd-t0ken"},
		takes:   discordTakes,
		yes:     func(*http.Request) string { return `{"id":"1312","type":0,"content":"","channel_id":"5"}` },
		receipt: "1312",
		refuses: func(why error) (int, string) {
			return 400, fmt.Sprintf(`{"message":"Invalid Form Body","code":50035,"errors":{"embeds":{"_errors":[{"code":"BASE_TYPE","message":%q}]}}}`, why.Error())
		},
		verdicts: []roomVerdict{
			{400, "", `{"message":"Invalid Form Body","code":50035}`, notifier.Permanent, "", 0, "50035"},
			{400, "", `{"message":"Cannot send an empty message","code":50006}`, notifier.Permanent, "", 0, "50006"},
			{401, "", `{"message":"401: Unauthorized","code":0}`, notifier.Misconfigured, "make a new one", 0, "0"},
			{404, "", `{"message":"Unknown Webhook","code":10015}`, notifier.Misconfigured, "the webhook was deleted", 0, "10015"},
			{404, "", `{"message":"Unknown Channel","code":10003}`, notifier.Misconfigured, "settings.thread", 0, "10003"},
			{429, "", `{"message":"You are being rate limited.","retry_after":1.5,"global":false}`, notifier.Temporary, "", 1500 * time.Millisecond, ""},
			{429, "Retry-After: 3", `{"message":"You are being rate limited.","retry_after":2.7,"global":true}`, notifier.Temporary, "", 3 * time.Second, ""},
			{502, "", `<html>bad gateway</html>`, notifier.Temporary, "", 0, ""},
			{204, "", ``, notifier.Permanent, "", 0, ""},
			{200, "", `<html>login</html>`, notifier.Permanent, "page", 0, ""},
		},
	}, {
		preset: "telegram",
		config: func(base string) Config {
			return Config{Preset: "telegram", Settings: plainSettings("api", base, "token", "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw", "chat", "-100200300", "topic", "42")}
		},
		secrets: []string{"110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"},
		takes:   telegramTakes,
		yes: func(*http.Request) string {
			return `{"ok":true,"result":{"message_id":815,"chat":{"id":-100200300},"date":1795440502}}`
		},
		receipt: "815",
		refuses: func(why error) (int, string) {
			return 400, fmt.Sprintf(`{"ok":false,"error_code":400,"description":%q}`, "Bad Request: "+why.Error())
		},
		verdicts: []roomVerdict{
			{400, "", `{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}`, notifier.Misconfigured, "settings.chat is wrong", 0, "400"},
			{400, "", `{"ok":false,"error_code":400,"description":"Bad Request: message thread not found"}`, notifier.Misconfigured, "settings.topic", 0, "400"},
			{400, "", `{"ok":false,"error_code":400,"description":"Bad Request: can't parse entities"}`, notifier.Permanent, "could not read the HTML", 0, "400"},
			{400, "", `{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-100999}}`, notifier.Misconfigured, "migrate_to_chat_id", 0, "400"},
			{401, "", `{"ok":false,"error_code":401,"description":"Unauthorized"}`, notifier.Misconfigured, "@BotFather", 0, "401"},
			{403, "", `{"ok":false,"error_code":403,"description":"Forbidden: bot was kicked from the group chat"}`, notifier.Misconfigured, "add it again", 0, "403"},
			{404, "", `{"ok":false,"error_code":404,"description":"Not Found"}`, notifier.Misconfigured, "the token", 0, "404"},
			{429, "", `{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 7","parameters":{"retry_after":7}}`, notifier.Temporary, "", 7 * time.Second, "429"},
			{500, "", `{"ok":false,"error_code":500,"description":"Internal Server Error"}`, notifier.Temporary, "", 0, "500"},
			{200, "", `{"ok":false,"description":"no"}`, notifier.Permanent, "", 0, ""},
		},
	}, {
		preset: "matrix",
		config: func(base string) Config {
			return Config{Preset: "matrix", URL: notifier.PlainSecret(base + "/"), Settings: plainSettings("token", "syt_m4trix_t0ken", "room", "!opaque/id:example.com")}
		},
		secrets: []string{"syt_m4trix_t0ken"},
		takes:   matrixTakes,
		yes:     func(*http.Request) string { return `{"event_id":"$Wf3bPq"}` },
		receipt: "$Wf3bPq",
		refuses: func(why error) (int, string) {
			return 400, fmt.Sprintf(`{"errcode":"M_BAD_JSON","error":%q}`, why.Error())
		},
		verdicts: []roomVerdict{
			{400, "", `{"errcode":"M_BAD_JSON","error":"no"}`, notifier.Permanent, "", 0, "M_BAD_JSON"},
			{401, "", `{"errcode":"M_UNKNOWN_TOKEN","error":"Unknown token","soft_logout":false}`, notifier.Misconfigured, "log in again", 0, "M_UNKNOWN_TOKEN"},
			{403, "", `{"errcode":"M_FORBIDDEN","error":"not in room"}`, notifier.Misconfigured, "has not joined", 0, "M_FORBIDDEN"},
			{400, "", `{"errcode":"M_UNSUPPORTED_ROOM_VERSION","error":"QueryRoomVersionForRoom: missing room info for room #soc:example.com"}`, notifier.Misconfigured, "no alias", 0, "M_UNSUPPORTED_ROOM_VERSION"},
			{404, "", `{"errcode":"M_NOT_FOUND","error":"Unknown room"}`, notifier.Misconfigured, "no such room", 0, "M_NOT_FOUND"},
			{404, "", `<html>nginx</html>`, notifier.Misconfigured, "", 0, ""},
			{413, "", `{"errcode":"M_TOO_LARGE","error":"event too large"}`, notifier.Permanent, "", 0, "M_TOO_LARGE"},
			{429, "", `{"errcode":"M_LIMIT_EXCEEDED","error":"slow","retry_after_ms":2500}`, notifier.Temporary, "", 2500 * time.Millisecond, "M_LIMIT_EXCEEDED"},
			{502, "", ``, notifier.Temporary, "", 0, ""},
			{200, "", `{}`, notifier.Permanent, "", 0, ""},
		},
	}}
}

func plainSettings(pairs ...string) map[string]notifier.Secret {
	settings := map[string]notifier.Secret{}
	for i := 0; i < len(pairs); i += 2 {
		settings[pairs[i]] = notifier.PlainSecret(pairs[i+1])
	}
	return settings
}

// strictly decodes JSON that has these keys alone.
func strictly(body []byte, v any) error {
	dec := json.NewDecoder(strings.NewReader(string(body)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if !utf8.Valid(body) {
		return errors.New("no UTF-8")
	}
	return nil
}

func isJSONRequest(r *http.Request, method, path string) error {
	switch {
	case r.Method != method:
		return fmt.Errorf("method %s", r.Method)
	case r.URL.EscapedPath() != path:
		return fmt.Errorf("path %s, want %s", r.URL.EscapedPath(), path)
	case r.Header.Get("Content-Type") != "application/json":
		return fmt.Errorf("type %s", r.Header.Get("Content-Type"))
	}
	return nil
}

var (
	discordFence = regexp.MustCompile("(?s)```.*?```")
	discordSign  = regexp.MustCompile("\\\\[\\\\`*_~|\\[\\]()<>#+-]")
	discordDot   = regexp.MustCompile(`(?m)^[ \t]*[0-9]+\\\.`)
	discordBold  = regexp.MustCompile(`(?m)^\*\*[A-Z0-9][^*\n]*\*\* `)
	discordLink  = regexp.MustCompile(`\[[A-Za-z ]+\]\(https://wazuh\.example\.com/[^() ]*\)`)
	discordLive  = regexp.MustCompile("(?m)[*_~|`\\[\\]<>]|https?://|^[ \t]*(?:#+ |-# |[-+] |[0-9]+\\. )")
)

// discordTakes reads a message as Discord does.
func discordTakes(r *http.Request, body []byte) error {
	if err := isJSONRequest(r, "POST", "/api/webhooks/1300000000000000000/d1sc0rd-t0ken"); err != nil {
		return err
	}
	if q := r.URL.Query(); q.Get("wait") != "true" || q.Get("thread_id") != "77" || len(q) != 2 {
		return fmt.Errorf("query %s", r.URL.RawQuery)
	}
	var m struct {
		Content, Username string
		Mentions          *struct{ Parse []string } `json:"allowed_mentions"`
		Embeds            []struct {
			Title, URL, Description, Timestamp string
			Color                              *int
			Footer                             struct{ Text string }
		}
	}
	if err := strictly(body, &m); err != nil {
		return err
	}
	if m.Mentions == nil || m.Mentions.Parse == nil || len(m.Mentions.Parse) > 0 {
		return errors.New("allowed_mentions lets somebody be mentioned")
	}
	if m.Content == "" && len(m.Embeds) == 0 {
		return errors.New("Cannot send an empty message")
	}
	if n := len(utf16.Encode([]rune(m.Content))); n > 2000 || len(m.Embeds) > 10 || m.Content == "" && m.Username != "Night watch" {
		return fmt.Errorf("content %d, embeds %d, username %q", n, len(m.Embeds), m.Username)
	}
	all := 0
	for _, e := range m.Embeds {
		for _, x := range []struct {
			text  string
			limit int
		}{{e.Title, 256}, {e.Description, 4096}, {e.Footer.Text, 2048}} {
			n := len(utf16.Encode([]rune(strings.TrimSpace(x.text)))) // what it counts is not said: the more of both
			if all += n; n > x.limit || n == 0 {
				return fmt.Errorf("%d characters, want 1 to %d", n, x.limit)
			}
		}
		if e.Color == nil || *e.Color < 0 || *e.Color > 0xffffff {
			return errors.New("color")
		}
		if _, err := time.Parse(time.RFC3339, e.Timestamp); e.Timestamp != "" && err != nil {
			return err
		}
		if u, err := url.Parse(e.URL); err != nil || e.URL != "" && u.Host != "wazuh.example.com" {
			return fmt.Errorf("url %q leads elsewhere", e.URL)
		}
		if err := discordInert(discordBold.ReplaceAllString(withoutDiscordCode(e.Description), "■ ")); err != nil {
			return err
		}
		if err := discordInert(strings.TrimPrefix(e.Title, "[TEST] ")); err != nil {
			return err
		}
	}
	if all > 6000 {
		return fmt.Errorf("%d characters in all", all)
	}
	return discordInert(m.Content)
}

func withoutDiscordCode(s string) string { return discordFence.ReplaceAllString(s, "■") }

// discordInert refuses what would be live.
func discordInert(s string) error {
	s = discordLink.ReplaceAllString(s, "■")
	s = discordSign.ReplaceAllString(s, "•") // before dots: a backslash may itself be one that is escaped
	s = discordDot.ReplaceAllString(s, "•")
	if live := discordLive.FindString(s); live != "" {
		return fmt.Errorf("%q is live in %q", live, s)
	}
	return nil
}

var (
	htmlPiece  = regexp.MustCompile(`^(?:<(/?)([a-z]+)((?: [a-z-]+="[^"<>&]*(?:&amp;[^"<>&]*)*")*)>|&(?:amp|lt|gt|quot|#39);)`)
	matrixTags = map[string]bool{"strong": true, "em": true, "code": true, "pre": true, "a": true, "br": true, "font": true}
)

// balanced reads HTML whose tags are all among those given, and its plain text. outside is what stands in no code.
func balanced(s string, tags map[string]bool) (text, outside string, err error) {
	var open []string
	code := 0
	for s != "" {
		if s[0] != '<' && s[0] != '&' {
			_, n := utf8.DecodeRuneInString(s)
			text += s[:n]
			if code == 0 {
				outside += s[:n]
			}
			s = s[n:]
			continue
		}
		m := htmlPiece.FindStringSubmatch(s)
		switch {
		case m == nil:
			return "", "", fmt.Errorf("can't parse entities: %.30q", s)
		case m[2] == "":
			text += html.UnescapeString(m[0])
			if code == 0 {
				outside += html.UnescapeString(m[0])
			}
		case !tags[m[2]]:
			return "", "", fmt.Errorf("can't parse entities: unsupported tag %q", m[2])
		case m[2] == "br":
			text += "\n"
		case m[1] == "":
			open = append(open, m[2])
			if m[2] == "code" || m[2] == "pre" {
				code++
			}
			if href, ok := strings.CutPrefix(m[3], ` href="`); m[2] == "a" && (!ok || !strings.HasPrefix(href, "https://wazuh.example.com/")) {
				return "", "", fmt.Errorf("a link of an alert's: %q", m[3])
			}
		case len(open) == 0 || open[len(open)-1] != m[2]:
			return "", "", fmt.Errorf("can't parse entities: unexpected end tag %q", m[2])
		default:
			open = open[:len(open)-1]
			if m[2] == "code" || m[2] == "pre" {
				code--
			}
		}
		s = s[len(m[0]):]
	}
	if len(open) > 0 {
		return "", "", fmt.Errorf("can't parse entities: %q is not closed", open)
	}
	return text, outside, nil
}

var telegramLive = regexp.MustCompile(`[@#][0-9A-Za-z_]+`)

// telegramTakes reads a message as Telegram does.
func telegramTakes(r *http.Request, body []byte) error {
	if err := isJSONRequest(r, "POST", "/bot110201543%3AAAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/sendMessage"); err != nil {
		return err
	}
	var m struct {
		ChatID    string          `json:"chat_id"`
		Topic     json.RawMessage `json:"message_thread_id"`
		ParseMode string          `json:"parse_mode"`
		Preview   struct {
			Off bool `json:"is_disabled"`
		} `json:"link_preview_options"`
		Silent bool `json:"disable_notification"`
		Text   string
	}
	if err := strictly(body, &m); err != nil {
		return err
	}
	text, outside := m.Text, telegramLive.FindString(m.Text) // without a mode, what is found there can be clicked
	if m.ParseMode != "" {
		var err error
		if text, outside, err = balanced(m.Text, map[string]bool{"b": true, "i": true, "code": true, "pre": true, "a": true}); err != nil {
			return err
		}
	}
	switch n := len(utf16.Encode([]rune(text))); {
	case m.ChatID != "-100200300":
		return errors.New("chat not found")
	case m.ParseMode != "HTML" && m.ParseMode != "" || !m.Preview.Off:
		return errors.New("no HTML, or a preview of links")
	case strings.TrimSpace(text) == "":
		return errors.New("message text is empty")
	case n > 4096:
		return errors.New("message is too long")
	case strings.ContainsAny(outside, "@#"):
		return fmt.Errorf("somebody or something is mentioned in %q", outside)
	}
	return nil
}

// matrixTakes reads a message as a home server and its clients do.
func matrixTakes(r *http.Request, body []byte) error {
	path := r.URL.EscapedPath()
	txn := path[strings.LastIndexByte(path, '/')+1:]
	if err := isJSONRequest(r, "PUT", "/_matrix/client/v3/rooms/%21opaque%2Fid%3Aexample.com/send/m.room.message/"+txn); err != nil || txn == "" {
		return fmt.Errorf("txn %q: %w", txn, err)
	}
	if r.Header.Get("Authorization") != "Bearer syt_m4trix_t0ken" {
		return errors.New("Authorization")
	}
	var m struct {
		MsgType       string `json:"msgtype"`
		Body          string
		Format        string
		FormattedBody string          `json:"formatted_body"`
		Mentions      json.RawMessage `json:"m.mentions"`
	}
	if err := strictly(body, &m); err != nil {
		return err
	}
	_, _, err := balanced(m.FormattedBody, matrixTags)
	switch {
	case string(m.Mentions) != "{}":
		return fmt.Errorf("m.mentions is %s", m.Mentions)
	case m.MsgType != "m.notice" || m.Body == "":
		return fmt.Errorf("msgtype %q, body %q", m.MsgType, m.Body)
	case (m.Format == "org.matrix.custom.html") != (m.FormattedBody != ""):
		return errors.New("format without formatted_body, or the other way round")
	case len(body) > 65_000:
		return errors.New("event is too long")
	}
	return err
}

// serveRoom starts a room. answer, if it says so, takes the place of what the room says.
func serveRoom(t *testing.T, x room, answer func() *roomVerdict) (url string, problems func() []string) {
	t.Helper()
	var mu sync.Mutex
	var all []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err == nil {
			err = x.takes(r, body)
		}
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			all = append(all, err.Error())
		}
		if v := answer(); v != nil {
			if name, value, ok := strings.Cut(v.header, ": "); ok {
				w.Header().Set(name, value)
			}
			w.WriteHeader(v.status)
			_, _ = io.WriteString(w, v.body)
			return
		}
		if err != nil {
			status, text := x.refuses(err)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
			return
		}
		_, _ = io.WriteString(w, x.yes(r))
	}))
	t.Cleanup(server.Close)
	return server.URL, func() []string {
		mu.Lock()
		defer mu.Unlock()
		out := all
		all = nil
		return out
	}
}

func noAnswer() *roomVerdict { return nil }

// TestPayloadsInRooms sends the corpus, the payloads and every kind of message to the rooms.
func TestPayloadsInRooms(t *testing.T) {
	files, err := filepath.Glob("../../testdata/alerts/*/*")
	if err != nil {
		t.Fatal(err)
	}
	for k, x := range rooms() {
		t.Run(x.preset, func(t *testing.T) {
			t.Parallel()
			base, problems := serveRoom(t, x, noAnswer)
			cfg := x.config(base)
			cfg.UsePreset(presets.Embedded(x.preset))
			if err := cfg.Validate(); err != nil {
				t.Fatal(err)
			}
			n, err := New(cfg, http.DefaultClient)
			if err != nil {
				t.Fatal(err)
			}
			set := presetSet(t, cfg)
			send := func(of string, m notifier.Notification) {
				t.Helper()
				receipt, err := n.Notify(t.Context(), m)
				if err != nil || receipt.ID != x.receipt || receipt.Warning != "" { // in the form that it should have
					t.Errorf("%s: %q, %q, %v, %q", of, receipt.ID, receipt.Warning, err, problems())
				}
			}
			for i, file := range files {
				if st, err := os.Stat(file); err == nil && !st.IsDir() && Meets(i, k, len(rooms())) {
					send(file, presetMessage(t, set, alertOf(t, strings.TrimPrefix(filepath.ToSlash(file), "../../testdata/alerts/")), templates.Context{}))
				}
			}
			for i, p := range injection.All() {
				if !Meets(i, k, len(rooms())) {
					continue
				}
				a := hostileAlert(p.Text)
				send(p.Name, presetMessage(t, set, a, templates.Context{Sample: "5712", PossibleRepeat: true}))
				m := presetMessage(t, set, a, templates.Context{Taken: &templates.Taken{By: p.Text, Via: p.Text, At: presetTime}, Action: notifier.Acknowledge})
				send(p.Name+", taken", m)
				m.Parts = plainParts(a, errors.New(p.Text))
				send(p.Name+", without templates", m)
			}
			send("a digest", presetMessage(t, set, nil, manyAlerts(t)))
			send("resolved", presetMessage(t, set, alertOf(t, "wazuh/5712-ssh-brute-force.json"), templates.Context{Action: notifier.Resolve, Resolved: &templates.Resolved{After: time.Hour}}))
		})
	}
}

// TestRoomsAnswers reads what the vendors answer.
func TestRoomsAnswers(t *testing.T) {
	for _, x := range rooms() {
		t.Run(x.preset, func(t *testing.T) {
			var now roomVerdict
			base, problems := serveRoom(t, x, func() *roomVerdict { return &now })
			cfg := x.config(base)
			n, err := New(cfg, http.DefaultClient)
			if err != nil {
				t.Fatal(err)
			}
			cfg.UsePreset(presets.Embedded(x.preset))
			m := presetMessage(t, presetSet(t, cfg), alertOf(t, "wazuh/5712-ssh-brute-force.json"), templates.Context{})
			for _, now = range x.verdicts {
				_, err := n.Notify(t.Context(), m)
				e := notifier.Classify(err)
				if err == nil || e.Reason != now.reason || e.Status != now.status || e.RetryAfter != now.wait || e.Code != now.code || !strings.Contains(e.Hint, now.hint) || (now.hint == "" && e.Hint != "") {
					t.Errorf("%d %s: %v: %v, hint %q, wait %v, code %q; want %+v", now.status, now.body, err, e.Reason, e.Hint, e.RetryAfter, e.Code, now)
				}
				for _, secret := range x.secrets {
					if strings.Contains(fmt.Sprint(err), secret) {
						t.Errorf("%v holds a secret", err)
					}
				}
			}
			if p := problems(); len(p) > 0 {
				t.Errorf("the message itself is wrong: %q", p)
			}
		})
	}
}

// TestRoomsAsChannels runs the checks of every channel over HTTP.
func TestRoomsAsChannels(t *testing.T) {
	for _, x := range rooms() {
		t.Run(x.preset, func(t *testing.T) {
			cfg := x.config("http://127.0.0.1:1")
			cfg.UsePreset(presets.Embedded(x.preset))
			m := presetMessage(t, presetSet(t, cfg), alertOf(t, "wazuh/5712-ssh-brute-force.json"), templates.Context{})
			notifiertest.Run(t, notifiertest.Case{
				New: func(t *testing.T, url string, client *http.Client) notifier.Notifier {
					n, err := New(x.config(url), client)
					if err != nil {
						t.Fatal(err)
					}
					return n
				},
				Notification: m,
				Secrets:      x.secrets,
				Accept:       func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, x.yes(r)) },
			})
		})
	}
}

// TestRoomsRefuse sees that the rooms are strict.
func TestRoomsRefuse(t *testing.T) {
	for _, x := range []struct {
		takes                func(*http.Request, []byte) error
		method, target, body string
		header               string
		want                 string
	}{
		{discordTakes, "POST", "/api/webhooks/1300000000000000000/d1sc0rd-t0ken?wait=true&thread_id=77", `{"content":"x"}`, "", "lets somebody be mentioned"},
		{discordTakes, "POST", "/api/webhooks/1300000000000000000/d1sc0rd-t0ken?wait=true&thread_id=77", `{"content":"*x*","allowed_mentions":{"parse":[]}}`, "", "is live"},
		{discordTakes, "POST", "/api/webhooks/1300000000000000000/d1sc0rd-t0ken?wait=true&thread_id=77", `{"content":"a\n12. x","allowed_mentions":{"parse":[]}}`, "", "is live"},
		{discordTakes, "POST", "/api/webhooks/1300000000000000000/d1sc0rd-t0ken?wait=true&thread_id=77", `{"text":"x","allowed_mentions":{"parse":[]}}`, "", "unknown field"},
		{discordTakes, "POST", "/api/webhooks/1300000000000000000/d1sc0rd-t0ken?thread_id=77", `{"content":"x"}`, "", "query"},
		{telegramTakes, "POST", "/bot110201543%3AAAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/sendMessage", `{"chat_id":"-100200300","parse_mode":"HTML","link_preview_options":{"is_disabled":true},"text":"a < b"}`, "", "can't parse entities"},
		{telegramTakes, "POST", "/bot110201543%3AAAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/sendMessage", `{"chat_id":"-100200300","parse_mode":"HTML","link_preview_options":{"is_disabled":true},"text":"<b>x"}`, "", "not closed"},
		{telegramTakes, "POST", "/bot110201543%3AAAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/sendMessage", `{"chat_id":"-100200300","parse_mode":"HTML","link_preview_options":{"is_disabled":true},"text":"hi @soc"}`, "", "mentioned"},
		{telegramTakes, "POST", "/bot110201543%3AAAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/sendMessage", `{"chat_id":"-100200300","link_preview_options":{"is_disabled":true},"text":"a < b, hi @soc"}`, "", "mentioned"},
		{matrixTakes, "PUT", "/_matrix/client/v3/rooms/%21opaque%2Fid%3Aexample.com/send/m.room.message/D", `{"msgtype":"m.notice","body":"@room"}`, "Bearer syt_m4trix_t0ken", "m.mentions"},
		{matrixTakes, "PUT", "/_matrix/client/v3/rooms/%21opaque%2Fid%3Aexample.com/send/m.room.message/D", `{"msgtype":"m.notice","body":"x","m.mentions":{},"format":"org.matrix.custom.html","formatted_body":"<img src=\"x\">"}`, "Bearer syt_m4trix_t0ken", "unsupported tag"},
		{matrixTakes, "POST", "/_matrix/client/v3/rooms/%21opaque%2Fid%3Aexample.com/send/m.room.message/D", `{}`, "Bearer syt_m4trix_t0ken", "method"},
	} {
		r := httptest.NewRequest(x.method, x.target, strings.NewReader(x.body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", x.header)
		if err := x.takes(r, []byte(x.body)); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %v, want %q", x.body, err, x.want)
		}
	}
}
