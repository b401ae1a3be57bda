package noise

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
)

// About is what a message must know of the incident that it belongs to. It is kept with the delivery.
type About struct {
	// Action is what the message does; "" is a trigger.
	Action notifier.Action `json:"action,omitempty"`
	// Opened is when the incident began, First the alert whose message began it, if that is another.
	Opened time.Time `json:"opened,omitzero"`
	First  *Ref      `json:"first,omitempty"`

	Seen     *Seen     `json:"seen,omitempty"`
	Quiet    *Quiet    `json:"quiet,omitempty"`
	Step     *Step     `json:"step,omitempty"`
	Taken    *Taken    `json:"taken,omitempty"`
	Resolved *Resolved `json:"resolved,omitempty"`
	// Incidents are the keys of those with whose end a message about a group is over; none where it tells of other things.
	Incidents []string `json:"incidents,omitempty"`
	// Ran is what a program did about the alert, in the message that tells of that.
	Ran *notifier.Ran `json:"ran,omitempty"`
	// Again: the message reminds of an incident that goes on.
	Again bool `json:"again,omitempty"`
}

// Of is the alert that began the incident of a delivery.
func (a *About) Of(d outbox.Delivery) Ref {
	if a.First != nil {
		return *a.First
	}
	return Ref{d.Alert.Identity, d.Alert.Occurrence}
}

// Follows reports whether the message says what became of an incident that was told, and not that something happened.
func (a *About) Follows() bool {
	switch a.Action {
	case notifier.Update, notifier.Acknowledge, notifier.Resolve:
		return true
	}
	return a.Quiet != nil
}

// Standing is all that is known of the incident by now: what this message is there to say, and what the others say that
// were entered for the same receiver about the alert which began it. first are those, in the order in which they were
// entered, and taken is who took that alert, or nil. A message that is changed must show all of it, or it would take back
// what it said before; and between the decision and the delivery more may have become known.
func (a *About) Standing(first []outbox.Delivery, taken *Taken) *About {
	out := *a
	if out.Taken == nil {
		out.Taken = taken
	}
	for _, d := range first {
		x, err := ParseAbout(d.About)
		if err != nil || x == nil {
			continue
		}
		switch {
		case d.Kind == "", isStep(d.Kind) && d.Receipt != "": // the one that is changed is the last of these
			out.Step = x.Step
		case x.Resolved != nil && out.Resolved == nil:
			out.Resolved = x.Resolved
		case x.Quiet != nil && out.Quiet == nil:
			out.Quiet = x.Quiet
		case strings.HasPrefix(d.Kind, seenKind) && x.Seen != nil && (out.Seen == nil || x.Seen.Count > out.Seen.Count):
			out.Seen = x.Seen
		}
	}
	return &out
}

// Ref names an alert of the outbox.
type Ref struct {
	Identity   string `json:"identity"`
	Occurrence int    `json:"occurrence"`
}

// Seen says how often an alert came: so often since then, this one too.
type Seen struct {
	Count int       `json:"count"`
	Since time.Time `json:"since"`
	Last  time.Time `json:"last"`
}

// Quiet says that an alert that came again and again has not come for so long; Total counts all, from Since to Last.
type Quiet struct {
	For   time.Duration `json:"for"`
	Total int           `json:"total"`
	Since time.Time     `json:"since,omitzero"`
	Last  time.Time     `json:"last,omitzero"`
}

// Step is the place of a message in an escalation; Who has not answered for After.
type Step struct {
	N     int           `json:"n"`
	Of    int           `json:"of"`
	Who   []string      `json:"who,omitempty"`
	After time.Duration `json:"after,omitempty"`
}

// Taken says who has taken the incident.
type Taken struct {
	By  string    `json:"by"`
	Via string    `json:"via"`
	At  time.Time `json:"at"`
}

// Resolved says which alert ended the incident, and how long it had lasted.
type Resolved struct {
	After time.Duration `json:"after"`
	By    Ref           `json:"by"`
}

// ParseAbout reads what was kept with a delivery; "" is nil: the message belongs to no incident.
func ParseAbout(text string) (*About, error) {
	if text == "" {
		return nil, nil
	}
	a := new(About)
	return a, json.Unmarshal([]byte(text), a)
}

// Text is what is kept with the delivery.
func (a *About) Text() string { return a.text() }

func (a *About) text() string {
	if a == nil {
		return ""
	}
	return encode(a)
}

// encode writes a value of ours, which can always be written.
func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}
