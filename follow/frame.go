package follow

import "bytes"

const (
	// blanks may stand around an alert without being part of it.
	blanks   = " \t\r\n\x00"
	logStart = "** Alert "
	// maxNumber is how many digits each half of an alert's id may have. It bounds how much of a header must be
	// seen to know it for one: less than maxHeader.
	maxNumber = 20
	maxHeader = len(logStart) + 2*maxNumber + 2

	// chunk is how much is read at once, at least.
	chunk = 64 << 10
	// hold is how much of an overlong piece is held beside its beginning: what a cursor behind it remembers, and a
	// header of which the end is still to come.
	hold = checked + maxHeader
)

// frames cuts a file into pieces, each an alert or what stands in its place. Where the reads begin and end makes
// no difference to the pieces. Its buffer is reused: framing allocates nothing, and holds no more than one piece
// of the largest size and what was read behind it.
type frames struct {
	log  bool // alerts.log; else a line is a piece
	keep int  // bytes of a piece that are kept

	buf  []byte // up to `checked` bytes from before the piece, or more; the piece; what follows
	from int    // where in buf the piece begins
	seen int    // before this the piece does not end
	at   int64  // where in the file the piece begins
	left int64  // bytes of the piece that were left out of buf behind the first `keep`
}

// piece is one piece of a file.
type piece struct {
	raw  []byte // without blanks around it, at most keep bytes; good until more is read
	at   int64  // where in the file it begins
	size int64  // how long it is there
}

// reset begins at a place in a file, with what stands before it: `checked` bytes, or all if there are not so many.
func (f *frames) reset(at int64, before []byte) {
	f.buf = append(f.buf[:0], before...)
	f.from, f.seen, f.at, f.left = len(before), len(before), at, 0
}

// end is the place in the file up to which it was read.
func (f *frames) end() int64 { return f.at + int64(len(f.buf)-f.from) + f.left }

// before is what stands before the piece, as much of it as a cursor remembers.
func (f *frames) before() []byte { return f.buf[max(0, f.from-checked):f.from] }

// last is what was read last, as much of it as a cursor remembers.
func (f *frames) last() []byte { return f.buf[max(0, len(f.buf)-checked):] }

// next is the next piece, if its end was read.
func (f *frames) next() (piece, bool) {
	f.skipBlanks()
	find := f.line
	if f.log {
		find = f.alert
	}
	end, ok := find()
	if !ok {
		return piece{}, false
	}
	return f.cut(end), true
}

// rest is what is left when nothing will follow.
func (f *frames) rest() (piece, bool) {
	f.skipBlanks()
	if f.from == len(f.buf) {
		return piece{}, false
	}
	return f.cut(len(f.buf)), true
}

// endsBlank reports whether alerts.log ends in an alert and the blank line behind it.
func (f *frames) endsBlank() bool {
	return f.log && f.from < len(f.buf) && belowBlank(f.buf[f.from:])
}

// skipBlanks makes the piece begin with something that is not blank.
func (f *frames) skipBlanks() {
	begin := f.from
	for f.from < len(f.buf) && isBlank(f.buf[f.from]) {
		f.from++
	}
	f.at += int64(f.from - begin)
	f.seen = max(f.seen, f.from)
}

func isBlank(c byte) bool { return c == ' ' || '\t' <= c && c <= '\n' || c == '\r' || c == 0 }

// cut takes the piece that ends at buf[end] and goes on behind it.
func (f *frames) cut(end int) piece {
	p := piece{
		raw:  bytes.TrimRight(f.buf[f.from:min(end, f.from+f.keep)], blanks),
		at:   f.at,
		size: int64(end-f.from) + f.left,
	}
	f.at += p.size
	f.from, f.seen, f.left = end, end, 0
	return p
}

// line finds the end of a line.
func (f *frames) line() (end int, ok bool) {
	unseen := f.buf[f.seen:]
	i := bytes.IndexByte(unseen, '\n')
	if i >= 0 {
		unseen = unseen[:i]
	}
	if zero := bytes.IndexByte(unseen, 0); zero >= 0 {
		i = zero
	}
	if i < 0 {
		f.seen = len(f.buf)
		return 0, false
	}
	return f.seen + i + 1, true
}

// alert finds the header of the next alert.
func (f *frames) alert() (end int, ok bool) {
	for i := max(f.seen, f.from+1); i < len(f.buf); i++ {
		found := bytes.Index(f.buf[i:], []byte(logStart))
		if found < 0 {
			f.seen = max(i, len(f.buf)-len(logStart)+1)
			return 0, false
		}
		i += found
		if !belowBlank(f.buf[:i]) {
			continue
		}
		switch header(f.buf[i:]) {
		case yes:
			return i, true
		case undecided:
			f.seen = i
			return 0, false
		}
	}
	return 0, false
}

// belowBlank reports whether what follows text stands below a blank line. A log line can look like a header, but
// the managers write no blank line before it.
func belowBlank(text []byte) bool {
	n := len(text)
	return bytes.HasSuffix(text, []byte("\n\n")) || bytes.HasSuffix(text, []byte("\n\r\n")) || n > 0 && text[n-1] == 0
}

// verdict is what can be said of a text of which the end is still to come.
type verdict int

const (
	no verdict = iota
	undecided
	yes
)

// header says whether a text that begins with logStart goes on as a header does: "** Alert 1795440503.34:".
func header(text []byte) verdict {
	text = text[len(logStart):]
	for _, mark := range [...]byte{'.', ':'} {
		n := 0
		for n < len(text) && n <= maxNumber && '0' <= text[n] && text[n] <= '9' {
			n++
		}
		switch {
		case n > maxNumber:
			return no
		case n == len(text):
			return undecided
		case n == 0 || text[n] != mark:
			return no
		}
		text = text[n+1:]
	}
	return yes
}

// room makes place for at least chunk bytes behind buf. It is for when next found nothing more.
func (f *frames) room() {
	if over := len(f.buf) - (f.from + f.keep + hold); over > 0 {
		copy(f.buf[f.from+f.keep:], f.buf[len(f.buf)-hold:])
		f.buf = f.buf[:len(f.buf)-over]
		f.seen -= over
		f.left += int64(over)
	}
	if cap(f.buf)-len(f.buf) >= chunk {
		return
	}
	old := f.buf[max(0, f.from-checked):]
	f.from -= len(f.buf) - len(old)
	f.seen -= len(f.buf) - len(old)
	if cap(f.buf)-len(old) < chunk {
		f.buf = make([]byte, 0, 2*len(old)+2*chunk)
	}
	f.buf = f.buf[:copy(f.buf[:len(old)], old)]
}

// lastAlert is where in a file that ends in tail the piece begins that is not yet whole; len(tail) if all are.
func lastAlert(tail []byte, log bool) int {
	if !log {
		if i := bytes.LastIndexByte(tail, '\n'); i >= 0 {
			return i + 1
		}
		return len(tail)
	}
	if belowBlank(tail) {
		return len(tail)
	}
	for i := len(tail); ; {
		i = bytes.LastIndex(tail[:i], []byte(logStart))
		if i < 0 {
			return len(tail)
		}
		if belowBlank(tail[:i]) && header(tail[i:]) != no {
			return i
		}
	}
}
