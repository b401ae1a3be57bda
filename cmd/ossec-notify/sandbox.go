package main

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ossec-notify/ossec-notify/page/inbox"
	"github.com/ossec-notify/ossec-notify/sandbox"
)

func sandboxCommand(e *env) *cobra.Command {
	var opt sandbox.Options
	var page webFlags
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "stand-ins of Slack, PagerDuty, Splunk, Elasticsearch, Loki, a webhook and a mail server, to point a config at",
		Long: `Starts stand-ins of all services on this machine and shows what arrives. They check as strictly as the services
do: what is refused here would be refused there. Stop it with Ctrl-C. With --web a page shows each arrival as its
channel would, with the raw request and what was wrong with it.`,
		Example: "  ossec-notify sandbox                                  on free ports\n  ossec-notify sandbox --web                            with an inbox in the browser\n  ossec-notify sandbox --http 127.0.0.1:8080 --smtp 127.0.0.1:2525\n  ossec-notify sandbox --splunk-index ossec             refuses what goes to another index",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opt.OnCall = []sandbox.Duty{{Schedule: sandboxSchedule, Name: "Alice Example", Email: "alice@example.com"}}
			if err := page.check(cmd); err != nil {
				return err
			}
			in, err := inbox.Start(opt, func(m sandbox.Message) { fmt.Fprint(e.stdout, arrival(m)) })
			if err != nil {
				return failed("%w", err)
			}
			defer in.Stand.Close()
			fmt.Fprintf(e.stdout, "# stand-ins on this machine; point a config at them:\n%s\n", sandboxConfig(in.Stand))
			if page.web {
				return e.serveWeb(cmd.Context(), page, nil, in)
			}
			<-cmd.Context().Done()
			return nil
		},
	}
	cmd.Flags().StringVar(&opt.HTTPAddr, "http", "127.0.0.1:0", "address of Slack, PagerDuty, Splunk, Elasticsearch, Loki and the webhook")
	cmd.Flags().StringVar(&opt.SMTPAddr, "smtp", "127.0.0.1:0", "address of the mail server")
	cmd.Flags().StringSliceVar(&opt.HECIndexes, "splunk-index", nil, "index that Splunk's token may write to (any, unless named; may be repeated)")
	page.add(cmd, "what arrives")
	return cmd
}

// sandboxConfig is a config whose receivers are the stand-ins.
func sandboxConfig(s *sandbox.Server) string {
	return fmt.Sprintf(`receivers:
  soc:
    slack: {webhook_url: %q}
  soc-bot:
    slack: {token: %q, channel: "#soc", api_url: %q}
  oncall:
    pagerduty: {routing_key: %q, endpoint: %q}
  siem:
    splunk: {url: %q, token: %q, index: ossec}
  search:
    elasticsearch: {url: %q, api_key: %q}
  logs:
    loki: {url: %q, bearer_token: %q}
  hook:
    webhook: {url: %q, bearer_token: %q}
  root-mail:
    email: {smtp: %q, from: ossec@example.com, to: [root@example.com], tls: none}
  duty:
    oncall: {pagerduty_schedule: %s, token: %q, endpoint: %q, people: {alice@example.com: soc-bot}, otherwise: [soc]}
`, s.SlackWebhookURL(), sandbox.FakeSlackToken, s.SlackAPIURL(), sandbox.FakeRoutingKey, s.PagerDutyURL(),
		s.SplunkURL(), sandbox.FakeHECToken, s.ElasticURL(), sandbox.FakeElasticKey, s.LokiURL(), sandbox.FakeLokiToken, s.WebhookURL(), sandbox.FakeWebhookToken, s.SMTPURL(),
		sandboxSchedule, sandbox.FakePagerDutyToken, s.PagerDutyURL())
}

// sandboxSchedule is the schedule of the stand-in of PagerDuty by which somebody is on call.
const sandboxSchedule = "PSANDBX"

// arrival is a message that arrived at a stand-in, in a line or two.
func arrival(m sandbox.Message) string {
	verdict, what := "accepted", inbox.Gist(m)
	switch {
	case m.Accepted:
	case m.Service == sandbox.Unknown && m.Method == http.MethodHead && m.Path == "/":
		// The addresses of several services begin alike, and whoever asks for no more than the root only sees whether somebody
		// answers.
		return fmt.Sprintf("%s  %-10s asked: whether somebody answers, as check --online does; nothing was sent\n", m.At.Format("15:04:05"), "(any)")
	case m.AsksForToken():
		verdict, what = "asked", "whether the token is good, as check --online does; nothing was sent"
	case m.Status < 300 && len(m.Problems) == 0: // no message: what is in a channel, whether an event is indexed
		verdict, what = "asked", m.Path
	default:
		verdict = "REFUSED"
	}
	line := fmt.Sprintf("%s  %-10s %s (%d): %s\n", m.At.Format("15:04:05"), m.Service, verdict, m.Status, safe(strings.TrimSpace(what)))
	for _, p := range m.Problems {
		if m.AsksForToken() {
			break
		}
		line += "            " + safe(p) + "\n"
	}
	return line
}
