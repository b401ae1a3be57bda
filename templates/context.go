package templates

import (
	"fmt"
	"slices"
	"strconv"
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
	// print is told of each action that prints, and says where that leads.
	print func(*parse.ActionNode, display.Place) (display.Place, error)
	// call is told of each {{template}}, and says where it leads.
	call func(*parse.TemplateNode, display.Place) (display.Place, error)
	// join is the place behind branches that lead to two, if there is one that stands for both; nil: there is none. It
	// must come to an end when it is asked again with what it said.
	join func(a, b display.Place) (display.Place, bool)
	// values knows what the pipelines give.
	values values
	// loop is where the innermost loop began: where each turn, a break and a continue must end; left is where they did.
	loop, left display.Place
}

// nowhere is where nothing follows: behind a break.
const nowhere display.Place = -1

func (w *walk) list(l *parse.ListNode, at display.Place) (display.Place, error) {
	if l == nil {
		return at, nil
	}
	defer w.values.scope()()
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
				at, err = w.print(n, at)
			} else {
				w.values.declare(n.Pipe, w.values.of(n.Pipe))
			}
		case *parse.TemplateNode:
			at, err = w.call(n, at)
		case *parse.IfNode:
			at, err = w.branches(n, "if", &n.BranchNode, at)
		case *parse.WithNode:
			at, err = w.branches(n, "with", &n.BranchNode, at)
		case *parse.RangeNode:
			at, err = w.turns(n, at)
		case *parse.BreakNode, *parse.ContinueNode:
			left, ok := w.joined(w.left, at)
			if !ok {
				err = w.disagree(n, "a turn of {{range}} begins and is left", w.loop, at)
			}
			w.left, at = left, nowhere
		}
		if err != nil {
			return at, err
		}
	}
	return at, nil
}

// joined is the place that stands for two, if there is one.
func (w *walk) joined(a, b display.Place) (display.Place, bool) {
	switch {
	case a == b || b == nowhere:
		return a, true
	case a == nowhere:
		return b, true
	case w.join == nil:
		return a, false
	}
	return w.join(a, b)
}

func (w *walk) branches(n parse.Node, word string, b *parse.BranchNode, at display.Place) (display.Place, error) {
	defer w.values.scope()()
	value := w.values.of(b.Pipe)
	w.values.declare(b.Pipe, value)
	dot := w.values.dot
	if word == "with" {
		w.values.dot = value
	}
	yes, err := w.list(b.List, at)
	w.values.dot = dot
	if err != nil {
		return yes, err
	}
	no, err := w.list(b.ElseList, at)
	if err != nil {
		return no, err
	}
	end, ok := w.joined(yes, no)
	if !ok {
		err = w.disagree(n, "the branches of {{"+word+"}} end", yes, no)
	}
	return end, err
}

func (w *walk) turns(n *parse.RangeNode, at display.Place) (display.Place, error) {
	defer w.values.scope()()
	element := w.values.of(n.Pipe).element()
	w.values.declare(n.Pipe, element)
	defer func(loop, left display.Place, dot kind) {
		w.loop, w.left, w.values.dot = loop, left, dot
	}(w.loop, w.left, w.values.dot)
	begin, dot := at, w.values.dot
	for {
		w.loop, w.left, w.values.dot = begin, begin, element
		end, err := w.list(n.List, begin)
		if err != nil {
			return begin, err
		}
		next, ok := w.joined(w.left, end)
		if !ok {
			return begin, w.disagree(n, "a turn of {{range}} begins and ends", begin, end)
		}
		if next == begin {
			break
		}
		begin = next // what the first turn leaves, the second finds
	}
	w.values.dot = dot
	none, err := w.list(n.ElseList, at)
	if err != nil {
		return begin, err
	}
	end, ok := w.joined(begin, none)
	if !ok {
		err = w.disagree(n, "the branches of {{range}} end", begin, none)
	}
	return end, err
}

func (w *walk) disagree(n parse.Node, what string, a, b display.Place) error {
	return fmt.Errorf("template %s: %s at different places, in %s and in %s: text of an alert that follows could not be escaped for both; open and close it in one place",
		position(w.tree, n), what, w.markup.Name(a), w.markup.Name(b))
}

// checkMarkup goes through one define of a set and all that it calls, and wants it to end where it begins. print is told of
// each action that prints.
func (s *Set) checkMarkup(t *template.Template, m display.Markup, print func(*walk, *parse.ActionNode, display.Place)) error {
	open := map[string]bool{} // what calls itself, at a place: it leads nowhere new
	var through func(t *template.Template, at display.Place) (display.Place, error)
	through = func(t *template.Template, at display.Place) (display.Place, error) {
		key := fmt.Sprint(t.Name(), at)
		if t.Tree == nil || open[key] {
			return at, nil
		}
		open[key] = true
		defer delete(open, key)
		w := walk{tree: t.Tree, markup: m, values: newValues(t.Root, anything, nil)}
		w.print = func(n *parse.ActionNode, at display.Place) (display.Place, error) {
			print(&w, n, at)
			return at, nil // a quotation leads nowhere
		}
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
	var errs []error
	for _, t := range s.inMarkup(channel) {
		errs = append(errs, s.checkMarkup(t, m, func(*walk, *parse.ActionNode, display.Place) {}))
	}
	return joinDistinct(errs)
}

// DeadLinks are the places at which text of an alert would say where a link leads, in a markup that makes it dead: the message
// goes out with a link that opens nothing. An address of the config's, as a whole, is not among them.
func (s *Set) DeadLinks(channel string, m display.Markup) []Use {
	hosts, ok := m.(display.Linked)
	if !ok {
		return nil
	}
	var found []Use
	for _, t := range s.inMarkup(channel) {
		_ = s.checkMarkup(t, m, func(w *walk, n *parse.ActionNode, at display.Place) { // what is wrong beside is told by CheckMarkup
			written := *n
			written.Pipe = n.Pipe.CopyPipe()
			written.Pipe.Cmds = slices.DeleteFunc(written.Pipe.Cmds, func(c *parse.CommandNode) bool { // steps of ours
				id, ok := c.Args[0].(*parse.IdentifierNode)
				return ok && strings.HasPrefix(id.Ident, "_")
			})
			if !hosts.InHost(at) || lastIs(&written, "raw") || w.values.printed(&written, "plain", "live") == ownAddress {
				return
			}
			file, line, _ := strings.Cut(position(w.tree, n), ":")
			number, _ := strconv.Atoi(line)
			if use := (Use{file, number, written.String()}); !slices.Contains(found, use) {
				found = append(found, use)
			}
		})
	}
	return found
}

// inMarkup are the defines of which a channel's messages are made, if their words are markup.
func (s *Set) inMarkup(channel string) []*template.Template {
	if s.defaults == nil {
		return nil
	}
	var all []*template.Template
	for _, t := range s.text.Templates() {
		part, special, _ := strings.Cut(t.Name(), ".")
		shared := s.defaults.shared[part] && (special == "" || !strings.HasSuffix(special, "tmpl"))
		if t.Tree == nil || !shared && part != channel && t.Name() != s.body || strings.HasSuffix(t.Name(), ".json") {
			continue
		}
		all = append(all, t)
	}
	return all
}
