package follow

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/alert"
)

// expect reads alerts from..to and nothing else, and answers the cursor behind them.
func expect(t *testing.T, f *Follower, from, to int) Cursor {
	t.Helper()
	got, skipped, cursor := next(t, f, to-from+1)
	if diff := cmp.Diff(got, span(from, to)); diff != "" {
		t.Fatalf("alerts (-got +want):\n%s", diff)
	}
	if len(skipped) > 0 {
		t.Fatalf("skipped %+v", skipped)
	}
	idle(t, f)
	return cursor
}

func TestFirstStartAtTheEnd(t *testing.T) {
	for _, base := range []string{"alerts.json", "alerts.log"} {
		m := newManager(t, base, true)
		m.write(3)
		m.hold(1)
		m.flush(20) // half of the fourth
		f := m.start(t, Cursor{}, Options{})
		b, err := f.Next(t.Context())
		if err != nil || len(b.Alerts) > 0 || b.Cursor.Offset == 0 || b.Cursor.Day != "2026-02-27" {
			t.Fatalf("%s: the first batch is %+v, %v; want a place and no alerts", base, b, err)
		}
		idle(t, f)
		m.write(2)
		m.age()
		expect(t, f, 4, 6)

		// Who stored only the first cursor has lost nothing.
		expect(t, m.start(t, b.Cursor, Options{}), 4, 6)
	}
}

func TestFirstStartAtTheBeginning(t *testing.T) {
	m := newManager(t, "alerts.json", true)
	m.write(3)
	expect(t, m.start(t, Cursor{}, Options{Start: Begin}), 1, 3)
}

func TestFileThatIsNotYetThereIsReadWhole(t *testing.T) {
	m := newManager(t, "alerts.json", false)
	must(os.Remove(m.path))
	f := m.startWatching(t, Cursor{}, Options{})
	b, err := f.Next(t.Context())
	if err != nil || b.Cursor == (Cursor{}) {
		t.Fatalf("the first batch is %+v, %v; want a place", b, err)
	}
	idle(t, f)
	read := make(chan []int)
	go func() {
		b, _ := f.Next(t.Context()) // waits
		read <- numbers(b.Alerts)
	}()
	m.n = 0
	m.held = []byte(m.text(1))
	m.file = nil
	m.create()
	m.flush(1000)
	if diff := cmp.Diff(<-read, []int{1}); diff != "" {
		t.Errorf("alerts (-got +want):\n%s", diff)
	}
	if got := numbers(mustBatch(t, m.start(t, b.Cursor, Options{})).Alerts); !slices.Equal(got, []int{1}) {
		t.Errorf("by the cursor from before the file: %v", got)
	}
}

