// Package webhook sends notifications to any HTTP endpoint: our own JSON (version 1 of the schema), the alert as
// it came, what a template of the operator's makes, or what a preset makes for one vendor. It owns the request, its headers
// and its signature; what the body says is the template's. Of a preset it also gives text of the alert the vendor's form, keeps
// the vendor's limits and reads the vendor's answer.
//
// The template's parts are document.json (our JSON, for the preset json), raw (the alert as it came, for the preset
// raw), and what a receiver's own template makes, which goes before the document: body.json (JSON, checked before
// it is sent) or body (plain text).
package webhook

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/templates/presets"
)

// schemaHeader carries the version of our document, and stands on no other body. Within a version a key keeps its
// name, type and meaning.
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
	success []presets.Statuses
	preset  *preset // nil: none
}

var (
	_ notifier.Notifier  = (*Notifier)(nil)
	_ notifier.Selective = (*Notifier)(nil)
	_ notifier.Follower  = (*Notifier)(nil)
	_ notifier.Metered   = (*Notifier)(nil)
)

// New makes the Notifier of a receiver. client is the receiver's own, as notifier.NewClient makes it from
// cfg.Network.
func New(cfg Config, client *http.Client) (*Notifier, error) {
	if cfg.Preset != "" && cfg.preset == nil {
		if cfg.preset = presets.Embedded(cfg.Preset); cfg.preset == nil {
			return nil, &notifier.FieldError{Key: "preset", Message: fmt.Sprintf("there is no preset %q: see them with: ossec-notify presets", cfg.Preset)}
		}
	}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	w := &Notifier{cfg: cfg, client: client, method: cmp.Or(cfg.Method, http.MethodPost)}
	w.cfg.Body = cmp.Or(cfg.Body, bodyJSON)
	for _, s := range cfg.Success {
		r, err := presets.ParseStatuses(s)
		if err != nil {
			return nil, err
		}
		w.success = append(w.success, r)
	}
	if p := cfg.preset; p != nil {
		w.preset = newPreset(p)
	}
	return w, nil
}

// Notify makes one request. Its Idempotency-Key is the delivery, the same in every attempt. What a vendor refuses for its markup alone is sent
// once more without, at once.
func (w *Notifier) Notify(ctx context.Context, n notifier.Notification) (notifier.Receipt, error) {
	if !n.Action.Known() {
		return notifier.Receipt{}, notifier.UnknownAction("webhook", n.Action)
	}
	if w.preset == nil {
		out, answer, err := w.ask(ctx, n, nil)
		if err != nil {
			return notifier.Receipt{}, err
		}
		return w.readAnswer(strings.ToLower(out.method)+" to webhook at "+out.target.Host, answer.Answer)
	}
	receipt, err := w.askVendor(ctx, n, w.preset)
	var refused *markupError
	if !errors.As(err, &refused) || w.preset.unmarked == nil {
		return receipt, err
	}
	if receipt, err = w.askVendor(ctx, n, w.preset.unmarked); err == nil {
		receipt.Warn("the message went without markup, which " + w.preset.Title + " could not read: " + refused.Error())
	}
	return receipt, err
}

// markupError is the answer of a vendor that could not read the markup of a message.
type markupError struct{ of *notifier.Error }

func (e *markupError) Error() string { return e.of.Error() }
func (e *markupError) Unwrap() error { return e.of }

func (w *Notifier) askVendor(ctx context.Context, n notifier.Notification, p *preset) (notifier.Receipt, error) {
	out, answer, err := w.ask(ctx, n, p)
	if err != nil {
		return notifier.Receipt{}, err
	}
	receipt, err := w.readPresetAnswer(out.request, strings.ToLower(out.method)+" to "+p.Title+" at "+out.target.Host, answer)
	if begins := n.Action == notifier.Trigger || n.Action == notifier.Digest; err != nil || receipt.ID != "" || !begins || p.Find == nil {
		return receipt, err
	}
	if receipt.ID, err = w.find(ctx, n, p); err != nil { // it is delivered all the same
		receipt.Warn(p.Title + " has this message already, and how it calls it could not be found, so what becomes of the alert cannot be told there: " + err.Error())
	}
	return receipt, nil
}

