package main

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

// What several deliverers lost, one after the other, is told one by one; nothing is counted twice, and a later outbox that goes does not take
// what is known of an earlier one with it.
func TestLossesAreKept(t *testing.T) {
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, "logs"), 0o755); err != nil {
		t.Fatal(err)
	}
	opened := func() *outbox.DB {
		box, _, err := outbox.Open(t.Context(), filepath.Join(t.TempDir(), "outbox.db"), outbox.Options{Owner: true, DeliveryID: dispatch.DeliveryID})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { box.Close() })
		return box
	}
	at := time.Now().Add(-time.Hour).Round(time.Second)
	lost := func(n int, after time.Duration, alert string) error {
		return &dispatch.LostError{At: at.Add(after), Deliveries: n, Err: fmt.Errorf("it was removed: %w", errStateLost),
			Known: []outbox.Delivery{{Alert: outbox.Alert{Identity: alert}, Receiver: "soc"}}}
	}
	first := new(loss)
	first.and(lost(1, 0, "a"))
	first.and(lost(2, time.Second, "b"))
	first.and(lost(0, 2*time.Second, "b")) // while the directory was still removed
	box := opened()
	first.keep(t.Context(), home, box, discard)
	first.leave(home, discard) // which is kept

	second := new(loss) // another process, whose outbox goes after it saw what was kept
	second.keep(t.Context(), home, box, discard)
	second.and(lost(3, 5*time.Minute, "c"))
	second.leave(home, discard)
	third := new(loss)
	third.and(lost(4, 10*time.Minute, "d"))
	third.leave(home, discard)

	box = opened()
	for range 2 {
		new(loss).keep(t.Context(), home, box, discard)
		var told []string
		l := lately(t.Context(), box)
		for _, x := range l.events() {
			told = append(told, fmt.Sprint(x.At.Sub(at), " ", x.Deliveries))
		}
		if got, want := strings.Join(told, ", "), "10m0s 4, 5m0s 3, 1s 2, 0s 1"; got != want || l.total() != 10 || len(l.Known) != 4 {
			t.Fatalf("the outbox has %s, want %s (%+v)", got, want, l)
		}
	}
	if left, err := filepath.Glob(filepath.Join(home, "logs", "*")); err != nil || len(left) > 0 {
		t.Errorf("there is still %v (%v)", left, err)
	}
	for i := range 3 * maxLosses {
		third.and(lost(1, time.Duration(11+i)*time.Minute/2, "e"))
	}
	if got := len(third.events()); got != maxLosses {
		t.Errorf("%d are kept, want %d", got, maxLosses)
	}
}

// Others may write to the directory of the log: what lies there is no loss only because it has the name.
func TestWhatIsNoLossIsNotBelieved(t *testing.T) {
	home := t.TempDir()
	path := filepath.Join(home, "logs", lossFile)
	if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(home, "secret")
	if err := os.WriteFile(secret, []byte(`{"at":"2026-11-29T10:00:00Z","why":"s3cret","deliveries":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, place := range map[string]func() error{
		"text":        func() error { return os.WriteFile(path, []byte("s3cret"), 0o600) },
		"much":        func() error { return os.WriteFile(path, []byte(`{"why":"`+strings.Repeat("x", lossBytes)+`"}`), 0o600) },
		"a link":      func() error { return os.Symlink(secret, path) },
		"a directory": func() error { return os.Mkdir(path, 0o755) },
		"an old one":  func() error { return os.WriteFile(path, []byte(`{"at":"2020-01-01T00:00:00Z","deliveries":1}`), 0o600) },
	} {
		if err := place(); err != nil {
			t.Fatal(err)
		}
		l, err := leftLoss(home)
		if l != nil || (err == nil) != (name == "an old one") || err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: got %+v, %v", name, l, err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// Of an outbox that could not be read any more nobody says that nothing waited in it, also once its file was adopted.
func TestALossThatIsNotKnownIsTold(t *testing.T) {
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, "logs"), 0o755); err != nil {
		t.Fatal(err)
	}
	box, _, err := outbox.Open(t.Context(), filepath.Join(home, "outbox.db"), outbox.Options{Owner: true, DeliveryID: dispatch.DeliveryID})
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	before := new(loss)
	before.and(&dispatch.LostError{At: time.Now(), Unknown: true, Err: errStateLost})
	before.leave(home, discard)
	new(loss).keep(t.Context(), home, box, discard)
	l := lately(t.Context(), box)
	if l == nil || !strings.Contains(l.words(), "nobody knows what else was lost") {
		t.Fatalf("the outbox has %+v", l)
	}
	if got := l.of("mgr/1"); !strings.Contains(got, "it has not all names") {
		t.Errorf("explain says %q", got)
	}
}
