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
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/PagerDuty/go-pagerduty"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// Config is a receiver in PagerDuty: a service or an event orchestration with an Events API v2 integration.
type Config struct {
	// RoutingKey is the integration key, 32 characters.
	RoutingKey notifier.Secret `yaml:"routing_key"`
	// Region is us (the default) or eu: where the account lives.
	Region string `yaml:"region"`
	// Endpoint is the URL to use instead of the region's; a path of /v2/enqueue is understood.
	Endpoint string `yaml:"endpoint"`
	// Proxy is the URL of an HTTP proxy.
	Proxy string `yaml:"proxy"`
}

// keyLength is the length of a routing key (developer.pagerduty.com, Events API v2 overview).
const keyLength = 32

// Validate returns every mistake, each as a *notifier.FieldError.
func (c Config) Validate() error {
	var errs []error
	add := func(key, message string) { errs = append(errs, &notifier.FieldError{Key: key, Message: message}) }
	switch {
	case c.RoutingKey.IsZero():
		add("routing_key", "is missing: copy the Integration Key of an Events API v2 integration")
	case c.RoutingKey.IsPlain():
		if v, err := c.RoutingKey.Read(); err != nil || !isKey(v) {
			add("routing_key", "is not a key: a PagerDuty Events v2 key has 32 characters, letters and digits")
		}
	}
	if _, ok := regionEndpoint(c.Region); !ok {
		add("region", "is us or eu")
	}
	if c.Endpoint != "" && !isURL(c.Endpoint) {
		add("endpoint", "is not a URL such as https://events.pagerduty.com")
	}
	if c.Endpoint != "" && c.Region != "" {
		add("region", "is of no use beside endpoint: keep one of them")
	}
	if c.Proxy != "" && !isURL(c.Proxy) {
		add("proxy", "is not a URL such as http://proxy.example.com:3128")
	}
	return errors.Join(errs...)
}

func isKey(s string) bool {
	return len(s) == keyLength && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}

func regionEndpoint(region string) (string, bool) {
	switch region {
	case "", "us":
		return "https://events.pagerduty.com", true
	case "eu":
		return "https://events.eu.pagerduty.com", true
	}
	return "", false
}

// Notifier sends events with one routing key.
type Notifier struct {
	key      notifier.Secret
	endpoint string // without path and final slash: the library appends /v2/enqueue
	client   *http.Client
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
	key, err := p.key.Read()
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
