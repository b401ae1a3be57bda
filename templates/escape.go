package templates

import (
	"fmt"
	"strings"
	"text/template/parse"
)

// appendStep adds one command at the end of every pipeline that prints, below node.
func appendStep(tree *parse.Tree, node parse.Node, step string) error {
	switch n := node.(type) {
	case *parse.ActionNode:
		if len(n.Pipe.Decl) > 0 { // an assignment prints nothing
			return nil
		}
		for _, c := range n.Pipe.Cmds {
			if id, ok := c.Args[0].(*parse.IdentifierNode); ok && strings.HasPrefix(id.Ident, "_") {
				return fmt.Errorf("template %s: %q is not a function for templates", position(tree, n), id.Ident)
			}
		}
		id := parse.NewIdentifier(step).SetTree(tree).SetPos(n.Pos)
		n.Pipe.Cmds = append(n.Pipe.Cmds, &parse.CommandNode{NodeType: parse.NodeCommand, Pos: n.Pos, Args: []parse.Node{id}})
	case *parse.ListNode:
		if n == nil {
			return nil
		}
		for _, c := range n.Nodes {
			if err := appendStep(tree, c, step); err != nil {
				return err
			}
		}
	case *parse.IfNode:
		return appendSteps(tree, step, n.List, n.ElseList)
	case *parse.RangeNode:
		return appendSteps(tree, step, n.List, n.ElseList)
	case *parse.WithNode:
		return appendSteps(tree, step, n.List, n.ElseList)
	}
	return nil
}

func appendSteps(tree *parse.Tree, step string, lists ...*parse.ListNode) error {
	for _, l := range lists {
		if l == nil {
			continue
		}
		if err := appendStep(tree, l, step); err != nil {
			return err
		}
	}
	return nil
}

func position(tree *parse.Tree, n parse.Node) string {
	location, _ := tree.ErrorContext(n)
	name, rest, _ := strings.Cut(location, ":")
	line, _, _ := strings.Cut(rest, ":")
	return name + ":" + line
}

// quote is the last step of every printing pipeline of a text template.
func quote(v any) string { return asText(v).Encode() }

// jsonString is the last step in JSON templates: JSON and numbers pass, text is escaped for the inside of a
// JSON string.
func jsonString(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case JSON:
		return string(v), nil
	case int, int64, float64, bool:
		return fmt.Sprint(v), nil
	}
	j, err := toJSON(asText(v).Raw(), "")
	if err != nil {
		return "", err
	}
	return string(j[1 : len(j)-1]), nil // without the quotes around it
}
