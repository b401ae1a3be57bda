package templates

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"
	"text/template"
	"text/template/parse"
	"time"

	"github.com/ossec-notify/ossec-notify/display"
)

// Limits of what a template may use up. One that needs more than this for a message is broken, or means harm: the
// message goes out in its default form.
const (
	maxOutput = 4 << 20         // bytes that one part may print
	maxTime   = 5 * time.Second // that all parts of a message may take
	maxKept   = 4 << 20         // bytes of the texts in a variable, or that a function is given
	maxNodes  = 100_000         // elements of all lists and maps there
	maxRepeat = 64 << 10        // bytes that repeat, indent and nindent may add
	maxCount  = 10_000          // elements that until, untilStep and seq may make
	maxMade   = 64 << 20        // bytes that replace, join and the like may make
	maxWidth  = 1000            // of a field in printf
	maxSteps  = 1 << 28         // of a regular expression: its size times that of the text
)

var errTime = fmt.Errorf("it takes longer than %s", maxTime)

// spent is what a message has used up.
type spent struct {
	began time.Time
	calls int
}

// late reports that the time is up.
func (s *spent) late() bool {
	if s.began.IsZero() {
		s.began = time.Now()
	}
	return time.Since(s.began) > maxTime
}

// call counts the run of a program: with nothing to print, those that call each other could go on for ever.
func (s *spent) call() error {
	if s.calls++; s.calls%256 == 0 && s.late() {
		return errLeave // text/template says it
	}
	return nil
}

// guard puts an empty text at the beginning of a define and of every turn of its loops: text/template writes it, and
// so asks [limited] whether to go on, where else it would print nothing for a long time.
func guard(root *parse.ListNode) {
	pause := func(l *parse.ListNode) {
		l.Nodes = append([]parse.Node{&parse.TextNode{NodeType: parse.NodeText, Pos: l.Pos}}, l.Nodes...)
	}
	eachNode(root, func(n parse.Node) {
		if loop, ok := n.(*parse.RangeNode); ok {
			pause(loop.List)
		}
	})
	pause(root)
}

// limited is a buffer that refuses to grow beyond maxOutput, and to go on beyond maxTime.
type limited struct {
	bytes.Buffer
	spent *spent // nil: no limit of time
}

// buffers are used again: a message takes a dozen, of a few kilobytes.
var buffers = sync.Pool{New: func() any { return new(limited) }}

// keptBuffer is the size from which a buffer is not kept.
const keptBuffer = 64 << 10

func (l *limited) release() {
	if l.Cap() <= keptBuffer {
		l.Reset()
		l.spent = nil
		buffers.Put(l)
	}
}

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > maxOutput {
		return 0, fmt.Errorf("it prints more than %d bytes", maxOutput)
	}
	if l.spent != nil && l.spent.late() {
		return 0, errTime
	}
	return l.Buffer.Write(p)
}

// bound is the last step of what is kept in a variable: each turn of a loop could make more of it.
func bound(v any) (any, error) {
	switch v := v.(type) {
	case string:
		return v, tooLong(len(v))
	case display.Text:
		return v, tooLong(v.Size())
	case nil, bool, int, int64, float64, time.Time, *Data, Log, []Fact, Fact, []Link:
		return v, nil
	}
	left := room{maxNodes, maxKept}
	return v, left.measure(reflect.ValueOf(v))
}

func tooLong(n int) error {
	if n > maxKept {
		return errKept
	}
	return nil
}

var (
	errKept  = fmt.Errorf("a variable, or what a function is given, holds more than %d bytes", maxKept)
	errNodes = fmt.Errorf("a variable, or what a function is given, holds more than %d elements", maxNodes)
)

// boundArguments makes functions refuse what no variable may hold. So what one function makes of another's result, a
// hundred times in one action, grows no further than what it makes in variables.
func boundArguments(funcs template.FuncMap) {
	for name, f := range funcs {
		call := reflect.ValueOf(f)
		funcs[name] = reflect.MakeFunc(call.Type(), func(args []reflect.Value) []reflect.Value {
			left := room{maxNodes, maxKept}
			for _, a := range args {
				if err := left.measure(a); err != nil {
					panic(err) // text/template makes it the error of the call
				}
			}
			if call.Type().IsVariadic() {
				return call.CallSlice(args)
			}
			return call.Call(args)
		}).Interface()
	}
}

