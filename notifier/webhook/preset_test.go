package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/family"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/notifiertest"
	"github.com/ossec-notify/ossec-notify/templates"
	"github.com/ossec-notify/ossec-notify/templates/presets"
	"github.com/ossec-notify/ossec-notify/testdata/injection"
)

// presetTime is when the alerts of these tests came.
var presetTime = time.Date(2026, 11, 23, 13, 28, 22, 0, time.UTC)

// presetConfig is a receiver of a preset made of the examples of its settings.
func presetConfig(p *presets.Preset) Config {
	cfg := Config{Preset: p.Name, Settings: map[string]notifier.Secret{}}
	cfg.UsePreset(p)
	for _, s := range p.Settings {
		value := s.Example
		if value == "" && s.Values != nil {
			value = s.Values[0]
		}
		switch {
		case s.Name == "url":
			cfg.URL = notifier.PlainSecret(value)
		case s.Required:
			cfg.Settings[s.Name] = notifier.PlainSecret(value)
		}
	}
	return cfg
}

// presetSet are the templates of a receiver of a preset, with links as operators have them.
func presetSet(t testing.TB, cfg Config) *templates.Set {
	t.Helper()
	set, err := templates.Load(templates.Options{Links: map[string]string{"alert": "https://wazuh.example.com/app/alerts?id={{.ID}}"}})
	if err != nil {
		t.Fatal(err)
	}
	if set, err = set.WithPreset(cfg.LoadedPreset(), cfg.PresetSettings()); err != nil {
		t.Fatal(err)
	}
	return set
}

// presetMessage is a rendered message for a receiver.
func presetMessage(t testing.TB, set *templates.Set, a *alert.Alert, c templates.Context) notifier.Notification {
	t.Helper()
	c.Receiver, c.Channel, c.Route, c.Delivery = "soc", "webhook", "page", "7NKWEVBFMCVBYTJC"
	d := templates.NewData(a, alert.DefaultScale, c)
	parts, err := set.Parts(d)
	if err != nil {
		t.Fatal(err)
	}
	return notifier.Notification{Action: d.Action, Delivery: c.Delivery, Alert: d.Identity, Occurrence: 1, Receiver: c.Receiver, DedupKey: d.DedupKey,
		Severity: d.Severity.String(), Time: presetTime, Parts: parts}
}

func alertOf(t testing.TB, file string) *alert.Alert {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../../testdata/alerts", file))
	if err != nil {
		t.Fatal(err)
	}
	return alert.Parse(b, alert.Options{FileName: file, Location: time.UTC, Received: presetTime})
}

// hostileAlert has the text in every field that messages show.
func hostileAlert(text string) *alert.Alert {
	j, _ := json.Marshal(map[string]any{
		"timestamp": "2026-11-23T13:28:22.000+0000", "id": "1795440502.8", "location": text, "full_log": text,
		"rule":    map[string]any{"level": 12, "id": "5712", "description": text, "groups": []string{"syslog", "sshd", "authentication_failures"}},
		"agent":   map[string]any{"id": "001", "name": text, "ip": "192.0.2.10"},
		"manager": map[string]any{"name": "wazuh.example.com"},
		"decoder": map[string]any{"name": "sshd"},
		"data":    map[string]any{"srcip": "203.0.113.9", "srcuser": text, "dstuser": text},
	})
	return alert.Parse(j, alert.Options{FileName: "x.json", Location: time.UTC, Received: presetTime})
}

// hostileText is the text of the golden requests: markup of every vendor, and what no terminal should see.
const hostileText = "*b* _i_ ~s~ `c` ```f``` **B** [t](https://evil.example/) <https://evil.example|x> <b>h</b> &lt; @everyone @here <!channel> <users/all> #room :fire: {{7*7}} ${{x}} ${x} \\ \" ' \x1b[31m \u202egnp.exe \x0eSI\x0f \ufdd0\ufdd6 0\ufdd7\n# head\n- item\n1. one\n> quote"

