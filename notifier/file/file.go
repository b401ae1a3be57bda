// Package file appends notifications to a local file, one JSON value a line. It owns the line, the file (who may write at a time, what
// a crash left behind) and its rotation. What a line says is the template's.
//
// The template's parts are document.json and raw, of which the setting body takes one, and a receiver's own template, body.json or
// body, which takes their place. A plain text becomes one line, its control characters shown.
//
// A line is whole or not there: it is written at once, behind what is there, by one process at a time. Where it could not be
// written whole, what there is of it is taken back; where a crash left the beginning of one, that is ended before the next.
package file

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/regular"
)

// Notifier appends to one file. It is safe for concurrent use, also by several processes.
type Notifier struct {
	path string
	body string
	mode fs.FileMode
	sync bool
	Rotation
	now func() time.Time

	packing   sync.Mutex              // who has it compresses what was put aside
	notPacked atomic.Pointer[warning] // why that failed, which nobody has been told yet
}

type warning string

var (
	_ notifier.Notifier  = (*Notifier)(nil)
	_ notifier.Composer  = (*Notifier)(nil)
	_ notifier.Selective = (*Notifier)(nil)
	_ notifier.Follower  = (*Notifier)(nil)
	_ notifier.Prober    = (*Notifier)(nil)
)

// New makes the Notifier of a receiver. It opens nothing: the file is made with the first line.
func New(cfg Config, _ notifier.Dial) (*Notifier, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	mode, err := cfg.mode()
	if err != nil {
		return nil, err
	}
	return &Notifier{path: cfg.Path, body: cmp.Or(cfg.Body, bodyJSON), mode: mode, sync: cfg.Sync, Rotation: cfg.Rotate, now: time.Now}, nil
}

// Notify appends one line. With the setting sync, nil means that it is on the disk.
//
// The file is opened for each line, so one that was moved away is made anew.
func (f *Notifier) Notify(ctx context.Context, n notifier.Notification) (notifier.Receipt, error) {
	line, err := f.line(n)
	if err != nil {
		return notifier.Receipt{}, err
	}
	return f.append(ctx, append(line, '\n'))
}

// Compose is the line that Notify would write, without its end.
func (f *Notifier) Compose(n notifier.Notification) (notifier.Message, error) {
	line, err := f.line(n)
	return notifier.Message{Type: "application/json", To: f.path, Body: line}, err
}

// Uses: of the two large parts only one is written.
func (f *Notifier) Uses(part string) bool {
	switch part {
	case "raw":
		return f.body == bodyRaw
	case "document.json":
		return f.body == bodyJSON
	}
	return true
}

// Follows: who reads alerts as they came can tell what became of one from nothing in it, and would take it for another.
func (f *Notifier) Follows(a notifier.Action) bool {
	switch a {
	case notifier.Trigger, notifier.Digest:
		return true
	case notifier.Acknowledge, notifier.Resolve, notifier.Report:
		return f.body != bodyRaw
	}
	return false
}

// Probe opens the file, or looks whether it could be made.
func (f *Notifier) Probe(ctx context.Context) error {
	held, err := f.open(ctx, 0)
	if errors.Is(err, fs.ErrNotExist) {
		st, err := os.Stat(filepath.Dir(f.path))
		if err == nil && !st.IsDir() {
			err = syscall.ENOTDIR
		}
		if err == nil {
			err = syscall.Access(filepath.Dir(f.path), 3) // to write, and to enter
		}
		if err != nil {
			return f.failure("make", err)
		}
		return nil
	}
	if err != nil {
		return f.failure("open", err)
	}
	return held.Close()
}

// line is what is written for a notification, without its end.
func (f *Notifier) line(n notifier.Notification) ([]byte, error) {
	if !n.Action.Known() {
		return nil, notifier.UnknownAction("file", n.Action)
	}
	raw := strings.TrimSpace(n.Parts["raw"].Raw())
	own, isJSON := n.Parts["body.json"]
	text := n.Parts["body"]
	document := strings.TrimSpace(n.Parts["document.json"].Raw())
	switch {
	case f.body == bodyRaw && raw != "":
		if line, err := oneLine(raw); err == nil {
			return line, nil
		}
		return oneLine(quoted(raw)) // no JSON: the text formats of OSSEC
	case isJSON:
		line, err := oneLine(own.Raw())
		if err != nil {
			e := notifier.Errorf(notifier.Permanent, "file template: the result is no valid JSON: %w", err)
			e.Hint = "see it with: ossec-notify preview"
			return nil, e
		}
		return line, nil
	case !text.Blank():
		return []byte(display.OneLine(display.Visible(text.Trim().Raw()))), nil
	case document != "":
		line, err := oneLine(document)
		if err != nil {
			return nil, notifier.Errorf(notifier.Permanent, "file template: the part document.json is no JSON: %w", err)
		}
		return line, nil
	case f.body == bodyRaw:
		return nil, notifier.Errorf(notifier.Permanent, "file: there is no original alert to write")
	}
	return nil, notifier.EmptyTemplate("file", "document.json, body.json, body")
}

// oneLine is JSON on one line, with what some readers take for the end of one escaped: the value is the same.
func oneLine(text string) ([]byte, error) {
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(text)); err != nil {
		return nil, err
	}
	return display.JSON(b.Bytes()), nil
}

// quoted is a text as a JSON string.
func quoted(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic("file: a string that is no JSON: " + err.Error()) // encoding/json takes every string
	}
	return b.String()
}

