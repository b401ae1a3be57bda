// Package elasticsearch puts notifications as documents into Elasticsearch or OpenSearch, several in one request of the bulk
// API. It owns that request, the verdict on each document, and which server is asked; what a document says (the field names of
// the Elastic Common Schema) is the template's.
//
// The template's parts are document.json (the document, an object), index and pipeline. A receiver's own template goes before
// the document: body.json (an object), or body, a text that becomes the document's message.
//
// A document is created under the id of its delivery, never overwritten: one that is sent again is refused as one that is
// there already, which is as good as delivered.
package elasticsearch

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// Notifier writes to one cluster. It is safe for concurrent use.
type Notifier struct {
	cfg      Config
	client   *http.Client
	servers  []*url.URL
	failover notifier.Failover
	batch    notifier.Batch[document]
}

var (
	_ notifier.Notifier   = (*Notifier)(nil)
	_ notifier.Idempotent = (*Notifier)(nil)
	_ notifier.Prober     = (*Notifier)(nil)
)

// New makes the Notifier of a receiver. client is the receiver's own, as notifier.NewClient makes it from cfg.Network.
func New(cfg Config, client *http.Client) (*Notifier, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	servers, err := notifier.ParseServers("url", example, cfg.URL)
	if err != nil {
		return nil, err
	}
	e := &Notifier{cfg: cfg, client: client, servers: servers, failover: notifier.Failover{Servers: len(servers), Hosts: notifier.Hosts(servers), Repeatable: true}}
	e.batch.Send = e.send
	e.batch.Use(cfg.Batch.Or(defaultBatch, defaultBytes))
	return e, nil
}

// Idempotent: a document has the id of its delivery.
func (*Notifier) Idempotent() bool { return true }

// Notify writes one document, whatever the action: what it says is the template's.
func (e *Notifier) Notify(ctx context.Context, n notifier.Notification) (notifier.Receipt, error) {
	if !n.Action.Known() {
		return notifier.Receipt{}, notifier.UnknownAction("elasticsearch", n.Action)
	}
	d, err := e.document(n)
	if err != nil {
		return notifier.Receipt{}, err
	}
	return e.batch.Add(ctx, d, len(d.lines))
}

// document is one document, and where it goes.
type document struct {
	lines           []byte // as the bulk API takes it: one that says what to do, and the document on another
	index, pipeline target
}

// target is an index or a pipeline.
type target struct {
	name   string
	chosen bool // a template made it of the alert, so that it may be any; else it is that of all documents
}

// create is what to do with a document.
type create struct {
	Index    string `json:"_index"`
	ID       string `json:"_id,omitempty"`
	Pipeline string `json:"pipeline,omitempty"`
}

func (e *Notifier) document(n notifier.Notification) (document, error) {
	source, err := source(n)
	if err != nil {
		return document{}, err
	}
	d := document{index: setting(n, e.cfg.Index, "index"), pipeline: setting(n, e.cfg.Pipeline, "pipeline")}
	d.index.name = indexName(d.index.name)
	action, err := encode(map[string]create{"create": {Index: d.index.name, ID: documentID(n), Pipeline: d.pipeline.name}})
	if err != nil {
		return document{}, err
	}
	d.lines = append(append(action, source...), '\n')
	return d, nil
}

// setting is the value of a setting that may be a template, whose part has its name.
func setting(n notifier.Notification, setting, part string) target {
	if setting != "" && !notifier.IsTemplate(setting) {
		return target{name: setting}
	}
	made := n.Parts[part].Line().Trim().Raw()
	return target{name: made, chosen: setting != "" || made != ""}
}

// documentID names the document of a delivery. Managers that have no name give two alerts of one second the same identity, and
// so the same delivery; what the alerts are about tells them apart.
func documentID(n notifier.Notification) string {
	if n.Delivery == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(n.DedupKey))
	return fmt.Sprintf("%s-%x", n.Delivery, sum[:4])
}

// maxIndex is the length of an index's name in bytes (elastic.co "Create index", path parameters).
const maxIndex = 255

// indexName makes the name of an index of a text that a template made, which may hold what an alert says: small letters, and
// neither a first character that makes it hidden or special nor one that the server refuses. Of nothing it is the default.
func indexName(text string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r <= ' ' || r == 0x7f || r > 0x7e || strings.ContainsRune(`\/*?"<>|,#:`, r):
			return '-'
		}
		return r
	}, strings.ToLower(text))
	name = strings.TrimLeft(name, "-_+.")
	return cmp.Or(name[:min(len(name), maxIndex)], defaultIndex)
}

// source is the document, in one line and with the time that data streams ask for.
func source(n notifier.Notification) ([]byte, error) {
	text := strings.TrimSpace(n.Parts["body.json"].Raw())
	body, written := n.Parts["body"]
	switch {
	case written && !body.Blank():
		message, err := encode(map[string]string{"message": body.Trim().Raw()})
		if err != nil {
			return nil, err
		}
		text = string(message)
	case text == "":
		text = strings.TrimSpace(n.Parts["document.json"].Raw())
	}
	if text == "" {
		return nil, notifier.EmptyTemplate("elasticsearch", "document.json, body.json, body")
	}
	var line bytes.Buffer
	var timed struct {
		At json.RawMessage `json:"@timestamp"`
	}
	if err := json.Compact(&line, []byte(strings.ToValidUTF8(text, "\ufffd"))); err != nil || line.Bytes()[0] != '{' || json.Unmarshal(line.Bytes(), &timed) != nil {
		e := notifier.Errorf(notifier.Permanent, "elasticsearch template: the document is no JSON object")
		e.Hint = "see it with: ossec-notify preview"
		return nil, e
	}
	if timed.At != nil {
		return line.Bytes(), nil
	}
	at := n.Time
	if at.IsZero() {
		at = time.Now()
	}
	out := fmt.Appendf(nil, `{"@timestamp":%q`, at.UTC().Format("2006-01-02T15:04:05.000Z07:00"))
	if line.Len() > len("{}") {
		out = append(out, ',')
	}
	return append(out, line.Bytes()[1:]...), nil
}

// encode writes JSON without the escapes for HTML, with a line end.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, notifier.Errorf(notifier.Permanent, "write the Elasticsearch document: %w", err)
	}
	return b.Bytes(), nil
}

// credential reads what authenticates a request.
func (e *Notifier) credential(ctx context.Context) (notifier.Credential, error) {
	if e.cfg.APIKey.IsZero() {
		return notifier.Authorization{Basic: e.cfg.BasicAuth, Bearer: e.cfg.BearerToken}.Read(ctx)
	}
	key, err := e.cfg.APIKey.ReadHeader(ctx, "api_key")
	if err != nil {
		return notifier.Credential{}, err
	}
	c := notifier.Credential{Header: "ApiKey " + key, Secrets: []string{key}}
	if strings.Contains(key, ":") { // id:key, as the API gives them; encoded there is no colon
		encoded := base64.StdEncoding.EncodeToString([]byte(key))
		c = notifier.Credential{Header: "ApiKey " + encoded, Secrets: []string{key, encoded, key[strings.Index(key, ":")+1:]}}
	} else if plain, err := base64.StdEncoding.DecodeString(key); err == nil {
		if _, secret, found := strings.Cut(string(plain), ":"); found {
			c.Secrets = append(c.Secrets, secret)
		}
	}
	return c, nil
}
