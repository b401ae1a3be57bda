package templates

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
