package notifier

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"html"
	"net/url"
	"regexp"
	"slices"
	"sort"
	"strings"
)

// Redact takes secrets out of a text that somebody else wrote: a server may echo what it was sent. It knows
// each secret as it is, as JSON, as HTML, in base64 and as a part of a URL; of a secret that is a URL it also takes out
// the path with its query, the parts of both that are long enough for a key, and the log-in. Empty secrets are ignored.
func Redact(text string, secrets ...string) string {
	if text == "" {
		return ""
	}
	forms := secretForms(secrets)
	if len(forms) == 0 {
		return text
	}
	pairs := make([]string, 0, 2*len(forms))
	for _, f := range forms {
		pairs = append(pairs, f, Redacted)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// secretForms are the spellings of the secrets, the longest first: a Replacer takes the first that fits.
func secretForms(secrets []string) []string {
	seen := map[string]bool{"": true}
	var forms []string
	add := func(s string) {
		if !seen[s] {
			seen[s] = true
			forms = append(forms, s)
		}
	}
	spell := func(s string) {
		add(s)
		for _, escaped := range []string{url.QueryEscape(s), url.PathEscape(s)} {
			add(escaped)
			if strings.Contains(escaped, "%") {
				add(percentByte.ReplaceAllStringFunc(escaped, strings.ToLower))
			}
		}
		add(html.EscapeString(s))
		add(base64.RawStdEncoding.EncodeToString([]byte(s))) // with padding, too, which is no secret
		add(base64.RawURLEncoding.EncodeToString([]byte(s)))
		if quoted, err := json.Marshal(s); err == nil {
			inner := string(quoted[1 : len(quoted)-1])
			add(inner)
			add(strings.ReplaceAll(inner, "/", `\/`)) // as PHP writes it
		}
	}
	for _, s := range secrets {
		spell(s)
		u, err := url.Parse(s)
		if err != nil || u.Host == "" {
			continue
		}
		parts := []string{u.RequestURI(), strings.TrimPrefix(u.RequestURI(), "/"), u.Path, u.User.Username()}
		parts = append(parts, strings.Split(u.Path, "/")...)
		parts = append(parts, strings.Split(u.EscapedPath(), "/")...)
		for _, pair := range strings.Split(u.RawQuery, "&") {
			_, value, _ := strings.Cut(pair, "=")
			plain, _ := url.QueryUnescape(value)
			parts = append(parts, value, plain)
		}
		for _, part := range parts {
			if len(part) >= minURLPart {
				spell(part)
			}
		}
		if p, ok := u.User.Password(); ok {
			spell(p)
			add(base64.StdEncoding.EncodeToString([]byte(u.User.Username() + ":" + p)))
		}
	}
	sort.SliceStable(forms, func(i, j int) bool { return len(forms[i]) > len(forms[j]) })
	return forms
}

var percentByte = regexp.MustCompile(`%[0-9A-F]{2}`)

// minURLPart is the length from which a part of a secret URL is taken for a token rather than a word such as
// "hook".
const minURLPart = 12

// Redact takes secrets out of the answer's body and error, and what the request carried in its Authorization header. A
// channel calls it before it looks at either.
func (a *Answer) Redact(secrets ...string) {
	if a.credential != "" {
		secrets = append(slices.Clip(secrets), a.credential)
	}
	if len(a.Body) >= shortest(secrets) {
		a.Body = []byte(Redact(string(a.Body), secrets...))
	}
	if a.Err == nil {
		return
	}
	if text := a.Err.Error(); Redact(text, secrets...) != text {
		a.Err = errors.New(Redact(text, secrets...))
	}
}

// shortest is how short a spelling of the secrets may be: what is shorter, as the "ok" of most services, holds none.
func shortest(secrets []string) int {
	n := minURLPart
	for _, s := range secrets {
		if s != "" {
			n = min(n, len(s))
		}
	}
	return n
}
