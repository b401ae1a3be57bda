package family

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
)

var labelShape = regexp.MustCompile(`^[A-Z][A-Za-z0-9-]{0,9}$`)

// checkLaws holds a reading against what must be true of every alert there is.
func checkLaws(t *testing.T, a *alert.Alert, r *Reading) {
	t.Helper()
	if n := r.Sentence.Len(); n == 0 || n > maxSentence {
		t.Errorf("sentence has %d characters: %q", n, r.Sentence)
	}
	r.Sentence.Render(
		func(words string) string {
			if strings.ContainsFunc(strings.TrimSuffix(words, "…"), func(c rune) bool { return c < ' ' || c > '~' }) {
				t.Errorf("words of the sentence are not printable ASCII: %q", words)
			}
			return words
		},
		func(quoted string) string {
			if display.Tricks(quoted) != "" || strings.ContainsAny(quoted, "\n`") || strings.Contains(quoted, "://") {
				t.Errorf("sentence quotes what does not belong there: %q", quoted)
			}
			return quoted
		},
	)
	if r.What == "" || !clean(r.What) {
		t.Errorf("what happened, without object, is %q", r.What)
	}
	if len(r.Facts) > maxFacts {
		t.Errorf("%d facts: %v", len(r.Facts), r.Facts)
	}
	for _, f := range r.Facts {
		if !labelShape.MatchString(f.Label) {
			t.Errorf("label %q is not one word of at most ten letters", f.Label)
		}
		oneLine(t, f.Label, f.Value, maxValue)
	}
	oneLine(t, "Next", r.Next, 100)
	if !r.Note.IsZero() {
		oneLine(t, "Note", r.Note, maxValue)
	}
	if r.Family == "" || r.Class == "" || r.Object == "" || r.Count < 1 {
		t.Errorf("incomplete reading: family %q, class %q, object %q, count %d", r.Family, r.Class, r.Object, r.Count)
	}
	if key := DedupKey(a, r); strings.Count(key, "/") < 3 {
		t.Errorf("dedup key %q is not manager/agent/rule/object", key)
	}
}

func oneLine(t *testing.T, label string, value display.Text, most int) {
	t.Helper()
	if value.Blank() || value.Len() > most || strings.ContainsAny(value.String(), "\r\n") {
		t.Errorf("%s is empty, longer than %d characters or more than one line: %q", label, most, value)
	}
}

// hostile is text that acts on every screen there is. Its first word shows where it ends up.
const (
	marker  = "ZQ9X"
	hostile = marker + " <!channel> <https://evil.example/|x> ```\n\x1b[31m \u202e [a](http://evil.example) {{.Exec}} " + marker
)

// words are those parts of a reading that are shown as ours.
func words(r *Reading) string {
	var b strings.Builder
	texts := []display.Text{r.Sentence, r.Next, r.Note}
	if !r.Quoted {
		texts = append(texts, display.Words(r.What))
	}
	for _, f := range r.Facts {
		texts = append(texts, display.Words(f.Label), f.Value)
	}
	for _, t := range texts {
		t.Render(func(s string) string { b.WriteString(s + "\n"); return s }, func(s string) string { return s })
	}
	return b.String()
}

// TestHostileTextNeverPassesForWords puts hostile text into every field, one after the other.
func TestHostileTextNeverPassesForWords(t *testing.T) {
	for _, file := range corpus(t) {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if len(raw) > 5_000 { // every one of its texts would be replaced in turn
			continue
		}
		for name, a := range poisoned(raw) {
			r := Read(a)
			if w := words(r); strings.Contains(w, marker) {
				t.Errorf("%s, %s: alert text stands as words:\n%s", file, name, w)
			}
			if strings.Contains(r.Sentence.String(), "channel") {
				t.Errorf("%s, %s: hostile text in the sentence: %q", file, name, r.Sentence)
			}
			checkLaws(t, a, r)
		}
	}
}

// poisoned are variants of an alert, each with hostile text in the place of one of its texts: in the parsed
// fields, and in the JSON they come from.
func poisoned(raw []byte) map[string]*alert.Alert {
	parse := func(raw []byte) *alert.Alert { return alert.Parse(raw, alert.Options{Location: time.UTC}) }
	out := map[string]*alert.Alert{}
	for i := 0; ; i++ {
		a, n := parse(raw), i
		name := poisonField(reflect.ValueOf(a).Elem(), "Alert", &n)
		if name == "" {
			break
		}
		out[name] = a
	}
	for i := 0; ; i++ {
		var o any
		if json.Unmarshal(raw, &o) != nil {
			break
		}
		n := i
		name, o := poisonJSON(o, "", &n)
		if name == "" {
			break
		}
		changed, err := json.Marshal(o)
		if err != nil {
			break
		}
		out[name] = parse(changed)
	}
	return out
}

// poisonField replaces the n-th text in v and returns its name, or nothing if there are fewer.
func poisonField(v reflect.Value, name string, n *int) string {
	switch v.Kind() {
	case reflect.String:
		if *n--; *n < 0 {
			v.SetString(hostile)
			return name
		}
	case reflect.Pointer:
		if !v.IsNil() {
			return poisonField(v.Elem(), name, n)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return ""
		}
		for i := range v.NumField() {
			if found := poisonField(v.Field(i), name+"."+v.Type().Field(i).Name, n); found != "" {
				return found
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if found := poisonField(v.Index(i), name, n); found != "" {
				return found
			}
		}
	}
	return ""
}

// poisonJSON does the same with decoded JSON.
func poisonJSON(v any, path string, n *int) (string, any) {
	switch v := v.(type) {
	case string:
		if *n--; *n < 0 {
			return path, hostile
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			name, e := poisonJSON(v[key], path+"."+key, n)
			if name != "" {
				v[key] = e
				return name, v
			}
		}
	case []any:
		for i, e := range v {
			name, e := poisonJSON(e, path, n)
			if name != "" {
				v[i] = e
				return name, v
			}
		}
	}
	return "", v
}

func TestEveryAlertObeysTheLaws(t *testing.T) {
	for _, file := range corpus(t) {
		a := parseFile(t, file)
		checkLaws(t, a, Read(a))
	}
}

func TestAnAlertWithoutAnythingIsRead(t *testing.T) {
	for name, a := range map[string]*alert.Alert{
		"zero":        {},
		"level only":  {Rule: alert.Rule{Level: 3}},
		"id only":     {Rule: alert.Rule{ID: "5712", Level: -1}},
		"groups only": {Rule: alert.Rule{ID: "1", Groups: []string{"syscheck", "web", "ids", "sudo", "authentication_failed"}}},
	} {
		t.Run(name, func(t *testing.T) { checkLaws(t, a, Read(a)) })
	}
}

func FuzzRead(f *testing.F) {
	for _, file := range corpus(f) {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		a := alert.Parse(raw, alert.Options{Location: time.UTC})
		checkLaws(t, a, Read(a))
	})
}

func BenchmarkRead(b *testing.B) {
	for _, name := range []string{"ssh-brute-force-many-names.json", "windows-logon-failed-network.json", "web-scan.alert"} {
		a := parseFile(b, filepath.Join("testdata", "alerts", name))
		b.Run(strings.TrimSuffix(name, filepath.Ext(name)), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Read(a)
			}
		})
	}
}
