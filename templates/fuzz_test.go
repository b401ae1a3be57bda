package templates

import (
	"encoding/json"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/testdata/injection"
)

func seed(f *testing.F) {
	for _, s := range injection.Seeds() {
		f.Add(s)
	}
}

// FuzzJSONPlaces: as a value, inside of a string and through the template itself, what comes out is JSON and reads as the
// very text that went in, each byte that is no UTF-8 as U+FFFD.
func FuzzJSONPlaces(f *testing.F) {
	seed(f)
	set, err := Default().WithText("own.json.tmpl", `{"value": {{.Location}}, "string": "<{{.Location}}{{.Location}}>", "list": ["{{.Location}}", {{.Location}}], "made": {{dict "x" .Location | toJson}}}`)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want := string([]rune(s))
		value, err := jsonOf(s)
		if err != nil {
			t.Fatal(err)
		}
		inside, err := jsonStringOf(s)
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range []string{string(value), `"` + inside + `"`} {
			var got string
			if err := json.Unmarshal([]byte(j), &got); err != nil || got != want {
				t.Errorf("%q reads as %q (%v)", j, got, err)
			}
		}
		d := data(t, "webhook", bruteForce)
		d.Alert.Location = s
		p, err := set.Parts(d)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Value, String string
			List          []string
			Made          map[string]string
		}
		dec := json.NewDecoder(strings.NewReader(p["body.json"].Raw()))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&got); err != nil {
			t.Fatal(err)
		}
		if got.Value != want || got.String != "<"+want+want+">" || len(got.List) != 2 || got.List[0] != want || got.List[1] != want || got.Made["x"] != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// FuzzURLPlaces: whatever the text, a link keeps its host, its number of path segments and its keys, and each holds the
// text; or there is no link.
func FuzzURLPlaces(f *testing.F) {
	seed(f)
	set, err := Load(Options{Links: map[string]string{"alert": "https://links.example.com/a/{{.Location}}/b?q={{.Location}}&r=x{{.Location}}#{{.Location}}"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d := data(t, "slack", bruteForce)
		d.Alert.Location = s
		for _, l := range set.Links(d) {
			u, err := url.Parse(l.URL.Raw())
			if err != nil {
				t.Fatal(err)
			}
			parts := strings.Split(u.EscapedPath(), "/")
			if u.Scheme != "https" || u.Host != "links.example.com" || len(parts) != 4 || parts[1] != "a" || parts[3] != "b" {
				t.Errorf("the link leads to %s", u)
			}
			if plain := strings.ReplaceAll(strings.ToLower(parts[2]), "%2e", "."); plain == "." || plain == ".." {
				t.Errorf("the link goes up: %s", u)
			}
			if got, err := url.PathUnescape(parts[2]); err != nil || got != s {
				t.Errorf("the path holds %q (%v), want %q", got, err, s)
			}
			query, err := url.ParseQuery(u.RawQuery)
			if err != nil || len(query) != 2 || query.Get("q") != s || query.Get("r") != "x"+s || u.Fragment != s {
				t.Errorf("the query is %q (%v), the fragment %q, want %q", query, err, u.Fragment, s)
			}
		}
	})
}

var ourTags = regexp.MustCompile(`</?(code|span)>`)

// FuzzHTML: the functions that make HTML make no tags but their own, and what a reader sees is the display form.
func FuzzHTML(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, s string) {
		for _, page := range []string{string(richHTML(display.Quote(s), dots)), string(dottedHTML(display.Quote(s), dots))} {
			text := ourTags.ReplaceAllString(page, "")
			if strings.ContainsAny(text, "<>\"'") {
				t.Errorf("%q of %q", page, s)
			}
			if got, want := html.UnescapeString(text), display.Form(s); got != want {
				t.Errorf("a reader sees %q, want %q", got, want)
			}
		}
	})
}
