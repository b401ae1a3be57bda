package presets

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// Problem is a mistake in a file, with its place and what to do.
type Problem struct {
	File         string
	Line, Column int
	Message      string
}

func (p Problem) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
}

// maxFile bounds a file, in bytes.
const maxFile = 256 << 10

// Parse reads a file, whose name ends in NAME.yaml. It reports every mistake; with one there is no preset.
func Parse(file string, text []byte) (*Preset, []Problem) {
	r := &reader{file: file, p: &Preset{Rate: "", Concurrency: 1, on: map[string][]Request{}, text: string(text)}}
	r.yaml = yamlnode.NewReader(func(at *yaml.Node, message string) { r.bad(at, "%s", message) })
	if len(text) > maxFile {
		r.problems = append(r.problems, Problem{file, 1, 1, fmt.Sprintf("the file has more than %d bytes", maxFile)})
		return nil, r.problems
	}
	var doc yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("the file is empty")
		}
		message, line := err.Error(), lineOf(err)
		if lines := strings.Split(string(text), "\n"); line <= len(lines) && strings.HasPrefix(strings.TrimLeft(lines[line-1], " "), "\t") {
			message += "; the line begins with a tab: YAML is indented with blanks"
		}
		r.problems = append(r.problems, Problem{file, line, 1, message})
		return nil, r.problems
	}
	r.root(yamlnode.Resolve(&doc))
	if len(r.problems) > 0 {
		slices.SortStableFunc(r.problems, func(a, b Problem) int { return a.Line - b.Line })
		return nil, r.problems
	}
	return r.p, nil
}

var lineText = regexp.MustCompile(`line (\d+)`)

func lineOf(err error) int {
	if m := lineText.FindStringSubmatch(err.Error()); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			return n
		}
	}
	return 1
}

type reader struct {
	file     string
	yaml     *yamlnode.Reader
	p        *Preset
	problems []Problem
}

func (r *reader) bad(at *yaml.Node, format string, args ...any) {
	r.problems = append(r.problems, Problem{r.file, max(at.Line, 1), max(at.Column, 1), fmt.Sprintf(format, args...)})
}

// keys reads a mapping, each key by its function.
func (r *reader) keys(n *yaml.Node, what string, known map[string]func(yamlnode.Entry)) map[string]*yaml.Node {
	seen := map[string]*yaml.Node{}
	if !r.yaml.Enter(n) {
		return seen
	}
	defer r.yaml.Leave()
	for _, e := range r.yaml.Mapping(n, what) {
		read := known[e.Key]
		if read == nil {
			r.unknown(e.KeyNode, what, known)
			continue
		}
		seen[e.Key] = e.Value
		read(e)
	}
	return seen
}

func (r *reader) unknown(k *yaml.Node, what string, known map[string]func(yamlnode.Entry)) {
	var names []string
	for name := range known {
		names = append(names, name)
	}
	slices.Sort(names)
	if near := yamlnode.Nearest(k.Value, names); near != "" {
		r.bad(k, "unknown key %q in %s: did you mean %q?", k.Value, what, near)
		return
	}
	r.bad(k, "unknown key %q in %s: it takes %s", k.Value, what, strings.Join(names, ", "))
}

// text reads a text.
func (r *reader) text(e yamlnode.Entry, item bool) string {
	if e.Value.Kind != yaml.ScalarNode {
		r.bad(e.Value, "%s takes a text, and this is %s", e.Key, yamlnode.Kind(e.Value))
		return ""
	}
	if trap := yamlnode.Trap(e.Value, e, item); trap != "" {
		r.bad(e.Value, "%s", trap)
		return ""
	}
	if i := strings.IndexFunc(e.Value.Value, func(c rune) bool { return c < 0x20 && c != '\n' && c != '\t' || c == 0x7f || IsMark(c) }); i >= 0 {
		r.bad(e.Value, "%s holds a control character (%q): take it out", e.Key, []rune(e.Value.Value[i:])[0])
		return ""
	}
	return e.Value.Value
}

func (r *reader) into(s *string) func(yamlnode.Entry) {
	return func(e yamlnode.Entry) { *s = r.text(e, false) }
}

func (r *reader) truth(b *bool) func(yamlnode.Entry) {
	return func(e yamlnode.Entry) {
		if e.Value.Kind != yaml.ScalarNode || e.Value.ShortTag() != "!!bool" || e.Value.Decode(b) != nil {
			r.bad(e.Value, "%s takes true or false", e.Key)
		}
	}
}

