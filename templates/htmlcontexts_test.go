package templates

import (
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template/parse"

	"github.com/google/go-cmp/cmp"

	"github.com/ossec-notify/ossec-notify/testdata/injection"
)

// addressLinks are the config's links of these tests.
var addressLinks = map[string]string{"alert": "https://wazuh.example.com/{{.Rule.ID}}"}

// withPage is a set with a page of the operator's.
func withPage(page string) (*Set, error) {
	set, err := Load(Options{Links: addressLinks})
	if err != nil {
		return nil, err
	}
	if set, err = set.WithText("own.tmpl", "{{define `wiki`}}https://wiki.example.com/{{.Rule.ID}}{{end}}{{define `wiki.rule.5712`}}https://wiki.example.com/ssh?from={{.Agent.Name}}{{end}}{{define `bad`}}https://wiki.example.com/{{end}}{{define `bad.group.sshd`}}{{.Agent.Name}}{{end}}"); err != nil {
		return nil, err
	}
	return set.WithText("own.html.tmpl", page)
}

func TestAddressesInHTMLAreTheOperators(t *testing.T) {
	const x, start, host, whole, lost = "{{.Agent.Name}}", "the beginning of the address", "the address's host", "directly behind another", "whose host does not stand before it"
	for _, tc := range []struct{ page, want string }{
		// What an alert would say.
		{`<p>` + "\n" + `<a href="` + x + `">x</a>`, "template own.html.tmpl:2: {{.Agent.Name}} stands in " + start + " (href), so an alert would say where the link leads: write https://"},
		{`<a href='` + x + `'>x</a>`, start}, {`<a href=` + x + `>x</a>`, start}, {`<a href = ` + x + `>x</a>`, start}, {`<A HREF="` + x + `">x</A>`, start},
		{`<a href="` + x + `/x">x</a>`, start}, {`<a href="{{plain .Agent.Name}}">x</a>`, start}, {`<a href="{{.URL}}">x</a>`, start}, {`<a href="{{.URL | live}}">x</a>`, start},
		{`<a href="{{printf "https://example.com/%s" .ID}}">x</a>`, start}, {`<a href="{{with .URL}}{{.}}{{end}}">x</a>`, start},
		{`<a href="https://` + x + `/">x</a>`, host}, {`<a href="https://example.com` + x + `">x</a>`, host}, {`<a href="https://example.com:` + x + `/">x</a>`, host},
		{`<a href="https://soc@` + x + `/">x</a>`, host}, {`<a href="https:///` + x + `">x</a>`, host}, {`<a href="https://example.com\` + x + `">x</a>`, lost},
		{`<a href="https://example.com&#46;` + x + `/">x</a>`, lost}, {`<a href="/` + x + `">x</a>`, lost}, {`<a href="//` + x + `">x</a>`, lost}, {`<a href="?q=` + x + `">x</a>`, lost},
		{`<a href="javascript:f('https://a/` + x + `')">x</a>`, lost}, {`<a href="mailto:` + x + `">x</a>`, host}, {`<a href="tel:` + x + `">x</a>`, lost},
		{`<img src="` + x + `">`, "(src)"}, {`<img alt="" src=` + x + `>`, start}, {`<form action="` + x + `"></form>`, "(action)"}, {`<button formaction="` + x + `">x</button>`, start},
		{`<table background="` + x + `"></table>`, start}, {`<blockquote cite="` + x + `">x</blockquote>`, start}, {`<video poster="` + x + `"></video>`, start}, {`<object data="` + x + `"></object>`, start},
		{`<svg><a xlink:href="` + x + `">x</a></svg>`, start}, {`<base href="` + x + `">`, start}, {`<link rel="icon" href="` + x + `">`, start}, {`<p data-url="` + x + `">x</p>`, start},
		{`<img srcset="https://example.com/a.png 1x, ` + x + ` 2x">`, start}, {`<img srcset="https://example.com/a.png,` + x + `">`, start}, {`<a ping="https://example.com/a ` + x + `">x</a>`, start},
		{`<p style="background:url(` + x + `)">x</p>`, start + " (a style)"}, {`<p style="background:url('` + x + `')">x</p>`, start}, {`<p style="background:URL( &quot;https://` + x + `&quot;)">x</p>`, host},
		{`<p style="background:image-set('https://example.com/a.png' 1x, '` + x + `' 2x)">x</p>`, start}, {`<style>@import "` + x + `";</style>`, start}, {`<style>p { background: url("https://example.com` + x + `") }</style>`, host},
		{`<meta http-equiv="refresh" content="0;url=` + x + `">`, "the content of <meta>"}, {`<iframe srcdoc="` + x + `"></iframe>`, "a page of its own"},
		{`<a ` + x + `="https://example.com/">x</a>`, "in a tag, where an alert could name attributes"}, {`<a hr` + x + `="https://example.com/">x</a>`, "in a tag"},
		{`<br/><a/href="` + x + `">x</a>`, start}, {`<a title=">" href="` + x + `">x</a>`, start}, {`<a title='"' href="` + x + `">x</a>`, start},
		{`<title><a href="</title><a href="` + x + `">x</a>`, start}, {`<!-- <a href=" --><a href="` + x + `">x</a>`, start},
		// Branches that disagree.
		{`<a href="{{if .ID}}https://example.com/{{end}}` + x + `">x</a>`, lost}, {`<a href="{{if .ID}}https://example.com{{else}}https://example.com/{{end}}` + x + `">x</a>`, lost},
		{`<a href="{{range facts .}}https://example.com/{{end}}` + x + `">x</a>`, lost}, {`<a {{if .ID}}href{{else}}title{{end}}="` + x + `">x</a>`, "an alert would say where the link leads"},
		{`<a {{if .ID}}x{{end}}href="` + x + `">x</a>`, "an alert would say"}, {`<a {{if .ID}}href="{{else}}title="{{end}}` + x + `">x</a>`, "the branches of {{if}} end at different places, in the attribute href and in the attribute title"},
		{`{{if .ID}}<a href="{{end}}">x</a>`, "the branches of {{if}} end at different places, in the attribute href and in text"},
		{`<a href="{{range facts .}}{{if .Label}}https://example.com/{{break}}{{end}}{{end}}` + x + `">x</a>`, lost},
		{`<a href="https://example.com/">x`, ""}, {`<a href="https://example.com/`, "the page ends inside the attribute href: close it"},
		// What a define is called with, and where.
		{`{{define "b"}}<a href="{{.URL}}">x</a>{{end}}{{range links .}}{{template "b" .}}{{end}}{{template "b" .}}`, start},
		{`{{define "b"}}{{.Agent.Name}}{{end}}<p>{{template "b" .}}</p><a href="{{template "b" .}}">x</a>`, start},
		{`{{define "b"}}https://example.com{{end}}<a href="{{template "b"}}` + x + `">x</a>`, host}, {`{{define "b"}}{{if .ID}}{{template "b" .}}{{end}}"{{end}}<a href={{template "b" .}}">x</a>`, "it calls itself"},
		// What looks like a link of the config, and is none.
		{`{{range links .}}<a href="{{$.URL}}">x</a>{{end}}`, start}, {`{{range links .}}<a href="{{.Label}}">x</a>{{end}}`, start}, {`{{range $i, $l := links .}}<a href="{{$i}}">x</a>{{end}}`, start},
		{`{{$u := link "alert" .}}{{if .ID}}{{$u = .URL}}{{end}}<a href="{{$u}}">x</a>`, start}, {`{{$u := link "alert" .}}{{with .URL}}{{$u := .}}<a href="{{$u}}">x</a>{{end}}`, start},
		{`<a href="{{link "alert" . | lower}}">x</a>`, start}, {`<a href="{{part "bad" .}}">x</a>`, start}, {`<a href="{{part "next" .}}">x</a>`, start}, {`<a href="{{part .ID .}}">x</a>`, start},
		{`<a href="{{link "alert" .}}` + x + `">x</a>`, whole}, {`<a href="{{link "alert" .}}.example.com/` + x + `">x</a>`, lost}, {`<a href="https://{{link "alert" .}}">x</a>`, host},

		// What the operator says.
		{`<a href="https://example.com/` + x + `/b?q=` + x + `&amp;r=` + x + `#` + x + `">x</a>`, ""}, {`<a href=https://example.com/` + x + `>x</a>`, ""}, {`<a href='http://example.com#` + x + `'>x</a>`, ""},
		{`<a href="https://example.com/{{.Agent.Name | urlquery}}">x</a>`, ""}, {`<a href="https://example.com/{{plain .Agent.Name}}">x</a>`, ""}, {`<a href="https://example.com/{{range .Rule.Groups}}{{.}},{{end}}">x</a>`, ""},
		{`<a href="mailto:soc@example.com?subject=` + x + `">x</a>`, ""}, {`<a href="#top">` + x + `</a>`, ""}, {`<img src="cid:logo" alt="` + x + `">`, ""},
		{`<img srcset="https://example.com/` + x + ` 1x, https://example.com/` + x + ` 2x" src="https://example.com/` + x + `">`, ""},
		{`<p style="background:url('https://example.com/` + x + `')">x</p>`, ""}, {`<p style="color:{{plain .Color}}" title="` + x + `" class=` + x + `>` + x + `</p>`, ""}, {`<p style="color:red;content:'` + x + `'">x</p>`, ""},
		{`<style>p { color: {{plain .Color}} } /* url( */ b { content: "` + x + `" }</style><p>` + x + `</p>`, ""}, {`<title>` + x + `</title><textarea>` + x + `</textarea>`, ""}, {`a < b ` + x, ""},
		{`<p {{if .ID}}class="a"{{end}} {{if .Host}}hidden{{end}}>` + x + `</p>`, ""}, {`<{{if .ID}}p{{else}}p{{end}}>` + x, ""},
		{`{{with links .}}{{range .}}<a href="{{plain .URL}}">{{plain .Label}}</a>{{end}}{{end}}`, ""}, {`{{range $i, $l := links .}}<a href="{{$l.URL}}">{{$i}}</a>{{end}}`, ""},
		{`<a href="{{link "alert" .}}">x</a>`, ""}, {`<a href="{{link "alert" . | plain}}">x</a>`, ""}, {`<a href="{{(index (links .) 0).URL}}">x</a>`, ""}, {`{{with first (links .)}}<a href="{{.URL}}">x</a>{{end}}`, ""},
		{`{{$u := link "alert" .}}<a href="{{$u}}">x</a>`, ""}, {`<a href="{{with link "alert" .}}{{.}}{{else}}https://example.com/{{end}}">x</a>`, ""}, {`<a href="{{link "alert" .}}?tab=` + x + `">x</a>`, ""},
		{`{{define "b"}}<a href="{{.URL}}">{{.Label}}</a>{{end}}{{range links .}}{{template "b" .}}{{end}}`, ""}, {`{{define "b"}}{{.Agent.Name}}{{end}}<p>{{template "b" .}}</p><a href="https://example.com/{{template "b" .}}">x</a>`, ""},
		{`<a href="{{part "wiki" .}}">x</a>`, ""}, {`<a href="{{if .ID}}https://example.com/{{.ID}}{{else}}https://example.com/{{end}}` + x + `">x</a>`, ""},
		{`<a href="{{.Manager | raw}}">x</a>`, ""}, {`<a href="https://{{.Manager | raw}}/` + x + `">x</a>`, ""}, {`{{define "never"}}<a href="` + x + `">x</a>{{end}}<p>` + x + `</p>`, ""},
	} {
		set, err := withPage(tc.page)
		if tc.want != "" || err != nil {
			if err == nil || tc.want == "" || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), "template own.html.tmpl") {
				t.Errorf("%s: error = %v, want %q", tc.page, err, tc.want)
			}
			continue
		}
		// Who answers is the same whatever the alert says, and everywhere somebody of ours.
		want := hostsOf(t, set, "web-01")
		if len(want) == 0 && strings.Contains(tc.page, "<a href") && !strings.Contains(tc.page, "never") {
			t.Errorf("%s: there is no link", tc.page)
		}
		for _, evil := range []string{"//evil.example/", "https://evil.example/", ".evil.example/", "@evil.example/", `\evil.example`, "javascript:alert(1)", ",https://evil.example/ 2x", "0;url=https://evil.example/", "../..", "..", "\thttps://evil.example"} {
			got := hostsOf(t, set, evil)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: with the name %q the links lead elsewhere (-want +got):\n%s", tc.page, evil, diff)
			}
		}
		for _, host := range want {
			if !strings.HasSuffix(host, "example.com") && !slices.Contains([]string{"cid", "mailto", ""}, host) && !strings.Contains(tc.page, "raw") {
				t.Errorf("%s: a link leads to %q", tc.page, host)
			}
		}
	}
}

