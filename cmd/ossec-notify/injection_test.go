package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"html"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/preview"
	"github.com/ossec-notify/ossec-notify/sandbox"
	"github.com/ossec-notify/ossec-notify/testdata/injection"
)

var injectionLong = flag.Bool("injection.long", false, "put every payload into every field of every alert of the corpus; without it each field gets one")

// injectionConfig has two receivers of every channel and more: with the default templates, and with an operator's that
// put an alert's text into every context there is.
const injectionConfig = `templates_dir: .
receivers:
  chat:         {slack: {webhook_url: %[1]q}}
  chat-bot:     {slack: {token: %[2]q, channel: "#soc", api_url: %[3]q}}
  chat-own:     {slack: {webhook_url: %[1]q}, template: slack-own.tmpl}
  chat-body:    {slack: {webhook_url: %[1]q}, template: slack-body.tmpl}
  page:         {pagerduty: {routing_key: %[4]q, endpoint: %[5]q}}
  page-own:     {pagerduty: {routing_key: %[4]q, endpoint: %[5]q}, template: page-own.tmpl}
  siem:         {splunk: {url: %[6]q, token: %[7]q}}
  siem-json:    {splunk: {url: %[6]q, token: %[7]q}, template: own.json.tmpl}
  siem-text:    {splunk: {url: %[6]q, token: %[7]q}, template: object.tmpl}
  hook:         {webhook: {url: %[8]q, bearer_token: %[9]q}}
  hook-raw:     {webhook: {url: %[8]q, bearer_token: %[9]q, body: raw}}
  hook-json:    {webhook: {url: %[8]q, bearer_token: %[9]q, body: own.json.tmpl}}
  hook-text:    {webhook: {url: %[8]q, bearer_token: %[9]q, body: own.tmpl}}
  hook-preset:  {webhook: {url: %[8]q, preset: own, settings: {key: %[9]q}}}
  mail:         {email: {smtp: %[10]q, from: ossec@example.com, to: [root@example.com]}}
  mail-own:     {email: {smtp: %[10]q, from: ossec@example.com, to: [root@example.com]}, template: mail-own.tmpl}
  mail-html:    {email: {smtp: %[10]q, from: ossec@example.com, to: [root@example.com]}, template: own.html.tmpl}
always: [chat, chat-bot, chat-own, chat-body, page, page-own, siem, siem-json, siem-text, hook, hook-raw, hook-json, hook-text, hook-preset, mail, mail-own, mail-html]
links:
  alert: "https://links.example.com/alert/{{.ID}}/of/{{.Agent.Name}}?q={{.Rule.Description}}&log={{.Log | trunc 200}}#{{.Location}}"
  runbook: "https://links.example.com/runbook/x{{.Rule.ID}}{{.Agent.Name}}"
`

// injectionTemplates are the operator's.
var injectionTemplates = map[string]string{
	"slack-own.tmpl": `{{define "slack.header"}}Own {{.Rule.Description}} of {{.Agent.Name}}{{end}}
{{define "slack.text"}}Own {{.Log}}{{.Agent.Name}} <https://own.example.com/{{.Agent.Name}}/x?q={{.Rule.Description}}|see {{.Agent.Name}}> <!here>{{end}}
{{define "slack.facts"}}<!here> *Says* {{.Rule.Description}}{{.Agent.Name}} and *{{.Agent.Name}}* _{{.Rule.Description}}_
` + "`code {{.Agent.Name}}{{.Rule.Description}}{{.Log | trunc 100}}` {{.Agent.Name}}`x`{{.Agent.Name}}" + `
> {{.Rule.Description}} <!{{.Agent.Name}}> <@{{.Agent.Name}}|{{.Rule.Description}}>
<https://own.example.com/{{.Agent.Name}}/x?q={{.Rule.Description}}&amp;r={{.Location}}#{{.ID}}|label {{.Agent.Name}}{{.Rule.Description}}> <https://own.example.com|{{.Agent.Name}}>
{{.Agent.Name}}
{{range list .Agent.Name .Rule.Description}}• {{.}} {{end}}{{printf "%s" .Agent.Name | upper}} {{.Agent.Name | replace "x" "<"}} {{.Rule.Description | live}} {{joinText .Agent.Name (list 1 2)}} {{with fact .Agent.Name 1}}{{.Label}}{{end}}{{end}}
{{define "slack.log"}}` + "```{{.Log | trunc 300}}{{.Agent.Name}}\n{{.Agent.Name}}``` and ```{{.Agent.Name}}{{.Agent.Name}}```" + `{{end}}
{{define "slack.footer"}}{{.Agent.Name}} <https://own.example.com|rule> {{.Rule.Description}}{{end}}`,
	"slack-body.tmpl": "*Body* {{.Rule.Description}} `{{.Agent.Name}}`\n```{{.Log | trunc 300}}```\n<https://own.example.com/{{.Agent.Name}}|{{.Rule.Description}}> {{.Agent.Name}} <!here>{{define `slack.footer`}}{{.Agent.Name}}{{end}}",
	"page-own.tmpl": `{{define "pagerduty.summary"}}Own {{.Rule.Description}} of {{.Agent.Name}}{{end}}
{{define "pagerduty.client_url"}}{{link "alert" .}}{{end}}
{{define "pagerduty.links.json"}}[{"href": {{link "alert" . }}, "text": "of {{.Agent.Name}}"}, {"href": "https://own.example.com/{{.Agent.Name}}?q={{.Rule.Description}}", "text": {{.Rule.Description}}}]{{end}}
{{define "pagerduty.details.json"}}{"value": {{.Log}}, "string": "of {{.Log}}.", "both": "{{.Agent.Name}}{{.Log}}"}{{end}}`,
	"own.json.tmpl": `{"value": {{.Log}}, "string": "of {{.Log}}.", "list": [{{.Agent.Name}}, "{{.Agent.Name}}", {{.Rule.Level}}], "map": {{dict "log" .Log | toJson}},
"called": {{template "call" .}}, "within": "{{template "call" .}}", "groups": [{{range $i, $g := .Rule.Groups}}{{if $i}}, {{end}}"{{$g}}"{{end}}], "same": {{printf "%s" .Log}}}
{{define "call"}}{{.Log}}{{end}}`,
	"object.tmpl": `{"value": "{{.Log}}", "of": "{{.Agent.Name}}", "own": {{.Log | toJson}}}`,
	"own.tmpl":    "Own {{.Rule.Description}}\n{{.Log}}",
	"mail-own.tmpl": `{{define "email.subject"}}Own {{.Rule.Description}} {{.Agent.Name}}{{end}}
{{define "email.from_name"}}Own {{.Agent.Name}}{{end}}
{{define "email.headers"}}X-Agent: {{.Agent.Name}}
X-Log: of {{.Log}}
{{.Agent.Name}}
{{.Log}}{{end}}
{{define "email.text"}}Own {{.Log}}
{{.Agent.Name}}{{end}}`,
	"own.html.tmpl": `<!DOCTYPE html><html><head><title>{{.Rule.Description}}</title><style>.x{color:{{.Agent.Name}};background:"{{.Log | trunc 100}}"}</style></head>
<body data-a="{{.Rule.Description}}" data-b='{{.Agent.Name}}' data-c={{.Agent.Name}} style="color:{{.Agent.Name}}" onclick="f({{.Log | trunc 100}})">
<p>{{.Log}}{{.Agent.Name}}</p><a href="https://own.example.com/?q={{.Agent.Name}}&amp;r={{.Log | trunc 100}}#x">{{.Agent.Name}}</a><a href='https://own.example.com/{{.Agent.Name}}/{{.Rule.Description}}'>x</a><img src="https://own.example.com/{{.Rule.Description}}.png" srcset="https://own.example.com/{{.Agent.Name}} 1x, https://own.example.com/{{.Log | trunc 100}} 2x" alt={{.Rule.Description}}>
<p style="background:url('https://own.example.com/{{.Rule.Description}}')"><a href="{{with link "alert" .}}{{.}}{{else}}https://own.example.com/{{end}}">x</a></p>
<!-- {{.Log}} --><textarea>{{.Log}}</textarea><pre>{{.Log}}</pre><script>var log = {{.Log}}; var s = "{{.Agent.Name}}";</script>
<p>{{rich .Rule.Description}}{{dotted .Rule.Description}}{{plain .Rule.Description}}</p></body></html>`,
}

