package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
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

// Managers compress what they rotate.
func TestCompressedAlertsAreRead(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := io.WriteString(z, wazuhAlert(low("1"))+"\n"); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	whole := packed.Bytes()
	dir := t.TempDir()
	preview := func(content []byte) (int, string) {
		file := filepath.Join(dir, "alerts.json.gz")
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		var out, stderr strings.Builder
		code := run(t.Context(), []string{"preview", "--home", dir, file}, strings.NewReader(""), &out, &stderr)
		return code, out.String() + stderr.String()
	}
	if code, out := preview(whole); code != 0 || strings.Contains(out, "UNKNOWN") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	if code, out := preview(whole[:len(whole)/2]); code == 0 && !strings.Contains(out, "UNKNOWN") || strings.Contains(out, "panic") {
		t.Errorf("of half of it: exit %d:\n%s", code, out)
	}
}
