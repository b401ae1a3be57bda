package templates

import (
	"strings"
	"testing"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/templates/presets"
)

// TestNoJSONNamesTheLine: a body that makes no JSON says at which line of the preset's file, and what stood there.
func TestNoJSONNamesTheLine(t *testing.T) {
	const head = "name: house\ntitle: House\nabout: A message.\nchecked: 2026-11-23\nsettings: {url: {required: true, help: h, example: \"https://example.com\"}}\nplain: {text: \"{text}\"}\nrequest:\n  url: \"{url}\"\n  body: |\n"
	const token = "1795440502-s3cr3t-t0ken"
	for _, x := range []struct{ body, want string }{
		{`{
			"a": 1
			"b": 2
		}`, `template house.yaml/request.json:12: what it makes is no JSON: invalid character '"' after object key:value pair: {⏎"a": 1⏎⟨here⟩"b": 2⏎}`},
		{`
		{"n": {{with .Rule.ID}}{{.}}{{end}},
			"facts": [{{range $i, $f := .Facts}}
				{"text": "{{.Value}}"}
			{{- end}}]
		}`, `template house.yaml/request.json:12: what it makes is no JSON: invalid character '{' after array element: …,⏎"facts": [⏎{"text": "web-01\x1b[31m"}⏎⟨here⟩{"text": "203.0.113.9 port 4017"}⏎{"text…`},
		{`{"log": "{{.Log}}",
			"take": "{{.AckURL}}" x}`, `template house.yaml/request.json:11: what it makes is no JSON: invalid character 'x' after object key:value pair: …tify[.]example[.]com/ack/D1/[redacted]" ⟨here⟩x}`},
		{`{{if .Rule.ID}}{"a": 1{{else}}{"a": 2}{{end}}`, `template house.yaml/request.json:10: what it makes is no JSON: unexpected end of JSON input: {"a": 1⟨here⟩`},
		{`{"a": {"b": 1}`, `template house.yaml/request.json:10: what it makes is no JSON: unexpected end of JSON input: {"a": {"b": 1}⟨here⟩`},
		{`{"a": "{{.Agent.Name}}", "rule": [
		{{- range .Rule.Groups}}"{{.}}",{{end -}}
		]}`, `template house.yaml/request.json:12: what it makes is no JSON: invalid character ']' looking for beginning of value: {"a": "web-01\x1b[31m", "rule": ["sshd",⟨here⟩]}`},
	} {
		p, problems := presets.Parse("house.yaml", []byte(head+"    "+strings.ReplaceAll(strings.ReplaceAll(strings.TrimPrefix(x.body, "\n"), "\n", "\n    "), "\t", "")))
		if p == nil {
			t.Fatal(problems)
		}
		set, err := Default().WithPreset(p, nil)
		if err != nil {
			t.Errorf("%s: %v", x.body, err)
			continue
		}
		a := alert.Parse([]byte(`{"id":"1","rule":{"id":"5712","level":10,"groups":["sshd"]},"agent":{"name":"web-01\u001b[31m"},"data":{"srcip":"203.0.113.9","srcport":"4017","srcuser":"admin"},"full_log":"Failed password"}`), alert.Options{FileName: "x.json"})
		_, err = set.Parts(NewData(a, alert.DefaultScale, Context{Receiver: "it", Channel: "webhook", AckURL: "https://notify.example.com/ack/D1/" + token}))
		if err == nil || err.Error() != x.want || strings.Contains(err.Error(), token) {
			t.Errorf("%s:\n got %v\nwant %s", x.body, err, x.want)
		}
	}
}

// TestAListIsNoBodyForSecrets: what has no place for a key is told when it is made, by check, too, and not when it is sent.
func TestAListIsNoBodyForSecrets(t *testing.T) {
	const file = "name: house\ntitle: House\nabout: A message.\nchecked: 2026-11-23\nsettings: {url: {required: true, help: h, example: \"https://example.com\"}, key: {secret: true, help: h}}\nplain: {text: \"{text}\"}\nrequest:\n  url: \"{url}\"\n  secret_fields: {key: \"{key}\"}\n  body: |\n    "
	a := alert.Parse([]byte(`{"id":"1","rule":{"id":"5712","level":10}}`), alert.Options{FileName: "x.json"})
	for body, want := range map[string]string{
		`[{"text": "a"}]`: "template house.yaml/request.json:11: what it makes is no object, and form and secret_fields need one: {…}",
		`"a"`:             "template house.yaml/request.json:11: what it makes is no object, and form and secret_fields need one: {…}",
		` {"text": "a"}`:  "",
	} {
		p, problems := presets.Parse("house.yaml", []byte(file+body))
		if p == nil {
			t.Fatal(problems)
		}
		set, err := Default().WithPreset(p, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if _, err := set.Parts(NewData(a, alert.DefaultScale, Context{Receiver: "it", Channel: "webhook"})); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", body, got, want)
		}
	}
}
