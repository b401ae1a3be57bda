package site

import (
	"errors"
	"fmt"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/channel"
	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/door"
	"github.com/ossec-notify/ossec-notify/notifier"
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
	if cfg.HasKind(call.Name) {
		deliveries := d.PlanChannel(a, call.Name)
		return callPlan{deliveries: deliveries, nobody: d.Nobody(a, deliveries)}, nil
	}
	kind, ok := channel.ByCall(call.Name)
	if !ok {
		return planDefault(d, a, cfg.NoSuchName(call.Name))
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
