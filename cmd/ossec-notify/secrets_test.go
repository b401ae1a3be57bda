package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"io/fs"
	"log"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/ossec-notify/ossec-notify/channel"
	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/site"
	"github.com/ossec-notify/ossec-notify/spool"
)

// A secret of these tests has a core of letters and digits that no escaping changes and that stands nowhere else, and
// around it what is written differently in JSON, HTML and URLs.
func core(n int) string { return fmt.Sprintf("c0reOfSecret%04dX", n) }

func awkward(n int) string { return `k"<` + core(n) + `>/&+é` }

// traces are what betrays a secret with this core: itself, and in hexadecimal and base64 whatever stands before it.
func traces(core string) []string {
	found := []string{core, hex.EncodeToString([]byte(core))}
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			text := enc.EncodeToString([]byte(strings.Repeat("x", before) + core))
			found = append(found, text[(before*8+5)/6:len(text)-1]) // without what its neighbours are part of
		}
	}
	return found
}

// spellings are how a server may repeat a secret.
func spellings(secret string) []string {
	inJSON, _ := json.Marshal(secret)
	inner := string(inJSON[1 : len(inJSON)-1])
	ascii := strconv.QuoteToASCII(secret)
	return []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret), strings.ReplaceAll(url.QueryEscape(secret), "%2F", "%2f"),
		inner, strings.ReplaceAll(inner, "/", `\/`), strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(inner),
		ascii[1 : len(ascii)-1], html.EscapeString(secret),
		base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
	}
}

// leakConfig is a receiver's config with distinctive secrets in every place that its channel has for one. ADDRESS and SCHEME
// stand for the server's, {FILE …} for a file with what follows.
type leakConfig struct {
	channel, text string
	echoes        []string // that a server may repeat: spellings of the secrets and what is made of them
	few           bool     // some ways to fail will do: another channel goes through them all in the same place
}

// leakConfigs are configs of every channel over HTTP. n numbers the secrets of all receivers.
func leakConfigs(n func() int) []leakConfig {
	var all []leakConfig
	add := func(channel, text string, echoes ...string) {
		all = append(all, leakConfig{channel: channel, text: text, echoes: echoes})
	}
	path, query, password := awkward(n()), awkward(n()), "p"+core(n())
	target := "/services/" + url.PathEscape(path) + "?v=1&sig=" + url.QueryEscape(query)
	add("slack", `slack: {webhook_url: {FILE SCHEME://hooker:`+password+`@ADDRESS`+target+`}}`,
		append(append(spellings(path), spellings(query)...), password, base64.StdEncoding.EncodeToString([]byte("hooker:"+password)), target)...)
	token := "xoxb-" + awkward(n())
	add("slack", `slack: {token: {FILE `+token+`}, channel: "#soc", api_url: "SCHEME://ADDRESS/api/"}`, spellings(token)...)
	key := fmt.Sprintf("%s%015d", core(n()), 0)[:32]
	add("pagerduty", `pagerduty: {routing_key: {FILE `+key+`}, endpoint: "SCHEME://ADDRESS"}`, spellings(key)...)
	path, header, private, bearer, signing := awkward(n()), awkward(n()), awkward(n()), awkward(n()), awkward(n())
	add("webhook", `webhook: {url: {FILE SCHEME://ADDRESS/in/`+url.PathEscape(path)+`/v2}, headers: {X-Api-Key: {ENV `+header+`}, X-Other: {FILE `+private+`}}, bearer_token: {FILE `+bearer+`}, hmac: {secret: {FILE `+signing+`}}}`,
		slices.Concat(spellings(path), spellings(header), spellings(private), spellings(bearer), spellings(signing))...)
	path, password = awkward(n()), awkward(n())
	add("webhook", `webhook: {url: {FILE SCHEME://ADDRESS/in?key=`+url.QueryEscape(path)+`}, basic_auth: {username: ops, password: {CREDENTIAL `+password+`}}, gzip: true}`,
		slices.Concat(spellings(path), spellings(password), []string{base64.StdEncoding.EncodeToString([]byte("ops:" + password))})...)
	token, bearer = awkward(n()), awkward(n())
	add("webhook", `webhook: {preset: telegram, settings: {token: {FILE `+token+`}, chat: "-100", api: "SCHEME://ADDRESS"}}`, spellings(token)...)
	add("webhook", `webhook: {preset: matrix, url: "SCHEME://ADDRESS", settings: {token: {FILE `+bearer+`}, room: "!r:example.com"}}`, spellings(bearer)...)
	token = awkward(n())
	add("splunk", `splunk: {url: "SCHEME://ADDRESS", token: {COMMAND `+token+`}}`, spellings(token)...)

	// Behind a proxy that fails, which knows its own log-in and, where it is asked for HTTP, the rest too.
	behind := func(channel, format string, echoes ...string) {
		login := awkward(n())
		proxy := "SCHEME://" + url.UserPassword("soc", login).String() + "@ADDRESS"
		add(channel, strings.Replace(format, "PROXY", "network: {proxy: {FILE "+proxy+"}}", 1),
			slices.Concat(spellings(login), []string{url.UserPassword("soc", login).String(), base64.StdEncoding.EncodeToString([]byte("soc:" + login))}, echoes)...)
	}
	path, token, bearer = awkward(n()), awkward(n()), awkward(n())
	key = fmt.Sprintf("%s%015d", core(n()), 0)[:32]
	behind("slack", `slack: {webhook_url: {FILE http://hooks.example.com/services/`+url.PathEscape(path)+`}, PROXY}`, url.PathEscape(path))
	behind("webhook", `webhook: {url: "http://hooks.example.com/", bearer_token: {FILE `+bearer+`}, PROXY}`, bearer)
	behind("pagerduty", `pagerduty: {routing_key: {FILE `+key+`}, PROXY}`)
	behind("splunk", `splunk: {url: "https://splunk.example.com:8088", token: {FILE `+token+`}, PROXY}`)
	all[len(all)-4].few, all[len(all)-1].few = true, true
	token = awkward(n())
	behind("oncall", `oncall: {pagerduty_schedule: PABC123, token: {FILE `+token+`}, people: {a: soc}, otherwise: [soc], PROXY}`)
	token = awkward(n())
	add("oncall", `oncall: {pagerduty_schedule: PABC123, token: {FILE `+token+`}, endpoint: "SCHEME://ADDRESS", people: {a: soc}, otherwise: [soc]}`, spellings(token)...)
	token = awkward(n())
	key = fmt.Sprintf("%s%015d", core(n()), 0)[:32] // events go where nobody knows the token
	add("pagerduty", `pagerduty: {routing_key: {FILE `+key+`}, endpoint: "http://events.invalid", api_token: {FILE `+token+`}, api_endpoint: "SCHEME://ADDRESS"}`, spellings(token)...)
	password, token, bearer = awkward(n()), awkward(n()), awkward(n())
	add("elasticsearch", `elasticsearch: {url: "SCHEME://ADDRESS", api_key: {FILE soc:`+token+`}}`, append(spellings(token), base64.StdEncoding.EncodeToString([]byte("soc:"+token)))...)
	add("elasticsearch", `elasticsearch: {url: ["SCHEME://ADDRESS/a", "SCHEME://ADDRESS/b"], basic_auth: {username: ops, password: {FILE `+password+`}}}`,
		append(spellings(password), base64.StdEncoding.EncodeToString([]byte("ops:"+password)))...)
	behind("elasticsearch", `elasticsearch: {url: "http://es.example.com", bearer_token: {FILE `+bearer+`}, PROXY}`, bearer)
	password, bearer = awkward(n()), awkward(n())
	add("loki", `loki: {url: "SCHEME://ADDRESS", basic_auth: {username: ops, password: {FILE `+password+`}}}`, append(spellings(password), base64.StdEncoding.EncodeToString([]byte("ops:"+password)))...)
	behind("loki", `loki: {url: "http://loki.example.com", bearer_token: {FILE `+bearer+`}, PROXY}`, bearer)
	for i := range 5 {
		all[len(all)-1-i].few = i == 0 || i == 2
	}
	return all
}

