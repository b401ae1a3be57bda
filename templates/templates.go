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
	"cmp"
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"

	"github.com/ossec-notify/ossec-notify/display"
)

//go:embed *.tmpl
var defaults embed.FS

// Set is a set of parsed templates. It is safe for concurrent use.
type Set struct {
	sources []source
	links   []linkTemplate
	text    *template.Template
	html    *htmltemplate.Template
	// channelParts are the names behind the dot of every define, by what stands before it.
	channelParts map[string][]string
	body         string              // the name of the define that holds a receiver's plain template, or ""
	htmlFile     string              // the file that a receiver names as the HTML of its mail, or ""
	noHTML       bool                // that file, or the user's email.html.tmpl, is empty: text alone
	programs     map[string]*program // see program.go
	// What is known of defines without executing them; see shortcut.go.
	encoded    map[string]bool // they print what toJson makes, and that is JSON
	special    map[string]bool // parts that are defined for a rule, group or family, too
	shared     map[string]bool // the parts that all channels share
	plainFacts bool            // the part "facts" is factsAsTheyAre
	// The same for messages about many alerts, and whether there is another for what is over.
	plainDigest, factsResolved, factsRan bool
	freeLinks                            bool            // the part linksPart is linksAsTheyAre, or holds what the operator says is theirs
	hosts                                map[string]bool // that the operator's templates name in addresses
	liveHTML                             bool            // links of an alert can be clicked in the HTML of mails
	raws                                 []Use
	preset                               *preset // nil: none
	defaults                             *Set    // the embedded templates with the same links; nil in that set itself
}

type source struct {
	name, text string
	// receiver: a file that a receiver names, rather than one laid over a default for all.
	receiver bool
	live     bool // see live.go
	setting  bool // it is no file: see WithSettings
	preset   bool // it is a body of a preset: see WithPreset
}

// Options say where templates come from.
type Options struct {
	// Dir holds the user's templates; "" for none. A file with the name of a default (slack.tmpl, parts.tmpl, …)
	// is laid over it for all receivers; any other is used where a receiver names it (see Set.WithText).
	Dir string
	// Links are URL templates by name: alert, runbook, mitre, or any word.
	Links map[string]string
	// ReadFile reads a file of Dir; nil is os.ReadFile.
	ReadFile func(path string) ([]byte, error)
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
		sources = append(sources, source{name: name, text: string(b)})
	}
	var errs []error
	readFile := opt.ReadFile
	if readFile == nil {
		readFile = os.ReadFile
	}
	if opt.Dir != "" {
		for _, name := range names {
			b, err := readFile(filepath.Join(opt.Dir, name))
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("template %s: %w", name, err))
				continue
			}
			sources = append(sources, source{name: name, text: string(b), live: liveComment.Match(b)})
		}
	}
	links, err := parseLinks(opt.Links)
	errs = append(errs, err)
	defaults, err := build(sources[:len(names)], links, nil, nil)
	if err != nil {
		panic("templates: the embedded templates do not parse: " + err.Error())
	}
	set := defaults
	if len(sources) > len(names) {
		set, err = build(sources, links, defaults, nil)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return set, nil
}

// Default is the set of embedded templates alone, without links.
func Default() *Set {
	set, err := Load(Options{})
	if err != nil {
		panic("templates: " + err.Error()) // there is nothing of the user's in it
	}
	return set
}

// Defaults are the embedded templates with the links of this set: the form in which a message goes out when the
// user's templates fail.
func (s *Set) Defaults() *Set {
	if s.defaults == nil {
		return s
	}
	return s.defaults
}

// WithText lays one more file over the set, for the receivers that name it. The defines in it replace parts; text
// outside defines, if there is any, is a message of its own and becomes the part "body" (or "body.json", where
// the name ends in .json.tmpl).
func (s *Set) WithText(name, text string) (*Set, error) {
	return build(append(slices.Clone(s.sources), source{name: name, text: text, receiver: true, live: liveComment.MatchString(text)}), s.links, s.Defaults(), nil)
}

