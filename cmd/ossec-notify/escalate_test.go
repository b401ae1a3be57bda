package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/page/inbox"
	"github.com/ossec-notify/ossec-notify/sandbox"
)

// escalates has all that an alert may be answered by: PagerDuty and Slack at once, mail AFTER that.
const escalates = `
receivers:
  oncall: {pagerduty: {routing_key: ROUTING_KEY, endpoint: "PAGERDUTY_URL", api_token: REST_TOKEN, api_endpoint: "PAGERDUTY_URL"}}
  soc: {slack: {webhook_url: SLACK_URL}, rate: 100/s}
  backup: {email: {smtp: "SMTP_URL", from: ossec@example.com, to: [backup@example.com]}}
routes:
  - {name: page, escalate: [{to: [oncall, soc]}, {after: AFTER, to: backup}]}
time_zone: UTC
`

// withoutPagerDuty has Slack first and mail after that.
var withoutPagerDuty = strings.NewReplacer("to: [oncall, soc]", "to: soc", "oncall: {", "unused: {").Replace(escalates)

// escalation is an installation with such a config, whose mail is due so late.
func newEscalation(t *testing.T, config, after string) *installation {
	t.Helper()
	return newInstallation(t, strings.ReplaceAll(config, "AFTER", after))
}

// at are the messages that a stand-in took.
func (in *installation) at(service sandbox.Service) []sandbox.Message {
	var out []sandbox.Message
	for _, m := range in.stand.Messages() {
		if m.Service == service && m.Accepted {
			out = append(out, m)
		}
	}
	return out
}

// delivered waits until so many messages are known to be delivered.
func (in *installation) delivered(n int) {
	in.t.Helper()
	in.until(fmt.Sprint(n, " delivered"), func() bool { return in.count(outbox.Delivered) == n })
}

// spared waits until the mail will never be sent, for that reason.
func (in *installation) spared(reason string) {
	in.t.Helper()
	why := ""
	in.until("spared", func() bool {
		for _, x := range in.deliveries() {
			if x.Receiver == "backup" {
				why = x.Error
				return x.State == string(outbox.Suppressed)
			}
		}
		return false
	})
	if why != reason {
		in.t.Errorf("backup is spared for %q, want %q", why, reason)
	}
	if mails := in.at(sandbox.Email); len(mails) > 0 {
		in.t.Errorf("backup was told: %s", inbox.Gist(mails[0]))
	}
}

// shows waits until the last message of a service holds a text.
func (in *installation) shows(service sandbox.Service, text string) {
	in.t.Helper()
	body := ""
	in.until(string(service)+" showing "+text, func() bool {
		if got := in.at(service); len(got) > 0 {
			body = plainly(string(got[len(got)-1].Body))
		}
		return strings.Contains(body, text)
	})
}