// manyAlerts is a digest.
func manyAlerts(t testing.TB) templates.Context {
	t.Helper()
	b := digest.New(digest.Summary{Kind: digest.Throttle, Receiver: "soc", Route: "page", Why: "20/h"}, func(string) bool { return false })
	var all []*alert.Alert
	for i, file := range []string{"wazuh/5712-ssh-brute-force.json", "wazuh/550-fim-changed.json", "wazuh/5712-ssh-brute-force.json"} {
		a := alertOf(t, file)
		all = append(all, a)
		b.Add(a, family.Read(a), alert.DefaultScale.Severity(a.Rule.Level), presetTime.Add(time.Duration(i)*time.Minute), 1)
	}
	return templates.Context{Action: notifier.Digest, ID: "d-0123456789abcdef", Summary: b.Summary(), Alerts: all}
}

// recordedRequest is what a notifier sends to nobody.
type recordedRequest struct {
	method, url string
	header      http.Header
	body        string
}

// sentBy makes one attempt whose request nobody answers.
func sentBy(t testing.TB, w func(*http.Client) (*Notifier, error), n notifier.Notification) (recordedRequest, error) {
	t.Helper()
	var got recordedRequest
	errAway := errors.New("nobody there")
	made, err := w(&http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		got = recordedRequest{r.Method, r.URL.String(), r.Header, string(body)}
		return nil, errors.Join(errAway, err)
	})})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := made.Notify(context.Background(), n); !errors.Is(err, errAway) {
		return got, err
	}
	return got, nil
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// sentByPreset is sentBy for a receiver that must send.
func sentByPreset(t testing.TB, cfg Config, n notifier.Notification) recordedRequest {
	t.Helper()
	got, err := sentBy(t, func(c *http.Client) (*Notifier, error) { return New(cfg, c) }, n)
	if err != nil {
		t.Fatalf("Notify: %v", err)
	}
	return got
}

// shown is a request as golden files have it.
func (r recordedRequest) shown(t testing.TB) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", r.method, r.url)
	var names []string
	for name := range r.header {
		if name != "User-Agent" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&b, "%s: %s\n", name, r.header.Get(name))
	}
	if r.header.Get("Content-Type") == typeForm {
		for pair := range strings.SplitSeq(r.body, "&") {
			name, value, _ := strings.Cut(pair, "=")
			plain, err := url.QueryUnescape(value)
			if err != nil {
				t.Fatalf("the form is broken: %v\n%s", err, r.body)
			}
			fmt.Fprintf(&b, "%s = %q\n", name, plain)
		}
		return b.String()
	}
	var out bytes.Buffer
	if err := json.Indent(&out, []byte(r.body), "", "  "); err != nil {
		t.Fatalf("the body is no JSON: %v\n%s", err, r.body)
	}
	return b.String() + out.String() + "\n"
}

// TestPresetRequests keeps the requests of every preset: a file each, so that somebody who reads it sees what the vendor gets.
func TestPresetRequests(t *testing.T) {
	for _, name := range presets.Names() {
		t.Run(name, func(t *testing.T) {
			cfg := presetConfig(presets.Embedded(name))
			set := presetSet(t, cfg)
			brute, fim := alertOf(t, "wazuh/5712-ssh-brute-force.json"), alertOf(t, "wazuh/550-fim-changed.json")
			var b strings.Builder
			for _, x := range []struct {
				title string
				alert *alert.Alert
				c     templates.Context
			}{
				{"a brute force", brute, templates.Context{}},
				{"a changed file, sent again after the connection broke", fim, templates.Context{PossibleRepeat: true}},
				{"a hostile text in every field", hostileAlert(hostileText), templates.Context{}},
				{"a digest", nil, manyAlerts(t)},
				{"somebody took it", brute, templates.Context{Action: notifier.Acknowledge, Taken: &templates.Taken{By: "alice", Via: "mail link", At: presetTime.Add(time.Minute)}}},
				{"it is over", brute, templates.Context{Action: notifier.Resolve, Resolved: &templates.Resolved{After: time.Hour}}},
			} {
				action := x.c.Action
				if action == "" {
					action = notifier.Trigger
				}
				fmt.Fprintf(&b, "# %s\n\n", x.title)
				if _, told := cfg.LoadedPreset().For(string(action), cfg.gives); !told {
					fmt.Fprintf(&b, "nothing is sent\n\n")
					continue
				}
				n := presetMessage(t, set, x.alert, x.c)
				n.Earlier = &notifier.Receipt{ID: "EARLIER-1"}
				b.WriteString(sentByPreset(t, cfg, n).shown(t) + "\n")
			}
			for _, r := range cfg.preset.Others(string(notifier.Resolve)) {
				fmt.Fprintf(&b, "# it is over, with %s\n\n", r.When)
				given, _ := cfg.preset.Setting(r.When)
				other := presetConfig(cfg.preset)
				other.Settings[r.When] = notifier.PlainSecret(given.Example)
				n := presetMessage(t, presetSet(t, other), brute, templates.Context{Action: notifier.Resolve, Resolved: &templates.Resolved{After: time.Hour}})
				n.Earlier = &notifier.Receipt{ID: "EARLIER-1"}
				b.WriteString(sentByPreset(t, other, n).shown(t) + "\n")
			}
			n := presetMessage(t, set, brute, templates.Context{})
			n.Parts = plainParts(brute, errors.New(`template parts.tmpl:3: "<nothing>" is there`))
			fmt.Fprintf(&b, "# the templates failed\n\n%s", sentByPreset(t, cfg, n).shown(t))
			notifiertest.Golden(t, "presets/"+name+".golden", []byte(b.String()))
		})
	}
}