// append writes a line behind what there is.
func (f *Notifier) append(ctx context.Context, line []byte) (notifier.Receipt, error) {
	if err := ctx.Err(); err != nil {
		return notifier.Receipt{}, f.failure("append to", context.Cause(ctx))
	}
	held, err := f.open(ctx, os.O_CREATE)
	if err != nil {
		return notifier.Receipt{}, f.failure("append to", err)
	}
	defer func() { held.Close() }() // which lets go of the lock
	var warnings []string
	warn := func(what string, err error) {
		if err != nil {
			warnings = append(warnings, what+err.Error())
		}
	}
	rotated := false
	st, err := held.Stat()
	if err == nil && f.due(st, int64(len(line))) {
		fresh, failed := f.rotate(ctx, held)
		if fresh != nil {
			held.Close()
			held, rotated = fresh, true
		}
		warn("rotate "+f.path+": ", failed) // a file that is too long is better than an alert that waits
		st, err = held.Stat()
	}
	if err != nil {
		return notifier.Receipt{}, f.failure("append to", err)
	}
	if broken(held, st.Size()) {
		line = append([]byte("\n"), line...)
		warnings = append(warnings, f.path+" ended within a line, as a crash leaves it: that is ended now")
	}
	if n, err := held.Write(line); err != nil {
		if n > 0 {
			err = errors.Join(err, held.Truncate(st.Size()))
		}
		return notifier.Receipt{}, f.failure("append to", err)
	}
	if f.sync {
		if err := held.Sync(); err != nil {
			e := f.failure("write to the disk", err)
			e.Ambiguous = true
			return notifier.Receipt{}, e
		}
	}
	if rotated {
		held.Close() // others need not wait
		warn("what was put aside of "+f.path+": ", f.tidy())
	}
	if why := f.notPacked.Swap(nil); why != nil {
		warnings = append(warnings, string(*why))
	}
	return notifier.Receipt{Warning: strings.Join(warnings, "; ")}, nil
}

// broken reports whether a file ends within a line.
func broken(f *os.File, size int64) bool {
	var last [1]byte
	if size == 0 {
		return false
	}
	n, err := f.ReadAt(last[:], size-1)
	return n == 1 && err == nil && last[0] != '\n'
}

// open opens the file and waits until nobody else writes to it. Whoever moves it away meanwhile, be it logrotate or another
// process of ours, leaves us with a file that nobody reads: then the one that lies there now is opened.
func (f *Notifier) open(ctx context.Context, create int) (*os.File, error) {
	for range maxMoves {
		held, err := f.openOnce(create)
		if err != nil {
			return nil, err
		}
		if err := lock(ctx, held); err != nil {
			held.Close()
			return nil, err
		}
		mine, err := held.Stat()
		if err != nil {
			held.Close()
			return nil, err
		}
		if there, err := os.Lstat(f.path); err == nil && os.SameFile(mine, there) {
			return held, nil
		}
		held.Close()
	}
	return nil, errors.New("it is moved away again and again")
}

// maxMoves is how often a file may be moved away while we wait for it.
const maxMoves = 100

// openOnce opens the file, or makes it with its own permissions whatever the umask is. A link in its place is refused: who may
// write into a directory could lead us to any file there is.
func (f *Notifier) openOnce(create int) (*os.File, error) {
	const flags = os.O_RDWR | os.O_APPEND | syscall.O_NOFOLLOW
	for {
		held, err := regular.OpenFile(f.path, flags, 0)
		if create == 0 || !errors.Is(err, fs.ErrNotExist) {
			return held, err
		}
		held, err = regular.OpenFile(f.path, flags|os.O_CREATE|os.O_EXCL, f.mode)
		if errors.Is(err, fs.ErrExist) { // somebody was faster
			if _, err := os.Lstat(f.path); err == nil {
				continue
			}
		}
		if err != nil {
			return nil, err
		}
		if err := held.Chmod(f.mode); err != nil {
			held.Close()
			return nil, err
		}
		if f.sync {
			_ = syncDir(filepath.Dir(f.path)) // the line's own sync says whether the disk works
		}
		return held, nil
	}
}

// lock waits until the file is ours alone.
func lock(ctx context.Context, f *os.File) error {
	for pause := 100 * time.Microsecond; ; pause = min(2*pause, 20*time.Millisecond) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return fmt.Errorf("another process holds it: %w", context.Cause(ctx))
		}
	}
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// failure is an error of the file, with what a person can do about it. Nobody knows a file that cannot be written to and never
// will be: the line waits.
func (f *Notifier) failure(what string, err error) *notifier.Error {
	e := notifier.Errorf(notifier.Temporary, "%s %s: %w", what, f.path, cause(err))
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		e.Hint = "the disk or the quota is full; lines wait until there is room. rotate with keep bounds what this file takes"
	case errors.Is(err, fs.ErrPermission):
		e.Hint = fmt.Sprintf("the user that delivers (uid %d) must be allowed to write there", os.Geteuid())
	case errors.Is(err, fs.ErrNotExist):
		e.Hint = "make the directory " + filepath.Dir(f.path) + ", owned by the user that delivers"
	case errors.Is(err, syscall.ELOOP):
		e = notifier.Errorf(notifier.Misconfigured, "%s %s: it is a link", what, f.path) // the system's words say nothing to people
		e.Hint = "links are not followed here: write the path that it leads to"
	case errors.Is(err, regular.ErrOther), errors.Is(err, syscall.EISDIR):
		e.Reason, e.Hint = notifier.Misconfigured, "something else than a file lies there: remove it, or write another path"
	case errors.Is(err, syscall.EROFS):
		e.Hint = "for serve under systemd: systemctl edit ossec-notify, write [Service] and below it ReadWritePaths=" + filepath.Dir(f.path) + ", then systemctl restart ossec-notify"
	}
	return e
}

// cause is an error without the path, which stands before it.
func cause(err error) error {
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		return path.Err
	}
	return err
}
