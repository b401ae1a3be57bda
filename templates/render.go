package templates

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/template"

	"github.com/ossec-notify/ossec-notify/display"
)

// Parts renders the parts of a channel, all or those that [Context] asks for. What is missing in the result was not
// wanted, not defined, or printed nothing.
func (s *Set) Parts(d *Data) (map[string]display.Text, error) {
	if s.preset != nil {
		return s.preset.parts(s, d)
	}
	parts := map[string]display.Text{}
	live := s.isLive(d.Channel)
	for _, part := range s.channelParts[d.Channel] {
		if d.uses != nil && !d.uses(part) {
			continue
		}
		t, err := s.render(d.Channel+"."+part, d)
		if err != nil {
			return nil, err
		}
		if d.Channel+"."+part == linksPart && !s.freeLinks {
			var left int
			if t, left = s.keepOperators(t, d); left > 0 {
				parts["template_error"] = leftOut(left)
			}
		}
		if !t.Blank() {
			parts[part] = enliven(t, live)
		}
	}
	h := s.html.Lookup(d.Channel + ".html.tmpl")
	if s.htmlFile != "" && h == nil {
		return nil, fmt.Errorf("template %s: a message of %s has no HTML; name the file without .html", s.htmlFile, d.Channel)
	}
	if h != nil && s.htmlFile != "" {
		h = s.html.Lookup(s.htmlFile)
	}
	if h != nil && !s.noHTML {
		b := limited{spent: &d.spent}
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
			parts["body"] = enliven(t.Trim(), live)
			delete(parts, "body.json")
		}
	}
	return parts, nil
}

// Plain is the message of last resort, with no template at all: the sentence, the log, the error. Every channel
// can send it.
func Plain(d *Data, cause error) map[string]display.Text {
	text := display.Join(d.Word(), display.Words(": "), d.Sentence, display.Words("\n"))
	if d.Summary != nil { // the counts are the message
		text = display.Join(text, table(d.Facts), display.Words("\n"))
	}
	text = display.Join(text, d.cutLog(display.Quote(d.Reading.Evidence.Text), 12, 1200).Whole(), display.Words("\n"))
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
	text, err := s.execute(t, d)
	if err != nil || !isJSON(name) {
		return text, err
	}
	text = text.Trim()
	if text.IsZero() || s.encoded[name] {
		return text, nil
	}
	// In the body of a preset, quotations stand within strings: there is JSON around them, or not.
	j := text
	if text.HasQuote() {
		j = wordsOf(text)
	}
	if err := validJSON([]byte(j.Raw())); err != nil {
		if s.isPresetBody(name) {
			return nil, s.noJSON(name, text, d, err)
		}
		return nil, fmt.Errorf("template %s prints no valid JSON: %w; print values with {{ … | toJson }}", cmp.Or(fileOf(t), name), err)
	}
	return text, nil
}

// execute runs a define, as a program where it can be one.
func (s *Set) execute(t *template.Template, d *Data) (display.Text, error) {
	if p := s.programs[t.Name()]; p != nil && !d.interpreted {
		var out display.Builder
		if p.run(&out, d, &d.spent) == nil {
			return out.Text(), nil
		}
	}
	b := buffers.Get().(*limited)
	b.spent = &d.spent
	defer b.release()
	// What a program began and left is not begun again as a program within: each level would double the work.
	defer func(was bool) { d.interpreted = was }(d.interpreted)
	d.interpreted = true
	if err := t.Execute(b, d); err != nil {
		return nil, renderError(err)
	}
	return display.Decode(b.String()), nil
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

// part renders a shared part: the most special define that there is.
func (s *Set) part(name string, d *Data) (display.Text, error) {
	if s.text.Lookup(name) == nil || isCopy(name) {
		return nil, fmt.Errorf("there is no part %q", name)
	}
	names := []string{name}
	if s.special[name] || d.Summary != nil || d.Resolved != nil || d.Ran != nil {
		names = s.candidates(name, d)
	}
	for _, full := range names {
		// A special define may ask for the part that it replaces: then the next more general one is meant.
		if s.text.Lookup(full) == nil || isCopy(full) || slices.Contains(d.within, full) {
			continue
		}
		return d.once(full, func() (display.Text, error) {
			d.within = append(d.within, full)
			t, err := s.render(full, d)
			d.within = d.within[:len(d.within)-1]
			if isJSON(full) { // which is words to JSON alone
				t = display.Quote(t.Raw())
			}
			return t.Trim(), err
		})
	}
	return nil, fmt.Errorf("the part %q asks for itself", name)
}

// candidates are the names under which a part may be defined for an alert, the most special first.
func (s *Set) candidates(name string, d *Data) []string {
	if d.Summary != nil && !(name == "next" && d.oneKind()) { // what is defined for one alert is not meant for many
		return []string{name + "." + digestFamily, name}
	}
	var names []string
	if d.Ran != nil {
		names = append(names, name+"."+ranState)
	}
	if d.Resolved != nil {
		names = append(names, name+"."+resolvedState)
	}
	if s.special[name] {
		if d.Rule.ID != "" {
			names = append(names, name+".rule."+d.Rule.ID)
		}
		for _, g := range d.Rule.Groups {
			names = append(names, name+".group."+g)
		}
		names = append(names, name+"."+d.Family)
	}
	return append(names, name)
}

// maxFact is how many characters the value of a fact may have.
const maxFact = 200

// facts renders the part "facts" and reads its lines, "Label: value". A line without a value is left out, and
// the values are cut to one line of maxFact characters.
func (s *Set) facts(d *Data) ([]Fact, error) {
	if d.shown != nil && len(d.within) == 0 {
		return slices.Clone(d.shown), nil // templates may sort or cut what they are given
	}
	var facts []Fact
	if s.factsAre(d) {
		for _, f := range d.Facts {
			if value := f.Value.Trim().Line().Cut(maxFact); !value.Blank() {
				facts = append(facts, Fact{f.Label.Trim(), value})
			}
		}
		d.shown = facts
		return slices.Clone(facts), nil
	}
	t, err := s.part("facts", d)
	if err != nil {
		return nil, err
	}
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
	if len(d.within) == 0 {
		d.shown = facts
	}
	return slices.Clone(facts), nil
}

// items are the lines of a shared part that holds one item a line, such as the footer.
func (s *Set) items(name string, d *Data) ([]display.Text, error) {
	t, err := s.part(name, d)
	if err != nil {
		return nil, err
	}
	var items []display.Text
	for _, line := range t.SplitLines() {
		if line = line.Trim().Line(); !line.Blank() {
			items = append(items, line)
		}
	}
	return items, nil
}

// log renders the part "log" and cuts it to so many lines and characters (0: no limit).
func (s *Set) log(d *Data, lines, chars int) (Log, error) {
	t, err := s.part("log", d)
	if err != nil {
		return Log{}, err
	}
	return d.cutLog(t, lines, chars), nil
}
