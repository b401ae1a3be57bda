package templates

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/alert"
)

// bruteForce is an alert with a rule, a group, a family and a user that does not exist.
const bruteForce = `{"timestamp":"2026-11-23T13:20:17.412+0000","rule":{"level":10,"description":"sshd: brute force trying to get access to the system.","id":"5712","mitre":{"id":["T1110"],"tactic":["Credential Access"],"technique":["Brute Force"]},"frequency":8,"groups":["syslog","sshd","authentication_failures"]},"agent":{"id":"001","name":"web-01","ip":"10.0.0.5"},"manager":{"name":"mgr"},"id":"1795440017.1001","previous_output":"Nov 23 13:20:15 web-01 sshd[2]: Failed password for invalid user admin from 203.0.113.9 port 2 ssh2","full_log":"Nov 23 13:20:17 web-01 sshd[3]: Failed password for invalid user admin from 203.0.113.9 port 3 ssh2","decoder":{"name":"sshd"},"data":{"srcip":"203.0.113.9","srcuser":"admin"},"location":"/var/log/auth.log"}`

func data(t *testing.T, channel, raw string) *Data {
	t.Helper()
	a := alert.Parse([]byte(raw), alert.Options{Location: time.UTC})
	return NewData(a, alert.DefaultScale, Context{Receiver: "soc", Channel: channel, Route: "page", Delivery: "D1"})
}

func parts(t *testing.T, s *Set, d *Data) map[string]string {
	t.Helper()
	p, err := s.Parts(d)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for name, text := range p {
		out[name] = text.String()
	}
	return out
}

func TestSharedPartCanBeReplacedForOneRuleGroupOrFamily(t *testing.T) {
	const next = "Was any login from this address accepted? If it goes on, block it."
	for _, tc := range []struct{ name, define, want string }{
		{"nothing", "", next},
		{"all", `{{define "next"}}Call 555.{{end}}`, "Call 555."},
		{"family", `{{define "next.auth_failure"}}Look at {{.Host}}.{{end}}`, "Look at web-01."},
		{"another family", `{{define "next.web"}}no{{end}}`, next},
		{"group", `{{define "next.group.sshd"}}Group.{{end}}`, "Group."},
		{"rule", `{{define "next.rule.5712"}}Rule.{{end}}`, "Rule."},
		{"another rule", `{{define "next.rule.571"}}no{{end}}`, next},
		{"a special one that asks for the general", `{{define "next.rule.5712"}}Call. {{part "next" .}}{{end}}`, "Call. " + next},
		{"through all of them", `{{define "next.rule.5712"}}a {{part "next" .}}{{end}}{{define "next.group.sshd"}}b {{part "next" .}}{{end}}{{define "next.auth_failure"}}c {{part "next" .}}{{end}}`, "a b c " + next},
		{"a part with a dot in its name", `{{define "next"}}{{part "own.step" .}}{{end}}{{define "own.step"}}no{{end}}{{define "own.step.rule.5712"}}Dotted.{{end}}`, "Dotted."},
		{"the most special wins", `{{define "next"}}a{{end}}{{define "next.auth_failure"}}b{{end}}{{define "next.group.syslog"}}c{{end}}{{define "next.rule.5712"}}d{{end}}`, "d"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			set, err := Default().WithText("own.tmpl", tc.define)
			if err != nil {
				t.Fatal(err)
			}
			got := parts(t, set, data(t, "slack", bruteForce))
			if want := "Next: " + tc.want; !strings.HasSuffix(got["text"], want) {
				t.Errorf("text is\n%s\nwant it to end in %q", got["text"], want)
			}
			if want := "MEDIUM: SSH brute force from 203.0.113.9 on web-01"; got["header"] != want {
				t.Errorf("header = %q, want %q: the rest must stay", got["header"], want)
			}
		})
	}
}

