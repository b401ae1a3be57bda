package templates

import (
	"cmp"
	"fmt"
	htmltemplate "html/template"
	"maps"
	"slices"
	"strings"
	"text/template/parse"

	"github.com/ossec-notify/ossec-notify/display"
)

// htmlContexts finds where each action of a page stands, and gives it the step of that place. A define that is called
// from within a tag is copied for each place where it is called.
type htmlContexts struct {
	root     *htmltemplate.Template
	markup   htmlMarkup
	part     func(name string) bool
	pristine map[string]*parse.Tree
	trees    map[string]*parse.Tree // what will be run, the copies too
	steps    map[*parse.ActionNode]func(*parse.Tree, *parse.ActionNode)
	ends     map[string]*htmlEnd
}

// htmlEnd is where a define leads that was found at a place; again: it called itself before that was known.
type htmlEnd struct {
	at          display.Place
	open, again bool
}

func newHTMLContexts(root *htmltemplate.Template, part func(string) bool) *htmlContexts {
	return &htmlContexts{
		root: root, markup: htmlMarkup{newPlaces[htmlPlace]()}, part: part,
		pristine: map[string]*parse.Tree{}, trees: map[string]*parse.Tree{},
		steps: map[*parse.ActionNode]func(*parse.Tree, *parse.ActionNode){}, ends: map[string]*htmlEnd{},
	}
}

// add takes a define.
func (h *htmlContexts) add(tree *parse.Tree) {
	h.pristine[tree.Name], h.trees[tree.Name] = tree.Copy(), tree
}

// find goes through all pages, and all that they call.
func (h *htmlContexts) find() error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(h.pristine)) {
		if !strings.HasSuffix(name, ".html.tmpl") {
			continue
		}
		end, err := h.define(name, name, 0, anything)
		if err == nil && end != 0 {
			err = fmt.Errorf("template %s: the page ends inside %s: close it", name, h.markup.Name(end))
		}
		errs = append(errs, err)
	}
	for name, tree := range h.trees {
		eachAction(tree.Root, func(n *parse.ActionNode) {
			if step := h.steps[n]; step != nil {
				step(tree, n)
			} else if len(n.Pipe.Decl) == 0 && !lastIs(n, "plain") { // whose words stay as they are
				addStep(tree, n, "_form")
			}
		})
		if h.pristine[name] == nil {
			if _, err := h.root.AddParseTree(name, tree); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return joinDistinct(errs)
}

// define goes through a define at a place, under the name of its copy there, and says where it leads.
func (h *htmlContexts) define(name, copied string, at display.Place, dot kind) (display.Place, error) {
	key := fmt.Sprint(copied, at, dot)
	if end := h.ends[key]; end != nil {
		end.again = end.again || end.open
		return end.at, nil
	}
	here := &htmlEnd{at: at, open: true}
	h.ends[key] = here
	tree := h.trees[copied]
	if tree == nil {
		tree = h.pristine[name].Copy()
		tree.Name, h.trees[copied] = copied, tree
	}
	w := walk{tree: tree, markup: h.markup, values: newValues(tree.Root, dot, h.part)}
	w.join = func(a, b display.Place) (display.Place, bool) {
		joined, ok := h.markup.at(a).join(h.markup.at(b))
		return h.markup.of(joined), ok
	}
	w.print = func(n *parse.ActionNode, at display.Place) (display.Place, error) {
		to, err := h.print(&w, n, h.markup.at(at).printed())
		return h.markup.of(to), err
	}
	w.call = func(n *parse.TemplateNode, at display.Place) (display.Place, error) {
		name, _, _ := strings.Cut(n.Name, "$") // of an earlier turn
		if h.pristine[name] == nil {
			return at, nil // an error when it is executed
		}
		if at != 0 {
			n.Name = fmt.Sprintf("%s$%d", name, at)
		}
		return h.define(name, n.Name, at, w.values.of(n.Pipe))
	}
	end, err := w.list(tree.Root, at)
	if err == nil && here.again && end != at {
		err = fmt.Errorf("template %s: it calls itself, and begins and ends at different places, in %s and in %s: open and close it in one place",
			position(tree, tree.Root), h.markup.Name(at), h.markup.Name(end))
	}
	here.at, here.open = end, false
	return end, err
}

// print gives an action the step of its place, and says where it leads.
func (h *htmlContexts) print(w *walk, n *parse.ActionNode, at htmlPlace) (htmlPlace, error) {
	refuse := func(where, remedy string) (htmlPlace, error) {
		return at, fmt.Errorf("template %s: %s stands in %s: %s", position(w.tree, n), n, where, remedy)
	}
	in, place := "", &at.address
	switch {
	case at.in == htmlTag:
		return refuse("a tag, where an alert could name attributes", `put it into the quotes of one, as in title="{{…}}"`)
	case at.in == htmlRaw && at.element == "style" && at.css.inAddress(), at.in == htmlInside && at.value == valueStyle && at.css.inAddress():
		in, place = " (a style)", &at.css.address
	case at.in != htmlInside:
		return at, nil
	case at.value == valueAddress, at.value == valueAddresses:
		in = " (" + cmp.Or(strings.TrimPrefix(at.attr, unsure), "an attribute") + ")"
	case at.value == valuePage:
		return refuse(at.attr+", which is a page of its own", "text of an alert cannot be escaped there; leave it out")
	case at.value == valueMeta && !lastIsRaw(n):
		return refuse("the content of <meta>, where an alert could say where the page leads", "write it out, or leave it out")
	default:
		return at, nil
	}
	own := w.values.printed(n, "plain") == ownAddress
	to, err := printsInAddress(w.tree, n, *place, own, in)
	if err != nil {
		return at, err
	}
	if led := place.Led(); led || lastIsRaw(n) {
		h.steps[n] = func(tree *parse.Tree, n *parse.ActionNode) { lastStep(tree, n, "_url", "urlquery") }
	} else {
		h.steps[n] = func(tree *parse.Tree, n *parse.ActionNode) { lastStep(tree, n, "_address", "plain") }
	}
	*place = to
	return at, nil
}
