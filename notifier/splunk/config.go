package splunk

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// eventPath is added to a URL that has no path: the endpoint for events in their envelope.
const eventPath = "/services/collector/event"

// Config are the settings of one receiver.
type Config struct {
	// URL is the collector, such as https://splunk:8088. Without a path it gets the event endpoint's.
	URL string `yaml:"url"`
	// Token is the HEC token.
	Token notifier.Secret `yaml:"token"`
	// Index is where the events go; without it, the token's default index.
	Index string `yaml:"index"`
	// Source, SourceType and Host take the place of what the template says of the alert.
	Source     string `yaml:"source"`
	SourceType string `yaml:"sourcetype"`
	Host       string `yaml:"host"`
	// Channel is the GUID by which a collector with acknowledgement tells senders apart; without it, one is made of
	// the host, the URL and the index.
	Channel string `yaml:"channel"`
	// Gzip compresses what is sent.
	Gzip    bool             `yaml:"gzip"`
	Network notifier.Network `yaml:"network"`
}

var guid = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

// HTTP are the settings of the HTTP client that the receiver needs.
func (c Config) HTTP() notifier.Network { return c.Network }

// Destinations are the servers that the receiver connects to, by the setting that names each.
func (c Config) Destinations(_ context.Context) map[string]string {
	return map[string]string{"url": c.URL}
}

// Validate reports every mistake in the settings, as FieldErrors. What secrets hold is looked at only where the
// config holds them itself; else Notify does.
func (c Config) Validate() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, &notifier.FieldError{Key: key, Message: fmt.Sprintf(format, args...)})
	}
	if c.URL == "" {
		bad("url", "is missing: the address of the HTTP Event Collector, such as https://splunk:8088")
	} else if _, err := c.endpoint(); err != nil {
		bad("url", "%v", err)
	}
	if c.Token.IsZero() {
		bad("token", "is missing: the token of the HTTP Event Collector")
	}
	if v, ok := c.Token.Plain(); ok {
		if err := notifier.HeaderValue(v); err != nil {
			bad("token", "%v", err)
		}
	}
	if c.Channel != "" && !guid.MatchString(c.Channel) {
		bad("channel", "is no GUID: write one such as 8f7e2c1a-0b9d-4c3e-a1f0-5d6b7a8c9e0f")
	}
	return errors.Join(append(errs, c.Network.Validate())...)
}

// endpoint is the URL that events are posted to.
func (c Config) endpoint() (*url.URL, error) {
	u, err := notifier.ParseURL(c.URL)
	if err != nil {
		return nil, errors.New("is not a URL such as https://splunk:8088")
	}
	if u.User != nil {
		return nil, errors.New("holds a user name: the collector wants a token, in the setting token")
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = eventPath
	}
	return u, nil
}
