// Package settings owns how what an operator writes gets into Go structs, and how it is found there again: decoding YAML strictly,
// with the place of every mistake; and going through the values of a struct, its secrets and its paths above all. Whatever
// reads a file of the operator's reads with it, so that the same mistake is told in the same words.
//
// It does not know what the settings are, nor which files there are.
package settings

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

// Decoder reads YAML nodes into structs strictly and collects every mistake with its place. The YAML library
// decodes the single values; what is checked here is what it lets pass: unknown and repeated keys, tags, nulls
// and empty texts, which in YAML are easy to write by accident.
type Decoder struct {
	// File is what problems are of that name no other.
	File string
	// YAML walks the nodes of the file that was opened last, and reports to the decoder.
	YAML *yamlnode.Reader
	// Problems are all that were found, in the order in which they were.
	Problems []rules.Problem
}

// Open begins a file.
func (d *Decoder) Open(file string) {
	d.File = file
	d.YAML = yamlnode.NewReader(func(at *yaml.Node, message string) { d.Errorf(at, "%s", message) })
}

// Errorf notes a mistake at a node.
func (d *Decoder) Errorf(n *yaml.Node, format string, args ...any) {
	d.Add([]rules.Problem{{Line: n.Line, Column: n.Column, Message: fmt.Sprintf(format, args...)}})
}

// Warnf notes at a node what is allowed, and perhaps not meant.
func (d *Decoder) Warnf(n *yaml.Node, format string, args ...any) {
	d.Add([]rules.Problem{{Line: n.Line, Column: n.Column, Message: fmt.Sprintf(format, args...), Warning: true}})
}

// Add takes problems over; those that name no file are of the one being read.
func (d *Decoder) Add(problems []rules.Problem) {
	for _, p := range problems {
		p.File = cmp.Or(p.File, d.File)
		d.Problems = append(d.Problems, p)
	}
}

// unmarshaler is implemented by values that read a node themselves (secrets, addresses, durations).
type unmarshaler interface{ UnmarshalYAML(*yaml.Node) error }

// shortened is implemented by structs that need not be written as a mapping: a single value is what Short points at.
type shortened interface{ Short() any }

// switched is implemented by structs that {} turns on, with the defaults of all.
type switched interface{ Switched() }

// Value decodes the value of an entry into v, which is addressable.
func (d *Decoder) Value(e yamlnode.Entry, v reflect.Value) { d.decode(e.Value, v, e, false) }

// decode decodes a node into v: the value of an entry, or, with item, one of the list that it is.
func (d *Decoder) decode(n *yaml.Node, v reflect.Value, of yamlnode.Entry, item bool) {
	in := yamlnode.Subject(of, item)
	if n.Kind != yaml.ScalarNode {
		if d.YAML.MisTagged(n, in) {
			return
		}
	} else if trap := yamlnode.Trap(n, of, item); trap != "" {
		if _, secret := v.Addr().Interface().(*notifier.Secret); secret {
			trap = unquoted(trap, n, of)
		}
		d.Errorf(n, "%s", trap)
		return
	}
	if u, ok := v.Addr().Interface().(unmarshaler); ok {
		if err := u.UnmarshalYAML(n); err != nil {
			d.Errorf(n, "%s: %s", in, err)
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.decode(n, v.Elem(), of, item)
	case reflect.Struct:
		if s, ok := v.Addr().Interface().(shortened); ok && n.Kind == yaml.ScalarNode {
			d.decode(n, reflect.ValueOf(s.Short()).Elem(), of, item)
			return
		}
		if _, ok := v.Addr().Interface().(switched); ok && n.Kind == yaml.ScalarNode {
			d.Errorf(n, "%s is %s: write {} for its defaults, or key: value pairs; leave it out to do without", in, yamlnode.Kind(n))
			return
		}
		d.structure(n, v, in)
	case reflect.Slice:
		d.list(n, v, of)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for _, e := range d.YAML.Mapping(n, in) {
			elem := reflect.New(v.Type().Elem()).Elem()
			d.Value(e, elem)
			v.SetMapIndex(reflect.ValueOf(e.Key), elem)
		}
	default:
		if n.Kind != yaml.ScalarNode {
			d.Errorf(n, "%s takes %s, and this is %s", in, goWord(v), yamlnode.Kind(n))
			return
		}
		if v.Kind() == reflect.String { // as written: 001 stays 001
			v.SetString(n.Value)
			return
		}
		if err := n.Decode(v.Addr().Interface()); err != nil {
			d.Errorf(n, "%s takes %s, not %q", in, goWord(v), n.Value)
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
func (d *Decoder) list(n *yaml.Node, v reflect.Value, of yamlnode.Entry) {
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
		d.Errorf(n, "%s takes a list, and this is %s", of.Key, yamlnode.Kind(n))
	}
}

func (d *Decoder) structure(n *yaml.Node, v reflect.Value, key string) {
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
	for _, e := range d.YAML.Mapping(n, key) {
		field, ok := fields[e.Key]
		if !ok {
			d.Unknown(e.KeyNode, key, known)
			continue
		}
		d.Value(e, field)
	}
}

// Unknown says that a key is not known, and which one may be meant.
func (d *Decoder) Unknown(k *yaml.Node, where string, known []string) {
	slices.Sort(known)
	near := kin(k.Value, known)
	if misspelt := rules.Nearest(k.Value, known); misspelt != "" {
		near = []string{misspelt}
	}
	switch len(near) {
	case 1:
		d.Errorf(k, "unknown key %q in %s: did you mean %q?", k.Value, where, near[0])
		return
	case 2:
		d.Errorf(k, "unknown key %q in %s: did you mean %q or %q?", k.Value, where, near[0], near[1])
		return
	}
	d.Errorf(k, "unknown key %q in %s: it takes %s", k.Value, where, strings.Join(known, ", "))
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
