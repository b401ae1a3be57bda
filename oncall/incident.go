package oncall

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/PagerDuty/go-pagerduty"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// Status is how far people are with an incident.
type Status string

// The states, in PagerDuty's words. None: PagerDuty has no incident for the key, or none that is not over since before.
const (
	None         Status = ""
	Triggered    Status = "triggered"
	Acknowledged Status = "acknowledged"
	Resolved     Status = "resolved"
)

// Incident is what became of what PagerDuty was told under one key.
type Incident struct {
	Key    string
	Status Status
	// ID and URL are PagerDuty's; URL is "" where it is none.
	ID, URL string
	// By is who acknowledged or resolved it, by name: alert text. Person: it was a person, in PagerDuty; an event by its
	// Events API, such as ours, is by a service or an integration.
	By     string
	Person bool
	At     time.Time // when; zero where that is not known
}

// Incident asks what became of what was triggered under a dedup key at a time.
//
// It relies on this: "Incidents with child alerts do not have an incident key; querying by incident key will return
// incidents whose alerts have alert_key matching the given incident key" (GET /incidents, parameter incident_key, in
// PagerDuty/api-schema reference/REST/openapiv3.json). The alert_key of an event by the Events API v2 is its dedup_key. So
// one question finds the incident of services that make alerts and incidents, of those that make incidents only, and of
// alerts that were grouped into an incident of another key or moved by a merge. The range of time is all, for an incident
// may be open for longer than the month that PagerDuty looks at by itself, and join new events under its key.
//
// An incident that was over before the key was triggered is another one: PagerDuty shows a new incident some seconds
// after its event.
func (s *Source) Incident(ctx context.Context, key string, triggered time.Time) (Incident, error) {
	const what = "ask PagerDuty what became of an incident"
	ctx, cancel := deadline(ctx)
	defer cancel()
	asked := time.Now()
	page, said, err := ask(ctx, s, what,
		func(api *pagerduty.Client) (*pagerduty.ListIncidentsResponse, error) {
			return api.ListIncidentsWithContext(ctx, pagerduty.ListIncidentsOptions{
				IncidentKey: key, DateRange: "all", SortBy: "created_at:desc", Limit: pageSize, TimeZone: "UTC",
			})
		},
		func(page *pagerduty.ListIncidentsResponse) error {
			if page.Incidents == nil {
				return errors.New("it has no incidents")
			}
			return nil
		})
	if err != nil {
		return Incident{}, err
	}
	found := page.Incidents
	if i := slices.IndexFunc(found, isOpen); i >= 0 {
		return readIncident(key, found[i]), nil
	}
	if len(found) == 0 || !endedSince(found[0], triggered, aheadBy(said.Header, asked, time.Now())) {
		return Incident{Key: key}, nil
	}
	x := found[0]
	if x.ResolveReason.Type == "merge_resolve_reason" && isID(x.ResolveReason.Incident.ID) { // it goes on as another
		into, _, err := ask(ctx, s, what,
			func(api *pagerduty.Client) (*pagerduty.Incident, error) {
				return api.GetIncidentWithContext(ctx, x.ResolveReason.Incident.ID)
			},
			func(*pagerduty.Incident) error { return nil })
		if err != nil {
			return Incident{}, err
		}
		x = *into
	}
	return readIncident(key, x), nil
}

func isOpen(x pagerduty.Incident) bool {
	return x.Status == string(Triggered) || x.Status == string(Acknowledged)
}

// endedSince reports whether an incident came to its end at a time by our clock, which is ahead of PagerDuty's, or later.
// PagerDuty's tells seconds: it may have been the end of that second.
func endedSince(x pagerduty.Incident, at time.Time, ahead time.Duration) bool {
	ended := statusTime(x)
	return !ended.IsZero() && ended.Add(ahead+time.Second).After(at)
}

// aheadBy is by how much our clock is ahead of that of a service which was asked and answered at these times, as far as its
// answer tells: a Date leaves out what is less than a second, and nobody knows when between the two it was written. What
// may be no difference is none.
func aheadBy(answer http.Header, asked, answered time.Time) time.Duration {
	date, err := http.ParseTime(answer.Get("Date"))
	if err != nil {
		return 0
	}
	least, most := asked.Sub(date)-time.Second, answered.Sub(date)
	return max(least, min(most, 0))
}

// statusTime is when an incident got its state, as far as that is known.
func statusTime(x pagerduty.Incident) time.Time {
	for _, text := range []string{x.ResolvedAt, x.LastStatusChangeAt} {
		if t, err := readTime(text); err == nil && !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

func readIncident(key string, x pagerduty.Incident) Incident {
	out := Incident{Key: key, Status: Status(x.Status), ID: bounded(x.ID)}
	if _, err := notifier.ParseURL(x.HTMLURL); err == nil && len(x.HTMLURL) <= 2000 {
		out.URL = x.HTMLURL
	}
	by := func(agent pagerduty.APIObject) {
		out.By, out.Person = bounded(agent.Summary), strings.HasPrefix(agent.Type, "user")
	}
	switch out.Status {
	case Acknowledged:
		by(x.LastStatusChangeBy)
		out.At = statusTime(x)
		var first time.Time
		for _, a := range x.Acknowledgements { // who came first took it; others may have joined
			at, err := readTime(a.At)
			if err == nil && !at.IsZero() && (first.IsZero() || at.Before(first)) {
				first, out.At = at, at
				by(a.Acknowledger)
			}
		}
	case Resolved:
		by(x.LastStatusChangeBy)
		out.At = statusTime(x)
	case Triggered:
	default: // "more status codes may be introduced": nothing that stops anybody
		out.Status = None
	}
	return out
}

// isID keeps what is not an id of PagerDuty's out of the paths of requests.
func isID(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}
