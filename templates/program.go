package templates

import (
	"errors"
	"strings"
	"text/template"
	"text/template/parse"
	"time"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/digest"
	"github.com/ossec-notify/ossec-notify/display"
)

// Most of what templates do is simple: print a field, ask for a part, choose between two texts. text/template does it
// by reflection, which costs more than all else that is done for a message. So a define that holds nothing but what
// is listed here is made a program: closures over the same tree, which call the same functions. Whatever a program does
// not know, when it is made or when it runs, and every error, is left to text/template, which then begins from the
// start; a define only looks at the alert, so nothing is done twice. TestProgramsSayTheSame holds the two together.

// A program prints one define.
type program struct {
	steps []step
	slots int // for variables
}

type (
	step  func(*machine, any) error
	value func(*machine, any) (any, error)
)

// machine is a program that runs.
type machine struct {
	root any // $
	vars []any
	args []any // of the calls that are being made
	used *spent
	out  *display.Builder
}

// errLeave leaves the define to text/template.
var errLeave = errors.New("not for a program")

// run prints for dot.
func (p *program) run(out *display.Builder, dot any, used *spent) error {
	if err := used.call(); err != nil {
		return err
	}
	m := machine{root: dot, out: out, used: used}
	if p.slots > 0 {
		m.vars = make([]any, p.slots)
	}
	return runAll(p.steps, &m, dot)
}

func runAll(steps []step, m *machine, dot any) error {
	for _, s := range steps {
		if err := s(m, dot); err != nil {
			return err
		}
	}
	return nil
}

// compiler makes programs of the defines of a set.
type compiler struct {
	set      *Set
	programs map[string]*program // nil: it is being made, or it cannot be
	slots    int
	scope    []variable
}

type variable struct {
	name string
	slot int
}

// program is that of a define, or nil.
func (c *compiler) program(t *template.Template) *program {
	if p, known := c.programs[t.Name()]; known {
		return p
	}
	c.programs[t.Name()] = nil // one that calls itself is left to text/template, which bounds it
	inner := compiler{set: c.set, programs: c.programs}
	steps, ok := inner.list(t.Root)
	if !ok {
		return nil
	}
	p := &program{steps, inner.slots}
	c.programs[t.Name()] = p
	return p
}

func (c *compiler) list(l *parse.ListNode) (steps []step, ok bool) {
	if l == nil {
		return nil, true
	}
	scope := len(c.scope)
	defer func() { c.scope = c.scope[:scope] }()
	for _, n := range l.Nodes {
		var s step
		switch n := n.(type) {
		case *parse.CommentNode:
			continue
		case *parse.TextNode:
			if len(n.Text) == 0 {
				continue // guard's
			}
			s = printWords(string(n.Text))
		case *parse.ActionNode:
			s = c.action(n)
		case *parse.IfNode:
			s = c.branch(&n.BranchNode, false)
		case *parse.WithNode:
			s = c.branch(&n.BranchNode, true)
		case *parse.RangeNode:
			s = c.each(n)
		case *parse.TemplateNode:
			s = c.call(n)
		}
		if s == nil {
			return nil, false
		}
		steps = append(steps, s)
	}
	return steps, true
}

func printWords(s string) step {
	words := display.Words(s).Raw()
	return func(m *machine, _ any) error {
		m.out.AddWords(words)
		return m.fits()
	}
}

// action prints a value, or keeps it in a variable.
func (c *compiler) action(n *parse.ActionNode) step {
	if n.Pipe.IsAssign || len(n.Pipe.Decl) > 1 {
		return nil
	}
	if len(n.Pipe.Decl) == 0 {
		return c.print(n.Pipe)
	}
	v := c.pipe(n.Pipe, len(n.Pipe.Cmds)-1) // the last step bounds what functions make that programs do not know
	if v == nil {
		return nil
	}
	slot := c.slots
	c.slots++
	c.scope = append(c.scope, variable{n.Pipe.Decl[0].Ident[0], slot})
	return func(m *machine, dot any) (err error) {
		m.vars[slot], err = v(m, dot)
		return err
	}
}

// print is an action that prints. Its last command is the one that appendStep has put there.
func (c *compiler) print(p *parse.PipeNode) step {
	last := len(p.Cmds) - 1
	v, quote := c.pipe(p, last), false
	switch p.Cmds[last].String() {
	case "_quote":
		quote = true
	case "_json":
	default:
		return nil
	}
	if v == nil {
		return nil
	}
	return func(m *machine, dot any) error {
		x, err := v(m, dot)
		if err != nil {
			return err
		}
		switch x := x.(type) {
		case display.Text:
			if !quote {
				return errLeave
			}
			m.out.Add(x)
		case JSON:
			if quote {
				return errLeave
			}
			m.out.AddWords(string(x))
		case nil, string, int, time.Time, alert.Severity:
			if !quote {
				return errLeave
			}
			m.out.Add(asText(x))
		default:
			return errLeave
		}
		return m.fits()
	}
}

