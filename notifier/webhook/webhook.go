// Package webhook sends notifications to any HTTP endpoint: our own JSON (version 1 of the schema), the alert as
// it came, or what a template of the operator's makes. It owns the request, its headers and its signature; what
// the body says is the template's.
//
// The template's parts are body.json (JSON, checked before it is sent), body (plain text) and raw (the alert as
// it came, for the preset raw).
package webhook

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// schemaHeader carries the version of the preset json. Within a version a key keeps its name, type and meaning.
const (
	schemaHeader  = "X-Ossec-Notify-Schema"
	schemaVersion = "1"
)

const (
	typeJSON = "application/json"
	typeText = "text/plain; charset=utf-8"
)

// Notifier sends to one endpoint. It is safe for concurrent use.
type Notifier struct {
	cfg     Config
	client  *http.Client
	method  string
	success []statuses
}

var _ notifier.Notifier = (*Notifier)(nil)

// New makes the Notifier of a receiver. client is the receiver's own, as notifier.NewClient makes it from
// cfg.Network.
func New(cfg Config, client *http.Client) (*Notifier, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	w := &Notifier{cfg: cfg, client: client, method: cmp.Or(cfg.Method, http.MethodPost)}
	w.cfg.Body = cmp.Or(cfg.Body, BodyJSON)
	for _, s := range cfg.Success {
		r, err := parseStatuses(s)
		if err != nil {
			return nil, err
		}
		w.success = append(w.success, r)
	}
	return w, nil
}

// Notify makes one request. Its Idempotency-Key is the delivery, the same in every attempt.
func (w *Notifier) Notify(ctx context.Context, n notifier.Notification) (notifier.Receipt, error) {
	body, contentType, err := w.body(n)
	if err != nil {
		return notifier.Receipt{}, err
	}
	secrets := secrets{}
	target, err := w.target(&secrets)
	if err != nil {
		return notifier.Receipt{}, err
	}
	if w.cfg.Gzip {
		body = notifier.Gzip(body)
	}
	req, err := http.NewRequestWithContext(ctx, w.method, target.String(), bytes.NewReader(body))
	if err != nil {
		return notifier.Receipt{}, notifier.Errorf(notifier.Misconfigured, "webhook: the setting url is no address")
	}
	req.Header.Set("Content-Type", cmp.Or(w.cfg.ContentType, contentType))
	req.Header.Set("User-Agent", "ossec-notify")
	if n.Delivery != "" {
		req.Header.Set("Idempotency-Key", n.Delivery)
	}
	if w.cfg.Body == BodyJSON {
		req.Header.Set(schemaHeader, schemaVersion)
	}
	if w.cfg.Gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	if err := w.setHeaders(req, body, &secrets); err != nil {
		return notifier.Receipt{}, err
	}
	answer := notifier.Do(w.client, req)
	answer.Redact(secrets.values...)
	return w.verdict(strings.ToLower(w.method)+" to webhook at "+target.Host, answer)
}

// secrets keeps what was read for one request, to take it out of the answer.
type secrets struct{ values []string }

// minHeaderSecret is the length from which a header's value is taken for a secret. Below, it is a word such as
// the soc of X-Team, and taking it out would make the server's answer unreadable.
const minHeaderSecret = 8

func (s *secrets) read(secret notifier.Secret) (string, error) {
	v, err := secret.Read()
	if err == nil {
		s.values = append(s.values, v)
	}
	return v, err
}

// unreadable stands for an address that preview must not read. Nothing is ever sent there.
const unreadable = "https://redacted.invalid/"

// target reads the address. It may come from a file, so what Validate could not see is checked here.
func (w *Notifier) target(s *secrets) (*url.URL, error) {
	text, err := s.read(w.cfg.URL)
	if err != nil {
		return nil, err
	}
	if text == notifier.Redacted { // by Secret.Lenient
		text = unreadable
	}
	u, err := parseURL(text)
	if err != nil {
		return nil, notifier.Errorf(notifier.Misconfigured, "webhook: the setting url %w", err)
	}
	return u, nil
}