// injectionPreset is a preset that puts an alert's text into every place of a body, with escapes that can be read back.
const injectionPreset = `name: own
title: Own
about: A preset for tests.
checked: 2026-11-23
settings:
  url: {required: true, help: "the address", example: "https://example.com/hook"}
  key: {required: true, secret: true, help: "the key", example: "x"}
request:
  url: "{url}"
  headers: {Authorization: "Bearer {key}", X-Key: "{dedup_hash}"}
  body: |
    {"value": {{.Log}}, "string": "of {{.Log}}.", "both": "*{{.Agent.Name}}{{.Log}}*", "json": {{.Log | toJson}}, "map": {{dict "log" .Log | toJson}}, "list": [{{range list .Log .Log}}"{{.}}",{{end}} 1],
     "variable": {{$x := .Log}}{{$x}}, "printed": "{{printf "%s" .Log}}", "joined": "{{joinText "-" (list .Log .Log)}}", "called": "{{template "called" .}}", "through": {{toJson .Log | toString | fromJson}},
     "groups": {{.Rule.Groups | toJson}}, "code": "<i>{{code .Log}}</i>", "fence": "{{fence .Log}}", "machine": "{{plainText .Log}}", "severity": {{severityOf 1 2 3 4 5 6}}}
    {{define "called"}}({{.Log}}){{end}}
plain: {text: "<b>{text}</b>"}
text:
  escape: {"\\": "\\\\", "<": "&lt;", ">": "&gt;", "&": "&amp;", "*": "\\*"}
  code: {open: "<code>", close: "</code>", escape: {"<": "&lt;", ">": "&gt;", "&": "&amp;"}}
  fence: {open: "<pre>", close: "</pre>", escape: {"<": "&lt;", ">": "&gt;", "&": "&amp;"}}
answer: {success: {status: [200]}}
`

// injectionSite is the config with the operator's templates, loaded.
func injectionSite(t *testing.T, addresses ...any) *config.Config {
	t.Helper()
	files := maps.Clone(injectionTemplates)
	files["presets/own.yaml"] = injectionPreset
	files["ossec-notify.yaml"] = fmt.Sprintf(injectionConfig, addresses...)
	dir := write(t, files)
	cfg, problems, err := loadConfig(filepath.Join(dir, "ossec-notify.yaml"), dir)
	if err != nil || cfg == nil {
		t.Fatal(err, problems)
	}
	return cfg
}

