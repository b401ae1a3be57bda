package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/ossec-notify/ossec-notify/channel"
	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/notifier"
)

// errRecorded is what the recorder answers in place of a server.
var errRecorded = errors.New("recorded, not sent")

// recorder is the other end of a preview: it keeps the requests that a channel makes and sends none.
type recorder struct {
	redact   *redactor
	requests []request
}

// request is a request as preview --format json shows it, with no secret in it.
type request struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Body    any               `json:"body"` // the JSON value, else the text

	size int // of the body as it travels, in bytes
}

// RoundTrip records.
func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		req.Body.Close()
	}
	size := len(body)
	if req.Header.Get("Content-Encoding") == "gzip" {
		if z, err := gzip.NewReader(bytes.NewReader(body)); err == nil {
			if inflated, err := io.ReadAll(z); err == nil {
				body = inflated
			}
		}
	}
	rec := request{Method: req.Method, URL: r.redact.url(req.URL), Headers: map[string]string{}, size: size}
	for name, values := range req.Header {
		rec.Headers[name] = r.redact.header(name, strings.Join(values, ", "))
	}
	text := r.redact.text(string(body))
	rec.Body = text
	if json.Valid([]byte(text)) && utf8.ValidString(text) {
		rec.Body = json.RawMessage(plainEscapes(text))
	}
	r.requests = append(r.requests, rec)
	return nil, errRecorded
}

// plainEscapes writes <, > and & in JSON as they are: Go's encoder, which the channels use, hides them behind
// \u003c and the like, for the sake of browsers. The value is the same.
func plainEscapes(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		if len(s) >= i+6 {
			if c, ok := map[string]byte{`\u003c`: '<', `\u003e`: '>', `\u0026`: '&'}[s[i:i+6]]; ok {
				b.WriteByte(c)
				i += 5
				continue
			}
		}
		b.WriteString(s[i : i+2]) // any other escape, a backslash among them
		i++
	}
	return b.String()
}

// take returns what was recorded since the last call.
func (r *recorder) take() []request {
	out := r.requests
	r.requests = nil
	return out
}

// redactor knows the secrets of a config and takes them out of what is shown.
type redactor struct {
	secrets []string
	urls    []string // addresses that are secrets as a whole

	once    sync.Once
	ofTexts *notifier.Redactor // of all that are looked for in texts
}

// minSecret is the length from which a secret is looked for in texts. A shorter one would be found in every word
// of a message; where it is used (the Authorization header, a header of its own) it is taken out all the same.
const minSecret = 8

// unreadable and unreadableURL take the place of secrets that cannot be read: a preview may be made by somebody who
// must not read them. They have the form that the channels check for (a PagerDuty key has 32 letters), and are
// shown as secrets. No server has a name that ends in .invalid (RFC 6761, 6.4).
const (
	unreadable    = "notTheSecretWhichCannotBeReadNow"
	unreadableURL = "https://redacted.invalid/"
)

// errNotRun: a preview runs nothing.
var errNotRun = errors.New("a program prints it")

// readNow reads a secret, unless that takes a program.
func readNow(s notifier.Secret) (string, error) {
	if s.Program() != "" {
		return "", errNotRun
	}
	return s.Read(context.Background())
}

// newRedactor collects the secrets of the receivers.
func newRedactor(receivers []*config.Receiver) *redactor {
	r := &redactor{secrets: []string{unreadable}, urls: []string{unreadableURL}}
	for _, rc := range receivers {
		urls, open := rc.Config.SecretURLs(), rc.Config.OpenSecrets()
		rc.Config.Secrets(func(_ string, s *notifier.Secret) {
			v, err := readNow(*s)
			switch {
			case err != nil || v == "" || slices.Contains(open, *s):
			case slices.Contains(urls, *s):
				r.urls = append(r.urls, v)
			default:
				r.secrets = append(r.secrets, v)
			}
		})
	}
	return r
}

// readable is a copy of a channel's config in which placeholders stand for the secrets that cannot be read.
func readable(c *channel.Config) *channel.Config {
	urls := c.SecretURLs()
	return c.WithSecrets(func(s notifier.Secret) notifier.Secret {
		if _, err := readNow(s); err == nil {
			return s
		}
		if slices.Contains(urls, s) {
			return notifier.PlainSecret(unreadableURL)
		}
		return notifier.PlainSecret(unreadable)
	})
}

func (r *redactor) text(s string) string {
	r.once.Do(func() {
		known := slices.Clone(r.urls)
		for _, v := range r.secrets {
			if len(v) >= minSecret {
				known = append(known, v)
			}
		}
		r.ofTexts = notifier.NewRedactor(known...)
	})
	return r.ofTexts.Redact(s)
}

// header keeps the scheme of a credential: "Splunk [redacted]".
func (r *redactor) header(name, value string) string {
	if name == "Authorization" {
		if scheme, _, ok := strings.Cut(value, " "); ok {
			return scheme + " " + notifier.Redacted
		}
		return notifier.Redacted
	}
	if slices.Contains(r.secrets, value) {
		return notifier.Redacted
	}
	return r.text(value)
}

// isSplunkData reports whether a value of a query says where Splunk is to put a line: to its raw endpoint that is part of the
// message. A secret that is known is taken out of it all the same.
func isSplunkData(u *url.URL, name string) bool {
	return isRawEndpoint(u) && slices.Contains([]string{"index", "host", "source", "sourcetype"}, name)
}

// isRawEndpoint reports whether an address is that of the raw endpoint of Splunk's collector.
func isRawEndpoint(u *url.URL) bool {
	return strings.HasSuffix(strings.TrimSuffix(u.Path, "/1.0"), "/services/collector/raw")
}

// pathWord is what the first part of a path is on most servers (services, hooks, api), and a key hardly ever.
var pathWord = regexp.MustCompile(`^[a-z]{1,12}$`)

// url shows of an address that is a secret the host and the first part of the path; of any other all but a
// password and what looks like a key, because vendors put keys into paths and queries.
func (r *redactor) url(u *url.URL) string {
	if u.String() == unreadableURL {
		return notifier.Redacted
	}
	out := u.Scheme + "://"
	if u.User != nil {
		out += notifier.Redacted + "@"
	}
	out += u.Host
	segments := strings.Split(strings.TrimPrefix(u.EscapedPath(), "/"), "/")
	if slices.Contains(r.urls, u.String()) {
		if len(segments) > 1 && pathWord.MatchString(segments[0]) {
			out += "/" + segments[0]
		}
		return out + "/" + notifier.Redacted
	}
	const keyLength = 20 // shorter words of a path are names
	for _, s := range segments {
		if len(s) > keyLength {
			s = notifier.Redacted
		}
		out += "/" + s
	}
	if u.RawQuery != "" {
		pairs := strings.Split(u.RawQuery, "&")
		for i, pair := range pairs {
			name, value, ok := strings.Cut(pair, "=")
			if ok && (len(value) > 8 || value != "" && notifier.NamesSecret(name)) && !isSplunkData(u, name) {
				pairs[i] = name + "=" + notifier.Redacted
			}
		}
		out += "?" + strings.Join(pairs, "&")
	}
	return r.text(out)
}
