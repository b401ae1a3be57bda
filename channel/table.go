// Package channel owns which channels there are: their table, what a call by integratord means to each, and what the Config of
// any can be asked without knowing whose it is.
//
// It does not read the config file, makes no receivers, and knows nothing of alerts.
package channel

import (
	"errors"
	"slices"
	"time"

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
	"github.com/ossec-notify/ossec-notify/oncall"
)

// table holds all channels, and is the one place that names them: to add a channel, write its package and its template and add
// a line (CONTRIBUTING.md).
var table = []Kind{
	overHTTP("slack", slack.New, slackArgv, slack.Config{WebhookURL: notifier.PlainSecret("https://hooks.slack.com/services/EXAMPLE")}).limited(dispatch.Rate{Count: 1, Per: time.Second, Burst: 4}).writes(slack.Markup).answered(),
	overHTTP("pagerduty", pagerduty.New, pagerdutyArgv, pagerduty.Config{RoutingKey: notifier.PlainSecret("00000000000000000000000000000000")}).limited(dispatch.Rate{Count: 120, Per: time.Minute, Burst: 20}).paging(),
	overHTTP("webhook", webhook.New, webhookArgv, webhook.Config{URL: notifier.PlainSecret("https://example.com/hook")}).takesJSON().parallel(8),
	overHTTP("splunk", splunk.New, splunkArgv, splunk.Config{URLs: []string{"https://splunk.example.com:8088"}, Token: notifier.PlainSecret("00000000-0000-0000-0000-000000000000")}).takesJSON().parallel(8),
	overHTTP("elasticsearch", elasticsearch.New, elasticsearchArgv, elasticsearch.Config{URL: []string{"https://elasticsearch.example.com:9200"}, APIKey: notifier.PlainSecret("00000000000000000000000000000000")}).takesJSON(),
	overHTTP("loki", loki.New, lokiArgv, loki.Config{URL: []string{"https://loki.example.com:3100"}}).takesJSON(),
	other("email", email.New, emailArgv, email.Config{SMTP: "smtp://localhost", From: "ossec@example.com", To: email.Addresses{"root@example.com"}}).answered(),
	other("file", file.New, fileArgv, file.Config{Path: "/var/log/ossec-notify/alerts.json"}).takesJSON(),
	other("syslog", syslog.New, syslogArgv, syslog.Config{Address: "tcp://siem.example.com:601"}).takesJSON().parallel(8),
	other("command", command.New, commandArgv, command.Config{Run: []string{"/usr/local/bin/runbook"}}).takesJSON(),
}

// aliases are the kinds of receivers that send nothing themselves, but stand for others. In the config they are written as
// channels are; nothing else of a channel holds for them.
var aliases = []Kind{
	{Name: "oncall", config: func() *Config { return configOf(new(oncall.Config), sendsNothing[oncall.Config]) }},
}

func sendsNothing[C any](C, Connect) (notifier.Notifier, error) {
	return nil, errors.New("stands for other receivers, and sends nothing itself")
}

// All are the channels, in the order in which people read of them.
func All() []Kind { return slices.Clone(table) }

// Aliases are the kinds of receivers that send nothing themselves, but stand for others.
func Aliases() []Kind { return slices.Clone(aliases) }

// Names are those of all channels.
func Names() []string { return namesOf(table) }

func namesOf(kinds []Kind) []string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.Name)
	}
	return names
}

// ByName is the channel of a name.
func ByName(name string) (Kind, bool) { return find(table, name) }

func find(kinds []Kind, name string) (Kind, bool) {
	for _, k := range kinds {
		if k.Name == name {
			return k, true
		}
	}
	return Kind{}, false
}
