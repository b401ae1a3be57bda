package templates

import (
	"cmp"
	"errors"
	"net/url"
	"slices"
	"strings"
	"text/template"
	"unicode"
	"unicode/utf8"

	"github.com/ossec-notify/ossec-notify/display"
)

// linkTemplate is one entry of the config's links.
type linkTemplate struct {
	name string
	tmpl *template.Template
}

// Link is a link that an operator's template made.
type Link struct {
	Label display.Text `json:"text"`
	URL   display.Text `json:"href"`
	Name  string       `json:"-"` // its key in the config
}

var linkLabels = map[string]string{"alert": "Open alert", "runbook": "Runbook", "mitre": "MITRE"}

// linkOrder puts the well-known links first.
var linkOrder = map[string]int{"alert": -3, "runbook": -2, "mitre": -1}

func parseLinks(links map[string]string) ([]linkTemplate, error) {
	var out []linkTemplate
	var errs []error
	for name, text := range links {
		if name == "" {
			errs = append(errs, errors.New("links: a link has no name"))
			continue
		}
		t, err := template.New("links." + name).Option("missingkey=default").
			Funcs(sprigFuncs()).Funcs(ownFuncs()).Funcs(template.FuncMap{"_url": escapeURL}).Parse(text)
		if err == nil {
			for _, t := range t.Templates() {
				if err = appendStep(t.Tree, t.Root, "_url"); err != nil {
					break
				}
			}
		}
		if err != nil {
			errs = append(errs, parseError(err))
			continue
		}
		out = append(out, linkTemplate{name, t})
	}
	slices.SortFunc(out, func(a, b linkTemplate) int {
		return cmp.Or(cmp.Compare(linkOrder[a.name], linkOrder[b.name]), cmp.Compare(a.name, b.name))
	})
	return out, errors.Join(errs...)
}

// escapeURL is the last step of printing pipelines in links: whatever the alert holds stays inside its place in
// the path or query.
func escapeURL(v any) string {
	return strings.ReplaceAll(url.QueryEscape(asText(v).Raw()), "+", "%20")
}

// Links are the links of an alert, in the order in which messages show them.
func (s *Set) Links(d *Data) []Link { return s.renderLinks(d) }

// renderLinks are the links of an alert. One whose template fails, or that is no http or https URL, is left
// out: a link is a convenience and must not cost the message.
func (s *Set) renderLinks(d *Data) []Link {
	var links []Link
	for _, l := range s.links {
		var b limited
		if l.tmpl.Execute(&b, d) != nil {
			continue
		}
		u, err := url.Parse(strings.TrimSpace(b.String()))
		if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || strings.ContainsAny(b.String(), "<>|\"` \n") {
			continue
		}
		label := linkLabels[l.name]
		if label == "" {
			first, n := utf8.DecodeRuneInString(l.name)
			label = string(unicode.ToUpper(first)) + l.name[n:]
		}
		links = append(links, Link{display.Words(label), display.Words(strings.TrimSpace(b.String())), l.name})
	}
	return links
}

// renderLink is the URL of one link, or "".
func (s *Set) renderLink(name string, d *Data) display.Text {
	for _, l := range s.renderLinks(d) {
		if l.Name == name {
			return l.URL
		}
	}
	return nil
}

// linkFacts are the links as rows of a table, under the first word of their labels.
func (s *Set) linkFacts(d *Data) []Fact {
	var rows []Fact
	for _, l := range s.renderLinks(d) {
		word, _, _ := strings.Cut(l.Label.String(), " ")
		rows = append(rows, Fact{display.Words(word), l.URL})
	}
	return rows
}
