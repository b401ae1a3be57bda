package settings

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// sink is a struct with a setting of every kind.
type sink struct {
	Text    string                     `yaml:"text"`
	Number  int                        `yaml:"number"`
	On      bool                       `yaml:"on"`
	List    []string                   `yaml:"list"`
	Wait    yamlnode.Duration          `yaml:"wait"`
	Key     notifier.Secret            `yaml:"key"`
	Headers map[string]notifier.Secret `yaml:"headers"`
	TLS     *files                     `yaml:"tls"`
	Listen  address                    `yaml:"listen"`
	hidden  string
}

type files struct {
	CAFile string `yaml:"ca_file"`
	Name   string `yaml:"name"`
}

type address struct {
	Host string `yaml:"host"`
	Port int    `yaml:"port"`
}

func (a *address) Short() any { return &a.Host }

// read reads a text into a sink, and tells the problems, each with its line and column.
func read(t *testing.T, text string) (s sink, problems []string) {
	t.Helper()
	var d Decoder
	if root := d.Parse("f.yaml", []byte(text), "write something"); root != nil {
		v := reflect.ValueOf(&s).Elem()
		fields := map[string]reflect.Value{}
		for i := range v.NumField() {
			fields[v.Type().Field(i).Tag.Get("yaml")] = v.Field(i)
		}
		for _, e := range d.YAML.Mapping(root, "the file") {
			if f, ok := fields[e.Key]; ok {
				d.Value(e, f)
			} else {
				d.Unknown(e.KeyNode, "the file", []string{"text", "number", "list"})
			}
		}
	}
	for _, p := range d.Problems {
		problems = append(problems, p.String())
	}
	return s, problems
}

func TestSettingsAreReadAsTheyAreWritten(t *testing.T) {
	got, problems := read(t, `
text: 001
number: 3
on: true
list: one
wait: 2d
tls: {ca_file: ca.pem}
headers: {X-Key: {file: a.key}, X-Plain: text}
listen: example.com
`)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if got.Text != "001" || got.Number != 3 || !got.On || !cmp.Equal(got.List, []string{"one"}) || got.TLS == nil || got.TLS.CAFile != "ca.pem" ||
		got.Headers["X-Key"].File() != "a.key" || !got.Headers["X-Plain"].IsPlain() || got.Listen != (address{Host: "example.com"}) || got.hidden != "" {
		t.Errorf("got %+v", got)
	}
	if got, _ := read(t, "listen: {host: h, port: 1}"); got.Listen != (address{"h", 1}) {
		t.Errorf("written as a mapping it is %+v", got.Listen)
	}
}

func TestMistakesAreToldWithTheirPlaces(t *testing.T) {
	for text, want := range map[string]string{
		"":                           "f.yaml:1:1: the file is empty; write something",
		"# nothing\n":                "f.yaml:1:1: the file is empty; write something",
		"a: b: c\n":                  "f.yaml:1:5: not YAML: mapping values are not allowed in this context",
		"txet: x\n":                  `f.yaml:1:1: unknown key "txet" in the file: did you mean "text"?`,
		"\nnumber: many\n":           `f.yaml:2:9: number takes a whole number, not "many"`,
		"number: [1]\n":              "f.yaml:1:9: number takes a whole number, and this is a list",
		"list: {a: b}\n":             "f.yaml:1:7: list takes a list, and this is a mapping",
		"list: [a, {b: c}]\n":        "f.yaml:1:11: an item of list takes a text, and this is a mapping",
		"text:\n":                    "f.yaml:1:6: text has no value: write one",
		"text: \"\"\n":               "f.yaml:1:7: text is empty: write a text, or leave the key out",
		"text: a\ntext: b\n":         "f.yaml:2:1: text stands twice in the file, first on line 1: keep one",
		"tls: {ca_flie: x}\n":        `f.yaml:1:7: unknown key "ca_flie" in tls: did you mean "ca_file"?`,
		"tls: x\n":                   "f.yaml:1:6: tls is a text: write key: value pairs",
		"wait: soon\n":               `f.yaml:1:7: wait: "soon" is no time span: write 30s, 5m, 24h or 7d`,
		"listen: {host: h, port: x}": `f.yaml:1:25: port takes a whole number, not "x"`,
	} {
		_, problems := read(t, text)
		if len(problems) != 1 || !strings.HasPrefix(problems[0], want) {
			t.Errorf("%q: %q, want %q", text, problems, want)
		}
	}
}

// TestMistakesShowNoSecret: a secret that should have been in quotes is not repeated in what is said of it.
func TestMistakesShowNoSecret(t *testing.T) {
	for _, text := range []string{"key: !S3CR3T x\n", "key: *S3CR3T\n", "key: &S3CR3T\n", "headers: {A: !S3CR3T x}\n", "key: #S3CR3T\n", "key: @S3CR3T\n", "text: a\n  key: S3CR3T\n"} {
		_, problems := read(t, text)
		if len(problems) == 0 || strings.Contains(strings.Join(problems, "\n"), "S3CR3T") {
			t.Errorf("%q: %q, want a problem that does not show it", text, problems)
		}
	}
}

func TestPathsAreResolvedWhereverTheyStand(t *testing.T) {
	s, problems := read(t, "tls: {ca_file: ca.pem, name: not.a.path}\nkey: {file: k}\nheaders: {A: {file: sub/h}, B: {file: /abs}, C: plain}\n")
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	dir := t.TempDir()
	ResolveFiles(&s, dir)
	got := map[string]string{"ca": s.TLS.CAFile, "name": s.TLS.Name}
	Secrets(&s, func(key string, s *notifier.Secret) {
		if s.File() != "" {
			got[key+" "+filepath.Base(s.File())] = s.File()
		}
	})
	want := map[string]string{"ca": filepath.Join(dir, "ca.pem"), "name": "not.a.path", "key k": filepath.Join(dir, "k"), "headers h": filepath.Join(dir, "sub/h"), "headers abs": "/abs"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
}

// TestWithSecretsSharesNothing with what it is a copy of.
func TestWithSecretsSharesNothing(t *testing.T) {
	s := sink{List: []string{"a"}, Headers: map[string]notifier.Secret{"A": notifier.PlainSecret("1")}, TLS: &files{CAFile: "ca"}, Key: notifier.PlainSecret("2")}
	other := WithSecrets(s, func(notifier.Secret) notifier.Secret { return notifier.PlainSecret("x") })
	Secrets(&other, func(key string, s *notifier.Secret) {
		if v, _ := s.Plain(); v != "x" {
			t.Errorf("%s is %q in the copy", key, v)
		}
	})
	other.List[0], other.TLS.CAFile = "changed", "changed"
	other.Headers["B"] = notifier.PlainSecret("3")
	if v, _ := s.Key.Plain(); s.List[0] != "a" || s.TLS.CAFile != "ca" || len(s.Headers) != 1 || v != "2" {
		t.Errorf("the original is %+v, key %q", s, v)
	}
}
