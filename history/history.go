// Package history owns reading past alerts, many at once: the files that OSSEC and Wazuh keep (alerts.json, alerts.log, what
// was rotated and compressed of them, whole folders of archives) in the order of their time, or standard input. It frames
// alerts, leaves out those that a gate says nobody wants, has the others parsed, and counts what is damaged. It follows
// nothing that grows, which is package follow's, and decides nothing about an alert.
//
// # What is an alert
//
// In a file of JSON a line is one, as for a follower; a file whose JSON goes over several lines, or in which there is something
// else, is read as [alert.Read] does. In alerts.log an alert begins with a header below a blank line. Lines that hold nothing
// are none, and text that is no alert is damage.
//
// # What is looked at
//
// A line that the gate lets through is parsed whole. Of one that it does not, no more is looked at than the gate needs, which
// may be its first sixty bytes: it counts as an alert if it begins with { and ends with }, and as a damaged one if not. With
// [Options.Strict] such a line, too, must be JSON from end to end.
//
// # What it takes
//
// Several workers read and match, each a piece of a file at a time; the alerts come in the order in which they are written all
// the same. What is compressed is inflated by one worker while the others match. The memory is that of a few pieces, whatever
// the length of the files; a line of more than [alert.DefaultLimit] is cut there.
package history

import (
	"context"
	"io"
	"iter"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
)

// Options say how to read. The zero value is ready for use.
type Options struct {
	// Pass reports whether somebody may want the alert of a line; nil lets all pass. It is called by several workers at once,
	// and must not keep the line. The gate of the routes is one.
	Pass func(line []byte) bool
	// Strict looks at every line whole.
	Strict bool
	// Workers is how many read and match; 0 is one for each processor, up to maxWorkers.
	Workers int
	// Zone is that of dates without one, and of the days of [Totals]; nil is time.Local.
	Zone *time.Location
	// Stdin is what the file "-" means.
	Stdin io.Reader
}

const maxWorkers = 8

func (o Options) withDefaults() Options {
	if o.Workers <= 0 {
		o.Workers = min(runtime.GOMAXPROCS(0), maxWorkers)
	}
	if o.Zone == nil {
		o.Zone = time.Local
	}
	return o
}

// Totals are what was read so far.
type Totals struct {
	// Alerts are all, Passed those that the gate let through, Damaged those that are no whole alert.
	Alerts, Passed, Damaged int
	// Bytes is how much text they were, inflated.
	Bytes int64
	// From and To are the times of the first and the last alert, by their own clocks. Of those that did not pass they are known
	// where the time stands where the managers write it.
	From, To time.Time
	// Days are how many alerts there were on each day of the zone ("2026-11-14"), as far as their times are known.
	Days map[string]int
}

// Damage is what is no whole alert.
type Damage struct {
	File string
	// Line is counted from 1; it is 0 where that cannot be known, or it is the whole file.
	Line int
	// Text says why, in our own words: nothing in it comes from the file.
	Text string
}

// maxDamages is how many damages are kept. All are counted.
const maxDamages = 1000

// Reader reads files once. Its methods may be called from any goroutine.
type Reader struct {
	files []File
	opt   Options
	piece int          // pieceSize, but for tests
	read  atomic.Int64 // bytes of the files as they are on disk
	size  int64

	mu      sync.Mutex
	totals  Totals
	damages []Damage
}

// New makes a reader of files in their order; see [Find].
func New(files []File, opt Options) *Reader {
	r := &Reader{files: files, opt: opt.withDefaults(), piece: pieceSize}
	r.totals.Days = map[string]int{}
	for _, f := range files {
		r.size += f.Size
	}
	return r
}

// Progress is how much of the files was read, in bytes as they are on disk, and how much there is; of standard input the
// size is not known and not counted.
func (r *Reader) Progress() (read, of int64) { return r.read.Load(), r.size }

// Totals are those of all alerts up to the one that was handed out last, and of some hundreds behind it; at the end, of all.
func (r *Reader) Totals() Totals {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.totals
	t.Days = maps.Clone(t.Days)
	return t
}

// Damages are the first maxDamages, in order.
func (r *Reader) Damages() []Damage {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.damages)
}

// Alerts reads all files, once. It hands out the alerts that pass the gate, in the order of the files. The sequence ends with
// the files, with an error that a disk gave (which names the file), or with ctx, whose error comes last. Damage is no error.
func (r *Reader) Alerts(ctx context.Context) iter.Seq2[*alert.Alert, error] {
	return func(yield func(*alert.Alert, error) bool) { r.run(ctx, yield) }
}
