package slack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// The values of the setting repeats.
const (
	repeatsEdit   = "edit"   // the first message counts
	repeatsThread = "thread" // each count is a line in its thread
	repeatsNone   = "none"   // repeats change nothing
)

// Config are the settings of one receiver: either WebhookURL, or Token and Channel.
type Config struct {
	// WebhookURL is the address of an incoming webhook. It is the only credential, and so a secret.
	WebhookURL notifier.Secret `yaml:"webhook_url"`
	// Token is a bot's token (xoxb-…) with the scope chat:write, which is enough to change messages, too; Find needs
	// more.
	Token notifier.Secret `yaml:"token"`
	// Channel is a channel's id, or its name with #. The bot must be a member.
	Channel string `yaml:"channel"`
	// Repeats says how a bot shows that an alert came again: edit (the default), thread or none.
	Repeats string `yaml:"repeats"`
	// APIURL is where the Web API is, if not at https://slack.com/api/.
	APIURL  string           `yaml:"api_url"`
	Network notifier.Network `yaml:"network"`
}

// Place is the channel as people know it, "#soc"; "" where only its id is known, or the webhook's secret.
func (c Config) Place() string {
	if strings.HasPrefix(c.Channel, "#") {
		return c.Channel
	}
	return ""
}

// HTTP are the settings of the HTTP client that the receiver needs.
func (c Config) HTTP() notifier.Network { return c.Network }

// Destinations are the servers that the receiver connects to, by the setting that names each, as far as it can be read.
func (c Config) Destinations(ctx context.Context) map[string]string {
	if c.WebhookURL.IsZero() {
		return map[string]string{"api_url": cmp.Or(c.APIURL, slack.APIURL)}
	}
	address, _ := c.WebhookURL.Read(ctx)
	return map[string]string{"webhook_url": address}
}

// SecretURLs are the secrets that are addresses: whoever knows a webhook's can post.
func (c Config) SecretURLs() []notifier.Secret { return []notifier.Secret{c.WebhookURL} }

// Validate reports every mistake in the settings, as FieldErrors. What secrets hold is looked at only where the
// config holds them itself; else Notify does.
func (c Config) Validate() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, &notifier.FieldError{Key: key, Message: fmt.Sprintf(format, args...)})
	}
	switch {
	case c.WebhookURL.IsZero() && c.Token.IsZero():
		bad("webhook_url", "is missing: give webhook_url, or token and channel")
	case !c.WebhookURL.IsZero() && !c.Token.IsZero():
		bad("token", "excludes webhook_url: keep the one that you want to post with")
	case !c.WebhookURL.IsZero() && c.Channel != "":
		bad("channel", "is of no use with webhook_url: a webhook posts to the channel that it was made for")
	case c.WebhookURL.IsZero() && c.Channel == "":
		bad("channel", `is missing: say where the bot posts, "#name" or a channel id`)
	case strings.ContainsAny(c.Channel, " \t\r\n"):
		bad("channel", `holds a blank: give "#name" or a channel id`)
	}
	switch c.Repeats {
	case "", repeatsNone:
	case repeatsEdit, repeatsThread:
		if !c.WebhookURL.IsZero() {
			bad("repeats", "%s needs token and channel: Slack does not tell a webhook which message it posted, so nothing can change or answer it; leave repeats out, or write none", c.Repeats)
		}
	default:
		bad("repeats", "%q is none of edit, thread, none", c.Repeats)
	}
	if v, ok := c.WebhookURL.Plain(); ok {
		if _, err := notifier.ParseURL(v); err != nil {
			bad("webhook_url", "is not a URL such as https://hooks.slack.com/services/T…/B…/…")
		}
	}
	if v, ok := c.Token.Plain(); ok {
		if strings.HasPrefix(v, "xapp-") {
			bad("token", "is an app-level token: give the bot token, which begins with xoxb-")
		} else if err := notifier.HeaderValue(v); err != nil {
			bad("token", "%v", err)
		}
	}
	if c.APIURL != "" {
		if _, err := notifier.ParseURL(c.APIURL); err != nil {
			bad("api_url", "is not a URL such as https://slack.com/api/")
		}
	}
	return errors.Join(append(errs, c.Network.Validate())...)
}
