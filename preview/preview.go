// Package preview owns what delivery would send: the code that delivers, up to the network, and what it was about to send, with no
// secret in it. The command and the page both show that. It decides nothing, sends nothing, and runs no program.
package preview

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ossec-notify/ossec-notify/config"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/oncall"
)

// Shown is what a receiver would get, as an element of preview --format json.
type Shown struct {
	Alert    string     `json:"alert"`
	Receiver string     `json:"receiver"`
	Channel  string     `json:"channel"`
	Route    string     `json:"route"`
	Requests *[]Request `json:"requests,omitempty"`
	Message  string     `json:"message,omitempty"` // of what is no request: the whole mail, line or document
	To       string     `json:"to,omitempty"`      // where such a message goes, unless it says so itself

	TemplateErr error `json:"-"` // why the message has its default form

	media string // the type of Message
}

// Mail is the message where that is a mail, else "".
func (s Shown) Mail() string {
	if s.media == notifier.Mail {
		return s.Message
	}
	return ""
}

// Previewer shows deliveries with the code that delivers, up to the network, one at a time: it is not safe for concurrent use.
type Previewer struct {
	*dispatch.Dispatcher
	Redact   *Redactor // of the config
	recorder *recorder
}

// New makes the previewer of a config, which it leaves as it is. A nil cache does not know who is on call. With an error,
// which is about receivers that cannot be made, it is there all the same, for the others.
func New(cfg *config.Config, cache *oncall.Cache) (*Previewer, error) {
	shown := *cfg
	shown.Receivers = nil
	for _, r := range cfg.Receivers {
		c := *r
		c.Config = readable(r.Config)
		c.Config.Unbatch()
		shown.Receivers = append(shown.Receivers, &c)
	}
	rec := &recorder{redact: redactorOf(cfg.All())}
	d, err := shown.Dispatcher(config.Options{Client: &http.Client{Transport: rec, CheckRedirect: notifier.NoRedirects}, Log: slog.New(slog.DiscardHandler), OnCall: cache})
	return &Previewer{d, rec.redact, rec}, err
}

// Show renders one delivery and catches what would be sent.
func (p *Previewer) Show(ctx context.Context, x dispatch.Delivery) (Shown, notifier.Notification, error) {
	n, templateErr := p.Notification(x)
	p.redact(&n)
	out, err := p.Catch(ctx, x, n)
	out.TemplateErr = templateErr
	if err != nil && out.Requests != nil {
		err = errors.Join(err, templateErr)
	}
	return out, n, err
}

// redact takes the secrets of the config out of what a notification says: an alert may quote them, and what is drawn from its parts, or encoded
// as mail is, holds them in forms that are not found afterwards.
func (p *Previewer) redact(n *notifier.Notification) {
	n.DedupKey = p.Redact.Text(n.DedupKey)
	for name, t := range n.Parts {
		if encoded := t.Encode(); p.Redact.Text(encoded) != encoded {
			n.Parts[name] = display.Decode(p.Redact.Text(encoded))
		}
	}
}

// Catch is what a notification of a delivery would be sent as: Show of one that is rendered.
func (p *Previewer) Catch(ctx context.Context, x dispatch.Delivery, n notifier.Notification) (Shown, error) {
	out := Shown{Alert: n.Alert, Receiver: x.Receiver.Name, Channel: x.Receiver.Channel, Route: x.Route}
	if c, ok := x.Receiver.Notifier.(notifier.Composer); ok {
		message, err := c.Compose(n)
		if err != nil {
			return out, err
		}
		out.media, out.To, out.Message = message.Type, p.Redact.Text(message.To), p.Redact.Text(string(message.Body))
		return out, nil
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	_, err := x.Receiver.Notifier.Notify(ctx, n)
	requests := p.recorder.take()
	out.Requests = &requests
	if len(requests) > 0 { // what the recorder answered is no failure
		err = nil
	}
	return out, err
}

// Document divides Message into what stands before its JSON, as a header of syslog does, and the JSON, a value or at the end
// an object. Each may be "".
func (s Shown) Document() (text, document string) {
	message := s.Message
	if document = strings.TrimSpace(message); !json.Valid([]byte(document)) || !utf8.ValidString(document) {
		i := strings.Index(message, " {")
		if i < 0 {
			return message, ""
		}
		text, document = message[:i], strings.TrimSpace(message[i:])
		if !json.Valid([]byte(document)) || !utf8.ValidString(document) {
			return message, ""
		}
		return text, document
	}
	return "", document
}

// Text is the body, as it was recorded.
func (r Request) Text() string {
	switch b := r.Body.(type) {
	case json.RawMessage:
		return string(b)
	case string:
		return b
	}
	return ""
}
