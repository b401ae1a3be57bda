// Package templates owns what a message says: the embedded default templates, the user's files over them, the
// functions that templates may call, and the data they see. It renders; it does not know how a channel sends
// or escapes. What an alert means (sentence, facts, next step) is read by package family.
//
// # Parts
//
// Every message is made of parts, each a define, so that a file of the user replaces one and keeps the rest:
// sentence, facts, next, log, rule and footer are shared by all channels; slack.header, email.subject,
// pagerduty.summary and the like put them together for one channel. A shared part can be replaced for one
// rule, one group or one family alone: for the part "next" of an alert of rule 5712 the defines
// next.rule.5712, next.group.sshd (each group in turn), next.auth_failure and next are looked up in this order.
//
// # Provenance
//
// When a template is parsed, every action {{ … }} that prints gets one more step at the end of its pipeline,
// which marks what it printed as a quotation from the alert unless it is known to be our own words. The marks
// survive until the channel turns them into its own form (a code span, an HTML element, nothing), so alert text
// can never pass for the operator's, whatever the template does with it. A define whose name ends in ".json"
// makes JSON: there strings are escaped for JSON and toJson passes. A file whose name ends in ".html.tmpl" is a
// html/template.
package templates

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"

	"github.com/ossec-notify/ossec-notify/display"
)

//go:embed *.tmpl
var defaults embed.FS

// maxOutput bounds what one part may print, in bytes.
const maxOutput = 4 << 20

// Set is a set of parsed templates. It is safe for concurrent use.
type Set struct {
	sources []source
	links   []linkTemplate
	text    *template.Template
	html    *htmltemplate.Template
	// channelParts are the names behind the dot of every define, by what stands before it.
	channelParts map[string][]string
	body         string // the name of the define that holds a receiver's plain template, or ""
}

type source struct{ name, text string }

// Options say where templates come from.
type Options struct {
	// Dir holds the user's templates; "" for none. A file with the name of a default (slack.tmpl, parts.tmpl, …)
	// is laid over it for all receivers; any other is used where a receiver names it (see Set.With).
	Dir string
	// Links are URL templates by name: alert, runbook, mitre, or any word.
	Links map[string]string
}

// Load parses the defaults and the user's files over them. The error joins everything that is wrong.
func Load(opt Options) (*Set, error) {
	var sources []source
	names, err := fs.Glob(defaults, "*.tmpl")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		b, err := defaults.ReadFile(name)
		if err != nil {
			return nil, err
		}
		sources = append(sources, source{name, string(b)})
	}
	var errs []error
	if opt.Dir != "" {
		for _, name := range names {
			b, err := os.ReadFile(filepath.Join(opt.Dir, name))
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("template %s: %w", name, err))
				continue
			}
			sources = append(sources, source{name, string(b)})
		}
	}
	links, err := parseLinks(opt.Links)
	errs = append(errs, err)
	set, err := build(sources, links)
	errs = append(errs, err)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return set, nil
}

// Default is the set of embedded templates alone.
func Default() *Set {
	set, err := Load(Options{})
	if err != nil {
		panic("templates: the embedded templates do not parse: " + err.Error())
	}
	return set
}

// With lays one more file over the set, for the receivers that name it. The defines in it replace parts; text
// outside defines, if there is any, is a message of its own and becomes the part "body" (or "body.json", where
// the name ends in .json.tmpl).
func (s *Set) With(path string) (*Set, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("template %s: %w", filepath.Base(path), err)
	}
	return s.WithText(filepath.Base(path), string(b))
}

// WithText is With for a template that is no file.
func (s *Set) WithText(name, text string) (*Set, error) {
	return build(append(slices.Clone(s.sources), source{name, text}), s.links)
}

