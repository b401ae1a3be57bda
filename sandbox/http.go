package sandbox

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ossec-notify/ossec-notify/listen"
)

// request is what a service sees of an HTTP request.
type request struct {
	at     time.Time
	method string
	path   string
	query  url.Values
	header http.Header
	body   []byte // inflated
	gzip   bool
}

// answer is what a service says to a request, and what it thinks of it.
type answer struct {
	status   int
	header   http.Header
	body     string
	problems []string
	accepted bool
}

// text makes an answer in plain text; problems say why it is no better one.
func text(status int, body string, problems ...string) *answer {
	return &answer{
		status:   status,
		header:   http.Header{"Content-Type": {"text/plain; charset=utf-8"}},
		body:     body,
		problems: problems,
	}
}

// object makes an answer in JSON.
func object(status int, body any, problems ...string) *answer {
	b, err := json.Marshal(body)
	if err != nil { // bodies are maps of strings and numbers
		panic(err)
	}
	return &answer{
		status:   status,
		header:   http.Header{"Content-Type": {"application/json; charset=utf-8"}},
		body:     string(b),
		problems: problems,
	}
}

// scriptedAnswer takes the place of a service's own.
func scriptedAnswer(r Reply) *answer {
	a := &answer{status: r.Status, header: r.Header.Clone(), body: r.Body}
	if a.header == nil {
		a.header = http.Header{}
	}
	return a
}

// accept marks the message as taken.
func (a *answer) accept() *answer {
	a.accepted = true
	return a
}

// with adds a header field.
func (a *answer) with(key, value string) *answer {
	a.header.Set(key, value)
	return a
}

// notAllowed is the answer to a wrong method.
func notAllowed(got, want string) *answer {
	return text(http.StatusMethodNotAllowed, "Method Not Allowed", fmt.Sprintf("the method is %s, not %s", got, want)).with("Allow", want)
}

