package syslog

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/leodido/go-syslog/v4/rfc5424"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/notifiertest"
	"github.com/ossec-notify/ossec-notify/yamlnode"
)

func newNotifier(t testing.TB, cfg Config) *Notifier {
	t.Helper()
	if cfg.Address == "" {
		cfg.Address = "tcp://127.0.0.1:601"
	}
	s, err := New(cfg, (*notifier.Egress)(nil).Dial)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func words(parts map[string]string) map[string]display.Text {
	out := map[string]display.Text{}
	for k, v := range parts {
		out[k] = display.Words(v)
	}
	return out
}

// bruteForce is an alert as the default templates render it.
func bruteForce() notifier.Notification {
	return notifier.Notification{
		Action: notifier.Trigger, Delivery: "D1", Alert: "1795440017.1001", Severity: "medium", Time: time.Date(2026, 11, 23, 13, 20, 17, 123e6, time.UTC),
		Parts: words(map[string]string{
			"hostname": "wazuh.example.com", "app_name": "ossec-notify",
			"data.json":    `{"id":"1795440017.1001","rule":"5712","host":"a \"b\" [c] \\d"}`,
			"message.json": `{"version":1,"title":"SSH brute force","log":"Failed password\nfor admin","repeats":{"count":1}}`,
			"cef.json": `{"vendor":"Wazuh","product":"Wa|z\\uh","id":"5712","name":"sshd: brute force","severity":6,
				"fields":{"rt":1795440017123,"src":"203.0.113.9","msg":"a=b | c \\ d\nnext","empty":"","none":null,"duser":"null","cn1Label":"Rule level","cn1":10}}`,
			"leef.json": `{"vendor":"Wazuh","product":"Wa|zuh","id":"5712","severity":0,"fields":{"sev":0,"src":"203.0.113.9","msg":"a^b = c\td\r\ne","src ":"no"}}`,
		}),
	}
}

func message(t testing.TB, cfg Config, n notifier.Notification) string {
	t.Helper()
	m, err := newNotifier(t, cfg).Compose(n)
	if err != nil {
		t.Fatal(err)
	}
	return string(m.Body)
}

func TestMessages(t *testing.T) {
	n := bruteForce()
	n.Parts["leef.json"] = display.Words(strings.Replace(n.Parts["leef.json"].Raw(), `,"src ":"no"`, "", 1))
	taken := n
	taken.Action, taken.Severity = notifier.Acknowledge, "critical"
	own := n
	own.Parts = words(map[string]string{"hostname": "", "app_name": "", "body": "two\nlines\x1b[31m\u2028 here"})
	var b strings.Builder
	for _, tt := range []struct {
		name string
		cfg  Config
		n    notifier.Notification
	}{
		{"JSON", Config{}, n},
		{"JSON with structured data", Config{Enterprise: 32473}, n},
		{"CEF", Config{Format: formatCEF}, n},
		{"CEF of another device", Config{Format: formatCEF, Device: Device{"Trend Micro Inc.", "OSSEC HIDS", "3.8"}}, n},
		{"LEEF", Config{Format: formatLEEF}, n},
		{"names of the config", Config{Hostname: "soc 1", AppName: "alerts", Facility: "auth"}, n},
		{"taken", Config{}, taken},
		{"RFC 3164", Config{Header: headerRFC3164, Format: formatCEF}, n},
		{"socket of the host", Config{Address: "unix:///dev/log"}, n},
		{"template of the receiver's own", Config{Format: formatCEF, Hostname: "m"}, own},
	} {
		t.Setenv("TZ", "UTC")
		fmt.Fprintf(&b, "# %s\n%s\n", tt.name, message(t, tt.cfg, tt.n))
	}
	notifiertest.Golden(t, "messages.golden", []byte(b.String()))
}

func TestPriorities(t *testing.T) {
	for severity, want := range map[string]string{"critical": "<130>", "high": "<131>", "medium": "<132>", "low": "<133>", "info": "<134>", "unknown": "<132>", "": "<132>"} {
		n := bruteForce()
		n.Severity = severity
		if got := message(t, Config{}, n); !strings.HasPrefix(got, want+"1 ") {
			t.Errorf("%q: got %.10q, want %s", severity, got, want)
		}
	}
	if got := message(t, Config{Facility: "4"}, bruteForce()); !strings.HasPrefix(got, "<36>1 ") {
		t.Errorf("facility 4: got %.10q", got)
	}
}

func TestWhatIsWrongWithATemplate(t *testing.T) {
	for name, tt := range map[string]struct {
		cfg   Config
		parts map[string]string
		want  string
	}{
		"nothing":     {Config{}, nil, "makes none of message.json"},
		"no JSON":     {Config{}, map[string]string{"body.json": "{"}, "no valid JSON"},
		"no event":    {Config{Format: formatCEF}, map[string]string{"cef.json": "[]"}, "cef.json: is no object"},
		"no fields":   {Config{Format: formatCEF}, map[string]string{"cef.json": `{"name":"x"}`}, "its fields"},
		"no key":      {Config{Format: formatLEEF}, map[string]string{"leef.json": `{"fields":{"a=b":"c"}}`}, `"a=b"`},
		"too long":    {Config{MaxBytes: 480}, map[string]string{"message.json": "[" + strings.Repeat("1,", 1000) + "1]"}, "bytes too many"},
		"long header": {Config{MaxBytes: 480, Enterprise: 1}, map[string]string{"message.json": "{}", "data.json": `{"a":"` + strings.Repeat("x", 400) + `"}`, "hostname": strings.Repeat("h", 300)}, "the header has"},
	} {
		t.Run(name, func(t *testing.T) {
			n := bruteForce()
			n.Parts = words(tt.parts)
			_, err := newNotifier(t, tt.cfg).Compose(n)
			if got := notifier.Classify(err); err == nil || got.Reason != notifier.Permanent || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want a permanent error with %q", err, tt.want)
			}
		})
	}
	if _, err := newNotifier(t, Config{}).Compose(notifier.Notification{Action: "open"}); err == nil || !strings.Contains(err.Error(), `"open"`) {
		t.Errorf("got %v, want that there is no such action", err)
	}
}

