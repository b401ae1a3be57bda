package config

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/ossec-notify/ossec-notify/channel"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/templates"
	"github.com/ossec-notify/ossec-notify/templates/presets"
)

// FromArgv makes a receiver of what ossec.conf gives to a call of a kind: <hook_url> and <api_key>. Its name holds a hash of
// both, so that it is the same in every call and tells nothing. Its connections lead where egress permits.
func FromArgv(kind channel.Kind, hookURL, apiKey string, egress *notifier.Egress) (*dispatch.Receiver, error) {
	cfg, err := kind.FromArgv(hookURL, notifier.PlainSecret(apiKey))
	if err != nil {
		return nil, err
	}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	concurrency := cmp.Or(cfg.Parallel(), kind.Concurrency, 1)
	n, err := cfg.Build(connecting{egress: egress}.connect(concurrency))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(apiKey + "\n" + hookURL))
	set, err := withPreset(templates.Default(), cfg)
	if err != nil {
		return nil, err
	}
	return &dispatch.Receiver{
		Name:    fmt.Sprintf("argv-%s-%s", kind.CalledAs(), hex.EncodeToString(sum[:3])),
		Channel: kind.Name, Preset: kind.Preset, Notifier: n, Templates: set,
		Rate: kind.Rate, Concurrency: concurrency, MaxAge: dispatch.DefaultMaxAge,
	}, nil
}

// NoSuchName says that a program is called custom-NAME, and the config, which may be nil, has nobody of that name.
func (c *Config) NoSuchName(name string) error {
	text := fmt.Sprintf("%q is no receiver of the config, no kind of channel and not notify", name)
	if near := rules.Nearest(name, c.callNames()); near != "" {
		text += fmt.Sprintf("; did you mean custom-%s?", near)
	}
	return errors.New(text)
}

// HasKind reports whether a config has a receiver of a kind: of a channel, or of a preset. The config may be nil.
func (c *Config) HasKind(name string) bool {
	return c != nil && slices.ContainsFunc(c.Receivers, func(r *Receiver) bool { return r.Channel.Name == name || r.Config.Preset() == name })
}

// callNames are the names that a call may have, behind custom-.
func (c *Config) callNames() []string {
	names := slices.Concat([]string{"notify"}, channel.Names(), presets.Names())
	if c != nil {
		for _, r := range c.All() {
			names = append(names, r.Name)
		}
	}
	return names
}
