package templates

import (
	"slices"
	"strings"
	"text/template/parse"
)

// kind is what is known of what a pipeline gives, without running it.
type kind uint8

const (
	anything   kind = iota
	linkList        // what links gives
	oneLink         // one of it
	ownAddress      // an address that is the operator's as a whole: no alert says where it leads
)

// element is a turn of a range over it.
func (v kind) element() kind {
	if v == linkList {
		return oneLink
	}
	return anything
}

// values knows the dot and the variables at a point of a template.
type values struct {
	dot kind
	// part reports that a part is an address; nil: none is.
	part      func(name string) bool
	variables []typed
	changing  []string // the variables that are assigned again
}

type typed struct {
	name  string
	value kind
}

// newValues are those at the beginning of a define.
func newValues(root *parse.ListNode, dot kind, part func(string) bool) values {
	v := values{dot: dot, part: part, variables: []typed{{"$", dot}}}
	eachNode(root, func(n parse.Node) {
		if pipe := pipeOf(n); pipe != nil && pipe.IsAssign {
			for _, d := range pipe.Decl {
				v.changing = append(v.changing, d.Ident[0])
			}
		}
	})
	return v
}

// scope begins a scope of variables; the function that it returns ends it.
func (v *values) scope() func() {
	n := len(v.variables)
	return func() { v.variables = v.variables[:min(n, len(v.variables))] }
}

// declare takes the variables of a pipeline.
func (v *values) declare(pipe *parse.PipeNode, x kind) {
	if pipe == nil || pipe.IsAssign {
		return
	}
	for i, d := range pipe.Decl {
		value := x
		if i < len(pipe.Decl)-1 || slices.Contains(v.changing, d.Ident[0]) { // an index; one that is something else later
			value = anything
		}
		v.variables = append(v.variables, typed{d.Ident[0], value})
	}
}

// of is what a pipeline gives.
func (v *values) of(pipe *parse.PipeNode) kind {
	if pipe == nil {
		return anything
	}
	return v.first(pipe, len(pipe.Cmds))
}

// printed is what an action prints. Its last step may be one of same, which leave an address what it is.
func (v *values) printed(n *parse.ActionNode, same ...string) kind {
	last := len(n.Pipe.Cmds) - 1
	if !slices.ContainsFunc(same, func(name string) bool { return lastIs(n, name) }) {
		return v.of(n.Pipe)
	}
	switch cmd := n.Pipe.Cmds[last]; {
	case len(cmd.Args) == 1 && last > 0:
		return v.first(n.Pipe, last)
	case len(cmd.Args) == 2 && last == 0:
		return v.operand(cmd.Args[1])
	}
	return anything
}

// first is what the first commands of a pipeline give.
func (v *values) first(pipe *parse.PipeNode, n int) kind {
	var x kind
	for i, cmd := range pipe.Cmds[:n] {
		var before []kind
		if i > 0 {
			before = []kind{x}
		}
		x = v.command(cmd, before)
	}
	return x
}

// command is what a command gives; the value before it in the pipeline is its last argument.
func (v *values) command(cmd *parse.CommandNode, before []kind) kind {
	id, ok := cmd.Args[0].(*parse.IdentifierNode)
	if !ok {
		if len(cmd.Args) > 1 || len(before) > 0 {
			return anything
		}
		return v.operand(cmd.Args[0])
	}
	switch id.Ident {
	case "links":
		return linkList
	case "link":
		return ownAddress
	case "part":
		if len(cmd.Args) > 1 && v.part != nil {
			if name, ok := cmd.Args[1].(*parse.StringNode); ok && v.part(name.Text) {
				return ownAddress
			}
		}
		return anything
	}
	args := slices.Clone(before)
	for i := len(cmd.Args) - 1; i > 0; i-- {
		args = slices.Insert(args, 0, v.operand(cmd.Args[i]))
	}
	switch {
	case id.Ident == "_bound" && len(args) == 1:
		return args[0]
	case (id.Ident == "first" || id.Ident == "last") && len(args) == 1, id.Ident == "index" && len(args) == 2:
		return args[0].element()
	}
	return anything
}

func (v *values) operand(n parse.Node) kind {
	switch n := n.(type) {
	case *parse.DotNode:
		return v.dot
	case *parse.FieldNode:
		return v.dot.fields(n.Ident)
	case *parse.ChainNode:
		return v.operand(n.Node).fields(n.Field)
	case *parse.PipeNode:
		if len(n.Decl) == 0 {
			return v.of(n)
		}
	case *parse.VariableNode:
		for i := len(v.variables) - 1; i >= 0; i-- {
			if v.variables[i].name == n.Ident[0] {
				return v.variables[i].value.fields(n.Ident[1:])
			}
		}
	}
	return anything
}

// fields is what a chain of fields of it gives.
func (v kind) fields(names []string) kind {
	switch {
	case len(names) == 0:
		return v
	case v == oneLink && strings.Join(names, ".") == "URL":
		return ownAddress
	}
	return anything
}
