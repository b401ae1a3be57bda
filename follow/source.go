package follow

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/ossec-notify/ossec-notify/regular"
)

var (
	// errRewritten means that a file no longer holds what was read of it.
	errRewritten = errors.New("the file was cut off or written anew")
	// errDamaged means that a compressed file cannot be read further.
	errDamaged = errors.New("the compression is damaged")
)

// source is an open file.
type source struct {
	segment
	file *os.File
	gz   *gzip.Reader // of a compressed file, from the first read on

	// finished is set when nothing more will be written.
	finished bool
	// spent is set when nothing more can be read.
	spent bool
	// renamed is the inode under which the file stands among the renamed ones: its own, until it is compressed.
	renamed uint64
	// gone is set when it was looked for there in vain.
	gone bool

	last []byte // what was read last; reused
}

// open opens a file of the archive.
func open(seg segment) (*source, error) {
	file, err := regular.Open(seg.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errMoving
	}
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && inode(info) != seg.inode {
		err = errMoving
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return &source{segment: seg, file: file, finished: seg.gzip, renamed: seg.inode}, nil
}

func (s *source) close() { _ = s.file.Close() }

// length is how many bytes the file holds now.
func (s *source) length() int64 {
	seg := s.segment
	if info, err := s.file.Stat(); err == nil {
		seg.size = info.Size()
	}
	return seg.length()
}

// unchangedFor is how long ago the file was written, by the clock of the file system.
func (s *source) unchangedFor() time.Duration {
	info, err := s.file.Stat()
	if err != nil {
		return 0
	}
	return time.Since(info.ModTime())
}

// seek goes to the place of a cursor and answers what stands before it. It reports false if that is not what the
// cursor remembers.
func (s *source) seek(c Cursor) ([]byte, bool, error) {
	if c.Offset < 0 {
		return nil, false, nil
	}
	before := make([]byte, min(checked, c.Offset))
	skip := c.Offset - int64(len(before))
	var err error
	if s.gzip {
		err = s.inflate(func(r io.Reader) error {
			if _, err := io.CopyN(io.Discard, r, skip); err != nil {
				return err
			}
			_, err := io.ReadFull(r, before)
			return err
		})
	} else {
		_, err = s.file.ReadAt(before, skip)
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF || errors.Is(err, errDamaged) {
		return nil, false, nil // it does not have so much
	}
	return before, err == nil && check(before) == c.Check, err
}

// fill reads on behind what f has. It answers 0 at the end of what is in the file now.
func (s *source) fill(f *frames) (int, error) {
	f.room()
	have := len(f.buf)
	switch {
	case s.spent:
		return 0, nil
	case s.gzip:
		return s.fillInflated(f)
	}
	// What was read last is read again in the same go: only so is it certain that what comes is what follows.
	s.last = append(s.last[:0], f.last()...)
	again := len(s.last)
	n, err := s.file.ReadAt(f.buf[have-again:cap(f.buf)], f.end()-int64(again))
	if err == io.EOF {
		err = nil
	}
	if err == nil && (n < again || !bytes.Equal(f.buf[have-again:have], s.last)) {
		err = errRewritten
	}
	if err != nil {
		copy(f.buf[have-again:have], s.last)
		return 0, err
	}
	f.buf = f.buf[:have-again+n]
	return n - again, nil
}

func (s *source) fillInflated(f *frames) (n int, err error) {
	have := len(f.buf)
	err = s.inflate(func(r io.Reader) (err error) {
		n, err = r.Read(f.buf[have:cap(f.buf)])
		return err
	})
	f.buf = f.buf[:have+n]
	if n > 0 || err == nil {
		return n, nil // an error comes again
	}
	s.spent = err == io.EOF || errors.Is(err, errDamaged)
	if err == io.EOF {
		err = nil
	}
	return 0, err
}

// inflate lets read read the uncompressed contents, from where it came to the last time. It tells what is wrong
// with the compression from what is wrong with the disk.
func (s *source) inflate(read func(io.Reader) error) (err error) {
	if s.gz == nil {
		s.gz, err = gzip.NewReader(bufio.NewReaderSize(s.file, chunk))
	}
	if err == nil {
		err = read(s.gz)
	}
	var disk *fs.PathError
	if err == nil || err == io.EOF && s.gz != nil || errors.As(err, &disk) {
		return err
	}
	return fmt.Errorf("%w: %w", errDamaged, err)
}