// plainly is a JSON text with its signs as people see them, without the marks of quotations.
func plainly(body string) string {
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&", "`", "", `\n`, "\n").Replace(body)
}

func TestNobodyAnswersSoTheNextStepIsTold(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]string{"with PagerDuty": escalates, "without": withoutPagerDuty} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := newEscalation(t, config, "2s")
			in.call("custom-notify", in.alert("1"))
			in.until("the mail sent", func() bool { return len(in.at(sandbox.Email)) == 1 })
			mail := in.at(sandbox.Email)[0]
			if !strings.Contains(string(mail.Body), "Step     2 of 2: ") || !strings.Contains(string(mail.Body), " answered for 2 s") {
				t.Errorf("the mail does not say why it comes:\n%s", mail.Body)
			}
			if first := in.at(sandbox.Slack)[0]; mail.At.Sub(first.At).Seconds() < 1.5 {
				t.Errorf("the mail came %s after the first step", mail.At.Sub(first.At))
			}
			for _, m := range in.stand.Messages() { // a background deliverer answers nobody, so it gives no link
				if strings.Contains(plainly(string(m.Body)), ackPath) {
					t.Errorf("%s was sent a link that leads nowhere:\n%s", m.Service, m.Body)
				}
			}
			// Who was told last may take it as well, and all see it.
			if out := in.command(exitDone, "ack", "mgr/1795440017.1", "--by", "NAME"); !strings.Contains(out, "is taken by NAME.\n  Will be told that you have it: ") || strings.Contains(out, "Not told any more") {
				t.Errorf("ack says\n%s", out)
			}
			in.shows(sandbox.Slack, "by NAME at ")
			in.until("told by mail", func() bool { return len(in.at(sandbox.Email)) == 2 })
		})
	}
}

func TestAnAnswerByTheCommandLineStopsAnEscalation(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]string{"with PagerDuty": escalates, "without": withoutPagerDuty} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := newEscalation(t, config, "1m")
			in.call("custom-notify", in.alert("1"))
			first := strings.Count(config, "to: [oncall, soc]") + 1
			in.delivered(first)
			if out := in.command(exitDone, "ack", "mgr/1795440017.1", "--by", "NAME"); !strings.Contains(out, "mgr/1795440017.1 is taken by NAME.\n  Not told any more: backup.\n") {
				t.Errorf("ack says\n%s", out)
			}
			in.spared("taken by NAME (command line)")
			in.delivered(2 * first)
			in.shows(sandbox.Slack, "(command line)")
			for _, i := range in.stand.Incidents() {
				if i.Status != sandbox.Acknowledged {
					t.Errorf("PagerDuty's incident is %s", i.Status)
				}
			}
		})
	}
}

func TestAnAnswerByALinkStopsAnEscalation(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]string{"with PagerDuty": escalates, "without": withoutPagerDuty} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := freeAddress(t)
			in := newEscalation(t, config+"http: {listen: \""+address+"\", url: https://notify.example.com}\n", "1m")
			daemon := in.serve()
			in.call("custom-notify", in.alert("1"))
			first := strings.Count(config, "to: [oncall, soc]") + 1
			in.delivered(first)
			link := linkIn(t, plainly(string(in.at(sandbox.Slack)[0].Body)))
			resp, err := http.PostForm("http://"+address+link, url.Values{"by": {"NAME"}})
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Errorf("status %d", resp.StatusCode)
			}
			in.spared("taken by NAME (Slack link)")
			in.delivered(2 * first)
			in.shows(sandbox.Slack, "(Slack link)")
			in.stop(daemon)
		})
	}
}

// TestAnAnswerInPagerDutyStopsAnEscalation also has the deliverer start anew: it asks at once then, and not in half a
// minute.
func TestAnAnswerInPagerDutyStopsAnEscalation(t *testing.T) {
	t.Parallel()
	for how, want := range map[string]struct {
		does func(*sandbox.Server, string, string) bool
		via  string
	}{
		"acknowledged": {(*sandbox.Server).Acknowledge, "PagerDuty"},
		"resolved":     {(*sandbox.Server).Resolve, "PagerDuty, resolved"},
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			in := newEscalation(t, escalates, "3m")
			in.call("custom-notify", in.alert("1"))
			in.delivered(2)
			in.killDeliverer(15)
			events := len(in.at(sandbox.PagerDuty))
			if key := in.stand.Incidents()[0].DedupKey; !want.does(in.stand, key, "Alice Example") {
				t.Fatal("no incident is open under", key)
			}
			daemon := in.serve()
			in.spared("taken by Alice Example (" + want.via + ")")
			in.shows(sandbox.Slack, "by Alice Example at ")
			in.shows(sandbox.Slack, "("+want.via+")")
			in.delivered(3)
			if got := in.at(sandbox.PagerDuty); len(got) != events {
				t.Errorf("PagerDuty, where it was taken, was told of that: %s", got[events].Body)
			}
			in.stop(daemon)
			if log := in.log(); strings.Contains(log, sandbox.FakePagerDutyToken) || !strings.Contains(log, `msg="alert is taken" alert=mgr/1795440017.1 by="Alice Example"`) {
				t.Errorf("the log:\n%s", log)
			}
		})
	}
}

// linkIn is the path of the link to take an alert, in the text of a message.
func linkIn(t *testing.T, text string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, "https://notify.example.com/ack/")
	if !found {
		t.Fatalf("no link in\n%s", text)
	}
	end := strings.IndexFunc(rest, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", r)
	})
	return ackPath + rest[:end]
}
