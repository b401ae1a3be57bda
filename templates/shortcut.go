package templates

import (
	"strings"
	"text/template/parse"
)

// factsAsTheyAre is the part "facts" while nobody replaces it.
const factsAsTheyAre = `{{range .Facts}}{{.Label}}: {{.Value}}
{{end}}`

// resolvedState is the last part of the names of the defines that are for what is over, ranState of those for what a program did.
const (
	resolvedState = "resolved"
	ranState      = "ran"
)

// isState reports the last part of a define's name that does not depend on the alert: such defines are asked for by what
// the message is.
func isState(name string) bool {
	return name == digestFamily || name == resolvedState || name == ranState
}

// factsAre reports that the part "facts" of a message is as it is by default.
func (s *Set) factsAre(d *Data) bool {
	switch {
	case d.Summary != nil:
		return s.plainDigest
	case d.Resolved != nil && s.factsResolved, d.Ran != nil && s.factsRan:
		return false
	}
	return s.plainFacts && !s.special["facts"]
}

// shorten notes what a define is known to print, before the step of its context is added to it.
func (s *Set) shorten(name string, root *parse.ListNode) {
	for i, c := range name {
		if c == '.' && !isState(name[i+1:]) { // what stands before may be a part, and this one a special form of it
			s.special[name[:i]] = true
		}
	}
	switch name {
	case "facts":
		s.plainFacts = root.String() == factsAsTheyAre
	case "facts." + digestFamily:
		s.plainDigest = root.String() == factsAsTheyAre
	case "facts." + resolvedState:
		s.factsResolved = true
	case "facts." + ranState:
		s.factsRan = true
	}
	if name == linksPart {
		s.freeLinks = strings.TrimSpace(root.String()) == linksAsTheyAre
	}
	if pipe := only(root); pipe != nil && strings.HasSuffix(name, ".json") && pipe.Cmds[len(pipe.Cmds)-1].String() == "toJson" {
		s.encoded[name] = true
	}
}

// only is the pipeline of a define that is one action which prints, or nil.
func only(root *parse.ListNode) *parse.PipeNode {
	var pipe *parse.PipeNode
	for _, n := range root.Nodes {
		switch n := n.(type) {
		case *parse.ActionNode:
			if pipe != nil || len(n.Pipe.Decl) > 0 {
				return nil
			}
			pipe = n.Pipe
		case *parse.CommentNode:
		default:
			return nil
		}
	}
	return pipe
}
