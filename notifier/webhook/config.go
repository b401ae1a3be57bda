package webhook

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// The presets of the setting body. Anything else there is the name of a template file.
const (
	BodyJSON = "json" // version 1 of our own schema
	BodyRaw  = "raw"  // the alert as it came
)

// Config are the settings of one receiver.
type Config struct {
	// URL is where the request goes. It may be a secret.
	URL notifier.Secret `yaml:"url"`
	// Method is POST, PUT or PATCH; POST without it.
	Method string `yaml:"method"`
	// Headers are sent as they are, beside those that the channel sets itself.
	Headers map[string]notifier.Secret `yaml:"headers"`
	// Body is a preset (json, raw) or the name of a template file; json without it.
	Body string `yaml:"body"`
	// BasicAuth and BearerToken fill the Authorization header; at most one of them.
	BasicAuth   *BasicAuth      `yaml:"basic_auth"`
	BearerToken notifier.Secret `yaml:"bearer_token"`
	HMAC        *HMAC           `yaml:"hmac"`
	// Gzip compresses what is sent.
	Gzip bool `yaml:"gzip"`
	// ContentType takes the place of the one that follows from the body.
	ContentType string `yaml:"content_type"`
	// Success lists the statuses that mean delivered, "202" or "200-299"; any 2xx without it.
	Success []string         `yaml:"success"`
	Network notifier.Network `yaml:"network"`
}

// BasicAuth is a user name and its password.
type BasicAuth struct {
	Username string          `yaml:"username"`
	Password notifier.Secret `yaml:"password"`
}

// Validate reports every mistake in the settings, as FieldErrors. What secrets hold is looked at only where the
// config holds them itself; else Notify does.
func (c Config) Validate() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, &notifier.FieldError{Key: key, Message: fmt.Sprintf(format, args...)})
	}

	if c.URL.IsZero() {
		bad("url", "is missing: the address to send to, such as https://example.com/hook")
	} else if u, err := c.URL.Read(); c.URL.IsPlain() && err == nil {
		if _, err := parseURL(u); err != nil {
			bad("url", "%v", err)
		}
	}
	if !slices.Contains([]string{"", http.MethodPost, http.MethodPut, http.MethodPatch}, c.Method) {
		bad("method", "%q is none of POST, PUT, PATCH", c.Method)
	}
	if c.Body != path.Base(path.Clean("/"+c.Body)) && c.Body != "" {
		bad("body", "%q is neither json nor raw nor the name of a file in templates_dir", c.Body)
	}
	c.validateHeaders(bad)
	if c.BasicAuth != nil {
		if c.BasicAuth.Username == "" || strings.Contains(c.BasicAuth.Username, ":") || !isHeaderValue(c.BasicAuth.Username) {
			bad("basic_auth.username", "is empty or holds a colon or a control character")
		}
		if c.BasicAuth.Password.IsZero() {
			bad("basic_auth.password", "is missing")
		}
		if !c.BearerToken.IsZero() {
			bad("bearer_token", "is set beside basic_auth: a request can carry one of them")
		}
	}
	if !isPlainHeaderValue(c.BearerToken) {
		bad("bearer_token", "holds a control character")
	}
	if c.HMAC != nil {
		c.HMAC.validate(bad)
	}
	if !isHeaderValue(c.ContentType) {
		bad("content_type", "holds a control character")
	}
	for i, s := range c.Success {
		if _, err := parseStatuses(s); err != nil {
			bad(fmt.Sprintf("success[%d]", i), "%v", err)
		}
	}
	return errors.Join(errs...)
}

// headerSettings are the headers that the channel sets itself, and the setting for each where there is one.
// Two sources for one header would be a riddle.
var headerSettings = map[string]string{
	"Content-Type":         "content_type",
	"Content-Encoding":     "gzip",
	"Idempotency-Key":      "",
	schemaHeader:           "",
	"Host":                 "",
	"Content-Length":       "",
	"Transfer-Encoding":    "",
	"Connection":           "",
	"Trailer":              "",
	"Upgrade":              "",
	"Expect":               "",
	"Te":                   "",
	"Proxy-Connection":     "",
	"Proxy-Authorization":  "network.proxy",
	defaultSignature:       "hmac",
	defaultTimestampHeader: "hmac",
}

func (c Config) validateHeaders(bad func(key, format string, args ...any)) {
	seen := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(c.Headers)) {
		key := "headers." + name
		if !isToken(name) {
			bad(key, "is no name of a header: letters, digits and - only")
			continue
		}
		canonical := http.CanonicalHeaderKey(name)
		if other, twice := seen[canonical]; twice {
			bad(key, "is the same header as %s", other)
		}
		seen[canonical] = name
		if setting, ours := headerSettings[canonical]; ours {
			if setting == "" {
				bad(key, "is set by ossec-notify itself")
			} else {
				bad(key, "use the setting %s", setting)
			}
		}
		if canonical == "Authorization" && (c.BasicAuth != nil || !c.BearerToken.IsZero()) {
			bad(key, "is set beside basic_auth or bearer_token: a request can carry one of them")
		}
		if !isPlainHeaderValue(c.Headers[name]) {
			bad(key, "holds a line end or another control character")
		}
	}
}

// parseURL reads the address. Its errors do not show it.
func parseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, errors.New("is no address such as https://example.com/hook")
	}
	if u.User != nil {
		return nil, errors.New("holds a user name: use the setting basic_auth")
	}
	return u, nil
}

// statuses is a range of HTTP statuses, both ends included.
type statuses struct{ from, to int }

func parseStatuses(s string) (statuses, error) {
	first, last, isRange := strings.Cut(s, "-")
	if !isRange {
		last = first
	}
	from, err1 := strconv.Atoi(strings.TrimSpace(first))
	to, err2 := strconv.Atoi(strings.TrimSpace(last))
	if err1 != nil || err2 != nil || from < 200 || to > 599 || from > to {
		return statuses{}, fmt.Errorf("%q is no HTTP status or range of them: write 202 or 200-299", s)
	}
	return statuses{from, to}, nil
}

// isToken reports whether s can be the name of a header (RFC 9110, 5.6.2).
func isToken(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r))
	}) < 0
}

// isHeaderValue reports whether s can be the value of a header: no control characters (RFC 9110, 5.5).
func isHeaderValue(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return (r < 0x20 && r != '\t') || r == 0x7f }) < 0
}

// isPlainHeaderValue is isHeaderValue for a secret, as far as the config holds it.
func isPlainHeaderValue(s notifier.Secret) bool {
	v, err := s.Read()
	return !s.IsPlain() || err != nil || isHeaderValue(v)
}
