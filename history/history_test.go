package history

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// line is an alert of Wazuh's alerts.json.
func line(n int, at time.Time) string {
	return fmt.Sprintf(`{"timestamp":"%s","rule":{"level":%d,"id":"%d"},"agent":{"id":"001","name":"web-01"},"manager":{"name":"mgr"},"id":"%d.%d","full_log":"%s","location":"x"}`,
		at.Format(timeLayout), n%13, 1000+n, at.Unix(), n, strings.Repeat("x", n%700))
}

func alertsOf(n int, from time.Time, every time.Duration) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(line(i, from.Add(time.Duration(i)*every)) + "\n")
	}
	return b.String()
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	b := []byte(text)
	if strings.HasSuffix(path, ".gz") {
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		_, _ = w.Write(b)
		_ = w.Close()
		b = z.Bytes()
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func readAll(t *testing.T, opt Options, paths ...string) (ids []string, r *Reader) {
	t.Helper()
	files, _, err := Find(paths, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	opt.Zone = time.UTC
	r = New(files, opt)
	for a, err := range r.Alerts(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, a.ID)
	}
	return ids, r
}

var day = time.Date(2026, 11, 14, 23, 0, 0, 0, time.UTC)

func TestAlertsComeInOrderWhateverTheWorkers(t *testing.T) {
	const n = 5000
	text := alertsOf(n, day, time.Second)
	path := filepath.Join(t.TempDir(), "alerts.json")
	write(t, path, text)
	write(t, path+".gz", text)
	for _, workers := range []int{1, 2, 5} {
		for _, p := range []string{path, path + ".gz"} {
			ids, r := readAll(t, Options{Workers: workers}, p)
			if len(ids) != n || ids[0] != fmt.Sprintf("%d.0", day.Unix()) || ids[n-1] != fmt.Sprintf("%d.%d", day.Unix()+n-1, n-1) {
				t.Fatalf("%d workers: %d alerts", workers, len(ids))
			}
			for i, id := range ids {
				if !strings.HasSuffix(id, fmt.Sprintf(".%d", i)) {
					t.Fatalf("%d workers: alert %d is %s", workers, i, id)
				}
			}
			got := r.Totals()
			want := Totals{Alerts: n, Passed: n, Bytes: int64(len(text)), From: day, To: day.Add((n - 1) * time.Second),
				Days: map[string]int{"2026-11-14": 3600, "2026-11-15": n - 3600}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%d workers (-want +got):\n%s", workers, diff)
			}
		}
	}
}

// logOf are alerts of alerts.log.
func logOf(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "** Alert %d.%d: mail  - web,accesslog,\n2026 Nov 14 23:00:%02d (web-01) 192.0.2.11->/var/log/nginx/access.log\nRule: 31151 (level %d) -> 'Many errors.'\nSrc IP: 203.0.113.9\nGET /x\n** Alert 1.1: no header, for no blank line is above\n\n",
			day.Unix()+int64(i), i, i%60, i%13)
	}
	return b.String()
}

