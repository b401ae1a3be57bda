package yamlnode

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
)

// parse is the value that a YAML text holds.
func parse(t testing.TB, text string) *yaml.Node {
	t.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(text), &n); err != nil {
		t.Fatal(err)
	}
	return Resolve(&n)
}

// mistakes makes a Reader that notes what it reports.
func mistakes() (*Reader, *[]string) {
	var said []string
	return NewReader(func(at *yaml.Node, message string) {
		said = append(said, fmt.Sprintf("%d:%d: %s", at.Line, at.Column, message))
	}), &said
}

func TestMappingReadsOwnKeysFirstAndMergedOnesOnce(t *testing.T) {
	for _, tc := range []struct{ name, yaml, want string }{
		{"plain", "{b: 1, a: 2}", "b=1 a=2"},
		{"own key before <<", "{a: 1, <<: {a: 2, b: 3}}", "a=1 b=3"},
		{"own key behind <<", "{<<: {a: 2, b: 3}, a: 1}", "a=1 b=3"},
		{"the first of several", "{<<: [{a: 1}, {a: 2, b: 3}]}", "a=1 b=3"},
		{"two merge keys", "<<: {a: 1}\n? <<\n: {a: 2, b: 3}", "a=1 b=3"},
		{"a merge in a merge", "{<<: {<<: {a: 1, b: 2}, b: 3}}", "b=3 a=1"},
		{"through an alias", "x-base: &base {a: 1}\n<<: *base\nb: 2", "b=2 a=1"},
		{"<< in quotes is a key", `{"<<": 1}`, "<<=1"},
		{"x- is free", "{x-a: 1, a: 2}", "a=2"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, said := mistakes()
			var got []string
			for _, e := range r.Mapping(parse(t, tc.yaml), "it") {
				got = append(got, e.Key+"="+e.Value.Value)
			}
			if diff := cmp.Diff(strings.Join(got, " "), tc.want); diff != "" {
				t.Errorf("entries (-got +want):\n%s", diff)
			}
			if len(*said) > 0 {
				t.Errorf("mistakes: %q", *said)
			}
		})
	}
}

func TestMappingReportsWhatIsNone(t *testing.T) {
	for _, tc := range []struct{ name, yaml, want string }{
		{"a text", "abc", "1:1: it is a text: write key: value pairs"},
		{"a list", "[a]", "1:1: it is a list: write key: value pairs"},
		{"a tag", "!x {a: 1}", "1:1: it begins with the YAML tag !x: remove it, or quote a text that begins with !"},
		{"a key twice", "a: 1\na: 2", "2:1: a stands twice in it, first on line 1: keep one"},
		{"a key that is a list", "? [a]\n: 1", "1:3: a key of it is a list: write a plain word"},
		{"a text to merge", "{<<: abc}", "1:6: << is a text: write key: value pairs"},
		{"a mapping that merges itself", "&a {<<: *a}", "1:1: nested too deeply or too large: an alias may hold itself"},
		{"a list that merges itself", "{<<: &a [*a]}", "1:6: << is a list: write key: value pairs"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, said := mistakes()
			r.Mapping(parse(t, tc.yaml), "it")
			if diff := cmp.Diff(*said, []string{tc.want}); diff != "" {
				t.Errorf("mistakes (-got +want):\n%s", diff)
			}
		})
	}
}

// TestMergesThatMultiplyEnd: 40 lines stand for 2^40 mappings.
func TestMergesThatMultiplyEnd(t *testing.T) {
	text := "x-0: &a0 {a: 1}\n"
	for i := 1; i < 40; i++ {
		text += fmt.Sprintf("x-%d: &a%d {<<: [*a%d, *a%d]}\n", i, i, i-1, i-1)
	}
	n := parse(t, text+"<<: *a39\n")
	r, said := mistakes()
	r.Mapping(n, "it")
	if len(*said) != 1 || !strings.Contains((*said)[0], "too large") {
		t.Errorf("mistakes %q, want one", *said)
	}
	if got := At(n, "a"); got.Value != "1" {
		t.Errorf("at a is %q, want 1", got.Value)
	}
	if got := At(n, "b"); got != n {
		t.Errorf("at b is line %d, want the mapping itself", got.Line)
	}
}

func TestAtFindsWhatMappingReads(t *testing.T) {
	const text = `
x-base: &base {url: base, network: &net {proxy: p, <<: *net}}
soc:
  <<: *base
  url: own
list: [a]
`
	n := parse(t, text)
	for _, tc := range []struct{ path, want string }{
		{"soc.url", "5:8"},
		{"soc.network.proxy", "2:49"},
		{"soc.network.ca_file", "2:36"}, // which is not there: the mapping that it belongs to
		{"soc.nothing.more", "4:3"},
		{"list.a", "6:7"},
		{"list[0]", "6:8"},
		{"list[1]", "6:7"}, // which is not there: the list
		{"soc.url[0]", "5:8"},
		{"nothing", "2:1"},
	} {
		at := At(n, strings.Split(tc.path, ".")...)
		if got := fmt.Sprintf("%d:%d", at.Line, at.Column); got != tc.want {
			t.Errorf("%s is at %s, want %s", tc.path, got, tc.want)
		}
	}
	if got := At(nil, "a"); got != nil {
		t.Errorf("in nothing is %v", got)
	}
}

func TestTrapsAreToldWithRemedy(t *testing.T) {
	for _, tc := range []struct{ yaml, want string }{
		{"a: b", ""},
		{`a: "#b"`, ""},
		{"a: !b", `a begins with an unquoted !, which makes it a tag in YAML: write a: "!b"`},
		{"a: !b c", `a begins with an unquoted !, which makes it a tag in YAML: write a: "!b c"`},
		{"a: ! b", `a begins with an unquoted !, which makes it a tag in YAML: write a: "!b"`},
		{"a: !!str 001", `a begins with an unquoted !, which makes it a tag in YAML: write a: "001"`},
		{"a:", "a has no value: write one (in quotes if it begins with #), or leave the key out"},
		{"a: #b", `a has no value, because an unquoted # begins a comment: write a: "#b"`},
		{"a: # b", "a has no value: write one (in quotes if it begins with #), or leave the key out"},
		{"a: ~", "a is ~ alone, which is nothing in YAML: write a text behind it, or leave the key out"},
		{"a: null", `a is null, which is nothing in YAML: if you mean the word, write a: "null"`},
		{`a: ""`, "a is empty: write a text, or leave the key out"},
		{`a: " "`, "a is empty: write a text, or leave the key out"},
	} {
		n := parse(t, tc.yaml)
		e := Entry{Key: n.Content[0].Value, KeyNode: n.Content[0], Value: n.Content[1]}
		if got := Trap(e.Value, e, false); got != tc.want {
			t.Errorf("%s\n got %s\nwant %s", tc.yaml, got, tc.want)
		}
	}
	n := parse(t, "[null]")
	if got, want := Trap(n.Content[0], Entry{Key: "a"}, true), `an item of a is null, which is nothing in YAML: if you mean the word, write "null"`; got != want {
		t.Errorf("in a list: %s, want %s", got, want)
	}
}
