package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/pagerduty"
	"github.com/ossec-notify/ossec-notify/notifier/slack"
	"github.com/ossec-notify/ossec-notify/sandbox"
)

// TestSandboxTellsWhatLaterMessagesDo follows an incident at the stand-ins.
func TestSandboxTellsWhatLaterMessagesDo(t *testing.T) {
	var lines []string
	stand, err := sandbox.Start(sandbox.Options{OnMessage: func(m sandbox.Message) { lines = append(lines, arrival(m)) }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stand.Close() }()
	bot := func(repeats string) notifier.Notifier {
		n, err := slack.New(slack.Config{
			Token: notifier.PlainSecret(sandbox.FakeSlackToken), Channel: "#soc", APIURL: stand.SlackAPIURL(), Repeats: repeats,
		}, http.DefaultClient)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	page, err := pagerduty.New(pagerduty.Config{RoutingKey: notifier.PlainSecret(sandbox.FakeRoutingKey), Endpoint: stand.PagerDutyURL()}, http.DefaultClient)
	if err != nil {
		t.Fatal(err)
	}
	var first *notifier.Receipt
	tell := func(n notifier.Notifier, a notifier.Action, text string) notifier.Receipt {
		t.Helper()
		r, err := n.Notify(t.Context(), notifier.Notification{
			Action: a, Delivery: text, DedupKey: "-/web-01/5712/203.0.113.9", Severity: "high", Earlier: first,
			Parts: map[string]display.Text{"text": display.Words(text), "summary": display.Words(text)},
		})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := tell(bot("edit"), notifier.Trigger, "MEDIUM: a")
	first = &r
	tell(bot("edit"), notifier.Update, "MEDIUM x37: a")
	tell(bot("thread"), notifier.Update, "MEDIUM x38: a")
	tell(bot("edit"), notifier.Trigger, "HIGH: a")
	tell(bot("edit"), notifier.Resolve, "RESOLVED: a")
	tell(page, notifier.Trigger, "a")
	tell(page, notifier.Acknowledge, "a")
	tell(page, notifier.Resolve, "a")
	tell(page, notifier.Resolve, "a")
	tell(page, notifier.Digest, "Digest for oncall")
	for _, body := range []string{`{"version":1,"action":"resolve","severity":"high","title":"a"}`, `{"severity":"high","title":"a"}`} {
		resp, err := http.Post(stand.WebhookURL(), "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	want := []string{
		"slack-api  accepted (200): MEDIUM: a\n",
		"slack-api  accepted (200): changes " + first.ID + ": MEDIUM x37: a\n",
		"slack-api  accepted (200): in the thread of " + first.ID + ": MEDIUM x38: a\n",
		"slack-api  accepted (200): in the thread of " + first.ID + " and the channel: HIGH: a\n",
		"slack-api  accepted (200): changes " + first.ID + ": RESOLVED: a\n",
		"pagerduty  accepted (202): trigger error: a\n",
		"pagerduty  accepted (202): acknowledge -/web-01/5712/203.0.113.9\n",
		"pagerduty  accepted (202): resolve -/web-01/5712/203.0.113.9\n",
		"pagerduty  accepted (202): resolve -/web-01/5712/203.0.113.9\n            PagerDuty drops this resolve silently: no incident with the key is open\n",
		"pagerduty  accepted (202): trigger error: Digest for oncall\n",
		": resolve high: a\n",
		": high: a\n",
	}
	if len(lines) != len(want) {
		t.Fatalf("got %d lines, want %d: %q", len(lines), len(want), lines)
	}
	for i, w := range want {
		if i < 10 && !strings.HasSuffix(lines[i], w) || !strings.Contains(lines[i], w) {
			t.Errorf("got %q, want %q", lines[i], w)
		}
	}
}
