package follow

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
)

// manager writes alerts as OSSEC and Wazuh do, and rotates the file as they and logrotate do. Its mistakes end in
// panics, for it works beside the test as well.
type manager struct {
	path    string // of alerts.json or alerts.log
	day     time.Time
	name    string // dated name of the file being written; "" if it has none
	further int    // files begun within the day
	file    *os.File
	n       int    // number of the last alert
	held    []byte // written by the program and not yet by the system
}

// newManager begins a file in a new directory, dated as the managers have it or under its own name alone.
func newManager(t *testing.T, base string, dates bool) *manager {
	t.Helper()
	m := &manager{path: filepath.Join(t.TempDir(), base), day: time.Date(2026, time.February, 27, 0, 0, 0, 0, time.UTC)}
	if dates {
		m.link("")
	} else {
		m.create()
	}
	t.Cleanup(func() { _ = m.file.Close() })
	return m
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func (m *manager) isLog() bool { return strings.HasSuffix(m.path, ".log") }

// text is alert n. Some have blank lines or what looks like a header inside.
func (m *manager) text(n int) string {
	filler := strings.Repeat("x", n*37%311)
	if !m.isLog() {
		return fmt.Sprintf(`{"timestamp":"2026-03-14T09:20:09.123+0100","rule":{"level":5,"description":"d","id":"5710"},"id":"1773475810.%d","full_log":"%s {\"a\":1}"}`+"\n", n, filler)
	}
	what := ""
	switch n % 4 {
	case 1:
		what = "** Alert 1.1: - forged,\n"
	case 2:
		what = "\nWhat changed:\n1c1\n< a\n\n> b\n"
	}
	return fmt.Sprintf("** Alert 1773475810.%d: mail  - syslog,\n2026 Mar 14 09:20:09 (web-01) 192.0.2.5->/var/log/auth.log\nRule: 5710 (level 5) -> 'd'\n%s line\n%s\n", n, filler, what)
}

// hold makes the program write k alerts, of which the system has seen nothing yet.
func (m *manager) hold(k int) {
	for range k {
		m.n++
		m.held = append(m.held, m.text(m.n)...)
	}
}

// flush makes the system see n bytes of what the program wrote.
func (m *manager) flush(n int) {
	n = min(n, len(m.held))
	_, err := m.file.Write(m.held[:n])
	must(err)
	m.held = m.held[n:]
}

// write writes k alerts.
func (m *manager) write(k int) {
	m.hold(k)
	m.flush(len(m.held))
}

// open begins to write to a file, and ends with the one before as the managers do.
func (m *manager) open(path string, flag int) {
	if m.file != nil {
		m.flush(len(m.held))
		if info, err := m.file.Stat(); m.name != "" && err == nil && info.Size() == 0 {
			_ = os.Remove(m.name)
		}
		must(m.file.Close())
	}
	var err error
	m.file, err = os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY|flag, 0o600)
	must(err)
}

func (m *manager) create() { m.open(m.path, 0) }

// link begins the file of the day, or a further one, and links the path to it.
func (m *manager) link(further string) {
	name := filepath.Join(filepath.Dir(m.path), m.day.Format("2006/Jan"), "ossec-alerts-"+m.day.Format("02")+further+filepath.Ext(m.path))
	must(os.MkdirAll(filepath.Dir(name), 0o700))
	m.open(name, 0)
	m.name = name
	if err := os.Remove(m.path); !errors.Is(err, os.ErrNotExist) {
		must(err)
	}
	must(os.Link(name, m.path))
}

func (m *manager) midnight() {
	m.day = m.day.AddDate(0, 0, 1)
	m.link("")
}

// compress makes a .gz of a file, as monitord and logrotate do.
func compress(name string) {
	in, err := os.Open(name)
	must(err)
	defer in.Close()
	out, err := os.Create(name + ".gz")
	must(err)
	z := gzip.NewWriter(out)
	_, err = io.Copy(z, in)
	must(err)
	must(z.Close())
	must(out.Close())
	must(os.Remove(name))
}

