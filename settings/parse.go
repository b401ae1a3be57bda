package settings

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// comments are whole lines; behind a value they do not matter here.
var comments = regexp.MustCompile(`(?m)^[ \t]*#.*$`)

// Parse begins a file and reads its text as YAML. A text that is empty, or not YAML, gives nil and a problem; instead is what to
// do about an empty one.
func (d *Decoder) Parse(file string, text []byte, instead string) *yaml.Node {
	d.Open(file)
	var root yaml.Node
	// The library calls a file without a document an error of its own kind; no YAML has less than a value.
	blank := len(bytes.TrimSpace(comments.ReplaceAll(text, nil))) == 0
	if err := yaml.Load(text, &root); err != nil && !blank {
		d.notYAML(text, err)
		return nil
	}
	if len(root.Content) == 0 || (root.Content[0].Kind == yaml.ScalarNode && root.Content[0].Tag == "!!null") {
		d.Errorf(&yaml.Node{Line: 1, Column: 1}, "the file is empty; %s", instead)
		return nil
	}
	return root.Content[0]
}

// notYAML says where a text stops being YAML, and what the usual mistake in such a line is.
func (d *Decoder) notYAML(b []byte, err error) {
	at := func(e *yaml.LoadError) {
		n := &yaml.Node{Line: e.Mark.Line, Column: e.Mark.Column}
		if n.Line == 0 {
			n = noYAML(b)
		}
		message := e.Message
		if strings.HasPrefix(message, "unknown anchor ") { // *NAME may be a password that should have been quoted
			message = "there is no such anchor"
		}
		lines := strings.Split(string(b), "\n")
		if e.Mark.Line > 0 && e.Mark.Line <= len(lines) {
			message += yamlHint(lines, e.Mark, e.Message)
		}
		d.Errorf(n, "not YAML: %s", message)
	}
	var many *yaml.LoadErrors
	var one *yaml.LoadError
	switch {
	case errors.As(err, &many):
		for _, e := range many.Errors {
			at(e)
		}
	case errors.As(err, &one):
		at(one)
	default:
		d.Errorf(noYAML(b), "not YAML: %s", err)
	}
}

// noYAML is the place of the first character that no YAML may hold; of these the library tells no place.
func noYAML(b []byte) *yaml.Node {
	i := bytes.IndexFunc(b, func(r rune) bool {
		return r == utf8.RuneError || unicode.IsControl(r) && !strings.ContainsRune("\t\n\r", r)
	})
	before := b[:max(i, 0)]
	return &yaml.Node{Line: bytes.Count(before, []byte("\n")) + 1, Column: len(before) - bytes.LastIndexByte(before, '\n')}
}

// hashValue is a value that YAML takes for a comment: {channel: #soc}.
var hashValue = regexp.MustCompile(`:[ \t]+#\w`)

// yamlHint guesses what is wrong where the lines stop being YAML.
func yamlHint(lines []string, at yaml.Mark, message string) string {
	line, column := lines[at.Line-1], at.Column
	if column > 0 && column <= len(line) && strings.IndexByte("@`%>|*&!", line[column-1]) >= 0 {
		return fmt.Sprintf("; a value that begins with %c must be quoted", line[column-1])
	}
	if _, value, ok := strings.Cut(line, ": "); ok {
		if value = strings.TrimLeft(value, " "); value != "" && strings.IndexByte("@`%*&>|", value[0]) >= 0 {
			return fmt.Sprintf("; a value that begins with %c must be quoted", value[0])
		}
	}
	if strings.Contains(line, "\t") {
		return "; the line holds a tab: YAML is indented with blanks"
	}
	for n := at.Line; n > 0 && n > at.Line-3; n-- { // the comment swallows the bracket; the error comes later
		if hashValue.MatchString(lines[n-1]) {
			return fmt.Sprintf("; in line %d a value begins with #, which begins a comment: quote it", n)
		}
	}
	switch {
	case strings.Contains(message, "',' or"):
		return "; a { or [ of a line above is not closed, or a comma is missing"
	case strings.Contains(message, "end of stream"):
		return "; a quote, { or [ is opened somewhere above and never closed"
	case strings.Contains(message, "did not find expected"), strings.Contains(message, "mapping values are not allowed"), strings.Contains(message, "could not find expected ':'"):
		return indentHint(lines, at.Line)
	}
	return ""
}

// lineKey is the key with which a line begins, behind its blanks and the dash of a list.
var lineKey = regexp.MustCompile(`^( *(?:- +)?)([A-Za-z0-9_.-]{1,40}) *:`)

// indentHint shows in which column a line begins, and the one before it, where that is what YAML cannot read. Of the line it
// shows the key alone: what stands behind may be a secret.
func indentHint(lines []string, n int) string {
	key := func(n int) (string, int) {
		m := lineKey.FindStringSubmatch(lines[n-1])
		if m == nil {
			return fmt.Sprintf("line %d", n), len(lines[n-1]) - len(strings.TrimLeft(lines[n-1], " ")) + 1
		}
		return fmt.Sprintf("%s: in line %d", m[2], n), len(m[1]) + 1
	}
	const text = "; mostly that is the indentation"
	before := n - 1
	for before > 0 && (strings.TrimSpace(lines[before-1]) == "" || strings.HasPrefix(strings.TrimSpace(lines[before-1]), "#")) {
		before--
	}
	if before == 0 {
		return text
	}
	this, column := key(n)
	above, columnAbove := key(before)
	return fmt.Sprintf("%s: %s begins in column %d, %s in column %d. Keys that belong together begin in one column", text, this, column, above, columnAbove)
}