func mustBatch(t *testing.T, f *Follower) Batch {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	b, err := f.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestHalfOfALineWaits(t *testing.T) {
	m := newManager(t, "alerts.json", true)
	f := m.start(t, Cursor{}, Options{Start: Begin})
	m.hold(1)
	for len(m.held) > 1 {
		m.flush(7)
		m.age()
		if len(m.held) > 0 {
			idle(t, f)
		}
	}
	m.flush(1)
	expect(t, f, 1, 1)
}

func TestHalfOfAnAlertWaits(t *testing.T) {
	m := newManager(t, "alerts.log", true)
	f := m.start(t, Cursor{}, Options{Start: Begin})
	m.write(1)
	m.hold(1) // has a blank line inside
	header := strings.Index(string(m.held), ":") + 1
	for range header - 1 {
		idle(t, f)
		m.flush(1)
	}
	idle(t, f)
	m.flush(1)
	expect(t, f, 1, 1) // its next has a header, as is now known
	for len(m.held) > 1 {
		m.flush(1)
		idle(t, f)
	}
	m.flush(1)
	idle(t, f) // written a moment ago
	m.age()
	expect(t, f, 2, 2)
}

func TestLastAlertIsWholeAfterAWhile(t *testing.T) {
	m := newManager(t, "alerts.log", true)
	f := m.start(t, Cursor{}, Options{Start: Begin})
	f.quiet = 10 * time.Millisecond
	m.write(1)
	cursor := expect(t, f, 1, 1)
	m.write(1)
	expect(t, f, 2, 2)
	m.age()
	expect(t, m.start(t, cursor, Options{}), 2, 2) // not written for long: the file itself says so
}

// A rotation is written as what the manager does between the alerts 1..5, of which 1..3 were read, and whatever
// it writes behind.
var rotations = map[string]struct {
	dates  bool
	rotate func(m *manager)
}{
	"midnight":                       {true, (*manager).midnight},
	"midnight, compressed":           {true, func(m *manager) { m.midnight(); m.write(1); m.compressOld() }},
	"by size":                        {true, func(m *manager) { m.link("-001"); m.write(2); m.link("-002") }},
	"by size, then midnight":         {true, func(m *manager) { m.link("-001"); m.write(2); m.midnight(); m.write(1); m.compressOld() }},
	"a long weekend":                 {true, func(m *manager) { midnights(m, 4); m.compressOld() }},
	"into the next year":             {true, func(m *manager) { m.day = time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC); m.midnight(); midnights(m, 1) }},
	"two midnights without an alert": {true, func(m *manager) { m.midnight(); m.midnight(); m.compressOld() }},
	"manager started anew":           {true, func(m *manager) { m.link("") }},
	"compressed at night, still linked": {true, func(m *manager) {
		m.write(1)
		compress(m.name)
		m.name = ""
	}},
	"compressed at night, then midnight": {true, func(m *manager) {
		m.write(1)
		compress(m.name)
		m.name = ""
		m.midnight()
	}},
	"a weekend, the last night compressed and still linked": {true, func(m *manager) {
		midnights(m, 2)
		m.compressOld()
		compress(m.name)
		m.name = ""
		m.write(0)
	}},
	"renamed":                 {false, func(m *manager) { m.rename(); m.create() }},
	"renamed, writer is slow": {false, func(m *manager) { m.rename(); m.write(2); m.create() }},
	"renamed several times":   {false, func(m *manager) { renames(m, 12) }},
	"renamed, compressed":     {false, func(m *manager) { m.rename(); m.create(); m.write(1); compress(m.path + ".1") }},
	"renamed several times, compressed": {false, func(m *manager) {
		renames(m, 3)
		for _, n := range []string{".2", ".3"} {
			compress(m.path + n)
		}
	}},
	"renamed by date":                          {false, func(m *manager) { m.renameByDate(); m.write(2); m.renameByDate(); m.write(1); m.renameByDate() }},
	"cut off after copying":                    {false, (*manager).copyTruncate},
	"cut off after copying, and filled beyond": {false, func(m *manager) { m.copyTruncate(); m.write(30) }},
	"cut off twice":                            {false, func(m *manager) { m.copyTruncate(); m.write(20); m.copyTruncate(); m.write(1) }},
	"a link, cut off after copying":            {true, (*manager).copyTruncate},
}

func midnights(m *manager, n int) {
	for range n {
		m.midnight()
		m.write(3)
	}
}

func renames(m *manager, n int) {
	for range n {
		m.rename()
		m.create()
		m.write(2)
	}
}

func TestRotationLosesAndRepeatsNothing(t *testing.T) {
	for name, r := range rotations {
		for _, base := range []string{"alerts.json", "alerts.log"} {
			for _, when := range []string{"seen", "unseen", "while stopped"} {
				t.Run(name+", "+base+", "+when, func(t *testing.T) {
					t.Parallel()
					m := newManager(t, base, r.dates)
					start := func(at Cursor) *Follower {
						f := m.start(t, at, Options{Start: Begin})
						f.quiet = time.Millisecond // nothing is written by halves here
						return f
					}
					f := start(Cursor{})
					m.write(3)
					cursor := expect(t, f, 1, 3)
					if when == "while stopped" {
						must(f.Close())
					}
					m.write(2)
					if when == "seen" {
						expect(t, f, 4, 5)
					}
					r.rotate(m)
					from := 6
					if when != "seen" {
						from = 4
					}
					if when == "while stopped" {
						f = start(roundTrip(t, cursor))
					}
					if m.n >= from {
						if got, _, _ := next(t, f, m.n-from+1); !slices.Equal(got, span(from, m.n)) {
							t.Fatalf("alerts %v, want %d..%d", got, from, m.n)
						}
					}
					before := m.n
					if m.name != "" || !r.dates { // else nobody writes to the file any more
						m.write(2)
						cursor = expect(t, f, before+1, m.n)
						idle(t, start(cursor))
					}
				})
			}
		}
	}
}

