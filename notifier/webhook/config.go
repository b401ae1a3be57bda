package webhook

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/templates/presets"
)

// The presets of the setting body. Anything else there is the name of a template file.
const (
	bodyJSON = "json" // version 1 of our own schema
	bodyRaw  = "raw"  // the alert as it came
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
	// Preset is the name of a preset, which then says what the request is; Settings are what it asks for beside the URL.
	Preset   string                     `yaml:"preset"`
	Settings map[string]notifier.Secret `yaml:"settings"`

	preset *presets.Preset // once it is read: see UsePreset
}

// BasicAuth is a user name and its password.
type BasicAuth struct {
	Username string          `yaml:"username"`
	Password notifier.Secret `yaml:"password"`
}

// HTTP are the settings of the HTTP client that the receiver needs.
func (c Config) HTTP() notifier.Network { return c.Network }

// Destinations are the servers that the receiver connects to, by the setting that names each, as far as it can be read.
func (c Config) Destinations(ctx context.Context) map[string]string {
	if c.preset != nil {
		return c.presetDestinations(ctx)
	}
	address, _ := c.URL.Read(ctx)
	return map[string]string{"url": address}
}

// BodyTemplate is the template file that makes the body, or "" where a preset does.
func (c Config) BodyTemplate() string {
	if c.Body == bodyJSON || c.Body == bodyRaw || !c.namesBody() {
		return ""
	}
	return c.Body
}

// namesBody reports that the setting body is a name, and no body itself, which may hold a secret.
func (c Config) namesBody() bool { return c.Body == path.Base(path.Clean("/"+c.Body)) }

// TakesTemplate says why a template of the receiver's would have no effect; nil where it has one.
func (c Config) TakesTemplate() error {
	switch {
	case c.Preset != "":
		return nil // its defines are used; a text outside of them is refused where the preset is laid over it
	case c.Body == bodyRaw:
		return errors.New("is of no use with body: raw, which sends the alert as it came; remove one of them")
	case c.BodyTemplate() != "":
		return errors.New("is of no use beside body, which names a template already; remove one of them")
	}
	return nil
}

// SecretURLs are the secrets that are addresses: the URL, where it comes from elsewhere than the config.
func (c Config) SecretURLs() []notifier.Secret {
	var urls []notifier.Secret
	if !c.URL.IsPlain() || c.preset != nil && c.isSecret("url") {
		urls = append(urls, c.URL)
	}
	for name, s := range c.Settings {
		if c.preset != nil && c.preset.IsAddress(name) && c.isSecret(name) {
			urls = append(urls, s)
		}
	}
	return urls
}

// OpenSecrets are the settings that could hold secrets, and hold none: what stands in the config in plain text as
// the URL, or as a header whose name promises no secret (X-Team: soc).
func (c Config) OpenSecrets() []notifier.Secret {
	var open []notifier.Secret
	if c.URL.IsPlain() && (c.preset == nil || !c.isSecret("url")) {
		open = append(open, c.URL)
	}
	for name, s := range c.Settings {
		if s.IsPlain() && c.preset != nil && !c.isSecret(name) {
			open = append(open, s)
		}
	}
	for name, value := range c.Headers {
		if value.IsPlain() && !notifier.NamesSecret(name) {
			open = append(open, value)
		}
	}
	return open
}

// Validate reports every mistake in the settings, as FieldErrors. What secrets hold is looked at only where the
// config holds them itself; else Notify does.
func (c Config) Validate() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, &notifier.FieldError{Key: key, Message: fmt.Sprintf(format, args...)})
	}

	if c.Preset != "" {
		c.validatePreset(bad)
	} else {
		c.validateURL(bad)
	}
	if !slices.Contains([]string{"", http.MethodPost, http.MethodPut, http.MethodPatch}, c.Method) {
		bad("method", "%q is none of POST, PUT, PATCH", c.Method)
	}
	if c.Body != "" && !c.namesBody() {
		bad("body", "is neither json nor raw nor the name of a file in templates_dir")
	}
	c.validateHeaders(bad)
	if c.BasicAuth != nil {
		if c.BasicAuth.Username == "" || strings.Contains(c.BasicAuth.Username, ":") || notifier.HeaderValue(c.BasicAuth.Username) != nil {
			bad("basic_auth.username", "is empty or holds a colon or a control character")
		}
		if c.BasicAuth.Password.IsZero() {
			bad("basic_auth.password", "is missing")
		}
		if err := headerValue(c.BasicAuth.Password); err != nil {
			bad("basic_auth.password", "%v", err)
		}
		if !c.BearerToken.IsZero() {
			bad("bearer_token", "is set beside basic_auth: a request can carry one of them")
		}
	}
	if err := headerValue(c.BearerToken); err != nil {
		bad("bearer_token", "%v", err)
	}
	if c.HMAC != nil {
		c.HMAC.validate(bad)
	}
	if err := notifier.HeaderValue(c.ContentType); err != nil {
		bad("content_type", "%v", err)
	}
	for i, s := range c.Success {
		if _, err := presets.ParseStatuses(s); err != nil {
			bad(fmt.Sprintf("success[%d]", i), "%v", err)
		}
	}
	return errors.Join(append(errs, c.Network.Validate())...)
}

func (c Config) validateURL(bad func(key, format string, args ...any)) {
	if len(c.Settings) > 0 {
		bad("settings", "are those of a preset: write preset: NAME beside them (ossec-notify presets)")
	}
	if c.URL.IsZero() {
		bad("url", "is missing: the address to send to, such as https://example.com/hook")
	} else if u, ok := c.URL.Plain(); ok {
		if _, err := parseURL(u); err != nil {
			bad("url", "%v", err)
		}
	}
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
		if err := headerValue(c.Headers[name]); err != nil {
			bad(key, "%v", err)
		}
	}
}

var errUserInURL = errors.New("holds a user name: use the setting basic_auth")

// parseURL reads the address. Its errors do not show it.
func parseURL(s string) (*url.URL, error) {
	u, err := notifier.ParseURL(s)
	if err != nil {
		return nil, errors.New("is not a URL such as https://example.com/hook")
	}
	if u.User != nil {
		return nil, errUserInURL
	}
	return u, nil
}

// isToken reports whether s can be the name of a header (RFC 9110, 5.6.2).
func isToken(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r))
	}) < 0
}

// headerValue is notifier.HeaderValue for a secret, as far as the config holds it.
func headerValue(s notifier.Secret) error {
	v, _ := s.Plain()
	return notifier.HeaderValue(v)
}
