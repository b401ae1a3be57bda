// Package slack posts notifications to Slack, by an incoming webhook or with a bot's token, as blocks of Block
// Kit: docs/messages.md says what they hold. It owns Slack's markup (mrkdwn.go), its limits (limit.go) and the
// meaning of its answers (answer.go); the words come from the templates.
//
// Posting goes through github.com/slack-go/slack, which makes the requests. What Slack answers is taken from the
// connection itself, because the library keeps neither the text of a refusal nor every Retry-After, takes any
// answer with status 200 for success, and puts the webhook's URL, which is a secret, into its errors.
package slack

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/slack-go/slack"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// Config is a receiver in Slack: either WebhookURL, or Token and Channel.
type Config struct {
	// WebhookURL is the address of an incoming webhook. It is the only credential, and so a secret.
	WebhookURL notifier.Secret `yaml:"webhook_url"`
	// Token is a bot's token (xoxb-…) with the scope chat:write.
	Token notifier.Secret `yaml:"token"`
	// Channel is a channel's name with # or its id. The bot must be a member.
	Channel string `yaml:"channel"`
	// APIURL is where the Web API is, if not at https://slack.com/api/.
	APIURL string `yaml:"api_url"`
	// Proxy is the URL of an HTTP proxy.
	Proxy string `yaml:"proxy"`
}

// Validate returns every mistake, each as a *notifier.FieldError.
func (c Config) Validate() error {
	var errs []error
	add := func(key, message string) { errs = append(errs, &notifier.FieldError{Key: key, Message: message}) }
	switch {
	case c.WebhookURL.IsZero() && c.Token.IsZero():
		add("webhook_url", "is missing: give webhook_url, or token and channel")
	case !c.WebhookURL.IsZero() && !c.Token.IsZero():
		add("token", "excludes webhook_url: keep the one that you want to post with")
	case !c.WebhookURL.IsZero() && c.Channel != "":
		add("channel", "is of no use with webhook_url: a webhook posts to the channel that it was made for")
	case c.WebhookURL.IsZero() && c.Channel == "":
		add("channel", `is missing: say where the bot posts, "#name" or a channel id`)
	case strings.ContainsAny(c.Channel, " \t\r\n"):
		add("channel", `holds a blank: give "#name" or a channel id`)
	}
	if c.WebhookURL.IsPlain() {
		if v, err := c.WebhookURL.Read(); err != nil || !isURL(v) {
			add("webhook_url", "is not a URL such as https://hooks.slack.com/services/T…/B…/…")
		}
	}
	if c.Token.IsPlain() {
		if v, err := c.Token.Read(); err == nil && strings.HasPrefix(v, "xapp-") {
			add("token", "is an app-level token: give the bot token, which begins with xoxb-")
		}
	}
	if c.APIURL != "" && !isURL(c.APIURL) {
		add("api_url", "is not a URL such as https://slack.com/api/")
	}
	if c.Proxy != "" && !isURL(c.Proxy) {
		add("proxy", "is not a URL such as http://proxy.example.com:3128")
	}
	return errors.Join(errs...)
}

func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}

// Notifier posts to one channel.
type Notifier struct {
	webhook, token notifier.Secret
	channel        string
	api            string
	client         *http.Client
}

var _ notifier.Notifier = (*Notifier)(nil)

// New makes the notifier of a receiver. A nil client is made from the config.
func New(cfg Config, client *http.Client) (*Notifier, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if client == nil {
		var err error
		if client, err = notifier.NewClient(notifier.Network{Proxy: cfg.Proxy}); err != nil {
			return nil, err
		}
	}
	return &Notifier{
		webhook: cfg.WebhookURL,
		token:   cfg.Token,
		channel: cfg.Channel,
		api:     strings.TrimRight(cmp.Or(cfg.APIURL, slack.APIURL), "/") + "/", // slack-go appends the method's name
		client:  client,
	}, nil
}

