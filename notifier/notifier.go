// Package notifier owns how a notification leaves the house: the Notifier interface that every channel
// implements, the notification it is given, the errors it answers with, secrets, and the HTTP manners that all
// channels share. It knows no alert, no route and no template; a channel knows no other channel.
//
// A channel is a folder below this one. It has a Config (yaml tags, Validate), a New that returns a ready
// Notifier, and its own escaping and limits. CONTRIBUTING.md shows how to add one.
package notifier

import (
	"context"
	"time"

	"github.com/ossec-notify/ossec-notify/display"
)

// Notifier delivers notifications to one receiver. It is safe for concurrent use.
type Notifier interface {
	// Notify makes one attempt. A nil error means that the vendor accepted the message. Any other answer is an
	// error; [Classify] tells whether to try again. It returns when ctx ends.
	Notify(ctx context.Context, n Notification) (Receipt, error)
}

// Composer is implemented by channels whose message is not an HTTP request: a mail, a line of syslog or of a file, what a
// program reads.
type Composer interface {
	// Compose returns the message that Notify would send, for preview. It neither sends nor opens anything.
	Compose(n Notification) (Message, error)
}

// Mail is the type of a [Message] that is a mail, with its headers and parts (RFC 5322).
const Mail = "message/rfc822"

// Message is what a [Composer] would send.
type Message struct {
	// Type is its media type: [Mail], application/json, or text/plain, in which JSON may follow a header.
	Type string
	// To says where it goes, such as tcp://192.0.2.7:601 or a file; "" for a mail, whose own headers say it. It holds no secret.
	To string
	// Body is all that its receiver gets, without what only divides messages (the length before it, the line end after it).
	Body []byte
}

// Idempotent is implemented by notifiers whose vendor recognises a message that is sent again: where the outcome
// of an attempt is not known, its repeat need not be marked as one.
type Idempotent interface {
	Idempotent() bool
}

// Selective is implemented by notifiers that use some of their channel's parts and not others: what they do not use
// is not rendered.
type Selective interface {
	Uses(part string) bool
}

// Finder is implemented by notifiers that can ask their vendor for a message that was sent: where the outcome of an
// attempt is not known, it is looked for before it is sent again.
type Finder interface {
	// Find looks for the message of a notification that was sent since then. Of the notification it needs Action, Delivery
	// and Earlier, which say where it went and how it is known; it need not be rendered. Not found means that it is not
	// there. After an error nobody knows: errors.ErrUnsupported says that this receiver cannot be asked, of any other
	// [Classify] tells whether to ask again. It returns when ctx ends.
	Find(ctx context.Context, n Notification, since time.Time) (r Receipt, found bool, err error)
}

// Follower is implemented by notifiers that are not told of the common actions: see [Follows].
type Follower interface {
	Follows(a Action) bool
}

// Follows reports whether a receiver is told of what an action says; where it is not, no message is made. Commonly that
// is all but Update: who gets each message anew does not want one for every repeat, but who changes the earlier message,
// or answers below it, does. The message of an action that a receiver does not follow may be refused.
func Follows(n Notifier, a Action) bool {
	if f, ok := n.(Follower); ok {
		return a.Known() && f.Follows(a)
	}
	return a.Known() && a != Update
}

// Editor is implemented by notifiers that can change a message that was sent.
type Editor interface {
	// Edits reports whether the message of a notification takes the place of an earlier one, so that it must say all that is
	// to be read there. Of the notification it needs Action and Earlier.
	Edits(n Notification) bool
}

// Metered is implemented by notifiers whose message is shown to people, part by part, as preview does: how much of
// each limit it takes. There are no meters for a notification that cannot be sent.
type Metered interface {
	Meters(n Notification) []Meter
}

// Cautious is implemented by notifiers that send a message without something that templates made for it and the vendor cannot take.
type Cautious interface {
	// Caution says what that is, as a FieldError; nil where there is nothing. It sends nothing.
	Caution(n Notification) error
}

// Meter is a length and the limit for it, both in characters as the vendor counts them.
type Meter struct {
	Name     string // "header", "blocks"
	N, Limit int
}

// Action is what a notification asks the receiver to do.
type Action string

// The actions.
const (
	Trigger     Action = "trigger"
	Acknowledge Action = "acknowledge" // somebody has taken it
	Resolve     Action = "resolve"     // it is over
	Update      Action = "update"      // nothing new happened but more of the same
	Digest      Action = "digest"      // many alerts in one message
	Report      Action = "report"      // what a program did about it: see [Ran]
)

// Known reports whether it is one of the actions. The zero value is none.
func (a Action) Known() bool {
	switch a {
	case Trigger, Acknowledge, Resolve, Update, Digest, Report:
		return true
	}
	return false
}

// Notification is a rendered alert (or several) for one receiver.
type Notification struct {
	Action Action
	// Delivery identifies the delivery; it is the same in every attempt (idempotency key, Message-ID).
	Delivery string
	// Alert is the identity of the alert, Occurrence counts sends of the same one, from 1.
	Alert      string
	Occurrence int
	Receiver   string
	// DedupKey names the cause: notifications with the same key belong together.
	DedupKey string
	// Severity is info, low, medium, high, critical or unknown.
	Severity string
	// Time is the alert's, or when it was received where the alert has none.
	Time time.Time
	// Received is when the alert came to us, the same in every attempt; zero where that is not known, or the message is about many.
	Received time.Time
	// Opened is when the incident began that this message belongs to, the same in all of its messages, the first too; zero
	// where nobody keeps track of incidents. Messages of one DedupKey that were opened at one time are one thread of mail.
	Opened time.Time
	// Earlier is what the vendor gave back for the first message of the incident, which this one updates, acknowledges or
	// resolves; nil where there is none, or it is not known.
	Earlier *Receipt
	// Parts are the rendered defines of the channel's template, by the name behind the dot: "slack.header" is
	// "header". A part that the template does not define is missing. Parts whose name ends in ".json" hold JSON
	// text, parts ending in ".html" hold HTML, in both cases as words: they are escaped already.
	Parts map[string]display.Text
}
