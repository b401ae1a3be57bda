package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/ossec-notify/ossec-notify/sandbox"
	"github.com/ossec-notify/ossec-notify/spool"
)

// A call by integratord opens no file of enrichment while a deliverer does the work: databases are large, and calls are many. The door
// returns before a config is read.
func TestACallOpensNoDatabase(t *testing.T) {
	t.Parallel()
	in := newInstallationWith(t, blockRoutes, sandbox.Options{})
	etc := filepath.Join(in.home, "etc")
	places(t, etc)
	if err := os.MkdirAll(in.state(), 0o700); err != nil {
		t.Fatal(err)
	}
	lock, err := spool.TryLock(in.state(), "test", "1") // as the deliverer has it that is at work
	if err != nil {
		t.Fatal(err)
	}
	opened := openedIn(t, etc)
	dir, block := t.TempDir(), []byte(blockAlert("1", "601", "add", "81.2.69.142"))
	called, kept := filepath.Join(dir, "custom-notify-1.alert"), filepath.Join(dir, "kept.json")
	if err := errors.Join(os.WriteFile(called, block, 0o644), os.WriteFile(kept, block, 0o644)); err != nil {
		t.Fatal(err)
	}
	in.call("custom-notify", called)
	names, err := spool.List(in.state())
	if err != nil || len(names) != 1 {
		t.Fatalf("the spool holds %q, %v", names, err)
	}
	if got := opened(); len(got) > 0 {
		t.Errorf("the call opened %q", got)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	in.command(exitDone, "explain", kept)
	got := opened()
	for _, want := range []string{"ossec-notify.yaml", "geo.mmdb", "asn.mmdb"} {
		if !slices.Contains(got, want) {
			t.Errorf("explain opened %q, and not %s: this test would not see it", got, want)
		}
	}
}

// openedIn gives the names of the files of a directory that were opened since it was asked last.
func openedIn(t *testing.T, dir string) func() []string {
	t.Helper()
	fd, err := syscall.InotifyInit1(syscall.IN_NONBLOCK | syscall.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if _, err := syscall.InotifyAddWatch(fd, dir, syscall.IN_OPEN); err != nil {
		t.Fatal(err)
	}
	return func() (names []string) {
		b := make([]byte, 64<<10)
		n, err := syscall.Read(fd, b)
		if err != nil && !errors.Is(err, syscall.EAGAIN) {
			t.Fatal(err)
		}
		for b = b[:max(n, 0)]; len(b) > syscall.SizeofInotifyEvent; {
			size := syscall.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(b[12:]))
			names = append(names, string(bytes.TrimRight(b[syscall.SizeofInotifyEvent:size], "\x00")))
			b = b[size:]
		}
		return names
	}
}