func injectionPreviewer(t *testing.T) *preview.Previewer {
	t.Helper()
	p, err := preview.New(injectionSite(t, "https://hooks.slack.com/services/T0/B0/x", "xoxb-x", "https://slack.com/api/", "00000000000000000000000000000000",
		"https://events.pagerduty.com", "https://splunk.example.com:8088", "x", "https://example.com/hook", "x", "smtp://localhost"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// open and shut stand around what an attacker wrote, to find it again in whatever is made of it. They hold no letter
// that any channel escapes.
const open, shut = "QJXW", "WXJQ"

// harmless stands where payloads stand.
const harmless = open + "harmless" + shut

// spot is a place of an alert that takes a payload.
type spot struct {
	name, file string
	make       func(payload string) *alert.Alert
}

// TestPayloadsStayText puts the payloads into fields of alerts in every format and looks at what each channel sends,
// through the eyes of the receiver: it is built as the same message with a harmless word.
func TestPayloadsStayText(t *testing.T) {
	t.Parallel()
	var whole, each []spot
	for _, file := range []string{"wazuh/5712-ssh-brute-force.json", "wazuh/550-fim-changed.json", "wazuh/31106-web-attack-answered.json", "ossec/5712-ssh-brute-force.json"} {
		whole = append(whole, everywhere(t, file))
	}
	whole = append(whole, blocks(t)...)
	files, err := filepath.Glob(filepath.Join(corpusDir, "*", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if kind := filepath.Base(filepath.Dir(path)); kind == "wazuh" || kind == "ossec" {
			each = append(each, fieldsOf(t, filepath.Join(kind, filepath.Base(path)))...)
		}
	}
	payloads := injection.All()
	t.Run("everywhere", func(t *testing.T) {
		for i, s := range whole {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				x := newInjected(t, injectionPreviewer(t), s)
				for j, p := range payloads {
					if testing.Short() && j%len(whole) != i {
						continue
					}
					if p.Large {
						continue
					}
					if *injectionLong || (i+j)%4 == 0 {
						x.check(t, p, p.Text)
					}
					if *injectionLong || (i+j)%4 == 2 {
						x.check(t, p, open+p.Text+shut)
					}
				}
			})
		}
	})
	t.Run("large", func(t *testing.T) {
		fields := fieldsOf(t, "wazuh/5712-ssh-brute-force.json")
		for n, field := range []string{".full_log", ".rule.description", ".agent.name"} {
			t.Run(field[1:], func(t *testing.T) {
				t.Parallel()
				i := slices.IndexFunc(fields, func(s spot) bool { return strings.HasSuffix(s.name, field) })
				x := newInjected(t, injectionPreviewer(t), fields[i])
				for j, p := range payloads {
					if p.Large && (n == j%3 || *injectionLong) {
						x.check(t, p, p.Text)
					}
				}
			})
		}
	})
	t.Run("one field", func(t *testing.T) {
		const shares = 4
		for share := range shares {
			t.Run(fmt.Sprint(share), func(t *testing.T) {
				t.Parallel()
				p := injectionPreviewer(t)
				var x *injected
				for i := len(each) * share / shares; i < len(each)*(share+1)/shares; i++ {
					if testing.Short() && i%8 > 0 {
						continue
					}
					if x == nil || x.spot.file != each[i].file {
						x = newInjected(t, p, each[i], "chat", "page", "siem", "hook", "mail") // the others show few fields
					}
					x.spot = each[i]
					for j := range payloads {
						if p := payloads[(i+j)%len(payloads)]; !p.Large || *injectionLong {
							x.check(t, p, p.Text)
							if !*injectionLong {
								break
							}
						}
					}
				}
			})
		}
	})
	t.Logf("%d payloads, %d alerts with them in every field, %d fields of %d alerts", len(payloads), len(whole), len(each), len(files))
}

// everywhere puts the payload into every text of an alert in JSON, but for what the alert's kind is known by.
func everywhere(t *testing.T, file string) spot {
	t.Helper()
	object := corpusObject(t, file)
	return spot{file, file, func(payload string) *alert.Alert {
		return parseObject(replaceTexts(object, "", func(path, _ string) (string, bool) {
			switch path {
			case ".timestamp", ".id", ".rule.id", ".decoder.name", ".decoder", ".rule.groups[0]", ".rule.groups[1]", ".rule.groups[2]", ".syscheck.event":
				return "", false
			}
			return payload, true
		}))
	}}
}

// fieldsOf are the texts of an alert in JSON, each a place of its own.
func fieldsOf(t *testing.T, file string) []spot {
	t.Helper()
	object := corpusObject(t, file)
	var spots []spot
	replaceTexts(object, "", func(path, _ string) (string, bool) {
		spots = append(spots, spot{file + path, file, func(payload string) *alert.Alert {
			return parseObject(replaceTexts(object, "", func(other, _ string) (string, bool) { return payload, other == path }))
		}})
		return "", false
	})
	return spots
}

func corpusObject(t *testing.T, file string) map[string]any {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(corpusDir, file))
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if err := dec.Decode(&object); err != nil {
		t.Fatal(file, err)
	}
	return object
}

// replaceTexts is a copy of a JSON value with texts replaced.
func replaceTexts(v any, path string, with func(path, old string) (string, bool)) any {
	switch v := v.(type) {
	case string:
		if s, ok := with(path, v); ok {
			return s
		}
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = replaceTexts(v[i], fmt.Sprintf("%s[%d]", path, i), with)
		}
		return list
	case map[string]any:
		object := map[string]any{}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			object[k] = replaceTexts(v[k], path+"."+k, with)
		}
		return object
	}
	return v
}

// parseObject writes JSON as the managers do, with bytes that are no UTF-8 as they are, and parses it.
func parseObject(v any) *alert.Alert {
	var b bytes.Buffer
	writeJSON(&b, v)
	return alert.Parse(b.Bytes(), alert.Options{FileName: "x.json", Location: time.UTC, Received: received})
}

