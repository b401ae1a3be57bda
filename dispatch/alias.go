package dispatch

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/rules"
)

// Alias is a receiver that sends nothing itself: it stands for others, such as those of whoever is on call.
type Alias interface {
	// Resolve says which receivers it stands for at a time, and why. It is called while an alert is planned, and must not
	// wait. It always names one: the alert would be lost otherwise. The note may hold names that others wrote, in the form
	// in which alert text is shown.
	Resolve(at time.Time) (receivers []string, note string)
}

// Aliases are those of a config, by their names.
type Aliases map[string]Alias

// named is an alias that knows the names of those whom it stands for.
type named interface {
	// Names are those of who is on call now: text that others wrote. It must not wait.
	Names() []string
}

// onCall are the names of those who are on call now: by the aliases that stand for a receiver, or where none does by all.
func (by Aliases) onCall(receiver string) []string {
	var own, all []string
	add := func(to *[]string, names []string) {
		for _, name := range names {
			if !slices.Contains(*to, name) {
				*to = append(*to, name)
			}
		}
	}
	for _, alias := range slices.Sorted(maps.Keys(by)) {
		a, ok := by[alias].(named)
		if !ok {
			continue
		}
		names := a.Names()
		add(&all, names)
		if receivers, _ := by[alias].Resolve(time.Now()); slices.Contains(receivers, receiver) {
			add(&own, names)
		}
	}
	if len(own) > 0 {
		return own
	}
	return all
}

// Expand puts in the place of each alias the receivers that it stands for at a time. They are chosen by the same route
// with the same policy; [rules.Choice.Alias] and Note say how it came to that. A receiver that is chosen twice for the
// same time is told once, in the name of the first that chose it. What is told later has the alias itself as its receiver,
// whose lane asks when it is its time: somebody else may be on call then.
func (by Aliases) Expand(choices []rules.Choice, at time.Time) []rules.Choice {
	if len(by) == 0 {
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
		alias := by[c.Receiver]
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

// aliasChannel is the channel of what is for an alias.
const aliasChannel = "oncall"

// standIn is a receiver in the place of an alias, for what is told later.
func (d *Dispatcher) standIn(alias string) *Receiver {
	return &Receiver{Name: alias, Channel: aliasChannel, Concurrency: 1, MaxAge: DefaultMaxAge}
}

// alias is the one whose lane it is; nil for a receiver that sends. One of the config in use is there, though it may be gone
// from a file that is broken now.
func (l *lane) alias() Alias { return l.d.Site.Dispatcher().Aliases[l.name] }

// expand hands a delivery that is for an alias over to the receivers that it stands for at a time.
func (l *lane) expand(alias Alias, x outbox.Delivery, at time.Time) outbox.Result {
	receivers, note := alias.Resolve(at)
	result := outbox.Result{Seq: x.Seq, State: outbox.Suppressed}
	d := l.d.Site.Dispatcher()
	var to []string
	for _, name := range receivers {
		if r := d.Receivers[name]; r != nil {
			to = append(to, name)
			result.Fallback = append(result.Fallback, outbox.NewDelivery{Receiver: name, Channel: r.Channel, Route: x.Route,
				Severity: x.Severity, Kind: x.Kind, About: x.About, Notes: note})
		}
	}
	if len(to) == 0 {
		result.State, result.Reason = outbox.Dead, "it stands for nobody"
		return result
	}
	result.Reason = "stands for " + strings.Join(to, ", ") + ": " + note
	l.d.Log.Info("told to whom it stands for", "delivery", x.ID, "alert", x.Alert.Identity, "receiver", l.name, "to", strings.Join(to, ", "), "why", note)
	return result
}
