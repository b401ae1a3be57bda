package site

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/outbox"
)

// While nobody takes alerts, not more than two batches of a file are read, and the rest is what it lags behind.
func TestLagIsWhatNobodyTookYet(t *testing.T) {
	home := write(t, map[string]string{
		"etc/ossec-notify.yaml":   "receivers: {hook: {webhook: {url: https://hook.example.com/}}}\ndefault: [hook]\nfollow: [logs/alerts/alerts.json]\n",
		"logs/alerts/alerts.json": "",
	})
	state := t.TempDir()
	box, _, err := outbox.Open(t.Context(), outbox.Path(state), outbox.Options{Owner: true, DeliveryID: dispatch.DeliveryID})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Close() })
	f := openSite(t, home, state, box, discard).Followers(Cursors{})
	t.Cleanup(f.Close)
	if _, _, _, err := f.Take(t.Context(), 1); err != nil { // which begins to follow
		t.Fatal(err)
	}
	path := filepath.Join(home, "logs", "alerts", "alerts.json")
	until := func(what string, holds func(lag int64, follows bool) bool) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
			lag, follows := f.Lag()[path]
			if holds(lag, follows) {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("not within 20 s: %s; the lag is %d", what, lag)
			}
		}
	}
	until("following", func(lag int64, follows bool) bool { return follows && lag == 0 })
	const n = 5 * followBatch
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, `{"timestamp":"2026-11-23T13:28:22.412+0000","rule":{"level":5,"id":"5710","description":"d"},"agent":{"id":"1","name":"web-01"},"manager":{"name":"m"},"id":"1.%03d","location":"/l","full_log":"x"}`+"\n", i)
	}
	w, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = w.WriteString(text.String()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	most := int64(text.Len())
	until("a batch or two are read", func(lag int64, _ bool) bool { return lag >= most*(n-2*followBatch)/n && lag < most })
	taken := 0
	until("all were taken", func(lag int64, _ bool) bool {
		arrivals, _, entered, err := f.Take(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		if taken += len(arrivals); len(arrivals) > 0 {
			err = entered()
		}
		return err == nil && taken == n && lag == 0
	})
	f.Close()
	if lag := f.Lag(); len(lag) > 0 {
		t.Errorf("what is not followed any more lags: %v", lag)
	}
}
