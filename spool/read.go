package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// maxRecord is how much of a record is read, in bytes. Linux passes at most 2 MiB of arguments, and no byte of
// them takes more than six in the header.
const maxRecord = 2*MaxAlert + 6*(2<<20) + 64<<10

// List returns the names of the records, oldest first. Anything else that lies in spool/new is among them, for
// Read to find damaged.
func List(state string) ([]string, error) {
	entries, err := os.ReadDir(state + "/spool/new")
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

// Read reads a record. The error wraps ErrDamaged when the record belongs in spool/bad (see SetAside), ErrNewer
// when it is to be left alone, fs.ErrNotExist when it is gone; any other error may pass.
func Read(state, name string) (*Record, error) {
	path := state + "/spool/new/" + name
	f, st, err := open(path, os.O_RDONLY)
	if err != nil {
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENXIO) || errors.Is(err, errIrregular) {
			return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		return nil, err
	}
	defer f.Close()
	if st.Size() > maxRecord {
		return nil, fmt.Errorf("%w: %s has %d bytes", ErrDamaged, path, st.Size())
	}
	data, err := io.ReadAll(io.LimitReader(f, maxRecord))
	if err != nil {
		return nil, err
	}
	r, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// errIrregular is what is wrong with a directory, a FIFO or a device in the place of a file.
var errIrregular = errors.New("no regular file")

// open opens a regular file of the state directory, and nothing else that somebody may have put in its place: a link is
// not followed, and without O_NONBLOCK a FIFO would hold us up. It is looked at when it is open: what lies at the path
// may change.
func open(path string, flags int) (*os.File, fs.FileInfo, error) {
	f, err := os.OpenFile(path, flags|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, fileMode)
	if err != nil {
		return nil, nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: errIrregular}
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, st, nil
}

// Remove removes records for good. One that is gone already is no error.
func Remove(state string, names ...string) error {
	var errs []error
	for _, name := range names {
		if err := os.Remove(state + "/spool/new/" + name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, osDisk{}.syncDir(state+"/spool/new"))...)
}

// SetAside moves a record to spool/bad, where it stays for a person to look at.
func SetAside(state, name string) error {
	if err := os.Mkdir(state+"/spool/bad", dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := os.Rename(state+"/spool/new/"+name, state+"/spool/bad/"+name); err != nil {
		return err
	}
	return errors.Join(osDisk{}.syncDir(state+"/spool/bad"), osDisk{}.syncDir(state+"/spool/new"))
}

// Sweep removes what writers that were killed left in spool/tmp, if it is older than that, and returns how much
// it was.
func Sweep(state string, older time.Duration) (int, error) {
	entries, err := os.ReadDir(state + "/spool/tmp")
	if err != nil {
		return 0, err
	}
	n := 0
	var errs []error
	for _, e := range entries {
		st, err := e.Info()
		if err == nil && time.Since(st.ModTime()) <= older {
			continue
		}
		if err == nil {
			err = os.Remove(state + "/spool/tmp/" + e.Name())
		}
		switch {
		case err == nil:
			n++
		case !errors.Is(err, fs.ErrNotExist): // its writer was alive
			errs = append(errs, err)
		}
	}
	return n, errors.Join(errs...)
}

// Size measures the records that wait.
func Size(state string) (bytes int64, records int, err error) {
	entries, err := os.ReadDir(state + "/spool/new")
	if err != nil {
		return 0, 0, err
	}
	for _, e := range entries {
		st, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, 0, err
		}
		bytes += st.Size()
		records++
	}
	return bytes, records, nil
}
