package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/noise"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/webhook"
	"github.com/ossec-notify/ossec-notify/sample"
)

// checkTemplates renders the built-in samples for every receiver, the first of them in every severity: a template may say of what is
// critical what it says of nothing else.
func checkTemplates(cfg *config.Config, d *dispatch.Dispatcher) []finding {
	var found []finding
	said := map[string]bool{}
	for i, name := range sample.Names() {
		a, err := sample.Alert(name)
		if err != nil {
			continue
		}
		a = cfg.Enrich.WithoutDNS().Enrich(a)
		for _, r := range cfg.Receivers {
			to := d.Receivers[r.Name]
			if to == nil { // it could not be made, which has been said
				continue
			}
			messages := checkedMessages(r, to, a)
			if i == 0 {
				messages = append(messages, inEverySeverity(cfg.Scale, to, a)...)
			}
			for _, x := range messages {
				n, err := d.Notification(x.Delivery)
				seen := fmt.Sprintf("seen with the sample %s%s", name, x.what)
				if c, ok := to.Notifier.(notifier.Cautious); ok && err == nil && !said[r.Name] { // what was made differs with each alert
					if caution := c.Caution(n); caution != nil {
						f := findingAbout(r, fmt.Errorf("%w (%s)", caution, seen), exitDone)
						f.Warning, said[r.Name] = true, true
						found = append(found, f)
					}
				}
				if err == nil || said[r.Name+err.Error()] || misfits(r, err) {
					continue
				}
				said[r.Name+err.Error()] = true
				if p, ok := cfg.PresetProblem(r, err); ok {
					if place := fmt.Sprintf("%s:%d", p.File, p.Line); !said[place] { // what was made differs with each alert
						p.Message += " (" + seen + ")"
						found, said[place] = append(found, finding{Problem: p, code: exitUsage, receiver: r.Name}), true
					}
					continue
				}
				found = append(found, findingAbout(r, fmt.Errorf("%w (%s)", err, seen), exitUsage))
			}
		}
	}
	return append(found, checkNames(cfg, d)...)
}

// misfits reports that a template fails for a setting of its preset that checkForms has told of.
func misfits(r *config.Receiver, err error) bool {
	hook, ok := r.Config.Settings().(*webhook.Config)
	return ok && slices.ContainsFunc(hook.Misfits(context.Background()), func(told error) bool {
		field := (*notifier.FieldError)(nil)
		return errors.As(told, &field) && strings.Contains(err.Error(), field.Key)
	})
}

// checkedMessage is a message that check makes of a sample.
type checkedMessage struct {
	dispatch.Delivery
	what string // became of the alert, behind its name
}

// inEverySeverity are the messages that a receiver would be sent if a sample had other levels.
func inEverySeverity(scale alert.Scale, to *dispatch.Receiver, a *alert.Alert) []checkedMessage {
	var all []checkedMessage
	for _, severity := range []alert.Severity{alert.Critical, alert.High, alert.Medium, alert.Low, alert.Info} {
		other := *a
		other.Rule.Level = scale.Begin(severity)
		all = append(all, checkedMessage{dispatch.Delivery{Alert: &other, Receiver: to, Occurrence: 1}, ", if it were " + severity.String()})
	}
	return all
}

// checkedMessages are those that a receiver may be sent about a sample: where its preset is the operator's, also what becomes of it, which
// presets may say with bodies of their own.
func checkedMessages(r *config.Receiver, to *dispatch.Receiver, a *alert.Alert) []checkedMessage {
	x := dispatch.Delivery{Alert: a, Receiver: to, Occurrence: 1}
	all := []checkedMessage{{x, ""}}
	hook, ok := r.Config.Settings().(*webhook.Config)
	if !ok || hook.LoadedPreset() == nil || hook.LoadedPreset().Embedded {
		return all
	}
	for _, became := range []struct {
		what  string
		about noise.About
	}{
		{", taken", noise.About{Action: notifier.Acknowledge, Taken: &noise.Taken{By: "NAME", Via: "command line", At: a.Received}}},
		{", over", noise.About{Action: notifier.Resolve, Resolved: &noise.Resolved{After: time.Hour}}},
	} {
		if became.about.Opened = a.Received; notifier.Follows(to.Notifier, became.about.Action) {
			x.About = &became.about
			all = append(all, checkedMessage{x, became.what})
		}
	}
	return all
}
