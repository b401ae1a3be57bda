package splunk

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/notifiertest"
	"github.com/ossec-notify/ossec-notify/sandbox"
)

const token = "5d1f9a3e-77aa-4c0b-9d52-0c2f6b1e8a44"

func bruteForce() notifier.Notification {
	return notifier.Notification{
		Action:   notifier.Trigger,
		Delivery: "01J9Z3",
		Alert:    "1795440502.8",
		Receiver: "siem",
		Severity: "medium",
		Time:     time.UnixMilli(1795440502412),
		Parts: map[string]display.Text{
			"event.json":  display.Words(`{"type":"alert","id":"1795440502.8","severity":"medium","src":"203.0.113.9","log":"<b>&\u0022"}`),
			"fields.json": display.Words(`{"family":"auth_failure","rule_id":"5712"}`),
			"host":        display.Quote("web-01"),
			"source":      display.Quote("/var/log/auth.log"),
			"sourcetype":  display.Words("ossec:alert\n"),
		},
	}
}

func newNotifier(t *testing.T, cfg Config, client *http.Client) *Notifier {
	t.Helper()
	if cfg.Token.IsZero() {
		cfg.Token = notifier.PlainSecret(token)
	}
	n, err := New(cfg, client)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func channel(cfg Config) notifiertest.Case {
	return notifiertest.Case{
		New: func(t *testing.T, url string, client *http.Client) notifier.Notifier {
			cfg.URLs = []string{url}
			return newNotifier(t, cfg, client)
		},
		Notification: bruteForce(),
		Secrets:      []string{token},
		Broken: map[string]func(*testing.T, string, *http.Client) notifier.Notifier{
			"token of two lines": func(t *testing.T, url string, client *http.Client) notifier.Notifier {
				return newNotifier(t, Config{URLs: []string{url}, Token: notifiertest.FileSecret(t, token+"\nX-Evil: 1")}, client)
			},
		},
		Accept: func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Splunk "+token {
				w.WriteHeader(http.StatusUnauthorized)
				_, _ = io.WriteString(w, `{"text":"Invalid authorization","code":3}`)
				return
			}
			_, _ = io.WriteString(w, `{"text":"Success","code":0}`)
		},
	}
}

// A receiver that batches makes one request at a time while few events wait: the suite wants several.
func TestChannel(t *testing.T) {
	notifiertest.Run(t, channel(Config{Batch: notifier.Batching{Size: 1}}))
}

func TestChannelRaw(t *testing.T) {
	notifiertest.Run(t, channel(Config{Batch: notifier.Batching{Size: 1}, Endpoint: "raw"}))
}

func TestRequestIsOneEventInItsEnvelope(t *testing.T) {
	requests := notifiertest.Requests(t, channel(Config{Index: "ossec", Channel: "8f7e2c1a-0b9d-4c3e-a1f0-5d6b7a8c9e0f"}))
	if len(requests) != 1 {
		t.Fatalf("got %d requests, want 1", len(requests))
	}
	r := requests[0]
	if got, want := r.Method+" "+r.Path, "POST /services/collector/event"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := r.Header.Get("X-Splunk-Request-Channel"), "8f7e2c1a-0b9d-4c3e-a1f0-5d6b7a8c9e0f"; got != want {
		t.Errorf("got channel %q, want %q", got, want)
	}
	if got, want := r.Header.Get("Content-Type"), "application/json"; got != want {
		t.Errorf("got type %q, want %q", got, want)
	}
	notifiertest.GoldenJSON(t, "event.json", r.Body)
}

func TestGzipBodyInflatesToTheSame(t *testing.T) {
	plain := notifiertest.Requests(t, channel(Config{}))[0]
	packed := notifiertest.Requests(t, channel(Config{Gzip: true}))[0]
	if got, want := packed.Header.Get("Content-Encoding"), "gzip"; got != want {
		t.Fatalf("got encoding %q, want %q", got, want)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed.Body))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(plain.Body), string(got)); diff != "" {
		t.Errorf("the inflated body differs (-plain +gzip):\n%s", diff)
	}
}

