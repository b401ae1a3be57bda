// Package follow owns reading alerts.json and alerts.log while OSSEC or Wazuh writes them, so that no alert is
// lost and none is told twice, over restarts of ours and over every rotation of theirs. It frames alerts and has
// them parsed; it stores nothing and decides nothing about an alert.
//
// # What is promised
//
// [Follower.Next] hands out a [Batch]: alerts in the order in which they were written, and a [Cursor] that stands
// behind them. Who stores the cursor in the same transaction as what became of the alerts, and later calls [New]
// with it, gets every alert exactly once. A batch that was not stored comes again.
//
// # What is an alert
//
// In a file whose name ends in .log, an alert begins with a header ("** Alert 1795440503.34:") that stands below
// a blank line, and ends where the next one begins. The last alert has no next one: it ends when nothing was
// written for two seconds and the file ends in a blank line, or when the file is finished. In every other file a
// line is an alert. A line or an alert that is written by halves waits for its other half. NUL bytes, which a file
// has at its end after the machine lost power, end a line and count as blank.
//
// # Which file comes after which
//
// The managers write logs/alerts/2026/Mar/ossec-alerts-14.json and make logs/alerts/alerts.json a hard link to it.
// At midnight, or within a day by size (ossec-alerts-14-001.json), the link is replaced; some seconds after
// midnight the old file is compressed to ossec-alerts-14.json.gz. logrotate renames alerts.json to alerts.json.1
// (later alerts.json.2, alerts.json.1.gz) or alerts.json-20260314, or copies it there and cuts it off.
//
//   - The file that is open is read to its end through the open descriptor, whatever its name is now. It is
//     finished when a later file has something in it, for there is one writer.
//   - Then all later files follow in their order, dated or renamed, plain or compressed, and at last the file at
//     the path itself: rotations that nobody saw, because we were down or slow, lose nothing.
//   - The file of a cursor is found by the date in its name, else by its inode, else by its contents. The cursor
//     holds a hash of what stands before it: an inode that was given to a new file, and a file that was cut off
//     and filled again, are noticed, and read from the beginning.
//
// # What is not
//
// The rest of a file that was deleted, or damaged in its compressed form, before it was read is lost, which
// [Batch.Skipped] tells. What logrotate's copytruncate loses on its own account is not told by anybody. And a clock
// that is set back over midnight makes the managers go on with the file of the day before, which is then read anew
// from its beginning: the ids of the alerts are the same.
package follow

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
)

// Start says where to begin when there is no cursor yet.
type Start int

const (
	// End begins behind what is in the file: only what is written from now on is told.
	End Start = iota
	// Begin begins with the first alert of the file at the path; older files are left alone.
	Begin
)

