package dispatch

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/noise"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
)

// A receiver whose channel runs a program has others that are told how that ended: a message of their own, below the one about
// the alert where their channel can. It is entered with what came of the delivery, in one transaction, so that it comes once,
// and neither before nor instead of that. It is no alert: nothing counts it, nothing escalates it, and no page is made of it.

// ReportKind begins the kinds of these messages: "ran block 1" is that of the first attempt, "ran block 1, resolve" that of one
// that was about the alert's end.
const ReportKind = "ran "

// reportOf is what a report must know.
func reportOf(ran *notifier.Ran) *noise.About {
	return &noise.About{Action: notifier.Report, Ran: ran}
}

// reports are the messages about what a program did for a delivery that has come to its end; none where it is tried again.
func (d *Deliverer) reports(r *Receiver, x outbox.Delivery, result outbox.Result, ran *notifier.Ran) []outbox.NewDelivery {
	if ran == nil || result.State == outbox.Pending {
		return nil
	}
	var out []outbox.NewDelivery
	for _, name := range r.Report {
		to := d.Site.Receiver(name)
		if to == nil || !notifier.Follows(to.Notifier, notifier.Report) {
			continue
		}
		route, _ := splitFallback(x.Route)
		kind := fmt.Sprintf("%s%s %d", ReportKind, r.Name, x.Attempts+1)
		if x.Kind != "" {
			kind += ", " + x.Kind
		}
		out = append(out, outbox.NewDelivery{Receiver: name, Channel: to.Channel, Route: route, Severity: x.Severity,
			Kind: kind, About: reportOf(ran).Text()})
	}
	return out
}

// opened is when the incident of an alert began for a receiver, whose messages about that alert these are: what is said below
// the first is of the same thread.
func opened(first []outbox.Delivery) time.Time {
	for _, x := range first {
		if strings.HasPrefix(x.Kind, ReportKind) {
			continue
		}
		if about, err := noise.ParseAbout(x.About); err == nil && about != nil && !about.Opened.IsZero() {
			return about.Opened
		}
	}
	return time.Time{}
}

// reportsInMemory are the same where there is no outbox.
func (d *Dispatcher) reportsInMemory(o Outcome) []Delivery {
	ran := o.Receipt.Ran
	if ran == nil {
		return nil
	}
	var out []Delivery
	for _, name := range o.Delivery.Receiver.Report {
		to := d.Receivers[name]
		if to == nil || !notifier.Follows(to.Notifier, notifier.Report) {
			continue
		}
		x := o.Delivery
		x.ID, x.Receiver, x.About = DeliveryID(x.Alert.Identity(), name+"\n"+ReportKind+x.Receiver.Name, x.Occurrence), to, reportOf(ran)
		x.PossibleRepeat, x.Instead, x.Late, x.Earlier = false, "", 0, nil
		out = append(out, x)
	}
	return out
}

// ReportOf is the kind of a delivery that has no outbox and tells how a program ended; "" for another.
func ReportOf(x Delivery) string {
	if x.About == nil || x.About.Ran == nil {
		return ""
	}
	return ReportKind + x.About.Ran.Receiver
}

// IsReported reports whether one of the receivers tells this one of its programs: what its service gives back for the message
// about an alert is kept then.
func IsReported(receivers map[string]*Receiver, name string) bool {
	for _, r := range receivers {
		if slices.Contains(r.Report, name) {
			return true
		}
	}
	return false
}