func TestEnvelope(t *testing.T) {
	words, quote := display.Words, display.Quote
	tests := []struct {
		name  string
		cfg   Config
		time  time.Time
		parts map[string]display.Text
		want  string
	}{
		{
			name: "whole second", time: time.Unix(1795440502, 0),
			parts: map[string]display.Text{"event.json": words(`{"a":1}`)},
			want:  `{"time":1795440502.0,"sourcetype":"ossec:alert","event":{"a":1}}`,
		},
		{
			name: "finer than a millisecond", time: time.Unix(1795440502, 7_999_999),
			parts: map[string]display.Text{"event.json": words(`{"a":1}`)},
			want:  `{"time":1795440502.007,"sourcetype":"ossec:alert","event":{"a":1}}`,
		},
		{
			name:  "no time, empty parts",
			parts: map[string]display.Text{"event.json": words("\n{\"a\": 1}\n"), "fields.json": words(" \n"), "host": words("")},
			want:  `{"sourcetype":"ossec:alert","event":{"a":1}}`,
		},
		{
			name: "settings win over the template",
			cfg:  Config{Host: "h", Source: "s", SourceType: "t", Index: "i"},
			parts: map[string]display.Text{
				"event.json": words(`{}`), "host": quote("web-01"), "source": quote("/var/log/x"), "sourcetype": words("x"),
			},
			want: `{"host":"h","source":"s","sourcetype":"t","index":"i","event":{}}`,
		},
		{
			name:  "alert text in the envelope stays data",
			parts: map[string]display.Text{"event.json": words(`{}`), "host": quote("a\",\"index\":\"main\n\u202e<b>")},
			want:  `{"host":"a\",\"index\":\"main⏎` + "\u202e" + `<b>","sourcetype":"ossec:alert","event":{}}`,
		},
		{
			name:  "plain template",
			parts: map[string]display.Text{"event.json": words(`{"a":1}`), "body": display.Join(words("Log: "), quote("a \"b\" \x1b http://example.com"))},
			want:  `{"sourcetype":"ossec:alert","event":"Log: a \"b\" \u001b http://example.com"}`,
		},
		{
			name:  "plain template that writes an object",
			parts: map[string]display.Text{"body": display.Join(words(`{"log":"`), quote(`x`), words(`"}`))},
			want:  `{"sourcetype":"ossec:alert","event":{"log":"x"}}`,
		},
		{
			name:  "an alert adds no key to it",
			parts: map[string]display.Text{"body": display.Join(words(`{"log":"`), quote(`","severity":"info`), words(`"}`))},
			want:  `{"sourcetype":"ossec:alert","event":{"log":"\",\"severity\":\"info"}}`,
		},
		{
			name:  "plain template that escapes by itself",
			parts: map[string]display.Text{"body": display.Join(words(`{"log":`), quote(`"x\"y"`), words(`}`))},
			want:  `{"sourcetype":"ossec:alert","event":{"log":"x\"y"}}`,
		},
		{
			name: "an alert adds no key where the template escapes another text by itself",
			parts: map[string]display.Text{"body": display.Join(words(`{"log":`), quote(`"x\"y http://example.com"`), words(`,"user":"`), quote(`x","severity":"info`), words(`","port":`),
				quote("22"), words(`,"text":`), quote(`"`), words(`}`))},
			want: `{"sourcetype":"ossec:alert","event":{"log":"x\"y http://example.com","user":"x\",\"severity\":\"info","port":22,"text":"\""}}`,
		},
		{
			name:  "a backslash before an alert's text",
			parts: map[string]display.Text{"body": display.Join(words(`{"log":"\`), quote(`","severity":"info`), words(`"}`))},
			want:  `{"sourcetype":"ossec:alert","event":"{\"log\":\"\\\",\"severity\":\"info\"}"}`,
		},
		{
			name:  "an alert that begins an object is text",
			parts: map[string]display.Text{"body": display.Join(quote(`{"severity":"info",`), words(`"a":{}}`))},
			want:  `{"sourcetype":"ossec:alert","event":"{\"severity\":\"info\",\"a\":{}}"}`,
		},
		{
			name:  "an alert that is an object is text",
			parts: map[string]display.Text{"body": quote(`{"severity":"info"}`)},
			want:  `{"sourcetype":"ossec:alert","event":"{\"severity\":\"info\"}"}`,
		},
	}
	tests = append(tests, []struct {
		name  string
		cfg   Config
		time  time.Time
		parts map[string]display.Text
		want  string
	}{
		{
			name: "settings that are templates",
			cfg:  Config{Host: "{{ .Agent.IP }}", Source: "x-{{ .ID }}", SourceType: "{{ .Family }}", Index: "{{ .Family }}"},
			parts: map[string]display.Text{
				"event.json": words(`{}`), "host": quote("10.0.0.1"), "source": quote("x-1"), "sourcetype": words("ossec:ids"), "index": quote("sec"),
			},
			want: `{"host":"10.0.0.1","source":"x-1","sourcetype":"ossec:ids","index":"sec","event":{}}`,
		},
		{
			name:  "the part index",
			parts: map[string]display.Text{"event.json": words(`{}`), "index": words(" sec-1\n")},
			want:  `{"sourcetype":"ossec:alert","index":"sec-1","event":{}}`,
		},
		{
			name:  "an alert names no index of its own",
			cfg:   Config{Index: "{{ .Agent.Name }}"},
			parts: map[string]display.Text{"event.json": words(`{}`), "index": quote("../Main")},
			want:  `{"sourcetype":"ossec:alert","event":{}}`,
		},
		{
			name: "fields of the config",
			cfg:  Config{Fields: map[string]string{"team": "shop", "country": "{{ x }}", "site": "{{ y }}", "family": "{{ z }}"}},
			parts: map[string]display.Text{
				"event.json": words(`{}`), "fields.json": words(`{"family":"ids","rule_id":"5712","tags":["a",1]}`),
				"field_country": quote("NL\"\n<"), "field_site": words(" "), "field_family": words("mine"),
			},
			want: `{"sourcetype":"ossec:alert","fields":{"country":"NL\"⏎<","family":"mine","rule_id":"5712","tags":["a",1],"team":"shop"},"event":{}}`,
		},
		{
			name:  "fields of the config alone",
			cfg:   Config{Fields: map[string]string{"team": "shop"}},
			parts: map[string]display.Text{"event.json": words(`{}`)},
			want:  `{"sourcetype":"ossec:alert","fields":{"team":"shop"},"event":{}}`,
		},
		{
			name:  "fields that are all empty",
			cfg:   Config{Fields: map[string]string{"country": "{{ x }}"}},
			parts: map[string]display.Text{"event.json": words(`{}`)},
			want:  `{"sourcetype":"ossec:alert","event":{}}`,
		},
		{
			name:  "a byte that is no UTF-8",
			parts: map[string]display.Text{"event.json": words("{\"a\":\"\xff\"}")},
			want:  "{\"sourcetype\":\"ossec:alert\",\"event\":{\"a\":\"\ufffd\"}}",
		},
		{
			name:  "a long value",
			parts: map[string]display.Text{"event.json": words(`{}`), "host": quote(strings.Repeat("ä", 600))},
			want:  `{"host":"` + strings.Repeat("ä", 512) + `","sourcetype":"ossec:alert","event":{}}`,
		},
	}...)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.cfg.URLs = []string{"https://splunk:8088"}
			it, err := newNotifier(t, tt.cfg, nil).item(notifier.Notification{Time: tt.time, Parts: tt.parts})
			if err != nil {
				t.Fatal(err)
			}
			got := it.body
			if !json.Valid(got) {
				t.Errorf("not JSON: %s", got)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("differs (-want +got):\n%s", diff)
			}
		})
	}
}

