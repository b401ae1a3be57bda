package display

import (
	"net/url"
	"strings"
)

// MaxAddress is how many bytes the address of a page may have.
const MaxAddress = 900

// IsPageAddress reports whether a text from the operator is an address of http or https that may be a link as it is: it holds nothing that
// a message, a mail or a terminal would take for more.
func IsPageAddress(s string) bool {
	odd := strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
	u, err := url.Parse(s)
	return err == nil && !odd && len(s) <= MaxAddress && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && !strings.ContainsAny(s, "<>|\"`")
}