func TestFactsOfTheUserAreLinesWithLabels(t *testing.T) {
	set, err := Default().WithText("own.tmpl", `{{define "facts"}}Port: {{.Source.Port}}
Where: {{.LogFile}}
Log: {{.Log}}
Empty:
{{if eq .Rule.ID "5712"}}Fired: {{.Rule.FiredTimes}} times{{end}}{{end}}`)
	if err != nil {
		t.Fatal(err)
	}
	d := data(t, "slack", strings.ReplaceAll(bruteForce, `"full_log":"`, `"full_log":"one\nFrom: forged\n`))
	facts, err := set.facts(d)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range facts {
		got = append(got, f.Label.String()+"="+f.Value.String())
	}
	// The line without a value is gone, and a line end of the log begins no fact of its own.
	want := []string{"Where=/var/log/auth.log", "Log=one⏎From: forged⏎Nov 23 13:20:17 web-01 sshd[3]: Failed password for invalid user admin from 203.0.113.9 port 3 ssh2", "Fired=0 times"}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("facts (-got +want):\n%s", diff)
	}
}

func TestTemplateThatIsPlainTextIsTheWholeMessage(t *testing.T) {
	set, err := Default().WithText("short.tmpl", "{{.Severity}} on {{.Host}}: {{.Sentence | toString | upper}}\n")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := parts(t, set, data(t, "slack", bruteForce))["body"], "medium on web-01: SSH BRUTE FORCE FROM 203.0.113.9 ON WEB-01"; got != want {
		t.Errorf("body = %q, want %q", got, want)
	}
}

func TestJSONBodyOfTheUser(t *testing.T) {
	hostile := strings.ReplaceAll(strings.ReplaceAll(bruteForce, `"srcuser":"admin"`, `"srcuser":"admin","client":"\"Mozilla/5.0\""`), `"full_log":"`, `"full_log":"\",\"forged\":true,\"x\":\"<&>\\u2028\n`)
	for _, tc := range []struct{ name, text, want, wantErr string }{
		{"toJson", `{"host": {{.Host | toJson}}, "level": {{.Rule.Level}}}`, `{"host": "web-01", "level": 10}`, ""},
		{"inside a string", `{"log": "{{.Log}}"}`, `{"log": "\",\"forged\":true,\"x\":\"<&>\\u2028\nNov 23 13:20:17 web-01 sshd[3]: Failed password for invalid user admin from 203.0.113.9 port 3 ssh2"}`, ""},
		{"ends in a quote", `{"client": "{{ field "data.client" . }}"}`, `{"client": "\"Mozilla/5.0\""}`, ""},
		{"a list", `{"groups": {{.Rule.Groups | toJson}}, "data": {{.Original.data | toJson}}}`, `{"groups": ["syslog","sshd","authentication_failures"], "data": {"client":"\"Mozilla/5.0\"","srcip":"203.0.113.9","srcuser":"admin"}}`, ""},
		{"missing is empty", `{"x": "{{.Original.data.nothing}}"}`, `{"x": ""}`, ""},
		{"text as a value", `{"host": {{.Host}}, "log": {{.Log}}}`, `{"host": "web-01", "log": "\",\"forged\":true,\"x\":\"<&>\\u2028\nNov 23 13:20:17 web-01 sshd[3]: Failed password for invalid user admin from 203.0.113.9 port 3 ssh2"}`, ""},
		{"lists and numbers as values", `{"groups": {{.Rule.Groups}}, "level": {{.Rule.Level}}, "severity": {{.Severity}}, "none": {{.Original.data.nothing}}}`, `{"groups": ["syslog","sshd","authentication_failures"], "level": 10, "severity": "medium", "none": null}`, ""},
		{"JSON inside a string", `{"data": "{{.Original.data | toJson}}"}`, `{"data": "{\"client\":\"\\\"Mozilla/5.0\\\"\",\"srcip\":\"203.0.113.9\",\"srcuser\":\"admin\"}"}`, ""},
		{"text templates inside", `{{define "who"}}{{.Host}}{{end}}{"a": "on {{template "who" .}}!", "b": {{template "who" .}}, "c": "{{part "sentence" .}}", "d": "{{template "headline" .}}"}`, `{"a": "on web-01!", "b": "web-01", "c": "SSH brute force from 203.0.113.9 on web-01", "d": "MEDIUM: SSH brute force from 203.0.113.9 on web-01"}`, ""},
		{"an escape of the template's", `{"a": "{{if .Host}}\"{{.Host}}\"{{end}}"}`, `{"a": "\"web-01\""}`, ""},
		{"raw", `{"a": {{"[1]" | raw}}, "b": "{{"\\n" | raw}}"}`, `{"a": [1], "b": "\n"}`, ""},
		{"no JSON", `{"host": {{.Host}}`, "", "template hook.json.tmpl prints no valid JSON: "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			set, err := Default().WithText("hook.json.tmpl", tc.text)
			if err != nil {
				t.Fatal(err)
			}
			p, err := set.Parts(data(t, "webhook", hostile))
			if tc.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tc.wantErr) {
					t.Fatalf("error = %v, want %q", err, tc.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := p["body.json"].Raw(); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

func TestErrorsSayWhereAndWhatToDo(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"no environment", `{{env "HOME"}}`, "templates cannot read the environment"},
		{"no network", `{{getHostByName "example.com"}}`, "templates cannot ask the network"},
		{"no clock", "a\n{{now}}", "own.tmpl:2: function \"now\" not defined: templates have no clock"},
		{"no change", `{{set .Original "a" 1}}`, "templates cannot change the alert"},
		{"unknown function", `{{frobnicate 1}}`, "docs/templates.md lists the functions"},
		{"the private step", `{{.Host | _quote}}`, `template own.tmpl:1: "_quote" is not a function for templates`},
		{"syntax", `{{if}}`, "own.tmpl:1: missing value for if"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Default().WithText("own.tmpl", tc.text)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error = %v, want %q", err, tc.want)
			}
		})
	}
	for _, tc := range []struct{ name, text, want string }{
		{"a part that asks for itself", `{{define "next"}}x {{part "next" .}}{{end}}`, `the part "next" asks for itself`},
		{"two parts that ask for each other", `{{define "next"}}{{part "sentence" .}}{{end}}{{define "sentence"}}{{part "next" .}}{{end}}`, "asks for itself"},
		{"no field", "{{define \"next\"}}\n\n{{.Foo}}{{end}}", "template own.tmpl:3 failed (no field .Foo)"},
		{"a function's error", `{{define "sentence"}}{{fail "not today"}}{{end}}`, "template own.tmpl:1 failed (error calling fail: not today)"},
		{"too much", `{{define "next"}}{{repeat 100000 "ab"}}{{end}}`, "repeat: more than 65536 bytes"},
		{"too many", `{{define "next"}}{{range until 20000}}x{{end}}{{end}}`, "until: more than 10000 elements"},
		{"too long", `{{define "next"}}{{range until 100}}{{repeat 60000 "x"}}{{end}}{{end}}`, "prints more than"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			set, err := Default().WithText("own.tmpl", tc.text)
			if err != nil {
				t.Fatal(err)
			}
			_, err = set.Parts(data(t, "slack", bruteForce))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error = %v, want %q", err, tc.want)
			}
		})
	}
}