// An index that cannot be one is left out, and the receipt says so.
func TestIndexThatIsNoneIsToldOf(t *testing.T) {
	n, hec := start(t, Config{Index: "{{ .Agent.Name }}"}, sandbox.Options{})
	got := together(t, n, long, named("a", map[string]string{"index": "Main\x1b[2J"}), named("b", map[string]string{"index": "sec"}))
	if w := got[0].Receipt.Warning; !strings.Contains(w, "is no name of one: the token's default is used") || strings.Contains(w, "\x1b") {
		t.Errorf("warning %q", w)
	}
	if w := got[1].Receipt.Warning; w != "" {
		t.Errorf("warning %q, want none", w)
	}
	for _, e := range hec[0].HECEvents() {
		if want := map[string]string{`{"n":"a"}`: "", `{"n":"b"}`: "sec"}[e.Event]; e.Index != want {
			t.Errorf("%s is in the index %q, want %q", e.Event, e.Index, want)
		}
	}
}

func TestRawLine(t *testing.T) {
	at := time.Date(2026, 11, 23, 13, 28, 22, 412e6, time.FixedZone("", 3600))
	for _, tt := range []struct {
		name  string
		time  time.Time
		parts map[string]display.Text
		want  string
	}{
		{"object", at, map[string]display.Text{"event.json": display.Words("{\n \"a\": 1\n}")}, `{"time":"2026-11-23T12:28:22.412Z","a":1}`},
		{"nothing in it", at.UTC(), map[string]display.Text{"event.json": display.Words("{}")}, `{"time":"2026-11-23T12:28:22.412Z"}`},
		{"with a time of its own", at, map[string]display.Text{"event.json": display.Words(`{"a":1,"time":"x"}`)}, `{"a":1,"time":"x"}`},
		{"no time", time.Time{}, map[string]display.Text{"event.json": display.Words(`{"a":1}`)}, `{"a":1}`},
		{"an alert begins no line of its own", at, map[string]display.Text{"event.json": display.Words(`{"a":"x\n{\"b\":2}\r"}`)}, `{"time":"2026-11-23T12:28:22.412Z","a":"x\n{\"b\":2}\r"}`},
		{"nor in a text", at, map[string]display.Text{"body": display.Join(display.Words("Log: "), display.Quote("a\nb\r\nc\rd \x1b"))}, "Log: a⏎b⏎c⏎d \x1b"},
	} {
		n := newNotifier(t, Config{URLs: []string{"https://splunk:8088"}, Endpoint: "raw", Index: "ossec"}, nil)
		tt.parts["host"], tt.parts["source"] = display.Quote("web 01&index=main"), display.Quote("")
		it, err := n.item(notifier.Notification{Time: tt.time, Parts: tt.parts})
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if string(it.body) != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, it.body, tt.want)
		}
		if want := "host=web+01%26index%3Dmain&index=ossec&sourcetype=ossec%3Aalert"; it.query != want {
			t.Errorf("%s: got query %s, want %s", tt.name, it.query, want)
		}
	}
}

