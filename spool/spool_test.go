package spool

import (
	"bufio"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ossec-notify/ossec-notify/testdata/injection"
)

func TestMain(m *testing.M) {
	if state := os.Getenv("SPOOL_TEST_WRITE"); state != "" {
		writeUntilKilled(state)
	}
	os.Exit(m.Run())
}

// example is a record with something in every field.
func example() *Record {
	return &Record{
		Version: formatVersion, Name: "slack", Response: true,
		Args: []string{"/tmp/custom-slack-1795439488-1.alert", "", `q"\` + "\n\xff\xe4ü<", "> /dev/null 2>&1"},
		Home: "/var/ossec", UID: 998, Owner: new(0), Arrival: time.Date(2026, 11, 23, 13, 28, 24, 123456789, time.UTC),
		Truncated: true, Options: []byte("{\"pretext\": \"x\"}\n"), File: "custom-slack-1795439488-1.alert",
		Problem: "open /tmp/x: permission denied", Alert: []byte("{\"rule\":{}}\n\x00\xff{}\n"),
	}
}

func TestReadGivesWhatWasWritten(t *testing.T) {
	for name, want := range map[string]*Record{
		"everything": example(),
		"nothing":    {Version: formatVersion, Arrival: time.Unix(0, 0).UTC(), Alert: []byte{}},
	} {
		t.Run(name, func(t *testing.T) {
			state := filepath.Join(t.TempDir(), "state")
			file, err := Write(state, want)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Read(state, file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
		})
	}
}

// An older program wrote no owner, and ignores what it does not know.
func TestRecordWithoutAnOwnerIsRead(t *testing.T) {
	r := example()
	r.Owner = nil
	data := r.encode()
	if bytes.Contains(data, []byte("owner")) {
		t.Errorf("an owner that is nobody else's is written: %s", data)
	}
	got, err := decode(bytes.Replace(data, []byte(`"uid":998,`), []byte(`"uid":998,"later":{"a":[1]},`), 1))
	if diff := cmp.Diff(got, r); err != nil || diff != "" {
		t.Errorf("%v (-got +want):\n%s", err, diff)
	}
}

func TestLargestRecordIsRead(t *testing.T) {
	state := newState(t)
	name, err := Write(state, &Record{
		Args: []string{strings.Repeat("\xff", 2<<20)}, Options: make([]byte, MaxAlert), Alert: make([]byte, MaxAlert),
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Read(state, name)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Args[0]) != 2<<20 || len(r.Options) != MaxAlert || len(r.Alert) != MaxAlert {
		t.Errorf("read %d, %d, %d bytes", len(r.Args[0]), len(r.Options), len(r.Alert))
	}
}

func TestHeaderIsOneLineOfJSON(t *testing.T) {
	state := newState(t)
	name, err := Write(state, example())
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(state + "/spool/new/" + name)
	if err != nil {
		t.Fatal(err)
	}
	got, _, _ := strings.Cut(string(data), "\n")
	want := `{"version":1,"name":"slack","response":true,` +
		`"args":["/tmp/custom-slack-1795439488-1.alert","","q\"\\\u000a\u00ff\u00e4\u00c3\u00bc<","> /dev/null 2>&1"],` +
		`"home":"/var/ossec","uid":998,"owner":0,"arrival":"2026-11-23T13:28:24.123456789Z","truncated":true,` +
		`"file":"custom-slack-1795439488-1.alert","problem":"open /tmp/x: permission denied","options":17,"alert":17}`
	if got != want {
		t.Errorf("header\n%s\nwant\n%s", got, want)
	}
}

func TestOnlyTheOwnerMayLookIn(t *testing.T) {
	state := newState(t)
	if _, err := Write(state, example()); err != nil {
		t.Fatal(err)
	}
	lock, err := TryLock(state, "deliver", "")
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	if err := errors.Join(MarkFull(state, true), MarkFailed(state)); err != nil {
		t.Fatal(err)
	}
	got := map[string]fs.FileMode{}
	err = filepath.WalkDir(state, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := d.Info()
		rel, _ := filepath.Rel(state, path)
		if filepath.Dir(rel) == "spool/new" {
			rel = "spool/new/RECORD"
		}
		got[rel] = st.Mode()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	const dir, file = fs.ModeDir | 0o700, 0o600
	want := map[string]fs.FileMode{
		".": dir, "receivers": dir, "spool": dir, "spool/tmp": dir, "spool/new": dir, "spool/bad": dir,
		"spool/new/RECORD": file, "spool/full": file, "lock": file, "failed": file,
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

func TestListIsOldestFirst(t *testing.T) {
	state := newState(t)
	var want []string
	for _, at := range []time.Time{time.Unix(0, 5), time.Unix(9, 0), time.Unix(10, 0), time.Unix(1795439488, 0)} {
		want = append(want, writeAt(t, state, at))
	}
	for range 3 { // at the same instant
		want = append(want, writeAt(t, state, time.Unix(1795439489, 0)))
	}
	got, err := List(state)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(want[4:])
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

// script is a disk that writes down what is asked of it, and fails at one step.
type script struct {
	osDisk
	steps  []string
	failAt string
}

var errScript = errors.New("as the script says")

func (s *script) step(words ...string) error {
	step := strings.Join(words, " ")
	s.steps = append(s.steps, step)
	if step == s.failAt {
		return errScript
	}
	return nil
}

// dir is spool/tmp or spool/new.
func dir(path string) string { return filepath.Base(filepath.Dir(path)) }

func (s *script) create(path string) (file, error) {
	if err := s.step("create", dir(path)); err != nil {
		return nil, err
	}
	f, err := s.osDisk.create(path)
	return scriptFile{f, s}, err
}

func (s *script) rename(from, to string) error {
	if err := s.step("rename", dir(from), dir(to)); err != nil {
		return err
	}
	return s.osDisk.rename(from, to)
}

func (s *script) syncDir(path string) error {
	if err := s.step("syncdir", filepath.Base(path)); err != nil {
		return err
	}
	return s.osDisk.syncDir(path)
}

func (s *script) remove(path string) error {
	_ = s.step("remove", dir(path))
	return s.osDisk.remove(path)
}

type scriptFile struct {
	file
	s *script
}

func (f scriptFile) Write(p []byte) (int, error) {
	if err := f.s.step("write"); err != nil {
		n, _ := f.file.Write(p[:len(p)/2])
		return n, err
	}
	return f.file.Write(p)
}

func (f scriptFile) Sync() error {
	if err := f.s.step("sync"); err != nil {
		return err
	}
	return f.file.Sync()
}

func (f scriptFile) Close() error {
	return errors.Join(f.s.step("close"), f.file.Close())
}

var writeSteps = []string{"create tmp", "write", "sync", "close", "rename tmp new", "syncdir new"}

func TestWriteSyncsBeforeItRenamesAndTheDirectoryAfter(t *testing.T) {
	s := &script{}
	if _, err := write(s, newState(t), example()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s.steps, writeSteps); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

func TestWriteThatFailsLeavesNothing(t *testing.T) {
	for _, step := range writeSteps {
		t.Run(step, func(t *testing.T) {
			state := newState(t)
			if name, err := write(&script{failAt: step}, state, example()); !errors.Is(err, errScript) || name != "" {
				t.Fatalf("write returned %q, %v", name, err)
			}
			for _, dir := range []string{"tmp", "new"} {
				if left := entries(t, state+"/spool/"+dir); len(left) > 0 {
					t.Errorf("left in spool/%s: %v", dir, left)
				}
			}
		})
	}
}

// killed is what a disk panics with in place of a step: nothing behind it is run.
type killed struct{}

type killer struct {
	script
	at int
}

func (k *killer) check() {
	if len(k.steps) == k.at {
		panic(killed{})
	}
}

func (k *killer) create(path string) (file, error) {
	k.check()
	f, err := k.script.create(path)
	return killerFile{f, k}, err
}
func (k *killer) rename(from, to string) error { k.check(); return k.script.rename(from, to) }
func (k *killer) syncDir(path string) error    { k.check(); return k.script.syncDir(path) }

type killerFile struct {
	file
	k *killer
}

func (f killerFile) Write(p []byte) (int, error) { f.k.check(); return f.file.Write(p) }
func (f killerFile) Sync() error                 { f.k.check(); return f.file.Sync() }
func (f killerFile) Close() error                { f.k.check(); return f.file.Close() }

func TestWriterKilledAtAnyStepLeavesAWholeRecordOrNone(t *testing.T) {
	for at, step := range writeSteps {
		t.Run("before "+step, func(t *testing.T) {
			state := newState(t)
			func() {
				defer func() {
					if got := recover(); got != (killed{}) {
						t.Fatalf("not killed: %v", got)
					}
				}()
				_, _ = write(&killer{at: at}, state, example())
			}()
			names, err := List(state)
			if err != nil {
				t.Fatal(err)
			}
			if want := step == "syncdir new"; len(names) == 1 != want {
				t.Fatalf("records %v, want one: %v", names, want)
			}
			for _, name := range names {
				if r, err := Read(state, name); err != nil || !cmp.Equal(r, example()) {
					t.Errorf("read %v: %v", r, err)
				}
			}
			if _, err := Sweep(state, -time.Hour); err != nil {
				t.Fatal(err)
			}
			if left := entries(t, state+"/spool/tmp"); len(left) > 0 {
				t.Errorf("left after Sweep: %v", left)
			}
		})
	}
}

// writeUntilKilled writes records for ever and says of each that it is written.
func writeUntilKilled(state string) {
	for {
		name, err := Write(state, example())
		if err != nil {
			os.Stdout.WriteString("error " + err.Error() + "\n")
			os.Exit(1)
		}
		os.Stdout.WriteString(name + "\n")
	}
}

func TestNothingThatWasWrittenIsLostByAKill(t *testing.T) {
	state := newState(t)
	for range 5 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "SPOOL_TEST_WRITE="+state)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			if n == 20 {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			if r, err := Read(state, lines.Text()); err != nil || !cmp.Equal(r, example()) {
				t.Errorf("%s: %v, %v", lines.Text(), r, err)
			}
		}
		_ = cmd.Wait() // killed
	}
	names, err := List(state)
	if err != nil {
		t.Fatal(err)
	}
	if len(names) < 100 {
		t.Errorf("%d records, want 100 or more", len(names))
	}
	for _, name := range names { // also those that nobody was told of
		if _, err := Read(state, name); err != nil {
			t.Error(err)
		}
	}
}

func TestPrepareMakesNoParents(t *testing.T) {
	home := t.TempDir()
	if err := Prepare(home + "/queue/ossec-notify"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want that the parent does not exist", err)
	}
	if left := entries(t, home); len(left) > 0 {
		t.Errorf("it made %v", left)
	}
}

func TestPrepareLeavesWhatIsThere(t *testing.T) {
	state := newState(t)
	writeAt(t, state, time.Now())
	if err := Prepare(state); err != nil {
		t.Fatal(err)
	}
	if n := len(entries(t, state+"/spool/new")); n != 1 {
		t.Errorf("%d records, want 1", n)
	}
}

func FuzzRecord(f *testing.F) {
	f.Add("slack", "/tmp/a.alert", "/var/ossec", "", []byte("{}"), []byte("alertdate='x'"), false)
	f.Add("\xff\"\\\n", "", "", "p", []byte(nil), []byte("\n\n"), true)
	f.Fuzz(func(t *testing.T, name, arg, home, problem string, options, alert []byte, flag bool) {
		want := &Record{
			Version: formatVersion, Name: name, Response: flag, Args: []string{arg, name}, Home: home, File: arg,
			Arrival: time.Unix(1795439488, 1).UTC(), Truncated: flag, Problem: problem, Options: options, Alert: alert,
		}
		data := want.encode()
		got, err := decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got, want, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("(-got +want):\n%s", diff)
		}
		for _, n := range []int{0, len(data) / 2, len(data) - 1} {
			if _, err := decode(data[:n]); !errors.Is(err, ErrDamaged) {
				t.Errorf("%d of %d bytes: error %v, want ErrDamaged", n, len(data), err)
			}
		}
	})
}

// FuzzDecode: whatever stands in a file of the spool, it is a record, or it is told why not; and a record that was read
// is written as one that reads the same.
func FuzzDecode(f *testing.F) {
	whole := (&Record{Version: formatVersion, Name: "slack", Args: []string{"a"}, Home: "/var/ossec", Alert: []byte("alertdate='x'"), Options: []byte("{}")}).encode()
	f.Add(whole)
	f.Add(bytes.Replace(whole, []byte("\n"), []byte("\n\n"), 1))
	f.Add([]byte("{}\n"))
	f.Add([]byte("{\"version\":99}\nx"))
	for _, text := range injection.Seeds() {
		f.Add([]byte(text))
		f.Add(append(bytes.Clone(whole), text...))
		f.Add(bytes.Replace(whole, []byte("slack"), []byte(text), 1))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decode(data)
		if err != nil {
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNewer) {
				t.Errorf("the error says neither damaged nor newer: %v", err)
			}
			return
		}
		again, err := decode(r.encode())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(again, r, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("(-again +first):\n%s", diff)
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	state := newState(b)
	r := example()
	r.Alert = make([]byte, 1300)
	for b.Loop() {
		if _, err := Write(state, r); err != nil {
			b.Fatal(err)
		}
	}
}

// newState is a prepared state directory.
func newState(t testing.TB) string {
	t.Helper()
	state := filepath.Join(t.TempDir(), "state")
	if err := Prepare(state); err != nil {
		t.Fatal(err)
	}
	return state
}

func writeAt(t *testing.T, state string, at time.Time) string {
	t.Helper()
	name, err := Write(state, &Record{Arrival: at, Alert: []byte("x")})
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func entries(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}