func TestFailedTemplateIsSaidInTheDefaultForm(t *testing.T) {
	d := WithFailure(data(t, "slack", bruteForce), "template short.tmpl:12 failed (no field .Foo)")
	if got, want := parts(t, Default(), d)["text"], "Note: template short.tmpl:12 failed (no field .Foo): this is the default form"; !strings.Contains(got, want) {
		t.Errorf("text is\n%s\nwant it to hold %q", got, want)
	}
}

func TestLinksHoldCheckedTextOnly(t *testing.T) {
	hostile := strings.ReplaceAll(bruteForce, `"web-01"`, `"a/../b?x=1&y=<z>|\"q\""`)
	for _, tc := range []struct{ name, link, want string }{
		{"path", "https://wazuh.example.com/agent/{{.Agent.Name}}/x", "https://wazuh.example.com/agent/a%2F..%2Fb%3Fx%3D1%26y%3D%3Cz%3E%7C%22q%22/x"},
		{"query", `https://wazuh.example.com/?q={{.Rule.Description}}`, "https://wazuh.example.com/?q=sshd%3A%20brute%20force%20trying%20to%20get%20access%20to%20the%20system."},
		{"no scheme", "wazuh.example.com", ""},
		{"the operator says so", "https://{{.Manager | raw}}/?q={{.Rule.ID}}", "https://mgr/?q=5712"},
		{"dots are no path", `https://x/{{if .Rule.ID}}{{".."}}{{end}}`, ""},
		{"fails", `https://x/{{index .Rule.Groups 9}}`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			set, err := Load(Options{Links: map[string]string{"alert": tc.link}})
			if err != nil {
				t.Fatal(err)
			}
			d := data(t, "slack", hostile)
			if got := set.renderLink("alert", d).String(); got != tc.want {
				t.Errorf("link = %q, want %q", got, tc.want)
			}
		})
	}
}

