package noise

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
)

// bundle is alerts that wait to be told together. It is kept under bundleKey + its kind + / + its key until it is told.
type bundle struct {
	// ID is the identity of the message about it, once that is made.
	ID     string      `json:"id"`
	Kind   digest.Kind `json:"kind"`
	Key    string      `json:"key"`
	Route  string      `json:"route,omitempty"`
	Why    string      `json:"why,omitempty"`
	By     string      `json:"by,omitempty"`
	Opened time.Time   `json:"opened"`
	// Steps are those of an escalation that begins when it is told; Interval is how long a group waits after it was.
	Steps    []stepWant    `json:"steps,omitempty"`
	Interval time.Duration `json:"interval,omitempty"`
	// Incidents are the keys of what its alerts open or go on with; Plain: it holds some that belong to none, so that it
	// is not over when those are.
	Incidents []string `json:"incidents,omitempty"`
	Plain     bool     `json:"plain,omitempty"`
	// Limit is the throttle that its message is taken out of, and Scope whose that is.
	Limit *rules.Throttle `json:"limit,omitempty"`
	Scope string          `json:"scope,omitempty"`
}

// stepWant is a receiver of a later step.
type stepWant struct {
	Receiver string        `json:"receiver"`
	Channel  string        `json:"channel"`
	Route    string        `json:"route"`
	Step     int           `json:"step"`
	Of       int           `json:"of"`
	Who      []string      `json:"who"`
	After    time.Duration `json:"after"`
}

// endsWith are the incidents with whose end it is over; none where it holds more than these.
func (b *bundle) endsWith() []string {
	if b.Plain {
		return nil
	}
	return b.Incidents
}

func (b *bundle) stateKey() string { return bundleKey + string(b.Kind) + "/" + b.Key }

// IsMessage reports whether an alert of the outbox is a message about a bundle, or a notice: its body is a [digest.Summary].
func IsMessage(identity string) bool {
	// Not by its beginning alone: a manager may be called d-1.
	digits, ok := strings.CutPrefix(identity, messagePrefix)
	return ok && len(digits) == messageDigits && strings.Trim(digits, "0123456789abcdef") == ""
}

const (
	messagePrefix = "d-"
	messageDigits = 16
)

// messageGlob is what SQLite knows messages by.
var messageGlob = messagePrefix + strings.Repeat("[0-9a-f]", messageDigits)

// messageID names a message of our own making.
func messageID(parts ...any) string {
	sum := sha256.Sum256([]byte(fmt.Sprintln(parts...)))
	return messagePrefix + hex.EncodeToString(sum[:messageDigits/2])
}

// join finds the open bundle of a kind and key and says when it is told, or opens it, to be told at due. opener is what the
// caller puts into it first: with it no two bundles have the same name, though they were opened and told in one instant.
func join(tx *outbox.Tx, b bundle, opener string, now, due time.Time) (*bundle, time.Time, error) {
	kept, at, open, err := getDue[bundle](tx, b.stateKey())
	if err != nil || open {
		return &kept, at, err
	}
	b.Opened = now
	b.ID = messageID(b.Kind, b.Key, now.UnixNano(), opener)
	return &b, due, set(tx, b.stateKey(), b, due)
}
