package sandbox

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Limits of the Events API v2, developer.pagerduty.com/docs/events-api-v2/overview and its neighbours.
const (
	pagerBody      = 512 << 10 // bytes
	pagerSummary   = 1024      // characters
	pagerDedupKey  = 255
	pagerKeyLength = 32
	pagerPerMinute = 120
)

// IncidentStatus is where an incident stands.
type IncidentStatus string

// The states of an incident. A resolved one is over: the next trigger with its key opens another.
const (
	Triggered    IncidentStatus = "triggered"
	Acknowledged IncidentStatus = "acknowledged"
	Resolved     IncidentStatus = "resolved"
)

// Incident is what PagerDuty makes of the events with one dedup key, from a trigger to its resolve.
type Incident struct {
	DedupKey string
	Status   IncidentStatus
	// Summary, Source and Severity are those of the event that opened it: later triggers do not change the title.
	Summary, Source, Severity string
	Opened, Changed           time.Time
	// Acknowledged is when it last was. By is the person who acknowledged or resolved it by hand; "" where an event did.
	Acknowledged time.Time
	By           string
	// Triggers counts the trigger events, the first included.
	Triggers int
}

// pager is PagerDuty: the Events API v2 for one integration, and what of the REST API reads (pagerduty_rest.go).
type pager struct {
	key   string
	token string
	limit *limiter

	mu        sync.Mutex
	incidents []*Incident
	open      map[string]*Incident // by dedup key
	duties    []Duty
}

func newPager(opt Options) *pager {
	return &pager{
		key:    opt.RoutingKey,
		token:  opt.PagerDutyToken,
		limit:  newLimiter(opt.RateLimit, pagerPerMinute, time.Minute),
		open:   map[string]*Incident{},
		duties: slices.Clone(opt.OnCall),
	}
}

func (p *pager) list() []Incident {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]Incident, len(p.incidents))
	for i, in := range p.incidents {
		list[i] = *in
	}
	return list
}

// answer takes alert events and change events.
func (p *pager) answer(r *request) *answer {
	change := false
	switch r.path {
	case "/v2/enqueue":
	case "/v2/change/enqueue":
		change = true
	default:
		return text(http.StatusNotFound, "Not Found", "the path is neither /v2/enqueue nor /v2/change/enqueue")
	}
	if r.method != http.MethodPost {
		return notAllowed(r.method, http.MethodPost)
	}
	if len(r.body) > pagerBody {
		return object(http.StatusRequestEntityTooLarge, map[string]any{"status": "invalid event", "message": "Event exceeds the maximum size"},
			fmt.Sprintf("the event has %d bytes, over %d", len(r.body), pagerBody))
	}
	if r.gzip {
		return object(http.StatusBadRequest, map[string]any{"status": "invalid event", "message": "Event object format is unrecognized", "errors": []string{"JSON parse error"}},
			"the event is gzip, which the Events API does not read")
	}
	m, err := parseObject(r.body)
	if err != nil {
		return object(http.StatusBadRequest, map[string]any{"status": "invalid event", "message": "Event object format is unrecognized", "errors": []string{"JSON parse error"}},
			"the event is not a JSON object: "+err.Error())
	}
	e := readEvent(m, change)
	if len(e.errors) == 0 && !matches(e.routingKey, p.key) {
		e.errors = append(e.errors, "Invalid routing key")
	}
	if len(e.errors) > 0 {
		return object(http.StatusBadRequest, map[string]any{"status": "invalid event", "message": "Event object is invalid", "errors": e.errors},
			slices.Concat(e.errors, e.notes)...)
	}
	if p.limit.wait(p.key, r.at) > 0 {
		return object(http.StatusTooManyRequests, map[string]any{"status": "throttle exceeded", "message": "Requests for this service are arriving too quickly. Please retry later."},
			fmt.Sprintf("more than %d events a minute", pagerPerMinute))
	}
	if change {
		return object(http.StatusAccepted, map[string]any{"status": "success", "message": "Change event processed"}, e.notes...).accept()
	}
	key, note := p.take(e, r.at)
	if note != "" {
		e.notes = append(e.notes, note)
	}
	return object(http.StatusAccepted, map[string]any{"status": "success", "message": "Event processed", "dedup_key": key}, e.notes...).accept()
}

// take applies an event to the incidents and returns its dedup key.
func (p *pager) take(e *event, at time.Time) (key, note string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key = e.dedupKey
	in := p.open[key]
	switch {
	case e.action == "trigger" && in != nil:
		in.Triggers++
		in.Changed = at
		return key, ""
	case e.action == "trigger":
		if key == "" {
			key = fmt.Sprintf("%032x", len(p.incidents)+1)
		}
		in = &Incident{
			DedupKey: key, Status: Triggered, Triggers: 1, Opened: at, Changed: at,
			Summary: e.summary, Source: e.source, Severity: e.severity,
		}
		p.incidents = append(p.incidents, in)
		p.open[key] = in
		return key, ""
	case in == nil:
		return key, fmt.Sprintf("PagerDuty drops this %s silently: no incident with the key is open", e.action)
	}
	status := Resolved
	if e.action == "acknowledge" {
		status = Acknowledged
	}
	p.change(in, status, "", at)
	return key, ""
}

