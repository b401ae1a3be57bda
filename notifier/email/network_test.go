package email

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/notifier/notifiertest"
)

var secretLogin = Config{Username: "soc", Password: notifier.PlainSecret("p4ssw0rd")}

func TestServersThatCannotBeTrustedGetNoMail(t *testing.T) {
	ours, theirs := notifiertest.NewAuthority(t), notifiertest.NewAuthority(t)
	tomorrow := time.Now().Add(20 * time.Hour)
	good := ours.Sign(t, "127.0.0.1", tomorrow)
	certified := func(c tls.Certificate) *tls.Config { return &tls.Config{Certificates: []tls.Certificate{c}} }
	only := func(version uint16) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{good}, MinVersion: version, MaxVersion: version}
	}
	tests := []struct {
		name   string
		caFile string
		server *tls.Config
		want   string // in the error; empty where the server is to be trusted
	}{
		{"TLS 1.0", ours.File, only(tls.VersionTLS10), "protocol version"},
		{"TLS 1.1", ours.File, only(tls.VersionTLS11), "protocol version"},
		{"TLS 1.2", ours.File, only(tls.VersionTLS12), ""},
		{"TLS 1.3", ours.File, only(tls.VersionTLS13), ""},
		{"an authority that nobody knows", "", certified(good), "(give the certificate of the server's authority in ca_file)"},
		{"another authority than ca_file", theirs.File, certified(good), "(give the certificate of the server's authority in ca_file)"},
		{"expired", ours.File, certified(ours.Sign(t, "127.0.0.1", time.Now().Add(-time.Minute))), "(the server's certificate does not hold, and must be mended there)"},
		{"another host", ours.File, certified(ours.Sign(t, "mail.example.com", tomorrow)), "(write the name that the certificate is for in the setting smtp)"},
	}
	for _, mode := range []string{tlsStartTLS, tlsImplicit} {
		for _, tt := range tests {
			t.Run(mode+", "+tt.name, func(t *testing.T) {
				box := &mailbox{mechanisms: []string{"PLAIN"}}
				address := box.start(t, func(s *smtp.Server) {
					s.TLSConfig = tt.server
					if mode == tlsImplicit {
						s.Domain = "implicit.example.com"
					}
				})
				cfg := secretLogin
				cfg.TLS, cfg.CAFile = mode, tt.caFile
				_, got := attempt(t, newNotifier(t, cfg, address))
				if tt.want == "" {
					if got != nil || !box.only(t).tls {
						t.Errorf("got %v, want a mail over TLS", got)
					}
					return
				}
				if got == nil || got.Reason != notifier.Temporary || got.Ambiguous || box.count() != 0 || !strings.Contains(got.Error(), tt.want) {
					t.Errorf("got %v, %d mails, want a temporary error with %q and none", got, box.count(), tt.want)
				}
			})
		}
	}
}

func TestServerThatAsksForACertificate(t *testing.T) {
	ours := notifiertest.NewAuthority(t)
	tomorrow := time.Now().Add(20 * time.Hour)
	wanted := &tls.Config{
		Certificates: []tls.Certificate{ours.Sign(t, "127.0.0.1", tomorrow)},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: ours.Pool,
	}
	box := &mailbox{}
	address := box.start(t, func(s *smtp.Server) { s.TLSConfig = wanted })
	cfg := Config{TLS: tlsStartTLS, CAFile: ours.File}
	if _, got := attempt(t, newNotifier(t, cfg, address)); got == nil || box.count() != 0 {
		t.Errorf("without one: got %v, %d mails, want an error and none", got, box.count())
	}
	cfg.CertFile, cfg.KeyFile = notifiertest.Files(t, ours.Sign(t, "manager.example.com", tomorrow))
	if _, got := attempt(t, newNotifier(t, cfg, address)); got != nil || box.count() != 1 {
		t.Errorf("with one: got %v, %d mails, want none, 1", got, box.count())
	}
}

// heard is a server that keeps every command it was sent. It offers STARTTLS as it is told.
type heard struct {
	offer   string // what EHLO is answered in clear text
	answer  string // to STARTTLS
	secured *tls.Config

	mu       sync.Mutex
	commands []string
}

func (h *heard) start(t *testing.T) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprintf(conn, "220 mail.example.com\r\n")
			h.talk(conn, h.offer)
			conn.Close()
		}
	})
	t.Cleanup(func() {
		l.Close()
		all.Wait()
	})
	return l.Addr().String()
}

func (h *heard) talk(conn net.Conn, offer string) {
	in := bufio.NewScanner(conn)
	message := false
	for in.Scan() {
		if message && in.Text() != "." {
			continue
		}
		h.mu.Lock()
		h.commands = append(h.commands, in.Text())
		h.mu.Unlock()
		verb, _, _ := strings.Cut(in.Text(), " ")
		reply := map[string]string{
			"EHLO": offer, "HELO": "250 mail.example.com", "STARTTLS": h.answer, "AUTH": "235 2.7.0 welcome",
			"DATA": "354 go on", ".": "250 2.0.0 queued", "QUIT": "221 bye", "MAIL": "250 2.1.0 ok", "RCPT": "250 2.1.5 ok",
		}[verb]
		if _, err := fmt.Fprintf(conn, "%s\r\n", reply); err != nil {
			return
		}
		message = verb == "DATA"
		if verb == "STARTTLS" && h.secured != nil {
			h.talk(tls.Server(conn, h.secured), "250-mail.example.com\r\n250 AUTH PLAIN")
			return
		}
		if verb == "STARTTLS" && strings.HasPrefix(h.answer, "220") { // go on as if nothing had happened
			if _, err := conn.Read(make([]byte, 1)); err == nil {
				fmt.Fprintf(conn, "250 ok\r\n")
			}
			return
		}
	}
}