func (r *reader) number(n *int) func(yamlnode.Entry) {
	return func(e yamlnode.Entry) {
		v, err := strconv.Atoi(e.Value.Value)
		if e.Value.Kind != yaml.ScalarNode || err != nil || v < 1 || v > 100_000_000 {
			r.bad(e.Value, "%s takes a number above 0", e.Key)
			return
		}
		*n = v
	}
}

// size reads a number of bytes.
func (r *reader) size(n *int) func(yamlnode.Entry) {
	return func(e yamlnode.Entry) {
		var size yamlnode.Size
		switch err := size.UnmarshalYAML(e.Value); {
		case err != nil:
			r.bad(e.Value, "%s: %s", e.Key, err)
		case size > 100_000_000:
			r.bad(e.Value, "%s is %s: 100MB at most", e.Key, size)
		default:
			*n = int(size)
		}
	}
}

// texts reads a list of texts; one needs no brackets.
func (r *reader) texts(list *[]string) func(yamlnode.Entry) {
	return func(e yamlnode.Entry) {
		if e.Value.Kind != yaml.SequenceNode {
			*list = []string{r.text(e, false)}
			return
		}
		for _, n := range e.Value.Content {
			*list = append(*list, r.text(yamlnode.Entry{Key: e.Key, KeyNode: e.KeyNode, Value: yamlnode.Resolve(n)}, true))
		}
	}
}

// table reads a mapping of texts. A value may be empty.
func (r *reader) table(m *map[string]string) func(yamlnode.Entry) {
	return func(e yamlnode.Entry) {
		*m = map[string]string{}
		if !r.yaml.Enter(e.Value) {
			return
		}
		defer r.yaml.Leave()
		for _, k := range e.Value.Content {
			if strings.HasPrefix(k.Value, "x-") && e.Value.Kind == yaml.MappingNode { // which no reader of ours sees
				r.bad(k, "%s: write %q with a capital X: keys that begin with x- are for anchors", e.Key, k.Value)
			}
		}
		for _, x := range r.yaml.Mapping(e.Value, e.Key) {
			if x.Value.Kind == yaml.ScalarNode && strings.TrimSpace(x.Value.Value) == "" && x.Value.ShortTag() == "!!str" {
				(*m)[x.Key] = x.Value.Value // in quotes, or it would be null
				continue
			}
			(*m)[x.Key] = r.text(x, false)
		}
	}
}

var (
	rateForm = regexp.MustCompile(`^[1-9][0-9]{0,5}/[smhd]$`)
	dayForm  = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
)

