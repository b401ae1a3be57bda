package alert

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

const quickLine = `{"timestamp":"2026-11-14T09:10:03.111+0100","rule":{"level":7,"id":"5710","groups":["sshd"]},"agent":{"name":"web-01"},"location":"/var/log/auth.log"}`

const quickLog = "** Alert 1795440503.34: - syslog,sshd,\n2026 Nov 14 09:10:03 (web-01) 192.0.2.11->/var/log/auth.log\nRule: 5710 (level 7) -> 'sshd'\nRule: 5711 (level 12) -> 'x'\n"

func TestQuickLevel(t *testing.T) {
	for _, c := range []struct {
		line string
		want int // -2: not known
	}{
		{quickLine, 7},
		{strings.Replace(quickLine, `"level":7`, `"level":15`, 1), 15},
		{strings.Replace(quickLine, `"level":7`, `"level":17`, 1), -1},
		{strings.Replace(quickLine, `"level":7,`, `"level":7},"rul`, 1), 7}, // damaged behind it
		{strings.Replace(quickLine, `{"timestamp":"2026-11-14T09:10:03.111+0100",`, `{`, 1), 7},
		{strings.Replace(quickLine, `:03.111+0100"`, `:03Z"`, 1), 7},
		{strings.Replace(quickLine, `"agent":{`, `"agent":{"level":3,`, 1), 7},
		{strings.Replace(quickLine, `auth.log`, `\"rule\":{\"level\":12}`, 1), 7},
		{strings.Replace(quickLine, `auth.log`, `C:\\users\\u00`, 1), 7},
		{strings.Replace(quickLine, `"level":7`, `"level":"7"`, 1), -2},
		{strings.Replace(quickLine, `"level":7`, `"level":7.0`, 1), -2},
		{strings.Replace(quickLine, `"level":7`, `"level":07`, 1), -2},
		{strings.Replace(quickLine, `"sshd"]`, `"sshd"],"level":3`, 1), -2},
		{strings.Replace(quickLine, `"sshd"]`, `"sshd"],"lev\u0065l":3`, 1), -2},
		{strings.Replace(quickLine, `"agent"`, `"rule"`, 1), -2},
		{strings.Replace(quickLine, `2026-11`, `2026\n11`, 1), -2},
		{" " + quickLine, -2},
		{quickLine[:60], -2},
		{quickLog, 7},
		{strings.ReplaceAll(quickLog, "\n", "\r\n"), 7},
		{strings.Replace(quickLog, "level 7", "level 17", 1), -1},
		{strings.Replace(quickLog, "level 7", "level +7", 1), -2},
		{strings.Replace(quickLog, "Rule: 5710", "label: x\nRule: 5710", 1), -2},
		{strings.Replace(quickLog, "2026", "x", 1), -2},
		{strings.Replace(quickLog, ") -> '", ")\n -> '", 1), -2},
	} {
		got, ok := QuickLevel([]byte(c.line))
		if !ok {
			got = -2
		}
		if got != c.want {
			t.Errorf("%s: level %d, want %d", c.line, got, c.want)
		}
		if a := Parse([]byte(c.line), Options{Location: time.UTC}); ok && a.Rule.Level != got {
			t.Errorf("%s: level %d, Parse says %d", c.line, got, a.Rule.Level)
		}
	}
}

// A line may be cut anywhere, where the disk was full: what is said of it is what Parse says, and nothing panics.
func TestCutLinesAreReadAsParseDoes(t *testing.T) {
	lines := []string{
		quickLog,
		strings.Replace(quickLine, `.111+0100`, `.111222333+0100`, 1),
		strings.Replace(quickLine, `"groups"`, `"x":{"level":1},"y":"level","z":[1,2e3,"\\u00e9\\\\",true,null],"groups"`, 1),
		strings.Replace(quickLine, `"groups"`, `"lev\u0065l":9,"groups"`, 1),
	}
	for _, text := range readCorpus(t) {
		if len(text) < 1000 {
			lines = append(lines, string(text))
		}
	}
	lens := NewLens(1<<32-1, "data.srcuser", "win.system.eventID")
	key := NewLastKey("data.srcuser")
	var g Glance
	for _, line := range lines {
		for end := range len(line) {
			text := []byte(line)[:end:end]
			a := Parse(text, Options{Location: time.UTC})
			if n, ok := QuickLevel(text); ok && n != a.Rule.Level {
				t.Errorf("%s: level %d, Parse says %d", text, n, a.Rule.Level)
			}
			if BeginsWithLevel(text) && a.Problem.Kind == ProblemUnknown {
				t.Errorf("%s: it begins with a level, and Parse says it is no alert", text)
			}
			if key.AbsentFrom(text) && a.Lookup("data.srcuser") != nil {
				t.Errorf("%s: it has a user", text)
			}
			if g.Look(lens, text) && a.Problem.Kind != "" {
				t.Errorf("%s: it is whole, and Parse says %s", text, a.Problem.ReadsAs)
			}
		}
	}
}

// The fast way of the processor and the slow one find the same, wherever in a text the marks stand.
func TestMarksAreFoundEverywhere(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pieces := []string{`"rule"`, `"level"`, `\u0072`, `\\u0072`, `\\`, `"rul`, `rule"`, `"le`, `"ru`, `\u00e9`, `"`, `u`, `v`}
	for range 20000 {
		text := bytes.Repeat([]byte("x"), random.IntN(150))
		for range random.IntN(3) {
			at := random.IntN(len(text) + 1)
			text = append(text[:at:at], append([]byte(pieces[random.IntN(len(pieces))]), text[at:]...)...)
		}
		fast, slow := marksIn(text), marksSlowly(text)
		if fast < slow || fast > slow && !bytes.Contains(text, []byte(`\\u00`)) { // which may be taken for an escape
			t.Fatalf("%s: %d, slowly %d", text, fast, slow)
		}
	}
}

func TestLastKey(t *testing.T) {
	for path, absent := range map[string]bool{"data.srcuser": true, "srcuser": true, "agent.name": false, "rule.id": false, "x.level": false, "data.a b": false, "data.7": true, "data.é": false} {
		if got := NewLastKey(path).AbsentFrom([]byte(quickLine)); got != absent {
			t.Errorf("%s: absent %v, want %v", path, got, absent)
		}
	}
	if NewLastKey("data.srcuser").AbsentFrom([]byte(strings.Replace(quickLine, "agent", `srcus\u0065r`, 1))) {
		t.Error("a key with escapes is absent")
	}
}

// What Whole takes is JSON.
func FuzzWhole(f *testing.F) {
	for _, text := range readCorpus(f) {
		f.Add(string(text))
	}
	for _, text := range []string{`{}`, `{"a":[1,-0,1.5e3,{"b":[]},true,false,null]}`, `{"a":"\u00zz"}`, `{"\q":1}`, `{"a":01}`, `{"a":1.}`, `{"a":tru}`, `{"a":1,}`, `{"a":1}x`, `{"a" : "b" }`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !new(Glance).Whole([]byte(text)) {
			t.Skip("not plain")
		}
		if _, err := slowly([]byte(text)); err != nil {
			t.Fatalf("it is no JSON: %v", err)
		}
	})
}