// event is a checked event. errors are in PagerDuty's words where they are known.
type event struct {
	m                            map[string]any
	routingKey, action, dedupKey string
	summary, source, severity    string
	errors, notes                []string
}

func (e *event) errorf(format string, args ...any) {
	e.errors = append(e.errors, fmt.Sprintf(format, args...))
}

var (
	pagerAlphanumeric = regexp.MustCompile(`^[A-Za-z0-9]*$`)
	pagerActions      = []string{"trigger", "acknowledge", "resolve"}
	pagerSeverities   = []string{"critical", "error", "warning", "info"}
	pagerKeys         = []string{"routing_key", "event_action", "dedup_key", "client", "client_url", "links", "images", "payload"}
	pagerChangeKeys   = []string{"routing_key", "links", "images", "payload"}
	pagerPayload      = []string{"summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details"}
)

// readEvent checks an alert event, or a change event, whose payload needs only a summary.
func readEvent(m map[string]any, change bool) *event {
	e := &event{m: m}
	known := pagerKeys
	if change {
		known = pagerChangeKeys
	}
	e.unknown(m, known, "")

	if e.routingKey = e.text("routing_key", true); e.routingKey != "" {
		if len(e.routingKey) != pagerKeyLength {
			e.errorf("Length of 'routing_key' is incorrect (should be %d characters)", pagerKeyLength)
		}
		if !pagerAlphanumeric.MatchString(e.routingKey) {
			e.errorf("'routing_key' cannot contain non-alphanumeric characters.")
		}
	}
	if !change {
		e.action = e.text("event_action", true)
		if e.action != "" && !slices.Contains(pagerActions, e.action) {
			e.errorf("'event_action' must be one of: %s", strings.Join(pagerActions, ", "))
		}
		e.dedupKey = e.text("dedup_key", e.action == "acknowledge" || e.action == "resolve")
		if utf8.RuneCountInString(e.dedupKey) > pagerDedupKey {
			e.errorf("'dedup_key' is too long (maximum is %d characters)", pagerDedupKey)
		}
		for _, k := range []string{"client", "client_url"} {
			if e.text(k, false) != "" && e.action != "trigger" {
				e.notes = append(e.notes, fmt.Sprintf("PagerDuty ignores %q with %s", k, e.action))
			}
		}
	}
	if change || e.action == "trigger" || m["payload"] != nil {
		e.payload(change)
	}
	e.items("links", "href")
	e.items("images", "src")
	return e
}

func (e *event) payload(change bool) {
	payload, ok := e.m["payload"].(map[string]any)
	if !ok {
		e.errorf("'payload' is missing or blank")
		return
	}
	e.unknown(payload, pagerPayload, "payload.")
	need := change || e.action == "trigger"
	e.summary = e.text("payload.summary", need)
	if utf8.RuneCountInString(e.summary) > pagerSummary {
		e.errorf("'payload.summary' is too long (maximum is %d characters)", pagerSummary)
	}
	e.source = e.text("payload.source", need && !change)
	if !change {
		e.severity = e.text("payload.severity", need)
		if e.severity != "" && !slices.Contains(pagerSeverities, e.severity) {
			e.errorf("'payload.severity' must be one of: %s", strings.Join(pagerSeverities, ", "))
		}
	}
	for _, k := range []string{"component", "group", "class"} {
		e.text("payload."+k, false)
	}
	if at := e.text("payload.timestamp", false); at != "" {
		if _, err := time.Parse(time.RFC3339, at); err != nil {
			e.errorf("'payload.timestamp' is not an ISO 8601 time")
		}
	}
	if v := payload["custom_details"]; v != nil {
		if _, ok := v.(map[string]any); !ok {
			e.errorf("'payload.custom_details' must be an object")
		}
	}
}

// text reads a string by its path.
func (e *event) text(path string, need bool) string {
	m := e.m
	name := path
	if below, ok := strings.CutPrefix(path, "payload."); ok {
		m, _ = e.m["payload"].(map[string]any)
		name = below
	}
	v, ok := m[name]
	s, isString := v.(string)
	switch {
	case ok && v != nil && !isString:
		e.errorf("'%s' must be a string", path)
	case need && strings.TrimSpace(s) == "":
		e.errorf("'%s' is missing or blank", path)
	}
	return s
}

// items checks links and images: a list of objects, each with the address that makes it one. Images must come
// over HTTPS.
func (e *event) items(key, address string) {
	v, ok := e.m[key]
	if !ok || v == nil {
		return
	}
	list, ok := v.([]any)
	if !ok {
		e.errorf("'%s' must be an array", key)
		return
	}
	for i, item := range list {
		m, _ := item.(map[string]any)
		s, _ := m[address].(string)
		switch {
		case strings.TrimSpace(s) == "":
			e.errorf("'%s[%d].%s' is missing or blank", key, i, address)
		case key == "images" && !strings.HasPrefix(s, "https://"):
			e.errorf("'%s[%d].%s' must be served over HTTPS", key, i, address)
		}
	}
}

func (e *event) unknown(m map[string]any, known []string, prefix string) {
	for _, k := range sorted(m) {
		if !slices.Contains(known, k) {
			e.notes = append(e.notes, fmt.Sprintf("PagerDuty ignores the key %q", prefix+k))
		}
	}
}