func writeJSON(b *bytes.Buffer, v any) {
	switch v := v.(type) {
	case string:
		b.WriteByte('"')
		for _, c := range []byte(v) {
			switch {
			case c == '"' || c == '\\':
				b.Write([]byte{'\\', c})
			case c < 0x20:
				fmt.Fprintf(b, `\u%04x`, c)
			default:
				b.WriteByte(c)
			}
		}
		b.WriteByte('"')
	case []any:
		for i := range v {
			b.WriteByte("[,"[min(i, 1)])
			writeJSON(b, v[i])
		}
		if len(v) == 0 {
			b.WriteByte('[')
		}
		b.WriteByte(']')
	case map[string]any:
		b.WriteByte('{')
		for i, k := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				b.WriteByte(',')
			}
			writeJSON(b, k)
			b.WriteByte(':')
			writeJSON(b, v[k])
		}
		b.WriteByte('}')
	default:
		fmt.Fprint(b, v)
		if v == nil {
			b.Truncate(b.Len() - len("<nil>"))
			b.WriteString("null")
		}
	}
}

// blocks are the formats of text, which have no escaping: a payload may forge fields there, and is an alert's text all
// the same.
func blocks(t *testing.T) []spot {
	t.Helper()
	parse := func(name, format string) spot {
		return spot{name, name, func(payload string) *alert.Alert {
			return alert.Parse([]byte(strings.ReplaceAll(format, "PAYLOAD", payload)), alert.Options{FileName: name, Location: time.UTC, Received: received})
		}}
	}
	return []spot{
		parse("block.log", "** Alert 1773475820.200: mail  - syslog,sshd,authentication_failures,\n2026 Mar 14 08:10:20 (PAYLOAD) 192.0.2.11->/var/log/PAYLOAD\n"+
			"Rule: 5712 (level 10) -> 'PAYLOAD'\nSrc IP: PAYLOAD\nUser: PAYLOAD\nMar 14 09:10:31 web-01 sshd[2131]: PAYLOAD\nMar 14 09:10:29 web-01 sshd[2129]: PAYLOAD\n\n"),
		parse("shell.alert", "alertdate='2026 Mar 14 09:10:31'\nalertlocation='(PAYLOAD) 192.0.2.11->/var/log/PAYLOAD'\nruleid='5712'\nalertlevel='10'\n"+
			"ruledescription='PAYLOAD'\nalertlog='Mar 14 09:10:31 web-01 sshd[2131]: PAYLOAD'\nsrcip='PAYLOAD'"),
	}
}

// injected is a place, and what is sent where something harmless stands there.
type injected struct {
	spot     spot
	p        *preview.Previewer
	to       []string // or all
	harmless map[string]outgoing
}

// outgoing is a message as it leaves.
type outgoing struct {
	delivery     dispatch.Delivery
	notification notifier.Notification
	shown        preview.Shown
	body         any // JSON, decoded, or a text
}

func newInjected(t *testing.T, p *preview.Previewer, s spot, to ...string) *injected {
	t.Helper()
	x := &injected{spot: s, p: p, to: to}
	x.harmless = x.send(t, s.make(harmless))
	return x
}

func (x *injected) send(t *testing.T, a *alert.Alert) map[string]outgoing {
	t.Helper()
	all := map[string]outgoing{}
	plan := x.p.Plan(a)
	if len(x.to) > 0 {
		var err error
		if plan, err = x.p.PlanReceivers(a, x.to...); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range plan {
		shown, n, err := x.p.Show(t.Context(), d)
		if err != nil {
			t.Errorf("%s: %v", d.Receiver.Name, err)
			continue
		}
		s := outgoing{d, n, shown, nil}
		if d.Receiver.Channel != "email" {
			s.body = shownBody(t, shown)
		}
		// What is too large for templates goes out in its default form, and is harmless there too.
		if shown.TemplateErr != nil && !strings.Contains(shown.TemplateErr.Error(), "it prints more than") {
			t.Errorf("%s: the templates failed: %v", d.Receiver.Name, shown.TemplateErr)
		}
		all[d.Receiver.Name] = s
	}
	return all
}

func (x *injected) check(t *testing.T, p injection.Payload, text string) {
	t.Helper()
	t.Run(p.Name, func(t *testing.T) {
		t.Helper()
		defer func() {
			if t.Failed() {
				t.Logf("%s: %s is %.100q", x.spot.name, p.Name, text)
			}
		}()
		a := x.spot.make(text)
		// Short enough for messages of the operator's not to be cut, and what has no escaping holds all of it still.
		own := !p.Large && len(text) < 150 && !slices.ContainsFunc([]string{a.Agent.Name, a.Rule.Description, a.Log, a.Location}, func(s string) bool { return strings.TrimSpace(s) == "" })
		for name, got := range x.send(t, a) {
			want := x.harmless[name]
			// A megabyte in a frame is only slow.
			if !p.Large || strings.HasPrefix(name, "chat") {
				checkTerminal(t, got.delivery, got.notification, got.shown)
			}
			switch name {
			case "chat", "chat-bot":
				checkInertSlack(t, got, want, false)
			case "chat-own", "chat-body":
				checkInertSlack(t, got, want, own)
			case "page", "page-own":
				checkInertPage(t, got, want, a)
			case "mail", "mail-own", "mail-html":
				checkInertMail(t, got, want, a)
			case "siem-json", "siem-text", "hook-json":
				if got.shown.TemplateErr == nil {
					checkInertJSON(t, name, got, want, a)
				}
			default:
				checkInertJSON(t, name, got, want, a)
			}
		}
	})
}

// theirs are the addresses that the config and the templates name.
var theirs = regexp.MustCompile(`^https://(links|own)\.example\.com(/|$)`)

// checkLink: an address leads to the place that the operator wrote, with as many parts of the path.
func checkLink(t *testing.T, link string) {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil || !theirs.MatchString(link) || u.User != nil || u.Opaque != "" {
		t.Errorf("the link %.200q (%v) leads elsewhere", link, err)
		return
	}
	parts := strings.Split(u.EscapedPath(), "/")
	want := map[string][]int{"/alert/": {5}, "/runbook/": {3}}
	for start, n := range want {
		if u.Host == "links.example.com" && strings.HasPrefix(link, "https://links.example.com"+start) && !slices.Contains(n, len(parts)) {
			t.Errorf("the path of %.200q has %d parts, want %d", link, len(parts), n)
		}
	}
	for _, part := range parts {
		// What a browser takes for . and .. (WHATWG URL, 4.1).
		if plain := strings.ReplaceAll(strings.ToLower(part), "%2e", "."); plain == "." || plain == ".." {
			t.Errorf("the path of %.200q goes up", link)
		}
	}
	for key := range u.Query() {
		if !slices.Contains([]string{"q", "r", "log"}, key) {
			t.Errorf("the query of %.200q has a key %q", link, key)
		}
	}
	// An ellipsis is ours: where there was no room for more.
	if strings.ContainsFunc(strings.ReplaceAll(link, "…", ""), func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("<>\"'`|\\", r) }) {
		t.Errorf("the link %.200q holds what ends it", link)
	}
}

