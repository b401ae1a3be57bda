package config

import (
	"testing"

	"github.com/ossec-notify/ossec-notify/channel"
	"github.com/ossec-notify/ossec-notify/notifier"
)

// A request that holds several deliveries needs several under way, wherever its receiver comes from.
func TestReceiverOfOssecConfHasAsMuchUnderWayAsOneOfTheConfig(t *testing.T) {
	for name, call := range map[string]struct{ url, key string }{
		"slack":         {url: "https://hooks.slack.com/services/T0/B0/x"},
		"elasticsearch": {url: "https://es.example.com:9200", key: "a:b"},
		"loki":          {url: "https://loki.example.com:3100"},
		"splunk":        {url: "https://splunk.example.com:8088", key: "00000000-0000-4000-8000-000000000000"},
		"syslog":        {url: "tcp://siem.example.com:601"},
	} {
		kind, _ := channel.ByName(name)
		r, err := FromArgv(kind, call.url, call.key, nil)
		if err != nil {
			t.Fatal(name, err)
		}
		cfg, err := kind.FromArgv(call.url, notifier.PlainSecret(call.key))
		if err != nil {
			t.Fatal(name, err)
		}
		of, err := (&Receiver{Name: name, Channel: kind, Config: cfg}).build(connecting{})
		if err != nil {
			t.Fatal(name, err)
		}
		if r.Concurrency != of.Concurrency {
			t.Errorf("%s: %d attempts at once, %d by the config", name, r.Concurrency, of.Concurrency)
		}
	}
}
