package splunk

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"sync"
)

// Bounds of what a collector may have us keep: a load balancer wants one cookie or two.
const (
	maxCookies = 32
	maxCookie  = 4 << 10 // bytes of name, value, domain and path: RFC 6265, 6.1
)

// cookies is a jar that holds no more than maxCookies. Where more come, those before them are forgotten.
type cookies struct {
	mu   sync.Mutex
	jar  *cookiejar.Jar
	held map[string]bool // by what tells cookies apart
}

func newCookies() *cookies {
	c := &cookies{}
	c.empty()
	return c
}

func (c *cookies) empty() {
	c.jar, _ = cookiejar.New(nil) // which never fails
	c.held = map[string]bool{}
}

// SetCookies keeps what an answer sets.
func (c *cookies) SetCookies(u *url.URL, set []*http.Cookie) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, cookie := range set[:min(len(set), maxCookies)] {
		if len(cookie.Name)+len(cookie.Value)+len(cookie.Domain)+len(cookie.Path) > maxCookie {
			continue
		}
		id := cookie.Domain + ";" + cookie.Path + ";" + cookie.Name
		if !c.held[id] && len(c.held) == maxCookies {
			c.empty()
		}
		c.held[id] = true
		c.jar.SetCookies(u, []*http.Cookie{cookie})
	}
}

// Cookies are those that a request takes along.
func (c *cookies) Cookies(u *url.URL) []*http.Cookie {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.jar.Cookies(u)
}