// mailConfig is a config of the one channel that is not over HTTP.
func mailConfig(n func() int) leakConfig {
	password := awkward(n())
	return leakConfig{channel: "email", text: `email: {smtp: "smtp://soc@ADDRESS", password: {FILE ` + password + `}, from: ossec@example.com, to: [a@example.com, b@example.com], tls: TLS}`,
		echoes: append(spellings(password), base64.StdEncoding.EncodeToString([]byte("\x00soc\x00"+password)))}
}

// leaky is a way in which a server fails. It says what it was told, and what it should not know.
type leaky struct {
	name    string
	address string // in place of the server's
	scheme  string
	tls     bool
	hangs   bool // the attempt ends with its timeout
	answer  func(conn net.Conn, echo string)
}

func raw(format string) func(net.Conn, string) {
	return func(conn net.Conn, echo string) { fmt.Fprint(conn, strings.ReplaceAll(format, "ECHO", echo)) }
}

// inFull is an answer with the echo in every header that is looked at, and in the body.
func inFull(status int, body string) func(net.Conn, string) {
	return func(conn net.Conn, echo string) {
		body := strings.ReplaceAll(body, "ECHO", echo)
		fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\nLocation: http://127.0.0.1:1/%s\r\nRetry-After: %[3]s\r\nWww-Authenticate: Basic realm=\"%[3]s\"\r\nX-Echo: %[3]s\r\nContent-Length: %[4]d\r\nConnection: close\r\n\r\n%[5]s",
			status, echo, url.QueryEscape(echo), len(body), body)
	}
}

// inJSON is an answer in the words of every vendor.
func inJSON(status int, code int) func(net.Conn, string) {
	return func(conn net.Conn, echo string) {
		b, _ := json.Marshal(map[string]any{
			"ok": false, "status": echo, "message": echo, "error": echo, "text": echo, "code": code, "needed": echo,
			"errors": []string{echo}, "response_metadata": map[string]any{"messages": []string{echo}},
		})
		inFull(status, strings.ReplaceAll(string(b), "ECHO", ""))(conn, echo)
	}
}

