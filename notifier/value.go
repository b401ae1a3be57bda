package notifier

import (
	"errors"
	"maps"
	"net/url"
	"strings"
)

// ParseURL reads the address of an HTTP server. It may be a secret, so the error does not show it.
func ParseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return nil, errors.New("is not a URL that begins with https:// or http:// and names a host")
	}
	return u, nil
}

// HeaderValue says what keeps v from being the value of a header (RFC 9110, 5.5). It may be a secret, so the error
// does not show it.
func HeaderValue(v string) error {
	if strings.ContainsFunc(v, func(r rune) bool { return r < 0x20 && r != '\t' || r == 0x7f }) {
		return errors.New("holds a line end or another control character: give the value alone, on one line")
	}
	return nil
}

// IsTemplate reports a setting that is a template, and not its text.
func IsTemplate(setting string) bool { return strings.Contains(setting, "{{") }

// OnlyTemplates are those of settings that are templates.
func OnlyTemplates(settings map[string]string) map[string]string {
	only := maps.Clone(settings)
	maps.DeleteFunc(only, func(_, text string) bool { return !IsTemplate(text) })
	return only
}