func TestAlertsOfALogAreCutAtTheirHeaders(t *testing.T) {
	const n = 4000 // several pieces
	path := filepath.Join(t.TempDir(), "alerts.log")
	write(t, path, "the end of an alert\n\n"+logOf(n))
	ids, r := readAll(t, Options{Workers: 2}, path)
	if len(ids) != n || !strings.HasSuffix(ids[n-1], fmt.Sprintf(".%d", n-1)) {
		t.Errorf("%d alerts, want %d", len(ids), n)
	}
	want := []Damage{{path, 1, "no alert: text"}}
	if diff := cmp.Diff(want, r.Damages()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// The times of those that do not pass are known as well.
	_, low := readAll(t, Options{Workers: 2, Pass: func(text []byte) bool { return !bytes.HasPrefix(text, []byte(logStart)) }}, path)
	got := low.Totals()
	got.Passed = n
	if diff := cmp.Diff(r.Totals(), got); diff != "" || !got.To.Equal(day.Add((n-1)*time.Second)) {
		t.Errorf("(-all pass +none):\n%s", diff)
	}
}

func TestWhatIsDamagedIsNamedByItsLine(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "alerts.json")
	low := func([]byte) bool { return false }
	good := line(90, day)
	bad := strings.Replace(good, `"location":`, `"location"`, 1) // in its midst
	text := good + "\n\n" + good[:175] + "\n" + good + "\r\n" + "not an alert\n" + bad + "\n" + good + "\x00\x00" + good + "\n" + good[:100]
	write(t, path, text)
	for _, c := range []struct {
		name   string
		opt    Options
		alerts int
		want   []Damage
	}{
		{"all pass", Options{}, 7, []Damage{
			{path, 3, "Wazuh JSON, ends in full_log"}, {path, 5, "no alert: text"}, {path, 6, "Wazuh JSON, damaged at byte " + fmt.Sprint(strings.Index(bad, `"x"}`)+1)},
			{path, 8, "Wazuh JSON, ends in agent"},
		}},
		{"none passes", Options{Pass: low}, 7, []Damage{
			{path, 3, "an alert that does not end"}, {path, 5, "an alert that does not end"}, {path, 8, "an alert that does not end"},
		}},
		{"none passes, strict", Options{Pass: low, Strict: true}, 7, []Damage{
			{path, 3, "an alert that does not end"}, {path, 5, "an alert that does not end"}, {path, 6, "Wazuh JSON, damaged at byte " + fmt.Sprint(strings.Index(bad, `"x"}`)+1)},
			{path, 7, "Wazuh JSON, damaged at byte " + fmt.Sprint(len(good)+1)},
			{path, 8, "an alert that does not end"},
		}},
	} {
		_, r := readAll(t, c.opt, path)
		if diff := cmp.Diff(c.want, r.Damages()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		if got := r.Totals(); got.Alerts != c.alerts || got.Damaged != len(c.want) || got.Bytes != int64(len(text)) {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

// The line of a damage is that of the file, in whatever piece it lies.
func TestLinesAreCountedOverPieces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alerts.json")
	text := alertsOf(3000, day, time.Second)
	write(t, path, text+"x\n"+strings.Repeat("y", 3<<20)+"\n"+line(1, day)+"\nz\n")
	_, r := readAll(t, Options{Workers: 2}, path)
	want := []Damage{{path, 3001, "no alert: text"}, {path, 3002, "no alert: text"}, {path, 3004, "no alert: text"}}
	if diff := cmp.Diff(want, r.Damages()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestADamagedCompressionEndsItsFileAlone(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "a.json.gz"), filepath.Join(dir, "b.json.gz")
	write(t, first, alertsOf(3000, day, time.Second))
	write(t, second, alertsOf(10, day.Add(24*time.Hour), time.Second))
	b, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(first, b[:len(b)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	ids, r := readAll(t, Options{Workers: 2}, second, first)
	if len(ids) < 1000 || len(ids) > 2900 || !strings.HasSuffix(ids[len(ids)-1], ".9") {
		t.Errorf("%d alerts, the last %s", len(ids), ids[len(ids)-1])
	}
	d := r.Damages()
	if n := len(d); n == 0 || d[n-1].File != first || d[n-1].Text != damagedGzip || d[n-1].Line < 1000 {
		t.Errorf("damages %+v", d)
	}
}

func TestOtherFormsAreReadAsTheyAre(t *testing.T) {
	pretty := "[\n" + strings.ReplaceAll(line(1, day), `,"`, ",\n\"") + ",\n" + line(2, day) + "]\n"
	shell := "alertdate='2026 Nov 14 09:10:31'\nalertlocation='web->/x'\nruleid='5712'\nalertlevel='10'\nruledescription='d'\nalertlog='l'\nsrcip=''"
	for name, c := range map[string]struct {
		text string
		want int
	}{"pretty": {pretty, 2}, "shell": {shell, 1}, "empty": {"", 0}, "blank": {"\n \n", 0}, "one line": {line(1, day), 1}, "BOM": {"\uFEFF" + line(1, day) + "\n" + line(2, day), 2}} {
		path := filepath.Join(t.TempDir(), "x")
		write(t, path, c.text)
		ids, r := readAll(t, Options{}, path)
		if len(ids) != c.want || r.Totals().Alerts != c.want || r.Totals().Damaged != 0 {
			t.Errorf("%s: %d alerts, %+v, %v", name, len(ids), r.Totals(), r.Damages())
		}
	}
}

func TestArchivesAreReadInTheOrderOfTimeAndOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "alerts")
	at := func(month time.Month, d int) string {
		return alertsOf(2, time.Date(2026, month, d, 12, 0, 0, 0, time.UTC), time.Hour)
	}
	write(t, filepath.Join(dir, "2026/Oct/ossec-alerts-31.json.gz"), at(10, 31))
	write(t, filepath.Join(dir, "2026/Oct/ossec-alerts-31.json.sum"), "x")
	write(t, filepath.Join(dir, "2026/Nov/ossec-alerts-02.json.gz"), at(11, 2))
	write(t, filepath.Join(dir, "2026/Nov/ossec-alerts-02.log.gz"), logOf(2))
	write(t, filepath.Join(dir, "2026/Nov/ossec-alerts-03-001.json"), at(11, 3))
	write(t, filepath.Join(dir, "2026/Nov/ossec-alerts-03.json"), alertsOf(2, time.Date(2026, 11, 3, 2, 0, 0, 0, time.UTC), time.Hour))
	write(t, filepath.Join(dir, "2026/Nov/ossec-alerts-03.json.gz"), "half of it")
	write(t, filepath.Join(dir, "2026/Nov/ossec-alerts-29.json"), at(11, 29))
	write(t, filepath.Join(dir, "2026/Nov/ossec-alerts-29.log"), logOf(2))
	for _, ext := range []string{".json", ".log"} {
		if err := os.Link(filepath.Join(dir, "2026/Nov/ossec-alerts-29"+ext), filepath.Join(dir, "alerts"+ext)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(dir, "alerts.json.1"), at(11, 27))
	write(t, filepath.Join(dir, "alerts.json.2.gz"), at(11, 26))

	names := func(files []File) (out []string) {
		for _, f := range files {
			rel, err := filepath.Rel(dir, f.Path)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, rel)
		}
		return out
	}
	files, notes, err := Find([]string{dir}, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"2026/Oct/ossec-alerts-31.json.gz", "2026/Nov/ossec-alerts-02.json.gz", "2026/Nov/ossec-alerts-03.json", "2026/Nov/ossec-alerts-03-001.json",
		"alerts.json.2.gz", "alerts.json.1", "2026/Nov/ossec-alerts-29.json"}
	if diff := cmp.Diff(want, names(files)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(notes) != 5 {
		t.Errorf("notes: %s", strings.Join(notes, "\n"))
	}
	files, _, err = Find([]string{filepath.Join(dir, "2026", "Nov"), filepath.Join(dir, "2026", "Oct"), filepath.Join(dir, "alerts.json")}, time.UTC)
	if err != nil || files[0].Path != filepath.Join(dir, "2026/Oct/ossec-alerts-31.json.gz") || len(files) != 5 {
		t.Errorf("%v, %v", names(files), err)
	}
}

// Who runs out of room moves the archive, or a part of it, to another disk and leaves a link.
func TestLinkedFoldersAreReadOnce(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "big", "2025", "Nov", "ossec-alerts-14.json"), alertsOf(2, day.AddDate(-1, 0, 0), time.Second))
	write(t, filepath.Join(dir, "disk", "2026", "Nov", "ossec-alerts-14.json"), alertsOf(2, day, time.Second))
	for name, to := range map[string]string{"alerts": "disk", "disk/2025": "../big/2025", "disk/again": "..", "disk/loop": "loop", "disk/gone": "nowhere"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	files, notes, err := Find([]string{filepath.Join(dir, "alerts")}, time.UTC)
	if err != nil || len(notes) != 0 || len(files) != 2 || files[0].Path != filepath.Join(dir, "alerts/2025/Nov/ossec-alerts-14.json") || files[1].Path != filepath.Join(dir, "alerts/2026/Nov/ossec-alerts-14.json") {
		t.Errorf("%v, %q, %v", files, notes, err)
	}
}

// An archive that was copied may have alerts.json as a file of its own, or as it was at the time.
func TestACopyIsReadOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "alerts")
	whole := alertsOf(5, day, time.Second)
	dated := filepath.Join(dir, "2026/Nov/ossec-alerts-14.json")
	write(t, dated, whole)
	write(t, filepath.Join(dir, "alerts.json"), whole)
	write(t, filepath.Join(dir, "old", "alerts.json"), alertsOf(3, day, time.Second))
	write(t, filepath.Join(dir, "old", "alerts.json.1.gz"), whole)
	write(t, filepath.Join(dir, "alerts.json.1"), alertsOf(3, day.Add(-time.Hour), time.Second))
	files, notes, err := Find([]string{dir}, time.UTC)
	if err != nil || len(files) != 2 || files[1].Path != dated || len(notes) != 3 {
		t.Errorf("%v, %q, %v", files, notes, err)
	}
}

func TestWhatIsNotThereIsSaid(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "empty", "notes.txt"), "x")
	_, _, err := Find([]string{filepath.Join(dir, "gone.json"), filepath.Join(dir, "empty"), os.DevNull}, time.UTC)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"gone.json: no such file", "empty: no alerts.json, alerts.log or ossec-alerts-… in this folder", "not a regular file"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not hold %q", err, want)
		}
	}
}

