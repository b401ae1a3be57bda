// Package cases owns what people expect of their routes: files of cases, each an alert and whom it must tell, compared with what a
// config makes of them, and which routes no case reaches. It decides as delivery does, sends nothing, and does not know what a
// deliverer knows: silences, repeats, who is on call.
package cases

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/enrich"
	"github.com/ossec-notify/ossec-notify/regular"
	"github.com/ossec-notify/ossec-notify/rules"
	"github.com/ossec-notify/ossec-notify/sample"
	"github.com/ossec-notify/ossec-notify/settings"
	"github.com/ossec-notify/ossec-notify/window"
	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// Case is one case of a file of cases: an alert, and what is expected of the routes.
type Case struct {
	file  string
	line  int
	Name  string
	alert *alert.Alert
	at    time.Time // zero: windows do not count
	expectation
}

// expectation is what a case expects. What is nil is not looked at.
type expectation struct {
	receivers, held, later, route *[]string
	page                          *bool
	suppressed                    *suppression
}

// suppression is whether the routes send an alert to nobody on purpose, and which one does; "" for any.
type suppression struct {
	so bool
	by string
}

// Example is a file to begin with.
const Example = `- name: brute force pages at night
  sample: 5712                    # or alert: FILE, or alert: {level: 10, rule: 5712, srcip: 203.0.113.9}
  at: sat 03:00
  expect: {receivers: [soc], page: false}
`

// reader reads files of cases for a config.
type reader struct {
	settings.Decoder
	cfg       *config.Config
	enrich    *enrich.Enricher
	routes    []string // paths of all routes
	receivers []string
	cases     []Case
	readFile  func(path string) ([]byte, error)
	doubts    []rules.Problem // warnings, which stop nothing
}

// maxFile is the size of the largest file that is read, in bytes.
const maxFile = 8 << 20

// Set is what files of cases hold. The config enriched their alerts with Enrich.
type Set struct {
	Cases            []Case
	Mistakes, Doubts []rules.Problem // doubts stop nothing
	Enrich           *enrich.Enricher
}

// Read reads files of cases for a config. The error is for one that cannot be read.
func Read(cfg *config.Config, files []string) (*Set, error) {
	r := newReader(cfg)
	for _, file := range files {
		if err := r.read(file); err != nil {
			return nil, fmt.Errorf("cases: %w", err)
		}
	}
	return &Set{r.cases, r.Problems, r.doubts, r.enrich}, nil
}

func newReader(cfg *config.Config) *reader {
	r := &reader{cfg: cfg, enrich: cfg.Enrich.WithoutDNS(), routes: cfg.Table.Paths()}
	r.readFile = func(path string) ([]byte, error) { return regular.Read(path, maxFile) }
	for _, x := range cfg.All() {
		r.receivers = append(r.receivers, x.Name)
	}
	return r
}

// read reads one file. The error is for one that cannot be read; mistakes in it are in Problems.
func (r *reader) read(file string) error {
	text, err := r.readFile(file)
	if err != nil {
		return err
	}
	root := r.Parse(file, text, "docs/testing.md has cases to begin with")
	if root == nil {
		return nil
	}
	root = yamlnode.Resolve(root)
	if r.YAML.MisTagged(root, "a file of cases") {
		return nil
	}
	if root.Kind != yaml.SequenceNode {
		r.Errorf(root, "a file of cases is %s: write a list of cases, each beginning with - name:", yamlnode.Kind(root))
		return nil
	}
	names := map[string]int{}
	for _, item := range root.Content {
		if item = yamlnode.Resolve(item); item != nil {
			r.one(item, file, names)
		}
	}
	return nil
}