// hostsOf are the hosts of all addresses in the page for an agent of a name, or the schemes of those that have none.
func hostsOf(t *testing.T, set *Set, agent string) []string {
	t.Helper()
	d := data(t, "email", bruteForce)
	d.Alert.Agent.Name = agent
	var hosts []string
	for _, l := range addressesOf(parts(t, set, d)["html"]) {
		u, err := url.Parse(strings.TrimSpace(l))
		if err != nil {
			t.Errorf("the address %q: %v", l, err)
			continue
		}
		host := u.Host
		if host == "" {
			host = u.Scheme
		}
		hosts = append(hosts, host)
	}
	return hosts
}

var (
	openTag   = regexp.MustCompile(`<[a-zA-Z][^\s/>]*((?:[^>"']|"[^"]*"|'[^']*')*)>`)
	attribute = regexp.MustCompile(`([^\s"'<>/=]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))`)
	cssURL    = regexp.MustCompile(`url\(\s*['"]?([^'")]*)`)
)

// addressesOf are the addresses in a page, as a reader of HTML finds them.
func addressesOf(page string) []string {
	var found []string
	for _, tag := range openTag.FindAllStringSubmatch(page, -1) {
		for _, a := range attribute.FindAllStringSubmatch(tag[1], -1) {
			value := html.UnescapeString(a[2] + a[3] + a[4])
			switch strings.ToLower(a[1]) {
			case "href", "src", "action":
				found = append(found, value)
			case "srcset":
				for source := range strings.SplitSeq(value, ",") {
					address, _, _ := strings.Cut(strings.TrimSpace(source), " ")
					found = append(found, address)
				}
			case "style":
				for _, m := range cssURL.FindAllStringSubmatch(value, -1) {
					found = append(found, m[1])
				}
			}
		}
	}
	return found
}