func build(sources []source, links []linkTemplate) (*Set, error) {
	set := &Set{sources: sources, links: links, channelParts: map[string][]string{}}
	root := template.New("").Option("missingkey=default").
		Funcs(sprigFuncs()).Funcs(ownFuncs()).Funcs(set.funcs()).
		Funcs(template.FuncMap{"_quote": quote, "_json": jsonString})
	html := htmltemplate.New("").Funcs(htmltemplate.FuncMap(sprigFuncs())).Funcs(htmltemplate.FuncMap(ownFuncs())).Funcs(set.htmlFuncs())

	var errs []error
	for _, src := range sources {
		if strings.HasSuffix(src.name, ".html.tmpl") {
			t, err := html.New(src.name).Parse(src.text)
			if err != nil {
				errs = append(errs, parseError(err))
				continue
			}
			if err := appendStep(t.Tree, t.Tree.Root, "_form"); err != nil {
				errs = append(errs, err)
			}
			continue
		}
		t, err := root.New(src.name).Parse(src.text)
		if err != nil {
			errs = append(errs, parseError(err))
			continue
		}
		if t.Tree != nil && !parse.IsEmptyTree(t.Root) {
			set.body = src.name
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for _, t := range root.Templates() {
		if t.Tree == nil {
			continue
		}
		name := strings.TrimSuffix(t.Name(), ".tmpl")
		step := "_quote"
		if strings.HasSuffix(name, ".json") {
			step = "_json"
		}
		if err := appendStep(t.Tree, t.Root, step); err != nil {
			errs = append(errs, err)
		}
		if channel, part, ok := strings.Cut(name, "."); ok && name == t.Name() {
			set.channelParts[channel] = append(set.channelParts[channel], part)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	set.text, set.html = root, html
	return set, nil
}

// appendStep adds one command at the end of every pipeline that prints, below node.
func appendStep(tree *parse.Tree, node parse.Node, step string) error {
	switch n := node.(type) {
	case *parse.ActionNode:
		if len(n.Pipe.Decl) > 0 { // an assignment prints nothing
			return nil
		}
		for _, c := range n.Pipe.Cmds {
			if id, ok := c.Args[0].(*parse.IdentifierNode); ok && strings.HasPrefix(id.Ident, "_") {
				return fmt.Errorf("template %s: %q is not a function for templates", position(tree, n), id.Ident)
			}
		}
		id := parse.NewIdentifier(step).SetTree(tree).SetPos(n.Pos)
		n.Pipe.Cmds = append(n.Pipe.Cmds, &parse.CommandNode{NodeType: parse.NodeCommand, Pos: n.Pos, Args: []parse.Node{id}})
	case *parse.ListNode:
		if n == nil {
			return nil
		}
		for _, c := range n.Nodes {
			if err := appendStep(tree, c, step); err != nil {
				return err
			}
		}
	case *parse.IfNode:
		return appendSteps(tree, step, n.List, n.ElseList)
	case *parse.RangeNode:
		return appendSteps(tree, step, n.List, n.ElseList)
	case *parse.WithNode:
		return appendSteps(tree, step, n.List, n.ElseList)
	}
	return nil
}

func appendSteps(tree *parse.Tree, step string, lists ...*parse.ListNode) error {
	for _, l := range lists {
		if l == nil {
			continue
		}
		if err := appendStep(tree, l, step); err != nil {
			return err
		}
	}
	return nil
}

func position(tree *parse.Tree, n parse.Node) string {
	location, _ := tree.ErrorContext(n)
	name, rest, _ := strings.Cut(location, ":")
	line, _, _ := strings.Cut(rest, ":")
	return name + ":" + line
}

// quote is the last step of every printing pipeline of a text template.
func quote(v any) string { return asText(v).Encode() }

// jsonString is the last step in JSON templates: JSON and numbers pass, text is escaped for the inside of a
// JSON string.
func jsonString(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case JSON:
		return string(v), nil
	case int, int64, float64, bool:
		return fmt.Sprint(v), nil
	}
	j, err := toJSON(asText(v).Raw(), "")
	return strings.Trim(string(j), `"`), err
}

// Parts renders all parts of a channel. What is missing in the result was not defined, or printed nothing.
func (s *Set) Parts(d *Data) (map[string]display.Text, error) {
	parts := map[string]display.Text{}
	for _, part := range s.channelParts[d.Channel] {
		t, err := s.render(d.Channel+"."+part, d)
		if err != nil {
			return nil, err
		}
		if !t.Blank() {
			parts[part] = t
		}
	}
	if h := s.html.Lookup(d.Channel + ".html.tmpl"); h != nil {
		var b limited
		if err := h.Execute(&b, d); err != nil {
			return nil, renderError(err)
		}
		parts["html"] = display.Words(b.String())
	}
	if s.body != "" {
		t, err := s.render(s.body, d)
		if err != nil {
			return nil, err
		}
		if strings.HasSuffix(s.body, ".json.tmpl") {
			parts["body.json"] = t
			delete(parts, "body")
		} else {
			parts["body"] = t.Trim()
			delete(parts, "body.json")
		}
	}
	return parts, nil
}

// Plain is the message of last resort, with no template at all: the sentence, the log, the error. Every channel
// can send it.
func Plain(d *Data, cause error) map[string]display.Text {
	text := display.Join(d.Word(), display.Words(": "), d.Sentence, display.Words("\n"), d.cutLog(display.Quote(d.Reading.Evidence.Text), 12, 1200).Whole(), display.Words("\n"))
	if cause != nil {
		text = display.Join(text, display.Words("The templates failed: "), display.Quote(cause.Error()))
	}
	return map[string]display.Text{"body": text}
}

// render executes one define.
func (s *Set) render(name string, d *Data) (display.Text, error) {
	t := s.text.Lookup(name)
	if t == nil || t.Tree == nil {
		return nil, nil
	}
	var b limited
	if err := t.Execute(&b, d); err != nil {
		return nil, renderError(err)
	}
	if !strings.HasSuffix(strings.TrimSuffix(name, ".tmpl"), ".json") {
		return display.Decode(b.String()), nil
	}
	text := bytes.TrimSpace(b.Bytes())
	if len(text) == 0 {
		return nil, nil
	}
	if err := validJSON(text); err != nil {
		return nil, fmt.Errorf("template %s prints no valid JSON: %w; print values with {{ … | toJson }}", cmp.Or(fileOf(t), name), err)
	}
	return display.Words(string(text)), nil
}

func validJSON(b []byte) error {
	if json.Valid(b) {
		return nil
	}
	var v any
	return json.Unmarshal(b, &v)
}

func fileOf(t *template.Template) string {
	if t.Tree == nil {
		return ""
	}
	return t.ParseName
}

// part renders a shared part, from the most special define to the general one.
func (s *Set) part(name string, d *Data) (display.Text, error) {
	if s.text.Lookup(name) == nil {
		return nil, fmt.Errorf("there is no part %q", name)
	}
	if d.Rule.ID != "" {
		if full := name + ".rule." + d.Rule.ID; s.text.Lookup(full) != nil {
			return s.trimmed(full, d)
		}
	}
	for _, g := range d.Rule.Groups {
		if full := name + ".group." + g; s.text.Lookup(full) != nil {
			return s.trimmed(full, d)
		}
	}
	if full := name + "." + d.Family; s.text.Lookup(full) != nil {
		return s.trimmed(full, d)
	}
	return s.trimmed(name, d)
}

func (s *Set) trimmed(name string, d *Data) (display.Text, error) {
	t, err := s.render(name, d)
	return t.Trim(), err
}

// maxFact is how many characters the value of a fact may have.
const maxFact = 200

// facts renders the part "facts" and reads its lines, "Label: value". A line without a value is left out, and
// the values are cut to one line of maxFact characters.
func (s *Set) facts(d *Data) ([]Fact, error) {
	t, err := s.part("facts", d)
	if err != nil {
		return nil, err
	}
	var facts []Fact
	for _, line := range t.SplitLines() {
		label, value, found := line.CutWords(":")
		if !found || label.HasQuote() {
			label, value = nil, line
		}
		value = value.Trim().Line().Cut(maxFact)
		if !value.Blank() {
			facts = append(facts, Fact{label.Trim(), value})
		}
	}
	return facts, nil
}

// log renders the part "log" and cuts it to so many lines and characters (0: no limit).
func (s *Set) log(d *Data, lines, chars int) (Log, error) {
	t, err := s.part("log", d)
	if err != nil {
		return Log{}, err
	}
	return d.cutLog(t, lines, chars), nil
}

// funcs are the functions that look into the set.
func (s *Set) funcs() template.FuncMap {
	return template.FuncMap{
		"part":  s.part,
		"facts": s.facts,
		"log":   func(lines, chars int, d *Data) (Log, error) { return s.log(d, lines, chars) },
		"links": s.renderLinks,
		"link":  s.renderLink,
		// linkFacts are the links as rows of a table, under the first word of their labels.
		"linkFacts": func(d *Data) []Fact {
			var rows []Fact
			for _, l := range s.renderLinks(d) {
				word, _, _ := strings.Cut(l.Label.String(), " ")
				rows = append(rows, Fact{display.Words(word), l.URL})
			}
			return rows
		},

		"details":  s.details,
		"document": s.document,
		"event":    s.event,
	}
}

// htmlFuncs are the same for html/template: what they return is HTML in which quotations are <code>.
func (s *Set) htmlFuncs() htmltemplate.FuncMap {
	funcs := htmltemplate.FuncMap(s.funcs())
	funcs["rich"] = func(v any) htmltemplate.HTML { return richHTML(asText(v)) }
	funcs["dotted"] = func(v any) htmltemplate.HTML { return dottedHTML(asText(v)) }
	funcs["plain"] = func(v any) string { return asText(v).String() }
	funcs["_form"] = func(v any) any {
		switch v := v.(type) {
		case string:
			return display.Form(v)
		case []string:
			return display.Form(strings.Join(v, ", "))
		}
		return v
	}
	return funcs
}

// richHTML is a text as HTML: quotations stand in <code>, and their dots in elements of their own, so that mail
// clients make links of neither names nor numbers.
func richHTML(t display.Text) htmltemplate.HTML {
	return htmltemplate.HTML(t.Render(htmltemplate.HTMLEscapeString, func(s string) string {
		return "<code>" + dots(s) + "</code>"
	}))
}

// dottedHTML is richHTML without the <code>, for headings and for <pre>.
func dottedHTML(t display.Text) htmltemplate.HTML {
	return htmltemplate.HTML(t.Render(htmltemplate.HTMLEscapeString, dots))
}

func dots(s string) string {
	return strings.ReplaceAll(htmltemplate.HTMLEscapeString(s), ".", "<span>.</span>")
}

// limited is a buffer that refuses to grow beyond maxOutput.
type limited struct{ bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > maxOutput {
		return 0, fmt.Errorf("it prints more than %d bytes", maxOutput)
	}
	return l.Buffer.Write(p)
}

var (
	undefined = regexp.MustCompile(`function "([^"]+)" not defined`)
	noField   = regexp.MustCompile(`can't evaluate field (\w+) in type`)
	execError = regexp.MustCompile(`^template: ([^:]+):(\d+)(?::\d+)?: (?:executing "[^"]*" at <[^>]*>: )?`)
)

// parseError makes text/template's error one that says where and what to do.
func parseError(err error) error {
	text := err.Error()
	if m := undefined.FindStringSubmatch(text); m != nil {
		if why, ok := refused[m[1]]; ok {
			text += ": " + why
		} else {
			text += "; docs/templates.md lists the functions"
		}
	}
	text = strings.TrimPrefix(strings.TrimPrefix(text, "html/"), "template: ")
	return errors.New("template " + text)
}

// renderError shortens text/template's error to "template short.tmpl:12 failed (no field .Foo)".
func renderError(err error) error {
	text := strings.TrimPrefix(err.Error(), "html/")
	var inner string
	for { // a part called by another: the innermost place is the one to mend
		m := execError.FindStringSubmatch(text)
		if m == nil {
			break
		}
		inner = m[1] + ":" + m[2]
		text = text[len(m[0]):]
		if i := strings.Index(text, "error calling part: "); i >= 0 && strings.Contains(text[i:], "template ") {
			return errors.New(text[i+len("error calling part: "):])
		}
	}
	if m := noField.FindStringSubmatch(text); m != nil {
		text = "no field ." + m[1]
	}
	if inner == "" {
		return errors.New("template failed (" + text + ")")
	}
	return fmt.Errorf("template %s failed (%s)", inner, text)
}

// linkTemplate is one entry of the config's links.
type linkTemplate struct {
	name string
	tmpl *template.Template
}

// Link is a link that an operator's template made.
type Link struct {
	Label display.Text `json:"text"`
	URL   display.Text `json:"href"`
	name  string
}

var linkLabels = map[string]string{"alert": "Open alert", "runbook": "Runbook", "mitre": "MITRE"}

// linkOrder puts the well-known links first.
var linkOrder = map[string]int{"alert": -3, "runbook": -2, "mitre": -1}

func parseLinks(links map[string]string) ([]linkTemplate, error) {
	var out []linkTemplate
	var errs []error
	for name, text := range links {
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
			label = strings.ToUpper(l.name[:1]) + l.name[1:]
		}
		links = append(links, Link{display.Words(label), display.Words(strings.TrimSpace(b.String())), l.name})
	}
	return links
}

// renderLink is the URL of one link, or "".
func (s *Set) renderLink(name string, d *Data) display.Text {
	for _, l := range s.renderLinks(d) {
		if l.name == name {
			return l.URL
		}
	}
	return nil
}