// roundTrip stores a cursor.
func roundTrip(t *testing.T, c Cursor) Cursor {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var back Cursor
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	return back
}

func TestDeletedFile(t *testing.T) {
	for _, live := range []bool{true, false} {
		m := newManager(t, "alerts.json", false)
		m.write(3)
		f := m.start(t, Cursor{}, Options{Start: Begin})
		cursor := expect(t, f, 1, 3)
		if live {
			m.write(2)
			m.replace()
			m.write(2)
			expect(t, f, 4, 7) // an open file is there as long as it is open
			continue
		}
		must(f.Close())
		m.write(2)
		holder, err := os.Open(m.path) // so that the inode is not given away
		must(err)
		m.replace()
		m.write(2)
		got, skipped, _ := next(t, m.start(t, cursor, Options{}), 2)
		if !slices.Equal(got, []int{6, 7}) {
			t.Errorf("alerts %v, want those of the new file", got)
		}
		want := []Skip{{File: m.path, Offset: cursor.Offset, Why: "the file is gone, and with it what stood from here on"}}
		if diff := cmp.Diff(skipped, want); diff != "" {
			t.Errorf("skipped (-got +want):\n%s", diff)
		}
		must(holder.Close())
	}
}

func TestInodeGivenToAnotherFile(t *testing.T) {
	for name, refill := range map[string]int{"shorter": 2, "longer": 9} {
		m := newManager(t, "alerts.json", false)
		m.write(3)
		f := m.start(t, Cursor{}, Options{Start: Begin})
		cursor := expect(t, f, 1, 3)
		must(f.Close())
		m.replace()
		if info, err := os.Stat(m.path); err != nil || inode(info) != cursor.Inode {
			cursor.Inode = inode(info) // this file system gives inodes away later
		}
		m.write(refill)
		if got := expect(t, m.start(t, cursor, Options{}), 4, m.n); got.Offset == 0 {
			t.Errorf("%s: cursor %+v", name, got)
		}
	}
}

// The inode of a file of which nothing was read proves nothing: the date decides.
func TestInodeOfAnUnreadFileGivenToAnother(t *testing.T) {
	m := newManager(t, "alerts.json", true)
	f := m.start(t, Cursor{}, Options{})
	cursor := mustBatch(t, f).Cursor
	must(f.Close())
	m.write(2)
	m.midnight()
	m.compressOld()
	m.write(2)
	info, err := os.Stat(m.path)
	must(err)
	cursor.Inode = inode(info)
	expect(t, m.start(t, cursor, Options{}), 1, 4)
}

func TestCutOffFileWithoutACopy(t *testing.T) {
	m := newManager(t, "alerts.json", false)
	f := m.start(t, Cursor{}, Options{Start: Begin})
	m.write(3)
	expect(t, f, 1, 3)
	m.held = []byte(`{"timestamp":"t","rule":{"id":"7","level":3`)
	m.flush(100)
	idle(t, f)
	must(os.Truncate(m.path, 0))
	b := mustBatch(t, f)
	if len(b.Alerts) != 1 || b.Alerts[0].Rule.ID != "7" || b.Alerts[0].Problem.Kind != alert.ProblemTruncated {
		t.Errorf("of the half line it made %+v", b.Alerts)
	}
	m.write(2)
	expect(t, f, 4, 5)
}

// What is written between our last read of a file and the rotation belongs to that file.
func TestWrittenBetweenReadingAndRotation(t *testing.T) {
	m := newManager(t, "alerts.json", true)
	f := m.start(t, Cursor{}, Options{Start: Begin})
	m.write(1)
	expect(t, f, 1, 1)
	m.write(2)
	m.midnight()
	m.write(2)
	var b Batch
	if more, err := f.advance(&b); !more || err != nil { // as if it had just read to the end
		t.Fatalf("advance: %v, %v", more, err)
	}
	expect(t, f, 2, 5)
}

