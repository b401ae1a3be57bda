package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"time"

	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/display"
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
)

// channels is the table of all channels, and the one place that names them: to add a channel, write its package
// and its template and add a line (CONTRIBUTING.md).
var channels = []channel{
	overHTTP("slack", slack.New, slackArgv, slack.Config{WebhookURL: notifier.PlainSecret("https://hooks.slack.com/services/EXAMPLE")}).limited(dispatch.Rate{Count: 1, Per: time.Second, Burst: 4}).writes(slack.Markup).answered(),
	overHTTP("pagerduty", pagerduty.New, pagerdutyArgv, pagerduty.Config{RoutingKey: notifier.PlainSecret("00000000000000000000000000000000")}).limited(dispatch.Rate{Count: 120, Per: time.Minute, Burst: 20}).paging(),
	overHTTP("webhook", webhook.New, webhookArgv, webhook.Config{URL: notifier.PlainSecret("https://example.com/hook")}).takesJSON().parallel(8),
	overHTTP("splunk", splunk.New, splunkArgv, splunk.Config{URLs: []string{"https://splunk.example.com:8088"}, Token: notifier.PlainSecret("00000000-0000-0000-0000-000000000000")}).takesJSON().parallel(8),
	overHTTP("elasticsearch", elasticsearch.New, elasticsearchArgv, elasticsearch.Config{URL: []string{"https://elasticsearch.example.com:9200"}, APIKey: notifier.PlainSecret("00000000000000000000000000000000")}).takesJSON(),
	overHTTP("loki", loki.New, lokiArgv, loki.Config{URL: []string{"https://loki.example.com:3100"}}).takesJSON(),
	other("email", email.New, emailArgv, email.Config{SMTP: "smtp://localhost", From: "ossec@example.com", To: email.Addresses{"root@example.com"}}).answered(),
	other("file", file.New, fileArgv, file.Config{Path: "/var/log/ossec-notify/alerts.json"}).takesJSON(),
	other("syslog", syslog.New, syslogArgv, syslog.Config{Address: "tcp://siem.example.com:601"}).takesJSON(),
	other("command", command.New, commandArgv, command.Config{Run: []string{"/usr/local/bin/runbook"}}).takesJSON(),
}

// channel is one kind of channel.
type channel struct {
	name string
	// config returns an empty config to decode into.
	config func() channelConfig
	// argv makes a config of <hook_url> and <api_key>.
	argv func(hookURL string, apiKey notifier.Secret) (channelConfig, error)
	// example makes a config for previews where there is none.
	example func() channelConfig
	// json: a receiver's template may be JSON.
	json bool
	// markup is what the words of its messages are written in; nil for plain text.
	markup display.Markup
	// pages: its messages wake people, so that none is held back unless somebody says so.
	pages bool
	// answers: people read its messages where they can follow a link, and take an alert by it.
	answers bool
	// rate and concurrency hold where a receiver sets none: what the vendor takes, and how many attempts at once.
	rate        dispatch.Rate
	concurrency int
	preset      string // the preset that a call means by its name; see kindOfCall
}

// limited sets what the vendor takes.
func (c channel) limited(r dispatch.Rate) channel {
	c.rate = r
	return c
}

// paging says that its messages are pages.
func (c channel) paging() channel {
	c.pages = true
	return c
}

// answered says that people can answer its messages by a link.
func (c channel) answered() channel {
	c.answers = true
	return c
}

// parallel sets how many attempts run at once; the order of messages is then not kept.
func (c channel) parallel(n int) channel {
	c.concurrency = n
	return c
}

// writes sets the markup of its messages.
func (c channel) writes(m display.Markup) channel {
	c.markup = m
	return c
}

func (c channel) takesJSON() channel {
	c.json = true
	return c
}

// channelConfig is the config of one receiver's channel.
type channelConfig interface {
	Validate() error
	// settings is the channel's own Config, as a pointer.
	settings() any
	// withSecrets is a copy, with every secret replaced by what f makes of it.
	withSecrets(f func(notifier.Secret) notifier.Secret) channelConfig
	// build makes the notifier, whose connections are all made by connect.
	build(connect connect) (notifier.Notifier, error)
}

// connect makes the connections of one receiver.
type connect struct {
	client func(notifier.Network) (*http.Client, error) // for channels over HTTP
	dial   notifier.Dial                                // for the others
}

// validator is what every channel's Config has.
type validator interface{ Validate() error }

// networked is what the Config of a channel over HTTP has.
type networked interface {
	validator
	HTTP() notifier.Network
}

// overHTTP is a channel that makes HTTP requests.
func overHTTP[C networked, N notifier.Notifier](name string, make func(C, *http.Client) (N, error), argv func(string, notifier.Secret) (C, error), example C) channel {
	return newChannel(name, argv, example, func(cfg C, connect connect) (notifier.Notifier, error) {
		client, err := connect.client(cfg.HTTP())
		if err != nil {
			return nil, err
		}
		return make(cfg, client)
	})
}

// other is a channel with a transport of its own.
func other[C validator, N notifier.Notifier](name string, make func(C, notifier.Dial) (N, error), argv func(string, notifier.Secret) (C, error), example C) channel {
	return newChannel(name, argv, example, func(cfg C, connect connect) (notifier.Notifier, error) { return make(cfg, connect.dial) })
}

func newChannel[C validator](name string, argv func(string, notifier.Secret) (C, error), example C, make func(C, connect) (notifier.Notifier, error)) channel {
	return channel{
		name:   name,
		config: func() channelConfig { return &typedConfig[C]{make: make} },
		argv: func(hookURL string, apiKey notifier.Secret) (channelConfig, error) {
			cfg, err := argv(hookURL, apiKey)
			return &typedConfig[C]{cfg, make}, err
		},
		example: func() channelConfig { return &typedConfig[C]{example, make} },
	}
}

