package templates

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/templates/presets"
)

// The bodies of a preset are JSON like any other, but for one thing: text of the alert stands in their strings as a
// quotation, not yet escaped, so that the channel can give it the vendor's form and cut it without cutting a quotation in two. What they make is the
// part body.json, whose words are JSON and whose quotations stand within its strings.

// preset is what a set knows of the preset over it.
type preset struct {
	*presets.Preset
	settings map[string]string
}

// WithPreset lays a preset over the set: its messages are then the preset's bodies alone. settings are those of the receiver that are
// no secrets.
func (s *Set) WithPreset(p *presets.Preset, settings map[string]string) (*Set, error) {
	if s.body != "" {
		return nil, fmt.Errorf("template %s: text stands outside of {{define}}, which would be the whole message, and that is the preset's: put it into a define", s.body)
	}
	all := map[string]string{}
	for _, setting := range p.Settings {
		if !setting.Secret && setting.Default != "" {
			all[setting.Name] = setting.Default
		}
	}
	maps.Copy(all, settings)
	over := &preset{p, all}
	sources := over.sources()
	defaults, err := build(append(slices.Clone(s.Defaults().sources), sources...), s.links, nil, over)
	if err != nil {
		return nil, err
	}
	if s.defaults == nil { // they are the same templates
		return defaults, nil
	}
	return build(append(slices.Clone(s.sources), sources...), s.links, defaults, over)
}

// sources are its bodies. Each begins as far down as it does in the file, so that errors name the file's lines.
func (p *preset) sources() []source {
	var out []source
	for _, r := range p.Requests() {
		if !slices.ContainsFunc(out, func(s source) bool { return s.name == r.BodyName }) {
			out = append(out, source{name: r.BodyName, text: strings.Repeat("\n", max(r.BodyLine, 0)) + r.Body, receiver: true, setting: true, preset: true})
		}
	}
	slices.SortFunc(out, func(a, b source) int { return strings.Compare(a.name, b.name) })
	return out
}

// parts renders the body for the action of a message.
func (p *preset) parts(s *Set, d *Data) (map[string]display.Text, error) {
	r, ok := p.For(string(d.Action), func(name string) bool { return p.settings[name] != "" })
	if !ok {
		return map[string]display.Text{}, nil
	}
	body, err := s.render(r.BodyName, d)
	if err != nil {
		return nil, err
	}
	if r.NeedsObject() && !body.Blank() && !strings.HasPrefix(strings.TrimSpace(body.Raw()), "{") {
		return nil, fmt.Errorf("template %s:%d: what it makes is no object, and form and secret_fields need one: {…}", r.BodyName, r.BodyLine+1)
	}
	return map[string]display.Text{"body.json": body}, nil
}

// funcs are the functions that the bodies have beside those of all templates.
func (p *preset) funcs() template.FuncMap {
	return template.FuncMap{
		"setting":       p.setting,
		"code":          func(v any) wrapped { return wrapped{asText(v).Line(), presets.CodeOpen, presets.CodeClose} },
		"fence":         func(v any) wrapped { return wrapped{asText(v), presets.FenceOpen, presets.FenceClose} },
		"plainText":     func(v any) verbatim { return verbatim(asText(v).Raw()) },
		"severityOf":    bySeverity,
		"colorNumber":   colorNumber,
		"_preset":       presetValue,
		"_presetString": presetString,
	}
}

// setting is what the receiver says, as the operator's words.
func (p *preset) setting(name string) (display.Text, error) {
	if _, ok := p.Setting(name); !ok {
		return nil, fmt.Errorf("the preset %s has no setting %q", p.Name, name)
	}
	return display.Words(presets.WithoutMarks(p.settings[name])), nil
}

