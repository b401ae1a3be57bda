package managerlog

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/alert"
)

// logged is an alert as alerts.log holds it, with the newline that ends it.
func logged(n int, rule, log string) string {
	return fmt.Sprintf("** Alert 1795440502.%d: - syslog,\n2026 Nov 23 13:28:22 web-01->/var/log/auth.log\nRule: %s (level 5) -> 'Failed.'\n%s\n\n", n, rule, log)
}

// shell is the shell file of an alert.
func shell(rule, log string) *alert.Alert {
	return alert.Parse(fmt.Appendf(nil, "alertdate='2026 Nov 23 13:28:22'\nalertlocation='web-01->/var/log/auth.log'\nruleid='%s'\nalertlevel='5'\nruledescription='Failed.'\nalertlog='%s'\nsrcip=''\n", rule, log),
		alert.Options{Location: time.UTC})
}

// write puts files below a new directory and returns it.
func write(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestTailIsCutWhereAlertsBegin(t *testing.T) {
	for _, tc := range []struct {
		name, start, text string
		cut               bool
		want              []string
	}{
		{"a line each", "alerts.json", "{1}\n{2}\n{3}\n", false, []string{"{1}", "{2}", "{3}\n"}},
		{"set out", "alerts.json", "{\n  1\n}\n{\n  2\n}\n", false, []string{"{\n  1\n}", "{\n  2\n}\n"}},
		{"begins within an alert", "alerts.json", "1}\n{2}\n{3}", true, []string{"{2}", "{3}"}},
		{"begins within the only one", "alerts.json", "1}", true, nil},
		{"text", "alerts.log", "** Alert 1.1: a\nx\n\n** Alert 2.2: b\ny\n\n", false, []string{"** Alert 1.1: a\nx", "** Alert 2.2: b\ny\n\n"}},
		{"a blank line in an alert", "alerts.log", "** Alert 1.1: a\n\nx\n\n** Alert 2.2: b\n", false, []string{"** Alert 1.1: a\n\nx", "** Alert 2.2: b\n"}},
		{"text within an alert", "alerts.log", "x\n\n** Alert 2.2: b\n", true, []string{"** Alert 2.2: b\n"}},
		{"nothing", "alerts.log", "", false, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			for piece := range (tail{text: []byte(tc.text), cut: tc.cut}).pieces(alertStarts[tc.start]) {
				got = append(got, string(piece))
			}
			if diff := cmp.Diff(got, tc.want); diff != "" {
				t.Errorf("pieces (-got +want):\n%s", diff)
			}
		})
	}
}

// TestCandidatesAreWhatReadFinds: leaving out what does not mention the rule loses no alert of the rule.
func TestCandidatesAreWhatReadFinds(t *testing.T) {
	for _, dir := range []struct{ folder, name string }{{"log", "alerts.log"}, {"wazuh", "alerts.json"}, {"ossec", "alerts.json"}} {
		files, err := filepath.Glob(filepath.Join("..", "testdata", "alerts", dir.folder, "*"))
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		var text bytes.Buffer
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text.Write(bytes.TrimRight(b, "\n"))
			text.WriteString("\n\n")
		}
		home := write(t, map[string]string{"logs/alerts/" + dir.name: text.String()})
		of := map[string][]string{} // ids by rule
		opt := alert.Options{Location: time.UTC}
		for a, err := range alert.Read(bytes.NewReader(text.Bytes()), opt) {
			if err != nil {
				t.Fatal(err)
			}
			of[a.Rule.ID] = append(of[a.Rule.ID], a.Identity())
		}
		if len(of) < 5 {
			t.Fatalf("%s: %d rules", dir.folder, len(of))
		}
		c := New(home, time.UTC)
		for rule, want := range of {
			var got []string
			for a := range c.candidates(dir.name, rule) {
				if a.Rule.ID == rule {
					got = append(got, a.Identity())
				}
			}
			if diff := cmp.Diff(got, want); diff != "" {
				t.Errorf("%s, rule %s (-got +want):\n%s", dir.folder, rule, diff)
			}
		}
	}
}

func TestOriginalIsFoundInALogThatGrows(t *testing.T) {
	home := write(t, map[string]string{"logs/alerts/alerts.log": strings.Repeat(logged(1, "5501", "x"), completeTail/80) + logged(2, "5716", "first")})
	c := New(home, time.UTC)
	if got := c.Complete(shell("5716", "first")).ID; got != "1795440502.2" {
		t.Errorf("the first is %q, want 1795440502.2", got)
	}
	if !c.tails["alerts.log"].cut || len(c.tails["alerts.log"].text) != completeTail {
		t.Errorf("%d bytes were read, want %d", len(c.tails["alerts.log"].text), completeTail)
	}
	second := shell("5716", "second")
	if got := c.Complete(second); got != second {
		t.Errorf("the second is %q before it is written", got.ID)
	}
	f, err := os.OpenFile(filepath.Join(home, "logs/alerts/alerts.log"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(logged(3, "5716", "second")); err != nil {
		t.Fatal(err)
	}
	if got := c.Complete(second).ID; got != "1795440502.3" {
		t.Errorf("the second is %q, want 1795440502.3", got)
	}
}

// BenchmarkComplete looks for an original in a full tail of other alerts.
func BenchmarkComplete(b *testing.B) {
	home := write(b, map[string]string{"logs/alerts/alerts.log": strings.Repeat(logged(1, "5501", "x"), completeTail/80) + logged(2, "5716", "first")})
	a := shell("5716", "first")
	for b.Loop() {
		if New(home, time.UTC).Complete(a) == a {
			b.Fatal("not found")
		}
	}
}
