package main

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patient is a receiver's server that is ill until a test mends it. It speaks HTTP by hand: a server that is well
// could not do what it does.
type patient struct {
	ill    func(conn net.Conn) // what it does in place of an answer
	answer string              // what it says when it is well

	listener net.Listener
	over     chan struct{} // closed at the end of the test

	mu    sync.Mutex
	well  bool
	tries int      // requests, or connections that brought none, while it was ill
	heard []string // what it took
}

func newPatient(t *testing.T, ill func(net.Conn), answer string, config *tls.Config) *patient {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &patient{ill: ill, answer: answer}
	p.serve(t, l, config)
	return p
}

func (p *patient) serve(t *testing.T, l net.Listener, config *tls.Config) {
	p.listener, p.over = l, make(chan struct{})
	if config != nil {
		l = tls.NewListener(l, config)
	}
	t.Cleanup(func() {
		close(p.over)
		_ = l.Close()
	})
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go p.hold(conn)
		}
	}()
}

func (p *patient) address() string { return p.listener.Addr().String() }

// hold is one conversation: one request, one answer.
func (p *patient) hold(conn net.Conn) {
	defer conn.Close()
	req, err := http.ReadRequest(bufio.NewReader(conn))
	var body []byte
	if err == nil {
		body, err = io.ReadAll(req.Body)
	}
	p.mu.Lock()
	well := p.well
	if !well {
		p.tries++
	}
	if well && err == nil {
		p.heard = append(p.heard, storyOf(body))
	}
	p.mu.Unlock()
	switch {
	case err != nil: // a handshake that failed, or a client that went away
	case well:
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(p.answer), p.answer)
	default:
		p.ill(conn)
	}
}

func (p *patient) mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.well = true
}

func (p *patient) seen() (tries int, heard []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tries, slices.Clone(p.heard)
}

// says is an ill server that answers, but not what is hoped for. Header lines end in \r\n.
func says(status, header, body string) func(net.Conn) {
	return func(conn net.Conn) {
		fmt.Fprintf(conn, "HTTP/1.1 %s\r\n%sContent-Length: %d\r\nConnection: close\r\n\r\n%s", status, header, len(body), body)
	}
}

// closedPort is an address at which nobody listens, and which nobody else is given. open makes it listen.
func closedPort(t *testing.T) (address string, open func() net.Listener) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	syscall.CloseOnExec(fd)
	f := os.NewFile(uintptr(fd), "socket")
	t.Cleanup(func() { _ = f.Close() })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	at, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", at.(*syscall.SockaddrInet4).Port), func() net.Listener {
		t.Helper()
		if err := syscall.Listen(fd, 128); err != nil {
			t.Fatal(err)
		}
		l, err := net.FileListener(f)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
}

// illness is a way in which a receiver is ill.
type illness struct {
	name    string
	config  string // with ADDRESS
	mended  string // the config once a person has mended it; "" when it is not the config's fault
	ill     func(conn net.Conn)
	answer  string        // when it is well
	reason  string        // what outbox list says meanwhile
	pause   time.Duration // what it asks for between two attempts
	tls     bool
	refuses bool
}

const (
	illSlack   = `{slack: {webhook_url: "http://ADDRESS/services/T0/B0/x"}, rate: 100/s, timeout: 1s}`
	illWebhook = `{webhook: {url: "http://ADDRESS/hook"}, concurrency: 1, timeout: 1s}`
)

