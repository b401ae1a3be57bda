package sandbox

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"
)

// mailText is a mail as the channel composes it, with replacements of old, new, …
func mailText(replace ...string) string {
	text := `From: "ossec-notify manager" <ossec@example.com>
To: <root@example.com>
Subject: [MEDIUM] SSH brute force from 198.51.100.7 on db-02
Date: Mon, 23 Nov 2026 13:28:22 +0000
Message-ID: <01J9Z3.1@example.com>
Auto-Submitted: auto-generated
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=b1

--b1
Content-Type: text/plain; charset=UTF-8
Content-Transfer-Encoding: quoted-printable

From     198.51.100.7=20

--b1
Content-Type: text/html; charset=UTF-8
Content-Transfer-Encoding: base64

PGgxPlNTSCBicnV0ZSBmb3JjZTwv
aDE+
--b1--
`
	text = strings.ReplaceAll(text, "\n", "\r\n")
	return strings.NewReplacer(replace...).Replace(text)
}

// dial connects to the mail server.
func dial(t *testing.T, s *Server) *smtp.Client {
	t.Helper()
	c, err := smtp.Dial(s.SMTPAddr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// send sends a mail and returns the server's refusal, or nil.
func send(c *smtp.Client, text string, to ...string) error {
	return c.SendMail("ossec@example.com", to, strings.NewReader(text))
}

// refused asserts a refusal by code.
func refused(t *testing.T, err error, code int, enhanced smtp.EnhancedCode) {
	t.Helper()
	var e *smtp.SMTPError
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an SMTP error", err)
	}
	if e.Code != code || e.EnhancedCode != enhanced {
		t.Errorf("got %d %v (%s), want %d %v", e.Code, e.EnhancedCode, e.Message, code, enhanced)
	}
}

func TestMailIsTakenWhole(t *testing.T) {
	clock := newClock()
	s := start(t, Options{Now: clock.Now})
	if err := send(dial(t, s), mailText(), "root@example.com", "soc@example.com"); err != nil {
		t.Fatal(err)
	}
	m := last(t, s)
	if got, want := m.Header.Get("Auto-Submitted"), "auto-generated"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	m.Header = nil
	want := Message{
		ID: 1, Service: Email, At: clock.now, Method: "DATA", Body: []byte(mailText()),
		From: "ossec@example.com", To: []string{"root@example.com", "soc@example.com"},
		Status: 250, Answer: "2.0.0 OK: queued", Accepted: true,
	}
	if diff := cmp.Diff(m, want); diff != "" {
		t.Errorf("got(-), want(+):\n%s", diff)
	}
}

func TestAMistakenMailIsTakenAndNoted(t *testing.T) {
	s := start(t, Options{})
	if err := send(dial(t, s), mailText("Message-ID: <01J9Z3.1@example.com>\r\n", ""), "root@example.com"); err != nil {
		t.Fatal(err)
	}
	if m := last(t, s); !m.Accepted || !cmp.Equal(m.Problems, []string{"Message-Id is missing"}) {
		t.Errorf("accepted %v, problems %q", m.Accepted, m.Problems)
	}
}

func TestMistakesInAMail(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"no Message-ID":       {mailText("Message-ID: <01J9Z3.1@example.com>\r\n", ""), []string{"Message-Id is missing"}},
		"no Date, no Subject": {mailText("Date: Mon, 23 Nov 2026 13:28:22 +0000\r\nMessage", "Message", "Subject: [MEDIUM] SSH brute force from 198.51.100.7 on db-02\r\nDate: Mon, 23 Nov 2026 13:28:22 +0000\r\n", ""), []string{"Date is missing", "Subject is missing"}},
		"no From":             {mailText("From: \"ossec-notify manager\" <ossec@example.com>\r\n", ""), []string{"From is missing"}},
		"two Subjects":        {mailText("Auto-Submitted", "Subject: x\r\nAuto-Submitted"), []string{"Subject is there 2 times"}},
		"no To":               {mailText("To: <root@example.com>\r\n", ""), []string{"neither To nor Cc"}},
		"bad Date":            {mailText("Mon, 23 Nov 2026", "2026-11-23"), []string{"Date cannot be read: mail: header could not be parsed"}},
		"bad Message-ID":      {mailText("<01J9Z3.1@example.com>", "01J9Z3.1@example.com"), []string{"Message-Id is not <LEFT@RIGHT>"}},
		"bad To":              {mailText("<root@example.com>", "root"), []string{"To is no list of addresses: mail: missing '@' or angle-addr"}},
		"bare LF in header":   {mailText("brute force", "brute\n force"), []string{"bare CR or LF in the header"}},
		"bare CR in header":   {mailText("[MEDIUM]", "[MEDIUM]\rBcc: x@example.com"), []string{"bare CR or LF in the header"}},
		"bare LF in body":     {mailText("From     198", "From\n198"), []string{"bare CR or LF in the body"}},
		"NUL":                 {mailText("From     198", "From\x00198"), []string{"a NUL byte"}},
		"header not ASCII":    {mailText("[MEDIUM]", "[MÉDIUM]"), []string{"the header is not ASCII"}},
		"no MIME-Version":     {mailText("MIME-Version: 1.0\r\n", ""), []string{"MIME-Version is missing"}},
		"bad boundary":        {mailText("boundary=b1", "boundary=b2"), []string{"the body: multipart/alternative: multipart: NextPart: EOF"}},
		"not closed":          {mailText("--b1--\r\n", ""), []string{"the body: text/html: unexpected EOF"}},
		"bad quoted":          {mailText("=20", "=ZZ"), []string{`the body: text/plain: "=Z" is not quoted-printable`}},
		"cut escape":          {mailText("=20", "=2"), []string{"the body: text/plain: \"=2\\r\" is not quoted-printable"}},
		"long encoded line":   {mailText("From     198.51", strings.Repeat("x", 80)), []string{"the body: text/plain: an encoded line has 89 bytes, over 76"}},
		"no header":           {"text", []string{"the header cannot be read: malformed header line: text"}},
		"bad base64":          {mailText("PGgx", "P*gx"), []string{"the body: text/html: illegal base64 data at input byte 1"}},
		"bad content type":    {mailText("text/html; charset=UTF-8", "text/html; charset"), []string{`the body: content type "text/html; charset": mime: invalid media parameter`}},
	} {
		t.Run(name, func(t *testing.T) {
			_, got := checkMail([]byte(c.text))
			if diff := cmp.Diff(got, c.want); diff != "" {
				t.Errorf("got(-), want(+):\n%s", diff)
			}
		})
	}
}