// body is what is sent, and its content type.
func (w *Notifier) body(n notifier.Notification) ([]byte, string, error) {
	if w.cfg.Body == BodyRaw {
		raw := []byte(n.Parts["raw"].Raw())
		switch {
		case len(raw) == 0:
			return nil, "", notifier.Errorf(notifier.Permanent, "webhook: there is no original alert to send raw")
		case json.Valid(raw):
			return raw, typeJSON, nil
		}
		return raw, typeText, nil
	}
	if part, written := n.Parts["body.json"]; written {
		body := []byte(strings.TrimSpace(part.Raw()))
		var checked json.RawMessage
		if err := json.Unmarshal(body, &checked); err != nil {
			e := notifier.Errorf(notifier.Permanent, "webhook template %s: the result is not valid JSON: %w", w.cfg.Body, err)
			e.Hint = "see it with: ossec-notify preview"
			return nil, "", e
		}
		return body, typeJSON, nil
	}
	if part := n.Parts["body"]; !part.Blank() {
		return []byte(part.Raw()), typeText, nil
	}
	return nil, "", notifier.Errorf(notifier.Permanent, "webhook template %s: it makes no body", w.cfg.Body)
}

// setHeaders sets the operator's headers, the authorization and the signature.
func (w *Notifier) setHeaders(req *http.Request, body []byte, s *secrets) error {
	for name, value := range w.cfg.Headers {
		v, err := value.Read()
		if err != nil {
			return err
		}
		if !isHeaderValue(v) {
			return controlCharacter("headers." + name)
		}
		if len(v) >= minHeaderSecret {
			s.values = append(s.values, v)
		}
		req.Header.Set(name, v)
	}
	if !w.cfg.BearerToken.IsZero() {
		token, err := s.read(w.cfg.BearerToken)
		if err != nil {
			return err
		}
		if !isHeaderValue(token) {
			return controlCharacter("bearer_token")
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if a := w.cfg.BasicAuth; a != nil {
		password, err := s.read(a.Password)
		if err != nil {
			return err
		}
		req.SetBasicAuth(a.Username, password)
		_, encoded, _ := strings.Cut(req.Header.Get("Authorization"), " ")
		s.values = append(s.values, encoded)
	}
	if h := w.cfg.HMAC; h != nil {
		key, err := s.read(h.Secret)
		if err != nil {
			return err
		}
		stamp := timestamp(time.Now())
		req.Header.Set(cmp.Or(h.TimestampHeader, defaultTimestampHeader), stamp)
		req.Header.Set(cmp.Or(h.Header, defaultSignature), signature(key, stamp, body))
	}
	return nil
}

func controlCharacter(setting string) error {
	return notifier.Errorf(notifier.Misconfigured, "webhook: the setting %s holds a line end or another control character", setting)
}

// verdict turns the answer into a receipt or an error. Where the setting success is given, it alone says what
// is delivered.
func (w *Notifier) verdict(what string, a *notifier.Answer) (notifier.Receipt, error) {
	failed := a.Failure(what)
	if a.Err != nil {
		return notifier.Receipt{}, failed
	}
	if w.delivered(a.Status) {
		return notifier.Receipt{Status: a.Status}, nil
	}
	if failed == nil {
		failed = notifier.Errorf(notifier.Misconfigured, "%s: status %d", what, a.Status)
		failed.Status, failed.Hint = a.Status, "the setting success does not list this status"
	}
	return notifier.Receipt{}, failed
}

func (w *Notifier) delivered(status int) bool {
	if len(w.success) == 0 {
		return status >= 200 && status < 300
	}
	for _, s := range w.success {
		if status >= s.from && status <= s.to {
			return true
		}
	}
	return false
}