// Options are what a follower does not know of itself. The zero value is ready for use.
type Options struct {
	// Location is the zone of dates that are written without one; nil is time.Local.
	Location *time.Location
	// MaxAlert is how many bytes of one alert are kept; 0 is [alert.DefaultLimit]. A longer alert is handed out
	// with [alert.Problem.CutAt] set, and what was cut off is in [Batch.Skipped].
	MaxAlert int
	// MaxBatch is how many alerts a batch holds at most; 0 is 500. A batch also ends at 4 MiB of text.
	MaxBatch int
	// Start counts only for a follower without a cursor.
	Start Start
	// Pass, which may be nil, says of the text of an alert whether somebody may want it. What does not pass is not decoded, and
	// does not count for MaxBatch. See [Batch.Unwanted].
	Pass func(text []byte) bool
	// Log is told of rotations and losses; nil is nobody.
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.MaxAlert <= 0 {
		o.MaxAlert = alert.DefaultLimit
	}
	o.MaxBatch = cmp.Or(max(o.MaxBatch, 0), 500)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Batch is what one call of [Follower.Next] found.
type Batch struct {
	Alerts []*alert.Alert
	// Unwanted are alerts that did not pass, as they stand in the file.
	Unwanted []Unwanted
	// Skipped is what stood between the alerts and is none.
	Skipped []Skip
	// Cursor stands behind all of it.
	Cursor Cursor

	parse alert.Options
}

// Unwanted is an alert that did not pass: its text, and before which of the Alerts it stands.
type Unwanted struct {
	Before int
	Text   []byte
}

// Reconsider asks again about what is unwanted: who decides may have changed meanwhile. What passes now takes its place among
// the Alerts.
func (b *Batch) Reconsider(pass func(text []byte) bool) {
	if !slices.ContainsFunc(b.Unwanted, func(u Unwanted) bool { return pass(u.Text) }) {
		return
	}
	var alerts []*alert.Alert
	var unwanted []Unwanted
	taken := 0
	for _, u := range b.Unwanted {
		alerts = append(alerts, b.Alerts[taken:u.Before]...)
		taken = u.Before
		if pass(u.Text) {
			alerts = append(alerts, alert.Parse(u.Text, b.parse))
		} else {
			unwanted = append(unwanted, Unwanted{len(alerts), u.Text})
		}
	}
	b.Alerts, b.Unwanted = append(alerts, b.Alerts[taken:]...), unwanted
}

// Skip is a part of a file that was not handed out.
type Skip struct {
	// File is the path of the file at the time.
	File string
	// Offset is where the part begins, in bytes of the uncompressed file.
	Offset int64
	// Bytes is how long it is; 0 if that cannot be known.
	Bytes int64
	// Why says why, in our own words: nothing in it comes from the file.
	Why string
}

const (
	// batchBytes ends a batch, so that 500 alerts of the largest size do not have to fit into memory.
	batchBytes = 4 << 20
	// pollEvery is how long a change can go unseen where the system tells us of none.
	pollEvery = time.Second
	// quietFor is how long nothing is written before the last alert of alerts.log counts as whole. The managers
	// flush what they have buffered whenever they are idle, so the other half of an alert is never that late.
	quietFor = 2 * time.Second
)

// Follower follows one file. Next is for one goroutine at a time; Lag and Close may be called from any.
type Follower struct {
	opt     Options
	archive archive
	parse   alert.Options
	watch   *watch
	poll    time.Duration
	quiet   time.Duration

	mu       sync.Mutex // held while files are looked at, not while waiting for them
	closed   bool
	fresh    bool    // there was no cursor, and the end of the file is still to be found
	announce bool    // the place where a fresh follower begins is still to be told
	cursor   Cursor  // behind what was handed out
	src      *source // the file being read, nil until it is found
	frames   frames  // what was read of it
	grown    time.Time
	ahead    string // the directory of the file that will be read next
}

// New follows the file at path from a cursor on; the zero Cursor is none, see [Options.Start]. The file need not
// exist yet. What is wrong with it, Next tells.
func New(path string, at Cursor, opt Options) *Follower {
	opt = opt.withDefaults()
	return newFollower(path, at, opt, newWatch(opt.Log))
}

func newFollower(path string, at Cursor, opt Options, w *watch) *Follower {
	archive := newArchive(path)
	f := &Follower{
		opt:     opt,
		archive: archive,
		parse:   alert.Options{FileName: archive.base, Location: opt.Location, Limit: opt.MaxAlert},
		watch:   w,
		poll:    pollEvery,
		quiet:   quietFor,
		ahead:   archive.dir,
		cursor:  at,
		// One byte more than Parse keeps, so that it sees the cut.
		frames: frames{log: filepath.Ext(path) == ".log", keep: opt.MaxAlert + 1},
	}
	if at == (Cursor{}) {
		f.cursor = Cursor{Check: check(nil)}
		f.fresh = opt.Start == End
		if f.fresh {
			_ = f.startAtEnd() // now, for what is written between New and Next is new; Next tries again
		}
	}
	f.aim()
	return f
}

// Next waits until there is something to hand out. It ends with ctx, with the error of ctx. Any other error may
// be of passing nature, and nothing is lost by it: Next can be called again, but not at once.
//
// The first batch of a follower that begins at the end has no alerts. Its cursor is to be stored like any other:
// without it, what is written between now and the first alert that is stored would be lost by a restart.
func (f *Follower) Next(ctx context.Context) (Batch, error) {
	for {
		if err := ctx.Err(); err != nil {
			return Batch{}, err
		}
		b, found, err := f.gather()
		switch {
		case found: // an error comes again with the next call
			return b, nil
		case err != nil && !errors.Is(err, errMoving):
			return Batch{}, fmt.Errorf("follow %s: %w", f.archive.path, err)
		}
		f.watch.wait(ctx, f.aim())
	}
}

// Lag is how many bytes are written and not yet handed out, those of compressed files counted as they were before.
func (f *Follower) Lag() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.src == nil {
		return 0
	}
	lag := f.src.length() - f.frames.at
	later, _ := f.later() // a number on a dashboard: what cannot be listed now is counted the next time
	for _, seg := range later {
		lag += seg.length()
	}
	return max(lag, 0)
}

// Close lets go of the file. Next then fails with [fs.ErrClosed], a call that is waiting as well.
func (f *Follower) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	f.leave()
	return f.watch.close()
}

// gather reads and frames until a batch is full or there is no more for now.
func (f *Follower) gather() (b Batch, found bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return b, false, fs.ErrClosed
	}
	if f.fresh {
		if err := f.startAtEnd(); err != nil {
			return b, false, err
		}
	}
	if f.announce {
		f.announce = false
		return Batch{Cursor: f.cursor}, true, nil
	}
	f.parse.Received = time.Now()
	size := 0
	for more := true; more && err == nil && size < batchBytes && len(b.Alerts)+len(b.Skipped) < f.opt.MaxBatch; {
		if p, ok := f.frames.next(); ok {
			size += len(p.raw)
			f.take(&b, p)
			continue
		}
		more, err = f.more(&b)
	}
	f.mark()
	b.Cursor, b.parse = f.cursor, f.parse
	return b, len(b.Alerts)+len(b.Unwanted)+len(b.Skipped) > 0, err
}

