package history

import (
	"bytes"
	"cmp"
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
)

// piece is a part of a file, of whole alerts, and what was made of it.
type piece struct {
	File
	form   form
	base   string
	text   []byte
	buf    *[]byte        // what text is a part of, to be used again
	more   int            // lines behind text that belong to its last alert, which was too long
	read   []*alert.Alert // of a stream: all alerts
	broken string         // the file ends early here
	err    error

	done chan struct{} // closed when what follows is there

	passed  []*alert.Alert
	alerts  int
	lines   int
	damaged int
	damages []damaged
	bytes   int64
	spans   []span
}

// damaged is a damage by its line in the piece, from 0; -1 where that is not known.
type damaged struct {
	line int
	text string
}

// span is how many alerts there were in ten minutes, and the time of one of them; until is that of a later one, or 0.
type span struct {
	at     time.Time
	alerts int
	until  int64
}

// matcher is a worker's.
type matcher struct {
	opt *Options
	*piece
	parse  alert.Options
	glance alert.Glance
	line   int // of the piece, from 0

	span         int    // the one of the times that begin as minute does
	minute, last []byte // of the last time, its begin and all of it
}

// match makes of a piece what is to be known of it.
func (r *Reader) match(p *piece) {
	m := matcher{opt: &r.opt, piece: p, parse: alert.Options{FileName: p.base, Location: r.opt.Zone}}
	p.bytes = int64(len(p.text))
	switch p.form {
	case stream:
		for _, a := range p.read {
			m.line = -1
			m.bytes += int64(len(a.Raw))
			m.take(a)
		}
	case headers:
		m.headers(p.text)
	default:
		m.linesOf(p.text)
		m.stamp()
	}
	p.lines = bytes.Count(p.text, newline) + p.more
	p.text, p.read = nil, nil
}

// headers takes apart a piece of alerts.log.
func (m *matcher) headers(text []byte) {
	for len(text) > 0 {
		end := headers.firstEnd(text)
		if end < 0 {
			end = len(text)
		}
		one := bytes.Trim(text[:end], blanks)
		if len(one) > 0 && (m.opt.Pass == nil || m.opt.Pass(one)) {
			m.take(alert.Parse(bytes.Clone(one), m.parse))
		} else if len(one) > 0 {
			m.alerts++
			m.timedByID(one)
		}
		m.line += bytes.Count(text[:end], newline)
		text = text[end:]
	}
}

// linesOf takes apart a piece of lines.
func (m *matcher) linesOf(text []byte) {
	for len(text) > 0 {
		line := text
		if i := bytes.IndexByte(text, '\n'); i >= 0 {
			line, text = text[:i], text[i+1:]
		} else {
			text = nil
		}
		m.one(line)
		m.line++
	}
}

// one takes a line.
func (m *matcher) one(line []byte) {
	if n := len(line); n == 0 || line[n-1] <= ' ' || line[0] <= ' ' {
		if line = bytes.Trim(line, blanks); len(line) == 0 {
			return
		}
	}
	if m.opt.Pass == nil || m.opt.Pass(line) {
		// Where the machine went down while it was written, NUL bytes divide alerts.
		for one := range bytes.SplitSeq(line, []byte{0}) {
			if len(one) > 0 {
				m.took(alert.Parse(bytes.Clone(one), m.parse), one)
			}
		}
		return
	}
	m.alerts++
	m.timed(line)
	switch {
	case line[0] != '{' || line[len(line)-1] != '}':
		m.damage("an alert that does not end")
	case m.opt.Strict && !m.glance.Whole(line):
		if a := alert.Parse(line, m.parse); a.Problem.Kind != "" {
			m.damage(a.Problem.ReadsAs)
		}
	}
}

// take counts an alert and keeps it, if it is one.
func (m *matcher) take(a *alert.Alert) { m.took(a, nil) }

// took is take, of an alert that is a line.
func (m *matcher) took(a *alert.Alert, line []byte) {
	switch a.Problem.Kind {
	case alert.ProblemEmpty:
		return
	case alert.ProblemUnknown:
		m.damage("no alert: " + a.Problem.ReadsAs)
		return
	case "":
	default:
		m.damage(a.Problem.ReadsAs)
	}
	m.alerts++
	if !m.timed(line) && !a.Time.IsZero() {
		m.spans = append(m.spans, span{at: a.Time, alerts: 1})
	}
	m.passed = append(m.passed, a)
}

// The managers write the time first. Times that agree up to tens of minutes are of one span.
const (
	timeStart  = `{"timestamp":"`
	timeLayout = "2006-01-02T15:04:05.000-0700"
	spanLength = len("2006-01-02T15:0")
)

