package templates

import (
	"slices"
	"strings"
	"text/template/parse"

	"github.com/ossec-notify/ossec-notify/family"
)

// Unused is a define of the user's that nothing asks for: most often a name with a typing error.
type Unused struct {
	Name, Place string   // Place is file:line
	Known       []string // the names that it may be meant to be
}

// Unused lists the defines of the set that no default, no part and no other template asks for.
func (s *Set) Unused() []Unused {
	if s.defaults == nil {
		return nil
	}
	var known []string
	for _, t := range s.defaults.text.Templates() {
		known = append(known, t.Name())
	}
	asked := map[string]bool{}
	for _, t := range s.text.Templates() {
		if t.Tree != nil {
			collect(t.Root, asked)
		}
	}
	var out []Unused
	for _, t := range s.text.Templates() {
		name := t.Name()
		if t.Tree == nil || asked[name] || slices.Contains(known, name) || special(name, known) || strings.HasSuffix(name, ".tmpl") || isCopy(name) {
			continue
		}
		out = append(out, Unused{name, position(t.Tree, t.Root), known})
	}
	slices.SortFunc(out, func(a, b Unused) int { return strings.Compare(a.Place+a.Name, b.Place+b.Name) })
	return out
}

// special reports whether a name is a known part's for one rule, group or family.
func special(name string, known []string) bool {
	part, of, ok := strings.Cut(name, ".")
	if !ok || !slices.Contains(known, part) {
		return false
	}
	kind, value, ok := strings.Cut(of, ".")
	return slices.Contains(family.Names(), of) || isState(of) || (ok && value != "" && (kind == "rule" || kind == "group"))
}

// collect notes the names that a template may ask for: those of {{template}} and every text, for part takes one.
func collect(node parse.Node, names map[string]bool) {
	switch n := node.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, c := range n.Nodes {
				collect(c, names)
			}
		}
	case *parse.TemplateNode:
		names[n.Name] = true
	case *parse.ActionNode:
		collect(n.Pipe, names)
	case *parse.PipeNode:
		if n != nil {
			for _, c := range n.Cmds {
				for _, a := range c.Args {
					collect(a, names)
				}
			}
		}
	case *parse.StringNode:
		names[n.Text] = true
	case *parse.IfNode:
		collectBranch(&n.BranchNode, names)
	case *parse.RangeNode:
		collectBranch(&n.BranchNode, names)
	case *parse.WithNode:
		collectBranch(&n.BranchNode, names)
	}
}

func collectBranch(n *parse.BranchNode, names map[string]bool) {
	collect(n.Pipe, names)
	collect(n.List, names)
	collect(n.ElseList, names)
}
