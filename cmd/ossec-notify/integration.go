package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/door"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/site"
	"github.com/ossec-notify/ossec-notify/spool"
)

const callUsage = `usage: custom-%s ALERTFILE [APIKEY] [HOOKURL]
This program is run by integratord (ossec.conf, <integration>). To try it: ossec-notify send --sample 5712
`

// unspooledTimeout bounds a call whose alert could not be spooled: integratord waits for us, and calls nobody else
// meanwhile.
const unspooledTimeout = 5 * time.Second

// runUnspooled is a call by integratord whose alert the spool did not take: it is delivered then and there, by one
// call of an installation at a time. It returns the exit code, which is 0 whatever happened: OSSEC switches an
// integration off for good after one other. (Only the config's strict_exit makes it 1.) What went wrong is in the
// log, and in one line on stderr that holds no secret.
func runUnspooled(ctx context.Context, u door.Unspooled, stderr io.Writer) int {
	log, closer := openLog(u.Call.Home)
	defer closer.Close()
	ctx, cancel := context.WithTimeoutCause(ctx, unspooledTimeout, fmt.Errorf("integratord is not kept waiting for more than %s", unspooledTimeout))
	defer cancel()

	log.Warn("the spool does not take the alert; it is delivered at once", "name", u.Call.Name, "err", u.Err, "remedy", "ossec-notify install")
	s := openSite(ctx, u.Call.Home, "", nil, log)
	defer s.Close()
	strict, err := deliverUnspooled(ctx, u, s)
	if err == nil {
		return exitDone
	}
	log.Error("alert is lost", "name", u.Call.Name, "err", err)
	line, _, _ := strings.Cut(err.Error(), "\n")
	fmt.Fprintf(stderr, "ossec-notify: custom-%s: %s\n", u.Call.Name, line)
	if strict {
		return exitFail
	}
	return exitDone
}

// deliverUnspooled delivers the alert of one call. strict is the config's strict_exit.
func deliverUnspooled(ctx context.Context, u door.Unspooled, s *site.Site) (strict bool, err error) {
	unlock, err := spool.LockHome(u.Call.Home)
	if err != nil {
		return false, fmt.Errorf("another call is delivering, and the spool does not take the alert: %w", u.Err)
	}
	defer unlock()
	arrival, err := s.Arrive(u.Record)
	if errors.Is(err, site.ErrNothing) {
		return false, nil
	}
	cfg := s.Config()
	strict = cfg != nil && cfg.StrictExit
	switch id := shownID(arrival.Alert); {
	case cfg == nil && len(arrival.Deliveries) == 0:
		return false, errors.Join(fmt.Errorf("the config %s is broken, so alert %s has no receiver", s.Path(), id), err)
	case err != nil:
		return strict, err
	case cfg != nil && len(cfg.Receivers) == 0 && len(arrival.Deliveries) == 0:
		return strict, fmt.Errorf("there is no config %s, so alert %s has no receiver", s.Path(), id)
	default:
		s.TellNobody(arrival, u.Call.Name)
	}
	var dead []error
	s.Dispatcher().DeliverNow(ctx, arrival.Deliveries, func(o dispatch.Outcome) {
		if o.State == outbox.Dead { // of one whose fallbacks take over, they decide
			dead = append(dead, fmt.Errorf("receiver %s: %w", o.Delivery.Receiver.Name, o.Err))
		}
	})
	return strict, errors.Join(dead...)
}
