package templates

import (
	htmltemplate "html/template"
	"strings"
	"text/template"

	"github.com/ossec-notify/ossec-notify/display"
)

// funcs are the functions that look into the set.
func (s *Set) funcs() template.FuncMap {
	return template.FuncMap{
		"part":      s.part,
		"items":     s.items,
		"facts":     s.facts,
		"log":       func(lines, chars int, d *Data) (Log, error) { return s.log(d, lines, chars) },
		"links":     s.renderLinks,
		"link":      s.renderLink,
		"linkFacts": s.linkFacts,

		"details":  s.details,
		"document": s.document,
		"event":    s.event,
		"indexed":  (*Data).indexed,

		"ecs":           s.withECS,
		"eventLine":     s.eventLine,
		"eventMetadata": (*Data).eventMetadata,
		"eventLabels":   (*Data).eventLabels,

		"cef":        s.cef,
		"leef":       s.leef,
		"structured": (*Data).structured,
	}
}

// htmlFuncs are the same for html/template: what they return is HTML in which quotations are <code>.
func (s *Set) htmlFuncs() htmltemplate.FuncMap {
	funcs := htmltemplate.FuncMap(s.funcs())
	funcs["rich"] = func(v any) htmltemplate.HTML { return richHTML(enliven(asText(v), s.liveHTML), s.dots) }
	funcs["dotted"] = func(v any) htmltemplate.HTML { return dottedHTML(enliven(asText(v), s.liveHTML), s.dots) }
	funcs["plain"] = func(v any) string { return enliven(asText(v), s.liveHTML).String() }
	funcs["_bound"] = bound
	funcs["_url"] = func(v any) htmltemplate.URL { return htmltemplate.URL(inAddress(v)) }
	funcs["_address"] = func(v any) (htmltemplate.URL, error) {
		u, err := addressOf(v)
		return htmltemplate.URL(u), err
	}
	funcs["_form"] = func(v any) any {
		switch v := v.(type) {
		case Trusted:
			return htmltemplate.HTML(v)
		case nil, bool, int, int64, float64, htmltemplate.HTML:
			return v
		}
		return enliven(asText(v), s.liveHTML).String() // whatever it is, text of the alert may be in it
	}
	return funcs
}

// richHTML is a text as HTML: quotations stand in <code>, written by escape.
func richHTML(t display.Text, escape func(string) string) htmltemplate.HTML {
	return htmltemplate.HTML(t.Render(htmltemplate.HTMLEscapeString, func(s string) string {
		return "<code>" + escape(s) + "</code>"
	}))
}

// dottedHTML is richHTML without the <code>, for headings and for <pre>.
func dottedHTML(t display.Text, escape func(string) string) htmltemplate.HTML {
	return htmltemplate.HTML(t.Render(htmltemplate.HTMLEscapeString, escape))
}

// dots writes a quotation as HTML. Where links are to be dead, its dots stand in elements of their own, so that mail
// clients make links of neither names nor numbers.
func (s *Set) dots(quoted string) string {
	if s.liveHTML {
		return htmltemplate.HTMLEscapeString(quoted)
	}
	return dots(quoted)
}

func dots(s string) string {
	return strings.ReplaceAll(htmltemplate.HTMLEscapeString(s), ".", "<span>.</span>")
}
