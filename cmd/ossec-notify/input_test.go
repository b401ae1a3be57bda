package main

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Who gives a pipe that nobody writes to, or that is written to for ever, can end the command.
func TestPipeInPlaceOfAlertsCanBeInterrupted(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"preview", "explain"} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		done := make(chan int, 1)
		var stderr strings.Builder
		go func() {
			done <- run(ctx, []string{command, "--home", t.TempDir(), fifo}, strings.NewReader(""), io.Discard, &stderr)
		}()
		select {
		case code := <-done:
			if code != exitFail && code != exitUsage {
				t.Errorf("%s exits with %d: %s", command, code, stderr.String())
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s hangs", command)
		}
	}
}
