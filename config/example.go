package config

import (
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/channel"
)

// Example has a receiver of every channel, named after it, that gets every alert.
func Example() *Config {
	cfg := &Config{Scale: alert.DefaultScale, Zone: time.Local}
	for _, c := range channel.All() {
		name := c.Name + "-example"
		cfg.Receivers = append(cfg.Receivers, &Receiver{Name: name, Channel: c, Config: c.Example()})
		cfg.Table.Always = append(cfg.Table.Always, name)
	}
	return cfg
}
