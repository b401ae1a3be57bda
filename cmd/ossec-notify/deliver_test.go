package main

import (
	"bytes"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/ossec-notify/ossec-notify/spool"
)

// Where the first state directory could not be made, the log says once what mends it.
func TestSecondStateIsToldOnce(t *testing.T) {
	home := t.TempDir()
	places := spool.Places(home)
	for n, want := range []int{0, 1} {
		var text bytes.Buffer
		log := slog.New(slog.NewTextHandler(&text, nil))
		if err := os.MkdirAll(places[n], 0o700); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			_, closeBox, err := openDeliverer(t.Context(), home, places[n], log)
			if err != nil {
				t.Fatal(err)
			}
			if err := closeBox(); err != nil {
				t.Fatal(err)
			}
		}
		if got := strings.Count(text.String(), "run ossec-notify install as root"); got != want {
			t.Errorf("%s: told %d times, want %d:\n%s", places[n], got, want, text.String())
		}
	}
}