// take makes an alert of a piece.
func (f *Follower) take(b *Batch, p piece) {
	file := f.archive.path
	if f.src != nil {
		file = f.src.path
	}
	if f.opt.Pass != nil && !f.opt.Pass(p.raw) {
		b.Unwanted = append(b.Unwanted, Unwanted{len(b.Alerts), bytes.Clone(p.raw)})
		return
	}
	a := alert.Parse(bytes.Clone(p.raw), f.parse)
	switch kept := int64(f.opt.MaxAlert); {
	case a.Problem.Kind == alert.ProblemUnknown:
		b.Skipped = append(b.Skipped, Skip{File: file, Offset: p.at, Bytes: p.size, Why: "no alert: " + a.Problem.ReadsAs})
		return
	case a.Problem.CutAt > 0:
		b.Skipped = append(b.Skipped, Skip{File: file, Offset: p.at + kept, Bytes: p.size - kept, Why: fmt.Sprintf("the end of an alert of more than %d bytes", kept)})
	}
	b.Alerts = append(b.Alerts, a)
}

// flush takes what is left in a file that is finished.
func (f *Follower) flush(b *Batch) {
	if p, ok := f.frames.rest(); ok {
		f.take(b, p)
	}
}

// more reads on, or goes on to the next file. It reports whether it is worth looking again at once.
func (f *Follower) more(b *Batch) (bool, error) {
	if f.src == nil {
		return f.resume(b)
	}
	n, err := f.src.fill(&f.frames)
	switch {
	case errors.Is(err, errRewritten):
		f.mark()
		f.leave()
		return true, nil
	case errors.Is(err, errDamaged):
		f.opt.Log.Warn("compressed alerts file is damaged, its rest is lost", "file", f.src.path, "err", err)
		f.flush(b)
		b.Skipped = append(b.Skipped, Skip{File: f.src.path, Offset: f.frames.end(), Why: "the file is damaged from here on"})
		return true, nil
	case err != nil:
		return false, err
	case n > 0:
		f.grown = time.Now()
		return true, nil
	}
	return f.advance(b)
}

// advance decides at the end of a file whether it is the end for good, and then opens the next one.
func (f *Follower) advance(b *Batch) (bool, error) {
	next, err := f.next()
	if err != nil {
		return false, err
	}
	if !f.src.finished {
		if next == nil {
			if f.isQuiet() {
				f.flush(b)
			}
			return false, nil
		}
		// What was written before the next file had something in it may have come after our last read.
		f.src.finished = true
		return true, nil
	}
	f.flush(b)
	if next == nil {
		return false, nil
	}
	src, err := f.open(*next)
	if err != nil {
		return false, err
	}
	f.opt.Log.Debug("alerts file is finished", "file", f.src.path, "next", src.path)
	f.mark()
	if err := f.enter(src); err != nil {
		return false, err
	}
	return f.more(b) // at once, for nothing proves yet that what we will read is what we opened
}

// enter begins to read the next file.
func (f *Follower) enter(src *source) error {
	if f.src.gzip && src.kind == current && f.frames.at > 0 {
		// In a night without events OSSEC's monitord compresses a file that the path is still linked to.
		here := f.place()
		before, same, err := src.seek(here)
		if err != nil {
			src.close()
			return err
		}
		if same {
			src.kind, src.order = f.src.kind, f.src.order
			f.begin(src, here.Offset, before)
			return nil
		}
	}
	f.begin(src, 0, nil)
	return nil
}

// next is the first later file that has something in it, or nil. Empty files are passed over: their writer has
// gone on to the one that is not.
func (f *Follower) next() (*segment, error) {
	later, err := f.later()
	if err != nil {
		return nil, err
	}
	f.ahead = f.archive.dir
	for _, seg := range later {
		if seg.gzip || seg.size > 0 {
			return &seg, nil
		}
		f.ahead = filepath.Dir(seg.path)
	}
	return nil, nil
}

// isQuiet reports whether the alert at the end of alerts.log is whole, for all that can be known.
func (f *Follower) isQuiet() bool {
	return f.frames.endsBlank() && (time.Since(f.grown) >= f.quiet || f.src.unchangedFor() >= f.quiet)
}

// aim points the watch at the directories through which the file is written, renamed and replaced, and answers how
// long to wait for the system to tell of a change. The managers write through the dated name, which no watch on the
// link's directory would see.
func (f *Follower) aim() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.src == nil {
		f.watch.aim(f.archive.dir)
		return f.poll
	}
	f.watch.aim(f.archive.dir, filepath.Dir(f.src.path), f.ahead)
	if f.frames.endsBlank() {
		return min(f.poll, max(f.quiet-time.Since(f.grown), time.Millisecond))
	}
	return f.poll
}
