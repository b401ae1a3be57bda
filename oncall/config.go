package oncall

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
)

// Config are the settings of a receiver that stands for whoever is on call.
type Config struct {
	// PagerDutySchedule is the id of a schedule, as in its address: …/schedules/PABC123.
	PagerDutySchedule string `yaml:"pagerduty_schedule"`
	// Token is a key of PagerDuty's REST API; a read-only one is enough.
	Token notifier.Secret `yaml:"token"`
	// Region is us (the default) or eu: where the account lives.
	Region string `yaml:"region"`
	// Endpoint is the API's address to use instead of the region's.
	Endpoint string `yaml:"endpoint"`
	// People are the receivers of each person, by address, id or name in PagerDuty.
	People map[string][]string `yaml:"people"`
	// Otherwise are the receivers where nobody is on call, where that is not known, and of people who have none.
	Otherwise []string         `yaml:"otherwise"`
	Network   notifier.Network `yaml:"network"`
}

// HTTP are the settings of the HTTP client that asks.
func (c Config) HTTP() notifier.Network { return c.Network }

// Destinations are the servers that are connected to, by the setting that names each.
func (c Config) Destinations(context.Context) map[string]string {
	if c.Endpoint != "" {
		return map[string]string{"endpoint": c.Endpoint}
	}
	return map[string]string{"region": c.endpoint()}
}

func (c Config) endpoint() string {
	switch {
	case c.Endpoint != "":
		return strings.TrimRight(c.Endpoint, "/")
	case c.Region == "eu":
		return endpointEU
	}
	return endpointUS
}

// Validate reports every mistake in the settings, as FieldErrors. Whether the receivers exist is for who knows them.
func (c Config) Validate() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, &notifier.FieldError{Key: key, Message: fmt.Sprintf(format, args...)})
	}
	switch {
	case c.PagerDutySchedule == "":
		bad("pagerduty_schedule", "is missing: the id of a schedule, which is the end of its address, …/schedules/PABC123")
	case !isID(c.PagerDutySchedule):
		bad("pagerduty_schedule", "is no id of a schedule: copy it from the end of its address, …/schedules/PABC123")
	}
	if c.Token.IsZero() {
		bad("token", "is missing: make a read-only API key in PagerDuty under Integrations, API Access Keys")
	}
	if v, ok := c.Token.Plain(); ok {
		if err := notifier.HeaderValue(v); err != nil {
			bad("token", "%v", err)
		}
	}
	if c.Region != "" && c.Region != "us" && c.Region != "eu" {
		bad("region", "is us or eu")
	}
	if c.Endpoint != "" {
		if u, err := notifier.ParseURL(c.Endpoint); err != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			bad("endpoint", "is not a URL such as %s", endpointUS)
		}
		if c.Region != "" {
			bad("region", "is of no use beside endpoint: keep one of them")
		}
	}
	if len(c.People) == 0 {
		bad("people", "is missing: the receivers of each person, such as people: {alice@example.com: alice-slack}")
	}
	folded := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(c.People)) {
		other, twice := folded[strings.ToLower(key)]
		switch {
		case strings.TrimSpace(key) == "":
			bad("people", "has somebody without an address, id or name")
		case len(c.People[key]) == 0:
			bad("people", "%q has no receiver: name some, or leave the person out, for whom otherwise is told", key)
		case twice && strings.Contains(key, "@"):
			bad("people", "%q and %q are one address: write it once", other, key)
		}
		folded[strings.ToLower(key)] = key
	}
	if len(c.Otherwise) == 0 {
		bad("otherwise", "is missing: the receivers where nobody is on call, or PagerDuty does not say who")
	}
	return errors.Join(append(errs, c.Network.Validate())...)
}

