package main

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/family"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/sandbox"
	"github.com/ossec-notify/ossec-notify/templates"
)

// TestEveryKindOfMessageIsTaken sends each kind of message that there is about many alerts, or about what became of one, by
// every channel to the stand-ins. They check what their services and docs/webhook.md say, and so refuse none.
func TestEveryKindOfMessageIsTaken(t *testing.T) {
	t.Parallel()
	stand, err := sandbox.Start(sandbox.Options{WebhookToken: sandbox.FakeWebhookToken})
	if err != nil {
		t.Fatal(err)
	}
	defer stand.Close()
	cfg := mustLoad(t, fmt.Sprintf(corpusConfig, stand.SlackWebhookURL(), sandbox.FakeSlackToken, stand.SlackAPIURL(), sandbox.FakeRoutingKey,
		stand.PagerDutyURL(), stand.SplunkURL(), sandbox.FakeHECToken, stand.WebhookURL(), sandbox.FakeWebhookToken, stand.SMTPURL()))
	d, err := cfg.Dispatcher(config.Options{Log: discard})
	if err != nil {
		t.Fatal(err)
	}
	kinds := kindsOfMessages(t)
	for name, a := range kinds {
		t.Run(name, func(t *testing.T) {
			first := a.Alerts
			if len(first) == 0 {
				first = []*alert.Alert{corpusAlert(t, "wazuh/5712-ssh-brute-force.json", time.UTC)}
			}
			for _, receiver := range slices.Sorted(maps.Keys(d.Receivers)) {
				stand.Clear()
				r := d.Receivers[receiver]
				send := func(c templates.Context, earlier *notifier.Receipt) (notifier.Receipt, bool) {
					c.Receiver, c.Channel, c.Route, c.Delivery, c.Occurrence = receiver, r.Channel, "shop/night", fmt.Sprintf("D%s%s", name, c.Action), 1
					data := templates.NewData(first[0], d.Scale, c)
					if !notifier.Follows(r.Notifier, data.Action) {
						return notifier.Receipt{}, false
					}
					parts, err := r.Templates.Parts(data)
					if err != nil {
						t.Fatal(err)
					}
					ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
					defer cancel()
					receipt, err := r.Notifier.Notify(ctx, notifier.Notification{Action: data.Action, Delivery: c.Delivery, Alert: data.Identity, Occurrence: 1,
						Receiver: receiver, DedupKey: data.DedupKey, Severity: data.Severity.String(), Time: received, Opened: received, Earlier: earlier, Parts: parts})
					if err != nil || receipt.Warning != "" {
						t.Errorf("%s: %v, %q", receiver, err, receipt.Warning)
					}
					return receipt, true
				}
				sent := 1
				if a.Summary != nil {
					send(a, nil)
				} else {
					receipt, _ := send(templates.Context{}, nil)
					if _, follows := send(a, &receipt); follows {
						sent++
					}
				}
				messages := stand.Messages()
				if len(messages) < sent {
					t.Errorf("%s: %d messages arrived, want %d", receiver, len(messages), sent)
				}
				for _, m := range messages {
					if m.Problems != nil || !m.Accepted {
						t.Errorf("%s refused (%d): %q\n%s", m.Service, m.Status, m.Problems, m.Body)
					}
				}
			}
		})
	}
	// What the templates have a golden file of is sent here, too.
	goldens, err := filepath.Glob("../../templates/testdata/*.golden")
	if err != nil || len(goldens) == 0 {
		t.Fatal(err)
	}
	for _, path := range goldens {
		if name := strings.TrimSuffix(filepath.Base(path), ".golden"); kinds[name].Receiver == "" {
			t.Errorf("no message of the kind %s is sent", name)
		}
	}
}