// compressOld compresses the dated files that are no longer written.
func (m *manager) compressOld() {
	files, err := filepath.Glob(filepath.Join(filepath.Dir(m.path), "*", "*", "*"+filepath.Ext(m.path)))
	must(err)
	for _, name := range files {
		if name != m.name {
			compress(name)
		}
	}
}

// shift makes place for a new alerts.json.1.
func (m *manager) shift() {
	for n := 30; n > 0; n-- {
		for _, gz := range []string{"", ".gz"} {
			err := os.Rename(fmt.Sprintf("%s.%d%s", m.path, n, gz), fmt.Sprintf("%s.%d%s", m.path, n+1, gz))
			if !errors.Is(err, os.ErrNotExist) {
				must(err)
			}
		}
	}
}

// rename is logrotate with create; the writer opens the new file only later, with reopen.
func (m *manager) rename() {
	m.shift()
	must(os.Rename(m.path, m.path+".1"))
	must(os.WriteFile(m.path, nil, 0o600))
}

// renameByDate is logrotate with dateext and compress.
func (m *manager) renameByDate() {
	m.day = m.day.AddDate(0, 0, 1)
	name := m.path + m.day.Format("-20060102")
	must(os.Rename(m.path, name))
	m.create()
	compress(name)
}

// copyTruncate is logrotate with copytruncate.
func (m *manager) copyTruncate() {
	m.shift()
	text, err := os.ReadFile(m.path)
	must(err)
	must(os.WriteFile(m.path+".1", text, 0o600))
	must(os.Truncate(m.path, 0))
}

// replace is somebody who deletes the file.
func (m *manager) replace() {
	must(os.Remove(m.path))
	m.create()
}

// age makes the file one that was not written for long.
func (m *manager) age() {
	past := time.Now().Add(-2 * time.Hour)
	must(os.Chtimes(m.path, past, past))
}

// start follows the manager's file from a cursor on. The end of alerts.log counts as whole when it was not written
// for an hour: age makes it so.
func (m *manager) start(t *testing.T, at Cursor, opt Options) *Follower {
	t.Helper()
	opt.Location = time.UTC
	f := newFollower(m.path, at, opt.withDefaults(), blind())
	f.poll, f.quiet = time.Millisecond, time.Hour
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// startWatching is start, but what the system tells of the files is the only thing that ends a wait.
func (m *manager) startWatching(t *testing.T, at Cursor, opt Options) *Follower {
	t.Helper()
	f := New(m.path, at, opt)
	f.poll, f.quiet = time.Hour, time.Hour
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// numbers are the numbers of alerts.
func numbers(alerts []*alert.Alert) []int {
	var out []int
	for _, a := range alerts {
		var n int
		if _, err := fmt.Sscanf(a.ID, "1773475810.%d", &n); err != nil || a.Problem.Kind != "" {
			n = -1
		}
		out = append(out, n)
	}
	return out
}

// next reads until there are k alerts, and answers their numbers, what was skipped, and the last cursor.
func next(t *testing.T, f *Follower, k int) ([]int, []Skip, Cursor) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var got []int
	var skipped []Skip
	cursor := f.cursor
	for len(got) < k {
		b, err := f.Next(ctx)
		if err != nil {
			t.Fatalf("after alerts %v of %d: %v", got, k, err)
		}
		got, skipped, cursor = append(got, numbers(b.Alerts)...), append(skipped, b.Skipped...), b.Cursor
	}
	return got, skipped, cursor
}

// idle fails the test if there is anything to read now.
func idle(t *testing.T, f *Follower) {
	t.Helper()
	if b, found, err := f.gather(); found || err != nil {
		t.Fatalf("got alerts %v, skipped %v, error %v; want nothing", numbers(b.Alerts), b.Skipped, err)
	}
}

// span are the numbers from..to.
func span(from, to int) []int {
	var out []int
	for n := from; n <= to; n++ {
		out = append(out, n)
	}
	return out
}
