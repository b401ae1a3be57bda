package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/draw"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/page"
	"github.com/ossec-notify/ossec-notify/page/views"
	"github.com/ossec-notify/ossec-notify/preview"
)

// A message that is one text is shown whole: its JSON set out, wherever it stands, and nothing in it steers the terminal.
func TestMessageThatIsOneText(t *testing.T) {
	for name, tt := range map[string]struct {
		shown preview.Shown
		want  []string
	}{
		"document":      {preview.Shown{To: "/opt/runbook", Message: `{"a":1,"b":"x\u001b[31m"}`}, []string{"/opt/runbook", "{", `  "a": 1,`, `  "b": "x\u001b[31m"`, "}"}},
		"behind a head": {preview.Shown{To: "udp://192.0.2.7:514", Message: `<12>1 - h a - - [s a="{"] {"a":[]}`}, []string{"udp://192.0.2.7:514", `<12>1 - h a - - [s a="{"]`, "{", `  "a": []`, "}"}},
		"text":          {preview.Shown{Message: "CEF:0|a|b \x1b[31m"}, []string{`CEF:0|a|b \x1b[31m`}},
		"lines":         {preview.Shown{Message: "one\ntwo"}, []string{"one", "two"}},
		"no JSON":       {preview.Shown{Message: `<12>1 {"a":`}, []string{`<12>1 {"a":`}},
		"bad UTF-8":     {preview.Shown{Message: "{\"a\":\"\xff\"}"}, []string{`{"a":"\ufffd"}`}},
	} {
		t.Run(name, func(t *testing.T) {
			lines, meters := messageLines(dispatch.Delivery{}, notifier.Notification{}, tt.shown)
			if tt.shown.To != "" {
				lines[0] = strings.NewReplacer("\x1b[1m", "", "\x1b[m", "", "\x1b[0m", "").Replace(lines[0])
			}
			if diff := cmp.Diff(tt.want, lines); diff != "" {
				t.Errorf("the terminal (-want +got):\n%s", diff)
			}
			if !strings.HasPrefix(meters, "message of ") {
				t.Errorf("got meters %q", meters)
			}
			views := views.Composed(tt.shown)
			if got := draw.TextOf(views[1].Draw[0]); views[1].ID != page.ViewSource || got != tt.shown.Message {
				t.Errorf("the source is drawn as %q, want %q", got, tt.shown.Message)
			}
			squeeze := func(s string) string { return strings.Join(strings.Fields(strings.ReplaceAll(s, ": ", ":")), "") }
			if got := draw.TextOf(views[0].Draw[0]); views[0].ID != page.ViewShown || squeeze(got) != squeeze(tt.shown.Message) {
				t.Errorf("it is drawn as %q, want all of %q", got, tt.shown.Message)
			}
			var out bytes.Buffer
			if err := jsonSetOut(&out, []preview.Shown{tt.shown}); err != nil {
				t.Fatal(err)
			}
			var read []struct{ Message, To string }
			if err := json.Unmarshal(out.Bytes(), &read); err != nil || read[0].To != tt.shown.To {
				t.Errorf("as JSON: %v, %s", err, out.String())
			}
			if name != "bad UTF-8" && read[0].Message != tt.shown.Message {
				t.Errorf("as JSON it is %q, want %q", read[0].Message, tt.shown.Message)
			}
		})
	}
}

// The page draws what syslog and files get as the terminal does, says where it goes, and copies the JSON.
func TestThePageShowsMessagesThatAreOneText(t *testing.T) {
	_, e := webHome(t, `
receivers:
  siem:
    syslog: {address: "tls://siem.example.com", format: cef}
  qradar:
    syslog: {address: "udp://siem.example.com", enterprise: 32473}
  lines:
    file: {path: /var/log/alerts.json}
always: [siem, qradar, lines]
`)
	g := newTestPreviews(t, e, filepath.Join(corpusDir, "wazuh", "5712-ssh-brute-force.json"))
	p, err := g.Preview(t.Context(), page.Query{Alert: "files-1"})
	if err != nil {
		t.Fatal(err)
	}
	wants := map[string][2]string{
		"siem": {"Syslog · tls://siem.example.com:6514", " CEF:0|Wazuh|Wazuh|1|5712|"}, "qradar": {"Syslog · udp://siem.example.com:514", `{"version":1,`}, "lines": {"File · /var/log/alerts.json", `{"version":1,`},
	}
	for _, c := range p.Cards {
		want := wants[c.Receiver]
		delete(wants, c.Receiver)
		if c.Where != want[0] || len(c.Problems) > 0 || c.Marks.Neutralised > 0 || c.Curl != "" {
			t.Errorf("%s: %q, %v, %v", c.Receiver, c.Where, c.Problems, c.Marks)
		}
		source := draw.TextOf(view(t, c, page.ViewSource).Draw[0])
		if !strings.Contains(source, want[1]) || strings.Contains(source, "\n") {
			t.Errorf("%s: the source is %q", c.Receiver, source)
		}
		shown := draw.TextOf(view(t, c, page.ViewShown).Draw[0])
		if set := strings.Contains(shown, "\n  \"version\": 1,\n"); set != (c.Receiver != "siem") {
			t.Errorf("%s: it is shown as %q", c.Receiver, shown)
		}
		if !strings.Contains(draw.TextOf(view(t, c, page.ViewTemplate).Draw[0]), `{{define "`+c.Channel+`.`) {
			t.Errorf("%s: its template is not shown", c.Receiver)
		}
		if c.Receiver == "lines" {
			if diff := cmp.Diff(unmarshal[any](t, []byte(source)), unmarshal[any](t, []byte(c.Copy))); diff != "" {
				t.Errorf("what is copied (-sent +copied):\n%s", diff)
			}
		} else if c.Copy != source {
			t.Errorf("%s: %q is copied", c.Receiver, c.Copy)
		}
	}
	if len(wants) > 0 {
		t.Errorf("no cards of %v", wants)
	}
}