// room is what is left of the limits of a variable.
type room struct{ nodes, bytes int }

// measure goes through a value that functions made. What it shares with itself counts as often as it is there: so often
// it is printed.
func (r *room) measure(v reflect.Value) error {
	if r.nodes--; r.nodes < 0 {
		return errNodes
	}
	switch v.Kind() {
	case reflect.Interface:
		return r.measure(v.Elem())
	case reflect.String:
		return r.take(v.Len())
	case reflect.Struct:
		switch x := v.Interface().(type) {
		case Fact:
			return r.take(x.Label.Size() + x.Value.Size())
		case Link:
			return r.take(x.Label.Size() + x.URL.Size())
		case Log:
			return r.take(x.Whole().Size())
		}
	case reflect.Slice, reflect.Array:
		if t, ok := v.Interface().(display.Text); ok {
			return r.take(t.Size())
		}
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return r.take(v.Len())
		}
		for i := range v.Len() {
			if err := r.measure(v.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if err := cmp.Or(r.measure(it.Key()), r.measure(it.Value())); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *room) take(n int) error {
	r.bytes -= n
	return tooLong(maxKept - r.bytes)
}

// limitFuncs puts limits on functions that make much of little: of two long texts their product.
func limitFuncs(funcs template.FuncMap) {
	made := func(name string, n int) error {
		if n > maxMade {
			return fmt.Errorf("%s: more than %d bytes", name, maxMade)
		}
		return nil
	}
	funcs["repeat"] = func(n int, s string) (string, error) {
		if n < 0 || len(s) > 0 && n > maxRepeat/len(s) {
			return "", fmt.Errorf("repeat: more than %d bytes", maxRepeat)
		}
		return strings.Repeat(s, n), nil
	}
	indent := func(n int, s string) (string, error) {
		if lines := strings.Count(s, "\n") + 1; n < 0 || n > maxRepeat/lines {
			return "", fmt.Errorf("indent: more than %d bytes", maxRepeat)
		}
		pad := strings.Repeat(" ", n)
		return pad + strings.ReplaceAll(s, "\n", "\n"+pad), nil
	}
	funcs["indent"] = indent
	funcs["nindent"] = func(n int, s string) (string, error) {
		s, err := indent(n, s)
		return "\n" + s, err
	}
	funcs["until"] = func(n int) ([]int, error) { return steps(0, n, 1) }
	funcs["untilStep"] = steps
	funcs["replace"] = func(old, with, s string) (string, error) {
		if err := made("replace", len(s)+strings.Count(s, old)*len(with)); err != nil {
			return "", err
		}
		return strings.ReplaceAll(s, old, with), nil
	}
	join := funcs["join"].(func(string, any) string)
	funcs["join"] = func(sep string, list any) (string, error) {
		n := 1
		if v := reflect.ValueOf(list); v.Kind() == reflect.Slice || v.Kind() == reflect.Array {
			n = v.Len()
		}
		if err := made("join", n*len(sep)); err != nil { // the elements are bounded as arguments
			return "", err
		}
		return join(sep, list), nil
	}
	for _, name := range []string{"splitList", "split"} {
		split := reflect.ValueOf(funcs[name])
		funcs[name] = func(sep, s string) (any, error) {
			if strings.Count(s, sep) > maxNodes {
				return nil, fmt.Errorf("%s: more than %d elements", name, maxNodes)
			}
			return split.Call([]reflect.Value{reflect.ValueOf(sep), reflect.ValueOf(s)})[0].Interface(), nil
		}
	}
	funcs["uniq"], funcs["mustUniq"] = uniq, uniq
	limitExpressions(funcs)
	wrapWith := funcs["wrapWith"].(func(int, string, string) string)
	funcs["wrapWith"] = func(n int, with, s string) (string, error) {
		if err := made("wrapWith", len(s)*len(with)/max(n, 1)); err != nil {
			return "", err
		}
		return wrapWith(n, with, s), nil
	}
	funcs["printf"] = func(format string, args ...any) (string, error) {
		if m := wideField.FindString(format); m != "" {
			return "", fmt.Errorf("printf: %s is wider than %d", m, maxWidth)
		}
		given := room{maxNodes, maxKept}
		_ = given.measure(reflect.ValueOf(args))                                                 // what is too much is refused before
		if err := made("printf", strings.Count(format, "%")*(maxKept-given.bytes)); err != nil { // %[1]s as often as it likes
			return "", err
		}
		return fmt.Sprintf(format, args...), nil
	}
}

// wideField is a verb of printf with a width or precision of four digits and more, or one that comes as an argument.
var wideField = regexp.MustCompile(`%[^a-zA-Z%]*(?:[0-9]{4}|\*)`)

func steps(from, to, step int) ([]int, error) {
	n := uint64(0)
	switch {
	case step > 0 && from < to:
		n = (uint64(to)-uint64(from)-1)/uint64(step) + 1
	case step < 0 && from > to:
		n = (uint64(from)-uint64(to)-1)/-uint64(step) + 1
	}
	if step == 0 || n > maxCount {
		return nil, fmt.Errorf("until: more than %d elements", maxCount)
	}
	var out []int
	for i := range int(n) {
		out = append(out, from+i*step)
	}
	return out, nil
}

// uniq is sprig's, which compares every element with every other one.
func uniq(list any) ([]any, error) {
	v := reflect.ValueOf(list)
	if v.Kind() != reflect.Slice && v.Kind() != reflect.Array {
		return nil, fmt.Errorf("uniq: %T is no list", list)
	}
	out, seen := []any{}, map[any]bool{}
	var others []any
	for i := range v.Len() {
		x := v.Index(i).Interface()
		switch x.(type) {
		case string, int, int64, float64, bool:
			if seen[x] {
				continue
			}
			seen[x] = true
		default:
			if slices.ContainsFunc(others, func(y any) bool { return reflect.DeepEqual(x, y) }) {
				continue
			}
			if others = append(others, x); len(others) > maxOthers {
				return nil, fmt.Errorf("uniq: more than %d elements that are no texts or numbers", maxOthers)
			}
		}
		out = append(out, x)
	}
	return out, nil
}

const maxOthers = 1000

// limitExpressions bounds the time that regular expressions take, and what they make. The expression may come from the
// alert, too.
func limitExpressions(funcs template.FuncMap) {
	for _, name := range []string{"Match", "Find", "FindAll", "Split", "ReplaceAll", "ReplaceAllLiteral"} {
		for _, name := range []string{"regex" + name, "mustRegex" + name} {
			f := reflect.ValueOf(funcs[name])
			funcs[name] = reflect.MakeFunc(f.Type(), func(args []reflect.Value) []reflect.Value {
				expression, s := args[0].String(), args[1].String()
				if err := steady(expression, len(s)); err != nil {
					panic(fmt.Errorf("%s: %w", name, err)) // text/template makes it the error of the call
				}
				last := args[len(args)-1]
				switch last.Kind() {
				case reflect.String: // an expression may match between all characters, and a replacement name all of a match
					if len(args) == 3 && len(s)*max(last.Len()-16, 0) > maxMade {
						panic(fmt.Errorf("%s: more than %d bytes", name, maxMade))
					}
				case reflect.Int:
					if n := last.Int(); n < 0 || n > maxNodes+1 {
						args[len(args)-1] = reflect.ValueOf(maxNodes + 1) // which no function takes
					}
				}
				return f.Call(args)
			}).Interface()
		}
	}
}

// steady refuses an expression that may take more than maxSteps for a text.
func steady(expression string, size int) error {
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return nil // the function will say it
	}
	prog, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil
	}
	if len(prog.Inst)*size > maxSteps {
		return errors.New("too large an expression for so long a text")
	}
	return nil
}