// serveHTTP reads a request whole, lets the service judge it, records it, and only then answers: whoever has
// the answer finds the message in the inbox.
func (s *Server) serveHTTP(w http.ResponseWriter, r *http.Request) {
	service, judge := s.route(r.URL.Path)
	req := &request{
		at:     s.opt.Now(),
		method: r.Method,
		path:   r.URL.Path,
		query:  r.URL.Query(),
		header: r.Header,
	}
	var reply Reply
	a := s.checkHost(r.Host)
	if a == nil {
		reply = s.script.next(service, "")
		a = req.read(w, r, s.opt.MaxBody)
	}
	switch {
	case reply.Status != 0:
		a = scriptedAnswer(reply)
	case a == nil:
		a = judge(req)
	}
	s.inbox.add(Message{
		Service:      service,
		At:           req.at,
		Method:       req.method,
		Path:         req.path,
		Query:        r.URL.RawQuery,
		Header:       req.header,
		Body:         req.body,
		Status:       a.status,
		AnswerHeader: a.header,
		Answer:       a.body,
		Problems:     a.problems,
		Accepted:     a.accepted,
	})

	if reply.Hold != nil {
		select {
		case <-reply.Hold:
		case <-r.Context().Done():
		case <-s.closing:
		}
	}
	if reply.Reset {
		reset(w)
		return
	}
	for k, v := range a.header {
		w.Header()[k] = v
	}
	if reply.CloseAfterHeaders {
		// The announced length makes the missing half an error for the client even where it closes cleanly.
		w.Header().Set("Content-Length", fmt.Sprint(len(a.body)+1))
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.body[:len(a.body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

// route finds the service of a path. HEC and Slack's webhooks share /services/, as they do in the wild; Slack's
// API is not at /api/, to leave that to a page.
func (s *Server) route(path string) (Service, func(*request) *answer) {
	switch {
	case below(path, hecPath):
		return Splunk, s.hec.answer
	case strings.HasPrefix(path, "/services/"):
		return Slack, s.slack.webhook
	case strings.HasPrefix(path, slackAPIPath):
		return SlackAPI, s.slack.api
	case strings.HasPrefix(path, "/v2/"):
		return PagerDuty, s.pager.answer
	case path == "/oncalls" || path == "/incidents":
		return PagerDutyREST, s.pager.rest
	case below(path, elasticPath):
		return Elasticsearch, s.elastic.answer
	case strings.HasPrefix(path, lokiPath):
		return Loki, s.loki.answer
	case below(path, webhookPath):
		return Webhook, s.webhook.answer
	}
	return Unknown, func(*request) *answer {
		return text(http.StatusNotFound, "404 page not found", "no service has this path")
	}
}

// below reports whether path is root or under it.
func below(path, root string) bool {
	rest, ok := strings.CutPrefix(path, root)
	return ok && (rest == "" || rest[0] == '/')
}

// checkHost refuses requests that a browser was tricked into: a page of any site can point its own name at
// 127.0.0.1, but then the Host header shows that name.
func (s *Server) checkHost(host string) *answer {
	if s.opt.AllowRemote {
		return nil
	}
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	if listen.Loopback(strings.Trim(name, "[]")) {
		return nil
	}
	return text(http.StatusForbidden, "forbidden host", fmt.Sprintf("the Host header is %q, not a loopback address", host))
}

// read takes in the body and inflates it, limit bytes at most. It returns the refusal of a body that cannot be
// read.
func (r *request) read(w http.ResponseWriter, from *http.Request, limit int64) *answer {
	body, err := io.ReadAll(http.MaxBytesReader(w, from.Body, limit))
	r.body = body
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return text(http.StatusRequestEntityTooLarge, "Request Entity Too Large", fmt.Sprintf("the body is over %d bytes", limit))
	}
	if err != nil {
		return text(http.StatusBadRequest, "Bad Request", "the body ended early")
	}
	switch encoding := from.Header.Get("Content-Encoding"); strings.ToLower(encoding) {
	case "", "identity":
		return nil
	case "gzip":
		r.gzip = true
	default:
		return text(http.StatusUnsupportedMediaType, "Unsupported Media Type", fmt.Sprintf("the content encoding is %q, not gzip", encoding))
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return text(http.StatusBadRequest, "Bad Request", "the body is not gzip, though its header says so")
	}
	inflated, err := io.ReadAll(io.LimitReader(z, limit+1))
	if err != nil {
		return text(http.StatusBadRequest, "Bad Request", "the gzip body is damaged")
	}
	if int64(len(inflated)) > limit {
		return text(http.StatusRequestEntityTooLarge, "Request Entity Too Large", fmt.Sprintf("the inflated body is over %d bytes", limit))
	}
	r.body = inflated
	return nil
}

// matches reports whether a credential is the one that is expected, in a time that does not tell how much of it is right.
func matches(got, want string) bool {
	g, w := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(g[:], w[:]) == 1
}

// mediaType is the content type without its parameters.
func (r *request) mediaType() string {
	t, _, _ := strings.Cut(r.header.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(t))
}

// reset breaks the connection so that the client sees a reset and not a clean end.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	hardClose(conn)
}

func hardClose(conn net.Conn) {
	inner := conn
	for {
		outer, ok := inner.(interface{ NetConn() net.Conn }) // a bound one, or TLS
		if !ok {
			break
		}
		inner = outer.NetConn()
	}
	if t, ok := inner.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = conn.Close()
}

// parseJSON reads one JSON value, which must be all of text. Numbers stay as they were written.
func parseJSON(text []byte) (any, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("not valid UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more behind the first value")
	}
	return v, nil
}

// parseObject reads one JSON object.
func parseObject(text []byte) (map[string]any, error) {
	v, err := parseJSON(text)
	if err != nil {
		return nil, err
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("not an object")
	}
	return m, nil
}

// silent is the log of servers whose clients are tests: broken connections are expected there.
func silent() *log.Logger { return log.New(io.Discard, "", 0) }
