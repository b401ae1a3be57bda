package outbox

import (
	"strings"
	"time"
	"unicode/utf8"
)

// Alert is an alert as it was accepted. Times are in UTC and whole microseconds.
type Alert struct {
	// Identity and Occurrence name it. Occurrence counts from 1; `send` makes a new one each time.
	Identity   string
	Occurrence int
	// Arrived is when it came in, Time is its own.
	Arrived, Time time.Time
	Severity      int
	// Rule and Title are what a list shows of it.
	Rule, Title string
	// Header (how it came) and Raw (its bytes) are the caller's own. [DB.Find] leaves them out.
	Header, Raw []byte
}

// Delivery is one alert for one receiver.
type Delivery struct {
	// Seq names the delivery within this file, for [Result].
	Seq int64
	// ID names it to people and to receivers; see [Options.DeliveryID].
	ID       string
	Alert    Alert
	Receiver string
	Channel  string
	Route    string
	Severity int
	State    State
	// Reason says why it is in its state; of one that is tried again, what the last attempt failed with.
	Reason string
	// Kind, Bundle, Notes and About are as in [NewDelivery].
	Kind, Bundle, Notes, About string
	// Receipt is how the service calls the message that it took, where [Result.Receipt] said it.
	Receipt string
	// Queued is when it got its place in the queue; its age counts from here.
	Queued time.Time
	// Due is the time before which it stays where it is; zero when there is none.
	Due time.Time
	// Changed is when it came into its state.
	Changed  time.Time
	Attempts int
	// Ambiguous: a message was sent, and nobody knows whether it arrived.
	Ambiguous bool
}

// Limits on what is kept of an attempt, in bytes. What is longer is cut.
const (
	MaxAnswer  = 4 << 10
	MaxRequest = 64 << 10
)

// Attempt is one try at a delivery. It must hold no secret.
type Attempt struct {
	Started  time.Time
	Duration time.Duration
	// Status is the HTTP status or SMTP code; 0 when there was no answer.
	Status int
	// Answer is what the service said, at most [MaxAnswer].
	Answer string
	// Error is why the attempt failed, at most [MaxAnswer]; empty when it did not.
	Error string
	// Ambiguous: the message may have been accepted although the attempt failed.
	Ambiguous bool
	// Request is what was sent, at most [MaxRequest].
	Request string
}

// cut shortens s to at most n bytes, at the start of a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return strings.Clone(s[:n]) // so that the rest can be freed
}

// micros is how a time is stored. Microseconds reach 290,000 years either way: an alert may claim any date.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

const (
	alertHeadColumns = `a.identity, a.occurrence, a.arrived, a.time, a.severity, a.rule, a.title`
	alertColumns     = alertHeadColumns + `, a.header, a.raw`
	deliveryColumns  = `d.seq, d.id, d.receiver, d.channel, d.route, d.severity, d.state, d.reason, d.queued, d.due,
		d.changed, d.attempts, d.ambiguous, d.kind, d.bundle, d.notes, d.about, d.receipt`
)

type scanner interface{ Scan(dest ...any) error }

// scan reads deliveryColumns, then alertHeadColumns or, if whole, alertColumns, then what else is asked for.
func (d *Delivery) scan(row scanner, whole bool, more ...any) error {
	var queued, due, changed, arrived, at int64
	dest := []any{&d.Seq, &d.ID, &d.Receiver, &d.Channel, &d.Route, &d.Severity, &d.State, &d.Reason, &queued, &due,
		&changed, &d.Attempts, &d.Ambiguous, &d.Kind, &d.Bundle, &d.Notes, &d.About, &d.Receipt,
		&d.Alert.Identity, &d.Alert.Occurrence, &arrived, &at, &d.Alert.Severity, &d.Alert.Rule, &d.Alert.Title}
	if whole {
		dest = append(dest, &d.Alert.Header, &d.Alert.Raw)
	}
	if err := row.Scan(append(dest, more...)...); err != nil {
		return err
	}
	d.Queued, d.Due, d.Changed = fromMicros(queued), dueTime(due), fromMicros(changed)
	d.Alert.Arrived, d.Alert.Time = fromMicros(arrived), fromMicros(at)
	return nil
}