// checkInertSlack: nothing acts but what the template wrote, and what an attacker wrote stands in code. Of an
// operator's message that is never cut, the marks are those of the harmless one, one for one.
func checkInertSlack(t *testing.T, got, want outgoing, same bool) {
	t.Helper()
	body, harmlessBody := slackMessage(t, got.body), slackMessage(t, want.body)
	for k := range body {
		if _, ok := harmlessBody[k]; !ok {
			t.Errorf("the message has the key %q", k)
		}
	}
	total, fields := 0, mrkdwnFields(body)
	for _, f := range fields {
		total += utf8.RuneCountInString(f.text)
		plain := f.kind != "mrkdwn"
		for _, m := range readMrkdwn(t, f.text, plain) {
			switch m.kind {
			case "mention":
				if m.text != "!here" && !deadMention.MatchString(m.text) || !strings.Contains(got.shown.Receiver, "-") {
					t.Errorf("Slack mentions %.100q", m.text)
				}
			case "link":
				link, label, _ := strings.Cut(m.text, "|")
				checkLink(t, link)
				if strings.Contains(label, "|") {
					t.Errorf("the link %.200q has two labels", m.text)
				}
			case "open <":
				t.Errorf("%s: Slack reads %s: %.200q", f.kind, m.kind, f.text)
			case "open `":
				if !plain {
					t.Errorf("Slack reads %s: %.200q", m.kind, f.text)
				}
			case "bare >":
				if !plain && !same && got.shown.Receiver != "chat-own" {
					t.Errorf("Slack reads %s: %.200q", m.kind, f.text)
				}
			case "text":
				if !plain && (strings.Contains(m.text, open) || strings.Contains(m.text, shut)) {
					t.Errorf("what an attacker wrote stands beside code: %.200q in %.300q", m.text, f.text)
				}
			}
		}
		if strings.ContainsFunc(f.text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }) || strings.Contains(f.text, "\u202e") {
			t.Errorf("Slack gets a control character: %.200q", f.text)
		}
	}
	if total > 13_000 {
		t.Errorf("all texts have %d characters", total)
	}
	if !same {
		return
	}
	for i, f := range mrkdwnFields(harmlessBody) {
		if f.kind != "mrkdwn" || i >= len(fields) {
			continue
		}
		if got, want := outline(readMrkdwn(t, fields[i].text, false)), outline(readMrkdwn(t, f.text, false)); got != want {
			t.Errorf("Slack reads\n%s\nwant\n%s\nof %.500q", got, want, fields[i].text)
		}
	}
}

// slackMessage is a message to Slack: JSON to a webhook, a form with JSON in it to the API.
func slackMessage(t *testing.T, body any) map[string]any {
	t.Helper()
	if object, ok := body.(map[string]any); ok {
		return object
	}
	form, err := url.ParseQuery(fmt.Sprint(body))
	if err != nil {
		t.Fatal(err)
	}
	object := map[string]any{}
	for k, values := range form {
		if object[k] = values[0]; len(values) > 1 {
			t.Errorf("Slack gets %s twice", k)
		}
		if k == "blocks" || k == "attachments" || k == "metadata" {
			object[k] = decoded(json.RawMessage(values[0]))
		}
	}
	return object
}

// deadMention is the template's <!{{…}}>, which has a sign in it that no name has, or nothing.
var deadMention = regexp.MustCompile(`^[!@](?:%3F|…|\||$)`)