// While a file is compressed it is there twice.
func TestUnfinishedCompressionIsNotRead(t *testing.T) {
	for _, c := range []struct {
		dates  bool
		rotate func(*manager)
		gz     func(*manager) string
	}{
		{true, (*manager).midnight, func(m *manager) string { return m.name + ".gz" }},
		{false, func(m *manager) { m.rename(); m.create() }, func(m *manager) string { return m.path + ".1.gz" }},
	} {
		m := newManager(t, "alerts.json", c.dates)
		m.write(2)
		f := m.start(t, Cursor{}, Options{Start: Begin})
		cursor := expect(t, f, 1, 2)
		m.write(2)
		gz := c.gz(m)
		c.rotate(m)
		must(os.WriteFile(gz, []byte("\x1f\x8b\x08"), 0o600))
		m.write(2)
		expect(t, m.start(t, cursor, Options{}), 3, 6)
	}
}

// A file that only the path still names stays the one of its date.
func TestDatedNameTakenAway(t *testing.T) {
	m := newManager(t, "alerts.json", true)
	m.write(2)
	f := m.start(t, Cursor{}, Options{Start: Begin})
	cursor := expect(t, f, 1, 2)
	must(f.Close())
	must(os.Remove(m.name))
	m.write(2)
	f = m.start(t, cursor, Options{MaxBatch: 1})
	mustBatch(t, f)
	for range 2 {
		m.midnight()
		m.write(2)
	}
	expect(t, f, 4, 8)
}

func TestWhatIsNoFileIsAnError(t *testing.T) {
	f := New(t.TempDir(), Cursor{}, Options{})
	defer f.Close()
	if _, err := f.Next(t.Context()); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("error %v", err)
	}
}

func TestDamagedCompressionIsToldAndPassedOver(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"cut off":    func(b []byte) []byte { return b[:len(b)*2/3] },
		"other text": func(b []byte) []byte { return []byte("not at all compressed") },
		"empty":      func([]byte) []byte { return nil },
	} {
		m := newManager(t, "alerts.json", true)
		f := m.start(t, Cursor{}, Options{Start: Begin})
		m.write(3)
		cursor := expect(t, f, 1, 3)
		must(f.Close())
		m.midnight()
		m.write(2000)
		yesterday := m.name + ".gz"
		m.midnight()
		m.compressOld()
		m.write(3)
		text, err := os.ReadFile(yesterday)
		must(err)
		must(os.WriteFile(yesterday, damage(text), 0o600))

		f = m.start(t, cursor, Options{})
		var got []int
		var skipped []Skip
		for len(got) == 0 || got[len(got)-1] != m.n {
			b := mustBatch(t, f)
			got, skipped = append(got, numbers(b.Alerts)...), append(skipped, b.Skipped...)
		}
		read := len(got) - 3
		if !slices.Equal(got[:read], span(4, 3+read)) && got[read-1] != -1 || !slices.Equal(got[read:], span(m.n-2, m.n)) {
			t.Errorf("%s: alerts %v", name, got)
		}
		if (read == 0) == (name == "cut off") {
			t.Errorf("%s: %d alerts of the damaged file", name, read)
		}
		if len(skipped) == 0 || skipped[len(skipped)-1].Why != "the file is damaged from here on" || skipped[len(skipped)-1].File != yesterday {
			t.Errorf("%s: skipped %+v", name, skipped)
		}
	}
}

func TestWhatIsNoAlertIsSkipped(t *testing.T) {
	m := newManager(t, "alerts.json", false)
	garbage := "Dear all,\n\n{\"no\":\"rule\"}\n"
	m.write(1)
	m.held = []byte(garbage + "\x00\x00\x00" + `{"timestamp":"t","rule":{"id":"7","level":3` + "\x00\x00" + m.text(2) + "\n")
	m.flush(1000)
	f := m.start(t, Cursor{}, Options{Start: Begin})
	b := mustBatch(t, f)
	var got []string
	for _, a := range b.Alerts {
		got = append(got, a.ID+" "+a.Rule.ID+" "+string(a.Problem.Kind))
	}
	if diff := cmp.Diff(got, []string{"1773475810.1 5710 ", " 7 truncated", "1773475810.2 5710 "}); diff != "" {
		t.Errorf("alerts (-got +want):\n%s", diff)
	}
	at := int64(len(m.text(1)))
	want := []Skip{
		{File: m.path, Offset: at, Bytes: 10, Why: "no alert: text"},
		{File: m.path, Offset: at + 11, Bytes: 14, Why: "no alert: JSON without a rule"},
	}
	if diff := cmp.Diff(b.Skipped, want); diff != "" {
		t.Errorf("skipped (-got +want):\n%s", diff)
	}
	idle(t, m.start(t, b.Cursor, Options{}))
}