func (h *heard) all() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.commands, "\n")
}

func TestNoMailOrPasswordInClearTextWhereTLSIsAsked(t *testing.T) {
	ours := notifiertest.NewAuthority(t)
	secured := &tls.Config{Certificates: []tls.Certificate{ours.Sign(t, "127.0.0.1", time.Now().Add(20*time.Hour))}}
	const offered = "250-mail.example.com\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN"
	tests := []struct {
		name          string
		offer, answer string
		secured       *tls.Config
		want          notifier.Reason
		text          string
	}{
		{"the offer is stripped", "250-mail.example.com\r\n250 AUTH PLAIN LOGIN", "", nil, notifier.Misconfigured, "offers no STARTTLS"},
		{"the offer is disguised", "250-mail.example.com\r\n250-XXXXXXXX\r\n250 AUTH PLAIN LOGIN", "", nil, notifier.Misconfigured, "offers no STARTTLS"},
		{"no EHLO", "500 5.5.1 what?", "", nil, notifier.Misconfigured, "offers no STARTTLS"},
		{"refused for now", offered, "454 4.7.0 TLS not available", nil, notifier.Temporary, "454"},
		{"refused for good", offered, "502 5.5.1 what?", nil, notifier.Misconfigured, "502"},
		{"clear text instead of the handshake", offered, "220 go", nil, notifier.Temporary, "STARTTLS"},
		{"an answer ahead of the handshake", offered, "220 go\r\n250 AUTH PLAIN", secured, notifier.Temporary, "in clear text"},
		{"half an answer ahead of the handshake", offered, "220 go\r\n25", secured, notifier.Temporary, "in clear text"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := &heard{offer: tt.offer, answer: tt.answer, secured: tt.secured}
			cfg := secretLogin
			cfg.TLS, cfg.CAFile = tlsStartTLS, ours.File
			_, got := attempt(t, newNotifier(t, cfg, h.start(t)))
			if got == nil || got.Reason != tt.want || !strings.Contains(got.Err.Error(), tt.text) || strings.Contains(got.Hint, "set tls: starttls") {
				t.Errorf("got %+v, want %v with %q", got, tt.want, tt.text)
			}
			if said := h.all(); strings.Contains(said, "AUTH") || strings.Contains(said, "MAIL") {
				t.Errorf("the server heard too much:\n%s", said)
			}
		})
	}
}

func TestHandshakeAfterSTARTTLSIsHonoured(t *testing.T) {
	ours := notifiertest.NewAuthority(t)
	h := &heard{
		offer: "250-mail.example.com\r\n250 STARTTLS", answer: "220 go",
		secured: &tls.Config{Certificates: []tls.Certificate{ours.Sign(t, "127.0.0.1", time.Now().Add(20*time.Hour))}},
	}
	cfg := secretLogin
	cfg.TLS, cfg.CAFile = tlsStartTLS, ours.File
	if _, got := attempt(t, newNotifier(t, cfg, h.start(t))); got != nil || !strings.Contains(h.all(), "AUTH PLAIN") {
		t.Errorf("got %v, and the server heard\n%s", got, h.all())
	}
}

// far is a connection that has led to another host.
type far struct{ net.Conn }

func (far) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 25} }

func TestPasswordStaysOnThisHostWithoutTLS(t *testing.T) {
	h := &heard{offer: "250-mail.example.com\r\n250 AUTH PLAIN"}
	_, port, _ := net.SplitHostPort(h.start(t))
	cfg := secretLogin
	cfg.SMTP, cfg.From, cfg.To = "smtp://localhost:"+port, "ossec@example.com", Addresses{"root@example.com"}
	m, err := New(cfg, func(ctx context.Context, network, _ string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, "127.0.0.1:"+port)
		return far{conn}, err
	})
	if err != nil {
		t.Fatal(err)
	}
	_, got := attempt(t, m)
	if got == nil || got.Reason != notifier.Misconfigured || !strings.Contains(got.Hint, "127.0.0.1") || strings.Contains(h.all(), "AUTH") {
		t.Errorf("got %v, and the server heard\n%s", got, h.all())
	}
}

func TestMailGoesWhereTheListPermits(t *testing.T) {
	for entry, permitted := range map[string]bool{"127.0.0.0/8": true, "mail.example.com": false} {
		t.Run(entry, func(t *testing.T) {
			box := &mailbox{}
			address := box.start(t, nil)
			allowed, err := notifier.ParseEgressEntry(entry)
			if err != nil {
				t.Fatal(err)
			}
			m, err := New(Config{SMTP: "smtp://" + address, From: "ossec@example.com", To: Addresses{"root@example.com"}}, notifier.NewEgress(allowed).Dial)
			if err != nil {
				t.Fatal(err)
			}
			_, got := attempt(t, m)
			if permitted {
				if got != nil || box.count() != 1 {
					t.Errorf("got %v, %d mails, want none, 1", got, box.count())
				}
				return
			}
			want := "send mail to " + address + ": connect: egress: " + address + " is not in the allow-list (if alerts may go there, add it to egress.allow in the config)"
			if got == nil || got.Reason != notifier.Misconfigured || got.Error() != want || box.count() != 0 {
				t.Errorf("got  %v\nwant %s", got, want)
			}
			if err := m.Probe(t.Context()); notifier.Classify(err).Reason != notifier.Misconfigured {
				t.Errorf("Probe: got %v, want misconfigured", err)
			}
		})
	}
}
