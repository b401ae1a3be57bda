package pagerduty

import "github.com/ossec-notify/ossec-notify/notifier"

// HTTP are the settings of the HTTP client that the receiver needs.
func (c Config) HTTP() notifier.Network { return notifier.Network{Proxy: c.Proxy} }
