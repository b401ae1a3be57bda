// Package pagerduty sends notifications to PagerDuty as events of the Events API v2: docs/messages.md says what
// they hold. It owns the event's shape and limits (event.go) and the meaning of PagerDuty's answers (answer.go);
// the words come from the templates.
//
// Sending goes through github.com/PagerDuty/go-pagerduty. What PagerDuty answers is taken from the connection
// itself, because the library's client keeps neither the message and the list of errors nor Retry-After, and
// takes every 2xx for success.
package pagerduty

import (
	"cmp"
	"context"
	"net/http"
	"strings"

	"github.com/PagerDuty/go-pagerduty"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// Notifier sends events with one routing key. It is safe for concurrent use.
type Notifier struct {
	key      notifier.Secret
	endpoint string // without path and final slash: the library appends /v2/enqueue
	client   *http.Client
}

var (
	_ notifier.Notifier = (*Notifier)(nil)
	_ notifier.Follower = (*Notifier)(nil)
	_ notifier.Metered  = (*Notifier)(nil)
)

// New makes the Notifier of a receiver. client is the receiver's own, as notifier.NewClient makes it from
// cfg.Network.
func New(cfg Config, client *http.Client) (*Notifier, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	endpoint, _ := regionEndpoint(cfg.Region)
	endpoint = strings.TrimRight(cmp.Or(cfg.Endpoint, endpoint), "/")
	return &Notifier{
		key:      cfg.RoutingKey,
		endpoint: strings.TrimRight(strings.TrimSuffix(endpoint, "/v2/enqueue"), "/"),
		client:   client,
	}, nil
}

// Notify sends one event: it opens an incident or joins the one that is open under the same dedup key,
// acknowledges it, or resolves it. A repeated event therefore does no harm.
func (p *Notifier) Notify(ctx context.Context, n notifier.Notification) (notifier.Receipt, error) {
	key, err := p.readKey(ctx)
	if err != nil {
		return notifier.Receipt{}, err
	}
	event, err := newEvent(n, key)
	if err != nil {
		return notifier.Receipt{}, err
	}
	client, answer := notifier.Capture(p.client)
	api := pagerduty.NewClient("", pagerduty.WithV2EventsAPIEndpoint(p.endpoint))
	api.HTTPClient = client
	_, err = api.ManageEventWithContext(ctx, event)
	if answer.Status == 0 && answer.Err == nil {
		answer.Err = notifier.Unurl(err)
	}
	answer.Redact(key)
	return readAnswer(answer)
}

// readKey reads the routing key. It may come from a file, so what Validate could not see is checked here.
func (p *Notifier) readKey(ctx context.Context) (string, error) {
	key, err := p.key.Read(ctx)
	if err != nil {
		return "", err
	}
	if err := checkKey(key); err != nil {
		return "", p.key.Unfit("routing_key", err)
	}
	return key, nil
}

// Follows: PagerDuty has no event that adds to an incident and calls nobody.
func (*Notifier) Follows(a notifier.Action) bool { return a != notifier.Update && a != notifier.Report }

// Idempotent: events with one dedup key are one incident.
func (*Notifier) Idempotent() bool { return true }
