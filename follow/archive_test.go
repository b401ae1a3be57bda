package follow

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOnlyFilesOfTheManagersAndOfLogrotateCount(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{
		"2025/Dec/ossec-alerts-31.json.gz", "2025/Dec/ossec-alerts-31.json", "2026/Mar/ossec-alerts-02.json", "2026/Mar/ossec-alerts-02-001.json.gz",
		"2026/Mar/ossec-alerts-02-010.json", "2026/Feb/ossec-alerts-28.json", "2026/Mar/ossec-alerts-01.json.sum", "2026/Mar/ossec-alerts-01.log",
		"2026/Mar/ossec-archive-01.json", "2026/Mar/ossec-alerts-1.json", "2026/Mar/ossec-alerts-01-x.json", "2026/March/ossec-alerts-01.json",
		"26/Mar/ossec-alerts-01.json", "alerts.json", "alerts.json.9", "alerts.json.10.gz", "alerts.json.bak", "alerts.json~", "alerts.json.1.swp",
		"alerts.json-20260302", "alerts.json-20260301.gz", "alerts.json-old", "alerts.log.1", "alerts.json.99999999999999999999",
	} {
		must(os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
		must(os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	a := newArchive(filepath.Join(dir, "alerts.json"))
	names := func(segs []segment, err error) []string {
		must(err)
		var out []string
		for _, s := range segs {
			name, err := filepath.Rel(dir, s.path)
			must(err)
			out = append(out, name+" "+s.day())
		}
		return out
	}
	want := []string{"alerts.json.10.gz ", "alerts.json.9 ", "alerts.json-20260301.gz ", "alerts.json-20260302 "}
	if diff := cmp.Diff(names(a.renamed()), want); diff != "" {
		t.Errorf("renamed (-got +want):\n%s", diff)
	}
	dated := []string{
		"2025/Dec/ossec-alerts-31.json 2025-12-31", "2026/Feb/ossec-alerts-28.json 2026-02-28", "2026/Mar/ossec-alerts-02.json 2026-03-02",
		"2026/Mar/ossec-alerts-02-001.json.gz 2026-03-02-001", "2026/Mar/ossec-alerts-02-010.json 2026-03-02-010",
	}
	for day, want := range map[string][]string{"": dated, "2026": dated[1:], "2026-02-28": dated[1:], "2026-03-02-001": dated[3:], "2026-04-01": nil} {
		if diff := cmp.Diff(names(a.since(day)), want); diff != "" {
			t.Errorf("since %q (-got +want):\n%s", day, diff)
		}
	}
}

func TestFilesAreListedUntilTheyStayTheSame(t *testing.T) {
	files := func(names ...string) (segs []segment) {
		for i, name := range names {
			segs = append(segs, segment{path: name, inode: uint64(i)})
		}
		return segs
	}
	lists := [][]segment{files("b"), files("a"), files("a", "b"), files("a", "b")}
	got, err := settled(func() ([]segment, error) {
		list := lists[0]
		lists = lists[1:]
		return list, nil
	})
	if err != nil || len(got) != 2 || len(lists) > 0 {
		t.Errorf("got %v, %v", got, err)
	}

	n := 0
	_, err = settled(func() ([]segment, error) {
		n++
		return make([]segment, n), nil
	})
	if !errors.Is(err, errMoving) {
		t.Errorf("of files that never stay the same: error %v", err)
	}
}

func TestDirectoryThatIsWatchedFromNowOnIsLookedAt(t *testing.T) {
	f := New(filepath.Join(t.TempDir(), "alerts.json"), Cursor{}, Options{})
	defer f.Close()
	select {
	case <-f.watch.changed:
	default:
		t.Error("what happened before the watch would go unseen")
	}
}
