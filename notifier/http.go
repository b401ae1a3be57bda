package notifier

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// userAgent is what every request says it comes from.
const userAgent = "ossec-notify"

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 64 << 10

// Network are the settings that channels over HTTP share.
type Network struct {
	// CAFile holds further certificates to trust, in PEM. CertFile and KeyFile are the client's own.
	CAFile   string `yaml:"ca_file"`
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
	// Proxy is the URL of an HTTP proxy, a secret for the log-in that it may hold. Without it there is none: proxy
	// variables of the environment are those of whoever started the daemon, and do not decide where alerts go.
	Proxy Secret `yaml:"proxy"`
}

// Validate reports every mistake in the settings, as FieldErrors. The files are read by NewClient.
func (n Network) Validate() error {
	var errs []error
	bad := func(key, message string) { errs = append(errs, &FieldError{Key: "network." + key, Message: message}) }
	if proxy, ok := n.Proxy.Plain(); ok {
		if _, err := ParseURL(proxy); err != nil {
			bad("proxy", "is not a URL such as http://proxy.example.com:3128")
		}
	}
	if n.CertFile != "" && n.KeyFile == "" {
		bad("key_file", "is missing: the key of cert_file")
	}
	if n.KeyFile != "" && n.CertFile == "" {
		bad("cert_file", "is missing: the certificate of key_file")
	}
	return errors.Join(errs...)
}

// NewClient makes the HTTP client of one receiver. It keeps connections open, asks for TLS 1.2 or later, connects to
// what egress permits, and follows no redirect. connections is how many it opens at a time, as many as the receiver has
// attempts in flight; 0 is no bound.
func NewClient(cfg Network, egress *Egress, connections int) (*http.Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	make := func(c *tls.Config) *http.Transport {
		return &http.Transport{
			DialContext:            egress.Dial,
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    10 * time.Second,
			ExpectContinueTimeout:  time.Second,
			IdleConnTimeout:        90 * time.Second,
			MaxConnsPerHost:        connections,
			MaxIdleConnsPerHost:    cmp.Or(connections, 16),
			MaxResponseHeaderBytes: maxAnswer,
			// Answers are short. What is not inflated cannot blow up, nor go on for ever without a byte of text.
			DisableCompression:     true,
			TLSClientConfig:        c,
			Proxy:                  cfg.through(egress),
			OnProxyConnectResponse: cfg.connected,
		}
	}
	client := &http.Client{CheckRedirect: NoRedirects}
	if cfg.CAFile == "" && cfg.CertFile == "" {
		client.Transport = make(&tls.Config{MinVersion: tls.VersionTLS12})
		return client, nil
	}
	certificates, err := NewCertificates("network.", cfg.CAFile, cfg.CertFile, cfg.KeyFile)
	if err != nil {
		return nil, err
	}
	client.Transport = &certified{certificates: certificates, make: make}
	return client, nil
}

// NoRedirects is the CheckRedirect of every client here: the redirect itself is the answer.
func NoRedirects(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Answer is what a server answered, or the reason why there is no answer.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte // at most maxAnswer bytes, or what CaptureUpTo was told
	// Err is the network's own error, with no URL in it. Ambiguous is true when the request had been sent.
	Err       error
	Ambiguous bool

	known []string // what the request carried in its Authorization header, and the proxy's URL
}

// Failure turns the answer into an Error by the common rules: nil for 2xx, StatusReason for other answers,
// temporary for a network failure, misconfigured for what [Egress] does not permit. what says what was attempted on what, without secrets ("post to Slack").
// A channel refines the error with what its vendor says.
func (a *Answer) Failure(what string) *Error {
	if a.Err != nil {
		cause := a.Err
		if text := cause.Error(); len(text) > maxCause { // the network's own quote what came
			cause = errors.New(Snippet([]byte(text)))
		}
		e := &Error{Err: fmt.Errorf("%s: %w", what, cause), Ambiguous: a.Ambiguous}
		if of := (*Error)(nil); errors.As(a.Err, &of) {
			e.Reason = of.Reason
		}
		e.Hint = httpHint(a.Err)
		if refused := (*EgressError)(nil); errors.As(a.Err, &refused) {
			e.Reason, e.Hint = Misconfigured, refused.Hint()
		}
		return e
	}
	if a.Status >= 200 && a.Status < 300 {
		return nil
	}
	text := fmt.Sprintf("%s: status %d", what, a.Status)
	if s := Snippet(a.Body); s != "" {
		text += ": " + s
	}
	e := &Error{Reason: StatusReason(a.Status), Status: a.Status, RetryAfter: RetryAfter(a.Header, time.Now()), Err: errors.New(text)}
	if a.Status >= 300 && a.Status < 400 {
		e.Hint = "the server redirects; give the final address in the config"
	}
	if a.Status == http.StatusProxyAuthRequired {
		e.Hint = wantsLogin
	}
	return e
}

