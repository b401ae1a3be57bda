package spool

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestWatchLooksEveryTwoSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signals := watch(t.Context(), nil)
		<-signals // at once
		for range 3 {
			start := time.Now()
			<-signals
			if got, want := time.Since(start), 2*time.Second; got != want {
				t.Errorf("after %s, want %s", got, want)
			}
		}
	})
}

func TestWatchEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		signals := watch(ctx, nil)
		<-signals
		cancel()
		synctest.Wait()
		time.Sleep(time.Minute)
		select {
		case <-signals:
			t.Error("a signal after the end")
		default:
		}
	})
}

func TestSignalsThatNobodyWaitsForAreOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signals := watch(t.Context(), nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		<-signals
		select {
		case <-signals:
			t.Error("a second signal")
		default:
		}
	})
}