func TestTextInAddressesOfHTMLStaysInItsPlace(t *testing.T) {
	set, err := withPage(`<a href="https://example.com/{{.Location}}/b?q={{.Location}}&amp;r={{plain .Location}}&amp;s={{.Location | urlquery}}#{{.Location}}">x</a><a href="{{part "wiki" .}}">x</a><a href="{{link "alert" .}}?x={{.Location}}">x</a>`)
	if err != nil {
		t.Fatal(err)
	}
	for _, location := range []string{"/var/log/a b", "a&q=1#2?3", "../x", `"><script>`, "http://h.example/é", "%2e%2e", "+"} {
		d := data(t, "email", bruteForce)
		d.Alert.Location, d.Alert.Agent.Name = location, location
		links := addressesOf(parts(t, set, d)["html"])
		if len(links) != 3 {
			t.Fatalf("the page of %q has the links %q", location, links)
		}
		own, err := url.Parse(links[0])
		if err != nil {
			t.Fatal(err)
		}
		path := strings.Split(own.EscapedPath(), "/")
		segment, err := url.PathUnescape(path[1])
		q := own.Query()
		if err != nil || len(path) != 3 || segment != location || q.Get("q") != location || q.Get("s") != location || len(q) != 3 || own.Fragment != location {
			t.Errorf("with %q the link is %s", location, links[0])
		}
		wiki, err := url.Parse(links[1])
		if err != nil || wiki.Host != "wiki.example.com" || wiki.Path != "/ssh" || wiki.Query().Get("from") != location {
			t.Errorf("with %q the link of the part is %s", location, links[1])
		}
		alert, err := url.Parse(links[2])
		if err != nil || alert.Host != "wazuh.example.com" || alert.Query().Get("x") != location {
			t.Errorf("with %q the link of the config is %s", location, links[2])
		}
	}
}

