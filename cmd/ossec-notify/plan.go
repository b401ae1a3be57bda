package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/channel"
	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/door"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/rules"
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
func planCall(d *dispatch.Dispatcher, cfg *config.Config, egress *notifier.Egress, call door.Call, a *alert.Alert) (callPlan, error) {
	if d.Has(call.Name) {
		deliveries, err := d.PlanReceivers(a, call.Name)
		return callPlan{deliveries: deliveries}, err
	}
	if call.Name == "notify" {
		deliveries := d.Plan(a)
		return callPlan{deliveries: deliveries, nobody: d.Nobody(a, deliveries)}, nil
	}
	if hasKind(cfg, call.Name) {
		deliveries := d.PlanChannel(a, call.Name)
		return callPlan{deliveries: deliveries, nobody: d.Nobody(a, deliveries)}, nil
	}
	kind, ok := channel.ByCall(call.Name)
	if !ok {
		return planDefault(d, a, noSuchName(cfg, call.Name))
	}
	r, err := argvReceiver(kind, call, egress)
	if err != nil {
		return planDefault(d, a, fmt.Errorf("the config has no receiver of kind %s, and ossec.conf gives none: %w", kind.CalledAs(), err))
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
func noSuchName(cfg *config.Config, name string) error {
	text := fmt.Sprintf("%q is no receiver of the config, no kind of channel and not notify", name)
	if near := rules.Nearest(name, callNames(cfg)); near != "" {
		text += fmt.Sprintf("; did you mean custom-%s?", near)
	}
	return errors.New(text)
}

// hasKind reports whether a config has a receiver of a kind: of a channel, or of a preset. The config may be nil.
func hasKind(cfg *config.Config, name string) bool {
	return cfg != nil && slices.ContainsFunc(cfg.Receivers, func(r *config.Receiver) bool { return r.Channel.Name == name || r.Config.Preset() == name })
}

// callNames are the names that a call may have, behind custom-.
func callNames(cfg *config.Config) []string {
	names := slices.Concat([]string{"notify"}, channel.Names(), presets.Names())
	if cfg != nil {
		for _, r := range cfg.All() {
			names = append(names, r.Name)
		}
	}
	return names
}

// argvReceiver makes a receiver of the <api_key> and <hook_url> of a call.
func argvReceiver(kind channel.Kind, call door.Call, egress *notifier.Egress) (*dispatch.Receiver, error) {
	r, err := config.FromArgv(kind, call.HookURL, call.APIKey, egress)
	if err == nil || !call.NoURL {
		return r, err
	}
	var said []error
	for _, err := range notifier.Split(err) {
		if e := (*channel.MissingElement)(nil); errors.As(err, &e) && e.Name == "hook_url" {
			err = errNoURL
		}
		said = append(said, err)
	}
	return nil, errors.Join(said...)
}

// errNoURL is for a <hook_url> that is none. It may be a key that was written into the wrong element, so it is not shown.
var errNoURL = errors.New("<hook_url> in ossec.conf is no URL: it must begin with https://, http://, smtp://, smtps://, tcp://, tls://, udp://, unix:// or file:// (or a blank in <api_key> has moved it)")