func TestRawQueryIsBounded(t *testing.T) {
	n := newNotifier(t, Config{URLs: []string{"https://splunk:8088"}, Endpoint: "raw"}, nil)
	long := display.Quote(strings.Repeat("ä", 600))
	it, err := n.item(notifier.Notification{Parts: map[string]display.Text{"event.json": display.Words(`{}`), "host": long, "source": long, "sourcetype": long}})
	if err != nil || len(it.query) > 4096 {
		t.Errorf("%v, the query has %d bytes", err, len(it.query))
	}
}

func TestRawRequest(t *testing.T) {
	r := notifiertest.Requests(t, channel(Config{Endpoint: "raw", Index: "ossec"}))[0]
	want := "/services/collector/raw?host=web-01&index=ossec&source=%2Fvar%2Flog%2Fauth.log&sourcetype=ossec%3Aalert"
	if r.Path != want || r.Header.Get("X-Splunk-Request-Channel") == "" || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/plain") {
		t.Errorf("got %s, %v, want %s", r.Path, r.Header, want)
	}
	notifiertest.Golden(t, "raw.txt", r.Body)
}

func TestBrokenTemplateIsPermanentAndSendsNothing(t *testing.T) {
	for name, parts := range map[string]map[string]display.Text{
		"no event":              {"host": display.Words("h")},
		"blank event":           {"event.json": display.Words(" \n"), "body": display.Words("\n")},
		"event is no JSON":      {"event.json": display.Words(`{"a":}`)},
		"event is no object":    {"event.json": display.Words(`"text"`)},
		"fields are no object":  {"event.json": display.Words(`{}`), "fields.json": display.Words(`["a"]`)},
		"a field is nested":     {"event.json": display.Words(`{}`), "fields.json": display.Words(`{"a":{"b":1}}`)},
		"a field is null":       {"event.json": display.Words(`{}`), "fields.json": display.Words(`{"a":null}`)},
		"a list in a list":      {"event.json": display.Words(`{}`), "fields.json": display.Words(`{"a":[["b"]]}`)},
		"fields are null":       {"event.json": display.Words(`{}`), "fields.json": display.Words(`null`)},
		"fields are not closed": {"event.json": display.Words(`{}`), "fields.json": display.Words(`{"a":"b"`)},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") }))
			defer s.Close()
			_, err := newNotifier(t, Config{URLs: []string{s.URL}}, s.Client()).Notify(t.Context(), notifier.Notification{Action: notifier.Trigger, Parts: parts})
			if got := notifier.Classify(err).Reason; err == nil || got != notifier.Permanent {
				t.Errorf("got %v, want a permanent error", err)
			}
		})
	}
}

