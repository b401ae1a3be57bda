package pagerduty

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// Config are the settings of one receiver: a service or an event orchestration with an Events API v2 integration.
type Config struct {
	// RoutingKey is the integration key, 32 characters.
	RoutingKey notifier.Secret `yaml:"routing_key"`
	// Region is us (the default) or eu: where the account lives.
	Region string `yaml:"region"`
	// Endpoint is the URL to use instead of the region's; a path of /v2/enqueue is understood.
	Endpoint string           `yaml:"endpoint"`
	Network  notifier.Network `yaml:"network"`
}

// HTTP are the settings of the HTTP client that the receiver needs.
func (c Config) HTTP() notifier.Network { return c.Network }

// Destinations are the servers that the receiver connects to, by the setting that names each.
func (c Config) Destinations(_ context.Context) map[string]string {
	if c.Endpoint != "" {
		return map[string]string{"endpoint": c.Endpoint}
	}
	endpoint, _ := regionEndpoint(c.Region)
	return map[string]string{"region": endpoint}
}

// Validate reports every mistake in the settings, as FieldErrors. What secrets hold is looked at only where the
// config holds them itself; else Notify does.
func (c Config) Validate() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, &notifier.FieldError{Key: key, Message: fmt.Sprintf(format, args...)})
	}
	if c.RoutingKey.IsZero() {
		bad("routing_key", "is missing: copy the Integration Key of an Events API v2 integration")
	}
	if v, ok := c.RoutingKey.Plain(); ok {
		if err := checkKey(v); err != nil {
			bad("routing_key", "%v", err)
		}
	}
	if _, ok := regionEndpoint(c.Region); !ok {
		bad("region", "is us or eu")
	}
	if c.Endpoint != "" {
		if _, err := notifier.ParseURL(c.Endpoint); err != nil {
			bad("endpoint", "is not a URL such as https://events.pagerduty.com")
		}
		if c.Region != "" {
			bad("region", "is of no use beside endpoint: keep one of them")
		}
	}
	return errors.Join(append(errs, c.Network.Validate())...)
}

// keyLength is the length of a routing key (developer.pagerduty.com, Events API v2 overview).
const keyLength = 32

// checkKey says why v cannot be a routing key, without showing it.
func checkKey(v string) error {
	if len(v) != keyLength || strings.Trim(v, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != "" {
		return errors.New("is not a key: a PagerDuty Events v2 key has 32 characters, letters and digits")
	}
	return nil
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