// kindsOfMessages are messages of every kind, by the names of the golden files of package templates.
func kindsOfMessages(t *testing.T) map[string]templates.Context {
	brute := corpusAlert(t, "wazuh/5712-ssh-brute-force.json", time.UTC)
	hostile := corpusAlert(t, "hostile/mentions.json", time.UTC)
	many := func(about digest.Summary, files ...string) templates.Context {
		about.Receiver = "soc"
		b := digest.New(about, func(string) bool { return true })
		c := templates.Context{ID: "d-0123456789abcdef"}
		for i, file := range files {
			a := corpusAlert(t, file, time.UTC)
			for n := range i + 2 {
				b.Add(a, family.Read(a), alert.DefaultScale.Severity(a.Rule.Level), received.Add(time.Duration(n)*time.Minute), 1)
			}
			c.Alerts = append(c.Alerts, a)
		}
		c.Summary = b.Summary()
		return c
	}
	files := []string{"wazuh/5712-ssh-brute-force.json", "wazuh/550-fim-changed.json", "hostile/mentions.json", "wazuh/651-blocked.json", "wazuh/62723-azure.json",
		"wazuh/60122-windows-logon-failure.json", "wazuh/31151-web-scan.json", "wazuh/5402-sudo.json", "wazuh/504-agent-disconnected.json",
		"wazuh/502-manager-started.json", "wazuh/5902-user-added.json", "log/510-rootcheck.log", "wazuh/100102-labels-and-numbers.json"}
	notice := func(s digest.Summary) templates.Context {
		s.Receiver, s.Place, s.From, s.To, s.Level = "soc", "#soc", received, received.Add(18*time.Minute), -1
		return templates.Context{ID: "d-0123456789abcdef", Summary: &s}
	}
	all := map[string]templates.Context{
		"window":          many(digest.Summary{Kind: digest.Window, Route: "shop/night", Why: "night, until 06:00", Opened: received, Closed: received.Add(time.Hour)}, files...),
		"digest":          many(digest.Summary{Kind: digest.Scheduled, Why: "1 week"}, files[0], files[11]),
		"throttle":        many(digest.Summary{Kind: digest.Throttle, Why: "20/h"}, files[0]),
		"storm":           many(digest.Summary{Kind: digest.Storm}, files[:3]...),
		"storm-begins":    notice(digest.Summary{Kind: digest.StormBegins, Waiting: 1240, Braked: []int{int(alert.Info), int(alert.Low)}}),
		"storm-over":      notice(digest.Summary{Kind: digest.StormOver, Total: 3902, Digests: 4}),
		"silence":         many(digest.Summary{Kind: digest.Silence, Why: "NAME: kernel update"}, files[0]),
		"silence-hostile": many(digest.Summary{Kind: digest.Silence, Why: "<!channel> `x` http://evil.example/"}, files[2]),
		"inhibit":         many(digest.Summary{Kind: digest.Inhibit, Why: "maintenance"}, files[:2]...),
		"group-same":      many(digest.Summary{Kind: digest.Group, By: "rule 5712, agent web-01"}, files[0]),
		"group-one-kind":  many(digest.Summary{Kind: digest.Group, By: "rule 5712"}, files[0]),
		"group-mixed":     many(digest.Summary{Kind: digest.Group, By: "agent <!channel> web-01"}, files[:2]...),
		"seen":            {Action: notifier.Update, Seen: &templates.Seen{Count: 37, Since: received, Last: received.Add(time.Hour)}, Late: 14 * time.Minute, LateWhy: "Slack answered 429"},
		"quiet":           {Quiet: &templates.Quiet{For: 15 * time.Minute, Total: 212}},
		"step":            {Step: &templates.Step{N: 2, Of: 3, Who: []string{"oncall"}, After: 10 * time.Minute}, AckURL: "https://notify.example.com/ack/D1?s=abc&t=1", OnCall: []string{"NAME"}},
		"taken":           {Action: notifier.Acknowledge, Taken: &templates.Taken{By: "NAME <!here>", Via: "mail link", At: received}, Step: &templates.Step{N: 3, Of: 3, Who: []string{"back<up>"}, After: time.Minute}},
		"taken-name":      {Action: notifier.Acknowledge, Taken: &templates.Taken{By: "NAME", Via: "PagerDuty", At: received}},
		"quiet-edit":      {Action: notifier.Update, Edit: true, Quiet: &templates.Quiet{For: 15 * time.Minute, Total: 212, Since: received, Last: received.Add(time.Hour)}, AckURL: "https://notify.example.com/ack/D1?s=abc&t=1"},
		"taken-edit":      {Action: notifier.Acknowledge, Edit: true, Seen: &templates.Seen{Count: 37, Since: received, Last: received.Add(time.Hour)}, Taken: &templates.Taken{By: "NAME", Via: "Slack link", At: received}},
		"resolved-edit":   {Action: notifier.Update, Edit: true, Resolved: &templates.Resolved{After: 42 * time.Minute, By: hostile}, Quiet: &templates.Quiet{For: 15 * time.Minute, Total: 12, Since: received, Last: received.Add(time.Hour)}},
		"ran":             {Action: notifier.Report, Ran: &notifier.Ran{Program: "block-ip", Receiver: "block", Delivery: "D2", Took: 3 * time.Second, Output: "blocked <!channel>\n```"}},
		"ran-failed":      {Action: notifier.Report, Ran: &notifier.Ran{Program: "block-ip", Receiver: "block", Delivery: "D2", Status: -1, Ended: "ended by us at its timeout of 2 min", Took: 2 * time.Minute, Output: strings.Repeat("x", 65536), Dropped: 5000}},
		"resolved":        {Action: notifier.Resolve, Resolved: &templates.Resolved{After: 42 * time.Minute, By: hostile}, Taken: &templates.Taken{By: "NAME", Via: "command line", At: received}},
	}
	for name, c := range all {
		c.Receiver, c.Opened = "soc", received
		if c.Summary == nil {
			c.Alerts = []*alert.Alert{brute}
		}
		all[name] = c
	}
	return all
}
