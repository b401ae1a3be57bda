package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/door"
	"github.com/ossec-notify/ossec-notify/noise"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/site"
	"github.com/ossec-notify/ossec-notify/spool"
)

// statePlaces are where the state may be: where somebody says, else the places of the home.
func (e *env) statePlaces() []string {
	if state := cmp.Or(e.state, os.Getenv("OSSEC_NOTIFY_STATE")); state != "" {
		return []string{state}
	}
	return spool.Places(e.home)
}

// spoolState is the state directory of the installation, where send can hand alerts over as a call does; "" where
// another config than the installation's is asked for. The error says why there is none to use.
func (e *env) spoolState() (string, error) {
	if e.config != "" {
		return "", nil
	}
	state, err := spool.Locate(e.statePlaces()...)
	if err != nil {
		return "", err
	}
	return filepath.Abs(state)
}

// startDeliverer sees that somebody works on what was left in the state directory.
func (e *env) startDeliverer() error {
	state, err := e.stateDir()
	if err != nil {
		return err
	}
	return e.startDelivererOf(state)
}

func (e *env) startDelivererOf(state string) error {
	home, err := filepath.Abs(e.home)
	if err != nil {
		return err
	}
	return door.StartDeliverer(home, state)
}

// sendSpooled hands alerts to the spool and waits for what becomes of them.
func (e *env) sendSpooled(ctx context.Context, state string, in input, order site.Order, cfg *config.Config, out *reporter) error {
	if err := spool.BecomeOwner(state); err != nil {
		return failed("%w", err)
	}
	args, err := json.Marshal(order)
	if err != nil {
		return err
	}
	var records []string
	for a, err := range e.alerts(ctx, in, cfg.Zone) {
		if err != nil {
			return failed("%w", err)
		}
		out.arrived(a)
		name, err := spool.Write(state, &spool.Record{
			Args: []string{string(args)}, Home: e.home, UID: os.Getuid(), Arrival: time.Now(), File: a.FileName, Alert: a.Raw,
			Truncated: a.Problem.CutAt > 0,
		})
		if err != nil {
			return failed("keep the alert in %s: %w", state, err)
		}
		records = append(records, name)
	}
	if len(records) == 0 {
		return nil
	}
	if err := e.startDelivererOf(state); err != nil {
		return failed("start the deliverer: %w", err)
	}
	for _, record := range records {
		if err := e.await(ctx, state, record, out); err != nil {
			return err
		}
	}
	return nil
}

// await waits for the deliveries of one record and reports them.
func (e *env) await(ctx context.Context, state, record string, out *reporter) error {
	db, a, err := taken(ctx, state, record)
	if err != nil {
		return failed("the alert is kept in %s, but nobody has taken it yet: %w (ossec-notify outbox list, and HOME/logs/ossec-notify.log, tell more)", state, err)
	}
	defer db.Close()
	var changes *outbox.Watch
	defer func() {
		if changes != nil {
			_ = changes.Close()
		}
	}()
	for {
		x, err := look(ctx, db, a)
		if err != nil {
			return err
		}
		// Whatever changes is looked at: what was due may be held now, and what came to its end may have others tell of it.
		switch {
		case !x.waits || ctx.Err() != nil:
		case changes == nil: // what came before the watch is seen by another look
			if changes, err = db.Watch(ctx); err != nil && ctx.Err() == nil {
				return failed("%w", err)
			}
			continue
		default:
			if err := changes.Next(ctx); err != nil && ctx.Err() == nil {
				return failed("%w", err)
			}
			continue
		}
		if len(x.deliveries) == 0 {
			out.nobody(a.Identity, x.onPurpose)
		}
		for _, d := range x.deliveries {
			out.delivery(d, x.open.toldAt(d), time.Now())
		}
		return nil
	}
}

// lookTimeout bounds a look at the outbox whose outcome is no longer waited for.
const lookTimeout = 10 * time.Second

// outlook is what is known of an alert's deliveries.
type outlook struct {
	// deliveries are those of the alert, behind each the message about many in which it is told; onPurpose is the route that
	// sends the alert to nobody.
	deliveries []outbox.Delivery
	onPurpose  string
	// waits: some of them will come to an end in time. open are the bundles of the others.
	waits bool
	open  bundles
}

// look looks at the deliveries of an alert. What is held for longer than ctx lasts is not waited for, and neither are later
// steps of an escalation.
func look(ctx context.Context, db *outbox.DB, a outbox.Alert) (*outlook, error) {
	deadline, bounded := ctx.Deadline()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout) // the last look is when ctx is over
	defer cancel()
	out := &outlook{}
	var err error
	if out.open, err = openBundles(ctx, db); err != nil {
		return nil, err
	}
	found, err := db.Find(ctx, outbox.Filter{Identity: a.Identity, Occurrence: a.Occurrence})
	if err != nil {
		return nil, failed("%w", err)
	}
	told := map[string]bool{} // in a message about many
	add := func(x outbox.Delivery) {
		out.deliveries = append(out.deliveries, x)
		at := out.open.toldAt(x)
		if x.State.Open() && (x.State != outbox.Held || x.Kind == "" && !at.IsZero() && (!bounded || at.Before(deadline))) {
			out.waits = true
		}
	}
	for _, x := range found {
		switch {
		case x.Receiver == dispatch.Nobody:
			out.onPurpose = x.Route
			continue
		case x.Kind != "" && x.State == outbox.Suppressed: // a step that is not needed
			continue
		}
		add(x)
		in := noise.ToldIn(x.Reason)
		if x.State != outbox.Suppressed || in == "" || told[in+" "+x.Receiver] {
			continue
		}
		told[in+" "+x.Receiver] = true
		messages, err := db.Find(ctx, outbox.Filter{Identity: in, Receiver: x.Receiver})
		if err != nil {
			return nil, failed("%w", err)
		}
		for _, m := range messages {
			if m.Kind == "" {
				add(m)
			}
		}
	}
	return out, nil
}

// takenEvery is how often is looked whether the deliverer has taken a record.
const takenEvery = 20 * time.Millisecond

// taken waits until the deliverer has entered a record into the outbox. It looks once more when ctx is over: others may have been waited
// for until then.
func taken(ctx context.Context, state, record string) (db *outbox.DB, a outbox.Alert, err error) {
	every := time.NewTicker(takenEvery)
	defer every.Stop()
	for {
		over := ctx.Err() != nil
		if db, a, err = takenNow(ctx, db, state, record); !errors.Is(err, outbox.ErrNotFound) {
			return db, a, err
		}
		if over {
			if db != nil {
				_ = db.Close()
			}
			return nil, outbox.Alert{}, context.Cause(ctx)
		}
		select {
		case <-ctx.Done():
		case <-every.C:
		}
	}
}

// takenNow looks for the alert of a record in db, which is opened if it is nil and can be. ErrNotFound is for what may come yet; with any
// other error there is no db.
func takenNow(ctx context.Context, db *outbox.DB, state, record string) (*outbox.DB, outbox.Alert, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
	defer cancel()
	if db == nil {
		var err error
		db, _, err = outbox.Open(ctx, outbox.Path(state), outbox.Options{})
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, outbox.ErrOlder), errors.Is(err, outbox.ErrBusy):
			return nil, outbox.Alert{}, outbox.ErrNotFound
		case err != nil:
			return nil, outbox.Alert{}, err
		}
	}
	a, err := db.AlertOfRecord(ctx, record)
	if err != nil && !errors.Is(err, outbox.ErrNotFound) {
		return nil, outbox.Alert{}, errors.Join(err, db.Close())
	}
	return db, a, err
}