func TestLinksAreInOrder(t *testing.T) {
	set, err := Load(Options{Links: map[string]string{"zebra": "https://z/", "mitre": "https://m/{{index .Rule.MITRE.IDs 0}}", "alert": "https://a/", "runbook": "https://r/"}})
	if err != nil {
		t.Fatal(err)
	}
	got := parts(t, set, data(t, "email", bruteForce))["text"]
	want := "Open     https://a/\nRunbook  https://r/\nMITRE    https://m/T1110\nZebra    https://z/\n"
	if !strings.Contains(got, want) {
		t.Errorf("mail is\n%s\nwant it to hold\n%s", got, want)
	}
}

func TestUsersDirectoryOverridesByName(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("email.tmpl", `{{define "email.subject"}}OSSEC {{.Rule.ID}}{{end}}`)
	write("unused.tmpl", `{{define "email.subject"}}never{{end}}`)
	write("email.html.tmpl", `{{define "row"}}<i>{{.Log}}</i>{{end}}<p>{{.Host}} {{rich .Rule.Description}} <a href="https://example.com/{{.Host}}">x</a>{{template "row" .}}</p>`)
	set, err := Load(Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	hostile := strings.ReplaceAll(bruteForce, "Nov 23 13:20:17 web-01 sshd[3]: Failed password for invalid user admin from 203.0.113.9 port 3 ssh2", `http://evil.example/ \u202e\u001b[31m`)
	got := parts(t, set, data(t, "email", strings.ReplaceAll(hostile, "web-01", "<b>\u202e")))
	if want := "OSSEC 5712"; got["subject"] != want {
		t.Errorf("subject = %q, want %q", got["subject"], want)
	}
	if want := `<p>&lt;b&gt;\u202e <code>sshd: brute force trying to get access to the system<span>.</span></code> <a href="https://example.com/%3Cb%3E%E2%80%AE">x</a><i>hxxp://evil[.]example/ \u202e\x1b[31m</i></p>`; got["html"] != want {
		t.Errorf("html = %s\nwant   %s", got["html"], want)
	}
}

func TestMailWithoutHTML(t *testing.T) {
	set, err := Default().WithText("email.html.tmpl", "\n")
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := parts(t, set, data(t, "email", bruteForce))["html"]; ok {
		t.Errorf("an empty file gives the HTML %q, want none", got)
	}
	set, err = Default().WithText("page.html.tmpl", "<p>{{.Host}}</p>")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := parts(t, set, data(t, "email", bruteForce))["html"], "<p>web-01</p>"; got != want {
		t.Errorf("a receiver's own HTML is %q, want %q", got, want)
	}
	if _, err := set.Parts(data(t, "slack", bruteForce)); err == nil || !strings.Contains(err.Error(), "a message of slack has no HTML") {
		t.Errorf("HTML for Slack: %v", err)
	}
}

func TestDefaultFormKeepsTheLinks(t *testing.T) {
	set, err := Load(Options{Links: map[string]string{"alert": "https://a/{{.ID}}"}})
	if err != nil {
		t.Fatal(err)
	}
	own, err := set.WithText("own.tmpl", "{{.Foo}}")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := parts(t, own.Defaults(), data(t, "pagerduty", bruteForce))["client_url"], "https://a/1795440017.1001"; got != want {
		t.Errorf("client_url of the default form = %q, want %q", got, want)
	}
}

func TestTestIsMarkedEverywhere(t *testing.T) {
	a := alert.Parse([]byte(bruteForce), alert.Options{})
	for channel, want := range map[string][]string{
		"slack":     {"header=[TEST] MEDIUM: SSH", "text=[TEST] MEDIUM: SSH", "footer=Nothing happened. Sent by ossec-notify send --sample 5712. Rule", "color=#0E8A9B"},
		"pagerduty": {"summary=[TEST] SSH brute force"},
		"email":     {"subject=[TEST] [MEDIUM] SSH"},
		"webhook":   {`document.json={"version":1,"action":"test"`},
	} {
		d := NewData(a, alert.DefaultScale, Context{Receiver: "r", Channel: channel, Sample: "5712"})
		got := parts(t, Default(), d)
		for _, w := range want {
			name, text, _ := strings.Cut(w, "=")
			if !strings.HasPrefix(got[name], text) {
				t.Errorf("%s.%s = %q, want it to begin with %q", channel, name, got[name], text)
			}
		}
		if !strings.HasPrefix(d.DedupKey, "test/") {
			t.Errorf("dedup key %q does not begin with test/", d.DedupKey)
		}
	}
}

func TestPossibleRepeatIsMarkedForSplunk(t *testing.T) {
	for _, repeat := range []bool{false, true} {
		d := data(t, "splunk", bruteForce)
		d.PossibleRepeat = repeat
		var event map[string]any
		if err := json.Unmarshal([]byte(parts(t, Default(), d)["event.json"]), &event); err != nil {
			t.Fatal(err)
		}
		if got, there := event["possible_repeat"]; there != repeat || (repeat && got != true) {
			t.Errorf("repeat %v: possible_repeat is %v", repeat, got)
		}
	}
}

func TestLogIsCutInNumbers(t *testing.T) {
	lines := func(n int) string { return strings.TrimSuffix(strings.Repeat("0123456789\n", n), "\n") }
	for _, tc := range []struct {
		name             string
		log              string
		maxLines, maxLen int
		want             []string
	}{
		{"fits", lines(3), 12, 1200, nil},
		{"lines", lines(40), 12, 1200, []string{"… 12 of 40 lines"}},
		{"characters", strings.Repeat("é", 5300), 12, 2140, []string{"… 2,140 of 5,300 characters"}},
		{"no limit", lines(4000), 0, 0, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			raw, err := json.Marshal(map[string]any{"rule": map[string]any{"id": "1002", "level": 2, "description": "d", "groups": []string{}}, "full_log": tc.log, "location": "/l"})
			if err != nil {
				t.Fatal(err)
			}
			d := data(t, "slack", string(raw))
			log, err := Default().log(d, tc.maxLines, tc.maxLen)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, n := range log.Notes {
				got = append(got, n.String())
			}
			if diff := cmp.Diff(got, tc.want); diff != "" {
				t.Errorf("notes (-got +want):\n%s", diff)
			}
			if tc.maxLen > 0 && log.Text.Len() > tc.maxLen {
				t.Errorf("%d characters, want at most %d", log.Text.Len(), tc.maxLen)
			}
		})
	}
}

