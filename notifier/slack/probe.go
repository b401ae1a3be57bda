package slack

import (
	"context"

	"github.com/slack-go/slack"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// Probe asks Slack whether the token is good (auth.test). Of a webhook it only sees that its host is reachable:
// there is no way to ask whether a webhook is still valid without posting.
func (s *Notifier) Probe(ctx context.Context) error {
	if !s.webhook.IsZero() {
		address, err := s.webhook.Read(ctx)
		if err != nil {
			return err
		}
		if _, err := notifier.ParseURL(address); err != nil {
			return s.webhook.Unfit("webhook_url", err)
		}
		return notifier.Reach(ctx, s.client, address)
	}
	token, err := s.token.ReadHeader(ctx, "token")
	if err != nil {
		return err
	}
	const what = "ask Slack whether the token is good"
	client, answer := notifier.Capture(s.client)
	_, err = slack.New(token, slack.OptionHTTPClient(client), slack.OptionAPIURL(s.api)).AuthTestContext(ctx)
	if answer.Status == 0 && answer.Err == nil {
		answer.Err = notifier.Unurl(err)
	}
	answer.Redact(token)
	_, err = readAPIAnswer(what, answer)
	return err
}
