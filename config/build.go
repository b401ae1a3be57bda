package config

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/ossec-notify/ossec-notify/channel"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/oncall"
	"github.com/ossec-notify/ossec-notify/templates"
)

// Options say how receivers are made. The zero value makes them for deliveries.
type Options struct {
	// Client, when set, takes the place of every receiver's own HTTP client: preview's records.
	Client *http.Client
	// Log is what the dispatcher writes to; nil writes nothing.
	Log *slog.Logger
	// OnCall knows who is on call; nil knows nothing, and asks nobody.
	OnCall *oncall.Cache
}

// connecting is what the connections of receivers are made by.
type connecting struct {
	client *http.Client     // takes the place of all others
	egress *notifier.Egress // of the config
}

// connect makes clients that open as many connections as are used at a time, and lead where the config permits.
func (c connecting) connect(connections int) channel.Connect {
	return channel.Connect{
		Client: func(n notifier.Network) (*http.Client, error) {
			if c.client != nil {
				return c.client, nil
			}
			return notifier.NewClient(n, c.egress, connections)
		},
		Dial: c.egress.Dial,
	}
}

// ReceiverError says why a receiver cannot be made.
type ReceiverError struct {
	Receiver *Receiver
	Err      error
}

func (e *ReceiverError) Error() string { return fmt.Sprintf("receiver %q: %s", e.Receiver.Name, e.Err) }

// Unwrap is the reason.
func (e *ReceiverError) Unwrap() error { return e.Err }

// Dispatcher makes the dispatcher of a config: notifiers and routes. The error joins a [ReceiverError] for
// everything that is wrong with files that the receivers name. The dispatcher is there all the same, and the receivers
// that could not be made are tried again at each attempt: a command refuses to go on, but a call by integratord must
// tell the others, and what is for these must wait.
func (c *Config) Dispatcher(opt Options) (*dispatch.Dispatcher, error) {
	var errs []error
	with := connecting{opt.Client, c.Egress}
	d := &dispatch.Dispatcher{Table: &c.Table, Scale: c.Scale, Zone: c.Zone, Receivers: map[string]*dispatch.Receiver{}, Log: cmp.Or(opt.Log, slog.New(slog.DiscardHandler))}
	for _, r := range c.Receivers {
		made, err := r.build(with)
		for _, err := range notifier.Split(err) {
			errs = append(errs, &ReceiverError{r, err})
		}
		d.Receivers[r.Name] = made
	}
	for name, r := range d.Receivers {
		r.Reported = dispatch.IsReported(d.Receivers, name)
	}
	var err error
	d.Aliases, err = c.MakeAliases(opt)
	return d, errors.Join(append(errs, err)...)
}

// build makes a receiver. It is there with an error, too: see [unmade].
func (r *Receiver) build(with connecting) (*dispatch.Receiver, error) {
	concurrency := cmp.Or(r.common.Concurrency, r.Config.Parallel(), r.Channel.Concurrency, 1)
	make := func() (notifier.Notifier, error) { return r.Config.Build(with.connect(concurrency)) }
	n, err := make()
	if err != nil {
		n = &unmade{make: make}
	}
	set := r.Templates
	if set == nil { // of no file
		set = templates.Default()
	}
	return &dispatch.Receiver{
		Name: r.Name, Channel: r.Channel.Name, Preset: r.Config.Preset(), Notifier: n, Templates: set,
		Timeout:     cmp.Or(time.Duration(r.common.Timeout), r.Config.Attempt()),
		Concurrency: concurrency, Apart: r.Config.Attempt() > 0,
		Rate:     r.rate(),
		MaxAge:   cmp.Or(time.Duration(r.common.MaxAge), dispatch.DefaultMaxAge),
		Fallback: r.common.Fallback, FallbackAfter: time.Duration(r.common.FallbackAfter),
		Throttle: r.common.Throttle, StormAfter: r.stormAfter(), Place: r.Config.Place(),
		Renew: r.Config.Renewal(), Report: r.Config.Reports(),
	}, err
}

// unmade stands in for a notifier that could not be made, because of a file that is missing or broken. Each attempt
// tries to make it: what is for the receiver waits until the file is mended, and nobody need load the config again.
type unmade struct {
	make func() (notifier.Notifier, error)

	mu   sync.Mutex
	made notifier.Notifier
}

// IsUnmade reports the stand-in of a notifier that could not be made.
func IsUnmade(n notifier.Notifier) bool {
	_, is := n.(*unmade)
	return is
}

// Notify fails for now, unless the notifier can be made.
func (u *unmade) Notify(ctx context.Context, n notifier.Notification) (notifier.Receipt, error) {
	made, err := u.notifier()
	if err != nil {
		return notifier.Receipt{}, notifier.Errorf(notifier.Temporary, "the receiver cannot be made: %w", err)
	}
	return made.Notify(ctx, n)
}

// Follows is the made one's.
func (u *unmade) Follows(a notifier.Action) bool {
	made, _ := u.notifier()
	return notifier.Follows(made, a)
}

func (u *unmade) notifier() (notifier.Notifier, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.made == nil {
		made, err := u.make()
		if err != nil {
			return nil, err
		}
		u.made = made
	}
	return u.made, nil
}

// Incidents is the account of a receiver whose service can be asked what became of its incidents; nil where it cannot.
func (c *Config) Incidents(r *Receiver) (*oncall.Source, error) {
	token, endpoint, ok := r.Config.API()
	if !ok {
		return nil, nil
	}
	client, err := connecting{egress: c.Egress}.connect(1).Client(r.Config.Network())
	if err != nil {
		return nil, err
	}
	return &oncall.Source{Token: token, Endpoint: endpoint, Client: client}, nil
}