func (r *reader) root(root *yaml.Node) {
	p := r.p
	var request, on, find, plain, text, unmarked, limits, answer *yaml.Node
	later := func(n **yaml.Node) func(yamlnode.Entry) { return func(e yamlnode.Entry) { *n = e.Value } }
	seen := r.keys(root, "the preset", map[string]func(yamlnode.Entry){
		"name": r.into(&p.Name), "title": r.into(&p.Title), "about": r.into(&p.About),
		"checked": r.into(&p.Checked), "sources": r.texts(&p.Sources), "tested": r.texts(&p.Tested), "idempotent": r.truth(&p.Idempotent),
		"rate": r.into(&p.Rate), "concurrency": r.number(&p.Concurrency), "needs": r.into(&p.Needs), "notes": r.into(&p.Notes),
		"settings": r.settings, "request": later(&request), "on": later(&on), "find": later(&find), "plain": later(&plain),
		"text": later(&text), "unmarked": later(&unmarked), "limits": later(&limits), "answer": later(&answer),
	})
	for _, key := range []string{"name", "title", "about", "checked", "request", "plain"} {
		if seen[key] == nil {
			r.bad(root, "%s is missing", key)
		}
	}
	if n := seen["name"]; n != nil && p.Name != "" {
		base := strings.TrimSuffix(r.file[strings.LastIndexAny(r.file, `/\`)+1:], ".yaml")
		switch {
		case !IsName(p.Name):
			r.bad(n, "name: %q is no name for a preset: small letters, digits and -, 41 at most", p.Name)
		case base != p.Name:
			r.bad(n, "name is %q, and the file's name says %q: they must be the same", p.Name, base)
		}
	}
	if n := seen["rate"]; n != nil && !rateForm.MatchString(p.Rate) {
		r.bad(n, "rate: %q is no rate: write 1/s, 120/m or 20/h", p.Rate)
	}
	if n := seen["checked"]; n != nil {
		if _, err := time.Parse(time.DateOnly, p.Checked); err != nil || !dayForm.MatchString(p.Checked) {
			r.bad(n, "checked: %q is no day: write 2026-11-23", p.Checked)
		}
	}
	if p.Concurrency > 100 {
		r.bad(seen["concurrency"], "concurrency is %d: 100 at most", p.Concurrency)
	}
	if plain != nil {
		p.Request.Plain = r.plain(plain, true)
	}
	p.Request.Method = http.MethodPost
	if request != nil {
		keys := r.request(request, "request", &p.Request, nil)
		for _, key := range []string{"url", "body"} {
			if keys[key] == nil {
				r.bad(request, "request: %s is missing", key)
			}
		}
	}
	if on != nil {
		r.on(on)
	}
	if find != nil {
		r.find(find)
	}
	if text != nil {
		r.textForm(text)
	}
	if unmarked != nil {
		r.unmarked(unmarked)
	}
	if limits != nil {
		r.limits(limits)
	}
	if answer != nil {
		r.answer(answer)
	}
	switch asks := slices.ContainsFunc(p.Answer.Verdicts, func(v Verdict) bool { return v.Is == IsUnmarked }); {
	case asks && unmarked == nil:
		r.bad(answer, "a verdict is unmarked: say under unmarked what the body is without markup, such as {drop: [parse_mode], words: {\"<b>\": \"\"}}")
	case !asks && unmarked != nil:
		r.bad(unmarked, "no verdict is unmarked: say of which answer it is, under answer.verdicts")
	}
	requests := p.Requests()
	for _, what := range slices.Sorted(maps.Keys(requests)) {
		if of := requests[what]; plain != nil && of.NeedsObject() && strings.HasPrefix(of.Plain, "[") {
			r.bad(plain, "plain is a list, and form and secret_fields of %s need a mapping, such as {text: \"{text}\"}", what)
		}
	}
	for _, name := range textPlaceholders {
		if _, bad := p.Setting(name); bad {
			r.bad(seen["settings"], "settings: %s is what {%s} stands for: choose another name", name, name)
		}
	}
}

// settingName is the form of a name: it is a placeholder.
func (r *reader) settings(e yamlnode.Entry) {
	for _, s := range r.yaml.Mapping(e.Value, "settings") {
		set := Setting{Name: s.Key}
		if !isWord(s.Key) || slices.Contains(ownPlaceholders, s.Key) {
			r.bad(s.KeyNode, "%q is no name for a setting: small letters, digits and _, and none of %s", s.Key, strings.Join(ownPlaceholders, ", "))
			continue
		}
		seen := r.keys(s.Value, "setting "+s.Key, map[string]func(yamlnode.Entry){
			"required": r.truth(&set.Required), "secret": r.truth(&set.Secret), "default": r.into(&set.Default),
			"values": r.texts(&set.Values), "help": r.into(&set.Help), "example": r.into(&set.Example),
			"forms": func(e yamlnode.Entry) { set.Forms = r.forms(e.Value) },
		})
		switch {
		case set.Help == "":
			r.bad(s.Value, "setting %s: help is missing: what it is and where it is found", s.Key)
		case set.Required && seen["default"] != nil:
			r.bad(seen["default"], "setting %s: what is required has no default", s.Key)
		case set.Secret && (seen["default"] != nil || seen["values"] != nil):
			r.bad(s.Value, "setting %s: a secret has neither default nor values", s.Key)
		case set.Default != "" && set.Values != nil && !slices.Contains(set.Values, set.Default):
			r.bad(seen["default"], "setting %s: the default %q is none of the values", s.Key, set.Default)
		case set.Required && set.Example == "" && set.Values == nil:
			r.bad(s.Value, "setting %s: example is missing", s.Key)
		case set.Forms != nil && set.Values != nil:
			r.bad(seen["forms"], "setting %s: values say already what it takes: leave forms out", s.Key)
		}
		for key, value := range map[string]string{"example": set.Example, "default": set.Default} {
			if _, misfit := set.Misfit(value); misfit && seen[key] != nil {
				r.bad(seen[key], "setting %s: the %s %q does not have the form that forms ask for", s.Key, key, value)
			}
		}
		r.p.Settings = append(r.p.Settings, set)
	}
}

// maxPattern bounds an expression, in bytes: what is longer says what no person reads.
const maxPattern = 1000

// forms reads what values look like; one needs no brackets.
func (r *reader) forms(n *yaml.Node) []Form {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	var all []Form
	for _, item := range items {
		item = yamlnode.Resolve(item)
		var f Form
		pattern := func(must bool) func(yamlnode.Entry) {
			return func(e yamlnode.Entry) {
				f.Must, f.Expression = must, r.text(e, false)
				if len(f.Expression) > maxPattern {
					r.bad(e.Value, "%s has more than %d bytes", e.Key, maxPattern)
					return
				}
				_, err := regexp.Compile(f.Expression) // alone: what is put around it would hide a bracket too many
				if err == nil {
					f.whole, err = regexp.Compile(`\A(?:` + f.Expression + `)\z`)
				}
				if err != nil {
					r.bad(e.Value, "%s is no expression: %s: mend it (RE2's syntax, which has no lookahead)", e.Key, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
				}
			}
		}
		seen := r.keys(item, "a form", map[string]func(yamlnode.Entry){"like": pattern(true), "unlike": pattern(false), "hint": r.into(&f.Hint)})
		switch {
		case (seen["like"] == nil) == (seen["unlike"] == nil):
			r.bad(item, "a form takes like or unlike: an expression for the whole value, such as '[0-9]+'")
		case f.Hint == "":
			r.bad(item, "a form needs a hint: what to do about a value that does not have it")
		}
		if f.whole != nil {
			all = append(all, f)
		}
	}
	return all
}

// request reads a request over what it differs from. more are the keys that it has beside those of every request.
func (r *reader) request(n *yaml.Node, what string, into *Request, more map[string]func(yamlnode.Entry)) map[string]*yaml.Node {
	var basic *yaml.Node
	known := map[string]func(yamlnode.Entry){
		"method": r.into(&into.Method), "url": r.into(&into.URL), "query": r.table(&into.Query), "headers": r.table(&into.Headers),
		"basic": func(e yamlnode.Entry) { basic = e.Value }, "form": r.truth(&into.Form), "secret_fields": r.table(&into.SecretFields),
		"body": func(e yamlnode.Entry) {
			into.Body, into.BodyLine = r.text(e, false), e.Value.Line
			if e.Value.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 {
				into.BodyLine--
			}
			into.BodyName = r.p.Name + ".yaml/" + what + ".json"
		},
	}
	switch {
	case what == "find":
		delete(known, "form")
		delete(known, "secret_fields")
		known["body"] = func(e yamlnode.Entry) { into.Plain, _ = r.json(e.Value, "body", r.placeholders) }
	case what != "request":
		known["plain"] = func(e yamlnode.Entry) { into.Plain = r.plain(e.Value, into.When == "") }
		known["success"] = func(e yamlnode.Entry) {
			into.Success = &Match{}
			r.keys(e.Value, "success", r.match(into.Success))
		}
	}
	for key, read := range more {
		known[key] = read
	}
	seen := r.keys(n, what, known)
	if basic != nil {
		into.Basic = &Basic{}
		keys := r.keys(basic, "basic", map[string]func(yamlnode.Entry){"username": r.into(&into.Basic.Username), "password": r.into(&into.Basic.Password)})
		for _, k := range []string{"username", "password"} {
			if keys[k] == nil {
				r.bad(basic, "basic: %s is missing", k)
			} else {
				r.places(keys[k], k, keys[k].Value, true)
			}
		}
	}
	if seen["method"] != nil && !slices.Contains([]string{http.MethodPost, http.MethodPut, http.MethodPatch}, into.Method) {
		r.bad(seen["method"], "method: %q is none of POST, PUT, PATCH", into.Method)
	}
	if u := seen["url"]; u != nil {
		r.url(u, into.URL)
	}
	for _, of := range []struct {
		key   string
		table map[string]string
	}{{"query", into.Query}, {"headers", into.Headers}, {"secret_fields", into.SecretFields}} {
		if seen[of.key] == nil {
			continue
		}
		for _, e := range r.yaml.Mapping(seen[of.key], of.key) {
			r.places(e.Value, of.key+"."+e.Key, of.table[e.Key], true)
			if of.key == "secret_fields" && !fieldName.MatchString(e.Key) {
				r.bad(e.KeyNode, "secret_fields: %q is no key that can be put into the body: letters, digits, _ and -", e.Key)
			}
			if of.key == "headers" && (!headerName.MatchString(e.Key) || slices.Contains(ownHeaders, http.CanonicalHeaderKey(e.Key))) {
				r.bad(e.KeyNode, "headers: %q is no header that a preset can set", e.Key)
			}
		}
	}
	if body := seen["body"]; body != nil && what != "find" {
		r.secretsInBody(body, into.Body)
	}
	if action, _, _ := strings.Cut(what, "_"); action != Acknowledge && action != Resolve && into.UsesEarlier() {
		r.bad(n, "%s: {%s} is how the vendor calls an earlier message: it may stand under on, in acknowledge and resolve", what, earlierPlaceholder)
	}
	return seen
}

// UsesEarlier reports that the request asks for how the vendor calls an earlier message.
func (r Request) UsesEarlier() bool {
	texts := []string{r.URL, r.Plain}
	for _, table := range []map[string]string{r.Query, r.Headers, r.SecretFields} {
		texts = slices.AppendSeq(texts, maps.Values(table))
	}
	if r.Basic != nil {
		texts = append(texts, r.Basic.Username, r.Basic.Password)
	}
	return slices.ContainsFunc(texts, func(s string) bool { return slices.Contains(Placeholders(s), earlierPlaceholder) })
}

var (
	fieldName  = regexp.MustCompile(`^[A-Za-z0-9_-]+$`) // not a path: what is secret stands in the body itself
	headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
	ownHeaders = []string{"Content-Length", "Content-Encoding", "Transfer-Encoding", "Host", "Connection", "Expect", "Te", "Trailer", "Upgrade", "Proxy-Authorization"}
)

// url checks where a request goes: at a host that is written out, or at a setting that is an address.
func (r *reader) url(n *yaml.Node, s string) {
	r.places(n, "url", s, true)
	if !strings.HasPrefix(s, "https://") && !strings.HasPrefix(s, "http://") && !strings.HasPrefix(s, "{") {
		r.bad(n, "url: begin it with https:// or with a setting that is an address, such as {url}")
		return
	}
	if rest, ok := strings.CutPrefix(s, "https://"); ok {
		host, _, _ := strings.Cut(rest, "/")
		for _, name := range Placeholders(host) {
			if _, is := r.p.Setting(name); !is {
				r.bad(n, "url: {%s} stands in the host, so an alert would say where the message goes", name)
			}
		}
	}
	if begins := Placeholders(s); strings.HasPrefix(s, "{") && len(begins) > 0 {
		if _, is := r.p.Setting(begins[0]); !is {
			r.bad(n, "url: {%s} stands at its beginning, so an alert would say where the message goes", begins[0])
		}
	}
	if strings.ContainsAny(s, "?#") {
		r.bad(n, "url: write what stands behind ? under query")
	}
}

func (r *reader) places(n *yaml.Node, key, s string, secrets bool) {
	if wrong := r.p.checkPlaceholders(s, secrets, false); wrong != "" {
		r.bad(n, "%s: %s", key, wrong)
	}
}

var settingCall = regexp.MustCompile("setting\\s+[\"`]([^\"`]*)[\"`]")

// secretsInBody refuses what would put a secret, or nothing, into the body.
func (r *reader) secretsInBody(n *yaml.Node, body string) {
	for _, m := range settingCall.FindAllStringSubmatchIndex(body, -1) {
		name := body[m[2]:m[3]]
		at := *n
		at.Line, at.Column = n.Line+1+strings.Count(body[:m[0]], "\n"), 1
		switch s, ok := r.p.Setting(name); {
		case !ok:
			var known []string
			for _, s := range r.p.Settings {
				known = append(known, s.Name)
			}
			advice := "declare it under settings"
			if near := yamlnode.Nearest(name, known); near != "" {
				advice = fmt.Sprintf("did you mean %q?", near)
			}
			r.bad(&at, "body: setting %q is not there: %s", name, advice)
		case s.Secret:
			r.bad(&at, "body: setting %q is a secret, which may stand in url, query, headers, basic and secret_fields only: a body is kept and shown", name)
		case name == "url":
			r.bad(&at, "body: the address of the webhook is a secret to many vendors: it may stand in url only")
		}
	}
}

// plain reads JSON with {text} in it, which one that only closes something may do without.
func (r *reader) plain(n *yaml.Node, says bool) string {
	if n.Kind == yaml.ScalarNode {
		r.bad(n, "plain takes a mapping, such as {text: \"{text}\"}, and this is %s", yamlnode.Kind(n))
		return ""
	}
	out, found := r.json(n, "plain", func(s string) string { return r.p.checkPlaceholders(s, false, true) })
	if says && !slices.Contains(found, "text") {
		r.bad(n, "plain holds no {text}: it is what goes out when templates fail, and must say what happened")
	}
	return out
}

// more reads JSON with {more} in it.
func (r *reader) more(n *yaml.Node) string {
	out, found := r.json(n, "more", func(s string) string {
		for _, name := range Placeholders(s) {
			if name != "more" {
				return fmt.Sprintf("{%s} is none of its placeholders: it takes {more}, how many elements are left out", name)
			}
		}
		return ""
	})
	if len(found) == 0 {
		r.bad(n, "more holds no {more}: it is what says how many elements are left out")
	}
	return out
}

// json makes JSON of YAML. check says what is wrong with the placeholders of a text, or ""; found are those that stand there.
func (r *reader) json(n *yaml.Node, what string, check func(string) string) (out string, found []string) {
	var write func(n *yaml.Node) string
	write = func(n *yaml.Node) string {
		if n == nil || n.Kind != yaml.ScalarNode && !r.yaml.Enter(n) { // an alias may hold itself, or much of one thing
			return "null"
		}
		if n.Kind != yaml.ScalarNode {
			defer r.yaml.Leave()
		}
		switch n.Kind {
		case yaml.MappingNode:
			var b strings.Builder
			for i, e := range r.yaml.Mapping(n, what) {
				if i > 0 {
					b.WriteByte(',')
				}
				key, _ := json.Marshal(e.Key)
				b.Write(key)
				b.WriteByte(':')
				b.WriteString(write(e.Value))
			}
			return "{" + b.String() + "}"
		case yaml.SequenceNode:
			var items []string
			for _, c := range n.Content {
				items = append(items, write(yamlnode.Resolve(c)))
			}
			return "[" + strings.Join(items, ",") + "]"
		}
		if n.ShortTag() != "!!str" {
			var v any
			if n.Decode(&v) == nil {
				if b, err := json.Marshal(v); err == nil {
					return string(b)
				}
			}
		}
		if wrong := check(n.Value); wrong != "" {
			r.bad(n, "%s: %s", what, wrong)
		}
		found = append(found, Placeholders(n.Value)...)
		b, _ := json.Marshal(WithoutMarks(n.Value))
		return string(b)
	}
	return write(n), found
}

func (r *reader) on(n *yaml.Node) {
	for _, e := range r.yaml.Mapping(n, "on") {
		if !slices.Contains([]string{Acknowledge, Resolve, Digest}, e.Key) {
			r.bad(e.KeyNode, "unknown key %q in on: it takes acknowledge, digest, resolve", e.Key)
			continue
		}
		if e.Value.Kind == yaml.ScalarNode {
			if e.Value.Value != "none" || e.Key == Digest {
				r.bad(e.Value, "%s takes a request%s", e.Key, map[bool]string{true: "", false: ", or none"}[e.Key == Digest])
			}
			r.p.on[e.Key] = nil
			continue
		}
		items := []*yaml.Node{e.Value}
		if e.Value.Kind == yaml.SequenceNode {
			if items = e.Value.Content; len(items) == 0 {
				r.bad(e.Value, "%s takes a request, or several", e.Key)
			}
		}
		for i, item := range items {
			r.alternative(yamlnode.Resolve(item), e.Key, i == len(items)-1)
		}
	}
}

// alternative reads one of the requests of an action. The last is sent where none before it is.
func (r *reader) alternative(n *yaml.Node, action string, last bool) {
	when := ""
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != "when" {
			continue
		}
		at := yamlnode.Resolve(n.Content[i+1])
		when = r.text(yamlnode.Entry{Key: "when", KeyNode: n.Content[i], Value: at}, false)
		switch s, is := r.p.Setting(when); {
		case !is:
			r.bad(at, "when: there is no setting %q: declare it under settings", when)
		case s.Secret || s.Required || s.Default != "" || when == "url":
			r.bad(at, "when: the setting %s must be one that a receiver may leave out: neither secret nor required, without a default", when)
		}
	}
	switch {
	case when == "" && !last:
		r.bad(n, "%s: what stands after this request is never sent: say with when: SETTING for which receivers it is, or put it last", action)
	case when != "" && last:
		r.bad(n, "%s: say behind this one what is sent where the setting %s is not given", action, when)
	}
	own := r.p.Request
	own.When = when
	r.request(n, requestName(action, when), &own, map[string]func(yamlnode.Entry){"when": func(yamlnode.Entry) {}})
	r.p.on[action] = append(r.p.on[action], own)
}

// find reads how a message is found that the vendor has.
func (r *reader) find(n *yaml.Node) {
	f := &Find{Request: Request{Method: r.p.Request.Method, Headers: r.p.Request.Headers, Basic: r.p.Request.Basic}}
	seen := r.request(n, "find", &f.Request, map[string]func(yamlnode.Entry){"id": r.into(&f.ID)})
	for _, key := range []string{"url", "body", "id"} {
		if seen[key] == nil {
			r.bad(n, "find: %s is missing", key)
		}
	}
	r.p.Find = f
}

// placeholders says what is wrong with those of a text that is kept and shown.
func (r *reader) placeholders(s string) string { return r.p.checkPlaceholders(s, false, false) }

func (r *reader) textForm(n *yaml.Node) {
	t := &r.p.Text
	form := ""
	var code, fence *yaml.Node
	seen := r.keys(n, "text", map[string]func(yamlnode.Entry){
		"form": r.into(&form), "escape": r.table(&t.Escape), "line_start": r.table(&t.LineStart),
		"code": func(e yamlnode.Entry) { code = e.Value }, "fence": func(e yamlnode.Entry) { fence = e.Value },
	})
	switch form {
	case "", "shown":
	case "raw":
		t.Raw = true
	default:
		r.bad(seen["form"], "form: %q is neither shown nor raw", form)
	}
	for _, table := range []map[string]string{t.Escape, t.LineStart} {
		if _, empty := table[""]; empty {
			r.bad(n, "an empty text cannot be replaced: take it out")
		}
	}
	for _, w := range []struct {
		n    *yaml.Node
		what string
		to   **Wrap
	}{{code, "code", &t.Code}, {fence, "fence", &t.Fence}} {
		if w.n == nil {
			continue
		}
		wrap := &Wrap{}
		seen := r.keys(w.n, w.what, map[string]func(yamlnode.Entry){"open": r.into(&wrap.Open), "close": r.into(&wrap.Close), "escape": r.table(&wrap.Escape)})
		if seen["open"] == nil || seen["close"] == nil {
			r.bad(w.n, "%s takes open and close", w.what)
		}
		if _, empty := wrap.Escape[""]; empty {
			r.bad(w.n, "an empty text cannot be replaced: take it out")
		}
		*w.to = wrap
	}
}

func (r *reader) unmarked(n *yaml.Node) {
	u := &Unmarked{}
	r.keys(n, "unmarked", map[string]func(yamlnode.Entry){"drop": r.texts(&u.Drop), "words": r.table(&u.Words), "escape": r.table(&u.Escape)})
	for _, table := range []map[string]string{u.Words, u.Escape} {
		if _, empty := table[""]; empty {
			r.bad(n, "an empty text cannot be replaced: take it out")
		}
	}
	if u.Drop == nil && u.Words == nil {
		r.bad(n, "unmarked takes drop, words or both: without them the body is the same again")
	}
	r.p.Unmarked = u
}

func (r *reader) limits(n *yaml.Node) {
	l := &r.p.Limits
	r.keys(n, "limits", map[string]func(yamlnode.Entry){
		"body": func(e yamlnode.Entry) {
			r.keys(e.Value, "body", map[string]func(yamlnode.Entry){"bytes": r.size(&l.Body)})
		},
		"cut_first": r.texts(&l.CutFirst),
		"fields": func(e yamlnode.Entry) {
			if e.Value.Kind != yaml.SequenceNode {
				r.bad(e.Value, "fields takes a list, and this is %s", yamlnode.Kind(e.Value))
				return
			}
			for _, item := range e.Value.Content {
				item = yamlnode.Resolve(item)
				limit := Limit{}
				units := 0
				unit := func(u Unit) func(yamlnode.Entry) {
					return func(e yamlnode.Entry) {
						limit.Unit = u
						units++
						if u == Bytes {
							r.size(&limit.Max)(e)
							return
						}
						r.number(&limit.Max)(e)
					}
				}
				r.keys(item, "a limit", map[string]func(yamlnode.Entry){
					"path": r.into(&limit.Path), "sum": r.truth(&limit.Sum),
					"chars": unit(Chars), "utf16": unit(UTF16), "bytes": unit(Bytes), "items": unit(Items),
					"more": func(e yamlnode.Entry) { limit.More = r.more(e.Value) }, "last": r.number(&limit.Last),
				})
				switch {
				case limit.Path == "":
					r.bad(item, "a limit needs a path, such as embeds.*.title")
				case units != 1:
					r.bad(item, "a limit takes one of chars, utf16, bytes, items")
				case limit.Sum && limit.Unit == Items:
					r.bad(item, "items are counted in one list: leave sum out")
				case (limit.More != "" || limit.Last > 0) && limit.Unit != Items:
					r.bad(item, "more and last say how a list is cut: they stand beside items")
				case limit.More != "" && limit.Max == 1:
					r.bad(item, "items is 1, which is what more says: leave room for the first ones")
				case limit.Last > 0 && limit.Last >= limit.Max-1:
					r.bad(item, "last is %d of %d items: leave room for the first ones, and for what more says", limit.Last, limit.Max)
				}
				l.Fields = append(l.Fields, limit)
			}
		},
	})
}

func (r *reader) answer(n *yaml.Node) {
	a := &r.p.Answer
	r.keys(n, "answer", map[string]func(yamlnode.Entry){
		"id": r.into(&a.ID), "error": r.texts(&a.Error), "code": r.into(&a.Code),
		"success": func(e yamlnode.Entry) { r.keys(e.Value, "success", r.match(&a.Success)) },
		"wait": func(e yamlnode.Entry) {
			w := &Wait{}
			r.keys(e.Value, "wait", map[string]func(yamlnode.Entry){"json": r.into(&w.JSON), "header": r.into(&w.Header), "unit": r.into(&w.Unit)})
			if (w.JSON == "") == (w.Header == "") || !slices.Contains([]string{"s", "ms", "epoch_s", "epoch_ms"}, w.Unit) {
				r.bad(e.Value, "wait takes json or header, and unit: one of s, ms, epoch_s, epoch_ms")
			}
			a.Wait = w
		},
		"verdicts": func(e yamlnode.Entry) {
			if e.Value.Kind != yaml.SequenceNode {
				r.bad(e.Value, "verdicts takes a list, and this is %s", yamlnode.Kind(e.Value))
				return
			}
			for _, item := range e.Value.Content {
				r.verdict(yamlnode.Resolve(item))
			}
		},
	})
}

func (r *reader) verdict(n *yaml.Node) {
	var v Verdict
	known := r.match(&v.Match)
	known["is"], known["hint"] = r.into(&v.Is), r.into(&v.Hint)
	known["wait"] = func(e yamlnode.Entry) {
		d, err := yamlnode.ParseDuration(e.Value.Value)
		if err != nil || e.Value.Kind != yaml.ScalarNode {
			r.bad(e.Value, "wait: %q is no time span: write 30s, 5m or 6h", e.Value.Value)
		}
		v.Wait = d
	}
	seen := r.keys(n, "a verdict", known)
	answers := []string{IsDelivered, IsUnmarked, IsTemporary, IsPermanent, IsMisconfigured}
	switch {
	case v.Is == "":
		r.bad(n, "a verdict says what the answer is: delivered, unmarked, temporary, permanent or misconfigured")
	case !slices.Contains(answers, v.Is):
		remedy := "write delivered, unmarked, temporary, permanent or misconfigured"
		if near := yamlnode.Nearest(v.Is, answers); near != "" {
			remedy = fmt.Sprintf("did you mean %q?", near)
		}
		r.bad(cmp.Or(seen["is"], n), "is: %q is no verdict: %s", v.Is, remedy)
	case seen["wait"] != nil && v.Is != IsTemporary:
		r.bad(seen["wait"], "wait is for what is temporary")
	case v.Status == nil && v.Code == nil && v.Text == "" && v.Body == "" && v.JSON == nil:
		r.bad(n, "a verdict needs a condition: status, code, text, body or json")
	}
	r.p.Answer.Verdicts = append(r.p.Answer.Verdicts, v)
}

func (r *reader) match(m *Match) map[string]func(yamlnode.Entry) {
	return map[string]func(yamlnode.Entry){
		"status": func(e yamlnode.Entry) {
			var list []string
			r.texts(&list)(e)
			for _, s := range list {
				one, err := ParseStatuses(s)
				if err != nil {
					r.bad(e.Value, "status: %v", err)
				}
				m.Status = append(m.Status, one)
			}
		},
		"code": r.texts(&m.Code), "text": r.into(&m.Text), "body": r.into(&m.Body), "json": r.table(&m.JSON),
	}
}

// ParseStatuses reads "202" or "200-299".
func ParseStatuses(s string) (Statuses, error) {
	first, last, isRange := strings.Cut(s, "-")
	if !isRange {
		last = first
	}
	from, err1 := strconv.Atoi(strings.TrimSpace(first))
	to, err2 := strconv.Atoi(strings.TrimSpace(last))
	if err1 != nil || err2 != nil || from < 200 || to > 599 || from > to {
		return Statuses{}, fmt.Errorf("%q is no HTTP status or range of them: write 202 or 200-299", s)
	}
	return Statuses{from, to}, nil
}