func plainParts(a *alert.Alert, cause error) map[string]display.Text {
	return templates.Plain(templates.NewData(a, alert.DefaultScale, templates.Context{Receiver: "soc", Channel: "webhook"}), cause)
}

var everyPayload = flag.Bool("payloads", false, "put every alert and every payload into the messages of every preset; without it each preset gets some of them")

// Meets reports whether the alert, payload or sign of a number is put into the messages of the vendor of a number: each meets one vendor in so
// many, and vendors that stand side by side get others. With -payloads all meet.
func Meets(i, vendor, in int) bool { return *everyPayload || (i+vendor)%in == 0 }

// TestPayloadsInEveryPreset renders the corpus and every payload with every preset: each request is JSON or a form, keeps the limits, has
// the same shape as that of a harmless text, and holds no control character.
func TestPayloadsInEveryPreset(t *testing.T) {
	files, err := filepath.Glob("../../testdata/alerts/*/*")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d alerts (%v)", len(files), err)
	}
	for k, name := range presets.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := presetConfig(presets.Embedded(name))
			set := presetSet(t, cfg)
			for i, file := range files {
				if st, err := os.Stat(file); err != nil || st.IsDir() || !Meets(i, k, 9) {
					continue
				}
				a := alertOf(t, strings.TrimPrefix(filepath.ToSlash(file), "../../testdata/alerts/"))
				checkRequest(t, cfg, sentByPreset(t, cfg, presetMessage(t, set, a, templates.Context{})), file)
			}
			want := shapeOf(t, sentByPreset(t, cfg, presetMessage(t, set, hostileAlert("harmless"), templates.Context{})))
			for i, p := range injection.All() {
				if in := map[bool]int{false: 9, true: len(presets.Names())}[p.Large]; !Meets(i, k, in) {
					continue
				}
				text := "x" + p.Text + "x" // what is blank leaves a field out
				a := hostileAlert(text)
				got := sentByPreset(t, cfg, presetMessage(t, set, a, templates.Context{}))
				checkRequest(t, cfg, got, p.Name)
				if shape := shapeOf(t, got); shape != want && !p.Large && !strings.HasPrefix(p.Name, "long-") { // what is cut says so in a place of its own
					t.Errorf("%s: the request has another shape:\n%s\nwant\n%s", p.Name, shape, want)
				}
				n := presetMessage(t, set, a, templates.Context{})
				n.Parts = plainParts(a, errors.New(text))
				checkRequest(t, cfg, sentByPreset(t, cfg, n), p.Name+", without templates")
			}
		})
	}
}

