package history

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/regular"
)

const (
	// pieceSize is how much is matched at once: it fits into a processor's second cache together with what is made of it.
	pieceSize = 256 << 10
	// streamed is how many alerts of a file that is no file of lines make a piece.
	streamed = 64
)

// form is how a file is cut into alerts.
type form int

const (
	undecided form = iota
	lines          // a line is an alert
	headers        // alerts.log
	stream         // what else alert.Read knows
)

// feed hands out the pieces of all files, in order. The worker that is handed one reads it itself, so that it is in its
// processor's cache.
type feed struct {
	ctx   context.Context // of the whole reading
	opt   Options
	files []File
	read  *atomic.Int64
	piece int         // how much is matched at once
	order chan *piece // in the order of reading; its room bounds what is in memory

	mu     sync.Mutex
	source *source // the file that is being read
	ended  bool
	free   sync.Pool // buffers
}

// source is a file that is being read.
type source struct {
	File
	form   form
	base   string // the name that its alerts came by
	file   io.Closer
	text   io.Reader
	rest   []byte // what was read and belongs to the next piece
	spent  bool   // text is at its end
	broken string // how it ended early, for people
	alerts func() (*alert.Alert, error, bool)
	stop   func()
}

// counting counts what is read.
type counting struct {
	r io.Reader
	n *atomic.Int64
}

func (c counting) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// next reads the next piece, and puts it into the order. It is nil at the end of all files, or when the context has ended.
func (f *feed) next() *piece {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return nil
	}
	p := f.fill()
	if p == nil {
		f.end()
		return nil
	}
	select {
	case f.order <- p:
		if p.err != nil {
			f.end()
		}
		return p
	case <-f.ctx.Done():
		f.end()
		return nil
	}
}

// end closes the order; next is not to be called after it, or does nothing.
func (f *feed) end() {
	if !f.ended {
		f.ended = true
		close(f.order)
	}
	f.leave()
}

func (f *feed) leave() {
	if s := f.source; s != nil {
		if s.stop != nil {
			s.stop()
		}
		_ = s.file.Close()
		f.source = nil
	}
}

// fill makes the next piece of what there is; nil at the end. An error of a disk is in the piece.
func (f *feed) fill() *piece {
	for {
		if f.source == nil {
			if len(f.files) == 0 {
				return nil
			}
			s, err := f.open(f.files[0])
			f.files = f.files[1:]
			if err != nil {
				return &piece{File: s.File, err: err, done: closed}
			}
			f.source = s
		}
		s := f.source
		p, err := f.cut(s)
		if err != nil {
			p = &piece{File: s.File, err: fmt.Errorf("read %s: %w", s.Path, err), done: closed}
		}
		if p == nil {
			f.leave()
			continue
		}
		return p
	}
}

// closed is the channel of what is done.
var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

func (f *feed) open(file File) (*source, error) {
	s := &source{File: file, base: baseName(file.Path)}
	var raw io.Reader
	if file.Path == Stdin {
		raw, s.file = f.stdin()
	} else {
		opened, err := regular.Open(file.Path)
		if err != nil {
			return s, err
		}
		raw, s.file = opened, opened
	}
	raw = counting{raw, f.read}
	start := make([]byte, len(gzipMark))
	n, err := io.ReadFull(raw, start)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		_ = s.file.Close()
		return s, fmt.Errorf("read %s: %w", file.Path, err)
	}
	raw = io.MultiReader(bytes.NewReader(start[:n]), raw)
	s.text = raw
	if bytes.Equal(start, gzipMark) {
		gz, err := gzip.NewReader(bufio.NewReaderSize(raw, 64<<10))
		if err != nil {
			s.broken, s.spent = damagedGzip, true
			return s, nil
		}
		s.text = gz
	}
	return s, nil
}

// stdin is standard input, whose reads end with the feed's context: a terminal or a pipe may be silent for long.
func (f *feed) stdin() (io.Reader, io.Closer) {
	if f.opt.Stdin == nil {
		return bytes.NewReader(nil), io.NopCloser(nil)
	}
	out, in := io.Pipe()
	go func() { // it ends when the next read does, which cannot be waited for
		_, err := io.Copy(in, f.opt.Stdin)
		_ = in.CloseWithError(err)
	}()
	context.AfterFunc(f.ctx, func() { _ = out.CloseWithError(f.ctx.Err()) })
	return out, out
}

const damagedGzip = "the file is damaged from here on: its compression cannot be read"

// baseName is the name of the file that alerts were in when they were new, which is a part of what they are known by.
func baseName(path string) string {
	n := named(path)
	switch {
	case path == Stdin:
		return ""
	case n.dated, n.ours:
		return "alerts" + n.ext
	}
	return strings.TrimSuffix(filepath.Base(path), ".gz")
}

// grow reads on behind text until it is at least n bytes long, or there is no more.
func (s *source) grow(text []byte, n int) ([]byte, error) {
	for len(text) < n && !s.spent {
		if cap(text) < n {
			text = append(make([]byte, 0, n), text...)
		}
		got, err := s.text.Read(text[len(text):n])
		text = text[:len(text)+got]
		if err == nil {
			continue
		}
		var disk *fs.PathError
		if err != io.EOF && (errors.As(err, &disk) || !s.compressed()) {
			return text, err
		}
		if err != io.EOF {
			s.broken = damagedGzip
		}
		s.spent = true
	}
	return text, nil
}

func (s *source) compressed() bool {
	_, ok := s.text.(*gzip.Reader)
	return ok
}

