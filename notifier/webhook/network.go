package webhook

import "github.com/ossec-notify/ossec-notify/notifier"

// HTTP are the settings of the HTTP client that the receiver needs.
func (c Config) HTTP() notifier.Network { return c.Network }

// Preset reports whether Body names a preset rather than a template file.
func (c Config) Preset() bool { return c.Body == "" || c.Body == BodyJSON || c.Body == BodyRaw }
