package file

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/notifiertest"
)

// TestMain lets the test be the other process that writes: see TestProcessesTakeTurns.
func TestMain(m *testing.M) {
	if path := os.Getenv("APPEND_TO"); path != "" {
		f, err := New(Config{Path: path, Rotate: Rotation{Bytes: minRotate}}, nil)
		for i := 0; err == nil && i < 200; i++ {
			_, err = f.Notify(context.Background(), document(fmt.Sprintf("%s-%d", os.Getenv("APPEND_AS"), i)))
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func document(id string) notifier.Notification {
	return notifier.Notification{Action: notifier.Trigger, Parts: map[string]display.Text{
		"document.json": display.Words(`{"id":"` + id + `","log":"` + strings.Repeat("x", 1000) + `"}`),
	}}
}

func newNotifier(t testing.TB, cfg Config) *Notifier {
	t.Helper()
	if cfg.Path == "" {
		cfg.Path = filepath.Join(t.TempDir(), "alerts.json")
	}
	f, err := New(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { packs(f) })
	return f
}

// packs waits until nothing of the notifier is compressed.
func packs(f *Notifier) {
	f.packing.Lock()
	defer f.packing.Unlock()
}

func notify(t testing.TB, f *Notifier, n notifier.Notification) notifier.Receipt {
	t.Helper()
	r, err := f.Notify(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func lines(t testing.TB, path string) []string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) > 0 && b[len(b)-1] != '\n' {
		t.Errorf("%s ends within a line", path)
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}

// What became of an alert is a line of its own where lines say what they are.
func TestWhoReadsAlertsAsTheyCameIsToldOfNothingElse(t *testing.T) {
	for body, want := range map[string]bool{bodyJSON: true, bodyRaw: false} {
		f, err := New(Config{Path: "/var/log/alerts.json", Body: body}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range []notifier.Action{notifier.Acknowledge, notifier.Resolve, notifier.Report} {
			if f.Follows(a) != want {
				t.Errorf("body %s: follows %s is %v", body, a, !want)
			}
		}
	}
}

func TestLines(t *testing.T) {
	for name, tt := range map[string]struct {
		body  string
		parts map[string]string
		want  string
	}{
		"document":         {"", map[string]string{"document.json": "{\n \"a\": \"b\u2028\u0085\\n\"\n}"}, `{"a":"b\u2028\u0085\n"}`},
		"own JSON":         {"", map[string]string{"document.json": "{}", "body.json": "[1,\n2]"}, `[1,2]`},
		"own text":         {"", map[string]string{"document.json": "{}", "body": "one\ntwo\x1b[31m"}, `one⏎two\x1b[31m`},
		"alert as it came": {bodyRaw, map[string]string{"raw": " {\"b\": 1,\r\n \"a\":2}\n"}, `{"b":1,"a":2}`},
		"shell's alert":    {bodyRaw, map[string]string{"raw": "alertid='1'\nlog='<x>'"}, `"alertid='1'\nlog='<x>'"`},
	} {
		t.Run(name, func(t *testing.T) {
			n := notifier.Notification{Action: notifier.Trigger, Parts: map[string]display.Text{}}
			for k, v := range tt.parts {
				n.Parts[k] = display.Words(v)
			}
			f := newNotifier(t, Config{Body: tt.body})
			m, err := f.Compose(n)
			if err != nil || string(m.Body) != tt.want {
				t.Errorf("got %q, %v, want %q", m.Body, err, tt.want)
			}
			if _, err := os.Lstat(f.path); err == nil {
				t.Error("Compose makes the file")
			}
			notify(t, f, n)
			notify(t, f, n)
			if diff := cmp.Diff([]string{tt.want, tt.want}, lines(t, f.path)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	for name, n := range map[string]notifier.Notification{
		"no action": {}, "nothing": {Action: notifier.Trigger},
		"no JSON": {Action: notifier.Trigger, Parts: map[string]display.Text{"body.json": display.Words("{")}},
	} {
		_, err := newNotifier(t, Config{}).Notify(t.Context(), n)
		if err == nil || notifier.Classify(err).Reason != notifier.Permanent {
			t.Errorf("%s: got %v, want a permanent error", name, err)
		}
	}
}

// The law: whatever an alert holds, it is one line, by every reader's idea of a line, and JSON stays the same value.
func FuzzLine(f *testing.F) {
	for _, s := range []string{"x", "\n", "\r\n{}", "\u2028", "\u0085", "\x00\x7f\xff", `"}`, "\u202e😀", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		j, err := json.Marshal(map[string]string{"log": s})
		if err != nil {
			t.Fatal(err)
		}
		for _, parts := range []map[string]display.Text{
			{"document.json": display.Quote(string(j))}, {"body.json": display.Quote(string(j))}, {"raw": display.Quote(s)}, {"body": display.Quote("a" + s)},
		} {
			body := bodyJSON
			if _, raw := parts["raw"]; raw {
				body = bodyRaw
			}
			n := &Notifier{body: body}
			line, err := n.line(notifier.Notification{Action: notifier.Trigger, Parts: parts})
			if err != nil {
				if body == bodyRaw && strings.TrimSpace(s) == "" {
					continue
				}
				t.Fatal(err)
			}
			if i := bytes.IndexFunc(line, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }); i >= 0 {
				t.Fatalf("a control character at %d: %q", i, line)
			}
			if _, plain := parts["body"]; !plain && !json.Valid(line) {
				t.Fatalf("no JSON: %q", line)
			}
			if _, ok := parts["document.json"]; ok {
				var got, want map[string]string
				if err := errors.Join(json.Unmarshal(line, &got), json.Unmarshal(j, &want)); err != nil || got["log"] != want["log"] {
					t.Fatalf("got %q, %v, want %q", got, err, want)
				}
			}
		}
	})
}

func TestModeIsTheSettingsWhateverTheUmask(t *testing.T) {
	old := syscall.Umask(0o077)
	defer syscall.Umask(old)
	for mode, want := range map[string]fs.FileMode{"": 0o640, "0600": 0o600, "664": 0o664} {
		f := newNotifier(t, Config{Mode: mode, Rotate: Rotation{Bytes: minRotate, Gzip: true}})
		for range 150 {
			notify(t, f, document("1"))
		}
		packs(f)
		all, err := filepath.Glob(filepath.Dir(f.path) + "/*")
		if err != nil || len(all) != 2 {
			t.Fatal(all, err)
		}
		for _, path := range all {
			if st, err := os.Stat(path); err != nil || st.Mode().Perm() != want {
				t.Errorf("%s: %s has %v, want %v", mode, path, st.Mode(), want)
			}
		}
	}
}

func TestLineThatACrashBrokeOffIsEnded(t *testing.T) {
	f := newNotifier(t, Config{})
	if err := os.WriteFile(f.path, []byte("{\"a\":1}\n{\"b\":"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := notify(t, f, document("1")); !strings.Contains(r.Warning, "ended within a line") {
		t.Errorf("got warning %q", r.Warning)
	}
	got := lines(t, f.path)
	if len(got) != 3 || got[1] != `{"b":` || !json.Valid([]byte(got[2])) {
		t.Errorf("got %q", got)
	}
	if r := notify(t, f, document("2")); r.Warning != "" || len(lines(t, f.path)) != 4 {
		t.Errorf("got warning %q", r.Warning)
	}
}

// A full disk takes the beginning of a line. It is taken back, so that what comes later begins on a line of its own. A file of a limited
// size stands for the disk.
func TestLineThatDoesNotFitLeavesNothingBehind(t *testing.T) {
	if os.Getenv("LIMITED") == "" {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestLineThatDoesNotFitLeavesNothingBehind$")
		cmd.Env = append(os.Environ(), "LIMITED=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	f := newNotifier(t, Config{})
	limit := syscall.Rlimit{Cur: 1500, Max: 1 << 30}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	notify(t, f, document("1"))
	_, err := f.Notify(t.Context(), document("2"))
	if got := notifier.Classify(err); err == nil || got.Reason != notifier.Temporary || got.Ambiguous {
		t.Errorf("got %v, want a temporary error that is not ambiguous", err)
	}
	if got := lines(t, f.path); len(got) != 1 {
		t.Errorf("got %d lines, want 1", len(got))
	}
	limit.Cur = 1 << 20
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	notify(t, f, document("2"))
	if got := lines(t, f.path); len(got) != 2 {
		t.Errorf("got %d lines, want 2", len(got))
	}
}

func TestFullDisk(t *testing.T) {
	f := newNotifier(t, Config{})
	err := f.failure("append to", &fs.PathError{Op: "write", Path: f.path, Err: syscall.ENOSPC})
	if err.Reason != notifier.Temporary || !strings.Contains(err.Error(), "no space left on device (the disk or the quota is full") || strings.Count(err.Error(), f.path) != 1 {
		t.Errorf("got %v", err)
	}
}

func TestWhatLiesInTheWay(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	target := at("target")
	for _, err := range []error{
		os.WriteFile(target, nil, 0o600), os.Symlink(target, at("link")), os.Symlink(at("nothing"), at("dangling")), os.Mkdir(at("directory"), 0o700), syscall.Mkfifo(at("fifo"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		reason notifier.Reason
		hint   string
	}{
		"link": {notifier.Misconfigured, "links are not followed"}, "dangling": {notifier.Misconfigured, "links are not followed"},
		"directory": {notifier.Misconfigured, "something else than a file"}, "fifo": {notifier.Misconfigured, "something else than a file"},
		"missing/alerts.json": {notifier.Temporary, "make the directory " + at("missing")},
	} {
		f := newNotifier(t, Config{Path: at(name)})
		_, err := f.Notify(t.Context(), document("1"))
		got := notifier.Classify(err)
		if err == nil || got.Reason != tt.reason || !strings.Contains(got.Hint, tt.hint) || got.Ambiguous {
			t.Errorf("%s: got %v (%v), want %v with %q", name, err, got.Reason, tt.reason, tt.hint)
		}
		if f.Probe(t.Context()) == nil {
			t.Errorf("%s: Probe sees nothing wrong", name)
		}
	}
	if st, err := os.Stat(target); err != nil || st.Size() != 0 {
		t.Error("the target of a link was written to")
	}
	if _, err := os.Lstat(at("nothing")); err == nil {
		t.Error("a dangling link was followed")
	}
	f := newNotifier(t, Config{Path: at("new.json")})
	if err := f.Probe(t.Context()); err != nil {
		t.Errorf("a file that can be made: %v", err)
	}
	if _, err := os.Lstat(f.path); err == nil {
		t.Error("Probe makes the file")
	}
	notify(t, f, document("1"))
	if err := f.Probe(t.Context()); err != nil || len(lines(t, f.path)) != 1 {
		t.Errorf("a file that is there: %v", err)
	}
}

func TestFileThatWasMovedAwayIsMadeAnew(t *testing.T) {
	f := newNotifier(t, Config{})
	notify(t, f, document("1"))
	if err := os.Rename(f.path, f.path+".1"); err != nil {
		t.Fatal(err)
	}
	notify(t, f, document("2"))
	if len(lines(t, f.path)) != 1 || len(lines(t, f.path+".1")) != 1 {
		t.Error("want a line in each")
	}
}

func TestLockIsWaitedForAndNoLonger(t *testing.T) {
	f := newNotifier(t, Config{})
	notify(t, f, document("1"))
	other, err := os.Open(f.path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := syscall.Flock(int(other.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	timeout := errors.New("receiver's timeout has passed")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, timeout)
	defer cancel()
	if _, err := f.Notify(ctx, document("2")); !errors.Is(err, timeout) || notifier.Classify(err).Reason != notifier.Temporary {
		t.Errorf("got %v, want a temporary error with the context's cause", err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := f.Notify(t.Context(), document("3"))
		done <- err
	}()
	if err := syscall.Flock(int(other.Fd()), syscall.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil || len(lines(t, f.path)) != 2 {
		t.Errorf("got %v and %d lines, want 2", err, len(lines(t, f.path)))
	}
}

// readAll counts the lines of the file and of all that was put aside, by their id.
func readAll(t *testing.T, path string) (count map[string]int, files int) {
	t.Helper()
	base, ext := strings.TrimSuffix(path, filepath.Ext(path)), filepath.Ext(path)
	all, err := filepath.Glob(base + "*" + ext + "*")
	if err != nil {
		t.Fatal(err)
	}
	count = map[string]int{}
	for _, name := range all {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, packed) {
			z, err := gzip.NewReader(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			if b, err = io.ReadAll(z); err != nil {
				t.Fatal(err)
			}
		}
		in := bufio.NewScanner(bytes.NewReader(b))
		for in.Scan() {
			var line struct{ ID string }
			if err := json.Unmarshal(in.Bytes(), &line); err != nil {
				t.Errorf("%s: %v: %.80q", name, err, in.Text())
			}
			count[line.ID]++
		}
	}
	return count, len(all)
}

func TestRotation(t *testing.T) {
	for _, zip := range []bool{false, true} {
		f := newNotifier(t, Config{Rotate: Rotation{Bytes: minRotate, Keep: 3, Gzip: zip}})
		at := time.Date(2026, 11, 23, 13, 20, 17, 0, time.UTC)
		f.now = func() time.Time { return at }
		other := strings.TrimSuffix(f.path, ".json") + "-notes.json"
		if err := os.WriteFile(other, []byte("{\"id\":\"mine\"}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		for i := range 700 {
			if i == 500 {
				at = at.Add(time.Hour)
			}
			if r := notify(t, f, document(strconv.Itoa(i))); r.Warning != "" {
				t.Fatal(r.Warning)
			}
			packs(f)
			if st, err := os.Stat(f.path); err != nil || st.Size() > minRotate {
				t.Fatalf("%v: it has %d bytes", err, st.Size())
			}
		}
		count, files := readAll(t, f.path)
		if files != 5 || count["mine"] != 1 { // the file, three of it, and what is not ours
			t.Errorf("%d files, want 5", files)
		}
		for i := 699; i >= 700-len(count)+1; i-- {
			if count[strconv.Itoa(i)] != 1 {
				t.Fatalf("line %d is there %d times, and of %d lines the last should be", i, count[strconv.Itoa(i)], len(count))
			}
		}
		if zipped, _ := filepath.Glob(filepath.Dir(f.path) + "/*.gz"); len(zipped) != map[bool]int{true: 3}[zip] {
			t.Errorf("gzip %v: %d compressed files", zip, len(zipped))
		}
	}
}

// Who compresses takes as long as it takes: no line waits for it, and what went wrong is told with the next line.
func TestCompressionKeepsNoLineWaiting(t *testing.T) {
	f := newNotifier(t, Config{Rotate: Rotation{Daily: true, Gzip: true, Keep: 1}})
	at := time.Now()
	f.now = func() time.Time { return at }
	day := func(i int) notifier.Receipt {
		at = at.AddDate(0, 0, 1)
		return notify(t, f, document(strconv.Itoa(i)))
	}
	day(0)
	f.packing.Lock() // somebody compresses
	day(1)
	day(2) // of which the oldest is removed all the same
	f.packing.Unlock()
	if zipped, _ := filepath.Glob(filepath.Dir(f.path) + "/*.gz"); len(zipped) != 0 {
		t.Errorf("%q was compressed by two", zipped)
	}
	day(3)
	packs(f)
	count, files := readAll(t, f.path)
	if zipped, _ := filepath.Glob(filepath.Dir(f.path) + "/*.gz"); files != 2 || len(zipped) != 1 || count["2"] != 1 || count["3"] != 1 {
		t.Errorf("%d files, %d of them compressed, with %v", files, len(zipped), count)
	}
	why := warning("disk full")
	f.notPacked.Store(&why)
	if r := notify(t, f, document("4")); r.Warning != "disk full" {
		t.Errorf("got warning %q", r.Warning)
	}
	if r := notify(t, f, document("5")); r.Warning != "" {
		t.Errorf("it is told twice: %q", r.Warning)
	}
	packs(f)
}

func TestDailyRotation(t *testing.T) {
	f := newNotifier(t, Config{Rotate: Rotation{Daily: true}})
	notify(t, f, document("1"))
	notify(t, f, document("2"))
	tomorrow := time.Now().AddDate(0, 0, 1)
	f.now = func() time.Time { return tomorrow }
	notify(t, f, document("3"))
	count, files := readAll(t, f.path)
	if files != 2 || len(count) != 3 || len(lines(t, f.path)) != 1 {
		t.Errorf("%d files, %v", files, count)
	}
}

// What cannot be put aside goes on growing: an alert that is not written is worse than a long file.
func TestFileThatCannotBePutAside(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may rename anything")
	}
	f := newNotifier(t, Config{Rotate: Rotation{Bytes: minRotate}})
	for range 99 {
		notify(t, f, document("1"))
	}
	if err := os.Chmod(filepath.Dir(f.path), 0o500); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Chmod(filepath.Dir(f.path), 0o700) }()
	if r := notify(t, f, document("2")); !strings.Contains(r.Warning, "rotate") || len(lines(t, f.path)) != 100 {
		t.Errorf("got warning %q", r.Warning)
	}
}

func TestConcurrentUse(t *testing.T) {
	f := newNotifier(t, Config{Sync: true})
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			if _, err := f.Notify(t.Context(), document(strconv.Itoa(i))); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if count, _ := readAll(t, f.path); len(count) != 50 {
		t.Errorf("%d lines, want 50", len(count))
	}
}

// Several processes append and rotate at the same time: every line is there once, and whole.
func TestProcessesTakeTurns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alerts.json")
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "APPEND_TO="+path, "APPEND_AS="+strconv.Itoa(i))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	all.Wait()
	count, files := readAll(t, path)
	if len(count) != 800 || files < 8 {
		t.Errorf("%d lines in %d files, want 800 in 8 or more", len(count), files)
	}
	for id, n := range count {
		if n != 1 {
			t.Errorf("line %s is there %d times", id, n)
		}
	}
}

func TestValidateReportsEveryMistake(t *testing.T) {
	path := "/var/log/alerts.json"
	for name, tt := range map[string]struct {
		cfg  Config
		want []string
	}{
		"plain": {Config{Path: path}, nil}, "all": {Config{Path: path, Body: "raw", Mode: "0600", Sync: true, Rotate: Rotation{Bytes: 1e8, Daily: true, Keep: 7, Gzip: true}}, nil},
		"nothing": {Config{}, []string{"path"}}, "relative": {Config{Path: "alerts.json"}, []string{"path"}}, "up": {Config{Path: "/var/log/../x"}, []string{"path"}},
		"directory": {Config{Path: "/var/log/"}, []string{"path"}}, "template": {Config{Path: "/var/log/{{.Host}}.json"}, []string{"path"}}, "control": {Config{Path: "/var/log/a\nb"}, []string{"path"}},
		"body": {Config{Path: path, Body: "xml"}, []string{"body"}}, "mode": {Config{Path: path, Mode: "rw"}, []string{"mode"}}, "everybody": {Config{Path: path, Mode: "0666"}, []string{"mode"}},
		"program": {Config{Path: path, Mode: "0755"}, []string{"mode"}}, "unreadable": {Config{Path: path, Mode: "0200"}, []string{"mode"}},
		"small": {Config{Path: path, Rotate: Rotation{Bytes: 10}}, []string{"rotate.bytes"}}, "keep": {Config{Path: path, Rotate: Rotation{Daily: true, Keep: -1}}, []string{"rotate.keep"}},
		"never": {Config{Path: path, Rotate: Rotation{Gzip: true}}, []string{"rotate"}},
	} {
		err := tt.cfg.Validate()
		if diff := cmp.Diff(tt.want, notifiertest.Keys(err)); diff != "" {
			t.Errorf("%s: keys differ (-want +got):\n%s\n%v", name, diff, err)
		}
	}
	got, err := ConfigFromURL("file:///var/log/alerts.json?body=raw")
	if err != nil || got.Path != path || got.Body != "raw" {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, url := range []string{"/var/log/alerts.json", "file://host/var/log/alerts.json", "file:///var/log/alerts.json?mode=0666", "https://x"} {
		if _, err := ConfigFromURL(url); err == nil {
			t.Errorf("%q is taken", url)
		}
	}
}
