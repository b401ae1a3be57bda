package alert

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"iter"
	"slices"
)

// Read reads one alert or many. What the stream holds is told by how it begins: JSON objects (one a line,
// pretty-printed, one behind the other, or in an array), alerts.log text, or one alert that fills it (a shell
// file, unknown text, nothing at all).
//
// A stream may be damaged, or begin in the middle of an alert. What is not whole becomes an alert with a
// Problem, and reading goes on at the next alert: in JSON at the next line that begins with a brace, in
// alerts.log at the next header below a blank line. Of an alert beyond Options.Limit the rest is skipped.
//
// The only errors are those of r; one ends the sequence, after the alert that it cut.
func Read(r io.Reader, opt Options) iter.Seq2[*Alert, error] {
	opt = opt.withDefaults()
	return func(yield func(*Alert, error) bool) {
		s := &splitter{
			r:    bufio.NewReaderSize(r, 64<<10),
			keep: opt.Limit + 1, // one more than Parse keeps, so that it sees the cut
			emit: func(raw []byte) bool { return yield(Parse(raw, opt), nil) },
		}
		if err := s.split(); err != nil && !s.stopped {
			yield(nil, fmt.Errorf("read alerts: %w", err))
		}
	}
}

// splitter cuts a stream into alerts.
type splitter struct {
	r       *bufio.Reader
	keep    int // bytes kept of one alert
	emit    func(raw []byte) bool
	piece   []byte // of the alert being read
	stopped bool   // emit wants no more
}

// add appends to the piece what there is room for.
func (s *splitter) add(b []byte) {
	s.piece = append(s.piece, b[:min(len(b), s.keep-len(s.piece))]...)
}

// flush hands over the piece, if it is more than blank.
func (s *splitter) flush() {
	raw := bytes.TrimRight(s.piece, blanks)
	s.piece = nil
	if len(raw) > 0 && !s.stopped {
		s.stopped = !s.emit(slices.Clip(raw))
	}
}

// split reads to the end. Its error is nil at the end of the stream.
func (s *splitter) split() error {
	first, err := s.begin()
	switch {
	case err == io.EOF:
		s.emit(nil)
		return nil
	case err != nil:
		return err
	case first == '{':
		return s.each((&jsonScanner{s: s}).line)
	}
	// As little is looked at as decides, for more may be long in coming.
	if start, _ := s.r.Peek(len(shellStart)); string(start) == shellStart {
		return s.each(s.whole)
	}
	if start, _ := s.r.Peek(len(logStart)); string(start) == logStart {
		return s.each((&logScanner{s: s, blank: true}).line)
	}
	start, _ := s.r.Peek(s.r.Size())
	switch {
	case first == '[' && startsObject(start[1:]), bytes.Contains(start, []byte("}\n{\"")):
		return s.each((&jsonScanner{s: s}).line)
	case bytes.Contains(start, []byte("\n\n"+logStart)):
		return s.each((&logScanner{s: s}).line)
	}
	return s.each(s.whole)
}

// begin skips what may stand before an alert and answers the first byte of it, unread.
func (s *splitter) begin() (byte, error) {
	if mark, _ := s.r.Peek(len(byteOrder)); string(mark) == byteOrder {
		_, _ = s.r.Discard(len(byteOrder))
	}
	for {
		start, err := s.r.Peek(1)
		if err != nil {
			return 0, err
		}
		if !bytes.Contains([]byte(blanks), start) {
			return start[0], nil
		}
		_, _ = s.r.Discard(1)
	}
}

// startsObject reports whether the first thing in b is an object.
func startsObject(b []byte) bool {
	b = bytes.TrimLeft(b, blanks)
	return len(b) > 0 && b[0] == '{'
}

// each calls f for every line, or every part of a line that is longer than the buffer.
func (s *splitter) each(f func(part []byte, lineStart bool)) error {
	for lineStart := true; !s.stopped; {
		part, err := s.r.ReadSlice('\n')
		if len(part) > 0 {
			f(part, lineStart)
			lineStart = part[len(part)-1] == '\n'
		}
		if err != nil && err != bufio.ErrBufferFull {
			s.flush()
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
	return nil
}

// whole is for a stream that is one alert.
func (s *splitter) whole(part []byte, _ bool) { s.add(part) }

// logScanner finds alerts in alerts.log. A header counts only below a blank line: a log line can look like a
// header, but OSSEC writes no blank line before it.
type logScanner struct {
	s     *splitter
	blank bool // the line before was blank, or this is the first
}

func (l *logScanner) line(part []byte, lineStart bool) {
	if lineStart && l.blank && isLogHeader(part) {
		l.s.flush()
	}
	l.s.add(part)
	l.blank = lineStart && len(bytes.Trim(part, blanks)) == 0
}

// isLogHeader reports whether a line is of the form "** Alert 1795440503.34:…".
func isLogHeader(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte(logStart))
	id, _, ok2 := bytes.Cut(rest, []byte(":"))
	seconds, counter, ok3 := bytes.Cut(id, []byte("."))
	return ok && ok2 && ok3 && digits(string(seconds)) && digits(string(counter))
}

// jsonScanner finds the ends of objects by counting braces outside of strings.
type jsonScanner struct {
	s                *splitter
	depth            int
	inString, escape bool
	junk             bool // what stands between objects, up to the end of its line
}

func (j *jsonScanner) line(part []byte, lineStart bool) {
	if lineStart && j.depth > 0 && part[0] == '{' {
		j.end() // the object before was never closed
	}
	begin := 0 // of what is not yet added
	for i, c := range part {
		switch {
		case j.junk:
			if c == '\n' {
				j.s.add(part[begin:i])
				begin = i + 1
				j.end()
			}
		case j.depth == 0:
			switch c {
			case '{':
				begin, j.depth = i, 1
			case ' ', '\t', '\r', '\n', 0, ',', '[', ']', '}':
			default:
				begin, j.junk = i, true
			}
		case j.escape:
			j.escape = false
		case j.inString:
			switch c {
			case '\\':
				j.escape = true
			case '"':
				j.inString = false
			}
		case c == '"':
			j.inString = true
		case c == '{':
			j.depth++
		case c == '}':
			if j.depth--; j.depth == 0 {
				j.s.add(part[begin : i+1])
				begin = i + 1
				j.end()
			}
		}
		if j.s.stopped {
			return
		}
	}
	if j.depth > 0 || j.junk {
		j.s.add(part[begin:])
	}
}

// end hands over what was read and looks for the next object.
func (j *jsonScanner) end() {
	j.s.flush()
	*j = jsonScanner{s: j.s}
}
