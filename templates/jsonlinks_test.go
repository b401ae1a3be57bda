package templates

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/testdata/injection"
)

// withPageLinks is a set with defines of the operator's for PagerDuty.
func withPageLinks(defines string) (*Set, error) {
	set, err := Load(Options{Links: addressLinks})
	if err != nil {
		return nil, err
	}
	return set.WithText("own.tmpl", defines+"{{define `wiki`}}https://wiki.example.com/{{.Rule.ID}}{{end}}{{define `wiki.rule.5712`}}https://wiki.example.com/ssh?from={{.Location}}{{end}}{{define `bad`}}{{.Host}}{{end}}")
}

func TestAddressesInPagesAreTheOperators(t *testing.T) {
	const x, begin, host, lost = "{{.Location}}", "the beginning of the address", "the address's host", "whose host does not stand before it"
	for _, tc := range []struct{ json, want string }{
		{`[{` + "\n" + `"href": "` + x + `"}]`, `template own.tmpl:2: {{.Location}} stands in the beginning of the address (href), so an alert would say where the link leads: write https://`},
		{`[{"text": "x", "href": ` + x + `}]`, begin}, {`[{"href": {{.Location | toJson}}}]`, begin}, {`[{"href": "https://` + x + `/"}]`, host}, {`[{"href" : "https://example.com` + x + `"}]`, host},
		{`[{"href": "https:\/\/` + x + `"}]`, host}, {`[{"href": "https:\u002f/a/` + x + `"}]`, lost}, {`[{"HREF": "` + x + `"}]`, begin}, {`[{"src": "` + x + `", "href": "https://example.com/"}]`, "(src)"},
		{`[{"href": "{{printf "https://example.com/%s" .ID}}"}]`, begin}, {`[{"href": "{{if .ID}}https://example.com/{{end}}` + x + `"}]`, lost}, {`[{"{{"href"}}": "` + x + `"}]`, begin}, {`[{ {{"href" | toJson}}: "` + x + `"}]`, begin},
		{`[{ {{if .ID}}"href"{{else}}"text"{{end}}: "` + x + `"}]`, begin}, {`[{"href": "{{template "u" .}}"}]{{end}}{{define "u"}}` + x, begin}, {`[{"href": "{{part "bad" .}}"}]`, begin}, {`[{{range links .}}{"href": "{{.Label}}"}{{end}}]`, begin},
		{`[{"href": "{{link "alert" .}}` + x + `"}]`, "directly behind another"}, {`[{"href": "\{{.Location}}"}]`, `a \ stands before {{…}}`}, {`[{"href": "https://example.com/]`, "ends inside a string"},

		{`[{"href": "https://example.com/` + x + `?q=` + x + `", "text": "of ` + x + `"}, {"text": ` + x + `, "href": "http://example.com?q={{.Location | urlquery}}"}]`, ""},
		{`[{{range $i, $l := links .}}{{if $i}}, {{end}}{"href": {{$l.URL}}, "text": "{{$l.Label}}"}{{end}}]`, ""}, {`[{{range links .}}{"href": "{{.URL}}"}{{end}}]`, ""}, {`[{{range links .}}{"href": {{.URL | toJson}}}{{end}}]`, ""},
		{`[{"href": {{link "alert" .}}}, {"href": "{{part "wiki" .}}"}, {"href": {{part "wiki" .}}}]`, ""}, {`{{links . | toJson}}`, ""}, {`[{{range links .}}{{. | toJson}}{{end}}]`, ""}, {`[{{with first (links .)}}{{template "l" .}}{{end}}]{{end}}{{define "l"}}{"href": "{{.URL}}"}`, ""},
		{`[{"href": "{{with link "none" .}}{{.}}{{else}}https://example.com/{{end}}"}]`, ""}, {`[{"href": "https://{{.Host | raw}}/` + x + `"}]`, ""}, {`[{"href": "https://example.com/{{if .ID}}a{{end}}"}]`, ""},
	} {
		set, err := withPageLinks(`{{define "pagerduty.links.json"}}` + tc.json + `{{end}}`)
		if tc.want != "" || err != nil {
			if err == nil || tc.want == "" || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), "template own.tmpl") {
				t.Errorf("%s: error = %v, want %q", tc.json, err, tc.want)
			}
			continue
		}
		want, note := pageHosts(t, set, "x")
		if len(want) == 0 || note != "" {
			t.Errorf("%s: the links lead to %q, the note is %q", tc.json, want, note)
		}
		for _, evil := range []string{"//evil.example/", ".evil.example/", "@evil.example", `\evil.example`, `","href":"https://evil.example/`, "https://evil.example/", ".."} {
			if got, note := pageHosts(t, set, evil); !cmp.Equal(got, want) || note != "" {
				t.Errorf("%s: with %q the links lead to %q, want %q, and the note is %q", tc.json, evil, got, want, note)
			}
		}
	}
}

