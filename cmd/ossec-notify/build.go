package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/oncall"
	"github.com/ossec-notify/ossec-notify/templates"
)

// buildOptions say how receivers are made.
type buildOptions struct {
	// client, when set, takes the place of every receiver's own HTTP client: preview's records.
	client *http.Client
	log    *slog.Logger
	egress *notifier.Egress // of the config
	// oncall knows who is on call; nil knows nothing, and asks nobody.
	oncall *oncall.Cache
}

// connect makes clients that open as many connections as are used at a time, and lead where the config permits.
func (o buildOptions) connect(connections int) connect {
	return connect{
		client: func(n notifier.Network) (*http.Client, error) {
			if o.client != nil {
				return o.client, nil
			}
			return notifier.NewClient(n, o.egress, connections)
		},
		dial: o.egress.Dial,
	}
}

// receiverError says why a receiver cannot be made.
type receiverError struct {
	receiver *receiver
	err      error
}

func (e *receiverError) Error() string { return fmt.Sprintf("receiver %q: %s", e.receiver.Name, e.err) }
func (e *receiverError) Unwrap() error { return e.err }

// dispatcher makes the dispatcher of a config: notifiers and routes. The error joins a [receiverError] for
// everything that is wrong with files that the receivers name. The dispatcher is there all the same, and the receivers
// that could not be made are tried again at each attempt: a command refuses to go on, but a call by integratord must
// tell the others, and what is for these must wait.
func (c *config) dispatcher(opt buildOptions) (*dispatch.Dispatcher, error) {
	var errs []error
	opt.egress = c.Egress
	d := &dispatch.Dispatcher{Table: &c.Table, Scale: c.Scale, Zone: c.Zone, Receivers: map[string]*dispatch.Receiver{}, Log: opt.log}
	for _, r := range c.Receivers {
		made, err := r.build(opt)
		for _, err := range split(err) {
			errs = append(errs, &receiverError{r, err})
		}
		d.Receivers[r.Name] = made
	}
	for name, r := range d.Receivers {
		r.Reported = dispatch.IsReported(d.Receivers, name)
	}
	var err error
	d.Aliases, err = c.aliases(opt)
	return d, errors.Join(append(errs, err)...)
}

// build makes a receiver. It is there with an error, too: see [unmade].
func (r *receiver) build(opt buildOptions) (*dispatch.Receiver, error) {
	concurrency := cmp.Or(r.common.Concurrency, parallel(r.Config), r.Channel.concurrency, 1)
	make := func() (notifier.Notifier, error) { return r.Config.build(opt.connect(concurrency)) }
	n, err := make()
	if err != nil {
		n = &unmade{make: make}
	}
	set := r.templates
	if set == nil { // of no file
		set = templates.Default()
	}
	return &dispatch.Receiver{
		Name: r.Name, Channel: r.Channel.name, Preset: presetName(r.Config), Notifier: n, Templates: set,
		Timeout:     cmp.Or(time.Duration(r.common.Timeout), attemptTime(r.Config)),
		Concurrency: concurrency, Apart: attemptTime(r.Config) > 0,
		Rate:     r.rate(),
		MaxAge:   cmp.Or(time.Duration(r.common.MaxAge), dispatch.DefaultMaxAge),
		Fallback: r.common.Fallback, FallbackAfter: time.Duration(r.common.FallbackAfter),
		Throttle: r.common.Throttle, StormAfter: r.stormAfter(), Place: placeOf(r.Config),
		Renew: renewal(r.Config), Report: reports(r.Config),
	}, err
}

// placeOf is what people call a receiver, where its channel says.
func placeOf(c channelConfig) string {
	if p, ok := c.settings().(interface{ Place() string }); ok {
		return p.Place()
	}
	return ""
}

// renewal forgets what is kept of the secrets of a channel; nil where nothing is.
func renewal(c channelConfig) func() bool {
	var kept []notifier.Secret
	secrets(c.settings(), func(s *notifier.Secret) {
		if s.Program() != "" {
			kept = append(kept, *s)
		}
	})
	if kept == nil {
		return nil
	}
	return func() bool {
		renewed := false
		for _, s := range kept {
			renewed = s.Renew() || renewed
		}
		return renewed
	}
}

// unmade stands in for a notifier that could not be made, because of a file that is missing or broken. Each attempt
// tries to make it: what is for the receiver waits until the file is mended, and nobody need load the config again.
type unmade struct {
	make func() (notifier.Notifier, error)

	mu   sync.Mutex
	made notifier.Notifier
}

func isUnmade(n notifier.Notifier) bool {
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

// split takes joined errors apart.
func split(err error) []error {
	if err == nil {
		return nil
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var out []error
		for _, e := range many.Unwrap() {
			out = append(out, split(e)...)
		}
		return out
	}
	return []error{err}
}
