package email

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/mail"
	"slices"
	"strconv"
	"time"

	"github.com/wneessen/go-mail/smtp"

	"github.com/ossec-notify/ossec-notify/notifier"
)

const (
	// maxSession bounds a dialogue whose context has no deadline of its own. RFC 5321, 4.5.3.2, wants ten
	// minutes for the answer to a message.
	maxSession = 12 * time.Minute
	// maxAnswers bounds what a server may say in one dialogue, in bytes.
	maxAnswers = 1 << 20
	// quitWait is how long a server may take to say goodbye. The message is accepted by then.
	quitWait = time.Second
)

// stage is a step of the dialogue, as errors name it.
type stage string

const (
	stageConnect  stage = "connect"
	stageGreeting stage = "greeting"
	stageTLS      stage = "TLS handshake"
	stageHello    stage = "EHLO"
	stageStartTLS stage = "STARTTLS"
	stageAuth     stage = "AUTH"
	stageMail     stage = "MAIL FROM"
	stageRcpt     stage = "RCPT TO"
	stageData     stage = "DATA"
	stageEnd      stage = "end of message"
)

// session is one dialogue with the server. It speaks through go-mail's SMTP client and not through its Client,
// which lets one refused recipient cancel the mail for all, keeps connections open after some errors, and says
// neither at which step nor in which words the server refused.
type session struct {
	ctx      context.Context
	server   server
	tls      *tls.Config
	conn     net.Conn // the TCP connection, below any TLS
	client   *smtp.Client
	secrets  []string
	stop     func() bool
	released context.CancelFunc
}

// open connects, secures the connection and logs in. When ctx ends, the connection is closed, so no step waits
// longer.
func (m *Notifier) open(ctx context.Context, password string) (*session, error) {
	ctx, released := context.WithTimeoutCause(ctx, maxSession, fmt.Errorf("the dialogue took longer than %v", maxSession))
	s := &session{ctx: ctx, server: m.server, secrets: loginForms(m.server.user, password), released: released}
	certs, err := m.certs.Config()
	if err != nil {
		defer released()
		return nil, s.failure(stageTLS, err)
	}
	s.tls = certs.Clone()
	s.tls.ServerName = m.server.host
	conn, err := m.dial(ctx, "tcp", m.server.address())
	if err != nil {
		defer released()
		return nil, s.failure(stageConnect, err)
	}
	s.conn = &limitedConn{Conn: conn, left: maxAnswers}
	s.stop = context.AfterFunc(ctx, func() { conn.Close() })
	if at, err := s.begin(m, password); err != nil {
		defer s.close() // ends the context, which failure looks at
		return nil, s.failure(at, err)
	}
	return s, nil
}

// begin is the dialogue before the first mail. It returns the stage at which it failed.
func (s *session) begin(m *Notifier, password string) (stage, error) {
	conn := s.conn
	if s.server.tls == tlsImplicit {
		secured := tls.Client(conn, s.tls)
		if err := secured.HandshakeContext(s.ctx); err != nil {
			return stageTLS, err
		}
		conn = secured
	}
	client, err := smtp.NewClient(conn, s.server.host)
	if err != nil {
		return stageGreeting, err
	}
	// Our addresses are ASCII. With SMTPUTF8 asked for, a relay could find no way on for the mail.
	client.SkipSMTPUTF8(true)
	if err := client.Hello(m.helo); err != nil {
		return stageHello, err
	}
	if s.server.tls == tlsStartTLS {
		if offered, _ := client.Extension("STARTTLS"); !offered {
			return stageStartTLS, errNoStartTLS
		}
		before := client.Text.R
		if err := client.StartTLS(s.tls); err != nil {
			return stageStartTLS, err
		}
		// What stands there was said before the handshake by who knows whom. It has not been read, but who says such a
		// thing is not to be talked to (CVE-2011-0411 and its kin).
		if before.Buffered() > 0 {
			return stageStartTLS, errInjected
		}
	}
	if s.server.user != "" {
		if s.server.tls == tlsNone && !isLoopback(conn.RemoteAddr()) {
			return stageAuth, errPlainLogin
		}
		if err := client.Auth(&login{user: s.server.user, password: password}); err != nil {
			return stageAuth, err
		}
	}
	s.client = client
	return "", nil
}

