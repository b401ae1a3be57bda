package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Bounds of the mail server.
const (
	mailRecipients = 100
	mailIdle       = 60 * time.Second
)

// newSMTP makes the mail server. What go-smtp refuses by itself (bad syntax, a wrong order of commands, an
// announced size over the limit) is answered and does not reach the inbox.
func newSMTP(s *Server) *smtp.Server {
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		m := &mailSession{server: s, conn: c}
		if err := m.scripted("EHLO", Message{}); err != nil {
			return nil, err
		}
		return m, nil
	}))
	server.Domain = "localhost"
	server.MaxRecipients = mailRecipients
	server.MaxMessageBytes = s.opt.MaxMail
	// go-smtp closes the connection on a longer line. No mail has one, so a line that is too long for RFC 5322
	// gets its answer.
	server.MaxLineLength = int(2 * s.opt.MaxMail)
	server.ReadTimeout = mailIdle
	server.WriteTimeout = mailIdle
	server.TLSConfig = s.opt.TLS
	server.AllowInsecureAuth = s.opt.TLS == nil
	server.ErrorLog = silent()
	return server
}

// mailSession is one connection's conversation.
type mailSession struct {
	server        *Server
	conn          *smtp.Conn
	authenticated bool
	from          string
	to            []string
}

// errBroken ends a command whose connection a script has broken. Nobody reads it.
var errBroken = errors.New("connection broken by script")

// Reset forgets the mail that was begun.
func (m *mailSession) Reset() { m.from, m.to = "", nil }

// Logout has nothing to free.
func (m *mailSession) Logout() error { return nil }

// AuthMechanisms offers PLAIN where a user is expected.
func (m *mailSession) AuthMechanisms() []string {
	if m.server.opt.SMTPUser == "" {
		return nil
	}
	return []string{sasl.Plain}
}

// Auth checks user and password.
func (m *mailSession) Auth(mechanism string) (sasl.Server, error) {
	if mechanism != sasl.Plain || m.server.opt.SMTPUser == "" {
		return nil, smtp.ErrAuthUnknownMechanism
	}
	return sasl.NewPlainServer(func(identity, user, password string) error {
		if err := m.scripted("AUTH", Message{}); err != nil {
			return err
		}
		opt := m.server.opt
		if (identity != "" && identity != user) || !matches(user, opt.SMTPUser) || !matches(password, opt.SMTPPassword) {
			return m.refuse(Message{Method: "AUTH"}, smtp.ErrAuthFailed, "user or password is not what the sandbox expects")
		}
		m.authenticated = true
		return nil
	}), nil
}

// Mail begins a mail.
func (m *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	if err := m.scripted("MAIL", Message{From: from}); err != nil {
		return err
	}
	if m.server.opt.SMTPUser != "" && !m.authenticated {
		refusal := &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
		return m.refuse(Message{Method: "MAIL", From: from}, refusal, "the mail came before AUTH")
	}
	m.from = from
	return nil
}

// Rcpt adds a recipient.
func (m *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if err := m.scripted("RCPT", Message{From: m.from, To: []string{to}}); err != nil {
		return err
	}
	m.to = append(m.to, to)
	return nil
}

// Data takes the mail and answers to its final dot.
func (m *mailSession) Data(r io.Reader) error {
	body, err := io.ReadAll(r)
	msg := Message{Method: "DATA", From: m.from, To: m.to, Body: body}
	switch {
	case err == nil:
	case errors.Is(err, smtp.ErrDataTooLarge):
		return m.refuse(msg, smtp.ErrDataTooLarge, fmt.Sprintf("the mail is over %d bytes", m.server.opt.MaxMail))
	default:
		msg.Problems = []string{"the mail ended early"}
		m.record(msg)
		return err
	}
	msg.Header, msg.Problems = checkMail(body)
	if n := longLine(body); n > 0 {
		return m.refuse(msg, lineTooLong(n), msg.Problems...)
	}
	msg.Status, msg.Answer, msg.Accepted = 250, "2.0.0 OK: queued", true
	return m.scripted("DATA", msg)
}

// lineTooLong is the refusal of Exim; Postfix would break the line and damage the mail.
func lineTooLong(n int) *smtp.SMTPError {
	return &smtp.SMTPError{
		Code: 550, EnhancedCode: smtp.EnhancedCode{5, 6, 0},
		Message: fmt.Sprintf("maximum allowed line length is %d octets, got %d", mailLine, n),
	}
}

// longLine is the length of the first line over the limit, or 0.
func longLine(body []byte) int {
	for line := range bytes.SplitSeq(body, []byte("\r\n")) {
		if len(line) > mailLine {
			return len(line)
		}
	}
	return 0
}

// record puts what happened into the inbox.
func (m *mailSession) record(msg Message) {
	msg.Service, msg.At = Email, m.server.opt.Now()
	m.server.inbox.add(msg)
}

// refuse records a refusal and returns it.
func (m *mailSession) refuse(msg Message, refusal *smtp.SMTPError, problems ...string) error {
	code := refusal.EnhancedCode
	msg.Status = refusal.Code
	msg.Answer = fmt.Sprintf("%d.%d.%d %s", code[0], code[1], code[2], refusal.Message)
	msg.Problems = problems
	m.record(msg)
	return refusal
}

// scripted applies the reply that is queued for a command. Without one it records msg if it is an answer
// already, and returns nil.
func (m *mailSession) scripted(command string, msg Message) error {
	reply := m.server.script.next(Email, command)
	msg.Method = command
	var err error
	if reply.Status != 0 {
		refusal := scriptedError(reply)
		if refusal.Code >= 400 {
			err = refusal
		}
		msg.Status, msg.Answer, msg.Accepted = reply.Status, reply.Body, false
	}
	if msg.Status != 0 {
		m.record(msg)
	}
	if reply.Hold != nil {
		select {
		case <-reply.Hold:
		case <-m.server.closing:
		}
	}
	if reply.breaks() {
		conn := m.conn.Conn()
		if t, ok := conn.(interface{ NetConn() net.Conn }); ok {
			conn = t.NetConn() // under TLS; a goodbye of TLS's would be a clean end
		}
		hardClose(conn)
		return errBroken
	}
	return err
}

// scriptedError reads an enhanced code off the beginning of the text.
func scriptedError(r Reply) *smtp.SMTPError {
	e := &smtp.SMTPError{Code: r.Status, Message: r.Body}
	code, rest, _ := strings.Cut(r.Body, " ")
	part := strings.Split(code, ".")
	if len(part) != len(e.EnhancedCode) {
		return e
	}
	var enhanced smtp.EnhancedCode
	for i, p := range part {
		n, err := strconv.Atoi(p)
		if err != nil {
			return e
		}
		enhanced[i] = n
	}
	e.EnhancedCode, e.Message = enhanced, rest
	return e
}
