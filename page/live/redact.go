package live

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/ossec-notify/ossec-notify/channel"
	"github.com/ossec-notify/ossec-notify/notifier"
)

// secretSettings matches the settings that hold secrets, in any channel or alias, up to their values.
var secretSettings = sync.OnceValue(func() *regexp.Regexp {
	names := []string{`[\w-]*password`, `[\w-]*token`, `[\w-]*secret`, `[\w-]*[_-]key`, `[\w-]*authorization`}
	for _, kind := range slices.Concat(channel.All(), channel.Aliases()) {
		kind.Config().Secrets(func(key string, _ *notifier.Secret) {
			if key != "" {
				names = append(names, regexp.QuoteMeta(key))
			}
		})
	}
	return regexp.MustCompile(`(?i)\b(?:` + strings.Join(names, "|") + `)["']?\s*:\s*`)
})

var (
	// secretSource is a mapping that says where a secret comes from.
	secretSource = regexp.MustCompile(`^(?:file|env|credential|command)\s*:`)
	// nodeProperties are an anchor and a tag before a value.
	nodeProperties = regexp.MustCompile(`^(?:[&!]\S*(?:\s+|$))+`)
	// credentials are a name and a password in an address.
	credentials = regexp.MustCompile(`://[^/\s"'@]*:[^/\s"']*@`)
	// keyLike is what may be a key that somebody wrote where none belongs.
	keyLike = regexp.MustCompile(`[A-Za-z0-9+=_-]{20,}`)
)

// configLines shows lines of a config, one after the other, without the values that are secrets, or may be: a config that does
// not load cannot tell.
type configLines struct {
	parents []string // of the next line, by indentation, that were not shown
	hides   bool     // what stands further in than column is the value of a secret setting, on lines of its own
	column  int
}

func indentation(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// above notes a line that is not shown. Of all before a line, those that it stands below decide what it is.
func (c *configLines) above(line string) {
	if strings.TrimSpace(line) == "" {
		return
	}
	n := len(c.parents)
	for n > 0 && indentation(c.parents[n-1]) >= indentation(line) {
		n--
	}
	c.parents = append(c.parents[:n], line)
}

// show is the next line.
func (c *configLines) show(line string) string {
	parents := c.parents
	c.parents = nil
	for _, p := range parents {
		c.show(p)
	}
	text := strings.TrimLeft(line, " ")
	indent := len(line) - len(text)
	if c.hides && text != "" {
		if c.hides = indent > c.column && !secretSource.MatchString(text); c.hides {
			return line[:indent] + notifier.Redacted
		}
	}
	var b strings.Builder
	for {
		at := secretSettings().FindStringIndex(line)
		if at == nil {
			break
		}
		column, flow := b.Len()+at[0], strings.ContainsAny(b.String()+line[:at[0]], "{[")
		b.WriteString(line[:at[1]])
		line = line[at[1]:]
		before, n := secretValue(line, flow)
		if !flow && !strings.HasPrefix(line[before:], "{") && !strings.HasPrefix(line[before:], "*") {
			c.hides, c.column = true, column
		}
		if n > 0 {
			b.WriteString(line[:before] + notifier.Redacted)
		}
		line = line[before+n:]
	}
	b.WriteString(line)
	line = credentials.ReplaceAllString(b.String(), "://"+notifier.Redacted+"@")
	return keyLike.ReplaceAllStringFunc(line, func(word string) string {
		if strings.ContainsAny(word, "0123456789") {
			return notifier.Redacted
		}
		return word
	})
}

// secretValue finds the value of a secret setting at the beginning of a text: behind so many bytes it is n long, 0 where it is
// none that is secret. flow: a comma or a bracket ends it.
func secretValue(text string, flow bool) (before, n int) {
	before = len(nodeProperties.FindString(text))
	switch v := text[before:]; {
	case v == "", strings.ContainsRune("*#,}|>", rune(v[0])):
		return before, 0
	case v[0] == '{' && secretSource.MatchString(strings.TrimLeft(v[1:], " ")):
		return before, 0
	case v[0] == '"', v[0] == '\'':
		return before, quotedLength(v)
	case flow:
		if end := strings.IndexAny(v, ",}"); end >= 0 {
			return before, end
		}
		return before, len(v)
	default:
		if end := strings.Index(v, " #"); end >= 0 {
			return before, end
		}
		return before, len(v)
	}
}

// quotedLength is how long a text in quotes is; all of it where they are not closed.
func quotedLength(text string) int {
	quote := text[0]
	for i := 1; i < len(text); i++ {
		switch {
		case quote == '"' && text[i] == '\\':
			i++
		case text[i] == quote && quote == '\'' && strings.HasPrefix(text[i+1:], "'"):
			i++
		case text[i] == quote:
			return i + 1
		}
	}
	return len(text)
}
