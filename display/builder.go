package display

import "slices"

// Builder puts a Text together from many pieces, as [Join] does, without a copy for each. The zero value is empty.
type Builder struct {
	text  Text
	words []byte // behind the last quotation, where there are several pieces of them
	first string // or where there is one
	size  int
}

// AddWords appends our own or the operator's words. It must not be given alert text, and no text with marks: see
// [Words].
func (b *Builder) AddWords(s string) {
	switch {
	case s == "":
	case b.first == "":
		b.first = s
	case len(b.words) == 0:
		b.words = append(append(slices.Grow(b.words, max(64, 2*(len(b.first)+len(s)))), b.first...), s...)
	default:
		b.words = append(b.words, s...)
	}
	b.size += len(s)
}

// Add appends a text.
func (b *Builder) Add(t Text) {
	for _, s := range t {
		if !s.quoted {
			b.AddWords(s.raw)
			continue
		}
		if s.raw == "" {
			continue
		}
		b.flush()
		if b.text == nil {
			b.text = make(Text, 0, 8)
		}
		b.text = append(b.text, s)
		b.size += len(s.raw)
	}
}

// Size is the length of what was added, in bytes.
func (b *Builder) Size() int { return b.size }

// Text is what was added.
func (b *Builder) Text() Text {
	b.flush()
	return b.text
}

func (b *Builder) flush() {
	switch {
	case len(b.words) > 0:
		b.text = append(b.text, span{raw: string(b.words)})
	case b.first != "":
		b.text = append(b.text, span{raw: b.first})
	}
	b.words, b.first = b.words[:0], ""
}