func TestAnswerCodes(t *testing.T) {
	const accepted = notifier.Reason(-1)
	tests := []struct {
		status, code int
		text         string
		want         notifier.Reason
	}{
		{200, 0, "Success", accepted},
		{403, 1, "Token disabled", notifier.Misconfigured},
		{401, 2, "Token is required", notifier.Misconfigured},
		{401, 3, "Invalid authorization", notifier.Misconfigured},
		{403, 4, "Invalid token", notifier.Misconfigured},
		{400, 5, "No data", notifier.Permanent},
		{400, 6, "Invalid data format", notifier.Permanent},
		{400, 7, "Incorrect index", notifier.Misconfigured},
		{500, 8, "Internal server error", notifier.Temporary},
		{503, 9, "Server is busy", notifier.Temporary},
		{400, 10, "Data channel is missing", notifier.Misconfigured},
		{400, 11, "Invalid data channel", notifier.Misconfigured},
		{400, 12, "Event field is required", notifier.Permanent},
		{400, 13, "Event field cannot be blank", notifier.Permanent},
		{400, 14, "ACK is disabled", notifier.Misconfigured},
		{400, 15, "Error in handling indexed fields", notifier.Permanent},
		{400, 16, "Query string authorization is not enabled", notifier.Misconfigured},
		{200, 17, "HEC is healthy", notifier.Misconfigured},
		{503, 18, "HEC is unhealthy, queues are full", notifier.Temporary},
		{503, 19, "HEC is unhealthy, ack service unavailable", notifier.Temporary},
		{503, 20, "HEC is unhealthy", notifier.Temporary},
		{400, 21, "Invalid token", notifier.Misconfigured},
		{400, 22, "Token disabled", notifier.Misconfigured},
		{503, 23, "Server is shutting down", notifier.Temporary},
		{200, 24, "Queue is approaching its limit", accepted},
		{200, 25, "Ack queue is approaching its limit", accepted},
		{429, 26, "Queue is full", notifier.Temporary},
		{429, 27, "Ack channel is full", notifier.Temporary},
		// What no table knows: the status decides.
		{503, 99, "Something new", notifier.Temporary},
		{400, 99, "Something new", notifier.Permanent},
		{404, 404, "The requested URL was not found", notifier.Misconfigured},
		{200, 99, "Something new", accepted},
		{503, 0, "Success", notifier.Temporary},
		{400, 0, "Success", notifier.Permanent},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%d code %d", tt.status, tt.code), func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Retry-After", "9")
				w.WriteHeader(tt.status)
				_, _ = fmt.Fprintf(w, `{"text":%q,"code":%d}`, tt.text, tt.code)
			}))
			defer s.Close()
			receipt, err := newNotifier(t, Config{URLs: []string{s.URL}}, s.Client()).Notify(t.Context(), bruteForce())
			if tt.want == accepted {
				if err != nil {
					t.Fatalf("got error %v, want none", err)
				}
				if wantWarning := tt.code != 0; wantWarning != (receipt.Warning != "") {
					t.Errorf("got warning %q, want one: %v", receipt.Warning, wantWarning)
				}
				return
			}
			if err == nil {
				t.Fatal("got no error, want one")
			}
			got := notifier.Classify(err)
			if got.Reason != tt.want {
				t.Errorf("got %v, want %v", got.Reason, tt.want)
			}
			if got.Status != tt.status || got.Code != fmt.Sprint(tt.code) {
				t.Errorf("got status %d, code %q, want %d, %d", got.Status, got.Code, tt.status, tt.code)
			}
			if tt.status >= 300 && got.RetryAfter != 9*time.Second {
				t.Errorf("got RetryAfter %v, want 9s", got.RetryAfter)
			}
			of := map[int]string{7: " the event for the token's default index:"}[tt.code]
			if want := fmt.Sprintf("post to Splunk HEC at %s:%s status %d: %s (code %d)", s.Listener.Addr(), of, tt.status, tt.text, tt.code); got.Err.Error() != want {
				t.Errorf("got text %q, want %q", got.Err, want)
			}
			if got.Reason == notifier.Misconfigured && got.Hint == "" {
				t.Error("a broken receiver without a hint what to do")
			}
		})
	}
}

