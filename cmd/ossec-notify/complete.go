package main

import (
	"bytes"
	"io"
	"iter"
	"path/filepath"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/regular"
)

// managerLogs are what a manager keeps of its alerts, the fullest first.
var managerLogs = []string{"alerts.json", "alerts.log"}

// alertStarts say how an alert begins in each of them, behind another one.
var alertStarts = map[string]string{"alerts.json": "\n{", "alerts.log": "\n\n** Alert "}

// completeTail is how much of the end of a manager's log is searched for an original, in bytes. The alert was
// written there moments ago.
const completeTail = 4 << 20

// completer finds the originals of alerts that came through the shell file in the manager's own logs. It keeps
// what it read of them. It is not safe for concurrent use.
type completer struct {
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

func newCompleter(home string, zone *time.Location) *completer {
	return &completer{filepath.Join(home, "logs", "alerts"), zone, map[string]tail{}}
}

// complete returns the original of an alert, or the alert itself where it is whole, where there is no original, or
// where the logs cannot be read.
func (c *completer) complete(a *alert.Alert) *alert.Alert {
	if a.Format != alert.FormatShell || a.Rule.ID == "" {
		return a
	}
	for _, name := range managerLogs {
		if whole := alert.Complete(a, c.candidates(name, a.Rule.ID)); whole != nil {
			return whole
		}
	}
	return a
}

// candidates are the alerts in the end of a log that mention a rule. Only they are parsed: the text holds
// thousands.
func (c *completer) candidates(name, ruleID string) iter.Seq2[*alert.Alert, error] {
	return func(yield func(*alert.Alert, error) bool) {
		for piece := range c.tail(name).pieces(alertStarts[name]) {
			if bytes.Contains(piece, []byte(ruleID)) && !yield(alert.Parse(piece, alert.Options{Location: c.zone}), nil) {
				return
			}
		}
	}
}

// tail is the end of a log, read again when the log has grown. It is empty where it cannot be read.
func (c *completer) tail(name string) tail {
	f, err := regular.Open(filepath.Join(c.dir, name))
	if err != nil {
		return tail{}
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return tail{}
	}
	if t, ok := c.tails[name]; ok && t.size == st.Size() {
		return t
	}
	start := max(st.Size()-completeTail, 0)
	text := make([]byte, st.Size()-start)
	n, err := f.ReadAt(text, start)
	if err != nil && err != io.EOF { // the log may have been put aside meanwhile
		return tail{}
	}
	t := tail{st.Size(), text[:n], start > 0}
	c.tails[name] = t
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

// canComplete reports whether the manager's own logs can be read: they hold what the shell file leaves out.
func canComplete(home string) bool {
	for _, name := range managerLogs {
		if f, err := regular.Open(filepath.Join(home, "logs", "alerts", name)); err == nil {
			f.Close()
			return true
		}
	}
	return false
}
