package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/family"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/preview"
	"github.com/ossec-notify/ossec-notify/templates"
	"github.com/ossec-notify/ossec-notify/testdata/injection"
)

// TestPayloadsStayTextAmongMany tells many hostile alerts at once, and in every way: what stands in a row, the name of a
// group, the reason of a silence or the name of who took an incident is text, in every channel.
func TestPayloadsStayTextAmongMany(t *testing.T) {
	t.Parallel()
	var spots []spot
	for _, file := range []string{"wazuh/5712-ssh-brute-force.json", "wazuh/550-fim-changed.json", "wazuh/100102-labels-and-numbers.json", "ossec/5712-ssh-brute-force.json"} {
		spots = append(spots, everywhere(t, file))
	}
	spots = append(spots, blocks(t)...)
	payloads := injection.All()
	for k, kind := range []digest.Kind{digest.Window, digest.Group, digest.Silence, ""} {
		t.Run(fmt.Sprint("of ", kind), func(t *testing.T) {
			t.Parallel()
			p := injectionPreviewer(t)
			harmlessMany := sendMany(t, p, kind, spots, harmless)
			for i, x := range payloads {
				if x.Large || !*injectionLong && i%4 != k {
					continue
				}
				t.Run(x.Name, func(t *testing.T) {
					for name, got := range sendMany(t, p, kind, spots, open+x.Text+shut) {
						want := harmlessMany[name]
						checkTerminal(t, got.delivery, got.notification, got.shown)
						switch name {
						case "chat", "chat-bot", "chat-own":
							checkInertSlack(t, got, want, false)
						case "page":
							checkInertPage(t, got, want, got.delivery.Alert)
						case "mail":
							checkInertMail(t, got, want, got.delivery.Alert)
						case "hook":
							checkKeys(t, got.body, want.body)
							for _, key := range []string{"counts", "alerts"} {
								list, _ := lookup(got.body, key).([]any)
								for _, x := range list {
									checkKeys(t, x, nil)
								}
							}
						case "siem":
							checkKeys(t, lookup(got.body, "event"), nil)
						}
					}
				})
			}
		})
	}
}

// sendMany is what is sent of many alerts with a payload, or, with no kind, of one that somebody took.
func sendMany(t *testing.T, p *preview.Previewer, kind digest.Kind, spots []spot, payload string) map[string]outgoing {
	t.Helper()
	b := digest.New(digest.Summary{Kind: kind, Receiver: "soc", Route: "page", Why: payload, By: payload}, func(string) bool { return true })
	var all []*alert.Alert
	for i, s := range spots {
		a := s.make(payload)
		all = append(all, a)
		for range 1 + i%2 {
			b.Add(a, family.Read(a), p.Scale.Severity(a.Rule.Level), received.Add(time.Duration(i)*time.Minute), 1)
		}
	}
	out := map[string]outgoing{}
	plan, err := p.PlanReceivers(all[0], "chat", "chat-bot", "chat-own", "page", "siem", "hook", "mail")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range plan {
		c := templates.Context{Receiver: x.Receiver.Name, Channel: x.Receiver.Channel, Route: "page", Delivery: x.ID,
			AckURL: "https://own.example.com/ack/x?q=1", ID: "d-0123456789abcdef", Summary: b.Summary(), Alerts: all}
		if kind == "" {
			c.Summary, c.Alerts = nil, nil
			c.Seen = &templates.Seen{Count: 37, Since: received, Last: received.Add(time.Hour)}
			c.Step = &templates.Step{N: 2, Of: 3, Who: []string{payload + "<", payload + "_"}, After: time.Minute}
			c.Taken = &templates.Taken{By: payload, Via: payload, At: received}
			c.Resolved = &templates.Resolved{After: time.Minute, By: all[1]}
		}
		d := templates.NewData(all[0], p.Scale, c)
		parts, err := x.Receiver.Templates.Parts(d)
		if err != nil {
			t.Fatal(err)
		}
		n := notifier.Notification{Action: notifier.Trigger, Delivery: x.ID, Alert: d.Identity, Occurrence: 1, Receiver: x.Receiver.Name,
			DedupKey: d.DedupKey, Severity: d.Severity.String(), Time: received, Parts: parts}
		out[x.Receiver.Name] = shownAs(t, p, x, n)
	}
	return out
}

// shownAs is a notification as it leaves.
func shownAs(t *testing.T, p *preview.Previewer, x dispatch.Delivery, n notifier.Notification) outgoing {
	t.Helper()
	shown, err := p.Catch(t.Context(), x, n)
	s := outgoing{x, n, shown, nil}
	if shown.Requests == nil {
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if len(*shown.Requests) != 1 {
		t.Fatalf("%s: %d requests, want one (%v)", x.Receiver.Name, len(*shown.Requests), err)
	}
	s.body = shownBody(t, s.shown)
	return s
}
