package main

import (
	"strings"
	"testing"

	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/preview"
)

// framed draws a delivery of a template's parts.
func framed(t *testing.T, receivers, name string, n notifier.Notification) string {
	t.Helper()
	p, err := preview.New(mustLoad(t, "receivers:\n"+receivers+"\nalways: []\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	x := dispatch.Delivery{Receiver: p.Receivers[name]}
	shown, err := p.Catch(t.Context(), x, n)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	frame(&b, x, n, shown)
	return ourStyles.ReplaceAllString(b.String(), "")
}

func TestFrameShowsWhatIsSent(t *testing.T) {
	parts := func(pairs ...string) map[string]display.Text {
		m := map[string]display.Text{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = display.Words(pairs[i+1])
		}
		return m
	}
	tests := []struct {
		name, receiver string
		parts          map[string]display.Text
		want, not      []string
	}{
		{
			"raw webhook with other parts", "hook: {webhook: {url: https://example.com/hook, body: raw}}",
			parts("raw", "as it came", "body", "never sent", "header", "nor this", "summary", "nor that"),
			[]string{"POST https://example.com/hook", "┃ as it came", "└ request of 10 bytes"}, []string{"never sent", "nor this", "nor that"},
		},
		{
			"plain template of a chat", "hook: {slack: {webhook_url: https://hooks.slack.com/x}}",
			parts("body", "all of it", "header", "never sent"),
			[]string{"┃ all of it", "└ body 9 of 8,000, blocks 9 of 13,000"}, []string{"never sent", "POST"},
		},
		{
			"incident whose key is too long", "hook: {pagerduty: {routing_key: 00000000000000000000000000000000}}",
			parts("summary", "what happened", "details.json", `{"b":"2","a":"1"}`),
			[]string{"┃ what happened\n┃ a           1\n┃ b           2\n┃ incident key\n┃ ↪ sha256:", "└ summary 13 of 1,024, key 71 of 255"}, []string{"kkkk"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := notifier.Notification{Action: notifier.Trigger, DedupKey: strings.Repeat("k", 300), Parts: tt.parts}
			got := framed(t, "  "+tt.receiver, "hook", n)
			for _, want := range tt.want {
				if !strings.Contains(got, want) {
					t.Errorf("it does not show %q:\n%s", want, got)
				}
			}
			for _, not := range tt.not {
				if strings.Contains(got, not) {
					t.Errorf("it shows %q, which is not sent:\n%s", not, got)
				}
			}
		})
	}
}