func TestLongLinesAreRefused(t *testing.T) {
	s := start(t, Options{})
	line := func(n int) string {
		return mailText("From     198.51.100.7=20", strings.Repeat("x", n), "quoted-printable", "8bit")
	}
	if err := send(dial(t, s), line(998), "root@example.com"); err != nil {
		t.Error(err)
	}
	err := send(dial(t, s), line(999), "root@example.com")
	refused(t, err, 550, smtp.EnhancedCode{5, 6, 0})
	if m := last(t, s); m.Accepted || m.Answer != "5.6.0 maximum allowed line length is 998 octets, got 999" || len(m.Problems) != 1 {
		t.Errorf("got %q, problems %q", m.Answer, m.Problems)
	}
	err = send(dial(t, s), line(100<<10), "root@example.com")
	refused(t, err, 550, smtp.EnhancedCode{5, 6, 0})
	if m := last(t, s); m.Accepted {
		t.Error("accepted")
	}
}

func TestLargeMailIsRefused(t *testing.T) {
	const limit = 64 << 10
	s := start(t, Options{MaxMail: limit})
	text := mailText("From     198.51.100.7=20", strings.Repeat("0123456789\r\n", limit/12+1))
	c := dial(t, s)
	if err := c.Mail("ossec@example.com", nil); err != nil {
		t.Fatal(err)
	}
	if err := c.Rcpt("root@example.com", nil); err != nil {
		t.Fatal(err)
	}
	w, err := c.Data()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	refused(t, w.Close(), 552, smtp.EnhancedCode{5, 3, 4})
	if m := last(t, s); m.Accepted || m.Status != 552 {
		t.Errorf("got %d, accepted %v", m.Status, m.Accepted)
	}
	refused(t, c.Mail("ossec@example.com", &smtp.MailOptions{Size: int64(len(text))}), 552, smtp.EnhancedCode{5, 3, 4})
}

