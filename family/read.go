package family

import "github.com/ossec-notify/ossec-notify/alert"

// kind is one family: how it is recognised and how it is read. Kinds are tried in the order of the table in
// [Read]; the first that fits reads the alert, and "other" fits always.
type kind struct {
	family string
	class  string
	is     func(a *alert.Alert) bool
	// read fills r (facts, next step, object, details) and the raw pieces of the sentence.
	read func(a *alert.Alert, r *Reading, s *sentence)
}

// sentence holds the pieces of "what[: object] [from ADDRESS] [by USER] on HOST". What is in our words; the
// others are raw alert text and are left out of the sentence, and shown as facts instead, when they hold
// anything that does not belong into a heading.
type sentence struct {
	What   string
	Object string
	From   string
	By     string
	On     string // empty: the host of the alert
}
