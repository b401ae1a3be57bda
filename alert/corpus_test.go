package alert

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata/alerts/facts.json anew; read the difference before it is kept")

const (
	corpusDir = "../testdata/alerts"
	factsFile = "facts.json"
)

// readCorpus is the shared corpus: the text of every alert under its path below corpusDir.
func readCorpus(t testing.TB) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(corpusDir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == factsFile {
			return err
		}
		text, err := os.ReadFile(name)
		rel, _ := filepath.Rel(corpusDir, name)
		files[filepath.ToSlash(rel)] = text
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// corpusZone is the zone in which the dates of the corpus that have none were written.
var corpusZone = time.FixedZone("CET", 3600)

func corpusOptions(name string) Options {
	return Options{FileName: path.Base(name), Location: corpusZone}
}

// facts are what an alert says, each as one text, so that a field that gets lost shows as a missing line.
type facts map[string]string

func factsOf(a *Alert) facts {
	f := facts{}
	set := func(key string, values ...any) {
		text := strings.TrimRight(fmt.Sprintln(values...), " \n")
		if strings.Trim(text, " 0[]|") != "" {
			f[key] = shorten(text)
		}
	}
	endpoint := func(e Endpoint) string {
		if e == (Endpoint{}) {
			return ""
		}
		return fmt.Sprintf("%s|%s|%s|%s", e.IP, e.Port, e.Text, e.Geo)
	}
	set("format", a.Format)
	set("identity", a.Identity())
	set("id", a.ID)
	if !a.Time.IsZero() {
		set("time", a.Time.Format(time.RFC3339Nano))
	}
	f["level"] = fmt.Sprint(a.Rule.Level)
	set("rule", a.Rule.ID)
	set("description", a.Rule.Description)
	set("groups", strings.Join(a.Rule.Groups, ","))
	set("mitre", strings.Join(a.Rule.MITRE.IDs, ","), strings.Join(a.Rule.MITRE.Tactics, ","), strings.Join(a.Rule.MITRE.Techniques, ","))
	set("fired", a.Rule.FiredTimes)
	set("frequency", a.Rule.Frequency)
	set("info", a.Rule.Info)
	set("agent", a.Agent.ID, a.Agent.Name, a.Agent.IP)
	set("manager", a.Manager, a.Cluster, a.Node)
	set("location", a.Location)
	set("logfile", a.LogFile)
	set("host", a.Host)
	set("decoder", a.Decoder, a.DecoderParent)
	set("program", a.Program)
	set("source", endpoint(a.Source))
	set("destination", endpoint(a.Destination))
	set("user", a.User)
	set("source user", a.SourceUser)
	set("target user", a.TargetUser)
	set("protocol", a.Protocol)
	set("action", a.Action)
	set("status", a.Status)
	set("url", a.URL)
	set("command", a.Command)
	set("log", a.Log)
	set("previous", len(a.Previous))
	if n := len(a.Previous); n > 0 {
		set("oldest", a.Previous[n-1])
	}
	if a.File != nil {
		file := a.File
		set("file", file.Path)
		set("file event", file.Event, file.Mode)
		set("file changed", strings.Join(file.Changed, ","))
		set("file before", state(file.Before))
		set("file after", state(file.After))
		set("file diff", file.Diff)
		set("file by", file.LoginUser, file.EffectiveUser, file.ProcessName, file.ProcessID)
		if file.Registry {
			set("file registry", true)
		}
	}
	if a.Response != nil {
		set("response", a.Response.Command, a.Response.Program, a.Response.Origin, strings.Join(a.Response.Args, ","))
	}
	set("problem", string(a.Problem.Kind))
	set("reads as", a.Problem.ReadsAs)
	set("cut at", a.Problem.CutAt)
	return f
}

func state(s FileState) string {
	var parts []string
	for _, a := range s.attributes() {
		if *a.value != "" {
			value := *a.value
			if len(value) >= 32 {
				value = value[:4]
			}
			parts = append(parts, a.name+"="+value)
		}
	}
	return strings.Join(parts, " ")
}

// shorten keeps the facts readable; a change in the middle of a long log is no matter of fields.
func shorten(s string) string {
	if len(s) <= 160 {
		return s
	}
	return fmt.Sprintf("%s … %s (%d bytes)", strings.ToValidUTF8(s[:80], "?"), strings.ToValidUTF8(s[len(s)-20:], "?"), len(s))
}

func TestCorpusSaysWhatItSays(t *testing.T) {
	corpus := readCorpus(t)
	got := map[string]facts{}
	for name, text := range corpus {
		got[name] = factsOf(Parse(text, corpusOptions(name)))
	}
	name := filepath.Join(corpusDir, factsFile)
	if *update {
		var buf bytes.Buffer
		enc := json.NewEncoder(&buf)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(got); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, buf.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]facts
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	for name := range corpus {
		if diff := cmp.Diff(roundTrip(t, got[name]), want[name]); diff != "" {
			t.Errorf("%s (-got +want):\n%s", name, diff)
		}
	}
	for name := range want {
		if corpus[name] == nil {
			t.Errorf("%s has facts but is not in the corpus", name)
		}
	}
}

// roundTrip writes facts as the file has them, where bytes that are no UTF-8 have become U+FFFD.
func roundTrip(t *testing.T, f facts) facts {
	t.Helper()
	text, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	var out facts
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// A single alert is the same whether it is parsed or read as a stream.
func TestReadingOneAlertIsParsingIt(t *testing.T) {
	for name, text := range readCorpus(t) {
		var got []*Alert
		for a, err := range Read(bytes.NewReader(text), corpusOptions(name)) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, a)
		}
		if len(got) != 1 {
			t.Errorf("%s: %d alerts, want 1", name, len(got))
			continue
		}
		want := factsOf(Parse(text, corpusOptions(name)))
		if want["problem"] != "" { // a wreck is named after its bytes, and a stream drops the blank ones around it
			delete(want, "identity")
			want["log"] = strings.Trim(want["log"], blanks)
		}
		have := factsOf(got[0])
		if want["problem"] != "" {
			delete(have, "identity")
			have["log"] = strings.Trim(have["log"], blanks)
		}
		if diff := cmp.Diff(have, want); diff != "" {
			t.Errorf("%s (-read +parsed):\n%s", name, diff)
		}
	}
}
