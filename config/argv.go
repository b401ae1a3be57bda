package config

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/ossec-notify/ossec-notify/channel"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/templates"
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