// bySeverity is one of six values, by the severity of d: for critical, high, medium, low, info and unknown.
func bySeverity(d *Data, values ...any) (any, error) {
	if len(values) != 6 {
		return nil, fmt.Errorf("severityOf takes six values, for critical, high, medium, low, info and unknown, not %d", len(values))
	}
	i := slices.Index([]alert.Severity{alert.Critical, alert.High, alert.Medium, alert.Low, alert.Info}, d.Severity)
	if i < 0 {
		i = 5
	}
	if s, ok := values[i].(string); ok {
		return display.Words(s), nil
	}
	return values[i], nil
}

// colorNumber is the colour of a message as a number, 0xRRGGBB.
func colorNumber(d *Data) (int, error) {
	n, err := strconv.ParseInt(strings.TrimPrefix(d.Color().Raw(), "#"), 16, 32)
	return int(n), err
}

// wrapped is text in a code span or a fence of the vendor's.
type wrapped struct {
	text        display.Text
	open, close rune
}

// verbatim is text that is neither shown in another form nor escaped, for machines. Any function makes a quotation of it again.
type verbatim string

// passDot gives the functions that need to know the message the dot of the define, where a template leaves it out.
func passDot(tree *parse.Tree) {
	eachNode(tree.Root, func(n parse.Node) {
		if pipe := pipeOf(n); pipe != nil {
			eachCommand(pipe, func(c *parse.CommandNode) {
				if id, ok := c.Args[0].(*parse.IdentifierNode); ok && id.Ident == "severityOf" && len(c.Args) == 7 {
					dot := &parse.VariableNode{NodeType: parse.NodeVariable, Pos: id.Pos, Ident: []string{"$"}}
					c.Args = slices.Insert(c.Args, 1, parse.Node(dot))
				}
			})
		}
	})
}

// presetJSON is the context of the bodies of a preset.
func presetJSON() jsonContext {
	c := anyJSON()
	c.name = "preset"
	c.print = func(w *walk, n *parse.ActionNode, at display.Place) (display.Place, string, error) {
		step, err := jsonStep(w, n, at)
		if step == "_jsonString" {
			return at, "_presetString", err
		}
		return at, "_preset", err
	}
	return c
}

// presetString is the last step within a string of a preset's body: its words are escaped for JSON, its quotations wait for
// the channel.
func presetString(v any) (string, error) {
	switch x := v.(type) {
	case Trusted:
		return presets.WithoutMarks(string(x)), nil
	case verbatim:
		return string(presets.PlainOpen) + display.Quote(string(x)).Encode() + string(presets.PlainClose), nil
	case wrapped:
		return string(x.open) + eachSpan(x.text, func(words string) display.Text { return display.Quote(words) }).Encode() + string(x.close), nil
	}
	var failed error
	text := eachSpan(asText(v), func(words string) display.Text {
		words, err := jsonWords(words)
		failed = cmp.Or(failed, err)
		return display.Words(words)
	})
	return text.Encode(), failed
}

// eachSpan is a text with something else in the place of its words.
func eachSpan(t display.Text, words func(string) display.Text) display.Text {
	out := make([]display.Text, len(t))
	for i := range t {
		if out[i] = t[i : i+1]; !out[i].HasQuote() {
			out[i] = words(out[i].Raw())
		}
	}
	return display.Join(out...)
}

// wordsOf is a text without its quotations.
func wordsOf(t display.Text) display.Text {
	var words []display.Text
	for i := range t {
		if !t[i : i+1].HasQuote() {
			words = append(words, t[i:i+1])
		}
	}
	return display.Join(words...)
}

// jsonWords escapes words for a JSON string.
func jsonWords(s string) (string, error) {
	j, err := toJSON(presets.WithoutMarks(s), "")
	if err != nil {
		return "", err
	}
	return string(j[1 : len(j)-1]), nil
}

