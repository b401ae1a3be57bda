package preview

import (
	"fmt"
	"slices"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/family"
	"github.com/ossec-notify/ossec-notify/noise"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/rules"
)

// together are the messages about many alerts that preview can show.
var together = []string{string(digest.Scheduled), string(digest.Group)}

// previewID stands for the identity that a message about many alerts has.
const previewID = "d-0000000000000000"

// gathered is what one receiver would be told of many alerts.
type gathered struct {
	of      dispatch.Delivery // of the first of them
	builder *digest.Builder
	alerts  map[digest.Sample]*alert.Alert
}

// Gathering makes of the alerts that preview reads one message for each receiver, as noise control does.
type Gathering struct {
	kind      digest.Kind
	scale     alert.Scale
	always    bool        // receivers under always are examples
	receivers []*gathered // in the order in which they came
}

// NewGathering makes one of messages of the kind as: digest or group.
func NewGathering(as string, cfg *config.Config) (*Gathering, error) {
	if !slices.Contains(together, as) {
		near := ""
		if n := rules.Nearest(as, together); n != "" {
			near = fmt.Sprintf(": did you mean %q?", n)
		}
		return nil, fmt.Errorf("--as is digest or group, not %q%s", as, near)
	}
	return &Gathering{kind: digest.Kind(as), scale: cfg.Scale, always: cfg.Path == ""}, nil
}

// Add counts an alert for the receivers of its deliveries. Those that are told of everything are told of each alert, and are
// left out.
func (g *Gathering) Add(a *alert.Alert, deliveries []dispatch.Delivery) {
	severity, reading := g.scale.Severity(a.Rule.Level), family.Read(a)
	arrived := a.Time // what a file holds arrives now, all of it; when it happened is what would be told
	if arrived.IsZero() {
		arrived = a.Received
	}
	for _, x := range deliveries {
		if x.Route == rules.Always && !g.always {
			continue
		}
		i := slices.IndexFunc(g.receivers, func(y *gathered) bool { return y.of.Receiver == x.Receiver })
		if i < 0 {
			about := digest.Summary{Kind: g.kind, Route: x.Route}
			if p := x.Policy; g.kind == digest.Scheduled && p != nil && p.Digest != nil {
				about.Why = "every " + display.Span(p.Digest.Every)
			}
			i = len(g.receivers)
			g.receivers = append(g.receivers, &gathered{x, digest.New(about, nil), map[digest.Sample]*alert.Alert{}})
		}
		r := g.receivers[i]
		r.builder.Add(a, reading, severity, arrived, x.Occurrence)
		r.keep(digest.Sample{Identity: a.Identity(), Occurrence: x.Occurrence}, a)
	}
}

// keepMost is how many alerts are kept until those are left out that no message names.
const keepMost = 1000

func (g *gathered) keep(as digest.Sample, a *alert.Alert) {
	g.alerts[as] = a
	if len(g.alerts) < keepMost {
		return
	}
	named := map[digest.Sample]*alert.Alert{}
	for _, s := range g.builder.Summary().Samples {
		named[s] = g.alerts[s]
	}
	g.alerts = named
}

// delivery is the message of one receiver.
func (g *gathered) delivery(kind digest.Kind) dispatch.Delivery {
	x := dispatch.Delivery{
		ID: dispatch.DeliveryID(previewID, g.of.Receiver.Name, 1), Receiver: g.of.Receiver, Route: g.of.Route, Occurrence: 1,
		Identity: previewID, Summary: g.builder.Summary(), About: &noise.About{},
	}
	if kind != digest.Group {
		x.About.Action = notifier.Digest
	}
	for _, s := range x.Summary.Samples {
		if a := g.alerts[s]; a != nil {
			x.Alerts = append(x.Alerts, a)
		}
	}
	if len(x.Alerts) > 0 {
		x.Alert = x.Alerts[0]
	}
	return x
}

// Deliveries are the messages, as the deliverer makes them of what the outbox holds: one for each receiver, in the order in which these came.
func (g *Gathering) Deliveries() []dispatch.Delivery {
	var out []dispatch.Delivery
	for _, r := range g.receivers {
		out = append(out, r.delivery(g.kind))
	}
	return out
}
