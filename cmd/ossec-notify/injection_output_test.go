package main

import (
	"strings"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/noise"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/testdata/injection"
)

// TestPayloadsInOutputStayText tells how a program ended whose output is hostile: a runbook prints what it was
// given.
func TestPayloadsInOutputStayText(t *testing.T) {
	t.Parallel()
	p := injectionPreviewer(t)
	spot := everywhere(t, "wazuh/5712-ssh-brute-force.json")
	told := func(payload string, status int) map[string]outgoing {
		plan, err := p.PlanReceivers(spot.make(harmless), "chat", "chat-bot", "chat-own", "siem", "hook", "mail")
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]outgoing{}
		for _, x := range plan {
			x.About = &noise.About{Action: notifier.Report, Ran: &notifier.Ran{Program: "runbook", Receiver: "block", Delivery: "D1", Status: status, Ended: "ended by signal killed",
				Took: time.Second, Output: payload + "\n" + payload}}
			n, err := p.Notification(x)
			if err != nil {
				t.Fatal(err)
			}
			out[x.Receiver.Name] = shownAs(t, p, x, n)
		}
		return out
	}
	for i, x := range injection.All() {
		if x.Large {
			continue
		}
		status := i%3 - 1
		harmlessOnes := told(harmless, status)
		t.Run(x.Name, func(t *testing.T) {
			for name, got := range told(open+x.Text+shut, status) {
				want := harmlessOnes[name]
				checkTerminal(t, got.delivery, got.notification, got.shown)
				switch name {
				case "chat", "chat-bot", "chat-own":
					checkInertSlack(t, got, want, false)
				case "mail":
					checkInertMail(t, got, want, got.delivery.Alert)
				case "hook":
					checkKeys(t, got.body, want.body)
					if output, _ := lookup(got.body, "ran", "output").(string); !strings.Contains(output, open) {
						t.Errorf("the document has no output: %v", lookup(got.body, "ran"))
					}
				case "siem":
					checkKeys(t, lookup(got.body, "event"), nil)
				}
			}
		})
	}
}
