package email

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html"
	stdmail "net/mail"
	"regexp"
	"strconv"
	"strings"

	"github.com/wneessen/go-mail"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
)

const autoResponse = "X-Auto-Response-Suppress"

// Compose is the message that Notify would send, as RFC 5322 text with CRLF line ends. Two calls differ in Date
// alone.
func (m *Notifier) Compose(n notifier.Notification) (notifier.Message, error) {
	message, _, err := m.compose(n)
	return notifier.Message{Type: notifier.Mail, Body: message}, err
}

// compose makes the message, and warnings about what the template asked for in vain.
func (m *Notifier) compose(n notifier.Notification) (message []byte, warnings []string, err error) {
	if !n.Action.Known() {
		return nil, nil, notifier.UnknownAction("email", n.Action)
	}
	text, html, err := bodies(n)
	if err != nil {
		return nil, nil, err
	}
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent(), mail.WithEncoding(mail.EncodingQP))
	headers, warnings := extraHeaders(n.Parts["headers"])
	for _, h := range headers {
		msg.SetGenHeader(mail.Header(h.name), h.value)
	}
	msg.FromMailAddress(m.sender(n))
	msg.ToMailAddress(m.to...)
	if len(m.cc) > 0 {
		msg.CcMailAddress(m.cc...)
	}
	if len(m.replyTo) > 0 {
		msg.ReplyToMailAddress(m.replyTo...)
	}
	msg.SetGenHeader(mail.HeaderSubject, headerValue(subject(n).String()))
	msg.SetDate()
	id := m.messageID(n)
	msg.SetMessageIDWithValue(id)
	if references := m.references(n); len(references) > 0 {
		msg.SetGenHeader(mail.HeaderInReplyTo, references[len(references)-1])
		msg.SetGenHeader(mail.HeaderReferences, strings.Join(references, " "))
	}
	msg.SetGenHeader("List-Id", listID(n.Receiver, m.domain))
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834
	msg.SetGenHeader(autoResponse, "All")                // Exchange
	if n.Severity == "critical" && isNews(n.Action) {
		msg.SetGenHeader(mail.HeaderImportance, "high")
	}

	// The boundary follows from what it divides, so nobody can write a log line that holds it, and a repeat is
	// the same message again.
	msg.SetBoundary(digest(id, text, html))
	switch {
	case text == "":
		msg.SetBodyString(mail.TypeTextHTML, html)
	default:
		msg.SetBodyString(mail.TypeTextPlain, text)
		if html != "" {
			msg.AddAlternativeString(mail.TypeTextHTML, html)
		}
	}
	var b bytes.Buffer
	if _, err := msg.WriteTo(&b); err != nil {
		return nil, nil, notifier.Errorf(notifier.Permanent, "compose mail: %w", err)
	}
	return b.Bytes(), warnings, nil
}

// bodies are the mail's text and HTML; one of them may be empty. The part body, which an operator's plain
// template makes, stands for the whole mail.
func bodies(n notifier.Notification) (text, page string, err error) {
	if body := n.Parts["body"]; !body.Blank() {
		return lines(body), "", nil
	}
	if part := n.Parts["text"]; !part.Blank() {
		text = lines(part)
	}
	if part := n.Parts["html"]; !part.Blank() {
		// The template has escaped its quotations. Should one have come through, it is text here, not HTML.
		page = part.Render(func(s string) string { return s }, html.EscapeString)
	}
	if text == "" && page == "" {
		return "", "", notifier.EmptyTemplate("email", "text, html, body")
	}
	return text, page, nil
}

func lines(t display.Text) string { return strings.TrimRight(t.String(), " \t\r\n") + "\n" }

// subject is the template's, or names the alert where the template has none.
func subject(n notifier.Notification) display.Text {
	s := n.Parts["subject"].Line().CutEnd(maxSubject)
	if headerValue(s.String()) == "" {
		s = display.Join(display.Words("["+strings.ToUpper(n.Severity)+"] Alert "), display.Quote(n.Alert)).Line().CutEnd(maxSubject)
	}
	return s
}

// Meters is that of the subject.
func (*Notifier) Meters(n notifier.Notification) []notifier.Meter {
	if _, _, err := bodies(n); err != nil {
		return nil
	}
	return []notifier.Meter{{Name: "subject", N: subject(n).Len(), Limit: maxSubject}}
}

// sender is the configured address, shown under the name that the config or the template gives.
func (m *Notifier) sender(n notifier.Notification) *stdmail.Address {
	name := m.from.Name
	if name == "" {
		name = n.Parts["from_name"].Line().CutEnd(maxName).String()
	}
	if name == "" {
		name = "ossec-notify"
	}
	if !isPrintableASCII(name) {
		// It is sent as an encoded word, in which net/mail leaves a \ as it is, and readers of addresses stumble over it.
		name = strings.ReplaceAll(name, `\`, "＼")
	}
	// In a quoted string an encoded word has no meaning, but many programs decode it there too.
	return &stdmail.Address{Name: strings.ReplaceAll(name, "=?", "= ?"), Address: m.from.Address}
}

// isNews reports whether an action tells of something that happened; the others tell what became of it.
func isNews(a notifier.Action) bool { return a == notifier.Trigger || a == notifier.Digest }

// references are the ids that make one thread of the mails of one incident, the oldest first: one that no mail has, made
// of the cause and of the time when the incident began, so that the next incident of the same cause is another thread, and
// the incident's first mail. The first stands in that mail, too, so the thread holds where it never arrived.
func (m *Notifier) references(n notifier.Notification) []string {
	if n.DedupKey == "" {
		return nil
	}
	of := []string{"thread", n.Receiver, n.DedupKey}
	if !n.Opened.IsZero() {
		of = append(of, strconv.FormatInt(n.Opened.Unix(), 10)) // seconds, to whatever fraction the time was kept
	}
	references := []string{"<" + digest(of...) + "@" + m.domain + ">"}
	if n.Earlier != nil && len(n.Earlier.ID) <= maxID && ourID.MatchString(n.Earlier.ID) {
		references = append(references, n.Earlier.ID)
	}
	return references
}

// ourID is the form of the ids that we make, none of which is longer than maxID: an expression that counts so far takes long to make.
var ourID = regexp.MustCompile(`^<[0-9a-f]{32}@[A-Za-z0-9.-]+>$`)

const maxID = len("<") + 32 + len("@") + 255 + len(">")

// messageID is the same in every attempt of a delivery, so that a repeat after a lost answer is known as one.
func (m *Notifier) messageID(n notifier.Notification) string {
	return digest("delivery", n.Receiver, n.Alert, n.Delivery, fmt.Sprint(n.Occurrence)) + "@" + m.domain
}

// listID is "RECEIVER <RECEIVER.ossec-notify.DOMAIN>" (RFC 2919), the one header that all filters see. DOMAIN is the
// sender's: it is the operator's own, as the RFC wants it, and it stays when a manager is renamed, moved, or put
// into a container, whose host name is another with every start. So a filter once made goes on to hold.
func listID(receiver, domain string) string {
	label := strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return '-'
	}, receiver), "-")
	label = cmp.Or(label[:min(len(label), maxName)], "receiver")
	return fmt.Sprintf("%s <%s.ossec-notify.%s>", label, label, domain)
}

// digest is 128 bits of SHA-256 over the texts, in hexadecimal.
func digest(texts ...string) string {
	h := sha256.New()
	for _, t := range texts {
		fmt.Fprintf(h, "%d:%s", len(t), t)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
