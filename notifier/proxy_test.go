package notifier

import (
	"bufio"
	"encoding/base64"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// proxyServer is an HTTP proxy that wants a log-in. It leads every CONNECT to one server, and answers everything else itself.
type proxyServer struct {
	url string // without a log-in

	mu     sync.Mutex
	wants  string // USER:PASSWORD
	leads  string // where CONNECT does
	tunnel int    // how often it led there
}

func newProxyServer(t *testing.T, wants, leads string) *proxyServer {
	t.Helper()
	p := &proxyServer{wants: wants, leads: leads}
	s := httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(s.Close)
	p.url = s.URL
	return p
}

func (p *proxyServer) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if said := r.Header.Get("Proxy-Authorization"); said != "Basic "+base64.StdEncoding.EncodeToString([]byte(p.wants)) {
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		// It repeats what it was told wherever it can.
		decoded, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(said, "Basic "))
		body := "who is " + string(decoded) + " " + said
		_, _ = buffered.WriteString("HTTP/1.1 407 " + body + "\r\nProxy-Authenticate: Basic realm=\"" + body + "\"\r\nConnection: close\r\n\r\n" + body)
		_ = buffered.Flush()
		conn.Close()
		return
	}
	if r.Method != http.MethodConnect {
		_, _ = io.WriteString(w, "by proxy")
		return
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	to, err := net.Dial("tcp", p.leads)
	if err != nil {
		conn.Close()
		return
	}
	p.tunnel++
	_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
	go func() {
		_, _ = io.Copy(to, conn)
		to.Close()
	}()
	go func() {
		_, _ = io.Copy(conn, to)
		conn.Close()
	}()
}

func (p *proxyServer) want(login string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wants = login
}

func (p *proxyServer) address(login string) string {
	return strings.Replace(p.url, "http://", "http://"+login+"@", 1)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// behindTLS is a server over TLS, and the file of its certificate.
func behindTLS(t *testing.T) (s *httptest.Server, caFile string) {
	t.Helper()
	s = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "by server") }))
	t.Cleanup(s.Close)
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	write(t, caFile, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	return s, caFile
}

func TestProxyLogInIsReadForEachRequest(t *testing.T) {
	const first, second = "soc:f1rstPassw0rd", "soc:sec0ndPassw0rd"
	s, caFile := behindTLS(t)
	proxy := newProxyServer(t, first, s.Listener.Addr().String())
	file := filepath.Join(t.TempDir(), "proxy")
	write(t, file, proxy.address(first)+"\n")
	client, err := NewClient(Network{Proxy: Secret{newSource("file", file)}, CAFile: caFile}, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseIdleConnections()
	got := func(url string) string {
		t.Helper()
		a := Do(client, request(t, t.Context(), url))
		if failed := a.Failure("post"); failed != nil {
			return failed.Error()
		}
		return string(a.Body)
	}
	for range 2 {
		if a, b := got("http://receiver.example.com/"), got(s.URL); a != "by proxy" || b != "by server" {
			t.Fatalf("got %q, %q", a, b)
		}
	}
	proxy.want(second)
	write(t, file, proxy.address(second)+"\n")
	if a, b := got("http://receiver.example.com/"), got(s.URL); a != "by proxy" || b != "by server" {
		t.Errorf("with another log-in: got %q, %q", a, b)
	}
	if proxy.tunnel != 2 {
		t.Errorf("%d connections through the proxy, want one for each log-in", proxy.tunnel)
	}
}

// TestProxyThatFailsShowsNoLogIn: whatever keeps a request from its receiver on the way is temporary.
func TestProxyThatFailsShowsNoLogIn(t *testing.T) {
	const login, pass = "soc:wr0ngPassw0rd", "wr0ngPassw0rd"
	s, caFile := behindTLS(t)
	refusing := newProxyServer(t, "soc:right", s.Listener.Addr().String())
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	babbling, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer babbling.Close()
	go func() {
		for {
			conn, err := babbling.Accept()
			if err != nil {
				return
			}
			req, err := http.ReadRequest(bufio.NewReader(conn))
			if err == nil {
				_, _ = io.WriteString(conn, "HTTP/1.1 "+pass+","+strings.TrimPrefix(req.Header.Get("Proxy-Authorization"), "Basic ")+" x\r\n\r\n")
			}
			conn.Close()
		}
	}()
	dir := t.TempDir()
	for _, tt := range []struct{ name, proxy, want string }{
		{"refuses", refusing.address(login), "(" + wantsLogin + ")"},
		{"cannot be reached", "http://" + login + "@" + gone.Addr().String(), "connection refused"},
		{"has no name", "http://" + login + "@proxy.invalid:3128", "proxy.invalid"},
		{"does not speak HTTP", "http://" + login + "@" + babbling.Addr().String(), "[redacted]"},
		{"does not speak TLS", strings.Replace(refusing.address(login), "http:", "https:", 1), "proxyconnect"},
		{"is no URL", login + "@proxy:3128", "(file " + dir + "/proxy) is not a URL"},
		{"two lines", refusing.address(login) + "\n" + login, "(file " + dir + "/proxy) is not a URL"},
		{"empty", "", "network.proxy: secret: file " + dir + "/proxy is empty"},
	} {
		for _, target := range []string{"http://receiver.example.com/hook", s.URL} {
			t.Run(tt.name+", "+target[:5], func(t *testing.T) {
				write(t, filepath.Join(dir, "proxy"), tt.proxy)
				for _, setting := range []Secret{{newSource("file", filepath.Join(dir, "proxy"))}, PlainSecret(tt.proxy)} {
					network := Network{Proxy: setting, CAFile: caFile}
					if setting.IsPlain() && network.Validate() != nil || setting.IsZero() {
						continue
					}
					client, err := NewClient(network, nil, 1)
					if err != nil {
						t.Fatal(err)
					}
					a := Do(client, request(t, t.Context(), target))
					client.CloseIdleConnections()
					a.Redact()
					got := a.Failure("post")
					if got == nil || got.Reason != Temporary || !strings.Contains(got.Error(), tt.want) {
						t.Fatalf("got %v, want a temporary error with %q", got, tt.want)
					}
					for _, secret := range []string{pass, base64.StdEncoding.EncodeToString([]byte(login))} {
						if strings.Contains(got.Error(), secret) {
							t.Errorf("the log-in stands in %q", got)
						}
					}
				}
			})
		}
	}
}

func TestMissingFileOfTheProxyIsTemporary(t *testing.T) {
	client, err := NewClient(Network{Proxy: Secret{newSource("file", "/nonexistent/proxy")}}, nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	got := Do(client, request(t, t.Context(), "http://receiver.example.com/")).Failure("post")
	if got == nil || got.Reason != Temporary || !strings.Contains(got.Error(), "network.proxy: ") || !strings.Contains(got.Error(), "/nonexistent/proxy") {
		t.Errorf("got %v, want a temporary error that names the setting and the file", got)
	}
}

func TestProxyIsOpen(t *testing.T) {
	for proxy, want := range map[string]bool{"http://proxy:3128": true, "http://u:p@proxy:3128": false, "http://u@proxy:3128": false, "": false} {
		if got := (Network{Proxy: PlainSecret(proxy)}).ProxyIsOpen(); got != want {
			t.Errorf("%q: got %v", proxy, got)
		}
	}
	if (Network{Proxy: Secret{newSource("file", "/x")}}).ProxyIsOpen() {
		t.Error("a file is open")
	}
}