// pageHosts are the hosts of the links of a page for an alert from a place, and what is said of them.
func pageHosts(t *testing.T, set *Set, location string) (hosts []string, note string) {
	t.Helper()
	d := data(t, "pagerduty", bruteForce)
	d.Alert.Location = location
	p := parts(t, set, d)
	var links []struct{ HRef string }
	if err := json.Unmarshal([]byte(p["links.json"]), &links); err != nil {
		t.Fatalf("%v in %s", err, p["links.json"])
	}
	for _, l := range links {
		u, err := url.Parse(l.HRef)
		if err != nil {
			t.Errorf("a link is %q: %v", l.HRef, err)
			continue
		}
		hosts = append(hosts, u.Host)
	}
	return hosts, p["template_error"]
}

func TestLinksThatAFunctionMadeOfAnAlertAreLeftOut(t *testing.T) {
	for _, tc := range []struct {
		json, location string
		want           []string
		note           string
	}{
		{`{{list (dict "href" .Location "text" "x") | toJson}}`, "https://evil.example/", nil, "a link was left out: an alert would have said where it leads"},
		{`{{list (dict "href" (print "https://example.com" .Location)) | toJson}}`, ".evil.example/", nil, "a link was left out: an alert would have said where it leads"},
		{`{{list (dict "href" (print "https://example.com" .Location)) | toJson}}`, "@evil.example/", nil, "a link was left out: an alert would have said where it leads"},
		{`[{{dict "href" .Location | toJson}}, {{dict "HREF" .Location | toJson}}, {"href": "https://example.com/x"}]`, "//evil.example", []string{"example.com"}, "2 links were left out: an alert would have said where they lead"},
		{`{{list (dict "href" (print "https://example.com/" .Location)) | toJson}}`, "%zz\x7f", nil, "a link was left out: an alert would have said where it leads"},
		{`{{list (dict "href" (print "https://example.com" .Location)) | toJson}}`, `\@evil.example/`, nil, "a link was left out: an alert would have said where it leads"},
		{`{{list (dict "href" (printf "https://Example.com/%s" .Location)) | toJson}}`, "x", []string{"Example.com"}, ""},
		{`{{list (dict "href" .Location) | toJson}}`, "https://wazuh.example.com/x", []string{"wazuh.example.com"}, ""}, // a host of the config
		{`[{"href": "https://{{.Location | raw}}/"}]`, "evil.example", []string{"evil.example"}, ""},
	} {
		set, err := withPageLinks(`{{define "pagerduty.links.json"}}` + tc.json + `{{end}}`)
		if err != nil {
			t.Fatal(err)
		}
		if got, note := pageHosts(t, set, tc.location); !cmp.Equal(got, tc.want) || note != tc.note {
			t.Errorf("%s: with %q the links lead to %q (%q), want %q (%q)", tc.json, tc.location, got, note, tc.want, tc.note)
		}
	}
}

func TestAddressOfAPageIsTheOperators(t *testing.T) {
	for text, want := range map[string]string{
		`{{.URL}}`:                                "template own.tmpl:1: {{.URL}} stands in the beginning of the address, so an alert would say where the link leads",
		`https://{{.Host}}/`:                      "the address's host",
		`https://example.com{{.Host}}`:            "the address's host",
		`{{if .ID}}https://a/{{end}}{{.Host}}`:    "whose host does not stand before it",
		`{{template "u" .}}`:                      "the beginning of the address",
		`{{part "bad" .}}`:                        "the beginning of the address",
		`{{template "v" .}}`:                      "whose host does not stand before it",
		`https://example.com/?q={{.Host}}`:        "",
		`{{link "alert" .}}`:                      "",
		`{{with link "alert" .}}{{.}}{{end}}`:     "",
		`{{part "wiki" .}}`:                       "",
		`https://{{.Manager | raw}}/?q={{.Host}}`: "",
	} {
		_, err := withPageLinks(`{{define "pagerduty.client_url"}}` + text + `{{end}}{{define "u"}}{{.Host}}{{end}}{{define "v"}}{{if .ID}}{{template "v" .}}{{end}}{{.Host}}{{end}}`)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: error = %v, want %q", text, err, want)
		}
	}
}

// FuzzAddressesInPages: whatever the text, it stays where the template has put it.
func FuzzAddressesInPages(f *testing.F) {
	for _, s := range injection.Seeds() {
		f.Add(s)
	}
	set, err := withPageLinks(`{{define "pagerduty.links.json"}}[{"href": "https://example.com/{{.Location}}/x?q={{.Location}}", "text": "{{.Location}}"}, {"text": {{.Location}}, "href": {{part "wiki" .}}}]{{end}}`)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d := data(t, "pagerduty", bruteForce)
		d.Alert.Location = s
		var links []struct{ HRef string }
		if err := json.Unmarshal([]byte(parts(t, set, d)["links.json"]), &links); err != nil || len(links) != 2 {
			t.Fatalf("%q makes the links %q (%v)", s, links, err)
		}
		own, err := url.Parse(links[0].HRef)
		if err != nil || own.Host != "example.com" || own.Query().Get("q") != s && s != "." && s != ".." {
			t.Errorf("%q: a link leads to %s (%v)", s, links[0].HRef, err)
		}
		wiki, err := url.Parse(links[1].HRef)
		if err != nil || wiki.Host != "wiki.example.com" || wiki.Path != "/ssh" {
			t.Errorf("%q: a link leads to %s (%v)", s, links[1].HRef, err)
		}
	})
}