// timed counts the time of a line; false where it does not stand where it is looked for.
func (m *matcher) timed(line []byte) bool {
	const begin, end = len(timeStart), len(timeStart) + len(timeLayout)
	if len(line) <= end || line[end] != '"' || string(line[:begin]) != timeStart {
		return false
	}
	if string(line[begin:begin+spanLength]) == string(m.minute) {
		m.spans[m.span].alerts++
	} else {
		at, err := time.Parse(timeLayout, string(line[begin:end]))
		if err != nil {
			return false
		}
		m.span = len(m.spans)
		m.spans = append(m.spans, span{at: at, alerts: 1})
		m.minute = line[begin : begin+spanLength]
	}
	m.last = line[begin:end]
	return true
}

// timedByID counts the time of an alert of alerts.log: its id begins with it.
func (m *matcher) timedByID(text []byte) {
	rest, begins := bytes.CutPrefix(text, []byte(logStart))
	id, _, _ := bytes.Cut(rest[:min(len(rest), maxBegin)], []byte("."))
	seconds, err := strconv.ParseInt(string(id), 10, 64)
	if !begins || err != nil || seconds <= 0 || seconds > 1<<36 {
		return
	}
	if n := len(m.spans) - 1; n >= 0 && m.spans[n].at.Unix()/600 == seconds/600 && m.spans[n].at.Unix() <= seconds {
		m.spans[n].alerts++
		m.spans[n].until = seconds
		return
	}
	m.spans = append(m.spans, span{at: time.Unix(seconds, 0), alerts: 1})
}

// stamp notes the time of the last line.
func (m *matcher) stamp() {
	if at, err := time.Parse(timeLayout, string(m.last)); err == nil {
		m.spans = append(m.spans, span{at: at})
	}
}

func (m *matcher) damage(text string) {
	m.damaged++
	if len(m.damages) < maxDamages {
		m.damages = append(m.damages, damaged{m.line, text})
	}
}

// run reads all files.
func (r *Reader) run(ctx context.Context, yield func(*alert.Alert, error) bool) {
	ctx, cancel := context.WithCancel(ctx)
	var workers sync.WaitGroup
	defer workers.Wait()
	defer cancel()
	f := &feed{ctx: ctx, opt: r.opt, piece: r.piece, files: r.files, read: &r.read, order: make(chan *piece, 2*r.opt.Workers)}
	for range r.opt.Workers {
		workers.Go(func() {
			for p := f.next(); p != nil; p = f.next() {
				if p.done == closed {
					continue
				}
				r.match(p)
				if p.buf != nil {
					f.free.Put(p.buf)
				}
				close(p.done)
			}
		})
	}
	path, line := "", 0 // of the lines before
	for p := range f.order {
		select {
		case <-p.done:
		case <-ctx.Done():
			yield(nil, ctx.Err())
			return
		}
		if p.err != nil {
			yield(nil, cmp.Or(ctx.Err(), p.err))
			return
		}
		if p.Path != path {
			path, line = p.Path, 0
		}
		r.add(p, line)
		line += p.lines
		for _, a := range p.passed {
			if ctx.Err() != nil {
				yield(nil, ctx.Err())
				return
			}
			if !yield(a, nil) {
				return
			}
		}
	}
	if err := ctx.Err(); err != nil {
		yield(nil, err)
	}
}

// add counts a piece; line are the lines of its file before it.
func (r *Reader) add(p *piece, line int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := &r.totals
	t.Alerts += p.alerts
	t.Passed += len(p.passed)
	t.Damaged += p.damaged
	t.Bytes += p.bytes
	for _, s := range p.spans {
		if t.From.IsZero() || s.at.Before(t.From) {
			t.From = s.at
		}
		for _, at := range [...]time.Time{s.at, time.Unix(s.until, 0)} {
			if at.After(t.To) {
				t.To = at
			}
		}
		if s.alerts > 0 {
			t.Days[s.at.In(r.opt.Zone).Format(time.DateOnly)] += s.alerts
		}
	}
	for _, d := range p.damages {
		r.damage(Damage{p.Path, max(line+d.line+1, 0), d.text})
	}
	if p.broken != "" {
		t.Damaged++
		r.damage(Damage{p.Path, line + 1, p.broken})
	}
}

// damage keeps a damage, if there is room for it.
func (r *Reader) damage(d Damage) {
	if len(r.damages) < maxDamages {
		r.damages = append(r.damages, d)
	}
}
