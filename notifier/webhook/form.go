package webhook

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/templates/presets"
)

// form gives text of the alert the form that a preset wants: words stay as they are, quotations are escaped.
type form struct {
	raw         bool
	words       *strings.Replacer // for what the template says; nil: it stays as it is
	escape      *strings.Replacer
	lineStart   []replacement // the longest first
	code, fence *wrapping
}

type replacement struct{ old, with string }

type wrapping struct {
	open, close string
	escape      *strings.Replacer
}

func newForm(t presets.Text) *form {
	return &form{t.Raw, nil, replacer(t.Escape), replacements(t.LineStart), newWrapping(t.Code), newWrapping(t.Fence)}
}

// newUnmarked is a form without markup.
func newUnmarked(t presets.Text, u *presets.Unmarked) *form {
	return &form{raw: t.Raw, words: replacer(u.Words), escape: replacer(u.Escape)}
}

func newWrapping(w *presets.Wrap) *wrapping {
	if w == nil {
		return nil
	}
	return &wrapping{w.Open, w.Close, replacer(w.Escape)}
}

func replacements(table map[string]string) []replacement {
	var all []replacement
	for old, with := range table {
		all = append(all, replacement{old, with})
	}
	slices.SortFunc(all, func(a, b replacement) int { return cmp.Or(len(b.old)-len(a.old), strings.Compare(a.old, b.old)) })
	return all
}

func replacer(table map[string]string) *strings.Replacer {
	var pairs []string
	for _, r := range replacements(table) { // of those that fit at a place, the first one counts
		pairs = append(pairs, r.old, r.with)
	}
	return strings.NewReplacer(pairs...)
}

// text is a string in its form. Of each quotation at most so many characters are shown, before they are escaped; below 0
// all.
func (f *form) text(segments []segment, most int) string {
	var b strings.Builder
	line := "" // what stands before, in the line
	write := func(s string) {
		b.WriteString(s)
		if i := strings.LastIndexByte(s, '\n'); i >= 0 {
			line, s = "", s[i+1:]
		}
		line += s
	}
	for _, s := range segments {
		switch {
		case !s.quoted && f.words != nil:
			write(f.words.Replace(s.text.Raw()))
		case !s.quoted:
			write(s.text.Raw())
		case s.wrap == presets.CodeOpen && f.code != nil:
			write(f.code.around(f.shown(s.text, most)))
		case s.wrap == presets.FenceOpen && f.fence != nil:
			write(f.fence.around(f.shown(s.text, most)))
		case s.wrap == presets.PlainOpen:
			write(verbatim(s.text, most))
		default:
			write(f.escaped(f.shown(s.text, most), beginsLine(line)))
		}
	}
	return b.String()
}

// shown is a quotation before it is escaped.
func (f *form) shown(t display.Text, most int) string {
	switch {
	case f.raw:
		return verbatim(t, most)
	case most >= 0:
		return cmp.Or(t.CutEnd(most).String(), "…") // what is shown of a control character is longer than a sign
	}
	return t.String()
}

// verbatim is a quotation as it came, each byte that is no UTF-8 as U+FFFD.
func verbatim(t display.Text, most int) string {
	s := t.Raw()
	if !utf8.ValidString(s) {
		s = string([]rune(s))
	}
	if most >= 0 {
		s = cutText(s, max(most, 1), presets.Chars)
	}
	return s
}

func (w *wrapping) around(s string) string {
	if strings.TrimSpace(s) == "" {
		return ""
	}
	return w.open + w.escape.Replace(s) + w.close
}

// beginsLine reports that what follows in a line begins it, for markup: there are only signs before it.
func beginsLine(line string) bool {
	return !strings.ContainsFunc(line, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) })
}

// escaped escapes a quotation.
func (f *form) escaped(s string, begins bool) string {
	if len(f.lineStart) == 0 {
		return f.escape.Replace(s)
	}
	var b strings.Builder
	for i, line := range strings.SplitAfter(s, "\n") {
		if i > 0 || begins {
			rest := strings.TrimLeft(line, " \t")
			b.WriteString(line[:len(line)-len(rest)])
			start, after := f.atStart(rest)
			b.WriteString(start)
			line = after
		}
		b.WriteString(f.escape.Replace(line))
	}
	return b.String()
}

// atStart replaces what begins a line.
func (f *form) atStart(line string) (start, rest string) {
	digits := line[:len(line)-len(strings.TrimLeft(line, "0123456789"))]
	for _, r := range f.lineStart {
		if after, ok := strings.CutPrefix(r.old, "1"); ok && digits != "" { // it stands for every number
			if rest, ok := strings.CutPrefix(line[len(digits):], after); ok {
				return digits + strings.TrimPrefix(r.with, "1"), rest
			}
		}
		if rest, ok := strings.CutPrefix(line, r.old); ok && !(r.old[0] >= '0' && r.old[0] <= '9') {
			return r.with, rest
		}
	}
	return "", line
}

// longest is how many characters the longest quotation of a string has.
func (f *form) longest(n *node) int {
	most := 0
	for _, s := range n.text {
		if s.quoted {
			most = max(most, utf8.RuneCountInString(f.shown(s.text, -1)), len(s.text.Raw()))
		}
	}
	return most
}