func TestLongAlertIsCut(t *testing.T) {
	for _, base := range []string{"alerts.json", "alerts.log"} {
		m := newManager(t, base, false)
		m.write(1)
		start := int64(len(m.text(1)))
		long := strings.Replace(m.text(2), "{\\\"a\\\":1}", strings.Repeat("long ", 1<<20), 1)
		long = strings.Replace(long, " line\n", strings.Repeat(" line\n", 1<<20), 1)
		m.held = []byte(long)
		m.flush(len(long))
		m.n = 2
		m.write(2)
		m.age()
		f := m.start(t, Cursor{}, Options{Start: Begin, MaxAlert: 1 << 16})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var ids []string
		for len(ids) < 4 {
			b, err := f.Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range b.Alerts {
				ids = append(ids, a.ID+" "+string(a.Problem.Kind))
				if len(a.Raw) > 1<<16 || (a.Problem.CutAt > 0) != (len(ids) == 2) {
					t.Errorf("%s: alert %s has %d bytes, cut at %d", base, a.ID, len(a.Raw), a.Problem.CutAt)
				}
			}
			if len(b.Skipped) == 1 && (b.Skipped[0].Offset != start+1<<16 || b.Skipped[0].Bytes != int64(len(long))-1<<16) {
				t.Errorf("%s: skipped %+v", base, b.Skipped)
			}
		}
		if diff := cmp.Diff(ids, []string{"1773475810.1 ", "1773475810.2 truncated", "1773475810.3 ", "1773475810.4 "}); diff != "" {
			t.Errorf("%s: alerts (-got +want):\n%s", base, diff)
		}
		if got := cap(f.frames.buf); got > 1<<19 {
			t.Errorf("%s: a buffer of %d bytes for alerts of at most %d", base, got, 1<<16)
		}
		idle(t, m.start(t, f.cursor, Options{}))
	}
}

func TestBatchesAreBounded(t *testing.T) {
	m := newManager(t, "alerts.json", true)
	m.write(25)
	f := m.start(t, Cursor{}, Options{Start: Begin, MaxBatch: 10})
	want := 1
	for _, size := range []int{10, 10, 5} {
		b := mustBatch(t, f)
		if got := numbers(b.Alerts); !slices.Equal(got, span(want, want+size-1)) {
			t.Errorf("alerts %v, want %d from %d on", got, size, want)
		}
		want += size
	}

	long := strings.Replace(m.text(1), "{\\\"a\\\":1}", strings.Repeat("x", 1<<20-500), 1)
	m.held = []byte(strings.Repeat(long, 9))
	m.flush(len(m.held))
	if got := len(mustBatch(t, f).Alerts); got < 4 || got > 5 {
		t.Errorf("%d alerts of 1 MiB in a batch", got)
	}
}

func TestFieldsOfAnAlert(t *testing.T) {
	m := newManager(t, "alerts.log", true)
	m.write(1)
	m.age()
	f := m.start(t, Cursor{}, Options{Start: Begin})
	a := mustBatch(t, f).Alerts[0]
	if a.FileName != "alerts.log" || a.Received.IsZero() || a.Format != alert.FormatLog || a.Time.Location() != time.UTC {
		t.Errorf("file %q, received %v, format %s, time %v", a.FileName, a.Received, a.Format, a.Time)
	}
}

func TestLag(t *testing.T) {
	m := newManager(t, "alerts.json", true)
	f := m.start(t, Cursor{}, Options{Start: Begin, MaxBatch: 1})
	m.write(2)
	size := func(from, to int) (n int64) {
		for i := from; i <= to; i++ {
			n += int64(len(m.text(i)))
		}
		return n
	}
	mustBatch(t, f)
	if got, want := f.Lag(), size(2, 2); got != want {
		t.Errorf("lag is %d, want %d", got, want)
	}
	m.midnight()
	m.write(2)
	m.midnight()
	m.compressOld()
	m.write(1)
	if got, want := f.Lag(), size(2, 5); got != want {
		t.Errorf("after rotation lag is %d, want %d", got, want)
	}
	expect(t, f, 2, 5)
	if got := f.Lag(); got != 0 {
		t.Errorf("lag is %d at the end", got)
	}
}

