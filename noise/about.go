package noise

import (
	"encoding/json"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
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

// Quiet says that an alert that came again and again has not come for so long; Total counts all.
type Quiet struct {
	For   time.Duration `json:"for"`
	Total int           `json:"total"`
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