func TestLongDocumentIsCutWhereItIsLongest(t *testing.T) {
	n := bruteForce()
	n.Parts["message.json"] = display.Words(`{"id":"1","log":"` + strings.Repeat(`\u0007é`, 3000) + `","original":{"x":"` + strings.Repeat("y", 9000) + `"},"title":"t"}`)
	for _, most := range []int{600, 2048, 8000} {
		got := message(t, Config{MaxBytes: yamlnode.Size(most)}, n)
		var read struct {
			ID, Log, Title string
			Original       any
			Cut            []string
		}
		if err := json.Unmarshal([]byte(got[strings.Index(got, "{"):]), &read); err != nil {
			t.Fatal(err)
		}
		if len(got) > most || read.ID != "1" || read.Title != "t" || read.Original != nil || fmt.Sprint(read.Cut) != "[original log]" && fmt.Sprint(read.Cut) != "[log original]" {
			t.Errorf("in %d bytes: %d, %+v", most, len(got), read)
		}
		if most > 600 && !strings.HasSuffix(read.Log, " of 9,000 bytes") {
			t.Errorf("in %d bytes the log ends with %q: want how much of it is there", most, read.Log[max(0, len(read.Log)-40):])
		}
	}
	n.Parts["cef.json"] = display.Words(`{"id":"1","name":"n","fields":{"src":"203.0.113.9","cs6":"` + strings.Repeat("x", 30000) + `","cs5":"` + strings.Repeat("=", 4000) + `"}}`)
	got := message(t, Config{Format: formatCEF, MaxBytes: 4096}, n)
	if len(got) > 4096 || !strings.Contains(got, "src=203.0.113.9") {
		t.Errorf("CEF: %d bytes: %.300s", len(got), got)
	}
}

