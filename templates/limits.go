package templates

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"regexp"
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
	maxTime   = 2 * time.Second // that all parts of a message may take
	maxKept   = 4 << 20         // bytes of a text in a variable
	maxNodes  = 100_000         // elements of all lists and maps in a variable
	maxRepeat = 64 << 10        // bytes that repeat, indent and nindent may add
	maxCount  = 10_000          // elements that until, untilStep and seq may make
	maxMade   = 64 << 20        // bytes that replace, join and the like may make
	maxWidth  = 1000            // of a field in printf
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
	nodes := maxNodes
	return v, measure(reflect.ValueOf(v), &nodes)
}

func tooLong(n int) error {
	if n > maxKept {
		return fmt.Errorf("a variable holds more than %d bytes", maxKept)
	}
	return nil
}

// measure goes through a value that functions made. What it shares with itself counts as often as it is there.
func measure(v reflect.Value, left *int) error {
	if *left--; *left < 0 {
		return fmt.Errorf("a variable holds more than %d elements", maxNodes)
	}
	switch v.Kind() {
	case reflect.Interface:
		return measure(v.Elem(), left)
	case reflect.String:
		return tooLong(v.Len())
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return tooLong(v.Len())
		}
		for i := range v.Len() {
			if err := measure(v.Index(i), left); err != nil {
				return err
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if err := errors.Join(measure(it.Key(), left), measure(it.Value(), left)); err != nil {
				return err
			}
		}
	}
	return nil
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
		if err := made("join", n*len(sep)); err != nil {
			return "", err
		}
		return join(sep, list), nil
	}
	for _, name := range []string{"regexReplaceAll", "regexReplaceAllLiteral"} {
		replace := funcs[name].(func(string, string, string) string)
		funcs[name] = func(expression, s, with string) (string, error) {
			// An expression may match between all characters, and a replacement name all of a match.
			if err := made(name, len(s)*max(len(with)-16, 0)); err != nil {
				return "", err
			}
			return replace(expression, s, with), nil
		}
		must := funcs["mustR"+name[1:]].(func(string, string, string) (string, error))
		funcs["mustR"+name[1:]] = func(expression, s, with string) (string, error) {
			if err := made(name, len(s)*max(len(with)-16, 0)); err != nil {
				return "", err
			}
			return must(expression, s, with)
		}
	}
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
		return fmt.Sprintf(format, args...), nil
	}
}

// wideField is a verb of printf with a width or precision of four digits and more, or one that comes as an argument.
var wideField = regexp.MustCompile(`%[^a-zA-Z%]*(?:[0-9]{4}|\*)`)

func steps(from, to, step int) ([]int, error) {
	if step == 0 || (to-from)/step > maxCount {
		return nil, fmt.Errorf("until: more than %d elements", maxCount)
	}
	var out []int
	for i := from; (step > 0 && i < to) || (step < 0 && i > to); i += step {
		out = append(out, i)
	}
	return out, nil
}
