package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/outbox"
)

// What several deliverers lost, one after the other, and what an outbox knows of before, is one loss in the end; nothing is counted twice.
func TestLossesAddUp(t *testing.T) {
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, "logs"), 0o755); err != nil {
		t.Fatal(err)
	}
	box, _, err := outbox.Open(t.Context(), filepath.Join(home, "outbox.db"), outbox.Options{Owner: true, DeliveryID: dispatch.DeliveryID})
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	at := time.Now().Add(-time.Hour).Round(time.Second)
	one := func(n int, after time.Duration, alert string) *loss {
		return &loss{At: at.Add(after), Why: "it was removed", Deliveries: n, Known: []lostOne{{alert, "soc"}}}
	}
	one(1, 0, "a").keep(t.Context(), box, discard)
	one(2, time.Minute, "b").leave(home, discard)
	one(3, 2*time.Minute, "c").leave(home, discard)
	one(0, 3*time.Minute, "d").leave(home, discard) // nobody is missing anything
	kept := one(5, 0, "e")
	kept.keep(t.Context(), box, discard) // not later than what is there
	kept.leave(home, discard)
	for range 2 {
		adoptLoss(t.Context(), home, box, discard)
		l := lately(t.Context(), box)
		if l == nil || l.Deliveries != 6 || !l.At.Equal(at.Add(2*time.Minute)) || len(l.Known) != 3 || l.Known[0].Alert != "a" || l.Known[2].Alert != "c" {
			t.Fatalf("the outbox has %+v", l)
		}
	}
	if left, err := filepath.Glob(filepath.Join(home, "logs", "*")); err != nil || len(left) > 0 {
		t.Errorf("there is still %v (%v)", left, err)
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
	var before *loss
	before.and(&dispatch.LostError{At: time.Now(), Unknown: true, Err: errStateLost}).leave(home, discard)
	adoptLoss(t.Context(), home, box, discard)
	l := lately(t.Context(), box)
	if l == nil || !strings.Contains(l.words(), "nobody knows what else was lost") {
		t.Fatalf("the outbox has %+v", l)
	}
	if got := l.of("mgr/1"); !strings.Contains(got, "it has not all names") {
		t.Errorf("explain says %q", got)
	}
}