// receivers are those of one person, in the order of their keys.
func (c Config) receivers(p Person) []string {
	var keys []string
	for key := range c.People {
		k := strings.TrimSpace(key)
		if (p.Email != "" && strings.EqualFold(k, p.Email)) || (p.ID != "" && k == p.ID) || (p.Name != "" && k == p.Name) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	var names []string
	for _, key := range keys {
		for _, name := range c.People[key] {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// Resolve says whom to tell, and why. It always names somebody: Otherwise where nobody is on call, where that is not
// known, and where nobody who is has a receiver. Names of people stand in the note as alert text is shown.
func (c Config) Resolve(known Known) (receivers []string, note string) {
	why := func(format string, args ...any) string {
		s := fmt.Sprintf(format, args...)
		if known.Asked.IsZero() || known.Failing.IsZero() || known.Age < worthAWord {
			return s
		}
		return s + fmt.Sprintf("; PagerDuty said so %s ago, and has not answered since: %s", span(known.Age), shown(known.Failure, 200))
	}
	switch {
	case known.Asked.IsZero() && known.Failing.IsZero():
		return c.Otherwise, fmt.Sprintf("who is on call by schedule %s is not known yet, so otherwise", c.PagerDutySchedule)
	case known.Asked.IsZero():
		return c.Otherwise, fmt.Sprintf("who is on call by schedule %s is not known since %s, so otherwise: %s", c.PagerDutySchedule, span(time.Since(known.Failing)), shown(known.Failure, 200))
	case len(known.People) == 0:
		return c.Otherwise, why("nobody of schedule %s is on call, so otherwise", c.PagerDutySchedule)
	}
	var reached, without []string
	for i, p := range known.People {
		name := shown(known.People.Names()[i], 60)
		names := c.receivers(p)
		if len(names) == 0 {
			without = append(without, name)
			continue
		}
		reached = append(reached, name)
		for _, n := range names {
			if !slices.Contains(receivers, n) {
				receivers = append(receivers, n)
			}
		}
	}
	switch {
	case len(reached) == 0:
		return c.Otherwise, why("%s of schedule %s has no receiver under people, so otherwise", strings.Join(without, ", "), c.PagerDutySchedule)
	case len(without) > 0:
		return receivers, why("%s of schedule %s is on call; %s too, without a receiver under people", strings.Join(reached, ", "), c.PagerDutySchedule, strings.Join(without, ", "))
	}
	return receivers, why("%s of schedule %s is on call", strings.Join(reached, ", "), c.PagerDutySchedule)
}

// worthAWord is the age from which the note tells of an answer that it is old.
const worthAWord = 5 * time.Minute

// shown is foreign text on a line of ours.
func shown(s string, limit int) string { return display.Quote(s).Line().CutEnd(limit).String() }

// span is a time for people, which is not "0s" for what was a moment ago.
func span(d time.Duration) string { return display.Span(max(d, time.Second)) }

// Receiver stands for whoever is on call. It is safe for concurrent use.
type Receiver struct {
	cfg      Config
	schedule Schedule
	cache    *Cache
}

// New makes a receiver. client is its own, as notifier.NewClient makes it from cfg.Network; cache may be shared.
func New(cfg Config, client *http.Client, cache *Cache) (*Receiver, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Receiver{cfg, Schedule{cfg.PagerDutySchedule, &Source{Token: cfg.Token, Endpoint: cfg.endpoint(), Client: client}}, cache}, nil
}

// Resolve says who is to be told at a time instead of this receiver, and why. It never waits.
func (r *Receiver) Resolve(at time.Time) (receivers []string, note string) {
	return r.cfg.Resolve(r.cache.OnCall(r.schedule, at))
}

// Names are those who are on call now, for templates: alert text.
func (r *Receiver) Names() []string { return r.cache.Names(r.schedule) }

// Known is what is known of the schedule now.
func (r *Receiver) Known() Known { return r.cache.OnCall(r.schedule, time.Now()) }

// Schedule is what the receiver asks for; its Source also tells what became of incidents.
func (r *Receiver) Schedule() Schedule { return r.schedule }

// Ask asks PagerDuty for the schedule now, past what is remembered, and says who is to be told by its answer.
func (r *Receiver) Ask(ctx context.Context) (receivers []string, note string, err error) {
	people, err := r.schedule.Source.Check(ctx, r.schedule.ID)
	if err != nil {
		return nil, "", err
	}
	receivers, note = r.cfg.Resolve(Known{People: people, Asked: time.Now()})
	return receivers, note, nil
}
