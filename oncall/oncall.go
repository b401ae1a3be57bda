// Package oncall owns the questions of who is on call, and whether the people whom PagerDuty woke took an incident. It
// asks PagerDuty's REST API through github.com/PagerDuty/go-pagerduty, and remembers the answers: a [Cache] never lets
// anybody wait for PagerDuty, and what it knows it says, however old that is, with its age. It sends nothing, and knows
// no alert, no route, no outbox and no other receiver than by name.
//
// Who asks for a schedule is told who is on call for hours to come ([Ahead]), shift by shift. So the one who is on call
// next is known when PagerDuty cannot be reached at the hand-over; what is not known then is only what was changed
// meanwhile. Behind the last of these hours the last who was on call counts: stale is better than none.
//
// Names and addresses of people are PagerDuty's, that is whatever somebody wrote there: they are to be shown as the text
// of an alert is.
//
// What PagerDuty's answers mean is taken from its own schema and manual, PagerDuty/api-schema (reference/REST, of
// 2026-08-14) and PagerDuty/developer-docs (docs/REST-API); the comments name the place.
package oncall

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Schedule is a schedule of a PagerDuty account.
type Schedule struct {
	ID     string
	Source *Source
}

// key is what the schedule is remembered under: the same over restarts, and whatever token is used.
func (s Schedule) key() string { return "oncall:" + s.Source.endpoint() + " " + s.ID }

// Person is somebody who is on call.
type Person struct {
	ID    string `json:"id,omitempty"`
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
	// Level is the lowest level, from 1, at which an escalation policy has the schedule.
	Level int `json:"level,omitempty"`
}

// same reports whether both are one person.
func (p Person) same(other Person) bool {
	if p.ID != "" || other.ID != "" {
		return p.ID == other.ID
	}
	return p.Name == other.Name && strings.EqualFold(p.Email, other.Email)
}

// People are those who are on call at one time, each once, by level and name.
type People []Person

// Names are their names; of somebody without a name the address or the id.
func (p People) Names() []string {
	names := make([]string, 0, len(p))
	for _, x := range p {
		names = append(names, cmp.Or(x.Name, x.Email, x.ID))
	}
	return names
}

// shift is when a person is on call.
type shift struct {
	Person Person `json:"person"`
	// From and To bound it; zero is no bound.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
}

func (s shift) covers(at time.Time) bool {
	return !at.Before(s.From) && (s.To.IsZero() || at.Before(s.To))
}

// answer is what PagerDuty said of a schedule.
type answer struct {
	Asked  time.Time `json:"asked"`  // when
	Until  time.Time `json:"until"`  // what it knows is about the time before
	Shifts []shift   `json:"shifts"` // each with one person
}

// people are those who are on call at a time. Behind what the answer knows, they are the last.
func (a *answer) people(at time.Time) People {
	if !at.Before(a.Until) {
		at = a.Until.Add(-time.Nanosecond)
	}
	found := People{}
	for _, s := range a.Shifts {
		if !s.covers(at) {
			continue
		}
		if i := slices.IndexFunc(found, s.Person.same); i >= 0 { // of several policies
			found[i].Level = min(found[i].Level, s.Person.Level)
			continue
		}
		found = append(found, s.Person)
	}
	slices.SortStableFunc(found, func(a, b Person) int {
		return cmp.Or(a.Level-b.Level, strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	return found
}
