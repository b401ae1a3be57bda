package history

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
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
