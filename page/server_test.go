package page_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/page"
)

// fakePreviews answers with what it was asked.
type fakePreviews struct{ pasted []byte }

func (f *fakePreviews) State(context.Context) (page.State, error) {
	return page.State{Revision: 7, Config: page.ConfigState{Path: "</script><script>alert(1)</script>"}}, nil
}

func (f *fakePreviews) Alerts(_ context.Context, source, q, after string) (page.AlertList, error) {
	return page.AlertList{Alerts: []page.AlertRow{{ID: source, Title: q}}, Next: after}, nil
}

func (f *fakePreviews) Preview(ctx context.Context, q page.Query) (*page.Preview, error) {
	switch q.Alert {
	case "missing":
		return nil, &page.Error{Status: http.StatusNotFound, Text: "there is no such alert", Hint: "choose another"}
	case "broken":
		return nil, errors.New("it broke")
	}
	return &page.Preview{Against: q.Against, Alert: page.ShownAlert{ID: q.Alert, Title: q.To}}, nil
}

func (f *fakePreviews) Paste(_ context.Context, text []byte) ([]string, error) {
	f.pasted = text
	return []string{"pasted-1"}, nil
}

func (f *fakePreviews) Frame(key string) ([]byte, bool) {
	return []byte("<p style=color:red>mail</p>"), key == "mail"
}

// fakeInbox holds one item.
type fakeInbox struct {
	cleared bool
	read    atomic.Bool
}

func (f *fakeInbox) Items(context.Context, string, string, string) (page.ItemList, error) {
	return page.ItemList{Items: []page.Item{{ID: "1"}}}, nil
}
func (f *fakeInbox) Item(_ context.Context, id string) (*page.Item, error) {
	f.read.Store(true)
	return &page.Item{ID: id}, nil
}
func (f *fakeInbox) Clear() { f.cleared = true }
func (f *fakeInbox) Unread() int {
	if f.read.Load() {
		return 1
	}
	return 2
}
func (f *fakeInbox) Frame(string) ([]byte, bool) { return nil, false }

// served is a page that is served, and a browser that has its cookie.
type served struct {
	*page.Server
	t       *testing.T
	browser *http.Client
	inbox   *fakeInbox
	base    string
}

func serve(t *testing.T) *served {
	t.Helper()
	in := &fakeInbox{}
	s, err := page.Start(page.Options{Previews: &fakePreviews{}, Inbox: in, Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close("the test ended") })
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	out := &served{s, t, &http.Client{Jar: jar, Timeout: 20 * time.Second}, in, "http://" + s.Address()}
	if r := out.get(s.URL()); r.status != http.StatusOK || strings.Contains(r.address, "token") {
		t.Fatalf("the printed address: status %d at %s", r.status, r.address)
	}
	return out
}

type answer struct {
	status  int
	header  http.Header
	body    string
	address string // where it came from in the end
}

func (s *served) ask(client *http.Client, method, address string, body string, header map[string]string) answer {
	s.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = s.base + address
	}
	r, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for k, v := range header {
		if k == "Host" {
			r.Host = v
		}
		r.Header.Set(k, v)
	}
	resp, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(b), resp.Request.URL.String()}
}

func (s *served) get(address string) answer {
	s.t.Helper()
	return s.ask(s.browser, http.MethodGet, address, "", nil)
}