func TestMailThatEndsEarlyIsNotTaken(t *testing.T) {
	seen := make(chan Message, 1)
	s := start(t, Options{OnMessage: func(m Message) { seen <- m }})
	c, err := textproto.Dial("tcp", s.SMTPAddr())
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"", "EHLO localhost", "MAIL FROM:<ossec@example.com>", "RCPT TO:<root@example.com>", "DATA"} {
		if line != "" {
			if err := c.PrintfLine("%s", line); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := c.ReadResponse(0); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.PrintfLine("Subject: x"); err != nil {
		t.Fatal(err)
	}
	c.Close()
	m := <-seen
	if m.Accepted || m.Status != 0 || !cmp.Equal(m.Problems, []string{"the mail ended early"}) {
		t.Errorf("got %d, accepted %v, problems %q", m.Status, m.Accepted, m.Problems)
	}
}

func TestMailNeedsItsUser(t *testing.T) {
	s := start(t, Options{SMTPUser: "ossec", SMTPPassword: "p"})
	if got, want := s.SMTPURL(), "smtp://ossec@"+s.SMTPAddr(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	c := dial(t, s)
	refused(t, c.Mail("ossec@example.com", nil), 530, smtp.EnhancedCode{5, 7, 0})
	if m := last(t, s); m.Method != "MAIL" || m.Status != 530 || m.From != "ossec@example.com" {
		t.Errorf("got %+v", m)
	}
	for _, login := range [][2]string{{"ossec", "wrong"}, {"other", "p"}} {
		refused(t, c.Auth(sasl.NewPlainClient("", login[0], login[1])), 535, smtp.EnhancedCode{5, 7, 8})
		if m := last(t, s); m.Method != "AUTH" || m.Status != 535 {
			t.Errorf("got %+v", m)
		}
	}
	if err := c.Auth(sasl.NewPlainClient("", "ossec", "p")); err != nil {
		t.Fatal(err)
	}
	if err := send(c, mailText(), "root@example.com"); err != nil {
		t.Fatal(err)
	}
}

func TestAuthIsOfferedOnlyAfterSTARTTLSWhereThereIsACertificate(t *testing.T) {
	cert, pool := certificate(t)
	s := start(t, Options{SMTPUser: "ossec", SMTPPassword: "p", TLS: &tls.Config{Certificates: []tls.Certificate{cert}}})
	plain := dial(t, s)
	refused(t, plain.Auth(sasl.NewPlainClient("", "ossec", "p")), 523, smtp.EnhancedCode{5, 7, 10})

	conn, err := net.Dial("tcp", s.SMTPAddr())
	if err != nil {
		t.Fatal(err)
	}
	c, err := smtp.NewClientStartTLS(conn, &tls.Config{RootCAs: pool, ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Auth(sasl.NewPlainClient("", "ossec", "p")); err != nil {
		t.Fatal(err)
	}
	if err := send(c, mailText(), "root@example.com"); err != nil {
		t.Fatal(err)
	}

	s.Script(Email, Reply{Reset: true})
	if err := send(c, mailText(), "root@example.com"); err == nil {
		t.Error("the connection under TLS was not broken")
	}
}

func TestScriptedMailFailsAtItsCommand(t *testing.T) {
	s := start(t, Options{SMTPUser: "ossec", SMTPPassword: "p"})
	login := func(c *smtp.Client) error { return c.Auth(sasl.NewPlainClient("", "ossec", "p")) }
	c := dial(t, s)
	s.Script(Email, Reply{At: "AUTH", Status: 454, Body: "4.7.0 later"})
	refused(t, login(c), 454, smtp.EnhancedCode{4, 7, 0})
	if err := login(c); err != nil {
		t.Fatal(err)
	}
	s.Script(Email,
		Reply{At: "MAIL", Status: 451, Body: "4.3.0 busy"},
		Reply{At: "RCPT"},
		Reply{At: "RCPT", Status: 550, Body: "5.1.1 no such user"},
		Reply{At: "DATA", Status: 452, Body: "disk full"},
		Reply{Status: 250, Body: "2.0.0 lost"},
	)
	refused(t, send(c, mailText(), "root@example.com"), 451, smtp.EnhancedCode{4, 3, 0})
	refused(t, send(c, mailText(), "root@example.com", "nobody@example.com"), 550, smtp.EnhancedCode{5, 1, 1})
	if m := last(t, s); m.Method != "RCPT" || !cmp.Equal(m.To, []string{"nobody@example.com"}) {
		t.Errorf("got %s to %q", m.Method, m.To)
	}
	if err := c.Reset(); err != nil {
		t.Fatal(err)
	}
	refused(t, send(c, mailText(), "root@example.com"), 452, smtp.EnhancedCode{4, 0, 0})
	if m := last(t, s); m.Accepted || string(m.Body) != mailText() {
		t.Errorf("accepted %v", m.Accepted)
	}
	if err := send(c, mailText(), "root@example.com"); err != nil || last(t, s).Accepted {
		t.Errorf("got %v, accepted %v; the server says yes and loses the mail", err, last(t, s).Accepted)
	}
	if err := send(c, mailText(), "root@example.com"); err != nil || !last(t, s).Accepted {
		t.Errorf("got %v, accepted %v", err, last(t, s).Accepted)
	}

	s.Script(Email, Reply{At: "EHLO", Status: 421, Body: "4.3.2 going down"})
	refused(t, dial(t, s).Hello("localhost"), 421, smtp.EnhancedCode{4, 3, 2})
}

func TestALostAnswerLeavesTheMailTaken(t *testing.T) {
	s := start(t, Options{})
	release := make(chan struct{})
	s.Script(Email, Reply{Hold: release, CloseAfterHeaders: true})
	done := make(chan error)
	c := dial(t, s)
	go func() { done <- send(c, mailText(), "root@example.com") }()
	if _, err := s.Wait(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	close(release)
	if err := <-done; err == nil {
		t.Error("the client has an answer")
	}
}

// certificate makes a certificate for localhost, and the pool that trusts it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
}
