package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/listen"
	"github.com/ossec-notify/ossec-notify/notifier"
)

// startWeb runs a server whose handler answers "inside" everywhere.
func startWeb(t *testing.T, c config.HTTP, limits listen.Limits) (address string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "inside") })
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, r *http.Request) { unready(w, r, "the reason") })
	w := newWebServer(mux, discard)
	w.limits = limits
	if c.Listen == "" {
		c.Listen = freeAddress(t)
	}
	if err := w.listen(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	return c.Listen
}

// dial opens a connection that is over after 20 seconds, in case that nobody ends it.
func dial(t *testing.T, address string) net.Conn {
	t.Helper()
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

// ask sends a request as it is written, and answers with the status and the body.
func ask(t *testing.T, conn net.Conn, lines ...string) (int, string) {
	t.Helper()
	if _, err := io.WriteString(conn, strings.Join(lines, "\r\n")+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestHTTPAnswersToItsOwnNamesOnly(t *testing.T) {
	t.Parallel()
	own := startWeb(t, config.HTTP{Hosts: []string{"siem.example.com", "192.0.2.7"}}, listen.Usual())
	_, port, _ := net.SplitHostPort(own)
	for host, fits := range map[string]bool{
		own: true, "localhost": true, "LocalHost:" + port: true, "localhost.": true, "127.0.0.1": true, "127.9.9.9:1": true, "[::1]:" + port: true, "[::1]": true,
		"siem.example.com": true, "SIEM.example.com:443": true, "192.0.2.7": true,
		"attacker.example": false, "attacker.example:" + port: false, "localhost.attacker.example": false, "127.0.0.1.attacker.example": false,
		"192.0.2.8": false, "siem.example.com.attacker.example": false, "0.0.0.0": false,
	} {
		code, body := ask(t, dial(t, own), "GET /metrics HTTP/1.1", "Host: "+host)
		if fits && (code != http.StatusOK || body != "inside") || !fits && (code != http.StatusMisdirectedRequest || !strings.Contains(body, "does not answer to the name")) {
			t.Errorf("%q: %d %q", host, code, body)
		}
	}
	if code, body := ask(t, dial(t, own), "GET /metrics HTTP/1.0"); code != http.StatusOK {
		t.Errorf("a probe that names no host: %d %q", code, body)
	}
	if code, _ := ask(t, dial(t, own), "GET http://attacker.example/metrics HTTP/1.1", "Host: localhost"); code != http.StatusMisdirectedRequest {
		t.Errorf("a proxy's request for another host: %d", code)
	}

	all := startWeb(t, config.HTTP{Listen: ":" + strings.Split(freeAddress(t), ":")[1]}, listen.Usual())
	for host, want := range map[string]int{"192.0.2.8:9720": http.StatusOK, "attacker.example": http.StatusMisdirectedRequest} {
		if code, body := ask(t, dial(t, "127.0.0.1"+all), "GET / HTTP/1.1", "Host: "+host); code != want {
			t.Errorf("where all can reach it, %q: %d %q, want %d", host, code, body, want)
		}
	}
}

func TestHTTPWantsItsToken(t *testing.T) {
	t.Parallel()
	address := startWeb(t, config.HTTP{Token: notifier.PlainSecret("s3cret")}, listen.Usual())
	for _, tc := range []struct {
		path, authorization string
		status              int
		body                string
	}{
		{"/metrics", "", http.StatusUnauthorized, "needs the token"},
		{"/metrics", "Bearer s3cre", http.StatusUnauthorized, "needs the token"},
		{"/metrics", "Bearer s3crets", http.StatusUnauthorized, "needs the token"},
		{"/metrics", "Bearer", http.StatusUnauthorized, "needs the token"},
		{"/metrics", "Basic s3cret", http.StatusUnauthorized, "needs the token"},
		{"/metrics", "Bearer s3cret", http.StatusOK, "inside"},
		{"/metrics", "bearer s3cret", http.StatusOK, "inside"},
		{"/healthz/../metrics", "", http.StatusUnauthorized, "needs the token"},
		{"/healthz", "", http.StatusOK, "inside"},
		{"/readyz", "", http.StatusServiceUnavailable, "not ready; the token"},
		{"/readyz", "Bearer s3cret", http.StatusServiceUnavailable, "the reason"},
	} {
		code, body := ask(t, dial(t, address), "GET "+tc.path+" HTTP/1.1", "Host: localhost", "Authorization: "+tc.authorization)
		if code != tc.status || !strings.Contains(body, tc.body) || tc.status != http.StatusOK && strings.Contains(body, "s3cret") {
			t.Errorf("%s with %q: %d %q, want %d %q", tc.path, tc.authorization, code, body, tc.status, tc.body)
		}
	}
}

// Whoever cannot be asked for the token lets nobody in.
func TestHTTPWhoseTokenCannotBeReadLetsNobodyIn(t *testing.T) {
	t.Setenv("OSSEC_NOTIFY_TEST_TOKEN", "")
	cfg, problems, err := loadConfig(writeConfig(t, "receivers: {}\nhttp: {listen: 127.0.0.1:9720, token: {env: OSSEC_NOTIFY_TEST_TOKEN}}\n"), t.TempDir())
	if err != nil || cfg == nil {
		t.Fatal(err, problems)
	}
	cfg.HTTP.Listen = freeAddress(t)
	address := startWeb(t, cfg.HTTP, listen.Usual())
	for _, authorization := range []string{"", "Bearer ", "Bearer x"} {
		if code, body := ask(t, dial(t, address), "GET /metrics HTTP/1.1", "Host: localhost", "Authorization: "+authorization); code != http.StatusServiceUnavailable || strings.Contains(body, "inside") {
			t.Errorf("%q: %d %q", authorization, code, body)
		}
	}
	if code, _ := ask(t, dial(t, address), "GET /healthz HTTP/1.1", "Host: localhost"); code != http.StatusOK {
		t.Errorf("healthz: %d", code)
	}
}

func writeConfig(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ossec-notify.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestHTTPDoesNotWaitForWhoIsSlow(t *testing.T) {
	t.Parallel()
	limits := listen.Usual()
	limits.Header = 50 * time.Millisecond
	address := startWeb(t, config.HTTP{}, limits)
	for _, said := range []string{"", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "} {
		conn := dial(t, address)
		if _, err := io.WriteString(conn, said); err != nil {
			t.Fatal(err)
		}
		rest, err := io.ReadAll(conn)
		if errors.Is(err, os.ErrDeadlineExceeded) || strings.Contains(string(rest), "inside") {
			t.Errorf("after %q: %v, %q; want the connection closed", said, err, rest)
		}
	}
}

func TestHTTPRefusesALargeHeader(t *testing.T) {
	t.Parallel()
	address := startWeb(t, config.HTTP{}, listen.Usual())
	conn := dial(t, address)
	if _, err := fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: localhost\r\nX-Large: %s\r\n\r\n", strings.Repeat("x", 32<<10)); err != nil {
		t.Fatal(err)
	}
	// What was not read of the request makes the end a reset, which may come before the answer is read.
	answer, err := io.ReadAll(conn)
	if errors.Is(err, os.ErrDeadlineExceeded) || len(answer) > 0 && !strings.HasPrefix(string(answer), "HTTP/1.1 431 ") || err == nil && len(answer) == 0 {
		t.Errorf("%v, %q", err, answer)
	}
}

func TestHTTPTakesSoManyConnections(t *testing.T) {
	t.Parallel()
	limits := listen.Usual()
	limits.Connections = 2
	address := startWeb(t, config.HTTP{}, limits)
	first, second := dial(t, address), dial(t, address)
	for _, conn := range []net.Conn{first, second} {
		if code, _ := ask(t, conn, "GET / HTTP/1.1", "Host: localhost"); code != http.StatusOK {
			t.Fatalf("status %d", code)
		}
	}
	if rest, err := io.ReadAll(dial(t, address)); errors.Is(err, os.ErrDeadlineExceeded) || len(rest) > 0 {
		t.Errorf("a third connection: %v, %q; want it closed", err, rest)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	over := time.Now().Add(20 * time.Second)
	for { // until the server sees that the first is gone
		conn := dial(t, address)
		_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if err == nil {
			if line, _ := bufio.NewReader(conn).ReadString('\n'); strings.Contains(line, " 200 ") {
				return
			}
		}
		if time.Now().After(over) {
			t.Fatal("a place that got free is not given away")
		}
	}
}

// Profiles and variables would tell an asker of what is in memory.
func TestDaemonAnswersNothingElse(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	in := newInstallation(t, toSlack+"http: {listen: \""+address+"\", hosts: siem.example.com, token: s3cret-t0ken}\n")
	daemon := in.serve()
	for path, want := range map[string]int{
		"/healthz": http.StatusOK, "/readyz": http.StatusOK, "/metrics": http.StatusOK,
		"/": http.StatusNotFound, "/debug/pprof/": http.StatusNotFound, "/debug/pprof/heap": http.StatusNotFound, "/debug/vars": http.StatusNotFound,
	} {
		if code, body := ask(t, dial(t, address), "GET "+path+" HTTP/1.1", "Host: siem.example.com", "Authorization: Bearer s3cret-t0ken", "Connection: close"); code != want {
			t.Errorf("%s: %d %q, want %d", path, code, body, want)
		}
	}
	if code, _ := ask(t, dial(t, address), "GET /metrics HTTP/1.1", "Host: attacker.example", "Authorization: Bearer s3cret-t0ken"); code != http.StatusMisdirectedRequest {
		t.Errorf("another name: %d", code)
	}
	if code, _ := ask(t, dial(t, address), "GET /metrics HTTP/1.1", "Host: localhost"); code != http.StatusUnauthorized {
		t.Errorf("without the token: %d", code)
	}
	if out := in.command(exitDone, "doctor", "--manager", "wazuh"); !strings.Contains(out, "is ready") || strings.Contains(out, "s3cret-t0ken") {
		t.Errorf("doctor says\n%s", out)
	}
	// What who may ask is asked for changes with the config, at the same address.
	in.configure(toSlack + "http: \"" + address + "\"\n")
	if err := daemon.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	in.until("open again", func() bool { code, _ := get(t, address, "/metrics"); return code == http.StatusOK })
	in.stop(daemon)
}

func TestHTTPInTheConfig(t *testing.T) {
	for text, want := range map[string]string{
		"http: 127.0.0.1:9720":                             "",
		"http: localhost:9720":                             "",
		"http: \"[::1]:9720\"":                             "",
		"http: {listen: 127.0.0.1:9720}":                   "",
		"http: {listen: 0.0.0.0:9720, token: {file: t}}":   "",
		"http: :9720":                                      "2:7: warning: http: others than this host can reach :9720",
		"http: {listen: siem:9720, hosts: [siem.example]}": "2:7: warning: http: others than this host can reach siem:9720",
		"http: {listen: 127.0.0.1:9720, url: \"https://notify.example.com/x\"}": "",
		"http: {listen: 127.0.0.1:9720, url: notify.example.com}":               "2:7: http: url is no address such as https://notify.example.com",
		"http: {listen: 127.0.0.1:9720, url: \"https://u:p@h\"}":                "2:7: http: url is no address such as https://notify.example.com",
		"http: {listen: 127.0.0.1:9720, url: \"https://h/?a\"}":                 "2:7: http: url is no address such as https://notify.example.com",
		"http: 9720":         "2:7: http: \"9720\" is no address",
		"http: 127.0.0.1":    "2:7: http: \"127.0.0.1\" is no address",
		"http: {hosts: [a]}": "2:7: http: \"\" is no address",
		"http: {listen: 127.0.0.1:9720, tokn: x}": "did you mean \"token\"?",
		"http: [127.0.0.1:9720]":                  "http",
	} {
		_, problems, err := loadConfig(writeConfig(t, "receivers: {}\n"+text+"\n"), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		said := ""
		for _, p := range problems {
			said += p.String() + "\n"
		}
		if (said == "") != (want == "") || !strings.Contains(said, want) || strings.Count(said, "\n") > 1 {
			t.Errorf("%s: %q, want %q", text, said, want)
		}
	}
}