// one reads one case. names are those of the file, with their lines.
func (r *reader) one(node *yaml.Node, file string, names map[string]int) {
	before := len(r.Problems)
	c := Case{file: file, line: node.Line}
	var given, from, added, expect *yamlnode.Entry
	var at string
	for _, e := range r.YAML.Mapping(node, "a case") {
		switch e.Key {
		case "name":
			if c.Name = r.text(e); names[c.Name] > 0 {
				r.Errorf(e.Value, "a case is named %q on line %d too: rename one", c.Name, names[c.Name])
			}
			names[c.Name] = node.Line
		case "alert":
			given = &e
		case "sample":
			from = &e
		case "added":
			added = &e
		case "at":
			at = r.text(e)
			if moment, err := window.ParseWeekMoment(at, r.cfg.Zone, ordinaryWeek(r.cfg.Zone)); err != nil {
				r.Errorf(e.Value, "at: %s", err)
			} else {
				c.at = moment
			}
		case "expect":
			expect = &e
		default:
			r.Unknown(e.KeyNode, "a case", []string{"name", "alert", "sample", "added", "at", "expect"})
		}
	}
	if len(r.Problems) > before { // what follows may be wrong for the same reason
		return
	}
	switch {
	case c.Name == "":
		r.Errorf(node, "a case needs a name: it is what a failure is told by")
	case given == nil && from == nil:
		r.Errorf(node, "a case needs an alert: write alert: with a file or fields, or sample: with one of %s", strings.Join(sample.Names(), ", "))
	case given != nil && from != nil && given.Value.Kind != yaml.MappingNode:
		r.Errorf(given.KeyNode, "a case is about one alert: write alert: with a file, or sample: with fields under alert: that take the place of its own")
	case expect == nil:
		r.Errorf(node, "a case needs expect: what is it that must be so?")
	}
	var base object // that the fields are laid over
	if from != nil {
		a, err := sample.Alert(r.text(*from))
		switch {
		case err != nil:
			r.Errorf(from.Value, "%s", err)
		case given != nil && a.Format != alert.FormatWazuh:
			r.Errorf(from.Value, "the sample is %s, and only those of Wazuh's JSON take other fields under alert:", a.Format.Words())
		default:
			c.alert, base = a, objectOf(a.Original)
		}
	}
	if given != nil && len(r.Problems) == before {
		c.alert = r.alert(*given, file, c.at, base)
	}
	if c.alert != nil {
		c.alert = r.enrich.Enrich(c.alert)
	}
	if added != nil && len(r.Problems) == before {
		r.added(*added, c.alert)
	}
	if expect != nil {
		c.expectation = r.expect(*expect, at)
	}
	if len(r.Problems) == before {
		r.cases = append(r.cases, c)
	}
}

// added lays what a case says of an alert over what enrichment added, name by name: a test need not know what a database says.
func (r *reader) added(e yamlnode.Entry, a *alert.Alert) {
	for _, x := range r.YAML.Mapping(e.Value, "added") {
		if names := r.enrich.Names(); !slices.Contains(names, x.Key) {
			if names == nil {
				r.Errorf(x.KeyNode, "added: the config has no enrich, and adds nothing")
				return
			}
			r.Unknown(x.KeyNode, "added", slices.Clone(names))
			continue
		}
		r.columns(x)
		v, err := enrich.Value(x.Value)
		if err != nil {
			r.Errorf(x.Value, "added: %s", err)
			continue
		}
		a.Added[x.Key] = v
	}
}

// columns says which columns, of a row or of each in a list, the sources of the config do not have.
func (r *reader) columns(of yamlnode.Entry) {
	rows := []*yaml.Node{of.Value}
	if of.Value.Kind == yaml.SequenceNode {
		rows = of.Value.Content
	}
	for _, row := range rows {
		if row = yamlnode.Resolve(row); row == nil || row.Kind != yaml.MappingNode {
			continue
		}
		for _, column := range r.YAML.Mapping(row, of.Key) {
			r.notAPattern(column, column.Value.Value)
			if why := r.cfg.NeverAdded(of.Key+"."+column.Key, "is never there"); why != "" {
				r.Errorf(column.KeyNode, "added: %s", why)
			}
		}
	}
}

// notAPattern warns of a pattern in the place of a value: it matches nothing but itself.
func (r *reader) notAPattern(e yamlnode.Entry, text string) {
	if !rules.LooksLikePattern(text) {
		return
	}
	r.doubts = append(r.doubts, rules.Problem{
		File: r.File, Line: e.Value.Line, Column: e.Value.Column, Warning: true,
		Message: fmt.Sprintf("%s: %q looks like a pattern, and here it is what the alert holds: write a text that the pattern matches", e.Key, text),
	})
}

