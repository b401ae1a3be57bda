package main

import (
	"net/url"
	"strings"
	"syscall"
	"testing"

	"github.com/ossec-notify/ossec-notify/sandbox"
)

const (
	toSlackBot = "receivers: {soc: {slack: {token: SLACK_TOKEN, channel: '#soc', api_url: SLACK_API}, rate: 100/s}}\ndefault: [soc]\ntime_zone: UTC\n"
	toSplunk   = "receivers: {siem: {splunk: {url: SPLUNK_URL, token: HEC_TOKEN}, concurrency: 1}}\ndefault: [siem]\ntime_zone: UTC\n"
)

// The deliverer is killed while Slack holds its answer. Nobody knows then whether the message arrived; the next
// deliverer asks.
func TestKilledWhileSlackAnswersTellsOnce(t *testing.T) {
	const note = "may be a second copy"
	for name, c := range map[string]struct {
		opt    sandbox.Options
		reply  sandbox.Reply
		copies int
		marked bool // the last of them
		log    string
	}{
		"arrived":         {reply: sandbox.Reply{}, copies: 1, log: "an earlier attempt had arrived"},
		"did not arrive":  {reply: sandbox.Reply{Status: 503}, copies: 1},
		"cannot be known": {opt: sandbox.Options{SlackScopes: []string{"chat:write", "channels:read"}}, copies: 2, marked: true, log: "give the app the scope channels:history"},
	} {
		t.Run(name, func(t *testing.T) {
			c.opt.SlackChannels = []string{"soc"}
			in := newInstallationWith(t, toSlackBot, c.opt)
			hold := make(chan struct{})
			c.reply.Hold = hold
			in.stand.Script(sandbox.SlackAPI, c.reply)
			in.call("custom-notify", in.alert("1"))
			in.until("in Slack's hands", func() bool { return len(in.stand.Messages()) > 0 })
			in.killDeliverer(syscall.SIGKILL)
			close(hold)

			in.call("custom-notify", in.alert("2"))
			in.until("both delivered", func() bool {
				return strings.Count(in.command(exitDone, "outbox", "list", "--all", "--format", "json"), `"state":"delivered"`) == 2
			})
			var copies []string
			for _, m := range in.stand.Messages() {
				if form, err := url.ParseQuery(string(m.Body)); err == nil && m.Accepted && strings.Contains(form.Get("text"), "Story 1 ") {
					copies = append(copies, form.Get("text"))
				}
			}
			if len(copies) != c.copies {
				t.Fatalf("Slack shows %d copies, want %d; the log:\n%s", len(copies), c.copies, in.log())
			}
			for i, text := range copies {
				if want := c.marked && i == len(copies)-1; strings.Contains(text, note) != want {
					t.Errorf("copy %d is marked: %v, want %v\n%s", i+1, !want, want, text)
				}
			}
			if !strings.Contains(in.log(), c.log) || strings.Contains(in.log(), sandbox.FakeSlackToken) {
				t.Errorf("the log, which must say %q and hold no token:\n%s", c.log, in.log())
			}
		})
	}
}

// What Splunk took and did not acknowledge is not delivered. The number to ask by is lost with the process.
func TestKilledWhileSplunkIndexesSendsAgainAndSaysSo(t *testing.T) {
	in := newInstallationWith(t, toSplunk, sandbox.Options{HECAck: true})
	hold := make(chan struct{})
	in.stand.Script(sandbox.Splunk, sandbox.Reply{}, sandbox.Reply{Hold: hold})
	in.call("custom-notify", in.alert("1"))
	in.until("asked for the acknowledgement", func() bool { return len(in.stand.Messages()) == 2 })
	if list := in.command(exitDone, "outbox", "list", "--format", "json"); !strings.Contains(list, `"state":"delivering"`) {
		t.Errorf("before it is indexed, the outbox has\n%s", list)
	}
	in.killDeliverer(syscall.SIGKILL)
	close(hold)
	in.call("custom-notify", in.alert("2"))
	in.until("both delivered", func() bool {
		return strings.Count(in.command(exitDone, "outbox", "list", "--all", "--format", "json"), `"state":"delivered"`) == 2
	})
	var got []bool // marked
	for _, m := range in.stand.Messages() {
		if m.Accepted && strings.Contains(string(m.Body), "Story 1 ") {
			got = append(got, strings.Contains(string(m.Body), `"possible_repeat":true`))
		}
	}
	if len(got) != 2 || got[0] || !got[1] {
		t.Errorf("the copies are marked: %v, want the second of two", got)
	}
}

func TestQuestionToAStandInIsNoRefusal(t *testing.T) {
	for want, m := range map[string]sandbox.Message{
		"asked (200): /slack/api/conversations.history": {Service: sandbox.SlackAPI, Path: "/slack/api/conversations.history", Status: 200},
		"REFUSED (200): x":  {Service: sandbox.SlackAPI, Body: []byte("text=x"), Status: 200, Problems: []string{"no channel is named"}},
		"REFUSED (503): x":  {Service: sandbox.SlackAPI, Body: []byte("text=x"), Status: 503},
		"accepted (200): x": {Service: sandbox.SlackAPI, Body: []byte("text=x"), Status: 200, Accepted: true},
	} {
		if got := arrival(m); !strings.Contains(got, want) {
			t.Errorf("got %q, want %q in it", got, want)
		}
	}
}