// cut reads the next piece of a file; nil at its end.
func (f *feed) cut(s *source) (*piece, error) {
	if s.form == stream {
		return f.cutStream(s), nil
	}
	buf, _ := f.free.Get().(*[]byte)
	if buf == nil {
		buf = new([]byte)
	}
	text := append((*buf)[:0], s.rest...)
	s.rest = s.rest[:0]
	for size := f.piece; ; size += f.piece {
		var err error
		if text, err = s.grow(text, size); err != nil {
			return nil, err
		}
		*buf = text
		if s.form == undecided {
			text = bytes.TrimPrefix(text, []byte("\uFEFF"))
			if s.form = formOf(text, s.spent); s.form == stream {
				from := io.MultiReader(bytes.NewReader(text), untilDamaged{s})
				s.alerts, s.stop = iter.Pull2(alert.Read(from, alert.Options{FileName: s.base, Location: f.opt.Zone}))
				return f.cutStream(s), nil
			}
		}
		p := &piece{File: s.File, form: s.form, base: s.base, buf: buf, done: make(chan struct{})}
		end := len(text)
		if !s.spent {
			end = s.form.lastEnd(text)
		}
		switch {
		case end > 0:
			p.text = text[:end]
			s.rest = append(s.rest, text[end:]...)
			return p, nil
		case s.spent:
			f.free.Put(buf)
			return s.farewell(), nil
		case len(text) > alert.DefaultLimit:
			p.text = text[:alert.DefaultLimit+1] // one more than is kept, so that the cut is seen
			p.more, err = s.skip(text[alert.DefaultLimit+1:])
			return p, err
		}
	}
}

// farewell is the last piece of a file that ended early; nil of one that did not.
func (s *source) farewell() *piece {
	if s.broken == "" {
		return nil
	}
	p := &piece{File: s.File, broken: s.broken, done: closed}
	s.broken = ""
	return p
}

// maxBegin is more than the begin of an alert that its end is known by.
const maxBegin = 128

// skip passes over the rest of an alert that is too long, of which text was read. It answers how many lines these are.
func (s *source) skip(text []byte) (passed int, err error) {
	text = bytes.Clone(text)
	for {
		if end := s.form.firstEnd(text); end >= 0 {
			s.rest = append(s.rest[:0], text[end:]...)
			return passed + bytes.Count(text[:end], newline), nil
		}
		keep := text[max(0, len(text)-maxBegin):]
		passed += bytes.Count(text[:len(text)-len(keep)], newline)
		if s.spent {
			return passed + bytes.Count(keep, newline), nil
		}
		text = append(text[:0], keep...)
		if text, err = s.grow(text, pieceSize); err != nil {
			return passed, err
		}
	}
}

// cutStream takes the next alerts of a file that alert.Read reads.
func (f *feed) cutStream(s *source) *piece {
	p := &piece{File: s.File, form: stream, done: make(chan struct{})}
	for range streamed {
		a, err, ok := s.alerts()
		if !ok {
			break
		}
		if err != nil {
			return &piece{File: s.File, err: fmt.Errorf("read %s: %w", s.Path, err), done: closed}
		}
		p.read = append(p.read, a)
	}
	if len(p.read) == 0 {
		return s.farewell()
	}
	return p
}

// untilDamaged is the rest of a source; where its compression is damaged, it ends.
type untilDamaged struct{ *source }

func (u untilDamaged) Read(p []byte) (int, error) {
	got, err := u.grow(p[:0:len(p)], len(p))
	if err == nil && len(got) == 0 {
		err = io.EOF
	}
	return len(got), err
}

var newline = []byte("\n")

// formOf tells by how a file begins how it is cut. whole: text is all of it.
func formOf(text []byte, whole bool) form {
	begin := bytes.TrimLeft(text, blanks)
	line, rest, more := bytes.Cut(begin, newline)
	line = bytes.TrimRight(line, blanks)
	switch {
	case bytes.HasPrefix(begin, []byte(logStart)):
		return headers
	case bytes.HasPrefix(line, []byte("{")) && (bytes.HasSuffix(line, []byte("}")) || more && bytes.HasPrefix(rest, []byte("{")) || !more && !whole):
		return lines
	case bytes.Contains(begin, []byte("}\n{\"")):
		return lines // it begins in the middle of an alert
	case headers.firstEnd(begin) >= 0:
		return headers
	}
	return stream
}

const (
	blanks   = " \t\r\n\x00" // may stand around an alert without being part of it
	logStart = "** Alert "
)

// firstEnd is where the first alert of a text ends that another one follows; -1 where none does.
func (f form) firstEnd(text []byte) int {
	if f == lines {
		if i := bytes.IndexByte(text, '\n'); i >= 0 {
			return i + 1
		}
		return -1
	}
	for at := 1; at < len(text); {
		i := bytes.Index(text[at:], []byte(logStart))
		if i < 0 {
			break
		}
		if at += i; begins(text, at) {
			return at
		}
		at++
	}
	return -1
}

// lastEnd is where the last alert of a text begins, which may go on; 0 where it is the first.
func (f form) lastEnd(text []byte) int {
	if f == lines {
		return bytes.LastIndexByte(text, '\n') + 1
	}
	for at := len(text); ; {
		if at = bytes.LastIndex(text[:at], []byte(logStart)); at <= 0 {
			return 0
		}
		if begins(text, at) {
			return at
		}
	}
}

// begins reports whether an alert of alerts.log begins at a place: its header, below a blank line.
func begins(text []byte, at int) bool {
	above := text[:at]
	return (bytes.HasSuffix(above, []byte("\n\n")) || bytes.HasSuffix(above, []byte("\n\r\n"))) && alert.IsLogHeader(text[at:min(len(text), at+maxBegin)])
}