// illnesses are those of issue "Faults to survive", and what lies between us and a vendor: a proxy's page.
func illnesses(caFile string) []illness {
	return []illness{
		{name: "refuses", config: illSlack, answer: "ok", refuses: true,
			reason: "connection refused"},
		{name: "hangs", config: illSlack, answer: "ok",
			ill:    func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }, // until the client goes
			reason: "no answer within the receiver's timeout of 1s"},
		{name: "one-byte-a-second", config: illWebhook, answer: "{}",
			ill:    slowly,
			reason: "no answer within the receiver's timeout of 1s"},
		{name: "reset-after-headers", config: illSlack, answer: "ok",
			ill: func(conn net.Conn) {
				fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
				_ = conn.(*net.TCPConn).SetLinger(0)
			},
			reason: "connection reset by peer"},
		{name: "closes", config: illWebhook, answer: "{}",
			ill:    func(net.Conn) {},
			reason: "the server closed the connection without an answer"},
		{name: "429-seconds", config: illSlack, answer: "ok",
			ill:    says("429 Too Many Requests", "Retry-After: 2\r\n", "rate_limited"),
			reason: "status 429: rate_limited", pause: 2 * time.Second},
		{name: "429-date", config: illWebhook, answer: "{}",
			ill: func(conn net.Conn) {
				now := time.Now().UTC()
				says("429 Too Many Requests", "Date: "+now.Format(http.TimeFormat)+"\r\nRetry-After: "+now.Add(2*time.Second).Format(http.TimeFormat)+"\r\n", "slow down")(conn)
			},
			reason: "status 429: slow down", pause: 2 * time.Second},
		{name: "500", config: illWebhook, answer: "{}",
			ill:    says("500 Internal Server Error", "", "out of order"),
			reason: "status 500: out of order"},
		{name: "slack-not-ok", config: `{slack: {token: xoxb-1, channel: "#soc", api_url: "http://ADDRESS/api/"}, rate: 100/s, timeout: 1s}`,
			answer: `{"ok":true,"channel":"C1","ts":"1.2"}`,
			ill:    says("200 OK", "Content-Type: application/json\r\n", `{"ok":false,"error":"internal_error"}`),
			reason: "status 200: internal_error"},
		{name: "slack-proxy-page", config: illSlack, answer: "ok",
			ill:    says("200 OK", "Content-Type: text/html\r\n", "<html>Please log in</html>"),
			reason: "something between this host and Slack answers, such as a proxy"},
		{name: "hec-code-9", config: `{splunk: {url: "http://ADDRESS", token: t0ken-t0ken}, concurrency: 1, timeout: 1s}`,
			answer: `{"text":"Success","code":0}`,
			ill:    says("200 OK", "Content-Type: application/json\r\n", `{"text":"Server is busy","code":9}`),
			reason: "Server is busy (code 9)"},
		{name: "self-signed", config: `{webhook: {url: "https://ADDRESS/hook"}, concurrency: 1, timeout: 1s}`, tls: true, answer: "{}",
			mended: `{webhook: {url: "https://ADDRESS/hook", network: {ca_file: ` + caFile + `}}, concurrency: 1, timeout: 1s}`,
			ill:    func(net.Conn) {},
			reason: "certificate signed by unknown authority (give the certificate of the server's authority in network.ca_file)"},
		{name: "no-such-name", config: strings.Replace(illWebhook, "ADDRESS", "receiver.invalid", 1), mended: illWebhook, answer: "{}",
			ill:    func(net.Conn) {},
			reason: "lookup receiver.invalid"},
	}
}

// slowly answers a byte a second, for longer than anybody waits.
func slowly(conn net.Conn) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for _, c := range []byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}") {
		if _, err := conn.Write([]byte{c}); err != nil {
			return // the client has gone
		}
		<-tick.C
	}
}