// find asks how the vendor calls a message that it has.
func (w *Notifier) find(ctx context.Context, n notifier.Notification, p *preset) (string, error) {
	secrets := secrets{}
	f := filled{ctx, w, n, &secrets}
	root, err := parse(p.Find.Plain, nil)
	if err != nil {
		return "", err
	}
	if err := f.in(root, func(string) (string, bool) { return "", false }); err != nil {
		return "", err
	}
	out := outgoing{method: p.Find.Method, content: content{body: string(p.encoded(root)), mediaType: typeJSON}, request: p.Find.Request}
	if out.target, err = f.target(out.request); err != nil {
		return "", err
	}
	answer, err := w.send(ctx, n, out, p, &secrets)
	if err != nil {
		return "", err
	}
	what := strings.ToLower(out.method) + " to " + p.Title + " at " + out.target.Host
	if failed := answer.Failure(what); failed != nil {
		return "", failed
	}
	if id := answer.told(answer.at(p.Find.ID)); id != "" {
		return id, nil
	}
	return "", fmt.Errorf("%s: status %d, and it is not among what was found", what, answer.Status)
}

// ask makes one request, in a form of the preset, if there is one. The answer shows no secret.
func (w *Notifier) ask(ctx context.Context, n notifier.Notification, p *preset) (outgoing, vendorAnswer, error) {
	secrets := secrets{}
	out, err := w.outgoing(ctx, n, p, &secrets)
	if err != nil {
		return out, vendorAnswer{}, err
	}
	answer, err := w.send(ctx, n, out, p, &secrets)
	return out, answer, err
}

// send sends a request.
func (w *Notifier) send(ctx context.Context, n notifier.Notification, out outgoing, p *preset, secrets *secrets) (vendorAnswer, error) {
	body := out.content.body
	if w.cfg.Gzip {
		body = string(notifier.Gzip([]byte(body)))
	}
	req, err := http.NewRequestWithContext(ctx, out.method, out.target.String(), strings.NewReader(body))
	if err != nil {
		return vendorAnswer{}, w.cfg.URL.Unfit("url", errors.New("is not a URL"))
	}
	req.Header.Set("Content-Type", cmp.Or(w.cfg.ContentType, out.content.mediaType))
	if n.Delivery != "" && p == nil {
		req.Header.Set("Idempotency-Key", n.Delivery)
	}
	if out.content.document {
		req.Header.Set(schemaHeader, schemaVersion)
	}
	if w.cfg.Gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	if p != nil {
		if err := w.presetHeaders(req, out.request, filled{ctx, w, n, secrets}); err != nil {
			return vendorAnswer{}, err
		}
		secrets.readOthers(ctx, w.cfg)
	}
	if err := w.setHeaders(req, body, secrets); err != nil {
		return vendorAnswer{}, err
	}
	return read(notifier.Do(w.client, req), secrets.values), nil
}

// outgoing is a request before its headers.
type outgoing struct {
	method  string
	target  *url.URL
	content content
	request presets.Request // of the preset, if there is one
}

func (w *Notifier) outgoing(ctx context.Context, n notifier.Notification, p *preset, s *secrets) (out outgoing, err error) {
	if p == nil {
		out.method = w.method
		if out.content, err = w.content(n); err != nil {
			return out, err
		}
		out.target, err = w.target(ctx, s)
		return out, err
	}
	if out.content, out.request, err = w.presetContent(n, p, filled{ctx, w, n, s}); err != nil {
		return out, err
	}
	out.method = out.request.Method
	out.target, err = filled{ctx, w, n, s}.target(out.request)
	return out, err
}

// secrets keeps what was read for one request, to take it out of the answer.
type secrets struct {
	values []string
	from   []notifier.Secret
}

// minHeaderSecret is the length from which a header's value is taken for a secret. Below, it is a word such as
// the soc of X-Team, and taking it out would make the server's answer unreadable.
const minHeaderSecret = 8

func (s *secrets) read(ctx context.Context, secret notifier.Secret) (string, error) {
	v, err := secret.Read(ctx)
	if err == nil {
		s.values, s.from = append(s.values, v), append(s.from, secret)
	}
	return v, err
}

// readOthers reads the secrets of the preset that a request does without: the vendor may know them from another one. One that cannot be read
// was not sent.
func (s *secrets) readOthers(ctx context.Context, cfg Config) {
	for _, set := range cfg.preset.Settings {
		if given := cfg.setting(set.Name); set.Secret && !given.IsZero() && !slices.ContainsFunc(s.from, given.Equal) {
			_, _ = s.read(ctx, given)
		}
	}
}

// target reads the address. It may come from a file, so what Validate could not see is checked here.
func (w *Notifier) target(ctx context.Context, s *secrets) (*url.URL, error) {
	text, err := s.read(ctx, w.cfg.URL)
	if err != nil {
		return nil, err
	}
	u, err := parseURL(text)
	if err != nil {
		return nil, w.cfg.URL.Unfit("url", err)
	}
	return u, nil
}

