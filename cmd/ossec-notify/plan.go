package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/door"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/templates"
	"github.com/ossec-notify/ossec-notify/templates/presets"
)

// callPlan is who gets the alert of a call.
type callPlan struct {
	deliveries []dispatch.Delivery
	argv       *dispatch.Receiver // the receiver that ossec.conf describes, if it is the one
	nobody     string             // the route that sends the alert to nobody on purpose, or ""
	fault      error              // why the name leads to nobody, where the default receivers are told instead; else nil
}

// planCall says who gets the alert of a call named NAME: the receiver of that name; or the receivers of that
// kind of channel that the routes choose; or, for "notify", all that they choose. What ossec.conf gives for
// key and URL serves where the config has no receiver for the name, and leads where egress permits. The config is nil
// where there is none to go by; then d has no receivers. A name that leads to nobody, such as that of a receiver which was
// renamed, is a mistake that must not cost the alert: it goes to the default receivers. Where there are none, the error
// says why it goes to nobody.
func planCall(d *dispatch.Dispatcher, cfg *config, egress *notifier.Egress, call door.Call, a *alert.Alert) (callPlan, error) {
	if d.Has(call.Name) {
		deliveries, err := d.PlanReceivers(a, call.Name)
		return callPlan{deliveries: deliveries}, err
	}
	if call.Name == "notify" {
		deliveries := d.Plan(a)
		return callPlan{deliveries: deliveries, nobody: d.Nobody(a, deliveries)}, nil
	}
	if cfg.hasKind(call.Name) {
		deliveries := d.PlanChannel(a, call.Name)
		return callPlan{deliveries: deliveries, nobody: d.Nobody(a, deliveries)}, nil
	}
	kind, ok := kindOfCall(call.Name)
	if !ok {
		return planDefault(d, a, noSuchName(cfg, call.Name))
	}
	r, err := argvReceiver(kind, call, egress)
	if err != nil {
		return planDefault(d, a, fmt.Errorf("the config has no receiver of kind %s, and ossec.conf gives none: %w", kind.called(), err))
	}
	return callPlan{deliveries: []dispatch.Delivery{d.PlanFor(a, r)}, argv: r}, nil
}

// planDefault is the plan for an alert whose call names nobody.
func planDefault(d *dispatch.Dispatcher, a *alert.Alert, fault error) (callPlan, error) {
	deliveries := d.PlanDefault(a)
	if len(deliveries) == 0 {
		return callPlan{}, fault
	}
	return callPlan{deliveries: deliveries, fault: fault}, nil
}

// noSuchName says that a program is called custom-NAME, and the config, which may be nil, has nobody of that name.
func noSuchName(cfg *config, name string) error {
	text := fmt.Sprintf("%q is no receiver of the config, no kind of channel and not notify", name)
	if near := rules.Nearest(name, callNames(cfg)); near != "" {
		text += fmt.Sprintf("; did you mean custom-%s?", near)
	}
	return errors.New(text)
}

// hasKind reports whether the config has a receiver of a kind: of a channel, or of a preset. The config may be nil.
func (c *config) hasKind(name string) bool {
	return c != nil && slices.ContainsFunc(c.Receivers, func(r *receiver) bool { return r.Channel.name == name || presetName(r.Config) == name })
}

// callNames are the names that a call may have, behind custom-.
func callNames(cfg *config) []string {
	names := slices.Concat([]string{"notify"}, channelNames(), presets.Names())
	if cfg != nil {
		for _, r := range cfg.all() {
			names = append(names, r.Name)
		}
	}
	return names
}

// argvReceiver makes a receiver of <api_key> and <hook_url>. Its name holds a hash of both, so that it is the
// same in every call and tells nothing.
func argvReceiver(kind channel, call door.Call, egress *notifier.Egress) (*dispatch.Receiver, error) {
	cfg, err := kind.argv(call.HookURL, notifier.PlainSecret(call.APIKey))
	if err != nil {
		var said []error
		for _, err := range split(err) {
			if e := (*missingElement)(nil); call.NoURL && errors.As(err, &e) && e.name == "hook_url" {
				err = errNoURL
			}
			said = append(said, err)
		}
		return nil, errors.Join(said...)
	}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	concurrency := cmp.Or(parallel(cfg), kind.concurrency, 1)
	n, err := cfg.build(buildOptions{egress: egress}.connect(concurrency))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(call.APIKey + "\n" + call.HookURL))
	set, err := withPreset(templates.Default(), cfg)
	if err != nil {
		return nil, err
	}
	return &dispatch.Receiver{
		Name:    fmt.Sprintf("argv-%s-%s", kind.called(), hex.EncodeToString(sum[:3])),
		Channel: kind.name, Preset: kind.preset, Notifier: n, Templates: set,
		Rate: kind.rate, Concurrency: concurrency, MaxAge: dispatch.DefaultMaxAge,
	}, nil
}
