package main

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/leodido/go-syslog/v4/rfc5424"

	"github.com/ossec-notify/ossec-notify/preview"
	"github.com/ossec-notify/ossec-notify/testdata/injection"
)

const linesConfig = `templates_dir: .
receivers:
  json:      {syslog: {address: "tcp://192.0.2.7:601", enterprise: 32473}}
  json-own:  {syslog: {address: "tcp://192.0.2.7:601", hostname: "of {{.Agent.Name}}", app_name: "{{.Rule.Description}}"}, template: own.json.tmpl}
  text-own:  {syslog: {address: "udp://192.0.2.7"}, template: own.tmpl}
  cef:       {syslog: {address: "udp://192.0.2.7", format: cef, max_bytes: 60000}}
  leef:      {syslog: {address: "tls://192.0.2.7", format: leef, framing: newline}}
  old:       {syslog: {address: "udp://192.0.2.7", header: rfc3164}}
  file-json: {file: {path: /var/log/alerts.json}}
  file-raw:  {file: {path: /var/log/alerts.json, body: raw}}
  file-own:  {file: {path: /var/log/alerts.json}, template: own.json.tmpl}
  file-text: {file: {path: /var/log/alerts.json}, template: own.tmpl}
always: [json, json-own, text-own, cef, leef, old, file-json, file-raw, file-own, file-text]
`

// cefKeys are the keys of CEF's extension: what no alert text can add to, for a = in a value is escaped.
var cefKeys = regexp.MustCompile(`(?:^| |\|)([A-Za-z0-9]+)=`)

// TestPayloadsAreNoRecord puts the payloads into every field of alerts and looks at the lines that syslog and files get: each is
// one line, however its reader divides them, with the header that is ours.
func TestPayloadsAreNoRecord(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"ossec-notify.yaml": linesConfig, "own.tmpl": injectionTemplates["own.tmpl"], "own.json.tmpl": `{"of": "{{.Agent.Name}}", "log": {{.Log}}}`})
	cfg, problems, err := loadConfig(filepath.Join(dir, "ossec-notify.yaml"), dir)
	if err != nil || cfg == nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	p, err := preview.New(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	var spots []spot
	for _, file := range []string{"wazuh/5712-ssh-brute-force.json", "wazuh/550-fim-changed.json", "wazuh/31106-web-attack-answered.json", "ossec/5712-ssh-brute-force.json"} {
		spots = append(spots, everywhere(t, file))
	}
	// lines are what each receiver gets.
	lines := func(t *testing.T, s spot, text string) map[string]string {
		t.Helper()
		out := map[string]string{}
		for _, x := range p.Plan(s.make(text)) {
			shown, _, err := p.Show(t.Context(), x)
			if err != nil {
				t.Errorf("%s: %v", x.Receiver.Name, err)
				continue
			}
			if shown.TemplateErr != nil && !strings.Contains(shown.TemplateErr.Error(), "it prints more than") {
				t.Errorf("%s: the templates failed: %v", x.Receiver.Name, shown.TemplateErr)
			}
			if shown.To == "" || shown.Requests != nil {
				t.Errorf("%s: it is shown as %+v", x.Receiver.Name, shown)
			}
			out[x.Receiver.Name] = shown.Message
		}
		return out
	}
	harmlessLines := map[string]map[string]string{}
	for _, s := range spots {
		harmlessLines[s.name] = lines(t, s, harmless)
	}
	for i, payload := range injection.All() {
		t.Run(payload.Name, func(t *testing.T) {
			s := spots[i%len(spots)]
			for name, line := range lines(t, s, payload.Text) {
				if at := strings.IndexFunc(line, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }); at >= 0 {
					t.Errorf("%s: a control character at %d: %.300q", name, at, line)
				}
				want := harmlessLines[s.name][name]
				if strings.HasPrefix(name, "file") {
					if name != "file-text" && !json.Valid([]byte(line)) {
						t.Errorf("%s: no JSON: %.300q", name, line)
					}
					continue
				}
				if name == "old" {
					continue // it has no grammar
				}
				read, err := rfc5424.NewParser().Parse([]byte(line))
				if err != nil {
					t.Errorf("%s: no message of RFC 5424: %v: %.300q", name, err, line)
					continue
				}
				m := read.(*rfc5424.SyslogMessage)
				wanted, err := rfc5424.NewParser().Parse([]byte(want))
				if err != nil {
					t.Fatal(err)
				}
				w := wanted.(*rfc5424.SyslogMessage)
				if payload.Large { // the alert may be cut to something else
					continue
				}
				if *m.Priority != *w.Priority || *m.MsgID != *w.MsgID || name != "json-own" && *m.Appname != *w.Appname {
					t.Errorf("%s: another header: %.100q, want %.100q", name, line, want)
				}
				if (m.StructuredData == nil) != (w.StructuredData == nil) || m.StructuredData != nil && len(*m.StructuredData) != len(*w.StructuredData) {
					t.Errorf("%s: other structured data: %v", name, m.StructuredData)
				}
				text := *m.Message
				switch name {
				case "json", "json-own":
					if !json.Valid([]byte(text)) {
						t.Errorf("%s: no JSON: %.300q", name, text)
					}
				case "cef":
					if !strings.HasPrefix(text, "CEF:0|") {
						t.Errorf("no CEF: %.100q", text)
					}
					known := map[string]bool{}
					for _, key := range cefKeys.FindAllStringSubmatch(*w.Message, -1) {
						known[key[1]] = true
					}
					seen := map[string]bool{}
					for _, key := range cefKeys.FindAllStringSubmatch(text[strings.LastIndex(text[:strings.Index(text, "externalId=")], "|"):], -1) {
						if seen[key[1]] || !known[key[1]] && !strings.HasPrefix(key[1], "c6a") && key[1] != "src" && key[1] != "dst" {
							t.Errorf("CEF has the key %q, twice or of nobody's: %.300q", key[1], text)
						}
						seen[key[1]] = true
					}
				case "leef":
					if !strings.HasPrefix(text, "LEEF:2.0|Wazuh|Wazuh|1|") && !strings.HasPrefix(text, "LEEF:2.0|OSSEC|OSSEC HIDS|1|") || strings.Count(text, "|^|") != 1 && !strings.Contains(payload.Text, "^") {
						t.Errorf("no LEEF: %.100q", text)
					}
					seen := map[string]bool{}
					for _, attribute := range strings.Split(text[strings.Index(text, "|^|")+3:], "^") {
						key, _, ok := strings.Cut(attribute, "=")
						if !ok || seen[key] {
							t.Errorf("LEEF has the attribute %.100q, twice or without a value", attribute)
						}
						seen[key] = true
					}
				}
			}
		})
	}
}
