package history_test

import (
	"cmp"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/history"
	"github.com/ossec-notify/ossec-notify/history/historytest"
	"github.com/ossec-notify/ossec-notify/rules"
)

// theFile is the file that the benchmarks read: HISTORY_FILE, or one of HISTORY_MB (16) made for the run.
func theFile(b *testing.B) (path string, size int64) {
	b.Helper()
	path = os.Getenv("HISTORY_FILE")
	if path == "" {
		mb, _ := strconv.Atoi(cmp.Or(os.Getenv("HISTORY_MB"), "16"))
		path = filepath.Join(b.TempDir(), "alerts.json")
		f, err := os.Create(path)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := historytest.Write(f, int64(mb)<<20, 1); err != nil {
			b.Fatal(err)
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	return path, info.Size()
}

// gateOf is the gate of routes in YAML.
func gateOf(tb testing.TB, routes string) *rules.Gate {
	tb.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(routes), &n); err != nil {
		tb.Fatal(err)
	}
	parsed, problems := rules.ParseRoutes(n.Content[0], alert.DefaultScale, nil)
	if len(problems) > 0 {
		tb.Fatal(problems)
	}
	return rules.NewGate(&rules.Table{Routes: parsed})
}

// BenchmarkRead reads a file through gates, and has wc count its lines.
func BenchmarkRead(b *testing.B) {
	path, size := theFile(b)
	for _, c := range []struct{ name, routes string }{
		{"levelThenGroup", `[{match: {level: 10, group: [sshd, authentication_failures]}, to: [a]}]`},
		{"anyKey", `[{match: {field.data.srcuser: root}, to: [a]}]`},
		{"rareKey", `[{match: {field.data.win.eventdata.logonType: "10"}, to: [a]}]`},
		{"everyKey", `[{match: {field.location: "^/var/log/audit"}, to: [a]}]`},
		{"srcip", `[{match: {srcip: 198.51.100.0/24}, to: [a]}]`},
		{"log", `[{match: {log: "segmentation fault"}, to: [a]}]`},
	} {
		gate := gateOf(b, c.routes)
		for _, workers := range []int{1, 2} {
			b.Run(c.name+"/"+strconv.Itoa(workers), func(b *testing.B) {
				b.SetBytes(size)
				b.ReportAllocs()
				passed := 0
				for b.Loop() {
					files, _, err := history.Find([]string{path}, time.UTC)
					if err != nil {
						b.Fatal(err)
					}
					r := history.New(files, history.Options{Pass: gate.Pass, Workers: workers, Zone: time.UTC})
					for _, err := range r.Alerts(context.Background()) {
						if err != nil {
							b.Fatal(err)
						}
					}
					t := r.Totals()
					if t.Bytes != size || t.Damaged > 0 {
						b.Fatalf("%+v", t)
					}
					passed = t.Passed
				}
				b.ReportMetric(float64(passed), "passed")
				runtime.KeepAlive(gate)
			})
		}
	}
	b.Run("wc", func(b *testing.B) {
		b.SetBytes(size)
		for b.Loop() {
			if err := exec.Command("wc", "-l", path).Run(); err != nil {
				b.Skip(err)
			}
		}
	})
}
