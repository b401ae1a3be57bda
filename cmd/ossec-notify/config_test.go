package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/notifier"
)

// write puts files below a new directory and returns it.
func write(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// load loads ossec-notify.yaml of dir; the problems have no directory in them.
func load(t testing.TB, dir string) (*config, []string) {
	t.Helper()
	cfg, problems, err := loadConfig(filepath.Join(dir, "ossec-notify.yaml"), dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range problems {
		got = append(got, strings.ReplaceAll(p.String(), dir+"/", ""))
	}
	return cfg, got
}

const slackReceiver = `
receivers:
  soc:
    slack: {webhook_url: "https://hooks.slack.com/services/T0/B0/x"}
`

func TestConfigOfARealSite(t *testing.T) {
	dir := write(t, map[string]string{
		"ossec-notify.yaml": `
severity: {low: 3, medium: 6, high: 10, critical: 14}
x-anchors:
  timeout: &slow 20s
receivers:
  soc:
    slack: {webhook_url: {file: soc.url}}
    timeout: *slow
  oncall:
    pagerduty: {routing_key: {env: PD_KEY}, region: eu}
  root-mail:
    email: {smtp: "smtp://127.0.0.1:25", from: ossec@example.com, to: [root@example.com, soc@example.com], tls: none}
    template: short.tmpl
  hook:
    webhook: {url: https://example.com/hook, headers: {X-Team: soc}, body: hook.json.tmpl, hmac: {secret: {file: /x}}}
always: root-mail
routes:
  - name: page
    match: {severity: high}
    to: [oncall, soc]
default: []
include: conf.d/*.yaml
time_zone: Europe/Berlin
links: {alert: "https://wazuh.example.com/{{ .ID }}"}
templates_dir: templates
strict_exit: true
`,
		"conf.d/20-b.yaml":         "routes:\n  - {name: b, match: {agent: b}, to: soc}\n",
		"conf.d/10-a.yaml":         "receivers:\n  a: {slack: {token: xoxb-1, channel: \"#a\"}}\nroutes:\n  - {name: a, match: {agent_id: 001}, to: [a]}\n",
		"templates/short.tmpl":     "{{.Sentence}}",
		"templates/hook.json.tmpl": `{"x": {{.Host | toJson}}}`,
	})
	cfg, problems := load(t, dir)
	if cfg == nil || len(problems) > 0 {
		t.Fatalf("problems: %q", problems)
	}
	var receivers, routes []string
	for _, r := range cfg.Receivers {
		receivers = append(receivers, r.Name+" "+r.Channel.name)
	}
	for _, r := range cfg.Table.Routes {
		routes = append(routes, r.Name)
	}
	if diff := cmp.Diff(receivers, []string{"soc slack", "oncall pagerduty", "root-mail email", "hook webhook", "a slack"}); diff != "" {
		t.Errorf("receivers (-got +want):\n%s", diff)
	}
	if diff := cmp.Diff(routes, []string{"page", "a", "b"}); diff != "" {
		t.Errorf("routes: the main file's, then the includes' in the order of their names (-got +want):\n%s", diff)
	}
	if got, want := cfg.Scale, (alert.Scale{Low: 3, Medium: 6, High: 10, Critical: 14}); got != want {
		t.Errorf("scale = %v, want %v", got, want)
	}
	if got := time.Duration(cfg.Receivers[0].common.Timeout); got != 20*time.Second {
		t.Errorf("timeout by an anchor = %s, want 20s", got)
	}
	if cfg.Zone.String() != "Europe/Berlin" || !cfg.StrictExit || len(cfg.Table.Default) != 0 || cfg.Table.Always[0] != "root-mail" {
		t.Errorf("zone %s, strict_exit %v, default %q, always %q", cfg.Zone, cfg.StrictExit, cfg.Table.Default, cfg.Table.Always)
	}
	if _, err := cfg.dispatcher(buildOptions{log: discard}); err != nil {
		t.Errorf("dispatcher: %v", err)
	}
}

func TestConfigMistakes(t *testing.T) {
	for _, tc := range []struct{ name, yaml, want string }{
		{"empty file", "", "ossec-notify.yaml:1:1: the file is empty; README.md has a config to begin with"},
		{"a comment alone", "# nothing\n", "the file is empty"},
		{"a list", "- a\n", "ossec-notify.yaml:1:1: the config takes a mapping (key: value), not a list"},
		{"unknown key", "recievers: {}\n", `ossec-notify.yaml:1:1: unknown key "recievers" in the config: did you mean "receivers"?`},
		{"nothing near", "frobnicate: 1\n", `unknown key "frobnicate" in the config: it takes always, default,`},
		{"a key twice", "links: {a: \"https://a/\"}\nlinks: {b: \"https://b/\"}\n", `ossec-notify.yaml:2:1: "links" is here twice (first in line 1)`},
		{"a tab", "receivers:\n\tsoc: {}\n", "the line holds a tab: YAML is indented with blanks"},
		{"an @", "receivers:\n  soc: {email: {from: @x}}\n", "ossec-notify.yaml:2:23: not YAML: found character that cannot start any token; a value that begins with @ must be quoted"},
		{"two documents", "links: {}\n---\nlinks: {}\n", "not YAML:"},
		{"reserved name", "receivers:\n  slack: {slack: {webhook_url: \"https://h/\"}}\n", `ossec-notify.yaml:2:3: "slack" is no name for a receiver: custom-slack would mean every receiver of that kind; call it "slack-1"`},
		{"notify", "receivers:\n  notify: {slack: {webhook_url: \"https://h/\"}}\n", `"notify" is no name for a receiver`},
		{"odd name", "receivers:\n  \"a b\": {slack: {webhook_url: \"https://h/\"}}\n", `"a b" is no name for a receiver: use letters`},
		{"no channel", "receivers:\n  soc: {timeout: 3s}\n", `receiver "soc" has no channel: give one of slack, pagerduty, webhook, splunk, email`},
		{"two channels", "receivers:\n  soc: {slack: {webhook_url: \"https://h/\"}, splunk: {url: \"https://h/\", token: x}}\n", `receiver "soc" has two channels, slack and splunk; make two receivers`},
		{"unknown channel", "receivers:\n  soc: {slakc: {}}\n", `unknown key "slakc" in receiver soc: did you mean "slack"?`},
		{"setting of a channel", "receivers:\n  soc: {pagerduty: {routing_kee: x}}\n", `ossec-notify.yaml:2:21: unknown key "routing_kee" in pagerduty: did you mean "routing_key"?`},
		{"value of a channel", "receivers:\n  soc: {pagerduty: {routing_key: 0123456789abcdef0123456789abcdef, region: mars}}\n", "ossec-notify.yaml:2:76: region: is us or eu"},
		{"a # not quoted", "receivers:\n  soc: {slack: {token: xoxb-1, channel: #soc\n  }}\n", "channel has no value; if it begins with # quote it, in YAML that begins a comment"},
		{"a tag", "templates_dir: !foo bar\n", `templates_dir: !foo is a YAML tag here and would be thrown away; quote it: "!foo bar"`},
		{"an empty text", "time_zone: \"\"\n", "time_zone is empty; give a value or leave the key out"},
		{"no time zone", "time_zone: Mars/Olympus\n", `time_zone: "Mars/Olympus" is no time zone`},
		{"no bool", "strict_exit: maybe\n", `strict_exit takes true or false, not "maybe"`},
		{"no number", "severity: {low: much}\n", `low takes a whole number, not "much"`},
		{"severity falls", "severity: {low: 9}\n", "severity: the levels must rise from low to critical, not 9, 7, 12, 15"},
		{"no time span", slackReceiver + "    timeout: 5\n", `timeout: "5" is no time span: write 30s, 5m, 24h or 7d`},
		{"secret of no kind", "receivers:\n  soc: {slack: {webhook_url: {fiel: x}}}\n", `webhook_url: "fiel" is no source of a secret: use file, env or credential`},
		{"no templates", "templates_dir: nowhere\n", "templates_dir: there is no directory nowhere"},
		{"unknown receiver in a route", "routes:\n  - to: [sco]\n" + slackReceiver, `"sco" is no receiver: did you mean "soc"?`},
		{"unknown receiver in default", "default: [sco]\n" + slackReceiver, `ossec-notify.yaml:1:11: "sco" is no receiver`},
		{"include of nothing", "include: [conf.d/*.yaml]\n" + slackReceiver, `warning: include: no file matches "conf.d/*.yaml"`},
		{"a receiver that does nothing yet", slackReceiver + "    fallback: [soc]\n", "warning: fallback has no effect in this version"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg, got := load(t, write(t, map[string]string{"ossec-notify.yaml": tc.yaml}))
			if all := strings.Join(got, "\n"); !strings.Contains(all, tc.want) {
				t.Errorf("problems are\n%s\nwant\n%s", all, tc.want)
			}
			if isWarning := strings.HasPrefix(tc.want, "warning"); (cfg != nil) != isWarning {
				t.Errorf("a config came out: %v, want %v", cfg != nil, isWarning)
			}
		})
	}
}

func TestIncludedFilesHoldReceiversAndRoutesOnly(t *testing.T) {
	dir := write(t, map[string]string{
		"ossec-notify.yaml": slackReceiver + "include: [conf.d/*.yaml]\n",
		"conf.d/a.yaml":     "time_zone: UTC\nreceivers:\n  soc: {slack: {webhook_url: \"https://h/\"}}\nroutes:\n  - to: [nobody-known]\n",
	})
	_, got := load(t, dir)
	want := []string{
		`conf.d/a.yaml:1:1: "time_zone" belongs into the main config; an included file holds receivers and routes`,
		`conf.d/a.yaml:3:3: receiver "soc" is already in ossec-notify.yaml; names are unique over all files`,
		`conf.d/a.yaml:5:10: "nobody-known" is no receiver: add it under receivers:`,
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("problems (-got +want):\n%s", diff)
	}
}

// TestEverySecretOfAConfigIsFound guards preview's redaction: a secret in a new place of a channel's config must
// be found there.
func TestEverySecretOfAConfigIsFound(t *testing.T) {
	dir := write(t, map[string]string{"ossec-notify.yaml": `
receivers:
  a: {slack: {token: xoxb-SECRET-a, channel: "#x"}}
  b: {pagerduty: {routing_key: SECRETbaaaaaaaaaaaaaaaaaaaaaaaaa}}
  c: {webhook: {url: "https://h/SECRET-c", headers: {X-Key: SECRET-c1}, basic_auth: {username: u, password: SECRET-c2}, hmac: {secret: SECRET-c3}}}
  d: {webhook: {url: "https://h/", bearer_token: SECRET-d}}
  e: {splunk: {url: "https://h/", token: SECRET-e}}
  f: {email: {smtp: "smtps://u@h", password: SECRET-f, from: a@example.com, to: b@example.com}}
`})
	cfg, problems := load(t, dir)
	if cfg == nil {
		t.Fatal(problems)
	}
	n := 0
	for _, r := range cfg.Receivers {
		secrets(r.Config.settings(), func(s *notifier.Secret) {
			if s.IsZero() {
				return
			}
			n++
			if shown := fmt.Sprintf("%v %+v %#v %s", *s, *s, *s, s); strings.Contains(shown, "SECRET") {
				t.Errorf("receiver %s shows its secret: %s", r.Name, shown)
			}
		})
		if shown := fmt.Sprintf("%+v", r.Config.settings()); strings.Contains(shown, "SECRET") {
			t.Errorf("receiver %s shows its secret: %s", r.Name, shown)
		}
	}
	if n != 10 {
		t.Errorf("found %d secrets, want 10", n)
	}
}

// FuzzLoadConfig: whatever the file holds, loading ends, and either a config comes out or a mistake with a place.
func FuzzLoadConfig(f *testing.F) {
	f.Add(slackReceiver)
	f.Add("receivers: &a\n  b: *a\n")
	f.Add("routes:\n  - match: {level: \">10\", any: [{rule: 5}]}\n    to: []\n")
	f.Add("severity: {<<: {low: 1}, high: 3}")
	f.Add("receivers:\n  a: {webhook: {headers: {A: {file: x}}}}\n")
	configs, err := filepath.Glob("../../testdata/configs/*/ossec-notify.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range configs {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		path := filepath.Join(dir, "ossec-notify.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, problems, err := loadConfig(path, dir)
		if err != nil {
			t.Fatal(err)
		}
		if cfg == nil && len(problems) == 0 {
			t.Error("neither a config nor a mistake")
		}
		for _, p := range problems {
			if p.File == "" || p.Message == "" || strings.Contains(p.Message, "\n") {
				t.Errorf("problem %q is not a line with a file", p.String())
			}
		}
	})
}
