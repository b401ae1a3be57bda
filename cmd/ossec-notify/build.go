package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/templates"
)

// buildOptions say how receivers are made.
type buildOptions struct {
	// client, when set, takes the place of every receiver's own HTTP client: preview's records.
	client *http.Client
	log    *slog.Logger
}

// connect makes clients that open as many connections as are used at a time.
func (o buildOptions) connect(connections int) connect {
	return func(n notifier.Network) (*http.Client, error) {
		if o.client != nil {
			return o.client, nil
		}
		return notifier.NewClient(n, connections)
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
// everything that is wrong with files that the receivers name. The dispatcher is there all the same, with the
// receivers that could be made: a command refuses to go on, but a call by integratord must tell the others.
func (c *config) dispatcher(opt buildOptions) (*dispatch.Dispatcher, error) {
	var errs []error
	d := &dispatch.Dispatcher{Table: &c.Table, Scale: c.Scale, Receivers: map[string]*dispatch.Receiver{}, Log: opt.log}
	for _, r := range c.Receivers {
		made, err := r.build(opt)
		for _, err := range split(err) {
			errs = append(errs, &receiverError{r, err})
		}
		if err == nil {
			d.Receivers[r.Name] = made
		}
	}
	return d, errors.Join(errs...)
}

func (r *receiver) build(opt buildOptions) (*dispatch.Receiver, error) {
	concurrency := cmp.Or(r.common.Concurrency, r.Channel.concurrency, 1)
	n, err := r.Config.build(opt.connect(concurrency))
	if err != nil {
		return nil, err
	}
	set := r.templates
	if set == nil { // of no file
		set = templates.Default()
	}
	return &dispatch.Receiver{
		Name: r.Name, Channel: r.Channel.name, Notifier: n, Templates: set, Timeout: time.Duration(r.common.Timeout),
		Concurrency: concurrency,
		Rate:        cmp.Or(dispatch.Rate(r.common.Rate), r.Channel.rate),
		MaxAge:      cmp.Or(time.Duration(r.common.MaxAge), dispatch.DefaultMaxAge),
		Fallback:    r.common.Fallback, FallbackAfter: time.Duration(r.common.FallbackAfter),
	}, nil
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
