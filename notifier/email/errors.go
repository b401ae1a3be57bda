package email

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"regexp"
	"strings"

	"github.com/ossec-notify/ossec-notify/notifier"
)

var (
	errNoStartTLS = errors.New("the server offers no STARTTLS")
	errInjected   = errors.New("something was said in clear text between the answer to STARTTLS and the handshake, as somebody in the middle would do")
	errPlainLogin = errors.New("the connection is in clear text and leads to another host, so the password is not sent")
)

// failure turns what went wrong at a stage into an Error: the server's answer, a certificate, or the network.
func (s *session) failure(at stage, err error) *notifier.Error {
	return s.failureAt(at, string(at), err)
}

func (s *session) recipientFailure(recipient string, err error) *notifier.Error {
	return s.failureAt(stageRcpt, string(stageRcpt)+" "+recipient, err)
}

// failureAt names the stage in the text as step says.
func (s *session) failureAt(at stage, step string, err error) *notifier.Error {
	what := fmt.Sprintf("send mail to %s: %s", s.server.address(), step)
	var answer *textproto.Error
	if errors.As(err, &answer) {
		return s.refused(at, what, answer)
	}
	if s.ctx.Err() != nil { // the connection was closed under the dialogue; the reason is the context's
		e := notifier.Errorf(notifier.Temporary, "%s: %w", what, context.Cause(s.ctx))
		if at == stageGreeting && s.server.tls != tlsImplicit {
			e.Hint = "a server that waits in silence may want tls: implicit"
		}
		return e
	}
	e := notifier.Errorf(notifier.Temporary, "%s: %w", what, s.clean(err))
	var (
		certificate *tls.CertificateVerificationError
		name        x509.HostnameError
		invalid     x509.CertificateInvalidError
		noTLS       tls.RecordHeaderError
		refused     *notifier.EgressError
	)
	switch {
	case errors.As(err, &refused):
		e.Reason, e.Hint = notifier.Misconfigured, refused.Hint()
	case errors.Is(err, errPlainLogin):
		e.Reason, e.Hint = notifier.Misconfigured, "set tls: starttls or implicit, or write 127.0.0.1 in the setting smtp"
	case errors.Is(err, errNoStartTLS):
		e.Reason, e.Hint = notifier.Misconfigured, "set tls: implicit (port 465), or tls: none if the network is trusted"
	case errors.Is(err, errNoLogin):
		e.Reason, e.Hint = notifier.Misconfigured, "many servers offer a log-in only within TLS: set tls; or leave username and password away"
	// A certificate that is not trusted is mended by somebody, as over HTTP: until then the message waits.
	case errors.As(err, &name):
		e.Hint = "write the name that the certificate is for in the setting smtp"
	case errors.As(err, &invalid):
		e.Hint = "the server's certificate does not hold, and must be mended there"
	case errors.As(err, &certificate):
		e.Hint = "give the certificate of the server's authority in ca_file"
	case errors.As(err, &noTLS) && s.server.tls == tlsStartTLS:
		e.Hint = "the server does not speak TLS after STARTTLS, which it offers"
	case errors.As(err, &noTLS):
		e.Reason, e.Hint = notifier.Misconfigured, "this port does not begin with TLS: set tls: starttls, or port 465"
	default:
		e.Hint = notifier.NetworkHint(err)
	}
	return e
}

// clean makes an error fit for a log: what is no SMTP is quoted in it as it came.
func (s *session) clean(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("the server closed the connection (%w)", io.EOF)
	}
	if text := s.fit(err.Error()); text != err.Error() {
		return errors.New(text)
	}
	return err
}

// fit makes what the server says fit for a log. It is cut last: half a secret would not be recognised.
func (s *session) fit(text string) string {
	return notifier.Snippet([]byte(notifier.RedactCut(text, s.secrets...)))
}

// enhanced finds the status code of RFC 3463 at the beginning of an answer's text.
var enhanced = regexp.MustCompile(`^[245]\.\d{1,3}\.\d{1,3}\b`)

// refused is an answer of the server's that is no yes.
func (s *session) refused(at stage, what string, answer *textproto.Error) *notifier.Error {
	text := s.fit(answer.Msg)
	e := notifier.Errorf(notifier.Temporary, "%s: %d %s", what, answer.Code, text)
	e.Status, e.Code = answer.Code, enhanced.FindString(answer.Msg)
	e.Reason, e.Hint = verdict(at, e.Status, e.Code, strings.ToLower(text))
	return e
}

// verdict is what an answer says about the message and the receiver. RFC 5321, 4.2.1: 4yz is worth a repeat,
// 5yz is not. Of these, what the server says before it has seen anything of the message is about our settings.
func verdict(at stage, status int, code, text string) (notifier.Reason, string) {
	switch {
	case status < 500, status >= 600:
		return notifier.Temporary, ""
	case status == 552 && at == stageRcpt: // too many recipients or a full mailbox: RFC 5321, 4.5.3.1.10
		return notifier.Temporary, ""
	case status == 530 && strings.Contains(text, "starttls"):
		return notifier.Misconfigured, "set tls: starttls"
	case status == 530:
		return notifier.Misconfigured, "the server wants a log-in: set username and password"
	case at == stageAuth && status == 535:
		return notifier.Misconfigured, "check username and password"
	case at == stageAuth && status == 534:
		return notifier.Misconfigured, "the server refuses this kind of log-in; some want a password made for programs"
	case at == stageAuth:
		return notifier.Misconfigured, ""
	case status == 552, code == "5.3.4", code == "5.2.3":
		return notifier.Permanent, "the message is larger than the server takes"
	case at == stageMail:
		return notifier.Misconfigured, "the server takes no mail from this sender; check the setting from"
	case at == stageRcpt && (code == "5.7.1" || strings.Contains(text, "relay")):
		return notifier.Misconfigured, "the server does not relay for this host; log in with username and password, or have it allowed there"
	case at == stageRcpt:
		return notifier.Permanent, "check the address"
	case at == stageData, at == stageEnd:
		return notifier.Permanent, ""
	}
	return notifier.Misconfigured, "the server does not serve this host"
}

// loginForms are the spellings of the password that cross the line, to take them out of an answer.
func loginForms(user, password string) []string {
	if password == "" {
		return nil
	}
	encode := base64.StdEncoding.EncodeToString
	return []string{password, encode([]byte(password)), encode([]byte("\x00" + user + "\x00" + password))}
}
