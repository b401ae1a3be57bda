package notifier

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ossec-notify/ossec-notify/regular"
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
	// Proxy is the URL of an HTTP proxy. Without it there is none: proxy variables of the environment are those
	// of whoever started the daemon, and do not decide where alerts go.
	Proxy string `yaml:"proxy"`
}

// Validate reports every mistake in the settings, as FieldErrors. The files are read by NewClient.
func (n Network) Validate() error {
	var errs []error
	bad := func(key, message string) { errs = append(errs, &FieldError{Key: "network." + key, Message: message}) }
	if n.Proxy != "" {
		if _, err := ParseURL(n.Proxy); err != nil {
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
	t := &http.Transport{
		DialContext:            egress.Dial,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    10 * time.Second,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        90 * time.Second,
		MaxConnsPerHost:        connections,
		MaxIdleConnsPerHost:    cmp.Or(connections, 16),
		MaxResponseHeaderBytes: maxAnswer,
		// Answers are short. What is not inflated cannot blow up, nor go on for ever without a byte of text.
		DisableCompression: true,
		TLSClientConfig:    &tls.Config{MinVersion: tls.VersionTLS12},
	}
	if cfg.Proxy != "" {
		u, err := ParseURL(cfg.Proxy)
		if err != nil {
			return nil, err
		}
		t.Proxy = func(r *http.Request) (*url.URL, error) { return egress.throughProxy(u, r.URL) }
	}
	if cfg.CAFile != "" {
		pool, err := CertPool(cfg.CAFile)
		if err != nil {
			return nil, fmt.Errorf("network.ca_file: %w", err)
		}
		t.TLSClientConfig.RootCAs = pool
	}
	if cfg.CertFile != "" || cfg.KeyFile != "" {
		pair, err := KeyPair(cfg.CertFile, cfg.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("network.cert_file, network.key_file: %w", err)
		}
		t.TLSClientConfig.Certificates = []tls.Certificate{pair}
	}
	return &http.Client{Transport: t, CheckRedirect: NoRedirects}, nil
}

// CertPool is the system's certificates and those of a file in PEM form.
func CertPool(file string) (*x509.CertPool, error) {
	pem, err := regular.Read(file, maxPEM)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate in PEM form", file)
	}
	return pool, nil
}

// KeyPair is a certificate and its key, from two files in PEM form.
func KeyPair(certFile, keyFile string) (tls.Certificate, error) {
	cert, err := regular.Read(certFile, maxPEM)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := regular.Read(keyFile, maxPEM)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}

// maxPEM bounds a file of certificates or of a key, in bytes.
const maxPEM = 4 << 20

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

	credential string // that the request carried in its Authorization header
}

// Failure turns the answer into an Error by the common rules: nil for 2xx, StatusReason for other answers,
// temporary for a network failure, misconfigured for what [Egress] does not permit. what says what was attempted on what, without secrets ("post to Slack").
// A channel refines the error with what its vendor says.
func (a *Answer) Failure(what string) *Error {
	if a.Err != nil {
		e := &Error{Err: fmt.Errorf("%s: %w", what, a.Err), Ambiguous: a.Ambiguous}
		if unknown := new(x509.UnknownAuthorityError); errors.As(a.Err, unknown) {
			e.Hint = "give the certificate of the server's authority in network.ca_file"
		}
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
	return e
}

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
func Do(client *http.Client, req *http.Request) *Answer {
	// The operator may have named one, in a webhook's headers.
	capturing, answer := captureAs(cmp.Or(req.Header.Get("User-Agent"), userAgent), maxAnswer, client)
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
	out := req.WithContext(ctx)
	out.Header = req.Header.Clone() // a RoundTripper must not change the request that it is given
	out.Header.Set("User-Agent", c.userAgent)
	_, c.answer.credential, _ = strings.Cut(out.Header.Get("Authorization"), " ") // also one that was made of the URL
	resp, err := c.base.RoundTrip(out)
	if err == nil {
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
		c.answer.Err, c.answer.Ambiguous = Unurl(err), wrote.Load()
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
