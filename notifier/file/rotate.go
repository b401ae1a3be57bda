package file

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ossec-notify/ossec-notify/regular"
)

// stampForm is the time in the name of a file that was put aside: alerts-20261123T132017Z.json.
const stampForm = "20060102T150405Z"

// due reports whether a file is to be put aside before a line of so many bytes is written.
func (f *Notifier) due(st fs.FileInfo, line int64) bool {
	if st.Size() == 0 {
		return false
	}
	day := func(t time.Time) string { return t.Local().Format(time.DateOnly) }
	return f.Bytes > 0 && st.Size()+line > int64(f.Bytes) || f.Daily && day(st.ModTime()) != day(f.now())
}

// rotate puts the file aside that is open and locked, and opens another in its place. Without one, the old is where it was.
func (f *Notifier) rotate(ctx context.Context, full *os.File) (fresh *os.File, err error) {
	aside, err := f.aside()
	if err != nil {
		return nil, err
	}
	if err := os.Rename(f.path, aside); err != nil {
		return nil, cause(err)
	}
	if fresh, err = f.open(ctx, os.O_CREATE); err != nil {
		back := os.Link(aside, f.path) // fails where there is another by now, which must not be written over
		if back == nil {
			back = os.Remove(aside)
		}
		return nil, errors.Join(cause(err), back)
	}
	return fresh, nil
}

// aside is a name that no file has yet, behind all of the same second.
func (f *Notifier) aside() (string, error) {
	base, ext := f.parts()
	old, err := f.old()
	if err != nil {
		return "", err
	}
	stamped := base + "-" + f.now().UTC().Format(stampForm)
	next := 0
	for _, path := range old {
		rest, ok := strings.CutPrefix(strings.TrimSuffix(strings.TrimSuffix(path, packed), ext), stamped)
		if !ok {
			continue
		}
		n, err := strconv.Atoi(strings.TrimPrefix(rest, "."))
		if err != nil { // the first has no number
			n = 0
		}
		next = max(next, n+1)
	}
	switch {
	case next > 999:
		return "", errors.New("there are a thousand files of this second already")
	case next > 0:
		stamped += fmt.Sprintf(".%03d", next)
	}
	return stamped + ext, nil
}

// parts are the path without its extension, and the extension.
func (f *Notifier) parts() (base, ext string) {
	ext = filepath.Ext(f.path)
	return strings.TrimSuffix(f.path, ext), ext
}

// tidy removes the oldest of what was put aside, and has the rest compressed, which may take longer than an attempt: nobody waits for
// it. What is not done when this process ends is done after the next rotation.
func (f *Notifier) tidy() error {
	if f.Keep > 0 {
		old, err := f.old()
		if err != nil {
			return err
		}
		var errs []error
		for _, path := range old[:max(len(old)-f.Keep, 0)] {
			_ = os.Remove(path + unfinished) // of a crash
			errs = append(errs, os.Remove(path))
		}
		if err := errors.Join(errs...); err != nil {
			return err
		}
	}
	if f.Gzip && f.packing.TryLock() {
		go func() {
			defer f.packing.Unlock()
			if err := f.packOld(); err != nil {
				why := warning(fmt.Sprintf("what was put aside of %s: %v", f.path, err))
				f.notPacked.Store(&why)
			}
		}()
	}
	return nil
}

// packOld compresses what was put aside and is not compressed yet, also what is put aside meanwhile.
func (f *Notifier) packOld() error {
	tried := map[string]bool{}
	for {
		old, err := f.old()
		if err != nil {
			return err
		}
		next := slices.IndexFunc(old, func(path string) bool { return !strings.HasSuffix(path, packed) && !tried[path] })
		if next < 0 {
			return nil
		}
		tried[old[next]] = true
		if err := f.pack(old[next]); err != nil {
			return err
		}
	}
}

// packed is how the name of a compressed file ends, and unfinished that of one which is being made.
const (
	packed     = ".gz"
	unfinished = packed + ".new"
)

// old are the files that were put aside, the oldest first.
func (f *Notifier) old() ([]string, error) {
	base, ext := f.parts()
	name := regexp.MustCompile("^" + regexp.QuoteMeta(filepath.Base(base)) + `-\d{8}T\d{6}Z(\.\d{3})?` + regexp.QuoteMeta(ext) + `(\.gz)?$`)
	dir := filepath.Dir(f.path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var old []string
	for _, e := range entries {
		if name.MatchString(e.Name()) && e.Type().IsRegular() {
			old = append(old, filepath.Join(dir, e.Name()))
		}
	}
	order := func(path string) string { // the files of one second: without a number, .001, …
		return strings.TrimSuffix(strings.TrimSuffix(path, packed), ext)
	}
	slices.SortFunc(old, func(a, b string) int { return strings.Compare(order(a), order(b)) })
	return old, nil
}

// pack compresses a file that was put aside, unless somebody else does. What it makes appears under its name when it is whole.
func (f *Notifier) pack(path string) (err error) {
	in, err := regular.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) { // by somebody else
		return nil
	}
	if err != nil {
		return err
	}
	defer in.Close()
	if err := syscall.Flock(int(in.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil // who has it packs it, or still writes to it
	}
	making := path + unfinished
	if err := os.Remove(making); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a crash
		return err
	}
	out, err := regular.OpenFile(making, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, f.mode)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(making)
		}
	}()
	z := gzip.NewWriter(out)
	_, err = io.Copy(z, in)
	if err := errors.Join(err, z.Close(), out.Chmod(f.mode), out.Sync(), out.Close()); err != nil {
		return fmt.Errorf("compress %s: %w", path, err)
	}
	if err := os.Rename(making, path+packed); err != nil {
		if errors.Is(err, fs.ErrNotExist) { // it was the oldest meanwhile
			return nil
		}
		return err
	}
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
