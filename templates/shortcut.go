package templates

import (
	"strings"
	"text/template/parse"

	"github.com/ossec-notify/ossec-notify/display"
)

// fields are what a define may print alone and be read without executing it: {{define "next"}}{{.Next}}{{end}} is
// most often all that there is. They give what quote makes of the field.
var fields = map[string]func(*Data) display.Text{
	".Sentence":              func(d *Data) display.Text { return d.Sentence },
	".Next":                  func(d *Data) display.Text { return d.Next },
	".Word":                  (*Data).Word,
	".Color":                 (*Data).Color,
	".Reading.Evidence.Text": func(d *Data) display.Text { return display.Quote(d.Reading.Evidence.Text) },
}

// documents are the JSON that a define may print alone, as toJson prints it.
var documents = map[string]func(*Set, *Data) (any, error){
	"document .": func(s *Set, d *Data) (any, error) { return s.document(d) },
	"event .":    func(s *Set, d *Data) (any, error) { return s.event(d) },
	"indexed .":  func(_ *Set, d *Data) (any, error) { return d.indexed(), nil },
	"details .":  func(s *Set, d *Data) (any, error) { return s.details(d) },
}

// factsAsTheyAre is the part "facts" while nobody replaces it.
const factsAsTheyAre = `{{range .Facts}}{{.Label}}: {{.Value}}
{{end}}`

// shorten notes what a define is known to print, before the step of its context is added to it.
func (s *Set) shorten(name string, root *parse.ListNode) {
	for i, c := range name {
		if c == '.' { // what stands before may be a part, and this one a special form of it
			s.special[name[:i]] = true
		}
	}
	if name == "facts" {
		s.plainFacts = root.String() == factsAsTheyAre
	}
	pipe := only(root)
	if pipe == nil {
		return
	}
	first, last := pipe.Cmds[0].String(), pipe.Cmds[len(pipe.Cmds)-1].String()
	switch {
	case !strings.HasSuffix(name, ".json"):
		if value := fields[first]; value != nil && len(pipe.Cmds) == 1 {
			s.direct[name] = func(d *Data) (display.Text, error) { return value(d), nil }
		}
	case last == "toJson":
		// What toJson makes is JSON: a message is not read again to see.
		s.encoded[name] = true
		if value := documents[first]; value != nil && len(pipe.Cmds) == 2 {
			s.direct[name] = func(d *Data) (display.Text, error) {
				v, err := value(s, d)
				if err != nil {
					return nil, err
				}
				j, err := toJSON(v, "")
				return display.Words(string(j)), err
			}
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
