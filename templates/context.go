package templates

import (
	"fmt"
	"strings"
	"text/template"
	"text/template/parse"

	"github.com/ossec-notify/ossec-notify/display"
)

// A walk goes through a template as it would run and finds at which place of a markup each action stands. Branches
// must agree on where they lead, for what follows them stands at one place only.
type walk struct {
	tree   *parse.Tree
	markup display.Markup
	// print is told of each action that prints.
	print func(*parse.ActionNode, display.Place) error
	// call is told of each {{template}}, and says where it leads.
	call func(*parse.TemplateNode, display.Place) (display.Place, error)
	// loop is where the innermost loop began: where each turn, a break and a continue must end.
	loop display.Place
}

// nowhere is where nothing follows: behind a break.
const nowhere display.Place = -1

func (w *walk) list(l *parse.ListNode, at display.Place) (display.Place, error) {
	if l == nil {
		return at, nil
	}
	for _, n := range l.Nodes {
		if at == nowhere {
			return at, nil
		}
		var err error
		switch n := n.(type) {
		case *parse.TextNode:
			at = w.markup.After(at, string(n.Text))
		case *parse.ActionNode:
			if len(n.Pipe.Decl) == 0 {
				err = w.print(n, at)
			}
		case *parse.TemplateNode:
			at, err = w.call(n, at)
		case *parse.IfNode:
			at, err = w.branches(n, "if", n.List, n.ElseList, at)
		case *parse.WithNode:
			at, err = w.branches(n, "with", n.List, n.ElseList, at)
		case *parse.RangeNode:
			at, err = w.turns(n, at)
		case *parse.BreakNode, *parse.ContinueNode:
			if at != w.loop {
				err = w.disagree(n, "a turn of {{range}} begins and is left", w.loop, at)
			}
			at = nowhere
		}
		if err != nil {
			return at, err
		}
	}
	return at, nil
}

func (w *walk) branches(n parse.Node, word string, yes, no *parse.ListNode, at display.Place) (display.Place, error) {
	a, err := w.list(yes, at)
	if err != nil {
		return a, err
	}
	b, err := w.list(no, at)
	switch {
	case err != nil, a == nowhere:
		return b, err
	case b == nowhere || a == b:
		return a, nil
	}
	return a, w.disagree(n, "the branches of {{"+word+"}} end", a, b)
}

func (w *walk) turns(n *parse.RangeNode, at display.Place) (display.Place, error) {
	outer := w.loop
	w.loop = at
	end, err := w.list(n.List, at)
	w.loop = outer
	if err != nil {
		return at, err
	}
	if end != at && end != nowhere {
		return at, w.disagree(n, "a turn of {{range}} begins and ends", at, end)
	}
	none, err := w.list(n.ElseList, at)
	if err == nil && none != at && none != nowhere {
		err = w.disagree(n, "the branches of {{range}} end", at, none)
	}
	return at, err
}

func (w *walk) disagree(n parse.Node, what string, a, b display.Place) error {
	return fmt.Errorf("template %s: %s at different places, in %s and in %s: text of an alert that follows could not be escaped for both; open and close it in one place",
		position(w.tree, n), what, w.markup.Name(a), w.markup.Name(b))
}

// checkMarkup goes through one define of a set and all that it calls, and wants it to end where it begins.
func (s *Set) checkMarkup(t *template.Template, m display.Markup) error {
	open := map[string]bool{} // what calls itself, at a place: it leads nowhere new
	var through func(t *template.Template, at display.Place) (display.Place, error)
	through = func(t *template.Template, at display.Place) (display.Place, error) {
		key := fmt.Sprint(t.Name(), at)
		if t.Tree == nil || open[key] {
			return at, nil
		}
		open[key] = true
		defer delete(open, key)
		w := walk{tree: t.Tree, markup: m, print: func(*parse.ActionNode, display.Place) error { return nil }}
		w.call = func(n *parse.TemplateNode, at display.Place) (display.Place, error) {
			if called := s.text.Lookup(n.Name); called != nil {
				return through(called, at)
			}
			return at, nil
		}
		return w.list(t.Root, at)
	}
	end, err := through(t, 0)
	if err == nil && end > 0 {
		err = fmt.Errorf("template %s: %q ends inside %s: close it", fileOf(t)+lineOf(t), t.Name(), m.Name(end))
	}
	return err
}

func lineOf(t *template.Template) string {
	_, line, _ := strings.Cut(position(t.Tree, t.Root), ":")
	return ":" + line
}

// CheckMarkup refuses what cannot be escaped in a channel whose words are markup: defines in which it depends on the
// alert where a text stands, or that leave something open.
func (s *Set) CheckMarkup(channel string, m display.Markup) error {
	if s.defaults == nil {
		return nil
	}
	var errs []error
	for _, t := range s.text.Templates() {
		part, special, _ := strings.Cut(t.Name(), ".")
		shared := s.defaults.shared[part] && (special == "" || !strings.HasSuffix(special, "tmpl"))
		if t.Tree == nil || !shared && part != channel && t.Name() != s.body || strings.HasSuffix(t.Name(), ".json") {
			continue
		}
		if err := s.checkMarkup(t, m); err != nil {
			errs = append(errs, err)
		}
	}
	return joinDistinct(errs)
}
