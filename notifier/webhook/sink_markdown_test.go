package webhook_test

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// chatMarkdown is how a vendor's text is read, as far as it decides what is code.
type chatMarkdown struct {
	// escapes: a backslash takes the meaning of the sign behind it.
	escapes bool
	// live are what is not allowed outside of code and of the operator's links.
	live map[string]*regexp.Regexp
	// everywhere are what is not allowed in code either.
	everywhere map[string]*regexp.Regexp
}

var (
	operatorLink = regexp.MustCompile(`\[([^\[\]()]*)\]\((https://[^()\s]*)\)`)
	emoji        = regexp.MustCompile(`:(?:[+-]1|[a-z0-9_-]*[a-z][a-z0-9_-]*):`)
	escapedSign  = regexp.MustCompile("^\\\\[\\\\`*_~\\[\\](){}!#|>+=.-]")
)

// words are the text outside of code and of the operator's links; signs that are escaped stand as •, code as ■.
func (m chatMarkdown) words(s string) (string, error) {
	var out []string
	fence := ""
	for _, line := range strings.Split(s, "\n") {
		ticks := line[:len(line)-len(strings.TrimLeft(line, "`"))]
		switch {
		case fence != "" && strings.TrimRight(line, " ") == fence:
			fence = ""
			out = append(out, "■")
		case fence != "":
			if strings.HasPrefix(line, fence) {
				return "", fmt.Errorf("a line of code begins with the fence: %.40q", line)
			}
		case len(ticks) >= 3:
			fence = ticks
			if word := line[len(ticks):]; strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") != "" {
				return "", fmt.Errorf("the fence's first line holds %.40q", word)
			}
		default:
			out = append(out, line)
		}
	}
	if fence != "" {
		return "", errors.New("a fence is not closed")
	}
	text, err := m.withoutCode(strings.Join(out, "\n"))
	if err != nil {
		return "", err
	}
	for _, link := range operatorLink.FindAllStringSubmatch(text, -1) {
		if err := ours(link[2]); err != nil {
			return "", fmt.Errorf("link to %s: %w", link[2], err)
		}
	}
	return operatorLink.ReplaceAllString(text, "■"), nil
}

// withoutCode reads a text from left to right, as its vendor does.
func (m chatMarkdown) withoutCode(s string) (string, error) {
	var out strings.Builder
	for s != "" {
		switch sign := escapedSign.FindString(s); {
		case m.escapes && sign != "":
			out.WriteString("•")
			s = s[len(sign):]
		case s[0] != '`':
			out.WriteByte(s[0])
			s = s[1:]
		default:
			inside := strings.TrimLeft(s, "`")
			ticks := s[:len(s)-len(inside)]
			code, rest, closed := strings.Cut(inside, ticks)
			switch {
			case !closed:
				return "", errors.New("a backtick that opens nothing")
			case strings.HasPrefix(rest, "`"):
				return "", fmt.Errorf("code opens with %s and closes with more", ticks)
			case strings.Contains(code, "\n"):
				return "", fmt.Errorf("code goes over the end of a line: %.60q", code)
			}
			out.WriteString("■")
			s = rest
		}
	}
	return out.String(), nil
}

// inert says what in a text would be live for its readers.
func (m chatMarkdown) inert(s string) error {
	errs := found(m.everywhere, s)
	text, err := m.words(s)
	return errors.Join(append(errs, err, errors.Join(found(m.live, text)...))...)
}

func found(what map[string]*regexp.Regexp, s string) (errs []error) {
	for _, name := range slices.Sorted(maps.Keys(what)) {
		if sign := what[name].FindString(s); sign != "" {
			errs = append(errs, fmt.Errorf("%s %q", name, sign))
		}
	}
	return errs
}