// The table in the manual says of each code what is done, and has the words that the stand-in answers with.
func TestManualHasEveryCode(t *testing.T) {
	text, err := os.ReadFile("../../docs/splunk.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`(?m)^\| (\d+) \| (.*?) \| (\d+) \| (.*?) \|$`)
	rows := row.FindAllStringSubmatch(string(text), -1)
	if len(rows) != len(verdicts) {
		t.Errorf("%d codes in the manual, %d here", len(rows), len(verdicts))
	}
	for i, r := range rows {
		code, _ := strconv.Atoi(r[1])
		v, ok := verdicts[code]
		if !ok || code != i {
			t.Errorf("code %d stands in row %d; known here: %v", code, i, ok)
			continue
		}
		want := v.reason.String()
		switch {
		case v.accepted:
			want = "delivered"
		case code == 14:
			want = "of a question"
		}
		if !strings.HasPrefix(r[4], want) || strings.Contains(r[4], "this ") != v.event || strings.Contains(r[4], "next") != (v.reason == notifier.Temporary && !v.accepted) {
			t.Errorf("code %d: the manual says %q, want %s, of one event: %v", code, r[4], want, v.event)
		}
		answer, ok := sandbox.HECReply(code)
		if status, _ := strconv.Atoi(r[3]); !ok || answer.Status != status || !strings.Contains(answer.Body, strconv.Quote(r[2])) {
			t.Errorf("code %d: the manual has %s %q, the stand-in answers %d %s", code, r[3], r[2], answer.Status, answer.Body)
		}
	}
}

func TestAnswerOfAnotherServerIsNoSuccess(t *testing.T) {
	for _, body := range []string{"", "ok", "{}", `{"text":"Success"}`, `[]`, `{"code":"0"}`, "<html>"} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, body) }))
		_, err := newNotifier(t, Config{URLs: []string{s.URL}}, s.Client()).Notify(t.Context(), bruteForce())
		s.Close()
		if err == nil {
			t.Errorf("%q passed for success", body)
			continue
		}
		if got := notifier.Classify(err); got.Reason != notifier.Misconfigured || !strings.Contains(got.Hint, "not a HEC endpoint") {
			t.Errorf("%q: got %v: %v, want misconfigured and a hint", body, got.Reason, err)
		}
	}
}

func TestEndpoint(t *testing.T) {
	for url, want := range map[string]string{
		"https://splunk:8088":                             "https://splunk:8088/services/collector/event",
		"https://splunk:8088/":                            "https://splunk:8088/services/collector/event",
		"http://[2001:db8::1]:8088":                       "http://[2001:db8::1]:8088/services/collector/event",
		"https://splunk.example.com/services/collector":   "https://splunk.example.com/services/collector",
		"https://example.com/hec?x=1":                     "https://example.com/hec?x=1",
		"https://http-inputs.example.com:443?auto=1#frag": "https://http-inputs.example.com:443/services/collector/event?auto=1#frag",
	} {
		got, err := Config{URLs: []string{url}}.endpoint(url)
		if err != nil || got.String() != want {
			t.Errorf("%s: got %v, %v, want %s", url, got, err, want)
		}
	}
}

