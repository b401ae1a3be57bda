package templates

import (
	"fmt"
	"strings"
	"text/template"
	"text/template/parse"

	"github.com/ossec-notify/ossec-notify/display"
)

// places numbers the places of a markup that has too many to name each. The zero value of P is place 0.
type places[P comparable] struct {
	all    []P
	number map[P]display.Place
}

func newPlaces[P comparable]() *places[P] {
	var begin P
	return &places[P]{[]P{begin}, map[P]display.Place{begin: 0}}
}

func (p *places[P]) at(n display.Place) P { return p.all[n] }

func (p *places[P]) of(x P) display.Place {
	n, ok := p.number[x]
	if !ok {
		n = display.Place(len(p.all))
		p.all, p.number[x] = append(p.all, x), n
	}
	return n
}

// joinAddresses is the place behind two branches: where they disagree, nothing of an alert may follow.
func joinAddresses(a, b display.Address) display.Address {
	if a == b {
		return a
	}
	return display.LostAddress
}

// printsInAddress says where an action leads that stands in an address, and refuses one that would let an alert say
// where that leads. own: what it prints is an address of the operator's as a whole.
func printsInAddress(tree *parse.Tree, n *parse.ActionNode, at display.Address, own bool, in string) (display.Address, error) {
	switch {
	case at.Led():
		return at, nil
	case lastIsRaw(n):
		return at.Trusted(), nil
	case own && at.Begins():
		return display.WholeAddress, nil
	}
	return at, fmt.Errorf("template %s: %s stands in %s%s, so an alert would say where the link leads: write https://, the host and a / before it, as in https://example.com/?q={{…}}, or take a link of the config as a whole, {{link \"NAME\" .}}",
		position(tree, n), n, at, in)
}

// addressMarkup is a text that is an address as a whole.
type addressMarkup struct{ *places[display.Address] }

// After implements display.Markup.
func (m addressMarkup) After(at display.Place, words string) display.Place {
	return m.of(m.at(at).After(words))
}

// Name implements display.Markup.
func (m addressMarkup) Name(at display.Place) string { return m.at(at).String() }

// addresses finds out whether defines print addresses of the operator's.
type addresses struct {
	set   *Set
	parts map[string]bool // what is known of parts; false while it is being found out
}

// define goes through one define that prints an address, and all that it calls.
func (a *addresses) define(t *template.Template) error {
	m := addressMarkup{newPlaces[display.Address]()}
	open := map[string]bool{}
	var through func(t *template.Template, at display.Place, dot kind) (display.Place, error)
	through = func(t *template.Template, at display.Place, dot kind) (display.Place, error) {
		key := fmt.Sprint(t.Name(), at, dot)
		if t.Tree == nil {
			return at, nil
		}
		if open[key] { // it calls itself: who knows what then stands there
			return m.of(display.LostAddress), nil
		}
		open[key] = true
		defer delete(open, key)
		w := walk{tree: t.Tree, markup: m, values: newValues(t.Root, dot, a.part)}
		w.join = func(x, y display.Place) (display.Place, bool) { return m.of(joinAddresses(m.at(x), m.at(y))), true }
		w.print = func(n *parse.ActionNode, at display.Place) (display.Place, error) {
			to, err := printsInAddress(w.tree, n, m.at(at), w.values.printed(n) == ownAddress, "")
			return m.of(to), err
		}
		w.call = func(n *parse.TemplateNode, at display.Place) (display.Place, error) {
			if called := a.set.text.Lookup(n.Name); called != nil {
				return through(called, at, w.values.of(n.Pipe))
			}
			return at, nil
		}
		return w.list(t.Root, at)
	}
	_, err := through(t, 0, anything)
	return err
}

// part reports that a part, for whatever rule, group or family, is an address of the operator's.
func (a *addresses) part(name string) bool {
	if own, known := a.parts[name]; known {
		return own
	}
	a.parts[name] = false
	own := a.set.text.Lookup(name) != nil
	for _, t := range a.set.text.Templates() {
		if t.Tree != nil && (t.Name() == name || strings.HasPrefix(t.Name(), name+".")) {
			own = own && !isJSON(t.Name()) && a.define(t) == nil
		}
	}
	a.parts[name] = own
	return own
}

// addressOf is a value as an address: text of an alert in it is one part of its path or one value of its query.
func addressOf(v any) (string, error) {
	if v, ok := v.(Trusted); ok {
		return string(v), nil
	}
	s, ok := asText(v).Address()
	if !ok {
		return "", fmt.Errorf("an alert would say where %q leads", asText(v).String())
	}
	return strings.TrimSpace(s), nil
}

// inAddress is a value within the path or the query of an address.
func inAddress(v any) string {
	if v, ok := v.(Trusted); ok {
		return string(v)
	}
	return display.Percent(asText(v).Raw())
}

// lastStep makes step the last of an action. It takes the place of one of those named, which it does better.
func lastStep(tree *parse.Tree, n *parse.ActionNode, step string, instead ...string) {
	for _, name := range instead {
		if cmd := n.Pipe.Cmds[len(n.Pipe.Cmds)-1]; lastIs(n, name) {
			cmd.Args[0] = parse.NewIdentifier(step).SetTree(tree).SetPos(cmd.Args[0].Position())
			return
		}
	}
	addStep(tree, n, step)
}
