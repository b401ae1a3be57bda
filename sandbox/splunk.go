package sandbox

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// hecPath is the root of the HTTP Event Collector.
const hecPath = "/services/collector"

// hecCode is the number in an answer of the HTTP Event Collector,
// help.splunk.com "Troubleshoot HTTP Event Collector".
type hecCode int

const (
	hecSuccess        hecCode = 0
	hecTokenRequired  hecCode = 2
	hecInvalidAuth    hecCode = 3
	hecInvalidToken   hecCode = 4
	hecNoData         hecCode = 5
	hecInvalidFormat  hecCode = 6
	hecIncorrectIndex hecCode = 7
	hecChannelMissing hecCode = 10
	hecInvalidChannel hecCode = 11
	hecEventRequired  hecCode = 12
	hecEventBlank     hecCode = 13
	hecAckDisabled    hecCode = 14
	hecFieldsError    hecCode = 15
	hecQueryAuth      hecCode = 16
	hecHealthy        hecCode = 17
)

// status and text of each code that Splunk is known to answer with.
var hecAnswers = map[hecCode]struct {
	status int
	text   string
}{
	hecSuccess:        {http.StatusOK, "Success"},
	1:                 {http.StatusForbidden, "Token disabled"},
	hecTokenRequired:  {http.StatusUnauthorized, "Token is required"},
	hecInvalidAuth:    {http.StatusUnauthorized, "Invalid authorization"},
	hecInvalidToken:   {http.StatusForbidden, "Invalid token"},
	hecNoData:         {http.StatusBadRequest, "No data"},
	hecInvalidFormat:  {http.StatusBadRequest, "Invalid data format"},
	hecIncorrectIndex: {http.StatusBadRequest, "Incorrect index"},
	8:                 {http.StatusInternalServerError, "Internal server error"},
	9:                 {http.StatusServiceUnavailable, "Server is busy"},
	hecChannelMissing: {http.StatusBadRequest, "Data channel is missing"},
	hecInvalidChannel: {http.StatusBadRequest, "Invalid data channel"},
	hecEventRequired:  {http.StatusBadRequest, "Event field is required"},
	hecEventBlank:     {http.StatusBadRequest, "Event field cannot be blank"},
	hecAckDisabled:    {http.StatusBadRequest, "ACK is disabled"},
	hecFieldsError:    {http.StatusBadRequest, "Error in handling indexed fields"},
	hecQueryAuth:      {http.StatusBadRequest, "Query string authorization is not enabled"},
	hecHealthy:        {http.StatusOK, "HEC is healthy"},
	18:                {http.StatusServiceUnavailable, "HEC is unhealthy, queues are full"},
	19:                {http.StatusServiceUnavailable, "HEC is unhealthy, ack service unavailable"},
	20:                {http.StatusServiceUnavailable, "HEC is unhealthy, queues are full, ack service unavailable"},
	21:                {http.StatusBadRequest, "Invalid token"},
	22:                {http.StatusBadRequest, "Token disabled"},
	23:                {http.StatusServiceUnavailable, "Server is shutting down"},
	24:                {http.StatusOK, "Queue is approaching its limit"},
	25:                {http.StatusOK, "Ack queue is approaching its limit"},
	26:                {http.StatusTooManyRequests, "Queue is at its limit"},
	27:                {http.StatusTooManyRequests, "Ack channel is at its limit"},
}

// HECReply is the answer of a collector with one of its codes, to be scripted; ok is false for a code that Splunk is not known
// to have.
func HECReply(code int) (r Reply, ok bool) {
	a, ok := hecAnswers[hecCode(code)]
	if !ok {
		return Reply{}, false
	}
	body, err := json.Marshal(map[string]any{"text": a.text, "code": code})
	if err != nil { // a text and a number
		panic(err)
	}
	return Reply{Status: a.status, Body: string(body), Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}}, true
}

