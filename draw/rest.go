package draw

import (
	"strings"
	"unicode/utf8"

	"github.com/ossec-notify/ossec-notify/display"
)

// maxRest is how many bytes are shown of what was cut, and maxWhole how many of a text are looked at for it.
const (
	maxRest  = 16 << 10
	maxWhole = 2 * maxRest
)

// WithRest is a drawn message in which each Cut holds what was cut there, where that is known: where the Pre before it is the
// beginning of one of the texts of the alert, in display form.
func WithRest(tree Node, whole ...string) Node {
	r := rester{}
	for _, s := range whole {
		if end := maxWhole; len(s) > end {
			for end > 0 && !utf8.RuneStart(s[end]) {
				end--
			}
			s = s[:end] + "…"
		}
		s = strings.TrimRight(strings.ReplaceAll(s, "\r\n", "\n"), "\n \t\r")
		if s != "" {
			r.whole = append(r.whole, display.Form(s))
		}
	}
	if len(r.whole) == 0 {
		return tree
	}
	return r.fill(tree)
}

// rester fills the cuts of a message from its beginning to its end.
type rester struct {
	whole  []string
	before strings.Builder // the text of the Pre before, its folded part too
	folded bool            // what comes next goes on with it
}

func (r *rester) fill(n Node) Node {
	switch n.Kind {
	case Pre:
		if !r.folded {
			r.before.Reset()
		}
		r.folded = false
		r.before.WriteString(TextOf(n))
		return n
	case Para, Heading:
		r.before.Reset()
		return n
	case Fold:
		if n.within() {
			return n
		}
		if r.folded = true; n.Style != sameLine {
			r.before.WriteByte('\n')
		}
	case Cut:
		if rest := r.rest(); rest != "" && len(n.Children) == 0 {
			n.Children = []Node{{Kind: Pre, Children: Visible(rest)}}
		}
		return n
	}
	if len(n.Children) == 0 {
		return n
	}
	children := make([]Node, len(n.Children))
	for i, c := range n.Children {
		children[i] = r.fill(c)
	}
	n.Children = children
	return n
}

// rest is what follows in one of the texts behind what was shown.
func (r *rester) rest() string {
	// A channel may have another sign for a backtick. Both are compared without, rune by rune, so the place is the same.
	sign := func(s string) []rune { return []rune(strings.ReplaceAll(s, "ˋ", "`")) }
	shown := sign(strings.TrimSuffix(r.before.String(), "…"))
	if len(shown) == 0 {
		return ""
	}
	for _, whole := range r.whole {
		if all := sign(whole); len(all) > len(shown) && string(all[:len(shown)]) == string(shown) {
			rest := strings.TrimPrefix(string([]rune(whole)[len(shown):]), "\n")
			if len(rest) > maxRest {
				rest = strings.ToValidUTF8(rest[:maxRest], "") + "…"
			}
			return rest
		}
	}
	return ""
}
