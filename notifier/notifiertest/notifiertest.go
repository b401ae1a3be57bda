// Package notifiertest owns the checks that every channel over HTTP must pass, against a real server on loopback: which
// answers are success, which are tried again, that a Retry-After is heard, that no secret stands in an error,
// that an attempt ends with its context, that connections are used again. It knows no vendor; what differs is
// in a [Case]. It also keeps what the tests of all channels need: golden files (see [Golden]), secrets in files, free addresses, real
// servers, the keys of a config's mistakes.
//
// A channel's test:
//
//	func TestChannel(t *testing.T) {
//		notifiertest.Run(t, notifiertest.Case{
//			New: func(t *testing.T, url string, client *http.Client) notifier.Notifier {
//				n, err := New(Config{URL: notifier.PlainSecret(url + "/hook/s3cr3t-t0ken")}, client)
//				if err != nil {
//					t.Fatal(err)
//				}
//				return n
//			},
//			Notification: brute(),
//			Secrets:      []string{"s3cr3t-t0ken"},
//			Accept:       func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") },
//		})
//	}
package notifiertest

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// guard ends a test that hangs. No test waits for it otherwise.
const guard = 10 * time.Second

// Case is one channel under test.
type Case struct {
	// New makes the notifier. It must send to url (http://127.0.0.1:PORT, without a path) through client.
	New func(t *testing.T, url string, client *http.Client) notifier.Notifier
	// Notification is what is sent. The suite checks that no attempt changes it.
	Notification notifier.Notification
	// Secrets are in the config and must be in no error text, whatever the server answers.
	Secrets []string
	// Accept writes the vendor's answer to a message that it takes. Nil answers 200 without a body.
	Accept http.HandlerFunc
	// Refuse writes the vendor's answer with the status given. Nil answers a short text.
	Refuse func(w http.ResponseWriter, status int)
	// Reasons are the statuses for which the vendor's rule is not notifier.StatusReason.
	Reasons map[int]notifier.Reason
	// Broken are receivers whose secrets turn out to be of no use when they are read: a token of two lines, an
	// address that is none (see FileSecret). Each must fail for now, with an error that names the file, and send nothing.
	Broken map[string]func(t *testing.T, url string, client *http.Client) notifier.Notifier
	// Earlier is what the vendor gave back for the message that Notification updates, acknowledges or resolves; nil where
	// the channel does not ask for it.
	Earlier *notifier.Receipt
	// Traceless are the actions that can be repeated with Earlier and leave no trace: no attempt is ambiguous.
	Traceless []notifier.Action
	// AnyBody is set where every 2xx answer is a success (a webhook). Otherwise an HTML page with status 200,
	// as a proxy's log-in page, must be an error.
	AnyBody bool
}

// Run runs all checks.
func Run(t *testing.T, c Case) {
	t.Helper()
	if c.Accept == nil {
		c.Accept = func(http.ResponseWriter, *http.Request) {}
	}
	if c.Refuse == nil {
		c.Refuse = func(w http.ResponseWriter, status int) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "no: status says why")
		}
	}
	t.Run("success", c.success)
	t.Run("page of a proxy", c.proxyPage)
	t.Run("statuses", c.statuses)
	t.Run("retry after", c.retryAfter)
	t.Run("redirects are not followed", c.redirects)
	t.Run("secrets stay secret", c.secrets)
	t.Run("answers that end within a secret", c.cut)
	t.Run("secrets of no use", c.broken)
	t.Run("connection refused", c.refused)
	t.Run("connection breaks before the answer", c.breaksBefore)
	t.Run("connection breaks in the answer", c.breaksInside)
	t.Run("ends with its context", c.slow)
	t.Run("context that has ended", c.ended)
	t.Run("answer without end", c.endless)
	t.Run("connections are used again", c.reuse)
	t.Run("concurrent use", c.concurrent)
	t.Run("actions", c.actions)
}

// Request is a request that a notifier sent, with its body read.
type Request struct {
	Method, Path string // Path with the query
	Header       http.Header
	Body         []byte
}

// Requests makes one attempt against a server that accepts, and returns what was sent: for golden tests. The
// attempt must succeed.
func Requests(t *testing.T, c Case) []Request {
	t.Helper()
	var got []Request
	done := make(chan Request, 16)
	url, client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		done <- Request{Method: r.Method, Path: r.URL.RequestURI(), Header: r.Header, Body: body}
		if c.Accept != nil {
			r.Body = io.NopCloser(bytes.NewReader(body))
			c.Accept(w, r)
		}
	})
	if _, err := c.New(t, url, client).Notify(t.Context(), c.Notification); err != nil {
		t.Fatalf("Notify: %v", err)
	}
	for len(done) > 0 {
		got = append(got, <-done)
	}
	return got
}

// serve starts a server and makes a client of its own for it, as notifier.NewClient makes them.
func serve(t *testing.T, h http.HandlerFunc) (url string, client *http.Client) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL, newClient(t)
}

func newClient(t *testing.T) *http.Client {
	t.Helper()
	client, err := notifier.NewClient(notifier.Network{}, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

// accept reads the request, as servers do, and answers with the vendor's yes.
func (c Case) accept(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	c.Accept(w, r)
}

func (c Case) reason(status int) notifier.Reason {
	if r, ok := c.Reasons[status]; ok {
		return r
	}
	return notifier.StatusReason(status)
}
