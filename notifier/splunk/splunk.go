// Package splunk sends notifications to Splunk's HTTP Event Collector (HEC): one event in its envelope per
// request. It owns the envelope, the collector's answer codes and its acknowledgements (ack.go). What the event says
// (the CIM field names) is the template's.
//
// The template's parts are event.json (the event, an object), fields.json (the indexed fields, a flat object),
// host, source and sourcetype. The part body, which an operator's own plain template makes, takes the place of
// event.json.
package splunk

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
)

// defaultSourceType is what the eventtypes of docs/ look for.
const defaultSourceType = "ossec:alert"

// Notifier sends to one collector. It is safe for concurrent use.
type Notifier struct {
	cfg      Config
	client   *http.Client
	endpoint *url.URL
	channel  string
	ackURL   *url.URL
	acks     *acks
}

var _ notifier.Notifier = (*Notifier)(nil)

// New makes the Notifier of a receiver. client is the receiver's own, as notifier.NewClient makes it from
// cfg.Network.
func New(cfg Config, client *http.Client) (*Notifier, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	endpoint, err := cfg.endpoint()
	if err != nil {
		return nil, err
	}
	if client != nil && client.Jar == nil {
		// Only the indexer that took an event can acknowledge it. A load balancer knows by a cookie which that was.
		own := *client
		own.Jar = newCookies()
		client = &own
	}
	channel := cmp.Or(cfg.Channel, channelOf(endpoint, cfg.Index))
	return &Notifier{cfg: cfg, client: client, endpoint: endpoint, channel: channel, ackURL: ackURL(endpoint, channel), acks: newAcks()}, nil
}

// channelOf makes the channel of a sender: the same in every process, so that a preview shows what is sent, and
// another one on each host. What it is called means nothing to Splunk, as long as it is a GUID.
func channelOf(endpoint *url.URL, index string) string {
	host, err := os.Hostname()
	if err != nil {
		host = "" // then hosts share it, which does no harm: each asks for its own ids
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "ossec-notify\n%s\n%s\n%s", host, endpoint, index))
	id := sum[:16]
	id[6], id[8] = id[6]&0x0f|0x80, id[8]&0x3f|0x80 // version 8, made by a rule of one's own: RFC 9562, 5.8
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

// Notify posts one event, whatever the action: what it says is the template's. Where the token has acknowledgement, the answer holds an ackId, which is the receipt's ID,
// and the event counts as delivered when it is indexed; else when the collector took it. An event that is not
// acknowledged in time is waited for in the next attempt, and sent again after ackPatience.
func (s *Notifier) Notify(ctx context.Context, n notifier.Notification) (notifier.Receipt, error) {
	token, err := s.cfg.Token.ReadHeader(ctx, "token")
	if err != nil {
		return notifier.Receipt{}, err
	}
	if w := s.acks.of(n.Delivery); w != nil {
		return s.await(ctx, token, w)
	}
	if !n.Action.Known() {
		return notifier.Receipt{}, notifier.UnknownAction("splunk", n.Action)
	}
	body, err := s.event(n)
	if err != nil {
		return notifier.Receipt{}, err
	}
	if s.cfg.Gzip {
		body = notifier.Gzip(body)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.endpoint.String(), bytes.NewReader(body))
	if err != nil {
		return notifier.Receipt{}, err
	}
	s.authorize(req, token)
	if s.cfg.Gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	answer := notifier.Do(s.client, req)
	answer.Redact(token)
	receipt, err := s.readAnswer(answer)
	if err != nil || receipt.ID == "" {
		return receipt, err
	}
	id, err := strconv.ParseInt(receipt.ID, 10, 64)
	if err != nil { // no number: the event was taken, and there is nothing to ask for
		return receipt, nil
	}
	return s.await(ctx, token, s.acks.add(n.Delivery, id, receipt))
}

