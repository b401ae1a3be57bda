package notifier

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Receipt is what the vendor gave back.
type Receipt struct {
	// Status is the HTTP status or SMTP code.
	Status int `json:"-"`
	// ID is the vendor's name for the message: a Slack ts, a PagerDuty dedup key, a HEC ackId, a Message-ID.
	ID string `json:"id,omitempty"`
	// Channel is where it went, if the vendor says so (Slack's channel id).
	Channel string `json:"channel,omitempty"`
	// Replaces: the notification was about an earlier message that could not be changed or answered, so this is a new one
	// in its place. The notifications that follow are about this one: it is their Earlier.
	Replaces bool `json:"-"`
	// Warning is what a person should know although the message was accepted: a recipient who was refused, a
	// queue that is nearly full. It holds no secret.
	Warning string `json:"-"`
	// Ran is what a program did that was run for the message, of a channel that runs one; nil of any other, and where it did not
	// come to an end. It is there with an error, too.
	Ran *Ran `json:"-"`
}

// Warn adds to the Warning.
func (r *Receipt) Warn(text string) {
	switch {
	case text == "":
	case r.Warning == "":
		r.Warning = text
	default:
		r.Warning += "; " + text
	}
}

// Ref is what later notifications need of the receipt (see Notification.Earlier), as a short text that can be kept: a JSON
// object in one line. It is empty where the vendor gave nothing back by which the message is known.
func (r Receipt) Ref() string {
	if r.ID == "" {
		return ""
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // the < of a Message-ID stays one, for people
	if err := enc.Encode(r); err != nil {
		return "" // texts can be written
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// ParseRef reads what [Receipt.Ref] wrote.
func ParseRef(s string) (Receipt, bool) {
	var r Receipt
	if err := json.Unmarshal([]byte(s), &r); err != nil || r.ID == "" {
		return Receipt{}, false
	}
	return r, true
}
