package pagerduty

import (
	"cmp"
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
	Endpoint string `yaml:"endpoint"`
	// APIToken is a key of the REST API of the same account; a read-only one is enough. Without it nobody is asked who took
	// an incident in PagerDuty. The notifier does not use it: see API.
	APIToken notifier.Secret `yaml:"api_token"`
	// APIEndpoint is the address of the REST API to use instead of the region's.
	APIEndpoint string           `yaml:"api_endpoint"`
	Network     notifier.Network `yaml:"network"`
}

// HTTP are the settings of the HTTP client that the receiver needs.
func (c Config) HTTP() notifier.Network { return c.Network }

// Destinations are the servers that the receiver connects to, by the setting that names each.
func (c Config) Destinations(_ context.Context) map[string]string {
	all := map[string]string{}
	if c.Endpoint != "" {
		all["endpoint"] = c.Endpoint
	} else {
		all["region"], _ = regionEndpoint(c.Region)
	}
	switch _, endpoint, ok := c.API(); {
	case ok && c.APIEndpoint != "":
		all["api_endpoint"] = endpoint
	case ok:
		all["api_token"] = endpoint
	}
	return all
}

// API is where PagerDuty can be asked what became of incidents, and the key for it; ok is false where nobody is to ask.
func (c Config) API() (token notifier.Secret, endpoint string, ok bool) {
	endpoint = "https://api.pagerduty.com"
	if c.Region == "eu" {
		endpoint = "https://api.eu.pagerduty.com"
	}
	return c.APIToken, cmp.Or(c.APIEndpoint, endpoint), !c.APIToken.IsZero()
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
	if v, ok := c.APIToken.Plain(); ok {
		if err := notifier.HeaderValue(v); err != nil {
			bad("api_token", "%v", err)
		}
	}
	switch {
	case c.APIEndpoint == "":
		if !c.APIToken.IsZero() && c.Endpoint != "" { // an account elsewhere, perhaps
			bad("api_endpoint", "is missing: with endpoint, say where the REST API for api_token is, such as https://api.pagerduty.com")
		}
	case c.APIToken.IsZero():
		bad("api_endpoint", "is of no use without api_token")
	default:
		if u, err := notifier.ParseURL(c.APIEndpoint); err != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			bad("api_endpoint", "is not a URL such as https://api.pagerduty.com")
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
