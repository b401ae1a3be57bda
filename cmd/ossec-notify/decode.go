package main

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// decoder reads YAML nodes into structs strictly and collects every mistake with its place. The YAML library
// decodes the single values; what is checked here is what it lets pass: unknown and repeated keys, tags, nulls
// and empty texts, which in YAML are easy to write by accident.
type decoder struct {
	file     string
	yaml     *yamlnode.Reader
	problems []rules.Problem
}

// open begins a file.
func (d *decoder) open(file string) {
	d.file = file
	d.yaml = yamlnode.NewReader(func(at *yaml.Node, message string) { d.errorf(at, "%s", message) })
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
		d.problems = append(d.problems, p)
	}
}

// unmarshaler is implemented by values that read a node themselves (secrets, addresses, durations).
type unmarshaler interface{ UnmarshalYAML(*yaml.Node) error }

// shortened is implemented by structs that need not be written as a mapping: a single value is what short points at.
type shortened interface{ short() any }

// value decodes the value of an entry into v, which is addressable.
func (d *decoder) value(e yamlnode.Entry, v reflect.Value) { d.decode(e.Value, v, e, false) }

// decode decodes a node into v: the value of an entry, or, with item, one of the list that it is.
func (d *decoder) decode(n *yaml.Node, v reflect.Value, of yamlnode.Entry, item bool) {
	in := yamlnode.Subject(of, item)
	if n.Kind != yaml.ScalarNode {
		if d.yaml.MisTagged(n, in) {
			return
		}
	} else if trap := yamlnode.Trap(n, of, item); trap != "" {
		if _, secret := v.Addr().Interface().(*notifier.Secret); secret {
			trap = unquoted(trap, n, of)
		}
		d.errorf(n, "%s", trap)
		return
	}
	if u, ok := v.Addr().Interface().(unmarshaler); ok {
		if err := u.UnmarshalYAML(n); err != nil {
			d.errorf(n, "%s: %s", in, err)
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.decode(n, v.Elem(), of, item)
	case reflect.Struct:
		if s, ok := v.Addr().Interface().(shortened); ok && n.Kind == yaml.ScalarNode {
			d.decode(n, reflect.ValueOf(s.short()).Elem(), of, item)
			return
		}
		d.structure(n, v, in)
	case reflect.Slice:
		d.list(n, v, of)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for _, e := range d.yaml.Mapping(n, in) {
			elem := reflect.New(v.Type().Elem()).Elem()
			d.value(e, elem)
			v.SetMapIndex(reflect.ValueOf(e.Key), elem)
		}
	default:
		if n.Kind != yaml.ScalarNode {
			d.errorf(n, "%s takes %s, and this is %s", in, goWord(v), yamlnode.Kind(n))
			return
		}
		if v.Kind() == reflect.String { // as written: 001 stays 001
			v.SetString(n.Value)
			return
		}
		if err := n.Decode(v.Addr().Interface()); err != nil {
			d.errorf(n, "%s takes %s, not %q", in, goWord(v), n.Value)
		}
	}
}

// unquoted takes out of a message what YAML made of a secret that should have been in quotes.
func unquoted(message string, n *yaml.Node, of yamlnode.Entry) string {
	texts := []string{yamlnode.Untagged(n), n.Value}
	if of.KeyNode != nil {
		texts = append(texts, of.KeyNode.LineComment)
	}
	for _, text := range texts {
		message = strings.ReplaceAll(message, strconv.Quote(text), `"…"`)
	}
	return message
}

// list decodes a list; one element needs no brackets.
func (d *decoder) list(n *yaml.Node, v reflect.Value, of yamlnode.Entry) {
	switch n.Kind {
	case yaml.ScalarNode:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		d.decode(n, v.Index(0), of, false)
	case yaml.SequenceNode:
		v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
		for i, c := range n.Content {
			d.decode(yamlnode.Resolve(c), v.Index(i), of, true)
		}
	default:
		d.errorf(n, "%s takes a list, and this is %s", of.Key, yamlnode.Kind(n))
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
	for _, e := range d.yaml.Mapping(n, key) {
		field, ok := fields[e.Key]
		if !ok {
			d.unknown(e.KeyNode, key, known)
			continue
		}
		d.value(e, field)
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
type duration = yamlnode.Duration
