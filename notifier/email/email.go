// Package email sends notifications as mail through an SMTP server. It owns the message (headers, parts,
// encodings) and the dialogue with the server; what the mail says is the template's.
//
// The template's parts are subject, text (text/plain, whole), html, headers (lines "X-Name: value"), from_name
// (the sender's display name), and body: an operator's plain template, which stands for the whole mail. Alert
// text stands in its display form everywhere, and no part of any text can begin a header.
//
// A recipient whom the server refuses does not keep the mail from the others. See [Notifier.Notify].
package email

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	stdmail "net/mail"
	"os"
	"slices"
	"strings"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// Notifier sends to one list of recipients. It is safe for concurrent use.
type Notifier struct {
	server      server
	password    notifier.Secret
	from        *stdmail.Address
	to, cc      []*stdmail.Address
	replyTo     []*stdmail.Address
	recipients  []string // of the envelope: to, cc and bcc, each once
	domain      string   // of the sender, for the ids that we make
	helo        string
	certs       *notifier.Certificates
	dial        notifier.Dial
	interrupted interrupted
}

var (
	_ notifier.Notifier = (*Notifier)(nil)
	_ notifier.Composer = (*Notifier)(nil)
	_ notifier.Metered  = (*Notifier)(nil)
)

// New makes the Notifier of a receiver, which connects by dial. It reads the files of certificates.
func New(cfg Config, dial notifier.Dial) (*Notifier, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	m := &Notifier{dial: dial, password: cfg.Password, helo: cmp.Or(cfg.HeloName, hostname())}
	s, mistake := cfg.server()
	if mistake != nil {
		return nil, mistake
	}
	m.server = s
	var err error
	if m.certs, err = notifier.NewCertificates("", cfg.CAFile, cfg.CertFile, cfg.KeyFile); err != nil {
		return nil, err
	}
	var from, bcc []*stdmail.Address
	for _, list := range []struct {
		addresses Addresses
		parsed    *[]*stdmail.Address
	}{{Addresses{cfg.From}, &from}, {cfg.To, &m.to}, {cfg.CC, &m.cc}, {cfg.BCC, &bcc}} {
		if *list.parsed, err = list.addresses.parse(); err != nil {
			return nil, err
		}
	}
	if cfg.ReplyTo != "" {
		if m.replyTo, err = (Addresses{cfg.ReplyTo}).parse(); err != nil {
			return nil, err
		}
	}
	m.from = from[0]
	m.domain = domain(m.from.Address)
	for _, a := range slices.Concat(m.to, m.cc, bcc) {
		if !slices.Contains(m.recipients, a.Address) {
			m.recipients = append(m.recipients, a.Address)
		}
	}
	return m, nil
}

// hostname is this host's name, or localhost where it has none that SMTP can carry.
func hostname() string {
	name, err := os.Hostname()
	if err != nil || name == "" || !isPrintableASCII(name) || strings.Contains(name, " ") {
		return "localhost"
	}
	return name
}

// domain is what follows the @, with anything replaced that an id cannot hold (an address in brackets).
func domain(address string) string {
	d := address[strings.LastIndexByte(address, '@')+1:]
	return strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '-'
	}, d), "-.")
}

// Notify makes one attempt. The mail counts as delivered when one recipient at least was accepted; the
// recipients that the server refused for good are then named in the receipt's Warning. Where it put a recipient
// off, the attempt fails as temporary, and the next one is for that recipient alone: the others have the mail.
// (That is remembered as long as the Notifier lives. After a restart they get it again, with the same
// Message-ID.)
//
// The receipt's ID is the Message-ID.
func (m *Notifier) Notify(ctx context.Context, n notifier.Notification) (notifier.Receipt, error) {
	message, warnings, err := m.compose(n)
	if err != nil {
		return notifier.Receipt{}, err
	}
	password, err := m.password.ReadHeader(ctx, "password") // as a line of SMTP, it holds no control character either
	if err != nil {
		return notifier.Receipt{}, err
	}
	id := m.messageID(n)
	before, resumed := m.interrupted.take(id)
	if !resumed {
		before = progress{waiting: m.recipients}
	}
	after, err := m.deliver(ctx, password, message, before)
	if err != nil {
		if after.accepted > 0 {
			m.interrupted.put(id, after)
		}
		return notifier.Receipt{}, err
	}
	return notifier.Receipt{
		Status:  250,
		ID:      "<" + id + ">",
		Warning: strings.Join(append(warnings, after.refused...), "; "),
	}, nil
}

// deliver sends the message to those who wait for it, and returns how far it came, also with an error.
func (m *Notifier) deliver(ctx context.Context, password string, message []byte, p progress) (progress, error) {
	s, err := m.open(ctx, password)
	if err != nil {
		return p, err
	}
	refused, err := s.send(m.from.Address, p.waiting, message)
	if err != nil {
		s.close()
		return p, err
	}
	s.quit()

	var later, never []refusal
	for _, r := range refused {
		if r.err.Reason == notifier.Temporary {
			later = append(later, r)
		} else {
			never = append(never, r)
		}
	}
	p.accepted += len(p.waiting) - len(refused)
	p.waiting = nil
	for _, r := range later {
		p.waiting = append(p.waiting, r.recipient)
	}
	for _, r := range never {
		p.refused = append(p.refused, r.err.Error())
	}
	switch {
	case len(later) > 0:
		return p, joined(later)
	case p.accepted == 0:
		return p, joined(never)
	}
	return p, nil
}

// joined is one error for several recipients. A broken receiver weighs more than a wrong address.
func joined(refused []refusal) *notifier.Error {
	const named = 5
	e := *refused[0].err
	var texts []string
	for i, r := range refused {
		if r.err.Reason > e.Reason {
			e = *r.err
		}
		switch {
		case i < named:
			texts = append(texts, r.err.Err.Error())
		case i == named:
			texts = append(texts, fmt.Sprintf("and %d more", len(refused)-named))
		}
	}
	e.Err = errors.New(strings.Join(texts, "; "))
	return &e
}

// Idempotent: mail programs and servers drop a second mail with the same Message-ID.
func (*Notifier) Idempotent() bool { return true }
