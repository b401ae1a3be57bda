package dispatch

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/outbox"
)

// A connection that breaks fails every attempt that is under way: one line says so, with how many there were.
func TestAttemptsThatFailTogetherAreOneLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := temporary("the connection broke", 0)
		b := newBench(t, map[string]*scripted{"syslog-1": {answers: []error{broken, broken, temporary("no route", 0), broken}}})
		var lines bytes.Buffer
		var mu sync.Mutex
		b.log = slog.New(slog.NewTextHandler(lockedWriter{&mu, &lines}, nil))
		b.site.d.Receivers["syslog-1"].Concurrency = 4
		b.site.d.Receivers["syslog-1"].Notifier = together{b.site.d.Receivers["syslog-1"].Notifier, time.Second}
		for i := range 4 {
			b.queue.put(b.arrival(fmt.Sprint(i), "low"))
		}
		b.start()
		for b.states("syslog-1")[outbox.Delivered] < 4 {
			time.Sleep(time.Minute)
			synctest.Wait()
		}
		if err := b.stop(); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		got := lines.String()
		if n := strings.Count(got, "attempt failed, trying again"); n != 2 {
			t.Errorf("%d lines, want one for each of two failures:\n%s", n, got)
		}
		if strings.Count(got, `deliveries=3 err="the connection broke"`) != 1 || strings.Count(got, `err="no route"`) != 1 || strings.Count(got, "deliveries=") != 1 {
			t.Errorf("the lines are:\n%s", got)
		}
	})
}

// together takes as long for each notification, so that those that begin together end together.
type together struct {
	notifier.Notifier
	takes time.Duration
}

func (s together) Notify(ctx context.Context, n notifier.Notification) (notifier.Receipt, error) {
	time.Sleep(s.takes)
	return s.Notifier.Notify(ctx, n)
}

type lockedWriter struct {
	mu *sync.Mutex
	w  *bytes.Buffer
}

func (w lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.w.Write(p)
}
