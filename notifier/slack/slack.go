// Package slack posts notifications to Slack, by an incoming webhook or with a bot's token, as blocks of Block
// Kit: docs/messages.md says what they hold. It owns Slack's markup (mrkdwn.go), its limits (limit.go), the
// meaning of its answers (answer.go), how an earlier message is changed or answered (later.go) and the search for a message
// that was sent (find.go); the words come from the templates.
//
// Posting goes through github.com/slack-go/slack, which makes the requests. What Slack answers is taken from the
// connection itself, because the library keeps neither the text of a refusal nor every Retry-After, takes any
// answer with status 200 for success, and puts the webhook's URL, which is a secret, into its errors.
package slack

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/slack-go/slack"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// Notifier posts to one channel. It is safe for concurrent use.
type Notifier struct {
	webhook, token notifier.Secret
	channel        string
	repeats        string // one of the constants of config.go
	api            string
	client         *http.Client

	// id is the channel's, once Slack has said it.
	id atomic.Pointer[string]
}

var (
	_ notifier.Notifier = (*Notifier)(nil)
	_ notifier.Finder   = (*Notifier)(nil)
	_ notifier.Follower = (*Notifier)(nil)
	_ notifier.Editor   = (*Notifier)(nil)
	_ notifier.Metered  = (*Notifier)(nil)
)

// New makes the Notifier of a receiver. client is the receiver's own, as notifier.NewClient makes it from
// cfg.Network.
func New(cfg Config, client *http.Client) (*Notifier, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Notifier{
		webhook: cfg.WebhookURL,
		token:   cfg.Token,
		channel: cfg.Channel,
		repeats: cmp.Or(cfg.Repeats, repeatsEdit),
		api:     strings.TrimRight(cmp.Or(cfg.APIURL, slack.APIURL), "/") + "/", // slack-go appends the method's name
		client:  client,
	}, nil
}

// Notify posts one message, or, with a bot's token, changes or answers an earlier one: see later.go. Slack knows no
// repeated request: a message whose outcome is not known (the error is Ambiguous) and that is sent again may appear twice.
// Find tells whether it is there.
func (s *Notifier) Notify(ctx context.Context, n notifier.Notification) (notifier.Receipt, error) {
	if !n.Action.Known() {
		return notifier.Receipt{}, notifier.UnknownAction("slack", n.Action)
	}
	m, err := compose(n.Parts)
	if err != nil {
		return notifier.Receipt{}, err
	}
	if !s.webhook.IsZero() {
		return s.postWebhook(ctx, m)
	}
	token, err := s.token.ReadHeader(ctx, "token")
	if err != nil {
		return notifier.Receipt{}, err
	}
	return s.tell(ctx, token, n, m)
}

func (s *Notifier) postWebhook(ctx context.Context, m message) (notifier.Receipt, error) {
	const what = "post to the Slack webhook"
	secret, err := s.webhook.Read(ctx)
	if err != nil {
		return notifier.Receipt{}, err
	}
	if _, err := notifier.ParseURL(secret); err != nil {
		return notifier.Receipt{}, s.webhook.Unfit("webhook_url", err)
	}
	no := false
	client, answer := notifier.Capture(withoutResponseFields(s.client))
	err = slack.PostWebhookCustomHTTPContext(ctx, secret, client, &slack.WebhookMessage{
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
	var read bytes.Buffer
	read.Grow(int(max(req.ContentLength, 0)) + bytes.MinRead)
	if _, err := read.ReadFrom(req.Body); err != nil {
		return nil, err
	}
	body := read.Bytes()
	// Where a quotation mark and a colon stand side by side is no text of the message: there the mark is escaped.
	for _, field := range []string{`"replace_original":false,`, `"delete_original":false,`} {
		if i := bytes.Index(body, []byte(field)); i >= 0 {
			body = slices.Delete(body, i, i+len(field))
		}
	}
	out := req.Clone(req.Context()) // a RoundTripper must not change the request that it is given
	out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	return d.base.RoundTrip(out)
}
