package regular

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestOnlyRegularFilesAreOpenedAndNothingIsWaitedFor(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	held := at("held FIFO") // its writer never writes
	for _, err := range []error{
		os.WriteFile(at("file"), []byte("text"), 0o600), os.Symlink("file", at("link to a file")),
		os.Mkdir(at("directory"), 0o700), syscall.Mkfifo(at("FIFO"), 0o600), syscall.Mkfifo(held, 0o600),
		os.Symlink("FIFO", at("link to a FIFO")), os.Symlink("/dev/zero", at("link to a device")),
		syscall.Mknod(at("socket"), syscall.S_IFSOCK|0o600, 0),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	writer, err := os.OpenFile(held, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	for path, want := range map[string]error{
		at("file"): nil, at("link to a file"): nil, at("missing"): fs.ErrNotExist,
		at("directory"): ErrOther, at("FIFO"): ErrOther, held: ErrOther, at("link to a FIFO"): ErrOther,
		at("link to a device"): ErrOther, at("socket"): ErrOther, "/dev/zero": ErrOther,
	} {
		type result struct {
			text []byte
			err  error
		}
		done := make(chan result, 1)
		go func() {
			b, err := Read(path, 100)
			done <- result{b, err}
		}()
		select {
		case got := <-done:
			if !errors.Is(got.err, want) || want == nil && string(got.text) != "text" {
				t.Errorf("%s: %q, %v; want the error %v", path, got.text, got.err, want)
			}
			if of := (*fs.PathError)(nil); want != nil && (!errors.As(got.err, &of) || of.Path != path) {
				t.Errorf("%s: the error %v does not name it", path, got.err)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: it hangs", path)
		}
	}
}

func TestWriterOfAFIFOWaitsForNoReader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "FIFO")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenFile(path, os.O_WRONLY|os.O_APPEND, 0); !errors.Is(err, ErrOther) {
		t.Errorf("error %v, want that it is no regular file", err)
	}
}

func TestLimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err := Read(path, 5); err != nil || string(b) != "12345" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := Read(path, 4); err == nil {
		t.Error("more was read than the limit")
	}
}