// outline are the marks of a text without what stands in code and links.
func outline(marks []mark) string {
	var b strings.Builder
	for _, m := range marks {
		b.WriteString(m.kind)
		switch m.kind {
		case "mention":
			if deadMention.MatchString(m.text) {
				m.text = "of nobody"
			}
			fmt.Fprintf(&b, " %q", m.text)
		case "text":
			fmt.Fprintf(&b, " %q", m.text)
		case "link":
			link, _, _ := strings.Cut(m.text, "|")
			if u, err := url.Parse(link); err == nil {
				fmt.Fprintf(&b, " %s with %d parts", u.Host, strings.Count(u.EscapedPath(), "/"))
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// mrkdwnFields are the texts of a message to Slack: "mrkdwn", or "plain".
func mrkdwnFields(v any) []mark {
	var out []mark
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			out = append(out, mrkdwnFields(e)...)
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			s, isText := v[k].(string)
			switch {
			case isText && k == "text" && v["type"] == "mrkdwn":
				out = append(out, mark{"mrkdwn", s})
			case isText && k == "text":
				out = append(out, mark{"plain", s})
			case k != "metadata":
				out = append(out, mrkdwnFields(v[k])...)
			}
		}
	}
	return out
}

// shape is JSON without its texts and numbers.
func shape(v any) string {
	switch v := v.(type) {
	case []any:
		var parts []string
		for _, e := range v {
			parts = append(parts, shape(e))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case map[string]any:
		var parts []string
		for _, k := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, k+":"+shape(v[k]))
		}
		return "{" + strings.Join(parts, " ") + "}"
	}
	return fmt.Sprintf("%T", v)
}

// sameText compares texts as JSON can hold them.
func sameText(t *testing.T, what string, got any, want string) {
	t.Helper()
	if got != validText(want) {
		t.Errorf("%s is %.200q, want %.200q", what, got, want)
	}
}

// validText is a text with � for each byte that is no UTF-8, as encoding/json has it.
func validText(s string) string { return string([]rune(s)) }

// detailKey is what a key of the details may be: a label of ours.
var detailKey = regexp.MustCompile(`^[a-z][a-z0-9_]{0,15}$`)

// checkInertPage: the event has no keys, links and actions but the template's.
func checkInertPage(t *testing.T, got, want outgoing, a *alert.Alert) {
	t.Helper()
	body := got.body.(map[string]any)
	for k := range body {
		if _, ok := want.body.(map[string]any)[k]; !ok && k != "links" && k != "client_url" {
			t.Errorf("PagerDuty gets the key %q", k)
		}
	}
	equal(t, "the action", fmt.Sprint(body["event_action"]), "trigger")
	if u, ok := body["client_url"].(string); ok {
		checkLink(t, u)
	}
	links, _ := body["links"].([]any)
	for _, l := range links {
		checkLink(t, fmt.Sprint(lookup(l, "href")))
	}
	for _, k := range []string{"summary", "source", "component", "group", "class"} {
		if s, ok := lookup(body, "payload", k).(string); ok && strings.ContainsFunc(s, unicode.IsControl) {
			t.Errorf("the %s holds a control character: %.200q", k, s)
		}
	}
	details, _ := lookup(body, "payload", "custom_details").(map[string]any)
	for k, v := range details {
		if _, isText := v.(string); !isText || !detailKey.MatchString(k) || strings.Contains(strings.ToUpper(k), open) {
			t.Errorf("PagerDuty's details hold %q: %T", k, v)
		}
	}
	if got.shown.Receiver == "page-own" && len(a.Log)+len(a.Agent.Name) < 50_000 {
		equal(t, "the details", shape(details), "{both:string string:string value:string}")
		sameText(t, "the value", details["value"], a.Log)
		sameText(t, "the string", details["string"], "of "+a.Log+".")
		sameText(t, "both", details["both"], a.Agent.Name+a.Log)
	}
}

// checkInertJSON: what stands in JSON is what the alert holds, and nothing stands beside it.
func checkInertJSON(t *testing.T, name string, got, want outgoing, a *alert.Alert) {
	t.Helper()
	for header, value := range (*got.shown.Requests)[0].Headers {
		if _, ok := (*want.shown.Requests)[0].Headers[header]; !ok || strings.ContainsFunc(value, unicode.IsControl) {
			t.Errorf("%s: the header %s: %q", name, header, value)
		}
	}
	switch name {
	case "hook-json", "siem-json":
		own := got.body
		if name == "siem-json" {
			own = lookup(got.body, "event")
		}
		object, ok := own.(map[string]any)
		if !ok {
			t.Fatalf("%s: %T", name, own)
		}
		groups := make([]any, len(a.Rule.Groups))
		for i, g := range a.Rule.Groups {
			groups[i] = validText(g)
		}
		equal(t, name, shape(object), shape(map[string]any{"value": "", "string": "", "list": []any{"", "", json.Number("1")}, "map": map[string]any{"log": ""},
			"called": "", "within": "", "groups": groups, "same": ""}))
		sameText(t, "the value", object["value"], a.Log)
		sameText(t, "the string", object["string"], "of "+a.Log+".")
		sameText(t, "the map", lookup(object, "map", "log"), a.Log)
		sameText(t, "what a template printed", object["called"], a.Log)
		sameText(t, "what a template printed within", object["within"], a.Log)
		sameText(t, "what a function made", object["same"], a.Log)
		equal(t, "the list", fmt.Sprint(object["list"]), fmt.Sprint([]any{validText(a.Agent.Name), validText(a.Agent.Name), a.Rule.Level}))
		equal(t, "the groups", fmt.Sprint(object["groups"]), fmt.Sprint(groups))
	case "hook-preset":
		checkInertPreset(t, got, a)
	case "siem-text":
		object, ok := lookup(got.body, "event").(map[string]any)
		if !ok {
			t.Fatalf("%s: %T", name, lookup(got.body, "event"))
		}
		equal(t, name, shape(object), "{of:string own:string value:string}")
	case "hook":
		sameText(t, "the document's log", orEmpty(lookup(got.body, "log")), a.Log)
		checkKeys(t, got.body, want.body)
		for _, v := range asObject(lookup(got.body, "links")) {
			checkLink(t, v.(string))
		}
	case "siem":
		checkKeys(t, got.body, want.body)
		checkKeys(t, lookup(got.body, "event"), nil)
	}
}

// checkInertPreset: who reads the vendor's markup reads the alert's text in its display form, whatever the template did with it.
func checkInertPreset(t *testing.T, got outgoing, a *alert.Alert) {
	t.Helper()
	object := asObject(got.body)
	read := strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&", `\\`, `\`, `\*`, "*").Replace
	inside := func(key, before, after string) string {
		s, _ := object[key].(string)
		inner, ok1 := strings.CutPrefix(s, before)
		inner, ok2 := strings.CutSuffix(inner, after)
		if !ok1 || !ok2 {
			t.Errorf("%s is %.200q", key, s)
		}
		if strings.ContainsAny(inner, "<>") {
			t.Errorf("%s holds live markup: %.200q", key, s)
		}
		return inner
	}
	if err := got.shown.TemplateErr; err != nil {
		if len(a.Log) < 100_000 { // so much in every place is more than a template may print
			t.Errorf("the template failed: %v", err)
		}
		inside("text", "<b>", "</b>")
		return
	}
	log := display.Quote(a.Log).String()
	for key, around := range map[string][2]string{"value": {}, "string": {"of ", "."}, "json": {}, "variable": {}, "printed": {}, "called": {"(", ")"}, "through": {}} {
		equal(t, key, read(inside(key, around[0], around[1])), log)
	}
	equal(t, "both", read(inside("both", "*", "*")), display.Quote(a.Agent.Name).String()+log)
	equal(t, "joined", read(inside("joined", "", "")), log+"-"+log)
	equal(t, "the map", read(fmt.Sprint(lookup(object, "map", "log"))), log)
	if list, ok := object["list"].([]any); !ok || len(list) != 3 || read(fmt.Sprint(list[0])) != log {
		t.Errorf("the list is %.200q", object["list"])
	}
	wrapped := strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace
	if strings.TrimSpace(log) != "" {
		equal(t, "the fence", wrapped(inside("fence", "<pre>", "</pre>")), log)
		if line := display.Quote(a.Log).Line().String(); line != "" {
			equal(t, "the code", wrapped(inside("code", "<i><code>", "</code></i>")), line)
		}
	}
	sameText(t, "what is for machines", object["machine"], a.Log)
	for header, value := range (*got.shown.Requests)[0].Headers {
		if strings.Contains(value, open) {
			t.Errorf("the header %s holds the alert's text: %q", header, value)
		}
	}
}

var ourKey = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// checkKeys: the keys of a document are words of ours; what is below original is the alert's.
func checkKeys(t *testing.T, got, want any) {
	t.Helper()
	for k := range asObject(got) {
		if !ourKey.MatchString(k) || strings.Contains(strings.ToUpper(k), open) {
			t.Errorf("the document has the key %q (%s)", k, shape(want))
		}
	}
}

func asObject(v any) map[string]any {
	object, _ := v.(map[string]any)
	return object
}

func orEmpty(v any) any {
	if v == nil {
		return ""
	}
	return v
}

// mailParts are a mail's headers and parts, read by the standard library.
type mailParts struct {
	header mail.Header
	parts  []mark // by media type
}

func readMail(t *testing.T, message string) mailParts {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	out := mailParts{header: m.Header}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	add := func(kind, encoding string, body io.Reader) {
		if encoding == "quoted-printable" {
			body = quotedprintable.NewReader(body)
		}
		b, err := io.ReadAll(body)
		if err != nil {
			t.Errorf("a part does not decode: %v", err)
		}
		out.parts = append(out.parts, mark{kind, string(b)})
	}
	if !strings.HasPrefix(kind, "multipart/") {
		add(kind, m.Header.Get("Content-Transfer-Encoding"), m.Body)
		return out
	}
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		part, err := r.NextRawPart()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type"))
		add(kind, part.Header.Get("Content-Transfer-Encoding"), part)
	}
}

