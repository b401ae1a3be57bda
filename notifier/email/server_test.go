package email

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// received is a mail that a mailbox took.
type received struct {
	from string
	to   []string
	data string
	tls  bool
	user string
}

// mailbox is a real SMTP server in the test's process. The functions, where set, refuse.
type mailbox struct {
	mechanisms []string // of AUTH; user "soc", password "p4ssw0rd"
	onMail     func(from string) error
	onRcpt     func(to string) error
	onData     func(c *smtp.Conn) error // after the final dot

	mu    sync.Mutex
	mails []received
}

// start serves on loopback; configure may change the server before.
func (b *mailbox) start(t *testing.T, configure func(*smtp.Server)) (address string) {
	t.Helper()
	s := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &mailSession{box: b, conn: c}, nil }))
	s.Domain = "mail.example.com"
	s.AllowInsecureAuth = true
	s.ErrorLog = log.New(io.Discard, "", 0)
	if configure != nil {
		configure(s)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if s.Domain == "implicit.example.com" {
		l = tls.NewListener(l, s.TLSConfig)
	}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	return l.Addr().String()
}

// only returns the one mail that the mailbox must have.
func (b *mailbox) only(t *testing.T) received {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.mails) != 1 {
		t.Fatalf("got %d mails, want 1", len(b.mails))
	}
	return b.mails[0]
}

func (b *mailbox) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.mails)
}

type mailSession struct {
	box  *mailbox
	conn *smtp.Conn
	mail received
}

func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	s.mail.from = from
	if s.box.onMail != nil {
		return s.box.onMail(from)
	}
	return nil
}

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.box.onRcpt != nil {
		if err := s.box.onRcpt(to); err != nil {
			return err
		}
	}
	s.mail.to = append(s.mail.to, to)
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if s.box.onData != nil {
		if err := s.box.onData(s.conn); err != nil {
			return err
		}
	}
	s.mail.data = string(data)
	_, s.mail.tls = s.conn.TLSConnectionState()
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	s.box.mails = append(s.box.mails, s.mail)
	return nil
}

func (s *mailSession) Reset()                   {}
func (s *mailSession) Logout() error            { return nil }
func (s *mailSession) AuthMechanisms() []string { return s.box.mechanisms }

func (s *mailSession) Auth(mechanism string) (sasl.Server, error) {
	check := func(user, password string) error {
		if user != "soc" || password != "p4ssw0rd" {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "wrong: " + password}
		}
		s.mail.user = user
		return nil
	}
	if mechanism == "LOGIN" {
		return &loginServer{check: check}, nil
	}
	return sasl.NewPlainServer(func(_, user, password string) error { return check(user, password) }), nil
}

// loginServer is the server's side of LOGIN, which go-sasl has no more.
type loginServer struct {
	check func(user, password string) error
	step  int
	user  string
}

func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	l.step++
	switch l.step {
	case 1:
		return []byte("Username:"), false, nil
	case 2:
		l.user = string(response)
		return []byte("Password:"), false, nil
	case 3:
		return nil, true, l.check(l.user, string(response))
	}
	return nil, true, errors.New("too many responses")
}

// certificates are a server's, and a file with the authority that vouches for it.
func certificates(t *testing.T) (*tls.Config, string) {
	t.Helper()
	s := httptest.NewTLSServer(nil) // has a pair for 127.0.0.1
	defer s.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(file, ca, 0o600); err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: s.TLS.Certificates}, file
}

// What a script may answer instead of an SMTP reply.
const (
	hang = "hang" // nothing, while the connection stays open
	drop = "drop" // nothing, and the connection is closed
	cut  = "cut:" // what follows, without the end of the line, and the connection is closed
)

// script is a server that answers each command as it is told, for what a well-behaved server never does. The
// keys are the verbs, "greeting", and "." for the end of the message.
type script map[string]string

var politeScript = script{
	"greeting": "220 mail.example.com",
	"EHLO":     "250-mail.example.com\r\n250 AUTH PLAIN",
	"AUTH":     "235 2.7.0 welcome",
	"MAIL":     "250 2.1.0 ok",
	"RCPT":     "250 2.1.5 ok",
	"DATA":     "354 go on",
	".":        "250 2.0.0 queued",
	"QUIT":     "221 bye",
}

// start serves connections one after the other. reached gets the key before it is answered with hang.
func (s script) start(t *testing.T) (address string, reached <-chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	hung := make(chan string, 16)
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.talk(conn, hung)
			conn.Close()
		}
	})
	t.Cleanup(func() {
		l.Close()
		all.Wait() // so that a client that never hangs up fails its test
	})
	return l.Addr().String(), hung
}

func (s script) talk(conn net.Conn, hung chan<- string) {
	in := bufio.NewScanner(conn)
	in.Buffer(nil, 1<<20)
	say := func(key string) (more bool) {
		reply, ok := s[key]
		if !ok {
			reply, ok = politeScript[key]
		}
		switch {
		case !ok:
			reply = "502 5.5.1 what?"
		case reply == drop:
			return false
		case strings.HasPrefix(reply, cut):
			_, _ = io.WriteString(conn, reply[len(cut):])
			return false
		case reply == hang:
			hung <- key
			_, _ = io.Copy(io.Discard, conn) // until the client hangs up
			return false
		}
		_, err := fmt.Fprintf(conn, "%s\r\n", reply)
		return err == nil && key != "QUIT"
	}
	if !say("greeting") {
		return
	}
	message := false
	for in.Scan() {
		key, _, _ := strings.Cut(in.Text(), " ")
		switch {
		case message && in.Text() == ".":
			key, message = ".", false
		case message:
			continue
		}
		if !say(key) {
			return
		}
		message = message || (key == "DATA" && s["DATA"] == "")
	}
}

// newNotifier makes one for a server on loopback.
func newNotifier(t *testing.T, cfg Config, address string) *Notifier {
	t.Helper()
	if cfg.SMTP == "" {
		cfg.SMTP = "smtp://" + address
	}
	if cfg.From == "" {
		cfg.From = "ossec@example.com"
	}
	if cfg.To == nil {
		cfg.To = Addresses{"root@example.com"}
	}
	cfg.HeloName = "sender.example.com"
	m, err := New(cfg, (*notifier.Egress)(nil).Dial)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func smtpError(code int, enhanced smtp.EnhancedCode, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: enhanced, Message: text}
}

// attempt makes one, and says what became of it.
func attempt(t *testing.T, m *Notifier) (notifier.Receipt, *notifier.Error) {
	t.Helper()
	// Not the test's context: its end would hide a connection that is left open.
	receipt, err := m.Notify(context.Background(), bruteForce())
	if err == nil {
		return receipt, nil
	}
	if text := err.Error(); strings.ContainsAny(text, "\r\n\x1b") || strings.Contains(text, "p4ssw0rd") || len(text) > 2000 {
		t.Errorf("the error is no short line without secrets: %q", text)
	}
	return receipt, notifier.Classify(err)
}
