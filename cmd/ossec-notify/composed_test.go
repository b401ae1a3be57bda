package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/draw"
	"github.com/ossec-notify/ossec-notify/notifier"
)

// A message that is one text is shown whole: its JSON set out, wherever it stands, and nothing in it steers the terminal.
func TestMessageThatIsOneText(t *testing.T) {
	for name, tt := range map[string]struct {
		shown previewed
		want  []string
	}{
		"document":      {previewed{To: "/opt/runbook", Message: `{"a":1,"b":"x\u001b[31m"}`}, []string{"/opt/runbook", "{", `  "a": 1,`, `  "b": "x\u001b[31m"`, "}"}},
		"behind a head": {previewed{To: "udp://192.0.2.7:514", Message: `<12>1 - h a - - [s a="{"] {"a":[]}`}, []string{"udp://192.0.2.7:514", `<12>1 - h a - - [s a="{"]`, "{", `  "a": []`, "}"}},
		"text":          {previewed{Message: "CEF:0|a|b \x1b[31m"}, []string{`CEF:0|a|b \x1b[31m`}},
		"lines":         {previewed{Message: "one\ntwo"}, []string{"one", "two"}},
		"no JSON":       {previewed{Message: `<12>1 {"a":`}, []string{`<12>1 {"a":`}},
		"bad UTF-8":     {previewed{Message: "{\"a\":\"\xff\"}"}, []string{`{"a":"\ufffd"}`}},
	} {
		t.Run(name, func(t *testing.T) {
			tt.shown.media = "text/plain"
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
			views := composedViews(tt.shown)
			if got := draw.TextOf(views[1].Draw[0]); views[1].ID != viewSource || got != tt.shown.Message {
				t.Errorf("the source is drawn as %q, want %q", got, tt.shown.Message)
			}
			squeeze := func(s string) string { return strings.Join(strings.Fields(strings.ReplaceAll(s, ": ", ":")), "") }
			if got := draw.TextOf(views[0].Draw[0]); views[0].ID != viewShown || squeeze(got) != squeeze(tt.shown.Message) {
				t.Errorf("it is drawn as %q, want all of %q", got, tt.shown.Message)
			}
			var out bytes.Buffer
			if err := jsonSetOut(&out, []previewed{tt.shown}); err != nil {
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