// WithSettings lays over the set what a receiver's settings say as templates, each the text of one part of its channel
// ("index"). Mistakes in them are told as of a template "splunk.index".
func (s *Set) WithSettings(channel string, parts map[string]string) (*Set, error) {
	sources := slices.Clone(s.sources)
	for _, part := range slices.Sorted(maps.Keys(parts)) {
		name := channel + "." + part
		sources = append(sources, source{name: name, text: fmt.Sprintf("{{define %q}}%s{{end}}", name, parts[part]), receiver: true, setting: true})
	}
	return build(sources, s.links, s.Defaults(), nil)
}

func build(sources []source, links []linkTemplate, defaults *Set, preset *preset) (*Set, error) {
	set := &Set{sources: sources, links: links, preset: preset, channelParts: map[string][]string{}, defaults: defaults,
		programs: map[string]*program{}, encoded: map[string]bool{}, special: map[string]bool{}, shared: map[string]bool{}, hosts: map[string]bool{}}
	set.liveHTML = set.isLiveHTML()
	root := template.New("").Option("missingkey=default").
		Funcs(sprigFuncs()).Funcs(ownFuncs()).Funcs(set.funcs()).
		Funcs(template.FuncMap{"_quote": quote, "_json": jsonOf, "_jsonString": jsonStringOf, "_bound": bound}).
		Funcs(template.FuncMap{"_url": inAddress, "_address": jsonAddressStringOf, "_jsonAddress": jsonAddressOf})
	if preset != nil {
		root.Funcs(preset.funcs())
	}
	html := htmltemplate.New("").Funcs(htmltemplate.FuncMap(sprigFuncs())).Funcs(htmltemplate.FuncMap(ownFuncs())).Funcs(set.htmlFuncs())

	var errs []error
	for _, src := range sources {
		if i := strings.IndexFunc(src.text, display.IsMark); i >= 0 {
			errs = append(errs, fmt.Errorf("template %s:%d: a control character (%q) stands in it: take it out", src.name, 1+strings.Count(src.text[:i], "\n"), src.text[i]))
			continue
		}
		if strings.HasSuffix(src.name, ".html.tmpl") {
			if src.receiver { // whatever its name, it is the HTML of that receiver's mail
				set.htmlFile = src.name
			}
			set.noHTML = strings.TrimSpace(src.text) == ""
			if _, err := html.New(src.name).Parse(src.text); err != nil {
				errs = append(errs, parseError(err))
			}
			continue
		}
		t, err := root.New(src.name).Parse(src.text)
		if err != nil {
			errs = append(errs, parseError(err))
			continue
		}
		if src.setting || t.Tree == nil || parse.IsEmptyTree(t.Root) { // a setting is all define, of its own name
			continue
		}
		if src.preset {
			continue // it is rendered by its name
		}
		if !src.receiver {
			errs = append(errs, fmt.Errorf("template %s: text stands outside of {{define}}: it would be the whole message of every receiver; put it into a define, or into a file that a receiver names in \"template\"", src.name))
		}
		set.body = src.name
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	set.text, set.html = root, html
	if err := set.escape(); err != nil {
		return nil, err
	}
	compiler := compiler{set: set, programs: set.programs}
	for _, t := range root.Templates() {
		if t.Tree != nil {
			compiler.program(t)
		}
	}
	return set, nil
}

// escape gives every action the last step of its place, and notes what is known of the defines.
func (s *Set) escape() error {
	var errs []error
	json := jsonContexts{root: s.text, pristine: map[string]*parse.Tree{}, ends: map[string]display.Place{}}
	for _, t := range s.text.Templates() {
		if t.Tree == nil {
			continue
		}
		uses, err := inspect(t.Tree)
		s.raws, errs = append(s.raws, uses...), append(errs, err)
		if isCopy(t.Name()) {
			errs = append(errs, fmt.Errorf("template %s: the name %q holds a $: choose another", position(t.Tree, t.Root), t.Name()))
		}
		eachNode(t.Root, func(n parse.Node) {
			if call, ok := n.(*parse.TemplateNode); ok && isCopy(call.Name) { // which prints JSON, and marks no quotation
				errs = append(errs, fmt.Errorf("template %s: the name %q holds a $: there is no such template", position(t.Tree, n), call.Name))
			}
		})
		name := strings.TrimSuffix(t.Name(), ".tmpl")
		s.shorten(name, t.Root)
		if channel, part, ok := strings.Cut(name, "."); ok && name == t.Name() {
			s.channelParts[channel] = append(s.channelParts[channel], part)
		}
		if t.ParseName == sharedFile && !strings.Contains(name, ".") {
			s.shared[name] = true
		}
		if s.preset != nil {
			passDot(t.Tree)
		}
		markWords(t.Tree)
		guard(t.Root)
		boundVariables(t.Tree)
		json.pristine[t.Name()] = t.Copy()
		addHosts(t.Root, s.hosts)
	}
	addresses := addresses{s, map[string]bool{}}
	html := newHTMLContexts(s.html, addresses.part)
	for _, t := range s.html.Templates() {
		if t.Tree == nil {
			continue
		}
		uses, err := inspect(t.Tree)
		s.raws, errs = append(s.raws, uses...), append(errs, err)
		if isCopy(t.Name()) {
			errs = append(errs, fmt.Errorf("template %s: the name %q holds a $: choose another", position(t.Tree, t.Tree.Root), t.Name()))
		}
		markWords(t.Tree)
		guard(t.Tree.Root)
		boundVariables(t.Tree)
		html.add(t.Tree)
	}
	if err := joinDistinct(errs); err != nil {
		return err
	}
	errs = append(errs, html.find())
	if t := s.text.Lookup(addressPart); t != nil && t.Tree != nil {
		errs = append(errs, addresses.define(t))
	}
	anywhere, links := anyJSON(), linksContext(addresses.part, &s.freeLinks)
	for _, name := range slices.Sorted(maps.Keys(json.pristine)) {
		t := s.text.Lookup(name)
		if isJSON(name) {
			in := anywhere
			switch {
			case name == linksPart:
				in = links
			case s.isPresetBody(name):
				in = presetJSON()
			}
			end, err := json.define(in, name, name, jsonValue, anything)
			if err == nil && in.markup.Name(end) != in.markup.Name(jsonValue) {
				err = fmt.Errorf("template %s: it ends inside %s", position(t.Tree, t.Root), in.markup.Name(end))
			}
			errs = append(errs, err)
			continue
		}
		appendStep(t.Tree, t.Root, "_quote")
		eachNode(t.Root, func(n parse.Node) {
			if call, ok := n.(*parse.TemplateNode); ok && isJSON(call.Name) {
				errs = append(errs, fmt.Errorf("template %s: %q prints JSON, which is no text: say {{part %q .}}", position(t.Tree, n), call.Name, call.Name))
			}
		})
	}
	slices.SortStableFunc(s.raws, func(a, b Use) int { return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line) })
	return joinDistinct(errs)
}

// sharedFile holds the defaults of the parts that all channels share.
const sharedFile = "parts.tmpl"

// isJSON reports the name of a define, or a file, that makes JSON.
func isJSON(name string) bool {
	name, _, _ = strings.Cut(name, "$")
	return strings.HasSuffix(strings.TrimSuffix(name, ".tmpl"), ".json")
}

// RawUses are the places where a template of the user's, or a link, prints text of an alert as it came.
func (s *Set) RawUses() []Use {
	uses := slices.Clone(s.raws)
	for _, l := range s.links {
		uses = append(uses, l.raws...)
	}
	return uses
}

// joinDistinct joins errors; what several receivers or parts share is said once.
func joinDistinct(errs []error) error {
	said := map[string]bool{}
	return errors.Join(slices.DeleteFunc(errs, func(err error) bool {
		if err == nil || said[err.Error()] {
			return true
		}
		said[err.Error()] = true
		return false
	})...)
}