// TestFaultIllReceiverLosesNothingAndDelaysNobody has a receiver for each illness, all ill at the same time, and one
// that is well: it hears everything meanwhile. Once they are mended, each hears everything, in order, once.
func TestFaultIllReceiverLosesNothingAndDelaysNobody(t *testing.T) {
	bothWays(t, func(t *testing.T, w way) {
		in := newInstallation(t, "")
		signed := httptest.NewTLSServer(nil) // for its certificate, which nobody has signed
		defer signed.Close()
		caFile := filepath.Join(in.home, "etc", "ca.pem")
		if err := os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed.Certificate().Raw}), 0o644); err != nil {
			t.Fatal(err)
		}

		cases := illnesses(caFile)
		patients := make([]*patient, len(cases))
		var lines, mended, names []string
		for i, c := range cases {
			var address string
			if c.refuses {
				at, open := closedPort(t)
				patients[i] = &patient{answer: c.answer, well: true}
				address = at
				cases[i].ill = func(net.Conn) { patients[i].serve(t, open(), nil) } // what mends it
			} else {
				var config *tls.Config
				if c.tls {
					config = &tls.Config{Certificates: signed.TLS.Certificates}
				}
				patients[i] = newPatient(t, c.ill, c.answer, config)
				address = patients[i].address()
			}
			line := func(config string) string {
				return fmt.Sprintf("  %s: %s", c.name, strings.ReplaceAll(config, "ADDRESS", address))
			}
			lines = append(lines, line(c.config))
			if c.mended == "" {
				c.mended = c.config
			}
			mended = append(mended, line(c.mended))
			names = append(names, c.name)
		}
		config := func(receivers []string) string {
			return "receivers:\n  well: {slack: {webhook_url: SLACK_URL}, rate: 100/s}\n" + strings.Join(receivers, "\n") +
				"\ndefault: [well, " + strings.Join(names, ", ") + "]\ntime_zone: UTC\n"
		}
		in.configure(config(lines))

		var stories []story
		call := func(n int) {
			for range n {
				s := low(fmt.Sprint(len(stories)))
				stories = append(stories, s)
				in.callFor(w, s)
			}
		}
		call(4)
		if len(in.told(4)) != 4 {
			t.Fatal("the receiver that is well has not heard of the first alerts")
		}
		byReceiver := func() map[string][]sent {
			out := map[string][]sent{}
			for _, x := range in.deliveries() {
				out[x.Receiver] = append(out[x.Receiver], x)
			}
			return out
		}
		failures := atLength(2, 4)
		in.until("every ill receiver tried again", func() bool {
			lists := byReceiver()
			return !slices.ContainsFunc(names, func(name string) bool {
				return !slices.ContainsFunc(lists[name], func(x sent) bool { return x.Attempts >= failures })
			})
		})
		call(2) // while all are ill, and known to be
		inOrderOnce(t, "the receiver that is well", in.told(6), stories)

		list := in.command(exitDone, "outbox", "list", "--format", "json")
		lists := byReceiver()
		for i, c := range cases {
			tries, heard := 0, []string(nil)
			if !c.refuses {
				tries, heard = patients[i].seen()
			}
			if len(heard) > 0 {
				t.Errorf("%s: heard %q while it was ill", c.name, heard)
			}
			if tries > 3*failures+4 {
				t.Errorf("%s: %d attempts in a moment: nobody waits between them", c.name, tries)
			}
			said := ""
			for _, x := range lists[c.name] {
				if x.State != "pending" && x.State != "delivering" {
					t.Errorf("%s: a delivery is %s (%s), want pending", c.name, x.State, x.Error)
				}
				if x.Error != "" {
					said = x.Error
					in.wantPause(x.Delivery, c.pause)
					if show := in.command(exitDone, "outbox", "show", x.Delivery); !strings.Contains(show, "attempt 1, ") || !strings.Contains(show, c.reason) {
						t.Errorf("%s: outbox show says\n%swant %q", c.name, show, c.reason)
					}
				}
			}
			if !strings.Contains(said, c.reason) || !strings.Contains(list, c.reason) {
				t.Errorf("%s: outbox list says %q, want %q", c.name, said, c.reason)
			}
			t.Logf("%s: %s", c.name, said)
		}

		in.configure(config(mended))
		for i, c := range cases {
			if c.refuses {
				c.ill(nil)
			} else {
				patients[i].mend()
			}
		}
		call(1)
		for i, c := range cases {
			in.until(c.name+" heard all", func() bool {
				_, heard := patients[i].seen()
				return len(heard) >= len(stories)
			})
		}
		in.until("nothing waits", func() bool {
			return !slices.ContainsFunc(in.deliveries(), func(x sent) bool { return x.State != "delivered" })
		})
		for i, c := range cases {
			_, heard := patients[i].seen()
			for k := range heard {
				heard[k] = low(heard[k]).told()
			}
			inOrderOnce(t, c.name, heard, stories)
		}
		inOrderOnce(t, "the receiver that is well", in.told(7), stories)
		if n := len(in.stand.Messages()); n != 7 {
			t.Errorf("%d requests to the receiver that is well, want 7", n)
		}
	})
}

// wantPause wants so much time between two attempts at a delivery.
func (in *installation) wantPause(delivery string, pause time.Duration) {
	in.t.Helper()
	if pause == 0 {
		return
	}
	var show struct{ Attempted []attemptLine }
	if err := json.Unmarshal([]byte(in.command(exitDone, "outbox", "show", delivery, "--format", "json")), &show); err != nil {
		in.t.Fatal(err)
	}
	for i := range show.Attempted[1:] {
		if got := show.Attempted[i+1].Started.Sub(show.Attempted[i].Started); got < pause {
			in.t.Errorf("delivery %s is tried again after %s, and the receiver asked for %s", delivery, got, pause)
		}
	}
}