// checkInertMail: the headers are those of the harmless mail, the parts too, and HTML has its tags.
func checkInertMail(t *testing.T, got, want outgoing, a *alert.Alert) {
	t.Helper()
	name := got.shown.Receiver
	m, harmlessMail := readMail(t, got.shown.Message), readMail(t, want.shown.Message)
	for header, values := range m.header {
		if len(values) != 1 || len(harmlessMail.header[header]) != 1 && !strings.HasPrefix(header, "X-Ossec-") && header != "X-Agent" && header != "X-Log" && header != "Importance" {
			t.Errorf("%s: the header %s: %q, want %q", name, header, values, harmlessMail.header[header])
		}
		decoded, err := new(mime.WordDecoder).DecodeHeader(values[0])
		if err != nil || strings.ContainsFunc(decoded, unicode.IsControl) || strings.Contains(decoded, "\u202e") {
			t.Errorf("%s: the header %s reads %.200q (%v)", name, header, decoded, err)
		}
	}
	for _, header := range []string{"To", "List-Id", "Auto-Submitted"} {
		equal(t, header, m.header.Get(header), harmlessMail.header.Get(header))
	}
	if from, err := m.header.AddressList("From"); err != nil || len(from) != 1 || from[0].Address != "ossec@example.com" {
		t.Errorf("%s is from %v (%v)", name, from, err)
	}
	if name == "mail-own" && a.Agent.Name != "" {
		subject, _ := new(mime.WordDecoder).DecodeHeader(m.header.Get("Subject"))
		if !strings.HasPrefix(subject, "Own ") {
			t.Errorf("the subject is %.200q", subject)
		}
	}
	var kinds, harmlessKinds []string
	for _, p := range m.parts {
		kinds = append(kinds, p.kind)
		if strings.ContainsFunc(p.text, func(r rune) bool {
			return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' || r == 0x202e || r == utf8.RuneError
		}) {
			t.Errorf("%s: %s holds control characters: %.200q", name, p.kind, p.text)
		}
		if p.kind == "text/html" && got.shown.TemplateErr == nil {
			checkInertHTML(t, name, p.text, harmlessMail.parts[len(harmlessMail.parts)-1].text, a)
		}
		if p.kind == "text/plain" && name == "mail-own" {
			// The mail ends its lines with CRLF, whatever ended those of the log.
			lines := func(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")) }
			equal(t, "the text", lines(p.text), lines("Own "+display.Form(a.Log)+"\n"+display.Form(a.Agent.Name)))
		}
	}
	for _, p := range harmlessMail.parts {
		harmlessKinds = append(harmlessKinds, p.kind)
	}
	equal(t, name+": the parts", strings.Join(kinds, ", "), strings.Join(harmlessKinds, ", "))
}

// checkInertHTML: the tags of an operator's page are those of the harmless one; ours has more or fewer rows, but no
// other tags.
func checkInertHTML(t *testing.T, name, page, harmlessPage string, a *alert.Alert) {
	t.Helper()
	tags, texts := readHTML(page)
	harmlessTags, _ := readHTML(harmlessPage)
	if name == "mail-html" {
		list := func(tags []tag) string {
			var b strings.Builder
			for _, x := range tags {
				if !slices.Contains([]string{"span", "/span", "code", "/code"}, x.name) { // the dots of names; what is empty has no code
					fmt.Fprintln(&b, x)
				}
			}
			return b.String()
		}
		if got, want := list(tags), list(harmlessTags); got != want {
			t.Errorf("the page has the tags\n%s\nwant\n%s", got, want)
		}
		for _, text := range texts {
			script, found := strings.CutPrefix(text.text, "var log = ")
			if text.kind != "script" || !found {
				continue
			}
			var log string
			dec := json.NewDecoder(strings.NewReader(script))
			if err := dec.Decode(&log); err != nil {
				t.Errorf("the script has no string: %v in %.200q", err, script)
			}
			equal(t, "the script's string", log, display.Form(a.Log))
		}
	}
	known := map[string]bool{"code ": true, "/code ": true, "span ": true, "/span ": true}
	for _, x := range harmlessTags {
		known[x.String()] = true
	}
	for _, s := range []string{"tr ", "th scope style", "td style", "/tr ", "/th ", "/td ", "p style", "/p ", "pre style", "/pre ", "a href style", "/a ", "br "} {
		known[s] = true
	}
	for _, x := range tags {
		if !known[x.String()] {
			t.Errorf("the page has a tag %q", x)
		}
		for i, attribute := range x.names {
			value := html.UnescapeString(x.values[i])
			switch {
			case attribute == "href" || attribute == "src":
				checkLink(t, value)
			case attribute == "srcset":
				if sources := strings.Split(value, ", "); len(sources) != 2 || !strings.HasPrefix(sources[0], "https://own.example.com/") || !strings.HasPrefix(sources[1], "https://own.example.com/") || strings.Count(value, " ") != 3 {
					t.Errorf("the sources of the page are %.200q", value)
				}
			case attribute == "style" && name == "mail-html" && strings.Contains(value, "url("):
				if !strings.HasPrefix(value, "background:url('https://own.example.com/") || !strings.HasSuffix(value, "')") || strings.Count(value, "'") != 2 {
					t.Errorf("the style of the page is %.200q", value)
				}
			case name == "mail" && (strings.Contains(value, open) || strings.Contains(value, shut)):
				t.Errorf("what an attacker wrote stands in %s=%.100q", attribute, value)
			}
		}
	}
	for _, text := range texts {
		if text.kind == "bare <" {
			t.Errorf("%s: a bare < in the page", name)
		}
	}
}

// TestPayloadsAreDelivered sends them over real connections to the stand-ins, which refuse what the services would
// refuse, and find nothing wrong.
func TestPayloadsAreDelivered(t *testing.T) {
	t.Parallel()
	stand, err := sandbox.Start(sandbox.Options{WebhookToken: sandbox.FakeWebhookToken})
	if err != nil {
		t.Fatal(err)
	}
	defer stand.Close()
	d, err := injectionSite(t, stand.SlackWebhookURL(), sandbox.FakeSlackToken, stand.SlackAPIURL(), sandbox.FakeRoutingKey, stand.PagerDutyURL(),
		stand.SplunkURL(), sandbox.FakeHECToken, stand.WebhookURL(), sandbox.FakeWebhookToken, stand.SMTPURL()).Dispatcher(config.Options{Log: discard})
	if err != nil {
		t.Fatal(err)
	}
	s := everywhere(t, "wazuh/5712-ssh-brute-force.json")
	for i, p := range injection.All() {
		if testing.Short() && i%8 > 0 {
			continue
		}
		t.Run(p.Name, func(t *testing.T) {
			stand.Clear()
			plan := d.Plan(s.make(p.Text))
			d.DeliverAll(t.Context(), plan, func(o dispatch.Outcome) {
				if o.State != outbox.Delivered || o.TemplateErr != nil {
					t.Errorf("%s: %s, %v, %v", o.Delivery.Receiver.Name, o.State, o.Err, o.TemplateErr)
				}
			})
			messages := stand.Messages()
			n := 0
			for _, m := range messages {
				if m.Accepted {
					n++
				}
				if m.Problems != nil {
					t.Errorf("%s found: %q", m.Service, m.Problems)
				}
				if m.Service == sandbox.Email {
					readMail(t, string(m.Body))
					if !slices.Equal(m.To, []string{"root@example.com"}) || m.From != "ossec@example.com" {
						t.Errorf("a mail from %s to %v", m.From, m.To)
					}
				}
			}
			if n != len(plan) {
				t.Errorf("%d messages arrived of %d", n, len(plan))
			}
		})
	}
}
