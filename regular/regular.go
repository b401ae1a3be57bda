// Package regular owns opening files by paths at which something else than a file may lie, by mistake or because
// somebody put it there: a FIFO that nobody writes to, a device that never ends, a directory. What is no regular file
// is refused, and nothing is waited for. It knows nothing of what the files hold, and does not own the files that
// packages door and spool open, which mind their imports.
//
// Links are followed: configs, logs and templates are often links, and who may make links there may write the files as
// well.
package regular

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// ErrOther is what is wrong with what is no regular file.
var ErrOther = errors.New("not a regular file")

// Open opens a regular file for reading. Other errors are those of [os.Open].
//
// The kind of the file is that of what was opened: what lies at the path may change between two looks.
func Open(path string) (*os.File, error) {
	return OpenFile(path, os.O_RDONLY, 0)
}

// OpenFile is Open with the flags of [os.OpenFile].
func OpenFile(path string, flags int, mode fs.FileMode) (*os.File, error) {
	// Without O_NONBLOCK a FIFO, or a lease, would hold us up; for the reads of a regular file it means nothing.
	f, err := os.OpenFile(path, flags|syscall.O_NONBLOCK|syscall.O_NOCTTY, mode)
	if err != nil {
		if errors.Is(err, syscall.ENXIO) { // a socket, or a FIFO to be written to that nobody reads
			err = &fs.PathError{Op: "open", Path: path, Err: ErrOther}
		}
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: ErrOther}
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// Read reads a regular file whole. One of more than limit bytes is an error, and is not read.
func Read(path string, limit int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("it has more than %d bytes", limit)}
	}
	return b, nil
}