// typedConfig is the Config of one channel with what makes its notifier.
type typedConfig[C validator] struct {
	Config C
	make   func(C, connect) (notifier.Notifier, error)
}

func (c *typedConfig[C]) Validate() error { return c.Config.Validate() }
func (c *typedConfig[C]) settings() any   { return &c.Config }
func (c *typedConfig[C]) build(connect connect) (notifier.Notifier, error) {
	return c.make(c.Config, connect)
}

func (c *typedConfig[C]) withSecrets(f func(notifier.Secret) notifier.Secret) channelConfig {
	copied := replaceSecrets(reflect.ValueOf(c.Config), f).Interface().(C)
	return &typedConfig[C]{copied, c.make}
}

// replaceSecrets is a copy of v that shares nothing with it, with every secret replaced by what f makes of it.
func replaceSecrets(v reflect.Value, f func(notifier.Secret) notifier.Secret) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(replaceSecrets(v.Elem(), f))
		}
	case reflect.Struct:
		if s, ok := v.Interface().(notifier.Secret); ok {
			out.Set(reflect.ValueOf(f(s)))
			return out
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				out.Field(i).Set(replaceSecrets(v.Field(i), f))
			}
		}
	case reflect.Map:
		if !v.IsNil() {
			out.Set(reflect.MakeMap(v.Type()))
			for _, k := range v.MapKeys() {
				out.SetMapIndex(k, replaceSecrets(v.MapIndex(k), f))
			}
		}
	case reflect.Slice:
		if !v.IsNil() {
			out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
			for i := range v.Len() {
				out.Index(i).Set(replaceSecrets(v.Index(i), f))
			}
		}
	}
	return out
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

// What a channel's Config may say of itself beside, and what it means where it does not.

// bodyTemplate is the template file that makes the body, or "".
func bodyTemplate(c channelConfig) string {
	if c, ok := c.settings().(interface{ BodyTemplate() string }); ok {
		return c.BodyTemplate()
	}
	return ""
}

// takesTemplate says why a template of the receiver's would have no effect, or nil.
func takesTemplate(c channelConfig) error {
	if c, ok := c.settings().(interface{ TakesTemplate() error }); ok {
		return c.TakesTemplate()
	}
	return nil
}

// templateSettings are the settings that are templates, each the text of the part that has its name.
func templateSettings(c channelConfig) map[string]string {
	if c, ok := c.settings().(interface{ TemplateSettings() map[string]string }); ok {
		return c.TemplateSettings()
	}
	return nil
}

// parallel is how many attempts run at once where the receiver does not say, or 0: who puts several deliveries into a
// request needs as many.
func parallel(c channelConfig) int {
	if c, ok := c.settings().(interface{ Parallel() int }); ok {
		return c.Parallel()
	}
	return 0
}

// unbatched makes a config send each delivery by itself, without waiting for others.
func unbatched(c channelConfig) {
	if c, ok := c.settings().(interface{ Unbatched() }); ok {
		c.Unbatched()
	}
}

// attemptTime is how long an attempt takes at most where the channel knows, or 0.
func attemptTime(c channelConfig) time.Duration {
	if c, ok := c.settings().(interface{ Attempt() time.Duration }); ok {
		return c.Attempt()
	}
	return 0
}

// reports are the receivers that are told how the program of a receiver ended.
func reports(c channelConfig) []string {
	if c, ok := c.settings().(interface{ Reports() []string }); ok {
		return c.Reports()
	}
	return nil
}

// secretURLs are the secrets that are addresses.
func secretURLs(c channelConfig) []notifier.Secret {
	urls := []notifier.Secret{network(c).Proxy}
	if c, ok := c.settings().(interface{ SecretURLs() []notifier.Secret }); ok {
		urls = append(urls, c.SecretURLs()...)
	}
	return urls
}

// openSecrets are the settings that could hold secrets, and hold none.
func openSecrets(c channelConfig) []notifier.Secret {
	var open []notifier.Secret
	if n := network(c); n.ProxyIsOpen() {
		open = append(open, n.Proxy)
	}
	if c, ok := c.settings().(interface{ OpenSecrets() []notifier.Secret }); ok {
		open = append(open, c.OpenSecrets()...)
	}
	return open
}

// destinations are the servers that a receiver connects to, by the setting that names each.
func destinations(ctx context.Context, c channelConfig) map[string]string {
	if c, ok := c.settings().(interface {
		Destinations(context.Context) map[string]string
	}); ok {
		return c.Destinations(ctx)
	}
	return nil
}

// network are the settings of a channel's HTTP client; of a channel that has none, none.
func network(c channelConfig) notifier.Network {
	if c, ok := c.settings().(networked); ok {
		return c.HTTP()
	}
	return notifier.Network{}
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
		return &missingElement{element}
	}
	return nil
}

// missingElement is an element of ossec.conf that a channel cannot do without.
type missingElement struct{ name string }

func (e *missingElement) Error() string { return fmt.Sprintf("<%s> is missing in ossec.conf", e.name) }

// errNoURL is for a <hook_url> that is none. It may be a key that was written into the wrong element, so it is not shown.
var errNoURL = errors.New("<hook_url> in ossec.conf is no URL: it must begin with https://, http://, smtp://, smtps://, tcp://, tls://, udp://, unix:// or file:// (or a blank in <api_key> has moved it)")

// settingsValue is the channel's Config for decoding.
func settingsValue(c channelConfig) reflect.Value { return reflect.ValueOf(c.settings()).Elem() }