func TestStandardInput(t *testing.T) {
	ids, r := readAll(t, Options{Stdin: strings.NewReader(alertsOf(3, day, time.Second))}, Stdin, Stdin)
	if len(ids) != 3 {
		t.Errorf("%d alerts", len(ids))
	}
	if read, of := r.Progress(); read == 0 || of != 0 {
		t.Errorf("read %d of %d", read, of)
	}
}

func TestReadingStopsWithItsContextAndItsReader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alerts.json")
	write(t, path, alertsOf(20000, day, time.Second))
	files, _, err := Find([]string{path}, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, n := New(files, Options{Workers: 2}), 0
	var last error
	for _, err := range r.Alerts(ctx) {
		if last = err; err == nil {
			if n++; n == 10 {
				cancel()
			}
		}
	}
	if last != context.Canceled || n != 10 {
		t.Errorf("%d alerts, then %v", n, last)
	}
	if got := r.Totals(); got.Alerts < 10 || got.Alerts > 10000 {
		t.Errorf("totals %+v", got)
	}
	n = 0
	for range New(files, Options{Workers: 3}).Alerts(t.Context()) {
		if n++; n == 5 {
			break
		}
	}
}

func TestAFileThatCannotBeReadEndsTheReading(t *testing.T) {
	dir := t.TempDir()
	first, gone := filepath.Join(dir, "a.json"), filepath.Join(dir, "b.json")
	write(t, first, alertsOf(2000, day, time.Second))
	for _, workers := range []int{1, 3} {
		n := 0
		var last error
		for a, err := range New([]File{{Path: first}, {Path: gone}, {Path: first}}, Options{Workers: workers}).Alerts(t.Context()) {
			if last = err; a != nil {
				n++
			}
		}
		if n != 2000 || !errors.Is(last, fs.ErrNotExist) || !strings.Contains(last.Error(), gone) {
			t.Errorf("%d alerts, then %v", n, last)
		}
	}
}

