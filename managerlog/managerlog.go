// Package managerlog owns looking into what a manager itself keeps of its alerts, HOME/logs/alerts, for the original of one that came
// to us cut short. It reads the ends of those files, as they are now.
//
// Following them while they are written is package follow's, and those of earlier days are package history's.
package managerlog

import (
	"bytes"
	"io"
	"iter"
	"path/filepath"
	"slices"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/regular"
)

// names are what a manager keeps of its alerts, the fullest first.
var names = []string{"alerts.json", "alerts.log"}

// Names are the files below HOME/logs/alerts that hold a manager's alerts, the fullest first.
func Names() []string { return slices.Clone(names) }

// alertStarts say how an alert begins in each of them, behind another one.
var alertStarts = map[string]string{"alerts.json": "\n{", "alerts.log": "\n\n** Alert "}

// completeTail is how much of the end of a manager's log is searched for an original, in bytes. The alert was
// written there moments ago.
const completeTail = 4 << 20

// Logs are a manager's own logs. They keep what was read of them. They are not safe for concurrent use.
type Logs struct {
	dir   string
	zone  *time.Location
	tails map[string]tail // by the name of the log
}

// tail is the end of a log.
type tail struct {
	size int64 // of the log, when it was read
	text []byte
	cut  bool // the log begins before it
}

// New are the logs of the manager at a home. Dates without a zone are of the one given.
func New(home string, zone *time.Location) *Logs {
	return &Logs{filepath.Join(home, "logs", "alerts"), zone, map[string]tail{}}
}

// Complete returns the original of an alert that came through the shell file, or the alert itself where it is whole, where there is no original, or
// where the logs cannot be read.
func (l *Logs) Complete(a *alert.Alert) *alert.Alert {
	if a.Format != alert.FormatShell || a.Rule.ID == "" {
		return a
	}
	for _, name := range names {
		if whole := alert.Complete(a, l.candidates(name, a.Rule.ID)); whole != nil {
			return whole
		}
	}
	return a
}

// ByID is the alert of an id, as the end of a log holds it; nil where none does.
func (l *Logs) ByID(id string) *alert.Alert {
	for _, name := range names {
		for a := range l.candidates(name, id) {
			if a.ID == id {
				return a
			}
		}
	}
	return nil
}

// Recent are the texts of the alerts in the end of the log of a name, the oldest first.
func (l *Logs) Recent(name string) iter.Seq[[]byte] { return l.tail(name).pieces(alertStarts[name]) }

// candidates are the alerts in the end of a log that mention a word. Only they are parsed: the text holds
// thousands.
func (l *Logs) candidates(name, word string) iter.Seq2[*alert.Alert, error] {
	return func(yield func(*alert.Alert, error) bool) {
		for piece := range l.Recent(name) {
			if bytes.Contains(piece, []byte(word)) && !yield(alert.Parse(piece, alert.Options{Location: l.zone}), nil) {
				return
			}
		}
	}
}

// tail is the end of a log, read again when the log has grown. It is empty where it cannot be read.
func (l *Logs) tail(name string) tail {
	f, err := regular.Open(filepath.Join(l.dir, name))
	if err != nil {
		return tail{}
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return tail{}
	}
	if t, ok := l.tails[name]; ok && t.size == st.Size() {
		return t
	}
	start := max(st.Size()-completeTail, 0)
	text := make([]byte, st.Size()-start)
	n, err := f.ReadAt(text, start)
	if err != nil && err != io.EOF { // the log may have been put aside meanwhile
		return tail{}
	}
	t := tail{st.Size(), text[:n], start > 0}
	l.tails[name] = t
	return t
}

// pieces are the alerts of the tail, told by how one begins behind another; without the rest of one that the tail
// begins in.
func (t tail) pieces(start string) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		blanks := len(start) - len(bytes.TrimLeft([]byte(start), "\n"))
		text, cut := t.text, t.cut
		for len(text) > 0 {
			piece, next := text, []byte(nil)
			if end := bytes.Index(text, []byte(start)); end >= 0 {
				piece, next = text[:end], text[end+blanks:]
			}
			if !cut && !yield(piece) {
				return
			}
			text, cut = next, false
		}
	}
}

// Readable reports whether the logs of the manager at a home can be read: they hold what the shell file leaves out.
func Readable(home string) bool {
	for _, name := range names {
		if f, err := regular.Open(filepath.Join(home, "logs", "alerts", name)); err == nil {
			f.Close()
			return true
		}
	}
	return false
}