// HECEvent is an event that the collector indexed.
type HECEvent struct {
	// Index, Host, Source and SourceType are as they were sent, or empty.
	Index, Host, Source, SourceType string
	// Time is what was sent as the time, in seconds; empty where nothing was.
	Time string
	// Event is the event as JSON; of the raw endpoint, the line.
	Event  string
	Fields map[string]any
	Raw    bool
	// Request is how many requests with data came before the one that brought it.
	Request int
}

// hec is a Splunk HTTP Event Collector with one token.
type hec struct {
	token   string
	indexes []string
	ack     bool
	after   int // see Options.HECAckAfter

	mu       sync.Mutex
	acks     map[string]*hecChannel // by channel
	indexed  []HECEvent             // the newest keepCount
	requests int
}

// hecChannel holds the acknowledgements of one channel that were not given yet, and how often each was asked for.
type hecChannel struct {
	next  int
	asked map[int]int
}

func newHEC(opt Options) *hec {
	return &hec{token: opt.HECToken, indexes: opt.HECIndexes, ack: opt.HECAck, after: opt.HECAckAfter, acks: map[string]*hecChannel{}}
}

// reply is the answer with a code. event is the number of the event that is to blame, or negative.
func (h *hec) reply(code hecCode, event int, problems ...string) *answer {
	a := hecAnswers[code]
	body := map[string]any{"text": a.text, "code": code}
	if event >= 0 {
		body["invalid-event-number"] = event
	}
	return object(a.status, body, problems...)
}

// answer is what the collector says; Splunk's own server names itself.
func (h *hec) answer(r *request) *answer { return h.judge(r).with("Server", "Splunkd") }

// judge knows the endpoints of docs.splunk.com "HTTP Event Collector REST API endpoints".
func (h *hec) judge(r *request) *answer {
	endpoint := strings.TrimSuffix(strings.TrimPrefix(r.path, hecPath), "/1.0")
	method := http.MethodPost
	if endpoint == "/health" {
		method = http.MethodGet
	}
	switch endpoint {
	case "", "/event", "/raw", "/ack", "/health":
	default:
		return text(http.StatusNotFound, "The requested URL was not found on this server.", "the path is no endpoint of the HTTP Event Collector")
	}
	if r.method != method {
		return notAllowed(r.method, method)
	}
	if endpoint == "/health" {
		return h.reply(hecHealthy, -1)
	}
	if refusal := h.authorize(r); refusal != nil {
		return refusal
	}
	channel := r.header.Get("X-Splunk-Request-Channel")
	if channel == "" {
		channel = r.query.Get("channel")
	}
	if endpoint == "/ack" && !h.ack {
		return h.reply(hecAckDisabled, -1, "the token has no indexer acknowledgement")
	}
	if channel == "" && h.ack {
		return h.reply(hecChannelMissing, -1, "the token has indexer acknowledgement, so a request needs a channel: X-Splunk-Request-Channel or ?channel=")
	}
	if channel != "" && !guid.MatchString(channel) {
		return h.reply(hecInvalidChannel, -1, fmt.Sprintf("the channel %q is not a GUID", channel))
	}
	switch endpoint {
	case "/ack":
		return h.acknowledged(r, channel)
	case "/raw":
		return h.raw(r, channel)
	}
	return h.events(r, channel)
}

var guid = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

// authorize accepts "Splunk TOKEN", and the token as the password of Basic.
func (h *hec) authorize(r *request) *answer {
	value := r.header.Get("Authorization")
	scheme, token, _ := strings.Cut(value, " ")
	switch {
	case value == "" && r.query.Has("token"):
		return h.reply(hecQueryAuth, -1, "the token is in the query")
	case value == "":
		return h.reply(hecTokenRequired, -1, "no Authorization header")
	case strings.EqualFold(scheme, "Basic"):
		pair, err := base64.StdEncoding.DecodeString(token)
		if err != nil {
			return h.reply(hecInvalidAuth, -1, "the Authorization header is not base64")
		}
		_, token, _ = strings.Cut(string(pair), ":")
	case !strings.EqualFold(scheme, "Splunk") || token == "":
		return h.reply(hecInvalidAuth, -1, "the Authorization header is not: Splunk TOKEN")
	}
	if !matches(token, h.token) {
		return h.reply(hecInvalidToken, -1, "the token is not the one that the sandbox expects")
	}
	return nil
}