func httpFailures(closed, elsewhere string) []leaky {
	until := func(conn net.Conn, _ string) { _, _ = io.Copy(io.Discard, conn) } // the client goes
	all := []leaky{
		{name: "refused", address: closed},
		{name: "no-such-name", address: "receiver.invalid:80"},
		{name: "unknown-authority", scheme: "https", tls: true},
		{name: "no-tls", scheme: "https", answer: raw("HTTP/1.1 400 ECHO\r\n\r\nECHO")},
		{name: "hangs", hangs: true, answer: until},
		{name: "hangs-in-answer", hangs: true, answer: func(conn net.Conn, echo string) {
			fmt.Fprintf(conn, "HTTP/1.1 200 %s\r\nContent-Length: 9999\r\n\r\n%[1]s", echo)
			until(conn, echo)
		}},
		{name: "resets", answer: func(conn net.Conn, _ string) { _ = conn.(*net.TCPConn).SetLinger(0) }},
		{name: "closes", answer: func(net.Conn, string) {}},
		{name: "closes-in-answer", answer: raw("HTTP/1.1 500 ECHO\r\nContent-Length: 99999\r\n\r\nECHO")},
		{name: "redirects", answer: func(conn net.Conn, echo string) {
			fmt.Fprintf(conn, "HTTP/1.1 307 x\r\nLocation: http://%s/%s\r\nContent-Length: 0\r\n\r\n", elsewhere, url.PathEscape(echo))
		}},
		{name: "redirects-nowhere", answer: raw("HTTP/1.1 302 x\r\nLocation: http://[ECHO\r\nContent-Length: 0\r\n\r\n")},
		{name: "no-http", answer: raw("ECHO\r\n\r\n")},
		{name: "no-version", answer: raw("HTTP/9.9 ECHO\r\n\r\n")},
		{name: "no-status", answer: raw("HTTP/1.1 ECHO ECHO\r\n\r\n")},
		{name: "no-header", answer: raw("HTTP/1.1 200 OK\r\nECHO\r\n\r\n")},
		{name: "no-length", answer: raw("HTTP/1.1 200 OK\r\nContent-Length: ECHO\r\n\r\n")},
		{name: "no-encoding", answer: raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: ECHO\r\n\r\n")},
		{name: "no-chunk", answer: raw("HTTP/1.1 400 OK\r\nTransfer-Encoding: chunked\r\n\r\nECHO\r\n")},
		{name: "no-gzip", answer: raw("HTTP/1.1 400 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\nECHO")},
		{name: "informs", answer: raw("HTTP/1.1 103 ECHO\r\nLink: ECHO\r\n\r\nHTTP/1.1 400 ECHO\r\nContent-Length: 0\r\n\r\n")},
		{name: "page", answer: inFull(200, "<html>ECHO</html>")},
		{name: "said-ok", answer: inJSON(200, 9)},
		{name: "said-code-5", answer: inJSON(400, 5)},
		{name: "said-unknown", answer: inJSON(200, 99)},
	}
	for _, status := range []int{200, 204, 301, 400, 401, 403, 404, 407, 408, 410, 413, 429, 500, 501, 502, 503, 504, 520} {
		all = append(all, leaky{name: fmt.Sprint(status), answer: inFull(status, "no: ECHO")})
	}
	return all
}

// serveLeaky serves failures.
func serveLeaky(t *testing.T, of leaky, echo string, config *tls.Config) (address string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	address = l.Addr().String()
	if of.tls {
		l = tls.NewListener(l, config)
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				req, err := http.ReadRequest(bufio.NewReader(conn))
				if err == nil {
					_, _ = io.Copy(io.Discard, req.Body)
				}
				if of.answer != nil {
					of.answer(conn, echo)
				}
			}()
		}
	}()
	return address
}

// mailFailure is what a mail server says, by the command that it answers: one line or more, "-" to hang up, "~" to say
// nothing more.
type mailFailure struct {
	name, tls string
	address   string
	says      map[string]string
}

func mailFailures(closed string) []mailFailure {
	all := []mailFailure{
		{name: "refused", address: closed}, {name: "no-such-name", tls: "implicit", address: "receiver.invalid:25"},
		{name: "no-smtp", says: map[string]string{"": "ECHO"}},
		{name: "no-code", says: map[string]string{"AUTH": "ECHO ECHO"}},
		{name: "challenge", says: map[string]string{"AUTH": "334 ECHO"}},
		{name: "no-starttls", tls: "starttls"},
		{name: "starttls-refused", tls: "starttls", says: map[string]string{"EHLO": "250-x\r\n250 STARTTLS", "STARTTLS": "454 4.7.0 ECHO"}},
		{name: "starttls-without", tls: "starttls", says: map[string]string{"EHLO": "250-x\r\n250 STARTTLS", "STARTTLS": "220 go\r\nECHO"}},
		{name: "implicit-without", tls: "implicit", says: map[string]string{"": "220 ECHO"}},
		{name: "no-login", says: map[string]string{"EHLO": "250-x\r\n250 AUTH ECHO"}},
		{name: "login", says: map[string]string{"EHLO": "250-x\r\n250 AUTH LOGIN", "AUTH": "334 VXNlcm5hbWU6", "*": "535 5.7.8 ECHO"}},
		{name: "login-prompt", says: map[string]string{"EHLO": "250-x\r\n250 AUTH LOGIN", "AUTH": "334 ECHO", "*": "334 ECHO"}},
		{name: "greets-and-waits", says: map[string]string{"EHLO": "~"}},
	}
	for _, at := range []string{"", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "."} {
		name := strings.ToLower(map[string]string{"": "greeting", ".": "end"}[at] + strings.Trim(at, "."))
		all = append(all, mailFailure{name: name + "-hangs-up", says: map[string]string{at: "-"}})
		for _, code := range []string{"421 4.3.0", "450", "530 5.7.0", "535 5.7.8", "550 5.7.1", "552 5.3.4", "599"} {
			all = append(all, mailFailure{name: name + "-" + code[:3], says: map[string]string{at: code[:3] + "-ECHO\r\n" + code + " ECHO", "HELO": code + " ECHO"}})
		}
	}
	return all
}

