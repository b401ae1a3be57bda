package compare

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/minio/simdjson-go"
	"github.com/tidwall/gjson"
	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/history"
	"github.com/ossec-notify/ossec-notify/history/historytest"
	"github.com/ossec-notify/ossec-notify/rules"
)

// The two questions: alerts of level 10 and above of some groups, and those that have a value at a key which any may have.
const (
	severe = `[{match: {level: 10, group: [web, local]}, to: [a]}]`
	anyKey = `[{match: {field.data.win.eventdata.targetUserName: jenkins}, to: [a]}]`
	// everyKey asks for a key that all alerts have, so that each has to be looked through to its end.
	everyKey = `[{match: {field.location: "^/var/log/audit"}, to: [a]}]`
)

// contender is a way of answering a question about a file: how many alerts.
type contender struct {
	name  string
	slow  bool // it is given a tenth of the file
	count func(path string) (int, error)
	asks  string
}

// theFile is COMPARE_FILE, or one of COMPARE_MB (16) made for the run; with a tenth of it.
func theFile(b *testing.B) (path, tenth string) {
	b.Helper()
	path = os.Getenv("COMPARE_FILE")
	if path == "" {
		mb, _ := strconv.Atoi(cmp.Or(os.Getenv("COMPARE_MB"), "16"))
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
	whole, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer whole.Close()
	tenth = filepath.Join(b.TempDir(), "tenth.json")
	part, err := os.Create(tenth)
	if err != nil {
		b.Fatal(err)
	}
	r := bufio.NewReader(whole)
	_, err = io.CopyN(part, r, size(b, path)/10)
	if err == nil { // to the end of the line
		var rest []byte
		if rest, err = r.ReadBytes('\n'); err == nil {
			_, err = part.Write(rest)
		}
	}
	if err := cmp.Or(err, part.Close()); err != nil {
		b.Fatal(err)
	}
	return path, tenth
}

func size(b *testing.B, path string) int64 {
	b.Helper()
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	return info.Size()
}

// ours reads through the gate of routes.
func ours(routes string, workers int) func(string) (int, error) {
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(routes), &n); err != nil {
		panic(err)
	}
	parsed, problems := rules.ParseRoutes(n.Content[0], alert.DefaultScale, nil)
	if len(problems) > 0 {
		panic(fmt.Sprint(problems))
	}
	table := &rules.Table{Routes: parsed}
	gate := rules.NewGate(table)
	return func(path string) (int, error) {
		files, _, err := history.Find([]string{path}, time.UTC)
		if err != nil {
			return 0, err
		}
		r, n := history.New(files, history.Options{Pass: gate.Pass, Workers: workers, Zone: time.UTC}), 0
		for a, err := range r.Alerts(context.Background()) {
			if err != nil {
				return 0, err
			}
			if len(table.Choose(a)) > 0 {
				n++
			}
		}
		return n, nil
	}
}

// byLine counts the lines that one of us says yes to.
func byLine(yes func(line []byte) bool) func(string) (int, error) {
	return func(path string) (int, error) {
		f, err := os.Open(path)
		if err != nil {
			return 0, err
		}
		defer f.Close()
		s, n := bufio.NewScanner(f), 0
		s.Buffer(make([]byte, 256<<10), 1<<20)
		for s.Scan() {
			if yes(s.Bytes()) {
				n++
			}
		}
		return n, s.Err()
	}
}

func isSevere(m map[string]any) bool {
	rule, _ := m["rule"].(map[string]any)
	level, _ := rule["level"].(float64)
	groups, _ := rule["groups"].([]any)
	return level >= 10 && (slices.Contains(groups, any("web")) || slices.Contains(groups, any("local")))
}

func decoded(line []byte) bool {
	var m map[string]any
	return json.Unmarshal(line, &m) == nil && isSevere(m)
}

// begin is where the level stands in the lines that managers write.
var begin = []byte(`,"rule":{"level":1`)

func gatedDecoded(line []byte) bool {
	at := bytes.IndexByte(line, ',')
	if at < 0 || !bytes.HasPrefix(line[at:], begin) || line[at+len(begin)] == ',' {
		return false
	}
	return decoded(line)
}

func gjsonSevere(line []byte) bool {
	if gjson.GetBytes(line, "rule.level").Int() < 10 {
		return false
	}
	for _, g := range gjson.GetBytes(line, "rule.groups").Array() {
		if g.Str == "web" || g.Str == "local" {
			return true
		}
	}
	return false
}

func gjsonKey(line []byte) bool {
	return gjson.GetBytes(line, "data.win.eventdata.targetUserName").Str == "jenkins"
}

func gjsonEvery(line []byte) bool {
	return bytes.HasPrefix([]byte(gjson.GetBytes(line, "location").Str), []byte("/var/log/audit"))
}

