package dispatch

import (
	"time"

	"github.com/ossec-notify/ossec-notify/rules"
)

// Alias is a receiver that sends nothing itself: it stands for others, such as those of whoever is on call.
type Alias interface {
	// Resolve says which receivers it stands for at a time, and why. It is called while an alert is planned, and must not
	// wait. It always names one: the alert would be lost otherwise. The note may hold names that others wrote, in the form
	// in which alert text is shown.
	Resolve(at time.Time) (receivers []string, note string)
}

// Expand puts in the place of each alias the receivers that it stands for at a time. They are chosen by the same route
// with the same policy; [rules.Choice.Alias] and Note say how it came to that. A receiver that is chosen twice for the
// same time is told once, in the name of the first that chose it. Choices of a later step of an escalation are to be
// expanded when it is their time, for somebody else may be on call then.
func (d *Dispatcher) Expand(choices []rules.Choice, at time.Time) []rules.Choice {
	if len(d.Aliases) == 0 {
		return choices
	}
	type resolved struct {
		receivers []string
		note      string
	}
	asked := map[string]resolved{} // once, so that all steps of one alert go by the same answer
	type told struct {
		receiver string
		after    time.Duration
	}
	seen := map[told]bool{}
	var out []rules.Choice
	add := func(c rules.Choice) {
		if key := (told{c.Receiver, c.After}); !seen[key] {
			seen[key] = true
			out = append(out, c)
		}
	}
	for _, c := range choices {
		alias := d.Aliases[c.Receiver]
		if alias == nil {
			add(c)
			continue
		}
		r, known := asked[c.Receiver]
		if !known {
			r.receivers, r.note = alias.Resolve(at)
			asked[c.Receiver] = r
		}
		c.Alias, c.Note = c.Receiver, r.note
		for _, c.Receiver = range r.receivers {
			add(c)
		}
	}
	return out
}

// Has reports whether there is a receiver of that name, be it one that stands for others.
func (d *Dispatcher) Has(name string) bool { return d.Receivers[name] != nil || d.Aliases[name] != nil }