// fits leaves it to text/template to say that a define prints too much.
func (m *machine) fits() error {
	if m.out.Size() > maxOutput {
		return errLeave
	}
	return nil
}

// branch is if, or with, for which the value becomes the dot.
func (c *compiler) branch(n *parse.BranchNode, with bool) step {
	if len(n.Pipe.Decl) > 0 {
		return nil
	}
	cond := c.pipe(n.Pipe, len(n.Pipe.Cmds))
	yes, ok1 := c.list(n.List)
	no, ok2 := c.list(n.ElseList)
	if cond == nil || !ok1 || !ok2 {
		return nil
	}
	return func(m *machine, dot any) error {
		x, err := cond(m, dot)
		if err != nil {
			return err
		}
		if !isTrue(x) {
			return runAll(no, m, dot)
		}
		if with {
			dot = x
		}
		return runAll(yes, m, dot)
	}
}

func (c *compiler) each(n *parse.RangeNode) step {
	if len(n.Pipe.Decl) > 0 {
		return nil
	}
	over := c.pipe(n.Pipe, len(n.Pipe.Cmds))
	body, ok1 := c.list(n.List)
	none, ok2 := c.list(n.ElseList)
	if over == nil || !ok1 || !ok2 {
		return nil
	}
	return func(m *machine, dot any) error {
		x, err := over(m, dot)
		if err != nil {
			return err
		}
		switch x := x.(type) {
		case []Fact:
			return runEach(x, body, none, m, dot)
		case []Link:
			return runEach(x, body, none, m, dot)
		case []display.Text:
			return runEach(x, body, none, m, dot)
		}
		return errLeave
	}
}

func runEach[E any](list []E, body, none []step, m *machine, dot any) error {
	for i := range list {
		if err := runAll(body, m, &list[i]); err != nil {
			return err
		}
	}
	if len(list) == 0 {
		return runAll(none, m, dot)
	}
	return nil
}

// call is {{template}}.
func (c *compiler) call(n *parse.TemplateNode) step {
	t := c.set.text.Lookup(n.Name)
	if t == nil || t.Tree == nil || n.Pipe == nil || len(n.Pipe.Decl) > 0 {
		return nil
	}
	v, p := c.pipe(n.Pipe, len(n.Pipe.Cmds)), c.program(t)
	if v == nil || p == nil {
		return nil
	}
	return func(m *machine, dot any) error {
		x, err := v(m, dot)
		if err != nil {
			return err
		}
		return p.run(m.out, x, m.used)
	}
}

// pipe is the value of a pipeline's first n commands.
func (c *compiler) pipe(p *parse.PipeNode, n int) value {
	var last value
	for i, cmd := range p.Cmds[:n] {
		if last = c.command(cmd, last, i > 0); last == nil {
			return nil
		}
	}
	return last
}

// command is one command of a pipeline; the value of the one before it is its last argument.
func (c *compiler) command(n *parse.CommandNode, before value, piped bool) value {
	id, ok := n.Args[0].(*parse.IdentifierNode)
	if !ok {
		if len(n.Args) > 1 || piped {
			return nil
		}
		return c.operand(n.Args[0])
	}
	f := c.set.quick(id.Ident)
	if f == nil {
		return nil
	}
	var args []value
	for _, a := range n.Args[1:] {
		v := c.operand(a)
		if v == nil {
			return nil
		}
		args = append(args, v)
	}
	if piped {
		args = append(args, before)
	}
	return func(m *machine, dot any) (any, error) {
		from := len(m.args)
		defer func() { m.args = m.args[:from] }()
		for _, a := range args {
			x, err := a(m, dot)
			if err != nil {
				return nil, err
			}
			m.args = append(m.args, whole(x))
		}
		return f(m.args[from:])
	}
}

// whole is what a pointer of runEach stands for, where that is passed on as a whole.
func whole(x any) any {
	switch x := x.(type) {
	case *Fact:
		return *x
	case *Link:
		return *x
	case *display.Text:
		return *x
	}
	return x
}