// presetValue is the last step where the body expects a value.
func presetValue(v any) (string, error) {
	switch x := v.(type) {
	case nil, bool, int, int64, float64:
		j, err := toJSON(x, "")
		return string(j), err
	case Trusted:
		return presets.WithoutMarks(string(x)), nil
	case string, display.Text, verbatim, wrapped, time.Time, alert.Severity:
		s, err := presetString(x)
		return `"` + s + `"`, err
	case JSON:
		return quotedJSON([]byte(x))
	case Fact:
		return presetObject("label", x.Label, "value", x.Value)
	case Link:
		return presetObject("text", x.Label, "href", x.URL)
	case map[string]any: // what dict makes
		var b strings.Builder
		for _, k := range slices.Sorted(maps.Keys(x)) {
			value, err := presetValue(x[k])
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&b, `,"%s":%s`, display.Quote(k).Encode(), value)
		}
		return "{" + strings.TrimPrefix(b.String(), ",") + "}", nil
	}
	if list := reflect.ValueOf(v); list.Kind() == reflect.Slice && list.Type().Elem().Kind() != reflect.Uint8 {
		items := make([]string, list.Len())
		for i := range items {
			var err error
			if items[i], err = presetValue(list.Index(i).Interface()); err != nil {
				return "", err
			}
		}
		return "[" + strings.Join(items, ",") + "]", nil
	}
	j, err := toJSON(v, "")
	if err != nil {
		return "", err
	}
	return quotedJSON([]byte(j))
}

func presetObject(pairs ...any) (string, error) {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		value, err := presetValue(pairs[i+1])
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, `%s"%s":%s`, map[bool]string{true: "{", false: ","}[i == 0], pairs[i], value)
	}
	return b.String() + "}", nil
}

// quotedJSON is JSON whose strings are quotations: who made them is not known any more.
func quotedJSON(j []byte) (string, error) {
	dec := json.NewDecoder(bytes.NewReader(j))
	dec.UseNumber()
	var b strings.Builder
	err := writeQuoted(&b, dec, 0)
	return b.String(), err
}

// maxNesting bounds how deep JSON in a body lies: what is deeper stands there as its text. Vendors refuse a body of 100.
const maxNesting = 64

// writeQuoted writes the next value of JSON, with its keys in their order. Of a key that stands there twice, the last value
// counts, as for those who read it.
func writeQuoted(b *strings.Builder, dec *json.Decoder, depth int) error {
	if depth == maxNesting {
		var deep json.RawMessage
		if err := dec.Decode(&deep); err != nil {
			return err
		}
		if len(deep) > 0 && (deep[0] == '{' || deep[0] == '[') {
			b.WriteString(`"` + display.Quote(string(deep)).Encode() + `"`)
			return nil
		}
		dec = json.NewDecoder(bytes.NewReader(deep))
		dec.UseNumber()
	}
	token, err := dec.Token()
	if err != nil {
		return err
	}
	open, ok := token.(json.Delim)
	if !ok {
		if s, ok := token.(string); ok {
			b.WriteString(`"` + display.Quote(s).Encode() + `"`)
			return nil
		}
		j, err := toJSON(token, "")
		b.WriteString(string(j))
		return err
	}
	var items []string
	at := map[string]int{} // of an object's keys
	for dec.More() {
		var item strings.Builder
		place := len(items)
		if open == '{' {
			token, err := dec.Token()
			if err != nil {
				return err
			}
			key := token.(string) // encoding/json sees to that
			if earlier, twice := at[key]; twice {
				place = earlier
			}
			at[key] = place
			fmt.Fprintf(&item, `"%s":`, display.Quote(key).Encode())
		}
		if err := writeQuoted(&item, dec, depth+1); err != nil {
			return err
		}
		if place == len(items) {
			items = append(items, "")
		}
		items[place] = item.String()
	}
	end, err := dec.Token()
	if err == nil {
		b.WriteString(open.String() + strings.Join(items, ",") + fmt.Sprint(end))
	}
	return err
}

// isPresetBody reports that a define is a preset's body.
func (s *Set) isPresetBody(name string) bool {
	return s.preset != nil && slices.ContainsFunc(s.sources, func(src source) bool { return src.preset && src.name == name })
}