// content is what a request carries.
type content struct {
	body      string
	mediaType string
	document  bool // it is ours, of the schema's version
}

// Uses: of the two large parts, our document and the alert as it came, only one is sent.
func (w *Notifier) Uses(part string) bool {
	if w.preset != nil {
		return part == "body.json" || part == "body"
	}
	switch part {
	case "raw":
		return w.cfg.Body == bodyRaw
	case "document.json":
		return w.cfg.Body != bodyRaw
	}
	return true
}

// content chooses among the parts. A receiver's own template goes before our document, and so does the text that
// stands in when every template failed; where its template failed, it gets the document.
func (w *Notifier) content(n notifier.Notification) (content, error) {
	if raw := n.Parts["raw"].Raw(); w.cfg.Body == bodyRaw && raw != "" {
		if json.Valid([]byte(raw)) {
			// JSON is UTF-8 (RFC 8259, 8.1). Go is lenient, other receivers refuse it: a byte in a log would keep the alert away.
			return content{body: strings.ToValidUTF8(raw, "\ufffd"), mediaType: typeJSON}, nil
		}
		return content{body: raw, mediaType: typeText}, nil
	}
	own, isJSON := n.Parts["body.json"]
	text, isText := n.Parts["body"]
	switch document, ok := n.Parts["document.json"]; {
	case isJSON:
		return jsonContent(own)
	case isText && !text.Blank():
		return content{body: text.Raw(), mediaType: typeText}, nil
	case ok && !isText && w.cfg.Body != bodyRaw:
		return content{strings.TrimSpace(document.Raw()), typeJSON, true}, nil
	}
	if w.cfg.Body == bodyRaw {
		return content{}, notifier.Errorf(notifier.Permanent, "webhook: there is no original alert to send raw")
	}
	return content{}, notifier.EmptyTemplate("webhook", "document.json, body.json, body")
}

// jsonContent checks that what a template of the operator's made is JSON.
func jsonContent(part display.Text) (content, error) {
	body := strings.TrimSpace(part.Raw())
	var checked json.RawMessage
	if err := json.Unmarshal([]byte(body), &checked); err != nil {
		e := notifier.Errorf(notifier.Permanent, "webhook template: the result is no valid JSON: %w", err)
		e.Hint = "see it with: ossec-notify preview"
		return content{}, e
	}
	return content{body, typeJSON, false}, nil
}

// setHeaders sets the operator's headers, the authorization and the signature.
func (w *Notifier) setHeaders(req *http.Request, body string, s *secrets) error {
	for name, value := range w.cfg.Headers {
		v, err := value.ReadHeader(req.Context(), "headers."+name)
		if err != nil {
			return err
		}
		if len(v) >= minHeaderSecret {
			s.values = append(s.values, v)
		}
		req.Header.Set(name, v)
	}
	if !w.cfg.BearerToken.IsZero() {
		token, err := w.cfg.BearerToken.ReadHeader(req.Context(), "bearer_token")
		if err != nil {
			return err
		}
		s.values = append(s.values, token)
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if a := w.cfg.BasicAuth; a != nil {
		password, err := a.Password.ReadHeader(req.Context(), "basic_auth.password") // RFC 7617, 2: no control characters
		if err != nil {
			return err
		}
		s.values = append(s.values, password)
		req.SetBasicAuth(a.Username, password)
		_, encoded, _ := strings.Cut(req.Header.Get("Authorization"), " ")
		s.values = append(s.values, encoded)
	}
	if h := w.cfg.HMAC; h != nil {
		key, err := s.read(req.Context(), h.Secret)
		if err != nil {
			return err
		}
		stamp := timestamp(time.Now())
		req.Header.Set(cmp.Or(h.TimestampHeader, defaultTimestampHeader), stamp)
		req.Header.Set(cmp.Or(h.Header, defaultSignature), signature(key, stamp, body))
	}
	return nil
}

// Follows: who gets alerts as they came can tell what became of one from nothing in it, and would take it for another.
func (w *Notifier) Follows(a notifier.Action) bool {
	if w.preset != nil {
		_, told := w.preset.For(string(a), w.cfg.gives)
		return told
	}
	switch a {
	case notifier.Trigger, notifier.Digest:
		return true
	case notifier.Acknowledge, notifier.Resolve, notifier.Report:
		return w.cfg.Body != bodyRaw
	}
	return false
}

// Idempotent: every attempt carries the same Idempotency-Key. Of a vendor, the preset says whether it knows a message again.
func (w *Notifier) Idempotent() bool { return w.preset == nil || w.preset.Idempotent }
