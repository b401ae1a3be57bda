package main

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/email"
	"github.com/ossec-notify/ossec-notify/notifier/pagerduty"
	"github.com/ossec-notify/ossec-notify/notifier/slack"
	"github.com/ossec-notify/ossec-notify/notifier/splunk"
	"github.com/ossec-notify/ossec-notify/notifier/webhook"
)

// channelConfig is the config of one channel, ready to be decoded into.
type channelConfig interface {
	Validate() error
	// build makes the notifier. Without a client it makes one by the config's own network settings.
	build(client *http.Client) (notifier.Notifier, error)
}

// channel is one kind of channel.
type channel struct {
	name string
	// config returns an empty config.
	config func() channelConfig
	// argv makes a config of what integratord passes: <api_key> and <hook_url>.
	argv func(key, hook string) (channelConfig, error)
}

// channels is the table of all channels: to add one, add a line (see CONTRIBUTING.md).
var channels = []channel{
	{"slack", func() channelConfig { return &slackConfig{} }, slackArgv},
	{"pagerduty", func() channelConfig { return &pagerdutyConfig{} }, pagerdutyArgv},
	{"webhook", func() channelConfig { return &webhookConfig{} }, webhookArgv},
	{"splunk", func() channelConfig { return &splunkConfig{} }, splunkArgv},
	{"email", func() channelConfig { return &emailConfig{} }, emailArgv},
}

func channelByName(name string) (channel, bool) {
	for _, c := range channels {
		if c.name == name {
			return c, true
		}
	}
	return channel{}, false
}

func channelNames() []string {
	var names []string
	for _, c := range channels {
		names = append(names, c.name)
	}
	return names
}
