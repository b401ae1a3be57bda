package templates

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
	"unicode"
	"unicode/utf8"

	"github.com/ossec-notify/ossec-notify/display"
)

// linkTemplate is one entry of the config's links.
type linkTemplate struct {
	name string
	tmpl *template.Template
	raws []Use
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
			Funcs(sprigFuncs()).Funcs(ownFuncs()).Funcs(template.FuncMap{"_url": escapeURL, "_bound": bound}).Parse(text)
		if err != nil {
			errs = append(errs, parseError(err))
			continue
		}
		raws, err := escapeLink(t)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, linkTemplate{name, t, raws})
	}
	slices.SortFunc(out, func(a, b linkTemplate) int {
		return cmp.Or(cmp.Compare(linkOrder[a.name], linkOrder[b.name]), cmp.Compare(a.name, b.name))
	})
	return out, errors.Join(errs...)
}

// urlMarkup is a URL as templates write it.
type urlMarkup struct{}

const (
	urlScheme display.Place = iota
	urlHost                 // https://…
	urlRest                 // from the first / ? # on
)

// After implements display.Markup.
func (urlMarkup) After(at display.Place, words string) display.Place {
	if at == urlScheme {
		_, rest, found := strings.Cut(words, "://")
		if !found {
			return at
		}
		at, words = urlHost, rest
	}
	if at == urlHost && strings.ContainsAny(words, "/?#") {
		return urlRest
	}
	return at
}

// Name implements display.Markup.
func (urlMarkup) Name(at display.Place) string {
	switch at {
	case urlScheme:
		return "the beginning of the address"
	case urlHost:
		return "the address's host"
	}
	return "the address's path or query"
}

// escapeLink gives every action of a link the step that keeps text of the alert in its place. Where the link leads is
// for the operator to say.
func escapeLink(root *template.Template) (raws []Use, err error) {
	var errs []error
	for _, t := range root.Templates() {
		if t.Tree == nil {
			continue
		}
		uses, err := inspect(t.Tree)
		raws, errs = append(raws, uses...), append(errs, err)
	}
	if err := errors.Join(errs...); err != nil || root.Tree == nil {
		return nil, err
	}
	w := walk{tree: root.Tree, markup: urlMarkup{}}
	w.print = func(n *parse.ActionNode, at display.Place) (display.Place, error) {
		if at != urlRest && !lastIsRaw(n) {
			return at, fmt.Errorf("template %s: %s stands in %s, so an alert would say where the link leads: write the host, or say {{… | raw}}", position(w.tree, n), n, urlMarkup{}.Name(at))
		}
		return at, nil
	}
	w.call = func(n *parse.TemplateNode, at display.Place) (display.Place, error) {
		if at != urlRest {
			return at, fmt.Errorf("template %s: %s stands in %s: write the host there", position(w.tree, n), n, urlMarkup{}.Name(at))
		}
		return at, nil
	}
	if _, err := w.list(root.Root, urlScheme); err != nil {
		return nil, err
	}
	for _, t := range root.Templates() {
		if t.Tree != nil {
			markWords(t.Tree)
			guard(t.Root)
			appendStep(t.Tree, t.Root, "_url")
			boundVariables(t.Tree)
		}
	}
	return raws, nil
}

// escapeURL is the last step of printing pipelines in links: whatever the alert holds stays inside its place in
// the path or query.
func escapeURL(v any) (string, error) {
	if v, ok := v.(Trusted); ok {
		return string(v), nil
	}
	text := asText(v).Raw()
	if text == "." || text == ".." { // which lead to another path however they are written
		return "", fmt.Errorf("%q is no name", text)
	}
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20"), nil
}

const maxLink = display.MaxAddress

// Links are the links of an alert, in the order in which messages show them.
func (s *Set) Links(d *Data) []Link { return s.renderLinks(d) }

// renderLinks are the links of an alert. One whose template fails, or that is no http or https URL, is left
// out: a link is a convenience and must not cost the message.
func (s *Set) renderLinks(d *Data) []Link {
	links := d.ackLink()
	of := d.linked()
	if of == nil {
		return links
	}
	for _, l := range s.links {
		b := limited{spent: &d.spent}
		if l.tmpl.Execute(&b, of) != nil || b.Len() > maxLink {
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
	return of.shownLinks(links)
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
		if l.Name == ackName {
			word = "Take"
		}
		rows = append(rows, Fact{display.Words(word), l.URL})
	}
	return rows
}