func serveMail(t *testing.T, of mailFailure, echo string) (address string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	usual := map[string]string{"": "220 x", "EHLO": "250-x\r\n250 AUTH PLAIN LOGIN", "AUTH": "235 in", "DATA": "354 go", "QUIT": "221 bye"}
	talk := func(conn net.Conn) {
		defer conn.Close()
		say := func(command string) (again bool) {
			text, ok := of.says[command]
			if _, known := usual[command]; !ok && !known && command != "HELO" {
				if text, ok = of.says["*"]; !ok || strings.Contains("MAIL RCPT . RSET NOOP", command) {
					text, ok = "250 ok", true
				}
			}
			if !ok {
				text = usual[command]
			}
			switch text {
			case "-":
				return false
			case "~":
				_, _ = io.Copy(io.Discard, conn)
				return false
			}
			_, err := fmt.Fprint(conn, strings.ReplaceAll(text, "ECHO", echo)+"\r\n")
			return err == nil && command != "QUIT"
		}
		lines, inData := bufio.NewScanner(conn), false
		lines.Buffer(nil, 1<<20)
		if !say("") {
			return
		}
		for lines.Scan() {
			word, _, _ := strings.Cut(lines.Text(), " ")
			if inData && word != "." {
				continue
			}
			inData = false
			if command := strings.ToUpper(word); !say(command) {
				return
			} else if command == "DATA" && !strings.HasPrefix(of.says["DATA"], "5") && !strings.HasPrefix(of.says["DATA"], "4") {
				inData = true
			}
		}
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go talk(conn)
		}
	}()
	return l.Addr().String()
}

// witness is a log that is searched, and tells which receivers have been tried.
type witness struct {
	mu    sync.Mutex
	text  bytes.Buffer
	tried map[string]string // what the first attempt came to
	news  chan struct{}
}

func newWitness() *witness {
	return &witness{tried: map[string]string{}, news: make(chan struct{}, 1)}
}

func (w *witness) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(p)
	line := string(p)
	if _, after, ok := strings.Cut(line, " receiver="); ok && strings.Contains(line, " attempt=") {
		receiver, rest, _ := strings.Cut(after, " ")
		if _, known := w.tried[receiver]; !known {
			w.tried[receiver] = rest
		}
		select {
		case w.news <- struct{}{}:
		default:
		}
	}
	return len(p), nil
}

// wait waits until so many receivers have been tried, as long as one follows another: there are hundreds.
func (w *witness) wait(t *testing.T, receivers int) map[string]string {
	t.Helper()
	guard := time.NewTimer(time.Minute)
	defer guard.Stop()
	for before := 0; ; {
		w.mu.Lock()
		n := len(w.tried)
		w.mu.Unlock()
		if n > before {
			before = n
			guard.Reset(time.Minute)
		}
		if n >= receivers {
			return w.tried
		}
		select {
		case <-w.news:
		case <-guard.C:
			t.Fatalf("%d of %d receivers were tried; the log:\n%s", n, receivers, tail20(w.text.String()))
		}
	}
}

// leakHome is an installation in this process, with what it has shown.
type leakHome struct {
	t           *testing.T
	home, state string
	log         *witness
	shown       map[string]string // by where
}