func (c *compiler) operand(n parse.Node) value {
	constant := func(x any) value { return func(*machine, any) (any, error) { return x, nil } }
	switch n := n.(type) {
	case *parse.DotNode:
		return func(_ *machine, dot any) (any, error) { return whole(dot), nil }
	case *parse.FieldNode:
		read := fieldOf(strings.Join(n.Ident, "."))
		return func(_ *machine, dot any) (any, error) { return read(dot) }
	case *parse.VariableNode:
		read := func(x any) (any, error) { return x, nil }
		if len(n.Ident) > 1 {
			read = fieldOf(strings.Join(n.Ident[1:], "."))
		}
		if n.Ident[0] == "$" {
			return func(m *machine, _ any) (any, error) { return read(m.root) }
		}
		for i := len(c.scope) - 1; i >= 0; i-- {
			if slot := c.scope[i].slot; c.scope[i].name == n.Ident[0] {
				return func(m *machine, _ any) (any, error) { return read(m.vars[slot]) }
			}
		}
	case *parse.PipeNode:
		if len(n.Decl) == 0 {
			return c.pipe(n, len(n.Cmds))
		}
	case *parse.StringNode:
		return constant(n.Text)
	case *parse.NumberNode:
		if n.IsInt && strings.Trim(n.Text, "0123456789") == "" { // 1e3 is a float to functions that take any value
			return constant(n.Int64)
		}
	}
	return nil
}

// isTrue is template.IsTrue, without reflection for what templates ask most.
func isTrue(x any) bool {
	switch x := x.(type) {
	case string:
		return x != ""
	case display.Text:
		return len(x) > 0
	case bool:
		return x
	case *digest.Summary:
		return x != nil
	case *Resolved:
		return x != nil
	}
	truth, ok := template.IsTrue(x)
	return ok && truth
}

// fieldOf reads a field, or a chain of them, from the values that programs know.
func fieldOf(path string) func(any) (any, error) {
	ofData := dataFields[path]
	return func(x any) (any, error) {
		switch x := x.(type) {
		case *Data:
			if ofData != nil {
				return ofData(x), nil
			}
		case *Fact:
			switch path {
			case "Label":
				return x.Label, nil
			case "Value":
				return x.Value, nil
			}
		case *Link:
			switch path {
			case "Label":
				return x.Label, nil
			case "URL":
				return x.URL, nil
			}
		case Log:
			switch path {
			case "Text":
				return x.Text, nil
			case "Notes":
				return x.Notes, nil
			case "Whole":
				return x.Whole(), nil
			}
		}
		return nil, errLeave
	}
}

// dataFields are the fields and methods of Data that programs know.
var dataFields = map[string]func(*Data) any{
	"Cluster":               func(d *Data) any { return d.Cluster },
	"Class":                 func(d *Data) any { return d.Class },
	"Color":                 func(d *Data) any { return d.Color() },
	"Digest":                func(d *Data) any { return d.Digest() },
	"Described":             func(d *Data) any { return d.Described() },
	"Facts":                 func(d *Data) any { return d.Facts },
	"Host":                  func(d *Data) any { return d.Host },
	"ID":                    func(d *Data) any { return d.ID },
	"Log":                   func(d *Data) any { return d.Log },
	"Lasted":                func(d *Data) any { return some(d.Lasted()) },
	"LogFile":               func(d *Data) any { return d.LogFile },
	"Manager":               func(d *Data) any { return d.Manager },
	"Next":                  func(d *Data) any { return d.Next },
	"Often":                 func(d *Data) any { return some(d.Often()) },
	"OneRule":               func(d *Data) any { return d.OneRule() },
	"Reading.Evidence.Text": func(d *Data) any { return d.Reading.Evidence.Text },
	"Reading.Host":          func(d *Data) any { return d.Reading.Host },
	"Reading.Program":       func(d *Data) any { return d.Reading.Program },
	"Resolved":              func(d *Data) any { return d.Resolved },
	"Route":                 func(d *Data) any { return d.Route },
	"Rule.Description":      func(d *Data) any { return d.Rule.Description },
	"Rule.ID":               func(d *Data) any { return d.Rule.ID },
	"Rule.Level":            func(d *Data) any { return d.Rule.Level },
	"Sample":                func(d *Data) any { return d.Sample },
	"Sentence":              func(d *Data) any { return d.Sentence },
	"Severity":              func(d *Data) any { return d.Severity },
	"ShowReceiver":          func(d *Data) any { return d.ShowReceiver() },
	"ShowRoute":             func(d *Data) any { return d.ShowRoute() },
	"Summary":               func(d *Data) any { return d.Summary },
	"Time":                  func(d *Data) any { return d.Time },
	"Word":                  func(d *Data) any { return d.Word() },
}

// some is a text as a value, or nothing: most messages have none of these.
func some(t display.Text) any {
	if len(t) == 0 {
		return nil
	}
	return t
}

