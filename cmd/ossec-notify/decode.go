package main

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/rules"
)

// problem is a mistake in a config file, or, with Warning, something that is probably one.
type problem struct{ rules.Problem }

func (p problem) String() string {
	s := p.File
	if p.Line > 0 {
		s += fmt.Sprintf(":%d:%d", p.Line, p.Column)
	}
	if p.Warning {
		return s + ": warning: " + p.Message
	}
	return s + ": " + p.Message
}

// decoder reads YAML nodes into structs strictly and collects every mistake with its place. The YAML library
// decodes the single values; what is checked here is what it lets pass: unknown and repeated keys, tags, nulls
// and empty texts, which in YAML are easy to write by accident.
type decoder struct {
	file     string
	problems []problem
}

func (d *decoder) errorf(n *yaml.Node, format string, args ...any) {
	d.add([]rules.Problem{{Line: n.Line, Column: n.Column, Message: fmt.Sprintf(format, args...)}})
}

func (d *decoder) warnf(n *yaml.Node, format string, args ...any) {
	d.add([]rules.Problem{{Line: n.Line, Column: n.Column, Message: fmt.Sprintf(format, args...), Warning: true}})
}

// add takes problems over; those that name no file are of the one being read.
func (d *decoder) add(problems []rules.Problem) {
	for _, p := range problems {
		p.File = cmp.Or(p.File, d.file)
		d.problems = append(d.problems, problem{p})
	}
}

// entry is one key of a mapping with its value, aliases resolved.
type entry struct{ key, value *yaml.Node }

// entries are the entries of a mapping, keys beginning with "x-" left out. Anything else than a mapping is a
// problem.
func (d *decoder) entries(n *yaml.Node, what string) []entry {
	n = resolve(n)
	if n.Kind != yaml.MappingNode {
		d.errorf(n, "%s takes a mapping (key: value), not %s", what, kindWord(n))
		return nil
	}
	var out []entry
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], resolve(n.Content[i+1])
		if k.Kind != yaml.ScalarNode {
			d.errorf(k, "%s: a key is a word", what)
			continue
		}
		if k.Value == "<<" && k.Style == 0 {
			for _, merged := range mergeSources(v) {
				for _, e := range d.entries(merged, what) {
					if _, ok := seen[e.key.Value]; !ok {
						out = append(out, e)
					}
				}
			}
			continue
		}
		if strings.HasPrefix(k.Value, "x-") {
			continue
		}
		if line, ok := seen[k.Value]; ok {
			d.errorf(k, "%q is here twice (first in line %d)", k.Value, line)
			continue
		}
		seen[k.Value] = k.Line
		out = append(out, entry{k, v})
	}
	return out
}

func mergeSources(n *yaml.Node) []*yaml.Node {
	if n.Kind == yaml.SequenceNode {
		var out []*yaml.Node
		for _, c := range n.Content {
			out = append(out, resolve(c))
		}
		return out
	}
	return []*yaml.Node{n}
}

func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	return n
}

// scalar checks a single value for YAML's traps.
func (d *decoder) scalar(n *yaml.Node, key string) bool {
	switch {
	case n.Style&yaml.TaggedStyle != 0:
		d.errorf(n, "%s: %s is a YAML tag here and would be thrown away; quote it: \"%s%s\"", key, n.Tag, n.Tag, prefixBlank(n.Value))
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		d.errorf(n, "%s has no value; if it begins with # quote it, in YAML that begins a comment", key)
	case n.Kind == yaml.ScalarNode && n.Value == "":
		d.errorf(n, "%s is empty; give a value or leave the key out", key)
	default:
		return true
	}
	return false
}

func prefixBlank(s string) string {
	if s == "" {
		return ""
	}
	return " " + s
}

// unmarshaler is implemented by values that read a node themselves (secrets, addresses, durations).
type unmarshaler interface{ UnmarshalYAML(*yaml.Node) error }

// value decodes a node into v, which is addressable, under the name key.
func (d *decoder) value(n *yaml.Node, v reflect.Value, key string) {
	if n.Kind == yaml.ScalarNode && !d.scalar(n, key) {
		return
	}
	if u, ok := v.Addr().Interface().(unmarshaler); ok {
		if err := u.UnmarshalYAML(n); err != nil {
			d.errorf(n, "%s: %s", key, err)
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem(), key)
	case reflect.Struct:
		d.structure(n, v, key)
	case reflect.Slice:
		if n.Kind == yaml.ScalarNode { // one element needs no brackets
			n = &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{n}, Line: n.Line, Column: n.Column}
		}
		if n.Kind != yaml.SequenceNode {
			d.errorf(n, "%s takes a list, not %s", key, kindWord(n))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
		for i, c := range n.Content {
			d.value(resolve(c), v.Index(i), fmt.Sprintf("%s[%d]", key, i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for _, e := range d.entries(n, key) {
			elem := reflect.New(v.Type().Elem()).Elem()
			d.value(e.value, elem, key+"."+e.key.Value)
			v.SetMapIndex(reflect.ValueOf(e.key.Value), elem)
		}
	default:
		if n.Kind != yaml.ScalarNode {
			d.errorf(n, "%s takes %s, not %s", key, goWord(v), kindWord(n))
			return
		}
		if v.Kind() == reflect.String { // as written: 001 stays 001
			v.SetString(n.Value)
			return
		}
		if err := n.Decode(v.Addr().Interface()); err != nil {
			d.errorf(n, "%s takes %s, not %q", key, goWord(v), n.Value)
		}
	}
}

func (d *decoder) structure(n *yaml.Node, v reflect.Value, key string) {
	fields := map[string]reflect.Value{}
	var known []string
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		if name == "" || name == "-" {
			continue
		}
		fields[name] = v.Field(i)
		known = append(known, name)
	}
	for _, e := range d.entries(n, key) {
		field, ok := fields[e.key.Value]
		if !ok {
			d.unknown(e.key, key, known)
			continue
		}
		d.value(e.value, field, e.key.Value)
	}
}

// unknown says that a key is not known, and which one may be meant.
func (d *decoder) unknown(k *yaml.Node, where string, known []string) {
	slices.Sort(known)
	if near := rules.Nearest(k.Value, known); near != "" {
		d.errorf(k, "unknown key %q in %s: did you mean %q?", k.Value, where, near)
		return
	}
	d.errorf(k, "unknown key %q in %s: it takes %s", k.Value, where, strings.Join(known, ", "))
}

func kindWord(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode:
		if n.Tag == "!!null" {
			return "nothing"
		}
		return fmt.Sprintf("%q", n.Value)
	}
	return "this"
}

func goWord(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	}
	return "a text"
}

// duration is a time span in the config: 30s, 5m, 24h, 7d.
type duration time.Duration

func (v *duration) UnmarshalYAML(n *yaml.Node) error {
	text := n.Value
	if days, ok := strings.CutSuffix(text, "d"); ok {
		h, err := time.ParseDuration(days + "h")
		if err == nil {
			*v = duration(24 * h)
			return nil
		}
	}
	t, err := time.ParseDuration(text)
	if err != nil || t <= 0 {
		return fmt.Errorf("%q is no time span: write 30s, 5m, 24h or 7d", text)
	}
	*v = duration(t)
	return nil
}