// ordinaryWeek is the end of the day before the week in which "sat 03:00" of a case lies: one without a common holiday, and in which
// clocks are set nowhere. A case must not come out otherwise tomorrow.
func ordinaryWeek(zone *time.Location) time.Time {
	return time.Date(2026, time.September, 13, 23, 59, 59, 0, zone)
}

// text reads a single value as it is written.
func (r *reader) text(e yamlnode.Entry) (s string) {
	r.Value(e, reflect.ValueOf(&s).Elem())
	return s
}

// alert reads the alert of a case: a file, or fields, which take the place of those of a base.
func (r *reader) alert(e yamlnode.Entry, file string, at time.Time, base object) *alert.Alert {
	if e.Value.Kind == yaml.MappingNode {
		raw := r.compose(e.Value, cmp.Or(at, ordinaryWeek(r.cfg.Zone)), base)
		if raw == nil {
			return nil
		}
		return alert.Parse(raw, alert.Options{Location: r.cfg.Zone})
	}
	name := r.text(e)
	if name == "" {
		return nil
	}
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(file), path)
	}
	b, err := r.readFile(path)
	if err != nil {
		r.Errorf(e.Value, "alert: %s", err)
		return nil
	}
	var found *alert.Alert
	for a, err := range alert.Read(bytes.NewReader(b), alert.Options{FileName: filepath.Base(path), Location: r.cfg.Zone}) {
		if err == nil && found != nil {
			err = errors.New("it holds more than one alert: a case is about one")
		}
		if err != nil {
			r.Errorf(e.Value, "alert: %s: %s", path, err)
			return nil
		}
		found = a
	}
	if found == nil || found.Problem.Kind == alert.ProblemEmpty {
		r.Errorf(e.Value, "alert: %s holds no alert", path)
		return nil
	}
	return found
}

// expect reads what is expected. at is the time of the case, as written.
func (r *reader) expect(e yamlnode.Entry, at string) (x expectation) {
	entries := r.YAML.Mapping(e.Value, "expect")
	if e.Value.Kind == yaml.MappingNode && len(entries) == 0 {
		r.Errorf(e.Value, "expect is empty: write receivers, page, route, suppressed, held or later in it")
	}
	for _, e := range entries {
		switch e.Key {
		case "receivers":
			x.receivers = r.names(e, r.receivers, "receiver")
		case "held":
			if x.held = r.names(e, r.receivers, "receiver"); at == "" {
				r.Errorf(e.KeyNode, "held depends on the time: write at: beside expect")
			}
		case "later":
			x.later = r.names(e, r.receivers, "receiver")
		case "route":
			x.route = r.names(e, append(slices.Clip(r.routes), rules.Default), "route")
		case "page":
			x.page = new(bool)
			r.Value(e, reflect.ValueOf(x.page).Elem())
		case "suppressed":
			x.suppressed = &suppression{so: true}
			if so, err := strconv.ParseBool(e.Value.Value); err == nil && e.Value.ShortTag() == "!!bool" {
				x.suppressed.so = so
			} else if names := r.names(e, r.routes, "route"); names != nil && len(*names) == 1 {
				x.suppressed.by = (*names)[0]
			}
		default:
			r.Unknown(e.KeyNode, "expect", []string{"receivers", "held", "later", "route", "page", "suppressed"})
		}
	}
	return x
}

// names reads a list of names that the config has, which may be empty.
func (r *reader) names(e yamlnode.Entry, known []string, what string) *[]string {
	names, problems := rules.ParseReceivers(e.Value, e.Key)
	r.Add(problems)
	for _, name := range names {
		if slices.Contains(known, name) {
			continue
		}
		advice := fmt.Sprintf("the config has none of that name, but %s", strings.Join(known[:min(len(known), 8)], ", "))
		if near := rules.Nearest(name, known); near != "" {
			advice = fmt.Sprintf("did you mean %q?", near)
		}
		r.Errorf(yamlnode.ItemWith(e.Value, name), "%s: %q is no %s: %s", e.Key, name, what, advice)
	}
	names = slices.Clip(names)
	slices.Sort(names)
	return &names
}