func TestNextEndsWithItsContext(t *testing.T) {
	m := newManager(t, "alerts.json", true)
	f := m.start(t, Cursor{}, Options{Start: Begin})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := f.Next(ctx)
		ended <- err
	}()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	must(f.Close())
	if _, err := f.Next(t.Context()); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("after Close: error %v", err)
	}
	if err := f.Close(); err != nil {
		t.Errorf("Close again: %v", err)
	}
}

func TestPassingErrorLosesNothing(t *testing.T) {
	m := newManager(t, "alerts.json", false)
	m.write(2)
	f := m.start(t, Cursor{}, Options{Start: Begin})
	expect(t, f, 1, 2)
	aside := filepath.Join(filepath.Dir(m.path), "aside")
	must(os.Rename(m.path, aside))
	must(os.Symlink(m.path, m.path)) // cannot be opened
	m.write(1)
	expectThenError := func() error {
		b, err := f.Next(t.Context())
		if !slices.Equal(numbers(b.Alerts), []int{3}) {
			t.Errorf("alerts %v, %v", numbers(b.Alerts), err)
		}
		_, err = f.Next(t.Context())
		return err
	}
	if err := expectThenError(); err == nil || !strings.Contains(err.Error(), m.path) {
		t.Errorf("error %v", err)
	}
	must(os.Remove(m.path))
	must(os.Rename(aside, m.path))
	m.write(1)
	expect(t, f, 4, 4)
}

// A wait ends when the file is written through its dated name, and when it is replaced.
func TestChangesAreSeenAtOnce(t *testing.T) {
	for _, dates := range []bool{true, false} {
		m := newManager(t, "alerts.json", dates)
		f := m.startWatching(t, Cursor{}, Options{Start: Begin})
		read := make(chan []int)
		go func() {
			for {
				b, err := f.Next(t.Context())
				if err != nil {
					close(read)
					return
				}
				read <- numbers(b.Alerts)
			}
		}()
		for n, change := range []func(){
			func() {},
			func() {},
			func() {
				if dates {
					m.midnight()
				} else {
					m.rename()
					m.create()
				}
			},
			func() {},
			func() {
				if dates {
					m.midnight() // into another month
				}
			},
			func() {},
		} {
			change()
			m.write(1)
			select {
			case got := <-read:
				if !slices.Equal(got, []int{n + 1}) {
					t.Errorf("dated %v: alerts %v, want %d", dates, got, n+1)
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("dated %v: alert %d is not seen", dates, n+1)
			}
		}
	}
}

// What does not pass is not decoded; when it passes later, it takes its place.
func TestUnwantedAlertsAreReconsidered(t *testing.T) {
	for _, base := range []string{"alerts.json", "alerts.log"} {
		m := newManager(t, base, true)
		m.write(9)
		m.age()
		asked := 0
		f := m.start(t, Cursor{}, Options{Start: Begin, Pass: func([]byte) bool { asked++; return asked%3 == 0 }})
		var all, rest []int
		var cursor Cursor
		for asked < 9 {
			b, err := f.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			rest = append(rest, numbers(b.Alerts)...)
			if len(b.Alerts)+len(b.Unwanted) == 0 {
				t.Fatalf("an empty batch: %+v", b)
			}
			unwanted := len(b.Unwanted)
			b.Reconsider(func([]byte) bool { return false })
			if len(b.Unwanted) != unwanted {
				t.Error("what passes no more is wanted")
			}
			second := 0
			b.Reconsider(func([]byte) bool { second++; return second%2 == 0 })
			b.Reconsider(func([]byte) bool { return true })
			if len(b.Unwanted) > 0 {
				t.Errorf("%s: %d are still unwanted", base, len(b.Unwanted))
			}
			all = append(all, numbers(b.Alerts)...)
			cursor = b.Cursor
		}
		if diff := cmp.Diff(all, span(1, 9)); diff != "" {
			t.Errorf("%s: (-got +want):\n%s", base, diff)
		}
		if diff := cmp.Diff(rest, []int{3, 6, 9}); diff != "" {
			t.Errorf("%s: those that passed (-got +want):\n%s", base, diff)
		}
		idle(t, m.start(t, cursor, Options{}))
	}
}