func TestCompositeSaysHowManyLinesAreShown(t *testing.T) {
	log, err := Default().log(data(t, "slack", bruteForce), 12, 1200)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := log.Whole().String(), "port 3 ssh2\nNov 23 13:20:15 web-01 sshd[2]: Failed password for invalid user admin from 203.0.113.9 port 2 ssh2\n… 2 of at least 8 lines"; !strings.HasSuffix(got, want) {
		t.Errorf("log is\n%s\nwant it to end in\n%s", got, want)
	}
}

// canary stands in every text of an alert. Where it shows among the words of a message, alert text could pass
// for the operator's.
const canary = "CANARY <!channel> `x` \x0f\x0e\x10 *y*"

func poison(v any) any {
	switch v := v.(type) {
	case string:
		return v + canary
	case []any:
		for i := range v {
			v[i] = poison(v[i])
		}
		return v
	case map[string]any:
		for k := range v {
			v[k] = poison(v[k])
		}
		return v
	}
	return v
}

func TestAlertTextNeverBecomesWords(t *testing.T) {
	files, err := filepath.Glob("../testdata/alerts/*/*")
	if err != nil || len(files) < 30 {
		t.Fatalf("the corpus has %d files (%v)", len(files), err)
	}
	set := Default()
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		variants := []string{string(b)}
		var v any
		if json.Unmarshal(b, &v) == nil {
			p, err := json.Marshal(poison(v))
			if err != nil {
				t.Fatal(err)
			}
			variants = append(variants, string(p))
		} else {
			variants = append(variants, strings.ReplaceAll(string(b), "a", "a"+canary))
		}
		for _, raw := range variants {
			for channel := range set.channelParts {
				d := data(t, channel, raw)
				p, err := set.Parts(d)
				if err != nil {
					t.Errorf("%s: %s: %v", file, channel, err)
					continue
				}
				for name, text := range p {
					if strings.HasSuffix(name, "json") {
						continue // JSON has no words; TestJSONPartsOfTheWholeCorpusAreJSON
					}
					if name == "html" {
						// The canary's raw mention, or any character that a display form never holds.
						if i := strings.IndexAny(text.Raw(), "\x0e\x0f\x10\u202e\x1b"); i >= 0 || strings.Contains(text.Raw(), "<!channel>") {
							t.Errorf("%s: the HTML of the mail holds raw alert text", file)
						}
						continue
					}
					words := text.Render(func(s string) string { return s }, func(string) string { return "" })
					if strings.Contains(words, "CANARY") {
						t.Errorf("%s: %s.%s: alert text among the words: %q", file, channel, name, words)
					}
				}
			}
		}
	}
}

