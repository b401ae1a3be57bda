package dispatch

import (
	"time"

	"github.com/ossec-notify/ossec-notify/outbox"
)

// entry is an arrival on its way into the outbox.
type entry struct {
	outbox.Arrival
	// waiting is how many of its deliveries are told by themselves, and now; quiet are those that are not. What noise control
	// makes of it is known when it was entered.
	waiting int
	quiet   []outbox.NewDelivery
}

// entry says how an arrival is entered: by noise control, unless nothing in it touches the alert. silenced: there are silences.
func (d *Deliverer) entry(a Arrival, silenced bool, now func() time.Time) *entry {
	e := &entry{Arrival: outbox.Arrival{
		Identity: a.Alert.Identity(), Record: a.Record, Arrived: a.Alert.Received, Time: a.Alert.Time,
		Severity: int(d.Site.Dispatcher().Scale.Severity(a.Alert.Rule.Level)), Rule: a.Alert.Rule.ID,
		Title: a.Alert.Rule.Description, Header: a.Header, Raw: a.Alert.Raw,
	}}
	if e.Arrived.IsZero() {
		e.Arrived = now()
	}
	if a.Again {
		e.Occurrence = outbox.NextOccurrence
	}
	if control, asked := d.control(), wants(a.Deliveries); !a.Direct && (silenced || !control.Idle(a.Alert, asked)) {
		e.Plan = func(tx *outbox.Tx, occurrence int, known bool) ([]outbox.NewDelivery, error) {
			planned, err := control.Plan(tx, a.Alert, occurrence, known, now(), asked)
			e.waiting, e.quiet = 0, nil // it may be called again
			for _, x := range planned {
				if x.State == "" {
					e.waiting++
				} else {
					e.quiet = append(e.quiet, x)
				}
			}
			return planned, err
		}
	} else {
		for _, x := range a.Deliveries {
			if x.After > 0 {
				continue
			}
			e.waiting++
			e.Deliveries = append(e.Deliveries, outbox.NewDelivery{
				Receiver: x.Receiver.Name, Channel: x.Receiver.Channel, Route: x.Route, Severity: e.Severity,
			})
		}
	}
	if a.Nobody != "" {
		e.Deliveries = append(e.Deliveries, outbox.NewDelivery{
			Receiver: Nobody, Route: a.Nobody, Severity: e.Severity,
			State: outbox.Suppressed, Reason: "route " + a.Nobody + " sends it to nobody",
		})
	} else if a.Astray != "" {
		e.Deliveries = append(e.Deliveries, outbox.NewDelivery{
			Receiver: Nobody, Severity: e.Severity, State: outbox.Suppressed, Reason: a.Astray,
		})
	}
	return e
}