// Notify posts one message. Slack knows no repeated request: a message whose outcome is not known and that is
// sent again may appear twice, which the error says (Ambiguous).
func (s *Notifier) Notify(ctx context.Context, n notifier.Notification) (notifier.Receipt, error) {
	m, err := compose(n.Parts)
	if err != nil {
		return notifier.Receipt{}, err
	}
	if !s.webhook.IsZero() {
		return s.postWebhook(ctx, m)
	}
	return s.postMessage(ctx, n, m)
}

func (s *Notifier) postWebhook(ctx context.Context, m message) (notifier.Receipt, error) {
	const what = "post to the Slack webhook"
	secret, err := s.webhook.Read()
	if err != nil {
		return notifier.Receipt{}, err
	}
	target := secret
	if secret == notifier.Redacted { // a preview by a user who may not read the secret
		target = "https://hooks.slack.com/services/" + notifier.Redacted
	}
	if !isURL(target) {
		return notifier.Receipt{}, notifier.Errorf(notifier.Misconfigured, "%s: webhook_url (%v) is not a URL", what, s.webhook)
	}
	no := false
	client, answer := notifier.Capture(withoutResponseFields(s.client))
	err = slack.PostWebhookCustomHTTPContext(ctx, target, client, &slack.WebhookMessage{
		Text:        m.text,
		Blocks:      &slack.Blocks{BlockSet: m.blocks},
		Attachments: m.attachments,
		UnfurlLinks: &no, // unfurling makes Slack fetch what an attacker wrote
		UnfurlMedia: &no,
	})
	if answer.Status == 0 && answer.Err == nil {
		answer.Err = notifier.Unurl(err)
	}
	answer.Redact(secret)
	return readWebhookAnswer(what, answer)
}

func (s *Notifier) postMessage(ctx context.Context, n notifier.Notification, m message) (notifier.Receipt, error) {
	what := "post to Slack channel " + s.channel
	token, err := s.token.Read()
	if err != nil {
		return notifier.Receipt{}, err
	}
	options := []slack.MsgOption{
		slack.MsgOptionText(m.text, false),
		slack.MsgOptionAttachments(m.attachments...),
		slack.MsgOptionDisableLinkUnfurl(),
		slack.MsgOptionDisableMediaUnfurl(),
		slack.MsgOptionMetadata(slack.SlackMetadata{
			EventType:    "ossec_notify",
			EventPayload: map[string]any{"id": n.Alert, "delivery": n.Delivery},
		}),
	}
	if len(m.blocks) > 0 {
		options = append(options, slack.MsgOptionBlocks(m.blocks...))
	}
	client, answer := notifier.Capture(s.client)
	api := slack.New(token, slack.OptionHTTPClient(client), slack.OptionAPIURL(s.api))
	_, _, err = api.PostMessageContext(ctx, s.channel, options...)
	if answer.Status == 0 && answer.Err == nil {
		answer.Err = notifier.Unurl(err)
	}
	answer.Redact(token)
	return readAPIAnswer(what, answer)
}

// withoutResponseFields takes replace_original and delete_original out of the payload. They belong to answers to
// a user's click; slack-go writes them into every webhook message.
func withoutResponseFields(client *http.Client) *http.Client {
	c := *client
	c.Transport = dropFields{cmp.Or[http.RoundTripper](client.Transport, http.DefaultTransport)}
	return &c
}

type dropFields struct{ base http.RoundTripper }

func (d dropFields) RoundTrip(req *http.Request) (*http.Response, error) {
	defer req.Body.Close()
	var payload map[string]json.RawMessage
	if err := json.NewDecoder(req.Body).Decode(&payload); err != nil {
		return nil, err
	}
	delete(payload, "replace_original")
	delete(payload, "delete_original")
	body, err := json.Marshal(payload)
	if err != nil {
		return nil, err
	}
	out := req.Clone(req.Context()) // a RoundTripper must not change the request that it is given
	out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	return d.base.RoundTrip(out)
}