// quick is a function as programs call it. It leaves to text/template whatever its arguments should not be.
func (s *Set) quick(name string) func(args []any) (any, error) {
	switch name {
	case "toJson":
		return func(args []any) (any, error) {
			if len(args) != 1 {
				return nil, errLeave
			}
			return toJSON(args[0], "")
		}
	case "document":
		return ofData(func(d *Data) (any, error) { return s.document(d) })
	case "event":
		return ofData(func(d *Data) (any, error) { return s.event(d) })
	case "ecs":
		return ofData(func(d *Data) (any, error) { return s.ecs(d) })
	case "eventLine":
		return ofData(func(d *Data) (any, error) { return s.eventLine(d) })
	case "eventLabels":
		return ofData(func(d *Data) (any, error) { return d.eventLabels(), nil })
	case "eventMetadata":
		return ofData(func(d *Data) (any, error) { return d.eventMetadata(), nil })
	case "indexed":
		return ofData(func(d *Data) (any, error) { return d.indexed(), nil })
	case "structured":
		return ofData(func(d *Data) (any, error) { return d.structured(), nil })
	case "cef":
		return ofData(func(d *Data) (any, error) { return s.cef(d) })
	case "leef":
		return ofData(func(d *Data) (any, error) { return s.leef(d) })
	case "details":
		return ofData(func(d *Data) (any, error) { return s.details(d) })
	case "part":
		return withData(func(name string, d *Data) (any, error) { return s.part(name, d) })
	case "items":
		return withData(func(name string, d *Data) (any, error) { return s.items(name, d) })
	case "facts":
		return ofData(func(d *Data) (any, error) { return s.facts(d) })
	case "links":
		return ofData(func(d *Data) (any, error) { return s.renderLinks(d), nil })
	case "linkFacts":
		return ofData(func(d *Data) (any, error) { return s.linkFacts(d), nil })
	case "link":
		return withData(func(name string, d *Data) (any, error) { return s.renderLink(name, d), nil })
	case "log":
		return func(args []any) (any, error) {
			if len(args) == 3 {
				lines, ok1 := args[0].(int64)
				chars, ok2 := args[1].(int64)
				if d, ok := args[2].(*Data); ok && ok1 && ok2 {
					return s.log(d, int(lines), int(chars))
				}
			}
			return nil, errLeave
		}
	case "checked":
		return of1(func(id string) any { return checked(id) })
	case "stamp":
		return of1(func(t time.Time) any { return stamp(t) })
	case "capital":
		return of1(func(t display.Text) any { return t.Capital() })
	case "first":
		return of1(func(list []display.Text) any {
			if len(list) == 0 {
				return nil
			}
			return list[0]
		})
	case "rest":
		return func(args []any) (any, error) {
			if len(args) == 1 {
				if list, ok := args[0].([]display.Text); ok && len(list) > 0 {
					rest := make([]any, len(list)-1) // as sprig makes it
					for i, t := range list[1:] {
						rest[i] = t
					}
					return rest, nil
				}
			}
			return nil, errLeave
		}
	case "joinText":
		return func(args []any) (any, error) {
			if len(args) == 2 {
				return joinText(args[0], args[1])
			}
			return nil, errLeave
		}
	case "fact":
		return func(args []any) (any, error) {
			if len(args) == 2 {
				return fact(args[0], args[1]), nil
			}
			return nil, errLeave
		}
	case "_words":
		return of1(func(text string) any { return display.Words(text) })
	case "table":
		return func(args []any) (any, error) { return table(args...), nil }
	case "ge":
		return func(args []any) (any, error) {
			if len(args) == 2 {
				a, ok1 := args[0].(int)
				b, ok2 := args[1].(int64)
				if ok1 && ok2 {
					return int64(a) >= b, nil
				}
			}
			return nil, errLeave
		}
	}
	return nil
}

func of1[T any](f func(T) any) func(args []any) (any, error) {
	return func(args []any) (any, error) {
		if len(args) == 1 {
			if x, ok := args[0].(T); ok {
				return f(x), nil
			}
		}
		return nil, errLeave
	}
}

func ofData(f func(*Data) (any, error)) func(args []any) (any, error) {
	return func(args []any) (any, error) {
		if len(args) == 1 {
			if d, ok := args[0].(*Data); ok {
				return f(d)
			}
		}
		return nil, errLeave
	}
}

func withData(f func(string, *Data) (any, error)) func(args []any) (any, error) {
	return func(args []any) (any, error) {
		if len(args) == 2 {
			name, ok1 := args[0].(string)
			if d, ok := args[1].(*Data); ok && ok1 {
				return f(name, d)
			}
		}
		return nil, errLeave
	}
}