// isLoopback looks at where a connection has led to: localhost is what the resolver says it is.
func isLoopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// close ends the dialogue without waiting for anything.
func (s *session) close() {
	s.stop()
	s.conn.Close()
	s.released()
}

// quit says goodbye and closes. How the server answers makes no difference to what it has accepted.
func (s *session) quit() {
	_ = s.conn.SetDeadline(time.Now().Add(quitWait))
	_ = s.client.Quit()
	s.close()
}

// refusal is a recipient that the server did not take.
type refusal struct {
	recipient string
	err       *notifier.Error
}

// send hands one message over, to those of the recipients that the server takes. It returns the others. An error
// means that nobody got it, as far as we know; where the server took no recipient, there is none.
func (s *session) send(from string, recipients []string, message []byte) ([]refusal, error) {
	if limit, ok := s.sizeLimit(); ok && len(message) > limit {
		e := notifier.Errorf(notifier.Permanent, "send mail to %s: the message has %d bytes, the server takes %d", s.server.address(), len(message), limit)
		e.Status, e.Code = 552, "5.3.4"
		return nil, e
	}
	if err := s.client.Mail(angle(from)); err != nil {
		return nil, s.failure(stageMail, err)
	}
	var refused []refusal
	for _, r := range recipients {
		if err := s.client.Rcpt(angle(r)); err != nil {
			e := s.recipientFailure(r, err)
			if e.Status == 0 || e.Status == 421 { // the connection is gone, or about to go
				return nil, e
			}
			refused = append(refused, refusal{r, e})
		}
	}
	if len(refused) == len(recipients) {
		return refused, nil
	}
	w, err := s.client.Data()
	if err != nil {
		return nil, s.failure(stageData, err)
	}
	if _, err := w.Write(message); err != nil {
		return nil, s.failure(stageData, err)
	}
	if err := w.Close(); err != nil {
		e := s.failure(stageEnd, err)
		e.Ambiguous = e.Status == 0 // no answer to a message that is complete
		return nil, e
	}
	return refused, nil
}

// sizeLimit is the largest message that the server says it takes, in bytes (RFC 1870).
func (s *session) sizeLimit() (int, bool) {
	_, param := s.client.Extension("SIZE")
	n, err := strconv.Atoi(param)
	return n, err == nil && n > 0
}

// angle is the address as the envelope wants it: <root@example.com>, with quotes where they are needed.
func angle(address string) string { return (&mail.Address{Address: address}).String() }

// limitedConn reads at most so many bytes: a server that never stops talking must not fill our memory.
type limitedConn struct {
	net.Conn
	left int
}

func (c *limitedConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, fmt.Errorf("the server said more than %d bytes: %w", maxAnswers, io.ErrShortBuffer)
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// login is the AUTH mechanism that the server offers: PLAIN or LOGIN. Config allows a log-in only within TLS or
// on this host, so neither shows the password to the network.
type login struct {
	user, password string
	chosen         smtp.Auth
}

var errNoLogin = errors.New("the server offers neither PLAIN nor LOGIN")

func (l *login) Start(info *smtp.ServerInfo) (string, []byte, error) {
	switch {
	case slices.Contains(info.Auth, "PLAIN"):
		l.chosen = smtp.PlainAuth("", l.user, l.password, info.Name, true)
	case slices.Contains(info.Auth, "LOGIN"):
		l.chosen = smtp.LoginAuth(l.user, l.password, info.Name, true)
	default:
		return "", nil, errNoLogin
	}
	return l.chosen.Start(info)
}

func (l *login) Next(fromServer []byte, more bool) ([]byte, error) {
	return l.chosen.Next(fromServer, more)
}