// maxCause bounds the text of a network's error, in bytes.
const maxCause = 1000

// Snippet is the beginning of an answer's body, made fit for one line of a log: at most 200 characters, no
// control characters, no HTML page.
func Snippet(body []byte) string {
	s := strings.TrimSpace(string(body))
	if strings.HasPrefix(s, "<") {
		return ""
	}
	s = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r == '\ufffd' {
			return ' '
		}
		return r
	}, s)
	if r := []rune(s); len(r) > 200 {
		s = string(r[:199]) + "…"
	}
	return s
}

// Do sends one request and reads its answer.
func Do(client *http.Client, req *http.Request) *Answer { return DoUpTo(maxAnswer, client, req) }

// DoUpTo is Do for an answer that may be long: of its body, limit bytes are kept.
func DoUpTo(limit int64, client *http.Client, req *http.Request) *Answer {
	// The operator may have named one, in a webhook's headers.
	capturing, answer := captureAs(cmp.Or(req.Header.Get("User-Agent"), userAgent), limit, client)
	resp, err := capturing.Do(req)
	if err == nil {
		resp.Body.Close()
	} else if answer.Err == nil {
		answer.Err = Unurl(err)
	}
	return answer
}

// Capture returns a client for one request that works like client and keeps what the server answered, for
// vendors' libraries that throw the body, the Retry-After header or the network's error away. The library sees
// the same answer. The request says that it comes from us, whatever the library calls itself.
func Capture(client *http.Client) (*http.Client, *Answer) { return CaptureUpTo(maxAnswer, client) }

// CaptureUpTo is Capture for an answer that may be long: of its body, limit bytes are kept.
func CaptureUpTo(limit int64, client *http.Client) (*http.Client, *Answer) {
	return captureAs(userAgent, limit, client)
}

func captureAs(userAgent string, limit int64, client *http.Client) (*http.Client, *Answer) {
	answer := &Answer{}
	c := *client
	base := c.Transport
	if base == nil {
		base = http.DefaultTransport
	}
	c.Transport = &capture{base: base, answer: answer, userAgent: userAgent, limit: limit}
	if c.CheckRedirect == nil {
		c.CheckRedirect = NoRedirects
	}
	return &c, answer
}

type capture struct {
	base      http.RoundTripper
	answer    *Answer
	userAgent string
	limit     int64
}

func (c *capture) RoundTrip(req *http.Request) (*http.Response, error) {
	var wrote atomic.Bool
	ctx := httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		WroteRequest: func(i httptrace.WroteRequestInfo) { wrote.Store(i.Err == nil) },
	})
	ctx = context.WithValue(ctx, proxyTold{}, &c.answer.known)
	out := req.WithContext(ctx)
	out.Header = req.Header.Clone() // a RoundTripper must not change the request that it is given
	out.Header.Set("User-Agent", c.userAgent)
	if _, credential, _ := strings.Cut(out.Header.Get("Authorization"), " "); credential != "" { // also one that was made of the URL
		c.answer.known = append(c.answer.known, credential)
	}
	resp, err := c.base.RoundTrip(out)
	answered := err == nil // a long request may be answered before it was sent whole
	if answered {
		c.answer.Status, c.answer.Header = resp.StatusCode, resp.Header
		c.answer.Body, err = io.ReadAll(io.LimitReader(resp.Body, c.limit))
		if err == nil {
			_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer) // so that the connection can be used again
		}
		resp.Body.Close()
		resp.Body = io.NopCloser(bytes.NewReader(c.answer.Body))
	}
	if err != nil {
		if cause := context.Cause(req.Context()); cause != nil && !errors.Is(err, cause) {
			err = fmt.Errorf("%w (%w)", err, cause)
		}
		if err == io.EOF { // which says nothing to a person
			err = fmt.Errorf("the server closed the connection without an answer: %w", err)
		}
		c.answer.Err, c.answer.Ambiguous = Unurl(err), wrote.Load() || answered
		return nil, err
	}
	return resp, nil
}

// Unurl takes the URL out of an error of net/http: it may be a secret.
func Unurl(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
