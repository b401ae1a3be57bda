package splunk

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"sync"
)

// maxCookies is how many bytes of cookies are kept. A load balancer's is about a hundred long.
const maxCookies = 8 << 10

// cookies keeps the cookies of one collector. Whoever answers in its place may set new ones with each answer, and each
// request would carry them all: those that came before go when there are too many.
type cookies struct {
	mu   sync.Mutex
	jar  *cookiejar.Jar // nil while there are none
	size int            // of what the jar was given
}

// SetCookies implements [http.CookieJar].
func (c *cookies) SetCookies(u *url.URL, set []*http.Cookie) {
	n := 0
	for _, x := range set {
		n += len(x.Name) + len(x.Value) + len(x.Path) + len(x.Domain)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if n > maxCookies {
		return
	}
	if c.jar == nil || c.size+n > maxCookies {
		jar, err := cookiejar.New(nil)
		if err != nil {
			return
		}
		c.jar, c.size = jar, 0
	}
	c.size += n
	c.jar.SetCookies(u, set)
}

// Cookies implements [http.CookieJar].
func (c *cookies) Cookies(u *url.URL) []*http.Cookie {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.jar == nil {
		return nil
	}
	return c.jar.Cookies(u)
}
