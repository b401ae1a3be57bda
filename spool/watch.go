package spool

import (
	"context"
	"time"
)

// How often a deliverer looks into the spool where the system does not tell it of new records, and where it does.
const (
	lookEvery  = 2 * time.Second
	lookAnyway = 30 * time.Second
)

// Watch signals at once, when a record may have come, and every now and then in any case, until ctx ends. Signals that
// nobody waits for are one.
func Watch(ctx context.Context, state string) <-chan struct{} {
	return watch(ctx, arrivals(ctx, state+"/spool/new"))
}

// watch is Watch with the system's word for new records: nil where it gives none.
func watch(ctx context.Context, arrived <-chan struct{}) <-chan struct{} {
	signal := make(chan struct{}, 1)
	signal <- struct{}{}
	go func() {
		every := lookEvery
		if arrived != nil {
			every = lookAnyway
		}
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-arrived:
			case <-tick.C:
			}
			offer(signal)
		}
	}()
	return signal
}

// offer signals unless a signal waits already.
func offer(signal chan<- struct{}) {
	select {
	case signal <- struct{}{}:
	default:
	}
}
