package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/door"
	"github.com/ossec-notify/ossec-notify/outbox"
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
func (e *env) sendSpooled(ctx context.Context, state string, in input, order sendOrder, cfg *config, out *reporter) error {
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
	onPurpose := "" // the route that sends it to nobody
	found, err := db.Find(ctx, outbox.Filter{Identity: a.Identity, Occurrence: a.Occurrence})
	if err != nil {
		return failed("%w", err)
	}
	found = slices.DeleteFunc(found, func(x outbox.Delivery) bool {
		if x.Receiver == dispatch.Nobody {
			onPurpose = x.Route
		}
		return x.Receiver == dispatch.Nobody
	})
	if len(found) == 0 {
		out.nobody(a.Identity, onPurpose)
		return nil
	}
	ids := make([]string, len(found))
	for i, x := range found {
		ids[i] = x.ID
	}
	found, err = db.Await(ctx, ids...)
	if err != nil && ctx.Err() == nil {
		return failed("%w", err)
	}
	for _, x := range found {
		s := lineOf(x)
		if x.State == outbox.Suppressed { // a fallback has it: told by the fallback's own line
			fmt.Fprintf(out.notes, "note: %s: %s\n", x.Receiver, x.Reason)
		} else if x.State != outbox.Delivered {
			out.failed = true
		}
		out.line(s)
	}
	return nil
}

// takenEvery is how often is looked whether the deliverer has taken a record.
const takenEvery = 20 * time.Millisecond

// taken waits until the deliverer has entered a record into the outbox.
func taken(ctx context.Context, state, record string) (*outbox.DB, outbox.Alert, error) {
	look := time.NewTicker(takenEvery)
	defer look.Stop()
	var db *outbox.DB
	for {
		var err error
		if db == nil {
			db, _, err = outbox.Open(ctx, outboxPath(state), outbox.Options{})
			if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, outbox.ErrOlder) && !errors.Is(err, outbox.ErrBusy) {
				return nil, outbox.Alert{}, err
			}
		}
		if err == nil {
			a, err := db.AlertOfRecord(ctx, record)
			if err == nil {
				return db, a, nil
			}
			if !errors.Is(err, outbox.ErrNotFound) {
				return nil, outbox.Alert{}, errors.Join(err, db.Close())
			}
		}
		select {
		case <-ctx.Done():
			if db != nil {
				_ = db.Close()
			}
			return nil, outbox.Alert{}, context.Cause(ctx)
		case <-look.C:
		}
	}
}
