// Package loki pushes notifications as lines to Grafana Loki, several in one request. It owns the request, the streams that it is
// made of, and what a refusal of some of its lines means for each; what a line and its labels say is the template's.
//
// The template's parts are line.json (the event, a flat object), labels.json and metadata.json (flat objects of texts), and
// label_NAME for a label that the receiver's settings write as a template. A receiver's own template goes before the event:
// body.json (an object), or body, which is the line as it stands.
//
// A line that comes twice with the same time, in the same stream, is one line to Loki: a repeat leaves no trace.
package loki

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ossec-notify/ossec-notify/notifier"
)

// Notifier pushes to one Loki. It is safe for concurrent use.
type Notifier struct {
	cfg       Config
	client    *http.Client
	endpoints []*url.URL
	failover  notifier.Failover
	batch     notifier.Batch[entry]
	plain     atomic.Bool // this Loki takes no structured metadata
	told      atomic.Bool // that a line was stored as of another time than its own
	late      lateLines
	over      recent[string, time.Time] // streams that Loki would not begin, and when that was
	toldOver  atomic.Bool               // that there are such
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
	l := &Notifier{cfg: cfg, client: client, failover: notifier.Failover{Servers: len(servers), Hosts: notifier.Hosts(servers), Repeatable: true}}
	for _, s := range servers {
		l.endpoints = append(l.endpoints, endpoint(s))
	}
	l.plain.Store(cfg.StructuredMetadata != nil && !*cfg.StructuredMetadata)
	l.batch.Send = l.send
	l.batch.Use(cfg.Batch.Or(defaultBatch, defaultBytes))
	return l, nil
}

// Idempotent: the same line at the same time is one line.
func (*Notifier) Idempotent() bool { return true }

// Notify pushes one line, whatever the action: what it says is the template's.
func (l *Notifier) Notify(ctx context.Context, n notifier.Notification) (notifier.Receipt, error) {
	if !n.Action.Known() {
		return notifier.Receipt{}, notifier.UnknownAction("loki", n.Action)
	}
	e, err := l.entry(n)
	if err != nil {
		return notifier.Receipt{}, err
	}
	return l.batch.Add(ctx, l.place(e), e.size())
}

// entry is one line, with where it belongs.
type entry struct {
	labels   map[string]string
	spare    map[string]string // its labels without those that its alert makes
	time     time.Time
	received time.Time // when the alert came to us, if that is known
	line     string
	metadata map[string]string

	// Where its own time was refused: what it was known by, and where the time is from that it has instead.
	known lineID
	stage stage
}

func (e entry) size() int {
	n := len(e.line) + 100
	for _, m := range []map[string]string{e.labels, e.metadata} {
		for key, value := range m {
			n += len(key) + len(value)
		}
	}
	return n
}

// roomForTime is what atAnotherTime may add to a line, in bytes.
const roomForTime = 64

func (l *Notifier) entry(n notifier.Notification) (entry, error) {
	e := entry{time: n.Time, received: n.Received}
	if e.time.IsZero() {
		e.time = time.Now()
	}
	most := cmp.Or(l.cfg.MaxLine, maxLine) - roomForTime
	own := strings.TrimSpace(n.Parts["body.json"].Raw())
	body, written := n.Parts["body"]
	object := cmp.Or(own, strings.TrimSpace(n.Parts["line.json"].Raw()))
	var err error
	switch {
	case written && !body.Blank():
		if e.line = body.Trim().Raw(); len(e.line) > most {
			e.line = cut(e.line, most-len(cutMark)) + cutMark
		}
	case object == "":
		return entry{}, notifier.EmptyTemplate("loki", "line.json, body.json, body")
	default:
		if e.line, err = text([]byte(object), l.cfg.Format, most); err != nil {
			return entry{}, err
		}
	}
	e.line = strings.ToValidUTF8(e.line, "\ufffd")
	if e.labels, e.spare, err = l.labels(n); err != nil {
		return entry{}, err
	}
	if e.metadata, err = flat(n, "metadata.json"); err != nil {
		return entry{}, err
	}
	size := 0
	for i, name := range slices.Sorted(maps.Keys(e.metadata)) {
		value := cut(e.metadata[name], maxLabelValue)
		if size += len(name) + len(value); !labelName.MatchString(name) || i >= maxMetadata || size > maxMetadataAll || value == "" {
			delete(e.metadata, name)
			continue
		}
		e.metadata[name] = value
	}
	return e, nil
}

// labels are those of a line's stream: never none, which Loki refuses. spare are those of them that are the same for every alert.
func (l *Notifier) labels(n notifier.Notification) (labels, spare map[string]string, err error) {
	labels, spare = map[string]string{}, map[string]string{}
	if len(l.cfg.Labels) == 0 {
		if labels, err = flat(n, "labels.json"); err != nil {
			return nil, nil, err
		}
	}
	for name, text := range l.cfg.Labels {
		if notifier.IsTemplate(text) {
			text = n.Parts[labelPart(name)].Line().Trim().Raw()
		} else {
			spare[name] = text
		}
		labels[name] = text
	}
	for name, value := range labels {
		// Loki reads labels with Prometheus's parser, which takes U+FFFD for bytes that are no text, and refuses the line.
		switch value = cut(strings.ReplaceAll(strings.ToValidUTF8(value, "?"), "\ufffd", "?"), maxLabelValue); {
		case !labelName.MatchString(name) || len(name) > maxLabelName:
			return nil, nil, notifier.Errorf(notifier.Permanent, "loki template: %q is no name of a label", name)
		case value == "":
			delete(labels, name)
		default:
			labels[name] = value
		}
	}
	if len(labels) == 0 {
		labels[jobLabel] = job
	}
	for name := range spare {
		spare[name] = labels[name]
	}
	maps.DeleteFunc(spare, func(_, value string) bool { return value == "" })
	if len(spare) == 0 {
		spare[jobLabel] = job
	}
	return labels, spare, nil
}

// The label that every line has at least.
const (
	jobLabel = "job"
	job      = "ossec"
)

// flat is a part that is an object of texts.
func flat(n notifier.Notification, part string) (map[string]string, error) {
	values := map[string]string{}
	text := strings.TrimSpace(n.Parts[part].Raw())
	if text == "" {
		return values, nil
	}
	if err := json.Unmarshal([]byte(text), &values); err != nil || values == nil {
		return nil, notifier.Errorf(notifier.Permanent, "loki template: the part %s is no JSON object of texts", part)
	}
	return values, nil
}

// cut is at most so many bytes of a text, and no half of a character.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
}

// push is the body of a request.
type push struct {
	Streams []*stream `json:"streams"`
}

type stream struct {
	Labels map[string]string `json:"stream"`
	Values [][]any           `json:"values"`
}

// stream names the stream of an entry by its labels.
func (e entry) stream() string {
	var name strings.Builder
	for _, key := range slices.Sorted(maps.Keys(e.labels)) {
		fmt.Fprintf(&name, "%s=%q,", key, e.labels[key])
	}
	return name.String()
}

// body puts entries into their streams, in the order in which they came.
func body(entries []entry, metadata bool) ([]byte, error) {
	var p push
	streams := map[string]*stream{}
	for _, e := range entries {
		name := e.stream()
		s := streams[name]
		if s == nil {
			s = &stream{Labels: e.labels}
			streams[name] = s
			p.Streams = append(p.Streams, s)
		}
		value := []any{fmt.Sprint(e.time.UnixNano()), e.line}
		if metadata && len(e.metadata) > 0 {
			value = append(value, e.metadata)
		}
		s.Values = append(s.Values, value)
	}
	return encode(p)
}
