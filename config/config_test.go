package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/email"
	"github.com/ossec-notify/ossec-notify/testdata/injection"
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
func load(t testing.TB, dir string) (*Config, []string) {
	t.Helper()
	r := Read(filepath.Join(dir, "ossec-notify.yaml"), dir)
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	var got []string
	for _, p := range r.Problems {
		got = append(got, strings.ReplaceAll(p.String(), dir+"/", ""))
	}
	return r.Config, got
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
		receivers = append(receivers, r.Name+" "+r.Channel.Name)
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
	if _, err := cfg.Dispatcher(Options{}); err != nil {
		t.Errorf("dispatcher: %v", err)
	}
}

func TestConfigMistakes(t *testing.T) {
	for _, tc := range []struct{ name, yaml, want string }{
		{"empty file", "", "ossec-notify.yaml:1:1: the file is empty; README.md has a config to begin with"},
		{"a comment alone", "# nothing\n", "the file is empty"},
		{"a list", "- a\n", "ossec-notify.yaml:1:1: the config is a list: write key: value pairs"},
		{"unknown key", "recievers: {}\n", `ossec-notify.yaml:1:1: unknown key "recievers" in the config: did you mean "receivers"?`},
		{"nothing near", "frobnicate: 1\n", `unknown key "frobnicate" in the config: it takes always, default,`},
		{"a key twice", "links: {a: \"https://a/\"}\nlinks: {b: \"https://b/\"}\n", `ossec-notify.yaml:2:1: links stands twice in the config, first on line 1: keep one`},
		{"a tab", "receivers:\n\tsoc: {}\n", "the line holds a tab: YAML is indented with blanks"},
		{"an @", "receivers:\n  soc: {email: {from: @x}}\n", "ossec-notify.yaml:2:23: not YAML: found character that cannot start any token; a value that begins with @ must be quoted"},
		{"two documents", "links: {}\n---\nlinks: {}\n", "not YAML:"},
		{"reserved name", "receivers:\n  slack: {slack: {webhook_url: \"https://h/\"}}\n", `ossec-notify.yaml:2:3: "slack" is no name for a receiver: custom-slack would mean every receiver of that kind; call it "slack-1"`},
		{"notify", "receivers:\n  notify: {slack: {webhook_url: \"https://h/\"}}\n", `"notify" is no name for a receiver`},
		{"odd name", "receivers:\n  \"a b\": {slack: {webhook_url: \"https://h/\"}}\n", `"a b" is no name for a receiver: use letters`},
		{"no channel", "receivers:\n  soc: {timeout: 3s}\n", `receiver "soc" has no channel: give one of slack, pagerduty, webhook, splunk, elasticsearch, loki, email, file, syslog, command, oncall`},
		{"two channels", "receivers:\n  soc: {slack: {webhook_url: \"https://h/\"}, splunk: {url: \"https://h/\", token: x}}\n", `receiver "soc" has two channels, slack and splunk; make two receivers`},
		{"a preset in a channel's place", "receivers:\n  soc: {discord: {url: \"https://h/\"}}\n", `ossec-notify.yaml:2:9: discord is a preset of the webhook: write webhook: {preset: discord, …} (ossec-notify presets discord says what it takes)`},
		{"a channel of another name", "receivers:\n  siem: {opensearch: {url: \"https://h/\"}}\n", `unknown key "opensearch" in receiver siem: the channel is called elasticsearch`},
		{"unknown channel", "receivers:\n  soc: {slakc: {}}\n", `unknown key "slakc" in receiver soc: did you mean "slack"?`},
		{"setting of a channel", "receivers:\n  soc: {pagerduty: {routing_kee: x}}\n", `ossec-notify.yaml:2:21: unknown key "routing_kee" in pagerduty: did you mean "routing_key"?`},
		{"value of a channel", "receivers:\n  soc: {pagerduty: {routing_key: 0123456789abcdef0123456789abcdef, region: mars}}\n", "ossec-notify.yaml:2:76: region: is us or eu"},
		{"a # not quoted", "receivers:\n  soc: {slack: {token: xoxb-1, channel: #soc\n  }}\n", "channel has no value: write one (in quotes if it begins with #), or leave the key out"},
		{"a tag", "templates_dir: !foo bar\n", `templates_dir begins with an unquoted !, which makes it a tag in YAML: write templates_dir: "!foo bar"`},
		{"an empty text", "time_zone: \"\"\n", "time_zone is empty: write a text, or leave the key out"},
		{"no time zone", "time_zone: Mars/Olympus\n", `time_zone: "Mars/Olympus" is no time zone`},
		{"no bool", "strict_exit: maybe\n", `strict_exit takes true or false, not "maybe"`},
		{"no number", "severity: {low: much}\n", `low takes a whole number, not "much"`},
		{"severity falls", "severity: {low: 9}\n", "severity: the levels must rise from low to critical, not 9, 7, 12, 15"},
		{"no time span", slackReceiver + "    timeout: 5\n", `timeout: "5" is no time span: write 30s, 5m, 24h or 7d`},
		{"secret of no kind", "receivers:\n  soc: {slack: {webhook_url: {fiel: x}}}\n", `webhook_url: "fiel" is no source of a secret: use file, env, credential or command`},
		{"rate", slackReceiver + "    rate: banana\n", `ossec-notify.yaml:5:11: rate: "banana" is no rate: write 1/s, 120/m or 20/h`},
		{"concurrency below zero", slackReceiver + "    concurrency: -3\n", "ossec-notify.yaml:5:18: concurrency is -3: at least 1 delivery must be under way at a time"},
		{"concurrency of none", slackReceiver + "    concurrency: 0\n", "concurrency is 0: at least 1"},
		{"days below zero", slackReceiver + "    max_age: -1d\n", `max_age: "-1d" is no time span: it must be longer than nothing`},
		{"no days", slackReceiver + "    max_age: 0d\n", `max_age: "0d" is no time span: it must be longer than nothing`},
		{"too many days", slackReceiver + "    max_age: 200000d\n", `max_age: "200000d" is no time span: write 30s, 5m, 24h or 7d`},
		{"a list for a time span", slackReceiver + "    max_age: [7d]\n", "max_age: "},
		{"fallback to nobody", slackReceiver + "    fallback: [nosuch]\n", `ossec-notify.yaml:5:15: fallback: "nosuch" is no receiver: add it under receivers:`},
		{"fallback misspelt", slackReceiver + "    fallback: scc\n", `fallback: "scc" is no receiver: did you mean "soc"?`},
		{"fallback to itself", slackReceiver + "    fallback: [soc]\n", "ossec-notify.yaml:5:15: fallback goes in a circle: soc, soc"},
		{"circle of fallbacks", slackReceiver + "    fallback: [b]\n  b: {slack: {webhook_url: \"https://h/\"}, fallback: [c]}\n  c: {slack: {webhook_url: \"https://h/\"}, fallback: [a, b]}\n  a: {slack: {webhook_url: \"https://h/\"}}\n",
			"ossec-notify.yaml:6:53: fallback goes in a circle: b, c, b"},
		{"receivers that merge themselves", "receivers: &a {<<: *a}\n", "nested too deeply or too large: an alias may hold itself"},
		{"a merged key twice", "receivers:\n  a: &a {timeout: 1s, timeout: 2s, slack: {webhook_url: \"https://h/\"}}\n  b: {<<: *a}\n", "2:23: timeout stands twice in receiver a, first on line 2: keep one"},
		{"a tag on a channel", "receivers:\n  soc: {slack: !x {webhook_url: \"https://h/\"}}\n", "slack begins with the YAML tag !x: remove it"},
		{"unknown receiver in a route", "routes:\n  - to: [sco]\n" + slackReceiver, `"sco" is no receiver: did you mean "soc"?`},
		{"unknown receiver in default", "default: [sco]\n" + slackReceiver, `ossec-notify.yaml:1:11: "sco" is no receiver`},
		{"windows of a list", "windows: [night]\n", "ossec-notify.yaml:1:10: windows is a list: write key: value pairs"},
		{"a window twice", "windows:\n  a: {days: sat}\n  a: {days: sun}\n", "ossec-notify.yaml:3:3: a stands twice in windows, first on line 2: keep one"},
		{"throttle of a receiver", slackReceiver + "    throttle: none\n", `ossec-notify.yaml:5:15: throttle: "none" is no rate: write 20/h, 5/m or 100/d`},
		{"an inhibition without time", "inhibit: {source: {rule: 504}, target: {rule: 5}}\n", "ossec-notify.yaml:1:10: inhibit lacks for: "},
		{"include of nothing", "include: [conf.d/*.yaml]\n" + slackReceiver, `warning: include: no file matches "conf.d/*.yaml"`},
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

func TestThrottlesAndStormBrakesOfReceivers(t *testing.T) {
	cfg, problems := load(t, write(t, map[string]string{"ossec-notify.yaml": `
receivers:
  plain: {slack: {webhook_url: "https://h/"}}
  own: {slack: {webhook_url: "https://h/"}, throttle: 20/h, storm_after: 10m}
  unbraked: {slack: {webhook_url: "https://h/"}, throttle: {rate: 20/h, burst: 2}, storm_after: off}
  pages: {pagerduty: {routing_key: 00000000000000000000000000000000}}
  braked: {pagerduty: {routing_key: 00000000000000000000000000000000}, storm_after: 1h}
  unlimited: {webhook: {url: "https://h/"}}
  limited: {webhook: {url: "https://h/"}, rate: 2/s}
`}))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	d, err := cfg.Dispatcher(Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for name, r := range d.Receivers {
		got[name] = fmt.Sprintf("%v %s", r.Throttle, r.StormAfter)
	}
	want := map[string]string{
		"plain": "<nil> 5m0s", "own": "20/h, 5 at once 10m0s", "unbraked": "20/h, 2 at once 0s",
		"pages": "<nil> 0s", "braked": "<nil> 1h0m0s", "unlimited": "<nil> 0s", "limited": "<nil> 5m0s",
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("throttle and storm_after (-got +want):\n%s", diff)
	}
}

// TestWindowsHaveTheTimeZoneOfTheConfig wherever the keys stand.
func TestWindowsHaveTheTimeZoneOfTheConfig(t *testing.T) {
	cfg, problems := load(t, write(t, map[string]string{"ossec-notify.yaml": `
routes: [{to: [soc], active: [night, there], routes: [{mute: night, active: none}]}]
windows:
  night: {from: "22:00", to: "06:00"}
  there: {from: "22:00", to: "06:00", zone: Asia/Tokyo}
time_zone: America/New_York
` + slackReceiver}))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	p := cfg.Table.Routes[0].Policy
	night := time.Date(2026, 7, 1, 3, 0, 0, 0, time.UTC) // 23:00 in New York
	if w := p.Active[0]; w != cfg.windows["night"] || w.Zone.String() != "America/New_York" || !w.Open(night) || w.Open(night.Add(-4*time.Hour)) {
		t.Errorf("night is %s", w)
	}
	if w := p.Active[1]; w.Zone.String() != "Asia/Tokyo" || w.Open(night) {
		t.Errorf("there is %s", w)
	}
	if child := cfg.Table.Routes[0].Routes[0].Policy; len(child.Active) != 0 || child.Mute[0] != p.Active[0] {
		t.Errorf("the child goes by %q", child.Words())
	}
}

// TestAMistakenWindowIsKnownToRoutes: one mistake is told once.
func TestAMistakenWindowIsKnownToRoutes(t *testing.T) {
	_, problems := load(t, write(t, map[string]string{"ossec-notify.yaml": "windows:\n  night: {days: sta}\nroutes: [{to: [soc], active: night}]\n" + slackReceiver}))
	if len(problems) != 1 || !strings.HasPrefix(problems[0], "ossec-notify.yaml:2:17: ") {
		t.Errorf("problems %q, want one, of the window's days", problems)
	}
}

func TestOwnKeysCountBeforeMergedOnes(t *testing.T) {
	dir := write(t, map[string]string{"ossec-notify.yaml": `
x-base: &base
  timeout: 1s
  template: base.tmpl
  slack: {webhook_url: "https://h/base"}
receivers:
  a: {<<: *base, timeout: 2s, template: a.tmpl}
  b: {timeout: 3s, <<: [{timeout: 4s}, *base]}
  c: {<<: *base}
templates_dir: templates
`, "templates/a.tmpl": "a", "templates/base.tmpl": "base"})
	cfg, problems := load(t, dir)
	if cfg == nil || len(problems) > 0 {
		t.Fatalf("problems: %q", problems)
	}
	var got []string
	for _, r := range cfg.Receivers {
		got = append(got, fmt.Sprint(r.Name, " ", time.Duration(r.common.Timeout), " ", r.common.Template))
	}
	if diff := cmp.Diff(got, []string{"a 2s a.tmpl", "b 3s base.tmpl", "c 1s base.tmpl"}); diff != "" {
		t.Errorf("receivers (-got +want):\n%s", diff)
	}
}

// TestMistakesInTemplatesLeaveAConfig: a call by integratord must tell somebody, with the default form if need be.
func TestMistakesInTemplatesLeaveAConfig(t *testing.T) {
	for _, tc := range []struct{ name, yaml, want string }{
		{"no file", slackReceiver + "    template: none.tmpl\n", "ossec-notify.yaml:5:15: template none.tmpl: open templates/none.tmpl: no such file or directory"},
		{"a directory", slackReceiver + "    template: dir.tmpl\n", "ossec-notify.yaml:5:15: template dir.tmpl: open templates/dir.tmpl: not a regular file"},
		{"no template", slackReceiver + "    template: bad.tmpl\n", "ossec-notify.yaml:5:15: template bad.tmpl:1: "},
		{"JSON for chat", slackReceiver + "    template: x.json.tmpl\n", "ossec-notify.yaml:5:15: template x.json.tmpl: a message of slack is no JSON; name the file without .json"},
		{"body", "receivers:\n  hook: {webhook: {url: \"https://h/\", body: none.json.tmpl}}\n", "ossec-notify.yaml:2:45: template none.json.tmpl: open"},
		{"link", slackReceiver + "links: {alert: \"{{\"}\n", "ossec-notify.yaml: template links.alert:1: "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg, problems := load(t, write(t, map[string]string{
				"ossec-notify.yaml":      tc.yaml + "templates_dir: templates\n",
				"templates/bad.tmpl":     "{{",
				"templates/dir.tmpl/x":   "",
				"templates/parts.tmpl":   "",
				"templates/x.json.tmpl":  "{}",
				"templates/another.tmpl": "x",
			}))
			if len(problems) != 1 || !strings.HasPrefix(problems[0], tc.want) {
				t.Errorf("problems\n%s\nwant one\n%s", strings.Join(problems, "\n"), tc.want)
			}
			if cfg == nil {
				t.Fatal("no config came out")
			}
			d, err := cfg.Dispatcher(Options{})
			if err != nil || len(d.Receivers) != 1 {
				t.Errorf("%d receivers, %v", len(d.Receivers), err)
			}
		})
	}
	cfg, problems := load(t, write(t, map[string]string{"ossec-notify.yaml": slackReceiver + "templates_dir: none\n"}))
	if want := []string{"ossec-notify.yaml:5:16: templates_dir: there is no directory none"}; cfg == nil || !cmp.Equal(problems, want) {
		t.Errorf("problems %q, want %q", problems, want)
	}
}

func TestFilesAreRelativeToTheConfigThatNamesThem(t *testing.T) {
	dir := write(t, map[string]string{
		"ossec-notify.yaml": `
receivers:
  soc: {slack: {webhook_url: {file: keys/soc.url}}}
  hook: {webhook: {url: "https://h/", headers: {X-Key: {file: x.key}, X-Plain: text}, network: {ca_file: ca.pem, cert_file: /abs.pem, key_file: key.pem}}}
include: [conf.d/*.yaml]
`,
		"conf.d/a.yaml": "receivers:\n  mail: {email: {smtp: \"smtp://h\", from: a@example.com, to: b@example.com, password: {file: mail.key}, username: u, ca_file: ca.pem}}\n",
	})
	t.Chdir(dir)
	read := Read("ossec-notify.yaml", dir)
	if read.Config == nil {
		t.Fatal(read.Err, read.Problems)
	}
	var got []string
	for _, r := range read.Config.Receivers {
		files := []string{r.Config.Network().CAFile, r.Config.Network().CertFile, r.Config.Network().KeyFile}
		if mail, ok := r.Config.Settings().(*email.Config); ok {
			files = append(files, mail.CAFile)
		}
		r.Config.Secrets(func(_ string, s *notifier.Secret) { files = append(files, s.File()) })
		for _, path := range files {
			if path != "" {
				got = append(got, r.Name+" "+strings.TrimPrefix(path, dir))
			}
		}
	}
	slices.Sort(got)
	want := []string{"hook /abs.pem", "hook /ca.pem", "hook /key.pem", "hook /x.key", "mail /conf.d/ca.pem", "mail /conf.d/mail.key", "soc /keys/soc.url"}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("files (-got +want):\n%s", diff)
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
		r.Config.Secrets(func(_ string, s *notifier.Secret) {
			if s.IsZero() {
				return
			}
			n++
			if shown := fmt.Sprintf("%v %+v %#v %s", *s, *s, *s, s); strings.Contains(shown, "SECRET") {
				t.Errorf("receiver %s shows its secret: %s", r.Name, shown)
			}
		})
		if shown := fmt.Sprintf("%+v", r.Config.Settings()); strings.Contains(shown, "SECRET") {
			t.Errorf("receiver %s shows its secret: %s", r.Name, shown)
		}
	}
	if n != 10 {
		t.Errorf("found %d secrets, want 10", n)
	}
}

// FuzzLoadConfig: whatever the file holds, loading ends, and either a config comes out or mistakes, each a line with a file and a line there.
func FuzzLoadConfig(f *testing.F) {
	f.Add(slackReceiver)
	f.Add("receivers: &a\n  b: *a\n")
	f.Add("receivers: &a {<<: *a}\n")
	f.Add("severity: &a {<<: [*a, {low: 1}], <<: *a}\n")
	f.Add("receivers:\n  a: {slack: {webhook_url: x}, fallback: [a, b], rate: 1/s, max_age: 99999999d}\n")
	f.Add("routes:\n  - match: {level: \">10\", any: [{rule: 5}]}\n    to: []\n")
	f.Add("severity: {<<: {low: 1}, high: 3}")
	f.Add("receivers:\n  a: {webhook: {headers: {A: {file: x}}}}\n")
	f.Add("windows: {n: {from: \"22:00\", to: \"06:00\"}, m: &m [*m]}\ninhibit: {source: {rule: 1}, target: &t {not: *t}, equal: [agent], for: 1h}\n")
	f.Add("windows: {n: {days: all}}\nroutes:\n  - &r {to: [a], active: n, outside: {to: a}, dedup: 5m, group_by: rule, throttle: 20, escalate: [{to: a}, {after: 1m, to: b}], resolve: {opens: {rule: 1}, closes: {rule: 2}}, routes: [*r]}\n")
	configs, err := filepath.Glob("../testdata/configs/*/ossec-notify.yaml")
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
	for _, s := range injection.Seeds() {
		f.Add(s)
		f.Add(fmt.Sprintf("receivers:\n  a: {webhook: {url: %q, headers: {%q: %q}}}\n  %q: {}\nroutes: [{match: {log: %q}, to: [%q]}]\nlinks: {%q: %q}\n", s, s, s, s, s, s, s, s))
	}
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		path := filepath.Join(dir, "ossec-notify.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		r := Read(path, dir)
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		if r.Config == nil && len(r.Problems) == 0 {
			t.Error("neither a config nor a mistake")
		}
		for _, p := range r.Problems {
			if p.File == "" || p.Message == "" || strings.Contains(p.Message, "\n") {
				t.Errorf("problem %q is not a line with a file", p.String())
			}
			if p.Line < 1 && !strings.HasPrefix(p.Message, "template ") { // which says the line of the template
				t.Errorf("problem %q has no line", p.String())
			}
		}
	})
}