// The token is swapped for a cookie that no script reads and no other site sends, and is gone from the address.
func TestTheTokenBecomesACookie(t *testing.T) {
	s := serve(t)
	direct := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	u, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	token := u.Query().Get("token")
	if len(token) < 22 { // 128 bits
		t.Errorf("the token %q is short", token)
	}
	r := s.ask(direct, http.MethodGet, "/inbox?channel=slack&token="+token, "", nil)
	if got := r.header.Get("Location"); r.status != http.StatusSeeOther || got != "/inbox?channel=slack" {
		t.Errorf("got %d to %q, want 303 to the same address without the token", r.status, got)
	}
	_, port, _ := net.SplitHostPort(s.Address())
	cookie := r.header.Get("Set-Cookie")
	for _, want := range []string{"ossec-notify-" + port + "=", "HttpOnly", "SameSite=Strict", "Path=/"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("the cookie %q has no %s", cookie, want)
		}
	}
	if strings.Contains(cookie, token) {
		t.Error("the cookie is the token: whoever sees the one has the other")
	}
	for _, wrong := range []string{"", "x", token[1:], token + "x"} {
		if r := s.ask(direct, http.MethodGet, "/?token="+wrong, "", nil); r.status != http.StatusForbidden || r.header.Get("Set-Cookie") != "" {
			t.Errorf("token %q: status %d, cookie %q", wrong, r.status, r.header.Get("Set-Cookie"))
		}
	}
	// A link of another site's page: what that leads to comes without the cookie, so our own page leads on.
	r = s.ask(direct, http.MethodGet, "/inbox?channel=slack&token="+token, "", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"})
	if r.status != http.StatusOK || r.header.Get("Refresh") != "0; url=/inbox?channel=slack" || r.header.Get("Set-Cookie") == "" || strings.Contains(r.body, token) {
		t.Errorf("from another site: %d, %v, %s", r.status, r.header, r.body)
	}
	// What a browser is started with lets in once.
	once := strings.TrimPrefix(s.URLOnce(), "http://"+s.Address())
	for i, want := range []int{http.StatusSeeOther, http.StatusForbidden} {
		if r := s.ask(direct, http.MethodGet, once, "", nil); r.status != want || strings.Contains(once, token) {
			t.Errorf("the token for once, time %d: status %d, want %d", i+1, r.status, want)
		}
	}
	// One of the same name that another port's server has set keeps nobody out.
	own, _, _ := strings.Cut(cookie, ";")
	name, _, _ := strings.Cut(own, "=")
	for cookies, want := range map[string]int{name + "=x; " + own: http.StatusOK, name + "=x": http.StatusForbidden} {
		if r := s.ask(direct, http.MethodGet, "/api/state", "", map[string]string{"Cookie": cookies}); r.status != want {
			t.Errorf("with the cookies %q: status %d, want %d", cookies, r.status, want)
		}
	}
	// It leads nowhere else.
	for _, path := range []string{"//evil.example.com/", `/\evil.example.com`} {
		conn, err := net.Dial("tcp", s.Address())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "GET %s?token=%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, token, s.Address())
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if to := resp.Header.Get("Location"); to != "" && (strings.HasPrefix(to, "//") || strings.HasPrefix(to, `/\`) || !strings.HasPrefix(to, "/")) {
			t.Errorf("%s leads to %q", path, to)
		}
		resp.Body.Close()
		conn.Close()
	}
}

// everything are the addresses that answer, each with what stands in the answer.
var everything = map[string]string{
	"/": "<!doctype html>", "/inbox": "<!doctype html>", "/assets/page.css": "", "/assets/page.js": "", "/assets/icon.svg": "<svg",
	"/api/state": `"rev":7`, "/api/alerts?source=corpus&q=x&after=9": `"id":"corpus"`, "/api/preview?alert=a1&against=6&to=soc": `"against":"6"`,
	"/api/inbox": `"id":"1"`, "/api/inbox/12": `"id":"12"`, "/frame/mail": "mail",
}

// policies of the page and of the frame are those of the design, to the letter.
const (
	pagePolicy  = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
	framePolicy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)

func TestEveryAnswerIsGuarded(t *testing.T) {
	s := serve(t)
	for address, want := range everything {
		r := s.get(address)
		if r.status != http.StatusOK || !strings.Contains(r.body, want) {
			t.Errorf("%s: status %d: %.200s", address, r.status, r.body)
		}
		policy, cache := pagePolicy, "no-store"
		switch {
		case strings.HasPrefix(address, "/frame/"):
			policy = framePolicy
		case strings.HasPrefix(address, "/assets/"):
			cache = "no-cache"
		}
		for header, want := range map[string]string{
			"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": cache,
		} {
			if got := r.header.Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", address, header, got, want)
			}
		}
	}
}

// Who has no cookie, comes by another name, from another site or from the page of another port is told nothing.
func TestStrangersAreToldNothing(t *testing.T) {
	s := serve(t)
	stranger := &http.Client{Timeout: 10 * time.Second}
	secrets := []string{"rev", "corpus", "mail", "<!doctype"}
	refused := func(what string, r answer) {
		t.Helper()
		var said struct{ Error, Hint string }
		if r.status != http.StatusForbidden || json.Unmarshal([]byte(r.body), &said) != nil || said.Error == "" || said.Hint == "" {
			t.Errorf("%s: status %d: %s", what, r.status, r.body)
		}
		if slices.ContainsFunc(secrets, func(x string) bool { return strings.Contains(r.body, x) }) {
			t.Errorf("%s: it tells %s", what, r.body)
		}
	}
	for address := range maps.Keys(everything) {
		refused(address+" without the cookie", s.ask(stranger, http.MethodGet, address, "", nil))
	}
	refused("the stream without the cookie", s.ask(stranger, http.MethodGet, "/events", "", nil))
	for _, host := range []string{"evil.example.com", "127.0.0.1.evil.example.com", "192.0.2.1", "localhost.example.com:80"} {
		refused("Host "+host, s.ask(s.browser, http.MethodGet, "/api/state", "", map[string]string{"Host": host}))
		refused("Host "+host+" with the token", s.ask(s.browser, http.MethodGet, strings.TrimPrefix(s.URL(), s.base), "", map[string]string{"Host": host}))
	}
	refused("another port's page", s.ask(s.browser, http.MethodGet, "/api/state", "", map[string]string{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"}))
	for _, origin := range []string{"", "null", "http://evil.example.com", "http://127.0.0.1:1", "https://" + s.Address()} {
		header := map[string]string{"Origin": origin}
		refused("paste from "+origin, s.ask(s.browser, http.MethodPost, "/api/paste", "{}", header))
		refused("clear from "+origin, s.ask(s.browser, http.MethodDelete, "/api/inbox", "", header))
	}
	if s.inbox.cleared {
		t.Error("the inbox was cleared")
	}
	if r := s.ask(s.browser, http.MethodDelete, "/api/inbox", "", map[string]string{"Origin": s.base}); r.status != http.StatusNoContent || !s.inbox.cleared {
		t.Errorf("the page's own order to clear: status %d", r.status)
	}
	// By ssh -L it comes under another port, and by the name localhost.
	jar := s.browser.Jar.Cookies(&url.URL{Scheme: "http", Host: s.Address(), Path: "/"})
	r := s.ask(stranger, http.MethodPost, "/api/paste", "{}", map[string]string{"Host": "localhost:8088", "Origin": "http://localhost:8088", "Cookie": jar[0].String()})
	if r.status != http.StatusOK {
		t.Errorf("through a tunnel: status %d: %s", r.status, r.body)
	}
}

func TestTheStateStandsInThePageAndIsNoMarkup(t *testing.T) {
	r := serve(t).get("/")
	if strings.Contains(r.body, "<script>alert(1)") {
		t.Error("the path of the config became a script")
	}
	_, rest, found := strings.Cut(r.body, `<script type="application/json" id="state">`)
	text, _, closed := strings.Cut(rest, "</script>")
	var state page.State
	if err := json.Unmarshal([]byte(text), &state); !found || !closed || err != nil {
		t.Fatalf("there is no state in the page: %v", err)
	}
	if state.Revision != 7 || state.Version != "1.2.3" || state.Unread != 2 || state.Instance == "" || !slices.Equal(state.Faces, []string{"preview", "inbox"}) {
		t.Errorf("got %+v", state)
	}
}

func TestMistakesSayWhatToDo(t *testing.T) {
	s := serve(t)
	origin := map[string]string{"Origin": s.base}
	for _, tc := range []struct {
		method, address, body string
		status                int
		want                  string
	}{
		{"GET", "/api/preview?alert=missing", "", 404, "choose another"},
		{"GET", "/api/preview?alert=broken", "", 500, "it broke"},
		{"GET", "/api/preview?alert=" + strings.Repeat("x", 2000), "", 414, "too long"},
		{"GET", "/frame/other", "", 404, "choose the alert again"},
		{"GET", "/assets/page.html", "", 404, "there is nothing"},
		{"GET", "/api/", "", 404, "there is nothing"},
		{"POST", "/api/paste", strings.Repeat("x", 1<<20+1), 413, "1 MiB"},
		{"POST", "/api/state", "", 404, "there is nothing"},
	} {
		r := s.ask(s.browser, tc.method, tc.address, tc.body, origin)
		var said struct{ Error, Hint string }
		if err := json.Unmarshal([]byte(r.body), &said); err != nil || r.status != tc.status || !strings.Contains(said.Error+said.Hint, tc.want) {
			t.Errorf("%s %.60s: status %d, want %d: %s", tc.method, tc.address, r.status, tc.status, r.body)
		}
	}
}

func TestAssetsAreSentOnce(t *testing.T) {
	s := serve(t)
	direct := &http.Client{Jar: s.browser.Jar, Transport: &http.Transport{DisableCompression: true}}
	for name, kind := range map[string]string{"page.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml"} {
		plain := s.ask(direct, http.MethodGet, "/assets/"+name, "", nil)
		if got := plain.header.Get("Content-Type"); got != kind {
			t.Errorf("%s is %q", name, got)
		}
		packed := s.ask(direct, http.MethodGet, "/assets/"+name, "", map[string]string{"Accept-Encoding": "gzip"})
		z, err := gzip.NewReader(strings.NewReader(packed.body))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if b, err := io.ReadAll(z); err != nil || string(b) != plain.body {
			t.Errorf("%s: packed, it is another file: %v", name, err)
		}
		again := s.ask(direct, http.MethodGet, "/assets/"+name, "", map[string]string{"If-None-Match": plain.header.Get("ETag")})
		if again.status != http.StatusNotModified || again.body != "" || plain.header.Get("ETag") == "" {
			t.Errorf("%s again: status %d, %d bytes", name, again.status, len(again.body))
		}
	}
}

// listener is a connection to /events.
type listener struct {
	t     *testing.T
	lines *bufio.Scanner
	close func() error
}

func (s *served) listen() *listener {
	s.t.Helper()
	l, status := s.tryListen()
	if status != http.StatusOK {
		s.t.Fatalf("the stream has status %d", status)
	}
	return l
}

func (s *served) tryListen() (*listener, int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	s.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+"/events", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := (&http.Client{Jar: s.browser.Jar}).Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	if got := resp.Header.Get("Content-Type"); resp.StatusCode == http.StatusOK && got != "text/event-stream" {
		s.t.Fatalf("the stream is %q", got)
	}
	return &listener{s.t, bufio.NewScanner(resp.Body), resp.Body.Close}, resp.StatusCode
}

// next is the next event; "" at the end of the stream.
func (l *listener) next() (name, data string) {
	for l.lines.Scan() {
		switch line := l.lines.Text(); {
		case strings.HasPrefix(line, "event: "):
			name = line[len("event: "):]
		case strings.HasPrefix(line, "data: "):
			data = line[len("data: "):]
		case line == "" && name != "":
			return name, data
		}
	}
	return "", ""
}

func (l *listener) expect(name, part string) {
	l.t.Helper()
	if got, data := l.next(); got != name || !strings.Contains(data, part) {
		l.t.Fatalf("got the event %q with %s, want %q with %s", got, data, name, part)
	}
}

func TestEventsSayLookAgain(t *testing.T) {
	s := serve(t)
	l := s.listen()
	l.expect("hello", `"rev":7,"unread":2}`)
	s.Changed(page.Change{Revision: 8, Files: []page.ChangedFile{{Name: "slack.tmpl", Kind: "template", OK: true}}})
	l.expect("change", `"rev":8`)
	s.Impact(8, page.Impact{Changed: 1, Looked: 2, Of: 2, IDs: []string{"a"}})
	l.expect("impact", `{"rev":8,"changed":1,"looked":2,"of":2,"ids":["a"]}`)
	s.Arrived("12")
	l.expect("arrived", `{"item":"12","unread":2}`)
	for range 2 { // the second time it is read already
		if r := s.get("/api/inbox/12"); r.status != http.StatusOK {
			t.Fatalf("status %d", r.status)
		}
	}
	l.expect("read", `{"item":"12","unread":1}`)
	s.Close("ended in the terminal")
	l.expect("bye", `{"reason":"ended in the terminal"}`)
	if name, _ := l.next(); name != "" {
		t.Errorf("after bye comes %q", name)
	}
}

// One who looks and does not read is hung up on, and does not keep the others waiting.
func TestStreamsAreBounded(t *testing.T) {
	s := serve(t)
	const most = 32
	var open []*listener
	for range most {
		l := s.listen()
		l.expect("hello", "")
		open = append(open, l)
	}
	if r := s.get("/events"); r.status != http.StatusServiceUnavailable {
		t.Errorf("one more: status %d", r.status)
	}
	open[0].close()
	for until := time.Now().Add(20 * time.Second); ; { // the server notices soon
		if l, status := s.tryListen(); status == http.StatusOK {
			l.expect("hello", "")
			break
		}
		if time.Now().After(until) {
			t.Fatal("the place is not free again")
		}
	}
	// More than a connection buffers, so that who reads nothing is behind.
	long := strings.Repeat("x", 64<<10)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 500 {
			s.Changed(page.Change{Files: []page.ChangedFile{{Name: long}}})
		}
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("who does not read keeps the others waiting")
	}
}

func TestOthersAreNeverLetIn(t *testing.T) {
	for address, want := range map[string]string{
		"0.0.0.0:0": "can be reached by others", ":8088": "can be reached by others", "192.0.2.1:80": "ssh -L", "localhost": "write host:port", "127.0.0.1:x": "listen for the page",
	} {
		if s, err := page.Start(page.Options{Listen: address}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", address, err, want)
			if s != nil {
				s.Close("")
			}
		}
	}
	for _, address := range []string{"localhost:0", "[::1]:0"} {
		s, err := page.Start(page.Options{Listen: address})
		if err != nil {
			if strings.HasPrefix(address, "[") { // a host without IPv6
				continue
			}
			t.Fatal(err)
		}
		s.Close("")
	}
}

// A face that is not there has no addresses.
func TestOneFaceAlone(t *testing.T) {
	s, err := page.Start(page.Options{Inbox: &fakeInbox{}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close("")
	jar, _ := cookiejar.New(nil)
	x := &served{s, t, &http.Client{Jar: jar}, nil, "http://" + s.Address()}
	if r := x.get(s.URL()); r.status != http.StatusOK {
		t.Fatalf("status %d", r.status)
	}
	for _, address := range []string{"/api/alerts", "/api/preview?alert=a"} {
		if r := x.get(address); r.status != http.StatusNotFound {
			t.Errorf("%s: status %d", address, r.status)
		}
	}
	var state page.State
	if err := json.NewDecoder(bytes.NewReader([]byte(x.get("/api/state").body))).Decode(&state); err != nil || !slices.Equal(state.Faces, []string{"inbox"}) {
		t.Errorf("faces are %q: %v", state.Faces, err)
	}
}
