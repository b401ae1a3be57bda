package templates

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

var (
	undefined = regexp.MustCompile(`function "([^"]+)" not defined`)
	noField   = regexp.MustCompile(`can't evaluate field (\w+) in type`)
	execError = regexp.MustCompile(`^template: ([^:]+):(\d+)(?::\d+)?: (?:executing "[^"]*" at <[^>]*>: )?`)
)

// parseError makes text/template's error one that says where and what to do.
func parseError(err error) error {
	text := err.Error()
	if m := undefined.FindStringSubmatch(text); m != nil {
		if why, ok := refused[m[1]]; ok {
			text += ": " + why
		} else {
			text += "; docs/templates.md lists the functions"
		}
	}
	for _, x := range []struct{ said, hint string }{
		{"bad character U+007B '{'", "a {{ before it is not closed: }} is missing"},
		{`unexpected "}" in`, "one } stands where }} belongs"},
		{"unclosed action", "}} is missing"},
		{"unexpected EOF", "an {{if}}, {{with}}, {{range}} or {{define}} has no {{end}}"},
		{"unexpected {{end}}", "there is one {{end}} too many"},
	} {
		if strings.Contains(text, x.said) {
			text += ": " + x.hint
			break
		}
	}
	text = strings.TrimPrefix(strings.TrimPrefix(text, "html/"), "template: ")
	return errors.New("template " + text)
}

// renderError shortens text/template's error to "template short.tmpl:12 failed (no field .Foo)".
func renderError(err error) error {
	text := strings.TrimPrefix(err.Error(), "html/")
	var inner string
	for { // a part called by another: the innermost place is the one to mend
		m := execError.FindStringSubmatch(text)
		if m == nil {
			break
		}
		inner = m[1] + ":" + m[2]
		text = text[len(m[0]):]
		if i := strings.Index(text, "error calling part: "); i >= 0 && strings.Contains(text[i:], "template ") {
			return errors.New(text[i+len("error calling part: "):])
		}
	}
	if m := noField.FindStringSubmatch(text); m != nil {
		text = "no field ." + m[1]
	}
	if inner == "" {
		return errors.New("template failed (" + text + ")")
	}
	return fmt.Errorf("template %s failed (%s)", inner, text)
}
