package notifier

import (
	"context"
	"net/http"
	"net/url"
)

// proxyTold is the key of a request's context under which stands where to note what the proxy is told: errors and answers
// may repeat it.
type proxyTold struct{}

const wantsLogin = "the proxy wants a log-in: give it in network.proxy, http://USER:PASSWORD@HOST:PORT"

// through is the Proxy function of a transport; nil where there is no proxy. The setting is read for each request: a
// connection is for one log-in.
func (n Network) through(egress *Egress) func(*http.Request) (*url.URL, error) {
	if n.Proxy.IsZero() {
		return nil
	}
	return func(r *http.Request) (*url.URL, error) {
		text, err := n.Proxy.Read(r.Context())
		if err != nil {
			return nil, Errorf(Temporary, "network.proxy: %w", err)
		}
		if told, ok := r.Context().Value(proxyTold{}).(*[]string); ok {
			*told = append(*told, text)
		}
		u, err := ParseURL(text)
		if err != nil {
			return nil, n.Proxy.Unfit("network.proxy", err)
		}
		return egress.throughProxy(u, r.URL)
	}
}

// connected looks at how the proxy answers CONNECT. Its words are not shown, as those of a server that we mean to talk to
// are: it is asked for nothing but the way.
func (n Network) connected(_ context.Context, proxy *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	e := Errorf(Temporary, "the proxy %s does not connect: status %d", proxy.Host, resp.StatusCode)
	if resp.StatusCode == http.StatusProxyAuthRequired {
		e.Hint = wantsLogin
		n.Proxy.Renew()
	}
	return e
}

// ProxyIsOpen reports whether the proxy's URL stands in the config and holds no log-in: it is no secret then.
func (n Network) ProxyIsOpen() bool {
	text, ok := n.Proxy.Plain()
	u, err := ParseURL(text)
	return ok && err == nil && u.User == nil
}