// addressEscapers are those that html/template puts behind an action in an address.
var addressEscapers = regexp.MustCompile(`_html_template_(urlfilter|urlnormalizer|urlescaper|srcsetescaper|metacontent\w*)`)

// pieces are what FuzzPlacesInHTML makes pages of.
var pieces = []string{
	"<", "a", "p", ">", "</a>", "/", " ", "=", `"`, "'", "href", "src", "title", "data-", "xlink:", `href="`, ` href='`, " href=", ` title="`, " title=", ` class=b`, `srcset="`, ` content="`,
	"https://", "example.com", "/", "?q=", "#", ":", "@", "&amp;", ",", ` 2x`, "x", "<!--", "-->", "<title>", "</title>", "<textarea>", "</textarea>", "<script>", "</script>", "<meta", "<img",
	"{{.Host}}", "{{.Host}}", "{{.Agent.Name | raw}}", `{{link "alert" .}}`, "{{if .ID}}", "{{else}}", "{{end}}", "{{range facts .}}", "{{.Value}}", "{{range links .}}", "{{plain .URL}}", "{{break}}", "{{with .Host}}", "{{.}}",
	`{{template "x" .}}`, `{{define "x"}}`,
}

// FuzzPlacesInHTML: wherever html/template takes a place for an address, so do we.
func FuzzPlacesInHTML(f *testing.F) {
	numbers := func(page string) (b []byte) {
		for page != "" {
			best := -1
			for i, p := range pieces {
				if strings.HasPrefix(page, p) && (best < 0 || len(p) > len(pieces[best])) {
					best = i
				}
			}
			if best < 0 {
				f.Fatalf("no piece for %s", page)
			}
			b, page = append(b, byte(best)), page[len(pieces[best]):]
		}
		return b
	}
	for _, s := range []string{
		`<a href="https://example.com/{{.Host}}">{{.Host}}</a>`, `<a/href='{{.Host}}'x>`, `<p {{if .ID}}a{{end}}=x href=https://example.com/{{.Host}}>`, `<title><a href="{{.Host}}"></title>`,
		`<img srcset="https://example.com/{{.Host}} 2x,https://example.com/{{.Host}}">`, `<!--"--><a title="'" href='https://example.com?q={{.Host}}'>`, `<a href="{{with .Host}}{{.}}{{end}}">`, `<a href="{{link "alert" .}}">`,
		`{{define "x"}}{{.Host}}{{end}}<a href="https://example.com/{{template "x" .}}">`, `{{range facts .}}<a href="https://example.com/{{.Value}}">{{end}}`, `<textarea></textarea><a href="{{.Host}}">`,
		`<meta content="{{.Host}}">`, `<a data-href="https://example.com/{{.Host}}" xlink:href="{{.Host}}">`, `<a href={{.Host}}>`, `<a href=x{{.Host}}>`, `<script><a href="{{.Host}}"></script><a src="https://example.com/{{.Host}}">`,
		`{{range links .}}<a href="{{plain .URL}}">x</a>{{end}}`, `<a href="https://{{.Agent.Name | raw}}/{{.Host}}">`,
	} {
		f.Add(numbers(s))
	}
	base, err := withPage("")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, numbers []byte) {
		var page strings.Builder
		for _, n := range numbers[:min(len(numbers), 60)] {
			page.WriteString(pieces[int(n)%len(pieces)])
		}
		set, err := base.WithText("own.html.tmpl", page.String())
		if err != nil {
			return
		}
		if _, err := set.Parts(data(t, "email", bruteForce)); err != nil {
			return // what html/template refuses is not sent
		}
		for _, x := range set.html.Templates() {
			if x.Tree == nil {
				continue
			}
			eachAction(x.Tree.Root, func(n *parse.ActionNode) {
				if s := n.String(); addressEscapers.MatchString(s) && !strings.Contains(s, "_url") && !strings.Contains(s, "_address") {
					t.Errorf("%s: html/template finds an address at %s", &page, s)
				}
			})
		}
	})
}

// FuzzAddressesInHTML: whatever the text, it stays where the template has put it.
func FuzzAddressesInHTML(f *testing.F) {
	for _, s := range injection.Seeds() {
		f.Add(s)
	}
	set, err := withPage(`<a href="https://example.com/{{.Location}}">x</a><a href=https://example.com/{{.Location}}>x</a><img srcset="https://example.com/{{.Location}} 1x, https://example.com/{{.Location}}"><p style="background:url('https://example.com/{{.Location}}')">x</p>`)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d := data(t, "email", bruteForce)
		d.Alert.Location = s
		links := addressesOf(parts(t, set, d)["html"])
		for _, l := range links {
			if u, err := url.Parse(l); err != nil || u.Scheme != "https" || u.Host != "example.com" {
				t.Errorf("%q: a link leads to %s (%v)", s, l, err)
			}
		}
		if len(links) != 5 {
			t.Errorf("%q makes the links %q", s, links)
		}
	})
}
