package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/sandbox"
)

// A route for each thing that noise control does, quick enough for a test that waits for all of it.
const liveRoutes = `receivers:
  soc: {slack: {token: SLACK_TOKEN, channel: '#soc', api_url: SLACK_API}, rate: 100/s}
  oncall: {pagerduty: {routing_key: ROUTING_KEY, endpoint: PAGERDUTY_URL}}
  hook: {webhook: {url: WEBHOOK_URL}}
  siem: {splunk: {url: SPLUNK_URL, token: HEC_TOKEN, batch: {size: 1}}}
  mail: {email: {smtp: SMTP_URL, from: ossec@example.com, to: [root@example.com], tls: none}, throttle: {rate: 20/m, burst: 3}}
always: [siem]
follow: [logs/alerts/alerts.json]
time_zone: UTC
routes:
  - {name: repeats, match: {rule: 5710}, to: [soc, hook], dedup: 3s}
  - {name: grouped, match: {rule: 5712}, to: [soc, hook], group_by: [rule], group_wait: 2s, group_interval: 3s}
  - {name: limited, match: {rule: 31101}, to: [mail]}
  - {name: agents, match: {rule: 504}, to: [oncall, hook], resolve: {opens: {rule: 504}, closes: {rule: 503}, by: [agent]}}
  - {name: page, match: {severity: high}, escalate: [{to: oncall}, {after: 4s, to: soc}]}
  - {name: hidden, match: {rule: 1002}, to: []}
  - {name: quiet, match: {rule: 550}, to: [soc]}
`

// What a daemon has told of alerts that it followed is what a backtest of the same file counts, receiver by receiver.
func TestBacktestCountsWhatServeDelivered(t *testing.T) {
	t.Parallel()
	in := newInstallationWith(t, liveRoutes, sandbox.Options{SlackChannels: []string{"soc"}})
	log := filepath.Join(in.home, "logs", "alerts", "alerts.json")
	if err := os.MkdirAll(filepath.Dir(log), 0o755); err != nil {
		t.Fatal(err)
	}
	in.write("0") // of no route; the follower begins behind it
	daemon := in.serve()
	in.until("following", func() bool { return strings.Contains(in.log(), "msg=following") })
	in.command(exitDone, "silence", "add", "--rule", "550", "--for", "10s", "--reason", "files are replaced")

	n := 0
	write := func(alerts ...[3]any) { // rule, level, agent: all in one write, so that they come together
		t.Helper()
		var text strings.Builder
		for _, a := range alerts {
			n++
			at := time.Now().UTC().Add(time.Duration(n) * time.Microsecond)
			fmt.Fprintf(&text, `{"timestamp":"%s","rule":{"level":%d,"description":"d","id":"%d","groups":["local"]},"agent":{"id":"001","name":%q},"manager":{"name":"mgr"},"id":"%d.%d","full_log":"x","location":"/l","data":{"srcip":"192.0.2.7"}}`+"\n",
				at.Format("2006-01-02T15:04:05.000-0700"), a[1], a[0], a[2], at.Unix(), n)
		}
		f, err := os.OpenFile(log, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(text.String()); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	seen := func(messages int) { // so that the next alerts come after these
		t.Helper()
		in.until(fmt.Sprint(messages, " messages"), func() bool { return len(in.at(sandbox.Splunk)) >= messages })
	}
	write([3]any{5710, 5, "a"}, [3]any{5710, 5, "a"}, [3]any{5710, 5, "b"}, [3]any{5710, 5, "a"}, [3]any{504, 7, "a"}, [3]any{504, 7, "b"}, [3]any{1002, 2, "a"}, [3]any{550, 7, "a"})
	seen(8)
	write([3]any{5712, 10, "a"}, [3]any{5712, 10, "b"}, [3]any{5712, 10, "c"}, [3]any{100, 13, "a"}, [3]any{550, 7, "b"}, [3]any{1, 1, "a"})
	seen(14)
	write([3]any{31101, 6, "a"}, [3]any{31101, 6, "a"}, [3]any{31101, 6, "a"}, [3]any{31101, 6, "a"}, [3]any{31101, 6, "a"}, [3]any{503, 3, "a"})
	seen(20)
	waits := func() bool {
		return slices.ContainsFunc(in.deliveries(), func(x sent) bool { return outbox.State(x.State).Open() })
	}
	// All is over when nothing is held, the silence too, and it has been quiet for the repeats.
	in.until("all told", func() bool {
		return !waits() && len(in.at(sandbox.SlackAPI)) >= 6 // two repeats, the end of one, a group, a step, what was silenced
	})
	write([3]any{5710, 5, "a"}, [3]any{5710, 5, "b"})
	seen(22)
	in.until("all told", func() bool { return !waits() })
	in.stop(daemon)

	var r struct {
		Receivers []struct {
			Name string
			Now  struct{ Alerts, Messages, Updates int }
		}
		Now struct{ Messages, Pages int }
	}
	out := in.command(exitDone, "backtest", "--format", "json", log)
	if err := json.Unmarshal([]byte(out[strings.IndexByte(out, '{'):]), &r); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	told, pages := map[string]int{}, 0
	for receiver, service := range map[string]sandbox.Service{"soc": sandbox.SlackAPI, "oncall": sandbox.PagerDuty, "hook": sandbox.Webhook, "siem": sandbox.Splunk, "mail": sandbox.Email} {
		for _, m := range in.at(service) {
			told[receiver]++
			if service == sandbox.PagerDuty && strings.Contains(string(m.Body), `"event_action":"trigger"`) {
				pages++
			}
		}
	}
	for _, x := range r.Receivers {
		got := x.Now.Messages + x.Now.Updates
		if x.Name == "siem" {
			got-- // the alert that was there before the daemon
		}
		if got != told[x.Name] || got == 0 {
			t.Errorf("%s: backtest counts %d messages and %d updates, and serve delivered %d", x.Name, x.Now.Messages, x.Now.Updates, told[x.Name])
		}
	}
	if len(r.Receivers) != 5 || r.Now.Pages != pages || pages < 3 {
		t.Errorf("%d pages of %d receivers, and serve delivered %d pages", r.Now.Pages, len(r.Receivers), pages)
	}
	if t.Failed() {
		t.Logf("%s\n%s", out, in.command(exitDone, "outbox", "list", "--all"))
	}
}