// take makes the answer to data that was accepted, with an ackId where the token has acknowledgement.
func (h *hec) take(channel string, notes []string) *answer {
	body := map[string]any{"text": hecAnswers[hecSuccess].text, "code": hecSuccess}
	if h.ack {
		h.mu.Lock()
		c := h.acks[channel]
		if c == nil {
			c = &hecChannel{asked: map[int]int{}}
			h.acks[channel] = c
		}
		body["ackId"] = c.next
		c.asked[c.next] = 0
		c.next++
		h.mu.Unlock()
	}
	return object(http.StatusOK, body, notes...).accept()
}

// acknowledged tells which requests are indexed: here all, at once or when they were asked for often enough. Like
// Splunk it tells so once and forgets, and says of an id that it does not know what it says of one that waits
// (help.splunk.com "About HTTP Event Collector Indexer Acknowledgment").
func (h *hec) acknowledged(r *request, channel string) *answer {
	var asked struct {
		Acks []int `json:"acks"`
	}
	if err := json.Unmarshal(r.body, &asked); err != nil || asked.Acks == nil {
		return h.reply(hecInvalidFormat, -1, `the body is not {"acks":[NUMBER, ...]}`)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	states := map[string]bool{}
	c := h.acks[channel]
	for _, id := range asked.Acks {
		states[strconv.Itoa(id)] = c.given(id, h.after)
	}
	return object(http.StatusOK, map[string]any{"acks": states})
}

// given reports whether an id is acknowledged now, after so many times that it was not.
func (c *hecChannel) given(id, after int) bool {
	if c == nil {
		return false
	}
	n, waits := c.asked[id]
	if !waits {
		return false
	}
	if after < 0 || n < after {
		c.asked[id]++
		return false
	}
	delete(c.asked, id)
	return true
}

// raw takes lines of text, each an event; where they go is in the query.
func (h *hec) raw(r *request, channel string) *answer {
	var events []HECEvent
	for line := range strings.Lines(string(r.body)) {
		if line = strings.TrimRight(line, "\r\n"); strings.TrimSpace(line) != "" {
			events = append(events, HECEvent{Event: line, Raw: true, Index: r.query.Get("index"), Host: r.query.Get("host"),
				Source: r.query.Get("source"), SourceType: r.query.Get("sourcetype"), Time: r.query.Get("time")})
		}
	}
	if len(events) == 0 {
		return h.reply(hecNoData, -1, "the body is empty")
	}
	if index := r.query.Get("index"); !h.mayWrite(index) {
		return h.reply(hecIncorrectIndex, -1, fmt.Sprintf("the token may not write to the index %q", index))
	}
	var notes []string
	for _, k := range slices.Sorted(maps.Keys(r.query)) {
		if !slices.Contains([]string{"channel", "index", "host", "source", "sourcetype", "time"}, k) {
			notes = append(notes, fmt.Sprintf("Splunk ignores %q in the query", k))
		}
	}
	h.index(events)
	return h.take(channel, notes)
}

// index keeps the events of a request.
func (h *hec) index(events []HECEvent) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range events {
		events[i].Request = h.requests
	}
	h.requests++
	h.indexed = append(h.indexed, events...)
	h.indexed = slices.Clone(h.indexed[max(len(h.indexed)-keepCount, 0):])
}

func (h *hec) mayWrite(index string) bool {
	return index == "" || len(h.indexes) == 0 || slices.Contains(h.indexes, index)
}

