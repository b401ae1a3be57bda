package templates

import (
	"fmt"
	"strings"
	"text/template"
	"text/template/parse"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/display"
)

// jsonMarkup is JSON as templates write it: a text of the alert is a value of its own, or a piece of a string.
type jsonMarkup struct{}

const (
	jsonValue  display.Place = iota
	jsonString               // "…"
	jsonEscape               // "…\
)

// After implements display.Markup.
func (jsonMarkup) After(at display.Place, words string) display.Place {
	for _, c := range []byte(words) {
		switch {
		case at == jsonEscape:
			at = jsonString
		case at == jsonString && c == '\\':
			at = jsonEscape
		case c == '"' && at == jsonString:
			at = jsonValue
		case c == '"':
			at = jsonString
		}
	}
	return at
}

// Name implements display.Markup.
func (jsonMarkup) Name(at display.Place) string {
	switch at {
	case jsonString:
		return `a string ("…")`
	case jsonEscape:
		return `an escape (\…)`
	}
	return "JSON"
}

// jsonContexts gives each action of the JSON defines the step of its place. A define that they call is copied for each
// place where it is called: the one that is called from elsewhere prints text.
type jsonContexts struct {
	root     *template.Template
	pristine map[string]*parse.Tree
	ends     map[string]display.Place // of the copies that were made, or are being made
}

// define makes the copy of a define for a place, under a name of its own, and says where it leads.
func (j *jsonContexts) define(name, copied string, at display.Place) (display.Place, error) {
	if end, known := j.ends[copied]; known {
		return end, nil
	}
	j.ends[copied] = at // one that calls itself leads nowhere new, or it could not end
	tree := j.pristine[name].Copy()
	w := walk{tree: tree, markup: jsonMarkup{}}
	w.print = func(n *parse.ActionNode, at display.Place) (display.Place, error) {
		switch at {
		case jsonValue:
			addStep(tree, n, "_json")
		case jsonString:
			addStep(tree, n, "_jsonString")
		default:
			return at, fmt.Errorf(`template %s: a \ stands before {{…}}: write \\ for one, or leave it out`, position(tree, n))
		}
		return at, nil
	}
	w.call = func(n *parse.TemplateNode, at display.Place) (display.Place, error) {
		if j.pristine[n.Name] == nil {
			return at, nil // an error when it is executed
		}
		copied := n.Name + "$" + fmt.Sprint(int(at))
		end, err := j.define(n.Name, copied, at)
		n.Name = copied
		return end, err
	}
	end, err := w.list(tree.Root, at)
	if err != nil {
		return end, err
	}
	j.ends[copied] = end
	_, err = j.root.AddParseTree(copied, tree)
	return end, err
}

// isCopy reports the name of a copy that jsonContexts made.
func isCopy(name string) bool { return strings.Contains(name, "$") }

// jsonOf is the last step where JSON expects a value: JSON, numbers and truth pass, text becomes a string.
func jsonOf(v any) (JSON, error) {
	switch v := v.(type) {
	case JSON:
		return v, nil
	case Trusted:
		return JSON(v), nil
	case display.Text:
		return toJSON(v.Raw(), "")
	case time.Time, alert.Severity:
		return toJSON(asText(v).Raw(), "")
	}
	return toJSON(v, "")
}

// jsonStringOf is the last step inside of a JSON string: whatever it is, it stays inside.
func jsonStringOf(v any) (string, error) {
	text := ""
	switch v := v.(type) {
	case Trusted:
		return string(v), nil
	case JSON:
		text = string(v)
	default:
		text = asText(v).Raw()
	}
	j, err := toJSON(text, "")
	if err != nil {
		return "", err
	}
	return string(j[1 : len(j)-1]), nil // without the quotes around it
}
