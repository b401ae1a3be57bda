// Package syslog sends notifications to a server of syslog: over TCP, TLS or UDP, or into the socket of a host. It owns the message
// (RFC 5424, or RFC 3164 where that is asked for; JSON, CEF or LEEF as its text), what divides messages, and the connection. What a
// message says is the template's.
//
// The template's parts are message.json, cef.json and leef.json, of which the receiver's format takes one; hostname and app_name;
// data.json, the structured data; and a receiver's own template, body.json or body, which takes the text's place.
//
// Whatever an alert holds, a message is one line: no control character leaves in it, be it in JSON, as CEF or as plain text. So
// nothing in it can begin a second record with a host of its own choice, however a receiver divides what comes.
//
// Nobody answers: syslog has no acknowledgement. What counts as delivered was sent; over TCP and TLS, the server's host has all of
// it. See [Notifier.Notify].
package syslog

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// Notifier sends to one server. It is safe for concurrent use.
type Notifier struct {
	cfg      Config
	server   server
	format   string
	old      bool // RFC 3164
	facility int
	maxBytes int
	hostname string
	link     *link
	batch    notifier.Batch[[]byte] // of streams
}

var (
	_ notifier.Notifier  = (*Notifier)(nil)
	_ notifier.Composer  = (*Notifier)(nil)
	_ notifier.Selective = (*Notifier)(nil)
	_ notifier.Prober    = (*Notifier)(nil)
)

// New makes the Notifier of a receiver, which connects by dial. It reads the files of certificates.
func New(cfg Config, dial notifier.Dial) (*Notifier, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	to, err := parseAddress(cfg.Address)
	if err != nil {
		return nil, err
	}
	facility, _ := cfg.facility()
	s := &Notifier{cfg: cfg, server: to, format: cmp.Or(cfg.Format, formatJSON), facility: facility, hostname: hostname()}
	header := headerRFC5424
	if to.scheme == schemeUnix {
		header = headerRFC3164 // what listens there reads no other
	}
	s.old = cmp.Or(cfg.Header, header) == headerRFC3164
	switch {
	case cfg.MaxBytes > 0:
		s.maxBytes = int(cfg.MaxBytes)
	case to.scheme == schemeUDP && s.old:
		s.maxBytes = oldBytes
	case to.scheme == schemeUDP:
		s.maxBytes = datagramBytes
	default:
		s.maxBytes = streamBytes
	}
	s.batch.Size, s.batch.Bytes, s.batch.Send = notifier.MaxBatch, maxTogether, s.send
	s.link = &link{server: to, dial: dial, idle: cmp.Or(time.Duration(cfg.Idle), maxIdle), turn: make(chan struct{}, 1)}
	if to.scheme == schemeTLS {
		if s.link.certs, err = notifier.NewCertificates("", cfg.CAFile, cfg.CertFile, cfg.KeyFile); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// maxTogether is about how many bytes are sent in one go.
const maxTogether = 1 << 20

// Notify sends one message, together with others that are sent at the same time. Nil means sent, not that anybody has read it: over TCP and TLS the server's host has confirmed all
// bytes (where this system can tell), and the connection stood when it had; over UDP, and into a socket, that they have left.
//
// A connection is used again while it stands, which is looked at before each message: one that the server has closed gets none.
// Where a connection breaks under a message, nobody knows whether it was read, and the error is ambiguous. What the server had
// received before, and not read, is lost; where the connection was reset, the receipt of the next message says so in its Warning.
func (s *Notifier) Notify(ctx context.Context, n notifier.Notification) (notifier.Receipt, error) {
	message, err := s.message(n)
	if err != nil {
		return notifier.Receipt{}, err
	}
	if ctx.Err() != nil {
		return notifier.Receipt{}, s.link.failure(ctx, "send to", context.Cause(ctx))
	}
	frame := s.frame(message)
	if s.server.stream() {
		return s.batch.Add(ctx, frame, len(frame))
	}
	sent := s.send(ctx, [][]byte{frame})[0]
	return sent.Receipt, sent.Err
}

// send sends frames in one go: who sends much does not wait for the way there and back with each.
func (s *Notifier) send(ctx context.Context, frames [][]byte) []notifier.Result {
	begun, warning, err := s.link.send(ctx, slices.Concat(frames...))
	results := make([]notifier.Result, len(frames))
	at := 0
	for i, frame := range frames {
		if err != nil {
			e := *notifier.Classify(err)
			e.Ambiguous = begun > at // what was not begun was not read
			results[i].Err = &e
		} else if i == 0 {
			results[i].Receipt.Warning = warning
		}
		at += len(frame)
	}
	return results
}

// Compose is the message that Notify would send, without the length before it or the line end behind it.
func (s *Notifier) Compose(n notifier.Notification) (notifier.Message, error) {
	message, err := s.message(n)
	return notifier.Message{Type: "text/plain", To: s.server.String(), Body: []byte(message)}, err
}

// Uses: of the texts only one is sent.
func (s *Notifier) Uses(part string) bool {
	switch part {
	case "message.json":
		return s.format == formatJSON
	case "cef.json":
		return s.format == formatCEF
	case "leef.json":
		return s.format == formatLEEF
	case "data.json":
		return s.cfg.Enterprise > 0
	}
	return true
}

// Probe connects, and with TLS proves who both are. It sends no message. Over UDP there is nothing to find out but whether the name
// leads somewhere.
func (s *Notifier) Probe(ctx context.Context) error { return s.link.probe(ctx) }
