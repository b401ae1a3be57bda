package splunk

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
)

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

// Bounds of what stands beside the event, in bytes: a template may put text of an alert there, and an alert must not make an
// address longer than servers take.
const (
	maxValue      = 1024
	maxQueryValue = 250 // of the raw endpoint; encoded it is three times as long
)

// Caution says that the event goes to another index than the templates say.
func (s *Notifier) Caution(n notifier.Notification) error {
	it, err := s.item(n)
	if err != nil || it.warning == "" {
		return nil // an event that cannot be made is an error of Notify
	}
	return &notifier.FieldError{Key: "index", Message: it.warning}
}

// item makes of a notification what a request holds of it.
func (s *Notifier) item(n notifier.Notification) (*item, error) {
	limit := maxValue
	if s.cfg.raw() {
		limit = maxQueryValue
	}
	value := func(setting, part string) string {
		if setting == "" || notifier.IsTemplate(setting) {
			setting = n.Parts[part].Line().Trim().Raw()
		}
		if len(setting) > limit {
			setting = strings.ToValidUTF8(setting[:limit], "")
		}
		return setting
	}
	e := envelope{
		Time:       epoch(n.Time),
		Host:       value(s.cfg.Host, "host"),
		Source:     value(s.cfg.Source, "source"),
		SourceType: cmp.Or(value(s.cfg.SourceType, "sourcetype"), defaultSourceType),
		Index:      value(s.cfg.Index, "index"),
	}
	it := &item{delivery: n.Delivery, target: target{chosen: notifier.IsTemplate(s.cfg.Index) || e.Index != "" && s.cfg.Index == ""}}
	if e.Index != "" && !isIndex(e.Index) { // better in another index than nowhere
		it.warning = fmt.Sprintf("the template makes %s of the index, which is no name of one: the token's default is used", display.Quote(e.Index).Line().CutEnd(40))
		e.Index = ""
	}
	it.target.index = e.Index
	var err error
	if e.Event, err = event(n.Parts); err != nil {
		return nil, err
	}
	if s.cfg.raw() {
		it.query, it.body = e.query(), line(e.Event, n)
		return it, nil
	}
	if e.Fields, err = s.fields(n.Parts, value); err != nil {
		return nil, err
	}
	it.body, err = encode(e)
	return it, err
}

// event is what the template made: an object, or the text of a plain template.
func event(parts map[string]display.Text) (json.RawMessage, error) {
	body, written := parts["body"]
	own := strings.TrimSpace(parts["body.json"].Raw()) // a receiver's template in JSON takes the event's place
	switch event := strings.ToValidUTF8(cmp.Or(own, strings.TrimSpace(parts["event.json"].Raw())), "\ufffd"); {
	case written && !body.Blank():
		return plainEvent(body), nil
	case event == "":
		return nil, notifier.EmptyTemplate("splunk", "event.json, body.json, body")
	case !isObject(event):
		return nil, notifier.Errorf(notifier.Permanent, "splunk template: the part event.json is no JSON object")
	default:
		return json.RawMessage(event), nil
	}
}

// fields are the indexed fields: those of the template, and over them those of the config. What is empty is left out.
func (s *Notifier) fields(parts map[string]display.Text, value func(setting, part string) string) (json.RawMessage, error) {
	text := strings.TrimSpace(parts["fields.json"].Raw())
	all := map[string]json.RawMessage{}
	if text != "" {
		if err := json.Unmarshal([]byte(text), &all); err != nil || all == nil {
			return nil, notifier.Errorf(notifier.Permanent, "splunk template: the part fields.json is no JSON object")
		}
		for name, v := range all {
			if !isFlat(v) { // the collector would refuse the event, and perhaps those that come with it
				e := notifier.Errorf(notifier.Permanent, "splunk template: the field %q of the part fields.json is neither a text, a number nor a list of them", name)
				e.Hint = verdicts[15].hint
				return nil, e
			}
		}
	}
	if len(s.cfg.Fields) == 0 {
		return json.RawMessage(text), nil
	}
	for name, setting := range s.cfg.Fields {
		if v := value(setting, fieldPart(name)); v != "" {
			all[name] = quote(v)
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	return encode(all)
}

// isFlat reports whether a value can be indexed: nothing in it is nested.
func isFlat(v json.RawMessage) bool {
	switch v[0] {
	case '{', 'n': // null
		return false
	case '[':
		var list []json.RawMessage
		return json.Unmarshal(v, &list) == nil && !slices.ContainsFunc(list, func(v json.RawMessage) bool { return v[0] == '[' || !isFlat(v) })
	}
	return true
}

// query says where the line goes that is sent to the raw endpoint: it holds for a whole request.
func (e envelope) query() string {
	q := url.Values{}
	for name, v := range map[string]string{"index": e.Index, "source": e.Source, "sourcetype": e.SourceType, "host": e.Host} {
		if v != "" {
			q.Set(name, v)
		}
	}
	return q.Encode()
}

// line is an event as the raw endpoint takes it: one line, for Splunk begins a new event with each. An object begins with the
// time, which has no other place there; a text is the operator's, and gets none.
func line(event json.RawMessage, n notifier.Notification) []byte {
	var b bytes.Buffer
	if err := json.Compact(&b, event); err != nil {
		panic(fmt.Sprintf("splunk: an event that is no JSON: %v", err)) // it was checked
	}
	out := b.Bytes()
	var text string
	if json.Unmarshal(out, &text) == nil {
		return []byte(strings.ReplaceAll(display.OneLine(text), "\r", "⏎"))
	}
	var keys struct {
		Time json.RawMessage `json:"time"`
	}
	if n.Time.IsZero() || json.Unmarshal(out, &keys) != nil || keys.Time != nil {
		return out
	}
	began := `{"time":"` + n.Time.UTC().Format("2006-01-02T15:04:05.000Z07:00") + `"`
	if string(out) == "{}" {
		return []byte(began + "}")
	}
	return append([]byte(began+","), out[1:]...)
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
