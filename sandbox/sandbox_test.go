package sandbox

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// start runs stand-ins for one test.
func start(t *testing.T, opt Options) *Server {
	t.Helper()
	s, err := Start(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// got is an answer as a client sees it.
type got struct {
	Status int
	Body   string
	header http.Header
}

type header map[string]string

var asJSON = header{"Content-Type": "application/json"}

// do sends one request.
func do(t *testing.T, method, url string, h header, body string) got {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range h {
		req.Header.Set(k, v)
		if k == "Host" {
			req.Host = v
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got{resp.StatusCode, string(b), resp.Header}
}

// last is the newest message in the inbox.
func last(t *testing.T, s *Server) Message {
	t.Helper()
	all := s.Messages()
	if len(all) == 0 {
		t.Fatal("the inbox is empty")
	}
	return all[len(all)-1]
}

// zipped compresses text.
func zipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, text)
	_ = z.Close()
	return b.String()
}

// also copies a header and adds fields.
func (h header) also(more header) header {
	all := maps.Clone(h)
	maps.Copy(all, more)
	return all
}

// clock is a clock that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func TestStartRefusesAddressesThatOthersReach(t *testing.T) {
	for _, opt := range []Options{
		{HTTPAddr: "0.0.0.0:0"},
		{HTTPAddr: ":0"},
		{HTTPAddr: "192.0.2.1:0"},
		{SMTPAddr: "0.0.0.0:0"},
		{SMTPAddr: "[::]:0"},
		{SMTPAddr: "no port"},
	} {
		if s, err := Start(opt); err == nil {
			s.Close()
			t.Errorf("Start(%q, %q) listens", opt.HTTPAddr, opt.SMTPAddr)
		}
	}
}

func TestStartListensElsewhereWhenToldTo(t *testing.T) {
	s := start(t, Options{HTTPAddr: "0.0.0.0:0", SMTPAddr: "localhost:0", AllowRemote: true})
	if a := do(t, "GET", s.SplunkURL()+"/services/collector/health", header{"Host": "sandbox.example.com"}, ""); a.Status != http.StatusOK {
		t.Errorf("got %v, want 200", a)
	}
}

func TestARequestForAnotherHostIsRefused(t *testing.T) {
	s := start(t, Options{})
	for host, want := range map[string]int{
		"rebound.example.com":      http.StatusForbidden,
		"rebound.example.com:8080": http.StatusForbidden,
		"192.0.2.1":                http.StatusForbidden,
		"localhost:8080":           http.StatusOK,
		"[::1]":                    http.StatusOK,
		"127.0.0.1":                http.StatusOK,
	} {
		if a := do(t, "POST", s.WebhookURL(), asJSON.also(header{"Host": host}), `{}`); a.Status != want {
			t.Errorf("Host %q: got %v, want %d", host, a, want)
		}
	}
}

func TestEveryRequestIsInTheInboxWithItsAnswer(t *testing.T) {
	clock := newClock()
	s := start(t, Options{Now: clock.Now})
	do(t, "POST", s.SlackWebhookURL()+"?x=1", asJSON, `{"text":"first"}`)
	do(t, "GET", s.SlackWebhookURL(), nil, "")
	do(t, "POST", s.url("/elsewhere"), nil, "second")

	want := []Message{
		{ID: 1, Service: Slack, At: clock.now, Method: "POST", Path: slackHookPath, Query: "x=1", Body: []byte(`{"text":"first"}`), Status: 200, Answer: "ok", Accepted: true},
		{ID: 2, Service: Slack, At: clock.now, Method: "GET", Path: slackHookPath, Body: []byte{}, Status: 405, Answer: "Method Not Allowed", Problems: []string{"the method is GET, not POST"}},
		{ID: 3, Service: Unknown, At: clock.now, Method: "POST", Path: "/elsewhere", Body: []byte("second"), Status: 404, Answer: "404 page not found", Problems: []string{"no service has this path"}},
	}
	messages := s.Messages()
	if got, want := messages[0].Header.Get("Content-Type"), "application/json"; got != want {
		t.Errorf("content type: got %q, want %q", got, want)
	}
	if got, want := messages[1].AnswerHeader.Get("Allow"), "POST"; got != want {
		t.Errorf("Allow: got %q, want %q", got, want)
	}
	for i := range messages {
		messages[i].Header, messages[i].AnswerHeader = nil, nil
	}
	if diff := cmp.Diff(messages, want); diff != "" {
		t.Errorf("got(-), want(+):\n%s", diff)
	}
}

func TestBodiesThatCannotBeRead(t *testing.T) {
	const limit = 1 << 10
	s := start(t, Options{MaxBody: limit})
	for name, c := range map[string]struct {
		encoding, body string
		want           int
	}{
		"too large":          {"", strings.Repeat("x", limit+1), 413},
		"inflates too large": {"gzip", zipped(strings.Repeat("x", limit+1)), 413},
		"not gzip":           {"gzip", "{}", 400},
		"largest":            {"", `"` + strings.Repeat("x", limit-2) + `"`, 200},
		"inflates to it":     {"gzip", zipped(`"` + strings.Repeat("x", limit-2) + `"`), 200},
		"damaged gzip":       {"gzip", zipped("some text")[:20], 400},
		"other encoding":     {"br", "{}", 415},
	} {
		t.Run(name, func(t *testing.T) {
			a := do(t, "POST", s.WebhookURL(), asJSON.also(header{"Content-Encoding": c.encoding}), c.body)
			if a.Status != c.want {
				t.Errorf("got %v, want %d", a, c.want)
			}
			if m := last(t, s); m.Accepted != (c.want == 200) || m.Status != c.want || (len(m.Problems) == 0) != m.Accepted {
				t.Errorf("got %d, accepted %v, problems %q", m.Status, m.Accepted, m.Problems)
			}
		})
	}
}

func TestGzipIsInflatedInTheInbox(t *testing.T) {
	s := start(t, Options{})
	do(t, "POST", s.WebhookURL(), asJSON.also(header{"Content-Encoding": "gzip"}), zipped(`{"a":1}`))
	if m := last(t, s); string(m.Body) != `{"a":1}` || !m.Accepted {
		t.Errorf("got %q, accepted %v", m.Body, m.Accepted)
	}
}

func TestWaitCountsAcceptedMessagesOnly(t *testing.T) {
	s := start(t, Options{})
	type result struct {
		messages []Message
		err      error
	}
	done := make(chan result, 1)
	go func() {
		messages, err := s.Wait(t.Context(), 2)
		done <- result{messages, err}
	}()
	for _, text := range []string{`{"text":"one"}`, `{}`, `{"text":"two"}`} {
		do(t, "POST", s.SlackWebhookURL(), asJSON, text)
	}
	r := <-done
	if r.err != nil {
		t.Fatal(r.err)
	}
	var got []string
	for _, m := range r.messages {
		got = append(got, string(m.Body))
	}
	if want := []string{`{"text":"one"}`, `{"text":"two"}`}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWaitEndsWithItsContextAndWithTheServer(t *testing.T) {
	s := start(t, Options{})
	do(t, "POST", s.WebhookURL(), asJSON, `{}`)
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	cancel(cause)
	messages, err := s.Wait(ctx, 2)
	if !errors.Is(err, cause) || len(messages) != 1 {
		t.Errorf("got %d messages, %v; want 1, %v", len(messages), err, cause)
	}

	done := make(chan error, 1)
	go func() {
		_, err := s.Wait(t.Context(), 2)
		done <- err
	}()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, want net.ErrClosed", err)
	}
	if _, err := s.Wait(t.Context(), 1); err != nil {
		t.Errorf("what arrived before Close: %v", err)
	}
}

func TestTheInboxKeepsTheNewest(t *testing.T) {
	s := start(t, Options{Keep: 2})
	for i := range 5 {
		do(t, "POST", s.WebhookURL(), asJSON, fmt.Sprint(i))
	}
	messages, err := s.Wait(t.Context(), 5)
	if err != nil {
		t.Fatal(err)
	}
	if len(messages) != 2 || messages[0].ID != 4 || messages[1].ID != 5 {
		t.Errorf("got %d messages", len(messages))
	}
}

func TestTheInboxIsBoundedInSize(t *testing.T) {
	b := newInbox(1000, nil)
	for range 6 {
		b.add(Message{Body: make([]byte, maxBody)})
	}
	if got, want := len(b.all()), keepBytes/maxBody; got != want {
		t.Errorf("got %d, want %d", got, want)
	}
}

func TestClearForgetsMessagesAndCount(t *testing.T) {
	s := start(t, Options{})
	do(t, "POST", s.WebhookURL(), asJSON, `1`)
	s.Clear()
	if got := s.Messages(); len(got) != 0 {
		t.Errorf("got %d messages, want none", len(got))
	}
	do(t, "POST", s.WebhookURL(), asJSON, `2`)
	messages, err := s.Wait(t.Context(), 1)
	if err != nil || string(messages[0].Body) != "2" || messages[0].ID != 2 {
		t.Errorf("got %v, %v", messages, err)
	}
}

func TestManySendersAtOnce(t *testing.T) {
	const senders, each = 8, 25
	var seen []int
	var s *Server
	s = start(t, Options{OnMessage: func(m Message) {
		seen = append(seen, m.ID) // safe: one call at a time
		_ = s.Messages()
	}})
	var group sync.WaitGroup
	for i := range senders {
		group.Go(func() {
			for j := range each {
				switch (i + j) % 4 {
				case 0:
					do(t, "POST", s.SlackWebhookURL(), asJSON, `{"text":"x"}`)
				case 1:
					do(t, "POST", s.PagerDutyURL()+"/v2/enqueue", asJSON, trigger(""))
				case 2:
					do(t, "POST", s.SplunkURL()+"/services/collector", hecHeader, `{"event":"x"}`)
				case 3:
					s.Script(Email, Reply{})
					_ = s.Incidents()
					do(t, "POST", s.WebhookURL(), asJSON, `{}`)
				}
			}
		})
	}
	messages, err := s.Wait(t.Context(), senders*each)
	if err != nil {
		t.Fatal(err)
	}
	group.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if len(messages) != senders*each || len(seen) != senders*each || !slices.IsSorted(seen) {
		t.Errorf("got %d messages, %d calls, in order: %v", len(messages), len(seen), slices.IsSorted(seen))
	}
}

func TestCloseIsForGoodAndMayBeRepeated(t *testing.T) {
	s := start(t, Options{})
	url := s.WebhookURL()
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := http.Post(url, "application/json", strings.NewReader("{}")); err == nil {
		t.Error("the server still answers")
	}
	if _, err := net.Dial("tcp", s.SMTPAddr()); err == nil {
		t.Error("the mail server still answers")
	}
}

func TestTooManyConnectionsAreClosed(t *testing.T) {
	s := start(t, Options{MaxConns: 1})
	for _, address := range []string{s.HTTPAddr(), s.SMTPAddr()} {
		dial := func() net.Conn {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			return conn
		}
		first := dial()
		hello := make([]byte, 1)
		if _, err := io.WriteString(first, "GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(first, hello); err != nil {
			t.Fatal(err)
		}
		if rest, err := io.ReadAll(dial()); errors.Is(err, os.ErrDeadlineExceeded) || len(rest) > 0 {
			t.Errorf("%s: a second connection: %v, %q; want it closed", address, err, rest)
		}
	}
}
