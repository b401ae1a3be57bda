package presets

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ossec-notify/ossec-notify/yamlnode"
)

// ownPlaceholders are those that are no settings.
var ownPlaceholders = []string{"delivery", "alert", "dedup_key", "dedup_hash", "severity", "action", "receiver", earlierPlaceholder}

// earlierPlaceholder is how the vendor calls the first message of the incident.
const earlierPlaceholder = "earlier"

// textPlaceholders are those of plain: the text, escaped as alert text is, and in its display form alone, for fields without markup.
var textPlaceholders = []string{"text", "shown"}

// piece is a text, or a placeholder.
type piece struct{ text, placeholder string }

// pieces takes a text with placeholders apart. Braces that hold no word are text.
func pieces(s string) []piece {
	var out []piece
	text := ""
	for s != "" {
		before, rest, found := strings.Cut(s, "{")
		name, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			text += s
			break
		}
		if !isWord(name) {
			text, s = text+before+"{", rest
			continue
		}
		if text+before != "" {
			out = append(out, piece{text: text + before})
		}
		out, text, s = append(out, piece{placeholder: name}), "", after
	}
	if text != "" {
		out = append(out, piece{text: text})
	}
	return out
}

func isWord(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_') }) < 0
}

// Expand puts values in the place of placeholders. value is told whether the placeholder begins the text.
func Expand(s string, value func(name string, begins bool) (string, error)) (string, error) {
	if !strings.Contains(s, "{") {
		return s, nil
	}
	var b strings.Builder
	for i, p := range pieces(s) {
		b.WriteString(p.text)
		if p.placeholder == "" {
			continue
		}
		v, err := value(p.placeholder, i == 0)
		if err != nil {
			return "", err
		}
		b.WriteString(v)
	}
	return b.String(), nil
}

// Placeholders are those of a text.
func Placeholders(s string) []string {
	var out []string
	for _, p := range pieces(s) {
		if p.placeholder != "" {
			out = append(out, p.placeholder)
		}
	}
	return out
}

// checkPlaceholders says what is wrong with the placeholders of a text, or "".
func (p *Preset) checkPlaceholders(s string, secrets, text bool) string {
	for _, name := range Placeholders(s) {
		setting, is := p.Setting(name)
		switch {
		case is && setting.Secret && !secrets:
			return fmt.Sprintf("{%s} is a secret, which may stand in url, query, headers, basic and secret_fields only: a body is kept and shown", name)
		case is || slices.Contains(ownPlaceholders, name) || text && slices.Contains(textPlaceholders, name):
			continue
		}
		known := slices.DeleteFunc(slices.Clone(ownPlaceholders), func(name string) bool { return name == earlierPlaceholder }) // where it is refused, too
		for _, s := range p.Settings {
			if secrets || !s.Secret {
				known = append(known, s.Name)
			}
		}
		if text {
			known = append(known, textPlaceholders...)
		}
		if near := yamlnode.Nearest(name, append(slices.Clip(known), earlierPlaceholder)); near != "" {
			return fmt.Sprintf("{%s} is neither a setting nor a value of the message: did you mean {%s}?", name, near)
		}
		return fmt.Sprintf("{%s} is neither a setting nor a value of the message: it takes {%s}", name, strings.Join(known, "}, {"))
	}
	return ""
}
