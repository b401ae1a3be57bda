package notifier

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// Redact takes secrets out of a text that somebody else wrote: a server may echo what it was sent. It knows
// each secret as it is, as JSON, HTML and URLs write it, in quotation marks in quotation marks, and in base64; of a
// secret that is a URL it also takes out the path with its query, the parts of both that are long enough for a key, and
// the log-in. Empty secrets are ignored. A text that may have been cut is for [RedactCut].
func Redact(text string, secrets ...string) string { return redact(text, false, secrets) }

// RedactCut is Redact for a text that may end within a secret, because somebody cut it: what there is of it goes, too.
func RedactCut(text string, secrets ...string) string { return redact(text, true, secrets) }

func redact(text string, cut bool, secrets []string) string {
	if text == "" {
		return ""
	}
	return NewRedactor(secrets...).redact(text, cut)
}

// Redactor takes the same secrets out of many texts, and makes what finds them once. It may be used by many at once.
type Redactor struct {
	parts []secretPart
	all   []secretPart // with the logins, which are before them
}

// secretPart is a secret, or what stands for one, and what finds it.
type secretPart struct {
	text   string
	base64 [2]string
	word   string // the longest row of letters and digits

	once sync.Once
	any  *regexp.Regexp // every spelling, once it is needed
}

func (p *secretPart) spelling() *regexp.Regexp {
	p.once.Do(func() { p.any = spelling(p.text) })
	return p.any
}

// NewRedactor is for these secrets; see [Redact].
func NewRedactor(secrets ...string) *Redactor {
	parts, logins := secretParts(secrets)
	r := &Redactor{all: make([]secretPart, len(logins)+len(parts))}
	r.parts = r.all[len(logins):]
	for i, text := range append(logins, parts...) {
		p := &r.all[i]
		p.text, p.word = text, longestWord(text)
		p.base64 = [2]string{base64.RawStdEncoding.EncodeToString([]byte(text)), base64.RawURLEncoding.EncodeToString([]byte(text))}
	}
	return r
}

// Redact takes the secrets out of a text, as the function of this name does.
func (r *Redactor) Redact(text string) string { return r.redact(text, false) }

func (r *Redactor) redact(text string, cut bool) string {
	if len(r.parts) == 0 {
		return text
	}
	mark := "\x00"                     // until all is done: a secret may stand in the word that takes its place
	for strings.Contains(text, mark) { // at random: whoever knew what is tried next could write all of it
		mark += string('\uE000' + rand.N(rune(0x1900)))
	}
	for i := range r.all {
		for _, encoded := range r.all[i].base64 {
			text = strings.ReplaceAll(text, encoded, mark)
		}
	}
	text = strings.NewReplacer(mark+"==", mark, mark+"=", mark).Replace(text) // padding
	for i := range r.parts {
		part := &r.parts[i]
		// Nobody escapes letters and digits, so a text without the longest row of them has no spelling of the part.
		if strings.Contains(text, part.word) {
			text = part.spelling().ReplaceAllLiteralString(text, mark)
		}
	}
	if cut {
		for i := range r.all {
			text = cutBeginning(text, r.all[i].text, mark)
		}
	}
	return strings.ReplaceAll(text, mark, Redacted)
}

