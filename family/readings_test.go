package family

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
)

var update = flag.Bool("update", false, "write testdata/readings.golden anew")

// TestReadings shows all that people see of the alerts in the testdata of this package and of the repository.
// Alert text stands in backticks, as in the code spans of a channel. A change of wording shows as a change of the
// golden file.
func TestReadings(t *testing.T) {
	var b strings.Builder
	for _, file := range corpus(t) {
		a := parseFile(t, file)
		fmt.Fprintf(&b, "# %s\n%s\n", filepath.ToSlash(file), describe(a, Read(a)))
	}
	golden := filepath.Join("testdata", "readings.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(b.String(), string(want)); diff != "" {
		t.Errorf("readings changed (-got +want); with -update they are written to %s\n%s", golden, diff)
	}
}

// corpus are the alerts of this package, and those that all packages share.
func corpus(t testing.TB) []string {
	t.Helper()
	own, err := filepath.Glob(filepath.Join("testdata", "alerts", "*"))
	if err != nil {
		t.Fatal(err)
	}
	shared, err := filepath.Glob(filepath.Join("..", "testdata", "alerts", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(own) == 0 || len(shared) == 0 {
		t.Fatal("no alerts in testdata")
	}
	return append(own, shared...)
}

func parseFile(t testing.TB, file string) *alert.Alert {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return alert.Parse(raw, alert.Options{
		FileName: filepath.Base(file),
		Location: time.UTC,
		Received: time.Date(2026, 3, 4, 5, 6, 9, 0, time.UTC),
	})
}

// describe writes a reading down, line by line; what is empty has no line.
func describe(a *alert.Alert, r *Reading) string {
	var b strings.Builder
	row := func(label, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-10s %s\n", label, value)
		}
	}
	fmt.Fprintln(&b, code(r.Sentence))
	for _, f := range r.Facts {
		row(f.Label, code(f.Value))
	}
	row("Note", code(r.Note))
	row("Next", code(r.Next))
	for l := range strings.SplitSeq(display.Quote(r.Evidence.Text).Cut(1500).String(), "\n") {
		row("  |", l)
	}
	if e := r.Evidence; e.Of > 0 {
		row("  lines", fmt.Sprintf("%d of %d, at least %t", e.Lines, e.Of, e.AtLeast))
	}
	if e := r.Evidence; e.CutBy != "" {
		row("  cut", fmt.Sprintf("by %s after %d", e.CutBy, e.CutChars))
	}
	what := display.Words(r.What)
	if r.Quoted {
		what = display.Quote(r.What)
	}
	row("what", code(what))
	row("family", r.Family+" ("+r.Class+")")
	row("count", fmt.Sprintf("%d, at least %t, composite %t", r.Count, r.AtLeast, r.Composite))
	row("key", DedupKey(a, r))
	row("program", r.Program)
	row("host", r.Host)
	row("outcome", r.Outcome)
	row("reason", r.Reason)
	row("method", r.Method)
	if r.Process != nil {
		row("process", fmt.Sprintf("%+v", *r.Process))
	}
	if r.Request != nil {
		row("request", fmt.Sprintf("%+v", *r.Request))
	}
	return b.String()
}
