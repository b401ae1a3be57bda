package templates

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ossec-notify/ossec-notify/display"
)

// Bounds of what messages show of the operator's own tables.
const (
	maxShownLabel = 40 // letters
	maxShownValue = 200
	maxShownLinks = 5
)

// foundOf is what was found of what was added.
func foundOf(added map[string]any) map[string]any {
	if added == nil {
		return nil
	}
	out := make(map[string]any, len(added))
	for name, v := range added {
		if v != nil {
			out[name] = v
		}
	}
	return out
}

// shownFacts adds the columns of tables that the config has messages show.
func (d *Data) shownFacts(facts []Fact) []Fact {
	if d.Alert == nil || d.Summary != nil {
		return facts
	}
	for _, x := range d.Shown {
		value := display.Quote(x.Value).Line().Trim()
		if label := shownLabel(x.Name); !x.Link && label != "" && !value.Blank() {
			facts = append(facts, Fact{display.Words(label), value.Cut(maxShownValue)})
		}
	}
	return facts
}

// shownLabel makes a label of the name of a column.
func shownLabel(name string) string {
	name = name[strings.LastIndexByte(name, '.')+1:]
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '_' || r == '-' || r == ' ':
			return ' '
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			return r
		}
		return -1
	}, name))
	if r := []rune(name); len(r) > maxShownLabel {
		name = strings.TrimSpace(string(r[:maxShownLabel-1])) + "…"
	}
	first, n := utf8.DecodeRuneInString(name)
	if n == 0 {
		return ""
	}
	return string(unicode.ToUpper(first)) + name[n:]
}

// shownLinks adds the links that tables give. A table is the operator's, so that a whole address from it may be a link; one of the
// config by the same name makes way for it.
func (d *Data) shownLinks(links []Link) []Link {
	added := 0
	for _, x := range d.Shown {
		if !x.Link || !display.IsPageAddress(x.Value) || added == maxShownLinks {
			continue
		}
		added++
		link := Link{display.Words(x.Name), display.Words(x.Value), strings.ToLower(x.Name)}
		replaced := false
		for i, l := range links {
			if l.Name == link.Name {
				links[i].URL, replaced = link.URL, true
			}
		}
		if !replaced {
			links = append(links, link)
		}
	}
	return links
}