// events takes JSON objects, one after the other. Splunk indexes those before a bad one.
func (h *hec) events(r *request, channel string) *answer {
	if len(bytes.TrimSpace(r.body)) == 0 {
		return h.reply(hecNoData, -1, "the body is empty")
	}
	if !utf8.Valid(r.body) {
		return h.reply(hecInvalidFormat, 0, "the body is not valid UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(r.body))
	dec.UseNumber()
	var notes []string
	var events []HECEvent
	defer func() { h.index(events) }()
	for n := 0; ; n++ {
		var m map[string]any
		err := dec.Decode(&m)
		if errors.Is(err, io.EOF) {
			return h.take(channel, notes)
		}
		code, problem := hecInvalidFormat, "it is not a JSON object"
		if err == nil && m != nil {
			code, problem = h.event(m)
		}
		if code != hecSuccess {
			problem = fmt.Sprintf("event %d: %s", n, problem)
			if n > 0 {
				problem += fmt.Sprintf("; the %d before it are indexed", n)
			}
			if code == hecIncorrectIndex { // which Splunk counts from 1
				n++
			}
			return h.reply(code, n, problem)
		}
		events = append(events, indexed(m))
		for _, k := range sorted(m) {
			if !slices.Contains(hecKeys, k) {
				notes = append(notes, fmt.Sprintf("event %d: Splunk ignores the key %q", n, k))
			}
		}
	}
}

// indexed is what is kept of an event that was checked.
func indexed(m map[string]any) HECEvent {
	text := func(k string) string { s, _ := m[k].(string); return s }
	e := HECEvent{Index: text("index"), Host: text("host"), Source: text("source"), SourceType: text("sourcetype")}
	if m["time"] != nil {
		e.Time = fmt.Sprint(m["time"])
	}
	e.Fields, _ = m["fields"].(map[string]any)
	b, err := json.Marshal(m["event"])
	if err != nil { // it was JSON
		panic(err)
	}
	e.Event = string(b)
	return e
}

var hecKeys = []string{"time", "host", "source", "sourcetype", "index", "event", "fields"}

// event checks one event and its metadata.
func (h *hec) event(m map[string]any) (hecCode, string) {
	switch e := m["event"]; e {
	case nil:
		return hecEventRequired, "event is missing"
	case "":
		return hecEventBlank, "event is empty"
	}
	switch at := m["time"].(type) {
	case nil, json.Number:
	case string:
		if _, err := strconv.ParseFloat(at, 64); err != nil {
			return hecInvalidFormat, fmt.Sprintf("time %q is not in seconds since 1970", at)
		}
	default:
		return hecInvalidFormat, "time is not a number"
	}
	for _, k := range []string{"host", "source", "sourcetype", "index"} {
		if v, ok := m[k]; ok {
			if _, ok := v.(string); !ok {
				return hecInvalidFormat, k + " is not a string"
			}
		}
	}
	if index, _ := m["index"].(string); !h.mayWrite(index) {
		return hecIncorrectIndex, fmt.Sprintf("the token may not write to the index %q", index)
	}
	v, ok := m["fields"]
	if !ok {
		return hecSuccess, ""
	}
	fields, ok := v.(map[string]any)
	if !ok {
		return hecFieldsError, "fields is not an object"
	}
	for _, k := range sorted(fields) {
		if !flat(fields[k]) {
			return hecFieldsError, fmt.Sprintf("the field %q is neither text, number nor a list of them", k)
		}
	}
	return hecSuccess, ""
}

// flat reports whether a value can be an indexed field: fields are not nested.
func flat(v any) bool {
	switch v := v.(type) {
	case string, bool, json.Number:
		return true
	case []any:
		return !slices.ContainsFunc(v, func(e any) bool {
			_, isList := e.([]any)
			return isList || !flat(e)
		})
	}
	return false
}