// checkRequest wants a request to be one that the vendor takes, as far as the preset says.
func checkRequest(t *testing.T, cfg Config, r recordedRequest, of string) {
	t.Helper()
	p := cfg.LoadedPreset()
	body := bodyOf(t, r)
	if most := p.Limits.Body; most > 0 && len(r.body) > most {
		t.Errorf("%s: the body has %d bytes, more than %d", of, len(r.body), most)
	}
	for _, l := range p.Limits.Fields {
		sum := 0
		for _, v := range valuesAt(body, strings.Split(l.Path, ".")) {
			if list, ok := v.([]any); ok && l.Unit == presets.Items && len(list) > l.Max {
				t.Errorf("%s: %s has %d elements, more than %d", of, l.Path, len(list), l.Max)
			}
			for _, s := range textsIn(v) {
				n := map[presets.Unit]int{presets.Chars: utf8.RuneCountInString(s), presets.UTF16: len(utf16.Encode([]rune(s))), presets.Bytes: len(s)}[l.Unit]
				if sum += n; n > l.Max && l.Unit != presets.Items {
					t.Errorf("%s: %s has %d %s, more than %d", of, l.Path, n, l.Unit, l.Max)
				}
			}
		}
		if l.Sum && sum > l.Max {
			t.Errorf("%s: %s have %d %s in all, more than %d", of, l.Path, sum, l.Unit, l.Max)
		}
	}
	for _, s := range textsIn(body) {
		if i := strings.IndexFunc(s, presets.IsMark); i >= 0 && !strings.ContainsFunc(of, presets.IsMark) && !cfg.LoadedPreset().Text.Raw {
			t.Errorf("%s: a character for our own use is left: %q", of, s)
		}
		if !p.Text.Raw && !usesPlainText(p) && strings.ContainsFunc(s, func(c rune) bool { return unicode.IsControl(c) && c != '\n' && c != '\t' }) {
			t.Errorf("%s: a control character: %q", of, s)
		}
	}
	for _, s := range p.Settings {
		in := 0 // the fields that ask for it
		for _, text := range p.Request.SecretFields {
			in += strings.Count(text, "{"+s.Name+"}")
		}
		if s.Secret && s.Required && s.Name != "url" && strings.Count(r.body, s.Example) != in {
			t.Errorf("%s: the secret %s stands in the body", of, s.Name)
		}
	}
}

func usesPlainText(p *presets.Preset) bool {
	for _, r := range p.Requests() {
		if strings.Contains(r.Body, "plainText") {
			return true
		}
	}
	return false
}

// bodyOf is the value that a request carries.
func bodyOf(t *testing.T, r recordedRequest) any {
	t.Helper()
	if r.header.Get("Content-Type") == typeForm {
		values, err := url.ParseQuery(r.body)
		if err != nil {
			t.Fatalf("the form is broken: %v", err)
		}
		object := map[string]any{}
		for name, v := range values {
			object[name] = v[0]
		}
		return object
	}
	var v any
	dec := json.NewDecoder(strings.NewReader(r.body))
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("the body is no JSON: %v\n%s", err, r.body)
	}
	if !utf8.ValidString(r.body) {
		t.Errorf("the body is no UTF-8: %q", r.body)
	}
	return v
}

// valuesAt are the values at a path of an object that is not ours: the test's own reading of what a path means.
func valuesAt(v any, path []string) []any {
	if len(path) == 0 {
		return []any{v}
	}
	var all []any
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if k == path[0] || path[0] == "*" {
				all = append(all, valuesAt(x, path[1:])...)
			}
		}
	case []any:
		for i, x := range v {
			if path[0] == "*" || path[0] == fmt.Sprint(i) {
				all = append(all, valuesAt(x, path[1:])...)
			}
		}
	}
	return all
}

func textsIn(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case map[string]any:
		var all []string
		for _, x := range v {
			all = append(all, textsIn(x)...)
		}
		return all
	case []any:
		var all []string
		for _, x := range v {
			all = append(all, textsIn(x)...)
		}
		return all
	}
	return nil
}

// shapeOf is a body without its texts: which keys there are, and what kind of value each has.
func shapeOf(t *testing.T, r recordedRequest) string {
	t.Helper()
	var shape func(v any) any
	shape = func(v any) any {
		switch v := v.(type) {
		case string:
			return ""
		case float64:
			return 0
		case []any:
			var items []any
			for _, x := range v {
				if s := shape(x); !slices.ContainsFunc(items, func(o any) bool { return fmt.Sprint(o) == fmt.Sprint(s) }) {
					items = append(items, s)
				}
			}
			return items
		case map[string]any:
			object := map[string]any{}
			for k, x := range v {
				object[k] = shape(x)
			}
			return object
		}
		return v
	}
	j, err := json.Marshal(shape(bodyOf(t, r)))
	if err != nil {
		t.Fatal(err)
	}
	address, _, _ := strings.Cut(r.url, "?")
	return r.method + " " + address + " " + string(j)
}