func newLeakHome(t *testing.T) *leakHome {
	h := &leakHome{t: t, home: filepath.Join(t.TempDir(), "ossec"), log: newWitness(), shown: map[string]string{}}
	h.state = filepath.Join(h.home, "queue", "ossec-notify")
	for _, dir := range []string{filepath.Join(h.home, "etc", "secrets"), h.state} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// call leaves a record as a call by integratord does.
func (h *leakHome) call(name string, args ...string) {
	h.t.Helper()
	_, err := spool.Write(h.state, &spool.Record{
		Name: name, Args: append([]string{"/tmp/x.alert"}, args...), Home: h.home, Arrival: time.Now(), File: name + ".alert",
		Alert: []byte(`{"timestamp":"2026-11-23T13:20:17.412+0000","rule":{"level":10,"description":"Story","id":"100001","groups":["local"]},"agent":{"id":"001","name":"web-01"},"manager":{"name":"mgr"},"id":"1795440017.1","full_log":"x","location":"/l"}`),
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// deliver runs the deliverer until so many receivers have been tried.
func (h *leakHome) deliver(receivers int) map[string]string {
	h.t.Helper()
	log := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	ctx, cancel := context.WithCancel(h.t.Context())
	defer cancel()
	d, closeBox, err := openDeliverer(ctx, h.home, h.state, log)
	if err != nil {
		h.t.Fatal(err)
	}
	d.Grace = time.Millisecond
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	tried := h.log.wait(h.t, receivers)
	for _, path := range []string{"/metrics", "/readyz", "/healthz"} {
		w := httptest.NewRecorder()
		webHandler(d, d.Site.(*site.Site), h.state, nil, log).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		h.shown["GET "+path] = w.Body.String()
		if w.Code != http.StatusOK {
			h.t.Errorf("GET %s: %d %s", path, w.Code, w.Body)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		h.t.Fatal(err)
	}
	if err := closeBox(); err != nil {
		h.t.Fatal(err)
	}
	h.log.mu.Lock()
	defer h.log.mu.Unlock()
	h.shown["log"] = h.log.text.String()
	return tried
}

// run runs a command and keeps what it prints.
func (h *leakHome) run(ctx context.Context, args ...string) string {
	h.t.Helper()
	var out strings.Builder
	run(ctx, append(args, "--home", h.home), strings.NewReader(""), &out, &out)
	h.shown[strings.Join(args, " ")] = out.String()
	return out.String()
}

// search looks for secrets in what was shown, and in every file of the state but those of receivers of ossec.conf and of
// calls that wait for a config: these are for their owner alone.
func (h *leakHome) search(cores int) {
	h.t.Helper()
	err := filepath.WalkDir(h.state, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := e.Info()
		if err != nil {
			return err
		}
		if st.Mode().Perm()&0o077 != 0 {
			h.t.Errorf("%s has mode %#o: others can read it", path, st.Mode().Perm())
		}
		if e.IsDir() || strings.Contains(path, "/receivers/") || strings.Contains(path, "/spool/new/") {
			return nil
		}
		b, err := os.ReadFile(path)
		h.shown[path] = string(b)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	for where, text := range h.shown {
		// No spelling breaks the beginning of a core; each is looked for where that is.
		for n := range cores {
			for _, trace := range traces(core(n)) {
				if i := strings.Index(text, trace); i >= 0 {
					h.t.Errorf("secret %d stands in %s: …%s…", n, where, text[max(i-200, 0):min(i+80, len(text))])
					break
				}
			}
		}
	}
}

// TestNoErrorPathLeaksASecret has a receiver of every channel for every way to fail, with secrets in all places that
// the channel has for them, and servers that repeat them in every spelling. Then it searches whatever anybody can look
// at: log, metrics, dead letters, the files of the state, what commands print.
func TestNoErrorPathLeaksASecret(t *testing.T) {
	silenceLibraries()
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	signed := httptest.NewTLSServer(nil) // for its certificate, which nobody has signed
	defer signed.Close()
	var followed atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Add(1) }))
	defer elsewhere.Close()
	closed, _ := closedPort(t)

	h := newLeakHome(t)
	t.Setenv("CREDENTIALS_DIRECTORY", filepath.Join(h.home, "etc", "secrets"))
	cores := 0
	number := func() int { cores++; return cores - 1 }
	var lines []string
	names, aliases := map[string]bool{}, map[string]bool{}
	place := func(name, text string) { // writes down a receiver, and its secrets where it says
		for i := 0; ; i++ {
			begin := strings.IndexAny(text, "{")
			kind := ""
			for _, k := range []string{"{FILE ", "{ENV ", "{CREDENTIAL ", "{COMMAND "} {
				if at := strings.Index(text, k); at >= 0 && (kind == "" || at < begin) {
					begin, kind = at, k
				}
			}
			if kind == "" {
				break
			}
			end := begin + strings.Index(text[begin:], "}")
			secret := text[begin+len(kind) : end]
			file := fmt.Sprintf("%s-%d", name, i)
			path := filepath.Join(h.home, "etc", "secrets", file)
			source := map[string]string{
				"{FILE ": "{file: secrets/" + file + "}", "{ENV ": "{env: LEAK_" + strings.ReplaceAll(file, "-", "_") + "}",
				"{CREDENTIAL ": "{credential: " + file + "}", "{COMMAND ": "{command: [/bin/cat, " + path + "]}",
			}[kind]
			if kind == "{ENV " {
				t.Setenv("LEAK_"+strings.ReplaceAll(file, "-", "_"), secret)
			} else if err := os.WriteFile(path, []byte(secret+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			text = text[:begin] + source + text[end+1:]
		}
		if strings.HasPrefix(name, "oncall-") {
			text, _, _ = strings.Cut(text, ", rate:") // it sends nothing itself
			aliases[name] = true
		} else {
			names[name] = true
		}
		lines = append(lines, "  "+name+": {"+text+"}")
	}

	for i, c := range leakConfigs(number) {
		for _, of := range httpFailures(closed, elsewhere.Listener.Addr().String()) {
			if c.few && !slices.Contains([]string{"refused", "unknown-authority", "no-http", "no-status", "closes-in-answer", "407"}, of.name) {
				continue
			}
			echo := strings.Join(c.echoes, " ")
			if of.address == "" {
				of.address = serveLeaky(t, of, echo, signed.TLS)
			}
			if of.scheme == "" {
				of.scheme = "http"
			}
			text := strings.NewReplacer("ADDRESS", of.address, "SCHEME", of.scheme).Replace(c.text) + ", rate: 1000/s, timeout: 20s"
			if of.hangs {
				text = strings.Replace(text, "timeout: 20s", "timeout: 300ms", 1)
			}
			place(fmt.Sprintf("%s-%d-%s", c.channel, i, of.name), text)
		}
		// A few spellings at a time, so that nothing cuts them off.
		for k := 0; k < len(c.echoes); k += 4 {
			echo := strings.Join(c.echoes[k:min(k+4, len(c.echoes))], " ")
			address := serveLeaky(t, leaky{answer: inFull(400, "ECHO")}, echo, nil)
			place(fmt.Sprintf("%s-%d-echo-%d", c.channel, i, k), strings.NewReplacer("ADDRESS", address, "SCHEME", "http").Replace(c.text)+", rate: 1000/s, timeout: 20s")
		}
	}
	mail := mailConfig(number)
	for k, echo := range append(mail.echoes, strings.Join(mail.echoes, " ")) {
		for _, of := range mailFailures(closed) {
			if k < len(mail.echoes) && of.name != "auth-535" && of.name != "challenge" {
				continue // the whole way with all at once
			}
			if of.address == "" {
				of.address = serveMail(t, of, echo)
			}
			if of.tls == "" {
				of.tls = "none"
			}
			text := strings.NewReplacer("ADDRESS", of.address, "TLS", of.tls).Replace(mail.text) + ", rate: 1000/s, timeout: 20s"
			if of.name == "greets-and-waits" {
				text = strings.Replace(text, "timeout: 20s", "timeout: 300ms", 1)
			}
			place(fmt.Sprintf("email-%s-%d", of.name, k), text)
		}
	}
	key := awkward(number())
	for name, script := range map[string]string{
		"fails": `echo "$KEY"; exit 3`, "tries-again": `printf %s "$KEY" | base64; exit 75`, "is-cut": `head -c 65526 /dev/zero | tr "\0" x; echo "$KEY"; exit 3`, "calls": `"$KEY"`, "not-found": ``,
	} {
		run := fmt.Sprintf("[/bin/sh, -c, %q]", script)
		if script == "" {
			run = "/nonexistent/runbook"
		}
		place("command-"+name, `command: {run: `+run+`, env: {KEY: {FILE `+key+`}}}, rate: 1000/s`)
	}
	place("soc", "webhook: {url: http://"+closed+"/soc}") // whom all aliases stand for
	all := slices.Sorted(maps.Keys(names))
	all = append(all, slices.Sorted(maps.Keys(aliases))...)
	config := "receivers:\n" + strings.Join(lines, "\n") + "\ndefault: [" + strings.Join(all, ", ") + "]\ntime_zone: UTC\n"
	if err := os.WriteFile(filepath.Join(h.home, "etc", "ossec-notify.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, problems, err := loadConfig(filepath.Join(h.home, "etc", "ossec-notify.yaml"), h.home)
	if err != nil || cfg == nil {
		t.Fatal(err, problems)
	}
	everyPlaceHasASecret(t, cfg)

	h.call("notify")
	for name, came := range h.deliver(len(names)) {
		if strings.HasPrefix(came, "channel") && strings.Contains(came, "err=") {
			continue
		}
		if strings.HasPrefix(name, "loki") && strings.HasSuffix(name, "-204") { // which is its yes
			continue
		}
		if !(strings.HasPrefix(name, "splunk-") && strings.HasSuffix(name, "-said-unknown")) && !strings.HasPrefix(name, "webhook") || !(strings.HasSuffix(name, "-200") || strings.HasSuffix(name, "-204") || strings.HasSuffix(name, "-page") || strings.Contains(name, "-said-")) {
			t.Errorf("%s did not fail: %s", name, came)
		}
	}
	if n := followed.Load(); n != 0 {
		t.Errorf("%d redirects were followed", n)
	}

	list := h.run(t.Context(), "outbox", "list", "--all", "--limit", "0", "--format", "json")
	h.run(t.Context(), "outbox", "list", "--all", "--limit", "0")
	dead := 0
	for line := range strings.Lines(list) {
		var x sent
		if err := json.Unmarshal([]byte(line), &x); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if x.State == "dead" {
			dead++
		}
		h.run(t.Context(), "outbox", "show", x.Delivery, "--format", "json")
		h.run(t.Context(), "outbox", "show", x.Delivery)
	}
	if n := strings.Count(list, "\n"); n != len(names) || dead == 0 || dead == n {
		t.Errorf("the outbox lists %d deliveries, %d of them dead, want %d, some of them dead", n, dead, len(names))
	}
	for _, format := range []string{"text", "json"} {
		h.run(t.Context(), "explain", "--id", "mgr/1795440017.1", "--format", format)
		h.run(t.Context(), "preview", "--sample", "5712", "--format", format)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second) // some hang
		online := h.run(ctx, "check", "--online", "--format", format)
		cancel()
		for name := range aliases {
			if want := `receiver "` + name + `": ask PagerDuty who is on call by schedule PABC123: `; !strings.Contains(strings.ReplaceAll(online, `\"`, `"`), want) {
				t.Errorf("check --online does not say how %s failed", name)
			}
		}
		if n := strings.Count(online, "api_token: ask PagerDuty what became of an incident: "); n < 20 {
			t.Errorf("check --online says of %d receivers how their api_token failed", n)
		}
		h.run(t.Context(), "doctor", "--format", format)
	}
	h.search(cores)
}

// everyPlaceHasASecret holds the test against the table of channels: a new one, or a new setting of an old one, must be
// in it.
func everyPlaceHasASecret(t *testing.T, cfg *config.Config) {
	t.Helper()
	set := map[string]bool{}
	for _, r := range cfg.All() {
		r.Config.Secrets(func(key string, s *notifier.Secret) {
			if !s.IsZero() && !s.IsPlain() {
				set[r.Channel.Name+" "+key] = true
			}
		})
	}
	for _, c := range slices.Concat(channel.All(), channel.Aliases()) {
		for _, key := range secretKeys(reflect.TypeOf(c.Config().Settings()), "") {
			if !set[c.Name+" "+key] {
				t.Errorf("the setting %s of %s has no secret in this test", key, c.Name)
			}
		}
	}
}

// secretKeys are the settings of a config that are secrets.
func secretKeys(of reflect.Type, key string) []string {
	switch {
	case of == reflect.TypeFor[notifier.Secret]():
		return []string{key}
	case of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice || of.Kind() == reflect.Map:
		return secretKeys(of.Elem(), key)
	case of.Kind() != reflect.Struct:
		return nil
	}
	var keys []string
	for i := range of.NumField() {
		name, _, _ := strings.Cut(of.Field(i).Tag.Get("yaml"), ",")
		keys = append(keys, secretKeys(of.Field(i).Type, name)...)
	}
	return keys
}

func TestTracesFindASecretInBase64WhateverStandsBeforeIt(t *testing.T) {
	for _, before := range []string{"", "o", "op", "ops", "ops:"} {
		text := base64.StdEncoding.EncodeToString([]byte(before + core(7) + "/&"))
		if !slices.ContainsFunc(traces(core(7)), func(trace string) bool { return strings.Contains(text, trace) }) {
			t.Errorf("%q behind %q is not found", core(7), before)
		}
	}
}

// TestSecretsOfOssecConfAreInOneFileOnly has receivers of every channel that ossec.conf describes fail. Their secrets
// are in files of mode 0600, and nowhere else.
func TestSecretsOfOssecConfAreInOneFileOnly(t *testing.T) {
	closed, _ := closedPort(t)
	h := newLeakHome(t)
	cores, receivers := 0, 0
	number := func() int { cores++; return cores - 1 }
	for _, answered := range []bool{true, false} {
		at := func(echo ...string) string {
			if !answered {
				return closed
			}
			return serveLeaky(t, leaky{answer: inFull(403, "ECHO")}, strings.Join(echo, " "), nil)
		}
		url1, url2, bearer, token, password := core(number()), core(number()), core(number()), core(number()), core(number())
		key := fmt.Sprintf("%s%015d", core(number()), 0)[:32]
		h.call("slack", "", "http://"+at(url1)+"/services/"+url1)
		h.call("webhook", bearer, "http://"+at(url2, bearer)+"/hook?key="+url2)
		h.call("pagerduty", key, "http://"+at(key))
		h.call("splunk", token, "http://"+at(token))
		h.call("email", "", "smtp://soc:"+password+"@"+map[bool]string{true: serveMail(t, mailFailure{says: map[string]string{"AUTH": "535 ECHO"}}, password), false: closed}[answered]+"/?from=a@example.com&to=b@example.com")
		receivers += 5
	}
	// What cannot be a receiver, and waits in the spool for a config.
	wrong := core(number())
	h.call("webhook", "", "http://ops:"+wrong+"@"+closed+"/hook")
	h.call("slack", "", wrong)
	h.call("pagerduty", wrong, "")
	h.call("splunk", wrong+"\nX", "http://"+closed)
	h.call("email", wrong, "smtp://soc@mail.example.com?"+wrong+"=1")
	h.deliver(receivers)

	kept, err := os.ReadDir(filepath.Join(h.state, "receivers"))
	if err != nil || len(kept) != receivers {
		t.Errorf("kept %v, %v, want %d receivers", kept, err, receivers)
	}
	h.run(t.Context(), "outbox", "list", "--all", "--format", "json")
	h.run(t.Context(), "explain", "--id", "mgr/1795440017.1")
	h.run(t.Context(), "doctor")
	h.search(cores)
	if names, err := spool.List(h.state); err != nil || len(names) != 5 {
		t.Errorf("the spool has %q, %v, want the calls that wait", names, err)
	}
}

// TestMistakesInAConfigShowNoSecret puts secrets where they do not belong.
func TestMistakesInAConfigShowNoSecret(t *testing.T) {
	secret := core(0)
	for _, receiver := range []string{
		`slack: SECRET`, `slack: {webhook_url: SECRET}`, `slack: {webhook_url: [SECRET]}`, `slack: {webhook_url: {SECRET: x}}`,
		`slack: {webhook_url: {vault: SECRET}}`, `slack: {webhook_url: {file: [SECRET]}}`, `slack: {webhook_url: {command: SECRET}}`,
		`slack: {webhook_url: {command: [vault, SECRET]}}`, `slack: {webhook_url: {file: a, env: SECRET}}`, `slack: {webhook_url: "https://[SECRET"}`,
		`slack: {token: "xapp-SECRET", channel: x}`, `slack: {token: "SECRET\n1", channel: x}`, `slack: {token: !x SECRET, channel: x}`,
		`slack: {token: !SECRET, channel: x}`, `slack: {token: *SECRET , channel: x}`, `slack: {token: @SECRET, channel: x}`, `slack: {token: &SECRET , channel: x}`,
		`slack: {token: %SECRET, channel: x}`, "slack: {token: #SECRET\n, channel: x}", "slack: {token: '', channel: x} #SECRET\n",
		`pagerduty: {routing_key: SECRET}`, `pagerduty: SECRET`,
		`pagerduty: {routing_key: 00000000000000000000000000000000, api_token: [SECRET]}`, `pagerduty: {routing_key: 00000000000000000000000000000000, api_token: "SECRET\n1"}`,
		`pagerduty: {routing_key: 00000000000000000000000000000000, api_token: x, api_endpoint: "https://u:SECRET@h"}`,
		`pagerduty: {routing_key: 00000000000000000000000000000000, network: {proxy: "ops:SECRET@proxy:3128"}}`, `pagerduty: {routing_key: 00000000000000000000000000000000, network: {proxy: "socks5://ops:SECRET@proxy:3128"}}`,
		`pagerduty: {routing_key: 00000000000000000000000000000000, network: {proxy: {url: SECRET}}}`, `pagerduty: {routing_key: 00000000000000000000000000000000, network: {proxy: [SECRET]}}`, `email: {smtp: "smtp://soc@mail", password: "SECRET\x01", from: a@example.com, to: [b@example.com]}`,
		`webhook: {url: "https://ops:SECRET@example.com/"}`, `webhook: {url: "ftp://example.com/SECRET"}`,
		`webhook: {url: https://h/, headers: {X-Key: "SECRET\n1"}}`, `webhook: {url: https://h/, headers: {X-Key: [SECRET]}}`, `webhook: {url: https://h/, headers: SECRET}`,
		`webhook: {url: https://h/, basic_auth: SECRET}`, `webhook: {url: https://h/, basic_auth: "ops:SECRET"}`, `webhook: {url: https://h/, hmac: SECRET}`,
		`webhook: {url: https://h/, bearer_token: "SECRET\x01"}`,
		`oncall: {pagerduty_schedule: SECRET+, token: x, people: {a: b}, otherwise: b}`, `oncall: {pagerduty_schedule: PABC123, token: [SECRET], people: {a: r}, otherwise: r}`,
		`oncall: {pagerduty_schedule: PABC123, token: "SECRET\n1", people: {a: r}, otherwise: r}`, `oncall: {pagerduty_schedule: PABC123, token: x, endpoint: "https://u:SECRET@h", people: {a: r}, otherwise: r}`, `oncall: SECRET`,
		`splunk: {url: "https://x:SECRET@splunk:8088", token: x}`, `splunk: {url: https://splunk:8088, token: "SECRET\n2"}`,
		`email: {smtp: "smtp://soc:SECRET@mail", from: a@example.com, to: [b@example.com]}`, `email: {smtp: "smtp://mail/SECRET", password: SECRET, from: a@example.com, to: [b@example.com]}`,
	} {
		home := t.TempDir()
		path := filepath.Join(home, "ossec-notify.yaml")
		text := "receivers:\n  r: {" + strings.ReplaceAll(receiver, "SECRET", secret) + "}\ndefault: [r]\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, format := range []string{"text", "json"} {
			var out strings.Builder
			if code := run(t.Context(), []string{"check", "--home", home, "--config", path, "--format", format}, strings.NewReader(""), &out, &out); code != exitUsage {
				t.Errorf("%s: exit status %d, want %d: %s", receiver, code, exitUsage, out.String())
			}
			if strings.Contains(out.String(), secret) {
				t.Errorf("%s: it is shown:\n%s", receiver, out.String())
			}
		}
	}
}

// A variable is no file that somebody could be let read.
func TestAVariableThatIsNotSetIsToBeSet(t *testing.T) {
	var s notifier.Secret
	if err := yaml.Unmarshal([]byte("{env: NO_SUCH_KEY}"), &s); err != nil {
		t.Fatal(err)
	}
	f := unreadableSecret(finding{code: exitFail}, &s)
	if !strings.Contains(f.remedy, "set NO_SUCH_KEY ") || f.Warning || f.code != exitFail {
		t.Errorf("it is told as %+v", f)
	}
}