func TestASilentStandardInputHoldsNobodyUp(t *testing.T) {
	silent, feed := io.Pipe()
	defer feed.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		_, _ = io.WriteString(feed, alertsOf(3, day, time.Second)) // and then nothing; all is read when it returns
		cancel()
	}()
	var last error
	for _, last = range New([]File{{Path: Stdin}}, Options{Stdin: silent}).Alerts(ctx) {
	}
	if last != context.Canceled {
		t.Errorf("it ends with %v", last)
	}
}

// The gate is asked of every line, by several workers at once, and what it lets through comes in order.
func TestWhatPassesComesInOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alerts.json")
	write(t, path, alertsOf(9000, day, time.Second))
	ids, r := readAll(t, Options{Workers: 3, Pass: func(line []byte) bool { return bytes.Contains(line, []byte(`"level":7,`)) }}, path)
	if got := r.Totals(); got.Alerts != 9000 || got.Passed != len(ids) || got.Damaged != 0 || !got.To.Equal(day.Add(8999*time.Second)) {
		t.Errorf("%+v", got)
	}
	for i, id := range ids {
		if want := fmt.Sprintf(".%d", 13*i+7); !strings.HasSuffix(id, want) {
			t.Fatalf("alert %d is %s, want %s", i, id, want)
		}
	}
}

// FuzzPieces: where the pieces end, and how many read them, makes no difference.
func FuzzPieces(f *testing.F) {
	header := logOf(1)
	f.Add(false, []byte(line(2, day)+"\n\x00\n{\r\nx"), uint8(0))
	f.Add(true, []byte(logOf(3)+"\r\n\r\n** Alert 1.2: x\n\n** Alert 1"), uint8(9))
	f.Add(true, []byte(strings.Repeat("\n\n** Alert 1.2:", 60)), uint8(77))
	f.Add(false, []byte(strings.Repeat("\n", 600)+strings.Repeat("x", 900)), uint8(200))
	f.Fuzz(func(t *testing.T, log bool, text []byte, size uint8) {
		begin := line(1, day) + "\n"
		if log {
			begin = header
		}
		read := func(piece, workers int) (raw []string, r *Reader) {
			r = New([]File{{Path: Stdin}}, Options{Stdin: io.MultiReader(strings.NewReader(begin), bytes.NewReader(text)), Workers: workers, Zone: time.UTC})
			r.piece = piece
			for a, err := range r.Alerts(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				raw = append(raw, string(a.Raw))
			}
			return raw, r
		}
		want, whole := read(1<<20, 1)
		got, pieces := read(512+int(size), 2)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-whole +pieces):\n%s", diff)
		}
		if diff := cmp.Diff(whole.Damages(), pieces.Damages()); diff != "" {
			t.Errorf("(-whole +pieces):\n%s", diff)
		}
		if diff := cmp.Diff(whole.Totals(), pieces.Totals()); diff != "" {
			t.Errorf("(-whole +pieces):\n%s", diff)
		}
	})
}
