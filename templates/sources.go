package templates

import (
	"regexp"
	"strings"
)

// Source is a file of a set, as it was read.
type Source struct {
	Name, Text string
	// Embedded: it is one of ours. Of a name that is there twice, the later file lies over the earlier one.
	Embedded bool
}

// Sources are the files that a set is made of: the embedded ones, the user's over them, those that a receiver names, its preset.
func (s *Set) Sources() []Source {
	embedded := 0
	for _, src := range s.Defaults().sources {
		if !src.setting {
			embedded++
		}
	}
	var out []Source
	for i, src := range s.sources {
		if !src.setting {
			out = append(out, Source{src.name, src.text, i < embedded})
		}
	}
	if s.preset != nil {
		out = append(out, Source{s.preset.Name + ".yaml", s.preset.Source(), s.preset.Embedded})
	}
	return out
}

// addedUse finds the places at which a template asks for what enrichment adds, or perhaps adds.
var addedUse = regexp.MustCompile(`\.Added\.(\w[\w.]*)|\bfield +"([^"]+)"`)

// AddedUses are the places where a template of the user's, a setting that is one, or a link asks for a field that enrichment may add.
// Their Action is the field's path; the File of a setting is as in its mistakes (see [Set.WithSettings]).
func (s *Set) AddedUses() []Use {
	var uses []Use
	find := func(file, text string) {
		for n, line := range strings.Split(text, "\n") {
			for _, m := range addedUse.FindAllStringSubmatch(line, -1) {
				uses = append(uses, Use{file, n + 1, strings.TrimSuffix(m[1]+m[2], ".")})
			}
		}
	}
	for _, src := range s.Sources() {
		if !src.Embedded {
			find(src.Name, src.Text)
		}
	}
	for _, src := range s.sources {
		if src.setting && !src.preset {
			find(src.name, src.text)
		}
	}
	for _, l := range s.links {
		if l.tmpl.Tree != nil {
			find("links."+l.name, l.tmpl.Root.String())
		}
	}
	return uses
}
