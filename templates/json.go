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

// jsonContext is a kind of JSON.
type jsonContext struct {
	name   string // of its copies of defines
	markup display.Markup
	join   func(a, b display.Place) (display.Place, bool)
	part   func(name string) bool
	// print says where an action leads, and its last step.
	print func(*walk, *parse.ActionNode, display.Place) (display.Place, string, error)
	// again is where a define leads that calls itself.
	again func(display.Place) display.Place
}

// anyJSON is the context of all JSON but that with links.
func anyJSON() jsonContext {
	return jsonContext{
		markup: jsonMarkup{},
		print: func(w *walk, n *parse.ActionNode, at display.Place) (display.Place, string, error) {
			step, err := jsonStep(w, n, at)
			return at, step, err
		},
		again: func(at display.Place) display.Place { return at }, // it leads nowhere new, or it could not end
	}
}

// jsonStep is the last step of an action at a place.
func jsonStep(w *walk, n *parse.ActionNode, at display.Place) (string, error) {
	switch at {
	case jsonValue:
		return "_json", nil
	case jsonString:
		return "_jsonString", nil
	}
	return "", fmt.Errorf(`template %s: a \ stands before {{…}}: write \\ for one, or leave it out`, position(w.tree, n))
}

// jsonContexts gives each action of the JSON defines the step of its place. A define that they call is copied for each
// place where it is called: the one that is called from elsewhere prints text.
type jsonContexts struct {
	root     *template.Template
	pristine map[string]*parse.Tree
	ends     map[string]display.Place // of the copies that were made, or are being made
}

// define makes the copy of a define for a place, under a name of its own, and says where it leads.
func (j *jsonContexts) define(in jsonContext, name, copied string, at display.Place, dot kind) (display.Place, error) {
	if end, known := j.ends[copied]; known {
		return end, nil
	}
	j.ends[copied] = in.again(at)
	tree := j.pristine[name].Copy()
	w := walk{tree: tree, markup: in.markup, join: in.join, values: newValues(tree.Root, dot, in.part)}
	steps := map[*parse.ActionNode]string{} // a loop may be gone through more than once
	w.print = func(n *parse.ActionNode, at display.Place) (to display.Place, err error) {
		to, steps[n], err = in.print(&w, n, at)
		return to, err
	}
	w.call = func(n *parse.TemplateNode, at display.Place) (display.Place, error) {
		name, _, _ := strings.Cut(n.Name, "$")
		if j.pristine[name] == nil {
			return at, nil // an error when it is executed
		}
		n.Name = fmt.Sprintf("%s$%s%d", name, in.name, at)
		dot := anything
		if in.part != nil {
			if dot = w.values.of(n.Pipe); dot != anything {
				n.Name += fmt.Sprintf(".%d", dot)
			}
		}
		return j.define(in, name, n.Name, at, dot)
	}
	end, err := w.list(tree.Root, at)
	if err != nil {
		return end, err
	}
	for n, step := range steps {
		lastStep(tree, n, step, stepsInstead[step]...)
	}
	j.ends[copied] = end
	_, err = j.root.AddParseTree(copied, tree)
	return end, err
}

// stepsInstead are the functions in whose place the steps of addresses come.
var stepsInstead = map[string][]string{"_url": {"urlquery"}, "_jsonAddress": {"toJson", "toRawJson", "toPrettyJson"}, "_preset": {"toJson", "toRawJson", "toPrettyJson"}}

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

// jsonAddressOf and jsonAddressStringOf are those for an address that is the operator's as a whole.
func jsonAddressOf(v any) (JSON, error) {
	u, err := addressOf(v)
	if err != nil {
		return "", err
	}
	return toJSON(u, "")
}

func jsonAddressStringOf(v any) (string, error) {
	j, err := jsonAddressOf(v)
	if err != nil {
		return "", err
	}
	return string(j[1 : len(j)-1]), nil
}