// The law: whatever stands in an alert, a message is one line with the header that we gave it, and who reads it gets back what was
// put in. No alert text begins a second record, ends a value, or adds a field.
func FuzzMessage(f *testing.F) {
	for _, s := range []string{
		"plain", "", " x ", "line\n<14>1 2026-11-23T00:00:00Z evil evil - - - forged", "a=b c=d", `back\slash`, `quote" ] [x y="z"]`, "pipe | | |CEF:0|", "^sev=10^", "\x00\x1b[31m\x7f\u0085\u2028\u202e",
		"\xff\xfe", "é 😀 ｟", "{\"a\":1}", "12 <14>1 -", strings.Repeat("x", 9000), strings.Repeat("\n", 3000), "\r", "\t^\t", `\n`, `\`, "…",
	} {
		f.Add(s, s)
		f.Add(s, "key")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		n := bruteForce()
		object := func(v any) display.Text {
			j, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			return display.Quote(string(j))
		}
		fields := map[string]string{"src": a, "msg": b, "cs6": a + b}
		e := object(map[string]any{"vendor": a, "product": b, "id": a, "name": b, "severity": 6, "fields": fields})
		n.Parts = map[string]display.Text{
			"hostname": display.Quote(a), "app_name": display.Quote(b), "data.json": object(map[string]string{"a": a, b: "x"}),
			"message.json": object(map[string]string{"a": a, "b": b}), "cef.json": e, "leef.json": e,
		}
		a, b = asJSON(a), asJSON(b)
		short := len(cefText(a))+len(cefText(b)) < 800 // so that nothing is cut
		for key, value := range fields {
			fields[key] = strings.TrimSpace(asJSON(value))
		}
		for _, cfg := range []Config{{}, {Format: formatCEF}, {Format: formatLEEF}, {MaxBytes: 2000}, {Format: formatCEF, MaxBytes: 2000}, {Header: headerRFC3164}} {
			if cfg.Header == "" {
				cfg.Enterprise = 32473
			}
			s := newNotifier(t, cfg)
			m, err := s.Compose(n)
			if err != nil && cfg.MaxBytes > 0 && strings.Contains(err.Error(), "cannot be cut") {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			got := string(m.Body)
			if i := strings.IndexFunc(got, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }); i >= 0 {
				t.Fatalf("a control character at %d: %.200q", i, got)
			}
			if len(got) > s.maxBytes {
				t.Fatalf("%d bytes, want %d at most", len(got), s.maxBytes)
			}
			text := ""
			if cfg.Header == headerRFC3164 { // which has no grammar that a parser could insist on
				continue
			}
			read, err := rfc5424.NewParser().Parse(m.Body)
			if err != nil {
				t.Fatalf("it is no message of RFC 5424: %v: %.300q", err, got)
			}
			x := read.(*rfc5424.SyslogMessage)
			if host := x.Hostname; host != nil && (len(*host) > maxHostname || strings.HasPrefix(*host, "evil") && !strings.HasPrefix(a, "evil")) {
				t.Errorf("the host is %q", *host)
			}
			if x.StructuredData != nil {
				values := (*x.StructuredData)["ossec@32473"]
				if got, want := values["a"], cutEnd(singleLine(a), maxValue); dataName(b) != "a" && got != want {
					t.Errorf("structured data: %q, want %q", got, want)
				}
			}
			if x.Message != nil {
				text = *x.Message
			}
			if cfg.MaxBytes > 0 {
				continue // cut
			}
			switch cfg.Format {
			case "":
				var doc map[string]any
				if err := json.Unmarshal([]byte(text), &doc); err == nil && short && (doc["a"] != a || doc["b"] != b) {
					t.Errorf("JSON: %q, want %q and %q", doc, a, b)
				} else if err != nil {
					t.Errorf("JSON: %v in %q", err, text)
				}
			case formatCEF:
				header, got := readCEF(t, text)
				if len(header) != 7 || header[0] != "CEF:0" || header[6] != "6" {
					t.Fatalf("CEF's header is %q", header)
				}
				if want := cutEnd(singleLine(b), maxCEFName); header[5] != want {
					t.Errorf("CEF's name is %q, want %q", header[5], want)
				}
				for key, value := range fields {
					if short && got[key] != cefShown(value) {
						t.Errorf("CEF: %s is %q, want %q", key, got[key], cefShown(value))
					}
					delete(got, key)
				}
				if len(got) > 0 {
					t.Errorf("CEF: fields that nobody wrote: %q", got)
				}
			case formatLEEF:
				parts := strings.SplitN(text, "|", 7)
				if len(parts) != 7 || parts[0] != "LEEF:2.0" || parts[5] != delimiter {
					t.Fatalf("LEEF's header is %q", parts)
				}
				count := 0
				for _, attribute := range strings.Split(parts[6], delimiter) {
					key, value, ok := strings.Cut(attribute, "=")
					if attribute == "" {
						continue
					}
					in, known := fields[key]
					if !ok || !known {
						t.Fatalf("LEEF: an attribute that nobody wrote: %q", attribute)
					}
					count++
					if want := leefText(in); short && value != want {
						t.Errorf("LEEF: %s is %q, want %q", key, value, want)
					}
				}
				if count > len(fields) {
					t.Errorf("LEEF: %d attributes, want %d at most", count, len(fields))
				}
			}
		}
	})
}

// asJSON is a text as JSON can have it.
func asJSON(s string) string {
	j, err := json.Marshal(s)
	if err == nil {
		err = json.Unmarshal(j, &s)
	}
	if err != nil {
		panic(err) // encoding/json takes every string
	}
	return s
}

// cefShown is a value as CEF can have it: line ends as \n, other control characters shown.
func cefShown(s string) string {
	var out []string
	for _, line := range strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n") {
		var parts []string
		for _, part := range strings.Split(line, "\r") {
			parts = append(parts, singleLine(part))
		}
		out = append(out, strings.Join(parts, "\r"))
	}
	return strings.Join(out, "\n")
}

// readCEF reads CEF as its specification says: the header up to the seventh bar that is not escaped, then pairs, each key the word
// before a = that is not escaped.
func readCEF(t *testing.T, s string) (header []string, fields map[string]string) {
	t.Helper()
	var word strings.Builder
	i := 0
	for ; i < len(s) && len(header) < 7; i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			if s[i+1] != '\\' && s[i+1] != '|' {
				t.Fatalf("an escape in the header that there is none: %q", s[i:i+2])
			}
			i++
			word.WriteByte(s[i])
		case s[i] == '|':
			header = append(header, word.String())
			word.Reset()
		default:
			word.WriteByte(s[i])
		}
	}
	fields = map[string]string{}
	key, value := "", ""
	rest := s[i:]
	for j := 0; j < len(rest); j++ {
		switch c := rest[j]; {
		case c == '\\' && j+1 < len(rest):
			j++
			escaped, ok := map[byte]string{'\\': `\`, '=': "=", 'n': "\n", 'r': "\r"}[rest[j]]
			if !ok {
				t.Fatalf("an escape in the extension that there is none: %q", rest[j-1:j+1])
			}
			value += escaped
		case c == '=':
			at := strings.LastIndexByte(value, ' ')
			if key != "" {
				fields[key] = value[:max(at, 0)]
			}
			key, value = value[at+1:], ""
		default:
			value += rest[j : j+1]
		}
	}
	if key != "" {
		fields[key] = value
	}
	return header, fields
}