func TestJSONPartsOfTheWholeCorpusAreJSON(t *testing.T) {
	files, err := filepath.Glob("../testdata/alerts/*/*")
	if err != nil {
		t.Fatal(err)
	}
	set := Default()
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for channel := range set.channelParts {
			p, err := set.Parts(data(t, channel, string(b)))
			if err != nil {
				t.Errorf("%s: %v", file, err)
				continue
			}
			for name, text := range p {
				if strings.HasSuffix(name, "json") && !json.Valid([]byte(text.Raw())) {
					t.Errorf("%s: %s.%s is no JSON: %s", file, channel, name, text.Raw())
				}
			}
		}
	}
}

func TestPlainNeedsNoTemplate(t *testing.T) {
	d := data(t, "slack", bruteForce)
	got := Plain(d, os.ErrInvalid)["body"]
	for _, want := range []string{"MEDIUM: SSH brute force from 203.0.113.9 on web-01\n", "sshd[3]: Failed password", "The templates failed: invalid argument"} {
		if !strings.Contains(got.String(), want) {
			t.Errorf("message is\n%s\nwant it to hold %q", got, want)
		}
	}
}

func BenchmarkParts(b *testing.B) {
	set := Default()
	a := alert.Parse([]byte(bruteForce), alert.Options{Location: time.UTC})
	for _, channel := range []string{"slack", "pagerduty", "webhook", "splunk", "email"} {
		b.Run(channel, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				d := NewData(a, alert.DefaultScale, Context{Receiver: "soc", Channel: channel, Route: "page"})
				if _, err := set.Parts(d); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What is read without executing a template must say what the template says.
// TestProgramsSayTheSame: what a program prints, text/template prints.
func TestProgramsSayTheSame(t *testing.T) {
	for name, text := range map[string]string{
		"defaults": "",
		"own": `{{define "facts"}}{{range $f := .Facts}}{{$f.Label}}: {{$f.Value}}
{{else}}None: of them
{{end}}{{end}}
{{define "next"}}{{with .Next}}{{.}}{{else}}{{.ID}}{{end}} {{"{"}}{{end}}
{{define "log"}}{{if gt (len .Log) 40}}{{.Log | upper | trunc 40}}{{else}}{{$.Host}}{{end}}{{end}}
{{define "slack.text"}}{{$s := part "sentence" .}}{{if .Sample}}x{{$s := "y"}}{{$s}}{{end}}{{$s}}{{range links .}}{{.}}{{end}}{{with log 1 20 .}}{{.Whole}}{{end}}{{end}}
{{define "slack.footer"}}{{range items "footer" .}}{{.}}, {{$.Host}}; {{end}}{{(part "rule" .) | capital}}{{end}}
{{define "slack.color"}}{{range $i, $x := facts .}}{{$i}}{{$x.Label}}{{end}}{{end}}
{{define "email.subject"}}{{template "email.subject.of" dict "x" .Host}}{{end}}{{define "email.subject.of"}}{{.x}}{{end}}
{{define "pagerduty.details.json"}}{"a": "{{.Log}}", "b": {{details . | toJson}}}{{end}}`,
		"failing": `{{define "slack.text"}}{{range facts .}}{{.Label}}{{.Nothing}}{{end}}{{end}}{{define "email.text"}}{{part "nothing" .}}{{end}}`,
	} {
		t.Run(name, func(t *testing.T) {
			quick, err := Load(Options{Links: map[string]string{"alert": "https://wazuh.example.com/{{.ID}}"}})
			if err != nil {
				t.Fatal(err)
			}
			if text != "" {
				if quick, err = quick.WithText("own.tmpl", text); err != nil {
					t.Fatal(err)
				}
			}
			plain := quick.plainFacts
			files, err := filepath.Glob("../testdata/alerts/*/*")
			if err != nil || len(files) == 0 {
				t.Fatal(files, err)
			}
			for _, file := range files {
				raw, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				for _, channel := range []string{"slack", "pagerduty", "splunk", "webhook", "email"} {
					quick.plainFacts = plain
					got, gotErr := quick.Parts(data(t, channel, string(raw)))
					// The functions of a set are its own: the long way is the same set without its programs.
					programs := quick.programs
					quick.programs, quick.plainFacts = nil, false
					want, wantErr := quick.Parts(data(t, channel, string(raw)))
					quick.programs = programs
					if fmt.Sprint(gotErr) != fmt.Sprint(wantErr) {
						t.Fatalf("%s: %s: %v as programs, %v else", file, channel, gotErr, wantErr)
					}
					for name := range want {
						if diff := cmp.Diff(got[name].Encode(), want[name].Encode()); diff != "" {
							t.Errorf("%s: %s.%s (-program +template):\n%s", file, channel, name, diff)
						}
					}
					if len(got) != len(want) {
						t.Errorf("%s: %s has %d parts as programs, %d else", file, channel, len(got), len(want))
					}
				}
			}
		})
	}
}

// TestOriginalIsWhole: what is put into a document without being read again is JSON, and the alert's.
func TestOriginalIsWhole(t *testing.T) {
	set := Default()
	files, err := filepath.Glob("../testdata/alerts/*/*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	compared := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, channel := range []string{"splunk", "webhook"} {
			parts, err := set.Parts(data(t, channel, string(raw)))
			if err != nil {
				t.Fatal(err)
			}
			for _, part := range []string{"document.json", "event.json"} {
				text := parts[part].Raw()
				if text == "" {
					continue
				}
				var got struct{ Original any }
				if err := json.Unmarshal([]byte(text), &got); err != nil {
					t.Errorf("%s: %s: %v: %s", file, part, err, text)
				}
				var want any
				if json.Unmarshal(raw, &want) != nil || strings.Contains(file, "/active-response/") { // which hold the alert within
					continue
				}
				compared++
				if diff := cmp.Diff(got.Original, want); diff != "" {
					t.Errorf("%s: %s (-got +want):\n%s", file, part, diff)
				}
			}
		}
	}
	if compared == 0 {
		t.Error("nothing was compared")
	}
}

// TestDefaultsArePrograms: what nobody has changed is fast.
func TestDefaultsArePrograms(t *testing.T) {
	set := Default()
	if !set.plainFacts {
		t.Error("facts are not read without executing them")
	}
	for _, define := range set.text.Templates() {
		name := define.Name()
		// The parts that are the alert as it came need a conversion.
		if define.Tree != nil && !strings.HasSuffix(name, ".raw") && !strings.HasSuffix(name, ".tmpl") && set.programs[name] == nil {
			t.Errorf("%s is no program", name)
		}
	}
}

func TestSettingsAreTemplatesOfTheirPart(t *testing.T) {
	set, err := Default().WithSettings("splunk", map[string]string{"index": `{{ if ge .Rule.Level 10 }}sec{{ else }}ossec{{ end }}`, "source": "{{ .Agent.Name }}"})
	if err != nil {
		t.Fatal(err)
	}
	a := alert.Parse([]byte(`{"rule":{"id":"5712","level":10},"agent":{"name":"web-01"}}`), alert.Options{})
	parts, err := set.Parts(NewData(a, alert.DefaultScale, Context{Channel: "splunk"}))
	if err != nil {
		t.Fatal(err)
	}
	if parts["index"].String() != "sec" || parts["source"].String() != "web-01" || parts["sourcetype"].String() != "ossec:alert" || len(parts["body"]) > 0 {
		t.Errorf("got %q, %q, %q, and the body %q", parts["index"], parts["source"], parts["sourcetype"], parts["body"])
	}
	if body, ok := parts["body"]; ok {
		t.Errorf("a setting became the message: %q", body)
	}
	if body, ok := parts["body"]; ok {
		t.Errorf("a setting is the whole message: %q", body)
	}
	if len(set.Sources()) != len(Default().Sources()) {
		t.Error("a setting is shown as a file")
	}
	if _, err := Default().WithSettings("splunk", map[string]string{"index": "{{ .Rule.Level"}); err == nil || !strings.Contains(err.Error(), "splunk.index:1") {
		t.Errorf("got %v", err)
	}
}