// secretParts are the secrets and what stands for them, the longest first. logins are names with passwords, which are
// secret in base64: by themselves, the password is.
func secretParts(secrets []string) (parts, logins []string) {
	add := func(atLeast int, texts ...string) {
		for _, s := range texts {
			if s != "" && len(s) >= atLeast && !slices.Contains(parts, s) {
				parts = append(parts, s)
			}
		}
	}
	for _, s := range secrets {
		add(1, s)
		u, err := url.Parse(s)
		if err != nil || u.Host == "" {
			continue
		}
		add(minURLPart, u.RequestURI(), strings.TrimPrefix(u.RequestURI(), "/"), u.Path, u.User.Username())
		for segment := range strings.SplitSeq(u.EscapedPath(), "/") {
			plain, _ := url.PathUnescape(segment)
			add(minURLPart, segment, plain)
		}
		for pair := range strings.SplitSeq(u.RawQuery, "&") {
			_, value, _ := strings.Cut(pair, "=")
			plain, _ := url.QueryUnescape(value)
			add(minURLPart, value, plain)
		}
		if p, ok := u.User.Password(); ok {
			add(1, p)
			logins = append(logins, u.User.Username()+":"+p)
		}
	}
	slices.SortStableFunc(parts, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return parts, logins
}

func isLetterOrDigit(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// words are the rows of letters and digits.
func words(s string) iter.Seq[string] {
	return strings.FieldsFuncSeq(s, func(r rune) bool { return !isLetterOrDigit(r) })
}

// longestWord is the longest row of letters and digits.
func longestWord(s string) string {
	longest := ""
	for word := range words(s) {
		if len(word) > len(longest) {
			longest = word
		}
	}
	return longest
}

var entities = map[rune]string{'&': "amp", '<': "lt", '>': "gt", '"': "quot", '\'': "apos"}

// spelling finds a text in every way in which its characters may be escaped.
func spelling(text string) *regexp.Regexp {
	return regexp.MustCompile(strings.Join(spellings(text), ""))
}

// spellings are the regular expressions of the characters of a text, one for each.
func spellings(text string) []string {
	var all []string
	for i, r := range text {
		if isLetterOrDigit(r) {
			all = append(all, string(r))
			continue
		}
		var b strings.Builder
		_, size := utf8.DecodeRuneInString(text[i:])
		own := text[i : i+size]
		// As it is, or behind backslashes: each quoting of a quotation doubles them.
		fmt.Fprintf(&b, `(?:\\*%s|`, quoteRune(r, own))
		for _, c := range []byte(own) {
			fmt.Fprintf(&b, `(?i:%%(?:25)*%02x)`, c)
		}
		const and = `(?:&(?:amp;)*|\\+u0026)` // itself escaped, perhaps
		fmt.Fprintf(&b, `|(?i:\\+x%02x|%s(?:#0*%d|#x0*%x);)`, r, and, r, r)
		if r > 0xffff {
			fmt.Fprintf(&b, `|(?i:\\+u%04x\\+u%04x|\\+U%08x)`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff, r)
		} else {
			fmt.Fprintf(&b, `|(?i:\\+u%04x)`, r)
		}
		if name, ok := entities[r]; ok {
			fmt.Fprintf(&b, `|%s%s;`, and, name)
		}
		switch r {
		case ' ':
			b.WriteString(`|\+`)
		case '\n':
			b.WriteString(`|\\+n`)
		case '\r':
			b.WriteString(`|\\+r`)
		case '\t':
			b.WriteString(`|\\+t`)
		}
		b.WriteString(")")
		all = append(all, b.String())
	}
	return all
}

// quoteRune is one character of a text in a regular expression. A byte that is none of UTF-8 is one that cannot be read.
func quoteRune(r rune, own string) string {
	if r == utf8.RuneError && len(own) == 1 {
		return `\x{FFFD}`
	}
	return regexp.QuoteMeta(own)
}

// minURLPart is the length from which a part of a secret URL is taken for a token rather than a word such as
// "hook".
const minURLPart = 12

// Redact takes secrets out of the answer's body and error, with what the request carried in its Authorization header and
// what the proxy was told. A channel calls it before it looks at either.
func (a *Answer) Redact(secrets ...string) {
	secrets = append(slices.Clip(secrets), a.known...)
	if len(a.Body) >= shortest(secrets) {
		a.Body = []byte(RedactCut(string(a.Body), secrets...))
	}
	if a.Err == nil {
		return
	}
	if text := a.Err.Error(); RedactCut(text, secrets...) != text {
		if refused := (*EgressError)(nil); errors.As(a.Err, &refused) { // which says what kind of failure it is
			told := *refused
			told.Address, told.Host = Redact(told.Address, secrets...), Redact(told.Host, secrets...)
			a.Err = &told
			return
		}
		a.Err = errors.New(RedactCut(text, secrets...))
	}
}

// shortest is how short a spelling of the secrets, or of a beginning of one, may be: what is shorter, as the "ok" of most
// services, holds none.
func shortest(secrets []string) int {
	n := minPiece
	for _, s := range secrets {
		if s != "" {
			n = min(n, len(s))
		}
	}
	return n
}
