package rules

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// pattern is what a text is compared with, in the notation of OSSEC's <match>: alternatives split by |, each of which
// a ^ or $ may anchor, case does not count. Behind a ~ it is a Go regular expression instead. The ! that negates is
// not part of the pattern; see textMatcher.
type pattern struct {
	text         string // as written
	alternatives []alternative
	regexp       *regexp.Regexp
}

// alternative is one literal text, perhaps anchored.
type alternative struct {
	text       string
	start, end bool
}

// find returns the reason why s matches: `holds "auth"`.
func (p *pattern) find(s string) (reason string, ok bool) {
	if p.regexp != nil {
		return "matches " + p.text, p.regexp.MatchString(s)
	}
	for _, a := range p.alternatives {
		if a.matches(s) {
			holds, _ := a.verbs()
			return holds + " " + quote(a.text), true
		}
	}
	return "", false
}

func (p *pattern) matches(s string) bool {
	if p.regexp != nil {
		return p.regexp.MatchString(s)
	}
	for _, a := range p.alternatives {
		if a.matches(s) {
			return true
		}
	}
	return false
}

// misses says that a text does not match: `does not hold "auth"`.
func (p *pattern) misses() string {
	if p.regexp == nil && len(p.alternatives) == 1 {
		_, misses := p.alternatives[0].verbs()
		return misses + " " + quote(p.alternatives[0].text)
	}
	return "does not match " + p.shown()
}

// shown is the pattern as a reason shows it.
func (p *pattern) shown() string {
	if p.regexp != nil {
		return p.text
	}
	return quote(p.text)
}

func (a alternative) matches(s string) bool {
	switch {
	case a.start && a.end:
		return equalFold(s, a.text)
	case a.start:
		_, ok := cutPrefixFold(s, a.text)
		return ok
	case a.end:
		return hasSuffixFold(s, a.text)
	}
	return containsFold(s, a.text)
}

func (a alternative) verbs() (holds, misses string) {
	switch {
	case a.start && a.end:
		return "is", "is not"
	case a.start:
		return "begins with", "does not begin with"
	case a.end:
		return "ends with", "does not end with"
	}
	return "holds", "does not hold"
}

// parsePattern reads a pattern without its !.
func parsePattern(text string) (*pattern, error) {
	if source, ok := strings.CutPrefix(text, "~"); ok {
		if source == "" {
			return nil, errors.New("~ lacks its regular expression")
		}
		re, err := regexp.Compile(source)
		if err != nil {
			return nil, fmt.Errorf("%q is no Go regular expression: %s", source, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		}
		return &pattern{text: text, regexp: re}, nil
	}
	p := &pattern{text: text}
	for part := range strings.SplitSeq(text, "|") {
		var a alternative
		a.text, a.start = strings.CutPrefix(part, "^")
		a.text, a.end = strings.CutSuffix(a.text, "$")
		if a.text == "" {
			return nil, fmt.Errorf("%q matches every text or none: %s", text, emptyAlternative(part))
		}
		p.alternatives = append(p.alternatives, a)
	}
	return p, nil
}

func emptyAlternative(part string) string {
	if part == "" {
		return "remove the | that has nothing beside it"
	}
	return "write text beside the " + part
}
