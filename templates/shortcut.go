package templates

import (
	"strings"
	"text/template/parse"

	"github.com/ossec-notify/ossec-notify/display"
)

// fields are what a define may print alone and be read without executing it: {{define "next"}}{{.Next}}{{end}} is
// most often all that there is. They are what quote makes of the field.
var fields = map[string]func(*Data) display.Text{
	".Sentence":              func(d *Data) display.Text { return d.Sentence },
	".Next":                  func(d *Data) display.Text { return d.Next },
	".Word":                  (*Data).Word,
	".Color":                 (*Data).Color,
	".Reading.Evidence.Text": func(d *Data) display.Text { return display.Quote(d.Reading.Evidence.Text) },
}

// shorten notes what a define is known to print, before the step of its context is added to it.
func (s *Set) shorten(name string, root *parse.ListNode) {
	part, _, special := strings.Cut(name, ".")
	s.special[part] = s.special[part] || special
	pipe := only(root)
	if pipe == nil {
		return
	}
	switch last := pipe.Cmds[len(pipe.Cmds)-1]; {
	case strings.HasSuffix(name, ".json"):
		// What toJson makes is JSON: a message is not read again to see.
		s.encoded[name] = last.String() == "toJson"
	case len(pipe.Cmds) == 1:
		if value := fields[last.String()]; value != nil {
			s.direct[name] = value
		}
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
