package templates

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/template/parse"

	"github.com/ossec-notify/ossec-notify/display"
)

// Trusted is text of an alert that the operator said is to be taken as the template's own: what "raw" returns.
type Trusted string

// raw is the one way out of escaping.
func raw(v any) Trusted { return Trusted(asText(v).Raw()) }

// live keeps the links of an alert's text as they are; it is a quotation all the same.
func live(v any) display.Text { return asText(v).Live() }

// Use is a place of a template that says {{… | raw}}.
type Use struct {
	File   string // the template's, or links.NAME
	Line   int
	Action string // as it is written there
}

// appendStep adds one command at the end of every pipeline that prints, below list.
func appendStep(tree *parse.Tree, list *parse.ListNode, step string) {
	eachAction(list, func(n *parse.ActionNode) {
		if len(n.Pipe.Decl) == 0 { // an assignment prints nothing
			addStep(tree, n, step)
		}
	})
}

// boundVariables bounds what a template keeps in variables.
func boundVariables(tree *parse.Tree) {
	eachAction(tree.Root, func(n *parse.ActionNode) {
		if len(n.Pipe.Decl) > 0 {
			addStep(tree, n, "_bound")
		}
	})
}

// addStep adds one command at the end of an action's pipeline.
func addStep(tree *parse.Tree, n *parse.ActionNode, step string) {
	id := parse.NewIdentifier(step).SetTree(tree).SetPos(n.Pos)
	n.Pipe.Cmds = append(n.Pipe.Cmds, &parse.CommandNode{NodeType: parse.NodeCommand, Pos: n.Pos, Args: []parse.Node{id}})
}

// eachAction goes through the actions below a list, as deep as they are.
func eachAction(list *parse.ListNode, f func(*parse.ActionNode)) {
	eachNode(list, func(n parse.Node) {
		if n, ok := n.(*parse.ActionNode); ok {
			f(n)
		}
	})
}

func eachNode(list *parse.ListNode, f func(parse.Node)) {
	if list == nil {
		return
	}
	for _, n := range list.Nodes {
		f(n)
		if b := branchOf(n); b != nil {
			eachNode(b.List, f)
			eachNode(b.ElseList, f)
		}
	}
}

func branchOf(n parse.Node) *parse.BranchNode {
	switch n := n.(type) {
	case *parse.IfNode:
		return &n.BranchNode
	case *parse.WithNode:
		return &n.BranchNode
	case *parse.RangeNode:
		return &n.BranchNode
	}
	return nil
}

// pipeOf is the pipeline of a node, or nil.
func pipeOf(n parse.Node) *parse.PipeNode {
	switch n := n.(type) {
	case *parse.ActionNode:
		return n.Pipe
	case *parse.TemplateNode:
		return n.Pipe
	}
	if b := branchOf(n); b != nil {
		return b.Pipe
	}
	return nil
}

// inspect finds what no template may say, and each use of raw. It must see the template before steps are added to it.
func inspect(tree *parse.Tree) (uses []Use, err error) {
	var errs []error
	eachNode(tree.Root, func(n parse.Node) {
		pipe := pipeOf(n)
		if pipe == nil {
			return
		}
		for _, name := range functions(pipe, nil) {
			if strings.HasPrefix(name, "_") {
				errs = append(errs, fmt.Errorf("template %s: %q is not a function for templates", position(tree, n), name))
			}
			if name != "raw" {
				continue
			}
			action, prints := n.(*parse.ActionNode)
			if !prints || !lastIsRaw(action) || count(functions(pipe, nil), "raw") > 1 {
				errs = append(errs, fmt.Errorf("template %s: raw must be the last step of a {{…}} that prints: whatever else is made of an alert's text is escaped again", position(tree, n)))
				return
			}
			file, line, _ := strings.Cut(position(tree, n), ":")
			number, _ := strconv.Atoi(line)
			uses = append(uses, Use{file, number, action.String()})
		}
	})
	return uses, errors.Join(errs...)
}

// markWords marks the texts that a template gives in quotes to functions that put words into a message: what else these
// are given may come from the alert. It must not see what inspect is still to see.
func markWords(tree *parse.Tree) {
	eachNode(tree.Root, func(n parse.Node) {
		if pipe := pipeOf(n); pipe != nil {
			eachCommand(pipe, func(c *parse.CommandNode) {
				id, ok := c.Args[0].(*parse.IdentifierNode)
				if !ok || id.Ident != "fact" && id.Ident != "joinText" || len(c.Args) < 2 || c.Args[1].Type() != parse.NodeString {
					return
				}
				words := parse.NewIdentifier("_words").SetTree(tree).SetPos(id.Pos)
				call := &parse.CommandNode{NodeType: parse.NodeCommand, Pos: id.Pos, Args: []parse.Node{words, c.Args[1]}}
				c.Args[1] = &parse.PipeNode{NodeType: parse.NodePipe, Pos: id.Pos, Line: pipe.Line, Cmds: []*parse.CommandNode{call}}
			})
		}
	})
}

// eachCommand goes through the commands below a node of a pipeline.
func eachCommand(n parse.Node, f func(*parse.CommandNode)) {
	switch n := n.(type) {
	case *parse.ChainNode:
		eachCommand(n.Node, f)
	case *parse.CommandNode:
		for _, a := range n.Args {
			eachCommand(a, f)
		}
		f(n)
	case *parse.PipeNode:
		for _, c := range n.Cmds {
			eachCommand(c, f)
		}
	}
}

// lastIsRaw reports an action that prints what raw returns.
func lastIsRaw(n *parse.ActionNode) bool { return len(n.Pipe.Decl) == 0 && lastIs(n, "raw") }

// lastIs reports an action whose last step is a call of a function.
func lastIs(n *parse.ActionNode, name string) bool {
	if len(n.Pipe.Cmds) == 0 {
		return false
	}
	id, ok := n.Pipe.Cmds[len(n.Pipe.Cmds)-1].Args[0].(*parse.IdentifierNode)
	return ok && id.Ident == name
}

func count(list []string, s string) int {
	n := 0
	for _, x := range list {
		if x == s {
			n++
		}
	}
	return n
}

// functions are the names of all functions below a node of a pipeline.
func functions(n parse.Node, names []string) []string {
	switch n := n.(type) {
	case *parse.IdentifierNode:
		return append(names, n.Ident)
	case *parse.ChainNode:
		return functions(n.Node, names)
	case *parse.CommandNode:
		for _, a := range n.Args {
			names = functions(a, names)
		}
	case *parse.PipeNode:
		for _, c := range n.Cmds {
			names = functions(c, names)
		}
	}
	return names
}

func position(tree *parse.Tree, n parse.Node) string {
	location, _ := tree.ErrorContext(n)
	name, rest, _ := strings.Cut(location, ":")
	line, _, _ := strings.Cut(rest, ":")
	return name + ":" + line
}

// quote is the last step of every printing pipeline of a text template.
func quote(v any) string { return asText(v).Encode() }
