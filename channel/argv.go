package channel

import (
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/command"
	"github.com/ossec-notify/ossec-notify/notifier/elasticsearch"
	"github.com/ossec-notify/ossec-notify/notifier/email"
	"github.com/ossec-notify/ossec-notify/notifier/file"
	"github.com/ossec-notify/ossec-notify/notifier/loki"
	"github.com/ossec-notify/ossec-notify/notifier/pagerduty"
	"github.com/ossec-notify/ossec-notify/notifier/slack"
	"github.com/ossec-notify/ossec-notify/notifier/splunk"
	"github.com/ossec-notify/ossec-notify/notifier/syslog"
	"github.com/ossec-notify/ossec-notify/notifier/webhook"
	"github.com/ossec-notify/ossec-notify/templates/presets"
)

// ByCall is the kind of channel that a call by integratord may mean by a name: a channel, or one of our presets.
func ByCall(name string) (Kind, bool) {
	if c, ok := ByName(name); ok {
		return c, true
	}
	p := presets.Embedded(name)
	if p == nil {
		return Kind{}, false
	}
	c, _ := ByName("webhook")
	c.Preset, c.Concurrency = p.Name, p.Concurrency
	if c.Rate, _ = dispatch.ParseRate(p.Rate); p.Rate == "" {
		c.Rate = dispatch.Rate{}
	}
	c.argv = func(hookURL string, apiKey notifier.Secret) (*Config, error) {
		cfg, err := presetArgv(p, hookURL, apiKey)
		return configOf(&cfg, withClient(webhook.New)), err
	}
	return c, true
}

// What integratord's two arguments mean to each channel.

func slackArgv(hookURL string, _ notifier.Secret) (slack.Config, error) {
	return slack.Config{WebhookURL: notifier.PlainSecret(hookURL)}, need("hook_url", hookURL)
}

func pagerdutyArgv(hookURL string, apiKey notifier.Secret) (pagerduty.Config, error) {
	return pagerduty.Config{RoutingKey: apiKey, Endpoint: hookURL}, need("api_key", apiKey.String())
}

func webhookArgv(hookURL string, apiKey notifier.Secret) (webhook.Config, error) {
	return webhook.Config{URL: notifier.PlainSecret(hookURL), BearerToken: apiKey}, need("hook_url", hookURL)
}

func splunkArgv(hookURL string, apiKey notifier.Secret) (splunk.Config, error) {
	return splunk.Config{URLs: []string{hookURL}, Token: apiKey}, errors.Join(need("hook_url", hookURL), need("api_key", apiKey.String()))
}

// login is what <hook_url> and <api_key> say of a server that several schemes open: with a user in the URL the key is the
// password, else it is a token.
func login(hookURL string, apiKey notifier.Secret) (server string, basic *notifier.BasicAuth, token notifier.Secret) {
	u, err := url.Parse(hookURL)
	if err != nil || u.User == nil {
		return hookURL, nil, apiKey
	}
	basic = &notifier.BasicAuth{Username: u.User.Username(), Password: apiKey}
	if password, ok := u.User.Password(); ok && apiKey.IsZero() {
		basic.Password = notifier.PlainSecret(password)
	}
	u.User = nil
	return u.String(), basic, notifier.Secret{}
}

func elasticsearchArgv(hookURL string, apiKey notifier.Secret) (elasticsearch.Config, error) {
	server, basic, token := login(hookURL, apiKey)
	return elasticsearch.Config{URL: []string{server}, BasicAuth: basic, APIKey: token}, need("hook_url", hookURL)
}

func lokiArgv(hookURL string, apiKey notifier.Secret) (loki.Config, error) {
	server, basic, token := login(hookURL, apiKey)
	return loki.Config{URL: []string{server}, BasicAuth: basic, BearerToken: token}, need("hook_url", hookURL)
}

func emailArgv(hookURL string, apiKey notifier.Secret) (email.Config, error) {
	if err := need("hook_url", hookURL); err != nil {
		return email.Config{}, err
	}
	return email.ConfigFromURL(hookURL, apiKey)
}

func fileArgv(hookURL string, _ notifier.Secret) (file.Config, error) {
	if err := need("hook_url", hookURL); err != nil {
		return file.Config{}, err
	}
	return file.ConfigFromURL(hookURL)
}

func syslogArgv(hookURL string, _ notifier.Secret) (syslog.Config, error) {
	if err := need("hook_url", hookURL); err != nil {
		return syslog.Config{}, err
	}
	return syslog.ConfigFromURL(hookURL)
}

// commandArgv: what is run is for the config to say, not for an argument that every user of the host can see.
func commandArgv(string, notifier.Secret) (command.Config, error) {
	return command.Config{}, errors.New("no program can be named in ossec.conf: write a receiver with command: {run: [PROGRAM]} into the config")
}

func need(element, value string) error {
	if value == "" {
		return &MissingElement{element}
	}
	return nil
}

// MissingElement is an element of ossec.conf that a channel cannot do without.
type MissingElement struct {
	Name string // hook_url or api_key
}

func (e *MissingElement) Error() string { return fmt.Sprintf("<%s> is missing in ossec.conf", e.Name) }

// presetArgv is what ossec.conf's two elements mean to a preset: <hook_url> its address, <api_key> the first secret that it
// cannot do without, or, where there is none, the first that it takes.
func presetArgv(p *presets.Preset, hookURL string, apiKey notifier.Secret) (webhook.Config, error) {
	cfg := webhook.Config{Preset: p.Name}
	cfg.UsePreset(p)
	var errs []error
	if url, takes := p.Setting("url"); takes {
		cfg.URL = notifier.PlainSecret(hookURL)
		if url.Required {
			errs = append(errs, need("hook_url", hookURL))
		}
	}
	secret := func(required bool) int {
		return slices.IndexFunc(p.Settings, func(s presets.Setting) bool { return s.Name != "url" && s.Secret && s.Required == required })
	}
	i := secret(true)
	if i >= 0 {
		errs = append(errs, need("api_key", apiKey.String()))
	} else if !apiKey.IsZero() {
		i = secret(false)
	}
	if i >= 0 {
		cfg.Settings = map[string]notifier.Secret{p.Settings[i].Name: apiKey}
	}
	for k, s := range p.Settings {
		if s.Name != "url" && s.Required && k != i {
			errs = append(errs, fmt.Errorf("the preset %s needs %s, which ossec.conf cannot give: write a receiver into the config", p.Name, s.Name))
		}
	}
	return cfg, errors.Join(errs...)
}