func TestValidateReportsEveryMistake(t *testing.T) {
	tests := []struct {
		name string
		cfg  Config
		want []string // keys
	}{
		{"complete", Config{URLs: []string{"https://splunk:8088"}, Token: notifier.PlainSecret("x")}, nil},
		{"empty", Config{}, []string{"url", "token"}},
		{"wrong", Config{URLs: []string{"splunk:8088"}, Channel: "7"}, []string{"url", "token", "channel"}},
		{"token of two lines", Config{URLs: []string{"https://splunk:8088"}, Token: notifier.PlainSecret("x\ny")}, []string{"token"}},
		{"proxy", Config{URLs: []string{"https://splunk:8088"}, Token: notifier.PlainSecret("x"), Network: notifier.Network{Proxy: notifier.PlainSecret("x")}}, []string{"network.proxy"}},
		{"several", Config{URLs: []string{"https://a:8088", "https://b:8088/services/collector"}, Token: notifier.PlainSecret("x")}, nil},
		{"the same twice", Config{URLs: []string{"https://a:8088", "https://a:8088/services/collector/event"}, Token: notifier.PlainSecret("x")}, []string{"url"}},
		{"many", Config{URLs: slices.Repeat([]string{""}, 17), Token: notifier.PlainSecret("x")}, slices.Repeat([]string{"url"}, 18)},
		{"two endpoints", Config{URLs: []string{"https://a:8088/services/collector/raw", "https://b:8088/services/collector/event"}, Token: notifier.PlainSecret("x")}, []string{"url"}},
		{"raw, and events", Config{URLs: []string{"https://a:8088/services/collector/event"}, Endpoint: "raw", Token: notifier.PlainSecret("x")}, []string{"url"}},
		{"a third endpoint", Config{URLs: []string{"https://a:8088"}, Endpoint: "ack", Token: notifier.PlainSecret("x")}, []string{"endpoint"}},
		{"fields of lines", Config{URLs: []string{"https://a:8088"}, Endpoint: "raw", Fields: map[string]string{"a": "b"}, Token: notifier.PlainSecret("x")}, []string{"fields"}},
		{"names of fields", Config{URLs: []string{"https://a:8088"}, Fields: map[string]string{"a.b": "x", "_a": "x", "host": "x", "ok_1": "x"}, Token: notifier.PlainSecret("x")}, []string{"fields", "fields", "fields.host"}},
		{"index", Config{URLs: []string{"https://a:8088"}, Index: "Main index", Token: notifier.PlainSecret("x")}, []string{"index"}},
		{"index that no template makes a name", Config{URLs: []string{"https://a:8088"}, Index: "os {{ .Host }}", Token: notifier.PlainSecret("x")}, []string{"index"}},
		{"index with a text of its own", Config{URLs: []string{"https://a:8088"}, Index: " {{ if .Host }}os_{{ else }}No Host{{ end }}-{{ .Family }} ", Token: notifier.PlainSecret("x")}, nil},
		{"index by template", Config{URLs: []string{"https://a:8088"}, Index: "{{ .Family }}", Token: notifier.PlainSecret("x")}, nil},
		{"batch", Config{URLs: []string{"https://a:8088"}, Batch: notifier.Batching{Size: 101, Bytes: -1}, Token: notifier.PlainSecret("x")}, []string{"batch.size", "batch.bytes"}},
		{"user in the URL", Config{URLs: []string{"https://u:p@splunk:8088"}, Token: notifier.PlainSecret("x")}, []string{"url"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, notifiertest.Keys(tt.cfg.Validate())); diff != "" {
				t.Errorf("keys differ (-want +got):\n%s", diff)
			}
			if _, err := New(tt.cfg, nil); (err == nil) != (tt.want == nil) {
				t.Errorf("New: got error %v", err)
			}
		})
	}
}

func TestSettings(t *testing.T) {
	cfg := Config{URLs: []string{"https://a:8088"}, Index: "{{ .Family }}", Source: "plain", Host: "{{ .Host }}", Fields: map[string]string{"team": "shop", "json": "{{ .ID }}"}}
	want := map[string]string{"index": "{{ .Family }}", "host": "{{ .Host }}", "field_json": "{{ .ID }}"}
	if diff := cmp.Diff(want, cfg.TemplateSettings()); diff != "" {
		t.Errorf("templates differ (-want +got):\n%s", diff)
	}
	for size, want := range map[int]int{0: 100, 1: 0, 10: 20, 80: 100} {
		if got := (Config{Batch: notifier.Batching{Size: size}}).Parallel(); got != want {
			t.Errorf("size %d: %d at once, want %d", size, got, want)
		}
	}
	cfg.Unbatched()
	if cfg.batching().Size != 1 || cfg.Parallel() != 0 {
		t.Errorf("unbatched: %+v", cfg.batching())
	}
	cfg.URLs = append(cfg.URLs, "https://b:8088")
	if diff := cmp.Diff(map[string]string{"url[0]": "https://a:8088", "url[1]": "https://b:8088"}, cfg.Destinations(t.Context())); diff != "" {
		t.Errorf("destinations differ (-want +got):\n%s", diff)
	}
}

func TestURLThatNamesTheRawEndpointIsTakenAtItsWord(t *testing.T) {
	cfg := Config{URLs: []string{"https://splunk:8088/services/collector/raw/1.0"}}
	if u, err := cfg.endpoint(cfg.URLs[0]); !cfg.raw() || err != nil || u.Path != "/services/collector/raw/1.0" {
		t.Errorf("raw %v, %v, %v", cfg.raw(), u, err)
	}
	cfg = Config{URLs: []string{"https://splunk:8088"}, Endpoint: "raw"}
	if u, err := cfg.endpoint(cfg.URLs[0]); err != nil || u.Path != rawPath {
		t.Errorf("%v, %v", u, err)
	}
}