// simd counts with simdjson-go, by pieces of whole lines.
func simd(path string) (int, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var parsed *simdjson.ParsedJson
	var element *simdjson.Element
	buf, rest, n := make([]byte, 0, 2<<20), 0, 0
	for {
		got, err := io.ReadFull(f, buf[rest:cap(buf)])
		text := buf[:rest+got]
		end := bytes.LastIndexByte(text, '\n') + 1
		if end > 0 {
			if parsed, err = simdjson.ParseND(text[:end], parsed, simdjson.WithCopyStrings(false)); err != nil {
				return 0, err
			}
			err = parsed.ForEach(func(i simdjson.Iter) error {
				e, err := i.FindElement(element, "rule", "level")
				if err != nil {
					return err
				}
				element = e
				if level, err := e.Iter.Int(); err != nil || level < 10 {
					return err
				}
				if e, err = i.FindElement(element, "rule", "groups"); err != nil {
					return err
				}
				groups, err := e.Iter.Array(nil)
				if err != nil {
					return err
				}
				names, err := groups.AsString()
				if err == nil && (slices.Contains(names, "web") || slices.Contains(names, "local")) {
					n++
				}
				return err
			})
			if err != nil {
				return 0, err
			}
		}
		rest = copy(buf[:cap(buf)], text[end:])
		if got == 0 || len(text) < cap(buf) {
			return n, nil
		}
	}
}

// BenchmarkCompare has all of them read a file in turn, round by round, and reports the medians: MB/s, and the time that
// passed and that processors worked as so many times that of wc -l. On a machine that does other work, too, the latter says more.
func BenchmarkCompare(b *testing.B) {
	path, tenth := theFile(b)
	all := []contender{
		{name: "wc", count: func(path string) (int, error) { return -1, exec.Command("wc", "-l", path).Run() }},
		{name: "severe/ours/1", asks: "severe", count: ours(severe, 1)},
		{name: "severe/ours/2", asks: "severe", count: ours(severe, 2)},
		{name: "severe/gate+encoding-json", asks: "severe", count: byLine(gatedDecoded)},
		{name: "severe/gjson", asks: "severe", count: byLine(gjsonSevere)},
		{name: "severe/simdjson-go", slow: true, asks: "severe", count: simd},
		{name: "severe/encoding-json", slow: true, asks: "severe", count: byLine(decoded)},
		{name: "key/ours/1", asks: "key", count: ours(anyKey, 1)},
		{name: "key/ours/2", asks: "key", count: ours(anyKey, 2)},
		{name: "key/gjson", asks: "key", count: byLine(gjsonKey)},
		{name: "every/ours/1", asks: "every", count: ours(everyKey, 1)},
		{name: "every/ours/2", asks: "every", count: ours(everyKey, 2)},
		{name: "every/gjson", asks: "every", count: byLine(gjsonEvery)},
	}
	if !simdjson.SupportedCPU() {
		all = slices.DeleteFunc(all, func(c contender) bool { return c.name == "severe/simdjson-go" })
		b.Log("simdjson-go does not run on this processor")
	}
	took := map[string][]float64{} // MB/s
	used := map[string][]float64{} // ns of all processors for each byte
	answers := map[string]int{}
	for b.Loop() {
		for _, c := range all {
			file := path
			if c.slow {
				file = tenth
			}
			began, work := time.Now(), processorTime()
			n, err := c.count(file)
			if err != nil {
				b.Fatalf("%s: %v", c.name, err)
			}
			took[c.name] = append(took[c.name], float64(size(b, file))/1e6/time.Since(began).Seconds())
			used[c.name] = append(used[c.name], float64(processorTime()-work)/float64(size(b, file)))
			key := c.asks + file
			if before, ok := answers[key]; ok && before != n {
				b.Fatalf("%s finds %d, others %d", c.name, n, before)
			}
			answers[key] = n
		}
	}
	median := func(all []float64) float64 { slices.Sort(all); return all[len(all)/2] }
	var table strings.Builder
	for _, c := range all {
		fmt.Fprintf(&table, "\n%-26s %7.0f MB/s, the time of wc x %6.2f, of processors x %6.2f", c.name, median(took[c.name]),
			median(took["wc"])/median(took[c.name]), median(used[c.name])/median(used["wc"]))
		b.ReportMetric(median(took[c.name]), c.name+"-MB/s")
	}
	fmt.Println(table.String()) // a log of more than ten lines would be cut
}

// processorTime is what this process and those that it waited for have used.
func processorTime() time.Duration {
	var total time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if syscall.Getrusage(who, &u) == nil {
			total += time.Duration(u.Utime.Nano() + u.Stime.Nano())
		}
	}
	return total
}