// authorize sets what every request carries. Tokens without acknowledgement ignore the channel.
func (s *Notifier) authorize(req *http.Request, token string) {
	req.Header.Set("Authorization", "Splunk "+token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Splunk-Request-Channel", s.channel)
}

// envelope is the outer form of an event, in the order of Splunk's own examples.
type envelope struct {
	Time       json.Number     `json:"time,omitempty"`
	Host       string          `json:"host,omitempty"`
	Source     string          `json:"source,omitempty"`
	SourceType string          `json:"sourcetype,omitempty"`
	Index      string          `json:"index,omitempty"`
	Fields     json.RawMessage `json:"fields,omitempty"`
	Event      json.RawMessage `json:"event"`
}

// event is the request's body.
func (s *Notifier) event(n notifier.Notification) ([]byte, error) {
	value := func(setting, part string) string { return cmp.Or(setting, n.Parts[part].Line().Trim().Raw()) }
	e := envelope{
		Time:       epoch(n.Time),
		Host:       value(s.cfg.Host, "host"),
		Source:     value(s.cfg.Source, "source"),
		SourceType: cmp.Or(value(s.cfg.SourceType, "sourcetype"), defaultSourceType),
		Index:      s.cfg.Index,
	}
	if fields := strings.TrimSpace(n.Parts["fields.json"].Raw()); fields != "" {
		if !isObject(fields) {
			return nil, notifier.Errorf(notifier.Permanent, "splunk template: the part fields.json is no JSON object")
		}
		e.Fields = json.RawMessage(fields)
	}
	body, written := n.Parts["body"]
	own := strings.TrimSpace(n.Parts["body.json"].Raw()) // a receiver's template in JSON takes the event's place
	switch event := cmp.Or(own, strings.TrimSpace(n.Parts["event.json"].Raw())); {
	case written && !body.Blank():
		e.Event = plainEvent(body)
	case event == "":
		return nil, notifier.EmptyTemplate("splunk", "event.json, body.json, body")
	case !isObject(event):
		return nil, notifier.Errorf(notifier.Permanent, "splunk template: the part event.json is no JSON object")
	default:
		e.Event = json.RawMessage(event)
	}
	return encode(e)
}

// plainEvent is the event that an operator's plain template wrote: a JSON object where the template wrote one,
// else a string.
//
// A plain template escapes nothing, so a log line could close the string that it stands in and add keys of its own.
// So a quotation becomes the contents of the string that it stands in; elsewhere it is a value: the JSON that the
// template made of it, or a string. An alert never decides that the event is an object: the first brace must be the
// template's own.
func plainEvent(body display.Text) json.RawMessage {
	text := body.Trim()
	if before, _, found := text.CutWords("{"); found && before.IsZero() {
		if object := written(text); isObject(object) {
			return json.RawMessage(object)
		}
	}
	return quote(text.Raw())
}

// written is the JSON that a plain template meant to write, or "" where the template put a \ before a quotation.
func written(t display.Text) string {
	var b strings.Builder
	inString, escape := false, false
	for i := range t {
		piece := t[i : i+1]
		raw := piece.Raw()
		switch {
		case !piece.HasQuote():
			for _, c := range []byte(raw) {
				switch {
				case escape:
					escape = false
				case inString && c == '\\':
					escape = true
				case c == '"':
					inString = !inString
				}
			}
			b.WriteString(raw)
		case escape:
			return ""
		case inString:
			b.Write(quote(raw)[1 : len(quote(raw))-1])
		case json.Valid([]byte(raw)):
			b.WriteString(raw)
		default:
			b.Write(quote(raw))
		}
	}
	return b.String()
}

// epoch is the time as Splunk wants it, in seconds with a fraction to the millisecond: 1795440502.0. It is empty
// for the zero time.
func epoch(t time.Time) json.Number {
	if t.IsZero() {
		return ""
	}
	ms := t.UnixMilli()
	s := strconv.FormatFloat(float64(ms)/1000, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return json.Number(s)
}

func isObject(s string) bool { return strings.HasPrefix(s, "{") && json.Valid([]byte(s)) }

// encode writes JSON as Splunk's search shows it: without the escapes for HTML that make < into \u003c.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, notifier.Errorf(notifier.Permanent, "write the Splunk event: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func quote(s string) json.RawMessage {
	b, err := encode(s)
	if err != nil {
		panic(fmt.Sprintf("splunk: a string that is no JSON: %v", err)) // encoding/json takes every string
	}
	return b
}
